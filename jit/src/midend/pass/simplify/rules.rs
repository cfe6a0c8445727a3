//! Algebraic simplification, by peephole rules: single instructions that are
//! the same as simpler ones.
//!
//! Invariant: both sides of a rule are the same whatever the bits of their
//! operands.

use super::fold::fold;
use nbc_ir::inst::{Field, FieldRef, Imm, Opcode};
use nbc_ir::{Inst, Operand, Reg};
use nbc_runtime::machine::micro::CompareOp;

/// What an instruction is the same as.
#[derive(Clone, PartialEq, Debug)]
pub enum Simpler {
    /// This value.
    Value(Operand),
    /// This instruction.
    Inst(Inst),
}

use Simpler::Value;

/// What defines registers, as far as it can be relied on.
pub trait Look {
    /// The only definition of a register, whose operands cannot have changed
    /// since.
    fn look(&self, operand: Operand) -> Option<&Inst>;
}

/// A simpler form of `inst`, if there is one; it may have one itself.
pub fn simpler(inst: &Inst, defs: &impl Look) -> Option<Simpler> {
    if let Some(imm) = fold(inst) {
        return Some(Value(imm.into()));
    }
    if let Inst::Select { dst, cond, a, b } = *inst {
        return select(dst, cond, a, b, defs);
    }
    let (opcode, dst, operands) = parts(inst)?;
    match operands {
        (a, None) => one(opcode, dst, a, defs),
        (a, Some(b)) => two(opcode, dst, a, b, defs),
    }
}

/// Opcode, result and operands of an instruction with one or two operands.
fn parts(inst: &Inst) -> Option<(Opcode, Reg, (Operand, Option<Operand>))> {
    let (mut dst, mut uses, mut count) = (None, [None; 2], 0);
    inst.for_each_field(|field| match field {
        FieldRef::Def(r) => dst = Some(r),
        FieldRef::Use(o) if count < 2 => {
            uses[count] = Some(o);
            count += 1;
        }
        _ => count = 3,
    });
    if count > 2 { None } else { Some((inst.opcode(), dst?, (uses[0]?, uses[1]))) }
}

fn make(opcode: Opcode, dst: Reg, operands: &[Operand]) -> Option<Simpler> {
    let fields = std::iter::once(Field::Def(dst)).chain(operands.iter().map(|o| Field::Use(*o)));
    Inst::from_fields(opcode, fields).map(Simpler::Inst)
}

/// An integer literal's value; as the bits go, for both widths.
fn int(operand: Operand) -> Option<i64> {
    match operand {
        Operand::Imm(Imm::I32(v)) => Some(v.into()),
        Operand::Imm(Imm::I64(v)) => Some(v),
        _ => None,
    }
}

/// An integer literal of the type that `opcode` works on.
fn literal(opcode: Opcode, value: i64) -> Operand {
    if is_i32(opcode) { (value as i32).into() } else { value.into() }
}

fn is_i32(opcode: Opcode) -> bool {
    opcode.mnemonic().starts_with("i32.")
}

fn truth(operand: Operand) -> Option<bool> {
    match operand {
        Operand::Imm(Imm::Bool(v)) => Some(v),
        _ => None,
    }
}

/// The opcode for operands the other way round.
fn swapped(opcode: Opcode) -> Option<Opcode> {
    use Opcode::*;
    Some(match opcode {
        I32Add | I32Mul | I32And | I32Or | I32Xor | I32Eq | I32Ne | I32Min | I32MinU | I32Max | I32MaxU => {
            opcode
        }
        I64Add | I64Mul | I64And | I64Or | I64Xor | I64Eq | I64Ne | I64Min | I64MinU | I64Max | I64MaxU => {
            opcode
        }
        BoolAnd | BoolOr | BoolXor | BoolEq => opcode,
        _ => return CompareOp::from_opcode(opcode).map(|op| op.swapped().opcode()),
    })
}

fn one(opcode: Opcode, dst: Reg, a: Operand, defs: &impl Look) -> Option<Simpler> {
    use Opcode::*;
    let inner = defs.look(a)?;
    match (opcode, inner) {
        (BoolNot, Inst::BoolNot { a, .. })
        | (I32Neg, Inst::I32Neg { a, .. })
        | (I64Neg, Inst::I64Neg { a, .. })
        | (I32Not, Inst::I32Not { a, .. })
        | (I64Not, Inst::I64Not { a, .. })
        | (I32WrapI64, Inst::I64ExtendI32 { a, .. } | Inst::I64ExtendI32U { a, .. }) => Some(Value(*a)),
        // The signed conversion is the one the machine has.
        (F64FromI64U, inner) if required!(is_not_negative(inner)) => make(F64FromI64, dst, &[a]),
        (F32FromI64U, inner) if required!(is_not_negative(inner)) => make(F32FromI64, dst, &[a]),
        _ => None,
    }
}

