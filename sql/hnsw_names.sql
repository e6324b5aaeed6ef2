-- omenhnsw by the names hnsw and ivfflat.

CREATE EXTENSION omendb_hnsw;
CREATE TABLE names_t (id integer, tenant integer, v vector(3));
INSERT INTO names_t SELECT i, i % 5, ARRAY[i, i % 7, i % 11] FROM generate_series(1, 2000) i;
CREATE INDEX names_h ON names_t USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 32);
CREATE INDEX names_i ON names_t USING ivfflat (v vector_cosine_ops, tenant) WITH (lists = 100);
CREATE INDEX ON names_t USING hnsw (v) WITH (lists = 100);
CREATE INDEX ON names_t USING omenhnsw (v) WITH (lists = 100);
CREATE INDEX ON names_t USING ivfflat (v) WITH (lists = 0);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM names_t ORDER BY v <-> '[5,5,5]' LIMIT 3;
SELECT id FROM names_t ORDER BY v <-> '[5,5,5]' LIMIT 3;
EXPLAIN (COSTS OFF) SELECT id FROM names_t WHERE tenant = 2 ORDER BY v <=> '[5,5,5]' LIMIT 3;
SELECT nodes FROM omendb_index_check('names_h', true);
SELECT nodes > 0 FROM omendb_index_check('names_i', true);
SELECT m, filter_columns FROM omendb_index_info('names_h');
SELECT metric, filter_columns FROM omendb_index_info('names_i');
ALTER INDEX names_h SET (m = 10);
ALTER INDEX names_i SET (lists = 50);
-- the same operator classes, one by one
SELECT amname, count(*) FILTER (WHERE opcname LIKE 'vector%') AS vectors, count(*) = (SELECT count(*) FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod WHERE amname = 'omenhnsw') AS all_of_them,
	bool_and(amvalidate(c.oid)) AS valid
FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod WHERE amname IN ('hnsw', 'ivfflat') GROUP BY 1 ORDER BY 1;
-- what belongs to it is commented, as everything is
SELECT count(*) FROM pg_depend d WHERE refobjid = (SELECT oid FROM pg_extension WHERE extname = 'omendb_hnsw') AND deptype = 'e'
	AND obj_description(objid, classid::regclass::name) IS NULL AND classid <> 'pg_operator'::regclass;
DROP TABLE names_t;
DROP EXTENSION omendb_hnsw;
-- the names are taken
CREATE ACCESS METHOD ivfflat TYPE INDEX HANDLER bthandler;
\set SHOW_CONTEXT never
CREATE EXTENSION omendb_hnsw;
\set SHOW_CONTEXT errors
DROP ACCESS METHOD ivfflat;
