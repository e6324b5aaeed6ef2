-- What scans have done: omendb_last_scan(), EXPLAIN (ANALYZE) from PostgreSQL 18 on, omendb_stat_indexes; omendb_indexes.
SET client_min_messages = warning;
\c
SELECT index, strategy IS NULL AS none FROM omendb_last_scan();
CREATE TABLE st_t (id int, v vector(24), n int, k int);
SELECT setseed(0.5);
INSERT INTO st_t SELECT i, a::vector, i % 1000, i % 2
	FROM generate_series(1, 5000) i, LATERAL (SELECT array_agg(random()::real) AS a FROM generate_series(1, 24) WHERE i > 0) x;
INSERT INTO st_t VALUES (0, NULL, 0, 0);
CREATE INDEX st_v ON st_t USING omenhnsw (v, n, k);
VACUUM ANALYZE st_t;
SET enable_seqscan = off;
SET enable_sort = off;
CREATE FUNCTION st_last() RETURNS text LANGUAGE sql AS $$
	SELECT format('%s, ef %s (%s): %s (%s), %s rows of %s searches', index, ef_search, ef_source, strategy, reason, rows, searches) ||
		CASE WHEN hops > 0 THEN ', hops' ELSE '' END || CASE WHEN codes_compared > rows THEN ', compared' ELSE '' END ||
		CASE WHEN reranked_from_index > 0 THEN ', from index' ELSE '' END || CASE WHEN reranked_from_heap > 0 THEN ', from heap' ELSE '' END ||
		CASE WHEN passes > 0 THEN ', passes ' || passes ELSE '' END || CASE WHEN conditions_tested > 0 THEN ', tested' ELSE '' END ||
		CASE WHEN filter_pages > 0 THEN ', filter pages' ELSE '' END || CASE WHEN ms > 0 THEN ', timed' ELSE '' END
	FROM omendb_last_scan()
$$;
\set q '(SELECT v FROM st_t WHERE id = 7)'
SELECT count(*) FROM (SELECT id FROM st_t ORDER BY v <-> :q LIMIT 10) x;
SELECT st_last();
SET omenhnsw.ef_search = 20;
SET track_io_timing = on;
SELECT count(*) FROM (SELECT id FROM st_t WHERE k = 1 ORDER BY v <-> :q LIMIT 10) x;
RESET track_io_timing;
SELECT st_last();
RESET omenhnsw.ef_search;
ALTER INDEX st_v SET (ef_search = 30);
SELECT count(*) FROM (SELECT id FROM st_t WHERE n = 17 ORDER BY v <-> :q LIMIT 10) x;
SELECT st_last();
SELECT count(*) FROM (SELECT id FROM st_t ORDER BY v <-> :q) x;
SELECT st_last();
SELECT count(*) FROM (SELECT id FROM st_t ORDER BY v <-> (SELECT NULL::vector) LIMIT 10) x;
SELECT st_last();
SELECT count(*) FROM (SELECT id FROM st_t WHERE n = (SELECT NULL::int) ORDER BY v <-> :q LIMIT 10) x;
SELECT st_last();
SELECT count(*) FROM (SELECT x.id FROM st_t q, LATERAL (SELECT id FROM st_t ORDER BY v <-> q.v LIMIT 3) x WHERE q.id BETWEEN 1 AND 5) y;
SELECT st_last();
ALTER INDEX st_v RESET (ef_search);
SET hnsw.ef_search = 60;
SELECT count(*) FROM (SELECT id FROM st_t ORDER BY v <-> :q LIMIT 10) x;
SELECT st_last();
RESET hnsw.ef_search;
-- few nodes, refinements
CREATE TABLE st_f AS SELECT id, v FROM st_t WHERE id BETWEEN 1 AND 300;
CREATE INDEX st_fv ON st_f USING omenhnsw (v) WITH (bits = 4, rerank = index);
SELECT count(*) FROM (SELECT id FROM st_f ORDER BY v <-> :q LIMIT 10) x;
SELECT st_last();

-- EXPLAIN
CREATE FUNCTION st_keys(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, COSTS off, FORMAT json) ' || query INTO plan;
	plan := jsonb_path_query_first(plan, 'strict $.**?(@."Index Name" == "st_v")');
	IF current_setting('server_version_num')::int < 180000 THEN
		RETURN CASE WHEN plan IS NOT NULL AND NOT plan ? 'Search Strategy' THEN 'as it should be' END;
	END IF;
	RETURN CASE WHEN plan ->> 'Search Strategy' = 'walk' AND plan ->> 'Search Reason' = 'no conditions on filter columns'
			AND plan ->> 'Ef' = '40' AND plan ->> 'Ef Source' = 'default'
			AND (plan ->> 'Hops')::int > 0 AND (plan ->> 'Codes Compared')::int > 100 AND (plan ->> 'Re-ranked from Heap')::int >= 10
			AND plan ?& ARRAY['Re-ranked from Index', 'Late Rows', 'Passes', 'Conditions Tested', 'Filter Pages']
		THEN 'as it should be' ELSE plan::text END;
