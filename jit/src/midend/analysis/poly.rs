//! Integer polynomials in quantities of a function: what an index or a bound
//! is in terms of values that the loop does not change and of how often loops
//! have gone on.
//!
//! Registers wrap, polynomials do not. A register of 64 (or 32) bits is equal
//! to its polynomial modulo 2^64 (2^32) always, however intermediate results
//! overflowed. It is equal to it as a signed number where that lies in range.
//! Code that uses that has to see to the range.

use super::loops::LoopId;
use super::values::Value;
use crate::mir::Field;
use rustc_hash::FxHashMap;

/// Most terms.
const MAX_TERMS: usize = 12;
/// Most factors of a term.
const MAX_DEGREE: usize = 4;
/// Largest factor of a term; hash multipliers are larger and not of interest.
const MAX_FACTOR: i64 = 1 << 40;

/// A quantity, as a number in an [`Atoms`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Atom(u32);

impl Atom {
    const NONE: Atom = Atom(u32::MAX);
}

/// What a quantity is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Quantity {
    /// An integer value, as a signed number.
    Value(Value),
    /// A field of the tensor that is this value.
    Field(Value, Field),
    /// How often the loop has gone back to its header since it was entered.
    Count(LoopId),
    /// The polynomial, not negative, divided by the number, rounded down.
    Quotient(Poly, i64),
}

/// Numbers for quantities.
#[derive(Clone, Default, Debug)]
pub struct Atoms {
    list: Vec<Quantity>,
    numbers: FxHashMap<Quantity, Atom>,
}

impl Atoms {
    /// The number of a quantity.
    pub fn of(&mut self, quantity: Quantity) -> Atom {
        let next = Atom(self.list.len() as u32);
        let atom = *self.numbers.entry(quantity.clone()).or_insert(next);
        if atom == next {
            self.list.push(quantity);
        }
        atom
    }

    /// The quantity of that number.
    pub fn get(&self, atom: Atom) -> &Quantity {
        &self.list[atom.0 as usize]
    }
}

/// A product of quantities, in order, at least one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Product([Atom; MAX_DEGREE]);

impl Product {
    /// The factors.
    pub fn atoms(&self) -> impl Iterator<Item = Atom> + '_ {
        self.0.iter().copied().take_while(|a| *a != Atom::NONE)
    }

    fn of(mut factors: Vec<Atom>) -> Option<Product> {
        factors.sort_unstable();
        let mut product = [Atom::NONE; MAX_DEGREE];
        product.get_mut(..factors.len())?.copy_from_slice(&factors);
        Some(Product(product))
    }
}

/// A polynomial.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Poly {
    /// Products and how often they count, never 0; in order.
    pub terms: Vec<(Product, i64)>,
    /// What is added.
    pub constant: i64,
}

impl Poly {
    /// A number.
    pub const fn number(constant: i64) -> Poly {
        Poly { terms: Vec::new(), constant }
    }

    /// A quantity.
    pub fn atom(atom: Atom) -> Poly {
        let mut product = [Atom::NONE; MAX_DEGREE];
        product[0] = atom;
        Poly { terms: vec![(Product(product), 1)], constant: 0 }
    }

    /// The number that it is, if it has no quantities.
    pub fn as_number(&self) -> Option<i64> {
        required!(self.terms.is_empty()).then_some(self.constant)
    }

    /// The quantity and how often it counts, if nothing else but a number is in it.
    pub fn as_multiple(&self) -> Option<(Atom, i64)> {
        match *self.terms {
            [(product, count)] if required!(product.0[1] == Atom::NONE) => Some((product.0[0], count)),
            _ => None,
        }
    }

