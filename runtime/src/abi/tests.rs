//! The seam, with Rust functions in place of compiled code.

// What tests promise is what each place says it does.
#![allow(clippy::undocumented_unsafe_blocks)]

use super::*;
use crate::engine::{Config, Engine, Limits};
use crate::instance::Instance;
use crate::linker::Linker;
use crate::machine::context::Context;
use crate::machine::dispatch::Dispatch;
use crate::machine::loaded::Loaded;
use crate::machine::micro::SharedOp;
use crate::machine::native_stack;
use crate::machine::published::{Enter, NativeCode};
use crate::machine::tier::{HotPlace, MustStop, Tier};
use crate::trap::TrapCode;
use crate::value::Value;
use nbc_ir::FuncId;
use nbc_ir::{BlockId, Elem, GlobalId, Item, OpId, Type};
use std::sync::Arc;
use std::sync::Mutex;

const PROGRAM: &str = "export func @loop(%n: i64) -> i64 {
  %i = i64.const 0
  br head
head:
  %more = i64.lt %i, %n
  br_if %more, body, done
body:
  %i = i64.add %i, 1
  br head
done:
  ret %i
}
export func @calls(%n: i64) -> i64 {
  %more = i64.gt %n, 1
  br_if %more, two, one
one:
  ret %n
two:
  %m = i64.sub %n, 1
  %a = call @calls(%m)
  %m = i64.sub %n, 2
  %b = call @calls(%m)
  %a = i64.add %a, %b
  ret %a
}
";

struct Notes(Mutex<Vec<HotPlace>>, u64);

impl Tier for Notes {
    fn threshold(&self) -> u64 {
        self.1
    }

    fn hot(&self, code: &Arc<Loaded>, place: HotPlace, _: MustStop<'_>) {
        assert!(code.module.function(place.func).is_some());
        self.0.lock().unwrap().push(place);
    }
}

fn places(dispatch: Dispatch, fuel: Option<u64>, name: &str, n: i64, threshold: u64) -> Vec<HotPlace> {
    let notes = Arc::new(Notes(Mutex::default(), threshold));
    let engine = Engine::new(Config::new().dispatch(dispatch).tier(notes.clone()));
    let program = engine.load(nbc_ir::Module::parse(PROGRAM, "hot.nba").unwrap().verify().unwrap());
    let limits = Limits::new().fuel(fuel);
    let mut instance = Linker::new().instantiate_with(&program, limits).unwrap();
    instance.call(name, &[n.into()]).unwrap();
    std::mem::take(&mut *notes.0.lock().unwrap())
}

#[test]
fn a_hot_place_is_reported_once() {
    for dispatch in Dispatch::ALL {
        for fuel in [None, Some(u64::MAX / 2)] {
            let hot = places(*dispatch, fuel, "loop", 100_000, 20_000);
            assert!(hot.iter().any(|p| p.func == FuncId(0) && p.count >= 20_000), "{hot:?}");
            let resumes: Vec<_> = hot.iter().filter_map(|p| p.resume).collect();
            assert!(resumes.iter().any(|(block, _)| [1, 2].contains(block)), "{hot:?}");
            let mut seen: Vec<_> = hot.iter().map(|p| (p.func, p.resume)).collect();
            seen.dedup();
            assert_eq!(seen.len(), hot.len());
            let hot = places(*dispatch, fuel, "calls", 22, 8_000);
            assert!(hot.iter().any(|p| p.func == FuncId(1) && p.resume.is_none()), "{hot:?}");
        }
    }
}

#[test]
fn what_is_not_hot_is_not_reported() {
    for dispatch in Dispatch::ALL {
        assert_eq!(places(*dispatch, None, "loop", 1000, 20_000), []);
        assert_eq!(places(*dispatch, None, "loop", 100_000, u64::MAX), []);
    }
}

/// What compiled code of one integer result returns.
#[repr(C)]
struct Int(u64, i64);

/// What compiled code of one float result returns.
#[repr(C)]
struct Float(u64, f64);

type Native<R, A> = unsafe extern "C" fn(*mut Context, A) -> R;
type NativeOut = unsafe extern "C" fn(*mut Context, i64, i64, *mut u64) -> u64;

