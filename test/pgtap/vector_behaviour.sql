-- What vector does, as an application sees it: results, and errors by code and message.
\set QUIET 1
SET client_min_messages = warning;
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS omendb;
SELECT plan(91);

-- text form
SELECT is('[1,2,3]'::vector::text, '[1,2,3]', 'text form');
SELECT is(' [ 1.50 , -2e1 ] '::vector::text, '[1.5,-20]', 'white space and notation are normalised');
SELECT is('[0.1]'::vector::text, '[0.1]', 'shortest form that reads back');
SELECT is('[1e-46]'::vector::text, '[0]', 'underflow rounds to zero');
SELECT throws_ok(format('SELECT %L::vector', input), '22P02', NULL, format('malformed: %s', input))
FROM unnest(ARRAY['', '[', '1,2', '[1,]', '[,1]', '[1,,2]', '[1,2', '[1,2]]', '[1]2', '{1}', '[a]', '[1 2]']) input;
SELECT throws_ok($$ SELECT '[]'::vector $$, '22000', 'vector must have at least 1 dimension', 'no dimension');
SELECT throws_ok($$ SELECT '[NaN]'::vector $$, '22000', 'NaN not allowed in vector', 'NaN');
SELECT throws_ok($$ SELECT '[1,-Infinity]'::vector $$, '22000', 'infinite value not allowed in vector', 'infinity');
SELECT throws_ok($$ SELECT '[1e39]'::vector $$, '22003', '"1e39" is out of range for type vector', 'above the range of real');
SELECT throws_ok($$ SELECT ('[1' || repeat(',1', 16000) || ']')::vector $$, '54000', 'vector cannot have more than 16000 dimensions', 'too many dimensions');
SELECT is(vector_dims(('[1' || repeat(',1', 15999) || ']')::vector), 16000, '16,000 dimensions');

-- extra_float_digits, which real obeys, neither shortens nor lengthens
SET LOCAL extra_float_digits = -15;
SELECT is('[1.2345679,0.1]'::vector::text, '[1.2345679,0.1]', 'extra_float_digits = -15');
SET LOCAL extra_float_digits = 3;
SELECT is('[1.2345679,0.1]'::vector::text, '[1.2345679,0.1]', 'extra_float_digits = 3');
RESET extra_float_digits;

-- type modifier
SELECT lives_ok($$ CREATE TEMPORARY TABLE t3 (id int, v vector(3)) $$, 'vector(3) column');
SELECT col_type_is('t3', 'v', 'vector(3)', 'its type');
SELECT lives_ok($$ INSERT INTO t3 VALUES (1, '[1,2,3]'), (2, ARRAY[4,5,6]), (3, '{7,8,9.5}'::real[]), (4, NULL) $$, 'text and arrays go in');
SELECT throws_ok($$ INSERT INTO t3 VALUES (9, '[1,2]') $$, '22000', 'expected 3 dimensions, not 2', 'fewer dimensions');
SELECT throws_ok($$ INSERT INTO t3 VALUES (9, ARRAY[1,2,3,4]) $$, '22000', 'expected 3 dimensions, not 4', 'more dimensions');
SELECT throws_ok($$ SELECT '[1]'::vector(0) $$, '22023', 'dimensions for type vector must be at least 1', 'vector(0)');
SELECT throws_ok($$ SELECT '[1]'::vector(16001) $$, '22023', 'dimensions for type vector cannot exceed 16000', 'vector(16001)');
SELECT throws_ok($$ SELECT '[1]'::vector(1,2) $$, '22023', 'invalid type modifier', 'two modifiers');
SELECT results_eq($$ SELECT id FROM t3 ORDER BY v <-> '[4,5,5]', id $$, ARRAY[2, 1, 3, 4], 'ORDER BY distance, NULL last');
SELECT results_eq($$ SELECT id FROM t3 WHERE v <-> '[1,2,3]' < 1 $$, ARRAY[1], 'WHERE distance');

-- wire form
SELECT is(vector_send('[1,-2]'), '\x000200003f800000c0000000'::bytea, 'wire form: dimensions, zero, big-endian floats');

