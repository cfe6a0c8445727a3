//! Programs come and go, and what was compiled for them goes with them. Alone in
//! its file, because it looks at the memory of the whole process.

use nbc::expectation::PLENTY;
use nbc::ir::builder::ModuleBuilder;
use nbc::ir::{Imm, Type};
use nbc::runtime::engine::Limits;
use nbc::runtime::linker::Linker;
use nbc::runtime::value::Value;
use support::way::Way;

/// Bytes of memory that the process has now.
fn resident() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(text.split_whitespace().nth(1)?.parse::<usize>().ok()? * 4096)
}

/// `CYCLES=200000` for the long form.
#[test]
fn programs_come_and_go_without_leaving_anything() {
    let cycles = std::env::var("CYCLES").ok().and_then(|c| c.parse().ok());
    let cycles: usize = cycles.unwrap_or(if cfg!(debug_assertions) { 100 } else { 1500 });
    for way in Way::all() {
        let engine = way.engine();
        let mut settled = None;
        for cycle in 0..cycles {
            let mut m = ModuleBuilder::new();
            let leaf = m.declare("leaf", [Type::I64], [Type::I64]);
            let mut f = m.define(leaf);
            let r = f.i64_mul(f.param(0), Imm::I64(cycle as i64));
            f.ret(r);
            let mut f = m.export("main", [Type::I64], [Type::I64]);
            let (n, sum) = (f.param(0), f.var("sum", 0i64));
            f.for_range(0i64, n, |f, i| {
                let r = f.call(leaf, i).one();
                f.to(sum).i64_add(sum, r);
            });
            f.ret(sum);
            let program = engine.load(m.finish().verify().unwrap_or_else(|e| panic!("{e}")));
            let fuel = way.metered.then_some(PLENTY);
            let limits = Limits::new().fuel(fuel).stack(64 << 10);
            let mut instance = Linker::new().instantiate_with(&program, limits).unwrap();
            let result = instance.call("main", &[Value::I64(20)]).unwrap();
            assert!(matches!(result[..], [Value::I64(s)] if s == 190 * cycle as i64), "{way}");
            if cycle == cycles / 2 {
                settled = resident();
            }
        }
        if let (Some(settled), Some(now)) = (settled, resident()) {
            let grown = now.saturating_sub(settled);
            assert!(grown < 4 << 20, "({way}) {cycles} programs left {grown} bytes");
        }
    }
}
