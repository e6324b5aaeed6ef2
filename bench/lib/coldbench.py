#!/usr/bin/python3
"""
coldbench.py -- the measuring part of bench/cold: each search begins with the pages of the
table and of the index neither in shared buffers nor in the system's page cache.  With
--steady, searches follow one another in a server that has too little memory for them, with
--warm in one that has all pages in shared buffers.
"""
import glob
import json
import os
import sys

from options import ALL_SETS, EXTENSIONS, parser, settings, words


def options():
    p = parser("cold", "searches whose pages are not in memory: omendb beside pgvector", ALL_SETS, seconds=30, rounds=3)
    p.set_defaults(sets="clust128", ef="40")
    p.add_argument("--queries", type=int, default=100, help="searches of each kind (default %(default)s)")
    p.add_argument("--only", choices=list(EXTENSIONS), help="one of the two")
    p.add_argument("--codes", action="store_true", help="also omendb with neighbor_codes = on, by a table and an index of its own")
    p.add_argument("--reuse", action="store_true", help="tables and indexes of an earlier run")
    p.add_argument("--steady", action="store_true",
                   help="also searches without a pause, shared_buffers a quarter of omendb's index, page cache half of it")
    p.add_argument("--warm", action="store_true", help="also searches without a pause, everything in shared buffers")
    a = p.parse_args()
    a.sets = words(p, a.sets, ALL_SETS)
    return a


opt = options()

import numpy as np                                                   # noqa: E402
from bench import Bench, heading, measure_sets, read_set             # noqa: E402
from limit import MemoryLimit                                        # noqa: E402
from server import Server                                            # noqa: E402
from vecs import log                                                 # noqa: E402

# indexes: extension, storage parameters, name, first part of the database's name
INDEXES = {
    "pgvector": ("pgvector", "", None, "cold"),
    "omendb": ("omendb", "", None, "cold"),
    "codes": ("omendb", "neighbor_codes = on", "omendb_codes", "cold_codes"),
}

# kinds of searches: index, settings
KINDS = {
    "pgvector": ("pgvector", ""),
    "omendb": ("omendb", ""),
    "omendb, nothing asked ahead": ("omendb", " -c effective_io_concurrency=0"),
    "omendb, codes": ("codes", ""),
    "omendb, codes, nothing ahead": ("codes", " -c effective_io_concurrency=0"),
}


def wanted_indexes():
    return [i for i, known in INDEXES.items() if opt.only in (None, known[0]) and (opt.codes or i != "codes")]


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
        forget_file(name)


def forget_file(name):
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


def prepare(server, index, data):
    extension, storage, name, database = INDEXES[index]
    bench = Bench(server, extension, data, opt, name=name, storage=storage, database=database)
    bench.load(reuse=opt.reuse)
    bench.sql("CREATE EXTENSION IF NOT EXISTS pg_buffercache")
    if not (opt.reuse and bench.earlier_build()):
        bench.build()
        bench.remember_build()
    bench.check("build")
    bench.size("bytes_per_row")
    bench.sql("CHECKPOINT")
    return bench


def measure(server, name, result):
    data = read_set(name, opt)
    benches = {i: prepare(server, i, data) for i in wanted_indexes()}
    kinds = {kind: (benches[i], setting) for kind, (i, setting) in KINDS.items() if i in benches}
    sizes = {b.name: b.result["bytes_per_row"] for b in benches.values()}
    result["sets"][name] = {"rows": len(data.base), "index_bytes_per_row": sizes, "searches": {}}
    print(f"\n{name}: {len(data.base)} rows, LIMIT 10, {opt.queries} searches of each kind; bytes of an index for each row: "
          + ", ".join(f"{i} {size:.0f}" for i, size in sizes.items()))
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
    if opt.warm:
        warm(server, benches, kinds, result["sets"][name])
    if opt.steady:
        steady(server, benches, kinds, result["sets"][name])


MEGABYTE = 1024 * 1024
PROCESSES = 100 * MEGABYTE      # room for the server's processes beside pages


def run_clients(server, bench, setting, ef, seed):
    """Milliseconds of each search of two clients."""
    logs = server.root + server.home + "/steady"
    for name in glob.glob(logs + ".*"):
        os.remove(name)
    with open(logs + ".sql", "w") as f:
        f.write(bench.script())
    server.run("pgbench", "-n", "-c", "2", "-j", "2", "-M", "prepared", f"--random-seed={seed}", "-T", str(opt.seconds), "-l",
               f"--log-prefix={server.home}/steady.log", "-f", server.home + "/steady.sql", bench.database,
               env={"PGOPTIONS": bench.options(ef) + setting + " -c enable_seqscan=off"})
    spent = []
    for name in glob.glob(logs + ".log.*"):
        with open(name) as f:
            spent += [int(line.split()[2]) / 1000 for line in f]
    return spent


def take_turns(server, name, data, kinds, result):
    """Searches of two clients, each kind in turn."""
    for ef in data.ef:
        spent = {kind: [] for kind in kinds}
        for seed in range(opt.rounds):
            for kind, (bench, setting) in kinds.items():
                spent[kind] += run_clients(server, bench, setting, ef, seed + 1)
        for kind, ms in spent.items():
            rate = len(ms) / (opt.rounds * opt.seconds)
            result.setdefault(name, {}).setdefault(kind, {})[ef] = {
                "queries_per_second": rate, "median": np.median(ms), "p95": np.percentile(ms, 95), "p99": np.percentile(ms, 99)}
            print(f"  ef {ef:4} {kind:28} {rate:7.0f} queries/s, median {np.median(ms):7.2f} ms, p95 {np.percentile(ms, 95):7.2f} ms")
        sys.stdout.flush()


def warm(server, benches, kinds, result):
    """Table and index in shared buffers; what is asked for ahead does not matter then."""
    for bench in benches.values():
        bench.sql("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
        for name in relations(bench)[0]:
            bench.sql(f"SELECT pg_prewarm('{name}')")
    print(f"  warm: everything in shared buffers, two clients, {opt.rounds} runs of {opt.seconds} s")
    take_turns(server, "warm", next(iter(benches.values())).data, {k: v for k, v in kinds.items() if not v[1]}, result)


def steady(server, benches, kinds, result):
    """The server again, with less memory: searches of two clients, by turns."""
    size = int(benches["omendb"].value(f"SELECT pg_relation_size('{benches['omendb'].index}')"))
    buffers, cache = size // 4, size // 2
    files = [f for b in benches.values() for f in relations(b)[1]]
    usual = dict(server.settings)
    server.stop()
    for name in files:
        forget_file(name)
    server.settings["shared_buffers"] = f"{buffers // MEGABYTE}MB"
    with MemoryLimit(buffers + cache + PROCESSES) as limit:
        server.within = limit.words
        server.start()
        print(f"  steady: shared_buffers {buffers // MEGABYTE} MB, page cache about {cache // MEGABYTE} MB, two clients, {opt.rounds} runs of {opt.seconds} s")
        take_turns(server, "steady", benches["omendb"].data, kinds, result)
        server.stop()
        server.within = []
    server.settings.clear()
    server.settings.update(usual)
    server.start()


def main():
    server = Server(opt.root, settings(opt))
    result = measure_sets(opt, server, measure)
    log("JSON in", opt.json)
    print("\n" + heading(opt, server, result))


main()
