//! Changes of single instructions.

use super::value::literal as new_literal;
use super::{Dice, function, place};
use nbc::ir::inst::{Effect, Field, FieldMut, FieldRef, Opcode, OperandSpec, Pattern, Role};
use nbc::ir::{
    Elem, Function, Global, GlobalId, GlobalInit, Imm, Inst, Item, Module, OpRef, Operand, Reg, Type,
};

/// Changes one literal.
pub fn literal(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let f = &mut module.functions[at];
    for _ in 0..20 {
        let Some((block, inst)) = place(dice, f) else { return false };
        if change_literal(dice, &mut f.blocks[block].insts[inst]) {
            return true;
        }
    }
    false
}

/// Every literal of an instruction.
fn literals(inst: &mut Inst) -> Vec<&mut Imm> {
    let mut found = Vec::new();
    inst.for_each_field_mut(|field| match field {
        FieldMut::Use(Operand::Imm(imm)) | FieldMut::Lit(imm) => found.push(imm),
        FieldMut::Uses(list) => found.extend(list.iter_mut().filter_map(|o| match o {
            Operand::Imm(imm) => Some(imm),
            Operand::Reg(_) => None,
        })),
        _ => {}
    });
    found
}

fn change_literal(dice: &mut Dice, inst: &mut Inst) -> bool {
    let mut all = literals(inst);
    if all.is_empty() {
        return false;
    }
    let at = dice.below(all.len());
    let imm = &mut *all[at];
    *imm = new_literal(dice, imm.ty(), Some(*imm));
    true
}

/// Changes a literal wherever it stands in the function, as a size may.
pub fn literals_everywhere(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let blocks = &mut module.functions[at].blocks;
    let mut all: Vec<&mut Imm> = blocks.iter_mut().flat_map(|b| &mut b.insts).flat_map(literals).collect();
    let values: Vec<Imm> = all.iter().map(|i| **i).collect();
    let Some(old) = dice.pick(&values) else { return false };
    let new = match (old, dice.percent(60)) {
        (Imm::I64(_), true) => Imm::I64(dice.below(40) as i64),
        _ => new_literal(dice, old.ty(), Some(old)),
    };
    all.iter_mut().filter(|i| ***i == old).for_each(|i| **i = new);
    true
}

/// Every value that an instruction reads.
fn operands(inst: &mut Inst) -> Vec<&mut Operand> {
    let mut found = Vec::new();
    inst.for_each_field_mut(|field| match field {
        FieldMut::Use(o) => found.push(o),
        FieldMut::Uses(list) => found.extend(list.iter_mut()),
        _ => {}
    });
    found
}

fn type_of(f: &Function, operand: Operand) -> Option<Type> {
    match operand {
        Operand::Reg(r) => f.regs.get(r.index()).copied(),
        Operand::Imm(imm) => Some(imm.ty()),
    }
}

/// Reads another value of the same type.
pub fn operand(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let f = &mut module.functions[at];
    let Some((block, inst)) = place(dice, f) else { return false };
    change_operand(dice, f, block, inst)
}

fn change_operand(dice: &mut Dice, f: &mut Function, block: usize, inst: usize) -> bool {
    let mut changed = f.blocks[block].insts[inst].clone();
    let mut all = operands(&mut changed);
    if all.is_empty() {
        return false;
    }
    let which = dice.below(all.len());
    let Some(ty) = type_of(f, *all[which]) else { return false };
    let Some(new) = dice.operand(f, ty) else { return false };
    *all[which] = new;
    f.blocks[block].insts[inst] = changed;
    true
}

