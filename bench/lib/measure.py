#!/usr/bin/python3
"""
measure.py -- the measuring part of bench/compare (which prepares the folder and
the sets, and passes its options on to here).

One server; each extension has a database of its own, since both define the type
vector.  Per set and extension: load, build, query, insert, vacuum, in this order.
Queries of the two extensions take turns, so that a noisy moment of the machine
hits both; the figure is the median of the rounds.
"""
import argparse
import datetime
import json
import os
import platform
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sets"))

EXTENSIONS = {
    "pgvector": {"extension": "vector", "method": "hnsw", "ef": "hnsw.ef_search"},
    "omendb": {"extension": "omendb", "method": "omenhnsw", "ef": "omenhnsw.ef_search"},
}
METRICS = {"l2": ("vector_l2_ops", "<->"), "cos": ("vector_cosine_ops", "<=>")}
SETS = {
    # metric, recall at which queries/s are compared, ef_search values
    "fashion784": ("l2", .996, (10, 20, 40, 80, 160)),
    "glove100": ("cos", .945, (20, 40, 80, 160, 320)),
    "clust128": ("l2", .98, (10, 20, 40, 80, 160)),
}
STAGES = ("build", "query", "insert", "vacuum")


def options():
    p = argparse.ArgumentParser(prog="compare", description="omendb against pgvector in one PostgreSQL 18 server")
    p.add_argument("--sets", default=",".join(SETS), help="comma-separated; default %(default)s")
    p.add_argument("--stages", default=",".join(STAGES), help="comma-separated; default %(default)s")
    p.add_argument("--only", choices=EXTENSIONS, help="measure one extension only")
    p.add_argument("--rows", type=int, help="only the first ROWS rows of each set (the truth is computed anew)")
    p.add_argument("--ef", help="comma-separated ef_search values instead of the set's own")
    p.add_argument("--seconds", type=int, default=3, help="length of one pgbench run (default %(default)s)")
    p.add_argument("--rounds", type=int, default=3, help="pgbench runs of which the median counts (default %(default)s)")
    p.add_argument("--inserts", type=int, default=2000, help="single-row inserts (default %(default)s)")
    p.add_argument("--reuse", action="store_true",
                   help="keep tables, and without the stage build also indexes, that an earlier run left unchanged")
    p.add_argument("--no-peer-vacuum", default="", metavar="SETS",
                   help="sets on which pgvector's vacuum is left out (it takes 10 minutes on clust128)")
    p.add_argument("--m", type=int, default=16)
    p.add_argument("--ef-construction", type=int, default=64)
    p.add_argument("--with", dest="with_", default="", metavar="OPTIONS",
                   help="further storage parameters of omendb's index, such as 'bits = 2'")
    p.add_argument("--workers", type=int, default=2, help="parallel workers of a build (default %(default)s)")
    p.add_argument("--shared-buffers", type=int, metavar="MB", help="default 6144, at most a quarter of the memory")
    p.add_argument("--maintenance-work-mem", type=int, metavar="MB", help="default 2048, at most a twelfth of the memory")
    p.add_argument("--json", default="compare.json", help="where the figures go")
    p.add_argument("--root", help=argparse.SUPPRESS)
    p.add_argument("--sets-folder", help=argparse.SUPPRESS)
    p.add_argument("--commit", default="unknown", help=argparse.SUPPRESS)
    a = p.parse_args()
    a.sets, a.stages = a.sets.split(","), a.stages.split(",")
    for given, known in ((a.sets, SETS), (a.stages, STAGES)):
        for word in given:
            if word not in known:
                p.error(f"unknown: {word} (known: {', '.join(known)})")
    return a


opt = options()

from server import Server                                            # noqa: E402
from report import table                                             # noqa: E402
from vecs import exact, log, read_vecs, recall                       # noqa: E402
import numpy as np                                                   # noqa: E402


def memory_mb():
    with open("/proc/meminfo") as f:
        return int(f.readline().split()[1]) // 1024


