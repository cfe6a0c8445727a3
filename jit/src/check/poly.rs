//! Exact integers: polynomials in unknowns with coefficients of 128 bits, and
//! ranges. Whatever would not fit is refused, so nothing here ever wraps.
//!
//! ```text
//! 8*i + 16*c - 1    is    [(i, 8), (c, 16)] and -1
//! ```

use smallvec::{SmallVec, smallvec};
use std::cmp::Ordering;

/// Most terms.
const MAX_TERMS: usize = 16;
/// Most factors of a term.
const MAX_DEGREE: usize = 4;
/// Largest size of a coefficient.
const MAX_SIZE: i128 = 1 << 90;

/// An unknown, by number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Atom(pub u32);

const NONE: Atom = Atom(u32::MAX);

impl Atom {
    /// One bit of 64, by which sets that it is not in are told soon.
    pub fn mask(self) -> u64 {
        1 << (self.0 % 64)
    }
}

/// A product of unknowns in order, filled up with [`NONE`].
type Product = [Atom; MAX_DEGREE];

/// Products and their coefficients; few enough mostly not to need memory of their own.
type Terms = SmallVec<[(Product, i128); 4]>;

/// A polynomial.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Poly {
    /// Products and their coefficients, never 0; in order.
    terms: Terms,
    /// What is added.
    pub constant: i128,
}

fn small(number: i128) -> Option<i128> {
    (-MAX_SIZE..=MAX_SIZE).contains(&number).then_some(number)
}

/// The product, of what fits 64 bits mostly.
fn multiplied(a: i128, b: i128) -> Option<i128> {
    match (i64::try_from(a), i64::try_from(b)) {
        (Ok(a), Ok(b)) => Some(i128::from(a) * i128::from(b)),
        _ => a.checked_mul(b),
    }
}

fn product(factors: impl Iterator<Item = Atom>) -> Option<Product> {
    let mut product = [NONE; MAX_DEGREE];
    let mut count = 0;
    for factor in factors {
        *product.get_mut(count)? = factor;
        count += 1;
    }
    product[..count].sort_unstable();
    Some(product)
}

fn factors(product: &Product) -> impl Iterator<Item = Atom> + '_ {
    product.iter().copied().take_while(|a| *a != NONE)
}

impl Poly {
    /// A number.
    pub fn number(constant: i128) -> Poly {
        Poly { terms: Terms::new(), constant }
    }

    /// An unknown.
    pub fn atom(atom: Atom) -> Poly {
        Poly { terms: smallvec![([atom, NONE, NONE, NONE], 1)], constant: 0 }
    }

    /// The number that it is, if no unknown is in it.
    pub fn as_number(&self) -> Option<i128> {
        self.terms.is_empty().then_some(self.constant)
    }

    /// The only unknown with its coefficient, if nothing but a number is added.
    pub fn as_multiple(&self) -> Option<(Atom, i128)> {
        match self.terms[..] {
            [(product, by)] if product[1] == NONE => Some((product[0], by)),
            _ => None,
        }
    }

