//! `nbc run`: runs a program and shows its results.

use super::failure::Failure;
use super::input::{self, Most, Room};
use super::placed::Placed;
use super::replace::{self, Holds, Target};
use super::tier::Tier;
use super::{arguments, ending, output, quantity, rates, show};
use nbc::Value;
use nbc::ir::{FuncId, Module, Type, VerifiedModule};
use nbc::placement::Cores;
use nbc::runtime::engine::{Engine, Limits};
use nbc::runtime::instance::InterruptHandle;
use nbc::runtime::linker::Linker;
use nbc::{matrix_market, npy, npz};
use serde_json::{Value as Json, json};
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
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
    /// Write a tensor to a NumPy file, or a sparse matrix to a Matrix Market or .npz file, instead of printing it; again for further ones
    ///
    /// The file is opened before the program runs, and holds what it held until
    /// there is a result. With - or /dev/stdout it is standard output, and what the
    /// program prints and its other results go to standard error.
    #[arg(long, value_name = "FILE")]
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
    /// Give objects, and arrays that are read for it, at most that much memory each, such as 512M
    #[arg(long, value_name = "BYTES", value_parser = quantity::bytes)]
    memory: Option<usize>,
    /// Give calls that much stack
    #[arg(long, value_name = "BYTES", value_parser = quantity::stack, default_value = "8M")]
    stack: usize,
    #[command(flatten)]
    most: Most,
    #[command(flatten)]
    tier: Tier,
    /// How many cores whole-array operations run on: as placement decides, one, or all
    #[arg(long, value_name = "CORES", value_enum, default_value_t = OnCores::Auto)]
    cores: OnCores,
    /// Say on standard error on how many cores operations ran, why, and how well that was predicted
    ///
    /// One line for each operation, power of two of elements, and choice, with mean
    /// times. A clock is read for every operation then (docs/placement.md).
    #[arg(long)]
    explain_placement: bool,
    /// Add a last line: RESULT SECONDS COMPILE_SECONDS
    ///
    /// RESULT is the function's first result, if it is a number (%.17g). SECONDS
    /// is the time inside the call; COMPILE_SECONDS that of reading, verifying
    /// and translating the program before it.
    #[arg(long)]
    timing: bool,
    /// Print results or the error as one JSON document; what the program prints goes to standard error
    #[arg(long)]
    pub json: bool,
}

/// How many cores operations run on.
#[derive(Clone, Copy, clap::ValueEnum)]
enum OnCores {
    /// As placement decides.
    Auto,
    /// One.
    One,
    /// All.
    All,
}

