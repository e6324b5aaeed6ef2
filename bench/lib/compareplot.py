"""
compareplot.py -- the drawing of bench/compare: recall against queries a second of both extensions on each set, by the CPU time
of the backend, which other work on the machine disturbs less than the clock.

One column of 640 units with large letters, so that it can be read on a phone; axes as in svg.py.
"""
import math
from html import escape

from svg import COLOURS, DASHES, RECALLS, STYLE, below, mark, tag

WIDTH, LEFT, RIGHT, TOP, BOTTOM, HEIGHT = 640, 84, 622, 84, 470, 640
NAMES = {"fashion784": "fashion-mnist 60k x 784", "glove100": "GloVe 340k x 100", "clust128": "clustered 1M x 128"}
LOOKS = {"fashion784": ("blue", "circle"), "glove100": ("green", "square"), "clust128": ("amber", "diamond")}
LARGE = STYLE.replace("font: 13px", "font: 19px").replace("font-size: 17px", "font-size: 22px").replace("stroke-width: 2;", "stroke-width: 3;")


def series(result):
    for name, one in result["sets"].items():
        for extension in ("omendb", "pgvector"):
            points = sorted((p["recall"], p["per_cpu_second"], p["ef"]) for p in one.get(extension, {}).get("queries", [])
                            if p.get("per_cpu_second"))
            if points:
                yield name, extension, points


def ticks(low, high):
    for decade in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        for factor in (1, 2, 5):
            if low <= factor * 10 ** decade <= high:
                yield factor * 10 ** decade


def draw(result, target):
    """Writes the file; nothing, and False, if no queries were measured."""
    lines = list(series(result))
    if not lines:
        return False
    points = [p for _, _, ps in lines for p in ps]
    recalls = [r for r in RECALLS if r >= below(min(p[0] for p in points))]
    low, high = min(p[1] for p in points) / 1.2, max(p[1] for p in points) * 1.2

    def x(recall):
        first, last = math.log(1 - recalls[0]), math.log(1 - recalls[-1])
        return LEFT + (RIGHT - LEFT) * (math.log(1 - min(recall, recalls[-1])) - first) / (last - first)

    def y(speed):
        return BOTTOM - (BOTTOM - TOP) * math.log(speed / low) / math.log(high / low)

    def text(at_x, at_y, words, anchor="start", kind=""):
        return f'<text x="{at_x:.1f}" y="{at_y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(words)}</text>'

    title = "Queries a second at each recall"
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}"><style>{LARGE}</style>',
           f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>', text(16, 34, title, kind="title"),
           text(16, 62, "one client, seconds of CPU; up and right is better", kind="faint")]
    room = WIDTH
    for r in reversed(recalls):
        out.append(f'<path class="grid" d="M{x(r):.1f} {TOP}V{BOTTOM}"/>')
        if x(r) + 26 <= room:
            out.append(text(x(r), BOTTOM + 26, f"{r:g}", "middle"))
            room = x(r) - 30
    for q in ticks(low, high):
        out += [f'<path class="grid" d="M{LEFT} {y(q):.1f}H{RIGHT}"/>', text(LEFT - 8, y(q) + 6, f"{q:,}", "end")]
    out += [f'<rect class="frame" x="{LEFT}" y="{TOP}" width="{RIGHT - LEFT}" height="{BOTTOM - TOP}"/>',
            text((LEFT + RIGHT) / 2, BOTTOM + 54, "recall@10", "middle", "faint")]
    for name, extension, ps in lines:
        colour, shape = LOOKS[name]
        colour = COLOURS[colour]
        dash = "" if extension == "omendb" else f' stroke-dasharray="{DASHES["dashed"]}"'
        path = "L".join(f"{x(r):.1f} {y(q):.1f}" for r, q, _ in ps)
        out.append(f'<path class="line" stroke="{colour}"{dash} d="M{path}"/>')
        for r, q, ef in ps:
            note = f"{extension}, {NAMES[name]}, ef_search {ef}: recall {r:.4f}, {q:,.0f} queries per CPU second"
            out.append(f'{mark(shape, x(r), y(q))} class="mark" fill="{colour}"><title>{escape(note)}</title></{tag(shape)}>')
    for i, name in enumerate(dict.fromkeys(name for name, _, _ in lines)):
        colour, shape = LOOKS[name]
        at = BOTTOM + 86 + 27 * i
        out += [f'<path class="line" stroke="{COLOURS[colour]}" d="M16 {at}h46"/>', f'{mark(shape, 39, at)} class="mark" fill="{COLOURS[colour]}"/>',
                text(74, at + 6, NAMES[name])]
    for i, (label, dash) in enumerate((("omendb", ""), ("pgvector", DASHES["dashed"]))):
        at = BOTTOM + 86 + 27 * i
        out += [f'<path class="line" stroke="{COLOURS["grey"]}" stroke-dasharray="{dash}" d="M400 {at}h60"/>', text(472, at + 6, label)]
    with open(target, "w", encoding="utf-8") as f:
        f.write("\n".join(out + ["</svg>"]) + "\n")
    return True
