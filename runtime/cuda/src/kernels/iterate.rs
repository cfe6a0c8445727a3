//! Conjugate gradients and BiCGSTAB: what `nbc_numerics::sparse::iterate` asks of vectors and a matrix, on the device.
//!
//! There is no second iteration here: the processor's runs on the host, and its vectors are addresses. Of each sum one number comes
//! home, by which it goes on. Sums are made in the processor's order, so all that it decides is the same.

use super::sparse::{Matrix, zero};
use super::{ELEMENTS, c_type};
use crate::compile::Code;
use crate::device::{Cuda, Key, Scratch};
use crate::launch::{Parameters, THREADS, blocks};
use nbc_ir::Elem;
use nbc_ir::catalogue::Operation;
use nbc_numerics::sparse::Field;
use nbc_numerics::sparse::iterate::{Ended, Step, System, bicgstab, cg};
use nbc_numerics::sparse::vector::{BLOCK, Change, Vectors};
use nbc_runtime::device::DeviceError;
use nbc_runtime::device::system::{Begin, DeviceSystem};
use num_complex::Complex;
use std::marker::PhantomData;
use std::sync::Arc;

/// Which iteration it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Method {
    Cg,
    Bicgstab,
}

/// Numbers as the device has them.
trait Number: Field {
    fn bytes(self) -> Vec<u8>;
    fn of(bytes: [u8; 16]) -> Self;
}

impl Number for f32 {
    fn bytes(self) -> Vec<u8> {
        self.to_le_bytes().to_vec()
    }
    fn of([a, b, c, d, ..]: [u8; 16]) -> f32 {
        f32::from_le_bytes([a, b, c, d])
    }
}

impl Number for f64 {
    fn bytes(self) -> Vec<u8> {
        self.to_le_bytes().to_vec()
    }
    fn of(bytes: [u8; 16]) -> f64 {
        f64::from_bits(u128::from_le_bytes(bytes) as u64)
    }
}

impl Number for Complex<f64> {
    fn bytes(self) -> Vec<u8> {
        [self.re, self.im].map(f64::to_le_bytes).concat()
    }
    fn of(bytes: [u8; 16]) -> Complex<f64> {
        let both = u128::from_le_bytes(bytes);
        Complex::new(f64::from_bits(both as u64), f64::from_bits((both >> 64) as u64))
    }
}

/// Kernels of `iterate.cuh` by their places in [`NAMES`].
#[derive(Clone, Copy)]
enum Kernel {
    Change,
    Times,
    Scale,
    Dot,
    Squares,
    Greatest,
}

/// Each sum has a second kernel, which adds what blocks have come to.
const NAMES: [&std::ffi::CStr; 9] = [
    c"nbc_change",
    c"nbc_times",
    c"nbc_scale",
    c"nbc_dot",
    c"nbc_squares",
    c"nbc_greatest",
    c"nbc_dot_whole",
    c"nbc_squares_whole",
    c"nbc_greatest_whole",
];

fn text(elem: Elem) -> String {
    let (of, zero) = (c_type(elem), zero(elem));
    let (conjugate, square, size) = match elem {
        Elem::C128 => ("nbc_conj(x)", "((x).re * (x).re + (x).im * (x).im)", "nbc_modulus(x)"),
        _ => ("(x)", "((f64)(x) * (f64)(x))", "((f64)nbc_size(x))"),
    };
    // As `Field::size` has it: without the system's `hypot`.
    let modulus = match elem {
        Elem::C128 => {
            "static __device__ __forceinline__ f64 nbc_modulus(c128 x) {\n  \
             f64 a = nbc_size(x.re), b = nbc_size(x.im);\n  \
             f64 large = a != a ? b : b != b ? a : a > b ? a : b, small = a != a ? b : b != b ? a : a > b ? b : a;\n  \
             if (large == 0 || !nbc_is_finite(large)) return a != a ? a : b != b ? b : large;\n  \
             f64 ratio = small / large;\n  \
             return large * nbc_root(1 + ratio * ratio);\n}\n"
        }
        _ => "",
    };
    format!(
        "{ELEMENTS}#define NBC_T {of}\n#define NBC_ZERO {zero}\n#define NBC_CONJ(x) {conjugate}\n\
         #define NBC_SQUARE(x) {square}\n#define NBC_SIZE(x) {size}\n{modulus}{}",
        include_str!("iterate.cuh")
    )
}

