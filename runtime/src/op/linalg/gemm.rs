//! Products of matrices in memory, on the gemm crate: any strides, one product or many.
//!
//! The order in which a product adds is the library's and depends on the
//! machine's instruction set, but not on the number of threads. Large products
//! go panel by panel, so that the host is asked in between.

use crate::object::Element;
use crate::op::OpHost;
use crate::op::number::Number;
use crate::op::work::in_pieces;
use crate::threads::Threads;
use crate::trap::TrapError;
use gemm::Parallelism;
use nbc_ir::Elem;

/// Up to this many multiplications a plain loop is faster than the library.
const SMALL: usize = 512;
/// Multiplications between two questions to the host: some 10 ms on one core.
const BETWEEN_POLLS: usize = 1 << 28;
/// As many multiplications as one element is counted for that is written.
const WRITTEN: usize = 64;
/// Sides of panels are multiples of this.
const SIDE: usize = 64;
/// Terms of an element that the library adds in one go: cutting between them makes it copy nothing twice.
const DEPTH: usize = 512;
/// Products of fewer multiplications are shared out whole, if they are several.
const WHOLE: usize = 1 << 20;

/// A matrix in memory.
#[derive(Clone, Copy)]
pub(super) struct Strided<T> {
    /// Its first element.
    pub(super) start: *const T,
    /// Elements from row to row,
    pub(super) row: usize,
    /// and from column to column.
    pub(super) column: usize,
    /// Whether the conjugates are meant.
    pub(super) conjugate: bool,
}

impl<T> Strided<T> {
    fn at(self, row: usize, column: usize) -> Strided<T> {
        // `wrapping_add`: whoever reads there has seen to it.
        Strided { start: self.start.wrapping_add(row * self.row + column * self.column), ..self }
    }
}

/// m, k and n of a product, and whether it is added to what is there.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) m: usize,
    pub(super) k: usize,
    pub(super) n: usize,
    pub(super) add: bool,
}

impl Sizes {
    /// Whether there is no element, or nothing is added to any.
    fn change_nothing(self) -> bool {
        self.m == 0 || self.n == 0 || self.k == 0 && self.add
    }

    fn multiplications(self) -> usize {
        self.m.saturating_mul(self.k).saturating_mul(self.n)
    }
}

/// The product on this thread, all at once. Where `k` is 0 it is zeros.
///
/// # Safety
/// All elements of the three matrices must be there, and no two of `c` the same. Those of `a` and `b` must be written, those of
/// `c` too if it is added to. Nothing else may read or write `c`, nor write the others.
unsafe fn at_once<T: Number>(sizes: Sizes, a: Strided<T>, b: Strided<T>, c: Strided<T>, par: Parallelism) {
    let Sizes { m, k, n, add } = sizes;
    let to = c.start.cast_mut();
    if sizes.multiplications() <= SMALL {
        for i in 0..m {
            for j in 0..n {
                // SAFETY: upheld by the caller, as below.
                unsafe {
                    let place = to.add(i * c.row + j * c.column);
                    let mut sum = if add { place.read() } else { T::ZERO };
                    for l in 0..k {
                        let (x, y) = (a.at(i, l).start.read(), b.at(l, j).start.read());
                        let x = if a.conjugate { x.conjugate() } else { x };
                        let y = if b.conjugate { y.conjugate() } else { y };
                        sum = sum.add(x.mul(y));
                    }
                    place.write(sum);
                }
            }
        }
        return;
    }
    // SAFETY: upheld by the caller; strides are within memory.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            to,
            c.column as isize,
            c.row as isize,
            add,
            a.start,
            a.column as isize,
            a.row as isize,
            b.start,
            b.column as isize,
            b.row as isize,
            if add { T::one() } else { T::ZERO },
            T::one(),
            false,
            a.conjugate,
            b.conjugate,
            par,
        );
    }
}

/// How much longer than of f64 a multiplication takes, several at a time: half as large numbers go twice as many
/// at a time, and a complex product is four.
pub(super) fn weight<T: Element>() -> f64 {
    match T::ELEM {
        Elem::F32 => 0.5,
        Elem::C64 => 2.0,
        Elem::C128 => 4.0,
        _ => 1.0,
    }
}

/// Rows, columns and terms of a panel, each 1 at least. They depend on the sizes only, so the same product is always
/// cut alike.
///
/// Each panel's parts of both factors are copied by the library, so panels are few and near to square. Terms are cut first,
/// where the library would cut them.
fn panel(m: usize, n: usize, k: usize) -> [usize; 3] {
    let pieces = k.div_ceil(DEPTH).max(1);
    let least = k.div_ceil(pieces).max(1);
    // Writing an element takes as long as some multiplications.
    let area = BETWEEN_POLLS / least.max(WRITTEN);
    let even = |n: usize, most: usize| n.div_ceil(n.div_ceil(most)).next_multiple_of(SIDE).min(n);
    let columns = even(n, 2 * area.isqrt());
    let rows = even(m, (area / columns).max(1));
    // Few elements may have many terms.
    let depth = BETWEEN_POLLS / (rows * columns) / least * least;
    [rows, columns, depth.clamp(least, k.max(1))]
}

