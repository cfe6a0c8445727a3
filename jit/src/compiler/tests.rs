//! Checks that are made as code runs, of functions that a pass has got wrong.

use super::*;
use crate::midend::Verify;
use crate::midend::claims::Claims;
use crate::mir::{Address, Field, MirNode, MirOp};
use crate::tier::{Jit, Options};
use nbc_ir::{Inst, Module};
use nbc_runtime::engine::{Engine, Limits};
use nbc_runtime::instance::Instance;
use nbc_runtime::linker::Linker;
use nbc_runtime::trap::TrapCode;
use nbc_runtime::value::Value;

/// Reads an element of twelve, and writes it back.
const PROGRAM: &str = "\
export func @main(%i: i64) -> i64 {
  %x = tensor.arange<i64> 0, 12, 1
  %v = tensor.load %x, %i
  tensor.store %x, %i, %v
  ret %v
}
";

/// Takes all checks of accesses away, as a pass would that was very wrong.
fn without_checks(func: &mut Func) {
    for b in 0..func.blocks.len() {
        let nodes = std::mem::take(&mut func.blocks[b].nodes);
        for MirNode { op, origin } in nodes {
            let (tensor, index) = match op {
                MirOp::Inst(Inst::TensorLoad { x, i, .. } | Inst::TensorStore { x, i, .. }) => (x, i),
                op => {
                    func.blocks[b].nodes.push(MirNode { op, origin });
                    continue;
                }
            };
            let nbc_ir::Operand::Reg(tensor) = tensor else { unreachable!("a register") };
            let base = func.reg(Ty::Ptr);
            let at = Address { base, index, scale: 8, offset: 0 };
            let elem = nbc_ir::Elem::I64;
            let access = match op {
                MirOp::Inst(Inst::TensorLoad { dst, .. }) => MirOp::Load { dst, elem, at },
                MirOp::Inst(Inst::TensorStore { value, .. }) => MirOp::Store { elem, at, value },
                _ => unreachable!("an access"),
            };
            let field = MirOp::Field { dst: base, tensor, field: Field::Data };
            func.blocks[b].nodes.extend([field, access].map(|op| MirNode { op, origin }));
        }
    }
}

#[test]
fn a_wrong_access_is_found_as_it_runs() {
    let mut options = Options::default();
    options.passes.verify = Verify::Unproved;
    let jit = Jit::new(options);
    let Some(compiler) = jit.compiler() else {
        eprintln!("skipped: Cranelift does not know this processor");
        return;
    };
    let module =
        Module::parse(PROGRAM, "wrong.nba").and_then(Module::verify).unwrap_or_else(|e| panic!("{e}"));
    let program = Engine::default().load(module);
    let loaded = program.loaded(false);
    let mut func = mir::build(&loaded.module, FuncId(0));
    without_checks(&mut func);
    let checked = compiler.verify(&mut func).expect("all can be checked");
    assert_eq!((checked.accesses, checked.unproved), (2, 2), "nothing says that the index is small");
    assert_eq!(mir::check(&func), Ok(()));
    let compiled = compiler.finish(&loaded, &func, None, &|| false).unwrap_or_else(|e| panic!("{e}"));
    // SAFETY: it was compiled from this module, and what it accesses is checked.
    unsafe { loaded.publish(FuncId(0), compiled.native) };
    let mut instance: Instance =
        Linker::new().instantiate_with(&program, Limits::default()).unwrap_or_else(|e| panic!("{e}"));
    let mut call = |i: i64| instance.call("main", &[Value::I64(i)]);
    assert_eq!(call(11).unwrap_or_else(|e| panic!("{e}")), [Value::I64(11)]);
    // (2^61 elements are 2^64 bytes, and so none at all: that is inside.)
    for i in [12, -1, i64::MAX, i64::MIN + 12] {
        let error = call(i).expect_err("it is outside");
        let trap = error.trap().expect("a trap");
        assert_eq!(trap.code(), TrapCode::CompilerFault, "{i}");
        assert!(trap.to_string().contains("loop_versioning"), "{trap}");
    }
}

/// Counts to a number below eight.
const LOOP: &str = "\
export func @main(%n: i64) -> i64 {
  %m = i64.and %n, 7
  %i = i64.const 0
  br head
head:
  %more = i64.lt %i, %m
  br_if %more, body, done
body:
  %i = i64.add %i, 1
  br head
done:
  ret %m
}
";

#[test]
fn a_false_claim_is_found_as_it_runs() {
    let mut options = Options::default();
    options.passes.verify = Verify::All;
    let jit = Jit::new(options);
    let Some(compiler) = jit.compiler() else { return };
    let run = |change: &dyn Fn(&mut Claims)| {
        let module = Module::parse(LOOP, "claims.nba").and_then(Module::verify);
        let program = Engine::default().load(module.unwrap_or_else(|e| panic!("{e}")));
        let loaded = program.loaded(false);
        let mut func = mir::build(&loaded.module, FuncId(0));
        let forest = crate::midend::analysis::loops::Forest::new(&func);
        crate::midend::analysis::loops::make_preheaders(&mut func, &forest);
        let mut claims = Claims::of(&func);
        change(&mut claims);
        sanitize_claims::insert_those(&mut func, &claims);
        assert_eq!(mir::check(&func), Ok(()));
        let compiled = compiler.finish(&loaded, &func, None, &|| false).unwrap_or_else(|e| panic!("{e}"));
        // SAFETY: it was compiled from this module.
        unsafe { loaded.publish(FuncId(0), compiled.native) };
        let mut instance: Instance =
            Linker::new().instantiate_with(&program, Limits::default()).unwrap_or_else(|e| panic!("{e}"));
        instance.call("main", &[Value::I64(-1)])
    };
    let what_is_so = run(&|claims| {
        assert_eq!((claims.ranges.is_empty(), claims.loops[0].at_most), (false, Some(8)), "{claims:?}");
    });
    assert_eq!(what_is_so.unwrap_or_else(|e| panic!("{e}")), [Value::I64(7)]);
    type Change<'a> = (&'a str, &'a dyn Fn(&mut Claims));
    let changes: [Change<'_>; 2] = [
        ("`ranges`", &|claims| claims.ranges.iter_mut().for_each(|range| range.high = 6)),
        ("`trip_count`", &|claims| claims.loops[0].at_most = Some(7)),
    ];
    for (by, change) in changes {
        let error = run(change).expect_err("it is false");
        let trap = error.trap().expect("a trap");
        assert_eq!(trap.code(), TrapCode::CompilerFault);
        assert!(trap.to_string().contains(by), "{trap}");
    }
}
