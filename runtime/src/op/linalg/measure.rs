//! Numbers of a matrix, and matrices that answer for its inverse: determinants, ranks, condition numbers,
//! inverses and pseudo-inverses.

use super::batch::{Entry, Job, each, finite, products};
use super::stack::{Done, Made, Stack, charge, times};
use crate::object::Element;
use crate::object::element::with_elem;
use crate::op::OpCall;
use nbc_numerics::linalg::{Field, lu, svd};

fn part<'e, T>(all: &'e [T], a: &Stack, at: usize) -> &'e [T] {
    // First of one: where that is 0, a side may be any number.
    let len = a.m * a.n;
    &all[at * len..(at + 1) * len]
}

pub(in crate::op) fn linalg_det(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => {
        let a = Stack::square(call, 0)?;
        let det = Charged::new::<T>(call, &a, times(&[a.n, a.n, a.n]), times(&[a.count, size_of::<T>()]))?;
        let made = Made::<T>::new(call, &a.lead, a.count)?;
        let all = call.input::<T>(0);
        each(call, &det.job(&a, &|| lu::determinant_room::<T>(a.n), products::<T>(0.5)), &|at, room, crew| {
            // SAFETY: each matrix is one's alone.
            let to = unsafe { made.of(at) };
            to[0] = lu::determinant(part(all, &a, at), a.n, room, crew)?.2;
            Ok(())
        })?;
        made.finish(call, 0);
        Ok(())
    })
}

pub(in crate::op) fn linalg_slogdet(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => slogdet::<T>(call))
}

fn slogdet<T: Entry>(call: &mut OpCall<'_>) -> Done {
    let a = Stack::square(call, 0)?;
    let charged = Charged::new::<T>(call, &a, times(&[a.n, a.n, a.n]), times(&[2, a.count, size_of::<T>()]))?;
    let sign = Made::<T>::new(call, &a.lead, a.count)?;
    let log = Made::<T::Part>::new(call, &a.lead, a.count)?;
    let all = call.input::<T>(0);
    each(
        call,
        &charged.job(&a, &|| lu::determinant_room::<T>(a.n), products::<T>(0.5)),
        &|at, room, crew| {
            // SAFETY: each matrix is one's alone.
            let (sign, log) = unsafe { (sign.of(at), log.of(at)) };
            let (unit, size, _) = lu::determinant(part(all, &a, at), a.n, room, crew)?;
            (sign[0], log[0]) = (unit, Field::near(size));
            Ok(())
        },
    )?;
    sign.finish(call, 0);
    log.finish(call, 1);
    Ok(())
}

/// What is charged for, and its elements found finite.
struct Charged(u64);

impl Charged {
    fn new<T: Entry>(
        call: &mut OpCall<'_>,
        a: &Stack,
        flops: u64,
        bytes: u64,
    ) -> Result<Charged, crate::trap::TrapError> {
        charge(call, flops.saturating_mul(a.count as u64), bytes)?;
        finite::<T>(call, 0)?;
        Ok(Charged(flops))
    }

    fn job<'r>(&self, a: &Stack, room: &'r dyn Fn() -> usize, shared: Option<f64>) -> Job<'r> {
        Job { count: a.count, flops: self.0, room, dims: a.dims, shared }
    }
}

pub(in crate::op) fn linalg_inv(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => {
        let a = Stack::square(call, 0)?;
        let n = a.n;
        let charged = Charged::new::<T>(call, &a, times(&[2, n, n, n]), times(&[a.count, n, n, size_of::<T>()]))?;
        let made = Made::<T>::new(call, &a.dims, a.count)?;
        if n > 0 {
            let all = call.input::<T>(0);
            each(call, &charged.job(&a, &|| lu::inverse_room::<T>(n), products::<T>(0.5)), &|at, room, crew| {
                // SAFETY: each matrix is one's alone.
                lu::inverse(part(all, &a, at), n, unsafe { made.of(at) }, room, crew)
            })?;
        }
        made.finish(call, 0);
        Ok(())
    })
}

pub(in crate::op) fn linalg_pinv(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => {
        let a = Stack::of(call, 0)?;
        let share = super::share(call, 1)?;
        let (m, n, size) = (a.m, a.n, a.size());
        let bytes = times(&[a.count, m, n, size_of::<T>()]);
        let charged = Charged::new::<T>(call, &a, times(&[22, m, n, size]), bytes)?;
        let made = Made::<T>::new(call, &a.with(&[n, m])?, a.count)?;
        if size > 0 {
            let all = call.input::<T>(0);
            each(call, &charged.job(&a, &|| svd::pinv_room::<T>(m, n), None), &|at, room, _| {
                // SAFETY: each matrix is one's alone.
                svd::pinv(part(all, &a, at), (m, n), share, unsafe { made.of(at) }, room)
            })?;
        }
        made.finish(call, 0);
        Ok(())
    })
}

/// Makes one number, of type R, of the singular values of each matrix.
fn of_values<T: Entry, R: Element + Send>(
    call: &mut OpCall<'_>,
    number: impl Fn(&Stack, &[T::Part]) -> R + Sync,
) -> Done {
    let a = Stack::of(call, 0)?;
    let (m, n, size) = (a.m, a.n, a.size());
    let charged = Charged::new::<T>(call, &a, times(&[4, m, n, size]), times(&[a.count, size_of::<R>()]))?;
    let made = Made::<R>::new(call, &a.lead, a.count)?;
    let all = call.input::<T>(0);
    each(call, &charged.job(&a, &|| svd::of_values_room::<T>(m, n), None), &|at, room, _| {
        let found = svd::of_values(part(all, &a, at), (m, n), room, |values| number(&a, values))?;
        // SAFETY: each matrix is one's alone.
        let to = unsafe { made.of(at) };
        to[0] = found;
        Ok(())
    })?;
    made.finish(call, 0);
    Ok(())
}

pub(in crate::op) fn linalg_rank(call: &mut OpCall<'_>) -> Done {
    let share = super::share(call, 1)?;
    with_elem!(inexact call.elem(0), T => {
        of_values::<T, i64>(call, |a, values| svd::rank_of::<T>(values, (a.m, a.n), share) as i64)
    })
}

pub(in crate::op) fn linalg_cond(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => {
        type Part = <T as Field>::Part;
        of_values::<T, Part>(call, |_, values| match (values.first(), values.last()) {
            (Some(most), Some(least)) if *least != 0.0 => *most / *least,
            (Some(_), _) => Part::INFINITY,
            (None, _) => 0.0,
        })
    })
}

pub(in crate::op) fn linalg_norm_2(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => {
        type Part = <T as Field>::Part;
        of_values::<T, Part>(call, |_, values| values.first().copied().unwrap_or_default())
    })
}

pub(in crate::op) fn linalg_norm_nuclear(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => {
        type Part = <T as Field>::Part;
        of_values::<T, Part>(call, |_, values| values.iter().sum())
    })
}
