//! Code generation for a guard: its conditions as instructions in the
//! preheader.
//!
//! Invariant: it reads only values that are there at the end of the preheader.
//! Where a register no longer holds one, a copy is made at its definition.

use super::plan::{Guard, NEAR};
use crate::midend::analysis::induction::Induction;
use crate::midend::analysis::poly::{Atom, Poly, Quantity};
use crate::midend::analysis::values::{Made, Value};
use crate::mir::{Field, Func, MirNode, MirOp, Ty, Write};
use nbc_ir::{BlockId, Inst, Operand, Reg, Type};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// Registers with values that the registers they were made in no longer hold.
#[derive(Debug, Default)]
pub struct Saved {
    /// By place of the definition (block and the node after it), what to copy
    /// there from which register into which.
    pub copies: BTreeMap<(BlockId, usize), Vec<(Reg, Reg)>>,
    regs: FxHashMap<Value, Reg>,
}

/// Writes nodes at the end of a preheader.
pub struct Writer<'a> {
    it: &'a Induction,
    func: &'a mut Func,
    saved: &'a mut Saved,
    at: BlockId,
    origin: u32,
    /// What has been written.
    pub nodes: Vec<MirNode>,
    /// Registers that hold fields of tensors.
    pub fields: BTreeMap<(Value, FieldKey), Reg>,
    known: FxHashMap<Atom, Operand>,
}

/// A field, with an order.
pub type FieldKey = (u8, u8);

/// A field as a key.
pub fn key(field: Field) -> FieldKey {
    match field {
        Field::Data => (0, 0),
        Field::Len => (1, 0),
        Field::WritableLen => (2, 0),
        Field::WritableDim0 => (3, 0),
        Field::Rank => (4, 0),
        Field::Dim(n) => (5, n),
    }
}

impl Write for Writer<'_> {
    fn func(&mut self) -> &mut Func {
        self.func
    }

    fn push(&mut self, op: impl Into<MirOp>) {
        self.nodes.push(MirNode { op: op.into(), origin: self.origin });
    }
}

