//! Changes of the way control goes, and of regions.

use super::code::fresh;
use super::{Dice, function, place};
use nbc::ir::inst::FieldMut;
use nbc::ir::{Block, BlockId, Function, Inst, Module, Operand, Reg, Type};

fn some_block(dice: &mut Dice, f: &Function) -> BlockId {
    BlockId::new(dice.below(f.blocks.len()))
}

/// Every block that an instruction names.
fn successors(inst: &mut Inst) -> Vec<&mut BlockId> {
    let mut found = Vec::new();
    inst.for_each_field_mut(|field| match field {
        FieldMut::Block(b) => found.push(b),
        FieldMut::Blocks(list) => found.extend(list.iter_mut()),
        _ => {}
    });
    found
}

fn last(block: &mut Block) -> Option<&mut Inst> {
    block.insts.last_mut()
}

/// A branch goes elsewhere.
pub fn retarget(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let f = &mut module.functions[at];
    let (from, to) = (some_block(dice, f), some_block(dice, f));
    let Some(inst) = last(&mut f.blocks[from.index()]) else { return false };
    let mut all = successors(inst);
    if all.is_empty() {
        return false;
    }
    let which = dice.below(all.len());
    let done = *all[which] != to;
    *all[which] = to;
    done
}

/// A condition means its opposite.
pub fn swap_targets(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let f = &mut module.functions[at];
    let from = some_block(dice, f);
    match last(&mut f.blocks[from.index()]) {
        Some(Inst::BrIf { then_to, else_to, .. }) => {
            std::mem::swap(then_to, else_to);
            true
        }
        _ => false,
    }
}

/// What was certain depends on something.
pub fn branch(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let f = &mut module.functions[at];
    let from = some_block(dice, f).index();
    let other = some_block(dice, f);
    let Some(Inst::Br { target }) = f.blocks[from].insts.last().cloned() else { return false };
    let cond = match dice.percent(40) {
        true => match dice.reg(f, Type::Bool) {
            Some(reg) => reg,
            None => return false,
        },
        false => {
            let cond = fresh(f, Type::Bool);
            let numbers = [dice.operand(f, Type::I64), dice.operand(f, Type::I64)];
            let [Some(a), Some(b)] = numbers else { return false };
            let inst = match dice.below(4) {
                0 => Inst::I64Lt { dst: cond, a, b },
                1 => Inst::I64Eq { dst: cond, a, b },
                2 => Inst::I64Ge { dst: cond, a, b },
                _ => Inst::I64LtU { dst: cond, a, b },
            };
            let place = f.blocks[from].insts.len() - 1;
            f.blocks[from].insts.insert(place, inst);
            cond
        }
    };
    let (then_to, else_to) = if dice.percent(50) { (target, other) } else { (other, target) };
    if let Some(inst) = last(&mut f.blocks[from]) {
        *inst = Inst::BrIf { cond: cond.into(), then_to, else_to };
    }
    true
}

/// What depended on something is certain.
pub fn no_branch(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let f = &mut module.functions[at];
    let from = some_block(dice, f).index();
    let Some(inst) = last(&mut f.blocks[from]) else { return false };
    let targets: Vec<BlockId> = successors(inst).into_iter().map(|b| *b).collect();
    if targets.len() < 2 {
        return false;
    }
    *inst = Inst::Br { target: targets[dice.below(targets.len())] };
    true
}

/// Cuts a block in two; the number of the second.
fn cut(f: &mut Function, block: usize, at: usize) -> BlockId {
    let insts = f.blocks[block].insts.split_off(at);
    f.blocks.push(Block { name: None, insts, lines: Vec::new() });
    BlockId::new(f.blocks.len() - 1)
}

/// Cuts a block in two, one of which goes on to the other.
pub fn split(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let f = &mut module.functions[at];
    let Some((block, at)) = place(dice, f) else { return false };
    let target = cut(f, block, at);
    f.blocks[block].insts.push(Inst::Br { target });
    true
}

/// A block exists twice, and those who came to it go to one or the other.
pub fn clone_block(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let f = &mut module.functions[at];
    let old = some_block(dice, f);
    let mut copy = f.blocks[old.index()].clone();
    copy.name = None;
    f.blocks.push(copy);
    let new = BlockId::new(f.blocks.len() - 1);
    let mut done = false;
    for inst in f.blocks.iter_mut().filter_map(last) {
        for target in successors(inst) {
            if *target == old && dice.percent(50) {
                *target = new;
                done = true;
            }
        }
    }
    done
}

/// A block ends with what the block after it does.
pub fn merge(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let f = &mut module.functions[at];
    let from = some_block(dice, f).index();
    let Some(Inst::Br { target }) = f.blocks[from].insts.last().cloned() else { return false };
    let more = f.blocks[target.index()].insts.clone();
    f.blocks[from].insts.pop();
    f.blocks[from].insts.extend(more);
    true
}

