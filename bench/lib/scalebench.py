#!/usr/bin/python3
"""
scalebench.py -- the measuring part of bench/scale: the same data at several sizes, with the index in shared buffers, in the page
cache and on disk, with one client and several; inserts beside searches; how all of it grows.
"""
import glob
import json
import os
import re
import sys
import threading
import time

from options import METRICS, SETS, parser, settings

STAGES = ("build", "query", "insert", "cold")


def numbers(text):
    return [int(float(x)) for x in text.split(",")]


def options():
    p = parser("scale", "how figures grow with the number of rows", ["lowdim"], seconds=3, rounds=1)
    p.add_argument("--sizes", type=numbers, default=[10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000],
                   help="comma-separated; default 10,000 to 10,000,000")
    p.add_argument("--dim", type=int, default=96)
    p.add_argument("--clients", type=numbers, default=[1, 2, 4, 8], help="comma-separated; default 1,2,4,8")
    p.add_argument("--stages", default=",".join(STAGES), help="comma-separated; default %(default)s")
    p.add_argument("--queries", type=int, default=400, help="whose recall and comparisons are taken (default %(default)s)")
    p.add_argument("--cold-queries", type=int, default=30, help="searches with cold caches (default %(default)s)")
    p.add_argument("--small-buffers", type=int, default=32, metavar="MB", help="shared_buffers of the page cache's figures (default %(default)s)")
    p.add_argument("--append", action="store_true", help="keep the figures of other sizes that an earlier run has left in the file")
    p.add_argument("--pg-config", help="a PostgreSQL of this machine that has omendb, instead of the folder's")
    p.set_defaults(ef="10,20,40,80,160", inserts=20_000)
    a = p.parse_args()
    a.stages = a.stages.split(",")
    a.sets = [f"{a.dim}x{n}" for n in a.sizes]
    return a


opt = options()
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sets"))

import numpy as np                                                   # noqa: E402
import lowdim                                                        # noqa: E402
import scalereport                                                   # noqa: E402
from bench import Bench, Data, heading, measure_sets                 # noqa: E402
from server import OwnServer, Server                                 # noqa: E402
from session import Session                                          # noqa: E402
from vecs import log                                                 # noqa: E402

SETS["lowdim"] = ("l2", .95, tuple(numbers(opt.ef)))
FIGURES = "SELECT sum(codes_compared), sum(hops), sum(reranked_from_heap) FROM omendb_stat_counters()"


def read(rows):
    metric, target, ef = SETS["lowdim"]
    query, insert = lowdim.others(opt.dim, opt.queries, opt.inserts)
    base = lowdim.base(os.path.join(opt.sets_folder, "lowdim"), rows, opt.dim)
    return Data(f"low{opt.dim}_{rows}", metric, target, ef, base, query, insert)


# ------------------------------------------------------------------ searches

def comparisons(bench, ef):
    """Of one search: codes compared, hops, rows read; milliseconds of the backend's CPU."""
    session = Session(bench.server.root + bench.server.home, bench.database, bench.options(ef) + " -c enable_seqscan=off")
    text = (f"SELECT count(r.id) FROM {bench.t}_q q CROSS JOIN LATERAL (SELECT id FROM {bench.t} "
            f"ORDER BY embedding {METRICS[bench.data.metric][1]} q.embedding LIMIT 10) r")
    session.sql(text)
    before, cpu = [float(x or 0) for x in session.sql(FIGURES)[0]], session.cpu()
    session.sql(text)
    cpu = session.cpu() - cpu
    after = [float(x) for x in session.sql(FIGURES)[0]]
    session.close()
    n = len(bench.data.query)
    return dict(zip(("compared", "hops", "rows_read"), ((b - a) / n for a, b in zip(before, after))), cpu_ms=1000 * cpu / n)


def percentiles(ms):
    return {f"p{p}": float(np.percentile(ms, p)) for p in (50, 95, 99)}


def pgbench(bench, ef, clients, seconds, script, name, variables=()):
    """Transactions a second, and percentiles of their milliseconds."""
    server = bench.server
    prefix = f"{server.home}/{name}"
    with open(f"{server.root}{prefix}.sql", "w") as f:
        f.write(script)
    out, _ = server.run("pgbench", "-n", "-c", str(clients), "-j", str(min(clients, os.cpu_count())), "-M", "prepared", "-T", str(seconds),
                        "-l", f"--log-prefix={prefix}.log", *variables, "-f", f"{prefix}.sql", bench.database, env={"PGOPTIONS": bench.options(ef)})
    if re.search(r"number of failed transactions: [1-9]", out):
        raise SystemExit("scale: transactions failed:\n" + out)
    logs = glob.glob(f"{server.root}{prefix}.log.*")
    ms = np.concatenate([np.loadtxt(x, usecols=2, ndmin=1) for x in logs]) / 1000
    for x in logs:
        os.remove(x)
    return {"per_second": float(re.search(r"tps = ([0-9.]+)", out).group(1)), **percentiles(ms)}


def searches(bench, state, result):
    ef = bench.data.ef[0]
    for clients in opt.clients:
        one = pgbench(bench, ef, clients, opt.seconds, bench.script(), "search")
        result["searches"].append({"state": state, "clients": clients, "ef": ef, **one})
        log(f"{bench.t}, {state}, {clients} clients: {one['per_second']:,.0f}/s, p50 {one['p50']:.2f} ms, p95 {one['p95']:.2f}, p99 {one['p99']:.2f}")


