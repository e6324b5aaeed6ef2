-- target_recall: which ef a search picks, and who says so; omendb_calibrate(), omendb_calibration()
SET client_min_messages = warning;
CREATE TABLE tr_t (id int, v vector(6), part int) PARTITION BY LIST (part);
CREATE TABLE tr_a PARTITION OF tr_t FOR VALUES IN (0, 1);
CREATE TABLE tr_b PARTITION OF tr_t FOR VALUES IN (2);
SELECT setseed(0.25);
INSERT INTO tr_t SELECT i, (SELECT array_agg(random()) FROM generate_series(1, 6) WHERE i > 0)::vector, i % 3 FROM generate_series(1, 6000) i;
CREATE INDEX tr_i ON tr_a USING omenhnsw (v) WITH (m = 4, ef_construction = 10, quantizer = none);
CREATE INDEX tr_j ON tr_b USING omenhnsw (v);
SET enable_seqscan = off;
SET enable_sort = off;
CREATE TABLE tr_ef (target float8, k int, ef int);

-- what a build has measured: recall grows with ef
SELECT k, count(*) AS efs, min(ef_search), max(ef_search), min(recall) > 0.3 AND max(recall) <= 1 AS possible, bool_and(assured BETWEEN 0 AND 1) AS assured,
	max(recall) FILTER (WHERE ef_search = 1280) > 0.98 AS found
	FROM omendb_calibration('tr_i') GROUP BY k ORDER BY k;
SELECT indexname, target_recall, calibrated_nodes >= 2000 AS nodes, calibration_queries > 0 AS queries, calibrated_by FROM omendb_indexes
	WHERE indexname ~ '^tr_' ORDER BY 1;

