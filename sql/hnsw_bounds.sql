-- Bounds of distances as conditions of an index: which forms, which plans, and the rows of a sequential scan.

SET max_parallel_workers_per_gather = 0;
SET jit = off;
SET client_min_messages = warning;

\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/helpers/search.sql'
\i :helpers
-- what one line of a plan says of the condition
CREATE FUNCTION by_index(query text) RETURNS boolean LANGUAGE sql AS $$
    SELECT count(*) FILTER (WHERE line ~ 'Index Cond: .*bound_vector') = 1 FROM plan_of(query) line
$$;

-- few rows: all codes are compared, nothing is missed
CREATE TABLE bounds_few (id integer PRIMARY KEY, kind integer, v vector(6));
INSERT INTO bounds_few
SELECT i, i % 5, CASE WHEN i % 40 = 7 THEN NULL WHEN i % 40 = 8 THEN '[0,0,0,0,0,0]'
    ELSE ARRAY[sin(i * 1.1), cos(i * 2.3), sin(i * i), cos(i * 0.7) * 2, sin(i * 3.1 + 1), i % 3]::vector END
FROM generate_series(1, 500) i;
INSERT INTO bounds_few SELECT id + 1000, kind, v FROM bounds_few WHERE id <= 60;
CREATE INDEX bounds_l2 ON bounds_few USING omenhnsw (v vector_l2_ops, kind);
CREATE INDEX bounds_ip ON bounds_few USING omenhnsw (v vector_ip_ops);
CREATE INDEX bounds_cosine ON bounds_few USING omenhnsw (v vector_cosine_ops);
CREATE INDEX bounds_l1 ON bounds_few USING omenhnsw (v vector_l1_ops);
ANALYZE bounds_few;

-- every form, against every comparison; bounds: the value of some rows exactly, numbers around, and what is no number
CREATE TABLE bounds_form (form text);
INSERT INTO bounds_form VALUES ('%s'), ('1 - %s'), ('-(%s)'), ('(%s) * -1'), ('-1 * %s'), ('%s + 0.1'), ('100 * (1 - (%s))'), ('(2 - %s) / 2'), ('0.3::real - %s'), ('(%s) / -3');
CREATE TABLE bounds_metric (op text, function text);
INSERT INTO bounds_metric VALUES ('<->', 'l2_distance'), ('<#>', 'vector_negative_inner_product'), ('<=>', 'cosine_distance'), ('<+>', 'l1_distance');
CREATE FUNCTION differing(m bounds_metric) RETURNS TABLE (queries bigint, used bigint, rows bigint, differing bigint) LANGUAGE plpgsql AS $$
DECLARE
    form text;
    value text;
    comparison text;
    bound float8;
    bounds float8[];
    center text;
    query text;
    want integer[];
BEGIN
    queries := 0; used := 0; rows := 0; differing := 0;
    FOREACH center IN ARRAY ARRAY['[1,0.5,0,-1,0,1]', '[0,0,0,0,0,0]'] LOOP
        FOR form IN SELECT f.form FROM bounds_form f LOOP
            value := format(form, format('(v %s %L)', m.op, center));
            EXECUTE format('SELECT array_agg(%s) FROM bounds_few WHERE id IN (5, 8)', value) INTO bounds;
            FOREACH bound IN ARRAY bounds || ARRAY[0.4, -1, 'NaN', 'Infinity', '-Infinity'] LOOP
                FOREACH comparison IN ARRAY ARRAY['%s < %L', '%s <= %L', '%s > %L', '%s >= %L', '%2$L > %1$s', '%2$L <= %1$s'] LOOP
                    query := 'SELECT id FROM bounds_few WHERE ' || format(comparison, value, bound);
                    want := sorted(ids(query, false));
                    queries := queries + 1;
                    rows := rows + cardinality(want);
                    differing := differing + (sorted(ids(query, true)) <> want)::integer;
                    CONTINUE WHEN bound <> 0.4;
                    PERFORM set_config('enable_seqscan', 'off', true);
                    used := used + by_index(query)::integer;
                    PERFORM set_config('enable_seqscan', 'on', true);
                END LOOP;
            END LOOP;
        END LOOP;
    END LOOP;
    RETURN NEXT;
END
$$;
SELECT op, d.* FROM bounds_metric m, differing(m) d ORDER BY op;

