//! Rows whose arguments go together in ways of their own: movement, indices, axes, creation, order. Each runs at random
//! shapes, thin and odd ones and such without elements among them, with elements of every type that it has.

mod writes;

use super::{ALL, Numbers, agree, make, open, operations_before, run};
use cudasim::Sim;
use nbc_cuda::kernels::{Reach, reach};
use nbc_ir::Elem;
use nbc_ir::catalogue::{Class, Operation};
use std::fmt::Write;

/// What a call is written as: the operation with its types, its arguments, and statements before it.
struct Call {
    before: String,
    call: String,
    /// The type of the result.
    ty: String,
}

/// Dims of 1 to 4 axes: few elements or some thousands, thin, odd, and now and then none at all.
fn dims(numbers: &mut Numbers) -> Vec<u64> {
    let lengths = [1, 2, 3, 5, 16, 17, 33, 64, 130];
    let rank = 1 + numbers.below(4);
    let mut dims: Vec<u64> = Vec::new();
    for _ in 0..rank {
        let most = 9000 / dims.iter().product::<u64>().max(1);
        let length = lengths[numbers.below(lengths.len() as u64) as usize];
        dims.push(length.min(most.max(1)));
    }
    // Large enough to go there, mostly.
    if dims.iter().product::<u64>() < 600 {
        let at = numbers.below(rank) as usize;
        dims[at] *= 600 / dims.iter().product::<u64>().max(1) + 1;
    }
    if numbers.below(20) == 0 {
        dims[0] = 0;
    }
    dims
}

fn each(dims: &[u64], of: impl FnMut(&u64) -> i64) -> Vec<i64> {
    dims.iter().map(of).collect()
}

/// Some of the axes, in any order.
fn some_axes(rank: usize, numbers: &mut Numbers) -> Vec<i64> {
    let mut left: Vec<i64> = (0..rank as i64).collect();
    let mut axes = Vec::new();
    for _ in 0..1 + numbers.below(rank as u64) {
        axes.push(left.remove(numbers.below(left.len() as u64) as usize));
    }
    axes
}

/// Statements that make `%i`, indices below `end`, of that many; some of them on the device.
fn indices(text: &mut String, dims: &[u64], end: u64, numbers: &mut Numbers) {
    let seed = numbers.below(1000);
    writeln!(
        text,
        "  %iu = tensor.random<f64> {dims:?}, {seed}\n  %iv = tensor.mul %iu, {end}.0\n  %i = tensor.cast<f64, i64> %iv"
    )
    .expect("a string takes all");
}

