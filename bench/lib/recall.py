#!/usr/bin/python3
"""
recall.py -- the measuring part of bench/recall: each line of sets/shapes.py, with
each extension, in each state of its index, at each ef_search: recall, distances
beside the true ones, and queries with nothing right.

What does not change is kept in a folder: the exact answers, by a digest of rows
and queries, and pgvector's figures, by line, state and version.
"""
import argparse
import fnmatch
import hashlib
import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sets"))

import numpy as np                                                   # noqa: E402
import shapes                                                        # noqa: E402
from options import EXTENSIONS, memory_mb                            # noqa: E402
from recallreport import marks, one_line, summary, table             # noqa: E402
from server import HOME, OwnServer, Server                                 # noqa: E402
from vecs import log                                                 # noqa: E402

METRICS = {"l2": ("vector_l2_ops", "<->"), "cos": ("vector_cosine_ops", "<=>"),
           "ip": ("vector_ip_ops", "<#>"), "l1": ("vector_l1_ops", "<+>")}
SINGLE = 1000           # rows that come one by one into a growing index, at its start and in the middle


def options():
    p = argparse.ArgumentParser(prog="recall", description="recall on data of many shapes, omendb beside pgvector")
    p.add_argument("--lines", default="*", help="comma-separated patterns such as 'dup*,ip3'; those that begin so are taken too")
    p.add_argument("--states", default=",".join(shapes.STATES), help="comma-separated; default %(default)s")
    p.add_argument("--only", choices=EXTENSIONS, help="measure one extension only (pgvector's kept figures are shown all the same)")
    p.add_argument("--rows-scale", type=float, default=1, help="a factor on the rows of each line")
    p.add_argument("--most-rows", type=int, help="only lines of at most this many rows")
    p.add_argument("--ef", default="10,40,100", help="default %(default)s")
    p.add_argument("--with", dest="with_", default="", metavar="OPTIONS",
                   help="storage parameters of omendb's indexes, such as 'quantizer = none'")
    p.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of omendb's sessions")
    p.add_argument("--workers", type=int, default=2, help="parallel workers of a build (default %(default)s)")
    p.add_argument("--no-check", action="store_true", help="without omendb_index_check after each state")
    p.add_argument("--again", action="store_true", help="measure pgvector although its figures are kept")
    p.add_argument("--list", action="store_true", help="print the lines and end")
    p.add_argument("--markdown", metavar="FILE", help="writes the table there")
    p.add_argument("--json", default="recall.json", help="where the figures go")
    p.add_argument("--pg-config", help="a PostgreSQL of this machine that has omendb, instead of the folder's; without pgvector")
    p.add_argument("--kept", default="/var/tmp/omendb-bench/recall", help=argparse.SUPPRESS)
    p.add_argument("--root", help=argparse.SUPPRESS)
    p.add_argument("--sets-folder", help=argparse.SUPPRESS)
    p.add_argument("--commit", default="unknown", help=argparse.SUPPRESS)
    a = p.parse_args()
    a.ef = [int(x) for x in a.ef.split(",")]
    a.states = a.states.split(",")
    wanted = [w if "*" in w else w + "*" for w in a.lines.split(",")]
    a.lines = [one for one in shapes.LINES.values() if any(fnmatch.fnmatch(one.name, w) for w in wanted)]
    if a.most_rows:
        a.lines = [one for one in a.lines if one.rows <= a.most_rows]
    if not a.lines:
        p.error("no such line (see --list)")
    if set(a.states) - set(shapes.STATES):
        p.error("states are " + ", ".join(shapes.STATES))
    return a


def settings():
    total = memory_mb()
    return {
        "listen_addresses": "", "unix_socket_directories": HOME, "port": "5432",
        "shared_buffers": f"{min(2048, total // 8)}MB", "maintenance_work_mem": f"{min(1024, total // 12)}MB",
        "work_mem": "64MB", "max_wal_size": "8GB", "checkpoint_timeout": "1h", "max_parallel_workers": "8",
        "max_parallel_workers_per_gather": "0", "autovacuum": "off", "jit": "off", "synchronous_commit": "off", "fsync": "off",
    }


# ------------------------------------------------------------ exact answers

