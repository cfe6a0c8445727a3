//! Products of two sparse matrices.
//!
//! Rows are made on all cores where that pays. Each thread has room for a row of its own, which it takes while
//! it makes a piece. How many rooms there are follows from the matrices alone: where memory suffices for one
//! thread, it does for many.

use super::convert::{charge_flip, in_format};
use super::{Done, asking, charge, result, zeros};
use crate::object::element::with_elem;
use crate::object::{Element, Format, TensorRef};
use crate::op::sort::space;
use crate::op::work::{Leave, Rooms, Shared, as_part, as_uninit, fill, in_pieces};
use crate::op::{OpCall, OpHost, Output, shape_mismatch};
use crate::placement::Part;
use crate::trap::TrapError;
use nbc_numerics::sparse::multiply::{Factors, Room, count_rows, fill_rows, find_moved};
use nbc_numerics::sparse::{Compressed, Field, Pace, build::sum_up};
use std::mem::MaybeUninit;
use std::ops::Range;

/// About how many additions a product of two elements takes, whose sum is somewhere else in memory.
const WEIGHT: usize = 8;
/// Additions of a piece at least.
const GRAIN: usize = 1 << 18;

/// So few products of elements are made on one thread,
const FEW: u64 = 1 << 14;
/// and others on so many at most, whose rooms take so many bytes or as many as the matrices.
const MOST_ROOMS: usize = 64;
const LITTLE: usize = 1 << 20;
/// Elements between rooms that nobody uses: what two cores write must not lie in one cache line.
const BETWEEN_ROOMS: usize = 16;

pub(in crate::op) fn sparse_product(call: &mut OpCall<'_>) -> Done {
    with_elem!(sparse call.elem(0), T => product::<T>(call))
}

fn product<T: Element + Field>(call: &mut OpCall<'_>) -> Done {
    let (a, b) = (call.sparse(0), call.sparse(1));
    let ([rows, inner], [other, cols]) = (a.dims(), b.dims());
    if inner != other {
        return Err(shape_mismatch("the inner dims of sparse.product differ", &a.dims(), &b.dims()));
    }
    let format = a.format();
    if b.format() != format {
        charge_flip(call, 1)?;
    }
    charge(call, a.stored() as u64, 1, (a.held() + b.held()) as u64)?;
    result(call, |call| {
        let (first, second) = (call.compressed::<T>(0), in_format::<T>(call, 1, format)?);
        // By columns it is the product of the transposes, the other way round.
        let (first, second) = if format == Format::Csr { (first, second) } else { (second, first) };
        let parts = multiply(call, first, second)?;
        Ok((format, [rows, cols], parts))
    })
}

