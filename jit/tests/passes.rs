//! What each pass of the mid-end makes of a function, compared with what is on
//! record.
//!
//! `filetests/<pass>/<name>.clif` is a function in Cranelift's notation, for the
//! passes over that. `filetests/<pass>/<name>.nba` is a program; `<name>.txt` beside it shows
//! each of its functions before and after the pass. The standard pipeline has run up to there
//! (in which the pass shown is the first of its name). Where the text differs on purpose, run
//! with `BLESS=1` and read the changes.
//!
//! Lines in a program that begin with `; test:` ask for more:
//!
//! - `metered`: blocks charge fuel
//! - `resume @f label 2`: function `f` also as it goes on at instruction 2
//!   (from 0) of a block
//! - `without inline hoist unroll vectorise`: options that are off

use cranelift_codegen::{Context, settings, verify_function};
use libtest_mimic::{Arguments, Failed, Trial};
use nbc_ir::{BlockId, FuncId, Module, VerifiedModule};
use nbc_jit::clif;
use nbc_jit::midend::{self, Options};
use nbc_jit::mir::{self, Func};
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() {
    let args = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/filetests");
    let mut trials = Vec::new();
    for folder in list(&root) {
        let pass = name(&folder);
        for path in list(&folder).into_iter().filter(|p| p.extension().is_some_and(|e| e != "txt")) {
            let pass = pass.clone();
            trials.push(Trial::test(format!("{pass}/{}", name(&path)), move || test(&pass, &path)));
        }
    }
    assert!(!trials.is_empty(), "no tests in {}", root.display());
    libtest_mimic::run(&args, trials).exit();
}

/// What is in a folder, in order.
fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|e| e.expect("a readable folder").path()).collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
}

fn test(pass: &str, path: &Path) -> Result<(), Failed> {
    let text = std::fs::read_to_string(path)?;
    let found = if path.extension().is_some_and(|e| e == "clif") {
        show_clif(pass, &text)?
    } else {
        let module = Module::parse(&text, &name(path)).and_then(Module::verify).map_err(|e| e.to_string())?;
        show(pass, &module, &Asked::read(&text)?)?
    };
    let record = path.with_extension("txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&record, &found)?;
        return Ok(());
    }
    let wanted = std::fs::read_to_string(&record).unwrap_or_default();
    if wanted == found { Ok(()) } else { Err(difference(&wanted, &found).into()) }
}

/// What a program's `; test:` lines ask for.
struct Asked {
    metered: bool,
    resumed: Vec<(String, String, usize)>,
    options: Options,
}

impl Asked {
    fn read(text: &str) -> Result<Asked, String> {
        let mut asked = Asked { metered: false, resumed: Vec::new(), options: Options::default() };
        for line in text.lines().filter_map(|l| l.strip_prefix("; test:")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["metered"] => asked.metered = true,
                ["resume", func, label, inst] => {
                    let inst = inst.parse().map_err(|_| format!("`{inst}` is no number"))?;
                    let func = func.trim_start_matches('@');
                    asked.resumed.push((func.to_owned(), label.to_owned(), inst));
                }
                ["without", ref off @ ..] => off.iter().try_for_each(|word| {
                    match *word {
                        "inline" => asked.options.inline = false,
                        "hoist" => asked.options.hoist = false,
                        "unroll" => asked.options.unroll = false,
                        "vectorise" => asked.options.vectorise = false,
                        _ => return Err(format!("there is no option `{word}`")),
                    }
                    Ok(())
                })?,
                _ => return Err(format!("what is `; test:{line}`?")),
            }
        }
        Ok(asked)
    }
}

