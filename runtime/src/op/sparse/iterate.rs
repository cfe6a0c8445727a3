//! Systems of equations by iteration, with a preconditioner of one's choice.
//!
//! Products are made on all cores where that pays; the rest runs on one. A device may run all of it (`on_device.rs`). An iteration is charged for before it begins.
//! Everything is in working space, of which only the solution is left.

use super::convert::{charge_flip, in_format};
use super::multigrid::{Levels, levels};
use super::on_device::{self, Answer, Asked};
use super::product::rows_on_all;
use super::triangular::equations;
use super::{Done, charge, rank_mismatch};
use crate::interruption::Interruption;
use crate::object::element::with_elem;
use crate::object::{Element, Format, TensorRef};
use crate::op::sort::space;
use crate::op::{OpCall, OpHost};
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Type;
use nbc_ir::catalogue::Work;
use nbc_numerics::sparse::iterate::{
    Ended, How, Step, System, bicgstab, cg, gmres, numbers_of_gmres, vectors,
};
use nbc_numerics::sparse::precondition::{ilu_solve, ilu0};
use nbc_numerics::sparse::{Compressed, Field, Pace, combine::diagonal, multigrid::cycle, vector::update};
use std::mem::MaybeUninit;

/// Elements between two counts of steps.
const BLOCK: usize = 1 << 12;

/// Which iteration it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Cg,
    Bicgstab,
    Gmres(usize),
}

impl Method {
    /// Vectors that it needs besides the solution.
    fn vectors(self) -> usize {
        match self {
            Method::Cg => 4,
            Method::Bicgstab => 8,
            Method::Gmres(restart) => restart + 3,
        }
    }

    /// What a device starts for an iteration: operations on vectors, each sum in two parts, and products.
    fn starts(self) -> u64 {
        match self {
            Method::Cg => 11,
            Method::Bicgstab => 23,
            Method::Gmres(restart) => 5 * restart as u64 + 5,
        }
    }

    /// Operations on a vector and products with the matrix that an iteration takes.
    fn of_iteration(self) -> (u64, u64) {
        match self {
            Method::Cg => (12, 1),
            Method::Bicgstab => (24, 2),
            Method::Gmres(restart) => (4 * restart as u64 + 4, 1),
        }
    }
}

