//! Arguments of the called function, read by its signature.
//!
//! Scalars and strings are written plainly. Tensors are written as `[[1, 2], [3, 4]]`, or as the name of an `.npy` file, lists as `[1, 2]`,
//! functions by `@name`. `random:32` is a tensor of so many random bytes, of the operating system. Sparse matrices are the name of an `.mtx` or `.npz` file.

use super::failure::Failure;
use super::input::{Room, is_named};
use nbc::Value;
use nbc::ir::shown::clipped;
use nbc::runtime::object::{Element, OwnedBigInt, OwnedTensor};
use nbc::{ir::Elem, ir::Imm, ir::Module, ir::Signature, ir::Type};
use num_complex::Complex;
use std::borrow::Cow;

/// Brackets nested deeper than any tensor's.
const DEEPEST: usize = 16;

/// Before the number of random bytes.
const RANDOM: &str = "random:";

/// The arguments `words` for `@name` of type `sig`; arrays have so much room.
pub fn parse(
    words: &[String],
    name: &str,
    sig: &Signature,
    module: &Module,
    room: &mut Room,
) -> Result<Vec<Value>, Failure> {
    let shown = || format!("@{name}{}", sig.display(&module.sigs));
    let want = sig.params.len();
    if words.len() != want {
        let noun = if want == 1 { "argument" } else { "arguments" };
        return Err(Failure::usage(format!("{} takes {want} {noun}, found {}", shown(), words.len())));
    }
    let mut values = Vec::with_capacity(words.len());
    for (i, (word, ty)) in words.iter().zip(&sig.params).enumerate() {
        values.push(value(word, *ty, module, room).map_err(|why| {
            Failure::usage(format!("argument {} of {}, \"{}\": {why}", i + 1, shown(), clip(word)))
        })?);
    }
    Ok(values)
}

/// A long argument, for messages.
fn clip(word: &str) -> Cow<'_, str> {
    clipped(word, 60)
}

fn value(word: &str, ty: Type, module: &Module, room: &mut Room) -> Result<Value, String> {
    Ok(match ty {
        Type::Str => Value::Str(word.to_owned()),
        Type::Tensor(elem) if word.starts_with(RANDOM) => {
            if elem != Elem::U8 {
                return Err(format!("random bytes are a tensor<u8>, and this is a tensor<{elem}>"));
            }
            Value::Tensor(room.random(&word[RANDOM.len()..])?)
        }
        Type::BigInt => Value::BigInt(word.parse::<OwnedBigInt>().map_err(|e| e.to_string())?),
        Type::Tensor(elem) => match word.strip_prefix('@') {
            Some(path) => Value::Tensor(room.read(path, elem)?),
            None if is_named(word, ".npy") => Value::Tensor(room.read(word, elem)?),
            None => Value::Tensor(inline(&Node::parse(word)?, elem)?),
        },
        Type::Sparse(elem) => {
            let path = word.strip_prefix('@').unwrap_or(word);
            if path.len() == word.len() && !is_named(word, ".mtx") && !is_named(word, ".npz") {
                return Err(
                    "expected the name of a file that ends in .mtx or .npz, or any name after @".to_owned()
                );
            }
            Value::Sparse(room.read_sparse(path, elem)?)
        }
        Type::List(item) => {
            let Node::List(nodes) = Node::parse(word)? else {
                return Err(format!("expected a {}, such as [1, 2]", ty.display(&module.sigs)));
            };
            let item_of = |n| item_value(n, item.ty(), module, room);
            let values = nodes.iter().map(item_of).collect::<Result<_, _>>()?;
            Value::List(item, values)
        }
        Type::Func(sig) => {
            let name = word.strip_prefix('@').unwrap_or(word);
            let id = module.exported_func(name).ok_or("expected the name of an exported function")?;
            if module.func_sig_id(id) != Some(sig) {
                let found = module.func_sig(id).map(|s| s.display(&module.sigs).to_string());
                let found = found.unwrap_or_default();
                return Err(format!("expected a {}, found {found}", ty.display(&module.sigs)));
            }
            Value::Func(id)
        }
        _ => scalar(word, ty)?,
    })
}

