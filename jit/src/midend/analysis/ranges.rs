//! Range analysis: intervals that integers lie in, as far as is known at
//! compile time.
//!
//! Invariant: a value lies in its range whenever it is made. Where an edge
//! comes back to a phi, its range is that of its type, unless the caller knows
//! better.

use super::induction::residue::Widths;
use super::loops::Forest;
use super::poly::Span;
use super::values::{Arg, Value, Values};
use crate::mir::{Field, Func, MirOp, Ty};
use nbc_ir::inst::Imm;
use nbc_ir::{Elem, Inst, Type};

/// Least and greatest value of each integer and truth value (0 or 1); all that
/// its type holds for the rest.
#[derive(Clone, Debug)]
pub struct Ranges {
    of: Vec<Span>,
}

impl Ranges {
    /// The ranges of the values of `func`. `known` says of phis what it knows.
    pub fn new(
        widths: &Widths,
        func: &Func,
        forest: &Forest,
        values: &Values,
        known: impl Fn(Value) -> Option<Span>,
    ) -> Ranges {
        let all = (0..values.len()).map(|v| whole(widths, func, values, Value(v as u32)));
        let mut ranges = Ranges { of: all.collect() };
        let wide = widths.wide.span();
        for &block in forest.cfg.rpo() {
            for &phi in values.phis(block) {
                ranges.of[phi.index()] = known(phi).unwrap_or_else(|| ranges.join(forest, values, phi));
            }
            for (n, node) in func.blocks[block.index()].nodes.iter().enumerate() {
                if let Some(made) = values.made_by(block, n) {
                    let whole = ranges.of[made.index()];
                    if whole.is_in(wide) {
                        let args = values.args(&node.op, block, n);
                        ranges.of[made.index()] = ranges.result(widths, func, &node.op, whole, &args);
                    }
                }
            }
        }
        ranges
    }

    /// The range of a value.
    pub fn of(&self, value: Value) -> Span {
        self.of[value.index()]
    }

    /// The range of an operand that is no float.
    pub fn of_arg(&self, arg: Arg) -> Span {
        match arg {
            Arg::Value(value) => self.of(value),
            Arg::Imm(Imm::I64(v)) => Span::number(v),
            Arg::Imm(Imm::I32(v)) => Span::number(v as i64),
            Arg::Imm(Imm::Bool(v)) => Span::number(v as i64),
            Arg::Imm(_) => Span::ALL,
        }
    }

    /// What meets in a phi; all that its type holds where an edge comes back.
    fn join(&self, forest: &Forest, values: &Values, phi: Value) -> Span {
        let block = values.def(phi).block;
        let rank = forest.cfg.rank(block);
        let preds = forest.cfg.preds(block).iter().filter(|p| forest.cfg.is_reachable(**p));
        let mut span: Option<Span> = None;
        for (pred, arg) in preds.zip(values.phi_args(phi)) {
            if forbidden!(forest.cfg.rank(*pred) >= rank) {
                return self.of(phi);
            }
            let of = self.of(*arg);
            span = Some(span.map_or(of, |s| s.or(of)));
        }
        span.unwrap_or(self.of(phi))
    }