/// What makes a system easier.
enum Easier<'a, T> {
    Nothing,
    /// One over each diagonal element.
    Jacobi(&'a [T]),
    Ilu(Compressed<'a, T>),
    Multigrid(Levels<'a, T>),
}

/// A system as an iteration sees it.
struct Solver<'s, 'a, T> {
    host: &'s mut dyn OpHost,
    a: Compressed<'a, T>,
    easier: Easier<'a, T>,
    outside: Interruption,
    costs: Costs,
    /// Fuel that has been charged already, for steps that a device has begun.
    paid: u64,
}

/// What the steps of an iteration take.
#[derive(Clone, Copy)]
pub(super) struct Costs {
    pub(super) iteration: Work,
    residual: Work,
    solution: Work,
}

impl Costs {
    /// What a step takes.
    pub(super) fn of(&self, step: Step) -> Work {
        match step {
            Step::Iteration => self.iteration,
            Step::Residual => self.residual,
            Step::Solution => self.solution,
        }
    }
}

impl<T: Element + Field> System<[T], TrapError> for Solver<'_, '_, T> {
    fn begin(&mut self, step: Step) -> Done {
        self.host.poll()?;
        let fuel = self.costs.of(step).fuel();
        let paid = fuel.min(self.paid);
        self.paid -= paid;
        self.host.charge(fuel - paid)
    }

    fn apply(&mut self, x: &[T], out: &mut [T]) -> Done {
        let (start, len) = (out.as_mut_ptr().cast::<MaybeUninit<T>>(), out.len());
        // SAFETY: they are the same elements, borrowed exclusively. Where not all are written that is a trap, and
        // they have been numbers before.
        let out = unsafe { std::slice::from_raw_parts_mut(start, len) };
        // SAFETY: the matrix is an object, or such a one in another format, so it is as it has to be.
        unsafe { rows_on_all(self.host, self.a, x, 1, out) }
    }

    fn precondition(&mut self, x: &[T], out: &mut [T]) -> Done {
        let outside = &self.outside;
        let mut ask = || outside.check();
        let pace = &mut Pace::new(&mut ask);
        match &mut self.easier {
            Easier::Nothing => update(out, x, |_, x| x, pace)?,
            Easier::Jacobi(inverse) => {
                let parts = out.chunks_mut(BLOCK).zip(x.chunks(BLOCK).zip(inverse.chunks(BLOCK)));
                for (out, (x, inverse)) in parts {
                    pace.step(out.len())?;
                    for (out, (x, inverse)) in out.iter_mut().zip(x.iter().zip(inverse)) {
                        *out = *x * *inverse;
                    }
                }
            }
            Easier::Ilu(factors) => {
                update(out, x, |_, x| x, pace)?;
                ilu_solve(*factors, out, pace)?;
            }
            Easier::Multigrid(levels) => {
                update(levels[0].b, x, |_, x| x, pace)?;
                cycle(levels, pace)?;
                update(out, levels[0].x, |_, x| x, pace)?;
            }
        }
        Ok(())
    }
}

pub(in crate::op) fn sparse_cg(call: &mut OpCall<'_>) -> Done {
    with_elem!(sparse call.elem(0), T => iterate::<T>(call, Method::Cg))
}

pub(in crate::op) fn sparse_bicgstab(call: &mut OpCall<'_>) -> Done {
    with_elem!(sparse call.elem(0), T => iterate::<T>(call, Method::Bicgstab))
}

pub(in crate::op) fn sparse_gmres(call: &mut OpCall<'_>) -> Done {
    let restart = call.int(5);
    let Some(restart) = usize::try_from(restart).ok().filter(|n| *n > 0) else {
        let text = format!("sparse.gmres begins anew after {restart} iterations; after one at the earliest");
        return Err(TrapError::new(TrapCode::InvalidArgument, text));
    };
    // No more are needed than there are unknowns.
    let restart = restart.min(call.sparse(0).dims()[0].max(1) as usize);
    with_elem!(sparse call.elem(0), T => iterate::<T>(call, Method::Gmres(restart)))
}

fn invalid(text: String) -> TrapError {
    TrapError::new(TrapCode::InvalidArgument, text)
}

fn iterate<T: Element + Field>(call: &mut OpCall<'_>, method: Method) -> Done {
    let (matrix, given, name) = (call.sparse(0), call.tensor(1).dims(), call.name());
    if given.len() != 1 {
        return Err(rank_mismatch(&format!("{name} wants a vector to the right"), &given));
    }
    equations(matrix.dims(), &given, name)?;
    let (tolerance, most) = (f64::from_bits(call.args[3]), call.int(4));
    if tolerance.is_nan() || tolerance < 0.0 {
        return Err(invalid(format!("{name} wants a tolerance from 0 on, found {tolerance}")));
    }
    let most = usize::try_from(most).map_err(|_| invalid(format!("{name} of at most {most} iterations")))?;
    let wanted = call.str(2);
    if !["none", "jacobi", "ilu0", "amg"].contains(&wanted) {
        let text = nbc_ir::shown::clipped(wanted, 40);
        return Err(invalid(format!(
            "{name} knows no preconditioner {text:?}; there are none, jacobi, ilu0 and amg"
        )));
    }
    if matrix.format() == Format::Csc {
        charge_flip(call, 0)?;
    }
    let (n, size) = (given[0], T::ELEM.size() as u64);
    charge(call, n, 4, n.saturating_mul(size).saturating_mul(method.vectors() as u64))?;
    let types = [Type::Tensor(T::ELEM), Type::I64, Type::F64];
    let work = |call: &mut OpCall<'_>| {
        let a = in_format::<T>(call, 0, Format::Csr)?;
        let n = n as usize;
        let solution = call.host.heap().zeros(T::ELEM, &[n as u64])?;
        // SAFETY: the tensor is new, so nobody else has its elements.
        let x = unsafe { solution.as_mut_slice::<T>() };
        let (easier, extra) = prepared(call, a, wanted, name)?;
        let (of_vectors, products) = method.of_iteration();
        // Of that many products and preconditioners, and operations on vectors.
        let cost = |products: u64, easier: u64, vectors: u64| Work {
            flops: (2 * a.stored() as u64)
                .saturating_mul(products)
                .saturating_add(easier.saturating_mul(2 * extra))
                .saturating_add(vectors * n as u64),
            bytes: products.saturating_mul((12 * a.stored()) as u64) + vectors * n as u64 * size,
        };
        let costs = Costs {
            iteration: cost(products, products, of_vectors),
            residual: cost(1, 0, 4),
            solution: cost(0, 1, 4),
        };
        let mut paid = 0;
        if let Some(inverse) = there(method, matrix.format(), &easier) {
            let asked = Asked { solution, inverse, tolerance, most, costs, starts: method.starts() };
            let Answer { ended, charged } = on_device::solve(call, &asked)?;
            if let Some(ended) = ended {
                return finish(call, solution, ended, tolerance, name);
            }
            paid = charged;
        }
        call.arguments_home()?;
        let b = call.input::<T>(1);
        let room = space::<T>(call, n.saturating_mul(method.vectors()))?;
        let outside = call.host.heap().interruption().clone();
        let numbers = match method {
            Method::Gmres(restart) => space::<T>(call, numbers_of_gmres(restart))?,
            _ => &mut [],
        };
        let mut solver = Solver { host: &mut *call.host, a, easier, outside: outside.clone(), costs, paid };
        let ask = &mut || outside.check();
        let ended = match method {
            Method::Cg => cg(&mut solver, &mut Pace::new(ask), b, tolerance, most, x, vectors(room, n))?,
            Method::Bicgstab => {
                bicgstab(&mut solver, &mut Pace::new(ask), b, tolerance, most, x, vectors(room, n))?
            }
            Method::Gmres(restart) => {
                gmres(&mut solver, b, (tolerance, most, restart), (x, room, numbers), ask)?
            }
        };
        finish(call, solution, ended, tolerance, name)
    };
    // SAFETY: nothing but the results is used behind it, and they are of these types.
    unsafe { call.with_results_kept(&types, work) }
}

/// Whether a device may be asked: the preconditioner is one over the diagonal then, or there is none. By columns a product
/// would be added out of order, and other preconditioners go from row to row.
fn there<'e, T: Element>(
    method: Method,
    format: Format,
    easier: &'e Easier<'_, T>,
) -> Option<Option<&'e [T]>> {
    let goes = matches!(method, Method::Cg | Method::Bicgstab) && format == Format::Csr;
    match easier {
        Easier::Nothing => goes.then_some(None),
        Easier::Jacobi(inverse) => goes.then_some(Some(inverse)),
        Easier::Ilu(_) | Easier::Multigrid(_) => None,
    }
}

