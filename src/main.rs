//! temporary runner
use nbc::runtime::{engine::*, linker::Linker, value::Value};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let text = std::fs::read_to_string(&args[1]).unwrap();
    let module = nbc::ir::Module::parse(&text, &args[1]).unwrap();
    let module = match module.verify() {
        Ok(m) => m,
        Err(e) => {
            eprintln!("{e}");
            std::process::exit(2)
        }
    };
    let d = std::env::var("D")
        .ok()
        .and_then(|d| nbc::runtime::interp::Dispatch::from_name(&d))
        .unwrap_or_default();
    let program = Engine::new(Config::new().dispatch(d)).load(module);
    let mut instance = Linker::new().instantiate(&program).unwrap();
    let a: Vec<Value> = args[2..].iter().map(|a| Value::I64(a.parse().unwrap())).collect();
    let t = std::time::Instant::now();
    match instance.call("main", &a) {
        Ok(r) => match &r[..] {
            [Value::F64(v)] => println!("{v} {}", t.elapsed().as_secs_f64()),
            other => println!("{other:?}"),
        },
        Err(e) => {
            eprintln!("{e}");
            std::process::exit(1)
        }
    }
}
