--
-- vector as a column type: storage, defaults, domains, arrays, COPY; the operators
--
SET client_min_messages = warning;

-- operators
SELECT '[1,2,3]'::vector + '[4,5,6]' AS add, '[1,2,3]'::vector - '[4,5,6]' AS sub,
    '[1,2,3]'::vector * '[4,5,6]' AS mul, '[1,2,3]'::vector || '[4,5]' AS concat;
SELECT '[0,0]'::vector <-> '[3,4]' AS l2, '[1,2]'::vector <#> '[3,4]' AS ip,
    '[1,0]'::vector <=> '[0,2]' AS cosine, '[0,0]'::vector <+> '[3,4]' AS l1;
SELECT a, b, a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt
FROM (VALUES ('[1,2,3]'::vector, '[1,2,3]'::vector), ('[1,2,3]', '[1,2]'), ('[1,2]', '[1,2,3]'),
    ('[1,2]', '[2,3,4]'), ('[2,3]', '[1,2,3]'), ('[0]', '[-0]'), ('[-1]', '[1]')) t(a, b);

-- wide operands take the vectorised loops and their remainders
SELECT d, v + v = two AS add, two - v = v AS sub, v * v = v AS mul, vector_dims(v || v) = 2 * d AS concat,
    v <-> two = sqrt(d) AS l2, v <#> two = -2 * d AS ip, v <+> two = d AS l1,
    abs(v <=> two) < 1e-6 AS cosine
FROM (SELECT d, array_fill(1, ARRAY[d])::vector AS v, array_fill(2, ARRAY[d])::vector AS two
      FROM unnest(ARRAY[1, 3, 4, 7, 8, 15, 16, 17, 31, 33, 63, 65, 100, 768, 1000, 7999, 8000]) d) t;

-- refused
SELECT '[3e38]'::vector + '[3e38]';
SELECT '[-3e38]'::vector - '[3e38]';
SELECT '[1e37]'::vector * '[1e37]';
SELECT '[1e-37]'::vector * '[1e-37]';
SELECT array_fill(0, ARRAY[16000])::vector || '[1]';
SELECT '[1,2]'::vector + '[3]';
SELECT '[1,2]'::vector - '[3]';
SELECT '[1,2]'::vector * '[3]';
SELECT '[1,2]'::vector <-> '[3]';
SELECT '[1,2]'::vector <#> '[3]';
SELECT '[1,2]'::vector <=> '[3]';
SELECT '[1,2]'::vector <+> '[3]';

-- NULL in, NULL out
SELECT ('[1]'::vector <-> NULL) IS NULL AS distance, ('[1]'::vector + NULL) IS NULL AS sum;

-- a column of fixed dimensions
CREATE TABLE item (id int PRIMARY KEY, v vector(3) DEFAULT '[0,0,0]');
INSERT INTO item VALUES (1, '[1,2,3]'), (2, '[4,5,6]'), (3, NULL), (4, DEFAULT);
INSERT INTO item VALUES (5, '[1,2]');
INSERT INTO item VALUES (5, ARRAY[1, 2, 3, 4]);
INSERT INTO item VALUES (5, ARRAY[7, 8, 9]);
UPDATE item SET v = v + '[1,1,1]' WHERE id = 2;
UPDATE item SET v = v || v WHERE id = 2;
SELECT * FROM item ORDER BY v <-> '[5,6,7]', id;
SELECT atttypmod, format_type(atttypid, atttypmod), attstorage
FROM pg_attribute WHERE attrelid = 'item'::regclass AND attname = 'v';
ALTER TABLE item ALTER v TYPE vector;
INSERT INTO item VALUES (6, '[1,2]');
ALTER TABLE item ALTER v TYPE vector(3);
DELETE FROM item WHERE id = 6;
ALTER TABLE item ALTER v TYPE vector(3);
ALTER TABLE item ALTER v TYPE real[];
ALTER TABLE item ALTER v TYPE vector(3);
SELECT * FROM item ORDER BY id;

-- COPY, both formats
COPY item TO stdout;
\getenv dir PG_ABS_BUILDDIR
\set file :dir '/results/vector_type.bin'
\set save '\\copy item to ' '''' :file '''' ' with (format binary)'
\set load '\\copy item2 from ' '''' :file '''' ' with (format binary)'
CREATE TABLE item2 (LIKE item);
:save
:load
SELECT count(*) AS rows, count(*) FILTER (WHERE item.v IS DISTINCT FROM item2.v) AS different
FROM item JOIN item2 USING (id);
COPY item2 FROM stdin;
7	[1,2,3]
8	\N
\.
COPY item2 FROM stdin;
9	[1,2,x]
\.
SELECT * FROM item2 WHERE id > 6 ORDER BY id;

-- a value above 2 kB goes out of line, uncompressed, and comes back whole
CREATE TABLE wide (id int, v vector(2000));
INSERT INTO wide SELECT i, (SELECT array_agg(i * 10000 + j ORDER BY j) FROM generate_series(1, 2000) j)
FROM generate_series(1, 3) i;
SELECT id, pg_column_size(v), vector_dims(v), subvector(v, 1999, 2) FROM wide ORDER BY id;
SELECT pg_relation_size(reltoastrelid) > 0 AS toasted FROM pg_class WHERE oid = 'wide'::regclass;
SELECT a.id, b.id, a.v <-> b.v > 0 AS apart FROM wide a, wide b WHERE a.id <= b.id ORDER BY 1, 2;

-- small values have one-byte headers, which leave floats unaligned
CREATE TABLE packed (c char(1), v vector);
INSERT INTO packed VALUES ('a', '[1]'), ('b', '[1,2]'), ('c', '[1,2,3]');
SELECT c, v, v <-> v AS self, inner_product(v, v) AS square FROM packed ORDER BY c;

-- domains, arrays, composites
CREATE DOMAIN unit_vector AS vector(2) CHECK (abs(vector_norm(VALUE) - 1) < 1e-6);
SELECT '[0.6,0.8]'::unit_vector;
SELECT '[1,1]'::unit_vector;
SELECT ARRAY['[1,2]', '[3,4]']::vector[];
SELECT unnest('{"[1,2,3]", "[4,5,6]"}'::vector[]);
SELECT ROW(1, '[1,2]'::vector);
SELECT (json_build_object('v', '[1,2]'::vector) ->> 'v')::vector;

DROP DOMAIN unit_vector;
DROP TABLE item, item2, wide, packed;
