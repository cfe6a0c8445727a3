//! Tail recursion elimination: recursion in tail position becomes a loop. It
//! becomes one too where the result is only added to something, or multiplied:
//! `n * f(n - 1)` collects the product on the way.
//!
//! Integers only, whose sums and products are the same in any order. Only
//! functions that do nothing but compute and call themselves, so that no frame
//! that is saved could have been seen in a backtrace. Calls may go deeper than
//! they could. So that recursion without an end still comes to one, the loop
//! calls after all whenever it has used up the budget.
//!
//! Proves: that the operation takes the call's result once, and is associative and commutative.
//! Relies on: that nothing in the function can be seen but its result.

use crate::mir::{Entry, Func, MirNode, MirOp, Ty};
use nbc_ir::inst::{Effect, Imm};
use nbc_ir::{BlockId, Inst, Opcode, Operand, Reg, Type};

/// What an iteration of the loop costs: the more, the sooner recursion without an
/// end has used up the stack.
const COST: i64 = 16;

/// A call whose result is what the function returns, or part of that.
struct Site {
    block: BlockId,
    args: Box<[Operand]>,
    /// What the result is added to.
    other: Option<Operand>,
}

/// Makes loops of a function's calls of itself, whose fuel is not metered.
pub fn run(func: &mut Func) -> bool {
    let (Entry::Call { params }, [ty @ (Type::I64 | Type::I32)]) = (&func.entry, &*func.results) else {
        return false;
    };
    let (params, ty) = (*params, *ty);
    if forbidden!(func.own_region) || !only_computes(func) {
        return false;
    }
    let Some((mut opcode, mut sites)) = sites(func) else { return false };
    let is_call = |n: &&MirNode| matches!(n.op, MirOp::Inst(Inst::Call { .. }));
    let calls = func.blocks.iter().flat_map(|b| &b.nodes).filter(is_call).count();
    if calls > sites.len() {
        // Where it calls itself besides, unfolding both is faster.
        sites.retain(|s| worth!(s.other.is_none()));
        opcode = None;
        if sites.is_empty() {
            return false; // there is nothing to do
        }
    }
    Rewrite::new(func, params, ty, opcode).run(sites);
    true
}

/// Whether there is nothing but arithmetic that cannot trap, and calls of itself.
fn only_computes(func: &Func) -> bool {
    func.blocks.iter().flat_map(|b| &b.nodes).all(|n| match &n.op {
        MirOp::Inst(Inst::Call { callee, .. }) => required!(*callee == func.id),
        MirOp::Inst(Inst::Trap {}) => required!(false),
        MirOp::Inst(inst) => required!(matches!(inst.opcode().effect(), Effect::Pure | Effect::Control)),
        _ => false,
    })
}

/// The calls in tail position, and the one operation that they are under.
fn sites(func: &Func) -> Option<(Option<Opcode>, Vec<Site>)> {
    let (mut opcode, mut sites) = (None, Vec::new());
    for (b, block) in func.blocks.iter().enumerate() {
        let block_id = BlockId::new(b);
        let insts: Vec<&Inst> = block
            .nodes
            .iter()
            .rev()
            .take(3)
            .filter_map(|n| match &n.op {
                MirOp::Inst(inst) => Some(inst),
                _ => None,
            })
            .collect();
        match insts[..] {
            [Inst::Ret { values }, Inst::Call { results, args, .. }, ..]
                if required!(values[0] == results[0].into()) =>
            {
                sites.push(Site { block: block_id, args: args.clone(), other: None });
            }
            [Inst::Ret { values }, sum, Inst::Call { results, args, .. }] => {
                let Some((dst, a, b)) = collects(sum) else { continue };
                let is_other = |o: Opcode| forbidden!(o != sum.opcode());
                if !required!(values[0] == dst.into()) || opcode.is_some_and(is_other) {
                    continue;
                }
                let result = Operand::from(results[0]);
                let other = if b == result { a } else { b };
                if required!(a == result || b == result) && !forbidden!(a == result && b == result) {
                    opcode = Some(sum.opcode());
                    sites.push(Site { block: block_id, args: args.clone(), other: Some(other) });
                }
            }
            _ => {}
        }
    }
    (!sites.is_empty()).then_some((opcode, sites)) // there is nothing to do
}

/// Result and operands of an operation that can be collected on the way.
fn collects(inst: &Inst) -> Option<(Reg, Operand, Operand)> {
    match *inst {
        Inst::I64Add { dst, a, b }
        | Inst::I64Mul { dst, a, b }
        | Inst::I32Add { dst, a, b }
        | Inst::I32Mul { dst, a, b } => Some((dst, a, b)),
        _ => None,
    }
}

struct Rewrite<'a> {
    func: &'a mut Func,
    params: usize,
    ty: Type,
    opcode: Option<Opcode>,
    /// What has been collected.
    sum: Reg,
    header: BlockId,
}

