"""Numbers: by definition where they are integers, step by step where they are floats."""
import cmath
import math
from fractions import Fraction

from .shared import Approx, Random, fold, noise, out_of_range


def summed(values):
    """One after the other, as the programs do; Python's own sum may round less."""
    total = 0.0
    for v in values:
        total += v
    return total


def is_prime(n):
    return n > 1 and all(n % d for d in range(2, math.isqrt(n) + 1))


class sieve:
    def plain(n):
        return sum(map(is_prime, range(n)))

    odd_bits = plain

    def segmented(n, size):
        return sum(filter(is_prime, range(n)))

    def linear(n):
        return sum(next(d for d in range(2, i + 1) if i % d == 0) for i in range(2, n + 1))

    def tight(n, room):
        if n > room:
            raise out_of_range("beyond the marks")
        return sieve.plain(n)


class gcd_tables:
    euclid = math.gcd
    binary = math.gcd

    def table(n):
        return fold(math.gcd(i, j) for i in range(1, n + 1) for j in range(1, n + 1))

    def multiples(n):
        # The greatest power of each prime.
        primes = filter(is_prime, range(n + 1))
        return math.prod(max(p ** k for k in range(64) if p ** k <= n) for p in primes)

    def coprime(n):
        return fold(sum(math.gcd(i, j) == 1 for j in range(1, i + 1)) for i in range(1, n + 1))

    def extended(a, b):
        # The factor of b is the inverse of b / g modulo a / g, the sign as Euclid leaves it.
        def steps(a, b):
            if b == 0:
                return a, 1, 0
            g, x, y = steps(b, a % b)
            return g, y, x - a // b * y
        return steps(a, b)


def bell(x):
    return 1 / (1 + x * x)


class integration:
    def simpson(n, a, b):
        return Approx(math.atan(b) - math.atan(a), 0.05 if n < 10 else 1e-9)

    def trapezoid(n, a, b):
        return Approx(math.atan(b) - math.atan(a), 0.05 if n < 10 else 1e-6)

    def romberg(n, a, b):
        return Approx(math.atan(b) - math.atan(a), 0.05 if n < 3 else 1e-9)

    def adaptive(a, b, eps, room):
        def integral(lo, hi, waiting):
            m = (lo + hi) * 0.5
            simpson = [(q - p) / 6 * (bell(p) + 4 * bell((p + q) * 0.5) + bell(q))
                       for p, q in ((lo, hi), (lo, m), (m, hi))]
            if abs(simpson[1] + simpson[2] - simpson[0]) <= eps * (hi - lo):
                return 0.0 + simpson[1] + simpson[2], 1
            if waiting + 4 > room:
                raise out_of_range("too many pieces")
            left = integral(lo, m, waiting + 2)
            right = integral(m, hi, waiting)
            return left[0] + right[0], left[1] + right[1]
        return Approx(integral(a, b, 0), 1e-12)


class roots:
    def newton(a):
        if a == 0:
            return 0.0, 0
        x, k = a, 0
        while True:
            y, k = 0.5 * (x + a / x), k + 1
            if abs(y - x) <= 1e-15 * y or k == 100:
                assert abs(y - math.sqrt(a)) < 1e-15
                return y, k
            x = y

    def many(n):
        return Approx(sum(i ** (1 / 3) for i in range(1, n + 1)))

    def bisect(a, b, width):
        def f(x):
            return x ** 3 - x - 2
        lo, hi, steps = Fraction(a), Fraction(b), 0
        while hi - lo > width:
            m, steps = (lo + hi) / 2, steps + 1
            lo, hi = (m, hi) if f(m) < 0 else (lo, m)
        return float(lo), steps

    def secant(a, b, most):
        root = math.sqrt(26 / 27)
        return Approx((1 + root) ** (1 / 3) + (1 - root) ** (1 / 3), 1e-14)

    isqrt = math.isqrt

    def isqrts(n):
        return sum(math.isqrt(97 * i) for i in range(n))

    def cubes(n):
        def root(x):
            return max(r for r in range(round(x ** (1 / 3)) + 2) if r ** 3 <= x)
        return sum(root(1009 * i) for i in range(n))


