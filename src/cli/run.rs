//! `nbc run`: runs a program and shows its results.

use super::failure::Failure;
use super::tier::Tier;
use super::{arguments, input, output, quantity, show};
use nbc::Value;
use nbc::ir::{FuncId, Module, VerifiedModule};
use nbc::npy;
use nbc::runtime::engine::{Engine, Limits};
use nbc::runtime::instance::InterruptHandle;
use nbc::runtime::linker::Linker;
use serde_json::json;
use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

#[derive(clap::Args)]
#[command(after_long_help = AFTER)]
pub struct Run {
    /// Program, .nba or .nbc; - for standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// Arguments of the function
    #[arg(value_name = "ARGS", allow_negative_numbers = true)]
    args: Vec<String>,
    /// Exported function to call [default: main, or the only one]
    #[arg(long, value_name = "NAME")]
    invoke: Option<String>,
    /// Write a tensor result to a NumPy file instead of printing it; again for further ones
    #[arg(long, value_name = "FILE.npy")]
    out: Vec<String>,
    /// Print tensors whole and exactly
    #[arg(long)]
    full: bool,
    /// Stop after that much fuel, about one unit an instruction
    #[arg(long, value_name = "UNITS", value_parser = quantity::units)]
    fuel: Option<u64>,
    /// Stop after that time, such as 1.5s or 200ms
    #[arg(long, value_name = "TIME", value_parser = quantity::time)]
    timeout: Option<Duration>,
    /// Give objects at most that much memory, such as 512M
    #[arg(long, value_name = "BYTES", value_parser = quantity::bytes)]
    memory: Option<usize>,
    /// Give calls that much stack
    #[arg(long, value_name = "BYTES", value_parser = quantity::stack, default_value = "8M")]
    stack: usize,
    #[command(flatten)]
    tier: Tier,
    /// Add a last line: RESULT SECONDS COMPILE_SECONDS
    ///
    /// RESULT is the function's first result, if it is a number (%.17g). SECONDS
    /// is the time inside the call; COMPILE_SECONDS that of reading, verifying
    /// and translating the program before it.
    #[arg(long)]
    timing: bool,
    /// Print results and errors as JSON; what the program prints goes to standard error
    #[arg(long)]
    pub json: bool,
}

const AFTER: &str = "\
Examples:
  nbc run examples/hello.nba
  nbc run examples/fibonacci.nba 50
  nbc run examples/fibonacci.nba --invoke recursive 30 --fuel 100_000_000
  nbc run examples/heat.nba --invoke heat 100 0.01 0.5 400 --timing
  nbc run norm.nba --invoke norm '[3, 4]'
  nbc run solve.nba a.npy b.npy --out x.npy --memory 2G --timeout 1m
  nbc asm program.nba -o - | nbc run - --json

Exit status:
  0  the function returned
  1  the program trapped; running out of a limit is a trap, and so is Ctrl-C
     (`interrupted`). A second Ctrl-C kills the process.
  2  the program or the arguments are no good";

impl Run {
    /// Carries out the command.
    pub fn carry_out(&self) -> Result<(), Failure> {
        let start = Instant::now();
        let module = input::read_verified(&self.file)?;
        let (func, name) = self.entry(&module)?;
        let Some(sig) = module.func_sig(func) else {
            return Err(Failure::usage(format!("@{name} has no signature")));
        };
        // Arguments may come from large files, which is not the program's time.
        let parsing = Instant::now();
        let args = arguments::parse(&self.args, &name, sig, &module)?;
        self.check_outputs(&name, &sig.results)?;
        let parsing = parsing.elapsed();

        let config = self.tier.config()?;
        let program = Engine::new(config).load(module);
        let limits = Limits {
            fuel: self.fuel,
            timeout: self.timeout,
            memory: self.memory.unwrap_or(usize::MAX),
            stack: self.stack,
        };
        let mut instance = self.console().instantiate_with(&program, limits)?;
        interrupt_on_ctrl_c(&instance.interrupt_handle());
        let compile = start.elapsed().saturating_sub(parsing);

        let start = Instant::now();
        let results = instance.call(&name, &args);
        let seconds = start.elapsed().as_secs_f64();
        output::flush()?;
        let results = results.map_err(|e| Failure::of_call(e, program.module().source.as_ref()))?;
        drop(args);

        let module = program.module();
        let mut files = self.out.iter();
        let mut shown = Vec::new();
        for value in &results {
            match (value, files.len()) {
                (Value::Tensor(t), 1..) => {
                    let path = files.next().map_or("", String::as_str);
                    save(path, t)?;
                    shown.push(json!({ "file": path }));
                }
                _ if self.json => shown.push(show::json(value, module)),
                _ => output::print(&(show::text(value, module, self.full) + "\n"))?,
            }
        }
        if self.json {
            let memory = instance.memory();
            let fuel = self.fuel.zip(instance.fuel()).map(|(all, left)| all.saturating_sub(left));
            let line = json!({
                "results": shown,
                "seconds": seconds,
                "compile_seconds": compile.as_secs_f64(),
                "fuel_used": fuel,
                "memory_peak": memory.peak,
            });
            output::print(&format!("{line}\n"))?;
        } else if self.timing {
            let result = match results.first() {
                Some(Value::F64(v)) => show::percent_17g(*v),
                Some(Value::F32(v)) => show::percent_17g(*v as f64),
                Some(v @ (Value::I64(_) | Value::I32(_))) => show::text(v, module, true),
                Some(Value::Bool(v)) => u8::from(*v).to_string(),
                _ => "-".to_owned(),
            };
            output::print(&format!("{result} {seconds:.9} {:.9}\n", compile.as_secs_f64()))?;
        }
        Ok(())
    }