def settings():
    total = memory_mb()
    buffers = opt.shared_buffers or min(6144, total // 4)
    work = opt.maintenance_work_mem or min(2048, total // 12)
    return {
        "listen_addresses": "", "unix_socket_directories": "/var/lib/omendb-bench", "port": "5432",
        "shared_buffers": f"{buffers}MB", "maintenance_work_mem": f"{work}MB", "work_mem": "64MB",
        "effective_cache_size": f"{total // 2}MB", "max_wal_size": "30GB", "checkpoint_timeout": "1h",
        "max_parallel_maintenance_workers": str(opt.workers), "max_parallel_workers": "8",
        "max_parallel_workers_per_gather": "0", "autovacuum": "off", "jit": "off", "synchronous_commit": "off",
    }


class Loaded:
    """A set in memory: what was loaded, and what must be found."""

    def __init__(self, name):
        self.name = name
        self.metric, self.target, ef = SETS[name]
        self.ef = [int(x) for x in opt.ef.split(",")] if opt.ef else ef
        folder = os.path.join(opt.sets_folder, name)
        self.base = read_vecs(folder + "/base.fvecs", np.float32, opt.rows)
        self.query = read_vecs(folder + "/query.fvecs", np.float32)
        self.insert = read_vecs(folder + "/insert.fvecs", np.float32)[:opt.inserts]
        if opt.rows:
            self.truth = exact(self.base, self.query, self.metric)[1]
        else:
            self.truth = read_vecs(folder + "/gt_dist.fvecs", np.float32).astype(np.float64)


class Bench:
    """One extension on one set.  t: the table; t_q: queries; t_i: rows to insert."""

    def __init__(self, server, extension, data):
        self.server, self.name, self.data = server, extension, data
        self.known = EXTENSIONS[extension]
        self.database = "bench_" + extension
        self.t = data.name
        self.opclass, self.operator = METRICS[data.metric]
        self.result = {}

    def sql(self, text, ef=None, **more):
        return self.server.sql(self.database, text, self.options(ef), **more)

    def value(self, text):
        return self.server.value(self.database, text)

    def options(self, ef):
        return f"-c {self.known['ef']}={ef}" if ef else ""

    # ------------------------------------------------------------- loading

    def state(self):
        """'rows m ef_construction with' of what an earlier run left, or None."""
        rows = self.sql("SELECT obj_description(oid) FROM pg_class WHERE relname = "
                        f"'{self.t}' AND relkind = 'r'")
        return rows[0][0] if rows else None

    def load(self):
        if not self.server.has_database(self.database):
            self.server.sql("postgres", f"CREATE DATABASE {self.database}")
        self.sql(f"SET client_min_messages = warning;"
                 f"CREATE EXTENSION IF NOT EXISTS {self.known['extension']};"
                 f"CREATE EXTENSION IF NOT EXISTS pg_prewarm")
        self.result["version"] = self.value(
            f"SELECT extversion FROM pg_extension WHERE extname = '{self.known['extension']}'")
        want = f"{len(self.data.base)} rows"
        if opt.reuse and self.state() == want:
            return
        log(self.name, "loading", self.t)
        dim = self.data.base.shape[1]
        for table in (self.t, self.t + "_q", self.t + "_i"):
            self.sql(f"SET client_min_messages = warning; DROP TABLE IF EXISTS {table};"
                     f"CREATE TABLE {table} (id int NOT NULL, embedding vector({dim}))")
        self.server.copy_vectors(self.database, self.t, self.data.base)
        self.server.copy_vectors(self.database, self.t + "_q", self.data.query)
        self.server.copy_vectors(self.database, self.t + "_i", self.data.insert, first_id=len(self.data.base))
        self.sql(f"ALTER TABLE {self.t}_q ADD PRIMARY KEY (id); ALTER TABLE {self.t}_i ADD PRIMARY KEY (id);"
                 f"VACUUM ANALYZE {self.t}; VACUUM ANALYZE {self.t}_q; VACUUM ANALYZE {self.t}_i;"
                 f"COMMENT ON TABLE {self.t} IS '{want}'")

    def changed(self):
        self.sql(f"COMMENT ON TABLE {self.t} IS 'changed'")

    # ------------------------------------------------------------- figures

    def build(self):
        log(self.name, "building the index on", self.t)
        more = f", {opt.with_}" if opt.with_ and self.name == "omendb" else ""
        self.sql(f"DROP INDEX IF EXISTS {self.t}_idx; ALTER TABLE {self.t} SET (parallel_workers = {opt.workers});"
                 f"SELECT pg_prewarm('{self.t}'); CHECKPOINT")
        before = self.value("SELECT pg_current_wal_insert_lsn()")
        start = time.time()
        self.sql(f"CREATE INDEX {self.t}_idx ON {self.t} USING {self.known['method']} (embedding {self.opclass}) "
                 f"WITH (m = {opt.m}, ef_construction = {opt.ef_construction}{more})", notices=True)
        seconds = time.time() - start
        wal = float(self.value(f"SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '{before}')"))
        rows = len(self.data.base)
        self.result.update(build_seconds=seconds, build_rows_per_second=rows / seconds,
                           build_wal_bytes_per_row=wal / rows)
        log(self.name, f"built in {seconds:.1f} s")

    def size(self, key):
        size, rows = self.sql(f"SELECT pg_relation_size('{self.t}_idx'), count(*) FROM {self.t}")[0]
        self.result[key] = int(size) / int(rows)

    def check(self, when):
        """omendb's own checker; an index that it refuses ends the run."""
        if self.name == "omendb":
            row = self.sql(f"SELECT row_to_json(c) FROM omendb_index_check('{self.t}_idx', true) c")[0][0]
            self.result["check_after_" + when] = json.loads(row)
            log(self.name, f"checked after {when}:", row)

    def warm(self):
        self.sql(f"SELECT pg_prewarm('{self.t}_idx'), pg_prewarm('{self.t}'), (SELECT pg_prewarm(reltoastrelid) "
                 f"FROM pg_class WHERE oid = '{self.t}'::regclass AND reltoastrelid <> 0)")

    def script(self):
        return (f"\\set qid random(0, {len(self.data.query) - 1})\n"
                f"SELECT id FROM {self.t} ORDER BY embedding {self.operator} "
                f"(SELECT embedding FROM {self.t}_q WHERE id = :qid) LIMIT 10;\n")

    def check_plan(self):
        text = "\n".join(r[0] for r in self.sql("EXPLAIN (COSTS OFF) " + self.script().split("\n")[1].replace(":qid", "1")))
        if f"Index Scan using {self.t}_idx" not in text:
            raise SystemExit(f"compare: {self.name} does not use its index for the query:\n{text}")

    def recall(self, ef, base, truth):
        """Recall@10 of all queries at one ef, in one statement."""
        rows = self.sql(f"SELECT q.id, r.id FROM {self.t}_q q CROSS JOIN LATERAL (SELECT id FROM {self.t} "
                        f"ORDER BY embedding {self.operator} q.embedding LIMIT 10) r", ef=ef)
        found = [[] for _ in self.data.query]
        for query, row in rows:
            found[int(query)].append(int(row))
        return recall(found, base, self.data.query, truth, self.data.metric)

    def qps(self, ef, seed):
        return self.server.pgbench(self.database, self.script(), self.options(ef), seconds=opt.seconds, seed=seed)

    def fetch_overhead(self):
        """Queries/s of the part of the measured query that fetches the query vector."""
        script = (f"\\set qid random(0, {len(self.data.query) - 1})\n"
                  f"SELECT vector_dims((SELECT embedding FROM {self.t}_q WHERE id = :qid));\n")
        self.result["fetch_only_qps"] = self.server.pgbench(self.database, script, seconds=1)[0]

    def insert(self):
        rows = len(self.data.insert)
        log(self.name, "inserting", rows, "rows one by one into", self.t)
        self.changed()
        self.warm()
        script = ("\\set i :i + 1\n"
                  f"INSERT INTO {self.t} SELECT id, embedding FROM {self.t}_i WHERE id = :i;\n")
        for table, prefix in ((f"{self.t}_noindex", "heap_only_"), (self.t, "")):
            if prefix:
                self.sql(f"DROP TABLE IF EXISTS {table}; CREATE TABLE {table} (LIKE {self.t})")
            self.sql("CHECKPOINT")
            before = self.value("SELECT pg_current_wal_insert_lsn()")
            tps, _ = self.server.pgbench(self.database, script.replace(f"INTO {self.t} ", f"INTO {table} "),
                                      variables={"i": len(self.data.base) - 1}, transactions=rows)
            wal = float(self.value(f"SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '{before}')"))
            self.result[prefix + "insert_rows_per_second"] = tps
            self.result[prefix + "insert_wal_bytes_per_row"] = wal / rows
        self.sql(f"DROP TABLE {self.t}_noindex")
        self.check("insert")

    def vacuum(self):
        log(self.name, "deleting every fifth row of", self.t, "and vacuuming")
        self.changed()
        self.sql(f"DELETE FROM {self.t} WHERE id % 5 = 0; CHECKPOINT")
        start = time.time()
        self.sql(f"VACUUM (INDEX_CLEANUP ON, PARALLEL 0) {self.t}")
        self.result["vacuum_seconds"] = time.time() - start
        log(self.name, f"vacuumed in {self.result['vacuum_seconds']:.1f} s")
        self.size("index_bytes_per_row_after")
        self.check("vacuum")


def log_query(one, ef, text):
    log(f"{one.name:9s} {one.t} ef {ef:4d}: {text}")


def query_stage(benches, data):
    """Recall of each ef, then rounds of queries/s in turns."""
    for b in benches:
        b.warm()
        b.check_plan()
        b.fetch_overhead()
        b.result["queries"] = []
    for ef in data.ef:
        recalls = {b: b.recall(ef, data.base, data.truth) for b in benches}
        runs = {b: [] for b in benches}
        for r in range(opt.rounds):
            for b in benches:
                runs[b].append(b.qps(ef, seed=r + 1))
        for b in benches:
            qps, per_cpu = zip(*runs[b])
            point = {"ef": ef, "recall": recalls[b], "qps": statistics.median(qps),
                     "per_cpu_second": statistics.median(per_cpu), "runs": runs[b]}
            b.result["queries"].append(point)
            log_query(b, ef, f"recall@10 {point['recall']:.4f}, {point['qps']:,.0f} queries/s, "
                             f"{point['per_cpu_second']:,.0f} per CPU second")


def vacuum_stage(benches, data):
    skip = opt.no_peer_vacuum.split(",")
    inserted = "insert" in opt.stages
    rows = np.concatenate([data.base, data.insert]) if inserted else data.base
    keep = np.flatnonzero(np.arange(len(rows)) % 5 != 0)
    truth = None
    for b in benches:
        if b.name == "pgvector" and data.name in skip:
            continue
        b.vacuum()
        if truth is None:
            truth = exact(rows[keep], data.query, data.metric, k=10)[1]
        b.result["queries_after_vacuum"] = []
        for ef in data.ef:
            point = {"ef": ef, "recall": b.recall(ef, rows, truth)}
            b.result["queries_after_vacuum"].append(point)
            log_query(b, ef, f"recall@10 after vacuum {point['recall']:.4f}")


def measure_set(server, name, result):
    data = Loaded(name)
    names = [opt.only] if opt.only else list(EXTENSIONS)
    benches = [Bench(server, n, data) for n in names]
    one = {"rows": len(data.base), "dim": data.base.shape[1], "metric": data.metric, "recall_target": data.target,
           "inserted": len(data.insert)}
    result["sets"][name] = one
    for b in benches:
        one[b.name] = b.result
        b.load()
        if "build" in opt.stages or b.value(f"SELECT to_regclass('{b.t}_idx') IS NULL") == "t":
            b.build()
            b.check("build")
        b.size("index_bytes_per_row")
    if "query" in opt.stages:
        query_stage(benches, data)
    if "insert" in opt.stages:
        for b in benches:
            b.insert()
    if "vacuum" in opt.stages:
        vacuum_stage(benches, data)


def main():
    server = Server(opt.root, settings())
    result = {
        "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "commit": opt.commit,
        "machine": {"cpu": cpu_name(), "cores": os.cpu_count(), "memory_mb": memory_mb(), "system": platform.platform()},
        "options": {k: v for k, v in vars(opt).items() if k not in ("root", "sets_folder", "json", "commit")},
        "settings": server.settings, "sets": {},
    }
    server.start()
    try:
        result["server"] = server.value("postgres", "SELECT version()")
        for name in opt.sets:
            measure_set(server, name, result)
            with open(opt.json, "w") as f:
                json.dump(result, f, indent=1)
    finally:
        server.stop()
    print(f"\n{result['server'].split(',')[0]}; {result['machine']['cpu']}, {os.cpu_count()} cores; "
          f"m {opt.m}, ef_construction {opt.ef_construction}, {opt.workers} workers, "
          f"shared_buffers {server.settings['shared_buffers']}, maintenance_work_mem {server.settings['maintenance_work_mem']}; "
          f"commit {opt.commit}")
    print(table(result))
    print(f"\ncompare: done; the figures are in {os.path.abspath(opt.json)}")


def cpu_name():
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


main()
