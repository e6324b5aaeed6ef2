#!/usr/bin/python3
"""
rowsbench.py -- the measuring part of bench/rows: both extensions on the first rows of a set, for each number of rows: build, size,
and queries.
"""
import argparse
import json
import os

from options import EXTENSIONS, SETS, parser, settings

SIZES = "10000,30000,100000,300000,1000000"


def options():
    p = parser("rows", "build time, size and queries against the number of rows", ("clust128",), seconds=2, rounds=2)
    p.add_argument("--sizes", default=SIZES, help="numbers of rows; more than a set has: all of them (default %(default)s)")
    p.add_argument("--add", action="store_true", help="keep what earlier runs measured at other numbers of rows")
    p.add_argument("--queries", type=int, default=500, help="(default %(default)s)")
    a = p.parse_args()
    if a.sets not in SETS:
        raise argparse.ArgumentTypeError(f"one set at a time: {', '.join(SETS)}")
    a.name, a.sets, a.inserts = a.sets, [int(n) for n in a.sizes.split(",")], 0
    return a


opt = options()

from bench import Bench, heading, measure_sets, query_stage, read_set   # noqa: E402
from page import write_page                                              # noqa: E402
from rowsplot import draw, table                                        # noqa: E402
from server import Server                                               # noqa: E402


def measure_size(server, rows, result):
    opt.rows = rows
    data = read_set(opt.name, opt)
    if len(data.base) < rows and str(len(data.base)) in result["sets"]:
        return
    data.query, data.truth = data.query[:opt.queries], data.truth[:opt.queries]
    one = result["sets"][str(len(data.base))] = {**data.head(), "set": opt.name}
    benches = [Bench(server, n, data, opt, database="rows") for n in EXTENSIONS]
    for b in benches:
        one[b.name] = b.result
        b.load()
        b.build()
        b.check("build")
        b.size("index_bytes_per_row")
    query_stage(benches, data, opt)


def earlier():
    """What an earlier run measured of this set."""
    if not (opt.add and os.path.exists(opt.json)):
        return {}
    with open(opt.json, encoding="utf-8") as f:
        return {rows: one for rows, one in json.load(f)["sets"].items() if one["set"] == opt.name}


def main():
    server = Server(opt.root, settings(opt))
    before = earlier()
    result = measure_sets(opt, server, measure_size)
    result["sets"] = dict(sorted({**before, **result["sets"]}.items(), key=lambda kv: int(kv[0])))
    with open(opt.json, "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1)
    print("\n" + heading(opt, server, result))
    print(table(result))
    name = os.path.splitext(os.path.abspath(opt.json))[0]
    draw(result, name + ".svg")
    write_page(result, name + ".html")
    print(f"\nrows: done; the figures are in {os.path.abspath(opt.json)}, drawn in {name}.svg; all on one page: {name}.html")


main()
