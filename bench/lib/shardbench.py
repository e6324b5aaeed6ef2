#!/usr/bin/python3
"""
shardbench.py -- the measuring part of bench/shards: 1, 2 and 3 servers as shards of another one (examples/shards), all on this
machine: answers beside those of one table, searches a second and latencies; a shard that is killed under load.
"""
import os
import subprocess
import sys
import threading
import time

from options import memory_mb, parser, settings


def options():
    p = parser("shards", "1, 2 and 3 servers that search together", ["lowdim"], seconds=3, rounds=1)
    p.add_argument("--dim", type=int, default=96)
    p.add_argument("--queries", type=int, default=200)
    p.add_argument("--clients", default="1,4", help="comma-separated; default %(default)s")
    p.add_argument("--servers", default="1,2,3", help="comma-separated; default %(default)s")
    p.add_argument("--pg-config", required=True, help="a PostgreSQL of this machine that has omendb")
    p.set_defaults(rows=30_000)
    return p.parse_args()


opt = options()
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sets"))

import json                                                          # noqa: E402

import numpy as np                                                   # noqa: E402
import lowdim                                                        # noqa: E402
from bench import heading, new_result                                # noqa: E402
from server import OwnServer                                         # noqa: E402
from session import Session                                          # noqa: E402
from vecs import exact, log, recall                                  # noqa: E402

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "shards")
K = 10


def server_settings():
    one = settings(opt)
    return {**one, "shared_buffers": f"{min(512, memory_mb() // 16)}MB", "max_prepared_transactions": "10"}


def run_file(server, database, name, variables):
    with open(os.path.join(EXAMPLES, name)) as f:
        text = f.read()
    words = [w for k, v in variables.items() for w in ("-v", f"{k}={v}")]
    server.run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *words, "-d", database, "-f", "-", stdin=text)


def copy_part(coordinator, shard, database, n, i):
    """The rows of the i-th of n shards go there from the table that has all."""
    source = (f"COPY (SELECT id, (id % 10)::int, NULL::text, embedding FROM whole WHERE satisfies_hash_partition('item'::regclass, {n}, {i}, id)) "
              "TO STDOUT (FORMAT binary)")
    out = subprocess.Popen(coordinator.command("psql", "-X", "-q", "-d", database, "-c", source), stdout=subprocess.PIPE)
    into = subprocess.run(shard.command("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", "COPY item FROM STDIN (FORMAT binary)"),
                          stdin=out.stdout)
    if out.wait() != 0 or into.returncode != 0:
        raise SystemExit("shards: COPY failed")


def prepare(coordinator, shards, n, base):
    """A database of n shards, and beside it the same rows in one table."""
    database = f"of_{n}"
    for server in (coordinator, *shards):
        server.sql("postgres", f"CREATE DATABASE {database}")
    for shard in shards:
        run_file(shard, database, "shard.sql", {"dimensions": opt.dim})
    run_file(coordinator, database, "coordinator.sql",
             {"dimensions": opt.dim, "database": database, "servers": ",".join(f"{s.home}:5432" for s in shards)})
    coordinator.sql(database, f"CREATE TABLE whole (id bigint, embedding vector({opt.dim})); CREATE TABLE loaded (id int, embedding vector({opt.dim}))")
    coordinator.copy_vectors(database, "loaded", base)
    coordinator.sql(database, "INSERT INTO whole SELECT id, embedding FROM loaded; DROP TABLE loaded; ANALYZE whole;"
                              "CREATE INDEX whole_embedding ON whole USING omenhnsw (embedding)")
    for i, shard in enumerate(shards):
        copy_part(coordinator, shard, database, n, i)
        # as a build, not row by row
        shard.sql(database, "REINDEX INDEX item_embedding; ANALYZE item")
        coordinator.sql(database, f"ANALYZE item_{i + 1}")
    log(f"{n} shards loaded: " + ", ".join(s.value(database, "SELECT count(*) FROM item") for s in shards))
    return database


WAYS = {
    "one table": "SELECT id::int FROM whole ORDER BY embedding <-> '{}' LIMIT {}",
    "merged": "SELECT id::int FROM item ORDER BY embedding <-> '{}' LIMIT {}",
    "search_items()": "SELECT id::int FROM search_items('{}', {})",
}


def session_of(coordinator, database, way, query):
    session = Session(coordinator.home, database)
    session.prepare([WAYS[way].format("[" + ",".join(f"{x:g}" for x in q) + "]", K) for q in query])
    return session


