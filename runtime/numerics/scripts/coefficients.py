"""Writes src/functions/coefficients.rs: run as `python3 coefficients.py > ../src/functions/coefficients.rs`, then
`cargo fmt`.

Needs mpmath. Each line of output says what it approximates, where, and how well (the error counts as the function
that uses it counts).
"""

from mpmath import acos, asin, atan, cbrt, cos, exp, log, mp, mpf, pi, sin, sqrt, tan

from fit import fit, to_double

TINY = mpf("1e-30")


def emit(name, what, coefficients, error=None):
    bits = "" if error is None else f" Error 2^{float(log(error, 2)):.1f}."
    print(f"/// {what}.{bits}")
    print(f"pub(super) const {name}: [f64; {len(coefficients)}] = [")
    for c in coefficients:
        print(f"    {float(c)!r},")
    print("];")


def number(name, what, x):
    print(f"/// {what}.")
    print(f"pub(super) const {name}: f64 = {float(x)!r};")


def parts(name, what, x, bits):
    """`x` as a sum: all parts but the last have so many bits."""
    for i, n in enumerate(bits):
        if n is None:
            part = to_double(x)
        else:
            scale = mpf(2) ** (n - 1 - int(mp.floor(log(abs(x), 2))))
            part = to_double(mp.nint(x * scale) / scale)
        number(f"{name}_{i + 1}", f"{what}, part {i + 1}", part)
        x = x - part


def polynomial(name, what, f, weight, a, b, count):
    emit(name, what, *fit(f, weight, a, b, list(range(count))))


print("//! Numbers that the definitions use, written by `scripts/coefficients.py`. Not to be changed by hand.")
print()
print("#![allow(clippy::excessive_precision, clippy::approx_constant)]")
print()

ln2 = log(mpf(2))
half = ln2 / 2 * mpf("1.0001")
number("LOG2_E", "1 / ln 2", 1 / ln2)
parts("LN2", "ln 2", ln2, [None, None])
parts("LN2_SHORT", "ln 2, of which the first has 42 bits", ln2, [42, None])
polynomial("EXP", "(e^r - 1 - r) / r^2 for |r| <= ln 2 / 2", lambda r: (exp(r) - 1 - r) / r**2,
           lambda r: r**2 / exp(r), -half, half, 10)
polynomial("EXP_SINGLE", "The same for singles", lambda r: (exp(r) - 1 - r) / r**2,
           lambda r: r**2 / exp(r), -half, half, 5)
polynomial("EXP2", "(2^r - 1 - r ln 2) / r^2 for |r| <= 1/2", lambda r: (exp(r * ln2) - 1 - r * ln2) / r**2,
           lambda r: r**2 / exp(r * ln2), -mpf("0.50001"), mpf("0.50001"), 10)


