//! Direct solution of systems with a sparse matrix: positive definite by Cholesky, any square one by LU.
//!
//! What is found out about places alone is kept in the engine for the next matrix that has the same
//! ([`Analyses`](nbc_numerics::sparse::analyses::Analyses)). Fuel and memory are taken as if it were not.
//!
//! The library that looks at places and makes Cholesky factors does not ask for leave to go on; `docs/limits.md` says for how
//! long. The memory that it takes by itself meanwhile is kept free for it: as much is taken from the budget.

use super::convert::{charge_flip, in_format};
use super::triangular::equations;
use super::{Done, asking, charge};
use crate::object::element::with_elem;
use crate::object::{Element, Format};
use crate::op::OpCall;
use crate::op::sort::space;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Type;
use nbc_ir::catalogue::Work;
use nbc_numerics::sparse::direct::{Analysis, Direct, Equations, Failed};
use nbc_numerics::sparse::lu::{Factors, Host, Wrong};
use nbc_numerics::sparse::order::{is_symmetric, order};
use nbc_numerics::sparse::{Compressed, Field, Pace};
use std::mem::MaybeUninit;

/// Elements between two questions to the host.
const BLOCK: usize = 1 << 16;

/// A system that is being solved.
struct System<'a, T> {
    /// By columns.
    a: Compressed<'a, T>,
    /// Its places, as the library wants them.
    places: (&'a [usize], &'a [usize]),
    /// The right-hand sides, in the solution's memory.
    x: &'a mut [T],
    width: usize,
}

/// Charges for looking at a system and has it solved.
fn system<T: Element + Field>(
    call: &mut OpCall<'_>,
    solve: impl FnOnce(&mut OpCall<'_>, System<'_, T>) -> Done,
) -> Done {
    let (matrix, given) = (call.sparse(0), call.tensor(1).dims());
    let width = equations(matrix.dims(), &given, call.name())? as usize;
    if matrix.format() == Format::Csr {
        charge_flip(call, 0)?;
    }
    let (n, stored) = (matrix.dims()[0] as usize, matrix.stored());
    // How long the places are looked at depends on them; where they are anywhere, that grows faster than they are many.
    let places = (stored + n) as u64;
    charge(call, places, 200 + 2 * places.isqrt(), 2 * matrix.held() as u64)?;
    let work = |call: &mut OpCall<'_>| {
        let a = in_format::<T>(call, 0, Format::Csc)?;
        let b = call.input::<T>(1);
        let solution = call.host.heap().zeros(T::ELEM, &given)?;
        call.set(solution.slot());
        if n == 0 || width == 0 {
            return Ok(());
        }
        let (pointers, indices) = (space::<usize>(call, n + 1)?, space::<usize>(call, stored)?);
        for (to, from) in pointers.chunks_mut(BLOCK).zip(a.pointers.chunks(BLOCK)) {
            call.host.poll()?;
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from as usize);
        }
        for (to, from) in indices.chunks_mut(BLOCK).zip(a.indices.chunks(BLOCK)) {
            call.host.poll()?;
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from as usize);
        }
        for (n, block) in a.values.chunks(BLOCK).enumerate() {
            call.host.poll()?;
            if let Some(at) = block.iter().position(|v| !Field::is_finite(*v)) {
                let at = n * BLOCK + at;
                let text =
                    format!("stored element {at} of the matrix, of column {}, is not finite", a.part_of(at));
                return Err(TrapError::new(TrapCode::InvalidArgument, text));
            }
        }
        // SAFETY: the tensor is new, so nobody else has its elements.
        let x = unsafe { solution.as_mut_slice::<T>() };
        for (to, from) in x.chunks_mut(BLOCK).zip(b.chunks(BLOCK)) {
            call.host.poll()?;
            to.copy_from_slice(from);
        }
        // What the library takes by itself: copies of the places, and some vectors.
        call.host
            .heap()
            .scratch((stored.saturating_mul(5)).saturating_add(n.saturating_mul(30)).saturating_mul(8))?;
        solve(call, System { a, places: (pointers, indices), x, width })
    };
    // SAFETY: nothing but the result is used behind it, and it is a tensor.
    unsafe { call.with_results_kept(&[Type::Tensor(T::ELEM)], work) }
}

