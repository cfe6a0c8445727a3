//! Proofs that a polynomial is not negative at a place.
//!
//! The unknown that is made last is replaced by a bound of it in terms of those
//! before. If `c` is not negative and `x >= b`, then `c*x + r >= 0` follows from
//! `c*b + r >= 0`. So it does if `c` is not positive and `x <= b`. What is chosen,
//! a minimum, or what ways meet in, is taken apart case by case. All arithmetic is
//! exact; the search is bounded by a number of steps, and gives up rather than
//! guesses.

use super::facts::Env;
use super::poly::{Atom, Poly};
use super::ssa::{Arg, Made, Value};
use super::unknowns::Unknown;
use super::{ATTEMPTS, Checker};
use crate::mir::MirOp;
use nbc_ir::Inst;

/// How far a proof may go.
pub const DEPTH: u32 = 9;
/// Steps of a proof by bounds alone.
const STEPS_SIMPLY: [usize; ATTEMPTS] = [24, 60, 300];
/// How far it may go: near proofs are tried before others.
const DEPTH_SIMPLY: u32 = 6;
/// Unknowns that are tried, of those made last.
const TRIED: usize = 3;
/// What taking apart case by case costs.
const CASE: u32 = 2;

/// What became of a goal at a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It is proved.
    Proved,
    /// It could not be, going so far.
    Failed(u32),
}

