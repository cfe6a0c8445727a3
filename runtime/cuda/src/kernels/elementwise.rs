//! Elementwise operations, with broadcasting: shapes made simple, and the text of a kernel for what is left.

use super::{ELEMENTS, Recipe, c_type, mathematics, modular};
use crate::device::{Cuda, Key, address, count, elem_of};
use crate::launch::{Parameters, THREADS, blocks};
use nbc_ir::Elem;
use nbc_runtime::device::{DeviceArg, DeviceCall, DeviceError, DeviceTensor};
use std::fmt::Write;

/// Rows that these kernels compute.
#[rustfmt::skip]
pub(super) const ROWS: &[(&str, Recipe)] = &[
    ("tensor_copy", Recipe::Each("nbc_copy")),
    ("tensor_cast", Recipe::Convert),
    ("tensor_add", Recipe::Each("nbc_add")),
    ("tensor_sub", Recipe::Each("nbc_sub")),
    ("tensor_mul", Recipe::Each("nbc_mul")),
    ("tensor_div", Recipe::Each("nbc_div")),
    ("tensor_rem", Recipe::Each("nbc_rem")),
    ("tensor_floor_div", Recipe::Each("nbc_floor_div")),
    ("tensor_mod", Recipe::Each("nbc_mod")),
    ("tensor_min", Recipe::Each("nbc_min")),
    ("tensor_max", Recipe::Each("nbc_max")),
    ("tensor_neg", Recipe::Each("nbc_neg")),
    ("tensor_abs", Recipe::Each("nbc_abs")),
    ("tensor_sign", Recipe::Each("nbc_sign")),
    ("tensor_eq", Recipe::Each("nbc_eq")),
    ("tensor_ne", Recipe::Each("nbc_ne")),
    ("tensor_lt", Recipe::Each("nbc_lt")),
    ("tensor_le", Recipe::Each("nbc_le")),
    ("tensor_gt", Recipe::Each("nbc_gt")),
    ("tensor_ge", Recipe::Each("nbc_ge")),
    ("tensor_and", Recipe::Each("nbc_and")),
    ("tensor_or", Recipe::Each("nbc_or")),
    ("tensor_xor", Recipe::Each("nbc_xor")),
    ("tensor_not", Recipe::Each("nbc_not")),
    ("tensor_shl", Recipe::Each("nbc_shl")),
    ("tensor_shr", Recipe::Each("nbc_shr")),
    ("tensor_is_nan", Recipe::Each("nbc_is_nan")),
    ("tensor_is_inf", Recipe::Each("nbc_is_inf")),
    ("tensor_is_finite", Recipe::Each("nbc_is_finite")),
    ("tensor_where", Recipe::Each("nbc_where")),
    ("tensor_clip", Recipe::Each("nbc_clip")),
    ("tensor_sqrt", Recipe::Each("nbc_sqrt")),
    ("tensor_ceil", Recipe::Each("nbc_ceil")),
    ("tensor_floor", Recipe::Each("nbc_floor")),
    ("tensor_trunc", Recipe::Each("nbc_trunc")),
    ("tensor_nearest", Recipe::Each("nbc_nearest")),
    ("tensor_outer", Recipe::Outer),
    ("complex_of_parts", Recipe::Each("nbc_complex")),
    ("complex_real", Recipe::Each("nbc_real")),
    ("complex_imag", Recipe::Each("nbc_imag")),
    ("complex_conj", Recipe::Each("nbc_conj")),
    ("complex_abs", Recipe::OfParts("hypot", false)),
    ("complex_angle", Recipe::OfParts("atan2", true)),
    ("complex_exp", Recipe::OfComplex("exp", &["exp", "cos", "sin"])),
    ("complex_sqrt", Recipe::OfComplex("sqrt", &["hypot"])),
    ("tensor_sin", Recipe::Function("sin")),
    ("tensor_cos", Recipe::Function("cos")),
    ("tensor_tan", Recipe::Function("tan")),
    ("tensor_asin", Recipe::Function("asin")),
    ("tensor_acos", Recipe::Function("acos")),
    ("tensor_atan", Recipe::Function("atan")),
    ("tensor_sinh", Recipe::Function("sinh")),
    ("tensor_cosh", Recipe::Function("cosh")),
    ("tensor_tanh", Recipe::Function("tanh")),
    ("tensor_exp", Recipe::Function("exp")),
    ("tensor_exp2", Recipe::Function("exp2")),
    ("tensor_expm1", Recipe::Function("expm1")),
    ("tensor_ln", Recipe::Function("ln")),
    ("tensor_log2", Recipe::Function("log2")),
    ("tensor_log10", Recipe::Function("log10")),
    ("tensor_log1p", Recipe::Function("log1p")),
    ("tensor_cbrt", Recipe::Function("cbrt")),
    ("tensor_erf", Recipe::Function("erf")),
    ("tensor_erfc", Recipe::Function("erfc")),
    ("tensor_lgamma", Recipe::Function("lgamma")),
    ("tensor_tgamma", Recipe::Function("tgamma")),
    ("tensor_pow", Recipe::Function("pow")),
    ("tensor_atan2", Recipe::Function("atan2")),
    ("tensor_hypot", Recipe::Function("hypot")),
];

