#!/usr/bin/python3
"""
measure.py -- the measuring part of bench/compare (which prepares the folder and
the sets, and passes its options on to here): per set, both extensions are built,
queried, inserted into and vacuumed, in this order.
"""
import os

from options import EXTENSIONS, SETS, parser, settings, words

STAGES = ("build", "query", "insert", "vacuum")


def options():
    p = parser("compare", "omendb against pgvector in one PostgreSQL 18 server", SETS, seconds=3, rounds=3)
    p.add_argument("--stages", default=",".join(STAGES), help="comma-separated; default %(default)s")
    p.add_argument("--only", choices=EXTENSIONS, help="measure one extension only")
    p.add_argument("--reuse", action="store_true",
                   help="keep tables, and without the stage build also indexes, that an earlier run left unchanged")
    p.add_argument("--no-peer-vacuum", default="", metavar="SETS",
                   help="sets on which pgvector's vacuum is left out (it takes 10 minutes on clust128)")
    p.add_argument("--with", dest="with_", default="", metavar="OPTIONS",
                   help="further storage parameters of omendb's index, such as 'bits = 2'")
    a = p.parse_args()
    a.sets, a.stages = words(p, a.sets, SETS), words(p, a.stages, STAGES)
    return a


opt = options()

from bench import Bench, heading, measure_sets, query_stage, read_set, vacuum_stage     # noqa: E402
from compareplot import draw                                                           # noqa: E402
from page import write_page                                                         # noqa: E402
from report import table                                                              # noqa: E402
from server import Server                                                             # noqa: E402


def measure_set(server, name, result):
    data = read_set(name, opt)
    names = [opt.only] if opt.only else list(EXTENSIONS)
    benches = [Bench(server, n, data, opt, storage=opt.with_ if n == "omendb" else "") for n in names]
    one = result["sets"][name] = data.head()
    for b in benches:
        one[b.name] = b.result
        b.load(opt.reuse)
        if "build" in opt.stages or b.value(f"SELECT to_regclass('{b.index}') IS NULL") == "t":
            b.build()
            b.check("build")
        b.size("index_bytes_per_row")
    if "query" in opt.stages:
        query_stage(benches, data, opt)
    if "insert" in opt.stages:
        for b in benches:
            b.insert()
    if "vacuum" in opt.stages:
        skip = opt.no_peer_vacuum.split(",")
        vacuum_stage([b for b in benches if b.name != "pgvector" or name not in skip], data,
                     inserted="insert" in opt.stages)


def main():
    server = Server(opt.root, settings(opt))
    result = measure_sets(opt, server, measure_set)
    print("\n" + heading(opt, server, result))
    print(table(result))
    name = os.path.splitext(os.path.abspath(opt.json))[0]
    drawing = name + ".svg"
    write_page(result, name + ".html")
    drawn = f", drawn in {drawing}" if draw(result, drawing) else ""
    print(f"\ncompare: done; the figures are in {os.path.abspath(opt.json)}{drawn}; all on one page: {name}.html")


main()
