"""The folder of built things, and the virtual environment with the peers."""
import os
import shutil
import subprocess
import sys

from shared.cargo import ROOT
from shared.tools import Missing, runs, say

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.abspath(os.environ.get("PEERS_BUILD") or os.path.join(ROOT, "target", "peers-arrays"))
REQUIREMENTS = os.path.join(HERE, "requirements.txt")
NAMES = ["numpy", "numexpr", "numba", "scipy", "pyfftw", "gmpy2", "cryptography"]
OLDEST = (3, 11)


def out(*parts):
    path = os.path.join(BUILD, *parts)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def pinned():
    """What requirements.txt says."""
    with open(REQUIREMENTS) as file:
        return dict(line.strip().split("==") for line in file if "==" in line)


def versions(python):
    """What of the peers a Python has; nothing where it cannot be asked."""
    names = ", ".join(NAMES)
    text = f"import {names}\nfor m in ({names}): print(m.__name__, m.__version__)"
    try:
        done = subprocess.run([python, "-c", text], capture_output=True, text=True)
    except OSError:
        return {}
    return dict(line.split() for line in done.stdout.splitlines()) if done.returncode == 0 else {}


def python():
    """A Python that has the peers: PEERS_PYTHON's, or one in an environment that is made here."""
    named = os.environ.get("PEERS_PYTHON")
    if named:
        found = versions(named)
        if not found:
            raise Missing(f"PEERS_PYTHON names {named}, which cannot import {', '.join(NAMES)}")
        for name in NAMES:
            if found[name] != pinned()[name]:
                say(f"note: {name} {found[name]}, where requirements.txt says {pinned()[name]}")
        return named
    made = out("venv", "Scripts" if os.name == "nt" else "bin", "python")
    wanted = {name: pinned()[name] for name in NAMES}
    if versions(made) == wanted:
        return made
    if sys.version_info < OLDEST:
        have, want = platform_version(), ".".join(map(str, OLDEST))
        raise Missing(f"Python {have} is too old for the peers: run this with Python {want} or newer")
    shutil.rmtree(out("venv"), ignore_errors=True)
    if not runs([sys.executable, "-m", "venv", out("venv")]):
        shutil.rmtree(out("venv"), ignore_errors=True)
        raise Missing("no virtual environment can be made: install Python's venv (Debian: python3-venv)")
    if not runs([made, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "-r", REQUIREMENTS]):
        raise Missing(
            "pip cannot install what requirements.txt says: is there a network? "
            "Else name a Python that has it in PEERS_PYTHON"
        )
    if versions(made) != wanted:
        raise Missing(f"the environment in {out('venv')} does not work: remove it and try again")
    return made


def platform_version():
    return ".".join(map(str, sys.version_info[:3]))
