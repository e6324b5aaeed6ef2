"""client.py -- what the tests of Python clients share: a database of their own, rows, exact
answers computed here, plans, the checker of indexes, and TAP.  See client.js."""

import os
import subprocess
import sys

import numpy as np

DIM = 8
ROWS = 300
_random = np.random.default_rng(1)
# multiples of 1/8: exact as float32, as float16 and in text
EMBEDDINGS = (_random.integers(-16, 17, (ROWS, DIM)) / 8).astype(np.float32)
SPARSE = np.where(_random.random((ROWS, DIM)) < 0.5, EMBEDDINGS, 0).astype(np.float32)
BITS = _random.random((ROWS, DIM)) < 0.5
QUERY = np.array([0.5, -0.25, 0.125, 0, -0.75, 1, 0.375, -0.5], np.float32)
BIT_QUERY = np.array([1, 0, 1, 1, 0, 0, 1, 0], bool)
IDS = np.arange(1, ROWS + 1)

DISTANCE = {
    "l2": lambda a, q: np.sqrt(((a - q) ** 2).sum(axis=1)),
    "ip": lambda a, q: -(a @ q),
    "cosine": lambda a, q: 1 - (a @ q) / np.sqrt((a * a).sum(axis=1) * (q @ q)),
    "l1": lambda a, q: np.abs(a - q).sum(axis=1),
    "hamming": lambda a, q: (a != q).sum(axis=1),
    "jaccard": lambda a, q: 1 - (a & q).sum(axis=1) / np.maximum(1, (a | q).sum(axis=1)),
}

HOST = os.environ["PGHOST"]
PORT = os.environ.get("PGPORT", "5432")
USER = os.environ.get("PGUSER", "postgres")


def text(vector):
    return "[" + ",".join(repr(float(x)) for x in vector) + "]"


def sparse_text(vector):
    return "{" + ",".join(f"{i + 1}:{float(x)!r}" for i, x in enumerate(vector) if x) + f"}}/{len(vector)}"


def bit_text(vector):
    return "".join("1" if x else "0" for x in vector)


_tests = 0
_failures = 0
_database = None


def ok(good, name, *details):
    global _tests, _failures
    _tests += 1
    print(f"{'ok' if good else 'not ok'} {_tests} - {name}", flush=True)
    if not good:
        _failures += 1
        for detail in details:
            print("# " + str(detail).replace("\n", "\n# "))
    return good


def is_(got, expected, name):
    return ok(got == expected, name, "got", got, "expected", expected)


def nearest(ids, metric, name, rows=EMBEDDINGS, query=QUERY, k=5):
    """Are these ids of `k` nearest rows, in order?  Ties are judged by distance."""
    ids = list(ids)
    distances = DISTANCE[metric](rows, query)
    found = distances[np.array(ids, int) - 1]
    return ok(len(set(ids)) == k and np.allclose(found, np.sort(distances)[:k], atol=1e-5), name, ids, found, np.sort(distances)[:k])


def sql(statements, database=None):
    """psql, which the client knows nothing of: the last statement's rows, of one column."""
    result = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database or _database], input=statements,
                            capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(result.stderr)
    return result.stdout.splitlines()


def start(client):
    global _database
    _database = f"clients_{client}"
    sql(f"""DROP DATABASE IF EXISTS {_database} WITH (FORCE);
        CREATE DATABASE {_database};
        ALTER DATABASE {_database} SET enable_seqscan = off;
        ALTER DATABASE {_database} SET enable_sort = off;
        ALTER DATABASE {_database} SET client_min_messages = error;""", "postgres")
    return _database


def uses(index, plan, name="plan"):
    """plan: the rows of EXPLAIN."""
    plan = "\n".join(row if isinstance(row, str) else row[0] for row in plan)
    return ok(f"Index Scan using {index} " in plan and "Order By:" in plan, f"{name} uses {index}", plan)


def finish(indexes):
    """There are that many indexes of ours, and each is sound."""
    found = sql("""SELECT c.oid::regclass FROM pg_class c JOIN pg_am a ON a.oid = relam
        WHERE relkind = 'i' AND amname IN ('omenhnsw', 'hnsw', 'ivfflat') ORDER BY 1::text""")
    ok(len(found) == indexes, f"{indexes} indexes of omenhnsw", found)
    for index in found:
        ok(int(sql(f"SELECT nodes FROM omendb_index_check('{index}', heapallindexed => true)")[0]) > 0, f"{index} is checked")
    sql(f"DROP DATABASE {_database} WITH (FORCE)", "postgres")
    print(f"1..{_tests}")
    sys.exit(1 if _failures else 0)
