#!/usr/bin/python3
"""
clust128.py FOLDER [ROWS] -- 1,000,000 synthetic 128-d vectors that behave like
SIFT descriptors (local intrinsic dimension about 14), L2.

A mixture of 1,000 components in 18 latent dimensions (mixture.py), rectified, of
about SIFT's norm (512).  query: 1,000 further draws; insert: 2,000 further draws.
In chunks of 100,000 rows with a generator each, so that a smaller ROWS gives the
same first rows.
"""
import sys

import numpy as np

from mixture import Mixture
from vecs import write_set

SEED, CHUNK = 20240128, 100_000


def main():
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    assert rows % CHUNK == 0, "ROWS must be a multiple of 100000"
    mixture = Mixture(SEED, 128, centres=1000, norm=512, rectify=True)
    base = np.concatenate([mixture.draw(CHUNK, 10 + k) for k in range(rows // CHUNK)])
    write_set(sys.argv[1], base, mixture.draw(1000, 2), mixture.draw(2000, 3), "l2")


main()
