//! One pass over memory: the elements of all results of a list, block by block.
//!
//! Of a block, each operation computes its elements from memory, or from what those before it have left
//! in *tiles*. Tiles are blocks of scratch memory, used again when nobody reads them any more, as registers are.
//! Blocks are so small that tiles stay in the nearest cache.
//!
//! Invariant: an element depends on nothing but the elements of its place, so neither the length of
//! blocks nor the number of threads changes a bit.

use super::chain::{self, Link};
use super::{List, Member, Repeated, Source};
use crate::op::OpHost;
use crate::op::loops::MOST;
use crate::op::simd::{Version, Width};
use crate::op::work::{Leave, in_pieces};
use crate::placement::Part;
use crate::trap::TrapError;
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;

/// Bytes of a tile.
pub(super) const TILE: usize = 8 << 10;
/// Blocks of a piece, where operations are short.
const BLOCKS: usize = 4;
/// Most work of a block, in elements times weight: a part of a millisecond.
const MOST_WORK: usize = 1 << 18;
/// Larger blocks are multiples of this, and so of what chains compute at a time.
const PARTS: usize = 192;
/// Fewest elements of a block.
const FEWEST: usize = 64;

/// Where elements are, each time for a block of them.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// In no memory.
    Nowhere,
    /// In memory for all of them: the first, and bytes from one to the next, 0 where there is one for all.
    Memory { base: *mut u8, step: usize },
    /// In a tile, so far from the first; bytes from one to the next, 0 where there are only those of a part.
    Tile { offset: usize, step: usize },
}

impl Place {
    pub(super) fn tile(number: usize, step: usize) -> Place {
        Place::Tile { offset: number * TILE, step }
    }

    /// The tile that a whole block of elements is in.
    pub(super) fn as_tile(self) -> Option<usize> {
        match self {
            Place::Tile { offset, step } => (step != 0).then_some(offset / TILE),
            Place::Nowhere | Place::Memory { .. } => None,
        }
    }

    /// Bytes from one element to the next.
    pub(super) fn step(self) -> usize {
        match self {
            Place::Nowhere => 0,
            Place::Memory { step, .. } | Place::Tile { step, .. } => step,
        }
    }

    /// The elements from number `start` on.
    ///
    /// # Safety
    /// They are there, and `tiles` is where tiles are.
    #[inline(always)]
    pub(super) unsafe fn at(self, start: usize, tiles: *mut u8) -> *mut u8 {
        // SAFETY: upheld by the caller.
        unsafe {
            match self {
                Place::Nowhere => ptr::null_mut(),
                Place::Memory { base, step } => base.add(start * step),
                Place::Tile { offset, .. } => tiles.add(offset),
            }
        }
    }
}

/// What is done for each block.
pub(super) enum Step {
    /// An operation computes its elements.
    Run { version: Version, from: [Place; MOST], moves: [bool; MOST], to: Place },
    /// Simple operations in a row compute theirs, by links with these numbers.
    Chain { version: chain::Version, links: Range<usize> },
    /// Elements of a tensor that is broadcast go to a tile.
    Spread { repeated: usize, to: Place },
}

/// What makes up a pass. It is kept for the next.
#[derive(Default)]
pub(super) struct Steps {
    pub(super) list: Vec<Step>,
    /// Links of chains, one chain behind the other.
    pub(super) links: Vec<Link>,
    /// By operation of the list, the last step that reads its result; none where nobody needs it.
    pub(super) last_read: Vec<usize>,
    /// By operation, where its elements are.
    pub(super) places: Vec<Place>,
    /// Slots that nobody reads any more.
    pub(super) free: Vec<usize>,
    /// Tiles that are in use until the chain that is being made is through with all parts of a block.
    pub(super) freed: Vec<usize>,
    /// Tiles of that chain with tensors that are broadcast, in the order in which they are read.
    pub(super) spread: Vec<Place>,
    tiles: usize,
}