impl<'a> Writer<'a> {
    /// Writes at the end of block `at`, which `func` has as `it` knows it.
    pub fn new(it: &'a Induction, func: &'a mut Func, saved: &'a mut Saved, at: BlockId) -> Writer<'a> {
        let origin = it.func.blocks[at.index()].nodes.last().map_or(0, |n| n.origin);
        Writer {
            it,
            func,
            saved,
            at,
            origin,
            nodes: Vec::new(),
            fields: BTreeMap::new(),
            known: FxHashMap::default(),
        }
    }

    /// A register that holds `value` there.
    fn value(&mut self, value: Value) -> Reg {
        let def = self.it.values.def(value);
        if required!(self.it.at_end(self.at, def.reg) == Some(value)) {
            return def.reg;
        }
        if let Some(reg) = self.saved.regs.get(&value) {
            return *reg;
        }
        let reg = self.func.reg_for(def.reg);
        self.saved.regs.insert(value, reg);
        let after = match def.made {
            Made::Node(n) => n as usize + 1,
            Made::Entry | Made::Phi => 0,
        };
        self.saved.copies.entry((def.block, after)).or_default().push((def.reg, reg));
        reg
    }

    /// A register with a field of a tensor.
    pub fn field(&mut self, tensor: Value, field: Field) -> Reg {
        if let Some(reg) = self.fields.get(&(tensor, key(field))) {
            return *reg;
        }
        let from = self.value(tensor);
        let ty = if field == Field::Data { Ty::Ptr } else { Ty::Value(Type::I64) };
        let dst = self.func.reg(ty);
        self.nodes.push(MirNode { op: MirOp::Field { dst, tensor: from, field }, origin: self.origin });
        self.fields.insert((tensor, key(field)), dst);
        dst
    }

    fn atom(&mut self, atom: Atom) -> Operand {
        if let Some(known) = self.known.get(&atom) {
            return *known;
        }
        let quantity = self.it.atoms.borrow().get(atom).clone();
        let operand = match quantity {
            Quantity::Value(value) => {
                let reg = self.value(value);
                match self.func.regs[reg.index()] {
                    Ty::Value(Type::I32) => self.integer(|dst| Inst::I64ExtendI32 { dst, a: reg.into() }),
                    _ => reg.into(),
                }
            }
            Quantity::Field(tensor, field) => self.field(tensor, field).into(),
            Quantity::Quotient(poly, by) => {
                let a = self.poly(&poly);
                self.integer(|dst| Inst::I64DivU { dst, a, b: by.into() })
            }
            Quantity::Count(_) => unreachable!("a guard is in terms of what the loop does not change"),
        };
        self.known.insert(atom, operand);
        operand
    }

    /// The value of a polynomial that the loop does not change.
    fn poly(&mut self, poly: &Poly) -> Operand {
        let mut sum: Option<Operand> = None;
        for (product, count) in &poly.terms {
            let mut part: Option<Operand> = None;
            for atom in product.atoms() {
                let factor = self.atom(atom);
                part = Some(match part {
                    Some(a) => self.integer(|dst| Inst::I64Mul { dst, a, b: factor }),
                    None => factor,
                });
            }
            let Some(mut part) = part else { continue };
            // The first term is negated by a factor, later ones by subtraction.
            let size = if sum.is_some() { count.abs() } else { *count };
            if size != 1 {
                part = self.integer(|dst| Inst::I64Mul { dst, a: part, b: size.into() });
            }
            sum = Some(match sum {
                Some(a) if *count < 0 => self.integer(|dst| Inst::I64Sub { dst, a, b: part }),
                Some(a) => self.integer(|dst| Inst::I64Add { dst, a, b: part }),
                None => part,
            });
        }
        match sum {
            Some(a) if poly.constant != 0 => {
                self.integer(|dst| Inst::I64Add { dst, a, b: poly.constant.into() })
            }
            Some(sum) => sum,
            None => poly.constant.into(),
        }
    }

    /// One truth value for all conditions; `None` when there are none.
    pub fn guard(&mut self, guard: &Guard) -> Option<Reg> {
        let mut truths = Vec::new();
        for (tensor, rank) in &guard.ranks {
            let a = self.field(*tensor, Field::Rank).into();
            let truth = self.truth(|dst| Inst::I64Eq { dst, a, b: (*rank).into() });
            guard!(truths.push(truth));
        }
        for atom in &guard.small {
            let a = self.atom(*atom);
            let size = 1i64 << guard.bits;
            let truth = if required!(self.it.span_of_atom(*atom).low >= 0) {
                self.truth(|dst| Inst::I64Lt { dst, a, b: size.into() })
            } else {
                let a = self.integer(|dst| Inst::I64Add { dst, a, b: (size - 1).into() });
                self.truth(|dst| Inst::I64LtU { dst, a, b: (2 * size - 1).into() })
            };
            guard!(truths.push(truth));
        }
        // Where there is but one value, nothing is added to it: that could
        // overflow before it is known to be small.
        for poly in &guard.natural {
            let truth = match self.alone(poly) {
                Some((atom, 1)) => {
                    let a = self.atom(atom);
                    self.truth(|dst| Inst::I64Ge { dst, a, b: (-poly.constant).into() })
                }
                Some((atom, _)) => {
                    let a = self.atom(atom);
                    self.truth(|dst| Inst::I64Le { dst, a, b: poly.constant.into() })
                }
                None => {
                    let a = self.poly(poly);
                    self.truth(|dst| Inst::I64Ge { dst, a, b: 0i64.into() })
                }
            };
            guard!(truths.push(truth));
        }
        for (poly, tensor, field) in &guard.below {
            let mut b: Operand = self.field(*tensor, *field).into();
            let a = match self.alone(poly) {
                Some((atom, 1)) => {
                    if poly.constant != 0 {
                        b = self.integer(|dst| Inst::I64Add { dst, a: b, b: (-poly.constant).into() });
                    }
                    self.atom(atom)
                }
                _ => self.poly(poly),
            };
            let truth = self.truth(|dst| Inst::I64Lt { dst, a, b });
            guard!(truths.push(truth));
        }
        truths.into_iter().reduce(|a, b| {
            let (a, b) = (a.into(), b.into());
            self.truth(|dst| Inst::BoolAnd { dst, a, b })
        })
    }

    /// The quantity of a polynomial that is one and a constant of moderate size,
    /// and its sign.
    fn alone(&self, poly: &Poly) -> Option<(Atom, i64)> {
        let [(product, sign @ (1 | -1))] = *poly.terms else { return None };
        let mut atoms = product.atoms();
        let (first, second) = (atoms.next()?, atoms.next());
        let is_near = required!(poly.constant.unsigned_abs() < 1 << self.it.widths.of(NEAR));
        (required!(second.is_none()) && is_near).then_some((first, sign))
    }
}