/// As a compiler's, for functions from an integer to an integer.
unsafe extern "C" fn enter_int(ctx: *mut Context, regs: *mut u64, native: *const u8) -> u64 {
    unsafe {
        let f: Native<Int, i64> = std::mem::transmute(native);
        let Int(status, result) = f(ctx, *regs as i64);
        if status == 0 {
            *regs = result as u64;
        }
        status
    }
}

unsafe extern "C" fn enter_float(ctx: *mut Context, regs: *mut u64, native: *const u8) -> u64 {
    unsafe {
        let f: Native<Float, f64> = std::mem::transmute(native);
        let Float(status, result) = f(ctx, f64::from_bits(*regs));
        if status == 0 {
            *regs = result.to_bits();
        }
        status
    }
}

unsafe extern "C" fn enter_two(ctx: *mut Context, regs: *mut u64, native: *const u8) -> u64 {
    unsafe {
        let f: NativeOut = std::mem::transmute(native);
        f(ctx, *regs as i64, *regs.add(1) as i64, regs)
    }
}

/// For native code that does it all.
unsafe extern "C" fn enter_slots(ctx: *mut Context, regs: *mut u64, native: *const u8) -> u64 {
    unsafe {
        let f: Native<u64, *mut u64> = std::mem::transmute(native);
        f(ctx, regs)
    }
}

fn code(enter: Enter, native: *const u8) -> NativeCode {
    NativeCode { enter, native, unit: Arc::new(()) }
}

fn int(f: Native<Int, i64>) -> NativeCode {
    code(enter_int, f as *const u8)
}

fn slots(f: Native<u64, *mut u64>) -> NativeCode {
    code(enter_slots, f as *const u8)
}

/// A tier that publishes what a test says, of each place when it is told of it.
struct Fake {
    first: bool,
    hot: Mutex<Vec<HotPlace>>,
    called: Mutex<Vec<FuncId>>,
    publish: Publish,
}

type Publish = fn(&Loaded, FuncId, Option<(u32, u32)>);

impl Tier for Fake {
    fn threshold(&self) -> u64 {
        1
    }

    fn hot(&self, code: &Arc<Loaded>, place: HotPlace, _: MustStop<'_>) {
        self.hot.lock().unwrap().push(place);
        (self.publish)(code, place.func, place.resume);
    }

    fn at_first_call(&self) -> bool {
        self.first
    }

    fn first_call(&self, code: &Arc<Loaded>, func: FuncId, _: MustStop<'_>) {
        self.called.lock().unwrap().push(func);
        (self.publish)(code, func, None);
    }
}

fn fake(first: bool, publish: Publish) -> Arc<Fake> {
    Arc::new(Fake { first, hot: Mutex::default(), called: Mutex::default(), publish })
}

/// Runs `check` with an instance of `text` for each dispatcher, with fuel and without.
fn with_each(text: &str, first: bool, publish: Publish, check: impl Fn(&mut Instance, &Fake)) {
    for dispatch in Dispatch::ALL {
        for fuel in [None, Some(1 << 40)] {
            let tier = fake(first, publish);
            let config = Config::new().dispatch(*dispatch).tier(tier.clone()).slice(16);
            let module = nbc_ir::Module::parse(text, "test.nba").unwrap().verify().unwrap();
            let program = Engine::new(config).load(module);
            let mut linker = Linker::new();
            linker.func("env.twice", |x: i64| 2 * x);
            let limits = Limits::new().fuel(fuel);
            check(&mut linker.instantiate_with(&program, limits).unwrap(), &tier);
        }
    }
}

fn trap_lines(instance: &mut Instance, name: &str, args: &[Value]) -> (TrapCode, Vec<String>) {
    let error = instance.call(name, args).unwrap_err();
    let trap = error.trap().unwrap();
    (trap.code(), trap.frames.iter().map(|f| format!("{}:{}", f.name, f.line)).collect())
}

/// The site of instruction `inst` of the first block of `func`.
fn site(func: u32, inst: u32) -> TrapSite {
    TrapSite { places: Box::new([CodeLocation { func: FuncId(func), block: 0, inst }]) }
}

macro_rules! call {
    ($name:ident: $($ty:ty),*; $($arg:expr),*) => {{
        let f: unsafe extern "C" fn($($ty),*) -> u64 = std::mem::transmute(calls().$name);
        f($($arg),*)
    }};
}

