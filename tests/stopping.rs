//! A program stops soon when its time is up, wherever it is: in loops that make objects, in long
//! code without a branch, in copies, and where lists move out of one region after the other.
//!
//! Each program here would run for hours. Every way of running has to stop it. Optimised builds
//! have to do so within the time that `docs/limits.md` says, which is longer where a library works on
//! a whole matrix. That takes the best of many tries, as the machine may be busy with other things.

use nbc::expectation::PLENTY;
use nbc::ir::Module;
use nbc::runtime::engine::Limits;
use nbc::runtime::linker::Linker;
use nbc::runtime::trap::TrapCode;
use std::fmt::Write;
use std::time::{Duration, Instant};
use support::call::load;
use support::way::{Device, Way};

/// What every call is given.
const LIMIT: Duration = Duration::from_millis(30);

/// Loops whose iterations are few and each of them long. Some begin with many that are short, after
/// which compiled code has paid for many iterations at once.
const LOOPS: [(&str, &str); 15] = [
    ("new lists", "%l = list.new %k, 1"),
    ("new lists of zeros", "%l = list.new %k, 0\n  %n = list.len %l"),
    ("zeros", "%x = tensor.zeros<f64> [%k]"),
    ("full", "%x = tensor.full<f64> [%k], 1.5"),
    ("zeros of several dims", "%x = tensor.zeros<i32> [2, %k]"),
    ("setting a global", "%x = tensor.full<f64> [%k], 1.5\n  global.set @g, %x"),
    ("setting an item", "%x = tensor.full<f64> [%k], 1.5\n  list.set %kept, 0, %x"),
    ("moving a tensor out", "region.begin\n  %x = tensor.full<f64> [%k], 1.5\n  region.end keep %x"),
    ("moving a list out", "region.begin\n  %l = list.new %k, %one\n  region.end keep %l"),
    (
        "products of thin matrices",
        "%a = tensor.zeros<f32> [%k, 1]\n  %b = tensor.zeros<f32> [1, 3000]\n  %c = linalg.matmul %a, %b",
    ),
    (
        "products of nothing",
        "%a = tensor.zeros<f32> [%k, 0]\n  %b = tensor.zeros<f32> [0, 3000]\n  %c = linalg.matmul %a, %b",
    ),
    ("views", "%v = tensor.row %some, 0"),
    ("lists joined", "%l = list.new %k, %none\n  %x = tensor.concat_list %l, 0"),
    ("lists stacked", "%l = list.new %k, %none\n  %x = tensor.stack %l, 0"),
    ("calling the host", "call @host.nap(%k)"),
];

/// A loop around `body`, in a region that ends with each iteration.
fn looping(body: &str, first: &str) -> String {
    format!(
        "import func @host.nap(i64)
const @c: tensor<f64> [1] = {{0.0}}
global @g: tensor<f64> = @c
export func @main() {{
  %one = tensor.zeros<f64> [1]
  %some = tensor.zeros<f64> [2, 2]
  %none = tensor.zeros<f64> [0]
  %kept = list.new 1, %one
  %i = i64.const 0
  %k = i64.const {first}
  br l
l:
  region.begin
  {body}
  region.end
  %i = i64.add %i, 1
  %long = i64.gt %i, 200000
  %k = select %long, 100000, {first}
  %m = i64.lt %i, 100000000000
  br_if %m, l, d
d:
  ret
}}
"
    )
}

/// Long code without a branch, gone through again and again: by a loop, or by calls.
fn straight(inst: &str, count: usize, by_calls: bool) -> String {
    let mut text = "export func @main() {\n  %i = i64.const 0\n  br l\nl:\n".to_owned();
    let body = |text: &mut String| {
        text.push_str("  %t = tensor.zeros<f64> [2, 2]\n  %x = i64.const 3\n");
        for _ in 0..count {
            writeln!(text, "  {inst}").unwrap();
        }
    };
    if by_calls {
        text.push_str("  call @long()\n");
    } else {
        body(&mut text);
    }
    text.push_str("  %i = i64.add %i, 1\n  %m = i64.lt %i, 100000000000\n  br_if %m, l, d\nd:\n  ret\n}\n");
    if by_calls {
        text.push_str("func @long() {\n");
        body(&mut text);
        text.push_str("  ret\n}\n");
    }
    text
}

