#!/usr/bin/env python3
"""How long GMP and OpenSSL take for what `examples/integer_times.rs` does, in microseconds.

    pip install gmpy2; python3 runtime/numerics/scripts/integer_times.py
"""
import ctypes
import ctypes.util
import random
import sys
import time

import gmpy2

sys.set_int_max_str_digits(0)
rng = random.Random(1)


def least(work):
    """The least time of seven, each of 20 ms or more."""
    best = float("inf")
    for _ in range(7):
        times = 1
        while True:
            began = time.perf_counter()
            for _ in range(times):
                work()
            seconds = time.perf_counter() - began
            if seconds > 0.02:
                best = min(best, seconds / times)
                break
            times *= 2
    return best * 1e6


crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
for name in ("BN_new", "BN_CTX_new", "BN_bin2bn"):
    getattr(crypto, name).restype = ctypes.c_void_p
context = ctypes.c_void_p(crypto.BN_CTX_new())


def bn(x):
    data = x.to_bytes((x.bit_length() + 7) // 8, "big")
    return ctypes.c_void_p(crypto.BN_bin2bn(data, len(data), None))


for bits in (1024, 2048, 4096):
    a, e, m = rng.getrandbits(bits - 1), rng.getrandbits(bits) | 1 << bits - 1, rng.getrandbits(bits) | 1 | 1 << bits - 1
    ga, ge, gm = map(gmpy2.mpz, (a, e, m))
    r, oa, oe, om, short = ctypes.c_void_p(crypto.BN_new()), bn(a), bn(e), bn(m), bn(65537)
    gmp = least(lambda: gmpy2.powmod(ga, ge, gm))
    one = least(lambda: crypto.BN_mod_exp(r, oa, oe, om, context))
    few = least(lambda: crypto.BN_mod_exp(r, oa, short, om, context))
    print(f"power of {bits} bits: GMP {gmp:.0f}, OpenSSL {one:.0f}; to 65537, OpenSSL {few:.2f}")
for limbs in (32, 128, 1024, 5200, 52_000):
    a, b = (gmpy2.mpz(rng.getrandbits(64 * limbs)) for _ in "ab")
    c = a * b
    mul, div, dec = least(lambda: a * b), least(lambda: gmpy2.f_divmod(c, b)), least(lambda: a.digits(10))
    print(f"{limbs} limbs: GMP's product {mul:.2f}, quotient {div:.2f}, decimal digits {dec:.2f}")
