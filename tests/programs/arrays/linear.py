"""Dense linear algebra. Answers of what is one only up to signs or order are not kept here: the
tests of the kernels hold such factors against the matrix."""
import numpy as np
import scipy.linalg

from program import Lists, Program


class Bracketed(Lists):
    """Tensors in brackets."""


class Linear(Program):
    def body(self, operation, args, kinds, writes, results):
        """Tensors in brackets are one argument, and a string is one."""
        lines, words = [], []
        for n, arg in enumerate(args):
            if isinstance(arg, str):
                words.append(f'"{arg}"')
            elif isinstance(arg, Bracketed):
                for i, item in enumerate(arg):
                    lines.append(f"%x{n}_{i} = const.get {self.constant(item)}")
                words.append("[" + ", ".join(f"%x{n}_{i}" for i in range(len(arg))) + "]")
            else:
                more, at = super().body("op", [arg], (), writes and n == 0, 0)
                word = more[-1 - 1].split(" ", 1)[1]
                lines += [l.replace("%a0", f"%a{n}") for l in more[:at]]
                words.append(word.replace("%a0", f"%a{n}"))
        made = ", ".join(f"%r{n}" for n in range(results))
        at = len(lines)
        call = f"{operation} {', '.join(words)}"
        lines.append(f"{made} = {call}" if made and not writes else call)
        lines.append("ret %t" if writes else f"ret {made}" if made else "ret")
        return lines, at


p = Linear("linear", "Dense linear algebra on small matrices.")
for dtype, near in [("f4", "2e-4"), ("f8", "1e-12"), ("c8", "2e-4"), ("c16", "1e-12")]:
    r = np.random.default_rng(16)

    def some(*dims):
        x = r.integers(-8, 9, dims) / 4
        return (x + 1j * r.integers(-8, 9, dims) / 4 if dtype[0] == "c" else x).astype(dtype)

    kind = str(np.dtype(dtype))

    def run(name, operation, args, *results, **more):
        fitted = [np.asarray(x).astype(x.dtype) for x in results]
        p.run(f"{name}_{kind}", f"linalg.{operation}", args, *fitted, **({"near": near} | more))

    real = np.zeros(1, dtype).real.dtype
    a = some(3, 3) + np.diag([6, -7, 8]).astype(dtype)
    b, v = some(3, 2), some(3)
    wide, tall = some(2, 4), some(4, 2)
    stack = some(2, 3, 3) + 7 * np.eye(3, dtype=dtype)
    posdef = (a @ a.conj().T).astype(dtype)
    big = some(12, 12) + 20 * np.eye(12, dtype=dtype)
    run("matmul_stack", "matmul", [stack, b], np.matmul(stack, b))
    run("matmul_fast", "matmul_fast", [stack, b], np.matmul(stack, b))
    run("matmul_t", "matmul_t", [tall, tall, 2, 0], tall.conj().T @ tall)
    run("matmul_add", "matmul_add", [some(3, 2) * 0 + b, a, b], b + a @ b, writes=True)
    run("einsum", "einsum", ["ij,jk->ki", Bracketed([a, b])], (a @ b).T.copy())
    run("einsum_three", "einsum", ["i,ij,jk", Bracketed([v, a, b])], v @ a @ b)
    run("einsum_diagonal", "einsum", ["ii->i", Bracketed([a])], np.diag(a).copy())
    run("einsum_rest", "einsum", ["...ij,...jk->k...i", Bracketed([stack, b])], np.einsum("...ij,...jk->k...i", stack, b))
    rows = stack[:, :1]
    run("einsum_rest_broadcast", "einsum", ["i...,...", Bracketed([stack, rows])], np.einsum("i...,...", stack, rows))
    run("tensordot", "tensordot", [stack, b, [2], [0]], np.tensordot(stack, b, ([2], [0])))
    run("kron", "kron", [wide, tall], np.kron(wide, tall))
    run("trace", "trace", [stack], np.trace(stack, axis1=1, axis2=2))
    for name, order in [("norm", "fro"), ("norm_1", 1), ("norm_2", 2), ("norm_inf", np.inf), ("norm_nuclear", "nuc")]:
        run(name, name, [wide], np.asarray(np.linalg.norm(wide, order), real))
    run("norm_vector", "norm", [v], np.asarray(np.linalg.norm(v), real))
    run("solve", "solve", [a, v], np.linalg.solve(a, v))
    run("solve_columns", "solve", [a, b], np.linalg.solve(a, b))
    run("solve_stack", "solve", [stack, b], np.linalg.solve(stack, b))
    run("solve_blocks", "solve", [big, big[:, 3].copy()], np.eye(12, dtype=dtype)[3].copy())
    for lower in [True, False]:
        for turn in [0, 1, 2]:
            x = scipy.linalg.solve_triangular(a, b, lower=lower, trans=turn).astype(dtype)
            run(f"triangular_{'lower' if lower else 'upper'}_{turn}", "solve_triangular", [a, b, lower, False, turn], x)
    x = scipy.linalg.solve_triangular(a, v, lower=True, unit_diagonal=True).astype(dtype)
    run("triangular_unit", "solve_triangular", [a, v, True, True, 0], x)
    run("posdef", "solve_posdef", [posdef, posdef @ v], v, near="2e-2" if real == np.float32 else "1e-9")
    x, _, rank, s = np.linalg.lstsq(tall, some(4) * 0 + tall[:, 0], rcond=None)
    run("lstsq", "lstsq", [tall, tall[:, 0].copy(), -1.0], x, np.asarray(rank, np.int64), s)
    run("cholesky", "cholesky", [posdef], np.linalg.cholesky(posdef))
    order, l, u = scipy.linalg.lu(a, p_indices=True)
    run("lu", "lu", [a], np.argsort(order).astype(np.int64), l, u)
    for name in ["svd_values", "eigh_values"]:
        f = {"svd_values": lambda m: np.linalg.svd(m, compute_uv=False), "eigh_values": np.linalg.eigvalsh}[name]
        run(name, name, [posdef / 16], f(posdef / 16))
    run("det", "det", [stack], np.linalg.det(stack), near="2e-2" if real == np.float32 else "1e-9")
    sign, log = np.linalg.slogdet(stack)
    run("slogdet", "slogdet", [stack], sign, log)
    run("inv", "inv", [a], np.linalg.inv(a))
    run("pinv", "pinv", [wide, -1.0], np.linalg.pinv(wide))
    run("rank", "rank", [np.outer(v, v).astype(dtype), -1.0], np.asarray(1, np.int64))
    run("cond", "cond", [a], np.asarray(np.linalg.cond(a), real))
    run("expm", "expm", [wide @ tall / 8], scipy.linalg.expm(wide @ tall / 8).astype(dtype))
    run("sqrtm", "sqrtm", [posdef], scipy.linalg.sqrtm(posdef.astype("c16" if dtype[0] == "c" else "f8")).astype(dtype))
    run("logm", "logm", [posdef], scipy.linalg.logm(posdef.astype("c16" if dtype[0] == "c" else "f8")).astype(dtype))
    run("matrix_power", "matrix_power", [a / 4, 5], np.linalg.matrix_power(a / 4, 5))
    run("matrix_power_negative", "matrix_power", [a, -2], np.linalg.matrix_power(a, -2))
    order, l, u = scipy.linalg.lu(np.zeros((3, 2), dtype), p_indices=True)
    run("lu_of_zeros", "lu", [np.zeros((3, 2), dtype)], np.argsort(order).astype(np.int64), l, u)
    outer = np.outer([2, 1, 1], [0, 3, 1]).astype(dtype)
    order, l, u = scipy.linalg.lu(outer, p_indices=True)
    run("lu_of_rank_1", "lu", [outer], np.argsort(order).astype(np.int64), l, u)
    ends = np.array([2.0**100, 3 * 2.0**100, 2.0**-100, 2.0**-99]).astype(dtype)
    run("det_ends", "det", [np.diag(ends)], np.asarray(6, dtype))
    shear = np.array([[1, 1e30], [0, 1]], dtype)
    run("logm_shear", "logm", [shear], np.array([[0, 1e30], [0, 0]], dtype), near="1e24" if real == np.float32 else "1e16")
    grown = (posdef.astype("c16" if dtype[0] == "c" else "f8") * 2.0**80)
    run("sqrtm_grown", "sqrtm", [grown.astype(dtype)], scipy.linalg.sqrtm(grown).astype(dtype), near="2e8" if real == np.float32 else "1.0")
    run("expm_number", "expm", [np.array([[-1e25]], dtype)], np.zeros((1, 1), dtype))
    # Of a diagonal there is one answer: factors up to sign are held against the matrix by the kernels' tests.
    one = np.array([[3.0]], dtype)
    run("eig_values", "eig_values", [one], np.array([3], "c8" if real == np.float32 else "c16"))
