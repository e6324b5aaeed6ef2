#!/usr/bin/python3
"""
calibration.py -- the measuring part of bench/calibration: for each set and number of rows an
index is built, which measures its own recall; then held-out queries are run with each
omenhnsw.target_recall, each condition and each LIMIT, and their recall is compared with
the target.
"""
import json
import os
import re
import sys
import time

from options import METRICS, SETS, parser, settings, words


def options():
    p = parser("calibration", "what searches reach that are to reach a recall", SETS, seconds=0, rounds=1)
    p.add_argument("--sizes", default="1000,10000,100000,1000000", help="rows; more than a set has: all of them (default %(default)s)")
    p.add_argument("--targets", default="0.90,0.95,0.99")
    p.add_argument("--limits", default="1,10,100", help="k of the k nearest rows (default %(default)s)")
    p.add_argument("--queries", type=int, default=1000)
    p.add_argument("--shares", default="100,50,10,1", help="percent of the rows that match (default %(default)s)")
    p.add_argument("--with", dest="with_", default="", metavar="OPTIONS", help="storage parameters besides m and ef_construction")
    p.add_argument("--pg-config", help="a PostgreSQL of this machine that has omendb, instead of the folder's")
    opt = p.parse_args()
    opt.sets = words(p, opt.sets, SETS)
    return opt


opt = options()
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sets"))

import numpy as np                                                   # noqa: E402
from bench import heading, new_result                                # noqa: E402
from server import OwnServer, Server                                 # noqa: E402
from session import Session                                          # noqa: E402
from vecs import exact, log, read_vecs, recall                       # noqa: E402

DATABASE = "calibration"
PARTS = 10_000          # values of the filter column
SHORT = .01             # what a search may miss its target by


def numbers(text, kind=float):
    return [kind(x) for x in text.split(",")]


def load(server, base, part):
    server.sql("postgres", f"DROP DATABASE IF EXISTS {DATABASE}")
    server.sql("postgres", f"CREATE DATABASE {DATABASE}")
    server.sql(DATABASE, f"CREATE EXTENSION omendb; CREATE TABLE t (id int, r int, embedding vector({base.shape[1]}));")
    server.copy_vectors(DATABASE, "t", base, columns={"r": part})
    server.sql(DATABASE, f"ALTER TABLE t SET (parallel_workers = {opt.workers}); VACUUM ANALYZE t; SELECT sum(vector_dims(embedding)) FROM t")


def build(server, metric):
    """Seconds of the build, and of these what the calibration took, and with how many queries."""
    more = ", " + opt.with_ if opt.with_ else ""
    start = time.time()
    _, err = server.run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", DATABASE, "-f", "-", stdin=(
        f"SET client_min_messages = debug1; CREATE INDEX t_v ON t USING omenhnsw (embedding {METRICS[metric][0]}, r) "
        f"WITH (m = {opt.m}, ef_construction = {opt.ef_construction}{more})"))
    seconds = time.time() - start
    told = re.search(r"recall of (\d+) queries measured in ([0-9.]+) s", err)
    return {"build_seconds": seconds, "queries": int(told[1]) if told else 0, "calibration_seconds": float(told[2]) if told else 0}


def search(server, share, metric, query, limits, targets):
    """ids by target and limit, and the ef that was picked."""
    s = Session(server.root + server.home, DATABASE)
    for name in ("enable_seqscan", "enable_sort", "jit"):
        s.sql(f"SET {name} = off")
    where = "" if share == 100 else f"WHERE r < {int(share * PARTS / 100)} "
    vectors = ["[" + ",".join("%.9g" % x for x in q) + "]" for q in query]
    s.prepare([f"SELECT id FROM t {where}ORDER BY embedding {METRICS[metric][1]} '{v}' LIMIT {k}" for k in limits for v in vectors])
    found = {}
    for target in targets:
        s.sql(f"SET omenhnsw.target_recall = {target}")
        for i, k in enumerate(limits):
            ids = [s.ids(i * len(vectors) + n) for n in range(len(vectors))]
            ef, source = s.sql("SELECT ef_search, ef_source FROM omendb_last_scan()")[0]
            found[target, k] = ids, int(ef), source
    plan = s.explain(0)[0]
    if "Index Scan using t_v" not in plan:
        raise SystemExit("calibration: not the plan that was wanted:\n" + plan)
    s.close()
    return found


