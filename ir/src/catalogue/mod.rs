//! The operation catalogue: what works on whole objects.
//!
//! A row gives an operation's name, typed signature, shape rule, kind, cost and one line of documentation. It
//! also says whose elements the result has and which arguments are written. A module imports an operation by
//! name and it is bound when the module is loaded. So a new operation is a row here and a kernel in the
//! runtime, not an opcode.
//!
//! # Signatures
//! `<T: float>(tensor<T>, [i64]) -> tensor<T>`: type variables with their
//! class, parameters, results. A parameter is a type; `T`, the scalar of
//! element type T; `sparse<T>`, a sparse matrix; `tensor<part T>`, a tensor of the parts of complex elements T; of a result,
//! `tensor<real T>` and `tensor<complex T>`, real or complex elements of T's precision; `tensor<T>|T`, a tensor or such a scalar (which counts as
//! a tensor of rank 0); `[i64]`, a bracketed list of integers; or `[tensor<T>]`, one of tensors. All lists
//! of one call have the same length.

mod cost;
mod precision;
mod rows;
pub mod shape;
mod signature;
mod subscripts;

use signature::parse_signature;

pub use cost::{Cost, Extent, Work};
pub use precision::Precision;
pub use shape::Shape;
pub use signature::{Class, OpSignature, Param};
pub use subscripts::{Lengths, Subscripts};

/// How an operation treats elements; fusion and placement go by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Each result element depends on the elements at its own place only.
    Elementwise,
    /// Elements are combined into fewer.
    Reduction,
    /// A result made from no tensor.
    Creation,
    /// Elements are moved, not computed.
    Movement,
    /// Anything else.
    Other,
}

/// Whose elements an object has that an operation returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Aliasing {
    /// Its own: nothing else refers to them.
    New,
    /// Those of that argument, by position among the parameters.
    View(usize),
    /// Perhaps those of anything.
    Unknown,
}

/// One row of the catalogue.
#[derive(Debug)]
pub struct Operation {
    /// Name, family first: `tensor.add`.
    pub name: &'static str,
    /// Signature as text; [`Operation::typed`] is the parsed form.
    pub signature: &'static str,
    /// Shape rule of the result.
    pub shape: Shape,
    /// How it treats elements.
    pub kind: Kind,
    /// Whose elements the result has.
    pub result: Aliasing,
    /// Arguments whose elements it writes, by position among the parameters.
    pub writes: &'static [usize],
    /// Whether equal arguments give equal results and nothing else changes.
    pub pure: bool,
    /// Whether a reduction goes through the elements of its arguments once, in row-major order. Then it
    /// can be handed them part by part, as operations before it make them. Of a creation, whether every
    /// element is its last argument: then operations behind it can be handed that.
    pub in_one_pass: bool,
    /// Whether the result may lie where an argument lay that dies, of the same dims and as large elements, though the
    /// operation is not elementwise: all that the result's place holds is read before it is written.
    pub takes_over: bool,
    /// Whether integers make it trap where the last argument is zero.
    pub divides: bool,
    /// Work.
    pub cost: Cost,
    /// The feature of the runtime's crate without which a build has no kernel for it. Reading and verifying go
    /// on without; an instance of a program that has it is refused.
    pub needs: Option<&'static str>,
    /// Arguments that are secret, by position among the parameters: keys, passwords, texts that nobody else should read.
    /// The memory of the region that they lie in is overwritten when it is freed.
    pub secret: &'static [usize],
    /// Whether the result is secret in the same way.
    pub secret_result: bool,
    /// A parameter that has to be a constant string: [`Subscripts`] for the bracketed list of tensors.
    pub subscripts: Option<usize>,
    /// A parameter that has to be a constant string: the name of a [`Precision`].
    pub precision: Option<usize>,
    /// One line of documentation.
    pub doc: &'static str,
}

impl Operation {
    /// The operation called `name`.
    pub fn find(name: &str) -> Option<&'static Operation> {
        CATALOGUE.iter().find(|op| op.name == name)
    }

    /// Position in [`CATALOGUE`].
    pub fn index(&'static self) -> usize {
        CATALOGUE.iter().position(|op| std::ptr::eq(op, self)).expect("operations live in the catalogue")
    }

    /// Whether each element of its result is a function of the arguments' of that place, and it does nothing else.
    pub fn is_elementwise(&self) -> bool {
        self.kind == Kind::Elementwise && self.pure
    }

    /// The signature, parsed. Cheap enough to call once for each use in a module.
    pub fn typed(&self) -> OpSignature {
        parse_signature(self.signature)
            .unwrap_or_else(|| panic!("the catalogue's signature of {} does not parse", self.name))
    }
}

/// What a row says of an operation where it says nothing else. Shape, kind and
/// cost are always said.
pub const PLAIN: Operation = Operation {
    name: "",
    signature: "",
    shape: Shape::Special,
    kind: Kind::Other,
    result: Aliasing::New,
    writes: &[],
    pure: true,
    in_one_pass: false,
    takes_over: false,
    divides: false,
    cost: Cost::PerElement(0),
    needs: None,
    secret: &[],
    secret_result: false,
    subscripts: None,
    precision: None,
    doc: "",
};

macro_rules! define {
    ($($kernel:ident $name:literal $signature:literal {
        shape: $shape:ident, kind: $kind:ident, cost: $cost:expr $(, $field:ident: $value:expr)*
    } $doc:literal;)*) => {
        /// Every operation.
        pub static CATALOGUE: &[Operation] = {
            use Aliasing::*;
            use Cost::*;
            &[$(Operation {
                name: $name,
                signature: $signature,
                doc: $doc,
                shape: Shape::$shape,
                kind: Kind::$kind,
                cost: $cost,
                $($field: $value,)*
                ..PLAIN
            },)*]
        };
    };
}

crate::for_each_operation!(define);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signature_parses_and_every_name_is_unique() {
        for (i, op) in CATALOGUE.iter().enumerate() {
            op.typed();
            assert_eq!(Operation::find(op.name).map(|o| o.index()), Some(i), "{}", op.name);
        }
    }

    #[test]
    fn what_rows_say_fits_together() {
        for op in CATALOGUE {
            let params = op.typed().params.len();
            assert!(
                op.secret.iter().all(|at| *at < params),
                "{}: keeps secret what it is not given",
                op.name
            );
            assert!(op.writes.iter().all(|at| *at < params), "{}: writes what it is not given", op.name);
            assert!(op.writes.is_empty() || !op.pure, "{}: pure, and writes", op.name);
            if let Aliasing::View(at) = op.result {
                assert!(at < params, "{}: a view of what it is not given", op.name);
            }
        }
    }
}
