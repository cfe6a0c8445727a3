//! Stacks of matrices: the last two dims of a tensor are a matrix each, those before them count matrices.
//!
//! Invariant: how two stacks are paired, and what is charged for them, follows from their dims alone.

#[cfg(feature = "linalg")]
use crate::object::Element;
use crate::op::{OpCall, shape_mismatch};
use crate::trap::{TrapCode, TrapError};
use nbc_ir::catalogue::Work;
use nbc_ir::catalogue::shape::broadcast;
use nbc_ir::dims::Dims;
#[cfg(feature = "linalg")]
use std::mem::MaybeUninit;

pub(super) type Done = Result<(), TrapError>;

/// The matrices of an argument.
#[derive(Clone, Copy)]
pub(super) struct Stack {
    /// The argument's dims,
    #[cfg(feature = "linalg")]
    pub(super) dims: Dims,
    /// those that count matrices,
    pub(super) lead: Dims,
    /// and how many that are.
    pub(super) count: usize,
    /// Rows of each.
    pub(super) m: usize,
    /// Columns of each.
    pub(super) n: usize,
}

impl Stack {
    /// Those of argument `at`.
    pub(super) fn of(call: &mut OpCall<'_>, at: usize) -> Result<Stack, TrapError> {
        let dims = call.tensor(at).dims();
        let [lead @ .., m, n] = &*dims else {
            let text = format!("{} wants matrices, found dims {dims}: reshape it", call.name());
            return Err(TrapError::new(TrapCode::RankMismatch, text));
        };
        let lead = Dims::new(lead).expect("fewer dims than a tensor's");
        let count = lead.count().unwrap_or(u64::MAX) as usize;
        Ok(Stack {
            #[cfg(feature = "linalg")]
            dims,
            lead,
            count,
            m: *m as usize,
            n: *n as usize,
        })
    }

    /// Those of argument `at`, which have to be square.
    #[cfg(feature = "linalg")]
    pub(super) fn square(call: &mut OpCall<'_>, at: usize) -> Result<Stack, TrapError> {
        let stack = Stack::of(call, at)?;
        if stack.m == stack.n {
            return Ok(stack);
        }
        let text = format!("{} wants square matrices, found dims {}", call.name(), stack.dims);
        Err(TrapError::new(TrapCode::ShapeMismatch, text))
    }

    /// The smaller of rows and columns.
    pub(super) fn size(&self) -> usize {
        self.m.min(self.n)
    }

    /// Dims of as many results, each of these.
    #[cfg(feature = "linalg")]
    pub(super) fn with(&self, last: &[usize]) -> Result<Dims, TrapError> {
        with_last(&self.lead, last)
    }
}

/// `lead` and the dims `last` behind it.
#[cfg(feature = "linalg")]
pub(super) fn with_last(lead: &Dims, last: &[usize]) -> Result<Dims, TrapError> {
    let all: Vec<u64> = lead.iter().copied().chain(last.iter().map(|d| *d as u64)).collect();
    Dims::new(&all).ok_or_else(|| {
        TrapError::new(
            TrapCode::InvalidArgument,
            format!("the result has {} dims; a tensor has at most 8", all.len()),
        )
    })
}

/// Two stacks of which one is repeated along the other, as NumPy broadcasts.
pub(super) struct Paired {
    /// The dims that count pairs,
    pub(super) lead: Dims,
    /// and how many there are.
    pub(super) count: usize,
    own: [Dims; 2],
}

impl Paired {
    pub(super) fn new(call: &mut OpCall<'_>, a: &Dims, b: &Dims) -> Result<Paired, TrapError> {
        let lead = broadcast(&[*a, *b]).map_err(|_| {
            shape_mismatch(&format!("{}: the dims before the matrices do not go together", call.name()), a, b)
        })?;
        Ok(Paired { lead, count: lead.count().unwrap_or(u64::MAX) as usize, own: [*a, *b] })
    }

    /// Which matrix of the first or second stack belongs to pair `at`.
    pub(super) fn of(&self, which: usize, at: usize) -> usize {
        let own = &self.own[which];
        if *own == self.lead {
            return at;
        }
        let (mut left, mut place, mut step) = (at, 0, 1);
        for (n, dim) in self.lead.iter().enumerate().rev() {
            let index = left % (*dim).max(1) as usize;
            left /= (*dim).max(1) as usize;
            let Some(n) = (n + own.len()).checked_sub(self.lead.len()) else { break };
            if own[n] != 1 {
                place += index * step;
            }
            step *= own[n] as usize;
        }
        place
    }
}

/// A result of the operation, of which the matrices are written one by one. All elements are zero at first.
#[cfg(feature = "linalg")]
pub(super) struct Made<T> {
    slot: u64,
    start: *mut T,
    each: usize,
    len: usize,
}

// SAFETY: parts of it are only handed out as `Made::of` says, and elements may be sent.
#[cfg(feature = "linalg")]
unsafe impl<T: Send> Sync for Made<T> {}

#[cfg(feature = "linalg")]
impl<T: Element + Send> Made<T> {
    /// Makes the result, which is charged for, `count` parts of it.
    pub(super) fn new(call: &mut OpCall<'_>, dims: &Dims, count: usize) -> Result<Made<T>, TrapError> {
        let out = call.output_charged::<T>(dims)?;
        crate::op::work::fill(&mut *call.host, &mut *out.elements, 1, |_, piece| {
            piece.fill(MaybeUninit::new(T::ZERO));
        })?;
        let len = out.elements.len();
        let each = len.checked_div(count).unwrap_or(0);
        Ok(Made { slot: out.tensor.slot(), start: out.elements.as_mut_ptr().cast(), each, len })
    }

    /// Part number `at`.
    ///
    /// # Safety
    /// No other reference to that part may be in use.
    #[allow(clippy::mut_from_ref)]
    pub(super) unsafe fn of(&self, at: usize) -> &mut [T] {
        assert!((at + 1) * self.each <= self.len);
        // SAFETY: it lies in the result, all of whose elements have been written; the rest is upheld
        // by the caller.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(at * self.each), self.each) }
    }

    /// Makes it result number `n` of the call.
    pub(super) fn finish(self, call: &mut OpCall<'_>, n: usize) {
        call.set_as(n, self.slot);
    }
}

/// Charges for so much arithmetic in all, the arguments and so many bytes of results.
pub(super) fn charge(call: &mut OpCall<'_>, flops: u64, results: u64) -> Done {
    let (mut bytes, mut elements) = (results, 0);
    for at in 0..call.args.len() {
        if matches!(call.arg_types[at], nbc_ir::Type::Tensor(_)) {
            bytes = bytes.saturating_add(call.tensor(at).bytes() as u64);
            elements = elements.max(call.tensor(at).len() as u64);
        }
    }
    call.charge_work(elements, Work { flops, bytes })
}

/// `a`·`b`·… as far as a number goes.
pub(in crate::op) fn times(numbers: &[usize]) -> u64 {
    numbers.iter().fold(1u64, |all, n| all.saturating_mul(*n as u64))
}
