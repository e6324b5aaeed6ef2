#!/usr/bin/python3
"""
clust128.py FOLDER [ROWS] -- 1,000,000 synthetic 128-d vectors that behave like
SIFT descriptors (local intrinsic dimension about 14), L2.

A Gaussian mixture with 1,000 centres of log-normal weight in 18 latent
dimensions, each component with its own size and axis scales, put through a fixed
random two-layer map x = relu(tanh(z W1 + b1) W2 + b2), plus a little Gaussian
noise, scaled to about SIFT's norm (512).  query: 1,000 further draws; insert:
2,000 further draws.  Everything follows from SEED, in chunks of 100,000 rows with
a generator each, so that a smaller ROWS gives the same first rows.
"""
import sys

import numpy as np

from vecs import write_set

SEED = 20240128
LATENT, HIDDEN, DIM, CENTRES, CHUNK = 18, 96, 128, 1000, 100_000
SPREAD, WITHIN, NOISE = 1.0, 0.95, 0.03


class Model:
    def __init__(self):
        r = np.random.default_rng([SEED, 0])
        self.centre = r.normal(0, SPREAD, (CENTRES, LATENT))
        weight = np.exp(r.normal(0, 1.0, CENTRES))
        self.cumulative = np.cumsum(weight / weight.sum())
        size = np.exp(r.normal(0, 0.25, (CENTRES, 1)))
        axis = np.exp(r.normal(0, 0.5, (CENTRES, LATENT)))
        axis /= np.sqrt((axis ** 2).mean(1, keepdims=True))
        self.scale = WITHIN * size * axis
        self.w1 = r.normal(0, 1 / np.sqrt(LATENT), (LATENT, HIDDEN))
        self.b1 = r.normal(0, 0.3, HIDDEN)
        self.w2 = r.normal(0, 1 / np.sqrt(HIDDEN), (HIDDEN, DIM))
        self.b2 = r.normal(0, 0.3, DIM)
        self.gain = 1.0
        sample = self.draw(4096, 1).astype(np.float64)
        self.gain = 512 / np.linalg.norm(sample, axis=1).mean()

    def draw(self, n, stream):
        r = np.random.default_rng([SEED, stream])
        c = np.minimum(np.searchsorted(self.cumulative, r.random(n)), CENTRES - 1)
        z = self.centre[c] + self.scale[c] * r.normal(size=(n, LATENT))
        x = np.tanh(z @ self.w1 + self.b1) @ self.w2 + self.b2
        np.maximum(x, 0, out=x)
        x += NOISE * r.normal(size=x.shape)
        return (self.gain * x).astype(np.float32)


def main():
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    assert rows % CHUNK == 0, "ROWS must be a multiple of 100000"
    model = Model()
    base = np.concatenate([model.draw(CHUNK, 10 + k) for k in range(rows // CHUNK)])
    write_set(sys.argv[1], base, model.draw(1000, 2), model.draw(2000, 3), "l2")


main()
