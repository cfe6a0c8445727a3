"""Sparse matrices, with the answers of SciPy."""
import numpy as np
import scipy.sparse as sp

from program import Program

rng = np.random.default_rng(16)
TYPES = ["f4", "f8", "c16"]


def numbers(dtype, shape):
    """Small numbers, so that sums are exact in any order."""
    x = rng.integers(-5, 6, shape).astype(dtype)
    return (x + 1j * rng.integers(-5, 6, shape)).astype(dtype) if dtype[0] == "c" else x


def matrix(dtype, shape, share=0.4, format="csr"):
    """A matrix whose elements are stored with that probability; none is zero."""
    x = numbers(dtype, shape)
    x[x == 0] = 3
    x[rng.random(shape) > share] = 0
    return sp.csr_array(x).asformat(format)


def i8(*values):
    return np.array(values, dtype=np.int64)


p = Program("sparse", "Sparse matrices: how they are made, other forms, products with dense ones.")
for dtype in TYPES:
    n = np.dtype(dtype).name
    a = matrix(dtype, (4, 5))
    c = a.tocsc()
    d = a.toarray()
    p.run(f"of_dense_{n}", "sparse.of_dense", [d], a)
    p.run(f"to_dense_{n}", "sparse.to_dense", [a], d)
    p.run(f"to_dense_csc_{n}", "sparse.to_dense", [c], d)
    p.run(f"to_csc_{n}", "sparse.to_csc", [a], c)
    p.run(f"to_csr_{n}", "sparse.to_csr", [c], a)
    p.run(f"to_csr_again_{n}", "sparse.to_csr", [a], a)
    p.run(f"transpose_{n}", "sparse.transpose", [a], a.T)
    p.run(f"transpose_csc_{n}", "sparse.transpose", [c], c.T)
    p.run(f"values_{n}", "sparse.values", [a], a.data)
    p.run(f"indices_{n}", "sparse.indices", [c], c.indices.astype(np.int32))
    p.run(f"pointers_{n}", "sparse.pointers", [c], c.indptr.astype(np.int64))
    p.run(f"stored_{n}", "sparse.stored", [a], int(a.nnz))
    p.run(f"is_csr_{n}", "sparse.is_csr", [a], True)
    p.run(f"is_csc_{n}", "sparse.is_csr", [c], False)
    p.run(f"dims_{n}", "sparse.dims", [c], i8(4, 5))
    p.run(f"identity_{n}", "sparse.identity", [[3, 4]], sp.eye_array(3, 4, dtype=dtype, format="csr"), kinds=[
        {"f4": "f32", "f8": "f64", "c16": "c128"}[dtype]])
    x, y = numbers(dtype, 5), numbers(dtype, (5, 3))
    for name, m in [("csr", a), ("csc", c)]:
        p.run(f"vector_{name}_{n}", "sparse.matmul", [m, x], m @ x)
        p.run(f"matrix_{name}_{n}", "sparse.matmul", [m, y], m @ y)
        p.run(f"no_columns_{name}_{n}", "sparse.matmul", [m, y[:, :0]], (m @ y)[:, :0])
    rows, cols, values = i8(2, 0, 2, 1, 2), i8(1, 3, 1, 0, 0), numbers(dtype, 5)
    p.run(f"of_triples_{n}", "sparse.of_triples", [rows, cols, [3, 4], values],
          sp.coo_array((values, (rows, cols)), shape=(3, 4)).tocsr())
    b = matrix(dtype, (4, 5))
    q = matrix(dtype, (5, 3))
    both = (a.toarray() != 0) | (b.toarray() != 0)

    def stored(x, where):
        """What is stored at those places, zeros too."""
        rows, cols = np.nonzero(where)
        starts = np.concatenate([[0], np.cumsum(where.sum(axis=1))])
        return sp.csr_array((x[rows, cols], cols, starts), shape=x.shape)

    p.run(f"add_{n}", "sparse.add", [a, b], stored(d + b.toarray(), both))
    p.run(f"sub_{n}", "sparse.sub", [a, b.tocsc()], stored(d - b.toarray(), both))
    p.run(f"mul_{n}", "sparse.mul", [a, b], stored(d * b.toarray(), (d != 0) & (b.toarray() != 0)))
    half = np.array([0.5 - 1j if dtype == "c16" else 0.5]).astype(dtype)
    p.run(f"scale_{n}", "sparse.scale", [a, half], stored(d * half, d != 0))
    f = np.arange(1, 6).astype(dtype)
    p.run(f"scale_rows_{n}", "sparse.scale_rows", [c, f[:4]], sp.csc_array(stored(d * f[:4, None], d != 0)))
    p.run(f"scale_cols_{n}", "sparse.scale_cols", [a, f], stored(d * f, d != 0))
    for axis in [0, 1]:
        p.run(f"sum_{axis}_{n}", "sparse.sum_axis", [a, axis], d.sum(axis=axis))
        p.run(f"sum_csc_{axis}_{n}", "sparse.sum_axis", [c, axis], d.sum(axis=axis))
    p.run(f"diagonal_{n}", "sparse.diagonal", [c], a.diagonal())
    p.run(f"slice_{n}", "sparse.slice_rows", [a, 1, 3], a[1:3])
    p.run(f"slice_csc_{n}", "sparse.slice_rows", [c, 1, 3], sp.csc_array(c[1:3]))
    places = (d != 0).astype(int) @ (q.toarray() != 0).astype(int) > 0
    p.run(f"product_{n}", "sparse.product", [a, q], stored(d @ q.toarray(), places))
    p.run(f"product_csc_{n}", "sparse.product", [c, q], sp.csc_array(stored(d @ q.toarray(), places)))
    k = stored(np.kron(d, q.toarray()), np.kron(d != 0, q.toarray() != 0))
    p.run(f"kron_{n}", "sparse.kron", [a, q], k)
    lines = np.arange(1, 16).reshape(3, 5).astype(dtype)
    p.run(f"diagonals_{n}", "sparse.of_diagonals", [lines, i8(1, -2, 0), [4, 5]],
          sp.dia_array((lines, [1, -2, 0]), shape=(4, 5)).tocsr())
    t = sp.csr_array(np.array([[2, 0, 0], [4, 1, 0], [0, -2, 4]]).astype(dtype))
    w = np.array([2, 5, 6]).astype(dtype)
    p.run(f"lower_{n}", "sparse.solve_triangular", [t, w, True, False], np.array([1, 1, 2]).astype(dtype))
    p.run(f"upper_{n}", "sparse.solve_triangular", [sp.csc_array(t.T), w, False, True],
          np.array([-66, 17, 6]).astype(dtype))
    spd = sp.csr_array(np.array([[4, 1, 0], [1, 3, -1], [0, -1, 2]]).astype(dtype))
    known = np.array([1, -2, 3]).astype(dtype)
    near = 1e-4 if dtype == "f4" else 1e-9
    small = 1e-6 if dtype == "f4" else 1e-12
    both_sides = np.stack([known, known[::-1]], axis=1)
    for form, of in [(spd, "csr"), (sp.csc_array(spd), "csc")]:
        p.run(f"posdef_{of}_{n}", "sparse.solve_posdef", [form, spd @ known], known, near=near)
        p.run(f"posdef_two_{of}_{n}", "sparse.solve_posdef", [form, spd @ both_sides], both_sides, near=near)
    # No pivot on the diagonal at first, none of it symmetric.
    general = sp.csr_array(np.array([[0, 2, 0, 1], [3, 1, 0, 0], [0, -1, 4, 5], [1, 0, 2, -3]]).astype(dtype))
    if dtype == "c16":
        general = general * (1 + 2j)
    four = np.array([1, -2, 3, 0.5]).astype(dtype)
    five_sides = np.stack([four * k for k in range(5)], axis=1)
    for form, of in [(general, "csr"), (sp.csc_array(general), "csc")]:
        p.run(f"solve_{of}_{n}", "sparse.solve", [form, general @ four], four, near=near)
        p.run(f"solve_five_{of}_{n}", "sparse.solve", [form, general @ five_sides], five_sides, near=near)
    for easier in ["none", "jacobi", "ilu0", "amg"]:
        for method in ["cg", "bicgstab", "gmres"]:
            args = [spd, spd @ known, easier, small, 50] + ([3] if method == "gmres" else [])
            p.first(f"{method}_{easier}_{n}", f"sparse.{method}", args, known, results=3, near=near)
