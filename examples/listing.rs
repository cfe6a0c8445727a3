//! Prints a program's internal code: what the loader fused.
use nbc::ir::{FuncId, Module};
fn main() {
    let path = std::env::args().nth(1).expect("usage: listing FILE.nba");
    let text = std::fs::read_to_string(&path).expect("readable");
    let module = Module::parse(&text, &path).expect("parses").verify().expect("verifies");
    for i in 0..module.functions.len() {
        let id = FuncId::new(module.imports.len() + i);
        println!("@{}", module.func_name(id));
        println!("{}", nbc::runtime::load::listing(&module, id, Default::default(), false));
    }
}
