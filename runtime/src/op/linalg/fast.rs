//! Products by fewer multiplications: Winograd's form of Strassen's algorithm, seven products of halves and fifteen sums, as
//! often as that pays; below that [`gemm`](super::gemm).
//!
//! N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2002, chapter 23, of its errors. B. Boyer, J.-G. Dumas,
//! C. Pernet and W. Zhou, "Memory efficient scheduling of Strassen-Winograd's matrix multiplication algorithm", 2009,
//! of its order: two matrices of temporaries for each halving. An odd row or column is done apart.
//! Invariant: how often matrices are halved follows from sizes and type, so threads change no bit.

use super::gemm::{Sizes, Strided, multiply_on, weight};
use super::product::{Call, NAME, write};
use super::stack::Done;
use crate::object::Element;
use crate::object::element::with_elem;
use crate::op::number::Number;
use crate::op::simd::{Work, dispatch};
use crate::op::work::in_pieces_on;
use crate::op::{OpCall, OpHost};
use crate::threads::Threads;
use crate::trap::TrapError;
use nbc_ir::Elem;
use nbc_ir::catalogue::Extent;

/// Of matrices with fewer rows, columns or products in a sum than this halves gain nothing worth their errors: from
/// here on they save 3 to 10 in a hundred (`docs/linalg.md`).
fn least(elem: Elem) -> usize {
    match elem {
        Elem::F32 => 2000,
        Elem::F64 => 2000,
        Elem::C64 => 1000,
        _ => 1000,
    }
}

/// A matrix in memory, whose rows are in one piece.
struct Part<T> {
    start: *mut T,
    row: usize,
}

impl<T> Clone for Part<T> {
    fn clone(&self) -> Part<T> {
        *self
    }
}

impl<T> Copy for Part<T> {}

// SAFETY: elements may be sent, and who may read and write them is said where it is used.
unsafe impl<T: Send> Sync for Part<T> {}

impl<T> Part<T> {
    fn at(self, row: usize, column: usize) -> Part<T> {
        // `wrapping_add`: whoever reads there has seen to it.
        Part { start: self.start.wrapping_add(row * self.row + column), ..self }
    }

    fn quarters(self, rows: usize, columns: usize) -> [Part<T>; 4] {
        [self, self.at(0, columns), self.at(rows, 0), self.at(rows, columns)]
    }

    fn strided(self) -> Strided<T> {
        Strided { start: self.start, row: self.row, column: 1, conjugate: false }
    }
}

/// m, k and n of a product.
type Dims = [usize; 3];

fn halves([m, k, n]: Dims) -> Dims {
    [m / 2, k / 2, n / 2]
}

fn is_halved(dims: Dims, least: usize) -> bool {
    dims.iter().all(|dim| *dim >= least.max(2))
}

/// Elements of temporaries, for all halvings.
pub(in crate::op) fn room(dims: Dims, least: usize) -> usize {
    if !is_halved(dims, least) {
        return 0;
    }
    let [m, k, n] = halves(dims);
    let both = m.saturating_mul(k.max(n)).saturating_add(k.saturating_mul(n));
    both.saturating_add(room([m, k, n], least))
}

/// What is done to each element of a block.
#[derive(Clone, Copy)]
enum Step {
    /// It becomes x + y,
    Sum,
    /// x - y,
    Difference,
    /// is added to x,
    More,
    /// x is taken from it,
    Less,
    /// and it is taken from x.
    From,
}

/// [`Step`] for a row.
struct Line<T> {
    step: Step,
    to: *mut T,
    x: *const T,
    y: *const T,
    len: usize,
}

impl<T: Number> Work for Line<T> {
    type Result = ();
    #[inline(always)]
    fn run(self) {
        let Line { step, to, x, y, len } = self;
        // SAFETY: rows are there and of that length (`Run::blocks`).
        unsafe {
            match step {
                Step::Sum => (0..len).for_each(|i| to.add(i).write(x.add(i).read().add(y.add(i).read()))),
                Step::Difference => {
                    (0..len).for_each(|i| to.add(i).write(x.add(i).read().sub(y.add(i).read())));
                }
                Step::More => (0..len).for_each(|i| to.add(i).write(to.add(i).read().add(x.add(i).read()))),
                Step::Less => (0..len).for_each(|i| to.add(i).write(to.add(i).read().sub(x.add(i).read()))),
                Step::From => (0..len).for_each(|i| to.add(i).write(x.add(i).read().sub(to.add(i).read()))),
            }
        }
    }
}

