"""Arithmetic modulo numbers of 64 bits, with the answers of Python's integers."""
import random
from math import gcd

import numpy as np

from program import Program

random.seed(17)
EDGES = [0, 1, 2, 3, 2**31 - 1, 2**32 - 1, 2**32, 2**32 + 1, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 59, 2**64 - 1]
MODULI = [1, 2, 7, 26, 2**31 - 1, 2**32, 2**32 + 15, 2**52 - 47, 2**63 - 25, 2**63, 2**63 + 1, 2**64 - 59, 2**64 - 1]
p = Program("modular", "Arithmetic modulo numbers of 64 bits, which are unsigned.", "Python's integers")


def signed(x):
    """The i64 that has the bits of an unsigned number."""
    return x - 2**64 if x >= 2**63 else x


def array(numbers):
    """Unsigned numbers as a tensor."""
    return np.vectorize(signed, otypes=[np.int64])(np.array(numbers, dtype=object))


def unsigned(x):
    return np.array([int(v) % 2**64 for v in x.ravel()], dtype=object).reshape(x.shape)


edges = array(EDGES)
some = array([random.choice(EDGES) ^ random.getrandbits(64) for _ in range(19)])
for m in MODULI:
    a, b = unsigned(edges)[:, None], unsigned(np.roll(edges, 5))
    for name, f in [("add", lambda x, y: (x + y) % m), ("sub", lambda x, y: (x - y) % m), ("mul", lambda x, y: x * y % m)]:
        p.run(f"{name}_{m}", f"modular.{name}", [edges[:, None], np.roll(edges, 5), signed(m)], array(f(a, b)))
    p.run(f"mul_number_{m}", "modular.mul", [some, -3, signed(m)], array(unsigned(some) * (2**64 - 3) % m))
    p.run(f"number_sub_{m}", "modular.sub", [-3, some, signed(m)], array((2**64 - 3 - unsigned(some)) % m))
    power = np.vectorize(lambda x, y: pow(int(x), int(y), m), otypes=[object])
    p.run(f"pow_{m}", "modular.pow", [edges[:, None], np.roll(edges, 3), signed(m)], array(power(a, unsigned(np.roll(edges, 3)))))
    for e in [0, 1, 2, 65537, 2**64 - 1]:
        p.run(f"pow_{e}_{m}", "modular.pow", [some, signed(e), signed(m)], array(power(unsigned(some), e)))
    p.run(f"number_pow_{m}", "modular.pow", [3, some, signed(m)], array(power(3, unsigned(some))))
    p.run(f"reduce_{m}", "modular.reduce", [some, signed(m)], array([int(v) % m for v in some]))
    units = [v for v in list(range(40)) + EDGES if gcd(v, m) == 1][:45]
    # More than are inverted together.
    units = (units * 70)[:131] if m > 1 else [0, 5, 9]
    p.run(f"inverse_{m}", "modular.inverse", [array(units), signed(m)], array([pow(v, -1, m) for v in units]))

for m in [1, 26, 2**16, 2**31 - 1, 2**32, 2**32 + 15, 2**63, 2**64 - 59, 2**64 - 1]:
    for (r, k, c) in [(1, 1, 1), (2, 3, 4), (5, 9, 1), (1, 6, 17), (9, 70, 10), (3, 0, 2), (0, 2, 3)]:
        # The largest residues and others.
        a = np.array([random.choice([m - 1, random.getrandbits(64)]) for _ in range(r * k)], dtype=object).reshape(r, k)
        b = np.array([random.choice([m - 1, random.getrandbits(64)]) for _ in range(k * c)], dtype=object).reshape(k, c)
        product = a @ b % m if k else np.zeros((r, c), dtype=object)
        p.run(f"matmul_{r}_{k}_{c}_{m}", "modular.matmul", [array(a).reshape(r, k), array(b).reshape(k, c), signed(m)], array(product).reshape(r, c))
a, b = np.arange(24).reshape(2, 3, 4) * 7, np.arange(12).reshape(4, 3) * 5
p.run("matmul_stack", "modular.matmul", [a, b, 11], a @ b % 11)
p.run("matmul_vector", "modular.matmul", [a, b[:, 0].copy(), 11], a @ b[:, 0] % 11)
p.run("matmul_of_vectors", "modular.matmul", [b[:, 0].copy(), b[:, 1].copy(), 11], np.array(b[:, 0] @ b[:, 1] % 11))


def determinant(a):
    """By minors: exact."""
    if not a:
        return 1
    minor = lambda j: [row[:j] + row[j + 1:] for row in a[1:]]
    return sum((-1) ** j * a[0][j] * determinant(minor(j)) for j in range(len(a)))


def adjugate(a):
    n = len(a)
    minor = lambda i, j: [row[:j] + row[j + 1:] for k, row in enumerate(a) if k != i]
    return [[(-1) ** (i + j) * determinant(minor(j, i)) for j in range(n)] for i in range(n)]


for m in [1, 6, 26, 30, 97, 2**32, 2**63, 2**64 - 59, 2**64 - 1]:
    for n in [0, 1, 2, 3, 5]:
        while True:
            a = [[random.getrandbits(64) % m for _ in range(n)] for _ in range(n)]
            if gcd(determinant(a), m) == 1:
                break
        det = determinant(a) % m
        inverse = [[v * pow(det, -1, m) % m for v in row] for row in adjugate(a)]
        tensor = array(np.array(a, dtype=object).reshape(n, n)).reshape(n, n)
        p.run(f"det_{n}_{m}", "modular.det", [tensor, signed(m)], signed(det))
        p.run(f"matrix_inverse_{n}_{m}", "modular.matrix_inverse", [tensor, signed(m)], array(np.array(inverse, dtype=object).reshape(n, n)).reshape(n, n))

one, two = np.array([1, 2, 3]), np.array([[1, 2], [3, 4]])
p.trap("zero_modulus", "modular.add", [one, one, 0], "divide_by_zero")
p.trap("zero_modulus_matmul", "modular.matmul", [two, two, 0], "divide_by_zero")
p.trap("shapes", "modular.mul", [one, np.array([1, 2]), 5], "shape_mismatch")
p.trap("inner", "modular.matmul", [two, one, 5], "shape_mismatch")
p.trap("no_inverse", "modular.inverse", [np.array([1, 5, 2, 3]), 6], "no_inverse")
p.trap("not_square", "modular.det", [np.array([[1, 2, 3]]), 6], "shape_mismatch")
p.trap("no_matrix", "modular.matrix_inverse", [one, 6], "rank_mismatch")
p.trap("no_matrix_inverse", "modular.matrix_inverse", [two, 26], "singular")
p.write()
