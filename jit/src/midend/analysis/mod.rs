//! The analyses: they answer what passes ask about a function, and are shared
//! as long as no pass changes it.
//!
//! Invariant: an analysis changes nothing, and imports no pass.

pub mod counted_loop;
mod gathered;
pub mod induction;
pub mod loops;
pub mod motion;
pub mod poly;
pub mod ranges;
pub mod trip_count;
pub mod values;

use crate::budget::Budget;
use crate::mir::Func;
use induction::Induction;
use induction::residue::Widths;
use loops::{Forest, make_preheaders};
use std::rc::Rc;
use values::Values;

/// The results of analyses of a function, which hold until
/// [`Analyses::forget`].
#[derive(Default)]
pub struct Analyses {
    /// The work that finding out may take.
    budget: Rc<Budget>,
    forest: Option<Rc<Forest>>,
    values: Option<Option<Rc<Values>>>,
    before: Option<Rc<Func>>,
    induction: Option<Rc<Induction>>,
    /// How wide integers are.
    widths: Widths,
    /// The function that it is all about.
    #[cfg(debug_assertions)]
    of: Option<Vec<crate::mir::Block>>,
}

impl Analyses {
    /// Nothing found out yet, with that much work for it.
    pub fn within(budget: &Rc<Budget>) -> Analyses {
        Analyses { budget: budget.clone(), ..Analyses::default() }
    }

    /// Nothing found out yet, of integers of such widths.
    #[cfg(test)]
    pub(crate) fn with_widths(widths: Widths) -> Analyses {
        Analyses { widths, ..Analyses::default() }
    }

    /// The work that is left.
    pub fn budget(&self) -> &Rc<Budget> {
        &self.budget
    }

    /// The loops.
    pub fn forest(&mut self, func: &Func) -> Rc<Forest> {
        self.check(func);
        self.forest.get_or_insert_with(|| Rc::new(Forest::new(func))).clone()
    }

    /// The values; `None` when that would take too long.
    pub fn values(&mut self, func: &Func) -> Option<Rc<Values>> {
        let forest = self.forest(func);
        self.values.get_or_insert_with(|| Values::new(func, &forest).map(Rc::new)).clone()
    }

    /// The function as it is, for passes that look at it while they change it.
    pub fn before(&mut self, func: &Func) -> Rc<Func> {
        self.check(func);
        self.before.get_or_insert_with(|| Rc::new(func.clone())).clone()
    }

    /// How its integers change; `None` when finding out would take too long.
    pub fn induction(&mut self, func: &Func) -> Option<Rc<Induction>> {
        let (before, forest, values) = (self.before(func), self.forest(func), self.values(func)?);
        let new = || Rc::new(Induction::new(self.widths, before, forest, values, &self.budget));
        Some(self.induction.get_or_insert_with(new).clone())
    }

    /// The loops, each with a preheader; and whether that changed anything.
    pub fn with_preheaders(&mut self, func: &mut Func) -> (Rc<Forest>, bool) {
        let forest = self.forest(func);
        let changed = make_preheaders(func, &forest);
        if changed {
            self.forget();
        }
        (self.forest(func), changed)
    }

    /// To be called when the function has changed.
    pub fn forget(&mut self) {
        *self = Analyses { widths: self.widths, ..Analyses::within(&self.budget) };
    }

    /// As [`Analyses::forget`], if so; and whether.
    pub fn forget_if(&mut self, changed: bool) -> bool {
        if changed {
            self.forget();
        }
        changed
    }

    #[cfg(debug_assertions)]
    fn check(&mut self, func: &Func) {
        let of = self.of.get_or_insert_with(|| func.blocks.clone());
        assert!(*of == func.blocks, "a pass changed {} and did not say so", func.name);
    }

    #[cfg(not(debug_assertions))]
    fn check(&mut self, _: &Func) {}
}
