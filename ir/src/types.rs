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

    /// Whether a sparse matrix may have such elements.
    pub const fn is_of_sparse(self) -> bool {
        matches!(self, Elem::F32 | Elem::F64 | Elem::C128)
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

/// THE table of types. A row is: variant, what it carries, name in the text format
/// (before `<..>`), code in the binary format (plus that of an element); class, and
/// one line of documentation. `items` are what a list can hold.
///
/// A class is `scalar`; `object`, whose values live in a region, so that a register
/// holds a pointer; or `reference`, a plain number. [`Type`] and [`Item`] are made
/// of it. Code that copies, moves, measures or shows objects matches without a
/// catch-all (in the runtime in one place, `object/kind.rs`). So one more row does
/// not compile before all of them know it.
#[macro_export]
macro_rules! for_each_type {
    ($use_rows:ident) => {
        $use_rows! {
        items {
            I32 "i32" 0x01 scalar "32-bit integer, signed or not as the instruction says.";
            I64 "i64" 0x02 scalar "64-bit integer, signed or not as the instruction says.";
            F32 "f32" 0x03 scalar "IEEE single.";
            F64 "f64" 0x04 scalar "IEEE double.";
            Bool "bool" 0x05 scalar "Truth value.";
            Tensor(Elem) "tensor" 0x20 object "n-dimensional, row-major, contiguous array.";
            Sparse(Elem) "sparse" 0x30 object "Sparse matrix of f32, f64 or c128; immutable.";
            Str "str" 0x10 object "Immutable UTF-8 string.";
            BigInt "bigint" 0x13 object "Integer of any size; immutable.";
            Func(SigId) "func" 0x12 reference "Reference to a function with that signature. A plain number, not an object.";
        }
        lists {
            List(Item) "list" 0x11 object "List of fixed length.";
        }
        }
    };
}

macro_rules! define {
    (items { $($item:ident $(($item_of:ident))? $item_name:literal $item_code:literal $item_class:ident $item_doc:literal;)* }
    lists { $($list:ident $(($list_of:ident))? $list_name:literal $list_code:literal $list_class:ident $list_doc:literal;)* }) => {
        /// What a list holds: anything but another list.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Item {
            $(#[doc = $item_doc] $item $(($item_of))?,)*
        }

        /// Type of a register, parameter, result or global.
        ///
        /// Symbolic expressions will be objects too; their binary code is reserved
        /// (see [`crate::binary`]).
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Type {
            $(#[doc = $item_doc] $item $(($item_of))?,)*
            $(#[doc = $list_doc] $list $(($list_of))?,)*
        }

        impl Item {
            /// The register type of the item.
            pub const fn ty(self) -> Type {
                match self {
                    $(define!(@with Item $item carried $(($item_of))?) => define!(@with Type $item carried $(($item_of))?),)*
                }
            }

            /// The item of register type `ty`, unless that is a list.
            pub const fn from_type(ty: Type) -> Option<Item> {
                match ty {
                    $(define!(@with Type $item carried $(($item_of))?) => Some(define!(@with Item $item carried $(($item_of))?)),)*
                    $(Type::$list { .. } => None,)*
                }
            }
        }

        impl Type {
            /// Whether values live in a region, so that a register holds a pointer.
            pub const fn is_object(self) -> bool {
                match self {
                    $(Type::$item { .. } => define!(@is object $item_class),)*
                    $(Type::$list { .. } => define!(@is object $list_class),)*
                }
            }

            /// Whether this is one of the scalar types.
            pub const fn is_scalar(self) -> bool {
                match self {
                    $(Type::$item { .. } => define!(@is scalar $item_class),)*
                    $(Type::$list { .. } => define!(@is scalar $list_class),)*
                }
            }

            /// Name in the text format, without what stands between `<` and `>`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Type::$item { .. } => $item_name,)*
                    $(Type::$list { .. } => $list_name,)*
                }
            }

            /// Code in the binary format, without that of what it carries.
            pub const fn code(self) -> u8 {
                match self {
                    $(Type::$item { .. } => $item_code,)*
                    $(Type::$list { .. } => $list_code,)*
                }
            }
        }
    };
    (@with $of:ident $variant:ident $carried:ident ($payload:ident)) => { $of::$variant($carried) };
    (@with $of:ident $variant:ident $carried:ident) => { $of::$variant };
    (@is object object) => { true };
    (@is scalar scalar) => { true };
    (@is $wanted:ident $class:ident) => { false };
}

for_each_type!(define);

impl Type {
    /// The scalar types.
    pub const SCALARS: [Type; 5] = [Type::I32, Type::I64, Type::F32, Type::F64, Type::Bool];

    /// The scalar type called `name`.
    pub fn scalar_from_name(name: &str) -> Option<Type> {
        Type::SCALARS.into_iter().find(|ty| ty.name() == name)
    }

    /// The scalar type of that binary code.
    pub fn scalar_from_code(code: u8) -> Option<Type> {
        Type::SCALARS.into_iter().find(|ty| ty.code() == code)
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
        let name = self.ty.name();
        match self.ty {
            Type::I32 | Type::I64 | Type::F32 | Type::F64 | Type::Bool | Type::Str | Type::BigInt => {
                f.write_str(name)
            }
            Type::Tensor(e) | Type::Sparse(e) => write!(f, "{name}<{e}>"),
            Type::List(item) => write!(f, "{name}<{}>", item.ty().display(self.sigs)),
            // A signature may only name signatures before it, which the
            // decoder and the verifier check; `get` keeps printing total.
            Type::Func(id) => match self.sigs.get(id.index()) {
                Some(sig) => write!(f, "{name}<{}>", sig.display(&self.sigs[..id.index()])),
                None => write!(f, "{name}<sig {}>", id.index()),
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

#[cfg(test)]
mod tests {
    use crate::Module;

    macro_rules! text_of {
        ($name:literal) => {
            $name.to_owned()
        };
        ($name:literal Elem) => {
            format!("{}<f64>", $name)
        };
        ($name:literal SigId) => {
            format!("{}<() -> i64>", $name)
        };
    }
    macro_rules! texts {
        (items { $($item:ident $(($of:ident))? $name:literal $code:literal $class:ident $doc:literal;)* }
        lists { $($list:ident $(($list_of:ident))? $list_name:literal $list_code:literal $list_class:ident $list_doc:literal;)* }) => {{
            let items = vec![$(text_of!($name $($of)?)),*];
            let lists = [$($list_name),*];
            let of_all = lists.iter().flat_map(|l| items.iter().map(move |item| format!("{l}<{item}>")));
            let of_all: Vec<String> = of_all.collect();
            [items.clone(), of_all].concat()
        }};
    }

    #[test]
    fn both_formats_know_every_row() {
        for ty in for_each_type!(texts) {
            let text = format!("func @f(%x: {ty}) -> {ty} {{\n  ret %x\n}}\n");
            let module = Module::parse(&text, "types.nba").unwrap_or_else(|e| panic!("{ty}: {e}"));
            let printed = module.print();
            assert!(printed.contains(&ty), "{ty}: {printed}");
            let mut decoded = Module::decode(&module.encode()).unwrap_or_else(|e| panic!("{ty}: {e}"));
            decoded.source = module.source.clone();
            assert_eq!(decoded.print(), printed, "{ty}");
        }
    }
}
