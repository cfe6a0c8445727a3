//! Folding along an axis, or all elements: text of the kernels.

use super::{ELEMENTS, Recipe, c_type};
use crate::device::{Cuda, Key, address, count, elem_of};
use crate::launch::{Parameters, blocks};
use nbc_ir::{Elem, Type};
use nbc_runtime::device::{DeviceArg, DeviceCall, DeviceError};

/// Rows that these kernels compute.
#[rustfmt::skip]
pub(super) const ROWS: &[(&str, Recipe)] = &[
    ("tensor_sum", Recipe::Fold(Fold::Sum)),
    ("tensor_prod", Recipe::Fold(Fold::Product)),
    ("tensor_reduce_min", Recipe::Fold(Fold::Smallest)),
    ("tensor_reduce_max", Recipe::Fold(Fold::Largest)),
    ("tensor_mean", Recipe::Fold(Fold::Mean)),
    ("tensor_any", Recipe::Fold(Fold::Any)),
    ("tensor_all", Recipe::Fold(Fold::All)),
    ("tensor_count_nonzero", Recipe::Fold(Fold::Count)),
    ("tensor_sum_axis", Recipe::Fold(Fold::Sum)),
    ("tensor_prod_axis", Recipe::Fold(Fold::Product)),
    ("tensor_min_axis", Recipe::Fold(Fold::Smallest)),
    ("tensor_max_axis", Recipe::Fold(Fold::Largest)),
    ("tensor_mean_axis", Recipe::Fold(Fold::Mean)),
    ("tensor_argmin_axis", Recipe::Best(false)),
    ("tensor_argmax_axis", Recipe::Best(true)),
];

/// Elements of a block, as docs/numerics.md has it.
pub(crate) const BLOCK: u64 = 4096;

/// What elements are folded to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Fold {
    Sum,
    Product,
    Smallest,
    Largest,
    Mean,
    Any,
    All,
    Count,
}

/// The least and the largest number of a type, in CUDA C.
fn ends(elem: Elem) -> (&'static str, &'static str) {
    match elem {
        Elem::U8 => ("(u8)0", "(u8)255"),
        Elem::I32 => ("(-2147483647 - 1)", "2147483647"),
        Elem::I64 => ("(-9223372036854775807LL - 1)", "9223372036854775807LL"),
        Elem::F32 => ("__int_as_float((int)0xff800000u)", "__int_as_float(0x7f800000)"),
        _ => (
            "__longlong_as_double((i64)0xfff0000000000000ULL)",
            "__longlong_as_double((i64)0x7ff0000000000000ULL)",
        ),
    }
}

/// What kernels are written with that fold elements of type `from` to such of type `to`.
pub(super) fn definitions(fold: Fold, from: Elem, to: Elem) -> String {
    let (least, largest) = ends(to);
    let (neutral, combine) = match fold {
        Fold::Sum | Fold::Mean | Fold::Count => ("0", "nbc_add(a, b)"),
        Fold::Product => ("1", "nbc_mul(a, b)"),
        Fold::Smallest => (largest, "nbc_min(a, b)"),
        Fold::Largest => (least, "nbc_max(a, b)"),
        Fold::Any => ("false", "nbc_or(a, b)"),
        Fold::All => ("true", "nbc_and(a, b)"),
    };
    let get = if fold == Fold::Count { "(i64)nbc_is_set(x)" } else { "(NBC_T)(x)" };
    let finish = if fold == Fold::Mean { "((x) / (NBC_T)(n))" } else { "(x)" };
    format!(
        "#define NBC_T {}\n#define NBC_FROM {}\n#define NBC_NEUTRAL ((NBC_T){neutral})\n\
         static __device__ __forceinline__ NBC_T nbc_combine(NBC_T a, NBC_T b) {{ return {combine}; }}\n\
         #define NBC_COMBINE(a, b) nbc_combine(a, b)\n#define NBC_GET(x) {get}\n\
         #define NBC_FINISH(x, n) {finish}\n",
        c_type(to),
        c_type(from),
    )
}

/// The kernels `nbc_first` and `nbc_next`, which fold elements of type `from` to such of type `to`.
pub(crate) fn text(fold: Fold, from: Elem, to: Elem) -> String {
    format!("{ELEMENTS}{}{}", definitions(fold, from, to), include_str!("fold.cuh"))
}

