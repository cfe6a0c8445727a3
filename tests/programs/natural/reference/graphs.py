"""Graphs: by sets, dictionaries and heaps of Python, or by trying until nothing changes."""
import heapq
from functools import lru_cache

from .shared import Random, fold, noise, out_of_range


def fronts(starts, neighbours):
    """The sets of vertices one, two, ... steps away."""
    seen, front = set(starts), set(starts)
    while front:
        yield front
        front = {w for v in front for w in neighbours(v)} - seen
        seen |= front


def regions(vertices, neighbours):
    """The connected sets of vertices."""
    left = set(vertices)
    while left:
        region = set().union(*fronts([min(left)], neighbours))
        left -= region
        yield region


def beside(cell, w, h):
    y, x = divmod(cell, w)
    near = [(y - 1, x), (y, x + 1), (y + 1, x), (y, x - 1)]
    return [a * w + b for a, b in near if 0 <= a < h and 0 <= b < w]


class breadth_first:
    def steps(n, seed, walls):
        wall = [v < walls for v in noise(n * n, seed, 100)]
        dist, queue = {0: 0}, [0]
        for taken, cell in enumerate(queue, 1):
            if cell == n * n - 1:
                break
            for other in beside(cell, n, n):
                if other not in dist and not wall[other]:
                    dist[other] = dist[cell] + 1
                    queue.append(other)
        return taken * 1000 + dist.get(n * n - 1, -1)

    def levels(n, m, seed):
        ends = noise(2 * m, seed, max(n, 1))
        near = {}
        for a, b in zip(ends[::2], ends[1::2]):
            near.setdefault(a, set()).add(b)
            near.setdefault(b, set()).add(a)
        return fold([len(f) for f in fronts([0] if n else [], lambda v: near.get(v, set()))], 101)

    def narrow(n, room):
        if room < 64 and n * n > room:
            raise out_of_range("beyond the ring")
        return sum(range(n * n))


class depth_first:
    def leaving(n, degree, seed, room):
        to, state, h = noise(n * degree, seed, n), {}, [0]

        def visit(v, depth):
            if depth > room:
                raise out_of_range("too deep")
            state[v] = 1
            for w in to[v * degree:(v + 1) * degree]:
                if w not in state:
                    visit(w, depth + 1)
                elif state[w] == 1:
                    h[0] += 7
            state[v] = 2
            h[0] = fold([h[0], v])

        for v in range(n):
            if v not in state:
                visit(v, 1)
        return h[0]

    def cyclic(next):
        def ends(v):
            for _ in next:
                v = next[v] if v >= 0 else v
            return v < 0
        return not all(ends(v) for v in range(len(next)))

    def recursive(n, seed):
        to, seen, found = noise(2 * n, seed, n), set(), []
        for v in range(n):
            new = set() if v in seen else set().union(*fronts([v], lambda v: set(to[2 * v:2 * v + 2]) - seen))
            found.append(len(new))
            seen |= new
        return fold(found, 3)


def shortest(n, edges, start=0):
    """Distances by a heap; edges are (from, to, cost)."""
    near = {}
    for a, b, cost in edges:
        near.setdefault(a, []).append((b, cost))
    dist, heap = {}, [(0, start)]
    while heap:
        d, v = heapq.heappop(heap)
        if v not in dist:
            dist[v] = d
            for w, cost in near.get(v, []):
                heapq.heappush(heap, (d + cost, w))
    return dist


class dijkstra_matrix:
    def edges(n, seed):
        w = noise(n * n, seed, 1000)
        return [(i, j, w[i * n + j] + 1) for i in range(n) for j in range(n) if w[i * n + j] % 4 == 0]

    def far(n, seed):
        dist = shortest(n, dijkstra_matrix.edges(n, seed))
        return fold([dist.get(v, 1000000) for v in range(n)])

    def path(n, seed, to):
        d = shortest(n, dijkstra_matrix.edges(n, seed))[to]
        return d, d


class dijkstra_heap:
    def far(n, m, seed, room):
        ends, cost = noise(2 * m, seed, n), noise(m, seed + 1, 500)
        if room < 16:
            raise out_of_range("heap is full", "push an edge")
        dist = shortest(n, zip(ends[::2], ends[1::2], cost))
        return fold([dist.get(v, -1) for v in range(n)])


class floyd_warshall:
    def total(n, seed):
        w = noise(n * n, seed, 2000)
        edges = [(i, j, w[i * n + j]) for i in range(n) for j in range(n) if i != j and w[i * n + j] <= 400]
        found = []
        for i in range(n):
            dist = shortest(n, edges, i)
            found += [dist[j] for j in range(n) if j in dist]
        return fold(found)

    def reached(n, seed, m):
        ends = noise(2 * m, seed, n)
        near = {v: {b for a, b in zip(ends[::2], ends[1::2]) if a == v} for v in range(n)}
        return sum(len(set().union(*fronts(near[v], near.get))) for v in range(n))


