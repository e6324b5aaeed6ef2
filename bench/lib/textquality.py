"""Judged documents for bench/text: nouns of WordNet (Debian's package wordnet-base).

A document is a synset: its words and its definition. A query is the words of a synset, whose own document is left
out of what is found; relevant are the documents of its hypernyms and hyponyms, the next more general and more
special ones. Nobody has judged them for that, so figures compare methods with one another, and say nothing of other data.

Vectors are latent semantic analysis: words, cut to six letters, and their 4-grams, hashed to 2,048 features, weighted by
tf-idf, reduced to 128 dimensions.
"""
import math
import random
import re
import zlib

import numpy as np

WORDNET = "/usr/share/wordnet/data.noun"
FEATURES = 2048
DIMENSIONS = 128
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


def features(text):
    """Counts of hashed words and 4-grams, a dictionary."""
    counts = {}
    for word in re.findall(r"[a-z]+", text.lower()):
        if len(word) < 3:
            continue
        parts = [word[:6], *(word[i:i + 4] for i in range(len(word) - 3))]
        for part in parts:
            at = zlib.crc32(part.encode()) % FEATURES
            counts[at] = counts.get(at, 0) + 1 / len(parts)
    return counts


class Analysis:
    """Vectors of texts, learned from documents."""

    def __init__(self, texts):
        counted = [features(t) for t in texts]
        with_feature = np.ones(FEATURES)
        for counts in counted:
            with_feature[list(counts)] += 1
        self.idf = np.log(len(texts) / with_feature).astype(np.float32)
        gram = np.zeros((FEATURES, FEATURES), np.float32)
        for start in range(0, len(counted), CHUNK):
            rows = self.rows(counted[start:start + CHUNK])
            gram += rows.T @ rows
        _, axes = np.linalg.eigh(gram)
        self.axes = axes[:, -DIMENSIONS:].astype(np.float32)
        self.counted = counted

    def rows(self, counted):
        rows = np.zeros((len(counted), FEATURES), np.float32)
        for i, counts in enumerate(counted):
            for at, n in counts.items():
                rows[i, at] = math.log1p(n) * self.idf[at]
            rows[i] /= max(np.linalg.norm(rows[i]), 1e-9)
        return rows

    def documents(self):
        return np.concatenate([self.rows(self.counted[s:s + CHUNK]) @ self.axes for s in range(0, len(self.counted), CHUNK)])

    def query(self, text):
        return self.rows([features(text)])[0] @ self.axes


def ndcg(found, relevant, n=10):
    gain = sum(1 / math.log2(i + 2) for i, one in enumerate(found[:n]) if one in relevant)
    return gain / sum(1 / math.log2(i + 2) for i in range(min(n, len(relevant))))


def literal(vector):
    return "[" + ",".join(f"{x:.5f}" for x in vector) + "]"


def measure(server, most, queries, seed=7):
    """Mean nDCG@10 of words, vectors, both, and both with weights 3 and 1; and how many documents and queries there are."""
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
    sums = [0.0] * 4
    for own in chosen:
        words, _, related = nouns[own]
        values = {"t": words, "v": literal(analysis.query(words))}
        for at, sql in enumerate((
                "SELECT id FROM noun WHERE body @@@ %(t)s ORDER BY body <@> %(t)s LIMIT 11",
                "SELECT id FROM noun ORDER BY embedding <=> %(v)s::vector LIMIT 11",
                "SELECT (key ->> 'id')::int FROM omendb_hybrid('noun', 'body', %(t)s, 'embedding', %(v)s::vector, k => 11)",
                "SELECT (key ->> 'id')::int FROM omendb_hybrid('noun', 'body', %(t)s, 'embedding', %(v)s::vector, k => 11, weights => '{3, 1}')")):
            found = [row[0] for row in server.sql(sql, values) if row[0] != own]
            sums[at] += ndcg(found, set(related) - {own})
    server.sql("DROP TABLE noun")
    return [s / len(chosen) for s in sums], len(nouns), len(chosen)
