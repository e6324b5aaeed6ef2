-- Conditions "within a radius" by an omenhnsw index, against sequential scans.

SET max_parallel_workers_per_gather = 0;
SET jit = off;
SET client_min_messages = warning;
-- the same bounds in the form of a comparison are what is compared with: without the index
SET omenhnsw.distance_bounds = off;



\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/helpers/search.sql'
\i :helpers
-- few rows: all codes are compared, nothing is missed
CREATE TABLE radius_few (id integer PRIMARY KEY, kind integer, v vector(6));
INSERT INTO radius_few
SELECT i, i % 5, CASE WHEN i % 40 = 7 THEN NULL WHEN i % 40 = 8 THEN '[0,0,0,0,0,0]'
    ELSE ARRAY[sin(i * 1.1), cos(i * 2.3), sin(i * i), cos(i * 0.7) * 2, sin(i * 3.1 + 1), i % 3]::vector END
FROM generate_series(1, 700) i;
-- equal vectors
INSERT INTO radius_few SELECT id + 1000, kind, v FROM radius_few WHERE id <= 60;
CREATE TABLE radius_center AS
SELECT i AS id, ARRAY[sin(i * 1.7), cos(i * 1.3), sin(i * 0.9), cos(i), sin(i * 2.1), 1]::vector(6) AS c FROM generate_series(1, 6) i;
INSERT INTO radius_center SELECT id + 100, v FROM radius_few WHERE id <= 3;

CREATE TABLE radius_metric (class text, within text, distance text, radii float8[]);
INSERT INTO radius_metric VALUES
    ('vector_l2_ops', '<<->>', '<->', '{0.5,1.5,2.2,1e9,0,-1,1e-30,Infinity}'),
    ('vector_ip_ops', '<<#>>', '<#>', '{-3,-1,0,1.5,1e9,-1e9,-Infinity,Infinity}'),
    ('vector_cosine_ops', '<<=>>', '<=>', '{0.05,0.3,1,1.9,2.5,0,-1,Infinity}'),
    ('vector_l1_ops', '<<+>>', '<+>', '{1,2.5,4,1e9,0,-1,Infinity}');

-- each metric, in each way that rows are ranked: the same rows without ORDER BY and with it, the first in the same order
CREATE FUNCTION differences(m radius_metric, condition text DEFAULT 'true') RETURNS TABLE (queries bigint, rows bigint, differing bigint)
LANGUAGE plpgsql AS $$
DECLARE
    center vector;
    radius float8;
    query text;
    by_index integer[];
    without integer[];
BEGIN
    queries := 0; rows := 0; differing := 0;
    FOR center IN SELECT c FROM radius_center LOOP
        FOREACH radius IN ARRAY m.radii LOOP
            query := format('SELECT id, v FROM radius_few WHERE v %s sphere(%L, %L) AND %s', m.within, center, radius, condition);
            by_index := ids(query, true);
            without := ids(query, false);
            queries := queries + 1;
            rows := rows + cardinality(without);
            differing := differing + (sorted(by_index) <> sorted(without))::integer;
            -- rows of equal distance have no order
            query := query || format(' ORDER BY v %s %L', m.distance, center);
            by_index := ids(query, true);
            queries := queries + 2;
            differing := differing + (sorted(by_index) <> sorted(without))::integer;
            query := format('SELECT v %s %L AS d FROM (%s LIMIT 7) s', m.distance, center, query);
            -- refined distances may exchange rows that are nearly as far
            differing := differing + (SELECT count(*) FROM (SELECT returned(query, true)::float8[], returned(query, false)::float8[]) d (a, b)
                WHERE cardinality(d.a) IS DISTINCT FROM cardinality(d.b) OR EXISTS (SELECT FROM unnest(d.a, d.b) x (a, b) WHERE abs(x.a - x.b) > 0.02));
        END LOOP;
    END LOOP;
    RETURN NEXT;
END
$$;
CREATE FUNCTION differences_with(class text, parameters text, condition text DEFAULT 'true', columns text DEFAULT '')
RETURNS TABLE (queries bigint, rows bigint, differing bigint) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE INDEX radius_few_i ON radius_few USING omenhnsw (v %I %s) WITH (m = 8, ef_construction = 32 %s)', class, columns, parameters);
    RETURN QUERY SELECT d.* FROM radius_metric m, differences(m, condition) d WHERE m.class = differences_with.class;
    DROP INDEX radius_few_i;
