-- Search, insert, delete and vacuum through an omenhnsw index: what a sort would return.

SET max_parallel_workers_per_gather = 0;

-- Runs a query by the index and by a sort; true if both return the same rows in the same
-- order.  With ef_search over the number of rows a search is exact.
CREATE FUNCTION same(query text, ef integer DEFAULT 1000) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    plan text := '';
    line text;
    by_index text[];
    by_sort text[];
BEGIN
    PERFORM set_config('omenhnsw.ef_search', ef::text, true);
    PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true);
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        plan := plan || line;
    END LOOP;
    IF plan NOT LIKE '%Order By:%' THEN
        RETURN 'not by the index: ' || plan;
    END IF;
    EXECUTE 'SELECT array_agg(r::text) FROM (' || query || ') r' INTO by_index;
    PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true),
            set_config('enable_indexscan', 'off', true);
    EXECUTE 'SELECT array_agg(r::text) FROM (' || query || ') r' INTO by_sort;
    PERFORM set_config('enable_indexscan', 'on', true);
    IF by_index IS DISTINCT FROM by_sort THEN
        RETURN format('index %s sort %s', by_index, by_sort);
    END IF;
    RETURN format('same %s rows', coalesce(cardinality(by_index), 0));
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
SELECT same('SELECT v <-> ''[1,2,3]'' AS d FROM basic ORDER BY d LIMIT 10');
SELECT same('SELECT v <-> ''[50,50,50]'' AS d FROM basic ORDER BY d LIMIT 100');
SELECT same('SELECT v <#> ''[1,2,3]'' AS d FROM basic ORDER BY d LIMIT 10');
SELECT same('SELECT v <=> ''[3,2,1]'' AS d FROM basic ORDER BY d LIMIT 10');
SELECT same('SELECT v <=> ''[-3,2,-1]'' AS d FROM basic ORDER BY d LIMIT 10 OFFSET 7');

-- every row, whatever ef_search: a scan goes on to the last
SELECT same('SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM basic ORDER BY v <-> ''[1,2,3]'' OFFSET 0) s', 1);
SELECT same('SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM basic ORDER BY v <#> ''[1,2,3]'' OFFSET 0) s', 5);
SELECT same('SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM basic ORDER BY v <=> ''[1,2,3]'' OFFSET 0) s', 40);
SELECT same('SELECT v <-> ''[50,50,50]'' AS d FROM basic ORDER BY d');
SELECT same('SELECT v <#> ''[50,50,50]'' AS d FROM basic ORDER BY d');
SELECT same('SELECT v <=> ''[50,50,50]'' AS d FROM basic ORDER BY d');

-- distances of 0 and duplicates, each row by itself
INSERT INTO basic SELECT 1000 + i, '[1,2,3]', 77 FROM generate_series(1, 20) i;
SELECT same('SELECT v <-> ''[1,2,3]'' AS d FROM basic ORDER BY d LIMIT 25');
SELECT same('SELECT count(DISTINCT id) FROM (SELECT id FROM basic ORDER BY v <-> ''[1,2,3]'' LIMIT 21) s');

-- NULL comes last; under cosine a vector of zeros comes before that, as NaN
INSERT INTO basic VALUES (2001, NULL, 1), (2002, '[0,0,0]', 1), (2003, NULL, 2), (2004, '[0,0,0]', 2);
SELECT same('SELECT v <-> ''[1,2,3]'' AS d FROM basic ORDER BY d');
SELECT same('SELECT v <#> ''[1,2,3]'' AS d FROM basic ORDER BY d');
SELECT same('SELECT v <=> ''[1,2,3]'' AS d FROM basic ORDER BY d');
SELECT same('SELECT v <=> ''[1,2,3]'' AS d FROM basic ORDER BY d OFFSET 315');
SELECT same('SELECT id FROM basic WHERE v IS NULL ORDER BY v <-> ''[1,2,3]'' LIMIT 1 OFFSET 1', 1) ~ 'same|sort';
SELECT same('SELECT count(*) FROM (SELECT id FROM basic WHERE v IS NULL ORDER BY v <-> ''[1,2,3]'' OFFSET 0) s');
SELECT same('SELECT count(*) FROM (SELECT id FROM basic WHERE v IS NOT NULL ORDER BY v <=> ''[1,2,3]'' OFFSET 0) s');