/// The kernel `nbc_best`, of elements of that type.
pub(crate) fn best_text(elem: Elem, largest: bool) -> String {
    let beats = if largest { ">" } else { "<" };
    format!(
        "{ELEMENTS}#define NBC_T {}\n#define NBC_BEATS(a, b) ((a) {beats} (b))\n{}",
        c_type(elem),
        include_str!("best.cuh")
    )
}

impl Cuda {
    /// Folds by levels of blocks.
    pub(crate) fn run_fold(&self, fold: Fold, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let (Lines { outer, n, inner }, elem) = lines(call)?;
        let (from, _held) = self.sent(&call.args[0])?;
        let to = call.result.elem;
        let key = Key { operation: call.operation.index(), elems: vec![elem, to], layout: None };
        let code = self.kernel(key, &[c"nbc_first", c"nbc_next"], || text(fold, elem, to))?;
        // One piece of memory holds what all levels but the last come to.
        let mut levels = vec![n.div_ceil(BLOCK)];
        while levels[levels.len() - 1] > 1 {
            levels.push(levels[levels.len() - 1].div_ceil(BLOCK));
        }
        let results = outer * inner;
        let between: u64 = levels[..levels.len() - 1].iter().map(|blocks| blocks * results).sum();
        let scratch = match between {
            0 => None,
            _ => Some(self.scratch(between as usize * to.size())?),
        };
        let mut next = scratch.as_ref().map_or(0, |s| s.address);
        let (mut read, mut len) = (from, n);
        for (level, blocks_of_each) in levels.iter().enumerate() {
            let is_last = level + 1 == levels.len();
            let write = if is_last { address(call) } else { next };
            let mut parameters = Parameters::default();
            parameters.address(write);
            parameters.address(read);
            parameters.numbers(&[outer, len, inner, n, is_last as u64]);
            let groups = blocks_of_each * results;
            // SAFETY: the kernel reads so many elements, which are there, and writes one for each block.
            unsafe {
                self.launch(
                    parameters,
                    code.functions[(level > 0) as usize],
                    (blocks(groups.div_ceil(16)), 1, 1),
                )?
            };
            next += groups * to.size() as u64;
            (read, len) = (write, *blocks_of_each);
        }
        self.pace((outer * n * inner).saturating_mul(elem.size() as u64), call.must_stop)
    }

    /// Indices of the best.
    pub(crate) fn run_best(&self, largest: bool, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let (Lines { outer, n, inner }, elem) = lines(call)?;
        let (from, _held) = self.sent(&call.args[0])?;
        let key = Key { operation: call.operation.index(), elems: vec![elem], layout: None };
        let code = self.kernel(key, &[c"nbc_best"], || best_text(elem, largest))?;
        let mut parameters = Parameters::default();
        parameters.address(address(call));
        parameters.address(from);
        parameters.numbers(&[outer, n, inner]);
        // SAFETY: as for folding.
        unsafe { self.launch(parameters, code.functions[0], (blocks((outer * inner).div_ceil(16)), 1, 1))? };
        self.pace((outer * n * inner).saturating_mul(elem.size() as u64), call.must_stop)
    }
}

/// What is folded: elements as [outer, n, inner].
struct Lines {
    outer: u64,
    n: u64,
    inner: u64,
}

fn lines(call: &DeviceCall<'_>) -> Result<(Lines, Elem), DeviceError> {
    let wrong = || DeviceError("nothing that can be folded".to_owned());
    let tensor = &call.args[0];
    let elem = elem_of(tensor).ok_or_else(wrong)?;
    let dims = tensor.dims();
    let lines = match call.args.get(1) {
        None => Lines { outer: 1, n: count(dims), inner: 1 },
        Some(DeviceArg::Scalar(axis, Type::I64)) => {
            let axis = usize::try_from(*axis).ok().filter(|axis| *axis < dims.len()).ok_or_else(wrong)?;
            Lines { outer: count(&dims[..axis]), n: dims[axis], inner: count(&dims[axis + 1..]) }
        }
        Some(_) => return Err(wrong()),
    };
    if lines.n == 0 { Err(wrong()) } else { Ok((lines, elem)) }
}
