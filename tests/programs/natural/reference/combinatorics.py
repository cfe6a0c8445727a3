"""Arrangements: by itertools, and by formulas where there are some."""
import itertools
import math

from .shared import fold, out_of_range


def flat(rows):
    return [x for row in rows for x in row]


class matrix_shapes:
    def transpose(a):
        return list(zip(*a))

    def folded(n):
        rows = [[(i * n + j) ** 2 % 1009 for j in range(n)] for i in range(n)]
        return fold(flat(zip(*rows)))

    def rotate(n):
        rows = [range(i * n, i * n + n) for i in range(n)]
        return fold(flat(zip(*rows[::-1])))

    def spiral(a):
        out = []
        while a:
            out += a[0]
            a = list(zip(*a[1:]))[::-1]
        return out

    def spiral_fill(n):
        order = matrix_shapes.spiral([list(range(i * n, i * n + n)) for i in range(n)])
        cells = [0] * (n * n)
        for k, cell in enumerate(order, 1):
            cells[cell] = k
        return fold(cells)

    def diagonals(h, w):
        cells = sorted(itertools.product(range(h), range(w)),
                       key=lambda c: (sum(c), c[0] if sum(c) % 2 else c[1]))
        return fold(y * w + x for y, x in cells)

    def cycles(h, w):
        return fold(flat(zip(*(range(i * w, i * w + w) for i in range(h)))))

    def square(h, w):
        if h < w:
            raise out_of_range("below the last row")
        return 0


class pascal_triangle:
    def row(n):
        return [math.comb(n, k) for k in range(n + 1)]

    def total(n):
        return fold(flat(pascal_triangle.row(i) for i in range(n)), 3)

    def odd(n):
        return sum(x % 2 for i in range(n) for x in pascal_triangle.row(i))

    binomial = math.comb

    def catalan(n):
        return math.comb(2 * n, n) // (n + 1)

    def bell(n):
        bells = [1]
        while len(bells) <= n:
            bells.append(sum(math.comb(len(bells) - 1, k) * b for k, b in enumerate(bells)))
        return bells[n]

    def short(n, room):
        if n >= room:
            raise out_of_range("no place for the last")
        return math.comb(n, n // 2)


class gray_codes:
    def codes(bits):
        return [i ^ i >> 1 for i in range(1 << bits)]

    def there_and_back(n):
        return fold(i ^ i >> 1 for i in range(n))

    def changes(bits):
        return fold([1 << bits - 1 - k for k in range(bits)], 7)

    def hanoi(disks):
        moves = []

        def move(n, a, b, c):
            if n:
                move(n - 1, a, c, b)
                moves.append(b)
                move(n - 1, c, b, a)

        # The smallest disk goes one peg on, or two, so that all end on the second.
        move(disks, 0, 1, 2)
        return fold(moves, 3)

    def sums(a):
        subsets = [[x for k, x in enumerate(a) if code >> k & 1] for code in gray_codes.codes(len(a))]
        return fold(map(sum, subsets[1:]))

    def tour(bits):
        return (1 << bits) - 1


class permutations:
    def heaps(n):
        def generate(k, a):
            """Heap's way, as he wrote it: by recursion."""
            if k <= 1:
                yield list(a)
                return
            yield from generate(k - 1, a)
            for i in range(k - 1):
                j = i if k % 2 == 0 else 0
                a[j], a[k - 1] = a[k - 1], a[j]
                yield from generate(k - 1, a)

        found = list(generate(n, list(range(1, n + 1))))
        assert len(set(map(tuple, found))) == math.factorial(n)
        return sum(p[0] * p[-1] * k for k, p in enumerate(found, 1) if k > 1) * 1000 + len(found)

    def next(a):
        orders = sorted(set(itertools.permutations(a)))
        later = orders[orders.index(tuple(a)) + 1:]
        return (later[0], True) if later else (a, False)

    def all(n):
        return fold([sum(x == i for i, x in enumerate(p)) for p in itertools.permutations(range(n))], 3)

    def repeated(a):
        return len(set(p for p in itertools.permutations(a) if p >= tuple(a)))

    def ranked(n, step):
        return fold(p[-1] for p in itertools.islice(itertools.permutations(range(n)), 0, None, step))

    def subset_sums(a, want):
        masks = [m for m in range(1 << len(a)) if sum(x for k, x in enumerate(a) if m >> k & 1) == want]
        return fold(masks, 100)

    def of_size(n, k):
        if k == 0:
            return 1
        return fold(x for x in range(1 << n) if bin(x).count("1") == k)


class n_queens:
    def boards(n):
        for p in itertools.permutations(range(n)):
            if len({c + r for r, c in enumerate(p)}) == len({c - r for r, c in enumerate(p)}) == n:
                yield p

    def masks(n):
        return len(list(n_queens.boards(n)))

    rows = recursive = masks

    def first(n):
        return fold([c + 1 for c in next(n_queens.boards(n), ())], 10)

    def deep(n, room):
        if room < n:
            raise out_of_range("no row for a queen")
        return n_queens.masks(n)


def solutions(cells, box):
    """All, in order, by recursion over the first empty cell and sets of what is free."""
    n = box * box
    if 0 not in cells:
        yield cells
        return
    at = cells.index(0)
    row, col = divmod(at, n)
    near = set(cells[row * n:row * n + n]) | set(cells[col::n])
    for i in range(row - row % box, row - row % box + box):
        near |= set(cells[i * n + col - col % box:i * n + col - col % box + box])
    for digit in sorted(set(range(1, n + 1)) - near):
        yield from solutions(cells[:at] + [digit] + cells[at + 1:], box)


class sudoku:
    def solve(a, box):
        found = next(solutions(a, box), None)
        # Where there is none, what was tried is taken back.
        return found if found else [-1] + a[1:]

    def count(a, box):
        return len(list(solutions(a, box)))

    def nine(holes):
        cells = [(i * 3 + i // 3 + j) % 9 + 1 for i in range(9) for j in range(9)]
        for k in range(holes):
            cells[k * 37 % 81] = 0
        return fold(next(solutions(cells, 3)))

    def magic(total):
        lines = [(0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6)]
        return sum(all(a[i] + a[j] + a[k] == total for i, j, k in lines)
                   for a in itertools.permutations(range(1, 10)))
