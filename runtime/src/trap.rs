//! Traps: the ways in which a running program can fail.
//!
//! A trap is a returned value, never a panic or a signal. It has a code that
//! programs and tests go by, and where it helps a message for people. The
//! result of anything that can trap stays two words long.

use std::fmt;

macro_rules! traps {
    ($($(#[$doc:meta])* $name:ident $text:literal $message:literal;)*) => {
        /// Why a program was stopped.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum TrapCode {
            $($(#[$doc])* $name,)*
        }

        impl TrapCode {
            /// Every code, in order of its number.
            pub const ALL: &[TrapCode] = &[$(TrapCode::$name),*];

            /// Name in tests, `--json` and the documentation: `divide_by_zero`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(TrapCode::$name => $text,)*
                }
            }

            /// A description in words.
            pub const fn message(self) -> &'static str {
                match self {
                    $(TrapCode::$name => $message,)*
                }
            }
        }
    };
}

traps! {
    /// The `trap` instruction was reached.
    Unreachable "unreachable" "the program reached a `trap` instruction";
    /// Integer division or remainder by zero.
    DivideByZero "divide_by_zero" "integer division by zero";
    /// A float does not fit the integer type it is converted to.
    ConversionOutOfRange "conversion_out_of_range" "the value does not fit the integer type";
    /// An index past the end, or negative.
    IndexOutOfRange "index_out_of_range" "index out of range";
    /// A tensor has another number of dimensions than the instruction wants.
    RankMismatch "rank_mismatch" "the tensor has another number of dimensions";
    /// A write into a constant, a lent array or a view of one.
    ReadOnly "read_only" "the tensor is read-only";
    /// Shapes of operands do not go together.
    ShapeMismatch "shape_mismatch" "the shapes do not go together";
    /// An argument outside an operation's domain, such as a negative length.
    InvalidArgument "invalid_argument" "invalid argument";
    /// The memory budget (or the machine's memory) is used up.
    OutOfMemory "out_of_memory" "the memory budget is used up";
    /// Calls are nested deeper than the stack limit.
    StackOverflow "stack_overflow" "the calls are nested too deeply";
    /// The fuel budget is used up.
    OutOfFuel "out_of_fuel" "the fuel is used up";
    /// The deadline has passed.
    Timeout "timeout" "the time limit has passed";
    /// The host interrupted the program.
    Interrupted "interrupted" "the program was interrupted";
    /// A host function failed.
    HostError "host_error" "a host function failed";
    /// A reduction without a neutral element over no elements.
    Empty "empty" "reduction of an empty tensor";
    /// A matrix that has to have an inverse has none.
    Singular "singular" "the matrix is singular";
    /// A matrix that has to be positive definite is not.
    NotPositiveDefinite "not_positive_definite" "the matrix is not positive definite";
    /// An iteration has not come to an end within its steps.
    NoConvergence "no_convergence" "the iteration has not converged";
    /// A number has no inverse modulo another: they have a common factor.
    NoInverse "no_inverse" "the number has no inverse";
    /// A check found that compiled code would have done something wrong: a mistake
    /// of the compiler, whose harm was prevented.
    CompilerFault "compiler_fault" "compiled code was about to go wrong, which is a mistake of the compiler";
    /// What was encrypted does not go with its tag.
    NotAuthentic "not_authentic" "the tag does not fit: the key, the nonce, the associated data or the text is another";
    /// What was decrypted is not filled up as it should be.
    InvalidPadding "invalid_padding" "the text is not filled up as it should be: the key or the text is another";
}

impl TrapCode {
    /// The code with number `code as u8`.
    pub fn from_code(code: u8) -> Option<TrapCode> {
        TrapCode::ALL.get(code as usize).copied()
    }
}

impl fmt::Display for TrapCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

/// A trap on its way out: the code and, where there is more to say than the
/// code's own message, the details (expected and found shapes, sizes, indices).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrapError {
    /// The kind of trap.
    pub code: TrapCode,
    // A thin pointer, so that `Result<(), TrapError>` travels in registers.
    #[allow(clippy::box_collection)]
    detail: Option<Box<String>>,
}

impl TrapError {
    /// A trap with details.
    #[cold]
    pub fn new(code: TrapCode, detail: impl Into<String>) -> TrapError {
        TrapError { code, detail: Some(Box::new(detail.into())) }
    }

    /// The details, if there are any.
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref().map(String::as_str)
    }

    /// The details, or what the code says.
    pub fn message(&self) -> &str {
        self.detail().unwrap_or(self.code.message())
    }
}

impl From<TrapCode> for TrapError {
    fn from(code: TrapCode) -> TrapError {
        TrapError { code, detail: None }
    }
}

impl fmt::Display for TrapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for TrapError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_numbers_and_results_are_two_words() {
        for (i, code) in TrapCode::ALL.iter().enumerate() {
            assert_eq!(*code as usize, i);
            assert_eq!(TrapCode::from_code(i as u8), Some(*code));
        }
        assert_eq!(TrapCode::from_code(200), None);
        assert_eq!(size_of::<Result<(), TrapError>>(), 16);
    }
}
