//! Evaluates every function of a program after every pass, compares each time with what was
//! there before, and holds what the analyses claim of it.

mod proved;
mod subject;

use crate::agree::{self, Script, linker};
use crate::call::with_globals_exported;
use crate::campaign;
use crate::choices::Random;
use crate::way::Way;
use nbc::compare::calls::{Console, Outcome as Run, Printed};
use nbc::compare::values;
use nbc::ir::expand::Expanded;
use nbc::ir::verify::VerifiedModule;
use nbc::ir::{BlockId, FuncId, Module, Type};
use nbc::jit::midend::claims::Claims;
use nbc::jit::midend::{self, Options};
use nbc::jit::mir::{self, Func};
use nbc::runtime::trap::TrapCode;
use nbc::runtime::value::Value;
use nbc_oracle::claims::{Held as HeldClaims, Watch};
use nbc_oracle::state::Budget;
use nbc_oracle::{End, Limits, Operations, Oracle, Outcome, Slot, Start, State, Stop, Verdict, compare};
use proved::without_proved_checks;
use std::cell::RefCell;
use std::collections::BTreeMap;
use subject::{Calls, Place, Subject};

/// Nodes of one evaluation; fuel of one is less.
const STEPS: u64 = 20_000;
/// Nodes of what a program itself does.
const PROGRAM_STEPS: u64 = 500_000;
/// Nodes after which a program is left for the next.
const ENOUGH: u64 = 4_000_000;
/// Arguments that nobody would give, for a function.
const HOSTILE: usize = 4;
/// Nodes without a look at clock and interrupt flag that are too many.
const SILENT: u64 = 1 << 22;
/// Calls in each other.
const DEPTH: u32 = 60;

/// What took checks away that are proved: no pass, so passes go on with the function before.
const CHECKER: &str = "the checker";

/// What is said of the interpreter and of the evaluator.
const NAMES: [&str; 2] = ["interpreted", "evaluated"];

/// What evaluations came to.
#[derive(Clone, Default, Debug)]
pub struct Tally {
    /// Programs that the verifier did not accept.
    pub refused: u64,
    /// Programs of which a call was not evaluated.
    pub unsupported: u64,
    /// Calls that did what the interpreter did.
    pub agreed: u64,
    /// Versions of functions that a pass had changed, evaluated and the same.
    pub same: u64,
    /// Evaluations that began in the middle of a loop.
    pub resumed: u64,
    /// Those of which one side is not known to its end, by reason.
    pub unknown: BTreeMap<String, u64>,
    /// Nodes that were evaluated.
    pub nodes: u64,
    /// Claims of analyses that were looked at and true.
    pub claims: u64,
    /// Accesses of functions as built that the checker proves.
    pub proved: u64,
}

impl campaign::Tally for Tally {
    fn add(&mut self, other: Tally) {
        self.refused += other.refused;
        self.unsupported += other.unsupported;
        self.agreed += other.agreed;
        self.same += other.same;
        self.resumed += other.resumed;
        self.nodes += other.nodes;
        self.claims += other.claims;
        self.proved += other.proved;
        for (why, count) in other.unknown {
            *self.unknown.entry(why).or_default() += count;
        }
    }
}

impl Tally {
    /// What to print.
    pub fn summary(&self) -> String {
        let Tally { refused, unsupported, agreed, same, resumed, unknown, nodes, claims, proved } = self;
        format!(
            "{agreed} calls as interpreted, {same} changed versions the same ({resumed} resumed), skipped: \
             {unknown:?}; {unsupported} programs not supported, {refused} refused; {nodes} nodes, \
             {claims} claims true, {proved} accesses of built functions proved"
        )
    }

    /// That the evaluator does what programs do.
    ///
    /// # Panics
    /// When it left too much out.
    pub fn assert_supported(&self, programs: u64) {
        assert!(self.unsupported * 10 <= programs, "{} of {programs} are not supported", self.unsupported);
        let skipped: u64 = self.unknown.values().sum();
        assert!(self.claims > programs, "only {} claims were looked at", self.claims);
        assert!(self.proved > 0 || programs < 20, "the checker proved nothing");
        assert!(skipped <= self.same, "{skipped} skipped, {} compared: {:?}", self.same, self.unknown);
    }

