//! Drops each marked condition of the passes in turn, and says which test notices: a list
//! in `tests/mutants.txt`. `scripts/mutate` runs it; the rest is in `jit/src/condition.rs`.
//!
//! Every function is compiled first with nothing dropped: so it is known which conditions fail in it,
//! and what is made of it. Then, for each condition, the functions in which it fails are compiled without
//! it, the quick ones first. Where anything else is made of one, the evaluator of the mid-end's form, the
//! checker and the interpreter look at its program. They stop when one of them notices. That happens in a
//! process of its own, which may die or hang.
//!
//! `MUTANTS=text` takes only conditions whose file or text has that in it, `MUTANTS=new` those that the
//! list does not have or no test noticed; others keep what the list says of them.
//! `MUTANTS_SECONDS=60` looks longer for what notices a condition. `MUTANTS_PROGRAMS=text` takes only
//! programs whose name has that in it, to try a new one, and leaves the list as it is.

mod subject;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};
use subject::{Detector, Question, Subject};
use support::child::{Answer, Child, is_child, serve};
use support::conditions::list::{self, Entry};
use support::conditions::marks::{self, Mark};

/// The name of the test, which its children run.
const TEST: &str = "every_condition_is_noticed_when_it_is_dropped";
/// Seconds for one condition.
const SECONDS: u64 = 20;
/// How much longer a program may take with a condition dropped than without, and besides.
const PATIENCE: (u32, Duration) = (10, Duration::from_secs(3));
/// Time that nothing takes while nothing is dropped.
const EVER: Duration = Duration::from_secs(120);

/// File, line and column.
type Place = String;

/// What a function is with nothing dropped.
struct Known {
    subject: Subject,
    function: usize,
    digest: u64,
    time: Duration,
    /// Where dropping may make a difference.
    matters: HashSet<Place>,
}

struct Mutants {
    known: Vec<Known>,
    /// Places that passes came to.
    reached: HashSet<Place>,
    /// What a detector says of a program with nothing dropped, and how long it takes; nothing where
    /// it is not content.
    usual: HashMap<(Detector, Subject), Option<(u64, Duration)>>,
    /// In which nothing was ever dropped.
    clean: Option<Child>,
}

#[test]
fn every_condition_is_noticed_when_it_is_dropped() {
    if is_child() {
        return serve(subject::answer);
    }
    let start = Instant::now();
    let marks = marks::all();
    let old: HashMap<_, Entry> = list::read().into_iter().map(|e| (e.key(), e)).collect();
    let wanted = std::env::var("MUTANTS").unwrap_or_default();
    let is_wanted = |mark: &Mark| match (wanted.as_str(), old.get(&mark.key())) {
        (_, None) => true,
        ("new", Some(entry)) => !entry.is_killed() && entry.because.is_none(),
        (text, Some(_)) => mark.file.contains(text) || mark.text.contains(text),
    };
    let mut mutants = Mutants::new();
    println!("{} functions in {:.0?}", mutants.known.len(), start.elapsed());
    let untried = |mark: &Mark| Entry {
        file: mark.file.clone(),
        text: mark.text.clone(),
        result: "survives: it is to be tried".to_owned(),
        because: None,
    };
    let mut entries: Vec<Entry> =
        marks.iter().map(|mark| old.get(&mark.key()).cloned().unwrap_or_else(|| untried(mark))).collect();
    for (n, mark) in marks.iter().enumerate().filter(|(_, mark)| is_wanted(mark)) {
        let result = mutants.drop_one(mark);
        println!("{:.0?} {}:{}: {}\n    {result}", start.elapsed(), mark.file, mark.line, mark.text);
        entries[n].result = result;
        // Each time, for it takes long and may be broken off.
        if programs().is_none() {
            list::write(&entries);
        }
    }
    if programs().is_none() {
        list::write(&entries);
    }
    let killed = entries.iter().filter(|e| e.is_killed()).count();
    println!("{} conditions, {killed} noticed, in {:.0?}", entries.len(), start.elapsed());
}

/// What names of programs have in them that are tried.
fn programs() -> Option<String> {
    std::env::var("MUTANTS_PROGRAMS").ok()
}

impl Mutants {
    fn new() -> Mutants {
        let mut mutants =
            Mutants { known: Vec::new(), reached: HashSet::new(), usual: HashMap::new(), clean: None };
        let of = programs().unwrap_or_default();
        for subject in subject::all().into_iter().filter(|subject| subject.name().contains(&of)) {
            for function in 0.. {
                let began = Instant::now();
                let reply = ask(&mut mutants.clean, "", Question::Digest(function), subject, EVER);
                if reply.as_deref() == Ok("none") {
                    break;
                }
                let time = began.elapsed();
                let Some((digest, [reached, matters])) = reply.as_ref().ok().and_then(|reply| fine(reply))
                else {
                    println!("{} is wrong already: {reply:?}", subject.name());
                    break;
                };
                mutants.reached.extend(reached);
                mutants.known.push(Known { subject, function, digest, time, matters });
            }
        }
        mutants.known.sort_by_key(|k| k.time);
        mutants
    }

