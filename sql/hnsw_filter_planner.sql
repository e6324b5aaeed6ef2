-- Which plans use conditions on filter columns, and what they answer.

SET max_parallel_workers_per_gather = 0;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE FUNCTION fp_vector(i integer) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT ARRAY[i * 7919 % 1009, i * 104729::bigint % 1013, i * 1299709::bigint % 1019, i * 15485863::bigint % 1021]::real[]::vector $$;
CREATE TABLE fp (id integer PRIMARY KEY, tenant integer, rare integer, price float8, active boolean, state text,
                 tags text[], day date, other integer, v vector(4)) WITH (autovacuum_enabled = off);
INSERT INTO fp
SELECT i, i % 20, i % 2000, i * 7 % 1000, CASE WHEN i % 25 = 0 THEN NULL ELSE i % 8 = 0 END, 's' || i % 6,
       ARRAY['a' || i % 4, 'b' || i % 200], '2026-01-01'::date + i % 300, i % 50,
       CASE WHEN i % 1000 = 500 THEN NULL ELSE fp_vector(i) END
FROM generate_series(1, 20000) i;
CREATE INDEX fp_v ON fp USING omenhnsw (v vector_l2_ops, tenant, rare, price, active, state, tags, day)
    WITH (m = 6, ef_construction = 12);
ANALYZE fp;


\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/helpers/search.sql'
\i :helpers
-- The first rows by the index, and by a sort: are they the same?  The vectors are so many that codes are compared
-- with all of them at this ef_search.
CREATE FUNCTION same(condition text, wanted integer DEFAULT 10) RETURNS text LANGUAGE plpgsql
    SET omenhnsw.ef_search = 1000 AS $$
