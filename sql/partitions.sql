-- partitions by hash, by tenant and by time, an index each: order, pruning, limits, moving in and out
SET client_min_messages = warning;
\getenv srcdir PG_ABS_SRCDIR
\i :srcdir/sql/helpers/search.sql
\set q '\'[1,2,3,4,5,6]\''
CREATE TABLE part_hash (id int, tenant int, made date, v vector(6)) PARTITION BY HASH (id);
CREATE TABLE part_list (LIKE part_hash) PARTITION BY LIST (tenant);
CREATE TABLE part_range (LIKE part_hash) PARTITION BY RANGE (made);
SELECT format('CREATE TABLE part_hash_%1$s PARTITION OF part_hash FOR VALUES WITH (MODULUS 4, REMAINDER %1$s);'
    'CREATE TABLE part_list_%1$s PARTITION OF part_list FOR VALUES IN (%1$s);'
    'CREATE TABLE part_range_%1$s PARTITION OF part_range FOR VALUES FROM (%2$L) TO (%3$L)',
    i, '2026-01-01'::date + 100 * i, '2026-01-01'::date + 100 * (i + 1)) FROM generate_series(0, 3) i \gexec
CREATE TABLE part_list_rest PARTITION OF part_list DEFAULT;
CREATE INDEX part_hash_v ON part_hash USING omenhnsw (v);
CREATE INDEX part_list_v ON part_list USING omenhnsw (v);
CREATE INDEX part_range_v ON part_range USING omenhnsw (v, made);
INSERT INTO part_hash SELECT i, i % 6, '2026-01-01'::date + i % 400, clustered_row(i, 6) FROM generate_series(1, 1500) i;
INSERT INTO part_list SELECT * FROM part_hash;
INSERT INTO part_range SELECT * FROM part_hash;
ANALYZE part_hash, part_list, part_range;

-- what an index of each partition finds, in order, is what a sort of all rows gives
CREATE FUNCTION part_same(query text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN returned(query, true) = returned(query, false) THEN 'the same ' || cardinality(returned(query, true))
        ELSE 'index ' || returned(query, true)::text || ', sort ' || returned(query, false)::text END
$$;
-- how many rows the scans of all partitions return, and how many scans are run
CREATE FUNCTION part_rows(query text, OUT returned bigint, OUT scans bigint) LANGUAGE plpgsql SET enable_seqscan = off SET enable_sort = off AS $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) ' || query INTO plan;
    SELECT sum((n ->> 'Actual Rows')::numeric), count(*) FILTER (WHERE (n ->> 'Actual Loops')::numeric > 0) INTO returned, scans
        FROM jsonb_path_query(plan, 'strict $.** ? (@."Node Type" starts with "Index")') n;
END
$$;
SET enable_seqscan = off;
SET enable_sort = off;
SELECT plan_of($$SELECT id FROM part_hash ORDER BY v <-> '[1,2,3,4,5,6]' LIMIT 10$$);
SELECT plan_of($$SELECT id FROM part_list WHERE tenant IN (1, 5) ORDER BY v <-> '[1,2,3,4,5,6]' LIMIT 10$$);
SELECT plan_of($$SELECT id FROM part_range WHERE made >= '2026-10-01' ORDER BY v <-> '[1,2,3,4,5,6]' LIMIT 10$$);
-- of one partition there is nothing to merge
SELECT plan_of($$SELECT id FROM part_list WHERE tenant = 2 ORDER BY v <-> '[1,2,3,4,5,6]' LIMIT 10$$);
RESET enable_seqscan;
RESET enable_sort;
SELECT t, part_same(format('SELECT v <-> %1$L FROM %2$s ORDER BY v <-> %1$L LIMIT 30', :q, t)) AS ordered,
    part_same(format('SELECT v <-> %1$L FROM %2$s WHERE tenant = 3 ORDER BY v <-> %1$L LIMIT 30', :q, t)) AS tenant,
    part_same(format('SELECT v <-> %1$L FROM %2$s WHERE made > ''2026-09-01'' ORDER BY v <-> %1$L LIMIT 30', :q, t)) AS recent,
    part_same(format('SELECT v <-> %1$L FROM %2$s WHERE v <-> %1$L < 12 ORDER BY v <-> %1$L', :q, t)) AS within,
    part_same(format('SELECT v <-> %1$L FROM %2$s ORDER BY 1 - (v <-> %1$L) DESC LIMIT 30 OFFSET 15', :q, t)) AS descending
    FROM unnest(ARRAY['part_hash', 'part_list', 'part_range']) t ORDER BY 1;
-- partitions return what the merge takes: ten rows, and one more of each
SELECT * FROM part_rows($$SELECT id FROM part_hash ORDER BY v <-> '[1,2,3,4,5,6]' LIMIT 10$$);

