"""Running sums, sorting, and what rests on the order of elements."""
import numpy as np

from program import Program

rng = np.random.default_rng(2)
inf, nan = np.inf, np.nan
TYPES = ["u1", "i4", "i8", "f4", "f8"]


def small(dtype, shape):
    return rng.integers(0 if np.dtype(dtype).kind == "u" else -5, 6, shape).astype(dtype)


p = Program("cumulative", "Running sums and products, and differences.")
for dtype in TYPES + ["c8", "c16"]:
    x = small("f8" if dtype[0] == "c" else dtype, (2, 3, 2)).astype(dtype)
    if dtype[0] == "c":
        x = (x + 1j * small("f8", (2, 3, 2))).astype(dtype)
    p.run(f"cumsum_{x.dtype}", "tensor.cumsum", [x], np.cumsum(x, dtype=dtype).reshape(x.shape))
    p.run(f"cumprod_{x.dtype}", "tensor.cumprod", [x], np.cumprod(x, dtype=dtype).reshape(x.shape))
    axis = TYPES.index(dtype) % 3 if dtype in TYPES else 1
    p.run(f"cumsum_axis_{x.dtype}", "tensor.cumsum_axis", [x, axis], np.cumsum(x, axis, dtype=dtype))
    p.run(f"cumprod_axis_{x.dtype}", "tensor.cumprod_axis", [x, axis], np.cumprod(x, axis, dtype=dtype))
    p.run(f"diff_{x.dtype}", "tensor.diff", [x, axis], np.diff(x, axis=axis))
x = rng.normal(size=(40, 3))
for axis in [0, 1]:
    p.run(f"cumsum_floats{axis}", "tensor.cumsum_axis", [x, axis], np.cumsum(x, axis))
p.run("cumsum_edges", "tensor.cumsum", [np.array([-0.0, -0.0, 1.0, inf, -inf, 1.0])],
      np.array([-0.0, -0.0, 1.0, inf, nan, nan]))
