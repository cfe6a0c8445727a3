//! Jobs that are broken off leave nothing behind and are done in the end.

use nbc_ir::{FuncId, Module};
use nbc_jit::{CompileError, Jit, Options};
use nbc_runtime::engine::{Config, Engine, Limits};
use nbc_runtime::linker::Linker;
use nbc_runtime::value::Value;

/// Two loops one after the other.
const PROGRAM: &str = "\
export func @main(%n: i64) -> i64 {
  %s = i64.const 0
  %i = i64.const 0
  br first
first:
  %s = i64.add %s, %i
  %i = i64.add %i, 1
  %c = i64.lt %i, %n
  br_if %c, first, second
second:
  %s = i64.xor %s, %i
  %i = i64.sub %i, 1
  %c = i64.gt %i, 0
  br_if %c, second, done
done:
  ret %s
}
";

fn module() -> nbc_ir::VerifiedModule {
    Module::parse(PROGRAM, "queue.nba").unwrap().verify().unwrap()
}

#[test]
fn a_job_that_is_broken_off_can_be_done_again() {
    let jit = Jit::new(Options::default());
    let Some(compiler) = jit.compiler() else {
        eprintln!("skipped: Cranelift does not know this processor");
        return;
    };
    let loaded = Engine::default().load(module()).loaded(false);
    let compile = |unwanted| compiler.compile(&loaded, FuncId(0), Some((1, 3)), &|| unwanted);
    let before = jit.metrics().code_bytes;
    assert!(matches!(compile(true), Err(CompileError::Unwanted)));
    assert_eq!(jit.metrics().code_bytes, before);
    let code = compile(false).unwrap();
    assert!(jit.metrics().code_bytes > before);
    drop(code);
    assert_eq!(jit.metrics().code_bytes, before);
}

#[test]
fn everything_that_was_hot_is_compiled_in_the_end() {
    let jit = Jit::new(Options::new().threshold(16));
    if jit.compiler().is_none() {
        eprintln!("skipped: Cranelift does not know this processor");
        return;
    }
    let engine = Engine::new(Config::new().tier(jit.clone()).slice(4));
    let plain = Engine::default();
    for turn in 0..20 {
        // Sometimes the first loop is left while it is compiled, sometimes not.
        let n = Value::I64(200 << (turn % 10));
        let run = |engine: &Engine| {
            let program = engine.load(module());
            let mut instance = Linker::new().instantiate_with(&program, Limits::default()).unwrap();
            let result = instance.call("main", std::slice::from_ref(&n)).unwrap();
            jit.settle();
            (result, program)
        };
        let before = jit.metrics();
        let (result, program) = run(&engine);
        let after = jit.metrics();
        assert_eq!(result, run(&plain).0);
        assert_eq!(after.functions - before.functions, 1, "n = {n:?}");
        assert!(after.loops - before.loops >= 1, "n = {n:?}");
        assert_eq!((after.failed, after.refused, after.waiting), (0, 0, 0));
        drop(program);
    }
}
