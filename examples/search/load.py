#!/usr/bin/python3
"""
load.py [--packages N] -- loads package descriptions, as `apt-cache dumpavail` prints them, from the standard input
into the database that PGHOST, PGDATABASE and so on name: tables.sql, embeddings by lsa.py, indexes.sql.

PostgreSQL splits the texts into words, by the same configuration as for the search by words.
"""
import argparse
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from lsa import embeddings

HERE = Path(__file__).resolve().parent
WORDS = ("SELECT d.id, t.lexeme, cardinality(t.positions) FROM document d, unnest(to_tsvector('english', d.body)) t "
         "WHERE t.lexeme ~ '[a-z]{2}'")


def packages(lines):
    """A dictionary for each paragraph; continued lines are joined."""
    one, field = {}, None
    for line in lines:
        line = line.rstrip("\n")
        if not line:
            if one:
                yield one
            one, field = {}, None
        elif line[0] in " \t":
            if field:
                one[field] += "\n" + line.strip()
        else:
            field, _, value = line.partition(":")
            one[field] = value.strip()
    if one:
        yield one


def document(package):
    """Name, version, section, size, summary and what is searched; None of what has no description."""
    text = package.get("Description") or package.get("Description-en")
    if not text or "Package" not in package:
        return None
    summary, _, rest = text.partition("\n")
    rest = re.sub(r"^\.$", "", rest, flags=re.M)
    tags = re.sub(r"[a-z0-9]+::|[,-]", " ", package.get("Tag", ""))
    body = "\n".join([re.sub(r"[-+.]", " ", package["Package"]), summary, rest, tags])
    section = package.get("Section", "unknown").rpartition("/")[2]
    return (package["Package"], package.get("Version", ""), section, (int(package.get("Size", 0)) + 999) // 1000,
            summary, re.sub(r"\s+", " ", body).strip())


def escaped(value):
    return str(value).replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")


class Session:
    """psql, fed with a script; what a COPY prints goes to a file."""

    def __init__(self):
        self.psql = subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, sql):
        self.psql.stdin.write(sql + "\n")

    def copy(self, table, rows):
        self.run(f"COPY {table} FROM STDIN;")
        for row in rows:
            self.psql.stdin.write("\t".join(escaped(value) for value in row) + "\n")
        self.run("\\.")

    def lines(self, query):
        """What a query prints, up to a mark after it."""
        self.run(f"COPY ({query}) TO STDOUT;\n\\echo '\\\\.'")
        self.psql.stdin.flush()
        for line in self.psql.stdout:
            if line == "\\.\n":
                return
            yield line.rstrip("\n")
        raise SystemExit("load.py: psql ended")

    def finish(self):
        self.psql.stdin.close()
        if self.psql.wait():
            raise SystemExit("load.py: psql failed")


def vectors(array):
    return ("[" + ",".join(f"{x:.6g}" for x in row) + "]" for row in array)


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("--packages", type=int, help="no more than that")
    limit = options.parse_args().packages
    found = {}
    for package in packages(sys.stdin):
        one = document(package)
        if one and one[0] not in found:
            found[one[0]] = one
        if limit and len(found) == limit:
            break
    if len(found) < 2:
        raise SystemExit("load.py: there are no package descriptions here; `apt-get update` brings them")

    session = Session()
    session.run("SET client_min_messages = warning;")
    session.run((HERE / "tables.sql").read_text())
    session.copy("document", ((i, *one) for i, one in enumerate(found.values())))
    numbers, entries = {}, []
    for line in session.lines(WORDS):
        i, word, count = line.split("\t")
        entries.append((int(i), numbers.setdefault(word, len(numbers)), int(count)))
    of_documents, of_words = embeddings(*np.array(entries, np.int32).T, len(found))
    with_vector = np.flatnonzero(np.abs(of_words).max(1))
    words = list(numbers)
    session.copy("word", zip((words[i] for i in with_vector), vectors(of_words[with_vector])))
    # a document that shares no word with another has no direction: the search by words finds it
    session.run("CREATE TEMP TABLE embedded (id int, embedding vector(128));")
    session.copy("embedded", enumerate(vectors(of_documents)))
    session.run("INSERT INTO package SELECT d.*, e.embedding FROM document d JOIN embedded e USING (id) ORDER BY id;")
    session.run((HERE / "indexes.sql").read_text())
    session.finish()
    print(f"{len(found):,} packages, {len(with_vector):,} words")


main()
