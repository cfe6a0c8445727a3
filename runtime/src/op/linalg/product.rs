//! Dense products, on the gemm crate.
//!
//! The order in which a product adds is the library's and depends on the
//! machine's instruction set, but not on the number of threads. Large products
//! go panel by panel, so that the host is asked in between.

use crate::object::element::with_elem;
use crate::op::number::Number;
use crate::op::work::fill;
use crate::op::{OpCall, OpHost, Output, shape_mismatch};
use crate::trap::{TrapCode, TrapError};
use gemm::Parallelism;
use nbc_ir::Elem;
use nbc_ir::catalogue::shape::{NoProduct, matmul};
use std::mem::MaybeUninit;

type Done = Result<(), TrapError>;

/// Up to this many multiplications a plain loop is faster than the library.
const SMALL: usize = 512;
/// Multiplications between two questions to the host: some 10 ms on one core.
const BETWEEN_POLLS: usize = 1 << 28;
/// As many multiplications as one element is counted for that is written.
const WRITTEN: usize = 64;
/// Panels have sides that are multiples of this,
const SIDE: usize = 64;
/// and at most as many multiplications for an element: those of a panel are then not many more.
const DEPTH: usize = BETWEEN_POLLS / (SIDE * SIDE);

pub(in crate::op) fn linalg_matmul(call: &mut OpCall<'_>) -> Done {
    let (a, b) = (call.tensor(0).dims(), call.tensor(1).dims());
    let product = matmul(&a, &b).map_err(|why| match why {
        NoProduct::Rank => TrapError::new(
            TrapCode::RankMismatch,
            format!("matmul wants matrices or vectors, found dims {a} and {b}"),
        ),
        NoProduct::Inner => shape_mismatch("the inner dims of matmul differ", &a, &b),
    })?;
    let sizes = [product.m, product.k, product.n].map(|n| n as usize);
    with_elem!(inexact call.elem(0), T => {
        let (a, b) = (call.input::<T>(0), call.input::<T>(1));
        let out: Output<'_, T> = call.output(&product.dims)?;
        multiply(&mut *call.host, sizes, a, b, &mut *out.elements)?;
        // SAFETY: `multiply` has written every element.
        unsafe { call.finish(out) };
        Ok(())
    })
}

/// Writes every element of `c` = `a` · `b`.
fn multiply<T: Number>(
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
    let placing = host.heap().placing();
    // Half as large numbers are multiplied twice as many at a time; a complex product is four.
    let long = match T::ELEM {
        Elem::F32 => 0.5,
        Elem::C64 => 2.0,
        Elem::C128 => 4.0,
        _ => 1.0,
    };
    let placed = placing.place(placing.load((m * k * n) as f64 * placing.rates().product * long));
    for row in (0..m).step_by(rows) {
        for column in (0..n).step_by(columns) {
            for at in (0..k).step_by(depth) {
                if row + column + at > 0 {
                    host.poll()?;
                }
                let mut panel = |parallelism| {
                    // SAFETY: the panel lies in the three matrices, whose sizes have
                    // been checked above and which are row-major with the strides
                    // given; `c` is only read, as told, where the first part has written it, and overlaps
                    // neither of the others, having been borrowed exclusively.
                    unsafe {
                        gemm::gemm(
                            rows.min(m - row),
                            columns.min(n - column),
                            depth.min(k - at),
                            c.as_mut_ptr().cast::<T>().add(row * n + column),
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
                            parallelism,
                        );
                    }
                };
                match &placed.threads {
                    None => panel(Parallelism::None),
                    Some(threads) => threads.run(|| panel(Parallelism::Rayon(threads.count()))),
                }
            }
        }
    }
    host.heap().placing().done(placed);
    Ok(())
}
