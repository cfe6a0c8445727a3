"""Products of matrices of singles that are rounded to fewer bits."""
import numpy as np

from program import Program


def rounded(x, precision):
    """Singles rounded to fewer bits, of two neighbours to the even one: by NumPy's own halves, or by their bits."""
    x = x.astype(np.float32)
    if precision == "f16":
        return x.astype(np.float16).astype(np.float32)
    low = {"tf32": 13, "bf16": 16}[precision]
    bits = x.view(np.uint32).astype(np.uint64)
    bits += (1 << (low - 1)) - 1 + (bits >> low & 1)
    return np.where(np.isnan(x), x, (bits >> low << low).astype(np.uint32).view(np.float32))


p = Program("precision", "Products of matrices of singles that are rounded to fewer bits.")
r = np.random.default_rng(17)
# Ties, what is too large, what is below the least normal number, and what is none.
ends = np.array([1 + 2**-9, 1 + 3 * 2**-9, 1 + 2**-11, 1 + 3 * 2**-11, 65519, 65520, -3.4e38, 2**-24, -3 * 2.0**-26,
                 2.0**-140, 2.0**-149, np.inf, np.nan, 0.1, 1e-5, 2.0**-14 - 2.0**-25], np.float32)[:, None].copy()
one = np.ones((1, 1), np.float32)
for precision in ["tf32", "bf16", "f16"]:
    # A product with 1 shows how each number was rounded.
    p.run(f"ends_{precision}", "linalg.matmul_as", [ends, one, precision], rounded(ends, precision) + np.float32(0))
    x, y = (r.standard_normal(dims).astype(np.float32) for dims in [(2, 5, 7), (7, 4)])
    wide = np.matmul(*(rounded(z, precision).astype(np.float64) for z in [x, y]))
    p.run(precision, "linalg.matmul_as", [x, y, precision], wide.astype(np.float32), near="4e-6")
p.trap("inner_dims_differ", "linalg.matmul_as", [ends, ends, "tf32"], "shape_mismatch")
p.trap("no_matrix", "linalg.matmul_as", [np.ones((), np.float32), one, "f16"], "rank_mismatch")
p.write()
