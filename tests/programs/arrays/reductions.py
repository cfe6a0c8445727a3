"""Reductions along any set of axes, and those of all elements that came with them."""
import numpy as np

from program import Program

p = Program("reductions_axes", "Reductions along any set of axes, which are dropped or kept with length 1.")
rng = np.random.default_rng(1)
INTS = ["u1", "i4", "i8"]
SETS = [[0], [1], [2], [0, 1], [0, 2], [1, 2], [2, 0], []]


def small(dtype, shape):
    return rng.integers(0 if np.dtype(dtype).kind == "u" else -4, 5, shape).astype(dtype)


def axis_of(axes):
    return tuple(axes) if axes else None


for kind, dtype in enumerate(INTS + ["f4", "f8"]):
    x = small(dtype, (2, 3, 4))
    for n, axes in enumerate(SETS):
        # Each type with some sets, each set with some types.
        if (n + kind) % 3:
            continue
        keep = n % 2 == 1
        at = "".join(map(str, axes)) or "all"
        options = dict(axis=axis_of(axes), keepdims=keep)
        tag = f"{x.dtype}_{at}"
        p.run(f"sum_{tag}", "tensor.sum_axes", [x, axes, keep], np.asarray(x.sum(dtype=dtype, **options)))
        p.run(f"min_{tag}", "tensor.min_axes", [x, axes, keep], np.asarray(x.min(**options)))
        p.run(f"max_{tag}", "tensor.max_axes", [x, axes, keep], np.asarray(x.max(**options)))
        p.run(f"count_{tag}", "tensor.count_nonzero_axes", [x, axes, keep], np.asarray(np.count_nonzero(x, **options)))
        if n < 6:
            p.run(f"prod_{tag}", "tensor.prod_axes", [x, axes, keep], np.asarray(x.prod(dtype=dtype, **options)))
    p.run(f"count_{x.dtype}", "tensor.count_nonzero", [x], int(np.count_nonzero(x)))

for kind, (dtype, near) in enumerate([("f4", "1e-5"), ("f8", "1e-14")]):
    x = rng.normal(scale=3, size=(3, 2, 5)).astype(dtype)
    for n, axes in enumerate(SETS):
        if (n + kind) % 2:
            continue
        keep = n % 4 == kind
        at = "".join(map(str, axes)) or "all"
        options = dict(axis=axis_of(axes), keepdims=keep)
        tag = f"{x.dtype}_{at}"
        p.run(f"mean_{tag}", "tensor.mean_axes", [x, axes, keep], np.asarray(x.mean(**options)), near=near)
        p.run(f"var_{tag}", "tensor.var_axes", [x, axes, keep, 0], np.asarray(x.var(**options)), near=near)
        p.run(f"std_{tag}", "tensor.std_axes", [x, axes, keep, 1], np.asarray(x.std(ddof=1, **options)), near=near)
        p.run(f"norm_{tag}", "tensor.norm_axes", [x, axes, keep],
              np.asarray(np.sqrt((x.astype("f8") ** 2).sum(**options)).astype(dtype)), near=near)
    for ddof in [0, 1, 2]:
        p.run(f"var_{x.dtype}_less{ddof}", "tensor.var", [x, ddof], x.var(ddof=ddof), near=near)
        p.run(f"std_{x.dtype}_less{ddof}", "tensor.std", [x, ddof], x.std(ddof=ddof), near=near)
    p.run(f"norm_{x.dtype}", "tensor.norm", [x], x.dtype.type(np.linalg.norm(x.ravel().astype("f8"))), near=near)

for dtype in ["c8", "c16"]:
    x = (small("f8", (2, 3, 2)) + 1j * small("f8", (2, 3, 2))).astype(dtype)
    for axes, keep in [([0], False), ([1], True), ([0, 2], False), ([], False)]:
        at = "".join(map(str, axes)) or "all"
        options = dict(axis=axis_of(axes), keepdims=keep)
        p.run(f"sum_{x.dtype}_{at}", "tensor.sum_axes", [x, axes, keep], np.asarray(x.sum(**options)))
        p.run(f"prod_{x.dtype}_{at}", "tensor.prod_axes", [x, axes, keep], np.asarray(x.prod(**options)))
        p.run(f"count_{x.dtype}_{at}", "tensor.count_nonzero_axes", [x, axes, keep],
              np.asarray(np.count_nonzero(x, **options)))
        mean = np.asarray(x.mean(**options))
        if (mean * 12 == np.round(mean * 12)).all():
            p.run(f"mean_{x.dtype}_{at}", "tensor.mean_axes", [x, axes, keep], mean, near="1e-6")

