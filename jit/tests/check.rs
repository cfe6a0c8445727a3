//! What the checker proves of the programs of this repository, and that it no
//! longer does when a guard is weakened.
//!
//! `CHECK=name cargo test -p nbc-jit --test check -- --nocapture` looks at programs
//! of that name, and prints the functions of which something is not proved;
//! `CHECK_PLACES=12` also looks at functions that are taken over at so many blocks.

use nbc_ir::{BlockId, FuncId, Imm, Inst, Module, Operand, Reg, Type, VerifiedModule};
use nbc_jit::check;
use nbc_jit::midend::analysis::loops::{Forest, make_preheaders};
use nbc_jit::midend::claims::Claims;
use nbc_jit::midend::{self, Options};
use nbc_jit::mir::{self, Func, MirNode, MirOp};
use nbc_jit::sanitize_claims::{self, FAR};
use std::path::{Path, PathBuf};

/// Changed functions that are tried in debug builds.
const FEW: usize = 150;

fn programs(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.map(|e| e.expect("a readable folder").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            programs(&path, found);
        } else if path.extension().is_some_and(|e| e == "nba") {
            found.push(path);
        }
    }
}

/// A function as it leaves the mid-end, and where it is from.
struct Sample {
    program: String,
    place: Option<u32>,
    metered: bool,
    func: Func,
}

/// Calls `see` with each function of the programs in some folders.
fn samples(folders: &[&str], places: usize, mut see: impl FnMut(Sample)) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let wanted = std::env::var("CHECK").unwrap_or_default();
    let mut paths = Vec::new();
    folders.iter().for_each(|folder| programs(&root.join(folder), &mut paths));
    for path in paths {
        let program = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let Ok(module) = Module::parse(&text, &program).and_then(Module::verify) else { continue };
        if !program.contains(&wanted) {
            continue;
        }
        for id in (0..module.functions.len()).map(|n| FuncId::new(n + module.imports.len())) {
            for place in std::iter::once(None).chain(blocks(&module, id).into_iter().take(places).map(Some)) {
                for metered in [false, true] {
                    let mut func = match place {
                        None => mir::build(&module, id),
                        Some(block) => mir::build_resumed(&module, id, BlockId(block), 0),
                    };
                    midend::run(&mut func, &module, &Options::default(), metered, &mut |_, _| {});
                    see(Sample { program: program.clone(), place, metered, func });
                }
            }
        }
    }
}

/// The blocks of a function that can be reached and have instructions.
fn blocks(module: &VerifiedModule, id: FuncId) -> Vec<u32> {
    let Some(function) = module.function(id) else { return Vec::new() };
    let depths = module.facts(id).block_depth.iter().zip(&function.blocks).zip(0..);
    depths
        .filter(|((depth, block), _)| **depth != u32::MAX && !block.insts.is_empty())
        .map(|(_, b)| b)
        .collect()
}

/// Accesses, and those not proved, of functions of some folders.
fn proved(folders: &[&str], places: usize) -> (usize, usize) {
    let (mut accesses, mut missing, mut steps, mut size) = (0, 0, 0, 0);
    samples(folders, places, |Sample { program, place, metered, func }| {
        let report = check::run(&func);
        accesses += report.accesses;
        missing += report.unproved.len();
        steps += report.steps;
        size += func.size();
        if std::env::var_os("CHECK").is_some() && !report.unproved.is_empty() {
            for it in &report.unproved {
                let op = &func.blocks[it.block.index()].nodes[it.node].op;
                println!("{program} from {place:?}, fuel {metered}, {:?}: `{op}`: {}", it.block, it.why);
            }
            println!("{func}");
        }
    });
    println!("{folders:?}: {accesses} accesses, {missing} not proved; {steps} steps for {size} nodes");
    (accesses, missing)
}

#[test]
fn most_accesses_are_proved() {
    let places = std::env::var("CHECK_PLACES").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let (accesses, missing) = proved(&["benches/programs"], places);
    if std::env::var_os("CHECK").is_none() && places == 0 {
        assert!(accesses > 0 && missing == 0, "{missing} of {accesses} in kernels");
    }
    if cfg!(debug_assertions) && std::env::var_os("CHECK").is_none() {
        println!(
            "skipped: the other programs; `cargo test --profile quick -p nbc-jit --test check` has them"
        );
        return;
    }
    let (accesses, missing) = proved(&["examples", "tests/programs", "jit/tests/filetests"], places);
    if std::env::var_os("CHECK").is_none() && places == 0 {
        assert!(missing * 15 <= accesses, "{missing} of {accesses}");
    }
}

