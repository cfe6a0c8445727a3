//! Groups of operations as one kernel: elementwise operations in a row, and the reduction that may end them.
//!
//! Each thread computes all steps of a place and keeps what is between them in registers. So a chain of ten reads
//! its arguments once and writes its results once, by one launch. The kernel is written for the group's [`Form`]:
//! which operations there are, of which elements, how arguments are read, and which results are wanted.
//!
//! Where all arguments are read in the order of the result, threads read up to sixteen bytes of each at once. A
//! reduction is folded block by block in the order of docs/numerics.md: all threads compute the elements of a block, and
//! sixteen fold them. Blocks' results go through the kernel that also folds tensors.
//!
//! Invariant: a thread has read all of a place before it writes there, for a result may lie where an argument does.

use super::elementwise::{Reading, Walk, expression};
use super::fold::{self, BLOCK, Fold};
use super::{ELEMENTS, NAMES, Recipe, c_type, mathematics, recipe};
use crate::device::{Cuda, Key, MOST_QUEUED, count};
use crate::launch::{Parameters, THREADS, blocks};
use nbc_ir::Elem;
use nbc_ir::catalogue::{Operation, Shape};
use nbc_runtime::device::group::{DeviceGroup, GroupEnd, GroupOperand};
use nbc_runtime::device::{DeviceArg, DeviceError, DeviceTensor};
use std::fmt::Write;
use std::hash::{Hash, Hasher};

/// Rows that are computed in groups alone, by the names of the processor's kernels.
pub(super) const ROWS: &[&str] = &["tensor_full"];

/// Most bytes of parameters that a launch takes on every GPU.
const MOST_PARAMETERS: usize = 4000;
/// Most bytes that a thread reads of an argument at once.
const PACK: usize = 16;
/// Most elements that a thread computes at once.
const MOST_AT_ONCE: usize = 4;
/// How many times as long as an addition a mathematical function takes, about.
const WEIGHT: u64 = 64;

/// How a step of a group is computed, if there is a way.
pub(crate) fn step(operation: &'static Operation, elems: &[Elem]) -> Option<Recipe> {
    match recipe(operation, elems) {
        Some(recipe @ (Recipe::Each(_) | Recipe::Convert | Recipe::Function(_) | Recipe::OfParts(..))) => {
            Some(recipe)
        }
        None if ROWS.contains(&NAMES[operation.index()]) => Some(Recipe::Each("nbc_copy")),
        _ => None,
    }
}

/// How the end of a group is folded, if there is a way.
pub(crate) fn end(operation: &'static Operation, elems: &[Elem]) -> Option<Fold> {
    match recipe(operation, elems) {
        Some(Recipe::Fold(fold)) if operation.shape == Shape::Scalar && operation.in_one_pass => Some(fold),
        _ => None,
    }
}

/// What a step reads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Operand {
    /// What is read by that number.
    Read(usize),
    /// The result of that step.
    Step(usize),
}

impl Operand {
    fn name(self) -> String {
        match self {
            Operand::Read(at) => format!("a{at}"),
            Operand::Step(at) => format!("s{at}"),
        }
    }
}

/// An argument, as it is read.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Read {
    reading: Reading,
    elem: Elem,
    /// Axes by which it is walked.
    rank: usize,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Step {
    operation: usize,
    recipe: Recipe,
    operands: Vec<Operand>,
    from: Vec<Elem>,
    elem: Elem,
    /// Whether somebody wants the result.
    is_stored: bool,
}

impl Hash for Step {
    /// Operation and elements say the recipe.
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.operation, &self.operands, &self.from, self.elem, self.is_stored).hash(state);
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct End {
    fold: Fold,
    operands: Vec<Operand>,
    from: Elem,
    to: Elem,
}

/// What a kernel is written for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Form {
    reads: Vec<Read>,
    steps: Vec<Step>,
    end: Option<End>,
    /// Elements that a thread computes at once.
    at_once: usize,
    /// Whether indices take more than 32 bits.
    is_long: bool,
}

impl Form {
    fn calls_functions(&self) -> bool {
        self.steps.iter().any(|s| matches!(s.recipe, Recipe::Function(_) | Recipe::OfParts(..)))
    }

    /// Bytes of the largest element that is read or written in the order of the result.
    fn widest(&self) -> usize {
        let read = self.reads.iter().filter(|r| r.reading == Reading::Same).map(|r| r.elem.size());
        let written = self.steps.iter().filter(|s| s.is_stored).map(|s| s.elem.size());
        read.chain(written).max().unwrap_or(PACK)
    }

