#!/usr/bin/env python3
"""Writes cases.txt: operations of the catalogue with the results of NumPy.

A line is `name elems | argument | ... | result`. An argument or result is
`elem dims : values` for a tensor, `elem = value` for a scalar, `[ ints ]` for
a bracketed list. Results are compared bit for bit, or, after `~`, to within
four units in the last place (NumPy has its own transcendental functions).
Run it from this folder; the committed file was made with NumPy 2.4.
"""

import numpy as np

NAMES = {"uint8": "u8", "int32": "i32", "int64": "i64", "float32": "f32", "float64": "f64",
         "complex64": "c64", "complex128": "c128", "bool": "bool"}
REGISTER = {"u8": "i32"}
rng = np.random.default_rng(20261121)
lines = []


def value(x):
    if isinstance(x, (np.complexfloating, complex)):
        return f"{value(x.real)},{value(x.imag)}"
    if isinstance(x, (np.bool_, bool)):
        return "1" if x else "0"
    if isinstance(x, np.floating):
        return str(x)
    return str(int(x))


def show(x):
    if isinstance(x, list):
        return "[ " + " ".join(map(str, x)) + " ]"
    elem = NAMES[str(x.dtype)]
    if isinstance(x, np.generic):
        return f"{REGISTER.get(elem, elem)} = {value(x)}"
    return f"{elem} {'x'.join(map(str, x.shape))} : " + " ".join(value(v) for v in x.ravel())


def case(name, elems, args, result, near=False):
    parts = [f"{name} {' '.join(NAMES[str(np.dtype(e))] for e in elems)}"] + [show(a) for a in args]
    lines.append(" | ".join(parts) + (" ~ " if near else " | ") + show(result))


def numbers(dtype, shape):
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        small = rng.integers(0, 20, shape) - (0 if dtype.kind == "u" else 10)
        wide = rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
        return np.where(rng.random(shape) < 0.7, small, wide).astype(dtype)
    if dtype.kind == "c":
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)
    return rng.normal(scale=3, size=shape).astype(dtype)


REAL = ["u1", "i4", "i8", "f4", "f8"]
NUMBER = REAL + ["c8", "c16"]
SHAPES = [((5,), (5,)), ((2, 1), (1, 3)), ((), (4,)), ((2, 2, 2), (2, 1)), ((0, 2), (1, 2))]

