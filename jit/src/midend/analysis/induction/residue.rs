//! Residues: the value of a register, modulo two to the power of its width.
//!
//! Registers wrap, polynomials do not. A register is congruent to its polynomial
//! always, however intermediate results overflowed, and equal to it only where
//! that lies in range. So the two are two types. A [`Poly`] is exact: an equation
//! or inequality between integers. A [`Residue`] is what is known of a register,
//! and shows its polynomial to nobody. The ways from one to the other:
//!
//! | from | to | why it is right |
//! |---|---|---|
//! | [`Residue::exactly`] | [`Assuming`] a [`Poly`] | it carries the condition that the polynomial lies in range |
//! | [`Residue::proved`] | [`Poly`] | the caller has a range of the polynomial, which is compared here |
//! | [`Residue::as_number`] | `i64` | a number is wrapped as the register wraps it |
//! | [`Residue::of`] | [`Residue`] | the register holds the number that the polynomial is, wrapped |
//!
//! Rules, with `=` for congruence modulo 2^w:
//!
//! - `a = p` and `b = q` give `a + b = p + q`, and so for differences and products:
//!   integers modulo 2^w are a ring.
//! - A residue of w bits is one of fewer bits: 2^v divides 2^w for `v <= w`.
//! - A quantity of `p` may be congruent to `q` modulo 2^v. In what is only claimed
//!   modulo 2^w with `w <= v`, `q` can replace it, by the two rules above. Where
//!   `w > v` it must be *equal* to `q`: the condition that `q` lies in the range of
//!   v bits, where two congruent numbers of which one is a register's are equal.
//!
//! ```text
//! %j = i32.add %j, 1        residue j + 1, of 32 bits
//! %k = i64.extend_i32 %j    a new quantity k: j + 1 may have wrapped
//! ```

use super::assuming::{Assuming, Condition};
use crate::midend::analysis::poly::{Atom, Poly, Span};

/// Integers as registers hold them: signed, wrapping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Width {
    /// Bits of the register.
    pub bits: u32,
    /// Bits, sign apart, that a polynomial may have to be taken for what the register
    /// holds. For the wider of the two there is one to spare, so that
    /// instructions of a guard can add two such numbers.
    pub exact: u32,
}

/// The widths of the two types of integers: those of the machine, but in tests by
/// brute force.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Widths {
    /// Of an `i64`.
    pub wide: Width,
    /// Of an `i32`.
    pub narrow: Width,
    /// No tensor has more than two to that power of elements: they would not fit any
    /// address space.
    pub len: u32,
}

impl Default for Widths {
    fn default() -> Widths {
        let (wide, narrow) = (Width { bits: 64, exact: 62 }, Width { bits: 32, exact: 31 });
        Widths { wide, narrow, len: 58 }
    }
}

impl Widths {
    /// What so many bits of the machine's wider integers are of these.
    pub fn of(&self, bits: u32) -> u32 {
        bits * self.wide.bits / 64
    }
}

impl Width {
    /// The numbers that a register holds.
    pub fn span(self) -> Span {
        let half = 1i128 << (self.bits - 1);
        Span { low: -half, high: half - 1 }
    }

