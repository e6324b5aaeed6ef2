#!/usr/bin/python3
"""
maxsimbench.py -- the measuring part of bench/maxsim: an index of vector[], its recall against
the exact answer at several ef_search values, and CPU time and elapsed time of a query by
the index and by a sequential scan, taken by turns in one session.
"""
import json
import os
import statistics
import subprocess
import sys
import time

from options import parser, settings


def options():
    p = parser("maxsim", "several vectors for a row: an index beside a sequential scan", ["tokens"], seconds=0, rounds=1)
    p.set_defaults(rows=20_000)
    p.add_argument("--vectors", type=int, default=32, help="of a row (default %(default)s)")
    p.add_argument("--dim", type=int, default=128)
    p.add_argument("--queries", type=int, default=100, help="of 16 to 32 vectors (default %(default)s)")
    p.add_argument("--scans", type=int, default=5, help="queries that are answered by sequential scans, too (default %(default)s)")
    p.add_argument("--with", dest="with_", default="", metavar="OPTIONS", help="storage parameters besides m and ef_construction")
    p.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the session")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--check", action="store_true", help="omendb_index_check(), every element of every row")
    p.add_argument("--pg-config", help="a PostgreSQL of this machine that has omendb, instead of the folder's")
    return p.parse_args()


opt = options()
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sets"))

import numpy as np                                                   # noqa: E402
import tokens                                                        # noqa: E402
from bench import heading, new_result                                # noqa: E402
from server import OwnServer, Server                                 # noqa: E402
from session import Session                                          # noqa: E402
from vecs import log                                                 # noqa: E402

EF = (10, 20, 40, 80)
K = 10
DATABASE = "maxsim"


def load(server, documents):
    server.sql("postgres", f"DROP DATABASE IF EXISTS {DATABASE}")
    server.sql("postgres", f"CREATE DATABASE {DATABASE}")
    server.sql(DATABASE, f"CREATE EXTENSION omendb; CREATE TABLE docs (id int, v vector({opt.dim})[]);"
                         "ALTER TABLE docs ALTER v SET STORAGE EXTERNAL")
    element = int(server.value(DATABASE, "SELECT 'vector'::regtype::oid::bigint"))
    copy = subprocess.Popen(server.command("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", DATABASE,
                                           "-c", "COPY docs FROM STDIN (FORMAT binary)"), stdin=subprocess.PIPE)
    for part in tokens.copy_binary(documents, element):
        copy.stdin.write(part)
    copy.stdin.close()
    if copy.wait() != 0:
        raise SystemExit("maxsim: COPY failed")
    server.sql(DATABASE, "VACUUM ANALYZE docs")


def build(server, result):
    server.sql(DATABASE, f"ALTER TABLE docs SET (parallel_workers = {opt.workers}); CHECKPOINT")
    server.wait_for_backends()
    cpu, start = server.children_cpu(), time.time()
    more = ", " + opt.with_ if opt.with_ else ""
    server.sql(DATABASE, "CREATE INDEX docs_v ON docs USING omenhnsw (v vector_maxsim_ops) "
                         f"WITH (m = {opt.m}, ef_construction = {opt.ef_construction}{more})")
    seconds = time.time() - start
    server.wait_for_backends()
    result.update(build_seconds=seconds, build_cpu_seconds=server.children_cpu() - cpu,
                  index_bytes=int(server.value(DATABASE, "SELECT pg_relation_size('docs_v')")),
                  table_bytes=int(server.value(DATABASE, "SELECT pg_table_size('docs')")))
    if opt.check:
        f = server.sql(DATABASE, "SELECT nodes, tids, unreachable, heap_rows FROM omendb_index_check('docs_v', true)")[0]
        result["check"] = dict(zip(("nodes", "tids", "unreachable", "heap_rows"), map(int, f)))


class Queries:
    """One session of the server, and what a query costs it."""

    def __init__(self, server, queries):
        self.s = Session(server.root + server.home, DATABASE, " ".join(f"-c {x}" for x in opt.set))
        self.s.sql("SET jit = off")
        self.s.sql("SET max_parallel_workers_per_gather = 0")
        self.texts = [f"SELECT id FROM docs ORDER BY v @# '{tokens.literal(q)}'::vector({opt.dim})[] LIMIT {K}" for q in queries]

    def cpu(self):
        with open(f"/proc/{self.s.pid}/schedstat") as f:
            return int(f.read().split()[0]) / 1e9

    def run(self, i, index):
        """ids, CPU seconds and elapsed seconds; parsing the query vectors is part of none."""
        self.s.sql(f"SET enable_indexscan = {'on' if index else 'off'}")
        self.s.sql(f"SET enable_seqscan = {'off' if index else 'on'}")
        self.s.sql("PREPARE q AS " + self.texts[i])
        plan = "\n".join(r[0] for r in self.s.sql("EXPLAIN EXECUTE q"))
        if ("Index Scan" in plan) != index:
            raise SystemExit("maxsim: not the plan that was wanted:\n" + plan)
        cpu, start = self.cpu(), time.time()
        ids = [int(r[0]) for r in self.s.sql("EXECUTE q")]
        elapsed, cpu = time.time() - start, self.cpu() - cpu
        self.s.sql("DEALLOCATE q")
        return ids, cpu, elapsed


