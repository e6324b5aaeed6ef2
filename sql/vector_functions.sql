--
-- Functions of vector
--
SELECT vector_dims('[1,2,3]'::vector), vector_dims('[0]'::vector);
SELECT vector_dims(array_fill(1, ARRAY[16000])::vector);

-- norm: in double, so that no float overflows or vanishes
SELECT v, vector_norm(v)::numeric(10, 5) FROM unnest('{"[1,1]","[3,4]","[0,1]","[0,0]","[-2]"}'::vector[]) v;
SELECT vector_norm('[3e37,4e37]')::real AS large, vector_norm('[3e-40,4e-40]')::real AS small;
SELECT d, vector_norm(array_fill(2, ARRAY[d])::vector) = 2 * sqrt(d) AS exact
FROM unnest(ARRAY[1, 2, 3, 4, 5, 6, 7, 8, 9, 16000]) d;

-- distances
SELECT l2_distance('[0,0]'::vector, '[3,4]'), l2_distance('[0,0]'::vector, '[0,1]'),
    l2_distance('[1,1,1,1,1,1,1,1,1]'::vector, '[1,1,1,1,1,1,1,4,5]');
SELECT vector_l2_squared_distance('[0,0]', '[3,4]');
SELECT inner_product('[1,2]'::vector, '[3,4]'), inner_product('[1,1,1,1,1,1,1,1,1]'::vector, '[1,2,3,4,5,6,7,8,9]'),
    vector_negative_inner_product('[1,2]', '[3,4]');
SELECT l1_distance('[0,0]'::vector, '[3,4]'), l1_distance('[1,2,3,4,5,6,7,8,9]'::vector, '[0,3,2,5,4,7,6,9,8]');
SELECT a, b, cosine_distance(a, b) FROM (VALUES
    ('[1,2]'::vector, '[2,4]'::vector), ('[1,1]', '[1,1]'), ('[1,0]', '[0,2]'), ('[1,1]', '[-1,-1]'),
    ('[1,1]', '[1.1,1.1]'), ('[1,1]', '[-1.1,-1.1]'),
    ('[1,2,3,4,5,6,7,8,9]', '[1,2,3,4,5,6,7,8,9]'),
    ('[1,2,3,4,5,6,7,8,9]', '[-1,-2,-3,-4,-5,-6,-7,-8,-9]')) t(a, b);
SELECT vector_spherical_distance('[1,0]', '[0,1]') AS quarter, vector_spherical_distance('[1,0]', '[-1,0]') AS half,
    vector_spherical_distance('[1,0]', '[1,0]') AS none, vector_spherical_distance('[2,0]', '[2,0]') AS clamped;

-- every distance is symmetric and refuses different dimensions
SELECT bool_and(l2_distance(a, b) = l2_distance(b, a) AND inner_product(a, b) = inner_product(b, a)
    AND cosine_distance(a, b) = cosine_distance(b, a) AND l1_distance(a, b) = l1_distance(b, a)) AS symmetric
FROM (SELECT array_agg(sin(i * j) ORDER BY j)::vector AS a, array_agg(cos(i + j) ORDER BY j)::vector AS b
      FROM generate_series(1, 50) i, generate_series(1, 131) j GROUP BY i) t;
SELECT l2_distance('[1,2]'::vector, '[3]');
SELECT inner_product('[1,2]'::vector, '[3]');
SELECT cosine_distance('[1,2]'::vector, '[3]');
SELECT l1_distance('[1,2]'::vector, '[3]');
SELECT vector_spherical_distance('[1,2]', '[3]');
SELECT vector_l2_squared_distance('[1,2]', '[3]');

-- against double precision arithmetic, within float32 rounding
SELECT bool_and(abs(l2_distance(a, b) - l2) <= 1e-5 * l2) AS l2, bool_and(abs(inner_product(a, b) - ip) <= 1e-4) AS ip,
    bool_and(abs(l1_distance(a, b) - l1) <= 1e-5 * l1) AS l1, bool_and(abs(cosine_distance(a, b) - cosine) <= 1e-5) AS cosine
