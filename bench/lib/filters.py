#!/usr/bin/python3
"""
filters.py -- the measuring part of bench/filters: ORDER BY distance LIMIT 10 under
conditions that match from all rows to one in 100,000, omendb with filter columns
beside pgvector, each with btree indexes on the same columns.

A point is one kind of condition at one selectivity (sets/attributes.py). At each
point four systems take turns, each in a session of its own.
"""
import collections
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sets"))

from options import EXTENSIONS, parser, settings, words

SETS = ("fashion784", "clust128")
KINDS = ("range", "equal", "three", "near", "far")      # of sets/attributes.py, which needs numpy
# name: label, extension, colour and dash and marker of its line
SYSTEMS = {
    "omendb": ("omendb", "omendb", "red", "solid", "circle"),
    "omendb_alone": ("omendb, no btree", "omendb", "blue", "dotted", "diamond"),
    "pgvector": ("pgvector, iterative hnsw", "pgvector", "grey", "dashed", "square"),
    "pgvector_planner": ("pgvector, its planner", "pgvector", "olive", "dashed", "triangle"),
}
SESSIONS = {
    "pgvector": "-c hnsw.iterative_scan=strict_order -c enable_seqscan=off -c enable_bitmapscan=off -c enable_sort=off",
    "pgvector_planner": "-c hnsw.iterative_scan=strict_order",
}
EF = 40
FEWEST = 24                             # queries of a slow system at a point


def options():
    p = parser("filters", "WHERE and ORDER BY distance at every selectivity", SETS, seconds=.4, rounds=3)
    p.add_argument("--kinds", default=",".join(KINDS), help="comma-separated; default %(default)s")
    p.add_argument("--shares", help="comma-separated percentages instead of all, such as 100,10,1")
    p.add_argument("--queries", type=int, default=250, help="queries of a point (default %(default)s)")
    p.add_argument("--cap", type=float, default=2.5, metavar="SECONDS",
                   help="a system that needs longer for the queries of a point gets fewer (default %(default)s)")
    p.add_argument("--only", choices=EXTENSIONS, help="measure one extension only")
    p.add_argument("--reuse", nargs="?", const=",".join(EXTENSIONS), default="", metavar="EXTENSION",
                   help="keep the tables and indexes of an earlier run (of one extension only)")
    a = p.parse_args()
    a.sets, a.kinds = words(p, a.sets, SETS), words(p, a.kinds, KINDS)
    a.reuse = words(p, a.reuse, EXTENSIONS) if a.reuse else []
    a.ef = int(a.ef or EF)
    a.systems = [s for s, known in SYSTEMS.items() if a.only in (None, known[1])]
    return a


opt = options()

from attributes import attributes_of                                           # noqa: E402
from bench import Bench, Data, heading, measure_sets                           # noqa: E402
from filterreport import draw, report                                          # noqa: E402
from server import HOME, Server                                                # noqa: E402
from session import Session                                                    # noqa: E402
from vecs import log, read_vecs, recall                                        # noqa: E402


# ------------------------------------------------------------ tables, indexes

