-- Settings of pgvector count where ours are at their defaults; another extension's do not.

CREATE TABLE pgv_t (id integer, v vector(2));
INSERT INTO pgv_t SELECT i, ARRAY[i, i % 7] FROM generate_series(1, 3000) i;
CREATE INDEX pgv_i ON pgv_t USING omenhnsw (v);
SET enable_seqscan = off;
-- how many rows a scan gives that does not go on
CREATE FUNCTION given() RETURNS bigint LANGUAGE sql SET enable_seqscan = off AS
	$$ SELECT count(*) FROM (SELECT FROM pgv_t ORDER BY v <-> '[1,0]' LIMIT 1000) x $$;

SELECT given();
SET hnsw.iterative_scan = off;
SELECT given();
SET hnsw.ef_search = 100;
SELECT given();
-- ours goes first
SET omenhnsw.ef_search = 50;
SELECT given();
RESET omenhnsw.ef_search;
RESET hnsw.ef_search;
SELECT given();
BEGIN;
SET LOCAL hnsw.ef_search = 60;
SELECT given();
COMMIT;
SELECT given();
RESET hnsw.iterative_scan;
SELECT given();
SET hnsw.max_scan_tuples = 200;
SELECT given() < 1000 AS ends_early;
RESET hnsw.max_scan_tuples;
SET hnsw.scan_mem_multiplier = 2;
SELECT given();

-- values that pgvector would not take either; a warning for each
SET hnsw.ef_search = 'many';
SELECT given();
SELECT given();
SET hnsw.ef_search = 0;
SELECT given();
RESET hnsw.ef_search;
SET hnsw.iterative_scan = sometimes;
SELECT given();
RESET hnsw.iterative_scan;
SET hnsw.scan_mem_multiplier = 0.5;
SELECT given();
RESET hnsw.scan_mem_multiplier;
SET ivfflat.probes = 10;
SELECT given();
SELECT given();
RESET ivfflat.probes;
-- one that pgvector has not
SET hnsw.something = 1;
SELECT given();

-- where another extension has the name, its settings are not ours
CREATE ACCESS METHOD hnsw TYPE INDEX HANDLER bthandler;
SET hnsw.iterative_scan = off;
SELECT given();
DROP ACCESS METHOD hnsw;
SELECT given();

DROP FUNCTION given();
DROP TABLE pgv_t;
