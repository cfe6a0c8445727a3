//! Systems of equations and decompositions of matrices by cuSOLVER.
//!
//! cuSOLVER has matrices by columns. What is by rows is the transpose there. It serves as it is where that is
//! symmetric but for conjugation, and is turned elsewhere. Each matrix of a stack is one call.
//!
//! cuSOLVER says in `info` what has no answer: a pivot of zero, a matrix that is not positive definite, an
//! iteration without an end. NaN and infinities it does not see, so a kernel of our own looks for them first. In
//! all these cases the operation fails here, and the processor runs it: it has the trap, or an answer after all.

use super::Library;
use crate::device::{Cuda, address, count, elem_of, locked};
use crate::kernels::between::Triangle;
use cudarc::cusolver::sys::{
    self, cublasFillMode_t as Fill, cublasOperation_t as Turn, cudaDataType as Data,
    cusolverEigMode_t as Vectors,
};
use cudarc::driver::result;
use nbc_ir::Elem;
use nbc_runtime::device::{DeviceCall, DeviceError};
use std::ffi::c_void;
use std::mem::MaybeUninit;

/// What is called.
pub(super) const FUNCTIONS: &[&str] = &[
    "cusolverDnCreate",
    "cusolverDnDestroy",
    "cusolverDnSetStream",
    "cusolverDnCreateParams",
    "cusolverDnDestroyParams",
    "cusolverDnXgetrf_bufferSize",
    "cusolverDnXgetrf",
    "cusolverDnXgetrs",
    "cusolverDnXpotrf_bufferSize",
    "cusolverDnXpotrf",
    "cusolverDnXpotrs",
    "cusolverDnXgeqrf_bufferSize",
    "cusolverDnXgeqrf",
    "cusolverDnSorgqr_bufferSize",
    "cusolverDnSorgqr",
    "cusolverDnDorgqr_bufferSize",
    "cusolverDnDorgqr",
    "cusolverDnCungqr_bufferSize",
    "cusolverDnCungqr",
    "cusolverDnZungqr_bufferSize",
    "cusolverDnZungqr",
    "cusolverDnXgesvd_bufferSize",
    "cusolverDnXgesvd",
    "cusolverDnXsyevd_bufferSize",
    "cusolverDnXsyevd",
];

/// Elements of a matrix below which it stays on the processor: a call takes longer than the matrix.
const LEAST: u64 = 1 << 10;
/// Operations on numbers in one call, which nothing breaks off: about a second of a GPU for computing.
const MOST: u64 = 1 << 43;

/// What is asked of a matrix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Task {
    Solve,
    SolvePositive,
    Lu,
    Cholesky,
    Qr,
    Svd,
    SingularValues,
    Eigen,
    Eigenvalues,
}

impl Task {
    /// Operations on numbers that one matrix takes, about.
    fn work(self, m: u64, n: u64, k: u64) -> u64 {
        let cubic = m.saturating_mul(n).saturating_mul(m.min(n));
        match self {
            Task::Solve | Task::SolvePositive => {
                cubic.saturating_add(n.saturating_mul(n).saturating_mul(2 * k))
            }
            Task::Lu | Task::Cholesky => cubic,
            Task::Qr | Task::SingularValues | Task::Eigenvalues => cubic.saturating_mul(4),
            Task::Svd => cubic.saturating_mul(20),
            Task::Eigen => cubic.saturating_mul(9),
        }
    }
}

/// A handle of cuSOLVER, and parameters, all of which stay as they are.
pub(crate) struct Solver {
    handle: sys::cusolverDnHandle_t,
    parameters: sys::cusolverDnParams_t,
}

// SAFETY: handles may be used on every thread, by one at a time: they lie behind a lock.
unsafe impl Send for Solver {}

impl Solver {
    /// Gives it back. The context is current.
    pub(crate) fn destroy(self) {
        // SAFETY: both were made, or are null, and are used no more.
        unsafe {
            if !self.parameters.is_null() {
                let _ = sys::cusolverDnDestroyParams(self.parameters);
            }
            let _ = sys::cusolverDnDestroy(self.handle);
        }
    }
}

