"""
attributes.py -- integer columns beside the vectors of a set, conditions on them of
every selectivity, and the exact answer under each condition.

| column | values | what for |
|---|---|---|
| r, a, b, c | each 0 .. rows - 1 once, in random order | ranges of any share of the rows |
| cat | 1 for half of the rows, 2 for a fifth, ... by SHARES; 0 for the rest | equality |
| label | the kind of clothing (fashion784), or the nearest of ten k-means centroids | near and far, a tenth |
| region | position in an order in which near rows lie together | near and far, of any share |

A point is a kind of filter at one selectivity, with a condition for each query:

| kind | condition |
|---|---|
| range | r < x |
| equal | cat = x |
| three | a < x AND b >= y AND c BETWEEN z AND w; each the cube root of the share |
| near | region BETWEEN the bounds of a window about the query's own position; label = the query's own |
| far | region BETWEEN the bounds of the window of this share whose mean is farthest; label with the farthest mean |

The exact answer costs a minute for a million rows and is kept in a file of the set.
"""
import os

import numpy as np

from vecs import FASHION, distances, log, read_idx

VERSION = 1                             # of the definitions here; another one makes a new file
SHARES = (1, .5, .2, .1, .05, .02, .01, .005, .001, .0001, .00001)
KINDS = ("range", "equal", "three", "near", "far")
COLUMNS = ("r", "cat", "label", "region", "a", "b", "c")
K = 10
LEAF = 16                               # rows in no particular order within the order by region


class Point:
    """One kind of filter at one selectivity.

    share   of the rows
    label   whether the condition is on the label
    where   the condition of each query, as SQL
    rows    the matching rows: one array, or an array for each query
    k       rows that a query must return (the same for all)
    truth   float64[queries][k], distances of the nearest matching rows
    """

    def __init__(self, kind, share, where, rows, label=False):
        self.kind, self.share, self.where, self.rows, self.label = kind, share, where, rows, label
        self.name = f"{kind} {'label' if label else f'{share:g}'}"
        self.k = min(K, min(len(r) for r in rows) if isinstance(rows, list) else len(rows))
        self.truth = self.mask = None

    def rows_of(self, query):
        return self.rows[query] if isinstance(self.rows, list) else self.rows

    def inside(self, query, ids, n):
        """Whether all ids are among the matching rows, of n rows in all."""
        if self.mask is None or isinstance(self.rows, list):
            self.mask = np.zeros(n, bool)
            self.mask[self.rows_of(query)] = True
        return self.mask[ids].all()

    def matching(self):
        """Mean number of matching rows."""
        return float(np.mean([len(r) for r in self.rows])) if isinstance(self.rows, list) else len(self.rows)


# ----------------------------------------------------------------- columns

def principal(rows, random):
    """A direction along which rows differ most, about: a few steps of the power method."""
    sample = rows[random.integers(0, len(rows), min(len(rows), 512))].astype(np.float32)
    mean = sample.mean(0)
    sample -= mean
    direction = sample[np.argmax((sample * sample).sum(1))]
    for _ in range(5):
        direction = sample.T @ (sample @ direction)
        direction /= max(np.linalg.norm(direction), 1e-20)
    return direction


def order_by_region(base, query, random):
    """The rows in an order in which near rows lie together, by halving again and again across
    the principal direction; and the position in it where each query belongs."""
    order = np.arange(len(base))
    position = np.zeros(len(query), np.int64)
    stack = [(0, len(base), np.arange(len(query)))]
    while stack:
        low, high, queries = stack.pop()
        if high - low <= LEAF:
            position[queries] = (low + high) // 2
            continue
        ids = order[low:high]
        rows = base[ids]
        direction = principal(rows, random)
        at = rows @ direction
        half = len(ids) // 2
        sorted_ = np.argpartition(at, half)
        order[low:high] = ids[sorted_]
        left = query[queries] @ direction < at[sorted_[half]]
        stack += [(low, low + half, queries[left]), (low + half, high, queries[~left])]
    return order, position


def kmeans(base, random, count=10):
    sample = np.asarray(base[np.sort(random.choice(len(base), min(len(base), 50_000), replace=False))])
    centroids = sample[:count].copy()
    for _ in range(15):
        nearest = nearest_of(sample, centroids)
        for i in range(count):
            if (nearest == i).any():
                centroids[i] = sample[nearest == i].mean(0)
    return centroids


def scores(rows, centroids):
    """Squared distances to each centroid, less what is the same for all."""
    return (centroids * centroids).sum(1) - 2 * rows @ centroids.T


def nearest_of(rows, centroids):
    return scores(rows, centroids).argmin(1)


def labels_of(name, base, query, random):
    """Labels of the rows, and for each query its own label and the one farthest from it."""
    if name == "fashion784":
        label, own = (read_idx(f"{FASHION}/{part}-labels-idx1-ubyte.gz")[:n].astype(np.int32)
                      for part, n in (("train", len(base)), ("t10k", len(query))))
        means = np.stack([base[label == i].mean(0) for i in range(10)])
    else:
        means = kmeans(base, random)
        label, own = nearest_of(base, means), nearest_of(query, means)
    return label, own, scores(query, means).argmax(1)


