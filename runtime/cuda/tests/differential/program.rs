//! Random programs on whole arrays: chains and what ends them, maps of random functions, views, elements that are
//! written, loops, regions, globals, and functions that get tensors.
//!
//! Dims are known while a program is made up, so that most of its operations fit. Of what does not, the trap has to be the same.

use super::Numbers;
use super::function::{self, Signature, literal, name};
use nbc_ir::catalogue::{CATALOGUE, Class, Kind, Operation, Param};
use nbc_ir::{Elem, Type};
use std::fmt::Write;

const ELEMS: [Elem; 8] =
    [Elem::F64, Elem::F32, Elem::I64, Elem::I32, Elem::U8, Elem::Bool, Elem::C128, Elem::C64];

/// A tensor that a register holds.
#[derive(Clone)]
struct Tensor {
    register: String,
    elem: Elem,
    dims: Vec<u64>,
    /// Whether elements may be written.
    is_own: bool,
}

/// A function that gets two tensors of those elements, with the dims of most.
struct Helper {
    name: String,
    elems: [Elem; 2],
    result: Elem,
}

/// A program while it is being made up.
struct Program<'n> {
    numbers: &'n mut Numbers,
    text: String,
    tensors: Vec<Tensor>,
    scalars: Vec<(String, Type)>,
    made: usize,
    /// Dims that most have.
    whole: Vec<u64>,
    /// Types of elements that most have.
    elems: Vec<Elem>,
    helpers: Vec<Helper>,
    /// Functions that maps may call, and their texts.
    functions: Vec<Signature>,
    texts: String,
    /// How deep in loops and regions.
    depth: usize,
    /// Whether a register may be set that was there before the region.
    may_set: bool,
}

/// What a scalar of such elements is; none of complex numbers.
fn scalar(elem: Elem) -> Option<Type> {
    if elem == Elem::U8 { Some(Type::I32) } else { elem.scalar() }
}

fn count(dims: &[u64]) -> u64 {
    dims.iter().product()
}

/// A program, whose `@main` takes nothing.
pub(super) fn program(numbers: &mut Numbers) -> String {
    let shapes: [&[u64]; 9] =
        [&[40, 50], &[2000], &[1537], &[6, 13, 21], &[64, 32], &[1, 1700], &[130, 1, 15], &[9000], &[16, 8]];
    let whole = numbers.one(&shapes).to_vec();
    let mut elems = vec![Elem::F64, Elem::Bool];
    for _ in 0..2 {
        elems.push(numbers.one(&ELEMS));
    }
    let mut it = Program {
        numbers,
        text: String::new(),
        tensors: Vec::new(),
        scalars: Vec::new(),
        made: 0,
        whole,
        elems,
        helpers: Vec::new(),
        functions: Vec::new(),
        texts: String::new(),
        depth: 0,
        may_set: true,
    };
    let mut helpers = String::new();
    for n in 0..it.numbers.below(3) {
        helpers += &it.helper(n);
    }
    it.begin();
    it.line("%kept = tensor.zeros<f64> [3, 100]");
    let statements = 6 + it.numbers.below(22);
    it.statements(statements);
    let (results, types) = it.results();
    let globals = "const @floats: tensor<f64> [24] = {0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.5, 1e-40, 5e-324, -1e-310, 1e30, \
                   -1e300, 709.5, -745.2, inf, -inf, nan, 4294967295.5, -9.3e18, 2147483648.0, 0.1, -0.75, 255.0, 1e17}
const @integers: tensor<i64> [18] = {0, 1, -1, 2, 7, -13, 31, 63, 64, 255, 65537, -32769, 2147483647, -2147483648, \
                   1099511627776, -9007199254740993, 9223372036854775807, -9223372036854775808}
global @state: tensor<f64> = @floats\n";
    format!(
        "{globals}{}{helpers}export func @main() -> ({}) {{\n{}  ret {}\n}}\n",
        it.texts,
        types.join(", "),
        it.text,
        results.join(", ")
    )
}

