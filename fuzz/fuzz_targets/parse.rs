//! Any text: reading ends in a module or an error that can be shown. A module
//! that was read is printed and read again without a change.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nbc::ir::Module;

fuzz_target!(|text: &str| {
    let module = match Module::parse(text, "fuzz.nba") {
        Ok(module) => module,
        Err(e) => {
            let _ = e.render(false);
            return;
        }
    };
    let printed = module.print();
    let again = Module::parse(&printed, "printed.nba").expect("what was printed can be read");
    assert!(without_lines(module.clone()) == without_lines(again), "the text changed the module:\n{printed}");
    if let Err(e) = module.verify() {
        let _ = e.render(false);
    }
});

fn without_lines(mut module: Module) -> Module {
    for block in module.functions.iter_mut().flat_map(|f| &mut f.blocks) {
        block.lines.clear();
    }
    module
}
