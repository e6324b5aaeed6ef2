--
-- Several vectors for a row: MaxSim of vector[] and halfvec[]
--
-- of each vector of the query (on the right) the largest inner product with one of the row, summed up
SELECT max_sim(ARRAY['[1,0]', '[0,2]']::vector[], ARRAY['[1,1]', '[3,0]', '[0,-1]']::vector[]),
	ARRAY['[1,0]', '[0,2]']::vector[] @# ARRAY['[1,1]', '[3,0]', '[0,-1]']::vector[] AS operator;
SELECT max_sim(ARRAY['[1,1]', '[3,0]', '[0,-1]']::vector[], ARRAY['[1,0]', '[0,2]']::vector[]) AS "the other way round";
SELECT max_sim(ARRAY['[1,0.5]', '[0,2]']::halfvec[], ARRAY['[1,1]', '[3,0]']::halfvec[]),
	ARRAY['[1,0.5]', '[0,2]']::halfvec[] @# ARRAY['[1,1]', '[3,0]']::halfvec[] AS operator;
SELECT max_sim('{"[1,2,3]"}'::vector(3)[], '{"[1,2,3]"}'), max_sim('{"[1]"}'::vector[], '{"[-2]"}');
-- the same as by SQL, of any number of vectors and dimensions
CREATE FUNCTION max_sim_by_sql(r vector[], q vector[]) RETURNS float8 LANGUAGE sql IMMUTABLE AS
	'SELECT sum(best) FROM (SELECT max(inner_product(a, b)) AS best FROM unnest(r) a, unnest(q) WITH ORDINALITY u(b, i) GROUP BY i) s';
CREATE FUNCTION some_vectors(seed int, n int, dim int) RETURNS vector[] LANGUAGE sql IMMUTABLE AS
	'SELECT array_agg(v ORDER BY i) FROM (SELECT i, array_agg(sin(seed * 1.7 + i * i * 12.9898 + d * 78.233)::real ORDER BY d)::vector AS v
		FROM generate_series(1, n) i, generate_series(1, dim) d GROUP BY i) s';
SELECT count(*), bool_and(max_sim(r, q) = -(r @# q)) AS negative, max(abs(max_sim(r, q) - max_sim_by_sql(r, q))) < 1e-4 AS same,
	max(abs(max_sim(r::halfvec[], q::halfvec[]) - max_sim_by_sql(r, q))) < 2e-1 AS nearly
FROM (SELECT some_vectors(i, 1 + i % 7, dim) AS r, some_vectors(-i, 1 + i % 5, dim) AS q FROM generate_series(1, 20) i, unnest(ARRAY[1, 2, 3, 17, 128]) dim) s;
-- no vector, no similarity
SELECT max_sim('{}'::vector[], '{"[1]"}'), '{"[1]"}'::vector[] @# '{}', '{}'::vector[] @# '{}', NULL::vector[] @# '{"[1]"}', max_sim('{"[1]"}'::vector[], NULL);
-- lower bounds of the array do not matter
SELECT max_sim('[5:6]={"[1,0]","[0,2]"}'::vector[], '[-1:-1]={"[1,1]"}');
-- errors
\set VERBOSITY sqlstate
SELECT max_sim('{"[1,2]"}'::vector[], '{"[1,2,3]"}');
SELECT max_sim('{"[1,2]","[1]"}'::vector[], '{"[1,2]"}');
SELECT max_sim('{"[1,2]",NULL}'::vector[], '{"[1,2]"}');
SELECT max_sim('{"[1,2]"}'::vector[], ARRAY[NULL]::vector[]);
SELECT max_sim('{{"[1,2]"},{"[3,4]"}}'::vector[], '{"[1,2]"}');
SELECT '{"[1,2]"}'::halfvec[] @# '{"[1,2]","[1]"}';
SELECT '{"[1,2]"}'::vector[] @# '{"[1,2]"}'::halfvec[];
\set VERBOSITY terse
SELECT max_sim('{"[1,2]"}'::vector[], '{"[1,2,3]"}');
SELECT max_sim('{"[1,2]","[1]"}'::vector[], '{"[1,2]"}');
SELECT max_sim('{"[1,2]",NULL}'::vector[], '{"[1,2]"}');
SELECT max_sim('{{"[1,2]"},{"[3,4]"}}'::vector[], '{"[1,2]"}');
\set VERBOSITY default
-- values as tables have them: compressed, in the TOAST table, grown by ||
CREATE TABLE mv (id int, v vector(128)[]);
INSERT INTO mv SELECT i, some_vectors(i, 20, 128) FROM generate_series(1, 20) i;
INSERT INTO mv SELECT 21, array_fill('[1]'::vector || array_fill(0::real, ARRAY[127])::vector, ARRAY[50]);
UPDATE mv SET v = v || some_vectors(100 + id, 2, 128) WHERE id % 2 = 0;
UPDATE mv SET v[3] = (some_vectors(-id, 1, 128))[1] WHERE id % 3 = 0;
INSERT INTO mv VALUES (22, '{"[1,2]"}');
SELECT count(*), max(abs(max_sim(v, q) - max_sim_by_sql(v, q))) < 1e-3 AS same
FROM mv, (SELECT some_vectors(7, 4, 128)) s(q);
SELECT (SELECT id FROM mv ORDER BY v @# some_vectors(5, 3, 128) LIMIT 1), (SELECT id FROM mv ORDER BY max_sim(v, some_vectors(5, 3, 128)) DESC LIMIT 1);
DROP TABLE mv;
DROP FUNCTION some_vectors, max_sim_by_sql;
