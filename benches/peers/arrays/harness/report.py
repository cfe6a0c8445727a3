"""Tables of results in Markdown: a row for each work and type, a column for each size."""
from harness.measure import median, noise, ratio
from shared.tables import mean, short, table

NAMES = {
    "numpy": "NumPy",
    "numexpr": "NumExpr",
    "numba": "Numba",
    "scipy": "SciPy",
    "fftw": "FFTW",
    "gmpy2": "GMP",
    "openssl": "OpenSSL",
}


def power(n):
    zeros = len(str(n)) - 1
    return f"10^{zeros}" if zeros > 1 and n == 10**zeros else str(n)


def ratio_text(cell, peer):
    """The ratio, and the larger of the two spreads of A/A runs."""
    value = ratio(cell, peer)
    if value is None:
        return "failed" if "failed" in cell else ""
    return f"{short(value)} ±{max(noise(cell, 'numpy'), noise(cell, 'nbc')) * 100:.0f} %"


def time_text(seconds):
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


class Group:
    """The cells of a family with so many threads."""

    def __init__(self, family, threads, cells):
        self.family, self.threads = family, threads
        self.cells = [c for c in cells if c["family"] == family and c["threads"] == threads]
        self.sizes = sorted({cell["size"] for cell in self.cells})
        keys = [(cell["work"], cell["type"]) for cell in self.cells]
        self.rows = list(dict.fromkeys(keys))
        sides = [name for cell in self.cells for name in cell["seconds"] if name in NAMES]
        self.peers = [peer for peer in NAMES if peer in sides]

    def cell(self, row, size):
        for cell in self.cells:
            if (cell["work"], cell["type"], cell["size"]) == (*row, size):
                return cell
        return None

    def title(self):
        return f"{self.family}, {'one thread' if self.threads == 1 else f'{self.threads} threads'}"


def groups(results):
    families = list(dict.fromkeys(cell["family"] for cell in results["cells"]))
    threads = list(dict.fromkeys(cell["threads"] for cell in results["cells"]))
    return [Group(family, count, results["cells"]) for family in families for count in threads]


def ratios(group, peer):
    rows = []
    for row in group.rows:
        cells = [group.cell(row, size) for size in group.sizes]
        known = [value for value in (ratio(cell, peer) for cell in cells if cell) if value]
        texts = [ratio_text(cell, peer) if cell else "" for cell in cells]
        if any(texts):
            rows.append([f"{row[0]} {row[1]}", *texts, short(mean(known))])
    return table(["work", *map(power, group.sizes), "mean"], rows)


def times(group):
    rows = []
    for row in group.rows:
        cells = [group.cell(row, size) for size in group.sizes]
        texts = [time_text(median(cell, "nbc")) if cell and median(cell, "nbc") else "" for cell in cells]
        rows.append([f"{row[0]} {row[1]}", *texts])
    return table(["work", *map(power, group.sizes)], rows)


def markdown(results):
    yield f"# Whole arrays, {results['date']}"
    yield ""
    yield from (f"- {key}: {value}" for key, value in results["machine"].items())
    yield f"- command: `{results['command']}`"
    yield f"- medians of {results['rounds']} rounds"
    yield ""
    yield "Peer's time ÷ NBC's: above 1, NBC is faster. Behind ± is how far a side was from itself,"
    yield "NumPy from NumPy or NBC from NBC, whichever was more."
    for group in groups(results):
        for peer in group.peers:
            yield ""
            yield f"## {group.title()}: {NAMES[peer]} ÷ NBC"
            yield ""
            yield from ratios(group, peer)
        yield ""
        yield f"NBC's times, {group.title()}:"
        yield ""
        yield from times(group)
    failed = [cell for cell in results["cells"] if "failed" in cell]
    if failed:
        yield ""
        yield "Not measured:"
        yield ""
        for cell in failed:
            yield "- {work} {type} {size}, threads {threads}: {failed}".format(**cell)
