//! Systems of equations with any square matrix, by a sparse LU factorisation with partial pivoting.
//!
//! Columns are made one after the other, in an order that is given, each from those before it (left-looking,
//! Gilbert and Peierls). What a column needs is found from places alone, so it is paid for before it is computed. Neighbours with
//! the same rows are kept together (supernodes, as in SuperLU): they share a list of rows and are applied at once.
//!
//! The pivot is the element on the diagonal if it is at least a tenth of the largest in its column, else the largest.
//!
//! The library faer has such a factorisation too. It takes memory that nobody can bound beforehand, does not ask for leave
//! to go on, and panics where a column has no pivot. So only orders come from there.
//!
//! Invariant: sums are made in an order that follows from matrix and order of columns alone; nothing is fused.
//!
//! ```
//! use nbc_numerics::sparse::{Compressed, lu::{Factors, Host}};
//! struct Free;
//! impl<'a> Host<'a, ()> for Free {
//!     fn space<X: Copy + Default + Send + 'a>(&mut self, n: usize) -> Result<&'a mut [X], ()> {
//!         Ok(vec![X::default(); n].leak())
//!     }
//!     fn charge(&mut self, _: u64) -> Result<(), ()> {
//!         Ok(())
//!     }
//!     fn ask(&mut self) -> Result<(), ()> {
//!         Ok(())
//!     }
//! }
//! // 0 2
//! // 4 1, by columns.
//! let a = Compressed::new([2, 2], &[0, 1, 3], &[1, 0, 1], &[4.0, 2.0, 1.0]);
//! let factors = Factors::new(a, &[0, 1], &mut Free)?.expect("regular");
//! let mut x = [6.0, 7.0];
//! factors.solve(&mut x, 1, &mut Free)?;
//! assert_eq!(x, [1.0, 3.0]);
//! # Ok::<(), ()>(())
//! ```

use super::{Compressed, Field, STRETCH};
use std::ops::Range;

/// Columns of a supernode at most.
const WIDEST: usize = 128;
/// Rows that are updated at once, by all columns of a supernode.
const BLOCK: usize = 1 << 10;
/// Multiplications that are paid for at once, at least.
const PAID: u64 = 1 << 12;
/// Right-hand sides that are solved for at once.
const LANES: usize = 4;
/// The position of a row that has none yet.
const NONE: u32 = u32::MAX;
/// A pivot on the diagonal is at least this much of the largest element.
const DIAGONAL: f64 = 0.1;

/// Who gives memory, is paid, and says whether to go on.
pub trait Host<'a, E> {
    /// Room for so many, all of them the default.
    ///
    /// # Errors
    /// Where there is none.
    fn space<X: Copy + Default + Send + 'a>(&mut self, n: usize) -> Result<&'a mut [X], E>;
    /// Pays for so many multiplications, before they are done.
    ///
    /// # Errors
    /// Where they are not to be done.
    fn charge(&mut self, multiplications: u64) -> Result<(), E>;
    /// Asks for leave to go on.
    ///
    /// # Errors
    /// Where it is not to go on.
    fn ask(&mut self) -> Result<(), E>;
}

/// Why there are no factors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// That column has no place left for a pivot, whatever its elements are.
    Structure(usize),
    /// All that is left of that column is zero.
    Zero(usize),
    /// The factors have elements that are not finite from that column on.
    Overflow(usize),
}

/// Counts steps, and asks after so many.
struct Steps(usize);

impl Steps {
    #[inline]
    fn done<'a, E>(&mut self, steps: usize, host: &mut impl Host<'a, E>) -> Result<(), E> {
        self.0 += steps;
        if self.0 < STRETCH {
            return Ok(());
        }
        self.0 = 0;
        host.ask()
    }
}

/// Memory that grows without anything being moved.
struct Chunks<'a, X> {
    chunks: Vec<&'a mut [X]>,
    /// Of the last.
    used: usize,
    total: usize,
}