/// Charges for the product of two matrices by rows and makes its three tensors.
pub(super) fn multiply<'a, T: Element + Field>(
    call: &mut OpCall<'a>,
    a: Compressed<'_, T>,
    b: Compressed<'_, T>,
) -> Result<[TensorRef; 3], TrapError> {
    // How many products of elements there are.
    let mut products = 0u64;
    for indices in a.indices.chunks(1 << 16) {
        call.host.poll()?;
        products += indices.iter().map(|part| b.range(*part as usize).len() as u64).sum::<u64>();
    }
    let steps = products.saturating_add((a.major + b.minor) as u64);
    charge(call, steps, 12, products.saturating_mul(4 + T::ELEM.size() as u64))?;
    let (starts, pointers) = zeros::<i64>(call, a.major + 1)?;
    let rooms = rooms(a, b, products);
    let seen = space::<u32>(call, b.minor * rooms)?;
    let each = (products as usize / a.major.max(1)).saturating_mul(WEIGHT).max(1);
    // A room is of so many columns, and of the elements of the longest row.
    let grains = |seen: &mut [u32],
                  (mut found, mut sums): (&mut [i32], &mut [T]),
                  run: &(dyn Fn(Range<usize>, &mut Room<'_, T>) + Sync),
                  host: &mut dyn OpHost| {
        let (mut seen, longest) = (seen, sums.len() / rooms);
        let made = (0..rooms).map(|_| {
            let seen = seen.split_off_mut(..b.minor).unwrap_or_default();
            let found = found.split_off_mut(..longest).unwrap_or_default();
            Room::new(seen, found, sums.split_off_mut(..longest).unwrap_or_default())
        });
        let mut made: Vec<Room<'_, T>> = made.collect();
        if let [room] = &mut made[..] {
            run(0..a.major, room);
            return Ok(());
        }
        let rooms = Rooms::new(made);
        // Who has a piece takes a room, so pieces are not small: some 0.1 ms.
        let grain = (GRAIN / each).max(1);
        in_pieces(host, a.major, each, grain, &|rows| rooms.with(|room| run(rows, room)))
    };
    let mut moved = [&[][..]; 2];
    for (moved, matrix) in moved.iter_mut().zip([a, b]) {
        let space = space::<u8>(call, matrix.major)?;
        let weight = matrix.stored() / matrix.major.max(1) + 1;
        let find = |host: &mut dyn OpHost| {
            fill(host, as_uninit(&mut *space), weight, |start, piece| {
                // SAFETY: these are zeros; only bytes are written.
                let piece = unsafe { std::slice::from_raw_parts_mut(piece.as_mut_ptr().cast(), piece.len()) };
                find_moved(matrix, start, piece);
            })
        };
        as_part(call.host, Part::Space, find)?;
        *moved = space;
    }
    let factors = Factors { a, b, moved };
    let leave = Leave::of(call.host);
    let counts = Shared::of(as_uninit(&mut pointers[1..]));
    let count = |rows: Range<usize>, room: &mut Room<'_, T>| {
        // SAFETY: the rows of different pieces are different, and the counts are zeros that nobody else has.
        let counts =
            unsafe { std::slice::from_raw_parts_mut(counts.get().cast::<i64>().add(rows.start), rows.len()) };
        count_rows(factors, rows, counts, room, &|| leave.go_on());
    };
    as_part(call.host, Part::Pass, |host| grains(seen, (&mut [], &mut []), &count, host))?;
    leave.granted()?;
    let mut longest = 0;
    for counts in pointers[1..].chunks(1 << 16) {
        call.host.poll()?;
        longest = counts.iter().fold(longest, |most: i64, count| most.max(*count));
    }
    let longest = (longest as usize + BETWEEN_ROOMS) * rooms;
    let found = (space::<i32>(call, longest)?, space::<T>(call, longest)?);
    sum_up(pointers, &mut Pace::new(&mut asking(call.host)))?;
    let stored = pointers[a.major] as usize;
    let places: Output<'_, i32> = call.output_charged(&[stored as u64])?;
    let elements: Output<'_, T> = call.output_charged(&[stored as u64])?;
    let clear =
        |host: &mut dyn OpHost| fill(host, as_uninit(seen), 1, |_, piece| piece.fill(MaybeUninit::new(0)));
    as_part(call.host, Part::Space, clear)?;
    let leave = Leave::of(call.host);
    let (indices, values) = (Shared::of(places.elements), Shared::of(elements.elements));
    let pointers = &*pointers;
    grains(
        seen,
        found,
        &|rows, room| {
            let (start, end) = (pointers[rows.start] as usize, pointers[rows.end] as usize);
            // SAFETY: the elements of different rows are different, and nobody else has them.
            let out = unsafe {
                (
                    std::slice::from_raw_parts_mut(indices.get().add(start), end - start),
                    std::slice::from_raw_parts_mut(values.get().add(start), end - start),
                )
            };
            fill_rows(factors, rows, pointers, out, room, &|| leave.go_on());
        },
        call.host,
    )?;
    leave.granted()?;
    // With leave for all, all rows have been written.
    Ok([starts, places.tensor, elements.tensor])
}

/// How many rooms for a row there are: together they take no more than the matrices, or little.
fn rooms<T: Field>(a: Compressed<'_, T>, b: Compressed<'_, T>, products: u64) -> usize {
    if products < FEW {
        return 1;
    }
    let element = size_of::<i32>() + size_of::<T>();
    let held = (a.stored() + b.stored()) * element + (a.major + b.major) * size_of::<i64>();
    (held.max(LITTLE) / (b.minor * element).max(1)).clamp(1, MOST_ROOMS)
}