#[test]
fn calls_of_every_shape_run_compiled_code() {
    const TEXT: &str = "export func @square(%x: i64) -> i64 {
  %y = i64.mul %x, %x
  ret %y
}
export func @half(%x: f64) -> f64 {
  %y = f64.mul %x, 0.5
  ret %y
}
export func @two(%x: i64, %y: i64) -> (i64, i64) {
  ret %x, %y
}
export func @none(%x: i64) {
  ret
}
export func @main(%n: i64) -> i64 {
  %a = call @square(%n)
  %a = i64.add %a, 1
  %f = func.ref @square
  %b = call_ref %f(3)
  %a = i64.add %a, %b
  %p, %q = call @two(%a, 4)
  call @none(%q)
  %a = i64.mul %p, %q
  ret %a
}
export func @float(%x: f64) -> f64 {
  %y = call @half(%x)
  %z = f64.add %y, %x
  ret %z
}
";
    // Each gives itself away by what it returns.
    unsafe extern "C" fn square(_: *mut Context, x: i64) -> Int {
        Int(0, x * x + 100)
    }
    unsafe extern "C" fn half(_: *mut Context, x: f64) -> Float {
        Float(0, x * 0.25)
    }
    unsafe extern "C" fn two(_: *mut Context, x: i64, y: i64, out: *mut u64) -> u64 {
        unsafe {
            *out = y as u64;
            *out.add(1) = (x + 1) as u64;
        }
        0
    }
    unsafe extern "C" fn none(_: *mut Context, slots: *mut u64) -> u64 {
        unsafe { *slots = 77 };
        0
    }
    let publish: Publish = |loaded, func, _| unsafe {
        match func.0 {
            0 => loaded.publish(func, int(square)),
            1 => loaded.publish(func, code(enter_float, half as *const u8)),
            2 => loaded.publish(func, code(enter_two, two as *const u8)),
            3 => loaded.publish(func, slots(none)),
            _ => {}
        }
    };
    with_each(TEXT, true, publish, |instance, _| {
        assert_eq!(instance.call("square", &[3i64.into()]).unwrap(), [109i64.into()]);
        assert_eq!(instance.call("two", &[3i64.into(), 4i64.into()]).unwrap(), [4i64.into(), 4i64.into()]);
        assert_eq!(instance.call("none", &[3i64.into()]).unwrap(), []);
        assert_eq!(instance.call("float", &[8.0.into()]).unwrap(), [10.0.into()]);
        let typed = instance.typed::<(f64,), f64>("half").unwrap();
        assert_eq!(typed.call(instance, (8.0,)).unwrap(), 2.0);
        // a = 125 + 1 + 109, p = 4, q = a + 1.
        assert_eq!(instance.call("main", &[5i64.into()]).unwrap(), [(4 * 236i64).into()]);
    });
}

#[test]
fn functions_are_compiled_before_their_first_call_and_once() {
    const TEXT: &str = "import func @env.twice(i64) -> i64
export func @leaf(%x: i64) -> i64 {
  %y = call @env.twice(%x)
  ret %y
}
export func @main(%n: i64) -> i64 {
  %a = call @leaf(%n)
  %b = call @leaf(%a)
  ret %b
}
";
    with_each(
        TEXT,
        true,
        |_, _, _| {},
        |instance, tier| {
            for _ in 0..3 {
                assert_eq!(instance.call("main", &[5i64.into()]).unwrap(), [20i64.into()]);
            }
            assert_eq!(*tier.called.lock().unwrap(), [FuncId(2), FuncId(1)]);
            // Threads of one program do not ask twice either.
            let program = instance.program().clone();
            let mut linker = Linker::new();
            linker.func("env.twice", |x: i64| 2 * x);
            std::thread::scope(|s| {
                for _ in 0..2 {
                    s.spawn(|| linker.instantiate(&program).unwrap().call("main", &[1i64.into()]).unwrap());
                }
            });
            assert!(tier.called.lock().unwrap().len() <= 4);
        },
    );
}

/// A tier that is never done while anyone waits.
struct Stuck;

impl Tier for Stuck {
    fn threshold(&self) -> u64 {
        1
    }

    fn hot(&self, _: &Arc<Loaded>, _: HotPlace, must_stop: MustStop<'_>) {
        while !must_stop() {
            std::thread::yield_now();
        }
    }

    fn at_first_call(&self) -> bool {
        true
    }

    fn first_call(&self, code: &Arc<Loaded>, func: FuncId, must_stop: MustStop<'_>) {
        self.hot(code, HotPlace { func, resume: None, count: 1 }, must_stop);
    }
}

