#!/usr/bin/python3
"""PgBouncer in transaction mode: one connection to the server for all clients, settings by SET LOCAL."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from lib.client import EMBEDDINGS, HOST, PORT, QUERY, USER, finish, is_, nearest, ok, start, text

POOLER_PORT = 6432
database = start("pgbouncer")
folder = Path(tempfile.mkdtemp(prefix="omendb-bouncer"))
folder.chmod(0o700)
(folder / "users.txt").write_text(f'"{USER}" ""\n')
(folder / "pgbouncer.ini").write_text(f"""
[databases]
{database} = host={HOST} port={PORT}
[pgbouncer]
listen_port = {POOLER_PORT}
unix_socket_dir = {folder}
auth_type = trust
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = 1
logfile = {folder}/log
""")
pooler = subprocess.Popen([shutil.which("pgbouncer") or "/usr/sbin/pgbouncer", "-q", str(folder / "pgbouncer.ini")])
try:
    for _ in range(100):
        if (folder / f".s.PGSQL.{POOLER_PORT}").exists():
            break
        time.sleep(0.1)

    # psycopg 3 prepares statements, which belong to a connection to the server: not here.
    def connect():
        return psycopg.connect(host=str(folder), port=POOLER_PORT, user=USER, dbname=database, prepare_threshold=None)

    first, second = connect(), connect()
    with first.transaction():
        first.execute("CREATE EXTENSION IF NOT EXISTS vector")
        first.execute("CREATE TABLE items (id bigint, embedding vector(8))")
        first.execute("CREATE INDEX ON items USING hnsw (embedding vector_l2_ops)")
        with first.cursor() as cursor:
            cursor.executemany("INSERT INTO items VALUES (%s, %s)", [(i + 1, text(v)) for i, v in enumerate(EMBEDDINGS)])

    def search(connection, limit):
        return [row[0] for row in connection.execute("SELECT id FROM items ORDER BY embedding <-> %s LIMIT %s", (text(QUERY), limit))]

    servers = set()
    for connection in (first, second):
        with connection.transaction():
            servers.add(connection.execute("SELECT pg_backend_pid()").fetchone()[0])
    is_(len(servers), 1, "both clients have one connection to the server")
    # what a setting does is seen by a scan that ends after ef_search rows
    with first.transaction():
        first.execute("SET LOCAL hnsw.iterative_scan = off")
        first.execute("SET LOCAL hnsw.ef_search = 7")
        found = search(first, 50)
        nearest(found[:5], "l2", "SET LOCAL: a search")
        ok(len(found) < 50, "SET LOCAL hnsw.ef_search counts", len(found))
    with second.transaction():
        is_(len(search(second, 50)), 50, "another client does not see it")
    with first.transaction():
        nearest(search(first, 50), "l2", "nor does the next transaction", k=50)
    # the names of omendb
    with second.transaction():
        second.execute("SET LOCAL omenhnsw.iterative_scan = off")
        second.execute("SET LOCAL omenhnsw.ef_search = 7")
        ok(len(search(second, 50)) < 50, "SET LOCAL omenhnsw.ef_search counts")
    with first.transaction():
        is_(len(search(first, 50)), 50, "and ends with the transaction")
    first.close()
    second.close()
finally:
    pooler.terminate()
    pooler.wait()
    shutil.rmtree(folder)
finish(1)
