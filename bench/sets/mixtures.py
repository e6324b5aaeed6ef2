#!/usr/bin/python3
"""
mixtures.py NAME FOLDER -- synthetic vectors of low intrinsic dimension, from a mixture of 1,000 components in 18 latent
dimensions (mixture.py):

clust128  1,000,000 of 128 dimensions that behave like SIFT descriptors (local intrinsic dimension about 14): rectified,
          of about SIFT's norm (512), L2
text512   200,000 of 512 dimensions that behave like embeddings of texts, cosine

query: 1,000 further draws; insert: 2,000 further draws.  In chunks of 100,000 rows with a generator each.
"""
import sys

import numpy as np

from mixture import Mixture
from vecs import write_set

CHUNK = 100_000

# seed, dimensions, norm, rectified, metric, rows
SETS = {
    "clust128": (20240128, 128, 512, True, "l2", 1_000_000),
    "text512": (20261130, 512, 1, False, "cos", 200_000),
}


def main():
    name, folder = sys.argv[1:]
    seed, dim, norm, rectify, metric, rows = SETS[name]
    mixture = Mixture(seed, dim, centres=1000, norm=norm, rectify=rectify)
    base = np.concatenate([mixture.draw(CHUNK, 10 + k) for k in range(rows // CHUNK)])
    write_set(folder, base, mixture.draw(1000, 2), mixture.draw(2000, 3), metric)


main()
