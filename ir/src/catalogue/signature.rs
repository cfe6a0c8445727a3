//! Signatures of operations, as rows write them and as calls are checked
//! against them; the notation is in [`catalogue`](super).

use crate::entity::SigId;
use crate::types::{Elem, Signature, Type};

/// Classes of element types that a type variable ranges over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Every element type.
    Any,
    /// All but bool.
    Number,
    /// i32, i64, f32, f64, u8.
    Real,
    /// u8, i32, i64.
    Int,
    /// i64.
    Word,
    /// f32, f64.
    Float,
    /// f32, f64, c64, c128.
    Inexact,
    /// c64, c128.
    Complex,
    /// bool, u8, i32, i64.
    Bits,
    /// All but the complex ones: those whose elements are scalars.
    Scalar,
    /// f32, f64, c128: what sparse matrices have.
    Sparse,
}

impl Class {
    /// Whether the class has `elem`.
    pub const fn has(self, elem: Elem) -> bool {
        match self {
            Class::Any => true,
            Class::Number => !matches!(elem, Elem::Bool),
            Class::Real => !matches!(elem, Elem::Bool | Elem::C64 | Elem::C128),
            Class::Int => matches!(elem, Elem::U8 | Elem::I32 | Elem::I64),
            Class::Word => matches!(elem, Elem::I64),
            Class::Float => matches!(elem, Elem::F32 | Elem::F64),
            Class::Inexact => matches!(elem, Elem::F32 | Elem::F64 | Elem::C64 | Elem::C128),
            Class::Complex => matches!(elem, Elem::C64 | Elem::C128),
            Class::Bits => matches!(elem, Elem::Bool | Elem::U8 | Elem::I32 | Elem::I64),
            Class::Scalar => !matches!(elem, Elem::C64 | Elem::C128),
            Class::Sparse => elem.is_of_sparse(),
        }
    }

    /// Name in a signature.
    pub const fn name(self) -> &'static str {
        match self {
            Class::Any => "any",
            Class::Number => "number",
            Class::Real => "real",
            Class::Int => "int",
            Class::Word => "word",
            Class::Float => "float",
            Class::Inexact => "inexact",
            Class::Complex => "complex",
            Class::Bits => "bits",
            Class::Scalar => "scalar",
            Class::Sparse => "sparse",
        }
    }

    fn from_name(name: &str) -> Option<Class> {
        use Class::*;
        [Any, Number, Real, Int, Word, Float, Inexact, Complex, Bits, Scalar, Sparse]
            .into_iter()
            .find(|c| c.name() == name)
    }
}

/// Type of an operation's parameter or result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Param {
    /// A type without variables.
    Exact(Type),
    /// Tensor whose element type is the variable.
    Tensor(usize),
    /// Tensor of the parts of the variable's complex element type.
    TensorOfParts(usize),
    /// Sparse matrix whose element type is the variable.
    Sparse(usize),
    /// Tensor of real elements of the precision of the variable's. A result's alone.
    TensorOfReals(usize),
    /// Tensor of complex elements of the precision of the variable's. A result's alone.
    TensorOfComplex(usize),
    /// Scalar of the variable's element type.
    Scalar(usize),
    /// Tensor of the variable's element type, or such a scalar.
    TensorOrScalar(usize),
    /// List of tensors whose element type is the variable.
    ListOfTensors(usize),
    /// Bracketed list of integers.
    Ints,
    /// Bracketed list of tensors whose element type is the variable.
    Tensors(usize),
    /// Function over scalars of the variables' element types.
    Func(Vec<Param>, Vec<Param>),
}

/// The parsed signature of an operation.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OpSignature {
    /// Name and class of each type variable.
    pub vars: Vec<(String, Class)>,
    /// Parameters.
    pub params: Vec<Param>,
    /// Results.
    pub results: Vec<Param>,
}

impl OpSignature {
    /// How many integers each bracketed list of a call with `given` flattened
    /// arguments has; `None` when that number of arguments is impossible.
    pub fn list_len(&self, given: usize) -> Option<usize> {
        let lists = self.params.iter().filter(|p| p.is_bracketed()).count();
        let rest = given.checked_sub(self.params.len() - lists)?;
        match lists {
            0 => (rest == 0).then_some(0),
            n => (rest % n == 0).then_some(rest / n),
        }
    }

    /// Flattens the parameters for bracketed lists of length `list_len`:
    /// one entry for each argument.
    pub fn flat_params(&self, list_len: usize) -> Vec<&Param> {
        let mut flat = Vec::new();
        for p in &self.params {
            let times = if p.is_bracketed() { list_len } else { 1 };
            flat.extend(std::iter::repeat_n(p, times));
        }
        flat
    }
}

