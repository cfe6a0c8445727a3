//! Which operations there are kernels for, and their text.
//!
//! The table has a line for each operation of the catalogue that runs on a device. It goes by the name that the row has
//! for the kernel. [`reach`] says of every row whether it runs, and if not why.
//!
//! ```
//! use nbc_cuda::kernels::{Reach, reach};
//! let of = |name: &str| reach().find(|(row, _)| row.name == name).map(|(_, reach)| reach);
//! assert_eq!(of("tensor.add"), Some(Reach::Runs("same bits")));
//! assert!(matches!(of("tensor.sort"), Some(Reach::Not(_))));
//! ```

pub(crate) mod elementwise;
pub(crate) mod fold;
mod mathematics;
pub(crate) mod matmul;

use nbc_ir::Elem;
use nbc_ir::catalogue::{Aliasing, CATALOGUE, Class, Kind, Operation, Param, Shape};

/// How an operation is computed on a device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Recipe {
    /// That function of `elements.cuh` of the elements of each place.
    Each(&'static str),
    /// The conversion to the result's elements.
    Convert,
    /// The mathematical function of that name, of floats.
    Function(&'static str),
    /// The mathematical function of both parts of a complex number: the second first, if that is said.
    OfParts(&'static str, bool),
    /// Elements folded along an axis, or all of them.
    Fold(fold::Fold),
    /// The index of the smallest along an axis, or of the largest.
    Best(bool),
    /// A product of matrices.
    MatMul,
}

macro_rules! recipe {
    (tensor_copy) => {
        Some(Recipe::Each("nbc_copy"))
    };
    (tensor_cast) => {
        Some(Recipe::Convert)
    };
    (tensor_add) => {
        Some(Recipe::Each("nbc_add"))
    };
    (tensor_sub) => {
        Some(Recipe::Each("nbc_sub"))
    };
    (tensor_mul) => {
        Some(Recipe::Each("nbc_mul"))
    };
    (tensor_div) => {
        Some(Recipe::Each("nbc_div"))
    };
    (tensor_rem) => {
        Some(Recipe::Each("nbc_rem"))
    };
    (tensor_floor_div) => {
        Some(Recipe::Each("nbc_floor_div"))
    };
    (tensor_mod) => {
        Some(Recipe::Each("nbc_mod"))
    };
    (tensor_min) => {
        Some(Recipe::Each("nbc_min"))
    };
    (tensor_max) => {
        Some(Recipe::Each("nbc_max"))
    };
    (tensor_neg) => {
        Some(Recipe::Each("nbc_neg"))
    };
    (tensor_abs) => {
        Some(Recipe::Each("nbc_abs"))
    };
    (tensor_sign) => {
        Some(Recipe::Each("nbc_sign"))
    };
    (tensor_eq) => {
        Some(Recipe::Each("nbc_eq"))
    };
    (tensor_ne) => {
        Some(Recipe::Each("nbc_ne"))
    };
    (tensor_lt) => {
        Some(Recipe::Each("nbc_lt"))
    };
    (tensor_le) => {
        Some(Recipe::Each("nbc_le"))
    };
    (tensor_gt) => {
        Some(Recipe::Each("nbc_gt"))
    };
    (tensor_ge) => {
        Some(Recipe::Each("nbc_ge"))
    };
    (tensor_and) => {
        Some(Recipe::Each("nbc_and"))
    };
    (tensor_or) => {
        Some(Recipe::Each("nbc_or"))
    };
    (tensor_xor) => {
        Some(Recipe::Each("nbc_xor"))
    };
    (tensor_not) => {
        Some(Recipe::Each("nbc_not"))
    };
    (tensor_shl) => {
        Some(Recipe::Each("nbc_shl"))
    };
    (tensor_shr) => {
        Some(Recipe::Each("nbc_shr"))
    };
    (tensor_is_nan) => {
        Some(Recipe::Each("nbc_is_nan"))
    };
    (tensor_is_inf) => {
        Some(Recipe::Each("nbc_is_inf"))
    };
    (tensor_is_finite) => {
        Some(Recipe::Each("nbc_is_finite"))
    };
    (tensor_where) => {
        Some(Recipe::Each("nbc_where"))
    };
    (tensor_clip) => {
        Some(Recipe::Each("nbc_clip"))
    };
    (tensor_sqrt) => {
        Some(Recipe::Each("nbc_sqrt"))
    };
    (tensor_ceil) => {
        Some(Recipe::Each("nbc_ceil"))
    };
    (tensor_floor) => {
        Some(Recipe::Each("nbc_floor"))
    };
    (tensor_trunc) => {
        Some(Recipe::Each("nbc_trunc"))
    };
    (tensor_nearest) => {
        Some(Recipe::Each("nbc_nearest"))
    };
    (complex_real) => {
        Some(Recipe::Each("nbc_real"))
    };
    (complex_imag) => {
        Some(Recipe::Each("nbc_imag"))
    };
    (complex_conj) => {
        Some(Recipe::Each("nbc_conj"))
    };
    (complex_abs) => {
        Some(Recipe::OfParts("hypot", false))
    };
    (complex_angle) => {
        Some(Recipe::OfParts("atan2", true))
    };
    (tensor_sin) => {
        Some(Recipe::Function("sin"))
    };
    (tensor_cos) => {
        Some(Recipe::Function("cos"))
    };
    (tensor_tan) => {
        Some(Recipe::Function("tan"))
    };
    (tensor_asin) => {
        Some(Recipe::Function("asin"))
    };
    (tensor_acos) => {
        Some(Recipe::Function("acos"))
    };
    (tensor_atan) => {
        Some(Recipe::Function("atan"))
    };
    (tensor_sinh) => {
        Some(Recipe::Function("sinh"))
    };
    (tensor_cosh) => {
        Some(Recipe::Function("cosh"))
    };
    (tensor_tanh) => {
        Some(Recipe::Function("tanh"))
    };
    (tensor_exp) => {
        Some(Recipe::Function("exp"))
    };
    (tensor_exp2) => {
        Some(Recipe::Function("exp2"))
    };
    (tensor_expm1) => {
        Some(Recipe::Function("expm1"))
    };
    (tensor_ln) => {
        Some(Recipe::Function("ln"))
    };
    (tensor_log2) => {
        Some(Recipe::Function("log2"))
    };
    (tensor_log10) => {
        Some(Recipe::Function("log10"))
    };
    (tensor_log1p) => {
        Some(Recipe::Function("log1p"))
    };
    (tensor_cbrt) => {
        Some(Recipe::Function("cbrt"))
    };
    (tensor_erf) => {
        Some(Recipe::Function("erf"))
    };
    (tensor_erfc) => {
        Some(Recipe::Function("erfc"))
    };
    (tensor_lgamma) => {
        Some(Recipe::Function("lgamma"))
    };
    (tensor_tgamma) => {
        Some(Recipe::Function("tgamma"))
    };
    (tensor_pow) => {
        Some(Recipe::Function("pow"))
    };
    (tensor_atan2) => {
        Some(Recipe::Function("atan2"))
    };
    (tensor_hypot) => {
        Some(Recipe::Function("hypot"))
    };
    (tensor_sum) => {
        Some(Recipe::Fold(fold::Fold::Sum))
    };
    (tensor_prod) => {
        Some(Recipe::Fold(fold::Fold::Product))
    };
    (tensor_reduce_min) => {
        Some(Recipe::Fold(fold::Fold::Smallest))
    };
    (tensor_reduce_max) => {
        Some(Recipe::Fold(fold::Fold::Largest))
    };
    (tensor_mean) => {
        Some(Recipe::Fold(fold::Fold::Mean))
    };
    (tensor_any) => {
        Some(Recipe::Fold(fold::Fold::Any))
    };
    (tensor_all) => {
        Some(Recipe::Fold(fold::Fold::All))
    };
    (tensor_count_nonzero) => {
        Some(Recipe::Fold(fold::Fold::Count))
    };
    (tensor_sum_axis) => {
        Some(Recipe::Fold(fold::Fold::Sum))
    };
    (tensor_prod_axis) => {
        Some(Recipe::Fold(fold::Fold::Product))
    };
    (tensor_min_axis) => {
        Some(Recipe::Fold(fold::Fold::Smallest))
    };
    (tensor_max_axis) => {
        Some(Recipe::Fold(fold::Fold::Largest))
    };
    (tensor_mean_axis) => {
        Some(Recipe::Fold(fold::Fold::Mean))
    };
    (tensor_argmin_axis) => {
        Some(Recipe::Best(false))
    };
    (tensor_argmax_axis) => {
        Some(Recipe::Best(true))
    };
    (linalg_matmul) => {
        Some(Recipe::MatMul)
    };
    ($other:ident) => {
        None
    };
}

macro_rules! recipes {
    ($($kernel:ident $name:literal $signature:literal { $($field:tt)* } $doc:literal;)*) => {
        /// One for each row of the catalogue.
        static RECIPES: &[Option<Recipe>] = &[$(recipe!($kernel)),*];
    };
}
nbc_ir::for_each_operation!(recipes);

/// How `operation` is computed of such elements.
pub(crate) fn recipe(operation: &'static Operation, elems: &[Elem]) -> Option<Recipe> {
    let recipe = RECIPES[operation.index()]?;
    let is_float = elems.iter().all(|e| matches!(e, Elem::F32 | Elem::F64));
    let is_inexact = elems.iter().all(|e| Class::Inexact.has(*e));
    let has_kernel = match recipe {
        Recipe::Function(_) | Recipe::MatMul => is_float,
        Recipe::Each(_) if operation.divides => is_inexact,
        _ => true,
    };
    has_kernel.then_some(recipe)
}

/// Whether an operation runs on a device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// It does, with these bits.
    Runs(&'static str),
    /// It does not, for this reason.
    Not(&'static str),
}

/// Whether rows run on a device, one after the other.
pub fn reach() -> impl Iterator<Item = (&'static Operation, Reach)> {
    CATALOGUE.iter().zip(RECIPES).map(|(row, recipe)| {
        let reach = match recipe {
            Some(Recipe::MatMul) => Reach::Runs("within a tolerance; f32 and f64"),
            Some(Recipe::Each(_)) if row.divides => Reach::Runs("same bits; not integers, which can trap"),
            Some(_) => Reach::Runs("same bits"),
            None => Reach::Not(why_not(row)),
        };
        (row, reach)
    })
}

fn why_not(row: &Operation) -> &'static str {
    let signature = row.typed();
    let takes_list = signature.params.iter().any(|p| p.is_bracketed());
    let is_about_tensors = signature.params.iter().any(|p| matches!(p, Param::Tensor(..)));
    match row {
        _ if row.result != Aliasing::New => "a view: nothing is computed",
        _ if !row.writes.is_empty() => "it writes into an argument",
        _ if !row.pure => "it calls the program",
        _ if row.kind == Kind::Creation => "made on the host, sent when it is used",
        _ if row.needs.is_some() => "a library of the processor computes it",
        _ if signature.results.len() > 1 => "several results",
        _ if takes_list => "no kernel yet: it takes a list",
        _ if row.shape == Shape::Special && is_about_tensors => {
            "no kernel yet: its shape depends on more than dims"
        }
        _ => "no kernel yet",
    }
}

/// What an element type is called in CUDA C.
pub(crate) fn c_type(elem: Elem) -> &'static str {
    match elem {
        Elem::Bool => "bool",
        Elem::U8 => "u8",
        Elem::I32 => "i32",
        Elem::I64 => "i64",
        Elem::F32 => "f32",
        Elem::F64 => "f64",
        Elem::C64 => "c64",
        Elem::C128 => "c128",
    }
}

/// What every kernel begins with.
const ELEMENTS: &str = include_str!("elements.cuh");
