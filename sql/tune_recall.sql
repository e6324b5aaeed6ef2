-- omendb_recall(): every type, partial and expression indexes, given queries; privileges; omendb_nearest_distances()
SET client_min_messages = warning;
SET extra_float_digits = -9;

-- exact distances in one pass, as a sort has them
CREATE TABLE rc_t (id int, v vector(8), h halfvec(8), s sparsevec(8), b bit(32), kind text, n int);
SELECT setseed(0.5);
INSERT INTO rc_t SELECT i, a::vector, a::halfvec, a::vector::sparsevec, ((random() * 2147483647)::int)::bit(32),
		CASE WHEN i % 4 = 0 THEN 'rare' ELSE 'usual' END, i % 10
	FROM generate_series(1, 3000) i, LATERAL (SELECT array_agg(random()::real) AS a FROM generate_series(1, 8) WHERE i > 0) x;
INSERT INTO rc_t VALUES (0, NULL, NULL, NULL, NULL, 'usual', 0);
SELECT omendb_nearest_distances(v, ARRAY[(SELECT v FROM rc_t WHERE id = 5)], 3, '<->(vector,vector)'::regoperator) IS NOT NULL FROM rc_t;
PREPARE nearest(vector[], int) AS SELECT omendb_nearest_distances(v, $1, $2, '<->(vector,vector)') FROM rc_t;
EXECUTE nearest(ARRAY['[0,0,0,0,0,0,0,0]', NULL, '[1,1,1,1,1,1,1,1]']::vector[], 2);
SELECT v <-> '[0,0,0,0,0,0,0,0]' AS d FROM rc_t ORDER BY d LIMIT 2;
SELECT v <-> '[1,1,1,1,1,1,1,1]' AS d FROM rc_t ORDER BY d LIMIT 2;
SELECT omendb_nearest_distances(v, ARRAY['[1]']::vector[], 3, '<->(vector,vector)') FROM (VALUES ('[1]'::vector), ('[3]')) t (v);
SELECT omendb_nearest_distances(v, ARRAY['[1]']::vector[], 3, '<->(vector,vector)') FROM (SELECT '[1]'::vector WHERE false) t (v);
EXECUTE nearest('{}', 2);
EXECUTE nearest(NULL, 2);
EXECUTE nearest(ARRAY['[0,0,0,0,0,0,0,0]']::vector[], 0);
EXECUTE nearest(ARRAY['[0,0]']::vector[], 2);
SELECT omendb_nearest_distances(v, ARRAY[v], 3, '<->(vector,vector)') FROM rc_t;
SELECT omendb_nearest_distances(v, ARRAY['[1]']::vector[], 3, '=(vector,vector)') FROM rc_t;
SELECT omendb_nearest_distances(v, ARRAY['[1]']::vector[], 3, '<->(halfvec,halfvec)') FROM rc_t;
SELECT omendb_nearest_distances(v, ARRAY['[1]']::vector[], k, '<->(vector,vector)') FROM (VALUES ('[1]'::vector, 1), ('[3]', 2)) t (v, k);

-- types that are no varlena: by value, by reference
SELECT omendb_nearest_distances(x, ARRAY[1, 4]::float8[], 2, '-(float8,float8)') FROM (VALUES (1.5::float8), (2.25), (NULL)) t (x);
SELECT omendb_nearest_distances(p, ARRAY[point(3, 4), NULL], 1, '<->(point,point)') FROM (VALUES (point(0, 0)), (point(3, 5))) t (p);

-- a subquery that is executed for each row has the queries, the operator and k of that row: plain, with groups, hashed or sorted, of toasted arrays
CREATE TABLE rc_given (n int, q vector[], o regoperator, k int);
INSERT INTO rc_given VALUES (1, ARRAY['[0,0]'::vector], '<->(vector,vector)', 1), (2, ARRAY['[9,9]'::vector], '<->(vector,vector)', 2), (3, ARRAY['[9,9]'::vector], '<+>(vector,vector)', 2),
	(4, ARRAY['[9,9]'::vector, '[0,1]', NULL], '<->(vector,vector)', 1), (5, NULL, '<->(vector,vector)', 1);
