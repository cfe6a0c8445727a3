//! Changes that take something from elsewhere: calls, runs of instructions,
//! whole programs.

use super::code::fresh;
use super::{Dice, function, place};
use nbc::ir::inst::{FieldMut, FieldRef};
use nbc::ir::{
    ConstId, FuncId, Function, GlobalId, GlobalInit, Inst, Item, Module, OpId, Operand, Reg, SigId,
    Signature, Type,
};

/// Most instructions that programs may grow to by joining.
const ENOUGH: usize = 1500;

/// Calls some function with what there is.
pub fn insert_call(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let callee = FuncId::new(dice.below(module.num_funcs()));
    let Some(sig) = module.func_sig(callee).cloned() else { return false };
    let f = &mut module.functions[at];
    let Some((block, place)) = place(dice, f) else { return false };
    let args: Option<Vec<Operand>> = sig.params.iter().map(|ty| dice.operand(f, *ty)).collect();
    let Some(args) = args else { return false };
    let mut results: Vec<Reg> = Vec::new();
    for ty in &sig.results {
        let known = dice.reg(f, *ty).filter(|r| !results.contains(r) && dice.percent(60));
        results.push(known.unwrap_or_else(|| fresh(f, *ty)));
    }
    let inst = Inst::Call { results: results.into(), callee, args: args.into() };
    f.blocks[block].insts.insert(place, inst);
    true
}

/// Calls another function with the same signature, or the same by reference.
pub fn redirect_call(dice: &mut Dice, module: &mut Module) -> bool {
    let Some(at) = function(dice, module) else { return false };
    let mut calls = Vec::new();
    for (b, block) in module.functions[at].blocks.iter().enumerate() {
        for (i, inst) in block.insts.iter().enumerate() {
            if let Inst::Call { callee, .. } | Inst::FuncRef { callee, .. } = inst {
                calls.push((b, i, *callee));
            }
        }
    }
    let Some((block, place, callee)) = dice.pick(&calls) else { return false };
    let Some(sig) = module.func_sig_id(callee) else { return false };
    let same: Vec<FuncId> =
        (0..module.num_funcs()).map(FuncId::new).filter(|f| module.func_sig_id(*f) == Some(sig)).collect();
    let Some(new) = dice.pick(&same) else { return false };
    let f = &mut module.functions[at];
    if dice.percent(40)
        && let Inst::Call { results, args, .. } = f.blocks[block].insts[place].clone()
    {
        let reference = fresh(f, Type::Func(sig));
        let insts = &mut f.blocks[block].insts;
        insts[place] = Inst::CallRef { results, callee: reference.into(), args };
        insts.insert(place, Inst::FuncRef { dst: reference, callee: new });
        return true;
    }
    if let Inst::Call { callee, .. } | Inst::FuncRef { callee, .. } = &mut f.blocks[block].insts[place] {
        *callee = new;
    }
    new != callee
}

/// Copies a run of instructions from some block to another place, perhaps of
/// another function, with registers of the same types.
pub fn copy_run(dice: &mut Dice, module: &mut Module) -> bool {
    let (Some(from), Some(to)) = (function(dice, module), function(dice, module)) else { return false };
    let source = &module.functions[from];
    let Some((block, start)) = place(dice, source) else { return false };
    let insts = &source.blocks[block].insts;
    let end = (start + 1 + dice.below(6)).min(insts.len() - 1);
    if start >= end {
        return false;
    }
    let mut run: Vec<Inst> = insts[start..end].to_vec();
    let types = source.regs.clone();
    let target = &mut module.functions[to];
    if from != to || dice.percent(50) {
        let mut map: Vec<Option<Reg>> = vec![None; types.len()];
        let mut failed = false;
        for inst in &mut run {
            let mut seen: Vec<(Reg, bool)> = Vec::new();
            inst.for_each_use(|r| seen.push((r, false)));
            inst.for_each_def(|r| seen.push((r, true)));
            for (reg, def) in seen {
                let ty = types[reg.index()];
                let slot = &mut map[reg.index()];
                if slot.is_none() {
                    *slot = match (dice.reg(target, ty), def) {
                        (Some(known), _) if !def || dice.percent(40) => Some(known),
                        (_, true) => Some(fresh(target, ty)),
                        (known, false) => known,
                    };
                }
                failed |= slot.is_none();
            }
            if failed {
                return false;
            }
            let to = |r: &mut Reg| *r = map[r.index()].unwrap_or(*r);
            inst.for_each_field_mut(|field| match field {
                FieldMut::Def(r) | FieldMut::Use(Operand::Reg(r)) => to(r),
                FieldMut::Defs(list) | FieldMut::Keeps(list) => list.iter_mut().for_each(to),
                FieldMut::Uses(list) => list.iter_mut().for_each(|o| {
                    if let Operand::Reg(r) = o {
                        to(r);
                    }
                }),
                _ => {}
            });
        }
    }
    let Some((block, place)) = place(dice, target) else { return false };
    target.blocks[block].insts.splice(place..place, run);
    true
}

