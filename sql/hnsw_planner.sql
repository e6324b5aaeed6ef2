-- Which plans use an omenhnsw index, and which do not.

SET max_parallel_workers_per_gather = 0;
CREATE TABLE plan_large (id integer PRIMARY KEY, category integer, v vector(4), u vector(4));
INSERT INTO plan_large
SELECT i, i % 1000, ARRAY[i % 101, i % 103, i % 107, i % 109]::vector, ARRAY[i % 3, i % 5, i % 7, 1]::vector
FROM generate_series(1, 20000) i;
CREATE INDEX plan_large_category ON plan_large (category);
CREATE INDEX plan_large_v ON plan_large USING omenhnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 16);
CREATE INDEX plan_large_ip ON plan_large USING omenhnsw (u vector_ip_ops) WITH (m = 4, ef_construction = 8, bits = 8);
ANALYZE plan_large;
CREATE TABLE plan_tiny (id integer PRIMARY KEY, v vector(4));
INSERT INTO plan_tiny SELECT i, ARRAY[i, i, i, i]::vector FROM generate_series(1, 50) i;
CREATE INDEX plan_tiny_v ON plan_tiny USING omenhnsw (v);
ANALYZE plan_tiny;

-- ORDER BY with LIMIT on a large table: the index
EXPLAIN (COSTS OFF) SELECT id FROM plan_large ORDER BY v <-> '[1,2,3,4]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM plan_large ORDER BY '[1,2,3,4]' <-> v LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM plan_large ORDER BY v <-> '[1,2,3,4]' LIMIT 5 OFFSET 20;
EXPLAIN (COSTS OFF) SELECT id FROM plan_large ORDER BY u <#> '[1,2,3,4]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id, v <-> '[1,2,3,4]' AS d FROM plan_large ORDER BY d LIMIT 10;
-- a condition that most rows meet
EXPLAIN (COSTS OFF) SELECT id FROM plan_large WHERE category > 100 ORDER BY v <-> '[1,2,3,4]' LIMIT 10;

-- two distances are not one
EXPLAIN (COSTS OFF) SELECT id FROM plan_large ORDER BY v <-> '[1,2,3,4]', v <-> '[4,3,2,1]' LIMIT 10;

-- an operator that the index does not have, no LIMIT, another order: not the index
EXPLAIN (COSTS OFF) SELECT id FROM plan_large ORDER BY v <=> '[1,2,3,4]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM plan_large ORDER BY v <-> '[1,2,3,4]';
EXPLAIN (COSTS OFF) SELECT id FROM plan_large ORDER BY v <-> '[1,2,3,4]' LIMIT 19000;
EXPLAIN (COSTS OFF) SELECT id FROM plan_large ORDER BY v <-> '[1,2,3,4]' DESC LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM plan_large ORDER BY v <-> '[1,2,3,4]' NULLS FIRST LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM plan_large ORDER BY u <#> '[1,2,3,4]' DESC LIMIT 10;

-- no ORDER BY: never, even where nothing else is allowed, but with a bound from above
EXPLAIN (COSTS OFF) SELECT id FROM plan_large WHERE v <-> '[1,2,3,4]' > 1;
EXPLAIN (COSTS OFF) SELECT id FROM plan_large WHERE v <-> '[1,2,3,4]' < 1;
EXPLAIN (COSTS OFF) SELECT count(*) FROM plan_tiny;
SET enable_seqscan = off;
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/helpers/search.sql'
\i :helpers
SELECT plan_of('SELECT v FROM plan_tiny');
SELECT plan_of('SELECT v FROM plan_tiny WHERE v IS NULL');
SELECT plan_of('SELECT v FROM plan_tiny WHERE v = ''[1,1,1,1]''');
-- but ORDER BY alone then
SELECT plan_of('SELECT id FROM plan_tiny ORDER BY v <-> ''[1,2,3,4]''');
RESET enable_seqscan;

