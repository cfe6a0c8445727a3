//! A claim of the analyses that is false is found where it is, and those that they make are true.

use nbc_ir::{FuncId, Module};
use nbc_jit::midend::claims::Claims;
use nbc_jit::midend::claims::Need;
use nbc_jit::mir;
use nbc_oracle::claims::{Held, Watch};
use nbc_oracle::state::Budget;
use nbc_oracle::{End, Limits, Operations, Oracle, Slot, Start, State};
use nbc_runtime::linker::Linker;

/// A loop of ten times around, in it one of so many as `%n` says, and a sum that grows by one
/// or three.
const PROGRAM: &str = "
func @f(%n: i64) -> i64 {
  %i = i64.const 0
  %s = i64.const 0
  br outer
outer:
  %more = i64.lt %i, 10
  br_if %more, begin, done
begin:
  %low = i64.and %i, 3
  %is = i64.eq %low, 1
  %j = copy %i
  br inner
inner:
  %on = i64.lt %j, %n
  br_if %on, body, after
body:
  %j = i64.add %j, 2
  br inner
after:
  br_if %is, one, three
one:
  %s = i64.add %s, 1
  br latch
three:
  %s = i64.add %s, 3
  br latch
latch:
  %i = i64.add %i, 1
  br outer
done:
  ret %s
}";

/// What is found of the claims with `change` made to them, and how many are looked at.
fn found(change: impl FnOnce(&mut Claims)) -> (Option<String>, u64) {
    let module = Module::parse(PROGRAM, "f").and_then(Module::verify).expect("it is sound");
    let func = mir::build(&module, FuncId(0));
    let mut claims = Claims::of(&func);
    change(&mut claims);
    let held = Held::new(&func, claims);
    let mut watch = Watch::new(&held);
    let mut operations = Operations::new(Linker::new());
    let state = State::new(&module, Budget::Iterations(1 << 20)).expect("there is room");
    let limits = Limits { steps: 10_000, depth: 10, silent: None };
    let mut oracle = Oracle::new(&module, &mut operations, false);
    let outcome = oracle.evaluate(&func, Start::Call(&[Slot::Bits(15)]), state, limits, &mut watch);
    assert!(matches!(outcome.end, End::Returned(_)), "{}", outcome.end);
    (watch.found, watch.looked_at)
}

#[test]
fn what_analyses_claim_is_true() {
    let (found, looked_at) = found(|claims| {
        let [outer, inner] = &claims.loops[..] else { panic!("two loops") };
        assert_eq!((outer.at_most, inner.at_most), (Some(11), None));
        assert_eq!((outer.drifts.len(), inner.limits.len()), (1, 1));
        assert!(outer.limits[0].exact && !inner.counters.is_empty() && !claims.ranges.is_empty());
    });
    assert_eq!(found, None);
    assert!(looked_at > 100, "{looked_at} were looked at");
}

#[test]
fn a_false_claim_is_found() {
    type Change = fn(&mut Claims);
    let changes: [(&str, Change); 9] = [
        ("in 0..=2: it is 3", |c| c.ranges.iter_mut().filter(|r| r.high == 3).for_each(|r| r.high = 2)),
        ("in 1..=3: it is 0", |c| c.ranges.iter_mut().filter(|r| r.high == 3).for_each(|r| r.low = 1)),
        ("at most 10 iterations", |c| c.loops[0].at_most = Some(10)),
        ("at most 8 iterations", |c| c.loops[1].at_most = Some(8)),
        ("times 3, so", |c| c.loops[1].counters[0].step.constant += 1),
        ("times around", |c| c.loops[0].drifts[0].most = 2),
        ("times around", |c| c.loops[0].drifts[0].least = 3),
        ("goes on", |c| c.loops[0].limits[0].rest.constant -= 1),
        ("ends", |c| c.loops[1].limits[0].rest.constant += 2),
    ];
    for (what, change) in changes {
        let (found, _) = found(change);
        assert!(found.as_ref().is_some_and(|found| found.contains(what)), "{what}: {found:?}");
    }
}

#[test]
fn a_claim_whose_needs_do_not_hold_says_nothing() {
    let (found, _) = found(|c| {
        let limit = &mut c.loops[0].limits[0];
        limit.rest.constant -= 1;
        assert!(!limit.needs.is_empty(), "the counter is not to wrap");
        let Need::Fits(_, bits) = &mut limit.needs[0] else { panic!("{:?}", limit.needs) };
        *bits = 2;
    });
    assert_eq!(found.as_deref().map(|f| f.contains("goes on")), None);
}
