-- Search, insert, delete and vacuum through an omenhnsw index: what a sort would return.
--
-- The rotation of the codes is random, so that rows of nearly equal distance may come late.
-- Where the answer is approximate, near() allows for that; where it is not, same() does not.

SET max_parallel_workers_per_gather = 0;
SET jit = off;

\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/helpers/search.sql'
\i :helpers
-- The results of a query by the index and by a sort, its rows as text.
CREATE FUNCTION both_ways(query text, ef integer, OUT by_index text[], OUT by_sort text[]) LANGUAGE plpgsql AS $$
DECLARE
BEGIN
    PERFORM set_config('omenhnsw.ef_search', ef::text, true), set_config('enable_seqscan', 'off', true),
            set_config('enable_sort', 'off', true);
    IF NOT EXISTS (SELECT FROM plan_of(query) line WHERE line LIKE '%Order By:%') THEN
        RAISE 'not by the index: %', query;
    END IF;
    EXECUTE 'SELECT coalesce(array_agg(rtrim(ltrim(r::text, ''(''), '')'')), ''{}'') FROM (' || query || ') r' INTO by_index;
    PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true),
            set_config('enable_indexscan', 'off', true);
    EXECUTE 'SELECT coalesce(array_agg(rtrim(ltrim(r::text, ''(''), '')'')), ''{}'') FROM (' || query || ') r' INTO by_sort;
    PERFORM set_config('enable_indexscan', 'on', true);
END
$$;

-- The result, if it is the same both ways.
CREATE FUNCTION same(query text, ef integer DEFAULT 1000) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r record;
BEGIN
    r := both_ways(query, ef);
    IF r.by_index <> r.by_sort THEN
        RETURN format('index %s, sort %s', r.by_index, r.by_sort);
    END IF;
    RETURN 'same: ' || coalesce(nullif(array_to_string(array_replace(r.by_index, '', 'NULL'), ' '), ''), 'no rows');
END
$$;

-- For a query of distances: as many rows, in order but for a few at the very end, without a
-- LIMIT the same rows, with one nearly so.
CREATE FUNCTION near(query text, ef integer DEFAULT 1000) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r record;
    n integer;
    late integer;
    missed integer;
    -- without a distance: after NaN, as NULL is
    by_index float8[];
    by_sort float8[];
BEGIN
    r := both_ways(query, ef);
    by_index := array_replace(r.by_index, '', NULL)::float8[];
    by_sort := array_replace(r.by_sort, '', NULL)::float8[];
    n := cardinality(by_sort);
    IF cardinality(by_index) <> n THEN
        RETURN format('%s rows by the index, %s by a sort', cardinality(by_index), n);
    END IF;
    -- rows nearer than one before them; NULL sorts as the farthest
    SELECT count(*) INTO late FROM
        (SELECT coalesce(d, 'NaN') AS d, max(coalesce(d, 'NaN')) OVER (ORDER BY i) AS farthest
         FROM unnest(by_index) WITH ORDINALITY u (d, i)) s WHERE d < farthest;
    IF late > 1 + n / 10 THEN
        RETURN format('%s rows of %s out of order: %s', late, n, by_index);
    END IF;
    SELECT count(*) INTO missed FROM (SELECT unnest(by_sort) EXCEPT ALL SELECT unnest(by_index)) s;
    IF missed > (CASE WHEN query LIKE '%LIMIT%' THEN 1 + n / 10 ELSE 0 END) THEN
        RETURN format('%s rows of %s are others: index %s, sort %s', missed, n, by_index, by_sort);
    END IF;
    RETURN n || ' rows';
END
$$;

