//! Decompositions into factors: LU, Cholesky, QR, singular values, eigenvalues.

use super::batch::{Entry, Job, each, finite, products};
use super::stack::{Done, Made, Stack, charge};
use crate::object::Element;
use crate::object::element::with_elem;
use crate::op::OpCall;
use nbc_ir::Elem;
use nbc_ir::catalogue::Extent;
use nbc_numerics::linalg::{cholesky, eigen, lu, qr, svd};

/// Charges for results of so many elements for each matrix; flops of one, by the row's cost.
fn charged<T: Entry, R>(
    call: &mut OpCall<'_>,
    a: &Stack,
    elements: &[[usize; 2]],
    times: u64,
) -> Result<u64, crate::trap::TrapError> {
    let len = elements
        .iter()
        .fold(0u64, |all, dims| all.saturating_add(super::stack::times(&[a.count, dims[0], dims[1]])));
    call.charge(Extent { len, bytes: len.saturating_mul(size_of::<R>() as u64), ..Extent::NONE })?;
    Ok(super::stack::times(&[a.m, a.n, a.size()]).saturating_mul(times))
}

/// Charges for square factors: reflections go over all of their rows and columns, besides `times` as [`charged`] has it.
fn charged_full<T: Entry>(
    call: &mut OpCall<'_>,
    a: &Stack,
    times: u64,
    sides: &[usize],
    bytes: u64,
) -> Result<u64, crate::trap::TrapError> {
    let square = |side: usize| super::stack::times(&[4, side, side, a.size()]);
    let least = super::stack::times(&[a.m, a.n, a.size()]).saturating_mul(times);
    let flops = sides.iter().fold(least, |all, side| all.saturating_add(square(*side)));
    charge(call, flops.saturating_mul(a.count as u64), bytes)?;
    Ok(flops)
}

/// Bytes of `count` results of those dims.
fn bytes<R>(count: usize, dims: &[[usize; 2]]) -> u64 {
    let len = |[m, n]: &[usize; 2]| super::stack::times(&[count, *m, *n, size_of::<R>()]);
    dims.iter().fold(0, |all, dims| all.saturating_add(len(dims)))
}

/// The elements of matrix `at`.
fn part<'e, T>(all: &'e [T], a: &Stack, at: usize) -> &'e [T] {
    // First of one: where that is 0, a side may be any number.
    let len = a.m * a.n;
    &all[at * len..(at + 1) * len]
}

pub(in crate::op) fn linalg_lu(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => lu_of::<T>(call))
}

fn lu_of<T: Entry>(call: &mut OpCall<'_>) -> Done {
    let a = Stack::of(call, 0)?;
    let (m, n, size) = (a.m, a.n, a.size());
    let flops = charged::<T, T>(call, &a, &[[m, 1], [m, size], [size, n]], 1)?;
    let results =
        [(Elem::I64, a.with(&[m])?), (T::ELEM, a.with(&[m, size])?), (T::ELEM, a.with(&[size, n])?)];
    if call.by_library(&results, &[])? {
        return Ok(());
    }
    finite::<T>(call, 0)?;
    let order = Made::<i64>::new(call, &a.with(&[m])?, a.count)?;
    let l = Made::<T>::new(call, &a.with(&[m, size])?, a.count)?;
    let u = Made::<T>::new(call, &a.with(&[size, n])?, a.count)?;
    if size > 0 {
        let job = Job {
            count: a.count,
            flops,
            room: &|| lu::decompose_room::<T>(m, n),
            dims: a.dims,
            shared: products::<T>(0.5),
        };
        let all = call.input::<T>(0);
        each(call, &job, &|at, room, crew| {
            // SAFETY: each matrix is one's alone.
            let (order, l, u) = unsafe { (order.of(at), l.of(at), u.of(at)) };
            lu::decompose(part(all, &a, at), (m, n), order, l, u, room, crew)
        })?;
    } else {
        lines(call, a.count, m, |at| {
            // SAFETY: nobody else has it.
            for (i, to) in unsafe { order.of(at) }.iter_mut().enumerate() {
                *to = i as i64;
            }
        })?;
    }
    order.finish(call, 0);
    l.finish(call, 1);
    u.finish(call, 2);
    Ok(())
}

pub(in crate::op) fn linalg_cholesky(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => {
        let a = Stack::square(call, 0)?;
        let n = a.n;
        let flops = charged::<T, T>(call, &a, &[[n, n]], 1)?;
        if call.by_library(&[(T::ELEM, a.dims)], &[])? {
            return Ok(());
        }
        finite::<T>(call, 0)?;
        let l = Made::<T>::new(call, &a.dims, a.count)?;
        if n > 0 {
            let job = Job { count: a.count, flops, room: &|| cholesky::decompose_room::<T>(n), dims: a.dims, shared: products::<T>(0.25) };
            let all = call.input::<T>(0);
            each(call, &job, &|at, room, crew| {
                // SAFETY: each matrix is one's alone.
                cholesky::decompose(part(all, &a, at), n, unsafe { l.of(at) }, room, crew)
            })?;
        }
        l.finish(call, 0);
        Ok(())
    })
}

