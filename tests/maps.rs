//! Maps of pure functions become operations on whole tensors: with the bits of the instructions that
//! they stand for, as members of groups, and no operation but those where elements are few.

use nbc::ir::expand::Expanded;
use nbc::ir::inst::{Effect, Opcode, Pattern, Role};
use nbc::ir::{Elem, Inst, Module, Type};
use nbc::runtime::engine::{Config, Engine, Limits};
use nbc::runtime::linker::Linker;
use nbc::runtime::object::{Element, OwnedTensor};
use nbc::runtime::plan::{Plan, Role as InGroup, Wanted};
use nbc::runtime::value::Value;
use std::fmt::Write;

const FLOATS: [f64; 26] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1.5,
    2.5,
    -2.5,
    0.3,
    -7.25,
    33.0,
    1e-9,
    -1e-300,
    5e-324,
    1e300,
    -1e17,
    709.0,
    -745.0,
    2147483648.0,
    -9.3e18,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    f64::MIN_POSITIVE,
    3e-39,
];
const INTS: [i64; 16] = [
    0,
    1,
    -1,
    2,
    7,
    -13,
    63,
    64,
    255,
    65537,
    i32::MAX as i64,
    i32::MIN as i64,
    1 << 40,
    -(1 << 53) - 1,
    i64::MAX,
    i64::MIN,
];

/// All pairs of special values, twice; the first or the second of each.
fn special(ty: Type, is_second: bool) -> Value {
    let bits: Vec<u64> = match ty {
        Type::F64 => {
            FLOATS.iter().map(|v| v.to_bits()).chain([0xfff4_0000_0000_0001, 0x7ff0_0000_0000_0f00]).collect()
        }
        Type::F32 => {
            let floats = FLOATS.iter().map(|v| u64::from((*v as f32).to_bits()));
            floats.chain([0xffa0_0001, 0x7f80_0f00]).collect()
        }
        Type::Bool => vec![0, 1],
        _ => INTS.iter().map(|v| *v as u64).collect(),
    };
    let count = bits.len();
    let all: Vec<u64> = (0..2500.max(2 * count * count))
        .map(|n| bits[if is_second { n / count % count } else { n % count }])
        .collect();
    fn tensor<T: Element>(all: &[u64], of: impl Fn(u64) -> T) -> Value {
        let elements: Vec<T> = all.iter().map(|bits| of(*bits)).collect();
        Value::Tensor(OwnedTensor::from_slice(&[all.len() as u64], &elements).unwrap())
    }
    match ty {
        Type::F64 => tensor(&all, f64::from_bits),
        Type::F32 => tensor(&all, |bits| f32::from_bits(bits as u32)),
        Type::I64 => tensor(&all, |bits| bits as i64),
        Type::I32 => tensor(&all, |bits| bits as i32),
        _ => tensor(&all, |bits| bits != 0),
    }
}

fn bits(value: &Value) -> Vec<u64> {
    let Value::Tensor(t) = value else { panic!("{value:?}") };
    match t.elem() {
        Elem::F64 => t.as_slice::<f64>().unwrap().iter().map(|v| v.to_bits()).collect(),
        Elem::F32 => t.as_slice::<f32>().unwrap().iter().map(|v| u64::from(v.to_bits())).collect(),
        Elem::I64 => t.as_slice::<i64>().unwrap().iter().map(|v| *v as u64).collect(),
        Elem::I32 => t.as_slice::<i32>().unwrap().iter().map(|v| *v as u64).collect(),
        _ => t.as_slice::<bool>().unwrap().iter().map(|v| u64::from(*v)).collect(),
    }
}

/// A pure instruction of scalars: how it is written, with the types of what it reads and writes.
fn scalars(op: Opcode) -> Option<(Vec<Type>, Type)> {
    let (mut from, mut to) = (Vec::new(), None);
    for operand in op.operands() {
        match (operand.role, operand.pattern) {
            (Role::Def, Pattern::Exact(ty)) => to = Some(ty),
            (Role::Use, Pattern::Exact(ty)) => from.push(ty),
            (Role::Def, Pattern::Same) => to = Some(Type::F64),
            (Role::Use, Pattern::Same) => from.push(Type::F64),
            _ => return None,
        }
    }
    let is_pure = op.effect() == Effect::Pure && !from.is_empty();
    is_pure.then_some((from, to?))
}

