//! Programs made by changing programs that are there: those that tests, benches
//! and examples consist of, and random ones.
//!
//! A change is made to the `Module`, as a whole function knows it, and kept if
//! the verifier accepts the result; so a program that has been changed ten times
//! still runs, and does something that nobody has thought of.

mod code;
pub mod corpus;
mod flow;
pub mod minimise;
mod splice;
mod value;

use crate::campaign::Finding;
use crate::case::{Case, Failure};
use crate::choices::Random;
use nbc::ir::{Function, Module, Operand, Reg, Type};

/// Makes choices.
pub struct Dice(pub Random);

/// A finding: the case, as small as it can be made while it fails.
pub fn finding(mut case: Case, why: String) -> Finding {
    // Only the way that differs, which is quicker.
    if let Ok(Err(Failure::Differs(difference))) = std::panic::catch_unwind(|| case.run()) {
        case.ways = vec![difference.other];
    }
    let (case, why) = minimise::minimise(case, why, Case::failure);
    Finding { why, program: minimise::print(&case, Case::failure) }
}

impl Dice {
    /// The choices of a seed.
    pub fn new(seed: u64) -> Dice {
        Dice(Random::spread(seed, 0x9e6c_63d0_762c_4a45))
    }

    /// A number below `n`, which is not 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.0.next() % n as u64) as usize
    }

    /// True about that many times in a hundred.
    pub fn percent(&mut self, n: usize) -> bool {
        self.below(100) < n
    }

    /// One of them, if there are any.
    pub fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        if from.is_empty() { None } else { Some(from[self.below(from.len())].clone()) }
    }

    /// A register of that type.
    pub fn reg(&mut self, f: &Function, ty: Type) -> Option<Reg> {
        let same: Vec<Reg> = (0..f.regs.len()).filter(|r| f.regs[*r] == ty).map(Reg::new).collect();
        self.pick(&same)
    }

    /// A register of that type, or, for a scalar, a literal.
    pub fn operand(&mut self, f: &Function, ty: Type) -> Option<Operand> {
        let literal = ty.is_scalar() && self.percent(40);
        let reg = if literal { None } else { self.reg(f, ty) };
        match reg {
            Some(reg) => Some(reg.into()),
            None if ty.is_scalar() => Some(Operand::Imm(value::literal(self, ty, None))),
            None => None,
        }
    }
}

/// A change: whether there was anything to change.
type Change = fn(&mut Dice, &mut Module) -> bool;

/// All changes; what stands more often is made more often.
const CHANGES: &[Change] = &[
    code::literal,
    code::literal,
    code::literal,
    code::literals_everywhere,
    code::operand,
    code::operand,
    code::swap_operands,
    code::opcode,
    code::opcode,
    code::target,
    code::duplicate,
    code::delete,
    code::delete,
    code::reorder,
    code::insert,
    code::insert,
    code::insert,
    code::insert_operation,
    code::insert_global,
    code::loop_part,
    code::loop_part,
    code::loop_part,
    flow::retarget,
    flow::retarget,
    flow::swap_targets,
    flow::branch,
    flow::branch,
    flow::no_branch,
    flow::split,
    flow::clone_block,
    flow::merge,
    flow::repeat,
    flow::repeat,
    flow::leave,
    flow::region_around_block,
    flow::region_across_blocks,
    splice::insert_call,
    splice::redirect_call,
    splice::copy_run,
];

/// Changes a program up to that many times, where the verifier lets it.
pub fn change(dice: &mut Dice, case: &mut Case, samples: &[Case], times: usize) {
    for at in 0..times {
        for _ in 0..12 {
            let mut module = case.module.clone();
            let done = match dice.percent(6) {
                true if at < 4 => splice::join(&mut module, &samples[dice.below(samples.len())].module),
                _ => CHANGES[dice.below(CHANGES.len())](dice, &mut module),
            };
            if done && module.clone().verify().is_ok() {
                case.module = module;
                break;
            }
        }
    }
    if dice.percent(50) {
        value::change_arguments(dice, &mut case.script.calls);
    }
}

/// One of the module's own functions, longer ones rather than others.
fn function(dice: &mut Dice, module: &Module) -> Option<usize> {
    let all: usize = module.functions.iter().map(Function::num_insts).sum();
    let mut at = dice.below(all.max(1));
    for (i, f) in module.functions.iter().enumerate() {
        if at < f.num_insts() {
            return Some(i);
        }
        at -= f.num_insts();
    }
    None
}

/// An instruction of a function: its block and place.
fn place(dice: &mut Dice, f: &Function) -> Option<(usize, usize)> {
    let mut at = dice.below(f.num_insts().max(1));
    for (i, block) in f.blocks.iter().enumerate() {
        if at < block.insts.len() {
            return Some((i, at));
        }
        at -= block.insts.len();
    }
    None
}
