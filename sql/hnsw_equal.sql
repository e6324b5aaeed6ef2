-- one node of very many rows: read in pieces, ranked exactly, each row once

\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/helpers/search.sql'
\i :helpers
CREATE FUNCTION eq_row(i integer) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg((sin(i * d * 0.37) * 5)::real ORDER BY d)::vector FROM generate_series(1, 64) d
$$;

-- half of the rows before the index, half later; LIMIT 10 reads little, and all rows come once
CREATE FUNCTION eq_test(options text) RETURNS TABLE (mode text, at text, afar text, rows bigint, ids bigint, nodes bigint)
LANGUAGE plpgsql AS $$
DECLARE
	query text := 'SELECT id FROM eq ORDER BY v <-> %L LIMIT %s';
BEGIN
	DROP TABLE IF EXISTS eq;
	CREATE TABLE eq (id serial, v vector(64)) WITH (autovacuum_enabled = off);
	INSERT INTO eq (v) SELECT eq_row(i) FROM generate_series(1, 1200) i;
	INSERT INTO eq (v) SELECT eq_row(7) FROM generate_series(1, 10000) i;
	EXECUTE format('CREATE INDEX eq_i ON eq USING omenhnsw (v) WITH (%s)', options);
	INSERT INTO eq (v) SELECT eq_row(7) FROM generate_series(1, 10000) i;
	mode := options;
	at := CASE WHEN pages_read(format(query, eq_row(7), 10)) < 1500 THEN 'few' ELSE 'many' END;
	afar := CASE WHEN pages_read(format(query, (SELECT array_agg(x * 2) FROM unnest(eq_row(7)::real[]) x)::vector, 10)) < 1500
		THEN 'few' ELSE 'many' END;
	EXECUTE format('SELECT count(*), count(DISTINCT id) FROM (%s) s', format(query, eq_row(8), 100000)) INTO rows, ids;
	SELECT c.nodes INTO nodes FROM omendb_index_check('eq_i', true) c;
	RETURN NEXT;
END
$$;
SET enable_seqscan = off;
SET enable_sort = off;
SET client_min_messages = warning;
SELECT t.* FROM unnest('{bits = 4,quantizer = none,rerank = off,"rerank = index"}'::text[]) o(options), eq_test(options) t;

-- max_scan_tuples bounds it
SET omenhnsw.max_scan_tuples = 3000;
SELECT count(*) BETWEEN 1000 AND 4000 AS bounded FROM (SELECT id FROM eq ORDER BY v <-> eq_row(7)) s;
RESET omenhnsw.max_scan_tuples;
-- without an order
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM eq ORDER BY v <-> NULL) s;

-- rows that are deleted, then vacuumed; new ones in their places
DELETE FROM eq WHERE id % 11 > 0 AND id > 1200;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM eq ORDER BY v <-> eq_row(8)) s;
VACUUM eq;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM eq ORDER BY v <-> eq_row(8)) s;
INSERT INTO eq (v) SELECT eq_row(7) FROM generate_series(1, 5000) i;
UPDATE eq SET id = id + 100000 WHERE id % 2 = 0;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM eq ORDER BY v <-> eq_row(8)) s;
SELECT nodes, dead_nodes, heap_rows FROM omendb_index_check('eq_i', true);
DELETE FROM eq WHERE v = eq_row(7);
VACUUM eq;
SELECT nodes, dead_nodes, postings, heap_rows FROM omendb_index_check('eq_i', true);

-- rows that share a code and differ are ranked by their vectors, whatever is equal before and behind them
CREATE TABLE eq_near (id serial, v vector(64));
INSERT INTO eq_near (v) SELECT eq_row(i + 100) FROM generate_series(1, 50) i;
INSERT INTO eq_near (v) SELECT ('[' || repeat('1,', 63) || 1 + (i % 11) * 1.2e-7 || ']')::vector FROM generate_series(1, 400) i;
CREATE INDEX eq_near_i ON eq_near USING omenhnsw (v) WITH (bits = 1, rerank = heap);
INSERT INTO eq_near (v) SELECT ('[' || repeat('1,', 63) || 1.0000012 || ']')::vector FROM generate_series(1, 1000) i;
SELECT nodes < (SELECT count(DISTINCT v) FROM eq_near) AS shared, heap_rows FROM omendb_index_check('eq_near_i', true);
CREATE FUNCTION eq_near(wanted integer, k integer) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	q vector := ('[' || repeat('1,', 63) || 1 + wanted * 1.2e-7 || ']')::vector;
	exact float8[];
	found float8[];
BEGIN
	SET LOCAL enable_indexscan = off;
	exact := (SELECT array_agg(d) FROM (SELECT v <-> q AS d FROM eq_near ORDER BY v <-> q LIMIT k) s);
	SET LOCAL enable_indexscan = on;
	found := (SELECT array_agg(d) FROM (SELECT v <-> q AS d FROM eq_near ORDER BY v <-> q LIMIT k) s);
	RETURN exact = found;
END
$$;
SET enable_sort = on;
SELECT wanted, k, eq_near(wanted, k) FROM unnest('{0,4,10,15,100}'::integer[]) wanted, unnest('{1,10,300,1450}'::integer[]) k;
-- grown under inner product, where other vectors are nearer to a vector than its own copies
CREATE FUNCTION eq_random(i bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
	SELECT (hashint8extended(i, 1) % 1000000)::float8 / 1000000 $$;
CREATE TABLE eq_ip (id serial, v vector(24));
CREATE INDEX eq_ip_i ON eq_ip USING omenhnsw (v vector_ip_ops);
INSERT INTO eq_ip (v) SELECT v FROM generate_series(1, 2) copy, (SELECT n, array_agg((exp(1.5 * eq_random(n)) * eq_random(n * 100 + d))::real ORDER BY d)::vector(24) AS v
	FROM generate_series(1, 1500) n, generate_series(1, 24) d GROUP BY n) s ORDER BY copy, n;
SELECT nodes < 1800 AS shared, heap_rows FROM omendb_index_check('eq_ip_i', true);
DROP TABLE eq, eq_near, eq_ip;
DROP FUNCTION eq_row, eq_test, eq_near, eq_random;