impl Program<'_> {
    fn line(&mut self, text: &str) {
        writeln!(self.text, "  {text}").expect("a string takes all");
    }

    fn fresh(&mut self) -> String {
        self.made += 1;
        format!("%v{}", self.made)
    }

    /// A new tensor, or the register of one that is like it.
    fn tensor(&mut self, elem: Elem, dims: &[u64], is_own: bool, text: &str) -> String {
        let like: Vec<usize> = (0..self.tensors.len())
            .filter(|at| {
                let t = &self.tensors[*at];
                t.elem == elem && t.dims == dims && t.is_own == is_own
            })
            .collect();
        if self.may_set && !like.is_empty() && self.numbers.below(3) == 0 {
            let at = like[self.numbers.below(like.len())];
            let register = self.tensors[at].register.clone();
            self.line(&format!("{register} = {text}"));
            return register;
        }
        let register = self.fresh();
        self.line(&format!("{register} = {text}"));
        self.tensors.push(Tensor { register: register.clone(), elem, dims: dims.to_vec(), is_own });
        register
    }

    fn number(&mut self, ty: Type, text: &str) -> String {
        let register = self.fresh();
        self.line(&format!("{register} = {text}"));
        self.scalars.push((register.clone(), ty));
        register
    }

    /// Tensors that every function begins with.
    fn begin(&mut self) {
        for elem in self.elems.clone() {
            let mut shapes = vec![self.whole.clone()];
            for _ in 0..1 + self.numbers.below(2) {
                shapes.push(self.part());
            }
            for dims in shapes {
                self.source(elem, &dims);
            }
        }
    }

    /// Dims that are broadcast to those of most.
    fn part(&mut self) -> Vec<u64> {
        let mut dims = self.whole.clone();
        match self.numbers.below(4) {
            0 => vec![1],
            1 => dims.split_off(dims.len() - 1),
            2 => {
                let at = self.numbers.below(dims.len());
                dims[at] = 1;
                dims
            }
            _ => {
                (1..dims.len()).for_each(|at| dims[at] = 1);
                dims
            }
        }
    }

    fn make(&mut self, text: &str) -> String {
        let register = self.fresh();
        self.line(&format!("{register} = {text}"));
        register
    }

    /// Elements of a type out of nothing: special ones among them.
    fn source(&mut self, elem: Elem, dims: &[u64]) -> String {
        let seed = self.numbers.below(1000);
        let made = match elem {
            Elem::F64 | Elem::F32 if self.numbers.below(3) == 0 => {
                let u = self.make(&format!("tensor.random<f64> {dims:?}, {seed}"));
                let v = self.make(&format!("tensor.mul {u}, 24.0"));
                let i = self.make(&format!("tensor.cast<f64, i64> {v}"));
                let all = self.make("const.get @floats");
                let taken = self.make(&format!("tensor.take {all}, {i}"));
                if elem == Elem::F64 {
                    format!("copy {taken}")
                } else {
                    format!("tensor.cast<f64, f32> {taken}")
                }
            }
            Elem::F64 | Elem::F32 => {
                let u = self.make(&format!("tensor.random_normal<{elem}> {dims:?}, {seed}"));
                format!("tensor.mul {u}, {}", self.numbers.one(&["3.0", "40.0", "0.01"]))
            }
            Elem::Bool => {
                let u = self.make(&format!("tensor.random<f64> {dims:?}, {seed}"));
                format!("tensor.lt {u}, {}", self.numbers.one(&["0.5", "0.999", "0.001"]))
            }
            Elem::C64 | Elem::C128 => {
                let part = if elem == Elem::C64 { Elem::F32 } else { Elem::F64 };
                let (re, im) = (self.source(part, dims), self.source(part, dims));
                format!("complex.of_parts {re}, {im}")
            }
            _ => {
                let u = self.make(&format!("tensor.random<f64> {dims:?}, {seed}"));
                let v = self.make(&format!("tensor.mul {u}, 18.0"));
                let i = self.make(&format!("tensor.cast<f64, i64> {v}"));
                let all = self.make("const.get @integers");
                let taken = self.make(&format!("tensor.take {all}, {i}"));
                if elem == Elem::I64 {
                    format!("copy {taken}")
                } else {
                    format!("tensor.cast<i64, {elem}> {taken}")
                }
            }
        };
        self.tensor(elem, dims, true, &made)
    }

    /// A tensor that fits; the latest ones are wanted most.
    fn find(&mut self, fits: impl Fn(&Tensor) -> bool) -> Option<Tensor> {
        let all: Vec<&Tensor> = self.tensors.iter().filter(|t| fits(t)).collect();
        let recent = &all[all.len().saturating_sub(7)..];
        if recent.is_empty() { None } else { Some(recent[self.numbers.below(recent.len())].clone()) }
    }

    fn whole_of(&mut self, elem: Elem) -> String {
        let whole = self.whole.clone();
        match self.find(|t| t.elem == elem && t.dims == whole) {
            Some(found) => found.register,
            None => self.source(elem, &whole),
        }
    }

    /// A tensor that is broadcast to `dims`, or a scalar where there is one.
    fn operand(&mut self, elem: Elem, dims: &[u64], may_be_scalar: bool) -> String {
        if may_be_scalar
            && let Some(ty) = scalar(elem)
            && self.numbers.below(5) == 0
        {
            let known: Vec<String> =
                self.scalars.iter().filter(|(_, t)| *t == ty).map(|(r, _)| r.clone()).collect();
            if !known.is_empty() && self.numbers.below(2) == 0 {
                return self.numbers.of(&known);
            }
            return literal(ty, self.numbers).to_owned();
        }
        let goes = |t: &Tensor| {
            let from_end = |n: usize| t.dims.iter().rev().nth(n).copied().unwrap_or(1);
            t.dims.len() <= dims.len()
                && dims.iter().rev().enumerate().all(|(n, dim)| from_end(n) == 1 || from_end(n) == *dim)
        };
        match self.find(|t| t.elem == elem && goes(t)) {
            Some(found) => found.register,
            None => self.source(elem, dims),
        }
    }

    fn statements(&mut self, count: usize) {
        for _ in 0..count {
            self.statement();
        }
    }

    fn statement(&mut self) {
        match self.numbers.below(if self.depth < 2 { 40 } else { 32 }) {
            0..=7 => {
                for _ in 0..1 + self.numbers.below(7) {
                    self.elementwise();
                }
            }
            8..=11 => self.map(),
            12..=15 => self.reduced(),
            16..=19 => self.moved(),
            20..=21 => self.along_an_axis(),
            22..=24 => self.view(),
            25..=27 => self.written(),
            28 => self.loaded(),
            29 => self.called(),
            30 => self.global(),
            31 => {
                let elem = self.numbers.of(&self.elems.clone());
                let whole = self.whole.clone();
                self.source(elem, &whole);
            }
            32..=35 => self.repeated(),
            36..=37 => self.region(),
            _ => self.renewed(),
        }
    }

    /// Any elementwise operation of the catalogue.
    fn elementwise(&mut self) {
        let all: Vec<&'static Operation> =
            CATALOGUE.iter().filter(|op| op.kind == Kind::Elementwise && op.pure).collect();
        let operation = all[self.numbers.below(all.len())];
        let signature = operation.typed();
        let mut elems = Vec::new();
        for (_, class) in &signature.vars {
            let of: Vec<Elem> = self.elems.iter().copied().filter(|elem| Class::has(*class, *elem)).collect();
            let any: Vec<Elem> = ELEMS.into_iter().filter(|elem| Class::has(*class, *elem)).collect();
            elems.push(if of.is_empty() { self.numbers.of(&any) } else { self.numbers.of(&of) });
        }
        if operation.name == "tensor.cast" {
            let to = self.numbers.one(&[Elem::F64, Elem::F32, Elem::I64, Elem::I32, Elem::U8, Elem::Bool]);
            elems[1] = to;
        }
        let [result] = &signature.results[..] else { return };
        let Some(Type::Tensor(elem)) = result.result_type(&elems) else { return };
        if signature.params.iter().any(|p| {
            !matches!(
                p,
                Param::Tensor(_)
                    | Param::TensorOfParts(_)
                    | Param::TensorOrScalar(_)
                    | Param::Exact(Type::Tensor(_))
            )
        }) {
            return;
        }
        // Mostly of the dims that most have, at times of those of anything.
        let dims = match self.numbers.below(8) {
            0 => self.find(|_| true).map(|t| t.dims).unwrap_or_else(|| self.whole.clone()),
            _ => self.whole.clone(),
        };
        let full = self.numbers.below(signature.params.len());
        let mut args = Vec::new();
        for (at, param) in signature.params.iter().enumerate() {
            let (elem, may_be_scalar) = match param {
                Param::Tensor(v) => (elems[*v], false),
                Param::TensorOrScalar(v) => (elems[*v], true),
                Param::TensorOfParts(v) => {
                    (if elems[*v] == Elem::C64 { Elem::F32 } else { Elem::F64 }, false)
                }
                Param::Exact(Type::Tensor(elem)) => (*elem, false),
                _ => return,
            };
            let divides = operation.divides && at == 1 && Class::has(Class::Int, elem);
            let arg = if at == full {
                match self.find(|t| t.elem == elem && t.dims == dims) {
                    Some(found) => found.register,
                    None => self.source(elem, &dims),
                }
            } else {
                self.operand(elem, &dims, may_be_scalar)
            };
            args.push(match divides && arg.starts_with('%') && self.numbers.below(25) != 0 {
                // No divisor is zero.
                true if self.scalars.iter().any(|(r, _)| *r == arg) => "3".to_owned(),
                true => self.make(&format!("tensor.or {arg}, 1")),
                false if divides && arg == "0" => "7".to_owned(),
                false => arg,
            });
        }
        let types = match operation.name {
            "tensor.cast" => format!("<{}, {}>", elems[0], elems[1]),
            _ => String::new(),
        };
        self.tensor(elem, &dims, true, &format!("{}{types} {}", operation.name, args.join(", ")));
    }

    /// Makes up a function of scalars; the functions that it calls come before it.
    fn function(&mut self, from: &[Elem], to: Elem) -> Option<String> {
        if self.functions.len() < 6 && self.numbers.below(3) == 0 {
            // One that others call: of any types, with several results.
            let types: Vec<Type> =
                (0..1 + self.numbers.below(3)).map(|_| self.numbers.one(&function::SCALARS)).collect();
            let results: Vec<Type> =
                (0..1 + self.numbers.below(2)).map(|_| self.numbers.one(&function::SCALARS)).collect();
            self.add_function(&types, &results);
        }
        let from: Option<Vec<Type>> = from.iter().map(|elem| scalar(*elem)).collect();
        Some(self.add_function(&from?, &[scalar(to)?]))
    }

    fn add_function(&mut self, from: &[Type], to: &[Type]) -> String {
        let it = format!("f{}", self.functions.len());
        let (text, signature) = function::function(&it, from, to, &self.functions, self.numbers);
        self.texts += &text;
        self.functions.push(signature);
        it
    }

    fn map(&mut self) {
        let simple = [Elem::F64, Elem::F32, Elem::I64, Elem::I32, Elem::U8, Elem::Bool];
        let to = self.numbers.one(&simple);
        let dims = self.whole.clone();
        let args = self.numbers.below(4);
        let mut from = Vec::new();
        for _ in 0..args {
            let own: Vec<Elem> = self.elems.iter().copied().filter(|e| simple.contains(e)).collect();
            from.push(self.numbers.of(&own));
        }
        let index = [Elem::I64];
        let Some(name) = self.function(if args == 0 { &index } else { &from }, to) else { return };
        let f = self.make(&format!("func.ref @{name}"));
        if args == 0 {
            self.tensor(to, &dims, true, &format!("tensor.generate<{to}> {dims:?}, {f}"));
            return;
        }
        let registers: Vec<String> = from.iter().map(|elem| self.whole_of(*elem)).collect();
        let types: Vec<String> = from.iter().chain([&to]).map(Elem::to_string).collect();
        let map = ["map", "map2", "map3"][args - 1];
        let text = format!("tensor.{map}<{}> {}, {f}", types.join(", "), registers.join(", "));
        self.tensor(to, &dims, true, &text);
    }

    /// A reduction to a scalar, of what was computed last.
    fn reduced(&mut self) {
        let Some(x) = self.find(|t| count(&t.dims) > 0) else { return };
        let is_float = matches!(x.elem, Elem::F32 | Elem::F64);
        let is_complex = matches!(x.elem, Elem::C64 | Elem::C128);
        let names: &[&str] = match x.elem {
            Elem::Bool => &["any", "all", "count_nonzero"],
            _ if is_complex => &["count_nonzero"],
            _ if is_float => &[
                "sum",
                "prod",
                "min",
                "max",
                "mean",
                "dot",
                "argmin",
                "argmax",
                "count_nonzero",
                "var",
                "std",
                "norm",
            ],
            _ => &["sum", "prod", "min", "max", "argmin", "argmax", "count_nonzero"],
        };
        let which = self.numbers.one(names);
        let ty = match which {
            "argmin" | "argmax" | "count_nonzero" => Type::I64,
            _ => scalar(x.elem).expect("not complex"),
        };
        let args = match which {
            "dot" => {
                // As many elements, and mostly the same dims.
                let n = count(&x.dims);
                let is_loose = self.numbers.below(10) == 0;
                let dims = x.dims.clone();
                let other = self.find(|t| {
                    t.elem == x.elem && if is_loose { count(&t.dims) == n } else { t.dims == dims }
                });
                let other = other.map_or(x.register.clone(), |t| t.register);
                match self.numbers.below(2) {
                    0 => format!("{}, {other}", x.register),
                    _ => format!("{other}, {}", x.register),
                }
            }
            "var" | "std" => format!("{}, {}", x.register, self.numbers.below(3)),
            _ => x.register.clone(),
        };
        self.number(ty, &format!("tensor.{which} {args}"));
    }

    /// A reduction along axes, or what goes along one.
    fn along_an_axis(&mut self) {
        let Some(x) = self.find(|t| count(&t.dims) > 0 && !t.dims.is_empty()) else { return };
        let axis = self.numbers.below(x.dims.len());
        let is_float = matches!(x.elem, Elem::F32 | Elem::F64);
        let is_complex = matches!(x.elem, Elem::C64 | Elem::C128);
        let mut dropped = x.dims.clone();
        dropped.remove(axis);
        let mut kept = x.dims.clone();
        kept[axis] = 1;
        let keep = self.numbers.below(2) == 0;
        let of_axes = if keep { kept } else { dropped.clone() };
        let r = &x.register;
        let (elem, dims, text) = match self.numbers.below(8) {
            0 if x.elem == Elem::Bool => {
                let which = self.numbers.one(&["any_axes", "all_axes"]);
                (Elem::Bool, of_axes, format!("tensor.{which} {r}, [{axis}], {keep}"))
            }
            1 => (Elem::I64, of_axes, format!("tensor.count_nonzero_axes {r}, [{axis}], {keep}")),
            _ if x.elem == Elem::Bool => return,
            2 if !is_complex => {
                let which = self.numbers.one(&["argmin_axis", "argmax_axis"]);
                (Elem::I64, dropped, format!("tensor.{which} {r}, {axis}"))
            }
            3 if is_float => {
                let which = self.numbers.one(&["var_axes", "std_axes"]);
                (x.elem, of_axes, format!("tensor.{which} {r}, [{axis}], {keep}, 1"))
            }
            4 if is_float => (x.elem, of_axes, format!("tensor.mean_axes {r}, [{axis}], {keep}")),
            5 if !is_complex => {
                let which = self.numbers.one(&["min_axis", "max_axis", "sum_axis", "prod_axis"]);
                (x.elem, dropped, format!("tensor.{which} {r}, {axis}"))
            }
            6 => (x.elem, x.dims.clone(), format!("tensor.cumsum_axis {r}, {axis}")),
            _ => {
                let which = self.numbers.one(&["sum_axes", "prod_axes"]);
                (x.elem, of_axes, format!("tensor.{which} {r}, [{axis}], {keep}"))
            }
        };
        self.tensor(elem, &dims, true, &text);
    }

    /// Elements in another order or number.
    fn moved(&mut self) {
        let Some(x) = self.find(|t| count(&t.dims) > 0 && !t.dims.is_empty()) else { return };
        let axis = self.numbers.below(x.dims.len());
        let by = self.numbers.below(9) as i64 - 4;
        let (r, mut dims) = (&x.register, x.dims.clone());
        let is_real = !matches!(x.elem, Elem::C64 | Elem::C128 | Elem::Bool);
        let mut elem = x.elem;
        let text = match self.numbers.below(11) {
            0 => format!("tensor.roll {r}, [{by}], [{axis}]"),
            1 => format!("tensor.flip {r}, [{axis}]"),
            2 => {
                let mut before = vec![0; dims.len()];
                before[axis] = self.numbers.below(3) as u64;
                dims[axis] += before[axis];
                let none = vec![0; dims.len()];
                format!("tensor.{} {r}, {before:?}, {none:?}", self.numbers.one(&["pad_edge", "pad_wrap"]))
            }
            3 => {
                let from: Vec<u64> = dims.iter().map(|d| d / 3).collect();
                let to = dims.clone();
                dims.iter_mut().zip(&from).for_each(|(d, f)| *d -= f);
                format!("tensor.slice {r}, {from:?}, {to:?}")
            }
            4 => {
                dims.reverse();
                format!("tensor.transpose {r}, []")
            }
            5 => {
                dims[axis] *= 2;
                format!("tensor.concat {r}, {r}, {axis}")
            }
            6 if is_real => format!("tensor.sort {r}, {axis}"),
            7 if is_real => {
                elem = Elem::I64;
                format!("tensor.argsort {r}, {axis}")
            }
            8 | 9 => {
                let n = count(&dims);
                let (seed, to) = (self.numbers.below(1000), self.whole.clone());
                let u = self.make(&format!("tensor.random<f64> {to:?}, {seed}"));
                let many = if self.numbers.below(25) == 0 { n + 1 } else { n };
                let v = self.make(&format!("tensor.mul {u}, {many}.0"));
                let i = self.make(&format!("tensor.cast<f64, i64> {v}"));
                dims = to;
                format!("tensor.take {r}, {i}")
            }
            _ => format!("tensor.copy {r}"),
        };
        if count(&dims) < 40_000 {
            self.tensor(elem, &dims, true, &text);
        }
    }

    fn view(&mut self) {
        let Some(x) = self.find(|t| count(&t.dims) > 1) else { return };
        let r = &x.register;
        let (dims, text) = match self.numbers.below(3) {
            0 => {
                let n = count(&x.dims);
                let dims = match self.numbers.below(3) {
                    0 if count(&self.whole) == n => self.whole.clone(),
                    1 if n.is_multiple_of(2) => vec![2, n / 2],
                    _ => vec![n],
                };
                (dims.clone(), format!("tensor.reshape {r}, {dims:?}"))
            }
            1 if x.dims.len() > 1 => {
                let at = self.numbers.below(x.dims[0] as usize);
                (x.dims[1..].to_vec(), format!("tensor.row {r}, {at}"))
            }
            _ if !x.dims.is_empty() => {
                let from = self.numbers.below(x.dims[0] as usize) as u64;
                let mut dims = x.dims.clone();
                dims[0] -= from;
                (dims, format!("tensor.slice0 {r}, {from}, {}", x.dims[0]))
            }
            _ => return,
        };
        self.tensor(x.elem, &dims, x.is_own, &text);
    }

    /// Elements are written.
    fn written(&mut self) {
        let Some(x) = self.find(|t| t.is_own && count(&t.dims) > 0) else { return };
        let (r, n) = (&x.register, count(&x.dims));
        let value = scalar(x.elem).map(|ty| literal(ty, self.numbers).to_owned());
        let seed = self.numbers.below(1000);
        match (self.numbers.below(5), value) {
            (0 | 1, Some(value)) => {
                let at = self.numbers.below(n as usize);
                let ty = scalar(x.elem).expect("there is one");
                let v = self.number(ty, &format!("{}.const {value}", name(ty)));
                self.line(&format!("tensor.store {r}, {at}, {v}"));
            }
            (2, Some(value)) => {
                let dims = &x.dims;
                let u = self.make(&format!("tensor.random<f64> {dims:?}, {seed}"));
                let mask = self.make(&format!("tensor.lt {u}, 0.3"));
                self.line(&format!("tensor.put_mask {r}, {mask}, {value}"));
            }
            (3, Some(value)) if x.elem != Elem::Bool => {
                let u = self.make(&format!("tensor.random<f64> [60], {seed}"));
                let v = self.make(&format!("tensor.mul {u}, {n}.0"));
                let i = self.make(&format!("tensor.cast<f64, i64> {v}"));
                let which = self.numbers.one(&["put", "scatter_add"]);
                self.line(&format!("tensor.{which} {r}, {i}, {value}"));
            }
            _ => {
                let (dims, elem) = (x.dims.clone(), x.elem);
                let other = self.find(|t| t.elem == elem && t.dims == dims);
                if let Some(other) = other.filter(|other| other.register != *r) {
                    let corner = vec![0; dims.len()];
                    self.line(&format!("tensor.assign {r}, {corner:?}, {}", other.register));
                }
            }
        }
    }

    fn loaded(&mut self) {
        let Some(x) = self.find(|t| count(&t.dims) > 0 && scalar(t.elem).is_some()) else { return };
        let at = self.numbers.below(count(&x.dims) as usize);
        let ty = scalar(x.elem).expect("asked for");
        self.number(ty, &format!("tensor.load {}, {at}", x.register));
    }

    /// A function that gets two tensors; their dims are those of most.
    fn helper(&mut self, n: usize) -> String {
        let elems = [self.numbers.of(&self.elems.clone()), self.numbers.of(&self.elems.clone())];
        let outside = (
            std::mem::take(&mut self.text),
            std::mem::take(&mut self.tensors),
            std::mem::take(&mut self.scalars),
        );
        for (at, elem) in elems.iter().enumerate() {
            let dims = self.whole.clone();
            self.tensors.push(Tensor { register: format!("%p{at}"), elem: *elem, dims, is_own: false });
        }
        self.depth = 1;
        let statements = 2 + self.numbers.below(7);
        self.statements(statements);
        self.depth = 0;
        let result = self.numbers.of(&elems);
        let register = self.whole_of(result);
        let text = format!(
            "func @helper{n}(%p0: tensor<{}>, %p1: tensor<{}>) -> tensor<{result}> {{\n{}  ret {register}\n}}\n",
            elems[0], elems[1], self.text
        );
        (self.text, self.tensors, self.scalars) = outside;
        self.helpers.push(Helper { name: format!("helper{n}"), elems, result });
        text
    }

    fn called(&mut self) {
        if self.helpers.is_empty() {
            return;
        }
        let at = self.numbers.below(self.helpers.len());
        let Helper { name, elems, result } = &self.helpers[at];
        let (name, elems, result) = (name.clone(), *elems, *result);
        let args = elems.map(|elem| self.whole_of(elem));
        let dims = self.whole.clone();
        // It may be an argument that comes back, or a view of one.
        self.tensor(result, &dims, false, &format!("call @{name}({})", args.join(", ")));
    }

    fn global(&mut self) {
        if self.numbers.below(2) == 0 {
            let x = self.whole_of(Elem::F64);
            self.line(&format!("global.set @state, {x}"));
        }
        let state = self.make("global.get @state");
        let n = self.make(&format!("tensor.sum {state}"));
        self.scalars.push((n, Type::F64));
    }

    /// A loop. What it sets that was there before stays set.
    fn repeated(&mut self) {
        self.made += 1;
        let n = self.made;
        let turns = 2 + self.numbers.below(3);
        self.line(&format!("%i{n} = i64.const 0"));
        self.line(&format!("br loop{n}"));
        writeln!(self.text, "loop{n}:").expect("a string takes all");
        self.depth += 1;
        let statements = 1 + self.numbers.below(6);
        self.statements(statements);
        self.depth -= 1;
        self.line(&format!("%i{n} = i64.add %i{n}, 1"));
        self.line(&format!("%c{n} = i64.lt %i{n}, {turns}"));
        self.line(&format!("br_if %c{n}, loop{n}, done{n}"));
        writeln!(self.text, "done{n}:").expect("a string takes all");
    }

    /// A region, of which one tensor is kept.
    fn region(&mut self) {
        self.line("region.begin");
        let (tensors, scalars, may_set) = (self.tensors.len(), self.scalars.len(), self.may_set);
        (self.may_set, self.depth) = (false, self.depth + 1);
        let statements = 1 + self.numbers.below(6);
        self.statements(statements);
        (self.may_set, self.depth) = (may_set, self.depth - 1);
        let made = self.tensors.split_off(tensors);
        self.scalars.truncate(scalars);
        let kept = match made.is_empty() {
            true => None,
            false => Some(made[self.numbers.below(made.len())].clone()),
        };
        match kept {
            Some(kept) => {
                self.line(&format!("region.end keep {}", kept.register));
                self.tensors.push(kept);
            }
            None => self.line("region.end"),
        }
    }

    /// A loop that hands two tensors on, and frees all else.
    fn renewed(&mut self) {
        self.made += 1;
        let (n, turns) = (self.made, 2 + self.numbers.below(3));
        let elems = [self.numbers.of(&self.elems.clone()), Elem::F64];
        let whole = self.whole.clone();
        self.line("region.begin");
        let (tensors, scalars, may_set) = (self.tensors.len(), self.scalars.len(), self.may_set);
        for (at, elem) in elems.iter().enumerate() {
            let x = self.whole_of(*elem);
            self.line(&format!("%s{n}_{at} = tensor.copy {x}"));
        }
        // What else was made for that is the region's.
        self.tensors.truncate(tensors);
        for (at, elem) in elems.iter().enumerate() {
            let (register, dims) = (format!("%s{n}_{at}"), whole.clone());
            self.tensors.push(Tensor { register, elem: *elem, dims, is_own: true });
        }
        self.line(&format!("%i{n} = i64.const 0"));
        self.line(&format!("br loop{n}"));
        writeln!(self.text, "loop{n}:").expect("a string takes all");
        (self.may_set, self.depth) = (false, self.depth + 1);
        let statements = 1 + self.numbers.below(5);
        self.statements(statements);
        for (at, elem) in elems.iter().enumerate() {
            let x = self.whole_of(*elem);
            let how = self.numbers.one(&["tensor.copy", "copy"]);
            // Both may be one object only where it is copied.
            let how = if at == 1 { "tensor.copy" } else { how };
            self.line(&format!("%s{n}_{at} = {how} {x}"));
        }
        (self.may_set, self.depth) = (may_set, self.depth - 1);
        let keep = format!("keep %s{n}_0, %s{n}_1");
        self.line(&format!("region.renew {keep}"));
        self.line(&format!("%i{n} = i64.add %i{n}, 1"));
        self.line(&format!("%c{n} = i64.lt %i{n}, {turns}"));
        self.line(&format!("br_if %c{n}, loop{n}, done{n}"));
        writeln!(self.text, "done{n}:").expect("a string takes all");
        self.line(&format!("region.end {keep}"));
        self.tensors.truncate(tensors + elems.len());
        self.scalars.truncate(scalars);
    }

    /// What the program returns, and the types of that.
    fn results(&mut self) -> (Vec<String>, Vec<String>) {
        let (mut results, mut types) = (vec!["%kept".to_owned()], vec!["tensor<f64>".to_owned()]);
        for _ in 0..3 + self.numbers.below(3) {
            if let Some(t) = self.find(|_| true) {
                results.push(t.register);
                types.push(format!("tensor<{}>", t.elem));
            }
        }
        for (register, ty) in self.scalars.iter().rev().take(4) {
            results.push(register.clone());
            types.push(name(*ty));
        }
        (results, types)
    }
}