def measure(server, name, metric, base, query, part):
    limits, targets = numbers(opt.limits, int), numbers(opt.targets)
    lines = []
    for share in numbers(opt.shares):
        rows = np.flatnonzero(part < share * PARTS / 100)
        if len(rows) == 0:
            continue
        ids, dist = exact(base[rows], query, metric, max(limits))
        found = search(server, share, metric, query, limits, targets)
        for (target, k), (ids, ef, source) in found.items():
            reached = recall(ids, base, query, dist, metric, min(k, len(rows)))
            lines.append({"set": name, "rows": len(base), "share": share, "k": k, "target": target, "reached": reached,
                          "ef": ef, "source": source})
        text = "; ".join(f"{t:.2f}: " + ", ".join(f"{x['reached']:.4f} (ef {x['ef']})" + ("!" * (x["reached"] < t - SHORT))
                                                  for x in lines if x["share"] == share and x["target"] == t) for t in targets)
        log(f"{name} {len(base)} rows, {share:g} %: {text}")
    return lines


def report(result):
    lines = [x for one in result["sets"].values() for x in one["searches"]]
    short = [x for x in lines if x["reached"] < x["target"] - SHORT]
    print(f"\nrecall@{'/'.join(opt.limits.split(','))} that was reached, and the ef picked")
    print(f"{'set':10s} {'rows':>8s} {'match':>6s}  " + "  ".join(f"{'target ' + t:32s}" for t in opt.targets.split(",")))
    for key in dict.fromkeys((x["set"], x["rows"], x["share"]) for x in lines):
        cells = []
        for t in numbers(opt.targets):
            ours = [x for x in lines if (x["set"], x["rows"], x["share"]) == key and x["target"] == t]
            cells.append(" ".join(f"{x['reached']:.3f}{'!' if x in short else ' '}" for x in ours) + " " + "/".join(str(x["ef"]) for x in ours))
        print(f"{key[0]:10s} {key[1]:8d} {key[2]:5g}%  " + "  ".join(f"{c:32s}" for c in cells))
    for name, one in result["sets"].items():
        print(f"{name:20s} build {one['build_seconds']:7.1f} s, of which {one['calibration_seconds']:.2f} s "
              f"({100 * one['calibration_seconds'] / one['build_seconds']:.0f} %) for {one['queries']} queries")
    print(f"{len(short)} of {len(lines)} are more than {SHORT} below their target"
          + (f"; the lowest by {max(x['target'] - x['reached'] for x in short):.4f}" if short else ""))


def main():
    server = OwnServer(opt.pg_config, settings(opt)) if opt.pg_config else Server(opt.root, settings(opt))
    result = new_result(opt, server)
    server.start()
    try:
        result["server"] = server.value("postgres", "SELECT version()")
        for name in opt.sets:
            metric = SETS[name][0]
            folder = os.path.join(opt.sets_folder, name)
            everything = read_vecs(folder + "/base.fvecs", np.float32, opt.rows)
            # a set may have an order: frequent words first
            order = np.random.default_rng(1).permutation(len(everything))
            query = np.random.default_rng(3).permutation(read_vecs(folder + "/query.fvecs", np.float32))[:opt.queries]
            for size in dict.fromkeys(min(n, len(everything)) for n in numbers(opt.sizes, int)):
                base = np.ascontiguousarray(everything[order[:size]])
                part = np.random.default_rng(2).permutation(size) * np.int64(PARTS) // size
                load(server, base, part.astype(np.int32))
                one = build(server, metric)
                log(f"{name} {size} rows: built in {one['build_seconds']:.1f} s, {one['calibration_seconds']:.2f} s of these "
                    f"for {one['queries']} queries")
                one["searches"] = measure(server, name, metric, base, query, part)
                result["sets"][f"{name}, {size}"] = one
        os.makedirs(os.path.dirname(os.path.abspath(opt.json)), exist_ok=True)
        with open(opt.json, "w") as f:
            json.dump(result, f, indent=1)
    finally:
        server.stop()
    report(result)
    print(heading(opt, server, result))


main()