/// Swaps two values of the same type that an instruction reads.
pub fn swap_operands(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let f = &mut module.functions[at];
    let Some((block, inst)) = place(dice, f) else { return false };
    let mut changed = f.blocks[block].insts[inst].clone();
    let mut all = operands(&mut changed);
    if all.len() < 2 {
        return false;
    }
    let (a, b) = (dice.below(all.len()), dice.below(all.len()));
    if type_of(f, *all[a]) != type_of(f, *all[b]) || all[a] == all[b] {
        return false;
    }
    let (x, y) = (*all[a], *all[b]);
    (*all[a], *all[b]) = (y, x);
    f.blocks[block].insts[inst] = changed;
    true
}

/// Another instruction with operands of the same roles and types.
pub fn opcode(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let f = &mut module.functions[at];
    let Some((block, inst)) = place(dice, f) else { return false };
    change_opcode(dice, &mut f.blocks[block].insts[inst])
}

fn change_opcode(dice: &mut Dice, inst: &mut Inst) -> bool {
    let old = inst.opcode();
    let shape = |op: Opcode| -> Vec<(Role, Pattern)> {
        op.operands().iter().map(|s: &OperandSpec| (s.role, s.pattern)).collect()
    };
    if matches!(old.effect(), Effect::Control | Effect::Calls | Effect::Region) {
        return false;
    }
    let wanted = shape(old);
    let same: Vec<Opcode> =
        Opcode::ALL.iter().copied().filter(|o| *o != old && shape(*o) == wanted).collect();
    let Some(new) = dice.pick(&same) else { return false };
    let mut fields = Vec::new();
    inst.for_each_field(|field| {
        fields.push(match field {
            FieldRef::Def(r) => Field::Def(r),
            FieldRef::Use(o) => Field::Use(o),
            FieldRef::Lit(imm) => Field::Lit(imm),
            FieldRef::Global(g) => Field::Global(g),
            FieldRef::Const(c) => Field::Const(c),
            FieldRef::Func(id) => Field::Func(id),
            FieldRef::Op(id) => Field::Op(id),
            FieldRef::Block(id) => Field::Block(id),
            FieldRef::Blocks(l) => Field::Blocks(l.into()),
            FieldRef::Defs(l) => Field::Defs(l.into()),
            FieldRef::Keeps(l) => Field::Keeps(l.into()),
            FieldRef::Uses(l) => Field::Uses(l.into()),
        });
    });
    match Inst::from_fields(new, fields) {
        Some(new) => {
            *inst = new;
            true
        }
        None => false,
    }
}

/// Writes another register.
pub fn target(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let f = &mut module.functions[at];
    let Some((block, inst)) = place(dice, f) else { return false };
    let mut changed = f.blocks[block].insts[inst].clone();
    let mut done = false;
    changed.for_each_field_mut(|field| {
        if let FieldMut::Def(r) = field
            && let Some(new) = dice.reg(f, f.regs[r.index()])
        {
            done |= *r != new;
            *r = new;
        }
    });
    f.blocks[block].insts[inst] = changed;
    done
}

/// Does something twice, here or elsewhere too.
pub fn duplicate(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let f = &mut module.functions[at];
    let Some((block, inst)) = place(dice, f) else { return false };
    let copy = f.blocks[block].insts[inst].clone();
    if copy.opcode().is_terminator() {
        return false;
    }
    let (block, inst) = match dice.percent(50) {
        true => (block, inst + 1),
        false => match place(dice, f) {
            Some(place) => place,
            None => return false,
        },
    };
    f.blocks[block].insts.insert(inst, copy);
    true
}

/// Leaves an instruction out, or a few.
pub fn delete(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let f = &mut module.functions[at];
    let Some((block, inst)) = place(dice, f) else { return false };
    let insts = &mut f.blocks[block].insts;
    let end = (inst + 1 + dice.below(3)).min(insts.len() - 1);
    if inst >= end {
        return false;
    }
    insts.drain(inst..end);
    true
}

/// Moves an instruction within its block.
pub fn reorder(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let f = &mut module.functions[at];
    let Some((block, inst)) = place(dice, f) else { return false };
    let insts = &mut f.blocks[block].insts;
    let last = insts.len() - 1;
    if last < 2 || inst == last {
        return false;
    }
    let moved = insts.remove(inst);
    insts.insert(dice.below(last), moved);
    true
}