impl Param {
    /// Whether it stands for as many arguments as the call's bracketed lists are long.
    pub fn is_bracketed(&self) -> bool {
        matches!(self, Param::Ints | Param::Tensors(_))
    }

    /// Whether a value of type `ty` may be passed, the variables being `elems`.
    /// `sigs` are the module's signatures.
    pub fn accepts(&self, ty: Type, elems: &[Elem], sigs: &[Signature]) -> bool {
        let scalar = |v: &usize| elems.get(*v).and_then(|e| e.scalar());
        match self {
            Param::Exact(t) => *t == ty,
            Param::Ints => ty == Type::I64,
            Param::Tensor(v) | Param::Tensors(v) => elems.get(*v).is_some_and(|e| ty == Type::Tensor(*e)),
            Param::TensorOfParts(v) => elems.get(*v).is_some_and(|e| part_of(*e) == Some(ty)),
            Param::Sparse(v) => elems.get(*v).is_some_and(|e| ty == Type::Sparse(*e)),
            Param::TensorOfReals(v) => elems.get(*v).is_some_and(|e| real_of(*e) == Some(ty)),
            Param::TensorOfComplex(v) => elems.get(*v).is_some_and(|e| complex_of(*e) == Some(ty)),
            Param::Scalar(v) => scalar(v) == Some(ty),
            Param::TensorOrScalar(v) => {
                elems.get(*v).is_some_and(|e| ty == Type::Tensor(*e)) || scalar(v) == Some(ty)
            }
            Param::ListOfTensors(v) => {
                elems.get(*v).is_some_and(|e| ty == Type::List(crate::types::Item::Tensor(*e)))
            }
            Param::Func(params, results) => {
                let Type::Func(SigId(id)) = ty else { return false };
                let Some(sig) = sigs.get(id as usize) else { return false };
                let all = |want: &[Param], have: &[Type]| {
                    want.len() == have.len() && want.iter().zip(have).all(|(p, t)| p.accepts(*t, elems, sigs))
                };
                all(params, &sig.params) && all(results, &sig.results)
            }
        }
    }

    /// Whether a value of type `ty` may be passed for some choice of the variables.
    pub(crate) fn may_accept(&self, ty: Type, sigs: &[Signature]) -> bool {
        match self {
            Param::Exact(t) => *t == ty,
            Param::Ints => ty == Type::I64,
            Param::Tensor(_) | Param::Tensors(_) => matches!(ty, Type::Tensor(_)),
            Param::TensorOfParts(_) | Param::TensorOfReals(_) => {
                matches!(ty, Type::Tensor(Elem::F32 | Elem::F64))
            }
            Param::TensorOfComplex(_) => matches!(ty, Type::Tensor(Elem::C64 | Elem::C128)),
            Param::Sparse(_) => matches!(ty, Type::Sparse(_)),
            Param::Scalar(_) => ty.is_scalar(),
            Param::TensorOrScalar(_) => ty.is_scalar() || matches!(ty, Type::Tensor(_)),
            Param::ListOfTensors(_) => matches!(ty, Type::List(crate::types::Item::Tensor(_))),
            Param::Func(params, results) => {
                let Type::Func(SigId(id)) = ty else { return false };
                let Some(sig) = sigs.get(id as usize) else { return false };
                let all = |want: &[Param], have: &[Type]| {
                    want.len() == have.len() && want.iter().zip(have).all(|(p, t)| p.may_accept(*t, sigs))
                };
                all(params, &sig.params) && all(results, &sig.results)
            }
        }
    }

    /// Whether a literal may be passed.
    pub(crate) fn may_be_scalar(&self) -> bool {
        match self {
            Param::Exact(ty) => ty.is_scalar(),
            Param::Ints | Param::Scalar(_) | Param::TensorOrScalar(_) => true,
            Param::Tensor(_)
            | Param::Tensors(_)
            | Param::TensorOfParts(_)
            | Param::Sparse(_)
            | Param::TensorOfReals(_)
            | Param::TensorOfComplex(_)
            | Param::ListOfTensors(_)
            | Param::Func(..) => false,
        }
    }

    /// The type with the names of its variables.
    pub(crate) fn display(&self, vars: &[(String, Class)]) -> String {
        let var = |v: &usize| vars.get(*v).map_or("?", |(name, _)| name);
        let list = |list: &[Param]| list.iter().map(|p| p.display(vars)).collect::<Vec<_>>().join(", ");
        match self {
            Param::Exact(ty) => ty.display(&[]).to_string(),
            Param::Ints => "i64".to_owned(),
            Param::Tensor(v) | Param::Tensors(v) => format!("tensor<{}>", var(v)),
            Param::TensorOfParts(v) => format!("tensor<part {}>", var(v)),
            Param::Sparse(v) => format!("sparse<{}>", var(v)),
            Param::TensorOfReals(v) => format!("tensor<real {}>", var(v)),
            Param::TensorOfComplex(v) => format!("tensor<complex {}>", var(v)),
            Param::Scalar(v) => format!("a scalar {}", var(v)),
            Param::TensorOrScalar(v) => format!("tensor<{}> or a scalar", var(v)),
            Param::ListOfTensors(v) => format!("list<tensor<{}>>", var(v)),
            Param::Func(params, results) => format!("func<({}) -> {}>", list(params), list(results)),
        }
    }

