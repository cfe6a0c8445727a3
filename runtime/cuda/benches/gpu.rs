//! What NBC does on a GPU, beside what the GPU can do: a table for people, and JSON for `scripts/gpu-check`.
//!
//! ```text
//! cargo bench -p nbc-cuda --bench gpu                  the first GPU, all sizes
//! cargo bench -p nbc-cuda --bench gpu -- --json FILE   and a document
//! cargo bench -p nbc-cuda --bench gpu -- --about       whether there is one, and what
//! ```
//!
//! A program does its work as many times as it is asked to, and is timed with few turns and with many; the difference is
//! of turns alone, without making data, compiling kernels, or what comes home. It ends with 2 where there is no GPU, and where the
//! driver is a simulated one, of which times mean nothing.

use cudarc::driver::{CudaContext, DriverError};
use nbc_cuda::{Cuda, Options, is_simulated};
use nbc_runtime::engine::{Config, Engine, Limits};
use nbc_runtime::instance::Instance;
use nbc_runtime::linker::Linker;
use nbc_runtime::value::Value;
use std::fmt::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the many turns take at least, and when it is enough of turns.
const LONG: Duration = Duration::from_millis(400);
const MOST_TURNS: i64 = 1 << 18;
/// Rounds of which the best counts.
const ROUNDS: usize = 3;

/// A number that was found.
struct Row {
    name: String,
    value: f64,
    unit: &'static str,
    /// What it has to reach, and the reason or the unit that is divided by.
    wanted: Option<(Bound, f64)>,
}

#[derive(Clone, Copy)]
enum Bound {
    Least,
    Most,
}

impl Row {
    fn is_reached(&self) -> Option<bool> {
        self.wanted.map(|(bound, wanted)| match bound {
            Bound::Least => self.value >= wanted,
            Bound::Most => self.value <= wanted,
        })
    }
}

/// A program whose `@main` does `work` a number of times with `%x`, which it makes first and which each turn has anew.
fn program(before: &str, x: &str, work: &str) -> String {
    format!(
        "export func @main(%turns: i64) {{
{before}  %x = {x}
  %i = i64.const 0
  region.begin
  br head
head:
  %more = i64.lt %i, %turns
  br_if %more, body, done
body:
{work}  region.renew keep %x
  %i = i64.add %i, 1
  br head
done:
  region.end keep %x
  %s = tensor.sum %x
  ret
}}
"
    )
}

/// Ten elementwise operations, which keep numbers near 1.
fn chain(elem: &str, n: u64) -> String {
    let mut work = String::new();
    for step in 0..10 {
        let (from, to) = (if step == 0 { "x".into() } else { format!("a{step}") }, step + 1);
        let to = if to == 10 { "x".into() } else { format!("a{to}") };
        let what = if step % 2 == 0 { "tensor.mul %FROM, 0.5" } else { "tensor.add %FROM, 0.5" };
        let _ = writeln!(work, "  %{to} = {}", what.replace("FROM", &from));
    }
    program("", &format!("tensor.full<{elem}> [{n}], 1.0"), &work)
}

fn instance(text: &str, device: Option<&Arc<Cuda>>) -> Result<Instance, String> {
    let config = device.map_or_else(Config::new, |device| Config::new().device(device.clone()));
    let program = Engine::new(config).read(text.as_bytes(), "gpu.nba").map_err(|e| format!("{e}\n{text}"))?;
    Linker::new().instantiate_with(&program, Limits::new()).map_err(|e| e.to_string())
}

