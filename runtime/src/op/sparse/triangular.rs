//! Systems of equations with a sparse triangular matrix.

use super::{Done, asking, charge, rank_mismatch};
use crate::object::element::with_elem;
use crate::object::{Element, Format};
use crate::op::{OpCall, shape_mismatch};
use crate::trap::{TrapCode, TrapError};
use nbc_numerics::sparse::triangular::{Side, Wrong, solve};
use nbc_numerics::sparse::{Field, Pace};

pub(in crate::op) fn sparse_solve_triangular(call: &mut OpCall<'_>) -> Done {
    with_elem!(sparse call.elem(0), T => solve_triangular::<T>(call))
}

fn solve_triangular<T: Element + Field>(call: &mut OpCall<'_>) -> Done {
    let (matrix, given) = (call.sparse(0), call.tensor(1).dims());
    let width = equations(matrix.dims(), &given, "solve_triangular")?;
    let side =
        Side { lower: call.args[2] != 0, unit: call.args[3] != 0, by_rows: matrix.format() == Format::Csr };
    let elements = call.tensor(1).len() as u64;
    let steps = (matrix.stored() as u64).saturating_mul(width).saturating_add(elements);
    charge(call, steps, 4, matrix.held() as u64 + 2 * elements.saturating_mul(T::ELEM.size() as u64))?;
    let (a, b) = (call.compressed::<T>(0), call.input::<T>(1));
    let tensor = call.host.heap().zeros(T::ELEM, &given)?;
    // SAFETY: the tensor is new, so nobody else has its elements.
    let x = unsafe { tensor.as_mut_slice::<T>() };
    for (to, from) in x.chunks_mut(1 << 16).zip(b.chunks(1 << 16)) {
        call.host.poll()?;
        to.copy_from_slice(from);
    }
    let solved = solve(a, side, width as usize, x, &mut Pace::new(&mut asking(call.host)))?;
    solved.map_err(|why| match why {
        Wrong::Zero(row) => TrapError::new(
            TrapCode::Singular,
            format!("the diagonal of the triangular matrix is zero in row {row}"),
        ),
        Wrong::Beyond(part, index) => {
            let [row, col] = super::by_format(matrix.format(), [part, index]);
            let (is, other) = if side.lower { ("lower", "above") } else { ("upper", "below") };
            let text =
                format!("element ({row}, {col}) of the {is} triangular matrix is {other} its diagonal");
            TrapError::new(TrapCode::InvalidArgument, text)
        }
    })?;
    call.set(tensor.slot());
    Ok(())
}

/// How many right-hand sides there are for a matrix of `dims`.
pub(super) fn equations([rows, cols]: [u64; 2], given: &[u64], name: &str) -> Result<u64, TrapError> {
    if rows != cols {
        let text = format!("sparse.{name} wants a square matrix, found dims [{rows}, {cols}]");
        return Err(TrapError::new(TrapCode::ShapeMismatch, text));
    }
    let (of, width) = match given {
        [of] => (*of, 1),
        [of, width] => (*of, *width),
        _ => {
            return Err(rank_mismatch(
                &format!("sparse.{name} wants a vector or a matrix to the right"),
                given,
            ));
        }
    };
    if of != rows {
        return Err(shape_mismatch(
            &format!("sparse.{name} wants as many rows to the right"),
            &[rows, cols],
            given,
        ));
    }
    Ok(width)
}
