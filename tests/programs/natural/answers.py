#!/usr/bin/env python3
"""What the programs of this folder must answer.

Every program states its calls in its head. The modules of reference/ solve the same
problems in ordinary Python: a class for each file, with a function for each that the
file exports. This script asks them and writes what follows each call anew; with
`--check` it writes nothing and fails where a file says something else.

    python3 tests/programs/natural/answers.py [--check] [NAME ...]

Plain Python 3.9 and its standard library.
"""
import glob
import importlib
import math
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

from reference.shared import Approx, Trap  # noqa: E402  (the path comes first)

CALL = re.compile(r"; (?:run|traps): (@([\w.]+)\((.*?)\))(?: (?:==|~=|[a-z_]+\b).*)?$")
HEAD = re.compile(r"export func @([\w.]+)\((.*?)\)(?: -> (.*?))? \{$", re.M)


def classes():
    """The reference of each file, by the file's name."""
    found = {}
    for path in sorted(glob.glob(os.path.join(HERE, "reference", "*.py"))):
        module = importlib.import_module("reference." + os.path.basename(path)[:-3])
        for name, value in vars(module).items():
            if isinstance(value, type) and value.__module__ == module.__name__ and name.islower():
                found[name] = value
    return found


def read_number(text, ty):
    if ty in ("bool", "tensor<bool>"):
        return text == "true"
    return float(text) if ty.endswith(("f64", "f64>", "f32", "f32>")) else int(text, 0)


def read_arguments(text, types):
    """The values of a call, tensors as lists, of rank 2 as lists of rows."""
    values, rest = [], text
    for ty in types:
        rest = rest.lstrip(", ")
        if ty.startswith("tensor"):
            dims, elements, rest = re.match(r"\[(.*?)\] \{(.*?)\}(.*)", rest).groups()
            dims = [int(d) for d in dims.split(",")]
            flat = [read_number(e.strip(), ty) for e in elements.split(",") if e.strip()]
            assert len(flat) == math.prod(dims), f"{len(flat)} elements for {dims}"
            for d in dims[:0:-1]:
                flat = [flat[i:i + d] for i in range(0, len(flat), d)] if d else [[]] * dims[0]
            values.append(flat)
        else:
            word, rest = re.match(r"([^,]*)(.*)", rest).groups()
            values.append(read_number(word.strip(), ty))
    assert not rest.strip(), f"{rest!r} is left over"
    return values


def write_scalar(value, ty):
    if ty == "bool":
        return "true" if value else "false"
    if ty in ("f32", "f64"):
        value = float(value)
        return "nan" if math.isnan(value) else repr(value)
    bits = {"u8": 8, "i32": 32, "i64": 64}[ty]
    value = int(value) & (1 << bits) - 1
    return str(value - (1 << bits) if ty != "u8" and value >> bits - 1 else value)


def write_value(value, ty):
    if not ty.startswith("tensor"):
        return write_scalar(value, ty)
    dims, flat = [len(value)], list(value)
    while flat and isinstance(flat[0], (list, tuple)):
        dims.append(len(flat[0]))
        flat = [x for row in flat for x in row]
    elements = ", ".join(write_scalar(x, ty[7:-1]) for x in flat)
    return f"[{', '.join(map(str, dims))}] {{{elements}}}"


def line_of(lines, mark):
    """The line whose comment ends in `<mark>`."""
    found = [at for at, line in enumerate(lines, 1) if line.endswith(f"; <{mark}>")]
    assert len(found) == 1, f"{len(found)} lines are marked <{mark}>"
    return found[0]


def answered(call, function, args, types, lines):
    """The whole comment line of a call."""
    try:
        value = function(*args)
    except Trap as trap:
        where = " < ".join(str(line_of(lines, mark)) for mark in trap.marks)
        return f"; traps: {call} {trap.code}" + (f" line {where}" if where else "")
    how, tail = "==", ""
    if isinstance(value, Approx):
        how, tail, value = "~=", f" {value.tolerance:.0e}", value.value
    values = value if len(types) > 1 else (value,)
    assert len(values) == len(types), f"{len(values)} results"
    said = ", ".join(write_value(v, ty) for v, ty in zip(values, types))
    return f"; run: {call} {how} {said}{tail}"


def answer_file(path, reference):
    """The file's text with the answers that the reference gives."""
    with open(path) as f:
        lines = f.read().split("\n")
    heads = {name: (params, results) for name, params, results in HEAD.findall("\n".join(lines))}
    asked = set()
    for at, line in enumerate(lines):
        found = CALL.match(line)
        if not found:
            assert not line.startswith(("; run:", "; traps:")), f"line {at + 1} is no call: {line}"
            continue
        call, name, args = found.groups()
        params, results = heads[name]
        types = [p.split(": ")[1] for p in params.split(", ") if p]
        result_types = [r for r in (results or "").strip("()").split(", ") if r]
        try:
            values = read_arguments(args, types)
            lines[at] = answered(call, getattr(reference, name), values, result_types, lines)
        except Exception as why:
            raise SystemExit(f"{path}:{at + 1}: {type(why).__name__}: {why}") from why
        asked.add(name)
    unasked = set(heads) - asked
    assert not unasked, f"{path}: nothing calls {unasked}"
    return "\n".join(lines)


def main():
    sys.setrecursionlimit(100_000)
    check = "--check" in sys.argv
    wanted = [a for a in sys.argv[1:] if not a.startswith("--")]
    references, wrong = classes(), []
    paths = sorted(glob.glob(os.path.join(HERE, "*.nba")))
    names = [os.path.basename(p)[:-4] for p in paths]
    wrong += [f"reference/ has {n}, which is no file" for n in sorted(set(references) - set(names))]
    for name, path in zip(names, paths):
        if wanted and name not in wanted:
            continue
        if name not in references:
            wrong.append(f"{name}.nba has no reference")
            continue
        text = answer_file(path, references[name])
        with open(path) as f:
            old = f.read()
        if text != old and check:
            pairs = zip(old.split("\n"), text.split("\n"))
            wrong += [f"{name}.nba says {a!r}, but is to say {b!r}" for a, b in pairs if a != b]
        elif text != old:
            with open(path, "w") as f:
                f.write(text)
    if wrong:
        raise SystemExit("\n".join(wrong))
    print(f"{len(wanted or names)} files, all answers as the reference gives them")


if __name__ == "__main__":
    main()