/// A call of a row with elements of that type; nothing where a program of the other tests calls it.
fn call(row: &Operation, elem: Elem, numbers: &mut Numbers) -> Option<Call> {
    let dims = dims(numbers);
    let rank = dims.len();
    let axis = numbers.below(rank as u64) as usize;
    let mut before = String::new();
    make(&mut before, "x", elem, &dims, numbers.next() % 1000);
    let name = row.name;
    // Norms of numbers that are none are the processor's.
    if name.contains("norm") && matches!(elem, Elem::F32 | Elem::F64) && numbers.below(4) > 0 {
        writeln!(before, "  %x = tensor.random<{elem}> {dims:?}, 5").expect("a string takes all");
    }
    let mut ty = format!("tensor<{elem}>");
    let scalar = |v: u64| match elem {
        Elem::Bool => ["false", "true"][v as usize % 2].to_owned(),
        Elem::F32 | Elem::F64 => format!("{v}.5"),
        _ => v.to_string(),
    };
    let args = match name {
        "tensor.slice" => {
            let from = each(&dims, |d| numbers.below(d / 4 + 1) as i64);
            let to: Vec<i64> =
                dims.iter().zip(&from).map(|(d, f)| (*d as i64 - numbers.below(2) as i64).max(*f)).collect();
            format!("%x, {from:?}, {to:?}")
        }
        "tensor.slice_step" => {
            let step = each(&dims, |_| [1, 2, 3, -1, -2][numbers.below(5) as usize]);
            let ends = |up: fn(i64) -> i64, down: fn(i64) -> i64| -> Vec<i64> {
                dims.iter()
                    .zip(&step)
                    .map(|(d, s)| if *s > 0 { up(*d as i64) } else { down(*d as i64) })
                    .collect()
            };
            let from = ends(|d| (d - 1).clamp(0, 1), |d| d - 1);
            format!("%x, {from:?}, {:?}, {step:?}", ends(|d| d, |_| -1))
        }
        "tensor.transpose" => {
            let mut axes = some_axes(rank, numbers);
            (0..rank as i64).for_each(|axis| {
                if !axes.contains(&axis) {
                    axes.push(axis)
                }
            });
            if numbers.below(3) == 0 { "%x, []".to_owned() } else { format!("%x, {axes:?}") }
        }
        "tensor.flip" => format!("%x, {:?}", some_axes(rank, numbers)),
        "tensor.roll" => {
            let axes = some_axes(rank, numbers);
            let by: Vec<i64> = axes.iter().map(|_| numbers.below(400) as i64 - 200).collect();
            format!("%x, {by:?}, {axes:?}")
        }
        "tensor.pad"
        | "tensor.pad_edge"
        | "tensor.pad_wrap"
        | "tensor.pad_reflect"
        | "tensor.pad_symmetric" => {
            let (mut few, mut last) =
                (each(&dims, |_| numbers.below(5) as i64), each(&dims, |_| numbers.below(3) as i64));
            // Also more than there are elements.
            (few[axis], last[rank - 1]) = (7, numbers.below(40) as i64);
            let lists = format!("%x, {few:?}, {last:?}");
            match name {
                "tensor.pad" if matches!(elem, Elem::C64 | Elem::C128) || numbers.below(2) == 0 => {
                    // One element that is there too, as a tensor without dims.
                    make(&mut before, "one", elem, &[1], 5);
                    before += "  %put = tensor.reshape %one, []\n";
                    lists + ", %put"
                }
                "tensor.pad" if elem == Elem::U8 => lists + ", 7",
                "tensor.pad" => format!("{lists}, {}", scalar(7)),
                _ => lists,
            }
        }
        "tensor.repeat" => format!("%x, {}, {axis}", 1 + numbers.below(4)),
        "tensor.tile" => format!("%x, {:?}", each(&dims, |_| 1 + numbers.below(3) as i64)),
        "tensor.concat" => {
            let mut other = dims.clone();
            other[axis] = 1 + numbers.below(20);
            make(&mut before, "y", elem, &other, 77);
            format!("%x, %y, {axis}")
        }
        "tensor.concat_list" | "tensor.stack" => {
            let count = 1 + numbers.below(4);
            writeln!(before, "  %l = list.new {}, %x", count + 1).expect("a string takes all");
            for at in 0..count {
                let mut other = dims.clone();
                if name == "tensor.concat_list" {
                    other[axis] = 1 + numbers.below(9);
                }
                make(&mut before, &format!("y{at}"), elem, &other, 70 + at);
                writeln!(before, "  list.set %l, {}, %y{at}", at + 1).expect("a string takes all");
            }
            format!("%l, {axis}")
        }
        "tensor.take" => {
            indices(&mut before, &[40, 25], dims.iter().product(), numbers);
            "%x, %i".to_owned()
        }
        "tensor.take_axis" => {
            indices(&mut before, &[3, 1 + numbers.below(60)], dims[axis], numbers);
            format!("%x, %i, {axis}")
        }
        "tensor.take_along" => {
            let mut of = dims.clone();
            of[axis] = 1 + numbers.below(40);
            indices(&mut before, &of, dims[axis], numbers);
            format!("%x, %i, {axis}")
        }
        "tensor.outer" => {
            make(&mut before, "y", elem, &[1 + numbers.below(50), 1 + numbers.below(3)], 8);
            "%x, %y".to_owned()
        }
        "tensor.diff" | "tensor.cumsum_axis" | "tensor.cumprod_axis" | "tensor.sort" => format!("%x, {axis}"),
        "tensor.argsort" => {
            ty = "tensor<i64>".to_owned();
            format!("%x, {axis}")
        }
        "tensor.searchsorted" => {
            ty = "tensor<i64>".to_owned();
            make(&mut before, "y", elem, &[1 + numbers.below(500)], 9);
            before += "  %z = tensor.sort %y, 0\n";
            format!("%z, %x, {}", numbers.below(2) == 0)
        }
        "tensor.linspace" => format!(
            "{}, {}, {}",
            scalar(numbers.below(9)),
            scalar(100 + numbers.below(9)),
            numbers.below(3000)
        ),
        "tensor.arange" if elem == Elem::U8 => "3, 250, 1".to_owned(),
        "tensor.arange" => {
            format!("{}, {}, {}", scalar(numbers.below(9)), scalar(9000), scalar(1 + numbers.below(5)))
        }
        "tensor.random" | "tensor.random_normal" => format!("{dims:?}, {}", numbers.below(1000)),
        _ if name.ends_with("_axes") => {
            let keep = numbers.below(2) == 0;
            let mut axes = some_axes(rank, numbers);
            if numbers.below(5) == 0 {
                axes.clear();
            }
            if name == "tensor.count_nonzero_axes" {
                ty = "tensor<i64>".to_owned();
            }
            let lost = if name.contains("var") || name.contains("std") { ", 1" } else { "" };
            format!("%x, {axes:?}, {keep}{lost}")
        }
        "tensor.argmin" | "tensor.argmax" => {
            ty = "i64".to_owned();
            "%k".to_owned()
        }
        "tensor.dot" => {
            make(&mut before, "y", elem, &dims, 6);
            "%k, %y".to_owned()
        }
        "tensor.var" | "tensor.std" => format!("%k, {}", numbers.below(3)),
        "tensor.norm" => "%k".to_owned(),
        _ => return None,
    };
    if args.starts_with("%k") {
        // A scalar is folded there only where its argument is.
        before += "  %k = tensor.copy %x\n";
        if ty != "i64" {
            ty = elem.to_string();
        }
    }
    let takes_no_tensor = !args.contains('%');
    let types = if takes_no_tensor { format!("<{elem}>") } else { String::new() };
    Some(Call { before, call: format!("{name}{types} {args}"), ty })
}

