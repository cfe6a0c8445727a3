//! Kernels: what the operations of the catalogue do.
//!
//! A kernel is a function from register slots to register slots. The table
//! [`KERNELS`] has one for each row of [`nbc_ir::for_each_operation`], so a
//! row without a kernel does not compile. A row may need a feature; a build
//! without it has no kernel for the row, and refuses programs that have it. Kernels are run by
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
#[cfg(feature = "bigint")]
mod bigint;
mod bits;
mod broadcast;
mod by_library;
mod bytes;
mod call;
mod complex;
mod create;
#[cfg(feature = "crypto")]
mod crypto;
mod cumulative;
mod elementwise;
mod extremum;
#[cfg(feature = "fft")]
mod fft;
mod functions;
mod fused;
mod gather;
mod higher_order;
mod linalg;
mod loops;
mod modular;
mod movement;
mod number;
mod offer;
mod on_device;
mod order;
mod random;
mod reduce;
mod reduce_axes;
mod result_dims;
#[cfg(feature = "rsa")]
mod rsa;
mod sides;
mod simd;
mod sort;
mod sparse;
mod spread;
mod strings;
mod work;
mod written;

use crate::placement::AtHand;
use crate::trap::{TrapCode, TrapError};
use nbc_ir::catalogue::{CATALOGUE, Extent, Shape};

pub use call::{OpCall, OpHost};
use call::{Output, shape_mismatch};
pub use fused::{Deferred, FEW};
pub use simd::dispatch_name;

/// A kernel. It is run by [`run_operation`].
pub type Kernel = fn(&mut OpCall<'_>) -> Result<(), TrapError>;

macro_rules! kernels {
    ($($kernel:ident $name:literal $signature:literal { $($of:tt)* } $doc:literal;)*) => {
        /// The kernel of every row of [`CATALOGUE`], in its order; none where this build is without the feature
        /// that the row `needs`.
        static KERNELS: &[Option<Kernel>] = {
            use arrange::*;
            #[cfg(feature = "bigint")]
            use bigint::*;
            use bits::*;
            use bytes::*;
            use complex::*;
            use create::*;
            #[cfg(feature = "crypto")]
            use crypto::*;
            use cumulative::*;
            use elementwise::*;
            use extremum::*;
            #[cfg(feature = "fft")]
            use fft::*;
            use functions::*;
            use gather::*;
            use higher_order::*;
            use linalg::*;
            use modular::*;
            use movement::*;
            use order::*;
            use random::*;
            use reduce::*;
            use reduce_axes::*;
            #[cfg(feature = "rsa")]
            use rsa::*;
            use sort::*;
            use sparse::*;
            use spread::*;
            use strings::*;
            &[$(in_this_build!($kernel $($of)*)),*]
        };
    };
}

/// A row's kernel, if it needs no feature or this build has it. It looks through the row's fields one by one.
macro_rules! in_this_build {
    ($kernel:ident needs: Some($feature:literal) $($rest:tt)*) => {{
        #[cfg(feature = $feature)]
        {
            Some($kernel as Kernel)
        }
        #[cfg(not(feature = $feature))]
        {
            None
        }
    }};
    ($kernel:ident $field:tt $($rest:tt)*) => { in_this_build!($kernel $($rest)*) };
    ($kernel:ident) => { Some($kernel as Kernel) };
}
nbc_ir::for_each_operation!(kernels);

/// The kernel of row `index`.
pub(crate) fn kernel(index: usize) -> Kernel {
    KERNELS[index].unwrap_or(absent)
}

/// What stands for a kernel that this build is without. No instance comes here: see [`in_build`].
fn absent(_: &mut OpCall<'_>) -> Result<(), TrapError> {
    Err(TrapError::new(TrapCode::InvalidArgument, "the operation is not in this build"))
}

/// Whether this build can run row `index`.
///
/// # Errors
/// Why not.
pub(crate) fn in_build(index: usize) -> Result<(), String> {
    match (KERNELS[index], &CATALOGUE[index]) {
        (Some(_), _) => Ok(()),
        (None, row) => Err(format!(
            "{} is not in this build: it was built without the feature `{}`",
            row.name,
            row.needs.unwrap_or_default()
        )),
    }
}

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
    if operation.secret_result || !operation.secret.is_empty() || call.host.heap().has_secrets() {
        call.keep_secrets(operation);
    }
    if call.host.heap().pool().device.is_some() && on_device::run(index, operation, &mut call)? {
        return Ok(());
    }
    kernel(index)(&mut call)?;
    call.side_done();
    Ok(())
}

#[cfg(test)]
mod tests;
