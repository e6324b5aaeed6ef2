#!/usr/bin/python3
"""
sq8ranges.py -- codes of sq8 by how its ranges are chosen: rows like those of the sample, outliers, rows that come later from elsewhere.

Prints for each set the error of the distances of the 100 nearest rows (root mean square, in thousandths of the mean) and which
share of the 10 nearest is among the 10 nearest codes. OMENDB_VECTORS names the library (examples/c_library), BENCH_SETS the
folder of the sets of bench/compare (/var/tmp/omendb-bench/sets); those that are not there are left out.
"""
import os
import sys

import numpy as np

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
sys.path[:0] = [os.path.join(TOP, "examples/c_library"), os.path.join(TOP, "bench/sets")]
SETS = os.environ.get("BENCH_SETS", "/var/tmp/omendb-bench/sets")
TRAIN, ROWS, QUERIES = 6000, 22000, 40


def stored(rng):
    """The sets of bench/compare, and one whose sample is of a part of the space."""
    import vecs
    for name in ("glove100", "fashion784", "clust128"):
        folder = os.path.join(SETS, name)
        if not os.path.exists(os.path.join(folder, "READY")):
            continue
        rows = rng.permutation(vecs.read_vecs(os.path.join(folder, "base.fvecs"), np.float32, ROWS))
        queries = vecs.read_vecs(os.path.join(folder, "query.fvecs"), np.float32, QUERIES)
        yield name, "cosine" if name == "glove100" else "l2", rows[:TRAIN], rows[TRAIN:], queries
        if name == "clust128":
            rows = rows[np.argsort(rows[:, 0])]
            yield name + ", part", "l2", rows[:TRAIN], rows, queries


def synthetic(rng):
    """Rows of one distribution, some with outliers; others with twice the spread, or moved."""
    normal, student = rng.standard_normal((ROWS, 128)), rng.standard_t(3, (ROWS, 32))
    scales = rng.standard_normal((ROWS, 64)) * 10 ** rng.uniform(-1, 1, 64)
    for name, x in (("normal128", normal), ("student32", student), ("scales64", scales), ("uniform16", rng.random((ROWS, 16)))):
        x = x.astype(np.float32)
        queries, sample, rows = x[:QUERIES], x[QUERIES:QUERIES + TRAIN], x[QUERIES + TRAIN:]
        yield name, "l2", sample, rows, queries
        if name in ("normal128", "uniform16"):
            y = x.copy()
            y[rng.choice(np.arange(QUERIES, ROWS), ROWS // 100, replace=False)] *= 20
            yield name + ", 1 % x 20", "l2", y[QUERIES:QUERIES + TRAIN], y[QUERIES + TRAIN:], queries
            yield name + ", then x 2", "l2", sample, 2 * rows, 2 * queries
            yield name + ", then + 1", "l2", sample, rows + 1, queries + 1


def main():
    if len(sys.argv) > 1:
        sys.exit(__doc__.strip())
    from omendb_vectors import Quantizer
    rng = np.random.default_rng(3)
    for make in (stored, synthetic):
        for name, metric, sample, rows, queries in make(rng):
            quantizer = Quantizer.train("sq8", metric, np.ascontiguousarray(sample))
            rows = np.ascontiguousarray(rows)
            codes = quantizer.encode(rows)
            exact_rows = rows.astype(np.float64)
            if metric == "cosine":
                exact_rows /= np.linalg.norm(exact_rows, axis=1, keepdims=True)
            errors, scale, hits = [], [], 0
            for query in queries:
                q = query.astype(np.float64)
                exact = 1 - exact_rows @ (q / np.linalg.norm(q)) if metric == "cosine" else ((exact_rows - q) ** 2).sum(axis=1)
                found = quantizer.distances(query, codes)
                near = np.argsort(exact)[:100]
                errors.append(np.mean((found[near] - exact[near]) ** 2))
                scale.append(exact[near].mean())
                hits += len(set(near[:10]) & set(np.argsort(found, kind="stable")[:10]))
            print(f"{name:22} {1000 * np.sqrt(np.mean(errors)) / np.mean(scale):.3f} {hits / 10 / len(queries):.4f}", flush=True)


main()
