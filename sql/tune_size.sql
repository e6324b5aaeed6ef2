-- omendb_prewarm(), omendb_estimate(), omendb_build_memory(), omendb_advise()
SET client_min_messages = warning;
\set VERBOSITY terse
CREATE TABLE sz_t (id int, v vector(16), n int, u vector);
SELECT setseed(0.5);
INSERT INTO sz_t SELECT i, a::vector, i % 10, CASE WHEN i % 2 = 0 THEN subvector(a::vector, 1, 5) END
	FROM generate_series(1, 4000) i, LATERAL (SELECT array_agg(random()::real) AS a FROM generate_series(1, 16) WHERE i > 0) x;
ANALYZE sz_t;

-- before there is an index
SELECT name, advice, sql FROM omendb_advise('sz_t');
SELECT rows, sampled, bytes BETWEEN 500000 AND 2000000 AS bytes, bytes_per_row BETWEEN 150 AND 400 AS each, build_memory > bytes AS memory,
	seconds > 0 AS seconds FROM omendb_estimate('sz_t', 'v vector_l2_ops');
SELECT a.bytes < b.bytes AS smaller, a.sampled < b.sampled AS samples
	FROM omendb_estimate('sz_t', 'v', 'm = 4, bits = 1', 1000) a, omendb_estimate('sz_t', 'v vector_cosine_ops, n', 'quantizer = none') b;
SELECT omendb_estimate('sz_t', 'w');
SELECT omendb_estimate('sz_t', 'v', 'm = 1000');
SELECT omendb_estimate('sz_t', 'v', '', 10);
SELECT omendb_estimate(NULL, 'v');
-- columns and options, and nothing else; relations of other kinds
CREATE TABLE sz_victim (id int);
SELECT omendb_estimate('sz_t', 'v); DROP TABLE sz_victim; --');
SELECT omendb_estimate('sz_t', 'v); DROP TABLE sz_victim; SELECT (1');
SELECT omendb_estimate('sz_t', 'v) --');
SELECT omendb_estimate('sz_t', 'v) WITH (m = 4');
SELECT omendb_estimate('sz_t', 'v) WHERE (n > 1');
SELECT omendb_estimate('sz_t', 'v) INCLUDE (n');
SELECT omendb_estimate('sz_t', 'v /*', '*/ m = 4');
SELECT omendb_estimate('sz_t', '');
SELECT omendb_estimate('sz_t', 'v', 'm = 4); DROP TABLE sz_victim; --');
SELECT omendb_estimate('sz_t', 'v', 'm = 4) WHERE (n > 1');
SELECT omendb_estimate('sz_t', 'v', ' ');
-- names that the function itself puts behind them, and a comment that hides the one and not the other
SELECT omendb_estimate('sz_t', 'v, omendb_last) --', E'm = 4 /*\n); DROP TABLE sz_victim; -- */');
SELECT omendb_estimate('sz_t', 'v, omendb_end) --', E'm = 4 /*\n); DROP TABLE sz_victim; -- */');
SELECT omendb_estimate('sz_t', 'v', 'm = 4, omendb_last) --');
SELECT omendb_estimate('sz_t', 'omendb_last');
SELECT count(*) FROM sz_victim;
SELECT omendb_index_clause(E'v vector_l2_ops, (n % 3) -- a comment\n', 'm = 4'), omendb_index_clause('v', '');
SELECT sampled > 0 AS sampled FROM omendb_estimate('sz_t', '(v::vector(16)) vector_l2_ops, (n % 3)', E'm = 4 -- a comment\n', 1000);
SELECT omendb_estimate(0, 'v');
CREATE TABLE sz_parts (v vector(16), n int) PARTITION BY LIST (n);
SELECT omendb_estimate('sz_parts', 'v');
DROP TABLE sz_parts, sz_victim;
SELECT count(*) FROM pg_class WHERE relname LIKE 'omendb_estimate%';

