"""Writes src/functions/coefficients.rs: run as `python3 coefficients.py > ../src/functions/coefficients.rs`, then
`cargo fmt`.

Needs mpmath. Each line of output says what it approximates, where, and how well (the error counts as the function
that uses it counts).
"""

from mpmath import asin, atan, cbrt, cos, cosh, diff, erf, erfc, exp, gamma, log, loggamma, mp, mpf, pi, sin, sinh, sqrt, tan

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
polynomial("EXP2_SINGLE", "(2^r - 1) / r for singles", lambda r: (exp(r * ln2) - 1) / r,
           lambda r: r / exp(r * ln2), -mpf("0.50001"), mpf("0.50001"), 7)


def sinh_rest(z):
    return (sinh(sqrt(z)) / sqrt(z) - 1) / z


def cosh_rest(z):
    return (cosh(sqrt(z)) - 1) / z


polynomial("SINH", "(sinh r / r - 1) / r^2 in r^2, for r up to ln 2 / 2", sinh_rest, lambda z: z, 0, half**2, 5)
polynomial("COSH", "(cosh r - 1) / r^2 in r^2, for r up to ln 2 / 2", cosh_rest, lambda z: z, 0, half**2, 5)
polynomial("SINH_SINGLE", "The sine's for singles", sinh_rest, lambda z: z, 0, half**2, 3)
polynomial("COSH_SINGLE", "The cosine's for singles", cosh_rest, lambda z: z, 0, half**2, 3)


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
        (first, *others), error = fit(lambda r: (log(1 + r) - r + r**2 / 2) / r**3, lambda r: r**2,
                                      low * mpf("1.001"), high * mpf("1.001"), list(range(9)))
        number("LN_CUBIC", "(ln(1 + r) - r + r^2 / 2) / r^3: the first", first)
        emit("LN_QUARTIC", "And the others", others, error)
    inverse = 1 / log(base)

    def f(r):
        return (log(1 + r) - r) * inverse / r**2

    def weight(r):
        return r**2 / (log(1 + r) * inverse)

    low, high = low * mpf("1.001"), high * mpf("1.001")
    polynomial(f"{name}_REST", f"(log(1 + r) - r log e) / r^2 {what}, for {float(low):.5f} <= r <= {float(high):.5f}", f, weight, low, high, 8)
    polynomial(f"{name}_REST_SINGLE", "The same for singles", f, weight, low, high, 4)
    if base == 2:
        polynomial("LOG2_REST_POW", "The same for powers that are singles", f, weight, low, high, 6)


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
polynomial("TAN_SIN_SINGLE", "The sine's for tangents that are singles", sin_rest,
           lambda z: z * sqrt(z) / sin(sqrt(z)), 0, quarter**2, 4)
polynomial("SIN_SINGLE", "The sine's for singles", sin_rest, lambda z: z * sqrt(z) / sin(sqrt(z)), 0, quarter**2, 3)
polynomial("COS_SINGLE", "(cos r - 1) / r^2 in r^2, for singles", lambda z: (cos(sqrt(z)) - 1) / z,
           lambda z: z / cos(sqrt(z)), 0, quarter**2, 4)
polynomial("ASIN", "(asin x / x - 1) / x^2 in x^2, for x up to 1/2", lambda z: (asin(sqrt(z)) / sqrt(z) - 1) / z,
           lambda z: z, 0, mpf("0.2501"), 13)
polynomial("ASIN_SINGLE", "The same for singles", lambda z: (asin(sqrt(z)) / sqrt(z) - 1) / z,
           lambda z: z, 0, mpf("0.2501"), 7)
eighth = tan(pi / 8) * mpf("1.0001")
polynomial("ATAN", "(atan x / x - 1) / x^2 in x^2, for x up to tan(pi / 8)",
           lambda z: (atan(sqrt(z)) / sqrt(z) - 1) / z, lambda z: z, 0, eighth**2, 12)
