-- Orders that are the distance's by another name: 1 - (v <=> q) DESC and the like.

CREATE TABLE order_t (id integer, tenant integer, v vector(3));
INSERT INTO order_t SELECT i, i % 5, ARRAY[i % 17 + 1, i % 7, i % 11] FROM generate_series(1, 500) i;
INSERT INTO order_t VALUES (501, 1, NULL), (502, 1, '[0,0,0]'), (503, 2, NULL), (504, 2, '[0,0,0]');
CREATE INDEX order_cosine ON order_t USING omenhnsw (v vector_cosine_ops, tenant);
-- a few near ties decide whether it has codes, and a NOTICE says so if not
SET client_min_messages = warning;
CREATE INDEX order_ip ON order_t USING omenhnsw (v vector_ip_ops);
RESET client_min_messages;
CREATE INDEX order_l2 ON order_t USING omenhnsw (v vector_l2_ops);
ANALYZE order_t;

-- the plan, in short, and whether the values come in the order of a sort
CREATE FUNCTION order_is(value text, direction text, condition text DEFAULT 'true', source text DEFAULT 'order_t', query text DEFAULT '''[5,5,5]''',
	OUT plan text, OUT same boolean) LANGUAGE plpgsql AS $$
DECLARE
	statement text := format('SELECT %s AS s FROM %s WHERE %s ORDER BY 1 %s', replace(value, '$1', query), source, replace(condition, '$1', query), direction);
	line text;
	sorted float8[];
	found float8[];
BEGIN
	SET LOCAL enable_seqscan = on;
	SET LOCAL enable_sort = on;
	SET LOCAL enable_indexscan = off;
	EXECUTE format('SELECT array_agg(s) FROM (%s) x', statement) INTO sorted;
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_sort = off;
	SET LOCAL enable_indexscan = on;
	plan := '';
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
		plan := plan || coalesce(substring(line FROM '(Sort|Merge Append|Append|Seq Scan|Index Scan using \S+)') || ' ', '')
			|| CASE WHEN line ~ 'Order By' THEN 'ordered ' ELSE '' END || CASE WHEN line ~ 'Index Cond' THEN 'condition ' ELSE '' END;
	END LOOP;
	EXECUTE format('SELECT array_agg(s) FROM (%s) x', statement) INTO found;
	same := found = sorted;
END
$$;