CREATE INDEX sz_v ON sz_t USING omenhnsw (v);
WITH e AS (SELECT bytes FROM omendb_estimate('sz_t', 'v', '', 2000))
SELECT bytes BETWEEN 0.9 * pg_relation_size('sz_v') AND 1.1 * pg_relation_size('sz_v') AS near FROM e;
SELECT omendb_build_memory('sz_v', 1e6) BETWEEN 150e6 AND 600e6 AS memory, omendb_build_memory('sz_v', 1e6, 4) > omendb_build_memory('sz_v', 1e6) AS more;
SELECT omendb_build_memory('sz_v', -1);
SELECT omendb_build_memory('sz_t', 1);

SELECT omendb_prewarm('sz_v', 'upper') < omendb_prewarm('sz_v') AS less, omendb_prewarm('sz_v') < omendb_prewarm('sz_v', 'all') AS all_of_it,
	omendb_prewarm('sz_v', 'all') = pg_relation_size('sz_v') / current_setting('block_size')::int AS every_block;
SELECT omendb_prewarm('sz_v', 'some');
SELECT omendb_prewarm('sz_t');
CREATE TABLE sz_e (v vector(2));
CREATE INDEX sz_ev ON sz_e USING omenhnsw (v);
SELECT omendb_prewarm('sz_ev', 'all');

-- nothing to say of the index, then something
SELECT name, advice, sql FROM omendb_advise('sz_v');
CREATE INDEX sz_w ON sz_t USING omenhnsw (v) WITH (ef_search = 100);
SET omenhnsw.ef_search = 50;
SET omenhnsw.iterative_scan = off;
SET omenhnsw.max_scan_tuples = 200;
SET maintenance_work_mem = '1MB';
SELECT name, advice, reason, sql FROM omendb_advise('sz_t') WHERE name <> 'sz_t.u';
RESET omenhnsw.ef_search;
RESET omenhnsw.iterative_scan;
RESET omenhnsw.max_scan_tuples;
DELETE FROM sz_t WHERE id % 2 = 0;
SELECT name, advice, sql FROM omendb_advise('sz_w');
RESET maintenance_work_mem;
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'sz_w'::regclass;
SELECT name, advice, sql FROM omendb_advise('sz_w');
SELECT omendb_recall('sz_w');
DROP INDEX sz_w;
-- an index of words, whose build has failed
CREATE FUNCTION sz_failing(int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE division_by_zero; END $$;
CREATE INDEX CONCURRENTLY "sz ""words" ON sz_t USING omenbm25 (sz_failing(id)) WITH (text_config = 'simple');
SELECT * FROM omendb_advise('"sz ""words"');
SELECT name, advice, sql FROM omendb_advise('sz_t') WHERE name ~ 'words';
SELECT indexname FROM omendb_indexes WHERE relid = 'sz_t'::regclass;
DROP INDEX "sz ""words";
CREATE INDEX sz_words ON sz_t USING omenbm25 ((n::text)) WITH (text_config = 'simple');
SELECT name, advice, sql FROM omendb_advise('sz_words');
DROP INDEX sz_words;
DROP FUNCTION sz_failing;
-- an index that grew from nothing
CREATE TABLE sz_g (v vector(16));
CREATE INDEX sz_gv ON sz_g USING omenhnsw (v vector_cosine_ops, (v IS NULL));
INSERT INTO sz_g SELECT v FROM sz_t WHERE id < 100;
SELECT model_state FROM omendb_indexes WHERE indexname = 'sz_gv';
SELECT * FROM omendb_advise('sz_g');
SELECT * FROM omendb_advise('pg_class_oid_index');
SELECT * FROM omendb_advise(NULL);
CREATE VIEW sz_view AS SELECT v FROM sz_g;
SELECT * FROM omendb_advise('sz_view');
SHOW search_path;

CREATE ROLE regress_sz;
SET ROLE regress_sz;
SELECT omendb_prewarm('sz_v');
SELECT omendb_build_memory('sz_v', 1);
SELECT * FROM omendb_advise('sz_t');
SELECT * FROM omendb_estimate('sz_t', 'v');
RESET ROLE;
DROP ROLE regress_sz;
DROP VIEW sz_view;
DROP TABLE sz_t, sz_e, sz_g;
