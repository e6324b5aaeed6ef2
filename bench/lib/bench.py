"""
bench.py -- one index on one set: load, build, query, insert, vacuum, and the
figures of each.  What the measuring programs (measure.py, quantizers.py) share.

An extension has a database of its own, since both define the type vector; a set
is a table with its queries beside it.  Queries of several indexes take turns, so
that a noisy moment of the machine hits all; the figure is the median of the rounds.
"""
import datetime
import json
import os
import platform
import shlex
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sets"))

import numpy as np                                                   # noqa: E402
from progress import Progress                                        # noqa: E402
from options import ALL_SETS, EXTENSIONS, METRICS, memory_mb         # noqa: E402
from vecs import exact, log, read_vecs, recall                       # noqa: E402


def cpu_name():
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


PROGRAMS = {"measure": "compare", "coldbench": "cold", "typebench": "types", "maxsimbench": "maxsim"}     # started by


def command_line():
    """What was typed: without the options that the programs of bench/ add, which are first."""
    words, given = sys.argv[1:], []
    while words:
        word = words.pop(0)
        if word in ("--root", "--sets-folder", "--commit", "--json"):
            words.pop(0)
        else:
            given.append(shlex.quote(word))
    name = os.path.basename(sys.argv[0]).removesuffix(".py")
    return " ".join(["bench/" + PROGRAMS.get(name, name), *given])


def new_result(opt, server):
    """What every file of figures begins with."""
    return {
        "command": command_line(), "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "commit": opt.commit,
        "machine": {"cpu": cpu_name(), "cores": os.cpu_count(), "memory_mb": memory_mb(), "system": platform.platform()},
        "options": {k: v for k, v in vars(opt).items() if k not in ("root", "sets_folder", "json", "commit")},
        "settings": server.settings, "sets": {},
    }


def measure_sets(opt, server, measure_set):
    """Calls measure_set(server, name, result) for each set; the figures so far are in opt.json after each."""
    result = new_result(opt, server)
    server.start()
    try:
        result["server"] = server.value("postgres", "SELECT version()")
        for name in opt.sets:
            measure_set(server, name, result)
            with open(opt.json, "w") as f:
                json.dump(result, f, indent=1)
    finally:
        server.stop()
    return result


def heading(opt, server, result):
    """The line above the tables: with what the figures were measured."""
    return (f"{result['server'].split(',')[0]}; {result['machine']['cpu']}, {os.cpu_count()} cores; "
            f"m {opt.m}, ef_construction {opt.ef_construction}, {opt.workers} workers, "
            f"shared_buffers {server.settings['shared_buffers']}, maintenance_work_mem "
            f"{server.settings['maintenance_work_mem']}; commit {opt.commit}")


class Data:
    """A set in memory: what is loaded, and what must be found."""

    def __init__(self, name, metric, target, ef, base, query, insert, truth=None):
        self.columns = {}               # further columns of the table: name, int32 values
        self.name, self.metric, self.target, self.ef = name, metric, target, ef
        self.base, self.query, self.insert = base, query, insert
        self.truth = exact(base, query, metric)[1] if truth is None else truth

    def head(self):
        return {"rows": len(self.base), "dim": self.base.shape[1], "metric": self.metric,
                "recall_target": self.target, "inserted": len(self.insert)}


def read_set(name, opt, ef=None):
    metric, target, own_ef = ALL_SETS[name]
    ef = [int(x) for x in opt.ef.split(",")] if opt.ef else ef or own_ef
    folder = os.path.join(opt.sets_folder, name)
    truth = None if opt.rows else read_vecs(folder + "/gt_dist.fvecs", np.float32).astype(np.float64)
    return Data(name, metric, target, ef, read_vecs(folder + "/base.fvecs", np.float32, opt.rows),
                read_vecs(folder + "/query.fvecs", np.float32),
                read_vecs(folder + "/insert.fvecs", np.float32)[:opt.inserts], truth)


