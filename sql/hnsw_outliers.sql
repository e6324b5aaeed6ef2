-- a few rows of broken data, far longer than all others, spoil no codes of the others


\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/helpers/search.sql'
\i :helpers
-- how many of the ten nearest of 20 rows a search finds, in tenths; nodes of 100 rows
CREATE FUNCTION ol_quality(operator text, opclass text, options text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	query vector;
	found bigint := 0;
BEGIN
	EXECUTE format('CREATE INDEX ol_i ON ol USING omenhnsw (v %s) WITH (%s)', opclass, options);
	FOR query IN SELECT clustered_row(i * 67, 32, 1.01) FROM generate_series(1, 20) i LOOP
		found := found + hits(format('SELECT id FROM ol ORDER BY v %s %L LIMIT 10', operator, query));
	END LOOP;
	RETURN (SELECT format('recall %s, nodes %s', CASE WHEN found >= 160 THEN 'good' ELSE found::text END,
			CASE WHEN nodes >= 1490 THEN 'good' ELSE nodes::text END)
		FROM omendb_index_check('ol_i', true));
END
$$;

CREATE TABLE ol (id integer, v vector(32));
INSERT INTO ol SELECT i, clustered_row(i, 32, CASE i % 300 WHEN 7 THEN 1e9 ELSE 1 END) FROM generate_series(1, 1500) i;
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
INSERT INTO ol SELECT i, clustered_row(i, 32, CASE WHEN i % 4 = 0 THEN 1 ELSE 0 END) FROM generate_series(1, 2000) i;
REINDEX INDEX ol_i;
SELECT nodes, heap_rows FROM omendb_index_check('ol_i', true);
DELETE FROM ol WHERE id % 4 = 0;
REINDEX INDEX ol_i;
SELECT nodes, heap_rows FROM omendb_index_check('ol_i', true);
DROP TABLE ol;
DROP FUNCTION ol_quality;
