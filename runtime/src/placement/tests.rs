//! Decisions of whole programs: where they flip, what they leave alone, and who is told.

use super::{Choice, Cores, Part, Rates, Reason};
use crate::engine::{Config, Engine, Limits};
use crate::instance::Instance;
use crate::linker::Linker;
use crate::threads::Threads;
use crate::value::Value;
use rayon::ThreadPoolBuilder;
use std::sync::{Arc, LazyLock, Mutex};

const PROGRAM: &str = "
export func @add(%n: i64) -> f64 {
  %x = tensor.linspace<f64> 1.5, 1.5, %n
  %y = tensor.add %x, %x
  %r = tensor.load %y, 0
  ret %r
}
export func @sum(%n: i64) -> f64 {
  %x = tensor.zeros<f64> [%n]
  %r = tensor.sum %x
  ret %r
}
export func @group(%n: i64) -> f64 {
  %x = tensor.zeros<f64> [%n]
  %y = tensor.add %x, 1.0
  %z = tensor.mul %y, %x
  %r = tensor.sum %z
  ret %r
}
export func @matmul(%n: i64) -> f64 {
  %x = tensor.zeros<f64> [%n, %n]
  %y = linalg.matmul %x, %x
  %r = tensor.sum %y
  ret %r
}
export func @sort(%n: i64) -> f64 {
  %x = tensor.random<f64> [%n], 7
  %y = tensor.sort %x, 0
  %r = tensor.load %y, 0
  ret %r
}
export func @sort_lanes(%lanes: i64, %n: i64) -> f64 {
  %x = tensor.random<f64> [%lanes, %n], 7
  %y = tensor.sort %x, 1
  %r = tensor.sum %y
  ret %r
}
export func @all(%rows: i64, %columns: i64) -> (tensor<f64>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<f64>, f64, tensor<f64>) {
  %x = tensor.random_normal<f64> [%rows, %columns], 3
  %y = tensor.exp %x
  %z = tensor.sub %y, %x
  %a = tensor.sort %z, 0
  %b = tensor.sort %z, 1
  %c = tensor.argsort %z, 1
  %t = tensor.transpose %x, [1, 0]
  %d = linalg.matmul %z, %t
  %s = tensor.sum %z
  %e = tensor.cumsum_axis %z, 0
  ret %z, %a, %b, %c, %d, %s, %e
}
";

/// Four threads, however many cores there are.
static POOL: LazyLock<Threads> =
    LazyLock::new(|| Threads::of(Arc::new(ThreadPoolBuilder::new().num_threads(4).build().unwrap())));

/// Rates by which arithmetic alone counts, a unit is a nanosecond, and four cores are four times as fast.
const RATES: Rates = Rates {
    unit: 1.0,
    product: 1.0,
    near: 0.0,
    far: 0.0,
    cache: 1e6,
    arithmetic_gain: 1.0,
    bytes_gain: 0.0,
    start: 30_000.0,
};

#[derive(Debug, Clone, PartialEq)]
struct Seen {
    operation: &'static str,
    part: Part,
    elements: u64,
    choice: Choice,
    reason: Reason,
    predicted: Vec<(Choice, f64)>,
    measured: f64,
}

fn instance(config: Config) -> (Instance, Arc<Mutex<Vec<Seen>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    let config = config.threads(POOL.clone()).on_placement(move |d| {
        sink.lock().unwrap().push(Seen {
            operation: d.operation,
            part: d.part,
            elements: d.elements,
            choice: d.choice,
            reason: d.reason,
            predicted: d.candidates.iter().map(|c| (c.choice, c.predicted())).collect(),
            measured: d.measured,
        });
    });
    let program = Engine::new(config).read(PROGRAM.as_bytes(), "placement.nba").unwrap();
    (Linker::new().instantiate(&program).unwrap(), seen)
}

