"""
quantreport.py -- from the figures of bench/quantizers to its tables, to the list
of what is beaten, and to the drawings.
"""
import math

from phone import drawing, key as legend_entry
from report import at_recall, number, points_of

LEVELS = {"fashion784": (.98, .99, .996, .999), "glove100": (.8, .9, .945)}
FIGURES = ("qps", "per_cpu_second")
NOISE = .05                             # of queries/s between runs


def indexes(one):
    """name: figures of the indexes that were measured on a set."""
    return {k: v for k, v in one.items() if isinstance(v, dict) and v.get("queries")}


def speed(figures, level, figure="qps"):
    return at_recall(points_of(figures["queries"], figure), level)


def markdown(head, lines):
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return out + ["| " + " | ".join(line) + " |" for line in lines] + [""]


def code_bytes(figures):
    return number(figures["info"]["code_bytes"]) if "info" in figures else "-"


# ------------------------------------------------------------------ tables

def equal_recall(one, levels):
    target = levels[-1] if one["recall_target"] not in levels else one["recall_target"]
    head = ["index", "code, bytes", "bytes/row", "build, s", *(f"queries/s at recall {r:g}" for r in levels),
            f"per CPU second at {target:g}"]
    lines = []
    for figures in indexes(one).values():
        at = [speed(figures, r) for r in levels] + [speed(figures, target, "per_cpu_second")]
        lines.append([figures["label"], code_bytes(figures), number(figures["index_bytes_per_row"]),
                      number(figures["build_seconds"]), *(f"{mark} {number(q)}".strip() for q, mark in at)])
    return markdown(head, lines)


def by_ef(one):
    found = indexes(one).values()
    efs = sorted({p["ef"] for f in found for p in f["queries"]})
    lines = []
    for figures in found:
        at = {p["ef"]: p for p in figures["queries"]}
        lines.append([figures["label"], *(f"{at[e]['recall']:.4f} : {number(at[e]['qps'])}" for e in efs)])
    return markdown(["recall@10 : queries/s", *(f"ef {e}" for e in efs)], lines)


def side_by_side(one, a, b, levels):
    """Two indexes of the same size: what each does, and a : b."""
    found = indexes(one)
    if a not in found or b not in found:
        return []
    a, b = found[a], found[b]
    lines = [["code, bytes", code_bytes(a), code_bytes(b), ""]]
    for key, title in (("index_bytes_per_row", "bytes/row"), ("build_seconds", "build, s")):
        lines.append([title, number(a[key]), number(b[key]), f"{a[key] / b[key]:.2f} x"])
    for p, q in zip(a["queries"], b["queries"]):
        lines.append([f"recall@10 : queries/s, ef {p['ef']}", *(f"{x['recall']:.4f} : {number(x['qps'])}" for x in (p, q)),
                      f"{p['qps'] / q['qps']:.2f} x"])
    for level in levels:
        (p, mark_p), (q, mark_q) = speed(a, level), speed(b, level)
        ratio = f"{p / q:.2f} x" if p and q and not mark_p and not mark_q else "-"
        lines.append([f"queries/s at recall {level:g}", f"{mark_p} {number(p)}".strip(), f"{mark_q} {number(q)}".strip(),
                      ratio])
    return markdown(["", a["label"], b["label"], f"{a['label']} : {b['label']}"], lines)


def against_peer(one):
    """Each index against pgvector at the set's target recall, speed and size."""
    found = indexes(one)
    peer = found.get("pgvector")
    target = one["recall_target"]
    if not peer or not speed(peer, target)[0]:
        return
    for name, figures in found.items():
        q, mark = speed(figures, target)
        if name == "pgvector" or not q:
            continue
        ratios = [f"{mark} {speed(figures, target, f)[0] / speed(peer, target, f)[0]:.2f} x".strip() for f in FIGURES]
        size = figures["index_bytes_per_row"] / peer["index_bytes_per_row"]
        yield (f"- {figures['label']}: {ratios[0]} pgvector's queries/s at recall {target:g} ({ratios[1]} per CPU second), "
               f"{size:.3f} of its bytes a row")