/// Whether the result, an i64, has its top bit clear.
fn is_not_negative(inst: &Inst) -> bool {
    match *inst {
        Inst::I64ShrU { b, .. } => int(b).is_some_and(|by| required!(by & 63 != 0)),
        Inst::I64And { b, .. } => int(b).is_some_and(|mask| required!(mask >= 0)),
        Inst::I64RemU { b, .. } => int(b).is_some_and(|by| required!(by > 0)),
        Inst::I64DivU { b, .. } => int(b).is_some_and(|by| required!(by > 1)),
        Inst::I64ExtendI32U { .. }
        | Inst::I64FromBool { .. }
        | Inst::I64Clz { .. }
        | Inst::I64Ctz { .. }
        | Inst::I64Popcnt { .. }
        | Inst::TensorLen { .. }
        | Inst::TensorDim { .. }
        | Inst::TensorRank { .. }
        | Inst::ListLen { .. } => true,
        _ => false,
    }
}

fn two(opcode: Opcode, dst: Reg, a: Operand, b: Operand, defs: &impl Look) -> Option<Simpler> {
    if matches!(a, Operand::Imm(_)) && !matches!(b, Operand::Imm(_)) {
        return make(swapped(opcode)?, dst, &[b, a]);
    }
    if a == b {
        return same(opcode, a);
    }
    if let Some(b) = truth(b) {
        return with_truth(opcode, dst, a, b);
    }
    with_int(opcode, dst, a, b, int(b)?, defs)
}

/// Both operands are the same register.
fn same(opcode: Opcode, a: Operand) -> Option<Simpler> {
    use Opcode::*;
    Some(Value(match opcode {
        I32And | I32Or | I32Min | I32MinU | I32Max | I32MaxU => a,
        I64And | I64Or | I64Min | I64MinU | I64Max | I64MaxU => a,
        BoolAnd | BoolOr => a,
        I32Sub | I32Xor => 0i32.into(),
        I64Sub | I64Xor => 0i64.into(),
        BoolEq | I32Eq | I32Le | I32Ge | I32LeU | I32GeU | I64Eq | I64Le | I64Ge | I64LeU | I64GeU => {
            true.into()
        }
        BoolXor | I32Ne | I32Lt | I32Gt | I32LtU | I32GtU | I64Ne | I64Lt | I64Gt | I64LtU | I64GtU => {
            false.into()
        }
        _ => return None,
    }))
}

fn with_truth(opcode: Opcode, dst: Reg, a: Operand, b: bool) -> Option<Simpler> {
    use Opcode::*;
    match (opcode, b) {
        (BoolAnd | BoolEq, true) | (BoolOr | BoolXor, false) => Some(Value(a)),
        (BoolAnd, false) | (BoolOr, true) => Some(Value(b.into())),
        (BoolEq, false) | (BoolXor, true) => make(BoolNot, dst, &[a]),
        _ => None,
    }
}

/// The second operand is the integer literal `b`, of value `n`.
fn with_int(opcode: Opcode, dst: Reg, a: Operand, b: Operand, n: i64, defs: &impl Look) -> Option<Simpler> {
    use Opcode::*;
    let width = if is_i32(opcode) { 32 } else { 64 };
    match (opcode, n) {
        (I32Add | I64Add | I32Sub | I64Sub | I32Or | I64Or | I32Xor | I64Xor, 0)
        | (I32Mul | I64Mul | I32Div | I64Div | I32DivU | I64DivU, 1)
        | (I32And | I64And, -1) => Some(Value(a)),
        (I32Mul | I64Mul | I32And | I64And, 0) | (I32Or | I64Or, -1) => Some(Value(b)),
        (I32Rem | I64Rem | I32RemU | I64RemU, 1) | (I32Rem | I64Rem, -1) => Some(Value(literal(opcode, 0))),
        (I32Shl | I32Shr | I32ShrU | I32Rotl | I32Rotr, _)
        | (I64Shl | I64Shr | I64ShrU | I64Rotl | I64Rotr, _)
            if required!(n & (width - 1) == 0) =>
        {
            Some(Value(a))
        }
        (I32LtU | I64LtU, 0) => Some(Value(false.into())),
        (I32GeU | I64GeU, 0) => Some(Value(true.into())),
        // One form for what counts up and down.
        (I32Sub, _) => make(I32Add, dst, &[a, literal(opcode, n.wrapping_neg())]),
        (I64Sub, _) => make(I64Add, dst, &[a, literal(opcode, n.wrapping_neg())]),
        // Of a sum (or the like) with what was shifted left, low bits are those
        // of the other.
        (I32And | I64And, 1..) => {
            let other = match *defs.look(a)? {
                Inst::I32Add { a, b, .. } | Inst::I32Or { a, b, .. } | Inst::I32Xor { a, b, .. } => [a, b],
                Inst::I64Add { a, b, .. } | Inst::I64Or { a, b, .. } | Inst::I64Xor { a, b, .. } => [a, b],
                _ => return None, // shape
            };
            let clears = |o: Operand| match defs.look(o) {
                Some(Inst::I32Shl { b, .. } | Inst::I64Shl { b, .. }) => {
                    int(*b).is_some_and(|by| required!((1..width).contains(&by)) && required!(n >> by == 0))
                }
                _ => false,
            };
            let [x, y] = other;
            let kept = if clears(y) {
                x
            } else if clears(x) {
                y
            } else {
                return None;
            };
            make(opcode, dst, &[kept, b])
        }
        (I32Add, _) => match *defs.look(a)? {
            Inst::I32Add { a, b, .. } => make(I32Add, dst, &[a, literal(opcode, int(b)?.wrapping_add(n))]),
            _ => None,
        },
        (I64Add, _) => match *defs.look(a)? {
            Inst::I64Add { a, b, .. } => make(I64Add, dst, &[a, literal(opcode, int(b)?.wrapping_add(n))]),
            _ => None,
        },
        (I32Eq | I64Eq | I32Ne | I64Ne, _) => match *defs.look(a)? {
            Inst::I32FromBool { a, .. } | Inst::I64FromBool { a, .. } => {
                let is_eq = matches!(opcode, I32Eq | I64Eq);
                match n {
                    0 | 1 if (n == 1) == is_eq => Some(Value(a)),
                    0 | 1 => make(BoolNot, dst, &[a]),
                    _ => Some(Value((!is_eq).into())),
                }
            }
            _ => None,
        },
        _ => None,
    }
}

