"""
mixture.py -- synthetic vectors of low intrinsic dimension.

A Gaussian mixture with centres of log-normal weight in a few latent dimensions,
each component with its own size and axis scales, put through a fixed random
two-layer map x = tanh(z W1 + b1) W2 + b2, plus a little Gaussian noise.
rectify makes it max(x, 0) before the noise, as descriptors are.
"""
import numpy as np

SPREAD, WITHIN, NOISE = 1.0, 0.95, 0.03


class Mixture:
    """Rows have about the given mean norm.  Everything follows from the seed."""

    def __init__(self, seed, dim, centres, norm, latent=18, hidden=96, rectify=False):
        r = np.random.default_rng([seed, 0])
        self.seed, self.latent, self.rectify = seed, latent, rectify
        self.centre = r.normal(0, SPREAD, (centres, latent))
        weight = np.exp(r.normal(0, 1.0, centres))
        self.cumulative = np.cumsum(weight / weight.sum())
        size = np.exp(r.normal(0, 0.25, (centres, 1)))
        axis = np.exp(r.normal(0, 0.5, (centres, latent)))
        axis /= np.sqrt((axis ** 2).mean(1, keepdims=True))
        self.scale = WITHIN * size * axis
        self.w1 = r.normal(0, 1 / np.sqrt(latent), (latent, hidden))
        self.b1 = r.normal(0, 0.3, hidden)
        self.w2 = r.normal(0, 1 / np.sqrt(hidden), (hidden, dim))
        self.b2 = r.normal(0, 0.3, dim)
        self.gain = 1.0
        sample = self.draw(4096, 1).astype(np.float64)
        self.gain = norm / np.linalg.norm(sample, axis=1).mean()

    def draw(self, n, stream):
        """n rows; each stream (2 or more) gives other ones, the same stream the same."""
        r = np.random.default_rng([self.seed, stream])
        c = np.minimum(np.searchsorted(self.cumulative, r.random(n)), len(self.centre) - 1)
        z = self.centre[c] + self.scale[c] * r.normal(size=(n, self.latent))
        x = np.tanh(z @ self.w1 + self.b1) @ self.w2 + self.b2
        if self.rectify:
            np.maximum(x, 0, out=x)
        x += NOISE * r.normal(size=x.shape)
        return (self.gain * x).astype(np.float32)
