//! The representation as text: for people with the names that the bytecode has,
//! for the tests of passes with numbers alone.

use super::{Address, Entry, Func, Lanes, MirOp, Origin, Ty};
use nbc_ir::inst::{FieldRef, Imm};
use nbc_ir::{BlockId, Function, Inst, Module, Operand, Reg, Signature};
use std::fmt::{self, Write};

impl fmt::Display for Func {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Names { known: None }.func(self, f)
    }
}

impl Func {
    /// The function as text, with the names that `module`, which it is of, has
    /// for registers, labels, functions and operations. A register that passes
    /// made of a named one has its number behind the name.
    pub fn named(&self, module: &Module) -> String {
        let function = module.function(self.id);
        let names = Names { known: Some(Known { module, function, func: self }) };
        let mut text = String::new();
        // A String takes anything.
        let _ = write!(text, "{}", Shown(&names, self));
        text
    }
}

/// How things are called.
struct Names<'a> {
    known: Option<Known<'a>>,
}

struct Known<'a> {
    module: &'a Module,
    function: Option<&'a Function>,
    func: &'a Func,
}

/// Something with the names of what is in it.
struct Shown<'a, T>(&'a Names<'a>, T);

impl fmt::Display for Shown<'_, &Func> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.func(self.1, f)
    }
}

impl fmt::Display for Shown<'_, Reg> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown(names, reg) = self;
        match names.reg(*reg) {
            Some((name, true)) => write!(f, "%{name}"),
            Some((name, false)) => write!(f, "%{name}.{}", reg.0),
            None => write!(f, "%{}", reg.0),
        }
    }
}

impl fmt::Display for Shown<'_, BlockId> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.block(self.1) {
            Some(name) => f.write_str(&name),
            None => write!(f, "block{}", self.1.0),
        }
    }
}

impl fmt::Display for Shown<'_, Ty> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.1, &self.0.known) {
            (Ty::Value(ty), Some(known)) => write!(f, "{}", ty.display(&known.module.sigs)),
            (ty, _) => write!(f, "{ty}"),
        }
    }
}

/// A name in one line, and nothing that a terminal would obey.
fn clean(name: &str) -> String {
    nbc_ir::shown::visible(name).into_owned()
}

impl Names<'_> {
    /// Name of a register, and whether it is the bytecode's own.
    fn reg(&self, reg: Reg) -> Option<(String, bool)> {
        let known = self.known.as_ref()?;
        let (func, from) = known.func.home(reg)?;
        let name = known.module.function(func)?.reg_names.get(from.index())?.as_deref()?;
        Some((clean(name), func == known.func.id && from == reg))
    }

    /// Name of a block of the bytecode.
    fn block(&self, block: BlockId) -> Option<String> {
        let known = self.known.as_ref()?;
        // The block that a run is taken over with is none of the bytecode's.
        let is_first = block.index() == 0 && matches!(known.func.entry, Entry::Resume { .. });
        let name = known.function?.blocks.get(block.index())?.name.as_deref()?;
        (!is_first).then(|| clean(name))
    }

    fn func(&self, func: &Func, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "func @{}", clean(&func.name))?;
        match &func.entry {
            Entry::Call { params } => {
                let param = |p| format!("{}: {}", Shown(self, Reg::new(p)), Shown(self, func.regs[p]));
                writeln!(f, "({}) {{", (0..*params).map(param).collect::<Vec<_>>().join(", "))?;
            }
            Entry::Resume { live } => {
                let live = live.iter().map(|(r, slot)| {
                    format!("{}: {} = slot {slot}", Shown(self, *r), Shown(self, func.regs[r.index()]))
                });
                writeln!(f, " resumed ({}) {{", live.collect::<Vec<_>>().join(", "))?;
            }
        }
        for block in func.graph().rpo() {
            let b = &func.blocks[block.index()];
            write!(f, "{}:{}", Shown(self, *block), if b.cold { "  ; cold" } else { "" })?;
            if let (Some(known), Some(node)) = (&self.known, b.nodes.first())
                && let Some(origin) = func.origins.get(node.origin as usize)
                && origin.func != func.id
            {
                let mark = if b.cold { ", of" } else { "  ; of" };
                write!(f, "{mark} @{}", clean(&known.module.func_name(origin.func)))?;
            }
            writeln!(f)?;
            for node in &b.nodes {
                writeln!(f, "  {}", Shown(self, &node.op))?;
            }
        }
        f.write_str("}\n")
    }

    fn list(&self, regs: &[Reg]) -> String {
        regs.iter().map(|r| Shown(self, *r).to_string()).collect::<Vec<_>>().join(", ")
    }

    /// Results, mnemonic, operands in table order.
    fn inst(&self, inst: &Inst, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut defs, mut rest) = (Vec::new(), Vec::new());
        let (mut callee, mut operation) = (None, None);
        let show = |r: &Reg| Shown(self, *r).to_string();
        let block = |b: &BlockId| Shown(self, *b).to_string();
        let module = self.known.as_ref().map(|k| k.module);
        inst.for_each_field(|field| match field {
            FieldRef::Def(r) => defs.push(show(&r)),
            FieldRef::Defs(list) => defs.extend(list.iter().map(show)),
            FieldRef::Keeps(list) => rest.extend(list.iter().map(show)),
            FieldRef::Use(o) => rest.push(Shown(self, o).to_string()),
            FieldRef::Uses(list) => rest.extend(list.iter().map(|o| Shown(self, *o).to_string())),
            FieldRef::Lit(i) => rest.push(Shown(self, Operand::Imm(i)).to_string()),
            FieldRef::Block(b) => rest.push(block(&b)),
            FieldRef::Blocks(list) => rest.extend(list.iter().map(block)),
            FieldRef::Func(x) => match module {
                Some(module) if matches!(inst, Inst::Call { .. }) => callee = Some(module.func_name(x)),
                Some(module) => rest.push(format!("@{}", clean(&module.func_name(x)))),
                None => rest.push(format!("{x:?}")),
            },
            FieldRef::Global(x) => {
                let global = module.and_then(|m| m.globals.get(x.index())?.name.as_deref());
                rest.push(global.map_or_else(|| format!("{x:?}"), |name| format!("@{}", clean(name))));
            }
            FieldRef::Const(x) => {
                let constant = module.and_then(|m| m.constants.get(x.index())?.name.as_deref());
                rest.push(constant.map_or_else(|| format!("{x:?}"), |name| format!("@{}", clean(name))));
            }
            FieldRef::Op(x) => match module.and_then(|m| m.ops.get(x.index())) {
                Some(op) => {
                    let elems: Vec<&str> = op.elems.iter().map(|e| e.name()).collect();
                    let elems =
                        if elems.is_empty() { String::new() } else { format!("<{}>", elems.join(", ")) };
                    operation = Some(format!("{}{elems}", op.name));
                }
                None => rest.push(format!("{x:?}")),
            },
        });
        if !defs.is_empty() {
            write!(f, "{} = ", defs.join(", "))?;
        }
        let rest = rest.join(", ");
        match (callee, operation) {
            (Some(name), _) => write!(f, "{} @{}({rest})", inst.opcode().mnemonic(), clean(&name)),
            (_, Some(operation)) => write!(f, "{operation} {rest}"),
            _ => write!(f, "{} {rest}", inst.opcode().mnemonic()),
        }
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