    /// The result of an instruction whose type holds `whole`.
    fn result(&self, widths: &Widths, func: &Func, op: &MirOp, whole: Span, args: &[Arg]) -> Span {
        let inst = match op {
            MirOp::Inst(inst) => inst,
            MirOp::Field { field, .. } => return field_range(widths, *field),
            MirOp::Load { elem: Elem::U8, .. } => return Span::new(0, 255),
            _ => return whole,
        };
        let arg = |n: usize| self.of_arg(args[n]);
        let literal = |n: usize| match args[n] {
            Arg::Imm(Imm::I64(v)) => Some(v),
            Arg::Imm(Imm::I32(v)) => Some(v as i64),
            _ => None,
        };
        let or_whole = |span: Span| if required!(span.is_in(whole)) { span } else { whole };
        let natural = |span: Span| required!(span.low >= 0);
        let width = if whole == widths.narrow.span() { widths.narrow } else { widths.wide };
        let (bits, narrow) = (i64::from(width.bits), widths.narrow.span());
        match inst {
            Inst::I64Const { value, .. } | Inst::I32Const { value, .. } | Inst::BoolConst { value, .. } => {
                self.of_arg(Arg::Imm(*value))
            }
            Inst::Copy { .. } => arg(0),
            Inst::Select { .. } => arg(1).or(arg(2)),
            Inst::I64Add { .. } | Inst::I32Add { .. } => or_whole(arg(0).plus(arg(1))),
            Inst::I64Sub { .. } | Inst::I32Sub { .. } => or_whole(arg(0).plus(arg(1).negated())),
            Inst::I64Neg { .. } | Inst::I32Neg { .. } => or_whole(arg(0).negated()),
            Inst::I64Mul { .. } | Inst::I32Mul { .. } => or_whole(arg(0).times(arg(1))),
            Inst::I64And { .. } | Inst::I32And { .. } => {
                let high = [arg(0), arg(1)].into_iter().filter(|s| natural(*s)).map(|s| s.high).min();
                high.map_or(whole, |high| Span { low: 0, high })
            }
            Inst::I64Or { .. } | Inst::I32Or { .. } | Inst::I64Xor { .. } | Inst::I32Xor { .. }
                if natural(arg(0)) && natural(arg(1)) =>
            {
                let bits = 128 - arg(0).high.max(arg(1).high).leading_zeros();
                Span { low: 0, high: (1 << bits) - 1 }
            }
            Inst::I64Shl { .. } | Inst::I32Shl { .. } => match literal(1) {
                Some(by) if worth!((0..bits - 1).contains(&by)) => {
                    or_whole(arg(0).times(Span::number(1 << by)))
                }
                _ => whole,
            },
            Inst::I64Shr { .. } | Inst::I32Shr { .. } => match literal(1) {
                Some(by) if worth!((0..bits).contains(&by)) => {
                    Span { low: arg(0).low >> by, high: arg(0).high >> by }
                }
                _ => whole,
            },
            Inst::I64ShrU { .. } | Inst::I32ShrU { .. } => match literal(1) {
                Some(by) if worth!((1..bits).contains(&by)) => {
                    let largest = (1i128 << bits) - 1;
                    let high = if natural(arg(0)) { arg(0).high } else { largest };
                    Span { low: 0, high: high >> by }
                }
                _ => whole,
            },
            Inst::I64Rem { .. } | Inst::I32Rem { .. } => match literal(1) {
                Some(by) if required!(by > 0) => {
                    let most = by as i128 - 1;
                    let low = if natural(arg(0)) { 0 } else { -most };
                    Span { low, high: if natural(arg(0)) { most.min(arg(0).high) } else { most } }
                }
                _ if natural(arg(0)) => Span { low: 0, high: arg(0).high },
                _ => whole,
            },
            Inst::I64RemU { .. } | Inst::I32RemU { .. } => match arg(1) {
                by if required!(by.low > 0) => Span { low: 0, high: by.high - 1 },
                _ => whole,
            },
            Inst::I64Div { .. } | Inst::I32Div { .. } => match literal(1) {
                Some(by) if required!(by > 0) => {
                    Span { low: arg(0).low / by as i128, high: arg(0).high / by as i128 }
                }
                _ if natural(arg(0)) && natural(arg(1)) => Span { low: 0, high: arg(0).high },
                _ => whole,
            },
            Inst::I64DivU { .. } | Inst::I32DivU { .. } if natural(arg(0)) && natural(arg(1)) => {
                Span { low: 0, high: arg(0).high }
            }
            Inst::I64Min { .. } | Inst::I32Min { .. } => {
                Span { low: arg(0).low.min(arg(1).low), high: arg(0).high.min(arg(1).high) }
            }
            Inst::I64Max { .. } | Inst::I32Max { .. } => {
                Span { low: arg(0).low.max(arg(1).low), high: arg(0).high.max(arg(1).high) }
            }
            Inst::I64Clz { .. } | Inst::I64Ctz { .. } | Inst::I64Popcnt { .. } => Span::new(0, bits),
            Inst::I32Clz { .. } | Inst::I32Ctz { .. } | Inst::I32Popcnt { .. } => Span::new(0, bits),
            Inst::I64Extend8 { .. } | Inst::I32Extend8 { .. } => Span::new(-128, 127),
            Inst::I64Extend16 { .. } | Inst::I32Extend16 { .. } => Span::new(-32768, 32767),
            Inst::I64Extend32 { .. } if forbidden!(!arg(0).is_in(narrow)) => narrow,
            Inst::I64Extend32 { .. } | Inst::I64ExtendI32 { .. } => arg(0),
            Inst::I64ExtendI32U { .. } if natural(arg(0)) => arg(0),
            Inst::I64ExtendI32U { .. } => Span::new(0, (1 << widths.narrow.bits) - 1),
            Inst::I32WrapI64 { .. } => or_whole(arg(0)),
            Inst::I64FromBool { .. } | Inst::I32FromBool { .. } => Span::new(0, 1),
            Inst::TensorLen { .. } => field_range(widths, Field::Len),
            Inst::TensorRank { .. } => field_range(widths, Field::Rank),
            Inst::TensorDim { .. } | Inst::ListLen { .. } => field_range(widths, Field::Dim(0)),
            Inst::TensorLoad { x, .. } | Inst::TensorLoad2 { x, .. } | Inst::TensorLoad3 { x, .. } => match x
            {
                nbc_ir::Operand::Reg(x) if required!(func.elem(*x) == Some(Elem::U8)) => Span::new(0, 255),
                _ => whole,
            },
            _ => whole,
        }
    }
}

/// What a type holds.
fn whole(widths: &Widths, func: &Func, values: &Values, value: Value) -> Span {
    match func.regs[values.def(value).reg.index()] {
        Ty::Value(Type::I64) => widths.wide.span(),
        Ty::Value(Type::I32) => widths.narrow.span(),
        Ty::Value(Type::Bool) => Span::new(0, 1),
        _ => Span::ALL,
    }
}

/// The range of a field of a tensor that is no address.
pub fn field_range(widths: &Widths, field: Field) -> Span {
    let most = widths.wide.span().high;
    match field {
        Field::Len | Field::WritableLen => Span { low: 0, high: 1 << widths.len },
        Field::Rank => Span::new(0, 8),
        Field::Data | Field::WritableDim0 | Field::Dim(_) => Span { low: 0, high: most },
    }
}