END
$$;
SELECT class, parameters, d.* FROM radius_metric,
    unnest(ARRAY['', ', rerank = heap', ', quantizer = none', ', bits = 8']) WITH ORDINALITY p (parameters, n),
    differences_with(class, parameters) d
WHERE class <> 'vector_l1_ops' ORDER BY class, n;
-- the errors of small codes of so few dimensions are not as small as they are taken to be
SELECT class, queries, rows, differing <= 10 AS same FROM radius_metric, differences_with(class, ', bits = 4, rerank = index') d
WHERE class <> 'vector_l1_ops' ORDER BY class;
SELECT class, parameters, d.* FROM radius_metric, unnest(ARRAY['', ', quantizer = none']) WITH ORDINALITY p (parameters, n),
    differences_with(class, parameters) d
WHERE class = 'vector_l1_ops' ORDER BY n;
-- with a condition that the index does not have
SELECT class, d.* FROM radius_metric, differences_with(class, '', 'kind = 2') d ORDER BY class;

-- with one on a filter column
SELECT class, condition, d.* FROM radius_metric, unnest(ARRAY['kind = 2', 'kind IN (0, 3)', 'kind > 3 AND id % 3 = 0']) WITH ORDINALITY c (condition, n),
    differences_with(class, '', condition, ', kind') d ORDER BY class, n;

-- the order of codes alone: rows are the right ones all the same
CREATE INDEX radius_few_off ON radius_few USING omenhnsw (v) WITH (m = 8, ef_construction = 32, rerank = off);
SELECT count(*) AS queries, count(*) FILTER (WHERE sorted(ids(q, true)) <> sorted(ids(q, false))) AS differing
FROM radius_center, unnest(ARRAY[0.5, 1.5, 2.2, 1e9]) r,
    LATERAL (SELECT format('SELECT id FROM radius_few WHERE v <<->> sphere(%L, %s) ORDER BY v <-> %L', c, r, c)) f (q);
DROP INDEX radius_few_off;

CREATE INDEX radius_few_v ON radius_few USING omenhnsw (v) WITH (m = 8, ef_construction = 32);
ANALYZE radius_few;

-- plans: an index condition, with order and without, from both sides of a join
SET enable_seqscan = off;
SET enable_sort = off;
SELECT plan_of($$ SELECT id FROM radius_few WHERE v <<->> sphere('[1,0,0,0,0,0]', 1.5) ORDER BY v <-> '[1,0,0,0,0,0]' LIMIT 5 $$);
SELECT plan_of($$ SELECT id FROM radius_few WHERE v <<->> sphere('[1,0,0,0,0,0]', 1.5) $$);
SELECT plan_of($$ SELECT id FROM radius_few WHERE v <<->> sphere('[1,0,0,0,0,0]', 1.5) AND kind = 2 $$);
SELECT plan_of($$ SELECT c.id, r.id FROM radius_center c JOIN radius_few r ON r.v <<->> sphere(c.c, 1.5) $$);
SELECT plan_of($$ SELECT c.id, n.id FROM radius_center c,
    LATERAL (SELECT id FROM radius_few r WHERE r.v <<->> sphere(c.c, 1.5) ORDER BY r.v <-> c.c LIMIT 3) n $$);
-- the operator of another metric is none of this index
SELECT plan_of($$ SELECT id FROM radius_few WHERE v <<=>> sphere('[1,0,0,0,0,0]', 0.5) ORDER BY v <-> '[1,0,0,0,0,0]' LIMIT 5 $$);
RESET enable_sort;
RESET enable_seqscan;

