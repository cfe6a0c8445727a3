//! Rows of `tensor` and `complex`: whole arrays.

/// Adds them to the rows that are there and hands all on.
#[doc(hidden)]
#[macro_export]
macro_rules! tensor_rows {
    ($use_rows:ident { $($before:tt)* }) => { $crate::linalg_rows! { $use_rows {
    $($before)*
    // Creation.
    tensor_zeros "tensor.zeros" "<T: any>([i64]) -> tensor<T>"
        { shape: Given, kind: Creation, cost: PerElement(0) } "All zero.";
    tensor_zeros_like "tensor.zeros_like" "<T: any, U: any>(tensor<T>) -> tensor<U>"
        { shape: Same, kind: Creation, cost: PerElement(0) } "All zero, with the dims of the given tensor.";
    tensor_full "tensor.full" "<T: scalar>([i64], T) -> tensor<T>"
        { shape: Given, kind: Creation, cost: PerElement(0), in_one_pass: true } "Every element the given value.";
    tensor_linspace "tensor.linspace" "<T: float>(T, T, i64) -> tensor<T>"
        { shape: Special, kind: Creation, cost: PerElement(2) } "That many evenly spaced values from the first to the second, both included.";
    tensor_arange "tensor.arange" "<T: real>(T, T, T) -> tensor<T>"
        { shape: Special, kind: Creation, cost: PerElement(2) } "From the first, up to but not including the second, by steps of the third.";
    tensor_random "tensor.random" "<T: float>([i64], i64) -> tensor<T>"
        { shape: Given, kind: Creation, cost: PerElement(8) } "Uniform in [0, 1): SplitMix64 of the seed, as documented in docs/numerics.md.";
    tensor_random_normal "tensor.random_normal" "<T: float>([i64], i64) -> tensor<T>"
        { shape: Given, kind: Creation, cost: PerElement(40) } "Normal with mean 0 and deviation 1: Box-Muller over the generator of tensor.random.";

    // Movement.
    tensor_copy "tensor.copy" "<T: any>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Movement, cost: PerElement(0) } "A copy with elements of its own, which may be written.";
    tensor_reshape "tensor.reshape" "<T: any>(tensor<T>, [i64]) -> tensor<T>"
        { shape: Given, kind: Movement, cost: Constant, result: View(0) } "A view of the same elements with other dims; one dim may be -1, worked out from the rest.";
    tensor_slice0 "tensor.slice0" "<T: any>(tensor<T>, i64, i64) -> tensor<T>"
        { shape: Special, kind: Movement, cost: Constant, result: View(0) } "A view of the rows from the first index up to but not including the second, along axis 0.";
    tensor_row "tensor.row" "<T: any>(tensor<T>, i64) -> tensor<T>"
        { shape: Special, kind: Movement, cost: Constant, result: View(0) } "A view of one row along axis 0, with one dimension less.";
    tensor_slice "tensor.slice" "<T: any>(tensor<T>, [i64], [i64]) -> tensor<T>"
        { shape: Special, kind: Movement, cost: PerElement(0) } "A copy of the box from the first list of indices up to but not including the second.";
    tensor_assign "tensor.assign" "<T: any>(tensor<T>, [i64], tensor<T>)"
        { shape: Scalar, kind: Movement, cost: PerElement(0), pure: false, writes: &[0] } "Writes the second tensor into the first, from the given corner on.";
    tensor_transpose "tensor.transpose" "<T: any>(tensor<T>, [i64]) -> tensor<T>"
        { shape: Special, kind: Movement, cost: PerElement(0) } "A copy with the axes in the given order; an empty list reverses them.";
    tensor_concat "tensor.concat" "<T: any>(tensor<T>, tensor<T>, i64) -> tensor<T>"
        { shape: Special, kind: Movement, cost: PerElement(0) } "Both tensors side by side along the given axis.";
    tensor_cast "tensor.cast" "<T: scalar, U: scalar>(tensor<T>) -> tensor<U>"
        { shape: Same, kind: Elementwise, cost: PerElement(1) } "Elements converted to U: integers wrap, floats are truncated toward zero and clamped, as `sat` does.";
    tensor_to_bytes "tensor.to_bytes" "<T: any>(tensor<T>) -> tensor<u8>"
        { shape: Special, kind: Other, cost: PerElement(0) } "The bytes of the elements in row-major order, least significant byte first, as a tensor of rank 1; every NaN has the canonical one's.";
    tensor_of_bytes "tensor.of_bytes" "<T: any>(tensor<u8>, [i64]) -> tensor<T>"
        { shape: Given, kind: Other, cost: PerElement(0) } "Inverse of tensor.to_bytes: the tensor of those dims with such bytes.";
    tensor_same_dims "tensor.same_dims" "<T: any, U: any>(tensor<T>, tensor<U>)"
        { shape: Scalar, kind: Other, cost: Constant } "Traps unless both tensors have the same dims.";
    tensor_dims "tensor.dims" "<T: any>(tensor<T>) -> tensor<i64>"
        { shape: Special, kind: Other, cost: Constant } "The dims as a tensor of rank 1.";

    // Elementwise arithmetic, with broadcasting.
    tensor_add "tensor.add" "<T: number>(tensor<T>|T, tensor<T>|T) -> tensor<T>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(1) } "Sum; integers wrap.";
    tensor_sub "tensor.sub" "<T: number>(tensor<T>|T, tensor<T>|T) -> tensor<T>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(1) } "Difference; integers wrap.";
    tensor_mul "tensor.mul" "<T: number>(tensor<T>|T, tensor<T>|T) -> tensor<T>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(1) } "Product; integers wrap.";
    tensor_div "tensor.div" "<T: number>(tensor<T>|T, tensor<T>|T) -> tensor<T>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(4), divides: true } "Quotient; integers toward zero, trapping on zero.";
    tensor_rem "tensor.rem" "<T: real>(tensor<T>|T, tensor<T>|T) -> tensor<T>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(8), divides: true } "Remainder with the sign of the first; integers trap on zero.";
    tensor_min "tensor.minimum" "<T: real>(tensor<T>|T, tensor<T>|T) -> tensor<T>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(1) } "The smaller; NaN if either is.";
    tensor_max "tensor.maximum" "<T: real>(tensor<T>|T, tensor<T>|T) -> tensor<T>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(1) } "The larger; NaN if either is.";
    tensor_pow "tensor.pow" "<T: float>(tensor<T>|T, tensor<T>|T) -> tensor<T>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(40) } "The first to the power of the second.";
    tensor_atan2 "tensor.atan2" "<T: float>(tensor<T>|T, tensor<T>|T) -> tensor<T>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(40) } "Angle of the point (second, first), in radians.";
    tensor_hypot "tensor.hypot" "<T: float>(tensor<T>|T, tensor<T>|T) -> tensor<T>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(10) } "Square root of the sum of squares, without overflow on the way.";
    tensor_neg "tensor.neg" "<T: number>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(1) } "Negation; integers wrap.";
    tensor_abs "tensor.abs" "<T: real>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(1) } "Absolute value; integers wrap.";

    // Elementwise comparison and choice.
    tensor_eq "tensor.eq" "<T: any>(tensor<T>|T, tensor<T>|T) -> tensor<bool>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(1) } "Whether equal.";
    tensor_ne "tensor.ne" "<T: any>(tensor<T>|T, tensor<T>|T) -> tensor<bool>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(1) } "Whether different.";
    tensor_lt "tensor.lt" "<T: real>(tensor<T>|T, tensor<T>|T) -> tensor<bool>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(1) } "Whether less.";
    tensor_le "tensor.le" "<T: real>(tensor<T>|T, tensor<T>|T) -> tensor<bool>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(1) } "Whether less or equal.";
    tensor_gt "tensor.gt" "<T: real>(tensor<T>|T, tensor<T>|T) -> tensor<bool>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(1) } "Whether greater.";
    tensor_ge "tensor.ge" "<T: real>(tensor<T>|T, tensor<T>|T) -> tensor<bool>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(1) } "Whether greater or equal.";
    tensor_and "tensor.and" "<T: bits>(tensor<T>|T, tensor<T>|T) -> tensor<T>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(1) } "Both; of integers bit by bit.";
    tensor_or "tensor.or" "<T: bits>(tensor<T>|T, tensor<T>|T) -> tensor<T>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(1) } "Either; of integers bit by bit.";
    tensor_xor "tensor.xor" "<T: bits>(tensor<T>|T, tensor<T>|T) -> tensor<T>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(1) } "One of both, not both; of integers bit by bit.";
    tensor_not "tensor.not" "<T: bits>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(1) } "The opposite; of integers bit by bit.";
    tensor_shl "tensor.shl" "<T: int>(tensor<T>|T, tensor<T>|T) -> tensor<T>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(1) } "The first shifted left by the second, modulo the width.";
    tensor_shr "tensor.shr" "<T: int>(tensor<T>|T, tensor<T>|T) -> tensor<T>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(1) } "The first shifted right by the second, modulo the width; the sign stays.";
    tensor_floor_div "tensor.floor_div" "<T: real>(tensor<T>|T, tensor<T>|T) -> tensor<T>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(8), divides: true } "Quotient, rounded down; integers trap on zero.";
    tensor_mod "tensor.mod" "<T: real>(tensor<T>|T, tensor<T>|T) -> tensor<T>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(8), divides: true } "Remainder with the sign of the second, which goes with tensor.floor_div; integers trap on zero.";
    tensor_sign "tensor.sign" "<T: real>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(1) } "-1, 0 or 1; NaN of NaN.";
    tensor_is_nan "tensor.is_nan" "<T: inexact>(tensor<T>) -> tensor<bool>"
        { shape: Same, kind: Elementwise, cost: PerElement(1) } "Whether NaN, of complex elements either part.";
    tensor_is_inf "tensor.is_inf" "<T: inexact>(tensor<T>) -> tensor<bool>"
        { shape: Same, kind: Elementwise, cost: PerElement(1) } "Whether infinite, of complex elements either part.";
    tensor_is_finite "tensor.is_finite" "<T: inexact>(tensor<T>) -> tensor<bool>"
        { shape: Same, kind: Elementwise, cost: PerElement(1) } "Whether neither NaN nor infinite, of complex elements both parts.";
    tensor_where "tensor.where" "<T: any>(tensor<bool>, tensor<T>|T, tensor<T>|T) -> tensor<T>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(1) } "The second where the first is true, else the third.";
    tensor_clip "tensor.clip" "<T: real>(tensor<T>|T, tensor<T>|T, tensor<T>|T) -> tensor<T>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(2) } "The first, but not below the second, and then not above the third; NaN if any is.";

    // Elementwise functions.
    tensor_sqrt "tensor.sqrt" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(4) } "Square root.";
    tensor_ceil "tensor.ceil" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(1) } "Integer at or above.";
    tensor_floor "tensor.floor" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(1) } "Integer at or below.";
    tensor_trunc "tensor.trunc" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(1) } "Integer part.";
    tensor_nearest "tensor.nearest" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(1) } "Nearest integer, ties to even.";
    tensor_sin "tensor.sin" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(20) } "Sine of radians.";
    tensor_cos "tensor.cos" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(20) } "Cosine of radians.";
    tensor_tan "tensor.tan" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(20) } "Tangent of radians.";
    tensor_asin "tensor.asin" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(20) } "Arc sine in radians.";
    tensor_acos "tensor.acos" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(20) } "Arc cosine in radians.";
    tensor_atan "tensor.atan" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(20) } "Arc tangent in radians.";
    tensor_sinh "tensor.sinh" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(20) } "Hyperbolic sine.";
    tensor_cosh "tensor.cosh" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(20) } "Hyperbolic cosine.";
    tensor_tanh "tensor.tanh" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(20) } "Hyperbolic tangent.";
    tensor_exp "tensor.exp" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(20) } "e to the power.";
    tensor_exp2 "tensor.exp2" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(20) } "2 to the power.";
    tensor_expm1 "tensor.expm1" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(20) } "e to the power, minus 1, exact near 0.";
    tensor_ln "tensor.ln" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(20) } "Natural logarithm.";
    tensor_log2 "tensor.log2" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(20) } "Logarithm to base 2.";
    tensor_log10 "tensor.log10" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(20) } "Logarithm to base 10.";
    tensor_log1p "tensor.log1p" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(20) } "Natural logarithm of 1 plus the element.";
    tensor_cbrt "tensor.cbrt" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(20) } "Cube root.";
    tensor_erf "tensor.erf" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(40) } "Error function.";
    tensor_erfc "tensor.erfc" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(40) } "1 less the error function, exact where that is small.";
    tensor_lgamma "tensor.lgamma" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(40) } "Natural logarithm of the absolute value of the gamma function.";
    tensor_tgamma "tensor.tgamma" "<T: float>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(40) } "Gamma function.";
    tensor_map "tensor.map" "<T: scalar, U: scalar>(tensor<T>, func<(T) -> U>) -> tensor<U>"
        { shape: Same, kind: Elementwise, cost: PerElement(10), pure: false } "The function of every element, in row-major order.";
    tensor_map2 "tensor.map2" "<T: scalar, U: scalar, V: scalar>(tensor<T>, tensor<U>, func<(T, U) -> V>) -> tensor<V>"
        { shape: Same, kind: Elementwise, cost: PerElement(10), pure: false } "The function of the elements of two tensors with the same dims, in row-major order.";
    tensor_map3 "tensor.map3" "<T: scalar, U: scalar, V: scalar, W: scalar>(tensor<T>, tensor<U>, tensor<V>, func<(T, U, V) -> W>) -> tensor<W>"
        { shape: Same, kind: Elementwise, cost: PerElement(10), pure: false } "The function of the elements of three tensors with the same dims, in row-major order.";
    tensor_fold "tensor.fold" "<T: scalar, U: scalar>(tensor<T>, U, func<(U, T) -> U>) -> U"
        { shape: Scalar, kind: Other, cost: PerElement(10), pure: false } "From the given value on, the function of what there is so far and the next element, in row-major order.";
    tensor_scan "tensor.scan" "<T: scalar, U: scalar>(tensor<T>, U, func<(U, T) -> U>) -> tensor<U>"
        { shape: Same, kind: Other, cost: PerElement(10), pure: false } "As tensor.fold, with each of its values.";
    tensor_generate "tensor.generate" "<T: scalar>([i64], func<(i64) -> T>) -> tensor<T>"
        { shape: Given, kind: Creation, cost: PerElement(10), pure: false } "The function of each flat row-major index.";
    tensor_map_rows "tensor.map_rows" "<T: any, U: scalar>(tensor<T>, func<(tensor<T>) -> U>) -> tensor<U>"
        { shape: Special, kind: Other, cost: PerElement(10), pure: false } "The function of each row along axis 0: a view with one dimension less, whose elements it may write. What it makes is gone before the next row.";

    // Reductions over all elements.
    tensor_sum "tensor.sum" "<T: real>(tensor<T>) -> T"
        { shape: Scalar, kind: Reduction, cost: PerElement(1), in_one_pass: true } "Sum in the fixed order of docs/numerics.md; integers wrap; 0 when empty.";
    tensor_prod "tensor.prod" "<T: real>(tensor<T>) -> T"
        { shape: Scalar, kind: Reduction, cost: PerElement(1), in_one_pass: true } "Product in the fixed order of docs/numerics.md; integers wrap; 1 when empty.";
    tensor_reduce_min "tensor.min" "<T: real>(tensor<T>) -> T"
        { shape: Scalar, kind: Reduction, cost: PerElement(1), in_one_pass: true } "Smallest element, NaN if any is; traps when empty.";
    tensor_reduce_max "tensor.max" "<T: real>(tensor<T>) -> T"
        { shape: Scalar, kind: Reduction, cost: PerElement(1), in_one_pass: true } "Largest element, NaN if any is; traps when empty.";
    tensor_minmax "tensor.minmax" "<T: real>(tensor<T>) -> (T, T)"
        { shape: Scalar, kind: Reduction, cost: PerElement(2) } "Smallest and largest element, NaN both if any is; traps when empty.";
    tensor_argmin "tensor.argmin" "<T: real>(tensor<T>) -> i64"
        { shape: Scalar, kind: Reduction, cost: PerElement(1) } "Flat index of the first smallest element, or of the first NaN; traps when empty.";
    tensor_argmax "tensor.argmax" "<T: real>(tensor<T>) -> i64"
        { shape: Scalar, kind: Reduction, cost: PerElement(1) } "Flat index of the first largest element, or of the first NaN; traps when empty.";
    tensor_mean "tensor.mean" "<T: float>(tensor<T>) -> T"
        { shape: Scalar, kind: Reduction, cost: PerElement(1), in_one_pass: true } "Sum over number of elements; NaN when empty.";
    tensor_dot "tensor.dot" "<T: float>(tensor<T>, tensor<T>) -> T"
        { shape: Scalar, kind: Reduction, cost: PerElement(2), in_one_pass: true } "Sum of products of two tensors of the same dims, in the order of tensor.sum.";
    tensor_any "tensor.any" "(tensor<bool>) -> bool"
        { shape: Scalar, kind: Reduction, cost: PerElement(1), in_one_pass: true } "Whether any element is true.";
    tensor_all "tensor.all" "(tensor<bool>) -> bool"
        { shape: Scalar, kind: Reduction, cost: PerElement(1), in_one_pass: true } "Whether every element is true.";

    tensor_count_nonzero "tensor.count_nonzero" "<T: any>(tensor<T>) -> i64"
        { shape: Scalar, kind: Reduction, cost: PerElement(1) } "How many elements are not zero; true is not, nor is NaN.";
    tensor_var "tensor.var" "<T: float>(tensor<T>, i64) -> T"
        { shape: Scalar, kind: Reduction, cost: PerElement(4) } "Variance: the sum of squared distances from the mean, over the number of elements less the second argument.";
    tensor_std "tensor.std" "<T: float>(tensor<T>, i64) -> T"
        { shape: Scalar, kind: Reduction, cost: PerElement(4) } "Standard deviation: the square root of tensor.var.";
    tensor_norm "tensor.norm" "<T: float>(tensor<T>) -> T"
        { shape: Scalar, kind: Reduction, cost: PerElement(2) } "Square root of the sum of squares, without overflow on the way; 0 when empty.";

    // Reductions along axes, which are kept with length 1 where the truth value says so, else dropped. No axes are all.
    tensor_sum_axes "tensor.sum_axes" "<T: number>(tensor<T>, [i64], bool) -> tensor<T>"
        { shape: DropAxes, kind: Reduction, cost: PerElement(1) } "Sum along the axes, all if none is given, in the order of tensor.sum; `true` keeps them with length 1.";
    tensor_prod_axes "tensor.prod_axes" "<T: number>(tensor<T>, [i64], bool) -> tensor<T>"
        { shape: DropAxes, kind: Reduction, cost: PerElement(1) } "Product along the axes, all if none is given, in the order of tensor.prod; `true` keeps them with length 1.";
    tensor_min_axes "tensor.min_axes" "<T: real>(tensor<T>, [i64], bool) -> tensor<T>"
        { shape: DropAxes, kind: Reduction, cost: PerElement(1) } "Smallest element along the axes, all if none is given; `true` keeps them with length 1; traps when there is none.";
    tensor_max_axes "tensor.max_axes" "<T: real>(tensor<T>, [i64], bool) -> tensor<T>"
        { shape: DropAxes, kind: Reduction, cost: PerElement(1) } "Largest element along the axes, all if none is given; `true` keeps them with length 1; traps when there is none.";
    tensor_mean_axes "tensor.mean_axes" "<T: inexact>(tensor<T>, [i64], bool) -> tensor<T>"
        { shape: DropAxes, kind: Reduction, cost: PerElement(1) } "Mean along the axes, all if none is given; `true` keeps them with length 1.";
    tensor_var_axes "tensor.var_axes" "<T: float>(tensor<T>, [i64], bool, i64) -> tensor<T>"
        { shape: DropAxes, kind: Reduction, cost: PerElement(4) } "Variance along the axes, all if none is given; `true` keeps them with length 1; the last is taken off the number of elements.";
    tensor_std_axes "tensor.std_axes" "<T: float>(tensor<T>, [i64], bool, i64) -> tensor<T>"
        { shape: DropAxes, kind: Reduction, cost: PerElement(4) } "Standard deviation along the axes: the square root of tensor.var_axes.";
    tensor_norm_axes "tensor.norm_axes" "<T: float>(tensor<T>, [i64], bool) -> tensor<T>"
        { shape: DropAxes, kind: Reduction, cost: PerElement(2) } "Square root of the sum of squares along the axes, all if none is given; `true` keeps them with length 1.";
    tensor_any_axes "tensor.any_axes" "(tensor<bool>, [i64], bool) -> tensor<bool>"
        { shape: DropAxes, kind: Reduction, cost: PerElement(1) } "Whether any element along the axes is true, all if none is given; `true` keeps them with length 1.";
    tensor_all_axes "tensor.all_axes" "(tensor<bool>, [i64], bool) -> tensor<bool>"
        { shape: DropAxes, kind: Reduction, cost: PerElement(1) } "Whether every element along the axes is true, all if none is given; `true` keeps them with length 1.";
    tensor_count_nonzero_axes "tensor.count_nonzero_axes" "<T: any>(tensor<T>, [i64], bool) -> tensor<i64>"
        { shape: DropAxes, kind: Reduction, cost: PerElement(1) } "How many elements along the axes are not zero, all if none is given; `true` keeps them with length 1.";

    // Reductions along one axis, which is dropped.
    tensor_sum_axis "tensor.sum_axis" "<T: real>(tensor<T>, i64) -> tensor<T>"
        { shape: DropAxis, kind: Reduction, cost: PerElement(1) } "Sum along an axis, in the order of tensor.sum.";
    tensor_prod_axis "tensor.prod_axis" "<T: real>(tensor<T>, i64) -> tensor<T>"
        { shape: DropAxis, kind: Reduction, cost: PerElement(1) } "Product along an axis, in the order of tensor.prod.";
    tensor_min_axis "tensor.min_axis" "<T: real>(tensor<T>, i64) -> tensor<T>"
        { shape: DropAxis, kind: Reduction, cost: PerElement(1) } "Smallest element along an axis; traps when the axis is empty.";
    tensor_max_axis "tensor.max_axis" "<T: real>(tensor<T>, i64) -> tensor<T>"
        { shape: DropAxis, kind: Reduction, cost: PerElement(1) } "Largest element along an axis; traps when the axis is empty.";
    tensor_argmin_axis "tensor.argmin_axis" "<T: real>(tensor<T>, i64) -> tensor<i64>"
        { shape: DropAxis, kind: Reduction, cost: PerElement(1) } "Index of the first smallest element along an axis.";
    tensor_argmax_axis "tensor.argmax_axis" "<T: real>(tensor<T>, i64) -> tensor<i64>"
        { shape: DropAxis, kind: Reduction, cost: PerElement(1) } "Index of the first largest element along an axis.";
    tensor_mean_axis "tensor.mean_axis" "<T: float>(tensor<T>, i64) -> tensor<T>"
        { shape: DropAxis, kind: Reduction, cost: PerElement(1) } "Mean along an axis.";

    // Complex elements and their parts.
    complex_of_parts "complex.of_parts" "<T: complex>(tensor<part T>, tensor<part T>) -> tensor<T>"
        { shape: Broadcast, kind: Elementwise, cost: PerElement(1) } "Complex elements of real parts and imaginary parts.";
    complex_real "complex.real" "<T: complex>(tensor<T>) -> tensor<part T>"
        { shape: Same, kind: Elementwise, cost: PerElement(1) } "Real parts.";
    complex_imag "complex.imag" "<T: complex>(tensor<T>) -> tensor<part T>"
        { shape: Same, kind: Elementwise, cost: PerElement(1) } "Imaginary parts.";
    complex_conj "complex.conj" "<T: complex>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(1) } "Conjugates: imaginary parts negated.";
    complex_abs "complex.abs" "<T: complex>(tensor<T>) -> tensor<part T>"
        { shape: Same, kind: Elementwise, cost: PerElement(10) } "Absolute values, without overflow on the way.";
    complex_angle "complex.angle" "<T: complex>(tensor<T>) -> tensor<part T>"
        { shape: Same, kind: Elementwise, cost: PerElement(40) } "Angles in radians, from -pi to pi.";
    complex_exp "complex.exp" "<T: complex>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(60) } "e to the power.";
    complex_sqrt "complex.sqrt" "<T: complex>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Elementwise, cost: PerElement(20) } "Square roots with a real part not below 0; the cut is the negative real axis, its sides told by the sign of zero.";

    // Elements by their places.
    tensor_take "tensor.take" "<T: any>(tensor<T>, tensor<i64>) -> tensor<T>"
        { shape: Special, kind: Movement, cost: PerResult(2) } "The elements at the flat indices of the second; traps where one is out of range.";
    tensor_take_axis "tensor.take_axis" "<T: any>(tensor<T>, tensor<i64>, i64) -> tensor<T>"
        { shape: Special, kind: Movement, cost: PerResult(2) } "What lies at the indices along the given axis, whose place their dims take; traps where one is out of range.";
    tensor_take_along "tensor.take_along" "<T: any>(tensor<T>, tensor<i64>, i64) -> tensor<T>"
        { shape: Special, kind: Movement, cost: PerResult(2) } "Each element along the given axis by an index of its own; the indices have the tensor's dims but along the axis.";
    tensor_put "tensor.put" "<T: any>(tensor<T>, tensor<i64>, tensor<T>|T)"
        { shape: Scalar, kind: Movement, cost: PerSource(2), pure: false, writes: &[0] } "Writes the third, of the indices' dims or one value, to the flat indices of the second, in their order.";
    tensor_scatter_add "tensor.scatter_add" "<T: number>(tensor<T>, tensor<i64>, tensor<T>|T)"
        { shape: Scalar, kind: Other, cost: PerSource(4), pure: false, writes: &[0] } "Adds the third, of the indices' dims or one value, to the elements at the flat indices, in their order.";
    tensor_scatter_add_axis "tensor.scatter_add_axis" "<T: number>(tensor<T>, tensor<i64>, tensor<T>, i64)"
        { shape: Scalar, kind: Other, cost: PerSource(4), pure: false, writes: &[0] } "Adds the third to what lies at the indices along the given axis; its dims are those of tensor.take_axis.";
    tensor_nonzero "tensor.nonzero" "<T: any>(tensor<T>) -> tensor<i64>"
        { shape: Special, kind: Other, cost: PerElement(4) } "The places of the elements that are not zero: a row for each, with its index along every axis.";
    tensor_nonzero_flat "tensor.nonzero_flat" "<T: any>(tensor<T>) -> tensor<i64>"
        { shape: Special, kind: Other, cost: PerElement(2) } "The flat indices of the elements that are not zero.";
    tensor_compress "tensor.compress" "<T: any>(tensor<T>, tensor<bool>) -> tensor<T>"
        { shape: Special, kind: Movement, cost: PerElement(2) } "What lies where the second is true, one after the other; its dims are the first ones of the tensor.";
    tensor_put_mask "tensor.put_mask" "<T: any>(tensor<T>, tensor<bool>, tensor<T>|T)"
        { shape: Scalar, kind: Movement, cost: PerElement(2), pure: false, writes: &[0] } "Writes the third where the second, of the same dims, is true: one value, or as many as that is, in order.";

    // Elements in another order or number.
    tensor_roll "tensor.roll" "<T: any>(tensor<T>, [i64], [i64]) -> tensor<T>"
        { shape: Same, kind: Movement, cost: PerElement(1) } "Elements so many places on, as the first list says, along the axes of the second, and from the start again.";
    tensor_flip "tensor.flip" "<T: any>(tensor<T>, [i64]) -> tensor<T>"
        { shape: Same, kind: Movement, cost: PerElement(1) } "Elements in reverse along the axes, all if none is given.";
    tensor_slice_step "tensor.slice_step" "<T: any>(tensor<T>, [i64], [i64], [i64]) -> tensor<T>"
        { shape: Special, kind: Movement, cost: PerResult(1) } "A copy from the first indices up to, not including, the second by the steps of the third; down to -1 with negative steps.";
    tensor_pad "tensor.pad" "<T: any>(tensor<T>, [i64], [i64], tensor<T>|T) -> tensor<T>"
        { shape: Special, kind: Movement, cost: PerElement(1) } "With so many elements more before and behind each axis, all the given one.";
    tensor_pad_edge "tensor.pad_edge" "<T: any>(tensor<T>, [i64], [i64]) -> tensor<T>"
        { shape: Special, kind: Movement, cost: PerElement(1) } "With so many elements more before and behind each axis: the first and the last.";
    tensor_pad_wrap "tensor.pad_wrap" "<T: any>(tensor<T>, [i64], [i64]) -> tensor<T>"
        { shape: Special, kind: Movement, cost: PerElement(1) } "With so many elements more before and behind each axis: those from the other end on.";
    tensor_pad_reflect "tensor.pad_reflect" "<T: any>(tensor<T>, [i64], [i64]) -> tensor<T>"
        { shape: Special, kind: Movement, cost: PerElement(4) } "With so many elements more before and behind each axis: its own in reverse, but for the first or last.";
    tensor_pad_symmetric "tensor.pad_symmetric" "<T: any>(tensor<T>, [i64], [i64]) -> tensor<T>"
        { shape: Special, kind: Movement, cost: PerElement(4) } "With so many elements more before and behind each axis: its own in reverse.";
    tensor_repeat "tensor.repeat" "<T: any>(tensor<T>, i64, i64) -> tensor<T>"
        { shape: Special, kind: Movement, cost: PerElement(1) } "Each element so many times, one after the other, along the axis given last.";
    tensor_tile "tensor.tile" "<T: any>(tensor<T>, [i64]) -> tensor<T>"
        { shape: Special, kind: Movement, cost: PerElement(1) } "The whole tensor so many times along each axis.";
    tensor_stack "tensor.stack" "<T: any>(list<tensor<T>>, i64) -> tensor<T>"
        { shape: Special, kind: Movement, cost: PerElement(1) } "Tensors of equal dims side by side along a new axis, which is the given one of the result.";
    tensor_concat_list "tensor.concat_list" "<T: any>(list<tensor<T>>, i64) -> tensor<T>"
        { shape: Special, kind: Movement, cost: PerElement(1) } "Tensors side by side along the given axis, as tensor.concat of two.";
    tensor_outer "tensor.outer" "<T: number>(tensor<T>, tensor<T>) -> tensor<T>"
        { shape: Special, kind: Other, cost: PerElement(1) } "The product of each element of the first, for rows, and each of the second.";

    // Running sums and differences.
    tensor_cumsum "tensor.cumsum" "<T: number>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Other, cost: PerElement(4) } "Sums of the elements up to each, in row-major order, one after the other; integers wrap.";
    tensor_cumprod "tensor.cumprod" "<T: number>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Other, cost: PerElement(4) } "Products of the elements up to each, in row-major order, one after the other; integers wrap.";
    tensor_cumsum_axis "tensor.cumsum_axis" "<T: number>(tensor<T>, i64) -> tensor<T>"
        { shape: Same, kind: Other, cost: PerElement(4) } "Sums of the elements up to each along an axis.";
    tensor_cumprod_axis "tensor.cumprod_axis" "<T: number>(tensor<T>, i64) -> tensor<T>"
        { shape: Same, kind: Other, cost: PerElement(4) } "Products of the elements up to each along an axis.";
    tensor_diff "tensor.diff" "<T: number>(tensor<T>, i64) -> tensor<T>"
        { shape: Special, kind: Other, cost: PerElement(1) } "Each element less the one before it along an axis, which is one shorter.";

    // Order.
    tensor_sort "tensor.sort" "<T: real>(tensor<T>, i64) -> tensor<T>"
        { shape: Same, kind: Other, cost: PerElement(64) } "Elements in ascending order along an axis; NaN last, equals stay in order.";
    tensor_argsort "tensor.argsort" "<T: real>(tensor<T>, i64) -> tensor<i64>"
        { shape: Same, kind: Other, cost: PerElement(64) } "The indices along an axis that put it in the order of tensor.sort.";
    tensor_sort_with_places "tensor.sort_with_places" "<T: real>(tensor<T>, i64) -> (tensor<T>, tensor<i64>)"
        { shape: Same, kind: Other, cost: PerElement(64) } "Elements in ascending order along an axis, and the index along it that each comes from; NaN last, equals stay in order.";
    tensor_searchsorted "tensor.searchsorted" "<T: real>(tensor<T>, tensor<T>|T, bool) -> tensor<i64>"
        { shape: Special, kind: Other, cost: PerResult(32) } "Where the second would go into the first, a sorted vector: before equals, or behind them if `true`.";
    tensor_unique "tensor.unique" "<T: real>(tensor<T>) -> tensor<T>"
        { shape: Special, kind: Other, cost: PerElement(64) } "Each value that there is, once, in ascending order; all NaN are one.";
    tensor_unique_all "tensor.unique_all" "<T: real>(tensor<T>) -> (tensor<T>, tensor<i64>, tensor<i64>, tensor<i64>)"
        { shape: Special, kind: Other, cost: PerElement(80) } "The values of tensor.unique; the flat index of the first of each; the place among them of every element, as a vector; and how often each is there.";
    tensor_histogram "tensor.histogram" "<T: real>(tensor<T>, tensor<T>) -> tensor<i64>"
        { shape: Special, kind: Other, cost: PerElement(32) } "How many elements lie between neighbours of the second, ascending edges; the last edge belongs to the last bin.";
    tensor_histogram_range "tensor.histogram_range" "<T: float>(tensor<T>, T, T, i64) -> tensor<i64>"
        { shape: Special, kind: Other, cost: PerElement(16) } "tensor.histogram with that many bins whose edges are those of tensor.linspace between the two numbers.";
    tensor_median "tensor.median" "<T: float>(tensor<T>) -> T"
        { shape: Scalar, kind: Reduction, cost: PerElement(16) } "The middle element in ascending order, or the mean of the two in the middle; NaN if any is; traps when empty.";
    tensor_quantile "tensor.quantile" "<T: float>(tensor<T>, T) -> T"
        { shape: Scalar, kind: Reduction, cost: PerElement(16) } "What that part of the elements, from 0 to 1, is not above, linear between two elements; NaN if any is; traps when empty.";
    tensor_median_axis "tensor.median_axis" "<T: float>(tensor<T>, i64) -> tensor<T>"
        { shape: DropAxis, kind: Reduction, cost: PerElement(16) } "tensor.median along an axis.";
    tensor_quantile_axis "tensor.quantile_axis" "<T: float>(tensor<T>, i64, T) -> tensor<T>"
        { shape: DropAxis, kind: Reduction, cost: PerElement(16) } "tensor.quantile along an axis.";
    } } };
}