def hits_of(documents, query, ids, values):
    """How many of the rows are as good as the last of the exact answer."""
    own = [(documents[d] @ query.T).max(0).sum(dtype=np.float64) for d in ids]
    return sum(x >= values[-1] - 1e-4 for x in own)


def measure(server, documents, queries, result):
    log("exact answers of", len(queries), "queries")
    truth = [tokens.exact(documents, q, K) for q in queries]
    q = Queries(server, queries)
    plans = q.s.sql("EXPLAIN " + q.texts[0])
    log("plan without a hint:", plans[0][0], "/", plans[1][0] if len(plans) > 1 else "")
    for i in range(2):
        q.run(i, False)
    scans = [q.run(i, False) for i in range(min(opt.scans, len(queries)))]
    for i, (ids, _, _) in enumerate(scans):
        if hits_of(documents, queries[i], ids, truth[i][1]) < K:
            raise SystemExit("maxsim: the sequential scan does not give the exact answer")
    result["scan"] = {"cpu": statistics.median(s[1] for s in scans), "elapsed": statistics.median(s[2] for s in scans)}
    for ef in [int(x) for x in opt.ef.split(",")] if opt.ef else EF:
        q.s.sql(f"SET omenhnsw.ef_search = {ef}")
        q.run(0, True)
        hits, cpus, times = 0, [], []
        for i, (_, values) in enumerate(truth):
            ids, cpu, elapsed = q.run(i, True)
            cpus.append(cpu)
            times.append(elapsed)
            hits += hits_of(documents, queries[i], ids, values)
        result["by_ef"][ef] = {"recall": hits / K / len(truth), "cpu": statistics.mean(cpus), "elapsed": statistics.median(times),
                               "times_cpu": result["scan"]["cpu"] / statistics.mean(cpus)}
        print(f"  ef {ef:4} recall {result['by_ef'][ef]['recall']:.4f}  {1000 * statistics.mean(cpus):7.2f} ms of CPU a query, "
              f"{1000 * statistics.median(times):7.2f} ms elapsed: {result['by_ef'][ef]['times_cpu']:.1f} times a sequential scan", flush=True)
    q.s.close()


def main():
    made = tokens.Tokens(opt.seed, opt.dim)
    documents = made.documents(opt.rows, opt.vectors, 1)
    queries, _ = made.queries(documents, opt.queries, 2)
    server = OwnServer(opt.pg_config, settings(opt)) if opt.pg_config else Server(opt.root, settings(opt))
    result = new_result(opt, server)
    figures = result["sets"]["tokens"] = {"by_ef": {}, "load_average": os.getloadavg()}
    server.start()
    try:
        result["server"] = server.value("postgres", "SELECT version()")
        load(server, documents)
        log("building")
        build(server, figures)
        print(f"{opt.rows} rows of {opt.vectors} vectors, {opt.dim} dimensions; {len(queries)} queries of 16 to 32 vectors, the {K} best\n"
              f"  build {figures['build_seconds']:.1f} s, {figures['build_cpu_seconds']:.1f} CPU s; index "
              f"{figures['index_bytes'] / opt.rows / opt.vectors:.0f} bytes a vector, {figures['index_bytes'] / 1e6:.0f} MB, "
              f"table {figures['table_bytes'] / 1e6:.0f} MB", figures.get("check", ""), flush=True)
        measure(server, documents, queries, figures)
        scan = figures["scan"]
        print(f"  sequential scan {1000 * scan['cpu']:.1f} ms of CPU, {1000 * scan['elapsed']:.1f} ms elapsed; "
              f"load average {os.getloadavg()[0]:.1f}")
        os.makedirs(os.path.dirname(os.path.abspath(opt.json)), exist_ok=True)
        with open(opt.json, "w") as f:
            json.dump(result, f, indent=1)
    finally:
        server.stop()
    print("\n" + heading(opt, server, result))


main()