    /// Its quantities, some more than once.
    pub fn atoms(&self) -> impl Iterator<Item = Atom> + '_ {
        self.terms.iter().flat_map(|(product, _)| product.atoms())
    }

    /// Whether the quantity is in it.
    pub fn has(&self, atom: Atom) -> bool {
        self.atoms().any(|a| a == atom)
    }

    /// `self + other * factor`; `None` when it gets too large.
    pub fn plus_times(&self, other: &Poly, factor: i64) -> Option<Poly> {
        let mut terms = Vec::with_capacity(self.terms.len() + other.terms.len());
        let (mut a, mut b) = (self.terms.iter().peekable(), other.terms.iter().peekable());
        loop {
            let order = match (a.peek(), b.peek()) {
                (Some(x), Some(y)) => x.0.cmp(&y.0),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (None, None) => break,
            };
            let left = if order.is_le() { a.next() } else { None };
            let right = if order.is_ge() { b.next() } else { None };
            let product = left.or(right).map(|t| t.0)?;
            let count =
                left.map_or(0, |t| t.1).checked_add(right.map_or(Some(0), |t| t.1.checked_mul(factor))?)?;
            if !worth!((-MAX_FACTOR..=MAX_FACTOR).contains(&count)) {
                return None;
            }
            if count != 0 {
                terms.push((product, count));
            }
        }
        let constant = self.constant.checked_add(other.constant.checked_mul(factor)?)?;
        worth!(terms.len() <= MAX_TERMS).then_some(Poly { terms, constant })
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
    pub fn plus_number(&self, number: i64) -> Option<Poly> {
        Some(Poly { terms: self.terms.clone(), constant: self.constant.checked_add(number)? })
    }

    /// The negative.
    pub fn negated(&self) -> Option<Poly> {
        Poly::default().minus(self)
    }

    /// The product.
    pub fn times(&self, other: &Poly) -> Option<Poly> {
        if let Some(factor) = other.as_number() {
            return Poly::default().plus_times(self, factor);
        }
        let mut sum = Poly::default().plus_times(other, self.constant)?;
        for (left, count) in &self.terms {
            let mut terms = Vec::with_capacity(other.terms.len() + 1);
            for (right, by) in &other.terms {
                let product = Product::of(left.atoms().chain(right.atoms()).collect())?;
                terms.push((product, count.checked_mul(*by)?));
            }
            if other.constant != 0 {
                terms.push((*left, count.checked_mul(other.constant)?));
            }
            terms.sort_unstable();
            sum = sum.plus(&Poly { terms, constant: 0 })?;
        }
        Some(sum)
    }

    /// As a polynomial in `atom`: what stands before each power of it.
    pub fn by_power(&self, atom: Atom) -> Vec<Poly> {
        let mut powers = vec![Poly::number(self.constant)];
        for (product, count) in &self.terms {
            let power = product.atoms().filter(|a| *a == atom).count();
            let rest: Vec<Atom> = product.atoms().filter(|a| *a != atom).collect();
            if powers.len() <= power {
                powers.resize(power + 1, Poly::default());
            }
            if rest.is_empty() {
                powers[power].constant = *count;
            } else if let Some(product) = Product::of(rest) {
                powers[power].terms.push((product, *count));
            }
        }
        for power in &mut powers {
            power.terms.sort_unstable();
        }
        powers
    }

    /// With `by` in place of `atom`.
    pub fn replaced(&self, atom: Atom, by: &Poly) -> Option<Poly> {
        let powers = self.by_power(atom);
        let mut sum = Poly::default();
        for power in powers.iter().rev() {
            sum = sum.times(by)?.plus(power)?;
        }
        Some(sum)
    }

    /// With `of` each quantity in its place, all at once; `None` where one has
    /// no such polynomial, or when it gets too large.
    pub fn mapped(&self, mut of: impl FnMut(Atom) -> Option<Poly>) -> Option<Poly> {
        let mut sum = Poly::number(self.constant);
        for (product, count) in &self.terms {
            let mut part = Poly::number(*count);
            for atom in product.atoms() {
                part = part.times(&of(atom)?)?;
            }
            sum = sum.plus(&part)?;
        }
        Some(sum)
    }

    /// Divided by a number and rounded down, where that divides all terms but
    /// the constant.
    pub fn divided(&self, by: i64) -> Option<Poly> {
        if forbidden!(by <= 0) || forbidden!(self.terms.iter().any(|t| t.1 % by != 0)) {
            return None;
        }
        let terms = self.terms.iter().map(|t| (t.0, t.1 / by)).collect();
        Some(Poly { terms, constant: self.constant.div_euclid(by) })
    }

    /// How many times `other` it is: a number, or a polynomial where `other`
    /// is one product.
    pub fn over(&self, other: &Poly) -> Option<Poly> {
        if let (Some((_, a)), Some((_, b))) = (self.terms.first(), other.terms.first())
            && Poly::default().plus_times(other, a / b).is_some_and(|p| required!(p == *self))
        {
            return Some(Poly::number(a / b));
        }
        let [(divisor, by)] = *other.terms else { return None };
        if forbidden!(other.constant != 0) || forbidden!(self.constant != 0) {
            return None;
        }
        let mut sum = Poly::default();
        for (product, count) in &self.terms {
            let mut rest: Vec<Atom> = product.atoms().collect();
            for atom in divisor.atoms() {
                rest.swap_remove(rest.iter().position(|a| *a == atom)?);
            }
            if forbidden!(count % by != 0) {
                return None;
            }
            let part = if rest.is_empty() {
                Poly::number(count / by)
            } else {
                Poly { terms: vec![(Product::of(rest)?, count / by)], constant: 0 }
            };
            sum = sum.plus(&part)?;
        }
        Some(sum)
    }

    /// Its least and greatest value, given those of its quantities.
    pub fn span(&self, mut of: impl FnMut(Atom) -> Span) -> Span {
        let mut sum = Span::number(self.constant);
        for (product, count) in &self.terms {
            let mut part = Span::number(*count);
            for atom in product.atoms() {
                part = part.times(of(atom));
            }
            sum = sum.plus(part);
        }
        sum
    }
}

