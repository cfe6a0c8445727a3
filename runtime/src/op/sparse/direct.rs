//! Direct solution of systems with a sparse positive definite matrix.
//!
//! The library does not ask for leave to go on; `docs/limits.md` says for how long. The memory that it takes by itself while
//! it looks at places is kept free for it: as much is taken from the budget meanwhile.

use super::convert::{charge_flip, in_format};
use super::triangular::equations;
use super::{Done, charge};
use crate::object::element::with_elem;
use crate::object::{Element, Format};
use crate::op::OpCall;
use crate::op::sort::space;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::Type;
use nbc_ir::catalogue::Work;
use nbc_numerics::sparse::Field;
use nbc_numerics::sparse::direct::{Analysis, Direct, Failed, factor_and_solve};
use std::mem::MaybeUninit;

/// Elements between two questions to the host.
const BLOCK: usize = 1 << 16;

pub(in crate::op) fn sparse_solve_posdef(call: &mut OpCall<'_>) -> Done {
    with_elem!(sparse call.elem(0), T => solve_posdef::<T>(call))
}

fn solve_posdef<T: Element + Direct>(call: &mut OpCall<'_>) -> Done {
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
        // SAFETY: the tensor is new, so nobody else has its elements.
        let x = unsafe { solution.as_mut_slice::<T>() };
        if n == 0 || width == 0 {
            call.set(solution.slot());
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
        for (to, from) in x.chunks_mut(BLOCK).zip(b.chunks(BLOCK)) {
            call.host.poll()?;
            to.copy_from_slice(from);
        }
        // What the library takes by itself: copies of the places, and some vectors.
        call.host
            .heap()
            .scratch((stored.saturating_mul(5)).saturating_add(n.saturating_mul(30)).saturating_mul(8))?;
        let failed = |why: Failed| match why {
            Failed::Memory => {
                TrapError::new(TrapCode::OutOfMemory, "no memory to look at the places of the matrix")
            }
            Failed::Pivot(pivot) => TrapError::new(
                TrapCode::NotPositiveDefinite,
                format!(
                    "sparse.solve_posdef: the matrix is not positive definite; the pivot in row {pivot} is not above zero"
                ),
            ),
        };
        let analysis = Analysis::new(n, pointers, indices).map_err(failed)?;
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
        factor_and_solve(&analysis, (pointers, indices), a.values, (factors, room), x, width)
            .map_err(failed)?;
        call.set(solution.slot());
        Ok(())
    };
    // SAFETY: nothing but the result is used behind it, and it is a tensor.
    unsafe { call.with_results_kept(&[Type::Tensor(T::ELEM)], work) }
}
