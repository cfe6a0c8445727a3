//! Writing instructions one after the other.

use super::{Func, MirOp};
use nbc_ir::{Inst, Operand, Reg, Type};

/// What writes a list of nodes for a function.
pub trait Write {
    /// The function, for new registers.
    fn func(&mut self) -> &mut Func;

    /// Adds a node.
    fn push(&mut self, op: impl Into<MirOp>);

    /// Adds an instruction that makes an i64.
    fn integer(&mut self, make: impl FnOnce(Reg) -> Inst) -> Operand {
        let dst = self.func().value(Type::I64);
        self.push(make(dst));
        dst.into()
    }

    /// Adds an instruction that makes a truth value.
    fn truth(&mut self, make: impl FnOnce(Reg) -> Inst) -> Reg {
        let dst = self.func().value(Type::Bool);
        self.push(make(dst));
        dst
    }
}
