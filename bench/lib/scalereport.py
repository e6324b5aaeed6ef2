"""
scalereport.py -- tables, fits, drawings and a page of what bench/scale has measured.
"""
import math
from html import escape

import page
from growth import Growth
from phone import LEFT, RIGHT, Axes, drawing, key
from quantreport import markdown
from report import at_recall, number

COLOURS, SHAPES = ("blue", "green", "amber", "violet", "red", "cyan", "grey", "pink"), ("circle", "square", "diamond", "triangle", "wedge")


RECALL = .99                            # at which sizes are compared


class RowAxes(Axes):
    """Rows against any figure, both logarithmic."""

    def __init__(self, points):
        self.first, self.last = min(r for r, _ in points) / 1.2, max(r for r, _ in points) * 1.2
        self.low, self.high = min(q for _, q in points) / 1.3, max(q for _, q in points) * 1.3

    def x(self, rows):
        return LEFT + (RIGHT - LEFT) * math.log(rows / self.first) / math.log(self.last / self.first)

    def drawn(self):
        for n in (10 ** d for d in range(3, 11) if self.first <= 10 ** d <= self.last):
            yield from self.across(n, f"{n:,}")
        yield from self.frame("rows", ",g")


def drawn(title, subtitle, series):
    """series: label -> [(rows, figure), ...]"""
    lines, legend = [], []
    for i, (label, points) in enumerate(series.items()):
        colour, shape = COLOURS[i % len(COLOURS)], SHAPES[i % len(SHAPES)]
        lines.append({"colour": colour, "shape": shape, "dash": "solid",
                      "points": [(r, q, f"{label}, {r:,} rows: {number(q)}") for r, q in sorted(points)]})
        legend += key(16, i, 70, label, colour, shape=shape)
    return drawing(title, subtitle, lines, legend, len(lines), RowAxes)


def by_dim(result):
    """dim -> the figures of its sizes, smallest first."""
    dims = {}
    for one in sorted(result["sets"].values(), key=lambda x: x["rows"]):
        dims.setdefault(one["dim"], []).append(one)
    return dims


def build_rows(sizes):
    for s in sizes:
        beside = s.get("insert_beside_searches", {})
        yield [f"{s['rows']:,}", s.get("build_seconds"), s.get("build_cpu_seconds"), s.get("build_rows_per_second"), s.get("index_bytes_per_row"), s.get("table_bytes_per_row"),
               beside.get("inserts", {}).get("per_second"), beside.get("inserts", {}).get("p99"), beside.get("searches", {}).get("per_second")]


def search_rows(sizes):
    for s in sizes:
        for r in s.get("searches", []):
            yield [f"{s['rows']:,}", r["state"], r["clients"], r["per_second"], r["p50"], r["p95"], r["p99"]]
        if "cold" in s:
            yield [f"{s['rows']:,}", "on disk", 1, None, s["cold"]["p50"], s["cold"]["p95"], s["cold"]["p99"]]


def recall_rows(sizes):
    for s in sizes:
        for r in s.get("recall", []):
            yield [f"{s['rows']:,}", r["ef"], (f"{r['recall']:.4f}", r["recall"]), r["compared"], r["hops"], r["rows_read"], r["cpu_ms"]]


TABLES = (
    ("Build, bytes, inserts beside two clients that search", build_rows,
     ("rows", "build, s", "of CPU, s", "rows/s", "index bytes/row", "table bytes/row", "inserts/s", "p99 of an insert, ms", "searches/s beside")),
    ("Searches", recall_rows, ("rows", "ef_search", "recall@10", "codes compared", "hops", "rows read", "ms of CPU")),
    ("Latency, LIMIT 10, lowest ef_search", search_rows, ("rows", "pages are in", "clients", "searches/s", "p50, ms", "p95, ms", "p99, ms")),
)


