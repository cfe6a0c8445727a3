//! What is left of the checks in the loops of programs that people run, and
//! how long it takes for functions that nobody would write.

use super::access::is_checked;
use crate::midend::analysis::Analyses;
use crate::midend::analysis::loops::Forest;
use crate::midend::pass::{rotate, simplify, webs};
use crate::mir::{self, Func, MirOp};
use nbc_ir::{BlockId, FuncId, Module};
use std::time::{Duration, Instant};

fn passed(text: &str) -> Vec<Func> {
    let module = Module::parse(text, "test").and_then(Module::verify).unwrap_or_else(|e| panic!("{e}"));
    let ids = (module.imports.len()..module.num_funcs()).map(FuncId::new);
    let funcs = ids.map(|id| {
        let mut func = mir::build(&module, id);
        webs::run(&mut func);
        simplify::run(&mut func);
        rotate::run(&mut func, &mut Analyses::default());
        simplify::run(&mut func);
        super::run(&mut func, &mut Analyses::default());
        mir::check(&func).unwrap_or_else(|e| panic!("{e}"));
        func
    });
    funcs.collect()
}

/// How many accesses in loops are checked still, by function; what is cold
/// does not count.
fn checked(text: &str) -> Vec<(String, usize)> {
    let count = |func: &Func| {
        let forest = Forest::new(func);
        let is_hot = |b: &usize| forest.innermost(BlockId::new(*b)).is_some() && !func.blocks[*b].cold;
        let blocks = (0..func.blocks.len()).filter(is_hot);
        let nodes = blocks.flat_map(|b| &func.blocks[b].nodes);
        nodes.filter(|n| matches!(&n.op, MirOp::Inst(inst) if is_checked(inst))).count()
    };
    passed(text).iter().map(|f| (f.name.clone(), count(f))).filter(|(_, n)| *n > 0).collect()
}

#[test]
fn loops_of_the_benchmarks_have_no_checks() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/programs");
    let mut left = Vec::new();
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().filter(|p| p.extension().is_some_and(|e| e == "nba")) {
        let text = std::fs::read_to_string(path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        left.extend(checked(&text).into_iter().map(|(func, n)| format!("{name} @{func} {n}")));
    }
    // The square of a counter is tested, not the counter; a tensor is made each
    // time; data decide how far a counter comes.
    let known = [
        "sieve @main 1",
        "w11_regions @small_flat 2",
        "w11_regions @small_regions 2",
        "w11_regions @small_batches 2",
        "w4_control @primes 1",
    ];
    assert_eq!(left, known);
}

#[test]
fn large_functions_take_no_long_time() {
    let start = Instant::now();
    // Loops after each other, with straight code between them.
    let mut text =
        "func @f(%x: tensor<f64>, %n: i64) -> f64 {\n%s = f64.const 0.0\n%i = i64.const 0\n".to_owned();
    for l in 0..3000 {
        text.push_str(&format!(
            "%i = i64.const 0\nbr head{l}\nhead{l}:\n%c = i64.lt %i, %n\nbr_if %c, body{l}, out{l}\nbody{l}:\n\
             %v = tensor.load %x, %i\n%s = f64.add %s, %v\n%i = i64.add %i, 1\nbr head{l}\nout{l}:\n"
        ));
    }
    text.push_str("ret %s\n}\n");
    assert!(passed(&text)[0].size() < 70_000);
    // Loops in each other, and a ladder of branches in which everything meets.
    let mut text = "func @f(%x: tensor<f64>, %n: i64) -> f64 {\n%s = f64.const 0.0\n".to_owned();
    let depth = 60;
    for l in 0..depth {
        text.push_str(&format!("%i{l} = i64.const 0\nbr body{l}\nbody{l}:\n"));
    }
    text.push_str("%v = tensor.load %x, %i3\n%s = f64.add %s, %v\n");
    for l in (0..depth).rev() {
        text.push_str(&format!(
            "%i{l} = i64.add %i{l}, 1\n%c = i64.lt %i{l}, %n\nbr_if %c, body{l}, out{l}\nout{l}:\n"
        ));
    }
    text.push_str("ret %s\n}\n");
    passed(&text);
    let mut text =
        "func @f(%x: tensor<f64>, %n: i64) -> f64 {\n%s = f64.const 0.0\n%a = i64.const 0\nbr b0\n"
            .to_owned();
    for l in 0..20_000 {
        text.push_str(&format!(
            "b{l}:\n%a = i64.add %a, 1\n%c = i64.lt %a, %n\nbr_if %c, b{}, b{}\n",
            l + 1,
            if l % 3 == 0 { l / 2 } else { l + 1 }
        ));
    }
    text.push_str(
        "b20000:\n%v = tensor.load %x, %a\n%c = f64.lt %v, 1.0\nbr_if %c, b0, done\ndone:\nret %s\n}\n",
    );
    passed(&text);
    let most = Duration::from_secs(if cfg!(debug_assertions) { 60 } else { 5 });
    assert!(start.elapsed() < most, "{:?}", start.elapsed());
}