FROM (SELECT array_agg(x ORDER BY j)::vector AS a, array_agg(y ORDER BY j)::vector AS b,
        sqrt(sum((x - y) ^ 2)) AS l2, sum(x * y) AS ip, sum(abs(x - y)) AS l1,
        1 - sum(x * y) / sqrt(sum(x * x) * sum(y * y)) AS cosine
      FROM generate_series(1, 40) i,
        LATERAL (SELECT j, sin(i * j)::real::float8 AS x, cos(i + j * 3)::real::float8 AS y
                 FROM generate_series(1, 10 + i * 7) j) e
      GROUP BY i) t;

-- the ends of the float range: sums overflow to infinity, a cosine never does
SELECT l2_distance('[3e38]'::vector, '[-3e38]'), inner_product('[3e38]'::vector, '[3e38]'),
    l1_distance('[3e38]'::vector, '[-3e38]');
SELECT a, b, cosine_distance(a, b) FROM (VALUES
    ('[3e38,0]'::vector, '[3e38,0]'::vector), ('[3e38,0]', '[0,3e38]'), ('[3e38,0]', '[-3e38,0]'),
    ('[1e-40,0]', '[1e-40,0]'), ('[1e-40,0]', '[0,1]'), ('[1e-40,0]', '[-3e38,0]'),
    ('[0,0]', '[1,2]'), ('[1,2]', '[0,0]'), ('[0,0]', '[0,0]'), ('[-0,0]', '[3e38,1]')) t(a, b);

-- normalisation
SELECT v, l2_normalize(v) FROM unnest('{"[3,4]","[3,0]","[0,0.1]","[0,0]","[3e38]","[1e-45]","[-5]"}'::vector[]) v;
SELECT abs(vector_norm(l2_normalize(array_fill(0.7, ARRAY[16000])::vector)) - 1) < 1e-6 AS unit;

-- parts
SELECT start, count, subvector('[1,2,3,4,5]'::vector, start, count) FROM (VALUES
    (1, 3), (3, 2), (5, 1), (-1, 3), (0, 2), (3, 9), (3, 2147483647), (-2147483644, 2147483647)) t(start, count);
SELECT subvector('[1,2,3,4,5]'::vector, 1, 0);
SELECT subvector('[1,2,3,4,5]'::vector, 3, -1);
SELECT subvector('[1,2,3,4,5]'::vector, 3, -2147483648);
SELECT subvector('[1,2,3,4,5]'::vector, -1, 2);
SELECT subvector('[1,2,3,4,5]'::vector, 6, 1);
SELECT subvector('[1,2,3,4,5]'::vector, 2147483647, 10);
SELECT subvector('[1,2,3,4,5]'::vector, -2147483648, -2147483648);

-- bits of the signs
SELECT binary_quantize(v) FROM unnest('{"[1,0,-1]","[-0,0]","[0,0.1,-0.2,-0.3,0.4,0.5,0.6,-0.7,0.8,-0.9,1]"}'::vector[]) v;
SELECT length(binary_quantize(array_fill(1, ARRAY[16000])::vector)) AS bits,
    binary_quantize(array_fill(1, ARRAY[13])::vector) = B'1111111111111' AS equal;

-- nearly parallel: in float32, all of the distance would be rounding
SELECT abs(cosine_distance(a, b) / d - 1) < 1e-6 AS close, cosine_distance(a, a) AS same FROM (VALUES
    ('[1,1e-4]'::vector, '[1,0]'::vector, 5e-9), ('[1000,1000,1001]', '[1000,1000,1000]', 1.11037056e-7),
    ('[1,2,3,1e-3]', '[2,4,6,0]', 3.57142872e-8)) AS v (a, b, d);
