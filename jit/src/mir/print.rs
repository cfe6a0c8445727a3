//! The representation as text, for people and for the tests of passes.

use super::{Address, Entry, Func, Lanes, Op, Origin, Ty};
use nbc_ir::op::{FieldRef, Imm};
use nbc_ir::{Inst, Operand, Signature};
use std::fmt::{self, Write};

impl fmt::Display for Func {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "func @{}", self.name)?;
        match &self.entry {
            Entry::Call { params } => {
                let params: Vec<String> = (0..*params).map(|p| format!("%{p}: {}", self.regs[p])).collect();
                writeln!(f, "({}) {{", params.join(", "))?;
            }
            Entry::Resume { live } => {
                let live: Vec<String> = live
                    .iter()
                    .map(|(r, slot)| format!("%{}: {} = slot {slot}", r.0, self.regs[r.index()]))
                    .collect();
                writeln!(f, " resumed ({}) {{", live.join(", "))?;
            }
        }
        for block in self.graph().rpo() {
            let b = &self.blocks[block.index()];
            writeln!(f, "block{}:{}", block.0, if b.cold { "  ; cold" } else { "" })?;
            for node in &b.nodes {
                writeln!(f, "  {}", node.op)?;
            }
        }
        f.write_str("}\n")
    }
}

impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sigs: &[Signature] = &[];
        match self {
            Ty::Value(nbc_ir::Type::Func(sig)) => write!(f, "func<{sig:?}>"),
            Ty::Value(ty) => write!(f, "{}", ty.display(sigs)),
            Ty::Ptr => f.write_str("ptr"),
            Ty::Vector(lanes) => write!(f, "{lanes}"),
        }
    }
}

impl fmt::Display for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Lanes::F64x2 => "f64x2",
            Lanes::F32x4 => "f32x4",
            Lanes::I64x2 => "i64x2",
            Lanes::I32x4 => "i32x4",
            Lanes::I8x16 => "i8x16",
        })
    }
}

struct Shown(Operand);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Operand::Reg(r) => write!(f, "%{}", r.0),
            Operand::Imm(Imm::I32(v)) => write!(f, "{v}"),
            Operand::Imm(Imm::I64(v)) => write!(f, "{v}"),
            Operand::Imm(Imm::Bool(v)) => write!(f, "{v}"),
            Operand::Imm(imm @ Imm::F32(_)) => write!(f, "{:?}", f32::from_bits(imm.to_slot() as u32)),
            Operand::Imm(imm @ Imm::F64(_)) => write!(f, "{:?}", f64::from_bits(imm.to_slot())),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[%{} + {}*{}", self.base.0, Shown(self.index), self.scale)?;
        if self.offset != 0 {
            write!(f, " + {}", self.offset)?;
        }
        f.write_char(']')
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Inst(inst) => instruction(f, inst),
            Op::Field { dst, tensor, field } => write!(f, "%{} = field {field:?} %{}", dst.0, tensor.0),
            Op::Load { dst, elem, at } => write!(f, "%{} = load.{} {at}", dst.0, elem.name()),
            Op::Store { elem, at, value } => write!(f, "store.{} {at}, {}", elem.name(), Shown(*value)),
            Op::LoadVector { dst, at } => write!(f, "%{} = load.vector {at}", dst.0),
            Op::StoreVector { at, value } => write!(f, "store.vector {at}, %{}", value.0),
            Op::Splat { dst, value } => write!(f, "%{} = splat {}", dst.0, Shown(*value)),
            Op::Vector { dst, lanes } => {
                let lanes: Vec<String> = lanes.iter().map(|o| Shown(*o).to_string()).collect();
                write!(f, "%{} = vector {}", dst.0, lanes.join(", "))
            }
            Op::Address { dst, at } => write!(f, "%{} = address {at}", dst.0),
            Op::Lanewise { opcode, dst, args } => {
                let args: Vec<String> = args.iter().map(|r| format!("%{}", r.0)).collect();
                write!(f, "%{} = lanewise {} {}", dst.0, opcode.mnemonic(), args.join(", "))
            }
            Op::Lane { dst, vector, lane } => write!(f, "%{} = lane {lane} of %{}", dst.0, vector.0),
            Op::Spend { dst, cost } => write!(f, "%{} = spend {}", dst.0, Shown(*cost)),
            Op::Charges { list } => {
                let list: Vec<String> = list.iter().map(|(cost, _)| cost.to_string()).collect();
                write!(f, "charge {}", list.join(" + "))
            }
            Op::Prepay { dst, cost } => write!(f, "%{} = prepay {}", dst.0, Shown(*cost)),
            Op::Charge { cost } => write!(f, "charge {}", Shown(*cost)),
            Op::Verify { at, room, .. } => write!(f, "verify {at} below %{}", room.0),
            Op::VerifyRange { value, low, high, .. } => write!(f, "verify %{} in {low}..={high}", value.0),
        }
    }
}

/// Results, mnemonic, operands in table order.
fn instruction(f: &mut fmt::Formatter<'_>, inst: &Inst) -> fmt::Result {
    let (mut defs, mut rest) = (Vec::new(), Vec::new());
    let regs = |list: &[nbc_ir::Reg]| list.iter().map(|r| format!("%{}", r.0)).collect::<Vec<_>>();
    inst.for_each_field(|field| match field {
        FieldRef::Def(r) => defs.push(format!("%{}", r.0)),
        FieldRef::Defs(list) => defs.extend(regs(list)),
        FieldRef::Keeps(list) => rest.extend(regs(list)),
        FieldRef::Use(o) => rest.push(Shown(o).to_string()),
        FieldRef::Uses(list) => rest.extend(list.iter().map(|o| Shown(*o).to_string())),
        FieldRef::Lit(i) => rest.push(Shown(Operand::Imm(i)).to_string()),
        FieldRef::Block(b) => rest.push(format!("{b:?}")),
        FieldRef::Blocks(list) => rest.extend(list.iter().map(|b| format!("{b:?}"))),
        FieldRef::Func(x) => rest.push(format!("{x:?}")),
        FieldRef::Global(x) => rest.push(format!("{x:?}")),
        FieldRef::Const(x) => rest.push(format!("{x:?}")),
        FieldRef::Op(x) => rest.push(format!("{x:?}")),
    });
    if !defs.is_empty() {
        write!(f, "{} = ", defs.join(", "))?;
    }
    write!(f, "{} {}", inst.opcode().mnemonic(), rest.join(", "))
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} block{}:{}", self.func, self.block, self.inst)
    }
}