/// The functions in `text` before and after a pass over Cranelift's
/// representation.
fn show_clif(pass: &str, text: &str) -> Result<String, String> {
    let (_, run) =
        clif::PASSES.iter().find(|p| p.0 == pass).ok_or_else(|| format!("there is no pass `{pass}`"))?;
    let mut out = String::new();
    for func in cranelift_reader::parse_functions(text).map_err(|e| e.to_string())? {
        let before = func.to_string();
        let mut context = Context::for_function(func);
        context.compute_cfg();
        context.compute_domtree();
        context.compute_loop_analysis();
        run(&mut context);
        let flags = settings::Flags::new(settings::builder());
        verify_function(&context.func, &flags).map_err(|e| e.to_string())?;
        report(&mut out, pass, &before, &context.func.to_string());
    }
    Ok(out)
}

fn show(pass: &str, module: &VerifiedModule, asked: &Asked) -> Result<String, String> {
    let mut out = String::new();
    let first = module.imports.len();
    for id in (first..module.num_funcs()).map(FuncId::new) {
        show_one(&mut out, pass, module, asked, mir::build(module, id))?;
        for (func, label, inst) in asked.resumed.iter().filter(|r| r.0 == module.func_name(id)) {
            let function = module.function(id).expect("no import");
            let block = (0..function.blocks.len())
                .map(BlockId::new)
                .find(|b| function.block_name(*b) == *label)
                .ok_or_else(|| format!("@{func} has no block `{label}`"))?;
            let resumed = mir::build_resumed(module, id, block, *inst);
            show_one(&mut out, pass, module, asked, resumed)?;
        }
    }
    Ok(out)
}

fn show_one(
    out: &mut String,
    pass: &str,
    module: &VerifiedModule,
    asked: &Asked,
    mut func: Func,
) -> Result<(), String> {
    mir::check(&func)?;
    let mut before = func.to_string();
    let mut after = None;
    let mut wrong = Ok(());
    midend::run(&mut func, module, &asked.options, asked.metered, &mut |done, func| {
        if wrong.is_ok() {
            wrong = mir::check(func).map_err(|e| format!("after {done}: {e}"));
        }
        if after.is_none() {
            if done == pass {
                after = Some(func.to_string());
            } else {
                before = func.to_string();
            }
        }
    });
    wrong?;
    let after = after.ok_or_else(|| format!("the pipeline has no pass `{pass}`"))?;
    report(out, pass, &before, &after);
    Ok(())
}

fn report(out: &mut String, pass: &str, before: &str, after: &str) {
    if before == after {
        let _ = writeln!(out, "== unchanged by {pass}\n{before}");
    } else {
        let _ = writeln!(out, "== before {pass}\n{before}\n== after {pass}\n{after}");
    }
}

/// The lines that differ, with what is the same around them left out.
fn difference(wanted: &str, found: &str) -> String {
    let (wanted, found): (Vec<&str>, Vec<&str>) = (wanted.lines().collect(), found.lines().collect());
    // Longest common subsequence of each pair of tails.
    let width = found.len() + 1;
    let mut common = vec![0u32; (wanted.len() + 1) * width];
    for w in (0..wanted.len()).rev() {
        for f in (0..found.len()).rev() {
            common[w * width + f] = if wanted[w] == found[f] {
                common[(w + 1) * width + f + 1] + 1
            } else {
                common[(w + 1) * width + f].max(common[w * width + f + 1])
            };
        }
    }
    let mut out = String::from("differs from the record (BLESS=1 makes this the record):\n");
    let (mut w, mut f, mut func) = (0, 0, "");
    while w < wanted.len() || f < found.len() {
        if w < wanted.len() && f < found.len() && wanted[w] == found[f] {
            if found[f].starts_with("==") || found[f].starts_with("func") {
                func = found[f];
            }
            (w, f) = (w + 1, f + 1);
            continue;
        }
        if !func.is_empty() {
            let _ = writeln!(out, "  {}", std::mem::take(&mut func));
        }
        let only_found =
            f < found.len() && (w == wanted.len() || common[w * width + f + 1] > common[(w + 1) * width + f]);
        let (sign, line) = if only_found { ('+', found[f]) } else { ('-', wanted[w]) };
        let _ = writeln!(out, "{sign} {line}");
        if only_found { f += 1 } else { w += 1 }
    }
    out
}
