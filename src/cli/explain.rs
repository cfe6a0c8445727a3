//! `nbc explain`: what becomes of a function on its way to machine code.

use super::failure::Failure;
use super::input::{self, Most};
use super::plan::{self, FunctionPlan};
use super::{output, show};
use nbc::Engine;
use nbc::ir::shown::visible;
use nbc::ir::{FuncId, Module};
use nbc::jit::compiler::Explanation;
use nbc::jit::tier::on_compiler_stack;
use nbc::jit::{Jit, Options, Verify};
use serde_json::{Value as Json, json};
use std::fmt::Write;

#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  nbc explain examples/heat.nba --function heat
  nbc explain program.nba --function sum --only code
  nbc explain program.nba --function sum --only loop_versioning
  nbc explain program.nba --function sum --resume 3
  nbc explain program.nba --plan

Parts are printed under a line such as `--- rotate`; passes that changed nothing
have none. Registers, labels, functions and operations have the program's names; a
register that a pass made of %x is called %x.57, one that it made of nothing %57. The
part `legend` explains the instructions that only passes make, as far as they occur.
What the passes do, and how to profile: docs/jit.md.")]
pub struct Explain {
    /// Program, .nba or .nbc; - for standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// Function, exported or not [default: main, or the only one]
    #[arg(short, long, value_name = "NAME")]
    function: Option<String>,
    /// Print one part only: legend, bytecode, the name of a pass, clif or code
    #[arg(long, value_name = "PART")]
    only: Option<String>,
    /// Compile as for runs whose fuel is counted
    #[arg(long)]
    fuel: bool,
    /// Compile as with run --trusted: without the part check, which shows what is checked as code runs
    #[arg(long)]
    trusted: bool,
    /// Print which operations make one pass over memory, and why others do not, instead
    #[arg(long, conflicts_with_all = ["only", "fuel", "trusted", "resume"])]
    plan: bool,
    /// As if the interpreter had found the loop at this block hot: BLOCK or BLOCK:INSTRUCTION
    #[arg(long, value_name = "PLACE", value_parser = place)]
    resume: Option<(u32, u32)>,
    #[command(flatten)]
    most: Most,
    /// Print the parts and errors as JSON
    #[arg(long)]
    pub json: bool,
}

fn place(text: &str) -> Result<(u32, u32), String> {
    let (block, inst) = text.split_once(':').unwrap_or((text, "0"));
    let number = |t: &str| t.parse().map_err(|_| "expected numbers such as 3 or 3:1".to_owned());
    Ok((number(block)?, number(inst)?))
}

impl Explain {
    /// Carries out the command.
    pub fn carry_out(&self) -> Result<(), Failure> {
        let program = Engine::default().load(input::read_verified(&self.file, self.most)?);
        let module = program.running();
        if self.plan {
            let only = self.function.is_some().then(|| self.find(module)).transpose()?;
            return Ok(output::print(&self.planned(&plan::plans(module, only)))?);
        }
        let func = self.find(module)?;
        if let (Some((block, inst)), Some(function)) = (self.resume, module.function(func)) {
            let there = function.blocks.get(block as usize).is_some_and(|b| (inst as usize) < b.insts.len());
            if !there || module.facts(func).block_depth[block as usize] == u32::MAX {
                return Err(Failure::usage(format!(
                    "--resume {block}:{inst}: no such instruction is ever run"
                )));
            }
        }
        let mut options = Options::default();
        if !self.trusted {
            options.passes.verify = Verify::Unproved;
        }
        let jit = Jit::new(options);
        let Some(compiler) = jit.compiler() else {
            return Err(Failure::usage("nothing can be compiled for this processor"));
        };
        let loaded = program.loaded(self.fuel);
        // As the tier does: the stack that the command runs on may be small.
        let explained = on_compiler_stack(|| compiler.explain(&loaded, func, self.resume));
        let explained = explained.ok_or_else(|| "the compiler failed".to_owned());
        let explained = explained
            .and_then(|e| e.map_err(|why| why.to_string()))
            .map_err(|why| Failure::usage(format!("@{} is not compiled: {why}", module.func_name(func))))?;
        if self.json {
            let all = parts(&explained, module);
            let wanted = |name: &str| self.only.as_deref().is_none_or(|only| only == name);
            let parts: Vec<Json> = all
                .iter()
                .filter(|(name, _)| wanted(name))
                .map(|(name, text)| json!({ "name": name, "text": text }))
                .collect();
            if !parts.is_empty() {
                let document = json!({ "function": module.func_name(func), "parts": parts });
                return Ok(output::print(&format!("{document}\n"))?);
            }
        }
        let mut text = String::new();
        for (name, part) in parts(&explained, module) {
            match &self.only {
                Some(only) if *only == name => text.push_str(&part),
                Some(_) => {}
                None => {
                    let _ = writeln!(text, "--- {name}\n{part}");
                }
            }
        }
        if text.is_empty() {
            let names: Vec<String> = parts(&explained, module).into_iter().map(|(n, _)| n).collect();
            let only = self.only.as_deref().unwrap_or_default();
            return Err(Failure::usage(format!("--only {only}: the parts are {}", names.join(", "))));
        }
        Ok(output::print(&nbc::ir::shown::visible_lines(&text))?)
    }

