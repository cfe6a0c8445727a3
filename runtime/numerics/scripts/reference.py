"""Writes tests/definitions/values.txt: arguments, and the doubles and singles nearest to the exact results.

Run as `python3 reference.py > ../tests/definitions/values.txt`. Needs gmpy2. MPFR computes with 160 bits; results
are rounded once, also subnormal ones. Lines are the bits of arguments and result, below the name and the type.
"""

import random
import struct

import gmpy2

random.seed(15)
gmpy2.set_context(gmpy2.context(precision=160, emax=10**8, emin=-(10**8)))
DOUBLE = gmpy2.context(precision=53, emax=1024, emin=-1073, subnormalize=True)
SINGLE = gmpy2.context(precision=24, emax=128, emin=-148, subnormalize=True)
PI = float(gmpy2.const_pi())

# Name: the function, where most arguments are, and arguments of its own.
ONE = {
    "exp": (gmpy2.exp, -100, 100, [709.7827128933839, -708.5, -745.1, -740.25]),
    "exp2": (gmpy2.exp2, -150, 150, [1023.9999999999999, -1022.5, -1074.25, 10, -1040]),
    "expm1": (gmpy2.expm1, -40, 40, [709.7827128933839, -36.5, -50]),
    "ln": (gmpy2.log, 0, 10, [0.984375, 0.98437499, 1.03125, 0.671875]),
    "log2": (gmpy2.log2, 0, 10, [0.984375, 8, 2.0**-1074]),
    "log10": (gmpy2.log10, 0, 10, [0.984375, 1000, 1e22]),
    "log1p": (gmpy2.log1p, -1, 10, [-0.9999999999999999, 1e300, 2.0**53]),
    "sin": (gmpy2.sin, -20, 20, [1e6, 1000000.0000000001, 1e22, 1e300, 6381956970095103.0 * 2.0**797, PI, 355]),
    "cos": (gmpy2.cos, -20, 20, [1e6, 1000000.0000000001, 1e22, 1e300, 6381956970095103.0 * 2.0**797, PI / 2, 11]),
    "tan": (gmpy2.tan, -20, 20, [1e6, 1000000.0000000001, 1e22, 1e300, 6381956970095103.0 * 2.0**797, PI / 2, 11]),
    "asin": (gmpy2.asin, -1, 1, [0.9999999999999999, 0.5000000000000001]),
    "acos": (gmpy2.acos, -1, 1, [0.9999999999999999, -0.9999999999999999, 0.5000000000000001]),
    "atan": (gmpy2.atan, -5, 5, [0.41421356237309503, 2.414213562373095, 1e300]),
    "sinh": (gmpy2.sinh, -30, 30, [710.4758600739439, 707.5, 18.5]),
    "cosh": (gmpy2.cosh, -30, 30, [710.4758600739439, 707.5, 18.5]),
    "tanh": (gmpy2.tanh, -20, 20, [22, 19.0615]),
    "cbrt": (gmpy2.cbrt, -30, 30, [27, 1e300, 64]),
    "erf": (gmpy2.erf, -6, 6, [0.9999999999999999, 5.92]),
    "erfc": (gmpy2.erfc, -6, 27, [26.000000000000004, 26.55, 27.2, 27.226, 1e-8]),
    "lgamma": (lambda x: gmpy2.lgamma(x)[0], -20, 40, [1.0000000001, 1.9999999999, -2.4570247382208006, -3.9552942848585979, 2.5e305, 8.5, 8.500000000000002]),
    "tgamma": (gmpy2.gamma, -20, 40, [171.5, 171.62437, -182.5, -177.75, -183.3, 9, 24, 8.5, 8.500000000000002]),
}
TWO = {
    "pow": (lambda x, y: x**y, [(0.98434, 42000.0), (1.0000000000000002, 3e18), (2.0, -1074.0), (-3.0, 7.0), (10.0, -320.0), (1e-310, 0.5)]),
    "atan2": (gmpy2.atan2, [(1e-310, 1e-310), (1e308, -1e308), (1e-300, 1e10), (-1e300, 1e-300)]),
    "hypot": (gmpy2.hypot, [(3.0, 4.0), (1e308, 1e308), (1e-310, 1e-310), (1e200, 1e-200), (5e-324, 5e-324)]),
}


def bits(x, is_single):
    return f"{struct.unpack('<I', struct.pack('<f', x))[0]:x}" if is_single else f"{struct.unpack('<Q', struct.pack('<d', x))[0]:x}"


def single(x):
    """The nearest single; infinity where it overflows."""
    try:
        return struct.unpack("<f", struct.pack("<f", x))[0]
    except OverflowError:
        return float("inf") if x > 0 else float("-inf")


def rounded(exact, is_single):
    with gmpy2.context(SINGLE if is_single else DOUBLE):
        return float(gmpy2.mpfr(exact))


def number(low, high, is_single):
    kind = random.randrange(6)
    if kind <= 2:
        return random.uniform(low, high)
    if kind == 3:
        return random.choice([-1, 1]) * 2.0 ** random.uniform(-40, 6)
    if kind == 4:
        return random.choice([-1, 1]) * 2.0 ** (random.uniform(-148, 127) if is_single else random.uniform(-1073, 1023))
    return random.choice([-1, 1]) + random.uniform(-1, 1) * 2.0 ** random.uniform(-50, 0)


def line(function, arguments, is_single):
    if is_single:
        arguments = [single(x) for x in arguments]
    exact = function(*[gmpy2.mpfr(x) for x in arguments])
    # Infinities, NaN and zeros have tests of their own.
    if all(x == x and abs(x) != float("inf") for x in arguments) and gmpy2.is_finite(exact) and exact != 0:
        print(" ".join(bits(x, is_single) for x in [*arguments, rounded(exact, is_single)]))


print("# Written by scripts/reference.py. Not to be changed by hand.")
for is_single in (False, True):
    element, count = ("f32", 250) if is_single else ("f64", 400)
    for name, (function, low, high, own) in ONE.items():
        print(f"{name}: {element}")
        for x in [*own, *(number(low, high, is_single) for _ in range(count))]:
            line(function, [x], is_single)
    for name, (function, own) in TWO.items():
        print(f"{name}: {element}")
        for x, y in own:
            line(function, [x, y], is_single)
        for i in range(count):
            x, y = number(-5, 5, is_single), number(-5, 5, is_single)
            if name == "pow" and i % 2:
                x = abs(x)
                y = random.uniform(-1, 1) * (90 if is_single else 710) / max(1e-15, abs(float(gmpy2.log(gmpy2.mpfr(x)))))
            line(function, [x, y], is_single)
