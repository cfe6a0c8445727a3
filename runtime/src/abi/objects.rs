//! Calls of the shared functions of [`crate::interp::shared`] from compiled
//! code: an operation made for one place, and what goes where.

use super::calls;
use crate::machine::instr::{Instr, Run};
use crate::machine::micro::{MicroOp, SharedOp, Src};
use crate::machine::site::{HostSite, Site, op_site};
use crate::plan::AtOperation;
use nbc_ir::{GlobalId, Item, Module, OpId, Type};

/// An operand of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arg {
    /// The value in the next slot that is not taken by an operand before it.
    Slot,
    /// These bits; takes no slot.
    Literal(u64),
}

/// A call of `function(instr, slots, ctx) -> status` for one place in compiled
/// code, which keeps it as long as the code. Operands are in consecutive slots
/// from the first on; the results come to the first slots, after all operands
/// have been read. A trap is in the context, without frames yet.
pub struct ObjectCall {
    /// Address of the function.
    pub function: usize,
    /// How many slots it reads or writes.
    pub slots: usize,
    // Boxed, because compiled code holds its address.
    instr: Box<Instr>,
    _site: Option<Box<Site>>,
}

// SAFETY: the operation is never written, and refers to nothing but its site.
unsafe impl Send for ObjectCall {}
// SAFETY: as above.
unsafe impl Sync for ObjectCall {}

impl ObjectCall {
    /// First argument of the function.
    pub fn instr(&self) -> *const Instr {
        &raw const *self.instr
    }

    /// An operation without a site, whose operands and result are in slots:
    /// tensor and list accesses, globals and constants (`literal` is which),
    /// parts of complex elements (0 or 1), the begin of a region.
    pub fn simple(op: SharedOp, literal: u64) -> ObjectCall {
        let mut call = ObjectCall::new(op, None, 5);
        call.instr.imm = literal;
        call.operands_in_order(op);
        call
    }

    /// `list.new`: length and filling.
    pub fn list_new(item: Item) -> ObjectCall {
        let mut call = ObjectCall::new(SharedOp::ListNew, Some(Site::List { item }), 2);
        call.operands_in_order(SharedOp::ListNew);
        call
    }

    /// `list.set` of an object: list, index and value.
    pub fn list_set_object(item: Item) -> ObjectCall {
        let mut call = ObjectCall::new(SharedOp::ListSetObject, Some(Site::List { item }), 3);
        call.operands_in_order(SharedOp::ListSetObject);
        call
    }

    /// `global.set` of an object.
    pub fn global_set_object(global: GlobalId, ty: Type) -> ObjectCall {
        let site = Site::Global { index: global.index(), value: Src::Slot(0), ty };
        ObjectCall::new(SharedOp::GlobalSetObject, Some(site), 1)
    }

    /// A catalogue operation: arguments with their types, and what the [`Plan`](crate::plan::Plan)
    /// says for the place.
    pub fn operation(
        module: &Module,
        op: OpId,
        args: &[(Arg, Type)],
        results: usize,
        plan: AtOperation,
    ) -> ObjectCall {
        let (srcs, slots) = sources(args);
        let types = args.iter().map(|(_, ty)| *ty).collect();
        let site = op_site(module, op, srcs, types, (0..results as u16).collect(), plan);
        ObjectCall::new(SharedOp::CallOp, Some(Site::Op(site)), slots.max(results))
    }

    /// A host function, by its position among the imports: arguments with
    /// their types, and the types of the results.
    pub fn host(import: usize, args: &[(Arg, Type)], results: &[Type]) -> ObjectCall {
        let (srcs, slots) = sources(args);
        let site = HostSite {
            import,
            args: typed(&srcs, args),
            results: results.iter().enumerate().map(|(n, ty)| (n as u16, *ty)).collect(),
        };
        ObjectCall::new(SharedOp::CallHost, Some(Site::Host(site)), slots.max(results.len()))
    }

    /// `region.end` that keeps objects of those types, each in its slot.
    pub fn region_end(kept: &[Type]) -> ObjectCall {
        ObjectCall::keeping(SharedOp::RegionEnd, kept)
    }

    /// `region.renew`, likewise.
    pub fn region_renew(kept: &[Type]) -> ObjectCall {
        ObjectCall::keeping(SharedOp::RegionRenew, kept)
    }

    fn keeping(op: SharedOp, kept: &[Type]) -> ObjectCall {
        let values = kept.iter().enumerate().map(|(n, ty)| (Src::Slot(n as u16), *ty)).collect();
        ObjectCall::new(op, Some(Site::Values(values)), kept.len())
    }

    /// The end of the call's own region, with the values that are returned.
    pub fn returning(values: &[(Arg, Type)]) -> ObjectCall {
        let (srcs, slots) = sources(values);
        let site = Site::Values(typed(&srcs, values));
        let mut call = ObjectCall::new(SharedOp::RegionEnd, Some(site), slots.max(values.len()));
        call.function = calls::calls().return_from_region;
        call
    }

    fn new(op: SharedOp, site: Option<Site>, slots: usize) -> ObjectCall {
        let site = site.map(Box::new);
        let mut instr = Box::new(Instr::blank(Run { code: MicroOp::Shared(op) }));
        if let Some(site) = &site {
            instr.imm = std::ptr::from_ref::<Site>(site).expose_provenance() as u64;
        }
        ObjectCall { function: calls::shared(op), slots, instr, _site: site }
    }

    /// Operands in slots 0, 1, ..; the result in slot 0.
    fn operands_in_order(&mut self, op: SharedOp) {
        (self.instr.b, self.instr.c, self.instr.d, self.instr.imm2) = (0, 1, 2, 3);
        if let SharedOp::Store3(_) = op {
            // The fifth operand is where a result would go.
            self.instr.a = 4;
        }
    }
}

/// Where the operands are, and how many slots they take.
fn sources(args: &[(Arg, Type)]) -> (Box<[Src]>, usize) {
    let mut next = 0;
    let srcs = args
        .iter()
        .map(|(arg, _)| match arg {
            Arg::Slot => {
                next += 1;
                Src::Slot(next - 1)
            }
            Arg::Literal(bits) => Src::Imm(*bits),
        })
        .collect();
    (srcs, next as usize)
}

fn typed(srcs: &[Src], args: &[(Arg, Type)]) -> Box<[(Src, Type)]> {
    srcs.iter().zip(args).map(|(src, (_, ty))| (*src, *ty)).collect()
}
