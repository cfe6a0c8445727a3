//! The type system: five scalars and the objects that live in regions.
//!
//! Types never recurse (a list holds no lists), so objects never form a
//! cycle and a whole region can be dropped at once.

use crate::entity::SigId;
use std::fmt;

/// Element type of a tensor.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
#[repr(u8)]
pub enum Elem {
    /// Unsigned byte; read and written as an `i32` from 0 to 255.
    U8 = 0,
    /// 32-bit integer.
    I32 = 1,
    /// 64-bit integer.
    I64 = 2,
    /// IEEE single.
    F32 = 3,
    /// IEEE double.
    F64 = 4,
    /// Complex of two singles; read and written by its parts.
    C64 = 5,
    /// Complex of two doubles; read and written by its parts.
    C128 = 6,
    /// One byte, 0 or 1.
    Bool = 7,
}

impl Elem {
    /// Every element type, in the order of its binary code.
    pub const ALL: [Elem; 8] =
        [Elem::U8, Elem::I32, Elem::I64, Elem::F32, Elem::F64, Elem::C64, Elem::C128, Elem::Bool];

    /// Name in the text format.
    pub const fn name(self) -> &'static str {
        match self {
            Elem::U8 => "u8",
            Elem::I32 => "i32",
            Elem::I64 => "i64",
            Elem::F32 => "f32",
            Elem::F64 => "f64",
            Elem::C64 => "c64",
            Elem::C128 => "c128",
            Elem::Bool => "bool",
        }
    }

    /// The element type called `name`.
    pub fn from_name(name: &str) -> Option<Elem> {
        Elem::ALL.into_iter().find(|e| e.name() == name)
    }

    /// Code in the binary format.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The element type with binary code `code`.
    pub fn from_code(code: u8) -> Option<Elem> {
        Elem::ALL.get(code as usize).copied()
    }

    /// Bytes of one element.
    pub const fn size(self) -> usize {
        match self {
            Elem::U8 | Elem::Bool => 1,
            Elem::I32 | Elem::F32 => 4,
            Elem::I64 | Elem::F64 | Elem::C64 => 8,
            Elem::C128 => 16,
        }
    }

    /// The register type that one element is read into and written from;
    /// `None` for complex elements, which are read by parts.
    pub const fn scalar(self) -> Option<Type> {
        match self {
            Elem::U8 | Elem::I32 => Some(Type::I32),
            Elem::I64 => Some(Type::I64),
            Elem::F32 => Some(Type::F32),
            Elem::F64 => Some(Type::F64),
            Elem::Bool => Some(Type::Bool),
            Elem::C64 | Elem::C128 => None,
        }
    }

    /// The register type of the real and imaginary part of a complex element.
    pub const fn part(self) -> Option<Type> {
        match self {
            Elem::C64 => Some(Type::F32),
            Elem::C128 => Some(Type::F64),
            _ => None,
        }
    }
}

impl fmt::Display for Elem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a list holds: anything but another list.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Item {
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// IEEE single.
    F32,
    /// IEEE double.
    F64,
    /// Truth value.
    Bool,
    /// Tensor.
    Tensor(Elem),
    /// String.
    Str,
    /// Function reference.
    Func(SigId),
}

impl Item {
    /// The register type of the item.
    pub const fn ty(self) -> Type {
        match self {
            Item::I32 => Type::I32,
            Item::I64 => Type::I64,
            Item::F32 => Type::F32,
            Item::F64 => Type::F64,
            Item::Bool => Type::Bool,
            Item::Tensor(e) => Type::Tensor(e),
            Item::Str => Type::Str,
            Item::Func(s) => Type::Func(s),
        }
    }

    /// The item of register type `ty`, unless that is a list.
    pub const fn from_type(ty: Type) -> Option<Item> {
        Some(match ty {
            Type::I32 => Item::I32,
            Type::I64 => Item::I64,
            Type::F32 => Item::F32,
            Type::F64 => Item::F64,
            Type::Bool => Item::Bool,
            Type::Tensor(e) => Item::Tensor(e),
            Type::Str => Item::Str,
            Type::Func(s) => Item::Func(s),
            Type::List(_) => return None,
        })
    }
}