-- an empty table, then rows one by one
CREATE TABLE basic (id integer PRIMARY KEY, v vector(3), tag integer);
CREATE INDEX basic_l2 ON basic USING omenhnsw (v vector_l2_ops);
CREATE INDEX basic_ip ON basic USING omenhnsw (v vector_ip_ops);
CREATE INDEX basic_cos ON basic USING omenhnsw (v vector_cosine_ops);
SELECT same('SELECT id FROM basic ORDER BY v <-> ''[1,2,3]''');
INSERT INTO basic VALUES (0, '[1,2,3]', 0);
SELECT same('SELECT id FROM basic ORDER BY v <-> ''[1,2,3]''');
SELECT same('SELECT id FROM basic ORDER BY v <#> ''[1,2,3]'' LIMIT 1');
SELECT same('SELECT id FROM basic ORDER BY v <=> ''[1,2,3]'' LIMIT 1');
INSERT INTO basic SELECT i, ARRAY[i * 7 % 97, i * 13 % 101, i * 29 % 103]::vector, i % 10 FROM generate_series(1, 300) i;
SELECT near('SELECT v <-> ''[1,2,3]'' AS d FROM basic ORDER BY d LIMIT 10');
SELECT near('SELECT v <-> ''[50,50,50]'' AS d FROM basic ORDER BY d LIMIT 100');
SELECT near('SELECT v <#> ''[1,2,3]'' AS d FROM basic ORDER BY d LIMIT 10');
SELECT near('SELECT v <=> ''[3,2,1]'' AS d FROM basic ORDER BY d LIMIT 10');
SELECT near('SELECT v <=> ''[-3,2,-1]'' AS d FROM basic ORDER BY d LIMIT 10 OFFSET 7');

SELECT i, heap_rows FROM unnest('{basic_l2,basic_ip,basic_cos}'::regclass[]) i, omendb_index_check(i, true);

-- every row, whatever ef_search: a scan goes on to the last
SELECT same('SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM basic ORDER BY v <-> ''[1,2,3]'' OFFSET 0) s', 1);
SELECT same('SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM basic ORDER BY v <#> ''[1,2,3]'' OFFSET 0) s', 5);
SELECT same('SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM basic ORDER BY v <=> ''[1,2,3]'' OFFSET 0) s', 40);
SELECT near('SELECT v <-> ''[50,50,50]'' AS d FROM basic ORDER BY d');
SELECT near('SELECT v <#> ''[50,50,50]'' AS d FROM basic ORDER BY d');
SELECT near('SELECT v <=> ''[50,50,50]'' AS d FROM basic ORDER BY d');

-- distances of 0 and duplicates, each row by itself
INSERT INTO basic SELECT 1000 + i, '[1,2,3]', 77 FROM generate_series(1, 20) i;
SELECT near('SELECT v <-> ''[1,2,3]'' AS d FROM basic ORDER BY d LIMIT 25');
SELECT same('SELECT count(DISTINCT id) FROM (SELECT id FROM basic ORDER BY v <-> ''[1,2,3]'' LIMIT 21) s');

-- NULL comes last; under cosine a vector of zeros comes before that, as NaN
INSERT INTO basic VALUES (2001, NULL, 1), (2002, '[0,0,0]', 1), (2003, NULL, 2), (2004, '[0,0,0]', 2);
SELECT near('SELECT v <-> ''[1,2,3]'' AS d FROM basic ORDER BY d');
SELECT near('SELECT v <#> ''[1,2,3]'' AS d FROM basic ORDER BY d');
SELECT near('SELECT v <=> ''[1,2,3]'' AS d FROM basic ORDER BY d');
CREATE TABLE ends (v vector(2));
CREATE INDEX ends_cos ON ends USING omenhnsw (v vector_cosine_ops);
INSERT INTO ends VALUES (NULL), ('[0,0]'), ('[-1,0]'), ('[3,0]'), ('[0,2]'), (NULL), ('[0,0]');
SELECT same('SELECT v <=> ''[1,0]'' AS d FROM ends ORDER BY d');
SELECT same('SELECT v <=> ''[1,0]'' AS d FROM ends ORDER BY d LIMIT 4 OFFSET 2', 1);
DROP TABLE ends;
SELECT same('SELECT count(*) FROM (SELECT id FROM basic WHERE v IS NULL ORDER BY v <-> ''[1,2,3]'' OFFSET 0) s');
SELECT same('SELECT count(*) FROM (SELECT id FROM basic WHERE v IS NOT NULL ORDER BY v <=> ''[1,2,3]'' OFFSET 0) s');

SELECT i, heap_rows FROM unnest('{basic_l2,basic_ip,basic_cos}'::regclass[]) i, omendb_index_check(i, true);

-- a query without a direction, or NULL: every row, in any order
SELECT same('SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM basic ORDER BY v <=> ''[0,0,0]'' OFFSET 0) s');
PREPARE by_vector (vector) AS SELECT count(*), sum(id) FROM (SELECT id FROM basic ORDER BY v <-> $1 OFFSET 0) s;
SET enable_seqscan = off;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE by_vector (NULL);
EXECUTE by_vector (NULL);
EXECUTE by_vector ('[1,2,3]');
EXECUTE by_vector (NULL);
DEALLOCATE by_vector;

