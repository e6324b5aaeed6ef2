"""
vecs.py -- what the set makers and the measuring programs share: the files of a
set, the exact answer, and recall against it.

A set is a folder with base.fvecs (the table), query.fvecs, insert.fvecs (held
out, for the single-row inserts), gt.ivecs and gt_dist.fvecs (the exact 100
nearest base rows of each query and their distances).  fvecs and ivecs are the
TEXMEX files: per row an int32 length, then that many float32 or int32.

Distances are squared Euclidean ('l2') or 1 - cosine ('cos').  Ties are judged
by distance, never by id.
"""
import gzip
import os
import time

import numpy as np

K_TRUTH = 100
FASHION = os.environ.get("FASHION_DIR", "/usr/share/datasets/fashion-mnist")    # of dataset-fashion-mnist
T0 = time.time()


def log(*words):
    print(f"[{time.time() - T0:7.1f} s]", *words, flush=True)


# ------------------------------------------------------------------- files

def write_vecs(path, a, step=65536):
    """fvecs when a is float32, ivecs when it is int32."""
    assert a.dtype in (np.float32, np.int32) and a.ndim == 2
    with open(path + ".tmp", "wb") as f:
        for s in range(0, len(a), step):
            part = np.ascontiguousarray(a[s:s + step])
            out = np.empty((len(part), a.shape[1] + 1), np.int32)
            out[:, 0] = a.shape[1]
            out[:, 1:] = part.view(np.int32)
            out.tofile(f)
    os.replace(path + ".tmp", path)


def read_vecs(path, dtype, rows=None):
    dim = int(np.fromfile(path, np.int32, 1)[0])
    count = -1 if rows is None else rows * (dim + 1)
    raw = np.fromfile(path, np.int32, count).reshape(-1, dim + 1)
    assert (raw[:, 0] == dim).all(), path + " is damaged"
    return raw[:, 1:].view(dtype)


def write_set(folder, base, query, insert, metric):
    """All files of one set; the truth is computed here.  READY is written last."""
    os.makedirs(folder, exist_ok=True)
    for name, a in (("base", base), ("query", query), ("insert", insert)):
        write_vecs(os.path.join(folder, name + ".fvecs"), np.ascontiguousarray(a, np.float32))
    log("vectors written:", base.shape, "base rows,", len(query), "queries,", len(insert), "to insert")
    ids, dist = exact(base, query, metric)
    write_vecs(os.path.join(folder, "gt.ivecs"), ids)
    write_vecs(os.path.join(folder, "gt_dist.fvecs"), dist.astype(np.float32))
    with open(os.path.join(folder, "READY"), "w") as f:
        f.write(f"rows={len(base)}\ndim={base.shape[1]}\nmetric={metric}\n")
    log("exact answer written; ready:", folder)


def read_idx(path):
    """A gzipped IDX file of bytes, as MNIST's are: images come as rows of pixels."""
    with gzip.open(path) as f:
        raw = f.read()
    axes = raw[3]
    shape = np.frombuffer(raw, ">i4", axes, 4)
    data = np.frombuffer(raw, np.uint8, offset=4 + 4 * axes)
    return data.reshape(shape[0], -1) if axes > 1 else data


def copy_binary(vectors, first_id=0, labels=None, step=20_000):
    """Yields the bytes of COPY ... (id int, [ints,] embedding vector) FROM STDIN (FORMAT
    binary).  labels: one int or a row of ints for each vector.  A vector's wire form:
    int16 dimensions, int16 zero, then float4 values; everything big-endian."""
    dim = vectors.shape[1]
    labels = np.empty((len(vectors), 0), np.int32) if labels is None else np.reshape(labels, (len(vectors), -1))
    width = labels.shape[1]
    row_type = [("fields", ">i2"), ("id_len", ">i4"), ("id", ">i4"),
                ("ints", [("len", ">i4"), ("value", ">i4")], (width,)),
                ("vector_len", ">i4"), ("dim", ">i2"), ("zero", ">i2"), ("x", ">f4", (dim,))]
    yield b"PGCOPY\n\xff\r\n\0" + bytes(8)
    for s in range(0, len(vectors), step):
        part = vectors[s:s + step]
        row = np.zeros(len(part), row_type)
        row["fields"] = 2 + width
        row["id_len"], row["vector_len"], row["dim"] = 4, 4 + 4 * dim, dim
        row["id"] = np.arange(first_id + s, first_id + s + len(part))
        row["ints"]["len"], row["ints"]["value"] = 4, labels[s:s + step]
        row["x"] = part
        yield row.tobytes()
    yield b"\xff\xff"