/// Sets the results of an iteration that has converged.
fn finish(call: &mut OpCall<'_>, solution: TensorRef, ended: Ended, tolerance: f64, name: &str) -> Done {
    check(name, ended, tolerance)?;
    call.set_as(0, solution.slot());
    call.set_as(1, ended.iterations as u64);
    call.set_as(2, ended.residual.to_bits());
    Ok(())
}

/// The trap of an iteration that has not converged.
fn check(name: &str, ended: Ended, tolerance: f64) -> Done {
    let Ended { how, iterations, residual } = ended;
    let (code, why) = match how {
        How::Converged => return Ok(()),
        How::Exhausted => (TrapCode::NoConvergence, format!("{tolerance:e} is wanted")),
        How::NotPositive => {
            (TrapCode::NotPositiveDefinite, "matrix or preconditioner is not positive definite".to_owned())
        }
        How::Stalled => {
            (TrapCode::NoConvergence, format!("{tolerance:e} is wanted; it falls no more, by rounding"))
        }
        How::Breakdown => (TrapCode::NoConvergence, "it breaks down; another method may not".to_owned()),
        How::NotFinite => (TrapCode::NoConvergence, "a number is not finite".to_owned()),
    };
    let text =
        format!("{name}: the relative residual is {residual:e} after {iterations} iterations, and {why}");
    Err(TrapError::new(code, text))
}