CREATE VIEW rc_few AS SELECT i AS id, i % 2 AS part, format('[%s,%s]', i, i)::vector AS v FROM generate_series(0, 3) i;
SELECT x.n, (SELECT omendb_nearest_distances(i.v, x.q, x.k, x.o) FROM rc_few i) FROM rc_given x WHERE n < 5 ORDER BY n;
SELECT x.n, l.* FROM rc_given x, LATERAL (SELECT i.part, omendb_nearest_distances(i.v, x.q, x.k, x.o) FROM rc_few i GROUP BY i.part) l WHERE n < 5 ORDER BY n, part;
SET enable_hashagg = off;
SELECT x.n, l.* FROM rc_given x, LATERAL (SELECT i.part, omendb_nearest_distances(i.v, x.q, x.k, x.o) FROM rc_few i GROUP BY i.part) l WHERE n < 5 ORDER BY n, part;
RESET enable_hashagg;
SELECT (SELECT omendb_nearest_distances(i.v, x.q, x.k, x.o) FROM rc_few i) FROM rc_given x WHERE n >= 4;
CREATE TABLE rc_long (n int, q vector[]);
ALTER TABLE rc_long ALTER q SET STORAGE EXTERNAL;
INSERT INTO rc_long SELECT n, array_agg(format('[%s,%s]', n, i)::vector ORDER BY i) FROM generate_series(1, 3) n, generate_series(1, 300) i GROUP BY n;
SELECT x.n, (SELECT (omendb_nearest_distances(i.v, x.q, 1, '<->(vector,vector)'))[1:2] FROM rc_few i) FROM rc_long x ORDER BY n;
SELECT part, omendb_nearest_distances(v, (SELECT q[1:2] FROM rc_long WHERE n = 2), 1, '<->(vector,vector)') FROM rc_few GROUP BY part ORDER BY part;

-- states that are none, given by a call or by an aggregate of somebody's own
SELECT omendb_nearest_final('{{3,1,2},{6,Infinity,5}}'), omendb_nearest_final(NULL);
SELECT omendb_nearest_final('[1000000:1000002]={1,2,3}');
SELECT omendb_nearest_final('{}');
SELECT omendb_nearest_final('{{{1}}}');
SELECT omendb_nearest_final('{{1,NULL}}');
SELECT omendb_nearest_final('[0:0][1:2]={{1,2}}');
SELECT omendb_nearest_combine('{{1}}', '{{1}}');
SELECT omendb_nearest_add(NULL, '[1]'::vector, ARRAY['[1]']::vector[], 1, '<->(vector,vector)');
CREATE AGGREGATE rc_add(vector, vector[], int, regoperator) (SFUNC = omendb_nearest_add, STYPE = float8[], INITCOND = '[1000000:1000002]={1,2,3}');
SELECT rc_add(v, ARRAY['[0,0]']::vector[], 1, '<->(vector,vector)') FROM rc_few;
CREATE AGGREGATE rc_combine(float8[]) (SFUNC = omendb_nearest_combine, STYPE = float8[], FINALFUNC = omendb_nearest_final);
SELECT rc_combine(s) FROM (VALUES ('{{4,2},{9,8}}'::float8[]), (NULL), ('{{3,1},{Infinity,7}}')) t (s);
SELECT rc_combine(s) FROM (VALUES ('{{4,2}}'::float8[]), ('{{3},{1}}')) t (s);
SELECT rc_combine(s) FROM (VALUES ('{{4,2}}'::float8[]), ('[1000000:1000002]={1,2,3}')) t (s);
SELECT rc_combine(s) FROM (VALUES ('{}'::float8[])) t (s);
DROP AGGREGATE rc_add(vector, vector[], int, regoperator), rc_combine(float8[]);
DROP VIEW rc_few;
DROP TABLE rc_given, rc_long;

-- all rows leave themselves out, and the exact answer is the same by a parallel plan
CREATE INDEX rc_l2 ON rc_t USING omenhnsw (v);
SELECT ef_search, recall > 0.7 AS good, recall <= 1 AS possible, distance_ratio BETWEEN 1 AND 1.2 AS near, ms > 0 AS timed, queries
	FROM omendb_recall('rc_l2', sample => 50);
SELECT a.recall = b.recall AS repeatable FROM omendb_recall('rc_l2', ef => '{40}') a, omendb_recall('rc_l2', ef => '{40}') b;
SELECT recall = 1 AS all_found FROM omendb_recall('rc_l2', k => 3, sample => 20, ef => '{10000}');
BEGIN;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
SELECT recall = 1 AS all_found, distance_ratio FROM omendb_recall('rc_l2', k => 3, sample => 20, ef => '{10000}');
ROLLBACK;
SHOW omenhnsw.ef_search;

