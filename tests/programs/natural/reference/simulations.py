"""Simulations: of sets of cells and of lists; of floats, step by step in the same order."""
import math
import struct
from collections import Counter

from .shared import Random, fold, noise, out_of_range


def generations(alive, steps, near):
    """The set of living cells after some steps; `near` gives a cell's eight neighbours."""
    for _ in range(steps):
        count = Counter(c for cell in alive for c in near(cell))
        alive = {c for c, k in count.items() if k == 3 or k == 2 and c in alive}
    return alive


AROUND = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x]


class life:
    def torus(n, steps, seed):
        cells = noise(n * n, seed, 2)
        alive = {divmod(i, n) for i, c in enumerate(cells) if c}
        alive = generations(alive, steps, lambda c: [((c[0] + y) % n, (c[1] + x) % n) for y, x in AROUND])
        return fold([divmod(i, n) in alive for i in range(n * n)], 3)

    def walled(n, steps, seed):
        random = Random(seed)
        alive = {divmod(i, n) for i in range(n * n) if random.next(63)}
        for _ in range(steps):
            alive = generations(alive, 1, lambda c: [(c[0] + y, c[1] + x) for y, x in AROUND])
            alive = {(y, x) for y, x in alive if 0 <= y < n and 0 <= x < n}
        return len(alive)

    def words(steps, seed):
        random, alive = Random(seed), set()
        for y in range(64):
            s = random.next(0)
            s ^= s >> 29
            alive |= {(y, x) for x in range(64) if s >> x & 1}
        alive = generations(alive, steps, lambda c: [((c[0] + y) % 64, (c[1] + x) % 64) for y, x in AROUND])
        return len(alive)