/// Many blocks, none of them long.
fn diamonds(count: usize) -> String {
    let mut text = "export func @main() {\n  %i = i64.const 0\n  %x = i64.const 3\n  br l\nl:\n".to_owned();
    for n in 0..count {
        let insts = "  %x = i64.mul %x, 7\n".repeat(20);
        write!(text, "  %odd{n} = i64.gt %x, {n}\n  br_if %odd{n}, a{n}, b{n}\na{n}:\n{insts}  br c{n}\n")
            .unwrap();
        write!(text, "b{n}:\n{insts}  br c{n}\nc{n}:\n").unwrap();
    }
    text + "  %i = i64.add %i, 1\n  %m = i64.lt %i, 100000000000\n  br_if %m, l, d\nd:\n  ret\n}\n"
}

/// A list of a million objects goes through the regions of calls that are in each other.
const THROUGH_REGIONS: &str = "
export func @main() {
  br l
l:
  call @round()
  br l
}
func @round() {
  %t = tensor.zeros<f64> [1]
  %l = call @deep(%t, 2000)
  ret
}
func @deep(%t: tensor<f64>, %n: i64) -> list<tensor<f64>> {
  %z = i64.le %n, 0
  br_if %z, last, more
last:
  %k = list.new 1000000, %t
  ret %k
more:
  %m = i64.sub %n, 1
  %own = tensor.zeros<f64> [1]
  %r = call @deep(%t, %m)
  ret %r
}
";

/// Idle regions of deep calls, and memory so short that each object asks for what they keep.
const IDLE_REGIONS: &str = "
func @deep(%n: i64) -> i64 {
  %z = i64.gt %n, 0
  br_if %z, more, done
more:
  %n = i64.sub %n, 1
  %n = call @deep(%n)
  ret %n
done:
  %t = tensor.zeros<f64> [1]
  ret %n
}
export func @main() {
  %x = call @deep(50000)
  %f = tensor.zeros<u8> [20000000]
  region.begin
  br h
h:
  %a = tensor.full<u8> [1024], 1
  region.renew
  %b = tensor.full<u8> [2000], 1
  region.renew
  br h
}
";

fn programs() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (name, body) in LOOPS {
        all.push((format!("{name} in a loop"), looping(body, "100000")));
        all.push((format!("{name} in a loop, many short turns first"), looping(body, "1")));
    }
    let view = "region.begin\n  %v = tensor.row %t, 0\n  region.end";
    let sum = "region.begin\n  %v = tensor.add %t, 1.0\n  region.end";
    // Unoptimised compilers take long for them.
    let count = if cfg!(debug_assertions) { 500 } else { 5000 };
    for by_calls in [false, true] {
        let how = if by_calls { "calls of" } else { "a loop of" };
        all.push((format!("{how} many sums"), straight(sum, count, by_calls)));
        all.push((format!("{how} many views"), straight(view, count, by_calls)));
        all.push((format!("{how} much arithmetic"), straight("%x = i64.mul %x, 7", 4 * count, by_calls)));
    }
    all.push(("many blocks".to_owned(), diamonds(count / 10)));
    all.push(("idle regions".to_owned(), IDLE_REGIONS.to_owned()));
    all.push(("a list through many regions".to_owned(), THROUGH_REGIONS.to_owned()));
    all
}

