//! Newtype indices. Invariant: a register is never mistaken for a block.

use std::fmt;

macro_rules! entities {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl $name {
            /// The entity with position `index` in its list. No list is so long that
            /// the position does not fit 32 bits: it stands for one that is not there.
            pub fn new(index: usize) -> $name {
                $name(u32::try_from(index).unwrap_or(u32::MAX))
            }

            /// Position in its list.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    )*};
}

entities! {
    /// A register of a function; parameters come first.
    Reg "%";
    /// A basic block of a function; block 0 is the entry.
    BlockId "block";
    /// A function: the module's imports come first, then its own functions.
    FuncId "func";
    /// A global of a module.
    GlobalId "global";
    /// A constant of a module.
    ConstId "const";
    /// An interned signature of a module.
    SigId "sig";
    /// An operation that a module imports from the catalogue.
    OpId "op";
}
