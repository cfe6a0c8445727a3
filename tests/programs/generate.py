#!/usr/bin/env python3
"""Writes the files of returns/ that go through one family of scalar instructions
with every edge value. Answers come from Python's integers and fractions, NumPy
(single precision, conversions) and mpmath (functions), never from NBC.

    pip install numpy mpmath; python3 tests/programs/generate.py
"""
import itertools
import math
import os
from fractions import Fraction

import mpmath
import numpy as np

np.seterr(all="ignore")
mpmath.mp.prec = 200
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "returns")
INF, NAN = math.inf, math.nan


# --- literals ---------------------------------------------------------------

def lit(ty, v):
    """The value as the text format writes it."""
    if ty == "bool":
        return "true" if v else "false"
    if ty in ("i32", "i64"):
        return str(wrap(int(v), int(ty[1:])))
    if math.isnan(v):
        return "nan"
    return str(np.float32(v)) if ty == "f32" else repr(float(v))


def wrap(v, bits):
    v &= (1 << bits) - 1
    return v - (1 << bits) if v >> (bits - 1) else v


def unsigned(v, bits):
    return v & ((1 << bits) - 1)


# --- files ------------------------------------------------------------------

class File:
    def __init__(self, name, about):
        self.name, self.about, self.runs, self.functions = name, about, [], []

    def function(self, name, params, result, body):
        args = ", ".join(f"%{n}: {t}" for n, t in zip("abc", params))
        lines = "\n".join(l if l.endswith(":") else "  " + l for l in body)
        self.functions.append(f"export func @{name}({args}) -> {result} {{\n{lines}\n}}\n")

    def run(self, name, types, args, result, value, tolerance=None):
        call = f"@{name}({', '.join(lit(t, a) for t, a in zip(types, args))})"
        answer = lit(result, value)
        if tolerance is None or answer in ("nan", "inf", "-inf", "0.0", "-0.0"):
            self.runs.append(f"; run: {call} == {answer}")
        else:
            self.runs.append(f"; run: {call} ~= {answer} {tolerance:.1e}")

    def write(self):
        head = "; " + "\n; ".join(self.about) + "\n; Written by generate.py; answers from Python, NumPy and mpmath.\n;\n"
        with open(os.path.join(HERE, self.name + ".nba"), "w") as f:
            f.write(head + "\n".join(self.runs) + "\n\n" + "\n".join(self.functions))


def simple(f, op, types, result, cases, answer, literals=True, tolerance=None):
    """The instruction with all operands in registers, and the second, or the
    first, as a literal; the result goes to a new register or over an operand."""
    name, regs = op.split(".")[1], ["%a", "%b", "%c"][: len(types)]
    f.function(name, types, result, [f"%r = {op} {', '.join(regs)}", "ret %r"])
    for args in cases:
        v = answer(*args)
        f.run(name, types, args, result, v, tolerance and tolerance(v))
    if literals and len(types) == 2:
        over = "%r" if types[0] != result else "%a"
        for n, args in enumerate(cases[:3]):
            v, (x, y) = answer(*args), (lit(t, a) for t, a in zip(types, args))
            f.function(f"{name}_literal{n}", types[:1], result, [f"{over} = {op} %a, {y}", f"ret {over}"])
            f.run(f"{name}_literal{n}", types[:1], args[:1], result, v, tolerance and tolerance(v))
            f.function(f"literal{n}_{name}", types[1:], result, [f"{over} = {op} {x}, %a", f"ret {over}"])
            f.run(f"literal{n}_{name}", types[1:], args[1:], result, v, tolerance and tolerance(v))


