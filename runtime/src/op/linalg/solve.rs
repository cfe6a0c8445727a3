//! Systems of equations: general, triangular, positive definite, and least squares.

use super::batch::{Entry, Job, each, finite, products};
use super::stack::{Done, Made, Paired, Stack, charge, times, with_last};
use crate::object::element::with_elem;
use crate::op::{OpCall, shape_mismatch};
use crate::trap::{TrapCode, TrapError};
use nbc_ir::dims::Dims;
use nbc_numerics::linalg::triangular::{self, Triangle};
use nbc_numerics::linalg::{Crew, Fault, Room, cholesky, lu, svd};

/// Matrices and what they are to give: a vector each, or a matrix each.
struct System {
    a: Stack,
    pairs: Paired,
    /// Rows of right-hand sides,
    rows: usize,
    /// and columns.
    k: usize,
    is_vector: bool,
}

impl System {
    /// That of the first two arguments.
    fn new(call: &mut OpCall<'_>, a: Stack) -> Result<System, TrapError> {
        let b = call.tensor(1).dims();
        let (lead, rows, k, is_vector) = match &*b {
            [rows] => (&[][..], *rows, 1, true),
            [lead @ .., rows, k] => (lead, *rows, *k, false),
            [] => {
                let text = format!(
                    "{}: the right-hand side has to be vectors or matrices, found dims {b}",
                    call.name()
                );
                return Err(TrapError::new(TrapCode::RankMismatch, text));
            }
        };
        if rows != a.m as u64 {
            let text = format!("{}: the right-hand side wants as many rows as the matrix has", call.name());
            return Err(shape_mismatch(&text, &a.dims, &b));
        }
        let lead = Dims::new(lead).expect("fewer dims than a tensor's");
        let pairs = Paired::new(call, &a.lead, &lead)?;
        Ok(System { a, pairs, rows: rows as usize, k: k as usize, is_vector })
    }

    /// Dims of the solutions.
    fn solutions(&self) -> Result<Dims, TrapError> {
        let both = [self.a.n, self.k];
        with_last(&self.pairs.lead, if self.is_vector { &both[..1] } else { &both })
    }

    /// The elements of the matrix and the right-hand side of pair `at`.
    fn parts<'e, T>(&self, a: &'e [T], b: &'e [T], at: usize) -> (&'e [T], &'e [T]) {
        let (i, j) = (self.pairs.of(0, at), self.pairs.of(1, at));
        let (a_len, b_len) = (self.a.m * self.a.n, self.rows * self.k);
        (&a[i * a_len..(i + 1) * a_len], &b[j * b_len..(j + 1) * b_len])
    }
}

/// Solves square systems by `one`, which takes `flops` for each in `room` bytes.
fn square<T: Entry>(
    call: &mut OpCall<'_>,
    flops: impl Fn(usize, usize) -> u64,
    room: impl Fn(usize, usize) -> usize,
    one: impl Fn(&[T], usize, &[T], usize, &mut [T], Room<'_>, Crew<'_>) -> Result<(), Fault> + Sync,
) -> Done {
    let a = Stack::square(call, 0)?;
    let system = System::new(call, a)?;
    let (n, k, count) = (a.n, system.k, system.pairs.count);
    let dims = system.solutions()?;
    let each_flops = flops(n, k);
    charge(call, each_flops.saturating_mul(count as u64), times(&[count, n, k, size_of::<T>()]))?;
    if call.by_library(&[(T::ELEM, dims)], &[])? {
        return Ok(());
    }
    finite::<T>(call, 0)?;
    finite::<T>(call, 1)?;
    let made = Made::<T>::new(call, &dims, count)?;
    if n > 0 && k > 0 {
        let shared = products::<T>(0.5);
        let job = Job { count, flops: each_flops, room: &|| room(n, k), dims: a.dims, shared };
        let (left, right) = (call.input::<T>(0), call.input::<T>(1));
        each(call, &job, &|at, room, crew| {
            let (a, b) = system.parts(left, right, at);
            // SAFETY: each matrix is one's alone.
            one(a, n, b, k, unsafe { made.of(at) }, room, crew)
        })?;
    }
    made.finish(call, 0);
    Ok(())
}

pub(in crate::op) fn linalg_solve(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => {
        let flops = |n, k| times(&[n, n, n]).saturating_add(times(&[2, n, n, k]));
        square::<T>(call, flops, lu::solve_room::<T>, lu::solve)
    })
}

pub(in crate::op) fn linalg_solve_posdef(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => {
        let flops = |n, k| times(&[n, n, n]).saturating_add(times(&[2, n, n, k]));
        square::<T>(call, flops, cholesky::solve_room::<T>, cholesky::solve)
    })
}

pub(in crate::op) fn linalg_solve_triangular(call: &mut OpCall<'_>) -> Done {
    let (transposed, conjugated) = super::turned(call, 4)?;
    let triangle = Triangle { lower: call.args[2] != 0, unit: call.args[3] != 0, transposed, conjugated };
    with_elem!(inexact call.elem(0), T => {
        let flops = |n, k| times(&[n, n, k]);
        square::<T>(call, flops, triangular::solve_room::<T>, move |a, n, b, k, x, room, crew| {
            triangular::solve((a, triangle), n, b, k, x, room, crew)
        })
    })
}

pub(in crate::op) fn linalg_lstsq(call: &mut OpCall<'_>) -> Done {
    with_elem!(inexact call.elem(0), T => lstsq::<T>(call))
}

fn lstsq<T: Entry>(call: &mut OpCall<'_>) -> Done {
    let a = Stack::of(call, 0)?;
    let system = System::new(call, a)?;
    let share = super::share(call, 2)?;
    let (m, n, k, count, size) = (a.m, a.n, system.k, system.pairs.count, a.size());
    let flops = times(&[20, m, n, size]).saturating_add(times(&[2, size, k, m.saturating_add(n)]));
    let bytes = times(&[count, n, k, size_of::<T>()]).saturating_add(times(&[count, size, size_of::<T>()]));
    charge(call, flops.saturating_mul(count as u64), bytes)?;
    finite::<T>(call, 0)?;
    finite::<T>(call, 1)?;
    let x = Made::<T>::new(call, &system.solutions()?, count)?;
    let rank = Made::<i64>::new(call, &system.pairs.lead, count)?;
    let s = Made::<T::Part>::new(call, &with_last(&system.pairs.lead, &[size])?, count)?;
    if size > 0 {
        let job = Job { count, flops, room: &|| svd::lstsq_room::<T>(m, n, k), dims: a.dims, shared: None };
        let (left, right) = (call.input::<T>(0), call.input::<T>(1));
        each(call, &job, &|at, room, _| {
            let (a, b) = system.parts(left, right, at);
            // SAFETY: each matrix is one's alone.
            let (x, rank, s) = unsafe { (x.of(at), rank.of(at), s.of(at)) };
            rank[0] = svd::lstsq(a, (m, n), (b, k), share, x, s, room)? as i64;
            Ok(())
        })?;
    }
    x.finish(call, 0);
    rank.finish(call, 1);
    s.finish(call, 2);
    Ok(())
}