fn wrong(why: &str) -> DeviceError {
    DeviceError(why.to_owned())
}

/// How cuSOLVER calls elements, and their real parts.
fn kinds(elem: Elem) -> Option<(Data, Data)> {
    Some(match elem {
        Elem::F32 => (Data::CUDA_R_32F, Data::CUDA_R_32F),
        Elem::F64 => (Data::CUDA_R_64F, Data::CUDA_R_64F),
        Elem::C64 => (Data::CUDA_C_32F, Data::CUDA_R_32F),
        Elem::C128 => (Data::CUDA_C_64F, Data::CUDA_R_64F),
        _ => return None,
    })
}

/// A stack of matrices: how many, their rows and columns.
fn stack(dims: &[u64]) -> Option<(&[u64], u64, u64)> {
    let [lead @ .., m, n] = dims else { return None };
    Some((lead, *m, *n))
}

/// Columns of a right-hand side, if there is one for each matrix.
fn columns(a: &[u64], b: &[u64]) -> Option<u64> {
    let (lead, _, n) = stack(a)?;
    match b {
        [rows] => (lead.is_empty() && *rows == n).then_some(1),
        [lead_of_b @ .., rows, k] => (lead_of_b == lead && *rows == n).then_some(*k),
        [] => None,
    }
}

/// Memory that cuSOLVER works in on the host. If the stream has not been waited for it is never given back.
struct OnHost(Vec<MaybeUninit<u8>>, bool);

impl Drop for OnHost {
    fn drop(&mut self) {
        if !self.1 {
            std::mem::forget(std::mem::take(&mut self.0));
        }
    }
}

/// A call that is being carried out.
struct Run<'a> {
    of: &'a Cuda,
    solver: &'a Solver,
    elem: Elem,
    data: Data,
    real: Data,
    /// What a library says of a matrix, one after the other, behind what our own kernel says.
    info: u64,
    infos: u64,
    held: Vec<crate::device::Scratch<'a>>,
    on_host: Vec<OnHost>,
}

impl Cuda {
    /// Whether a call of such dims goes to cuSOLVER.
    pub(crate) fn takes_decomposition(&self, task: Task, elem: Elem, args: &[&[u64]]) -> bool {
        let Some((_, m, n)) = args.first().and_then(|a| stack(a)) else { return false };
        let k = match (task, args) {
            (Task::Solve | Task::SolvePositive, [a, b]) => match columns(a, b) {
                Some(k) => k,
                None => return false,
            },
            _ => 0,
        };
        let is_small = i32::try_from(m.max(n)).is_ok() && m.saturating_mul(n) >= LEAST;
        kinds(elem).is_some() && is_small && task.work(m, n, k) <= MOST && self.has(Library::Solver)
    }

