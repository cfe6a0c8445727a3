//! Headers of tensors that loops look at.
//!
//! Where regions end, loads of a header may not be moved: the tensor could be
//! gone by where they went. So fields that a loop's accesses want of a tensor
//! made before the loop are loaded at once behind the node that makes it. There
//! the tensor is alive, and the fields are held from there on. A register that
//! is written once holds the same tensor wherever it is read.

use super::Lowering;
use super::phis::Phis;
use crate::mir::{Entry, Field, Func, MirOp};
use cranelift_codegen::ir::Value;
use nbc_ir::flow::{Cfg, Loops};
use nbc_ir::{Inst, Operand, Reg};
use rustc_hash::FxHashMap;

/// Most fields that are held: each takes room in the frame.
const MOST: usize = 48;

/// Fields of tensors that are loaded where those are made.
#[derive(Default)]
pub struct Headers {
    wanted: FxHashMap<Reg, Vec<Field>>,
    held: FxHashMap<(Reg, Field), Value>,
}

impl Headers {
    /// What loops of `func` want that are deeper than what makes the tensor.
    pub fn wanted(func: &Func, cfg: &Cfg, loops: &Loops, phis: &Phis) -> Headers {
        let mut made_at: Vec<u32> = vec![u32::MAX; func.regs.len()];
        match &func.entry {
            Entry::Call { params } => made_at[..*params].fill(0),
            Entry::Resume { live } => live.iter().for_each(|(r, _)| made_at[r.index()] = 0),
        }
        for block in cfg.rpo() {
            let depth = loops.depth(*block);
            for node in &func.blocks[block.index()].nodes {
                node.op.for_each_def(|r| made_at[r.index()] = depth);
            }
        }
        let mut wanted: FxHashMap<Reg, Vec<Field>> = FxHashMap::default();
        let mut count = 0;
        let hot = cfg.rpo().iter().filter(|b| !func.blocks[b.index()].cold);
        for block in hot {
            let depth = loops.depth(*block);
            for node in &func.blocks[block.index()].nodes {
                fields(&node.op, |reg, field| {
                    let known = func.shapes.get(&reg).is_some_and(|s| s.field(field).is_some());
                    if phis.many[reg.index()] || made_at[reg.index()] >= depth || known || count == MOST {
                        return;
                    }
                    let list = wanted.entry(reg).or_default();
                    if !list.contains(&field) {
                        list.push(field);
                        count += 1;
                    }
                });
            }
        }
        Headers { wanted, held: FxHashMap::default() }
    }
}

/// Calls `see` with each field of a tensor that `op` looks at.
fn fields(op: &MirOp, mut see: impl FnMut(Reg, Field)) {
    let mut access = |x: &Operand, fields: &[Field]| {
        if let Operand::Reg(x) = x {
            fields.iter().chain([&Field::Data]).for_each(|f| see(*x, *f));
        }
    };
    use Field::{Dim, Len, Rank, WritableDim0, WritableLen};
    match op {
        MirOp::Field { tensor, field, .. } => see(*tensor, *field),
        MirOp::Inst(inst) => match inst {
            Inst::TensorLoad { x, .. } | Inst::TensorLoadRe { x, .. } | Inst::TensorLoadIm { x, .. } => {
                access(x, &[Len]);
            }
            Inst::TensorStore { x, .. } | Inst::TensorStoreRe { x, .. } | Inst::TensorStoreIm { x, .. } => {
                access(x, &[WritableLen]);
            }
            Inst::TensorLoad2 { x, .. } => access(x, &[Dim(0), Rank, Dim(1)]),
            Inst::TensorStore2 { x, .. } => access(x, &[WritableDim0, Rank, Dim(1)]),
            _ => {}
        },
        _ => {}
    }
}

impl Lowering<'_, '_> {
    /// Loads what is wanted of the tensor that `reg` holds from now on.
    pub fn hold_header(&mut self, reg: Reg, tensor: Value) {
        for field in self.headers.wanted.get(&reg).cloned().unwrap_or_default() {
            let value = self.field(tensor, field);
            self.headers.held.insert((reg, field), value);
        }
    }

    /// A field of a tensor: as it is known to be, or was loaded, or is.
    pub fn field_of(&mut self, tensor: Operand, field: Field) -> Value {
        if let Operand::Reg(reg) = tensor {
            if let Some(known) = self.func.shapes.get(&reg).and_then(|s| s.field(field)) {
                return self.address_of(known as usize);
            }
            // Cold code looks itself: it would have all of it held for longer.
            if !self.cold
                && let Some(held) = self.headers.held.get(&(reg, field))
            {
                return *held;
            }
        }
        let tensor = self.operand(tensor);
        self.field(tensor, field)
    }
}
