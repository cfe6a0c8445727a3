//! Random programs on the simulated driver of `tests/cudasim` beside the processor: results to the bit, traps, fuel and
//! charged memory. `scripts/fuzz-cuda` runs them for as long as one likes.
//!
//! Each program runs on the processor alone; on the device in two orders of threads and of queued work; with fuel, with
//! less fuel or memory than it takes; at times beside itself; and while a call of the driver fails. What differs is kept, with its seed.
//!
//! | variable | means |
//! |---|---|
//! | `CUDA_FUZZ=100` | how many programs |
//! | `CUDA_FUZZ_SEED=7` | the first seed |
//! | `CUDA_FUZZ_SECONDS=600` | begins no program after that time |
//! | `CUDA_FUZZ_KEEP=folder` | writes what differs there, and which seed is running |

mod function;
mod program;

use cudasim::Sim;
use nbc_cuda::{Cuda, Options};
use nbc_runtime::device::DeviceCounts;
use nbc_runtime::engine::{Config, Engine, Limits};
use nbc_runtime::linker::Linker;
use nbc_runtime::value::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Fuel that no program needs which ends soon.
const FUEL: u64 = 1 << 28;
/// Programs that differ after which it ends.
const ENOUGH: usize = 20;

/// Numbers whose order nobody would guess.
struct Numbers(u64);

impl Numbers {
    fn of_seed(seed: u64) -> Numbers {
        Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        ((self.0 >> 33) % end as u64) as usize
    }

