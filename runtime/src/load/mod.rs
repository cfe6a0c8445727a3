//! Loading: verified bytecode to internal code.
//!
//! `translate` makes micro-operations, `fuse` merges neighbours, `code` lays
//! them out. A module is loaded once for each dispatcher and each way of
//! metering, and shared by all instances.

pub mod code;
#[cfg(nbc_threaded)]
mod fuse;
mod literals;
pub mod micro;
pub mod translate;

use crate::backtrace::Frame;
use crate::interp::Dispatch;
use code::{FuncCode, FuncEntry, HostSite, Instr, Run, Site};
use literals::Finish;
use micro::{Class, Micro, MicroOp, Plain, Src};
use nbc_ir::verify::VerifiedModule;
use nbc_ir::{FuncId, SigId, Type};
use std::fmt::Write;
use translate::{Translated, translate};

/// A module as internal code.
pub struct Loaded {
    /// The module it was made from.
    pub module: VerifiedModule,
    /// What runs the code.
    pub dispatch: Dispatch,
    /// Whether blocks charge fuel.
    pub metered: bool,
    /// Functions, imports included.
    pub funcs: Vec<FuncCode>,
    /// Where calls go, by function.
    pub entries: Box<[FuncEntry]>,
    /// What the outermost call returns to: a call that never was, then the exit.
    pub exit: Box<[Instr; 2]>,
    /// Functions by address of their code.
    by_address: Vec<(usize, u32)>,
}

// SAFETY: the code is never written after loading; the addresses in it point
// into what `Loaded` owns or to functions.
unsafe impl Send for Loaded {}
// SAFETY: as above.
unsafe impl Sync for Loaded {}

impl Loaded {
    /// Loads `module` for `dispatch`.
    pub fn new(module: VerifiedModule, dispatch: Dispatch, metered: bool) -> Loaded {
        let mut funcs = Vec::with_capacity(module.num_funcs());
        for (i, import) in module.imports.iter().enumerate() {
            funcs.push(lay_out(import_stub(&module, i, import.sig), dispatch));
        }
        for i in 0..module.functions.len() {
            let id = FuncId::new(module.imports.len() + i);
            let mut finish = finish(dispatch);
            funcs.push(lay_out(translate(&module, id, metered, &mut *finish), dispatch));
        }
        let entries =
            funcs.iter().map(|f| FuncEntry { code: f.code.as_ptr(), extent: f.extent as u64 }).collect();
        let mut by_address: Vec<(usize, u32)> =
            funcs.iter().enumerate().map(|(i, f)| (f.code.as_ptr().addr(), i as u32)).collect();
        by_address.sort_unstable();
        let run = exit_run(dispatch);
        let blank = Instr { run, a: 0, b: 0, c: 0, d: 0, imm: 0, imm2: 0, jump: 0 };
        // A single result lands in the first slot of the callee's own frame.
        let exit = Box::new([Instr { a: 1, imm2: 1, ..blank }, blank]);
        Loaded { module, dispatch, metered, funcs, entries, exit, by_address }
    }

    /// Where in the bytecode the operation at `ip` comes from.
    pub fn frame_at(&self, ip: *const Instr) -> Option<Frame> {
        let at = self.by_address.partition_point(|(start, _)| *start <= ip.addr());
        let (start, func) = *self.by_address.get(at.checked_sub(1)?)?;
        let code = &self.funcs[func as usize];
        let position = (ip.addr() - start) / size_of::<Instr>();
        let (block, inst) = code.origins[*code.origin.get(position)? as usize];
        let id = FuncId(func);
        let function = self.module.function(id);
        Some(Frame {
            func: id,
            name: self.module.func_name(id),
            block,
            inst,
            line: function.map_or(0, |f| f.blocks[block as usize].line(inst as usize)),
        })
    }
}

/// The internal code of function `id` as text, one operation a line, for
/// people who want to see what was fused.
pub fn listing(module: &VerifiedModule, id: FuncId, dispatch: Dispatch, metered: bool) -> String {
    let t = translate(module, id, metered, &mut *finish(dispatch));
    let mut out = String::new();
    for (at, m) in t.micros.iter().enumerate() {
        for (block, _) in t.starts.iter().enumerate().filter(|(_, s)| **s == at as u32) {
            let _ = writeln!(out, "block{block}:");
        }
        let _ = writeln!(out, "  {m}");
    }
    out
}

fn finish(dispatch: Dispatch) -> Box<dyn Finish> {
    match dispatch {
        #[cfg(nbc_threaded)]
        Dispatch::Threaded => Box::new(fuse::Fuse(|m: &Micro| crate::interp::threaded::select(m).is_some())),
        Dispatch::Match => Box::new(literals::Portable),
    }
}

fn exit_run(dispatch: Dispatch) -> Run {
    match dispatch {
        #[cfg(nbc_threaded)]
        Dispatch::Threaded => crate::interp::threaded::exit_run(),
        Dispatch::Match => Run { code: MicroOp::Exit },
    }
}

fn lay_out(t: Translated, dispatch: Dispatch) -> FuncCode {
    let code = match dispatch {
        #[cfg(nbc_threaded)]
        Dispatch::Threaded => code::encode(&t, |m| match crate::interp::threaded::select(m) {
            Some(run) => run,
            None => unreachable!("literals were placed until there was a handler for {m:?}"),
        }),
        Dispatch::Match => code::encode(&t, |m| Run {
            code: match (m.op, m.src[0]) {
                (MicroOp::Copy, Src::Imm(_)) => MicroOp::Literal,
                (op, _) => op,
            },
        }),
    };
    FuncCode {
        code,
        origin: t.micros.iter().map(|m| m.origin).collect(),
        origins: t.origins.into(),
        sites: t.sites,
        frame: t.frame,
        extent: t.extent,
        region: t.region,
    }
}

/// Code for an import, so that it can be called like any function.
fn import_stub(module: &VerifiedModule, import: usize, sig: SigId) -> Translated {
    let sig = &module.sigs[sig.index()];
    let operands = |types: &[Type]| -> Vec<(u16, Type)> {
        types.iter().enumerate().map(|(i, t)| (i as u16, *t)).collect()
    };
    let values = |types: &[Type]| operands(types).into_iter().map(|(i, t)| (Src::Slot(i), t)).collect();
    let host = HostSite { import, args: values(&sig.params), results: operands(&sig.results).into() };
    let mut call = Micro::new(MicroOp::Plain(Plain::CallHost), 0);
    call.imm = 0;
    let mut sites = vec![Box::new(Site::Host(host))];
    let ret = match sig.results.as_slice() {
        [] => Micro::new(MicroOp::Ret, 0),
        [one] => {
            let mut ret = Micro::new(MicroOp::Ret, 0);
            ret.src[0] = Src::Slot(0);
            ret.dst = 1;
            ret.class = if *one == Type::F64 { Class::Float } else { Class::Int };
            ret
        }
        many => {
            sites.push(Box::new(Site::Values(values(many))));
            let mut ret = Micro::new(MicroOp::RetMany, 0);
            ret.imm = 1;
            ret
        }
    };
    let frame = sig.params.len().max(sig.results.len()) as u32;
    Translated {
        micros: vec![call, ret],
        starts: vec![0],
        origins: vec![(0, 0)],
        sites,
        frame,
        extent: frame + code::LINK_SLOTS + 1,
        region: false,
    }
}