-- plans of what people write
SET enable_seqscan = off;
SET enable_sort = off;
SELECT plan_of($$ SELECT id FROM bounds_few WHERE v <=> '[1,0,0,0,0,0]' < 0.5 ORDER BY v <=> '[1,0,0,0,0,0]' LIMIT 5 $$);
SELECT plan_of($$ SELECT id FROM bounds_few WHERE 1 - (v <=> '[1,0,0,0,0,0]') > 0.7 ORDER BY v <=> '[1,0,0,0,0,0]' LIMIT 5 $$);
SELECT plan_of($$ SELECT id, 1 - (v <=> '[1,0,0,0,0,0]') AS similarity FROM bounds_few WHERE 1 - (v <=> '[1,0,0,0,0,0]') >= 0.7 $$);
SELECT plan_of($$ SELECT id FROM bounds_few WHERE '[1,0,0,0,0,0]' <-> v <= 1.5 AND kind = 3 $$);
SELECT plan_of($$ SELECT id FROM bounds_few WHERE v <-> '[1,0,0,0,0,0]' BETWEEN 0.5 AND 1.5 AND kind IN (1, 2) ORDER BY v <-> '[1,0,0,0,0,0]' LIMIT 5 $$);
SELECT plan_of($$ SELECT count(*) FROM bounds_few WHERE (v <#> '[1,0,0,0,0,0]') * -1 > 0.8 $$);
SELECT f.condition, by_index('SELECT id FROM bounds_few WHERE ' || f.condition) FROM (VALUES
    (1, $$ -(v <#> '[1,0,0,0,0,0]') > 0.8 $$),
    (2, $$ inner_product(v, '[1,0,0,0,0,0]') > 0.8 $$),
    (3, $$ vector_negative_inner_product('[1,0,0,0,0,0]', v) < -0.8 $$),
    (4, $$ cosine_distance(v, '[1,0,0,0,0,0]') < 0.5 $$),
    (5, $$ l2_distance('[1,0,0,0,0,0]', v) <= 1 $$),
    (6, $$ l1_distance(v, '[1,0,0,0,0,0]') < 1 $$),
    (7, $$ 0.5 > v <=> '[1,0,0,0,0,0]' $$),
    (8, $$ v <=> '[1,0,0,0,0,0]' < 0.5::real $$),
    (9, $$ v <=> '[1,0,0,0,0,0]' < 1 $$),
    (10, $$ v <=> '[1,0,0,0,0,0]' < 1 - 0.7::numeric $$),
    (11, $$ NOT v <=> '[1,0,0,0,0,0]' >= 0.5 $$),
    (12, $$ v <-> (SELECT v FROM bounds_few b WHERE b.id = 3) < (SELECT 0.5) $$),
    (13, $$ v <-> ARRAY[1, 0, 0, 0, 0, extract(year FROM now())::real]::vector < 0.5 $$),
    -- from below, a choice, volatile, of another column, of no known form
    (20, $$ v <=> '[1,0,0,0,0,0]' > 0.5 $$),
    (21, $$ 1 - (v <=> '[1,0,0,0,0,0]') < 0.5 $$),
    (22, $$ inner_product(v, '[1,0,0,0,0,0]') < 0.5 $$),
    (23, $$ (v <=> '[1,0,0,0,0,0]' < 0.5 OR kind = 1) $$),
    (24, $$ v <=> '[1,0,0,0,0,0]' < random() $$),
    (25, $$ v <=> ARRAY[1, 0, 0, 0, 0, random()]::vector < 0.5 $$),
    (26, $$ v <=> '[1,0,0,0,0,0]' < kind $$),
    (27, $$ v <=> v < 0.5 $$),
    (28, $$ abs(v <=> '[1,0,0,0,0,0]') < 0.5 $$),
    (29, $$ 1 - (2 - (v <=> '[1,0,0,0,0,0]')) < 0.5 $$),
    (30, $$ (v <=> '[1,0,0,0,0,0]') * 0 < 0.5 $$)) f (n, condition) ORDER BY n;
RESET enable_sort;
RESET enable_seqscan;

-- parameters: the same, whether their values are known or not
PREPARE bounds_p (vector, float8, integer) AS SELECT id FROM bounds_few WHERE 1 - (v <=> $1) > $2 ORDER BY v <=> $1 LIMIT $3;
PREPARE bounds_u (vector, float8) AS SELECT count(*) FROM bounds_few WHERE $2 >= v <-> $1 AND kind <> 2;
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) EXECUTE bounds_p ('[0.5,0,0.5,1.5,0.5,1]', 0.9, 5);
EXPLAIN (COSTS OFF) EXECUTE bounds_u ('[1,0,0,0,0,0]', 1);
EXECUTE bounds_p ('[0.5,0,0.5,1.5,0.5,1]', 0.9, 5);
EXECUTE bounds_u ('[1,0,0,0,0,0]', 1.5);
EXECUTE bounds_u (NULL, 1.5);
EXECUTE bounds_u ('[1,0,0,0,0,0]', NULL);
EXECUTE bounds_u ('[1,0,0,0,0,0]', 'NaN');
EXECUTE bounds_u ('[1]', 1);
SET plan_cache_mode = force_custom_plan;
EXECUTE bounds_p ('[0.5,0,0.5,1.5,0.5,1]', 0.9, 5);
EXECUTE bounds_u ('[1,0,0,0,0,0]', 1.5);
RESET enable_seqscan;
RESET plan_cache_mode;

-- settings that end a scan with ORDER BY do not end one without
PREPARE bounds_all (vector, float8) AS SELECT count(*) FROM bounds_few WHERE v <-> $1 < $2;
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
EXECUTE bounds_all ('[1,0,0,0,0,0]', 100);
SET omenhnsw.iterative_scan = off;
SET omenhnsw.ef_search = 5;
EXECUTE bounds_all ('[1,0,0,0,0,0]', 100);
SET omenhnsw.max_scan_tuples = 10;
RESET omenhnsw.iterative_scan;
EXECUTE bounds_all ('[1,0,0,0,0,0]', 100);
SELECT count(*) FROM bounds_few WHERE v <<->> sphere('[1,0,0,0,0,0]', 100);
SELECT count(*) FROM bounds_few WHERE v <<->> sphere('[1,0,0,0,0,0]', 100) AND kind <> 2;
RESET omenhnsw.max_scan_tuples;
RESET omenhnsw.ef_search;
RESET plan_cache_mode;

-- joins, from both sides of an outer one, and LATERAL
CREATE TABLE bounds_center AS
SELECT i AS id, 0.4 + i * 0.1::float8 AS r, ARRAY[sin(i * 1.7), cos(i * 1.3), sin(i * 0.9), cos(i), sin(i * 2.1), 1]::vector(6) AS c FROM generate_series(1, 6) i;
ANALYZE bounds_center;
SELECT plan_of('SELECT c.id, b.id FROM bounds_center c JOIN bounds_few b ON b.v <-> c.c < c.r');
SELECT plan_of('SELECT c.id, b.id FROM bounds_center c LEFT JOIN bounds_few b ON 1 - (c.c <=> b.v) > 0.9 AND b.kind = c.id');
SELECT plan_of('SELECT c.id, n.id FROM bounds_center c, LATERAL (SELECT id FROM bounds_few b WHERE b.v <-> c.c < c.r ORDER BY b.v <-> c.c LIMIT 3) n');
CREATE TABLE bounds_join (n integer, q text);
INSERT INTO bounds_join VALUES
    (1, 'SELECT c.id * 10000 + b.id AS id FROM bounds_center c JOIN bounds_few b ON b.v <-> c.c < c.r * 3'),
    (2, 'SELECT c.id * 10000 + coalesce(b.id, 0) AS id FROM bounds_center c LEFT JOIN bounds_few b ON 1 - (c.c <=> b.v) > 0.9 AND b.kind = c.id'),
    (3, 'SELECT c.id * 10000 + n.id AS id FROM bounds_center c, LATERAL (SELECT id FROM bounds_few b WHERE b.v <-> c.c < c.r * 4 ORDER BY b.v <-> c.c LIMIT 3) n'),
    (4, 'SELECT c.id FROM bounds_center c WHERE EXISTS (SELECT FROM bounds_few b WHERE b.v <-> c.c < c.r)'),
    (5, 'SELECT c.id * 10000 + b.id AS id FROM bounds_center c JOIN bounds_few b ON b.v <-> c.c < c.r * 3 AND inner_product(c.c, b.v) > 2 WHERE b.kind = 1'),
    (6, 'SELECT a.id * 10000 + b.id AS id FROM bounds_few a JOIN bounds_few b ON a.v <=> b.v < 0.01 AND a.id < b.id WHERE a.id < 40');
SELECT n, cardinality(ids(q, false)) AS rows, sorted(ids(q, true)) = sorted(ids(q, false)) AS same FROM bounds_join ORDER BY n;

-- what decides about changes is exact: no such condition
SELECT n, (SELECT count(*) FROM plan_of(q) line WHERE line ~ 'bound_vector') AS conditions FROM (VALUES
    (1, 'DELETE FROM bounds_few WHERE v <-> ''[1,0,0,0,0,0]'' < 1'),
    (2, 'UPDATE bounds_few SET kind = 1 WHERE v <-> ''[1,0,0,0,0,0]'' < 1'),
    (3, 'DELETE FROM bounds_few USING bounds_center c WHERE v <-> c.c < 1'),
    (4, 'DELETE FROM bounds_center WHERE id IN (SELECT id FROM bounds_few WHERE v <-> ''[1,0,0,0,0,0]'' < 1 ORDER BY v <-> ''[1,0,0,0,0,0]'' LIMIT 3)'),
    (5, 'WITH near AS MATERIALIZED (SELECT id FROM bounds_few WHERE v <-> ''[1,0,0,0,0,0]'' < 1), gone AS (DELETE FROM bounds_center USING near WHERE bounds_center.id = near.id RETURNING 1) SELECT count(*) FROM gone'),
    (6, 'WITH near AS MATERIALIZED (SELECT id FROM bounds_few WHERE v <-> ''[1,0,0,0,0,0]'' < 1) UPDATE bounds_center SET r = 1 FROM near WHERE bounds_center.id = near.id'),
    (7, 'SELECT id FROM bounds_few WHERE v <-> ''[1,0,0,0,0,0]'' < 1 FOR UPDATE'),
    (8, 'MERGE INTO bounds_center c USING (SELECT id FROM bounds_few WHERE v <-> ''[1,0,0,0,0,0]'' < 1) b ON b.id = c.id WHEN MATCHED THEN DELETE'),
    (9, 'INSERT INTO bounds_center SELECT id FROM bounds_few WHERE v <-> ''[1,0,0,0,0,0]'' < 1'),
    (10, 'SELECT id FROM bounds_few WHERE v <-> ''[1,0,0,0,0,0]'' < 1')) s (n, q) ORDER BY n;
SET omenhnsw.distance_bounds = off;
SELECT plan_of('SELECT id FROM bounds_few WHERE v <-> ''[1,0,0,0,0,0]'' < 1');
RESET omenhnsw.distance_bounds;
RESET enable_seqscan;

-- a partitioned table, a partial index, an index on an expression, a view
CREATE TABLE bounds_part (id integer, kind integer, v vector(6)) PARTITION BY LIST (kind);
CREATE TABLE bounds_part_0 PARTITION OF bounds_part FOR VALUES IN (0, 1);
CREATE TABLE bounds_part_2 PARTITION OF bounds_part DEFAULT;
INSERT INTO bounds_part SELECT * FROM bounds_few;
CREATE INDEX ON bounds_part USING omenhnsw (v);
CREATE TABLE bounds_raw AS SELECT id, kind, v::real[] AS a FROM bounds_few;
CREATE INDEX bounds_raw_kind ON bounds_raw USING omenhnsw ((a::vector(6)) vector_cosine_ops) WHERE kind = 2;
CREATE VIEW bounds_view AS SELECT id, 1 - (v <=> '[1,0,0,0,0,0]') AS similarity FROM bounds_few;
ANALYZE bounds_part, bounds_raw;
SET enable_seqscan = off;
SET enable_sort = off;
SELECT plan_of('SELECT id FROM bounds_part WHERE v <-> ''[1,0,0,0,0,0]'' < 1.5 ORDER BY v <-> ''[1,0,0,0,0,0]'' LIMIT 5');
SELECT plan_of('SELECT id FROM bounds_raw WHERE kind = 2 AND 1 - (a::vector(6) <=> ''[1,0,0,0,0,0]'') > 0.5');
SELECT plan_of('SELECT id FROM bounds_view WHERE similarity > 0.5');
RESET enable_sort;
RESET enable_seqscan;
INSERT INTO bounds_join VALUES
    (11, 'SELECT id FROM bounds_part WHERE v <-> ''[1,0,0,0,0,0]'' < 1.5 ORDER BY v <-> ''[1,0,0,0,0,0]'' LIMIT 5'),
    (12, 'SELECT id FROM bounds_part WHERE v <-> ''[1,0,0,0,0,0]'' < 1.5'),
    (13, 'SELECT c.id * 10000 + b.id AS id FROM bounds_center c JOIN bounds_part b ON b.v <-> c.c < c.r * 3'),
    (14, 'SELECT id FROM bounds_raw WHERE kind = 2 AND 1 - (a::vector(6) <=> ''[1,0,0,0,0,0]'') > 0.5'),
    (15, 'SELECT id FROM bounds_view WHERE similarity > 0.5');
SELECT n, cardinality(ids(q, false)) AS rows, sorted(ids(q, true)) = sorted(ids(q, false)) AS same FROM bounds_join WHERE n > 10 ORDER BY n;

-- a function that is inlined, as Supabase's documentation describes it
CREATE FUNCTION bounds_match (query_embedding vector(6), match_threshold float8, match_count integer)
RETURNS TABLE (id integer, similarity float8) LANGUAGE sql STABLE AS $$
    SELECT b.id, 1 - (b.v <=> query_embedding) AS similarity
    FROM bounds_few b
    WHERE 1 - (b.v <=> query_embedding) > match_threshold
    ORDER BY b.v <=> query_embedding
    LIMIT match_count;
$$;
SET enable_seqscan = off;
SELECT plan_of('SELECT id FROM bounds_match(''[0.5,0,0.5,1.5,0.5,1]'', 0.7, 5)');
SELECT id, round(similarity::numeric, 3) AS similarity FROM bounds_match('[0.5,0,0.5,1.5,0.5,1]', 0.9, 5);
RESET enable_seqscan;

-- row-level security: rows of the others are not seen, nor shown to a function that tells
CREATE FUNCTION bounds_tell(integer) RETURNS boolean LANGUAGE plpgsql COST 1e-6 AS $$
BEGIN
    RAISE WARNING 'told of %', $1;
    RETURN true;
END
$$;
CREATE ROLE regress_bounds_user;
GRANT SELECT ON bounds_few TO regress_bounds_user;
ALTER TABLE bounds_few ENABLE ROW LEVEL SECURITY;
CREATE POLICY bounds_own ON bounds_few TO regress_bounds_user USING (kind * 2 = 4);
SET ROLE regress_bounds_user;
SET enable_seqscan = off;
SELECT plan_of('SELECT id FROM bounds_few WHERE v <-> ''[1,0,0,0,0,0]'' < 1.2 AND bounds_tell(kind) ORDER BY v <-> ''[1,0,0,0,0,0]'' LIMIT 5');
SELECT id FROM bounds_few WHERE v <-> '[1,0,0,0,0,0]' < 1.2 AND bounds_tell(kind) ORDER BY v <-> '[1,0,0,0,0,0]' LIMIT 5;
RESET enable_seqscan;
RESET ROLE;
ALTER TABLE bounds_few DISABLE ROW LEVEL SECURITY;
DROP POLICY bounds_own ON bounds_few;
REVOKE SELECT ON bounds_few FROM regress_bounds_user;
DROP ROLE regress_bounds_user;

-- estimates: of what is known, of what is not
SELECT estimated($$ SELECT id FROM bounds_few WHERE v <-> '[1,0,0,0,0,0]' < 100 $$) > 500 AS all_rows,
       estimated($$ SELECT id FROM bounds_few WHERE 1 - (v <=> '[1,0,0,0,0,0]') > 0.99 $$) < 20 AS few,
       estimated($$ SELECT id FROM bounds_few WHERE v <-> (SELECT v FROM bounds_few WHERE id = 1) < 0.5 $$) < 20 AS unknown,
       estimated($$ SELECT id FROM bounds_part WHERE v <-> '[1,0,0,0,0,0]' < 0.1 $$) < 20 AS partitions;
-- where most rows are within, the table is read
SELECT plan_of($$ SELECT id FROM bounds_few WHERE v <-> '[1,0,0,0,0,0]' < 100 $$);

-- the function by itself
SELECT bound_vector('[1]', 0.7, '>', -1, 1), bound_vector('[1]', 0.5, '<', 1, 0), bound_vector('[1]', 'NaN', '<=', 1, 0), bound_vector('[1]', 'Infinity', '<=', 1, 0);
SELECT bound_vector('[1]', 0.7, '>', 1, 0);
SELECT bound_vector('[1]', 0.7, '=', 1, 0);
SELECT bound_vector('[1]', 0.7, '<<', 1, 0);
SELECT bound_vector('[1]', 0.7, '<', 0, 0);
SELECT '[0,1]' <<=> bound_vector('[1,0]', 0.7, '<', 1, 0) AS no, '[0,0]' <<=> bound_vector('[1,0]', 0.7, '>', -1, 1) AS nan, '[0,0]' <<=> bound_vector('[1,0]', 0.7, '<', 1, 0) AS below;

DROP TABLE bounds_few, bounds_form, bounds_metric, bounds_center, bounds_join, bounds_part, bounds_raw CASCADE;
DROP FUNCTION bounds_match, bounds_tell, by_index;
