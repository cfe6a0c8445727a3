//! Rows of `fft`: Fourier transforms and what rests on them.
//!
//! A row in `_as` says more: the length of a transform, -1 being that of the tensor, and the norm by SciPy's name.
//! That is `backward`, as in the row without, `ortho` or `forward`.

/// Adds them to the rows that are there and hands all on.
#[doc(hidden)]
#[macro_export]
macro_rules! fft_rows {
    ($use_rows:ident { $($before:tt)* }) => { $crate::sparse_rows! { $use_rows {
    $($before)*
    // Along one axis.
    fft_forward "fft.forward" "<T: complex>(tensor<T>, i64) -> tensor<T>"
        { shape: Same, kind: Other, cost: Transform(5), needs: Some("fft"), takes_over: true } "Fourier transform along an axis, not scaled.";
    fft_inverse "fft.inverse" "<T: complex>(tensor<T>, i64) -> tensor<T>"
        { shape: Same, kind: Other, cost: Transform(5), needs: Some("fft"), takes_over: true } "Inverse of fft.forward: divided by the length.";
    fft_forward_as "fft.forward_as" "<T: complex>(tensor<T>, i64, i64, str) -> tensor<T>"
        { shape: Special, kind: Other, cost: Transform(5), needs: Some("fft") } "fft.forward of that length, cut off or filled up with zeros, -1 being the tensor's; the norm is \"backward\", \"ortho\" or \"forward\".";
    fft_inverse_as "fft.inverse_as" "<T: complex>(tensor<T>, i64, i64, str) -> tensor<T>"
        { shape: Special, kind: Other, cost: Transform(5), needs: Some("fft") } "fft.inverse with a length and a norm, as fft.forward_as.";
    fft_real "fft.real" "<T: complex>(tensor<part T>, i64) -> tensor<T>"
        { shape: Special, kind: Other, cost: Transform(5), needs: Some("fft") } "Fourier transform of real elements along an axis: the first n/2 + 1 numbers, of which the others are conjugates.";
    fft_real_as "fft.real_as" "<T: complex>(tensor<part T>, i64, i64, str) -> tensor<T>"
        { shape: Special, kind: Other, cost: Transform(5), needs: Some("fft") } "fft.real with a length and a norm, as fft.forward_as.";
    fft_real_inverse "fft.real_inverse" "<T: complex>(tensor<T>, i64, i64) -> tensor<part T>"
        { shape: Special, kind: Other, cost: Transform(5), needs: Some("fft") } "Inverse of fft.real along an axis: that many real elements, -1 being the even number that goes with the tensor.";
    fft_real_inverse_as "fft.real_inverse_as" "<T: complex>(tensor<T>, i64, i64, str) -> tensor<part T>"
        { shape: Special, kind: Other, cost: Transform(5), needs: Some("fft") } "fft.real_inverse with a norm.";

    // Along several axes.
    fft_forward_axes "fft.forward_axes" "<T: complex>(tensor<T>, [i64]) -> tensor<T>"
        { shape: Same, kind: Other, cost: Transform(5), needs: Some("fft"), takes_over: true } "fft.forward along each of the axes, all if none is given.";
    fft_inverse_axes "fft.inverse_axes" "<T: complex>(tensor<T>, [i64]) -> tensor<T>"
        { shape: Same, kind: Other, cost: Transform(5), needs: Some("fft"), takes_over: true } "Inverse of fft.forward_axes.";
    fft_forward_axes_as "fft.forward_axes_as" "<T: complex>(tensor<T>, [i64], [i64], str) -> tensor<T>"
        { shape: Special, kind: Other, cost: Transform(5), needs: Some("fft") } "fft.forward_axes with a length for each axis and a norm, as fft.forward_as.";
    fft_inverse_axes_as "fft.inverse_axes_as" "<T: complex>(tensor<T>, [i64], [i64], str) -> tensor<T>"
        { shape: Special, kind: Other, cost: Transform(5), needs: Some("fft") } "fft.inverse_axes with a length for each axis and a norm, as fft.forward_as.";
    fft_real_axes "fft.real_axes" "<T: complex>(tensor<part T>, [i64]) -> tensor<T>"
        { shape: Special, kind: Other, cost: Transform(5), needs: Some("fft") } "fft.real along the last of the axes, and fft.forward along the others; all axes if none is given.";
    fft_real_axes_as "fft.real_axes_as" "<T: complex>(tensor<part T>, [i64], [i64], str) -> tensor<T>"
        { shape: Special, kind: Other, cost: Transform(5), needs: Some("fft") } "fft.real_axes with a length for each axis and a norm, as fft.forward_as.";
    fft_real_inverse_axes "fft.real_inverse_axes" "<T: complex>(tensor<T>, [i64], [i64]) -> tensor<part T>"
        { shape: Special, kind: Other, cost: Transform(5), needs: Some("fft") } "Inverse of fft.real_axes, with the length of each axis; along the last, -1 is the even number that goes with the tensor.";
    fft_real_inverse_axes_as "fft.real_inverse_axes_as" "<T: complex>(tensor<T>, [i64], [i64], str) -> tensor<part T>"
        { shape: Special, kind: Other, cost: Transform(5), needs: Some("fft") } "fft.real_inverse_axes with a norm.";

    // Cosines and sines.
    fft_dct "fft.dct" "<T: float>(tensor<T>, i64, i64) -> tensor<T>"
        { shape: Same, kind: Other, cost: Transform(8), needs: Some("fft"), takes_over: true } "Cosine transform along an axis, of type 1 to 4, not scaled.";
    fft_dct_inverse "fft.dct_inverse" "<T: float>(tensor<T>, i64, i64) -> tensor<T>"
        { shape: Same, kind: Other, cost: Transform(8), needs: Some("fft"), takes_over: true } "Inverse of fft.dct of that type.";
    fft_dct_as "fft.dct_as" "<T: float>(tensor<T>, i64, i64, i64, str) -> tensor<T>"
        { shape: Special, kind: Other, cost: Transform(8), needs: Some("fft") } "fft.dct with a length and a norm, as fft.forward_as; with \"ortho\" its matrix is orthogonal.";
    fft_dct_inverse_as "fft.dct_inverse_as" "<T: float>(tensor<T>, i64, i64, i64, str) -> tensor<T>"
        { shape: Special, kind: Other, cost: Transform(8), needs: Some("fft") } "fft.dct_inverse with a length and a norm, as fft.dct_as.";
    fft_dst "fft.dst" "<T: float>(tensor<T>, i64, i64) -> tensor<T>"
        { shape: Same, kind: Other, cost: Transform(8), needs: Some("fft"), takes_over: true } "Sine transform along an axis, of type 1 to 4, not scaled.";
    fft_dst_inverse "fft.dst_inverse" "<T: float>(tensor<T>, i64, i64) -> tensor<T>"
        { shape: Same, kind: Other, cost: Transform(8), needs: Some("fft"), takes_over: true } "Inverse of fft.dst of that type.";
    fft_dst_as "fft.dst_as" "<T: float>(tensor<T>, i64, i64, i64, str) -> tensor<T>"
        { shape: Special, kind: Other, cost: Transform(8), needs: Some("fft") } "fft.dst with a length and a norm, as fft.dct_as.";
    fft_dst_inverse_as "fft.dst_inverse_as" "<T: float>(tensor<T>, i64, i64, i64, str) -> tensor<T>"
        { shape: Special, kind: Other, cost: Transform(8), needs: Some("fft") } "fft.dst_inverse with a length and a norm, as fft.dct_as.";

    // What rests on them.
    fft_freq "fft.freq" "<T: float>(i64, T) -> tensor<T>"
        { shape: Special, kind: Creation, cost: PerElement(4), needs: Some("fft") } "The frequency of each number of a transform of so many samples with that spacing.";
    fft_rfreq "fft.rfreq" "<T: float>(i64, T) -> tensor<T>"
        { shape: Special, kind: Creation, cost: PerElement(4), needs: Some("fft") } "The frequencies of fft.real, of so many samples with that spacing.";
    fft_shift "fft.shift" "<T: any>(tensor<T>, [i64]) -> tensor<T>"
        { shape: Same, kind: Movement, cost: PerElement(1), needs: Some("fft") } "Frequency 0 moved to the middle along the axes, all if none is given.";
    fft_unshift "fft.unshift" "<T: any>(tensor<T>, [i64]) -> tensor<T>"
        { shape: Same, kind: Movement, cost: PerElement(1), needs: Some("fft") } "Inverse of fft.shift.";
    fft_derivative "fft.derivative" "<T: inexact>(tensor<T>, i64, i64, f64) -> tensor<T>"
        { shape: Same, kind: Other, cost: Transform(10), needs: Some("fft"), takes_over: true } "Spectral derivative along an axis: its order, and the period of the samples.";
    fft_laplacian "fft.laplacian" "<T: inexact>(tensor<T>, [i64], tensor<f64>) -> tensor<T>"
        { shape: Same, kind: Other, cost: Transform(12), needs: Some("fft") } "Sum of the second spectral derivatives along the axes, all if none is given, with the period of each.";
    fft_convolve "fft.convolve" "<T: inexact>(tensor<T>, tensor<T>, str) -> tensor<T>"
        { shape: Special, kind: Other, cost: Special, needs: Some("fft") } "Convolution of tensors of as many dims, by definition or by transforms as dims say; \"full\", \"same\" as the first, or \"valid\".";
    fft_correlate "fft.correlate" "<T: inexact>(tensor<T>, tensor<T>, str) -> tensor<T>"
        { shape: Special, kind: Other, cost: Special, needs: Some("fft") } "Correlation: fft.convolve with the second in reverse, conjugated.";
    } } };
}