class elementary_automata:
    def rows(rule, n, steps):
        row = [i == n // 2 for i in range(n)]
        for _ in range(steps):
            row = [bool(rule >> 4 * row[i - 1] + 2 * row[i] + row[(i + 1) % n] & 1) for i in range(n)]
            yield row

    def run(rule, n, steps):
        return fold([sum(row) for row in elementary_automata.rows(rule, n, steps)])

    def all(n, steps):
        return fold([elementary_automata.run(rule, n, steps) for rule in range(256)], 7)

    def bits_of(rule, steps):
        # The word's highest bit is leftmost, except that a neighbour at the left is lower.
        out, row = 0, [i == 32 for i in range(64)]
        for _ in range(steps):
            out = out << 1 | row[32]
            row = [bool(rule >> 4 * row[(i + 1) % 64] + 2 * row[i] + row[i - 1] & 1) for i in range(64)]
        return out


STEPS = [1, -1, 1j, -1j]


class random_walks:
    def squares(walks, steps, seed):
        random, total = Random(seed), 0
        for _ in range(walks):
            end = sum(STEPS[random.next(62)] for _ in range(steps))
            total += int(end.real ** 2 + end.imag ** 2) if steps else 0
        return total

    def returns(walks, steps, seed):
        random, home = Random(seed), 0
        for _ in range(walks):
            at = 0
            for _ in range(steps):
                at += STEPS[random.next(62)]
                if at == 0:
                    home += 1
                    break
        return home

    def ruin(start, other, games, seed):
        random, won, rounds = Random(seed), 0, 0
        for _ in range(games):
            have = start
            while 0 < have < start + other:
                have += 2 * random.next(63) - 1
                rounds += 1
            won += have > 0
        return won, rounds

    def visits(steps, half, seed):
        random, at, count = Random(seed), 0, Counter()
        for _ in range(steps):
            if abs(at) > half:
                raise out_of_range("off the line")
            count[at] += 1
            at += 2 * random.next(63) - 1
        return max(count.values())


class n_body:
    def moved(n, steps, dt):
        mass = [1 / (i + 1) for i in range(n)]
        place = [[i * (1.5 + d) - d * 0.25 for d in range(3)] for i in range(n)]
        speed = [[((i * 3 + d) % 5 - 2) * 0.125 for d in range(3)] for i in range(n)]
        for _ in range(steps):
            for i in range(n):
                for j in range(i + 1, n):
                    delta = [a - b for a, b in zip(place[i], place[j])]
                    square = delta[0] ** 2 + delta[1] ** 2 + delta[2] ** 2
                    pull = dt / (square * math.sqrt(square))
                    for d in range(3):
                        speed[i][d] -= delta[d] * (mass[j] * pull)
                        speed[j][d] += delta[d] * (mass[i] * pull)
            for at, v in zip(place, speed):
                at[:] = [a + dt * b for a, b in zip(at, v)]
        return mass, place, speed

    def energy(n, steps, dt):
        mass, place, speed = n_body.moved(n, steps, dt)
        total = 0.0
        for i in range(n):
            vx, vy, vz = speed[i]
            total += 0.5 * mass[i] * (vx * vx + vy * vy + vz * vz)
            for j in range(i + 1, n):
                square = 0.0
                for a, b in zip(place[i], place[j]):
                    square += (a - b) ** 2
                total -= mass[i] * mass[j] / math.sqrt(square)
        return total

    def momentum(n, steps, dt):
        mass, _, speed = n_body.moved(n, steps, dt)
        total = [0.0, 0.0, 0.0]
        for m, v in zip(mass, speed):
            total = [t + m * c for t, c in zip(total, v)]
        return tuple(total)


def single(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def summed(values):
    """One after the other, as the programs do; Python's own sum may round less."""
    total = 0.0
    for v in values:
        total += v
    return total


class heat:
    def rod(n, steps, r):
        u = [100.0] + [0.0] * (n - 1)
        for _ in range(steps):
            inner = [b + r * (a - 2 * b + c) for a, b, c in zip(u, u[1:], u[2:])]
            u = u[:1] + inner + u[-1:]
        return summed(u)

    def plate(n, steps):
        u = [[1.0] * n] + [[0.0] * n for _ in range(n - 1)]
        for _ in range(steps):
            u = [[0.25 * (u[i - 1][j] + u[i + 1][j] + u[i][j - 1] + u[i][j + 1])
                  if 0 < i < n - 1 and 0 < j < n - 1 else u[i][j] for j in range(n)] for i in range(n)]
        return summed(x * (i + 1) for i, row in enumerate(u) for x in row)

    def settle(n, least):
        u = {(i, j): float(i == 0) for i in range(n) for j in range(n)}
        inner, rounds, most = [c for c in u if 0 < min(c) and max(c) < n - 1], 0, least + 1
        while most > least:
            most, rounds = 0.0, rounds + 1
            for i, j in inner:
                new = (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1]) / 4
                most = max(most, abs(new - u[i, j]))
                u[i, j] = new
        return rounds, u[n // 2, n // 2]

    def singles(n, steps):
        u = [0.0] * n
        u[n // 2] = 1000.0
        for _ in range(steps):
            old = list(u)
            for i in range(1, n - 1):
                change = single(single(single(old[i - 1] - old[i]) - old[i]) + old[i + 1])
                u[i] = single(old[i] + single(0.125 * change))
        return u[n // 2]

    def wide(n, m):
        if m > n:
            raise out_of_range("beyond the rim")
        return 1.5 * n * m


class langtons_ant:
    def walked(n, steps, right, bounded=False):
        colors, at, way = Counter(), (n // 2, n // 2), (-1, 0)
        for _ in range(steps):
            if bounded and not (0 <= at[0] < n and 0 <= at[1] < n):
                raise out_of_range("off the board")
            y, x = way
            way = (x, -y) if right[colors[at]] else (-x, y)
            colors[at] = (colors[at] + 1) % len(right)
            at = (at[0] + way[0], at[1] + way[1])
            at = at if bounded else (at[0] % n, at[1] % n)
        return colors

    def two(n, steps):
        colors = langtons_ant.walked(n, steps, [1, 0])
        return fold([colors[divmod(i, n)] for i in range(n * n)], 3)

    def turns(n, steps, right):
        colors = langtons_ant.walked(n, steps, right)
        return fold([colors[divmod(i, n)] for i in range(n * n)], 5)

    def walls(steps, n):
        return sum(langtons_ant.walked(n, steps, [1, 0], bounded=True).values())
