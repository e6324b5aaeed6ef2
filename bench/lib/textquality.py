"""Judged documents for bench/text: nouns of WordNet (Debian's package wordnet-base).

A document is a synset: its words and its definition. A query is the words of a synset, whose own document is left
out of what is found; relevant are the documents of its hypernyms and hyponyms, the next more general and more
special ones. Nobody has judged them for that, so figures compare methods with one another, and say nothing of other data.

Vectors are made by latent semantic analysis: the words, cut to six letters, of all documents, weighted by tf-idf, are reduced to 384 dimensions;
each word's vector gets length 1, and a text's vector is the sum of its words', weighted by tf-idf. (Without that length, nDCG is .26: rare words, which say
most, have short vectors. With 128 dimensions it is .15.)
"""
import collections
import math
import random
import re

import numpy as np

WORDNET = "/usr/share/wordnet/data.noun"
TERMS = 12000
DIMENSIONS = 384
CHUNK = 2000


def synsets(most):
    """The first synsets of the file: list of (words, definition, related numbers), numbers within the list."""
    found, place = [], {}
    with open(WORDNET, encoding="utf-8") as f:
        for line in f:
            if line.startswith("  "):
                continue
            head, gloss = line.split("|", 1)
            field = head.split()
            count = int(field[3], 16)
            words = " ".join(field[4 + 2 * i].replace("_", " ") for i in range(count))
            at = 4 + 2 * count
            related = [field[at + 2 + 4 * i] for i in range(int(field[at]))
                       if field[at + 1 + 4 * i] in ("@", "@i", "~", "~i") and field[at + 3 + 4 * i] == "n"]
            place[field[0]] = len(found)
            found.append((words, re.sub(r'; ".*', "", gloss).strip(), related))
            if len(found) == most:
                break
    return [(words, text, [place[r] for r in related if r in place]) for words, text, related in found]


def terms(text):
    """its words, cut to six letters"""
    return [word[:6] for word in re.findall(r"[a-z]+", text.lower()) if len(word) > 2]


class Matrix:
    """Rows of few values; products with others that have few columns."""

    def __init__(self, rows, columns, width):
        self.shape = (rows, width)
        order = np.lexsort((columns[1], columns[0]))
        self.row, self.column, self.value = (part[order] for part in columns)

    def turned(self):
        return Matrix(self.shape[1], (self.column, self.row, self.value), self.shape[0])

    def times(self, other):
        out = np.zeros((self.shape[0], other.shape[1]), np.float32)
        starts = np.searchsorted(self.row, np.arange(0, self.shape[0] + CHUNK, CHUNK))
        for first, last in zip(starts[:-1], starts[1:]):
            if first == last:
                continue
            rows, at = np.unique(self.row[first:last], return_index=True)
            out[rows] = np.add.reduceat(self.value[first:last, None] * other[self.column[first:last]], at)
        return out


class Analysis:
    """Vectors of texts, learned from documents."""

    def __init__(self, texts):
        counted = [collections.Counter(terms(t)) for t in texts]
        with_term = collections.Counter(term for counts in counted for term in counts)
        self.place = {term: i for i, (term, n) in enumerate(with_term.most_common(TERMS)) if n > 1}
        self.idf = np.array([math.log(len(texts) / with_term[term]) for term in self.place], np.float32)
        self.counted = counted
        found = self.matrix(counted)
        length = np.sqrt(np.bincount(found.row, found.value ** 2, len(texts))).astype(np.float32)
        found.value = found.value / length[found.row]
        self.words = self.directions(found)

    def matrix(self, counted):
        """tf-idf"""
        cells = [(i, self.place[term], n) for i, counts in enumerate(counted) for term, n in counts.items() if term in self.place]
        row, column, n = (np.array(part) for part in zip(*cells)) if cells else (np.zeros(0, int),) * 3
        return Matrix(len(counted), (row, column, ((1 + np.log(n)) * self.idf[column]).astype(np.float32)), len(self.place))

    def directions(self, found):
        """The terms' places on the greatest axes of what documents have, found by repeated products, each of length 1."""
        turned = found.turned()
        axes = np.random.default_rng(1).standard_normal((len(self.place), DIMENSIONS + 20), dtype=np.float32)
        for _ in range(3):
            axes = np.linalg.qr(turned.times(found.times(axes)))[0]
        _, _, order = np.linalg.svd(found.times(axes), full_matrices=False)
        words = (axes @ order.T)[:, :DIMENSIONS]
        return words / np.maximum(np.linalg.norm(words, axis=1, keepdims=True), 1e-9)

    def documents(self):
        return self.matrix(self.counted).times(self.words)

    def query(self, text):
        return self.matrix([collections.Counter(terms(text))]).times(self.words)[0]


def ndcg(found, relevant, n=10):
    gain = sum(1 / math.log2(i + 2) for i, one in enumerate(found[:n]) if one in relevant)
    return gain / sum(1 / math.log2(i + 2) for i in range(min(n, len(relevant))))


def literal(vector):
    return "[" + ",".join(f"{x:.5f}" for x in vector) + "]"


def measure(server, most, queries, seed=7):
    """Mean nDCG@10 of words, vectors, both, both with weights 2 and 1, and by scores with weights 2 and 1; and how many documents and queries there are."""
    nouns = synsets(most)
    analysis = Analysis([f"{words} {text}" for words, text, _ in nouns])
    server.sql(f"CREATE TABLE noun (id integer PRIMARY KEY, body text, embedding vector({DIMENSIONS}))")
    path = f"{server.folder}/nouns"
    with open(path, "w", encoding="utf-8") as f:
        for i, ((words, text, _), vector) in enumerate(zip(nouns, analysis.documents())):
            f.write(f"{i}\t{words} {text}\t{literal(vector)}\n".replace("\\", "\\\\"))
    with open(path, encoding="utf-8") as f:
        server.cursor.copy_expert("COPY noun FROM STDIN", f)
    server.sql("CREATE INDEX ON noun USING omenbm25 (body) WITH (text_config = 'english');"
               "CREATE INDEX ON noun USING omenhnsw (embedding vector_cosine_ops); ANALYZE noun")
    able = [i for i, (_, _, related) in enumerate(nouns) if len(set(related) - {i}) >= 3]
    chosen = random.Random(seed).sample(able, min(queries, len(able)))
    sums = [0.0] * 5
    for own in chosen:
        words, _, related = nouns[own]
        values = {"t": words, "v": literal(analysis.query(words))}
        for at, sql in enumerate((
                "SELECT id FROM noun WHERE body @@@ %(t)s ORDER BY body <@> %(t)s LIMIT 11",
                "SELECT id FROM noun ORDER BY embedding <=> %(v)s::vector LIMIT 11",
                "SELECT (key ->> 'id')::int FROM omendb_hybrid('noun', 'body', %(t)s, 'embedding', %(v)s::vector, k => 11)",
                "SELECT (key ->> 'id')::int FROM omendb_hybrid('noun', 'body', %(t)s, 'embedding', %(v)s::vector, k => 11, weights => '{2, 1}')",
                "SELECT (key ->> 'id')::int FROM omendb_hybrid('noun', 'body', %(t)s, 'embedding', %(v)s::vector, k => 11, weights => '{2, 1}', method => 'minmax')")):
            found = [row[0] for row in server.sql(sql, values) if row[0] != own]
            sums[at] += ndcg(found, set(related) - {own})
    server.sql("DROP TABLE noun")
    return [s / len(chosen) for s in sums], len(nouns), len(chosen)