def eliminated(a):
    """Rows in echelon form by exact fractions, and the determinant of the square part."""
    a, det, rank = [[Fraction(x) for x in row] for row in a], Fraction(1), 0
    for c in range(len(a)):
        pivot = next((r for r in range(c, len(a)) if a[r][c]), None)
        if pivot is None:
            return a, Fraction(0)
        if pivot != c:
            a[c], a[pivot], det = a[pivot], a[c], -det
        det *= a[c][c]
        a[c] = [x / a[c][c] for x in a[c]]
        for r in range(len(a)):
            if r != c and a[r][c]:
                a[r] = [x - a[r][c] * y for x, y in zip(a[r], a[c])]
    return a, det


class gaussian_elimination:
    def solve(n, seed):
        random = Random(seed)
        rows = [[random.next(53) / 256 - 4 for _ in range(n + 1)] for _ in range(n)]
        rows, _ = eliminated(rows)
        return Approx(float(sum(row[-1] * (i + 1) for i, row in enumerate(rows))), 1e-8)

    def determinant(a):
        if len(a[0]) < len(a):
            raise out_of_range("not square")
        return Approx(float(eliminated([row[:len(a)] for row in a])[1]), 1e-12)

    def rank_mod(n, m, p, seed):
        drawn = noise(n * m, seed, p)
        rows = [drawn[i * m:i * m + m] for i in range(n)]
        for i in range(2, n, 3):
            rows[i] = [(x + y) % p for x, y in zip(rows[i - 1], rows[i - 2])]
        rank = 0
        for c in range(m):
            pivot = next((row for row in rows if row[c]), None)
            if pivot is not None:
                rank += 1
                rows.remove(pivot)
                k = pow(pivot[c], -1, p)
                rows = [[(x - row[c] * k * y) % p for x, y in zip(row, pivot)] for row in rows]
        return rank


class lu_decomposition:
    def doolittle(n):
        a = [[Fraction(1, i + j + 1) + 2 * (i == j) for j in range(n)] for i in range(n)]
        det = float(eliminated(a)[1])
        return Approx((0.0, det), det * 1e-14)

    def cholesky(n):
        # The factor of min(i, j) + 1 plus a half on the diagonal, row by row.
        rows = []
        for i in range(n):
            row = []
            for j in range(i):
                row.append((j + 1 - math.fsum(x * y for x, y in zip(row, rows[j]))) / rows[j][j])
            row.append(math.sqrt(i + 1.5 - math.fsum(x * x for x in row)))
            rows.append(row)
        return Approx(sum(map(sum, rows)))

    def tridiagonal(n):
        # -x[i-1] + 2.5 x[i] - x[i+1] = i mod 8, where the first right side is 1.
        right = [1] + [i % 8 for i in range(1, n)]
        # Shooting from the left is too wild: eliminate from the right instead.
        c, d = [Fraction(0)] * n, [Fraction(0)] * n
        for i in range(n)[::-1]:
            m = Fraction(5, 2) - (c[i + 1] if i + 1 < n else 0)
            c[i] = (1 / m).limit_denominator(10 ** 18)
            d[i] = ((right[i] + (d[i + 1] if i + 1 < n else 0)) / m).limit_denominator(10 ** 18)
        x, found = Fraction(0), []
        for i in range(n):
            x = (d[i] + c[i] * x).limit_denominator(10 ** 18)
            found.append(x)
        return Approx(float(sum(found)))


