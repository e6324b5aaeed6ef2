--
-- Indexes of arrays of vectors, in the order of MaxSim
--
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/helpers/search.sql'
\i :helpers
SET enable_seqscan = off;
SET omenhnsw.ef_search = 40;
-- row i: some of 50 words, moved a little
CREATE FUNCTION word(i int, seed int, dim int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	'SELECT l2_normalize(array_agg((sin(i * 12.9898 + d * 78.233 * (1 + i % 3)) + 0.3 * sin(seed * 3.7 + i * d * 1.3))::real ORDER BY d)::vector) FROM generate_series(1, dim) d';
CREATE FUNCTION doc(seed int, n int, dim int) RETURNS vector[] LANGUAGE sql IMMUTABLE AS
	'SELECT array_agg(word((seed * 7 + j * j * 11) % 50, seed, dim) ORDER BY j) FROM generate_series(1, n) j';
CREATE TABLE ms (id int, kind int, v vector(8)[]);
INSERT INTO ms SELECT i, i % 5, doc(i, 2 + i % 7, 8) FROM generate_series(1, 400) i;
INSERT INTO ms VALUES (401, 1, NULL), (402, 1, '{}'), (403, 2, NULL), (404, 2, '{}'), (405, 3, '{"[1,0,0,0,0,0,0,0]"}');
CREATE INDEX ms_v ON ms USING omenhnsw (v vector_maxsim_ops);
SELECT nodes > 405 AS nodes, null_rows, unreachable, heap_rows FROM omendb_index_check('ms_v', true);
SELECT reltuples FROM pg_class WHERE relname = 'ms_v';
PREPARE one AS SELECT id FROM ms ORDER BY v @# $1 LIMIT 3;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS off) EXECUTE one(doc(5, 4, 8));
-- MaxSim is not symmetric: the row is on the left
PREPARE two AS SELECT id FROM ms ORDER BY $1 @# v LIMIT 3;
SELECT plan_of('EXECUTE two(doc(5, 4, 8))');
-- the same order by other names
PREPARE three AS SELECT id FROM ms ORDER BY max_sim(v, $1) DESC LIMIT 3;
EXPLAIN (COSTS off) EXECUTE three(doc(5, 4, 8));
PREPARE four AS SELECT id FROM ms ORDER BY -(v @# $1) DESC LIMIT 3;
EXPLAIN (COSTS off) EXECUTE four(doc(5, 4, 8));
PREPARE five AS SELECT id FROM ms WHERE v @# $1 < -3 ORDER BY v @# $1 LIMIT 3;
EXPLAIN (COSTS off) EXECUTE five(doc(5, 4, 8));
EXECUTE one(doc(5, 4, 8));
EXECUTE five(doc(5, 4, 8));
SELECT id FROM ms WHERE v IS NOT NULL AND v <> '{}' ORDER BY max_sim(v, doc(5, 4, 8)) DESC LIMIT 3;
RESET plan_cache_mode;
DEALLOCATE ALL;
-- the same rows in the same order as by a sort: all of them, empty arrays and NULLs last
CREATE FUNCTION compare(condition text, query text, lim text DEFAULT 'ALL') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	sql text := format('SELECT array_agg(round(d::numeric, 4)) FROM (SELECT v @# %2$s AS d FROM ms WHERE %1$s ORDER BY v @# %2$s LIMIT %3$s) s', condition, query, lim);
	ids text := format('SELECT array_agg(id ORDER BY id) FROM (SELECT id FROM ms WHERE %1$s ORDER BY v @# %2$s LIMIT %3$s) s', condition, query, lim);
	plan text;
	found numeric[];
	exact numeric[];
	rows int[];
	all_rows int[];
BEGIN
	SET LOCAL enable_sort = off;
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_indexscan = on;
	FOR plan IN EXECUTE 'EXPLAIN (COSTS off) ' || sql LOOP
		EXIT WHEN plan LIKE '%Index Scan using%';
	END LOOP;
	EXECUTE sql INTO found;
	EXECUTE ids INTO rows;
	SET LOCAL enable_sort = on;
	SET LOCAL enable_seqscan = on;
	SET LOCAL enable_indexscan = off;
	EXECUTE sql INTO exact;
	EXECUTE ids INTO all_rows;
	RETURN CASE WHEN plan LIKE '%Index Scan using%' THEN '' ELSE 'no index, ' END || CASE WHEN found IS NOT DISTINCT FROM exact THEN 'equal' ELSE found::text || exact::text END
		|| CASE WHEN lim <> 'ALL' OR rows IS NOT DISTINCT FROM all_rows THEN '' ELSE ', other rows' END || ', ' || cardinality(found);
END
$$;
SELECT compare('true', 'doc(5, 4, 8)'), compare('true', 'doc(77, 1, 8)'), compare('true', 'doc(3, 3, 8)', '25');
SELECT compare('v IS NOT NULL', 'doc(9, 4, 8)'), compare('v IS NULL', 'doc(9, 4, 8)'), compare('kind = 2', 'doc(9, 4, 8)', '20');
-- a query without vectors orders nothing
PREPARE nothing AS SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM ms ORDER BY v @# $1 LIMIT 1000) s;
SET enable_sort = off;
SET plan_cache_mode = force_generic_plan;
PREPARE nothing_rows AS SELECT id FROM ms ORDER BY v @# $1 LIMIT 1000;
SELECT plan_of('EXECUTE nothing_rows(''{}'')');
EXECUTE nothing('{}');
EXECUTE nothing(NULL);
RESET plan_cache_mode;
SELECT CASE WHEN v IS NULL THEN 'NULL' ELSE cardinality(v)::text END AS vectors FROM ms WHERE id > 400 ORDER BY -(v @# doc(5, 4, 8)) DESC;
RESET enable_sort;
-- errors are those of the operator
\set VERBOSITY sqlstate
SELECT id FROM ms ORDER BY v @# '{"[1,2]"}' LIMIT 1;
SELECT id FROM ms ORDER BY v @# ARRAY['[1,2,3,4,5,6,7,8]', NULL]::vector[] LIMIT 1;
INSERT INTO ms VALUES (500, 1, ARRAY[word(1, 1, 8), NULL]);
INSERT INTO ms VALUES (500, 1, ARRAY[ARRAY[word(1, 1, 8)]]);
INSERT INTO ms VALUES (500, 1, '{"[1,2]"}');
CREATE INDEX ON ms USING omenhnsw (v vector_maxsim_ops) WITH (rerank = off);
CREATE INDEX ON ms USING omenhnsw (v vector_maxsim_ops) WITH (rerank = index);
CREATE INDEX ON ms USING omenhnsw (v vector_l2_ops);
CREATE INDEX ON ms USING omenhnsw (v);
CREATE TABLE ms_any (v vector[]);
\set VERBOSITY default
CREATE INDEX ON ms_any USING omenhnsw (v vector_maxsim_ops);
CREATE INDEX ON ms_any USING omenhnsw ((v::vector(2)[]) vector_maxsim_ops);
INSERT INTO ms_any VALUES ('{"[1,2]","[3,4]"}'), ('{"[1,2]"}');
INSERT INTO ms_any VALUES ('{"[1,2]","[3]"}');
SELECT v FROM ms_any ORDER BY v::vector(2)[] @# '{"[1,1]"}';
DROP TABLE ms_any;
-- elements that are there twice, and many rows with one element
INSERT INTO ms SELECT 1000 + i, 1, ARRAY[word(1, 1, 8), word(1, 1, 8), word(2, i, 8), word(1, 1, 8)] FROM generate_series(1, 100) i;
SELECT heap_rows FROM omendb_index_check('ms_v', true);
SELECT compare('true', 'ARRAY[word(1, 1, 8), word(2, 5, 8)]'), compare('true', 'ARRAY[word(1, 1, 8), word(2, 5, 8)]', '10');
-- changes, a transaction that fails, vacuum
UPDATE ms SET v = v || word(7, id, 8) WHERE id % 3 = 0;
UPDATE ms SET v = v[2:] WHERE id % 3 = 1;
BEGIN; INSERT INTO ms SELECT 2000 + i, 1, doc(i, 5, 8) FROM generate_series(1, 20) i; ROLLBACK;
SELECT heap_rows FROM omendb_index_check('ms_v', true);
SELECT compare('true', 'doc(5, 4, 8)'), compare('true', 'doc(77, 2, 8)', '10');
DELETE FROM ms WHERE id % 4 = 0;
VACUUM ms;
SELECT dead_nodes, heap_rows FROM omendb_index_check('ms_v', true);
SELECT compare('true', 'doc(5, 4, 8)'), compare('true', 'doc(77, 2, 8)', '10');
-- filter columns, REINDEX, CONCURRENTLY
DROP INDEX ms_v;
CREATE INDEX CONCURRENTLY ms_v ON ms USING omenhnsw (v vector_maxsim_ops, kind) WITH (m = 8, ef_construction = 40, quantizer = sq8);
SELECT heap_rows FROM omendb_index_check('ms_v', true);
SELECT compare('kind = 2', 'doc(9, 4, 8)'), compare('kind IN (1, 4)', 'doc(9, 4, 8)', '20'), compare('kind = 7', 'doc(9, 4, 8)'), compare('kind > 1 AND v IS NULL', 'doc(9, 4, 8)');
REINDEX INDEX CONCURRENTLY ms_v;
REINDEX INDEX ms_v;
INSERT INTO ms SELECT 3000 + i, 2, doc(i, 3, 8) FROM generate_series(1, 50) i;
SELECT heap_rows FROM omendb_index_check('ms_v', true);
SELECT compare('kind = 2', 'doc(9, 4, 8)'), compare('kind <> 3', 'doc(11, 4, 8)', '15');
-- halfvec[]
DROP INDEX ms_v;
ALTER TABLE ms ALTER v TYPE halfvec(8)[] USING v::halfvec[];
CREATE INDEX ms_v ON ms USING omenhnsw (v halfvec_maxsim_ops);
SELECT heap_rows FROM omendb_index_check('ms_v', true);
SELECT compare('true', 'doc(5, 4, 8)::halfvec[]'), compare('true', 'doc(77, 2, 8)::halfvec[]', '10');
SELECT amname, amvalidate(c.oid) FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod WHERE opcname ~ 'maxsim' ORDER BY 1, 2;
-- inside of a join: a query a row
SELECT q.id, (SELECT array_agg(id) FROM (SELECT id FROM ms ORDER BY v @# q.v LIMIT 1) s) = ARRAY[q.id] AS itself
FROM ms q WHERE id IN (5, 10, 15) ORDER BY 1;
-- no more rows than ef_search without iterative scans
SET omenhnsw.ef_search = 5;
SET omenhnsw.iterative_scan = off;
SELECT count(*) FROM (SELECT id FROM ms ORDER BY v @# doc(5, 4, 8)::halfvec[] LIMIT 100) s;
RESET omenhnsw.iterative_scan;
SELECT count(*) FROM (SELECT id FROM ms ORDER BY v @# doc(5, 4, 8)::halfvec[] LIMIT 100) s;
DROP TABLE ms;
DROP FUNCTION doc, word, compare;