/// Puts any instruction of the table anywhere.
pub fn insert(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let opcode = match dice.percent(35) {
        true => [
            Opcode::TensorLoad,
            Opcode::TensorStore,
            Opcode::I64Div,
            Opcode::I64RemU,
            Opcode::I64TruncF64,
            Opcode::TensorLoad2,
            Opcode::TensorStore2,
            Opcode::I64Add,
            Opcode::F64Add,
            Opcode::Copy,
        ][dice.below(10)],
        false => Opcode::ALL[dice.below(Opcode::ALL.len())],
    };
    let f = &mut module.functions[at];
    let Some((block, place)) = place(dice, f) else { return false };
    match any(dice, f, opcode) {
        Some(inst) => {
            f.blocks[block].insts.insert(place, inst);
            true
        }
        None => false,
    }
}

/// An instruction with operands of the right types.
fn any(dice: &mut Dice, f: &mut Function, opcode: Opcode) -> Option<Inst> {
    if matches!(opcode.effect(), Effect::Control | Effect::Calls | Effect::Region) {
        return None;
    }
    let specs = opcode.operands();
    let has = |p: Pattern| specs.iter().any(|s| s.pattern == p);
    let objects: Vec<Reg> = (0..f.regs.len())
        .filter(|r| match f.regs[*r] {
            Type::Tensor(Elem::C64 | Elem::C128) => has(Pattern::Complex),
            Type::Tensor(_) => has(Pattern::Tensor) || has(Pattern::Same),
            Type::List(_) => has(Pattern::List) || has(Pattern::Same),
            _ => has(Pattern::Same),
        })
        .map(Reg::new)
        .collect();
    let object = dice.pick(&objects);
    let ty = object.map(|r| f.regs[r.index()]);
    let mut fields = Vec::new();
    for spec in specs {
        let wanted = match (spec.pattern, ty) {
            (Pattern::Exact(ty), _) => ty,
            (Pattern::Same | Pattern::Tensor | Pattern::Complex | Pattern::List, Some(ty)) => ty,
            (Pattern::Elem, Some(Type::Tensor(elem))) => elem.scalar()?,
            (Pattern::Part, Some(Type::Tensor(elem))) => elem.part()?,
            (Pattern::Item, Some(Type::List(item))) => item.ty(),
            // A list.new: of what its fill is.
            (Pattern::List, None) => Type::List(Item::F64),
            _ => return None,
        };
        fields.push(match spec.role {
            Role::Def if dice.percent(50) => Field::Def(fresh(f, wanted)),
            Role::Def => Field::Def(dice.reg(f, wanted)?),
            Role::Use if matches!(spec.pattern, Pattern::Tensor | Pattern::Complex | Pattern::List) => {
                Field::Use(object?.into())
            }
            Role::Use => Field::Use(dice.operand(f, wanted)?),
            Role::Lit => Field::Lit(new_literal(dice, wanted, None)),
            _ => return None,
        });
    }
    Inst::from_fields(opcode, fields)
}

/// A new register.
pub fn fresh(f: &mut Function, ty: Type) -> Reg {
    f.regs.push(ty);
    if !f.reg_names.is_empty() {
        f.reg_names.push(None);
    }
    Reg::new(f.regs.len() - 1)
}

