"""Xapian (Debian's package python3-xapian) on the documents of bench/text, in this process: no server, no transactions.

The same words: those of English stemmed by Snowball, in lower case; without positions, BM25 with k1 1.2 and b .75, the best ten.
"""
import os
import re
import time

import xapian


class Database:
    def __init__(self, folder, texts):
        self.folder = f"{folder}/xapian"
        self.stem = xapian.Stem("en")
        start = time.perf_counter()
        database = xapian.WritableDatabase(self.folder, xapian.DB_CREATE_OR_OVERWRITE)
        generator = xapian.TermGenerator()
        generator.set_stemmer(self.stem)
        generator.set_stemming_strategy(xapian.TermGenerator.STEM_ALL)
        for text in texts:
            document = xapian.Document()
            generator.set_document(document)
            generator.index_text_without_positions(text)
            database.add_document(document)
        database.commit()
        database.close()
        self.seconds = time.perf_counter() - start
        self.bytes = sum(os.path.getsize(f"{self.folder}/{name}") for name in os.listdir(self.folder))
        self.database = xapian.Database(self.folder)
        self.weight = xapian.BM25Weight(1.2, 0, 1, 0.75, 0.5)

    def search(self, words):
        """seconds of the best ten"""
        start = time.perf_counter()
        terms = [self.stem(w.lower()) for word in words for w in re.findall(r"\w+", word)]
        enquire = xapian.Enquire(self.database)
        enquire.set_weighting_scheme(self.weight)
        enquire.set_query(xapian.Query(xapian.Query.OP_OR, terms))
        found = [match.docid for match in enquire.get_mset(0, 10)]
        seconds = time.perf_counter() - start
        return found, seconds
