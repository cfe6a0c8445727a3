"""Points, rectangles, intervals and streams: by sets of cells and by trying all pairs."""
import itertools
import math
import statistics
from collections import Counter

from .shared import Approx, Random, fold, noise, out_of_range


def cross(o, a, b):
    return (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])


def corners(points):
    """Those of the hull against the clock: what no other point is right of."""
    points = sorted(set(map(tuple, points)))
    if len(points) < 3:
        return points
    after = {}
    for a in points:
        for b in points:
            sides = [(cross(a, b, c), c) for c in points if a != b]
            if sides and all(s > 0 or s == 0 and math.dist(a, c) <= math.dist(a, b)
                             and math.dist(b, c) <= math.dist(a, b) for s, c in sides):
                after[a] = b
    out = [min(after)]
    while after[out[-1]] != out[0]:
        out.append(after[out[-1]])
    return out


class convex_hull:
    def points(n, seed):
        drawn = noise(2 * n, seed, 1000)
        return list(zip(drawn[::2], drawn[1::2]))

    def hull(points):
        return fold(x * 65536 + y for x, y in corners(points))

    def area(n, seed):
        rim = corners(convex_hull.points(n, seed))
        return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(rim, rim[1:] + rim[:1])), len(rim)

    def farthest(n, seed):
        return max((a - c) ** 2 + (b - d) ** 2 for (a, b), (c, d) in
                   itertools.combinations(convex_hull.points(n, seed), 2))

    def wrapping(n, seed):
        return len(corners(convex_hull.points(n, seed)))


