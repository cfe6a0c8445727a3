//! Dims of results before a kernel runs, and what kernels look at before they charge.
//!
//! A device is asked with the dims of the result. They come from the functions that the kernels ask
//! themselves. Where one says no, the kernel is to run: it says why. So a rule is written once, and a trap
//! is the same wherever an operation runs.
//!
//! ```text
//! rule(index)?(call)?.dims     // of tensor.transpose: those of the argument in another order
//! ```

use super::arrange::{self, Beyond};
use super::linalg::rounded;
use super::{OpCall, create, cumulative, gather, movement, order, reduce_axes, sort};
use crate::trap::TrapError;
use nbc_ir::dims::Dims;

/// What is known of a call before it runs.
pub(super) struct Ahead {
    pub(super) dims: Dims,
    pub(super) check: Check,
    /// Bytes of what the kernel works in besides its result: they count, wherever it runs.
    pub(super) room: [usize; 2],
}

/// What elements have to be, or else the kernel traps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Check {
    /// Anything.
    Nothing,
    /// Those of argument `at` indices below `end`.
    Indices { at: usize, end: usize },
    /// Those of argument 1 not zero.
    Divisors,
    /// So many of those of argument 1 true.
    Chosen { values: usize },
}

/// What is known of a call of a row, if it does not trap for it.
pub(super) type Rule = fn(&mut OpCall<'_>) -> Result<Ahead, TrapError>;

impl Ahead {
    pub(super) fn of(dims: Dims) -> Ahead {
        Ahead { dims, check: Check::Nothing, room: [0; 2] }
    }
}

/// The result has those dims, and nothing else is looked at.
fn plain(dims: Result<Dims, TrapError>) -> Result<Ahead, TrapError> {
    dims.map(Ahead::of)
}

/// What is known of dims and something that only the kernel wants.
fn first<T>(known: Result<(Dims, T), TrapError>) -> Result<Ahead, TrapError> {
    plain(known.map(|(dims, _)| dims))
}

/// As many elements in a row.
fn vector(len: Result<u64, TrapError>) -> Result<Ahead, TrapError> {
    plain(len.map(|len| Dims::of_three(1, [len, 0, 0])))
}

fn take(call: &mut OpCall<'_>) -> Result<Ahead, TrapError> {
    let check = Check::Indices { at: 1, end: call.tensor(0).len() };
    Ok(Ahead { check, ..Ahead::of(call.tensor(1).dims()) })
}

/// Of what lies at indices along an axis.
fn along((dims, axis): (Dims, usize), call: &OpCall<'_>) -> Ahead {
    let check = Check::Indices { at: 1, end: call.tensor(0).dims()[axis] as usize };
    Ahead { check, ..Ahead::of(dims) }
}

/// The dims of argument 0, of which the kernel sorts one lane after the other by keys of that many bytes.
fn sorted(call: &OpCall<'_>, key: usize) -> Result<Ahead, TrapError> {
    let lanes = sort::Lanes::of(call)?;
    Ok(Ahead { room: [lanes.n.saturating_mul(key); 2], ..Ahead::of(call.tensor(0).dims()) })
}

/// Of a variance: the kernel keeps the means.
fn spread(call: &mut OpCall<'_>) -> Result<Ahead, TrapError> {
    let dims = reduce_axes::listed_axes(call)?;
    let means = dims.count().unwrap_or(u64::MAX).saturating_mul(call.elem(0).size() as u64);
    Ok(Ahead { room: [usize::try_from(means).unwrap_or(usize::MAX), 0], ..Ahead::of(dims) })
}

/// The rule of a row, by its kernel; none where the row's shape says all, or the result's dims depend on elements.
#[rustfmt::skip]
macro_rules! rule_of {
    (tensor_linspace) => { Some(|call| vector(create::linspace_len(call))) };
    (tensor_arange) => { Some(|call| vector(create::arange_len(call))) };
    (tensor_random) => { Some(|call| plain(call.dims(0))) };
    (tensor_random_normal) => { Some(|call| plain(call.dims(0))) };
    (tensor_slice) => { Some(|call| plain(movement::box_dims(call))) };
    (tensor_transpose) => { Some(|call| first(movement::transposed(call))) };
    (tensor_concat) => { Some(|call| first(movement::side_by_side(call))) };
    (tensor_take) => { Some(take) };
    (tensor_take_axis) => { Some(|call| Ok(along(gather::taken_axis(call)?, call))) };
    (tensor_take_along) => { Some(|call| Ok(along(gather::taken_along(call)?, call))) };
    (tensor_roll) => { Some(|call| first(arrange::roll(call))) };
    (tensor_flip) => { Some(|call| first(arrange::flip(call))) };
    (tensor_slice_step) => { Some(|call| first(arrange::slice_step(call))) };
    (tensor_pad) => { Some(|call| first(arrange::pad(call))) };
    (tensor_pad_edge) => { Some(|call| first(arrange::padded(call, Beyond::Edge))) };
    (tensor_pad_wrap) => { Some(|call| first(arrange::padded(call, Beyond::Wrap))) };
    (tensor_pad_reflect) => { Some(|call| first(arrange::padded(call, Beyond::Reflect))) };
    (tensor_pad_symmetric) => { Some(|call| first(arrange::padded(call, Beyond::Symmetric))) };
    (tensor_repeat) => { Some(|call| first(arrange::repeat(call))) };
    (tensor_tile) => { Some(|call| first(arrange::tile(call))) };
    (tensor_stack) => { Some(|call| first(arrange::stacked(call))) };
    (tensor_concat_list) => { Some(|call| first(arrange::joined(call))) };
    (tensor_outer) => { Some(|call| plain(Ok(arrange::outer_dims(call)))) };
    (tensor_cumsum_axis) => { Some(|call| cumulative::axis(call).map(|_| Ahead::of(call.tensor(0).dims()))) };
    (tensor_cumprod_axis) => { Some(|call| cumulative::axis(call).map(|_| Ahead::of(call.tensor(0).dims()))) };
    (tensor_diff) => { Some(|call| plain(cumulative::shorter(call))) };
    (tensor_sort) => { Some(|call| sorted(call, call.elem(0).size())) };
    (tensor_argsort) => { Some(|call| sorted(call, size_of::<u128>())) };
    (tensor_searchsorted) => { Some(|call| plain(order::searched(call))) };
    (tensor_sum_axes) => { Some(|call| plain(reduce_axes::listed_axes(call))) };
    (tensor_prod_axes) => { Some(|call| plain(reduce_axes::listed_axes(call))) };
    (tensor_min_axes) => { Some(|call| plain(reduce_axes::listed_axes(call))) };
    (tensor_max_axes) => { Some(|call| plain(reduce_axes::listed_axes(call))) };
    (tensor_mean_axes) => { Some(|call| plain(reduce_axes::listed_axes(call))) };
    (tensor_var_axes) => { Some(spread) };
    (tensor_std_axes) => { Some(spread) };
    (tensor_norm_axes) => { Some(|call| plain(reduce_axes::listed_axes(call))) };
    (tensor_any_axes) => { Some(|call| plain(reduce_axes::listed_axes(call))) };
    (tensor_all_axes) => { Some(|call| plain(reduce_axes::listed_axes(call))) };
    (tensor_count_nonzero_axes) => { Some(|call| plain(reduce_axes::listed_axes(call))) };
    (linalg_matmul_as) => { Some(|call| rounded::ahead(call).map(|(dims, room)| Ahead { room, ..Ahead::of(dims) })) };
    ($other:ident) => { None };
}

macro_rules! rules {
    ($($kernel:ident $name:literal $signature:literal { $($field:tt)* } $doc:literal;)*) => {
        static RULES: &[Option<Rule>] = &[$(rule_of!($kernel)),*];
    };
}
nbc_ir::for_each_operation!(rules);

/// The rule of row `index`, if it has one of its own.
pub(super) fn rule(index: usize) -> Option<Rule> {
    RULES[index]
}
