"""
shapes.py -- the sets of bench/recall: small ones of many shapes, most of them
synthetic ones that no benchmark has.  A line is rows, queries, a metric and k.

Each is a function of (random generator, rows) that returns rows and queries; the
generator's seed is the line's name, so that a line is the same on every machine.
float32, as the type vector holds it: the exact answers are those of these values.
"""
import zlib
from collections import namedtuple

import numpy as np

Line = namedtuple("Line", "name about metric rows make queries k states")
LINES = {}
STATES = ("built", "grown", "half", "reinserted")


def line(name, about, metric, rows, make, queries=400, k=10, states=STATES):
    assert name not in LINES
    LINES[name] = Line(name, about, metric, rows, make, queries, k, states)


def draw(one, scale=1.0):
    """Rows and queries of a line, float32; scale: a factor on the rows."""
    g = np.random.default_rng(zlib.crc32(one.name.encode()))
    base, query = one.make(g, max(int(one.rows * scale), 100), one.queries)
    assert base.ndim == 2 and base.shape[1] == query.shape[1]
    return np.ascontiguousarray(base, np.float32), np.ascontiguousarray(query, np.float32)


# ------------------------------------------------------------ shapes

def both(f, dim):
    """Rows and queries of one distribution: f(g, (n, dim))."""
    return lambda g, n, q: (f(g, (n, dim)), f(g, (q, dim)))


def normal(dim, mean=0, query_mean=None):
    at = mean if query_mean is None else query_mean
    return lambda g, n, q: (g.normal(size=(n, dim)) + mean, g.normal(size=(q, dim)) + at)


def unit(a):
    return a / np.linalg.norm(a, axis=1, keepdims=True)


def lengths(dim, sigma):
    """Normal directions, log-normal lengths."""
    def make(g, n, q):
        return unit(g.normal(size=(n, dim))) * g.lognormal(0, sigma, (n, 1)), g.normal(size=(q, dim))
    return make


def near_duplicates(clusters, dim, jitter):
    """Rows round about clusters centres, in no order; queries likewise."""
    def make(g, n, q):
        centres = g.normal(size=(clusters, dim))
        def around(count):
            return centres[g.integers(0, clusters, count)] + jitter * g.normal(size=(count, dim))
        return around(n), around(q)
    return make