#[test]
fn waiting_for_the_tier_ends_with_the_limits_of_whoever_waits() {
    const TEXT: &str = "export func @main() {
  br again
again:
  br again
}
";
    let module = nbc_ir::Module::parse(TEXT, "test.nba").unwrap().verify().unwrap();
    for dispatch in Dispatch::ALL {
        let config = Config::new().dispatch(*dispatch).tier(Arc::new(Stuck));
        let program = Engine::new(config).load(module.clone());
        let timeout = Some(std::time::Duration::from_millis(50));
        let run = || {
            let limits = Limits::new().timeout(timeout);
            let mut instance = Linker::new().instantiate_with(&program, limits).unwrap();
            instance.call("main", &[]).unwrap_err().trap().unwrap().code()
        };
        // One asks, the others wait for what it has asked for.
        std::thread::scope(|scope| {
            let all = [(); 3].map(|()| scope.spawn(run));
            for one in all {
                assert_eq!(one.join().unwrap(), TrapCode::Timeout);
            }
        });
        assert_eq!(run(), TrapCode::Timeout);
    }
}

#[test]
fn traps_pass_through_both_kinds_of_code() {
    const TEXT: &str = "export func @inner(%x: i64) -> i64 {
  %y = i64.div 10, %x
  ret %y
}
export func @middle(%x: i64) -> i64 {
  %y = call @inner(%x)
  ret %y
}
export func @outer(%x: i64) -> i64 {
  %y = call @middle(%x)
  %y = i64.add %y, 1
  ret %y
}
";
    unsafe extern "C" fn middle(ctx: *mut Context, x: i64) -> Int {
        unsafe {
            if x < 0 {
                // As if @inner had been inlined.
                let places = [CodeLocation { func: FuncId(0), block: 0, inst: 0 }, site(1, 0).places[0]];
                let site = TrapSite { places: Box::new(places) };
                let code = TrapCode::DivideByZero as u64;
                return Int(call!(trap: *mut Context, *const TrapSite, u64; ctx, &site, code), 0);
            }
            let mut slots = [x as u64];
            let status = call!(call: *mut Context, u64, *mut u64; ctx, 0, slots.as_mut_ptr());
            if status != 0 {
                let site = site(1, 0);
                return Int(call!(passed: *mut Context, *const TrapSite, u64; ctx, &site, status), 0);
            }
            Int(0, slots[0] as i64 + 1000)
        }
    }
    let publish: Publish = |loaded, func, _| unsafe {
        if func.0 == 1 {
            loaded.publish(func, int(middle));
        }
    };
    with_each(TEXT, true, publish, |instance, _| {
        assert_eq!(instance.call("outer", &[5i64.into()]).unwrap(), [1003i64.into()]);
        for x in [0i64, -1] {
            let (code, lines) = trap_lines(instance, "outer", &[x.into()]);
            assert_eq!(code, TrapCode::DivideByZero);
            assert_eq!(lines, ["inner:2", "middle:6", "outer:10"]);
        }
        // Called by the host, compiled code is the outermost frame.
        assert_eq!(trap_lines(instance, "middle", &[0i64.into()]).1, ["inner:2", "middle:6"]);
        assert_eq!(instance.call("outer", &[1i64.into()]).unwrap(), [1011i64.into()]);
    });
}