    fn skip(&mut self, stop: &Stop) {
        let why = match stop {
            Stop::Unsupported(what) => what.clone(),
            other => format!("{other:?}"),
        };
        *self.unknown.entry(why).or_default() += 1;
    }
}

thread_local! {
    /// Programs of operations are kept from one program to the next.
    static OPERATIONS: RefCell<(Operations, Console)> = RefCell::new({
        let console = Console::default();
        (Operations::new(linker(&console)), console)
    });
}

/// Evaluates a program, and its functions after each pass.
///
/// # Errors
/// What differs, or which claim is false.
pub fn check(module: Module, script: &Script, seed: u64, tally: &mut Tally) -> Result<(), String> {
    let Ok(module) = with_globals_exported(module).verify() else {
        tally.refused += 1;
        return Ok(());
    };
    // As programs are run: what the loops in place of operations do is seen, and what they cost.
    let module = Expanded::new(&module).map_or(module, |expanded| expanded.module().clone());
    OPERATIONS.with_borrow_mut(|(operations, console)| {
        let before = tally.nodes;
        let mut calls = Calls::default();
        let supported = as_interpreted(&module, script, operations, console, &mut calls, tally)?;
        tally.unsupported += u64::from(!supported);
        let first = seed.is_multiple_of(2);
        for metered in [first, !first] {
            let oracle = Oracle::new(&module, operations, metered);
            let random = Random(seed ^ u64::from(metered));
            let options = options(seed);
            let mut held =
                Held { module: &module, oracle, metered, options, random, calls: &calls, tally, before };
            held.functions()
                .map_err(|why| format!("{}: {why}", if metered { "metered" } else { "not metered" }))?;
        }
        Ok(())
    })
}

/// All passes as a rule; some are left out in some programs, so that others meet what they would
/// not have left.
pub fn options(seed: u64) -> Options {
    let all = Options::default();
    match seed % 8 {
        0 => Options { inline: false, ..all },
        1 => Options { unroll: false, ..all },
        2 => Options { vectorise: false, ..all },
        _ => all,
    }
}

/// Evaluates the calls of the script beside the interpreter, and gathers the calls that they make.
/// Whether all could be evaluated.
fn as_interpreted(
    module: &VerifiedModule,
    script: &Script,
    operations: &mut Operations,
    console: &Console,
    calls: &mut Calls,
    tally: &mut Tally,
) -> Result<bool, String> {
    // The evaluator knows no limits of memory, and another one of depth.
    let script = Script { memory: 1 << 28, stack: 1 << 22, ..script.clone() };
    let expected = agree::run(module, &script, Way::reference(true));
    console.take();
    let mut oracle = Oracle::new(module, operations, true);
    let mut state = State::new(module, Budget::Fuel(script.fuel)).map_err(|stop| format!("{stop:?}"))?;
    for ((name, args), expected) in script.calls.iter().zip(&expected) {
        let Some(id) = module.exported_func(name) else { return Ok(false) };
        state.again(Budget::Fuel(script.fuel));
        let slots = args.iter().map(|v| state.lower(v, false)).collect::<Result<Vec<_>, _>>();
        let Ok(slots) = slots else { return Ok(false) };
        state.roots.clone_from(&slots);
        calls.add(id, &slots, &state);
        let func = oracle.built(id);
        let limits = Limits { steps: PROGRAM_STEPS, depth: DEPTH, silent: None };
        let outcome = oracle.evaluate(&func, Start::Call(&slots), state, limits, calls);
        tally.nodes += outcome.nodes;
        match &outcome.end {
            End::Stopped(Stop::Wrong(why)) => return Err(format!("@{name} as built: {why}")),
            End::Stopped(stop @ (Stop::TooDeep | Stop::OutOfSteps)) => {
                tally.skip(stop);
                return Ok(true);
            }
            End::Stopped(stop) => {
                tally.skip(stop);
                return Ok(false);
            }
            _ => {}
        }
        if let Some(why) = differs(module, expected, &outcome, &func, &console.take()) {
            return Err(format!("@{name} is evaluated otherwise than interpreted: {why}\n{func}"));
        }
        tally.agreed += 1;
        state = outcome.state;
    }
    Ok(true)
}