impl<'a, X: Copy + Default + Send + 'a> Chunks<'a, X> {
    /// Bits for a place within a chunk.
    const WITHIN: u32 = 44;
    const LEAST: usize = 1 << 10;

    fn new() -> Chunks<'a, X> {
        Chunks { chunks: Vec::new(), used: 0, total: 0 }
    }

    /// A place for so many.
    fn take<E>(&mut self, n: usize, host: &mut impl Host<'a, E>) -> Result<u64, E> {
        let left = self.chunks.last().map_or(0, |last| last.len() - self.used);
        if left < n {
            // A fifth of all may be left over, so there are few chunks.
            let long = n.max(self.total / 4).max(Self::LEAST);
            self.chunks.push(host.space(long)?);
            (self.used, self.total) = (0, self.total + long);
        }
        let place = ((self.chunks.len().max(1) - 1) as u64) << Self::WITHIN | self.used as u64;
        self.used += n;
        Ok(place)
    }

    #[inline]
    fn split(place: u64) -> (usize, usize) {
        ((place >> Self::WITHIN) as usize, (place & ((1 << Self::WITHIN) - 1)) as usize)
    }

    #[inline]
    fn get(&self, place: u64, n: usize) -> &[X] {
        if n == 0 {
            return &[];
        }
        let (chunk, at) = Self::split(place);
        &self.chunks[chunk][at..at + n]
    }

    #[inline]
    fn get_mut(&mut self, place: u64, n: usize) -> &mut [X] {
        if n == 0 {
            return &mut [];
        }
        let (chunk, at) = Self::split(place);
        &mut self.chunks[chunk][at..at + n]
    }
}

/// Columns next to each other that have the same rows.
#[derive(Clone, Copy, Default)]
struct Supernode {
    /// Its first column, in the order of the factorisation.
    first: u32,
    width: u32,
    /// How many rows it has: first those of its pivots, in order, then the others.
    height: u32,
    /// Where they are.
    rows: u64,
}

/// A column of the factors.
#[derive(Clone, Copy, Default)]
struct Column {
    /// Elements of L behind the pivot, for the rows of its supernode.
    lower: u64,
    /// Elements of U before the pivot.
    upper: u64,
    above: u32,
    /// Pieces of these: the first row, in the order of the factorisation, and how many.
    pieces: u64,
    parts: u32,
}

/// What is factored.
pub struct Factors<'a, T> {
    order: &'a [u32],
    /// The row of each pivot.
    pivot_rows: &'a mut [u32],
    pivots: &'a mut [T],
    supernodes: &'a mut [Supernode],
    count: usize,
    columns: &'a mut [Column],
    lists: Chunks<'a, u32>,
    values: Chunks<'a, T>,
}

/// What a factorisation works with.
struct Work<'a, T> {
    /// Where each row is a pivot's, or [`NONE`].
    position: &'a mut [u32],
    /// The supernode of each column.
    of: &'a mut [u32],
    /// The column that is being made, by rows; zero elsewhere.
    dense: &'a mut [T],
    /// Rows without a position in that column.
    rows: &'a mut [u32],
    found: usize,
    /// Supernodes that the column needs, from `top` on, each behind those that it needs.
    sorted: &'a mut [u32],
    top: usize,
    /// The first column of each of them that it needs.
    start: &'a mut [u32],
    row_seen: &'a mut [u32],
    node_seen: &'a mut [u32],
    /// Supernodes that are being gone through, and where in their rows.
    path: &'a mut [[u32; 2]],
    upper: &'a mut [T],
    pieces: &'a mut [u32],
    steps: Steps,
}

