//! An alias analysis by unification, in the manner of Steensgaard ("Points-to analysis in
//! almost linear time", 1996). It says which registers of a function may hold tensors with
//! the same elements, and which of those others may know.
//!
//! Registers between which a tensor, or a view of it, goes are one class, whatever the order.
//! Functions are [renumbered](super::renumber) first, so that a register which is set anew
//! is not of the class of what it held.
//! A class is *known outside* when a tensor of it came from elsewhere (a parameter, a global, a
//! constant, a list). So it is when one has gone there (into a list, to a function that keeps it).
//! Then nothing can be said of who sees the elements. Of calls, summaries say what a function does
//! with its arguments and results; they start from the best and get worse until they are true.
//!
//! Invariant: an instruction that is not listed here makes everything that it reads or writes
//! known outside.

use nbc_ir::catalogue::{Aliasing, Operation};
use nbc_ir::{FuncId, Function, Inst, Operand, Reg, Type, VerifiedModule};
use std::borrow::Cow;

/// What callers have to know of a function.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Summary {
    /// By parameter, whether somebody may know the tensor, or a view of it, after the call
    /// who did not before.
    keeps: Vec<bool>,
    /// Whether every result is a tensor that nobody else has.
    is_new: bool,
}

/// What calls of a module's functions do.
#[derive(Default)]
pub(super) struct Summaries(Vec<Summary>);

/// How many times as many registers and operands as a module has may be looked at for its summaries.
const ROUNDS: usize = 8;

impl Summaries {
    /// Those of a module whose own functions are `functions`, renumbered.
    pub(super) fn new(module: &VerifiedModule, functions: &[Cow<'_, Function>]) -> Summaries {
        let imports = module.imports.len();
        let count = module.imports.len() + module.functions.len();
        let mut all = Summaries((0..count).map(|f| best(module, FuncId::new(f))).collect());
        let mut callers: Vec<Vec<usize>> = vec![Vec::new(); count];
        // How much there is to look at in each.
        let mut weights = vec![0; count];
        for (f, weight) in weights.iter_mut().enumerate() {
            let Some(func) = f.checked_sub(imports).map(|own| &functions[own]) else { continue };
            *weight = func.regs.len() + 1;
            for inst in func.blocks.iter().flat_map(|b| &b.insts) {
                *weight += 1;
                inst.for_each_use(|_| *weight += 1);
                if let Inst::Call { callee, .. } = inst
                    && callers[callee.index()].last() != Some(&f)
                {
                    callers[callee.index()].push(f);
                }
            }
        }
        let mut budget = weights.iter().sum::<usize>() * ROUNDS;
        let mut waiting: Vec<usize> = (imports..count).collect();
        let mut is_waiting = vec![true; count];
        while let Some(f) = waiting.pop() {
            is_waiting[f] = false;
            let func = &functions[f - imports];
            match budget.checked_sub(weights[f] + callers[f].len()) {
                Some(left) => budget = left,
                None => {
                    all.0.iter_mut().skip(imports).for_each(Summary::say_the_worst);
                    return all;
                }
            }
            let now = Classes::new(module, FuncId::new(f), func, &all).summary(module, func);
            if now != all.0[f] {
                all.0[f] = now;
                for &caller in &callers[f] {
                    if !std::mem::replace(&mut is_waiting[caller], true) {
                        waiting.push(caller);
                    }
                }
            }
        }
        all
    }
}

fn params_of(module: &VerifiedModule, id: FuncId) -> usize {
    module.func_sig_id(id).map_or(0, |sig| module.sigs[sig.index()].params.len())
}

/// What a function does that does nothing. Host functions do that: they get copies, and what they
/// return is copied.
fn best(module: &VerifiedModule, id: FuncId) -> Summary {
    let params = params_of(module, id);
    Summary { keeps: vec![false; params], is_new: true }
}

impl Summary {
    fn say_the_worst(&mut self) {
        self.keeps.fill(true);
        self.is_new = false;
    }
}

/// The classes of a function's registers.
pub(super) struct Classes {
    /// By register, another of its class, or itself.
    parent: Vec<u32>,
    /// By the register that stands for a class, whether it is known outside.
    known: Vec<bool>,
    /// The same, but for that parameters are.
    kept: Vec<bool>,
}

impl Classes {
    /// Those of function `id`, of which `func` is what is left when it is renumbered.
    pub(super) fn new(
        module: &VerifiedModule,
        id: FuncId,
        func: &Function,
        summaries: &Summaries,
    ) -> Classes {
        let regs = func.regs.len();
        let mut classes =
            Classes { parent: (0..regs as u32).collect(), known: vec![false; regs], kept: vec![false; regs] };
        let depths = &module.facts(id).block_depth;
        let reachable = func.blocks.iter().zip(depths).filter(|(_, depth)| **depth != u32::MAX);
        for inst in reachable.flat_map(|(block, _)| &block.insts) {
            classes.see(module, func, inst, summaries);
        }
        for param in 0..params_of(module, id) {
            let class = classes.of(Reg(param as u32));
            classes.known[class] = true;
        }
        classes
    }