-- another center than the order's; several; with order and without
CREATE TABLE radius_query (n integer, q text);
INSERT INTO radius_query VALUES
    (1, $$ SELECT id FROM radius_few WHERE v <<->> sphere('[1,0,0,0,0,1]', 2) ORDER BY v <-> '[0,1,0,1,0,1]' $$),
    (2, $$ SELECT id FROM radius_few WHERE v <<->> sphere('[1,0,0,0,0,1]', 2) ORDER BY v <-> '[0,1,0,1,0,1]' LIMIT 8 $$),
    (3, $$ SELECT id FROM radius_few WHERE v <<->> sphere('[1,0,0,0,0,1]', 2) AND v <<->> sphere('[0,1,0,1,0,1]', 2) ORDER BY v <-> '[0,1,0,1,0,1]' $$),
    (4, $$ SELECT id FROM radius_few WHERE v <<->> sphere('[1,0,0,0,0,1]', 1.9) AND v <<->> sphere('[1,0,0,0,-0,1]', 2.5) ORDER BY v <-> '[1,0,0,0,0,1]' $$),
    (5, $$ SELECT id FROM radius_few WHERE v <<->> sphere('[1,0,0,0,0,1]', 2.5) AND v <<->> sphere('[1,0,0,0,0,1]', 1.9) $$),
    (6, $$ SELECT id FROM radius_few WHERE v <<->> sphere('[1,0,0,0,0,1]', 2) AND v <<->> sphere('[0,1,0,1,0,1]', 2) $$),
    (7, $$ SELECT id FROM radius_few WHERE v <<->> sphere('[1,0,0,0,0,1]', 2) AND v <<->> sphere('[0,1,0,1,0,1]', 0.01) $$),
    (8, $$ SELECT id FROM radius_few WHERE v <<->> ROW('[1,0,0,0,0,1]', 'NaN')::sphere_vector $$),
    (9, $$ SELECT id FROM radius_few WHERE v <<->> ROW('[1,0,0,0,0,1]', 'NaN')::sphere_vector AND v <<->> sphere('[1,0,0,0,0,1]', 1.9) $$),
    (10, $$ SELECT id FROM radius_few WHERE v <<->> sphere('[1,0,0,0,0,1]', 2) ORDER BY v <-> NULL $$),
    (11, $$ SELECT id FROM radius_few WHERE v <<->> sphere('[1,0,0,0,0,1]', 2) AND v IS NOT NULL ORDER BY v <-> '[1,0,0,0,0,1]' $$),
    (12, $$ SELECT id FROM radius_few WHERE v <<->> ANY (ARRAY[sphere('[1,0,0,0,0,1]', 1.5), NULL, sphere('[0,1,0,1,0,1]', 1.2)]) ORDER BY v <-> '[1,0,0,0,0,1]' $$),
    (13, $$ SELECT id FROM radius_few WHERE v <<->> ANY (ARRAY[sphere('[0,1,0,1,0,1]', 1.7), sphere('[0,1,0,1,0,1]', -1)]) ORDER BY v <-> '[0,1,0,1,0,1]' $$),
    (14, $$ SELECT id FROM radius_few WHERE v <<->> ANY (ARRAY[sphere('[0,1,0,1,0,1]', 1.7), sphere('[1,0,0,0,0,1]', 1.7)]) ORDER BY v <-> NULL $$),
    (15, $$ SELECT id FROM radius_few WHERE v <<->> ANY (ARRAY[NULL::sphere_vector]) ORDER BY v <-> '[1,0,0,0,0,1]' $$);
SELECT n, cardinality(ids(q, false)) AS rows, sorted(ids(q, true)) = sorted(ids(q, false)) AS same
FROM radius_query ORDER BY n;

-- spheres that hold nothing, known and not known to the planner
PREPARE radius_p (sphere_vector, vector) AS SELECT count(*) FROM (SELECT FROM radius_few WHERE v <<->> $1 ORDER BY v <-> $2 OFFSET 0) s;
PREPARE radius_u (sphere_vector) AS SELECT count(*) FROM radius_few WHERE v <<->> $1;
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
SET enable_sort = off;
EXPLAIN (COSTS OFF) EXECUTE radius_u (NULL);
EXECUTE radius_u (NULL);
EXECUTE radius_u (ROW(NULL, 1));
EXECUTE radius_u (ROW('[1,0,0,0,0,1]', NULL));
EXECUTE radius_u (sphere('[1,0,0,0,0,1]', -2));
EXECUTE radius_u (sphere('[1,0,0,0,0,1]', 2));
EXECUTE radius_p (sphere('[1,0,0,0,0,1]', 2), '[1,0,0,0,0,1]');
EXECUTE radius_p (sphere('[1,0,0,0,0,1]', 2), NULL);
EXECUTE radius_p (NULL, '[1,0,0,0,0,1]');
EXECUTE radius_p (ROW(NULL, 1), NULL);
-- other dimensions: the operator's error
EXECUTE radius_u (sphere('[1]', 1));
EXECUTE radius_p (sphere('[1]', 1), '[1,0,0,0,0,1]');
RESET plan_cache_mode;
RESET enable_sort;
RESET enable_seqscan;
DEALLOCATE radius_p;
DEALLOCATE radius_u;