def one_large(dim, factor):
    def make(g, n, q):
        scale = np.ones(dim)
        scale[dim // 3] = factor
        return g.normal(size=(n, dim)) * scale, g.normal(size=(q, dim)) * scale
    return make


def sparse(dim, zeros, queries=None):
    """Non-negative rows; queries likewise, or those of a function of (generator, size)."""
    def some(g, count):
        values = np.abs(g.normal(size=(count, dim))) * (g.random((count, dim)) >= zeros)
        values[np.arange(count), g.integers(0, dim, count)] += .1          # no row of zeros
        return values
    return lambda g, n, q: (some(g, n), queries(g, (q, dim)) if queries else some(g, q))


def component_scales(dim):
    """Components whose deviations spread over four powers of ten."""
    def make(g, n, q):
        scale = 10 ** g.uniform(-2, 2, dim)
        return g.normal(size=(n, dim)) * scale, g.normal(size=(q, dim)) * scale
    return make


def row_scales(dim):
    """Rows of lengths over four powers of ten, queries likewise."""
    def some(g, count):
        return g.normal(size=(count, dim)) * 10 ** g.uniform(-2, 2, (count, 1))
    return lambda g, n, q: (some(g, n), some(g, q))


def equal_up_to_length(directions, dim):
    def make(g, n, q):
        way = unit(g.normal(size=(directions, dim)))
        def some(count):
            return way[g.integers(0, directions, count)] * g.uniform(.5, 2, (count, 1))
        return some(n), some(q) + .05 * g.normal(size=(q, dim))
    return make


def low_rank(rank, dim, noise=.05, length=None, queries_elsewhere=False):
    """Rows near a linear space of rank dimensions, in a few hundred clumps, as embeddings of text are."""
    def make(g, n, q):
        frame = g.normal(size=(rank, dim)) / np.sqrt(rank)
        topics = g.normal(size=(300, rank))
        share = g.dirichlet(np.full(300, .5))
        def some(count):
            inner = topics[g.choice(300, count, p=share)] + .6 * g.normal(size=(count, rank))
            return inner @ frame + noise * g.normal(size=(count, dim))
        base, query = some(n), some(q)
        if queries_elsewhere:
            query += 2 * g.normal(size=dim)
        return (unit(base) * length, unit(query) * length) if length else (base, query)
    return make


def factors(rank):
    """Items and users of a recommender: taste, and the item's popularity as a bias."""
    def make(g, n, q):
        spectrum = 1 / np.sqrt(np.arange(1, rank))
        popularity = g.lognormal(0, .7, n)
        items = g.normal(size=(n, rank - 1)) * spectrum * (.5 + .2 * popularity[:, None])
        users = g.normal(size=(q, rank - 1)) * spectrum
        return np.column_stack([items, .5 * np.log(popularity)]), np.column_stack([users, np.ones(q)])
    return make


def separated(clusters, dim, gap, ordered, zipf=False):
    """Clusters of spread 1, as many as given, of equal or Zipf's sizes, whose centres are about gap apart
    (the nearest of them); rows in cluster order or shuffled; queries from all clusters alike."""
    def make(g, n, q):
        centres = g.normal(size=(clusters, dim))
        apart = nearest_centre(centres)
        centres *= gap / apart
        if zipf:
            share = 1 / np.arange(1, clusters + 1)
            member = g.choice(clusters, n, p=share / share.sum())
        else:
            member = np.arange(n) * clusters // n
        member = np.sort(member) if ordered else g.permutation(member)
        asked = member[g.integers(0, n, q)] if zipf else g.integers(0, clusters, q)
        return (centres[member] + g.normal(size=(n, dim)) / np.sqrt(dim),
                centres[asked] + g.normal(size=(q, dim)) / np.sqrt(dim))
    return make


def nearest_centre(centres):
    """The mean distance from a centre to the next one."""
    d = ((centres ** 2).sum(1)[:, None] + (centres ** 2).sum(1) - 2 * centres @ centres.T).clip(0)
    np.fill_diagonal(d, np.inf)
    return np.sqrt(d.min(1)).mean()


def modalities(dim):
    """Half the rows around +3, half around -3, in no order; queries of both."""
    def some(g, count):
        return g.normal(size=(count, dim)) + 3 * g.choice((-1, 1), (count, 1))
    return lambda g, n, q: (some(g, n), some(g, q))


def zipf_clumps(clumps, dim, spread):
    """Overlapping clumps of Zipf's sizes."""
    def make(g, n, q):
        centres, share = g.normal(size=(clumps, dim)), 1 / np.arange(1, clumps + 1)
        def some(count):
            return centres[g.choice(clumps, count, p=share / share.sum())] + spread * g.normal(size=(count, dim))
        return some(n), some(q)
    return make


# ------------------------------------------------------------- lines

line("ip3", "3-d products of two uniforms", "ip", 10_000, both(lambda g, s: g.random(s) * g.random(s), 3), k=20)
line("lognormal32", "32-d normal, log-normal lengths (sigma .5)", "ip", 30_000, lengths(32, .5))
line("dup48_1e-3", "300 clusters of near-duplicates, 48-d, jitter 1e-3", "l2", 30_000, near_duplicates(300, 48, 1e-3))
line("onelarge48", "48-d normal, one component 1,000 times as large", "l2", 10_000, one_large(48, 1000))
line("sparse64_dense", "64-d non-negative, 90 % zeros, dense queries", "cos", 30_000, sparse(64, .9, lambda g, s: np.abs(g.normal(size=s))))
line("sparse64_uniform", "the same rows, queries uniform from .5 to 1", "cos", 30_000, sparse(64, .9, lambda g, s: g.uniform(.5, 1, s)))
line("sparse64_normal", "the same rows, normal queries", "cos", 30_000, sparse(64, .9, lambda g, s: g.normal(size=s)))
line("elsewhere64", "64-d normal, queries from mean 3", "l2", 30_000, normal(64, query_mean=3))
line("unit96_ip", "96-d unit vectors", "ip", 20_000, both(lambda g, s: unit(g.normal(size=s)), 96))
line("normal16", "16-d normal", "l2", 50_000, normal(16))

line("dim1", "1-d uniform", "l2", 10_000, both(lambda g, s: g.random(s), 1))
line("dim2_l1", "2-d uniform", "l1", 10_000, both(lambda g, s: g.random(s), 2))
line("dim3_cos", "3-d normal", "cos", 10_000, normal(3))
line("uniform8", "8-d uniform", "l2", 20_000, both(lambda g, s: g.random(s), 8))
line("uniform32", "32-d uniform", "l2", 20_000, both(lambda g, s: g.random(s), 32))
line("text512", "512-d, 24 of them intrinsic, like text", "cos", 10_000, low_rank(24, 512))
line("text512_ip", "the same kind, unit length", "ip", 10_000, low_rank(24, 512, length=1))
line("dim1024", "1,024-d, 40 intrinsic", "l2", 6_000, low_rank(40, 1024), queries=300)
line("text256_elsewhere", "256-d, 24 intrinsic, queries of another kind", "cos", 10_000, low_rank(24, 256, queries_elsewhere=True))

line("student32", "32-d Student t, 3 degrees", "l2", 20_000, both(lambda g, s: g.standard_t(3, s), 32))
line("student32_l1", "the same", "l1", 10_000, both(lambda g, s: g.standard_t(3, s), 32))
line("student32_ip", "the same", "ip", 10_000, both(lambda g, s: g.standard_t(3, s), 32))
line("cauchy16", "16-d Cauchy", "l2", 10_000, both(lambda g, s: g.standard_cauchy(s), 16))
line("cauchy16_cos", "the same", "cos", 10_000, both(lambda g, s: g.standard_cauchy(s), 16))
line("rowscales32", "32-d normal, lengths over four powers of ten", "l2", 10_000, row_scales(32))
line("compscales32", "32-d normal, components over four powers of ten", "l2", 10_000, component_scales(32))
line("compscales32_l1", "the same", "l1", 10_000, component_scales(32))

line("ints16", "16-d integers 0 to 3", "l2", 20_000, both(lambda g, s: g.integers(0, 4, s), 16))
line("ints16_l1", "the same", "l1", 10_000, both(lambda g, s: g.integers(0, 4, s), 16))
line("ints4", "4-d integers 0 to 9 (10,000 points, most of them twice)", "l2", 20_000, both(lambda g, s: g.integers(0, 10, s), 4))
line("binary128", "128-d zeros and ones", "l2", 10_000, both(lambda g, s: g.integers(0, 2, s), 128))
line("binary128_cos", "128-d zeros and ones, a tenth ones", "cos", 10_000, both(lambda g, s: g.random(s) < .1, 128))
line("sparse256", "256-d non-negative, 95 % zeros, queries too", "cos", 10_000, sparse(256, .95))
line("sparse256_ip", "the same", "ip", 10_000, sparse(256, .95))

line("mean100", "32-d normal, mean 100", "l2", 10_000, normal(32, 100))
line("mean100_cos", "the same", "cos", 10_000, normal(32, 100))
line("mean100_ip", "the same", "ip", 10_000, normal(32, 100))
line("mean1000", "32-d normal, mean 1,000", "l2", 10_000, normal(32, 1000))
line("mean1000_l1", "the same", "l1", 10_000, normal(32, 1000))
line("mean1000_cos", "the same", "cos", 10_000, normal(32, 1000))
line("elsewhere32_cos", "32-d normal, queries from mean 2", "cos", 10_000, normal(32, query_mean=2))
line("elsewhere32_ip", "32-d normal of mean 1, queries of mean -1", "ip", 10_000, normal(32, 1, query_mean=-1))

line("zipf32", "300 overlapping clumps of Zipf's sizes, 32-d", "l2", 20_000, zipf_clumps(300, 32, .4))
line("zipf32_l1", "the same", "l1", 10_000, zipf_clumps(300, 32, .4))
line("dup48_1e-2", "100 clusters of near-duplicates, 48-d, jitter 1e-2", "l2", 10_000, near_duplicates(100, 48, 1e-2))
line("dup48_1e-4", "jitter 1e-4", "l2", 10_000, near_duplicates(100, 48, 1e-4))
line("dup48_1e-6", "jitter 1e-6", "l2", 10_000, near_duplicates(100, 48, 1e-6))
line("dup48_cos", "jitter 1e-3", "cos", 10_000, near_duplicates(100, 48, 1e-3))
line("dup16_ip", "16-d, jitter 1e-2", "ip", 10_000, near_duplicates(100, 16, 1e-2))
line("dup32_l1", "32-d, jitter 1e-3", "l1", 10_000, near_duplicates(100, 32, 1e-3))
line("lengths32", "2,000 directions, rows equal up to length, 32-d", "l2", 10_000, equal_up_to_length(2000, 32))
line("lengths32_cos", "the same", "cos", 10_000, equal_up_to_length(2000, 32))
line("lengths32_ip", "the same", "ip", 10_000, equal_up_to_length(2000, 32))

line("factors10k", "items of a recommender, users as queries, 32-d", "ip", 10_000, factors(32))
line("factors50k", "the same, 64-d", "ip", 50_000, factors(64), states=("built", "grown"))
line("factors300k", "the same, 32-d", "ip", 300_000, factors(32), states=("built",))

for gap in (3, 10, 30, 100):
    line(f"separate200_gap{gap}", f"200 separate clusters, gap {gap} spreads, in cluster order, 32-d", "l2", 40_000,
         separated(200, 32, gap, True), queries=1000, states=STATES if gap in (10, 30) else ("built", "grown"))
line("separate200_shuffled", "gap 10, shuffled", "l2", 40_000, separated(200, 32, 10, False), queries=1000)
line("separate200_zipf", "gap 10, Zipf's sizes, in cluster order", "l2", 20_000, separated(200, 32, 10, True, True), queries=1000)
line("separate2", "2 clusters, gap 30, shuffled", "l2", 10_000, separated(2, 32, 30, False), queries=1000)
line("separate20", "20 clusters, gap 30, in cluster order", "l2", 10_000, separated(20, 32, 30, True), queries=1000)
line("separate2000", "2,000 clusters of 20, gap 10, in cluster order", "l2", 40_000, separated(2000, 32, 10, True), queries=1000,
     states=("built", "grown", "reinserted"))
line("separate200_cos", "200 clusters, gap 10, shuffled", "cos", 20_000, separated(200, 32, 10, False), queries=1000,
     states=("built", "grown"))
line("modalities64", "64-d, half around +3, half around -3", "l2", 20_000, modalities(64), queries=1000)
line("modalities64_cos", "the same", "cos", 20_000, modalities(64), queries=1000, states=("built", "grown"))