b = rng.integers(0, 4, (2, 3, 4)) > 0
for n, axes in enumerate(SETS):
    if n % 2:
        continue
    keep = n % 3 == 0
    at = "".join(map(str, axes)) or "all"
    options = dict(axis=axis_of(axes), keepdims=keep)
    p.run(f"any_{at}", "tensor.any_axes", [~b, axes, keep], np.asarray(np.any(~b, **options)))
    p.run(f"all_{at}", "tensor.all_axes", [b, axes, keep], np.asarray(np.all(b, **options)))
    p.run(f"count_bool_{at}", "tensor.count_nonzero_axes", [b, axes, keep], np.asarray(np.count_nonzero(b, **options)))

# Special values.
inf, nan = np.inf, np.nan
edge = np.array([[0.0, -0.0, 1.0], [nan, 2.0, -inf], [-0.0, -0.0, inf]])
p.run("min_edges", "tensor.min_axes", [edge, [1], False], np.array([-0.0, nan, -0.0]))
p.run("max_edges", "tensor.max_axes", [edge, [0], False], np.array([nan, 2.0, inf]))
p.run("sum_of_negative_zeros", "tensor.sum_axes", [np.array([[-0.0], [-0.0]]), [0, 1], False], np.asarray(0.0))
p.run("count_nan_and_zeros", "tensor.count_nonzero", [edge], 5)
p.run("norm_huge", "tensor.norm", [np.array([3e300, 4e300])], 5e300, near="1e286")
p.run("norm_tiny", "tensor.norm", [np.array([3e-300, -4e-300])], 5e-300, near="1e-314")
p.run("norm_subnormal", "tensor.norm", [np.array([3 * 5e-324, 4 * 5e-324])], 5 * 5e-324)
p.run("norm_nothing", "tensor.norm", [np.zeros((0, 3))], 0.0)
p.run("norm_zeros", "tensor.norm", [np.array([0.0, -0.0])], 0.0)
p.run("norm_infinite", "tensor.norm", [np.array([1.0, -inf])], inf)
p.run("norm_nan", "tensor.norm", [np.array([nan, inf])], nan)
p.run("norm_overflows", "tensor.norm", [np.full(4, 1.7e308)], inf)
p.run("norm_huge_f32", "tensor.norm", [np.array([3e38, 1e30], "f4")], np.float32(3e38))
p.run("norm_axes_mixed", "tensor.norm_axes",
      [np.array([[3.0, 4.0], [6e200, 8e200], [0.0, 0.0], [nan, 0.0], [-inf, 1.0]]), [1], False],
      np.array([5.0, 1e201, 0.0, nan, inf]), near="1e187")
p.run("var_of_one", "tensor.var", [np.array([2.5]), 0], 0.0)
p.run("var_of_one_less_one", "tensor.var", [np.array([2.5]), 1], nan)
p.run("var_less_many", "tensor.var", [np.array([1.0, 2.0]), 3], inf)
p.run("var_nothing", "tensor.var", [np.zeros(0), 0], nan)
p.run("var_infinite", "tensor.var", [np.array([1.0, inf]), 0], nan)

