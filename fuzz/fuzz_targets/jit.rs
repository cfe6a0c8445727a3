//! Any text or binary that the verifier accepts, run in every way this build
//! has: interpreted with fuel first, then compiled and not, with fuel and, if it
//! ends of itself, without. All must agree bit for bit. Where `twins` makes its
//! programs up, this target changes whole programs, for which `corpus/jit` and
//! `tests/programs` are good beginnings.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nbc::ir::{Module, Type};
use nbc::runtime::value::Value;
use support::agree::{Script, agree};
use support::call::with_globals_exported;
use support::way::Way;

fuzz_target!(|data: &[u8]| {
    let module = match std::str::from_utf8(data) {
        Ok(text) if !data.starts_with(b"\0") => Module::parse(text, "fuzz.nba"),
        _ => Module::decode(data),
    };
    let module = module.map(with_globals_exported).and_then(Module::verify);
    let Ok(module) = module else { return };
    // The host has what the twins' host has.
    if !module.imports.is_empty() {
        return;
    }
    let mut calls = Vec::new();
    for (id, function) in module.exported_funcs() {
        let Some(sig) = module.func_sig(id) else { continue };
        let args: Option<Vec<Value>> = sig.params.iter().map(|ty| value(*ty)).collect();
        if let (Some(args), Some(name)) = (args, &function.name) {
            calls.extend([(name.clone(), args.clone()), (name.clone(), args)]);
        }
    }
    let script = Script { memory: 16 << 20, stack: 64 << 10, ..Script::new(calls, 20_000) };
    let ways: Vec<Way> = Way::all().collect();
    if let Err(difference) = agree(&module, &script, &ways) {
        panic!("{difference}");
    }
});

fn value(ty: Type) -> Option<Value> {
    Some(match ty {
        Type::I32 => Value::I32(7),
        Type::I64 => Value::I64(12),
        Type::F32 => Value::F32(0.5),
        Type::F64 => Value::F64(2.5),
        Type::Bool => Value::Bool(true),
        Type::Str => Value::Str("text".to_owned()),
        Type::BigInt => Value::BigInt(nbc::OwnedBigInt::new(true, vec![7, 1])),
        _ => return None,
    })
}
