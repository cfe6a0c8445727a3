//! Errors of reading and verifying: every one says what, where and what to do.

use crate::entity::{BlockId, FuncId};
use crate::module::Source;
use std::fmt;

/// Where in a module a diagnostic points.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The module as a whole.
    Module,
    /// A range of bytes of the source text.
    Span {
        /// First byte.
        start: usize,
        /// Byte after the last.
        end: usize,
    },
    /// A byte of a binary file.
    Offset(usize),
    /// A function as a whole.
    Function(FuncId),
    /// An instruction.
    Inst {
        /// Function it stands in.
        func: FuncId,
        /// Block it stands in.
        block: BlockId,
        /// Its position in the block.
        inst: usize,
    },
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// What is wrong, with what was expected and what was found.
    pub message: String,
    /// Where.
    pub place: Place,
    /// The place in words: function, block, instruction, source line, as far as there are.
    pub context: String,
    /// What to do about it, where that can be said.
    pub help: Option<String>,
    /// Bytes of the source text to underline, where there is source text.
    pub span: Option<(usize, usize)>,
}

/// What was being done when the error arose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorKind {
    /// Reading text.
    Parse,
    /// Reading a binary file.
    Decode,
    /// Verifying.
    Verify,
}

/// All that is wrong with a module.
#[derive(Clone, Debug)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: ErrorKind,
    diagnostics: Vec<Diagnostic>,
    source: Option<Source>,
    /// Text of the instruction of each diagnostic, for modules without
    /// source text; may be shorter than `diagnostics`.
    instructions: Vec<Option<String>>,
}

impl Error {
    /// An error of that kind, with at least one diagnostic.
    pub fn new(kind: ErrorKind, diagnostics: Vec<Diagnostic>, source: Option<Source>) -> Error {
        debug_assert!(!diagnostics.is_empty());
        Error(Box::new(Inner { kind, diagnostics, source, instructions: Vec::new() }))
    }

    /// The same error with the text of the instruction that each diagnostic is about.
    pub(crate) fn with_instructions(mut self, instructions: Vec<Option<String>>) -> Error {
        self.0.instructions = instructions;
        self
    }

    /// What was being done.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Everything that is wrong, in the order of the module.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0.diagnostics
    }

    /// The text the module was read from.
    pub fn source_text(&self) -> Option<&Source> {
        self.0.source.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, d) in self.0.diagnostics.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            if !d.context.is_empty() {
                write!(f, "{}: ", d.context)?;
            }
            f.write_str(&d.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
