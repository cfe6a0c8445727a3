//! Kernels for what libraries leave to be done: transposes, triangles, lengths of lines, factors.
//!
//! Libraries have matrices by columns, NBC by rows. They do not scale transforms, nor cut off lines, and take NaN for a
//! number. None of these kernels is an operation's: they are launched before and behind a library's work, in the same stream.

use super::{ELEMENTS, c_type};
use crate::compile::Code;
use crate::device::{Cuda, Key};
use crate::launch::{Parameters, THREADS, blocks};
use nbc_ir::Elem;
use nbc_runtime::device::DeviceError;
use std::ffi::CStr;
use std::sync::Arc;

/// The kernels, in the order of their numbers.
const NAMES: [&CStr; 6] =
    [c"nbc_turn", c"nbc_triangle", c"nbc_look", c"nbc_scale", c"nbc_fit", c"nbc_real_ends"];
const TURN: usize = 0;
const TRIANGLE: usize = 1;
const LOOK: usize = 2;
const SCALE: usize = 3;
const FIT: usize = 4;
const REAL_ENDS: usize = 5;

/// What stands in a key for an operation.
const NO_OPERATION: usize = usize::MAX;

/// Which triangle of a matrix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Triangle {
    Lower,
    /// With ones on its diagonal.
    LowerOfOnes,
    Upper,
}

/// Lines of elements: (outer, n, inner).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Lines {
    pub(crate) outer: u64,
    pub(crate) n: u64,
    pub(crate) inner: u64,
}

impl Lines {
    /// Those along an axis.
    pub(crate) fn along(dims: &[u64], axis: usize) -> Lines {
        let count = |dims: &[u64]| dims.iter().product();
        Lines { outer: count(&dims[..axis]), n: dims[axis], inner: count(&dims[axis + 1..]) }
    }
}

/// The kernels, of elements that are numbers.
pub(crate) fn text(elem: Elem) -> String {
    let functions = match elem {
        Elem::C64 | Elem::C128 => {
            "NBC NBC_T nbc_turned(NBC_T x) { return nbc_conj(x); }\n\
             template <class T> NBC T nbc_number(int x) { T z; z.re = x; z.im = 0; return z; }\n\
             NBC NBC_T nbc_times(NBC_T x, f64 by) {\n  \
               x.re = (NBC_PART)(x.re * (NBC_PART)by); x.im = (NBC_PART)(x.im * (NBC_PART)by); return x;\n}\n\
             NBC void nbc_make_real(NBC_T &x) { x.im = 0; }\n"
        }
        _ => {
            "NBC NBC_T nbc_turned(NBC_T x) { return x; }\n\
             template <class T> NBC T nbc_number(int x) { return (T)x; }\n\
             NBC NBC_T nbc_times(NBC_T x, f64 by) { return x * (NBC_T)by; }\n\
             NBC void nbc_make_real(NBC_T &) {}\n"
        }
    };
    let part = if matches!(elem, Elem::F32 | Elem::C64) { "f32" } else { "f64" };
    format!(
        "{ELEMENTS}#define NBC_T {}\n#define NBC_PART {part}\n{functions}{}",
        c_type(elem),
        include_str!("between.cuh")
    )
}

impl Cuda {
    fn between(&self, elem: Elem) -> Result<Arc<Code>, DeviceError> {
        let key = Key { operation: NO_OPERATION, elems: vec![elem], layout: None };
        self.kernel(key, &NAMES, || text(elem))
    }

    /// Launches one of them: addresses, then numbers, over so many places.
    ///
    /// # Safety
    /// The kernel takes these, and reads and writes memory of the device that is there.
    unsafe fn launch_between(
        &self,
        elem: Elem,
        kernel: usize,
        addresses: &[u64],
        numbers: &[u64],
        places: u64,
    ) -> Result<(), DeviceError> {
        let code = self.between(elem)?;
        let mut parameters = Parameters::default();
        addresses.iter().for_each(|at| parameters.address(*at));
        parameters.numbers(numbers);
        // SAFETY: upheld by the caller.
        unsafe { self.launch(parameters, code.functions[kernel], (blocks(places.div_ceil(THREADS)), 1, 1)) }
    }

    /// The transpose of (rows, columns), conjugated if that is said.
    ///
    /// # Safety
    /// Both places have as many elements, and neither lies in the other.
    pub(crate) unsafe fn turn(
        &self,
        elem: Elem,
        [to, from]: [u64; 2],
        [rows, columns]: [u64; 2],
        conjugated: bool,
    ) -> Result<(), DeviceError> {
        let numbers = [rows, columns, conjugated.into()];
        // SAFETY: upheld by the caller.
        unsafe { self.launch_between(elem, TURN, &[to, from], &numbers, rows * columns) }
    }

    /// A triangle of (rows, columns), which lie by those steps, and zeros besides.
    ///
    /// # Safety
    /// The result has as many elements, and the other place those that steps lead to. They are apart, or the same.
    pub(crate) unsafe fn triangle(
        &self,
        elem: Elem,
        [to, from]: [u64; 2],
        [rows, columns]: [u64; 2],
        steps: [u64; 2],
        which: Triangle,
    ) -> Result<(), DeviceError> {
        let numbers = [rows, columns, steps[0], steps[1], which as u64];
        // SAFETY: upheld by the caller.
        unsafe { self.launch_between(elem, TRIANGLE, &[to, from], &numbers, rows * columns) }
    }

    /// Writes 1 to an `i32` if not all of `n` elements are finite.
    ///
    /// # Safety
    /// They are there.
    pub(crate) unsafe fn look(&self, elem: Elem, to: u64, from: u64, n: u64) -> Result<(), DeviceError> {
        // SAFETY: upheld by the caller.
        unsafe { self.launch_between(elem, LOOK, &[to, from], &[n], n) }
    }

    /// Multiplies `n` elements.
    ///
    /// # Safety
    /// They are there.
    pub(crate) unsafe fn scale(&self, elem: Elem, at: u64, n: u64, by: f64) -> Result<(), DeviceError> {
        // SAFETY: upheld by the caller.
        unsafe { self.launch_between(elem, SCALE, &[at], &[n, by.to_bits()], n) }
    }

    /// Lines of another length.
    ///
    /// # Safety
    /// There are as many elements at both places, which are apart.
    pub(crate) unsafe fn fit(
        &self,
        elem: Elem,
        [to, from]: [u64; 2],
        lines: Lines,
        wanted: u64,
    ) -> Result<(), DeviceError> {
        let Lines { outer, n, inner } = lines;
        let places = outer * wanted * inner;
        // SAFETY: upheld by the caller.
        unsafe { self.launch_between(elem, FIT, &[to, from], &[outer, n, wanted, inner], places) }
    }

    /// Makes the ends of lines real that are the first half of a transform of `n` real numbers.
    ///
    /// # Safety
    /// The lines are there.
    pub(crate) unsafe fn real_ends(
        &self,
        elem: Elem,
        at: u64,
        lines: Lines,
        n: u64,
    ) -> Result<(), DeviceError> {
        let Lines { outer, n: half, inner } = lines;
        // SAFETY: upheld by the caller.
        unsafe { self.launch_between(elem, REAL_ENDS, &[at], &[outer, half, inner, n], outer * inner) }
    }
}
