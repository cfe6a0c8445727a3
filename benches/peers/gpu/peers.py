#!/usr/bin/env python3
"""The work of runtime/cuda/benches/gpu.rs in CuPy and PyTorch, as far as they are there: one JSON document.

    python3 benches/peers/gpu/peers.py
"""
import ctypes
import json
import time

ROUNDS, LONG = 3, 0.4


def must_be_real():
    for name in ["libcuda.so", "libcuda.so.1"]:
        try:
            driver = ctypes.CDLL(name)
        except OSError:
            continue
        if hasattr(driver, "nbc_cudasim_identity"):
            raise SystemExit("the CUDA driver here is a simulated one: nothing is measured beside it")


def seconds(work, wait):
    """Seconds of one call of `work`, of as many as take long enough; the best of some rounds."""
    work()
    wait()
    turns, best = 1, float("inf")
    while True:
        start = time.perf_counter()
        for _ in range(turns):
            work()
        wait()
        took = time.perf_counter() - start
        if took > LONG:
            best = min(best, took / turns)
            break
        turns *= 2
    for _ in range(ROUNDS - 1):
        start = time.perf_counter()
        for _ in range(turns):
            work()
        wait()
        best = min(best, (time.perf_counter() - start) / turns)
    return best


def chain(x):
    for step in range(10):
        x = x * 0.5 if step % 2 == 0 else x + 0.5
    return x


def rows(name, full, product, wait, types, n):
    """Numbers of one library, which makes arrays by `full(shape, value, type)`."""
    found = []

    def add(what, value, unit):
        found.append({"name": f"{name}: {what}", "value": value, "unit": unit})

    def one(x):
        return x * 1.0

    def two(x):
        return (x * 1.0) * 1.0

    small = full((1024,), 1.0, types["f64"])
    each = seconds(lambda: two(small), wait) - seconds(lambda: one(small), wait)
    add("one operation more on 1024 elements", each * 1e6, "µs")
    for elem, size in [("f64", 8), ("f32", 4)]:
        x = full((n,), 1.0, types[elem])
        took = seconds(lambda: chain(x), wait)
        add(f"chain of 10 on {n} {elem}", 2 * size * n / took / 1e9, "GB/s")
        del x
    for elem in ["f64", "f32"]:
        a, b = full((4096, 4096), 1.0, types[elem]), full((4096, 4096), 1 / 4096, types[elem])
        took = seconds(lambda: product(a, b), wait)
        add(f"matmul {elem} 4096", 2 * 4096**3 / took / 1e12, "TFLOP/s")
    return found


def cupy():
    import cupy as cp

    memory = cp.cuda.Device(0).mem_info[1]
    n = min(memory // 150, 10**8)
    types = {"f64": cp.float64, "f32": cp.float32}
    wait = cp.cuda.Stream.null.synchronize
    return cp.__version__, rows("CuPy", lambda shape, value, kind: cp.full(shape, value, dtype=kind), cp.matmul, wait, types, n)


def torch():
    import torch as t

    if not t.cuda.is_available():
        raise RuntimeError("torch.cuda is not available")
    # Products of f32 are of f32, not of TF32.
    t.backends.cuda.matmul.allow_tf32 = False
    n = min(t.cuda.get_device_properties(0).total_memory // 150, 10**8)
    types = {"f64": t.float64, "f32": t.float32}
    made = rows(
        "PyTorch",
        lambda shape, value, kind: t.full(shape, value, dtype=kind, device="cuda"),
        t.matmul,
        t.cuda.synchronize,
        types,
        n,
    )
    return t.__version__, made


def main():
    must_be_real()
    result = {"rows": [], "versions": {}, "left_out": {}}
    for name, peer in [("cupy", cupy), ("torch", torch)]:
        try:
            result["versions"][name], found = peer()
            result["rows"] += found
        except Exception as error:  # What is not there, or does not work here, is said.
            result["left_out"][name] = f"{type(error).__name__}: {error}".splitlines()[0]
    print(json.dumps(result))


main()
