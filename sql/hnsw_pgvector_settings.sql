-- Settings of pgvector have no effect here: the first scan says so, once for each.

CREATE TABLE pgv_t (id integer, v vector(2));
INSERT INTO pgv_t VALUES (1, '[1,0]'), (2, '[0,1]');
CREATE INDEX pgv_i ON pgv_t USING omenhnsw (v);
SET enable_seqscan = off;

-- nothing set, or nothing set any more
SELECT id FROM pgv_t ORDER BY v <-> '[1,0]' LIMIT 1;
SET hnsw.ef_search = 100;
RESET hnsw.ef_search;
SELECT id FROM pgv_t ORDER BY v <-> '[1,0]' LIMIT 1;

-- no warning but at a scan
SET hnsw.ef_search = 100;
SHOW hnsw.ef_search;
EXPLAIN (COSTS OFF) SELECT id FROM pgv_t ORDER BY v <-> '[1,0]' LIMIT 1;
SELECT id FROM pgv_t ORDER BY v <-> '[1,0]' LIMIT 1;
SELECT id FROM pgv_t ORDER BY v <-> '[1,0]' LIMIT 1;
SET hnsw.ef_search = 200;
SELECT id FROM pgv_t ORDER BY v <-> '[1,0]' LIMIT 1;

-- another one, for the length of a transaction
BEGIN;
SET LOCAL hnsw.iterative_scan = strict_order;
SET LOCAL ivfflat.probes = 10;
SELECT id FROM pgv_t ORDER BY v <-> '[1,0]' LIMIT 1;
COMMIT;
SELECT id FROM pgv_t ORDER BY v <-> '[1,0]' LIMIT 1;

-- one that pgvector has not
SET hnsw.something = 1;
SELECT id FROM pgv_t ORDER BY v <-> '[1,0]' LIMIT 1;

-- where pgvector is installed, they may be meant for its indexes
CREATE ACCESS METHOD hnsw TYPE INDEX HANDLER omenhnsw_handler;
SET hnsw.max_scan_tuples = 20000;
SELECT id FROM pgv_t ORDER BY v <-> '[1,0]' LIMIT 1;
DROP ACCESS METHOD hnsw;
SELECT id FROM pgv_t ORDER BY v <-> '[1,0]' LIMIT 1;

DROP TABLE pgv_t;
