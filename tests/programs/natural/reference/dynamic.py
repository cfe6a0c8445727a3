"""Dynamic programming: by functions that call themselves and remember, or by trying all."""
from functools import lru_cache

from .shared import noise, out_of_range


class knapsack:
    def once(weight, value, room):
        if len(value) < len(weight):
            raise out_of_range("thing without a value")
        best = {0: 0}
        for w, v in zip(weight, value):
            more = {r + w: b + v for r, b in best.items() if r + w <= room}
            best = {r: max(best.get(r, 0), more.get(r, 0)) for r in {*best, *more}}
        return max(best.values())

    def many(n, room, seed):
        return knapsack.once([w + 1 for w in noise(n, seed, 30)], noise(n, seed + 1, 100), room)

    def unbounded(n, room, seed):
        things = [(w + 3, (w + 3) ** 2 - k) for k, w in enumerate(noise(n, seed, 20))]

        @lru_cache(None)
        def best(r):
            return max([0] + [best(r - w) + v for w, v in things if w <= r])

        return best(room)


def common_length(a, b):
    @lru_cache(None)
    def longest(i, j):
        if i == len(a) or j == len(b):
            return 0
        if a[i] == b[j]:
            return longest(i + 1, j + 1) + 1
        return max(longest(i + 1, j), longest(i, j + 1))
    return longest


class longest_common:
    def length(a, b):
        return common_length(a, b)(0, 0)

    def random(n, m, seed, letters):
        return longest_common.length(noise(n, seed, letters), noise(m, seed + 1, letters))

    def walk(a, b):
        longest, out, i, j = common_length(a, b), [], 0, 0
        while longest(i, j):
            if a[i] == b[j]:
                out.append(a[i])
                i, j = i + 1, j + 1
            elif longest(i + 1, j) == longest(i, j):
                i += 1
            else:
                j += 1
        return out

    def piece(n, m, seed, letters):
        a, b = bytes(noise(n, seed, letters)), bytes(noise(m, seed + 2, letters))
        return max(j - i for i in range(n) for j in range(i, n + 1) if a[i:j] in b)


def edits(a, b):
    @lru_cache(None)
    def distance(i, j):
        if not i or not j:
            return i + j
        same = distance(i - 1, j - 1) + (a[i - 1] != b[j - 1])
        return min(same, distance(i - 1, j) + 1, distance(i, j - 1) + 1)
    return distance(len(a), len(b))


class edit_distance:
    def distance(a, b):
        return edits(a, b)

    def random(n, m, seed, letters):
        return edits(noise(n, seed, letters), noise(m, seed + 1, letters))

    def banded(n, letters, band):
        a = noise(n, 77, letters)
        b = [x + (i % 10 == 9) for i, x in enumerate(a)]
        return edits(a, b) if band else sum(x != y for x, y in zip(a, b))


class increasing_subsequence:
    def chains(a, weight, fits):
        """The heaviest chain that ends at each place."""
        best = []
        for i, x in enumerate(a):
            best.append(max((best[j] for j in range(i) if fits(a[j], x)), default=0) + weight(x))
        return best

    def length(a):
        return max(increasing_subsequence.chains(a, lambda _: 1, int.__lt__), default=0)

    def elements(a):
        n = increasing_subsequence.length(a)
        # The one whose end is least, then the least and last element before that.
        best = increasing_subsequence.chains(a, lambda _: 1, int.__lt__)
        out, bound, end = [], None, len(a)
        for k in range(n, 0, -1):
            at = min((i for i in range(end) if best[i] == k and (bound is None or a[i] < bound)),
                     key=lambda i: (a[i], -i))
            out, bound, end = [a[at]] + out, a[at], at
        return out

    def both(n, seed, bound):
        length = increasing_subsequence.length(noise(n, seed, bound))
        return length, length

    def heaviest(n, seed):
        return max(increasing_subsequence.chains(noise(n, seed, 300), lambda x: x, int.__le__))


class matrix_chain:
    def cost(dims):
        @lru_cache(None)
        def least(i, j):
            if j - i < 2:
                return 0
            return min(least(i, k) + least(k, j) + dims[i] * dims[k] * dims[j] for k in range(i + 1, j))
        return least(0, len(dims) - 1)

    def random(n, seed):
        return matrix_chain.cost([d + 1 for d in noise(n + 1, seed, 50)])

    def tree(n, seed):
        f = noise(n, seed, 20)

        @lru_cache(None)
        def least(i, j):
            return sum(f[i:j]) + min(least(i, r) + least(r + 1, j) for r in range(i, j)) if i < j else 0

        return least(0, n)


class coin_change:
    def ways(coins, amount):
        return coin_change.limited(coins, [amount] * len(coins), amount)

    def fewest(coins, amount):
        reached, count = {0}, 0
        while amount not in reached:
            more = {r + c for r in reached for c in coins if r + c <= amount}
            if not more:
                return -1
            reached, count = more, count + 1
        return count

    def limited(coins, there, amount):
        if len(there) < len(coins):
            raise out_of_range("coin without a number")

        @lru_cache(None)
        def ways(k, left):
            if k == len(coins):
                return left == 0
            most = min(there[k], left // coins[k])
            return sum(ways(k + 1, left - n * coins[k]) for n in range(most + 1))

        return ways(0, amount)


class partition_sum:
    def partitions(n):
        @lru_cache(None)
        def ways(left, most):
            return 1 if left == 0 else sum(ways(left - p, p) for p in range(1, min(left, most) + 1))
        return ways(n, n)

    pentagonal = partitions

    def sums(a):
        reached = 1
        for x in a:
            reached |= reached << x
        return {s for s in range(sum(a) + 1) if reached >> s & 1}

    def halves(a):
        return sum(a) % 2 == 0 and sum(a) // 2 in partition_sum.sums(a)

    def nearest(n, seed):
        a = noise(n, seed, 100)
        return min(abs(sum(a) - 2 * s) for s in partition_sum.sums(a))


class needleman_wunsch:
    def align(a, b, gap):
        @lru_cache(None)
        def best(i, j):
            """Score, and steps where the first of equal ways is taken: both, a, b."""
            if not i or not j:
                return -gap * (i + j), i + j
            ways = [(best(i - 1, j - 1), 3 if a[i - 1] == b[j - 1] else -1),
                    (best(i - 1, j), -gap), (best(i, j - 1), -gap)]
            (score, steps), more = max(ways, key=lambda w: w[0][0] + w[1])
            return score + more, steps + 1
        return best(len(a), len(b))

    def random(n, m, seed, gap):
        return needleman_wunsch.align(noise(n, seed, 4), noise(m, seed + 1, 4), gap)

    def local(n, m, seed, gap):
        a, b = noise(n, seed, 4), noise(m, seed + 1, 4)

        @lru_cache(None)
        def best(i, j):
            if not i or not j:
                return 0
            same = best(i - 1, j - 1) + (4 if a[i - 1] == b[j - 1] else -3)
            return max(0, same, best(i - 1, j) - gap, best(i, j - 1) - gap)

        return max(best(i, j) for i in range(n + 1) for j in range(m + 1))
