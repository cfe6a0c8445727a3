//! Sorting along an axis, and places in sorted vectors.
//!
//! A bitonic network sorts pairs of a key and a place, all lanes at once. Which pairs are compared follows from sizes alone, and
//! no two pairs are equal: so the order is the stable one, NaN last, as on the processor.

use super::movement::int;
use super::{ELEMENTS, Recipe, c_type};
use crate::device::{Cuda, Key, Scratch, address, count, elem_of};
use crate::launch::{Parameters, THREADS, blocks};
use nbc_ir::Elem;
use nbc_ir::catalogue::Operation;
use nbc_runtime::device::{DeviceCall, DeviceError};

/// Rows that these kernels compute.
#[rustfmt::skip]
pub(super) const ROWS: &[(&str, Recipe)] = &[
    ("tensor_sort", Recipe::Sort(false)),
    ("tensor_argsort", Recipe::Sort(true)),
    ("tensor_searchsorted", Recipe::Search),
];

/// Pairs that a block of threads holds.
const HELD: u64 = 512;

/// The kernels, of elements of that type.
fn text(elem: Elem) -> String {
    let of = c_type(elem);
    // Negative numbers have their bits turned round, others get a one in front; zeros are equal.
    let (key, is_nan) = match elem {
        Elem::U8 => ("(nbc_key)(x)", "false"),
        Elem::I32 | Elem::I64 => ("((nbc_key)(i64)(x) ^ (1ULL << 63))", "false"),
        Elem::F32 => ("nbc_float_key((f64)(x))", "((x) != (x))"),
        _ => ("nbc_float_key(x)", "((x) != (x))"),
    };
    format!(
        "{ELEMENTS}#define NBC_T {of}\n#define NBC_KEY(x) {key}\n#define NBC_IS_NAN(x) {is_nan}\n\
         NBC unsigned long long nbc_float_key(f64 x) {{\n  if (x != x) return ~0ULL;\n  \
         unsigned long long bits = (unsigned long long)__double_as_longlong(x == 0 ? 0.0 : x);\n  \
         return bits >> 63 ? ~bits : bits | 1ULL << 63;\n}}\n{}",
        include_str!("sort.cuh")
    )
}

/// Elements [outer, n, inner] that are sorted, `lanes` of n.
struct Lanes {
    elem: Elem,
    lanes: u64,
    n: u64,
    inner: u64,
}

/// Places of sorted integers serve whoever needs them.
fn places() -> usize {
    Operation::find("tensor.argsort").expect("a row of the catalogue").index()
}

impl Cuda {
    /// Elements in ascending order along an axis, or their places.
    pub(crate) fn run_sort(&self, places: bool, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let (dims, axis) = (call.args[0].dims(), int(call, 1)? as usize);
        let n = *dims.get(axis).ok_or_else(|| DeviceError("no such axis".to_owned()))?;
        let elem = elem_of(&call.args[0]).ok_or_else(|| DeviceError("no tensor".to_owned()))?;
        let lanes = Lanes { elem, lanes: count(dims) / n.max(1), n, inner: count(&dims[axis + 1..]) };
        let (from, _held) = self.sent(&call.args[0])?;
        self.sort_lanes((call.operation.index(), places), &lanes, (address(call), from), call.must_stop)
    }

    /// The places of so many integers of 64 bits in ascending order, equal ones as they come.
    pub(super) fn places_in_order(
        &self,
        from: u64,
        n: u64,
        must_stop: &dyn Fn() -> bool,
    ) -> Result<Scratch<'_>, DeviceError> {
        let to = self.scratch(usize::try_from(n.saturating_mul(8)).unwrap_or(usize::MAX))?;
        let lanes = Lanes { elem: Elem::I64, lanes: 1, n, inner: 1 };
        self.sort_lanes((places(), true), &lanes, (to.address, from), must_stop)?;
        Ok(to)
    }

    /// Writes sorted elements, or their places, from one address to the other.
    fn sort_lanes(
        &self,
        (operation, places): (usize, bool),
        lanes: &Lanes,
        (to, from): (u64, u64),
        must_stop: &dyn Fn() -> bool,
    ) -> Result<(), DeviceError> {
        let Lanes { elem, lanes, n, inner } = *lanes;
        let wide = n.next_power_of_two();
        let all = lanes.saturating_mul(wide);
        let last = if places { c"nbc_places" } else { c"nbc_elements" };
        let key = Key { operation, elems: vec![elem], layout: None };
        let names = [c"nbc_pairs", c"nbc_step", c"nbc_steps", last];
        let code = self.kernel(key, &names, || text(elem))?;
        let bytes = usize::try_from(all.saturating_mul(8)).unwrap_or(usize::MAX);
        let (keys, at) = (self.scratch(bytes)?, self.scratch(bytes)?);
        let run = |function: usize, addresses: &[u64], numbers: &[u64], pieces: u64| {
            let mut parameters = Parameters::default();
            addresses.iter().for_each(|address| parameters.address(*address));
            parameters.numbers(numbers);
            // SAFETY: there are so many pairs in either piece of memory, and the result has the argument's dims.
            unsafe { self.launch(parameters, code.functions[function], (blocks(pieces), 1, 1))? };
            self.pace(all.saturating_mul(32), must_stop)
        };
        let pairs = [keys.address, at.address];
        run(0, &[keys.address, at.address, from], &[lanes, n, inner, wide], all.div_ceil(THREADS))?;
        if wide > 1 {
            run(2, &pairs, &[all, wide, 2, wide.min(HELD)], all.div_ceil(HELD))?;
        }
        let mut size = 2 * HELD;
        while size <= wide {
            let mut half = size / 2;
            while half >= HELD {
                run(1, &pairs, &[all, wide, size, half], (all / 2).div_ceil(THREADS))?;
                half /= 2;
            }
            run(2, &pairs, &[all, wide, size, size], all.div_ceil(HELD))?;
            size *= 2;
        }
        let done = [to, from, at.address];
        run(3, &done, &[lanes, n, inner, wide], (lanes * n).div_ceil(THREADS))
    }

    /// Where values would go into a sorted vector.
    pub(crate) fn run_search(&self, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let (sorted, values) = (&call.args[0], &call.args[1]);
        let elem = elem_of(sorted).ok_or_else(|| DeviceError("no tensor".to_owned()))?;
        let ((from, _held), (at, _held_values)) = (self.sent(sorted)?, self.sent(values)?);
        let key = Key { operation: call.operation.index(), elems: vec![elem], layout: None };
        let code = self.kernel(key, &[c"nbc_search"], || text(elem))?;
        let all = count(call.result.dims);
        let mut parameters = Parameters::default();
        [address(call), from, at].into_iter().for_each(|at| parameters.address(at));
        parameters.numbers(&[all, count(sorted.dims()), int(call, 2)?]);
        // SAFETY: the result has an element for each value.
        unsafe { self.launch(parameters, code.functions[0], (blocks(all.div_ceil(THREADS)), 1, 1))? };
        self.pace(all.saturating_mul(128), call.must_stop)
    }
}
