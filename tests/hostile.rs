//! Programs as hostile as we know how, run in some of the ways that this build has.
//!
//! They are of the kinds in which compiled code was found wrong: counters that
//! wrap, branches of which both ways are nearly the same, tests in the middle of
//! loops; globals around accesses, signalling NaNs, dims near 2^63. A wrong one may
//! take its process down or never end, so they run in processes of their own with a
//! small stack; a process that dies, or says nothing for 20 seconds, is a finding.
//! A finding is made smaller in the same way. How many programs, and which:
//! `tests/support/src/campaign.rs`. `HOSTILE_KIND=arms` makes one kind only,
//! `HOSTILE_WITHOUT=floats,memory` leaves kinds of statements out.

use nbc::ir::Module;
use nbc::runtime::value::Value;
use std::cell::RefCell;
use std::sync::Mutex;
use std::time::Duration;
use support::agree::Script;
use support::campaign::{self, Campaign, Finding, caught};
use support::case::Case;
use support::child::{Answer, Child, is_child, serve};
use support::hostile::Kind;
use support::hostile::case;
use support::hostile::check::{Tally, check};
use support::mutation::minimise;
use support::way::Way;

/// The name of the test, which its children run.
const TEST: &str = "hostile_programs_do_the_same_in_every_way";
/// Time without an answer after which a program hangs, and the same of programs
/// that are made smaller.
const PATIENCE: [Duration; 2] = [Duration::from_secs(20), Duration::from_secs(6)];

#[test]
fn hostile_programs_do_the_same_in_every_way() {
    if is_child() {
        return serve(answer);
    }
    let kind = std::env::var("HOSTILE_KIND").ok().map(|name| Kind::named(&name));
    let without = std::env::var("HOSTILE_WITHOUT").unwrap_or_default();
    let without: Vec<Kind> = without.split(',').filter(|n| !n.is_empty()).map(Kind::named).collect();
    let campaign = Campaign::of(30, 300);
    let idle: Mutex<Vec<Child>> = Mutex::default();
    let (tally, programs) = campaign.run("hostile", |seed, tally: &mut Tally| {
        let case = case(seed, kind, &without);
        let child = idle.lock().unwrap().pop().unwrap_or_else(|| Child::start(TEST));
        let mut runner = Runner { child: Some(child), patience: PATIENCE[0] };
        match runner.run(&case, true) {
            Ok(found) => {
                campaign::Tally::add(tally, found);
                idle.lock().unwrap().extend(runner.child);
                Ok(())
            }
            Err(failure) => Err(runner.finding(case, failure)),
        }
    });
    let (ends, calls) = (tally.ends, tally.ends.calls());
    let share = |n: u64| n * 100 / calls.max(1);
    println!(
        "hostile: of {calls} calls {}% returned, {}% trapped, {}% used up their fuel",
        share(ends.returned),
        share(ends.trapped),
        share(ends.endless)
    );
    // Few programs of one kind may be anything.
    if programs >= 100 && kind.is_none() {
        assert!(share(ends.returned) >= 50, "too few return: {tally:?}");
        assert!((2..=40).contains(&share(ends.trapped)), "too few or too many trap: {tally:?}");
        assert!((1..=25).contains(&share(ends.endless)), "too few or too many never end: {tally:?}");
        assert!(tally.stopped > 0 && tally.amounts > programs, "too little was tried: {tally:?}");
    }
}

/// How a program failed.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Symptom {
    Differs,
    Died,
    Hung,
}

#[derive(Clone, Debug)]
struct Failure {
    symptom: Symptom,
    why: String,
}

/// Runs programs in a child, and in another where one is gone.
struct Runner {
    child: Option<Child>,
    patience: Duration,
}

impl Runner {
    fn run(&mut self, case: &Case, invariant: bool) -> Result<Tally, Failure> {
        let request = request(case, invariant);
        let mut child = self.child.take().unwrap_or_else(|| Child::start(TEST));
        let fail = |symptom, why| Err(Failure { symptom, why });
        match child.ask(&request, self.patience) {
            Answer::Reply(reply) => {
                self.child = Some(child);
                match reply.strip_prefix("fine ").and_then(Tally::read) {
                    Some(tally) => Ok(tally),
                    None => fail(Symptom::Differs, reply),
                }
            }
            Answer::Died(how) => fail(Symptom::Died, format!("the process died: {how}")),
            Answer::Hung => fail(Symptom::Hung, format!("no answer in {:?}", self.patience)),
        }
    }

