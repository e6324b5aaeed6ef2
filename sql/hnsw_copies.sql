-- copies of one vector, which a filter column tells apart: vacuum leaves none out of reach

CREATE TABLE cp (id integer, v vector(8)) WITH (autovacuum_enabled = off);
CREATE INDEX cp_i ON cp USING omenhnsw (v, id) WITH (m = 2, ef_construction = 4);
INSERT INTO cp SELECT i, CASE WHEN i <= 2000 THEN '[1,2,3,4,5,6,7,8]'
	ELSE (SELECT array_agg(sin(i * d * 0.37) * 5) FROM generate_series(1, 8) d)::vector END
	FROM generate_series(1, 3000) i;
SELECT nodes, unreachable FROM omendb_index_check('cp_i', true);
DELETE FROM cp WHERE id % 2 = 0;
VACUUM cp;
SELECT nodes, unreachable, stale_links, dead_nodes, heap_rows FROM omendb_index_check('cp_i', true);
-- page by page, without a copy of the graph
SET maintenance_work_mem = '1MB';
INSERT INTO cp SELECT i, CASE WHEN i <= 15000 THEN '[1,2,3,4,5,6,7,8]'
	ELSE (SELECT array_agg(sin(i * d * 0.37) * 5) FROM generate_series(1, 8) d)::vector END
	FROM generate_series(10001, 17000) i;
DELETE FROM cp WHERE id % 3 > 0;
VACUUM cp;
SELECT nodes, unreachable, stale_links, dead_nodes, heap_rows FROM omendb_index_check('cp_i', true);
DROP TABLE cp;
-- and training by inserts, after which nodes choose their links again: all of them the same few
CREATE TABLE cp (id integer, v vector(128));
CREATE INDEX cp_i ON cp USING omenhnsw (v, id) WITH (m = 2, ef_construction = 4, bits = 8);
INSERT INTO cp SELECT i, array_fill(1, ARRAY[128])::real[]::vector FROM generate_series(1, 300) i;
SELECT model FROM omendb_index_info('cp_i');
SELECT nodes, unreachable FROM omendb_index_check('cp_i', true);
DROP TABLE cp;