pub(in crate::op) fn linalg_qr(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => qr_of::<T>(call, false))
}

pub(in crate::op) fn linalg_qr_full(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => qr_of::<T>(call, true))
}

fn qr_of<T: Entry>(call: &mut OpCall<'_>, full: bool) -> Done {
    let a = Stack::of(call, 0)?;
    let (m, n, size) = (a.m, a.n, a.size());
    let columns = if full { m } else { size };
    let results = [[m, columns], [columns, n]];
    let flops = match full {
        true => charged_full::<T>(call, &a, 4, &[m], bytes::<T>(a.count, &results))?,
        false => charged::<T, T>(call, &a, &results, 4)?,
    };
    if call.by_library(&[(T::ELEM, a.with(&[m, columns])?), (T::ELEM, a.with(&[columns, n])?)], &[])? {
        return Ok(());
    }
    finite::<T>(call, 0)?;
    let q = Made::<T>::new(call, &a.with(&[m, columns])?, a.count)?;
    let r = Made::<T>::new(call, &a.with(&[columns, n])?, a.count)?;
    if size > 0 {
        let job = Job {
            count: a.count,
            flops,
            room: &|| qr::decompose_room::<T>(m, n, columns),
            dims: a.dims,
            shared: products::<T>(0.5),
        };
        let all = call.input::<T>(0);
        each(call, &job, &|at, room, crew| {
            // SAFETY: each matrix is one's alone.
            let (q, r) = unsafe { (q.of(at), r.of(at)) };
            qr::decompose(part(all, &a, at), (m, n), q, r, room, crew)
        })?;
    } else {
        identities(call, &q, a.count, columns)?;
    }
    q.finish(call, 0);
    r.finish(call, 1);
    Ok(())
}

/// Elements of lines that are written between two questions to the host.
const LINES: usize = 1 << 16;

/// Does `one` for each of the matrices, of which it writes a line of `n` elements.
fn lines(call: &mut OpCall<'_>, count: usize, n: usize, one: impl Fn(usize)) -> Done {
    let mut seen = 0;
    for at in 0..if n > 0 { count } else { 0 } {
        seen += n.min(LINES);
        if seen >= LINES {
            call.host.poll()?;
            seen = 0;
        }
        one(at);
    }
    Ok(())
}

/// Makes each matrix, of so many columns, the identity.
fn identities<T: Entry>(call: &mut OpCall<'_>, made: &Made<T>, count: usize, n: usize) -> Done {
    lines(call, count, n, |at| {
        // SAFETY: nobody else has it.
        let all = unsafe { made.of(at) };
        all.iter_mut().step_by(n + 1).for_each(|x| *x = nbc_numerics::linalg::Field::near(1.0));
    })
}

pub(in crate::op) fn linalg_svd(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => svd_of::<T>(call, false))
}

pub(in crate::op) fn linalg_svd_full(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => svd_of::<T>(call, true))
}

fn svd_of<T: Entry>(call: &mut OpCall<'_>, full: bool) -> Done {
    let a = Stack::of(call, 0)?;
    let (m, n, size) = (a.m, a.n, a.size());
    let (columns, rows) = if full { (m, n) } else { (size, size) };
    let results = [[m, columns], [size, 1], [rows, n]];
    let flops = match full {
        true => charged_full::<T>(call, &a, 20, &[m, n], bytes::<T>(a.count, &results))?,
        false => charged::<T, T>(call, &a, &results, 20)?,
    };
    let made = [
        (T::ELEM, a.with(&[m, columns])?),
        (<T::Part as Element>::ELEM, a.with(&[size])?),
        (T::ELEM, a.with(&[rows, n])?),
    ];
    if call.by_library(&made, &[])? {
        return Ok(());
    }
    finite::<T>(call, 0)?;
    let u = Made::<T>::new(call, &a.with(&[m, columns])?, a.count)?;
    let s = Made::<T::Part>::new(call, &a.with(&[size])?, a.count)?;
    let vh = Made::<T>::new(call, &a.with(&[rows, n])?, a.count)?;
    if size > 0 {
        let job = Job {
            count: a.count,
            flops,
            room: &|| svd::decompose_room::<T>(m, n, full),
            dims: a.dims,
            shared: None,
        };
        let all = call.input::<T>(0);
        each(call, &job, &|at, room, _| {
            // SAFETY: each matrix is one's alone.
            let (u, s, vh) = unsafe { (u.of(at), s.of(at), vh.of(at)) };
            svd::decompose(part(all, &a, at), (m, n), u, s, vh, room)
        })?;
    } else {
        identities(call, &u, a.count, columns)?;
        identities(call, &vh, a.count, if full { n } else { 0 })?;
    }
    u.finish(call, 0);
    s.finish(call, 1);
    vh.finish(call, 2);
    Ok(())
}

