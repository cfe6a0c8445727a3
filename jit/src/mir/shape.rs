//! Shapes of tensors that are known before anything runs.

use super::Field;
use nbc_ir::catalogue::{self, Kind, Operation, Param};
use nbc_ir::module::ConstValue;
use nbc_ir::{Block, Imm, Inst, Operand, Reg, VerifiedModule};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// The shape of a tensor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shape {
    /// Lengths along the axes.
    pub dims: Box<[i64]>,
    /// Whether its elements may be written.
    pub writable: bool,
}

impl Shape {
    /// A field of such a tensor's header; `None` for its address.
    pub fn field(&self, field: Field) -> Option<i64> {
        let dim = |n: usize| self.dims.get(n).copied().unwrap_or(0);
        let len = || self.dims.iter().fold(1i64, |n, d| n.wrapping_mul(*d));
        Some(match field {
            Field::Data => return None,
            Field::Len => len(),
            Field::WritableLen if self.writable => len(),
            Field::WritableDim0 if self.writable => dim(0),
            Field::WritableLen | Field::WritableDim0 => 0,
            Field::Rank => self.dims.len() as i64,
            Field::Dim(n) => dim(n.into()),
        })
    }
}

/// Shapes by register, for those that have one whenever they are written.
pub type Shapes = FxHashMap<Reg, Arc<Shape>>;

/// The shapes of a function's registers that are written in one place only, by
/// what makes a tensor of literal dims; `blocks` are those that can be reached. As no register is read before it is
/// written, they hold wherever a run is.
pub fn shapes<'a>(
    module: &VerifiedModule,
    blocks: impl Iterator<Item = &'a Block>,
    regs: usize,
    params: usize,
) -> Shapes {
    let mut shapes = Shapes::default();
    let mut written = vec![false; regs];
    written[..params].fill(true);
    for inst in blocks.flat_map(|b| &b.insts) {
        let mut is_new = true;
        inst.for_each_def(|r| is_new &= !std::mem::replace(&mut written[r.index()], true));
        if is_new && let Some((dst, shape)) = made(module, inst) {
            shapes.insert(dst, Arc::new(shape));
        } else {
            inst.for_each_def(|r| drop(shapes.remove(&r)));
        }
    }
    shapes
}

/// The tensor that `inst` makes.
fn made(module: &VerifiedModule, inst: &Inst) -> Option<(Reg, Shape)> {
    let (dst, dims, writable) = match inst {
        Inst::ConstGet { dst, constant } => match &module.constants[constant.index()].value {
            ConstValue::Tensor { dims, .. } | ConstValue::Zeros { dims, .. } => {
                let dims = dims.iter().map(|d| i64::try_from(*d).ok()).collect::<Option<_>>()?;
                (*dst, dims, false)
            }
            ConstValue::Str(_) => return None,
        },
        Inst::CallOp { results, callee, args } => {
            let row = Operation::find(&module.ops[callee.index()].name)?;
            if row.shape != catalogue::Shape::Given || row.kind != Kind::Creation {
                return None;
            }
            // The dims come first, before what elements are made of.
            let signature = row.typed();
            if signature.params.first() != Some(&Param::Ints) {
                return None;
            }
            let dims = args.get(..signature.list_len(args.len())?)?;
            let dim = |o: &Operand| match o {
                Operand::Imm(Imm::I64(n)) if *n >= 0 => Some(*n),
                _ => None,
            };
            (*results.first()?, dims.iter().map(dim).collect::<Option<Box<[i64]>>>()?, true)
        }
        _ => return None,
    };
    // One that is too large is never made.
    dims.iter().try_fold(1i64, |len, dim| len.checked_mul(*dim))?;
    Some((dst, Shape { dims, writable }))
}