impl<'a, T: Field> Work<'a, T> {
    fn new<E>(n: usize, host: &mut impl Host<'a, E>) -> Result<Work<'a, T>, E> {
        let position = host.space(n)?;
        position.fill(NONE);
        Ok(Work {
            position,
            of: host.space(n)?,
            dense: host.space(n)?,
            rows: host.space(n)?,
            found: 0,
            sorted: host.space(n)?,
            top: n,
            start: host.space(n)?,
            row_seen: host.space(n)?,
            node_seen: host.space(n)?,
            path: host.space(n)?,
            upper: host.space(n)?,
            pieces: host.space(2 * n)?,
            steps: Steps(0),
        })
    }

    /// Goes to a row of the column; the result is a supernode that has not been gone through.
    #[inline]
    fn meet(&mut self, row: u32, stamp: u32) -> Option<u32> {
        let position = self.position[row as usize];
        if position == NONE {
            let seen = &mut self.row_seen[row as usize];
            if *seen != stamp {
                *seen = stamp;
                self.rows[self.found] = row;
                self.found += 1;
            }
            return None;
        }
        let node = self.of[position as usize];
        if self.node_seen[node as usize] == stamp {
            let start = &mut self.start[node as usize];
            *start = position.min(*start);
            return None;
        }
        self.node_seen[node as usize] = stamp;
        self.start[node as usize] = position;
        Some(node)
    }

    /// Finds rows and supernodes that a column of these rows needs.
    fn reach<E>(
        &mut self,
        column: &[i32],
        stamp: u32,
        factors: &Factors<'a, T>,
        host: &mut impl Host<'a, E>,
    ) -> Result<(), E> {
        (self.found, self.top) = (0, self.sorted.len());
        for row in column {
            let Some(node) = self.meet(*row as u32, stamp) else { continue };
            let mut depth = 1;
            self.path[0] = [node, 0];
            while depth > 0 {
                let [node, at] = self.path[depth - 1];
                let rows = factors.below(node as usize);
                let mut next = at as usize;
                let mut inner = None;
                while next < rows.len() && inner.is_none() {
                    inner = self.meet(rows[next], stamp);
                    next += 1;
                }
                self.steps.done(next - at as usize + 1, host)?;
                if let Some(inner) = inner {
                    self.path[depth - 1][1] = next as u32;
                    self.path[depth] = [inner, 0];
                    depth += 1;
                } else {
                    depth -= 1;
                    self.top -= 1;
                    self.sorted[self.top] = node;
                }
            }
        }
        Ok(())
    }

    /// Applies supernode `node` to the column, whose elements of U from `above` on it writes.
    fn apply<E>(
        &mut self,
        node: Supernode,
        start: usize,
        above: usize,
        factors: &Factors<'a, T>,
        host: &mut impl Host<'a, E>,
    ) -> Result<usize, E> {
        let (width, first) = (node.width as usize, node.first as usize);
        let rows = factors.lists.get(node.rows, node.height as usize);
        let len = first + width - start;
        let upper = &mut self.upper[above..above + len];
        for (upper, row) in upper.iter_mut().zip(&rows[start - first..width]) {
            *upper = std::mem::take(&mut self.dense[*row as usize]);
        }
        for at in 0..len {
            let (known, others) = upper[at..].split_at_mut(1);
            let lower = factors.lower(start + at, node);
            others.iter_mut().zip(lower).for_each(|(other, lower)| *other = *other - *lower * known[0]);
        }
        let behind =
            |at: usize, range: &Range<usize>| &factors.lower(start + at, node)[len - at - 1..][range.clone()];
        let below = &rows[width..];
        if let [known] = &*upper {
            for (row, lower) in below.iter().zip(behind(0, &(0..below.len()))) {
                let dense = &mut self.dense[*row as usize];
                *dense = *dense - *lower * *known;
            }
            self.steps.done(below.len(), host)?;
            return Ok(len);
        }
        let mut block = [T::ZERO; BLOCK];
        for begin in (0..below.len()).step_by(BLOCK) {
            let range = begin..below.len().min(begin + BLOCK);
            let (rows, block) = (&below[range.clone()], &mut block[..range.len()]);
            for (to, row) in block.iter_mut().zip(rows) {
                *to = self.dense[*row as usize];
            }
            let fours = upper.chunks_exact(4);
            let rest = fours.remainder();
            for (n, u) in fours.enumerate() {
                let [a, b, c, d] = [0, 1, 2, 3].map(|k| behind(4 * n + k, &range));
                let (low, high) = (a.iter().zip(b), c.iter().zip(d));
                for (to, ((a, b), (c, d))) in block.iter_mut().zip(low.zip(high)) {
                    *to = *to - *a * u[0] - *b * u[1] - *c * u[2] - *d * u[3];
                }
            }
            for (n, u) in rest.iter().enumerate() {
                let lower = behind(len - rest.len() + n, &range);
                block.iter_mut().zip(lower).for_each(|(to, lower)| *to = *to - *lower * *u);
            }
            for (from, row) in block.iter().zip(rows) {
                self.dense[*row as usize] = *from;
            }
            self.steps.done((len + 2) * range.len(), host)?;
        }
        Ok(len)
    }

    /// Where in `rows` the pivot is.
    fn pivot(&self, rows: &[u32], column: usize) -> Result<usize, Wrong> {
        let (mut largest, mut at, mut diagonal) = (-1.0, None, None);
        for (n, row) in rows.iter().enumerate() {
            let value = self.dense[*row as usize];
            let size = value.size();
            // NaN is the largest of all.
            if size.is_nan() || size.is_infinite() {
                return Err(Wrong::Overflow(column));
            }
            if size > largest {
                (largest, at) = (size, Some(n));
            }
            if *row as usize == column {
                diagonal = Some((size, n));
            }
        }
        let at = at.ok_or(Wrong::Structure(column))?;
        if largest == 0.0 {
            return Err(Wrong::Zero(column));
        }
        Ok(match diagonal {
            Some((size, diagonal)) if size >= DIAGONAL * largest => diagonal,
            _ => at,
        })
    }
}

impl<'a, T: Field> Factors<'a, T> {
    /// Of a matrix by columns, whose elements are finite, in that order of columns.
    ///
    /// # Errors
    /// Those of the host.
    ///
    /// # Panics
    /// When it is not square, or the order has another length.
    pub fn new<E>(
        a: Compressed<'_, T>,
        order: &'a [u32],
        host: &mut impl Host<'a, E>,
    ) -> Result<Result<Factors<'a, T>, Wrong>, E> {
        let n = a.major;
        assert!(a.minor == n && order.len() == n);
        let mut factors = Factors {
            order,
            pivot_rows: host.space(n)?,
            pivots: host.space(n)?,
            supernodes: host.space(n)?,
            count: 0,
            columns: host.space(n)?,
            lists: Chunks::new(),
            values: Chunks::new(),
        };
        let mut work = Work::new(n, host)?;
        let mut owed = 0;
        for (at, column) in order.iter().enumerate() {
            let column = *column as usize;
            let (rows, values) = a.part(column);
            work.reach(rows, at as u32 + 1, &factors, host)?;
            owed += factors.cost(&work) + rows.len() as u64 + 1;
            if owed >= PAID {
                host.charge(std::mem::take(&mut owed))?;
            }
            for (row, value) in rows.iter().zip(values) {
                work.dense[*row as usize] = *value;
            }
            if let Err(wrong) = factors.column(at, column, &mut work, host)? {
                return Ok(Err(wrong));
            }
        }
        host.charge(owed)?;
        Ok(Ok(factors))
    }