/// The sums in the middle, of a row: of the products that are there, three blocks of the result are made.
struct Middle<T> {
    first: *const T,
    blocks: [*mut T; 4],
    len: usize,
}

impl<T: Number> Work for Middle<T> {
    type Result = ();
    #[inline(always)]
    fn run(self) {
        let [c11, c12, c21, c22] = self.blocks;
        for i in 0..self.len {
            // SAFETY: rows are there and of that length (`Run::blocks`).
            unsafe {
                let second = self.first.add(i).read().add(c12.add(i).read());
                let third = second.add(c21.add(i).read());
                let fifth = c22.add(i).read();
                c12.add(i).write(second.add(fifth).add(c11.add(i).read()));
                c21.add(i).write(third);
                c22.add(i).write(third.add(fifth));
            }
        }
    }
}

/// A product that is being made.
struct Run<'r> {
    host: &'r mut dyn OpHost,
    threads: Option<&'r Threads>,
    least: usize,
}

impl Run<'_> {
    /// Does `work` with each of so many rows of so many elements.
    fn rows(&mut self, (rows, len): (usize, usize), work: &(dyn Fn(usize) + Sync)) -> Done {
        in_pieces_on(&mut *self.host, self.threads, (rows, len, 1), &|range| range.for_each(work))
    }

    /// Does a step to a block of so many rows and columns.
    ///
    /// # Safety
    /// All elements of the blocks must be there, those that are read written, and nothing else may use them.
    unsafe fn blocks<T: Number>(
        &mut self,
        dims: (usize, usize),
        step: Step,
        to: Part<T>,
        [x, y]: [Part<T>; 2],
    ) -> Done {
        let places = [to, x, y];
        self.rows(dims, &|row| {
            let [to, x, y] = rows_of(&places, row);
            dispatch(Line { step, to, x, y, len: dims.1 });
        })
    }

    /// `c` = `a`·`b`.
    ///
    /// # Safety
    /// All elements of the matrices must be there, those of `a` and `b` written, and [`room`] elements at `room`. None of
    /// `c` and of these may lie in another; nothing else may use them, nor write the factors.
    unsafe fn product<T: Number>(
        &mut self,
        dims: Dims,
        [a, b, c]: [Part<T>; 3],
        room: *mut T,
    ) -> Result<(), TrapError> {
        if !is_halved(dims, self.least) {
            self.host.poll()?;
            // SAFETY: upheld by the caller.
            return unsafe { self.plain(dims, false, [a, b, c]) };
        }
        let [m, k, n] = halves(dims);
        let [a11, a12, a21, a22] = a.quarters(m, k);
        let [b11, b12, b21, b22] = b.quarters(k, n);
        let [c11, c12, c21, c22] = c.quarters(m, n);
        let left = Part { start: room, row: k };
        let first = Part { start: room, row: n };
        let right = Part { start: room.wrapping_add(m * k.max(n)), row: n };
        let rest = right.start.wrapping_add(k * n);
        let (of_a, of_b, of_c, half) = ((m, k), (k, n), (m, n), [m, k, n]);
        // SAFETY: the quarters lie in the matrices, the temporaries at `room`, where `first` is used after `left`;
        // the rest is upheld by the caller.
        unsafe {
            self.blocks(of_a, Step::Difference, left, [a11, a21])?;
            self.blocks(of_b, Step::Difference, right, [b22, b12])?;
            self.product(half, [left, right, c21], rest)?;
            self.blocks(of_a, Step::Sum, left, [a21, a22])?;
            self.blocks(of_b, Step::Difference, right, [b12, b11])?;
            self.product(half, [left, right, c22], rest)?;
            self.blocks(of_a, Step::Less, left, [a11, a11])?;
            self.blocks(of_b, Step::From, right, [b22, b22])?;
            self.product(half, [left, right, c12], rest)?;
            self.blocks(of_a, Step::From, left, [a12, a12])?;
            self.product(half, [left, b22, c11], rest)?;
            self.product(half, [a11, b11, first], rest)?;
            let places = [first, c11, c12, c21, c22];
            self.rows(of_c, &|row| {
                let [first, blocks @ ..] = rows_of(&places, row);
                dispatch(Middle { first, blocks, len: n });
            })?;
            self.blocks(of_b, Step::Less, right, [b21, b21])?;
            self.product(half, [a22, right, c11], rest)?;
            self.blocks(of_c, Step::Less, c21, [c11, c11])?;
            self.product(half, [a12, b21, c11], rest)?;
            self.blocks(of_c, Step::More, c11, [first, first])?;
            self.edges(dims, [a, b, c])
        }
    }

    /// What halves leave of a product: of an odd number of rows, columns, or products in a sum.
    ///
    /// # Safety
    /// As for [`Run::product`]; `c` is written as far as halves go.
    unsafe fn edges<T: Number>(&mut self, [m, k, n]: Dims, [a, b, c]: [Part<T>; 3]) -> Done {
        let [rows, inner, columns] = [m, k, n].map(|dim| dim & !1);
        // SAFETY: upheld by the caller.
        unsafe {
            if inner < k {
                self.plain([rows, 1, columns], true, [a.at(0, inner), b.at(inner, 0), c])?;
            }
            if columns < n {
                self.plain([rows, k, 1], false, [a, b.at(0, columns), c.at(0, columns)])?;
            }
            if rows < m {
                self.plain([1, k, n], false, [a.at(rows, 0), b, c.at(rows, 0)])?;
            }
        }
        Ok(())
    }

    /// A product as [`multiply_on`] makes it.
    ///
    /// # Safety
    /// As for [`Run::product`]; `c` is written if it is added to.
    unsafe fn plain<T: Number>(&mut self, [m, k, n]: Dims, add: bool, parts: [Part<T>; 3]) -> Done {
        let [a, b, c] = parts.map(Part::strided);
        // SAFETY: upheld by the caller.
        unsafe { multiply_on(&mut *self.host, self.threads, Sizes { m, k, n, add }, a, b, c) }
    }
}