fn select(dst: Reg, cond: Operand, a: Operand, b: Operand, defs: &impl Look) -> Option<Simpler> {
    match truth(cond) {
        Some(true) => return Some(Value(a)),
        Some(false) => return Some(Value(b)),
        None if a == b => return Some(Value(a)),
        None => {}
    }
    match (truth(a), truth(b)) {
        (Some(true), Some(false)) => return Some(Value(cond)),
        (Some(false), Some(true)) => return make(Opcode::BoolNot, dst, &[cond]),
        _ => {}
    }
    match *defs.look(cond)? {
        Inst::BoolNot { a: cond, .. } => Some(Simpler::Inst(Inst::Select { dst, cond, a: b, b: a })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nbc_ir::Type;
    use nbc_ir::inst::{FieldMut, Pattern, Role};

    /// No definition is known, or register 1 is defined so.
    struct Known(Option<Inst>);
    impl Look for Known {
        fn look(&self, operand: Operand) -> Option<&Inst> {
            self.0.as_ref().filter(|_| operand == Operand::Reg(Reg(1)))
        }
    }
    const NOTHING: Known = Known(None);

    const LITERALS: [Imm; 17] = [
        Imm::I32(0),
        Imm::I32(1),
        Imm::I32(-1),
        Imm::I32(31),
        Imm::I32(32),
        Imm::I32(i32::MIN),
        Imm::I32(i32::MAX),
        Imm::I64(0),
        Imm::I64(1),
        Imm::I64(-1),
        Imm::I64(11),
        Imm::I64(64),
        Imm::I64(i64::MIN),
        Imm::I64(i64::MAX),
        Imm::I64(1 << 40),
        Imm::Bool(false),
        Imm::Bool(true),
    ];

    /// Every instruction on one or two integers or truth values, with `reg`
    /// for one or both operands and literals for the other.
    fn instructions(reg: Reg, ty: Type) -> Vec<(Inst, Type)> {
        let mut all = Vec::new();
        for &opcode in Opcode::ALL {
            let exact = |at: usize| match opcode.operands().get(at).map(|spec| (spec.role, spec.pattern)) {
                Some((Role::Def | Role::Use, Pattern::Exact(ty))) => Some(ty),
                _ => None,
            };
            let (count, Some(result)) = (opcode.operands().len(), exact(0)) else { continue };
            let types: Vec<Option<Type>> = (1..count).map(exact).collect();
            let mut add = |operands: &[Operand]| match make(opcode, Reg(2), operands) {
                Some(Simpler::Inst(inst)) => all.push((inst, result)),
                _ => panic!("{opcode:?} has these operands"),
            };
            match types[..] {
                [Some(a)] if a == ty => add(&[reg.into()]),
                [Some(a), Some(b)] if a == ty && b == ty => {
                    add(&[reg.into(), reg.into()]);
                    for imm in LITERALS.iter().filter(|imm| imm.ty() == ty) {
                        add(&[reg.into(), (*imm).into()]);
                        add(&[(*imm).into(), reg.into()]);
                    }
                }
                _ => {}
            }
        }
        all
    }

    /// The value of an instruction where register 0 is `x` and register 1 `y`;
    /// `None` if it traps or is one that is not computed.
    fn value(inst: &Inst, x: Imm, y: Option<Imm>) -> Option<Imm> {
        let mut inst = inst.clone();
        inst.for_each_field_mut(|field| {
            if let FieldMut::Use(o) = field {
                match (*o, y) {
                    (Operand::Reg(Reg(0)), _) => *o = x.into(),
                    (Operand::Reg(Reg(1)), Some(y)) => *o = y.into(),
                    _ => {}
                }
            }
        });
        fold(&inst)
    }

    /// Holds what `inst` becomes against what it was, for all values of
    /// register 0.
    fn hold(inst: &Inst, defs: &Known, ty: Type) -> bool {
        let Some(simpler) = simpler(inst, defs) else { return false };
        for &x in LITERALS.iter().filter(|imm| imm.ty() == ty) {
            let y = defs.0.as_ref().and_then(|def| value(def, x, None));
            let Some(before) = value(inst, x, y) else { continue };
            let after = match &simpler {
                Value(Operand::Imm(imm)) => Some(*imm),
                Value(Operand::Reg(r)) => {
                    if r.0 == 0 {
                        Some(x)
                    } else {
                        y
                    }
                }
                Simpler::Inst(inst) => value(inst, x, y),
            };
            assert_eq!(after, Some(before), "{inst:?} with {x:?}, {:?}, became {simpler:?}", defs.0);
        }
        true
    }

    #[test]
    fn every_rule_keeps_every_bit() {
        let mut changed = 0;
        for ty in [Type::I32, Type::I64, Type::Bool] {
            for (inner, result) in instructions(Reg(0), ty) {
                changed += u32::from(hold(&inner, &NOTHING, ty));
                let defs = Known(Some(inner));
                for (outer, _) in instructions(Reg(1), result) {
                    changed += u32::from(hold(&outer, &defs, ty));
                }
            }
        }
        assert!(changed > 1000, "only {changed} were simpler");
    }

    #[test]
    fn low_bits_are_not_changed_by_what_is_shifted_left() {
        struct Both([Inst; 2]);
        impl Look for Both {
            fn look(&self, operand: Operand) -> Option<&Inst> {
                match operand {
                    Operand::Reg(r) => self.0.get(r.index()),
                    Operand::Imm(_) => None,
                }
            }
        }
        let (dst, x, y) = (Reg(9), Operand::Reg(Reg(5)), Operand::Reg(Reg(0)));
        let masked = |by: i64, mask: i64| {
            let shifted = Inst::I64Shl { dst: Reg(0), a: Reg(6).into(), b: by.into() };
            let sum = Inst::I64Add { dst: Reg(1), a: y, b: x };
            let inst = Inst::I64And { dst, a: Reg(1).into(), b: mask.into() };
            simpler(&inst, &Both([shifted, sum]))
        };
        let kept = |mask: i64| Some(Simpler::Inst(Inst::I64And { dst, a: x, b: mask.into() }));
        assert_eq!(masked(17, 0xffff), kept(0xffff));
        assert_eq!(masked(16, 0xffff), kept(0xffff));
        assert_eq!(masked(15, 0xffff), None);
        // A shift by 64 is none.
        assert_eq!(masked(64, 1), None);
        assert_eq!(masked(63, i64::MAX), kept(i64::MAX));
    }

    #[test]
    fn literals_go_right_and_differences_become_sums() {
        let (dst, x) = (Reg(0), Operand::Reg(Reg(1)));
        let found = simpler(&Inst::I64Lt { dst, a: 3i64.into(), b: x }, &NOTHING);
        assert_eq!(found, Some(Simpler::Inst(Inst::I64Gt { dst, a: x, b: 3i64.into() })));
        let found = simpler(&Inst::I32Sub { dst, a: x, b: i32::MIN.into() }, &NOTHING);
        assert_eq!(found, Some(Simpler::Inst(Inst::I32Add { dst, a: x, b: i32::MIN.into() })));
        assert_eq!(simpler(&Inst::I64Sub { dst, a: 3i64.into(), b: x }, &NOTHING), None);
        assert_eq!(simpler(&Inst::I64Sub { dst, a: x, b: x }, &NOTHING), Some(Value(0i64.into())));
        assert_eq!(simpler(&Inst::F64Sub { dst, a: x, b: x }, &NOTHING), None);
        assert_eq!(simpler(&Inst::I32Shl { dst, a: x, b: 32i32.into() }, &NOTHING), Some(Value(x)));
        assert_eq!(simpler(&Inst::I32Shl { dst, a: 1i32.into(), b: x }, &NOTHING), None);
    }
}
