"""
filterplot.py -- one drawing of bench/filters: queries/s above and recall below,
against the share of rows that match, in the hand of svg.py.

All axes are logarithmic: recall in 1 - recall.
"""
import math
from html import escape

from svg import COLOURS, DASHES, STYLE, mark, tag, text

WIDTH, LEFT, RIGHT = 930, 74, 700
TOP, MIDDLE, RECALL_TOP, BOTTOM, HEIGHT = 64, 344, 368, 568, 628
RECALLS = (0, .5, .8, .9, .95, .98, .99, .995, .998, .999)
BEST = .9995                            # a recall of 1 is drawn here
AIM = .98


class Axes:
    """x: share of the rows, falling to the right; y: either queries/s or recall."""

    def __init__(self, series):
        points = [p for one in series for p in one["points"]]
        shares = [share for share, *_ in points]
        speeds = [figures["qps"] for _, figures, *_ in points]
        self.most, self.least = max(shares), min(shares)
        self.low, self.high = min(speeds) / 1.25, max(speeds) * 1.25

    def x(self, share):
        return LEFT + 12 + (RIGHT - LEFT - 24) * math.log(self.most / share) / math.log(self.most / self.least)

    def speed(self, qps):
        return MIDDLE - (MIDDLE - TOP) * math.log(qps / self.low) / math.log(self.high / self.low)

    def recall(self, recall):
        return BOTTOM - (BOTTOM - RECALL_TOP) * math.log(1 - min(recall, BEST)) / math.log(1 - BEST)

    def speeds(self):
        """Round figures within the axis: powers of ten, and 2 and 5 times them if there is room."""
        factors = (1, 2, 5) if self.high / self.low < 500 else (1, 3) if self.high / self.low < 5000 else (1,)
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        return [f * 10 ** d for d in decades for f in factors if self.low <= f * 10 ** d <= self.high]


def frame(axes, shares):
    room = LEFT - 100
    for share in shares:
        x, label = axes.x(share), f"{100 * share:g}"
        yield f'<path class="grid" d="M{x:.1f} {TOP}V{MIDDLE}M{x:.1f} {RECALL_TOP}V{BOTTOM}"/>'
        if x - 4 * len(label) > room + 2:
            yield text(x, BOTTOM + 18, label, "middle")
            room = x + 4 * len(label)
    for q in axes.speeds():
        yield from across(axes.speed(q), f"{q:,.0f}" if q >= 1 else f"{q:g}")
    for r in RECALLS:
        yield from across(axes.recall(r), f"{r:g}", r == AIM)
    yield from across(axes.recall(1), "1")
    for top, bottom, words in ((TOP, MIDDLE, "queries/s"), (RECALL_TOP, BOTTOM, "recall@10")):
        yield f'<rect class="frame" x="{LEFT}" y="{top}" width="{RIGHT - LEFT}" height="{bottom - top}"/>'
        middle = (top + bottom) / 2
        yield text(18, middle, words, "middle", "faint", f' transform="rotate(-90 18 {middle:.1f})"')
    yield text((LEFT + RIGHT) / 2, BOTTOM + 42, "rows that match the condition, % of all", "middle", "faint")


def across(y, label, aim=False):
    dash = ' stroke-dasharray="6 3"' if aim else ""
    yield f'<path class="{"frame" if aim else "grid"}"{dash} d="M{LEFT} {y:.1f}H{RIGHT}"/>'
    yield text(LEFT - 8, y + 4, label, "end")


def line(axes, one, height, figure):
    """A line through the points; those of a label stand by themselves."""
    colour, dash = COLOURS[one["colour"]], DASHES[one["dash"]]
    dash = f' stroke-dasharray="{dash}"' if dash else ""
    path = "L".join(f"{axes.x(share):.1f} {height(f[figure]):.1f}" for share, f, label, _ in one["points"] if not label)
    if path:
        yield f'<path class="line" stroke="{colour}"{dash} d="M{path}"/>'
    for share, f, label, note in one["points"]:
        element = mark(one["shape"], axes.x(share), height(f[figure]))
        look = f'class="hollow" stroke="{colour}"' if label else f'class="mark" fill="{colour}"'
        yield f'{element} {look}><title>{escape(note)}</title></{tag(one["shape"])}>'


def legend(series):
    x = RIGHT + 24
    for i, one in enumerate(series):
        y = TOP + 12 + 26 * i
        colour, dash = COLOURS[one["colour"]], DASHES[one["dash"]]
        dash = f' stroke-dasharray="{dash}"' if dash else ""
        yield f'<path class="line" stroke="{colour}"{dash} d="M{x} {y}h34"/>'
        yield f'{mark(one["shape"], x + 17, y)} class="mark" fill="{colour}"/>'
        yield text(x + 42, y + 4, one["label"])
    if any(p[2] for one in series for p in one["points"]):
        yield text(x, TOP + 24 + 26 * len(series), "hollow: by label", kind="faint")


def plot(path, title, subtitle, series):
    """Writes the file.  Each of series: label, colour, dash, shape, points ((share, figures, whether
    of a label, what to say of it), ...)."""
    axes = Axes(series)
    shares = sorted({share for share, _, label, _ in series[0]["points"] if not label}, reverse=True)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
           f'role="img" aria-label="{escape(title)}"><style>{STYLE}.hollow {{ fill: none; stroke-width: 2; }}</style>',
           f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>',
           text(LEFT, 28, title, kind="title"), text(LEFT, 48, subtitle, kind="faint"), *frame(axes, shares)]
    for one in reversed(series):                        # the first on top
        out += line(axes, one, axes.speed, "qps")
        out += line(axes, one, axes.recall, "recall")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join([*out, *legend(series), "</svg>"]) + "\n")
