"""
tokens.py -- synthetic token embeddings, as models of late interaction make them.

Words have vectors, those of one field near one another; a document is about two of some
topics, each with its own words of Zipf's law beside the common ones.  A token is its word,
moved by the document that it is in and a little by chance, and of length 1.  A query is a
part of a document's tokens, moved by chance: its document is the best answer nearly
always, and the others are those that share its words and topics.
"""
import numpy as np

FIELDS, COMMON, OWN = 400, 1000, 300            # of words; words of all topics, and of each
NEAR_FIELD, TOPIC, CONTEXT, CHANCE = 1.0, 0.35, 0.45, 0.25
QUERY_CHANCE = 0.45


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


class Tokens:
    def __init__(self, seed, dim, topics=100, latent=40):
        r = np.random.default_rng([seed, 0])
        self.seed, self.dim, self.topics = seed, dim, topics
        nwords = COMMON + topics * OWN
        # what models make of words lies near a space of fewer dimensions
        self.spread = r.normal(0, 1, (latent, dim)) / np.sqrt(latent)
        field = r.normal(0, 1, (FIELDS, latent))
        self.word = self.make(NEAR_FIELD * field[r.integers(0, FIELDS, nwords)] + r.normal(0, 1, (nwords, latent)))
        self.topic = self.make(r.normal(0, 1, (topics, latent)))
        zipf = [1 / np.arange(1, n + 1) for n in (COMMON, OWN)]
        self.common, self.own = [np.cumsum(z / z.sum()) for z in zipf]
        self.r = r

    def make(self, z):
        return unit(z @ self.spread + self.noise(len(z), .1, np.random.default_rng([self.seed, len(z)])))

    def noise(self, n, size, r):
        return size * r.normal(0, 1, (n, self.dim)) / np.sqrt(self.dim)

    def documents(self, n, length, stream):
        """float32[n][length][dim] of length 1."""
        r = np.random.default_rng([self.seed, stream])
        topic = r.integers(0, self.topics, (n, 2))
        out = np.empty((n, length, self.dim), np.float32)
        for start in range(0, n, 1000):
            part = slice(start, min(start + 1000, n))
            k = part.stop - start
            of = np.take_along_axis(topic[part], r.integers(0, 2, (k, length)), 1)
            common = r.random((k, length)) < .4
            word = np.where(common, np.searchsorted(self.common, r.random((k, length))),
                            COMMON + of * OWN + np.searchsorted(self.own, r.random((k, length))))
            context = unit(r.normal(0, 1, (k, 1, self.dim)))
            chance = self.noise(k * length, CHANCE, r).reshape(k, length, self.dim)
            out[part] = unit(self.word[word] + TOPIC * self.topic[of] + CONTEXT * context + chance)
        return out

    def queries(self, documents, n, stream, least=16, most=32):
        """n arrays float32[least to most][dim], and the documents that they are of."""
        r = np.random.default_rng([self.seed, stream])
        of = r.choice(len(documents), n, replace=n > len(documents))
        made = []
        for d in of:
            length = r.integers(least, most + 1)
            tokens = documents[d][r.choice(documents.shape[1], length, replace=length > documents.shape[1])]
            made.append(unit(tokens + self.noise(length, QUERY_CHANCE, r)).astype(np.float32))
        return made, of


def exact(documents, query, k):
    """The k best documents by MaxSim, and all of their values."""
    n, length, dim = documents.shape
    flat = documents.reshape(-1, dim)
    values = np.empty(n)
    for start in range(0, n, 4000):
        part = flat[start * length:(start + 4000) * length] @ query.T
        values[start:start + 4000] = part.reshape(-1, length, len(query)).max(1).sum(1, dtype=np.float64)
    best = np.argsort(-values, kind="stable")[:k]
    return best, values[best]


def literal(vectors):
    return "{" + ",".join('"[' + ",".join(f"{x:.7g}" for x in v) + ']"' for v in vectors) + "}"


def copy_binary(documents, element, step=500):
    """Yields the bytes of COPY ... (id int, v vector[]) FROM STDIN (FORMAT binary); element: the OID of vector."""
    n, length, dim = documents.shape
    value = np.dtype([("bytes", ">i4"), ("dim", ">i2"), ("zero", ">i2"), ("x", ">f4", dim)])
    array = np.dtype([("ndim", ">i4"), ("nulls", ">i4"), ("element", ">u4"), ("n", ">i4"), ("first", ">i4"),
                      ("value", value, length)])
    row = np.dtype([("fields", ">i2"), ("idbytes", ">i4"), ("id", ">i4"), ("bytes", ">i4"), ("array", array)])
    yield b"PGCOPY\n\xff\r\n\0" + bytes(8)
    for start in range(0, n, step):
        part = documents[start:start + step]
        rows = np.zeros(len(part), row)
        rows["fields"], rows["idbytes"], rows["id"] = 2, 4, np.arange(start, start + len(part))
        rows["bytes"] = array.itemsize
        rows["array"]["ndim"], rows["array"]["element"], rows["array"]["n"], rows["array"]["first"] = 1, element, length, 1
        rows["array"]["value"]["bytes"], rows["array"]["value"]["dim"] = value.itemsize - 4, dim
        rows["array"]["value"]["x"] = part
        yield rows.tobytes()
    yield b"\xff\xff"