    /// A decomposition, or solutions.
    pub(crate) fn run_decomposition(&self, task: Task, call: &DeviceCall<'_>) -> Result<(), DeviceError> {
        let a = call.args.first().ok_or_else(|| wrong("no matrix"))?;
        let (elem, (lead, m, n)) = elem_of(a).zip(stack(a.dims())).ok_or_else(|| wrong("no matrix"))?;
        let (data, real) = kinds(elem).ok_or_else(|| wrong("no numbers"))?;
        let matrices = count(lead);
        let k = match (task, call.args) {
            (Task::Solve | Task::SolvePositive, [a, b]) => {
                columns(a.dims(), b.dims()).ok_or_else(|| wrong("no right-hand side"))?
            }
            _ => 0,
        };
        let mut solver = locked(&self.solver);
        let solver = self.made_solver(&mut solver)?;
        let (from, held) = self.sent(a)?;
        // One is our kernel's; each matrix has at most two calls that say something.
        let says = vec![0u8; 4 * (1 + 2 * matrices as usize)];
        let info = self.scratch(says.len())?;
        // SAFETY: so much memory is there; the driver has read pageable memory when it returns.
        self.noted(unsafe { result::memcpy_htod_async(info.address, &says, self.stream) })?;
        let mut run = Run {
            of: self,
            solver,
            elem,
            data,
            real,
            info: info.address,
            infos: 0,
            held: held.into_iter().chain([info]).collect(),
            on_host: Vec::new(),
        };
        let size = elem.size() as u64;
        // SAFETY: all places are in the argument, the results or rooms of those sizes.
        unsafe {
            self.look(elem, run.info, from, count(a.dims()))?;
            let mut right = 0;
            if let (Task::Solve | Task::SolvePositive, [_, b]) = (task, call.args) {
                let (at, held) = self.sent(b)?;
                run.held.extend(held);
                self.look(elem, run.info, at, count(b.dims()))?;
                right = at;
            }
            let results: Vec<u64> = [&call.result]
                .into_iter()
                .chain(call.others)
                .map(|result| result.memory.0.get() + result.offset as u64)
                .collect();
            let each: Vec<u64> = [&call.result]
                .into_iter()
                .chain(call.others)
                .map(|result| count(result.dims) / matrices * result.elem.size() as u64)
                .collect();
            let mut pivots = Vec::new();
            for at in 0..matrices {
                let a = from + at * m * n * size;
                let to = |which: usize| results[which] + at * each[which];
                match task {
                    Task::Solve => run.solve(to(0), a, right + at * n * k * size, [n, k])?,
                    Task::SolvePositive => {
                        run.solve_positive(to(0), a, right + at * n * k * size, [n, k])?;
                    }
                    Task::Lu => pivots.push(run.lu([to(1), to(2)], a, [m, n])?),
                    Task::Cholesky => run.cholesky(to(0), a, n)?,
                    Task::Qr => run.qr([to(0), to(1)], a, [m, n])?,
                    Task::Svd => run.svd(Some([to(0), to(2)]), to(1), a, [m, n])?,
                    Task::SingularValues => run.svd(None, to(0), a, [m, n])?,
                    Task::Eigen => run.eigen(to(0), Some(to(1)), a, n)?,
                    Task::Eigenvalues => run.eigen(to(0), None, a, n)?,
                }
                self.pace(task.work(m, n, k), call.must_stop)?;
            }
            run.finish(says, call.must_stop)?;
            if task == Task::Lu {
                self.orders(address(call), &pivots, m)?;
            }
        }
        Ok(())
    }

    /// The handle, made if it is not there.
    fn made_solver<'a>(&self, solver: &'a mut Option<Solver>) -> Result<&'a Solver, DeviceError> {
        if solver.is_none() {
            let mut made = Solver { handle: std::ptr::null_mut(), parameters: std::ptr::null_mut() };
            // SAFETY: the context is current; what is made is given back with the device, or here.
            unsafe {
                self.library_said("cusolverDnCreate", sys::cusolverDnCreate(&mut made.handle).result())?;
                let stream = sys::cusolverDnSetStream(made.handle, self.stream.cast()).result();
                let done = self.library_said("cusolverDnSetStream", stream).and_then(|()| {
                    let parameters = sys::cusolverDnCreateParams(&mut made.parameters).result();
                    self.library_said("cusolverDnCreateParams", parameters)
                });
                if let Err(failed) = done {
                    made.destroy();
                    return Err(failed);
                }
            }
            *solver = Some(made);
        }
        solver.as_ref().ok_or_else(|| wrong("no handle"))
    }

    /// Writes for each matrix the order of its rows, from the rows that were exchanged one after the other.
    ///
    /// # Safety
    /// The stream has been waited for; pivots and result are there.
    unsafe fn orders(&self, to: u64, pivots: &[(u64, u64)], m: u64) -> Result<(), DeviceError> {
        for (at, (from, exchanges)) in pivots.iter().enumerate() {
            let mut bytes = vec![MaybeUninit::new(0u8); 8 * *exchanges as usize];
            // SAFETY: so much memory is on both sides.
            unsafe {
                self.noted(result::memcpy_dtoh_async(&mut bytes, *from, self.stream))?;
                self.noted(result::stream::synchronize(self.stream))?;
            }
            let mut order: Vec<i64> = (0..m as i64).collect();
            let (numbers, _) = bytes.as_chunks::<8>();
            for (row, number) in numbers.iter().enumerate() {
                // SAFETY: all were initialised at first.
                let number = u64::from_le_bytes(number.map(|byte| unsafe { byte.assume_init() }));
                let other = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
                let other = other.filter(|row| *row < order.len()).ok_or_else(|| wrong("no row"))?;
                order.swap(row, other);
            }
            let bytes: Vec<u8> = order.iter().flat_map(|row| row.to_le_bytes()).collect();
            // SAFETY: as above; the driver has read pageable memory when it returns.
            unsafe {
                let place = to + at as u64 * m * 8;
                self.noted(result::memcpy_htod_async(place, &bytes, self.stream))?;
            }
        }
        Ok(())
    }
}