#[test]
fn running_loops_are_taken_over() {
    const TEXT: &str = "export func @loop(%n: i64) -> i64 {
  %i = i64.const 0
  br head
head:
  %more = i64.lt %i, %n
  br_if %more, body, done
body:
  %i = i64.add %i, 1
  br head
done:
  ret %i
}
export func @main(%n: i64) -> i64 {
  %a = call @loop(%n)
  %a = i64.add %a, 1
  ret %a
}
";
    // The registers are %n, %i, %more. Gives itself away.
    unsafe extern "C" fn rest(_: *mut Context, slots: *mut u64) -> u64 {
        unsafe {
            let (n, i) = (*slots as i64, *slots.add(1) as i64);
            assert!(i > 0 && i < n);
            *slots = (n + 1_000_000) as u64;
        }
        0
    }
    unsafe extern "C" fn trapping(ctx: *mut Context, _: *mut u64) -> u64 {
        let site = site(0, 0);
        unsafe { call!(trap: *mut Context, *const TrapSite, u64; ctx, &site, TrapCode::Unreachable as u64) }
    }
    let publish: Publish = |loaded, func, resume| unsafe {
        if let Some((block, inst)) = resume {
            loaded.publish_resume(func, block, inst, slots(rest));
        }
    };
    with_each(TEXT, false, publish, |instance, tier| {
        assert_eq!(instance.call("loop", &[5000i64.into()]).unwrap(), [1_005_000i64.into()]);
        assert_eq!(instance.call("main", &[5000i64.into()]).unwrap(), [1_005_001i64.into()]);
        assert!(tier.hot.lock().unwrap().iter().any(|p| p.func == FuncId(0) && p.resume.is_some()));
    });
    let publish: Publish = |loaded, func, resume| unsafe {
        if let Some((block, inst)) = resume {
            loaded.publish_resume(func, block, inst, slots(trapping));
        }
    };
    with_each(TEXT, false, publish, |instance, _| {
        let (code, lines) = trap_lines(instance, "main", &[5000i64.into()]);
        assert_eq!((code, lines), (TrapCode::Unreachable, vec!["loop:2".into(), "main:14".into()]));
    });
}

#[test]
fn native_stack_is_not_overflowed() {
    const TEXT: &str = "export func @count(%n: i64) -> i64 {
  %more = i64.gt %n, 0
  br_if %more, deeper, done
deeper:
  %m = i64.sub %n, 1
  %r = call @count(%m)
  %r = i64.add %r, 1
  ret %r
done:
  ret %n
}
";
    unsafe extern "C" fn count(ctx: *mut Context, n: i64) -> Int {
        unsafe {
            if native_stack::stack_pointer() < (*ctx).native_limit {
                let mut slots = [n as u64];
                let status = call!(interpret: *mut Context, u64, *mut u64; ctx, 0, slots.as_mut_ptr());
                return Int(status, slots[0] as i64);
            }
            if n == 0 {
                return Int(0, 0);
            }
            let Int(status, below) = count(ctx, n - 1);
            Int(status, below + 1)
        }
    }
    /// Calls back through the interpreter each time.
    unsafe extern "C" fn alternating(ctx: *mut Context, n: i64) -> Int {
        unsafe {
            let mut slots = [n as u64];
            let status = call!(interpret: *mut Context, u64, *mut u64; ctx, 0, slots.as_mut_ptr());
            Int(status, slots[0] as i64)
        }
    }
    for (n, publish) in [
        (60_000i64, (|loaded, func, _| unsafe { loaded.publish(func, int(count)) }) as Publish),
        (20_000i64, |loaded, func, _| unsafe { loaded.publish(func, int(alternating)) }),
    ] {
        with_each(TEXT, true, publish, |instance, _| {
            for _ in 0..2 {
                assert_eq!(instance.call("count", &[n.into()]).unwrap(), [n.into()]);
                let error = instance.call("count", &[i64::MAX.into()]).unwrap_err();
                assert_eq!(error.trap().unwrap().code(), TrapCode::StackOverflow);
            }
        });
    }
    // On a stack that is too small for compiled code, functions are interpreted.
    std::thread::Builder::new()
        .stack_size(native_stack::RESERVE)
        .spawn(|| {
            let publish: Publish = |loaded, func, _| unsafe { loaded.publish(func, int(count)) };
            with_each(TEXT, true, publish, |instance, _| {
                assert_eq!(instance.call("count", &[1000i64.into()]).unwrap(), [1000i64.into()]);
            });
        })
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn fuel_time_and_heat_are_counted_in_compiled_code() {
    const TEXT: &str = "export func @work(%n: i64) -> i64 {
  ret %n
}
export func @callee(%n: i64) -> i64 {
  ret %n
}
";
    unsafe extern "C" fn work(ctx: *mut Context, n: i64) -> Int {
        unsafe {
            let site = site(0, 0);
            let metered = (*ctx).fuel().is_some();
            let charges = Charges { list: [(1000, site.clone())].into() };
            for _ in 0..n {
                let mut status = 0;
                if metered && (*ctx).budget >= 1000 {
                    (*ctx).budget -= 1000;
                } else if metered {
                    // What traps has been noted.
                    let status = call!(charge: *mut Context, *const Charges; ctx, &charges);
                    if status != 0 {
                        return Int(status, 0);
                    }
                } else {
                    (*ctx).budget -= 1000;
                    if (*ctx).budget < 0 {
                        status = call!(poll: *mut Context; ctx);
                    }
                }
                if status != 0 {
                    return Int(call!(passed: *mut Context, *const TrapSite, u64; ctx, &site, status), 0);
                }
            }
            let mut slots = [n as u64];
            Int(call!(call: *mut Context, u64, *mut u64; ctx, 1, slots.as_mut_ptr()), slots[0] as i64)
        }
    }
    let publish: Publish = |loaded, func, _| unsafe {
        if func.0 == 0 {
            loaded.publish(func, int(work));
        }
    };
    with_each(TEXT, true, publish, |instance, tier| {
        assert_eq!(instance.call("work", &[1000i64.into()]).unwrap(), [1000i64.into()]);
        assert!(tier.hot.lock().unwrap().iter().any(|p| p.func == FuncId(1) && p.resume.is_none()));
        let before = instance.fuel();
        instance.call("work", &[1000i64.into()]).unwrap();
        if let Some(before) = before {
            assert_eq!(instance.fuel(), Some(before - 1_000_001));
            instance.set_fuel(5_500);
            assert_eq!(
                trap_lines(instance, "work", &[9i64.into()]),
                (TrapCode::OutOfFuel, vec!["work:2".into()])
            );
            assert_eq!(instance.fuel(), Some(500));
            instance.set_fuel(1 << 40);
        }
        instance.interrupt_handle().interrupt();
        assert_eq!(trap_lines(instance, "work", &[i64::MAX.into()]).0, TrapCode::Interrupted);
        instance.set_timeout(Some(std::time::Duration::from_millis(5)));
        assert_eq!(trap_lines(instance, "work", &[i64::MAX.into()]).0, TrapCode::Timeout);
    });
}

