//! Engines, instances, host functions and the compiler: limits of any size, what
//! belongs to others or is gone, hosts that panic, come again or drop what runs.

use super::Case;
use nbc::ir::{Elem, Item};
use nbc::jit::{Jit, Mode, OptLevel, Options, Perf};
use nbc::placement::{Cores, Decision, Rates, calibrate};
use nbc::runtime::machine::loaded::Loaded;
use nbc::runtime::machine::tier::{HotPlace, MustStop, Tier};
use nbc::runtime::threads::Threads;
use nbc::{
    ArgRef, Caller, Config, Dispatch, Engine, Error, ErrorKind, FuncId, HostFunc, Instance, Limits, Linker,
    OwnedTensor, Program, Str, Tensor, TensorView, TrapCode, TrapError, Type, TypedFunc, Value,
};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

pub const CASES: &[Case] = &[
    (
        &[
            "nbc::Config::new",
            "nbc::Config::interpret_only",
            "nbc::Config::dispatch",
            "nbc::Config::slice",
            "nbc::Config::jit",
            "nbc::Config::tier",
            "nbc::Config::threads",
            "nbc::Config::rates",
            "nbc::Config::cores",
            "nbc::Config::on_placement",
            "nbc::Config::pool",
            "nbc::Engine::new",
            "runtime::Config::new",
            "runtime::Config::dispatch",
            "runtime::Config::slice",
            "runtime::Config::tier",
            "runtime::Config::threads",
            "runtime::Config::rates",
            "runtime::Config::cores",
            "runtime::Config::on_placement",
            "runtime::Engine::placement",
            "runtime::Engine::plan_counts",
            "runtime::Engine::analysis_counts",
            "runtime::Placement::rates",
            "runtime::Rates::each",
            "runtime::Candidate::predicted",
            "runtime::Choice::name",
            "runtime::Decision::taken",
            "runtime::Part::name",
            "runtime::Reason::name",
            "runtime::Engine::new",
            "runtime::Engine::dispatch",
            "runtime::Engine::read",
            "runtime::Engine::load",
            "runtime::Program::module",
            "runtime::Program::engine",
            "runtime::Program::loaded",
            "runtime::Dispatch::name",
            "runtime::Dispatch::from_name",
        ],
        engines,
    ),
    (
        &[
            "runtime::Limits::new",
            "runtime::Limits::fuel",
            "runtime::Limits::memory",
            "runtime::Limits::stack",
            "runtime::Limits::timeout",
            "runtime::Linker::new",
            "runtime::Linker::instantiate",
            "runtime::Linker::instantiate_with",
            "runtime::Linker::nearest",
            "runtime::Linker::signature",
        ],
        limits_of_any_size,
    ),
    (
        &[
            "runtime::Instance::program",
            "runtime::Instance::call",
            "runtime::Instance::typed",
            "runtime::Instance::fuel",
            "runtime::Instance::set_fuel",
            "runtime::Instance::set_timeout",
            "runtime::Instance::memory",
            "runtime::Instance::interrupt_handle",
            "runtime::Instance::global",
            "runtime::InterruptHandle::interrupt",
            "runtime::InterruptHandle::flag",
            "runtime::Trap::code",
            "runtime::Trap::line",
            "runtime::Error::kind",
            "runtime::Error::trap",
            "runtime::Error::module_error",
        ],
        calls_of_any_sort,
    ),
    (&["runtime::TypedFunc::call"], functions_of_others),
    (&["runtime::Linker::func", "runtime::Linker::define"], hosts_that_panic),
    (
        &["runtime::HostFunc::dynamic", "runtime::HostFunc::params", "runtime::HostFunc::results"],
        hosts_that_lie,
    ),
    (
        &[
            "runtime::Caller::charge",
            "runtime::Caller::data",
            "runtime::Caller::data_mut",
            "runtime::Caller::fuel",
            "runtime::Caller::poll",
            "runtime::Instance::data",
            "runtime::Instance::data_mut",
            "runtime::Instance::set_data",
            "runtime::Linker::replace",
        ],
        hosts_that_ask_their_caller,
    ),
    (
        &[
            "runtime::ArgRef::ty",
            "runtime::Instance::call_lending",
            "runtime::TensorView::dims",
            "runtime::TensorView::elem",
            "runtime::TensorView::new",
            "runtime::TensorView::of_array",
        ],
        arguments_that_are_lent,
    ),
    (&["runtime::Instance::call"], hosts_that_come_again),
    (&["runtime::Instance::call"], dropped_while_running),
    (&["runtime::Instance::call"], operations_of_many_threads),
    (&["runtime::Instance::call"], on_a_small_thread),
    (&["runtime::Config::tier"], tiers_that_panic),
    (
        &[
            "jit::Options::new",
            "jit::Options::verify",
            "jit::Jit::new",
            "jit::Jit::options",
            "jit::Jit::compiler",
            "jit::Jit::perf",
            "jit::Jit::metrics",
            "jit::Jit::settle",
        ],
        compilers,
    ),
];

