//! Inverses and determinants of matrices, of any modulus.
//!
//! Elimination by rows. Where a column has an element with an inverse, that is the pivot. Modulo a number that is not prime
//! there may be none though the matrix has an inverse: then rows are combined as Euclid's algorithm says,
//! which makes their common factor the pivot and leaves the determinant as it is.
//!
//! ```
//! use nbc_numerics::modular::{Modulus, matrix::invert};
//! let m = Modulus::new(26).unwrap();
//! // The key of Hill's cipher from a textbook: determinant 9.
//! let (mut a, mut inverse) = ([3, 3, 2, 5], [1, 0, 0, 1]);
//! let mut ask = || Ok::<(), ()>(());
//! assert_eq!(invert(m, &mut a, &mut inverse, 2, &mut ask), Ok(9));
//! assert_eq!(inverse, [15, 17, 20, 9]);
//! ```

use super::Modulus;

/// Products between two questions.
const STRETCH: usize = 1 << 16;
/// Products that a search for an inverse takes as long as.
const INVERSE: usize = 16;

/// What is done to the rows of two matrices at once, which are one with twice as many columns.
struct Rows<'r> {
    m: Modulus,
    parts: [&'r mut [u64]; 2],
    side: usize,
}

impl Rows<'_> {
    fn swap(&mut self, a: usize, b: usize) {
        for part in &mut self.parts {
            for column in 0..self.side.min(part.len()) {
                part.swap(a * self.side + column, b * self.side + column);
            }
        }
    }

    /// Row `a` becomes x·a + y·b, and `b` becomes z·a + w·b, from column `from` of the first part on.
    fn combine(&mut self, (a, b): (usize, usize), [x, y, z, w]: [u64; 4], from: usize) {
        let (m, side) = (self.m, self.side);
        for (part, from) in self.parts.iter_mut().zip([from, 0]) {
            if part.is_empty() {
                continue;
            }
            for column in from..side {
                let (first, second) = (part[a * side + column], part[b * side + column]);
                part[a * side + column] = m.add(m.multiply(x, first), m.multiply(y, second));
                part[b * side + column] = m.add(m.multiply(z, first), m.multiply(w, second));
            }
        }
    }

    /// Adds row `from` times `factor` to row `to`, from column `start` of the first part on.
    fn add(&mut self, from: usize, factor: u64, to: usize, start: usize) {
        let (m, side) = (self.m, self.side);
        for (part, start) in self.parts.iter_mut().zip([start, 0]) {
            if part.is_empty() {
                continue;
            }
            for column in start..side {
                let product = m.multiply(factor, part[from * side + column]);
                let to = &mut part[to * side + column];
                *to = m.add(*to, product);
            }
        }
    }

    fn at(&self, row: usize, column: usize) -> u64 {
        self.parts[0][row * self.side + column]
    }
}

/// The greatest common factor g of two residues, x and y with x·a + y·b = g, and a/g and b/g.
fn common(m: Modulus, a: u64, b: u64) -> [u64; 4] {
    let (mut first, mut second) = ([a, 1 % m.value(), 0], [b, 0, 1 % m.value()]);
    while second[0] != 0 {
        let quotient = first[0] / second[0];
        let rest = first[0] % second[0];
        let step = |at: usize| m.subtract(first[at], m.multiply(quotient, second[at]));
        (first, second) = (second, [rest, step(1), step(2)]);
    }
    let factor = first[0].max(1);
    [first[1], first[2], a / factor, b / factor]
}

/// Makes `a` an upper triangle and does the same to `beside`, which may be empty. The result is the determinant.
/// Both hold residues.
///
/// # Errors
/// Where `ask` does not give leave to go on.
pub fn triangle<E>(
    m: Modulus,
    a: &mut [u64],
    beside: &mut [u64],
    side: usize,
    ask: &mut dyn FnMut() -> Result<(), E>,
) -> Result<u64, E> {
    let mut rows = Rows { m, parts: [a, beside], side };
    let (mut determinant, mut steps) = (1 % m.value(), 0);
    for pivot in 0..side {
        let unit = (pivot..side).find(|row| m.inverse(rows.at(*row, pivot)).is_some());
        // An inverse takes about as long as so many products, whether or not there is one.
        steps += INVERSE * (side - pivot);
        if let Some(row) = unit.filter(|row| *row != pivot) {
            rows.swap(pivot, row);
            determinant = m.subtract(0, determinant);
        }
        let mut inverse = m.inverse(rows.at(pivot, pivot));
        for row in pivot + 1..side {
            if steps >= STRETCH {
                steps = 0;
                ask()?;
            }
            let (top, below) = (rows.at(pivot, pivot), rows.at(row, pivot));
            if below == 0 {
                continue;
            }
            match inverse {
                Some(inverse) => {
                    rows.add(pivot, m.subtract(0, m.multiply(below, inverse)), row, pivot);
                }
                None => {
                    let [x, y, top, below] = common(m, top, below);
                    rows.combine((pivot, row), [x, y, m.subtract(0, below), top], pivot);
                    inverse = m.inverse(rows.at(pivot, pivot));
                }
            }
            steps += 4 * side;
        }
        determinant = m.multiply(determinant, rows.at(pivot, pivot));
    }
    Ok(determinant)
}