    /// The type of a result, the variables being `elems`; `None` when it is
    /// not one single type or a complex element has no scalar.
    pub fn result_type(&self, elems: &[Elem]) -> Option<Type> {
        match self {
            Param::Exact(t) => Some(*t),
            Param::Tensor(v) => Some(Type::Tensor(*elems.get(*v)?)),
            Param::TensorOfParts(v) => part_of(*elems.get(*v)?),
            Param::Sparse(v) => Some(Type::Sparse(*elems.get(*v)?)),
            Param::TensorOfReals(v) => real_of(*elems.get(*v)?),
            Param::TensorOfComplex(v) => complex_of(*elems.get(*v)?),
            Param::Scalar(v) => elems.get(*v)?.scalar(),
            Param::ListOfTensors(v) => Some(Type::List(crate::types::Item::Tensor(*elems.get(*v)?))),
            Param::TensorOrScalar(_) | Param::Ints | Param::Tensors(_) | Param::Func(..) => None,
        }
    }

    /// Learns type variables from an argument of type `ty`: sets `elems` where still `None`.
    pub fn infer(&self, ty: Type, elems: &mut [Option<Elem>], sigs: &[Signature]) {
        let mut learn = |v: usize, e: Elem| {
            if let Some(slot @ None) = elems.get_mut(v) {
                *slot = Some(e);
            }
        };
        match (self, ty) {
            (Param::Tensor(v) | Param::Tensors(v) | Param::TensorOrScalar(v), Type::Tensor(e)) => {
                learn(*v, e)
            }
            (Param::Sparse(v), Type::Sparse(e)) => learn(*v, e),
            (Param::TensorOfParts(v), Type::Tensor(Elem::F32)) => learn(*v, Elem::C64),
            (Param::TensorOfParts(v), Type::Tensor(Elem::F64)) => learn(*v, Elem::C128),
            (Param::ListOfTensors(v), Type::List(crate::types::Item::Tensor(e))) => learn(*v, e),
            (Param::Func(params, results), Type::Func(id)) => {
                if let Some(sig) = sigs.get(id.index()) {
                    for (p, t) in params.iter().zip(&sig.params).chain(results.iter().zip(&sig.results)) {
                        p.infer(*t, elems, sigs);
                    }
                }
            }
            (Param::Scalar(v), _) => {
                let elem = match ty {
                    Type::I32 => Elem::I32,
                    Type::I64 => Elem::I64,
                    Type::F32 => Elem::F32,
                    Type::F64 => Elem::F64,
                    Type::Bool => Elem::Bool,
                    _ => return,
                };
                learn(*v, elem);
            }
            _ => {}
        }
    }
}

/// The tensor of the parts of complex elements.
fn part_of(elem: Elem) -> Option<Type> {
    match elem {
        Elem::C64 => Some(Type::Tensor(Elem::F32)),
        Elem::C128 => Some(Type::Tensor(Elem::F64)),
        _ => None,
    }
}

/// The tensor of real elements of that precision.
fn real_of(elem: Elem) -> Option<Type> {
    matches!(elem, Elem::F32 | Elem::F64).then_some(Type::Tensor(elem)).or_else(|| part_of(elem))
}

/// The tensor of complex elements of that precision.
fn complex_of(elem: Elem) -> Option<Type> {
    match elem {
        Elem::F32 | Elem::C64 => Some(Type::Tensor(Elem::C64)),
        Elem::F64 | Elem::C128 => Some(Type::Tensor(Elem::C128)),
        _ => None,
    }
}

pub(super) fn parse_signature(text: &str) -> Option<OpSignature> {
    let mut sig = OpSignature::default();
    let mut rest = text.trim();
    if let Some(inner) = rest.strip_prefix('<') {
        let (vars, after) = inner.split_once('>')?;
        for var in vars.split(',') {
            let (name, class) = var.split_once(':')?;
            sig.vars.push((name.trim().to_owned(), Class::from_name(class.trim())?));
        }
        rest = after;
    }
    let names: Vec<&str> = sig.vars.iter().map(|(n, _)| n.as_str()).collect();
    let (params, results) = parse_arrow(rest, &names)?;
    sig.params = params;
    sig.results = results;
    Some(sig)
}

