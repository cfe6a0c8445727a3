//! Rows that write into an argument: at random shapes, into tensors and into views of them, at places that come again, with
//! values that lie in what is written. Whoever shares the buffer sees what the processor's programs see.

use super::{dims, elems};
use crate::{Numbers, agree, make, open, run};
use cudasim::Sim;
use nbc_cuda::kernels::{Reach, reach};
use nbc_cuda::{Cuda, Options};
use nbc_ir::catalogue::Operation;
use nbc_ir::{Elem, Type};
use nbc_runtime::value::Value;
use std::fmt::Write;

/// Whether these programs call a row.
pub(super) fn has_programs(row: &Operation) -> bool {
    !row.writes.is_empty()
}

fn count(dims: &[u64]) -> u64 {
    dims.iter().product()
}

/// A program that writes with `row`: the tensor, what the call has seen as its target, a copy made on the device, and an
/// element that is loaded before and behind.
fn program(row: &Operation, elem: Elem, numbers: &mut Numbers) -> String {
    let mut text = String::new();
    let mut whole = dims(numbers);
    whole.iter_mut().for_each(|d| *d = (*d).max(1));
    let all = count(&whole);
    make(&mut text, "x", elem, &whole, numbers.below(1000));
    let line = |text: &mut String, line: String| writeln!(text, "  {line}").expect("a string takes all");
    line(&mut text, "%k = tensor.copy %x".to_owned());
    line(&mut text, format!("%flat = tensor.reshape %k, [{all}]"));
    let rest = count(&whole[1..]);
    let target = match numbers.below(4) {
        0 if whole[0] > 1 => {
            line(&mut text, format!("%t = tensor.slice0 %k, 1, {}", whole[0]));
            [&[whole[0] - 1], &whole[1..]].concat()
        }
        1 if whole.len() > 1 => {
            line(&mut text, format!("%t = tensor.row %k, {}", whole[0] - 1));
            whole[1..].to_vec()
        }
        2 => {
            line(&mut text, format!("%t = tensor.reshape %k, [{}, {rest}]", whole[0]));
            vec![whole[0], rest]
        }
        _ => {
            line(&mut text, "%t = tensor.reshape %flat, [".to_owned() + &list(&whole) + "]");
            whole.clone()
        }
    };
    let is_complex = matches!(elem, Elem::C64 | Elem::C128);
    // Values: of their own, or a stretch of what is written.
    let values = |text: &mut String, of: &[u64], numbers: &mut Numbers| {
        let n = count(of);
        if n <= all && numbers.below(3) == 0 {
            let from = numbers.below(all - n + 1);
            line(text, format!("%part = tensor.slice0 %flat, {from}, {}", from + n));
            line(text, format!("%v = tensor.reshape %part, [{}]", list(of)));
        } else {
            make(text, "v", elem, of, numbers.below(1000));
        }
    };
    let indices = |text: &mut String, of: &[u64], end: u64, numbers: &mut Numbers| {
        // Many different ones, or few again and again.
        let end = if numbers.below(3) == 0 { end.min(1 + numbers.below(5)) } else { end };
        super::indices(text, of, end, numbers);
    };
    let one = match elem {
        Elem::Bool => "true".to_owned(),
        Elem::F32 | Elem::F64 => format!("{}.1", numbers.below(9)),
        _ => numbers.below(200).to_string(),
    };
    let takes_one = !is_complex && numbers.below(4) == 0;
    let value = if takes_one { one } else { "%v".to_owned() };
    let call = match row.name {
        "tensor.assign" => {
            let size: Vec<u64> = target.iter().map(|d| 1 + numbers.below(*d)).collect();
            let corner: Vec<u64> = target.iter().zip(&size).map(|(d, s)| numbers.below(d - s + 1)).collect();
            values(&mut text, &size, numbers);
            format!("tensor.assign %t, [{}], %v", list(&corner))
        }
        "tensor.put" | "tensor.scatter_add" => {
            let of = [1 + numbers.below(40), 1 + numbers.below(30)];
            indices(&mut text, &of, count(&target), numbers);
            if !takes_one {
                values(&mut text, &of, numbers);
            }
            format!("{} %t, %i, {value}", row.name)
        }
        "tensor.scatter_add_axis" => {
            let axis = numbers.below(target.len() as u64) as usize;
            let of = vec![1 + numbers.below(40)];
            indices(&mut text, &of, target[axis], numbers);
            values(&mut text, &[&target[..axis], &of, &target[axis + 1..]].concat(), numbers);
            format!("tensor.scatter_add_axis %t, %i, %v, {axis}")
        }
        "tensor.put_mask" => {
            make(&mut text, "m", Elem::Bool, &target, numbers.below(1000));
            if !takes_one {
                let same = count(&target);
                if same <= all && numbers.below(3) == 0 {
                    line(&mut text, format!("%part = tensor.slice0 %flat, {}, {all}", all - same));
                    line(&mut text, format!("%w = tensor.reshape %part, [{}]", list(&target)));
                } else {
                    make(&mut text, "w", elem, &target, numbers.below(1000));
                }
                line(&mut text, "%v = tensor.compress %w, %m".to_owned());
            }
            format!("tensor.put_mask %t, %m, {value}")
        }
        _ => panic!("{}: no program", row.name),
    };
    let at = numbers.below(all);
    let (load, seen, ty) = match elem.scalar() {
        Some(ty) => (format!("  %l = tensor.load %flat, {at}\n"), ", %l", format!(", {}", name(ty))),
        None => (String::new(), "", String::new()),
    };
    let of = format!("tensor<{elem}>");
    format!(
        "export func @main() -> ({of}, {of}, {of}{ty}) {{\n{text}{load}  {call}\n  %c = tensor.copy %k\n  {call}\n{load}  ret %k, %t, %c{seen}\n}}\n"
    )
}

