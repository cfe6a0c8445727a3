//! Folding along an axis, or all elements: text of the kernels.

use super::{ELEMENTS, c_type};
use nbc_ir::Elem;

/// Elements of a block, as docs/numerics.md has it.
pub(crate) const BLOCK: u64 = 4096;

/// What elements are folded to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fold {
    Sum,
    Product,
    Smallest,
    Largest,
    Mean,
    Any,
    All,
    Count,
}

/// The least and the largest number of a type, in CUDA C.
fn ends(elem: Elem) -> (&'static str, &'static str) {
    match elem {
        Elem::U8 => ("(u8)0", "(u8)255"),
        Elem::I32 => ("(-2147483647 - 1)", "2147483647"),
        Elem::I64 => ("(-9223372036854775807LL - 1)", "9223372036854775807LL"),
        Elem::F32 => ("__int_as_float((int)0xff800000u)", "__int_as_float(0x7f800000)"),
        _ => (
            "__longlong_as_double((i64)0xfff0000000000000ULL)",
            "__longlong_as_double((i64)0x7ff0000000000000ULL)",
        ),
    }
}

/// The kernels `nbc_first` and `nbc_next`, which fold elements of type `from` to such of type `to`.
pub(crate) fn text(fold: Fold, from: Elem, to: Elem) -> String {
    let (least, largest) = ends(to);
    let (neutral, combine) = match fold {
        Fold::Sum | Fold::Mean | Fold::Count => ("0", "nbc_add(a, b)"),
        Fold::Product => ("1", "nbc_mul(a, b)"),
        Fold::Smallest => (largest, "nbc_min(a, b)"),
        Fold::Largest => (least, "nbc_max(a, b)"),
        Fold::Any => ("false", "nbc_or(a, b)"),
        Fold::All => ("true", "nbc_and(a, b)"),
    };
    let get = if fold == Fold::Count { "(i64)nbc_is_set(x)" } else { "(NBC_T)(x)" };
    let finish = if fold == Fold::Mean { "((x) / (NBC_T)(n))" } else { "(x)" };
    format!(
        "{ELEMENTS}#define NBC_T {}\n#define NBC_FROM {}\n#define NBC_NEUTRAL ((NBC_T){neutral})\n\
         static __device__ __forceinline__ NBC_T nbc_combine(NBC_T a, NBC_T b) {{ return {combine}; }}\n\
         #define NBC_COMBINE(a, b) nbc_combine(a, b)\n#define NBC_GET(x) {get}\n\
         #define NBC_FINISH(x, n) {finish}\n{}",
        c_type(to),
        c_type(from),
        include_str!("fold.cuh")
    )
}

/// The kernel `nbc_best`, of elements of that type.
pub(crate) fn best_text(elem: Elem, largest: bool) -> String {
    let beats = if largest { ">" } else { "<" };
    format!(
        "{ELEMENTS}#define NBC_T {}\n#define NBC_BEATS(a, b) ((a) {beats} (b))\n{}",
        c_type(elem),
        include_str!("best.cuh")
    )
}
