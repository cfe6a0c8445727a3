//! Renumbering: a register that is set anew holds another object, and gets another name for it.
//!
//! Front ends begin results with a copy of an argument, and use registers again for what comes next. Analyses that
//! look at registers, and not at places, would take all that a register ever holds for one. So
//! each [web](nbc_ir::webs) of a register that holds objects becomes a register first.
//!
//! Invariant: blocks and positions of instructions stay, so what is found is true of the function
//! as it is written.

use nbc_ir::flow::Cfg;
use nbc_ir::webs::{Access, Names};
use nbc_ir::{BlockId, Function, Inst, Operand, Reg, VerifiedModule};
use std::borrow::Cow;

/// The function with a register of its own for each web of a register that holds objects.
pub(super) fn renumbered<'m>(module: &VerifiedModule, func: &'m Function) -> Cow<'m, Function> {
    let cfg = Cfg::new(func);
    let mut regs = func.regs.clone();
    let mut at_entry = vec![false; regs.len()];
    at_entry[..module.sigs[func.sig.index()].params.len()].fill(true);
    let each = |block: BlockId, see: &mut dyn FnMut(Reg, Access)| {
        for inst in &func.blocks[block.index()].insts {
            let keeps = matches!(inst, Inst::RegionEnd { .. } | Inst::RegionRenew { .. });
            let mut see_object = |reg: Reg, access: Access| {
                if func.regs[reg.index()].is_object() {
                    see(reg, access);
                }
            };
            if !keeps {
                inst.for_each_use(|r| see_object(r, Access::Use));
            }
            inst.for_each_def(|r| see_object(r, if keeps { Access::Keep } else { Access::Def }));
        }
    };
    let names = Names::new(&cfg, &at_entry, each, |reg| {
        regs.push(func.regs[reg.index()]);
        Reg::new(regs.len() - 1)
    });
    if regs.len() == func.regs.len() {
        return Cow::Borrowed(func);
    }
    let mut func = func.clone();
    func.regs = regs;
    func.reg_names.clear();
    let mut name = names.in_order();
    for block in cfg.rpo() {
        for inst in &mut func.blocks[block.index()].insts {
            inst.map_uses(|operand| match operand {
                Operand::Reg(reg) => name(reg).into(),
                Operand::Imm(_) => operand,
            });
            inst.map_defs(&mut name);
        }
    }
    Cow::Owned(func)
}
