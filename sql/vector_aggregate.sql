--
-- avg(vector) and sum(vector)
--
SELECT avg(v), sum(v) FROM unnest(ARRAY['[1,2,3]', '[3,5,7]']::vector[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY['[1,2,3]', NULL, '[3,5,7]', NULL]::vector[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[NULL, NULL]::vector[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[]::vector[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY['[5]']::vector[]) v;

-- different dimensions
SELECT avg(v) FROM unnest(ARRAY['[1,2]', '[3]']::vector[]) v;
SELECT sum(v) FROM unnest(ARRAY['[1,2]', '[3]']::vector[]) v;

-- sums are kept in double: an average never overflows, a sum says so at the end
SELECT avg(v) FROM unnest(ARRAY['[3e38]', '[3e38]']::vector[]) v;
SELECT sum(v) FROM unnest(ARRAY['[3e38]', '[3e38]', '[-3e38]']::vector[]) v;
SELECT sum(v) FROM unnest(ARRAY['[3e38]', '[3e38]']::vector[]) v;
SELECT sum(v) AS exact FROM (SELECT '[0.1]'::vector AS v FROM generate_series(1, 100000)) t;
SELECT sum(v) FROM (SELECT '[16777216]'::vector AS v UNION ALL SELECT '[1]' FROM generate_series(1, 16)) t;

-- GROUP BY, FILTER, DISTINCT, windows
SELECT i % 3 AS g, avg(ARRAY[i, -i]::vector), sum(ARRAY[i, -i]::vector) FILTER (WHERE i > 3)
FROM generate_series(1, 9) i GROUP BY 1 ORDER BY 1;
SELECT sum(DISTINCT v) FROM unnest(ARRAY['[1]', '[2]', '[1]']::vector[]) v;
SELECT i, sum(v) OVER (ORDER BY i) AS running, avg(v) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS moving
FROM (SELECT i, ARRAY[i, i * i]::vector AS v FROM generate_series(1, 5) i) t ORDER BY i;
SELECT vector_dims(avg(v)), vector_dims(sum(v)) FROM (SELECT array_fill(i, ARRAY[16000])::vector AS v FROM generate_series(1, 3) i) t;

-- parallel: the plan combines, and the result is the serial one
CREATE TABLE many (id int, v vector(3)) WITH (autovacuum_enabled = off);
INSERT INTO many SELECT i, ARRAY[i, i % 7, -i] FROM generate_series(1, 30000) i;
INSERT INTO many SELECT i, NULL FROM generate_series(30001, 30010) i;
ANALYZE many;
SELECT avg(v), sum(v) FROM many;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT avg(v), sum(v) FROM many;
SELECT avg(v), sum(v) FROM many;
-- workers that saw no row
SELECT avg(v), sum(v) FROM many WHERE v IS NULL;
SELECT avg(v), sum(v) FROM many WHERE id = 1;
SELECT count(*), bool_and(a = b) AS equal FROM
    (SELECT id % 10 AS g, avg(v) AS a FROM many GROUP BY 1) p
    JOIN (SELECT g, (SELECT ARRAY[avg(id), avg(id % 7), -avg(id)] FROM many WHERE id % 10 = g AND v IS NOT NULL)::vector AS b
          FROM generate_series(0, 9) g) s USING (g);
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;
DROP TABLE many;

-- the functions behind them, called by hand, never write into their arguments
SELECT vector_accum('{0}', '[1,2,3]'), vector_accum('{0,0,0,0}', '[1,2,3]'), vector_accum('{2,1,1}', '[1,2]');
SELECT vector_combine('{1,2}', '{3,4}'), vector_combine('{0}', '{3,4}'), vector_combine('{1,2}', '{0}'), vector_combine('{0}', '{0}');
SELECT s, vector_accum(s, '[1]'), s FROM (SELECT ARRAY[1,1]::float8[] AS s OFFSET 0) t;
SELECT vector_avg('{2,1,3}'), vector_sum('{2,1,3}'), vector_avg('{0}'), vector_sum('{0}'), vector_avg('{0,1}');

-- states that are none
SELECT vector_accum('{}', '[1]');
SELECT vector_accum('{{1,2}}', '[1]');
SELECT vector_accum('{1,NULL}', '[1]');
SELECT vector_accum('{0,0}', '[1,2,3]');
SELECT vector_accum('{1,1.7e308}', '[1]');
SELECT vector_accum('{1,Infinity}', '[1]');
SELECT vector_combine('{}', '{0}');
SELECT vector_combine('{0}', '{}');
SELECT vector_combine('{1,2}', '{1,2,3}');
SELECT vector_combine('{1,1.7e308}', '{1,1.7e308}');
SELECT vector_avg('{2}');
SELECT vector_avg('{1,NaN}');
SELECT vector_avg('{1,1e39}');
SELECT vector_avg((SELECT array_agg(n) FROM generate_series(1, 16002) n)::float8[]);
SELECT vector_combine('{0}', (SELECT array_agg(n) FROM generate_series(1, 16002) n)::float8[]);
