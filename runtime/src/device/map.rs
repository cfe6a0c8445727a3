//! A function of the program for each element, as a device is told of it.
//!
//! `tensor.map %x, %f` has one argument, `tensor.map3` three, and `tensor.generate` none: its function gets the index.
//!
//! Invariant: the function is one that the device has said it [translates](super::Device::translates). It computes
//! scalars of scalars and changes nothing else, so it can be done again on the processor.

use super::{DeviceArg, DeviceTensor};
use nbc_ir::{FuncId, Module};

/// A call of a function for each element of a result.
#[derive(Clone, Copy)]
pub struct DeviceMap<'a> {
    /// The program.
    pub module: &'a Module,
    /// The function.
    pub function: FuncId,
    /// Tensors whose elements it gets, each with as many as the result; where there are none it gets the flat index.
    pub args: &'a [DeviceArg<'a>],
    /// The result: its elements are still to be written, and nothing else lies there.
    pub result: DeviceTensor<'a>,
    /// Whether the program has to stop. What takes long asks each millisecond or so, and fails then.
    pub must_stop: &'a dyn Fn() -> bool,
}
