"""Searches in numbers and in texts: by Python's own, or by trying everything."""
from bisect import bisect_left, bisect_right

from .shared import fold, noise, out_of_range


class binary_search:
    def find(a, x):
        return a.index(x) if x in a else -1

    def range_of(a, x):
        return bisect_left(a, x), bisect_right(a, x)

    def all_squares(queries, n):
        squares = [i * i for i in range(n)]
        return sum(bisect_left(squares, 13 * q) * 3 + bisect_right(squares, 13 * q) for q in range(queries))


class ternary_search:
    def integers(left, right, at):
        return min(max(at, left), right)

    def many(n):
        return sum(ternary_search.integers(-1000, 1000 + i, i * i - 500) for i in range(n))

    def floats(left, right, steps):
        lo, hi = left, right
        for _ in range(steps):
            third = (hi - lo) / 3
            m, n = lo + third, hi - third
            if (m - 2.5) ** 2 + 1 < (n - 2.5) ** 2 + 1:
                hi = n
            else:
                lo = m
        return lo


class interpolation_search:
    def build(n, step):
        return [i * step + i % 4 for i in range(n)]

    def interpolate(n, step, x):
        return binary_search.find(interpolation_search.build(n, step), x)

    def sweep(n, step):
        places = {x: i for i, x in enumerate(interpolation_search.build(n, step))}
        return sum(places.get(x, 0) for x in range(0, n * step, 5))

    def gallop(n, step, x):
        return bisect_left(interpolation_search.build(n, step), x)


def occurrences(text, pattern):
    m = len(pattern)
    return [i for i in range(len(text) - m + 1) if text[i:i + m] == pattern]


def common_prefix(a, b):
    k = 0
    while k < min(len(a), len(b)) and a[k] == b[k]:
        k += 1
    return k


class kmp_search:
    def count(text, p):
        return len(occurrences(text, p))

    def random(n, seed, m, letters):
        return kmp_search.count(noise(n, seed, letters), noise(m, seed + 1, letters))

    def failures(p):
        return [max(k for k in range(i) if p[:k] == p[i - k:i]) for i in range(1, len(p) + 1)]


class rabin_karp:
    def first(a, p):
        return (occurrences(a, p) + [-1])[0]

    def matches(n, seed, m, letters):
        a = noise(n, seed, letters)
        return len(occurrences(a, a[(n - m) // 2:(n - m) // 2 + m]))


class horspool:
    def first(n, seed, m):
        return (occurrences(noise(n, seed, 3), noise(m, seed + 40, 3)) + [-1])[0]

    def count(n, seed, m, room):
        p = [3, 2] * m
        if room <= 3:
            raise out_of_range("byte without a shift", "table")
        return len(occurrences(noise(n, seed, 4), p[:m]))


class z_function:
    def lengths(s):
        return [common_prefix(s, s[i:]) if i else 0 for i in range(len(s))]

    def total(n, seed, letters):
        return sum(z * (i % 8) for i, z in enumerate(z_function.lengths(noise(n, seed, letters))))

    def period(n, p):
        s = [i % p * 5 % 256 for i in range(n)]
        return next(d for d in range(1, n + 1) if n % d == 0 and s == s[:d] * (n // d))


class manacher:
    def middles(s):
        """First place and length of the palindrome around every middle."""
        found = []
        for middle in range(2 * len(s) + 1):
            lo, hi = (middle - 1) // 2, middle // 2
            if middle % 2:
                hi = lo
            while lo >= 0 and hi < len(s) and s[lo] == s[hi]:
                lo, hi = lo - 1, hi + 1
            found.append((lo + 1, hi - lo - 1))
        return found

    def longest(s):
        found = manacher.middles(s)
        best = max(length for _, length in found)
        return next(((at, n) for at, n in found if n == best and n), (0, 0))

    def count(n, seed, letters):
        return sum((length + 1) // 2 for _, length in manacher.middles(noise(n, seed, letters)))


class suffix_array:
    def order(s):
        return sorted(range(len(s)), key=lambda i: s[i:])

    def repeated(n, seed, letters):
        s = noise(n, seed, letters)
        order = suffix_array.order(s)
        common = [common_prefix(s[i:], s[j:]) for i, j in zip(order, order[1:])]
        return max(common), sum(common)

    def occurrences(n, seed, letters, m):
        s = noise(n, seed, letters)
        cut = [s[i:i + m] for i in suffix_array.order(s)]
        return fold([bisect_left(cut, s[i:i + m]) for i in range(n - m + 1)], 7)