-- as documentation of several clients has it
EXPLAIN (COSTS OFF) SELECT id, 1 - (v <=> '[5,5,5]') AS similarity FROM order_t ORDER BY similarity DESC LIMIT 5;
SET enable_seqscan = off;
SET enable_sort = off;
SELECT round(similarity::numeric, 6) FROM (SELECT 1 - (v <=> '[5,5,5]') AS similarity FROM order_t WHERE v IS NOT NULL AND id < 500 ORDER BY similarity DESC LIMIT 3) x;
SELECT * FROM order_is('1 - (v <=> $1)', 'DESC');
SELECT * FROM order_is('(v <#> $1) * -1', 'DESC');
SELECT * FROM order_is('-(v <#> $1)', 'DESC');
SELECT * FROM order_is('inner_product(v, $1)', 'DESC');
SELECT * FROM order_is('1 - cosine_distance($1, v)', 'DESC');
SELECT * FROM order_is('(1 - (v <=> $1)) / 2', 'DESC');
SELECT * FROM order_is('(2 - (v <=> $1)) / 2', 'DESC');
SELECT * FROM order_is('100 * (1 - (v <=> $1))', 'DESC');
-- upwards
SELECT * FROM order_is('1 + (v <=> $1)', 'ASC');
SELECT * FROM order_is('(v <-> $1) / 10', 'ASC');
SELECT * FROM order_is('-inner_product(v, $1)', 'ASC');
SELECT * FROM order_is('inner_product(v, $1) * -1 + 2', 'ASC');
-- the other way round no index has it
SELECT * FROM order_is('1 - (v <=> $1)', 'ASC');
SELECT * FROM order_is('v <-> $1', 'DESC');
SELECT * FROM order_is('1 / (1 + (v <-> $1))', 'DESC');
SELECT * FROM order_is('(1 - (v <=> $1)) * (v <=> $1)', 'DESC');
SELECT * FROM order_is('1 - (v <=> v)', 'DESC');
-- NULLs and NaNs at different ends
SELECT * FROM order_is('1 - (v <=> $1)', 'DESC NULLS LAST');
SELECT * FROM order_is('1 - (v <=> $1)', 'DESC NULLS LAST', 'v IS NOT NULL');
SELECT * FROM order_is('1 - (v <=> $1)', 'DESC NULLS LAST', '1 - (v <=> $1) > 0.5');
SELECT * FROM order_is('1 + (v <=> $1)', 'ASC NULLS FIRST');
SELECT * FROM order_is('1 + (v <=> $1)', 'ASC NULLS FIRST', 'v <=> $1 < 0.5');
SELECT * FROM order_is('v <=> $1', 'ASC NULLS FIRST');
SELECT * FROM order_is('v <=> $1', 'ASC NULLS FIRST', 'tenant = 2');
SELECT * FROM order_is('v <=> $1', 'DESC NULLS LAST');
SELECT * FROM order_is('1 - (v <=> $1)', 'DESC NULLS LAST', 'tenant IN (1, 2)');
SELECT * FROM order_is('1 - (v <=> $1)', 'DESC NULLS LAST', 'tenant = 2 AND v IS NULL');
SELECT * FROM order_is('v <=> $1', 'ASC NULLS FIRST', 'tenant = 2 AND v IS NULL');
SELECT * FROM order_is('-(v <#> $1)', 'DESC NULLS LAST', 'id % 3 = 0');
SELECT * FROM order_is('1 - (v <=> $1)', 'DESC NULLS LAST', query => '''[0,0,0]''');
SELECT * FROM order_is('1 - (v <=> $1)', 'DESC NULLS LAST', query => 'NULL::vector');
SELECT * FROM order_is('v <=> $1', 'ASC NULLS FIRST', query => '''[0,0,0]''');
-- with conditions
SELECT * FROM order_is('1 - (v <=> $1)', 'DESC', '1 - (v <=> $1) > 0.8');
SELECT * FROM order_is('1 - (v <=> $1)', 'DESC', '1 - (v <=> $1) > 0.8 AND tenant = 2');
SELECT * FROM order_is('1 - (v <=> $1)', 'DESC', 'tenant = 2');
SELECT * FROM order_is('1 - (v <=> $1)', 'DESC', 'tenant IN (1, 2)');
SELECT * FROM order_is('1 - (v <=> $1)', 'DESC', 'tenant = 2 AND v IS NULL');
SELECT * FROM order_is('1 - (v <=> $1)', 'DESC', 'id % 3 = 0');
SELECT * FROM order_is('inner_product(v, $1)', 'DESC', 'inner_product(v, $1) > 100');
-- queries that order nothing
SELECT * FROM order_is('1 - (v <=> $1)', 'DESC', query => '''[0,0,0]''');
SELECT * FROM order_is('1 - (v <=> $1)', 'DESC', query => 'NULL::vector');
-- more keys than one: as with the distance itself, the index is of no use
SELECT count(*) FROM (SELECT id FROM order_t ORDER BY 1 - (v <=> '[5,5,5]') DESC, id LIMIT 5) x;