# Without elements.
none = np.zeros((2, 0, 3))
p.run("sum_nothing", "tensor.sum_axes", [none, [1], True], np.zeros((2, 1, 3)))
p.run("prod_nothing", "tensor.prod_axes", [none, [1], False], np.ones((2, 3)))
p.run("mean_nothing", "tensor.mean_axes", [none, [1], False], np.full((2, 3), nan))
p.run("sum_no_results", "tensor.sum_axes", [none, [0], False], np.zeros((0, 3)))
p.run("min_no_results", "tensor.min_axes", [none, [2], False], np.zeros((2, 0)))
p.run("any_nothing", "tensor.any_axes", [np.zeros((2, 0), bool), [1], False], np.array([False, False]))
p.run("all_nothing", "tensor.all_axes", [np.zeros((2, 0), bool), [1], False], np.array([True, True]))
p.run("sum_of_one", "tensor.sum_axes", [np.asarray(3.0), [], True], np.asarray(3.0))
big = np.zeros((8, 16))
p.run("fuel", "tensor.sum_axes", [big, [0], False], np.zeros(16), fuel=(128 + (128 + 16)) // 16)
p.run("fuel_var", "tensor.var_axes", [big, [0], False, 0], np.zeros(16), fuel=(4 * 128 + (128 + 16)) // 16)
p.run("fuel_norm", "tensor.norm", [np.ones((8, 8))], 8.0, fuel=(2 * 64 + 64) // 16)

p.trap("no_such_axis", "tensor.sum_axes", [none, [3], False], "index_out_of_range")
p.trap("negative_axis", "tensor.any_axes", [b, [-1], False], "index_out_of_range")
p.trap("axis_twice", "tensor.mean_axes", [none, [1, 0, 1], False], "invalid_argument")
p.trap("min_empty", "tensor.min_axes", [none, [1], False], "empty")
p.trap("max_empty", "tensor.max_axes", [none, [1], True], "empty")
p.write()

c = Program("choice", "Choice and limits by element, with broadcasting.")
x = np.array([[-2.0, nan, 0.5], [3.0, -0.0, inf]])
for dtype in ["u1", "i4", "i8", "f4", "f8"]:
    y = np.arange(12).reshape(3, 4).astype(dtype)
    low, high = y.dtype.type(3), y.dtype.type(8)
    typed = lambda v: v if y.dtype.kind == "f" else int(v)
    c.run(f"clip_{y.dtype}", "tensor.clip", [y, typed(low), typed(high)], np.clip(y, low, high))
    rows = np.array([[1], [4], [20]]).astype(dtype)
    c.run(f"clip_rows_{y.dtype}", "tensor.clip", [y, rows, rows + 3], np.clip(y, rows, rows + 3))
c.run("clip_edges", "tensor.clip", [x, 0.0, 1.0], np.array([[0.0, nan, 0.5], [1.0, 0.0, 1.0]]))
c.run("clip_nan_limit", "tensor.clip", [x, nan, 1.0], np.full((2, 3), nan))
c.run("clip_crossed", "tensor.clip", [x[:1], 2.0, 1.0], np.array([[1.0, nan, 1.0]]))
c.run("clip_nothing", "tensor.clip", [np.zeros((0, 3)), 0.0, 1.0], np.zeros((0, 3)))
c.run("clip_scalar", "tensor.clip", [5.0, np.array([1.0, 6.0]), 9.0], np.array([5.0, 6.0]))
t = np.arange(7) % 3 == 0
c.run("where_scalars", "tensor.where", [t, 1.5, -2.5], np.where(t, 1.5, -2.5))
c.run("where_of_integers", "tensor.where", [t, 1, np.arange(7)], np.where(t, 1, np.arange(7)))
long = np.arange(70) % 5 < 2
values = np.arange(70.0)
c.run("where_long", "tensor.where", [long, values, -values], np.where(long, values, -values))
c.run("where_scalar_first", "tensor.where", [long, 0.25, -values], np.where(long, 0.25, -values))
c.run("where_row", "tensor.where", [t[:3, None], np.arange(4.0), -1.0], np.where(t[:3, None], np.arange(4.0), -1.0))
c.run("fuel_clip", "tensor.clip", [np.zeros(64), 0.0, 1.0], np.zeros(64), fuel=(128 + 128) // 16)
c.trap("clip_shapes", "tensor.clip", [np.zeros(3), np.zeros(2), 1.0], "shape_mismatch")
c.trap("clip_shapes_above", "tensor.clip", [np.zeros((2, 2)), 0.0, np.zeros(3)], "shape_mismatch")
c.write()