    fn one<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

/// What came of a program.
struct Ran {
    /// Results or the trap, as they are compared.
    shown: String,
    fuel: Option<u64>,
    /// Most memory that was charged for.
    peak: usize,
    counts: DeviceCounts,
}

fn run(text: &str, config: Config, limits: Limits) -> Result<Ran, String> {
    let program = Engine::new(config).read(text.as_bytes(), "program.nba").map_err(|e| e.to_string())?;
    let mut instance = Linker::new().instantiate_with(&program, limits).map_err(|e| e.to_string())?;
    let results = instance.call("main", &[]).map_err(|e| e.to_string());
    Ok(Ran {
        shown: shown(&results),
        fuel: instance.fuel(),
        peak: instance.memory().peak,
        counts: instance.device_counts(),
    })
}

/// Results, elements as bytes: there is one NaN where they leave a program.
fn shown(results: &Result<Vec<Value>, String>) -> String {
    let Ok(values) = results else { return format!("{results:?}") };
    let of = |value: &Value| match value {
        Value::Tensor(t) => format!("{:?} {:?} {:?}", t.elem(), t.dims(), t.as_bytes()),
        Value::F64(v) => format!("{:x}", if v.is_nan() { f64::NAN.to_bits() } else { v.to_bits() }),
        Value::F32(v) => format!("{:x}", if v.is_nan() { f32::NAN.to_bits() } else { v.to_bits() }),
        other => format!("{other:?}"),
    };
    values.iter().map(of).collect::<Vec<_>>().join("\n")
}

/// Where two answers differ, not all of them.
fn differ(what: &str, here: &str, there: &str) -> Result<(), String> {
    if here == there {
        return Ok(());
    }
    let at = here.bytes().zip(there.bytes()).take_while(|(a, b)| a == b).count();
    let line = here[..at].matches('\n').count();
    let near = |text: &str| -> String { text.chars().skip(at.saturating_sub(60)).take(200).collect() };
    Err(format!("{what}: result {line} differs\nprocessor: {}\ndevice: {}", near(here), near(there)))
}

/// What programs came to.
#[derive(Default, Debug)]
struct Tally {
    /// Programs that the verifier did not accept.
    refused: u64,
    /// Those that take too much fuel.
    long: u64,
    trapped: u64,
    returned: u64,
    operations: u64,
    groups: u64,
    /// Runs in which a call of the driver has failed.
    faults: u64,
}

fn open(numbers: &mut Numbers) -> Option<Arc<Cuda>> {
    let options = match numbers.below(6) {
        // Much does not fit, and what is queued is waited for.
        0 => Options::new().memory(200_000),
        1 => Options::new().queue(1 << 12),
        2 => Options::new().secrets(true),
        _ => Options::new(),
    };
    Cuda::open(0, options).ok()
}

fn settings(numbers: &mut Numbers) -> String {
    let order = numbers.one(&["forward", "reverse", "random:3", "random:8", "random:21"]);
    let streams = numbers.one(&["lazy", "lazy", "random", "eager"]);
    format!("mem=64M order={order} streams={streams}")
}

/// One program, in all ways.
fn attempt(seed: u64, text: &str, sim: &Sim, tally: &mut Tally) -> Result<(), String> {
    let mut numbers = Numbers::of_seed(!seed);
    let mut before = sim.live_bytes(0);
    let alone = || Config::new().fusion(false).in_place(false);
    sim.reset();
    let metered = match run(text, alone(), Limits::new().fuel(FUEL)) {
        Ok(ran) => ran,
        Err(why) => {
            if std::env::var_os("CUDA_FUZZ_REFUSED").is_some() {
                println!("seed {seed}: {}", why.lines().take(3).collect::<Vec<_>>().join(" | "));
            }
            tally.refused += 1;
            return Ok(());
        }
    };
    if metered.shown.contains("out_of_fuel") {
        tally.long += 1;
        return Ok(());
    }
    let here = run(text, alone(), Limits::new())?;
    differ("with fuel, on the processor", &here.shown, &metered.shown)?;
    if here.shown.starts_with("Err") {
        tally.trapped += 1
    } else {
        tally.returned += 1
    }

    sim.configure(&settings(&mut numbers));
    let Some(device) = open(&mut numbers) else { return Err("the device cannot be had".to_owned()) };
    let there = |numbers: &mut Numbers, device: &Arc<Cuda>| {
        let config = Config::new().device(device.clone());
        match numbers.below(6) {
            0 => config.fusion(false),
            1 => config.in_place(false),
            2 => config.fusion_of_small(1),
            _ => config,
        }
    };
    for _ in 0..2 {
        let settings = settings(&mut numbers);
        sim.configure(&settings);
        let ran = run(text, there(&mut numbers, &device), Limits::new())?;
        differ(&settings, &here.shown, &ran.shown)?;
        tally.operations += ran.counts.operations;
        tally.groups += ran.counts.groups;
    }
    let used = FUEL - metered.fuel.unwrap_or(0);
    let less = used * (1 + numbers.below(99) as u64) / 100;
    let memory = metered.peak * (20 + numbers.below(79)) / 100;
    let limits: [(&str, &dyn Fn() -> Limits); 3] = [
        ("with fuel", &|| Limits::new().fuel(FUEL)),
        ("with less fuel", &|| Limits::new().fuel(less)),
        ("with less memory", &|| Limits::new().fuel(FUEL).memory(memory)),
    ];
    for (what, limits) in limits {
        let a = run(text, alone(), limits())?;
        let b = run(text, there(&mut numbers, &device), limits())?;
        differ(what, &a.shown, &b.shown)?;
        if (a.fuel, a.peak) != (b.fuel, b.peak) {
            let (a, b) = ((a.fuel, a.peak), (b.fuel, b.peak));
            return Err(format!("{what}: fuel left and peak are {a:?}, on the device {b:?}"));
        }
    }
    if numbers.below(4) == 0 {
        // Two instances at a time have one stream.
        let two = [there(&mut numbers, &device), there(&mut numbers, &device)];
        let ran = std::thread::scope(|scope| {
            two.map(|config| scope.spawn(|| run(text, config, Limits::new()))).map(|thread| thread.join())
        });
        for ran in ran {
            let ran = ran.map_err(|_| "a thread has panicked".to_owned())??;
            differ("beside another", &here.shown, &ran.shown)?;
        }
    }
    drop(device);
    left(sim, before)?;

    // Any call of the driver fails, of how many there are.
    sim.reset();
    sim.configure("mem=64M streams=lazy");
    let Some(device) = open(&mut numbers) else { return Err("the device cannot be had".to_owned()) };
    run(text, Config::new().device(device.clone()), Limits::new())?;
    drop(device);
    let calls = sim.calls("*").max(1) as usize;
    for _ in 0..3 {
        let (n, code) = (1 + numbers.below(calls), numbers.one(&[1, 2, 222, 700, 719]));
        let times = numbers.one(&["", "", "x2", "x9"]);
        sim.reset();
        sim.configure("mem=64M streams=lazy");
        sim.fault(&format!("*@{n}{times}={code}"));
        let Some(device) = open(&mut numbers) else { continue };
        let ran = run(text, there(&mut numbers, &device), Limits::new())?;
        tally.faults += u64::from(cudasim::functions().iter().any(|function| sim.hits(function) > 0));
        if !ran.shown.contains("the device has lost") {
            differ(&format!("call {n}{times} fails with {code}"), &here.shown, &ran.shown)?;
        }
        drop(device);
        // What the driver refuses again and again to take back stays with it.
        if times.is_empty() {
            left(sim, before)?;
        } else {
            before = sim.live_bytes(0);
        }
    }
    sim.reset();
    Ok(())
}

/// Memory of the device that was not there `before` has been given back.
fn left(sim: &Sim, before: usize) -> Result<(), String> {
    match sim.live_bytes(0) {
        bytes if bytes <= before => Ok(()),
        bytes => Err(format!("{} bytes of the device were not given back", bytes - before)),
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

fn note(keep: Option<&Path>, file: &str, text: &str) {
    if let Some(folder) = keep {
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(folder.join(file), text))
            .unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    }
}

#[test]
fn random_programs_do_on_the_device_what_they_do_without_it() {
    let Some(sim) = Sim::start("mem=64M") else { return };
    let keep = std::env::var_os("CUDA_FUZZ_KEEP").map(PathBuf::from);
    let time = number("CUDA_FUZZ_SECONDS").map(Duration::from_secs);
    let first = number("CUDA_FUZZ_SEED").unwrap_or(1);
    let count = number("CUDA_FUZZ").unwrap_or(if time.is_some() { u64::MAX / 2 } else { 8 });
    let (start, mut tally, mut findings, mut done) = (Instant::now(), Tally::default(), Vec::new(), 0);
    for seed in first..first.saturating_add(count) {
        let enough = if keep.is_some() { ENOUGH } else { 1 };
        if time.is_some_and(|time| start.elapsed() >= time) || findings.len() >= enough {
            break;
        }
        let text = program::program(&mut Numbers::of_seed(seed));
        // Should the process die, it is this one.
        note(keep.as_deref(), "running.nba", &format!("; seed {seed}\n{text}"));
        let tried = catch_unwind(AssertUnwindSafe(|| attempt(seed, &text, &sim, &mut tally)));
        let tried = tried.unwrap_or_else(|panic| {
            let why = panic.downcast_ref::<String>().cloned();
            Err(format!("panic: {}", why.unwrap_or_else(|| "without a message".to_owned())))
        });
        if let Err(why) = tried {
            let why = format!("CUDA_FUZZ_SEED={seed}: {why}");
            note(keep.as_deref(), &format!("{seed}.nba"), &text);
            note(keep.as_deref(), &format!("{seed}.txt"), &why);
            eprintln!("{why}");
            findings.push(if keep.is_some() { why } else { format!("{why}\n{text}") });
        }
        done += 1;
    }
    println!("{done} programs in {:.0?}: {tally:?}", start.elapsed());
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n\n"));
    assert!(done < 8 || (tally.refused * 4 < done && tally.operations > 10 * done), "{done}: {tally:?}");
}