/// The decision on `operation` where nothing has been learned.
fn first(config: Config, func: &str, args: &[i64], operation: &str) -> Seen {
    let (mut instance, seen) = instance(config);
    instance.call(func, &args.iter().map(|n| Value::I64(*n)).collect::<Vec<_>>()).unwrap();
    let seen = seen.lock().unwrap();
    seen.iter()
        .rev()
        .find(|s| s.operation == operation && s.part != Part::Space)
        .cloned()
        .expect("a decision")
}

#[test]
fn a_choice_flips_at_the_predicted_size() {
    // On four cores it takes a fourth and the start: all of them pay from 40,000 ns on.
    let forced = || Config::new().rates(RATES);
    let log = |n: i64| n * 6 * n.ilog2() as i64;
    let cases: [(&str, &str, i64, i64); 4] = [
        ("add", "tensor.add", 40_000, 40_001),
        // Blocks of 4096 elements.
        ("sum", "tensor.sum", 9 * 4096, 9 * 4096 + 1),
        // 34^3 multiplications are 39,304, 35^3 are 42,875.
        ("matmul", "linalg.matmul", 34, 35),
        ("sort", "tensor.sort", 606, 800),
    ];
    assert!(log(606) <= 40_000 && log(800) > 40_000);
    for (func, operation, below, above) in cases {
        let [below, above] = [below, above].map(|n| first(forced(), func, &[n], operation));
        assert_eq!(below.choice, Choice::OneCore, "{below:?}");
        assert_eq!((above.choice, above.reason), (Choice::AllCores, Reason::Predicted), "{above:?}");
    }
    // Below the start nobody thinks.
    assert_eq!(first(forced(), "add", &[29_999], "tensor.add").reason, Reason::Small);
    // Slower starts, or faster cores, put it off.
    let slower = Rates { start: 60_000.0, ..RATES };
    assert_eq!(first(Config::new().rates(slower), "add", &[80_000], "tensor.add").choice, Choice::OneCore);
    assert_eq!(first(Config::new().rates(slower), "add", &[80_001], "tensor.add").choice, Choice::AllCores);
    let useless = Rates { arithmetic_gain: 0.0, ..RATES };
    assert_eq!(
        first(Config::new().rates(useless), "add", &[3_000_000], "tensor.add").choice,
        Choice::OneCore
    );
}

#[test]
fn bytes_count_where_they_take_longer() {
    // An addition of f64 moves 24 bytes; the two loads and the store of 10,000 leave the cache.
    let rates = Rates { near: 0.01, far: 10.0, cache: 240_000.0, bytes_gain: 1.0, ..RATES };
    let near = first(Config::new().rates(rates), "add", &[10_000], "tensor.add");
    assert_eq!((near.choice, near.predicted[0].1), (Choice::OneCore, 10_000.0));
    let far = first(Config::new().rates(rates), "add", &[10_001], "tensor.add");
    assert_eq!(far.choice, Choice::AllCores);
    // Both arguments are one tensor here, but each is read.
    assert_eq!(far.predicted[0], (Choice::OneCore, 2_400_240.0));
    assert_eq!(far.predicted[1], (Choice::AllCores, 2_400_240.0 / 4.0 + 30_000.0));
}

#[test]
fn a_group_is_one_decision() {
    let seen = first(Config::new().rates(RATES), "group", &[100_000], "tensor.sum");
    assert_eq!((seen.part, seen.elements, seen.choice), (Part::Group, 100_000, Choice::AllCores));
    assert!(seen.measured > 0.0);
    // Of three operations; the blocks of 4096 are whole.
    assert_eq!(seen.predicted[0], (Choice::OneCore, (25 * 4096 * 3) as f64));
}