-- prepared: another query vector and LIMIT each time; few rows far apart, exact therefore
CREATE TABLE line (id integer PRIMARY KEY, v vector(3));
INSERT INTO line SELECT i, ARRAY[i * 10, 0, 0]::vector FROM generate_series(1, 8) i;
CREATE INDEX line_v ON line USING omenhnsw (v);
PREPARE nearest (vector, integer) AS SELECT id, v FROM line ORDER BY v <-> $1 LIMIT $2;
EXPLAIN (COSTS OFF) EXECUTE nearest ('[1,2,3]', 2);
EXECUTE nearest ('[0,0,0]', 2);
EXECUTE nearest ('[52,0,0]', 3);
EXECUTE nearest ('[1000,0,0]', 9);
EXECUTE nearest ('[90,10,10]', 0);
RESET plan_cache_mode;
DEALLOCATE nearest;

-- another number of dimensions is the operator's error, with the index or without
SELECT id FROM basic ORDER BY v <-> '[1,2]' LIMIT 1;
SET enable_indexscan = off;
SELECT id FROM basic ORDER BY v <-> '[1,2]' LIMIT 1;
RESET enable_indexscan;
RESET enable_seqscan;
INSERT INTO basic VALUES (3000, '[1,2]', 0);

-- conditions
SELECT near('SELECT v <-> ''[1,2,3]'' AS d FROM basic WHERE tag = 3 ORDER BY d LIMIT 5', 10);
SELECT same('SELECT count(*) FROM (SELECT id FROM basic WHERE tag = 77 ORDER BY v <-> ''[90,90,90]'' LIMIT 30) s', 1);
SELECT same('SELECT id FROM basic WHERE tag = -1 ORDER BY v <-> ''[90,90,90]'' LIMIT 30', 1);
SELECT near('SELECT v <-> ''[90,90,90]'' AS d FROM basic WHERE v <-> ''[90,90,90]'' < 25 ORDER BY d');

-- delete, before and after vacuum; rows put in the place of others
DELETE FROM basic WHERE id BETWEEN 1 AND 100;
SELECT near('SELECT v <-> ''[50,50,50]'' AS d FROM basic ORDER BY d');
VACUUM basic;
SELECT near('SELECT v <-> ''[50,50,50]'' AS d FROM basic ORDER BY d');
SELECT near('SELECT v <=> ''[50,50,50]'' AS d FROM basic ORDER BY d');
DELETE FROM basic WHERE id IN (2001, 2002);
VACUUM basic;
SELECT near('SELECT v <=> ''[50,50,50]'' AS d FROM basic ORDER BY d');
INSERT INTO basic SELECT i, ARRAY[i, 100 - i, i % 5]::vector, i % 10 FROM generate_series(1, 100) i;
SELECT near('SELECT v <#> ''[50,50,50]'' AS d FROM basic ORDER BY d');
SELECT near('SELECT v <-> ''[50,50,50]'' AS d FROM basic ORDER BY d LIMIT 20');

SELECT i, heap_rows FROM unnest('{basic_l2,basic_ip,basic_cos}'::regclass[]) i, omendb_index_check(i, true);

-- update: of the vector, of another column, to and from NULL
UPDATE basic SET v = '[-100,-100,-100]' WHERE id = 50;
UPDATE basic SET tag = tag + 1;
UPDATE basic SET v = NULL WHERE id = 51;
UPDATE basic SET v = '[200,200,200]' WHERE v IS NULL AND id > 2000;
SELECT near('SELECT v <-> ''[10,20,30]'' AS d FROM basic ORDER BY d');
SELECT same('SELECT id FROM basic ORDER BY v <-> ''[210,200,200]'' LIMIT 1');
SELECT same('SELECT id FROM basic ORDER BY v <-> ''[-100,-90,-100]'' LIMIT 1');
VACUUM basic;
SELECT near('SELECT v <=> ''[10,20,30]'' AS d FROM basic ORDER BY d');

SELECT i, heap_rows, unreachable FROM unnest('{basic_l2,basic_ip,basic_cos}'::regclass[]) i, omendb_index_check(i, true);

