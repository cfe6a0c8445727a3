//! Rows of `linalg`: dense linear algebra.

/// Adds them to the rows that are there and hands all on.
#[doc(hidden)]
#[macro_export]
macro_rules! linalg_rows {
    ($use_rows:ident { $($before:tt)* }) => { $crate::fft_rows! { $use_rows {
    $($before)*
    linalg_matmul "linalg.matmul" "<T: inexact>(tensor<T>, tensor<T>) -> tensor<T>"
        { shape: MatMul, kind: Other, cost: MatMul } "Matrix product of (m, k) and (k, n); a vector counts as a column on the right and a row on the left. Dims before those count matrices, and are broadcast.";
    linalg_matmul_fast "linalg.matmul_fast" "<T: inexact>(tensor<T>, tensor<T>) -> tensor<T>"
        { shape: MatMul, kind: Other, cost: MatMul } "The same, of large matrices by fewer multiplications (Strassen, Winograd): errors are bounded by the largest elements of the factors, and not by those of the row and column.";
    linalg_matmul_as "linalg.matmul_as" "(tensor<f32>, tensor<f32>, str) -> tensor<f32>"
        { shape: MatMul, kind: Other, cost: MatMul, precision: Some(2) } "The same of numbers with fewer bits, as a constant string says: \"tf32\", \"bf16\" or \"f16\". Factors are rounded to the nearest such number, ties to even; products are added as f32.";
    linalg_matmul_t "linalg.matmul_t" "<T: inexact>(tensor<T>, tensor<T>, i64, i64) -> tensor<T>"
        { shape: Special, kind: Other, cost: Special } "The same of matrices as they are (0), of their transposes (1) or conjugate transposes (2), which are not copied for it.";
    linalg_matmul_add "linalg.matmul_add" "<T: inexact>(tensor<T>, tensor<T>, tensor<T>)"
        { shape: Special, kind: Other, cost: Special, writes: &[0], pure: false } "Adds to the first the product of the others.";
    linalg_einsum "linalg.einsum" "<T: inexact>(str, [tensor<T>]) -> tensor<T>"
        { shape: Special, kind: Other, cost: Special, subscripts: Some(0) } "Sums of products by a constant string of subscripts, a letter for each axis: \"ij,jk->ik\" is the product of matrices. Letters that the result has not are summed over, one twice in an operand is its diagonal. `...` stands for axes without letters, which are broadcast.";
    linalg_tensordot "linalg.tensordot" "<T: inexact>(tensor<T>, tensor<T>, [i64], [i64]) -> tensor<T>"
        { shape: Special, kind: Other, cost: Special } "Sums of products over axes of the first and as many of the second; the result has the other axes of the first, then those of the second.";
    linalg_kron "linalg.kron" "<T: inexact>(tensor<T>, tensor<T>) -> tensor<T>"
        { shape: Special, kind: Other, cost: PerElement(1) } "Kronecker product: the second, times each element of the first, in its place.";
    linalg_trace "linalg.trace" "<T: inexact>(tensor<T>) -> tensor<T>"
        { shape: Special, kind: Other, cost: Special } "The sum of the diagonal, of the last two dims.";
    linalg_norm "linalg.norm" "<T: inexact>(tensor<T>) -> tensor<real T>"
        { shape: Special, kind: Other, cost: Special } "Frobenius norm of matrices, length of a vector.";
    linalg_norm_1 "linalg.norm_1" "<T: inexact>(tensor<T>) -> tensor<real T>"
        { shape: Special, kind: Other, cost: Special } "The largest sum of absolute values of a column; of a vector all of it.";
    linalg_norm_inf "linalg.norm_inf" "<T: inexact>(tensor<T>) -> tensor<real T>"
        { shape: Special, kind: Other, cost: Special } "The largest sum of absolute values of a row; of a vector the largest absolute value.";
    linalg_solve "linalg.solve" "<T: inexact>(tensor<T>, tensor<T>) -> tensor<T>"
        { shape: Special, kind: Other, cost: Special, needs: Some("linalg") } "The x of a·x = b, for square a and b a vector or columns; traps where a is singular.";
    linalg_solve_triangular "linalg.solve_triangular" "<T: inexact>(tensor<T>, tensor<T>, bool, bool, i64) -> tensor<T>"
        { shape: Special, kind: Other, cost: Special, needs: Some("linalg") } "The same for a triangular a, of which the other triangle has to be finite and is not used: whether it is the lower one, whether its diagonal is ones, and whether a is meant (0), its transpose (1) or conjugate transpose (2).";
    linalg_solve_posdef "linalg.solve_posdef" "<T: inexact>(tensor<T>, tensor<T>) -> tensor<T>"
        { shape: Special, kind: Other, cost: Special, needs: Some("linalg") } "The same for a Hermitian positive definite a, of which the lower triangle is used and the other has to be finite; traps where it is not.";
    linalg_lstsq "linalg.lstsq" "<T: inexact>(tensor<T>, tensor<T>, f64) -> (tensor<T>, tensor<i64>, tensor<real T>)"
        { shape: Special, kind: Other, cost: Special, needs: Some("linalg") } "The shortest x that makes a·x - b shortest, the rank of a and its singular values. Those of at most the given share of the largest count as zero; where the share is negative, those that rounding may leave.";
    linalg_lu "linalg.lu" "<T: inexact>(tensor<T>) -> (tensor<i64>, tensor<T>, tensor<T>)"
        { shape: Special, kind: Other, cost: Cubic(1), needs: Some("linalg") } "p, l, u: rows p of a are l·u, l being lower triangular with ones on its diagonal and u upper triangular.";
    linalg_cholesky "linalg.cholesky" "<T: inexact>(tensor<T>) -> tensor<T>"
        { shape: Special, kind: Other, cost: Cubic(1), needs: Some("linalg") } "The lower triangular l of a = l·lᴴ; of a the lower triangle is used, and the other has to be finite; traps where a is not positive definite.";
    linalg_qr "linalg.qr" "<T: inexact>(tensor<T>) -> (tensor<T>, tensor<T>)"
        { shape: Special, kind: Other, cost: Cubic(4), needs: Some("linalg") } "q, r: a = q·r, q having orthonormal columns, as many as a has at most, and r being upper triangular.";
    linalg_qr_full "linalg.qr_full" "<T: inexact>(tensor<T>) -> (tensor<T>, tensor<T>)"
        { shape: Special, kind: Other, cost: Special, needs: Some("linalg") } "The same with square q, and zeros below in r.";
    linalg_svd "linalg.svd" "<T: inexact>(tensor<T>) -> (tensor<T>, tensor<real T>, tensor<T>)"
        { shape: Special, kind: Other, cost: Cubic(20), needs: Some("linalg") } "u, s, vh: a = u·diag(s)·vh, s the singular values, the largest first, and as many orthonormal columns of u and rows of vh.";
    linalg_svd_full "linalg.svd_full" "<T: inexact>(tensor<T>) -> (tensor<T>, tensor<real T>, tensor<T>)"
        { shape: Special, kind: Other, cost: Special, needs: Some("linalg") } "The same with square u and vh.";
    linalg_svd_values "linalg.svd_values" "<T: inexact>(tensor<T>) -> tensor<real T>"
        { shape: Special, kind: Other, cost: Cubic(4), needs: Some("linalg") } "The singular values, the largest first.";
    linalg_eigh "linalg.eigh" "<T: inexact>(tensor<T>) -> (tensor<real T>, tensor<T>)"
        { shape: Special, kind: Other, cost: Cubic(9), needs: Some("linalg") } "w, v: the eigenvalues of a Hermitian a, the least first, and its eigenvectors as orthonormal columns; of a the lower triangle is used, and the other has to be finite.";
    linalg_eigh_values "linalg.eigh_values" "<T: inexact>(tensor<T>) -> tensor<real T>"
        { shape: Special, kind: Other, cost: Cubic(2), needs: Some("linalg") } "The eigenvalues of a Hermitian a, the least first; of a the lower triangle is used, and the other has to be finite.";
    linalg_eig "linalg.eig" "<T: inexact>(tensor<T>) -> (tensor<complex T>, tensor<complex T>)"
        { shape: Special, kind: Other, cost: Cubic(25), needs: Some("linalg") } "w, v: the eigenvalues of a, in no promised order, and its eigenvectors as columns of length 1.";
    linalg_eig_values "linalg.eig_values" "<T: inexact>(tensor<T>) -> tensor<complex T>"
        { shape: Special, kind: Other, cost: Cubic(10), needs: Some("linalg") } "The eigenvalues of a, in no promised order.";
    linalg_det "linalg.det" "<T: inexact>(tensor<T>) -> tensor<T>"
        { shape: Special, kind: Other, cost: Special, needs: Some("linalg") } "The determinant; 1 of a matrix without rows.";
    linalg_slogdet "linalg.slogdet" "<T: inexact>(tensor<T>) -> (tensor<T>, tensor<real T>)"
        { shape: Special, kind: Other, cost: Special, needs: Some("linalg") } "The determinant as its sign, of absolute value 1, and the logarithm of its absolute value; 0 and -inf of a singular matrix.";
    linalg_inv "linalg.inv" "<T: inexact>(tensor<T>) -> tensor<T>"
        { shape: Special, kind: Other, cost: Special, needs: Some("linalg") } "The inverse; traps where a is singular. To solve equations, linalg.solve is faster and closer.";
    linalg_pinv "linalg.pinv" "<T: inexact>(tensor<T>, f64) -> tensor<T>"
        { shape: Special, kind: Other, cost: Special, needs: Some("linalg") } "The pseudo-inverse; the share is that of linalg.lstsq.";
    linalg_rank "linalg.rank" "<T: inexact>(tensor<T>, f64) -> tensor<i64>"
        { shape: Special, kind: Other, cost: Special, needs: Some("linalg") } "How many singular values are not zero; the share is that of linalg.lstsq.";
    linalg_cond "linalg.cond" "<T: inexact>(tensor<T>) -> tensor<real T>"
        { shape: Special, kind: Other, cost: Special, needs: Some("linalg") } "The condition number: the largest singular value over the least, infinite of a singular matrix, 0 of an empty one.";
    linalg_norm_2 "linalg.norm_2" "<T: inexact>(tensor<T>) -> tensor<real T>"
        { shape: Special, kind: Other, cost: Special, needs: Some("linalg") } "The largest singular value.";
    linalg_norm_nuclear "linalg.norm_nuclear" "<T: inexact>(tensor<T>) -> tensor<real T>"
        { shape: Special, kind: Other, cost: Special, needs: Some("linalg") } "The sum of the singular values.";
    linalg_expm "linalg.expm" "<T: inexact>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Other, cost: Special, needs: Some("linalg") } "The exponential of square matrices; costs its products, which are more where elements are larger.";
    linalg_logm "linalg.logm" "<T: inexact>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Other, cost: Cubic(100), needs: Some("linalg") } "The principal logarithm of square matrices; traps where there is none, of a real matrix where it is complex.";
    linalg_sqrtm "linalg.sqrtm" "<T: inexact>(tensor<T>) -> tensor<T>"
        { shape: Same, kind: Other, cost: Cubic(100), needs: Some("linalg") } "The principal square root of square matrices; traps where there is none, of a real matrix where it is complex.";
    linalg_matrix_power "linalg.matrix_power" "<T: inexact>(tensor<T>, i64) -> tensor<T>"
        { shape: Same, kind: Other, cost: Special, needs: Some("linalg") } "Square matrices to an integer power; to a negative one that of the inverse.";
    } } };
}