impl Checker<'_> {
    /// Whether `goal` is not negative at a place, as far as can be proved.
    pub fn prove(&mut self, goal: &Poly, env: &Env, depth: u32) -> bool {
        if self.span(goal, env).low >= 0 {
            return true;
        }
        if depth == 0 {
            return false;
        }
        let name = env.name(&mut self.last_name);
        match self.outcomes.get(&name).and_then(|of| of.get(goal)) {
            Some(Outcome::Proved) => return true,
            Some(Outcome::Failed(tried)) if *tried >= depth => return false,
            _ => {}
        }
        if self.simply && self.failed_simply.get(&(name, goal.clone())).is_some_and(|tried| *tried >= depth)
            || !self.spend()
        {
            return false;
        }
        let is_proved = self.search(goal, env, depth);
        if self.simply && !is_proved && self.steps <= self.until {
            self.failed_simply.insert((name, goal.clone()), depth);
        }
        // What was given up for want of steps may be proved another time.
        if is_proved || self.steps <= self.until && !self.simply {
            let outcome = if is_proved { Outcome::Proved } else { Outcome::Failed(depth) };
            self.outcomes.entry(name).or_default().insert(goal.clone(), outcome);
        }
        is_proved
    }

    /// Whether `goal` is proved by bounds alone, in a few steps.
    pub fn prove_simply(&mut self, goal: &Poly, env: &Env) -> bool {
        let before = std::mem::replace(&mut self.simply, true);
        self.failed_simply.clear();
        let is_proved = self.within(STEPS_SIMPLY[self.attempt], |it| {
            (1..=DEPTH_SIMPLY).any(|depth| it.prove(goal, env, depth))
        });
        self.simply = before;
        is_proved
    }

    fn search(&mut self, goal: &Poly, env: &Env, depth: u32) -> bool {
        let mut atoms: Vec<Atom> = goal.atoms().collect();
        atoms.sort_unstable_by_key(|a| std::cmp::Reverse(self.order(*a)));
        atoms.dedup();
        let tried = if depth > DEPTH - 4 { TRIED } else { 1 };
        // What is left of room once a guard's bound of a length is taken off says most.
        let (mut first, rest): (Vec<Atom>, Vec<Atom>) =
            atoms.into_iter().partition(|a| matches!(self.unknown(*a), Unknown::Field(..)));
        first.extend(rest.into_iter().take(tried));
        let atoms = first;
        if atoms.iter().any(|atom| self.by_bounds(goal, *atom, env, depth)) {
            return true;
        }
        if self.simply {
            return false;
        }
        atoms.iter().any(|atom| self.by_cases(goal, *atom, env, depth))
            || self.by_first_iteration(goal, env, depth)
    }

    /// Replaces `atom` by its bounds.
    fn by_bounds(&mut self, goal: &Poly, atom: Atom, env: &Env, depth: u32) -> bool {
        if let Some(times) = goal.coefficient(atom) {
            return self.by_bounds_of_term(goal, times, atom, env, depth);
        }
        let Some(powers) = goal.by_power(atom) else { return false };
        let [rest, times] = &powers[..] else { return false };
        let span = self.span(times, env);
        let grows = match (span.low >= 0, span.high <= 0) {
            (true, _) => true,
            (_, true) => false,
            _ => {
                if depth < 4 {
                    return false;
                }
                let Some(falls) = times.scaled(-1) else { return false };
                if self.prove(times, env, depth - 3) {
                    true
                } else if self.prove(&falls, env, depth - 3) {
                    false
                } else {
                    return false;
                }
            }
        };
        let parts = (rest, times, grows);
        let mut goals: Vec<Poly> = Vec::new();
        goals.extend(env.facts_with(atom).filter_map(|fact| self.next_goal(goal, parts, fact, atom)));
        let span = self.span_of(atom, env);
        let end = if grows { span.low } else { span.high };
        goals.extend((end.abs() <= 1 << 64).then(|| rest.plus_times(times, end)).flatten());
        if self.any_of(&mut goals, env, depth) {
            return true;
        }
        let own = self.noted_facts_of_maker(atom, env);
        let mut goals: Vec<Poly> =
            own.iter().filter_map(|fact| self.next_goal(goal, parts, fact, atom)).collect();
        self.any_of(&mut goals, env, depth)
    }

    /// The same where `atom` is in one term of the goal alone, `times * atom`.
    fn by_bounds_of_term(&mut self, goal: &Poly, times: i128, atom: Atom, env: &Env, depth: u32) -> bool {
        let facts = env.facts_with(atom);
        let mut goals: Vec<Poly> =
            facts.filter_map(|fact| self.next_goal_of_term(goal, times, fact, atom)).collect();
        let span = self.span_of(atom, env);
        let end = if times > 0 { span.low } else { span.high };
        if end.abs() <= 1 << 64 {
            let rest = goal.plus_times(&Poly::atom(atom), -times);
            goals.extend(rest.and_then(|rest| rest.plus_number(times.checked_mul(end)?)));
        }
        if self.any_of(&mut goals, env, depth) {
            return true;
        }
        let own = self.noted_facts_of_maker(atom, env);
        let mut goals: Vec<Poly> =
            own.iter().filter_map(|fact| self.next_goal_of_term(goal, times, fact, atom)).collect();
        self.any_of(&mut goals, env, depth)
    }

    /// What is left to prove of a goal with `times * atom` where `fact` bounds `atom`.
    fn next_goal_of_term(&self, goal: &Poly, times: i128, fact: &Poly, atom: Atom) -> Option<Poly> {
        let by = fact.coefficient(atom)?;
        if (by > 0) != (times > 0) || !self.is_bound(fact, atom) {
            return None;
        }
        // by * goal is no less than by * goal - times * fact, in which the unknown
        // is no longer. A whole number is not negative if `by` times it is more
        // than -by.
        let (by, times) = (by.abs(), times.abs());
        let divisor = Poly::number(by).divisor(times);
        let (by, times) = (by / divisor, times / divisor);
        let scaled =
            if by == 1 { goal.plus_times(fact, -times) } else { goal.scaled(by)?.plus_times(fact, -times) };
        Some(scaled?.plus_number(by - 1)?.tightened())
    }

    /// Whether a fact says what an unknown is in terms of those before it. A length
    /// is known from the start, but a guard bounds it by what is made later.
    fn is_bound(&self, fact: &Poly, atom: Atom) -> bool {
        let order = self.order(atom);
        matches!(self.unknown(atom), Unknown::Field(..))
            || fact.atoms().all(|a| a == atom || self.order(a) < order)
    }

    /// Whether one of several goals is proved, the simplest first.
    fn any_of(&mut self, goals: &mut [Poly], env: &Env, depth: u32) -> bool {
        goals.sort_by_key(Poly::len);
        goals.iter().any(|goal| self.span(goal, env).low >= 0)
            || goals.iter().any(|goal| self.prove(goal, env, depth - 1))
    }

    /// What is left to prove where `fact` bounds `atom` on the side that matters.
    fn next_goal(
        &self,
        goal: &Poly,
        (rest, times, grows): (&Poly, &Poly, bool),
        fact: &Poly,
        atom: Atom,
    ) -> Option<Poly> {
        let powers = fact.by_power(atom)?;
        let [other, by] = &powers[..] else { return None };
        let Some(by) = by.as_number() else {
            // The same coefficient: then the fact is simply taken off.
            return (by == times).then(|| goal.minus(fact)).flatten().map(Poly::tightened);
        };
        let bounds = if grows { by > 0 } else { by < 0 };
        if !bounds || !self.is_bound(fact, atom) {
            return None;
        }
        // |by| * goal >= |by| * rest -+ times * other, and a whole number is not
        // negative if |by| times it is more than -|by|.
        let part = times.times(other)?;
        let goal = rest.scaled(by.abs())?.plus_times(&part, if grows { -1 } else { 1 })?;
        Some(goal.plus_number(by.abs() - 1)?.tightened())
    }

    /// Takes `atom` apart case by case.
    fn by_cases(&mut self, goal: &Poly, atom: Atom, env: &Env, depth: u32) -> bool {
        let Unknown::Value(value) = self.unknown(atom) else { return false };
        if depth <= CASE {
            return false;
        }
        let depth = depth - CASE;
        let def = self.ssa.def(value);
        if def.made == Made::Phi {
            return !self.loops.is_header(def.block) && self.by_ways(goal, value, env, depth);
        }
        let Some((node, args)) = self.ssa.maker(self.func, value) else { return false };
        let MirOp::Inst(inst) = &node.op else { return false };
        match inst {
            Inst::Select { .. } => {
                let Arg::Value(cond) = args[0] else { return false };
                [(true, args[1]), (false, args[2])].into_iter().all(|(holds, arg)| {
                    let mut conditions = Vec::new();
                    self.conditions(cond, holds, &mut conditions);
                    let mut case = env.clone();
                    self.assume(&mut case, &conditions, depth.min(4));
                    self.case(goal, atom, arg, &case, depth)
                })
            }
            Inst::I64Min { .. } | Inst::I64Max { .. } | Inst::I64MinU { .. } => {
                let is_max = matches!(inst, Inst::I64Max { .. });
                let polys = [args[0], args[1]].map(|arg| self.exact(arg, env, depth.min(4)));
                let [Some(a), Some(b)] = polys else { return false };
                if matches!(inst, Inst::I64MinU { .. })
                    && !(self.prove(&a, env, depth.min(4)) && self.prove(&b, env, depth.min(4)))
                {
                    return false;
                }
                [(&a, &b, args[0]), (&b, &a, args[1])].into_iter().all(|(is, other, arg)| {
                    let mut case = env.clone();
                    let more = if is_max { is.minus(other) } else { other.minus(is) };
                    if let Some(more) = more {
                        self.add(&mut case, more);
                    }
                    self.case(goal, atom, arg, &case, depth)
                })
            }
            _ => false,
        }
    }

    /// The goal where `atom` is what `arg` is.
    fn case(&mut self, goal: &Poly, atom: Atom, arg: Arg, env: &Env, depth: u32) -> bool {
        let Some(is) = self.exact(arg, env, depth.min(4)) else { return false };
        if is.has(atom) {
            return false;
        }
        let (Some(goal), Some(env)) = (goal.replaced(atom, &is), self.replaced(env, atom, &is)) else {
            return false;
        };
        self.prove(&goal, &env, depth)
    }

    /// The goal on each way on which `phi`, of a block that is no header, is met.
    fn by_ways(&mut self, goal: &Poly, phi: Value, env: &Env, depth: u32) -> bool {
        let block = self.ssa.def(phi).block;
        let rank = self.cfg.rank(block);
        let atom = self.atom(Unknown::Value(phi));
        self.edges_to(phi).into_iter().all(|(pred, arg)| {
            // What comes back may be of another time.
            if self.cfg.rank(pred) >= rank {
                return false;
            }
            let mut way = (*self.env_of_edge(pred, block)).clone();
            for fact in env.facts() {
                if !way.has(fact) {
                    self.add(&mut way, fact.clone());
                }
            }
            self.case(goal, atom, Arg::Value(arg), &way, depth)
        })
    }

    /// The goal in the first iteration of a loop, and in later ones, of which
    /// more may be known.
    fn by_first_iteration(&mut self, goal: &Poly, env: &Env, depth: u32) -> bool {
        if depth <= CASE {
            return false;
        }
        let depth = depth - CASE;
        let Some(count) = env.later().map(|l| l.0).find(|count| goal.has(*count)) else { return false };
        let mut later = env.clone();
        for fact in later.take_later(count) {
            self.add(&mut later, fact);
        }
        if let Some(again) = Poly::atom(count).plus_number(-1) {
            self.add(&mut later, again);
        }
        let zero = Poly::number(0);
        let (Some(first), Some(at_first)) = (goal.replaced(count, &zero), self.replaced(env, count, &zero))
        else {
            return false;
        };
        self.prove(&first, &at_first, depth) && self.prove(goal, &later, depth)
    }
}