/// `c` = `a`·`b`, or that added.
///
/// # Safety
/// As for [`at_once`].
pub(super) unsafe fn multiply<T: Number>(
    host: &mut dyn OpHost,
    sizes: Sizes,
    a: Strided<T>,
    b: Strided<T>,
    c: Strided<T>,
) -> Result<(), TrapError> {
    let Sizes { m, k, n, .. } = sizes;
    if sizes.change_nothing() {
        return Ok(());
    }
    if sizes.multiplications() <= SMALL && m.saturating_mul(n) <= SMALL {
        // SAFETY: upheld by the caller.
        unsafe { at_once(sizes, a, b, c, Parallelism::None) };
        return Ok(());
    }
    let placing = host.heap().placing();
    let load = (m * k.max(1) * n) as f64 * placing.rates().product * weight::<T>();
    let placed = placing.place(placing.load(load));
    // SAFETY: upheld by the caller.
    unsafe { multiply_on(host, placed.threads.as_ref(), sizes, a, b, c)? };
    host.heap().placing().done(placed);
    Ok(())
}

/// [`multiply`] on those threads, or on this one.
///
/// # Safety
/// As for [`at_once`].
pub(super) unsafe fn multiply_on<T: Number>(
    host: &mut dyn OpHost,
    threads: Option<&Threads>,
    sizes: Sizes,
    a: Strided<T>,
    b: Strided<T>,
    c: Strided<T>,
) -> Result<(), TrapError> {
    let Sizes { m, k, n, add } = sizes;
    if sizes.change_nothing() {
        return Ok(());
    }
    let [rows, columns, depth] = panel(m, n, k);
    for row in (0..m).step_by(rows) {
        for column in (0..n).step_by(columns) {
            for at in (0..k.max(1)).step_by(depth) {
                if row + column + at > 0 {
                    host.poll()?;
                }
                let part = Sizes {
                    m: rows.min(m - row),
                    k: depth.min(k - at),
                    n: columns.min(n - column),
                    add: add || at > 0,
                };
                let (a, b, c) = (Sent(a.at(row, at)), Sent(b.at(at, column)), Sent(c.at(row, column)));
                // SAFETY: the panel lies in the matrices; the rest is upheld by the caller.
                let panel = |par| unsafe { at_once(part, a.get(), b.get(), c.get(), par) };
                match threads {
                    None => panel(Parallelism::None),
                    Some(threads) => threads.run(|| panel(Parallelism::Rayon(threads.count()))),
                }
            }
        }
    }
    Ok(())
}

/// What crosses to other threads, which the library shares the work with.
#[derive(Clone, Copy)]
struct Sent<T>(Strided<T>);

// SAFETY: elements may be sent, and who may read and write them is said where it is used.
unsafe impl<T: Send> Send for Sent<T> {}
// SAFETY: the same.
unsafe impl<T: Send> Sync for Sent<T> {}

impl<T: Copy> Sent<T> {
    fn get(&self) -> Strided<T> {
        self.0
    }
}

/// `count` products, `place` saying where each has its matrices. No two write the same element.
///
/// # Safety
/// As for [`at_once`], for each of them.
pub(super) unsafe fn multiply_each<T: Number>(
    host: &mut dyn OpHost,
    count: usize,
    sizes: Sizes,
    place: &(dyn Fn(usize) -> [Strided<T>; 3] + Sync),
) -> Result<(), TrapError> {
    if count == 0 || sizes.m == 0 || sizes.n == 0 {
        return Ok(());
    }
    if count == 1 || sizes.multiplications().max(sizes.m.saturating_mul(sizes.n)) > WHOLE {
        for at in 0..count {
            if at > 0 {
                host.poll()?;
            }
            let [a, b, c] = place(at);
            // SAFETY: upheld by the caller.
            unsafe { multiply(host, sizes, a, b, c)? };
        }
        return Ok(());
    }
    // In additions: the library takes some for each product, and does several at a time.
    let load = 20.0 + (sizes.multiplications() + sizes.m * sizes.n) as f64 * weight::<T>();
    in_pieces(host, count, load as usize, 1, &|all| {
        for at in all {
            let [a, b, c] = place(at);
            // SAFETY: upheld by the caller.
            unsafe { at_once(sizes, a, b, c, Parallelism::None) };
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_are_few_and_not_much_longer_than_a_question_may_wait() {
        let sizes = [1, 2, 63, 300, 1000, 1448, 4000, 70_000, 1 << 30, 1 << 40];
        for (m, n, k) in
            sizes.iter().flat_map(|m| sizes.map(|n| (m, n))).flat_map(|(m, n)| sizes.map(|k| (*m, n, k)))
        {
            let [rows, columns, depth] = panel(m, n, k);
            assert!((1..=m).contains(&rows) && (1..=n).contains(&columns) && (1..=k).contains(&depth));
            let work = rows * columns * depth.max(WRITTEN);
            assert!(work <= 2 * BETWEEN_POLLS, "{m} {k} {n}: {rows} {depth} {columns}");
            // Large ones are not cut into crumbs.
            let whole = m.saturating_mul(n).saturating_mul(k);
            assert!(whole.min(BETWEEN_POLLS / 2048) <= work, "{m} {k} {n}: {rows} {depth} {columns}");
        }
        assert_eq!(panel(500, 1000, 500), [500, 1000, 500]);
        assert_eq!(panel(1, 1, 0), [1, 1, 1]);
    }
}
