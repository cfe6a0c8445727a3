"""Processes that stay, are given work line by line, and answer each line with one.

Words of a line are apart by tabs:

    prepare NUMBER TYPE SIZE    a work, and the arrays it works on
    save FILE                   what the work gives, as an .npy file
    compare FILE                how far a file is from it (Python's workers)
    time N                      seconds of N iterations, within the process

NBC's worker is `worker.rs`; it is given the program's file in place of the number.
"""
import os
import subprocess
import threading

from harness.environment import BUILD, HERE, out
from harness.works import WORKS, program
from shared.tools import Missing

PATIENCE = 600.0


class Failed(Exception):
    """A worker cannot do what it was asked."""


class Worker:
    """Any worker."""

    def __init__(self, name, command, environment):
        self.name = name
        self.errors = open(out("log", name + ".txt"), "w+")
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.errors,
                text=True,
                cwd=BUILD,
                env=environment,
            )
        except OSError as error:
            raise Missing(f"{name} cannot be started: {error}") from None
        self.answer()

    def ask(self, *words):
        # One that says nothing for long is stuck.
        timer = threading.Timer(PATIENCE, self.process.kill)
        timer.start()
        try:
            print("\t".join(map(str, words)), file=self.process.stdin, flush=True)
            return self.answer()
        except OSError:
            return self.answer()
        finally:
            timer.cancel()

    def answer(self):
        line = self.process.stdout.readline().rstrip("\n")
        if not line:
            self.errors.seek(0)
            said = self.errors.read().strip().splitlines()[-1:]
            raise Missing(f"the worker of {self.name} has ended: {' '.join(said) or 'it said nothing'}")
        if line.startswith("error: "):
            raise Failed(f"{self.name}: {line[len('error: '):]}")
        return line

    def time(self, n):
        return float(self.ask("time", n))

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()


def environment(threads):
    """The caller's, with threads bounded wherever a library looks."""
    made = {name: value for name, value in os.environ.items() if not name.startswith("NBC_")}
    names = ["OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB", "NUMBA", "NUMEXPR"]
    made |= {name + "_NUM_THREADS": str(threads) for name in names}
    made |= {"NUMEXPR_MAX_THREADS": str(threads), "NUMBA_CACHE_DIR": out("numba", "")}
    made |= {"PYTHONDONTWRITEBYTECODE": "1"}
    folders = [HERE, os.path.join(os.path.dirname(HERE))]
    return made | {"PYTHONPATH": os.pathsep.join(folders)}


class Peer(Worker):
    """NumPy, or what is beside it."""

    def __init__(self, side, threads, python, name=None):
        script = os.path.join(HERE, "harness", "peer.py")
        command = [python, script, side, str(threads), out("python", "")]
        super().__init__(name or f"{side}-{threads}", command, environment(threads))

    def prepare(self, work, elem, size):
        self.ask("prepare", WORKS.index(work), elem, size)


class Nbc(Worker):
    """NBC, as an embedder has it."""

    def __init__(self, threads, binary, name=None):
        super().__init__(name or f"nbc-{threads}", [binary, str(threads)], environment(threads))

    def prepare(self, work, elem, size):
        path = out("programs", f"{work.family}_{work.name}_{elem}_{size}.nba".replace(" ", "_"))
        with open(path, "w") as file:
            file.write(program(work, elem, size))
        self.ask("prepare", path, elem, size)