class power_iteration:
    def eigenvalue(n, steps):
        x = [1.0] * n
        for _ in range(steps):
            y = [summed(x[j] / (i + j + 1) for j in range(n)) for i in range(n)]
            x = [v / max(y) for v in y]
        return Approx(max(y))

    def ranks(n, links, steps, seed):
        to = noise(n * links, seed, n)
        rank = [Fraction(1, n)] * n
        for _ in range(steps):
            share = [Fraction(0)] * n
            for k, w in enumerate(to):
                share[w] += rank[k // links]
            rank = [Fraction(3, 20) / n + Fraction(17, 20) * s / links for s in share]
            rank = [r.limit_denominator(10 ** 15) for r in rank]
        return Approx(float(sum(r * (v + 1) for v, r in enumerate(rank))))

    def markov(steps):
        cups = [1000000, 0, 0]
        for _ in range(steps):
            moved = [c // d for c, d in zip(cups, (3, 2, 7))]
            cups = [cups[i] - moved[i] + moved[i - 1] for i in range(3)]
        return tuple(cups)


class fourier:
    def there(n):
        a = [i * 7 % 11 for i in range(n)]
        terms = [sum(x * cmath.exp(-2j * math.pi * i * k / n) for i, x in enumerate(a)) for k in range(n)]
        return Approx(sum(t.real ** 2 + t.imag ** 2 * (k + 1) for k, t in enumerate(terms)), 1e-6)

    def back(n):
        return Approx(0.0, 1e-12)

    def odd_length(n):
        if n & n - 1:
            raise out_of_range("not a power of two", "transform")
        return Approx(float(n), 1e-12)

    def reversal(n):
        width = n.bit_length() - 1
        return fold(int(f"{i:0{width}b}"[::-1], 2) if width else 0 for i in range(n))

    def product(n, m, room):
        return fold(convolution.whole(range(1, n + 1), [1] * m))


class convolution:
    def whole(a, b):
        out = [0] * (len(a) + len(b) - 1)
        for (i, x), (j, y) in ((p, q) for p in enumerate(a) for q in enumerate(b)):
            out[i + j] += x * y
        return out

    def folded(n, m, seed):
        return fold(convolution.whole(noise(n, seed, 100), noise(m, seed + 1, 100)))

    def valid(n, m, seed):
        a = noise(n, seed, 50)
        kernel = ([-1, 1] * m)[:m][::-1]
        return fold(convolution.whole(a, kernel)[m - 1:n], 7)

    def blur(w, h, size):
        r, out = size // 2, []
        for y in range(h):
            for x in range(w):
                box = [(min(max(x + dx, 0), w - 1), min(max(y + dy, 0), h - 1))
                       for dy in range(-r, r + 1) for dx in range(-r, r + 1)]
                out.append(sum((a * a + b * 5) % 256 for a, b in box) // size ** 2)
        return fold(out)

    def short(a, room):
        out = convolution.whole(a, [1, 2, 3])
        if len(out) > room:
            raise out_of_range("no room for a sum")
        return out[0] * 1000 + out[len(a) - 1]


class prefix_sums:
    def ranges(n, queries, seed):
        a, random, found = noise(n, seed, 1000), Random(seed), []
        for _ in range(queries):
            random.next()
            lo = (random.state >> 33) % n
            found.append((lo, lo + (random.state >> 20 & 8191) % (n - lo) + 1))
        return fold([sum(a[lo:hi]) for lo, hi in found])

    def boxes(w, h, queries, seed):
        random = Random(seed)
        pic = [[random.below(100) for _ in range(w)] for _ in range(h)]
        found = []
        for _ in range(queries):
            random.next()
            x, y = (random.state >> 33) % w, (random.state >> 40) % h
            random.next()
            right, low = x + (random.state >> 33) % (w - x) + 1, y + (random.state >> 40) % (h - y) + 1
            found.append(sum(sum(row[x:right]) for row in pic[y:low]))
        return fold(found)

    def added(n, times, seed):
        r, values = noise(3 * times, seed, n), [0] * n
        for a, b, more in zip(r[::3], r[1::3], r[2::3]):
            for i in range(min(a, b), max(a, b) + 1):
                values[i] += more
        return fold(values)

    def equal_sums(a, want):
        return sum(sum(a[i:j]) == want for i in range(len(a)) for j in range(i + 1, len(a) + 1))

    def fenwick(n, steps, seed):
        values, found = [0] * (n + 1), []
        for k, i in enumerate(noise(steps, seed, n)):
            if k % 2:
                found.append(sum(values[:i + 2]))
            else:
                values[i + 1] += k
        return fold(found)