# Of random places, with the answer of SuperLU.
from scipy.sparse.linalg import spsolve
chance = np.random.default_rng(45)
places = chance.random((12, 12)) < 0.25
places[np.arange(12), chance.permutation(12)] = True
random = sp.csr_array(np.where(places, np.round(chance.uniform(-4, 4, (12, 12)), 2), 0.0))
right = np.round(chance.uniform(-4, 4, 12), 2)
p.run("solve_random", "sparse.solve", [random, right], spsolve(sp.csc_array(random), right), near=1e-9)
# In the order in which they are given: 1e16 + 1 is 1e16.
same = np.zeros(4, dtype=np.int64)
p.run("in_order", "sparse.of_triples", [same, same, [1, 1], np.array([1e16, 1.0, -1e16, 1.0])],
      sp.csr_array(np.array([[1.0]])))
p.run("in_other_order", "sparse.of_triples", [same, same, [1, 1], np.array([1e16, -1e16, 1.0, 1.0])],
      sp.csr_array(np.array([[2.0]])))
p.run("zero_is_stored", "sparse.of_triples", [i8(0), i8(0), [1, 1], np.zeros(1)],
      sp.csr_array((np.zeros(1), i8(0), i8(0, 1)), shape=(1, 1)))
p.run("nan_is_stored", "sparse.of_dense", [np.array([[0.0, np.nan, -0.0]])],
      sp.csr_array((np.array([np.nan]), i8(1), i8(0, 1)), shape=(1, 3)))