-- a search for what comes from a row outside of the subquery, and one by a function that no worker may call: neither is a
-- parallel worker's, which would take an index of each partition and have nothing to search for
CREATE TABLE part_text (id int, t text) PARTITION BY HASH (id);
CREATE TABLE part_text_0 PARTITION OF part_text FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE part_text_1 PARTITION OF part_text FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE INDEX part_text_t ON part_text USING omenbm25 (t);
INSERT INTO part_text SELECT i, 'word' || i % 7 || repeat(' other', i % 50) FROM generate_series(1, 1500) i;
ANALYZE part_text;
-- a temporary table is scanned by the leader
CREATE TEMP TABLE part_few AS SELECT id, v FROM part_hash_0 WHERE id < 10;
CREATE FUNCTION part_restricted() RETURNS vector LANGUAGE sql STABLE PARALLEL RESTRICTED SET work_mem = '4MB' AS $$SELECT '[1,2,3,4,5,6]'::vector$$;
CREATE FUNCTION part_outer(query text) RETURNS TABLE (plan text) LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off
    SET parallel_leader_participation = off SET parallel_setup_cost = 0 SET parallel_tuple_cost = 0 SET min_parallel_table_scan_size = 0 AS $$
DECLARE
    found text[];
    exact text[];
BEGIN
    RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query;
    EXECUTE 'SELECT array_agg(s::text) FROM (' || query || ') s' INTO found;
    SET LOCAL enable_indexscan = off;
    EXECUTE 'SELECT array_agg(s::text) FROM (' || query || ') s' INTO exact;
    SET LOCAL enable_indexscan = on;
    RETURN QUERY SELECT CASE WHEN found = exact THEN 'the same' ELSE format('index %s, sort %s', found, exact) END;
END
$$;
SELECT line FROM part_outer($$SELECT id, ARRAY(SELECT t.id FROM part_range t WHERE t.made IN ('2026-02-01', '2026-05-01', '2026-09-01') ORDER BY t.v <-> s.v)
    FROM part_few s$$) line WHERE line NOT LIKE '%Disabled: true%';
SELECT line FROM part_outer($$SELECT id, (SELECT sum(u.id) FROM (SELECT t.id FROM part_text t WHERE t.t @@@ 'word1' ORDER BY t.t <@> bm25query('other' || s.id)) u)
    FROM part_few s$$) line WHERE line NOT LIKE '%Disabled: true%';
SELECT line FROM part_outer($$SELECT id FROM part_range t WHERE t.made IN ('2026-02-01', '2026-05-01', '2026-09-01') ORDER BY t.v <-> part_restricted()$$) line
    WHERE line NOT LIKE '%Disabled: true%';
DROP TABLE part_text, part_few;

-- pruned when the statement is run: by parameters, and by what a subquery returns
SET enable_seqscan = off;
SET enable_sort = off;
SET plan_cache_mode = force_generic_plan;
PREPARE part_search(int, vector) AS SELECT id FROM part_list WHERE tenant = $1 ORDER BY v <-> $2 LIMIT 10;
SELECT line FROM plan_of($$EXECUTE part_search(2, '[1,2,3,4,5,6]')$$) line;
EXECUTE part_search(2, '[1,2,3,4,5,6]');
SELECT id FROM part_hash WHERE tenant = 2 ORDER BY v <-> '[1,2,3,4,5,6]' LIMIT 10;
RESET plan_cache_mode;
SELECT * FROM part_rows($$SELECT id FROM part_list WHERE tenant = (SELECT 2) ORDER BY v <-> '[1,2,3,4,5,6]' LIMIT 10$$);
RESET enable_seqscan;
RESET enable_sort;

-- one index after the other, none of which blocks writes; the parent's is valid when it has all
DROP INDEX part_hash_v;
CREATE INDEX part_hash_v ON ONLY part_hash USING omenhnsw (v vector_cosine_ops) WITH (m = 8);
SELECT format('CREATE INDEX CONCURRENTLY part_hash_v_%1$s ON part_hash_%1$s USING omenhnsw (v vector_cosine_ops) WITH (m = 8)', i) FROM generate_series(0, 3) i \gexec
SELECT format('ALTER INDEX part_hash_v ATTACH PARTITION part_hash_v_%s', i) FROM generate_series(0, 2) i \gexec
SELECT indisvalid FROM pg_index WHERE indexrelid = 'part_hash_v'::regclass;
-- another operator class is another index
CREATE INDEX part_other ON part_hash_3 USING omenhnsw (v vector_l2_ops);
ALTER INDEX part_hash_v ATTACH PARTITION part_other;
DROP INDEX part_other;
ALTER INDEX part_hash_v ATTACH PARTITION part_hash_v_3;
SELECT indisvalid FROM pg_index WHERE indexrelid = 'part_hash_v'::regclass;
SELECT part_same(format('SELECT v <=> %1$L FROM part_hash ORDER BY v <=> %1$L LIMIT 30', :q)) AS cosine;
-- a new partition gets its index with the parent's parameters
CREATE INDEX part_range_m ON part_range USING omenhnsw (v, tenant) WITH (m = 12, bits = 2);
CREATE TABLE part_range_4 PARTITION OF part_range FOR VALUES FROM ('2027-02-05') TO ('2027-05-16');
SELECT relname, reloptions FROM pg_class JOIN pg_index ON indexrelid = oid WHERE indrelid = 'part_range_4'::regclass ORDER BY 1;
-- each index has its own, and is rebuilt by itself
ALTER INDEX part_hash_v_0 SET (ef_search = 80);
REINDEX INDEX CONCURRENTLY part_hash_v_0;
SELECT relname, reloptions FROM pg_class WHERE relname ~ '^part_hash_v_' ORDER BY 1;
DROP INDEX part_range_m;

