//! Random programs that the verifier accepts (nearly always; it is asked) and
//! that do much: loops that count, branches, switches, calls, element
//! accesses at constant offsets, regions, lists, traps of every kind.
//!
//! Values prefer the result just made, so that neighbouring instructions
//! depend on each other and superinstructions arise; about half of them are
//! read exactly once.

mod body;
mod catalogue;
mod function;
mod group;
mod nest;
mod routine;
mod stream;
mod turn;

use crate::agree::Script;
use crate::case::Case;
use crate::choices::Choices;
use body::{Body, Known};
use nbc::ir::builder::{Func, ModuleBuilder};
use nbc::ir::{ConstId, ConstValue, Elem, GlobalId, Imm, Module, SigId, Type};
use routine::Routine;

/// The scalar types.
pub const SCALARS: [Type; 5] = [Type::I64, Type::I32, Type::F64, Type::F32, Type::Bool];

/// What functions of the program can refer to.
pub struct Shared {
    /// Constant tensors with their ranks.
    pub tensors: Vec<(ConstId, Elem, usize)>,
    /// Their dims.
    pub dims: Vec<Vec<u64>>,
    /// Mutable globals.
    pub globals: Vec<(GlobalId, Type)>,
    /// A global that begins as one of the constants.
    pub object: Option<(GlobalId, ConstId)>,
    /// Functions for loops.
    pub routines: Vec<Routine>,
    /// Functions that may be called, with their types.
    pub callable: Vec<(Func, Vec<Type>, Vec<Type>)>,
    /// Functions from f64 to f64, for references.
    pub maps: Vec<Func>,
    /// Their signature.
    pub map_sig: SigId,
}

/// Most bytes of choices that make a program.
pub const BYTES: usize = 3000;

/// The program that these bytes choose, and its calls.
pub fn case(bytes: &[u8]) -> Case {
    Case::new("choices", program(&mut Choices::new(bytes)), script(bytes))
}

/// `@main` twice, with fuel for a few slices of the budget, or less, so that it
/// ends anywhere.
pub fn script(bytes: &[u8]) -> Script {
    let fuel = match bytes {
        [a, b, c, ..] if a % 4 == 3 => (u64::from(*b) * 256 + u64::from(*c)) >> (a / 4 % 8),
        _ => 50_000,
    };
    Script::new(vec![("main".to_owned(), Vec::new()); 2], fuel)
}

/// A random program. Its entry is `@main()`.
fn program(c: &mut Choices<'_>) -> Module {
    let mut m = ModuleBuilder::new();
    let map_sig = m.signature([Type::F64], [Type::F64]);
    let mut shared = Shared {
        tensors: Vec::new(),
        dims: Vec::new(),
        globals: Vec::new(),
        object: None,
        routines: Vec::new(),
        callable: Vec::new(),
        maps: Vec::new(),
        map_sig,
    };
    let twist = m.import("host.twist", [Type::I64], [Type::I64]);
    let mix = m.import("host.mix", [Type::F64, Type::I32], [Type::I32, Type::F64]);
    shared.callable.push((twist, vec![Type::I64], vec![Type::I64]));
    shared.callable.push((mix, vec![Type::F64, Type::I32], vec![Type::I32, Type::F64]));
    for n in 0..4 + c.below(5) {
        let elem = if n < 2 { [Elem::F64, Elem::I64][n] } else { c.pick(&Elem::ALL) };
        let dims: &[u64] =
            [&[24][..], &[8, 8], &[8, 3, 4], &[16], &[0], &[], &[130]][c.below(if n < 2 { 2 } else { 7 })];
        let id = m.constant(&format!("t{n}"), tensor(c, elem, dims));
        shared.tensors.push((id, elem, dims.len()));
        shared.dims.push(dims.to_vec());
    }
    for n in 0..c.below(4) {
        let ty = c.pick(&SCALARS);
        let imm = literal(c, ty);
        shared.globals.push((m.global(&format!("g{n}"), imm), ty));
    }
    if c.percent(40) {
        let (id, elem, _) = shared.tensors[c.below(shared.tensors.len())];
        let global = m.global("object", id);
        shared.globals.push((global, Type::Tensor(elem)));
        shared.object = Some((global, id));
    }
    for n in 0..1 + c.below(2) {
        let func = m.declare(&format!("map{n}"), [Type::F64], [Type::F64]);
        write(c, &mut m, &shared, func, &[Type::F64], &[Type::F64], 3);
        shared.maps.push(func);
        shared.callable.push((func, vec![Type::F64], vec![Type::F64]));
    }
    for n in 0..c.below(3) {
        let recursive = routine::recursive(c, &mut m, &shared, &format!("down{n}"));
        shared.routines.push(recursive);
    }
    for n in 0..c.below(3) {
        let kernel = routine::kernel(c, &mut m, &shared, &format!("kernel{n}"));
        shared.routines.push(kernel);
    }
    for n in 0..c.below(4) {
        let stream = stream::stream(c, &mut m, &shared, &format!("stream{n}"));
        shared.routines.push(stream);
    }
    for n in 0..c.below(4) {
        let params: Vec<Type> = (0..c.below(5)).map(|_| param(c, &shared)).collect();
        let results: Vec<Type> = (0..c.below(4)).map(|_| param(c, &shared)).collect();
        let func = m.declare(&format!("f{n}"), params.clone(), results.clone());
        // Before its body is written, so that it may call itself.
        shared.callable.push((func, params.clone(), results.clone()));
        write(c, &mut m, &shared, func, &params, &results, 6);
    }
    let mut results = Vec::new();
    for ty in SCALARS {
        results.extend([ty; 2]);
    }
    results.push(Type::Tensor(Elem::F64));
    results.push(Type::Tensor(Elem::I64));
    let main = m.declare("main", [], results.clone());
    m.set_export(main);
    write(c, &mut m, &shared, main, &[], &results, 40);
    m.finish()
}

