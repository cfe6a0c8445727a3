//! Access to elements, headers, lists, globals and constants.

use super::control::Exit;
use super::{Lowering, element_flags, readonly};
use crate::mir::{Address, Field};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value, types};
use nbc_ir::{Elem, Operand, Reg};
use nbc_runtime::abi::{Claim, calls, layout};

impl Lowering<'_, '_> {
    /// An address as a value and an offset.
    pub fn address(&mut self, at: &Address) -> (Value, i32) {
        let base = self.read(at.base);
        let scale = at.scale as i64;
        if let Operand::Imm(index) = at.index {
            let offset = (index.to_slot() as i64).wrapping_mul(scale).wrapping_add(at.offset as i64);
            if let Ok(offset) = i32::try_from(offset) {
                return (base, offset);
            }
        }
        let index = self.operand(at.index);
        (self.element_address(base, index, at.scale), at.offset)
    }

    /// Traps unless an access lies in its tensor.
    pub fn verify(&mut self, at: &Address, room: Reg, claim: Claim) {
        let index = self.operand(at.index);
        let bytes = match at.scale.trailing_zeros() {
            0 => index,
            shift => self.builder.ins().ishl_imm_u(index, shift as i64),
        };
        let bytes = match at.offset {
            0 => bytes,
            offset => self.builder.ins().iadd_imm_s(bytes, offset as i64),
        };
        let room = self.read(room);
        let ok = self.builder.ins().icmp(IntCC::UnsignedLessThan, bytes, room);
        self.trap_unless_claim(ok, claim.code(0));
    }

    /// Traps with `code` unless an integer lies in `low..=high`.
    pub fn verify_range(&mut self, value: Reg, low: i64, high: i64, code: u64) {
        let value = self.read(value);
        let ty = self.builder.func.dfg.value_type(value);
        let mask = if ty == types::I32 { u64::from(u32::MAX) } else { u64::MAX };
        // Unsigned from the least, so one comparison is enough.
        let least = self.builder.ins().iconst(ty, (low as u64 & mask) as i64);
        let room = self.builder.ins().iconst(ty, (high.wrapping_sub(low) as u64 & mask) as i64);
        let above = self.builder.ins().isub(value, least);
        let ok = self.builder.ins().icmp(IntCC::UnsignedLessThanOrEqual, above, room);
        self.trap_unless_claim(ok, code);
    }

    fn element_address(&mut self, base: Value, index: Value, scale: u8) -> Value {
        let bytes = match scale.trailing_zeros() {
            0 => index,
            shift => self.builder.ins().ishl_imm_u(index, shift as i64),
        };
        self.builder.ins().iadd(base, bytes)
    }

    /// The element at an address, as a register holds it.
    pub fn load_element(&mut self, elem: Elem, base: Value, offset: i32) -> Value {
        let flags = element_flags();
        let ins = self.builder.ins();
        match elem {
            Elem::U8 => {
                // As wide as it comes, should it be extended.
                let wide = ins.uload8(types::I64, flags, base, offset);
                self.builder.ins().ireduce(types::I32, wide)
            }
            Elem::Bool => {
                let byte = ins.load(types::I8, flags, base, offset);
                self.builder.ins().icmp_imm_u(IntCC::NotEqual, byte, 0)
            }
            Elem::I32 => ins.load(types::I32, flags, base, offset),
            Elem::I64 => ins.load(types::I64, flags, base, offset),
            Elem::F32 | Elem::C64 => ins.load(types::F32, flags, base, offset),
            Elem::F64 | Elem::C128 => ins.load(types::F64, flags, base, offset),
        }
    }

    /// Sets the element at an address.
    pub fn store_element(&mut self, elem: Elem, base: Value, offset: i32, value: Value) {
        let ins = self.builder.ins();
        match elem {
            Elem::U8 => ins.istore8(element_flags(), value, base, offset),
            _ => ins.store(element_flags(), value, base, offset),
        };
    }

