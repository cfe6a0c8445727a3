//! The interpreter: two dispatchers over the same internal code.
//!
//! - `threaded`: direct threading with superinstructions, on builds where the
//!   optimiser is known to make it safe (see `build.rs`)
//! - [`matched`]: the portable loop, and the oracle
//!
//! What instructions mean is elsewhere: scalars in [`crate::arith`], element
//! access in [`element`], objects and calls out of the code in [`plain`].

pub mod code;
pub mod context;
pub mod element;
pub mod hotness;
pub mod matched;
pub mod micro;
pub mod plain;
pub mod slices;
#[cfg(nbc_threaded)]
pub mod threaded;

use code::Run;
use micro::MicroOp;

/// How operations are dispatched.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Dispatch {
    /// Direct threading with superinstructions.
    #[cfg(nbc_threaded)]
    Threaded,
    /// A loop around a `match`.
    Match,
}

impl Dispatch {
    /// Every dispatcher of this build, the fastest first.
    pub const ALL: &'static [Dispatch] = &[
        #[cfg(nbc_threaded)]
        Dispatch::Threaded,
        Dispatch::Match,
    ];

    /// Name for people: `threaded` or `match`.
    pub const fn name(self) -> &'static str {
        match self {
            #[cfg(nbc_threaded)]
            Dispatch::Threaded => "threaded",
            Dispatch::Match => "match",
        }
    }

    /// The dispatcher called `name`, if this build has it.
    pub fn from_name(name: &str) -> Option<Dispatch> {
        Dispatch::ALL.iter().copied().find(|d| d.name() == name)
    }
}

impl Dispatch {
    /// What runs an operation that is no part of a function's code: `Exit`,
    /// `EnterNative` or `FirstCall`.
    pub(crate) fn special(self, op: MicroOp) -> Run {
        match self {
            #[cfg(nbc_threaded)]
            Dispatch::Threaded => threaded::special(op),
            Dispatch::Match => Run { code: op },
        }
    }
}

impl Default for Dispatch {
    /// The fastest dispatcher of this build.
    fn default() -> Dispatch {
        Dispatch::ALL[0]
    }
}
