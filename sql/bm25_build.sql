-- omenbm25: builds by several participants, whose documents have numbers of their own
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS omendb;
SET max_parallel_maintenance_workers = 2;
SET min_parallel_table_scan_size = 0;

CREATE TABLE built (id int, tenant int, body text);
ALTER TABLE built SET (parallel_workers = 2);
INSERT INTO built SELECT i, i % 7, CASE WHEN i % 50 <> 0 THEN 'common w' || i || ' v' || i % 50 || repeat(' u' || i % 7, i % 5) END
	FROM generate_series(1, 5000) i;

-- rows and scores by one index, and by another
CREATE FUNCTION built_sums(query text, OUT n bigint, OUT ids bigint, OUT score numeric) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT count(*), sum(id), round(sum(body <@> %1$L)::numeric, 6)
		FROM (SELECT * FROM built WHERE body @@@ %1$L AND tenant < 4 ORDER BY body <@> %1$L LIMIT 4000) x', query) INTO n, ids, score;
END $$;
SET enable_seqscan = off;

SET max_parallel_maintenance_workers = 0;
CREATE INDEX built_words ON built USING omenbm25 (body, tenant) WITH (text_config = 'simple');
SELECT q, (built_sums(q)).* FROM unnest(ARRAY['common', 'w7 v7 u3', 'v1 u2 u3 u4']) q;
SET max_parallel_maintenance_workers = 2;
REINDEX INDEX built_words;
SELECT q, (built_sums(q)).* FROM unnest(ARRAY['common', 'w7 v7 u3', 'v1 u2 u3 u4']) q;
SELECT heap_rows, null_rows FROM omendb_index_check('built_words', true);

-- what does not fit is sorted on disk by each of them
SET maintenance_work_mem = '1MB';
INSERT INTO built SELECT i, i % 7, 'many ' || (SELECT string_agg('x' || i % j, ' ') FROM generate_series(2, 40) j) FROM generate_series(5001, 12000) i;
REINDEX INDEX built_words;
SELECT heap_rows, null_rows FROM omendb_index_check('built_words', true);
SELECT count(*) FROM (SELECT 1 FROM built WHERE body @@@ 'many' ORDER BY body <@> 'many' LIMIT 8000) x;

-- their last pages of documents are not full: inserts use them
INSERT INTO built SELECT i, i % 7, 'later w' || i FROM generate_series(12001, 13000) i;
DELETE FROM built WHERE id % 5 = 0;
VACUUM built;
INSERT INTO built SELECT i, i % 7, 'later w' || i FROM generate_series(13001, 14000) i;
SELECT heap_rows FROM omendb_index_check('built_words', true);
SELECT count(*) FROM (SELECT 1 FROM built WHERE body @@@ 'later' ORDER BY body <@> 'later' LIMIT 8000) x;

-- others may write
REINDEX INDEX CONCURRENTLY built_words;
SELECT heap_rows FROM omendb_index_check('built_words', true);

-- expressions, predicates, no rows at all, an error of a participant
CREATE INDEX built_lower ON built USING omenbm25 (lower(body)) WITH (text_config = 'simple') WHERE tenant = 3;
SELECT heap_rows FROM omendb_index_check('built_lower', true);
CREATE FUNCTION built_fails(body text) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
	IF body LIKE '% w13999%' THEN
		RAISE EXCEPTION 'no such text';
	END IF;
	RETURN body;
END $$;
\set VERBOSITY terse
CREATE INDEX ON built USING omenbm25 (built_fails(body)) WITH (text_config = 'simple');
TRUNCATE built;
REINDEX INDEX built_words;
SELECT heap_rows FROM omendb_index_check('built_words', true);
INSERT INTO built VALUES (1, 3, 'common');
SELECT heap_rows FROM omendb_index_check('built_words', true);
DROP TABLE built;
DROP FUNCTION built_sums, built_fails;
