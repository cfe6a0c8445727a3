//! Operations that make one pass: less is resident, in every tier alike, and nothing that a program or its host
//! can tell is different, wherever it is stopped. (That results, traps, fuel and charged
//! memory are the same is what every comparison of this repository asks: in the reference of
//! `support::way` each operation makes its own pass.)

use nbc::runtime::engine::{Config, Engine, Limits, Program};
use nbc::runtime::linker::Linker;
use nbc::runtime::value::Value;
use nbc::{compare::calls::Between, ir::Module};
use std::time::Duration;
use support::call::{call, difference, load};
use support::way::{Device, Way};

/// A chain over tensors of 8 MB, which ends in a sum.
const CHAIN: &str = "
export func @main(%n: i64, %steps: i64) -> f64 {
  %x = tensor.random<f64> [%n], 7
  %i = i64.const 0
  %r = f64.const 0.0
  region.begin
  br loop
loop:
  %a = tensor.mul %x, 0.5
  %b = tensor.add %a, %r
  %c = tensor.mul %b, %b
  %d = tensor.sub %c, %a
  %e = tensor.abs %d
  %r = tensor.sum %e
  region.renew
  %r = f64.mul %r, 0.000001
  %i = i64.add %i, 1
  %more = i64.lt %i, %steps
  br_if %more, loop, done
done:
  region.end
  ret %r
}";

#[test]
fn what_only_a_group_sees_is_not_resident() {
    let (n, bytes) = (1 << 20, 8 << 20);
    let args = [Value::I64(n), Value::I64(20)];
    let run = |program: &Program, metered: bool| {
        let limits = if metered { Limits::new().fuel(u64::MAX >> 1) } else { Limits::new() };
        let mut instance = Linker::new().instantiate_with(program, limits).unwrap();
        (instance.call("main", &args).unwrap(), instance.memory())
    };
    let apart = Engine::new(Config::new().in_place(false).fusion(false));
    let (sum, memory) = run(&apart.read(CHAIN.as_bytes(), "chain.nba").unwrap(), false);
    assert!(memory.peak >= 6 * bytes, "{memory:?}");
    assert_eq!(memory.resident_peak, memory.peak, "all that is charged for is there");
    let is_meant = |w: &Way| *w != Way::reference(w.metered) && w.device == Device::None;
    for way in Way::all().filter(is_meant) {
        let program = way.engine().read(CHAIN.as_bytes(), "chain.nba").unwrap();
        let (its_sum, its) = run(&program, way.metered);
        assert_eq!((&its_sum, its.peak, its.held), (&sum, memory.peak, memory.held), "{way}");
        // Of five results none is there.
        assert!(its.resident_peak < bytes + bytes / 4, "{way}: {its:?}");
    }
}

/// Groups of all kinds, some with a trap in the middle.
const GROUPS: &str = "
global @sum: f64 = 0.0
export func @main(%m: i64, %n: i64) -> f64 {
  %x = tensor.random<f64> [%m, %n], 1
  %row = tensor.random<f64> [%n], 2
  %column = tensor.random<f64> [%m, 1], 3
  %k = i64.const 3
  %s = f64.const 0.25
  region.begin
  br loop
loop:
  %a = tensor.mul %x, %s
  %b = tensor.add %a, %row
  %c = tensor.maximum %b, %column
  %i = tensor.cast<f64, i64> %c
  %q = i64.div 10, %k
  %d = tensor.div %i, %q
  %e = tensor.cast<i64, f64> %d
  %f = tensor.sub %c, %e
  %s = tensor.mean %f
  %big = tensor.gt %f, %s
  %x = tensor.where %big, %f, %x
  %t = tensor.dot %x, %x
  %old = global.get @sum
  %t = f64.add %t, %old
  global.set @sum, %t
  region.renew keep %x
  %k = i64.sub %k, 1
  %more = i64.ge %k, -1
  br_if %more, loop, done
done:
  region.end
  ret %t
}";