f = np.float64
p.trap("singular", "linalg.solve", [np.ones((2, 2), f), np.ones(2, f)], "singular")
p.trap("singular_inverse", "linalg.inv", [np.zeros((2, 2), f)], "singular")
p.trap("not_positive_definite", "linalg.cholesky", [-np.eye(2)], "not_positive_definite")
p.trap("not_a_number", "linalg.svd_values", [np.array([[np.nan]])], "invalid_argument")
p.trap("not_square", "linalg.det", [np.ones((2, 3))], "shape_mismatch")
p.trap("no_matrix", "linalg.inv", [np.ones(3)], "rank_mismatch")
p.trap("rows_differ", "linalg.solve", [np.eye(2), np.ones(3)], "shape_mismatch")
p.trap("no_real_root", "linalg.sqrtm", [-np.eye(2)], "invalid_argument")
p.trap("no_logarithm", "linalg.logm", [np.zeros((2, 2))], "singular")
p.trap("no_root", "linalg.sqrtm", [np.array([[0.0, 1.0], [0.0, 0.0]])], "singular")
p.trap("no_matrices_or_vector", "linalg.norm", [np.asarray(1.0)], "rank_mismatch")
p.trap("subscripts_do_not_fit", "linalg.einsum", ["ij,jk", Bracketed([np.ones((2, 3)), np.ones((2, 3))])], "shape_mismatch")
p.trap("broadcast_axes_differ", "linalg.einsum", ["i...,i...", Bracketed([np.ones((2, 3)), np.ones((2, 4))])], "shape_mismatch")
p.trap("inner_dims_differ", "linalg.matmul_fast", [np.ones((2, 3)), np.ones((2, 3))], "shape_mismatch")
p.trap("no_matrix_qr", "linalg.qr", [np.ones(3)], "rank_mismatch", results=2)
for name, results in [("qr_full", 2), ("svd", 3), ("svd_full", 3), ("eig", 2), ("eigh", 2)]:
    p.trap(f"no_matrix_{name}", f"linalg.{name}", [np.ones(3)], "rank_mismatch", results=results)
p.write()