const PROGRAM: &str = include_str!("program.nba");

fn program(config: Config) -> Program {
    Engine::new(config).read(PROGRAM.as_bytes(), "program.nba").unwrap_or_else(|e| panic!("{e}"))
}

/// What the program imports, doing nothing.
fn linker() -> Linker {
    let mut linker = Linker::new();
    linker.func("host.tell", |n: i64| n);
    linker.define("host.list", HostFunc::dynamic(&[], &[Type::List(Item::Str)], |_| list(vec!["a".into()])));
    linker
}

fn list(values: Vec<Value>) -> Result<Vec<Value>, String> {
    Ok(vec![Value::List(Item::Str, values)])
}

fn instance(config: Config) -> Instance {
    linker().instantiate(&program(config)).unwrap_or_else(|e| panic!("{e}"))
}

#[track_caller]
fn trap(result: Result<Vec<Value>, Error>) -> TrapCode {
    result.expect_err("a trap").trap().expect("a trap").code()
}

#[track_caller]
fn is_usable(i: &mut Instance) {
    i.set_fuel(1 << 40);
    i.set_timeout(None);
    assert_eq!(i.call("sum_to", &[Value::I64(10)]).unwrap(), [Value::I64(45)]);
}

fn engines() {
    for slice in [0, 1, u32::MAX] {
        for dispatch in Dispatch::ALL {
            assert_eq!(Dispatch::from_name(dispatch.name()), Some(*dispatch));
            let program = program(Config::new().slice(slice).dispatch(*dispatch));
            assert_eq!(program.engine().dispatch(), *dispatch);
            assert!(Arc::ptr_eq(&program.loaded(true), &program.loaded(true)));
            is_usable(&mut linker().instantiate(&program).unwrap());
        }
    }
    assert_eq!(Dispatch::from_name("\0"), None);
    // More threads than can be started, too.
    for threads in [0, 1, 2, usize::MAX] {
        is_usable(&mut linker().instantiate(&program(Config::new().threads(threads))).unwrap());
    }
    if let Ok(pool) = nbc::rayon::ThreadPoolBuilder::new().num_threads(2).build() {
        is_usable(&mut linker().instantiate(&program(Config::new().pool(Arc::new(pool)))).unwrap());
    }
    operations_are_placed();
    for bytes in [&b""[..], b"\0", b"NBC", b"func", &[0xff; 100]] {
        let read = Engine::default().read(bytes, "\u{1b}");
        assert!(bytes.is_empty() || read.is_err());
    }
    // Nothing has been transformed; without the feature there is no such function.
    #[cfg(feature = "fft")]
    assert_eq!(program(Config::new()).engine().plan_counts(), nbc::PlanCounts::default());
    #[cfg(feature = "linalg")]
    assert_eq!(program(Config::new()).engine().analysis_counts(), nbc::PlanCounts::default());
    // What was loaded outlives its engine.
    let program = Engine::default().load(program(Config::new()).module().clone());
    is_usable(&mut linker().instantiate(&program).unwrap());
}

