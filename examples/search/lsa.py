"""
lsa.py -- latent semantic analysis with numpy: a vector for each document and each word, from nothing but which words
occur in which documents.  No model, no download; it knows what these texts say, and nothing else of the world.

The matrix of documents by words, weighted by (1 + log tf) * idf, is projected on its DIM leading right singular vectors,
found by a randomised decomposition (Halko, Martinsson and Tropp 2011, algorithm 4.4, two power iterations).
"""
import numpy as np

DIM = 128
STEP = 1 << 18          # entries of the matrix that are multiplied at a time


class Sparse:
    """A matrix by its entries, sorted by row: rows, columns and values, with its product with a narrow one."""

    def __init__(self, rows, columns, values, count):
        order = np.argsort(rows, kind="stable")
        self.rows, self.columns, self.values, self.count = rows[order], columns[order], values[order], count

    def times(self, narrow):
        out = np.zeros((self.count, narrow.shape[1]), np.float32)
        for at in range(0, len(self.rows), STEP):
            rows = self.rows[at:at + STEP]
            products = narrow[self.columns[at:at + STEP]] * self.values[at:at + STEP, None]
            first = np.flatnonzero(np.diff(rows, prepend=-1))
            out[rows[first]] += np.add.reduceat(products, first)
        return out


def embeddings(documents, words, counts, total, fewest=2):
    """
    documents, words, counts   int[entries]; documents and words are numbered from 0
    total                      number of documents
    fewest                     a word of fewer documents has no vector

    Returns float32[total][DIM] and float32[words][DIM]; rows of documents and words without a vector are 0.
    The sum of the vectors of a text's words, each once, is comparable by cosine with those of documents.
    """
    n, m = total, words.max() + 1
    frequency = np.bincount(words, minlength=m)
    keep = frequency[words] >= fewest
    documents, words, counts = documents[keep], words[keep], counts[keep]
    idf = np.log(n / np.maximum(frequency, 1)).astype(np.float32)
    values = (1 + np.log(counts)).astype(np.float32) * idf[words]
    norms = np.sqrt(np.bincount(documents, values**2, minlength=n)).astype(np.float32)
    values /= np.maximum(norms[documents], 1e-9)
    matrix, turned = Sparse(documents, words, values, n), Sparse(words, documents, values, m)

    basis = matrix.times(np.random.default_rng(1).standard_normal((m, min(DIM + 16, n, m)), np.float32))
    for _ in range(2):
        basis = np.linalg.qr(basis)[0]
        basis = matrix.times(np.linalg.qr(turned.times(basis))[0])
    basis = np.linalg.qr(basis)[0]
    right = np.linalg.svd(turned.times(basis), full_matrices=False)[0]
    space = np.zeros((m, DIM), np.float32)
    space[:, :min(DIM, right.shape[1])] = right[:, :DIM]
    return matrix.times(space), space * idf[:, None]