-- a table comes with its index, which is taken as it is, and goes with it
CREATE TABLE part_range_5 (LIKE part_range);
INSERT INTO part_range_5 SELECT id + 10000, tenant, made + 500, v FROM part_range_0;
CREATE INDEX part_range_5_v ON part_range_5 USING omenhnsw (v, made);
ALTER TABLE part_range_5 ADD CHECK (made >= '2027-05-16' AND made < '2027-08-24');
SELECT pg_relation_filenode('part_range_5_v') AS before \gset
ALTER TABLE part_range ATTACH PARTITION part_range_5 FOR VALUES FROM ('2027-05-16') TO ('2027-08-24');
SELECT pg_relation_filenode('part_range_5_v') = :before AS taken, inhparent::regclass FROM pg_inherits WHERE inhrelid = 'part_range_5_v'::regclass;
SELECT part_same(format('SELECT v <-> %1$L FROM part_range ORDER BY v <-> %1$L LIMIT 30', :q)) AS attached;
SELECT count(*) FROM (SELECT id FROM part_range ORDER BY v <-> :q LIMIT 30) s WHERE id > 10000;
ALTER TABLE part_range DETACH PARTITION part_range_5 CONCURRENTLY;
SELECT count(*) FROM (SELECT id FROM part_range ORDER BY v <-> :q LIMIT 30) s WHERE id > 10000;
SELECT part_same(format('SELECT v <-> %1$L FROM part_range_5 ORDER BY v <-> %1$L LIMIT 30', :q)) AS by_itself;
ALTER TABLE part_range ATTACH PARTITION part_range_5 FOR VALUES FROM ('2027-05-16') TO ('2027-08-24');
ALTER TABLE part_range DETACH PARTITION part_range_5;
DROP TABLE part_range_5;

-- a tenant moves: by its key, and out of the default partition into one of its own
UPDATE part_list SET tenant = 3 WHERE tenant = 1;
SELECT tableoid::regclass, tenant, count(*) FROM part_list GROUP BY 1, 2 ORDER BY 1, 2;
BEGIN;
ALTER TABLE part_list DETACH PARTITION part_list_rest;
CREATE TABLE part_list_5 PARTITION OF part_list FOR VALUES IN (5);
WITH moved AS (DELETE FROM part_list_rest WHERE tenant = 5 RETURNING *) INSERT INTO part_list SELECT * FROM moved;
ALTER TABLE part_list ATTACH PARTITION part_list_rest DEFAULT;
COMMIT;
SELECT tableoid::regclass, tenant, count(*) FROM part_list GROUP BY 1, 2 ORDER BY 1, 2;
CREATE FUNCTION part_checked() RETURNS TABLE (indexes bigint, tids numeric) LANGUAGE sql AS $$
    SELECT count(*), sum(c.tids) FROM pg_class i JOIN pg_index x ON x.indexrelid = i.oid, omendb_index_check(i.oid, true) c
        WHERE i.relkind = 'i' AND x.indrelid::regclass::text LIKE 'part\_%'
$$;
SELECT part_same(format('SELECT v <-> %1$L FROM part_list WHERE tenant = %2$s ORDER BY v <-> %1$L LIMIT 30', :q, n)) AS moved FROM unnest(ARRAY[1, 3, 5]) n;
SELECT * FROM part_checked();
VACUUM part_list;
SELECT * FROM part_checked();
SELECT part_same(format('SELECT v <-> %1$L FROM part_list ORDER BY v <-> %1$L LIMIT 30', :q)) AS moved;

-- partitions of partitions, and the tenant as filter column of shared ones
CREATE TABLE part_sub PARTITION OF part_list FOR VALUES IN (7, 8, 9) PARTITION BY HASH (id);
CREATE TABLE part_sub_0 PARTITION OF part_sub FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE part_sub_1 PARTITION OF part_sub FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE INDEX ON part_sub USING omenhnsw (v, tenant);
INSERT INTO part_list SELECT id + 20000, 7 + id % 3, made, v FROM part_hash;
SELECT part_same(format('SELECT v <-> %L FROM part_list WHERE tenant = 8 ORDER BY v <-> %1$L LIMIT 30', :q)) AS sub;
SELECT * FROM part_checked();
DROP TABLE part_hash, part_list, part_range;
DROP FUNCTION part_same, part_rows, part_checked, part_outer, part_restricted;
