"""
growth.py -- how a figure grows with the number of rows: fits of figures at several sizes, and what they say of larger ones.
"""
import math

import numpy as np


def fit(x, y):
    """Least squares y = a + b x: a, b, and the largest error relative to y."""
    a = np.stack([np.ones(len(x)), np.asarray(x, float)], axis=1)
    (c, b), *_ = np.linalg.lstsq(a, np.asarray(y, float), rcond=None)
    error = np.abs(a @ (c, b) - y) / np.abs(y)
    return float(c), float(b), float(error.max())


class Growth:
    """Of one figure over rows: as a + b ln(rows), and as a rows^p."""

    def __init__(self, rows, figures):
        self.rows, self.figures = list(rows), list(figures)
        logs = [math.log(n) for n in rows]
        self.log = fit(logs, figures)
        a, p, _ = fit(logs, [math.log(f) for f in figures])
        self.power = (math.exp(a), p, max(abs(math.exp(a) * n ** p - f) / f for n, f in zip(rows, figures)))

    def logarithmic(self, rows):
        return self.log[0] + self.log[1] * math.log(rows)

    def by_power(self, rows):
        return self.power[0] * rows ** self.power[1]

    def at(self, rows):
        """Of both fits, the larger one: a projection should not flatter."""
        return max(self.logarithmic(rows), self.by_power(rows))

    def words(self):
        return (f"{self.log[0]:.4g} + {self.log[1]:.4g} ln(rows), off by {100 * self.log[2]:.0f} % at most; "
                f"{self.power[0]:.4g} rows^{self.power[1]:.3f}, off by {100 * self.power[2]:.0f} %")