/// Rates that no machine has, pinned cores, and hosts that panic when they are told.
fn operations_are_placed() {
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-300] {
        let rates = Rates { unit: rate, far: rate, start: rate, ..Rates::default() };
        for cores in [Cores::Auto, Cores::One, Cores::All] {
            let told = |decision: &Decision<'_>| {
                assert_eq!(decision.taken().map(|c| c.choice.name()), Some(decision.choice.name()));
                let part = decision.part.name();
                let is_said = decision.taken().is_some_and(|c| c.predicted().is_nan());
                assert!(is_said, "{part:?} {}", decision.reason.name());
            };
            let program = program(Config::new().rates(rates).cores(cores).on_placement(told));
            assert_eq!(program.engine().placement().rates().each().count(), Rates::default().each().count());
            let mut i = linker().instantiate(&program).unwrap();
            assert!(i.call("products", &[Value::I64(20)]).is_ok());
            is_usable(&mut i);
        }
    }
    assert!(calibrate(&Threads::at_most(1)).is_ok_and(|rates| rates.unit > 0.0));
}

fn limits_of_any_size() {
    let program = program(Config::new());
    assert_eq!(Linker::new().instantiate(&program).err().map(|e| e.kind()), Some(ErrorKind::Link));
    let linker = linker();
    for name in ["", ".", "\u{1b}", &"h.".repeat(100_000)] {
        assert_eq!(linker.signature(name), None);
        let _ = linker.nearest(name);
    }
    for stack in [
        0,
        1,
        511,
        513,
        65_537,
        8 << 20,
        300 << 20,
        1 << 40,
        isize::MAX as usize,
        usize::MAX - 4095,
        usize::MAX,
    ] {
        let made = linker.instantiate_with(&program, Limits::new().stack(stack));
        match made {
            Ok(mut i) => {
                assert!(stack < 1 << 40, "{stack}");
                assert_eq!(trap(i.call("deep", &[Value::I64(i64::MAX)])), TrapCode::StackOverflow);
                assert!(stack < 1000 || i.call("sum_to", &[Value::I64(1)]).is_ok());
            }
            Err(e) => {
                assert_eq!(e.kind(), ErrorKind::Limits, "{e}");
                assert!(stack > 65_537 && e.to_string().contains("ask for less"), "{stack}: {e}");
            }
        }
    }
    for memory in [0, 1, 4096, usize::MAX] {
        match linker.instantiate_with(&program, Limits::new().memory(memory)) {
            Ok(mut i) => {
                assert_eq!(trap(i.call("zeros", &[Value::I64(1 << 60)])), TrapCode::OutOfMemory);
                is_usable(&mut i);
            }
            Err(e) => assert_eq!(e.trap().map(|t| t.code()), Some(TrapCode::OutOfMemory)),
        }
    }
    for fuel in [0, 1, u64::MAX - 1, u64::MAX] {
        for timeout in [Some(Duration::ZERO), Some(Duration::MAX), None] {
            let limits = Limits::new().fuel(fuel).timeout(timeout);
            let mut i = linker.instantiate_with(&program, limits).unwrap();
            let _ = (i.call("sum_to", &[Value::I64(100_000)]), i.fuel());
            i.set_fuel(u64::MAX);
            i.set_timeout(Some(Duration::MAX));
            assert!(i.call("sum_to", &[Value::I64(100_000)]).is_ok());
            assert!(i.fuel().is_some_and(|left| left < u64::MAX));
        }
    }
}

