//! Conditional conclusions: claims that hold provided that something else does.
//!
//! A conclusion and its conditions are one thing: there is no way to the
//! conclusion but [`Pending::settled`], which asks of every condition whether it
//! holds. Who asks either has a proof, or makes the condition one of a guard
//! that is tested when the program runs. What is concluded from such a thing has
//! its conditions, and what is concluded from several has the conditions of all.

use super::residue::Residue;
use crate::midend::analysis::poly::Poly;

/// What a conclusion may need. It holds for all numbers of iterations that it
/// mentions, as far as the loop goes.
#[derive(Clone, PartialEq, Debug)]
pub enum Condition {
    /// The polynomial of the register lies in the range in which they are equal.
    Fits(Residue),
    /// This is not negative.
    NotNegative(Poly),
}

/// See the module.
#[derive(Clone, PartialEq, Debug)]
pub struct Assuming<T> {
    it: T,
    conditions: Vec<Condition>,
}

impl<T> Assuming<T> {
    /// What needs nothing.
    pub fn always(it: T) -> Assuming<T> {
        Assuming { it, conditions: Vec::new() }
    }

    /// With another condition.
    #[must_use]
    pub fn if_also(mut self, condition: Condition) -> Assuming<T> {
        if !self.conditions.contains(&condition) {
            self.conditions.push(condition);
        }
        self
    }

    /// What follows from it.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Assuming<U> {
        Assuming { it: f(self.it), conditions: self.conditions }
    }

    /// What follows from it, if anything does.
    pub fn try_map<U>(self, f: impl FnOnce(T) -> Option<U>) -> Option<Assuming<U>> {
        Some(Assuming { it: f(self.it)?, conditions: self.conditions })
    }

    /// What follows from it provided that more holds, if anything does.
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Option<Assuming<U>>) -> Option<Assuming<U>> {
        let mut next = f(self.it)?;
        let more = std::mem::replace(&mut next.conditions, self.conditions);
        Some(more.into_iter().fold(next, Assuming::if_also))
    }

    /// Both.
    pub fn and<U>(self, other: Assuming<U>) -> Assuming<(T, U)> {
        let both = Assuming { it: (self.it, other.it), conditions: self.conditions };
        other.conditions.into_iter().fold(both, Assuming::if_also)
    }

    /// Whether it would be of interest, should it hold. `be` can carry nothing away.
    pub fn would(&self, be: impl Fn(&T) -> bool) -> bool {
        be(&self.it)
    }

    /// The same thing lent, to conclude from it without a copy of its conditions.
    pub fn pending(&self) -> Pending<'_, &T> {
        Pending { it: &self.it, conditions: &self.conditions }
    }

    /// It, if all its conditions hold.
    pub fn settled(&self, mut holds: impl FnMut(&Condition) -> bool) -> Option<&T> {
        self.pending().settled(|_, condition| holds(condition))
    }
}

/// A conclusion whose conditions belong to what it is concluded from.
pub struct Pending<'a, T> {
    it: T,
    conditions: &'a [Condition],
}

impl<'a, T> Pending<'a, T> {
    /// What follows from it, if anything does.
    pub fn try_map<U>(self, f: impl FnOnce(T) -> Option<U>) -> Option<Pending<'a, U>> {
        Some(Pending { it: f(self.it)?, conditions: self.conditions })
    }

    /// It, if all its conditions hold: the only way to it. A condition may be needed only as
    /// far as the conclusion goes, so `holds` is told both.
    pub fn settled(self, mut holds: impl FnMut(&T, &Condition) -> bool) -> Option<T> {
        required!(self.conditions.iter().all(|condition| holds(&self.it, condition))).then_some(self.it)
    }
}
