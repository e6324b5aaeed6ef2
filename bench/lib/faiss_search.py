#!/usr/bin/python3
"""
faiss_search.py KIND BASE QUERY M EF_CONSTRUCTION -- faiss in a process of its own, for libraries.py; files and lines of the
standard input as hnswlib_search.cpp has them.

KIND  hnsw    IndexHNSWFlat; the number in "search" and "time" is efSearch
      ivfpq   IVF-PQ, 4 sqrt(rows) lists, a byte for 8 dimensions (4 below 256), trained on 20,000 rows, ten times
              the rows re-ranked by the vectors themselves; the number is nprobe

Queries are asked one by one, without what faiss gains from batches, by one thread.
"""
import os
import sys
import time

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_WAIT_POLICY="passive")

import faiss                    # noqa: E402
import numpy as np              # noqa: E402

K = 10
TRAINING = 20_000               # rows


def rows(path):
    count, dim = np.fromfile(path, np.int32, 2)
    return np.fromfile(path, np.float32, offset=8).reshape(count, dim)


def build(kind, base, m, ef_construction):
    count, dim = base.shape
    if kind == "hnsw":
        index = faiss.IndexHNSWFlat(dim, m)
        index.hnsw.efConstruction = ef_construction
    else:
        index = faiss.index_factory(dim, f"IVF{int(4 * count**.5)},PQ{dim // (8 if dim >= 256 else 4)}np,RFlat")    # np: no training for a use as bits
        index.k_factor = 10
        lists = faiss.downcast_index(index.base_index)
        lists.cp.min_points_per_centroid = lists.pq.cp.min_points_per_centroid = 1      # no warnings about few rows
        index.train(base[np.random.default_rng(1).permutation(count)[:TRAINING]])
    index.add(base)
    return index


def main():
    kind, base, query = sys.argv[1], rows(sys.argv[2]), rows(sys.argv[3])
    start = time.time()
    index = build(kind, base, int(sys.argv[4]), int(sys.argv[5]))
    print("built", time.time() - start, len(faiss.serialize_index(index)), faiss.__version__, faiss.get_compile_options(), flush=True)
    faiss.omp_set_num_threads(1)
    ids, distances = np.empty((len(query), K), np.int64), np.empty((len(query), K), np.float32)
    asked = [(1, faiss.swig_ptr(query[i:i + 1]), K, faiss.swig_ptr(distances[i:i + 1]), faiss.swig_ptr(ids[i:i + 1])) for i in range(len(query))]

    for line in sys.stdin:
        what, number, where = line.split()
        if kind == "hnsw":
            index.hnsw.efSearch = int(number)
        else:
            faiss.downcast_index(index.base_index).nprobe = int(number)
        if what == "search":
            for one in asked:
                index.search_c(*one)
            ids.astype(np.int32).tofile(where)
            print("done", flush=True)
            continue
        done, start, cpu = 0, time.time(), time.process_time()
        while time.time() < start + float(where):
            index.search_c(*asked[done % len(asked)])
            done += 1
        print(done, time.time() - start, time.process_time() - cpu, flush=True)


main()