fn is_cheap(way: &Way) -> bool {
    way.device == Device::None && *way != Way::reference(way.metered)
}

#[test]
fn limits_end_it_where_they_would_without() {
    let module = Module::parse(GROUPS, "groups.nba").and_then(Module::verify).unwrap();
    let args = [Value::I64(40), Value::I64(60)];
    let reference = load(&module, Way::reference(true));
    let all = call(&reference, "main", &args, Limits::new().fuel(1 << 40));
    assert_eq!(all.result.as_ref().map_err(|t| t.code().name()).err(), Some("divide_by_zero"));
    let used = (1 << 40) - all.fuel.unwrap_or(0);
    let ways: Vec<Way> = Way::all().filter(|w| w.metered && is_cheap(w)).collect();
    let programs: Vec<Program> = ways.iter().map(|way| load(&module, *way)).collect();
    // Fuel, then memory, is used up at every place where that can be, nearly.
    let limits = (0..used + 50).step_by(if cfg!(debug_assertions) { 211 } else { 37 });
    let of_fuel = limits.map(|fuel| Limits::new().fuel(fuel));
    let of_memory = (0..250u64).map(|n| Limits::new().fuel(1 << 40).memory(n as usize * 1024 + 512));
    for limits in of_fuel.chain(of_memory) {
        let expected = call(&reference, "main", &args, limits.clone());
        for (way, program) in ways.iter().zip(&programs) {
            let found = call(program, "main", &args, limits.clone());
            let unlike = difference(&expected, &found, Between::Tiers);
            assert!(unlike.is_none(), "{way}, {limits:?}: {}", unlike.unwrap_or_default());
        }
    }
}

#[test]
fn an_instance_goes_on_after_a_trap_in_a_group() {
    let text = "
export func @main(%n: i64, %by: i64) -> i64 {
  %x = tensor.full<i64> [5000], %n
  %a = tensor.add %x, 1
  %b = tensor.mul %a, 2
  %q = i64.div 84, %by
  %c = tensor.add %b, %q
  %s = tensor.max %c
  ret %s
}";
    for way in Way::all() {
        let program = way.engine().read(text.as_bytes(), "trap.nba").unwrap();
        let limits = if way.metered { Limits::new().fuel(1_000_000) } else { Limits::new() };
        let mut instance = Linker::new().instantiate_with(&program, limits).unwrap();
        for n in 0..3 {
            let found = instance.call("main", &[Value::I64(n), Value::I64(42)]).unwrap();
            assert_eq!(found, [Value::I64(2 * n + 4)], "{way}");
            assert!(instance.call("main", &[Value::I64(n), Value::I64(0)]).is_err(), "{way}");
        }
        assert_eq!(instance.memory().regions.iter().map(|r| r.live + r.buffers).sum::<usize>(), 0, "{way}");
    }
}

#[test]
fn a_long_pass_stops_in_time() {
    let text = "
export func @main(%n: i64) -> f64 {
  %x = tensor.full<f64> [%n], 1.5
  %a = tensor.pow %x, 1.1
  %b = tensor.pow %a, 1.1
  %c = tensor.pow %b, 1.1
  %d = tensor.pow %c, 1.1
  %s = tensor.sum %d
  ret %s
}";
    for way in Way::all().filter(is_cheap) {
        let program = way.engine().read(text.as_bytes(), "long.nba").unwrap();
        let limits = if way.metered { Limits::new().fuel(u64::MAX >> 1) } else { Limits::new() };
        let mut instance = Linker::new().instantiate_with(&program, limits).unwrap();
        // Compiled, and its tensor made, before the clock runs.
        instance.call("main", &[Value::I64(3000)]).unwrap();
        instance.set_timeout(Some(Duration::from_millis(40)));
        let error = instance.call("main", &[Value::I64(20_000_000)]).unwrap_err();
        assert!(error.to_string().contains("time"), "{way}: {error}");
    }
}
