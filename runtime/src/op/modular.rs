//! Exact arithmetic modulo numbers of 64 bits.
//!
//! What is computed is in [`nbc_numerics::modular`]; here shapes are checked, work is charged, and results are made.
//! Elements and moduli are unsigned: the bits of an `i64`.

use super::broadcast::{Plan, broadcast};
use super::linalg::product::Call as Product;
use super::linalg::stack::times;
use super::offer::{Charge, Charged, Offer, Offers};
use super::simd::{Work as Loop, dispatch};
use super::sort::space;
use super::work::{Leave, Shared, as_uninit, fill, in_pieces};
use super::{OpCall, Output};
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Type;
use nbc_ir::catalogue::Work;
use nbc_ir::dims::Dims;
use nbc_numerics::modular::elements::{Along, Binary, binary, inverses, reduce};
use nbc_numerics::modular::product::{Factor, Panels, WIDE, multiply_rows};
use nbc_numerics::modular::{Modulus, matrix};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicUsize, Ordering};

type Done = Result<(), TrapError>;

/// About how many additions a product of residues takes,
const PRODUCT: usize = 6;
/// and an inverse in a row of others.
const INVERSE: usize = 48;

/// How a device is asked for them: a modulus of zero traps here.
pub(super) const OFFERS: Offers = &[
    ("modular_reduce", Offer { dims: as_the_first, charges: None }),
    ("modular_add", Offer { dims: as_both, charges: None }),
    ("modular_sub", Offer { dims: as_both, charges: None }),
    ("modular_mul", Offer { dims: as_both, charges: None }),
    ("modular_pow", Offer { dims: as_both, charges: Some(of_powers) }),
    ("modular_inverse", Offer { dims: as_the_first, charges: None }),
    ("modular_matmul", Offer { dims: of_the_product, charges: Some(of_products) }),
];

fn as_the_first(call: &mut OpCall<'_>) -> Result<Option<Dims>, TrapError> {
    modulus(call, 1)?;
    Ok(Some(call.tensor(0).dims()))
}

fn as_both(call: &mut OpCall<'_>) -> Result<Option<Dims>, TrapError> {
    modulus(call, 2)?;
    broadcast(&[0, 1].map(|at| side(call, at).2)).map(Some)
}

fn of_the_product(call: &mut OpCall<'_>) -> Result<Option<Dims>, TrapError> {
    modulus(call, 2)?;
    let name = call.name();
    Product::new(call, name, 0, Default::default()).map(|product| Some(*product.dims()))
}

fn of_powers(call: &mut OpCall<'_>) -> Result<Option<Charged>, TrapError> {
    let dims = broadcast(&[0, 1].map(|at| side(call, at).2))?;
    Ok(Some(Charged { portions: vec![power_charge(call, &dims)], room: [0; 2] }))
}

fn of_products(call: &mut OpCall<'_>) -> Result<Option<Charged>, TrapError> {
    let (m, name) = (modulus(call, 2)?, call.name());
    let product = Product::new(call, name, 0, Default::default())?;
    let portions = vec![product_charge(&product, product_weight(m))];
    let [rows, inner, columns] = product.sizes_of_one();
    // Residues of the first factor, and the second's columns, a few after the other: as in `products`.
    let panels = match (m.value() <= 1 << 32, columns) {
        (_, 1) => 1,
        (true, _) => WIDE,
        (false, _) => WIDE / 2,
    };
    let size = if m.value() <= 1 << 32 { size_of::<u32>() } else { size_of::<u64>() };
    let second = inner.saturating_mul(columns.div_ceil(panels).saturating_mul(panels));
    let room = [rows.saturating_mul(inner), second].map(|elements| elements.saturating_mul(size));
    Ok(Some(Charged { portions, room }))
}

/// Argument `at`, a modulus.
fn modulus(call: &mut OpCall<'_>, at: usize) -> Result<Modulus, TrapError> {
    Modulus::new(call.int(at) as u64).ok_or_else(|| {
        let text = format!("the modulus of {} is zero: it has to be from 1 to 2^64 - 1", call.name());
        TrapError::new(TrapCode::DivideByZero, text)
    })
}

/// Elements or one number, and dims.
fn side<'a>(call: &OpCall<'a>, at: usize) -> (Option<&'a [i64]>, i64, Dims) {
    if matches!(call.arg_types[at], Type::Tensor(_)) {
        return (Some(call.input::<i64>(at)), 0, call.tensor(at).dims());
    }
    (None, call.int(at), Dims::default())
}