/// Makes a view or copy of a tensor, which takes its place from there on.
pub fn insert_operation(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let f = &module.functions[at];
    let tensors: Vec<Reg> =
        (0..f.regs.len()).filter(|r| matches!(f.regs[*r], Type::Tensor(_))).map(Reg::new).collect();
    let Some(x) = dice.pick(&tensors) else { return false };
    let Type::Tensor(elem) = f.regs[x.index()] else { return false };
    let Some((block, place)) = place(dice, f) else { return false };
    let numbers = [dice.operand(f, Type::I64), dice.operand(f, Type::I64)];
    let [Some(a), Some(b)] = numbers else { return false };
    let small = |dice: &mut Dice| Operand::Imm(Imm::I64(dice.below(10) as i64));
    let (name, args) = match dice.below(6) {
        0 => ("tensor.copy", vec![x.into()]),
        1 => ("tensor.slice0", vec![x.into(), small(dice), small(dice)]),
        2 => ("tensor.slice0", vec![x.into(), a, b]),
        3 => ("tensor.row", vec![x.into(), a]),
        4 => ("tensor.reshape", vec![x.into(), Operand::Imm(Imm::I64(-1))]),
        _ => ("tensor.zeros", vec![small(dice)]),
    };
    let new = dice.percent(40);
    let op = module.intern_op(OpRef { name: name.to_owned(), elems: [elem].into() });
    let f = &mut module.functions[at];
    let dst = if new { fresh(f, Type::Tensor(elem)) } else { x };
    let inst = Inst::CallOp { results: [dst].into(), callee: op, args: args.into() };
    f.blocks[block].insts.insert(place, inst);
    if new {
        // Something reads it.
        for _ in 0..3 {
            let Some((block, place)) = super::place(dice, f) else { return false };
            let mut done = false;
            f.blocks[block].insts[place].for_each_field_mut(|field| {
                if let FieldMut::Use(Operand::Reg(r)) = field
                    && *r == x
                {
                    *r = dst;
                    done = true;
                }
            });
            if done {
                break;
            }
        }
    }
    true
}

/// Keeps a value in a global of its own, where the host sees it after a trap.
pub fn insert_global(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let f = &module.functions[at];
    let scalars: Vec<Reg> = (0..f.regs.len()).filter(|r| f.regs[*r].is_scalar()).map(Reg::new).collect();
    let Some(reg) = dice.pick(&scalars) else { return false };
    let ty = f.regs[reg.index()];
    let Some((block, place)) = place(dice, f) else { return false };
    let same: Vec<usize> = (0..module.globals.len())
        .filter(|g| module.globals[*g].ty == ty && module.globals[*g].mutable)
        .collect();
    let known = dice.pick(&same).filter(|_| dice.percent(60));
    let global = known.unwrap_or_else(|| {
        let name = format!("seen{}", module.globals.len());
        let init = GlobalInit::Imm(new_literal(dice, ty, None));
        module.globals.push(Global { name: Some(name), export: false, mutable: true, ty, init });
        module.globals.len() - 1
    });
    let global = GlobalId::new(global);
    let inst = match dice.percent(75) {
        true => Inst::GlobalSet { global, value: reg.into() },
        false => Inst::GlobalGet { dst: reg, global },
    };
    module.functions[at].blocks[block].insts.insert(place, inst);
    true
}

/// Changes a bound, a step or a comparison of a loop.
pub fn loop_part(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let f = &mut module.functions[at];
    let mut conditions = Vec::new();
    for block in &f.blocks {
        if let Some(Inst::BrIf { cond: Operand::Reg(r), .. }) = block.insts.last() {
            conditions.push(*r);
        }
    }
    let mut parts = Vec::new();
    for (b, block) in f.blocks.iter().enumerate() {
        for (i, inst) in block.insts.iter().enumerate() {
            let (mut def, mut same) = (None, false);
            inst.for_each_def(|r| def = Some(r));
            inst.for_each_use(|r| same |= Some(r) == def);
            if same || def.is_some_and(|d| conditions.contains(&d)) {
                parts.push((b, i));
            }
        }
    }
    let Some((block, inst)) = dice.pick(&parts) else { return false };
    match dice.below(4) {
        0 => change_opcode(dice, &mut f.blocks[block].insts[inst]),
        1 => change_operand(dice, f, block, inst),
        _ => change_literal(dice, &mut f.blocks[block].insts[inst]),
    }
}
