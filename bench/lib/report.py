"""
report.py -- from the figures of a run to what people compare: queries per second
at equal recall, and omendb : pgvector ratios, as a Markdown table.
"""
import math


def at_recall(points, target):
    """Queries per second at a recall, between measured points (recall, queries/s).

    Linear in log(1 - recall) against log(queries/s).  Returns (figure, mark): mark
    is '' between points, '>=' when even the smallest ef measured recalls more than
    the target (its figure is then a lower bound); (None, '') when none recalls enough.
    """
    points = sorted(points)
    if not points or points[-1][0] < target:
        return None, ""
    if points[0][0] >= target:
        return max(q for r, q in points), ">="
    for (r0, q0), (r1, q1) in zip(points, points[1:]):
        if r0 < target <= r1:
            x = [math.log(max(1 - r, 1e-6)) for r in (r0, target, r1)]
            w = 0 if x[0] == x[2] else (x[0] - x[1]) / (x[0] - x[2])
            return math.exp((1 - w) * math.log(q0) + w * math.log(q1)), ""
    raise AssertionError("unreachable")


def points_of(queries, figure):
    return [(p["recall"], p[figure]) for p in queries]


def number(x):
    if x is None:
        return "-"
    if x >= 100:
        return f"{x:,.0f}"
    return f"{x:.3g}"


def ratio(ours, theirs, smaller_is_better):
    if not ours or not theirs:
        return "-"
    r = theirs / ours if smaller_is_better else ours / theirs
    return f"{r:.2f} x"


LINES = (
    # key, title, smaller is better
    ("build_seconds", "build, s", True),
    ("build_rows_per_second", "build, rows/s", False),
    ("build_wal_bytes_per_row", "build, WAL bytes/row", True),
    ("index_bytes_per_row", "index bytes/row", True),
    ("insert_rows_per_second", "single-row inserts/s", False),
    ("insert_wal_bytes_per_row", "WAL bytes/insert (heap included)", True),
    ("heap_only_insert_wal_bytes_per_row", "- of it the table itself", True),
    ("vacuum_seconds", "vacuum of 20 %, s", True),
    ("index_bytes_per_row_after", "index bytes/row after vacuum", True),
)


def set_lines(one):
    """Table rows of one set: (what, pgvector, omendb, ratio in omendb's favour)."""
    ours, theirs = one.get("omendb", {}), one.get("pgvector", {})
    for key, title, smaller in LINES:
        a, b = ours.get(key), theirs.get(key)
        if a is not None or b is not None:
            yield title, number(b), number(a), ratio(a, b, smaller)
    for key, title in (("queries", ""), ("queries_after_vacuum", " after vacuum")):
        a = {p["ef"]: p for p in ours.get(key, [])}
        b = {p["ef"]: p for p in theirs.get(key, [])}
        for ef in sorted(a.keys() | b.keys()):
            p, q = a.get(ef), b.get(ef)
            show = [f"{x['recall']:.4f} : {number(x.get('qps'))}" if x else "-" for x in (q, p)]
            both = p and q and p.get("qps") and q.get("qps")
            yield (f"ef {ef}{title}, recall@10 : queries/s", *show, f"{p['qps'] / q['qps']:.2f} x" if both else "-")
    if ours.get("queries") or theirs.get("queries"):
        target = one["recall_target"]
        for figure, title in (("qps", "queries/s"), ("per_cpu_second", "queries per CPU second of the backend")):
            a, mark_a = at_recall(points_of(ours.get("queries", []), figure), target)
            b, mark_b = at_recall(points_of(theirs.get("queries", []), figure), target)
            # A lower bound below makes the ratio a lower bound, one above an upper bound.
            mark = "" if mark_a == mark_b else (">= " if mark_a else "<= ")
            yield (f"**{title} at recall {target}**", f"{mark_b} {number(b)}".strip(),
                   f"{mark_a} {number(a)}".strip(), f"**{mark}{ratio(a, b, False)}**")


def table(result):
    out = []
    for name, one in result["sets"].items():
        out += ["", f"### {name}: {one['rows']:,} x {one['dim']}, {one['metric']}", "",
                "| | pgvector | omendb | in omendb's favour |", "|---|---|---|---|"]
        out += ["| " + " | ".join(line) + " |" for line in set_lines(one)]
    return "\n".join(out)