/// Writes `what` of arguments 0 and 1, broadcast, modulo argument 2; an element takes `weight` additions.
fn elementwise(call: &mut OpCall<'_>, what: Binary, weight: usize) -> Done {
    let m = modulus(call, 2)?;
    let sides = [side(call, 0), side(call, 1)];
    let dims = broadcast(&sides.map(|side| side.2))?;
    if what == Binary::Power {
        let (len, work) = power_charge(call, &dims);
        call.charge_work(len, work)?;
    } else {
        call.charge(nbc_ir::catalogue::Extent::new(&dims, 8))?;
    }
    let out: Output<'_, i64> = call.output_charged(&dims)?;
    if !out.elements.is_empty() {
        let plan = &Plan::new([&sides[0].2, &sides[1].2], &dims);
        fill(call.host, &mut *out.elements, weight, |start, piece| {
            plan.runs(start, piece.len(), |at, offsets, len| {
                let along = |n: usize| match sides[n] {
                    (Some(all), ..) if plan.moves()[n] => Along::Each(&all[offsets[n]..][..len]),
                    (Some(all), ..) => Along::One(all[offsets[n]]),
                    (None, one, _) => Along::One(one),
                };
                binary(what, m, along(0), along(1), &mut piece[at..][..len]);
            });
        })?;
    }
    // SAFETY: the runs of all pieces are all elements.
    unsafe { call.finish(out) };
    Ok(())
}

pub(super) fn modular_add(call: &mut OpCall<'_>) -> Done {
    elementwise(call, Binary::Add, 2)
}

pub(super) fn modular_sub(call: &mut OpCall<'_>) -> Done {
    elementwise(call, Binary::Subtract, 2)
}

pub(super) fn modular_mul(call: &mut OpCall<'_>) -> Done {
    elementwise(call, Binary::Multiply, PRODUCT)
}

/// How many additions a power takes.
fn power_weight(call: &OpCall<'_>) -> usize {
    // For one exponent a square for each of its bits, and as many products at most; else so many for any.
    let products = match side(call, 1) {
        (None, exponent, _) => 2 * (u64::BITS - (exponent as u64).leading_zeros()) as usize + 2,
        _ => 64 + 16 + 18,
    };
    products * 4
}

/// What powers of those dims are charged.
fn power_charge(call: &OpCall<'_>, dims: &Dims) -> Charge {
    let len = dims.count().unwrap_or(u64::MAX);
    let moved = [0, 1].map(|at| side(call, at).0.map_or(0, |e| e.len() as u64)).iter().sum::<u64>();
    let flops = len.saturating_mul(power_weight(call) as u64);
    (len, Work { flops, bytes: len.saturating_add(moved).saturating_mul(8) })
}

pub(super) fn modular_pow(call: &mut OpCall<'_>) -> Done {
    let weight = power_weight(call);
    elementwise(call, Binary::Power, weight)
}

pub(super) fn modular_reduce(call: &mut OpCall<'_>) -> Done {
    let m = modulus(call, 1)?;
    let (from, dims) = (call.input::<i64>(0), call.tensor(0).dims());
    let out: Output<'_, i64> = call.output(&dims)?;
    fill(call.host, &mut *out.elements, 4, |start, piece| reduce(m, &from[start..], piece))?;
    // SAFETY: all elements have been written.
    unsafe { call.finish(out) };
    Ok(())
}

pub(super) fn modular_inverse(call: &mut OpCall<'_>) -> Done {
    let m = modulus(call, 1)?;
    let (from, dims) = (call.input::<i64>(0), call.tensor(0).dims());
    let out: Output<'_, i64> = call.output(&dims)?;
    let first = AtomicUsize::new(usize::MAX);
    fill(call.host, &mut *out.elements, INVERSE, |start, piece| {
        let len = piece.len();
        if let Err(at) = inverses(m, &from[start..][..len], piece) {
            first.fetch_min(start + at, Ordering::Relaxed);
        }
    })?;
    let first = first.into_inner();
    if let Some(element) = from.get(first) {
        let text = format!(
            "element {first}, {}, has no inverse modulo {}: they have a common factor",
            *element as u64,
            m.value()
        );
        return Err(TrapError::new(TrapCode::NoInverse, text));
    }
    // SAFETY: without a fault all elements have been written.
    unsafe { call.finish(out) };
    Ok(())
}

