--
-- Casts from and to vector
--
SELECT ARRAY[1,2,3]::vector, ARRAY[1.5,2.5]::vector, ARRAY[1.5,2.5]::real[]::vector, ARRAY[1e-3,1e10]::float8[]::vector;
SELECT ARRAY[1,2,3]::vector(3);
SELECT '{1,2,3}'::real[]::vector(3), '{1,2,3}'::float8[]::vector(3), '{1,2,3}'::numeric[]::vector(3);
SELECT ARRAY[16777217, 2147483647, -2147483648]::vector;
SELECT ARRAY[1e-50, -1e-50]::float8[]::vector, ARRAY[1e-50, -0.1]::numeric[]::vector;
SELECT ARRAY[0.1, 123456789.123456789, -1e37, 0]::numeric[]::vector;
SELECT '[5:6]={1,2}'::int[]::vector;

-- refused: dimensions, shape, nulls, values
SELECT ARRAY[1,2,3]::vector(2);
SELECT '{}'::int[]::vector;
SELECT '{}'::real[]::vector(3);
SELECT '{{1,2},{3,4}}'::real[]::vector;
SELECT '{{1}}'::numeric[]::vector;
SELECT '{NULL}'::real[]::vector;
SELECT '{1,NULL}'::int[]::vector;
SELECT '{1,NULL,3}'::float8[]::vector;
SELECT '{1,NULL}'::numeric[]::vector;
SELECT '{NaN}'::real[]::vector;
SELECT '{1,NaN}'::float8[]::vector;
SELECT '{NaN}'::numeric[]::vector;
SELECT '{1,Infinity}'::real[]::vector;
SELECT '{-Infinity}'::float8[]::vector;
SELECT '{Infinity}'::numeric[]::vector;
SELECT '{4e38}'::float8[]::vector;
SELECT '{1,-4e38}'::float8[]::vector;
SELECT '{4e38}'::numeric[]::vector;
SELECT array_fill(0, ARRAY[16001])::vector;
SELECT array_fill(0::numeric, ARRAY[16001])::vector;

-- a null taken out leaves an array that still has a null bitmap
SELECT array_remove(ARRAY[1,NULL,3], NULL)::vector;

-- the other way
SELECT '[1,2.5,-3]'::vector::real[];
SELECT ('[1,2,3]'::vector::real[])[2], array_length('[1,2,3]'::vector::real[], 1), array_ndims('[1]'::vector::real[]);
SELECT array_length(array_fill(1, ARRAY[16000])::vector::real[], 1);
SELECT '[1,2,3]'::vector::text, '[1,2,3]'::text::vector, '[1,2,3]'::varchar::vector;

-- vector to vector(n) checks and changes nothing
SELECT '[1,2,3]'::vector::vector(3);
SELECT '[1,2,3]'::vector(3)::vector(2);

-- which are implicit: to real[] and to vector(n); arrays by assignment only
SELECT array_to_string('[1,2,3]'::vector, ' ');
SELECT vector_norm(ARRAY[3,4]);
SELECT vector_norm('[3,4]'), '[1,2]'::vector = ARRAY[1,2]::vector;
CREATE TABLE cast_target (a vector(2), b real[]);
INSERT INTO cast_target VALUES (ARRAY[1,2], '[1,2]'::vector);
INSERT INTO cast_target VALUES ('{1.5,2}'::real[], '{1,2}');
INSERT INTO cast_target VALUES ('{1.5,2}'::float8[], NULL);
INSERT INTO cast_target VALUES ('{1.5,2}'::numeric[], NULL);
INSERT INTO cast_target VALUES ('{1.5,2}'::text[], NULL);
SELECT * FROM cast_target;
DROP TABLE cast_target;
SELECT ARRAY[1,2]::int8[]::vector;

-- what SQL can reach by hand
SELECT array_to_vector(ARRAY[1,2], 2, true), vector('[1,2]', 2, false), vector_to_float4('[1,2]', -1, true);
SELECT array_to_vector(ARRAY[1,2], 3, true);