class Bench:
    """One index on one set.  t: the table; t_q: queries; t_i: rows to insert.

    name      what logs and reports call it
    storage   storage parameters beyond m and ef_construction
    database  databases are called that, an underscore and the extension
    """

    fresh = set()    # databases that this run has made

    def __init__(self, server, extension, data, opt, name=None, storage="", database="bench"):
        self.server, self.data, self.opt = server, data, opt
        self.extension, self.name, self.storage = extension, name or extension, storage
        self.known = EXTENSIONS[extension]
        self.session = ""               # further settings of its sessions
        self.filters = ()               # columns of the index beside the vector
        self.database = f"{database}_{extension}"
        self.t = data.name
        self.index = f"{self.t}_{name or 'idx'}"
        self.opclass, self.operator = METRICS[data.metric]
        self.result = {}

    def sql(self, text, ef=None, **more):
        return self.server.sql(self.database, text, self.options(ef), **more)

    def value(self, text):
        return self.server.value(self.database, text)

    def options(self, ef):
        return self.session + (f" -c {self.known['ef']}={ef}" if ef else "")

    # ------------------------------------------------------------- loading

    def state(self):
        """What the comment on the table says that an earlier run left, or None."""
        rows = self.sql("SELECT obj_description(oid) FROM pg_class WHERE relname = "
                        f"'{self.t}' AND relkind = 'r'")
        return rows[0][0] if rows else None

    def load(self, reuse=False):
        if not reuse and self.database not in Bench.fresh:
            # an older build of the same version may have left other SQL objects
            self.server.sql("postgres", f"DROP DATABASE IF EXISTS {self.database}")
        if not self.server.has_database(self.database):
            self.server.sql("postgres", f"CREATE DATABASE {self.database}")
        Bench.fresh.add(self.database)
        self.sql(f"SET client_min_messages = warning;"
                 f"CREATE EXTENSION IF NOT EXISTS {self.known['extension']};"
                 f"CREATE EXTENSION IF NOT EXISTS pg_prewarm")
        self.result["version"] = self.value(
            f"SELECT extversion FROM pg_extension WHERE extname = '{self.known['extension']}'")
        want = f"{len(self.data.base)} rows"
        if reuse and self.state() == want:
            return
        log(self.name, "loading", self.t)
        dim = self.data.base.shape[1]
        for table, columns in ((self.t, self.data.columns), (self.t + "_q", ()), (self.t + "_i", ())):
            more = "".join(f"{c} int NOT NULL, " for c in columns)
            self.sql(f"SET client_min_messages = warning; DROP TABLE IF EXISTS {table};"
                     f"CREATE TABLE {table} (id int NOT NULL, {more}embedding vector({dim}))")
        self.server.copy_vectors(self.database, self.t, self.data.base, columns=self.data.columns)
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
        more = f", {self.storage}" if self.storage else ""
        self.sql(f"DROP INDEX IF EXISTS {self.index}; ALTER TABLE {self.t} SET (parallel_workers = {self.opt.workers})")
        self.warm_table()
        self.sql("CHECKPOINT")
        before = self.value("SELECT pg_current_wal_insert_lsn()")
        start = time.time()
        columns = ", ".join([f"embedding {self.opclass}", *self.filters])
        with Progress(self.server, self.database, self.extension):
            self.sql(f"CREATE INDEX {self.index} ON {self.t} USING {self.known['method']} ({columns}) "
                     f"WITH (m = {self.opt.m}, ef_construction = {self.opt.ef_construction}{more})", notices=True)
        seconds = time.time() - start
        wal = float(self.value(f"SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '{before}')"))
        rows = len(self.data.base)
        self.result.update(build_seconds=seconds, build_rows_per_second=rows / seconds,
                           build_wal_bytes_per_row=wal / rows)
        log(self.name, f"built in {seconds:.1f} s")

    def size(self, key):
        size, rows = self.sql(f"SELECT pg_relation_size('{self.index}'), count(*) FROM {self.t}")[0]
        self.result[key] = int(size) / int(rows)

    def check(self, when):
        """omendb's own checker; an index that it refuses ends the run."""
        if self.extension == "omendb":
            row = self.sql(f"SELECT row_to_json(c) FROM omendb_index_check('{self.index}', true) c")[0][0]
            self.result["check_after_" + when] = json.loads(row)
            log(self.name, f"checked after {when}:", row)

    def info(self):
        """What omendb says of the index."""
        if self.extension == "omendb":
            self.result["info"] = json.loads(self.value(
                f"SELECT row_to_json(i) FROM omendb_index_info('{self.index}') i"))

    def remember_build(self):
        """Leaves the figures with the index, for earlier_build of a later run."""
        words = json.dumps(self.result).replace("'", "''")
        self.sql(f"COMMENT ON INDEX {self.index} IS '{words}'")

    def earlier_build(self):
        rows = self.sql(f"SELECT obj_description(to_regclass('{self.index}'))")
        if rows:
            self.result.update(json.loads(rows[0][0]))
        return bool(rows)

    def warm_table(self):
        self.sql(f"SELECT pg_prewarm('{self.t}'), (SELECT pg_prewarm(reltoastrelid) "
                 f"FROM pg_class WHERE oid = '{self.t}'::regclass AND reltoastrelid <> 0)")

    def warm(self):
        self.sql(f"SELECT pg_prewarm('{self.index}')")
        self.warm_table()

    def show(self):
        """Of several indexes on the table, the planner is to know this one only."""
        self.sql(f"UPDATE pg_index SET indisvalid = (indexrelid = '{self.index}'::regclass) "
                 f"WHERE indrelid = '{self.t}'::regclass")

    def script(self):
        return (f"\\set qid random(0, {len(self.data.query) - 1})\n"
                f"SELECT id FROM {self.t} ORDER BY embedding {self.operator} "
                f"(SELECT embedding FROM {self.t}_q WHERE id = :qid) LIMIT 10;\n")

    def plan(self, ef=None):
        """The plan of the measured query, and whether it uses the index."""
        text = "\n".join(r[0] for r in self.sql("EXPLAIN " + self.script().split("\n")[1].replace(":qid", "1"), ef))
        return text, f"Index Scan using {self.index}" in text

    def check_plan(self):
        for ef in self.data.ef:
            text, used = self.plan(ef)
            if not used:
                raise SystemExit(f"bench: {self.name} does not use its index for the query at ef {ef}:\n{text}")

    def recall(self, ef, base, truth):
        """Recall@10 of all queries at one ef, in one statement."""
        rows = self.sql(f"SELECT q.id, r.id FROM {self.t}_q q CROSS JOIN LATERAL (SELECT id FROM {self.t} "
                        f"ORDER BY embedding {self.operator} q.embedding LIMIT 10) r", ef=ef)
        found = [[] for _ in self.data.query]
        for query, row in rows:
            found[int(query)].append(int(row))
        return recall(found, base, self.data.query, truth, self.data.metric)

    def qps(self, ef, seed):
        return self.server.pgbench(self.database, self.script(), self.options(ef), seconds=self.opt.seconds, seed=seed)

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
    log(f"{one.name:13s} {one.t} ef {ef:4d}: {text}")


