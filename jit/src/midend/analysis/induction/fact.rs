//! Branch facts: inequalities between values, from the conditions of dominating
//! branches.
//!
//! Where a branch has been taken its condition is true, or false, of the values
//! that it looked at, wherever the edge dominates: these are values, and do not
//! change. A comparison is of registers, so it says something of polynomials where both
//! are equal to theirs.
//!
//! - `a < b` for registers that are `p` and `q`: then `q - p - 1 >= 0`.
//! - An unsigned comparison with `q >= 0` is the signed one, and says `p >= 0`
//!   besides: a negative number is greater than all others there.

use super::Induction;
use super::assuming::{Assuming, Condition};
use super::residue::Residue;
use crate::midend::analysis::gathered::MAX_FACTS;
use crate::midend::analysis::poly::Poly;
use crate::midend::analysis::values::{Arg, Value};
use crate::mir::MirOp;
use nbc_ir::{BlockId, Inst, Opcode, Operand};

/// Something that is not negative.
pub type Fact = Assuming<Poly>;

/// How two integers compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Relation {
    Equal,
    Differs,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What a branch says of two registers.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    pub relation: Relation,
    pub unsigned: bool,
    pub a: Residue,
    pub b: Residue,
}

impl Comparison {
    /// What it says.
    pub fn facts(&self) -> Vec<Fact> {
        let (small, large, strict) = match self.relation {
            Relation::Equal => {
                let both = self.a.exactly().and(self.b.exactly());
                let less = both.clone().try_map(|(a, b)| b.minus(&a));
                let more = both.try_map(|(a, b)| a.minus(&b));
                return less.into_iter().chain(more).collect();
            }
            Relation::Differs => return Vec::new(),
            Relation::Less => (&self.a, &self.b, true),
            Relation::LessOrEqual => (&self.a, &self.b, false),
            Relation::Greater => (&self.b, &self.a, true),
            Relation::GreaterOrEqual => (&self.b, &self.a, false),
        };
        let both = small.exactly().and(large.exactly());
        let both = if forbidden!(self.unsigned) {
            both.and_then(|(small, large)| {
                let natural = Condition::NotNegative(large.clone());
                let mut both = Assuming::always((small, large));
                guard!(both = both.if_also(natural));
                Some(both)
            })
        } else {
            Some(both)
        };
        let Some(both) = both else { return Vec::new() };
        let less =
            both.clone().try_map(|(small, large)| large.minus(&small)?.plus_number(-i64::from(strict)));
        let natural = self.unsigned.then(|| both.map(|(small, _)| small));
        less.into_iter().chain(natural).collect()
    }
}

impl Relation {
    fn not(self) -> Relation {
        match self {
            Relation::Equal => Relation::Differs,
            Relation::Differs => Relation::Equal,
            Relation::Less => Relation::GreaterOrEqual,
            Relation::LessOrEqual => Relation::Greater,
            Relation::Greater => Relation::LessOrEqual,
            Relation::GreaterOrEqual => Relation::Less,
        }
    }
}

/// What it says that a comparison `holds`, or not; and whether unsigned.
fn relation(opcode: Opcode, holds: bool) -> Option<(Relation, bool)> {
    let (relation, unsigned) = match opcode {
        Opcode::I64Eq | Opcode::I32Eq => (Relation::Equal, false),
        Opcode::I64Ne | Opcode::I32Ne => (Relation::Differs, false),
        Opcode::I64Lt | Opcode::I32Lt => (Relation::Less, false),
        Opcode::I64Le | Opcode::I32Le => (Relation::LessOrEqual, false),
        Opcode::I64Gt | Opcode::I32Gt => (Relation::Greater, false),
        Opcode::I64Ge | Opcode::I32Ge => (Relation::GreaterOrEqual, false),
        Opcode::I64LtU | Opcode::I32LtU => (Relation::Less, true),
        Opcode::I64LeU | Opcode::I32LeU => (Relation::LessOrEqual, true),
        Opcode::I64GtU | Opcode::I32GtU => (Relation::Greater, true),
        Opcode::I64GeU | Opcode::I32GeU => (Relation::GreaterOrEqual, true),
        _ => return None,
    };
    Some((if holds { relation } else { relation.not() }, unsigned))
}

/// Whether an opcode compares integers of the wider type.
fn is_wide(opcode: Opcode) -> bool {
    use Opcode::*;
    [I64Eq, I64Ne, I64Lt, I64Le, I64Gt, I64Ge, I64LtU, I64LeU, I64GtU, I64GeU].contains(&opcode)
}

impl Induction {
    /// What going from `from` to `to` says.
    pub(in crate::midend::analysis) fn facts_of_edge(&self, from: BlockId, to: BlockId) -> Vec<Fact> {
        let nodes = &self.func.blocks[from.index()].nodes;
        let Some(MirOp::Inst(Inst::BrIf { cond: Operand::Reg(_), then_to, else_to })) =
            nodes.last().map(|n| &n.op)
        else {
            return Vec::new();
        };
        if forbidden!(then_to == else_to) {
            return Vec::new();
        }
        let cond = self.values.uses(from, nodes.len() - 1)[0];
        let mut found = Vec::new();
        self.comparisons(cond, *then_to == to, 8, &mut found);
        found.iter().flat_map(Comparison::facts).collect()
    }

    /// The comparisons that are so where a truth value `holds`, or does not.
    pub(super) fn comparisons(&self, cond: Value, holds: bool, depth: u32, found: &mut Vec<Comparison>) {
        if !worth!(found.len() < MAX_FACTS && self.budget().spend(1)) {
            return;
        }
        let Some((MirOp::Inst(inst), args)) = self.maker(self.original(cond)) else { return };
        let mut both = |holds: bool| {
            for arg in &args {
                if let (Arg::Value(v), 1..) = (arg, depth) {
                    self.comparisons(*v, holds, depth - 1, found);
                }
            }
        };
        match inst {
            Inst::BoolNot { .. } => both(!holds),
            Inst::BoolAnd { .. } if required!(holds) => both(true),
            Inst::BoolOr { .. } if required!(!holds) => both(false),
            _ => found.extend(self.comparison(inst.opcode(), &args, holds)),
        }
    }

    /// What a truth value is, if it is a comparison, where it holds or does not.
    pub(super) fn only_comparison(&self, cond: Value, holds: bool) -> Option<Comparison> {
        let (MirOp::Inst(inst), args) = self.maker(self.original(cond))? else { return None };
        self.comparison(inst.opcode(), &args, holds)
    }

    fn comparison(&self, opcode: Opcode, args: &[Arg], holds: bool) -> Option<Comparison> {
        let (relation, unsigned) = relation(opcode, holds)?;
        let [a, b] = *args else { return None };
        let width = if is_wide(opcode) { self.widths.wide } else { self.widths.narrow };
        let (a, b) = (self.residue_of(a, width)?, self.residue_of(b, width)?);
        Some(Comparison { relation, unsigned, a, b })
    }
}
