//! Operations that write into arguments that die: less memory is resident, in every tier alike, and
//! nothing that a program or its host can tell is different. (That results, traps, fuel and charged
//! memory are the same is what every comparison of this repository asks: the reference of
//! `support::way` writes into no argument.)

use nbc::runtime::engine::{Config, Engine, Limits};
use nbc::runtime::linker::Linker;
use nbc::runtime::threads::Threads;
use nbc::runtime::value::Value;
use support::way::{Device, Way};

/// A chain whose temporaries die, in a loop that carries a tensor.
const CHAIN: &str = "
export func @main(%steps: i64) -> f64 {
  %x = tensor.random<f64> [100000], 7
  %i = i64.const 0
  region.begin
  br loop
loop:
  %a = tensor.mul %x, 0.5
  %b = tensor.add %a, 1.0
  %c = tensor.mul %b, %b
  %d = tensor.sub %c, %a
  %e = tensor.abs %d
  %x = tensor.neg %e
  region.renew keep %x
  %i = i64.add %i, 1
  %more = i64.lt %i, %steps
  br_if %more, loop, done
done:
  %s = tensor.sum %x
  region.end
  ret %s
}";

#[test]
fn less_is_resident_in_every_tier_alike() {
    let mut seen = Vec::new();
    // (On a device results are apart.)
    let is_meant = |w: &Way| *w != Way::reference(w.metered) && w.device == Device::None;
    for way in Way::all().filter(is_meant) {
        let program = way.engine().read(CHAIN.as_bytes(), "chain.nba").unwrap();
        let limits = if way.metered { Limits::new().fuel(u64::MAX >> 1) } else { Limits::new() };
        let mut instance = Linker::new().instantiate_with(&program, limits).unwrap();
        let sum = instance.call("main", &[Value::I64(50)]).unwrap();
        seen.push((way, sum, instance.memory()));
    }
    let apart =
        Engine::new(Config::new().in_place(false).fusion(false)).read(CHAIN.as_bytes(), "chain.nba").unwrap();
    let mut instance = Linker::new().instantiate(&apart).unwrap();
    let sum = instance.call("main", &[Value::I64(50)]).unwrap();
    let memory = instance.memory();
    assert_eq!(memory.resident_peak, memory.peak, "all that is charged for is there");
    for (way, its_sum, its) in seen {
        assert_eq!((&its_sum, its.peak, its.held), (&sum, memory.peak, memory.held), "{way}");
        // Of seven tensors of a step, what is there is %x, %a, and what follows in turn.
        let buffer = 8 * 100_000;
        assert!(its.resident_peak < memory.peak - 3 * buffer, "{way}: {its:?}");
        assert!(its.resident <= its.resident_peak, "{way}: {its:?}");
    }
}

#[test]
fn a_trap_in_between_leaves_the_instance_usable() {
    let text = "
export func @main(%n: i64) -> i64 {
  %x = tensor.full<i64> [1000], 12
  %y = tensor.full<i64> [1000], %n
  %a = tensor.add %x, 1
  %b = tensor.div %a, %y
  %c = tensor.add %b, %b
  %r = tensor.load %c, 999
  ret %r
}";
    for way in Way::all() {
        let program = way.engine().read(text.as_bytes(), "trap.nba").unwrap();
        let limits = if way.metered { Limits::new().fuel(1_000_000) } else { Limits::new() };
        let mut instance = Linker::new().instantiate_with(&program, limits).unwrap();
        for _ in 0..3 {
            assert_eq!(instance.call("main", &[Value::I64(2)]).unwrap(), [Value::I64(12)], "{way}");
            let error = instance.call("main", &[Value::I64(0)]).unwrap_err();
            assert!(error.to_string().contains("the divisor's element 0 is zero"), "{way}: {error}");
        }
        assert_eq!(instance.memory().regions.iter().map(|r| r.live + r.buffers).sum::<usize>(), 0, "{way}");
    }
}

/// Transforms of what dies, short and long, along one axis and several, of one number and another.
const TRANSFORMS: &str = "
export func @main(%rows: i64, %n: i64) -> (tensor<c128>, tensor<f64>) {
  %x = tensor.random<f64> [%rows, %n], 7
  %y = tensor.random<f64> [%rows, %n], 8
  %z = complex.of_parts %x, %y
  %z = fft.forward %z, 1
  %z = fft.inverse %z, 0
  %z = fft.forward_axes %z, []
  %z = fft.inverse_axes %z, [1, 0]
  %z = fft.derivative %z, 1, 1, 6.0
  %x = fft.dct %x, 1, 2
  %x = fft.dst_inverse %x, 0, 3
  %x = fft.derivative %x, 0, 2, 3.0
  ret %z, %x
}";

#[test]
fn transforms_of_what_dies_are_the_same() {
    for [rows, n] in [[1, 1], [3, 7], [16, 300], [1, 140_000], [140_000, 1], [2, 131_101]] {
        let args = [Value::I64(rows), Value::I64(n)];
        let run = |engine: &Engine| {
            let program = engine.read(TRANSFORMS.as_bytes(), "transforms.nba").unwrap();
            let mut instance =
                Linker::new().instantiate_with(&program, Limits::new().fuel(u64::MAX >> 1)).unwrap();
            let found = instance.call("main", &args).unwrap();
            (found, instance.fuel(), instance.memory())
        };
        let apart = run(&Engine::new(Config::new().in_place(false).fusion(false)));
        for threads in [1, 3] {
            let over = run(&Engine::new(Config::new().threads(Threads::at_most(threads))));
            assert!(over.0 == apart.0, "{rows} by {n}");
            assert_eq!((over.1, over.2.peak), (apart.1, apart.2.peak), "{rows} by {n}");
            // Nine results, of which two are there, besides the one that is copied and what is worked in.
            let is_large = 16 * rows * n > 1 << 20;
            assert!(!is_large || over.2.resident_peak < apart.2.resident_peak, "{rows} by {n}: {:?}", over.2);
        }
    }
}
