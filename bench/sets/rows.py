"""
rows.py -- rows of the types beside vector, as text for COPY: half-precision vectors, strings of
bits, sparse vectors like those of SPLADE.  The same for the same number of rows.
"""
import numpy as np

from mixture import Mixture

TERMS = 30_000


class Halfvec:
    """Vectors of low intrinsic dimension, as embeddings are."""
    def __init__(self, dim):
        self.type, self.dim = f"halfvec({dim})", dim
        self.mixture = Mixture(9, dim, centres=200, norm=1)

    def draw(self, n, stream):
        return ["[" + ",".join("%.5g" % x for x in row) + "]" for row in self.mixture.draw(n, stream)]


class Bit(Halfvec):
    """The signs of such vectors, as binary_quantize() gives them."""
    def __init__(self, dim):
        super().__init__(dim)
        self.type = f"bit({dim})"

    def draw(self, n, stream):
        rows = self.mixture.draw(n, stream)
        # around the mean, so that bits are set half of the time
        mean = self.mixture.draw(4096, 1).mean(0)
        return ["".join("1" if x else "0" for x in row) for row in rows > mean]


class Sparse:
    """
    55 to 220 of 30,000 terms a row, 20 to 60 a query, chosen by Zipf's law: two thirds of them from
    the 400 of the row's topic.  Weights grow with the rarity of a term.
    """
    def __init__(self):
        self.type = f"sparsevec({TERMS})"
        r = np.random.default_rng([11, 0])
        popular = 1 / np.arange(1, TERMS + 1)
        self.cumulative = np.cumsum(popular / popular.sum())
        self.number = r.permutation(TERMS)
        self.rarity = .3 + np.log10(1 + np.arange(TERMS)) / 4.5
        self.topics = [np.unique(self.terms(r, 400)) for _ in range(200)]

    def terms(self, r, n):
        return np.minimum(np.searchsorted(self.cumulative, r.random(n)), TERMS - 1)

    def draw(self, n, stream):
        r = np.random.default_rng([11, stream])
        least, most = (20, 70) if stream == 2 else (70, 290)
        return [self.row(r, int(r.integers(least, most + 1))) for _ in range(n)]

    def row(self, r, k):
        topic = self.topics[r.integers(len(self.topics))]
        term = np.unique(np.concatenate([r.choice(topic, k * 2 // 3), self.terms(r, k - k * 2 // 3)]))
        weight = np.log1p(r.gamma(1, 2, len(term))) * self.rarity[term] + .01
        order = np.argsort(self.number[term])
        pairs = ",".join("%d:%.5g" % (self.number[t] + 1, w) for t, w in zip(term[order], weight[order]))
        return "{" + pairs + "}/%d" % TERMS