fn item_value(node: &Node, ty: Type, module: &Module, room: &mut Room) -> Result<Value, String> {
    match (node, ty) {
        (_, Type::Tensor(elem)) => match node {
            Node::Leaf(path) if is_named(path, ".npy") => value(path, ty, module, room),
            _ => Ok(Value::Tensor(inline(node, elem)?)),
        },
        (Node::Leaf(word), _) => value(word, ty, module, room),
        (Node::List(_), _) => Err(format!("expected a {}, found a list", ty.display(&module.sigs))),
    }
}

fn scalar(word: &str, ty: Type) -> Result<Value, String> {
    Ok(match ty {
        Type::I32 => Value::I32(number(word, Elem::I32)?),
        Type::I64 => Value::I64(number(word, Elem::I64)?),
        Type::F32 => Value::F32(number(word, Elem::F32)?),
        Type::F64 => Value::F64(number(word, Elem::F64)?),
        _ => Value::Bool(number(word, Elem::Bool)?),
    })
}

/// A type whose values the command line can hold. Numbers are read as numbers
/// in programs are.
trait Number: Element {
    fn read(word: &str) -> Result<Self, String>;
}

macro_rules! literals {
    ($($ty:ty: $variant:ident => $value:expr;)*) => {$(
        impl Number for $ty {
            fn read(word: &str) -> Result<$ty, String> {
                match Imm::from_text(word, Type::$variant)? {
                    Imm::$variant(v) => Ok($value(v)),
                    _ => Err(format!("expected {}", <$ty as Element>::ELEM)),
                }
            }
        }
    )*};
}
literals! {
    i32: I32 => std::convert::identity;
    i64: I64 => std::convert::identity;
    f32: F32 => f32::from_bits;
    f64: F64 => f64::from_bits;
    bool: Bool => std::convert::identity;
}

impl Number for u8 {
    fn read(word: &str) -> Result<u8, String> {
        u8::try_from(i32::read(word)?).map_err(|_| format!("{word} is out of range for u8"))
    }
}

macro_rules! complex {
    ($($ty:ty)*) => {$(
        impl Number for Complex<$ty> {
            /// `1.5-2i`, or its parts as in programs: `(1.5, -2)`.
            fn read(word: &str) -> Result<Self, String> {
                let [re, im] = parts(word)?;
                Ok(Complex::new(<$ty>::read(&re)?, <$ty>::read(&im)?))
            }
        }
    )*};
}
complex! { f32 f64 }

/// The parts of a complex number, each as a number is written.
fn parts(word: &str) -> Result<[Cow<'_, str>; 2], String> {
    let bad = || format!("{} is not a number", clipped(word, 40));
    if let Some(inside) = word.strip_prefix('(').and_then(|w| w.strip_suffix(')')) {
        let (re, im) = inside.split_once(',').ok_or_else(bad)?;
        return Ok([re.trim().into(), im.trim().into()]);
    }
    let (a, b) = halves(word);
    let imaginary = |half: &'_ str| half.strip_suffix(['i', 'j']).map(str::to_owned);
    let (re, im) = match (imaginary(a), b.and_then(imaginary), b) {
        (None, Some(im), _) => (a, im),
        (Some(im), None, Some(b)) => (b, im),
        (Some(im), None, None) => ("0", im),
        (None, None, None) => (a, "0".to_owned()),
        _ => return Err(bad()),
    };
    // A sign may be apart from its number, and `i` alone is one.
    let signed = |part: &str| match part.split_at(part.len().min(1)) {
        (sign @ ("+" | "-"), digits) => format!("{sign}{}", digits.trim_start()),
        _ => part.to_owned(),
    };
    let im = match &*signed(im.trim_end()) {
        sign @ ("" | "+" | "-") => format!("{sign}1"),
        im => im.to_owned(),
    };
    Ok([signed(re).into(), im.into()])
}

