#!/usr/bin/python3
"""psycopg 3 without an adapter of its own: text, lists, binary, COPY from NumPy (examples/numpy_copy.py)."""

import sys
from pathlib import Path

import numpy as np
import psycopg
from psycopg.types import TypeInfo

from lib.client import (BITS, BIT_QUERY, EMBEDDINGS, HOST, IDS, PORT, QUERY, ROWS, SPARSE, USER, bit_text, finish, is_, nearest, ok,
                        sparse_text, start, text, uses)

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))
from numpy_copy import copy_in, copy_out

database = start("psycopg3")
connection = psycopg.connect(host=HOST, port=PORT, user=USER, dbname=database, autocommit=True)
cursor = connection.cursor()

cursor.execute("CREATE EXTENSION IF NOT EXISTS vector")
cursor.execute("""CREATE TABLE items (id bigserial PRIMARY KEY, embedding vector(8), half_embedding halfvec(8),
    binary_embedding bit(8), sparse_embedding sparsevec(8))""")
cursor.execute("CREATE INDEX items_l2 ON items USING hnsw (embedding vector_l2_ops)")
cursor.execute("CREATE INDEX items_half ON items USING hnsw (half_embedding halfvec_l2_ops)")

# Text: an untyped parameter takes the column's type.
cursor.execute("INSERT INTO items (embedding) VALUES (%s)", (text(EMBEDDINGS[0]),))
# A list of numbers is float8[], or smallint[], integer[] or bigint[] by the size of integers.
for values in ([1.5] * 8, [1] * 8, [100000] * 8, [2**40] * 8):
    cursor.execute("INSERT INTO items (embedding) VALUES (%s) RETURNING embedding::text", (values,))
    is_(cursor.fetchone()[0], cursor.execute("SELECT %s::float8[]::vector::text", ([float(x) for x in values],)).fetchone()[0],
        f"a list of {values[0]}")
cursor.execute("INSERT INTO items (half_embedding, sparse_embedding) VALUES (%s, %s) RETURNING half_embedding::text, sparse_embedding::text",
               ([1, 2, 3, 4, 5, 6, 7, 8], [1, 0, 0, 0, 0, 0, 0, 2]))
is_(cursor.fetchone(), ("[1,2,3,4,5,6,7,8]", "{1:1,8:2}/8"), "lists as halfvec and sparsevec")

# Binary COPY from NumPy arrays.
cursor.execute("TRUNCATE items")
half = EMBEDDINGS.astype(np.float16)
copy_in(cursor, "public.items", {"id": IDS, "embedding": EMBEDDINGS, "half_embedding": half, "binary_embedding": BITS}, rows_at_once=64)
cursor.executemany("UPDATE items SET sparse_embedding = %s WHERE id = %s", [(sparse_text(v), i + 1) for i, v in enumerate(SPARSE)])
is_(cursor.execute("SELECT count(*) FROM items").fetchone()[0], ROWS, "rows")
types = [np.int64, (np.float32, 8), (np.float16, 8), (np.bool_, 8)]
ids, vectors, halves, bits = copy_out(cursor, "SELECT id, embedding, half_embedding, binary_embedding FROM items ORDER BY id", types)
ok((ids == IDS).all() and (vectors == EMBEDDINGS).all() and (halves == half).all() and (bits == BITS).all(), "COPY in and out: the same values")
is_(cursor.execute("SELECT embedding::text FROM items WHERE id = 7").fetchone()[0], cursor.execute("SELECT %s::vector::text", (text(EMBEDDINGS[6]),)).fetchone()[0],
    "COPY: the text of a row")
try:
    copy_out(cursor, "SELECT id, embedding FROM items", [np.int64, (np.float32, 7)])
    ok(False, "copy_out: another number of dimensions")
except ValueError:
    ok(True, "copy_out: another number of dimensions")


def ids_of(order, parameter, **options):
    return [row[0] for row in cursor.execute(f"SELECT id FROM items ORDER BY {order} LIMIT 5", (parameter,), **options)]