class bellman_ford:
    def far(n, m, seed):
        r, edges = noise(3 * m, seed, 10000), {}
        for a, b, c in zip(r[::3], r[1::3], r[2::3]):
            u = a % (n - 1)
            edges.setdefault(u, []).append((u + 1 + b % (n - 1 - u), c - 3000))
        # Edges go up, so one round in the order of the vertices does.
        dist = {0: 0}
        for u in range(n):
            for v, cost in edges.get(u, []):
                if u in dist:
                    dist[v] = min(dist.get(v, 1 << 60), dist[u] + cost)
        return fold([dist[v] for v in range(n) if v in dist])

    def negative(edges, n):
        if any(max(a, b) >= n for a, b, _ in edges):
            raise out_of_range("no such vertex")
        cost = [[0 if i == j else 1 << 60 for j in range(n)] for i in range(n)]
        for a, b, c in edges:
            cost[a][b] = min(cost[a][b], c)
        for k in range(n):
            for i in range(n):
                for j in range(n):
                    cost[i][j] = min(cost[i][j], cost[i][k] + cost[k][j])
        return any(cost[v][v] < 0 for v in range(n))


class topological_sort:
    def order(edges, n):
        out = [v for v in range(n) if all(b != v for _, b in edges)]
        for u in out:
            # What all that come before it are out already; in the order of the last edges.
            for at, (a, b) in enumerate(edges):
                later = [x for x, y in edges[at + 1:] if y == b and x == u]
                before = {x for x, y in edges if y == b}
                if a == u and b not in out and not later and before <= set(out[:out.index(u) + 1]):
                    out.append(b)
        return out + [-1] * (n - len(out))

    def longest(n, m, seed):
        r = noise(2 * m, seed, n)
        before = {v: set() for v in range(n)}
        for a, b in zip(r[::2], r[1::2]):
            if a != b:
                a, b = sorted((a, b), key=lambda v: (v * 7919 + 5) % 10007)
                before[b].add(a)

        @lru_cache(None)
        def far(v):
            return max((far(u) + 1 for u in before[v]), default=0)

        found = [far(v) for v in range(n)]
        return fold(found, 7) + max(found)


class union_find:
    def components(n, m, seed):
        ends = noise(2 * m, seed, n)
        near = {v: set() for v in range(n)}
        for a, b in zip(ends[::2], ends[1::2]):
            near[a].add(b)
            near[b].add(a)
        found = [len(r) for r in regions(range(n), near.get)]
        return len(found), max(found)

    def percolates(n, seed):
        random, opened = Random(seed), set()
        while True:
            opened.add(random.below(n * n))
            top = {c for c in opened if c < n}
            reached = set().union(*fronts(top, lambda c: opened.intersection(beside(c, n, n))))
            if any(c >= n * n - n for c in reached):
                return len(opened)

    def check(n, last):
        if last > n:
            raise out_of_range("no such vertex")
        return fold([0] * n, 3)


class prim:
    def edges(n, seed):
        """Those of the least tree: by Kruskal's way, from the shortest on."""
        p = noise(2 * n, seed, 1000)
        at = list(zip(p[::2], p[1::2]))
        all_edges = sorted((abs(at[a][0] - at[b][0]) + abs(at[a][1] - at[b][1]), a, b)
                           for a in range(n) for b in range(a))
        return spanning(n, all_edges)

    def weight(n, seed):
        return sum(prim.edges(n, seed))

    def longest_edge(n, seed):
        return max(prim.edges(n, seed))


def spanning(n, edges):
    """Weights of the edges of the least forest; edges are sorted (weight, a, b)."""
    group, taken = list(range(n)), []
    for weight, a, b in edges:
        old, new = group[a], group[b]
        if old != new:
            group = [new if g == old else g for g in group]
            taken.append(weight)
    return taken


class kruskal:
    def forest(n, m, seed):
        ends, weights = noise(2 * m, seed, n), noise(m, seed + 9, 4096)
        taken = spanning(n, sorted(zip(weights, ends[::2], ends[1::2])))
        return sum(taken), len(taken)


class connected_components:
    def found(w, h, seed, colors):
        pic = noise(w * h, seed, colors)
        return list(regions(range(w * h), lambda c: {d for d in beside(c, w, h) if pic[c] == pic[d]}))

    def flood(w, h, seed, colors):
        sizes = [len(r) for r in connected_components.found(w, h, seed, colors)]
        return len(sizes), max(sizes)

    def spread(w, h, seed, colors):
        return sum(min(r) * len(r) for r in connected_components.found(w, h, seed, colors))

    def rows(w, h, there):
        if h > there:
            raise out_of_range("no such row")
        cells = [[x * y // 8 % 2 for x in range(w)] for y in range(h)]
        return sum(1 + sum(a != b for a, b in zip(row, row[1:])) for row in cells)
