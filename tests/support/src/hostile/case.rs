//! The program of a seed, and what it is called with.

use super::program::{Kind, text};
use crate::agree::Script;
use crate::case::{Case, forget_lines};
use crate::choices::{Choices, Random};
use crate::way::Way;
use nbc::ir::Module;
use nbc::runtime::value::Value;

/// Most bytes of choices.
const BYTES: usize = 500;
/// Bytes that choose arguments.
const ARGS: usize = 54;
/// Calls of a program.
const CALLS: usize = 6;

/// The program that a seed chooses, of a kind if that is given, and its calls.
pub fn case(seed: u64, kind: Option<Kind>, without: &[Kind]) -> Case {
    let mut random = Random::spread(seed, 0x8cb9_2ba7_2f3d_8dd7);
    let len = ARGS + 1 + random.next() as usize % BYTES;
    let mut bytes = random.bytes(len);
    if let Some(kind) = kind {
        bytes[0] = kind.byte();
    }
    let (chosen, rest) = bytes.split_at(ARGS + 1);
    let code = [&bytes[..1], rest].concat();
    let (text, long) = text(&mut Choices::new(&code), without);
    let mut module = Module::parse(&text, "hostile.nba").unwrap_or_else(|e| panic!("{e}\n{text}"));
    // Lines are those of the text that is shown.
    forget_lines(&mut module);
    let mut c = Choices::new(&chosen[1..]);
    let count = if long { 2 } else { CALLS };
    let calls = (0..count).map(|_| ("main".to_owned(), arguments(&mut c))).collect();
    let fuel = if long { 4_000_000 } else { 100_000 };
    let script = Script { memory: 1 << 21, ..Script::new(calls, fuel) };
    let mut ways = Way::some(seed);
    if long || Kind::of(&bytes) == Kind::Large {
        ways.truncate(3);
    }
    Case { from: format!("seed {seed}, {}", Kind::of(&bytes).name()), module, script, ways }
}

/// Arguments: a number of iterations, two numbers that are mostly far, one of 32
/// bits, and the bits of a float.
fn arguments(c: &mut Choices<'_>) -> Vec<Value> {
    let far = [
        5,
        i64::MAX - 20,
        i64::MIN + 5,
        (1 << 31) - 9,
        (1 << 32) + 7,
        -(1 << 31) - 3,
        i64::MIN + 40,
        100_000_000_000,
        i64::MAX,
        -1,
        60,
        -(1 << 32) + 30,
        (1 << 31) + 2,
        1 << 62,
        33,
        0,
    ];
    let n = [5, 40, 60, 8, 33, 64, 20, 12, 50, 61, 100, 0, 1, 300, 1000, 30];
    let n = if c.percent(6) { c.pick(&far) } else { c.pick(&n) };
    let lim = [40, 60, 12, 30, 5, i64::MAX - 5, i64::MIN + 9, 1 << 31, (1 << 32) + 12, -40, 0, 63];
    let w = [5, i32::MAX - 6, i32::MIN + 7, 40, -1, i32::MAX, 65536, 1, i32::MAX - 30, 0, 1 << 30, 12];
    let bits =
        [0x7ff4_0000_0000_0000, 0x7ff0_0000_0000_0001, -2, i64::MIN | 0x7ff4 << 48, 1 << 62, 0x3ff0 << 48];
    let (far, lim) = (c.pick(&far), c.pick(&lim));
    // Loops longer than tensors, where what fences them off has wrapped.
    let (n, far) = if c.percent(12) { (300, i64::MIN + 5) } else { (n, far) };
    vec![Value::I64(n), Value::I64(far), Value::I64(lim), Value::I32(c.pick(&w)), Value::I64(c.pick(&bits))]
}