/// How an argument is read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Reading {
    /// It is a parameter: one element for all.
    Value,
    /// One element in the device's memory for all.
    One,
    /// An element for each of the result.
    Same,
    /// By strides along the axes that are left.
    Strided,
}

/// What a kernel is written for, besides operation and elements.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Layout {
    /// How each argument is read.
    pub(crate) readings: Vec<Reading>,
    /// Axes that are left; 0 where nothing is strided.
    pub(crate) rank: usize,
}

/// Dims and strides after axes that go together have been made one.
#[derive(Debug)]
pub(crate) struct Walk {
    pub(crate) dims: Vec<u64>,
    /// Of each argument, for each of the dims.
    pub(crate) strides: Vec<Vec<u64>>,
}

impl Walk {
    /// For a result of `dims` and arguments of those dims, which go with it.
    pub(crate) fn new(dims: &[u64], args: &[&[u64]]) -> Walk {
        let mut walk = Walk { dims: Vec::new(), strides: vec![Vec::new(); args.len()] };
        // From the last axis on; strides are those of row-major elements, or 0 where one is repeated.
        let mut step = vec![1; args.len()];
        let mut last: Option<u64> = None;
        for (from_last, dim) in dims.iter().rev().enumerate() {
            let strides: Vec<u64> = args
                .iter()
                .zip(&mut step)
                .map(|(arg, step)| {
                    let own = arg.iter().rev().nth(from_last).copied().unwrap_or(1);
                    let stride = if own == 1 { 0 } else { *step };
                    *step *= own;
                    stride
                })
                .collect();
            if *dim == 1 {
                continue;
            }
            let goes_on =
                |at: usize, inner: u64| walk.strides[at].last().is_some_and(|s| strides[at] == s * inner);
            match last {
                Some(inner) if (0..args.len()).all(|at| goes_on(at, inner)) => {
                    let merged = walk.dims.last_mut().expect("one is there");
                    *merged *= dim;
                    last = Some(*merged);
                }
                _ => {
                    walk.dims.push(*dim);
                    walk.strides.iter_mut().zip(&strides).for_each(|(all, s)| all.push(*s));
                    last = Some(*dim);
                }
            }
        }
        walk.dims.reverse();
        walk.strides.iter_mut().for_each(|strides| strides.reverse());
        walk
    }

    /// How argument `at` is read, if it is in the device's memory.
    pub(crate) fn reading(&self, at: usize) -> Reading {
        let strides = &self.strides[at];
        match self.dims.len() {
            _ if strides.iter().all(|s| *s == 0) => Reading::One,
            1 => Reading::Same,
            _ => {
                let mut all = 1;
                let is_whole = self.dims.iter().zip(strides).rev().all(|(dim, stride)| {
                    let fits = *stride == all;
                    all *= dim;
                    fits
                });
                if is_whole { Reading::Same } else { Reading::Strided }
            }
        }
    }
}

/// Arithmetic modulo a number.
pub(super) const MODULAR: &str = include_str!("modular.cuh");

/// The expression of one element of such a result, of arguments with these names.
pub(super) fn expression(recipe: Recipe, names: &[String], result: Elem) -> String {
    let (all, of) = (names.join(", "), c_type(result));
    match recipe {
        Recipe::Each(function) => format!("{function}({all})"),
        Recipe::Convert => format!("nbc_to<{of}>::of({all})"),
        Recipe::Function(name) => format!("nbc_{name}_{of}({all})"),
        Recipe::OfParts(name, swapped) => {
            let parts = if swapped { ["im", "re"] } else { ["re", "im"] };
            format!("nbc_{name}_{of}({all}.{}, {all}.{})", parts[0], parts[1])
        }
        Recipe::OfComplex(name, _) => format!("nbc_complex_{name}({all})"),
        Recipe::Modular(name) => {
            let modulus = all.rsplit(", ").next().unwrap_or_default();
            let of = all.strip_suffix(modulus).unwrap_or_default();
            let modulus = format!("nbc_modulus_of({modulus}, divisor, reciprocal, shift)");
            format!("nbc_modular_{name}({of}{modulus})")
        }
        _ => unreachable!("not elementwise"),
    }
}

