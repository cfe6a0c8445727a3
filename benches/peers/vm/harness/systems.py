"""The columns: for each how fast it is thought to be, and its command for a kernel."""
import os
import shlex

from harness.build import BUILD, HERE, NATIVE, PROGRAMS, here, native, nbc, runner, wasm
from harness.kernels import script
from shared.tools import Missing, once, runs, tool

NUMBA = "install both into a virtual environment, and name its Python in NUMBA_PYTHON"
BASE = "gcc-O2"
# The rows of the table in README.md.
USUAL = [BASE, "nbc", "nbc-trusted", "nbc-jit", "nbc-fuel", "nbc-interp"]
USUAL += ["wasmtime", "wasmtime-simd"]

# NBC's ways of running a program. `nbc` is what the command does without options.
NBC = {
    "nbc": ("fast", []),
    "nbc-trusted": ("fast", ["--trusted"]),
    "nbc-jit": ("fast", ["--trusted", "--tier", "jit"]),
    "nbc-fuel": ("fast", ["--trusted", "--fuel", "1000000000000000"]),
    "nbc-interp": ("mid", ["--tier", "interp"]),
}
# wasmtime's ways: Cranelift with guard pages, explicit bounds checks, or without its
# optimiser; the compiler Winch; the interpreter Pulley, also built for tail calls.
WASMTIME = {
    "wasmtime": "cranelift",
    "wasmtime-simd": "cranelift",
    "wasmtime-bounds": "bounds",
    "wasmtime-noopt": "noopt",
    "winch": "winch",
    "pulley": "pulley",
    "pulley-tail": "pulley",
}
# LuaJIT's ways: portable sources, FFI arrays, and without its compiler.
LUAJIT = {
    "luajit": ("fast", [], "luajit"),
    "luajit-ffi": ("fast", [], "luajit_ffi"),
    "luajit-joff": ("mid", ["-joff"], "luajit_pair"),
}


class System:
    """A column. `command` makes the command line of a kernel, or raises Missing."""

    def __init__(self, speed, command):
        self.speed = speed
        self.command = command


def numba_python():
    def find():
        python = os.environ.get("NUMBA_PYTHON") or tool("python")
        if not runs([python, "-c", "import numba, wasm3"], quiet=True):
            raise Missing(f"numba and pywasm3 cannot be imported: {NUMBA}")
        return python

    return once("numba", find)


def wasmtime(column):
    if column == "pulley-tail":
        flags = "--cfg=pulley_assume_llvm_makes_tail_calls"
        return runner("run-wasmtime", "-tail", rustflags=flags)
    return runner("run-wasmtime")


def lua(command, flags, folder):
    return lambda kernel, n: [
        tool(command), *flags, here("lua", "main.lua"), script(kernel), n, "1", folder
    ]


def systems(profile):
    """All columns by name, in the order of the report."""
    all_of = {}

    def add(name, speed, command):
        all_of[name] = System(speed, command)

    for name in NATIVE:
        add(name, "fast", lambda k, n, name=name: [native(name, k), n])
    for name, (speed, options) in NBC.items():
        add(name, speed, lambda k, n, options=options: [
            nbc(profile), "run", "--timing", *options, os.path.join(PROGRAMS, k + ".nba"), n
        ])
    for name, mode in WASMTIME.items():
        add(name, "mid" if mode == "pulley" else "fast", lambda k, n, name=name, mode=mode: [
            wasmtime(name), mode, wasm(k, name == "wasmtime-simd"), n
        ])
    add("wasmi", "mid", lambda k, n: [runner("run-wasmi"), wasm(k), n])
    add("wasmi-portable", "mid", lambda k, n: [
        runner("run-wasmi", "-portable", ["wasmi-portable"]), wasm(k), n
    ])
    add("wasm3", "mid", lambda k, n: [numba_python(), here("py", "wasm3run.py"), wasm(k), n])
    for name, (speed, flags, folder) in LUAJIT.items():
        add(name, speed, lua("luajit", flags, folder))
    add("lua", "mid", lua("lua", [], "lua54"))
    add("node", "fast", lambda k, n: [tool("node"), here("js", "main.js"), script(k), n])
    add("node-jitless", "mid", lambda k, n: [
        tool("node"), "--jitless", here("js", "main.js"), script(k), n
    ])
    # V8 as it comes stays in its baseline tier in a kernel that is one long call.
    add("node-wasm", "fast", lambda k, n: [tool("node"), here("js", "wasm.js"), wasm(k), n])
    add("node-wasm-opt", "fast", lambda k, n: [
        tool("node"), "--no-liftoff", here("js", "wasm.js"), wasm(k), n
    ])
    add("numba", "fast", lambda k, n: [
        numba_python(), here("py", "main.py"), script(k), n, "1", "numba"
    ])
    add("python", "slow", lambda k, n: [tool("python"), here("py", "main.py"), script(k), n])
    return all_of


def extra(text):
    """A column from the command line: NAME[:SPEED]=COMMAND."""
    name, _, command = text.partition("=")
    name, _, speed = name.partition(":")
    if not command or speed not in ("", "fast", "mid", "slow"):
        raise SystemExit(f"--extra {text}: it has to be NAME[:fast|mid|slow]=COMMAND")

    def words(kernel, n):
        known = {"kernel": kernel, "script": script(kernel), "n": n}
        known.update(dir=HERE, build=BUILD, programs=PROGRAMS)
        found = shlex.split(command)
        for key, value in known.items():
            found = [word.replace("{" + key + "}", value) for word in found]
        return found

    return name, System(speed or "fast", words)
