-- Indexes of the types beside vector, against sequential scans: each metric, in order, within bounds and
-- spheres, with filter columns, built and grown.

SET max_parallel_workers_per_gather = 0;
SET jit = off;
SET client_min_messages = warning;

-- few rows, of which all codes are compared: nothing is missed.  Zeros, NULLs, equal values
CREATE TABLE types_few (id integer PRIMARY KEY, kind integer, v vector(12), h halfvec(12), b bit(70), s sparsevec(12), w sparsevec(2000000));
INSERT INTO types_few (id, kind, v)
SELECT i, i % 5, CASE WHEN i % 40 = 7 THEN NULL WHEN i % 40 = 8 THEN array_fill(0, ARRAY[12])::vector
    ELSE (SELECT array_agg(trunc(8 * sin(i * 1.1 + d * d) + cos(i * d * 2.3)) / 4 ORDER BY d) FROM generate_series(1, 12) d)::vector END
FROM generate_series(1, 500) i;
INSERT INTO types_few (id, kind, v) SELECT id + 1000, kind, v FROM types_few WHERE id <= 60;
-- w: more dimensions than terms of 16 bits tell apart
-- 70 bits: no whole number of bytes, nor of words
UPDATE types_few SET h = v, b = CASE WHEN id % 40 = 8 THEN repeat('0', 70)::bit(70)
    WHEN v IS NOT NULL THEN ('x' || md5((id % 1000)::text))::bit(70) & ('x' || md5((id % 10)::text))::bit(70) END,
    s = v, w = ('{' || coalesce((SELECT string_agg((id % 3 * 9973 + d * 150001)::text || ':' || x, ',') FROM unnest(v::real[]) WITH ORDINALITY u(x, d)), '') || '}/2000000')::sparsevec;
UPDATE types_few SET w = NULL WHERE v IS NULL;

CREATE TABLE types_case (class text, col text, operator text, sphere text, radii float8[]);
INSERT INTO types_case VALUES
    ('sparsevec_l2_ops', 's', '<->', 'sphere_sparsevec', '{0.5,3,4.5,1e9,0,-1,Infinity}'),
    ('sparsevec_ip_ops', 's', '<#>', 'sphere_sparsevec', '{-9,-1,0,1.5,1e9,-1e9,Infinity}'),
    ('sparsevec_cosine_ops', 's', '<=>', 'sphere_sparsevec', '{0.05,0.3,1,1.9,2.5,0,-1,Infinity}'),
    ('sparsevec_l1_ops', 's', '<+>', 'sphere_sparsevec', '{1,6,12,1e9,0,-1,Infinity}'),
    ('bit_hamming_ops', 'b', '<~>', 'sphere_bit', '{1,10,18.5,1e9,0,-1,Infinity}'),
    ('bit_jaccard_ops', 'b', '<%>', 'sphere_bit', '{0.3,0.75,0.8181818181818182,1,1.1,0,-1,Infinity}'),
    ('halfvec_l2_ops', 'h', '<->', 'sphere_halfvec', '{0.5,3,4.5,1e9,0,-1,Infinity}'),
    ('halfvec_ip_ops', 'h', '<#>', 'sphere_halfvec', '{-9,-1,0,1.5,1e9,-1e9,Infinity}'),
    ('halfvec_cosine_ops', 'h', '<=>', 'sphere_halfvec', '{0.05,0.3,1,1.9,2.5,0,-1,Infinity}'),
    ('halfvec_l1_ops', 'h', '<+>', 'sphere_halfvec', '{1,6,12,1e9,0,-1,Infinity}');


\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/helpers/search.sql'
\i :helpers
-- queries of a case whose answers differ, or that do not use the index
CREATE FUNCTION differences(c types_case) RETURNS TABLE (queries bigint, unused bigint, differing bigint) LANGUAGE plpgsql AS $$
DECLARE
    query text;