def insert_beside(bench, result):
    """One client inserts rows without a pause, while two search."""
    inserting = {}
    script = f"\\set i :i + 1\nINSERT INTO {bench.t} SELECT id, embedding FROM {bench.t}_i WHERE id = :i;\n"
    first = ("-D", f"i={len(bench.data.base) - 1}")
    thread = threading.Thread(target=lambda: inserting.update(pgbench(bench, None, 1, opt.seconds, script, "insert", first)))
    thread.start()
    beside = pgbench(bench, bench.data.ef[0], 2, opt.seconds, bench.script(), "beside")
    thread.join()
    result["insert_beside_searches"] = {"inserts": inserting, "searches": beside}
    bench.changed()
    log(f"{bench.t}: {inserting['per_second']:,.0f} inserts/s beside {beside['per_second']:,.0f} searches/s of two clients")


# -------------------------------------------------------------------- caches

def files(bench):
    """Of the table, its TOAST table and its index."""
    paths = bench.sql(f"SELECT pg_relation_filepath(c) FROM pg_class r, unnest(ARRAY[r.oid, nullif(reltoastrelid, 0), '{bench.index}'::regclass]) c "
                      f"WHERE r.oid = '{bench.t}'::regclass AND c IS NOT NULL")
    return [x for path in paths for x in glob.glob(f"{bench.server.root}{bench.server.data}/{path[0]}*")]


def advise(names, advice):
    for name in names:
        file = os.open(name, os.O_RDONLY)
        os.posix_fadvise(file, 0, 0, advice)
        os.close(file)


def fill_page_cache(bench):
    for name in files(bench):
        with open(name, "rb", buffering=0) as f:
            while f.read(1 << 24):
                pass


def cold(bench, result):
    """Each search by a session that has searched before, with its pages neither in shared buffers nor in the page cache."""
    bench.sql("CREATE EXTENSION IF NOT EXISTS pg_prewarm; DROP TABLE IF EXISTS filler; CREATE TABLE filler (x text);"
              "ALTER TABLE filler ALTER x SET STORAGE PLAIN;"
              f"INSERT INTO filler SELECT repeat('x', 7000) FROM generate_series(1, {opt.small_buffers * 160}) i; CHECKPOINT")
    ef, names, ms, pages = bench.data.ef[0], files(bench), [], []
    session = Session(bench.server.root + bench.server.home, bench.database, bench.options(ef) + " -c enable_seqscan=off")
    for query in bench.data.query[:opt.cold_queries + 1]:
        # another table takes all of the shared buffers
        session.sql("SELECT pg_prewarm('filler')")
        advise(names, os.POSIX_FADV_DONTNEED)
        vector = "[" + ",".join(f"{x:g}" for x in query) + "]"
        plan = json.loads("\n".join(r[0] for r in session.sql(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT id FROM {bench.t} ORDER BY embedding {bench.operator} '{vector}' LIMIT 10")))[0]
        ms.append(plan["Execution Time"])
        pages.append(plan["Plan"]["Shared Read Blocks"])
    session.close()
    bench.sql("DROP TABLE filler")
    result["cold"] = {**percentiles(ms[1:]), "pages": float(np.median(pages[1:]))}
    log(f"{bench.t}, cold: p50 {result['cold']['p50']:.1f} ms, p95 {result['cold']['p95']:.1f} ms, {result['cold']['pages']:.0f} pages")


# ----------------------------------------------------------------------- main

def measure(server, name, result):
    dim, rows = (int(x) for x in name.split("x"))
    if opt.append and os.path.exists(opt.json) and not result["sets"]:
        with open(opt.json) as f:
            result["sets"].update(json.load(f)["sets"])
    server.restart(shared_buffers=f"{settings(opt)['shared_buffers']}")
    data = read(rows)
    bench = Bench(server, "omendb", data, opt, database="scale")
    one = result["sets"][name] = {**result["sets"].get(name, {}), **data.head(), "searches": []}
    bench.load(reuse=True)
    if "build" in opt.stages or bench.value(f"SELECT to_regclass('{bench.index}') IS NULL") == "t":
        server.wait_for_backends()
        cpu = server.children_cpu()
        bench.build()
        server.wait_for_backends()
        bench.result["build_cpu_seconds"] = server.children_cpu() - cpu
        bench.check("build")
    bench.size("index_bytes_per_row")
    one.update(bench.result, table_bytes_per_row=int(bench.value(f"SELECT pg_table_size('{bench.t}')")) / rows)
    if "query" in opt.stages:
        bench.warm()
        one["recall"] = [{"ef": ef, "recall": bench.recall(ef, data.base, data.truth), **comparisons(bench, ef)} for ef in data.ef]
        for r in one["recall"]:
            log(f"{bench.t} ef {r['ef']}: recall {r['recall']:.4f}, {r['compared']:,.0f} codes compared, {r['cpu_ms']:.3f} ms of CPU")
        searches(bench, "shared buffers", one)
        server.restart(shared_buffers=f"{opt.small_buffers}MB")
        fill_page_cache(bench)
        searches(bench, "page cache", one)
    if "cold" in opt.stages:
        server.restart(shared_buffers=f"{opt.small_buffers}MB")
        cold(bench, one)
    if "insert" in opt.stages:
        server.restart(shared_buffers=f"{settings(opt)['shared_buffers']}")
        bench.warm()
        insert_beside(bench, one)
        bench.check("insert")
    bench.sql(f"DROP TABLE {bench.t}, {bench.t}_q, {bench.t}_i")


def main():
    server = OwnServer(opt.pg_config, settings(opt)) if opt.pg_config else Server(opt.root, settings(opt))
    start = time.time()
    result = measure_sets(opt, server, measure)
    log(f"{time.time() - start:.0f} s; JSON in", opt.json)
    print("\n" + heading(opt, server, result))
    scalereport.write(result, os.path.splitext(os.path.abspath(opt.json))[0])


main()