-- rolled back rows are not seen
BEGIN;
INSERT INTO basic SELECT 4000 + i, '[500,500,500]', 0 FROM generate_series(1, 50) i;
SELECT same('SELECT count(*) FROM (SELECT id FROM basic ORDER BY v <-> ''[500,500,500]'' LIMIT 60) s WHERE id > 4000', 40);
SAVEPOINT s;
DELETE FROM basic WHERE id > 4000;
SELECT same('SELECT id FROM basic ORDER BY v <-> ''[500,500,500]'' LIMIT 1');
ROLLBACK TO s;
ROLLBACK;
SELECT same('SELECT id FROM basic ORDER BY v <-> ''[500,500,500]'' LIMIT 1', 1);

SELECT i, heap_rows FROM unnest('{basic_l2,basic_ip,basic_cos}'::regclass[]) i, omendb_index_check(i, true);

-- cursors: forward, again, and with hold
BEGIN;
SET LOCAL enable_seqscan = off;
DECLARE c CURSOR FOR SELECT id, v <-> '[0,0,0]' AS d FROM line ORDER BY d;
FETCH 3 FROM c;
FETCH 2 FROM c;
MOVE FORWARD ALL FROM c;
FETCH 1 FROM c;
CLOSE c;
DECLARE c SCROLL CURSOR FOR SELECT id, v <-> '[0,0,0]' AS d FROM line ORDER BY d;
FETCH 3 FROM c;
FETCH BACKWARD 2 FROM c;
FETCH ABSOLUTE 6 FROM c;
FETCH ABSOLUTE 1 FROM c;
CLOSE c;
DECLARE h CURSOR WITH HOLD FOR SELECT id, v <-> '[0,0,0]' AS d FROM line ORDER BY d LIMIT 2;
COMMIT;
FETCH ALL FROM h;
CLOSE h;

-- nearest rows of each row: the scan is restarted for each
SET enable_seqscan = off;
SET enable_sort = off;
CREATE TABLE probe (id integer PRIMARY KEY, q vector(3));
INSERT INTO probe VALUES (1, '[0,0,0]'), (2, '[90,1,1]'), (3, NULL), (4, '[42,0,0]');
SELECT p.id, n.id FROM probe p, LATERAL (SELECT l.id FROM line l ORDER BY l.v <-> p.q LIMIT 3) n WHERE p.id <> 3;
SELECT p.id, count(*) FROM probe p, LATERAL (SELECT l.id FROM line l ORDER BY l.v <-> p.q LIMIT 3) n GROUP BY p.id ORDER BY p.id;
SELECT p.id, (SELECT l.id FROM line l WHERE l.id > 2 ORDER BY l.v <-> p.q LIMIT 1) FROM probe p WHERE p.id <> 3 ORDER BY p.id;
-- several scans of one index at once
SELECT a.id AS a, b.id AS b, c.id AS c
FROM (SELECT id, v FROM line ORDER BY v <-> '[31,0,0]' LIMIT 2) a,
     LATERAL (SELECT id, v FROM line ORDER BY v <-> a.v LIMIT 1) b,
     LATERAL (SELECT id FROM line ORDER BY v <-> b.v + '[12,0,0]' LIMIT 2) c;
-- with a row that changes the table during the scan
DO $$
DECLARE
    r record;
    seen integer := 0;
BEGIN
    FOR r IN SELECT id FROM line ORDER BY v <-> '[0,0,0]' LOOP
        seen := seen + 1;
        INSERT INTO line VALUES (100 + seen, '[5,0,0]');
        DELETE FROM line WHERE id = r.id + 1;
    END LOOP;
    RAISE NOTICE 'seen: %', seen;
    RAISE NOTICE 'there: %', (SELECT count(*) FROM line);
END
$$;
RESET enable_seqscan;
RESET enable_sort;

-- settings that end a scan early
SET enable_seqscan = off;
SET enable_sort = off;
SET omenhnsw.iterative_scan = off;
SET omenhnsw.ef_search = 10;
SELECT count(*) BETWEEN 1 AND 10 AS at_most_ef FROM (SELECT id FROM basic ORDER BY v <-> '[90,90,90]' LIMIT 50) s;
SET omenhnsw.iterative_scan = relaxed_order;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM basic ORDER BY v <-> '[1,2,3]' LIMIT 200) s;
SET omenhnsw.iterative_scan = strict_order;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM basic ORDER BY v <-> '[1,2,3]' LIMIT 200) s;
SET omenhnsw.max_scan_tuples = 30;
SELECT count(*) < 200 AS ended FROM (SELECT id FROM basic ORDER BY v <-> '[1,2,3]' LIMIT 200) s;
RESET omenhnsw.max_scan_tuples;
RESET omenhnsw.iterative_scan;
RESET omenhnsw.ef_search;
RESET enable_seqscan;
RESET enable_sort;

