//! Redundant load elimination: an element that a register could hold is not
//! loaded again.
//!
//! An element may have been loaded or stored on every way to a load, with
//! nothing in between that may have written it. Then it is in a register. That
//! is the classic data flow of available expressions, around loops too.
//! Elements are told apart by [`number`], and [`alias`] says what may write
//! them. Each such element gets a register of its own, which is written where
//! it becomes available as far as somebody reads it; the load becomes a copy of
//! that. No check is lost: an access that was made once with the same operands
//! does not trap the second time, for a tensor's shape never changes.
//!
//! Where a loop has been rotated, its test stands before the loop too. So an
//! element that the test loads is loaded before the loop only. A loop that
//! counts to an element becomes one that counts to something it does not
//! change.
//!
//! Proves: that on every way the element was loaded or stored with the same operands, and that
//! nothing since may write it. Relies on: that a header never changes, and what the catalogue
//! says of operations.

mod alias;
mod number;

use crate::midend::analysis::Analyses;
use crate::midend::analysis::loops::Forest;
use crate::midend::analysis::values::{Arg, Value, Values};
use crate::mir::{Func, MirNode, MirOp, Ty};
use alias::{Does, Objects, does};
use nbc_ir::inst::{Effect, Imm};
use nbc_ir::{BlockId, Elem, Inst, Operand, Reg, Type, VerifiedModule};
use number::{Number, Numbers};
use rustc_hash::FxHashMap;

/// Most elements that are told apart; later ones are left alone.
const MAX_ELEMENTS: usize = 512;

/// Most questions whether a store may write an element.
const MAX_QUESTIONS: usize = 200_000;

/// Makes copies of loads of `func`, a function of `module`.
pub fn run(func: &mut Func, module: &VerifiedModule, known: &mut Analyses) -> bool {
    if !has_candidates(func) {
        return false; // there is nothing to do
    }
    let forest = known.forest(func);
    let Some(values) = known.values(func) else { return false };
    let Some(found) = Finder::new(func, module, &forest, &values).find() else { return false };
    rewrite(func, found)
}

/// An access to an element, checked.
#[derive(Clone, Copy, Debug)]
struct Accessed {
    tensor: Reg,
    /// How many indices.
    indices: usize,
    elem: Elem,
    /// Of a complex element, which part.
    part: u8,
    /// What a load writes.
    dst: Option<Reg>,
    /// What a store stores.
    stored: Option<Operand>,
}

impl Accessed {
    fn of(func: &Func, op: &MirOp) -> Option<Accessed> {
        let MirOp::Inst(inst) = op else { return None };
        let (x, indices, part, dst, stored) = match *inst {
            Inst::TensorLoad { dst, x, .. } => (x, 1, 0, Some(dst), None),
            Inst::TensorLoad2 { dst, x, .. } => (x, 2, 0, Some(dst), None),
            Inst::TensorLoad3 { dst, x, .. } => (x, 3, 0, Some(dst), None),
            Inst::TensorLoadRe { dst, x, .. } => (x, 1, 0, Some(dst), None),
            Inst::TensorLoadIm { dst, x, .. } => (x, 1, 1, Some(dst), None),
            Inst::TensorStore { x, value, .. } => (x, 1, 0, None, Some(value)),
            Inst::TensorStore2 { x, value, .. } => (x, 2, 0, None, Some(value)),
            Inst::TensorStore3 { x, value, .. } => (x, 3, 0, None, Some(value)),
            Inst::TensorStoreRe { x, value, .. } => (x, 1, 0, None, Some(value)),
            Inst::TensorStoreIm { x, value, .. } => (x, 1, 1, None, Some(value)),
            _ => return None,
        };
        let Operand::Reg(tensor) = x else { return None };
        Some(Accessed { tensor, indices, elem: func.elem(tensor)?, part, dst, stored })
    }
}