def cat_of(n, random):
    cat, at = np.zeros(n, np.int32), 0
    order = random.permutation(n)
    for value, share in enumerate(SHARES[1:], 1):
        size = size_of(share, n)
        cat[order[at:at + size]] = value
        at += size
    return cat


def size_of(share, n):
    return max(1, round(share * n))


# -------------------------------------------------------------- conditions

def farthest_windows(base, order, query, size):
    """For each query the start of the window of that size with the farthest mean."""
    last = len(order) - size
    starts = np.unique(np.linspace(0, last, min(512, 4 * last // size + 1)).astype(np.int64))
    means = np.stack([base[order[s:s + size]].mean(0) for s in starts])
    return starts[scores(query, means).argmax(1)]


def between(column, starts, size):
    return [f"{column} BETWEEN {s} AND {s + size - 1}" for s in starts]


class Attributes:
    """The columns of a set, and the points of all kinds."""

    def __init__(self, name, base, query):
        self.base, self.query = base, query
        n, random = len(base), np.random.default_rng([VERSION, n_of(name)])
        self.columns = {c: random.permutation(n) for c in "rabc"}
        self.columns["cat"] = cat_of(n, random)
        self.columns["label"], own, far = labels_of(name, base, query, random)
        self.order, self.position = order_by_region(base, query, random)
        self.columns["region"] = np.empty(n, np.int64)
        self.columns["region"][self.order] = np.arange(n)
        self.columns = {c: self.columns[c].astype(np.int32) for c in COLUMNS}
        self.points = [p for share in SHARES for p in self.points_of(share)]
        self.points += [self.label_point("near", own), self.label_point("far", far)]

    def points_of(self, share):
        n, same = len(self.base), len(self.query)
        size = size_of(share, n)
        yield Point("range", share, [f"r < {size}"] * same, np.flatnonzero(self.columns["r"] < size))
        if share < 1:
            value = SHARES.index(share)
            yield Point("equal", share, [f"cat = {value}"] * same, np.flatnonzero(self.columns["cat"] == value))
        yield self.three(share)
        starts = np.clip(self.position - size // 2, 0, n - size)
        yield Point("near", share, between("region", starts, size), [self.order[s:s + size] for s in starts])
        starts = farthest_windows(self.base, self.order, self.query, size)
        yield Point("far", share, between("region", starts, size), [self.order[s:s + size] for s in starts])

    def three(self, share):
        n, part = len(self.base), round(share ** (1 / 3) * len(self.base))
        a, b, c = (self.columns[x] for x in "abc")
        low = (n - part) // 2
        rows = np.flatnonzero((a < part) & (b >= n - part) & (c >= low) & (c < low + part))
        where = f"a < {part} AND b >= {n - part} AND c BETWEEN {low} AND {low + part - 1}"
        return Point("three", share, [where] * len(self.query), rows)

    def without_condition(self):
        point = Point("none", 1, [""] * len(self.query), np.arange(len(self.base)))
        point.truth = next(p for p in self.points if p.share == 1).truth
        return point

    def label_point(self, kind, labels):
        rows = [np.flatnonzero(self.columns["label"] == i) for i in range(10)]
        share = float(np.mean([len(rows[i]) for i in labels])) / len(self.base)
        return Point(kind, share, [f"label = {i}" for i in labels], [rows[i] for i in labels], label=True)


def n_of(name):
    """A seed from a name."""
    return sum(name.encode())


# ------------------------------------------------------------ exact answer

def nearest_distances(base, rows, score, query, k):
    """Distances of the k nearest of the rows; score: their distances in float32, less what is the
    same for all.  That nothing nearer was left out is proved as vecs.exact does."""
    if k == 0:
        return []
    pool = min(len(rows), k + 50)
    best = np.argpartition(score, pool - 1)[:pool] if pool < len(rows) else np.arange(pool)
    exact = distances(base, rows[best], query, "l2")
    nearest = np.sort(exact)[:k]
    if pool < len(rows):
        offset = float(np.asarray(query, np.float64) @ query)
        error = np.abs(score[best] + offset - exact).max()
        assert score[best].max() + offset - nearest[-1] > 4 * error, "candidate pool too small"
    return nearest


def find_truth(attributes, path, step=8):
    """The exact answer of all points, from the file if it has them."""
    points, base, query = attributes.points, attributes.base, attributes.query
    if os.path.exists(path):
        known = np.load(path)
        for p in points:
            p.truth = known[p.name]
        return
    log("exact answers of", len(points), "conditions")
    norms = np.einsum("ij,ij->i", base, base)
    for p in points:
        p.truth = np.empty((len(query), p.k))
    for s in range(0, len(query), step):
        for i, score in enumerate(norms - 2 * (query[s:s + step] @ base.T), s):
            for p in points:
                rows = p.rows_of(i)
                p.truth[i] = nearest_distances(base, rows, score[rows], query[i], p.k)
    np.savez(path + ".tmp.npz", **{p.name: p.truth for p in points})
    os.replace(path + ".tmp.npz", path)


def attributes_of(name, folder, base, query):
    """Columns and points of a set (its first rows and queries), with the exact answers."""
    attributes = Attributes(name, base, query)
    find_truth(attributes, os.path.join(folder, f"filters{VERSION}-{len(base)}-{len(query)}.npz"))
    return attributes
