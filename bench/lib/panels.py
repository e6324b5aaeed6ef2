"""
panels.py -- a drawing of several panels above each other with one x axis, in one column of 640 units with large letters, so that it
can be read on a phone; colours and dark mode as in svg.py.
"""
import math
from html import escape

from phone import LARGE, WIDTH, dashes, text, ticks
from svg import COLOURS, mark, tag

LEFT, RIGHT, TOP, PANEL, GAP, LEGEND = 84, 622, 84, 190, 44, 27
RECALLS = (0, .5, .8, .9, .95, .98, .99, .995, .998, .999)
BEST = .9995                            # a recall of 1 is drawn here


def short(value):
    """1,000,000 as 1M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


class Logarithmic:
    """A figure upwards."""

    def __init__(self, values):
        self.low, self.high = min(values) / 1.3, max(values) * 1.3
        self.ticks = [(v, short(v)) for v in ticks(self.low, self.high)]
        if len(self.ticks) > 6:
            self.ticks = [t for t in self.ticks if math.log10(t[0]) % 1 < 1e-9]

    def share(self, value):
        return math.log(value / self.low) / math.log(self.high / self.low)


class Recall:
    """Recall upwards, logarithmic in 1 - recall."""

    def __init__(self, values):
        self.least = max([r for r in RECALLS if r <= min(values)], default=0)
        shown = [r for r in RECALLS if r >= self.least]
        self.ticks = [(r, f"{r:g}".lstrip("0") or "0") for r in shown[::2 if len(shown) > 5 else 1]] + [(1, "1")]

    def share(self, value):
        first, last = math.log(1 - self.least), math.log(1 - BEST)
        return (math.log(1 - min(value, BEST)) - first) / (last - first)


class Across:
    """The x axis: logarithmic, the least at the left, or falling to the right."""

    def __init__(self, values, falling):
        self.low, self.high, self.falling = min(values), max(values), falling

    def at(self, value):
        share = math.log(value / self.low) / math.log(self.high / self.low) if self.high > self.low else .5
        return LEFT + 14 + (RIGHT - LEFT - 28) * (1 - share if self.falling else share)


def frame(axis, top, panel, across, marks, last):
    bottom = top + PANEL
    room = 0
    for value, label in sorted(marks, key=lambda m: across.at(m[0])):
        x = across.at(value)
        yield f'<path class="grid" d="M{x:.1f} {top}V{bottom}"/>'
        if last and x - 5.5 * len(label) > room:
            yield text(x, bottom + 26, label, "middle")
            room = x + 5.5 * len(label) + 8
    for value, label in axis.ticks:
        y = bottom - PANEL * axis.share(value)
        yield f'<path class="grid" d="M{LEFT} {y:.1f}H{RIGHT}"/>'
        yield text(LEFT - 8, y + 6, label, "end")
    yield f'<rect class="frame" x="{LEFT}" y="{top}" width="{RIGHT - LEFT}" height="{PANEL}"/>'
    yield text(LEFT, top - 10, panel["title"], kind="faint")


def line(axis, top, one, across):
    """Of a panel: colour, dash, shape, points ((x, figure, what to say of it, whether it stands by itself), ...)."""
    colour = COLOURS[one["colour"]]
    at = [(across.at(x), top + PANEL * (1 - axis.share(y)), note, alone) for x, y, note, alone in one["points"]]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y, _, alone in at if not alone)
    if path:
        yield f'<path class="line" stroke="{colour}"{dashes(one["dash"])} d="M{path}"/>'
    for x, y, note, alone in at:
        look = f'class="hollow" stroke="{colour}"' if alone else f'class="mark" fill="{colour}"'
        yield f'{mark(one["shape"], x, y)} {look}><title>{escape(note)}</title></{tag(one["shape"])}>'


def legend(entries, y):
    """entries: (label, colour, dash, shape), one below the other."""
    for i, (label, colour, dash, shape) in enumerate(entries):
        at = y + LEGEND * i
        yield f'<path class="line" stroke="{COLOURS[colour]}"{dashes(dash)} d="M16 {at}h70"/>'
        yield f'{mark(shape, 51, at)} class="mark" fill="{COLOURS[colour]}"/>'
        yield text(98, at + 6, label)


def drawing(title, subtitle, panels, entries, marks, x_title, falling=False, note=None):
    """The drawing, as text.  panels: title, lines, axis (Logarithmic or Recall); marks: (value, label) of the x axis."""
    across = Across([x for p in panels for one in p["lines"] for x, *_ in one["points"]], falling)
    end = TOP + 24 + len(panels) * (PANEL + GAP) - GAP
    height = end + 88 + LEGEND * (len(entries) + bool(note))
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
           f"<style>{LARGE}.hollow {{ fill: none; stroke-width: 3; }}</style>", f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
           text(16, 34, title, kind="title"), text(16, 60, subtitle, kind="faint")]
    for i, panel in enumerate(panels):
        top = TOP + 24 + i * (PANEL + GAP)
        axis = panel["axis"]([y for one in panel["lines"] for _, y, *_ in one["points"]])
        out += frame(axis, top, panel, across, marks, i == len(panels) - 1)
        for one in reversed(panel["lines"]):            # the first on top
            out += line(axis, top, one, across)
    out.append(text((LEFT + RIGHT) / 2, end + 52, x_title, "middle", "faint"))
    out += legend(entries, end + 86)
    if note:
        out.append(text(16, end + 92 + LEGEND * len(entries), note, kind="faint"))
    return "\n".join([*out, "</svg>"]) + "\n"
