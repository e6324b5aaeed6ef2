#!/usr/bin/python3
"""
typebench.py -- the measuring part of bench/types: an index of each type and metric, by omendb
and by pgvector: build, size, recall and queries a second of the backend's CPU time, which a
busy machine disturbs less than the clock.
"""
import os
import subprocess
import sys
import time

from options import EXTENSIONS, parser, settings, words

SETS = {
    # rows of sets/rows.py and what they are made with, operator class, operator, recall to compare at
    "halfvec": ("Halfvec", (256,), "halfvec_cosine_ops", "<=>", .995),
    "bit": ("Bit", (1024,), "bit_hamming_ops", "<~>", .99),
    "jaccard": ("Bit", (1024,), "bit_jaccard_ops", "<%>", .99),
    "sparsevec": ("Sparse", (), "sparsevec_ip_ops", "<#>", .95),
}
EF = (10, 20, 40, 80, 160)
QUERIES = 200


def options():
    p = parser("types", "halfvec, bit and sparsevec: omendb beside pgvector", SETS, seconds=3, rounds=3)
    p.set_defaults(rows=50_000)
    p.add_argument("--bin", help="programs of PostgreSQL in the folder, instead of the system's")
    p.add_argument("--home", help="folder of the server there")
    a = p.parse_args()
    a.sets = words(p, a.sets, SETS)
    return a


opt = options()
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sets"))

import rows                                                          # noqa: E402
from bench import heading, measure_sets                              # noqa: E402
from server import Server                                            # noqa: E402
from vecs import log                                                 # noqa: E402

RECALL = """
CREATE FUNCTION found(t text, op text) RETURNS TABLE (id int, d float8[]) LANGUAGE plpgsql AS $$
DECLARE i int;
BEGIN
    FOR i IN EXECUTE format('SELECT id FROM %1$s_q', t) LOOP
        id := i;
        EXECUTE format('SELECT array_agg(d) FROM (SELECT v %2$s (SELECT v FROM %1$s_q WHERE id = $1) AS d FROM %1$s
            ORDER BY 1 LIMIT 10) s', t, op) INTO d USING i;
        RETURN NEXT;
    END LOOP;
END $$;
"""


class Index:
    fresh = set()    # databases that this run has created

    def __init__(self, server, extension, name):
        self.server, self.extension, self.t = server, extension, "rows_" + name
        self.known = EXTENSIONS[extension]
        self.database = "types_" + extension
        _, _, self.opclass, self.operator, _ = SETS[name]
        self.result = {"by_ef": {}}

    def sql(self, text, ef=None):
        more = f" -c {self.known['ef']}={ef}" if ef else ""
        return self.server.sql(self.database, text, "-c jit=off -c client_min_messages=warning" + more)

    def copy(self, table, lines):
        log(self.extension, "loading", table)
        done = subprocess.run(self.server.command("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.database, "-c",
                                                  f"COPY {table} FROM STDIN"),
                              input="".join(f"{i}\t{line}\n" for i, line in enumerate(lines)), text=True)
        if done.returncode != 0:
            raise SystemExit("typebench: COPY failed")

    def load(self, kind, base, query):
        t = self.t
        if self.database not in Index.fresh:
            self.server.sql("postgres", f"DROP DATABASE IF EXISTS {self.database}")
            self.server.sql("postgres", f"CREATE DATABASE {self.database}")
            self.sql(f"CREATE EXTENSION {self.known['extension']}; CREATE EXTENSION pg_prewarm; {RECALL}")
            Index.fresh.add(self.database)
        self.sql(f"DROP TABLE IF EXISTS {t}, {t}_q, {t}_truth; CREATE TABLE {t} (id int, v {kind});"
                 f"CREATE TABLE {t}_q (id int PRIMARY KEY, v {kind})")
        self.copy(t, base)
        self.copy(t + "_q", query)
        self.sql(f"VACUUM ANALYZE {t}; VACUUM ANALYZE {t}_q; SELECT pg_prewarm('{t}');"
                 f"CREATE TABLE {t}_truth AS SELECT * FROM found('{t}', '{self.operator}')")

    def build(self):
        self.sql(f"ALTER TABLE {self.t} SET (parallel_workers = {opt.workers}); CHECKPOINT")
        self.server.wait_for_backends()
        cpu, start = self.server.children_cpu(), time.time()
        self.sql(f"CREATE INDEX {self.t}_i ON {self.t} USING {self.known['method']} (v {self.opclass}) "
                 f"WITH (m = {opt.m}, ef_construction = {opt.ef_construction})")
        seconds = time.time() - start
        self.server.wait_for_backends()
        self.result.update(build_seconds=seconds, build_cpu_seconds=self.server.children_cpu() - cpu,
                           bytes_per_row=int(self.sql(f"SELECT pg_relation_size('{self.t}_i')")[0][0]) / opt.rows)
        if self.extension == "omendb":
            self.sql(f"SELECT * FROM omendb_index_check('{self.t}_i', true)")

    def recall(self, ef):
        return float(self.sql(
            f"SET enable_seqscan = off; SELECT sum((SELECT count(*) FROM unnest(f.d) x WHERE x <= e.d[10] + 1e-6 * abs(e.d[10]))) "
            f"/ sum(cardinality(e.d)) FROM found('{self.t}', '{self.operator}') f JOIN {self.t}_truth e USING (id)", ef)[0][0])

    def queries(self, ef):
        script = (f"\\set id random(0, {QUERIES - 1})\n"
                  f"SELECT id FROM {self.t} ORDER BY v {self.operator} (SELECT v FROM {self.t}_q WHERE id = :id) LIMIT 10;\n")
        return self.server.pgbench(self.database, script, f"-c enable_seqscan=off -c jit=off -c {self.known['ef']}={ef}",
                                   seconds=opt.seconds)