impl From<OnCores> for Cores {
    fn from(cores: OnCores) -> Cores {
        match cores {
            OnCores::Auto => Cores::Auto,
            OnCores::One => Cores::One,
            OnCores::All => Cores::All,
        }
    }
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
     (`interrupted`). A second Ctrl-C ends the process, and leaves no file behind.
  2  the program or the arguments are no good";

impl Run {
    /// Carries out the command.
    pub fn carry_out(&self) -> Result<(), Failure> {
        let start = Instant::now();
        let module = input::read_verified(&self.file, self.most)?;
        let (func, name) = self.entry(&module)?;
        let Some(sig) = module.func_sig(func) else {
            return Err(Failure::usage(format!("@{name} has no signature")));
        };
        // Arguments may come from large files, which is not the program's time.
        let parsing = Instant::now();
        let mut room = Room::new(self.most, self.memory);
        let args = arguments::parse(&self.args, &name, sig, &module, &mut room)?;
        let files = self.open_outputs(&name, &sig.results, &room.files)?;
        let parsing = parsing.elapsed();

        let mut config = self.tier.config()?.rates(rates::kept().rates).cores(self.cores.into());
        let placed = self.explain_placement.then(|| Arc::new(Placed::default()));
        if let Some(placed) = placed.clone() {
            config = config.on_placement(move |decision| placed.add(decision));
        }
        let program = Engine::new(config).load(module);
        let limits = Limits::new()
            .fuel(self.fuel)
            .timeout(self.timeout)
            .memory(self.memory.unwrap_or(usize::MAX))
            .stack(self.stack);
        let mut instance = self.console().instantiate_with(&program, limits)?;
        interrupt_on_ctrl_c(&instance.interrupt_handle());
        let compile = start.elapsed().saturating_sub(parsing);

        let start = Instant::now();
        let results = instance.call(&name, &args);
        let seconds = start.elapsed().as_secs_f64();
        output::flush()?;
        let memory = instance.memory();
        let mut cost = json!({
            "seconds": seconds,
            "compile_seconds": compile.as_secs_f64(),
            "fuel_used": self.fuel.zip(instance.fuel()).map(|(all, left)| all.saturating_sub(left)),
            "memory_peak": memory.peak,
            "memory_resident_peak": memory.resident_peak,
        });
        #[cfg(any(feature = "fft", feature = "linalg"))]
        let shown = |counts: nbc::PlanCounts| {
            json!({
                "hits": counts.hits,
                "made": counts.made,
                "evicted": counts.evicted,
                "kept": counts.kept,
                "bytes": counts.bytes,
            })
        };
        #[cfg(feature = "fft")]
        {
            cost["fft_plans"] = shown(program.engine().plan_counts());
        }
        #[cfg(feature = "linalg")]
        {
            cost["sparse_analyses"] = shown(program.engine().analysis_counts());
        }
        if let Some(placed) = &placed {
            match self.json {
                true => cost["placement"] = placed.json(),
                false => _ = io::stderr().write_all(placed.table().as_bytes()),
            }
        }
        let results = match results {
            Ok(results) => results,
            Err(e) => {
                let failure = Failure::of_call(e, program.module().source.as_ref());
                return Err(Failure::Measured(Box::new(failure), cost));
            }
        };
        drop(args);

        let module = program.module();
        let (rest, failures) = self.save(&results, files);
        if self.json {
            return self.print_json(&results, module, cost, Failure::of_all(failures).err());
        }
        let mut standard = output::Standard;
        let mut aside = BufWriter::new(io::stderr());
        let out: &mut dyn Write = if self.is_aside() { &mut aside } else { &mut standard };
        for value in rest {
            show::write(value, module, self.full, out).and_then(|()| out.write_all(b"\n"))?;
        }
        if self.timing {
            let result = match results.first() {
                Some(Value::F64(v)) => show::percent_17g(*v),
                Some(Value::F32(v)) => show::percent_17g(*v as f64),
                Some(Value::I64(v)) => v.to_string(),
                Some(Value::I32(v)) => v.to_string(),
                _ => "-".to_owned(),
            };
            writeln!(out, "{result} {seconds:.9} {:.9}", compile.as_secs_f64())?;
        }
        out.flush()?;
        Failure::of_all(failures)
    }

    /// Whether standard output holds something else than what the program
    /// prints and returns, which then goes to standard error.
    fn is_aside(&self) -> bool {
        self.out.iter().any(|path| replace::is_standard(path))
    }

    /// Opens the files for results: one that cannot be written is better known
    /// before the program has run for hours.
    fn open_outputs(&self, name: &str, results: &[Type], read: &[String]) -> Result<Vec<Target>, Failure> {
        let of_file = |t: &&Type| matches!(t, Type::Tensor(_) | Type::Sparse(_));
        let tensors = results.iter().filter(of_file).count();
        if self.out.len() > tensors {
            let (files, noun) = (self.out.len(), if tensors == 1 { "tensor" } else { "tensors" });
            return Err(Failure::usage(format!("{files} --out, but @{name} returns {tensors} {noun}")));
        }
        if self.json && self.is_aside() {
            return Err(Failure::usage("--out - and --json both want standard output"));
        }
        let mut files: Vec<Target> = Vec::new();
        for (path, ty) in self.out.iter().zip(results.iter().filter(of_file)) {
            let other = |endings: &[&str]| endings.iter().any(|ending| input::is_named(path, ending));
            let wanted = match ty {
                Type::Sparse(elem) if other(&[".npy"]) => {
                    format!("sparse<{elem}>, which goes to .mtx or .npz")
                }
                Type::Tensor(elem) if other(&[".mtx", ".npz"]) => {
                    format!("tensor<{elem}>, which goes to .npy")
                }
                _ => String::new(),
            };
            if !wanted.is_empty() {
                return Err(Failure::usage(format!("--out {path}: @{name} returns a {wanted} files")));
            }
            replace::keep_input(&self.file, path)?;
            read.iter().try_for_each(|read| replace::keep_input(read, path))?;
            let file = Target::open(path, Holds::Product)?;
            if files.iter().any(|other| other.is_same(&file)) {
                return Err(Failure::usage(format!("--out {path}: two results cannot be in one file")));
            }
            files.push(file);
        }
        Ok(files)
    }