/// What stands before the sign between the parts, and from there on.
fn halves(word: &str) -> (&str, Option<&str>) {
    let is_hex = |part: &str| part.starts_with("0x") || part.starts_with("0X");
    // The sign of an exponent, which hexadecimal digits have after a p, is not between.
    let between = |at: &usize| {
        let before = &word[..*at];
        let part = before.trim_start_matches(['+', '-']);
        !before.ends_with(if is_hex(part) { ['p', 'P'] } else { ['e', 'E'] })
    };
    let signs = word.char_indices().skip(1).filter(|(_, c)| matches!(c, '+' | '-')).map(|(at, _)| at);
    match signs.into_iter().find(between) {
        Some(at) => (word[..at].trim_end(), Some(&word[at..])),
        None => (word, None),
    }
}

fn number<T: Number>(word: &str, elem: Elem) -> Result<T, String> {
    T::read(word.trim()).map_err(|why| {
        let example = match elem {
            Elem::U8 => "0 to 255",
            Elem::I32 => "a whole number from -2147483648 to 2147483647",
            Elem::I64 => "a whole number of 64 bits",
            Elem::F32 | Elem::F64 => "a number such as 1.5, -2e-3, 0x1p-4, inf or nan",
            Elem::C64 | Elem::C128 => "a complex number such as 1.5-2i or (1.5, -2)",
            Elem::Bool => "true or false",
        };
        // That something else was expected is said already.
        let why = if why.starts_with("expected") { String::new() } else { format!("; {why}") };
        format!("expected {elem}: {example}{why}")
    })
}

/// A tensor written in brackets; a bare number has no dimensions.
fn inline(node: &Node, elem: Elem) -> Result<OwnedTensor, String> {
    match elem {
        Elem::U8 => gather::<u8>(node),
        Elem::I32 => gather::<i32>(node),
        Elem::I64 => gather::<i64>(node),
        Elem::F32 => gather::<f32>(node),
        Elem::F64 => gather::<f64>(node),
        Elem::C64 => gather::<Complex<f32>>(node),
        Elem::C128 => gather::<Complex<f64>>(node),
        Elem::Bool => gather::<bool>(node),
    }
}

fn gather<T: Number>(node: &Node) -> Result<OwnedTensor, String> {
    let mut dims = Vec::new();
    let mut first = node;
    while let Node::List(nodes) = first {
        dims.push(nodes.len() as u64);
        let Some(node) = nodes.first() else { break };
        first = node;
    }
    let mut data = Vec::new();
    collect::<T>(node, &dims, &mut data)?;
    if dims.len() > nbc::ir::dims::MAX_RANK {
        return Err("a tensor has at most 8 dimensions".to_owned());
    }
    OwnedTensor::from_slice(&dims, &data).ok_or_else(|| "no memory for the tensor".to_owned())
}

fn collect<T: Number>(node: &Node, dims: &[u64], data: &mut Vec<T>) -> Result<(), String> {
    match (node, dims) {
        (Node::Leaf(word), []) => data.push(number(word, T::ELEM)?),
        (Node::List(nodes), [len, rest @ ..]) if nodes.len() as u64 == *len => {
            for node in nodes {
                collect(node, rest, data)?;
            }
        }
        (Node::List(nodes), [len, ..]) => {
            return Err(format!("rows of different lengths: {len} and {}", nodes.len()));
        }
        _ => return Err("some rows are nested deeper than others".to_owned()),
    }
    Ok(())
}

/// What stands in brackets.
enum Node {
    Leaf(String),
    List(Vec<Node>),
}

impl Node {
    fn parse(word: &str) -> Result<Node, String> {
        let mut rest = word.trim();
        let node = Node::next(&mut rest, 0)?;
        if rest.is_empty() { Ok(node) } else { Err(format!("unexpected \"{}\" at the end", clip(rest))) }
    }