    /// How many terms it has.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Its unknowns, some more than once.
    pub fn atoms(&self) -> impl Iterator<Item = Atom> + '_ {
        self.terms.iter().flat_map(|(product, _)| factors(product))
    }

    /// The bits of all its unknowns.
    pub fn mask(&self) -> u64 {
        self.atoms().fold(0, |mask, atom| mask | atom.mask())
    }

    /// Whether an unknown is in it.
    pub fn has(&self, atom: Atom) -> bool {
        self.atoms().any(|a| a == atom)
    }

    /// `self + other * by`.
    pub fn plus_times(&self, other: &Poly, by: i128) -> Option<Poly> {
        let mut terms = Terms::new();
        let (mut a, mut b) = (self.terms.iter().peekable(), other.terms.iter().peekable());
        loop {
            let order = match (a.peek(), b.peek()) {
                (Some(x), Some(y)) => x.0.cmp(&y.0),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            let left = if order.is_le() { a.next() } else { None };
            let right = if order.is_ge() { b.next() } else { None };
            let of = left.or(right)?.0;
            let more = right.map_or(Some(0), |t| multiplied(t.1, by))?;
            let size = small(left.map_or(0, |t| t.1).checked_add(more)?)?;
            if size != 0 {
                terms.push((of, size));
            }
        }
        let constant = small(self.constant.checked_add(multiplied(other.constant, by)?)?)?;
        (terms.len() <= MAX_TERMS).then_some(Poly { terms, constant })
    }

    /// The sum.
    pub fn plus(&self, other: &Poly) -> Option<Poly> {
        self.plus_times(other, 1)
    }

    /// The difference.
    pub fn minus(&self, other: &Poly) -> Option<Poly> {
        self.plus_times(other, -1)
    }

    /// Itself and a number.
    pub fn plus_number(&self, number: i128) -> Option<Poly> {
        Some(Poly { terms: self.terms.clone(), constant: small(self.constant.checked_add(number)?)? })
    }

    /// Itself so many times.
    pub fn scaled(&self, by: i128) -> Option<Poly> {
        Poly::default().plus_times(self, by)
    }

    /// The product.
    pub fn times(&self, other: &Poly) -> Option<Poly> {
        if let Some(by) = other.as_number() {
            return self.scaled(by);
        }
        let mut sum = other.scaled(self.constant)?;
        for (left, by) in &self.terms {
            let mut part = Poly::default();
            for (right, size) in &other.terms {
                let of = product(factors(left).chain(factors(right)))?;
                let term = Poly { terms: smallvec![(of, small(multiplied(*by, *size)?)?)], constant: 0 };
                part = part.plus(&term)?;
            }
            if other.constant != 0 {
                let term =
                    Poly { terms: smallvec![(*left, small(multiplied(*by, other.constant)?)?)], constant: 0 };
                part = part.plus(&term)?;
            }
            sum = sum.plus(&part)?;
        }
        Some(sum)
    }

    /// What stands before an unknown that is in one term alone, by itself.
    pub fn coefficient(&self, atom: Atom) -> Option<i128> {
        let mut found = None;
        for (product, size) in self.terms.iter().filter(|(product, _)| product.contains(&atom)) {
            if found.is_some() || product[1] != NONE {
                return None;
            }
            found = Some(*size);
        }
        found
    }

    /// As a polynomial in `atom`: what stands before each power of it, at least two.
    pub fn by_power(&self, atom: Atom) -> Option<Vec<Poly>> {
        let mut powers = vec![Poly::number(self.constant), Poly::default()];
        for (of, size) in &self.terms {
            let power = factors(of).filter(|a| *a == atom).count();
            let rest = product(factors(of).filter(|a| *a != atom))?;
            if powers.len() <= power {
                powers.resize(power + 1, Poly::default());
            }
            let term = match rest[0] {
                NONE => Poly::number(*size),
                _ => Poly { terms: smallvec![(rest, *size)], constant: 0 },
            };
            powers[power] = powers[power].plus(&term)?;
        }
        Some(powers)
    }

    /// With `by` in place of `atom`.
    pub fn replaced(&self, atom: Atom, by: &Poly) -> Option<Poly> {
        if !self.has(atom) {
            return Some(self.clone());
        }
        let mut sum = Poly::default();
        for power in self.by_power(atom)?.iter().rev() {
            sum = sum.times(by)?.plus(power)?;
        }
        Some(sum)
    }

    /// Where this is not negative, so is that, and it says the most that can be
    /// said of integers: divided by what divides all coefficients, rounded down.
    pub fn tightened(mut self) -> Poly {
        let divisor = self.terms.iter().fold(0, |d, t| gcd(d, t.1.abs()));
        if divisor > 1 {
            self.terms.iter_mut().for_each(|t| t.1 /= divisor);
            self.constant = self.constant.div_euclid(divisor);
        }
        self
    }

    /// What divides `other` and everything in it; `other` may be 0.
    pub fn divisor(&self, other: i128) -> i128 {
        let all = self.terms.iter().map(|t| t.1).chain([self.constant]);
        all.fold(other, |d, size| gcd(d, size.abs()))
    }

    /// How many times `other` it is, if that is a whole number and `other` is not 0.
    pub fn quotient(&self, other: &Poly) -> Option<i128> {
        let first = |poly: &Poly| poly.terms.first().map_or(poly.constant, |term| term.1);
        let times = first(self).checked_div(first(other))?;
        (other.scaled(times)? == *self).then_some(times)
    }

    /// Divided by what divides everything in it.
    pub fn over(&self, divisor: i128) -> Option<Poly> {
        if divisor == 0 {
            return None;
        }
        let terms = self.terms.iter().map(|t| (t.0, t.1 / divisor)).collect();
        Some(Poly { terms, constant: self.constant / divisor })
    }

    /// Least and greatest value, given those of its unknowns.
    pub fn span(&self, mut of: impl FnMut(Atom) -> Span) -> Span {
        let mut sum = Span::number(self.constant);
        for (product, size) in &self.terms {
            let mut part = Span::number(*size);
            for atom in factors(product) {
                part = part.times(of(atom));
            }
            sum = sum.plus(part);
        }
        sum
    }
}

fn gcd(a: i128, b: i128) -> i128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// From the least to the greatest value of something, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// The least.
    pub low: i128,
    /// The greatest.
    pub high: i128,
}

impl Span {
    /// As good as infinite.
    const FAR: i128 = 1 << 120;
    /// Nothing is known.
    pub const ALL: Span = Span { low: -Span::FAR, high: Span::FAR };
    /// What 64 bits hold.
    pub const I64: Span = Span { low: i64::MIN as i128, high: i64::MAX as i128 };
    /// What 32 bits hold.
    pub const I32: Span = Span { low: i32::MIN as i128, high: i32::MAX as i128 };