/// Type of a register, parameter, result or global.
///
/// Sparse matrices, big integers and symbolic expressions will be objects
/// too; their binary codes are reserved (see [`crate::binary`]).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Type {
    /// 32-bit integer, signed or not as the instruction says.
    I32,
    /// 64-bit integer, signed or not as the instruction says.
    I64,
    /// IEEE single.
    F32,
    /// IEEE double.
    F64,
    /// Truth value.
    Bool,
    /// n-dimensional, row-major, contiguous array.
    Tensor(Elem),
    /// Immutable UTF-8 string.
    Str,
    /// List of fixed length.
    List(Item),
    /// Reference to a function with that signature. A plain number, not an object.
    Func(SigId),
}

impl Type {
    /// Whether values live in a region (tensors, strings, lists), so that a
    /// register holds a pointer.
    pub const fn is_object(self) -> bool {
        matches!(self, Type::Tensor(_) | Type::Str | Type::List(_))
    }

    /// Whether this is one of the five scalar types.
    pub const fn is_scalar(self) -> bool {
        matches!(self, Type::I32 | Type::I64 | Type::F32 | Type::F64 | Type::Bool)
    }

    /// The scalar type called `name`.
    pub fn scalar_from_name(name: &str) -> Option<Type> {
        Some(match name {
            "i32" => Type::I32,
            "i64" => Type::I64,
            "f32" => Type::F32,
            "f64" => Type::F64,
            "bool" => Type::Bool,
            _ => return None,
        })
    }

    /// The type as text. `sigs` resolves function types; it is
    /// [`crate::module::Module::sigs`].
    pub fn display(self, sigs: &[Signature]) -> TypeDisplay<'_> {
        TypeDisplay { ty: self, sigs }
    }
}

/// Parameter and result types of a function.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Signature {
    /// Parameter types.
    pub params: Vec<Type>,
    /// Result types.
    pub results: Vec<Type>,
}

impl Signature {
    /// A signature from its two lists.
    pub fn new(params: impl Into<Vec<Type>>, results: impl Into<Vec<Type>>) -> Signature {
        Signature { params: params.into(), results: results.into() }
    }

    /// The signature as text, `(f64, i64) -> f64`.
    pub fn display<'a>(&'a self, sigs: &'a [Signature]) -> SignatureDisplay<'a> {
        SignatureDisplay { sig: self, sigs }
    }
}

/// Prints a [`Type`]; see [`Type::display`].
pub struct TypeDisplay<'a> {
    ty: Type,
    sigs: &'a [Signature],
}

impl fmt::Display for TypeDisplay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ty {
            Type::I32 => f.write_str("i32"),
            Type::I64 => f.write_str("i64"),
            Type::F32 => f.write_str("f32"),
            Type::F64 => f.write_str("f64"),
            Type::Bool => f.write_str("bool"),
            Type::Str => f.write_str("str"),
            Type::Tensor(e) => write!(f, "tensor<{e}>"),
            Type::List(item) => write!(f, "list<{}>", item.ty().display(self.sigs)),
            // A signature may only name signatures before it, which the
            // decoder and the verifier check; `get` keeps printing total.
            Type::Func(id) => match self.sigs.get(id.index()) {
                Some(sig) => write!(f, "func<{}>", sig.display(&self.sigs[..id.index()])),
                None => write!(f, "func<sig {}>", id.index()),
            },
        }
    }
}

/// Prints a [`Signature`]; see [`Signature::display`].
pub struct SignatureDisplay<'a> {
    sig: &'a Signature,
    sigs: &'a [Signature],
}

impl fmt::Display for SignatureDisplay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, types: &[Type]| {
            for (i, t) in types.iter().enumerate() {
                if i > 0 {
                    f.write_str(", ")?;
                }
                write!(f, "{}", t.display(self.sigs))?;
            }
            Ok(())
        };
        f.write_str("(")?;
        list(f, &self.sig.params)?;
        f.write_str(")")?;
        match self.sig.results.as_slice() {
            [] => Ok(()),
            [one] => write!(f, " -> {}", one.display(self.sigs)),
            many => {
                f.write_str(" -> (")?;
                list(f, many)?;
                f.write_str(")")
            }
        }
    }
}
