"""Builds what is measured, once, into a folder that git ignores.

Nothing is built again while its sources are older than it.
"""
import os

from shared import cargo
from shared.cargo import ROOT
from shared.tools import Missing, once, runs, tool

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAMS = os.path.join(ROOT, "benches", "programs")
BUILD = os.path.abspath(os.environ.get("PEERS_BUILD") or os.path.join(ROOT, "target", "peers-vm"))

SCALAR_GCC = ["-O2", "-fno-tree-vectorize", "-fno-tree-slp-vectorize"]
SCALAR_CLANG = ["-O2", "-fno-vectorize", "-fno-slp-vectorize"]
# Column: compiler and flags. There is no fast-math anywhere; `-march=native` contracts
# to fused multiply-adds, which changes last bits.
NATIVE = {
    "gcc-O2": ("c", ["-O2"]),
    "clang-O2": ("clang", ["-O2"]),
    "gcc-O2-novec": ("c", SCALAR_GCC),
    "clang-O2-novec": ("clang", SCALAR_CLANG),
    "gcc-O3-native": ("c", ["-O3", "-march=native"]),
    "clang-O3-native": ("clang", ["-O3", "-march=native"]),
}


def here(*parts):
    return os.path.join(HERE, *parts)


def out(*parts):
    path = os.path.join(BUILD, *parts)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def is_stale(made, *sources):
    if not os.path.exists(made):
        return True
    return any(os.path.getmtime(source) > os.path.getmtime(made) for source in sources)


def compiled(made, command, *sources):
    """What a compiler makes of sources; `command` says how."""
    if is_stale(made, *sources) and not runs(command):
        raise Missing(f"{os.path.basename(made)} does not build, see above")
    return made


def native(column, kernel):
    name, flags = NATIVE[column]
    made = out("bin", column, kernel)
    sources = [here("c", "main.c"), here("c", kernel + ".c")]
    command = [tool(name), *flags, "-fno-math-errno", "-w", *sources, "-o", made]
    return compiled(made, command, here("c", "k.h"), *sources)


def wasm(kernel, simd=False):
    made = out("wasm-simd" if simd else "wasm", kernel + ".wasm")
    source = here("hello" if kernel == "hello" else "c", kernel + ".c")
    command = [tool("clang"), "--target=wasm32", "-O2", "-fno-math-errno", "-mbulk-memory"]
    command += ["-nostdlib", "-Wl,--no-entry", source, "-o", made]
    return compiled(made, command + (["-msimd128"] if simd else []), source)


def runner(binary, variant="", features=(), rustflags=""):
    """A command of the crate `wasm`, built with a variant's flags in a folder of its own."""

    def make():
        target = os.path.join(BUILD, "target" + variant)
        environment = dict(os.environ, CARGO_TARGET_DIR=target)
        if rustflags:
            environment["RUSTFLAGS"] = rustflags
        command = [tool("cargo"), "build", "--release", "--locked", "--bin", binary]
        command += ["--manifest-path", here("wasm", "Cargo.toml")]
        if features:
            command += ["--features", ",".join(features)]
        if not runs(command, env=environment):
            raise Missing(f"the runner of {binary} does not build, see above")
        return os.path.join(target, "release", binary)

    return once(("runner", binary, variant), make)


def nbc(profile):
    """NBC's command: the one that NBC names, or the one that this profile builds."""
    return cargo.built(["--bin", "nbc"], profile, "NBC")