BEGIN
    queries := 0;
    unused := 0;
    differing := 0;
    FOR query IN
        WITH center AS (SELECT format('(SELECT %I FROM types_few WHERE id = %s)', c.col, n) AS center FROM unnest('{1,8,77}'::int[]) n),
        dist AS (SELECT center, format('%I %s %s', c.col, c.operator, center) AS dist FROM center),
        bound AS (SELECT center, dist, r, format('%s < %L::float8', dist, r) AS below,
                format('%L::float8 >= %s', r, dist) AS above, format('%I <%s> %s(%s, %L)', c.col, c.operator, c.sphere, center, r) AS sphere
            FROM dist, unnest(c.radii) r)
        SELECT format('SELECT %s FROM types_few %s ORDER BY %s LIMIT %s', dist, filter, dist, n)
            FROM dist, (VALUES ('', 10), ('', 1000), ('WHERE kind = 3', 25)) f (filter, n)
        UNION ALL SELECT format('SELECT %s FROM types_few WHERE %s ORDER BY %s LIMIT 40', dist, w, dist) FROM bound, LATERAL (VALUES (below), (above)) l (w)
        UNION ALL SELECT format('SELECT id FROM types_few WHERE %s AND kind <> 2', w) FROM bound, LATERAL (VALUES (below), (sphere)) l (w)
    LOOP
        queries := queries + 1;
        PERFORM set_config('enable_seqscan', 'off', true);
        unused := unused + (NOT EXISTS (SELECT FROM plan_of(query) line WHERE line LIKE '%Index Scan using types_i %'))::int;
        -- without ORDER BY rows come in any order
        IF query NOT LIKE '%ORDER BY%' THEN
            query := query || ' ORDER BY 1';
        END IF;
        differing := differing + (returned(query, true) IS DISTINCT FROM returned(query, false))::int;
    END LOOP;
    RETURN NEXT;
END
$$;

CREATE FUNCTION try(options text, more text DEFAULT ', kind', cols text DEFAULT '%') RETURNS TABLE (class text, state text, queries bigint, unused bigint, differing bigint, checked bigint) LANGUAGE plpgsql AS $$
DECLARE
    c types_case;
BEGIN
    FOR c IN SELECT * FROM types_case WHERE col LIKE cols ORDER BY types_case.class LOOP
        class := c.class;
        FOREACH state IN ARRAY '{built,grown}'::text[] LOOP
            IF state = 'grown' THEN
                EXECUTE format('CREATE TEMP TABLE saved AS SELECT * FROM types_few; TRUNCATE types_few');
            END IF;
            EXECUTE format('CREATE INDEX types_i ON types_few USING omenhnsw (%I %s%s) %s', c.col, c.class, more, options);
            IF state = 'grown' THEN
                INSERT INTO types_few SELECT * FROM saved ORDER BY id % 7, id;
                DROP TABLE saved;
            END IF;
            SELECT * INTO queries, unused, differing FROM differences(c);
            SELECT heap_rows INTO checked FROM omendb_index_check('types_i', true);
            RETURN NEXT;
            DROP INDEX types_i;
        END LOOP;
    END LOOP;
END
$$;
-- bits are exact, and so are floats but for rounding
SELECT * FROM try('', cols => 'b');
SELECT * FROM try('WITH (quantizer = none)', '', 'h');
-- codes: beyond three standard errors, one row in a thousand comes late or is missed
SELECT class, state, queries, unused, differing <= 3 AS few, checked FROM try('', cols => 'h');
SELECT class, state, queries, unused, differing <= 3 AS few, checked FROM try('', cols => 's');
UPDATE types_case SET col = 'w' WHERE col = 's';
SELECT class, state, queries, unused, differing <= 3 AS few, checked FROM try('', cols => 'w');
-- fewer elements than the rows have: more is left to the table
SELECT class, state, queries, unused, differing <= 3 AS few, checked FROM try('WITH (elements = 6)', cols => 'w');