/// Where row number `row` of each begins.
fn rows_of<T, const N: usize>(parts: &[Part<T>; N], row: usize) -> [*mut T; N] {
    std::array::from_fn(|n| parts[n].start.wrapping_add(row * parts[n].row))
}

/// `c` = `a`·`b`, row-major, halved as long as no dim is below `least`.
///
/// # Safety
/// All elements of the matrices must be there, those of `a` and `b` written, and [`room`] elements at `room`. None of `c`
/// and of these may lie in another; nothing else may use them, nor write the factors.
pub(in crate::op) unsafe fn multiply_fast<T: Number>(
    host: &mut dyn OpHost,
    (dims, least): (Dims, usize),
    [a, b]: [*const T; 2],
    c: *mut T,
    room: *mut T,
) -> Done {
    let [m, k, n] = dims;
    let placing = host.heap().placing();
    let load = (m * k * n) as f64 * placing.rates().product * weight::<T>();
    let placed = placing.place(placing.load(load));
    let threads = placed.threads.clone();
    let parts = [
        Part { start: a.cast_mut(), row: k },
        Part { start: b.cast_mut(), row: n },
        Part { start: c, row: n },
    ];
    let mut run = Run { host: &mut *host, threads: threads.as_ref(), least };
    // SAFETY: upheld by the caller; of the factors nothing is written.
    unsafe { run.product(dims, parts, room)? };
    host.heap().placing().done(placed);
    Ok(())
}

pub(in crate::op) fn linalg_matmul_fast(call: &mut OpCall<'_>) -> Done {
    let product = Call::new(call, NAME, 0, Default::default())?;
    with_elem!(inexact call.elem(0), T => {
        call.charge(Extent::new(product.dims(), size_of::<T>()))?;
        let (dims, least) = (product.sizes_of_one(), least(<T as Element>::ELEM));
        if !is_halved(dims, least) {
            return write::<T>(call, &product);
        }
        let factors = [call.input::<T>(0).as_ptr(), call.input::<T>(1).as_ptr()];
        let out = call.output_charged::<T>(product.dims())?;
        let to = out.elements.as_mut_ptr().cast::<T>();
        let [m, k, n] = dims;
        // SAFETY: the temporaries are used in here only. Each product lies in the arguments and in the result, which is
        // new and has its dims.
        unsafe {
            call.with_working_space(|call| {
                let bytes = room(dims, least).saturating_mul(size_of::<T>());
                let room = call.host.heap().scratch(bytes)?.cast::<T>().as_ptr();
                for at in 0..product.count() {
                    let (i, j) = product.pair(at);
                    let a = factors[0].wrapping_add(i * m * k);
                    let b = factors[1].wrapping_add(j * k * n);
                    multiply_fast(&mut *call.host, (dims, least), [a, b], to.wrapping_add(at * m * n), room)?;
                }
                Ok(())
            })?;
            call.finish(out);
        }
        Ok(())
    })
}
