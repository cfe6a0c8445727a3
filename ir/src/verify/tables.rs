//! Checks everything of a module that is not a function body.

use super::report::{Report, clip, plural};
use super::{MAX_ARITY, MAX_RANK};
use crate::binary::{MAX_SIG_DEPTH, MAX_SIG_WEIGHT, sig_weight};
use crate::catalogue::{OpSignature, Operation};
use crate::entity::{FuncId, SigId};
use crate::module::{ConstValue, GlobalInit, Module, OpRef};
use crate::types::{Elem, Item, Type};
use rustc_hash::FxHashSet;

/// Checks the tables and gives the signature of every catalogue operation
/// that the module uses; `None` where that is an error already reported.
pub(super) fn check(report: &mut Report<'_>) -> Vec<Option<OpSignature>> {
    signatures(report);
    imports(report);
    constants(report);
    globals(report);
    exports(report);
    operations(report)
}

fn signatures(report: &mut Report<'_>) {
    let module = report.module;
    let mut seen = FxHashSet::default();
    // Number of types in each, and how deep function types nest in it.
    let mut weights = Vec::with_capacity(module.sigs.len());
    for (i, sig) in module.sigs.iter().enumerate() {
        if report.is_full() {
            return;
        }
        let context = || format!("signature {i}");
        for (list, noun) in [(&sig.params, "parameter"), (&sig.results, "result")] {
            if list.len() > MAX_ARITY {
                let message = format!("{}; at most {MAX_ARITY} are allowed", plural(list.len(), noun));
                report.module(context(), message);
            }
        }
        for ty in sig.params.iter().chain(&sig.results) {
            if let Some(inner) = func_type(*ty)
                && inner.index() >= i
            {
                let message = format!("names signature {}; only signatures before it may be named", inner.0);
                report.module(context(), message);
                break;
            }
        }
        let (weight, depth) = sig_weight(sig, &weights);
        if weight > MAX_SIG_WEIGHT || depth > MAX_SIG_DEPTH {
            let message = format!(
                "too large: at most {MAX_SIG_WEIGHT} types, counting those inside function types, which may be \
                 nested {MAX_SIG_DEPTH} deep"
            );
            report.module(context(), message);
        }
        weights.push((weight, depth));
        if !seen.insert(sig) {
            // Function types are compared by number.
            report.module(
                context(),
                "stands in the table already; every signature may stand there once".into(),
            );
        }
    }
}

/// The signature of a function type, or of a list of functions.
fn func_type(ty: Type) -> Option<SigId> {
    match ty {
        Type::Func(sig) | Type::List(Item::Func(sig)) => Some(sig),
        _ => None,
    }
}

/// Whether every signature that `ty` names is there.
pub(super) fn type_is_known(module: &Module, ty: Type) -> bool {
    func_type(ty).is_none_or(|sig| sig.index() < module.sigs.len())
}

fn imports(report: &mut Report<'_>) {
    let module = report.module;
    for (i, import) in module.imports.iter().enumerate() {
        if report.is_full() {
            return;
        }
        let context = || format!("import {i}, @{}", clip(&import.name));
        if import.name.is_empty() {
            report.module(context(), "an import needs a name".into());
        }
        if import.sig.index() >= module.sigs.len() {
            let message = format!("signature {} is not there; there are {}", import.sig.0, module.sigs.len());
            report.module(context(), message);
        }
    }
}

fn operations(report: &mut Report<'_>) -> Vec<Option<OpSignature>> {
    let module = report.module;
    let mut seen = FxHashSet::default();
    let mut found = Vec::new();
    for (i, op) in module.ops.iter().enumerate() {
        if report.is_full() {
            break;
        }
        if !seen.insert(op) {
            let context = format!("operation {i}, {}", clip(&op.name));
            report
                .module(context, "stands in the table already; every operation may stand there once".into());
        }
        found.push(operation(report, i, op));
    }
    found
}

fn operation(report: &mut Report<'_>, index: usize, op: &OpRef) -> Option<OpSignature> {
    let context = || format!("operation {index}, {}", clip(&op.name));
    let Some(known) = Operation::find(&op.name) else {
        report.module(context(), "there is no such operation in the catalogue".into());
        return None;
    };
    let sig = known.typed();
    if op.elems.len() != sig.vars.len() {
        let message = format!(
            "takes {}, found {}: {}{}",
            plural(sig.vars.len(), "element type"),
            op.elems.len(),
            known.name,
            known.signature
        );
        report.module(context(), message);
        return None;
    }
    let mut sound = true;
    for ((name, class), elem) in sig.vars.iter().zip(&op.elems) {
        if !class.has(*elem) {
            let message = format!("{name} must be of class {}, found {elem}", class.name());
            report.module(context(), message);
            sound = false;
        }
    }
    sound.then_some(sig)
}

