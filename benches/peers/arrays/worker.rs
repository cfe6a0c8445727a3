//! NBC's side of `benches/peers/arrays/run`: a process that is told line by line what to run,
//! and answers each line with one. The lines: `harness/workers.py`.
//!
//! A program runs as in any host: its arrays are lent for the call. Functions are compiled when
//! they are first called, so what is timed later is the steady state.
//!
//!     worker THREADS

use nbc::jit::{Mode, Options};
use nbc::{ArgRef, Config, Engine, Instance, Linker, OwnedTensor, Value, npy};
use std::fs::File;
use std::io::{BufRead, BufWriter, Write};
use std::time::Instant;

type Answer = Result<String, String>;

/// What `prepare` has made ready.
#[derive(Default)]
struct Work {
    instance: Option<Instance>,
    /// Type and number of elements of the arrays.
    key: (String, usize),
    /// `x`, `y` and `m`.
    arrays: Vec<Value>,
    /// What the program makes of them before anything is timed.
    made: Vec<Value>,
}

fn main() -> std::io::Result<()> {
    let threads = std::env::args().nth(1).and_then(|word| word.parse().ok());
    let Some(threads) = threads.filter(|n| *n > 0) else {
        eprintln!("usage: worker THREADS, for benches/peers/arrays/run");
        std::process::exit(2);
    };
    let options = Options::new().mode(Mode::Always).background(false);
    let engine = Engine::new(Config::new().jit(options).threads(threads));
    let mut work = Work::default();
    let mut out = std::io::stdout();
    writeln!(out, "ready")?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let answer = match line.split('\t').collect::<Vec<_>>()[..] {
            ["prepare", path, elem, size] => work.prepare(&engine, path, elem, size),
            ["save", path] => work.save(path),
            ["time", iterations] => work.time(iterations),
            _ => Err(format!("no such request: {line}")),
        };
        let text = answer.unwrap_or_else(|why| format!("error: {}", why.replace('\n', " ")));
        writeln!(out, "{text}")?;
        out.flush()?;
    }
    Ok(())
}

impl Work {
    fn prepare(&mut self, engine: &Engine, path: &str, elem: &str, size: &str) -> Answer {
        let size = size.parse().map_err(|_| format!("{size} is no number of elements"))?;
        let key = (elem.to_owned(), size);
        if self.key != key {
            self.arrays = arrays(elem, size).ok_or("no memory for the arrays")?;
            self.key = key;
        }
        let text = std::fs::read(path).map_err(|e| format!("{path}: {e}"))?;
        let program = engine.read(&text, path).map_err(|e| e.to_string())?;
        self.instance = Some(Linker::new().instantiate(&program).map_err(|e| e.to_string())?);
        self.made.clear();
        if program.module().exported_func("before").is_some() {
            let made = self.call("before", &[])?;
            self.made.push(made);
        }
        Ok("ready".to_owned())
    }

    fn call(&mut self, name: &str, more: &[ArgRef<'_>]) -> Result<Value, String> {
        let instance = self.instance.as_mut().ok_or("nothing is prepared")?;
        let lent = self.arrays.iter().chain(&self.made).map(ArgRef::Value);
        let args: Vec<ArgRef<'_>> = lent.chain(more.iter().copied()).collect();
        let results = instance.call_lending(name, &args).map_err(|e| e.to_string())?;
        results.into_iter().next().ok_or_else(|| "no result".to_owned())
    }

    /// Writes the result to a file; a number is an array without dims.
    fn save(&mut self, path: &str) -> Answer {
        let tensor = match self.call("once", &[])? {
            Value::Tensor(tensor) => Some(tensor),
            Value::F64(x) => OwnedTensor::from_slice(&[], &[x]),
            Value::F32(x) => OwnedTensor::from_slice(&[], &[x]),
            Value::I64(x) => OwnedTensor::from_slice(&[], &[x]),
            other => return Err(format!("a result that cannot be saved: {other:?}")),
        };
        let tensor = tensor.ok_or("no memory for the result")?;
        let mut file = BufWriter::new(File::create(path).map_err(|e| format!("{path}: {e}"))?);
        npy::write(&mut file, &tensor).and_then(|()| file.flush()).map_err(|e| format!("{path}: {e}"))?;
        Ok("saved".to_owned())
    }

    /// Seconds of so many iterations.
    fn time(&mut self, iterations: &str) -> Answer {
        let n: i64 = iterations.parse().map_err(|_| format!("{iterations} is no number"))?;
        let began = Instant::now();
        std::hint::black_box(self.call("repeat", &[ArgRef::Value(&Value::I64(n))])?);
        Ok(format!("{:?}", began.elapsed().as_secs_f64()))
    }
}

/// Numbers from 0 to 1, by SplitMix64: what `harness/peer.py` makes, bit for bit.
fn random(size: usize, seed: u64) -> impl Iterator<Item = f64> {
    (1..=size as u64).map(move |i| {
        let z = i.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(seed);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 * 2f64.powi(-53)
    })
}

/// `x` and `y` from 0.1 to 4, and `m`, true about half the time.
fn arrays(elem: &str, size: usize) -> Option<Vec<Value>> {
    let dims = [size as u64];
    let numbers = |seed| random(size, seed).map(|u| 0.1 + 3.9 * u);
    let mut made = Vec::new();
    for seed in [1, 2] {
        made.push(match elem {
            "f32" => OwnedTensor::from_slice(&dims, &numbers(seed).map(|v| v as f32).collect::<Vec<_>>())?,
            _ => OwnedTensor::from_slice(&dims, &numbers(seed).collect::<Vec<_>>())?,
        });
    }
    made.push(OwnedTensor::from_slice(&dims, &random(size, 3).map(|u| u < 0.5).collect::<Vec<_>>())?);
    Some(made.into_iter().map(Value::Tensor).collect())
}
