//! The interpreter: two dispatchers over the same internal code.
//!
//! - `threaded`: direct threading with superinstructions, on builds where the
//!   optimiser is known to make it safe (see `build.rs`)
//! - [`match_loop`]: the portable loop, and the oracle
//!
//! What instructions mean is elsewhere: scalars in [`crate::arith`], element
//! access in [`element`], objects and calls out of the code in [`shared`].
//! [`invoke`] calls functions and turns a status into a trap, [`enter`] goes on
//! in compiled code, [`budget`] decides when.

pub mod budget;
pub mod element;
pub mod enter;
pub mod invoke;
pub mod match_loop;
pub mod shared;
#[cfg(nbc_threaded)]
pub mod threaded;

use crate::machine::dispatch::{Dispatch, Special};
use crate::machine::instr::Run;
use crate::machine::micro::MicroOp;

/// What runs the operations that are no part of a function's code.
pub(crate) fn special(dispatch: Dispatch) -> Special {
    let run = |op| match dispatch {
        #[cfg(nbc_threaded)]
        Dispatch::Threaded => threaded::special(op),
        Dispatch::Match => Run { code: op },
    };
    Special {
        exit: run(MicroOp::Exit),
        enter_native: run(MicroOp::EnterNative),
        first_call: run(MicroOp::FirstCall),
    }
}
