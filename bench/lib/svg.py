"""
svg.py -- one drawing: recall against queries per second, a line per index, as an
SVG file of its own that reads well on light and on dark paper.

The x axis is logarithmic in 1 - recall (so that .9, .99 and .999 are equally far
apart) and the y axis in queries/s: straight lines between the points are then what
report.at_recall interpolates.
"""
import math
from html import escape

WIDTH, LEFT, RIGHT, TOP, HEIGHT, BOTTOM = 1030, 74, 640, 64, 560, 500
RECALLS = (.3, .5, .6, .7, .8, .85, .9, .95, .98, .99, .995, .998, .999, .9995, .9999)
BEST = RECALLS[-1]                      # a recall of 1 is drawn here

STYLE = """
svg { color-scheme: light dark; background: #ffffff; font: 13px system-ui, 'DejaVu Sans', sans-serif; }
text { fill: #24292f; } .faint { fill: #656d76; } .title { font-size: 17px; font-weight: 600; }
.grid { stroke: #d0d7de; stroke-width: 1; } .frame { stroke: #8c959f; stroke-width: 1; fill: none; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.mark { stroke: #ffffff; stroke-width: 1; } .paper { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117; } .paper { fill: #0d1117; } .mark { stroke: #0d1117; }
  text { fill: #e6edf3; } .faint { fill: #9198a1; } .grid { stroke: #30363d; } .frame { stroke: #656d76; }
}
"""

# Colours that stand out on white and on black alike.
COLOURS = {"blue": "#3b82f6", "cyan": "#0ea5b7", "green": "#2aa052", "violet": "#9065e8", "red": "#e5484d",
           "amber": "#d58a0b", "olive": "#8b9a1b", "pink": "#d6569f", "brown": "#a9745b", "grey": "#838b95"}
DASHES = {"solid": "", "dashed": "8 4", "dotted": "2 4"}


def mark(shape, x, y):
    """The element of a marker, without its closing."""
    if shape == "square":
        return f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"'
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5"'
    corners = {"diamond": ((0, -6), (6, 0), (0, 6), (-6, 0)), "triangle": ((0, -5.5), (5.5, 4.5), (-5.5, 4.5)),
               "wedge": ((0, 5.5), (5.5, -4.5), (-5.5, -4.5))}[shape]
    return '<path d="M' + "L".join(f"{x + a:.1f} {y + b:.1f}" for a, b in corners) + 'Z"'


class Axes:
    def __init__(self, points):
        recalls = [min(r, BEST) for r, _ in points]
        speeds = [q for _, q in points]
        self.recalls = [r for r in RECALLS if below(min(recalls)) <= r <= above(max(recalls))]
        self.low, self.high = min(speeds) / 1.15, max(speeds) * 1.15

    def x(self, recall):
        first, last = (math.log(1 - r) for r in (self.recalls[0], self.recalls[-1]))
        at = math.log(1 - min(recall, BEST))
        return LEFT + (RIGHT - LEFT) * (at - first) / (last - first)

    def y(self, speed):
        return BOTTOM - (BOTTOM - TOP) * math.log(speed / self.low) / math.log(self.high / self.low)

    def speeds(self):
        """Round figures within the axis: 1, 2 and 5 times powers of ten."""
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        return [f * 10 ** d for d in decades for f in (1, 2, 5) if self.low <= f * 10 ** d <= self.high]


def below(recall):
    return max([r for r in RECALLS if r <= recall], default=RECALLS[0])


def above(recall):
    return min([r for r in RECALLS if r >= recall], default=BEST)


def text(x, y, words, anchor="start", kind="", more=""):
    kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}{more}>{escape(words)}</text>'


def frame(axes):
    room = RIGHT + 40                                   # labels from the right, as far as there is room
    for r in reversed(axes.recalls):
        x, label = axes.x(r), f"{r:g}"
        yield f'<path class="grid" d="M{x:.1f} {TOP}V{BOTTOM}"/>'
        if x + 4.5 * len(label) <= room:
            yield text(x, BOTTOM + 18, label, "middle")
            room = x - 4.5 * len(label)
    for q in axes.speeds():
        y = axes.y(q)
        yield f'<path class="grid" d="M{LEFT} {y:.1f}H{RIGHT}"/>'
        yield text(LEFT - 8, y + 4, f"{q:,.0f}", "end")
    yield f'<rect class="frame" x="{LEFT}" y="{TOP}" width="{RIGHT - LEFT}" height="{BOTTOM - TOP}"/>'
    yield text((LEFT + RIGHT) / 2, BOTTOM + 42, "recall@10, better to the right", "middle", "faint")
    middle = (TOP + BOTTOM) / 2
    yield text(18, middle, "queries/s, better upwards", "middle", "faint", f' transform="rotate(-90 18 {middle:.1f})"')


def line(axes, one):
    """one: label, colour, dash, shape, points ((recall, queries/s, what to say of it), ...)."""
    colour, dash = COLOURS[one["colour"]], DASHES[one["dash"]]
    at = [(axes.x(r), axes.y(q), note) for r, q, note in one["points"]]
    dash = f' stroke-dasharray="{dash}"' if dash else ""
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y, _ in at)
    yield f'<path class="line" stroke="{colour}"{dash} d="M{path}"/>'
    for x, y, note in at:
        yield f'{mark(one["shape"], x, y)} class="mark" fill="{colour}"><title>{escape(note)}</title></{tag(one["shape"])}>'


def tag(shape):
    return {"square": "rect", "circle": "circle"}.get(shape, "path")


def legend(series, columns):
    x, ends = RIGHT + 24, (WIDTH - 84, WIDTH - 16)
    for end, title in zip(ends, columns):
        yield text(end, TOP + 4, title, "end", "faint")
    for i, one in enumerate(series):
        y = TOP + 28 + 26 * i
        colour, dash = COLOURS[one["colour"]], DASHES[one["dash"]]
        dash = f' stroke-dasharray="{dash}"' if dash else ""
        yield f'<path class="line" stroke="{colour}"{dash} d="M{x} {y}h34"/>'
        yield f'{mark(one["shape"], x + 17, y)} class="mark" fill="{colour}"/>'
        yield text(x + 42, y + 4, one["label"])
        for end, figure in zip(ends, one["columns"]):
            yield text(end, y + 4, figure, "end")


def plot(path, title, subtitle, series, columns):
    """Writes the file.  columns: titles of the two figures beside each legend entry."""
    axes = Axes([(r, q) for one in series for r, q, _ in one["points"]])
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
           f'role="img" aria-label="{escape(title)}"><style>{STYLE}</style>',
           f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>',
           text(LEFT, 28, title, kind="title"), text(LEFT, 48, subtitle, kind="faint"), *frame(axes)]
    for one in reversed(series):                        # the first on top
        out += line(axes, one)
    out += [*legend(series, columns), "</svg>"]
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(out) + "\n")