/// How the evaluator differs from the interpreter.
fn differs(
    module: &VerifiedModule,
    expected: &Run,
    found: &Outcome,
    func: &Func,
    printed: &Printed,
) -> Option<String> {
    let lift = |slot: Slot, ty: Type| found.state.lift(slot, ty).map_err(|stop| format!("{stop:?}"));
    match (&expected.result, &found.end) {
        (Ok(values), End::Returned(slots)) => {
            let lifted: Result<Vec<Value>, String> =
                slots.iter().zip(&func.results).map(|(slot, ty)| lift(*slot, *ty)).collect();
            let different = match lifted {
                Ok(lifted) => values::results_unlike(values, &lifted, NAMES),
                Err(why) => Some(why),
            };
            if different.is_some() {
                return different;
            }
        }
        (Err(trap), _) if trap.code() == TrapCode::StackOverflow => return None,
        (Err(trap), End::Trapped(error, frames)) => {
            let places = trap.frames.iter().map(|f| (f.func, f.block, f.inst));
            let same = trap.omitted > 0 || places.eq(frames.iter().map(|p| (p.func, p.block, p.inst)));
            if trap.error != *error || !same {
                return Some(format!("{trap}\nand {}", found.end));
            }
        }
        (result, end) => return Some(format!("{result:?}\nand {end}")),
    }
    if expected.fuel != found.state.fuel() {
        return Some(format!("fuel left {:?} and {:?}", expected.fuel, found.state.fuel()));
    }
    let exported = module.globals.iter().zip(&found.state.globals).filter(|(g, _)| g.export);
    for ((global, slot), (_, value)) in exported.zip(&expected.globals) {
        let (Some(value), Ok(found)) = (value, lift(*slot, global.ty)) else { continue };
        if let Some(why) = values::unlike(value, &found, NAMES) {
            return Some(format!("global {:?} {why}", global.name));
        }
    }
    expected.printed.unlike(printed, NAMES).map(|how| format!("what is printed {how}"))
}

/// A program whose passes are held against each other.
struct Held<'a, 'm> {
    module: &'m VerifiedModule,
    oracle: Oracle<'m>,
    metered: bool,
    options: Options,
    random: Random,
    calls: &'a Calls,
    tally: &'a mut Tally,
    /// Nodes that others have run.
    before: u64,
}

/// A function after a pass, and what the analyses claim of it.
struct Version {
    pass: String,
    func: Func,
    claims: HeldClaims,
}

impl Version {
    fn new(pass: &str, func: &Func) -> Version {
        Version { pass: pass.to_owned(), func: func.clone(), claims: HeldClaims::new(func, Claims::of(func)) }
    }
}

impl Held<'_, '_> {
    fn functions(&mut self) -> Result<(), String> {
        let count = self.module.functions.len();
        let first = self.random.next() as usize % count.max(1);
        for n in 0..count {
            if self.tally.nodes - self.before > ENOUGH {
                break;
            }
            let id = FuncId::new(self.module.imports.len() + (first + n) % count);
            self.function(id)?;
        }
        Ok(())
    }

    fn function(&mut self, id: FuncId) -> Result<(), String> {
        let mut subjects = self.calls.of(id, self.module, self.metered);
        for _ in 0..HOSTILE {
            if let Ok(subject) = subject::hostile(self.module, id, self.metered, &mut self.random) {
                subjects.push(subject);
            }
        }
        let versions = self.versions(mir::build(self.module, id))?;
        for subject in &subjects {
            let start = Start::Call(&subject.args);
            self.hold(&versions, start, &subject.state, None, &subject.name)?;
        }
        for place in subject::places(self.module, id, &mut self.random) {
            self.resumed(id, place, &subjects)?;
        }
        Ok(())
    }