    /// What notices that a condition is dropped.
    fn drop_one(&mut self, mark: &Mark) -> String {
        let place = format!("{} {} {}", mark.file, mark.line, mark.column);
        let seconds = std::env::var("MUTANTS_SECONDS").ok().and_then(|n| n.parse().ok()).unwrap_or(SECONDS);
        let (start, limit) = (Instant::now(), Duration::from_secs(seconds));
        let mut child = None;
        let (mut tried, mut changed, mut fails) = (0, 0, 0);
        let mut looked_at: Vec<Subject> = Vec::new();
        for k in 0..self.known.len() {
            let Known { subject, function, digest, time, ref matters } = self.known[k];
            if !matters.contains(&place) {
                continue;
            }
            fails += 1;
            if start.elapsed() > limit / 2 {
                continue;
            }
            tried += 1;
            match ask(&mut child, &place, Question::Digest(function), subject, patience(time)) {
                Ok(reply) => match fine(&reply) {
                    Some((now, _)) if now == digest => continue,
                    Some(_) => changed += 1,
                    None => return format!("killed: compiling, {}: {}", subject.name(), short(&reply)),
                },
                Err(how) => return format!("killed: compiling, {}: {}", subject.name(), short(&how)),
            }
            if looked_at.contains(&subject) {
                continue;
            }
            looked_at.push(subject);
            for detector in [Detector::Oracle, Detector::Checker] {
                if let Some(killed) = self.look(&mut child, &place, detector, subject) {
                    return killed;
                }
            }
        }
        // What takes long comes last.
        for subject in looked_at {
            if start.elapsed() < limit
                && let Some(killed) = self.look(&mut child, &place, Detector::Twins, subject)
            {
                return killed;
            }
        }
        match (fails, changed) {
            (0, _) if self.reached.contains(&place) => "survives: it never fails".to_owned(),
            (0, _) => "survives: nothing comes there".to_owned(),
            (_, 0) => {
                format!("survives: nothing else is made of {tried} of {fails} functions in which it fails")
            }
            _ => format!("survives: something else is made of {changed} of {tried} of {fails} functions"),
        }
    }

    /// What a detector notices in a program.
    fn look(
        &mut self,
        child: &mut Option<Child>,
        place: &str,
        detector: Detector,
        subject: Subject,
    ) -> Option<String> {
        let (number, time) = self.usual(detector, subject)?;
        let how = match ask(child, place, Question::Look(detector), subject, patience(time)) {
            Ok(reply) => match fine(&reply) {
                Some((now, _)) if now <= number => return None,
                Some((now, _)) => format!("{} accesses are not proved", now - number),
                None => short(&reply),
            },
            Err(how) => short(&how),
        };
        Some(format!("killed: {}, {}: {how}", format!("{detector:?}").to_lowercase(), subject.name()))
    }

    fn usual(&mut self, detector: Detector, subject: Subject) -> Option<(u64, Duration)> {
        *self.usual.entry((detector, subject)).or_insert_with(|| {
            let began = Instant::now();
            let reply = ask(&mut self.clean, "", Question::Look(detector), subject, EVER);
            let found = reply.as_ref().ok().and_then(|reply| fine(reply));
            if found.is_none() {
                println!("{} is wrong already: {reply:?}", subject.name());
            }
            found.map(|(number, _)| (number, began.elapsed()))
        })
    }
}

/// How long something may take with a condition dropped that takes so long without.
fn patience(time: Duration) -> Duration {
    time * PATIENCE.0 + PATIENCE.1
}

/// The number and the places of a reply that says that all is well.
fn fine(reply: &str) -> Option<(u64, [HashSet<Place>; 2])> {
    let mut lines = reply.strip_prefix("fine ")?.split('\n');
    let number = lines.next()?.parse().ok()?;
    let mut places = || lines.next().unwrap_or_default().split(',').map(str::to_owned).collect();
    Some((number, [places(), places()]))
}

/// The first line of what was said, without what differs from run to run.
fn short(text: &str) -> String {
    let line: String = text.lines().next().unwrap_or_default().chars().take(160).collect();
    line.split(" (").next().unwrap_or_default().to_owned()
}

/// Asks a child, of which a new one is made where there is none; it is gone after what is no reply.
fn ask(
    child: &mut Option<Child>,
    place: &str,
    question: Question,
    subject: Subject,
    patience: Duration,
) -> Result<String, String> {
    let mut process = child.take().unwrap_or_else(|| Child::start(TEST));
    match process.ask(&subject::request(place, question, subject), patience) {
        Answer::Reply(reply) => {
            *child = Some(process);
            Ok(reply)
        }
        Answer::Died(how) => Err(format!("the process died: {how}")),
        Answer::Hung => Err("it hangs".to_owned()),
    }
}