for shape in [(0, 0), (0, 3), (3, 0)]:
    name = f"{shape[0]}_{shape[1]}"
    p.run(f"nothing_{name}", "sparse.of_dense", [np.zeros(shape)], sp.csr_array(shape))
    p.run(f"nothing_dense_{name}", "sparse.to_dense", [sp.csr_array(shape)], np.zeros(shape))
    p.run(f"nothing_csc_{name}", "sparse.to_csc", [sp.csr_array(shape)], sp.csc_array(shape))
    p.run(f"nothing_times_{name}", "sparse.matmul", [sp.csr_array(shape), np.ones(shape[1])], np.zeros(shape[0]))
# Work is 60 for each triple; bytes are counted twice, and the pointers. What is returned has three parts to move.
p.run("fuel_of_triples", "sparse.of_triples", [i8(0, 1), i8(0, 1), [2, 2], np.ones(2)],
      sp.eye_array(2, format="csr"), fuel=(120 + (2 * 64 + 16) // 8) // 16 + 3)
# Squares of the right-hand side are zero, or infinite.
twice = {dtype: sp.csr_array(2 * np.eye(2)).astype(dtype) for dtype in TYPES}
for dtype, sizes in [("f4", [1e-40, 1e-23, 1e20]), ("f8", [1e-320, 1e-170, 1e170]), ("c16", [1e-170, 1e170])]:
    for n, size in enumerate(sizes):
        b = np.array([size, -size]).astype(dtype)
        for method in ["cg", "bicgstab", "gmres"]:
            args = [twice[dtype], b, "none", 1e-6, 9] + ([2] if method == "gmres" else [])
            p.first(f"{method}_of_size_{n}_{np.dtype(dtype).name}", f"sparse.{method}", args, b / 2, results=3,
                    near=1e-5 * size if method == "gmres" else None)
for method in ["cg", "bicgstab", "gmres"]:
    args = [twice["f8"], np.ones(2), "none", 1.0, 0] + ([2] if method == "gmres" else [])
    p.run(f"{method}_is_near_enough", f"sparse.{method}", args, np.zeros(2), 0, 1.0)
# Each row of the first is paid for where the second has none, and that it is made.
p.run("fuel_kron_nothing", "sparse.kron", [sp.csr_array((1600, 1)), sp.csr_array((0, 1))], sp.csr_array((0, 1)),
      fuel=1600 * 3 // 16 + 1601 // 16 + 3)
p.trap("triples_row", "sparse.of_triples", [i8(3), i8(0), [3, 4], np.ones(1)], "index_out_of_range")
p.trap("triples_column", "sparse.of_triples", [i8(0), i8(-1), [3, 4], np.ones(1)], "index_out_of_range")
p.trap("triples_lengths", "sparse.of_triples", [i8(0), i8(0), [3, 4], np.ones(2)], "shape_mismatch")
p.trap("triples_dims", "sparse.of_triples", [i8(0), i8(0), [3], np.ones(1)], "rank_mismatch")
p.trap("triples_negative", "sparse.of_triples", [i8(0), i8(0), [3, -4], np.ones(1)], "invalid_argument")
p.trap("triples_large", "sparse.of_triples", [i8(0), i8(0), [3, 2**31], np.ones(1)], "invalid_argument")
p.trap("dense_rank", "sparse.of_dense", [np.ones(3)], "rank_mismatch")
p.trap("product_inner", "sparse.matmul", [matrix("f8", (2, 3)), np.ones(2)], "shape_mismatch")
p.trap("product_rank", "sparse.matmul", [matrix("f8", (2, 3)), np.ones((3, 1, 1))], "rank_mismatch")
three = sp.csr_array(np.array([[1.0, 0, 0], [2, 3, 0], [0, 4, 5]]))
p.trap("add_dims", "sparse.add", [matrix("f8", (2, 3)), matrix("f8", (3, 2))], "shape_mismatch")
p.trap("scale_by_two", "sparse.scale", [three, np.ones(2)], "shape_mismatch")
p.trap("scale_rows_by_two", "sparse.scale_rows", [three, np.ones(2)], "shape_mismatch")
p.trap("sum_no_axis", "sparse.sum_axis", [three, 2], "index_out_of_range")
p.trap("slice_back", "sparse.slice_rows", [three, 2, 1], "index_out_of_range")
p.trap("slice_beyond", "sparse.slice_rows", [three, 2, 4], "index_out_of_range")
p.trap("two_inner", "sparse.product", [three, matrix("f8", (2, 3))], "shape_mismatch")
p.trap("diagonals_offsets", "sparse.of_diagonals", [np.ones((2, 3)), i8(0), [3, 3]], "shape_mismatch")
p.trap("upper_is_lower", "sparse.solve_triangular", [three, np.ones(3), False, False], "invalid_argument")
p.trap("no_diagonal", "sparse.solve_triangular", [sp.csr_array((3, 3)), np.ones(3), True, False], "singular")
flat = sp.csr_array(np.array([[0.0, 1], [1, 0]]))
p.trap("cg_not_positive", "sparse.cg", [-three @ three.T, np.ones(3), "none", 1e-9, 9], "not_positive_definite", results=3)
p.trap("cg_few", "sparse.cg", [three @ three.T, np.ones(3), "none", 1e-9, 1], "no_convergence", results=3)
p.trap("cg_nan", "sparse.cg", [three @ three.T, np.full(3, np.nan), "none", 1e-9, 9], "no_convergence", results=3)
p.trap("cg_name", "sparse.cg", [three, np.ones(3), "best", 1e-9, 9], "invalid_argument", results=3)
p.trap("cg_tolerance", "sparse.cg", [three, np.ones(3), "none", -1.0, 9], "invalid_argument", results=3)
p.trap("cg_jacobi", "sparse.cg", [flat, np.ones(2), "jacobi", 1e-9, 9], "singular", results=3)
p.trap("gmres_ilu0", "sparse.gmres", [flat, np.ones(2), "ilu0", 1e-9, 9, 5], "singular", results=3)
p.trap("gmres_restart", "sparse.gmres", [flat, np.ones(2), "none", 1e-9, 9, 0], "invalid_argument", results=3)
p.trap("bicgstab_rank", "sparse.bicgstab", [flat, np.ones((2, 1)), "none", 1e-9, 9], "rank_mismatch", results=3)
p.trap("posdef_negative", "sparse.solve_posdef", [-three @ three.T, np.ones(3)], "not_positive_definite")
p.trap("posdef_zero", "sparse.solve_posdef", [sp.csr_array((3, 3)), np.ones(3)], "not_positive_definite")
p.trap("posdef_nan", "sparse.solve_posdef", [three * np.nan, np.ones(3)], "invalid_argument")
p.trap("posdef_dims", "sparse.solve_posdef", [three, np.ones(2)], "shape_mismatch")
p.trap("solve_structure", "sparse.solve", [sp.csr_array(np.array([[1.0, 2.0, 3.0], [0, 0, 4], [0, 0, 5]])), np.ones(3)],
       "singular")
p.trap("solve_singular", "sparse.solve", [sp.csr_array(np.array([[1.0, 2.0], [2.0, 4.0]])), np.ones(2)], "singular")
p.trap("solve_nothing", "sparse.solve", [sp.csr_array((3, 3)), np.ones(3)], "singular")
p.trap("solve_nan", "sparse.solve", [three * np.nan, np.ones(3)], "invalid_argument")
p.trap("solve_dims", "sparse.solve", [three, np.ones(2)], "shape_mismatch")
p.trap("solve_not_square", "sparse.solve", [matrix("f8", (2, 3)), np.ones(2)], "shape_mismatch")
p.trap("not_square", "sparse.solve_triangular", [matrix("f8", (2, 3)), np.ones(3), True, False], "shape_mismatch")
p.trap("right_side", "sparse.solve_triangular", [three, np.ones(2), True, False], "shape_mismatch")
p.write()
