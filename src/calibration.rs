//! How a machine's rates are measured: by the operations themselves, as placement times them.
//!
//! Each engine here is given rates by which a prediction is an amount of work or of bytes. So what an operation
//! is counted for is known here by nobody but its kernel.
//!
//! ```
//! use nbc::placement::{Cores, Rates};
//! use nbc::{Config, Engine};
//! // Rates that were measured once, and kept somewhere.
//! let kept = Rates::default().to_string();
//! let engine = Engine::new(Config::new().rates(kept.parse()?).cores(Cores::Auto));
//! assert_eq!(engine.placement().rates(), &Rates::default());
//! # Ok::<(), nbc::placement::RatesError>(())
//! ```

use nbc_runtime::backtrace::Trap;
use nbc_runtime::engine::{Config, Engine};
use nbc_runtime::error::Error;
use nbc_runtime::instance::Instance;
use nbc_runtime::linker::Linker;
use nbc_runtime::object::OwnedTensor;
use nbc_runtime::placement::{Candidate, Cores, Decision, Rates};
use nbc_runtime::threads::Threads;
use nbc_runtime::trap::TrapCode;
use nbc_runtime::value::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What is measured: each function ends with the operation that counts.
const PROGRAM: &[u8] = b"
export func @functions(%x: tensor<f64>) -> tensor<f64> {
  %y = tensor.exp %x
  ret %y
}
export func @bytes(%x: tensor<f64>) -> tensor<f64> {
  %y = tensor.add %x, %x
  ret %y
}
export func @products(%x: tensor<f64>) -> tensor<f64> {
  %y = linalg.matmul %x, %x
  ret %y
}
";
/// Elements that lie in the nearest caches,
const NEAR: usize = 1 << 12;
/// that are too many for any cache,
const FAR: usize = 1 << 22;
/// of a product's side,
const SIDE: usize = 384;
/// that all cores have much to do with,
const MUCH: usize = 1 << 20;
/// and that starting them takes about as long as.
const LITTLE: usize = 1 << 15;
/// How long one time is measured.
const FOR: Duration = Duration::from_millis(40);
/// Fewest and most runs, of which the fast ones count: a machine has other things to do.
const RUNS: (usize, usize) = (3, 400);
/// The first runs touch memory for the first time.
const WARM: usize = 2;

/// Measures this machine's rates with those threads, in less than about two seconds.
///
/// # Errors
/// When there is not enough memory.
pub fn calibrate(threads: &Threads) -> Result<Rates, Error> {
    // Rates by which the work of a candidate is predicted as it is: units or bytes for nanoseconds.
    let nothing = Rates { unit: 0.0, product: 0.0, near: 0.0, far: 0.0, start: 0.0, ..Rates::default() };
    let of_work = Rates { unit: 1.0, product: 1.0, ..nothing };
    let of_bytes = Rates { near: 1.0, far: 1.0, ..nothing };
    let mut work = Measured::new(of_work, Cores::One, threads)?;
    let mut bytes = Measured::new(of_bytes, Cores::One, threads)?;

    let mut rates = Rates {
        unit: work.per_predicted("functions", &[NEAR])?,
        product: work.per_predicted("products", &[SIDE, SIDE])?,
        near: bytes.per_predicted("bytes", &[NEAR])?,
        far: bytes.per_predicted("bytes", &[FAR])?,
        ..Rates::default()
    };
    // The most bytes that take rather as long as near ones.
    let between = (rates.near * rates.far).sqrt();
    rates.cache = 0.0;
    let mut len = NEAR;
    while len < FAR && bytes.per_predicted("bytes", &[len])? < between {
        rates.cache = bytes.predicted;
        len *= 2;
    }

    let others = threads.count().saturating_sub(1) as f64;
    if others > 0.0 {
        let mut all = Measured::new(of_work, Cores::All, threads)?;
        let mut gain = |func: &str, len: usize| -> Result<f64, Error> {
            Ok((work.time(func, &[len])? / all.time(func, &[len])?).max(1.0))
        };
        let (arithmetic, far) = (gain("functions", MUCH)?, gain("bytes", FAR)?);
        rates.arithmetic_gain = ((arithmetic - 1.0) / others).min(1.0);
        rates.bytes_gain = ((far - 1.0) / others).min(1.0);
        let (one, all) = (work.time("functions", &[LITTLE])?, all.time("functions", &[LITTLE])?);
        rates.start = (all - one / arithmetic).max(LEAST_START);
    }
    Ok(rates)
}

fn no_memory() -> Trap {
    Trap { error: TrapCode::OutOfMemory.into(), frames: Vec::new(), omitted: 0 }
}

/// Nanoseconds in which no machine has woken a thread and waited for it.
const LEAST_START: f64 = 2000.0;

/// Times of operations, as placement measures them.
struct Measured {
    instance: Instance,
    /// Time and prediction of the last decision.
    last: Arc<Mutex<(f64, f64)>>,
    /// The last prediction.
    predicted: f64,
}

impl Measured {
    fn new(rates: Rates, cores: Cores, threads: &Threads) -> Result<Measured, Error> {
        let last = Arc::new(Mutex::new((0.0, 0.0)));
        let to = last.clone();
        let tell = move |decision: &Decision<'_>| {
            let predicted = decision.candidates.first().map_or(0.0, Candidate::predicted);
            *to.lock().unwrap_or_else(PoisonError::into_inner) = (decision.measured, predicted);
        };
        let config = Config::new().rates(rates).cores(cores).threads(threads.clone()).on_placement(tell);
        let program = Engine::new(config).read(PROGRAM, "calibration")?;
        Ok(Measured { instance: Linker::new().instantiate(&program)?, last, predicted: 0.0 })
    }

    /// Nanoseconds of a function's operation on elements that are all 1.
    fn time(&mut self, func: &str, dims: &[usize]) -> Result<f64, Error> {
        let sides: Vec<u64> = dims.iter().map(|d| *d as u64).collect();
        let ones = OwnedTensor::from_slice(&sides, &vec![1.0f64; dims.iter().product()]);
        let args = [Value::Tensor(ones.ok_or_else(no_memory)?)];
        let (since, mut times) = (Instant::now(), Vec::new());
        while times.len() < RUNS.0 + WARM || times.len() < RUNS.1 && since.elapsed() < FOR {
            self.instance.call(func, &args)?;
            let (time, predicted) = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
            times.push(time);
            self.predicted = predicted;
        }
        times.drain(..WARM);
        times.sort_by(f64::total_cmp);
        // Of the fast ones: the system may have kept all threads on one core meanwhile.
        Ok(times[times.len() / 20])
    }

    /// [`Measured::time`] for each unit, or byte, that was predicted.
    fn per_predicted(&mut self, func: &str, dims: &[usize]) -> Result<f64, Error> {
        Ok(self.time(func, dims)? / self.predicted.max(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_measured_soon_and_are_sane() {
        for threads in [1, 2] {
            let since = Instant::now();
            let rates = calibrate(&Threads::at_most(threads)).unwrap();
            assert!(rates.each().all(|(_, rate, _)| rate.is_finite() && rate >= 0.0), "{rates}");
            assert!(rates.unit > 0.0 && rates.near > 0.0 && rates.far > 0.0, "{rates}");
            assert!(rates.arithmetic_gain <= 1.0 && rates.bytes_gain <= 1.0, "{rates}");
            assert_eq!(rates.to_string().parse(), Ok(rates));
            // About a second, of a machine that does nothing else.
            assert!(since.elapsed() < Duration::from_secs(60));
        }
    }
}
