//! Rows of `sparse`: sparse matrices.

/// Adds them to the rows that are there and hands all on.
#[doc(hidden)]
#[macro_export]
macro_rules! sparse_rows {
    ($use_rows:ident { $($before:tt)* }) => { $crate::bigint_rows! { $use_rows {
    $($before)*
    // Making and looking at them.
    sparse_of_triples "sparse.of_triples" "<T: sparse>(tensor<i64>, tensor<i64>, [i64], tensor<T>) -> sparse<T>"
        { shape: Special, kind: Other, cost: Special } "The matrix of the given dims with those rows, columns and values; values at the same place are added in order.";
    sparse_of_dense "sparse.of_dense" "<T: sparse>(tensor<T>) -> sparse<T>"
        { shape: Special, kind: Other, cost: Special } "The elements of a matrix that are not zero, row by row.";
    sparse_identity "sparse.identity" "<T: sparse>([i64]) -> sparse<T>"
        { shape: Special, kind: Creation, cost: Special } "The matrix of the given dims with ones on the diagonal.";
    sparse_of_diagonals "sparse.of_diagonals" "<T: sparse>(tensor<T>, tensor<i64>, [i64]) -> sparse<T>"
        { shape: Special, kind: Other, cost: Special } "The matrix of the given dims with a row of the tensor on each diagonal, the offsets counting to the right; an element keeps its column.";
    sparse_to_dense "sparse.to_dense" "<T: sparse>(sparse<T>) -> tensor<T>"
        { shape: Special, kind: Other, cost: Special } "The matrix as a tensor.";
    sparse_dims "sparse.dims" "<T: sparse>(sparse<T>) -> tensor<i64>"
        { shape: Special, kind: Other, cost: Special } "Rows and columns, as a tensor of rank 1.";
    sparse_stored "sparse.stored" "<T: sparse>(sparse<T>) -> i64"
        { shape: Scalar, kind: Other, cost: Constant } "How many elements are stored.";
    sparse_is_csr "sparse.is_csr" "<T: sparse>(sparse<T>) -> bool"
        { shape: Scalar, kind: Other, cost: Constant } "Whether elements are stored row by row; else column by column.";
    sparse_pointers "sparse.pointers" "<T: sparse>(sparse<T>) -> tensor<i64>"
        { shape: Special, kind: Other, cost: Special } "Where each row begins (of CSC each column), and the end of the last: a copy.";
    sparse_indices "sparse.indices" "<T: sparse>(sparse<T>) -> tensor<i32>"
        { shape: Special, kind: Other, cost: Special } "The column (of CSC the row) of each stored element: a copy.";
    sparse_values "sparse.values" "<T: sparse>(sparse<T>) -> tensor<T>"
        { shape: Special, kind: Other, cost: Special } "The stored elements: a copy.";
    sparse_transpose "sparse.transpose" "<T: sparse>(sparse<T>) -> sparse<T>"
        { shape: Special, kind: Other, cost: Special, result: Unknown } "The transpose, without a copy: rows that were stored are columns then.";
    sparse_to_csr "sparse.to_csr" "<T: sparse>(sparse<T>) -> sparse<T>"
        { shape: Special, kind: Other, cost: Special, result: Unknown } "The same matrix stored row by row.";
    sparse_to_csc "sparse.to_csc" "<T: sparse>(sparse<T>) -> sparse<T>"
        { shape: Special, kind: Other, cost: Special, result: Unknown } "The same matrix stored column by column.";
    sparse_slice_rows "sparse.slice_rows" "<T: sparse>(sparse<T>, i64, i64) -> sparse<T>"
        { shape: Special, kind: Other, cost: Special } "The rows from the first index up to but not including the second.";

    // Arithmetic.
    sparse_add "sparse.add" "<T: sparse>(sparse<T>, sparse<T>) -> sparse<T>"
        { shape: Special, kind: Other, cost: Special } "Sum; what either stores is stored, even where it cancels.";
    sparse_sub "sparse.sub" "<T: sparse>(sparse<T>, sparse<T>) -> sparse<T>"
        { shape: Special, kind: Other, cost: Special } "Difference; what either stores is stored, even where it cancels.";
    sparse_mul "sparse.mul" "<T: sparse>(sparse<T>, sparse<T>) -> sparse<T>"
        { shape: Special, kind: Other, cost: Special } "Product of elements at the same place, where both store one.";
    sparse_scale "sparse.scale" "<T: sparse>(sparse<T>, tensor<T>|T) -> sparse<T>"
        { shape: Special, kind: Other, cost: Special, result: Unknown } "Every stored element times a number, or the one element of a tensor.";
    sparse_scale_rows "sparse.scale_rows" "<T: sparse>(sparse<T>, tensor<T>) -> sparse<T>"
        { shape: Special, kind: Other, cost: Special, result: Unknown } "Each row times its element of the vector.";
    sparse_scale_cols "sparse.scale_cols" "<T: sparse>(sparse<T>, tensor<T>) -> sparse<T>"
        { shape: Special, kind: Other, cost: Special, result: Unknown } "Each column times its element of the vector.";
    sparse_sum_axis "sparse.sum_axis" "<T: sparse>(sparse<T>, i64) -> tensor<T>"
        { shape: Special, kind: Other, cost: Special } "Sums along an axis: 0 for those of columns, 1 for those of rows.";
    sparse_diagonal "sparse.diagonal" "<T: sparse>(sparse<T>) -> tensor<T>"
        { shape: Special, kind: Other, cost: Special } "The diagonal; zero where nothing is stored.";
    sparse_kron "sparse.kron" "<T: sparse>(sparse<T>, sparse<T>) -> sparse<T>"
        { shape: Special, kind: Other, cost: Special } "Kronecker product.";
    sparse_matmul "sparse.matmul" "<T: sparse>(sparse<T>, tensor<T>) -> tensor<T>"
        { shape: Special, kind: Other, cost: Special } "The product with a vector or a dense matrix.";
    sparse_product "sparse.product" "<T: sparse>(sparse<T>, sparse<T>) -> sparse<T>"
        { shape: Special, kind: Other, cost: Special } "The product of two sparse matrices; what any two elements contribute to is stored, even where it cancels.";

    // Systems of equations.
    sparse_solve_triangular "sparse.solve_triangular" "<T: sparse>(sparse<T>, tensor<T>, bool, bool) -> tensor<T>"
        { shape: Special, kind: Other, cost: Special } "The solution for a vector or the columns of a matrix: lower triangular if the first is true, with ones for a diagonal if the second is; traps with singular where the diagonal is zero.";
    sparse_solve_posdef "sparse.solve_posdef" "<T: sparse>(sparse<T>, tensor<T>) -> tensor<T>"
        { shape: Special, kind: Other, cost: Special, needs: Some("linalg") } "The solution for a vector or the columns of a matrix, by a Cholesky factorisation of the lower triangle; traps with not_positive_definite.";
    sparse_solve "sparse.solve" "<T: sparse>(sparse<T>, tensor<T>) -> tensor<T>"
        { shape: Special, kind: Other, cost: Special, needs: Some("linalg") } "The solution for a vector or the columns of a matrix, by an LU factorisation with partial pivoting; traps with singular.";
    sparse_cg "sparse.cg" "<T: sparse>(sparse<T>, tensor<T>, str, f64, i64) -> (tensor<T>, i64, f64)"
        { shape: Special, kind: Other, cost: Special } "Conjugate gradients for a positive definite matrix, with a preconditioner (none, jacobi, ilu0 or amg), down to a residual relative to the right-hand side, in at most so many iterations: the solution, iterations, the residual reached; else it traps with no_convergence.";
    sparse_bicgstab "sparse.bicgstab" "<T: sparse>(sparse<T>, tensor<T>, str, f64, i64) -> (tensor<T>, i64, f64)"
        { shape: Special, kind: Other, cost: Special } "BiCGSTAB for any square matrix; as sparse.cg.";
    sparse_gmres "sparse.gmres" "<T: sparse>(sparse<T>, tensor<T>, str, f64, i64, i64) -> (tensor<T>, i64, f64)"
        { shape: Special, kind: Other, cost: Special } "GMRES for any square matrix, begun anew after as many iterations as the last argument says; as sparse.cg.";
    } } };
}
