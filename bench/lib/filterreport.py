"""
filterreport.py -- from the figures of bench/filters to its tables, to the aims
that are met or missed, and to the drawings.
"""
import os
import statistics

from panels import Logarithmic, Recall, drawing
from quantreport import NOISE, markdown
from report import number

KINDS = {
    "range": "random integers, r < x", "equal": "random integers, cat = x", "three": "three conditions on random integers",
    "near": "rows near the query (correlated)", "far": "rows far from the query (anti-correlated)",
}
RECALL, NEAR_OUR_RECALL = .98, .01
AIMS = ((.1, 4), (.01, 5))              # share: times the better of pgvector's two plans
BYTES = 9                               # a row and filter column


def better_plan(point):
    """The better of pgvector's two plans: the faster of those whose recall is no more than .01
    below ours; if neither is, the faster."""
    systems = point["systems"]
    both = [systems[s] for s in ("pgvector", "pgvector_planner") if s in systems]
    least = systems["omendb"]["recall"] - NEAR_OUR_RECALL if "omendb" in systems else RECALL
    good = [s for s in both if s["recall"] >= least]
    return max(good or both, key=lambda s: s["qps"], default=None)


def ratio(point, figure="qps"):
    theirs, ours = better_plan(point), point["systems"].get("omendb")
    return ours[figure] / theirs[figure] if ours and theirs else None


def share_text(point):
    return f"{100 * point['share']:.3g} %{' (label)' if point['label'] else ''}"


def is_at(point, share):
    """Whether a point is one of this share; labels are a tenth, about."""
    return point["kind"] != "none" and (share == .1 if point["label"] else point["share"] == share)


def unfiltered(one):
    return next(p for p in one["points"] if p["kind"] == "none")


def points_of(one, kind):
    """The points of a kind, the label's last."""
    return sorted((p for p in one["points"] if p["kind"] == kind), key=lambda p: (p["label"], -p["share"]))


def title(name, one, kind):
    return f"{name}, {one['rows']:,} x {one['dim']}: {KINDS[kind]}"


# ------------------------------------------------------------------ tables

def cell(figures, limit):
    """recall : queries/s, then what is out of the ordinary: too few rows, another plan."""
    notes = []
    if figures["rows"] < limit:
        notes.append(f"{figures['rows']:.2g} rows")
    plans = list(figures["plans"])
    if plans != ["hnsw"]:
        notes.append("/".join(plans))
    return f"{figures['recall']:.3f} : {number(figures['qps'])}" + (f" ({', '.join(notes)})" if notes else "")


def table(one, points, systems):
    shown = [s for s in systems if s in points[0]["systems"]]
    head = ["rows that match", *(f"{systems[s][0]}" for s in shown)]
    both = ratio(points[0]) is not None
    lines = []
    for p in points:
        line = [f"{share_text(p)}, {p['matching']:,.0f}", *(cell(p["systems"][s], p["limit"]) for s in shown)]
        if both:
            line.append(f"{ratio(p):.2f} x, {ratio(p, 'per_cpu_second'):.2f} x")
        lines.append(line)
    return markdown(head + ["omendb : the better of pgvector's plans, per s and per CPU s"] * both, lines)


def builds(one):
    lines = []
    for name in ("omendb", "pgvector"):
        if name in one:
            f = one[name]
            lines.append([name, number(f["build_seconds"]), number(f["index_bytes_per_row"]),
                          number(f.get("plain_build_seconds")), number(f.get("plain_bytes_per_row"))])
    return markdown(["index", "build, s", "bytes/row", "build without filter columns, s", "bytes/row without"], lines)


def planning(one, systems):
    """The time that the figures leave out."""
    for s in systems:
        times = [p["systems"][s]["planning_ms"] for p in one["points"] if s in p["systems"]]
        if times:
            yield f"{systems[s][0]} {1000 * statistics.median(times):.0f} us"


# -------------------------------------------------------------------- aims

def verdict(name, missed, met):
    return f"- {name}: " + (f"**missed** at {'; '.join(missed)}" if missed else f"met ({met})")


def of(one_name, p, what):
    return f"{one_name} {p['kind']} {share_text(p)} {what}"


def every_point(result):
    return [(name, p, p["systems"][s]) for name, one in result["sets"].items() for p in one["points"]
            for s in ("omendb", "omendb_alone") if s in p["systems"]]