-- distances
SELECT is('[0,0]'::vector <-> '[3,4]', 5::float8, '<-> is Euclidean');
SELECT is('[1,2]'::vector <#> '[3,4]', (-11)::float8, '<#> is the negative inner product');
SELECT is('[1,0]'::vector <=> '[0,5]', 1::float8, '<=> is the cosine distance');
SELECT is('[1,2]'::vector <=> '[2,4]', 0::float8, '<=> of parallel vectors');
SELECT is('[1,1]'::vector <=> '[-1.1,-1.1]', 2::float8, '<=> of opposite vectors is clamped');
SELECT is('[0,0]'::vector <=> '[1,2]', 'NaN'::float8, '<=> of a zero vector is NaN');
SELECT is('[0,0]'::vector <+> '[3,-4]', 7::float8, '<+> is the taxicab distance');
SELECT is(vector_l2_squared_distance('[0,0]', '[3,4]'), 25::float8, 'squared distance');
SELECT is(vector_spherical_distance('[1,0]', '[0,1]'), 0.5::float8, 'spherical distance');
SELECT throws_ok(format('SELECT ''[1,2]''::vector %s ''[1]''', op), '22000', 'different vector dimensions 2 and 1', op || ' of different dimensions')
FROM unnest(ARRAY['<->', '<#>', '<=>', '<+>', '+', '-', '*']) op;

-- within a radius
SELECT is(sphere('[1,2]', 0.5)::text, '("[1,2]",0.5)', 'a sphere is a center and a radius');
SELECT throws_ok($$ SELECT sphere('[1,2]', 'NaN') $$, '22023', 'radius of a sphere cannot be NaN', 'sphere() without a radius');
SELECT ok('[0,0]'::vector <<->> sphere('[3,4]', 5.1) AND NOT '[0,0]'::vector <<->> sphere('[3,4]', 5), '<<->> is below the radius');
SELECT throws_ok(format('SELECT ''[1,2]''::vector %s sphere(''[1]'', 1)', op), '22000', 'different vector dimensions 2 and 1', op || ' of different dimensions')
FROM unnest(ARRAY['<<->>', '<<#>>', '<<=>>', '<<+>>']) op;

-- arithmetic
SELECT is('[1,2]'::vector + '[3,4]', '[4,6]', '+');
SELECT is('[1,2]'::vector - '[3,5]', '[-2,-3]', '-');
SELECT is('[1,2]'::vector * '[3,4]', '[3,8]', '*');
SELECT is('[1,2]'::vector || '[3]', '[1,2,3]', '||');
SELECT throws_ok($$ SELECT '[3e38]'::vector + '[3e38]' $$, '22003', 'value out of range: overflow', '+ overflows');
SELECT throws_ok($$ SELECT '[-3e38]'::vector - '[3e38]' $$, '22003', 'value out of range: overflow', '- overflows');
SELECT throws_ok($$ SELECT '[1e20]'::vector * '[1e20]' $$, '22003', 'value out of range: overflow', '* overflows');
SELECT throws_ok($$ SELECT '[1e-30]'::vector * '[1e-30]' $$, '22003', 'value out of range: underflow', '* underflows');
SELECT throws_ok($$ SELECT array_fill(1, ARRAY[9000])::vector || array_fill(1, ARRAY[9000])::vector $$, '54000', NULL, '|| of too many');

-- order
SELECT ok('[1,2]'::vector < '[1,3]' AND '[1,2]'::vector < '[1,2,0]' AND '[2]'::vector > '[1,9]', 'elements first, then dimensions');
SELECT ok('[0]'::vector = '[-0]' AND '[1]'::vector <> '[1,1]', 'equality');
SELECT results_eq($$ SELECT DISTINCT v FROM (VALUES ('[2]'::vector), ('[1]'), ('[2]')) x(v) ORDER BY v $$,
    $$ VALUES ('[1]'::vector), ('[2]') $$, 'DISTINCT');

-- functions
SELECT is(vector_norm('[3,4]'), 5::float8, 'norm');
SELECT is(l2_normalize('[3,4]'::vector), '[0.6,0.8]', 'normalise');
SELECT is(l2_normalize('[0,0]'::vector), '[0,0]', 'a zero vector stays');
SELECT is(subvector('[1,2,3,4,5]'::vector, 2, 3), '[2,3,4]', 'subvector');
SELECT is(subvector('[1,2,3,4,5]'::vector, -1, 4), '[1,2]', 'subvector from before the start');
SELECT throws_ok($$ SELECT subvector('[1,2]'::vector, 3, 1) $$, '22000', 'vector must have at least 1 dimension', 'subvector past the end');
SELECT is(binary_quantize('[1,0,-1,0.5]'::vector), B'1001', 'binary_quantize');

-- casts
SELECT is('[1,2.5]'::vector::real[], ARRAY[1, 2.5]::real[], 'to real[]');
SELECT is(ARRAY[1, 2]::vector, '[1,2]', 'from integer[]');
SELECT is(ARRAY[1, 2.5]::double precision[]::vector, '[1,2.5]', 'from double precision[]');
SELECT is(ARRAY[1, 2.5]::numeric[]::vector, '[1,2.5]', 'from numeric[]');
SELECT throws_ok($$ SELECT ARRAY[1,NULL]::vector $$, '22004', 'array must not contain nulls', 'null element');
SELECT throws_ok($$ SELECT ARRAY[[1],[2]]::vector $$, '22000', 'array must be 1-D', 'two dimensions of array');
SELECT throws_ok($$ SELECT '{}'::real[]::vector $$, '22000', 'vector must have at least 1 dimension', 'empty array');
SELECT throws_ok($$ SELECT '{1e39}'::float8[]::vector $$, '22003', '"1e+39" is out of range for type vector', 'double precision above the range');
SELECT throws_ok($$ SELECT '{NaN}'::real[]::vector $$, '22000', 'NaN not allowed in vector', 'NaN in an array');

-- aggregates
SELECT is(avg(v), '[2,3]', 'avg') FROM unnest('{"[1,2]",NULL,"[3,4]"}'::vector[]) v;
SELECT is(sum(v), '[4,6]', 'sum') FROM unnest('{"[1,2]",NULL,"[3,4]"}'::vector[]) v;
SELECT is(avg(v), NULL, 'avg of nothing') FROM unnest('{}'::vector[]) v;
SELECT is(sum(v), NULL, 'sum of nothing') FROM unnest('{}'::vector[]) v;
SELECT throws_ok($$ SELECT avg(v) FROM unnest('{"[1,2]","[1]"}'::vector[]) v $$, '22000', 'expected 2 dimensions, not 1', 'avg of different dimensions');

SELECT * FROM finish();
ROLLBACK;