-- rebuilt, emptied, rebuilt on an empty table
REINDEX INDEX basic_l2;
SELECT near('SELECT v <-> ''[10,20,30]'' AS d FROM basic ORDER BY d');
REINDEX TABLE CONCURRENTLY basic;
SELECT near('SELECT v <=> ''[10,20,30]'' AS d FROM basic ORDER BY d');
SELECT i, heap_rows, unreachable FROM unnest('{basic_l2,basic_ip,basic_cos}'::regclass[]) i, omendb_index_check(i, true);
DELETE FROM basic;
VACUUM basic;
SELECT same('SELECT id FROM basic ORDER BY v <-> ''[10,20,30]''');
INSERT INTO basic VALUES (1, '[1,1,1]', 0), (2, '[2,2,2]', 0);
SELECT same('SELECT id FROM basic ORDER BY v <-> ''[10,20,30]''');
TRUNCATE basic;
SELECT same('SELECT id FROM basic ORDER BY v <-> ''[10,20,30]''');
INSERT INTO basic VALUES (3, '[1,1,1]', 0), (4, '[2,2,2]', 0), (5, NULL, 0);
SELECT same('SELECT id FROM basic ORDER BY v <-> ''[10,20,30]''');
REINDEX TABLE basic;
SELECT same('SELECT id FROM basic ORDER BY v <#> ''[10,20,30]''');

SELECT i, heap_rows FROM unnest('{basic_l2,basic_ip,basic_cos}'::regclass[]) i, omendb_index_check(i, true);

-- only NULL, only zero vectors
CREATE TABLE nulls (id integer, v vector(2));
INSERT INTO nulls SELECT i, CASE WHEN i % 2 = 0 THEN '[0,0]'::vector END FROM generate_series(1, 2000) i;
CREATE INDEX nulls_i ON nulls USING omenhnsw (v vector_cosine_ops);
SELECT near('SELECT v <=> ''[1,0]'' AS d FROM nulls ORDER BY d');
INSERT INTO nulls SELECT i, CASE WHEN i % 2 = 0 THEN '[0,0]'::vector END FROM generate_series(2001, 4000) i;
SELECT near('SELECT v <=> ''[1,0]'' AS d FROM nulls ORDER BY d');
DELETE FROM nulls WHERE id % 3 = 0;
VACUUM nulls;
SELECT near('SELECT v <=> ''[1,0]'' AS d FROM nulls ORDER BY d');
INSERT INTO nulls VALUES (1, '[1,1]'), (2, NULL);
SELECT near('SELECT v <=> ''[1,0]'' AS d FROM nulls ORDER BY d');
SELECT heap_rows, null_rows, nodes FROM omendb_index_check('nulls_i', true);
DROP TABLE nulls;

-- every number of bits, every metric, wide vectors out of line
CREATE TABLE wide (id integer, v vector(700));
INSERT INTO wide SELECT i, (SELECT array_agg((i * j * 31 % 257) / 16.0 - 8 ORDER BY j) FROM generate_series(1, 700) j)::vector
FROM generate_series(1, 120) i;
CREATE INDEX wide_1 ON wide USING omenhnsw (v vector_l2_ops) WITH (bits = 1);
SELECT near('SELECT v <-> (SELECT v FROM wide WHERE id = 7) AS d FROM wide ORDER BY d LIMIT 20');
DROP INDEX wide_1;
CREATE INDEX wide_2 ON wide USING omenhnsw (v vector_ip_ops) WITH (bits = 2);
SELECT near('SELECT v <#> (SELECT v FROM wide WHERE id = 7) AS d FROM wide ORDER BY d LIMIT 20');
DROP INDEX wide_2;
CREATE INDEX wide_4 ON wide USING omenhnsw (v vector_cosine_ops) WITH (bits = 4);
SELECT near('SELECT v <=> (SELECT v FROM wide WHERE id = 7) AS d FROM wide ORDER BY d LIMIT 20');
DROP INDEX wide_4;
CREATE INDEX wide_8 ON wide USING omenhnsw (v vector_l2_ops) WITH (bits = 8);
SELECT near('SELECT v <-> (SELECT v FROM wide WHERE id = 7) AS d FROM wide ORDER BY d LIMIT 20');
DROP TABLE wide;

