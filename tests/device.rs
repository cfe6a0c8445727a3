//! What goes to a device and comes home, and when; on one that spoils what has not come home. (That
//! answers, traps, fuel and charged memory are the same is asked wherever programs run in all ways of
//! `support::way`.)

use nbc::jit::{Jit, Mode, Options};
use nbc::runtime::device::DeviceCounts;
use nbc::runtime::device::null::NullDevice;
use nbc::runtime::engine::{Config, Engine, Limits};
use nbc::runtime::instance::Instance;
use nbc::runtime::linker::Linker;
use nbc::runtime::value::Value;
use std::sync::Arc;

/// An instance of `text` on that device.
fn on(device: &Arc<NullDevice>, linker: &Linker, text: &str) -> Instance {
    let engine = Engine::new(Config::new().device(device.clone()));
    let program = engine.read(text.as_bytes(), "device.nba").unwrap_or_else(|e| panic!("{e}"));
    linker.instantiate_with(&program, Limits::new()).unwrap_or_else(|e| panic!("{e}"))
}

fn call(instance: &mut Instance, args: &[Value]) -> Vec<Value> {
    instance.call("main", args).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn a_chain_stays_there_and_one_tensor_comes_home() {
    let device = Arc::new(NullDevice::new());
    let mut instance = on(
        &device,
        &Linker::new(),
        "export func @main() -> tensor<f64> {
  %x = tensor.full<f64> [1000], 2.0
  %a = tensor.mul %x, %x
  %b = tensor.add %a, %x
  %c = tensor.sqrt %b
  %d = tensor.sub %c, 1.0
  ret %d
}",
    );
    let result = call(&mut instance, &[]);
    let Value::Tensor(tensor) = &result[0] else { panic!("{result:?}") };
    assert_eq!(tensor.as_slice::<f64>().map(|s| s[999]), Some(6.0f64.sqrt() - 1.0));
    let counts = instance.device_counts();
    let expected = DeviceCounts {
        operations: 4,
        groups: 0,
        to_device: 1,
        bytes_to_device: 8000,
        to_host: 1,
        bytes_to_host: 8000,
        failed: 0,
    };
    assert_eq!(counts, expected);
    drop(instance);
    assert_eq!(device.in_use(), 0, "all that was asked for is given back");
}

/// A group of three operations, of which one result is wanted, and a reduction at its end.
const GROUP: &str = "export func @main() -> (tensor<f64>, f64) {
  %x = tensor.random<f64> [5000], 1
  %a = tensor.mul %x, %x
  %b = tensor.add %a, %x
  %c = tensor.sqrt %b
  %s = tensor.sum %c
  ret %b, %s
}";

#[test]
fn a_group_is_one_request_and_only_what_is_wanted_comes_home() {
    let device = Arc::new(NullDevice::new());
    let mut instance = on(&device, &Linker::new(), GROUP);
    let result = call(&mut instance, &[]);
    let apart = Engine::new(Config::new().fusion(false)).read(GROUP.as_bytes(), "group.nba").unwrap();
    let expected = Linker::new().instantiate(&apart).unwrap().call("main", &[]).unwrap();
    assert_eq!(format!("{expected:?}"), format!("{result:?}"));
    let counts = instance.device_counts();
    // The tensor that is read is made there, too.
    assert_eq!((counts.groups, counts.operations, counts.failed), (1, 5, 0));
    // The sum and the result that is kept come back.
    assert_eq!((counts.to_device, counts.bytes_to_host), (0, 8 + 5000 * 8));
    drop(instance);
    assert_eq!(device.in_use(), 0);
    for every in 1..8 {
        let device = Arc::new(NullDevice::failing(every));
        let mut instance = on(&device, &Linker::new(), GROUP);
        let result = call(&mut instance, &[]);
        assert_eq!(format!("{expected:?}"), format!("{result:?}"), "one request in {every} fails");
        drop(instance);
        assert_eq!(device.in_use(), 0, "one request in {every} fails");
    }
}

#[test]
fn what_is_read_in_a_loop_comes_home_once_and_what_is_written_goes_back() {
    let device = Arc::new(NullDevice::new());
    let mut instance = on(
        &device,
        &Linker::new(),
        "export func @main(%n: i64) -> f64 {
  %x = tensor.full<f64> [200], 1.0
  %y = tensor.add %x, 1.0
  %z = tensor.add %x, 2.0
  %s = f64.const 0.0
  %i = i64.const 0
  br loop
loop:
  %a = tensor.load %y, %i
  %b = tensor.load %z, %i
  %c = f64.mul %a, %b
  tensor.store %z, %i, %c
  %z2 = tensor.mul %z, %y
  %d = tensor.load %z2, %i
  %s = f64.add %s, %d
  %i = i64.add %i, 1
  %more = i64.lt %i, %n
  br_if %more, loop, done
done:
  ret %s
}",
    );
    // Two times three is stored; times two it is read.
    assert_eq!(call(&mut instance, &[Value::I64(100)]), [Value::F64(1200.0)]);
    let counts = instance.device_counts();
    assert_eq!((counts.operations, counts.failed), (102, 0));
    // %y and %z once, and %z2 each time; %x once, and %z each time that it was written.
    assert_eq!((counts.to_host, counts.to_device), (102, 101));
}