-- a query without a direction, or NULL: every row, in any order
SELECT same('SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM basic ORDER BY v <=> ''[0,0,0]'' OFFSET 0) s');
PREPARE by_vector (vector) AS SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM basic ORDER BY v <-> $1 OFFSET 0) s;
SET enable_seqscan = off;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE by_vector (NULL);
EXECUTE by_vector (NULL);
EXECUTE by_vector ('[1,2,3]');
EXECUTE by_vector (NULL);
DEALLOCATE by_vector;

-- prepared: another query vector and LIMIT each time
PREPARE nearest (vector, integer) AS SELECT id, v FROM basic ORDER BY v <-> $1, id LIMIT $2;
EXPLAIN (COSTS OFF) EXECUTE nearest ('[1,2,3]', 2);
EXECUTE nearest ('[50,50,50]', 2);
EXECUTE nearest ('[90,10,10]', 3);
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
SELECT same('SELECT v <-> ''[1,2,3]'' AS d FROM basic WHERE tag = 3 ORDER BY d LIMIT 5', 10);
SELECT same('SELECT count(*) FROM (SELECT id FROM basic WHERE tag = 77 ORDER BY v <-> ''[90,90,90]'' LIMIT 30) s', 1);
SELECT same('SELECT id FROM basic WHERE tag = -1 ORDER BY v <-> ''[90,90,90]'' LIMIT 30', 1);
SELECT same('SELECT id FROM basic WHERE v <-> ''[90,90,90]'' < 15 ORDER BY v <-> ''[90,90,90]'', id LIMIT 30') ~ 'same';

-- delete, before and after vacuum; rows put in the place of others
DELETE FROM basic WHERE id BETWEEN 1 AND 100;
SELECT same('SELECT v <-> ''[50,50,50]'' AS d FROM basic ORDER BY d');
VACUUM basic;
SELECT same('SELECT v <-> ''[50,50,50]'' AS d FROM basic ORDER BY d');
SELECT same('SELECT v <=> ''[50,50,50]'' AS d FROM basic ORDER BY d');
DELETE FROM basic WHERE id IN (2001, 2002);
VACUUM basic;
SELECT same('SELECT v <=> ''[50,50,50]'' AS d FROM basic ORDER BY d');
INSERT INTO basic SELECT i, ARRAY[i, 100 - i, i % 5]::vector, i % 10 FROM generate_series(1, 100) i;
SELECT same('SELECT v <#> ''[50,50,50]'' AS d FROM basic ORDER BY d');
SELECT same('SELECT v <-> ''[50,50,50]'' AS d FROM basic ORDER BY d LIMIT 20');

-- update: of the vector, of another column, to and from NULL
UPDATE basic SET v = '[10,20,30]' WHERE id = 50;
UPDATE basic SET tag = tag + 1;
UPDATE basic SET v = NULL WHERE id = 51;
UPDATE basic SET v = '[200,200,200]' WHERE v IS NULL AND id > 2000;
SELECT same('SELECT v <-> ''[10,20,30]'' AS d FROM basic ORDER BY d');
SELECT same('SELECT id FROM basic ORDER BY v <-> ''[210,200,200]'' LIMIT 1');
SELECT same('SELECT id FROM basic ORDER BY v <-> ''[10,20,30]'' LIMIT 1');
VACUUM basic;
SELECT same('SELECT v <=> ''[10,20,30]'' AS d FROM basic ORDER BY d');

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

-- cursors: forward, again, and with hold
BEGIN;
SET LOCAL enable_seqscan = off;
DECLARE c CURSOR FOR SELECT round((v <-> '[0,0,0]')::numeric, 4) AS d FROM basic ORDER BY v <-> '[0,0,0]';
FETCH 3 FROM c;
FETCH 2 FROM c;
MOVE FORWARD ALL FROM c;
FETCH 1 FROM c;
CLOSE c;
DECLARE c SCROLL CURSOR FOR SELECT round((v <-> '[0,0,0]')::numeric, 4) AS d FROM basic ORDER BY v <-> '[0,0,0]';
FETCH 3 FROM c;
FETCH BACKWARD 2 FROM c;
FETCH ABSOLUTE 3 FROM c;
CLOSE c;
DECLARE h CURSOR WITH HOLD FOR SELECT round((v <-> '[0,0,0]')::numeric, 4) AS d FROM basic ORDER BY v <-> '[0,0,0]' LIMIT 2;
COMMIT;
FETCH ALL FROM h;
CLOSE h;

