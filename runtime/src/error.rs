//! The one error that embedders meet: opaque, with a kind to match on.

use crate::backtrace::Trap;
use std::fmt;

/// Kinds of errors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text or binary could not be read.
    Read,
    /// The module is not sound.
    Verify,
    /// The module needs host functions that it was not given, or operations that this build is without.
    Link,
    /// There is no such exported function or global.
    Unknown,
    /// Arguments or results of another number or type than the function's.
    Arguments,
    /// The program trapped.
    Trap,
    /// The machine does not give what the limits ask for.
    Limits,
}

/// Why something could not be done.
pub struct Error(Box<Inner>);

enum Inner {
    Module(nbc_ir::Error),
    Trap(Trap),
    Other(ErrorKind, String),
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Box::new(Inner::Other(kind, message.into())))
    }

    /// The kind of error.
    pub fn kind(&self) -> ErrorKind {
        match &*self.0 {
            Inner::Module(e) if e.kind() == nbc_ir::ErrorKind::Verify => ErrorKind::Verify,
            Inner::Module(_) => ErrorKind::Read,
            Inner::Trap(_) => ErrorKind::Trap,
            Inner::Other(kind, _) => *kind,
        }
    }

    /// The trap, if the program trapped.
    pub fn trap(&self) -> Option<&Trap> {
        match &*self.0 {
            Inner::Trap(trap) => Some(trap),
            _ => None,
        }
    }

    /// The diagnostics, if the module could not be read or verified.
    pub fn module_error(&self) -> Option<&nbc_ir::Error> {
        match &*self.0 {
            Inner::Module(e) => Some(e),
            _ => None,
        }
    }
}

impl From<nbc_ir::Error> for Error {
    fn from(e: nbc_ir::Error) -> Error {
        Error(Box::new(Inner::Module(e)))
    }
}

impl From<Trap> for Error {
    fn from(trap: Trap) -> Error {
        Error(Box::new(Inner::Trap(trap)))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Inner::Module(e) => e.fmt(f),
            Inner::Trap(trap) => trap.fmt(f),
            Inner::Other(_, message) => f.write_str(message),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.kind())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
    }
}
