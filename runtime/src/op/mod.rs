//! Kernels: what the operations of the catalogue do.
//!
//! A kernel is a function from register slots to register slots. The table
//! [`KERNELS`] has one for each row of [`nbc_ir::for_each_operation`], so a
//! row without a kernel does not compile. Kernels are run by
//! [`run_operation`], which charges their fuel from the shapes, before the
//! result is allocated. They ask the host's leave to go on at least every
//! millisecond or so ([`OpHost::poll`]) and otherwise know nothing of
//! instances, interpreters and clocks.
//!
//! What they compute, to the bit, is written in `docs/numerics.md`. Which NaN
//! they leave in an element is not said; one that shows the bytes of elements
//! reads them through [`nan`](crate::object::nan).

mod arrange;
mod axes;
mod bits;
mod broadcast;
mod call;
mod complex;
mod create;
mod cumulative;
mod elementwise;
mod extremum;
mod functions;
mod fused;
mod gather;
mod higher_order;
mod linalg;
mod loops;
mod movement;
mod number;
mod on_device;
mod order;
mod random;
mod reduce;
mod reduce_axes;
mod simd;
mod sort;
mod sparse;
mod spread;
mod strings;
mod work;

use crate::placement::AtHand;
use crate::trap::TrapError;
use nbc_ir::catalogue::{CATALOGUE, Extent, Shape};

pub use call::{OpCall, OpHost};
use call::{Output, shape_mismatch};
pub use fused::{Deferred, FEW};
pub use simd::dispatch_name;

/// A kernel. It is run by [`run_operation`].
pub type Kernel = fn(&mut OpCall<'_>) -> Result<(), TrapError>;

macro_rules! kernels {
    ($($kernel:ident $name:literal $signature:literal { $($of:tt)* } $doc:literal;)*) => {
        /// The kernel of every row of [`CATALOGUE`], in its order.
        pub static KERNELS: &[Kernel] = {
            use arrange::*;
            use bits::*;
            use complex::*;
            use create::*;
            use cumulative::*;
            use elementwise::*;
            use extremum::*;
            use functions::*;
            use gather::*;
            use higher_order::*;
            use linalg::*;
            use movement::*;
            use order::*;
            use random::*;
            use reduce::*;
            use reduce_axes::*;
            use sort::*;
            use sparse::*;
            use spread::*;
            use strings::*;
            &[$($kernel),*]
        };
    };
}
nbc_ir::for_each_operation!(kernels);

/// Runs row `index` of the catalogue. On success all results are set and its
/// fuel is charged; on a trap none is set.
///
/// # Panics
/// When there is no such row.
pub fn run_operation(index: usize, mut call: OpCall<'_>) -> Result<(), TrapError> {
    let operation = &CATALOGUE[index];
    call.cost = operation.cost;
    call.host.heap().placing_mut().at_hand = AtHand { operation: index as u32, ..AtHand::default() };
    if operation.shape == Shape::Scalar {
        call.charge(Extent::NONE)?;
    }
    if call.host.heap().pool().device.is_some() && on_device::run(index, operation, &mut call)? {
        return Ok(());
    }
    KERNELS[index](&mut call)
}

#[cfg(test)]
mod tests;
