#!/usr/bin/python3
"""
lowdim.py FOLDER ROWS DIM -- synthetic vectors of 18 intrinsic dimensions (mixture.py), L2, for sizes from 10,000 rows to 10,000,000:
base.f32 has the rows without any header, and the first N of them are the set of N rows.

In chunks of 10,000 rows with a generator each, so that a file is extended, not made again, when more rows are wanted.
The density of rows grows with their number, as it does when more of the same comes in.
"""
import os
import sys

import numpy as np

from mixture import Mixture
from vecs import log

SEED, CHUNK = 20261128, 10_000


def mixture(dim):
    return Mixture(SEED, dim, centres=1000, norm=1)


def base(folder, rows, dim):
    """The first rows, as a memory-mapped float32[rows][dim]; made where they are missing."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"base{dim}.f32")
    here = os.path.getsize(path) // (4 * dim * CHUNK) if os.path.exists(path) else 0
    need = -(-rows // CHUNK)
    if here < need:
        source = mixture(dim)
        with open(path, "ab") as f:
            f.truncate(here * 4 * dim * CHUNK)
            for k in range(here, need):
                f.write(source.draw(CHUNK, 10 + k).tobytes())
                if (k + 1) % 100 == 0:
                    log(f"{(k + 1) * CHUNK:,} rows generated")
    return np.memmap(path, np.float32, "r", shape=(rows, dim))


def others(dim, queries, inserts):
    """Queries, and rows to insert: further draws."""
    source = mixture(dim)
    return source.draw(queries, 2), source.draw(inserts, 3)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    base(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
