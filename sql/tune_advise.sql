-- omendb_advise(): time of a build, bits, late rows, settings that contradict each other
SET client_min_messages = warning;
\set VERBOSITY terse
CREATE TABLE ad_t (id int, v vector(32), w vector);
SELECT setseed(0.5);
INSERT INTO ad_t SELECT i, ARRAY(SELECT random()::real FROM generate_series(1, 32) WHERE i > 0)::vector FROM generate_series(1, 20000) i;
ANALYZE ad_t;

-- before there is an index: time, by a build on a sample
SELECT name, advice, reason ~ 'By a timed build on [12]\d\d\d rows, one process takes about \d+ s, and the index has \d+ kB\.$' AS timed FROM omendb_advise('ad_t');
SELECT count(*) FROM pg_class WHERE relname LIKE 'omendb_estimate%';
BEGIN READ ONLY;
SELECT advice, reason ~ 'timed' AS timed FROM omendb_advise('ad_t');
ROLLBACK;
INSERT INTO ad_t SELECT id, NULL, '[1]' FROM ad_t WHERE id < 100;
ALTER TABLE ad_t ALTER v TYPE vector;
SELECT name, advice, reason ~ 'timed' AS timed, sql FROM omendb_advise('ad_t');
ALTER TABLE ad_t ALTER v TYPE vector(32);
-- whose options do not suit the rows
SELECT words FROM omendb_time_build('ad_t', 'w', 'vector_l2_ops');
SELECT * FROM omendb_time_build(NULL, 'w', 'vector_l2_ops');

-- codes that hardly tell rows apart: 1 bit, where half the table is near
CREATE INDEX ad_v ON ad_t USING omenhnsw (v) WITH (bits = 1, rerank = heap, m = 8);
SET enable_seqscan = off;
SET enable_sort = off;
SET omenhnsw.ef_search = 200;
SELECT count(*) FROM generate_series(1, 110) i, LATERAL (SELECT FROM ad_t ORDER BY v <-> (SELECT v FROM ad_t WHERE id = i AND v IS NOT NULL) LIMIT 10) x;
RESET omenhnsw.ef_search;
SELECT name, advice, reason ~ 'codes of 1 bits' AS why, sql FROM omendb_advise('ad_v');
SELECT omendb_stat_reset('ad_v');

-- a LIMIT far above the number of candidates
SET omenhnsw.ef_search = 5;
SELECT count(*) FROM generate_series(1, 20) i, LATERAL (SELECT FROM ad_t ORDER BY v <-> (SELECT v FROM ad_t WHERE id = i AND v IS NOT NULL) LIMIT 200) x;
RESET omenhnsw.ef_search;
SELECT advice, sql FROM omendb_advise('ad_v') WHERE advice ~ 'ef_search';
SELECT omendb_stat_reset('ad_v');

-- settings that contradict each other
ALTER INDEX ad_v SET (target_recall = 0.95);
SET omenhnsw.ef_search = 50;
SELECT advice, reason, sql FROM omendb_advise('ad_v');
ALTER INDEX ad_v RESET (target_recall);
SET omenhnsw.target_recall = 0.9;
SELECT advice, reason, sql FROM omendb_advise('ad_v');
RESET omenhnsw.ef_search;
ALTER INDEX ad_v SET (target_recall = 0.95, ef_search = 50);
SELECT advice, reason, sql FROM omendb_advise('ad_v');
RESET omenhnsw.target_recall;
DROP TABLE ad_t;
