"""Integers of any size, and rows of limbs, with the answers of Python's integers."""
import math
import os
import random

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
rng = random.Random(15)
LIMB = 1 << 64

EDGES = [0, 1, -1, 2, -2, 2**31, 2**63 - 1, 2**63, -2**63, -2**63 - 1, LIMB - 1, LIMB, -LIMB, LIMB + 1,
         2**127 - 1, 2**128, -(2**192) + 1]


def number(bits):
    """A number of at most so many bits: any, of long runs of the same bit, or near a power of two."""
    kind = rng.randrange(4)
    if kind == 0:
        x = (1 << bits) + rng.choice([-1, 0, 1])
    elif kind == 1:
        x = 0
        while x.bit_length() < bits:
            run = rng.randrange(1, 90)
            x = x << run | ((1 << run) - 1 if rng.random() < 0.5 else 0)
            x = x or 1
    else:
        x = rng.getrandbits(bits)
    return rng.choice([-1, 1]) * x


def signed(limb):
    return limb - LIMB if limb >= LIMB // 2 else limb


def shown(v):
    """A value as expectations have it."""
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, str):
        return f'"{v}"'
    if isinstance(v, float):
        return repr(v)
    if isinstance(v, bytes):
        return f"[{len(v)}] {{{', '.join(str(b) for b in v)}}}"
    if isinstance(v, Rows):
        return v.text()
    if isinstance(v, list):
        return f"[{', '.join(str(x) for x in v)}]"
    # Decimal digits mostly; hexadecimal ones of what is long.
    return str(v) if abs(v) < 1 << 200 or isinstance(v, Decimal) else hex(v)


class Decimal(int):
    """A number that is shown in decimal, however long."""


class Rows:
    """Numbers as rows of so many limbs; one number of rank 1."""

    def __init__(self, numbers, limbs):
        self.numbers, self.limbs = numbers, limbs

    def text(self):
        numbers = self.numbers if isinstance(self.numbers, list) else [self.numbers]
        limbs = [signed(x >> 64 * i & LIMB - 1) for x in numbers for i in range(self.limbs)]
        dims = [len(numbers), self.limbs] if isinstance(self.numbers, list) else [self.limbs]
        return f"{dims} {{{', '.join(str(x) for x in limbs)}}}"


class Program:
    def __init__(self, family, about):
        self.family, self.about = family, about
        self.functions, self.heads = {}, {"returns": [], "traps": []}

    def declare(self, operation, params, results):
        name = operation.replace(".", "_")
        given = ", ".join(f"%a{n}" for n in range(len(params)))
        made = ", ".join(f"%r{n}" for n in range(len(results)))
        out = results[0] if len(results) == 1 else f"({', '.join(results)})"
        typed = ", ".join(f"%a{n}: {ty}" for n, ty in enumerate(params))
        self.functions[operation] = (
            f"export func @{name}({typed}) -> {out} {{\n  {made} = {operation} {given}\n  ret {made}\n}}\n")

    def call(self, operation, args):
        return f"@{operation.replace('.', '_')}({', '.join(shown(a) for a in args)})"

    def run(self, operation, args, *results):
        self.heads["returns"].append(f"; run: {self.call(operation, args)} == {', '.join(shown(r) for r in results)}")

    def trap(self, operation, args, code):
        self.heads["traps"].append((self.call(operation, args), operation, code))

    def write(self):
        for folder, says in [("returns", "Answers from Python's integers."), ("traps", "What traps, and where.")]:
            head = [f"; {self.about} {says}", "; Written by arrays/write.py.", ";"]
            body = "\n".join(self.functions.values())
            if folder == "returns":
                head += self.heads[folder]
            else:
                first = len(head) + len(self.heads[folder]) + 2
                lines = body.split("\n")
                for call, operation, code in self.heads[folder]:
                    at = next(n for n, line in enumerate(lines) if f" = {operation} " in line)
                    head.append(f"; traps: {call} {code} line {first + at}")
            with open(os.path.join(HERE, folder, f"{self.family}.nba"), "w") as f:
                f.write("\n".join(head) + "\n\n" + body)


