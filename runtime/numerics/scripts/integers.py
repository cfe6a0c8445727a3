#!/usr/bin/env python3
"""Writes tests/integers/answers.txt: what Python's integers say of long numbers.

    python3 runtime/numerics/scripts/integers.py

A number is made of a seed, as tests/integers.rs makes it again; an answer is stated by its remainders modulo two primes.
"""
import math
import os
import random

MASK = (1 << 64) - 1
PRIMES = (2**61 - 1, 2**31 - 1)


def number(seed, limbs):
    """Limbs of a generator, or of long runs of ones and zeros where the seed is even."""
    state, out = seed, []
    for _ in range(limbs):
        state = (state * 6364136223846793005 + 1442695040888963407) & MASK
        limb = state ^ state >> 29
        if seed % 2 == 0:
            limb = [0, MASK, MASK, 0, limb][limb % 5]
        out.append(limb)
    if out:
        out[-1] |= 1
    return sum(limb << 64 * i for i, limb in enumerate(out))


def check(x):
    return " ".join(str(x % p) for p in PRIMES)


def lines():
    rng = random.Random(3)
    seed = 1
    sizes = [1, 2, 3, 31, 32, 33, 47, 48, 63, 64, 65, 127, 130, 200, 400, 401, 900, 1499, 1500, 1501, 2100, 3100, 5200]
    for n in sizes:
        for m in sorted({1, max(n // 7, 1), max(n // 2, 1), max(n - 1, 1), n}):
            for _ in range(2):
                seed += 1
                a, b = number(seed, n), number(seed + 1000, m)
                yield f"product {seed} {n} {m} {check(a * b)}"
                yield f"divide {seed} {n} {m} {check(a // b)} {check(a % b)}"
                if n < 1000:
                    yield f"gcd {seed} {n} {m} {check(math.gcd(a, b))}"
        a = number(seed, n)
        yield f"square {seed} {n} {check(a * a)}"
        yield f"root {seed} {n} {check(math.isqrt(a))}"
        digits = str(a)
        yield f"decimal {seed} {n} {len(digits)} {check(int(digits[:40]))} {check(int(digits[-40:]))}"
    for n in [1, 2, 3, 8, 16, 17, 33, 64, 399, 401]:
        for odd in (0, 1):
            for bits in (1, 17, 64, 200):
                seed += 1
                a, m = number(seed, n), number(seed + 1000, n) & ~1 | odd
                m = m or 2
                e = rng.getrandbits(bits) | 1 << bits - 1
                yield f"power {seed} {n} {odd} {e} {check(pow(a, e, m))}"
            try:
                yield f"inverse {seed} {n} {odd} {check(pow(a, -1, m))}"
            except ValueError:
                yield f"inverse {seed} {n} {odd} none"


if __name__ == "__main__":
    import sys
    sys.set_int_max_str_digits(0)
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "..", "tests", "integers", "answers.txt"), "w") as f:
        f.write("\n".join(lines()) + "\n")