END
$$;
SELECT st_keys('SELECT id FROM st_t ORDER BY v <-> (SELECT v FROM st_t WHERE id = 7) LIMIT 10');
CREATE FUNCTION st_lines(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	lines text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS off, TIMING off) ' || query LOOP
		IF line ~ '(Search|Ef): ' THEN
			lines := lines || trim(line) || '; ';
		END IF;
	END LOOP;
	RETURN lines;
END
$$;
SELECT st_lines('SELECT id FROM st_t ORDER BY v <-> (SELECT v FROM st_t WHERE id = 7) LIMIT 10') = CASE
	WHEN current_setting('server_version_num')::int >= 180000 THEN 'Search: walk (no conditions on filter columns); Ef: 40 (default); '
	ELSE '' END AS shown;
SELECT st_lines('SELECT id FROM st_t ORDER BY v <-> (SELECT v FROM st_t WHERE id = 7) LIMIT 0') = '' AS never_executed;

-- cumulative: what this session has done, at least
DELETE FROM st_t WHERE id % 10 = 0;
VACUUM st_t;
INSERT INTO st_t SELECT 10000 + id, v, n, k FROM st_t WHERE id < 10;
SELECT indexname, scans >= 10 AS scans, rows > 5000 AS rows, hops > 100 AS hops, codes_compared > 5000 AS compared, reranked_from_heap > 100 AS heap,
		walks > 0 AS walks, sweeps > 0 AS sweeps, walks_then_sweeps > 0 AS both, passes > 0 AS passes, conditions_tested > 0 AS tested,
		scan_ms > 0 AS timed, inserts >= 9 AS inserts, insert_retries >= 0 AS retries, vacuums > 0 AS vacuums, rows_removed >= 500 AS removed,
		records_freed >= 400 AS freed, vacuum_ms > 0 AS vacuum_timed, stats_reset < now() + interval '1 day' AS reset
	FROM omendb_stat_indexes WHERE tablename = 'st_t';
SELECT indexname, reranked_from_index > 0 AS refined FROM omendb_stat_indexes WHERE tablename = 'st_f';
SELECT omendb_stat_reset('st_v');
SELECT indexname, scans, rows, inserts, vacuums FROM omendb_stat_indexes WHERE tablename = 'st_t';
SELECT scans > 0 AS other FROM omendb_stat_indexes WHERE tablename = 'st_f';
SELECT omendb_stat_reset();
SELECT indexname, scans FROM omendb_stat_indexes WHERE tablename LIKE 'st\__' ORDER BY 1;
-- what a transaction did before an error
BEGIN;
SELECT count(*) FROM (SELECT id FROM st_t ORDER BY v <-> :q LIMIT 10) x;
SELECT 1 / 0;
ROLLBACK;
SELECT scans FROM omendb_stat_indexes WHERE indexname = 'st_v';

-- what indexes are
SELECT tablename, indexname, valid, rows, quantizer, bits, rerank, metric, dimensions, filter_columns, m, ef_construction, ef_search,
		bytes = pg_relation_size(indexrelid) AS size, node_bytes + tower_bytes + posting_bytes + null_bytes + model_bytes + refinement_bytes
			+ filter_key_bytes + highway_bytes + directory_bytes = bytes AS parts, nodes BETWEEN 4000 AND 5000 AS nodes, dead_nodes, levels >= 1 AS levels, model,
		model_state, trained_rows, vacuum_unfinished
	FROM omendb_indexes WHERE tablename LIKE 'st\_t' \gx
SELECT s.* IS NULL AS nothing FROM omendb_index_summary('st_t') s;
SELECT s.* IS NULL AS nothing FROM omendb_index_summary('pg_class_oid_index') s;
SELECT s.* IS NULL AS nothing FROM omendb_index_summary(1) s;
CREATE TABLE st_b (b bit(8));
CREATE INDEX st_bb ON st_b USING omenhnsw (b bit_hamming_ops) WITH (ef_search = 70);
SELECT quantizer, model_state, nodes, ef_search, rows FROM omendb_indexes WHERE indexname = 'st_bb';

-- who may
CREATE ROLE regress_st;
SET ROLE regress_st;
SELECT omendb_stat_reset();
SELECT indexname, quantizer IS NULL AS hidden FROM omendb_indexes WHERE tablename LIKE 'st\__' ORDER BY 1;
SELECT indexname, scans FROM omendb_stat_indexes WHERE tablename = 'st_t';
RESET ROLE;
GRANT pg_read_all_stats TO regress_st;
SET ROLE regress_st;
SELECT indexname, quantizer IS NULL AS hidden FROM omendb_indexes WHERE tablename LIKE 'st\__' ORDER BY 1;
RESET ROLE;
DROP ROLE regress_st;
DROP FUNCTION st_last, st_keys, st_lines;
DROP TABLE st_t, st_f, st_b;
