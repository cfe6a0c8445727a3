"""Programs that run one operation each, written with the answers of NumPy."""
import math
import os

import numpy as np

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NAMES = {"uint8": "u8", "int32": "i32", "int64": "i64", "float32": "f32", "float64": "f64",
         "complex64": "c64", "complex128": "c128", "bool": "bool"}


def elem(x):
    return NAMES[str(x.dtype)]


def is_sparse(x):
    """Whether a matrix of SciPy, without asking for SciPy where there is none."""
    return hasattr(x, "tocsr")


def scalar(v):
    """A number as the text format writes it."""
    if isinstance(v, (bool, np.bool_)):
        return "true" if v else "false"
    if isinstance(v, (int, np.integer)):
        return str(int(v))
    if isinstance(v, (complex, np.complexfloating)):
        return f"({scalar(v.real)}, {scalar(v.imag)})"
    if math.isnan(v):
        return "nan"
    return str(v) if isinstance(v, np.float32) else repr(float(v))


def value(x):
    """An argument or a result: an array, a number, or a list of numbers in brackets."""
    if isinstance(x, np.ndarray):
        return f"{list(x.shape)} {{{', '.join(scalar(v) for v in x.ravel())}}}"
    if is_sparse(x):
        c, columns = x.tocoo(), x.format == "csc"
        order = np.lexsort((c.row, c.col) if columns else (c.col, c.row))
        places = ", ".join(f"({c.row[i]}, {c.col[i]})" for i in order)
        values = ", ".join(scalar(c.data[i]) for i in order)
        return f"{x.format} {list(x.shape)} {{{places}}} {{{values}}}"
    if isinstance(x, list):
        return f"[{', '.join(str(v) for v in x)}]"
    return scalar(x)


def type_of(x):
    """The type of a result."""
    if is_sparse(x):
        return f"sparse<{NAMES[str(x.dtype)]}>"
    if isinstance(x, np.ndarray):
        return f"tensor<{elem(x)}>"
    if isinstance(x, (bool, np.bool_)):
        return "bool"
    return "i64" if isinstance(x, int) else elem(np.asarray(x))


class Lists(list):
    """A list of tensors, which is one argument."""