/// From the least to the greatest value that something may have, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// The least.
    pub low: i128,
    /// The greatest.
    pub high: i128,
}

impl Span {
    /// As good as infinite; twice that, and even a product of two after
    /// clamping, can be computed with.
    const FAR: i128 = 1 << 100;
    /// Nothing is known.
    pub const ALL: Span = Span { low: -Span::FAR, high: Span::FAR };

    /// A number.
    pub const fn number(number: i64) -> Span {
        Span { low: number as i128, high: number as i128 }
    }

    /// From `low` to `high`.
    pub const fn new(low: i64, high: i64) -> Span {
        Span { low: low as i128, high: high as i128 }
    }

    fn clamped(self) -> Span {
        Span { low: self.low.clamp(-Span::FAR, Span::FAR), high: self.high.clamp(-Span::FAR, Span::FAR) }
    }

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Span) -> Span {
        // An end as good as infinite stays so, whatever is added.
        let end = |a: i128, b: i128, far: i128| if a == far || b == far { far } else { a + b };
        let low = end(self.low, other.low, -Span::FAR);
        Span { low, high: end(self.high, other.high, Span::FAR) }.clamped()
    }

    /// The quotient by a positive number, rounded down.
    #[must_use]
    pub fn divided(self, by: i128) -> Span {
        // As in the sum.
        let end = |end: i128, far: i128| if end == far { far } else { end.div_euclid(by) };
        Span { low: end(self.low, -Span::FAR), high: end(self.high, Span::FAR) }
    }

    /// The negative.
    #[must_use]
    pub fn negated(self) -> Span {
        Span { low: -self.high, high: -self.low }
    }

    /// The product.
    #[must_use]
    pub fn times(self, other: Span) -> Span {
        let all =
            [(self.low, other.low), (self.low, other.high), (self.high, other.low), (self.high, other.high)]
                .map(|(a, b)| {
                    a.checked_mul(b).unwrap_or(if (a < 0) == (b < 0) { Span::FAR } else { -Span::FAR })
                });
        let (low, high) = all.iter().fold((all[0], all[0]), |(l, h), x| (l.min(*x), h.max(*x)));
        Span { low, high }.clamped()
    }

    /// What both allow; `other` where they contradict each other.
    #[must_use]
    pub fn and(self, other: Span) -> Span {
        let both = Span { low: self.low.max(other.low), high: self.high.min(other.high) };
        if both.low <= both.high { both } else { other }
    }

    /// What either allows.
    #[must_use]
    pub fn or(self, other: Span) -> Span {
        Span { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// Whether it lies in `other`.
    pub fn is_in(self, other: Span) -> bool {
        other.low <= self.low && self.high <= other.high
    }

    /// Whether all values have less than that many bits, sign apart.
    pub fn fits(self, bits: u32) -> bool {
        self.is_in(Span { low: -(1 << bits) + 1, high: (1 << bits) - 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn atoms() -> [Poly; 3] {
        let mut atoms = Atoms::default();
        [0, 1, 2].map(|v| Poly::atom(atoms.of(Quantity::Value(Value(v)))))
    }

    /// Ends from afar to nothing, with numbers that lie between such ends.
    #[test]
    fn spans_hold_what_is_made_of_their_numbers() {
        let far = Span::FAR;
        let ends = [-far, -far + 1, -far / 2, -3, -1, 0, 1, 2, far / 2 - 1, far - 1, far];
        let beyond = [-far * 8, -far - 1, far + 1, far * 8];
        let numbers: Vec<i128> = ends.into_iter().chain(beyond).collect();
        // An end as far as that is none.
        let holds = |s: Span, n: i128| (s.low == -far || s.low <= n) && (s.high == far || n <= s.high);
        let mut spans = Vec::new();
        for (n, low) in ends.into_iter().enumerate() {
            spans.extend(ends[n..].iter().map(|high| Span { low, high: *high }));
        }
        for &a in &spans {
            let of_a = || numbers.iter().copied().filter(move |n| holds(a, *n));
            for x in of_a() {
                assert!(holds(a.negated(), -x), "-{x} of {a:?}");
                assert!(holds(a.divided(3), x.div_euclid(3)), "{x} / 3 of {a:?}");
            }
            for &b in &spans {
                for (x, y) in of_a().flat_map(|x| numbers.iter().map(move |y| (x, *y))) {
                    if holds(b, y) {
                        assert!(holds(a.plus(b), x + y), "{x} + {y} of {a:?}, {b:?}");
                        let product = x.checked_mul(y);
                        assert!(product.is_none_or(|xy| holds(a.times(b), xy)), "{x} * {y} of {a:?}, {b:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn arithmetic() {
        let [x, y, _] = atoms();
        let sum = x.plus(&y).unwrap();
        let square = sum.times(&sum).unwrap();
        assert_eq!(square.terms.iter().map(|t| t.1).collect::<Vec<_>>(), [1, 2, 1]);
        assert_eq!(square.minus(&square), Some(Poly::number(0)));
        let at = x.atoms().next().unwrap();
        // (3 + y)^2
        let replaced = square.replaced(at, &Poly::number(3)).unwrap();
        assert_eq!(replaced.constant, 9);
        let powers = square.by_power(at);
        assert_eq!(powers.len(), 3);
        assert_eq!(powers[2], Poly::number(1));
        assert_eq!(powers[1], y.plus(&y).unwrap());
    }

    #[test]
    fn quantities_change_places() {
        let [x, y, z] = atoms();
        let p = x.times(&x).unwrap().plus(&y).unwrap();
        let at = x.atoms().next().unwrap();
        let swapped = p.mapped(|a| Some(if a == at { y.clone() } else { x.clone() })).unwrap();
        assert_eq!(swapped, y.times(&y).unwrap().plus(&x).unwrap());
        assert_eq!(p.mapped(|a| (a == at).then(|| z.clone())), None);
    }

    #[test]
    fn division() {
        let [x, y, _] = atoms();
        let p = x.times(&Poly::number(7)).unwrap().plus_number(-8).unwrap();
        assert_eq!(p.divided(7).unwrap().constant, -2);
        assert_eq!(p.divided(2), None);
        let xy = x.times(&y).unwrap();
        assert_eq!(xy.over(&y), Some(x.clone()));
        let shifted = y.plus_number(2).unwrap();
        assert_eq!(shifted.times(&Poly::number(3)).unwrap().over(&shifted), Some(Poly::number(3)));
        assert_eq!(x.over(&y), None);
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let [x, y, z] = atoms();
        let xy = x.times(&y).unwrap();
        assert!(xy.times(&xy).is_some());
        assert_eq!(xy.times(&xy).unwrap().times(&z), None);
        assert_eq!(x.times(&Poly::number(i64::MAX)), None);
        assert_eq!(Poly::number(i64::MAX).plus_number(1), None);
    }

    #[test]
    fn spans() {
        let [x, y, _] = atoms();
        let p = x.times(&y).unwrap().plus_number(1).unwrap();
        assert_eq!(p.span(|_| Span::new(-2, 3)), Span::new(-5, 10));
        assert_eq!(Span::ALL.times(Span::ALL), Span::ALL);
        assert!(Span::new(-255, 255).fits(8) && !Span::new(-256, 0).fits(8));
    }
}
