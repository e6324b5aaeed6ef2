-- neighbor_codes = on: which indexes may have it, and that searches find the same rows.

\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/helpers/search.sql'
\i :helpers

-- what is allowed
CREATE TABLE nc_types (v vector(20), h halfvec(20), b bit(64), s sparsevec(50), wide vector(16000));
CREATE INDEX nc_i ON nc_types USING omenhnsw (v) WITH (neighbor_codes = on, quantizer = pq);
CREATE INDEX nc_i ON nc_types USING omenhnsw (v) WITH (neighbor_codes = on, quantizer = none);
CREATE INDEX nc_i ON nc_types USING omenhnsw (v) WITH (neighbor_codes = on, bits = 1);
CREATE INDEX nc_i ON nc_types USING omenhnsw (v vector_l1_ops) WITH (neighbor_codes = on);
CREATE INDEX nc_i ON nc_types USING omenhnsw (b bit_hamming_ops) WITH (neighbor_codes = on);
CREATE INDEX nc_i ON nc_types USING omenhnsw (s sparsevec_l2_ops) WITH (neighbor_codes = on);
CREATE INDEX nc_i ON nc_types USING omenhnsw (wide vector_l2_ops) WITH (neighbor_codes = on, bits = 4);
CREATE INDEX nc_i ON nc_types USING omenhnsw (v) WITH (neighbor_codes = on, m = 100, ef_construction = 200);
ALTER INDEX nc_i SET (neighbor_codes = off);
DROP TABLE nc_types;

-- grown, deleted from, vacuumed: the nearest ten of 50 rows, beside those without the index
CREATE TABLE nc (id integer, t integer, v vector(40));
CREATE FUNCTION nc_fill(first integer, last integer) RETURNS void LANGUAGE sql AS $$
	INSERT INTO nc SELECT i, i % 10, (SELECT array_agg(sin(i * 0.37 * j) + cos(i * 1.13 + j * j)) FROM generate_series(1, 40) j)::vector
	FROM generate_series(first, last) i
$$;
CREATE FUNCTION nc_recall(operator text, extra text DEFAULT '') RETURNS text LANGUAGE sql AS $$
	WITH queries AS MATERIALIZED (SELECT v FROM nc ORDER BY id LIMIT 50),
	found AS (SELECT sum(hits(format('SELECT id FROM nc WHERE true %s ORDER BY v %s %L LIMIT 10', extra, operator, v))) AS n FROM queries)
	SELECT CASE WHEN n >= 475 THEN 'at least .95' ELSE format('%s of 500', n) END FROM found
$$;
SELECT nc_fill(1, 1500);
CREATE INDEX nc_l2 ON nc USING omenhnsw (v) WITH (neighbor_codes = on);
SELECT nc_recall('<->');
SELECT nc_fill(1501, 3000);
SELECT nc_recall('<->');
SELECT nodes, stale_links, unreachable FROM omendb_index_check('nc_l2');
DELETE FROM nc WHERE id % 3 = 0;
VACUUM nc;
SELECT nc_recall('<->');
SELECT nodes, stale_links, unreachable FROM omendb_index_check('nc_l2');
SELECT nc_fill(3001, 4000);
SELECT nc_recall('<->');
-- all rows, in order
BEGIN;
SET LOCAL enable_seqscan = off;
SELECT count(*), count(DISTINCT id), bool_and(d >= before) FROM (
	SELECT id, d, lag(d, 1, 0::double precision) OVER () AS before FROM (
		SELECT id, v <-> (SELECT v FROM nc WHERE id = 1) AS d FROM nc ORDER BY v <-> (SELECT v FROM nc WHERE id = 1) LIMIT 1000) a) b;
COMMIT;
REINDEX INDEX nc_l2;
SELECT nc_recall('<->');
SELECT nodes, stale_links, unreachable FROM omendb_index_check('nc_l2');
DROP INDEX nc_l2;

-- grown from nothing, which trains the quantizer on the way
TRUNCATE nc;
CREATE INDEX nc_cos ON nc USING omenhnsw (v vector_cosine_ops) WITH (neighbor_codes = on);
SELECT nc_fill(1, 2000);
SELECT nc_recall('<=>');
VACUUM nc;
SELECT nc_recall('<=>');
SELECT nodes, stale_links, unreachable FROM omendb_index_check('nc_cos');
DROP INDEX nc_cos;

-- inner product, other bits, halfvec, filter columns
CREATE INDEX nc_ip ON nc USING omenhnsw (v vector_ip_ops) WITH (neighbor_codes = on, bits = 4);
SELECT nc_recall('<#>');
DROP INDEX nc_ip;
CREATE INDEX nc_filter ON nc USING omenhnsw (v, t) WITH (neighbor_codes = on);
SELECT nc_recall('<->'), nc_recall('<->', 'AND t < 5'), nc_recall('<->', 'AND t = 3');
SELECT nodes, stale_links, unreachable FROM omendb_index_check('nc_filter');
DROP INDEX nc_filter;
ALTER TABLE nc ALTER v TYPE halfvec(40);
\c -
CREATE INDEX nc_half ON nc USING omenhnsw (v halfvec_l2_ops) WITH (neighbor_codes = on);
SELECT nc_recall('<->');
SELECT nodes, stale_links, unreachable FROM omendb_index_check('nc_half');
DROP TABLE nc;
DROP FUNCTION nc_fill, nc_recall;