    /// The program, as small as it can be made while it fails in the same manner.
    fn finding(mut self, mut case: Case, failure: Failure) -> Finding {
        self.patience = PATIENCE[1];
        let same =
            |found: &Result<Tally, Failure>| found.as_ref().is_err_and(|f| f.symptom == failure.symptom);
        // One way that fails by itself, which is quicker.
        let ways = std::mem::take(&mut case.ways);
        for way in &ways {
            case.ways = vec![*way];
            if same(&self.run(&case, false)) {
                break;
            }
            case.ways.clear();
        }
        if case.ways.is_empty() {
            // Nothing but what it does after other programs, or in several ways.
            case.ways = ways;
            if !same(&self.run(&case, false)) {
                let why = format!("{} (not without what ran before, or as an invariant)", failure.why);
                return Finding { why, program: case.module.print() };
            }
        }
        let runner = RefCell::new(self);
        let fails = |case: &Case| {
            let found = runner.borrow_mut().run(case, false);
            found.err().filter(|f| f.symptom == failure.symptom).map(|f| f.why)
        };
        let way = case.ways[0];
        let (case, why) = minimise::minimise(case, failure.why.clone(), fails);
        let why = format!("{:?} ({way}): {why}", failure.symptom);
        Finding { why, program: minimise::print(&case, fails) }
    }
}

/// A case as text.
fn request(case: &Case, invariant: bool) -> String {
    let all: Vec<Way> = Way::all().collect();
    let ways = case.ways.iter().filter_map(|w| all.iter().position(|a| a == w));
    let ways = ways.map(|at| at.to_string()).collect::<Vec<_>>().join(" ");
    let Script { fuel, memory, stack, .. } = case.script;
    let mut text = format!("{invariant}\n{ways}\n{fuel} {memory} {stack}\n{}\n", case.script.calls.len());
    for (function, args) in &case.script.calls {
        text.push_str(function);
        for arg in args {
            text.push_str(&match arg {
                Value::I64(v) => format!(" {v}"),
                Value::I32(v) => format!(" {v}i32"),
                other => panic!("hostile programs take no {other:?}"),
            });
        }
        text.push('\n');
    }
    text + &case.module.print()
}

/// The case of a request.
fn read(request: &str) -> Option<(Case, bool)> {
    let mut lines = request.splitn(5, '\n');
    let invariant = lines.next()? == "true";
    let all: Vec<Way> = Way::all().collect();
    let ways = lines.next()?.split_whitespace().filter_map(|n| all.get(n.parse::<usize>().ok()?).copied());
    let ways = ways.collect();
    let limits: Vec<u64> = lines.next()?.split(' ').filter_map(|n| n.parse().ok()).collect();
    let [fuel, memory, stack] = limits[..] else { return None };
    let count: usize = lines.next()?.parse().ok()?;
    let mut rest = lines.next()?;
    let mut calls = Vec::new();
    for _ in 0..count {
        let (line, after) = rest.split_once('\n')?;
        rest = after;
        let mut words = line.split(' ');
        let function = words.next()?.to_owned();
        let args = words.map(|w| match w.strip_suffix("i32") {
            Some(w) => Some(Value::I32(w.parse().ok()?)),
            None => Some(Value::I64(w.parse().ok()?)),
        });
        calls.push((function, args.collect::<Option<Vec<Value>>>()?));
    }
    let module = Module::parse(rest, "hostile.nba").ok()?;
    let script = Script { memory: memory as usize, stack: stack as usize, ..Script::new(calls, fuel) };
    Some((Case { ways, ..Case::new("a request", module, script) }, invariant))
}

/// What a child says to a request.
fn answer(request: &str) -> String {
    let Some((case, invariant)) = read(request) else { return "the request makes no sense".to_owned() };
    match caught(|| check(&case, invariant)) {
        Ok(tally) => format!("fine {}", tally.print()),
        Err(why) => why,
    }
}
