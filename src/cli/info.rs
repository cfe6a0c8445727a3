//! `nbc info`: what this build and machine offer, or what a program holds.

use super::devices;
use super::failure::Failure;
use super::input::{self, Most};
use super::{output, rates, show};
use nbc::Module;
use nbc::jit::{Jit, Options};
use nbc::placement::{Rates, calibrate};
use nbc::runtime::engine::Limits;
use nbc::runtime::machine::dispatch::Dispatch;
use nbc::runtime::op::dispatch_name;
use nbc::runtime::threads::Threads;
use serde_json::json;

#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  nbc info
  nbc info --json | jq .simd
  nbc info --calibrate
  nbc info examples/life.nba")]
pub struct Info {
    /// Program, .nba or .nbc; - for standard input
    #[arg(value_name = "FILE")]
    file: Option<String>,
    #[command(flatten)]
    most: Most,
    /// Measure how fast this machine is, and keep it in the user's cache folder for later runs
    ///
    /// It takes a second or two, and needs a machine that does nothing else
    /// (docs/placement.md).
    #[arg(long, conflicts_with = "file")]
    calibrate: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

macro_rules! features {
    ($check:ident $($name:tt)*) => {
        [$(($name, std::arch::$check!($name))),*]
            .into_iter()
            .filter_map(|(name, there)| there.then_some(name))
            .collect()
    };
}

#[cfg(target_arch = "x86_64")]
fn cpu_features() -> Vec<&'static str> {
    features!(is_x86_feature_detected
        "sse4.2" "popcnt" "avx" "f16c" "avx2" "bmi1" "bmi2" "lzcnt" "fma" "aes" "vaes" "pclmulqdq" "sha"
        "avx512f" "avx512bw" "avx512cd" "avx512dq" "avx512vl" "avx512ifma" "avx512vnni")
}

#[cfg(target_arch = "aarch64")]
fn cpu_features() -> Vec<&'static str> {
    features!(is_aarch64_feature_detected "neon" "dotprod" "fp16" "aes" "sha2" "sve" "sve2")
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn cpu_features() -> Vec<&'static str> {
    Vec::new()
}

impl Info {
    /// Carries out the command.
    pub fn carry_out(&self) -> Result<(), Failure> {
        let text = match &self.file {
            Some(file) => {
                let module = input::read_verified(file, self.most)?;
                if self.json {
                    program_json(&module)
                } else {
                    nbc::ir::shown::visible_lines(&program_text(file, &module)).into_owned()
                }
            }
            None if self.calibrate => self.calibrated()?,
            None => self.machine(),
        };
        Ok(output::print(&(text + "\n"))?)
    }

    /// Measures the machine's rates, and keeps them.
    fn calibrated(&self) -> Result<String, Failure> {
        devices::must_be_real()?;
        let rates = calibrate(&Threads::default())?;
        let file = rates::keep(&rates)?;
        let gpus = devices::calibrated()?;
        if self.json {
            let gpus = gpus.iter().map(|(name, rates, file)| {
                let rates = rates.each().map(|(name, value, _)| (name.to_owned(), json!(value)));
                let rates: serde_json::Map<_, _> = rates.collect();
                json!({ "name": name, "rates": rates, "file": file.display().to_string() })
            });
            let gpus: Vec<_> = gpus.collect();
            let file = file.display().to_string();
            return Ok(json!({ "rates": rates_json(&rates), "file": file, "gpus": gpus }).to_string());
        }
        let lines = rates.each().map(|(name, value, meaning)| format!("{name:16} {value:<12.4e} {meaning}"));
        let shown =
            |file: &std::path::Path| nbc::ir::shown::visible_lines(&file.display().to_string()).into_owned();
        let mut text = format!("{}\nwritten to {}", lines.collect::<Vec<_>>().join("\n"), shown(&file));
        for (name, rates, file) in &gpus {
            text += &format!("\n{name}");
            for (name, value, meaning) in rates.each() {
                text += &format!("\n{name:16} {value:<12.4e} {meaning}");
            }
            text += &format!("\nwritten to {}", shown(file));
        }
        Ok(text)
    }

