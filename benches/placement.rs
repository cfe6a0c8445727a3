//! What placement's decisions cost beside the best pinned ones: its *regret*.
//!
//! For each operation and size: one engine that decides, one pinned to one core, one to all. After warm-up they
//! take turns, and medians are compared. Bar: a regret of at most 10 % in the mean of each operation.
//!
//! `NBC_RATES` may name a file of rates (`nbc info --calibrate`); without it they are measured first. `NBC_SIZES`
//! says how many sizes, 40 if it does not. By itself, `cargo test` runs one size of each.

use nbc::placement::{Cores, Rates, calibrate};
use nbc::runtime::threads::Threads;
use nbc::{Config, Engine, Instance, Linker, OwnedTensor, Value};
use std::time::{Duration, Instant};

const PROGRAM: &[u8] = b"
export func @add(%x: tensor<f64>) -> tensor<f64> {
  %y = tensor.add %x, %x
  ret %y
}
export func @exp(%x: tensor<f64>) -> tensor<f64> {
  %y = tensor.exp %x
  ret %y
}
export func @sum(%x: tensor<f64>) -> f64 {
  %y = tensor.sum %x
  ret %y
}
export func @chain(%x: tensor<f64>) -> f64 {
  %a = tensor.mul %x, 0.5
  %b = tensor.add %a, %x
  %c = tensor.sqrt %b
  %d = tensor.sub %c, %x
  %s = tensor.sum %d
  ret %s
}
export func @sort(%x: tensor<f64>) -> tensor<f64> {
  %y = tensor.sort %x, 0
  ret %y
}
export func @sort_lanes(%x: tensor<f64>) -> tensor<f64> {
  %y = tensor.sort %x, 1
  ret %y
}
export func @matmul(%x: tensor<f64>) -> tensor<f64> {
  %y = linalg.matmul %x, %x
  ret %y
}
";

/// Functions, with the dims of their smallest and largest argument.
const WORKS: [(&str, &[usize], &[usize]); 7] = [
    ("add", &[1000], &[8_000_000]),
    ("exp", &[1000], &[2_000_000]),
    ("sum", &[1000], &[8_000_000]),
    ("chain", &[1000], &[4_000_000]),
    ("sort", &[100], &[500_000]),
    ("sort_lanes", &[10, 100], &[5000, 100]),
    ("matmul", &[8, 8], &[400, 400]),
];
/// Calls before it counts, so that both choices have been tried.
const WARM: usize = 60;
/// How long all three are measured, and at least how often each.
const FOR: Duration = Duration::from_millis(250);
const RUNS: usize = 15;

fn instance(rates: Rates, cores: Cores) -> Instance {
    let engine = Engine::new(Config::interpret_only().rates(rates).cores(cores));
    let program = engine.read(PROGRAM, "placement.nba").expect("a program");
    Linker::new().instantiate(&program).expect("an instance")
}

fn time(instance: &mut Instance, func: &str, args: &[Value]) -> f64 {
    let since = Instant::now();
    instance.call(func, args).expect("a result");
    since.elapsed().as_secs_f64()
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    let is_bench = std::env::args().any(|a| a == "--bench");
    let sizes: usize = std::env::var("NBC_SIZES").ok().and_then(|n| n.parse().ok()).unwrap_or(40);
    let (sizes, runs, warm) = if is_bench { (sizes.max(2), RUNS, WARM) } else { (2, 1, 1) };
    let rates = match std::env::var("NBC_RATES") {
        Ok(file) => std::fs::read_to_string(file).expect("a file").parse().expect("rates"),
        Err(_) => calibrate(&Threads::default()).expect("rates"),
    };
    print!("{rates}");
    println!(
        "{:12} {:>9} {:>11} {:>11} {:>11} {:>8}",
        "", "elements", "auto us", "one us", "all us", "regret"
    );
    for (func, least, most) in WORKS {
        let (mut worst, mut sum) = (0.0f64, 0.0);
        for size in 0..sizes {
            let part = size as f64 / (sizes - 1) as f64;
            // From one to the other by equal factors.
            let dim =
                |(a, b): (&usize, &usize)| (*a as f64 * (*b as f64 / *a as f64).powf(part)).round() as usize;
            let dims: Vec<usize> = least.iter().zip(most).map(dim).collect();
            let len: usize = dims.iter().product();
            let elements: Vec<f64> = (0..len).map(|i| (i as f64 * 0.618_033_988_75).fract()).collect();
            let dims: Vec<u64> = dims.iter().map(|d| *d as u64).collect();
            let args = [Value::Tensor(OwnedTensor::from_slice(&dims, &elements).expect("memory"))];
            let mut all = [Cores::Auto, Cores::One, Cores::All].map(|cores| instance(rates, cores));
            for instance in &mut all {
                (0..warm).for_each(|_| _ = time(instance, func, &args));
            }
            let mut times = [const { Vec::new() }; 3];
            let since = Instant::now();
            while times[0].len() < runs || is_bench && since.elapsed() < FOR {
                for (instance, times) in all.iter_mut().zip(&mut times) {
                    times.push(time(instance, func, &args));
                }
            }
            let [auto, one, every] = times.each_mut().map(|t| median(t) * 1e6);
            let regret = auto / one.min(every) - 1.0;
            (worst, sum) = (worst.max(regret), sum + regret);
            println!("{func:12} {len:>9} {auto:>11.2} {one:>11.2} {every:>11.2} {:>7.1}%", 100.0 * regret);
        }
        println!("{func:12} mean {:.1} %, worst {:.1} %", 100.0 * sum / sizes as f64, 100.0 * worst);
    }
}