p.run("cumsum_nothing", "tensor.cumsum_axis", [np.zeros((2, 0, 3)), 1], np.zeros((2, 0, 3)))
p.run("cumsum_scalar", "tensor.cumsum", [np.asarray(2.5)], np.asarray(2.5))
p.run("diff_of_one", "tensor.diff", [np.ones((2, 1)), 1], np.zeros((2, 0)))
p.run("diff_nothing", "tensor.diff", [np.zeros((0, 3)), 0], np.zeros((0, 3)))
p.run("fuel_cumsum", "tensor.cumsum", [np.zeros(64)], np.zeros(64), fuel=(4 * 64 + 128) // 16)
p.run("fuel_diff", "tensor.diff", [np.zeros(65), 0], np.zeros(64), fuel=(65 + 129) // 16)
p.trap("cumsum_no_axis", "tensor.cumsum_axis", [np.zeros(3), 1], "index_out_of_range")
p.trap("diff_no_axis", "tensor.diff", [np.asarray(1.0), 0], "index_out_of_range")
p.write()

p = Program("order", "Sorting, searching, values that are there, histograms, medians and quantiles.")
for dtype in TYPES:
    x = small(dtype, (3, 4, 2))
    for axis in range(3):
        if (axis + TYPES.index(dtype)) % 2 == 0:
            p.run(f"sort_{x.dtype}_{axis}", "tensor.sort", [x, axis], np.sort(x, axis, kind="stable"))
            p.run(f"argsort_{x.dtype}_{axis}", "tensor.argsort", [x, axis], np.argsort(x, axis, kind="stable"))
    s, v = np.sort(x.ravel()), small(dtype, (2, 5))
    for right in [False, True]:
        side = "right" if right else "left"
        p.run(f"search_{x.dtype}_{side}", "tensor.searchsorted", [s, v, right], np.searchsorted(s, v, side))
    p.run(f"unique_{x.dtype}", "tensor.unique", [x], np.unique(x))
    u = np.unique(x, return_index=True, return_inverse=True, return_counts=True)
    p.run(f"unique_all_{x.dtype}", "tensor.unique_all", [x], u[0], u[1], u[2].ravel(), u[3])
    edges = np.array([0, 1, 3, 3, 5]).astype(dtype)
    p.run(f"histogram_{x.dtype}", "tensor.histogram", [x, edges], np.histogram(x, edges)[0])
edge = np.array([[0.0, nan, -inf, -0.0], [nan, 2.0, inf, 0.0]])
p.run("sort_edges", "tensor.sort", [edge, 1], np.array([[-inf, 0.0, -0.0, nan], [0.0, 2.0, inf, nan]]))
p.run("sort_zeros", "tensor.sort", [np.array([0.0, -1.0, -0.0, 0.0, 1.0, -0.0]), 0],
      np.array([-1.0, 0.0, -0.0, 0.0, -0.0, 1.0]))
p.run("argsort_edges", "tensor.argsort", [edge, 1], np.argsort(edge, 1, kind="stable"))
p.run("sort_nothing", "tensor.sort", [np.zeros((0, 3)), 1], np.zeros((0, 3)))
p.run("unique_edges", "tensor.unique", [edge], np.array([-inf, 0.0, 2.0, inf, nan]))
u = np.unique(edge, return_index=True, return_inverse=True, return_counts=True)
p.run("unique_all_edges", "tensor.unique_all", [edge], np.array([-inf, 0.0, 2.0, inf, nan]), u[1], u[2].ravel(), u[3])
p.run("unique_nothing", "tensor.unique_all", [np.zeros((0, 2))], np.zeros(0), *[np.zeros(0, "i8")] * 3)
s = np.array([-inf, -1.0, -0.0, 0.0, 2.0, nan, nan])
v = np.array([-inf, nan, 0.0, -0.0, 1.5, inf])
for right in [False, True]:
    side = "right" if right else "left"
    p.run(f"search_edges_{side}", "tensor.searchsorted", [s, v, right], np.searchsorted(s, v, side))
p.run("search_number", "tensor.searchsorted", [np.array([1, 3, 5]), 4, False], np.asarray(2))
p.run("search_nothing", "tensor.searchsorted", [np.zeros(0), v, True], np.zeros(6, "i8"))
p.run("histogram_edges", "tensor.histogram", [edge, np.array([-inf, 0.0, 2.0, inf])],
      np.array([1, 3, 2]))
p.run("histogram_same_edges", "tensor.histogram", [np.array([1.0, 1.0, 0.5]), np.array([0.0, 1.0, 1.0])],
      np.histogram([1.0, 1.0, 0.5], [0.0, 1.0, 1.0])[0])
for dtype in ["f4", "f8"]:
    x = rng.normal(size=(5, 4, 3)).astype(dtype)
    t = x.dtype.type
    for bins in [1, 7, 10]:
        # By edges rounded to the type, as is promised.
        edges = np.linspace(-1.5, 2.0, bins + 1).astype(dtype)
        p.run(f"range_{x.dtype}_{bins}", "tensor.histogram_range", [x, -1.5, 2.0, bins], np.histogram(x, edges)[0])
    tenths = (np.arange(11) / 10).astype(dtype)
    edges = (0.0 + np.arange(11) * 0.1).astype(dtype)
    edges[-1] = 1
    p.run(f"range_on_edges_{x.dtype}", "tensor.histogram_range", [tenths, 0.0, 1.0, 10], np.histogram(tenths, edges)[0])
    near = "1e-6" if dtype == "f4" else "1e-15"
    p.run(f"median_{x.dtype}", "tensor.median", [x], np.median(x))
    p.run(f"median_odd_{x.dtype}", "tensor.median", [x[0, 0]], np.median(x[0, 0]))
    for axis in range(3):
        p.run(f"median_{x.dtype}_{axis}", "tensor.median_axis", [x, axis], np.median(x, axis))
        p.run(f"quantile_{x.dtype}_{axis}", "tensor.quantile_axis", [x, axis, 0.3],
              np.quantile(x.astype("f8"), 0.3 if dtype == "f8" else float(np.float32(0.3)), axis).astype(dtype), near=near)
    for q in [0.0, 0.25, 0.9, 1.0]:
        at = float(np.float32(q)) if dtype == "f4" else q
        p.run(f"quantile_{x.dtype}_at{int(q * 100)}", "tensor.quantile", [x, q],
              t(np.quantile(x.astype("f8"), at)), near=near)
p.run("median_nan", "tensor.median", [edge], nan)
p.run("median_zeros", "tensor.median", [np.array([0.0, -0.0, -0.0])], -0.0)
p.run("median_infinite", "tensor.median", [np.array([inf, -inf, 1.0])], 1.0)
p.run("median_one", "tensor.median", [np.array([7.0])], 7.0)
p.run("quantile_infinite", "tensor.quantile", [np.array([1.0, inf, inf]), 0.75], inf)
p.run("fuel_sort", "tensor.sort", [np.zeros(8), 0], np.zeros(8), fuel=(64 * 8 + 16) // 16)
p.run("fuel_search", "tensor.searchsorted", [np.zeros(100), np.zeros(8), False], np.zeros(8, "i8"),
      fuel=(32 * 8 + 16) // 16)
p.run("fuel_unique", "tensor.unique", [np.zeros(8)], np.zeros(1), fuel=(64 * 8 + 16) // 16)
p.run("fuel_median", "tensor.median", [np.zeros(8)], 0.0, fuel=(16 * 8 + 8) // 16)
none = np.zeros((2, 0))
p.trap("sort_no_axis", "tensor.sort", [none, 2], "index_out_of_range")
p.trap("argsort_no_axis", "tensor.argsort", [np.asarray(1), 0], "index_out_of_range")
p.trap("search_in_matrix", "tensor.searchsorted", [none, 1.0, False], "rank_mismatch")
p.trap("one_edge", "tensor.histogram", [none, np.array([1.0])], "invalid_argument")
p.trap("edges_descend", "tensor.histogram", [none, np.array([1.0, 2.0, 1.5])], "invalid_argument")
p.trap("edges_nan", "tensor.histogram", [none, np.array([1.0, nan])], "invalid_argument")
p.trap("edges_matrix", "tensor.histogram", [none, none], "rank_mismatch")
p.trap("no_bins", "tensor.histogram_range", [none, 0.0, 1.0, 0], "invalid_argument")
p.trap("range_turned", "tensor.histogram_range", [none, 1.0, 1.0, 4], "invalid_argument")
p.trap("range_infinite", "tensor.histogram_range", [none, 1.0, inf, 4], "invalid_argument")
p.trap("many_bins", "tensor.histogram_range", [none, 0.0, 1.0, 1 << 60], "out_of_memory")
p.trap("median_empty", "tensor.median", [none], "empty")
p.trap("quantile_empty", "tensor.quantile", [none, 0.5], "empty")
p.trap("median_axis_empty", "tensor.median_axis", [none, 1], "empty")
p.trap("quantile_above", "tensor.quantile", [np.ones(2), 1.5], "invalid_argument")
p.trap("quantile_nan", "tensor.quantile_axis", [np.ones(2), 0, nan], "invalid_argument")
p.write()
