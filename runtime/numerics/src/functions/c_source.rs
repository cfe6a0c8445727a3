//! All definitions as C, for compilers of devices.

use super::{Function, Function2};
use crate::for_each_function;
use crate::lanes::Lanes;
use crate::lanes::record::{Recorded, Unit};

/// The value, whichever part holds.
fn value(is_common: <Recorded as Lanes>::Mask, common: Recorded, rare: Recorded) -> Recorded {
    Recorded::select(is_common, common, rare)
}

fn unary<F: Function>(unit: &mut Unit) {
    unit.function(&format!("nbc_{}_f64", F::NAME), 1, |x| {
        value(F::is_common(x[0]), F::common(x[0]), F::rare(x[0]))
    });
    unit.single(&format!("nbc_{}_f32", F::NAME), 1, |x| {
        value(F::is_common_single(x[0]), F::common_single(x[0]), F::rare(x[0]))
    });
}

fn binary<F: Function2>(unit: &mut Unit) {
    unit.function(&format!("nbc_{}_f64", F::NAME), 2, |x| {
        value(F::is_common(x[0], x[1]), F::common(x[0], x[1]), F::rare(x[0], x[1]))
    });
    unit.single(&format!("nbc_{}_f32", F::NAME), 2, |x| {
        value(F::is_common_single(x[0], x[1]), F::common_single(x[0], x[1]), F::rare(x[0], x[1]))
    });
}

/// All definitions as one text of C, or CUDA C: functions `nbc_exp_f64`, `nbc_exp_f32`, `nbc_pow_f64` and so on, of
/// one or two numbers of that type.
///
/// They give the same bits as this crate (some NaN where that gives NaN), if the compiler neither contracts nor
/// reorders arithmetic: `-ffp-contract=off`, or `--fmad=false` of NVRTC. Where the processor has fused
/// multiplication and addition the C compiler should know (`-mfma`), else the C library's `fma` is called.
///
/// ```
/// let c = nbc_numerics::functions::as_c();
/// assert!(c.contains("NBC_FUNCTION double nbc_pow_f64(double x0, double x1) {"));
/// assert!(c.contains("NBC_FUNCTION float nbc_exp_f32(float s0) {"));
/// ```
pub fn as_c() -> String {
    let mut unit = Unit::default();
    macro_rules! record {
        ([$($one:ident)*] [$($two:ident)*]) => {
            $(unary::<super::$one>(&mut unit);)*
            $(binary::<super::$two>(&mut unit);)*
        };
    }
    for_each_function!(record);
    unit.text()
}
