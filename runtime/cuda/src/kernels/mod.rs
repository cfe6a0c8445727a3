//! Which operations there are kernels for, and their text.
//!
//! Each family of kernels has a file: a table of the rows that it computes, the text of the kernels, and how they are
//! launched. Rows go by the names that the catalogue has for the processor's kernels. [`reach`] says of every row whether it runs, and if not why.
//!
//! ```
//! use nbc_cuda::kernels::{Reach, reach};
//! let of = |name: &str| reach().find(|(row, _)| row.name == name).map(|(_, reach)| reach);
//! assert_eq!(of("tensor.add"), Some(Reach::Runs("same bits")));
//! assert!(matches!(of("tensor.unique"), Some(Reach::Not(_))));
//! ```

pub(crate) mod aes;
pub(crate) mod between;
pub(crate) mod create;
pub(crate) mod elementwise;
pub(crate) mod fold;
pub(crate) mod function;
pub(crate) mod fused;
pub(crate) mod gather;
pub(crate) mod iterate;
pub(crate) mod limbs;
mod mathematics;
pub(crate) mod matmul;
pub(crate) mod modular;
pub(crate) mod movement;
pub(crate) mod scan;
pub(crate) mod scatter;
pub(crate) mod sha;
pub(crate) mod sort;
pub(crate) mod sparse;

