//! What has been learned of predictions: for each operation, size and choice, how many times as long
//! it took as was predicted.
//!
//! A *bucket* is an operation whose predicted time lies between two powers of two. It remembers the last
//! choice, which changes only for a gain of 10 %. Now and then another choice is tried, the more rarely the worse
//! it seems to be; so a wrong prediction, or a machine that has changed, does not stay unnoticed. A trial is
//! several uses in a row, of which the fastest counts: cores that have slept take long to wake.
//!
//! Invariant: atomics alone, read and written without order. Two threads may lose a measurement of each other's,
//! and nothing else.
//!
//! ```text
//! let bucket = learned.bucket(operation, predicted);
//! let (chosen, reason) = bucket.select(&candidates);   // run it, measure it
//! bucket.record(candidates[chosen].choice, measured / predicted, reason == Reason::Trial);
//! ```

use super::{Candidate, Choice, Part, Reason};
use nbc_ir::catalogue::CATALOGUE;
use std::array::from_fn;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Powers of two of predicted nanoseconds that are told apart: to more than a minute.
const BUCKETS: usize = 37;
/// A choice changes if another takes at most that much of its time.
const GAIN: f64 = 0.9;
/// What was measured of one choice says at most that much of another.
const LIKELY: f64 = 4.0;
/// Measurements among which a mean is taken, about.
const MEMORY: u32 = 16;
/// So many first measurements count by the least: what is touched for the first time takes longer.
const FIRST: u32 = 3;
/// Nanoseconds that a trial is to last, by uses in a row: schedulers need some to spread threads over cores.
const TRIAL: f64 = 4e6;
/// Fewest and most uses of a trial.
const TRIALS: (f64, f64) = (4.0, 32.0);
/// A later one counts for at most so many times the mean: the system may have had something else to do.
const MOST: f64 = 2.0;

/// What has been learned by all instances of an engine.
#[derive(Default)]
pub(super) struct Learned {
    /// By operation and part.
    operations: OnceLock<Box<[OnceLock<Sizes>]>>,
}

/// An operation's buckets.
type Sizes = Box<[Bucket; BUCKETS]>;

impl Learned {
    /// What is known of an operation that is predicted to take so many nanoseconds on one core.
    pub(super) fn bucket(&self, operation: usize, part: Part, ns: f64) -> &Bucket {
        let all = self
            .operations
            .get_or_init(|| (0..Part::COUNT * CATALOGUE.len()).map(|_| OnceLock::new()).collect());
        let of = all[Part::COUNT * operation + part as usize]
            .get_or_init(|| Box::new(from_fn(|_| Bucket::default())));
        // What is no number becomes 0.
        &of[(ns.max(1.0).log2() as usize).min(BUCKETS - 1)]
    }
}

/// What is known of an operation at sizes that are alike.
#[derive(Default)]
pub(super) struct Bucket {
    /// The last choice, counted from 1; 0 where there was none.
    last: AtomicU32,
    uses: AtomicU32,
    /// Uses that are left of a trial, and the least factor of it so far.
    trial: AtomicU32,
    least: AtomicU32,
    /// By choice, its factors.
    factors: [Factor; Choice::COUNT],
    /// By choice, at which use it was last taken.
    taken: [AtomicU32; Choice::COUNT],
}

impl Bucket {
    /// Which of the candidates to take, of which there is one.
    pub(super) fn select(&self, candidates: &[Candidate]) -> (usize, Reason) {
        let known = |c: &Candidate| self.factors[c.choice.index()].mean();
        // One that was never measured is likely to be wrong as the others are.
        let likely = candidates.iter().find_map(known).unwrap_or(1.0).clamp(1.0 / LIKELY, LIKELY);
        let time =
            |c: &Candidate| known(c).map_or(c.start + c.body * likely, |factor| c.predicted() * factor);
        let (mut best, mut reason) = self.least(candidates, time);
        let uses = self.uses.fetch_add(1, Relaxed).wrapping_add(1);
        let is_due = |c: &Candidate| {
            let loss = time(c) / time(&candidates[best]) - 1.0;
            // A trial in so many uses makes them a hundredth longer; the first one comes soon,
            // for what was measured once may have waited for threads to be started.
            let is_sure = self.factors[c.choice.index()].parts().1 >= FIRST;
            let between = if is_sure { (100.0 * loss).max(32.0) } else { (20.0 * loss).clamp(1.0, 16.0) };
            let between = between * uses_of_trial(time(c));
            uses.wrapping_sub(self.taken_at(c)) as f64 >= between
        };
        let left = self.trial.load(Relaxed);
        let others = || (0..candidates.len()).filter(|at| *at != best);
        // The one that is being tried was taken last; a choice that has become the best is tried no more.
        let latest = || others().find(|at| self.taken_at(&candidates[*at]) == uses.wrapping_sub(1));
        if left > 0 {
            if let Some(other) = latest() {
                (best, reason) = (other, Reason::Trial);
            } else {
                self.trial.store(0, Relaxed);
            }
        } else if let Some(other) = others().find(|at| is_due(&candidates[*at])) {
            self.trial.store(uses_of_trial(time(&candidates[other])) as u32, Relaxed);
            self.least.store(f32::INFINITY.to_bits(), Relaxed);
            (best, reason) = (other, Reason::Trial);
        }
        self.taken[candidates[best].choice.index()].store(uses, Relaxed);
        (best, reason)
    }