def compare(f, op, ty, cases, answer):
    """A comparison as a value and as the condition of a branch, in both orders of
    the blocks, against a register and against a literal."""
    name = op.split(".")[1]
    simple(f, op, [ty, ty], "bool", cases, answer, literals=False)
    f.function(name + "_branch", [ty, ty], "i32",
               [f"%c = {op} %a, %b", "br_if %c, yes, no", "yes:", "ret 1", "no:", "ret 0"])
    f.function(name + "_else", [ty, ty], "i32",
               [f"%c = {op} %a, %b", "br_if %c, yes, no", "no:", "ret 0", "yes:", "ret 1"])
    for args in cases[:8]:
        for form in ("branch", "else"):
            f.run(f"{name}_{form}", [ty, ty], args, "i32", answer(*args))
    literal = cases[0][1]
    f.function(name + "_branch_literal", [ty], "i32",
               [f"%c = {op} %a, {lit(ty, literal)}", "br_if %c, yes, no", "yes:", "ret 1", "no:", "ret 0"])
    for x in sorted({c[0] for c in cases if c[0] == c[0]})[:4]:
        f.run(name + "_branch_literal", [ty], [x], "i32", answer(x, literal))


# --- integers ---------------------------------------------------------------

def integers(bits):
    ty = f"i{bits}"
    lo, hi = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    pattern = wrap(0xA5A5A5A5DEADBEEF >> (64 - bits), bits)
    pairs = [(7, -3), (lo, -1), (pattern, 12345), (0, 0), (1, 1), (hi, 1), (lo, lo), (hi, hi), (-1, -1), (lo, 1),
             (-7, 3), (-7, -3), (hi, lo), (-1, 1), (1, -1), (pattern, -pattern)]
    safe = [p for p in pairs if p[1]]
    u = lambda v: unsigned(v, bits)
    w = lambda v: wrap(v, bits)

    def div(a, b):
        q = abs(a) // abs(b)
        return q if (a < 0) == (b < 0) else -q

    f = File(f"{ty}_arithmetic", [f"Arithmetic of {ty}: wrapping at both ends, signs of quotients and remainders."])
    binary = {
        "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
        "div": div, "rem": lambda a, b: a - b * div(a, b),
        "div_u": lambda a, b: u(a) // u(b), "rem_u": lambda a, b: u(a) % u(b),
        "mulh": lambda a, b: (a * b) >> bits, "mulh_u": lambda a, b: (u(a) * u(b)) >> bits,
        "min": min, "max": max,
        "min_u": lambda a, b: min(u(a), u(b)), "max_u": lambda a, b: max(u(a), u(b)),
    }
    for name, answer in binary.items():
        divides = name.startswith(("div", "rem"))
        simple(f, f"{ty}.{name}", [ty, ty], ty, safe if divides else pairs, answer)
    singles = [(v,) for v in (0, 1, -1, lo, hi, lo + 1, pattern)]
    for name, answer in {"neg": lambda a: -a, "abs": abs}.items():
        simple(f, f"{ty}.{name}", [ty], ty, singles, answer)
    f.write()

    f = File(f"{ty}_bits", [f"Bits of {ty}: shifts and rotates by more than the width, counts of zero."])
    for name, answer in {"and": lambda a, b: a & b, "or": lambda a, b: a | b, "xor": lambda a, b: a ^ b}.items():
        simple(f, f"{ty}.{name}", [ty, ty], ty, pairs[:8], answer)
    counts = [1, 5, bits - 1, 0, bits, bits + 3, -1, hi]
    shifts = [(pattern, c) for c in counts] + [(lo, 1), (lo, bits - 1), (-1, bits - 1), (1, bits - 1)]
    rotl = lambda a, c: u(a) << c % bits | u(a) >> (bits - c) % bits if c % bits else a
    shift = {
        "shl": lambda a, c: u(a) << c % bits, "shr": lambda a, c: a >> c % bits, "shr_u": lambda a, c: u(a) >> c % bits,
        "rotl": rotl, "rotr": lambda a, c: rotl(a, -c % bits),
    }
    for name, answer in shift.items():
        simple(f, f"{ty}.{name}", [ty, ty], ty, shifts, answer)
    values = [(v,) for v in (0, 1, 2, -1, lo, hi, pattern, 0x80, 0x7F, 0x8000, 0x7FFF, 0x1234FF80)]
    count = {
        "not": lambda a: ~a, "clz": lambda a: bits - u(a).bit_length(),
        "ctz": lambda a: (a & -a).bit_length() - 1 if a else bits, "popcnt": lambda a: u(a).bit_count(),
        "extend8": lambda a: wrap(a, 8), "extend16": lambda a: wrap(a, 16),
    }
    if bits == 64:
        count["extend32"] = lambda a: wrap(a, 32)
        values += [(0x80000000,), (0x17FFFFFFF,)]
    for name, answer in count.items():
        simple(f, f"{ty}.{name}", [ty], ty, values, answer)
    f.write()

    f = File(f"{ty}_compare", [f"Comparisons of {ty}, as values and as conditions of branches."])
    cases = [(0, 5), (5, 5), (lo, hi), (hi, lo), (-1, 1), (1, -1), (-1, -1), (lo, -1), (lo, lo), (-1, lo)]
    for name, answer in comparisons().items():
        compare(f, f"{ty}.{name}", ty, cases, answer)
    for name, answer in comparisons().items():
        if name not in ("eq", "ne"):
            compare(f, f"{ty}.{name}_u", ty, cases, lambda a, b, answer=answer: answer(u(a), u(b)))
    f.write()


