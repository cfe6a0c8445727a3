//! What waits to be compiled, and in which order.
//!
//! A program waits for the loop that it runs, or for a function that it calls
//! over and over: the newest first, for that is where it is now. What may be of
//! use once a function is called again is compiled when nothing else waits.

use nbc_ir::{BlockId, FuncId, Inst, VerifiedModule};
use nbc_runtime::interp::code::Loaded;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

/// Most jobs waiting at once.
const MAX_WAITING: usize = 1 << 15;

/// A function, or where one is entered in a loop: by block and instruction.
pub type Place = (FuncId, Option<(u32, u32)>);

/// How much a job matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Urgency {
    /// A program is there.
    Now,
    /// A program may come there.
    Later,
}

/// Something to compile.
pub struct Job {
    /// The program.
    pub code: Arc<Loaded>,
    /// What of it.
    pub place: Place,
    /// Set when nobody waits for it any more.
    pub unwanted: Arc<AtomicBool>,
}

struct Waiting {
    code: Weak<Loaded>,
    place: Place,
    /// Whether it has been put off once. The next time it is finished.
    was_put_off: bool,
}

/// The job being done.
struct Current {
    code: Weak<Loaded>,
    place: Place,
    until: Until,
    unwanted: Arc<AtomicBool>,
}

/// How long a job is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Until {
    /// Until it is done.
    Done,
    /// Until something is urgent.
    Urgent,
    /// Until its program has left a cycle of blocks, in which nothing is called.
    Left(u32),
}

/// What has been asked for of a program. The reference keeps its address from
/// being used again.
struct Known {
    program: Weak<Loaded>,
    places: FxHashMap<Place, Urgency>,
    /// Functions that cannot be compiled: none of their loops is tried either.
    hopeless: FxHashSet<FuncId>,
}

/// What waits, and what has been asked for.
#[derive(Default)]
pub struct Queue {
    /// The newest last.
    urgent: Vec<Waiting>,
    later: VecDeque<Waiting>,
    current: Option<Current>,
    /// What has been asked for, by the address of the program.
    known: FxHashMap<usize, Known>,
    /// How many programs make it worth looking for those that are gone.
    crowd: usize,
    /// Whether there is a thread that does the jobs.
    pub has_worker: bool,
    /// Whether that is to end.
    pub stop: bool,
}

/// Whether a job was put into the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    /// It waits.
    Queued,
    /// It had been asked for before, or cannot be had.
    Known,
    /// Too much waits.
    Full,
}

