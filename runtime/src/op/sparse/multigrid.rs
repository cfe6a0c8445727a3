//! The levels of algebraic multigrid, made in working space.
//!
//! A level's unknowns are aggregated, and a way from the aggregates to them is smoothed. The coarser
//! matrix is the product of the way back, the matrix, and the way (Galerkin).

use super::iterate::inverse_diagonal;
use super::multiply::multiply;
use super::{asking, charge, parts, zeros};
use crate::object::{Element, TensorRef};
use crate::op::OpCall;
use crate::op::sort::space;
use crate::trap::TrapError;
use nbc_numerics::sparse::combine::{Which, count, fill};
use nbc_numerics::sparse::convert::{flip, spread};
use nbc_numerics::sparse::multigrid::{Level, aggregate, factor};
use nbc_numerics::sparse::{Compressed, Field, Pace};

/// Levels, the finest first.
pub(super) type Levels<'a, T> = Vec<Level<'a, T>>;

/// A matrix of so few unknowns is factored.
const FEW: usize = 200;
/// More levels are never needed, as each has less than 9 tenths of the unknowns.
const MOST: usize = 60;
/// The factor of smoothing, over the spectral radius.
const OMEGA: f64 = 4.0 / 3.0;

/// The levels for a matrix by rows, and about how many multiplications a cycle takes.
pub(super) fn levels<'a, T: Element + Field>(
    call: &mut OpCall<'a>,
    a: Compressed<'a, T>,
    singular: &dyn Fn(usize, &str) -> TrapError,
) -> Result<(Levels<'a, T>, u64), TrapError> {
    let (mut made, mut work, mut a) = (Vec::new(), 0u64, a);
    loop {
        charge(call, (a.stored() + a.major) as u64, 20, (12 * a.stored()) as u64)?;
        let inverse = inverse_diagonal(call, a)?;
        if let Some(row) = inverse.iter().position(|v| *v == <T as Field>::ZERO) {
            return Err(singular(row, "the diagonal"));
        }
        let n = a.major;
        let mut level = Level {
            a,
            prolong: None,
            restrict: None,
            inverse,
            b: space(call, n)?,
            x: space(call, n)?,
            r: space(call, n)?,
            factors: None,
        };
        // Sweeps, the residual, and the ways.
        work = work.saturating_add(6 * (a.stored() + n) as u64);
        if n <= FEW {
            charge(call, (n * n) as u64, n as u64, 0)?;
            let (dense, swaps) = (space::<T>(call, n * n)?, space::<u32>(call, n)?);
            let mut ask = asking(call.host);
            let pace = &mut Pace::new(&mut ask);
            spread(a, [n, 1], dense, pace)?;
            factor(dense, swaps, pace)?;
            work = work.saturating_add((n * n) as u64);
            level.factors = Some((dense, swaps));
            made.push(level);
            return Ok((made, work));
        }
        let of = space::<i32>(call, n)?;
        let aggregates = aggregate(a, of, &mut Pace::new(&mut asking(call.host)))?;
        if aggregates * 10 > n * 9 || made.len() >= MOST {
            made.push(level);
            return Ok((made, work));
        }
        let prolong = smoothed(call, a, inverse, of, aggregates)?;
        let restrict = flipped(call, prolong)?;
        let [p, i, v] = multiply(call, a, prolong)?;
        let half = matrix([n, aggregates], [p, i, v]);
        let coarse = multiply(call, restrict, half)?;
        (level.prolong, level.restrict) = (Some(prolong), Some(restrict));
        work = work.saturating_add(2 * prolong.stored() as u64);
        made.push(level);
        a = matrix([aggregates, aggregates], coarse);
    }
}

/// A matrix in working space.
fn matrix<'a, T: Element + Field>(
    sides: [usize; 2],
    [pointers, indices, values]: [TensorRef; 3],
) -> Compressed<'a, T> {
    // SAFETY: the tensors are in working space, which lasts as long as the levels; whoever has made them writes
    // them no more.
    unsafe { Compressed::new(sides, pointers.as_slice(), indices.as_slice(), values.as_slice()) }
}

/// The way from aggregates to unknowns: constant on each, and smoothed by a step of Jacobi.
fn smoothed<'a, T: Element + Field>(
    call: &mut OpCall<'a>,
    a: Compressed<'a, T>,
    inverse: &[T],
    of: &[i32],
    aggregates: usize,
) -> Result<Compressed<'a, T>, TrapError> {
    let n = a.major;
    let sizes = space::<i64>(call, aggregates)?;
    let mut tentative = parts::<T>(call, n, n)?;
    let scaled = space::<T>(call, a.stored())?;
    let mut ask = asking(call.host);
    let pace = &mut Pace::new(&mut ask);
    for of in of {
        pace.step(1)?;
        sizes[*of as usize] += 1;
    }
    let (pointers, indices, values) = tentative.slices();
    for (row, of) in of.iter().enumerate() {
        pace.step(4)?;
        pointers[row + 1] = row as i64 + 1;
        indices[row] = *of;
        values[row] = T::real(1.0 / (sizes[*of as usize] as f64).sqrt());
    }
    // The greatest sum of a row's absolute values bounds the spectral radius.
    let mut radius = 0.0f64;
    for (row, inverse) in inverse.iter().enumerate() {
        pace.step(1)?;
        let mut sum = 0.0;
        for at in a.range(row) {
            pace.step(1)?;
            scaled[at] = *inverse * a.values[at];
            sum += scaled[at].size();
        }
        radius = radius.max(sum);
    }
    drop(ask);
    let omega = T::real(if radius > 0.0 { OMEGA / radius } else { 0.0 });
    let tentative = matrix([n, aggregates], tentative.tensors);
    let jacobi = Compressed { values: &*scaled, ..a };
    let moved = multiply(call, jacobi, tentative)?;
    let moved = matrix([n, aggregates], moved);
    charge(call, (moved.stored() + n) as u64, 6, (24 * moved.stored()) as u64)?;
    let (starts, pointers) = zeros::<i64>(call, n + 1)?;
    let stored = count(tentative, moved, Which::Either, pointers, &mut Pace::new(&mut asking(call.host)))?;
    let (places, indices) = zeros::<i32>(call, stored)?;
    let (elements, values) = zeros::<T>(call, stored)?;
    let step = |t: T, moved: T| t - omega * moved;
    let pace = &mut asking(call.host);
    fill(tentative, moved, Which::Either, step, (indices, values), &mut Pace::new(pace))?;
    Ok(matrix([n, aggregates], [starts, places, elements]))
}

/// The conjugate transpose, by rows too.
fn flipped<'a, T: Element + Field>(
    call: &mut OpCall<'a>,
    a: Compressed<'a, T>,
) -> Result<Compressed<'a, T>, TrapError> {
    charge(call, (a.stored() + a.minor) as u64, 8, (24 * a.stored()) as u64)?;
    let mut made = parts::<T>(call, a.minor, a.stored())?;
    flip(a, made.slices(), &mut Pace::new(&mut asking(call.host)))?;
    for part in made.values.chunks_mut(1 << 16) {
        call.host.poll()?;
        part.iter_mut().for_each(|v| *v = v.conjugate());
    }
    Ok(matrix([a.minor, a.major], made.tensors))
}