/// The function `nbc_complex_exp` or `nbc_complex_sqrt`, and the functions of parts that it calls.
fn complex_text(name: &str, of_parts: &[&str], elem: Elem) -> String {
    // Largest and smallest parts whose squares are safe, the power of 4 and of 2 between, and twice the largest exponent.
    let (part, numbers) = match elem {
        Elem::C64 => ("f32", ["0x1.fffffep125f", "0x1p-103f", "0x1p24f", "0x1p-12f", "256"]),
        _ => ("f64", ["0x1.fffffffffffffp1021", "0x1p-970", "0x1p52", "0x1p-26", "2048"]),
    };
    let (infinite, nan) = match elem {
        Elem::C64 => ("__int_as_float(0x7f800000)", "__int_as_float(0x7fc00000)"),
        _ => ("__longlong_as_double(0x7ff0000000000000LL)", "__longlong_as_double(0x7ff8000000000000LL)"),
    };
    let mut text = mathematics::texts(of_parts, part);
    let [large, small, up, back, far] = numbers;
    let which = if name == "exp" { "#define NBC_EXP\n" } else { "" };
    write!(
        text,
        "{which}#define NBC_C {}\n#define NBC_P {part}\n#define NBC_OF(f) nbc_##f##_{part}\n#define NBC_INF {infinite}\n\
         #define NBC_NAN {nan}\n#define NBC_LARGE {large}\n#define NBC_SMALL {small}\n#define NBC_UP {up}\n\
         #define NBC_BACK {back}\n#define NBC_FAR {far}\n{}",
        c_type(elem),
        include_str!("complex.cuh")
    )
    .expect("a string takes all");
    text
}

/// The kernel `nbc_each`. Its parameters: the result, the arguments, the number of elements, and where something is
/// strided the dims and each strided argument's strides; of a modulus what `modular.cuh` wants of it.
pub(crate) fn text(recipe: Recipe, args: &[Elem], result: Elem, layout: &Layout) -> String {
    let names: Vec<String> = ["a", "b", "c"].iter().take(args.len()).map(|n| (*n).to_owned()).collect();
    let expression = expression(recipe, &names, result);
    let before = match recipe {
        Recipe::Function(name) | Recipe::OfParts(name, _) => mathematics::text(name, c_type(result)),
        Recipe::OfComplex(name, of_parts) => complex_text(name, of_parts, result),
        Recipe::Modular(_) => MODULAR.to_owned(),
        _ => String::new(),
    };
    let (mut params, mut walk, mut reads) = (String::new(), String::new(), String::new());
    let of = c_type(result);
    for (at, (elem, reading)) in args.iter().zip(&layout.readings).enumerate() {
        let (name, elem) = (["a", "b", "c"][at], c_type(*elem));
        match reading {
            Reading::Value => write!(params, ", {elem} {name}"),
            _ => write!(params, ", const {elem} *p{name}"),
        }
        .expect("a string takes all");
        match reading {
            Reading::Value => Ok(()),
            Reading::One => writeln!(reads, "    {elem} {name} = *p{name};"),
            Reading::Same => writeln!(reads, "    {elem} {name} = p{name}[i];"),
            Reading::Strided => writeln!(reads, "    {elem} {name} = p{name}[at_{name}];"),
        }
        .expect("a string takes all");
    }
    let strided: Vec<&str> = ["a", "b", "c"]
        .into_iter()
        .zip(&layout.readings)
        .filter_map(|(name, reading)| (*reading == Reading::Strided).then_some(name))
        .collect();
    let mut more = String::new();
    if layout.rank > 0 {
        walk.push_str("    i64 left = i, index;\n");
        strided.iter().for_each(|name| walk += &format!("    i64 at_{name} = 0;\n"));
        (0..layout.rank).for_each(|axis| more += &format!(", i64 d{axis}"));
        for name in &strided {
            (0..layout.rank).for_each(|axis| more += &format!(", i64 {name}{axis}"));
        }
        for axis in (0..layout.rank).rev() {
            walk += &format!("    index = left % d{axis};\n    left /= d{axis};\n");
            strided.iter().for_each(|name| walk += &format!("    at_{name} += index * {name}{axis};\n"));
        }
    }
    if matches!(recipe, Recipe::Modular(_)) {
        more.push_str(", u64 divisor, u64 reciprocal, u64 shift");
    }
    format!(
        "{ELEMENTS}{before}\
         extern \"C\" __global__ void __launch_bounds__(256) nbc_each({of} *to{params}, i64 n{more}) {{\n  \
         for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < n; i += (i64)gridDim.x * 256) {{\n\
         {walk}{reads}    to[i] = {expression};\n  }}\n}}\n"
    )
}

