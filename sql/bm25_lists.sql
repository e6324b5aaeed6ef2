-- omenbm25: lists of the documents of each value of a filter column
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS omendb;
SET omenbm25.tail_limit = '256kB';

CREATE TYPE listed_state AS ENUM ('new', 'open', 'closed');
CREATE TABLE listed (id int, tenth int, hundredth smallint, rare bigint, large bigint, label text, code text COLLATE "C", state listed_state,
	day date, at timestamp, tags int[], words tsvector);
CREATE FUNCTION listed_rows(first int, last int) RETURNS SETOF listed LANGUAGE sql AS $$
	SELECT i, i * 7 % 10, i * 37 % 100, CASE WHEN i % 11 <> 0 THEN i * 457 % 1000 END, CASE i % 500 WHEN 1 THEN -2347594999084188160 WHEN 2 THEN -3365826459861913283 ELSE i END,
		'label ' || i % 300, 'common beginning ' || i % 40, (ARRAY['new', 'open', 'closed'])[1 + i * i % 3]::listed_state,
		date '2020-01-01' + i % 400, timestamp '2020-01-01' + i * interval '1 minute', ARRAY[i % 50, i % 60],
		-- rows without words have numbers, too
		CASE WHEN i % 3 > 0 THEN to_tsvector('simple', 'every w' || i % 20 || ' v' || i * 13 % 90 || repeat(' u' || i % 7, i % 5) || repeat(' t' || i % 9, i % 4)) END
	FROM generate_series(first, last) i
$$;

