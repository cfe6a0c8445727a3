//! The mid-end: passes over [`crate::mir`], each in a file of its own, and the
//! order in which they run.
//!
//! A pass is a function `run(&mut Func, ...) -> bool` that says whether it
//! changed something. No pass changes a bit of any result, nor what a trap
//! says, nor the fuel that is left: a node that may trap, has an effect or
//! charges fuel keeps its place among others of that sort.

pub mod analysis;
pub mod claims;
pub mod pass;

use crate::budget::Budget;
use crate::mir::Func;
use analysis::Analyses;
use nbc_ir::VerifiedModule;
use pass::{
    fuel, if_conversion, inline, load_elimination, loop_versioning, reassociate, rotate, scalar_replacement,
    simplify, sink, tail, unroll, vectorise, webs,
};
use std::rc::Rc;

/// Which accesses that passes have made unchecked are checked all the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Verify {
    /// None: passes are trusted.
    #[default]
    Nothing,
    /// Those that the checker cannot prove to lie in their tensors: for programs
    /// that are not trusted. Compiling takes twice as long, and more
    /// where loops lie in loops.
    Unproved,
    /// All: the sanitising mode, in which a mistake of a pass is found though
    /// nothing crashes. What analyses claim is checked too.
    All,
}
/// Options of the mid-end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Put the code of small functions in place of calls.
    pub inline: bool,
    /// Take bounds checks out of counted loops.
    pub hoist: bool,
    /// Repeat the bodies of short loops.
    pub unroll: bool,
    /// Use 128-bit vectors.
    pub vectorise: bool,
    /// Which unchecked accesses are checked all the same.
    pub verify: Verify,
}

impl Default for Options {
    fn default() -> Options {
        Options { inline: true, hoist: true, unroll: true, vectorise: true, verify: Verify::Nothing }
    }
}

/// Nodes from which on nothing is done that makes a function larger: it would
/// take longer to compile, and more of the native stack, than it gains.
pub const LARGE: usize = 6_000;

/// Runs all passes over `func` as built, and calls `watch` with the name of
/// each pass and what it made.
pub fn run(
    func: &mut Func,
    module: &VerifiedModule,
    options: &Options,
    metered: bool,
    watch: &mut dyn FnMut(&str, &Func),
) {
    let budget = Rc::new(Budget::new(func.size()));
    run_within(&budget, func, module, options, metered, watch);
}

/// As [`run`], with no more work than there is in `budget`. When that is used up
/// the function is sound, and not as good as it could be.
pub fn run_within(
    budget: &Rc<Budget>,
    func: &mut Func,
    module: &VerifiedModule,
    options: &Options,
    metered: bool,
    watch: &mut dyn FnMut(&str, &Func),
) {
    let mut done = |pass: &str, func: &Func| {
        debug_assert_eq!(crate::mir::check(func), Ok(()), "after {pass}");
        watch(pass, func);
    };
    if metered {
        fuel::charge::insert(func);
        done("charge", func);
    }
    if !metered {
        tail::run(func);
        done("tail", func);
    }
    if options.inline {
        inline::run(func, module, metered, &inline::Limits::default());
        done("inline", func);
    }
    webs::run(func);
    done("webs", func);
    // Where tests have gone, values part that had to stay together.
    if simplify::run(func) && webs::run(func) {
        simplify::run(func);
    }
    done("simplify", func);
    // What passes find out is kept until one of them changes the function.
    let known = &mut Analyses::within(budget);
    if rotate::run(func, known) {
        simplify::run(func);
        known.forget();
    }
    done("rotate", func);
    let may_grow = func.size() < LARGE;
    if may_grow {
        // An index that was loaded twice may make two loads one the next time.
        for _ in 0..2 {
            if budget.is_used_up() || !load_elimination::run(func, module, known) {
                break;
            }
            webs::run(func);
            simplify::run(func);
            known.forget();
        }
        done("load_elimination", func);
    }
    if !budget.is_used_up() && if_conversion::run(func) {
        simplify::run(func);
        known.forget();
    }
    done("if_conversion", func);
    if options.hoist && may_grow && !budget.is_used_up() {
        let changed = loop_versioning::run(func, known);
        // A guard on lengths that are known is decided, and one copy goes.
        if known.forget_if(changed) && !func.shapes.is_empty() {
            simplify::run(func);
        }
        done("loop_versioning", func);
        let changed = sink::run(func, known);
        known.forget_if(changed);
        done("sink", func);
    }
    if options.unroll && may_grow && !budget.is_used_up() {
        let changed = unroll::run(func, known);
        known.forget_if(changed);
        done("unroll", func);
    }
    if metered && may_grow && !budget.is_used_up() {
        let changed = fuel::prepay::run(func, known);
        known.forget_if(changed);
        done("prepay", func);
    }
    if options.vectorise && may_grow && !budget.is_used_up() {
        let changed = vectorise::run(func, known);
        known.forget_if(changed);
        done("vectorise", func);
    }
    // Not before: an iteration that has what the last one left is no lane.
    if options.hoist && may_grow && !budget.is_used_up() {
        let changed = scalar_replacement::run(func, known);
        known.forget_if(changed);
        done("scalar_replacement", func);
    }
    if may_grow && !budget.is_used_up() {
        let changed = reassociate::run(func, known);
        known.forget_if(changed);
        done("reassociate", func);
    }
    if metered {
        fuel::charge::gather(func);
        known.forget();
        // Each loop is entered in one place: so the checker has one start for its counters.
        known.with_preheaders(func);
        done("gather", func);
    }
    if !metered {
        fuel::poll::run(func, may_grow, known);
        done("poll", func);
    }
}
