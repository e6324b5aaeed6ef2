"""
alternate.py -- one set in two running servers, each with its own build of omendb: what a thousand queries cost, in the CPU time of the
backend.  The servers take turns, which cancels most of what else the machine does.

    python3 bench/lib/alternate.py --before SOCKET_FOLDER --after SOCKET_FOLDER --set glove100 [--ef 40,160] [--rounds 11]

Needs python3-psycopg2 and a set that bench/compare has made.  The first run loads the table and builds its index in both.
"""
import argparse
import io
import os
import statistics
import struct
import sys

import numpy as np
import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "sets"))
import vecs                                                                         # noqa: E402

OPERATORS = {"fashion784": ("<->", "vector_l2_ops"), "glove100": ("<=>", "vector_cosine_ops"), "clust128": ("<->", "vector_l2_ops")}


def arguments():
    parser = argparse.ArgumentParser(description="two builds of omendb by turns")
    parser.add_argument("--before", required=True, metavar="SOCKET_FOLDER")
    parser.add_argument("--after", required=True, metavar="SOCKET_FOLDER")
    parser.add_argument("--set", required=True, choices=sorted(OPERATORS))
    parser.add_argument("--ef", default="40,160")
    parser.add_argument("--rounds", type=int, default=11)
    return parser.parse_args()


def copy(cursor, table, rows):
    """Loads float32[n][dim] by binary COPY."""
    dim = rows.shape[1]
    cursor.execute(f"CREATE TABLE {table} (id int, v vector({dim}))")
    cursor.execute(f"ALTER TABLE {table} ALTER v SET STORAGE PLAIN")
    data = io.BytesIO()
    data.write(b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0))
    for i, row in enumerate(np.ascontiguousarray(rows, ">f4")):
        data.write(struct.pack(">hiiihh", 2, 4, i, 4 + 4 * dim, dim, 0) + row.tobytes())
    data.write(struct.pack(">h", -1))
    data.seek(0)
    cursor.copy_expert(f"COPY {table} FROM STDIN (FORMAT binary)", data)


def connect(folder, name):
    connection = psycopg2.connect(host=folder, user="postgres", dbname="postgres")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("CREATE EXTENSION IF NOT EXISTS omendb")
    cursor.execute("SELECT to_regclass(%s)", (name + "_i",))
    if cursor.fetchone()[0] is None:
        sets = os.path.join(os.environ.get("OMENDB_BENCH_DIR", "/var/tmp/omendb-bench"), "sets", name)
        for table, part in ((name, "base"), (name + "_q", "query")):
            cursor.execute(f"DROP TABLE IF EXISTS {table}")
            copy(cursor, table, vecs.read_vecs(os.path.join(sets, part + ".fvecs"), np.float32))
        cursor.execute(f"CREATE INDEX {name}_i ON {name} USING omenhnsw (v {OPERATORS[name][1]})")
        cursor.execute(f"VACUUM ANALYZE {name}")
    cursor.execute("SET enable_seqscan = off")
    return connection, cursor


def cpu(connection):
    """Milliseconds that the backend has run."""
    with open(f"/proc/{connection.info.backend_pid}/schedstat") as file:
        return int(file.read().split()[0]) / 1e6


def main():
    options = arguments()
    servers = {"before": connect(options.before, options.set), "after": connect(options.after, options.set)}
    order = OPERATORS[options.set][0]
    queries = (f"DO $$ DECLARE q record; BEGIN FOR q IN SELECT v FROM {options.set}_q LIMIT 1000 LOOP "
               f"PERFORM id FROM {options.set} ORDER BY v {order} q.v LIMIT 10; END LOOP; END $$")
    for ef in options.ef.split(","):
        spent = {name: [] for name in servers}
        for k in range(options.rounds + 1):
            for name in sorted(servers, reverse=k % 2 == 1):
                connection, cursor = servers[name]
                cursor.execute(f"SET omenhnsw.ef_search = {int(ef)}")
                start = cpu(connection)
                cursor.execute(queries)
                if k > 0:
                    spent[name].append(cpu(connection) - start)
        before, after = (statistics.median(spent[name]) for name in ("before", "after"))
        print(f"{options.set} ef_search {ef}: before {before:.0f} ms, after {after:.0f} ms for 1,000 queries, {after / before:.3f} times", flush=True)


if __name__ == "__main__":
    main()