/// How much later than its time `text` stops.
fn lateness(text: &str, name: &str, way: Way) -> Duration {
    let module = Module::parse(text, "stopping.nba").and_then(Module::verify);
    let program = load(&module.unwrap_or_else(|e| panic!("{name}: {e}")), way);
    let fuel = way.metered.then_some(PLENTY);
    // Just what the large tensor takes, and a few small ones.
    let memory = if name == "idle regions" { 20_975_000 } else { 2 << 30 };
    let limits = Limits::new().fuel(fuel).timeout(LIMIT).memory(memory);
    let mut linker = Linker::new();
    let nap = |us: i64| std::thread::sleep(Duration::from_micros(us.clamp(0, 1000) as u64));
    linker.func("host.nap", nap);
    let mut instance = linker.instantiate_with(&program, limits).unwrap();
    let start = Instant::now();
    let error = instance.call("main", &[]).expect_err("it has no end");
    let code = error.trap().map(|trap| trap.code());
    let time = start.elapsed();
    // What a global held before stays until the call ends.
    let is_full = code == Some(TrapCode::OutOfMemory) && name.contains("global");
    assert!(is_full || code == Some(TrapCode::Timeout), "{name} ({way}): {error}");
    time.saturating_sub(LIMIT)
}

#[test]
fn programs_stop_soon_after_their_time() {
    let (enough, tries) = match cfg!(debug_assertions) {
        true => (Duration::from_secs(60), 1),
        false => (Duration::from_millis(50), 20),
    };
    for (name, text) in programs() {
        // The null device copies all for each operation, which is not what is asked here.
        for way in Way::all().filter(|w| w.device == Device::None) {
            let mut times = (0..tries).map(|_| lateness(&text, &name, way));
            let best = times.by_ref().find(|late| *late < enough);
            assert!(best.is_some(), "{name} ({way}) is never less than {enough:?} late");
        }
    }
}

/// Decompositions of a matrix `%a`, of `%p`, which is positive definite, and of `%g`, a grid in space: what is done, and how
/// many times n³ operations that are, by `docs/isa.md`.
const DECOMPOSITIONS: [(&str, u64); 12] = [
    ("%r = linalg.solve %a, %a", 2),
    ("%l = linalg.cholesky %p", 1),
    ("%x, %l, %u = linalg.lu %a", 1),
    ("%q, %r = linalg.qr %a", 4),
    ("%u, %s, %v = linalg.svd %a", 20),
    ("%s = linalg.svd_values %a", 4),
    ("%w, %v = linalg.eigh %p", 9),
    ("%w, %v = linalg.eig %a", 25),
    ("%r = linalg.expm %a", 30),
    ("%r = linalg.logm %p", 100),
    ("%r = linalg.sqrtm %p", 100),
    ("%x = sparse.solve_posdef %g, %ones", 25),
];
/// Rows of the matrices.
const ROWS: u64 = 160;

#[test]
fn decompositions_stop_after_the_matrix_that_they_are_at() {
    for (body, times) in DECOMPOSITIONS {
        let text = format!(
            "export func @main() {{
  %i = tensor.arange<f64> 0.0, 25600.0, 1.0
  %i = tensor.mul %i, %i
  %s = tensor.sin %i
  %a = tensor.reshape %s, [{ROWS}, {ROWS}]
  %p = linalg.matmul_t %a, %a, 0, 1
  %i1 = sparse.identity<f64> [{ROWS}, {ROWS}]
  %e = sparse.to_dense %i1
  %p = tensor.add %p, %e
  %d = tensor.full<f64> [2, 12], -1.0
  %offsets = tensor.arange<i64> -1, 2, 2
  %line = sparse.of_diagonals %d, %offsets, [12, 12]
  %one = sparse.identity<f64> [12, 12]
  %two = sparse.scale %one, 2.0
  %line = sparse.add %line, %two
  %o = sparse.kron %one, %one
  %across = sparse.kron %one, %line
  %down = sparse.kron %line, %one
  %plane = sparse.add %across, %down
  %g = sparse.kron %one, %plane
  %up = sparse.kron %line, %o
  %g = sparse.add %g, %up
  %ones = tensor.full<f64> [1728], 1.0
  br l
l:
  region.begin
  {body}
  region.end
  br l
}}
"
        );
        // A thousand million operations a second.
        let stretch = Duration::from_nanos(times * ROWS.pow(3));
        let (enough, tries) = match cfg!(debug_assertions) {
            true => (Duration::from_secs(60), 1),
            false => (Duration::from_millis(50) + stretch, 20),
        };
        let way = Way::all().find(|w| w.device == Device::None).expect("there are ways without a device");
        let mut times = (0..tries).map(|_| lateness(&text, body, way));
        let best = times.by_ref().find(|late| *late < enough);
        assert!(best.is_some(), "{body} ({way}) is never less than {enough:?} late");
    }
}