    fn next(rest: &mut &str, depth: usize) -> Result<Node, String> {
        if depth > DEEPEST {
            return Err("brackets are nested too deeply".to_owned());
        }
        if let Some(inside) = rest.strip_prefix('[') {
            *rest = inside.trim_start();
            let mut nodes = Vec::new();
            loop {
                if let Some(after) = rest.strip_prefix(']') {
                    *rest = after.trim_start();
                    return Ok(Node::List(nodes));
                }
                if !nodes.is_empty() {
                    *rest = rest.strip_prefix(',').ok_or("expected , or ]")?.trim_start();
                }
                nodes.push(Node::next(rest, depth + 1)?);
            }
        }
        if let Some(inside) = rest.strip_prefix('"') {
            let end = inside.find('"').ok_or("expected a closing quotation mark")?;
            *rest = inside[end + 1..].trim_start();
            return Ok(Node::Leaf(inside[..end].to_owned()));
        }
        // The parts of a complex number have a comma between.
        let inside = if rest.starts_with('(') { rest.find(')').unwrap_or(0) } else { 0 };
        let end = rest[inside..].find(['[', ']', ',', '"']).map_or(rest.len(), |at| inside + at);
        let (leaf, after) = rest.split_at(end);
        *rest = after;
        match leaf.trim() {
            "" => Err("expected a value or [".to_owned()),
            leaf => Ok(Node::Leaf(leaf.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(word: &str, ty: Type) -> Result<Value, String> {
        value(word, ty, &Module::default(), &mut Room::none())
    }

    fn tensor<T: Element>(word: &str) -> Option<(Vec<usize>, Vec<T>)> {
        match read(word, Type::Tensor(T::ELEM)) {
            Ok(Value::Tensor(t)) => Some((t.dims().to_vec(), t.as_slice::<T>()?.to_vec())),
            _ => None,
        }
    }

    #[test]
    fn integers_keep_to_their_range() {
        assert_eq!(i64::read("-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(i64::read("1_000"), Ok(1000));
        assert_eq!(i64::read("-0x10"), Ok(-16));
        assert_eq!(i32::read("0xffff_ffff"), Ok(-1));
        assert!(i32::read("2147483648").is_err());
        assert!(u8::read("-1").is_err() && u8::read("256").is_err());
        for bad in ["", "-", "+-1", "--1", "1.0", "x", "0x", "_", "1e3"] {
            assert!(i64::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn random_bytes_are_counted_and_different() {
        let (dims, first) = tensor::<u8>("random:32").expect("entropy");
        let (_, second) = tensor::<u8>("random:32").expect("entropy");
        assert_eq!((dims, first.len()), (vec![32], 32));
        assert_ne!(first, second);
        assert_eq!(tensor::<u8>("random:0").map(|(_, bytes)| bytes.len()), Some(0));
        for bad in ["random:", "random:-1", "random:x", "random:1.5", "random:99999999999999999999"] {
            let why = read(bad, Type::Tensor(Elem::U8)).expect_err(bad);
            assert!(why.contains("random:32"), "{why}");
        }
        assert!(read("random:4000000000000", Type::Tensor(Elem::U8)).is_err());
        let why = read("random:8", Type::Tensor(Elem::F64)).expect_err("doubles");
        assert!(why.contains("tensor<u8>"), "{why}");
    }

    #[test]
    fn numbers_are_read_as_in_programs() {
        assert_eq!(f64::read("1_000.5"), Ok(1000.5));
        assert_eq!(f64::read("0x10"), Ok(16.0));
        assert_eq!(f64::read("-0x1.8p-3"), Ok(-0.1875));
        assert_eq!(f32::read("-inf"), Ok(f32::NEG_INFINITY));
        assert!(f64::read("nan").unwrap().is_nan());
        assert_eq!(tensor("[(1, -0x1p1)]"), Some((vec![1], vec![Complex::new(1.0, -2.0)])));
        assert_eq!(tensor("[1_0, 0x10]"), Some((vec![2], vec![10u8, 16])));
    }

    #[test]
    fn parts_of_complex_numbers_are_read_as_numbers() {
        for (word, re, im) in [
            ("1.5-2i", 1.5, -2.0),
            ("1_0+2i", 10.0, 2.0),
            ("0x1p3+1i", 8.0, 1.0),
            ("0x1p+3-0x1p-1i", 8.0, -0.5),
            ("0x1e+2i", 30.0, 2.0),
            ("-1e+5-2e-3j", -1e5, -2e-3),
            ("1e-5i", 0.0, 1e-5),
            ("-i", 0.0, -1.0),
            ("2i + 1", 1.0, 2.0),
            ("1 - i", 1.0, -1.0),
            ("+3", 3.0, 0.0),
            ("1+infi", 1.0, f64::INFINITY),
            ("-inf-inf i", f64::NEG_INFINITY, f64::NEG_INFINITY),
            ("(1_0, -0x1p1)", 10.0, -2.0),
            ("-0-0i", -0.0, -0.0),
        ] {
            let found = Complex::<f64>::read(word).unwrap_or_else(|e| panic!("{word}: {e}"));
            assert_eq!(
                (found.re.to_bits(), found.im.to_bits()),
                (f64::to_bits(re), f64::to_bits(im)),
                "{word}"
            );
        }
        let nan = Complex::<f64>::read("nan:0x7ff8000000000001-nani");
        assert!(nan.is_err(), "a NaN has no sign in programs");
        for bad in [
            "",
            "+",
            "-",
            "1+",
            "1+2",
            "1i+2i",
            "1+2i+3i",
            "1+-2i",
            "(1)",
            "(1, 2",
            "i1",
            "1 2i",
            "1+infinityi",
        ] {
            assert!(Complex::<f64>::read(bad).is_err(), "{bad}");
        }
        // Too large for the type, or not exactly of it: as f64 and f32 refuse it.
        for bad in ["1e400+1i", "1-1e400i", "(1e400, 0)", "0x1p1024", "9007199254740993i"] {
            assert!(Complex::<f64>::read(bad).is_err(), "{bad}");
        }
        assert!(Complex::<f32>::read("1e39i").unwrap_err().contains("out of range for f32"));
        assert!(Complex::<f32>::read("16777217").unwrap_err().contains("16777217.0"));
        assert_eq!(
            tensor("[1_0+2i, (0x1p3, 1)]"),
            Some((vec![2], vec![Complex::new(10f32, 2.0), Complex::new(8.0, 1.0)]))
        );
    }

    #[test]
    fn tensors_are_read_by_their_brackets() {
        assert_eq!(tensor("[1, 2,3]"), Some((vec![3], vec![1i64, 2, 3])));
        assert_eq!(tensor(" [ [1.5] , [-inf] ] "), Some((vec![2, 1], vec![1.5, f64::NEG_INFINITY])));
        assert_eq!(tensor("7"), Some((vec![], vec![7i32])));
        assert_eq!(tensor("[]"), Some((vec![0], Vec::<f64>::new())));
        assert_eq!(tensor("[[], []]"), Some((vec![2, 0], Vec::<f64>::new())));
        assert_eq!(tensor("[1+2i]"), Some((vec![1], vec![Complex::new(1.0, 2.0)])));
        assert_eq!(tensor("[true,false]"), Some((vec![2], vec![true, false])));
        for bad in ["", "[", "[1", "[1,]", "[1 2]", "[1]]", "[[1],2]", "[1,[2]]", "[[1,2],[3]]", "[\"1]"] {
            assert_eq!(tensor::<f64>(bad), None, "{bad}");
        }
        let deep = "[".repeat(100_000);
        assert!(read(&deep, Type::Tensor(Elem::F64)).is_err());
        let rank9 = "[".repeat(9) + "1" + &"]".repeat(9);
        assert!(read(&rank9, Type::Tensor(Elem::F64)).unwrap_err().contains("at most 8"));
    }

    #[test]
    fn lists_hold_what_their_type_says() {
        use nbc::ir::Item;
        let list = |word, item| match read(word, Type::List(item)) {
            Ok(Value::List(_, values)) => Ok(values.len()),
            Ok(_) => Ok(usize::MAX),
            Err(e) => Err(e),
        };
        assert_eq!(list("[1, 2]", Item::F64), Ok(2));
        assert_eq!(list("[\"a, b\", c]", Item::Str), Ok(2));
        assert_eq!(list("[[1, 2], [3]]", Item::Tensor(Elem::I32)), Ok(2));
        assert!(list("[1, x]", Item::F64).unwrap_err().contains("f64"));
        assert!(list("1", Item::F64).is_err());
    }
}