    /// Elements of L behind the pivot of that column.
    #[inline]
    fn lower(&self, column: usize, node: Supernode) -> &[T] {
        let behind = node.height as usize - (column - node.first as usize) - 1;
        self.values.get(self.columns[column].lower, behind)
    }

    /// Rows of a supernode below its pivots.
    #[inline]
    fn below(&self, node: usize) -> &[u32] {
        let node = &self.supernodes[node];
        &self.lists.get(node.rows, node.height as usize)[node.width as usize..]
    }

    /// Multiplications that a column takes.
    fn cost(&self, work: &Work<'a, T>) -> u64 {
        let each = |node: &u32| {
            let (start, node) = (work.start[*node as usize], &self.supernodes[*node as usize]);
            let len = u64::from(node.first + node.width - start);
            len * (u64::from(node.height - node.width) + len / 2 + 1)
        };
        work.sorted[work.top..].iter().map(each).sum::<u64>() + work.found as u64
    }

    /// Makes column `at`, which is that of the matrix.
    fn column<E>(
        &mut self,
        at: usize,
        column: usize,
        work: &mut Work<'a, T>,
        host: &mut impl Host<'a, E>,
    ) -> Result<Result<(), Wrong>, E> {
        let (mut above, mut parts) = (0, 0);
        for n in work.top..work.sorted.len() {
            let node = work.sorted[n];
            let start = work.start[node as usize] as usize;
            let len = work.apply(self.supernodes[node as usize], start, above, self, host)?;
            (work.pieces[2 * parts], work.pieces[2 * parts + 1]) = (start as u32, len as u32);
            (above, parts) = (above + len, parts + 1);
        }
        let upper = self.values.take(above, host)?;
        self.values.get_mut(upper, above).copy_from_slice(&work.upper[..above]);
        let pieces = self.lists.take(2 * parts, host)?;
        self.lists.get_mut(pieces, 2 * parts).copy_from_slice(&work.pieces[..2 * parts]);
        self.columns[at] = Column { lower: 0, upper, above: above as u32, pieces, parts: parts as u32 };

        // Rows that are left are those of the last supernode if they are as many, as it is among what they come from.
        let last = self.count.wrapping_sub(1);
        let joins = self.supernodes.get(last).is_some_and(|node| {
            let left = (node.height - node.width) as usize;
            let is_needed = work.node_seen[last] == at as u32 + 1;
            is_needed && left == work.found && (node.width as usize) < WIDEST
        });
        let node = if joins {
            last
        } else {
            let rows = self.lists.take(work.found, host)?;
            self.lists.get_mut(rows, work.found).copy_from_slice(&work.rows[..work.found]);
            self.supernodes[self.count] =
                Supernode { first: at as u32, width: 0, height: work.found as u32, rows };
            self.count += 1;
            self.count - 1
        };
        let pivot = match work.pivot(self.below(node), column) {
            Ok(pivot) => pivot,
            Err(wrong) => return Ok(Err(wrong)),
        };
        self.swap(node, pivot);
        let Supernode { first, width, height, rows } = self.supernodes[node];
        let rows = &self.lists.get(rows, height as usize)[width as usize..];
        let value = std::mem::take(&mut work.dense[rows[0] as usize]);
        let lower = self.values.take(rows.len() - 1, host)?;
        for (lower, row) in self.values.get_mut(lower, rows.len() - 1).iter_mut().zip(&rows[1..]) {
            *lower = std::mem::take(&mut work.dense[*row as usize]).over(value);
        }
        work.steps.done(4 * rows.len(), host)?;
        self.columns[at].lower = lower;
        (self.pivots[at], self.pivot_rows[at]) = (value, rows[0]);
        work.position[rows[0] as usize] = at as u32;
        work.of[at] = node as u32;
        self.supernodes[node].width = at as u32 + 1 - first;
        Ok(Ok(()))
    }