-- in a CTE, a view, a prepared statement with a generic plan, a join
EXPLAIN (COSTS OFF) WITH scores AS (SELECT id, 1 - (v <=> '[5,5,5]') AS score FROM order_t)
SELECT * FROM scores WHERE score > 0.5 ORDER BY score DESC LIMIT 5;
SET plan_cache_mode = force_generic_plan;
PREPARE order_p (vector, int) AS SELECT (v <#> $1) * -1 AS score FROM order_t WHERE id <= 500 ORDER BY score DESC LIMIT $2;
EXPLAIN (COSTS OFF) EXECUTE order_p ('[5,5,5]', 3);
EXECUTE order_p ('[5,5,5]', 3);
EXECUTE order_p ('[-5,-5,-5]', 3);
EXECUTE order_p (NULL, 0);
PREPARE order_last (vector) AS SELECT array_agg(id) FROM (SELECT id FROM order_t WHERE id > 499 ORDER BY 1 - (v <=> $1) DESC NULLS LAST LIMIT 6) x;
EXECUTE order_last ('[5,5,5]');
RESET plan_cache_mode;
CREATE TABLE order_names (id integer PRIMARY KEY, name text);
INSERT INTO order_names SELECT i, 'name ' || i FROM generate_series(1, 504) i;
ANALYZE order_names;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
EXPLAIN (COSTS OFF) SELECT name FROM order_t JOIN order_names USING (id) ORDER BY 1 - (v <=> '[5,5,5]') DESC LIMIT 3;
SELECT left(name, 4), round(similarity::numeric, 6) FROM (SELECT name, 1 - (v <=> '[5,5,5]') AS similarity FROM order_t JOIN order_names USING (id)
	ORDER BY similarity DESC OFFSET 3 LIMIT 3) x;

-- what has been deleted and inserted since; a scan that is started again
DELETE FROM order_t WHERE id % 4 = 1;
INSERT INTO order_t SELECT i, i % 5, CASE WHEN i % 10 > 0 THEN ARRAY[i % 13, i % 5, i % 3]::vector END FROM generate_series(600, 700) i;
SELECT * FROM order_is('1 - (v <=> $1)', 'DESC');
SELECT q, (SELECT array_agg(round(s::numeric, 4)) FROM (SELECT 1 - (v <=> q) AS s FROM order_t WHERE tenant = 3 AND v IS NOT NULL ORDER BY s DESC LIMIT 3) x)
FROM (VALUES ('[1,2,3]'::vector), (NULL), ('[3,2,1]')) queries (q);

-- a NOT NULL column; partitions; an expression
CREATE TABLE order_parts (id integer, v vector(3) NOT NULL) PARTITION BY RANGE (id);
CREATE TABLE order_part_1 PARTITION OF order_parts FOR VALUES FROM (0) TO (250);
CREATE TABLE order_part_2 PARTITION OF order_parts FOR VALUES FROM (250) TO (1000);
INSERT INTO order_parts SELECT id, v FROM order_t WHERE v IS NOT NULL;
CREATE INDEX ON order_parts USING omenhnsw (v vector_cosine_ops);
ANALYZE order_parts;
SELECT * FROM order_is('1 - (v <=> $1)', 'DESC', source => 'order_parts');
SELECT * FROM order_is('1 - (v <=> $1)', 'DESC NULLS LAST', source => 'order_parts');
ALTER TABLE order_parts ALTER v DROP NOT NULL;
INSERT INTO order_parts SELECT i, NULL FROM generate_series(240, 260) i;
SELECT * FROM order_is('1 - (v <=> $1)', 'DESC NULLS LAST', source => 'order_parts');
SELECT * FROM order_is('v <=> $1', 'ASC NULLS FIRST', source => 'order_parts');
CREATE INDEX order_expression ON order_t USING omenhnsw (((v + '[1,1,1]')::vector(3)) vector_l2_ops);
SELECT * FROM order_is('10 - ((v + ''[1,1,1]'')::vector(3) <-> $1)', 'DESC');

-- settings that end a scan: rows without a position are not counted
SET omenhnsw.iterative_scan = off;
SET omenhnsw.ef_search = 5;
SELECT count(*) FILTER (WHERE s IS NULL) AS nulls, count(*) FILTER (WHERE s = 'NaN') AS nans, count(*) FILTER (WHERE s < 2) AS others
FROM (SELECT 1 - (v <=> '[5,5,5]') AS s FROM order_t ORDER BY s DESC LIMIT 100) x;
RESET ALL;
SELECT bool_and(nodes > 0) FROM pg_index, LATERAL omendb_index_check(indexrelid, true) WHERE indrelid = 'order_t'::regclass;
DROP TABLE order_t, order_names, order_parts;
DROP FUNCTION order_is;