    /// Writes tensors to the files, as many as there are; the other results, and what failed.
    fn save<'a>(&self, results: &'a [Value], files: Vec<Target>) -> (Vec<&'a Value>, Vec<Failure>) {
        let mut files = files.into_iter();
        let (mut rest, mut failures) = (Vec::new(), Vec::new());
        for value in results {
            match (value, files.len()) {
                (Value::Sparse(s), 1..) => {
                    let is_npz = input::is_named(&self.out[self.out.len() - files.len()], ".npz");
                    let saved = files.next().map(|file| {
                        file.finish(|mut out| match is_npz {
                            true => npz::write(&mut out, s),
                            false => matrix_market::write(&mut out, s),
                        })
                    });
                    failures.extend(saved.and_then(Result::err));
                }
                (Value::Tensor(t), 1..) => {
                    let saved = files.next().map(|file| file.finish(|mut out| npy::write(&mut out, t)));
                    failures.extend(saved.and_then(Result::err));
                }
                _ => rest.push(value),
            }
        }
        (rest, failures)
    }

    /// The one document, with what could not be written after all, too.
    fn print_json(
        &self,
        results: &[Value],
        module: &Module,
        mut cost: Json,
        failure: Option<Failure>,
    ) -> Result<(), Failure> {
        if let Some(failure) = &failure {
            cost["error"] = failure.json();
        }
        let mut out = output::Standard;
        let mut files = self.out.iter();
        write!(out, "{{\"results\":[")?;
        for (i, value) in results.iter().enumerate() {
            if i > 0 {
                out.write_all(b",")?;
            }
            match (value, files.len()) {
                (Value::Tensor(_) | Value::Sparse(_), 1..) => {
                    write!(out, "{}", json!({ "file": files.next() }))?
                }
                _ => show::write_json(value, module, &mut out)?,
            }
        }
        // The rest of the object, without its brace.
        writeln!(out, "],{}", &cost.to_string()[1..])?;
        failure.map_or(Ok(()), |failure| Err(Failure::Shown(Box::new(failure))))
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
            None if exports.is_empty() => not_exported(&self.file, "main", module),
            None => Failure::usage(format!(
                "{} has no exported function @main; it exports {}",
                self.file,
                exported_names(module)
            ))
            .with_help("say which one to call: --invoke NAME"),
        })
    }

    /// What a program may reach.
    fn console(&self) -> Linker {
        let mut linker = Linker::new();
        if self.json || self.is_aside() {
            linker.func("console.print", |text: String| std::io::stderr().write_all(text.as_bytes()));
        } else {
            linker.func("console.print", |text: String| output::print(&text));
        }
        linker
    }
}

/// Says that `file` does not export `@name`, what it does, and how to export.
pub fn not_exported(file: &str, name: &str, module: &Module) -> Failure {
    let names = exported_names(module);
    let failure = Failure::usage(format!("{file} has no exported function @{name}; it exports {names}"));
    let is_there = |name: &str| module.functions.iter().any(|f| f.name.as_deref() == Some(name));
    let first = || module.functions.iter().find_map(|f| f.name.as_deref());
    match module.exported_funcs().next() {
        _ if is_there(name) => failure.with_help(export(name)),
        None => failure.with_help(export(first().unwrap_or("main"))),
        Some(_) => failure,
    }
}

fn export(name: &str) -> String {
    format!(
        "the host can call what begins with `export`: export func @{}(..)",
        nbc::ir::shown::clipped(name, 60)
    )
}

fn exported_names(module: &Module) -> String {
    let exports = module.exported_funcs();
    show::names(exports.filter_map(|(_, f)| Some(format!("@{}", f.name.as_deref()?))), "nothing")
}

/// Stops the program at the first Ctrl-C; the second ends the process.
fn interrupt_on_ctrl_c(handle: &InterruptHandle) {
    #[cfg(unix)]
    ending::interrupt_first(handle.flag());
    #[cfg(not(unix))]
    let _ = signal_hook::flag::register(signal_hook::consts::SIGINT, handle.flag());
}
