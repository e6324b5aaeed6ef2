#!/usr/bin/python3
"""
plot.py FOLDER JSON... -- the figures of several runs of bench/compare (omendb,
one set of storage parameters each) side by side: a table a set on standard
output, and FOLDER/quantizers-SET.svg, queries/s against recall.
"""
import json
import math
import sys

COLOURS = ("#1b6ca8", "#d1495b", "#2a9d3c", "#8e5ea2", "#e08e0b", "#444444", "#00a0a0", "#a0522d")
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 760, 480, 70, 40, 190, 50


def read(files):
    """{set: [(name, result)]}, in the order of the files."""
    sets = {}
    for file in files:
        with open(file) as f:
            run = json.load(f)
        name = run["options"]["with_"].replace("quantizer = ", "").replace(", bits = ", " ")
        for set_name, one in run["sets"].items():
            sets.setdefault(set_name, []).append((name, one["omendb"]))
    return sets


def table(set_name, runs):
    efs = [p["ef"] for p in runs[0][1]["queries"]]
    lines = [f"| {set_name} | bytes/row | build s | " + " | ".join(f"ef {ef}" for ef in efs) + " |",
             "|---|---|---|" + "---|" * len(efs)]
    for name, r in runs:
        points = " | ".join(f"{p['recall']:.4f}, {p['qps']:,.0f}/s" for p in r["queries"])
        lines.append(f"| {name} | {r['index_bytes_per_row']:,.0f} | {r['build_seconds']:.1f} | {points} |")
    return "\n".join(lines)


def beaten(runs):
    """Pairs (worse, better): no smaller, no faster to build, and below everywhere the two recalls meet."""
    pairs = []
    for worse, w in runs:
        for better, b in runs:
            if worse == better or b["index_bytes_per_row"] > w["index_bytes_per_row"] or \
                    b["build_seconds"] > w["build_seconds"]:
                continue
            if all(any(p["recall"] >= q["recall"] and p["qps"] >= q["qps"] for p in b["queries"]) for q in w["queries"]):
                pairs.append((worse, better))
    return pairs


def scale_x(recall):
    """Logarithmic in what is missed: .9, .99 and .999 are at equal distances."""
    return -math.log10(max(1 - recall, 2e-4))


def svg(set_name, runs):
    points = [p for _, r in runs for p in r["queries"]]
    x0, x1 = min(scale_x(p["recall"]) for p in points), max(scale_x(p["recall"]) for p in points)
    y0, y1 = (math.log10(f(p["qps"] for p in points)) for f in (min, max))
    x1, y1 = max(x1, x0 + .1), max(y1, y0 + .1)

    def x(recall):
        return LEFT + (scale_x(recall) - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT)

    def y(qps):
        return HEIGHT - BOTTOM - (math.log10(qps) - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           f'<text x="{LEFT}" y="22" font-size="15">{set_name}: queries/s against recall@10</text>']
    for recall in (.5, .7, .8, .9, .95, .98, .99, .995, .998, .999):
        if x0 <= scale_x(recall) <= x1:
            out.append(f'<line x1="{x(recall):.1f}" x2="{x(recall):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>'
                       f'<text x="{x(recall):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{recall:g}</text>')
    for qps in (a * 10 ** e for e in range(1, 6) for a in (1, 2, 5)):
        if y0 <= math.log10(qps) <= y1:
            out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(qps):.1f}" y2="{y(qps):.1f}" stroke="#ddd"/>'
                       f'<text x="{LEFT - 8}" y="{y(qps) + 4:.1f}" text-anchor="end">{qps:,}</text>')
    for i, (name, r) in enumerate(runs):
        colour = COLOURS[i % len(COLOURS)]
        line = " ".join(f"{x(p['recall']):.1f},{y(p['qps']):.1f}" for p in r["queries"])
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x(p["recall"]):.1f}" cy="{y(p["qps"]):.1f}" r="3" fill="{colour}"/>' for p in r["queries"]]
        out.append(f'<text x="{WIDTH - RIGHT + 12}" y="{TOP + 18 * i + 12}" fill="{colour}">'
                   f'{name}, {r["index_bytes_per_row"]:,.0f} B/row</text>')
    return "\n".join(out + ["</svg>", ""])


def main():
    folder, files = sys.argv[1], sys.argv[2:]
    for set_name, runs in read(files).items():
        print("\n" + table(set_name, runs))
        for worse, better in beaten(runs):
            print(f"{worse} is beaten by {better} on size, build and speed")
        with open(f"{folder}/quantizers-{set_name}.svg", "w") as f:
            f.write(svg(set_name, runs))
        print(f"plot: {folder}/quantizers-{set_name}.svg")


main()
