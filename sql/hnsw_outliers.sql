-- a few rows of broken data, far longer than all others, spoil no codes of the others

CREATE FUNCTION ol_row(i integer, factor float8) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg(((sin((i % 12) * 12.9898 + d * 78.233) + 0.7 * sin(i * 0.37 + d * (1 + i % 7) * 0.61)
		+ 0.1 * sin(i * 7.13 + d * d)) * factor)::real)::vector
	FROM generate_series(1, 32) d
$$;

-- how many of the ten nearest of 20 rows a search finds, in tenths; nodes of 100 rows
CREATE FUNCTION ol_quality(operator text, opclass text, options text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	query vector;
	exact integer[];
	found integer[];
	hits integer := 0;
	sql text := format('SELECT array_agg(id) FROM (SELECT id FROM ol ORDER BY v %s $1 LIMIT 10) s', operator);
BEGIN
	EXECUTE format('CREATE INDEX ol_i ON ol USING omenhnsw (v %s) WITH (%s)', opclass, options);
	FOR query IN SELECT ol_row(i * 67, 1.01) FROM generate_series(1, 20) i LOOP
		PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true);
		EXECUTE sql INTO exact USING query;
		PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true);
		EXECUTE sql INTO found USING query;
		hits := hits + (SELECT count(*) FROM unnest(found) f WHERE f = ANY (exact));
	END LOOP;
	RETURN (SELECT format('recall %s, nodes %s', CASE WHEN hits >= 160 THEN 'good' ELSE hits::text END,
			CASE WHEN nodes >= 1490 THEN 'good' ELSE nodes::text END)
		FROM omendb_index_check('ol_i', true));
END
$$;

CREATE TABLE ol (id integer, v vector(32));
INSERT INTO ol SELECT i, ol_row(i, CASE i % 300 WHEN 7 THEN 1e9 ELSE 1 END) FROM generate_series(1, 1500) i;
SET omenhnsw.ef_search = 100;
SELECT ol_quality('<->', 'vector_l2_ops', 'bits = 4');
DROP INDEX ol_i;
SELECT ol_quality('<->', 'vector_l2_ops', 'bits = 8');
DROP INDEX ol_i;
SELECT ol_quality('<->', 'vector_l2_ops', 'quantizer = pq');
DROP INDEX ol_i;
SELECT ol_quality('<->', 'vector_l2_ops', 'quantizer = sq8');
DROP INDEX ol_i;
SELECT ol_quality('<#>', 'vector_ip_ops', 'bits = 8');
DROP INDEX ol_i;
SELECT ol_quality('<=>', 'vector_cosine_ops', 'bits = 8');
DROP INDEX ol_i;
-- the long ones are found as well
CREATE INDEX ol_i ON ol USING omenhnsw (v);
SET enable_seqscan = off;
SELECT id FROM ol ORDER BY v <-> (SELECT v FROM ol WHERE id = 307) LIMIT 1;
-- most rows are zeros; and all of them
TRUNCATE ol;
INSERT INTO ol SELECT i, ol_row(i, CASE WHEN i % 4 = 0 THEN 1 ELSE 0 END) FROM generate_series(1, 2000) i;
REINDEX INDEX ol_i;
SELECT nodes, heap_rows FROM omendb_index_check('ol_i', true);
DELETE FROM ol WHERE id % 4 = 0;
REINDEX INDEX ol_i;
SELECT nodes, heap_rows FROM omendb_index_check('ol_i', true);
DROP TABLE ol;
DROP FUNCTION ol_row, ol_quality;