#[test]
fn compiled_code_reaches_objects() {
    const TEXT: &str = "import func @env.twice(i64) -> i64
global @kept: tensor<i64> = @table
const @table: tensor<i64> [2] = {1, 2}
export func @main(%n: i64) -> i64 {
  %r = call @twin(%n)
  ret %r
}
func @twin(%n: i64) -> i64 {
  %t = tensor.zeros<i64> [2, %n]
  %l = list.new 2, %t
  ret %n
}
";
    unsafe extern "C" fn twin(ctx: *mut Context, n: i64) -> Int {
        let run = |call: &ObjectCall, args: &[u64]| unsafe {
            let f: unsafe extern "C" fn(*const crate::machine::instr::Instr, *mut u64, *mut Context) -> u64 =
                std::mem::transmute(call.function);
            let mut slots = [0; 8];
            assert!(call.slots <= slots.len());
            slots[..args.len()].copy_from_slice(args);
            let status = f(call.instr(), slots.as_mut_ptr(), ctx);
            if status != 0 { Err(status) } else { Ok(slots[0]) }
        };
        let all = || {
            let (tensor, item) = (Type::Tensor(Elem::I64), Item::Tensor(Elem::I64));
            let loaded = unsafe { (*ctx).code.clone() };
            unsafe { call!(enter_region: *mut Context; ctx) };
            // Two dims, the first a literal.
            let dims = [(Arg::Literal(2), Type::I64), (Arg::Slot, Type::I64)];
            let zeros = ObjectCall::operation(&loaded.module, OpId(0), &dims, 1, Default::default());
            let t = run(&zeros, &[n as u64])?;
            let set = ObjectCall::simple(SharedOp::Store3(Elem::I64), 0);
            assert_eq!(set.slots, 5);
            run(&ObjectCall::simple(SharedOp::RegionBegin, 0), &[])?;
            let list = run(&ObjectCall::list_new(item), &[2, t])?;
            let u = run(&zeros, &[1])?;
            run(&ObjectCall::list_set_object(item), &[list, 1, u])?;
            let u = run(&ObjectCall::simple(SharedOp::ListGet, 0), &[list, 1])?;
            assert_eq!(run(&ObjectCall::simple(SharedOp::TensorDim, 0), &[u, 0]), Ok(2));
            assert_eq!(run(&ObjectCall::simple(SharedOp::ListLen, 0), &[list]), Ok(2));
            let list = run(&ObjectCall::region_end(&[Type::List(item)]), &[list])?;
            assert_eq!(run(&ObjectCall::simple(SharedOp::ListGet, 0), &[list, 0]), Ok(t));
            run(&ObjectCall::global_set_object(GlobalId(0), tensor), &[t])?;
            let global = run(&ObjectCall::simple(SharedOp::GlobalGet, 0), &[])?;
            let len = run(&ObjectCall::simple(SharedOp::TensorLen, 0), &[global])?;
            let host = ObjectCall::host(0, &[(Arg::Slot, Type::I64)], &[Type::I64]);
            let twice = run(&host, &[len])?;
            let end = ObjectCall::returning(&[(Arg::Literal(7), Type::I64), (Arg::Slot, Type::I64)]);
            assert_eq!((run(&end, &[twice]), end.slots), (Ok(7), 2));
            Ok(twice as i64)
        };
        match all() {
            Ok(twice) => Int(0, twice),
            Err(status) => unsafe {
                let site = site(2, 0);
                Int(call!(passed: *mut Context, *const TrapSite, u64; ctx, &site, status), 0)
            },
        }
    }
    let publish: Publish = |loaded, func, _| unsafe {
        if func.0 == 2 {
            loaded.publish(func, int(twin));
        }
    };
    with_each(TEXT, true, publish, |instance, _| {
        for _ in 0..100 {
            assert_eq!(instance.call("main", &[5i64.into()]).unwrap(), [20i64.into()]);
        }
        let (code, lines) = trap_lines(instance, "main", &[(-1i64).into()]);
        assert_eq!((code, lines), (TrapCode::InvalidArgument, vec!["twin:9".into(), "main:5".into()]));
        assert_eq!(instance.call("main", &[1i64.into()]).unwrap(), [4i64.into()]);
    });
}