def query_stage(benches, data, opt):
    """Recall of each ef, then rounds of queries/s in turns."""
    shared = len({(b.database, b.t) for b in benches}) < len(benches)
    for b in benches:
        if shared:
            b.show()
        b.warm()
        b.check_plan()
        if b is benches[0] or not shared:
            b.fetch_overhead()
        b.result["queries"] = []
    for ef in data.ef:
        recalls, runs = {}, {b: [] for b in benches}
        for r in range(opt.rounds):
            for b in benches:
                if shared:
                    b.show()
                if r == 0:
                    recalls[b] = b.recall(ef, data.base, data.truth)
                runs[b].append(b.qps(ef, seed=r + 1))
        for b in benches:
            qps, per_cpu = zip(*runs[b])
            point = {"ef": ef, "recall": recalls[b], "qps": statistics.median(qps),
                     "per_cpu_second": statistics.median(per_cpu), "runs": runs[b]}
            b.result["queries"].append(point)
            log_query(b, ef, f"recall@10 {point['recall']:.4f}, {point['qps']:,.0f} queries/s, "
                             f"{point['per_cpu_second']:,.0f} per CPU second")


def vacuum_stage(benches, data, inserted):
    """Deletes, vacuums, and looks for the rows that remain."""
    rows = np.concatenate([data.base, data.insert]) if inserted else data.base
    keep = np.flatnonzero(np.arange(len(rows)) % 5 != 0)
    truth = exact(rows[keep], data.query, data.metric, k=10)[1] if benches else None
    for b in benches:
        b.vacuum()
        b.result["queries_after_vacuum"] = []
        for ef in data.ef:
            point = {"ef": ef, "recall": b.recall(ef, rows, truth)}
            b.result["queries_after_vacuum"].append(point)
            log_query(b, ef, f"recall@10 after vacuum {point['recall']:.4f}")
