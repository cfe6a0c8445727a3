//! Places in compiled code, as data: where in the bytecode they come from, what
//! they cost, and what the code was made to rely on.

use crate::trap::{TrapCode, TrapError};
use nbc_ir::FuncId;

/// A place in compiled code that may trap or call: where in the bytecode it
/// comes from, innermost call first where functions were inlined.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrapSite {
    /// The places.
    pub places: Box<[CodeLocation]>,
}

/// What blocks cost that are charged together, and where they are. A cost below
/// 0 gives back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Charges {
    /// Costs and sites, in order.
    pub list: Box<[(i64, TrapSite)]>,
}

/// A place in the bytecode.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CodeLocation {
    /// The function.
    pub func: FuncId,
    /// Its block.
    pub block: u32,
    /// The instruction's position in the block.
    pub inst: u32,
}

/// What compiled code was made to rely on, where that is checked as it runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Claim {
    /// An access by an index lies in its tensor.
    Element,
    /// Consecutive elements that a vector holds lie in their tensor.
    Vector,
    /// An integer lies in its range.
    Range,
    /// A loop has no more than so many iterations.
    TripCount,
}

impl Claim {
    /// Every claim, in order of its number.
    const ALL: [Claim; 4] = [Claim::Element, Claim::Vector, Claim::Range, Claim::TripCount];

    /// The pass or analysis that makes it.
    pub const fn pass(self) -> &'static str {
        match self {
            Claim::Element => "loop_versioning",
            Claim::Vector => "vectorise",
            Claim::Range => "ranges",
            Claim::TripCount => "trip_count",
        }
    }

    /// What compiled code gives as the code of the trap: with the register that a
    /// range is of, or the block where a loop begins.
    pub const fn code(self, about: u32) -> u64 {
        TrapCode::CompilerFault as u64 | (self as u64) << 8 | (about as u64) << 16
    }

    /// The trap of that code.
    pub(crate) fn fault(code: u64) -> TrapError {
        let claim = Claim::ALL.get((code >> 8) as u8 as usize).copied().unwrap_or(Claim::Element);
        let about = (code >> 16) as u32;
        let (what, by) = match claim {
            Claim::Element | Claim::Vector => ("an access outside of its tensor".to_owned(), "pass"),
            Claim::Range => (format!("a number outside of its range (%{about})"), "analysis"),
            Claim::TripCount => {
                (format!("more iterations of a loop than it has (that at block{about})"), "analysis")
            }
        };
        let text = format!(
            "compiled code came to {what}, a mistake of the compiler ({by} `{}`): \
             please report it; `--tier interp` runs the program without compiled code",
            claim.pass()
        );
        TrapError::new(TrapCode::CompilerFault, text)
    }
}