/// A program that maps the instruction, and one that has it in a loop.
fn program(op: Opcode, from: &[Type], to: Type) -> String {
    let names = &["%x", "%y", "%z"][..from.len()];
    let with = |of: &dyn Fn(Type) -> String| {
        names.iter().zip(from).map(|(n, ty)| format!("{n}: {}", of(*ty))).collect::<Vec<_>>().join(", ")
    };
    let name = |ty: Type| ty.display(&[]).to_string();
    let tensor = |ty: Type| format!("tensor<{}>", name(ty));
    let (result, all, map) = (name(to), names.join(", "), ["map", "map2", "map3"][from.len() - 1]);
    let mut text = format!(
        "func @f({}) -> {result} {{\n  %r = {} {all}\n  ret %r\n}}
export func @whole({}) -> tensor<{result}> {{\n  %f = func.ref @f\n  %r = tensor.{map} {all}, %f\n  ret %r\n}}
export func @one({}) -> tensor<{result}> {{\n  %n = tensor.len %x\n  %out = tensor.zeros<{result}> [%n]
  %i = i64.const 0\n  br loop\nloop:\n",
        with(&name),
        op.mnemonic(),
        with(&tensor),
        with(&tensor),
    );
    let values: Vec<String> = names.iter().map(|n| format!("{n}v")).collect();
    for (n, v) in names.iter().zip(&values) {
        let _ = writeln!(text, "  {v} = tensor.load {n}, %i");
    }
    let _ = writeln!(text, "  %v = {} {}", op.mnemonic(), values.join(", "));
    text + "  tensor.store %out, %i, %v\n  %i = i64.add %i, 1\n  %more = i64.lt %i, %n\n  br_if %more, loop, done\ndone:\n  ret %out\n}\n"
}

#[test]
fn operations_have_the_bits_of_the_instructions_they_stand_for() {
    let (mut whole, mut all) = (0, 0);
    for &op in Opcode::ALL {
        let Some((from, to)) = scalars(op) else { continue };
        let text = program(op, &from, to);
        let module =
            Module::parse(&text, "map.nba").and_then(Module::verify).unwrap_or_else(|e| panic!("{e}"));
        let expanded = Expanded::new(&module).unwrap();
        let main = &expanded.module().functions[1];
        all += 1;
        if !main.blocks.iter().flat_map(|b| &b.insts).any(|i| matches!(i, Inst::RegionBegin {})) {
            continue;
        }
        whole += 1;
        let args: Vec<Value> = from.iter().enumerate().map(|(n, ty)| special(*ty, n == 1)).collect();
        for fusion in [true, false] {
            let engine = Engine::new(Config::new().fusion(fusion));
            let mut instance = Linker::new().instantiate(&engine.load(module.clone())).unwrap();
            let found = instance.call("whole", &args).unwrap();
            let wanted = instance.call("one", &args).unwrap();
            assert_eq!(bits(&found[0]), bits(&wanted[0]), "{}", op.mnemonic());
        }
    }
    // Most of those without an operation are rotations, unsigned arithmetic and reinterpretations.
    assert!(whole > 110 && whole < all, "{whole} of {all}");
}

#[test]
fn maps_join_the_group_they_stand_in() {
    let text = "
func @f(%x: f64, %y: f64) -> f64 {
  %c = f64.lt %x, 0.5
  %a = f64.mul %x, %y
  %r = select %c, %a, %y
  ret %r
}
export func @main(%x: tensor<f64>) -> f64 {
  %f = func.ref @f
  %a = tensor.mul %x, 2.0
  %b = tensor.map2 %a, %x, %f
  %r = tensor.sum %b
  ret %r
}";
    let module = Module::parse(text, "map.nba").and_then(Module::verify).unwrap();
    let expanded = Expanded::new(&module).unwrap();
    let plan = Plan::new(expanded.module(), Wanted { dying: true, fusion: true, host_steps: false });
    let main = nbc::ir::FuncId::new(1);
    let insts = &expanded.module().function(main).unwrap().blocks[0].insts;
    let roles = (0..insts.len()).map(|at| plan.operation(main, 0, at as u32).role);
    let roles: Vec<InGroup> = roles.filter(|role| *role != InGroup::Alone).collect();
    let deferred = InGroup::Deferred { kept: false };
    // The product, three of the function, and the sum.
    assert_eq!(roles, [deferred, deferred, deferred, deferred, InGroup::Last]);
}

/// What a long function computes on the way is not there after its map, also where operations stand beside it.
#[test]
fn long_functions_leave_nothing_behind() {
    let body = "  %x = f64.mul %x, 1.5\n".repeat(40);
    let text = format!(
        "func @f(%x: f64) -> f64 {{\n{body}  ret %x\n}}
export func @main(%n: i64, %times: i64) -> i64 {{
  %x = tensor.full<f64> [%n], 1.0
  %f = func.ref @f
  br loop
loop:
  %y = tensor.map %x, %f
  %r = tensor.sum %y
  %times = i64.sub %times, 1
  %more = i64.gt %times, 0
  br_if %more, loop, done
done:
  ret %n
}}"
    );
    let program = Engine::default().read(text.as_bytes(), "map.nba").unwrap();
    // Of each iteration its result stays: 100 of some 10 KB, or 1000 of less than 1 KiB.
    for (n, times) in [(100, 1000), (1200, 100)] {
        let limits = Limits::new().memory(2 << 20);
        let mut instance = Linker::new().instantiate_with(&program, limits).unwrap();
        assert_eq!(instance.call("main", &[Value::I64(n), Value::I64(times)]).unwrap(), [Value::I64(n)]);
    }
}