class point_in_polygon:
    def winding(polygon, x, y):
        """How often a polygon goes round a point: by the angles."""
        total = 0
        for (ax, ay), (bx, by) in zip(polygon, polygon[1:] + polygon[:1]):
            turn = math.atan2(by - y, bx - x) - math.atan2(ay - y, ax - x)
            total += (turn + math.pi) % (2 * math.pi) - math.pi
        return round(total / (2 * math.pi))

    def crossings(polygon, x, y):
        return point_in_polygon.winding(list(map(tuple, polygon)), x, y) % 2 == 1

    def star(n):
        pentagon = [(50, 100), (98, 65), (79, 9), (21, 9), (2, 65)]
        star = [pentagon[k * 2 % 5] for k in range(5)]
        return fold((abs(point_in_polygon.winding(star, x * 100 // n + 1, y * 100 // n + 2))
                     for y in range(n) for x in range(n)), 3)

    def pick(p):
        # Those left of all edges.
        points = itertools.product(*(range(max(axis)) for axis in zip(*p)))
        edges = list(zip(p, p[1:] + p[:1]))
        return sum(all(cross(a, b, point) > 0 for a, b in edges) for point in points)

    def line(ax, ay, bx, by):
        # At each step along the longer way, the nearest point, away from the start if between.
        n = max(abs(bx - ax), abs(by - ay))

        def at(a, b, k):
            return a + (1 if b > a else -1) * ((2 * k * abs(b - a) + n) // (2 * n))

        return fold(at(ax, bx, k) * 100 + at(ay, by, k) for k in range(n + 1))

    def draw(n, radius):
        if radius > n + 10:
            raise out_of_range("circle too large")
        cells = set()
        for r in range(10, radius, 10):
            # Of the two beside the circle, that whose middle of the gap is outside.
            for y in range(r):
                x = next(x for x in range(r, -1, -1) if (2 * x - 1) ** 2 + (2 * y) ** 2 < (2 * r) ** 2)
                if y <= x:
                    cells |= {(sx * a, sy * b) for a, b in ((x, y), (y, x))
                              for sx in (-1, 1) for sy in (-1, 1)}
        return len(cells)


class rectangle_union:
    def cells(rectangles):
        found = set()
        for left, top, right, low in rectangles:
            found.update(itertools.product(range(left, right), range(top, low)))
        return found

    def covered(rectangles):
        return len(rectangle_union.cells(rectangles))

    def random(n, seed):
        v = noise(4 * n, seed, 100)
        return rectangle_union.covered([(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in
                                        zip(v[::4], v[1::4], v[2::4], v[3::4])])

    sweep = random

    def skyline(h):
        return max(min(h[i:j]) * (j - i) for i in range(len(h)) for j in range(i + 1, len(h) + 1))

    def histograms(n, seed):
        return rectangle_union.skyline(noise(n, seed, 100))

    def outside(rectangles, size):
        if any(right > size for _, _, right, _ in rectangles):
            raise out_of_range("right of the board")
        return len(rectangle_union.cells(rectangles))


class interval_scheduling:
    def make(n, seed):
        v = noise(2 * n, seed, 1000)
        return [(a, a + b % 60 + 1) for a, b in zip(v[::2], v[1::2])]

    def most(r):
        best = {}
        # The most from each time on: nothing starts there, or one that does is taken.
        for t in range(max((b for _, b in r), default=0), -1, -1):
            best[t] = max([best.get(t + 1, 0)] + [best.get(b, 0) + 1 for a, b in r if a == t])
        return best[0]

    def random(n, seed):
        return interval_scheduling.most(interval_scheduling.make(n, seed))

    def at_once(n, seed):
        count = Counter(t for a, b in interval_scheduling.make(n, seed) for t in range(a, b))
        best = max(count.values())
        return best, min(t for t in count if count[t] == best)

    def merged(r):
        # Half steps, so that those which only touch are one piece.
        points = {t for a, b in r for t in range(2 * a, 2 * b + 1)}
        return sum(t - 1 not in points for t in points), sum(t % 2 for t in points)

    def weighted(n, seed):
        r, best = interval_scheduling.make(n, seed), {}
        for t in range(1100, -1, -1):
            best[t] = max([best.get(t + 1, 0)] + [best[b] + (b - a) ** 2 for a, b in r if a == t])
        return best[0]

    def rooms(n, seed, there):
        # First come, first served never takes more than are needed at once.
        needed, _ = interval_scheduling.at_once(n, seed)
        if needed > there:
            raise out_of_range("no room is left")
        return needed


class two_pointers:
    def pairs(a, total):
        count, left = 0, Counter(a)
        for x in a:
            if left[x] and left[total - x] > (x == total - x):
                count += 1
                left[x] -= 1
                left[total - x] -= 1
        return count

    def triples(n, step):
        values = range(-n, n + 1, step)
        return sum(a < b < -a - b in values for a in values for b in values)

    def water(h):
        return sum(min(max(h[:i + 1]), max(h[i:])) - x for i, x in enumerate(h))

    def walls(n, seed):
        return two_pointers.water(noise(n, seed, 100))

    def shortest(n, seed, total):
        sums = [0, *itertools.accumulate(noise(n, seed, 200))]
        return min((j - i for i in range(n) for j in range(i + 1, n + 1)
                    if sums[j] - sums[i] >= total), default=0)

    def unique(a):
        found = sorted(set(a))
        return len(found), found + a[len(found):]

    def flag(n, seed):
        return fold(sorted(noise(n, seed, 3)), 3)

    def distinct(n, letters, seed):
        a = noise(n, seed, letters)
        if max(a) >= 26:
            raise out_of_range("no such letter")
        return max(j - i for i in range(n) for j in range(i + 1, min(n, i + 26) + 1)
                   if len(set(a[i:j])) == j - i)


class streams:
    def majority(a):
        return next((x for x in a if 2 * a.count(x) > len(a)), -1)

    def reservoir(n, k, seed):
        random, box = Random(seed), list(range(k))
        for i in range(k, n):
            j = random.below(i + 1)
            if j < k:
                box[j] = i
        return fold(i * i for i in box)

    def spread(n, seed):
        random = Random(seed)
        drawn = [random.next(40) / 1024 for _ in range(n)]
        return Approx((statistics.fmean(drawn), statistics.pvariance(drawn)), 1e-4)

    def frequent(n, k, seed):
        count = Counter(x ** 3 // 50000000 for x in noise(n, seed, 1000))
        return fold([x * 1000 + c for x, c in sorted(count.items()) if c * (k + 1) > n], 10000)

    def medians(n, seed):
        a = noise(n, seed, 10000)
        return fold(sorted(a[:i])[(i - 1) // 2] for i in range(1, n + 1))

    def missing(n, a, b):
        return min(a, b), max(a, b)

    def kadane(a):
        return max(((sum(a[i:j + 1]), i, j) for i in range(len(a)) for j in range(i, len(a))),
                   key=lambda r: (r[0], -r[2], -r[1]))

    def best_trade(n, seed):
        a = noise(n, seed, 1000)
        once = max(b - x for x, b in itertools.combinations(a, 2))
        return once, sum(max(b - x, 0) for x, b in zip(a, a[1:]))
