//! Every shape of loop that runs long enough is taken over while it runs.
//!
//! The code that takes over is a function that leaves the program with a
//! number. So a loop that nobody takes over shows, however fast it is.

// What tests promise is what each place says it does.
#![allow(clippy::undocumented_unsafe_blocks)]

use crate::engine::{Config, Engine, Limits};
use crate::linker::Linker;
use crate::machine::context::Context;
use crate::machine::dispatch::Dispatch;
use crate::machine::loaded::Loaded;
use crate::machine::published::NativeCode;
use crate::machine::tier::{HotPlace, MustStop, Tier};
use crate::value::Value;
use std::sync::Arc;

/// What is returned by who takes over.
const TAKEN: i64 = -77;

/// Takes over loops, and the function that is called in them.
struct Taker {
    threshold: u64,
}

unsafe extern "C" fn leave(_: *mut Context, regs: *mut u64, _: *const u8) -> u64 {
    unsafe { *regs = TAKEN as u64 };
    0
}

unsafe extern "C" fn leaf(_: *mut Context, regs: *mut u64, _: *const u8) -> u64 {
    unsafe { *regs += 1 };
    0
}

unsafe extern "C" fn native_leaf(_: *mut Context, _: i64) {}

impl Tier for Taker {
    fn threshold(&self) -> u64 {
        self.threshold
    }

    fn hot(&self, code: &Arc<Loaded>, place: HotPlace, _: MustStop<'_>) {
        let named = code.module.func_name(place.func);
        let code_of = |enter| NativeCode { enter, native: native_leaf as *const u8, unit: Arc::new(()) };
        match place.resume {
            Some((block, inst)) => unsafe { code.publish_resume(place.func, block, inst, code_of(leave)) },
            None if named.ends_with("leaf") => unsafe { code.publish(place.func, code_of(leaf)) },
            None => {}
        }
    }
}

/// A loop, written down by numbers.
#[derive(Clone, Copy, Debug)]
struct Shape {
    /// Where the test is: on top, at the bottom, in the middle; or in a cycle
    /// with two ways in.
    test: usize,
    /// What stands between the label of the header and the test.
    before: usize,
    /// What the body does before the step.
    work: usize,
    /// What it does behind the step.
    after: usize,
    /// How it leads back.
    latch: usize,
    /// How the counter goes, and how it is compared.
    step: usize,
}

const BEFORE: [&str; 4] =
    ["", "  %k = i64.and %n, -1\n", "  %k = tensor.load %w, 0\n", "  %k = call @leaf(%m)\n"];
const WORK: [&str; 8] = [
    "",
    "  %s = i64.add %s, %i\n",
    "  tensor.store %x, 1, %s\n",
    "  %s = tensor.load %x, 2\n  %s = i64.mul %s, 3\n",
    "  %s = call @leaf(%s)\n",
    "  %s = call @env.twice(%s)\n",
    "INNER1",
    "INNER2",
];
const STEPS: [(&str, &str); 4] = [
    ("  %i = i64.add %i, 1\n", "  %c = i64.lt %i, %k\n"),
    ("  %i = i64.sub %i, -1\n", "  %c = i64.ne %k, %i\n"),
    ("  %j = i64.add %i, 1\n  %i = copy %j\n", "  %c = i64.ge %i, %k\n  %c = bool.not %c\n"),
    ("  %i = i64.add %i, 1\n  %h = i32.wrap_i64 %i\n", "  %c = i64.lt %i, %k\n"),
];

