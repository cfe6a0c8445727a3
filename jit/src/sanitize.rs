//! Checks behind accesses that passes have made unchecked: of those that the
//! checker ([`crate::check`]) could not prove, or, in the sanitising mode, of all.
//!
//! A check compares the bytes from the start of the tensor's data with how many
//! there are. It costs a comparison and a branch that is never taken; where it
//! fails, the compiler was wrong. The program then ends with a trap that says
//! so instead of reading or writing what is not its own.
//!
//! Every address of data is taken by a [`MirOp::Field`]; beside it, the room that
//! accesses have is computed, so it belongs to the same tensor whatever becomes
//! of registers later.

use crate::check::unchecked;
use crate::mir::{Field, Func, MirNode, MirOp, Ty};
use nbc_ir::{BlockId, Inst, Reg, Type};
use nbc_runtime::abi::Claim;
use rustc_hash::FxHashMap;

/// The room of accesses of so many bytes from an address, to read or to write.
type Key = (Reg, i128, bool);

/// Puts a check before each unchecked access that `is_wanted`; `false` if one
/// cannot have any, as its address is not simply that of a tensor's data.
pub fn insert(func: &mut Func, is_wanted: impl Fn(BlockId, usize) -> bool) -> bool {
    let mut wanted: Vec<(usize, usize, Key)> = Vec::new();
    for (b, block) in func.blocks.iter().enumerate() {
        for (n, node) in block.nodes.iter().enumerate() {
            if let Some((at, width, write)) = unchecked(&node.op)
                && is_wanted(BlockId::new(b), n)
            {
                wanted.push((b, n, (at.base, width, write)));
            }
        }
    }
    if wanted.is_empty() {
        return true;
    }
    let mut rooms: FxHashMap<Key, Reg> = FxHashMap::default();
    for (.., key) in &wanted {
        rooms.entry(*key).or_insert_with(|| func.value(Type::I64));
    }
    // From the back, so that positions stay what they are.
    for (b, n, key) in wanted.into_iter().rev() {
        let nodes = &mut func.blocks[b].nodes;
        let MirNode { op, origin } = &nodes[n];
        let Some((at, ..)) = unchecked(op) else { return false };
        let claim = match op {
            MirOp::LoadVector { .. } | MirOp::StoreVector { .. } => Claim::Vector,
            _ => Claim::Element,
        };
        let node = MirNode { op: MirOp::Verify { at, room: rooms[&key], claim }, origin: *origin };
        nodes.insert(n, node);
    }
    add_rooms(func, &rooms)
}

/// Computes each room wherever its address is taken; whether it is one of data.
fn add_rooms(func: &mut Func, rooms: &FxHashMap<Key, Reg>) -> bool {
    let mut by_base: FxHashMap<Reg, Vec<(Key, Reg)>> = FxHashMap::default();
    for (key, room) in rooms {
        by_base.entry(key.0).or_default().push((*key, *room));
    }
    by_base.values_mut().for_each(|list| list.sort_unstable());
    for b in 0..func.blocks.len() {
        for n in (0..func.blocks[b].nodes.len()).rev() {
            let MirNode { op, origin } = &func.blocks[b].nodes[n];
            let (mut base, origin) = (None, *origin);
            op.for_each_def(|r| base = base.or(by_base.contains_key(&r).then_some(r)));
            let Some(base) = base else { continue };
            let MirOp::Field { tensor, field: Field::Data, .. } = *op else { return false };
            let Some(elem) = func.elem(tensor) else { return false };
            let mut new = Vec::new();
            for ((_, width, write), room) in &by_base[&base] {
                let [len, bytes, starts] = [(); 3].map(|()| func.reg(Ty::Value(Type::I64)));
                let field = if *write { Field::WritableLen } else { Field::Len };
                new.push(MirOp::Field { dst: len, tensor, field });
                let insts = [
                    Inst::I64Mul { dst: bytes, a: len.into(), b: (elem.size() as i64).into() },
                    Inst::I64Sub { dst: starts, a: bytes.into(), b: (*width as i64 - 1).into() },
                    Inst::I64Max { dst: *room, a: starts.into(), b: 0i64.into() },
                ];
                new.extend(insts.map(MirOp::Inst));
            }
            let new = new.into_iter().map(|op| MirNode { op, origin });
            func.blocks[b].nodes.splice(n + 1..n + 1, new);
        }
    }
    true
}
