//! Programs, and what looks at them: the evaluator of the mid-end's form, the checker, and
//! compiled code beside the interpreter.

use nbc::ir::verify::VerifiedModule;
use nbc::ir::{BlockId, FuncId, Module};
use nbc::jit::midend::claims::Claims;
use nbc::jit::midend::{self, Options};
use nbc::jit::mir::{self, Func};
use nbc::jit::{check, condition};
use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::rc::Rc;
use std::sync::OnceLock;
use support::agree::{Script, agree};
use support::call::with_globals_exported;
use support::campaign::caught;
use support::case::Case;
use support::choices::Random;
use support::mutation::corpus;
use support::way::{Tier, Way, When};
use support::{evaluation, hostile, nests, random_program, repository, wrapping};

/// What may notice that a condition was dropped, the quick before the slow.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Detector {
    /// `tests/oracle.rs`.
    Oracle,
    /// `jit/src/check`: accesses that it proved before, and no longer.
    Checker,
    /// Compiled code, sanitised and not, beside the interpreter: `tests/twins.rs`, `tests/hostile.rs`.
    Twins,
}

/// Those that may notice something.
pub const DETECTORS: [Detector; 3] = [Detector::Oracle, Detector::Checker, Detector::Twins];

/// Where a program is from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Source {
    /// One that tests of passes have: functions, called with anything.
    Filetest,
    /// A program of this repository that says what to call.
    Corpus,
    Wrapping,
    Nests,
    Random,
    Hostile,
}

const SOURCES: [Source; 6] =
    [Source::Filetest, Source::Corpus, Source::Wrapping, Source::Nests, Source::Random, Source::Hostile];

/// A program.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Subject {
    pub source: Source,
    /// Which, of this source.
    pub number: u64,
}

/// All programs.
pub fn all() -> Vec<Subject> {
    let mut all = Vec::new();
    for source in SOURCES {
        let count = match source {
            Source::Filetest => filetests().len() as u64,
            Source::Corpus => samples().len() as u64,
            Source::Wrapping => 400,
            Source::Nests => 300,
            Source::Random => 150,
            Source::Hostile => 400,
        };
        all.extend((0..count).map(|number| Subject { source, number }));
    }
    all
}

impl Subject {
    /// As a line of a request.
    pub fn print(self) -> String {
        let source = SOURCES.iter().position(|s| *s == self.source).expect("it is one of them");
        format!("{source} {}", self.number)
    }

    /// What `print` printed.
    fn read(line: &str) -> Option<Subject> {
        let (source, number) = line.split_once(' ')?;
        let source = *SOURCES.get(source.parse::<usize>().ok()?)?;
        Some(Subject { source, number: number.parse().ok()? })
    }

    /// For people.
    pub fn name(self) -> String {
        match self.source {
            Source::Corpus => samples()[self.number as usize].from.clone(),
            Source::Filetest => filetests()[self.number as usize].0.clone(),
            Source::Wrapping => format!("numbers that come around, seed {}", self.number),
            Source::Nests => format!("nests, seed {}", self.number),
            Source::Random => format!("random programs, seed {}", self.number),
            Source::Hostile => format!("hostile programs, seed {}", self.number),
        }
    }

    /// The digest of a function, if there are so many.
    fn digest(self, function: usize) -> Option<u64> {
        thread_local! {
            /// The program that was asked for last.
            static LAST: RefCell<Option<(Subject, Option<Rc<VerifiedModule>>)>> = const { RefCell::new(None) };
        }
        let module = LAST.with_borrow_mut(|last| match last {
            Some((subject, module)) if *subject == self => module.clone(),
            _ => {
                let module = with_globals_exported(self.program().0).verify().ok().map(Rc::new);
                *last = Some((self, module.clone()));
                module
            }
        })?;
        (function < module.functions.len()).then(|| digest(&module, function, self.number))
    }

    /// Looks at it: a number that must not grow, if all is well otherwise.
    fn look(self, detector: Detector) -> Result<u64, String> {
        let (module, script) = self.program();
        let Ok(verified) = with_globals_exported(module.clone()).verify() else { return Ok(0) };
        match detector {
            Detector::Oracle => {
                let mut tally = evaluation::Tally::default();
                evaluation::check(module, &script, self.number, &mut tally).map(|()| 0)
            }
            Detector::Checker => Ok(unproved(&verified)),
            Detector::Twins if self.source == Source::Filetest => Ok(0),
            Detector::Twins if self.source == Source::Hostile => {
                let case = Case { ways: ways(true), ..Case::new(self.name(), module, script) };
                hostile::check::check(&case, true).map(|_| 0)
            }
            Detector::Twins => agree(&verified, &script, &ways(false)).map(|_| 0).map_err(|d| d.to_string()),
        }
    }

    fn program(self) -> (Module, Script) {
        let n = self.number;
        let bytes = |most: usize| Random::of(n + 1).some_bytes(most);
        let case = match self.source {
            Source::Corpus => samples()[n as usize].clone(),
            Source::Filetest => {
                let (name, module) = filetests()[n as usize].clone();
                Case::new(name, module, Script::new(Vec::new(), 30_000))
            }
            Source::Wrapping => wrapping::case(&bytes(wrapping::BYTES)),
            Source::Nests => nests::case(&bytes(nests::BYTES), CALLS),
            Source::Random => random_program::case(&bytes(random_program::BYTES)),
            Source::Hostile => hostile::case(n, None, &[]),
        };
        (case.module, case.script)
    }
}

