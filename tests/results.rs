//! What leaves an instance: results, exported globals, arguments of host
//! functions. They show what the program computed, whatever shares objects, and
//! limits hold while they are taken out.

use nbc::runtime::engine::{Engine, Limits};
use nbc::runtime::error::Error;
use nbc::runtime::host::HostFunc;
use nbc::runtime::instance::Instance;
use nbc::runtime::linker::Linker;
use nbc::runtime::object::OwnedTensor;
use nbc::runtime::trap::TrapCode;
use nbc::runtime::value::Value;
use std::time::{Duration, Instant};

const PROGRAM: &str = "
import func @host.take(list<str>)
const @empty: tensor<u8> [0] = zero
export global @g: tensor<u8> = @empty

export func @tensor_and_list(%n: i64) -> (tensor<f64>, list<tensor<f64>>, tensor<f64>) {
  %t = tensor.full<f64> [%n], 1.5
  %l = list.new 2, %t
  %v = tensor.row %t, 0
  ret %t, %l, %t
}
export func @view_and_whole(%n: i64) -> (tensor<f64>, tensor<f64>) {
  %t = tensor.full<f64> [2, %n], 1.5
  %v = tensor.row %t, 1
  ret %t, %v
}
export func @strings(%bytes: i64, %n: i64) -> list<str> {
  %t = tensor.full<u8> [%bytes], 65
  %s = str.of_bytes %t
  %l = list.new %n, %s
  ret %l
}
export func @tensors(%bytes: i64, %n: i64) -> list<tensor<u8>> {
  %t = tensor.full<u8> [%bytes], 65
  %l = list.new %n, %t
  ret %l
}
export func @integers(%n: i64) -> list<i64> {
  %l = list.new %n, 7
  ret %l
}
export func @one_again_and_again(%bytes: i64) -> (tensor<u8>, tensor<u8>, tensor<u8>, tensor<u8>) {
  %t = tensor.full<u8> [%bytes], 65
  ret %t, %t, %t, %t
}
export func @to_the_host(%bytes: i64, %n: i64) {
  %l = call @strings(%bytes, %n)
  call @host.take(%l)
  ret
}
export func @set(%bytes: i64) {
  %t = tensor.full<u8> [%bytes], 65
  global.set @g, %t
  ret
}
";

fn instance(limits: Limits) -> Instance {
    let program = Engine::default().read(PROGRAM.as_bytes(), "results.nba").unwrap();
    let mut linker = Linker::new();
    let params = [nbc::Type::List(nbc::ir::Item::Str)];
    linker.define("host.take", HostFunc::dynamic(&params, &[], |_: &[Value]| Ok::<_, String>(Vec::new())));
    linker.instantiate_with(&program, limits).unwrap()
}

fn ints(of: &[i64]) -> Vec<Value> {
    of.iter().map(|n| Value::I64(*n)).collect()
}

fn trap(error: Error) -> TrapCode {
    error.trap().unwrap_or_else(|| panic!("{error}")).code()
}

#[test]
fn a_tensor_is_the_same_wherever_it_comes_from() {
    let mut instance = instance(Limits::default());
    // Small ones lie behind their header, large ones in a buffer that is handed over.
    for n in [3_usize, 200, 100_000] {
        let full = || Value::Tensor(OwnedTensor::from_slice(&[n as u64], &vec![1.5; n]).unwrap());
        let found = instance.call("tensor_and_list", &ints(&[n as i64])).unwrap();
        let list = Value::List(nbc::ir::Item::Tensor(nbc::Elem::F64), vec![full(), full()]);
        assert!(found == [full(), list, full()], "{n}");
        let whole = Value::Tensor(OwnedTensor::from_slice(&[2, n as u64], &vec![1.5; 2 * n]).unwrap());
        assert!(instance.call("view_and_whole", &ints(&[n as i64])).unwrap() == [whole, full()], "{n}");
    }
}

#[test]
fn copies_for_the_host_are_bounded_by_the_memory_limit() {
    let mut instance = instance(Limits::new().memory(20 << 20));
    let calls: [(&str, &[i64]); 5] = [
        ("strings", &[1 << 20, 100]),
        ("tensors", &[1 << 20, 100]),
        ("integers", &[2_000_000]),
        ("one_again_and_again", &[10 << 20]),
        ("to_the_host", &[1 << 20, 100]),
    ];
    for (name, args) in calls {
        let error = instance.call(name, &ints(args)).expect_err("it is too much");
        assert!(trap(error) == TrapCode::OutOfMemory, "{name}");
    }
    // What is within the limit comes out, time and again.
    for _ in 0..30 {
        instance.call("strings", &ints(&[1 << 20, 10])).unwrap();
        instance.call("to_the_host", &ints(&[1 << 20, 10])).unwrap();
    }
    instance.call("set", &ints(&[8 << 20])).unwrap();
    instance.global("g").unwrap();
}

#[test]
fn the_time_limit_holds_while_results_are_copied() {
    let timeout = Some(Duration::from_millis(100));
    for (name, args) in [("strings", [64 << 20, 10_000]), ("tensors", [64 << 20, 10_000])] {
        let mut instance = instance(Limits::new().timeout(timeout).memory(8 << 30));
        let start = Instant::now();
        let error = instance.call(name, &ints(&args)).expect_err("it takes long");
        // A machine with little memory may say so first.
        assert!(matches!(trap(error), TrapCode::Timeout | TrapCode::OutOfMemory), "{name}");
        assert!(start.elapsed() < Duration::from_secs(20), "{name}");
    }
}

#[test]
fn making_an_instance_ends_with_the_time_limit() {
    use std::fmt::Write;
    let mut text = String::new();
    for n in 0..20_000 {
        writeln!(text, "const @z{n}: tensor<u8> [100000] = zero").unwrap();
    }
    text.push_str("export func @main() {\n");
    for n in 0..20_000 {
        writeln!(text, "  %x = const.get @z{n}").unwrap();
    }
    text.push_str("  ret\n}\n");
    let program = Engine::default().read(text.as_bytes(), "zeros.nba").unwrap();
    let limits = Limits::new().timeout(Duration::ZERO);
    let error = Linker::new().instantiate_with(&program, limits).err().expect("there is no time");
    assert!(trap(error) == TrapCode::Timeout);
}