class Filtered(Bench):
    """A table with filter columns, its vector index, and a btree on each column."""

    def __init__(self, server, extension, data):
        super().__init__(server, extension, data, opt, database=f"filters_{data.name}")

    def prepare(self):
        self.load(self.extension in opt.reuse)
        if not (self.extension in opt.reuse and self.earlier_build()):
            if self.extension == "omendb":
                self.sizes_of_columns()
                self.filters = tuple(self.data.columns)
            self.build()
            self.size("index_bytes_per_row")
            self.check("build")
            for column in self.data.columns:
                self.sql(f"CREATE INDEX ON {self.t} ({column})")
            self.sql(f"VACUUM ANALYZE {self.t}")
            self.remember_build()
        self.btrees(True)
        self.warm()
        for name, in self.sql(f"SELECT indexrelid::regclass FROM pg_index WHERE indrelid = '{self.t}'::regclass"):
            self.sql(f"SELECT pg_prewarm('{name}')")

    def sizes_of_columns(self):
        """The index without filter columns, and with one that cannot be narrowed: random bigint."""
        self.build()
        self.result["plain_build_seconds"] = self.result["build_seconds"]
        self.size("plain_bytes_per_row")
        wide = f"{self.t}_wide"
        self.sql(f"SET client_min_messages = warning; DROP TABLE IF EXISTS {wide};"
                 f"CREATE TABLE {wide} AS SELECT embedding, hashint8extended(id, 7) AS w FROM {self.t} WHERE id < 60000;"
                 f"CREATE INDEX {wide}_0 ON {wide} USING omenhnsw (embedding {self.opclass});"
                 f"CREATE INDEX {wide}_1 ON {wide} USING omenhnsw (embedding {self.opclass}, w)")
        sizes = self.sql(f"SELECT pg_relation_size('{wide}_0'), pg_relation_size('{wide}_1'), count(*) FROM {wide}")[0]
        without, with_, rows = map(int, sizes)
        self.result["bigint_column_bytes_per_row"] = (with_ - without) / rows
        self.sql(f"DROP TABLE {wide}")

    def btrees(self, shown):
        """Whether the planner is to know the btree indexes.  Plans that are made already stay."""
        self.sql(f"UPDATE pg_index SET indisvalid = {shown} FROM pg_class c, pg_am a WHERE c.oid = indexrelid "
                 f"AND a.oid = c.relam AND amname = 'btree' AND indrelid = '{self.t}'::regclass")


# ---------------------------------------------------------------- one system

def plan_name(plan, index):
    """What a plan does, in a word or two."""
    if f"Index Scan using {index}" in plan:
        return "hnsw"
    if "BitmapAnd" in plan:
        return "bitmaps"
    if "Bitmap Heap Scan" in plan:
        return "bitmap"
    return "btree" if "Index Scan" in plan or "Index Only Scan" in plan else "seq scan"


class System:
    """A system at a point: its session, what it returned, and its runs."""

    def __init__(self, name, bench, point, vectors):
        self.name, self.point, self.bench = name, point, bench
        self.session = Session(bench.server.root + HOME, bench.database,
                               f"-c {bench.known['ef']}={opt.ef} {SESSIONS.get(name, '')}")
        self.session.prepare([f"SELECT id FROM {bench.t}{f' WHERE {w}' if w else ''} "
                              f"ORDER BY embedding {bench.operator} {v} LIMIT 10" for w, v in zip(point.where, vectors)])
        self.found, self.runs, self.next = [], [], 0
        self.plans, self.planning = self.look_at_plans()
        self.slow = False

    def look_at_plans(self):
        """What each plan does, and the milliseconds that it took to make it."""
        plans, times = zip(*(self.session.explain(i) for i in range(len(self.point.where))))
        return [plan_name(p, self.bench.index) for p in plans], statistics.median(times)

    def first_pass(self):
        """Each query once: for what it returns, and to warm the session.  A slow system stops at
        the cap, and this pass, in three parts, is what counts."""
        seconds, cpu = [], []
        for i in range(len(self.point.where)):
            a, b = self.session.cpu(), time.perf_counter()
            self.found.append(self.session.ids(i))
            seconds.append(time.perf_counter() - b)
            cpu.append(self.session.cpu() - a)
            if sum(seconds) > opt.cap and i + 1 >= FEWEST:
                self.slow = True
                break
        if self.slow:
            third = len(seconds) // 3
            self.runs = [(third / sum(seconds[s:s + third]), third / sum(cpu[s:s + third]))
                         for s in (0, third, 2 * third)]

    def round(self):
        """Queries in turn for a while: queries/s, and per CPU second of the backend."""
        done, cpu, start = 0, self.session.cpu(), time.perf_counter()
        while (now := time.perf_counter()) - start < opt.seconds or done == 0:
            self.session.run(self.next)
            self.next = (self.next + 1) % len(self.point.where)
            done += 1
        self.runs.append((done / (now - start), done / max(self.session.cpu() - cpu, 1e-6)))

    def finish(self, data):
        """The figures of the point."""
        if self.look_at_plans()[0] != self.plans:
            raise SystemExit(f"bench: plans of {self.name} changed during the run")
        self.session.close()
        qps, per_cpu = zip(*self.runs)
        point, found = self.point, self.found
        for i, ids in enumerate(found):
            if len(ids) > point.k or len(set(ids)) < len(ids) or not point.inside(i, ids, len(data.base)):
                raise SystemExit(f"bench: {self.name} returned wrong rows for {point.where[i]}: {ids}")
        return {"recall": recall(found, data.base, data.query, point.truth, "l2", point.k) if point.k else 1.0,
                "rows": sum(map(len, found)) / len(found), "fewest_rows": min(map(len, found)),
                "short": sum(len(ids) < point.k for ids in found), "queries": len(found),
                "qps": statistics.median(qps), "per_cpu_second": statistics.median(per_cpu), "runs": self.runs,
                "planning_ms": self.planning, "plans": dict(collections.Counter(self.plans).most_common())}