def at_recall(points, target):
    """Queries a CPU second at a recall, between the ef_search values around it; None if there are none."""
    points = sorted(points)
    for (r0, q0), (r1, q1) in zip(points, points[1:]):
        if r0 <= target <= r1:
            return q0 if r1 == r0 else q0 + (q1 - q0) * (target - r0) / (r1 - r0)
    return None


def measure(server, name, result):
    maker, arguments, _, _, target = SETS[name]
    source = getattr(rows, maker)(*arguments)
    base, query = source.draw(opt.rows, 3), source.draw(QUERIES, 2)
    indexes = [Index(server, e, name) for e in EXTENSIONS]
    for i in indexes:
        i.load(source.type, base, query)
        i.build()
        result["sets"].setdefault(name, {})[i.extension] = i.result
    for ef in [int(x) for x in opt.ef.split(",")] if opt.ef else EF:
        runs = {i.extension: [] for i in indexes}
        for _ in range(opt.rounds):
            for i in indexes:
                runs[i.extension].append(i.queries(ef))
        for i in indexes:
            tps, cpu = (sorted(x)[len(x) // 2] for x in zip(*runs[i.extension]))
            i.result["by_ef"][ef] = {"recall": i.recall(ef), "queries_per_second": tps, "queries_per_cpu_second": cpu}
    print(f"\n{name}: {opt.rows} rows of {source.type}, {SETS[name][2]}")
    for i in indexes:
        r = i.result
        print(f"  {i.extension:9} build {r['build_seconds']:.1f} s, {r['build_cpu_seconds']:.1f} CPU s; {r['bytes_per_row']:.0f} bytes a row")
        for ef, e in r["by_ef"].items():
            print(f"    ef {ef:4} recall {e['recall']:.4f}  {e['queries_per_cpu_second']:8.0f} queries a CPU second, "
                  f"{e['queries_per_second']:8.0f} a second")
    at = [at_recall([(e["recall"], e["queries_per_cpu_second"]) for e in i.result["by_ef"].values()], target) for i in indexes]
    result["sets"][name]["at_recall"] = dict(zip(EXTENSIONS, at), recall=target)
    if all(at):
        print(f"  at recall {target}: omendb {at[1]:.0f}, pgvector {at[0]:.0f} queries a CPU second: {at[1] / at[0]:.1f} times")
    else:
        print(f"  not compared at recall {target}: it is not between two of the ef_search values of each")
    sys.stdout.flush()


def main():
    server = Server(opt.root, settings(opt))
    if opt.bin:
        server.bin = opt.bin
    if opt.home:
        server.home, server.data = opt.home, opt.home + "/data"
        server.settings["unix_socket_directories"] = opt.home
    result = measure_sets(opt, server, measure)
    print("\n" + heading(opt, server, result))


main()