-- nearest rows of each row: the scan starts anew
SET enable_seqscan = off;
SET enable_sort = off;
CREATE TABLE probe (id integer PRIMARY KEY, q vector(3));
INSERT INTO probe VALUES (1, '[1,2,3]'), (2, '[90,90,90]'), (3, NULL), (4, '[10,20,30]');
SELECT p.id, count(*), min(round(n.d::numeric, 4))
FROM probe p, LATERAL (SELECT b.v <-> p.q AS d FROM basic b ORDER BY b.v <-> p.q LIMIT 3) n GROUP BY p.id ORDER BY p.id;
SELECT p.id, (SELECT b.id FROM basic b WHERE b.id > 150 AND p.q IS NOT NULL ORDER BY b.v <-> p.q, b.id LIMIT 1) FROM probe p ORDER BY p.id;
-- several scans of one index at once
SELECT a.id FROM (SELECT id, v FROM basic ORDER BY v <-> '[200,200,200]' LIMIT 1) a,
    LATERAL (SELECT id, v FROM basic ORDER BY v <-> a.v LIMIT 2) b, LATERAL (SELECT id FROM basic ORDER BY v <-> b.v LIMIT 2) c;
RESET enable_seqscan;
RESET enable_sort;

-- settings that end a scan early
SET enable_seqscan = off;
SET enable_sort = off;
SET omenhnsw.iterative_scan = off;
SET omenhnsw.ef_search = 10;
SELECT count(*) BETWEEN 1 AND 10 AS at_most_ef FROM (SELECT id FROM basic ORDER BY v <-> '[1,2,3]' LIMIT 50) s;
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
SELECT same('SELECT v <-> ''[10,20,30]'' AS d FROM basic ORDER BY d');
REINDEX TABLE CONCURRENTLY basic;
SELECT same('SELECT v <=> ''[10,20,30]'' AS d FROM basic ORDER BY d');
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

-- only NULL, only zero vectors
CREATE TABLE nulls (id integer, v vector(2));
INSERT INTO nulls SELECT i, CASE WHEN i % 2 = 0 THEN '[0,0]'::vector END FROM generate_series(1, 2000) i;
CREATE INDEX nulls_i ON nulls USING omenhnsw (v vector_cosine_ops);
SELECT same('SELECT v <=> ''[1,0]'' AS d FROM nulls ORDER BY d');
INSERT INTO nulls SELECT i, CASE WHEN i % 2 = 0 THEN '[0,0]'::vector END FROM generate_series(2001, 4000) i;
SELECT same('SELECT v <=> ''[1,0]'' AS d FROM nulls ORDER BY d');
DELETE FROM nulls WHERE id % 3 = 0;
VACUUM nulls;
SELECT same('SELECT v <=> ''[1,0]'' AS d FROM nulls ORDER BY d');
INSERT INTO nulls VALUES (1, '[1,1]'), (2, NULL);
SELECT same('SELECT v <=> ''[1,0]'' AS d FROM nulls ORDER BY d');
DROP TABLE nulls;

-- every number of bits, every metric, wide vectors out of line
CREATE TABLE wide (id integer, v vector(700));
INSERT INTO wide SELECT i, (SELECT array_agg((i * j * 31 % 257) / 16.0 - 8 ORDER BY j) FROM generate_series(1, 700) j)::vector
FROM generate_series(1, 120) i;
CREATE INDEX wide_1 ON wide USING omenhnsw (v vector_l2_ops) WITH (bits = 1);
SELECT same('SELECT id FROM wide ORDER BY v <-> (SELECT v FROM wide WHERE id = 7) LIMIT 20');
DROP INDEX wide_1;
CREATE INDEX wide_2 ON wide USING omenhnsw (v vector_ip_ops) WITH (bits = 2);
SELECT same('SELECT id FROM wide ORDER BY v <#> (SELECT v FROM wide WHERE id = 7) LIMIT 20');
DROP INDEX wide_2;
CREATE INDEX wide_4 ON wide USING omenhnsw (v vector_cosine_ops) WITH (bits = 4);
SELECT same('SELECT id FROM wide ORDER BY v <=> (SELECT v FROM wide WHERE id = 7) LIMIT 20');
DROP INDEX wide_4;
CREATE INDEX wide_8 ON wide USING omenhnsw (v vector_l2_ops) WITH (bits = 8);
SELECT same('SELECT id FROM wide ORDER BY v <-> (SELECT v FROM wide WHERE id = 7) LIMIT 20');
DROP TABLE wide;