/// Writes a function of up to that many statements on its outermost level.
fn write(
    c: &mut Choices<'_>,
    m: &mut ModuleBuilder,
    shared: &Shared,
    func: Func,
    params: &[Type],
    results: &[Type],
    statements: usize,
) {
    let mut body = Body::new(c, m.define(func), shared, results);
    for (i, ty) in params.iter().enumerate() {
        let reg = body.f.param(i);
        body.known.push(Known { reg, ty: *ty, rank: 1, depth: 0 });
    }
    body.function(statements);
}

/// A type for parameters and results.
fn param(c: &mut Choices<'_>, shared: &Shared) -> Type {
    match c.below(8) {
        0 => Type::Tensor(shared.tensors[c.below(shared.tensors.len())].1),
        1 => Type::Func(shared.map_sig),
        _ => c.pick(&SCALARS),
    }
}

fn tensor(c: &mut Choices<'_>, elem: Elem, dims: &[u64]) -> ConstValue {
    let len = dims.iter().product::<u64>() as usize;
    let seed = usize::from(c.byte());
    if seed % 64 == 63 {
        return ConstValue::Zeros { elem, dims: dims.to_vec() };
    }
    let mut data = Vec::new();
    for i in 0..len {
        let n = (i * 7 + seed) % 29;
        let value = n as f64 / 4.0 - 2.0;
        match elem {
            Elem::U8 => data.push(n as u8 * 9),
            Elem::Bool => data.push(n as u8 & 1),
            Elem::I32 => data.extend((n as i32 - 5).to_le_bytes()),
            Elem::I64 => data.extend((n as i64 - 5).to_le_bytes()),
            Elem::F32 => data.extend((value as f32).to_le_bytes()),
            Elem::F64 => data.extend(value.to_le_bytes()),
            Elem::C64 => (0..2).for_each(|_| data.extend((value as f32).to_le_bytes())),
            Elem::C128 => (0..2).for_each(|_| data.extend(value.to_le_bytes())),
        }
    }
    ConstValue::Tensor { elem, dims: dims.to_vec(), data }
}

/// A literal of a scalar type: small, on an edge, or any.
pub fn literal(c: &mut Choices<'_>, ty: Type) -> Imm {
    const INTEGERS: [i64; 16] = [
        0,
        1,
        -1,
        2,
        i64::MIN,
        i64::MAX,
        0x7fff_ffff,
        -0x8000_0000,
        0x8000_0000,
        0xffff_ffff,
        0x1_0000_0000,
        63,
        64,
        31,
        32,
        -2,
    ];
    const FLOATS: [f64; 16] = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        2.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        1e300,
        -1e300,
        1e-310,
        4294967296.0,
        -2147483648.0,
        0.1,
        9.2e18,
    ];
    let integer = |c: &mut Choices<'_>| match c.below(8) {
        0..=4 => c.below(24) as i64 - 6,
        5 | 6 => c.pick(&INTEGERS),
        _ => c.long() as i64,
    };
    let float = |c: &mut Choices<'_>| match c.below(8) {
        0..=4 => c.below(64) as f64 / 8.0 - 3.0,
        5 | 6 => c.pick(&FLOATS),
        _ => f64::from_bits(c.long()),
    };
    match ty {
        Type::I32 => Imm::I32(integer(c) as i32),
        Type::I64 => Imm::I64(integer(c)),
        Type::F32 => Imm::f32(float(c) as f32),
        Type::F64 => Imm::f64(float(c)),
        _ => Imm::Bool(c.byte() & 1 == 1),
    }
}