/// Calls of a nest of loops.
const CALLS: usize = 5;

/// Compiled at first with and without fuel, sanitised and not, and when hot.
fn ways(few: bool) -> Vec<Way> {
    let mut ways = Vec::new();
    for metered in [false, true] {
        for (when, sanitised) in [(When::First, false), (When::First, true), (When::Hot, false)] {
            let tier = Tier::Jit { when, passes: true, sanitised };
            if !few || !sanitised {
                ways.push(Way { tier, metered, ..Way::reference(metered) });
            }
        }
    }
    ways
}

/// Calls `see` with some functions as they leave the mid-end, and as they were.
fn functions(
    module: &VerifiedModule,
    which: Range<usize>,
    options: &Options,
    mut see: impl FnMut(&Func, &Func),
) {
    for n in which {
        let id = FuncId::new(n + module.imports.len());
        let headers = (0..module.facts(id).loop_headers.len()).filter(|b| module.facts(id).loop_headers[*b]);
        for place in std::iter::once(None).chain(headers.take(2).map(Some)) {
            let built = match place {
                None => mir::build(module, id),
                Some(block) => mir::build_resumed(module, id, BlockId::new(block), 0),
            };
            for metered in [false, true] {
                let mut func = built.clone();
                midend::run(&mut func, module, options, metered, &mut |_, _| {});
                see(&built, &func);
            }
        }
    }
}

/// Accesses of all functions that the checker cannot prove.
fn unproved(module: &VerifiedModule) -> u64 {
    let mut count = 0;
    functions(module, 0..module.functions.len(), &Options::default(), |_, func| {
        count += check::run(func).unproved.len() as u64
    });
    count
}

/// What passes make of a function, and what analyses claim of it.
fn digest(module: &VerifiedModule, function: usize, seed: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    let all = Options::default();
    let some = Some(evaluation::options(seed)).filter(|some| *some != all);
    for options in [Some(all), some].into_iter().flatten() {
        let mut before = None;
        functions(module, function..function + 1, &options, |built, func| {
            func.to_string().hash(&mut hasher);
            let nodes = func.blocks.iter().flat_map(|b| &b.nodes);
            nodes.for_each(|n| n.origin.hash(&mut hasher));
            format!("{:?}", Claims::of(func)).hash(&mut hasher);
            // With fuel and without it is built the same.
            if before.as_ref() != Some(&built.blocks) {
                format!("{:?}", Claims::of(built)).hash(&mut hasher);
                before = Some(built.blocks.clone());
            }
        });
    }
    hasher.finish()
}

fn samples() -> &'static [Case] {
    static SAMPLES: OnceLock<Vec<Case>> = OnceLock::new();
    SAMPLES.get_or_init(corpus::samples)
}

/// Programs of tests of passes.
fn filetests() -> &'static [(String, Module)] {
    static TESTS: OnceLock<Vec<(String, Module)>> = OnceLock::new();
    TESTS.get_or_init(|| {
        let read = |path: std::path::PathBuf| {
            let name = repository::name(&path);
            let module = Module::parse(&repository::read(&path), &name).ok()?;
            module.imports.is_empty().then_some((name, module))
        };
        repository::files("jit/tests/filetests", "nba").into_iter().filter_map(read).collect()
    })
}

/// What is asked of a child.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Question {
    /// A number that says what is made of a function, in code and in claims.
    Digest(usize),
    /// What notices something.
    Look(Detector),
}

/// A request: what is dropped, a place or nothing, and what is asked of which program.
pub fn request(place: &str, question: Question, subject: Subject) -> String {
    let question = match question {
        Question::Digest(function) => format!("digest {function}"),
        Question::Look(detector) => {
            format!("look {}", DETECTORS.iter().position(|d| *d == detector).expect("it is one of them"))
        }
    };
    format!("{place}\n{question}\n{}", subject.print())
}

/// What a child says to a request: a number, places that passes came to, and those that mattered;
/// `none` where there is no such function.
pub fn answer(request: &str) -> String {
    let mut lines = request.lines();
    let (dropped, question) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let Some(subject) = lines.next().and_then(Subject::read) else { return "no subject".to_owned() };
    let mut words = dropped.split(' ');
    let place = match (words.next(), words.next(), words.next()) {
        (Some(file), Some(line), Some(column)) => {
            line.parse().ok().zip(column.parse().ok()).map(|p| (file, p))
        }
        _ => None,
    };
    let Some((question, number)) = question.split_once(' ').and_then(|(q, n)| Some((q, n.parse().ok()?)))
    else {
        return "no question".to_owned();
    };
    condition::drop_one(place.map(|(file, (line, column))| (file, line, column)));
    condition::take_noticed();
    let found = caught(|| match question {
        "digest" => Ok(subject.digest(number)),
        _ => subject.look(DETECTORS[number]).map(Some),
    });
    match found {
        Ok(Some(number)) => {
            let places = condition::take_noticed().map(|list| {
                list.iter().map(|(file, line, column)| format!("{file} {line} {column}")).collect::<Vec<_>>()
            });
            format!("fine {number}\n{}\n{}", places[0].join(","), places[1].join(","))
        }
        Ok(None) => "none".to_owned(),
        Err(why) => why,
    }
}
