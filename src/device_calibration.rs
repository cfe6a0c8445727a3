//! How the rates of a device are measured: by chains of operations on it, from the first to the element that comes home.
//!
//! Times of one operation are differences between a chain of several and a chain of one, so that what both wait for does
//! not count. A simulated device is refused: its times mean nothing.
//!
//! ```
//! use nbc::device::NullDevice;
//! use nbc::placement::calibrate_device;
//! use std::sync::Arc;
//! // It is the processor in disguise, so nobody learns anything of it. But it can be measured.
//! let rates = calibrate_device(Arc::new(NullDevice::new()), 1 << 10)?;
//! assert!(rates.launch >= 0.0);
//! # Ok::<(), nbc::device::DeviceError>(())
//! ```

use nbc_ir::catalogue::{Extent, Operation};
use nbc_runtime::device::{Device, DeviceError};
use nbc_runtime::engine::{Config, Engine};
use nbc_runtime::instance::Instance;
use nbc_runtime::linker::Linker;
use nbc_runtime::placement::DeviceRates;
use nbc_runtime::value::Value;
use std::fmt::Write;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::Instant;

/// Operations of the longer chains.
const CHAIN: usize = 9;
/// Of runs the fastest counts, behind one in which kernels are compiled.
const RUNS: usize = 4;
/// Elements that have hardly any work.
const FEW: usize = 1 << 8;

/// Measures a device with tensors of up to so many elements, of 8 bytes each, or 16: what it has to have room for some
/// times over. A good number for a GPU is `1 << 24`.
///
/// # Errors
/// It is simulated, or has failed.
pub fn calibrate_device(device: Arc<dyn Device>, elements: usize) -> Result<DeviceRates, DeviceError> {
    if device.is_simulated() {
        let text = format!("{} is no GPU: its times mean nothing, so nothing is measured", device.name());
        return Err(DeviceError(text));
    }
    let elements = elements.max(FEW);
    let side = ((elements as f64).sqrt() as usize).clamp(16, 4096);
    let (to_device, to_host) = moved(&*device, elements * 8)?;
    let mut of = Measured { device };
    let launch = of.one("tensor.add", "%x", FEW)?;
    let per = |ns: f64, work: u64| (ns - launch).max(0.0) / work.max(1) as f64;
    let flops = |name: &str, dims: &[usize]| {
        let dims: Vec<u64> = dims.iter().map(|d| *d as u64).collect();
        let extent = Extent::new(&dims, 8);
        Operation::find(name).map_or(0, |row| row.cost.work([extent], extent).flops)
    };
    let n = side as u64;
    Ok(DeviceRates {
        launch,
        to_device,
        to_host,
        bytes: per(of.one("tensor.add", "%x", elements)?, 24 * elements as u64),
        unit: per(of.one("tensor.exp", "", elements / 8)?, flops("tensor.exp", &[elements / 8])),
        product: per(of.square("linalg.matmul %y, %x", side)?, n * n * n),
        transform: per(of.transform(elements / 2)?, flops("fft.forward", &[elements / 2])),
        decomposition: per(of.square("linalg.cholesky %x", side)?, flops("linalg.cholesky", &[side, side])),
    })
}

fn failed(why: impl ToString) -> DeviceError {
    DeviceError(why.to_string())
}

/// Nanoseconds of a byte each way.
fn moved(device: &dyn Device, bytes: usize) -> Result<(f64, f64), DeviceError> {
    let memory = device.allocate(bytes).ok_or_else(|| failed("no memory of the device is left"))?;
    let from = vec![1u8; bytes];
    let mut to = vec![MaybeUninit::new(0u8); bytes];
    let mut least = [f64::INFINITY; 2];
    let mut measure = || -> Result<(), DeviceError> {
        for _ in 0..RUNS {
            let since = Instant::now();
            device.to_device(&from, memory)?;
            // One byte back: by then all has been sent.
            device.to_host(memory, &mut to[..1])?;
            least[0] = least[0].min(since.elapsed().as_nanos() as f64);
            let since = Instant::now();
            device.to_host(memory, &mut to)?;
            least[1] = least[1].min(since.elapsed().as_nanos() as f64);
        }
        Ok(())
    };
    let done = measure();
    device.free(memory);
    done.map(|()| (least[0] / bytes as f64, least[1] / bytes as f64))
}

