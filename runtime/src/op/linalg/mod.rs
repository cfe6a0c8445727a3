//! Dense linear algebra, a file for each decomposition or verb.
//!
//! What rests on the library behind the feature `linalg` is absent from builds without it: its rows say so.

#[cfg(feature = "linalg")]
mod batch;
mod contraction;
#[cfg(feature = "linalg")]
mod factor;
mod fast;
#[cfg(feature = "linalg")]
mod function;
mod gemm;
#[cfg(feature = "linalg")]
mod measure;
mod norm;
pub(super) mod product;
pub(super) mod rounded;
#[cfg(feature = "linalg")]
mod solve;
pub(super) mod stack;

use super::OpCall;
use crate::trap::{TrapCode, TrapError};

pub(super) use contraction::{linalg_einsum, linalg_tensordot};
#[cfg(feature = "linalg")]
pub(super) use factor::{
    linalg_cholesky, linalg_eig, linalg_eig_values, linalg_eigh, linalg_eigh_values, linalg_lu, linalg_qr,
    linalg_qr_full, linalg_svd, linalg_svd_full, linalg_svd_values,
};
pub(super) use fast::linalg_matmul_fast;
#[cfg(all(test, feature = "linalg"))]
pub(super) use fast::{multiply_fast, room as fast_room};
#[cfg(feature = "linalg")]
pub(super) use function::{linalg_expm, linalg_logm, linalg_matrix_power, linalg_sqrtm};
#[cfg(feature = "linalg")]
pub(super) use measure::{
    linalg_cond, linalg_det, linalg_inv, linalg_norm_2, linalg_norm_nuclear, linalg_pinv, linalg_rank,
    linalg_slogdet,
};
pub(super) use norm::{linalg_kron, linalg_norm, linalg_norm_1, linalg_norm_inf, linalg_trace};
pub(super) use product::{linalg_matmul, linalg_matmul_add, linalg_matmul_t};
pub(super) use rounded::linalg_matmul_as;
#[cfg(feature = "linalg")]
pub(super) use solve::{linalg_lstsq, linalg_solve, linalg_solve_posdef, linalg_solve_triangular};

/// Whether a matrix is meant as it is, transposed, or transposed and conjugated: argument `at`, 0, 1 or 2.
fn turned(call: &OpCall<'_>, at: usize) -> Result<(bool, bool), TrapError> {
    match call.int(at) {
        0 => Ok((false, false)),
        1 => Ok((true, false)),
        2 => Ok((true, true)),
        other => Err(TrapError::new(
            TrapCode::InvalidArgument,
            format!(
                "a matrix is meant as it is (0), transposed (1) or conjugated and transposed (2), found {other}"
            ),
        )),
    }
}

/// Argument `at`, the share of the largest singular value below which others count as zero; or, where it is
/// negative, what rounding leaves.
#[cfg(feature = "linalg")]
fn share(call: &OpCall<'_>, at: usize) -> Result<f64, TrapError> {
    let share = f64::from_bits(call.args[at]);
    if share.is_nan() {
        return Err(TrapError::new(
            TrapCode::InvalidArgument,
            "the share of the largest singular value is NaN",
        ));
    }
    Ok(share)
}