fn calls_of_any_sort() {
    let mut i = instance(Config::new());
    let tensor = OwnedTensor::from_slice(&[2], &[1.0, 2.0]).unwrap();
    let deep = (0..1000).fold(Value::I64(1), |v, _| Value::List(Item::I64, vec![v]));
    let all = [
        Value::I32(-1),
        Value::I64(i64::MIN),
        Value::F32(f32::NAN),
        Value::F64(-0.0),
        Value::Bool(true),
        "\0\u{1f600}".into(),
        tensor.into(),
        OwnedTensor::zeros(Elem::Bool, &[0, 3]).unwrap().into(),
        Value::List(Item::Str, vec![Value::I64(1)]),
        Value::List(Item::Str, vec!["a".into(), Value::Bool(true)]),
        Value::List(Item::I64, vec!["a".into()]),
        Value::List(Item::Tensor(Elem::F64), vec![Value::I64(0)]),
        Value::Func(FuncId(0)),
        Value::Func(FuncId(3)),
        Value::Func(FuncId(u32::MAX)),
        deep,
    ];
    for name in ["sum_to", "zeros", "strings", "apply", "tell", "main", "", "\0", "host.tell", "hidden"] {
        for count in [0, 1, 2, 1000] {
            for value in &all {
                let args = vec![value.clone(); count];
                // Some of it is right.
                let _ = i.call(name, &args);
            }
        }
    }
    assert_eq!(i.call("sum_to", &["a".into()]).unwrap_err().kind(), ErrorKind::Arguments);
    assert_eq!(i.call("nothing", &[]).unwrap_err().kind(), ErrorKind::Unknown);
    for name in ["", "g", "hidden", "\0", "sum_to"] {
        assert_eq!(i.global(name).is_ok(), name == "g");
    }
    assert!(i.typed::<(f64,), i64>("sum_to").is_err() && i.typed::<(i64,), ()>("sum_to").is_err());
    assert!(i.typed::<(Tensor<u8>, Str), (String, OwnedTensor)>("sum_to").is_err());
    assert!(i.typed::<(), ()>("\u{1b}").is_err());
    i.set_fuel(u64::MAX);
    assert_eq!(i.fuel(), None);
    i.set_timeout(Some(Duration::from_millis(5)));
    let error = i.call("forever", &[]).unwrap_err();
    assert!(error.trap().unwrap().line().is_some() && error.module_error().is_none());
    assert_eq!(error.trap().unwrap().code(), TrapCode::Timeout);
    let (handle, flag) = (i.interrupt_handle(), i.interrupt_handle().flag());
    handle.interrupt();
    assert_eq!(trap(i.call("forever", &[])), TrapCode::Interrupted);
    is_usable(&mut i);
    assert!(i.memory().held >= i.memory().regions.iter().map(|r| r.live).sum::<usize>());
    assert_eq!(i.program().module().num_funcs(), i.program().module().clone().into_module().num_funcs());
    drop(i);
    // Of an instance that is gone.
    handle.interrupt();
    flag.store(false, Ordering::Relaxed);
}

fn functions_of_others() {
    let mut a = instance(Config::new());
    let sum: TypedFunc<(i64,), i64> = a.typed("sum_to").unwrap();
    let mut other = instance(Config::new());
    assert_eq!(sum.call(&mut other, (1,)).unwrap_err().kind(), ErrorKind::Arguments);
    let limits = Limits::new().fuel(1000);
    let mut metered = linker().instantiate_with(a.program(), limits).unwrap();
    assert_eq!(sum.call(&mut metered, (1,)).unwrap_err().kind(), ErrorKind::Arguments);
    let again = linker().instantiate(a.program());
    assert_eq!(sum.call(&mut again.unwrap(), (3,)).unwrap(), 3);
    assert_eq!(sum.call(&mut a, (3,)).unwrap(), 3);
    drop(a);
    // A program that may lie where the one lay that is gone.
    let text = b"export func @sum_to(%s: str) -> str {\n  ret %s\n}\n";
    for _ in 0..200 {
        let other = Engine::default().read(text, "other.nba").unwrap();
        let mut i = Linker::new().instantiate(&other).unwrap();
        assert_eq!(sum.call(&mut i, (1,)).unwrap_err().kind(), ErrorKind::Arguments);
        let own: TypedFunc<(Str,), String> = i.typed("sum_to").unwrap();
        assert_eq!(own.call(&mut i, ("a",)).unwrap(), "a");
    }
}