def comparisons():
    return {"eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "lt": lambda a, b: a < b,
            "le": lambda a, b: a <= b, "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b}


# --- floats -----------------------------------------------------------------

def floats(bits):
    ty, F = f"f{bits}", {32: np.float32, 64: np.float64}[bits]
    big, tiny, eps = float(np.finfo(F).max), float(np.finfo(F).smallest_subnormal), float(np.finfo(F).eps)
    small = float(np.finfo(F).tiny)
    r = lambda *vs: tuple(float(F(v)) for v in vs)
    pairs = [r(*p) for p in [
        (1.5, -2.25), (0.1, 0.2), (5.5, 2.0), (-5.5, 2.0), (0.0, -0.0), (-0.0, 0.0), (-0.0, -0.0), (1.0, 0.0),
        (-1.0, 0.0), (0.0, 0.0), (INF, 1.0), (INF, -INF), (INF, INF), (1.0, INF), (big, big), (-big, big),
        (tiny, 0.5), (tiny, tiny), (small, 0.3), (1.0, eps / 2), (NAN, 1.0), (1.0, NAN), (NAN, NAN), (1e30, 3.0)]]

    def minimum(a, b, least):
        if math.isnan(a) or math.isnan(b):
            return NAN
        if a == b == 0:
            neg = [math.copysign(1, v) < 0 for v in (a, b)]
            return -0.0 if (any(neg) if least else all(neg)) else 0.0
        return min(a, b) if least else max(a, b)

    f = File(f"{ty}_arithmetic", [f"Arithmetic of {ty}: signed zeros, infinities, subnormals, NaN, rounding."])
    binary = {
        "add": lambda a, b: F(a) + F(b), "sub": lambda a, b: F(a) - F(b), "mul": lambda a, b: F(a) * F(b),
        "div": lambda a, b: F(a) / F(b), "rem": lambda a, b: np.fmod(F(a), F(b)),
        "min": lambda a, b: minimum(a, b, True), "max": lambda a, b: minimum(a, b, False),
        "copysign": lambda a, b: a if math.isnan(a) else math.copysign(a, 1.0 if math.isnan(b) else b),
    }
    for name, answer in binary.items():
        simple(f, f"{ty}.{name}", [ty, ty], ty, pairs, answer)
    singles = [r(v) for v in (0.0, -0.0, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.7, -0.7, 2.0, 1e10, big, -big, tiny, INF, -INF,
                              NAN, float(np.nextafter(F(0.5), F(0))), 2.0 ** (bits == 64 and 52 or 23) + 1,
                              2.0 ** (bits == 64 and 51 or 22) + 0.5)]
    unary = {"neg": lambda a: -F(a), "abs": lambda a: abs(F(a)), "sqrt": lambda a: np.sqrt(F(a)),
             "ceil": lambda a: np.ceil(F(a)), "floor": lambda a: np.floor(F(a)),
             "trunc": lambda a: np.trunc(F(a)), "nearest": lambda a: np.rint(F(a))}
    for name, answer in unary.items():
        simple(f, f"{ty}.{name}", [ty], ty, singles, answer)
    one = 1 + eps
    triples = [r(*t) for t in [(2.0, 3.0, 4.0), (one, one, -1.0), (one, 1 - eps, -1.0), (big, 2.0, -big), (0.1, 10.0, -1.0),
                               (0.0, 5.0, -0.0), (-0.0, 5.0, -0.0), (INF, 0.0, 1.0), (INF, 1.0, -INF), (1.0, NAN, 1.0),
                               (tiny, 0.5, tiny)]]
    simple(f, f"{ty}.fma", [ty] * 3, ty, triples, lambda a, b, c: fma(a, b, c, F))
    f.write()

    f = File(f"{ty}_compare", [f"Comparisons of {ty}: no order with NaN, both zeros equal, branches that must not be turned round."])
    cases = [r(*c) for c in [(0.0, 1.5), (NAN, 1.0), (1.0, NAN), (NAN, NAN), (-0.0, 0.0), (INF, INF), (1.5, 1.5),
                             (-INF, INF), (2.0, -2.0), (tiny, 0.0), (big, INF)]]
    for name, answer in comparisons().items():
        compare(f, f"{ty}.{name}", ty, cases, answer)
    f.write()

    functions(ty, F, r)


def fma(a, b, c, F):
    if not all(map(math.isfinite, (a, b, c))):
        return float(a) * float(b) + float(c)
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if exact == 0:
        return float(a) * float(b) + float(c)
    with mpmath.workprec(24 if F is np.float32 else 53):
        if abs(exact) > Fraction(float(np.finfo(F).max)):
            return math.copysign(INF, exact)
        if abs(exact) < Fraction(float(np.finfo(F).tiny)):  # a multiple of the least subnormal, ties to even
            unit = Fraction(float(np.finfo(F).smallest_subnormal))
            return math.copysign(float(round(abs(exact) / unit) * unit), exact)
        return float(mpmath.mpf(exact.numerator) / exact.denominator)


def functions(ty, F, r):
    """Functions: within three units in the last place of the exact value, and
    exactly where IEEE 754 or C says so."""
    f = File(f"{ty}_functions", [f"Functions of {ty}: three units in the last place from the exact value, exact special cases."])
    tolerance = lambda v: 0 if not math.isfinite(v) else 3 * float(np.spacing(F(abs(v)))) or None
    m = mpmath
    unary = {
        "sin": (m.sin, [0.0, -0.0, 1.0, -2.5, 100.0, INF, NAN]), "cos": (m.cos, [0.0, 1.0, -2.5, 100.0, INF, NAN]),
        "tan": (m.tan, [-0.0, 1.0, -2.5, 100.0, INF]), "asin": (m.asin, [-0.0, 1.0, -0.5, 0.9, 1.5, NAN]),
        "acos": (m.acos, [1.0, -1.0, 0.5, -1.5]), "atan": (m.atan, [-0.0, 1.0, -3.0, 1e10, INF, -INF]),
        "sinh": (m.sinh, [-0.0, 0.5, -3.0, INF, -INF]), "cosh": (m.cosh, [0.0, 0.5, -3.0, -INF]),
        "tanh": (m.tanh, [-0.0, 0.5, -3.0, INF, -INF]), "exp": (m.exp, [0.0, -0.0, 1.0, -5.5, 20.0, INF, -INF, NAN]),
        "exp2": (lambda x: m.power(2, x), [0.0, 3.0, -1.5, INF, -INF]),
        "expm1": (m.expm1, [-0.0, 1.0, 1e-5, -0.5, -INF]), "ln": (m.log, [1.0, 2.0, 0.1, 1e10, 0.0, -0.0, -1.0, INF]),
        "log2": (lambda x: m.log(x, 2), [1.0, 8.0, 0.1, 0.0, -1.0]),
        "log10": (m.log10, [1.0, 1000.0, 0.1, 0.0, -1.0]),
        "log1p": (m.log1p, [-0.0, 1e-5, -0.5, 3.0, -1.0, -2.0]), "cbrt": (cbrt, [-0.0, 27.0, -8.0, 2.0, INF, -INF]),
    }
    for name, (exact, args) in unary.items():
        answer = lambda x, name=name, exact=exact: special(name, x, exact)
        simple(f, f"{ty}.{name}", [ty], ty, [r(x) for x in args], answer, tolerance=tolerance)
    binary = {
        "pow": (m.power, [(2.0, 10.0), (2.0, 0.5), (1.5, -2.5), (-2.0, 3.0), (-8.0, 0.5), (0.0, -1.0), (-0.0, -1.0), (0.0, 0.0),
                          (NAN, 0.0), (1.0, NAN), (2.0, NAN), (INF, -1.0), (0.5, INF), (-1.0, INF), (-0.0, 3.0)]),
        "atan2": (m.atan2, [(1.0, 1.0), (1.0, -1.0), (-1.0, -2.0), (0.0, 1.0), (0.0, -1.0), (-0.0, -1.0), (-0.0, 1.0),
                            (1.0, 0.0), (INF, -INF), (NAN, 1.0)]),
        "hypot": (m.hypot, [(3.0, 4.0), (-5.0, 12.0), (1.0, 1.0), (0.0, -0.0), (INF, NAN), (NAN, 1.0), (1e30, 1e30)]),
    }
    for name, (exact, args) in binary.items():
        answer = lambda x, y, name=name, exact=exact: special2(name, x, y, exact)
        simple(f, f"{ty}.{name}", [ty, ty], ty, [r(*x) for x in args], answer, tolerance=tolerance)
    f.write()


def cbrt(x):
    return mpmath.sign(x) * mpmath.cbrt(abs(x))


def special(name, x, exact):
    """Zeros, infinities and NaN by Python's or NumPy's C library; the rest exactly."""
    if x == 0 or not math.isfinite(x) or (name in ("log1p", "ln", "log2", "log10", "asin", "acos") and not in_domain(name, x)):
        known = {"ln": np.log, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan}
        return float(known.get(name, getattr(np, name, None))(x))
    return float(exact(mpmath.mpf(x)))


def in_domain(name, x):
    return {"log1p": x > -1, "asin": abs(x) <= 1, "acos": abs(x) <= 1}.get(name, x > 0)


def special2(name, x, y, exact):
    finite = math.isfinite(x) and math.isfinite(y) and x != 0 and y != 0
    if not finite or (name == "pow" and x < 0 and y != int(y)):
        known = {"pow": np.power, "atan2": np.arctan2, "hypot": np.hypot}[name]
        return float(known(x, y))
    return float(exact(mpmath.mpf(x), mpmath.mpf(y)))


# --- conversions ------------------------------------------------------------

def conversions():
    f = File("convert_integers", ["From integers and truth values: extension, wrapping, and rounding to the nearest float."])
    i32s = [0, 1, -1, -(1 << 31), (1 << 31) - 1, 16777217, 16777219, -16777217, 123456789]
    i64s = [0, 1, -1, -(1 << 63), (1 << 63) - 1, (1 << 53) + 1, (1 << 53) + 3, -(1 << 53) - 1, (1 << 24) + 1,
            0x123456789ABCDEF, 0x7FFFFF4000000001, 1 << 32, (1 << 31), 0x8000000000000401 - (1 << 64)]
    one = lambda vs: [(v,) for v in vs]
    simple(f, "i32.wrap_i64", ["i64"], "i32", one(i64s), lambda a: wrap(a, 32))
    simple(f, "i64.extend_i32", ["i32"], "i64", one(i32s), lambda a: a)
    simple(f, "i64.extend_i32_u", ["i32"], "i64", one(i32s), lambda a: unsigned(a, 32))
    for t in ("i32", "i64"):
        simple_named(f, f"{t}.from_bool", f"{t}_from_bool", ["bool"], t, one([False, True]), int)
    for bits, values in ((32, i32s), (64, i64s)):
        for t, F in (("f32", np.float32), ("f64", np.float64)):
            simple_named(f, f"{t}.from_i{bits}", f"{t}_from_i{bits}", [f"i{bits}"], t, one(values), lambda a: nearest(a, F))
            simple_named(f, f"{t}.from_i{bits}_u", f"{t}_from_i{bits}_u", [f"i{bits}"], t, one(values),
                         lambda a: nearest(unsigned(a, bits), F))
    f.write()

    f = File("convert_floats", ["From floats: trapping conversions within their range (outside: traps/conversions.nba),",
                                "saturating ones at and past its ends, demotion, promotion, bits."])
    for fb, ib, sign in itertools.product((32, 64), (32, 64), ("", "_u")):
        F = np.float32 if fb == 32 else np.float64
        lo, hi = (0, (1 << ib) - 1) if sign else (-(1 << (ib - 1)), (1 << (ib - 1)) - 1)
        inner = [0.0, -0.0, 0.9, -0.9, 1.5, 100.99, below(hi + 1, F), float(lo)]
        if not sign:
            inner.append(-7.9)
        if fb == 64 and ib == 32:
            inner += [hi + 0.75, lo - 0.75]
        outer = [float(hi + 1), float(lo) - 1.0 if sign or (fb, ib) == (64, 32) else float(np.nextafter(F(lo), F(-INF))),
                 INF, -INF, NAN, 1e30, -1e30]
        inner, outer = ([(float(F(v)),) for v in vs] for vs in (inner, outer))
        simple_named(f, f"i{ib}.trunc_f{fb}{sign}", f"i{ib}_trunc_f{fb}{sign}", [f"f{fb}"], f"i{ib}", inner, math.trunc)
        clamp = lambda v: 0 if math.isnan(v) else hi if v == INF else lo if v == -INF else max(lo, min(hi, math.trunc(v)))
        simple_named(f, f"i{ib}.sat_f{fb}{sign}", f"i{ib}_sat_f{fb}{sign}", [f"f{fb}"], f"i{ib}", inner + outer, clamp)
    doubles = [0.0, -0.0, 0.1, 1e300, -1e300, 1e-50, 16777217.0, 3.4028235677973366e38, 1.401298464324817e-45, INF, NAN]
    simple(f, "f32.demote", ["f64"], "f32", one(doubles), lambda a: float(np.float32(a)))
    singles = [(float(np.float32(v)),) for v in (0.0, -0.0, 0.1, 1e38, 1e-45, INF, -INF, NAN)]
    simple(f, "f64.promote", ["f32"], "f64", singles, lambda a: a)
    bits = lambda F, U, v: int(np.array(v, F).view(U)) if not math.isnan(v) else {np.uint32: 0x7FC00000, np.uint64: 0x7FF8 << 48}[U]
    simple_named(f, "i32.reinterpret", "i32_reinterpret", ["f32"], "i32", singles, lambda v: bits(np.float32, np.uint32, v))
    simple_named(f, "i64.reinterpret", "i64_reinterpret", ["f64"], "i64", one(doubles), lambda v: bits(np.float64, np.uint64, v))
    simple_named(f, "f32.reinterpret", "f32_reinterpret", ["i32"], "f32", one([0, 1, 0x3F800000, -(1 << 31), 0x7F800000, -1, 0x7F800001]),
                 lambda v: float(np.array(unsigned(v, 32), np.uint32).view(np.float32)))
    simple_named(f, "f64.reinterpret", "f64_reinterpret", ["i64"], "f64",
                 one([0, 1, 0x3FF << 52, -(1 << 63), 0x7FF << 52, -1, (0x7FF << 52) + 1]),
                 lambda v: float(np.array(unsigned(v, 64), np.uint64).view(np.float64)))
    f.write()


def simple_named(f, op, name, types, result, cases, answer):
    """As `simple` for one operand, where the mnemonic's second half is not unique."""
    f.function(name, types, result, [f"%r = {op} %a", "ret %r"])
    for args in cases:
        f.run(name, types, args, result, answer(*args))


def nearest(v, F):
    """The float nearest to an integer, ties to even, straight from the fraction."""
    with mpmath.workprec(24 if F is np.float32 else 53):
        return float(mpmath.mpf(v))


def below(v, F):
    return float(np.nextafter(F(v), F(0)))


for width in (32, 64):
    integers(width)
    floats(width)
conversions()