-- one dimension, and as many as there may be
CREATE TABLE one (id integer, v vector(1));
INSERT INTO one SELECT i, ARRAY[i * i]::vector FROM generate_series(-50, 50) i;
CREATE INDEX one_i ON one USING omenhnsw (v);
SELECT near('SELECT v <-> ''[100]'' AS d FROM one ORDER BY d');
DROP TABLE one;
CREATE TABLE many (id integer, v vector(16000));
INSERT INTO many SELECT i, array_fill(i, ARRAY[16000])::vector FROM generate_series(1, 20) i;
CREATE INDEX many_i ON many USING omenhnsw (v vector_l2_ops);
INSERT INTO many SELECT i, array_fill(i, ARRAY[16000])::vector FROM generate_series(21, 30) i;
SELECT near('SELECT v <-> (SELECT v FROM many WHERE id = 1) AS d FROM many ORDER BY d');
SELECT heap_rows FROM omendb_index_check('many_i', true);
DROP TABLE many;

-- numbers at the ends of the range: distances that overflow
CREATE TABLE extreme (id integer, v vector(2));
INSERT INTO extreme VALUES (1, '[3e38,3e38]'), (2, '[-3e38,3e38]'), (3, '[1e-38,1e-38]'), (4, '[1,1]'), (5, '[1e-45,0]');
CREATE INDEX extreme_l2 ON extreme USING omenhnsw (v vector_l2_ops);
CREATE INDEX extreme_cos ON extreme USING omenhnsw (v vector_cosine_ops);
SELECT near('SELECT v <-> ''[0,0]'' AS d FROM extreme ORDER BY d');
SELECT near('SELECT v <=> ''[1,0]'' AS d FROM extreme ORDER BY d');
SELECT same('SELECT count(*) FROM (SELECT v FROM extreme ORDER BY v <-> ''[-3e38,-3e38]'' OFFSET 0) s');
SELECT i, heap_rows FROM unnest('{extreme_l2,extreme_cos}'::regclass[]) i, omendb_index_check(i, true);
DROP TABLE extreme;

-- temporary and unlogged tables, a partial and an expression index, partitions
CREATE TEMPORARY TABLE temp_t (id integer, v vector(3));
CREATE INDEX temp_i ON temp_t USING omenhnsw (v);
INSERT INTO temp_t SELECT i, ARRAY[i, i * i % 17, 1]::vector FROM generate_series(1, 100) i;
SELECT near('SELECT v <-> ''[10,20,30]'' AS d FROM temp_t ORDER BY d');
SELECT heap_rows FROM omendb_index_check('temp_i', true);
DROP TABLE temp_t;
CREATE UNLOGGED TABLE unlogged_t (id integer, v vector(3));
INSERT INTO unlogged_t SELECT i, ARRAY[i, i * i % 17, 1]::vector FROM generate_series(1, 100) i;
CREATE INDEX unlogged_i ON unlogged_t USING omenhnsw (v);
INSERT INTO unlogged_t SELECT i, ARRAY[i, i * i % 17, 1]::vector FROM generate_series(101, 150) i;
SELECT near('SELECT v <-> ''[10,20,30]'' AS d FROM unlogged_t ORDER BY d');
SELECT heap_rows FROM omendb_index_check('unlogged_i', true);
DROP TABLE unlogged_t;
CREATE TABLE special (id integer, v vector(3), a real[]);
INSERT INTO special SELECT i, ARRAY[i, i * i % 17, 1]::vector, ARRAY[i % 7, i % 11, 3, 4] FROM generate_series(1, 100) i;
CREATE INDEX special_partial ON special USING omenhnsw (v) WHERE id <= 50;
CREATE INDEX special_expr ON special USING omenhnsw ((a::vector(4)) vector_cosine_ops);
INSERT INTO special SELECT i, ARRAY[i, i * i % 17, 1]::vector, ARRAY[i % 7, i % 11, 3, 4] FROM generate_series(-20, 0) i;
SELECT near('SELECT v <-> ''[10,20,30]'' AS d FROM special WHERE id <= 50 ORDER BY d');
SELECT near('SELECT a::vector(4) <=> ''[1,2,3,4]'' AS d FROM special ORDER BY d');
SELECT i, heap_rows FROM unnest('{special_partial,special_expr}'::regclass[]) i, omendb_index_check(i, true);
DROP TABLE special;

DROP TABLE basic, probe, line;
DROP FUNCTION near(text, integer), same(text, integer), both_ways(text, integer);
