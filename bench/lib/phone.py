"""
phone.py -- a drawing of recall against queries a second in one column of 640 units with large letters, so that it can be read on
a phone; axes, colours and dark mode as in svg.py.
"""
import math
from html import escape

from svg import COLOURS, DASHES, RECALLS, STYLE, below, mark, tag

WIDTH, LEFT, RIGHT, TOP, BOTTOM, LEGEND = 640, 84, 622, 84, 470, 27
LARGE = STYLE.replace("font: 13px", "font: 19px").replace("font-size: 17px", "font-size: 22px").replace("stroke-width: 2;", "stroke-width: 3;")


def ticks(low, high):
    for decade in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        for factor in (1, 2, 5):
            if low <= factor * 10 ** decade <= high:
                yield factor * 10 ** decade


def text(at_x, at_y, words, anchor="start", kind=""):
    return f'<text x="{at_x:.1f}" y="{at_y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(words)}</text>'


def dashes(dash):
    return f' stroke-dasharray="{DASHES[dash]}"' if DASHES[dash] else ""


class Axes:
    def __init__(self, points):
        self.recalls = [r for r in RECALLS if r >= below(min(r for r, _ in points))]
        self.low, self.high = min(q for _, q in points) / 1.2, max(q for _, q in points) * 1.2

    def x(self, recall):
        first, last = math.log(1 - self.recalls[0]), math.log(1 - self.recalls[-1])
        return LEFT + (RIGHT - LEFT) * (math.log(1 - min(recall, self.recalls[-1])) - first) / (last - first)

    def y(self, speed):
        return BOTTOM - (BOTTOM - TOP) * math.log(speed / self.low) / math.log(self.high / self.low)

    def across(self, value, label=None):
        """A line upwards at a value of the x axis, and its label below."""
        x = self.x(value)
        yield f'<path class="grid" d="M{x:.1f} {TOP}V{BOTTOM}"/>'
        if label:
            yield text(x, BOTTOM + 26, label, "middle")

    def frame(self, title, form=","):
        """What is to the left of, around and below the lines; form: of the figures at the left."""
        for q in ticks(self.low, self.high):
            y = self.y(q)
            yield f'<path class="grid" d="M{LEFT} {y:.1f}H{RIGHT}"/>'
            yield text(LEFT - 8, y + 6, format(q, form), "end")
        yield f'<rect class="frame" x="{LEFT}" y="{TOP}" width="{RIGHT - LEFT}" height="{BOTTOM - TOP}"/>'
        yield text((LEFT + RIGHT) / 2, BOTTOM + 54, title, "middle", "faint")

    def drawn(self):
        room = WIDTH
        for r in reversed(self.recalls):
            fits = self.x(r) + 26 <= room
            yield from self.across(r, f"{r:g}" if fits else None)
            if fits:
                room = self.x(r) - 30
        yield from self.frame("recall@10")


def line(axes, one):
    """one: colour, shape, dash, points ((recall, queries/s, what to say of it), ...)."""
    colour = COLOURS[one["colour"]]
    path = "L".join(f"{axes.x(r):.1f} {axes.y(q):.1f}" for r, q, _ in one["points"])
    yield f'<path class="line" stroke="{colour}"{dashes(one["dash"])} d="M{path}"/>'
    for r, q, note in one["points"]:
        yield f'{mark(one["shape"], axes.x(r), axes.y(q))} class="mark" fill="{colour}"><title>{escape(note)}</title></{tag(one["shape"])}>'


def key(at_x, row, length, label, colour, dash="solid", shape=None):
    """An entry of the legend, below the axes."""
    y = BOTTOM + 86 + LEGEND * row
    yield f'<path class="line" stroke="{COLOURS[colour]}"{dashes(dash)} d="M{at_x} {y}h{length}"/>'
    if shape:
        yield f'{mark(shape, at_x + length / 2, y)} class="mark" fill="{COLOURS[colour]}"/>'
    yield text(at_x + length + 12, y + 6, label)


def drawing(title, subtitle, lines, legend, rows, axes=Axes):
    """The drawing, as text.  legend: elements from key(), of that many rows."""
    axes = axes([(r, q) for one in lines for r, q, _ in one["points"]])
    height = BOTTOM + 86 + LEGEND * rows
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}"><style>{LARGE}</style>',
           f'<rect class="paper" width="{WIDTH}" height="{height}"/>', text(16, 34, title, kind="title"),
           text(16, 62, subtitle, kind="faint"), *axes.drawn()]
    for one in lines:
        out += line(axes, one)
    return "\n".join([*out, *legend, "</svg>"]) + "\n"
