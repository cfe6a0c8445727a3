"""Elements in another order or number."""
import numpy as np

from program import Lists, Program

rng = np.random.default_rng(4)
TYPES = ["?", "u1", "i4", "i8", "f4", "f8", "c8", "c16"]


def some(dtype, shape):
    dtype = np.dtype(dtype)
    if dtype.kind == "c":
        return (rng.integers(-9, 9, shape) + 1j * rng.integers(-9, 9, shape)).astype(dtype)
    return rng.integers(0, 2 if dtype.kind == "b" else 90, shape).astype(dtype)


p = Program("arrange", "Elements rolled, turned round, taken by steps, padded, repeated, joined.")
for n, dtype in enumerate(TYPES):
    x = some(dtype, (3, 4, 2))
    name = str(x.dtype)
    p.run(f"roll_{name}", "tensor.roll", [x, [n - 3, 5], [n % 3, 1]], np.roll(x, (n - 3, 5), (n % 3, 1)))
    axes = [[0], [1], [2], [0, 2], [1, 2], [0, 1], [], [2, 1]][n]
    p.run(f"flip_{name}", "tensor.flip", [x, axes], np.flip(x, axes or None))
    cut = [(slice(None, None, -1), slice(1, 4, 2), slice(0, 1)), (slice(2, 0, -1), slice(3, None, -2), slice(None)),
           (slice(0, 3, 2), slice(None), slice(None, None, -1)), (slice(1, 1), slice(0, 4), slice(0, 2))][n % 4]
    three = list(zip(*[s.indices(d) for s, d in zip(cut, x.shape)]))
    p.run(f"steps_{name}", "tensor.slice_step", [x] + [list(l) for l in three], x[cut])
    before, behind = [[1, 0, 2], [0, 2, 0]][n % 2], [[0, 2, 1], [1, 0, 0]][n % 2]
    widths = list(zip(before, behind))
    given = some(dtype, ())
    one = given if given.dtype.kind == "c" else given[()].item()
    p.run(f"pad_{name}", "tensor.pad", [x, before, behind, np.asarray(one, x.dtype) if n % 2 or given.dtype.kind == "c" else one],
          np.pad(x, widths, constant_values=given))
    mode = ["edge", "wrap", "reflect", "symmetric"][n % 4]
    p.run(f"pad_{mode}_{name}", f"tensor.pad_{mode}", [x, before, behind], np.pad(x, widths, mode))
    p.run(f"repeat_{name}", "tensor.repeat", [x, 3, n % 3], np.repeat(x, 3, n % 3))
    times = [[2, 1, 3], [1, 2, 1]][n % 2]
    p.run(f"tile_{name}", "tensor.tile", [x, times], np.tile(x, times))
    y, z = some(dtype, (3, 4, 2)), some(dtype, (3, 4, 2))
    for axis in [n % 4]:
        p.run(f"stack_{name}", "tensor.stack", [Lists([x, y, z]), axis], np.stack([x, y, z], axis))
    wide = [some(dtype, tuple(k if a == n % 3 else d for a, d in enumerate(x.shape))) for k in [1, 0, 4]]
    p.run(f"concat_{name}", "tensor.concat_list", [Lists([x] + wide), n % 3], np.concatenate([x] + wide, n % 3))
    if dtype != "?":
        p.run(f"outer_{name}", "tensor.outer", [x[0, 0], y[:, :, 0]], np.outer(x[0, 0], y[:, :, 0]))
x = np.arange(5.0)
for mode in ["edge", "wrap", "reflect", "symmetric"]:
    p.run(f"far_{mode}", f"tensor.pad_{mode}", [x, [13], [11]], np.pad(x, (13, 11), mode))
    p.run(f"one_{mode}", f"tensor.pad_{mode}", [x[:1], [2], [1]], np.pad(x[:1], (2, 1), mode))
