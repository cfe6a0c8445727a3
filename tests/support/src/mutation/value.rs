//! Literals and arguments that programs stumble over.

use super::Dice;
use nbc::ir::{Elem, Imm, Type};
use nbc::runtime::object::OwnedTensor;
use nbc::runtime::value::Value;

const INTEGERS: [i64; 30] = [
    0,
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    9,
    15,
    16,
    17,
    31,
    32,
    33,
    63,
    64,
    100,
    -1,
    -2,
    -8,
    i64::MAX,
    i64::MIN,
    i64::MAX - 1,
    i64::MIN + 1,
    i32::MAX as i64,
    i32::MIN as i64,
    u32::MAX as i64,
    1 << 32,
    1 << 62,
];
const FLOATS: [f64; 18] = [
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
    -2147483649.0,
    0.1,
    9.2e18,
    255.0,
    -0.75,
];

/// A literal: near `old`, if there is one, or one of those on an edge.
pub fn literal(dice: &mut Dice, ty: Type, old: Option<Imm>) -> Imm {
    match ty {
        Type::I32 => {
            let old = if let Some(Imm::I32(v)) = old { Some(i64::from(v)) } else { None };
            Imm::I32(integer(dice, old) as i32)
        }
        Type::I64 => {
            let old = if let Some(Imm::I64(v)) = old { Some(v) } else { None };
            Imm::I64(integer(dice, old))
        }
        Type::F32 => Imm::f32(float(dice) as f32),
        Type::F64 => Imm::f64(float(dice)),
        _ => Imm::Bool(dice.percent(50)),
    }
}

fn integer(dice: &mut Dice, old: Option<i64>) -> i64 {
    match (dice.below(10), old) {
        (0..=2, Some(v)) => v.wrapping_add([1, -1, 2, -2, 8][dice.below(5)]),
        (3, Some(v)) => v.wrapping_neg(),
        (4, Some(v)) => v.wrapping_mul(2),
        (5, Some(v)) => v / 2,
        (6, _) => dice.0.next() as i64 >> dice.below(64),
        (7 | 8, _) => dice.below(20) as i64,
        _ => INTEGERS[dice.below(INTEGERS.len())],
    }
}

fn float(dice: &mut Dice) -> f64 {
    match dice.below(4) {
        0 => f64::from_bits(dice.0.next()),
        1 => dice.below(64) as f64 / 8.0 - 3.0,
        _ => FLOATS[dice.below(FLOATS.len())],
    }
}

/// Other arguments for some of the calls, and calls made twice.
pub fn change_arguments(dice: &mut Dice, calls: &mut Vec<(String, Vec<Value>)>) {
    for (_, args) in calls.iter_mut() {
        for arg in args {
            if dice.percent(60) {
                continue;
            }
            match arg {
                Value::I32(v) => *v = integer(dice, Some(i64::from(*v))) as i32,
                Value::I64(v) => *v = integer(dice, Some(*v)),
                Value::F32(v) => *v = float(dice) as f32,
                Value::F64(v) => *v = float(dice),
                Value::Bool(v) => *v = !*v,
                Value::Tensor(t) => {
                    let dims: Vec<u64> = t.dims().iter().map(|d| dim(dice, *d as u64)).collect();
                    if let Some(made) = tensor(dice, t.elem(), &dims) {
                        *t = made;
                    }
                }
                _ => {}
            }
        }
    }
    if let Some(again) = dice.pick(calls)
        && calls.len() < 4
    {
        calls.push(again);
    }
}

fn dim(dice: &mut Dice, old: u64) -> u64 {
    match dice.below(4) {
        0 => old,
        1 => old.saturating_sub(1).min(64),
        2 => (old + 1).min(64),
        _ => [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33][dice.below(14)],
    }
}

fn tensor(dice: &mut Dice, elem: Elem, dims: &[u64]) -> Option<OwnedTensor> {
    let len = dims.iter().product::<u64>().min(100_000) as usize;
    let mut real = |_: usize| dice.below(64) as f64 / 4.0 - 5.0;
    match elem {
        Elem::U8 => OwnedTensor::from_slice(dims, &(0..len).map(|i| real(i) as u8).collect::<Vec<_>>()),
        Elem::I32 => OwnedTensor::from_slice(dims, &(0..len).map(|i| real(i) as i32).collect::<Vec<_>>()),
        Elem::I64 => OwnedTensor::from_slice(dims, &(0..len).map(|i| real(i) as i64).collect::<Vec<_>>()),
        Elem::F32 => OwnedTensor::from_slice(dims, &(0..len).map(|i| real(i) as f32).collect::<Vec<_>>()),
        Elem::F64 => OwnedTensor::from_slice(dims, &(0..len).map(real).collect::<Vec<_>>()),
        Elem::Bool => OwnedTensor::from_slice(dims, &(0..len).map(|i| real(i) > 0.0).collect::<Vec<_>>()),
        Elem::C64 | Elem::C128 => None,
    }
}
