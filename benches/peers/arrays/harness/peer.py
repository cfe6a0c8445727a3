"""A process in which NumPy, NumExpr, Numba, SciPy, FFTW, GMP or OpenSSL work, asked line by line. See `workers.py`.

Loops are in Python, as in programs that use these libraries; what a call costs is part of it.
"""
import importlib.util
import os
import sys
import time

import numpy as np

from harness.works import WORKS, sided

TYPES = {"f64": np.float64, "f32": np.float32}
HEAD = """\
# {family}: {name}
import numpy as np
{imports}
THREADS = {threads}


def before(x, y, m):
    return {before}


def once(x, y, m, s=None):
    return {text}


def repeat_numpy(x, y, m, s, n):
    for _ in range(n):
        r = {text}
    return r


def repeat_call(f, x, y, m, n):
    for _ in range(n):
        r = f(x, y, m)
    return r


def repeat_numexpr(again, arrays, n):
    for _ in range(n):
        r = again(arrays)
    return r
"""


def random(n, seed):
    """SplitMix64 as numbers from 0 to 1: what `worker.rs` makes, bit for bit."""
    z = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53


LAPLACIAN = """

def laplacian(n, dtype):
    import scipy.sparse as sp

    def line(k):
        return sp.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(k, k), dtype=dtype)

    across = sp.kron(line(100), sp.eye_array(n // 100, dtype=dtype))
    return sp.csr_array(sp.kron(sp.eye_array(100, dtype=dtype), line(n // 100)) + across)
"""
CUBE = """

def cube(k, dtype):
    import scipy.sparse as sp

    line = sp.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(k, k), dtype=dtype)
    one = sp.eye_array(k, dtype=dtype)
    parts = [(one, one, line), (one, line, one), (line, one, one)]
    return sp.csc_array(sum(sp.kron(sp.kron(a, b), c) for a, b, c in parts))
"""

POSITIVE = """

def positive(x, side):
    a = x.reshape(side, side) - x.dtype.type(2.05)
    return a @ a.T + np.eye(side, dtype=x.dtype)
"""

# What a side's expressions need besides.
IMPORTS = {
    "scipy": "import scipy.fft\n",
    "fftw": "import pyfftw\nimport pyfftw.interfaces.scipy_fft\n\npyfftw.interfaces.cache.enable()\n"
    "pyfftw.interfaces.cache.set_keepalive_time(600)\npyfftw.config.PLANNER_EFFORT = 'FFTW_MEASURE'\n",
}


def module(work, side, threads, size, folder):
    """The work as a module in a file, since Numba keeps only what comes from files."""
    name = f"{work.family}_{work.name}".replace(" ", "_").replace("-", "_")
    if side in IMPORTS:
        name += f"_{side}_{threads}"
    if work.family == "integers":
        name += f"_{side}_{size}"
    if work.family in ("linear", "sparse", "modular"):
        name += f"_{size}"
    path = os.path.join(folder, name + ".py")
    text = HEAD.format(
        family=work.family,
        name=work.name,
        text=getattr(work, side) if side in (*IMPORTS, "gmpy2", "openssl") else work.numpy,
        imports=IMPORTS.get(side, "") + work.imports,
        threads=threads if side in IMPORTS else 0,
        before=work.before,
    )
    for name_used, made in [("laplacian(", LAPLACIAN), ("cube(", CUBE), ("positive(", POSITIVE)]:
        if name_used in work.before:
            text += made
    text = sided(text, size).replace("LIBRARY", repr(side))
    if not os.path.exists(path) or open(path).read() != text:
        with open(path, "w") as file:
            file.write(text)
    spec = importlib.util.spec_from_file_location(name, path)
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


class Peer:
    def __init__(self, side, threads, folder):
        self.side, self.threads, self.folder = side, threads, folder
        if side == "numexpr":
            import numexpr

            numexpr.set_num_threads(threads)
        if side == "numba":
            import numba

            numba.set_num_threads(threads)

    def prepare(self, number, elem, size):
        """Makes the arrays, unless they are there, and what is called."""
        self.work = work = WORKS[int(number)]
        self.elem, key = elem, (elem, int(size))
        if getattr(self, "key", None) != key:
            x, y = (0.1 + 3.9 * random(key[1], seed) for seed in (1, 2))
            self.arrays = [x.astype(TYPES[elem]), y.astype(TYPES[elem]), random(key[1], 3) < 0.5]
            self.key = key
        made = module(work, self.side, self.threads, key[1], self.folder)
        x, y, m = self.arrays
        if self.side == "numba":
            import numba

            f = numba.njit(cache=True, parallel=self.threads > 1)(made.once)
            self.once = lambda: f(x, y, m)
            self.repeat = lambda n: made.repeat_call(f, x, y, m, n)
        elif self.side == "numexpr":
            import numexpr

            named = {"x": x, "y": y}

            def once():
                return numexpr.evaluate(work.numexpr, named, {})

            def repeat(n):
                # What is parsed and checked once is not part of an iteration.
                wrong = numexpr.validate(work.numexpr, named, {})
                if wrong:
                    raise wrong
                return made.repeat_numexpr(numexpr.re_evaluate, named, n)

            self.once, self.repeat = once, repeat
        else:
            s = made.before(x, y, m)
            self.once = lambda: made.once(x, y, m, s)
            self.repeat = lambda n: made.repeat_numpy(x, y, m, s, n)
        return "ready"

    def time(self, n):
        n = int(n)
        began = time.perf_counter()
        self.repeat(n)
        return repr(time.perf_counter() - began)

    def save(self, path):
        np.save(path, np.asarray(self.once()))
        return "saved"

    def compare(self, path):
        """How far what a file holds is from what this work gives: "exact", "within ..", "WRONG .."."""
        work, expected, found = self.work, np.asarray(self.once()), np.load(path)
        if expected.shape != found.shape or expected.dtype != found.dtype:
            shapes = f"{found.dtype}{list(found.shape)} for {expected.dtype}{list(expected.shape)}"
            return "WRONG: " + shapes
        if np.array_equal(expected, found):
            return "exact"
        if expected.dtype.kind not in "fc" or not work.tolerance:
            at = np.flatnonzero(expected != found)[0]
            return f"WRONG: {found.flat[at]!r} for {expected.flat[at]!r} at {at}"
        size = np.abs(expected).max() if work.largest else np.abs(expected)
        if work.terms:
            # A sum is as exact as its terms are large.
            x, y = self.arrays[0].astype(np.float64), self.arrays[1].astype(np.float64)
            size = np.abs(eval(work.terms, {"x": x, "y": y}))
        unit = np.finfo(expected.dtype).eps * np.maximum(size, np.finfo(expected.dtype).tiny)
        wide = np.complex128 if expected.dtype.kind == "c" else np.float64
        worst = float(np.max(np.abs(expected.astype(wide) - found) / unit))
        # Not a number is never within.
        return f"{'within' if worst <= work.tolerance else 'WRONG:'} {worst:.3g} eps"


def main():
    peer = Peer(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    print("ready", flush=True)
    for line in sys.stdin:
        name, *words = line.rstrip("\n").split("\t")
        try:
            answer = getattr(peer, name)(*words)
        except Exception as error:
            answer = f"error: {type(error).__name__}: {error}".replace("\n", " ")
        print(answer, flush=True)


main()