/// Whether these programs call a row.
pub(super) fn has_programs(row: &Operation) -> bool {
    writes::has_programs(row) || row.needs.is_none() && call(row, Elem::F64, &mut Numbers(1)).is_some()
}

/// Element types that a row may have, also where it has none of its own.
fn elems(row: &Operation) -> Vec<Elem> {
    match &row.typed().vars[..] {
        [] => vec![Elem::Bool],
        [(_, class), ..] => ALL.into_iter().filter(|elem: &Elem| Class::has(*class, *elem)).collect(),
    }
}

#[test]
fn rows_with_lists_axes_and_indices_give_the_processors_answer_in_every_order_of_threads() {
    let Some(sim) = Sim::start("mem=256M") else { return };
    let device = open();
    let mut numbers = Numbers(11);
    let (mut rows, mut programs, mut there) = (0, 0, 0);
    for (row, reached) in reach() {
        let Reach::Runs(_) = reached else { continue };
        if !has_programs(row) || writes::has_programs(row) {
            continue;
        }
        let mut has_run = 0;
        for elem in elems(row) {
            // More of what has met nothing that goes there.
            for program in 0..150 {
                if program >= 3 && has_run > 0 {
                    break;
                }
                let Call { before, call, ty } = call(row, elem, &mut numbers).expect("there is one of f64");
                let text = format!("export func @main() -> {ty} {{\n{before}  %r = {call}\n  ret %r\n}}\n");
                let here = match run(&text, None) {
                    Ok((here, _)) => here,
                    // What has no elements cannot be chosen from, and so on: the same trap.
                    Err(e) => {
                        let other = run(&text, Some(&device)).expect_err("a trap here");
                        assert_eq!(e, other, "{text}");
                        continue;
                    }
                };
                let before = operations_before(&text, &device);
                for settings in [
                    "order=forward streams=lazy",
                    "order=reverse streams=eager",
                    "order=random:3 streams=random",
                    "order=random:8 streams=lazy",
                ] {
                    sim.configure(settings);
                    let (found, counts) = run(&text, Some(&device)).unwrap_or_else(|e| panic!("{e}\n{text}"));
                    assert!(agree(&here, &found, false), "{settings}: {here:?}\n{found:?}\n{text}");
                    // Only squares that are lost are left to the processor.
                    assert!(counts.failed == 0 || row.name.contains("norm"), "{settings}\n{text}");
                    has_run += counts.operations - before;
                }
                programs += 1;
            }
        }
        assert!(has_run > 0, "{} is said to run there and never has", row.name);
        there += has_run;
        rows += 1;
    }
    assert!(
        rows > 45 && programs > 500 && there > 1000,
        "{rows} rows, {programs} programs, {there} operations"
    );
    drop(device);
    assert_eq!(sim.live_bytes(0), 0);
}