    /// Which of the candidates takes the least time; the last one stays unless another is better by a tenth.
    fn least(&self, candidates: &[Candidate], time: impl Fn(&Candidate) -> f64) -> (usize, Reason) {
        let mut best = 0;
        for at in 1..candidates.len() {
            if time(&candidates[at]) < time(&candidates[best]) {
                best = at;
            }
        }
        let last = self.last.load(Relaxed) as usize;
        let mut reason = Reason::Predicted;
        if let Some(before) = candidates.iter().position(|c| c.choice.index() + 1 == last)
            && before != best
            && time(&candidates[best]) > GAIN * time(&candidates[before])
        {
            (best, reason) = (before, Reason::AsBefore);
        }
        self.last.store(candidates[best].choice.index() as u32 + 1, Relaxed);
        (best, reason)
    }

    /// Which side takes the least time. What was measured of the processor says nothing of a device, whose work nobody waits
    /// for, and none is tried.
    pub(super) fn select_side(&self, sides: &[Candidate]) -> (usize, Reason) {
        let factor = |c: &Candidate| self.factors[c.choice.index()].mean().unwrap_or(1.0);
        self.least(sides, |c| c.start + c.body * factor(c))
    }

    /// At which use a candidate was last taken.
    fn taken_at(&self, candidate: &Candidate) -> u32 {
        self.taken[candidate.choice.index()].load(Relaxed)
    }

    /// A choice took `factor` times as long as was predicted, perhaps as a trial.
    pub(super) fn record(&self, choice: Choice, factor: f64, is_trial: bool) {
        let factors = &self.factors[choice.index()];
        if !factor.is_finite() {
            return;
        }
        if !is_trial {
            return factors.add(factor);
        }
        let least = f64::from(f32::from_bits(self.least.load(Relaxed))).min(factor);
        self.least.store((least as f32).to_bits(), Relaxed);
        let left = self.trial.load(Relaxed).saturating_sub(1);
        self.trial.store(left, Relaxed);
        if left == 0 {
            factors.set(least);
        }
    }
}

/// So many uses are a trial of what is thought to take so many nanoseconds.
fn uses_of_trial(ns: f64) -> f64 {
    (TRIAL / ns).round().max(TRIALS.0).min(TRIALS.1)
}

/// A mean of factors: the upper half is an `f32`, the lower how many there are, up to [`MEMORY`].
#[derive(Default)]
struct Factor(AtomicU64);

impl Factor {
    fn parts(&self) -> (f64, u32) {
        let bits = self.0.load(Relaxed);
        (f32::from_bits((bits >> 32) as u32) as f64, bits as u32)
    }

    fn mean(&self) -> Option<f64> {
        let (mean, count) = self.parts();
        (count > 0).then_some(mean)
    }

    /// What a trial has shown counts as a few measurements do.
    fn set(&self, factor: f64) {
        self.0.store(((factor as f32).to_bits() as u64) << 32 | FIRST as u64, Relaxed);
    }

