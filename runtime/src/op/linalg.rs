//! Dense products, on the gemm crate.
//!
//! The order in which a product adds is the library's and depends on the
//! machine's instruction set, but not on the number of threads. Large products
//! go panel by panel, so that the host is asked in between.

use super::number::Number;
use super::threads::threads;
use super::work::fill;
use super::{OpCall, OpHost, Output, shape_mismatch};
use crate::object::element::with_elem;
use crate::object::tensor::Dims;
use crate::trap::{TrapCode, TrapError};
use gemm::Parallelism;
use std::mem::MaybeUninit;

type Done = Result<(), TrapError>;

/// Up to this many multiplications a plain loop is faster than the library.
const SMALL: usize = 512;
/// From this many multiplications on all cores take part.
const PARALLEL: usize = 1 << 18;
/// Multiplications between two questions to the host: some 10 ms on one core.
const BETWEEN_POLLS: usize = 1 << 28;
/// As many multiplications as one element is counted for that is written.
const WRITTEN: usize = 64;
/// Panels have sides that are multiples of this,
const SIDE: usize = 64;
/// and at most as many multiplications for an element: those of a panel are then not many more.
const DEPTH: usize = BETWEEN_POLLS / (SIDE * SIDE);

/// Sizes of an (m, k) by (k, n) product, and the dims of the result.
fn sizes(a: &Dims, b: &Dims) -> Result<(usize, usize, usize, Dims), TrapError> {
    for d in [a, b] {
        if d.is_empty() || d.len() > 2 {
            return Err(TrapError::new(
                TrapCode::RankMismatch,
                format!("matmul wants matrices or vectors, found dims {a} and {b}"),
            ));
        }
    }
    let (m, k) = if a.len() == 2 { (a[0], a[1]) } else { (1, a[0]) };
    let (k2, n) = if b.len() == 2 { (b[0], b[1]) } else { (b[0], 1) };
    if k != k2 {
        return Err(shape_mismatch("the inner dims of matmul differ", a, b));
    }
    let both = [m, n];
    let dims = match (a.len(), b.len()) {
        (2, 2) => &both[..],
        (2, _) => &both[..1],
        (_, 2) => &both[1..],
        _ => &[],
    };
    let dims = Dims::new(dims).ok_or(TrapCode::InvalidArgument)?;
    Ok((m as usize, k as usize, n as usize, dims))
}

pub(super) fn linalg_matmul(call: &mut OpCall<'_>) -> Done {
    let (m, k, n, dims) = sizes(&call.tensor(0).dims(), &call.tensor(1).dims())?;
    with_elem!(inexact call.elem(0), T => {
        let (a, b) = (call.input::<T>(0), call.input::<T>(1));
        let multiplications = (m as u64).saturating_mul(k as u64).saturating_mul(n as u64);
        let elements = (a.len() + b.len()) as u64 + (m as u64).saturating_mul(n as u64);
        call.charge_work(multiplications.saturating_mul(2), elements.saturating_mul(size_of::<T>() as u64))?;
        let out: Output<'_, T> = call.output_charged(&dims)?;
        product(&mut *call.host, [m, k, n], a, b, &mut *out.elements)?;
        // SAFETY: `product` has written every element.
        unsafe { call.finish(out) };
        Ok(())
    })
}

/// Writes every element of `c` = `a` · `b`.
fn product<T: Number>(
    host: &mut dyn OpHost,
    [m, k, n]: [usize; 3],
    a: &[T],
    b: &[T],
    c: &mut [MaybeUninit<T>],
) -> Done {
    assert!(a.len() == m * k && b.len() == k * n && c.len() == m * n);
    if c.is_empty() {
        return Ok(());
    }
    if k == 0 {
        return fill(host, c, 1, |_, piece| {
            piece.fill(MaybeUninit::new(T::ZERO));
        });
    }
    if m * k * n <= SMALL {
        for (i, row) in c.chunks_exact_mut(n).enumerate() {
            for (j, c) in row.iter_mut().enumerate() {
                let mut sum = T::ZERO;
                for l in 0..k {
                    sum = sum.add(a[i * k + l].mul(b[l * n + j]));
                }
                c.write(sum);
            }
        }
        return Ok(());
    }
    // The panels depend on the sizes only, so the same product is always cut alike.
    let depth = k.min(DEPTH);
    // Writing an element takes as long as some multiplications.
    let side = |other: usize| (BETWEEN_POLLS / (depth.max(WRITTEN) * other)).max(1).next_multiple_of(SIDE);
    let rows = side(n).min(m);
    let columns = side(rows).min(n);
    let threads = if rows * columns * depth < PARALLEL { 1 } else { threads() };
    let c = c.as_mut_ptr().cast::<T>();
    for row in (0..m).step_by(rows) {
        for column in (0..n).step_by(columns) {
            for at in (0..k).step_by(depth) {
                if row + column + at > 0 {
                    host.poll()?;
                }
                // SAFETY: the panel lies in the three matrices, whose sizes have
                // been checked above and which are row-major with the strides
                // given; `c` is only read, as told, where the first part has written it, and overlaps
                // neither of the others, having been borrowed exclusively.
                unsafe {
                    gemm::gemm(
                        rows.min(m - row),
                        columns.min(n - column),
                        depth.min(k - at),
                        c.add(row * n + column),
                        1,
                        n as isize,
                        at > 0,
                        a.as_ptr().add(row * k + at),
                        1,
                        k as isize,
                        b.as_ptr().add(at * n + column),
                        1,
                        n as isize,
                        if at > 0 { T::one() } else { T::ZERO },
                        T::one(),
                        false,
                        false,
                        false,
                        if threads > 1 { Parallelism::Rayon(threads) } else { Parallelism::None },
                    );
                }
            }
        }
    }
    Ok(())
}