# ------------------------------------------------------------------ all of it

def vector_text(v):
    return "'[" + ",".join(f"{x:.9g}" for x in v) + "]'"


def measure_point(point, benches, data, vectors):
    systems = []
    for name in opt.systems:
        bench = benches[SYSTEMS[name][1]]
        if name == "omendb_alone":
            bench.btrees(False)
        systems.append(System(name, bench, point, vectors))
        if name == "omendb_alone":
            bench.btrees(True)
    for s in systems:
        s.first_pass()
    for _ in range(opt.rounds):
        for s in systems:
            if not s.slow:
                s.round()
    figures = {s.name: s.finish(data) for s in systems}
    log(f"{point.name:12s} " + "; ".join(f"{n} {f['recall']:.3f} {f['rows']:.1f} {f['qps']:,.0f}/s {'/'.join(f['plans'])}"
                                         for n, f in figures.items()))
    return {"kind": point.kind, "share": point.share, "label": point.label, "matching": point.matching(),
            "limit": point.k, "where": point.where[0], "systems": figures}


def measure_set(server, name, result):
    folder = os.path.join(opt.sets_folder, name)
    base = read_vecs(folder + "/base.fvecs", "f4", opt.rows)
    query = read_vecs(folder + "/query.fvecs", "f4")[:opt.queries]
    attributes = attributes_of(name, folder, base, query)
    data = Data(name, "l2", .98, [opt.ef], base, query, base[:0], truth=attributes.without_condition().truth)
    data.columns = attributes.columns
    one = result["sets"][name] = {**data.head(), "columns": list(data.columns), "points": []}
    benches = {}
    for extension in EXTENSIONS:
        if opt.only in (None, extension):
            benches[extension] = b = Filtered(server, extension, data)
            b.prepare()
            one[extension] = b.result
    vectors = [vector_text(v) for v in query]
    shares = [float(s) / 100 for s in opt.shares.split(",")] if opt.shares else None
    points = [p for p in attributes.points if p.kind in opt.kinds
              and (not shares or p.label or any(abs(p.share / s - 1) < 1e-6 for s in shares))]
    for p in [attributes.without_condition(), *points]:
        one["points"].append(measure_point(p, benches, data, vectors))


def main():
    os.makedirs(os.path.dirname(os.path.abspath(opt.json)), exist_ok=True)
    server = Server(opt.root, settings(opt))
    result = measure_sets(opt, server, measure_set)
    print("\n" + heading(opt, server, result))
    print(report(result, SYSTEMS))
    print(f"\nfilters: done; the figures are in {os.path.abspath(opt.json)}")
    for path in draw(os.path.dirname(os.path.abspath(opt.json)), result, SYSTEMS):
        print("drawing:", path)


main()
