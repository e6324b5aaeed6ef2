"""
compareplot.py -- the drawing of bench/compare: recall against queries a second of both extensions on each set, by the CPU time
of the backend, which other work on the machine disturbs less than the clock.
"""
from phone import drawing, key

NAMES = {"fashion784": "fashion-mnist 60k x 784", "glove100": "GloVe 340k x 100", "clust128": "clustered 1M x 128"}
LOOKS = {"fashion784": ("blue", "circle"), "glove100": ("green", "square"), "clust128": ("amber", "diamond")}
ROWS = {"fashion784": 60_000, "glove100": 340_479, "clust128": 1_000_000}
EXTENSIONS = {"omendb": "solid", "pgvector": "dashed"}


def title(name, one):
    """The set, with its rows where they are not all."""
    return NAMES[name] if one["rows"] == ROWS[name] else f"{name}, {one['rows']:,} rows"


def series(result):
    for name, one in result["sets"].items():
        for extension in EXTENSIONS:
            points = sorted((p["recall"], p["per_cpu_second"], p["ef"]) for p in one.get(extension, {}).get("queries", [])
                            if p.get("per_cpu_second"))
            if points:
                yield name, extension, points


def as_text(result):
    """The drawing; None if no queries were measured."""
    lines = []
    for name, extension, points in series(result):
        colour, shape = LOOKS[name]
        notes = [(r, q, f"{extension}, {title(name, result['sets'][name])}, ef_search {ef}: recall {r:.4f}, {q:,.0f} queries per CPU second")
                 for r, q, ef in points]
        lines.append({"set": name, "colour": colour, "shape": shape, "dash": EXTENSIONS[extension], "points": notes})
    if not lines:
        return None
    names = list(dict.fromkeys(one["set"] for one in lines))
    legend = [e for i, name in enumerate(names) for e in key(16, i, 46, title(name, result["sets"][name]), LOOKS[name][0], shape=LOOKS[name][1])]
    legend += [e for i, (label, dash) in enumerate(EXTENSIONS.items()) for e in key(400, i, 60, label, "grey", dash)]
    return drawing("Queries a second at each recall", "one client, seconds of CPU; up and right is better", lines, legend, max(len(names), 2))


def draw(result, target):
    """Writes the file; nothing, and False, if no queries were measured."""
    drawn = as_text(result)
    if drawn:
        with open(target, "w", encoding="utf-8") as f:
            f.write(drawn)
    return drawn is not None