/// Panics once more when it is dropped.
struct Twice;

impl Drop for Twice {
    fn drop(&mut self) {
        panic!("again");
    }
}

fn hosts_that_panic() {
    // What they say is not for people.
    let said = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let panics: [fn(i64) -> i64; 4] = [
        |_| panic!("text"),
        |n| panic!("{n}"),
        |n| std::panic::panic_any(n),
        |_| std::panic::panic_any(Twice),
    ];
    let mut found = Vec::new();
    for config in configs() {
        let program = program(config);
        for panic in panics {
            let mut linker = linker();
            linker.replace("host.tell", panic).func("", || ()).func("\0", |s: String| Err::<(), _>(s));
            let mut i = linker.instantiate(&program).unwrap();
            found.push(i.call("tell", &[Value::I64(1)]));
            // Through an operation that calls back, too.
            found.push(i.call("map_tell", &[Value::I64(100)]));
            is_usable(&mut i);
        }
    }
    std::panic::set_hook(said);
    for result in found {
        assert_eq!(trap(result), TrapCode::HostError);
    }
}

fn hosts_that_lie() {
    let program = program(Config::new());
    let tensor = || Value::from(OwnedTensor::zeros(Elem::F64, &[3]).unwrap());
    let wrong: [fn() -> Vec<Value>; 9] = [
        Vec::new,
        || vec![1.5.into()],
        || vec![Value::List(Item::Str, vec![]), 1i64.into()],
        || vec![Value::List(Item::I64, vec![1i64.into()])],
        || vec![Value::List(Item::Str, vec![7i64.into()])],
        || vec![Value::List(Item::Str, vec!["a".into(), Value::F64(1.0)])],
        || vec![Value::List(Item::Str, vec![Value::List(Item::Str, vec![])])],
        || vec![Value::List(Item::Str, vec![Value::Func(FuncId(1))])],
        || vec![Value::Func(FuncId(0)); 300],
    ];
    for made in wrong {
        let mut linker = linker();
        let f = HostFunc::dynamic(&[], &[Type::List(Item::Str)], move |_| Ok::<_, String>(made()));
        assert!(f.params().is_empty() && f.results() == [Type::List(Item::Str)]);
        linker.replace("host.list", f);
        let mut i = linker.instantiate(&program).unwrap();
        assert_eq!(trap(i.call("listed", &[])), TrapCode::HostError);
        is_usable(&mut i);
    }
    // Other types than the program's, and types that nothing has.
    for types in [&[][..], &[Type::Func(nbc::ir::SigId(u32::MAX))], &[Type::I64; 2000]] {
        let mut linker = linker();
        let value = tensor();
        linker.replace(
            "host.tell",
            HostFunc::dynamic(types, types, move |_| Ok::<_, String>(vec![value.clone()])),
        );
        assert_eq!(linker.instantiate(&program).err().map(|e| e.kind()), Some(ErrorKind::Link));
    }
}

fn hosts_that_ask_their_caller() {
    let program = program(Config::new());
    let mut twice = linker();
    twice.func("host.tell", |n: i64| n);
    assert_eq!(twice.instantiate(&program).err().map(|e| e.kind()), Some(ErrorKind::Link));
    for fuel in [None, Some(1_000_000)] {
        let mut linker = linker();
        linker.replace("host.tell", |mut caller: Caller<'_>, n: i64| -> Result<i64, TrapError> {
            assert!(caller.data::<u8>().is_none());
            caller.poll()?;
            if let Some(calls) = caller.data_mut::<Vec<i64>>() {
                calls.push(n);
            }
            let cost = if n < 0 { u64::MAX } else { caller.fuel().unwrap_or(0) / 2 };
            caller.charge(cost)?;
            Ok(n)
        });
        let mut i = linker.instantiate_with(&program, Limits::new().fuel(fuel)).unwrap();
        assert!(i.data::<()>().is_some() && i.data_mut::<Vec<i64>>().is_none());
        assert_eq!(i.call("tell", &[Value::I64(1)]).unwrap(), [Value::I64(1)]);
        i.set_data(vec![0i64]);
        assert_eq!(i.call("tell", &[Value::I64(2)]).unwrap(), [Value::I64(2)]);
        assert_eq!(i.data::<Vec<i64>>(), Some(&vec![0, 2]));
        if fuel.is_some() {
            assert_eq!(trap(i.call("tell", &[Value::I64(-1)])), TrapCode::OutOfFuel);
            i.set_fuel(1_000_000);
        }
        is_usable(&mut i);
    }
}