pub(super) fn modular_matmul(call: &mut OpCall<'_>) -> Done {
    let m = modulus(call, 2)?;
    let name = call.name();
    let product = Product::new(call, name, 0, Default::default())?;
    // A factor fits into half a word, or into one. Sums of whole ones take three words each, so fewer columns fit into
    // registers.
    let weight = product_weight(m);
    match (m.value() <= 1 << 32, product.sizes_of_one()[2]) {
        (true, 1) => products::<u32, 1>(call, m, &product, weight),
        (true, _) => products::<u32, WIDE>(call, m, &product, weight),
        (false, 1) => products::<u64, 1>(call, m, &product, weight),
        (false, _) => products::<u64, { WIDE / 2 }>(call, m, &product, weight),
    }
}

/// Additions that a product of two elements takes in a product of matrices.
fn product_weight(m: Modulus) -> usize {
    if m.value() <= 1 << 32 { 2 } else { 8 }
}

/// How many products of matrices there are. Where a result has no elements, other dims may be any numbers.
fn count_of(product: &Product) -> usize {
    if product.dims().count() == Some(0) { 0 } else { product.count() }
}

/// What they are charged.
fn product_charge(product: &Product, weight: usize) -> Charge {
    let [rows, inner, columns] = product.sizes_of_one();
    let count = count_of(product);
    let steps = if count == 0 { 0 } else { times(&[count, rows, inner, columns]) };
    let moved = times(&[count, rows, inner]).saturating_add(times(&[count, inner, columns]));
    let flops = steps.saturating_mul(weight as u64).saturating_add(moved.saturating_mul(2));
    let bytes = moved.saturating_add(times(&[count, rows, columns])).saturating_mul(8);
    (steps, Work { flops, bytes })
}

/// The products of all pairs, of whose elements a product takes `weight` additions.
fn products<F: Factor + Send + Sync, const W: usize>(
    call: &mut OpCall<'_>,
    m: Modulus,
    product: &Product,
    weight: usize,
) -> Done {
    let [rows, inner, columns] = product.sizes_of_one();
    let count = count_of(product);
    let (steps, work) = product_charge(product, weight);
    call.charge_work(steps, work)?;
    let out: Output<'_, i64> = call.output_charged(product.dims())?;
    if count > 0 {
        let elements = Shared::of(out.elements);
        let work = |call: &mut OpCall<'_>| {
            let (a, b) = (call.input::<i64>(0), call.input::<i64>(1));
            let factors = space::<F>(call, rows * inner)?;
            let room = space::<F>(call, Panels::<F, W>::room(inner, columns))?;
            for at in 0..count {
                let (first, second) = product.pair(at);
                let a = &a[first * rows * inner..][..rows * inner];
                let b = &b[second * inner * columns..][..inner * columns];
                // SAFETY: the results of different pairs are different elements, and nobody else has them.
                let out = unsafe {
                    std::slice::from_raw_parts_mut(elements.get().add(at * rows * columns), rows * columns)
                };
                let sizes = Sizes { m, rows, inner, columns, weight };
                one::<F, W>(call, &sizes, [a, b], (&mut *factors, &mut *room), out)?;
            }
            Ok(())
        };
        // SAFETY: nothing that is made in there is used behind it.
        unsafe { call.with_working_space(work)? };
    }
    // SAFETY: all products have been written.
    unsafe { call.finish(out) };
    Ok(())
}

struct Sizes {
    m: Modulus,
    rows: usize,
    inner: usize,
    columns: usize,
    weight: usize,
}

/// Rows of a product, to be compiled for several instruction sets.
struct Rows<'r, F, const W: usize> {
    m: Modulus,
    rows: &'r [F],
    panels: Panels<'r, F, W>,
    out: &'r mut [MaybeUninit<i64>],
    leave: &'r Leave,
}

impl<F: Factor, const W: usize> Loop for Rows<'_, F, W> {
    type Result = bool;
    #[inline(always)]
    fn run(self) -> bool {
        multiply_rows(self.m, self.rows, self.panels, self.out, &|| self.leave.go_on())
    }
}