/// `(a, b) -> c`, `(a) -> (b, c)` or `(a)`.
fn parse_arrow(text: &str, vars: &[&str]) -> Option<(Vec<Param>, Vec<Param>)> {
    let text = text.trim();
    let close = matching(text, '(', ')')?;
    let params = parse_params(&text[1..close], vars)?;
    let after = text[close + 1..].trim();
    let results = match after.strip_prefix("->").map(str::trim) {
        None if after.is_empty() => Vec::new(),
        None => return None,
        Some(r) if r.starts_with('(') => parse_params(&r[1..matching(r, '(', ')')?], vars)?,
        Some(r) => vec![parse_param(r, vars)?],
    };
    Some((params, results))
}

fn parse_params(text: &str, vars: &[&str]) -> Option<Vec<Param>> {
    let (mut out, mut depth, mut start) = (Vec::new(), 0, 0);
    let bytes = text.as_bytes();
    for (i, b) in bytes.iter().enumerate() {
        match b {
            b'(' | b'<' | b'[' => depth += 1,
            b'>' if i > 0 && bytes[i - 1] == b'-' => {}
            b')' | b'>' | b']' => depth -= 1,
            b',' if depth == 0 => {
                out.push(parse_param(&text[start..i], vars)?);
                start = i + 1;
            }
            _ => {}
        }
    }
    if !text[start..].trim().is_empty() {
        out.push(parse_param(&text[start..], vars)?);
    }
    Some(out)
}

fn parse_param(text: &str, vars: &[&str]) -> Option<Param> {
    let text = text.trim();
    let var = |name: &str| vars.iter().position(|v| *v == name);
    if let Some(v) = var(text) {
        return Some(Param::Scalar(v));
    }
    if text == "[i64]" {
        return Some(Param::Ints);
    }
    if let Some(inner) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        let Param::Tensor(v) = parse_param(inner, vars)? else { return None };
        return Some(Param::Tensors(v));
    }
    if let Some((tensor, scalar)) = text.split_once('|') {
        let Param::Tensor(v) = parse_param(tensor, vars)? else { return None };
        return (parse_param(scalar, vars)? == Param::Scalar(v)).then_some(Param::TensorOrScalar(v));
    }
    if let Some(inner) = text.strip_prefix("tensor<").and_then(|t| t.strip_suffix('>')) {
        if let Some(v) = inner.strip_prefix("part ").and_then(var) {
            return Some(Param::TensorOfParts(v));
        }
        if let Some(v) = inner.strip_prefix("real ").and_then(var) {
            return Some(Param::TensorOfReals(v));
        }
        if let Some(v) = inner.strip_prefix("complex ").and_then(var) {
            return Some(Param::TensorOfComplex(v));
        }
        return match var(inner) {
            Some(v) => Some(Param::Tensor(v)),
            None => Some(Param::Exact(Type::Tensor(Elem::from_name(inner)?))),
        };
    }
    if let Some(inner) = text.strip_prefix("sparse<").and_then(|t| t.strip_suffix('>')) {
        return Some(Param::Sparse(var(inner)?));
    }
    if let Some(inner) = text.strip_prefix("list<tensor<").and_then(|t| t.strip_suffix(">>")) {
        return Some(Param::ListOfTensors(var(inner)?));
    }
    if let Some(inner) = text.strip_prefix("func<").and_then(|t| t.strip_suffix('>')) {
        let (params, results) = parse_arrow(inner, vars)?;
        return Some(Param::Func(params, results));
    }
    match text {
        "str" => return Some(Param::Exact(Type::Str)),
        "bigint" => return Some(Param::Exact(Type::BigInt)),
        "list<bigint>" => return Some(Param::Exact(Type::List(crate::types::Item::BigInt))),
        _ => {}
    }
    Type::scalar_from_name(text).map(Param::Exact)
}

fn matching(text: &str, open: char, close: char) -> Option<usize> {
    let mut depth = 0;
    for (i, c) in text.char_indices() {
        if c == open {
            depth += 1;
        } else if c == close {
            depth -= 1;
            if depth == 0 {
                return Some(i);
            }
        } else if depth == 0 {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_have_their_parts() {
        let sig =
            parse_signature("<T: float>(tensor<T>|T, [i64], func<(T, T) -> T>) -> (tensor<T>, i64)").unwrap();
        assert_eq!(sig.vars, [("T".to_owned(), Class::Float)]);
        assert_eq!(sig.params[0], Param::TensorOrScalar(0));
        assert_eq!(sig.params[1], Param::Ints);
        assert_eq!(sig.params[2], Param::Func(vec![Param::Scalar(0); 2], vec![Param::Scalar(0)]));
        assert_eq!(sig.results, [Param::Tensor(0), Param::Exact(Type::I64)]);
        assert_eq!(sig.list_len(5), Some(3));
        assert_eq!(sig.list_len(1), None);
    }
}