#[test]
fn a_step_of_a_lattice_is_computed_there_alone() {
    let Some(_sim) = Sim::start("mem=64M streams=lazy") else { return };
    // Klein-Gordon, E_tt = c²∇²E - χ²E: leapfrog in time, seven points in space, periodic.
    let text = "func @steps(%e0: tensor<f64>, %e1: tensor<f64>, %n: i64) -> tensor<f64> {
  %i = i64.const 0
  region.begin
  %before = tensor.copy %e0
  %now = tensor.copy %e1
  br loop
loop:
  %up = tensor.roll %now, [1], [0]
  %down = tensor.roll %now, [-1], [0]
  %left = tensor.roll %now, [1], [1]
  %right = tensor.roll %now, [-1], [1]
  %near = tensor.roll %now, [1], [2]
  %far = tensor.roll %now, [-1], [2]
  %a = tensor.add %up, %down
  %b = tensor.add %left, %right
  %c = tensor.add %near, %far
  %d = tensor.add %a, %b
  %e = tensor.add %d, %c
  %six = tensor.mul %now, 6.0
  %laplacian = tensor.sub %e, %six
  %mass = tensor.mul %now, 0.25
  %force = tensor.sub %laplacian, %mass
  %kick = tensor.mul %force, 0.0025
  %twice = tensor.mul %now, 2.0
  %drift = tensor.sub %twice, %before
  %next = tensor.add %drift, %kick
  %before = tensor.copy %now
  %now = tensor.copy %next
  region.renew keep %before, %now
  %i = i64.add %i, 1
  %more = i64.lt %i, %n
  br_if %more, loop, done
done:
  region.end keep %now
  ret %now
}
export func @main() -> (tensor<f64>, f64) {
  %e0 = tensor.random_normal<f64> [16, 12, 10], 3
  %smaller = tensor.mul %e0, 0.99
  %r = call @steps(%e0, %smaller, 5)
  %square = tensor.mul %r, %r
  %energy = tensor.sum %square
  ret %r, %energy
}
";
    let device = open();
    let (here, _) = run(text, None).unwrap_or_else(|e| panic!("{e}"));
    let (there, counts) = run(text, Some(&device)).unwrap_or_else(|e| panic!("{e}"));
    assert!(agree(&here, &there, false), "{here:?}\n{there:?}");
    assert_eq!(format!("{:?}", here[1]), format!("{:?}", there[1]));
    // Nothing goes there, and what comes home is the result and its energy.
    assert_eq!(
        (counts.to_device, counts.to_host, counts.bytes_to_host),
        (0, 2, 16 * 12 * 10 * 8 + 8),
        "{counts:?}"
    );
    assert_eq!((counts.operations, counts.failed), (5 * 21 + 6, 0));
}