    /// The register that stands for the class of `reg`.
    pub(super) fn of(&mut self, reg: Reg) -> usize {
        let mut at = reg.index();
        while self.parent[at] as usize != at {
            self.parent[at] = self.parent[self.parent[at] as usize];
            at = self.parent[at] as usize;
        }
        at
    }

    /// Whether somebody else may know a tensor of the class, or a view of it.
    pub(super) fn is_known(&self, class: usize) -> bool {
        self.known[class]
    }

    fn join(&mut self, a: Reg, b: Operand) {
        let Operand::Reg(b) = b else { return };
        let (a, b) = (self.of(a), self.of(b));
        self.parent[a] = b as u32;
        self.known[b] |= self.known[a];
        self.kept[b] |= self.kept[a];
    }

    fn make_known(&mut self, reg: Reg) {
        let class = self.of(reg);
        self.known[class] = true;
        self.kept[class] = true;
    }

    fn make_operand_known(&mut self, operand: Operand) {
        if let Operand::Reg(reg) = operand {
            self.make_known(reg);
        }
    }

    fn see(&mut self, module: &VerifiedModule, func: &Function, inst: &Inst, summaries: &Summaries) {
        match inst {
            // A tensor that is kept where a region ends stays in its register. Globals copy.
            Inst::RegionBegin {}
            | Inst::RegionEnd { .. }
            | Inst::RegionRenew { .. }
            | Inst::GlobalSet { .. }
            | Inst::TensorLen { .. }
            | Inst::TensorRank { .. }
            | Inst::TensorDim { .. }
            | Inst::TensorToHost { .. }
            | Inst::TensorLoad { .. }
            | Inst::TensorLoad2 { .. }
            | Inst::TensorLoad3 { .. }
            | Inst::TensorLoadRe { .. }
            | Inst::TensorLoadIm { .. }
            | Inst::TensorStore { .. }
            | Inst::TensorStore2 { .. }
            | Inst::TensorStore3 { .. }
            | Inst::TensorStoreRe { .. }
            | Inst::TensorStoreIm { .. }
            // The function is over; its summary looks at what it returns.
            | Inst::Ret { .. } => {}
            Inst::Copy { dst, a } => self.join(*dst, *a),
            Inst::Select { dst, a, b, .. } => {
                self.join(*dst, *a);
                self.join(*dst, *b);
            }
            Inst::CallOp { results, callee, args } => {
                let row = Operation::find(&module.ops[callee.index()].name);
                match row.map_or(Aliasing::Unknown, |row| row.result) {
                    // Functions that operations call have scalars for arguments.
                    Aliasing::New if !args.iter().any(|a| holds_objects(func, *a)) => {}
                    Aliasing::View(at) if results.len() == 1 && at < args.len() => {
                        self.join(results[0], args[at]);
                    }
                    Aliasing::New | Aliasing::View(_) | Aliasing::Unknown => {
                        args.iter().for_each(|a| self.make_operand_known(*a));
                        results.iter().for_each(|r| self.make_known(*r));
                    }
                }
            }
            Inst::Call { results, callee, args } => {
                let Summary { keeps, is_new } = &summaries.0[callee.index()];
                for (arg, _) in args.iter().zip(keeps).filter(|(_, keeps)| **keeps) {
                    self.make_operand_known(*arg);
                }
                if !is_new {
                    results.iter().for_each(|r| self.make_known(*r));
                }
            }
            // Scalar code among them: what it reads and writes is no tensor.
            other => {
                other.for_each_use(|r| self.make_known(r));
                other.for_each_def(|r| self.make_known(r));
            }
        }
    }

    fn summary(mut self, module: &VerifiedModule, func: &Function) -> Summary {
        let params = module.sigs[func.sig.index()].params.len();
        let mut is_new = true;
        // By class, the last return in which it was seen.
        let mut returned = vec![0u32; self.parent.len()];
        let mut returns = 0;
        for inst in func.blocks.iter().flat_map(|b| &b.insts) {
            let Inst::Ret { values } = inst else { continue };
            returns += 1;
            for value in values {
                let Operand::Reg(reg) = *value else { continue };
                if func.regs[reg.index()].is_object() {
                    let class = self.of(reg);
                    let before = std::mem::replace(&mut returned[class], returns);
                    is_new &= !self.known[class] && before != returns;
                    self.kept[class] = true;
                }
            }
        }
        let keeps = (0..params).map(|p| {
            let class = self.of(Reg(p as u32));
            func.regs[p].is_object() && self.kept[class]
        });
        let keeps = keeps.collect();
        Summary { keeps, is_new }
    }
}

/// Whether an operand is something in which there may be tensors.
fn holds_objects(func: &Function, operand: Operand) -> bool {
    match operand {
        Operand::Reg(reg) => matches!(func.regs[reg.index()], Type::List(_)),
        Operand::Imm(_) => false,
    }
}
