#!/usr/bin/python3
"""
insertbench.py -- the measuring part of bench/inserts: the same number of rows in statements of one row and of many.
"""
import statistics

from options import EXTENSIONS, SETS, parser, settings

BATCHES = (1, 100, 1000)
ORDERS = ("near", "random")
WITH_CODES = "omendb_codes"


def options():
    p = parser("inserts", "inserts of one row and of many with a statement", ("clust128",), seconds=0, rounds=3)
    p.add_argument("--part", type=int, default=4000, help="rows inserted at a time, a multiple of 1,000 (default %(default)s)")
    p.add_argument("--codes", action="store_true", help="also omendb with neighbor_codes = on, by a table and an index of its own")
    p.add_argument("--pg-config", help="a PostgreSQL of this machine that has omendb, instead of the folder's")
    p.set_defaults(rows=100_000)
    a = p.parse_args()
    if a.sets not in SETS:
        p.error(f"one set at a time: {', '.join(SETS)}")
    if a.part < 1000 or a.part % 1000:
        p.error("--part must be a multiple of 1,000")
    a.name, a.sets = a.sets, [a.sets]
    return a


opt = options()

import os                                                               # noqa: E402

import numpy as np                                                      # noqa: E402
from bench import Bench, Data, heading, measure_sets                    # noqa: E402
from server import OwnServer, Server                                    # noqa: E402
from vecs import log, read_vecs                                         # noqa: E402


def in_groups(rows):
    """The rows, by groups of about 1,000 that have the same nearest of some of them."""
    pivots = rows[np.random.default_rng(1).choice(len(rows), max(len(rows) // 1000, 1), replace=False)]
    far = (pivots ** 2).sum(1)
    nearest = np.concatenate([(far - 2 * part @ pivots.T).argmin(1) for part in np.array_split(rows, 64)])
    return rows[np.argsort(nearest, kind="stable")]


def read():
    """The set's first rows, and then those to insert: groups of near rows, then as many rows in no order."""
    metric, target, ef = SETS[opt.name]
    each = opt.part * len(BATCHES) * opt.rounds
    rows = read_vecs(os.path.join(opt.sets_folder, opt.name, "base.fvecs"), np.float32, opt.rows + 2 * each)
    if len(rows) < opt.rows + 2 * each:
        raise SystemExit(f"inserts: {opt.name} has {len(rows)} rows, not {opt.rows} and {2 * each} to insert")
    insert = np.concatenate([in_groups(rows[opt.rows:opt.rows + each]), rows[opt.rows + each:]])
    return Data(opt.name, metric, target, ef, rows[:opt.rows], rows[:10], insert)


def insert(bench, order, batch, first):
    """opt.part rows by statements of so many: rows a second, microseconds of CPU and bytes of WAL of a row."""
    start = len(bench.data.base) + first
    script = (f"\\set i :i + {batch}\nINSERT INTO {bench.t} SELECT id, embedding FROM {bench.t}_i "
              f"WHERE id >= :i AND id < :i + {batch};\n")
    bench.sql("CHECKPOINT")
    before = bench.value("SELECT pg_current_wal_insert_lsn()")
    per_second, per_cpu = bench.server.pgbench(bench.database, script, variables={"i": start - batch}, transactions=opt.part // batch)
    wal = float(bench.value(f"SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '{before}')"))
    one = {"rows_per_second": per_second * batch, "cpu_us": 1e6 / (per_cpu * batch), "wal_bytes": wal / opt.part}
    bench.result.setdefault(f"{order} {batch}", []).append(one)
    log(f"{bench.name}, {order}, {batch} a statement: {one['rows_per_second']:,.0f} rows/s, {one['cpu_us']:,.0f} us of CPU a row")


def measure(server, name, result):
    data = read()
    one = result["sets"][name] = data.head()
    benches = [Bench(server, n, data, opt, database="inserts") for n in (["omendb"] if opt.pg_config else EXTENSIONS)]
    if opt.codes:
        benches.append(Bench(server, "omendb", data, opt, name=WITH_CODES, storage="neighbor_codes = on", database="inserts_codes"))
    for bench in benches:
        one[bench.name] = bench.result
        bench.load()
        bench.build()
        bench.size("bytes_per_row")
        bench.warm()
    half = len(data.insert) // 2
    for turn in range(opt.rounds):
        for number, batch in enumerate(BATCHES):
            for order in ORDERS:
                for bench in benches:
                    insert(bench, order, batch, ORDERS.index(order) * half + (turn * len(BATCHES) + number) * opt.part)
    for bench in benches:
        bench.check("insert")


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def names(one):
    return [n for n in (*EXTENSIONS, WITH_CODES) if n in one]


def table(result):
    lines = [f"{name}: built in {one[name]['build_seconds']:,.1f} s, {one[name]['bytes_per_row']:,.0f} bytes a row"
             for one in result["sets"].values() for name in names(one)]
    lines += ["", "| rows of a statement | order | extension | rows/s | of one by one | CPU us a row | WAL bytes a row |", "|---|---|---|---|---|---|---|"]
    for one in result["sets"].values():
        for order in ORDERS:
            for batch in BATCHES:
                for name in names(one):
                    runs, single = one[name][f"{order} {batch}"], one[name][f"{order} 1"]
                    rate = median(runs, "rows_per_second")
                    lines.append(f"| {batch:,} | {order} | {name} | {rate:,.0f} | {rate / median(single, 'rows_per_second'):.2f} x "
                                 f"| {median(runs, 'cpu_us'):,.0f} | {median(runs, 'wal_bytes'):,.0f} |")
    return "\n".join(lines)


def main():
    server = OwnServer(opt.pg_config, settings(opt)) if opt.pg_config else Server(opt.root, settings(opt))
    result = measure_sets(opt, server, measure)
    print("\n" + heading(opt, server, result))
    print(table(result))
    print(f"\ninserts: done; the figures are in {os.path.abspath(opt.json)}")


main()