    /// Checks an access by `indices` (1, 2 or 3 of them) and gives the address
    /// of the element, part 0 or 1 of it.
    pub fn checked_address(
        &mut self,
        tensor: Operand,
        elem: Elem,
        indices: &[Operand],
        part: i32,
        write: bool,
    ) -> (Value, i32) {
        let indices: Vec<Value> = indices.iter().map(|i| self.operand(*i)).collect();
        let mut ok = match (indices.len(), write) {
            (1, false) => self.below(indices[0], tensor, Field::Len),
            (1, true) => self.below(indices[0], tensor, Field::WritableLen),
            (_, false) => self.below(indices[0], tensor, Field::Dim(0)),
            (_, true) => self.below(indices[0], tensor, Field::WritableDim0),
        };
        let mut at = indices[0];
        if indices.len() > 1 {
            let rank = self.field_of(tensor, Field::Rank);
            let same = self.builder.ins().icmp_imm_u(IntCC::Equal, rank, indices.len() as i64);
            ok = self.builder.ins().band(ok, same);
            for (axis, index) in indices.iter().enumerate().skip(1) {
                let inside = self.below(*index, tensor, Field::Dim(axis as u8));
                ok = self.builder.ins().band(ok, inside);
            }
        }
        self.go_on_if(ok, Exit::Refused(indices.len()), |l| {
            let tensor = l.operand(tensor);
            let write = l.builder.ins().iconst(types::I64, write as i64);
            [tensor, write].into_iter().chain(indices.iter().copied()).collect()
        });
        for (axis, index) in indices.iter().enumerate().skip(1) {
            let dim = self.field_of(tensor, Field::Dim(axis as u8));
            let row = self.builder.ins().imul(at, dim);
            at = self.builder.ins().iadd(row, *index);
        }
        let data = self.field_of(tensor, Field::Data);
        let size = elem.size() as u8;
        (self.element_address(data, at, size), part * (size as i32 / 2))
    }

    fn below(&mut self, index: Value, tensor: Operand, field: Field) -> Value {
        let len = self.field_of(tensor, field);
        self.builder.ins().icmp(IntCC::UnsignedLessThan, index, len)
    }

    /// Fills the ways out of accesses that are out of range.
    pub fn refused_accesses(&mut self) {
        for rank in 1..=3 {
            while let Some(params) = self.begin_exit(Exit::Refused(rank)) {
                let slots = self.slots(rank);
                for (i, index) in params[3..].iter().enumerate() {
                    self.builder.ins().store(MemFlagsData::trusted(), *index, slots, i as i32 * 8);
                }
                let count = self.builder.ins().iconst(types::I64, rank as i64);
                let args = [self.ctx, params[0], params[1], slots, count, params[2]];
                self.note_and_leave(calls().refuse_access, &args);
            }
        }
        for (way, address) in [(Exit::NoAxis, calls().refuse_axis), (Exit::NoItem, calls().refuse_item)] {
            while let Some(params) = self.begin_exit(way) {
                self.note_and_leave(address, &[self.ctx, params[0], params[1], params[2]]);
            }
        }
    }

    /// Length of the tensor along an axis.
    pub fn tensor_dim_of(&mut self, dst: Reg, tensor: Operand, axis: Operand) {
        let tensor = self.operand(tensor);
        let axis = self.operand(axis);
        let rank = self.field(tensor, Field::Rank);
        let ok = self.builder.ins().icmp(IntCC::UnsignedLessThan, axis, rank);
        self.go_on_if(ok, Exit::NoAxis, |_| vec![axis, rank]);
        let at = self.element_address(tensor, axis, 8);
        let dim = self.builder.ins().load(types::I64, readonly(), at, layout::tensor::DIMS);
        self.define(dst, dim);
    }

    /// Address of item `index` of a list, checked.
    pub fn item_address(&mut self, list: Value, index: Operand) -> Value {
        let index = self.operand(index);
        let len = self.builder.ins().load(types::I64, readonly(), list, layout::list::LEN);
        let ok = self.builder.ins().icmp(IntCC::UnsignedLessThan, index, len);
        self.go_on_if(ok, Exit::NoItem, |_| vec![index, len]);
        let data = self.builder.ins().load(types::I64, readonly(), list, layout::list::DATA);
        self.element_address(data, index, 8)
    }

    /// Number of items of a list.
    pub fn list_length(&mut self, list: Value) -> Value {
        self.builder.ins().load(types::I64, readonly(), list, layout::list::LEN)
    }

    /// Address of the globals, or of the constants.
    pub fn table(&mut self, offset: i32) -> Value {
        self.builder.ins().load(types::I64, readonly().with_can_move(), self.ctx, offset)
    }
}
