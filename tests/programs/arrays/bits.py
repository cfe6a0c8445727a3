"""Logic of truth values and integers, shifts, division that rounds down, signs, kinds of numbers."""
import numpy as np

from program import Program

inf, nan = np.inf, np.nan
p = Program("bits", "Logic of truth values and integers, shifts, floor division, signs, kinds of numbers.")
EDGES = {"u1": [0, 1, 200, 255, 7], "i4": [0, -1, 2**31 - 1, -2**31, 77], "i8": [0, -1, 2**63 - 1, -2**63, 77]}
for dtype, edges in EDGES.items():
    a = np.array(edges, dtype)
    b = np.roll(a, 2)
    for name, f in [("and", np.bitwise_and), ("or", np.bitwise_or), ("xor", np.bitwise_xor)]:
        p.run(f"{name}_{a.dtype}", f"tensor.{name}", [a[:, None], b], f(a[:, None], b))
        p.run(f"{name}_number_{a.dtype}", f"tensor.{name}", [a, 12], f(a, a.dtype.type(12)))
    p.run(f"not_{a.dtype}", "tensor.not", [a], ~a)
    width = a.dtype.itemsize * 8
    by = np.array([0, 1, 3, width - 1], dtype)
    p.run(f"shl_{a.dtype}", "tensor.shl", [a[:, None], by], a[:, None] << by)
    p.run(f"shr_{a.dtype}", "tensor.shr", [a[:, None], by], a[:, None] >> by)
    # Beyond the width it counts modulo the width, as for single numbers.
    p.run(f"shl_far_{a.dtype}", "tensor.shl", [a, width + 2], a << a.dtype.type(2))
    c = np.array([7, 3, 2, 5, 1] if dtype == "u1" else [7, -7, 3, -1, -3], dtype)
    d = np.array([3, 7, 1, 200, 2] if dtype == "u1" else [3, -3, 2, -2, -5, 1], dtype)
    p.run(f"floor_div_{a.dtype}", "tensor.floor_div", [c[:, None], d], c[:, None] // d)
    p.run(f"mod_{a.dtype}", "tensor.mod", [c[:, None], d], c[:, None] % d)
    p.run(f"sign_{a.dtype}", "tensor.sign", [a], np.sign(a))
for dtype in ["i4", "i8"]:
    low = np.array([np.iinfo(dtype).min], dtype)
    p.run(f"floor_div_lowest_{low.dtype}", "tensor.floor_div", [low, -1], low)
    p.run(f"mod_lowest_{low.dtype}", "tensor.mod", [low, -1], np.zeros(1, dtype))
t = np.array([False, False, True, True])
u = np.array([False, True, False, True])
for name, f in [("and", np.logical_and), ("or", np.logical_or), ("xor", np.logical_xor)]:
    p.run(f"{name}_bool", f"tensor.{name}", [t, u], f(t, u))
    p.run(f"{name}_bool_one", f"tensor.{name}", [t, True], f(t, True))
p.run("not_bool", "tensor.not", [t], ~t)
for dtype in ["f4", "f8"]:
    a = np.array([7.5, -7.5, 0.0, -0.0, inf, nan, 1e30, 0.1], dtype)[:, None]
    b = np.array([2.0, -2.0, 0.1, inf, -inf, 0.0, nan], dtype)
    p.run(f"floor_div_{a.dtype}", "tensor.floor_div", [a, b], a // b)
    p.run(f"mod_{a.dtype}", "tensor.mod", [a, b[:5]], a % b[:5])
    x = np.array([[1.5, -2.5, 0.0], [-0.0, inf, -inf], [nan, 1e-45, -5e-324]], dtype)
    p.run(f"sign_{x.dtype}", "tensor.sign", [x], np.sign(x) + 0.0)
    p.run(f"nan_{x.dtype}", "tensor.is_nan", [x], np.isnan(x))
    p.run(f"inf_{x.dtype}", "tensor.is_inf", [x], np.isinf(x))
    p.run(f"finite_{x.dtype}", "tensor.is_finite", [x], np.isfinite(x))
for dtype in ["c8", "c16"]:
    z = np.array([1 + 2j, complex(nan, 1), complex(1, nan), complex(inf, nan), complex(0, -inf)], dtype)
    p.run(f"nan_{z.dtype}", "tensor.is_nan", [z], np.isnan(z))
    p.run(f"inf_{z.dtype}", "tensor.is_inf", [z], np.isinf(z))
    p.run(f"finite_{z.dtype}", "tensor.is_finite", [z], np.isfinite(z))
p.run("fuel_xor", "tensor.xor", [np.zeros(64, "i8"), 1], np.ones(64, "i8"), fuel=(64 + 128) // 16)
p.trap("shapes", "tensor.xor", [np.zeros(3, "i8"), np.zeros(2, "i8")], "shape_mismatch")
p.trap("floor_div_by_zero", "tensor.floor_div", [np.ones(3, "i4"), np.array([1, 0, 1], "i4")], "divide_by_zero")
p.trap("mod_by_zero", "tensor.mod", [np.ones(3, "i8"), 0], "divide_by_zero")
p.write()

c = Program("complex", "Complex elements: parts, conjugates, absolute values, angles, exponentials, roots.")
for dtype, near in [("c8", "1e-6"), ("c16", "1e-15")]:
    z = np.array([[3 + 4j, -3 - 4j, 1j], [-2.5, 0, 0.25 - 1.5j], [-1e-3 + 1e-3j, 2 - 1j, -7 + 0.5j]], dtype)
    part = z.real.dtype
    c.run(f"of_parts_{z.dtype}", "complex.of_parts", [z.real.copy(), z.imag.copy()], z)
    c.run(f"of_row_{z.dtype}", "complex.of_parts", [z.real[:, :1].copy(), z.imag[0].copy()],
          (z.real[:, :1] + 1j * z.imag[0]).astype(dtype))
    c.run(f"real_{z.dtype}", "complex.real", [z], z.real.copy())
    c.run(f"imag_{z.dtype}", "complex.imag", [z], z.imag.copy())
    c.run(f"conj_{z.dtype}", "complex.conj", [z], np.conj(z))
    c.run(f"abs_{z.dtype}", "complex.abs", [z], np.abs(z), near=near)
    c.run(f"angle_{z.dtype}", "complex.angle", [z], np.angle(z), near=near)
    c.run(f"exp_{z.dtype}", "complex.exp", [z], np.exp(z), near="1e-5" if dtype == "c8" else "1e-13")
    c.run(f"sqrt_{z.dtype}", "complex.sqrt", [z], np.sqrt(z), near=near)
    pairs = [complex(a, b) for a in [-inf, -1.0, -0.0, 0.0, 2.0, inf, nan] for b in [-inf, -0.0, 0.0, 1.0, inf, nan]]
    edges = np.array(pairs, dtype)
    c.run(f"sqrt_edges_{z.dtype}", "complex.sqrt", [edges], np.sqrt(edges), near=near)
    # Where C leaves the sign of what comes of infinite angles open, NumPy's is not asked for.
    known = np.array([v for v in pairs if not (np.isinf(v.real) and not np.isfinite(v.imag))], dtype)
    c.run(f"exp_edges_{z.dtype}", "complex.exp", [known], np.exp(known), near=near)
    c.run(f"abs_edges_{z.dtype}", "complex.abs", [edges], np.abs(edges), near=near)
huge = np.array([1e308 + 1e308j, -1e308 + 1e-300j, 3e-310 - 4e-310j, 5e-324j])
c.run("sqrt_huge", "complex.sqrt", [huge[:2]], np.sqrt(huge[:2]), near="1e139")
c.run("sqrt_tiny", "complex.sqrt", [huge[2:]], np.sqrt(huge[2:]), near="1e-169")
c.run("exp_large", "complex.exp", [np.array([709.9 + 1.5j])], np.exp(np.array([709.9 + 1.5j])), near="1e295")
c.run("nothing", "complex.exp", [np.zeros((0, 2), "c16")], np.zeros((0, 2), "c16"))
c.run("fuel_abs", "complex.abs", [np.zeros(16, "c16")], np.zeros(16), fuel=(160 + 48) // 16)
c.trap("parts_shapes", "complex.of_parts", [np.zeros(3), np.zeros(2)], "shape_mismatch")
c.write()