    /// The number that a register holds when `number` is put into it.
    pub fn wrap(self, number: i64) -> i64 {
        let unused = 64 - self.bits;
        number << unused >> unused
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Residue {
    poly: Poly,
    width: Width,
    /// Whether the register is equal to the polynomial, whatever quantities are.
    is_equal: bool,
}

/// Of the same polynomial: so two registers hold the same.
impl PartialEq for Residue {
    fn eq(&self, other: &Residue) -> bool {
        self.width == other.width && self.poly == other.poly
    }
}

impl Residue {
    /// What a register holds that has been set to the number that `poly` is.
    pub fn of(poly: Poly, width: Width) -> Residue {
        let poly = match poly.as_number() {
            Some(number) => Poly::number(width.wrap(number)),
            None => poly,
        };
        Residue { is_equal: poly.as_number().is_some(), poly, width }
    }

    /// What a register holds that is the quantity `atom`, which such a register can hold.
    pub fn atom(atom: Atom, width: Width) -> Residue {
        Residue { poly: Poly::atom(atom), width, is_equal: true }
    }

    /// A number.
    pub fn number(number: i64, width: Width) -> Residue {
        Residue::of(Poly::number(number), width)
    }

    /// What the register is congruent to, and may not be equal to: for lists of
    /// claims, and for nothing that draws a conclusion.
    pub(in crate::midend) fn congruent(&self) -> &Poly {
        &self.poly
    }

    /// Of what register.
    pub fn width(&self) -> Width {
        self.width
    }

    /// The number that the register holds, if it always holds the same.
    pub fn as_number(&self) -> Option<i64> {
        self.poly.as_number()
    }

    /// Its quantities, some more than once.
    pub fn atoms(&self) -> impl Iterator<Item = Atom> + '_ {
        self.poly.atoms()
    }

    /// How often `self` is greater than `other`, as a register has it: 0 where they are the same.
    pub fn distance_from(&self, other: &Residue) -> Option<i64> {
        self.minus(other)?.as_number()
    }

    /// The sum.
    pub fn plus(&self, other: &Residue) -> Option<Residue> {
        self.with(other, Poly::plus)
    }

    /// The difference.
    pub fn minus(&self, other: &Residue) -> Option<Residue> {
        self.with(other, Poly::minus)
    }

    /// The product.
    pub fn times(&self, other: &Residue) -> Option<Residue> {
        self.with(other, Poly::times)
    }

    fn with(&self, other: &Residue, of: impl Fn(&Poly, &Poly) -> Option<Poly>) -> Option<Residue> {
        assert_eq!(self.width, other.width, "residues of two widths have nothing in common");
        Some(Residue::of(of(&self.poly, &other.poly)?, self.width))
    }

    /// Itself and a number.
    pub fn plus_number(&self, number: i64) -> Option<Residue> {
        Some(Residue::of(self.poly.plus_number(number)?, self.width))
    }

    /// Times a number.
    pub fn times_number(&self, number: i64) -> Option<Residue> {
        Some(Residue::of(self.poly.times(&Poly::number(number))?, self.width))
    }

    /// The negative.
    pub fn negated(&self) -> Option<Residue> {
        Some(Residue::of(self.poly.negated()?, self.width))
    }

    /// In a register of fewer bits.
    pub fn wrapped(&self, width: Width) -> Residue {
        assert!(width.bits <= self.width.bits);
        Residue::of(self.poly.clone(), width)
    }

    /// In a register of more bits, sign and all: only of what is equal to its
    /// polynomial, for what has wrapped does so no longer.
    pub fn extended(&self, width: Width) -> Option<Residue> {
        assert!(width.bits >= self.width.bits);
        required!(self.is_equal).then(|| Residue { width, ..self.clone() })
    }

    /// Its polynomial, provided that the register is equal to it.
    pub fn exactly(&self) -> Assuming<Poly> {
        let exact = Assuming::always(self.poly.clone());
        if required!(self.is_equal) { exact } else { exact.if_also(Condition::Fits(self.clone())) }
    }

    /// Its polynomial, provided that this lies in `span`, which such a register holds.
    pub fn exactly_in(&self, span: Span) -> Option<Assuming<Poly>> {
        let (low, high) = (i64::try_from(span.low).ok()?, i64::try_from(span.high).ok()?);
        assert!(span.is_in(self.width.span()));
        let above = self.poly.plus_number(low.checked_neg()?)?;
        let below = Poly::number(high).minus(&self.poly)?;
        let mut exact = Assuming::always(self.poly.clone());
        guard!(exact = exact.if_also(Condition::NotNegative(above)));
        guard!(exact = exact.if_also(Condition::NotNegative(below)));
        Some(exact)
    }

    /// Its polynomial, if that lies in range by what `span` finds out of it.
    pub fn proved(&self, span: impl FnOnce(&Poly) -> Option<Span>) -> Option<Poly> {
        required!(span(&self.poly)?.fits(self.width.exact)).then(|| self.poly.clone())
    }

    /// The same, with its polynomial as `equal` puts it in other terms, which is
    /// to be equal to it.
    pub fn rewritten(&self, equal: impl FnOnce(&Poly) -> Option<Poly>) -> Option<Residue> {
        let poly = equal(&self.poly)?;
        Some(Residue { is_equal: self.is_equal || poly.as_number().is_some(), poly, width: self.width })
    }

    /// With `by`, which is what the register holds that holds `atom`, in its place:
    /// provided that `by` is equal to that register where it has fewer bits than this.
    pub fn replaced(&self, atom: Atom, by: &Residue) -> Option<Assuming<Residue>> {
        let poly = self.poly.replaced(atom, &by.poly)?;
        let form = Assuming::always(Residue::of(poly, self.width));
        let is_fine = by.is_equal || by.width.bits >= self.width.bits;
        Some(if required!(is_fine) { form } else { form.if_also(Condition::Fits(by.clone())) })
    }

    /// With `of` each quantity in its place, all at once; `None` where one has no
    /// such residue, or one of fewer bits that may have wrapped.
    pub fn mapped(&self, mut of: impl FnMut(Atom) -> Option<Residue>) -> Option<Residue> {
        let of = |atom| {
            let by = of(atom)?;
            required!(by.is_equal || by.width.bits >= self.width.bits).then_some(by.poly)
        };
        Some(Residue::of(self.poly.mapped(of)?, self.width))
    }
}
