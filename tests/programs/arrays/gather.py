"""Elements by their places: taking, putting, adding, masks."""
import numpy as np

from program import Program

rng = np.random.default_rng(3)
TYPES = ["?", "u1", "i4", "i8", "f4", "f8", "c8", "c16"]


def some(dtype, shape):
    dtype = np.dtype(dtype)
    if dtype.kind == "c":
        return (rng.integers(-9, 9, shape) + 1j * rng.integers(-9, 9, shape)).astype(dtype)
    return rng.integers(0, 2 if dtype.kind == "b" else 90, shape).astype(dtype)


p = Program("gather", "Taking, putting and adding elements by their places, and by masks.")
for dtype in TYPES:
    x = some(dtype, (3, 4, 2))
    name = str(x.dtype)
    i = rng.integers(0, 24, (2, 3))
    p.run(f"take_{name}", "tensor.take", [x, i], x.ravel()[i])
    axis = TYPES.index(dtype) % 3
    j = rng.integers(0, x.shape[axis], (2, 2))
    p.run(f"take_axis_{name}", "tensor.take_axis", [x, j, axis], np.take(x, j, axis))
    shape = list(x.shape)
    shape[axis] = 5
    k = rng.integers(0, x.shape[axis], shape)
    p.run(f"take_along_{name}", "tensor.take_along", [x, k, axis], np.take_along_axis(x, k, axis))
    v = some(dtype, (2, 3))
    put = x.copy()
    for at, value in zip(i.ravel(), v.ravel()):
        put.reshape(-1)[at] = value
    p.run(f"put_{name}", "tensor.put", [x, i, v], put, writes=True)
    z = np.where(some("?", x.shape), x, np.zeros((), dtype)).astype(dtype)
    p.run(f"nonzero_{name}", "tensor.nonzero", [z], np.argwhere(z))
    p.run(f"nonzero_flat_{name}", "tensor.nonzero_flat", [z], np.flatnonzero(z))
    m = some("?", (3, 4, 2))
    p.run(f"compress_{name}", "tensor.compress", [x, m], x[m])
    p.run(f"compress_rows_{name}", "tensor.compress", [x, m[:, :, 0]], x[m[:, :, 0]])
    p.run(f"compress_planes_{name}", "tensor.compress", [x, m[:, 0, 0]], x[m[:, 0, 0]])
    masked = x.copy()
    masked[m] = v.ravel().repeat(5)[:m.sum()]
    p.run(f"put_mask_{name}", "tensor.put_mask", [x, m, v.ravel().repeat(5)[:m.sum()]], masked, writes=True)
    if dtype != "?":
        added = x.copy()
        np.add.at(added.reshape(-1), i, v)
        p.run(f"scatter_add_{name}", "tensor.scatter_add", [x, i, v], added, writes=True)
        rows = some(dtype, np.take(x, j, axis).shape)
        added = x.copy()
        np.add.at(added, (slice(None),) * axis + (j,), rows)
        p.run(f"scatter_add_axis_{name}", "tensor.scatter_add_axis", [x, j, rows, axis], added, writes=True)
x = np.arange(6.0)
p.run("put_one", "tensor.put", [x, np.array([1, 3]), 9.5], np.array([0, 9.5, 2, 9.5, 4, 5.0]), writes=True)
p.run("add_one", "tensor.scatter_add", [x, np.array([2, 2, 2, 0]), 0.5], np.array([0.5, 1, 3.5, 3, 4, 5]), writes=True)
p.run("put_mask_one", "tensor.put_mask", [x, x > 3, -1.0], np.where(x > 3, -1.0, x), writes=True)
p.run("take_nothing", "tensor.take", [np.zeros(0), np.zeros((0, 2), "i8")], np.zeros((0, 2)))
p.run("take_axis_nothing", "tensor.take_axis", [np.zeros((2, 0)), np.array([1, 0, 1]), 0], np.zeros((3, 0)))
p.run("take_with_number", "tensor.take_axis", [x.reshape(2, 3), np.asarray(1), 0], x[3:])
p.run("put_nothing", "tensor.put", [x, np.zeros(0, "i8"), 1.0], x, writes=True)
p.run("compress_nothing", "tensor.compress", [x, x > 9], np.zeros(0))
p.run("compress_whole", "tensor.compress", [x, np.asarray(True)], x[None])
p.run("nonzero_scalar", "tensor.nonzero", [np.asarray(3.0)], np.zeros((1, 0), "i8"))
p.run("nonzero_edges", "tensor.nonzero_flat", [np.array([0.0, -0.0, np.nan, np.inf])], np.array([2, 3]))
p.run("fuel_take", "tensor.take", [np.zeros(1000), np.zeros(16, "i8")], np.zeros(16), fuel=(2 * 16 + 3 * 16) // 16)
p.run("fuel_compress", "tensor.compress", [np.zeros(64), np.zeros(64, bool)], np.zeros(0),
      fuel=(2 * 64 + (64 + 8 + 64)) // 16)
p.run("fuel_nonzero", "tensor.nonzero", [np.zeros((8, 8))], np.zeros((0, 2), "i8"), fuel=(4 * 128 + 64 + 128) // 16)
i, far = np.array([0, 6]), np.array([[0, 1], [-1, 2]])
p.trap("take_behind", "tensor.take", [x, i], "index_out_of_range")
p.trap("take_negative", "tensor.take", [x, far], "index_out_of_range")
p.trap("take_axis_behind", "tensor.take_axis", [x.reshape(2, 3), np.array([2]), 0], "index_out_of_range")
p.trap("take_no_axis", "tensor.take_axis", [x, np.array([0]), 1], "index_out_of_range")
p.trap("take_many_dims", "tensor.take_axis", [np.zeros((1,) * 5), np.zeros((1,) * 5, "i8"), 0], "invalid_argument")
p.trap("along_dims", "tensor.take_along", [x.reshape(2, 3), np.zeros((2, 2), "i8"), 0], "shape_mismatch")
p.trap("along_rank", "tensor.take_along", [x.reshape(2, 3), np.array([0]), 0], "shape_mismatch")
p.trap("along_behind", "tensor.take_along", [x, np.array([6]), 0], "index_out_of_range")
p.trap("put_behind", "tensor.put", [x, i, 1.0], "index_out_of_range", writes=True, results=0)
p.trap("put_dims", "tensor.put", [x, i, np.zeros(3)], "shape_mismatch", writes=True, results=0)
p.trap("add_behind", "tensor.scatter_add", [x, i, 1.0], "index_out_of_range", writes=True, results=0)
p.trap("add_axis_dims", "tensor.scatter_add_axis", [x, np.array([1]), np.zeros(2), 0], "shape_mismatch", writes=True, results=0)
p.trap("put_into_constant", "tensor.put", [x, np.array([1]), 1.0], "read_only", results=0)
p.trap("mask_into_constant", "tensor.put_mask", [x, x > 1, 1.0], "read_only", results=0)
p.trap("compress_dims", "tensor.compress", [x, np.array([True])], "shape_mismatch")
p.trap("put_mask_dims", "tensor.put_mask", [x.reshape(2, 3), np.array([True, False]), 1.0], "shape_mismatch", writes=True, results=0)
p.trap("put_mask_count", "tensor.put_mask", [x, x > 3, np.zeros(3)], "shape_mismatch", writes=True, results=0)
p.write()