fn name(scalar: Type) -> &'static str {
    match scalar {
        Type::Bool => "bool",
        Type::I32 => "i32",
        Type::I64 => "i64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        other => panic!("{other:?} is no scalar"),
    }
}

fn list(numbers: &[u64]) -> String {
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

fn all_agree(here: &[Value], there: &[Value]) -> bool {
    let one = std::slice::from_ref;
    here.len() == there.len() && here.iter().zip(there).all(|(a, b)| agree(one(a), one(b), false))
}

#[test]
fn what_is_written_there_is_what_the_processor_writes_in_every_order_of_threads() {
    let Some(sim) = Sim::start("mem=256M") else { return };
    let device = open();
    let mut numbers = Numbers(23);
    let (mut rows, mut programs) = (0, 0);
    for (row, reached) in reach() {
        let Reach::Runs(_) = reached else { continue };
        if !has_programs(row) {
            continue;
        }
        for elem in elems(row) {
            let mut operations = 0;
            for _ in 0..6 {
                let text = program(row, elem, &mut numbers);
                let (here, _) = run(&text, None).unwrap_or_else(|e| panic!("{e}\n{text}"));
                for settings in crate::ORDERS {
                    sim.configure(settings);
                    let (found, counts) = run(&text, Some(&device)).unwrap_or_else(|e| panic!("{e}\n{text}"));
                    assert!(all_agree(&here, &found), "{settings}: {here:?}\n{found:?}\n{text}");
                    assert_eq!(counts.failed, 0, "{settings}\n{text}");
                    operations += counts.operations;
                }
                let unwritten: String = text
                    .lines()
                    .filter(|l| !l.contains(&format!("  {} ", row.name)))
                    .fold(String::new(), |all, line| all + line + "\n");
                let (_, counts) = run(&unwritten, Some(&device)).unwrap_or_else(|e| panic!("{e}\n{text}"));
                operations -= counts.operations * crate::ORDERS.len() as u64;
                programs += 1;
            }
            assert!(operations > 0, "{} of {elem} has never run there", row.name);
        }
        rows += 1;
    }
    assert!(rows == 5 && programs > 150, "{rows} rows, {programs} programs");
    drop(device);
    assert_eq!(sim.live_bytes(0), 0);
}

#[test]
fn indices_that_are_written_and_places_that_are_crowded() {
    let Some(_sim) = Sim::or_gpu("mem=64M") else { return };
    let device = open();
    for (text, failed) in [
        // A permutation is put where it says.
        (
            "%a = tensor.arange<i64> 0, 700, 1
  %b = tensor.mul %a, 3
  %t = tensor.mod %b, 700
  %v = tensor.add %a, 100
  tensor.put %t, %t, %v",
            0,
        ),
        // A mask that is its own target, and indices that are what they are added to.
        (
            "%a = tensor.arange<i64> 0, 5000, 1
  %t = tensor.mod %a, 17
  tensor.scatter_add %t, %t, %t
  %u = tensor.random<f64> [3000], 4
  %m = tensor.lt %u, 0.5
  tensor.put_mask %m, %m, false
  %k = tensor.count_nonzero %m
  %t = tensor.add %t, %k",
            0,
        ),
        // One place takes all: integers are added there, floats on the processor.
        (
            "%z = tensor.random<f64> [20000], 1
  %f = tensor.copy %z
  %j = tensor.mul %z, 1.0
  %i = tensor.cast<f64, i64> %j
  tensor.scatter_add %f, %i, %z
  %t = tensor.cast<f64, i64> %f",
            1,
        ),
        (
            "%z = tensor.random<f64> [20000], 1
  %t = tensor.arange<i64> 0, 700, 1
  %i = tensor.cast<f64, i64> %z
  tensor.scatter_add %t, %i, 3",
            0,
        ),
    ] {
        let text = format!("export func @main() -> tensor<i64> {{\n  {text}\n  ret %t\n}}\n");
        let (here, _) = run(&text, None).unwrap_or_else(|e| panic!("{e}\n{text}"));
        let (there, counts) = run(&text, Some(&device)).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert!(all_agree(&here, &there), "{here:?}\n{there:?}\n{text}");
        assert_eq!(counts.failed, failed, "{counts:?}\n{text}");
    }
}

#[test]
fn what_may_not_be_written_traps_as_on_the_processor_and_writes_nothing() {
    let Some(_sim) = Sim::or_gpu("mem=64M") else { return };
    let device = open();
    for call in [
        "tensor.put %t, %i, %v",
        "tensor.scatter_add %t, %i, 1.0",
        "tensor.scatter_add_axis %t, %i, %v, 0",
        "tensor.put_mask %t, %m, %w",
        "tensor.assign %t, [1], %v",
    ] {
        let text = format!(
            "export func @main() -> tensor<f64> {{
  %x = tensor.random<f64> [900], 1
  %t = tensor.copy %x
  %a = tensor.arange<i64> 0, 900, 1
  %i = tensor.add %a, 1
  %v = tensor.mul %x, 2.0
  %m = tensor.lt %x, 0.5
  %w = tensor.slice0 %v, 0, 7
  {call}
  ret %t
}}"
        );
        let (here, there) = (run(&text, None), run(&text, Some(&device)));
        assert_eq!(here.expect_err("a trap"), there.expect_err("a trap there too"), "{text}");
    }
}

