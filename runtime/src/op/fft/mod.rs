//! Fourier transforms and what rests on them; the mathematics is [`nbc_numerics::fft`].
//!
//! | file | holds |
//! |---|---|
//! | `lanes` | a transform along one axis, lanes gathered by blocks |
//! | `long` | lanes longer than one plan |
//! | `ask` | what calls say: axes, lengths, norms |
//! | `transforms` | complex and real transforms along one axis or several |
//! | `trigonometric` | cosines and sines |
//! | `spectral` | derivatives and the Laplacian |
//! | `convolve` | convolution and correlation |
//! | `frequency` | frequencies, and the middle one first |
//!
//! Invariant: which algorithm runs follows from lengths alone, so results are the same bits on any number of threads.

mod ask;
mod convolve;
mod frequency;
mod lanes;
mod long;
mod spectral;
mod transforms;
mod trigonometric;

pub(super) use convolve::{fft_convolve, fft_correlate};
pub(super) use frequency::{fft_freq, fft_rfreq, fft_shift, fft_unshift};
pub(super) use spectral::{fft_derivative, fft_laplacian};
pub(super) use transforms::{
    fft_forward, fft_forward_as, fft_forward_axes, fft_forward_axes_as, fft_inverse, fft_inverse_as,
    fft_inverse_axes, fft_inverse_axes_as, fft_real, fft_real_as, fft_real_axes, fft_real_axes_as,
    fft_real_inverse, fft_real_inverse_as, fft_real_inverse_axes, fft_real_inverse_axes_as,
};
pub(super) use trigonometric::{
    fft_dct, fft_dct_as, fft_dct_inverse, fft_dct_inverse_as, fft_dst, fft_dst_as, fft_dst_inverse,
    fft_dst_inverse_as,
};

/// Runs `$body` with `$T` being the type of the parts, f32 or f64, of elements that are those or complex.
macro_rules! with_part {
    ($elem:expr, $T:ident => $body:expr) => {
        match $elem {
            nbc_ir::Elem::F32 | nbc_ir::Elem::C64 => {
                type $T = f32;
                $body
            }
            _ => {
                type $T = f64;
                $body
            }
        }
    };
}
use with_part;