/// A vector, by its address.
struct Vector(u64);

/// What computes with vectors of `n` elements.
struct There<'c, T> {
    cuda: &'c Cuda,
    code: Arc<Code>,
    n: u64,
    /// Room for one number of each block, and the whole behind them.
    sums: Scratch<'c>,
    must_stop: &'c dyn Fn() -> bool,
    of: PhantomData<T>,
}

impl<T: Number> There<'_, T> {
    /// Launches a kernel of so many threads, which moves so many vectors.
    fn start(&self, kernel: Kernel, parameters: Parameters, vectors: u64) -> Result<(), DeviceError> {
        let grid = (blocks(self.n.div_ceil(THREADS)), 1, 1);
        // SAFETY: vectors have `n` elements, and what else is read or written is there.
        unsafe { self.cuda.launch(parameters, self.code.functions[kernel as usize], grid)? };
        let bytes = self.n.saturating_mul(vectors * size_of::<T>() as u64);
        self.cuda.pace(bytes, self.must_stop)
    }

    /// What a kernel makes of vectors, one number of the result's size.
    fn folded(&self, kernel: Kernel, vectors: &[u64]) -> Result<[u8; 16], DeviceError> {
        let count = self.n.div_ceil(BLOCK as u64);
        let mut parameters = Parameters::default();
        [self.sums.address].iter().chain(vectors).for_each(|at| parameters.address(*at));
        parameters.numbers(&[self.n]);
        let of_sums = kernel as usize + (Kernel::Greatest as usize - Kernel::Dot as usize + 1);
        // SAFETY: vectors have `n` elements, and there is room for a number of each block.
        unsafe {
            self.cuda.launch(parameters, self.code.functions[kernel as usize], (blocks(count), 1, 1))?;
        }
        let mut at = self.sums.address;
        if count > 1 {
            at = self.sums.address + count * MOST_BYTES;
            let mut parameters = Parameters::default();
            [at, self.sums.address].into_iter().for_each(|at| parameters.address(at));
            parameters.numbers(&[count]);
            // SAFETY: so many numbers have been written, and behind them is room for one.
            unsafe { self.cuda.launch(parameters, self.code.functions[of_sums], (1, 1, 1))? };
        }
        let mut bytes = [0; 16];
        let size = if matches!(kernel, Kernel::Dot) { size_of::<T>() } else { size_of::<f64>() };
        self.cuda.read(at, &mut bytes[..size])?;
        Ok(bytes)
    }
}

/// Bytes of the largest number.
const MOST_BYTES: u64 = 16;

impl<T: Number> Vectors<T, DeviceError> for &There<'_, T> {
    type Vector = Vector;

    fn dot(&mut self, x: &Vector, y: &Vector) -> Result<T, DeviceError> {
        self.folded(Kernel::Dot, &[x.0, y.0]).map(T::of)
    }

    fn norm(&mut self, x: &Vector) -> Result<f64, DeviceError> {
        self.folded(Kernel::Squares, &[x.0]).map(|bytes| f64::of(bytes).sqrt())
    }

    fn greatest(&mut self, x: &Vector) -> Result<f64, DeviceError> {
        self.folded(Kernel::Greatest, &[x.0]).map(f64::of)
    }

    fn change(&mut self, y: &mut Vector, x: &Vector, how: Change<T>) -> Result<(), DeviceError> {
        let (number, by) = match how {
            Change::Copy => (0, T::ZERO),
            Change::Scaled(by) => (1, by),
            Change::Plus(times) => (2, times),
            Change::Minus(times) => (3, times),
            Change::Onto(times) => (4, times),
            Change::Less => (5, T::ZERO),
        };
        let mut parameters = Parameters::default();
        [y.0, x.0].into_iter().for_each(|at| parameters.address(at));
        parameters.element(&by.bytes());
        parameters.numbers(&[number, self.n]);
        self.start(Kernel::Change, parameters, 3)
    }

    fn scale(&mut self, x: &mut Vector, by: T) -> Result<bool, DeviceError> {
        let flag = self.cuda.flag()?;
        let mut parameters = Parameters::default();
        parameters.address(x.0);
        parameters.element(&by.bytes());
        parameters.address(flag.address);
        parameters.numbers(&[self.n]);
        self.start(Kernel::Scale, parameters, 2)?;
        Ok(!self.cuda.is_raised(&flag)?)
    }
}

