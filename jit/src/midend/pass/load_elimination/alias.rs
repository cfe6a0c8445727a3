//! Alias analysis: which tensors may share elements.
//!
//! Elements belong to one allocation, which has one element type. Only views
//! share them, and a view has its tensor's element type. So what is known is
//! by which value a tensor, or the one it is a view of, came into the
//! function: as a new object that an operation made, as something older, or
//! nobody knows how. An object that is made here is none of those that were
//! there before, nor one that another operation makes; and nothing that comes
//! from elsewhere can be it before it has been handed on.

use super::Accessed;
use crate::midend::analysis::loops::Forest;
use crate::midend::analysis::values::{Made, Value, Values};
use crate::mir::{Entry, Func, MirOp, Ty};
use nbc_ir::catalogue::{Aliasing, Operation};
use nbc_ir::{Elem, Inst, OpId, Reg, Type, VerifiedModule};
use rustc_hash::{FxHashMap, FxHashSet};

/// How an object came into the function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Origin {
    /// An operation made it.
    New,
    /// One that the running function goes on from has: what the register has
    /// held since the only place that sets it.
    Before,
    /// It was there before.
    Old,
    /// A constant, whose elements nobody writes.
    Constant,
    /// Another way.
    Unknown,
}

/// What an operation of the catalogue does with its arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Does {
    /// Reads them; a tensor that it returns is a new one.
    Reads,
    /// Returns a view of the first.
    View,
    /// Perhaps more.
    Anything,
}

/// What the operation `id` does.
pub fn does(module: &VerifiedModule, id: OpId) -> Does {
    match Operation::find(&module.ops[id.index()].name) {
        Some(op) if forbidden!(!op.pure) => Does::Anything,
        Some(op) if forbidden!(op.result == Aliasing::View(0)) => Does::View,
        Some(op) => match op.result {
            Aliasing::New | Aliasing::View(0) => Does::Reads,
            Aliasing::View(_) | Aliasing::Unknown => Does::Anything,
        },
        None => Does::Anything,
    }
}

/// The tensors of a function.
pub struct Objects<'a> {
    module: &'a VerifiedModule,
    func: &'a Func,
    forest: &'a Forest,
    values: &'a Values,
    roots: FxHashMap<Value, Value>,
    /// New objects that others than this function's element accesses may
    /// know, once somebody has asked.
    handed_on: Option<FxHashSet<Value>>,
}