/// A part of a block is done several times, counted by a new register.
pub fn repeat(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let f = &mut module.functions[at];
    let Some((block, start)) = place(dice, f) else { return false };
    let counter = fresh(f, Type::I64);
    let cond = fresh(f, Type::Bool);
    let rest = cut(f, block, start);
    let len = f.blocks[rest.index()].insts.len();
    let body_len = 1 + dice.below(len);
    if body_len >= len {
        return false;
    }
    let done = cut(f, rest.index(), body_len);
    let (first, step, turns) = (
        dice.below(3) as i64,
        [1, 1, 1, 2, -1, 3][dice.below(6)],
        [0, 1, 2, 3, 4, 7, 8, 9, 17][dice.below(9)],
    );
    let limit = first + step * turns;
    let test = |dice: &mut Dice| match (step > 0, dice.below(3)) {
        (_, 0) => Inst::I64Ne { dst: cond, a: counter.into(), b: limit.into() },
        (true, _) => Inst::I64Lt { dst: cond, a: counter.into(), b: limit.into() },
        (false, _) => Inst::I64Gt { dst: cond, a: counter.into(), b: limit.into() },
    };
    let count = Inst::I64Add { dst: counter, a: counter.into(), b: step.into() };
    f.blocks[block].insts.push(Inst::I64Const { dst: counter, value: first.into() });
    if dice.percent(50) {
        // Tested last.
        f.blocks[block].insts.push(Inst::Br { target: rest });
        let test = test(dice);
        let leave = Inst::BrIf { cond: cond.into(), then_to: rest, else_to: done };
        f.blocks[rest.index()].insts.extend([count, test, leave]);
    } else {
        let leave = Inst::BrIf { cond: cond.into(), then_to: rest, else_to: done };
        let insts = vec![test(dice), leave];
        f.blocks.push(Block { name: None, insts, lines: Vec::new() });
        let head = BlockId::new(f.blocks.len() - 1);
        f.blocks[block].insts.push(Inst::Br { target: head });
        f.blocks[rest.index()].insts.extend([count, Inst::Br { target: head }]);
    }
    // The body may use the counter.
    if let Some((_, at)) = place(dice, f) {
        let body = &mut f.blocks[rest.index()].insts;
        let at = at % body.len();
        let mut all = Vec::new();
        body[at].for_each_field_mut(|field| {
            if let FieldMut::Use(o @ Operand::Reg(_)) = field {
                all.push(o);
            }
        });
        let regs = &f.regs;
        let wide = |o: &&mut &mut Operand| matches!(o, Operand::Reg(r) if regs[r.index()] == Type::I64);
        if let Some(o) = all.iter_mut().find(wide) {
            **o = counter.into();
        }
    }
    true
}

/// Returns or traps where it went on.
pub fn leave(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let results = module.sigs[module.functions[at].sig.index()].results.clone();
    let f = &mut module.functions[at];
    let values: Option<Vec<Operand>> = results.iter().map(|ty| dice.operand(f, *ty)).collect();
    let Some(values) = values else { return false };
    let inst = if dice.percent(80) { Inst::Ret { values: values.into() } } else { Inst::Trap {} };
    f.blocks.push(Block { name: None, insts: vec![inst], lines: Vec::new() });
    let new = BlockId::new(f.blocks.len() - 1);
    let from = some_block(dice, f).index();
    let Some(inst) = last(&mut f.blocks[from]) else { return false };
    let mut all = successors(inst);
    if all.is_empty() {
        return false;
    }
    let which = dice.below(all.len());
    *all[which] = new;
    true
}

/// A region around some instructions of a block.
pub fn region_around_block(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let f = &mut module.functions[at];
    let Some((block, start)) = place(dice, f) else { return false };
    let len = f.blocks[block].insts.len();
    let end = start + dice.below(len - start);
    let kept = kept(dice, f);
    let insts = &mut f.blocks[block].insts;
    insts.insert(end, Inst::RegionEnd { kept });
    insts.insert(start, Inst::RegionBegin {});
    true
}

/// A region from the end of a block to the begin of another.
pub fn region_across_blocks(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let f = &mut module.functions[at];
    let (from, to) = (some_block(dice, f).index(), some_block(dice, f).index());
    let kept = kept(dice, f);
    let before = f.blocks[from].insts.len() - 1;
    f.blocks[to].insts.insert(0, Inst::RegionEnd { kept });
    let before = if from == to { before + 1 } else { before };
    f.blocks[from].insts.insert(before, Inst::RegionBegin {});
    true
}

fn kept(dice: &mut Dice, f: &Function) -> Box<[Reg]> {
    let objects: Vec<Reg> = (0..f.regs.len()).filter(|r| f.regs[*r].is_object()).map(Reg::new).collect();
    match dice.pick(&objects) {
        Some(reg) if dice.percent(40) => [reg].into(),
        _ => [].into(),
    }
}