-- the rows of a search by the index and by a look at every row: all of them, and the best
CREATE FUNCTION listed_differs(query text, conditions text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE condition text; most int; a text; b text; one text;
BEGIN
	SET LOCAL enable_seqscan = on;
	SET LOCAL enable_indexscan = off;
	EXECUTE format('CREATE TEMP TABLE truth AS SELECT *, words <@> %1$L AS score FROM listed WHERE words @@@ %1$L', query);
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_indexscan = on;
	FOREACH condition IN ARRAY conditions LOOP
		EXECUTE format('SELECT concat_ws('' '', count(*), coalesce(sum(id), 0), round(coalesce(sum(score), 0)::numeric, 6), round(coalesce(sum(score) FILTER (WHERE n <= 1), 0)::numeric, 6),
			least(count(*), 10), round(coalesce(sum(score) FILTER (WHERE n <= 10), 0)::numeric, 6), least(count(*), 100), round(coalesce(sum(score) FILTER (WHERE n <= 100), 0)::numeric, 6))
			FROM (SELECT id, score, row_number() OVER (ORDER BY score) AS n FROM truth WHERE %s) x', condition) INTO b;
		EXECUTE format('SELECT concat_ws('' '', count(*), coalesce(sum(id), 0), round(coalesce(sum(score), 0)::numeric, 6))
			FROM (SELECT id, words <@> %1$L AS score FROM listed WHERE words @@@ %1$L AND %2$s ORDER BY words <@> %1$L OFFSET 0) x', query, condition) INTO a;
		FOREACH most IN ARRAY ARRAY[1, 10, 100] LOOP
			EXECUTE format('SELECT concat_ws('' '', CASE WHEN %3$s > 1 THEN count(*) END, round(coalesce(sum(score), 0)::numeric, 6))
				FROM (SELECT words <@> %1$L AS score FROM listed WHERE words @@@ %1$L AND %2$s ORDER BY words <@> %1$L LIMIT %3$s) x', query, condition, most) INTO one;
			a := a || ' ' || one;
		END LOOP;
		RETURN NEXT CASE WHEN a <> b THEN query || ', ' || condition || ': ' || a || ' by the index, ' || b || ' without' WHEN a LIKE '0 %' THEN 'none' ELSE 'equal' END;
	END LOOP;
	DROP TABLE truth;
END $$;
-- the first is of most rows, and slow: once
CREATE TABLE listed_queries AS SELECT unnest(ARRAY['every', 'v8 t1 t2 u5 w1']) AS q;
CREATE VIEW listed_all AS
	SELECT found, count(*) FROM listed_queries, listed_differs(q, ARRAY[
	'tenth = 3', 'hundredth = 44', 'rare = 678', 'rare = 4000', 'large = 5000', 'rare IS NULL', 'rare IS NOT NULL', 'tenth IN (1, 4)', 'rare IN (1, 5, 77, 333, 678)',
	'hundredth = ANY (ARRAY(SELECT generate_series(0, 60)::smallint))', 'rare BETWEEN 40 AND 45', 'rare < 500', 'rare >= 990', 'hundredth <> 7', 'large = -2347594999084188160',
	'large = -3365826459861913283', 'large IN (-2347594999084188160, -3365826459861913283, 17)', 'label = ''label 17''', 'label IN (''label 3'', ''label 299'')',
	'code = ''common beginning 7''', 'code > ''common beginning 8''', 'state = ''open''', 'state <> ''open''', 'day = ''2020-03-07''', 'day BETWEEN ''2020-02-01'' AND ''2020-02-20''',
	'at = ''2020-01-02 03:05''', 'at < ''2020-01-10''', 'tags @> ''{7}''', 'tags && ''{3,4}''', 'tenth = 3 AND hundredth = 29', 'tenth = 3 AND rare = 2', 'hundredth = 44 AND rare < 300',
	'rare IS NULL AND tenth = 1', 'tenth = 3 AND at > ''2020-01-12''', 'label = ''label 17'' AND tags @> ''{7}''', 'rare = 678 AND tags && ''{3,4}''']) found GROUP BY found;

-- built
INSERT INTO listed SELECT * FROM listed_rows(1, 30000);
CREATE INDEX listed_words ON listed USING omenbm25 (words, tenth, hundredth, rare, large, label, code, state, day, at, tags) WITH (text_config = 'simple');
SELECT heap_rows, segments FROM omendb_index_check('listed_words', true), omendb_text_info('listed_words');
SELECT * FROM listed_all;
DELETE FROM listed_queries WHERE q = 'every';
SELECT count(*) FROM listed WHERE words @@@ 'every' AND tenth = 3;

-- a search of a rare value reads few pages: those with the filter keys of all documents are many
CREATE FUNCTION listed_pages(condition text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE j json;
BEGIN
	SET LOCAL enable_seqscan = off;
	EXECUTE format('EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) SELECT id FROM listed WHERE words @@@ ''w7 v3'' AND %s ORDER BY words <@> ''w7 v3'' LIMIT 10', condition) INTO j;
	RETURN (j->0->'Plan'->>'Shared Hit Blocks')::int + (j->0->'Plan'->>'Shared Read Blocks')::int;
END $$;
SELECT c, CASE WHEN listed_pages(c) < 150 THEN 'few pages' WHEN listed_pages(c) > 300 THEN 'many' ELSE listed_pages(c)::text END FROM unnest(ARRAY[
	'hundredth = 44', 'rare = 678', 'rare IN (1, 678)', 'label = ''label 17''', 'rare = 4000', 'at = ''2020-01-02 03:05''']) c;

-- inserted: segments that are sealed and merged, in steps; and what is in the tail
INSERT INTO listed SELECT * FROM listed_rows(30001, 36000);
SELECT heap_rows, segments > 1 AS merged FROM omendb_index_check('listed_words', true), omendb_text_info('listed_words');
SELECT * FROM listed_all;

-- removed rows, and numbers that are used again
DELETE FROM listed WHERE id % 4 = 1 OR hundredth = 45;
SELECT * FROM listed_all;
VACUUM listed;
SELECT heap_rows FROM omendb_index_check('listed_words', true);
INSERT INTO listed SELECT * FROM listed_rows(36001, 39000);
UPDATE listed SET tenth = tenth + 1, rare = NULL WHERE id % 50 = 3;
VACUUM listed;
SELECT heap_rows, segments > 0 AS merged FROM omendb_index_check('listed_words', true), omendb_text_info('listed_words');
SELECT * FROM listed_all;

-- little memory, in several runs; and several participants
SET maintenance_work_mem = '1MB';
REINDEX INDEX listed_words;
SELECT heap_rows FROM omendb_index_check('listed_words', true);
SELECT * FROM listed_all;
ALTER TABLE listed SET (parallel_workers = 2);
REINDEX INDEX listed_words;
SELECT heap_rows FROM omendb_index_check('listed_words', true);
SELECT * FROM listed_all;
RESET maintenance_work_mem;

-- an index of the empty table, that inserts and merges have made
TRUNCATE listed;
SET omenbm25.tail_limit = '64kB';
INSERT INTO listed SELECT * FROM listed_rows(1, 12000);
SELECT heap_rows, segments > 1 AS merged FROM omendb_index_check('listed_words', true), omendb_text_info('listed_words');
SELECT * FROM listed_all;
DROP VIEW listed_all;
DROP FUNCTION listed_differs, listed_pages;
DROP TABLE listed, listed_queries CASCADE;
DROP TYPE listed_state CASCADE;

-- a value's rows are far apart, and other rows with the word lie between them
CREATE TABLE apart (id int, body text, tenant int);
INSERT INTO apart SELECT i, CASE WHEN i IN (100, 17000, 30000, 40000, 56000) THEN 'rare' ELSE 'other' END,
	CASE WHEN i IN (100, 40000, 56000) THEN 7 ELSE 1000 + i END FROM generate_series(1, 60000) i;
SET max_parallel_maintenance_workers = 0;
CREATE INDEX apart_body ON apart USING omenbm25 (body, tenant) WITH (text_config = 'simple');
RESET max_parallel_maintenance_workers;
SET enable_seqscan = off;
SELECT id FROM (SELECT id FROM apart WHERE body @@@ 'rare' AND tenant = 7 ORDER BY body <@> 'rare' LIMIT 10) x ORDER BY id;
SELECT count(*) FROM apart WHERE body @@@ 'rare other' AND tenant = 7;
DROP TABLE apart;

-- the places of rows without a text are used again, when they are all that a vacuum removes
CREATE TABLE nulls (body text);
CREATE INDEX nulls_body ON nulls USING omenbm25 (body) WITH (text_config = 'simple');
INSERT INTO nulls SELECT NULL FROM generate_series(1, 5000);
DELETE FROM nulls;
VACUUM nulls;
CREATE TEMPORARY TABLE nulls_pages AS SELECT pg_relation_size('nulls_body') AS bytes;
DO $$ BEGIN FOR i IN 1..2000 LOOP INSERT INTO nulls VALUES (NULL); END LOOP; END $$;
SELECT pg_relation_size('nulls_body') - p.bytes AS growth, heap_rows FROM nulls_pages p, omendb_index_check('nulls_body', true);
DROP TABLE nulls, nulls_pages;

-- a vacuum that merges more postings than it writes at once, and stops between lists of many documents
CREATE TABLE many (body text, a int, b int, c int, d int, e int, f int, g int, h int);
INSERT INTO many SELECT 'every', i % 2, i / 2 % 2, i / 3 % 2, i / 5 % 2, i / 7 % 2, i / 11 % 2, i / 13 % 2, i / 17 % 2 FROM generate_series(1, 90000) i;
CREATE INDEX many_body ON many USING omenbm25 (body, a, b, c, d, e, f, g, h) WITH (text_config = 'simple');
DELETE FROM many WHERE ctid::text LIKE '%7)';
VACUUM many;
SELECT heap_rows FROM omendb_index_check('many_body', true);
DO $$
DECLARE col name; n bigint; m bigint;
BEGIN
	FOREACH col IN ARRAY '{a,b,c,d,e,f,g,h}'::name[] LOOP
		FOR v IN 0..1 LOOP
			SET LOCAL enable_seqscan = off;
			EXECUTE format('SELECT count(*) FROM many WHERE body @@@ ''every'' AND %I = %s', col, v) INTO n;
			SET LOCAL enable_seqscan = on;
			EXECUTE format('SELECT count(*) FROM many WHERE %I = %s', col, v) INTO m;
			IF n <> m THEN
				RAISE WARNING '% = %: % rows by the index, % in the table', col, v, n, m;
			END IF;
		END LOOP;
	END LOOP;
END $$;
DROP TABLE many;
