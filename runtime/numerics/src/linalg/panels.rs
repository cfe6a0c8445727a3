//! Decompositions a panel of columns at a time. The library decomposes the panel on the calling thread; what that does to the
//! columns beside it is done to strips of them, which the crew shares out.
//!
//! J. J. Dongarra and others, "LAPACK: a portable linear algebra library", 1990, of right-looking variants. Small
//! matrices are one panel. Invariant: panels and strips follow from sizes alone.

use super::Fault;
use super::crew::Crew;
use super::field::Field;
use super::library::Side;
use super::room::{numbers, take};
use faer::dyn_stack::{MemStack, StackReq};
use faer::linalg::householder;
use faer::linalg::lu::partial_pivoting::factor::lu_in_place_scratch;
use faer::linalg::qr::no_pivoting::factor as qr;
use faer::prelude::{Reborrow, ReborrowMut};
use faer::{Conj, MatMut, MatRef, Par};
use std::mem::MaybeUninit;
use std::sync::{Mutex, PoisonError};

/// Columns of a panel,
const PANEL: usize = 64;
/// and of a strip.
const STRIP: usize = 128;
/// What has fewer columns is one panel.
const LEAST: usize = 256;

/// Columns of a panel where there are so many to decompose.
fn panel(size: usize) -> usize {
    if size < LEAST { size.max(1) } else { PANEL }
}

/// Bytes that [`lu`] works in.
pub(super) fn lu_room<T: Field>(m: usize, n: usize) -> StackReq {
    let width = panel(m.min(n)).min(n);
    let panel = lu_in_place_scratch::<usize, T>(m, width, Par::Seq, Default::default());
    StackReq::all_of(&[numbers::<usize>(m), numbers::<usize>(m), panel])
}

/// Decomposes m×n `a` with partial pivoting, in place. Row i and row `swaps[i]`, which is none above it, have
/// changed places, one such pair after the other.
///
/// # Errors
/// `Stopped`.
pub(super) fn lu<T: Field>(
    mut a: MatMut<'_, T>,
    swaps: &mut [usize],
    crew: Crew<'_>,
    stack: &mut MemStack,
) -> Result<(), Fault> {
    let (m, n) = (a.nrows(), a.ncols());
    let size = m.min(n);
    let step = panel(size);
    let (mut forward, stack) = take(stack, m, |_| 0usize);
    let (mut back, stack) = take(stack, m, |_| 0usize);
    for k in (0..size).step_by(step) {
        crew.ask()?;
        let width = step.min(size - k);
        let (left, rest) = a.rb_mut().split_at_col_mut(k);
        let (mut panel, right) = rest.split_at_col_mut(width);
        let below = panel.rb_mut().subrows_mut(k, m - k);
        let order = T::lu(below, &mut forward[..m - k], &mut back[..m - k], stack);
        for i in 0..width {
            // Where the row that ends up at i was when its turn came: earlier turns have moved it down.
            let mut at = order[i];
            while at < i {
                at = swaps[k + at] - k;
            }
            swaps[k + i] = k + at;
        }
        let swaps = &swaps[..k + width];
        crew.strips(left, STRIP, &|_, strip| swap(strip, k, swaps))?;
        let (top, below) = panel.rb().subrows(k, m - k).split_at_row(width);
        crew.strips(right, STRIP, &|_, mut strip| {
            swap(strip.rb_mut(), k, swaps);
            let (mut first, rest) = strip.subrows_mut(k, m - k).split_at_row_mut(width);
            T::triangle((top, Conj::No), Side { lower: true, unit: true }, first.rb_mut());
            T::subtract(rest, (below, Conj::No), (first.rb(), Conj::No));
        })?;
    }
    Ok(())
}

/// Changes rows of `a`, from row `first` on as `swaps` says.
pub(super) fn swap<T>(mut a: MatMut<'_, T>, first: usize, swaps: &[usize]) {
    for j in 0..a.ncols() {
        let mut column = a.rb_mut().col_mut(j);
        let column = column.rb_mut().try_as_col_major_mut().map(|c| c.as_slice_mut());
        if let Some(column) = column {
            (first..swaps.len()).for_each(|i| column.swap(i, swaps[i]));
        }
    }
}