struct Measured {
    device: Arc<dyn Device>,
}

impl Measured {
    /// Nanoseconds of an operation on so many doubles.
    fn one(&mut self, operation: &str, other: &str, n: usize) -> Result<f64, DeviceError> {
        let other = if other.is_empty() { String::new() } else { format!(", {other}") };
        let make = format!("  %x = tensor.full<f64> [{n}], 1e-3\n  %y = tensor.copy %x\n");
        self.chain(&make, &format!("  %y = {operation} %y{other}\n"), "f64")
    }

    /// Nanoseconds of an operation on square matrices, whose diagonals are large enough to be decomposed.
    fn square(&mut self, operation: &str, n: usize) -> Result<f64, DeviceError> {
        let make = format!(
            "  %o = tensor.full<f64> [{n}, {n}], 1e-9\n  %i = linalg.matrix_power %o, 0\n  \
             %x = tensor.add %o, %i\n  %y = tensor.copy %x\n"
        );
        self.chain(&make, &format!("  %y = {operation}\n"), "f64")
    }

    /// Nanoseconds of a transform of so many numbers.
    fn transform(&mut self, n: usize) -> Result<f64, DeviceError> {
        let make = format!(
            "  %o = tensor.full<f64> [{n}], 1e-9\n  %x = complex.of_parts %o, %o\n  %y = tensor.copy %x\n"
        );
        self.chain(&make, "  %y = fft.forward %y, 0\n", "c128")
    }

    /// Nanoseconds of one of the operations that make `%y`.
    fn chain(&mut self, make: &str, operation: &str, elem: &str) -> Result<f64, DeviceError> {
        let mut times = [0.0; 2];
        for (time, len) in times.iter_mut().zip([1, CHAIN]) {
            let mut text = format!("export func @main() -> f64 {{\n{make}");
            (0..len).for_each(|_| text.push_str(operation));
            let real = if elem == "c128" { "  %z = complex.real %y\n" } else { "  %z = tensor.abs %y\n" };
            let end = "  %s = tensor.sum %z\n  ret %s\n}\n";
            write!(text, "{real}{end}").map_err(failed)?;
            let config = Config::new().device(self.device.clone()).fusion(false);
            let program = Engine::new(config).read(text.as_bytes(), "calibration").map_err(failed)?;
            let mut instance = Linker::new().instantiate(&program).map_err(failed)?;
            *time = least(&mut instance)?;
        }
        Ok((times[1] - times[0]).max(0.0) / (CHAIN - 1) as f64)
    }
}

/// Nanoseconds of the fastest run.
fn least(instance: &mut Instance) -> Result<f64, DeviceError> {
    let mut least = f64::INFINITY;
    for run in 0..=RUNS {
        let since = Instant::now();
        let results = instance.call("main", &[]).map_err(failed)?;
        debug_assert!(matches!(results[..], [Value::F64(_)]));
        if run > 0 {
            least = least.min(since.elapsed().as_nanos() as f64);
        }
    }
    Ok(least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nbc_runtime::device::null::NullDevice;

    #[test]
    fn a_device_is_measured_and_its_rates_are_sane() {
        let rates = calibrate_device(Arc::new(NullDevice::new()), 1 << 14).unwrap();
        assert!(rates.each().all(|(_, rate, _)| rate.is_finite() && rate >= 0.0), "{rates}");
        assert!(rates.to_device > 0.0 && rates.to_host > 0.0, "{rates}");
        assert_eq!(rates.to_string().parse(), Ok(rates));
        let broken = calibrate_device(Arc::new(NullDevice::losing(3)), 1 << 10);
        assert!(broken.is_err());
    }
}