-- bounds with arithmetic, and by functions
CREATE INDEX types_i ON types_few USING omenhnsw (h halfvec_cosine_ops);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM types_few WHERE 1 - (h <=> array_fill(1, ARRAY[12])::halfvec) > 0.5 LIMIT 3;
SELECT count(*) FROM types_few WHERE 1 - (h <=> array_fill(1, ARRAY[12])::halfvec) > 0.5;
SET omenhnsw.distance_bounds = off;
SELECT count(*) FROM types_few WHERE 1 - (h <=> array_fill(1, ARRAY[12])::halfvec) > 0.5;
RESET omenhnsw.distance_bounds;
-- errors are the operators'; a NULL orders nothing
SELECT id FROM types_few ORDER BY h <=> '[1,2]' LIMIT 1;
SELECT count(*) FROM (SELECT id FROM types_few ORDER BY h <=> NULL::halfvec LIMIT 1000) s;
SELECT count(*) FROM (SELECT id FROM types_few ORDER BY h <=> array_fill(0, ARRAY[12])::halfvec LIMIT 1000) s;
DROP INDEX types_i;
CREATE INDEX types_i ON types_few USING omenhnsw (h halfvec_ip_ops);
EXPLAIN (COSTS OFF) SELECT id FROM types_few WHERE inner_product(h, array_fill(1, ARRAY[12])::halfvec) >= 2 LIMIT 3;
SELECT count(*) FROM types_few WHERE inner_product(h, array_fill(1, ARRAY[12])::halfvec) >= 2;
SET omenhnsw.distance_bounds = off;
SELECT count(*) FROM types_few WHERE inner_product(h, array_fill(1, ARRAY[12])::halfvec) >= 2;
RESET omenhnsw.distance_bounds;
DROP INDEX types_i;
-- an expression
CREATE INDEX types_i ON types_few USING omenhnsw ((v::halfvec(12)) halfvec_l2_ops);
EXPLAIN (COSTS OFF) SELECT id FROM types_few ORDER BY v::halfvec(12) <-> array_fill(1, ARRAY[12])::halfvec LIMIT 3;
SELECT id FROM types_few ORDER BY v::halfvec(12) <-> (SELECT h FROM types_few WHERE id = 77), id LIMIT 2;
SELECT heap_rows FROM omendb_index_check('types_i', true);
DROP INDEX types_i;
CREATE INDEX types_i ON types_few USING omenhnsw ((binary_quantize(v)::bit(12)) bit_hamming_ops);
EXPLAIN (COSTS OFF) SELECT id FROM types_few ORDER BY binary_quantize(v)::bit(12) <~> B'111000111000' LIMIT 3;
SELECT heap_rows FROM omendb_index_check('types_i', true);
DROP TABLE types_few;

-- no dimensions, or too many
CREATE TABLE types_free (h halfvec, b bit(64001), n bit(64000), m bit(3), s sparsevec(30000));
CREATE INDEX ON types_free USING omenhnsw (h halfvec_l2_ops);
CREATE INDEX ON types_free USING omenhnsw (h);
CREATE INDEX ON types_free USING omenhnsw ((h::halfvec(3)) vector_l2_ops);
CREATE INDEX ON types_free USING omenhnsw (b bit_hamming_ops);
CREATE INDEX ON types_free USING omenhnsw (n bit_hamming_ops) WITH (m = 17);
CREATE INDEX ON types_free USING omenhnsw (m bit_hamming_ops) WITH (quantizer = binary);
CREATE INDEX ON types_free USING omenhnsw (m bit_hamming_ops) WITH (bits = 1);
CREATE INDEX ON types_free USING omenhnsw (m bit_jaccard_ops) WITH (rerank = heap);
CREATE INDEX ON types_free USING omenhnsw (m vector_l2_ops);
CREATE INDEX ON types_free USING omenhnsw (m bit_jaccard_ops) WITH (elements = 9);
CREATE INDEX ON types_free USING omenhnsw ((h::halfvec(3)) halfvec_l2_ops) WITH (elements = 9);
CREATE INDEX ON types_free USING omenhnsw (s sparsevec_l2_ops) WITH (bits = 4);
CREATE INDEX ON types_free USING omenhnsw (s sparsevec_l2_ops) WITH (rerank = index);
CREATE INDEX ON types_free USING omenhnsw (s sparsevec_l2_ops) WITH (elements = 2700);
CREATE INDEX types_s ON types_free USING omenhnsw (s sparsevec_l2_ops) WITH (elements = 2600);
SELECT quantizer, subvectors, rerank, metric, dimensions, nodes_per_page, chosen_by FROM omendb_index_info('types_s');
-- more elements than a node holds, and than pgvector's indexes take
INSERT INTO types_free (s) SELECT (SELECT '{' || string_agg(d || ':' || 1 + i * d % 7, ',') || '}/30000' FROM generate_series(1, 3000 + i) d)::sparsevec FROM generate_series(1, 20) i;
SET enable_seqscan = off;
SELECT round((s <-> (SELECT s FROM types_free ORDER BY s::text DESC LIMIT 1))::numeric, 2) FROM types_free
    ORDER BY s <-> (SELECT s FROM types_free ORDER BY s::text DESC LIMIT 1) LIMIT 2;
SET enable_seqscan = on;
SELECT heap_rows FROM omendb_index_check('types_s', true);
DROP TABLE types_free;

-- terms of a billion: queries of 300 of them, among which a hash of 16 bits would have some collide; rows of one each are in order
CREATE TABLE types_wide (id integer, s sparsevec(1000000000));
INSERT INTO types_wide SELECT i, format('{%s:%s}/1000000000', i * 321321, 1 + i / 3000.0)::sparsevec FROM generate_series(1, 3000) i;
CREATE INDEX types_w ON types_wide USING omenhnsw (s sparsevec_ip_ops) WITH (elements = 300);
SELECT bits, subvectors FROM omendb_index_info('types_w');
SELECT setseed(0.25);
CREATE TABLE types_query AS SELECT k, ('{' || string_agg(i * 321321 || ':1', ',') || '}/1000000000')::sparsevec AS q
    FROM generate_series(1, 20) k, generate_series(1, 3000) i WHERE random() < 0.1 GROUP BY k;