/// Adds all of another program to this one, ready to be called.
pub fn join(module: &mut Module, other: &Module) -> bool {
    let size = |m: &Module| -> usize { m.functions.iter().map(|f| f.num_insts()).sum() };
    if size(module) + size(other) > ENOUGH {
        return false;
    }
    let mut sigs: Vec<SigId> = Vec::new();
    for sig in &other.sigs {
        let ty = |t: &Type| mapped(*t, &sigs);
        let sig = Signature::new(
            sig.params.iter().map(ty).collect::<Vec<_>>(),
            sig.results.iter().map(ty).collect::<Vec<_>>(),
        );
        sigs.push(module.intern_sig(sig));
    }
    let ops: Vec<OpId> = other.ops.iter().map(|op| module.intern_op(op.clone())).collect();
    // Imports come first, so new ones move the module's own functions.
    let new: Vec<_> =
        other.imports.iter().filter(|i| !module.imports.iter().any(|m| m.name == i.name)).cloned().collect();
    let (before, added) = (module.imports.len() as u32, new.len() as u32);
    let moved = |id: FuncId| if id.0 < before { id } else { FuncId(id.0 + added) };
    for global in &mut module.globals {
        if let GlobalInit::Func(id) = &mut global.init {
            *id = moved(*id);
        }
    }
    for inst in module.functions.iter_mut().flat_map(|f| &mut f.blocks).flat_map(|b| &mut b.insts) {
        inst.for_each_field_mut(|field| {
            if let FieldMut::Func(id) = field {
                *id = moved(*id);
            }
        });
    }
    for mut import in new {
        import.sig = sigs[import.sig.index()];
        module.imports.push(import);
    }
    let mut funcs: Vec<FuncId> = Vec::new();
    for import in &other.imports {
        let Some(at) = module.imports.iter().position(|i| i.name == import.name) else { return false };
        if module.imports[at].sig != sigs[import.sig.index()] {
            return false;
        }
        funcs.push(FuncId::new(at));
    }
    let first = module.num_funcs();
    funcs.extend((0..other.functions.len()).map(|i| FuncId::new(first + i)));
    let (constants, globals) = (module.constants.len() as u32, module.globals.len() as u32);
    for constant in &other.constants {
        let mut constant = constant.clone();
        constant.name = constant.name.map(|n| format!("{n}.{constants}"));
        module.constants.push(constant);
    }
    for global in &other.globals {
        let mut global = global.clone();
        global.name = global.name.map(|n| format!("{n}.{globals}"));
        global.ty = mapped(global.ty, &sigs);
        match &mut global.init {
            GlobalInit::Const(c) => c.0 += constants,
            GlobalInit::Func(id) => *id = funcs[id.index()],
            GlobalInit::Imm(_) => {}
        }
        module.globals.push(global);
    }
    for function in &other.functions {
        let mut f: Function = function.clone();
        f.name = f.name.map(|n| format!("{n}.{first}"));
        f.export = false;
        f.sig = sigs[f.sig.index()];
        f.regs.iter_mut().for_each(|ty| *ty = mapped(*ty, &sigs));
        for inst in f.blocks.iter_mut().flat_map(|b| &mut b.insts) {
            inst.for_each_field_mut(|field| match field {
                FieldMut::Func(id) => *id = funcs[id.index()],
                FieldMut::Global(id) => *id = GlobalId(id.0 + globals),
                FieldMut::Const(id) => *id = ConstId(id.0 + constants),
                FieldMut::Op(id) => *id = ops[id.index()],
                _ => {}
            });
        }
        module.functions.push(f);
    }
    true
}

fn mapped(ty: Type, sigs: &[SigId]) -> Type {
    match ty {
        Type::Func(sig) => Type::Func(sigs[sig.index()]),
        Type::List(Item::Func(sig)) => Type::List(Item::Func(sigs[sig.index()])),
        other => other,
    }
}

/// Whether any instruction of the module names the function.
pub fn is_named(module: &Module, id: FuncId) -> bool {
    let mut named = module.globals.iter().any(|g| g.init == GlobalInit::Func(id));
    for inst in module.functions.iter().flat_map(|f| &f.blocks).flat_map(|b| &b.insts) {
        inst.for_each_field(|field| named |= matches!(field, FieldRef::Func(f) if f == id));
    }
    named
}
