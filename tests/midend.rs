//! Passes of the mid-end change nothing that can be seen: random programs are
//! taken through those that leave bytecode, made programs again, and run by
//! the interpreter beside what they were made from.
//!
//! That holds passes against the interpreter without code generation in
//! between, and against the verifier, which must accept what they leave.
//! Where in a loop a function is resumed, it calls what was made of the rest.

use nbc::compare::calls::{Between, Outcome};
use nbc::ir::verify::VerifiedModule;
use nbc::ir::{BlockId, FuncId, Function, Inst, Module, Operand, Reg, Signature, Type};
use nbc::jit::midend::{self, Options};
use nbc::jit::mir::{self, Entry, Func, MirOp, Ty};
use nbc::runtime::region::HeapStats;
use nbc::runtime::trap::TrapCode;
use support::agree::{Script, run};
use support::call::{difference, with_globals_exported};
use support::campaign::{self, Campaign, Ends, Finding};
use support::random_program::{self, script};
use support::way::Way;

/// How the programs ended, and how many functions were resumed.
#[derive(Clone, Copy, Default, Debug)]
struct Tally {
    ends: Ends,
    resumed: u64,
}

impl campaign::Tally for Tally {
    fn add(&mut self, other: Tally) {
        campaign::Tally::add(&mut self.ends, other.ends);
        self.resumed += other.resumed;
    }
}

#[test]
fn what_passes_leave_does_the_same() {
    let (tally, programs) = Campaign::of(100, 1200).run_choices(
        "midend",
        random_program::BYTES,
        |_| check,
        |_, bytes, why| Finding { why, program: random_program::case(bytes).module.print() },
    );
    assert!(tally.ends.returned * 10 >= programs, "only {} of {programs} returned", tally.ends.returned);
    assert!(tally.resumed * 10 >= programs, "only {} functions were resumed", tally.resumed);
}

fn check(bytes: &[u8], tally: &mut Tally) -> Result<(), String> {
    let module = with_globals_exported(random_program::case(bytes).module);
    let Ok(module) = module.verify() else {
        tally.ends.refused += 1;
        return Ok(());
    };
    let way = Way::reference(true);
    let expected = run(&module, &script(&[]), way);
    if expected.iter().any(|o| o.trap() == Some(TrapCode::OutOfFuel)) {
        tally.ends.endless += 1;
        return Ok(());
    }
    tally.ends.count(expected[0].trap());
    let enough = Script { fuel: 100 * script(&[]).fuel, ..script(&[]) };
    let made = verified(optimised(&module), "optimised")?;
    agree(&expected, &run(&made, &enough, way)).map_err(|e| format!("optimised: {e}"))?;
    let (made, count) = resumed(&module);
    tally.resumed += count;
    let made = verified(made, "resumed")?;
    agree(&expected, &run(&made, &enough, way)).map_err(|e| format!("resumed: {e}"))
}

fn verified(module: Module, what: &str) -> Result<VerifiedModule, String> {
    let text = module.print();
    module.verify().map_err(|e| format!("{what}: {e}\n{text}"))
}

/// Compares what does not depend on how many instructions there are and which
/// function they are in.
fn agree(expected: &[Outcome], found: &[Outcome]) -> Result<(), String> {
    for (a, b) in expected.iter().zip(found) {
        let of = |o: &Outcome| {
            let trap = a.result.as_ref().err().filter(|_| a.trap() == o.trap());
            Outcome {
                result: trap.map_or(o.result.clone(), |t| Err(t.clone())),
                fuel: None,
                printed: o.printed.clone(),
                globals: o.globals.clone(),
                // A region that nothing needs any more is not there.
                memory: HeapStats::default(),
            }
        };
        if [a, b].iter().any(|o| o.trap() == Some(TrapCode::StackOverflow)) {
            break;
        }
        if let Some(what) = difference(&of(a), &of(b), Between::Tiers) {
            return Err(what);
        }
    }
    Ok(())
}

/// The module with every function as passes leave it.
fn optimised(module: &VerifiedModule) -> Module {
    let mut out = Module::clone(module);
    for (f, function) in out.functions.iter_mut().enumerate() {
        let func = passed(module, mir::build(module, FuncId::new(module.imports.len() + f)));
        *function = Function { reg_names: Vec::new(), ..as_function(&func, function.clone()) };
    }
    out
}