impl Queue {
    /// Notes that a place is asked for; `false` if there is nothing to do.
    pub fn note(&mut self, code: &Arc<Loaded>, place: Place, urgency: Urgency) -> bool {
        let known = self.known(code);
        if known.hopeless.contains(&place.0) {
            return false;
        }
        match known.places.entry(place) {
            Entry::Vacant(new) => {
                new.insert(urgency);
                true
            }
            Entry::Occupied(mut old) if (*old.get(), urgency) == (Urgency::Later, Urgency::Now) => {
                old.insert(urgency);
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// Lets a place wait for its turn.
    pub fn ask(&mut self, code: &Arc<Loaded>, place: Place, urgency: Urgency) -> Asked {
        if !self.note(code, place, urgency) {
            return Asked::Known;
        }
        if self.waiting() == MAX_WAITING {
            return Asked::Full;
        }
        let job = Waiting { code: Arc::downgrade(code), place, was_put_off: false };
        match urgency {
            Urgency::Later => self.later.push_back(job),
            Urgency::Now => {
                if let Some(current) = &self.current
                    && !current.is_wanted(code, place)
                {
                    current.unwanted.store(true, Ordering::Relaxed);
                }
                self.urgent.push(job);
            }
        }
        Asked::Queued
    }

    /// The next job, which is being done from now on.
    pub fn take(&mut self) -> Option<Job> {
        loop {
            let (job, urgency) = match self.urgent.pop() {
                Some(job) => (job, Urgency::Now),
                None => (self.later.pop_front()?, Urgency::Later),
            };
            let Some(code) = job.code.upgrade() else { continue };
            // What has become urgent meanwhile was done as such.
            if self.known(&code).places.insert(job.place, Urgency::Now) != Some(urgency) {
                continue;
            }
            let until = match (urgency, job.place.1) {
                _ if job.was_put_off => Until::Done,
                (Urgency::Later, _) => Until::Urgent,
                (Urgency::Now, None) => Until::Done,
                (Urgency::Now, Some((block, _))) => until_left(&code.module, job.place.0, block),
            };
            let unwanted = Arc::<AtomicBool>::default();
            self.current =
                Some(Current { code: job.code, place: job.place, until, unwanted: unwanted.clone() });
            return Some(Job { code, place: job.place, unwanted });
        }
    }

    /// Says that the job is done; or if it was not wanted any more, that it
    /// waits until there is time for it.
    pub fn done(&mut self, is_unwanted: bool) {
        if let Some(Current { code: program, place, .. }) = self.current.take()
            && is_unwanted
            && let Some(code) = program.upgrade()
        {
            self.known(&code).places.insert(place, Urgency::Later);
            self.later.push_back(Waiting { code: program, place, was_put_off: true });
        }
    }

    /// Notes that a function cannot be compiled.
    pub fn give_up(&mut self, code: &Arc<Loaded>, func: FuncId) {
        self.known(code).hopeless.insert(func);
    }

    /// How many jobs wait.
    pub fn waiting(&self) -> usize {
        self.urgent.len() + self.later.len()
    }

    /// Whether nothing waits or is being done.
    pub fn is_idle(&self) -> bool {
        self.current.is_none() && self.waiting() == 0
    }

    /// Forgets what waits.
    pub fn clear(&mut self) {
        self.urgent.clear();
        self.later.clear();
    }

    fn known(&mut self, code: &Arc<Loaded>) -> &mut Known {
        if self.known.len() > self.crowd {
            self.known.retain(|_, k| k.program.strong_count() > 0);
            self.crowd = 2 * self.known.len() + 16;
        }
        self.known.entry(Arc::as_ptr(code).addr()).or_insert_with(|| Known {
            program: Arc::downgrade(code),
            places: FxHashMap::default(),
            hopeless: FxHashSet::default(),
        })
    }
}

impl Current {
    /// Whether it is still wanted when a program has come to `place`.
    fn is_wanted(&self, code: &Arc<Loaded>, place: Place) -> bool {
        let Until::Left(cycle) = self.until else { return self.until == Until::Done };
        let (func, resume) = place;
        let now = resume.and_then(|(block, _)| code.module.facts(func).cycle(BlockId(block)));
        !ptr::eq(self.code.as_ptr(), Arc::as_ptr(code)) || (func == self.place.0 && now == Some(cycle))
    }
}

/// Until when code is wanted that takes over in `block`.
fn until_left(module: &VerifiedModule, func: FuncId, block: u32) -> Until {
    let (Some(function), Some(cycle)) = (module.function(func), module.facts(func).cycle(BlockId(block)))
    else {
        return Until::Done;
    };
    let calls = |inst: &Inst| matches!(inst, Inst::Call { .. } | Inst::CallRef { .. });
    let blocks = (0..function.blocks.len()).map(BlockId::new);
    let mut inside = blocks.filter(|b| module.facts(func).cycle(*b) == Some(cycle));
    match inside.any(|b| function.blocks[b.index()].insts.iter().any(calls)) {
        // Where the program is now may have been called from there.
        true => Until::Done,
        false => Until::Left(cycle),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nbc_ir::Module;
    use nbc_runtime::engine::Engine;

    /// Functions 0 and 1: a loop, then two in one another; one whose loop calls.
    const PROGRAM: &str = "\
export func @loops(%n: i64) -> i64 {
  %i = i64.const 0
  br first
first:
  %i = i64.add %i, 1
  %c = i64.lt %i, %n
  br_if %c, first, rows
rows:
  %j = i64.const 0
  br row
row:
  %j = i64.add %j, 1
  %c = i64.lt %j, %n
  br_if %c, row, end
end:
  %i = i64.sub %i, 1
  %c = i64.gt %i, 0
  br_if %c, rows, done
done:
  ret %i
}
export func @calls(%n: i64) -> i64 {
  br again
again:
  %n = i64.sub %n, 1
  %x = call @loops(%n)
  %c = i64.gt %n, 0
  br_if %c, again, done
done:
  ret %n
}
";
    const FIRST: Place = (FuncId(0), Some((1, 2)));
    const ROW: Place = (FuncId(0), Some((3, 2)));
    const ROWS: Place = (FuncId(0), Some((4, 2)));
    const LOOPS: Place = (FuncId(0), None);
    const AGAIN: Place = (FuncId(1), Some((1, 3)));
    const CALLS: Place = (FuncId(1), None);

    fn program() -> Arc<Loaded> {
        let module = Module::parse(PROGRAM, "queue.nba").unwrap().verify().unwrap();
        Engine::default().load(module).loaded(false)
    }

    /// A queue that `asks` have been put into.
    fn queue(code: &Arc<Loaded>, asks: &[(Place, Urgency)]) -> Queue {
        let mut queue = Queue::default();
        for (place, urgency) in asks {
            assert_eq!(queue.ask(code, *place, *urgency), Asked::Queued);
        }
        queue
    }

    /// Does all jobs and says in which order.
    fn order(mut queue: Queue) -> Vec<Place> {
        let mut order = Vec::new();
        while let Some(job) = queue.take() {
            order.push(job.place);
            queue.done(false);
        }
        assert!(queue.is_idle());
        order
    }

    #[test]
    fn what_is_urgent_comes_first_and_the_newest_of_it() {
        use Urgency::{Later, Now};
        let code = program();
        let asks = [(FIRST, Now), (LOOPS, Later), (ROW, Now), (CALLS, Later)];
        assert_eq!(order(queue(&code, &asks)), [ROW, FIRST, LOOPS, CALLS]);
    }

    #[test]
    fn a_place_is_done_once_and_sooner_when_it_becomes_urgent() {
        use Urgency::{Later, Now};
        let code = program();
        let mut queue = queue(&code, &[(CALLS, Later), (LOOPS, Later), (AGAIN, Now)]);
        assert_eq!(queue.ask(&code, LOOPS, Later), Asked::Known);
        assert_eq!(queue.ask(&code, LOOPS, Now), Asked::Queued);
        assert_eq!(queue.ask(&code, LOOPS, Now), Asked::Known);
        assert_eq!(queue.ask(&code, LOOPS, Later), Asked::Known);
        assert_eq!(order(queue), [LOOPS, AGAIN, CALLS]);
    }

    /// Whether the job for `doing` is still wanted when `new` is asked for.
    fn stays(doing: (Place, Urgency), new: (Place, Urgency)) -> bool {
        let code = program();
        let mut queue = queue(&code, &[doing]);
        let job = queue.take().unwrap();
        queue.ask(&code, new.0, new.1);
        let is_wanted = !job.unwanted.load(Ordering::Relaxed);
        queue.done(!is_wanted);
        // What was put off comes when nothing else waits, and then for good.
        let again = if is_wanted { vec![new.0] } else { vec![new.0, doing.0] };
        if new.1 == Urgency::Now {
            assert_eq!(order(queue), again);
        }
        is_wanted
    }

    #[test]
    fn a_job_is_put_off_when_its_program_has_gone_on() {
        use Urgency::{Later, Now};
        assert!(!stays((FIRST, Now), (ROW, Now)), "another loop");
        assert!(!stays((FIRST, Now), (AGAIN, Now)), "another function");
        assert!(!stays((FIRST, Now), (LOOPS, Now)), "called again");
        assert!(stays((ROW, Now), (ROWS, Now)), "the loop around");
        assert!(stays((ROWS, Now), (ROW, Now)), "the loop in it");
        assert!(stays((AGAIN, Now), (ROW, Now)), "may have been called from there");
        assert!(stays((LOOPS, Now), (AGAIN, Now)), "a function is called again and again");
        assert!(stays((FIRST, Now), (LOOPS, Later)), "nothing new");
        assert!(!stays((LOOPS, Later), (AGAIN, Now)), "was of no hurry");
    }

    #[test]
    fn other_programs_do_not_say_where_one_is() {
        let (code, other) = (program(), program());
        let mut queue = queue(&code, &[(FIRST, Urgency::Now)]);
        let job = queue.take().unwrap();
        queue.ask(&other, ROW, Urgency::Now);
        assert!(!job.unwanted.load(Ordering::Relaxed));
    }

    #[test]
    fn a_job_is_put_off_once() {
        let code = program();
        let mut queue = queue(&code, &[(FIRST, Urgency::Now)]);
        queue.take().unwrap();
        queue.done(true);
        let job = queue.take().unwrap();
        queue.ask(&code, ROW, Urgency::Now);
        assert!(!job.unwanted.load(Ordering::Relaxed));
    }

    #[test]
    fn programs_that_are_gone_are_not_compiled() {
        let code = program();
        let queue = queue(&code, &[(FIRST, Urgency::Now), (LOOPS, Urgency::Later)]);
        drop(code);
        assert_eq!(order(queue), []);
    }

    #[test]
    fn functions_that_cannot_be_compiled_are_not_tried_again() {
        let code = program();
        let mut queue = queue(&code, &[]);
        queue.give_up(&code, FuncId(0));
        assert_eq!(queue.ask(&code, FIRST, Urgency::Now), Asked::Known);
        assert_eq!(queue.ask(&code, AGAIN, Urgency::Now), Asked::Queued);
    }

    #[test]
    fn a_queue_is_bounded() {
        let code = program();
        let mut queue = queue(&code, &[]);
        for n in 0..MAX_WAITING as u32 {
            assert_eq!(queue.ask(&code, (FuncId(1), Some((1, n))), Urgency::Later), Asked::Queued);
        }
        assert_eq!(queue.ask(&code, FIRST, Urgency::Now), Asked::Full);
    }
}
