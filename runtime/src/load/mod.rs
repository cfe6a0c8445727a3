//! Loading: verified bytecode to internal code.
//!
//! `translate` makes micro-operations, `superinst` merges neighbours, `encode` lays
//! them out. A module is loaded once for each dispatcher and each way of
//! metering, and shared by all instances.

mod encode;
pub(crate) mod finish;
mod literals;
#[cfg(nbc_threaded)]
mod superinst;
pub mod translate;

use crate::interp::special;
use crate::machine::dispatch::Dispatch;
use crate::machine::instr::{LINK_SLOTS, Run};
use crate::machine::loaded::{FuncCode, Loaded};
use crate::machine::micro::{Class, Micro, MicroOp, SharedOp, Src};
use crate::machine::site::{HostSite, Site};
use crate::plan::Plan;
use finish::Finish;
use nbc_ir::verify::VerifiedModule;
use nbc_ir::{FuncId, SigId, Type};
use std::fmt::Write;
use std::sync::Arc;
use translate::{Translated, translate};

/// Loads `module` for `dispatch`, to follow `plan`, with fuel charged by block if `metered`.
pub fn load(module: VerifiedModule, plan: Arc<Plan>, dispatch: Dispatch, metered: bool) -> Loaded {
    let mut funcs = Vec::with_capacity(module.num_funcs());
    for (i, import) in module.imports.iter().enumerate() {
        funcs.push(lay_out(import_stub(&module, i, import.sig), dispatch));
    }
    for i in 0..module.functions.len() {
        let id = FuncId::new(module.imports.len() + i);
        let mut finish = finish(dispatch);
        funcs.push(lay_out(translate(&module, &plan, id, metered, &mut *finish), dispatch));
    }
    Loaded::new(module, plan, dispatch, special(dispatch), metered, funcs)
}

/// The internal code of function `id` as text, one operation a line, for
/// people who want to see what was merged.
pub fn listing(module: &VerifiedModule, id: FuncId, dispatch: Dispatch, metered: bool) -> String {
    let t = translate(module, &Plan::empty(), id, metered, &mut *finish(dispatch));
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
        Dispatch::Threaded => {
            Box::new(superinst::Superinstructions(|m: &Micro| crate::interp::threaded::select(m).is_some()))
        }
        Dispatch::Match => Box::new(finish::Portable),
    }
}

fn lay_out(t: Translated, dispatch: Dispatch) -> FuncCode {
    let code = match dispatch {
        #[cfg(nbc_threaded)]
        Dispatch::Threaded => encode::encode(&t, |m| match crate::interp::threaded::select(m) {
            Some(run) => run,
            None => unreachable!("literals were placed until there was a handler for {m:?}"),
        }),
        Dispatch::Match => encode::encode(&t, |m| Run {
            code: match (m.op, m.src[0]) {
                (MicroOp::Copy, Src::Imm(_)) => MicroOp::Literal,
                (op, _) => op,
            },
        }),
    };
    FuncCode {
        code,
        origin: t.micros.iter().map(|m| m.origin).collect(),
        resumes: t.resumes().collect(),
        closed: t.closed().collect(),
        origins: t.origins.into(),
        sites: t.sites,
        extent: t.extent,
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
    let mut call = Micro::new(MicroOp::Shared(SharedOp::CallHost), 0);
    call.imm = 0;
    let mut sites = vec![Site::Host(host)];
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
            sites.push(Site::Values(values(many)));
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
        outs: 1,
        extent: frame + LINK_SLOTS + 1,
    }
}
