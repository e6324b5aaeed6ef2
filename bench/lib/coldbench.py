#!/usr/bin/python3
"""
coldbench.py -- the measuring part of bench/cold: each search begins with the pages of the
table and of the index neither in shared buffers nor in the system's page cache.
"""
import glob
import json
import os
import sys

from options import EXTENSIONS, SETS, parser, settings, words


def options():
    p = parser("cold", "searches whose pages are not in memory: omendb beside pgvector", SETS, seconds=0, rounds=1)
    p.set_defaults(sets="clust128", ef="40")
    p.add_argument("--queries", type=int, default=100, help="searches of each kind (default %(default)s)")
    p.add_argument("--only", choices=list(EXTENSIONS), help="one of the two")
    p.add_argument("--reuse", action="store_true", help="tables and indexes of an earlier run")
    a = p.parse_args()
    a.sets = words(p, a.sets, SETS)
    return a


opt = options()

import numpy as np                                                   # noqa: E402
from bench import Bench, heading, measure_sets, read_set             # noqa: E402
from server import Server                                            # noqa: E402
from vecs import log                                                 # noqa: E402

# kinds of searches: extension, settings
KINDS = {
    "pgvector": ("pgvector", ""),
    "omendb": ("omendb", ""),
    "omendb, nothing asked ahead": ("omendb", " -c effective_io_concurrency=0"),
}


def relations(bench):
    """Table, its TOAST table and its index: names, and their files."""
    names = [r[0] for r in bench.sql(
        f"SELECT unnest(ARRAY['{bench.t}'::regclass, nullif(reltoastrelid, 0)::regclass, '{bench.index}'::regclass]) "
        f"FROM pg_class WHERE oid = '{bench.t}'::regclass") if r[0]]
    files = []
    for name in names:
        path = bench.value(f"SELECT pg_relation_filepath('{name}')")
        files += glob.glob(f"{bench.server.root}{bench.server.data}/{path}*")
    return names, files


def forget(bench, names, files):
    bench.sql("".join(f"SELECT pg_buffercache_evict_relation('{name}');" for name in names))
    for name in files:
        file = os.open(name, os.O_RDONLY)
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)


def search(bench, setting, ef, query):
    """Milliseconds, and pages read, of one search; its plan must use the index."""
    vector = "[" + ",".join(f"{x:g}" for x in query) + "]"
    plan = json.loads("\n".join(r[0] for r in bench.server.sql(
        bench.database, f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT id FROM {bench.t} ORDER BY embedding {bench.operator} '{vector}' LIMIT 10",
        bench.options(ef) + setting + " -c enable_seqscan=off")))[0]
    if bench.index not in json.dumps(plan):
        raise SystemExit(f"coldbench: {bench.name} does not use its index")
    return plan["Execution Time"], plan["Plan"]["Shared Read Blocks"]


def prepare(server, extension, data):
    bench = Bench(server, extension, data, opt, database="cold")
    bench.load(reuse=opt.reuse)
    bench.sql("CREATE EXTENSION IF NOT EXISTS pg_buffercache")
    if not (opt.reuse and bench.earlier_build()):
        bench.build()
        bench.remember_build()
    bench.check("build")
    bench.sql("CHECKPOINT")
    return bench


def measure(server, name, result):
    data = read_set(name, opt)
    benches = {e: prepare(server, e, data) for e in EXTENSIONS if opt.only in (None, e)}
    kinds = {kind: (benches[e], setting) for kind, (e, setting) in KINDS.items() if e in benches}
    result["sets"][name] = {"rows": len(data.base), "searches": {}}
    print(f"\n{name}: {len(data.base)} rows, LIMIT 10, {opt.queries} searches of each kind")
    for ef in data.ef:
        spent = {kind: [] for kind in kinds}
        for query in data.query[:opt.queries]:
            for kind, (bench, setting) in kinds.items():
                forget(bench, *relations(bench))
                spent[kind].append(search(bench, setting, ef, query))
        for kind, values in spent.items():
            ms, pages = np.array(values).T
            result["sets"][name]["searches"].setdefault(kind, {})[ef] = {"ms": list(ms), "pages": list(pages)}
            print(f"  ef {ef:4} {kind:28} median {np.median(ms):7.1f} ms, p95 {np.percentile(ms, 95):7.1f} ms, {np.median(pages):.0f} pages")
        sys.stdout.flush()


def main():
    server = Server(opt.root, settings(opt))
    result = measure_sets(opt, server, measure)
    log("JSON in", opt.json)
    print("\n" + heading(opt, server, result))


main()