#[test]
fn lists_globals_views_and_hosts_get_what_was_computed() {
    let device = Arc::new(NullDevice::new());
    let mut linker = Linker::new();
    linker.func("env.last", |x: ndarray::ArrayD<f64>| x.iter().last().copied().unwrap_or(0.0));
    let mut instance = on(
        &device,
        &linker,
        "import func @env.last(tensor<f64>) -> f64
const @zero: tensor<f64> [1] = zero
global @g: tensor<f64> = @zero
export func @main() -> (list<tensor<f64>>, f64, f64, f64) {
  %x = tensor.full<f64> [20, 10], 3.0
  %a = tensor.add %x, 1.0
  global.set @g, %a
  %b = tensor.mul %a, %a
  %l = list.new 2, %b
  %r = tensor.row %b, 19
  %u = tensor.add %r, 1.0
  %v = tensor.load %r, 9
  %g = global.get @g
  %w = tensor.load %g, 199
  %c = tensor.neg %b
  %h = call @env.last(%c)
  list.set %l, 1, %c
  %t = f64.add %v, %w
  %s = tensor.sum %c
  ret %l, %t, %h, %s
}",
    );
    let result = call(&mut instance, &[]);
    let Value::List(_, items) = &result[0] else { panic!("{result:?}") };
    let first = |v: &Value| match v {
        Value::Tensor(t) => t.as_slice::<f64>().map(|s| (s[0], s[199])),
        other => panic!("{other:?}"),
    };
    assert_eq!(items.iter().map(first).collect::<Vec<_>>(), [Some((16.0, 16.0)), Some((-16.0, -16.0))]);
    assert_eq!(result[1..], [Value::F64(20.0), Value::F64(-16.0), Value::F64(-3200.0)]);
}

/// Writes into a tensor and views of it in a loop, in a function too, and loads before and behind.
const WRITTEN: &str = "func @count(%t: tensor<f64>, %i: tensor<i64>) {
  tensor.scatter_add %t, %i, 1.0
  ret
}
export func @main(%n: i64) -> (f64, tensor<f64>) {
  %z = tensor.zeros<f64> [40, 50]
  %t = tensor.add %z, 1.0
  %row = tensor.row %t, 3
  %flat = tensor.reshape %t, [2000]
  %a = tensor.arange<i64> 0, 400, 1
  %i = tensor.mod %a, 200
  %s = f64.const 0.0
  br loop
loop:
  %l = tensor.load %row, 7
  %s = f64.add %s, %l
  call @count(%flat, %i)
  %l = tensor.load %row, 7
  %s = f64.add %s, %l
  %part = tensor.slice0 %t, 0, 10
  tensor.assign %t, [5, 0], %part
  tensor.put %flat, %i, %l
  %l = tensor.load %row, 8
  tensor.store %row, 7, %l
  %m = tensor.gt %t, 2.5
  tensor.put_mask %t, %m, %s
  %n = i64.sub %n, 1
  %more = i64.gt %n, 0
  br_if %more, loop, done
done:
  ret %s, %t
}";

#[test]
fn what_writes_into_a_tensor_goes_where_the_tensor_is() {
    let expected = Engine::new(Config::new()).read(WRITTEN.as_bytes(), "written.nba").unwrap();
    let expected = Linker::new().instantiate(&expected).unwrap().call("main", &[Value::I64(5)]).unwrap();
    for every in 0..12 {
        let device = Arc::new(NullDevice::failing(every));
        let mut instance = on(&device, &Linker::new(), WRITTEN);
        let result = call(&mut instance, &[Value::I64(5)]);
        assert_eq!(format!("{expected:?}"), format!("{result:?}"), "one request in {every} fails");
        let counts = instance.device_counts();
        // A sum and two tensors of indices. In each turn a mask, four that write, and twice the least and largest index.
        assert!(every > 0 || (counts.operations, counts.failed) == (3 + 5 * 9, 0), "{counts:?}");
        drop(instance);
        assert_eq!(device.in_use(), 0, "one request in {every} fails");
    }
}

