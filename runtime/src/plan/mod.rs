//! What is known of a program's operations before it runs: the plan, which every tier follows.
//!
//! A plan belongs to the program and not to a tier: the loader and the compiling tier both ask it
//! for the place in the bytecode that they are at. So an operation does the same wherever it runs.
//! It is made from a [`VerifiedModule`] and the catalogue's rows, and knows nothing of how anything
//! runs.
//!
//! So far it says which arguments of an elementwise operation *die* there: nobody can see
//! their elements afterwards, so that the result may be written into them.
//!
//! Invariant: what a plan says is true of every run, however a function was come to. Where that
//! cannot be shown, or would take long to show, it says nothing.
//!
//! ```
//! use nbc_ir::{FuncId, Module};
//! use nbc_runtime::plan::Plan;
//! let text = "export func @f(%x: tensor<f64>) -> f64 {
//!   %a = tensor.mul %x, 2.0
//!   %b = tensor.add %x, %a
//!   %s = tensor.sum %b
//!   ret %s
//! }";
//! let module = Module::parse(text, "f.nba").and_then(Module::verify).unwrap();
//! let plan = Plan::new(&module);
//! // The caller has %x, but nobody reads %a after the sum.
//! assert!(plan.dying(FuncId::new(0), 0, 0).is_empty());
//! assert_eq!(plan.dying(FuncId::new(0), 0, 1).iter().collect::<Vec<_>>(), [1]);
//! ```

mod aliases;
mod last_use;

use aliases::Summaries;
use nbc_ir::catalogue::{Kind, Operation};
use nbc_ir::{FuncId, VerifiedModule};

/// Arguments of one operation, by position; none beyond the eighth.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Arguments(u8);

impl Arguments {
    /// Adds the argument at `position`, if there is a place for it.
    pub(crate) fn add(&mut self, position: usize) {
        self.0 |= 1u8.checked_shl(position as u32).unwrap_or(0);
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Their positions, ascending.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..u8::BITS as usize).filter(move |n| self.0 >> n & 1 != 0)
    }
}

/// The plan of one function: operations by block and instruction, ascending, with the arguments
/// that die there.
type FunctionPlan = Box<[((u32, u32), Arguments)]>;

/// The plan of a module.
#[derive(Debug, Default)]
pub struct Plan {
    /// By function; none where there is nothing to say at all.
    functions: Box<[FunctionPlan]>,
}

impl Plan {
    /// The plan of `module`, in time proportional to its size.
    pub fn new(module: &VerifiedModule) -> Plan {
        // Which operations can have their result in an argument's memory.
        let may: Vec<bool> =
            module.ops.iter().map(|op| Operation::find(&op.name).is_some_and(may_take_over)).collect();
        if !may.contains(&true) {
            return Plan::default();
        }
        let summaries = Summaries::new(module);
        let functions = (0..module.imports.len() + module.functions.len()).map(FuncId::new);
        Plan { functions: functions.map(|id| last_use::find(module, id, &may, &summaries)).collect() }
    }

    /// A plan that says nothing: results have memory of their own.
    pub fn empty() -> Plan {
        Plan::default()
    }

    /// The arguments that die at an operation: their elements are not seen afterwards, but through
    /// others of that set that are the same object.
    pub fn dying(&self, func: FuncId, block: u32, inst: u32) -> Arguments {
        let Some(plan) = self.functions.get(func.index()) else { return Arguments::default() };
        plan.binary_search_by_key(&(block, inst), |(place, _)| *place)
            .map_or(Arguments::default(), |at| plan[at].1)
    }
}

/// Whether a row's kernel writes its result where an argument is, if that dies.
pub fn may_take_over(op: &Operation) -> bool {
    op.kind == Kind::Elementwise && op.pure
}

#[cfg(test)]
mod tests;
