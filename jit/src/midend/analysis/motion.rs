//! Safety of code motion: whether a node may be evaluated elsewhere than it is written.
//! That is sooner, later, once more, or where the program does not come to it.
//!
//! Whoever computes something at another place asks this, and sees to it besides that
//! its operands are the values that the node reads. What decides is what the result
//! depends on:
//!
//! | it reads | such as | elsewhere |
//! |---|---|---|
//! | operands alone | arithmetic, a field of a header, which never changes | anywhere |
//! | globals | `global.get` | where no global can have been set in between |
//! | elements | an unchecked load | nowhere: the element need not be there |
//!
//! What may trap, calls, writes, counts fuel or ends a block has its place.

use crate::mir::MirOp;
use nbc_ir::Inst;
use nbc_ir::inst::Effect;

/// Events that may have happened between the place where a node is and the
/// other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Between {
    /// Anything.
    Anything,
    /// Anything but setting globals and calling what may do so.
    NoGlobalIsSet,
}

/// Whether `op` gives the same elsewhere, and nobody can tell that it was evaluated there.
pub fn may_be_evaluated(op: &MirOp, between: Between) -> bool {
    match op {
        MirOp::Inst(Inst::GlobalGet { .. }) => between == Between::NoGlobalIsSet,
        // As for divisions by literals other than 0: these cannot trap.
        MirOp::Inst(inst) => match inst.opcode().effect() {
            Effect::Pure => true,
            Effect::Traps => op.is_droppable(),
            Effect::Loads | Effect::Stores | Effect::Control | Effect::Calls | Effect::Region => false,
        },
        MirOp::Field { .. }
        | MirOp::Address { .. }
        | MirOp::Splat { .. }
        | MirOp::Vector { .. }
        | MirOp::Lanewise { .. }
        | MirOp::Lane { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mir::{Address, Field};
    use nbc_ir::{Elem, Reg};

    #[test]
    fn what_reads_or_traps_has_its_place() {
        let (dst, a) = (Reg(0), Reg(1));
        let of = |inst: Inst, between| may_be_evaluated(&MirOp::Inst(inst), between);
        let add = Inst::I64Add { dst, a: a.into(), b: 1i64.into() };
        assert!(of(add, Between::Anything));
        let divide = |b| Inst::I64Div { dst, a: a.into(), b };
        assert!(of(divide(3i64.into()), Between::Anything));
        assert!(!of(divide(0i64.into()), Between::NoGlobalIsSet));
        assert!(!of(divide(a.into()), Between::NoGlobalIsSet));
        let load = Inst::TensorLoad { dst, x: a.into(), i: 0i64.into() };
        assert!(!of(load, Between::NoGlobalIsSet));
        let at = Address { base: a, index: 0i64.into(), scale: 8, offset: 0 };
        assert!(!may_be_evaluated(&MirOp::Load { dst, elem: Elem::F64, at }, Between::NoGlobalIsSet));
        assert!(may_be_evaluated(&MirOp::Field { dst, tensor: a, field: Field::Len }, Between::Anything));
        let text = "global @g: i64 = 1\nfunc @f() -> i64 {\n%x = global.get @g\nret %x\n}\n";
        let module = nbc_ir::Module::parse(text, "test").and_then(nbc_ir::Module::verify).unwrap();
        let func = crate::mir::build(&module, nbc_ir::FuncId::new(0));
        let read = &func.blocks[0].nodes[0].op;
        assert!(may_be_evaluated(read, Between::NoGlobalIsSet) && !may_be_evaluated(read, Between::Anything));
    }
}