fn arguments_that_are_lent() {
    let mut i = instance(Config::new());
    let one = Value::I64(1);
    assert_eq!(i.call_lending("tell", &[ArgRef::from(&one)]).unwrap(), [Value::I64(1)]);
    assert!(TensorView::new(&[u64::MAX, 2], &[1.0]).is_none() && TensorView::new(&[1; 9], &[1.0]).is_none());
    let array = nbc::ndarray::Array2::<f64>::zeros((2, 3));
    let (view, turned) = (array.view(), array.t());
    assert!(TensorView::of_array(&turned).is_none());
    let view = TensorView::of_array(&view).unwrap();
    assert!(view.dims() == [2, 3] && view.elem() == Elem::F64);
    for wrong in [ArgRef::from("text"), ArgRef::from(view)] {
        assert!(wrong.ty().is_some());
        let refused = i.call_lending("tell", &[wrong]);
        assert_eq!(refused.err().map(|e| e.kind()), Some(ErrorKind::Arguments));
    }
    is_usable(&mut i);
}

/// What a host function calls into again, and how deep it came.
static AGAIN: OnceLock<(Linker, Program)> = OnceLock::new();
static DEPTH: AtomicU32 = AtomicU32::new(0);

fn hosts_that_come_again() {
    let (linker, program) = AGAIN.get_or_init(|| {
        let mut linker = linker();
        linker.replace("host.tell", |n: i64| -> Result<i64, Error> {
            DEPTH.fetch_add(1, Ordering::Relaxed);
            let (linker, program) = AGAIN.get().expect("it is there when programs run");
            // Each with a little stack of its own, for ever.
            let limits = Limits::new().stack(4096);
            let mut i = linker.instantiate_with(program, limits)?;
            i.call("tell", &[Value::I64(n)])?;
            Ok(n)
        });
        (linker, program(Config::new()))
    });
    let mut i = linker.instantiate(program).unwrap();
    assert_eq!(trap(i.call("tell", &[Value::I64(1)])), TrapCode::HostError);
    assert!(DEPTH.load(Ordering::Relaxed) > 2);
    is_usable(&mut i);
}

fn dropped_while_running() {
    for background in [false, true] {
        let jit = Jit::new(Options::new().background(background).threshold(1));
        let engine = Engine::new(Config::new().tier(jit.clone()).slice(1));
        let program = engine.read(PROGRAM.as_bytes(), "program.nba").unwrap();
        let owned = Mutex::new(Some((jit, engine, program.clone())));
        let others = Mutex::new(vec![linker().instantiate(&program).unwrap()]);
        let mut linker = linker();
        linker.replace("host.tell", move |n: i64| {
            drop(owned.lock().unwrap().take());
            drop(others.lock().unwrap().pop());
            n
        });
        let mut i = linker.instantiate(&program).unwrap();
        drop((linker, program));
        assert_eq!(i.call("tell_often", &[Value::I64(1000)]).unwrap(), [Value::I64(499_500)]);
        is_usable(&mut i);
    }
}

fn operations_of_many_threads() {
    if thread::Builder::new().spawn(|| ()).is_err() {
        eprintln!("no threads here");
    }
    let mut i = instance(Config::new());
    for _ in 0..2 {
        assert!(i.call("products", &[Value::I64(150)]).is_ok());
    }
    is_usable(&mut i);
}

