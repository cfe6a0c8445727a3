//! The ways of running internal code.

use super::instr::Run;

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

impl Default for Dispatch {
    /// The fastest dispatcher of this build.
    fn default() -> Dispatch {
        Dispatch::ALL[0]
    }
}

/// What runs the operations that are no part of a function's code, for one dispatcher.
#[derive(Clone, Copy)]
pub struct Special {
    /// The end of the outermost call.
    pub exit: Run,
    /// The entry of compiled code.
    pub enter_native: Run,
    /// The first call of a function that the tier is to compile before.
    pub first_call: Run,
}