    fn machine(&self) -> String {
        let kept = rates::kept();
        let version = env!("CARGO_PKG_VERSION");
        let build = if cfg!(debug_assertions) { "debug" } else { "release" };
        let platform = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let dispatch = Dispatch::default().name();
        let dispatches: Vec<&str> = Dispatch::ALL.iter().map(|d| d.name()).collect();
        let features = cpu_features();
        let limits = Limits::default();
        let (gpus, gpus_json) = devices::found();
        let (libraries, libraries_json) = devices::libraries();
        let jit = Jit::new(Options::default());
        let isa = jit.compiler().map(|c| c.isa());
        let tiers: Vec<&str> = ["interpreter"].into_iter().chain(isa.map(|_| "compiler")).collect();
        if self.json {
            let cpu = json!({ "name": "cpu", "threads": threads });
            let devices: Vec<_> = std::iter::once(cpu).chain(gpus_json).collect();
            let unlimited = |n: usize| (n != usize::MAX).then_some(n);
            json!({
                "version": version,
                "build": build,
                "platform": platform,
                "cpu_features": features,
                "threads": threads,
                "dispatch": dispatch,
                "dispatches": dispatches,
                "simd": dispatch_name(),
                "tiers": tiers,
                "compiles_for": isa,
                "devices": devices,
                "gpu_libraries": libraries_json,
                "rates": rates_json(&kept.rates),
                "rates_file": kept.file.map(|file| file.display().to_string()),
                "limits": {
                    "fuel": limits.fuel,
                    "timeout_seconds": limits.timeout.map(|t| t.as_secs_f64()),
                    "memory": unlimited(limits.memory),
                    "stack": limits.stack,
                },
            })
            .to_string()
        } else {
            format!(
                "nbc {version} ({build} build, {platform})\n\
                 cpu features  {}\n\
                 dispatch      {dispatch} (this build has {})\n\
                 tensor simd   {}\n\
                 tiers         {}{}\n\
                 devices       cpu ({threads} threads)\n\
                 {}\
                 rates         {}\n\
                 limits        no fuel limit, no time limit, memory as there is, {} MiB of stack",
                features.join(" "),
                dispatches.join(" and "),
                dispatch_name(),
                tiers.join(" and "),
                isa.map_or_else(String::new, |isa| format!(" (Cranelift, {isa})")),
                gpus.iter().chain(&libraries).map(|gpu| format!("              {gpu}\n")).collect::<String>(),
                kept.file.map_or_else(
                    || "guessed; nbc info --calibrate measures them".to_owned(),
                    |file| format!("from {}", nbc::ir::shown::visible_lines(&file.display().to_string())),
                ),
                limits.stack >> 20,
            )
        }
    }
}

/// Rates by name.
fn rates_json(rates: &Rates) -> serde_json::Value {
    rates
        .each()
        .map(|(name, value, _)| (name.to_owned(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Exported and imported functions with their types, and exported globals.
fn functions(module: &Module) -> (Vec<String>, Vec<String>, Vec<String>) {
    let exports = module.exported_funcs().map(|(id, _)| {
        let sig = module.func_sig(id).map(|s| s.display(&module.sigs).to_string());
        format!("@{}{}", module.func_name(id), sig.unwrap_or_default())
    });
    let imports = module
        .imports
        .iter()
        .map(|i| format!("@{}{}", i.name, module.sigs[i.sig.index()].display(&module.sigs)));
    let globals = module
        .globals
        .iter()
        .filter(|g| g.export)
        .map(|g| format!("@{}: {}", g.name.as_deref().unwrap_or_default(), g.ty.display(&module.sigs)));
    (exports.collect(), imports.collect(), globals.collect())
}

fn operations(module: &Module) -> Vec<&str> {
    let mut names: Vec<&str> = module.ops.iter().map(|o| &*o.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Blocks and instructions.
fn size(module: &Module) -> (usize, usize) {
    let blocks = || module.functions.iter().flat_map(|f| &f.blocks);
    (blocks().count(), blocks().map(|b| b.insts.len()).sum())
}

fn program_json(module: &Module) -> String {
    let (exports, imports, globals) = functions(module);
    let (blocks, instructions) = size(module);
    json!({
        "exports": exports,
        "imports": imports,
        "exported_globals": globals,
        "globals": module.globals.len(),
        "constants": module.constants.len(),
        "operations": operations(module),
        "functions": module.functions.len(),
        "blocks": blocks,
        "instructions": instructions,
        "binary_bytes": module.encode().len(),
    })
    .to_string()
}

fn program_text(file: &str, module: &Module) -> String {
    let (exports, imports, globals) = functions(module);
    let (blocks, instructions) = size(module);
    let mut lines = vec![format!("{file}: sound")];
    for (what, names) in [("exports", exports), ("imports", imports), ("globals", globals)] {
        for (i, name) in names.iter().enumerate() {
            let name = nbc::ir::shown::visible(name);
            lines.push(format!("{:12}  {name}", if i == 0 { what } else { "" }));
        }
    }
    let operations = operations(module);
    if !operations.is_empty() {
        lines.push(format!("operations    {}", operations.join(" ")));
    }
    let sizes = [
        show::count(module.functions.len(), "function"),
        show::count(blocks, "block"),
        show::count(instructions, "instruction"),
        show::count(module.constants.len(), "constant"),
    ];
    let bytes = show::count(module.encode().len(), "byte");
    lines.push(format!("size          {}; {bytes} as a binary", sizes.join(", ")));
    lines.join("\n")
}