def distance(metric, rows, query):
    """float64, rows (..., dim) of one query each: rooted L2, L1, 1 - cosine, negative product."""
    if metric == "l2":
        return np.sqrt(((rows - query) ** 2).sum(-1))
    if metric == "l1":
        return np.abs(rows - query).sum(-1)
    product = (rows * query).sum(-1)
    if metric == "ip":
        return -product
    # by the difference of the directions: exact where cosines are nearly one
    a = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    b = query / np.linalg.norm(query, axis=-1, keepdims=True)
    return ((a - b) ** 2).sum(-1) / 2


def rough(metric, base, query):
    """Scores that order the rows of all queries nearly as their distances do."""
    if metric == "l1":
        return np.abs(base[None] - query[:, None]).sum(-1) if len(query) == 1 else \
            np.concatenate([rough(metric, base, query[i:i + 1]) for i in range(len(query))])
    if metric == "ip":
        return -(query @ base.T)
    if metric == "cos":
        return -(query @ shapes.unit(base).T)
    return (base ** 2).sum(1) - 2 * query @ base.T


def exact(metric, base, query, k, step=50_000):
    """The k least distances of each query, ascending, float64."""
    base, query = base.astype(np.float64), query.astype(np.float64)
    shift = base.mean(0) if metric == "l2" else 0               # keeps the digits of rows far from zero
    pool = min(k + 200, len(base))
    truth = np.empty((len(query), k))
    for s in range(0, len(query), 50):
        score = np.concatenate([rough(metric, base[i:i + step] - shift, query[s:s + 50] - shift)
                                for i in range(0, len(base), step)], axis=1)
        near = np.argpartition(score, pool - 1, axis=1)[:, :pool]
        for i, rows in enumerate(near):
            truth[s + i] = np.sort(distance(metric, base[rows], query[s + i]))[:k]
    return truth


class Data:
    """A line's rows, queries and exact answer; key names exactly these."""

    def __init__(self, one, opt):
        self.line = one
        self.base, self.query = shapes.draw(one, opt.rows_scale)
        digest = hashlib.sha1(f"{one.metric} {one.k} {self.base.shape} {self.query.shape}".encode())
        digest.update(self.base.tobytes())
        digest.update(self.query.tobytes())
        self.key = digest.hexdigest()[:16]
        path = os.path.join(opt.kept, f"truth-{self.key}.npy")
        if os.path.exists(path):
            self.truth = np.load(path)
        else:
            self.truth = exact(one.metric, self.base, self.query, one.k)
            np.save(f"{path}.{os.getpid()}.npy", self.truth)
            os.replace(f"{path}.{os.getpid()}.npy", path)

    def figures(self, found):
        """found: ids of each query, in the order returned.  A row counts that is no farther than the true
        k-th; one that is returned twice counts once."""
        one, hits, ratios, lost, hurt = self.line, 0, [], 0, 0
        for q, ids in enumerate(found):
            ids = np.unique(np.asarray(ids, np.int64))
            limit = self.truth[q, -1]
            d = np.sort(distance(one.metric, self.base[ids].astype(np.float64), self.query[q].astype(np.float64)))
            right = min(int((d <= limit + 1e-6 * abs(limit)).sum()), one.k)
            hits += right
            lost += right == 0
            ours, true = d.sum(), self.truth[q, :len(ids)].sum()
            if len(ids) and true != 0:
                # products: the true sum over ours, so that more is worse for every metric
                ratios.append(true / ours if one.metric == "ip" and ours < 0 else ours / true if one.metric != "ip" else 1)
        return {"recall": hits / (one.k * len(found)), "ratio": float(np.mean(ratios)) if ratios else 1.0, "lost": lost}


# ---------------------------------------------------------------- an index

