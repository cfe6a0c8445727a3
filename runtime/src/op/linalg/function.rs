//! Functions of square matrices: exponential, logarithm, square root, integer powers.

use super::batch::{Entry, Job, each, finite, products};
use super::stack::{Done, Made, Stack, charge, times};
use crate::object::element::with_elem;
use crate::op::OpCall;
use nbc_ir::catalogue::Work;
use nbc_numerics::linalg::{Crew, Fault, Room, exponential, root};

/// Makes of each matrix another by `one`, which takes `flops`·n³.
fn map<T: Entry>(
    call: &mut OpCall<'_>,
    flops: usize,
    room: impl Fn(usize) -> usize,
    shared: Option<f64>,
    one: impl Fn(&[T], usize, &mut [T], Room<'_>, Crew<'_>) -> Result<(), Fault> + Sync,
) -> Done {
    let a = Stack::square(call, 0)?;
    let n = a.n;
    let flops = times(&[flops, n, n, n]);
    charge(call, flops.saturating_mul(a.count as u64), times(&[a.count, n, n, size_of::<T>()]))?;
    finite::<T>(call, 0)?;
    charged(call, &a, (flops, &|| room(n), shared), one)
}

/// [`map`] of what is charged for and finite; flops of one matrix, and its room.
fn charged<T: Entry>(
    call: &mut OpCall<'_>,
    a: &Stack,
    (flops, room, shared): (u64, &dyn Fn() -> usize, Option<f64>),
    one: impl Fn(&[T], usize, &mut [T], Room<'_>, Crew<'_>) -> Result<(), Fault> + Sync,
) -> Done {
    let n = a.n;
    let made = Made::<T>::new(call, &a.dims, a.count)?;
    if n > 0 {
        let job = Job { count: a.count, flops, room, dims: a.dims, shared };
        let all = call.input::<T>(0);
        each(call, &job, &|at, room, crew| {
            // SAFETY: each matrix is one's alone.
            one(&all[at * n * n..(at + 1) * n * n], n, unsafe { made.of(at) }, room, crew)
        })?;
    }
    made.finish(call, 0);
    Ok(())
}

/// Elements that are looked at between two questions to the host.
const LOOK: usize = 1 << 18;

pub(in crate::op) fn linalg_expm(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => expm::<T>(call))
}

/// How often a matrix is squared follows from its elements, so these are charged for first, then the squarings.
fn expm<T: Entry>(call: &mut OpCall<'_>) -> Done {
    let a = Stack::square(call, 0)?;
    let n = a.n;
    let elements = times(&[a.count, n, n]);
    charge(call, elements, elements.saturating_mul(size_of::<T>() as u64))?;
    finite::<T>(call, 0)?;
    let (mut all, mut most, mut seen) = (0u64, 0, 0);
    if n > 0 && a.count > 0 {
        for matrix in call.input::<T>(0).chunks_exact(n * n) {
            let mut norm = 0f64;
            for rows in matrix.chunks((LOOK / n).max(1) * n) {
                seen += rows.len();
                if seen > LOOK {
                    call.host.poll()?;
                    seen = 0;
                }
                norm = norm.max(exponential::largest_sum(rows, n));
            }
            let flops = exponential::expm_cost::<T>(norm).saturating_mul(times(&[n, n, n]));
            (all, most) = (all.saturating_add(flops), most.max(flops));
        }
    }
    call.charge_work(elements, Work { flops: all, bytes: 0 })?;
    let room = || exponential::expm_room::<T>(n);
    charged::<T>(call, &a, (most, &room, products::<T>(0.5)), exponential::expm)
}

pub(in crate::op) fn linalg_logm(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => map::<T>(call, 100, root::function_room::<T>, None, root::logm))
}

pub(in crate::op) fn linalg_sqrtm(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => map::<T>(call, 100, root::function_room::<T>, None, root::sqrtm))
}

pub(in crate::op) fn linalg_matrix_power(call: &mut OpCall<'_>) -> Done {
    let exponent = call.int(1);
    // As many products, and perhaps an inverse.
    let count = exponent.unsigned_abs().checked_ilog2().unwrap_or(0) + exponent.unsigned_abs().count_ones();
    with_elem!(inexact call.elem(0), T => {
        let (flops, room) = (2 + 2 * count as usize, exponential::power_room::<T>);
        map::<T>(call, flops, room, products::<T>(0.5), |a, n, out, room, crew| {
            exponential::power(a, n, exponent, out, room, crew)
        })
    })
}