impl<'a> Objects<'a> {
    /// Those of `func`, which is of `module`.
    pub fn new(
        module: &'a VerifiedModule,
        func: &'a Func,
        forest: &'a Forest,
        values: &'a Values,
    ) -> Objects<'a> {
        Objects { module, func, forest, values, roots: FxHashMap::default(), handed_on: None }
    }

    /// The element type of the tensor `value`.
    fn elem(&self, value: Value) -> Option<Elem> {
        self.func.elem(self.values.def(value).reg)
    }

    /// The value that holds the same object, or the one that this is a view
    /// of, as far back as can be told.
    fn root(&mut self, value: Value) -> Value {
        let mut passed = Vec::new();
        let mut at = value;
        let root = loop {
            if let Some(known) = self.roots.get(&at) {
                break *known;
            }
            passed.push(at);
            let def = self.values.def(at);
            let Made::Node(n) = def.made else { break at };
            let from = match &self.func.blocks[def.block.index()].nodes[n as usize].op {
                MirOp::Inst(Inst::Copy { .. }) => true,
                MirOp::Inst(Inst::CallOp { callee, .. }) => does(self.module, *callee) == Does::View,
                _ => false,
            };
            match self.values.uses(def.block, n as usize).first() {
                Some(next) if from => at = *next,
                _ => break at,
            }
        };
        self.roots.extend(passed.into_iter().map(|v| (v, root)));
        root
    }

    /// How the object that a root holds came here.
    fn origin(&self, root: Value) -> Origin {
        let def = self.values.def(root);
        let n = match def.made {
            Made::Entry => return self.origin_at_entry(def.reg),
            Made::Phi => return Origin::Unknown, // shape
            Made::Node(n) => n as usize,
        };
        match &self.func.blocks[def.block.index()].nodes[n].op {
            MirOp::Inst(Inst::CallOp { callee, .. }) if does(self.module, *callee) == Does::Reads => {
                Origin::New
            }
            MirOp::Inst(Inst::ConstGet { .. }) => Origin::Constant,
            // Globals hold copies of their own.
            MirOp::Inst(Inst::GlobalGet { .. }) => Origin::Old,
            _ => Origin::Unknown,
        }
    }

    fn origin_at_entry(&self, reg: Reg) -> Origin {
        // A shape is known of what is written in one place only.
        match (&self.func.entry, self.func.shapes.get(&reg)) {
            (Entry::Resume { .. }, Some(shape)) if forbidden!(shape.writable) => Origin::Before,
            (Entry::Resume { .. }, Some(_)) => Origin::Constant,
            _ => Origin::Old,
        }
    }

    /// Whether writing to the tensor `written` may change elements of `read`.
    pub fn may_share(&mut self, read: Value, written: Value) -> bool {
        if required!(self.elem(read) != self.elem(written)) {
            return false;
        }
        let (a, b) = (self.root(read), self.root(written));
        match (self.origin(a), self.origin(b)) {
            (Origin::Constant, _) | (_, Origin::Constant) => false,
            (Origin::New | Origin::Before, Origin::New | Origin::Before) => forbidden!(a == b),
            (Origin::New, Origin::Old) | (Origin::Old, Origin::New) => false,
            (Origin::New, Origin::Unknown) => forbidden!(self.is_handed_on(a)),
            (Origin::Unknown, Origin::New) => forbidden!(self.is_handed_on(b)),
            _ => forbidden!(true),
        }
    }

    /// Whether code that is not of this function may write to `tensor`.
    pub fn is_reachable_by_calls(&mut self, tensor: Value) -> bool {
        let root = self.root(tensor);
        match self.origin(root) {
            Origin::Constant => false,
            Origin::New => forbidden!(self.is_handed_on(root)),
            Origin::Before | Origin::Old | Origin::Unknown => forbidden!(true),
        }
    }

    fn is_handed_on(&mut self, root: Value) -> bool {
        if self.handed_on.is_none() {
            self.handed_on = Some(self.find_handed_on());
        }
        self.handed_on.as_ref().is_some_and(|known| known.contains(&root))
    }

    fn is_tensor(&self, value: Value) -> bool {
        matches!(self.func.regs[self.values.def(value).reg.index()], Ty::Value(Type::Tensor(_)))
    }

    fn find_handed_on(&mut self) -> FxHashSet<Value> {
        let mut found = FxHashSet::default();
        for &block in self.forest.cfg.rpo() {
            for &phi in self.values.phis(block) {
                if self.is_tensor(phi) {
                    guard!(found.extend(self.values.phi_args(phi).iter().map(|arg| self.root(*arg))));
                }
            }
            for (n, node) in self.func.blocks[block.index()].nodes.iter().enumerate() {
                if !self.keeps_to_itself(&node.op) {
                    for &value in self.values.uses(block, n) {
                        if self.is_tensor(value) {
                            found.insert(self.root(value));
                        }
                    }
                }
            }
        }
        found
    }

    /// Whether no tensor that `op` reads is known to anybody else afterwards,
    /// but for what [`Objects::root`] looks through.
    fn keeps_to_itself(&self, op: &MirOp) -> bool {
        match op {
            MirOp::Inst(Inst::CallOp { callee, .. }) => {
                required!(does(self.module, *callee) != Does::Anything)
            }
            MirOp::Inst(Inst::Copy { .. } | Inst::TensorLen { .. } | Inst::TensorRank { .. }) => true,
            MirOp::Inst(Inst::TensorDim { .. }) => true,
            MirOp::Inst(_) => required!(Accessed::of(self.func, op).is_some()),
            _ => true,
        }
    }
}
