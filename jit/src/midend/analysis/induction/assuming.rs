//! What holds provided that something else does.
//!
//! A conclusion and its conditions are one thing: there is no way to the
//! conclusion but [`Assuming::settled`], which asks of every condition whether it
//! holds. Who asks either has a proof, or makes the condition one of a guard
//! that is tested when the program runs. What is concluded from several such
//! things has the conditions of all.

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

    /// Whether it would be of interest, should it hold.
    pub fn would(&self, be: impl FnOnce(&T) -> bool) -> bool {
        be(&self.it)
    }

    /// It, if all its conditions hold: the only way to it.
    pub fn settled(&self, mut holds: impl FnMut(&Condition) -> bool) -> Option<&T> {
        required!(self.conditions.iter().all(&mut holds)).then_some(&self.it)
    }
}
