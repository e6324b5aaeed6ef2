-- By meaning and by words, both with the filter columns section and size.
CREATE INDEX package_embedding ON package USING omenhnsw (embedding vector_cosine_ops, section, size);
CREATE INDEX package_body ON package USING omenbm25 (body, section, size) WITH (text_config = 'english');
VACUUM ANALYZE package, word;
