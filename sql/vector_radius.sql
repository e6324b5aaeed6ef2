-- sphere() and the operators "within a radius", without an index.

-- a sphere
SELECT sphere('[1,2,3]', 0.5), sphere('[1,2,3]', -2), sphere('[1]', 'Infinity');
SELECT (sphere('[1,2,3]', 0.5)).*;
SELECT '("[1,2,3]",0.5)'::sphere_vector, ROW('[1,2,3]', 0.5)::sphere_vector = sphere('[1,2,3]', 0.5) AS same;
SELECT sphere(NULL, 1) IS NULL AS no_center, sphere('[1]', NULL) IS NULL AS no_radius;
SELECT sphere('[1]', 'NaN');

-- less than the radius: a row at just that distance is not within
SELECT '[0,0]'::vector <<->> sphere('[3,4]', 5) AS at, '[0,0]'::vector <<->> sphere('[3,4]', 5.0000000000000009) AS above;
SELECT '[1,2]'::vector <<#>> sphere('[3,4]', -11) AS at, '[1,2]'::vector <<#>> sphere('[3,4]', -10.99) AS above;
SELECT '[1,0]'::vector <<=>> sphere('[0,5]', 1) AS at, '[1,0]'::vector <<=>> sphere('[0,5]', 1.01) AS above;
SELECT '[0,0]'::vector <<+>> sphere('[3,-4]', 7) AS at, '[0,0]'::vector <<+>> sphere('[3,-4]', 7.01) AS above;

-- nothing is within a radius of 0 or less, but where the distance is an inner product
SELECT '[1,2]'::vector <<->> sphere('[1,2]', 0) AS l2, '[1,2]'::vector <<#>> sphere('[1,2]', -1) AS ip,
       '[1,2]'::vector <<=>> sphere('[1,2]', -1) AS cosine, '[1,2]'::vector <<+>> sphere('[1,2]', 0) AS l1;

-- parts that are NULL
SELECT '[1]'::vector <<->> ROW(NULL, 1)::sphere_vector AS no_center, '[1]'::vector <<#>> ROW('[1]', NULL)::sphere_vector AS no_radius,
       '[1]'::vector <<=>> NULL AS no_sphere, NULL::vector <<+>> sphere('[1]', 1) AS no_vector;

-- no distance, and none that is finite
SELECT '[0,0]'::vector <<=>> sphere('[1,2]', 'Infinity') AS zero_vector, '[1,2]'::vector <<=>> sphere('[0,0]', 3) AS zero_center;
SELECT '[3e38]'::vector <<->> sphere('[-3e38]', 'Infinity') AS infinite, '[3e38]'::vector <-> '[-3e38]' < 'Infinity' AS same;
-- NaN is above all numbers
SELECT '[3e38]'::vector <<->> ROW('[-3e38]', 'NaN')::sphere_vector AS infinite, '[0]'::vector <<=>> ROW('[1]', 'NaN')::sphere_vector AS zero;

-- other dimensions
SELECT '[1,2]'::vector <<->> sphere('[1,2,3]', 1);
SELECT '[1,2]'::vector <<#>> sphere('[1,2,3]', 1);
SELECT '[1,2]'::vector <<=>> sphere('[1]', 1);
SELECT '[1,2]'::vector <<+>> sphere('[1]', 1);

-- the same as the distance less than the radius, to the last bit: radii are distances of the data
CREATE TABLE radius_t (id integer, v vector, s sphere_vector);
INSERT INTO radius_t
SELECT i, CASE WHEN i % 50 = 0 THEN '[0,0,0]' WHEN i % 51 > 0 THEN x END, sphere(y, CASE i % 4
           WHEN 0 THEN x <-> y WHEN 1 THEN x <#> y WHEN 2 THEN x <=> y ELSE x <+> y END)
FROM (SELECT i, ARRAY[sin(i), cos(i * 1.7), sin(i * 0.3)]::vector AS x, ARRAY[sin(i * 5), cos(i * 3), cos(i)]::vector AS y
      FROM generate_series(1, 300) i) d;
SELECT count(*) AS pairs, count(*) FILTER (WHERE r.v <<->> c.s) BETWEEN 10000 AND 80000 AS l2,
       count(*) FILTER (WHERE r.v <<#>> c.s) BETWEEN 10000 AND 80000 AS ip,
       count(*) FILTER (WHERE r.v <<=>> c.s) BETWEEN 10000 AND 80000 AS cosine,
       count(*) FILTER (WHERE r.v <<+>> c.s) BETWEEN 10000 AND 80000 AS l1
FROM radius_t r, radius_t c;
SELECT count(*) AS differences
FROM radius_t r, radius_t c
WHERE (r.v <<->> c.s) IS DISTINCT FROM (r.v <-> (c.s).center < (c.s).radius)
   OR (r.v <<#>> c.s) IS DISTINCT FROM (r.v <#> (c.s).center < (c.s).radius)
   OR (r.v <<=>> c.s) IS DISTINCT FROM (r.v <=> (c.s).center < (c.s).radius)
   OR (r.v <<+>> c.s) IS DISTINCT FROM (r.v <+> (c.s).center < (c.s).radius);

-- stored spheres of long vectors
CREATE TABLE radius_long AS
SELECT i, array_fill(i, ARRAY[1000])::vector AS v FROM generate_series(1, 10) i;
CREATE TABLE radius_stored AS SELECT i, sphere(v, 40) AS s, ROW(v, 40)::sphere_vector AS made FROM radius_long;
SELECT count(*), count(*) FILTER (WHERE v <<->> made) AS made FROM radius_long r, radius_stored t WHERE v <<->> s;
DROP TABLE radius_long, radius_stored;

-- estimates: from what ANALYZE has kept of the vectors; a constant where it has not; NULL
CREATE TABLE radius_plan AS
SELECT i, ARRAY[i * 4643 % 10007 / 100.0, i * 7919 % 9973 / 100.0]::vector AS v FROM generate_series(0, 9999) i;
ANALYZE radius_plan;
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/helpers/search.sql'
\i :helpers
SELECT (SELECT count(*) FROM radius_plan WHERE v <<->> sphere('[50,50]', 30)) AS rows,
       estimated('SELECT * FROM radius_plan WHERE v <<->> sphere(''[50,50]'', 30)') BETWEEN 1500 AND 4500 AS estimated;
SELECT (SELECT count(*) FROM radius_plan WHERE v <<+>> sphere('[50,50]', 70)) AS rows,
       estimated('SELECT * FROM radius_plan WHERE v <<+>> sphere(''[50,50]'', 70)') BETWEEN 6000 AND 10000 AS estimated;
SELECT estimated('SELECT * FROM radius_plan WHERE v <<->> sphere(''[50,50]'', 0.1)') BETWEEN 1 AND 100 AS few;
SELECT estimated('SELECT * FROM radius_plan WHERE v <<->> sphere(''[50,50]'', random())') AS unknown;
SELECT estimated('SELECT * FROM radius_plan WHERE v <<->> ROW(NULL, 1)::sphere_vector') AS null_center;
-- vectors of other dimensions in the statistics are no error
INSERT INTO radius_plan SELECT i, ARRAY[i]::vector FROM generate_series(1, 5000) i;
ANALYZE radius_plan;
SELECT estimated('SELECT * FROM radius_plan WHERE v <<->> sphere(''[50,50]'', 1000) AND vector_dims(v) = 2') > 0 AS estimated;
DROP TABLE radius_t, radius_plan;