    /// A number.
    pub const fn number(number: i128) -> Span {
        Span { low: number, high: number }
    }

    /// From `low` to `high`.
    pub const fn new(low: i128, high: i128) -> Span {
        Span { low, high }
    }

    fn clamped(self) -> Span {
        Span { low: self.low.clamp(-Span::FAR, Span::FAR), high: self.high.clamp(-Span::FAR, Span::FAR) }
    }

    /// The sum. An end as good as infinite stays so.
    #[must_use]
    pub fn plus(self, other: Span) -> Span {
        let end = |a: i128, b: i128, far: i128| if a == far || b == far { far } else { a + b };
        let low = end(self.low, other.low, -Span::FAR);
        Span { low, high: end(self.high, other.high, Span::FAR) }.clamped()
    }

    /// The product.
    #[must_use]
    pub fn times(self, other: Span) -> Span {
        if self.low == self.high && other.low > -Span::FAR && other.high < Span::FAR {
            let ends = [other.low, other.high].map(|end| multiplied(self.low, end));
            if let [Some(a), Some(b)] = ends {
                return Span { low: a.min(b), high: a.max(b) }.clamped();
            }
        }
        let all =
            [(self.low, other.low), (self.low, other.high), (self.high, other.low), (self.high, other.high)]
                .map(|(a, b)| {
                    multiplied(a, b).unwrap_or(if (a < 0) == (b < 0) { Span::FAR } else { -Span::FAR })
                });
        let (low, high) = all.iter().fold((all[0], all[0]), |(l, h), x| (l.min(*x), h.max(*x)));
        Span { low, high }.clamped()
    }

    /// What either allows.
    #[must_use]
    pub fn or(self, other: Span) -> Span {
        Span { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// What both allow. Where they contradict each other nothing runs, and
    /// either will do.
    #[must_use]
    pub fn and(self, other: Span) -> Span {
        let both = Span { low: self.low.max(other.low), high: self.high.min(other.high) };
        if both.low <= both.high { both } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic() {
        let [x, y] = [0, 1].map(|n| Poly::atom(Atom(n)));
        let sum = x.plus(&y).unwrap();
        let square = sum.times(&sum).unwrap();
        assert_eq!(square.minus(&square).unwrap(), Poly::number(0));
        let replaced = square.replaced(Atom(0), &Poly::number(3)).unwrap();
        assert_eq!(replaced.constant, 9);
        assert_eq!(square.by_power(Atom(0)).unwrap()[1], y.scaled(2).unwrap());
        assert_eq!(Poly::number(MAX_SIZE).plus_number(1), None);
        assert_eq!(Poly::number(MAX_SIZE).scaled(MAX_SIZE), None);
        assert_eq!(sum.scaled(-3).unwrap().coefficient(Atom(1)), Some(-3));
        assert_eq!(square.coefficient(Atom(1)), None);
        let both = x.times(&y).unwrap().plus(&x).unwrap();
        assert_eq!(both.coefficient(Atom(0)), None);
        assert_eq!(both.coefficient(Atom(1)), None);
    }

    #[test]
    fn what_is_said_of_integers_is_tight() {
        // 8q - 8c - 1 >= 0 says that c < q.
        let [q, c] = [0, 1].map(|n| Poly::atom(Atom(n)));
        let fact = q.minus(&c).unwrap().scaled(8).unwrap().plus_number(-1).unwrap();
        assert_eq!(fact.tightened(), q.minus(&c).unwrap().plus_number(-1).unwrap());
    }

    #[test]
    fn quotients() {
        let [x, y] = [0, 1].map(|n| Poly::atom(Atom(n)));
        let sum = x.plus(&y).unwrap().plus_number(2).unwrap();
        let times = |by: i128| sum.scaled(by).unwrap();
        assert_eq!(times(-3).quotient(&sum), Some(-3));
        assert_eq!(times(0).quotient(&sum), Some(0));
        assert_eq!(sum.quotient(&times(2)), None);
        assert_eq!(times(3).plus_number(1).unwrap().quotient(&sum), None);
        assert_eq!(Poly::number(6).quotient(&Poly::number(3)), Some(2));
        assert_eq!(x.quotient(&y), None);
        assert_eq!([x.quotient(&times(0)), times(0).quotient(&times(0))], [None, None]);
    }

    #[test]
    fn spans() {
        let p = Poly::atom(Atom(0)).times(&Poly::atom(Atom(1))).unwrap().plus_number(1).unwrap();
        assert_eq!(p.span(|_| Span::new(-2, 3)), Span::new(-5, 10));
        assert_eq!(Span::ALL.times(Span::ALL), Span::ALL);
        assert_eq!(Span::number(-2).times(Span::new(-3, 5)), Span::new(-10, 6));
        assert_eq!(Span::number(-1).times(Span { low: 4, ..Span::ALL }).high, -4);
        assert_eq!(Span::ALL.plus(Span::number(-5)).high, Span::ALL.high);
    }
}