    /// Holds what goes on from a place against what came to it.
    fn resumed(&mut self, id: FuncId, place: Place, subjects: &[Subject]) -> Result<(), String> {
        let built = self.oracle.built(id);
        for subject in subjects {
            let mut snapshots = subject::Snapshots::new(place, 1 + self.random.next() % 3);
            let limits = Limits { steps: STEPS, depth: DEPTH, silent: None };
            let start = Start::Call(&subject.args);
            let outcome = self.oracle.evaluate(&built, start, subject.state.clone(), limits, &mut snapshots);
            self.tally.nodes += outcome.nodes;
            let Some((regs, state)) = snapshots.taken else { continue };
            let (block, inst) = place;
            let versions =
                self.versions(mir::build_resumed(self.module, id, BlockId(block), inst as usize))?;
            let name = format!("{} from block{block}:{inst}", subject.name);
            self.hold(&versions, Start::Resume(&regs), &state, Some(outcome), &name)?;
            self.tally.resumed += 1;
            break;
        }
        Ok(())
    }

    /// The function without what the checker proves, and after each pass that changed it.
    fn versions(&mut self, mut func: Func) -> Result<Vec<Version>, String> {
        let mut versions: Vec<Version> = Vec::new();
        let mut wrong = None;
        if !self.metered {
            versions.push(Version::new("build", &func));
            let (without, proved) = without_proved_checks(&func);
            self.tally.proved += proved;
            versions.extend((proved > 0).then(|| Version::new(CHECKER, &without)));
        }
        midend::run(&mut func, self.module, &self.options, self.metered, &mut |pass, func| {
            if let Err(why) = mir::check(func) {
                wrong.get_or_insert(format!("after {pass}: {why}"));
            }
            let last = versions.iter().rfind(|v| v.pass != CHECKER).map(|last| &last.func);
            if last.is_none_or(|last| last.blocks != func.blocks || last.regs != func.regs) {
                versions.push(Version::new(pass, func));
            }
        });
        match wrong {
            Some(why) => Err(why),
            None => Ok(versions),
        }
    }

    /// Evaluates each version, and compares it with the one before.
    fn hold(
        &mut self,
        versions: &[Version],
        start: Start<'_>,
        state: &State,
        expected: Option<Outcome>,
        subject: &str,
    ) -> Result<(), String> {
        let limits = Limits { steps: STEPS, depth: DEPTH, silent: None };
        let mut before: Option<(&Version, Outcome)> = None;
        let mut expected = expected;
        for (n, version) in versions.iter().enumerate() {
            let Version { pass, func, claims } = version;
            let is_last = n + 1 == versions.len();
            let known = before.as_ref().map(|(_, o)| o).or(expected.as_ref());
            let limits = match known.map(|o| (&o.end, o.nodes)) {
                // Only whether it looks at the clock is to be found out.
                Some((End::Stopped(Stop::OutOfSteps), _)) => {
                    if self.metered || !is_last {
                        continue;
                    }
                    Limits { silent: Some(SILENT), ..limits }
                }
                Some((End::Stopped(stop), _)) if !matches!(stop, Stop::Wrong(_)) => {
                    self.tally.skip(stop);
                    return Ok(());
                }
                Some((_, nodes)) => Limits { steps: 4 * nodes + 4000, ..limits },
                None => limits,
            };
            let mut watch = Watch::new(claims);
            let outcome = self.oracle.evaluate(func, start, state.clone(), limits, &mut watch);
            self.tally.nodes += outcome.nodes;
            self.tally.claims += watch.looked_at;
            if let Some(claim) = watch.found {
                return Err(format!(
                    "what is claimed of @{} after {pass} is false ({subject}, {start:?}, {:?}): {claim}\n{func}",
                    func.name, state.budget
                ));
            }
            let verdict = match (&before, &expected) {
                (Some((_, before)), _) => compare(before, &outcome),
                (None, Some(expected)) => compare(expected, &outcome),
                (None, None) => compare(&outcome, &outcome),
            };
            match verdict {
                Verdict::Same => self.tally.same += u64::from(before.is_some() || expected.is_some()),
                Verdict::Unknown(stop) => self.tally.skip(&stop),
                Verdict::Differ(why) => {
                    let shown = before
                        .as_ref()
                        .map_or_else(String::new, |(v, _)| format!("after {}:\n{}", v.pass, v.func));
                    let fuel = state.budget;
                    return Err(format!(
                        "{pass} changes what @{} does ({subject}, {start:?}, {fuel:?}): {why}\n{shown}after {pass}:\n{func}",
                        func.name
                    ));
                }
            }
            expected = None;
            before = Some((version, outcome));
        }
        Ok(())
    }
}
