#!/usr/bin/python3
"""psycopg 2, which sends no types and no binary parameters: text, lists, execute_values, COPY."""

import io
import sys
from pathlib import Path

import numpy as np
import psycopg2
from psycopg2.extras import execute_values
from psycopg2.extensions import new_array_type, new_type, register_type

from lib.client import (BITS, BIT_QUERY, EMBEDDINGS, HOST, IDS, PORT, QUERY, ROWS, SPARSE, USER, bit_text, finish, is_, nearest, ok,
                        sparse_text, start, text, uses)

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))
from numpy_copy import blocks

database = start("psycopg2")
connection = psycopg2.connect(host=HOST, port=PORT, user=USER, dbname=database)
cursor = connection.cursor()

cursor.execute("CREATE EXTENSION IF NOT EXISTS vector")
cursor.execute("""CREATE TABLE items (id bigserial PRIMARY KEY, embedding vector(8), half_embedding halfvec(8),
    binary_embedding bit(8), sparse_embedding sparsevec(8))""")

# Lists are ARRAY[...]: of integers, or numeric.
cursor.execute("INSERT INTO items (embedding, half_embedding, sparse_embedding) VALUES (%s, %s, %s) RETURNING embedding::text, sparse_embedding::text",
               ([1, 2, 3, 4, 5, 6, 7, 8], [0.5] * 8, [0, 0, 0, 0, 0, 0, 0, 1]))
is_(cursor.fetchone(), ("[1,2,3,4,5,6,7,8]", "{8:1}/8"), "lists")
cursor.execute("TRUNCATE items RESTART IDENTITY")
execute_values(cursor, "INSERT INTO items (embedding, half_embedding, binary_embedding, sparse_embedding) VALUES %s",
               [(text(e), e.tolist(), bit_text(b), sparse_text(s)) for e, b, s in zip(EMBEDDINGS[:100], BITS, SPARSE)])

# The rest by binary COPY; the driver reads a file.
cursor.execute("CREATE TEMPORARY TABLE loaded (id bigint, embedding vector(8), half_embedding halfvec(8), binary_embedding bit(8))")
data = io.BytesIO(b"".join(blocks([IDS[100:], EMBEDDINGS[100:], EMBEDDINGS[100:].astype(np.float16), BITS[100:]])))
cursor.copy_expert("COPY loaded FROM STDIN (FORMAT binary)", data)
cursor.execute("INSERT INTO items SELECT * FROM loaded")
cursor.executemany("UPDATE items SET sparse_embedding = %s WHERE id = %s", [(sparse_text(SPARSE[i]), i + 1) for i in range(100, ROWS)])
cursor.execute("CREATE INDEX items_cosine ON items USING ivfflat (embedding vector_cosine_ops) WITH (lists = 10)")
connection.commit()


def ids_of(order, parameter):
    cursor.execute(f"SELECT id FROM items ORDER BY {order} LIMIT 5", (parameter,))
    return [row[0] for row in cursor]


nearest(ids_of("embedding <-> %s", text(QUERY)), "l2", "l2")
nearest(ids_of("embedding <=> %s::vector", QUERY.tolist()), "cosine", "cosine")
nearest(ids_of("embedding <#> %s::vector", QUERY.tolist()), "ip", "inner product")
nearest(ids_of("embedding <+> %s", text(QUERY)), "l1", "l1")
nearest(ids_of("half_embedding <-> %s::halfvec", QUERY.tolist()), "l2", "halfvec")
nearest(ids_of("sparse_embedding <-> %s", sparse_text(QUERY)), "l2", "sparsevec", rows=SPARSE)
nearest(ids_of("binary_embedding <~> %s", bit_text(BIT_QUERY)), "hamming", "bit, Hamming", rows=BITS, query=BIT_QUERY)
nearest(ids_of("binary_embedding <%%> %s", bit_text(BIT_QUERY)), "jaccard", "bit, Jaccard", rows=BITS, query=BIT_QUERY)
cursor.execute("EXPLAIN SELECT * FROM items ORDER BY embedding <=> %s LIMIT 5", (text(QUERY),))
uses("items_cosine", cursor.fetchall())

# A type of its own: vectors come back as NumPy arrays, also in arrays.
cursor.execute("SELECT 'vector'::regtype::oid, 'vector[]'::regtype::oid")
oid, array_oid = cursor.fetchone()
vector = new_type((oid,), "VECTOR", lambda value, cursor: value and np.array(value[1:-1].split(","), np.float32))
register_type(vector, connection)
register_type(new_array_type((array_oid,), "VECTOR[]", vector), connection)
cursor.execute("SELECT id, embedding, ARRAY[embedding, embedding + embedding] FROM items WHERE id = 7")
row = cursor.fetchone()
ok((row[1] == EMBEDDINGS[6]).all() and (row[2][1] == 2 * EMBEDDINGS[6]).all(), "vectors as NumPy arrays", row)

# A transaction's settings; a server-side cursor, which takes as many rows as the program reads.
cursor.execute("SET LOCAL hnsw.ef_search = 100")
nearest(ids_of("embedding <=> %s", text(QUERY)), "cosine", "SET LOCAL")
named = connection.cursor("search")
named.itersize = 10
named.execute("SELECT id FROM items ORDER BY embedding <=> %s", (text(QUERY),))
nearest([row[0] for row, _ in zip(named, range(60))], "cosine", "a server-side cursor", k=60)
connection.rollback()

connection.close()
finish(1)