def growths(sizes):
    """What -> its growth, where there are three sizes at least."""
    found = {}
    for i in range(len(sizes[0].get("recall", []))):
        points = [(s["rows"], s["recall"][i]) for s in sizes if len(s.get("recall", [])) > i]
        # codes compared are no curve: the members of the highway, which are all compared, go up and down with the levels
        for figure, what in (("hops", "hops"), ("cpu_ms", "ms of CPU")):
            found[f"{what} at ef_search {points[0][1]['ef']}"] = [(n, r[figure]) for n, r in points]
    for figure, what in (("hops", "hops"), ("cpu_ms", "ms of CPU")):
        points = [(s["rows"], *at_recall([(r["recall"], r[figure]) for r in s["recall"]], RECALL)) for s in sizes if s.get("recall")]
        found[f"{what} at recall {RECALL}"] = [(n, f) for n, f, mark in points if f and not mark]
    found["seconds of CPU of a build for a row"] = [(s["rows"], s["build_cpu_seconds"] / s["rows"]) for s in sizes if "build_cpu_seconds" in s]
    return {what: Growth(*zip(*points)) for what, points in found.items() if len(points) >= 3}


def drawings(dim, sizes):
    compared = {f"ef_search {r['ef']}": [(s["rows"], q["compared"]) for s in sizes for q in s.get("recall", []) if q["ef"] == r["ef"]]
                for r in sizes[-1].get("recall", [])}
    if compared:
        yield f"compared-{dim}", drawn("Codes that a search compares", f"{dim} dimensions, LIMIT 10", compared)
    latency = {}
    for s in sizes:
        for r in s.get("searches", []):
            if r["clients"] == 1:
                for p in ("p50", "p99"):
                    latency.setdefault(f"{p}, in {r['state']}" if r["state"] == "shared buffers" else f"{p}, in the page cache", []).append((s["rows"], r[p]))
        if "cold" in s:
            latency.setdefault("p50, on disk", []).append((s["rows"], s["cold"]["p50"]))
    if latency:
        yield f"latency-{dim}", drawn("Milliseconds of a search", f"{dim} dimensions, one client, LIMIT 10", latency)


def shown(cell):
    return "-" if cell is None else cell[0] if isinstance(cell, tuple) else number(cell) if isinstance(cell, (int, float)) else cell


def write(result, prefix):
    """Prints tables and fits; writes drawings and a page."""
    parts = ['<!DOCTYPE html>', f'<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
             f'<link rel="icon" href="data:,"><title>omendb by rows</title><style>{page.STYLE}</style></head><body><h1>omendb by rows</h1>']
    for dim, sizes in by_dim(result).items():
        print(f"\n## {dim} dimensions")
        parts.append(f"<h2>{dim} dimensions</h2>")
        for name, picture in drawings(dim, sizes):
            parts.append(f"<figure>{picture}</figure>")
            with open(f"{prefix}-{name}.svg", "w", encoding="utf-8") as f:
                f.write(picture)
        for title, of, headings in TABLES:
            rows = list(of(sizes))
            if rows:
                print("\n".join(["", title, "", *markdown(headings, [[shown(c) for c in row] for row in rows])]), end="")
                parts += [f"<h3>{escape(title)}</h3>", page.table(headings, rows)]
        lines = [f"{what}: {g.words()}" for what, g in growths(sizes).items()]
        print("\n" + "\n".join(lines))
        parts.append("<h3>Growth</h3><ul>" + "".join(f"<li>{escape(x)}</li>" for x in lines) + "</ul>")
    parts += ["<h2>How it was measured</h2>", f"<pre>{escape(result['command'])}</pre>",
              page.facts([("when", result["when"]), ("commit", result["commit"]), ("server", result.get("server", "")), *result["machine"].items()]),
              f'<script type="module">{page.SCRIPT}</script></body></html>']
    with open(prefix + ".html", "w", encoding="utf-8") as f:
        f.write("\n".join(parts) + "\n")