nearest(ids_of("embedding <-> %s", text(QUERY)), "l2", "l2")
nearest(ids_of("embedding <=> %s", text(QUERY)), "cosine", "cosine")
nearest(ids_of("embedding <#> %s", text(QUERY)), "ip", "inner product")
nearest(ids_of("embedding <+> %s", text(QUERY)), "l1", "l1")
nearest(ids_of("half_embedding <-> %s", text(QUERY)), "l2", "halfvec")
nearest(ids_of("sparse_embedding <-> %s", sparse_text(QUERY)), "l2", "sparsevec", rows=SPARSE)
nearest(ids_of("binary_embedding <~> %s", bit_text(BIT_QUERY)), "hamming", "bit, Hamming", rows=BITS, query=BIT_QUERY)
nearest(ids_of("binary_embedding <%%> %s", bit_text(BIT_QUERY)), "jaccard", "bit, Jaccard", rows=BITS, query=BIT_QUERY)
nearest(ids_of("embedding <-> %s::vector", QUERY.tolist()), "l2", "a list as the query")
nearest(ids_of("embedding <-> %s::vector", QUERY.tolist(), binary=True), "l2", "binary results")
uses("items_l2", cursor.execute("EXPLAIN SELECT * FROM items ORDER BY embedding <-> %s LIMIT 5", (text(QUERY),)))
uses("items_half", cursor.execute("EXPLAIN SELECT * FROM items ORDER BY half_embedding <-> %s LIMIT 5", (text(QUERY),)), "halfvec")
uses("items_l2", cursor.execute("EXPLAIN SELECT * FROM items ORDER BY embedding <-> %s::vector LIMIT 5", (QUERY.tolist(),)), "a list")

# An adapter, as small as that: a NumPy array is sent in binary form, and a vector comes back as one.
info = TypeInfo.fetch(connection, "vector")
info.register(connection)


class VectorDumper(psycopg.adapt.Dumper):
    format = psycopg.pq.Format.BINARY
    oid = info.oid

    def dump(self, array):
        return np.array([len(array), 0], ">i2").tobytes() + array.astype(">f4").tobytes()


class VectorLoader(psycopg.adapt.Loader):
    format = psycopg.pq.Format.BINARY

    def load(self, data):
        return np.frombuffer(data, ">f4", offset=4).astype(np.float32)


connection.adapters.register_dumper(np.ndarray, VectorDumper)
connection.adapters.register_loader(info.oid, VectorLoader)
cursor = connection.cursor(binary=True)
row = cursor.execute("SELECT id, embedding FROM items ORDER BY embedding <-> %b LIMIT 1", (QUERY,)).fetchone()
ok((row[1] == EMBEDDINGS[row[0] - 1]).all(), "an adapter: binary both ways", row)
nearest(ids_of("embedding <-> %b", QUERY), "l2", "an adapter: search")
# arrays of vectors
rows = cursor.execute("""SELECT q, (SELECT id FROM items ORDER BY embedding <-> q LIMIT 1) FROM unnest(%b) q""",
                      ([EMBEDDINGS[3], EMBEDDINGS[9]],)).fetchall()
is_([row[1] for row in rows], [4, 10], "an array of vectors")

# A prepared statement; settings of a transaction.
for _ in range(7):
    found = [row[0] for row in connection.execute("SELECT id FROM items ORDER BY embedding <-> %b LIMIT 5", (QUERY,), prepare=True)]
nearest(found, "l2", "a prepared statement")
with connection.transaction():
    connection.execute("SET LOCAL hnsw.ef_search = 100")
    nearest(ids_of("embedding <-> %b", QUERY), "l2", "SET LOCAL")
with connection.pipeline():
    results = [connection.execute("SELECT id FROM items ORDER BY embedding <-> %b LIMIT 1", (EMBEDDINGS[i],)) for i in range(10)]
is_([result.fetchone()[0] for result in results], list(range(1, 11)), "pipeline")

connection.close()
finish(2)
