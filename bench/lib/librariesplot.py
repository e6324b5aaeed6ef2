"""
librariesplot.py -- tables and drawings of bench/libraries: a drawing of each set, by CPU time.
"""
from compareplot import NAMES
from phone import drawing, key
from report import at_recall, number, points_of

LOOKS = {                       # label, colour, shape, dash, what "ef" is
    "omendb": ("omendb", "blue", "circle", "solid", "ef_search"),
    "pgvector": ("pgvector", "amber", "diamond", "solid", "ef_search"),
    "hnswlib": ("hnswlib, in process", "green", "square", "dashed", "ef"),
    "faiss-hnsw": ("faiss HNSW (as Debian has it), in process", "violet", "triangle", "dashed", "efSearch"),
    "faiss-ivfpq": ("faiss IVF-PQ (as Debian has it), in process", "red", "wedge", "dotted", "nprobe"),
}


def drawn(name, one):
    lines, legend = [], []
    for system, (label, colour, shape, dash, number_is) in LOOKS.items():
        queries = one.get(system, {}).get("queries")
        if not queries:
            continue
        points = [(p["recall"], p["per_cpu_second"], f"{label}, {number_is} {p['ef']}: recall {p['recall']:.4f}, {p['per_cpu_second']:,.0f} queries per CPU second")
                  for p in sorted(queries, key=lambda p: p["ef"])]
        legend += key(16, len(lines), 70, label, colour, dash, shape)
        lines.append({"colour": colour, "shape": shape, "dash": dash, "points": points})
    title = f"{NAMES[name].split(' ')[0]}, {one['rows']:,} rows of {one['dim']}"
    return drawing(title, "one query at a time, seconds of CPU; up and right is better", lines, legend, len(lines)) if lines else None


def draw(result, prefix):
    """Writes a file for each set; returns their names."""
    written = []
    for name, one in result["sets"].items():
        picture = drawn(name, one)
        if picture:
            written.append(f"{prefix}-{name}.svg")
            with open(written[-1], "w", encoding="utf-8") as f:
                f.write(picture)
    return written


RECALLS = (.9, .95, .98, .99)


def table(result):
    out = []
    for name, one in result["sets"].items():
        out += ["", f"### {name}: {one['rows']:,} x {one['dim']}, {one['metric']}", "",
                "| | build, s | bytes/row | " + " | ".join(f"queries per CPU second at {r:g}" for r in RECALLS) + " |", "|---" * (3 + len(RECALLS)) + "|"]
        for system, look in LOOKS.items():
            figures = one.get(system)
            if figures and figures.get("queries"):
                speeds = [at_recall(points_of(figures["queries"], "per_cpu_second"), r) for r in RECALLS]
                cells = [look[0], number(figures["build_seconds"]), number(figures["index_bytes_per_row"]), *(f"{mark} {number(q)}".strip() for q, mark in speeds)]
                out.append("| " + " | ".join(cells) + " |")
    return "\n".join(out)