impl fmt::Display for Shown<'_, Operand> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Operand::Reg(r) => write!(f, "{}", Shown(self.0, r)),
            Operand::Imm(Imm::I32(v)) => write!(f, "{v}"),
            Operand::Imm(Imm::I64(v)) => write!(f, "{v}"),
            Operand::Imm(Imm::Bool(v)) => write!(f, "{v}"),
            Operand::Imm(imm @ Imm::F32(_)) => write!(f, "{:?}", f32::from_bits(imm.to_slot() as u32)),
            Operand::Imm(imm @ Imm::F64(_)) => write!(f, "{:?}", f64::from_bits(imm.to_slot())),
        }
    }
}

impl fmt::Display for Shown<'_, &Address> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown(names, at) = self;
        write!(f, "[{} + {}*{}", Shown(names, at.base), Shown(names, at.index), at.scale)?;
        if at.offset != 0 {
            write!(f, " + {}", at.offset)?;
        }
        f.write_char(']')
    }
}

impl fmt::Display for MirOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Shown(&Names { known: None }, self))
    }
}

impl fmt::Display for Shown<'_, &MirOp> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0;
        let reg = |r: &Reg| Shown(names, *r);
        let value = |o: &Operand| Shown(names, *o);
        let place = |at| Shown(names, at);
        match self.1 {
            MirOp::Inst(inst) => names.inst(inst, f),
            MirOp::Field { dst, tensor, field } => {
                write!(f, "{} = field {field:?} {}", reg(dst), reg(tensor))
            }
            MirOp::Load { dst, elem, at } => write!(f, "{} = load.{} {}", reg(dst), elem.name(), place(at)),
            MirOp::Store { elem, at, value: v } => {
                write!(f, "store.{} {}, {}", elem.name(), place(at), value(v))
            }
            MirOp::LoadVector { dst, at } => write!(f, "{} = load.vector {}", reg(dst), place(at)),
            MirOp::StoreVector { at, value } => write!(f, "store.vector {}, {}", place(at), reg(value)),
            MirOp::Splat { dst, value: v } => write!(f, "{} = splat {}", reg(dst), value(v)),
            MirOp::Vector { dst, lanes } => {
                let lanes: Vec<String> = lanes.iter().map(|o| value(o).to_string()).collect();
                write!(f, "{} = vector {}", reg(dst), lanes.join(", "))
            }
            MirOp::Address { dst, at } => write!(f, "{} = address {}", reg(dst), place(at)),
            MirOp::Lanewise { opcode, dst, args } => {
                write!(f, "{} = lanewise {} {}", reg(dst), opcode.mnemonic(), names.list(args))
            }
            MirOp::Lane { dst, vector, lane } => write!(f, "{} = lane {lane} of {}", reg(dst), reg(vector)),
            MirOp::Spend { dst, cost } => write!(f, "{} = spend {}", reg(dst), value(cost)),
            MirOp::Charges { list } => {
                let list: Vec<String> = list.iter().map(|(cost, _)| cost.to_string()).collect();
                write!(f, "charge {}", list.join(" + "))
            }
            MirOp::Prepay { dst, cost } => write!(f, "{} = prepay {}", reg(dst), value(cost)),
            MirOp::Charge { cost } => write!(f, "charge {}", value(cost)),
            MirOp::Verify { at, room, .. } => write!(f, "verify {} below {}", place(at), reg(room)),
            MirOp::VerifyRange { value, low, high, .. } => {
                write!(f, "verify {} in {low}..={high}", reg(value))
            }
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} block{}:{}", self.func, self.block, self.inst)
    }
}
