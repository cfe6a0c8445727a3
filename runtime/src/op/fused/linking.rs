//! Making a [chain](super::chain) of operations in a row.
//!
//! The accumulator holds the result of the operation before. The next goes on with it where that is one of its arguments,
//! and else loads another. Results that are read later are stored: those that only the
//! chain reads in a *spill*, memory of a tile for one part of a block.
//!
//! Invariant: a link reads what a link or step before it has stored, or what is in memory.

use super::chain::{self, Do, LINKS_OF_ONE, Link, MOST_LINKS, Other, PART};
use super::pass::{NOT_NEEDED, Place, Step, Steps, TILE};
use super::{Member, Source};
use crate::op::loops::{Arithmetic, MOST};
use crate::op::simd::Width;
use nbc_ir::Elem;
use std::ops::Range;

/// Most tensors that are broadcast in a chain: a tile each, that stay in the nearest cache.
const MOST_SPREAD: usize = 2;
/// Spills of a chain: those that a tile has room for.
const SPILLS: usize = TILE / PART;
/// Fewest operations that are a chain. For one its own loop does as well.
const FEWEST: usize = 2;

impl Member {
    /// The type of floats that it computes with, if it is a simple operation.
    fn float(&self) -> Option<Elem> {
        let elem = self.of.to;
        let is_of_one_type = self.of.from[..self.count].iter().all(|e| *e == elem);
        self.of.arithmetic.filter(|_| is_of_one_type).map(|_| elem)
    }

    fn sources(&self) -> &[Source] {
        &self.sources[..self.count]
    }
}

/// The spills of a chain.
#[derive(Default)]
struct Spills {
    /// The tile that they are in.
    tile: Option<usize>,
    /// Which are in use, a bit each.
    used: u32,
}

impl Steps {
    /// The chain that begins with operation `at`: how it is run, and the operation behind its last. None where it is no use.
    pub(super) fn chain(
        &self,
        members: &[Member],
        at: usize,
        width: Width,
    ) -> (Option<chain::Version>, usize) {
        let elem = members[at].float();
        let (mut count, mut spread, mut after) = (0, 0, at);
        for (n, member) in members.iter().enumerate().skip(at) {
            if self.last_read[n] == NOT_NEEDED {
                continue;
            }
            spread += member.sources().iter().filter(|s| matches!(s, Source::Broadcast(_))).count();
            let has_room = count < MOST_LINKS / LINKS_OF_ONE && (spread <= MOST_SPREAD || count == 0);
            if elem.is_none() || member.float() != elem || !has_room {
                break;
            }
            (count, after) = (count + 1, n + 1);
        }
        let version = elem.filter(|_| count >= FEWEST).and_then(|elem| chain::version(elem, width));
        (version, after)
    }

    /// Adds the chain of the operations with these numbers.
    pub(super) fn add_chain(&mut self, members: &[Member], all: Range<usize>, version: chain::Version) {
        // Tensors that are broadcast come first.
        for at in all.clone() {
            let member = &members[at];
            if self.last_read[at] == NOT_NEEDED {
                continue;
            }
            for source in member.sources() {
                if let Source::Broadcast(repeated) = *source {
                    let place = self.spread(repeated, member.of.to.size());
                    self.freed.extend(place.as_tile());
                    self.spread.push(place);
                }
            }
        }
        let mut spread = 0..self.spread.len();
        let first = self.links.len();
        let mut spills = Spills::default();
        let mut acc = None;
        for at in all.clone() {
            if self.last_read[at] == NOT_NEEDED {
                self.places.push(Place::Nowhere);
                continue;
            }
            let member = &members[at];
            let mut from = [Place::Nowhere; MOST];
            for (place, source) in from.iter_mut().zip(member.sources()) {
                *place = match source {
                    Source::Broadcast(_) => self.spread[spread.next().expect("one for each")],
                    _ => self.place(source),
                };
            }
            self.link(member, from, acc);
            for (n, source) in member.sources().iter().enumerate() {
                if let Source::Result(of) = *source
                    && self.last_read[of] == at + 1
                    && !member.sources[..n].iter().any(|s| s.is_result(of))
                {
                    self.freed.extend(from[n].as_tile());
                    spills.give_back(from[n]);
                }
            }
            let next = (at + 1..all.end).find(|n| self.last_read[*n] != NOT_NEEDED);
            let to = self.place_of_result(members, at, next, &all, &mut spills);
            if !matches!(to, Place::Nowhere) {
                self.links.push(Link { does: Do::Store, place: to, step: to.step() });
            }
            self.places.push(to);
            acc = Some(at);
        }
        self.spread.clear();
        self.freed.extend(spills.tile);
        self.free.append(&mut self.freed);
        self.list.push(Step::Chain { version, links: first..self.links.len() });
    }