/// A pass that is ready to be made.
pub(in crate::op) struct Pass<'l> {
    steps: &'l [Step],
    links: &'l [Link],
    repeated: &'l [Repeated],
    /// What a reduction reads, with the bytes of its elements.
    read: [Place; 2],
    tiles: usize,
    /// Elements of a block.
    block: usize,
    /// Work of an element.
    weight: usize,
    /// Bytes of an element that go through memory.
    bytes: usize,
}

// SAFETY: threads write different elements of results, each has tiles of its own, and what they read nobody
// writes but for the element of its place.
unsafe impl Sync for Pass<'_> {}

/// Last step that reads a result which has memory of its own.
const IN_MEMORY: usize = usize::MAX;
/// Of a result that nobody needs.
pub(super) const NOT_NEEDED: usize = 0;

impl List {
    /// Computes all elements that somebody needs.
    pub(super) fn run(&mut self, host: &mut dyn OpHost) -> Result<(), TrapError> {
        if self.is_for_device {
            if self.run_on_device(host, None)?.is_some() {
                return Ok(());
            }
            self.come_home(host)?;
        }
        let len = self.len;
        let mut steps = std::mem::take(&mut self.steps);
        let pass = self.pass(&mut steps, &[], host.deferred().width);
        let grain = if pass.weight > BLOCKS { pass.block } else { pass.block * BLOCKS };
        let leave = Leave::of(host);
        // Where something else is to be run behind it, this is not what is at hand then.
        let before = host.heap().placing().at_hand;
        pass.is_at_hand(host, len);
        let done = in_pieces(host, len, pass.weight, grain, &|piece| pass.blocks(piece, &leave, |_, _| {}));
        host.heap().placing_mut().at_hand = before;
        self.steps = steps;
        done.and_then(|()| leave.granted())
    }

    /// A pass for all that is needed, and for what a reduction reads.
    pub(super) fn pass<'l>(&'l self, steps: &'l mut Steps, read: &[Source], width: Width) -> Pass<'l> {
        let members = &self.members;
        let end = members.len();
        steps.list.clear();
        steps.links.clear();
        steps.places.clear();
        steps.free.clear();
        steps.tiles = 0;
        steps.last_read.clear();
        steps.last_read.resize(end, NOT_NEEDED);
        let (mut weight, mut widest, mut bytes) = (0, 1, 0);
        let need = |last_read: &mut Vec<usize>, sources: &[Source], step: usize| {
            for source in sources {
                if let Source::Result(at) = *source {
                    last_read[at] = last_read[at].max(step);
                }
            }
        };
        // Steps are numbered from 1 here.
        need(&mut steps.last_read, read, end + 1);
        for (at, member) in members.iter().enumerate().rev() {
            if member.claim.is_none() {
                steps.last_read[at] = IN_MEMORY;
            }
            if steps.last_read[at] != NOT_NEEDED {
                need(&mut steps.last_read, &member.sources[..member.count], at + 1);
                weight += member.of.weight;
                let sizes = member.of.from[..member.count].iter().map(|e| e.size());
                widest = sizes.fold(widest.max(member.of.to.size()), usize::max);
                bytes += member.sources[..member.count].iter().map(Source::bytes).sum::<usize>();
                bytes += if member.claim.is_none() { member.of.to.size() } else { 0 };
            }
        }
        let mut at = 0;
        while let Some(member) = members.get(at) {
            let (version, after) = steps.chain(members, at, width);
            if let Some(version) = version {
                steps.add_chain(members, at..after, version);
            } else if steps.last_read[at] != NOT_NEEDED {
                steps.add(members, at, member);
            } else {
                steps.places.push(Place::Nowhere);
            }
            at = if version.is_some() { after } else { at + 1 };
        }
        let mut places = [Place::Nowhere; 2];
        for (place, source) in places.iter_mut().zip(read) {
            *place = steps.place(source);
        }
        let fitting = (MOST_WORK / weight.max(1)).max(FEWEST).min(TILE / widest);
        Pass {
            repeated: &self.repeated,
            read: places,
            tiles: steps.tiles,
            block: if fitting < PARTS { 1 << fitting.ilog2() } else { fitting - fitting % PARTS },
            weight: weight.max(1),
            bytes: bytes + read.iter().map(Source::bytes).sum::<usize>(),
            steps: &steps.list,
            links: &steps.links,
        }
    }
}