with np.errstate(all="ignore"):
    for dtype in NUMBER:
        for a_shape, b_shape in SHAPES:
            a, b = np.asarray(numbers(dtype, a_shape)), np.asarray(numbers(dtype, b_shape))
            for name, f in [("add", np.add), ("sub", np.subtract), ("mul", np.multiply)]:
                # Complex products may be fused in NumPy.
                case(f"tensor.{name}", [dtype], [a, b], np.asarray(f(a, b)), near=dtype[0] == "c" and name == "mul")
            for name, f in [("eq", np.equal), ("ne", np.not_equal)]:
                case(f"tensor.{name}", [dtype], [a, b], np.asarray(f(a, b)))
        x = numbers(dtype, (5,))
        case("tensor.neg", [dtype], [x], -x)
    for dtype in REAL:
        for a_shape, b_shape in SHAPES:
            a, b = np.asarray(numbers(dtype, a_shape)), np.asarray(numbers(dtype, b_shape))
            for name, f in [("minimum", np.minimum), ("maximum", np.maximum)]:
                case(f"tensor.{name}", [dtype], [a, b], np.asarray(f(a, b)))
            for name, f in [("lt", np.less), ("le", np.less_equal), ("gt", np.greater), ("ge", np.greater_equal)]:
                case(f"tensor.{name}", [dtype], [a, b], np.asarray(f(a, b)))
            divisor = np.where(b == 0, np.asarray(3, b.dtype), b)
            if b.dtype.kind == "f":
                case("tensor.div", [dtype], [a, divisor], np.asarray(a / divisor))
            elif dtype != "i8":
                exact = np.trunc(a.astype("f8") / divisor.astype("f8")).astype("i8").astype(dtype)
                case("tensor.div", [dtype], [a, divisor], np.asarray(exact))
            case("tensor.rem", [dtype], [a, divisor], np.asarray(np.fmod(a, divisor)))
        x = numbers(dtype, (6,))
        case("tensor.abs", [dtype], [x], np.abs(x))
        # Sums of two elements have one order only; of integers any.
        for shape in [(1,), (2,), (2, 1)] if np.dtype(dtype).kind == "f" else [(9,), (3, 40), (0,)]:
            x = numbers(dtype, shape)
            scalar = np.dtype("i4") if dtype == "u1" else np.dtype(dtype)
            case("tensor.sum", [dtype], [x], scalar.type(0) + x.astype(scalar).sum(dtype=scalar))
            case("tensor.prod", [dtype], [x], x.astype(scalar).prod(dtype=scalar))
        x = numbers(dtype, (2, 4, 3))
        for name, f in [("min", np.min), ("max", np.max)]:
            scalar = np.dtype("i4") if dtype == "u1" else np.dtype(dtype)
            case(f"tensor.{name}", [dtype], [x], scalar.type(f(x)))
        for name, f in [("argmin", np.argmin), ("argmax", np.argmax)]:
            case(f"tensor.{name}", [dtype], [x], np.int64(f(x)))
        for axis in range(3):
            for name, f in [("min", np.min), ("max", np.max), ("argmin", np.argmin), ("argmax", np.argmax)]:
                case(f"tensor.{name}_axis", [dtype], [x, np.int64(axis)], f(x, axis=axis))
            if np.dtype(dtype).kind != "f":
                case("tensor.sum_axis", [dtype], [x, np.int64(axis)], x.sum(axis=axis, dtype=dtype))
                case("tensor.prod_axis", [dtype], [x, np.int64(axis)], x.prod(axis=axis, dtype=dtype))
    for dtype in ["f4", "f8"]:
        x = np.concatenate([numbers(dtype, (12,)), np.array([0.0, -0.0, 0.5, 2.5, -1.5], dtype)])
        for name, f in [("ceil", np.ceil), ("floor", np.floor), ("trunc", np.trunc), ("nearest", np.rint)]:
            case(f"tensor.{name}", [dtype], [x], f(x))
        case("tensor.sqrt", [dtype], [np.abs(x)], np.sqrt(np.abs(x)))
        unit = np.clip(x / 10, -1, 1).astype(dtype)
        for name, f, domain in [
            ("sin", np.sin, x), ("cos", np.cos, x), ("tan", np.tan, x), ("asin", np.arcsin, unit),
            ("acos", np.arccos, unit), ("atan", np.arctan, x), ("sinh", np.sinh, x), ("cosh", np.cosh, x),
            ("tanh", np.tanh, x), ("exp", np.exp, x), ("exp2", np.exp2, x), ("expm1", np.expm1, x),
            ("ln", np.log, np.abs(x)), ("log2", np.log2, np.abs(x)), ("log10", np.log10, np.abs(x)),
            ("log1p", np.log1p, np.abs(x)), ("cbrt", np.cbrt, x),
        ]:
            case(f"tensor.{name}", [dtype], [domain], f(domain), near=True)
        y = numbers(dtype, x.shape)
        case("tensor.pow", [dtype], [np.abs(x), y], np.power(np.abs(x), y), near=True)
        case("tensor.atan2", [dtype], [x, y], np.arctan2(x, y), near=True)
        case("tensor.hypot", [dtype], [x, y], np.hypot(x, y), near=True)
        for a, b, n in [(0, 1, 7), (-3.5, 2.25, 10), (5, 5, 3)]:
            a, b = np.dtype(dtype).type(a), np.dtype(dtype).type(b)
            case("tensor.linspace", [dtype], [a, b, np.int64(n)], np.linspace(np.float64(a), np.float64(b), n).astype(dtype), near=True)
        x = np.abs(numbers(dtype, (4, 5)))
        case("tensor.mean", [dtype], [x], x.mean(), near=True)
        for axis in range(2):
            case("tensor.mean_axis", [dtype], [x, np.int64(axis)], x.mean(axis=axis), near=True)
            case("tensor.sum_axis", [dtype], [x, np.int64(axis)], x.sum(axis=axis), near=True)
    for dtype in ["?"] + NUMBER:
        x = numbers(dtype, (3, 2, 2))
        case("tensor.reshape", [dtype], [x, [6, -1]], x.reshape(6, 2))
        case("tensor.slice0", [dtype], [x, np.int64(1), np.int64(3)], x[1:3])
        case("tensor.row", [dtype], [x, np.int64(2)], x[2])
        case("tensor.slice", [dtype], [x, [1, 0, 1], [3, 2, 2]], x[1:3, 0:2, 1:2])
        for order in [[], [1, 0, 2], [0, 2, 1]]:
            case("tensor.transpose", [dtype], [x, order], x.transpose(order or None))
        for axis in range(3):
            case("tensor.concat", [dtype], [x, x, np.int64(axis)], np.concatenate([x, x], axis))
        c = numbers("?", (2, 1))
        case("tensor.where", [dtype], [c, x, x[0, 0]], np.where(c, x, x[0, 0]))
        case("tensor.copy", [dtype], [x], x)
        case("tensor.dims", [dtype], [x], np.array(x.shape, "i8"))
    for name, f in [("and", np.logical_and), ("or", np.logical_or)]:
        a, b = numbers("?", (6,)), numbers("?", (6,))
        case(f"tensor.{name}", ["?"], [a, b], f(a, b))
    for dtype in ["u1", "i4", "i8", "f4", "f8", "?"]:
        for to in ["u1", "i4", "i8", "f4", "f8", "?"]:
            x = numbers(dtype, (8,))
            if np.dtype(dtype).kind == "f" and np.dtype(to).kind in "iu":
                x = np.abs(x)
            case("tensor.cast", [dtype, to], [x], x.astype(to))
    for dtype in ["f4", "f8", "c8", "c16"]:
        for m, k, n in [(2, 3, 4), (9, 10, 11)]:
            # Small integers, so that every order of summation is exact.
            a, b = np.round(numbers(dtype, (m, k))), np.round(numbers(dtype, (k, n)))
            case("linalg.matmul", [dtype], [a, b], a @ b)
        case("linalg.matmul", [dtype], [a, b[:, 0]], a @ b[:, 0])
        case("linalg.matmul", [dtype], [a[0], b], a[0] @ b)
    for dtype, a, b, s in [("i4", 3, 17, 4), ("i8", 10, -5, -3), ("u1", 0, 9, 2), ("f8", 0, 2, 0.25), ("f4", 1, -1, -0.5)]:
        t = np.dtype("i4") if dtype == "u1" else np.dtype(dtype)
        case("tensor.arange", [dtype], [t.type(a), t.type(b), t.type(s)], np.arange(a, b, s).astype(dtype))

with open("cases.txt", "w") as f:
    f.write("\n".join(lines) + "\n")
print(len(lines), "cases")
