#!/usr/bin/python3
"""
fashion784.py FOLDER -- the pixels of Fashion-MNIST, 784 dimensions, L2.

From Debian's package dataset-fashion-mnist.  base: the 60,000 training images;
query: the first 1,000 test images; insert: the next 2,000 test images.
"""
import os
import sys

import numpy as np

from vecs import FASHION, read_idx, write_set


def images(name):
    return read_idx(os.path.join(FASHION, name)).astype(np.float32)


def main():
    test = images("t10k-images-idx3-ubyte.gz")
    write_set(sys.argv[1], images("train-images-idx3-ubyte.gz"), test[:1000], test[1000:3000], "l2")


main()