/// Of functions that are taken over in a loop nothing is known of what comes in but
/// what their guards say.
#[test]
fn most_accesses_of_what_is_taken_over_are_proved() {
    if std::env::var_os("CHECK").is_some() {
        return;
    }
    let (accesses, missing) = proved(&["benches/programs"], if cfg!(debug_assertions) { 2 } else { 12 });
    assert!(accesses > 0 && missing * 800 <= accesses, "{missing} of {accesses} in kernels");
}

/// The comparisons that decide whether a loop runs without checks: what is
/// `and`ed together before a branch whose other way is cold.
fn conditions(func: &Func) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (b, block) in func.blocks.iter().enumerate() {
        let Some(Inst::BrIf { cond: Operand::Reg(cond), else_to, .. }) = block.last() else { continue };
        if block.cold || !func.blocks[else_to.index()].cold {
            continue;
        }
        let mut open: Vec<Reg> = vec![*cond];
        while let Some(reg) = open.pop() {
            let sets = |op: &MirOp| {
                let mut sets = false;
                op.for_each_def(|r| sets |= r == reg);
                sets
            };
            let Some(n) = block.nodes.iter().rposition(|n| sets(&n.op)) else { continue };
            match &block.nodes[n].op {
                MirOp::Inst(Inst::BoolAnd { .. }) => block.nodes[n].op.for_each_use(|r| open.push(r)),
                MirOp::Inst(_) => found.push((b, n)),
                _ => {}
            }
        }
    }
    found
}

#[test]
fn weakened_guards_are_refused() {
    let most = if cfg!(debug_assertions) { FEW } else { usize::MAX };
    let (mut tried, mut refused) = (0, 0);
    let all = ["benches/programs", "examples", "tests/programs/tiers", "tests/programs/natural"];
    let folders = if cfg!(debug_assertions) { &all[..1] } else { &all[..] };
    samples(folders, 0, |Sample { mut func, .. }| {
        if tried == most {
            return;
        }
        let report = check::run(&func);
        if report.accesses == 0 || !report.unproved.is_empty() {
            return;
        }
        for (b, n) in conditions(&func) {
            if tried == most {
                return;
            }
            let before = func.blocks[b].nodes[n].op.clone();
            let mut dst = Reg(0);
            before.for_each_def(|r| dst = r);
            func.blocks[b].nodes[n].op = MirOp::Inst(Inst::BoolConst { dst, value: Imm::Bool(true) });
            tried += 1;
            refused += usize::from(!check::run(&func).unproved.is_empty());
            func.blocks[b].nodes[n].op = before;
        }
    });
    // Some conditions follow from others: a number that is less than a length is small.
    println!("{tried} conditions left out one at a time, {refused} of them missed by the checker");
    assert!(tried > 0 && refused * 2 > tried, "only {refused} of {tried} conditions are missed");
}

/// What the sanitising mode checks of what the analyses claim of functions: all of it that can be
/// seen as they run. No loop comes to far counts, and a register surely holds only what is read.
#[test]
fn the_sanitising_mode_checks_every_claim() {
    let (mut claimed, mut checked) = (0, 0);
    let folders = ["benches/programs", "examples", "tests/programs/natural"];
    let folders = if cfg!(debug_assertions) { &folders[..1] } else { &folders[..] };
    samples(folders, 0, |Sample { mut func, .. }| {
        let forest = Forest::new(&func);
        make_preheaders(&mut func, &forest);
        let claims = Claims::of(&func);
        let is_integer = |reg: Reg| matches!(func.regs[reg.index()].value(), Some(Type::I64 | Type::I32));
        let ranges =
            claims.ranges.iter().filter(|r| r.is_read && is_integer(claims.values[r.of.index()].reg));
        let loops =
            claims.loops.iter().filter(|l| l.preheader.is_some() && l.at_most.is_some_and(|n| n < FAR));
        claimed += ranges.count() + loops.count();
        sanitize_claims::insert_those(&mut func, &claims);
        let is_check = |n: &&MirNode| matches!(n.op, MirOp::VerifyRange { .. });
        checked += func.blocks.iter().flat_map(|b| &b.nodes).filter(is_check).count();
    });
    println!("{claimed} claims, {checked} of them checked");
    assert!(claimed > 0 && checked == claimed, "{checked} of {claimed}");
}
