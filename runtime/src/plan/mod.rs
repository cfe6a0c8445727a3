//! The plan, which every tier follows: facts about a program's operations that are known
//! before it runs.
//!
//! A plan belongs to the program and not to a tier: the loader and the compiling tier both ask it
//! for the place in the bytecode that they are at. So an operation does the same wherever it runs.
//! It is made from a [`VerifiedModule`] and the catalogue's rows, and knows nothing of how anything
//! runs.
//!
//! It says three things. Which arguments of an elementwise operation *die* there: nobody can see
//! their elements afterwards, so that the result may be written into them. Which operations make
//! one pass over memory together ([`Role`]). And, where there is a
//! [device](crate::device), before which instructions a tensor has to be on the host.
//!
//! Invariant: what a plan says is true of every run, however a function was come to. Where that
//! cannot be shown, or would take long to show, it says nothing.
//!
//! ```
//! use nbc_ir::{FuncId, Module};
//! use nbc_runtime::plan::{Plan, Role, Wanted};
//! let text = "export func @f(%x: tensor<f64>) -> f64 {
//!   %a = tensor.mul %x, 2.0
//!   %b = tensor.add %x, %a
//!   %s = tensor.sum %b
//!   %t = tensor.load %b, 0
//!   %s = f64.add %s, %t
//!   ret %s
//! }";
//! let module = Module::parse(text, "f.nba").and_then(Module::verify).unwrap();
//! let plan = Plan::new(&module, Wanted { dying: true, fusion: true, host_steps: true });
//! // The caller has %x, but nobody reads %a after the sum.
//! assert!(plan.operation(FuncId::new(0), 0, 0).dying.is_empty());
//! assert_eq!(plan.operation(FuncId::new(0), 0, 1).dying.iter().collect::<Vec<_>>(), [1]);
//! // All three make one pass; %b is read by the load behind it.
//! let role = |inst| plan.operation(FuncId::new(0), 0, inst).role;
//! assert_eq!([role(0), role(1)], [Role::Deferred { kept: false }, Role::Deferred { kept: true }]);
//! assert_eq!(role(2), Role::Last);
//! // Loads of elements find them on the host.
//! assert_eq!(plan.host_steps(FuncId::new(0), 0, 3).map(|s| s.write).collect::<Vec<_>>(), [false]);
//! ```

mod aliases;
pub mod fusion;
mod host_steps;
mod last_use;
mod renumber;
mod writers;

use aliases::{Classes, Summaries};
pub use fusion::Role;
use fusion::{Part, Stretch};
use nbc_ir::catalogue::Operation;
use nbc_ir::flow::Cfg;
use nbc_ir::{FuncId, Function, Inst, Reg, VerifiedModule};
use renumber::renumbered;
use std::borrow::Cow;
use writers::Writers;

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
    /// Which operations make one pass; otherwise each makes its own.
    pub fusion: bool,
    /// Where tensors have to be on the host; not wanted where they always are.
    pub host_steps: bool,
}

/// What is to be known of one operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AtOperation {
    /// The arguments that die there: their elements are not seen afterwards, but through
    /// others of that set that are the same object.
    pub dying: Arguments,
    /// What it is in its group.
    pub role: Role,
    /// Whether the result may be written into what dies.
    pub in_place: bool,
}

/// The plan of one function; all lists are in order.
#[derive(Debug, Default)]
struct FunctionPlan {
    /// Operations with the arguments that die there.
    dying: Box<[(Before, Arguments)]>,
    /// Operations that do not run alone.
    roles: Box<[(Before, Role)]>,
    host_steps: Box<[(Before, HostStep)]>,
}

/// The plan of a module.
#[derive(Debug, Default)]
pub struct Plan {
    /// By function; none where there is nothing to say at all.
    functions: Box<[FunctionPlan]>,
    /// Whether results may be written into what dies.
    in_place: bool,
}

/// What is known of a module's operations, before its functions are looked at.
struct Operations<'m> {
    /// By operation of the module, whether it is of interest which of its arguments die.
    may: Vec<bool>,
    parts: Vec<Part>,
    fusion: bool,
    /// The module's own functions.
    functions: Vec<Cow<'m, Function>>,
    summaries: Summaries,
}