impl Steps {
    /// A tile that nobody uses.
    pub(super) fn take(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.tiles += 1;
            self.tiles - 1
        })
    }

    /// A tile with elements of a tensor that is broadcast.
    pub(super) fn spread(&mut self, repeated: usize, size: usize) -> Place {
        let to = Place::tile(self.take(), size);
        self.list.push(Step::Spread { repeated, to });
        to
    }

    /// Where elements are, of what is in memory or has been computed.
    pub(super) fn place(&self, source: &Source) -> Place {
        match source {
            Source::Elements { data, size, .. } => Place::Memory { base: data.cast_mut(), step: *size },
            Source::One { data, .. } => Place::Memory { base: data.cast_mut(), step: 0 },
            Source::Scalar(bits) => {
                Place::Memory { base: ptr::from_ref(bits).cast::<u8>().cast_mut(), step: 0 }
            }
            Source::Result(at) => self.places[*at],
            Source::Broadcast(_) => Place::Nowhere,
        }
    }

    /// Adds what an operation does.
    fn add(&mut self, members: &[Member], at: usize, member: &Member) {
        let sources = &member.sources[..member.count];
        let (mut from, mut moves) = ([Place::Nowhere; MOST], [false; MOST]);
        // Slots that are free from here on.
        let mut freed = [None; MOST];
        for (n, source) in sources.iter().enumerate() {
            from[n] = self.place(source);
            moves[n] = !source.is_one();
            if let Source::Broadcast(repeated) = *source {
                from[n] = self.spread(repeated, member.of.from[n].size());
                freed[n] = from[n].as_tile();
            }
            if let Source::Result(of) = *source {
                let is_last = self.last_read[of] == at + 1 && !sources[..n].iter().any(|s| s.is_result(of));
                freed[n] = from[n].as_tile().filter(|_| is_last);
            }
        }
        let size = member.of.to.size();
        let to = if member.claim.is_none() {
            Place::Memory { base: member.result.data(), step: size }
        } else {
            // Over elements as large that are read here the last time: they are still in the nearest cache.
            let over = sources.iter().zip(&mut freed).find_map(|(source, freed)| match *source {
                Source::Result(of) if members[of].of.to.size() == size => freed.take(),
                _ => None,
            });
            Place::tile(over.unwrap_or_else(|| self.take()), size)
        };
        self.free.extend(freed.into_iter().flatten());
        self.places.push(to);
        self.list.push(Step::Run { version: member.of.run, from, moves, to });
    }
}

impl Source {
    /// Bytes of an element that come from memory.
    fn bytes(&self) -> usize {
        if let Source::Elements { size, .. } = self { *size } else { 0 }
    }

    pub(super) fn is_result(&self, of: usize) -> bool {
        matches!(*self, Source::Result(at) if at == of)
    }

    /// Whether there is one element for all.
    pub(super) fn is_one(&self) -> bool {
        matches!(self, Source::One { .. } | Source::Scalar(_))
    }
}