-- types and distances
CREATE FUNCTION rc_index(class text, columns text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('CREATE INDEX rc_i ON rc_t USING omenhnsw (%s)', columns);
	SELECT format('%s: %s', class, CASE WHEN recall >= 0.95 AND queries >= 40 THEN 'good'
			ELSE format('recall %s of %s queries, distances %s', recall, queries, distance_ratio) END)
		INTO result FROM omendb_recall('rc_i', sample => 50, ef => '{200}');
	DROP INDEX rc_i;
	RETURN result;
END
$$;
SELECT rc_index(c, format('%s %s', substr(c, 1, 1), c)) FROM unnest(ARRAY['vector_ip_ops', 'vector_cosine_ops', 'vector_l1_ops',
	'halfvec_l2_ops', 'halfvec_ip_ops', 'halfvec_cosine_ops', 'halfvec_l1_ops', 'sparsevec_l2_ops', 'sparsevec_ip_ops',
	'sparsevec_cosine_ops', 'sparsevec_l1_ops', 'bit_hamming_ops', 'bit_jaccard_ops']) c;
SELECT rc_index('filter columns', 'v, n, kind');
SELECT rc_index('an expression', '((v::halfvec(8))) halfvec_l2_ops');
CREATE INDEX rc_p ON rc_t USING omenhnsw (v) WHERE kind = 'rare';
SELECT recall > 0.9 AS good, queries FROM omendb_recall('rc_p', sample => 1000, ef => '{100}');
DROP INDEX rc_p;

-- queries of a statement
SELECT ef_search, recall > 0.9 AS good, queries FROM omendb_recall('rc_l2', ef => '{100,50}', query => 'SELECT v FROM rc_t WHERE id < 20');
SELECT * FROM omendb_recall('rc_l2', query => 'SELECT v FROM rc_t WHERE false');
SELECT * FROM omendb_recall('rc_l2', query => 'SELECT h FROM rc_t LIMIT 1');
SELECT * FROM omendb_recall('rc_l2', query => 'SELECT v, id FROM rc_t LIMIT 1');
SELECT * FROM omendb_recall('rc_l2', query => 'DELETE FROM rc_t');
SELECT * FROM omendb_recall('rc_l2', query => $$SELECT '[1,2]'::vector$$);

-- an empty table; fewer rows than k
CREATE TABLE rc_e (v vector(2));
CREATE INDEX rc_e_v ON rc_e USING omenhnsw (v);
SELECT * FROM omendb_recall('rc_e_v');
INSERT INTO rc_e VALUES ('[1,1]');
SELECT ef_search, recall, distance_ratio, queries FROM omendb_recall('rc_e_v', ef => '{10}');
INSERT INTO rc_e VALUES ('[1,1]'), ('[2,2]');
SELECT ef_search, recall, distance_ratio, queries FROM omendb_recall('rc_e_v', ef => '{10}');

-- arguments
SELECT * FROM omendb_recall(NULL);
SELECT * FROM omendb_recall('rc_l2', k => 0);
SELECT * FROM omendb_recall('rc_l2', sample => 0);
SELECT * FROM omendb_recall('rc_l2', ef => '{10, 0}');
SELECT * FROM omendb_recall('rc_l2', ef => '{NULL}');
SELECT count(*) FROM omendb_recall('rc_l2', ef => '{}');
SELECT * FROM omendb_recall('rc_t');
SELECT * FROM omendb_recall('pg_class_oid_index');

-- who may: whoever reads all rows
CREATE ROLE regress_rc;
SET ROLE regress_rc;
SELECT recall FROM omendb_recall('rc_l2', ef => '{10}');
RESET ROLE;
GRANT SELECT ON rc_t TO regress_rc;
SET ROLE regress_rc;
SELECT recall > 0.5 AS good FROM omendb_recall('rc_l2', ef => '{40}');
RESET ROLE;
ALTER TABLE rc_t ENABLE ROW LEVEL SECURITY;
SET ROLE regress_rc;
SELECT recall FROM omendb_recall('rc_l2', ef => '{10}');
RESET ROLE;
SELECT recall > 0.5 AS good FROM omendb_recall('rc_l2', ef => '{40}');
REVOKE ALL ON rc_t FROM regress_rc;
DROP ROLE regress_rc;
DROP FUNCTION rc_index;
DROP TABLE rc_t, rc_e;