/// The trap of what the library has not done.
fn trap_of(name: &str, why: Failed) -> TrapError {
    match why {
        Failed::Memory => TrapError::new(
            TrapCode::OutOfMemory,
            format!("{name}: no memory to look at the places of the matrix"),
        ),
        Failed::Pivot(pivot) => TrapError::new(
            TrapCode::NotPositiveDefinite,
            format!(
                "{name}: the matrix is not positive definite; the pivot in row {pivot} is not above zero"
            ),
        ),
    }
}

pub(in crate::op) fn sparse_solve_posdef(call: &mut OpCall<'_>) -> Done {
    with_elem!(sparse call.elem(0), T => solve_posdef::<T>(call))
}

fn solve_posdef<T: Element + Direct>(call: &mut OpCall<'_>) -> Done {
    system::<T>(call, |call, System { a, places, x, width }| {
        let name = call.name();
        let analyses = call.host.heap().analyses().clone();
        let analysis = analyses
            .cholesky((a.pointers, a.indices), || Analysis::new(a.major, places))
            .map_err(|why| trap_of(name, why))?;
        let elements = analysis.stored() as u64;
        let solving = elements.saturating_mul(4).saturating_mul(width as u64);
        let bytes = elements.saturating_mul(2 * T::ELEM.size() as u64);
        call.charge_work(elements, Work { flops: analysis.operations().saturating_add(solving), bytes })?;
        let factors = space::<T>(call, analysis.stored())?;
        let bytes = analysis.room::<T>(width);
        let room = call.host.heap().scratch(bytes)?.cast::<MaybeUninit<u8>>();
        // SAFETY: the memory has so many bytes, is nobody else's, and lasts as long as the working space.
        let room = unsafe { std::slice::from_raw_parts_mut(room.as_ptr(), bytes) };
        call.host.poll()?;
        let equations = Equations { places, values: a.values, factors, room, x, width };
        T::solve(&analysis, equations).map_err(|why| trap_of(name, why))
    })
}

/// Gives memory to a factorisation, and takes its fuel.
struct Purse<'c, 'a>(&'c mut OpCall<'a>);

impl<'s> Host<'s, TrapError> for Purse<'_, '_> {
    fn space<X: Copy + Default + Send + 's>(&mut self, n: usize) -> Result<&'s mut [X], TrapError> {
        space(self.0, n)
    }

    fn charge(&mut self, multiplications: u64) -> Done {
        self.0.host.poll()?;
        charge(self.0, multiplications, 2, multiplications.saturating_mul(8))
    }

    fn ask(&mut self) -> Done {
        self.0.host.poll()
    }
}

pub(in crate::op) fn sparse_solve(call: &mut OpCall<'_>) -> Done {
    with_elem!(sparse call.elem(0), T => solve::<T>(call))
}

fn solve<T: Element + Field>(call: &mut OpCall<'_>) -> Done {
    system::<T>(call, |call, System { a, places, x, width }| {
        let name = call.name();
        let analyses = call.host.heap().analyses().clone();
        let columns = analyses.order((a.pointers, a.indices), || {
            let symmetric = is_symmetric(a, &mut Pace::new(&mut asking(call.host)))?;
            order(a.major, places, symmetric).map_err(|why| trap_of(name, why))
        })?;
        let factors = Factors::new(a, &columns, &mut Purse(call))?;
        let factors = factors.map_err(|why| {
            let (code, text) = match why {
                Wrong::Structure(column) => (
                    TrapCode::Singular,
                    format!(
                        "the matrix is singular whatever its elements are: column {column} has no place for a pivot"
                    ),
                ),
                Wrong::Zero(column) => (
                    TrapCode::Singular,
                    format!("the matrix is singular: column {column} depends on those factored before it"),
                ),
                Wrong::Overflow(column) => (
                    TrapCode::InvalidArgument,
                    format!("the factors overflow in column {column}; scale the matrix"),
                ),
            };
            TrapError::new(code, format!("{name}: {text}"))
        })?;
        factors.solve(x, width, &mut Purse(call))
    })
}