SET enable_seqscan = off;
SET omenhnsw.ef_search = 400;
SELECT sum((rank < before)::int) AS out_of_order, count(*) FILTER (WHERE rank < 0) - (SELECT sum(array_length(string_to_array(q::text, ','), 1)) FROM types_query) AS missed FROM (
    SELECT k, id, rank, lag(rank) OVER (PARTITION BY k ORDER BY n) AS before FROM (
        SELECT k, row_number() OVER () AS n, id, s <#> q AS rank
            FROM types_query, LATERAL (SELECT * FROM types_wide ORDER BY s <#> q LIMIT 400) o) o) o;
RESET omenhnsw.ef_search;
SET enable_seqscan = on;
SELECT heap_rows FROM omendb_index_check('types_w', true);
CREATE INDEX ON types_wide USING omenhnsw (s sparsevec_l2_ops) WITH (elements = 1700);
DROP TABLE types_wide, types_query;

-- TOASTed values, from half as many dimensions on as of vector: refinements, or the table
CREATE FUNCTION wave(i integer, dim integer) RETURNS float8[] LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg(round((sin(i * 0.37 + d * 0.11) * cos(i * d * 0.013))::numeric, 2)::float8 ORDER BY d) FROM generate_series(1, dim) d
$$;
CREATE TABLE types_long (id integer, h halfvec(1100), t halfvec(900), l halfvec(16000), b bit(64000));
INSERT INTO types_long SELECT i, wave(i, 1100)::halfvec, wave(i, 900)::halfvec FROM generate_series(1, 120) i;
CREATE INDEX types_h ON types_long USING omenhnsw (h halfvec_cosine_ops);
CREATE INDEX types_t ON types_long USING omenhnsw (t halfvec_l2_ops);
SELECT quantizer, bits, rerank, metric, dimensions FROM omendb_index_info('types_h');
SELECT quantizer, bits, rerank, metric, dimensions FROM omendb_index_info('types_t');
SET enable_seqscan = off;
SELECT id FROM types_long ORDER BY h <=> wave(17, 1100)::halfvec LIMIT 5;
SELECT id FROM types_long ORDER BY t <-> wave(17, 900)::halfvec LIMIT 5;
SET enable_seqscan = on;
SET enable_indexscan = off;
SELECT id FROM types_long ORDER BY h <=> wave(17, 1100)::halfvec LIMIT 5;
SELECT id FROM types_long ORDER BY t <-> wave(17, 900)::halfvec LIMIT 5;
RESET enable_indexscan;
SELECT heap_rows FROM omendb_index_check('types_h', true);
-- the most dimensions
UPDATE types_long SET l = wave(id, 16000)::halfvec WHERE id <= 30;
CREATE INDEX types_l ON types_long USING omenhnsw (l halfvec_ip_ops);
SELECT quantizer, bits, rerank, metric, dimensions FROM omendb_index_info('types_l');
SET enable_seqscan = off;
SELECT id FROM types_long ORDER BY l <#> wave(11, 16000)::halfvec LIMIT 1;
SELECT heap_rows FROM omendb_index_check('types_l', true);
UPDATE types_long SET b = ('x' || (SELECT string_agg(md5((CASE WHEN d < id THEN id * 1000 ELSE 0 END + d)::text), '' ORDER BY d) FROM generate_series(1, 500) d))::bit(64000);
CREATE INDEX types_b ON types_long USING omenhnsw (b bit_hamming_ops);
SELECT quantizer, bits, rerank, metric, dimensions, code_bytes, nodes_per_page FROM omendb_index_info('types_b');
SELECT id, b <~> (SELECT b FROM types_long WHERE id = 50) AS d FROM types_long ORDER BY 2 LIMIT 3;
SELECT id FROM types_long ORDER BY b <~> (SELECT b FROM types_long WHERE id = 50) LIMIT 3;
INSERT INTO types_long (id, b) SELECT id + 1000, b FROM types_long WHERE id = 50;
SELECT id FROM types_long ORDER BY b <~> B'1'::bit(64000) LIMIT 1;
SELECT heap_rows FROM omendb_index_check('types_b', true);
SELECT id FROM types_long ORDER BY b <~> B'101' LIMIT 1;
DROP TABLE types_long;