    /// Makes that row below the pivots of a supernode the first of them.
    fn swap(&mut self, node: usize, pivot: usize) {
        if pivot == 0 {
            return;
        }
        let Supernode { first, width, height, rows } = self.supernodes[node];
        self.lists.get_mut(rows, height as usize)[width as usize..].swap(0, pivot);
        for column in 0..width as usize {
            let behind = height as usize - column - 1;
            let lower = self.columns[first as usize + column].lower;
            self.values.get_mut(lower, behind)[width as usize - column - 1..].swap(0, pivot);
        }
    }

    /// How many numbers the factors have.
    pub fn stored(&self) -> usize {
        self.values.total
    }

    /// Multiplications that solving for a right-hand side takes.
    fn each(&self) -> u64 {
        let lower = |node: &Supernode| u64::from(node.height) * u64::from(node.width);
        let upper: u64 = self.columns.iter().map(|column| u64::from(column.above) + 1).sum();
        upper + self.supernodes[..self.count].iter().map(lower).sum::<u64>()
    }

    /// Solves for `width` right-hand sides, which `x` holds row by row, in place.
    ///
    /// # Errors
    /// Those of the host.
    pub fn solve<E>(&self, x: &mut [T], width: usize, host: &mut impl Host<'a, E>) -> Result<(), E> {
        host.charge(self.each().saturating_mul(width as u64))?;
        let n = self.order.len();
        let (by_rows, by_columns) = (host.space(n * width.min(LANES))?, host.space(n * width.min(LANES))?);
        let mut from = 0;
        while width - from >= LANES {
            self.lanes::<LANES, E>(x, (width, from), by_rows, by_columns, host)?;
            from += LANES;
        }
        for from in from..width {
            self.lanes::<1, E>(x, (width, from), &mut by_rows[..n], &mut by_columns[..n], host)?;
        }
        Ok(())
    }

