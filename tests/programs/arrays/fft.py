"""Fourier transforms, cosine and sine transforms, and what rests on them: SciPy's answers."""
import math

import numpy as np
import scipy.fft as sf
import scipy.signal as signal

from program import Program

rng = np.random.default_rng(16)
NEAR = {"f4": "2e-5", "f8": "1e-13", "c8": "2e-5", "c16": "1e-13"}


def some(dtype, shape):
    x = rng.uniform(-1, 1, shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.uniform(-1, 1, shape)
    # Few digits, so that files are short.
    return np.round(x, 3).astype(dtype)


def real_of(dtype):
    return {"c8": "f4", "c16": "f8"}[dtype]


def transform_cost(times, elements, bytes):
    return (times * elements * int(math.log2(max(elements, 2))) + bytes // 8) // 16


p = Program("fft", "Fourier transforms along an axis and along several.")
for dtype in ["c8", "c16"]:
    near = NEAR[dtype]
    for n in [1, 2, 3, 5, 8, 30, 37]:
        x = some(dtype, n)
        p.run(f"forward_{x.dtype}_{n}", "fft.forward", [x, 0], sf.fft(x), near=near)
        p.run(f"inverse_{x.dtype}_{n}", "fft.inverse", [x, 0], sf.ifft(x), near=near)
        r = some(real_of(dtype), n)
        half = sf.rfft(r)
        p.run(f"real_{r.dtype}_{n}", "fft.real", [r, 0], half, near=near)
        p.run(f"real_inverse_{r.dtype}_{n}", "fft.real_inverse", [half, 0, n], sf.irfft(half, n), near=near)
    x = some(dtype, (3, 4, 2))
    r = some(real_of(dtype), (3, 4, 2))
    for axis in range(3):
        p.run(f"forward_{x.dtype}_axis{axis}", "fft.forward", [x, axis], sf.fft(x, axis=axis), near=near)
        p.run(f"real_{r.dtype}_axis{axis}", "fft.real", [r, axis], sf.rfft(r, axis=axis), near=near)
    for norm in ["backward", "ortho", "forward"]:
        for n in [2, 4, 7]:
            args = [x, 1, n, norm]
            p.run(f"forward_{x.dtype}_{norm}_{n}", "fft.forward_as", args, sf.fft(x, n, 1, norm), near=near)
            p.run(f"inverse_{x.dtype}_{norm}_{n}", "fft.inverse_as", args, sf.ifft(x, n, 1, norm), near=near)
            p.run(f"real_{r.dtype}_{norm}_{n}", "fft.real_as", [r, 1, n, norm], sf.rfft(r, n, 1, norm), near=near)
            p.run(f"real_inverse_{x.dtype}_{norm}_{n}", "fft.real_inverse_as", args, sf.irfft(x, n, 1, norm), near=near)
    for name, axes in [("all", []), ("two", [2, 0]), ("one", [1])]:
        listed = axes or None
        p.run(f"forward_axes_{x.dtype}_{name}", "fft.forward_axes", [x, axes], sf.fftn(x, axes=listed), near=near)
        p.run(f"inverse_axes_{x.dtype}_{name}", "fft.inverse_axes", [x, axes], sf.ifftn(x, axes=listed), near=near)
        p.run(f"real_axes_{r.dtype}_{name}", "fft.real_axes", [r, axes], sf.rfftn(r, axes=listed), near=near)
    for norm, lengths in [("ortho", [5, 3]), ("forward", [2, 4]), ("backward", [3, 6])]:
        args, ways = [x, [0, 1], lengths, norm], {"s": lengths, "axes": [0, 1], "norm": norm}
        p.run(f"forward_axes_{x.dtype}_{norm}", "fft.forward_axes_as", args, sf.fftn(x, **ways), near=near)
        p.run(f"inverse_axes_{x.dtype}_{norm}", "fft.inverse_axes_as", args, sf.ifftn(x, **ways), near=near)
        real = [r, [0, 1], lengths, norm]
        p.run(f"real_axes_{r.dtype}_{norm}", "fft.real_axes_as", real, sf.rfftn(r, **ways), near=near)
        p.run(f"real_inverse_axes_{x.dtype}_{norm}", "fft.real_inverse_axes_as", args, sf.irfftn(x, **ways), near=near)
    p.run(f"real_inverse_axes_{x.dtype}", "fft.real_inverse_axes", [x, [0, 1], [-1, 5]],
          sf.irfftn(x, s=[3, 5], axes=[0, 1]), near=near)
x = some("c16", 8)
p.run("keeps_its_length", "fft.forward_as", [x, 0, -1, ""], sf.fft(x), near="1e-14")
p.run("even_by_itself", "fft.real_inverse", [x, 0, -1], sf.irfft(x), near="1e-14")
p.run("of_no_axes", "fft.forward_axes", [np.asarray(2 - 1j), []], np.asarray(2 - 1j))
p.run("no_lanes", "fft.forward", [np.zeros((0, 3), "c16"), 1], np.zeros((0, 3), "c16"))
p.run("edges", "fft.forward", [np.array([np.inf, 1, 2, 3], "c16"), 0], np.full(4, np.nan + 0j), near="1")
p.returns.pop()
zeros = np.zeros(64, "c16")
p.run("fuel_forward", "fft.forward", [zeros, 0], zeros, fuel=transform_cost(5, 64, 2 * 64 * 16))
p.run("fuel_real", "fft.real", [zeros.real.copy(), 0], zeros[:33], fuel=transform_cost(5, 64, 64 * 8 + 33 * 16))
p.trap("no_numbers", "fft.forward", [np.zeros((2, 0), "c16"), 1], "invalid_argument")
p.trap("no_length", "fft.forward_as", [x, 0, 0, "ortho"], "invalid_argument")
p.trap("less_than_none", "fft.real_inverse", [x, 0, -2], "invalid_argument")
p.trap("unknown_norm", "fft.inverse_as", [x, 0, 4, "unitary"], "invalid_argument")
p.trap("no_axis", "fft.forward", [x, 1], "index_out_of_range")
p.trap("axis_from_the_end", "fft.forward", [x, -1], "index_out_of_range")
p.trap("axis_twice", "fft.forward_axes", [np.zeros((2, 2), "c16"), [1, 1]], "invalid_argument")
p.trap("real_of_no_axes", "fft.real_axes", [np.asarray(1.0), []], "invalid_argument")
p.trap("too_long", "fft.forward_as", [x, 0, 1 << 50, ""], "out_of_memory")
p.write()

p = Program("fft_trigonometric", "Cosine and sine transforms.")
for name, there, back in [("dct", sf.dct, sf.idct), ("dst", sf.dst, sf.idst)]:
    for kind in [1, 2, 3, 4]:
        for dtype in ["f4", "f8"]:
            x = some(dtype, (7, 2))
            near = NEAR[dtype]
            label = f"{name}{kind}_{x.dtype}"
            p.run(label, f"fft.{name}", [x, 0, kind], there(x, kind, axis=0), near=near)
            p.run(f"{label}_inverse", f"fft.{name}_inverse", [x, 0, kind], back(x, kind, axis=0), near=near)
        x = some("f8", 6)
        for norm in ["backward", "ortho", "forward"]:
            for n in [4, 6, 9]:
                label = f"{name}{kind}_{norm}_{n}"
                args = [x, 0, kind, n, norm]
                p.run(label, f"fft.{name}_as", args, there(x, kind, n, norm=norm), near="1e-13")
                p.run(f"{label}_inverse", f"fft.{name}_inverse_as", args, back(x, kind, n, norm=norm), near="1e-13")
p.run("fuel_dct", "fft.dct", [np.zeros(64), 0, 2], np.zeros(64), fuel=transform_cost(8, 64, 2 * 64 * 8))
p.trap("no_type", "fft.dct", [np.zeros(4), 0, 5], "invalid_argument")
p.trap("one_of_type_1", "fft.dct", [np.zeros(1), 0, 1], "invalid_argument")
p.trap("sine_of_nothing", "fft.dst", [np.zeros(0), 0, 2], "invalid_argument")
p.write()

p = Program("fft_frequencies", "Frequencies, and the middle one first.")
for dtype in ["f4", "f8"]:
    for n in [1, 2, 5, 8]:
        spacing = np.dtype(dtype).type(0.25)
        p.run(f"freq_{n}_{dtype}", "fft.freq", [n, spacing], sf.fftfreq(n, 0.25).astype(dtype), kinds=[{"f4": "f32", "f8": "f64"}[dtype]])
        p.run(f"rfreq_{n}_{dtype}", "fft.rfreq", [n, spacing], sf.rfftfreq(n, 0.25).astype(dtype), kinds=[{"f4": "f32", "f8": "f64"}[dtype]])
for x in [np.arange(12).reshape(3, 4), np.arange(5.0), some("c8", (2, 3)), np.arange(8) % 3 == 0]:
    for axes in [[], [0]]:
        label = f"{x.dtype}_{x.ndim}_{len(axes)}"
        p.run(f"shift_{label}", "fft.shift", [x, axes], sf.fftshift(x, axes or None))
        p.run(f"unshift_{label}", "fft.unshift", [x, axes], sf.ifftshift(x, axes or None))
p.run("shift_nothing", "fft.shift", [np.zeros((0, 2)), []], np.zeros((0, 2)))
p.trap("freq_of_nothing", "fft.freq", [0, 1.0], "invalid_argument", kinds=["f64"])
p.trap("shift_no_axis", "fft.shift", [np.zeros(3), [1]], "index_out_of_range")
p.write()

p = Program("fft_spectral", "Spectral derivatives and the Laplacian.")
TAU = 2 * math.pi


def derivative(x, axis, order, period):
    """By the definition, with NumPy's transforms."""
    n = x.shape[axis]
    k = sf.fftfreq(n, 1 / n)
    if order % 2 and n % 2 == 0:
        k[n // 2] = 0
    factor = (2j * math.pi / period * k) ** order
    y = sf.ifft(sf.fft(x, axis=axis) * factor.reshape([-1 if a == axis else 1 for a in range(x.ndim)]), axis=axis)
    return (y if np.iscomplexobj(x) else y.real).astype(x.dtype)


for dtype in ["f4", "f8", "c8", "c16"]:
    x = some(dtype, (6, 5))
    for axis, order, period in [(0, 1, TAU), (1, 1, 2.0), (0, 2, 3.0), (1, 3, TAU), (0, 3, TAU), (1, 0, 1.0)]:
        near = "1e-11" if dtype in ("f8", "c16") else "5e-4"
        p.run(f"derivative_{x.dtype}_{axis}_{order}", "fft.derivative", [x, axis, order, period],
              derivative(x, axis, order, period), near=near)
    sum = derivative(x, 0, 2, TAU) + derivative(x, 1, 2, 3.0)
    near = "1e-11" if dtype in ("f8", "c16") else "5e-4"
    p.run(f"laplacian_{x.dtype}", "fft.laplacian", [x, [], np.array([TAU, 3.0])], sum, near=near)
    p.run(f"laplacian_{x.dtype}_axes", "fft.laplacian", [x, [1, 0], np.array([3.0, TAU])], sum, near=near)
x = np.zeros((2, 3))
p.trap("no_period", "fft.derivative", [x, 0, 1, 0.0], "invalid_argument")
p.trap("period_nan", "fft.derivative", [x, 0, 1, math.nan], "invalid_argument")
p.trap("order_below_0", "fft.derivative", [x, 0, -1, 1.0], "invalid_argument")
p.trap("periods_of_others", "fft.laplacian", [x, [0], np.ones(2)], "shape_mismatch")
p.trap("no_samples", "fft.derivative", [np.zeros((0, 2)), 0, 1, 1.0], "invalid_argument")
p.write()

p = Program("fft_convolve", "Convolution and correlation.")
SHAPES = [((5,), (3,)), ((3,), (5,)), ((4, 5), (2, 3)), ((2, 3), (4, 5)), ((3, 2, 2), (1, 2, 2)), ((1,), (1,))]
for dtype in ["f4", "f8", "c8", "c16"]:
    for number, (a, b) in enumerate(SHAPES):
        a, b = some(dtype, a), some(dtype, b)
        for mode in ["full", "same", "valid"]:
            label = f"{a.dtype}_{number}_{mode}"
            p.run(f"convolve_{label}", "fft.convolve", [a, b, mode], signal.convolve(a, b, mode, "direct"), near=NEAR[dtype])
            p.run(f"correlate_{label}", "fft.correlate", [a, b, mode],
                  signal.convolve(a, np.flip(b).conj(), mode, "direct"), near=NEAR[dtype])
p.run("convolve_scalars", "fft.convolve", [np.asarray(2.0), np.asarray(-3.5), ""], np.asarray(-7.0))
p.run("correlate_signal", "fft.correlate", [np.array([1.0, 2, 3]), np.array([0.0, 1, 0.5]), "full"],
      signal.correlate(np.array([1.0, 2, 3]), np.array([0.0, 1, 0.5])), near="1e-15")
p.trap("other_rank", "fft.convolve", [np.zeros((2, 2)), np.zeros(2), ""], "shape_mismatch")
p.trap("nothing", "fft.convolve", [np.zeros(0), np.zeros(2), ""], "empty")
p.trap("neither_within", "fft.convolve", [np.zeros((2, 3)), np.zeros((3, 2)), "valid"], "shape_mismatch")
p.trap("unknown_mode", "fft.convolve", [np.zeros(2), np.zeros(2), "part"], "invalid_argument")
p.write()
