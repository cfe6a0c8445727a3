//! Folding along axes, or all elements: sums and what is made of them, smallest and largest, and where those are.
//!
//! Elements are folded as [outer, n, inner]. Where axes that are folded are no neighbours, elements are put into that
//! order before, in memory of their own; the order in which they are folded stays row-major.

use super::{ELEMENTS, Recipe, c_type};
use crate::device::{Cuda, Key, Scratch, address, count, elem_of};
use crate::launch::{Parameters, THREADS, blocks};
use nbc_ir::catalogue::Operation;
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
    ("tensor_dot", Recipe::Fold(Fold::Dot)),
    ("tensor_sum_axis", Recipe::Fold(Fold::Sum)),
    ("tensor_prod_axis", Recipe::Fold(Fold::Product)),
    ("tensor_min_axis", Recipe::Fold(Fold::Smallest)),
    ("tensor_max_axis", Recipe::Fold(Fold::Largest)),
    ("tensor_mean_axis", Recipe::Fold(Fold::Mean)),
    ("tensor_sum_axes", Recipe::Fold(Fold::Sum)),
    ("tensor_prod_axes", Recipe::Fold(Fold::Product)),
    ("tensor_min_axes", Recipe::Fold(Fold::Smallest)),
    ("tensor_max_axes", Recipe::Fold(Fold::Largest)),
    ("tensor_mean_axes", Recipe::Fold(Fold::Mean)),
    ("tensor_any_axes", Recipe::Fold(Fold::Any)),
    ("tensor_all_axes", Recipe::Fold(Fold::All)),
    ("tensor_count_nonzero_axes", Recipe::Fold(Fold::Count)),
    ("tensor_var", Recipe::Fold(Fold::Variance)),
    ("tensor_std", Recipe::Fold(Fold::Deviation)),
    ("tensor_norm", Recipe::Norm),
    ("tensor_var_axes", Recipe::Fold(Fold::Variance)),
    ("tensor_std_axes", Recipe::Fold(Fold::Deviation)),
    ("tensor_norm_axes", Recipe::Norm),
    ("tensor_argmin", Recipe::Best(false)),
    ("tensor_argmax", Recipe::Best(true)),
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
    /// The sum of products with another tensor's elements.
    Dot,
    /// Squares of distances from the mean, which is folded before.
    Variance,
    /// The root of that.
    Deviation,
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

/// A whole number as an element, in CUDA C.
fn number(elem: Elem, number: &str) -> String {
    match elem {
        Elem::C64 => format!("nbc_complex((f32){number}, (f32)0)"),
        Elem::C128 => format!("nbc_complex((f64){number}, (f64)0)"),
        _ => number.to_owned(),
    }
}