def timed(coordinator, database, way, query, clients):
    """Searches a second of all clients, and percentiles of their milliseconds."""
    sessions = [session_of(coordinator, database, way, query) for _ in range(clients)]
    ms = []

    def client(session, first):
        mine, i, end = [], first, time.time() + opt.seconds
        while time.time() < end:
            start = time.time()
            session.run(i % len(query))
            mine.append(1000 * (time.time() - start))
            i += 1
        ms.extend(mine)
    for s in sessions:
        for i in range(3):
            s.run(i)
    threads = [threading.Thread(target=client, args=(s, 17 * k)) for k, s in enumerate(sessions)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for s in sessions:
        s.close()
    return {"per_second": len(ms) / opt.seconds, **{f"p{p}": float(np.percentile(ms, p)) for p in (50, 95, 99)}}


def compare(coordinator, database, base, query, truth):
    """Recall of each way, and in how many queries shards and one table return the same rows."""
    found = {way: [s.ids(i) for i in range(len(query))] for way, s in ((w, session_of(coordinator, database, w, query)) for w in WAYS)}
    same = sum(set(a) == set(b) for a, b in zip(found["one table"], found["search_items()"]))
    return {way: recall(ids, base, query, truth, "l2") for way, ids in found.items()}, same


def kill_under_load(coordinator, shards, database, query):
    """Searches go on while a shard is stopped at once and started again."""
    session, events, over = session_of(coordinator, database, "search_items()", query), [], threading.Event()

    def client():
        i = 0
        while not over.is_set():
            start = time.time()
            result = session.execute(i % len(query))
            good = session.pq.PQresultStatus(result) in session.OK
            events.append((time.time(), time.time() - start, good, "" if good else session.error().splitlines()[0]))
            session.pq.PQclear(result)
            i += 1
    thread = threading.Thread(target=client)
    thread.start()
    time.sleep(1)
    killed = time.time()
    shards[-1].run("pg_ctl", "-D", shards[-1].data, "-m", "immediate", "-w", "stop")
    time.sleep(1)
    started = time.time()
    shards[-1].run("pg_ctl", "-D", shards[-1].data, "-w", "-t", "300", "-l", shards[-1].home + "/log", "start")
    time.sleep(1)
    over.set()
    thread.join()
    errors = [e for e in events if not e[2]]
    again = [e for e in events if e[2] and e[0] > started]
    if not errors or not again:
        raise SystemExit("shards: no error, or no answer after it")
    return {"answers_before": sum(e[2] and e[0] < killed for e in events), "errors": len(errors), "first_error_ms": 1000 * (errors[0][0] - killed),
            "longest_ms": 1000 * max(e[1] for e in events), "message": errors[0][3], "answered_again_ms": 1000 * (again[0][0] - started)}


def measure(coordinator, shards, n, base, query, truth):
    database = prepare(coordinator, shards[:n], n, base)
    recalls, same = compare(coordinator, database, base, query, truth)
    print(f"\n{n} shards: recall {', '.join(f'{way} {r:.4f}' for way, r in recalls.items())}; the same rows in {same} of {len(query)} queries")
    one = {"recall": recalls, "same": same, "searches": []}
    for way in WAYS:
        for clients in (int(c) for c in opt.clients.split(",")):
            one["searches"].append({"way": way, "clients": clients, **timed(coordinator, database, way, query, clients)})
            s = one["searches"][-1]
            print(f"  {way:15} {clients} clients: {s['per_second']:7,.0f}/s, p50 {s['p50']:.2f} ms, p95 {s['p95']:.2f}, p99 {s['p99']:.2f}", flush=True)
    return database, one


def main():
    base = lowdim.base(os.path.join(opt.sets_folder, "lowdim"), opt.rows, opt.dim)
    query, _ = lowdim.others(opt.dim, opt.queries, 1)
    truth = exact(base, query, "l2")[1]
    counts = [int(n) for n in opt.servers.split(",")]
    coordinator, *shards = servers = [OwnServer(opt.pg_config, server_settings()) for _ in range(1 + max(counts))]
    running = []
    try:
        for server in servers:
            server.start()
            running.append(server)
        result = {**new_result(opt, coordinator), "server": coordinator.value("postgres", "SELECT version()"), "shards": {}}
        for n in counts:
            database, result["shards"][n] = measure(coordinator, shards, n, base, query, truth)
        killed = result["killed"] = kill_under_load(coordinator, shards[:n], database, query)
        print(f"\none of {n} killed under load: {killed['errors']} errors, the first after {killed['first_error_ms']:.0f} ms (\"{killed['message']}\"), "
              f"no search took more than {killed['longest_ms']:.0f} ms; answers again {killed['answered_again_ms']:.0f} ms after its start began")
        same = compare(coordinator, database, base, query, truth)[1]
        print(f"afterwards the same rows in {same} of {len(query)} queries")
        with open(opt.json, "w") as f:
            json.dump(result, f, indent=1)
        print("\n" + heading(opt, coordinator, result))
    finally:
        for server in running:
            server.stop()


main()
