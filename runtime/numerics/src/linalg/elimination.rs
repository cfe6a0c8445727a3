//! Gaussian elimination and substitution that divide where the library multiplies by an inverse.
//!
//! A pivot below the least normal number has no inverse that is a number, and zero has none at all. That of one near
//! the largest number has lost digits. What the library makes of such matrices is full of NaN, or not close, so they are
//! decomposed and solved once more here. Invariant: a column without a pivot is left as it is, so the factors of a
//! singular matrix are numbers.

use super::Fault;
use super::crew::Crew;
use super::field::Field;
use super::library::Side;
use faer::prelude::{Reborrow, ReborrowMut};
use faer::{Conj, MatMut, MatRef};

/// Columns that are eliminated one by one, before products do the rest of the matrix.
const PANEL: usize = 64;

/// Whether the inverse of a number may be no normal one.
fn is_extreme<T: Field>(x: T) -> bool {
    // Sums of squares, of which complex inverses are made, want a little more.
    let least = 4.0 * Into::<f64>::into(T::least());
    !(least..=1.0 / least).contains(&x.size().into())
}

/// Whether substitution has to divide by these.
pub(super) fn has_extreme_diagonal<T: Field>(a: MatRef<'_, T>) -> bool {
    (0..a.nrows().min(a.ncols())).any(|i| is_extreme(a[(i, i)]))
}

/// Whether the library's factors of a matrix are spoilt. Where only a regular one is of use, they are not if a pivot
/// is zero before any is extreme.
pub(super) fn is_spoilt<T: Field>(factors: MatRef<'_, T>, regular: bool) -> bool {
    let (m, n) = (factors.nrows(), factors.ncols());
    // The last row divides none.
    for i in 0..n.min(m.saturating_sub(1)) {
        let pivot = factors[(i, i)];
        if pivot == T::default() {
            return !regular;
        }
        if is_extreme(pivot) {
            return true;
        }
    }
    false
}

/// Decomposes m×n `a` with partial pivoting, in place. Row i and row `changes[i]`, which is none above it, have changed
/// places, one such pair after the other.
///
/// # Errors
/// `Stopped`.
pub(super) fn lu<T: Field>(mut a: MatMut<'_, T>, changes: &mut [usize], crew: Crew<'_>) -> Result<(), Fault> {
    let (m, n) = (a.nrows(), a.ncols());
    let size = m.min(n);
    for k in (0..size).step_by(PANEL) {
        crew.ask()?;
        let width = PANEL.min(size - k);
        let (mut left, rest) = a.rb_mut().split_at_col_mut(k);
        let (mut panel, mut right) = rest.split_at_col_mut(width);
        for (i, with) in (k..).zip(&mut changes[k..k + width]) {
            *with = eliminate(panel.rb_mut(), k, i);
            change(left.rb_mut(), i, *with);
            change(right.rb_mut(), i, *with);
        }
        let (top, below) = panel.rb().subrows(k, m - k).split_at_row(width);
        let (mut first, rest) = right.subrows_mut(k, m - k).split_at_row_mut(width);
        T::triangle((top, Conj::No), Side { lower: true, unit: true }, first.rb_mut());
        T::subtract(rest, (below, Conj::No), (first.rb(), Conj::No));
    }
    Ok(())
}

/// One step in a panel whose first column is column `k` of the matrix: that of row `i`, and where its pivot was.
fn eliminate<T: Field>(mut panel: MatMut<'_, T>, k: usize, i: usize) -> usize {
    let (m, at) = (panel.nrows(), i - k);
    let (mut best, mut most) = (i, panel[(i, at)].size());
    for row in i + 1..m {
        let size = panel[(row, at)].size();
        if size > most {
            (best, most) = (row, size);
        }
    }
    change(panel.rb_mut(), i, best);
    let pivot = panel[(i, at)];
    if pivot == T::default() {
        return best;
    }
    for row in i + 1..m {
        panel[(row, at)] = panel[(row, at)].over(pivot);
    }
    for column in at + 1..panel.ncols() {
        let by = panel[(i, column)];
        for row in i + 1..m {
            let less = panel[(row, at)] * by;
            panel[(row, column)] -= less;
        }
    }
    best
}

/// Has two rows change places.
fn change<T: Field>(mut a: MatMut<'_, T>, i: usize, j: usize) {
    if i != j {
        for column in 0..a.ncols() {
            let (x, y) = (a[(i, column)], a[(j, column)]);
            (a[(i, column)], a[(j, column)]) = (y, x);
        }
    }
}

/// Solves for a triangle by quotients, in place.
pub(super) fn substitute<T: Field>((a, conj): (MatRef<'_, T>, Conj), side: Side, mut x: MatMut<'_, T>) {
    let n = a.nrows();
    let at = |i: usize, j: usize| match conj {
        Conj::No => a[(i, j)],
        Conj::Yes => a[(i, j)].conjugate(),
    };
    for column in 0..x.ncols() {
        for step in 0..n {
            let (i, rest) = if side.lower { (step, step + 1..n) } else { (n - 1 - step, 0..n - 1 - step) };
            if !side.unit {
                x[(i, column)] = x[(i, column)].over(at(i, i));
            }
            let by = x[(i, column)];
            for j in rest {
                let less = at(j, i) * by;
                x[(j, column)] -= less;
            }
        }
    }
}
