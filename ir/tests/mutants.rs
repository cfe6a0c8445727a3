//! Real programs with operands changed at random: verifying never panics, an
//! error always shows, and what is accepted keeps the promises of its facts.

use nbc_ir::inst::FieldMut;
use nbc_ir::{BlockId, ConstId, Elem, FuncId, GlobalId, Imm, Inst, Module, OpId, Operand, Reg, SigId, Type};
use std::path::Path;

/// An LCG with Knuth's constants.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as u32 % limit
    }

    /// Mostly a small number, at times one that is nowhere in range.
    fn index(&mut self) -> u32 {
        match self.below(40) {
            0 => u32::MAX,
            1 => 60_001,
            _ => self.below(12),
        }
    }
}

fn programs() -> Vec<Module> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut modules = Vec::new();
    for folder in ["benches/programs", "examples", "tests/programs/regions"] {
        let Ok(entries) = std::fs::read_dir(root.join(folder)) else { continue };
        let mut files: Vec<_> = entries.map(|e| e.unwrap().path()).collect();
        files.sort();
        for path in files.iter().filter(|p| p.extension().is_some_and(|e| e == "nba")) {
            let text = std::fs::read_to_string(path).unwrap();
            let module = Module::parse(&text, "program").unwrap();
            if let Err(error) = module.clone().verify() {
                panic!("{}:\n{}", path.display(), error.render(false));
            }
            modules.push(module);
        }
    }
    assert!(modules.len() >= 20, "only {} programs", modules.len());
    modules
}

fn change_operand(random: &mut Random, inst: &mut Inst) {
    let mut at = random.below(4);
    let index = random.index();
    inst.for_each_field_mut(|field| {
        at = at.wrapping_sub(1);
        if at != u32::MAX {
            return;
        }
        match field {
            FieldMut::Def(r) => *r = Reg(index),
            FieldMut::Use(o) if index.is_multiple_of(5) => *o = Operand::from(f64::NAN),
            FieldMut::Use(o) => *o = Operand::Reg(Reg(index)),
            FieldMut::Defs(list) | FieldMut::Keeps(list) => list.iter_mut().for_each(|r| *r = Reg(index)),
            FieldMut::Uses(list) => list.iter_mut().for_each(|o| *o = Operand::Reg(Reg(index))),
            FieldMut::Lit(imm) => *imm = Imm::Bool(true),
            FieldMut::Block(b) => *b = BlockId(index),
            FieldMut::Blocks(list) => list.iter_mut().for_each(|b| *b = BlockId(index)),
            FieldMut::Func(f) => *f = FuncId(index),
            FieldMut::Global(g) => *g = GlobalId(index),
            FieldMut::Const(c) => *c = ConstId(index),
            FieldMut::Op(o) => *o = OpId(index),
        }
    });
}

fn change(random: &mut Random, module: &mut Module) {
    let count = module.functions.len() as u32;
    let func = &mut module.functions[random.below(count) as usize];
    let blocks = func.blocks.len() as u32;
    let block = &mut func.blocks[random.below(blocks) as usize];
    let at = random.below(block.insts.len().max(1) as u32) as usize;
    match random.below(12) {
        0 => func.sig = SigId(random.index()),
        1 if !func.regs.is_empty() => {
            let types =
                [Type::I64, Type::F64, Type::Str, Type::Tensor(Elem::C64), Type::Func(SigId(random.index()))];
            let at = random.below(func.regs.len() as u32) as usize;
            func.regs[at] = types[random.below(5) as usize];
        }
        2 if !block.insts.is_empty() => {
            block.insts.remove(at);
            block.lines.clear();
        }
        3 => {
            block.insts.insert(at, Inst::RegionBegin {});
            block.lines.clear();
        }
        4 => {
            let kept = (0..random.below(3)).map(|_| Reg(random.index())).collect();
            block.insts.insert(at, Inst::RegionEnd { kept });
            block.lines.clear();
        }
        _ => {
            if let Some(inst) = block.insts.get_mut(at) {
                change_operand(random, inst);
            }
        }
    }
}

#[test]
fn mutants_are_accepted_or_refused_without_a_panic() {
    let programs = programs();
    let mut random = Random(2);
    let (mut accepted, mut refused) = (0, 0);
    for round in 0..6_000 {
        let mut module = programs[round % programs.len()].clone();
        for _ in 0..=random.below(2) {
            change(&mut random, &mut module);
        }
        match module.verify() {
            Ok(module) => {
                accepted += 1;
                for (i, func) in module.functions.iter().enumerate() {
                    let facts = module.facts(FuncId::new(module.imports.len() + i));
                    assert_eq!(facts.block_depth.len(), func.blocks.len());
                    assert_eq!(facts.loop_headers.len(), func.blocks.len());
                    assert!(facts.back_edges.iter().all(|(_, to)| facts.loop_headers[to.index()]));
                }
            }
            Err(error) => {
                refused += 1;
                assert!(error.render(round % 2 == 0).len() > 20);
            }
        }
    }
    assert!(accepted > 300 && refused > 3_000, "{accepted} accepted, {refused} refused");
}