    /// What is printed of plans.
    fn planned(&self, plans: &[FunctionPlan<'_>]) -> String {
        if self.json {
            let all: Vec<Json> = plans.iter().map(FunctionPlan::json).collect();
            return format!("{}\n", json!({ "functions": all }));
        }
        plans.iter().map(FunctionPlan::text).collect()
    }

    fn find(&self, module: &Module) -> Result<FuncId, Failure> {
        let own = || (module.imports.len()..module.num_funcs()).map(FuncId::new);
        let wanted = self.function.as_deref().map(|n| n.strip_prefix('@').unwrap_or(n));
        let found = match wanted {
            Some(name) => own().find(|f| module.func_name(*f) == name),
            None => own()
                .find(|f| module.func_name(*f) == "main")
                .or_else(|| own().next().filter(|_| own().count() == 1)),
        };
        found.ok_or_else(|| {
            let there = show::names(own().map(|f| format!("@{}", module.func_name(f))), "none");
            match wanted {
                Some(name) if module.imports.iter().any(|i| i.name == name) => {
                    Failure::usage(format!("@{name} is a function of the host; there are {there}"))
                }
                Some(name) => Failure::usage(format!("there is no function @{name}; there are {there}")),
                None => Failure::usage(format!("name a function with --function; there are {there}")),
            }
        })
    }
}

/// The parts of an explanation with their names.
fn parts(explained: &Explanation, module: &Module) -> Vec<(String, String)> {
    let mut parts = vec![("legend".to_owned(), legend(&explained.passes))];
    parts.extend(explained.passes.iter().cloned());
    parts.push(("clif".to_owned(), explained.clif.clone()));
    parts.push(("code".to_owned(), code(explained, module)));
    parts
}

/// Instructions that only passes make, by their first words, and what they do.
const LEGEND: [(&str, &str); 16] = [
    ("field", "a field of a tensor's header: Data is the address of its first element"),
    ("load", "the element at an address, unchecked: base + index*size + offset"),
    ("store", "sets the element at an address, unchecked"),
    ("load.vector", "several elements in a row, unchecked"),
    ("store.vector", "sets several elements in a row"),
    ("splat", "a vector with the same value in every lane"),
    ("vector", "a vector of these values"),
    ("lanewise", "a scalar instruction on every lane"),
    ("lane", "one lane of a vector"),
    ("address", "an address as a number"),
    ("charge", "takes fuel for a block, or counts iterations towards a look at the clock; may trap"),
    ("spend", "whether so many iterations may pass until the next look at the clock"),
    ("prepay", "takes the fuel of many iterations at once, if there is so much"),
    ("verify", "traps as a fault of the compiler unless this holds"),
    ("; cold", "a block that is not expected to run"),
    ("; of", "a block of a function that was inlined"),
];

/// What of [`LEGEND`] occurs in `passes`, and how registers are called.
fn legend(passes: &[(String, String)]) -> String {
    let mut seen = [false; LEGEND.len()];
    for line in passes.iter().flat_map(|(_, text)| text.lines()) {
        let op = line.split_once(" = ").map_or(line, |(_, op)| op).trim_start();
        let first = op.split(' ').next().unwrap_or_default();
        for (seen, (word, _)) in seen.iter_mut().zip(LEGEND) {
            *seen |= match word.strip_prefix("; ") {
                Some(mark) => line.split_once(":  ; ").is_some_and(|(_, marks)| marks.contains(mark)),
                // Of elements the type stands behind it.
                None if ["load", "store"].contains(&word) => {
                    first.split_once('.').is_some_and(|(op, elem)| op == word && elem != "vector")
                }
                None => first == word,
            };
        }
    }
    let mut text = "  %x             a register of the program; %x.57: what a pass made of it\n".to_owned();
    for ((word, what), _) in LEGEND.iter().zip(seen).filter(|(_, seen)| *seen) {
        let _ = writeln!(text, "  {word:<14} {what}");
    }
    text
}

/// The machine code, an instruction a line, with the source lines between, and
/// the constants behind it.
fn code(explained: &Explanation, module: &Module) -> String {
    let mut text = String::new();
    let mut last = None;
    let known = explained.places.last().map_or(0, |(range, _)| range.end as usize);
    let (listing, end) = instructions(&explained.code, known);
    for (at, bytes) in listing {
        let here =
            explained.places.iter().find(|(range, _)| range.contains(&(at as u32))).and_then(|(_, o)| *o);
        // What has no place of its own belongs to what comes before it.
        if let Some(origin) = here.filter(|origin| last != Some(*origin)) {
            last = here;
            let _ = writeln!(text, "; {}", shown(module, origin));
        }
        let _ = writeln!(text, "  {at:5x}  {bytes}");
    }
    if end < explained.code.len() {
        text.push_str("; constants\n");
        for (i, bytes) in explained.code[end..].chunks(16).enumerate() {
            let bytes: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
            let _ = writeln!(text, "  {:5x}  {}", end + 16 * i, bytes.join(" "));
        }
    }
    text
}

/// A place in the bytecode with its source line.
fn shown(module: &Module, origin: nbc::jit::mir::Origin) -> String {
    let name = visible(&module.func_name(origin.func)).into_owned();
    let Some(function) = module.function(origin.func) else { return name };
    let Some(block) = function.blocks.get(origin.block as usize) else { return name };
    let line = block.line(origin.inst as usize);
    let source = module.source.as_ref().and_then(|s| s.text.lines().nth((line as usize).checked_sub(1)?));
    match (source, block.insts.get(origin.inst as usize)) {
        (Some(source), _) => format!("@{name} line {line}: {}", visible(source.trim())),
        (None, Some(inst)) => {
            format!(
                "@{name} block{}:{}  {}",
                origin.block,
                origin.inst,
                nbc::ir::inst_to_string(module, function, inst)
            )
        }
        (None, None) => name,
    }
}

/// Offset and text of each instruction, and where constants begin, which is
/// not before `known`.
#[cfg(target_arch = "x86_64")]
fn instructions(code: &[u8], known: usize) -> (Vec<(usize, String)>, usize) {
    use iced_x86::{Decoder, DecoderOptions, Formatter, NasmFormatter};
    let decode = || Decoder::with_ip(64, code, 0, DecoderOptions::NONE).into_iter();
    let read = decode().filter(|i| i.is_ip_rel_memory_operand());
    let constants = read.map(|i| i.ip_rel_memory_address() as usize).filter(|at| *at >= known).min();
    let constants = constants.unwrap_or(code.len()).min(code.len());
    let mut formatter = NasmFormatter::new();
    let mut listing = Vec::new();
    for instruction in decode() {
        let at = instruction.ip() as usize;
        // Constants are aligned.
        let is_padding = || at >= known && code[at..constants].iter().all(|b| *b == 0);
        if at >= constants || is_padding() {
            break;
        }
        let mut text = String::new();
        formatter.format(&instruction, &mut text);
        listing.push((at, text));
    }
    (listing, constants)
}

/// Offset and word of each instruction: there is no disassembler here.
#[cfg(not(target_arch = "x86_64"))]
fn instructions(code: &[u8], _known: usize) -> (Vec<(usize, String)>, usize) {
    let word = |w: &[u8]| w.iter().rev().map(|b| format!("{b:02x}")).collect::<String>();
    (code.chunks(4).enumerate().map(|(i, w)| (i * 4, word(w))).collect(), code.len())
}
