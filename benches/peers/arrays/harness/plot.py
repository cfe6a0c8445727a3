"""Pictures of speed over size, as SVG: one for each family and number of threads.

A picture has a panel for each work and type. To the right are larger arrays, upwards is faster;
both scales are logarithmic.
"""
import math
import os
from html import escape

from harness.measure import median
from harness.report import NAMES, groups, power

COLOURS = {
    "nbc": "#c0392b",
    "numpy": "#2c6fbb",
    "numexpr": "#d68910",
    "numba": "#1e8449",
    "scipy": "#7d3c98",
    "fftw": "#5d6d7e",
}
LABELS = {"nbc": "NBC"} | NAMES
COLUMNS = 4
WIDTH, HEIGHT = 230, 190
# Around the drawing of a panel.
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 26, 30
HEAD = 56


def save(results, folder):
    """Writes the pictures, and gives their paths."""
    os.makedirs(folder, exist_ok=True)
    paths = []
    for group in groups(results):
        text = picture(group)
        if text:
            path = os.path.join(folder, f"{group.family}-{group.threads}.svg")
            with open(path, "w") as file:
                file.write(text)
            paths.append(path)
    return paths


def speeds(group, row, side):
    """Size and elements in a nanosecond."""
    cells = [group.cell(row, size) for size in group.sizes]
    return [(c["size"], c["size"] / median(c, side) / 1e9) for c in cells if c and median(c, side)]


def picture(group):
    rows = [row for row in group.rows if speeds(group, row, "nbc")]
    if not rows:
        return None
    columns = min(COLUMNS, len(rows))
    width, height = columns * WIDTH, HEAD + math.ceil(len(rows) / columns) * HEIGHT
    sides = ["nbc", *group.peers]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="sans-serif" font-size="10">',
        f"<title>{escape(group.title())}</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="10" y="18" font-size="14">{escape(group.title())}: elements in a nanosecond, '
        "by number of elements</text>" if columns > 1 else
        f'<text x="10" y="18" font-size="12">{escape(group.title())}</text>',
    ]
    for at, side in enumerate(sides):
        x = 10 + 90 * at
        lines.append(f'<path d="M{x} 36h18" stroke="{COLOURS[side]}" stroke-width="2"/>')
        lines.append(f'<text x="{x + 23}" y="40">{LABELS[side]}</text>')
    for at, row in enumerate(rows):
        x, y = at % columns * WIDTH, HEAD + at // columns * HEIGHT
        lines.append(f'<g transform="translate({x} {y})">')
        lines += panel(group, row, sides)
        lines.append("</g>")
    return "\n".join([*lines, "</svg>"]) + "\n"


class Scale:
    """A logarithmic scale: from values to places."""

    def __init__(self, values, start, end):
        self.low, self.high = math.log10(min(values)), math.log10(max(values))
        if self.high - self.low < 0.3:
            self.low, self.high = self.low - 0.15, self.high + 0.15
        self.start, self.end = start, end

    def __call__(self, value):
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self):
        """Powers of ten, with 2 and 5 times them where there are few."""
        whole = range(math.floor(self.low), math.ceil(self.high) + 1)
        for factors in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
            found = [f * 10.0**p for p in whole for f in factors]
            found = [v for v in found if self.low - 1e-9 <= math.log10(v) <= self.high + 1e-9]
            if len(found) >= 3:
                return found
        return found


def panel(group, row, sides):
    curves = {side: speeds(group, row, side) for side in sides}
    points = [point for curve in curves.values() for point in curve]
    across = Scale([size for size, _ in points], LEFT, WIDTH - RIGHT)
    up = Scale([speed for _, speed in points], HEIGHT - BOTTOM, TOP)
    yield f'<text x="{LEFT}" y="16" font-weight="bold">{escape(" ".join(row))}</text>'
    for size in sorted({size for size, _ in points}):
        x = across(size)
        yield f'<path d="M{x} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>'
        yield f'<text x="{x}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle">{label(size)}</text>'
    for speed in up.ticks():
        y = up(speed)
        yield f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 5}" y="{y + 3}" text-anchor="end">{speed:g}</text>'
    for side, curve in reversed(curves.items()):
        if not curve:
            continue
        path = "L".join(f"{across(size)} {up(speed)}" for size, speed in curve)
        yield f'<path d="M{path}" fill="none" stroke="{COLOURS[side]}" stroke-width="1.8"/>'
        for size, speed in curve:
            yield f'<circle cx="{across(size)}" cy="{up(speed)}" r="2.2" fill="{COLOURS[side]}"/>'


def label(size):
    text = power(size)
    if "^" not in text:
        return text
    return f'10<tspan dy="-4" font-size="7">{text[3:]}</tspan>'