#[test]
fn units_live_as_long_as_the_code_and_no_longer() {
    struct Unit(Arc<Mutex<u32>>);
    impl Drop for Unit {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }
    unsafe extern "C" fn one(_: *mut Context, _: *mut u64) -> u64 {
        0
    }
    for dispatch in Dispatch::ALL {
        let dropped = Arc::new(Mutex::new(0));
        let engine = Engine::new(Config::new().dispatch(*dispatch));
        let program = engine.load(nbc_ir::Module::parse(PROGRAM, "hot.nba").unwrap().verify().unwrap());
        let loaded = program.loaded(false);
        let unit: Arc<dyn std::any::Any + Send + Sync> = Arc::new(Unit(dropped.clone()));
        for func in [FuncId(0), FuncId(1), FuncId(0)] {
            let code = NativeCode { unit: unit.clone(), ..slots(one) };
            unsafe { loaded.publish(func, code) };
        }
        assert!(loaded.is_compiled(FuncId(0)));
        drop((unit, loaded));
        let mut instance = Linker::new().instantiate(&program).unwrap();
        drop(program);
        assert_eq!(instance.call("loop", &[8i64.into()]).unwrap(), [8i64.into()]);
        assert_eq!(*dropped.lock().unwrap(), 0);
        drop(instance);
        assert_eq!(*dropped.lock().unwrap(), 1);
    }
}

#[test]
fn every_loop_of_the_benchmarks_can_be_taken_over() {
    use nbc_ir::flow::{Cfg, Dominators, Loops};
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/programs");
    for file in std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()) {
        let Ok(text) = std::fs::read(&file) else { continue };
        if file.extension().is_none_or(|e| e != "nba") {
            continue;
        }
        let module = nbc_ir::Module::read(&text, "bench").unwrap().verify().unwrap();
        for (dispatch, metered) in Dispatch::ALL.iter().flat_map(|d| [(*d, false), (*d, true)]) {
            let loaded = crate::load::load(module.clone(), Arc::default(), dispatch, metered);
            for (f, function) in module.functions.iter().enumerate() {
                let cfg = Cfg::new(function);
                let loops = Loops::new(&cfg, &Dominators::new(&cfg));
                let code = &loaded.funcs[module.imports.len() + f];
                let is_in = |block: u32, header: BlockId| {
                    let mut around = loops.innermost(BlockId(block));
                    while around.is_some_and(|h| h != header) {
                        around = around.and_then(|h| loops.parent(h));
                    }
                    around.is_some()
                };
                for header in cfg.rpo().iter().filter(|b| loops.is_header(**b)) {
                    let there = code.resumes.iter().any(|(_, (block, _))| is_in(*block, *header));
                    let file = file.display();
                    assert!(there, "{file}, {dispatch:?}, metered {metered}: function {f}, {header:?}");
                }
            }
        }
    }
}
