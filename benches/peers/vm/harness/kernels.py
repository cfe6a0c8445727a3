"""The kernels: how much of each is done, and what a unit of work is."""


def fibonacci(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


class Kernel:
    """Amounts of work by speed of the system, and the units done for n and the checked result."""

    def __init__(self, amounts, work, unit):
        self.amounts = dict(zip(("fast", "mid", "slow"), amounts))
        self.work = work
        self.unit = unit


def by_n(n, _value):
    return n


def calls_of_fib(n, _value):
    return 2 * fibonacci(n + 1) - 1


KERNELS = {
    "fib": Kernel((40, 35, 32), calls_of_fib, "calls"),
    "loopsum": Kernel((200_000_000, 10_000_000, 2_000_000), by_n, "iterations"),
    "sieve": Kernel((20, 2, 1), by_n, "sieves to 5,000,000"),
    "nbody": Kernel((5_000_000, 200_000, 100_000), by_n, "steps"),
    "mandel": Kernel((5, 1, 1), lambda n, value: value, "inner iterations"),
    "spectral": Kernel((20, 2, 1), by_n, "power iterations of 1000"),
    "fannkuch": Kernel((15, 2, 1), by_n, "runs of fannkuch(9)"),
    "matmul": Kernel((10, 1, 1), by_n, "products of 300 by 300"),
    "heat2d": Kernel((1000, 50, 20), by_n, "sweeps of 512 by 512"),
    "mix64": Kernel((1000, 50, 10), by_n, "passes over 1 MiB"),
    "collatz": Kernel((1_000_000, 100_000, 100_000), lambda n, value: int(value) >> 20, "steps"),
    "mcpi": Kernel((100_000_000, 5_000_000, 1_000_000), by_n, "samples"),
    # `fib` with every call really made, in C and WebAssembly. Not one of the twelve.
    "fibcall": Kernel((40, 35, 32), calls_of_fib, "calls"),
}

TWELVE = [name for name in KERNELS if name != "fibcall"]


def script(kernel):
    """The source of a kernel in languages that do no more with `fib` than call."""
    return "fib" if kernel == "fibcall" else kernel
