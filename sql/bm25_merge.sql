-- omenbm25: merges of segments, step by step
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS omendb;
SET omenbm25.tail_limit = '8kB';

-- the same rows by the index and by a look at every row
CREATE FUNCTION merge_differs(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE a text; b text;
	s text := format('SELECT count(*) || '' '' || coalesce(sum(id), 0) || '' '' || coalesce(round(sum(words <@> %1$L)::numeric, 6), 0)
		FROM (SELECT * FROM merged WHERE words @@@ %1$L ORDER BY words <@> %1$L OFFSET 0) x', query);
BEGIN
	PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'on', true);
	EXECUTE s INTO a;
	PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_indexscan', 'off', true);
	EXECUTE s INTO b;
	RETURN CASE WHEN a = b THEN 'equal' ELSE a || ' by the index, ' || b || ' without' END;
END $$;

-- a merge is begun when there are eight segments, and goes on as the tail grows
CREATE TABLE merged (id int, words tsvector);
CREATE INDEX merged_words ON merged USING omenbm25 (words) WITH (text_config = 'simple', weights = '1, 1, 1, 100');
DO $$
DECLARE most int := 0; n int; fewer boolean := false;
BEGIN
	FOR i IN 1..1500 LOOP
		INSERT INTO merged VALUES (i, to_tsvector('simple', 'common w' || i || ' v' || i % 50 || ' ' || repeat('u' || i % 7 || ' ', i % 5)));
		SELECT segments INTO n FROM omendb_text_info('merged_words');
		fewer := fewer OR n < most;
		most := greatest(most, n);
		IF i % 100 = 0 THEN
			DELETE FROM merged WHERE id % 13 = 5;
			PERFORM omendb_index_check('merged_words');
		END IF;
	END LOOP;
	RAISE WARNING 'most segments: %, merged: %', CASE WHEN most < 16 THEN 'few' ELSE most::text END, fewer;
END $$;
SELECT heap_rows FROM omendb_index_check('merged_words', true);
SELECT q, merge_differs(q) FROM unnest(ARRAY['common', 'w7 v7 u3', 'u1 u2 u3 u4']) q;
-- a vacuum finishes what was begun
VACUUM merged;
SELECT segments, documents FROM omendb_text_info('merged_words');
SELECT heap_rows FROM omendb_index_check('merged_words', true);
SELECT q, merge_differs(q) FROM unnest(ARRAY['common', 'w7 v7 u3', 'u1 u2 u3 u4']) q;

-- frequencies of few documents in the gaps of many others make all blocks larger than they were: such a
-- merge needs more pages than it has reserved
TRUNCATE merged;
INSERT INTO merged SELECT i, (SELECT string_agg('w' || w, ' ') FROM generate_series(1, 20) w)::tsvector FROM generate_series(1, 15000) i;
REINDEX INDEX merged_words;
DELETE FROM merged WHERE id % 9 = 0;
VACUUM merged;
SET omenbm25.tail_limit = '32kB';
SET client_min_messages = debug1;
INSERT INTO merged SELECT i, (SELECT string_agg('w' || w || ':1A', ' ') FROM generate_series(1, 20) w)::tsvector FROM generate_series(1, 1600) i;
SET client_min_messages = warning;
SELECT heap_rows FROM omendb_index_check('merged_words', true);
SELECT q, merge_differs(q) FROM unnest(ARRAY['w1', 'w7 w8 w9']) q;

-- one of several steps, whose terms go on where the last step stopped
DELETE FROM merged WHERE ts_rank(words, 'w1') > 0.5 OR id % 10 = 1;
VACUUM merged;
INSERT INTO merged SELECT i, (SELECT string_agg('w' || w, ' ') FROM generate_series(1, 20 + i % 3) w)::tsvector FROM generate_series(1, 3000) i;
SELECT heap_rows FROM omendb_index_check('merged_words', true);
SELECT segments < 20 AS merged FROM omendb_text_info('merged_words');
SELECT q, merge_differs(q) FROM unnest(ARRAY['w1', 'w7 w8 w9', 'w22 w3']) q;
DROP TABLE merged;
DROP FUNCTION merge_differs;