/// A program that writes in each way, and looks at tensors before and behind it.
const WRITES: &str = "export func @main() -> (tensor<f64>, tensor<i64>, tensor<bool>, f64, f64) {
  %x = tensor.random<f64> [40, 25], 1
  %f = tensor.copy %x
  %flat = tensor.reshape %f, [1000]
  %u = tensor.random<f64> [300], 2
  %s = tensor.mul %u, 1000.0
  %i = tensor.cast<f64, i64> %s
  tensor.put %f, %i, %u
  %before = tensor.load %flat, 7
  tensor.scatter_add %flat, %i, %u
  tensor.scatter_add %flat, %i, 0.1
  %behind = tensor.load %flat, 7
  %r = tensor.div %i, 30
  %v = tensor.random<f64> [300, 25], 3
  tensor.scatter_add_axis %f, %r, %v, 0
  %low = tensor.slice0 %f, 0, 30
  tensor.assign %f, [10, 0], %low
  %m = tensor.lt %f, 1.0
  %c = tensor.compress %x, %m
  tensor.put_mask %f, %m, %c
  %n = tensor.arange<i64> 0, 1000, 1
  tensor.scatter_add %n, %i, %i
  tensor.put %n, %i, -1
  %not = tensor.gt %f, 3.0
  tensor.put_mask %m, %not, true
  ret %f, %n, %m, %before, %behind
}
";

#[test]
fn whatever_call_fails_nothing_is_written_twice_or_by_half() {
    let Some(sim) = Sim::start("") else { return };
    let (here, _) = run(WRITES, None).unwrap_or_else(|e| panic!("{e}"));
    let (mut answers, mut traps) = (0, 0);
    for settings in ["mem=64M streams=lazy order=random:3", "mem=64M streams=eager"] {
        let start = || {
            sim.reset();
            sim.configure(settings);
        };
        // The host waits often, so that waiting fails too.
        let opened = || Cuda::open(0, Options::new().queue(1 << 14));
        start();
        let device = opened().expect("a device");
        let (there, counts) = run(WRITES, Some(&device)).unwrap_or_else(|e| panic!("{e}"));
        assert!(all_agree(&here, &there), "{here:?}\n{there:?}");
        assert!(counts.operations > 20 && counts.failed == 0, "{counts:?}");
        drop(device);
        let calls = sim.calls("*");
        for (code, n) in [1, 2, 719].into_iter().flat_map(|code| (1..=calls).map(move |n| (code, n))) {
            start();
            sim.fault(&format!("*@{n}={code}"));
            let Ok(device) = opened() else { continue };
            match run(WRITES, Some(&device)) {
                Ok((there, _)) => {
                    let same = all_agree(&here, &there);
                    assert!(same, "{settings}: call {n} fails with {code}: {here:?}\n{there:?}");
                    answers += 1;
                }
                Err(e) => {
                    assert!(e.contains("the device has lost"), "{settings}: call {n} fails with {code}: {e}");
                    traps += 1;
                }
            }
            drop(device);
            assert_eq!(sim.live_bytes(0), 0, "{settings}: call {n} fails with {code}");
        }
    }
    assert!(answers > 300 && traps > 0, "{answers} answers, {traps} traps");
}