/// Whether two accesses, one of them a load, look like they could be to the
/// same element.
fn has_candidates(func: &Func) -> bool {
    let mut seen: Vec<(Reg, usize, u8, bool)> = Vec::new();
    for node in func.blocks.iter().flat_map(|b| &b.nodes) {
        if let Some(a) = Accessed::of(func, &node.op) {
            seen.push((a.tensor, a.indices, a.part, a.dst.is_none()));
        }
    }
    // Loads first.
    seen.sort_unstable();
    seen.windows(2).any(|w| (w[0].0, w[0].1, w[0].2) == (w[1].0, w[1].1, w[1].2) && !w[0].3)
}

/// An element, or part of one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Element {
    tensor: Number,
    indices: [Option<Number>; 3],
    part: u8,
}

impl Element {
    /// Whether two of the same tensor are sure to lie in different places.
    fn is_apart(&self, other: &Element) -> bool {
        let rank = |e: &Element| e.indices.iter().flatten().count();
        let pairs = || self.indices.iter().flatten().zip(other.indices.iter().flatten());
        required!(self.part != other.part)
            || required!(rank(self) == rank(other)) && pairs().any(|(a, b)| required!(a.differs(*b)))
    }
}

/// Sets of elements.
#[derive(Clone, PartialEq, Eq)]
struct Set(Vec<u64>);

impl Set {
    fn none(count: usize) -> Set {
        Set(vec![0; count.div_ceil(64)])
    }

    fn all(count: usize) -> Set {
        Set(vec![u64::MAX; count.div_ceil(64)])
    }

    fn has(&self, n: usize) -> bool {
        self.0[n / 64] >> (n % 64) & 1 != 0
    }

    fn add(&mut self, n: usize) {
        self.0[n / 64] |= 1 << (n % 64);
    }

    fn remove(&mut self, n: usize) {
        self.0[n / 64] &= !(1 << (n % 64));
    }

    fn remove_all(&mut self, other: &Set) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a &= !b);
    }

    fn keep_only(&mut self, other: &Set) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a &= b);
    }

    fn add_all(&mut self, other: &Set) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }
}

/// The effect of a node on elements.
#[derive(Clone, Copy)]
enum Event {
    /// This one is loaded.
    Load(usize),
    /// This one is stored.
    Store(usize),
    /// Those in this set are no longer what they were.
    Forget(usize),
}

/// What is to be done.
struct Found {
    /// By element, the type of what is loaded.
    types: Vec<Type>,
    /// By block, in order of nodes: what happens there that matters.
    sites: Vec<(BlockId, Vec<Site>)>,
}

struct Site {
    node: usize,
    element: usize,
    /// Whether it is a load that becomes a copy; else its element is kept.
    is_redundant: bool,
}

struct Finder<'a> {
    func: &'a Func,
    module: &'a VerifiedModule,
    forest: &'a Forest,
    values: &'a Values,
    elements: Vec<Element>,
    /// By element, a value that holds the tensor, and what a load gives.
    tensors: Vec<(Value, Type)>,
    /// By block: node and event, in order; those at its start are at node 0.
    events: Vec<Vec<(usize, Event)>>,
    sets: Vec<Set>,
}