impl Cuda {
    /// An operation on elements of each place.
    pub(crate) fn run_each(&self, recipe: Recipe, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let shapes: Vec<&[u64]> = call.args.iter().map(DeviceArg::dims).collect();
        let walk = Walk::new(call.result.dims, &shapes);
        let tensor_elem =
            call.args.iter().find_map(elem_of).ok_or_else(|| DeviceError("no tensor".to_owned()))?;
        let (mut readings, mut elems) = (Vec::new(), Vec::new());
        for (at, arg) in call.args.iter().enumerate() {
            readings.push(match arg {
                DeviceArg::Scalar(..) => Reading::Value,
                DeviceArg::Bytes { bytes, elem, .. } if bytes.len() == elem.size() => Reading::Value,
                _ => walk.reading(at),
            });
            // A scalar is an element of the tensors' type, that of the last one, for the first may be truth values.
            let others = || call.args.iter().rev().find_map(elem_of).unwrap_or(tensor_elem);
            elems.push(elem_of(arg).or_else(|| call.elems.first().copied()).unwrap_or_else(others));
        }
        let is_strided = readings.contains(&Reading::Strided);
        let layout = Layout { readings, rank: if is_strided { walk.dims.len() } else { 0 } };
        let key_elems = elems.iter().copied().chain([call.result.elem]).collect();
        let key = Key { operation: call.operation.index(), elems: key_elems, layout: Some(layout.clone()) };
        let made = || text(recipe, &elems, call.result.elem, &layout);
        let code = self.kernel(key, &[c"nbc_each"], made)?;
        let n = count(call.result.dims);
        let mut parameters = Parameters::default();
        parameters.address(address(call));
        let mut held = Vec::new();
        let mut bytes = n.saturating_mul(call.result.elem.size() as u64);
        for ((arg, reading), elem) in call.args.iter().zip(&layout.readings).zip(&elems) {
            match (reading, arg) {
                (Reading::Value, DeviceArg::Scalar(bits, _)) => {
                    parameters.element(&bits.to_le_bytes()[..elem.size()]);
                }
                (Reading::Value, DeviceArg::Bytes { bytes, .. }) => parameters.element(bytes),
                _ => {
                    let (address, scratch) = self.sent(arg)?;
                    parameters.address(address);
                    held.extend(scratch);
                    bytes = bytes.saturating_add(count(arg.dims()).saturating_mul(elem.size() as u64));
                }
            }
        }
        parameters.numbers(&[n]);
        if is_strided {
            parameters.numbers(&walk.dims);
            for (strides, reading) in walk.strides.iter().zip(&layout.readings) {
                if *reading == Reading::Strided {
                    parameters.numbers(strides);
                }
            }
        }
        if matches!(recipe, Recipe::Modular(_)) {
            parameters.numbers(&modular::told(modular::modulus(call)?));
        }
        // SAFETY: the kernel was written for that layout. Arguments have the elements that it reads, which the
        // caller says, and memory goes back in the stream's order.
        unsafe { self.launch(parameters, code.functions[0], (blocks(n.div_ceil(THREADS)), 1, 1))? };
        self.pace(bytes, call.must_stop)
    }
}

impl Cuda {
    /// The product of each element of the first tensor, for rows, and each of the second.
    pub(crate) fn run_outer(&self, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let [rows, columns] = call.args else { return Err(DeviceError("two tensors".to_owned())) };
        let (tall, wide) = ([count(rows.dims()), 1], [count(columns.dims())]);
        let args = [with_dims(rows, &tall), with_dims(columns, &wide)];
        self.run_each(Recipe::Each("nbc_mul"), &DeviceCall { args: &args, ..*call })
    }
}

/// A tensor with other dims.
fn with_dims<'a>(arg: &DeviceArg<'a>, dims: &'a [u64]) -> DeviceArg<'a> {
    match *arg {
        DeviceArg::Tensor(tensor) => DeviceArg::Tensor(DeviceTensor { dims, ..tensor }),
        DeviceArg::Bytes { bytes, elem, .. } => DeviceArg::Bytes { bytes, elem, dims },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_that_go_together_are_one() {
        let walk = Walk::new(&[4, 5, 6], &[&[4, 5, 6], &[5, 6], &[6], &[4, 1, 1], &[]]);
        assert_eq!(walk.dims, [4, 5, 6]);
        let walk = Walk::new(&[4, 5, 6], &[&[4, 5, 6], &[5, 6], &[]]);
        assert_eq!(walk.dims, [4, 30]);
        assert_eq!(walk.strides, [vec![30, 1], vec![0, 1], vec![0, 0]]);
        let readings: Vec<Reading> = (0..3).map(|at| walk.reading(at)).collect();
        assert_eq!(readings, [Reading::Same, Reading::Strided, Reading::One]);
        let walk = Walk::new(&[4, 1, 6], &[&[4, 1, 6], &[1]]);
        assert_eq!(walk.dims, [24]);
        assert_eq!((walk.reading(0), walk.reading(1)), (Reading::Same, Reading::One));
    }
}
