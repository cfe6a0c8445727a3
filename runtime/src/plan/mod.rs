//! The plan, which every tier follows: facts about a program's operations that are known
//! before it runs.
//!
//! A plan belongs to the program and not to a tier: the loader and the compiling tier both ask it
//! for the place in the bytecode that they are at. So an operation does the same wherever it runs.
//! It is made from a [`VerifiedModule`] and the catalogue's rows, and knows nothing of how anything
//! runs.
//!
//! It says two things. Which arguments of an elementwise operation *die* there: nobody can see
//! their elements afterwards, so that the result may be written into them. And, where there is a
//! [device](crate::device), before which instructions a tensor has to be on the host.
//!
//! Invariant: what a plan says is true of every run, however a function was come to. Where that
//! cannot be shown, or would take long to show, it says nothing.
//!
//! ```
//! use nbc_ir::{FuncId, Module};
//! use nbc_runtime::plan::{Plan, Wanted};
//! let text = "export func @f(%x: tensor<f64>) -> f64 {
//!   %a = tensor.mul %x, 2.0
//!   %b = tensor.add %x, %a
//!   %s = tensor.sum %b
//!   %t = tensor.load %b, 0
//!   %s = f64.add %s, %t
//!   ret %s
//! }";
//! let module = Module::parse(text, "f.nba").and_then(Module::verify).unwrap();
//! let plan = Plan::new(&module, Wanted { dying: true, host_steps: true });
//! // The caller has %x, but nobody reads %a after the sum.
//! assert!(plan.dying(FuncId::new(0), 0, 0).is_empty());
//! assert_eq!(plan.dying(FuncId::new(0), 0, 1).iter().collect::<Vec<_>>(), [1]);
//! // Loads of elements find them on the host.
//! assert_eq!(plan.host_steps(FuncId::new(0), 0, 3).map(|s| s.write).collect::<Vec<_>>(), [false]);
//! ```

mod aliases;
mod host_steps;
mod last_use;

use aliases::Summaries;
use nbc_ir::catalogue::{Kind, Operation};
use nbc_ir::{FuncId, Reg, VerifiedModule};

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

/// A place before an instruction, by block and instruction.
type Before = (u32, u32);

/// A step before a load or store of elements: the tensor has to be on the host there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HostStep {
    /// The register that holds it.
    pub tensor: Reg,
    /// Whether elements are going to be written.
    pub write: bool,
}

/// What is to be known of a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// Which arguments die; otherwise results have memory of their own.
    pub dying: bool,
    /// Where tensors have to be on the host; not wanted where they always are.
    pub host_steps: bool,
}

/// The plan of one function; both lists are in order.
#[derive(Debug, Default)]
struct FunctionPlan {
    /// Operations with the arguments that die there.
    dying: Box<[(Before, Arguments)]>,
    host_steps: Box<[(Before, HostStep)]>,
}

/// The plan of a module.
#[derive(Debug, Default)]
pub struct Plan {
    /// By function; none where there is nothing to say at all.
    functions: Box<[FunctionPlan]>,
}

impl Plan {
    /// The plan of `module`, in time proportional to its size.
    pub fn new(module: &VerifiedModule, wanted: Wanted) -> Plan {
        // Which operations can have their result in an argument's memory.
        let may = |name: &str| wanted.dying && Operation::find(name).is_some_and(may_take_over);
        let may: Vec<bool> = module.ops.iter().map(|op| may(&op.name)).collect();
        let any_dies = may.contains(&true);
        if !any_dies && !wanted.host_steps {
            return Plan::default();
        }
        let summaries = if any_dies { Summaries::new(module) } else { Summaries::default() };
        let function = |f: usize| {
            let id = FuncId::new(f);
            FunctionPlan {
                dying: if any_dies { last_use::find(module, id, &may, &summaries) } else { Box::default() },
                host_steps: if wanted.host_steps { host_steps::find(module, id) } else { Box::default() },
            }
        };
        Plan { functions: (0..module.imports.len() + module.functions.len()).map(function).collect() }
    }

    /// A plan that says nothing: results have memory of their own, and tensors are on the host.
    pub fn empty() -> Plan {
        Plan::default()
    }

    /// The arguments that die at an operation: their elements are not seen afterwards, but through
    /// others of that set that are the same object.
    pub fn dying(&self, func: FuncId, block: u32, inst: u32) -> Arguments {
        let Some(plan) = self.functions.get(func.index()) else { return Arguments::default() };
        plan.dying
            .binary_search_by_key(&(block, inst), |(place, _)| *place)
            .map_or(Arguments::default(), |at| plan.dying[at].1)
    }

    /// The steps to be made before an instruction.
    pub fn host_steps(&self, func: FuncId, block: u32, inst: u32) -> impl Iterator<Item = HostStep> {
        let all = self.functions.get(func.index()).map_or(&[][..], |plan| &plan.host_steps);
        let from = all.partition_point(|(place, _)| *place < (block, inst));
        all[from..].iter().take_while(move |(place, _)| *place == (block, inst)).map(|(_, step)| *step)
    }

    /// Whether there are steps in a function at all.
    pub fn has_host_steps(&self, func: FuncId) -> bool {
        self.functions.get(func.index()).is_some_and(|plan| !plan.host_steps.is_empty())
    }
}

/// Whether a row's kernel writes its result where an argument is, if that dies.
pub fn may_take_over(op: &Operation) -> bool {
    op.kind == Kind::Elementwise && op.pure
}

#[cfg(test)]
mod tests;
