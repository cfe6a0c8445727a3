//! Loop invariants: facts that hold each time that a header is reached, proved by
//! induction.
//!
//! A candidate is a polynomial in phis of the header, the count of the loop, and
//! what the loop leaves alone. All candidates of all loops are assumed at once, where
//! their headers are; each has to be not negative then on every way into its loop,
//! with a count of 0. So it has to be on every way back, with a count that is one
//! more. Those that are not are dropped, and so on until nothing is (Flanagan and
//! Leino, "Houdini, an annotation assistant for ESC/Java", 2001). What is left holds:
//! the first time that one would not, it was proved on the way there from others that
//! held.
//!
//! What is asked again after some were dropped is only what lies behind their headers:
//! what is known at a place comes from places before it, by edges that go forward.
//!
//! Candidates of which only the ways back can be proved are assumed, and hold, for all
//! iterations but the first. Where candidates come from does not matter:
//!
//! - A test that every way back passes, of a counter: it was passed the time
//!   before, so what it says of `count` holds of `count - 1`.
//! - Phis that are no counters: they do not fall below, or rise above, what they
//!   start with, or by a number an iteration.

use super::facts::Env;
use super::poly::{Atom, Poly, Span};
use super::prove::DEPTH;
use super::ssa::{Arg, Made, Value};
use super::unknowns::Unknown;
use super::{ATTEMPTS, Checker};
use crate::mir::MirOp;
use nbc_ir::{BlockId, Inst};
use std::rc::Rc;

/// Most blocks between a header and a way back that are looked at.
const MAX_CLIMB: usize = 64;
/// Most phis of a header that are no counters and are asked about.
const MAX_PHIS: usize = 6;
/// How far questions about places may lead to questions about others.
const MAX_NESTING: u32 = 48;
/// Steps of one proof for a candidate, by attempt.
const STEPS_OF_CANDIDATE: [usize; ATTEMPTS] = [120, 120, 120];
/// Most candidates of a loop.
const MAX_CANDIDATES: usize = 48;
/// Most times that candidates are dropped before all are.
const MAX_ROUNDS: usize = 12;
/// Most bounds of what meets that are tried, and steps for one of them on one way.
const MAX_OF_MEETING: usize = 12;
const STEPS_OF_MEETING: usize = 40;
/// Most values that meet in what comes back.
const MAX_MEETING: usize = 16;

/// A header, the count of its loop, and the blocks that lead to it.
#[derive(Clone)]
struct Header {
    header: BlockId,
    count: Atom,
    back: Vec<BlockId>,
    entries: Vec<BlockId>,
}

/// How much is claimed of a candidate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// That it holds in every iteration.
    Always,
    /// That it holds in every iteration but the first.
    Later,
    /// Nothing any more.
    Dropped,
}

/// What may be, or is, an invariant of a loop.
struct Candidate {
    poly: Poly,
    claim: Claim,
    /// Whether it is one; else it is only assumed to be.
    is_proved: bool,
}

/// A loop and its candidates.
pub struct Kept {
    at: Header,
    candidates: Vec<Candidate>,
}

/// Whether an instruction chooses by a condition, if it chooses.
pub fn is_chosen(inst: &Inst) -> Option<bool> {
    match inst {
        Inst::Select { .. } => Some(true),
        Inst::I64Min { .. } | Inst::I64Max { .. } | Inst::I64MinU { .. } => Some(false),
        _ => None,
    }
}

