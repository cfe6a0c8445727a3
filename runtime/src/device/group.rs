//! A group of operations that make one pass, as a device is told of it.
//!
//! Steps are elementwise operations in their order. Each reads arguments of the group and results of steps before it.
//! Of results only those are written that somebody wants behind the group. A reduction to a scalar may end it.
//!
//! `sum(sqrt(x * y + x))` is
//!
//! ```text
//! args   x, y
//! step 0 tensor.mul  Argument(0) Argument(1)
//! step 1 tensor.add  Step(0) Argument(0)
//! step 2 tensor.sqrt Step(1)
//! end    tensor.sum  Step(2)
//! ```
//!
//! Invariant: results have as many elements as each other, and an element depends on those of its place alone. A
//! result may lie where an argument does, of as large elements: whoever computes a place reads all that it needs
//! of it before it writes there.

use super::{DeviceArg, DeviceTensor};
use nbc_ir::Elem;
use nbc_ir::catalogue::Operation;

/// Where a step finds an operand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum GroupOperand {
    /// An argument of the group, by its number. It is broadcast to the dims of the step.
    Argument(usize),
    /// The result of a step before it, by its number.
    Step(usize),
}

/// One elementwise operation of a group.
#[derive(Clone, Copy, Debug)]
pub struct GroupStep<'a> {
    /// The operation.
    pub operation: &'static Operation,
    /// The element types that stand for its type variables.
    pub elems: &'a [Elem],
    /// What it reads. Dims that it was called with are left out: there is one operand for each tensor or scalar.
    pub operands: &'a [GroupOperand],
    /// Elements of each operand.
    pub from: &'a [Elem],
    /// Elements of the result.
    pub elem: Elem,
    /// Dims of the result.
    pub dims: &'a [u64],
    /// Where the result's elements go, if somebody wants them.
    pub to: Option<DeviceTensor<'a>>,
}

/// The reduction that ends a group.
#[derive(Clone, Copy, Debug)]
pub struct GroupEnd<'a> {
    /// The operation.
    pub operation: &'static Operation,
    /// The element types that stand for its type variables.
    pub elems: &'a [Elem],
    /// What it reads: elements of one type, as many as the results have.
    pub operands: &'a [GroupOperand],
    /// Elements of each operand.
    pub from: Elem,
    /// Where the one element goes that it has for a result.
    pub to: DeviceTensor<'a>,
}

/// A group of operations. None of them can trap but for want of memory.
#[derive(Clone, Copy)]
pub struct DeviceGroup<'a> {
    /// What steps read that no step computes.
    pub args: &'a [DeviceArg<'a>],
    /// The operations, at least one.
    pub steps: &'a [GroupStep<'a>],
    /// How many elements each result has.
    pub len: u64,
    /// The reduction at the end, if there is one.
    pub end: Option<GroupEnd<'a>>,
    /// Whether the program has to stop. What takes long asks each millisecond or so, and fails then.
    pub must_stop: &'a dyn Fn() -> bool,
}