/// Every way to run that this build has, as far as it matters here.
fn configs() -> Vec<Config> {
    let mut all: Vec<Config> = Dispatch::ALL.iter().map(|d| Config::interpret_only().dispatch(*d)).collect();
    for (mode, background) in [(Mode::Always, false), (Mode::Auto, false), (Mode::Auto, true)] {
        let options = Options::new().mode(mode).background(background).threshold(1);
        all.push(Config::new().tier(Jit::new(options.clone())).slice(16));
        all.push(Config::new().jit(options).slice(16));
    }
    all.push(Config::default());
    all
}

fn on_a_small_thread() {
    let run = || {
        for config in configs() {
            let mut i = instance(config);
            is_usable(&mut i);
            assert_eq!(trap(i.call("deep", &[Value::I64(i64::MAX)])), TrapCode::StackOverflow);
            // Operations in operations, until there is no room.
            assert_eq!(trap(i.call("nested", &[Value::I64(1000)])), TrapCode::StackOverflow);
            assert!(i.call("products", &[Value::I64(40)]).is_ok());
            assert_eq!(i.call("tell_often", &[Value::I64(100)]).unwrap(), [Value::I64(4950)]);
            is_usable(&mut i);
        }
        let error =
            Engine::default().read(b"func @f() {\n  ret 1\n}\nfunc @g() {\n", "wrong.nba").err().unwrap();
        assert!(!error.module_error().unwrap().render(true).is_empty());
    };
    let size = if cfg!(debug_assertions) { 1 << 20 } else { 64 << 10 };
    match thread::Builder::new().stack_size(size).spawn(run) {
        Ok(thread) => thread.join().expect("no panic"),
        // What the process has itself may be small too.
        Err(_) => run(),
    }
}

/// A tier that panics, whatever it is asked.
struct Panics;

impl Tier for Panics {
    fn threshold(&self) -> u64 {
        0
    }

    fn at_first_call(&self) -> bool {
        true
    }

    fn first_call(&self, _: &Arc<Loaded>, _: FuncId, _: MustStop<'_>) {
        panic!("first call");
    }

    fn hot(&self, _: &Arc<Loaded>, _: HotPlace, _: MustStop<'_>) {
        panic!("hot");
    }
}

fn tiers_that_panic() {
    let said = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    for dispatch in Dispatch::ALL {
        let mut i = instance(Config::new().dispatch(*dispatch).slice(1).tier(Arc::new(Panics)));
        assert!(i.call("sum_to", &[Value::I64(1000)]).is_ok());
        is_usable(&mut i);
    }
    std::panic::set_hook(said);
}

fn compilers() {
    for (mode, background) in
        [(Mode::Always, false), (Mode::Always, true), (Mode::Auto, false), (Mode::Auto, true)]
    {
        for threshold in [0, 1, u64::MAX] {
            for code_cap in [0, 1, 64 << 20, usize::MAX] {
                let working_cap = code_cap.wrapping_add(usize::from(background));
                let options = Options::new()
                    .mode(mode)
                    .background(background)
                    .threshold(threshold)
                    .code_cap(code_cap)
                    .working_cap(working_cap);
                let jit = Jit::new(options.opt_level(OptLevel::Speed));
                assert!(jit.perf().is_ok_and(|path| path.is_none()) || jit.options().perf != Perf::None);
                let mut i = instance(Config::new().tier(jit.clone()).slice(64));
                is_usable(&mut i);
                assert!(i.call("tell_often", &[Value::I64(10)]).is_ok());
                jit.settle();
                assert!(
                    jit.metrics().waiting == 0
                        && jit.metrics().code_bytes <= (code_cap.max(1) as u64).saturating_add(1 << 20)
                );
                assert!(jit.metrics().working_peak <= working_cap as u64);
                let _ = jit.compiler().is_some();
            }
        }
    }
}