class Index:
    """One extension's table and index of one line."""

    def __init__(self, server, extension, data, opt):
        self.server, self.data, self.opt, self.extension = server, data, opt, extension
        self.known = EXTENSIONS[extension]
        self.database = "recall_" + extension
        self.opclass, self.operator = METRICS[data.line.metric]
        self.storage = opt.with_ if extension == "omendb" else ""
        self.session = "".join(f" -c {s}" for s in opt.set) if extension == "omendb" else ""

    def sql(self, text, options=""):
        return self.server.sql(self.database, "SET client_min_messages = warning;" + text, self.session + options)

    def table(self):
        dim = self.data.base.shape[1]
        self.sql(f"DROP TABLE IF EXISTS t, q, single; CREATE TABLE t (id int NOT NULL, embedding vector({dim}));"
                 f"ALTER TABLE t SET (parallel_workers = {self.opt.workers});"
                 f"CREATE TABLE q (LIKE t); CREATE TABLE single (LIKE t)")
        self.server.copy_vectors(self.database, "q", self.data.query)

    def copy(self, start, end):
        self.server.copy_vectors(self.database, "t", self.data.base[start:end], first_id=start)

    def insert_singly(self, start, end):
        """Each row in a statement and a transaction of its own."""
        self.sql("TRUNCATE single")
        self.server.copy_vectors(self.database, "single", self.data.base[start:end], first_id=start)
        self.sql("CREATE INDEX IF NOT EXISTS single_id ON single (id)")
        self.sql(f"""DO $$ BEGIN FOR i IN {start}..{end - 1} LOOP
                     INSERT INTO t SELECT id, embedding FROM single WHERE id = i; COMMIT; END LOOP; END $$""")

    def create(self):
        self.sql(f"CREATE INDEX t_idx ON t USING {self.known['method']} (embedding {self.opclass})"
                 + (f" WITH ({self.storage})" if self.storage else ""))

    def built(self):
        self.table()
        self.copy(0, len(self.data.base))
        self.create()

    def grown(self):
        rows = len(self.data.base)
        single, middle = min(SINGLE, rows // 8), rows // 2
        self.table()
        self.create()
        self.insert_singly(0, single)
        self.copy(single, middle)
        self.insert_singly(middle, middle + single)
        self.copy(middle + single, rows)

    def half(self):
        rows = len(self.data.base)
        self.table()
        self.copy(0, rows // 2)
        self.create()
        self.copy(rows // 2, rows)

    def reinserted(self):
        """Goes on with what built() has left."""
        self.sql("CREATE TABLE gone AS SELECT * FROM t WHERE id % 2 = 0; DELETE FROM t WHERE id % 2 = 0")
        self.sql("VACUUM (INDEX_CLEANUP ON, PARALLEL 0) t")
        self.sql("INSERT INTO t SELECT * FROM gone; DROP TABLE gone")

    def check(self):
        """omendb's own checker; an index that it refuses ends the run."""
        if self.extension == "omendb" and not self.opt.no_check:
            self.sql("SELECT * FROM omendb_index_check('t_idx', true)")

    def search(self, ef):
        """Ids of each query, and the seconds of the whole statement."""
        one = self.data.line
        options = f" -c enable_seqscan=off -c {self.known['ef']}={ef}"
        text = ("SELECT q.id, r.id FROM q CROSS JOIN LATERAL (SELECT id FROM t "
                f"ORDER BY embedding {self.operator} q.embedding LIMIT {one.k}) r")
        # the first statement loads the library, so that the setting is known to it
        load = "LOAD 'omendb';" if self.extension == "omendb" else "LOAD 'vector';"
        plan = "\n".join(r[0] for r in self.sql(load + "EXPLAIN " + text, options))
        if "Index Scan using t_idx" not in plan:
            raise SystemExit(f"recall: {one.name}: {self.extension} does not use its index:\n{plan}")
        start = time.time()
        found = [[] for _ in self.data.query]
        for query, row in self.sql(load + text, options):
            found[int(query)].append(int(row))
        return found, time.time() - start

    def measure(self):
        return {str(ef): self.data.figures(self.search(ef)[0]) for ef in self.opt.ef}


# -------------------------------------------------------------------- runs

class Kept:
    """pgvector's figures of earlier runs."""

    def __init__(self, folder, version, again):
        self.folder, self.version, self.again = folder, version, again

    def path(self, data, state):
        return os.path.join(self.folder, f"pgvector-{self.version}-{data.key}-{state}.json")

    def get(self, data, state):
        try:
            with open(self.path(data, state), encoding="utf-8") as f:
                return json.load(f)
        except FileNotFoundError:
            return None

    def put(self, data, state, figures):
        """Merged with what is there: an earlier run may have measured other values of ef_search."""
        path = self.path(data, state)
        with open(path + ".tmp", "w", encoding="utf-8") as f:
            json.dump({**(self.get(data, state) or {}), **figures}, f)
        os.replace(path + ".tmp", path)


def states_of(extension, data, opt, kept):
    """The states to be measured, of those asked for that the line has."""
    states = [s for s in shapes.STATES if s in opt.states and s in data.line.states]
    if extension != "pgvector" or opt.again:
        return states
    have = {s: kept.get(data, s) or {} for s in states}
    return [s for s in states if any(str(ef) not in have[s] for ef in opt.ef)]


def measure_line(server, extension, data, opt, kept, result):
    """Fills result[state][extension].  reinserted goes on with built's index, so that it comes right after it."""
    index = Index(server, extension, data, opt)
    states = states_of(extension, data, opt, kept)
    for state in ("built", "reinserted", "grown", "half"):
        if state not in states:
            continue
        start = time.time()
        if state == "reinserted" and "built" not in states:
            index.built()
        getattr(index, state)()
        index.check()
        ready = time.time() - start
        figures = index.measure()
        result.setdefault(state, {})[extension] = figures
        if extension == "pgvector":
            kept.put(data, state, figures)
        log(f"{data.line.name:22s} {state:10s} {extension:8s} "
            + "  ".join(f"ef {ef}: {f['recall']:.3f}" + (f" lost {f['lost']}" if f["lost"] else "") for ef, f in figures.items())
            + f"  ({ready:.1f} s, then {time.time() - start - ready:.1f} s)")
    if states:
        index.sql("DROP TABLE t, q, single")


def prepare(server, extension):
    server.sql("postgres", f"DROP DATABASE IF EXISTS recall_{extension}")
    server.sql("postgres", f"CREATE DATABASE recall_{extension}")
    server.sql("recall_" + extension, f"CREATE EXTENSION {EXTENSIONS[extension]['extension']}")
    return server.value("recall_" + extension, "SELECT extversion FROM pg_extension WHERE extname = "
                                               f"'{EXTENSIONS[extension]['extension']}'")


def write(opt, result):
    with open(opt.json, "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1)
    if opt.markdown:
        with open(opt.markdown, "w", encoding="utf-8") as f:
            f.write(table(result, opt.ef))


def kept_version(folder):
    """The version of pgvector whose figures the folder has, for runs that have no pgvector."""
    names = [n.split("-")[1] for n in os.listdir(folder) if n.startswith("pgvector-") and n.endswith(".json")]
    return max(names, default="none")


def run(server, opt):
    names = [opt.only] if opt.only else list(EXTENSIONS)
    if opt.pg_config:
        names = ["omendb"]
    versions = {n: prepare(server, n) for n in names}
    kept = Kept(opt.kept, versions.get("pgvector") or kept_version(opt.kept), opt.again)
    result = {"commit": opt.commit, "server": server.value("postgres", "SHOW server_version"), "with": opt.with_,
              "pgvector": kept.version, "rows_scale": opt.rows_scale, "lines": {}}
    for one in opt.lines:
        data = Data(one, opt)
        figures = {s: {} for s in one.states if s in opt.states}
        for state in figures:
            earlier = kept.get(data, state)
            if earlier:
                figures[state]["pgvector"] = earlier
        result["lines"][one.name] = {"about": one.about, "metric": one.metric, "rows": len(data.base), "dim": data.base.shape[1],
                                     "k": one.k, "queries": len(data.query), "states": figures}
        for name in names:
            measure_line(server, name, data, opt, kept, figures)
        for text in marks(one.name, figures, opt.ef):
            log("      ", text)
        write(opt, result)
    print(table(result, opt.ef))
    print(summary(result, opt.ef))


def main():
    opt = options()
    if opt.list:
        for one in opt.lines:
            print(one_line(one))
        return
    os.makedirs(opt.kept, exist_ok=True)
    os.makedirs(os.path.dirname(os.path.abspath(opt.json)), exist_ok=True)
    server = OwnServer(opt.pg_config, settings()) if opt.pg_config else Server(opt.root, settings())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("recall: terminated"))
    server.start()
    try:
        run(server, opt)
    finally:
        server.stop()


main()