    /// Bytes that go through memory for a place, and additions.
    fn work(&self) -> u64 {
        let read = self.reads.iter().map(|r| match r.reading {
            Reading::Same | Reading::Strided => r.elem.size() as u64,
            Reading::Value | Reading::One => 0,
        });
        let steps = self.steps.iter().map(|s| {
            let stored = if s.is_stored { s.elem.size() as u64 } else { 0 };
            let heavy = matches!(s.recipe, Recipe::Function(_) | Recipe::OfParts(..));
            stored + if heavy { WEIGHT } else { 1 }
        });
        read.chain(steps).sum()
    }

    fn stored(&self) -> impl Iterator<Item = (usize, &Step)> {
        self.steps.iter().enumerate().filter(|(_, step)| step.is_stored)
    }

    /// The kernel `nbc_fused`.
    fn text(&self) -> String {
        let mut text = ELEMENTS.to_owned();
        let functions = self.steps.iter().filter_map(|s| match s.recipe {
            Recipe::Function(name) | Recipe::OfParts(name, _) => Some((name, c_type(s.elem))),
            _ => None,
        });
        text += &mathematics::all(functions);
        if let Some(end) = &self.end {
            text += &fold::definitions(end.fold, end.from, end.to);
        }
        text += &self.point();
        text += &match &self.end {
            None => self.kernel(),
            Some(_) => self.folding_kernel(),
        };
        text
    }

    /// The function of a place: its elements, to its results, and what is folded.
    fn point(&self) -> String {
        let mut params: Vec<String> =
            self.reads.iter().enumerate().map(|(n, r)| format!("{} a{n}", c_type(r.elem))).collect();
        params.extend(self.stored().map(|(n, s)| format!("{} &w{n}", c_type(s.elem))));
        let mut body = String::new();
        for (n, step) in self.steps.iter().enumerate() {
            let names: Vec<String> = step.operands.iter().map(|o| o.name()).collect();
            let value = expression(step.recipe, &names, step.elem);
            writeln!(body, "  const {} s{n} = {value};", c_type(step.elem)).expect("a string takes all");
        }
        for (n, _) in self.stored() {
            writeln!(body, "  w{n} = s{n};").expect("a string takes all");
        }
        if let Some(end) = &self.end {
            params.push("NBC_T &folded".to_owned());
            let (first, last) = (end.operands.first(), end.operands.last());
            let names = [first, last].map(|operand| operand.map(|o| o.name()).unwrap_or_default());
            writeln!(body, "  folded = NBC_GET({}, {}, NBC_NEUTRAL);", names[0], names[1])
                .expect("a string takes all");
        }
        format!("NBC void nbc_point({}) {{\n{body}}}\n", params.join(", "))
    }

    /// Parameters of both kernels: results, what is read, and how it is walked.
    fn parameters(&self) -> String {
        let mut all: Vec<String> = self.stored().map(|(n, s)| format!("{} *to{n}", c_type(s.elem))).collect();
        for (n, read) in self.reads.iter().enumerate() {
            let elem = c_type(read.elem);
            all.push(match read.reading {
                Reading::Value => format!("const {elem} a{n}"),
                _ => format!("const {elem} *p{n}"),
            });
            all.extend((0..read.rank).map(|axis| format!("i64 d{n}_{axis}")));
            all.extend((0..read.rank).map(|axis| format!("i64 m{n}_{axis}")));
        }
        all.push("i64 from".to_owned());
        all.push("i64 n".to_owned());
        all.join(", ")
    }

    /// What is read once.
    fn reads_of_ones(&self) -> String {
        let ones = self.reads.iter().enumerate().filter(|(_, r)| r.reading == Reading::One);
        ones.map(|(n, r)| format!("  const {} a{n} = *p{n};\n", c_type(r.elem))).collect()
    }