# ------------------------------------------------------------ exact answer

def unit(a):
    return a / np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-30)


def distances(base, ids, query, metric):
    """float64 distances of query (one vector) to base[ids]."""
    rows = np.asarray(base[ids], np.float64)
    q = np.asarray(query, np.float64)
    if metric == "cos":
        norms = np.linalg.norm(rows, axis=1) * np.linalg.norm(q)
        return 1 - (rows @ q) / np.maximum(norms, 1e-30)
    return ((rows - q) ** 2).sum(1)


def candidates(base, query, metric, pool, chunk=100_000):
    """The pool best rows of every query by a float32 matrix product: scores, ids."""
    best_s = np.full((len(query), 0), np.inf, np.float32)
    best_i = np.zeros((len(query), 0), np.int64)
    for s in range(0, len(base), chunk):
        b = np.asarray(base[s:s + chunk], np.float32)
        if metric == "cos":
            score = query @ unit(b).T
            np.negative(score, out=score)
        else:
            score = query @ b.T
            score *= -2
            score += (b * b).sum(1)      # the query's own norm changes no order
        n = min(pool, score.shape[1])
        part = np.argpartition(score, n - 1, axis=1)[:, :n]
        best_s = np.concatenate([best_s, np.take_along_axis(score, part, 1)], 1)
        best_i = np.concatenate([best_i, part + s], 1)
        if best_s.shape[1] > pool:
            p = np.argpartition(best_s, pool - 1, axis=1)[:, :pool]
            best_s = np.take_along_axis(best_s, p, 1)
            best_i = np.take_along_axis(best_i, p, 1)
    return best_s, best_i


def exact(base, query, metric, k=K_TRUTH):
    """The exact k nearest rows of each query: ids int32, distances float64.

    Candidates found in float32 are scored again in float64 and sorted by
    (distance, id).  That the pool of candidates was wide enough is proved: every
    row left out scored worse than the k-th true distance by more than four
    times the largest float32 error seen.
    """
    k = min(k, len(base))
    pool = k + 100
    q32 = np.ascontiguousarray(query, np.float32)
    if metric == "cos":
        q32 = unit(q32)
    scores, rows = candidates(base, q32, metric, pool)
    ids = np.empty((len(query), k), np.int32)
    dist = np.empty((len(query), k))
    for i in range(len(query)):
        d = distances(base, rows[i], query[i], metric)
        order = np.lexsort((rows[i], d))[:k]
        ids[i], dist[i] = rows[i][order], d[order]
        if len(base) > pool:
            q64 = q32[i].astype(np.float64)
            offset = 1.0 if metric == "cos" else float(q64 @ q64)
            error = np.abs(scores[i] + offset - d).max()
            assert scores[i].max() + offset - dist[i, -1] > 4 * error, "candidate pool too small"
    return ids, dist


def recall(found, base, query, truth_dist, metric, k=10):
    """Mean share of the k nearest that was found.

    found   one array of ids (row numbers of base) per query, as returned
    A returned row counts when it is no farther than the true k-th one (ties and
    float32 rounding allowed for); a row returned twice counts once.
    """
    hits = 0
    for i, ids in enumerate(found):
        ids = np.unique(np.asarray(ids, np.int64))
        if len(ids) == 0:
            continue
        limit = truth_dist[i][k - 1]
        near = distances(base, ids, query[i], metric) <= limit + 1e-6 * max(limit, 1e-3)
        hits += min(int(near.sum()), k)
    return hits / (k * len(found))
