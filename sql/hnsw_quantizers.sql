-- Quantizers of omenhnsw: which options belong together, what an index became,
-- metrics that only some quantizers have, indexes made before their rows.

CREATE FUNCTION qz_row(i integer, dim integer) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg((sin(i * 0.37 * (1 + d % 3) + d) + 0.1 * sin(i * d * 1.7))::real)::vector FROM generate_series(1, dim) d
$$;
CREATE TABLE qz (id integer, v vector(12));
INSERT INTO qz SELECT i, qz_row(i, 12) FROM generate_series(1, 1200) i;

CREATE FUNCTION qz_info(index regclass) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s bits %s subvectors %s, %s, %s dimensions, trained on %s, code %s, node %s, %s a page, %s nodes of %s rows',
		quantizer, bits, subvectors, metric, dimensions, trained_rows, code_bytes, node_bytes, nodes_per_page, nodes, rows)
	FROM omendb_index_info(index)
$$;

\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/helpers/search.sql'
\i :helpers
-- the nearest rows by index and by sort, each quantizer with each of its metrics
CREATE FUNCTION qz_test(options text, opclass text, operator text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found bigint;
	info text;
BEGIN
	EXECUTE format('CREATE INDEX qz_i ON qz USING omenhnsw (v %s) WITH (%s)', opclass, options);
	found := hits(format('SELECT id FROM qz ORDER BY v %s %L LIMIT 10', operator, qz_row(77, 12)));
	PERFORM omendb_index_check('qz_i', true);
	info := qz_info('qz_i');
	EXECUTE 'DROP INDEX qz_i';
	RETURN format('%s: %s', CASE WHEN found >= 8 THEN 'found' ELSE found || ' of 10' END, info);
END
$$;

SET omenhnsw.ef_search = 400;
SELECT options, opclass, qz_test(options, opclass, operator)
FROM (VALUES ('quantizer = rabitq'), ('quantizer = rabitq, bits = 4'), ('quantizer = binary'), ('quantizer = pq'),
		('quantizer = pq, subvectors = 5'), ('quantizer = sq8'), ('quantizer = none')) o (options),
	(VALUES ('vector_l2_ops', '<->'), ('vector_ip_ops', '<#>'), ('vector_cosine_ops', '<=>')) m (opclass, operator)
ORDER BY options COLLATE "C", opclass COLLATE "C";
SELECT options, qz_test(options, 'vector_l1_ops', '<+>')
FROM (VALUES ('m = 16'), ('quantizer = sq8'), ('quantizer = none')) o (options) ORDER BY options COLLATE "C";
RESET omenhnsw.ef_search;

-- options that do not belong together
CREATE INDEX ON qz USING omenhnsw (v) WITH (quantizer = ivf);
CREATE INDEX ON qz USING omenhnsw (v) WITH (quantizer = sq8, bits = 8);
CREATE INDEX ON qz USING omenhnsw (v) WITH (quantizer = binary, bits = 1);
CREATE INDEX ON qz USING omenhnsw (v) WITH (quantizer = none, bits = 4);
CREATE INDEX ON qz USING omenhnsw (v) WITH (quantizer = pq, bits = 8);
CREATE INDEX ON qz USING omenhnsw (v) WITH (subvectors = 4);
CREATE INDEX ON qz USING omenhnsw (v) WITH (quantizer = sq8, subvectors = 4);
CREATE INDEX ON qz USING omenhnsw (v) WITH (quantizer = pq, subvectors = 0);
CREATE INDEX ON qz USING omenhnsw (v) WITH (quantizer = pq, subvectors = 16001);
CREATE INDEX ON qz USING omenhnsw (v) WITH (quantizer = pq, subvectors = 13);
CREATE INDEX ON qz USING omenhnsw (v vector_l1_ops) WITH (quantizer = rabitq);
CREATE INDEX ON qz USING omenhnsw (v vector_l1_ops) WITH (quantizer = binary);
CREATE INDEX ON qz USING omenhnsw (v vector_l1_ops) WITH (quantizer = pq);
CREATE INDEX ON qz USING omenhnsw (v vector_l1_ops) WITH (bits = 4);

-- nodes that do not fit a page
CREATE TABLE qz_wide (v vector(16000));
CREATE INDEX ON qz_wide USING omenhnsw (v) WITH (quantizer = none);
CREATE INDEX ON qz_wide USING omenhnsw (v) WITH (quantizer = sq8);
CREATE INDEX ON qz_wide USING omenhnsw (v) WITH (quantizer = pq, subvectors = 8001);
CREATE INDEX ON qz_wide USING omenhnsw (v vector_l1_ops);
CREATE INDEX ON qz_wide USING omenhnsw (v vector_l1_ops) WITH (quantizer = none);
DROP TABLE qz_wide;

-- ALTER INDEX waits for REINDEX, and says so only if something changes
CREATE INDEX qz_i ON qz USING omenhnsw (v);
ALTER INDEX qz_i SET (quantizer = pq);
ALTER INDEX qz_i SET (quantizer = pq);
ALTER INDEX qz_i SET (bits = 4);
ALTER INDEX qz_i RENAME TO qz_j;
SELECT qz_info('qz_j');
REINDEX INDEX qz_j;
SELECT qz_info('qz_j');
ALTER INDEX qz_j RESET (quantizer);
REINDEX INDEX qz_j;
SELECT qz_info('qz_j');
DROP INDEX qz_j;

-- an index before its rows: pq waits for them, the others do not
CREATE TABLE qz_late (id integer, v vector(12));
CREATE INDEX qz_late_pq ON qz_late USING omenhnsw (v) WITH (quantizer = pq);
CREATE INDEX qz_late_pq6 ON qz_late USING omenhnsw (v) WITH (quantizer = pq, subvectors = 6);
CREATE INDEX qz_late_sq8 ON qz_late USING omenhnsw (v vector_l1_ops);
CREATE INDEX qz_late_none ON qz_late USING omenhnsw (v vector_ip_ops) WITH (quantizer = none);
INSERT INTO qz_late SELECT * FROM qz;
-- whether the rows make a model worth it is for test/t/021 to say
SELECT regexp_replace(qz_info('qz_late_pq'), 'trained on \d+', 'trained as it grew or not'), regexp_replace(qz_info('qz_late_pq6'), 'trained on \d+', 'trained as it grew or not');
SELECT regexp_replace(qz_info('qz_late_sq8'), 'trained on \d+', 'trained as it grew or not'), regexp_replace(qz_info('qz_late_none'), 'trained on \d+', 'trained as it grew or not');
REINDEX TABLE qz_late;
SELECT qz_info('qz_late_pq'), qz_info('qz_late_pq6');
SELECT qz_info('qz_late_sq8'), qz_info('qz_late_none');
SELECT (omendb_index_check(i, true)).unreachable FROM unnest('{qz_late_pq,qz_late_pq6,qz_late_sq8,qz_late_none}'::regclass[]) i;
-- one notice, not one for each fork
CREATE UNLOGGED TABLE qz_unlogged (v vector(12));
CREATE INDEX ON qz_unlogged USING omenhnsw (v) WITH (quantizer = pq);
DROP TABLE qz_late, qz_unlogged;

-- omendb_index_info: nothing in it, rows without a position, what is not an index, privileges
CREATE TABLE qz_info_t (id integer PRIMARY KEY, v vector(3));
CREATE INDEX qz_info_i ON qz_info_t USING omenhnsw (v vector_cosine_ops);
\x
SELECT * FROM omendb_index_info('qz_info_i');
INSERT INTO qz_info_t SELECT i, CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN '[0,0,0]' ELSE '[1,2,3]' END::vector
FROM generate_series(1, 40) i;
SELECT nodes, rows, dead_nodes, mean_degree, bytes = pg_relation_size('qz_info_i') AS bytes,
	bytes_per_row = bytes / 40.0 AS bytes_per_row,
	round((node_bytes_per_row + tower_bytes_per_row + posting_bytes_per_row + null_bytes_per_row + model_bytes_per_row
		+ highway_bytes_per_row + directory_bytes_per_row - bytes_per_row)::numeric, 6) AS rest
FROM omendb_index_info('qz_info_i');
\x
SELECT omendb_index_info('qz_info_t_pkey');
SELECT omendb_index_info('qz_info_t');
SELECT omendb_index_info(NULL) IS NULL AS strict;
CREATE ROLE regress_omendb_info;
SET ROLE regress_omendb_info;
SELECT nodes FROM omendb_index_info('qz_info_i');
RESET ROLE;
GRANT SELECT ON qz_info_t TO regress_omendb_info;
SET ROLE regress_omendb_info;
SELECT nodes FROM omendb_index_info('qz_info_i');
RESET ROLE;
DROP TABLE qz_info_t;
DROP ROLE regress_omendb_info;

DROP FUNCTION qz_test, qz_info(regclass);
DROP TABLE qz;
DROP FUNCTION qz_row;
