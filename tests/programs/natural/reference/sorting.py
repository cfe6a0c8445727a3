"""Sorting and merging; mostly Python's own sort."""
from collections import Counter
from itertools import combinations

from .shared import Random, fold, noise, out_of_range


class insertion_sort:
    def sort_list(a):
        return sorted(a)

    def sorted(n, seed):
        return fold(sorted(noise(n, seed, 1000)))

    def shifted(n, seed, room):
        if n > room:
            raise out_of_range("past the end", "call")
        return sorted(noise(n, seed, 1000))[n // 2]


class selection_sort:
    def sorted(n, seed):
        return fold(sorted(noise(n, seed, 10000)))

    def swaps(n, seed, bound):
        a, swaps = noise(n, seed, bound), 0
        for i in range(n):
            least = a.index(min(a[i:]), i)
            a[i], a[least] = a[least], a[i]
            swaps += least != i
        return swaps


class bubble_sort:
    def passes(a):
        # A pass brings each element one place nearer, past the largest before it. The
        # program stops early when the only exchange left was at the front.
        a, passes = list(a), 0
        while True:
            rest, out, last = list(a), [], 0
            high = rest[0]
            for at, x in enumerate(rest[1:]):
                if high > x:
                    out.append(x)
                    last = at
                else:
                    out.append(high)
                    high = x
            a, passes = out + [high], passes + 1
            if not last:
                return passes

    def sorted(n, seed):
        return fold(sorted(noise(n, seed, 500)))

    def cocktail(n, seed):
        return fold(sorted(noise(n, seed, 100000)))


class shell_sort:
    def sorted(n, seed):
        return fold(sorted(noise(n, seed, 1000000)))

    def by_table(n, seed, gaps):
        if 1 not in gaps:
            raise out_of_range("no gap of 1")
        return fold(sorted(noise(n, seed, 1000000)))


class heap_sort:
    def sorted(n, seed):
        return fold(sorted(noise(n, seed, 5000)))

    def smallest(n, seed, k):
        if k > n:
            raise out_of_range("too few")
        return sum(sorted(noise(n, seed, 100000))[:k])


class merge_sort:
    def bottom_up(n, seed):
        return fold(sorted(noise(n, seed, 900)))

    top_down = bottom_up

    def inversions(a):
        return sum(x > y for x, y in combinations(a, 2))


class quick_sort:
    def sorted(n, seed, room):
        if room < 4 and n > 1:
            raise out_of_range("stack is full")
        return fold(sorted(noise(n, seed, 100000)))

    def median(n, seed):
        return sorted(noise(n, seed, 100000))[n // 2]


class counting_sort:
    def sorted(n, seed, bound):
        return fold(sorted(noise(n, seed, bound)))

    def clipped(a, bound):
        if any(not 0 <= x < bound for x in a):
            raise out_of_range("no such counter")
        count = Counter(a)
        return [count[v] for v in range(bound)]

    def by_key(n, seed, keys):
        return fold(sorted(noise(n, seed, 100000), key=lambda x: x % keys))


class radix_sort:
    def sorted(n, seed, _digit):
        random = Random(seed)
        return fold(sorted(random.next(44) for _ in range(n)))


class merge_lists:
    def union(a, b):
        return sorted(a + b)

    def common(a, b):
        h = 0
        for x in sorted(set(a) & set(b)):
            h = h * 100 + x
        return h

    def three_ways(n, m, weight):
        a, b = set(range(0, 3 * n, 3)), set(range(0, 4 * m, 4))
        return tuple(weight * sum(s) for s in (a - b, a & b, b - a))

    def tight(n, m, room):
        a, b = [2 * i + 1 for i in range(n)], [2 * j for j in range(m)]
        if n + m > room:
            raise out_of_range("too many odd" if a[-1] > b[-1] else "too many even")
        return fold(sorted(a + b) + [0] * (room - n - m), 3)
