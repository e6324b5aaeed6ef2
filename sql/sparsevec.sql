--
-- Type sparsevec: text, binary, casts, distances, order
--
SELECT '{1:1.5,3:-2}/5'::sparsevec, ' { 3 : 1 , 1 : 2 } / 4 '::sparsevec, '{}/3'::sparsevec, '{1:0,2:5}/3'::sparsevec, '{1000000000:1}/1000000000'::sparsevec;
SELECT '{1:0,1:2}/3'::sparsevec;
SELECT '{1:1,1:2}/3'::sparsevec;
SELECT '{0:1}/3'::sparsevec;
SELECT '{4:1}/3'::sparsevec;
SELECT '{-2147483648:1}/3'::sparsevec;
SELECT '{99999999999:1}/3'::sparsevec;
SELECT '{1:1}/0'::sparsevec;
SELECT '{1:1}/1000000001'::sparsevec;
SELECT '{1:1}'::sparsevec;
SELECT '{1:1}/'::sparsevec;
SELECT '{1:1/3'::sparsevec;
SELECT '{1}/3'::sparsevec;
SELECT '{1:}/3'::sparsevec;
SELECT '{:1}/3'::sparsevec;
SELECT '{1:1,}/3'::sparsevec;
SELECT '{1:1}/3x'::sparsevec;
SELECT '[1,2]'::sparsevec;
SELECT '{1:NaN}/3'::sparsevec;
SELECT '{1:Infinity}/3'::sparsevec;
SELECT '{1:1e400}/3'::sparsevec;
SELECT '{1:1e-400}/3'::sparsevec;
SELECT '{1:1e-45}/3'::sparsevec, '{1:0.0}/3'::sparsevec;
SELECT '{1:1}/3'::sparsevec(4);
SELECT '{1:1}/3'::sparsevec(0);
SELECT length(('{' || string_agg(i || ':1', ',') || '}/20000')::sparsevec::text) FROM generate_series(1, 16000) i;
SELECT ('{' || string_agg(i || ':1', ',') || '}/20000')::sparsevec FROM generate_series(1, 16001) i;
SELECT sparsevec_send('{1:1.5,3:-2}/5'), pg_column_size('{1:1.5,3:-2}/5'::sparsevec);
-- casts
SELECT '[0,1.5,0]'::vector::sparsevec, '{2:1.5}/3'::sparsevec::vector, '{2:1.5}/3'::sparsevec::halfvec, ARRAY[0,1,0]::sparsevec,
	ARRAY[0,1]::smallint[]::sparsevec, ARRAY[0,.5]::numeric[]::sparsevec(2);
SELECT '{1:1}/16001'::sparsevec::vector;
SELECT '{1:70000}/2'::sparsevec::halfvec;
SELECT '[1,2]'::vector::sparsevec(3);
SELECT ARRAY[]::int[]::sparsevec;
-- distances
SELECT a <-> b, a <#> b, a <=> b, a <+> b FROM (VALUES ('{1:1,3:2}/4'::sparsevec, '{1:4,4:4}/4'::sparsevec)) t(a, b);
SELECT l2_distance('{1:3}/2'::sparsevec, '{2:4}/2'), inner_product('{1:3}/2'::sparsevec, '{1:4}/2'), cosine_distance('{}/2'::sparsevec, '{1:4}/2'),
	l1_distance('{1:3}/2'::sparsevec, '{2:4}/2'), sparsevec_l2_squared_distance('{1:3}/2', '{2:4}/2'), sparsevec_negative_inner_product('{1:3}/2', '{1:4}/2');
SELECT '{1:1}/2'::sparsevec <-> '{1:1}/3';
SELECT l2_norm('{1:3,2:4}/2'::sparsevec), l2_normalize('{1:3,2:4}/2'::sparsevec), l2_normalize('{}/2'::sparsevec), l2_normalize('{1:3e38,2:1e-30}/2'::sparsevec);
-- order: that of the same vectors written out
SELECT v FROM (VALUES ('{1:1}/3'::sparsevec), ('{}/3'), ('{2:1}/3'), ('{1:-1}/3'), ('{}/2'), ('{3:1}/3'), ('{1:1,2:-1}/3')) t(v) ORDER BY v;
SELECT bool_and(sparsevec_cmp(a::sparsevec, b::sparsevec) = vector_cmp(a, b))
FROM (SELECT ARRAY[i % 3 - 1, i / 3 % 3 - 1, i / 9 % 3 - 1]::vector FROM generate_series(0, 26) i
	UNION ALL SELECT ARRAY[i % 3 - 1, i / 3 % 3 - 1]::vector FROM generate_series(0, 8) i) x(a),
	(SELECT ARRAY[i % 3 - 1, i / 3 % 3 - 1, i / 9 % 3 - 1]::vector FROM generate_series(0, 26) i) y(b);
SELECT '{1:1}/2'::sparsevec < '{1:2}/2', '{1:1}/2'::sparsevec <= '{1:1}/2', '{1:1}/2'::sparsevec = '{1:1}/3', '{1:1}/2'::sparsevec <> '{1:1}/3', '{1:1}/2'::sparsevec >= '{}/2', '{1:1}/2'::sparsevec > '{}/2';
CREATE TABLE sparsevec_t (v sparsevec(3));
INSERT INTO sparsevec_t VALUES ('{1:1}/3'), ('[1,0,2]'::vector);
INSERT INTO sparsevec_t VALUES ('{1:1}/4');
CREATE INDEX ON sparsevec_t (v);
SELECT * FROM sparsevec_t ORDER BY v DESC;
DROP TABLE sparsevec_t;
