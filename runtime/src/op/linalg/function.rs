//! Functions of square matrices: exponential, logarithm, square root, integer powers.

use super::batch::{Entry, Job, each, finite};
use super::stack::{Done, Made, Stack, charge, times};
use crate::object::element::with_elem;
use crate::op::OpCall;
use crate::op::work::Leave;
use nbc_numerics::linalg::{Ask, Fault, Room, exponential, root};

/// Makes of each matrix another by `one`, which takes `flops`·n³.
fn map<T: Entry>(
    call: &mut OpCall<'_>,
    flops: usize,
    room: impl Fn(usize) -> usize,
    one: impl Fn(&[T], usize, &mut [T], Room<'_>, Ask<'_>) -> Result<(), Fault> + Sync,
) -> Done {
    let a = Stack::square(call, 0)?;
    let n = a.n;
    let flops = times(&[flops, n, n, n]);
    charge(call, flops.saturating_mul(a.count as u64), times(&[a.count, n, n, size_of::<T>()]))?;
    finite::<T>(call, 0)?;
    let made = Made::<T>::new(call, &a.dims, a.count)?;
    if n > 0 {
        let job = Job { count: a.count, flops, room: &|| room(n), dims: a.dims };
        let all = call.input::<T>(0);
        let leave = Leave::of(&mut *call.host);
        let done = each(call, &job, &|at, room| {
            let ask = || if leave.go_on() { Ok(()) } else { Err(Fault::Stopped) };
            // SAFETY: each matrix is one's alone.
            one(&all[at * n * n..(at + 1) * n * n], n, unsafe { made.of(at) }, room, &ask)
        });
        leave.granted()?;
        done?;
    }
    made.finish(call, 0);
    Ok(())
}

pub(in crate::op) fn linalg_expm(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => map::<T>(call, 30, exponential::expm_room::<T>, exponential::expm))
}

pub(in crate::op) fn linalg_logm(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => map::<T>(call, 100, root::function_room::<T>, root::logm))
}

pub(in crate::op) fn linalg_sqrtm(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => map::<T>(call, 100, root::function_room::<T>, root::sqrtm))
}

pub(in crate::op) fn linalg_matrix_power(call: &mut OpCall<'_>) -> Done {
    let exponent = call.int(1);
    // As many products, and perhaps an inverse.
    let products =
        exponent.unsigned_abs().checked_ilog2().unwrap_or(0) + exponent.unsigned_abs().count_ones();
    with_elem!(inexact call.elem(0), T => {
        map::<T>(call, 2 + 2 * products as usize, exponential::power_room::<T>, |a, n, out, room, ask| {
            exponential::power(a, n, exponent, out, room, ask)
        })
    })
}
