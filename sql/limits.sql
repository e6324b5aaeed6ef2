-- docs/limits.md: what happens beyond each limit
CREATE SCHEMA limits;
SET search_path = limits, public;
\set SHOW_CONTEXT never
-- values
SELECT array_fill(1::real, ARRAY[16001])::vector IS NULL;
SELECT array_fill(1::real, ARRAY[16001])::halfvec IS NULL;
CREATE TABLE too_wide (v vector(16001));
SELECT '{1:1}/1000000001'::sparsevec;
SELECT ('{' || string_agg(i || ':1', ',') || '}/20000')::sparsevec IS NULL FROM generate_series(1, 16001) i;
SELECT '[1e39]'::vector;
SELECT '[nan]'::vector;
SELECT '[1,2]'::vector <-> '[1,2,3]'::vector;
-- indexes
CREATE TABLE t (v vector, w vector(3), b bit(64001), h vector(16000), l vector(9000), s sparsevec(30000), i int[]);
INSERT INTO t (w) VALUES ('[1,2]');
CREATE INDEX ON t USING omenhnsw (b bit_hamming_ops);
CREATE INDEX ON t USING omenhnsw (v);
CREATE INDEX ON t USING omenhnsw (h) WITH (quantizer = none);
CREATE INDEX ON t USING omenhnsw (l vector_l1_ops);
CREATE INDEX ON t USING omenhnsw (s sparsevec_l2_ops) WITH (elements = 2718);
CREATE INDEX ON t USING omenhnsw (w) WITH (m = 101);
CREATE INDEX ON t USING omenhnsw (w) WITH (ef_construction = 20);
CREATE INDEX ON t USING omenhnsw (w, v);
CREATE UNIQUE INDEX ON t USING omenhnsw (w);
CREATE INDEX ON t USING omenhnsw (w) INCLUDE (i);
CREATE INDEX ON t USING omenhnsw (w DESC);
CREATE INDEX t_w ON t USING omenhnsw (w);
DO $$
BEGIN
	EXECUTE 'CREATE TABLE many (w vector(3), ' || (SELECT string_agg(format('c%s int', i), ', ') FROM generate_series(1, 32) i) || ')';
	EXECUTE 'CREATE INDEX many_31 ON many USING omenhnsw (w, ' || (SELECT string_agg('c' || i, ', ') FROM generate_series(1, 31) i) || ')';
	EXECUTE 'CREATE INDEX many_32 ON many USING omenhnsw (w, ' || (SELECT string_agg('c' || i, ', ') FROM generate_series(1, 32) i) || ')';
END
$$;
-- searches
SET omenhnsw.ef_search = 10001;
SELECT count(*) FROM omendb_recall('t_w', k => 10001);
SELECT count(*) FROM omendb_calibrate('t_w', queries => 9);
SELECT amname, pg_indexam_has_property(oid, 'can_unique') AS can_unique, pg_indexam_has_property(oid, 'can_exclude') AS can_exclude, pg_indexam_has_property(oid, 'can_include') AS can_include,
	pg_indexam_has_property(oid, 'can_order') AS can_order FROM pg_am WHERE amname = 'omenhnsw';
SELECT pg_index_has_property('t_w', 'bitmap_scan') AS bitmap_scan, pg_index_has_property('t_w', 'backward_scan') AS backward_scan, pg_index_has_property('t_w', 'clusterable') AS clusterable,
	pg_index_column_has_property('t_w', 1, 'returnable') AS returnable, pg_index_column_has_property('t_w', 1, 'distance_orderable') AS distance_orderable;
SET client_min_messages = warning;
DROP SCHEMA limits CASCADE;