    /// The statements that compute the place `i`.
    fn place(&self) -> String {
        let mut text = String::new();
        let index = if self.is_long { "i64" } else { "unsigned" };
        for (n, read) in self.reads.iter().enumerate() {
            let elem = c_type(read.elem);
            match read.reading {
                Reading::Value | Reading::One => {}
                Reading::Same => text += &format!("    const {elem} a{n} = p{n}[i];\n"),
                Reading::Strided => {
                    text += &format!("    {index} left{n} = ({index})i;\n    i64 at{n} = 0;\n");
                    for axis in (1..read.rank).rev() {
                        text += &format!(
                            "    at{n} += (i64)(left{n} % ({index})d{n}_{axis}) * m{n}_{axis};\n    \
                             left{n} /= ({index})d{n}_{axis};\n"
                        );
                    }
                    text += &format!("    const {elem} a{n} = p{n}[at{n} + (i64)left{n} * m{n}_0];\n");
                }
            }
        }
        let mut args: Vec<String> = (0..self.reads.len()).map(|n| format!("a{n}")).collect();
        for (n, step) in self.stored() {
            text += &format!("    {} w{n};\n", c_type(step.elem));
            args.push(format!("w{n}"));
        }
        if self.end.is_some() {
            text += "    NBC_T folded;\n";
            args.push("folded".to_owned());
        }
        text += &format!("    nbc_point({});\n", args.join(", "));
        self.stored().for_each(|(n, _)| text += &format!("    to{n}[i] = w{n};\n"));
        text
    }

    /// Places from `from` up to `n`; `from` is a multiple of what a thread computes at once.
    fn kernel(&self) -> String {
        let mut packs = String::new();
        let at_once = self.at_once;
        let mut start = "from".to_owned();
        if at_once > 1 {
            let mut args = Vec::new();
            let (mut reads, mut writes) = (String::new(), String::new());
            for (n, read) in self.reads.iter().enumerate() {
                let pack = format!("nbc_pack<{}, {at_once}>", c_type(read.elem));
                match read.reading {
                    Reading::Same => {
                        reads += &format!("    const {pack} v{n} = ((const {pack} *)p{n})[v];\n");
                        args.push(format!("v{n}.at[k]"));
                    }
                    _ => args.push(format!("a{n}")),
                }
            }
            for (n, step) in self.stored() {
                let pack = format!("nbc_pack<{}, {at_once}>", c_type(step.elem));
                reads += &format!("    {pack} w{n};\n");
                args.push(format!("w{n}.at[k]"));
                writes += &format!("    (({pack} *)to{n})[v] = w{n};\n");
            }
            packs = format!(
                "  for (i64 v = from / {at_once} + first; v < n / {at_once}; v += step) {{\n{reads}\
                 #pragma unroll\n    for (int k = 0; k < {at_once}; k++) nbc_point({});\n{writes}  }}\n",
                args.join(", ")
            );
            start = format!("n / {at_once} * {at_once}");
        }
        let pack = "template <class T, int N> struct alignas(sizeof(T) * N) nbc_pack { T at[N]; };\n";
        format!(
            "{}extern \"C\" __global__ void __launch_bounds__(256) nbc_fused({}) {{\n  \
             const i64 first = (i64)blockIdx.x * 256 + threadIdx.x, step = (i64)gridDim.x * 256;\n{}{packs}  \
             for (i64 i = {start} + first; i < n; i += step) {{\n{}  }}\n}}\n",
            if at_once > 1 { pack } else { "" },
            self.parameters(),
            self.reads_of_ones(),
            self.place(),
        )
    }

    /// Blocks of 4096 places from number `from` up to `until`, of `n` places in all.
    fn folding_kernel(&self) -> String {
        format!(
            "extern \"C\" __global__ void __launch_bounds__(256) nbc_fused(NBC_T *sums, i64 until, i64 is_last, {}) {{
  __shared__ NBC_T values[4096], lanes[16];
  const int t = (int)threadIdx.x;
{}  for (i64 block = from + blockIdx.x; block < until; block += gridDim.x) {{
    const i64 start = block * 4096;
    const int rows = (int)(n - start < 4096 ? n - start : 4096);
    for (int k = t; k < rows; k += 256) {{
    const i64 i = start + k;
{}    values[k] = folded;
    }}
    __syncthreads();
    if (t < 16) {{
      NBC_T part = NBC_NEUTRAL;
      for (int k = t; k < rows; k += 16) part = NBC_COMBINE(part, values[k]);
      lanes[t] = part;
    }}
    __syncthreads();
    for (int half = 8; half > 0; half /= 2) {{
      if (t < half) lanes[t] = NBC_COMBINE(lanes[t], lanes[t + half]);
      __syncthreads();
    }}
    if (t == 0) sums[block] = is_last ? NBC_FINISH(lanes[0], n, 0.0) : lanes[0];
    __syncthreads();
  }}
}}
",
            self.parameters(),
            self.reads_of_ones(),
            self.place(),
        )
    }
}

/// What a launch is handed for each thing that is read.
struct Given<'a> {
    arg: &'a DeviceArg<'a>,
    dims: Vec<u64>,
    strides: Vec<u64>,
}

