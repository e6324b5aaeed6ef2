#!/usr/bin/python3
"""
partitionbench.py -- the measuring part of bench/partitions: what planning and running a query of many partitions costs, in the
CPU time of the backend, beside a table with btrees.
"""
import statistics

from options import parser, settings


def options():
    p = parser("partitions", "planning and running queries of many partitions", ["partitions"], seconds=0, rounds=11)
    p.add_argument("--partitions", type=int, default=1000)
    p.add_argument("--pg-config", help="a PostgreSQL of this machine that has omendb, instead of the folder's")
    p.set_defaults(rows=20_000)
    a = p.parse_args()
    a.sets = ["partitions"]
    return a


opt = options()

from bench import heading, measure_sets                              # noqa: E402
from server import OwnServer, Server                                 # noqa: E402
from session import Session                                          # noqa: E402

DATABASE = "partitions"
QUERY = "'[" + ",".join(f".{i}" for i in range(1, 9)) + "]'"
LINES = (
    ("one partition, by a constant", f"SELECT id FROM item WHERE tenant = 7 ORDER BY v <-> {QUERY} LIMIT 10"),
    ("all, LIMIT 10", f"SELECT id FROM item ORDER BY v <-> {QUERY} LIMIT 10"),
    ("all, an order that is the distance's by another name", f"SELECT id FROM item ORDER BY 1 - (v <-> {QUERY}) DESC LIMIT 10"),
    ("all, within a radius, LIMIT 10", f"SELECT id FROM item WHERE v <-> {QUERY} < 0.3 ORDER BY v <-> {QUERY} LIMIT 10"),
    ("all, of btrees, LIMIT 10", "SELECT id FROM plain ORDER BY id LIMIT 10"),
)
PREPARED = "PREPARE by_key(int) AS SELECT id FROM item WHERE tenant = $1 ORDER BY v <-> " + QUERY + " LIMIT 10"


def load(server):
    server.sql("postgres", f"DROP DATABASE IF EXISTS {DATABASE}")
    server.sql("postgres", f"CREATE DATABASE {DATABASE}")
    server.sql(DATABASE, "CREATE EXTENSION omendb; SELECT setseed(.5);"
                         "CREATE TABLE item (tenant int, id int, v vector(8)) PARTITION BY LIST (tenant);"
                         "CREATE TABLE plain (LIKE item) PARTITION BY LIST (tenant);"
                         "CREATE INDEX ON item USING omenhnsw (v); CREATE INDEX ON plain (id);")
    for table in ("item", "plain"):
        server.sql(DATABASE, ";".join(f"CREATE TABLE {table}_{i} PARTITION OF {table} FOR VALUES IN ({i})" for i in range(opt.partitions)))
    server.sql(DATABASE, f"INSERT INTO item SELECT i % {opt.partitions}, i, ARRAY(SELECT random() + 0 * i FROM generate_series(1, 8))::real[]::vector "
                         f"FROM generate_series(1, {opt.rows}) i; INSERT INTO plain SELECT * FROM item; ANALYZE item; ANALYZE plain")


def milliseconds(session, text):
    """Of the backend's CPU: the median, without the first."""
    spent = []
    for _ in range(opt.rounds + 1):
        before = session.cpu()
        session.sql(text)
        spent.append(1000 * (session.cpu() - before))
    return statistics.median(spent[1:])


def measure(server, name, result):
    load(server)
    session = Session(server.root + server.home, DATABASE, "-c enable_seqscan=off -c enable_sort=off")
    lines = result["sets"][name] = {"partitions": opt.partitions, "rows": opt.rows, "ms": {}}
    print(f"\n| {opt.partitions} partitions, {opt.rows:,} rows | planned, ms | planned and run, ms |\n|---|---|---|")
    for what, text in LINES:
        lines["ms"][what] = milliseconds(session, "EXPLAIN " + text), milliseconds(session, text)
        print(f"| {what} | {lines['ms'][what][0]:.2f} | {lines['ms'][what][1]:.2f} |", flush=True)
    session.sql("SET plan_cache_mode = force_generic_plan")
    session.sql(PREPARED)
    before = session.cpu()
    session.sql("EXPLAIN EXECUTE by_key(7)")
    first = 1000 * (session.cpu() - before)
    lines["ms"]["one partition, by a parameter"] = first, milliseconds(session, "EXECUTE by_key(7)")
    print(f"| one partition, by a parameter, a plan for all values | {first:.2f}, once | {lines['ms']['one partition, by a parameter'][1]:.2f} |")
    session.close()


def main():
    server = OwnServer(opt.pg_config, settings(opt)) if opt.pg_config else Server(opt.root, settings(opt))
    result = measure_sets(opt, server, measure)
    print("\n" + heading(opt, server, result))


main()