/// Changes rows of `a` back.
pub(super) fn swap_back<T>(mut a: MatMut<'_, T>, swaps: &[usize]) {
    for j in 0..a.ncols() {
        let mut column = a.rb_mut().col_mut(j);
        let column = column.rb_mut().try_as_col_major_mut().map(|c| c.as_slice_mut());
        if let Some(column) = column {
            (0..swaps.len()).rev().for_each(|i| column.swap(i, swaps[i]));
        }
    }
}

/// Solves for the columns of `x` by one triangle after the other, `last` being done to each strip then.
///
/// # Errors
/// `Stopped`.
pub(super) fn solve<T: Field>(
    triangles: &[(MatRef<'_, T>, Conj, Side)],
    x: MatMut<'_, T>,
    crew: Crew<'_>,
    last: &(dyn Fn(MatMut<'_, T>) + Sync),
) -> Result<(), Fault> {
    crew.strips(x, STRIP, &|_, mut strip| {
        for (a, conj, side) in triangles {
            T::triangle((*a, *conj), *side, strip.rb_mut());
        }
        last(strip);
    })
}

/// Makes `out`, all zeros, the inverse of l·u, which `lu` holds.
///
/// # Errors
/// `Stopped`.
pub(super) fn inverse<T: Field>(lu: MatRef<'_, T>, out: MatMut<'_, T>, crew: Crew<'_>) -> Result<(), Fault> {
    let n = lu.nrows();
    crew.strips(out, STRIP, &|at, mut strip| {
        for j in 0..strip.ncols() {
            strip[(at + j, j)] = T::near(1.0);
        }
        // Above its ones a column of the inverse of l is zeros.
        let below = lu.submatrix(at, at, n - at, n - at);
        let lower = Side { lower: true, unit: true };
        T::triangle((below, Conj::No), lower, strip.rb_mut().subrows_mut(at, n - at));
        T::triangle((lu, Conj::No), Side { lower: false, unit: false }, strip);
    })
}

/// `to` = `a`·`b`.
///
/// # Errors
/// `Stopped`.
pub(super) fn product<T: Field>(
    to: MatMut<'_, T>,
    a: (MatRef<'_, T>, Conj),
    b: (MatRef<'_, T>, Conj),
    crew: Crew<'_>,
) -> Result<(), Fault> {
    crew.strips(to, STRIP, &|at, strip| {
        let columns = b.0.subcols(at, strip.ncols());
        T::product(strip, a, (columns, b.1));
    })
}

/// Decomposes the lower triangle of Hermitian n×n `a`, in place. What is above it is lost.
///
/// # Errors
/// `NotPositiveDefinite`; `Stopped`.
pub(super) fn cholesky<T: Field>(
    mut a: MatMut<'_, T>,
    crew: Crew<'_>,
    stack: &mut MemStack,
) -> Result<(), Fault> {
    let n = a.nrows();
    let step = panel(n);
    for k in (0..n).step_by(step) {
        crew.ask()?;
        let width = step.min(n - k);
        let (panel, right) = a.rb_mut().split_at_col_mut(k).1.split_at_col_mut(width);
        let (mut top, mut below) = panel.subrows_mut(k, n - k).split_at_row_mut(width);
        T::cholesky(top.rb_mut(), stack).map_err(|at| Fault::NotPositiveDefinite(k + at + 1))?;
        let top = top.rb();
        // Rows of the panel, which are columns of its transpose.
        crew.strips(below.rb_mut().transpose_mut(), STRIP, &|_, strip| {
            T::triangle((top, Conj::Yes), Side { lower: true, unit: false }, strip);
        })?;
        let below = below.rb();
        crew.strips(right, STRIP, &|at, strip| {
            let (width, rows) = (strip.ncols(), n - k - width - at);
            let to = strip.subrows_mut(n - rows, rows);
            let (left, across) = (below.subrows(at, rows), below.subrows(at, width));
            T::subtract(to, (left, Conj::No), (across.transpose(), Conj::Yes));
        })?;
    }
    Ok(())
}

/// Columns that have one factor of [`qr`].
pub(super) fn qr_block<T: Field>(m: usize, n: usize) -> usize {
    qr::recommended_block_size::<T>(m, n).clamp(1, m.min(n))
}

/// Bytes that reflections of m×n work in with so many other columns.
fn reflect_room<T: Field>(m: usize, n: usize, columns: usize) -> StackReq {
    let apply = householder::apply_block_householder_sequence_on_the_left_in_place_scratch::<T>;
    // For each strip as much: which thread has it is not known.
    let one = apply(m, qr_block::<T>(m, n), STRIP.min(columns)).unaligned_bytes_required();
    numbers::<u8>(one).array(columns.div_ceil(STRIP).max(1))
}

/// Bytes that [`qr`] works in, or [`reflect`] on so many columns.
pub(super) fn qr_room<T: Field>(m: usize, n: usize, columns: usize) -> StackReq {
    let block = qr_block::<T>(m, n);
    let panel = qr::qr_in_place_scratch::<T>(m, step::<T>(m, n), block, Par::Seq, Default::default());
    panel.or(reflect_room::<T>(m, n, columns.max(n)))
}

/// Columns of a panel of [`qr`]: those of a factor, or all.
fn step<T: Field>(m: usize, n: usize) -> usize {
    if m.min(n) < LEAST { n } else { qr_block::<T>(m, n) }
}

/// Decomposes m×n `a` by reflections, in place; `factor` gets what they are multiplied by.
///
/// # Errors
/// `Stopped`.
pub(super) fn qr<T: Field>(
    mut a: MatMut<'_, T>,
    mut factor: MatMut<'_, T>,
    crew: Crew<'_>,
    stack: &mut MemStack,
) -> Result<(), Fault> {
    let (m, n) = (a.nrows(), a.ncols());
    let size = m.min(n);
    let step = step::<T>(m, n);
    for k in (0..size).step_by(step) {
        crew.ask()?;
        let columns = if step == n { n } else { step.min(size - k) };
        let width = columns.min(size);
        let (panel, right) = a.rb_mut().split_at_col_mut(k).1.split_at_col_mut(columns);
        let mut panel = panel.subrows_mut(k, m - k);
        let rows = factor.nrows().min(width);
        let mut factor = factor.rb_mut().submatrix_mut(0, k, rows, width);
        T::qr(panel.rb_mut(), factor.rb_mut(), stack);
        let (panel, factor) = (panel.rb().subcols(0, width), factor.rb());
        strips_with_room(right.subrows_mut(k, m - k), crew, stack, &|strip, stack| {
            T::reflect_back(panel, factor, strip, stack);
        })?;
    }
    Ok(())
}

/// Applies the reflections of m×n `basis` to the columns of `to`.
///
/// # Errors
/// `Stopped`.
pub(super) fn reflect<T: Field>(
    basis: MatRef<'_, T>,
    factor: MatRef<'_, T>,
    to: MatMut<'_, T>,
    crew: Crew<'_>,
    stack: &mut MemStack,
) -> Result<(), Fault> {
    strips_with_room(to, crew, stack, &|strip, stack| T::reflect(basis, factor, strip, stack))
}

/// Does `job` with each strip in a part of the stack.
fn strips_with_room<T: Field>(
    a: MatMut<'_, T>,
    crew: Crew<'_>,
    stack: &mut MemStack,
    job: &(dyn Fn(MatMut<'_, T>, &mut MemStack) + Sync),
) -> Result<(), Fault> {
    if a.ncols() == 0 {
        return Ok(());
    }
    let (room, _) = stack.make_uninit::<u8>(stack.len_bytes());
    let each = room.len() / a.ncols().div_ceil(STRIP);
    let rooms: Vec<Mutex<&mut [MaybeUninit<u8>]>> = room.chunks_exact_mut(each).map(Mutex::new).collect();
    crew.strips(a, STRIP, &|at, strip| {
        let mut room = rooms[at / STRIP].lock().unwrap_or_else(PoisonError::into_inner);
        job(strip, MemStack::new(&mut room));
    })
}