/// The module with functions that call, where their first loop begins, what
/// passes leave of them when they are resumed there.
fn resumed(module: &VerifiedModule) -> (Module, u64) {
    let mut out = Module::clone(module);
    let mut count = 0;
    for f in 0..module.functions.len() {
        let id = FuncId::new(module.imports.len() + f);
        let facts = module.facts(id);
        let header = (0..facts.loop_headers.len()).find(|b| facts.loop_headers[*b]);
        // A function of its own has a region of its own.
        let Some(header) = header.filter(|_| !facts.makes_objects) else { continue };
        let func = passed(module, mir::build_resumed(module, id, BlockId::new(header), 0));
        let Entry::Resume { live } = &func.entry else { unreachable!("it is resumed") };

        let types = |regs: &[Ty]| regs.iter().map(value).collect::<Vec<Type>>();
        let params = types(&live.iter().map(|(r, _)| func.regs[r.index()]).collect::<Vec<_>>());
        let results = func.results.clone();
        let sig = out.intern_sig(Signature { params, results: results.clone() });
        let rest = Function { export: false, name: None, sig, ..module.functions[f].clone() };
        let rest = as_function(&func, rest);
        let callee = FuncId::new(out.num_funcs());
        out.functions.push(rest);

        let function = &mut out.functions[f];
        function.reg_names.clear();
        let regs: Box<[Reg]> = (0..results.len()).map(|i| Reg::new(function.regs.len() + i)).collect();
        function.regs.extend(results.iter());
        let values = regs.iter().map(|r| Operand::Reg(*r)).collect();
        let args = live.iter().map(|(_, slot)| Operand::Reg(Reg(*slot))).collect();
        let block = &mut function.blocks[header];
        block.insts = vec![Inst::Call { results: regs, callee, args }, Inst::Ret { values }];
        block.lines.clear();
        count += 1;
    }
    (out, count)
}

/// After the last pass that leaves nothing but bytecode.
fn passed(module: &VerifiedModule, mut func: Func) -> Func {
    let options =
        Options { inline: true, hoist: false, unroll: false, vectorise: false, ..Options::default() };
    let mut last = func.clone();
    midend::run(&mut func, module, &options, false, &mut |pass, func| {
        mir::check(func).unwrap_or_else(|e| panic!("after {pass}: {e}"));
        let is_bytecode = func.blocks.iter().flat_map(|b| &b.nodes).all(|n| matches!(n.op, MirOp::Inst(_)));
        if is_bytecode && func.regs.iter().all(|ty| matches!(ty, Ty::Value(_))) {
            last = func.clone();
        }
    });
    last
}

fn value(ty: &Ty) -> Type {
    match ty {
        Ty::Value(ty) => *ty,
        Ty::Ptr | Ty::Vector(_) => panic!("no register of the bytecode is a {ty}"),
    }
}

/// What a run of passes left, as a function of the bytecode; what is alive at
/// the entry of a resumed function is handed to it.
fn as_function(func: &Func, like: Function) -> Function {
    let mut order: Vec<Reg> = match &func.entry {
        Entry::Call { .. } => Vec::new(),
        Entry::Resume { live } => live.iter().map(|(r, _)| *r).collect(),
    };
    let handed = order.clone();
    order.extend((0..func.regs.len()).map(Reg::new).filter(|r| !handed.contains(r)));
    let mut names = vec![Reg(0); order.len()];
    order.iter().enumerate().for_each(|(i, r)| names[r.index()] = Reg::new(i));
    let blocks = func.blocks.iter().map(|block| {
        let mut block = block.clone();
        let insts = block.nodes.iter_mut().map(|node| {
            node.op.map_uses(|o| if let Operand::Reg(r) = o { names[r.index()].into() } else { o });
            node.op.map_defs(|r| names[r.index()]);
            match &node.op {
                MirOp::Inst(inst) => inst.clone(),
                op => panic!("`{op}` is not bytecode"),
            }
        });
        let mut insts: Vec<Inst> = insts.collect();
        if insts.is_empty() {
            insts.push(Inst::Trap {});
        }
        nbc::ir::Block { insts, ..nbc::ir::Block::default() }
    });
    let regs = order.iter().map(|r| value(&func.regs[r.index()])).collect();
    Function { regs, reg_names: Vec::new(), blocks: blocks.collect(), ..like }
}
