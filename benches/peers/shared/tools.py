"""What the columns need of the machine, and what to install where it is missing."""
import os
import shutil
import subprocess
import sys


class Missing(Exception):
    """A column cannot be had here; the text says what to install."""


# Name: variable that overrides it, commands that are tried, what to install.
TOOLS = {
    "c": ("CC", ["gcc", "cc"], "install a C compiler (Debian: gcc)"),
    "clang": ("CLANG", ["clang-19", "clang"], "install clang and lld (Debian: clang-19 lld-19)"),
    "lua": ("LUA", ["lua5.4", "lua"], "install Lua 5.4 (Debian: lua5.4)"),
    "luajit": ("LUAJIT", ["luajit"], "install LuaJIT (Debian: luajit)"),
    "node": ("NODE", ["node"], "install Node.js (Debian: nodejs)"),
    "python": ("PYTHON", ["python3"], "install Python 3 (Debian: python3)"),
    "cargo": ("CARGO", ["cargo"], "install Rust"),
}


def say(*words):
    print(*words, file=sys.stderr, flush=True)


_known = {}


def once(key, make):
    """What `make` gives, or the Missing that it raises, found out only once."""
    if key not in _known:
        try:
            _known[key] = make()
        except Missing as missing:
            _known[key] = missing
    if isinstance(_known[key], Missing):
        raise _known[key]
    return _known[key]


def tool(name):
    variable, commands, install = TOOLS[name]

    def find():
        asked = os.environ.get(variable)
        found = [path for path in map(shutil.which, [asked] if asked else commands) if path]
        if not found:
            raise Missing(f"no {asked or commands[0]} here: {install}, or name one in {variable}")
        return found[0]

    return once(name, find)


def runs(command, quiet=False, **more):
    """Whether a command that builds something succeeds. Shows what it said if not."""
    if not quiet:
        say("+", " ".join(map(str, command)))
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more
        )
    except OSError as error:
        say(error)
        return False
    if done.returncode and not quiet:
        say(done.stdout[-2000:])
    return done.returncode == 0


def version(name):
    """The first line of what a tool says of itself; nothing where there is none."""
    try:
        command = [tool(name), "-v" if name.startswith("lua") else "--version"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (Missing, OSError, subprocess.TimeoutExpired):
        return None
    said = (done.stdout or done.stderr).strip()
    return said.splitlines()[0] if said else None
