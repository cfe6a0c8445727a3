//! Products of matrices and vectors: plain, of transposes, added to what is there.

use super::gemm::{Sizes, Strided, multiply_each};
use super::stack::Paired;
use crate::object::TensorRef;
use crate::object::element::with_elem;
use crate::op::number::Number;
use crate::op::work::copy;
use crate::op::{OpCall, shape_mismatch};
use crate::trap::{TrapCode, TrapError};
use nbc_ir::catalogue::shape::{NoProduct, Product, matmul};
use nbc_ir::catalogue::{Extent, Work};
use nbc_ir::dims::Dims;
use std::mem::MaybeUninit;

type Done = Result<(), TrapError>;

/// What messages call products of arguments.
pub(super) const NAME: &str = "matmul";

/// How a factor is meant: as it is, transposed, transposed and conjugated.
#[derive(Clone, Copy, Default)]
pub(in crate::op) struct Turn {
    transposed: bool,
    conjugated: bool,
}

/// A product of two arguments.
pub(in crate::op) struct Call {
    product: Product,
    pairs: Paired,
    turns: [Turn; 2],
    ranks: [usize; 2],
}

impl Call {
    /// That of the arguments `at` and the next, whose elements must fit; messages call it `name`.
    pub(in crate::op) fn new(
        call: &mut OpCall<'_>,
        name: &str,
        at: usize,
        turns: [Turn; 2],
    ) -> Result<Call, TrapError> {
        let given = [call.tensor(at).dims(), call.tensor(at + 1).dims()];
        let meant = [0, 1].map(|i| if turns[i].transposed { transposed(&given[i]) } else { given[i] });
        let [a, b] = meant;
        let product = matmul(&a, &b).map_err(|why| match why {
            NoProduct::Rank => TrapError::new(
                TrapCode::RankMismatch,
                format!("{name} wants matrices or vectors, found dims {a} and {b}"),
            ),
            NoProduct::Inner => shape_mismatch(&format!("the inner dims of {name} differ"), &a, &b),
            NoProduct::Lead => {
                let text = format!("the dims before the matrices of {name} do not go together");
                shape_mismatch(&text, &a, &b)
            }
        })?;
        let lead = |dims: &Dims| Dims::new(&dims[..dims.len().saturating_sub(2)]).expect("fewer dims");
        let pairs = Paired::new(call, &lead(&a), &lead(&b))?;
        Ok(Call { product, pairs, turns, ranks: [a.len(), b.len()] })
    }

    /// Dims of the result.
    pub(in crate::op) fn dims(&self) -> &Dims {
        &self.product.dims
    }

    /// How many products there are.
    pub(in crate::op) fn count(&self) -> usize {
        self.pairs.count
    }

    /// Which matrices product `at` is of.
    pub(in crate::op) fn pair(&self, at: usize) -> (usize, usize) {
        (self.pairs.of(0, at), self.pairs.of(1, at))
    }

    /// m, k and n.
    pub(in crate::op) fn sizes_of_one(&self) -> [usize; 3] {
        let Sizes { m, k, n, .. } = self.sizes(false);
        [m, k, n]
    }

    fn sizes(&self, add: bool) -> Sizes {
        let Product { m, k, n, .. } = self.product;
        Sizes { m: m as usize, k: k as usize, n: n as usize, add }
    }

    /// Computes it into elements at `c`, row-major.
    ///
    /// # Safety
    /// `a` and `b` must be the elements of the arguments; `c` must have room for the result, all written if it is
    /// added to, and overlap neither.
    unsafe fn run<T: Number>(
        &self,
        call: &mut OpCall<'_>,
        [a, b]: [*const T; 2],
        c: *mut T,
        add: bool,
    ) -> Done {
        let sizes = self.sizes(add);
        let Sizes { m, k, n, .. } = sizes;
        // What is the (i, j) of `rows`×`columns`, as it is meant, lies as the argument has it.
        let factor = |which: usize, start: *const T, rows: usize, columns: usize| {
            let Turn { transposed, conjugated } = self.turns[which];
            let is_turned = transposed && self.ranks[which] > 1;
            let (row, column) = if is_turned { (1, rows) } else { (columns, 1) };
            Strided { start, row, column, conjugate: conjugated }
        };
        let (a, b) = (factor(0, a, m, k), factor(1, b, k, n));
        let places = Places { a, b, c: Strided { start: c, row: n, column: 1, conjugate: false } };
        let place = |at: usize| {
            let Places { a, b, c } = places.get();
            [
                Strided { start: a.start.wrapping_add(self.pairs.of(0, at) * m * k), ..a },
                Strided { start: b.start.wrapping_add(self.pairs.of(1, at) * k * n), ..b },
                Strided { start: c.start.wrapping_add(at * m * n), ..c },
            ]
        };
        // SAFETY: each product lies in the arguments and the result; the rest is upheld by the caller.
        unsafe { multiply_each(&mut *call.host, self.pairs.count, sizes, &place) }
    }