p.run("roll_far", "tensor.roll", [x, [-(1 << 40) - 2], [0]], np.roll(x, -(1 << 40) - 2))
p.run("roll_nothing", "tensor.roll", [np.zeros((0, 2)), [3], [0]], np.zeros((0, 2)))
p.run("roll_no_axes", "tensor.roll", [x, [], []], x)
p.run("flip_scalar", "tensor.flip", [np.asarray(2.0), []], np.asarray(2.0))
p.run("steps_huge", "tensor.slice_step", [x, [4], [-1], [-(1 << 62)]], x[4:5])
p.run("steps_none", "tensor.slice_step", [x, [1], [3], [-1]], np.zeros(0))
p.run("pad_nothing", "tensor.pad", [np.zeros((0, 2)), [1, 0], [1, 1], 7.0], np.full((2, 3), 7.0))
p.run("repeat_never", "tensor.repeat", [x, 0, 0], np.zeros(0))
p.run("tile_never", "tensor.tile", [x.reshape(5, 1), [1, 0]], np.zeros((5, 0)))
p.run("stack_scalars", "tensor.stack", [Lists([np.asarray(1.0), np.asarray(2.0)]), 0], np.array([1.0, 2.0]))
p.run("outer_nothing", "tensor.outer", [x, np.zeros(0)], np.zeros((5, 0)))
p.run("fuel_pad", "tensor.pad", [np.zeros(30), [1], [1], 0.0], np.zeros(32), fuel=(32 + 62) // 16)
p.run("fuel_steps", "tensor.slice_step", [np.zeros(64), [0], [64], [4]], np.zeros(16), fuel=(16 + 32) // 16)
p.run("fuel_tile", "tensor.tile", [np.zeros(8), [4]], np.zeros(32), fuel=(32 + 40) // 16)
p.trap("roll_no_axis", "tensor.roll", [x, [1], [1]], "index_out_of_range")
p.trap("flip_twice", "tensor.flip", [np.zeros((2, 2)), [0, 0]], "invalid_argument")
p.trap("steps_of_zero", "tensor.slice_step", [x, [0], [3], [0]], "invalid_argument")
p.trap("steps_behind", "tensor.slice_step", [x, [0], [6], [1]], "index_out_of_range")
p.trap("steps_before", "tensor.slice_step", [x, [4], [-2], [-1]], "index_out_of_range")
p.trap("steps_from_end", "tensor.slice_step", [x, [5], [-1], [-1]], "index_out_of_range")
p.trap("steps_rank", "tensor.slice_step", [x, [0, 0], [1, 1], [1, 1]], "rank_mismatch")
p.trap("pad_negative", "tensor.pad", [x, [-1], [0], 0.0], "invalid_argument")
p.trap("pad_rank", "tensor.pad", [x, [], [], 0.0], "rank_mismatch")
p.trap("pad_vector", "tensor.pad", [x, [1], [0], np.zeros(1)], "shape_mismatch")
p.trap("pad_far", "tensor.pad", [x, [(1 << 63) - 1], [1], 0.0], "invalid_argument")
p.trap("pad_edge_nothing", "tensor.pad_edge", [np.zeros(0), [1], [0]], "empty")
p.trap("pad_large", "tensor.pad_wrap", [x, [1 << 60], [0]], "out_of_memory")
p.trap("repeat_negative", "tensor.repeat", [x, -1, 0], "invalid_argument")
p.trap("repeat_far", "tensor.repeat", [x, 1 << 62, 0], "invalid_argument")
p.trap("tile_rank", "tensor.tile", [x, [1, 2]], "rank_mismatch")
p.trap("tile_far", "tensor.tile", [x, [1 << 62]], "invalid_argument")
p.trap("stack_dims", "tensor.stack", [Lists([x, np.zeros(4)]), 0], "shape_mismatch")
p.trap("stack_axis", "tensor.stack", [Lists([x, x]), 2], "index_out_of_range")
p.trap("concat_dims", "tensor.concat_list", [Lists([np.zeros((2, 2)), np.zeros((3, 3))]), 0], "shape_mismatch")
p.write()