use crate::libraries::fft::Transform;
use crate::libraries::solver::Task;
use nbc_ir::Elem;
use nbc_ir::catalogue::{Aliasing, CATALOGUE, Kind, Operation, Param, Shape};
use std::collections::HashMap;
use std::sync::LazyLock;

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
    /// The function of that name of complex numbers, which calls those functions of parts.
    OfComplex(&'static str, &'static [&'static str]),
    /// Elements folded along an axis, or all of them.
    Fold(fold::Fold),
    /// The index of the smallest along an axis, or of the largest.
    Best(bool),
    /// The root of a sum of squares.
    Norm,
    /// A product of matrices.
    MatMul,
    /// A product of matrices of numbers that are rounded first.
    MatMulAs,
    /// A Fourier transform, by cuFFT.
    Transform(Transform),
    /// A decomposition, or solutions, by cuSOLVER.
    Decompose(Task),
    /// Elements in another order or number.
    Move(movement::Move),
    /// Tensors side by side.
    Join,
    /// Elements by their indices.
    Take(gather::Take),
    /// Elements written into an argument.
    Write(scatter::Write),
    /// Elements made of their indices.
    Create(create::Create),
    /// Running sums or products along an axis.
    Running(scan::Running),
    /// Differences of neighbours.
    Difference,
    /// Elements in ascending order, or their places.
    Sort(bool),
    /// Places in a sorted vector.
    Search,
    /// Products of each element of one tensor and each of another.
    Outer,
    /// That function of `modular.cuh` of the elements of each place, and a modulus.
    Modular(&'static str),
    /// Inverses modulo a number.
    ModularInverse,
    /// A product of matrices modulo a number.
    ModularMatMul,
    /// AES.
    Aes(aes::Mode),
    /// A hash of each row.
    Hash(&'static sha::Hash),
    /// Of rows of limbs.
    Limbs(limbs::Modular),
    /// A product of a sparse matrix and a vector or a dense one.
    SparseProduct,
    /// A system with a sparse matrix, by iteration.
    Iterate(iterate::Method),
}

/// Names that the catalogue has for the processor's kernels, one for each row.
macro_rules! names {
    ($($kernel:ident $name:literal $signature:literal { $($field:tt)* } $doc:literal;)*) => {
        static NAMES: &[&str] = &[$(stringify!($kernel)),*];
    };
}
nbc_ir::for_each_operation!(names);

/// What NVIDIA's libraries compute.
#[rustfmt::skip]
static LIBRARIES: &[(&str, Recipe)] = &[
    ("fft_forward", Recipe::Transform(Transform::Forward)),
    ("fft_forward_as", Recipe::Transform(Transform::Forward)),
    ("fft_forward_axes", Recipe::Transform(Transform::Forward)),
    ("fft_forward_axes_as", Recipe::Transform(Transform::Forward)),
    ("fft_inverse", Recipe::Transform(Transform::Inverse)),
    ("fft_inverse_as", Recipe::Transform(Transform::Inverse)),
    ("fft_inverse_axes", Recipe::Transform(Transform::Inverse)),
    ("fft_inverse_axes_as", Recipe::Transform(Transform::Inverse)),
    ("fft_real", Recipe::Transform(Transform::Real)),
    ("fft_real_as", Recipe::Transform(Transform::Real)),
    ("fft_real_axes", Recipe::Transform(Transform::Real)),
    ("fft_real_axes_as", Recipe::Transform(Transform::Real)),
    ("fft_real_inverse", Recipe::Transform(Transform::RealInverse)),
    ("fft_real_inverse_as", Recipe::Transform(Transform::RealInverse)),
    ("fft_real_inverse_axes", Recipe::Transform(Transform::RealInverse)),
    ("fft_real_inverse_axes_as", Recipe::Transform(Transform::RealInverse)),
    ("linalg_solve", Recipe::Decompose(Task::Solve)),
    ("linalg_solve_posdef", Recipe::Decompose(Task::SolvePositive)),
    ("linalg_lu", Recipe::Decompose(Task::Lu)),
    ("linalg_cholesky", Recipe::Decompose(Task::Cholesky)),
    ("linalg_qr", Recipe::Decompose(Task::Qr)),
    ("linalg_svd", Recipe::Decompose(Task::Svd)),
    ("linalg_svd_values", Recipe::Decompose(Task::SingularValues)),
    ("linalg_eigh", Recipe::Decompose(Task::Eigen)),
    ("linalg_eigh_values", Recipe::Decompose(Task::Eigenvalues)),
];

/// What the families of kernels compute, by those names.
static FAMILIES: &[&[(&str, Recipe)]] = &[
    create::ROWS,
    elementwise::ROWS,
    fold::ROWS,
    gather::ROWS,
    LIBRARIES,
    matmul::ROWS,
    movement::ROWS,
    scan::ROWS,
    scatter::ROWS,
    sort::ROWS,
    modular::ROWS,
    aes::ROWS,
    sha::ROWS,
    limbs::ROWS,
    sparse::ROWS,
];

/// One for each row of the catalogue.
static RECIPES: LazyLock<Vec<Option<Recipe>>> = LazyLock::new(|| {
    let all: HashMap<&str, Recipe> = FAMILIES.iter().copied().flatten().copied().collect();
    NAMES.iter().map(|name| all.get(name).copied()).collect()
});

/// How `operation` is computed of such elements.
pub(crate) fn recipe(operation: &'static Operation, elems: &[Elem]) -> Option<Recipe> {
    let recipe = RECIPES[operation.index()]?;
    let is_float = elems.iter().all(|e| matches!(e, Elem::F32 | Elem::F64));
    let has_kernel = match recipe {
        Recipe::Function(_) => is_float,
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
    CATALOGUE.iter().zip(&*RECIPES).map(|(row, recipe)| {
        let reach = match recipe {
            Some(Recipe::MatMul) => Reach::Runs("within a tolerance; complex numbers by cuBLAS alone"),
            Some(Recipe::MatMulAs) => Reach::Runs("within a tolerance"),
            Some(Recipe::Transform(_)) => Reach::Runs("within a tolerance, by cuFFT alone"),
            Some(Recipe::Decompose(_)) => Reach::Runs("within a tolerance, by cuSOLVER alone"),
            Some(Recipe::Norm) => {
                Reach::Runs("same bits; where squares overflow or are lost the processor runs it")
            }
            Some(Recipe::Running(_)) => Reach::Runs("same bits; where there are 32 lanes"),
            Some(Recipe::Write(scatter::Write::Add)) => {
                Reach::Runs("same bits; of others than `i32` and `i64` up to 16 384 times at one place")
            }
            Some(Recipe::Join) => Reach::Runs("same bits; up to 64 tensors"),
            Some(Recipe::Aes(_)) => Reach::Runs("same bits; where secrets may go there"),
            Some(Recipe::Limbs(_)) => Reach::Runs("same bits; odd moduli of up to 64 limbs"),
            Some(Recipe::SparseProduct) => Reach::Runs("same bits; of a matrix by rows"),
            Some(Recipe::Iterate(_)) => {
                Reach::Runs("same bits; of a matrix by rows, with `jacobi` or no preconditioner")
            }
            Some(_) => Reach::Runs("same bits"),
            None => Reach::Not(why_not(row)),
        };
        (row, reach)
    })
}

fn why_not(row: &'static Operation) -> &'static str {
    let signature = row.typed();
    let takes_list = signature.params.iter().any(|p| p.is_bracketed());
    let is_about_tensors = signature.params.iter().any(|p| matches!(p, Param::Tensor(..)));
    match row {
        _ if fused::ROWS.contains(&NAMES[row.index()]) => "alone no; in a group of operations yes",
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

#[cfg(test)]
mod tests {
    use super::{FAMILIES, NAMES};
    use std::collections::HashSet;

    #[test]
    fn each_row_of_a_family_is_one_of_the_catalogue_and_of_no_other_family() {
        let mut seen = HashSet::new();
        let rows = FAMILIES.iter().copied().flatten().map(|(name, _)| name);
        for name in rows.chain(super::fused::ROWS) {
            assert!(NAMES.contains(name), "the catalogue has no {name}");
            assert!(seen.insert(name), "{name} is there twice");
        }
    }
}
