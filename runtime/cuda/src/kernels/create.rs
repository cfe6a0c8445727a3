//! Tensors made from no tensor: random numbers, and numbers in even steps.
//!
//! Each element is a function of its index, so that any thread makes any of them; the generator is the processor's.

use super::{ELEMENTS, Recipe, c_type, mathematics};
use crate::device::{Cuda, Key, address, count};
use crate::launch::{Parameters, THREADS, blocks};
use nbc_ir::Elem;
use nbc_runtime::device::{DeviceArg, DeviceCall, DeviceError};

/// Rows that these kernels compute.
#[rustfmt::skip]
pub(super) const ROWS: &[(&str, Recipe)] = &[
    ("tensor_linspace", Recipe::Create(Create::Linspace)),
    ("tensor_arange", Recipe::Create(Create::Arange)),
    ("tensor_random", Recipe::Create(Create::Random)),
    ("tensor_random_normal", Recipe::Create(Create::RandomNormal)),
];

/// What is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Create {
    Linspace,
    Arange,
    Random,
    RandomNormal,
}

/// The kernel `nbc_create`.
fn text(which: Create, elem: Elem) -> String {
    let of = c_type(elem);
    let is_float = matches!(elem, Elem::F32 | Elem::F64);
    let uniform = format!("nbc_unit_{of}(seed, i)");
    let value = match which {
        Create::Random => &uniform,
        Create::RandomNormal => "nbc_normal(seed, i)",
        Create::Linspace => "nbc_spaced(i, start, end, step, last, is_far)",
        Create::Arange if is_float => "start + (f64)(i) * step",
        // Integers wrap: the first is in `seed`, the step in `last`.
        Create::Arange => "(unsigned long long)seed + (unsigned long long)last * (unsigned long long)(i)",
    };
    let before = match which {
        Create::RandomNormal => mathematics::texts(&["ln", "sin", "cos"], "f64") + "#define NBC_NORMAL\n",
        _ => String::new(),
    };
    let kernel = include_str!("create.cuh");
    format!("{ELEMENTS}{before}#define NBC_T {of}\n#define NBC_VALUE(i) ({value})\n{kernel}")
}

/// The bits of scalar argument `at`.
fn bits(call: &DeviceCall<'_>, at: usize) -> Result<u64, DeviceError> {
    match call.args.get(at) {
        Some(DeviceArg::Scalar(bits, _)) => Ok(*bits),
        _ => Err(DeviceError("a scalar is wanted".to_owned())),
    }
}

impl Cuda {
    /// Makes a tensor from none.
    pub(crate) fn run_create(&self, which: Create, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let (n, elem) = (count(call.result.dims), call.result.elem);
        let number = |at| -> Result<f64, DeviceError> {
            let bits = bits(call, at)?;
            Ok(if elem == Elem::F32 { f64::from(f32::from_bits(bits as u32)) } else { f64::from_bits(bits) })
        };
        let (mut seed, mut last, mut is_far) = (0, 0, false);
        let (mut start, mut end, mut step) = (0.0, 0.0, 0.0);
        match which {
            Create::Random | Create::RandomNormal => seed = bits(call, 1)?,
            Create::Arange if matches!(elem, Elem::F32 | Elem::F64) => {
                (start, step) = (number(0)?, number(2)?)
            }
            Create::Arange => (seed, last) = (bits(call, 0)?, bits(call, 2)?),
            Create::Linspace => {
                (start, end) = (number(0)?, number(1)?);
                // One value alone has nothing behind it.
                let count = n.max(2) - 1;
                let span: f64 = end - start;
                is_far = span.is_infinite() && start.is_finite() && end.is_finite();
                step = if is_far { end / count as f64 - start / count as f64 } else { span / count as f64 };
                last = n - 1;
            }
        }
        let key = Key { operation: call.operation.index(), elems: vec![elem], layout: None };
        let code = self.kernel(key, &[c"nbc_create"], || text(which, elem))?;
        let mut parameters = Parameters::default();
        parameters.address(address(call));
        parameters.numbers(&[n, seed, start.to_bits(), end.to_bits(), step.to_bits(), last, is_far as u64]);
        // SAFETY: the result has so many elements.
        unsafe { self.launch(parameters, code.functions[0], (blocks(n.div_ceil(THREADS)), 1, 1))? };
        self.pace(n.saturating_mul(elem.size() as u64), call.must_stop)
    }
}