impl Checker<'_> {
    /// What is known where `block` begins.
    pub fn env_of(&mut self, block: BlockId) -> Rc<Env> {
        let mut chain = Vec::new();
        let mut at = Some(block);
        let mut env = None;
        while let Some(b) = at {
            if let Some(known) = self.envs.get(&b) {
                env = Some(known.clone());
                break;
            }
            chain.push(b);
            at = self.doms.immediate(b);
        }
        let mut env = env.unwrap_or_default();
        // What lies deep in what meets is asked of less and less.
        if self.nesting >= MAX_NESTING {
            return env;
        }
        self.nesting += 1;
        for b in chain.into_iter().rev() {
            env = self.entered(env, b);
            if !self.spend() {
                break;
            }
            self.envs.insert(b, env.clone());
        }
        self.nesting -= 1;
        env
    }

    /// Forgets what has been found out of all blocks `of` which that holds.
    fn forget(&mut self, of: impl Fn(BlockId) -> bool) {
        self.envs.retain(|block, _| !of(*block));
        self.edge_envs.retain(|(from, _), _| !of(*from));
        self.used.retain(|header| !of(*header));
        self.outcomes.clear();
        self.exacts.clear();
        self.makers.clear();
    }

    /// What is known on the edge from `from` to `to`.
    pub fn env_of_edge(&mut self, from: BlockId, to: BlockId) -> Rc<Env> {
        if let Some(known) = self.edge_envs.get(&(from, to)) {
            return known.clone();
        }
        let mut env = self.env_of(from);
        let conditions = self.conditions_of_edge(from, to);
        if !conditions.is_empty() {
            let mut more = (*env).clone();
            self.assume(&mut more, &conditions, DEPTH - 3);
            env = Rc::new(more);
        }
        if self.envs.contains_key(&from) && self.steps <= self.until {
            self.edge_envs.insert((from, to), env.clone());
        }
        env
    }

    /// What is known in `block`, where `env` is known at its immediate dominator.
    fn entered(&mut self, env: Rc<Env>, block: BlockId) -> Rc<Env> {
        let mut new = None;
        let mut preds = super::ssa::reachable(self.cfg, block);
        match (preds.next(), preds.next()) {
            (Some(pred), None) => {
                let conditions = self.conditions_of_edge(pred, block);
                if !conditions.is_empty() {
                    self.assume(new.get_or_insert_with(|| (*env).clone()), &conditions, DEPTH - 3);
                }
            }
            (Some(_), Some(_)) if !self.loops.is_header(block) && !self.ssa.phis(block).is_empty() => {
                self.add_what_meets(new.get_or_insert_with(|| (*env).clone()), block);
            }
            _ => {}
        }
        if self.kept.contains_key(&block) {
            self.add_what_is_kept(new.get_or_insert_with(|| (*env).clone()), block);
        }
        if self.choices.contains(&block) {
            self.add_what_is_chosen(new.get_or_insert_with(|| (*env).clone()), block);
        }
        new.map_or(env, Rc::new)
    }

    /// Adds the ranges of what meets where `block`, which is no header, begins.
    fn add_what_meets(&mut self, env: &mut Env, block: BlockId) {
        for n in 0..self.ssa.phis(block).len() {
            let phi = self.ssa.phis(block)[n];
            if !self.relevant.contains(&phi) {
                continue;
            }
            let mut all: Option<Span> = None;
            for (pred, arg) in self.edges_to(phi) {
                // What comes back may be of another time.
                let span = match self.cfg.rank(pred) < self.cfg.rank(block) {
                    true => {
                        let way = self.env_of_edge(pred, block);
                        self.exact(Arg::Value(arg), &way, 3).map(|is| self.span(&is, &way))
                    }
                    false => None,
                };
                let span = span.unwrap_or(Span::ALL);
                all = Some(all.map_or(span, |all| all.or(span)));
            }
            if let Some(all) = all {
                let atom = self.atom(Unknown::Value(phi));
                self.add_span(env, atom, all);
            }
            if self.thorough {
                self.add_bounds_of_what_meets(env, block, phi);
            }
        }
    }

    /// Adds facts of tests that end the ways to `block`, which is no header, about
    /// the value that meets there. A fact is added if it is proved on every way. So
    /// where some loops that leave a counter at its bound meet, it is at that bound.
    fn add_bounds_of_what_meets(&mut self, env: &mut Env, block: BlockId, phi: Value) {
        let edges = self.edges_to(phi);
        // What comes back may be of another time.
        if edges.len() > MAX_MEETING || edges.iter().any(|(p, _)| self.cfg.rank(*p) >= self.cfg.rank(block)) {
            return;
        }
        let itself = self.atom(Unknown::Value(phi));
        let mut candidates: Vec<Poly> = Vec::new();
        for &(pred, arg) in &edges {
            let of_arg = [self.expanded(arg), Poly::atom(self.atom(Unknown::Value(arg)))];
            let near = self.conditions_of_edge(pred, block).into_iter().chain(self.conditions_above(pred));
            for room in near.flat_map(|compare| self.rooms(&compare, None)).collect::<Vec<_>>() {
                for (is, by) in of_arg.iter().flat_map(|is| [(is, 1), (is, -1)]) {
                    let moved = room
                        .plus_times(is, -by)
                        .and_then(|rest| rest.plus_times(&Poly::atom(itself), by))
                        .filter(|poly| poly.atoms().all(|a| a == itself || self.is_above(a, block)));
                    let Some(moved) = moved.filter(|poly| poly.has(itself)) else { continue };
                    for poly in moved.scaled(-1).into_iter().chain([moved]) {
                        let poly = poly.tightened();
                        if candidates.len() < MAX_OF_MEETING && !candidates.contains(&poly) {
                            candidates.push(poly);
                        }
                    }
                }
            }
        }
        for candidate in candidates {
            let is_kept = edges.iter().all(|&(pred, arg)| {
                let way = self.env_of_edge(pred, block);
                let is = self.exact(Arg::Value(arg), &way, DEPTH - 3);
                let goal = is.and_then(|is| candidate.replaced(itself, &is));
                goal.is_some_and(|goal| self.within(STEPS_OF_MEETING, |it| it.prove(&goal, &way, DEPTH - 3)))
            });
            if is_kept {
                self.add(env, candidate);
            }
        }
    }

    /// Whether an unknown has got its number before `block` is entered.
    pub fn is_above(&self, atom: Atom, block: BlockId) -> bool {
        let home = self.home(atom);
        home != block && self.doms.dominates(home, block)
    }

    /// Adds the ranges of what is chosen in `block`, case by case.
    fn add_what_is_chosen(&mut self, env: &mut Env, block: BlockId) {
        for n in 0..self.func.blocks[block.index()].nodes.len() {
            let MirOp::Inst(inst) = &self.func.blocks[block.index()].nodes[n].op else { continue };
            let value = self.ssa.made_by(block, n);
            let Some(is_choice) = is_chosen(inst) else { continue };
            if !self.relevant.contains(&value) {
                continue;
            }
            let atom = self.atom(Unknown::Value(value));
            if !is_choice {
                for fact in self.facts_of_maker(atom, env, 3) {
                    self.add(env, fact);
                }
                continue;
            }
            let Some((_, args)) = self.ssa.maker(self.func, value) else { continue };
            let Arg::Value(cond) = args[0] else { continue };
            let mut all: Option<Span> = None;
            for (holds, arg) in [(true, args[1]), (false, args[2])] {
                let mut conditions = Vec::new();
                self.conditions(cond, holds, &mut conditions);
                let mut case = env.clone();
                self.assume(&mut case, &conditions, 4);
                let span = self.exact(arg, &case, 3).map_or(Span::ALL, |is| self.span(&is, &case));
                all = Some(all.map_or(span, |all| all.or(span)));
            }
            if let Some(all) = all {
                self.add_span(env, atom, all);
            }
        }
    }

    /// Adds what is assumed, or proved, of a loop where its header is reached.
    fn add_what_is_kept(&mut self, env: &mut Env, header: BlockId) {
        let Some(kept) = self.kept.get(&header) else { return };
        self.used.insert(header);
        let (mut always, mut later) = (Vec::new(), Vec::new());
        for candidate in &kept.candidates {
            match candidate.claim {
                Claim::Always => always.push(candidate.poly.clone()),
                Claim::Later => later.push(candidate.poly.clone()),
                Claim::Dropped => {}
            }
        }
        let count = kept.at.count;
        for candidate in &always {
            self.add(env, candidate.clone());
        }
        for candidate in &always {
            self.use_equality(env, candidate);
        }
        for candidate in later {
            env.add_later(count, candidate);
        }
        self.look_again(env, DEPTH - 3);
    }

    /// Looks for what holds of all loops that matter. What was found before stays;
    /// what was refused is tried again, with new candidates that come from it.
    pub fn look_at_loops(&mut self) {
        let before = self.count_proved();
        let headers: Vec<BlockId> = self
            .cfg
            .rpo()
            .iter()
            .copied()
            .filter(|b| self.loops.is_header(*b) && self.matters.contains(b))
            .collect();
        for &header in &headers {
            if !self.kept.contains_key(&header) {
                let count = self.atom(Unknown::Count(header));
                let (mut back, mut entries) = (Vec::new(), Vec::new());
                for pred in super::ssa::reachable(self.cfg, header) {
                    if self.is_in(header, pred) { back.push(pred) } else { entries.push(pred) }
                }
                let at = Header { header, count, back, entries };
                self.kept.insert(header, Kept { at, candidates: Vec::new() });
            }
        }
        // All that is asked now is asked of what is proved.
        let mut new = Vec::new();
        for &header in &headers {
            let at = self.kept[&header].at.clone();
            let mut found = self.candidates(&at);
            if self.attempt > 0 {
                found.extend(self.candidates_of_facts(&at));
            }
            new.push((header, found));
        }
        let mut has_new = false;
        for (header, found) in new {
            let Some(kept) = self.kept.get_mut(&header) else { continue };
            for candidate in kept.candidates.iter_mut().filter(|c| c.claim == Claim::Dropped) {
                candidate.claim = Claim::Always;
            }
            for poly in found {
                if kept.candidates.len() < MAX_CANDIDATES
                    && poly.as_number().is_none()
                    && kept.candidates.iter().all(|c| c.poly != poly)
                {
                    has_new = true;
                    kept.candidates.push(Candidate { poly, claim: Claim::Always, is_proved: false });
                }
            }
        }
        self.forget(|_| true);
        if self.has_more || has_new {
            self.settle(&headers);
        } else {
            self.give_up();
        }
        self.has_more = self.count_proved() > before;
    }

    /// How many candidates are proved.
    fn count_proved(&self) -> usize {
        self.kept.values().flat_map(|kept| &kept.candidates).filter(|c| c.is_proved).count()
    }

    /// Drops candidates until all that are left are proved.
    fn settle(&mut self, headers: &[BlockId]) {
        // From where on what was known is no longer.
        let mut is_stale = vec![true; self.cfg.len()];
        for _ in 0..MAX_ROUNDS {
            let mut dropped: Vec<BlockId> = Vec::new();
            for is_entry in [true, false] {
                for &header in headers {
                    let at = self.kept[&header].at.clone();
                    let ways = if is_entry { &at.entries } else { &at.back };
                    for &from in ways {
                        if is_stale[from.index()] && self.drop_from(&at, from, is_entry) {
                            dropped.push(header);
                        }
                    }
                }
                if self.steps > self.until {
                    return self.give_up();
                }
            }
            if dropped.is_empty() {
                let all = self.kept.values_mut().flat_map(|kept| &mut kept.candidates);
                all.filter(|c| c.claim != Claim::Dropped).for_each(|c| c.is_proved = true);
                return;
            }
            is_stale.fill(false);
            dropped.iter().for_each(|header| is_stale[header.index()] = true);
            for &block in self.cfg.rpo() {
                let rank = self.cfg.rank(block);
                is_stale[block.index()] |=
                    self.cfg.preds(block).iter().any(|p| is_stale[p.index()] && self.cfg.rank(*p) < rank);
            }
            self.forget(|block| is_stale[block.index()]);
        }
        self.give_up();
    }

    /// Drops all candidates that are not proved.
    fn give_up(&mut self) {
        for candidate in self.kept.values_mut().flat_map(|kept| &mut kept.candidates) {
            if !candidate.is_proved {
                candidate.claim = Claim::Dropped;
            }
        }
        self.forget(|_| true);
    }

    /// Drops what is assumed of a loop and not kept on an edge to its header, or
    /// claims less of it. Whether there was any that has been made use of.
    fn drop_from(&mut self, at: &Header, from: BlockId, is_entry: bool) -> bool {
        let open = |c: &Candidate| match c.claim {
            Claim::Always => !c.is_proved,
            Claim::Later => !c.is_proved && !is_entry,
            Claim::Dropped => false,
        };
        let candidates = &self.kept[&at.header].candidates;
        let asked: Vec<(usize, Poly)> = candidates
            .iter()
            .enumerate()
            .filter(|(_, c)| open(c))
            .map(|(n, c)| (n, c.poly.clone()))
            .collect();
        if asked.is_empty() {
            return false;
        }
        let known = self.env_of_edge(from, at.header);
        let mut any = false;
        for (n, poly) in asked {
            if self.is_kept(&poly, at, from, &known) {
                continue;
            }
            any |= self.used.contains(&at.header);
            if let Some(kept) = self.kept.get_mut(&at.header) {
                kept.candidates[n].claim =
                    if is_entry && poly.has(at.count) { Claim::Later } else { Claim::Dropped };
            }
        }
        any
    }

    /// Where two facts say that a phi is equal to something, it is replaced by
    /// that in the others, which may say more then.
    fn use_equality(&mut self, env: &mut Env, fact: &Poly) {
        let Some(other) = fact.scaled(-1) else { return };
        if !env.has(&other) {
            return;
        }
        let last = fact.atoms().max_by_key(|atom| self.order(*atom));
        let Some(atom) = last.filter(|atom| matches!(self.unknown(*atom), Unknown::Value(_))) else { return };
        let Some(powers) = fact.by_power(atom) else { return };
        let is = match (&powers[..], powers[1].as_number()) {
            ([rest, _], Some(1)) => rest.scaled(-1),
            ([rest, _], Some(-1)) => Some(rest.clone()),
            _ => None,
        };
        let Some(is) = is else { return };
        let with_it: Vec<Poly> = env.facts_with(atom).cloned().collect();
        for fact in with_it {
            if let Some(more) = fact.replaced(atom, &is) {
                self.add(env, more);
            }
        }
    }

    /// Whether a candidate is not negative on an edge to its header, with the
    /// values that phis have then.
    fn is_kept(&mut self, candidate: &Poly, at: &Header, from: BlockId, env: &Env) -> bool {
        let mut goal = candidate.clone();
        let count = match at.back.contains(&from) {
            true => Poly::atom(at.count).plus_number(1).unwrap_or_default(),
            false => Poly::number(0),
        };
        let mut changes = vec![(at.count, count)];
        for atom in candidate.atoms() {
            if changes.iter().any(|c| c.0 == atom) {
                continue;
            }
            let is = match self.unknown(atom) {
                Unknown::Sum(n) if self.sum(n).header == at.header => {
                    let step = self.sum(n).steps.iter().find(|(pred, _)| *pred == from);
                    match step.map(|s| s.1.clone()) {
                        Some(step) => Poly::atom(atom).plus(&step),
                        None => Some(Poly::number(0)),
                    }
                }
                Unknown::Value(phi) if self.ssa.phis(at.header).contains(&phi) => {
                    let edge = self.edges_to(phi).into_iter().find(|(pred, _)| *pred == from);
                    edge.and_then(|(_, arg)| self.exact(Arg::Value(arg), env, DEPTH - 3))
                }
                _ => continue,
            };
            let Some(is) = is else { return false };
            changes.push((atom, is));
        }
        // All at once: through unknowns that are nowhere else.
        let mut places = Vec::new();
        for (n, (atom, is)) in changes.into_iter().enumerate() {
            let place = Atom(u32::MAX - 1 - n as u32);
            let Some(moved) = goal.replaced(atom, &Poly::atom(place)) else { return false };
            goal = moved;
            places.push((place, is));
        }
        for (place, is) in places {
            let Some(moved) = goal.replaced(place, &is) else { return false };
            goal = moved;
        }
        self.prove_simply(&goal, env)
            || self.within(STEPS_OF_CANDIDATE[self.attempt], |it| it.prove(&goal, env, DEPTH))
    }

    /// What may be invariants of a loop.
    fn candidates(&mut self, of: &Header) -> Vec<Poly> {
        let (header, count, back) = (of.header, of.count, &of.back[..]);
        let mut found = Vec::new();
        let mut at = match back {
            [latch] => {
                self.candidates_of_edge((*latch, header), header, count, &mut found);
                Some(*latch)
            }
            _ => back.first().copied(),
        };
        for _ in 0..MAX_CLIMB {
            let Some(block) = at.filter(|b| *b != header) else { break };
            if back.iter().all(|latch| self.doms.dominates(block, *latch)) {
                let mut preds = super::ssa::reachable(self.cfg, block);
                if let (Some(pred), None) = (preds.next(), preds.next()) {
                    self.candidates_of_edge((pred, block), header, count, &mut found);
                }
            }
            at = self.doms.immediate(block);
        }
        let mut asked = 0;
        for n in 0..self.ssa.phis(header).len() {
            let phi = self.ssa.phis(header)[n];
            if self.relevant.contains(&phi) && !self.is_counted(phi, count) && asked < MAX_PHIS {
                asked += 1;
                self.candidates_of_phi(phi, header, count, back, &mut found);
            }
        }
        found
    }

    /// What a test on the way back says of the count, as of the time before.
    fn candidates_of_edge(
        &mut self,
        (from, to): (BlockId, BlockId),
        header: BlockId,
        count: Atom,
        found: &mut Vec<Poly>,
    ) {
        for compare in self.conditions_of_edge(from, to) {
            let mut rooms = self.rooms(&compare, None);
            if self.thorough {
                rooms.extend(self.rooms(&compare, Some(header)));
            }
            for n in 0..rooms.len() {
                rooms.extend(self.with_operands(&rooms[n].clone()));
            }
            for poly in rooms {
                if let Some(before) = self.time_before(&poly, header, count, to == header) {
                    found.push(before.tightened());
                }
            }
        }
    }

    /// A polynomial with what a minimum or maximum in it is of in its place: a
    /// loop that runs up to the nearer of two bounds runs up to both.
    fn with_operands(&mut self, poly: &Poly) -> Vec<Poly> {
        let mut found = Vec::new();
        for atom in poly.atoms() {
            let Unknown::Value(value) = self.unknown(atom) else { continue };
            let Some((node, args)) = self.ssa.maker(self.func, value) else { continue };
            let is_nearer = matches!(
                node.op,
                MirOp::Inst(
                    Inst::I64Min { .. } | Inst::I64Max { .. } | Inst::I64MinU { .. } | Inst::I64MaxU { .. }
                )
            );
            for arg in args.iter().filter(|_| is_nearer) {
                let is = match *arg {
                    Arg::Imm(imm) => super::unknowns::number_of(imm).map(Poly::number),
                    Arg::Value(v) => Some(self.expanded(v)),
                };
                found.extend(is.and_then(|is| poly.replaced(atom, &is)));
            }
        }
        found
    }

    /// A polynomial in the count, or a sum, of a loop as it was the time before;
    /// for a sum only on the way back, where it is known what is added.
    fn time_before(&mut self, poly: &Poly, header: BlockId, count: Atom, is_back: bool) -> Option<Poly> {
        let mut before = poly.clone();
        let mut of_loop = Vec::new();
        for atom in poly.atoms() {
            let step = match self.unknown(atom) {
                _ if atom == count => Poly::number(1),
                Unknown::Sum(n) if self.sum(n).header == header => match &self.sum(n).steps[..] {
                    [(_, step)] if is_back => step.clone(),
                    _ => return None,
                },
                _ => continue,
            };
            if !of_loop.contains(&atom) {
                of_loop.push(atom);
                before = before.replaced(atom, &Poly::atom(atom).minus(&step)?)?;
            }
        }
        let is_fixed = |atom: Atom| of_loop.contains(&atom) || !self.is_in(header, self.home(atom));
        (!of_loop.is_empty() && before.atoms().all(is_fixed)).then_some(before)
    }

    /// Whether a phi is a multiple of the count, and what it starts with.
    fn is_counted(&mut self, phi: Value, count: Atom) -> bool {
        let counter = self.counter(phi);
        counter.is_some_and(|(_, since)| !self.thorough || since.has(count) || since.as_number().is_some())
    }

    /// What facts on the only way back say of how much phis have grown there.
    fn candidates_of_facts(&mut self, at: &Header) -> Vec<Poly> {
        let mut found = Vec::new();
        let (header, count, [latch]) = (at.header, at.count, &at.back[..]) else { return found };
        let latch = *latch;
        let mut known = None;
        for n in 0..self.ssa.phis(header).len() {
            let phi = self.ssa.phis(header)[n];
            if !self.relevant.contains(&phi) || self.is_counted(phi, count) {
                continue;
            }
            let edges = self.edges_to(phi);
            let starts: Vec<Value> = edges.iter().filter(|(pred, _)| *pred != latch).map(|e| e.1).collect();
            let ([start], Some((_, arg))) = (&starts[..], edges.iter().find(|(pred, _)| *pred == latch))
            else {
                continue;
            };
            let known = known.get_or_insert_with(|| self.env_of_edge(latch, header)).clone();
            let itself = Poly::atom(self.atom(Unknown::Value(phi)));
            let start = self.expanded(*start);
            let above = itself.minus(&start);
            let grown = self.exact(Arg::Value(*arg), &known, DEPTH - 3).and_then(|is| is.minus(&itself));
            let (Some(above), Some(grown)) = (above, grown) else { continue };
            for fact in known.facts() {
                let least = grown.minus(fact).and_then(|p| p.as_number());
                let most = grown.plus(fact).and_then(|p| p.as_number());
                let count = Poly::atom(count);
                found.extend(least.and_then(|by| above.plus_times(&count, -by)));
                found.extend(most.and_then(|by| above.scaled(-1)?.plus_times(&count, by)));
            }
        }
        found
    }

    /// What may be said of a phi that is no counter.
    fn candidates_of_phi(
        &mut self,
        phi: Value,
        header: BlockId,
        count: Atom,
        back: &[BlockId],
        found: &mut Vec<Poly>,
    ) {
        let itself = Poly::atom(self.atom(Unknown::Value(phi)));
        let mut start = None;
        for (pred, arg) in self.edges_to(phi) {
            if !back.contains(&pred) {
                let poly = self.expanded(arg);
                if start.get_or_insert_with(|| poly.clone()) != &poly {
                    start = None;
                    break;
                }
            }
        }
        // Bounds of what comes back that tests on the way say.
        for latch in back {
            let Some((_, arg)) = self.edges_to(phi).into_iter().find(|(pred, _)| pred == latch) else {
                continue;
            };
            let of_arg = [self.expanded(arg), Poly::atom(self.atom(Unknown::Value(arg)))];
            for compare in
                self.conditions_of_edge(*latch, header).into_iter().chain(self.conditions_above(*latch))
            {
                for room in self.rooms(&compare, None) {
                    for is in &of_arg {
                        for by in [1, -1] {
                            // room = by * arg + rest becomes by * phi + rest.
                            let rest = room.plus_times(is, -by);
                            let candidate = rest.and_then(|rest| rest.plus_times(&itself, by));
                            if let Some(candidate) = candidate
                                && self.is_about(&candidate, phi, count, header)
                            {
                                found.push(candidate.tightened());
                            }
                        }
                    }
                }
            }
        }
        let Some(start) = start.filter(|start| self.is_invariant(start, header)) else { return };
        let Some(above) = itself.minus(&start) else { return };
        found.push(above.clone());
        found.extend(above.scaled(-1));
        if let Some((least, most)) = self.drift(phi, header, back) {
            let count = Poly::atom(count);
            found.extend(above.plus_times(&count, -least));
            found.extend(above.scaled(-1).and_then(|below| below.plus_times(&count, most)));
        }
    }

    /// The conditions of the only way to a block.
    fn conditions_above(&self, block: BlockId) -> Vec<super::facts::Compare> {
        let mut preds = super::ssa::reachable(self.cfg, block);
        match (preds.next(), preds.next()) {
            (Some(pred), None) => self.conditions_of_edge(pred, block),
            _ => Vec::new(),
        }
    }

    /// Whether a polynomial is in terms of a phi and what its loop leaves alone.
    fn is_about(&mut self, poly: &Poly, phi: Value, count: Atom, header: BlockId) -> bool {
        let itself = self.atom(Unknown::Value(phi));
        poly.has(itself)
            && poly.atoms().all(|a| a == itself || (a != count && !self.is_in(header, self.home(a))))
    }

    /// The least and the most that a phi grows by in an iteration, where that is
    /// by one of several numbers.
    fn drift(&mut self, phi: Value, header: BlockId, back: &[BlockId]) -> Option<(i128, i128)> {
        let itself = Poly::atom(self.atom(Unknown::Value(phi)));
        let mut open: Vec<Value> =
            self.edges_to(phi).into_iter().filter(|(p, _)| back.contains(p)).map(|(_, arg)| arg).collect();
        let mut seen = open.clone();
        let mut found: Option<(i128, i128)> = None;
        while let Some(value) = open.pop() {
            let by = self.residue(value).minus(&itself).and_then(|p| p.as_number());
            if let Some(by) = by {
                let (least, most) = found.unwrap_or((by, by));
                found = Some((least.min(by), most.max(by)));
                continue;
            }
            let def = self.ssa.def(value);
            let args: Vec<Value> = match (def.made, self.ssa.maker(self.func, value)) {
                (Made::Phi, _) if !self.loops.is_header(def.block) && self.is_in(header, def.block) => {
                    self.ssa.phi_args(value).to_vec()
                }
                (_, Some((node, args))) if matches!(node.op, MirOp::Inst(Inst::Select { .. })) => {
                    let value = |arg: &Arg| match arg {
                        Arg::Value(v) => Some(*v),
                        Arg::Imm(_) => None,
                    };
                    args[1..].iter().map(value).collect::<Option<_>>()?
                }
                _ => return None,
            };
            for arg in args {
                if !seen.contains(&arg) {
                    seen.push(arg);
                    open.push(arg);
                }
            }
            if seen.len() > MAX_MEETING {
                return None;
            }
        }
        found
    }
}