def aims(result):
    """What issue and README aim at, and what was measured."""
    points = every_point(result)
    ours = [(name, p) for name, one in result["sets"].items() for p in one["points"] if ratio(p)]
    if points:
        low = [of(n, p, f"{f['recall']:.4f}") for n, p, f in points if f["recall"] < RECALL]
        yield verdict(f"recall@10 at least {RECALL}", low, f"lowest {min(f['recall'] for _, _, f in points):.4f}")
        short = [of(n, p, f"{f['short']} of {f['queries']} queries") for n, p, f in points if f["short"]]
        yield verdict("rows returned: LIMIT, or all that match", short, f"{len(points)} measurements")
    for share, times in AIMS:
        at = [(n, p) for n, p in ours if is_at(p, share)]
        if at:
            low = [of(n, p, f"{ratio(p):.2f} x") for n, p in at if ratio(p) < times]
            yield verdict(f"at least {times} x the better of pgvector's plans at {100 * share:g} %", low,
                          f"lowest {min(ratio(p) for _, p in at):.2f} x")
    if ours:
        low = [of(n, p, f"{ratio(p):.2f} x") for n, p in ours if ratio(p) < 1 - NOISE]
        yield verdict(f"never slower than it ({100 * NOISE:.0f} % passes for noise)", low,
                      f"lowest {min(ratio(p) for _, p in ours):.2f} x")
    yield from own_aims(result)


def own_aims(result):
    """Those that need no pgvector."""
    halves, sizes = [], []
    for name, one in result["sets"].items():
        if "omendb" in unfiltered(one)["systems"]:
            whole = unfiltered(one)["systems"]["omendb"]["qps"]
            halves += [(name, p, p["systems"]["omendb"]["qps"] / whole) for p in one["points"] if is_at(p, .1)]
        f = one.get("omendb", {})
        if "plain_bytes_per_row" in f:
            sizes.append((f"{name}, {len(one['columns'])} integers",
                          (f["index_bytes_per_row"] - f["plain_bytes_per_row"]) / len(one["columns"])))
            sizes.append((f"{name}, random bigint", f["bigint_column_bytes_per_row"]))
    if halves:
        yield verdict("queries/s at 10 % at least half of those without a condition",
                      [of(n, p, f"{r:.2f}") for n, p, r in halves if r < .5], f"lowest {min(r for _, _, r in halves):.2f}")
    if sizes:
        yield verdict(f"bytes a row and filter column at most {BYTES}", [f"{n}: {b:.2f}" for n, b in sizes if b > BYTES],
                      "; ".join(f"{n}: {b:.2f}" for n, b in sizes))


# --------------------------------------------------------------------- all

def report(result, systems):
    out = []
    for name, one in result["sets"].items():
        out += ["", f"### {name}: {one['rows']:,} x {one['dim']}", "", *builds(one)]
        out += ["Median time of planning, which is not in queries/s: " + ", ".join(planning(one, systems)), ""]
        out += ["Without a condition:", "", *table(one, [unfiltered(one)], systems)]
        for kind in KINDS:
            if points := points_of(one, kind):
                out += [f"{title(name, one, kind)}:", "", *table(one, points, systems)]
    return "\n".join(out + ["Aims:", "", *aims(result)])


def lines_of(points, systems, figure):
    """A line for each system; a point of a label stands by itself."""
    for key, (label, _, colour, dash, shape) in systems.items():
        if key in points[0]["systems"]:
            at = [(100 * p["share"], p["systems"][key][figure], f"{label}: {share_text(p)}, " + cell(p["systems"][key], p["limit"]), p["label"])
                  for p in points]
            yield {"colour": colour, "dash": dash, "shape": shape, "points": at}


def draw(folder, result, systems):
    """Writes the drawings; their paths."""
    for name, one in result["sets"].items():
        for kind in KINDS:
            points = points_of(one, kind)
            if len(points) < 2:
                continue
            panels = [{"title": words, "axis": axis, "lines": list(lines_of(points, systems, figure))}
                      for figure, words, axis in (("per_cpu_second", "queries per CPU second", Logarithmic), ("recall", "recall@10", Recall))]
            legend = [(label, colour, dash, shape) for key, (label, _, colour, dash, shape) in systems.items() if key in points[0]["systems"]]
            shares = sorted({100 * p["share"] for p in points if not p["label"]})
            path = os.path.join(folder, f"filters-{name}-{kind}.svg")
            with open(path, "w", encoding="utf-8") as f:
                f.write(drawing(f"{name}, {one['rows']:,} rows", f"WHERE: {KINDS[kind]}", panels, legend, [(s, f"{s:g}") for s in shares],
                                "rows that match, % of all", falling=True,
                                note="hollow: by a label" if any(p["label"] for p in points) else None))
            yield path