polynomial("ATAN_SINGLE", "The same for singles, for x up to 1", lambda z: (atan(sqrt(z)) / sqrt(z) - 1) / z,
           lambda z: z, 0, 1, 12)
polynomial("CBRT_SINGLE", "The cube root for 1 <= x <= 2, for singles", cbrt, lambda x: 1 / cbrt(x), 1, 2, 11)
polynomial("CBRT_INVERSE", "1 / the cube root for 1 <= x <= 2, roughly", lambda x: 1 / cbrt(x), lambda x: cbrt(x), 1, 2, 5)
number("CBRT_2", "The cube root of 2", cbrt(mpf(2)))
number("CBRT_HALF", "The cube root of 1/2", cbrt(mpf(0.5)))
number("TAN_EIGHTH", "tan(pi / 8)", tan(pi / 8))
number("TAN_THREE_EIGHTHS", "tan(3 pi / 8)", tan(3 * pi / 8))

two_over_root_pi = 2 / sqrt(pi)
parts("TWO_OVER_ROOT_PI", "2 / sqrt pi", two_over_root_pi, [None, None])


def erf_rest(z):
    return (erf(sqrt(z)) / sqrt(z) - two_over_root_pi) / z


def erf_weight(z):
    return z * sqrt(z) / erf(sqrt(z))


polynomial("ERF", "(erf x / x - 2 / sqrt pi) / x^2 in x^2, for x up to 1", erf_rest, erf_weight, 0, 1, 13)
polynomial("ERF_SINGLE", "The same for singles", erf_rest, erf_weight, 0, 1, 7)


def erfc_scaled(t):
    x = 3 * (1 + t) / (1 - t)
    return erfc(x) * exp(x * x) * (1 + 2 * x)


first = to_double(erfc_scaled(mpf(0)))
number("ERFC_FIRST", "e^(x^2) erfc x (1 + 2 x) for x = 3", first)
polynomial("ERFC", "What it is more for t = (x - 3) / (x + 3), for x up to 28", lambda t: erfc_scaled(t) - first,
           lambda t: 1 / erfc_scaled(t), -1, mpf(25) / 31, 24)
emit("ERFC_SLOPE", "Its derivative, roughly", fit(lambda t: diff(erfc_scaled, t), lambda t: 1, -mpf("0.999"), mpf(0.5), [0, 1, 2])[0])
polynomial("ERFC_SINGLE", "The whole for singles, for x up to 10.5", erfc_scaled,
           lambda t: 1 / erfc_scaled(t), -1, mpf("7.5") / mpf("13.5"), 12)

polynomial("GAMMA", "(gamma(2 + d) - 1) / d for |d| <= 1/2", lambda d: (gamma(d + 2) - 1) / d,
           lambda d: d / (gamma(d + 2) - 1), -mpf("0.5001"), mpf("0.5001"), 19)
polynomial("GAMMA_SINGLE", "The same for singles", lambda d: (gamma(d + 2) - 1) / d,
           lambda d: d / (gamma(d + 2) - 1), -mpf("0.5001"), mpf("0.5001"), 10)


def stirling(w):
    x = 1 / sqrt(w)
    return (loggamma(x) - ((x - mpf(0.5)) * log(x) - x + log(2 * pi) / 2)) * x


polynomial("STIRLING", "x (ln gamma(x) - (x - 1/2) ln x + x - ln(2 pi) / 2) in x^-2, for x from 8.5", stirling,
           lambda w: sqrt(w), 0, 1 / mpf("8.4999") ** 2, 6)
polynomial("STIRLING_SINGLE", "The same for singles", stirling, lambda w: sqrt(w), 0, 1 / mpf("8.4999") ** 2, 3)
parts("HALF_LN_2_PI", "ln(2 pi) / 2", log(2 * pi) / 2, [None, None])
parts("LN_PI", "ln pi", log(pi), [None, None])
parts("PI", "pi", pi, [None, None])
