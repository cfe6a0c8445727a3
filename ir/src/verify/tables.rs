//! Checks everything of a module that is not a function body.

use super::items::Item as Entry;
use super::report::{Report, clip, plural};
use super::{MAX_ARITY, MAX_RANK};
use crate::binary::{MAX_SIG_DEPTH, MAX_SIG_WEIGHT, sig_weight};
use crate::catalogue::{CATALOGUE, OpSignature, Operation};
use crate::entity::{FuncId, SigId};
use crate::module::{ConstValue, GlobalInit, Module, OpRef, tensor_bytes};
use crate::suggest::nearest;
use crate::types::{Elem, Item, Type};
use rustc_hash::FxHashSet;

/// A catalogue operation that the module uses.
pub(super) enum OpEntry {
    /// One that there is, with its signature.
    Known(OpSignature),
    /// One that there is not, or not for these element types: told where it is used.
    Wrong(WrongOp),
}

/// Why an operation cannot be used.
#[derive(Clone)]
pub(super) struct WrongOp {
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// The type variable that has an element type it cannot have.
    pub(super) var: Option<usize>,
}

/// Checks the tables and gives what is known of every catalogue operation
/// that the module uses.
pub(super) fn check(report: &mut Report<'_>) -> Vec<OpEntry> {
    signatures(report);
    imports(report);
    constants(report);
    globals(report, |_| false);
    exports(report);
    operations(report)
}

/// Reports the operations that are wrong and that no instruction uses.
pub(super) fn unused_operations(report: &mut Report<'_>, ops: &[OpEntry]) {
    let module = report.module;
    for (i, entry) in ops.iter().enumerate() {
        if let OpEntry::Wrong(wrong) = entry
            && !report.told_ops.contains(&i)
        {
            let context = format!("operation {i}, {}", clip(&module.ops[i].name));
            report.module(context, wrong.message.clone());
        }
    }
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
            if let Some(elem) = not_of_sparse(*ty) {
                let message = format!("a sparse matrix has no elements of type {elem}");
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

/// The element type of a sparse matrix, or of a list of such, that cannot have it.
pub(super) fn not_of_sparse(ty: Type) -> Option<Elem> {
    match ty {
        Type::Sparse(elem) | Type::List(Item::Sparse(elem)) => (!elem.is_of_sparse()).then_some(elem),
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
            report.item(Entry::Import(i), context(), "an import needs a name".into());
        }
        if import.sig.index() >= module.sigs.len() {
            let message = format!("signature {} is not there; there are {}", import.sig.0, module.sigs.len());
            report.item(Entry::Import(i), context(), message);
        }
    }
}

/// Notes which operations there are.
pub(super) fn operations(report: &mut Report<'_>) -> Vec<OpEntry> {
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
        found.push(match operation(op) {
            Ok(sig) => OpEntry::Known(sig),
            Err(wrong) => OpEntry::Wrong(wrong),
        });
    }
    found
}

fn operation(op: &OpRef) -> Result<OpSignature, WrongOp> {
    let Some(known) = Operation::find(&op.name) else {
        let message = format!("there is no operation {} in the catalogue", clip(&op.name));
        let help = nearest(&op.name, CATALOGUE.iter().map(|op| op.name));
        let help = help.map(|name| format!("did you mean `{name}`?"));
        return Err(WrongOp { message, help, var: None });
    };
    let sig = known.typed();
    let help = Some(format!("its signature is {}{}", known.name, known.signature));
    if op.elems.len() != sig.vars.len() {
        let takes = plural(sig.vars.len(), "element type");
        let message = format!("{} takes {takes}, found {}", known.name, op.elems.len());
        return Err(WrongOp { message, help, var: None });
    }
    for (var, ((name, class), elem)) in sig.vars.iter().zip(&op.elems).enumerate() {
        if !class.has(*elem) {
            let fit: Vec<&str> = Elem::ALL.into_iter().filter(|e| class.has(*e)).map(Elem::name).collect();
            let message = format!("{} does not take {elem}: {name} is one of {}", known.name, fit.join(" "));
            return Err(WrongOp { message, help, var: Some(var) });
        }
    }
    Ok(sig)
}

fn constants(report: &mut Report<'_>) {
    let module = report.module;
    for (i, constant) in module.constants.iter().enumerate() {
        if report.is_full() {
            return;
        }
        let (elem, dims, data) = match &constant.value {
            ConstValue::Tensor { elem, dims, data } => (elem, dims, Some(data)),
            ConstValue::Zeros { elem, dims } => (elem, dims, None),
            ConstValue::Str(_) => continue,
        };
        let context = || match &constant.name {
            Some(name) => format!("constant @{}", clip(name)),
            None => format!("constant {i}"),
        };
        if dims.len() > MAX_RANK {
            let message = format!("{}; at most {MAX_RANK} are allowed", plural(dims.len(), "dimension"));
            report.item(Entry::Constant(i), context(), message);
            continue;
        }
        match (tensor_bytes(*elem, dims), data) {
            (None, _) => report.item(
                Entry::Constant(i),
                context(),
                format!("dims {dims:?} of {elem} are more bytes than there can be"),
            ),
            (Some(_), None) => {}
            (Some(want), Some(data)) if want != data.len() as u64 => {
                let message = format!("dims {dims:?} of {elem} are {want} bytes, found {}", data.len());
                report.item(Entry::Constant(i), context(), message);
            }
            (Some(_), Some(data)) => {
                if *elem == Elem::Bool
                    && let Some(at) = data.iter().position(|b| *b > 1)
                {
                    let message = format!("element {at} of a bool tensor must be 0 or 1, found {}", data[at]);
                    report.item(Entry::Constant(i), context(), message);
                }
            }
        }
    }
}

/// Checks the globals that `skip` does not say to leave out.
pub(super) fn globals(report: &mut Report<'_>, skip: impl Fn(usize) -> bool) {
    let module = report.module;
    for (i, global) in module.globals.iter().enumerate() {
        if report.is_full() {
            return;
        }
        if skip(i) {
            continue;
        }
        let context = || match &global.name {
            Some(name) => format!("global @{}", clip(name)),
            None => format!("global {i}"),
        };
        if !type_is_known(module, global.ty) {
            report.item(Entry::Global(i), context(), "its type names a signature that is not there".into());
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
                    report.item(Entry::Global(i), context(), message);
                    None
                }
            },
            GlobalInit::Func(id) => match module.func_sig_id(id) {
                Some(sig) => Some(Type::Func(sig)),
                None => {
                    let message =
                        format!("starts from function {}, of which there are {}", id.0, module.num_funcs());
                    report.item(Entry::Global(i), context(), message);
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
            report.item(Entry::Global(i), context(), message);
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
            None => {
                report.item(Entry::Global(i), format!("global {i}"), "an exported global needs a name".into())
            }
            Some(name) if !seen.insert(name) => {
                let context = format!("global @{}", clip(name));
                report.item(Entry::Global(i), context, "another export has the same name".into());
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
