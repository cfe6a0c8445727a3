"""Big numbers: Python's integers are as big as it takes."""
import math

from .shared import Random, Trap, fold, out_of_range

BILLION = 10 ** 9


def limbs(number, base, n=None):
    """Lowest first: as many as asked for, or as there are."""
    found = []
    while number if n is None else len(found) < n:
        number, low = divmod(number, base)
        found.append(low)
    return found


def number(parts, base):
    total = 0
    for part in reversed(parts):
        total = total * base + part
    return total


def random_limbs(n, seed):
    random = Random(seed)
    return [random.below(BILLION) for _ in range(n)]


class big_addition:
    def decimal(n, seed):
        drawn = random_limbs(2 * n, seed)
        return fold(limbs(number(drawn[::2], BILLION) + number(drawn[1::2], BILLION), BILLION, n + 1))

    def binary(n, seed):
        random = Random(seed)
        drawn = [random.next(0) for _ in range(n)]
        total = number([d >> 32 for d in drawn], 1 << 32) + number([d & 0xFFFFFFFF for d in drawn], 1 << 32)
        return fold(limbs(total, 1 << 32, n + 1)[::-1])

    def difference(n, seed):
        random = Random(seed)
        a, b = [], []
        for i in range(n):
            a.append(random.next(32))
            other = random.next(32)
            b.append(other if i < n - 4 else a[i])
        d = number(a, 1 << 32) - number(b, 1 << 32)
        return fold(limbs(abs(d), 1 << 32, n)), (d > 0) - (d < 0)

    def carry(n, room):
        if n >= room:
            raise out_of_range("carry without a place")
        return n


def digit_sum(n):
    return sum(map(int, str(n)))


class big_multiplication:
    def factorial(n):
        return digit_sum(math.factorial(n))

    def product(n, m, seed):
        a, b = random_limbs(n, seed), random_limbs(m, seed + 1)
        return fold(limbs(number(a, BILLION) * number(b, BILLION), BILLION, n + m))

    def columns(n, seed):
        a = number([x & 0xFFFFFF for x in random_limbs(n, seed)], 1 << 24)
        return fold(limbs(a * a, 1 << 24, 2 * n))

    def power(base, n):
        return digit_sum(base ** n)

    def small_room(n, room):
        needed = len(limbs(math.factorial(n), BILLION))
        if needed > room:
            raise out_of_range("no place for a limb", "factor")
        return needed


def fibonacci(k):
    a, b = 0, 1
    for _ in range(k):
        a, b = b, a + b
    return a


class big_fibonacci:
    def first_with(digits):
        a, b, k = 0, 1, 1
        while b < 10 ** (digits - 1):
            a, b, k = b, a + b, k + 1
        return k

    def digits_of(k):
        digits = str(fibonacci(k)).lstrip("0")
        return sum(map(int, digits)), len(digits)

    def last_limb(k, room):
        # As many limbs as the number after it has.
        length = len(limbs(fibonacci(k + 1), 10000))
        if length > room:
            raise out_of_range("numbers too long")
        return limbs(fibonacci(k), 10000, length)[-1] + length * 10000


class big_division:
    def remainder(n, by, seed):
        if by == 0:
            raise Trap("divide_by_zero", "by zero", "divide")
        quotient, rest = divmod(number(random_limbs(n, seed), BILLION), by)
        return rest, fold(limbs(quotient, BILLION, n))

    def to_base(n, base, seed):
        return fold(limbs(number(random_limbs(n, seed), BILLION), base))

    def digits_of_e(n):
        scale = 10 ** (n + 20)
        term, total = scale, 0
        for k in range(1, n + 50):
            total, term = total + term, term // k
        return fold(map(int, str(total)[:n]))


class modular_power:
    def power(base, exponent, m):
        if m == 0:
            raise Trap("divide_by_zero", "no modulus")
        return pow(base, exponent, m)

    big_power = power

    def is_prime(n):
        return n > 1 and all(n % d for d in range(2, math.isqrt(n) + 1))

    def primes(first, end):
        return sum(filter(modular_power.is_prime, range(first, end, 2)))

    def inverses(p):
        return fold(pow(a, p - 2, p) for a in range(1, p))