impl Shape {
    /// The program.
    fn text(self) -> String {
        let (step, compare) = STEPS[self.step];
        let before = BEFORE[self.before];
        let fill = |what: &str, tag: &str| {
            match what {
            "INNER1" => format!(
                "  %a = i64.const 0\n  br inner{tag}\ninner{tag}:\n  %d = i64.lt %a, 3\n  br_if %d, in{tag}, out{tag}
in{tag}:\n  %a = i64.add %a, 1\n  br inner{tag}\nout{tag}:\n"
            ),
            "INNER2" => format!(
                "  %a = i64.const 40\n  br inner{tag}\ninner{tag}:\n  %a = i64.sub %a, 1\n  %d = i64.gt %a, 0
  br_if %d, inner{tag}, out{tag}\nout{tag}:\n"
            ),
            other => other.to_owned(),
        }
        };
        let work = fill(WORK[self.work], "w");
        let after = fill(WORK[self.after], "a");
        let mut text = String::from(
            "import func @env.twice(i64) -> i64
func @leaf(%x: i64) -> i64 {
  %y = i64.add %x, 1
  ret %y
}
export func @main(%n: i64) -> i64 {
  %w = tensor.full<i64> [1], %n
  %x = tensor.zeros<i64> [8]
  %m = i64.sub %n, 1
  %k = copy %n
  %s = i64.const 0
  %i = i64.const 0
  br head
",
        );
        let target = if self.test == 1 { "body" } else { "head" };
        // What ends the body.
        let latch = match self.latch {
            0 => format!("{step}{after}  br {target}\n"),
            1 => format!("{after}{step}  br {target}\n"),
            2 => format!("{step}{after}  br latch\nlatch:\n  br {target}\n"),
            3 => format!(
                "  %b = i64.and %i, 1\n  %e = i64.eq %b, 0\n  br_if %e, even, odd\neven:\n{step}{after}  br {target}
odd:\n{step}  br {target}\n"
            ),
            4 => format!(
                "  %b = i64.and %i, 3\n  switch %b, [one, two], three\none:\n{step}  br {target}
two:\n{after}{step}  br {target}\nthree:\n{step}  br {target}\n"
            ),
            5 => format!(
                "{step}{after}  %b = i64.and %i, 1\n  %e = i64.eq %b, 0\n  br_if %e, {target}, odd\nodd:\n  br {target}\n"
            ),
            _ => format!("{step}{after}  switch %i, [done, {target}], {target}\n"),
        };
        text += &match self.test {
            0 => format!("head:\n{before}{compare}  br_if %c, body, done\nbody:\n{work}{latch}"),
            1 => {
                // The test ends each way back.
                let back = format!("{before}{compare}  br_if %c, body, done\n");
                let latch = latch
                    .replace("  br body\n", &back)
                    .replace("body]", "test]")
                    .replace("], body\n", "], test\n");
                let latch = latch.replace("br_if %e, body, odd", "br_if %e, test, odd");
                format!("head:\n  br body\ntest:\n{back}body:\n{work}{latch}")
            }
            2 => format!("head:\n{work}{before}{compare}  br_if %c, body, done\nbody:\n{latch}"),
            _ => format!(
                "head:\n  %t = i64.gt %n, 5\n  br_if %t, top, body\ntop:\n{before}{compare}  br_if %c, body, done
body:\n{work}{}",
                latch.replace("head", "top")
            ),
        };
        text += "done:\n  ret %s\n}\n";
        text
    }
}

/// Whether the program in `text` was taken over.
fn is_taken_over(text: &str, dispatch: Dispatch, fuel: bool, slice: u32, threshold: u64) -> bool {
    let module = nbc_ir::Module::parse(text, "shape.nba").unwrap_or_else(|e| panic!("{e}\n{text}"));
    let module = module.verify().unwrap_or_else(|e| panic!("{e:?}\n{text}"));
    let config = Config::new().dispatch(dispatch).tier(Arc::new(Taker { threshold })).slice(slice);
    let program = Engine::new(config).load(module);
    let mut linker = Linker::new();
    linker.func("env.twice", |x: i64| x.wrapping_mul(2));
    let limits = Limits::new().fuel(fuel.then_some(1 << 40));
    let mut instance = linker.instantiate_with(&program, limits).unwrap();
    let done = instance.call("main", &[Value::from(4_000i64)]).unwrap();
    done == [Value::from(TAKEN)]
}

#[test]
fn loops_of_every_shape_are_taken_over_while_they_run() {
    // All of them take seconds, or minutes in a debug build.
    let every = if cfg!(debug_assertions) { 41 } else { 5 };
    let (mut missed, mut number) = (Vec::new(), 0);
    let numbers = [4, BEFORE.len(), WORK.len(), WORK.len(), 7];
    for n in (0..numbers.iter().product::<usize>()).step_by(every) {
        let mut left = n;
        let [test, before, work, after, latch] = numbers.map(|most| {
            let number = left % most;
            left /= most;
            number
        });
        let step = (test + before + work + after + latch) % STEPS.len();
        let shape = Shape { test, before, work, after, latch, step };
        let text = shape.text();
        for dispatch in Dispatch::ALL {
            for (fuel, slice, threshold) in [(false, 16, 1), (false, 15, 60), (true, 16, 1), (true, 15, 60)] {
                number += 1;
                if !is_taken_over(&text, *dispatch, fuel, slice, threshold) {
                    missed.push(format!("{shape:?} {dispatch:?} fuel {fuel} slice {slice}\n"));
                }
            }
        }
    }
    assert!(missed.is_empty(), "{} of {number}:\n{}", missed.len(), missed.concat());
}