impl<'a> Finder<'a> {
    fn new(func: &'a Func, module: &'a VerifiedModule, forest: &'a Forest, values: &'a Values) -> Finder<'a> {
        Finder {
            func,
            module,
            forest,
            values,
            elements: Vec::new(),
            tensors: Vec::new(),
            events: vec![Vec::new(); forest.cfg.len()],
            sets: Vec::new(),
        }
    }

    fn find(mut self) -> Option<Found> {
        let mut numbers = Numbers::new(self.func, self.values);
        let accesses = self.accesses(&mut numbers);
        if self.elements.is_empty() {
            return None; // there is nothing to do
        }
        self.find_events(&numbers, &accesses)?;
        let available = self.available();
        let (redundant, any) = self.redundant(&available);
        any.then(|| self.sites(&redundant))
    }

    /// The elements that are accessed more than once, and by block the nodes
    /// that access one: node, element, and whether it is one of those.
    fn accesses(&mut self, numbers: &mut Numbers<'_>) -> Vec<Vec<(usize, Element, Option<usize>)>> {
        struct Seen {
            count: u32,
            is_loaded: bool,
            number: Option<usize>,
        }
        let mut seen: FxHashMap<Element, Seen> = FxHashMap::default();
        let mut accesses = vec![Vec::new(); self.forest.cfg.len()];
        for &block in self.forest.cfg.rpo() {
            for (n, node) in self.func.blocks[block.index()].nodes.iter().enumerate() {
                let Some(access) = Accessed::of(self.func, &node.op) else { continue };
                let args = self.values.args(&node.op, block, n);
                let mut indices = [None; 3];
                for (index, arg) in indices.iter_mut().zip(&args[1..=access.indices]) {
                    *index = Some(numbers.of(*arg));
                }
                let Arg::Value(tensor) = args[0] else { continue };
                let element = Element { tensor: numbers.of(args[0]), indices, part: access.part };
                let of = seen.entry(element).or_insert(Seen { count: 0, is_loaded: false, number: None });
                of.count += 1;
                of.is_loaded |= access.dst.is_some();
                let pays = worth!(of.count > 1 && of.is_loaded && self.elements.len() < MAX_ELEMENTS);
                if pays && of.number.is_none() {
                    let ty = access.elem.scalar().or(access.elem.part());
                    if let Some(ty) = ty {
                        of.number = Some(self.elements.len());
                        self.elements.push(element);
                        self.tensors.push((tensor, ty));
                    }
                }
                accesses[block.index()].push((n, element, None));
            }
        }
        for (_, element, number) in accesses.iter_mut().flatten() {
            *number = seen[element].number;
        }
        accesses
    }

    fn find_events(
        &mut self,
        numbers: &Numbers<'_>,
        accesses: &[Vec<(usize, Element, Option<usize>)>],
    ) -> Option<()> {
        let count = self.elements.len();
        let mut objects = Objects::new(self.module, self.func, self.forest, self.values);
        // Elements that are others once a value is made again.
        let mut depends: FxHashMap<Value, Set> = FxHashMap::default();
        let mut by_calls = Set::none(count);
        for (e, element) in self.elements.iter().enumerate() {
            for number in element.indices.iter().flatten().chain([&element.tensor]) {
                for source in numbers.sources(number.base) {
                    guard!(depends.entry(*source).or_insert_with(|| Set::none(count)).add(e));
                }
            }
            if forbidden!(objects.is_reachable_by_calls(self.tensors[e].0)) {
                by_calls.add(e);
            }
        }
        self.sets.push(by_calls);
        let depends: FxHashMap<Value, usize> = depends
            .into_iter()
            .map(|(value, set)| {
                self.sets.push(set);
                (value, self.sets.len() - 1)
            })
            .collect();
        let mut questions = 0;
        for &block in self.forest.cfg.rpo() {
            let mut events = Vec::new();
            for phi in self.values.phis(block) {
                events.extend(depends.get(phi).map(|set| (0, Event::Forget(*set))));
            }
            let mut accesses = accesses[block.index()].iter().peekable();
            for (n, node) in self.func.blocks[block.index()].nodes.iter().enumerate() {
                let access = accesses.next_if(|a| a.0 == n);
                if let Some((_, element, number)) = access {
                    let access = Accessed::of(self.func, &node.op)?;
                    if access.stored.is_some() {
                        questions += count;
                        if !worth!(questions <= MAX_QUESTIONS) {
                            return None;
                        }
                        let written = self.values.uses(block, n)[0];
                        let set = self.written_by(&mut objects, element, *number, written);
                        self.sets.push(set);
                        guard!(events.push((n, Event::Forget(self.sets.len() - 1))));
                        events.extend(number.map(|e| (n, Event::Store(e))));
                    } else {
                        events.extend(number.map(|e| (n, Event::Load(e))));
                    }
                } else if forbidden!(may_write(self.module, &node.op)) {
                    events.push((n, Event::Forget(0)));
                }
                if let Some(first) = self.values.made_by(block, n) {
                    let mut value = first;
                    node.op.for_each_def(|_| {
                        events.extend(depends.get(&value).map(|set| (n, Event::Forget(*set))));
                        value.0 += 1;
                    });
                }
            }
            self.events[block.index()] = events;
        }
        Some(())
    }

    /// The elements that storing `element` of the tensor `written` may change,
    /// but for itself.
    fn written_by(
        &self,
        objects: &mut Objects<'_>,
        element: &Element,
        number: Option<usize>,
        written: Value,
    ) -> Set {
        let mut set = Set::none(self.elements.len());
        for (e, other) in self.elements.iter().enumerate() {
            let is_same_tensor = other.tensor == element.tensor;
            let is_apart = is_same_tensor && other.is_apart(element);
            let stays = required!(is_apart) || !forbidden!(objects.may_share(self.tensors[e].0, written));
            if Some(e) != number && !stays {
                set.add(e);
            }
        }
        set
    }

    fn apply(&self, event: Event, now: &mut Set) {
        match event {
            Event::Load(e) | Event::Store(e) => now.add(e),
            Event::Forget(set) => now.remove_all(&self.sets[set]),
        }
    }

    /// By block, what is available where it begins.
    fn available(&self) -> Vec<Set> {
        let count = self.elements.len();
        let cfg = &self.forest.cfg;
        // What a block leaves of all, and of nothing.
        let mut leaves = vec![Set::none(0); cfg.len()];
        let mut makes = vec![Set::none(0); cfg.len()];
        for &block in cfg.rpo() {
            let (mut all, mut none) = (Set::all(count), Set::none(count));
            for &(_, event) in &self.events[block.index()] {
                self.apply(event, &mut all);
                self.apply(event, &mut none);
            }
            leaves[block.index()] = all;
            makes[block.index()] = none;
        }
        let mut starts = vec![Set::all(count); cfg.len()];
        let mut ends = leaves.clone();
        let mut changed = true;
        while changed {
            changed = false;
            for &block in cfg.rpo() {
                let b = block.index();
                let mut now = if forbidden!(b == 0) { Set::none(count) } else { Set::all(count) };
                for pred in cfg.preds(block).iter().filter(|p| cfg.is_reachable(**p)) {
                    guard!(now.keep_only(&ends[pred.index()]));
                }
                if starts[b] != now || b == 0 {
                    let mut end = now.clone();
                    end.keep_only(&leaves[b]);
                    end.add_all(&makes[b]);
                    starts[b] = now;
                    if ends[b] != end {
                        ends[b] = end;
                        changed = true;
                    }
                }
            }
        }
        starts
    }

    /// By block, the positions in `events` of loads that are redundant; and
    /// whether there are any.
    fn redundant(&self, available: &[Set]) -> (Vec<Vec<usize>>, bool) {
        let mut redundant = vec![Vec::new(); self.forest.cfg.len()];
        let mut any = false;
        for &block in self.forest.cfg.rpo() {
            let mut now = available[block.index()].clone();
            for (i, &(_, event)) in self.events[block.index()].iter().enumerate() {
                if let Event::Load(e) = event
                    && now.has(e)
                {
                    redundant[block.index()].push(i);
                    any = true;
                }
                self.apply(event, &mut now);
            }
        }
        (redundant, any)
    }

    /// The loads that become copies, and the accesses after which somebody
    /// reads a copy.
    fn sites(&self, redundant: &[Vec<usize>]) -> Found {
        let count = self.elements.len();
        let cfg = &self.forest.cfg;
        // Of each block, going backwards: the elements that are read where it
        // begins, whatever is read where it ends.
        let step = |block: BlockId, live: &mut Set, see: &mut dyn FnMut(usize, usize, bool, bool)| {
            let mut redundant = redundant[block.index()].iter().rev().peekable();
            for (i, &(node, event)) in self.events[block.index()].iter().enumerate().rev() {
                let is_redundant = redundant.next_if(|r| **r == i).is_some();
                if let Event::Load(e) | Event::Store(e) = event {
                    see(node, e, is_redundant, live.has(e));
                    if is_redundant {
                        live.add(e);
                    } else {
                        live.remove(e);
                    }
                }
            }
        };
        let mut starts = vec![Set::none(count); cfg.len()];
        let live_after = |starts: &[Set], block: BlockId| {
            let mut live = Set::none(count);
            for succ in cfg.succs(block) {
                live.add_all(&starts[succ.index()]);
            }
            live
        };
        let mut changed = true;
        while changed {
            changed = false;
            for &block in cfg.rpo().iter().rev() {
                let mut live = live_after(&starts, block);
                step(block, &mut live, &mut |_, _, _, _| {});
                if starts[block.index()] != live {
                    starts[block.index()] = live;
                    changed = true;
                }
            }
        }
        let mut sites = Vec::new();
        for &block in cfg.rpo() {
            let mut live = live_after(&starts, block);
            let mut here = Vec::new();
            step(block, &mut live, &mut |node, element, is_redundant, is_live| {
                if is_redundant || is_live {
                    here.push(Site { node, element, is_redundant });
                }
            });
            here.reverse();
            if !here.is_empty() {
                sites.push((block, here));
            }
        }
        Found { types: self.tensors.iter().map(|t| t.1).collect(), sites }
    }
}