-- one dimension, and as many as there may be
CREATE TABLE one (id integer, v vector(1));
INSERT INTO one SELECT i, ARRAY[i * i]::vector FROM generate_series(-50, 50) i;
CREATE INDEX one_i ON one USING omenhnsw (v);
SELECT same('SELECT v <-> ''[100]'' AS d FROM one ORDER BY d');
DROP TABLE one;
CREATE TABLE many (id integer, v vector(16000));
INSERT INTO many SELECT i, array_fill(i, ARRAY[16000])::vector FROM generate_series(1, 20) i;
CREATE INDEX many_i ON many USING omenhnsw (v vector_l2_ops);
INSERT INTO many SELECT i, array_fill(i, ARRAY[16000])::vector FROM generate_series(21, 30) i;
SELECT same('SELECT id FROM many ORDER BY v <-> (SELECT v FROM many WHERE id = 1)');
DROP TABLE many;

-- numbers at the ends of the range: distances that overflow
CREATE TABLE extreme (id integer, v vector(2));
INSERT INTO extreme VALUES (1, '[3e38,3e38]'), (2, '[-3e38,3e38]'), (3, '[1e-38,1e-38]'), (4, '[1,1]'), (5, '[1e-45,0]');
CREATE INDEX extreme_l2 ON extreme USING omenhnsw (v vector_l2_ops);
CREATE INDEX extreme_cos ON extreme USING omenhnsw (v vector_cosine_ops);
SELECT same('SELECT v <-> ''[0,0]'' AS d FROM extreme ORDER BY d');
SELECT same('SELECT v <=> ''[1,0]'' AS d FROM extreme ORDER BY d');
SELECT same('SELECT count(*) FROM (SELECT v FROM extreme ORDER BY v <-> ''[-3e38,-3e38]'' OFFSET 0) s');
DROP TABLE extreme;

-- temporary and unlogged tables, a partial and an expression index, partitions
CREATE TEMPORARY TABLE temp_t (id integer, v vector(3));
CREATE INDEX temp_i ON temp_t USING omenhnsw (v);
INSERT INTO temp_t SELECT i, ARRAY[i, i * i % 17, 1]::vector FROM generate_series(1, 100) i;
SELECT same('SELECT v <-> ''[10,20,30]'' AS d FROM temp_t ORDER BY d');
DROP TABLE temp_t;
CREATE UNLOGGED TABLE unlogged_t (id integer, v vector(3));
INSERT INTO unlogged_t SELECT i, ARRAY[i, i * i % 17, 1]::vector FROM generate_series(1, 100) i;
CREATE INDEX unlogged_i ON unlogged_t USING omenhnsw (v);
INSERT INTO unlogged_t SELECT i, ARRAY[i, i * i % 17, 1]::vector FROM generate_series(101, 150) i;
SELECT same('SELECT v <-> ''[10,20,30]'' AS d FROM unlogged_t ORDER BY d');
DROP TABLE unlogged_t;
CREATE TABLE special (id integer, v vector(3), a real[]);
INSERT INTO special SELECT i, ARRAY[i, i * i % 17, 1]::vector, ARRAY[i % 7, i % 11, 3, 4] FROM generate_series(1, 100) i;
CREATE INDEX special_partial ON special USING omenhnsw (v) WHERE id <= 50;
CREATE INDEX special_expr ON special USING omenhnsw ((a::vector(4)) vector_cosine_ops);
INSERT INTO special SELECT i, ARRAY[i, i * i % 17, 1]::vector, ARRAY[i % 7, i % 11, 3, 4] FROM generate_series(-20, 0) i;
SELECT same('SELECT v <-> ''[10,20,30]'' AS d FROM special WHERE id <= 50 ORDER BY d');
SELECT same('SELECT a::vector(4) <=> ''[1,2,3,4]'' AS d FROM special ORDER BY d');
DROP TABLE special;

DROP TABLE basic, probe;
DROP FUNCTION same(text, integer);