def write():
    B, I, S, T, R = "bigint", "i64", "str", "tensor<u8>", "tensor<i64>"
    p = Program("bigint", "Integers of any size.")
    for operation, params, results in [
        ("of_i64", [I], [B]), ("to_i64", [B], [I]), ("of_f64", ["f64"], [B]), ("to_f64", [B], ["f64"]),
        ("of_str", [S], [B]), ("to_str", [B], [S]), ("to_hex", [B], [S]), ("of_bytes", [T], [B]),
        ("to_bytes", [B, I], [T]), ("sign", [B], [I]), ("bit_length", [B], [I]), ("bit", [B, I], ["bool"]),
        ("cmp", [B, B], [I]), ("eq", [B, B], ["bool"]), ("add", [B, B], [B]), ("sub", [B, B], [B]), ("mul", [B, B], [B]),
        ("neg", [B], [B]), ("abs", [B], [B]), ("divmod", [B, B], [B, B]), ("div_rem", [B, B], [B, B]), ("pow", [B, I], [B]),
        ("shl", [B, I], [B]), ("shr", [B, I], [B]), ("and", [B, B], [B]), ("or", [B, B], [B]), ("xor", [B, B], [B]), ("not", [B], [B]), ("isqrt", [B], [B]), ("gcd", [B, B], [B]),
        ("mod_pow", [B, B, B], [B]), ("mod_inverse", [B, B], [B]), ("is_probable_prime", [B, I], ["bool"]),
    ]:
        p.declare("bigint." + operation, params, results)


    def run(operation, args, *results):
        p.run("bigint." + operation, args, *results)


    def trap(operation, args, code):
        p.trap("bigint." + operation, args, code)


    def towards_zero(a, b):
        q = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        return q, a - q * b


    singles = EDGES + [number(bits) for bits in (1, 64, 65, 127, 128, 200, 640, 1300, 4096)]
    for a in singles:
        run("neg", [a], -a)
        run("not", [a], ~a)
        run("abs", [a], abs(a))
        run("to_str", [a], str(a))
        run("of_str", [str(a)], a)
        run("to_hex", [a], hex(a))
        run("of_str", [hex(a)], a)
        run("sign", [a], (a > 0) - (a < 0))
        run("bit_length", [a], a.bit_length())
        for at in (0, 1, 63, 64, 5000, 2**62):
            run("bit", [a, at], bool(a >> min(at, 10**5) & 1))
        for by in (0, 1, 63, 64, 65, 130):
            run("shl", [a, by], a << by)
            run("shr", [a, by], a >> by)
        run("shr", [a, 2**62], a >> 10**5)
        if -2**63 <= a < 2**63:
            run("of_i64", [a], a)
            run("to_i64", [a], a)
        else:
            trap("to_i64", [a], "conversion_out_of_range")
        try:
            run("to_f64", [a], float(a))
        except OverflowError:
            trap("to_f64", [a], "conversion_out_of_range")
        if a >= 0:
            run("isqrt", [a], math.isqrt(a))
            run("isqrt", [a * a], a)
            if a:
                run("isqrt", [a * a - 1], a - 1)
            size = (a.bit_length() + 7) // 8
            run("of_bytes", [a.to_bytes(size + 3, "big")], a)
            run("to_bytes", [a, size], a.to_bytes(size, "big"))
            run("to_bytes", [a, size + 9], a.to_bytes(size + 9, "big"))
            if size:
                trap("to_bytes", [a, size - 1], "conversion_out_of_range")
    for a in (2**53 + 1, 2**54 + 2, 2**54 + 6, 2**64 + 2**11, 2**64 + 2**11 + 1, 2**1024 - 2**970 - 1, 2**200 + 2**147, 2**200 + 2**147 + 1):
        run("to_f64", [a], float(a))
        run("to_f64", [-a], float(-a))
    trap("to_f64", [2**1024 - 2**970], "conversion_out_of_range")
    for x in (0.0, -0.0, 0.99, -1.5, 1e15 + 0.5, 2.0**52, -2.0**53, 1e22, -1.7976931348623157e308, 5e-324):
        run("of_f64", [x], int(x))
    run("of_str", ["+0017"], 17)
    run("of_str", ["-0XfF"], -255)
    for text in ("", "-", "0x", "12 ", "1_000", "0xg", "--1", "1.0", "ä"):
        trap("of_str", [text], "invalid_argument")
    for x in ("nan", "inf", "-inf"):
        p.heads["traps"].append((f"@bigint_of_f64({x})", "bigint.of_f64", "conversion_out_of_range"))

    pairs = [(a, b) for a in EDGES[:9] for b in EDGES[:9]]
    pairs += [(number(n), number(m)) for n, m in [(64, 64), (128, 64), (300, 100), (100, 300), (640, 640), (2500, 1200), (2500, 2400),
                                                 (4200, 64), (5000, 2100), (9000, 4500)]]
    pairs += [(x, x) for x in (number(300), number(3000))]
    for a, b in pairs:
        run("add", [a, b], a + b)
        run("sub", [a, b], a - b)
        run("mul", [a, b], a * b)
        run("cmp", [a, b], (a > b) - (a < b))
        run("eq", [a, b], a == b)
        run("gcd", [a, b], math.gcd(a, b))
        run("and", [a, b], a & b)
        run("or", [a, b], a | b)
        run("xor", [a, b], a ^ b)
        if b:
            run("divmod", [a, b], *divmod(a, b))
            run("div_rem", [a, b], *towards_zero(a, b))
    for a in (0, 5, -2**70):
        trap("divmod", [a, 0], "divide_by_zero")
        trap("div_rem", [a, 0], "divide_by_zero")
    for a, e in [(0, 0), (0, 5), (1, 2**62), (-1, 2**62 + 1), (-1, 2**62), (2, 100), (-3, 41), (10, 40), (2**64, 5), (number(100), 13), (7, 1)]:
        run("pow", [a, e], a**e if abs(a) > 1 or e < 100 else (1 if a > 0 or e % 2 == 0 else -1))
    trap("pow", [2, -1], "invalid_argument")
    trap("pow", [2, 2**62], "invalid_argument")
    trap("pow", [2**64, 2**40], "invalid_argument")
    for op in ("shl", "shr"):
        trap(op, [1, -1], "invalid_argument")
    trap("shl", [1, 2**62], "invalid_argument")
    trap("bit", [1, -1], "invalid_argument")
    trap("to_bytes", [1, -1], "invalid_argument")
    trap("to_bytes", [-1, 8], "conversion_out_of_range")
    trap("isqrt", [-1], "invalid_argument")

    moduli = [1, 2, 3, 2**64, 2**64 - 1, 2**64 + 1, 2**127 - 1, 10**40] + [abs(number(n)) + 1 for n in (64, 65, 500, 1024)]
    moduli += [abs(number(n)) | 1 for n in (64, 128, 700, 1024, 2048)]
    for m in moduli:
        for a, e in [(0, 0), (0, 3), (1, 10), (-1, 3), (number(300), 65537), (number(64), abs(number(64))), (number(2100), abs(number(90)))]:
            run("mod_pow", [a, e, m], pow(a, e, m))
        for a in (number(64), number(300), m + 1, 3, -1):
            try:
                run("mod_inverse", [a, m], pow(a, -1, m))
                run("mod_pow", [a, -5, m], pow(a, -5, m))
            except ValueError:
                trap("mod_inverse", [a, m], "no_inverse")
                trap("mod_pow", [a, -5, m], "no_inverse")
    trap("mod_pow", [2, 3, 0], "divide_by_zero")
    trap("mod_pow", [2, 3, -5], "invalid_argument")
    trap("mod_inverse", [2, 0], "divide_by_zero")
    trap("mod_inverse", [2, -5], "invalid_argument")

    # Primes, and what passes some test for them: Carmichael numbers, strong pseudoprimes to base 2 and to the first ones, strong
    # Lucas pseudoprimes, squares of primes.
    primes = [2, 3, 257, 65537, 2**31 - 1, 2**61 - 1, 2**64 - 59, 2**64 + 13, 2**89 - 1, 2**127 - 1, 2**255 - 19, 2**521 - 1]
    others = [-7, -2, 0, 1, 4, 9, 341, 561, 2047, 5459, 5777, 10877, 16109, 18971, 1093**2, 3511**2, 3215031751, 3825123056546413051,
              318665857834031151167461, 3317044064679887385961981, (2**61 - 1)**2, (2**61 - 1) * (2**31 - 1), 2**128 + 1, 2**256 + 1]
    for n in primes + others:
        for rounds in (0, 20):
            run("is_probable_prime", [n, rounds], n in primes)
    trap("is_probable_prime", [7, -1], "invalid_argument")
    trap("is_probable_prime", [7, 54], "invalid_argument")
    p.write()

    p = Program("limbs", "Rows of limbs: many integers of one size.")
    for operation, params, results in [
        ("of_bigints", ["list<bigint>", I], [R]), ("to_bigints", [R], ["list<bigint>"]), ("mod_mul", [R, R, R], [R]),
        ("mod_pow", [R, R, R], [R]), ("mod_inverse", [R, R], [R]),
    ]:
        p.declare("limbs." + operation, params, results)


    def some(count, limbs, least=0):
        return [max(abs(number(rng.randrange(1, 64 * limbs))) % (1 << 64 * limbs), least) for _ in range(count)]


    for count, limbs in [(0, 3), (1, 1), (2, 1), (3, 4), (9, 2), (17, 1), (10, 5)]:
        a = some(count, limbs)
        run = p.run
        run("limbs.of_bigints", [a, limbs], Rows(a, limbs))
        run("limbs.to_bigints", [Rows(a, limbs)], a)
        for odd in (0, 1):
            b, e, m = some(count, limbs), some(count, 2), [x | odd for x in some(count, limbs, 1)]
            one, same = some(1, limbs)[0], some(1, limbs, 2)[0] | odd
            run("limbs.mod_mul", [Rows(a, limbs), Rows(b, limbs), Rows(m, limbs)], Rows([x * y % n for x, y, n in zip(a, b, m)], limbs))
            run("limbs.mod_mul", [Rows(a, limbs), Rows(one, limbs), Rows(same, limbs)], Rows([x * one % same for x in a], limbs))
            run("limbs.mod_pow", [Rows(a, limbs), Rows(e, 2), Rows(m, limbs)], Rows([pow(x, y, n) for x, y, n in zip(a, e, m)], limbs))
            run("limbs.mod_pow", [Rows(a, limbs), Rows(65537, 1), Rows(same, limbs)], Rows([pow(x, 65537, same) for x in a], limbs))
            run("limbs.mod_pow", [Rows(a, limbs), Rows(0, 1), Rows(m, limbs)], Rows([pow(x, 0, n) for x, n in zip(a, m)], limbs))
            c = [next(y for y in range(x, x + 10**6) if math.gcd(y, n) == 1) for x, n in zip(some(count, limbs), m)]
            c = [x % n if x >= 1 << 64 * limbs else x for x, n in zip(c, m)]
            run("limbs.mod_inverse", [Rows(c, limbs), Rows(m, limbs)], Rows([pow(x, -1, n) for x, n in zip(c, m)], limbs))
    # RSA sizes in a batch.
    for bits in (1024, 2048, 4096):
        limbs = bits // 64
        m = [rng.getrandbits(bits) | 1 | 1 << bits - 1 for _ in range(3)]
        a = [rng.getrandbits(bits) for _ in m]
        run("limbs.mod_pow", [Rows(a, limbs), Rows(65537, 1), Rows(m, limbs)], Rows([pow(x, 65537, n) for x, n in zip(a, m)], limbs))
        if bits < 2048:
            e = [rng.getrandbits(bits) for _ in m]
            run("limbs.mod_pow", [Rows(a, limbs), Rows(e, limbs), Rows(m, limbs)], Rows([pow(*x) for x in zip(a, e, m)], limbs))
    p.trap("limbs.of_bigints", [[1, 2**128], 2], "conversion_out_of_range")
    p.trap("limbs.of_bigints", [[1, -1], 2], "conversion_out_of_range")
    p.trap("limbs.of_bigints", [[1], 0], "invalid_argument")
    p.trap("limbs.of_bigints", [[1], 2**62], "invalid_argument")
    p.trap("limbs.to_bigints", [Rows(5, 1)], "rank_mismatch")
    a = Rows([5, 6], 2)
    p.trap("limbs.mod_mul", [a, a, Rows([3, 0], 2)], "divide_by_zero")
    p.trap("limbs.mod_pow", [a, a, Rows(0, 2)], "divide_by_zero")
    p.trap("limbs.mod_mul", [a, a, Rows([3, 4, 5], 2)], "shape_mismatch")
    p.trap("limbs.mod_mul", [a, a, Rows([3, 4], 3)], "shape_mismatch")
    p.trap("limbs.mod_pow", [a, Rows([3], 1), Rows([3, 4], 2)], "shape_mismatch")
    p.trap("limbs.mod_inverse", [a, Rows([7, 9], 2)], "no_inverse")
    p.trap("limbs.mod_inverse", [Rows(5, 2), Rows([7, 9], 2)], "rank_mismatch")
    p.write()


# Other families take the tools alone.
if __name__ != "tools":
    write()