    /// Solves for `N` of them.
    fn lanes<const N: usize, E>(
        &self,
        x: &mut [T],
        (width, from): (usize, usize),
        by_rows: &mut [T],
        solved: &mut [T],
        host: &mut impl Host<'a, E>,
    ) -> Result<(), E> {
        let mut steps = Steps(0);
        let (by_rows, solved) = (by_rows.as_chunks_mut::<N>().0, solved.as_chunks_mut::<N>().0);
        for (to, x) in by_rows.iter_mut().zip(x.chunks_exact(width)) {
            to.copy_from_slice(&x[from..from + N]);
        }
        for node in &self.supernodes[..self.count] {
            let rows = self.lists.get(node.rows, node.height as usize);
            for column in 0..node.width as usize {
                let at = node.first as usize + column;
                let known = by_rows[self.pivot_rows[at] as usize];
                solved[at] = known;
                for (row, lower) in rows[column + 1..].iter().zip(self.lower(at, *node)) {
                    let to = &mut by_rows[*row as usize];
                    to.iter_mut().zip(known).for_each(|(to, known)| *to = *to - *lower * known);
                }
                steps.done(N * (rows.len() - column), host)?;
            }
        }
        for at in (0..self.order.len()).rev() {
            let column = &self.columns[at];
            let pivot = self.pivots[at];
            let known = solved[at].map(|x| x.over(pivot));
            let mut upper = self.values.get(column.upper, column.above as usize);
            for piece in self.lists.get(column.pieces, 2 * column.parts as usize).chunks_exact(2) {
                let (of_piece, others) = upper.split_at(piece[1] as usize);
                for (to, upper) in solved[piece[0] as usize..].iter_mut().zip(of_piece) {
                    to.iter_mut().zip(known).for_each(|(to, known)| *to = *to - *upper * known);
                }
                upper = others;
            }
            let to = self.order[at] as usize * width + from;
            x[to..to + N].copy_from_slice(&known);
            steps.done(N * (column.above as usize + 1), host)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_complex::Complex;

    struct Free {
        paid: u64,
        asked: u64,
    }

    impl<'a> Host<'a, ()> for Free {
        fn space<X: Copy + Default + Send + 'a>(&mut self, n: usize) -> Result<&'a mut [X], ()> {
            Ok(vec![X::default(); n].leak())
        }
        fn charge(&mut self, multiplications: u64) -> Result<(), ()> {
            self.paid += multiplications;
            Ok(())
        }
        fn ask(&mut self) -> Result<(), ()> {
            self.asked += 1;
            Ok(())
        }
    }

    /// A matrix by columns of what is not zero.
    fn columns<T: Field>(n: usize, of: impl Fn(usize, usize) -> T) -> (Vec<i64>, Vec<i32>, Vec<T>) {
        let (mut pointers, mut indices, mut values) = (vec![0], vec![], vec![]);
        for j in 0..n {
            for i in (0..n).filter(|i| of(*i, j) != T::ZERO) {
                indices.push(i as i32);
                values.push(of(i, j));
            }
            pointers.push(indices.len() as i64);
        }
        (pointers, indices, values)
    }

    /// Solves for a known solution and says how far the result is off, and how many numbers the factors have.
    fn off<T: Field>(n: usize, order: &[u32], of: impl Fn(usize, usize) -> T) -> (f64, Free, usize) {
        let (pointers, indices, values) = columns(n, of);
        let a = Compressed::new([n, n], &pointers, &indices, &values);
        let known: Vec<T> = (0..n).map(|i| T::real((i % 5) as f64 - 2.0)).collect();
        let mut x = vec![T::ZERO; n];
        for (j, known) in known.iter().enumerate() {
            let (at, of) = a.part(j);
            at.iter().zip(of).for_each(|(i, v)| x[*i as usize] = x[*i as usize] + *v * *known);
        }
        let mut host = Free { paid: 0, asked: 0 };
        let factors = Factors::new(a, order, &mut host).unwrap().unwrap();
        factors.solve(&mut x, 1, &mut host).unwrap();
        let off = x.iter().zip(&known).map(|(x, y)| (*x - *y).size()).fold(0.0, f64::max);
        (off, host, factors.count)
    }

    #[test]
    fn wide_supernodes_and_many_rows_are_right() {
        // Full, so there are as few supernodes as may be.
        let n = 2 * WIDEST + 30;
        let order: Vec<u32> = (0..n as u32).collect();
        let number = |i: usize, j: usize| {
            let mixed = ((i * 4099 + j) as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (mixed >> 40) as f64 / 1e6 - 8.0
        };
        let (error, host, nodes) = off(n, &order, number);
        assert!(error < 1e-9, "{error}");
        assert_eq!(nodes, 3);
        // A third of a cube, for L and for U.
        let cube = (n * n * n) as u64 / 3;
        assert!(host.paid > cube && host.paid < 2 * cube, "{} for {cube}", host.paid);
        assert!(host.asked as usize > host.paid as usize / STRETCH / 2);
        // A few full columns first: pieces of several lengths over more rows than a block has.
        let n = BLOCK + 300;
        let order: Vec<u32> = (0..n as u32).collect();
        for full in [1, 2, 4, 7] {
            let of = |i: usize, j: usize| match i == j {
                _ if j < full || j + 3 > n => number(i, j) + 300.0 * f64::from(i == j),
                true => 2.0,
                false => 0.0,
            };
            let (error, ..) = off(n, &order, of);
            assert!(error < 1e-9, "{full}: {error}");
            let (error, ..) = off(n, &order, |i, j| Complex::new(of(i, j), of(i, j) / 3.0));
            assert!(error < 1e-9, "{full}: {error}");
        }
    }

    #[test]
    fn any_order_of_columns_does() {
        let n = 40;
        let of = |i: usize, j: usize| match (i + 2 * n - j) % n {
            0 => 0.1f32,
            1 => 4.0,
            5 => -1.0,
            _ => 0.0,
        };
        for step in [1, 3, 7, 11, 39] {
            let order: Vec<u32> = (0..n as u32).map(|i| i * step % n as u32).collect();
            let (error, ..) = off(n, &order, of);
            assert!(error < 1e-4, "{step}: {error}");
        }
    }
}
