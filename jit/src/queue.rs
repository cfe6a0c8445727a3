//! The compile queue: what waits to be compiled, and in which order.
//!
//! A program waits for the loop that it runs, or for a function that it calls
//! over and over: the newest first, for that is where it is now. What may be of
//! use once a function is called again is compiled when nothing else waits.

use nbc_ir::{BlockId, FuncId, Inst, VerifiedModule};
use nbc_runtime::machine::loaded::Loaded;
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
#[derive(Clone)]
pub struct Job {
    /// The program, unless it is gone.
    pub code: Weak<Loaded>,
    /// What of it.
    pub place: Place,
    /// Set when nobody waits for it any more.
    pub unwanted: Arc<AtomicBool>,
    /// Whether it has been put off once. The next time it is finished.
    was_put_off: bool,
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

/// The job being done.
struct Current {
    job: Job,
    until: Until,
}

/// The requests of a program. The reference keeps its address from being used
/// again.
struct Known {
    program: Weak<Loaded>,
    places: FxHashMap<Place, Urgency>,
    /// Functions that cannot be compiled: none of their loops is tried either.
    hopeless: FxHashSet<FuncId>,
}

/// The state of the queue: what waits, and what has been asked for.
#[derive(Default)]
pub struct Queue {
    /// The newest last.
    urgent: Vec<Job>,
    later: VecDeque<Job>,
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
        let job = Job { code: Arc::downgrade(code), place, unwanted: Arc::default(), was_put_off: false };
        match urgency {
            Urgency::Later => self.later.push_back(job),
            Urgency::Now => {
                if let Some(current) = &self.current
                    && !current.is_wanted(code, place)
                {
                    current.job.unwanted.store(true, Ordering::Relaxed);
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
            // What has become urgent meanwhile was done as such.
            if job.code.strong_count() == 0 || self.set(&job, Urgency::Now) != Some(urgency) {
                continue;
            }
            let until = match urgency {
                Urgency::Later if !job.was_put_off => Until::Urgent,
                _ => Until::Done,
            };
            self.current = Some(Current { job: job.clone(), until });
            return Some(job);
        }
    }

    /// Says that the job being done is wanted until its program has left a cycle,
    /// the job's [`quiet_cycle`](Job::quiet_cycle).
    pub fn wanted_within(&mut self, cycle: u32) {
        if let Some(current) = &mut self.current {
            current.until = Until::Left(cycle);
        }
    }

    /// Says that the job is done; or if it was broken off, that it waits until
    /// there is time for it.
    pub fn done(&mut self, was_broken_off: bool) {
        if let Some(Current { job, .. }) = self.current.take()
            && was_broken_off
        {
            self.set(&job, Urgency::Later);
            self.later.push_back(Job { unwanted: Arc::default(), was_put_off: true, ..job });
        }
    }

    /// Changes how much a job that has been asked for matters; how much it did.
    fn set(&mut self, job: &Job, urgency: Urgency) -> Option<Urgency> {
        let known = self.known.get_mut(&job.code.as_ptr().addr())?;
        known.places.insert(job.place, urgency)
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

impl Job {
    /// The cycle of blocks in which code that takes over there is of use. `None`
    /// unless the program is sure to have left the cycle when it comes to a
    /// place outside: nothing is called there. Takes time that grows with the
    /// function.
    pub fn quiet_cycle(&self, module: &VerifiedModule) -> Option<u32> {
        let (func, Some((block, _))) = self.place else { return None };
        if self.was_put_off {
            return None;
        }
        let facts = module.facts(func);
        let cycle = facts.cycle(BlockId(block))?;
        let calls = |inst: &Inst| matches!(inst, Inst::Call { .. } | Inst::CallRef { .. });
        let blocks = module.function(func)?.blocks.iter().enumerate();
        let mut inside = blocks.filter(|(b, _)| facts.cycle(BlockId::new(*b)) == Some(cycle));
        (!inside.any(|(_, block)| block.insts.iter().any(calls))).then_some(cycle)
    }
}

impl Current {
    /// Whether it is still wanted when a program has come to `place`.
    fn is_wanted(&self, code: &Arc<Loaded>, (func, resume): Place) -> bool {
        match self.until {
            Until::Done => true,
            Until::Urgent => false,
            Until::Left(_) if !ptr::eq(self.job.code.as_ptr(), Arc::as_ptr(code)) => true,
            Until::Left(cycle) => {
                let now = resume.and_then(|(block, _)| code.module.facts(func).cycle(BlockId(block)));
                func == self.job.place.0 && now == Some(cycle)
            }
        }
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

    /// Begins the next job.
    fn take(queue: &mut Queue) -> Option<Job> {
        let job = queue.take()?;
        if let Some(cycle) = job.quiet_cycle(&job.code.upgrade().unwrap().module) {
            queue.wanted_within(cycle);
        }
        Some(job)
    }

    /// Does all jobs and says in which order.
    fn order(mut queue: Queue) -> Vec<Place> {
        let mut order = Vec::new();
        while let Some(job) = take(&mut queue) {
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
        let job = take(&mut queue).unwrap();
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
        let job = take(&mut queue).unwrap();
        queue.ask(&other, ROW, Urgency::Now);
        assert!(!job.unwanted.load(Ordering::Relaxed));
    }

    #[test]
    fn a_job_is_put_off_once() {
        let code = program();
        let mut queue = queue(&code, &[(FIRST, Urgency::Now)]);
        take(&mut queue).unwrap();
        queue.done(true);
        let job = take(&mut queue).unwrap();
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