#[test]
fn what_may_not_be_is_found_out_there_and_the_processor_says_it() {
    let Some(_sim) = Sim::start("mem=64M") else { return };
    let device = open();
    // Divisors and indices that the device made: one of them is at fault, or none.
    for (low, traps) in [(0, true), (1, false)] {
        let text = format!(
            "export func @main() -> tensor<i32> {{
  %a = tensor.arange<i32> {low}, 900, 1
  %b = tensor.mul %a, %a
  %c = tensor.add %a, 5
  %r = tensor.floor_div %c, %b
  ret %r
}}"
        );
        let (here, there) = (run(&text, None), run(&text, Some(&device)));
        assert_eq!(here.is_err(), traps, "{text}");
        match (here, there) {
            (Err(here), Err(there)) => assert_eq!(here, there),
            (Ok((here, _)), Ok((there, counts))) => {
                assert!(agree(&here, &there, false));
                // The divisors are counted there, and eight bytes come home for it.
                assert_eq!((counts.operations, counts.bytes_to_host), (5, 899 * 4 + 8), "{counts:?}");
            }
            (here, there) => panic!("{here:?} {there:?}"),
        }
    }
    for (times, traps) in [(3, true), (1, false)] {
        let text = format!(
            "export func @main() -> tensor<f64> {{
  %x = tensor.random<f64> [900], 1
  %a = tensor.arange<i64> 0, 900, 1
  %i = tensor.mul %a, {times}
  %r = tensor.take %x, %i
  ret %r
}}"
        );
        let (here, there) = (run(&text, None), run(&text, Some(&device)));
        assert_eq!(here.is_err(), traps, "{text}");
        match (here, there) {
            (Err(here), Err(there)) => assert_eq!(here, there),
            (Ok((here, _)), Ok((there, counts))) => {
                assert!(agree(&here, &there, false));
                assert_eq!((counts.operations, counts.bytes_to_host), (6, 900 * 8 + 16), "{counts:?}");
            }
            (here, there) => panic!("{here:?} {there:?}"),
        }
    }
}

#[test]
fn long_lanes_are_cut_into_launches_and_levels() {
    let Some(sim) = Sim::start("mem=256M") else { return };
    let device = open();
    // More than a block, than a stretch of a lane, than what a block of threads sorts.
    let text = "export func @main() -> (tensor<f64>, tensor<f64>, tensor<i64>, i64, f64, f64) {
  %x = tensor.random_normal<f64> [130, 9000], 3
  %y = tensor.random_normal<f64> [3, 3000], 4
  %s = tensor.cumsum_axis %x, 1
  %o = tensor.sort %y, 1
  %p = tensor.argmax_axis %x, 1
  %n = tensor.reshape %x, [1170000]
  %k = tensor.argmin %n
  %v = tensor.std %x, 1
  %q = tensor.dot %x, %s
  ret %s, %o, %p, %k, %v, %q
}";
    let (here, _) = run(text, None).unwrap_or_else(|e| panic!("{e}"));
    for order in ["order=forward streams=lazy", "order=random:4 streams=random"] {
        sim.configure(order);
        let (there, counts) = run(text, Some(&device)).unwrap_or_else(|e| panic!("{e}"));
        for (here, there) in here.iter().zip(&there) {
            let one = std::slice::from_ref;
            assert!(agree(one(here), one(there), false), "{order}: {here:?} {there:?}");
        }
        assert_eq!((counts.failed, counts.operations), (0, 8), "{counts:?}");
    }
}
