#!/usr/bin/python3
"""
libraries.py -- the measuring part of bench/libraries: recall against queries/s of omendb and pgvector, and of hnswlib and faiss,
which search in the memory of a process: no SQL, no transactions, no disk.

All take turns, one query at a time, by one thread.
"""
import os
import shutil
import statistics
import subprocess

from options import SETS, parser, settings, words

SYSTEMS = ("omendb", "pgvector", "hnswlib", "faiss-hnsw", "faiss-ivfpq")


def options():
    p = parser("libraries", "omendb and pgvector beside hnswlib and faiss", ("fashion784", "clust128"), seconds=2, rounds=3)
    p.set_defaults(rows=60000)
    p.add_argument("--only", default=",".join(SYSTEMS), help="comma-separated; default %(default)s")
    p.add_argument("--reuse", action="store_true", help="keep the tables that an earlier run left")
    a = p.parse_args()
    a.sets, a.only = words(p, a.sets, SETS), words(p, a.only, SYSTEMS)
    return a


opt = options()

import numpy as np                                                        # noqa: E402
from bench import Bench, heading, measure_sets, read_set                       # noqa: E402
from librariesplot import draw, table                                        # noqa: E402
from page import write_page                                              # noqa: E402
from server import HOME, Server                                              # noqa: E402
from vecs import log, recall, unit                                           # noqa: E402

PROGRAMS = "/usr/local/lib/omendb-bench/"
COMMANDS = {"hnswlib": [PROGRAMS + "hnswlib_search"], "faiss-hnsw": ["/usr/bin/python3", "-B", PROGRAMS + "faiss_search.py", "hnsw"],
            "faiss-ivfpq": ["/usr/bin/python3", "-B", PROGRAMS + "faiss_search.py", "ivfpq"]}
PROBES = [1, 2, 4, 8, 16, 32, 64]


class Extension(Bench):
    """An extension, as bench.py has it, with its own numbers to ask with."""

    def begin(self):
        self.numbers = self.data.ef
        self.load(opt.reuse)
        self.build()
        self.check("build")
        self.size("index_bytes_per_row")
        self.warm()
        self.check_plan()

    def found(self, number):
        return self.recall(number, self.data.base, self.data.truth)

    def speed(self, number, seed):
        return self.qps(number, seed)

    def end(self):
        pass


class Library:
    """A program in the folder that builds an index in its memory and obeys lines."""

    def __init__(self, name, data, files):
        self.name, self.data, self.files, self.result = name, data, files, {}
        self.numbers = PROBES if name == "faiss-ivfpq" else data.ef

    def begin(self):
        log(self.name, "building")
        self.program = subprocess.Popen(["chroot", opt.root, *COMMANDS[self.name], HOME + "/libraries/base", HOME + "/libraries/query",
                                         str(opt.m), str(opt.ef_construction)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        _, seconds, size, *version = self.answer()
        rows = len(self.data.base)
        self.result.update(version=" ".join(version), build_seconds=float(seconds), build_rows_per_second=rows / float(seconds),
                           index_bytes_per_row=int(size) / rows)
        log(self.name, f"built in {float(seconds):.1f} s")

    def answer(self):
        line = self.program.stdout.readline()
        if not line:
            raise SystemExit(f"bench: {self.name} ended")
        return line.split()

    def ask(self, *line):
        print(*line, file=self.program.stdin, flush=True)
        return self.answer()

    def found(self, number):
        self.ask("search", number, HOME + "/libraries/ids")
        ids = np.fromfile(self.files + "/ids", np.int32).reshape(-1, 10)
        return recall([row[row >= 0] for row in ids], self.data.base, self.data.query, self.data.truth, self.data.metric)

    def speed(self, number, seed):
        done, elapsed, cpu = (float(x) for x in self.ask("time", number, opt.seconds))
        return done / elapsed, done / cpu

    def end(self):
        self.program.stdin.close()
        self.program.wait()


def write(path, rows):
    with open(path, "wb") as f:
        np.array(rows.shape, np.int32).tofile(f)
        np.ascontiguousarray(rows, np.float32).tofile(f)


def rounds(systems):
    """Recall of each number, then rounds of queries/s in turns."""
    for one in systems:
        one.result["queries"] = []
    for i in range(max(len(one.numbers) for one in systems)):
        here = [one for one in systems if i < len(one.numbers)]
        recalls = {one: one.found(one.numbers[i]) for one in here}
        runs = {one: [] for one in here}
        for seed in range(opt.rounds):
            for one in here:
                runs[one].append(one.speed(one.numbers[i], seed + 1))
        for one in here:
            qps, per_cpu = (statistics.median(x) for x in zip(*runs[one]))
            one.result["queries"].append({"ef": one.numbers[i], "recall": recalls[one], "qps": qps, "per_cpu_second": per_cpu, "runs": runs[one]})
            log(f"{one.name:12s} {one.numbers[i]:4d}: recall@10 {recalls[one]:.4f}, {per_cpu:,.0f} queries per CPU second")


def measure_set(server, name, result):
    data = read_set(name, opt)
    files = opt.root + HOME + "/libraries"
    shutil.rmtree(files, ignore_errors=True)
    os.makedirs(files)
    # distances of unit vectors order as cosines do
    turned = unit if data.metric == "cos" else np.asarray
    write(files + "/base", turned(np.ascontiguousarray(data.base)))
    write(files + "/query", turned(np.ascontiguousarray(data.query)))
    systems = [Extension(server, n, data, opt, database="libraries") if n in ("omendb", "pgvector") else Library(n, data, files) for n in opt.only]
    one = result["sets"][name] = data.head()
    try:
        for system in systems:
            one[system.name] = system.result
            system.begin()
        rounds(systems)
    finally:
        for system in systems:
            system.end()
        shutil.rmtree(files)


def main():
    server = Server(opt.root, settings(opt))
    result = measure_sets(opt, server, measure_set)
    print("\n" + heading(opt, server, result))
    print(table(result))
    name = os.path.splitext(os.path.abspath(opt.json))[0]
    drawn = draw(result, name)
    write_page(result, name + ".html")
    print(f"\nlibraries: done; the figures are in {os.path.abspath(opt.json)}, drawn in {', '.join(drawn)}; all on one page: {name}.html")


main()