/// Seconds that so many turns take at best.
fn seconds(instance: &mut Instance, turns: i64, rounds: usize) -> Result<f64, String> {
    let mut best = f64::INFINITY;
    for _ in 0..rounds {
        let start = Instant::now();
        instance.call("main", &[Value::I64(turns)]).map_err(|e| e.to_string())?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// Seconds of one turn on the device, all of whose operations have to run there.
fn on_device(text: &str, device: &Arc<Cuda>) -> Result<f64, String> {
    let mut instance = instance(text, Some(device))?;
    let before = instance.device_counts();
    // Kernels are compiled, and the pool has its memory.
    seconds(&mut instance, 2, 1)?;
    let counts = instance.device_counts();
    if counts.operations < before.operations + 2 || counts.failed > 0 {
        return Err("it does not run on the device".to_owned());
    }
    let few = seconds(&mut instance, 1, ROUNDS)?;
    let mut turns = 2;
    loop {
        let many = seconds(&mut instance, turns, 1)?;
        if many - few > LONG.as_secs_f64() || turns >= MOST_TURNS {
            let many = seconds(&mut instance, turns, ROUNDS - 1)?.min(many);
            return Ok((many - few) / (turns - 1) as f64);
        }
        turns *= 2;
    }
}

/// Seconds of one turn on the processor.
fn on_processor(text: &str) -> Result<f64, String> {
    let mut instance = instance(text, None)?;
    let few = seconds(&mut instance, 1, 2)?;
    Ok((seconds(&mut instance, 3, 2)? - few) / 2.0)
}

/// Bytes read and written in a second by the driver's own copy in the device's memory.
fn copy_bandwidth(bytes: usize) -> Result<f64, DriverError> {
    let context = CudaContext::new(0)?;
    let stream = context.default_stream();
    let from = stream.alloc_zeros::<u8>(bytes)?;
    let mut to = stream.alloc_zeros::<u8>(bytes)?;
    stream.memcpy_dtod(&from, &mut to)?;
    stream.synchronize()?;
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..20 {
            stream.memcpy_dtod(&from, &mut to)?;
        }
        stream.synchronize()?;
        best = best.min(start.elapsed().as_secs_f64() / 20.0);
    }
    Ok(2.0 * bytes as f64 / best)
}

/// All numbers, and what could not be found out.
struct Found {
    rows: Vec<Row>,
    left_out: Vec<(String, String)>,
}

impl Found {
    fn add(&mut self, name: &str, value: f64, unit: &'static str, wanted: Option<(Bound, f64)>) {
        eprintln!("{name}: {value:.4} {unit}");
        self.rows.push(Row { name: name.to_owned(), value, unit, wanted });
    }

    fn leave_out(&mut self, name: &str, why: impl ToString) {
        let why = why.to_string();
        eprintln!("{name}: left out: {}", why.lines().next().unwrap_or_default());
        self.left_out.push((name.to_owned(), why));
    }

    /// A rate of work done in a turn, and how many times as long the processor takes.
    fn rate(
        &mut self,
        name: &str,
        text: &str,
        work: f64,
        unit: &'static str,
        device: &Arc<Cuda>,
    ) -> Option<f64> {
        let seconds = match on_device(text, device) {
            Ok(seconds) => seconds,
            Err(why) => {
                self.leave_out(name, why);
                return None;
            }
        };
        self.add(name, work / seconds, unit, None);
        match on_processor(text) {
            Ok(processor) => {
                self.add(&format!("{name}: processor's time / GPU's"), processor / seconds, "", None)
            }
            Err(why) => self.leave_out(name, why),
        }
        Some(work / seconds)
    }

    fn table(&self) -> String {
        let mut text = String::from("| what | measured | wanted |\n|---|---:|---:|\n");
        for row in &self.rows {
            let wanted = row.wanted.map_or_else(String::new, |(bound, wanted)| {
                let sign = if matches!(bound, Bound::Least) { "≥" } else { "≤" };
                let mark = if row.is_reached() == Some(true) { "" } else { ", missed" };
                format!("{sign} {wanted}{mark}")
            });
            let _ = writeln!(text, "| {} | {:.3} {} | {wanted} |", row.name, row.value, row.unit);
        }
        for (name, why) in &self.left_out {
            let _ = writeln!(text, "| {name} | left out: {} | |", why.lines().next().unwrap_or_default());
        }
        text
    }

    fn json(&self, device: &Cuda) -> String {
        let about = device.about();
        let mut text = format!(
            "{{\"device\": {:?}, \"memory\": {}, \"capability\": \"{}.{}\", \"cuda\": \"{}.{}\", \"simulated\": {}, \"rows\": [",
            about.name,
            about.memory,
            about.capability.0,
            about.capability.1,
            about.cuda.0,
            about.cuda.1,
            about.simulated
        );
        for (at, row) in self.rows.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            let wanted = row.wanted.map_or_else(
                || "null, \"reached\": null".to_owned(),
                |(_, wanted)| format!("{wanted}, \"reached\": {}", row.is_reached() == Some(true)),
            );
            // What is no number JSON cannot say.
            let value = if row.value.is_finite() { row.value.to_string() } else { "null".to_owned() };
            let _ = write!(
                text,
                "{comma}{{\"name\": {:?}, \"value\": {value}, \"unit\": {:?}, \"wanted\": {wanted}}}",
                row.name, row.unit
            );
        }
        let left_out: Vec<String> = self.left_out.iter().map(|(name, _)| format!("{name:?}")).collect();
        let _ = writeln!(text, "], \"left_out\": [{}]}}", left_out.join(", "));
        text
    }
}

