"""
session.py -- one session of a server, by libpq: statements that are prepared once,
each with its own constants, and executed again and again.

A statement without parameters has one plan, made for its constants and kept: so
neither planning nor parsing the query vector is part of what is measured, and no
generic plan hides how many rows a condition matches.
"""
import ctypes
import re
import time

import numpy as np


def library():
    pq = ctypes.CDLL("libpq.so.5")
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    for name, result, arguments in (
            ("PQconnectdb", pointer, [text]), ("PQstatus", number, [pointer]), ("PQfinish", None, [pointer]),
            ("PQbackendPID", number, [pointer]), ("PQerrorMessage", text, [pointer]),
            ("PQexec", pointer, [pointer, text]), ("PQprepare", pointer, [pointer, text, text, number, pointer]),
            ("PQexecPrepared", pointer, [pointer, text, number, pointer, pointer, pointer, number]),
            ("PQresultStatus", number, [pointer]), ("PQntuples", number, [pointer]), ("PQnfields", number, [pointer]),
            ("PQgetvalue", pointer, [pointer, number, number]), ("PQclear", None, [pointer])):
        function = getattr(pq, name)
        function.restype, function.argtypes = result, arguments
    return pq


class Session:
    pq = None
    OK = (1, 2)                         # PGRES_COMMAND_OK, PGRES_TUPLES_OK

    def __init__(self, folder, database, options=""):
        """folder: where the server's socket is."""
        Session.pq = Session.pq or library()
        self.names = []
        self.connection = self.pq.PQconnectdb(
            f"host={folder} port=5432 user=postgres dbname={database} options='{options}'".encode())
        if self.pq.PQstatus(self.connection) != 0:
            raise SystemExit("bench: cannot connect: " + self.error())
        self.pid = self.pq.PQbackendPID(self.connection)

    def error(self):
        return self.pq.PQerrorMessage(self.connection).decode()

    def close(self):
        self.pq.PQfinish(self.connection)
        self.connection = None

    def check(self, result, what):
        if self.pq.PQresultStatus(result) not in self.OK:
            raise SystemExit(f"bench: {self.error()}{what[:500]}")
        return result

    def sql(self, text):
        """The rows of one statement, as lists of strings."""
        result = self.check(self.pq.PQexec(self.connection, text.encode()), text)
        fields = range(self.pq.PQnfields(result))
        rows = [[ctypes.string_at(self.pq.PQgetvalue(result, r, f)).decode() for f in fields]
                for r in range(self.pq.PQntuples(result))]
        self.pq.PQclear(result)
        return rows

    def prepare(self, texts):
        """Statements that return integers in their first column; run(i) executes texts[i]."""
        for i, text in enumerate(texts):
            name = f"s{i}".encode()
            self.pq.PQclear(self.check(self.pq.PQprepare(self.connection, name, text.encode(), 0, None), text))
            self.names.append(name)

    def explain(self, i):
        """The plan of a prepared statement, made if there is none yet, and the milliseconds that this took."""
        lines = [r[0] for r in self.sql(f"EXPLAIN (SUMMARY) EXECUTE {self.names[i].decode()}")]
        return "\n".join(lines), float(re.search(r"Planning Time: ([0-9.]+)", lines[-1]).group(1))

    def run(self, i):
        """Executes a prepared statement, without looking at the rows."""
        self.pq.PQclear(self.check(self.execute(i), "in a prepared statement"))

    def ids(self, i):
        """Executes a prepared statement; its integers."""
        result = self.check(self.execute(i), "in a prepared statement")
        found = b"".join(ctypes.string_at(self.pq.PQgetvalue(result, r, 0), 4) for r in range(self.pq.PQntuples(result)))
        self.pq.PQclear(result)
        return np.frombuffer(found, ">i4").astype(np.int64)

    def execute(self, i):
        return self.pq.PQexecPrepared(self.connection, self.names[i], 0, None, None, None, 1)

    def cpu(self):
        """Seconds of CPU time of the backend (Linux: the process clock of another process)."""
        return time.clock_gettime(~self.pid << 3 | 2)