/// Makes `inverse`, the identity, the inverse of `a`, of which nothing useful is left. The result is the determinant; where
/// that has no inverse, nor has the matrix, and `inverse` is whatever it is.
///
/// # Errors
/// Where `ask` does not give leave to go on.
pub fn invert<E>(
    m: Modulus,
    a: &mut [u64],
    inverse: &mut [u64],
    side: usize,
    ask: &mut dyn FnMut() -> Result<(), E>,
) -> Result<u64, E> {
    let determinant = triangle(m, a, inverse, side, ask)?;
    if m.inverse(determinant).is_none() {
        return Ok(determinant);
    }
    let mut rows = Rows { m, parts: [a, inverse], side };
    let mut steps = 0;
    for pivot in (0..side).rev() {
        // A product that has an inverse is of factors that have one.
        let unit = m.inverse(rows.at(pivot, pivot)).unwrap_or(0);
        let row = &mut rows.parts[1][pivot * side..][..side];
        row.iter_mut().for_each(|element| *element = m.multiply(*element, unit));
        for above in 0..pivot {
            let factor = m.subtract(0, rows.at(above, pivot));
            if factor != 0 {
                // The triangle's own elements are not looked at again.
                rows.add(pivot, factor, above, side);
            }
            steps += 2 * side;
            if steps >= STRETCH {
                steps = 0;
                ask()?;
            }
        }
    }
    Ok(determinant)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The determinant by all permutations.
    fn determinant(m: Modulus, a: &[u64], side: usize) -> u64 {
        if side == 0 {
            return 1 % m.value();
        }
        (0..side).fold(0, |sum, column| {
            let minor: Vec<u64> =
                (side..side * side).filter(|at| at % side != column).map(|at| a[at]).collect();
            let term = m.multiply(a[column], determinant(m, &minor, side - 1));
            if column % 2 == 0 { m.add(sum, term) } else { m.subtract(sum, term) }
        })
    }

    #[test]
    fn matrices_of_any_modulus_have_their_inverse_and_determinant() {
        let mut state = 7u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 7 ^ state << 11
        };
        let (mut with, mut without_unit) = (0, 0);
        for modulus in [1, 2, 4, 6, 26, 30, 97, 210, 1 << 32, 1 << 63, u64::MAX - 58, u64::MAX] {
            let m = Modulus::new(modulus).expect("above 0");
            for side in 0..5 {
                for _ in 0..50 {
                    let a: Vec<u64> = (0..side * side).map(|_| m.reduce(random())).collect();
                    let mut inverse = vec![0; side * side];
                    (0..side).for_each(|row| inverse[row * side + row] = 1 % modulus);
                    let found = invert(m, &mut a.clone(), &mut inverse, side, &mut || Ok::<(), ()>(()));
                    let want = determinant(m, &a, side);
                    assert_eq!(found, Ok(want), "{a:?} modulo {modulus}");
                    if m.inverse(want).is_none() {
                        continue;
                    }
                    with += 1;
                    let first = a.iter().step_by(side.max(1)).take(side);
                    without_unit += u32::from(side > 0 && first.clone().all(|x| m.inverse(*x).is_none()));
                    for row in 0..side {
                        for column in 0..side {
                            let sum = (0..side).fold(0, |sum, at| {
                                m.add(sum, m.multiply(a[row * side + at], inverse[at * side + column]))
                            });
                            assert_eq!(sum, u64::from(row == column) % modulus, "{a:?} modulo {modulus}");
                        }
                    }
                }
            }
        }
        assert!(with > 500 && without_unit > 5, "{with} with an inverse, {without_unit} without a pivot");
    }
}