-- a tiny table: a sequential scan
EXPLAIN (COSTS OFF) SELECT id FROM plan_tiny ORDER BY v <-> '[1,2,3,4]' LIMIT 10;

-- a very selective condition: its btree
EXPLAIN (COSTS OFF) SELECT id FROM plan_large WHERE id = 42 ORDER BY v <-> '[1,2,3,4]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM plan_large WHERE category = 42 ORDER BY v <-> '[1,2,3,4]' LIMIT 10;

-- prepared: with the parameter known and with a generic plan
PREPARE plan_p (vector, integer) AS SELECT id FROM plan_large ORDER BY v <-> $1 LIMIT $2;
EXPLAIN (COSTS OFF) EXECUTE plan_p ('[1,2,3,4]', 10);
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE plan_p ('[1,2,3,4]', 10);
RESET plan_cache_mode;
DEALLOCATE plan_p;

-- nearest rows of each row of another table
EXPLAIN (COSTS OFF)
SELECT t.id, n.id FROM plan_tiny t, LATERAL (SELECT id FROM plan_large l ORDER BY l.v <-> t.v LIMIT 3) n;
EXPLAIN (COSTS OFF)
SELECT t.id, (SELECT l.id FROM plan_large l ORDER BY l.v <-> t.v LIMIT 1) FROM plan_tiny t;
-- a join in order of distance
EXPLAIN (COSTS OFF)
SELECT l.id FROM plan_large l JOIN plan_large k ON k.id = l.id + 1 ORDER BY l.v <-> '[1,2,3,4]' LIMIT 5;
-- a distance as join condition is no order
EXPLAIN (COSTS OFF)
SELECT count(*) FROM plan_tiny t JOIN plan_tiny s ON t.v <-> s.v < 1;

-- a filter that leaves few rows: the longer walk is priced
EXPLAIN (COSTS OFF) SELECT id FROM plan_large WHERE id < 20 ORDER BY v <-> '[1,2,3,4]' LIMIT 10;

-- partitions: each its index, merged in order
CREATE TABLE plan_part (id integer, v vector(4)) PARTITION BY RANGE (id);
CREATE TABLE plan_part_1 PARTITION OF plan_part FOR VALUES FROM (0) TO (10000);
CREATE TABLE plan_part_2 PARTITION OF plan_part FOR VALUES FROM (10000) TO (20001);
INSERT INTO plan_part SELECT id, v FROM plan_large;
CREATE INDEX plan_part_v ON plan_part USING omenhnsw (v) WITH (m = 4, ef_construction = 8);
ANALYZE plan_part;
EXPLAIN (COSTS OFF) SELECT id FROM plan_part ORDER BY v <-> '[1,2,3,4]' LIMIT 10;

-- a partial index where its condition is met only
CREATE TABLE plan_partial AS SELECT id, category, v FROM plan_large;
CREATE INDEX plan_partial_v ON plan_partial USING omenhnsw (v) WITH (m = 4, ef_construction = 8) WHERE category < 500;
ANALYZE plan_partial;
EXPLAIN (COSTS OFF) SELECT id FROM plan_partial WHERE category < 500 ORDER BY v <-> '[1,2,3,4]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM plan_partial WHERE category < 600 ORDER BY v <-> '[1,2,3,4]' LIMIT 10;

-- an expression
CREATE TABLE plan_expr AS SELECT id, v::real[] AS a FROM plan_large;
CREATE INDEX plan_expr_v ON plan_expr USING omenhnsw ((a::vector(4)) vector_cosine_ops) WITH (m = 4, ef_construction = 8);
ANALYZE plan_expr;
EXPLAIN (COSTS OFF) SELECT id FROM plan_expr ORDER BY a::vector(4) <=> '[1,2,3,4]' LIMIT 10;

DROP TABLE plan_large, plan_tiny, plan_part, plan_partial, plan_expr;
