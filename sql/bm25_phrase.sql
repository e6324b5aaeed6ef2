-- phrases of omenbm25: wherever they stand in a text, which may be longer than a tsvector can be
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS omendb;
CREATE TABLE phrased (id int, body text);
CREATE FUNCTION other_words(n int) RETURNS text LANGUAGE sql AS $$SELECT string_agg('w' || i % 900, ' ') FROM generate_series(1, n) i$$;
INSERT INTO phrased VALUES
    (1, 'a solar storm came'),
    (2, 'storm solar'),
    -- a tsvector keeps 255 places of a word
    (3, repeat('solar ', 300) || 'solar storm'),
    (4, repeat('solar or ', 300) || 'and a storm'),
    -- and positions to 16,383
    (5, other_words(16500) || ' solar storm'),
    (6, other_words(16500) || ' storm solar'),
    (7, other_words(20000) || ' storm solar ' || other_words(5000) || ' solar storm ' || other_words(50)),
    (8, other_words(20000) || ' solar ' || other_words(5000) || ' storm'),
    -- and has a megabyte of words
    (9, (SELECT string_agg('word' || i, ' ') FROM generate_series(1, 120000) i) || ' solar storm'),
    (10, (SELECT string_agg('word' || i, ' ') FROM generate_series(1, 120000) i) || ' storm solar'),
    -- words that the configuration leaves out have places, too
    (11, repeat('the ', 20000) || 'dark and the matter'),
    (12, repeat('the ', 20000) || 'dark matter'),
    -- one token with blanks
    (13, repeat('wind <a href="solar storm"> ', 5000) || 'solar wind <b title="x y"> storm');
-- at each place around the end of a piece, and of what PostgreSQL can tell apart
INSERT INTO phrased SELECT 100 + i, repeat('p ', i) || 'solar storm'
    FROM unnest(ARRAY[4093, 4094, 4095, 4096, 4097, 8189, 8190, 8191, 8192, 8193, 8194, 16379, 16380, 16381, 16382, 16383, 16384, 16385]) i;
INSERT INTO phrased SELECT 100 + i, repeat('p ', i) || 'solar storm' || repeat(' p', 20000) FROM generate_series(12000, 12003) i;
CREATE INDEX phrased_body ON phrased USING omenbm25 (body) WITH (text_config = 'english');
CREATE FUNCTION found(query text, OUT far bigint, OUT near int[]) LANGUAGE plpgsql AS $$
BEGIN
    SELECT count(*) FILTER (WHERE id > 100), array_agg(id ORDER BY id) FILTER (WHERE id < 100) INTO far, near FROM phrased WHERE body @@@ query;
END
$$;
SELECT count(*) FROM phrased WHERE id > 100;
SET enable_seqscan = off;
SELECT query, f.* FROM unnest(ARRAY['"solar storm"', 'storm -"solar storm"', '"storm solar"', '"dark matter"', '"dark and the matter"', '"w899 w0 w1"', '"word119999 word120000 solar"']) query, found(query) f;
-- the same without the index
SET enable_seqscan = on;
SET enable_indexscan = off;
SELECT query, f.* FROM unnest(ARRAY['"solar storm"', 'storm -"solar storm"']) query, found(query) f;
RESET enable_indexscan;
DROP TABLE phrased;
DROP FUNCTION other_words, found;
