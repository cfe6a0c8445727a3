"""Machines, games, trees, caches, matchings, fractals and dates."""
import calendar
import datetime
import itertools
from functools import lru_cache
from operator import xor

from .shared import Random, Trap, fold, noise, out_of_range


class tape_machine:
    PROGRAM = "+++++++[>+++++++<-]>[>+>+<<-]>[>>++++[>+++<-]<<-]>[<+>-]"

    def run(code, room):
        """Written anew as a function of Python, which is called."""
        text, indent = "def function(tape):\n at = steps = 0\n", 1
        for c in bytes(code).decode():
            lines = {"+": "tape[at] = tape[at] + 1 & 255", "-": "tape[at] = tape[at] - 1 & 255",
                     ">": "at += 1", "<": "at -= 1", ",": "tape[at] = 0", "[": "while tape[at]:"}
            if c != "]":
                text += " " * indent + "steps += 1\n"
            text += " " * indent + lines.get(c, "steps += 1" if c == "]" else "pass") + "\n"
            indent += (c == "[") - (c == "]")
        names, tape = {}, [0] * room
        exec(text + " return steps", names)
        try:
            steps = names["function"](tape)
        except IndexError:
            raise out_of_range("off the tape") from None
        return fold(tape), steps

    def products(room):
        return tape_machine.run(tape_machine.PROGRAM.encode(), room)

    def slow(code, room):
        return tape_machine.run(code, room)[0]

    RULES = {2: "1RB1LB 1LA1RC", 4: "1RB1LB 1LA0LC 1RE1LD 1RD0RA", 5: "1RB1LC 1RC1RB 1RD0LE 1LA1LD 1RF0LA"}

    def beaver(states, most):
        rules, tape, at, state, steps = tape_machine.RULES[states].split(), set(), 0, 0, 0
        while state < states and steps < most:
            write, move, after = rules[state][3 * (at in tape):][:3]
            tape = tape | {at} if write == "1" else tape - {at}
            at += 1 if move == "R" else -1
            state, steps = ord(after) - ord("A"), steps + 1
        return steps, len(tape)


class register_machine:
    def multiply(x, y):
        return x * y

    def primes(n):
        return sum(all(x % d for d in range(2, x)) for x in range(2, n))

    def store(n, room):
        if n > room:
            raise out_of_range("no such cell", "execute")
        return fold(list(range(n)) + [0] * (room - n), 7)

    def other(code):
        reg = [0] * 8
        for what, a, b, _ in zip(*[iter(code)] * 4):
            if what == 7:
                return reg[a]
            if what != 0:
                raise Trap("unreachable", "no such instruction", "execute another")
            reg[a] = b
        raise out_of_range("off the program", "execute another")


LINES = [7, 56, 448, 73, 146, 292, 273, 84]