    fn add(&self, factor: f64) {
        let (mean, count) = self.parts();
        let mean = match count {
            0 => factor,
            1..FIRST => mean.min(factor),
            _ => mean + (factor.min(mean * MOST) - mean) / (count + 1) as f64,
        };
        let count = (count + 1).min(MEMORY - 1);
        self.0.store(((mean as f32).to_bits() as u64) << 32 | count as u64, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times here are in units of 10 microseconds, so that a trial is four uses.
    const UNIT: f64 = 1e4;

    fn candidates(one: f64, all: f64) -> [Candidate; 2] {
        let candidate = |choice, time| Candidate { choice, start: 0.0, body: time * UNIT };
        [candidate(Choice::OneCore, one), candidate(Choice::AllCores, all)]
    }

    /// Selects and measures so many times, where choices take `times`; how often each was taken.
    fn run(bucket: &Bucket, candidates: &[Candidate; 2], times: [f64; 2], uses: usize) -> [usize; 2] {
        let mut taken = [0; 2];
        for _ in 0..uses {
            let (at, reason) = bucket.select(candidates);
            let factor = times[at] * UNIT / candidates[at].predicted();
            bucket.record(candidates[at].choice, factor, reason == Reason::Trial);
            taken[at] += 1;
        }
        taken
    }

    #[test]
    fn the_least_is_taken_and_changes_for_a_tenth() {
        let learned = Learned::default();
        let bucket = learned.bucket(3, Part::Whole, 1000.0);
        let selected = |one, all| bucket.select(&candidates(one, all));
        assert_eq!(selected(100.0, 99.0), (1, Reason::Predicted));
        assert_eq!(selected(92.0, 100.0), (1, Reason::AsBefore));
        assert_eq!(selected(89.0, 100.0), (0, Reason::Predicted));
        // Others know nothing of it.
        let whole = Part::Whole;
        for (operation, part, ns) in [(3, Part::Group, 1000.0), (2, whole, 1000.0), (3, whole, 5000.0)] {
            let other = learned.bucket(operation, part, ns);
            assert_eq!(other.select(&candidates(92.0, 91.0)), (1, Reason::Predicted));
        }
    }

    #[test]
    fn a_wrong_prediction_is_corrected() {
        // Said to be worse, and better: soon the better one is taken.
        for (predicted, times) in [([100.0, 150.0], [100.0, 60.0]), ([100.0, 60.0], [100.0, 150.0])] {
            let bucket = Bucket::default();
            run(&bucket, &candidates(predicted[0], predicted[1]), times, 40);
            let taken = run(&bucket, &candidates(predicted[0], predicted[1]), times, 1000);
            let better = (times[1] < times[0]) as usize;
            assert!(taken[better] > 960, "{taken:?}");
            // The other one is still tried.
            assert!(taken[1 - better] > 2, "{taken:?}");
        }
    }

    #[test]
    fn what_is_much_worse_is_hardly_tried() {
        let bucket = Bucket::default();
        let taken = run(&bucket, &candidates(100.0, 1000.0), [100.0, 1000.0], 10_000);
        // Some 900 uses are between one use of a trial and the next.
        assert!((1..=16).contains(&taken[1]), "{taken:?}");
    }

    #[test]
    fn cores_that_have_slept_are_slow_at_first() {
        let bucket = Bucket::default();
        let both = candidates(100.0, 60.0);
        let mut sleeps = true;
        let mut taken = [0; 2];
        for n in 0..3000 {
            let (at, reason) = bucket.select(&both);
            let time = [100.0, if sleeps || n < 1 { 400.0 } else { 60.0 }][at];
            sleeps = at == 0;
            bucket.record(both[at].choice, time * UNIT / both[at].predicted(), reason == Reason::Trial);
            taken[at] += 1;
        }
        assert!(taken[1] > 2500, "{taken:?}");
    }

    #[test]
    fn a_machine_that_changes_is_noticed() {
        let bucket = Bucket::default();
        let both = candidates(100.0, 60.0);
        run(&bucket, &both, [100.0, 60.0], 500);
        // The other cores are busy from now on, and then are not.
        run(&bucket, &both, [100.0, 300.0], 200);
        assert!(run(&bucket, &both, [100.0, 300.0], 1000)[0] > 980);
        run(&bucket, &both, [100.0, 60.0], 20_000);
        assert!(run(&bucket, &both, [100.0, 60.0], 1000)[1] > 960);
    }

    #[test]
    fn one_slow_run_changes_nothing() {
        let bucket = Bucket::default();
        let both = candidates(100.0, 60.0);
        // The first one touches memory for the first time.
        run(&bucket, &both, [500.0, 500.0], 1);
        run(&bucket, &both, [100.0, 60.0], 100);
        bucket.record(Choice::AllCores, 1e6, false);
        // But for a trial.
        assert!(run(&bucket, &both, [100.0, 60.0], 20)[1] >= 16);
        bucket.record(Choice::AllCores, f64::NAN, false);
        bucket.record(Choice::AllCores, f64::INFINITY, true);
        assert!(run(&bucket, &both, [100.0, 60.0], 20)[1] >= 16);
    }

    #[test]
    fn numbers_that_are_none_choose_something() {
        let learned = Learned::default();
        for value in [f64::NAN, f64::INFINITY, 0.0, -1.0, 1e300] {
            let bucket = learned.bucket(0, Part::Whole, value);
            for _ in 0..100 {
                assert!(bucket.select(&candidates(value, 1.0)).0 < 2);
                assert!(bucket.select(&candidates(1.0, value)).0 < 2);
            }
            assert_eq!(bucket.select(&candidates(value, value)[..1]).0, 0);
        }
    }
}