impl Pass<'_> {
    /// Work of an element.
    pub(in crate::op) fn weight(&self) -> usize {
        self.weight
    }

    /// Says that the pass is at hand, with so many elements.
    pub(super) fn is_at_hand(&self, host: &mut dyn OpHost, len: usize) {
        let at_hand = &mut host.heap().placing_mut().at_hand;
        (at_hand.part, at_hand.elements) = (Part::Group, len as u64);
        at_hand.bytes = (self.bytes as u64).saturating_mul(len as u64);
    }

    /// Computes the elements of a range, as far as there is leave. `read` is handed what the reduction
    /// reads of each block, with the number of elements.
    pub(in crate::op) fn blocks(
        &self,
        range: Range<usize>,
        leave: &Leave,
        mut read: impl FnMut([*const u8; 2], usize),
    ) {
        let asks = range.len() * self.weight > MOST_WORK;
        with_tiles(self.tiles, |tiles| {
            for start in range.clone().step_by(self.block) {
                if asks && !leave.go_on() {
                    return;
                }
                let len = self.block.min(range.end - start);
                self.block_at(start, len, tiles);
                // SAFETY: the elements have been computed.
                let at = self.read.map(|place| unsafe { place.at(start, tiles) }.cast_const());
                read(at, len);
            }
        });
    }

    fn block_at(&self, start: usize, len: usize, tiles: *mut u8) {
        for step in self.steps {
            // SAFETY: elements are there for as long as the list is, and a tile is large enough for a block of them. What
            // an operation reads has been computed by those before it. A result lies where an argument does only if
            // each of its elements is read before the result's of that place is written.
            unsafe {
                match step {
                    Step::Run { version, from, moves, to } => {
                        let from = from.map(|place| place.at(start, tiles).cast_const());
                        version(to.at(start, tiles), from, *moves, len);
                    }
                    Step::Chain { version, links } => version(&self.links[links.clone()], start, tiles, len),
                    Step::Spread { repeated, to } => {
                        self.repeated[*repeated].spread(to.at(start, tiles), start, len);
                    }
                }
            }
        }
    }
}

impl Repeated {
    /// Writes the `len` elements from number `start` of the broadcast on.
    ///
    /// # Safety
    /// There is room for them at `to`, and the tensor is there.
    unsafe fn spread(&self, to: *mut u8, start: usize, len: usize) {
        // SAFETY: upheld by the caller.
        unsafe {
            match self.size {
                // Bytes, for complex numbers are aligned as their parts.
                1 => self.spread_as::<[u8; 1]>(to.cast(), start, len),
                4 => self.spread_as::<[u8; 4]>(to.cast(), start, len),
                8 => self.spread_as::<[u8; 8]>(to.cast(), start, len),
                _ => self.spread_as::<[u8; 16]>(to.cast(), start, len),
            }
        }
    }

    /// # Safety
    /// As above; `T` has the size of an element, and any alignment.
    unsafe fn spread_as<T: Copy>(&self, to: *mut T, start: usize, len: usize) {
        let moves = self.plan.moves()[0];
        self.plan.runs(start, len, |at, [offset], n| {
            // SAFETY: upheld by the caller; the plan is one of the tensor's dims and the result's.
            unsafe {
                let (to, from) = (to.add(at), self.data.cast::<T>().add(offset));
                if moves {
                    ptr::copy_nonoverlapping(from, to, n);
                } else {
                    let element = from.read();
                    (0..n).for_each(|k| to.add(k).write(element));
                }
            }
        });
    }
}

/// Memory of tiles, in units of a cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line {
    // Only its address is of use.
    _bytes: [MaybeUninit<u8>; 64],
}

thread_local! {
    /// Slots of former passes on this thread: at most as many as operations of a group read at once.
    static TILES: Cell<Vec<Line>> = const { Cell::new(Vec::new()) };
}

/// Runs `f` with so many tiles.
fn with_tiles(count: usize, f: impl FnOnce(*mut u8)) {
    let mut tiles = TILES.take();
    let lines = count * (TILE / size_of::<Line>());
    if tiles.len() < lines {
        tiles.resize(lines, Line { _bytes: [MaybeUninit::uninit(); 64] });
    }
    f(tiles.as_mut_ptr().cast());
    TILES.set(tiles);
}