#[test]
fn where_the_device_fails_the_processor_goes_on() {
    for every in 1..6 {
        let device = Arc::new(NullDevice::failing(every));
        let mut instance = on(
            &device,
            &Linker::new(),
            "export func @main() -> f64 {
  %x = tensor.full<f64> [30, 30], 2.0
  %a = linalg.matmul %x, %x
  %b = tensor.add %a, %x
  %c = tensor.copy %b
  %d = linalg.matmul %c, %a
  %s = tensor.sum %d
  ret %s
}",
        );
        assert_eq!(call(&mut instance, &[]), [Value::F64(122.0 * 120.0 * 30.0 * 900.0)], "one in {every}");
        let counts = instance.device_counts();
        assert!(counts.failed > 0 || every > 2, "one in {every}: {counts:?}");
        // The sum goes there where the product before it has stayed.
        assert!((4..=5).contains(&(counts.operations + counts.failed)), "one in {every}: {counts:?}");
        drop(instance);
        assert_eq!(device.in_use(), 0, "one in {every}");
    }
}

#[test]
fn small_tensors_stay_at_home_and_divisors_are_looked_at() {
    let device = Arc::new(NullDevice::new());
    let mut instance = on(
        &device,
        &Linker::new(),
        "export func @main() -> i64 {
  %x = tensor.full<f64> [100], 2.0
  %a = tensor.add %x, %x
  %y = tensor.full<i64> [1000], 7
  %b = tensor.div %y, 2
  %r = tensor.load %b, 0
  ret %r
}",
    );
    assert_eq!(call(&mut instance, &[]), [Value::I64(3)]);
    let counts = instance.device_counts();
    assert_eq!((counts.operations, counts.failed), (1, 0), "the quotients");
}

#[test]
fn what_is_lost_is_a_trap_for_the_same_fuel_in_every_tier() {
    // The step of the first load belongs to a block that a branch leads back to.
    let text = "func @f(%y: tensor<f64>) -> f64 {
top:
  %v = tensor.load %y, 0
  %c = f64.lt %v, 0.0
  br_if %c, top, out
out:
  ret %v
}
export func @main() -> f64 {
  %x = tensor.zeros<f64> [200]
  %y = tensor.add %x, 1.0
  %v = call @f(%y)
  ret %v
}";
    for fuel in [1000, 55, 54, 53, 52] {
        let mut seen = Vec::new();
        for tier in [None, Some(Mode::Always), Some(Mode::Auto)] {
            let config = match tier {
                None => Config::new(),
                Some(mode) => Config::new()
                    .tier(Jit::new(Options::new().mode(mode).background(false).threshold(1)))
                    .slice(1),
            };
            let engine = Engine::new(config.device(Arc::new(NullDevice::losing(1))));
            let program = engine.read(text.as_bytes(), "lost.nba").unwrap();
            let limits = Limits::new().fuel(fuel);
            let mut instance = Linker::new().instantiate_with(&program, limits).unwrap();
            let trap = instance.call("main", &[]).unwrap_err().trap().unwrap().clone();
            seen.push((trap.code(), trap.frames, instance.fuel()));
        }
        assert!(seen.iter().all(|s| *s == seen[0]), "{fuel}: {seen:?}");
    }
}

#[test]
fn calls_go_as_deep_as_without_a_device() {
    let text = "export func @main(%x: tensor<f64>) -> f64 {
  %v = tensor.load %x, 0
  tensor.store %x, 1, %v
  %r = call @main(%x)
  %r = f64.add %r, %v
  ret %r
}
export func @start() -> f64 {
  %x = tensor.zeros<f64> [200]
  %r = call @main(%x)
  ret %r
}";
    let deepest = |config: Config| {
        let program = Engine::new(config).read(text.as_bytes(), "deep.nba").unwrap();
        let mut instance = Linker::new().instantiate(&program).unwrap();
        instance.call("start", &[]).unwrap_err().trap().unwrap().omitted
    };
    let with = deepest(Config::new().device(Arc::new(NullDevice::new())));
    assert_eq!((with, with > 1000), (deepest(Config::new()), true));
}

#[test]
fn an_operation_on_a_device_ends_when_the_program_has_to() {
    // Hours, were nobody asked.
    let text = "export func @main() -> f64 {
  %x = tensor.full<f64> [4000, 4000], 2.0
  br loop
loop:
  %y = linalg.matmul %x, %x
  br loop
}";
    let engine = Engine::new(Config::new().device(Arc::new(NullDevice::new())));
    let program = engine.read(text.as_bytes(), "long.nba").unwrap();
    let limits = Limits::new().timeout(std::time::Duration::from_millis(200));
    let mut instance = Linker::new().instantiate_with(&program, limits).unwrap();
    let error = instance.call("main", &[]).unwrap_err();
    assert_eq!(error.trap().map(|t| t.code()), Some(nbc::TrapCode::Timeout));
    assert_eq!(instance.device_counts().operations, 0);
}