class Program:
    """A file of `returns` or `traps`, named for a family of operations."""

    def __init__(self, name, about, source="NumPy"):
        self.name, self.about, self.source = name, about, source
        self.constants, self.returns, self.traps = {}, [], []

    def constant(self, x):
        text = f"tensor<{elem(x)}> {value(x)}"
        return self.constants.setdefault(text.replace("} {", "} = {").replace("] {", "] = {"), f"@c{len(self.constants)}")

    def text(self, x):
        """The name of a constant string."""
        return self.constants.setdefault(f'str = "{x}"', f"@c{len(self.constants)}")

    @staticmethod
    def triples(x):
        """Rows, columns and values, in the order that they are stored."""
        c = x.tocoo()
        return c.row.astype(np.int64), c.col.astype(np.int64), c.data

    def body(self, operation, args, kinds, writes, results):
        """The lines of a function that calls the operation, and which of them does."""
        lines, words = [], []
        for n, arg in enumerate(args):
            if isinstance(arg, str):
                words.append(f'%t{n}')
                lines.append(f'%t{n} = const.get {self.text(arg)}')
            elif isinstance(arg, Lists):
                first = None
                for i, item in enumerate(arg):
                    lines.append(f"%x{n}_{i} = const.get {self.constant(item)}")
                lines.append(f"%l{n} = list.new {len(arg)}, %x{n}_0")
                lines += [f"list.set %l{n}, {i}, %x{n}_{i}" for i in range(1, len(arg))]
                words.append(f"%l{n}")
            elif is_sparse(arg):
                parts = self.triples(arg)
                for name, part in zip("ijv", parts):
                    lines.append(f"%{name}{n} = const.get {self.constant(part)}")
                sides = ", ".join(str(side) for side in arg.shape)
                lines.append(f"%s{n} = sparse.of_triples %i{n}, %j{n}, [{sides}], %v{n}")
                if arg.format == "csc":
                    lines.append(f"%s{n} = sparse.to_csc %s{n}")
                words.append(f"%s{n}")
            elif isinstance(arg, np.ndarray):
                lines.append(f"%a{n} = const.get {self.constant(arg)}")
                if n == 0 and writes:
                    lines.append("%t = tensor.copy %a0")
                    words.append("%t")
                else:
                    words.append(f"%a{n}")
            elif isinstance(arg, str):
                lines.append(f"%s{n} = const.get {self.text(arg)}")
                words.append(f"%s{n}")
            else:
                words.append(value(arg))
        given = f"<{', '.join(kinds)}>" if kinds else ""
        made = ", ".join(f"%r{n}" for n in range(results))
        at = len(lines)
        call = f"{operation}{given} {', '.join(words)}"
        lines.append(f"{made} = {call}" if made and not writes else call)
        lines.append("ret %t" if writes else f"ret {made}" if made else "ret")
        return lines, at

    def run(self, name, operation, args, *results, kinds=(), writes=False, near=None, fuel=None):
        """A call that returns these results; `near` is how far floats may be, `fuel` what the operation costs."""
        lines, _ = self.body(operation, args, kinds, writes, len(results))
        self.returns.append((name, lines, results, near, fuel))

    def first(self, name, operation, args, result, results, near=None):
        """A call of which only the first result is looked at."""
        lines, at = self.body(operation, args, (), False, results)
        self.returns.append((name, lines[:-1] + ["ret %r0"], (result,), near, None))

    def trap(self, name, operation, args, code, kinds=(), writes=False, results=1):
        """A call that traps at the operation."""
        lines, at = self.body(operation, args, kinds, writes, results)
        self.traps.append((name, lines, at, code))

    def write(self):
        for folder in ["returns", "traps"]:
            if self.returns if folder == "returns" else self.traps:
                self.write_to(folder)

    def write_to(self, folder):
        heads, functions = [], []
        if folder == "returns":
            about = f"; {self.about} Answers from {self.source}.\n; Written by arrays/write.py.\n;\n"
            for name, lines, results, near, fuel in self.returns:
                texts = ", ".join(value(r) for r in results)
                heads.append(f"; run: @{name}() ~= {texts} {near}" if near else f"; run: @{name}() == {texts}")
                if fuel is not None:
                    heads.append(f"; fuel: @{name}() == {len(lines) + fuel}")
                types = [type_of(r) for r in results]
                types = types[0] if len(types) == 1 else f"({', '.join(types)})"
                functions.append((name, f" -> {types}", lines))
        else:
            about = f"; {self.about} What traps, and where.\n; Written by arrays/write.py.\n;\n"
            functions = [(name, "", lines[:-1] + ["ret"]) for name, lines, _, _ in self.traps]
            heads = [None] * len(self.traps)
        used = [t for t in self.constants.items() if any(t[1] + "\n" in "\n".join(f[2]) + "\n" for f in functions)]
        constants = [f"const {name}: {text}" for text, name in used]
        line = about.count("\n") + len(heads) + len(constants) + (2 if constants else 1)
        texts = []
        for n, (name, results, lines) in enumerate(functions):
            texts.append(f"export func @{name}(){results} {{\n" + "".join(f"  {l}\n" for l in lines) + "}\n")
            if folder == "traps":
                at, code = self.traps[n][2:]
                heads[n] = f"; traps: @{name}() {code} line {line + 1 + at + 1}"
            line += texts[-1].count("\n") + 1
        body = about + "\n".join(heads) + "\n\n" + "".join(c + "\n" for c in constants)
        body += ("\n" if constants else "") + "\n".join(texts)
        with open(os.path.join(HERE, folder, self.name + ".nba"), "w") as f:
            f.write(body)