    /// Where the result of operation `at` is stored: nowhere if only the `next` reads it, which goes on with it.
    fn place_of_result(
        &mut self,
        members: &[Member],
        at: usize,
        next: Option<usize>,
        all: &Range<usize>,
        spills: &mut Spills,
    ) -> Place {
        let member = &members[at];
        let size = member.of.to.size();
        if member.claim.is_none() {
            return Place::Memory { base: member.result.data(), step: size };
        }
        let goes_on = |next: usize| {
            let is_only_reader = self.last_read[at] == next + 1;
            // Its last argument is read when the accumulator holds something else.
            let is_read_late = members[next].of.arithmetic == Some(Arithmetic::Clip)
                && members[next].sources[MOST - 1].is_result(at);
            is_only_reader && !is_read_late
        };
        if next.is_some_and(goes_on) {
            return Place::Nowhere;
        }
        let is_of_chain = self.last_read[at] <= all.end;
        let spill = if is_of_chain { spills.take(|| self.take()) } else { None };
        spill.unwrap_or_else(|| Place::tile(self.take(), size))
    }

    /// Adds the links that compute an operation from elements at these places, or from the accumulator
    /// where that holds the result of `acc`.
    fn link(&mut self, member: &Member, from: [Place; MOST], acc: Option<usize>) {
        let sources = member.sources();
        let arithmetic = member.of.arithmetic.expect("a simple operation");
        let is_acc = |n: usize| acc.is_some_and(|of| sources[n].is_result(of));
        let mut push = |does, n: usize| {
            self.links.push(Link { does, place: from[n], step: from[n].step() });
        };
        let load = |n: usize| if sources[n].is_one() { Do::LoadOne } else { Do::Load };
        if sources.len() == 1 {
            if !is_acc(0) {
                push(load(0), 0);
            }
            if let Some(does) = Do::unary(arithmetic) {
                push(does, 0);
            }
            return;
        }
        // The argument that the accumulator is not, and how it is one.
        let (other, at) = match (is_acc(0), is_acc(1)) {
            (true, true) => (Other::Same, 0),
            (true, false) => (Other::Second { is_one: sources[1].is_one() }, 1),
            (false, true) => (Other::First { is_one: sources[0].is_one() }, 0),
            (false, false) => {
                let is_first_one = sources[0].is_one() && !sources[1].is_one();
                let loaded = usize::from(is_first_one);
                push(load(loaded), loaded);
                match is_first_one {
                    true => (Other::First { is_one: true }, 0),
                    false if sources[0].is_same(&sources[1]) => (Other::Same, 0),
                    false => (Other::Second { is_one: sources[1].is_one() }, 1),
                }
            }
        };
        let is_clip = arithmetic == Arithmetic::Clip;
        if let Some(does) = Do::binary(if is_clip { Arithmetic::Max } else { arithmetic }, other) {
            push(does, at);
        }
        if is_clip
            && let Some(does) = Do::binary(Arithmetic::Min, Other::Second { is_one: sources[2].is_one() })
        {
            push(does, 2);
        }
    }
}

impl Spills {
    /// One that nobody uses, if there is any; `tile` gives the memory.
    fn take(&mut self, tile: impl FnOnce() -> usize) -> Option<Place> {
        let free = self.used.trailing_ones() as usize;
        if free >= SPILLS {
            return None;
        }
        self.used |= 1 << free;
        let tile = *self.tile.get_or_insert_with(tile);
        Some(Place::Tile { offset: tile * TILE + free * PART, step: 0 })
    }

    /// Is told of the place of a result that nobody reads any more.
    fn give_back(&mut self, place: Place) {
        if let Place::Tile { offset, step: 0 } = place {
            self.used &= !(1 << (offset % TILE / PART));
        }
    }
}

impl Source {
    /// Whether both are the same elements of memory.
    fn is_same(&self, other: &Source) -> bool {
        match (*self, *other) {
            (Source::Elements { data: a, .. }, Source::Elements { data: b, .. }) => a == b,
            (Source::One { data: a, .. }, Source::One { data: b, .. }) => a == b,
            (Source::Result(a), Source::Result(b)) => a == b,
            _ => false,
        }
    }
}
