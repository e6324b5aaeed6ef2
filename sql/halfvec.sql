--
-- Type halfvec: text, binary, casts, arithmetic, distances, order, aggregates
--
SELECT '[1,2,3]'::halfvec, ' [ 1.5 , -2e1,.25] '::halfvec, '[0.1,1e-8,6e-8,-0]'::halfvec;
-- to nearest even; 65519.99 is the last that is finite
SELECT '[2049,2051,65504,65519.99]'::halfvec;
SELECT '[65520]'::halfvec;
SELECT '[-1e5]'::halfvec;
SELECT '[1e400]'::halfvec;
SELECT '[NaN]'::halfvec;
SELECT '[-Infinity]'::halfvec;
SELECT '[]'::halfvec;
SELECT '[1,2'::halfvec;
SELECT '[1,2]x'::halfvec;
SELECT '[1,2,3]'::halfvec(2);
SELECT '[1,2]'::halfvec(0);
SELECT '[1,2]'::halfvec(16001);
CREATE TABLE halfvec_t (id int, v halfvec(3));
INSERT INTO halfvec_t VALUES (1, '[1,2,3]'), (2, '[4,5,6]'), (3, NULL), (4, '{1,2,4}'::int2[]);
INSERT INTO halfvec_t VALUES (5, '[1,2]');
SELECT attname, format_type(atttypid, atttypmod), attstorage FROM pg_attribute WHERE attrelid = 'halfvec_t'::regclass AND attnum > 0;
SELECT pg_column_size('[1,2,3]'::halfvec), octet_length(halfvec_send('[1,2,3]'));
SELECT halfvec_send('[1,-2,65504]');
-- casts
SELECT '[1,2.5]'::halfvec::vector, '[1,2.5]'::vector::halfvec, '[0,1.5]'::halfvec::sparsevec;
SELECT '[70000]'::vector::halfvec;
SELECT ARRAY[1,2]::halfvec, ARRAY[1,2]::smallint[]::halfvec, ARRAY[1,2]::bigint[]::halfvec, ARRAY[.5,2]::real[]::halfvec,
	ARRAY[.5,2]::float8[]::halfvec, ARRAY[.5,2]::numeric[]::halfvec(2), '[1,2.5]'::halfvec::real[];
SELECT ARRAY[70000]::halfvec;
SELECT ARRAY[70000]::float8[]::halfvec;
SELECT ARRAY[NULL,1]::real[]::halfvec;
SELECT '{{1},{2}}'::int[]::halfvec;
-- arithmetic
SELECT '[1,2]'::halfvec + '[.5,-2]', '[1,2]'::halfvec - '[.5,-2]', '[1,2]'::halfvec * '[.5,-2]', '[1,2]'::halfvec || '[3]'::halfvec;
SELECT '[65504]'::halfvec + '[65504]'::halfvec;
SELECT '[1e-7]'::halfvec * '[1e-7]'::halfvec;
SELECT '[1]'::halfvec + '[1,2]'::halfvec;
SELECT vector_dims('[1,2]'::halfvec), l2_norm('[3,4]'::halfvec), l2_normalize('[3,4]'::halfvec), l2_normalize('[0,0]'::halfvec),
	subvector('[1,2,3,4]'::halfvec, 2, 2), subvector('[1,2,3,4]'::halfvec, -1, 3), binary_quantize('[1,0,-1,2]'::halfvec);
SELECT subvector('[1,2,3]'::halfvec, 4, 1);
-- distances
SELECT '[1,2]'::halfvec <-> '[4,6]', '[1,2]'::halfvec <#> '[3,4]', '[1,1]'::halfvec <=> '[1,-1]', '[1,2]'::halfvec <+> '[3,5]';
SELECT l2_distance('[1,2]'::halfvec, '[4,6]'), inner_product('[1,2]'::halfvec, '[3,4]'), cosine_distance('[0,0]'::halfvec, '[1,1]'),
	l1_distance('[1,2]'::halfvec, '[3,5]'), halfvec_l2_squared_distance('[1,2]', '[4,6]'),
	halfvec_negative_inner_product('[1,2]', '[3,4]'), halfvec_spherical_distance('[1,0]', '[0,1]');
SELECT '[1,2]'::halfvec <-> '[1]';
SELECT cosine_distance('[1e-7,2e-7]'::halfvec, '[60000,60000]');
-- order
SELECT v FROM halfvec_t ORDER BY v;
SELECT '[1,2]'::halfvec < '[1,3]', '[1]'::halfvec <= '[1,0]', '[0]'::halfvec = '[-0]', '[1]'::halfvec <> '[1]', '[2]'::halfvec > '[1,5]', '[1]'::halfvec >= '[2]', halfvec_cmp('[1]', '[1,0]');
CREATE INDEX ON halfvec_t (v);
SET enable_seqscan = off;
SELECT id FROM halfvec_t WHERE v = '[4,5,6]';
RESET enable_seqscan;
SELECT count(DISTINCT v) FROM halfvec_t;
-- aggregates
SELECT avg(v), sum(v) FROM halfvec_t;
SELECT avg(v), sum(v) FROM halfvec_t WHERE id > 100;
SELECT sum(v) FROM (VALUES ('[65504]'::halfvec), ('[65504]')) t(v);
SELECT avg(v) FROM (VALUES ('[65504]'::halfvec), ('[65504]')) t(v);
SELECT avg(v) FROM (VALUES ('[1]'::halfvec), ('[1,2]')) t(v);
SELECT halfvec_avg('{0}'), halfvec_combine('{1,2}', '{3,4}');
SELECT halfvec_combine('{1,2}', '{3,4,5}');
DROP TABLE halfvec_t;