    /// Charges for it; `first` is what is added to, if anything.
    fn charge(&self, call: &mut OpCall<'_>, bytes: u64) -> Done {
        let Product { m, k, n, dims, .. } = self.product;
        let len = Extent::new(&dims, 1).len;
        // Of more elements than there are numbers nothing will be made.
        let flops = if m == 0 || n == 0 { 0 } else { len.saturating_mul(k).saturating_mul(2) };
        let mut all = bytes;
        for at in (0..call.args.len()).filter(|at| matches!(call.arg_types[*at], nbc_ir::Type::Tensor(_))) {
            all = all.saturating_add(call.tensor(at).bytes() as u64);
        }
        call.charge_work(len, Work { flops, bytes: all })
    }
}

/// Where the matrices of the first product are.
#[derive(Clone, Copy)]
struct Places<T> {
    a: Strided<T>,
    b: Strided<T>,
    c: Strided<T>,
}

// SAFETY: elements may be sent, and `multiply_each` says who may read and write them.
unsafe impl<T: Send> Sync for Places<T> {}

impl<T: Copy> Places<T> {
    fn get(&self) -> Places<T> {
        *self
    }
}

fn transposed(dims: &Dims) -> Dims {
    let mut turned = dims.to_vec();
    if let [.., m, n] = &mut turned[..] {
        std::mem::swap(m, n);
    }
    Dims::new(&turned).expect("as many dims")
}

pub(in crate::op) fn linalg_matmul(call: &mut OpCall<'_>) -> Done {
    let product = Call::new(call, NAME, 0, Default::default())?;
    with_elem!(inexact call.elem(0), T => {
        call.charge(Extent::new(&product.product.dims, size_of::<T>()))?;
        write::<T>(call, &product)
    })
}

pub(in crate::op) fn linalg_matmul_t(call: &mut OpCall<'_>) -> Done {
    let mut turns = [Turn::default(); 2];
    for (n, turn) in turns.iter_mut().enumerate() {
        (turn.transposed, turn.conjugated) = super::turned(call, 2 + n)?;
    }
    let product = Call::new(call, NAME, 0, turns)?;
    with_elem!(inexact call.elem(0), T => {
        product.charge(call, Extent::new(&product.product.dims, size_of::<T>()).bytes)?;
        write::<T>(call, &product)
    })
}

/// Makes the result, which is charged for, and computes it.
pub(super) fn write<T: Number>(call: &mut OpCall<'_>, product: &Call) -> Done {
    let factors = [call.input::<T>(0).as_ptr(), call.input::<T>(1).as_ptr()];
    // SAFETY: those are the elements of the arguments.
    unsafe { write_of::<T>(call, product, |call, run| run(call, factors)) }
}

/// Multiplies factors whose elements are there.
pub(super) type Multiply<'r, T> = &'r mut dyn FnMut(&mut OpCall<'_>, [*const T; 2]) -> Done;

/// The same with factors that `with` makes and hands to what it is given.
///
/// # Safety
/// Factors are as many elements as the arguments have.
pub(super) unsafe fn write_of<T: Number>(
    call: &mut OpCall<'_>,
    product: &Call,
    with: impl FnOnce(&mut OpCall<'_>, Multiply<'_, T>) -> Done,
) -> Done {
    let out = call.output_charged::<T>(&product.product.dims)?;
    let to = out.elements.as_mut_ptr().cast();
    // SAFETY: the result is new, and has the dims of the product of the arguments; the rest is upheld by the caller.
    with(call, &mut |call, factors| unsafe { product.run(call, factors, to, false) })?;
    // SAFETY: the product has written every element.
    unsafe { call.finish(out) };
    Ok(())
}

pub(in crate::op) fn linalg_matmul_add(call: &mut OpCall<'_>) -> Done {
    let product = Call::new(call, NAME, 1, Default::default())?;
    let target = call.tensor(0);
    if *target.dims() != *product.product.dims {
        return Err(shape_mismatch(
            "matmul_add: what is added to has other dims than the product",
            &target.dims(),
            &product.product.dims,
        ));
    }
    if !target.is_writable() {
        return Err(TrapCode::ReadOnly.into());
    }
    with_elem!(inexact call.elem(0), T => {
        product.charge(call, target.bytes() as u64)?;
        let factors = [call.tensor(1), call.tensor(2)];
        let overlaps = |x: &TensorRef| {
            let (from, to) = (x.data() as usize, target.data() as usize);
            x.len() > 0 && from < to + target.bytes() && to < from + x.bytes()
        };
        let data = factors.map(|x| x.data().cast::<T>().cast_const());
        if !factors.iter().any(overlaps) {
            // SAFETY: arguments are live, and the one that is written overlaps neither of the others.
            return unsafe { product.run(call, data, target.data().cast(), true) };
        }
        // SAFETY: what is copied here is used in here only; where a factor shares elements with the
        // target, its copy does not.
        unsafe {
            call.with_working_space(|call| {
                let mut data = data;
                for (x, data) in factors.iter().zip(&mut data).filter(|(x, _)| overlaps(x)) {
                    let room = call.host.heap().scratch(x.bytes())?.cast::<T>().as_ptr();
                    let to = std::slice::from_raw_parts_mut(room.cast::<MaybeUninit<T>>(), x.len());
                    copy(&mut *call.host, to, std::slice::from_raw_parts(*data, x.len()))?;
                    *data = room;
                }
                product.run(call, data, target.data().cast(), true)
            })
        }
    })
}
