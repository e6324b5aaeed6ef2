#!/usr/bin/python3
"""
quantizers.py -- the measuring part of bench/quantizers: several indexes on one
table, which take turns being the one that the planner knows.

The wide sets (--wide) are made here, in memory: they show that any number of
dimensions works, with the default options.
"""
import argparse
import json
import os

from options import SETS, parser, settings, words

# name: label, storage parameters, colour, dash and marker of its line
VARIANTS = {
    "rabitq4_index": ("rabitq 4 bits, rerank = index", "bits = 4, rerank = index", "red", "solid", "diamond"),
    "rabitq8": ("rabitq 8 bits", "bits = 8, rerank = heap", "violet", "solid", "square"),
    "rabitq4": ("rabitq 4 bits", "bits = 4, rerank = heap", "blue", "solid", "circle"),
    "rabitq4_off": ("rabitq 4 bits, rerank = off", "bits = 4, rerank = off", "blue", "dotted", "circle"),
    "rabitq2": ("rabitq 2 bits", "bits = 2, rerank = heap", "green", "solid", "triangle"),
    "rabitq1": ("rabitq 1 bit (binary)", "bits = 1, rerank = heap", "cyan", "solid", "wedge"),
    "pq": ("pq", "quantizer = pq", "amber", "solid", "diamond"),
    "sq8": ("sq8", "quantizer = sq8", "pink", "solid", "square"),
    "none": ("none", "quantizer = none", "brown", "solid", "circle"),
    "pgvector": ("pgvector hnsw", "", "grey", "dashed", "square"),
}
# Other graphs, with default codes: the same, then m and ef_construction.
GRAPHS = {
    "m8": ("m 8", "", "cyan", "solid", "wedge", 8, 64),
    "m12": ("m 12", "", "green", "solid", "triangle", 12, 64),
    "m16": ("m 16", "", "blue", "solid", "circle", 16, 64),
    "m24": ("m 24", "", "violet", "solid", "square", 24, 64),
    "m32": ("m 32", "", "red", "solid", "diamond", 32, 64),
    "ef32": ("ef_construction 32", "", "cyan", "dashed", "wedge", 16, 32),
    "ef128": ("ef_construction 128", "", "violet", "dashed", "square", 16, 128),
    "ef256": ("ef_construction 256", "", "red", "dashed", "diamond", 16, 256),
}
ALL = {**VARIANTS, **GRAPHS}
WIDE = {1536: 20_000, 3072: 20_000, 16_000: 2_000}          # dimensions: rows
EF = {"fashion784": (10, 20, 40, 80, 160), "glove100": (10, 20, 40, 80, 160, 320)}


def options():
    sets = [s for s in SETS if s in EF]
    p = parser("quantizers", "every quantizer of omenhnsw on the same sets", sets, seconds=2, rounds=1)
    p.add_argument("--variants", default=",".join(VARIANTS), help=f"comma-separated; default %(default)s; and other graphs: {','.join(GRAPHS)}")
    p.add_argument("--wide", action="store_true",
                   help="further the default options on 1,536, 3,072 and 16,000 dimensions (alone: --sets none --wide)")
    p.add_argument("--wide-rows", type=int, help="at most so many rows of the wide sets")
    p.add_argument("--reuse", action="store_true", help="keep the tables and indexes of an earlier run")
    a = p.parse_args()
    a.sets = [] if a.sets == "none" else words(p, a.sets, SETS)
    a.variants = words(p, a.variants, ALL)
    return a


opt = options()

from bench import Bench, Data, heading, new_result, query_stage, read_set, vacuum_stage     # noqa: E402
from quantreport import draw, report                                                        # noqa: E402
from server import Server                                                                   # noqa: E402
from vecs import log                                                                        # noqa: E402
from mixture import Mixture                                                                 # noqa: E402


def measure_set(server, name, result):
    data = read_set(name, opt, EF.get(name))
    one = result["sets"][name] = data.head()
    benches, loaded = [], set()
    for variant in opt.variants:
        extension = "pgvector" if variant == "pgvector" else "omendb"
        label, storage, *_ = ALL[variant]
        own = argparse.Namespace(**vars(opt))
        if variant in GRAPHS:
            own.m, own.ef_construction = GRAPHS[variant][5:]
        b = Bench(server, extension, data, own, variant, storage, database="quantizers")
        b.session = "-c enable_seqscan=off"
        b.result["label"] = label
        one[variant] = b.result
        benches.append(b)
        if extension not in loaded:
            b.load(opt.reuse)
            loaded.add(extension)
        if not (opt.reuse and b.earlier_build()):
            b.build()
            b.check("build")
            b.info()
            b.size("index_bytes_per_row")
            b.remember_build()
    query_stage(benches, data, opt)


def measure_wide(server, dim, result):
    rows = min(WIDE[dim], opt.wide_rows or WIDE[dim])
    mixture = Mixture(dim, dim, centres=200, norm=1)
    base, query, insert = mixture.draw(rows, 2), mixture.draw(500, 3), mixture.draw(200, 4)
    log(f"{rows} x {dim} drawn")
    data = Data(f"wide{dim}", "cos", .98, (100,), base, query, insert)
    one = result["wide"][data.name] = data.head()
    b = Bench(server, "omendb", data, opt, database="quantizers")
    one["omendb"] = b.result
    b.load()
    b.build()
    b.check("build")
    b.info()
    b.size("index_bytes_per_row")
    text, b.result["chosen"] = b.plan(100)
    if not b.result["chosen"]:
        log("the planner does not choose the index; measured without sequential scans:\n" + text)
        b.warm()
        b.result["chosen_qps"] = b.qps(100, seed=1)[0]
        b.session = "-c enable_seqscan=off"
    query_stage([b], data, opt)
    b.insert()
    vacuum_stage([b], data, inserted=True)
    b.sql(f"DROP TABLE {b.t}, {b.t}_q, {b.t}_i")


def main():
    server = Server(opt.root, settings(opt))
    result = new_result(opt, server)
    result["wide"] = {}
    server.start()
    try:
        result["server"] = server.value("postgres", "SELECT version()")
        for name in opt.sets:
            measure_set(server, name, result)
        for dim in WIDE if opt.wide else ():
            measure_wide(server, dim, result)
    finally:
        server.stop()
        with open(opt.json, "w") as f:
            json.dump(result, f, indent=1)
    print("\n" + heading(opt, server, result))
    print(report(result))
    print(f"\nquantizers: done; the figures are in {os.path.abspath(opt.json)}")
    for name in opt.sets:
        path = os.path.join(os.path.dirname(os.path.abspath(opt.json)), f"quantizers-{name}.svg")
        draw(path, name, result, ALL)
        print("drawing:", path)


main()
