//! A trap as the host sees it: what happened and where.

use crate::trap::{TrapCode, TrapError};
use nbc_ir::FuncId;
use nbc_ir::shown::clipped;
use std::fmt;

/// One call on the way to a trap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// The function.
    pub func: FuncId,
    /// Its name, or `func7`.
    pub name: String,
    /// Block of the instruction that was running.
    pub block: u32,
    /// The instruction's position in the block.
    pub inst: u32,
    /// Its source line, from 1; 0 when the module does not say.
    pub line: u32,
}

/// Why a call ended early, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trap {
    /// Code and message.
    pub error: TrapError,
    /// The calls, innermost first. A very long stack is cut in the middle.
    pub frames: Vec<Frame>,
    /// How many calls were cut out, before the last few of `frames`.
    pub omitted: usize,
}

impl Trap {
    /// The kind of trap.
    pub fn code(&self) -> TrapCode {
        self.error.code
    }

    /// Source line of the trap, if known.
    pub fn line(&self) -> Option<u32> {
        self.frames.first().map(|f| f.line).filter(|l| *l > 0)
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trap: {}", self.error.code.name())?;
        if let Some(detail) = self.error.detail() {
            write!(f, ": {detail}")?;
        } else {
            write!(f, ": {}", self.error.code.message())?;
        }
        let cut = self.frames.len().saturating_sub(if self.omitted > 0 { 16 } else { 0 });
        let (first, last) = self.frames.split_at(cut);
        frames(f, first)?;
        if self.omitted > 0 {
            write!(f, "\n  ... {} more calls", self.omitted)?;
        }
        frames(f, last)?;
        Ok(())
    }
}

/// Writes calls, one a line, or one for a run of equal ones: recursion.
fn frames(f: &mut fmt::Formatter<'_>, frames: &[Frame]) -> fmt::Result {
    for run in frames.chunk_by(|a, b| a == b) {
        let frame = &run[0];
        write!(f, "\n  at @{}", clipped(&frame.name, 120))?;
        if frame.line > 0 {
            write!(f, ", line {}", frame.line)?;
        } else {
            match frame.block {
                0 => f.write_str(", the entry,")?,
                block => write!(f, ", block {block}")?,
            }
            write!(f, " instruction {}", frame.inst)?;
        }
        if run.len() > 1 {
            write!(f, " ({} times)", run.len())?;
        }
    }
    Ok(())
}

impl std::error::Error for Trap {}