#[test]
fn sorts_have_variants() {
    let sort = |rates: Rates, cores, lanes, n| {
        let config = Config::new().rates(rates).cores(cores);
        let seen = first(config, "sort_lanes", &[lanes, n], "tensor.sort");
        (seen.choice, seen.predicted.iter().map(|(choice, _)| *choice).collect::<Vec<_>>())
    };
    let [one, all, lanes] = [Choice::OneCore, Choice::AllCores, Choice::LanesOnAllCores];
    let fast = Rates { start: 1000.0, ..RATES };
    // Many short lanes, one lane, long ones, and both.
    assert_eq!(sort(fast, Cores::Auto, 1000, 100), (lanes, vec![one, lanes]));
    assert_eq!(sort(fast, Cores::Auto, 1, 10_000), (all, vec![one, all]));
    assert_eq!(sort(fast, Cores::Auto, 3, 70_000), (all, vec![one, all]));
    assert_eq!(sort(fast, Cores::Auto, 8, 20_000).1, [one, all, lanes]);
    assert_eq!(sort(fast, Cores::One, 1000, 100).0, one);
    assert_eq!(sort(fast, Cores::All, 1000, 100).0, lanes);
    assert_ne!(sort(fast, Cores::All, 8, 20_000).0, one);
    assert_eq!(sort(RATES, Cores::Auto, 10, 10).0, one);
}

#[test]
fn cores_can_be_pinned() {
    for (cores, choice) in [(Cores::One, Choice::OneCore), (Cores::All, Choice::AllCores)] {
        // Results of less than 1 KiB are computed at once.
        for n in [128, 10_000, 1_000_000] {
            let seen = first(Config::new().rates(RATES).cores(cores), "add", &[n], "tensor.add");
            assert_eq!((seen.choice, seen.reason), (choice, Reason::Only), "{n}");
        }
    }
}

#[test]
fn what_was_learned_counts() {
    // Other cores are said to be free and endlessly fast, and arithmetic slow.
    let wrong = Rates { unit: 10.0, arithmetic_gain: 1000.0, start: 0.0, ..RATES };
    let (mut instance, seen) = instance(Config::new().rates(wrong));
    for _ in 0..300 {
        instance.call("add", &[Value::I64(128)]).unwrap();
    }
    let seen = seen.lock().unwrap();
    let adds = || seen.iter().filter(|s| s.operation == "tensor.add");
    assert_eq!(adds().next().unwrap().choice, Choice::AllCores);
    // It has tried one core, and stays there but for trials.
    assert!(
        adds().skip(100).filter(|s| s.choice == Choice::OneCore).count() > 190,
        "{:?}",
        adds().next_back()
    );
}

#[test]
fn decisions_change_no_bit_and_no_cost() {
    let run = |cores, rates: Rates, size: [i64; 2]| {
        let (instance, _) = instance(Config::new().cores(cores).rates(rates));
        let limits = Limits::new().fuel(1 << 40);
        let mut instance = Linker::new().instantiate_with(instance.program(), limits).unwrap();
        let results = instance.call("all", &size.map(Value::I64)).unwrap();
        let shown: Vec<String> = results.iter().map(|v| format!("{v:?}")).collect();
        (shown, instance.fuel(), instance.memory().peak)
    };
    let fast = Rates { start: 0.0, ..RATES };
    for size in [[3, 5], [700, 90], [4, 20_000], [1, 70_000]] {
        let one = run(Cores::One, RATES, size);
        for (cores, rates) in [(Cores::All, RATES), (Cores::Auto, RATES), (Cores::Auto, fast)] {
            assert!(run(cores, rates, size) == one, "{size:?} {cores:?}");
        }
    }
}

#[test]
fn a_sink_that_panics_harms_nobody() {
    let config = Config::new().on_placement(|_| std::panic::resume_unwind(Box::new(())));
    let program = Engine::new(config).read(PROGRAM.as_bytes(), "placement.nba").unwrap();
    let mut instance = Linker::new().instantiate(&program).unwrap();
    assert_eq!(instance.call("add", &[Value::I64(100_000)]).unwrap(), [Value::F64(3.0)]);
}

#[test]
fn rates_that_are_no_numbers_harm_nobody() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0] {
        let rates = Rates { unit: value, product: value, near: value, far: value, ..RATES };
        let rates = Rates { cache: value, arithmetic_gain: value, bytes_gain: value, start: value, ..rates };
        let (mut instance, _) = instance(Config::new().rates(rates));
        for _ in 0..50 {
            assert_eq!(instance.call("add", &[Value::I64(5000)]).unwrap(), [Value::F64(3.0)]);
        }
    }
}