class minimax:
    def searched(mine, other):
        """The value of a board, and how many boards a search that stops at a win sees."""
        if any(line & other == line for line in LINES):
            return -1, 1
        free = [1 << k for k in range(9) if not (mine | other) >> k & 1]
        best, seen = (-1 if free else 0), 1
        for bit in free:
            value, more = minimax.searched(other, mine | bit)
            best, seen = max(best, -value), seen + more
            if best == 1:
                break
        return best, seen

    def tic_tac_toe(mine, other):
        return minimax.searched(mine, other)[0]

    def positions(mine, other):
        return minimax.searched(mine, other)[1]

    def nim(n):
        return fold((a ^ b ^ c != 0 for a, b, c in itertools.product(range(n + 1), repeat=3)), 3)

    def sticks(n, most):
        return sum(i % (most + 1) != 0 for i in range(1, n + 1))

    def split_game(n):
        @lru_cache(None)
        def grundy(size):
            seen = {xor(grundy(a), grundy(size - a)) for a in range(1, (size + 1) // 2)}
            return min(set(range(len(seen) + 1)) - seen)
        return fold([grundy(size) for size in range(1, n + 1)], 7)


class search_trees:
    def sorted(n, seed):
        return fold(sorted(noise(n + 1, seed, 1000)[1:]))

    def removed(n, seed):
        keys = [k * 1024 + i for i, k in enumerate(noise(n + 1, seed, 100000))]
        return fold(sorted(keys[1::2]))

    def treap(n, seed):
        return max(noise(n + 1, seed + 1, 1000000)[1:]), fold(sorted(noise(n + 1, seed, 10000)[1:]))

    def trie(s):
        words = bytes(s).split()
        return len({w[:i] for w in words for i in range(1, len(w) + 1)}) + 1, len(words) - len(set(words))

    def segments(n, steps, seed):
        random, values, found = Random(seed), [0] * n, []
        for k in range(steps):
            i = random.below(n)
            if random.state >> 20 & 1:
                found.append(sum(values[i:]))
            else:
                values[i] = k
        return fold(found)

    def no_room(n, room):
        if room < n:
            raise out_of_range("no such node")
        return fold(sorted(i * 7 % n for i in range(1, n)))


class recent_cache:
    def requests(n, keys, seed):
        random = Random(seed)
        for _ in range(n):
            random.next()
            yield min((random.state >> shift) % keys for shift in (33, 13))

    def recent(n, room, keys, seed):
        cache, hits = [], 0
        for k in recent_cache.requests(n, keys, seed):
            hits += k in cache
            cache = ([k] + [c for c in cache if c != k])[:room]
        return hits, fold(cache)

    def clock(n, room, keys, seed):
        # The one under the hand is first; the others follow as the hand will come to them.
        cache, hits = [[None, False] for _ in range(room)], 0
        for k in recent_cache.requests(n, keys, seed):
            entry = next((e for e in cache if e[0] == k), None)
            if entry:
                entry[1], hits = True, hits + 1
                continue
            while cache[0][1]:
                cache = cache[1:] + [[cache[0][0], False]]
            cache = cache[1:] + [[k, False]]
        return hits

    def oldest(n, room, keys, seed):
        return recent_cache.recent(n, room, keys, seed)[0]

    def keys(n, table):
        last, total = {}, 0
        for t in range(n):
            k = t * t % 53
            if k >= table:
                raise out_of_range("key without a place")
            total += last.get(k, 0)
            last[k] = t
        return total


class matching:
    def ranking(n, seed):
        keys = noise(n, seed, 1000000)
        return sorted(range(n), key=lambda j: (keys[j], j))

    def stable(n, seed):
        men = [matching.ranking(n, seed + 2 * i) for i in range(n)]
        women = [matching.ranking(n, seed + 2 * i + 1) for i in range(n)]
        # All at once: each asks the best who has not refused; each keeps the best who asks.
        while True:
            asked = {}
            for m in range(n):
                asked.setdefault(men[m][0], []).append(m)
            if all(len(a) == 1 for a in asked.values()):
                return fold(men[m][0] for m in range(n)), True
            for w, asking in asked.items():
                best = min(asking, key=women[w].index)
                for m in asking:
                    if m != best:
                        men[m].pop(0)

    def bipartite(n, m, edges, seed):
        can = set(noise(edges, seed, n * m))
        pairs = set()
        # Flows one by one: a way from a free vertex to a free partner, edges used backward.
        while True:
            free = set(range(n)) - {v for v, _ in pairs}
            taken = {w: v for v, w in pairs}
            before, front = {v: None for v in free}, list(free)
            end = None
            for v in front:
                for w in (c % m for c in can if c // m == v):
                    if ("w", w) in before:
                        continue
                    before["w", w] = v
                    if w not in taken:
                        end = w
                        break
                    if taken[w] not in before:
                        before[taken[w]] = w
                        front.append(taken[w])
                if end is not None:
                    break
            if end is None:
                return len(pairs)
            while end is not None:
                v = before["w", end]
                back = before[v]
                pairs.discard((v, back))
                pairs.add((v, end))
                end = back

    def assign(n, seed):
        cost = noise(n * n, seed, 100)
        return min(sum(cost[k * n + j] for k, j in enumerate(p)) for p in itertools.permutations(range(n)))

    def wishes(things, people):
        owned = []
        for i in range(people):
            if i == things:
                raise out_of_range("nothing is left")
            owned.append(next(k % things for k in range(i * 5 % things, 2 * things) if k % things not in owned))
        return fold(owned, 3)


def escape(z, c, most):
    """Steps until the point is more than 2 away; products as the programs take them."""
    x, y = z
    for k in range(most):
        if x * x + y * y > 4:
            return k
        x, y = x * x - y * y + c[0], 2 * x * y + c[1]
    return most


class fractals:
    def mandelbrot(n, most):
        return fold(escape((0.0, 0.0), (px * 3 / n - 2, py * 2.5 / n - 1.25), most)
                    for py in range(n) for px in range(n))

    def fixed(n, most):
        def steps(cx, cy):
            x = y = 0
            for k in range(most):
                if (x * x >> 12) + (y * y >> 12) > 16384:
                    return k
                x, y = (x * x >> 12) - (y * y >> 12) + cx, (x * y >> 11) + cy
            return most
        return fold(steps(px * 12288 // n - 8192, py * 10240 // n - 5120) for py in range(n) for px in range(n))

    def julia(n, most):
        # One step more is looked at than is counted.
        return fold(most - escape((px * 3 / n - 1.5, py * 3 / n - 1.5), (-0.8, 0.156), most)
                    for py in range(n) for px in range(n))

    def dragon(order):
        # Folded paper: the turns so far, one turn, and the turns from behind, the other way.
        turns = []
        for _ in range(order):
            turns = turns + [1] + [-t for t in reversed(turns)]
        at, way, wide = 0, 1, 0
        for t in turns + [0]:
            at, wide = at + way, max(wide, int(abs((at + way).real) + abs((at + way).imag)))
            way *= 1j * t
        return int(at.real), int(at.imag), wide

    def triangle(order):
        n = 1 << order
        return fold(sum((y & x == x) << n - 1 - x for x in range(n)) for y in range(n))

    def basins(n, most):
        # Not with complex numbers of Python: near the border every rounding counts.
        found = []
        for at in itertools.product(range(n), repeat=2):
            (y, x), k, root = ((c + 0.5) * 4 / n - 2 for c in at), 0, 0
            while k < most and not root:
                square, k = (x * x - y * y, 2 * x * y), k + 1
                less = x * square[0] - y * square[1] - 1, x * square[1] + y * square[0]
                size = 3 * (square[0] * square[0] + square[1] * square[1])
                x -= (less[0] * square[0] + less[1] * square[1]) / size
                y -= (less[1] * square[0] - less[0] * square[1]) / size
                if abs(x - 1) + abs(y) < 0.001:
                    root = 1
                elif abs(x + 0.5) + abs(abs(y) - 0.8660254037844386) < 0.001:
                    root = 2 if y > 0 else 3
            found.append(k * 4 + root)
        return fold(found)

    def picture(n, points):
        if points > n * n:
            raise out_of_range("beyond the picture")
        x, out = 0.5, []
        for _ in range(points):
            x = 3.7 * x * (1 - x)
            out.append(int(x * 256))
        return fold(out + [0] * (n * n - points))


class calendars:
    def day_number(year, month, day):
        return datetime.date(year, month, day).toordinal() - 1

    def fridays(first, last):
        return sum(datetime.date(y, m, 13).weekday() == 4 for y in range(first, last + 1) for m in range(1, 13))

    def easters(first, last):
        found = []
        for y in range(first, last + 1):
            # The Sunday after the full moon of spring, by the tables for 1900 to 2199.
            moon = (24 + 19 * (y % 19)) % 30
            moon -= moon == 29 or moon == 28 and y % 19 > 10
            day = datetime.date(y, 3, 21) + datetime.timedelta(moon)
            day += datetime.timedelta(6 - day.weekday() or 7)
            found.append(day.month * 100 + day.day)
        return fold(found)

    def roman(n):
        letters = [len(w) for w in ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")]
        return sum(x // 1000 + sum(letters[int(d)] for d in str(x)[-3:]) for x in range(1, n + 1))

    def collatz(n):
        def steps(x):
            k = 0
            while x != 1:
                x, k = (3 * x + 1 if x % 2 else x // 2), k + 1
            return k
        best = max(range(1, n + 1), key=steps)
        return best, steps(best)

    def perfect(n):
        def total(x):
            return sum(d for d in range(1, x) if x % d == 0)
        pairs = [(total(k), k) for k in range(2, n + 1)]
        return (sum(k for s, k in pairs if s == k),
                sum(s + k for s, k in pairs if 1 < s < k and total(s) == k))

    def both_ways(n):
        return sum(x for x in range(1, n) if str(x) == str(x)[::-1] and f"{x:b}" == f"{x:b}"[::-1])

    def months(first, last):
        if last > 12:
            raise out_of_range("no such month")
        return sum(calendar.monthrange(2001, m)[1] for m in range(first, last + 1))