/// What kernels are written with that fold elements of type `from` to such of type `to`.
pub(super) fn definitions(fold: Fold, from: Elem, to: Elem) -> String {
    let (least, largest) = ends(to);
    let of = c_type(to);
    let (zero, one) = (number(to, "0"), number(to, "1"));
    let (neutral, combine) = match fold {
        Fold::Sum | Fold::Mean | Fold::Count | Fold::Dot | Fold::Variance | Fold::Deviation => {
            (zero.as_str(), "nbc_add(a, b)")
        }
        Fold::Product => (one.as_str(), "nbc_mul(a, b)"),
        Fold::Smallest => (largest, "nbc_min(a, b)"),
        Fold::Largest => (least, "nbc_max(a, b)"),
        Fold::Any => ("false", "nbc_or(a, b)"),
        Fold::All => ("true", "nbc_and(a, b)"),
    };
    let get = match fold {
        Fold::Count => "(i64)nbc_is_set(x)",
        Fold::Dot => "((x) * (y))",
        Fold::Variance | Fold::Deviation => "(((x) - (m)) * ((x) - (m)))",
        _ => "(NBC_T)(x)",
    };
    let own = if matches!(fold, Fold::Variance | Fold::Deviation) { "(m)" } else { "NBC_NEUTRAL" };
    let finish = match fold {
        Fold::Mean if to == Elem::C64 => "nbc_complex((x).re / (f32)(n), (x).im / (f32)(n))",
        Fold::Mean if to == Elem::C128 => "nbc_complex((x).re / (f64)(n), (x).im / (f64)(n))",
        Fold::Mean => "((x) / (NBC_T)(n))",
        Fold::Variance => "((x) / (NBC_T)(over))",
        Fold::Deviation => "nbc_root((x) / (NBC_T)(over))",
        _ => "(x)",
    };
    format!(
        "#define NBC_T {of}\n#define NBC_FROM {}\n#define NBC_NEUTRAL ((NBC_T){neutral})\n\
         static __device__ __forceinline__ NBC_T nbc_combine(NBC_T a, NBC_T b) {{ return {combine}; }}\n\
         #define NBC_COMBINE(a, b) nbc_combine(a, b)\n#define NBC_GET(x, y, m) {get}\n#define NBC_OWN(m) {own}\n\
         #define NBC_FINISH(x, n, over) {finish}\n",
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

/// The kernel `nbc_roots`.
fn roots_text(elem: Elem) -> String {
    let least = if elem == Elem::F32 { "0x1p-80f" } else { "0x1p-900" };
    format!(
        "{ELEMENTS}#define NBC_T {}\n#define NBC_LEAST {least}\n{}",
        c_type(elem),
        include_str!("spread.cuh")
    )
}

/// The number of a row whose kernels serve others too.
fn row(name: &str) -> usize {
    Operation::find(name).expect("a row of the catalogue").index()
}

/// One fold: of what, from where, and to where.
struct Folding {
    fold: Fold,
    /// The row whose kernels they are.
    operation: usize,
    from: (u64, Elem),
    /// The tensor whose elements meet those of the first; any where they do not.
    other: u64,
    /// A number of each result's own; none if 0.
    own: u64,
    lines: Lines,
    /// What variances are divided by.
    over: f64,
    to: (u64, Elem),
}

impl Cuda {
    /// Folds.
    pub(crate) fn run_fold(&self, fold: Fold, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let spreads = matches!(fold, Fold::Variance | Fold::Deviation);
        let tensor = &call.args[0];
        let elem = elem_of(tensor).ok_or_else(wrong)?;
        let (from, _held) = self.sent(tensor)?;
        let (from, lines, _turned) = self.in_lines(from, elem, tensor.dims(), &axes(call, !spreads)?)?;
        let (mut other, mut _held_other) = (from, None);
        if fold == Fold::Dot {
            (other, _held_other) = self.sent(&call.args[1])?;
        }
        let to = call.result.elem;
        let mut folding = Folding {
            fold,
            operation: call.operation.index(),
            from: (from, elem),
            other,
            own: 0,
            lines,
            over: 0.0,
            to: (address(call), to),
        };
        let bytes = lines.all().saturating_mul(elem.size() as u64);
        let mut _means = None;
        if spreads {
            let lost = match call.args.last() {
                Some(DeviceArg::Scalar(lost, Type::I64)) => *lost as i64,
                _ => return Err(wrong()),
            };
            let means = self.scratch((lines.outer * lines.inner) as usize * elem.size())?;
            folding.own = means.address;
            let to = (means.address, elem);
            _means = Some(means);
            let mean = Folding { fold: Fold::Mean, operation: row("tensor.mean"), own: 0, to, ..folding };
            self.fold(&mean)?;
            self.pace(bytes, call.must_stop)?;
            folding.over = (i128::from(lines.n) - i128::from(lost)).max(0) as f64;
        }
        self.fold(&folding)?;
        self.pace(bytes, call.must_stop)
    }

    /// Folds by levels of blocks.
    fn fold(&self, of: &Folding) -> Result<(), DeviceError> {
        let Folding { fold, lines: Lines { outer, n, inner }, from: (from, elem), to: (to, to_elem), .. } =
            *of;
        let key = Key { operation: of.operation, elems: vec![elem, to_elem], layout: None };
        let code = self.kernel(key, &[c"nbc_first", c"nbc_next"], || text(fold, elem, to_elem))?;
        // One piece of memory holds what all levels but the last come to.
        let mut levels = vec![n.div_ceil(BLOCK)];
        while levels[levels.len() - 1] > 1 {
            levels.push(levels[levels.len() - 1].div_ceil(BLOCK));
        }
        let results = outer * inner;
        let between: u64 = levels[..levels.len() - 1].iter().map(|blocks| blocks * results).sum();
        let scratch = match between {
            0 => None,
            _ => Some(self.scratch(between as usize * to_elem.size())?),
        };
        let mut next = scratch.as_ref().map_or(0, |s| s.address);
        let (mut read, mut other, mut len) = (from, of.other, n);
        for (level, blocks_of_each) in levels.iter().enumerate() {
            let is_last = level + 1 == levels.len();
            let write = if is_last { to } else { next };
            let mut parameters = Parameters::default();
            [write, read, other, of.own].into_iter().for_each(|at| parameters.address(at));
            parameters.numbers(&[outer, len, inner, n, of.over.to_bits(), is_last as u64]);
            let groups = blocks_of_each * results;
            // SAFETY: the kernel reads so many elements, which are there, and writes one for each block.
            unsafe {
                self.launch(
                    parameters,
                    code.functions[(level > 0) as usize],
                    (blocks(groups.div_ceil(16)), 1, 1),
                )?
            };
            next += groups * to_elem.size() as u64;
            (read, other, len) = (write, write, *blocks_of_each);
        }
        Ok(())
    }

    /// Roots of sums of squares, if all of them can be had so; where squares overflow or are lost, the processor scales.
    pub(crate) fn run_norm(&self, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let tensor = &call.args[0];
        let elem = call.result.elem;
        let (from, _held) = self.sent(tensor)?;
        let (from, lines, _turned) = self.in_lines(from, elem, tensor.dims(), &axes(call, true)?)?;
        let to = (address(call), elem);
        self.fold(&Folding {
            fold: Fold::Dot,
            operation: row("tensor.dot"),
            from: (from, elem),
            other: from,
            own: 0,
            lines,
            over: 0.0,
            to,
        })?;
        let key = Key { operation: call.operation.index(), elems: vec![elem], layout: None };
        let code = self.kernel(key, &[c"nbc_roots"], || roots_text(elem))?;
        let flag = self.flag()?;
        let results = lines.outer * lines.inner;
        let mut parameters = Parameters::default();
        parameters.address(address(call));
        parameters.numbers(&[results]);
        parameters.address(flag.address);
        // SAFETY: there are so many results, and the flag is a number of 32 bits.
        unsafe { self.launch(parameters, code.functions[0], (blocks(results.div_ceil(THREADS)), 1, 1))? };
        self.pace(lines.all().saturating_mul(elem.size() as u64), call.must_stop)?;
        match self.is_raised(&flag)? {
            true => Err(DeviceError("squares overflow or are lost".to_owned())),
            false => Ok(()),
        }
    }

    /// Indices of the best, by levels of segments.
    pub(crate) fn run_best(&self, largest: bool, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let tensor = &call.args[0];
        let elem = elem_of(tensor).ok_or_else(wrong)?;
        let (from, _held) = self.sent(tensor)?;
        let (from, lines, _turned) = self.in_lines(from, elem, tensor.dims(), &axes(call, true)?)?;
        let Lines { outer, n, inner } = lines;
        let key = Key { operation: call.operation.index(), elems: vec![elem], layout: None };
        let code = self.kernel(key, &[c"nbc_best"], || best_text(elem, largest))?;
        let (mut candidates, mut listed, mut held) = (n, 0, Vec::new());
        loop {
            let segments = candidates.div_ceil(BLOCK);
            let to = match segments {
                1 => address(call),
                _ => {
                    let scratch = self.scratch((outer * segments * inner) as usize * size_of::<i64>())?;
                    let address = scratch.address;
                    held.push(scratch);
                    address
                }
            };
            let mut parameters = Parameters::default();
            [to, from, listed].into_iter().for_each(|at| parameters.address(at));
            parameters.numbers(&[outer, n, inner, candidates, BLOCK]);
            let groups = (outer * segments * inner).div_ceil(16);
            // SAFETY: as for folding; candidates are places of the lanes.
            unsafe { self.launch(parameters, code.functions[0], (blocks(groups), 1, 1))? };
            if segments == 1 {
                return self.pace(lines.all().saturating_mul(elem.size() as u64), call.must_stop);
            }
            (candidates, listed) = (segments, to);
        }
    }

    /// Where the elements lie as [outer, n, inner], and what holds them if that is not where they were.
    fn in_lines(
        &self,
        from: u64,
        elem: Elem,
        dims: &[u64],
        is_folded: &[bool],
    ) -> Result<(u64, Lines, Option<Scratch<'_>>), DeviceError> {
        if let Some(lines) = Lines::new(dims, is_folded) {
            return if lines.n == 0 { Err(wrong()) } else { Ok((from, lines, None)) };
        }
        let axes = |folded: bool| (0..dims.len()).filter(move |axis| is_folded[*axis] == folded);
        let order: Vec<usize> = axes(false).chain(axes(true)).collect();
        let turned = self.turned(from, elem, dims, &order)?;
        let product = |folded| axes(folded).map(|axis| dims[axis]).product();
        let lines = Lines { outer: product(false), n: product(true), inner: 1 };
        Ok((turned.address, lines, Some(turned)))
    }
}

fn wrong() -> DeviceError {
    DeviceError("nothing that can be folded".to_owned())
}

/// Which axes are folded: those of the list, the one that is given, or all. A lone integer may be no axis.
fn axes(call: &DeviceCall<'_>, is_axis: bool) -> Result<Vec<bool>, DeviceError> {
    let rank = call.args[0].dims().len();
    let mut is_folded = vec![false; rank];
    let given: &[u64] = match call.args.get(1) {
        Some(DeviceArg::Ints(axes)) => axes,
        Some(DeviceArg::Scalar(axis, Type::I64)) if is_axis => &[*axis],
        _ => &[],
    };
    for axis in given {
        *is_folded.get_mut(*axis as usize).ok_or_else(wrong)? = true;
    }
    Ok(if given.is_empty() { vec![true; rank] } else { is_folded })
}

/// What is folded: elements as [outer, n, inner].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Lines {
    outer: u64,
    n: u64,
    inner: u64,
}

impl Lines {
    /// Those of `dims` where the axes that are folded are neighbours, but for such of length 1.
    fn new(dims: &[u64], is_folded: &[bool]) -> Option<Lines> {
        let counts = |axis: &usize| is_folded[*axis] && dims[*axis] != 1;
        let Some(first) = (0..dims.len()).find(counts) else {
            return Some(Lines { outer: count(dims), n: 1, inner: 1 });
        };
        let end = (0..dims.len()).rfind(counts)? + 1;
        let gap = (first..end).any(|axis| !is_folded[axis] && dims[axis] != 1);
        let n = (first..end).filter(|axis| is_folded[*axis]).map(|axis| dims[axis]).product();
        (!gap).then(|| Lines { outer: count(&dims[..first]), n, inner: count(&dims[end..]) })
    }

    /// All elements.
    fn all(&self) -> u64 {
        self.outer * self.n * self.inner
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn neighbours_that_are_folded_are_one_line() {
        let of = |dims: &[u64], axes: &[usize]| {
            let is_folded: Vec<bool> = (0..dims.len()).map(|axis| axes.contains(&axis)).collect();
            Lines::new(dims, &is_folded).map(|lines| (lines.outer, lines.n, lines.inner))
        };
        assert_eq!(of(&[2, 3, 5, 7], &[1, 2]), Some((2, 15, 7)));
        assert_eq!(of(&[2, 3, 1, 5, 7], &[1, 3]), Some((2, 15, 7)));
        assert_eq!(of(&[2, 3, 5, 7], &[0, 2]), None);
        assert_eq!(of(&[2, 1, 5], &[1]), Some((10, 1, 1)));
        assert_eq!(of(&[], &[]), Some((1, 1, 1)));
    }
}