DECLARE
    query text := format('SELECT array_agg(id ORDER BY d, id) FROM
        (SELECT id, v <-> ''[500,500,500,500]'' AS d FROM fp WHERE %s ORDER BY d LIMIT %s) s', condition, wanted);
    by_index integer[];
    by_sort integer[];
    indexed boolean;
BEGIN
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_sort = off;
    indexed := EXISTS (SELECT FROM plan_of(query) line WHERE line ~ 'Index Scan using fp_');
    EXECUTE query INTO by_index;
    SET LOCAL enable_seqscan = on;
    SET LOCAL enable_sort = on;
    SET LOCAL enable_indexscan = off;
    EXECUTE query INTO by_sort;
    RETURN CASE WHEN NOT indexed THEN 'no index' WHEN by_index IS NOT DISTINCT FROM by_sort THEN 'same' ELSE
        format('index %s sort %s', by_index, by_sort) END || ', ' || coalesce(cardinality(by_sort), 0);
END
$$;

-- no condition: as without filter columns
SELECT plan_of('SELECT id FROM fp ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp ORDER BY v <-> ''[1,2,3,4]''');

-- conditions of every selectivity: ours, with a LIMIT
SELECT plan_of('SELECT id FROM fp WHERE tenant = 7 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE rare = 7 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE rare = 7 AND tenant = 7 AND price < 500 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE price >= 10 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE price BETWEEN 5 AND 20 AND state = ''s2'' ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE 7 = tenant AND 20 > price ORDER BY ''[1,2,3,4]'' <-> v LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE tags && ''{b3}'' AND day < ''2026-03-01''::timestamptz ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE tenant IS NULL ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE rare = 7 AND v IS NOT NULL ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
-- a condition on a column that is not in the index comes after it
SELECT plan_of('SELECT id FROM fp WHERE tenant = 7 AND other > 10 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
-- without LIMIT: the few rows that match, but not many
SELECT plan_of('SELECT id FROM fp WHERE rare = 7 ORDER BY v <-> ''[1,2,3,4]''');
SELECT plan_of('SELECT id FROM fp WHERE price > 5 ORDER BY v <-> ''[1,2,3,4]''');
-- not where the settings may end a scan early
SET omenhnsw.iterative_scan = off;
SELECT plan_of('SELECT id FROM fp WHERE rare = 7 ORDER BY v <-> ''[1,2,3,4]''');
RESET omenhnsw.iterative_scan;
-- prepared, with a parameter for the condition and LIMIT
PREPARE fp_p (integer, vector, integer) AS SELECT id FROM fp WHERE rare = $1 ORDER BY v <-> $2 LIMIT $3;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE fp_p (7, '[1,2,3,4]', 10);
RESET plan_cache_mode;
DEALLOCATE fp_p;
-- no order: never
SELECT plan_of('SELECT id FROM fp WHERE tenant = 7');
SET enable_seqscan = off;
SELECT plan_of('SELECT count(*) FROM fp WHERE tenant = 7');
SELECT plan_of('SELECT id FROM fp WHERE tenant IN (7, 8) AND active');
RESET enable_seqscan;

-- forms that PostgreSQL 15 and 16 do not hand to an ordered scan
SELECT plan_of('SELECT id FROM fp WHERE tenant IN (3, 4) ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE state = ANY (''{s1,s2}'') AND tenant = 3 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE price < ANY (''{10,20}'') ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE active ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE NOT active AND rare IN (1, 2) ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE active = true ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE active = false AND rare < 5 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE active IS TRUE AND 100 > price ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE active IS FALSE AND rare = 1 ORDER BY ''[1,2,3,4]'' <-> v LIMIT 10');
PREPARE fp_p (integer[], vector) AS SELECT id FROM fp WHERE tenant = ANY ($1) ORDER BY v <-> $2 LIMIT 10;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE fp_p ('{1,2}', '[1,2,3,4]');
EXECUTE fp_p ('{}', '[1,2,3,4]');
EXECUTE fp_p (NULL, '[1,2,3,4]');
RESET plan_cache_mode;
DEALLOCATE fp_p;
-- in another order they serve nothing
SELECT plan_of('SELECT id FROM fp WHERE active AND tenant IN (1, 2) ORDER BY v <=> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE active AND tenant IN (1, 2) ORDER BY v <-> ''[1,2,3,4]'' DESC LIMIT 10');

-- forms that no version hands over
SELECT plan_of('SELECT id FROM fp WHERE tenant <> ALL (''{1,2}'') ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE active IS NOT TRUE ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE active IS UNKNOWN ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE abs(tenant) < 12 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE tenant < other ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');

-- the same rows as by a sort
SELECT condition, same(condition) FROM unnest(ARRAY[
    'true', 'tenant = 7', 'rare = 7', 'rare = 7 AND tenant = 7 AND price < 500', 'price >= 10',
    'price BETWEEN 5 AND 20 AND state = ''s2''', '7 = tenant AND 20 > price', 'tenant < 3.5', 'tenant = 7::bigint',
    'tags && ''{b3}'' AND day < ''2026-03-01''::timestamptz', 'tenant IS NULL', 'active IS NULL', 'active IS NOT NULL AND rare < 3',
    'rare = 7 AND v IS NOT NULL', 'v IS NULL AND rare = 500', 'tenant = 7 AND other > 10',
    'tenant IN (3, 4)', 'tenant IN (3, NULL)', 'tenant IN (3, 4, 3) AND tenant > 3', 'rare IN (1, 1001, 55, 77, 5000)',
    'state = ANY (''{s1,s2}'') AND tenant = 3', 'price < ANY (''{10,20}'')', 'price > ALL (''{10,20}'') AND rare = 30',
    'tenant = ANY (ARRAY(SELECT other FROM fp WHERE id < 3))', 'tenant = (SELECT 5)',
    'active', 'NOT active', 'active = true', 'active = false', 'active IS TRUE', 'active IS FALSE',
    'active AND NOT active', 'NOT active AND rare IN (1, 2)', 'active IS TRUE AND 100 > price',
    'active IS FALSE AND rare = 1', 'active <> true', 'active IN (true, false) AND rare < 9',
    'tenant <> ALL (''{1,2}'')', 'tenant NOT IN (1, 2)', 'active IS NOT TRUE', 'active IS NOT FALSE', 'active IS UNKNOWN', 'active IS NOT UNKNOWN',
    'abs(tenant) < 12', 'tenant < other', 'tenant = 3 OR rare = 4', 'tenant = 3 OR tenant = 4', 'rare = 4 OR active',
    '(tenant, rare) < (3, 4)', 'state LIKE ''s3%''', 'coalesce(active, true)', 'tags @> ''{a1,b1}''', 'state > ''s3'' AND state <> ''s5''']) condition;
SELECT same('rare IN (5, 6, 7)', 1000), same('tenant = 5 AND active IS NULL', 1000), same('v IS NULL', 1000), same('v IS NULL AND active IS NULL', 1000);

-- a btree beside it: where it leaves a few rows only
CREATE INDEX fp_rare ON fp (rare);
CREATE INDEX fp_tenant ON fp (tenant);
SELECT plan_of('SELECT id FROM fp WHERE rare = 7 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 5');
SELECT plan_of('SELECT id FROM fp WHERE id = 7 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 5');
SELECT plan_of('SELECT id FROM fp WHERE tenant = 7 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE tenant IN (7, 8) AND active ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE rare < 400 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
DROP INDEX fp_rare, fp_tenant;

-- indexes beside each other: the one that fits
CREATE INDEX fp_one ON fp USING omenhnsw (v vector_l2_ops) WITH (m = 6, ef_construction = 12);
CREATE INDEX fp_tenant_price ON fp USING omenhnsw (v vector_l2_ops, tenant, price) WITH (m = 6, ef_construction = 12);
CREATE INDEX fp_partial ON fp USING omenhnsw (v vector_l2_ops, state) WITH (m = 6, ef_construction = 12) WHERE tenant = 7;
SELECT plan_of('SELECT id FROM fp ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE other > 10 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE tenant = 6 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE tenant IN (6, 8) AND price < 30 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE tenant = 6 AND active ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE tenant = 7 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE tenant = 7 AND state IN (''s1'', ''s5'') ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT same('tenant = 7'), same('tenant = 7 AND state IN (''s1'', ''s5'')'), same('tenant = 7 AND price < 100'),
       same('tenant IN (6, 8) AND price < 30');
DROP INDEX fp_one, fp_tenant_price, fp_partial;

-- within a radius: with and without an order
SELECT plan_of('SELECT id FROM fp WHERE v <<->> sphere(''[500,500,500,500]'', 80) ORDER BY v <-> ''[500,500,500,500]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE v <<->> sphere(''[500,500,500,500]'', 20)');
SELECT plan_of('SELECT id FROM fp WHERE v <<->> sphere(''[500,500,500,500]'', 20) AND tenant = 4');
SELECT plan_of('SELECT id FROM fp WHERE v <<->> sphere(''[500,500,500,500]'', 20) AND active AND tenant IN (1, 2)');
SET omenhnsw.max_scan_tuples = 1000;
SELECT plan_of('SELECT id FROM fp WHERE v <<->> sphere(''[500,500,500,500]'', 20)');
RESET omenhnsw.max_scan_tuples;

-- nearest rows for each row of another table
CREATE TABLE fp_query (id integer PRIMARY KEY, tenant integer, tenants integer[], q vector(4));
INSERT INTO fp_query SELECT i, i, ARRAY[i, i + 1], fp_vector(i) FROM generate_series(1, 5) i;
ANALYZE fp_query;
SELECT plan_of('SELECT t.id, n.id FROM fp_query t,
    LATERAL (SELECT id FROM fp WHERE fp.tenant = t.tenant ORDER BY fp.v <-> t.q LIMIT 3) n');
SELECT plan_of('SELECT t.id, n.id FROM fp_query t
    LEFT JOIN LATERAL (SELECT id FROM fp WHERE fp.tenant = ANY (t.tenants) AND active ORDER BY fp.v <-> t.q LIMIT 3) n ON true');
SELECT plan_of('SELECT t.id, (SELECT l.id FROM fp l WHERE l.rare = t.tenant ORDER BY l.v <-> t.q LIMIT 1) FROM fp_query t');
SET omenhnsw.ef_search = 1000;
CREATE TABLE fp_lateral AS
    SELECT t.id, n.id AS nearest, n.d FROM fp_query t, LATERAL (
        SELECT id, fp.v <-> t.q AS d FROM fp WHERE fp.tenant = ANY (t.tenants) AND NOT active ORDER BY d LIMIT 3) n;
SET enable_indexscan = off;
SELECT count(*), bool_and(l.nearest = n.id) FROM fp_lateral l JOIN LATERAL (
    SELECT t.id AS t, n.id, n.d FROM fp_query t, LATERAL (
        SELECT id, fp.v <-> t.q AS d FROM fp WHERE fp.tenant = ANY (t.tenants) AND NOT active ORDER BY d LIMIT 3) n) n
    ON l.id = n.t AND l.d = n.d;
RESET enable_indexscan;
RESET omenhnsw.ef_search;
-- a join in order of distance
SELECT plan_of('SELECT fp.id, t.tenants FROM fp JOIN fp_query t ON t.id = fp.tenant WHERE fp.tenant = 3 AND fp.active
    ORDER BY fp.v <-> ''[1,2,3,4]'' LIMIT 5');
-- all pairs within a radius
SET enable_seqscan = off;
SELECT plan_of('SELECT count(*) FROM fp_query t JOIN fp ON fp.v <<->> sphere(t.q, 150) AND fp.tenant < 10');
SET omenhnsw.ef_search = 1000;
CREATE TABLE fp_pairs AS SELECT t.id AS t, fp.id FROM fp_query t JOIN fp ON fp.v <<->> sphere(t.q, 150) AND fp.tenant < 10;
RESET omenhnsw.ef_search;
RESET enable_seqscan;
SET enable_indexscan = off;
SELECT count(*) > 5 AS pairs, count(*) FILTER (WHERE p.t IS NULL OR s.t IS NULL) AS missing
FROM fp_pairs p FULL JOIN (
    SELECT t.id AS t, fp.id FROM fp_query t JOIN fp ON fp.v <-> t.q < 150 AND fp.tenant < 10) s ON s.t = p.t AND s.id = p.id;
RESET enable_indexscan;
-- a filter column as join condition alone is none of the index
SELECT plan_of('SELECT count(*) FROM fp JOIN fp_query t ON t.tenant = fp.rare');

-- partitions: each its index, merged in order
CREATE TABLE fp_part (LIKE fp) PARTITION BY RANGE (id);
CREATE TABLE fp_part_1 PARTITION OF fp_part FOR VALUES FROM (0) TO (10000);
CREATE TABLE fp_part_2 PARTITION OF fp_part FOR VALUES FROM (10000) TO (20001);
INSERT INTO fp_part SELECT * FROM fp;
CREATE INDEX fp_part_v ON fp_part USING omenhnsw (v vector_l2_ops, tenant, rare, active) WITH (m = 4, ef_construction = 8);
ANALYZE fp_part;
SELECT plan_of('SELECT id FROM fp_part WHERE tenant = 7 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp_part WHERE tenant IN (7, 8) AND active ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp_part WHERE rare = 8 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp_part WHERE id < 5000 AND rare = 8 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp_part WHERE id < 5000 AND false ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SET omenhnsw.ef_search = 1000;
CREATE TABLE fp_merged AS SELECT id FROM fp_part WHERE tenant IN (7, 8) AND active ORDER BY v <-> '[500,500,500,500]' LIMIT 10;
SELECT count(*), bool_and(id = ANY (ARRAY(
    SELECT id FROM fp WHERE tenant IN (7, 8) AND active ORDER BY (v <-> '[500,500,500,500]') + 0 LIMIT 10))) FROM fp_merged;
RESET omenhnsw.ef_search;

-- conditions that must wait for those of a policy, because what they call might tell of rows
CREATE FUNCTION fp_leaky(integer, integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 = $2; END';
CREATE ROLE regress_fp_user;
GRANT SELECT ON fp TO regress_fp_user;
CREATE POLICY fp_policy ON fp TO regress_fp_user USING (fp_leaky(tenant, 3));
ALTER TABLE fp ENABLE ROW LEVEL SECURITY;
SET ROLE regress_fp_user;
SELECT plan_of('SELECT id FROM fp WHERE tenant IN (3, 13) ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE tags && ''{a0}'' AND active ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
SELECT plan_of('SELECT id FROM fp WHERE day IN (''2026-01-05'', ''2026-01-06'') AND tags @> ''{b3}'' ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');
RESET ROLE;
ALTER TABLE fp DISABLE ROW LEVEL SECURITY;
DROP POLICY fp_policy ON fp;
REVOKE ALL ON fp FROM regress_fp_user;
DROP ROLE regress_fp_user;

-- an expression
CREATE TABLE fp_expr AS SELECT id, tenant, v::real[] AS a FROM fp;
CREATE INDEX fp_expr_v ON fp_expr USING omenhnsw ((a::vector(4)) vector_l2_ops, (tenant % 10), (id % 8 = 0))
    WITH (m = 4, ef_construction = 8);
ANALYZE fp_expr;
EXPLAIN (COSTS OFF) SELECT id FROM fp_expr WHERE tenant % 10 IN (3, 4) AND id % 8 = 0 ORDER BY a::vector(4) <-> '[1,2,3,4]' LIMIT 10;

-- a few rows: those of vectors in the TOAST table are dear to sort
CREATE TABLE fp_wide AS SELECT id, array_fill(id::real, ARRAY[600])::vector(600) AS v,
    fp_vector(id)::vector(4) AS narrow FROM generate_series(1, 1000) id;
CREATE INDEX fp_wide_v ON fp_wide USING omenhnsw (v vector_l2_ops, id) WITH (m = 4, ef_construction = 8);
CREATE INDEX fp_wide_narrow ON fp_wide USING omenhnsw (narrow vector_l2_ops, id) WITH (m = 4, ef_construction = 8);
ANALYZE fp_wide;
EXPLAIN (COSTS OFF) SELECT id FROM fp_wide ORDER BY narrow <-> '[1,2,3,4]' LIMIT 5;
PREPARE fp_p (vector) AS SELECT id FROM fp_wide WHERE id > 7 ORDER BY v <-> $1 LIMIT 5;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE fp_p (NULL);
EXECUTE fp_p (array_fill(3::real, ARRAY[600])::vector);
RESET plan_cache_mode;
DEALLOCATE fp_p;

-- the first query of a session: the planner loads the library before it makes paths
\c -
EXPLAIN (COSTS OFF) SELECT id FROM fp WHERE active AND tenant IN (3, 8) ORDER BY v <-> '[1,2,3,4]' LIMIT 10;

-- the child of a table
CREATE TABLE fp_child () INHERITS (fp);
INSERT INTO fp_child SELECT * FROM fp WHERE id <= 5000;
CREATE INDEX fp_child_v ON fp_child USING omenhnsw (v vector_l2_ops, tenant, active) WITH (m = 4, ef_construction = 8);
ANALYZE fp_child;
EXPLAIN (COSTS OFF) SELECT id FROM fp WHERE tenant IN (7, 8) AND active ORDER BY v <-> '[1,2,3,4]' LIMIT 10;

DROP TABLE fp_child, fp, fp_query, fp_lateral, fp_pairs, fp_part, fp_merged, fp_expr, fp_wide;
DROP FUNCTION fp_vector(integer), same(text, integer), fp_leaky(integer, integer);