    /// The function to call.
    fn entry(&self, module: &VerifiedModule) -> Result<(FuncId, String), Failure> {
        let exports: Vec<(FuncId, &str)> =
            module.exported_funcs().filter_map(|(id, f)| Some((id, f.name.as_deref()?))).collect();
        let find = |wanted: &str| exports.iter().find(|(_, name)| *name == wanted);
        let wanted = self.invoke.as_deref().map(|name| name.strip_prefix('@').unwrap_or(name));
        let found = match (wanted, &exports[..]) {
            (Some(name), _) => find(name),
            (None, [only]) => Some(only),
            (None, _) => find("main"),
        };
        if let Some((id, name)) = found {
            return Ok((*id, (*name).to_owned()));
        }
        Err(match wanted {
            Some(name) => not_exported(&self.file, name, module),
            None => Failure::usage(format!(
                "{} has no exported function @main; it exports {}",
                self.file,
                exported_names(module)
            ))
            .with_help("say which one to call: --invoke NAME"),
        })
    }

    fn check_outputs(&self, name: &str, results: &[nbc::ir::Type]) -> Result<(), Failure> {
        let tensors = results.iter().filter(|t| matches!(t, nbc::ir::Type::Tensor(_))).count();
        if self.out.len() > tensors {
            let (files, noun) = (self.out.len(), if tensors == 1 { "tensor" } else { "tensors" });
            return Err(Failure::usage(format!("{files} --out, but @{name} returns {tensors} {noun}")));
        }
        Ok(())
    }

    /// What a program may reach.
    fn console(&self) -> Linker {
        let mut linker = Linker::new();
        if self.json {
            linker.func("console.print", |text: String| std::io::stderr().write_all(text.as_bytes()));
        } else {
            linker.func("console.print", |text: String| output::print(&text));
        }
        linker
    }
}

/// Says that `file` does not export `@name`, and what it does.
pub fn not_exported(file: &str, name: &str, module: &Module) -> Failure {
    Failure::usage(format!("{file} has no exported function @{name}; it exports {}", exported_names(module)))
}

fn exported_names(module: &Module) -> String {
    let names = module.exported_funcs().filter_map(|(_, f)| Some(format!("@{}", f.name.as_deref()?)));
    let names = nbc::ir::shown::list(names, 10);
    if names.is_empty() { "nothing".to_owned() } else { names }
}

/// Stops the program at the first Ctrl-C; the second does what it does by itself.
fn interrupt_on_ctrl_c(handle: &InterruptHandle) {
    use signal_hook::{consts::SIGINT, flag};
    // In this order: the second signal finds `armed` set by the first.
    let armed = Arc::new(AtomicBool::new(false));
    // Without the handlers Ctrl-C kills at once, which will do.
    let _ = flag::register_conditional_default(SIGINT, armed.clone())
        .and_then(|_| flag::register(SIGINT, armed))
        .and_then(|_| flag::register(SIGINT, handle.flag()));
}

fn save(path: &str, tensor: &nbc::OwnedTensor) -> Result<(), Failure> {
    let write = || {
        let mut file = BufWriter::new(std::fs::File::create(path)?);
        npy::write(&mut file, tensor)?;
        file.flush()
    };
    write().map_err(|e| Failure::input(format!("cannot write {path}: {e}")))
}