-- a center without a direction
CREATE INDEX radius_few_cosine ON radius_few USING omenhnsw (v vector_cosine_ops) WITH (m = 8, ef_construction = 32);
SELECT ids($$ SELECT id FROM radius_few WHERE v <<=>> sphere('[0,0,0,0,0,0]', 3) $$, true) AS zero_center;
SELECT q, cardinality(ids(q, true)) AS rows, sorted(ids(q, true)) = sorted(ids(q, false)) AS same
FROM (VALUES ($$ SELECT id FROM radius_few WHERE v <<=>> sphere('[1,0,0,0,0,1]', 3) ORDER BY v <=> '[0,0,0,0,0,0]' $$)) s (q);
DROP INDEX radius_few_cosine;

-- joins
SELECT count(*) AS centers, count(*) FILTER (WHERE sorted(by_index) = sorted(without)) AS same, sum(cardinality(without)) > 300 AS enough
FROM radius_center c, LATERAL (SELECT ids(format('SELECT r.id FROM radius_few r WHERE r.v <<->> sphere(%L, 1.7)', c.c), false)) w (without),
    LATERAL (SELECT ids(format('SELECT n.id FROM radius_center c JOIN LATERAL (SELECT id FROM radius_few r WHERE r.v <<->> sphere(c.c, 1.7)
        ORDER BY r.v <-> c.c LIMIT 1000) n ON true WHERE c.id = %s', c.id), true)) i (by_index);
SET enable_seqscan = off;
CREATE TABLE radius_pairs AS SELECT c.id AS c, r.id AS r FROM radius_center c JOIN radius_few r ON r.v <<->> sphere(c.c, 1.7);
RESET enable_seqscan;
SET enable_indexscan = off;
SELECT count(*) AS differences FROM (SELECT c.id AS c, r.id AS r FROM radius_center c JOIN radius_few r ON r.v <-> c.c < 1.7) w
    FULL JOIN radius_pairs p USING (c, r) WHERE w IS NULL OR p IS NULL;
RESET enable_indexscan;

-- many rows: the graph is walked, and the scan stops
CREATE TABLE radius_many (id integer PRIMARY KEY, kind integer, v vector(8));
INSERT INTO radius_many
SELECT i, i % 10, ARRAY[sin(i * 1.3), cos(i * 0.9), sin(i * 0.31 + 2), cos(i * 2.7), sin(i * 1.9), cos(i * 3.3), sin(i * 0.57), cos(i * 1.1)]::vector
FROM generate_series(1, 9000) i;
CREATE INDEX radius_many_v ON radius_many USING omenhnsw (v) WITH (m = 8, ef_construction = 48);
CREATE INDEX radius_many_ip ON radius_many USING omenhnsw (v vector_ip_ops) WITH (m = 8, ef_construction = 48);
ANALYZE radius_many;
SELECT r AS radius, sum(cardinality(without)) AS rows, sum(cardinality(by_index)) >= 0.99 * sum(cardinality(without)) AS found,
       bool_and(by_index <@ without) AS right_ones,
       sum(cardinality(ordered)) >= 0.97 * sum(cardinality(without)) AS found_in_order, bool_and(ordered <@ without) AS right_in_order
FROM unnest(ARRAY[0.3, 0.6, 0.9, 1.5]) r, (SELECT v AS c FROM radius_many WHERE id % 1100 = 5) c,
    LATERAL (SELECT format('SELECT id FROM radius_many WHERE v <<->> sphere(%L, %s)', c, r)) f (q),
    LATERAL (SELECT ids(q, true), ids(q, false), ids(q || format(' ORDER BY v <-> %L', c), true)) i (by_index, without, ordered)
GROUP BY r ORDER BY r;
-- in order also where it is read to its end: hardly a row is found too late for its place
SET enable_seqscan = off;
SET enable_sort = off;
SELECT r AS radius, sum(late) <= 0.01 * sum(rows) AS in_order
FROM unnest(ARRAY[0.6, 0.9, 1.5]) r, (SELECT v AS c FROM radius_many WHERE id % 1100 = 5 OFFSET 0) c,
    LATERAL (SELECT count(*) AS rows, count(*) FILTER (WHERE d < farthest) AS late
        FROM (SELECT d, max(d) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS farthest
            FROM (SELECT v <-> c AS d FROM radius_many WHERE v <<->> sphere(c, r) ORDER BY v <-> c OFFSET 0) o) w) l
GROUP BY r ORDER BY r;
RESET enable_sort;
RESET enable_seqscan;
SELECT r AS radius, sum(cardinality(without)) AS rows, sum(cardinality(by_index)) >= 0.99 * sum(cardinality(without)) AS found,
       bool_and(by_index <@ without) AS right_ones
FROM unnest(ARRAY[-4.5, -3.5]) r, (SELECT v AS c FROM radius_many WHERE id % 275 = 5) c,
    LATERAL (SELECT format('SELECT id FROM radius_many WHERE v <<#>> sphere(%L, %s)', c, r)) f (q),
    LATERAL (SELECT ids(q, true), ids(q, false)) i (by_index, without)
GROUP BY r ORDER BY r;

SELECT v AS center FROM radius_many WHERE id = 4000 \gset
-- LIMIT asks for more rows than there are: only a condition that the scan sees ends it
SELECT pages_read(format('SELECT id FROM radius_many WHERE v <<->> sphere(%L, 0.5) ORDER BY v <-> %L LIMIT 1000', :'center', :'center')) * 4 <
       pages_read(format('SELECT id FROM radius_many WHERE v <-> %L < 0.5 ORDER BY v <-> %L LIMIT 1000', :'center', :'center')) AS stops;
SELECT pages_read(format('SELECT id FROM radius_many WHERE v <<->> sphere(%L, 0.5)', :'center')) * 4 <
       pages_read(format('SELECT id FROM radius_many WHERE v <<->> sphere(%L, 100)', :'center')) AS stops;
SELECT pg_stat_force_next_flush();
SELECT idx_tup_read AS before FROM pg_stat_user_indexes WHERE indexrelname = 'radius_many_v' \gset
SELECT cardinality(ids(format('SELECT id FROM radius_many WHERE v <<->> sphere(%L, 0.5) ORDER BY v <-> %L', :'center', :'center'), true)) AS rows \gset
SELECT pg_stat_force_next_flush();
SELECT :rows BETWEEN 5 AND 500 AS some, idx_tup_read - :before = :rows AS no_more FROM pg_stat_user_indexes WHERE indexrelname = 'radius_many_v';

-- with a filter column: few rows that match are compared, among many the graph is walked
DROP INDEX radius_many_ip;
CREATE INDEX radius_many_kind ON radius_many USING omenhnsw (v, kind) WITH (m = 8, ef_construction = 48);
SET enable_seqscan = off;
SELECT plan_of($$ SELECT id FROM radius_many WHERE v <<->> sphere('[1,0,0,0,0,0,0,0]', 1.5) AND kind < 2 ORDER BY v <-> '[1,0,0,0,0,0,0,0]' LIMIT 5 $$);
SELECT plan_of($$ SELECT id FROM radius_many WHERE v <<->> sphere('[1,0,0,0,0,0,0,0]', 1.5) AND kind < 2 $$);
RESET enable_seqscan;
SELECT condition, sum(cardinality(without)) > 50 AS enough, sum(cardinality(by_index)) >= 0.99 * sum(cardinality(without)) AS found,
       bool_and(by_index <@ without) AS right_ones,
       sum(cardinality(ordered)) >= 0.98 * sum(cardinality(without)) AS found_in_order, bool_and(ordered <@ without) AS right_in_order
FROM unnest(ARRAY['kind = 3', 'kind < 5', 'kind >= 0', 'kind < 9 AND id % 2 = 0']) condition, (SELECT v AS c FROM radius_many WHERE id % 1100 = 5) c,
    LATERAL (SELECT format('SELECT id FROM radius_many WHERE v <<->> sphere(%L, 1.3) AND %s', c, condition)) f (q),
    LATERAL (SELECT ids(q, true), ids(q, false), ids(q || format(' ORDER BY v <-> %L', c), true)) i (by_index, without, ordered)
GROUP BY condition ORDER BY condition;
SELECT pages_read(format('SELECT id FROM radius_many WHERE kind < 8 AND v <<->> sphere(%L, 0.5) ORDER BY v <-> %L LIMIT 1000', :'center', :'center')) * 4 <
       pages_read(format('SELECT id FROM radius_many WHERE kind < 8 AND v <-> %L < 0.5 ORDER BY v <-> %L LIMIT 1000', :'center', :'center')) AS stops;

-- rows that changed, and dead ones
DELETE FROM radius_many WHERE id % 2 = 0;
UPDATE radius_many SET v = v + '[0.01,0,0,0,0,0,0,0]' WHERE id % 5 = 0;
SELECT sum(cardinality(without)) > 100 AS enough, sum(cardinality(by_index)) >= 0.99 * sum(cardinality(without)) AS found, bool_and(by_index <@ without) AS right_ones
FROM (SELECT v AS c FROM radius_many WHERE id % 1100 = 5) c,
    LATERAL (SELECT format('SELECT id FROM radius_many WHERE v <<->> sphere(%L, 0.9)', c)) f (q),
    LATERAL (SELECT ids(q, true), ids(q, false)) i (by_index, without);
VACUUM radius_many;
SELECT sum(cardinality(without)) > 100 AS enough, sum(cardinality(by_index)) >= 0.99 * sum(cardinality(without)) AS found, bool_and(by_index <@ without) AS right_ones
FROM (SELECT v AS c FROM radius_many WHERE id % 1100 = 5) c,
    LATERAL (SELECT format('SELECT id FROM radius_many WHERE v <<->> sphere(%L, 0.9)', c)) f (q),
    LATERAL (SELECT ids(q, true), ids(q, false)) i (by_index, without);

-- settings: fewer candidates, no iteration, no order of batches
SET omenhnsw.iterative_scan = off;
SELECT cardinality(ids(format('SELECT id FROM radius_many WHERE v <<->> sphere(%1$L, 100) ORDER BY v <-> %1$L', :'center'), true)) AS candidates;
SET omenhnsw.iterative_scan = relaxed_order;
SELECT ids(q, true) <@ ids(q, false) AS right_ones, cardinality(ids(q, true)) >= 0.99 * cardinality(ids(q, false)) AS found
FROM format('SELECT id FROM radius_many WHERE v <<->> sphere(%L, 1.2) ORDER BY v <-> %L', :'center', :'center') q;
RESET omenhnsw.iterative_scan;

-- a cursor, read in parts
BEGIN;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_sort = off;
DECLARE radius_c CURSOR FOR SELECT id FROM radius_many
    WHERE v <<->> sphere((SELECT v FROM radius_many WHERE id = 4001), 0.9) ORDER BY v <-> (SELECT v FROM radius_many WHERE id = 4001);
FETCH 1 FROM radius_c;
MOVE 3 IN radius_c;
MOVE ALL IN radius_c \gset
FETCH 1 FROM radius_c;
COMMIT;

-- distances beyond what a code's distance can be: the table decides
CREATE TABLE radius_large (id integer, v vector(4));
INSERT INTO radius_large SELECT i, ARRAY[i, 1, 2, 3]::real[]::vector FROM generate_series(1, 20) i;
INSERT INTO radius_large VALUES (21, '[1e38,1e38,0,0]'), (22, '[3e38,3e38,3e38,3e38]'), (23, '[-3e38,-3e38,3e38,3e38]'), (24, '[-3e38,-3e38,-3e38,-3e38]');
CREATE INDEX ON radius_large USING omenhnsw (v vector_l2_ops) WITH (quantizer = none);
CREATE INDEX ON radius_large USING omenhnsw (v vector_ip_ops) WITH (quantizer = none);
CREATE INDEX ON radius_large USING omenhnsw (v vector_l1_ops) WITH (quantizer = none);
SELECT op, radius, cardinality(ids(q, false)) AS within, sorted(ids(q, true)) = sorted(ids(q, false)) AS by_index
FROM (VALUES ('<<->>', '1e300'), ('<<->>', 'infinity'), ('<<#>>', '-1e39'), ('<<#>>', '1e300'), ('<<#>>', 'infinity'), ('<<+>>', '1e300'), ('<<+>>', 'infinity')) r (op, radius),
    LATERAL (SELECT format('SELECT id FROM radius_large WHERE v %s sphere(''[1,2,2,4]'', %L)', op, radius)) f (q)
ORDER BY op, radius;

DROP TABLE radius_few, radius_center, radius_metric, radius_query, radius_pairs, radius_many, radius_large CASCADE;
DROP FUNCTION differences_with(text, text, text, text);