/// One product.
fn one<F: Factor + Send + Sync, const W: usize>(
    call: &mut OpCall<'_>,
    sizes: &Sizes,
    [a, b]: [&[i64]; 2],
    (factors, room): (&mut [F], &mut [F]),
    out: &mut [MaybeUninit<i64>],
) -> Done {
    let &Sizes { m, rows, inner, columns, weight } = sizes;
    let [whole, panels] = [as_uninit(&mut *factors), as_uninit(&mut *room)].map(Shared::of);
    in_pieces(call.host, rows * inner, 2, 2, &|piece| {
        // SAFETY: pieces are different elements, which had been written before.
        let to =
            unsafe { std::slice::from_raw_parts_mut(whole.get().cast::<F>().add(piece.start), piece.len()) };
        F::residues(m, &a[piece], to);
    })?;
    let each = inner * W;
    in_pieces(call.host, Panels::<F, W>::count(columns), 2 * each.max(1), 1, &|piece| {
        // SAFETY: as above.
        let to = unsafe {
            let start = panels.get().cast::<F>().add(piece.start * each);
            std::slice::from_raw_parts_mut(start, piece.len() * each)
        };
        Panels::<F, W>::fill(m, b, [inner, columns], piece.start, to);
    })?;
    let panels = Panels::<F, W>::new(room, [inner, columns]);
    let (leave, out) = (Leave::of(call.host), Shared::of(out));
    let row = times(&[inner.max(1), columns, weight]) as usize;
    in_pieces(call.host, rows, row, 4, &|piece| {
        // SAFETY: the rows of different pieces are different, and the result is borrowed exclusively until all are done.
        let out = unsafe {
            let start = out.get().add(piece.start * columns);
            std::slice::from_raw_parts_mut(start, piece.len() * columns)
        };
        let rows = &factors[piece.start * inner..piece.end * inner];
        dispatch(Rows { m, rows, panels, out, leave: &leave });
    })?;
    leave.granted()
}

/// Argument 0, a square matrix, of so many rows, and argument 1, a modulus. It is charged for an inverse, or for a determinant.
fn square(call: &mut OpCall<'_>, inverse: bool) -> Result<(Modulus, usize), TrapError> {
    let m = modulus(call, 1)?;
    let dims = call.tensor(0).dims();
    let &[rows, columns] = &*dims else {
        let text = format!("{} wants a matrix, found dims {dims}", call.name());
        return Err(TrapError::new(TrapCode::RankMismatch, text));
    };
    if rows != columns {
        let text = format!("{} wants a square matrix, found dims {dims}", call.name());
        return Err(TrapError::new(TrapCode::ShapeMismatch, text));
    }
    let side = rows as usize;
    let products = times(&[side, side, side]).saturating_mul(if inverse { 3 } else { 1 });
    let elements = times(&[side, side]);
    let work = Work {
        flops: products
            .saturating_mul(PRODUCT as u64)
            .saturating_add(elements.saturating_mul(INVERSE as u64)),
        bytes: elements.saturating_mul(24),
    };
    call.charge_work(products, work)?;
    Ok((m, side))
}

/// The residues of argument 0, a square matrix.
fn residues<'s>(call: &mut OpCall<'_>, m: Modulus, side: usize) -> Result<&'s mut [u64], TrapError> {
    let from = call.input::<i64>(0);
    let to = space::<u64>(call, side * side)?;
    fill(call.host, as_uninit(&mut *to), 2, |start, piece| {
        piece.iter_mut().zip(&from[start..]).for_each(|(to, x)| _ = to.write(m.reduce(*x as u64)));
    })?;
    Ok(to)
}

pub(super) fn modular_matrix_inverse(call: &mut OpCall<'_>) -> Done {
    let (m, side) = square(call, true)?;
    let out: Output<'_, i64> = call.output_charged(&[side as u64, side as u64])?;
    let elements = &mut *out.elements;
    let work = |call: &mut OpCall<'_>| {
        let (matrix, inverse) = (residues(call, m, side)?, space::<u64>(call, side * side)?);
        inverse.iter_mut().step_by(side + 1).for_each(|one| *one = 1 % m.value());
        let determinant = matrix::invert(m, matrix, inverse, side, &mut || call.host.poll())?;
        if m.inverse(determinant).is_none() {
            let text = format!(
                "the matrix has no inverse modulo {}: its determinant, {determinant}, has a factor in common with it",
                m.value()
            );
            return Err(TrapError::new(TrapCode::Singular, text));
        }
        let inverse = &*inverse;
        fill(call.host, elements, 1, |start, piece| {
            piece.iter_mut().zip(&inverse[start..]).for_each(|(to, x)| _ = to.write(*x as i64));
        })
    };
    // SAFETY: nothing that is made in there is used behind it.
    unsafe { call.with_working_space(work)? };
    // SAFETY: all elements have been written.
    unsafe { call.finish(out) };
    Ok(())
}

pub(super) fn modular_det(call: &mut OpCall<'_>) -> Done {
    let (m, side) = square(call, false)?;
    let work = |call: &mut OpCall<'_>| {
        let matrix = residues(call, m, side)?;
        let determinant = matrix::triangle(m, matrix, &mut [], side, &mut || call.host.poll())?;
        call.set(determinant);
        Ok(())
    };
    // SAFETY: nothing that is made in there is used behind it but a number.
    unsafe { call.with_working_space(work) }
}