/// The preconditioner of that name, and about how many multiplications it takes.
fn prepared<'a, T: Element + Field>(
    call: &mut OpCall<'a>,
    a: Compressed<'a, T>,
    wanted: &str,
    name: &str,
) -> Result<(Easier<'a, T>, u64), TrapError> {
    let singular = |row: usize, what: &str| {
        TrapError::new(
            TrapCode::Singular,
            format!("{name}: {what} is zero in row {row}; another preconditioner does without"),
        )
    };
    match wanted {
        "jacobi" => {
            let inverse = inverse_diagonal(call, a)?;
            if let Some(row) = inverse.iter().position(|v| *v == <T as Field>::ZERO) {
                return Err(singular(row, "the diagonal"));
            }
            Ok((Easier::Jacobi(inverse), a.major as u64))
        }
        "ilu0" => {
            charge_ilu(call, a)?;
            let factors = space::<T>(call, a.stored())?;
            for (to, from) in factors.chunks_mut(1 << 16).zip(a.values.chunks(1 << 16)) {
                call.host.poll()?;
                to.copy_from_slice(from);
            }
            let places = space::<i64>(call, a.minor)?;
            let marks = Compressed {
                major: a.major,
                minor: a.minor,
                pointers: a.pointers,
                indices: a.indices,
                values: &[],
            };
            let zero = ilu0(marks, factors, places, &mut Pace::new(&mut super::asking(call.host)))?;
            if let Some(row) = zero {
                return Err(singular(row, "the pivot"));
            }
            let factors = Compressed { values: &*factors, ..a };
            Ok((Easier::Ilu(factors), a.stored() as u64))
        }
        "amg" => {
            let (levels, extra) = levels(call, a, &singular)?;
            Ok((Easier::Multigrid(levels), extra))
        }
        _ => Ok((Easier::Nothing, 0)),
    }
}

/// Charges for an incomplete factorisation: for each element left of the diagonal a row is gone through.
fn charge_ilu<T: Field>(call: &mut OpCall<'_>, a: Compressed<'_, T>) -> Done {
    charge(call, a.stored() as u64, 1, 0)?;
    let mut steps = 0u64;
    for indices in a.indices.chunks(1 << 16) {
        call.host.poll()?;
        steps += indices.iter().map(|row| a.range(*row as usize).len() as u64).sum::<u64>();
    }
    // A step looks where the element is that it changes, which is anywhere.
    charge(call, steps, 12, 0)
}

/// One over each diagonal element, in working space; zero where that is zero.
pub(super) fn inverse_diagonal<'a, T: Element + Field>(
    call: &mut OpCall<'a>,
    a: Compressed<'_, T>,
) -> Result<&'a [T], TrapError> {
    let inverse = space::<T>(call, a.major)?;
    diagonal(a, inverse, &mut Pace::new(&mut super::asking(call.host)))?;
    for part in inverse.chunks_mut(1 << 16) {
        call.host.poll()?;
        for v in part.iter_mut().filter(|v| **v != <T as Field>::ZERO) {
            *v = <T as Field>::ONE.over(*v);
        }
    }
    Ok(inverse)
}
