//! Which instructions may run an operation that writes into a tensor: where there is a device, it writes there, and the
//! host has the elements no longer.
//!
//! Invariant: an instruction that is not said to write leads to no such operation, through calls either. What cannot be
//! seen through, a reference or a host function, is said to write if any function of the module does.

use nbc_ir::catalogue::{Operation, Param};
use nbc_ir::{Inst, VerifiedModule};

/// What writes in a module.
pub(super) struct Writers {
    /// By operation of the module.
    operations: Vec<bool>,
    /// By function, host functions first.
    functions: Vec<bool>,
    /// Whether a function of the module does.
    any: bool,
}

impl Writers {
    /// Those of `module`, in time proportional to its size.
    pub(super) fn new(module: &VerifiedModule) -> Writers {
        let rows: Vec<Option<&Operation>> = module.ops.iter().map(|op| Operation::find(&op.name)).collect();
        let writes = |row: &Option<&Operation>| row.is_none_or(|row| !row.writes.is_empty());
        let mut operations: Vec<bool> = rows.iter().map(writes).collect();
        let imports = module.imports.len();
        let count = imports + module.functions.len();
        let mut functions = vec![false; count];
        let mut callers: Vec<Vec<usize>> = vec![Vec::new(); count];
        // Those that call what cannot be seen through.
        let mut open = Vec::new();
        for (n, func) in module.functions.iter().enumerate() {
            let id = imports + n;
            for inst in func.blocks.iter().flat_map(|block| &block.insts) {
                match inst {
                    Inst::CallOp { callee, .. } => functions[id] |= operations[callee.index()],
                    Inst::Call { callee, .. } if callee.index() >= imports => {
                        callers[callee.index()].push(id)
                    }
                    Inst::Call { .. } | Inst::CallRef { .. } => open.push(id),
                    _ => {}
                }
            }
        }
        let any = functions.contains(&true);
        if any {
            let calls = |row: &Option<&Operation>| {
                row.is_some_and(|row| row.typed().params.iter().any(|p| matches!(p, Param::Func(..))))
            };
            for (writes, row) in operations.iter_mut().zip(&rows) {
                *writes |= calls(row);
            }
            functions[..imports].fill(true);
            open.into_iter().for_each(|id| functions[id] = true);
            for (n, func) in module.functions.iter().enumerate() {
                let mut insts = func.blocks.iter().flat_map(|block| &block.insts);
                functions[imports + n] |= insts
                    .any(|inst| matches!(inst, Inst::CallOp { callee, .. } if operations[callee.index()]));
            }
            let mut left: Vec<usize> = (0..count).filter(|id| functions[*id]).collect();
            while let Some(id) = left.pop() {
                for caller in std::mem::take(&mut callers[id]) {
                    if !functions[caller] {
                        functions[caller] = true;
                        left.push(caller);
                    }
                }
            }
        }
        Writers { operations, functions, any }
    }

    /// Whether an instruction may.
    pub(super) fn may_write(&self, inst: &Inst) -> bool {
        match inst {
            Inst::CallOp { callee, .. } => self.operations[callee.index()],
            Inst::Call { callee, .. } => self.functions[callee.index()],
            Inst::CallRef { .. } => self.any,
            _ => false,
        }
    }
}