pub(in crate::op) fn linalg_svd_values(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => {
        let a = Stack::of(call, 0)?;
        let (m, n, size) = (a.m, a.n, a.size());
        let flops = charged::<T, T>(call, &a, &[[size, 1]], 4)?;
        let real = <<T as nbc_numerics::linalg::Field>::Part as Element>::ELEM;
        if call.by_library(&[(real, a.with(&[size])?)], &[])? {
            return Ok(());
        }
        finite::<T>(call, 0)?;
        let s = Made::<<T as nbc_numerics::linalg::Field>::Part>::new(call, &a.with(&[size])?, a.count)?;
        if size > 0 {
            let job = Job { count: a.count, flops, room: &|| svd::values_room::<T>(m, n), dims: a.dims, shared: None };
            let all = call.input::<T>(0);
            each(call, &job, &|at, room, _| {
                // SAFETY: each matrix is one's alone.
                svd::values(part(all, &a, at), (m, n), unsafe { s.of(at) }, room)
            })?;
        }
        s.finish(call, 0);
        Ok(())
    })
}

pub(in crate::op) fn linalg_eigh(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => hermitian::<T>(call, true))
}

pub(in crate::op) fn linalg_eigh_values(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => hermitian::<T>(call, false))
}

fn hermitian<T: Entry>(call: &mut OpCall<'_>, vectors: bool) -> Done {
    let a = Stack::square(call, 0)?;
    let n = a.n;
    let flops =
        charged::<T, T>(call, &a, &[[n, 1], [n, if vectors { n } else { 0 }]], if vectors { 9 } else { 2 })?;
    let made = [(<T::Part as Element>::ELEM, a.with(&[n])?), (T::ELEM, a.dims)];
    if call.by_library(&made[..if vectors { 2 } else { 1 }], &[])? {
        return Ok(());
    }
    finite::<T>(call, 0)?;
    let values = Made::<T::Part>::new(call, &a.with(&[n])?, a.count)?;
    let columns = if vectors { Some(Made::<T>::new(call, &a.dims, a.count)?) } else { None };
    if n > 0 {
        let job = Job {
            count: a.count,
            flops,
            room: &|| eigen::hermitian_room::<T>(n, vectors),
            dims: a.dims,
            shared: None,
        };
        let all = call.input::<T>(0);
        each(call, &job, &|at, room, _| {
            // SAFETY: each matrix is one's alone.
            let (values, columns) = unsafe { (values.of(at), columns.as_ref().map(|c| c.of(at))) };
            eigen::hermitian(part(all, &a, at), n, values, columns, room)
        })?;
    }
    values.finish(call, 0);
    if let Some(columns) = columns {
        columns.finish(call, 1);
    }
    Ok(())
}

pub(in crate::op) fn linalg_eig(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => general::<T>(call, true))
}

pub(in crate::op) fn linalg_eig_values(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => general::<T>(call, false))
}

fn general<T: Entry>(call: &mut OpCall<'_>, vectors: bool) -> Done {
    let a = Stack::square(call, 0)?;
    let n = a.n;
    let flops = charged::<T, T::Whole>(
        call,
        &a,
        &[[n, 1], [n, if vectors { n } else { 0 }]],
        if vectors { 25 } else { 10 },
    )?;
    finite::<T>(call, 0)?;
    let values = Made::<T::Whole>::new(call, &a.with(&[n])?, a.count)?;
    let columns = if vectors { Some(Made::<T::Whole>::new(call, &a.dims, a.count)?) } else { None };
    if n > 0 {
        let job = Job {
            count: a.count,
            flops,
            room: &|| eigen::general_room::<T>(n, vectors),
            dims: a.dims,
            shared: None,
        };
        let all = call.input::<T>(0);
        each(call, &job, &|at, room, _| {
            // SAFETY: each matrix is one's alone.
            let (values, columns) = unsafe { (values.of(at), columns.as_ref().map(|c| c.of(at))) };
            eigen::general(part(all, &a, at), n, values, columns, room)
        })?;
    }
    values.finish(call, 0);
    if let Some(columns) = columns {
        columns.finish(call, 1);
    }
    Ok(())
}
