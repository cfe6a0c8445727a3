"""Runs commands and takes their times, in rounds through all columns."""
import os
import statistics
import subprocess
import threading
import time

from harness.build import ROOT, here, native, nbc, out, runner, wasm
from harness.kernels import KERNELS
from harness.systems import BASE, numba_python
from shared.tools import Missing, runs, say, tool

LONGEST = 300.0
# Columns whose last bits may differ, since they contract to fused multiply-adds.
FUSED = {"gcc-O3-native", "clang-O3-native"}


def environment():
    """The caller's, but for what would change what `nbc` does."""
    return {name: value for name, value in os.environ.items() if not name.startswith("NBC_")}


class Run:
    """One process: what it printed last, its whole time, and its peak memory in MiB."""

    def __init__(self, command):
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment()
        )
        timer = threading.Timer(LONGEST, process.kill)
        timer.start()
        try:
            printed = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            timer.cancel()
        self.wall = time.perf_counter() - began
        self.memory = usage.ru_maxrss / 1024
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise ValueError(f"status {process.returncode}")
        # RESULT [SECONDS [COMPILE_SECONDS]]
        lines = printed.strip().splitlines()
        self.words = lines[-1].split() if lines else []

    def read(self):
        """Reads the words as numbers. Without a time in the process, the whole counts."""
        self.value = float(self.words[0])
        self.seconds = float(self.words[1]) if len(self.words) > 1 else self.wall
        self.compiling = float(self.words[2]) if len(self.words) > 2 else None
        return self


def verdict(column, value, expected):
    difference = abs(value - expected) / max(abs(expected), 1e-300)
    if difference == 0:
        return "exact"
    allowed = 1e-3 if column in FUSED else 1e-9
    return f"within {difference:.0e}" if difference < allowed else "WRONG"


def expected(kernel, n):
    return Run([native(BASE, kernel), str(n)]).read().value


def measure(kernels, columns, rounds, results):
    """Adds a cell for each kernel and column; says which there are none of, and why."""
    for kernel in kernels:
        plan = []
        for name, system in columns.items():
            n = KERNELS[kernel].amounts[system.speed]
            try:
                plan.append((name, n, system.command(kernel, str(n))))
            except Missing as missing:
                skip(results, name, str(missing))
        answers = {n: expected(kernel, n) for n in {n for _, n, _ in plan}}
        taken = take(kernel, plan, rounds, results)
        for name, n, _ in plan:
            if taken.get(name):
                made = cell(kernel, name, n, taken[name], answers[n])
                results["cells"].append(made)
                told = "{kernel:9} {system:16} n={n:<10} {median:.4f} s ({min:.4f} to {max:.4f})"
                say(told.format(**made), made["check"])


def take(kernel, plan, rounds, results):
    """The runs of each column. Every second round goes backwards, so that drift cancels."""
    taken = {name: [] for name, _, _ in plan}
    # The first round warms up and is not counted.
    for at in range(rounds + 1):
        for name, _, command in plan if at % 2 == 0 else reversed(plan):
            if name not in taken:
                continue
            try:
                run = Run(command).read()
            except (OSError, ValueError, IndexError) as error:
                skip(results, name, f"{kernel} failed ({error}): {' '.join(command)}")
                del taken[name]
                continue
            if at:
                taken[name].append(run)
    return taken


def cell(kernel, name, n, runs_of, answer):
    seconds = [run.seconds for run in runs_of]
    compiling = [run.compiling for run in runs_of if run.compiling is not None]
    checks = {verdict(name, run.value, answer) for run in runs_of}
    return {
        "kernel": kernel,
        "system": name,
        "n": n,
        "work": KERNELS[kernel].work(n, answer),
        "seconds": seconds,
        "median": statistics.median(seconds),
        "min": min(seconds),
        "max": max(seconds),
        "process": statistics.median(run.wall for run in runs_of),
        "outside": statistics.median(run.wall - run.seconds for run in runs_of),
        "compiling": statistics.median(compiling) if compiling else None,
        "memory": max(run.memory for run in runs_of),
        "check": "WRONG" if "WRONG" in checks else max(checks, key=len),
    }


def skip(results, name, why):
    if why not in results["skipped"].setdefault(name, []):
        results["skipped"][name].append(why)
        say(f"skipped: {name}: {why}")


def hello():
    made = out("bin", "hello")
    if not runs([tool("c"), "-O2", here("hello", "hello.c"), "-o", made]):
        raise Missing("hello.c does not build, see above")
    return [made]


def startup(profile, rounds, results):
    """Times whole processes that print a line, or compile a module of one."""
    program = os.path.join(ROOT, "examples", "hello.nba")
    commands = {
        "C": hello,
        "nbc": lambda: [nbc(profile), "run", program],
        "lua": lambda: [tool("lua"), here("hello", "hello.lua")],
        "luajit": lambda: [tool("luajit"), here("hello", "hello.lua")],
        "node": lambda: [tool("node"), here("hello", "hello.js")],
        "python": lambda: [tool("python"), here("hello", "hello.py")],
        "python, importing numba": lambda: [numba_python(), "-c", "import numba"],
        "wasmtime": lambda: [runner("run-wasmtime"), "cranelift", wasm("hello"), "1"],
        "wasmi": lambda: [runner("run-wasmi"), wasm("hello"), "1"],
    }
    plan = []
    for name, make in commands.items():
        try:
            plan.append((name, make()))
        except Missing as missing:
            skip(results, name, str(missing))
    taken = {name: [] for name, _ in plan}
    for at in range(rounds + 1):
        for name, command in plan if at % 2 == 0 else reversed(plan):
            try:
                run = Run(command)
            except (OSError, ValueError) as error:
                skip(results, name, f"start failed ({error}): {' '.join(command)}")
                continue
            if at:
                taken[name].append(run)
    for name, runs_of in taken.items():
        if not runs_of:
            continue
        walls = [run.wall for run in runs_of]
        results["startup"].append({
            "system": name,
            "median": statistics.median(walls),
            "min": min(walls),
            "max": max(walls),
            "memory": max(run.memory for run in runs_of),
        })