def logarithm(name, base):
    """Tables of c and -log c for 16 intervals, and (log(1 + r) - r / ln base) / r^2.

    The logarithm of c is a multiple of 2^-42 but for less than 2^-64 of that: so sums with multiples of the
    logarithm of 2 are exact.
    """
    first = mpf(0.6875) - mpf(2) ** -6
    unit = mpf(2) ** -42
    edges = [first + mpf(i) / 32 for i in range(11)] + [mpf(1) + mpf(2 * i - 1) / 32 for i in range(1, 7)]
    edges[10] = 1 - mpf(2) ** -6
    table, logs, low, high = [], [], mpf(0), mpf(0)
    for a, b in zip(edges, edges[1:]):
        if a < 1 < b:
            c, l = mpf(1), mpf(0)
        else:
            middle = mp.nint(log((a + b) / 2) / log(base) / unit)
            for step in range(100000):
                l = (middle + (step // 2 if step % 2 else -(step // 2))) * unit
                exact = base**-l
                c = to_double(exact)
                if abs(log(c) / log(base) + l) < mpf(2) ** -65:
                    break
            else:
                raise ValueError("no such c")
        table.append(c)
        logs.append(l)
        low, high = min(low, a * c - 1), max(high, b * c - 1)
    what = f"to base {mp.nstr(base, 5)}"
    emit(f"{name}_C", f"Near the inverse of the middle of each interval, for logarithms {what}", table)
    emit(f"{name}_OF_C", "Their logarithms, negated", logs)
    if base == mp.e:
        emit(f"{name}_OF_C_LOW", "What they are more", [-log(c) - l for c, l in zip(table, logs)])
        polynomial("LN_CUBIC", "(ln(1 + r) - r + r^2 / 2) / r^3", lambda r: (log(1 + r) - r + r**2 / 2) / r**3,
                   lambda r: r**2, low * mpf("1.001"), high * mpf("1.001"), 8)
    inverse = 1 / log(base)

    def f(r):
        return (log(1 + r) - r) * inverse / r**2

    def weight(r):
        return r**2 / (log(1 + r) * inverse)

    low, high = low * mpf("1.001"), high * mpf("1.001")
    polynomial(f"{name}_REST", f"(log(1 + r) - r log e) / r^2 {what}, for {float(low):.5f} <= r <= {float(high):.5f}", f, weight, low, high, 8)
    polynomial(f"{name}_REST_SINGLE", "The same for singles", f, weight, low, high, 4)


logarithm("LN", mp.e)
logarithm("LOG2", mpf(2))
logarithm("LOG10", mpf(10))
parts("LOG2_E_LONG", "1 / ln 2", 1 / ln2, [None, None])
parts("LOG10_E", "1 / ln 10", 1 / log(mpf(10)), [None, None])
parts("LOG10_2", "log10 2, of which the first has 42 bits", ln2 / log(mpf(10)), [42, None])

number("HALF_PI_INVERSE", "2 / pi", 2 / pi)
parts("HALF_PI", "pi / 2", pi / 2, [None, None, None])
mp.prec = 1500
words = [int(mp.floor(1 / pi * mpf(2) ** (64 * (i + 1)))) & (2**64 - 1) for i in range(20)]
mp.prec = 320
print("/// The first 1280 bits of 1 / pi after the point.")
print("pub(super) const PI_INVERSE_BITS: [u64; 20] = [")
for word in words:
    print(f"    {word:#x},")
print("];")
quarter = pi / 4 * mpf("1.0001")


def sin_rest(z):
    r = sqrt(z)
    return (sin(r) / r - 1) / z


polynomial("SIN", "(sin r / r - 1) / r^2 in r^2, for r up to pi / 4", sin_rest,
           lambda z: z * sqrt(z) / sin(sqrt(z)), 0, quarter**2, 6)
polynomial("COS", "(cos r - 1 + r^2 / 2) / r^4 in r^2, for r up to pi / 4",
           lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2, lambda z: z**2 / cos(sqrt(z)), 0, quarter**2, 6)
polynomial("SIN_SINGLE", "The sine's for singles", sin_rest, lambda z: z * sqrt(z) / sin(sqrt(z)), 0, quarter**2, 3)
polynomial("COS_SINGLE", "(cos r - 1) / r^2 in r^2, for singles", lambda z: (cos(sqrt(z)) - 1) / z,
           lambda z: z / cos(sqrt(z)), 0, quarter**2, 4)
polynomial("ASIN", "(asin x / x - 1) / x^2 in x^2, for x up to 1/2", lambda z: (asin(sqrt(z)) / sqrt(z) - 1) / z,
           lambda z: z, 0, mpf("0.2501"), 13)
eighth = tan(pi / 8) * mpf("1.0001")
polynomial("ATAN", "(atan x / x - 1) / x^2 in x^2, for x up to tan(pi / 8)",
           lambda z: (atan(sqrt(z)) / sqrt(z) - 1) / z, lambda z: z, 0, eighth**2, 12)
polynomial("CBRT_INVERSE", "1 / the cube root for 1 <= x <= 2, roughly", lambda x: 1 / cbrt(x), lambda x: cbrt(x), 1, 2, 5)
number("CBRT_2", "The cube root of 2", cbrt(mpf(2)))
number("CBRT_HALF", "The cube root of 1/2", cbrt(mpf(0.5)))
number("TAN_EIGHTH", "tan(pi / 8)", tan(pi / 8))
number("TAN_THREE_EIGHTHS", "tan(3 pi / 8)", tan(3 * pi / 8))