-- who says
CREATE FUNCTION tr_search(sql text, OUT ef int, OUT source text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE sql;
	SELECT ef_search, ef_source INTO ef, source FROM omendb_last_scan();
END
$$;
CREATE FUNCTION tr_source() RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN source = 'target_recall' THEN source ELSE source || ' ' || ef END
	FROM tr_search($e$SELECT FROM tr_a ORDER BY v <-> '[0,0,0,0,0,0]' LIMIT 10$e$)
$$;
SELECT tr_source();
SET omenhnsw.target_recall = 0.9;
SELECT tr_source();
ALTER INDEX tr_i SET (ef_search = 33);
SELECT tr_source();
SET omenhnsw.ef_search = 44;
SELECT tr_source();
RESET omenhnsw.ef_search;
ALTER INDEX tr_i RESET (ef_search);
SET hnsw.ef_search = 55;
SELECT tr_source();
RESET hnsw.ef_search;
RESET omenhnsw.target_recall;
SELECT tr_source();
ALTER INDEX tr_i SET (target_recall = 0.95);
SELECT tr_source();
SELECT indexname, target_recall FROM omendb_indexes WHERE indexname = 'tr_i';
ALTER INDEX tr_i SET (ef_search = 33);
SELECT tr_source();
SELECT advice, reason, sql FROM omendb_advise('tr_i');
ALTER INDEX tr_i RESET (ef_search);
ALTER INDEX tr_i SET (target_recall = 1.5);
SET omenhnsw.target_recall = -1;

-- more is wanted: ef is no lower; the session's target comes before the index's
CREATE FUNCTION tr_pick(target float8, tail text) RETURNS int LANGUAGE sql AS $$
	SELECT set_config('omenhnsw.target_recall', target::text, false);
	SELECT ef FROM tr_search($e$SELECT FROM tr_a ORDER BY v <-> '[0,0,0,0,0,0]' $e$ || tail)
$$;
INSERT INTO tr_ef SELECT target, k, tr_pick(target, 'LIMIT ' || k) FROM unnest(ARRAY[0.5, 0.8, 0.9, 0.95, 0.99]) target, unnest(ARRAY[1, 3, 10, 100, 500]) k;
SELECT k, bool_and(ef >= before) AS grows FROM
	(SELECT k, ef, lag(ef, 1, 0) OVER (PARTITION BY k ORDER BY target) AS before FROM tr_ef) x GROUP BY k ORDER BY k;
SELECT max(ef) > min(ef) AS depends FROM tr_ef WHERE k = 100;
SELECT abs(a.ef - 5 * b.ef) < 5 AS beyond_the_last_k FROM tr_ef a, tr_ef b WHERE a.k = 500 AND b.k = 100 AND a.target = 0.95 AND b.target = 0.95;
-- a LIMIT and an OFFSET, as a parameter, below other nodes; none: as 10 rows
SELECT tr_pick(0.95, 'OFFSET 60 LIMIT 40') = ef AS with_offset FROM tr_ef WHERE target = 0.95 AND k = 100;
PREPARE tr_limit(int) AS SELECT FROM tr_a ORDER BY v <-> '[0,0,0,0,0,0]' LIMIT $1;
SET plan_cache_mode = force_generic_plan;
SELECT tr_pick(0.95, 'LIMIT 1') IS NOT NULL;
EXECUTE tr_limit(500) \g /dev/null
SELECT s.ef_search = e.ef AS of_a_parameter FROM omendb_last_scan() s, tr_ef e WHERE target = 0.95 AND k = 500;
BEGIN;
DECLARE c CURSOR FOR SELECT FROM tr_a ORDER BY v <-> '[0,0,0,0,0,0]';
FETCH c;
CLOSE c;
COMMIT;
SELECT s.ef_search = e.ef AS without_limit FROM omendb_last_scan() s, tr_ef e WHERE target = 0.95 AND k = 10;
-- each partition by its own curve, all of them for all of the rows
SELECT count(*) FROM (SELECT FROM tr_t ORDER BY v <-> '[0,0,0,0,0,0]' LIMIT 500) x;
SELECT ef_source FROM omendb_last_scan();
-- as many rows as are asked for without iterative scans, too
SET omenhnsw.iterative_scan = off;
SELECT set_config('omenhnsw.target_recall', '0.1', false);
SELECT count(*) FROM (SELECT FROM tr_a ORDER BY v <-> '[0,0,0,0,0,0]' LIMIT 123) x;
RESET omenhnsw.iterative_scan;
RESET omenhnsw.target_recall;

-- searches of the calibration are nobody's
SELECT count(*) > 0 AS measured FROM omendb_calibrate('tr_j', 60);
SELECT index FROM omendb_last_scan();
-- with queries of one's own, which a vacuum cannot ask again
SELECT count(*) FROM omendb_calibrate('tr_j', query => 'SELECT v FROM tr_a ORDER BY id LIMIT 60');
SELECT calibration_queries, calibrated_by FROM omendb_indexes WHERE indexname = 'tr_j';
INSERT INTO tr_b SELECT id + 10000 * n, v, 2 FROM tr_a, generate_series(1, 2) n;
VACUUM tr_b;
SELECT calibration_queries, calibrated_by FROM omendb_indexes WHERE indexname = 'tr_j';

-- an index that was built on an empty table: a vacuum measures it, and again when it has grown
CREATE TABLE tr_g (v vector(6), part int);
CREATE INDEX tr_g_i ON tr_g USING omenhnsw (v) WITH (target_recall = 0.9);
INSERT INTO tr_g SELECT v, part FROM tr_a LIMIT 1500;
SELECT ef, source FROM tr_search($$SELECT FROM tr_g ORDER BY v <-> '[0,0,0,0,0,0]' LIMIT 10$$);
SELECT advice, sql FROM omendb_advise('tr_g_i') WHERE advice ~ 'calibrate';
SELECT count(*) FROM omendb_calibration('tr_g_i');
VACUUM tr_g;
SELECT source FROM tr_search($$SELECT FROM tr_g ORDER BY v <-> '[0,0,0,0,0,0]' LIMIT 10$$);
SELECT calibrated_nodes < 2000 AS few FROM omendb_indexes WHERE indexname = 'tr_g_i';
INSERT INTO tr_g SELECT v, part FROM tr_t WHERE id > 10 LIMIT 600;
VACUUM tr_g;
SELECT calibrated_nodes < 2000 AS few FROM omendb_indexes WHERE indexname = 'tr_g_i';
INSERT INTO tr_g SELECT v + '[1,1,1,1,1,1]', part FROM tr_t LIMIT 6000;
VACUUM tr_g;
SELECT calibrated_nodes > 7000 AS many FROM omendb_indexes WHERE indexname = 'tr_g_i';

-- who may, and what with
SELECT count(*) FROM omendb_calibrate(NULL);
SELECT count(*) FROM omendb_calibrate('tr_i', 5);
SELECT count(*) FROM omendb_calibrate('tr_i', query => 'DELETE FROM tr_a');
SELECT count(*) FROM omendb_calibrate('tr_i', query => 'SELECT 1');
SELECT count(*) FROM omendb_calibrate('tr_i', query => $$SELECT '[1,2]'::vector$$);
SELECT count(*) FROM omendb_calibrate('tr_a');
CREATE TABLE tr_m (v vector(2)[]);
CREATE INDEX tr_m_i ON tr_m USING omenhnsw (v vector_maxsim_ops);
SELECT count(*) FROM omendb_calibrate('tr_m_i');
CREATE ROLE regress_tr_reader;
GRANT SELECT ON tr_a TO regress_tr_reader;
SET ROLE regress_tr_reader;
SELECT count(*) FROM omendb_calibration('tr_i');
SELECT count(*) FROM omendb_calibrate('tr_i');
SELECT count(*) FROM omendb_calibration('tr_j');
RESET ROLE;
SET client_min_messages = notice;
CREATE TABLE tr_s AS SELECT v FROM tr_a LIMIT 100;
CREATE INDEX tr_s_i ON tr_s USING omenhnsw (v);
SELECT count(*) FROM omendb_calibrate('tr_s_i');
SELECT tids, unreachable FROM omendb_index_check('tr_i', true);
SET client_min_messages = warning;
DROP TABLE tr_t, tr_g, tr_m, tr_s, tr_ef;
DROP FUNCTION tr_search, tr_source, tr_pick;
DROP ROLE regress_tr_reader;