/// The matrix of a system, and its preconditioner.
struct Equations<'s, 'c, 'a, 'b, T> {
    there: &'s There<'c, T>,
    matrix: Matrix<'c, 'a>,
    inverse: Option<u64>,
    begin: Begin<'b>,
}

impl<T: Number> System<Vector, DeviceError> for Equations<'_, '_, '_, '_, T> {
    fn begin(&mut self, step: Step) -> Result<(), DeviceError> {
        match (self.begin)(step) {
            true => Ok(()),
            false => Err(DeviceError("the program has to stop".to_owned())),
        }
    }

    fn apply(&mut self, x: &Vector, out: &mut Vector) -> Result<(), DeviceError> {
        self.there.cuda.matrix_times(&self.matrix, x.0, 1, out.0, self.there.must_stop)
    }

    fn precondition(&mut self, x: &Vector, out: &mut Vector) -> Result<(), DeviceError> {
        let mut parameters = Parameters::default();
        [out.0, x.0].into_iter().for_each(|at| parameters.address(at));
        match self.inverse {
            Some(inverse) => {
                parameters.address(inverse);
                parameters.numbers(&[self.there.n]);
                self.there.start(Kernel::Times, parameters, 3)
            }
            None => {
                parameters.element(&T::ZERO.bytes());
                parameters.numbers(&[0, self.there.n]);
                self.there.start(Kernel::Change, parameters, 2)
            }
        }
    }
}

impl Cuda {
    /// Solves a system. The context is current.
    pub(crate) fn iterate(
        &self,
        method: Method,
        system: &DeviceSystem<'_>,
        begin: Begin<'_>,
    ) -> Result<Ended, DeviceError> {
        match system.matrix.elem {
            Elem::F32 => self.iterate_of::<f32>(method, system, begin),
            Elem::F64 => self.iterate_of::<f64>(method, system, begin),
            Elem::C128 => self.iterate_of::<Complex<f64>>(method, system, begin),
            Elem::Bool | Elem::U8 | Elem::I32 | Elem::I64 | Elem::C64 => {
                Err(DeviceError("no elements of a sparse matrix".to_owned()))
            }
        }
    }

    fn iterate_of<T: Number>(
        &self,
        method: Method,
        system: &DeviceSystem<'_>,
        begin: Begin<'_>,
    ) -> Result<Ended, DeviceError> {
        let elem = system.matrix.elem;
        let n = system.matrix.starts.len() - 1;
        let bytes = n * elem.size();
        let operation = Operation::find("sparse.cg").expect("a row of the catalogue").index();
        let key = Key { operation, elems: vec![elem], layout: None };
        let code = self.kernel(key, &NAMES, || text(elem))?;
        let (right, _held_right) = self.sent(&system.right)?;
        let (inverse, _held_inverse) = match &system.inverse {
            Some(inverse) => self.sent(inverse).map(|(at, held)| (Some(at), held))?,
            None => (None, None),
        };
        let sums = self.scratch((n.div_ceil(BLOCK) + 1) * MOST_BYTES as usize)?;
        let of = PhantomData::<T>;
        let there = There { cuda: self, code, n: n as u64, sums, must_stop: system.must_stop, of };
        let count = match method {
            Method::Cg => 4,
            Method::Bicgstab => 8,
        };
        let room = self.scratch(bytes.saturating_mul(count))?;
        let solution = system.result.memory.0.get() + system.result.offset as u64;
        self.zero(room.address, bytes * count)?;
        self.zero(solution, bytes)?;
        let matrix = Matrix::sent(self, system.matrix)?;
        let mut equations = Equations { there: &there, matrix, inverse, begin };
        let mut all: [Vector; 8] = std::array::from_fn(|at| Vector(room.address + (at * bytes) as u64));
        let (right, mut x) = (Vector(right), Vector(solution));
        let (tolerance, most) = (system.tolerance, system.most);
        match method {
            Method::Cg => {
                let room = all.each_mut();
                let [r, z, p, q, ..] = room;
                cg(&mut equations, &mut &there, &right, tolerance, most, &mut x, [r, z, p, q])
            }
            Method::Bicgstab => {
                bicgstab(&mut equations, &mut &there, &right, tolerance, most, &mut x, all.each_mut())
            }
        }
    }
}
