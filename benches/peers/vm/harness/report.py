"""Tables of results: Markdown to read, tab-separated values for programs."""
from harness.kernels import KERNELS, TWELVE
from shared.tables import mean, short, table

COLUMNS = "kernel system n work runs median min max process outside compiling memory check".split()


def separated(results):
    """Tab-separated: seconds, MiB."""
    yield "\t".join(COLUMNS)
    for cell in results["cells"]:
        row = dict(cell, runs=len(cell["seconds"]))
        yield "\t".join("" if row[key] is None else str(row[key]) for key in COLUMNS)


class Ratios:
    """Times per unit of work as ratios to those of one column."""

    def __init__(self, cells, base):
        self.base = base
        self.cells = {(cell["kernel"], cell["system"]): cell for cell in cells}
        self.kernels = [k for k in KERNELS if any(kernel == k for kernel, _ in self.cells)]
        self.systems = list(dict.fromkeys(system for _, system in self.cells))

    def ratio(self, kernel, system, of="median"):
        cell = self.cells.get((kernel, system))
        base = self.cells.get((kernel, self.base))
        if not cell or not base:
            return None
        return (cell[of] / cell["work"]) / (base[of] / base["work"])

    def mean(self, system, of="median"):
        """Over the twelve; how many of them, where the system has not all that were run."""
        wanted = [kernel for kernel in self.kernels if kernel in TWELVE]
        had = [r for r in (self.ratio(kernel, system, of) for kernel in wanted) if r is not None]
        return short3(mean(had)) + (f" ({len(had)})" if len(had) < len(wanted) else "")


def short3(x):
    """Means are compared more closely than cells."""
    return "" if x is None else f"{x:.3f}" if x < 10 else short(x)


def speed(ratios):
    head = ["system", *ratios.kernels, "**geometric mean**", "of the minima"]
    rows = []
    for system in ratios.systems:
        cells = [short(ratios.ratio(kernel, system)) for kernel in ratios.kernels]
        rows.append([system, *cells, f"**{ratios.mean(system)}**", ratios.mean(system, "min")])
    return table(head, rows)


def amounts(ratios):
    head = ["kernel", "unit of work", "seconds", "ns a unit", "greatest / least"]
    rows = []
    for kernel in ratios.kernels:
        cell = ratios.cells.get((kernel, ratios.base))
        if cell:
            per_unit = cell["median"] / cell["work"] * 1e9
            spread = cell["max"] / cell["min"]
            numbers = [f"{cell['median']:.4f}", f"{per_unit:.4g}", f"{spread:.2f}"]
            rows.append([kernel, KERNELS[kernel].unit, *numbers])
    return table(head, rows)


def around(ratios):
    head = ["system", "ms outside the kernel", "ms compiling", "peak MiB", "worst spread", "results"]
    rows = []
    for system in ratios.systems:
        cells = [cell for (_, name), cell in ratios.cells.items() if name == system]
        compiling = [cell["compiling"] for cell in cells if cell["compiling"] is not None]
        wrong = sorted({cell["check"] for cell in cells} - {"exact"})
        rows.append([
            system,
            f"{1e3 * middle([cell['outside'] for cell in cells]):.1f}",
            f"{1e3 * middle(compiling):.2f}" if compiling else "",
            f"{max(cell['memory'] for cell in cells):.0f}",
            f"{max(cell['max'] / cell['min'] for cell in cells):.2f}",
            ", ".join(wrong) or "all exact",
        ])
    return table(head, rows)


def middle(values):
    return sorted(values)[len(values) // 2]


def startup(rows_of):
    head = ["system", "median ms", "least", "greatest", "peak MiB"]
    rows = []
    for row in rows_of:
        times = [f"{1e3 * row[key]:.1f}" for key in ("median", "min", "max")]
        rows.append([row["system"], *times, f"{row['memory']:.0f}"])
    return table(head, rows)


def markdown(results, base):
    yield f"# Kernels, {results['date']}"
    yield ""
    yield from (f"- {key}: {value}" for key, value in results["machine"].items())
    yield f"- command: `{results['command']}`"
    if results["cells"]:
        ratios = Ratios(results["cells"], base)
        yield ""
        yield f"Time per unit of work as a ratio to {base}, medians of {results['rounds']} rounds:"
        yield ""
        yield from speed(ratios)
        yield ""
        yield "In brackets: of how many kernels, where a system has not all."
        yield ""
        yield f"What {base} took:"
        yield ""
        yield from amounts(ratios)
        yield ""
        yield "Around the kernels (medians; memory reads no lower than this script's own):"
        yield ""
        yield from around(ratios)
    if results["startup"]:
        yield ""
        yield "Start of a process that prints a line (wasmtime and wasmi: compiles one):"
        yield ""
        yield from startup(results["startup"])
    if results["skipped"]:
        yield ""
        yield "Not measured:"
        yield ""
        for name, reasons in results["skipped"].items():
            yield from (f"- skipped: {name}: {why}" for why in reasons)
