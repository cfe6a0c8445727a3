//! Any text or binary that the verifier accepts is run with little fuel,
//! memory, stack and time: every call ends in results or a trap, and the
//! instance can be called again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nbc::ir::{Module, Type};
use nbc::runtime::engine::{Engine, Limits};
use nbc::runtime::linker::Linker;
use nbc::runtime::value::Value;
use std::time::Duration;

fuzz_target!(|data: &[u8]| {
    let module = match std::str::from_utf8(data) {
        Ok(text) if !data.starts_with(b"\0") => Module::parse(text, "fuzz.nba"),
        _ => Module::decode(data),
    };
    let Ok(module) = module.and_then(Module::verify) else { return };
    let program = Engine::default().load(module);
    let limits = Limits::new().fuel(20_000).timeout(Duration::from_secs(2)).memory(16 << 20).stack(64 << 10);
    let mut linker = Linker::new();
    linker.func("console.print", |_: String| ());
    let Ok(mut instance) = linker.instantiate_with(&program, limits) else { return };
    let module = program.module();
    for (id, function) in module.exported_funcs() {
        let Some(sig) = module.func_sig(id) else { continue };
        let args: Option<Vec<Value>> = sig.params.iter().map(|ty| value(*ty)).collect();
        if let (Some(args), Some(name)) = (args, &function.name) {
            for _ in 0..2 {
                instance.set_fuel(20_000);
                let _ = instance.call(name, &args);
            }
        }
    }
});

fn value(ty: Type) -> Option<Value> {
    Some(match ty {
        Type::I32 => Value::I32(7),
        Type::I64 => Value::I64(3),
        Type::F32 => Value::F32(0.5),
        Type::F64 => Value::F64(2.5),
        Type::Bool => Value::Bool(true),
        Type::Str => Value::Str("text".to_owned()),
        Type::BigInt => Value::BigInt(nbc::OwnedBigInt::new(true, vec![7, 1])),
        _ => return None,
    })
}