/// Places are those of matrices by rows, or of rooms for them; `unsafe` functions want them to be there.
impl Run<'_> {
    /// Memory for so many elements, until all is done.
    fn room(&mut self, elem: Elem, len: u64) -> Result<u64, DeviceError> {
        self.bytes(len.saturating_mul(elem.size() as u64))
    }

    fn bytes(&mut self, len: u64) -> Result<u64, DeviceError> {
        let len = usize::try_from(len).map_err(|_| wrong("too many elements"))?;
        let scratch = self.of.scratch(len.max(1))?;
        let at = scratch.address;
        self.held.push(scratch);
        Ok(at)
    }

    /// Memory that a call works in: as much as it says, on both sides.
    fn work(
        &mut self,
        what: &str,
        ask: impl FnOnce(&mut usize, &mut usize) -> sys::cusolverStatus_t,
    ) -> Result<[(*mut c_void, usize); 2], DeviceError> {
        let (mut device, mut host) = (0, 0);
        self.of.library_said(what, ask(&mut device, &mut host).result())?;
        let at = self.bytes(device as u64)?;
        let mut room = vec![MaybeUninit::uninit(); host];
        let on_host = room.as_mut_ptr().cast();
        self.on_host.push(OnHost(room, false));
        Ok([(at as *mut c_void, device), (on_host, host)])
    }

    /// Where the next call is to say what came of it.
    fn next_info(&mut self) -> *mut i32 {
        self.infos += 1;
        (self.info + 4 * self.infos) as *mut i32
    }

    /// Waits until all is done, and looks at what calls have said.
    fn finish(&mut self, mut says: Vec<u8>, must_stop: &dyn Fn() -> bool) -> Result<(), DeviceError> {
        self.of.wait(must_stop)?;
        let len = says.len();
        let to: *mut MaybeUninit<u8> = says.as_mut_ptr().cast();
        // SAFETY: so many bytes are on both sides; they are not used until the stream has been waited for.
        unsafe {
            let to = std::slice::from_raw_parts_mut(to, len);
            self.of.noted(result::memcpy_dtoh_async(to, self.info, self.of.stream))?;
            self.of.noted(result::stream::synchronize(self.of.stream))?;
        }
        self.on_host.iter_mut().for_each(|host| host.1 = true);
        match says.iter().any(|byte| *byte != 0) {
            true => Err(wrong("a matrix has no such answer, or an element is not finite")),
            false => Ok(()),
        }
    }

    /// LU by columns, in place; where the pivots are.
    unsafe fn factor(&mut self, a: u64, [m, n]: [u64; 2]) -> Result<u64, DeviceError> {
        let (handle, parameters, data) = (self.solver.handle, self.solver.parameters, self.data);
        let (rows, columns, at) = (m as i64, n as i64, a as *mut c_void);
        let [device, host] = self.work("cusolverDnXgetrf_bufferSize", |device, host| {
            // SAFETY: upheld by the caller.
            unsafe {
                sys::cusolverDnXgetrf_bufferSize(
                    handle, parameters, rows, columns, data, at, rows, data, device, host,
                )
            }
        })?;
        let pivots = self.bytes(8 * m.min(n))?;
        let info = self.next_info();
        // SAFETY: upheld by the caller.
        let done = unsafe {
            sys::cusolverDnXgetrf(
                handle,
                parameters,
                rows,
                columns,
                data,
                at,
                rows,
                pivots as *mut i64,
                data,
                device.0,
                device.1,
                host.0,
                host.1,
                info,
            )
        };
        self.of.library_said("cusolverDnXgetrf", done.result())?;
        Ok(pivots)
    }

    unsafe fn solve(&mut self, to: u64, a: u64, b: u64, [n, k]: [u64; 2]) -> Result<(), DeviceError> {
        let lu = self.room(self.elem, n * n)?;
        // SAFETY: upheld by the caller; rooms are as large.
        unsafe {
            self.of.turn(self.elem, [lu, a], [n, n], false)?;
            let pivots = self.factor(lu, [n, n])?;
            let x = self.room(self.elem, n * k)?;
            self.of.turn(self.elem, [x, b], [n, k], false)?;
            let info = self.next_info();
            let (rows, data) = (n as i64, self.data);
            let done = sys::cusolverDnXgetrs(
                self.solver.handle,
                self.solver.parameters,
                Turn::CUBLAS_OP_N,
                rows,
                k as i64,
                data,
                lu as *const c_void,
                rows,
                pivots as *const i64,
                data,
                x as *mut c_void,
                rows,
                info,
            );
            self.of.library_said("cusolverDnXgetrs", done.result())?;
            self.of.turn(self.elem, [to, x], [k, n], false)
        }
    }

    unsafe fn lu(&mut self, [l, u]: [u64; 2], a: u64, [m, n]: [u64; 2]) -> Result<(u64, u64), DeviceError> {
        let size = m.min(n);
        let factors = self.room(self.elem, m * n)?;
        // SAFETY: upheld by the caller; rooms are as large.
        unsafe {
            self.of.turn(self.elem, [factors, a], [m, n], false)?;
            let pivots = self.factor(factors, [m, n])?;
            self.of.triangle(self.elem, [l, factors], [m, size], [1, m], Triangle::LowerOfOnes)?;
            self.of.triangle(self.elem, [u, factors], [size, n], [1, m], Triangle::Upper)?;
            Ok((pivots, size))
        }
    }

    /// The upper factor of a Hermitian matrix that is given by its upper triangle by columns, in its place.
    unsafe fn factor_positive(&mut self, a: u64, n: u64) -> Result<(), DeviceError> {
        let (handle, parameters, data) = (self.solver.handle, self.solver.parameters, self.data);
        let (rows, at, upper) = (n as i64, a as *mut c_void, Fill::CUBLAS_FILL_MODE_UPPER);
        let [device, host] = self.work("cusolverDnXpotrf_bufferSize", |device, host| {
            // SAFETY: upheld by the caller.
            unsafe {
                sys::cusolverDnXpotrf_bufferSize(
                    handle, parameters, upper, rows, data, at, rows, data, device, host,
                )
            }
        })?;
        let info = self.next_info();
        // SAFETY: upheld by the caller.
        let done = unsafe {
            sys::cusolverDnXpotrf(
                handle, parameters, upper, rows, data, at, rows, data, device.0, device.1, host.0, host.1,
                info,
            )
        };
        self.of.library_said("cusolverDnXpotrf", done.result())
    }

    unsafe fn copied(&mut self, to: u64, from: u64, len: u64) -> Result<(), DeviceError> {
        let bytes = len as usize * self.elem.size();
        // SAFETY: upheld by the caller.
        self.of.noted(unsafe { result::memcpy_dtod_async(to, from, bytes, self.of.stream) })
    }

    /// The lower triangle by rows is the upper one by columns, of the conjugate matrix; so are its factors.
    unsafe fn cholesky(&mut self, to: u64, a: u64, n: u64) -> Result<(), DeviceError> {
        // SAFETY: upheld by the caller.
        unsafe {
            self.copied(to, a, n * n)?;
            self.factor_positive(to, n)?;
            self.of.triangle(self.elem, [to, to], [n, n], [n, 1], Triangle::Lower)
        }
    }

    unsafe fn solve_positive(
        &mut self,
        to: u64,
        a: u64,
        b: u64,
        [n, k]: [u64; 2],
    ) -> Result<(), DeviceError> {
        let factor = self.room(self.elem, n * n)?;
        let x = self.room(self.elem, n * k)?;
        // SAFETY: upheld by the caller; rooms are as large.
        unsafe {
            self.copied(factor, a, n * n)?;
            self.factor_positive(factor, n)?;
            // It is the conjugate matrix, so both sides are conjugated.
            self.of.turn(self.elem, [x, b], [n, k], true)?;
            let info = self.next_info();
            let (rows, data) = (n as i64, self.data);
            let done = sys::cusolverDnXpotrs(
                self.solver.handle,
                self.solver.parameters,
                Fill::CUBLAS_FILL_MODE_UPPER,
                rows,
                k as i64,
                data,
                factor as *const c_void,
                rows,
                data,
                x as *mut c_void,
                rows,
                info,
            );
            self.of.library_said("cusolverDnXpotrs", done.result())?;
            self.of.turn(self.elem, [to, x], [k, n], true)
        }
    }

    unsafe fn qr(&mut self, [q, r]: [u64; 2], a: u64, [m, n]: [u64; 2]) -> Result<(), DeviceError> {
        let size = m.min(n);
        let factors = self.room(self.elem, m * n)?;
        let tau = self.room(self.elem, size)?;
        let (handle, parameters, data) = (self.solver.handle, self.solver.parameters, self.data);
        let (rows, columns) = (m as i64, n as i64);
        let (at, scales) = (factors as *mut c_void, tau as *mut c_void);
        // SAFETY: upheld by the caller; rooms are as large.
        unsafe {
            self.of.turn(self.elem, [factors, a], [m, n], false)?;
            let [device, host] = self.work("cusolverDnXgeqrf_bufferSize", |device, host| {
                sys::cusolverDnXgeqrf_bufferSize(
                    handle, parameters, rows, columns, data, at, rows, data, scales, data, device, host,
                )
            })?;
            let info = self.next_info();
            let done = sys::cusolverDnXgeqrf(
                handle, parameters, rows, columns, data, at, rows, data, scales, data, device.0, device.1,
                host.0, host.1, info,
            );
            self.of.library_said("cusolverDnXgeqrf", done.result())?;
            self.of.triangle(self.elem, [r, factors], [size, n], [1, m], Triangle::Upper)?;
            self.orthogonal(factors, tau, [m, size])?;
            self.of.turn(self.elem, [q, factors], [size, m], false)
        }
    }

    /// The first columns of q in place of the reflections that make it up.
    unsafe fn orthogonal(&mut self, a: u64, tau: u64, [m, size]: [u64; 2]) -> Result<(), DeviceError> {
        let wrong_size = |_| wrong("too many rows");
        let (m, n) = (i32::try_from(m).map_err(wrong_size)?, i32::try_from(size).map_err(wrong_size)?);
        let handle = self.solver.handle;
        macro_rules! by {
            ($sizes:ident, $function:ident) => {{
                let mut len = 0;
                let asked = sys::$sizes(handle, m, n, n, a as *const _, m, tau as *const _, &mut len);
                self.of.library_said(stringify!($sizes), asked.result())?;
                let room = self.room(self.elem, len.max(1) as u64)?;
                let info = self.next_info();
                sys::$function(handle, m, n, n, a as *mut _, m, tau as *const _, room as *mut _, len, info)
            }};
        }
        // SAFETY: upheld by the caller; the room is as large as was asked for.
        let done = unsafe {
            match self.elem {
                Elem::F32 => by!(cusolverDnSorgqr_bufferSize, cusolverDnSorgqr),
                Elem::F64 => by!(cusolverDnDorgqr_bufferSize, cusolverDnDorgqr),
                Elem::C64 => by!(cusolverDnCungqr_bufferSize, cusolverDnCungqr),
                _ => by!(cusolverDnZungqr_bufferSize, cusolverDnZungqr),
            }
        };
        self.of.library_said("orgqr", done.result())
    }

    /// Singular values, and u and vh if there are places for them.
    unsafe fn svd(
        &mut self,
        vectors: Option<[u64; 2]>,
        s: u64,
        a: u64,
        [m, n]: [u64; 2],
    ) -> Result<(), DeviceError> {
        let (handle, parameters, data, real) =
            (self.solver.handle, self.solver.parameters, self.data, self.real);
        // By columns the matrix has at least as many rows as columns: as it lies there, or turned.
        let is_turned = m > n;
        let (rows, columns) = (m.max(n), m.min(n));
        let work = self.room(self.elem, m * n)?;
        let (left, right) = match vectors {
            None => (0, 0),
            Some(_) if is_turned => {
                (self.room(self.elem, rows * columns)?, self.room(self.elem, columns * columns)?)
            }
            // As it lies it is the transpose, v·s·uᵀ but for conjugation: both lie by rows as they are wanted.
            Some([u, vh]) => (vh, u),
        };
        let job = (if vectors.is_some() { b'S' } else { b'N' }) as i8;
        let (high, wide) = (rows as i64, columns as i64);
        let at = |address: u64| address as *mut c_void;
        // SAFETY: upheld by the caller; rooms are as large.
        unsafe {
            match is_turned {
                true => self.of.turn(self.elem, [work, a], [m, n], false)?,
                false => self.copied(work, a, m * n)?,
            }
            let [device, host] = self.work("cusolverDnXgesvd_bufferSize", |device, host| {
                sys::cusolverDnXgesvd_bufferSize(
                    handle,
                    parameters,
                    job,
                    job,
                    high,
                    wide,
                    data,
                    at(work),
                    high,
                    real,
                    at(s),
                    data,
                    at(left),
                    high,
                    data,
                    at(right),
                    wide,
                    data,
                    device,
                    host,
                )
            })?;
            let info = self.next_info();
            let done = sys::cusolverDnXgesvd(
                handle,
                parameters,
                job,
                job,
                high,
                wide,
                data,
                at(work),
                high,
                real,
                at(s),
                data,
                at(left),
                high,
                data,
                at(right),
                wide,
                data,
                device.0,
                device.1,
                host.0,
                host.1,
                info,
            );
            self.of.library_said("cusolverDnXgesvd", done.result())?;
            if let (Some([u, vh]), true) = (vectors, is_turned) {
                self.of.turn(self.elem, [u, left], [columns, rows], false)?;
                self.of.turn(self.elem, [vh, right], [columns, columns], false)?;
            }
        }
        Ok(())
    }

    /// Eigenvalues of a Hermitian matrix, and its eigenvectors as columns if there is a place for them.
    unsafe fn eigen(&mut self, w: u64, v: Option<u64>, a: u64, n: u64) -> Result<(), DeviceError> {
        let (handle, parameters, data, real) =
            (self.solver.handle, self.solver.parameters, self.data, self.real);
        let job = match v {
            Some(_) => Vectors::CUSOLVER_EIG_MODE_VECTOR,
            None => Vectors::CUSOLVER_EIG_MODE_NOVECTOR,
        };
        let upper = Fill::CUBLAS_FILL_MODE_UPPER;
        let work = self.room(self.elem, n * n)?;
        let (rows, at, values) = (n as i64, work as *mut c_void, w as *mut c_void);
        // SAFETY: upheld by the caller; rooms are as large.
        unsafe {
            self.copied(work, a, n * n)?;
            let [device, host] = self.work("cusolverDnXsyevd_bufferSize", |device, host| {
                sys::cusolverDnXsyevd_bufferSize(
                    handle, parameters, job, upper, rows, data, at, rows, real, values, data, device, host,
                )
            })?;
            let info = self.next_info();
            let done = sys::cusolverDnXsyevd(
                handle, parameters, job, upper, rows, data, at, rows, real, values, data, device.0, device.1,
                host.0, host.1, info,
            );
            self.of.library_said("cusolverDnXsyevd", done.result())?;
            match v {
                // They are those of the conjugate matrix, one after the other.
                Some(v) => self.of.turn(self.elem, [v, work], [n, n], true),
                None => Ok(()),
            }
        }
    }
}