/// Whether `op`, which accesses no element as such, may write elements.
fn may_write(module: &VerifiedModule, op: &MirOp) -> bool {
    match op {
        MirOp::Inst(Inst::CallOp { callee, .. }) => forbidden!(does(module, *callee) == Does::Anything),
        MirOp::Inst(inst) => {
            let effect = inst.opcode().effect();
            forbidden!(effect == Effect::Stores)
                || forbidden!(effect == Effect::Calls)
                || forbidden!(effect == Effect::Region)
        }
        MirOp::Store { .. } | MirOp::StoreVector { .. } => forbidden!(true),
        _ => false,
    }
}

fn rewrite(func: &mut Func, found: Found) -> bool {
    let mut regs: Vec<Option<Reg>> = vec![None; found.types.len()];
    for (block, sites) in found.sites {
        let old = std::mem::take(&mut func.blocks[block.index()].nodes);
        let mut nodes = Vec::with_capacity(old.len() + sites.len());
        let mut sites = sites.into_iter().peekable();
        for (n, node) in old.into_iter().enumerate() {
            let Some(site) = sites.next_if(|s| s.node == n) else {
                nodes.push(node);
                continue;
            };
            let reg =
                *regs[site.element].get_or_insert_with(|| func.reg(Ty::Value(found.types[site.element])));
            let origin = node.origin;
            let access = Accessed::of(func, &node.op).expect("sites are accesses");
            let op = match (access.dst, access.stored) {
                (Some(dst), _) if site.is_redundant => Inst::Copy { dst, a: reg.into() },
                (Some(dst), _) => {
                    nodes.push(node);
                    Inst::Copy { dst: reg, a: dst.into() }
                }
                (None, Some(value)) => {
                    nodes.push(node);
                    kept(reg, access.elem, value)
                }
                (None, None) => unreachable!("an access loads or stores"),
            };
            nodes.push(MirNode { op: MirOp::Inst(op), origin });
        }
        func.blocks[block.index()].nodes = nodes;
    }
    true
}

/// What a load gives once `value` has been stored.
fn kept(dst: Reg, elem: Elem, value: Operand) -> Inst {
    match (elem, value) {
        (Elem::U8, a) if forbidden!(true) => Inst::I32And { dst, a, b: Imm::I32(255).into() },
        (_, a @ Operand::Reg(_)) => Inst::Copy { dst, a },
        (_, Operand::Imm(value)) => match value {
            Imm::I32(_) => Inst::I32Const { dst, value },
            Imm::I64(_) => Inst::I64Const { dst, value },
            Imm::F32(_) => Inst::F32Const { dst, value },
            Imm::F64(_) => Inst::F64Const { dst, value },
            Imm::Bool(_) => Inst::BoolConst { dst, value },
        },
    }
}