# ------------------------------------------------------------------ beaten

def beats(b, a):
    """b is not larger than a, not slower to build, and at every recall that was
    measured of a faster to answer, by the clock and by CPU time.  At a single
    recall it may be slower by NOISE, if it is faster on the whole."""
    if b["index_bytes_per_row"] > a["index_bytes_per_row"] or b["build_seconds"] > a["build_seconds"]:
        return False
    for figure in FIGURES:
        ratios = []
        for level, theirs in points_of(a["queries"], figure):
            ours, _ = speed(b, level, figure)
            ratios.append(ours / theirs if ours else 0)
        if min(ratios) < 1 - NOISE or math.prod(ratios) <= 1:
            return False
    return True


def beaten(sets):
    """(beaten, by whom, on which sets) among omendb's own indexes."""
    found = {name: {k: v for k, v in indexes(one).items() if k != "pgvector"} for name, one in sets.items()}
    names = {k: v["label"] for one in found.values() for k, v in one.items()}
    for a in names:
        for b in names:
            on = [s for s, one in found.items() if a != b and a in one and b in one and beats(one[b], one[a])]
            if on:
                yield names[a], names[b], on


def beaten_text(sets):
    lines = []
    for a, b, on in beaten(sets):
        where = "on every set" if len(on) == len(sets) and len(sets) > 1 else "on " + ", ".join(on)
        lines.append(f"- {a} is beaten by {b} {where}")
    return lines or ["- none"]


# -------------------------------------------------------------------- wide

def wide(result):
    lines = []
    for one in result["wide"].values():
        f = one["omendb"]
        info, p = f["info"], f["queries"][0]
        lines.append([f"{one['rows']:,} x {one['dim']:,}", f"{info['quantizer']} {info['bits']} bits",
                      info["rerank"], "yes" if f["chosen"] else f"no ({number(f['chosen_qps'])} queries/s)", number(f["index_bytes_per_row"]), number(f["build_seconds"]),
                      f"{p['recall']:.4f}" + ("" if p["recall"] >= one["recall_target"] else " (too low)"),
                      number(p["qps"]), number(f["insert_rows_per_second"]), number(f["vacuum_seconds"]),
                      f"{f['queries_after_vacuum'][0]['recall']:.4f}"])
    return markdown(["rows x dimensions", "default", "rerank", "planner takes it", "bytes/row", "build, s", "recall@10 at ef 100", "queries/s",
                     "inserts/s", "vacuum, s", "recall after vacuum"], lines)


# --------------------------------------------------------------------- all

def title(name, one):
    return f"{name}: {one['rows']:,} x {one['dim']}, {one['metric']}"


def report(result):
    out = []
    for name, one in result["sets"].items():
        levels = LEVELS.get(name, (one["recall_target"],))
        out += ["", f"### {title(name, one)}", "", *equal_recall(one, levels), *by_ef(one), *against_peer(one), ""]
        out += side_by_side(one, "pq", "rabitq2", levels)
    if result["sets"]:
        out += ["Beaten by another on size, build and speed at every recall:", "", *beaten_text(result["sets"])]
    if result["wide"]:
        out += ["", "### Wide vectors, default options, cosine", "", *wide(result)]
    return "\n".join(out)


def draw(path, name, result, variants):
    """Writes the file."""
    one = result["sets"][name]
    lines, legend = [], []
    for key, figures in indexes(one).items():
        label, _, colour, dash, shape = variants[key][:5]
        points = [(p["recall"], p["per_cpu_second"], f"{label}: ef {p['ef']}, recall {p['recall']:.4f}, {p['per_cpu_second']:,.0f} queries per CPU second")
                  for p in figures["queries"]]
        legend += legend_entry(16, len(lines), 70, f"{label}: {figures['index_bytes_per_row']:,.0f} bytes a row", colour, dash, shape)
        lines.append({"colour": colour, "dash": dash, "shape": shape, "points": points})
    with open(path, "w", encoding="utf-8") as f:
        f.write(drawing(title(name, one), "queries per second of CPU; up and right is better", lines, legend, len(lines)))
