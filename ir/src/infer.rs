//! Type inference for the text format: a type may be left out if it follows
//! from other operands.
//!
//! Reader and printer both ask here, so the printer writes a type exactly
//! where the reader would not find it. Slots hold what is known so far of each
//! operand position of an instruction: the type of the register or literal
//! there, of the global or constant named, or `func<..>` of the function named.

use crate::catalogue::{OpSignature, Param};
use crate::entity::SigId;
use crate::inst::{OperandSpec, Pattern, Role};
use crate::types::{Elem, Item, Signature, Type};

/// The type that operand `at` must have, as far as it follows from the other
/// operands. Values read count before the register written.
pub(crate) fn deduce(specs: &[OperandSpec], slots: &[Option<Type>], at: usize) -> Option<Type> {
    let find = |pattern: Pattern| {
        let others = |role_is_def: bool| {
            specs.iter().zip(slots).enumerate().find_map(|(i, (spec, slot))| {
                let fits = i != at && spec.pattern == pattern && (spec.role == Role::Def) == role_is_def;
                fits.then_some(*slot).flatten()
            })
        };
        others(false).or_else(|| others(true))
    };
    let named = || {
        specs.iter().zip(slots).find_map(|(spec, slot)| {
            matches!(spec.role, Role::Global | Role::Const | Role::Func).then_some(*slot).flatten()
        })
    };
    match specs.get(at)?.pattern {
        Pattern::Exact(ty) => Some(ty),
        Pattern::Same => find(Pattern::Same),
        Pattern::Elem => match find(Pattern::Tensor)? {
            Type::Tensor(elem) => elem.scalar(),
            _ => None,
        },
        Pattern::Part => match find(Pattern::Complex)? {
            Type::Tensor(elem) => elem.part(),
            _ => None,
        },
        Pattern::List => Item::from_type(find(Pattern::Item)?).map(Type::List),
        Pattern::Item => match find(Pattern::List)? {
            Type::List(item) => Some(item.ty()),
            _ => None,
        },
        Pattern::Entity | Pattern::Func => named(),
        _ => None,
    }
}

/// Signature of the function that an instruction calls, directly or by reference.
pub(crate) fn callee(specs: &[OperandSpec], slots: &[Option<Type>]) -> Option<SigId> {
    specs.iter().zip(slots).find_map(|(spec, slot)| match (spec.pattern, spec.role, slot) {
        (Pattern::Func, Role::Use, Some(Type::Func(sig))) | (_, Role::Func, Some(Type::Func(sig))) => {
            Some(*sig)
        }
        _ => None,
    })
}

/// Type variables of an operation that follow from the types of its arguments.
pub(crate) fn elements(
    op: &OpSignature,
    params: &[&Param],
    args: &[Option<Type>],
    sigs: &[Signature],
) -> Vec<Option<Elem>> {
    let mut elems = vec![None; op.vars.len()];
    // Tensors say more than scalars: a u8 element is an i32 as a scalar.
    for scalars in [false, true] {
        for (param, arg) in params.iter().zip(args) {
            if let Some(ty) = arg
                && ty.is_scalar() == scalars
            {
                param.infer(*ty, &mut elems, sigs);
            }
        }
    }
    elems
}

/// The type a literal must have as an argument for `param`.
pub(crate) fn literal_type(param: &Param, elems: &[Option<Elem>]) -> Option<Type> {
    match param {
        Param::Exact(ty) if ty.is_scalar() => Some(*ty),
        Param::Ints => Some(Type::I64),
        Param::Scalar(v) | Param::TensorOrScalar(v) => elems.get(*v).copied().flatten()?.scalar(),
        _ => None,
    }
}