fn measure(device: &Arc<Cuda>) -> Found {
    let mut found = Found { rows: Vec::new(), left_out: Vec::new() };
    // Eleven results of the chain of doubles have to fit.
    let n = (device.about().memory as u64 / 150).min(100_000_000);
    let copy = match copy_bandwidth(n as usize * 8) {
        Ok(copy) => copy,
        Err(e) => {
            found.leave_out("copy", e);
            return found;
        }
    };
    found.add("copy in the device's memory", copy / 1e9, "GB/s", None);
    let small = |work: &str| program("", "tensor.full<f64> [1024], 1.0", work);
    let (one, two) =
        ("  %x = tensor.mul %x, 1.0\n", "  %y = tensor.mul %x, 1.0\n  %x = tensor.mul %y, 1.0\n");
    match on_device(&small(one), device).and_then(|one| Ok(on_device(&small(two), device)? - one)) {
        Ok(each) => {
            found.add("one operation more on 1024 elements", each * 1e6, "µs", Some((Bound::Most, 5.0)))
        }
        Err(why) => found.leave_out("one operation more on 1024 elements", why),
    }
    for (elem, size) in [("f64", 8.0), ("f32", 4.0)] {
        let name = format!("chain of 10 on {n} {elem}");
        // One reading and one writing: what a single kernel moves.
        if let Some(rate) = found.rate(&name, &chain(elem, n), 2.0 * size * n as f64 / 1e9, "GB/s", device) {
            let share = rate * 1e9 / copy;
            found.add(&format!("{name}: share of copying"), share, "", Some((Bound::Least, 0.85)));
        }
    }
    for elem in ["f64", "f32"] {
        let product = program(
            &format!("  %b = tensor.full<{elem}> [4096, 4096], 0.000244140625\n"),
            &format!("tensor.full<{elem}> [4096, 4096], 1.0"),
            "  %x = linalg.matmul %x, %b\n",
        );
        found.rate(&format!("matmul {elem} 4096"), &product, 2.0 * 4096f64.powi(3) / 1e12, "TFLOP/s", device);
    }
    let exp =
        program("", &format!("tensor.full<f64> [{n}], -1.0"), "  %y = tensor.neg %x\n  %x = tensor.exp %y\n");
    found.rate("neg and exp of f64", &exp, 32.0 * n as f64 / 1e9, "GB/s", device);
    let sum = program(
        &format!("  %b = tensor.full<f64> [4096, {}], 0.5\n  %c = tensor.copy %b\n", n / 4096),
        &format!("tensor.full<f64> [{}], 1.0", n / 4096),
        "  %x = tensor.sum_axis %c, 0\n",
    );
    found.rate("sum of f64 along an axis", &sum, 8.0 * n as f64 / 1e9, "GB/s", device);
    found
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let (file, only_about) = match &words[..] {
        [] => (None, false),
        [option, file] if option == "--json" => (Some(file), false),
        [option] if option == "--about" => (None, true),
        _ => {
            eprintln!("expected nothing, --about, or --json FILE");
            return ExitCode::from(2);
        }
    };
    if is_simulated() {
        eprintln!("the CUDA driver here is a simulated one: nothing is measured beside it");
        return ExitCode::from(2);
    }
    let device = match Cuda::open(0, Options::new()) {
        Ok(device) => device,
        Err(absent) => {
            eprintln!("no GPU: {absent}; {}", absent.remedy());
            return ExitCode::from(2);
        }
    };
    let about = device.about();
    if only_about {
        let ((major, minor), cuda) = (about.capability, about.cuda);
        println!("{}, compute capability {major}.{minor}, CUDA {}.{}", about.name, cuda.0, cuda.1);
        return ExitCode::SUCCESS;
    }
    let mut found = measure(&device);
    // All programs have ended: what is still given out is lost.
    found.add("bytes that were not given back", device.in_use() as f64, "B", Some((Bound::Most, 0.0)));
    println!("{}\n\n{}", about.name, found.table());
    match file.map(|file| std::fs::write(file, found.json(&device))) {
        Some(Err(e)) => {
            eprintln!("the document cannot be written: {e}");
            ExitCode::from(2)
        }
        _ => ExitCode::SUCCESS,
    }
}
