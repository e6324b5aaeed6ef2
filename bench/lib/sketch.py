#!/usr/bin/python3
"""
sketch.py [ROWS] -- what a count sketch of sparse vectors would find: the share of the 10 rows of
largest inner product that are among the first 40, 160 and 640 by sketches of some
dimensions, as floats, all rows compared.  Needs no server; see src/quant/README.md, "sparse".
"""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sets"))

from rows import TERMS, Sparse       # noqa: E402

FIRST = (40, 160, 640)


def parse(rows):
    for row in rows:
        pairs = [p.split(":") for p in row[1:row.index("}")].split(",")]
        yield np.array([int(i) - 1 for i, _ in pairs]), np.array([float(w) for _, w in pairs], np.float32)


def sketch(rows, place, sign, dim):
    out = np.zeros((len(rows), dim), np.float32)
    for i, (term, weight) in enumerate(rows):
        np.add.at(out[i], place[term], weight * sign[term])
    return out


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    source = Sparse()
    base, query = list(parse(source.draw(n, 3))), list(parse(source.draw(100, 2)))
    same = np.arange(TERMS)
    ones = np.ones(TERMS, np.float32)
    exact = np.concatenate([sketch(query, same, ones, TERMS) @ sketch(base[i:i + 2000], same, ones, TERMS).T
                            for i in range(0, n, 2000)], axis=1)
    top = np.argsort(-exact, axis=1)[:, :10]
    for dim in (256, 512, 1024, 2048, 4096):
        r = np.random.default_rng(5)
        place, sign = r.integers(0, dim, TERMS), r.choice([-1, 1], TERMS).astype(np.float32)
        found = np.argsort(-(sketch(query, place, sign, dim) @ sketch(base, place, sign, dim).T), axis=1)
        shares = [np.mean([np.isin(t, f[:k]).mean() for t, f in zip(top, found)]) for k in FIRST]
        print(f"{dim:5} dimensions: " + ", ".join(f"{s:.3f} in the first {k}" for s, k in zip(shares, FIRST)))


main()
