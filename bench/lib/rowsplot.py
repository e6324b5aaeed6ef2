"""
rowsplot.py -- the table and the drawing of bench/rows: build time, size, and queries per CPU second at one recall, against rows.
"""
from panels import Logarithmic, drawing, short
from report import at_recall, number, points_of, ratio

LOOKS = {"omendb": ("omendb", "blue", "solid", "circle"), "pgvector": ("pgvector", "amber", "dashed", "diamond")}
FIGURES = (
    # key, title of the panel, of the table, smaller is better
    ("build_seconds", "build, seconds", "build, s", True),
    ("megabytes", "index, MB", "index, MB", True),
    ("speed", "queries per CPU second at recall@10 {recall:g}", "queries per CPU s at {recall:g}", False),
)


def figures_of(one, system):
    """Of a size and system, what is drawn: by key, None where it was not measured."""
    f = one.get(system, {})
    speed, mark = at_recall(points_of(f.get("queries", []), "per_cpu_second"), one["recall_target"])
    size = f.get("index_bytes_per_row")
    return {"build_seconds": f.get("build_seconds"), "megabytes": size and size * one["rows"] / 1e6, "speed": speed, "mark": mark}


def sizes_of(result):
    return sorted(result["sets"].values(), key=lambda one: one["rows"])


def table(result):
    sizes = sizes_of(result)
    recall = sizes[0]["recall_target"]
    out = ["| rows | " + " | ".join(t.format(recall=recall) for _, _, t, _ in FIGURES) + " |", "|---" * (1 + len(FIGURES)) + "|"]
    for one in sizes:
        ours, theirs = (figures_of(one, s) for s in ("omendb", "pgvector"))
        cells = []
        for key, _, _, smaller in FIGURES:
            marks = [f["mark"] + " " if key == "speed" and f["mark"] else "" for f in (theirs, ours)]
            cells.append(f"{marks[0]}{number(theirs[key])}, {marks[1]}{number(ours[key])}, **{ratio(ours[key], theirs[key], smaller)}**")
        out.append(f"| {one['rows']:,} | " + " | ".join(cells) + " |")
    return "\n".join(out)


def as_text(result):
    """The drawing."""
    sizes = sizes_of(result)
    recall = sizes[0]["recall_target"]
    panels = []
    for key, title, _, _ in FIGURES:
        lines = []
        for system, (label, colour, dash, shape) in LOOKS.items():
            points = []
            for one in sizes:
                f = figures_of(one, system)
                if f[key]:
                    least = "at least " if key == "speed" and f["mark"] else ""
                    points.append((one["rows"], f[key], f"{label}, {one['rows']:,} rows: {title.format(recall=recall)} {least}{number(f[key])}", False))
            if points:
                lines.append({"colour": colour, "dash": dash, "shape": shape, "points": points})
        if lines:
            panels.append({"title": title.format(recall=recall), "axis": Logarithmic, "lines": lines})
    there = [s for s in LOOKS if any(one.get(s) for one in sizes)]
    name, dim = sizes[0]["set"], sizes[0]["dim"]
    return drawing(f"As a table grows: {name}", f"rows of {dim} dimensions; logarithmic axes", panels, [LOOKS[s] for s in there],
                   [(one["rows"], short(one["rows"])) for one in sizes], "rows")


def draw(result, target):
    """Writes the file."""
    with open(target, "w", encoding="utf-8") as f:
        f.write(as_text(result))