impl<'a> Rewrite<'a> {
    fn new(func: &'a mut Func, params: usize, ty: Type, opcode: Option<Opcode>) -> Rewrite<'a> {
        let sum = func.value(ty);
        let header = func.block();
        Rewrite { func, params, ty, opcode, sum, header }
    }

    fn run(mut self, sites: Vec<Site>) {
        // The old entry becomes the loop's header.
        let origin = self.func.blocks[0].nodes.first().map_or(0, |n| n.origin);
        let body = std::mem::take(&mut self.func.blocks[0].nodes);
        self.func.blocks[self.header.index()].nodes = body;
        let neutral = match self.opcode {
            Some(Opcode::I64Mul | Opcode::I32Mul) => 1,
            _ => 0,
        };
        let neutral = if self.ty == Type::I32 { Imm::I32(neutral) } else { Imm::I64(neutral as i64) };
        self.push(BlockId(0), origin, Inst::Copy { dst: self.sum, a: Operand::Imm(neutral) });
        self.push(BlockId(0), origin, Inst::Br { target: self.header });
        let old = |b: BlockId, header: BlockId| if b.index() == 0 { header } else { b };
        let places: Vec<BlockId> = sites.iter().map(|s| old(s.block, self.header)).collect();
        let mut iterations = vec![false; self.func.blocks.len()];
        places.iter().for_each(|b| iterations[b.index()] = true);
        for (b, _) in iterations.into_iter().enumerate().skip(1).filter(|(_, iterations)| !iterations) {
            self.finish_return(BlockId::new(b));
        }
        for (site, place) in sites.into_iter().zip(places) {
            self.iteration(site, place);
        }
    }

    fn push(&mut self, block: BlockId, origin: u32, inst: Inst) {
        self.func.blocks[block.index()].nodes.push(MirNode { op: MirOp::Inst(inst), origin });
    }

    /// Adds `value` to what has been collected; the sum.
    fn collected(&mut self, block: BlockId, origin: u32, value: Operand) -> Operand {
        let Some(opcode) = self.opcode else { return value };
        let dst = self.func.value(self.ty);
        let (a, b) = (self.sum.into(), value);
        let inst = match opcode {
            Opcode::I64Add => Inst::I64Add { dst, a, b },
            Opcode::I64Mul => Inst::I64Mul { dst, a, b },
            Opcode::I32Add => Inst::I32Add { dst, a, b },
            _ => Inst::I32Mul { dst, a, b },
        };
        self.push(block, origin, inst);
        dst.into()
    }

    /// A return that ends the loop.
    fn finish_return(&mut self, block: BlockId) {
        let nodes = &mut self.func.blocks[block.index()].nodes;
        let Some(MirNode { op: MirOp::Inst(Inst::Ret { values }), origin }) = nodes.last() else { return };
        let (value, origin) = (values[0], *origin);
        nodes.pop();
        let value = self.collected(block, origin, value);
        self.push(block, origin, Inst::Ret { values: [value].into() });
    }

    /// A call that becomes another iteration of the loop.
    fn iteration(&mut self, site: Site, block: BlockId) {
        let nodes = &mut self.func.blocks[block.index()].nodes;
        nodes.truncate(nodes.len() - if site.other.is_some() { 3 } else { 2 });
        let origin = self.func.blocks[0].nodes[0].origin;
        let origin = self.func.blocks[block.index()].nodes.last().map_or(origin, |n| n.origin);
        if let Some(other) = site.other {
            let sum = self.collected(block, origin, other);
            self.push(block, origin, Inst::Copy { dst: self.sum, a: sum });
        }
        let more = self.func.value(Type::Bool);
        // All arguments are read before the first parameter is written.
        let mut next = Vec::new();
        for (i, arg) in site.args.iter().enumerate().take(self.params) {
            let Ty::Value(ty) = self.func.regs[i] else { continue };
            let dst = self.func.value(ty);
            self.push(block, origin, Inst::Copy { dst, a: *arg });
            next.push(dst);
        }
        for (i, from) in next.into_iter().enumerate() {
            self.push(block, origin, Inst::Copy { dst: Reg::new(i), a: from.into() });
        }
        let spend = MirNode { op: MirOp::Spend { dst: more, cost: COST.into() }, origin };
        self.func.blocks[block.index()].nodes.push(spend);
        let call = self.func.block();
        let (then_to, else_to) = (self.header, call);
        self.push(block, origin, Inst::BrIf { cond: more.into(), then_to, else_to });
        // Deep enough: a call like any other.
        self.func.blocks[call.index()].cold = true;
        let look = MirNode { op: MirOp::Charge { cost: 0i64.into() }, origin };
        self.func.blocks[call.index()].nodes.push(look);
        let result = self.func.value(self.ty);
        let args = (0..self.params).map(|p| Reg::new(p).into()).collect();
        let results = [result].into();
        self.push(call, origin, Inst::Call { results, callee: self.func.id, args });
        let value = self.collected(call, origin, result.into());
        self.push(call, origin, Inst::Ret { values: [value].into() });
    }
}