/// The form of a group, and what is read.
fn form<'a>(group: &DeviceGroup<'a>) -> Result<(Form, Vec<Given<'a>>), DeviceError> {
    let none = || DeviceError("there is no kernel for a step".to_owned());
    let (mut reads, mut given): (Vec<Read>, Vec<Given<'_>>) = (Vec::new(), Vec::new());
    let mut read = |at: usize, elem: Elem, dims: &[u64]| -> Operand {
        let arg = &group.args[at];
        let walk = Walk::new(dims, &[arg.dims()]);
        let reading = match arg {
            DeviceArg::Scalar(..) => Reading::Value,
            DeviceArg::Bytes { bytes, elem, .. } if bytes.len() == elem.size() => Reading::Value,
            _ => walk.reading(0),
        };
        let is_strided = reading == Reading::Strided;
        let [strides] = &walk.strides[..] else { unreachable!("of one argument") };
        let (dims, strides) = if is_strided { (walk.dims, strides.clone()) } else { Default::default() };
        let new = Read { reading, elem, rank: dims.len() };
        let is_it = |(old, given): (&Read, &Given<'_>)| {
            *old == new && std::ptr::eq(given.arg, arg) && given.dims == dims && given.strides == strides
        };
        let known = reads.iter().zip(&given).position(is_it);
        Operand::Read(known.unwrap_or_else(|| {
            reads.push(new);
            given.push(Given { arg, dims, strides });
            reads.len() - 1
        }))
    };
    let mut steps = Vec::with_capacity(group.steps.len());
    for step in group.steps {
        let operands = step.operands.iter().zip(step.from).map(|(operand, elem)| match *operand {
            GroupOperand::Argument(at) => read(at, *elem, step.dims),
            GroupOperand::Step(at) => Operand::Step(at),
        });
        steps.push(Step {
            operation: step.operation.index(),
            operands: operands.collect(),
            recipe: self::step(step.operation, step.elems).ok_or_else(none)?,
            from: step.from.to_vec(),
            elem: step.elem,
            is_stored: step.to.is_some(),
        });
    }
    let end = match &group.end {
        None => None,
        Some(GroupEnd { operation, elems, operands, from, to }) => {
            let operands = operands.iter().map(|operand| match *operand {
                GroupOperand::Argument(at) => read(at, *from, group.args[at].dims()),
                GroupOperand::Step(at) => Operand::Step(at),
            });
            let operands = operands.collect();
            Some(End {
                fold: self::end(operation, elems).ok_or_else(none)?,
                operands,
                from: *from,
                to: to.elem,
            })
        }
    };
    let is_long = group.len > u64::from(u32::MAX);
    Ok((Form { reads, steps, end, at_once: 1, is_long }, given))
}

fn address_of(tensor: &DeviceTensor<'_>) -> u64 {
    tensor.memory.0.get() + tensor.offset as u64
}

impl Cuda {
    /// A group, as one kernel.
    pub(crate) fn launch_group(&self, group: &DeviceGroup<'_>) -> Result<(), DeviceError> {
        let (mut form, given) = form(group)?;
        let results: Vec<u64> = group.steps.iter().filter_map(|s| s.to.as_ref()).map(address_of).collect();
        let mut parameters = Parameters::default();
        let mut held = Vec::new();
        let mut places = results.clone();
        results.iter().for_each(|at| parameters.address(*at));
        for (read, given) in form.reads.iter().zip(&given) {
            match (read.reading, given.arg) {
                (Reading::Value, DeviceArg::Scalar(bits, _)) => {
                    parameters.element(&bits.to_le_bytes()[..read.elem.size()]);
                }
                (Reading::Value, DeviceArg::Bytes { bytes, .. }) => parameters.element(bytes),
                _ => {
                    let (address, scratch) = self.sent(given.arg)?;
                    parameters.address(address);
                    held.extend(scratch);
                    if read.reading == Reading::Same {
                        places.push(address);
                    }
                }
            }
            parameters.numbers(&given.dims);
            parameters.numbers(&given.strides);
        }
        if parameters.most_bytes() > MOST_PARAMETERS {
            return Err(DeviceError("more arguments than a kernel can have".to_owned()));
        }
        if form.end.is_none() {
            form.at_once = self.at_once(&form, &places);
        }
        match form.end.clone() {
            None => self.launch_steps(&form, parameters, group),
            Some(end) => self.launch_fold(&form, &end, parameters, group),
        }
    }

    /// How many elements a thread can compute at once, with results and arguments at these places.
    fn at_once(&self, form: &Form, places: &[u64]) -> usize {
        let at_once = (PACK / form.widest()).clamp(1, MOST_AT_ONCE);
        let is_plain = form.reads.iter().all(|r| r.reading != Reading::Strided) && !form.calls_functions();
        let is_aligned = places.iter().all(|at| at.is_multiple_of((at_once * form.widest()) as u64));
        if is_plain && is_aligned { at_once } else { 1 }
    }

    fn launch_steps(
        &self,
        form: &Form,
        parameters: Parameters,
        group: &DeviceGroup<'_>,
    ) -> Result<(), DeviceError> {
        let code = self.fused_kernel(form, || form.text())?;
        let work = form.work().max(1);
        // So many at a time as can be waited for.
        let at_a_time = (MOST_QUEUED / work / BLOCK).max(1) * BLOCK;
        let mut from = 0;
        while from < group.len {
            let until = group.len.min(from + at_a_time);
            let mut parameters = parameters.clone();
            parameters.numbers(&[from, until]);
            let threads = (until - from).div_ceil(form.at_once as u64);
            // SAFETY: the kernel was written for that form. Arguments have the elements that it reads, which the
            // caller says, and memory goes back in the stream's order.
            unsafe { self.launch(parameters, code.functions[0], (blocks(threads.div_ceil(THREADS)), 1, 1))? };
            self.pace((until - from).saturating_mul(work), group.must_stop)?;
            from = until;
        }
        Ok(())
    }

    fn launch_fold(
        &self,
        form: &Form,
        end: &End,
        parameters: Parameters,
        group: &DeviceGroup<'_>,
    ) -> Result<(), DeviceError> {
        let Some(GroupEnd { operation, to, .. }) = &group.end else { return Ok(()) };
        let code = self.fused_kernel(form, || form.text())?;
        let n = group.len;
        // What each level of blocks comes to, one behind the other; the last goes to the result.
        let mut levels = vec![n.div_ceil(BLOCK)];
        while levels[levels.len() - 1] > 1 {
            levels.push(levels[levels.len() - 1].div_ceil(BLOCK));
        }
        let between: u64 = levels[..levels.len() - 1].iter().sum();
        let scratch = match between {
            0 => None,
            _ => Some(self.scratch(between as usize * to.elem.size())?),
        };
        let mut next = scratch.as_ref().map_or(address_of(to), |s| s.address);
        let work = form.work().max(1).saturating_mul(BLOCK);
        let at_a_time = (MOST_QUEUED / work).max(1);
        let mut from = 0;
        while from < levels[0] {
            let until = levels[0].min(from + at_a_time);
            let mut all = Parameters::default();
            all.address(next);
            all.numbers(&[until, (levels.len() == 1) as u64]);
            all.append(&parameters);
            all.numbers(&[from, n]);
            // SAFETY: as for steps; there is room for what each block comes to.
            unsafe { self.launch(all, code.functions[0], (blocks(until - from), 1, 1))? };
            self.pace((until - from).saturating_mul(work), group.must_stop)?;
            from = until;
        }
        if levels.len() == 1 {
            return Ok(());
        }
        let key = Key { operation: operation.index(), elems: vec![end.to, end.to], layout: None };
        let made = || fold::text(end.fold, end.to, end.to);
        let code = self.kernel(key, &[c"nbc_first", c"nbc_next"], made)?;
        for (level, pair) in levels.windows(2).enumerate() {
            let is_last = level + 2 == levels.len();
            let (read, len) = (next, pair[0]);
            next = if is_last { address_of(to) } else { read + len * to.elem.size() as u64 };
            let mut parameters = Parameters::default();
            [next, read, read, 0].into_iter().for_each(|at| parameters.address(at));
            parameters.numbers(&[1, len, 1, n, 0, is_last as u64]);
            // SAFETY: the kernel reads so many elements, which are there, and writes one for each block.
            unsafe { self.launch(parameters, code.functions[1], (blocks(pair[1].div_ceil(16)), 1, 1))? };
        }
        Ok(())
    }

    /// Whether an operation with such elements and dims may be in a group.
    pub(crate) fn has_step(
        &self,
        operation: &'static Operation,
        elems: &[Elem],
        args: &[&[u64]],
        result: &[u64],
    ) -> bool {
        let has_elements = count(result) != 0 && args.iter().all(|dims| count(dims) != 0);
        let is_end = operation.shape == Shape::Scalar;
        has_elements
            && if is_end { end(operation, elems).is_some() } else { step(operation, elems).is_some() }
    }
}