fn constants(report: &mut Report<'_>) {
    let module = report.module;
    for (i, constant) in module.constants.iter().enumerate() {
        if report.is_full() {
            return;
        }
        let ConstValue::Tensor { elem, dims, data } = &constant.value else { continue };
        let context = || match &constant.name {
            Some(name) => format!("constant @{}", clip(name)),
            None => format!("constant {i}"),
        };
        if dims.len() > MAX_RANK {
            let message = format!("{}; at most {MAX_RANK} are allowed", plural(dims.len(), "dimension"));
            report.module(context(), message);
            continue;
        }
        match byte_len(*elem, dims) {
            None => {
                report.module(context(), format!("dims {dims:?} of {elem} are more bytes than there can be"))
            }
            Some(want) if want != data.len() as u64 => {
                let message = format!("dims {dims:?} of {elem} are {want} bytes, found {}", data.len());
                report.module(context(), message);
            }
            Some(_) => {
                if *elem == Elem::Bool
                    && let Some(at) = data.iter().position(|b| *b > 1)
                {
                    let message = format!("element {at} of a bool tensor must be 0 or 1, found {}", data[at]);
                    report.module(context(), message);
                }
            }
        }
    }
}

/// Bytes of a tensor; `None` when a size or an offset inside it does not fit
/// an `i64`. A zero among the dims does not excuse the others: code that
/// multiplies them in any order must not overflow.
fn byte_len(elem: Elem, dims: &[u64]) -> Option<u64> {
    let most = dims.iter().try_fold(elem.size() as u64, |size, dim| size.checked_mul((*dim).max(1)))?;
    (most <= i64::MAX as u64).then(|| if dims.contains(&0) { 0 } else { most })
}

fn globals(report: &mut Report<'_>) {
    let module = report.module;
    for (i, global) in module.globals.iter().enumerate() {
        if report.is_full() {
            return;
        }
        let context = || match &global.name {
            Some(name) => format!("global @{}", clip(name)),
            None => format!("global {i}"),
        };
        if !type_is_known(module, global.ty) {
            report.module(context(), "its type names a signature that is not there".into());
            continue;
        }
        let found = match global.init {
            GlobalInit::Imm(imm) => Some(imm.ty()),
            GlobalInit::Const(id) => match module.constants.get(id.index()) {
                Some(constant) => Some(constant.value.ty()),
                None => {
                    let message = format!(
                        "starts from constant {}, of which there are {}",
                        id.0,
                        module.constants.len()
                    );
                    report.module(context(), message);
                    None
                }
            },
            GlobalInit::Func(id) => match module.func_sig_id(id) {
                Some(sig) => Some(Type::Func(sig)),
                None => {
                    let message =
                        format!("starts from function {}, of which there are {}", id.0, module.num_funcs());
                    report.module(context(), message);
                    None
                }
            },
        };
        if let Some(found) = found
            && found != global.ty
        {
            let message = format!(
                "expected a first value of type {}, found {}",
                report.ty(global.ty),
                report.ty(found)
            );
            report.module(context(), message);
        }
    }
}

fn exports(report: &mut Report<'_>) {
    let module = report.module;
    let mut seen = FxHashSet::default();
    for (id, func) in module.exported_funcs() {
        match func.name.as_deref() {
            None => report.function(id, "an exported function needs a name".into(), None),
            Some(name) if !seen.insert(name) => {
                report.function(id, format!("another export is called @{} too", clip(name)), None);
            }
            Some(_) => {}
        }
    }
    for (i, global) in module.globals.iter().enumerate().filter(|(_, g)| g.export) {
        match global.name.as_deref() {
            None => report.module(format!("global {i}"), "an exported global needs a name".into()),
            Some(name) if !seen.insert(name) => {
                report.module(format!("global @{}", clip(name)), "another export has the same name".into());
            }
            Some(_) => {}
        }
    }
    for (i, func) in module.functions.iter().enumerate() {
        if func.sig.index() >= module.sigs.len() {
            let id = FuncId::new(module.imports.len() + i);
            let message = format!("signature {} is not there; there are {}", func.sig.0, module.sigs.len());
            report.function(id, message, None);
        }
    }
}
