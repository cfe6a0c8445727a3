"""Polynomials near the best ones, with coefficients that are doubles.

Weighted least squares on Chebyshev nodes comes within a bit of the minimax polynomial and never fails to
converge. Coefficients are rounded one after the other, the first exponent first, and the others are fitted again
each time: what rounding takes away is made good by those that are still free.
"""

from mpmath import cos, lu_solve, matrix, mp, mpf, pi

mp.prec = 320


def to_double(x):
    """The nearest double, as an mpf."""
    return mpf(float(mp.nstr(x, 60)))


def least_squares(values, nodes, weights, exponents):
    """Coefficients of the best polynomial with these exponents."""
    n = len(exponents)
    left, right = matrix(n, n), matrix(n, 1)
    for x, value, weight in zip(nodes, values, weights):
        powers = [x**e * weight for e in exponents]
        for i in range(n):
            right[i] += powers[i] * value * weight
            for j in range(n):
                left[i, j] += powers[i] * powers[j]
    solution = lu_solve(left, right)
    return [solution[i] for i in range(n)]


def fit(f, weight, a, b, exponents, rounded=True):
    """Coefficients in the order of `exponents`, and the largest weighted error.

    `weight` makes an error one that counts: 1/f for relative errors. `f` is not asked at the ends.
    """
    a, b = mpf(a), mpf(b)
    count = 4 * len(exponents) + 8
    nodes = [(a + b) / 2 - (b - a) / 2 * cos(pi * (2 * i + 1) / (2 * count)) for i in range(count)]
    values = [f(x) for x in nodes]
    weights = [weight(x) for x in nodes]
    done = []
    for k in range(len(exponents)):
        rest = [v - sum(c * x**e for c, e in zip(done, exponents)) for x, v in zip(nodes, values)]
        found = least_squares(rest, nodes, weights, exponents[k:])
        if not rounded:
            done = found
            break
        done.append(to_double(found[0]))
    grid = [(a + b) / 2 - (b - a) / 2 * cos(pi * (2 * i + 1) / 1201) for i in range(600)]
    errors = [abs((sum(c * x**e for c, e in zip(done, exponents)) - f(x)) * weight(x)) for x in grid]
    return done, max(errors)