impl<'m> Operations<'m> {
    /// Nothing where there is none that a plan says something of.
    fn new(module: &'m VerifiedModule, wanted: Wanted) -> Option<Operations<'m>> {
        let parts: Vec<Part> = module.ops.iter().map(|op| fusion::part(&op.name)).collect();
        let may_here = |name: &str, part: &Part| {
            wanted.dying && Operation::find(name).is_some_and(may_take_over)
                || wanted.fusion && matches!(part, Part::Elementwise | Part::Reduction)
        };
        let may: Vec<bool> =
            module.ops.iter().zip(&parts).map(|(op, part)| may_here(&op.name, part)).collect();
        if !may.contains(&true) {
            return None;
        }
        let functions: Vec<_> = module.functions.iter().map(|func| renumbered(module, func)).collect();
        let summaries = Summaries::new(module, &functions);
        Some(Operations { may, parts, fusion: wanted.fusion, functions, summaries })
    }

    /// Where arguments die in a function, and which operations could be groups.
    fn of(&self, module: &VerifiedModule, id: FuncId) -> (Box<[(Before, Arguments)]>, Vec<Stretch>) {
        let own = id.index().checked_sub(module.imports.len());
        let Some(func) = own.map(|own| &*self.functions[own]) else { return Default::default() };
        let is_of_interest =
            |inst: &Inst| matches!(inst, Inst::CallOp { callee, .. } if self.may[callee.index()]);
        if !func.blocks.iter().flat_map(|b| &b.insts).any(is_of_interest) {
            return Default::default();
        }
        let mut classes = Classes::new(module, id, func, &self.summaries);
        let cfg = Cfg::new(func);
        let dying = last_use::find(func, &cfg, &self.may, &mut classes);
        let stretches = match self.fusion {
            true => fusion::find(func, &cfg, &self.parts, &mut classes, &dying),
            false => Vec::new(),
        };
        (dying, stretches)
    }
}

/// The stretches of operations in a function that could make one pass, for whoever wants to know why they
/// do not.
pub fn stretches(module: &VerifiedModule) -> Vec<Vec<Stretch>> {
    let wanted = Wanted { dying: false, fusion: true, host_steps: false };
    let Some(operations) = Operations::new(module, wanted) else { return Vec::new() };
    let functions = 0..module.imports.len() + module.functions.len();
    functions.map(|f| operations.of(module, FuncId::new(f)).1).collect()
}

/// What a list says of a place.
fn at<T: Copy + Default>(list: &[(Before, T)], place: Before) -> T {
    list.binary_search_by_key(&place, |(at, _)| *at).map_or(T::default(), |at| list[at].1)
}

impl Plan {
    /// The plan of `module`, in time proportional to its size.
    pub fn new(module: &VerifiedModule, wanted: Wanted) -> Plan {
        let operations = Operations::new(module, wanted);
        if operations.is_none() && !wanted.host_steps {
            return Plan::default();
        }
        let writers = wanted.host_steps.then(|| Writers::new(module));
        let function = |f: usize| {
            let id = FuncId::new(f);
            let (dying, stretches) = operations.as_ref().map_or_else(Default::default, |o| o.of(module, id));
            let roles = stretches.iter().flat_map(|s| s.members.iter().map(|m| ((s.block, m.inst), m.role)));
            FunctionPlan {
                dying,
                roles: roles.filter(|(_, role)| *role != Role::Alone).collect(),
                host_steps: writers.as_ref().map_or_else(Box::default, |w| host_steps::find(module, w, id)),
            }
        };
        let functions = (0..module.imports.len() + module.functions.len()).map(function).collect();
        Plan { functions, in_place: wanted.dying }
    }

    /// A plan that says nothing: results have memory of their own, and tensors are on the host.
    pub fn empty() -> Plan {
        Plan::default()
    }

    /// What is to be known of an operation.
    pub fn operation(&self, func: FuncId, block: u32, inst: u32) -> AtOperation {
        let Some(plan) = self.functions.get(func.index()) else { return AtOperation::default() };
        AtOperation {
            dying: at(&plan.dying, (block, inst)),
            role: at(&plan.roles, (block, inst)),
            in_place: self.in_place,
        }
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
    op.is_elementwise() || op.takes_over
}

#[cfg(test)]
mod tests;