/// What takes long with integers of some thousands and a million bits.
const INTEGERS: [&str; 8] = [
    "%r = bigint.mul %long, %longer",
    "%r = bigint.pow %longer, 40",
    "%q, %r = bigint.divmod %longer, %long",
    "%t = bigint.to_str %longer",
    "%r = bigint.isqrt %longer",
    "%r = bigint.gcd %longer, %long",
    "%r = bigint.mod_pow %long, %longer, %long",
    "%r = bigint.is_probable_prime %odd, 50",
];

#[test]
fn arithmetic_of_long_integers_stops_soon() {
    for body in INTEGERS {
        let text = format!(
            "export func @main() {{
  %three = bigint.of_i64 3
  %odd = bigint.pow %three, 12000
  %two = bigint.of_i64 2
  %odd = bigint.add %odd, %two
  %long = bigint.pow %three, 300000
  %longer = bigint.pow %three, 600000
  br l
l:
  region.begin
  {body}
  region.end
  br l
}}
"
        );
        let (enough, tries) = match cfg!(debug_assertions) {
            true => (Duration::from_secs(60), 1),
            false => (Duration::from_millis(50), 20),
        };
        let way = Way::all().find(|w| w.device == Device::None).expect("there are ways without a device");
        let mut times = (0..tries).map(|_| lateness(&text, body, way));
        let best = times.by_ref().find(|late| *late < enough);
        assert!(best.is_some(), "{body} ({way}) is never less than {enough:?} late");
    }
}

/// The largest key that there may be, made for this test: modulus, exponents and primes.
const KEY: &str = include_str!("vectors/rsa_8192.txt");

#[test]
fn signing_stops_after_the_power_that_it_is_at() {
    let [n, e, d, p, q] = KEY.lines().collect::<Vec<_>>()[..] else { panic!("five numbers") };
    let mut text = String::new();
    for (name, number) in [("n", n), ("e", e), ("d", d), ("p", p), ("q", q)] {
        writeln!(text, "const @{name}: str = \"{number}\"").unwrap();
    }
    text.push_str("export func @main() {\n");
    for name in ["n", "e", "d", "p", "q"] {
        writeln!(text, "  %{name}0 = const.get @{name}\n  %{name} = bigint.of_str %{name}0").unwrap();
    }
    text.push_str(
        "  %salt = tensor.zeros<u8> [32]
  br l
l:
  region.begin
  %signature = rsa.pss_sign %n, %e, %d, %p, %q, 256, %salt, %salt
  region.end
  br l
}
",
    );
    // What docs/limits.md says of 8192 bits.
    let (enough, tries) = match cfg!(debug_assertions) {
        true => (Duration::from_secs(60), 1),
        false => (Duration::from_millis(50 + 200), 20),
    };
    let way = Way::all().find(|w| w.device == Device::None).expect("there are ways without a device");
    let mut times = (0..tries).map(|_| lateness(&text, "signing", way));
    let best = times.by_ref().find(|late| *late < enough);
    assert!(best.is_some(), "signing ({way}) is never less than {enough:?} late");
}
