-- Storage parameters and settings of omenhnsw: ranges, defaults, messages.

CREATE TABLE opt_t (id integer, v vector(3), nodim vector, n integer);
INSERT INTO opt_t SELECT i, ARRAY[i, i % 7, i % 11]::vector, '[1,2,3]', i FROM generate_series(1, 50) i;

-- what is allowed
CREATE INDEX opt_i ON opt_t USING omenhnsw (v vector_l2_ops) WITH (m = 2, ef_construction = 4, bits = 1);
ALTER INDEX opt_i SET (bits = 2);
ALTER INDEX opt_i SET (bits = 4);
ALTER INDEX opt_i SET (bits = '8');
ALTER INDEX opt_i SET (m = 100, ef_construction = 1000);
SELECT reloptions FROM pg_class WHERE relname = 'opt_i';
REINDEX INDEX opt_i;
ALTER INDEX opt_i RESET (m, ef_construction, bits);
SELECT reloptions FROM pg_class WHERE relname = 'opt_i';
REINDEX INDEX opt_i;
DROP INDEX opt_i;

-- out of range
CREATE INDEX ON opt_t USING omenhnsw (v) WITH (m = 1);
CREATE INDEX ON opt_t USING omenhnsw (v) WITH (m = 101);
CREATE INDEX ON opt_t USING omenhnsw (v) WITH (m = 'many');
CREATE INDEX ON opt_t USING omenhnsw (v) WITH (ef_construction = 3);
CREATE INDEX ON opt_t USING omenhnsw (v) WITH (ef_construction = 1001);
CREATE INDEX ON opt_t USING omenhnsw (v) WITH (bits = 0);
CREATE INDEX ON opt_t USING omenhnsw (v) WITH (bits = 3);
CREATE INDEX ON opt_t USING omenhnsw (v) WITH (bits = 16);
CREATE INDEX ON opt_t USING omenhnsw (v) WITH (lists = 100);

-- ef_construction belongs to m, on creation and on alteration
CREATE INDEX ON opt_t USING omenhnsw (v) WITH (m = 10, ef_construction = 19);
CREATE INDEX ON opt_t USING omenhnsw (v) WITH (m = 33);
CREATE INDEX opt_i ON opt_t USING omenhnsw (v) WITH (m = 10, ef_construction = 20);
ALTER INDEX opt_i SET (m = 11);
ALTER INDEX opt_i RESET (m);
ALTER INDEX opt_i SET (bits = 5);
ALTER INDEX opt_i SET (fillfactor = 50);
SELECT reloptions FROM pg_class WHERE relname = 'opt_i';
DROP INDEX opt_i;

-- the column must have dimensions, in an expression too
CREATE INDEX ON opt_t USING omenhnsw (nodim);
CREATE INDEX ON opt_t USING omenhnsw ((nodim + nodim));
CREATE INDEX opt_i ON opt_t USING omenhnsw ((nodim::vector(3)));
DROP INDEX opt_i;
-- a row of other dimensions
CREATE INDEX ON opt_t USING omenhnsw ((nodim::vector(4)));

-- a domain has its dimensions too
CREATE DOMAIN opt_domain AS vector(3);
CREATE TABLE opt_d (v opt_domain);
CREATE INDEX ON opt_d USING omenhnsw (v);
DROP TABLE opt_d;
DROP DOMAIN opt_domain;

-- what the access method does not do
CREATE UNIQUE INDEX ON opt_t USING omenhnsw (v);
-- the message names the type with its schema since PostgreSQL 17
\set VERBOSITY sqlstate
CREATE INDEX ON opt_t USING omenhnsw (v, v);
\set VERBOSITY default
CREATE INDEX ON opt_t USING omenhnsw (v) INCLUDE (n);
CREATE INDEX ON opt_t USING omenhnsw (v DESC);
CREATE INDEX ON opt_t USING omenhnsw (v NULLS FIRST);
CREATE INDEX ON opt_t USING omenhnsw (n);
CREATE INDEX ON opt_t USING omenhnsw (n vector_l2_ops);
CREATE INDEX ON opt_t USING omenhnsw (v vector_ops);
-- the message names the operator differently since PostgreSQL 18
\set VERBOSITY sqlstate
ALTER TABLE opt_t ADD EXCLUDE USING omenhnsw (v WITH <->);
ALTER TABLE opt_t ADD EXCLUDE USING omenhnsw (v WITH =);
\set VERBOSITY default
CREATE INDEX opt_i ON opt_t USING omenhnsw (v);
CLUSTER opt_t USING opt_i;
DROP INDEX opt_i;

-- as many dimensions as the type has, with fewer bits where a node would not fit a page
CREATE TABLE opt_wide (v vector(16000));
CREATE INDEX opt_wide_i ON opt_wide USING omenhnsw (v vector_l2_ops);
CREATE INDEX opt_wide_j ON opt_wide USING omenhnsw (v vector_cosine_ops) WITH (m = 100, ef_construction = 200);
CREATE INDEX ON opt_wide USING omenhnsw (v) WITH (bits = 8);
CREATE INDEX ON opt_wide USING omenhnsw (v) WITH (bits = 4);
CREATE INDEX opt_wide_k ON opt_wide USING omenhnsw (v) WITH (bits = 2);
CREATE INDEX opt_wide_l ON opt_wide USING omenhnsw (v) WITH (bits = 1);
-- one notice, not one for each fork
CREATE UNLOGGED TABLE opt_unlogged (v vector(16000));
CREATE INDEX ON opt_unlogged USING omenhnsw (v);
DROP TABLE opt_wide, opt_unlogged;

-- ALTER INDEX refuses what a build would refuse, and leaves the index as it is
CREATE TABLE opt_a (id int, v vector(3), b bit(8), s sparsevec(9), w vector(16000), n integer);
INSERT INTO opt_a SELECT i, ARRAY[i, i % 7, i % 11]::vector, i::bit(8), '{1:1,4:2}/9' FROM generate_series(1, 50) i;
CREATE INDEX opt_v ON opt_a USING omenhnsw (v, n) WITH (ef_search = 60);
ALTER INDEX opt_v SET (elements = 5);
CREATE INDEX ON opt_a USING omenhnsw (v) WITH (elements = 5);
ALTER INDEX opt_v SET (quantizer = pq, subvectors = 9);
CREATE INDEX ON opt_a USING omenhnsw (v) WITH (quantizer = pq, subvectors = 9);
ALTER INDEX opt_v SET (quantizer = pq, neighbor_codes = on);
ALTER INDEX opt_v SET (neighbor_codes = on, bits = 1);
ALTER TABLE opt_v SET (elements = 5);
SELECT reloptions FROM pg_class WHERE relname = 'opt_v';
TRUNCATE opt_a;
-- a parameter that another one needs
ALTER INDEX opt_v SET (quantizer = pq, subvectors = 2);
ALTER INDEX opt_v RESET (quantizer);
ALTER INDEX opt_v RESET (subvectors);
ALTER INDEX opt_v SET (subvectors = 4);
ALTER INDEX opt_v RESET (quantizer, subvectors);
SELECT reloptions FROM pg_class WHERE relname = 'opt_v';
-- other types, another distance, nodes larger than a page
CREATE INDEX opt_b ON opt_a USING omenhnsw (b bit_hamming_ops);
ALTER INDEX opt_b SET (quantizer = sq8);
ALTER INDEX opt_b SET (rerank = off);
ALTER INDEX opt_b SET (m = 8);
CREATE INDEX opt_s ON opt_a USING omenhnsw (s sparsevec_l2_ops);
ALTER INDEX opt_s SET (bits = 4);
ALTER INDEX opt_s SET (neighbor_codes = on);
ALTER INDEX opt_s SET (elements = 8);
CREATE INDEX opt_l1 ON opt_a USING omenhnsw (v vector_l1_ops);
ALTER INDEX opt_l1 SET (quantizer = rabitq);
ALTER INDEX opt_l1 SET (bits = 8);
ALTER INDEX opt_l1 SET (quantizer = none);
CREATE INDEX opt_w ON opt_a USING omenhnsw (w);
ALTER INDEX opt_w SET (quantizer = none);
ALTER INDEX opt_w SET (bits = 8);
ALTER INDEX opt_w SET (m = 20);
SELECT relname, reloptions FROM pg_class WHERE relname LIKE 'opt\_%' AND relkind = 'i' ORDER BY relname;
REINDEX TABLE opt_a;

-- parameters of an index that are wrong already: anything that makes them right, and nothing that does not
UPDATE pg_class SET reloptions = '{elements=5,neighbor_codes=on,bits=1}' WHERE relname = 'opt_v';
ALTER INDEX opt_v SET (ef_search = 50);
ALTER INDEX opt_v RESET (elements);
ALTER INDEX opt_v RENAME TO opt_x;
ALTER INDEX opt_x RENAME TO opt_v;
ALTER INDEX opt_v RESET (elements, bits);
ALTER INDEX opt_v SET (ef_search = 50);
SELECT reloptions FROM pg_class WHERE relname = 'opt_v';
TRUNCATE opt_a;

-- a column that has lost its dimensions: searches of the index can still be tuned
CREATE TABLE opt_lost (v vector(3));
CREATE INDEX opt_lost_v ON opt_lost USING omenhnsw (v);
ALTER TABLE opt_lost ALTER v TYPE vector;
ALTER INDEX opt_lost_v SET (ef_search = 50);
DROP TABLE opt_a, opt_lost;

-- an index of a partitioned table without partitions, which nobody builds
CREATE TABLE opt_parted (id int, v vector(3), nodim vector, n integer) PARTITION BY LIST (id);
CREATE INDEX ON opt_parted USING omenhnsw (v) WITH (elements = 5);
CREATE INDEX ON ONLY opt_parted USING omenhnsw (v) WITH (quantizer = pq, subvectors = 9);
CREATE INDEX ON opt_parted USING omenhnsw (nodim);
CREATE INDEX opt_parted_v ON opt_parted USING omenhnsw (v, n) WITH (quantizer = pq, subvectors = 2);
CREATE TABLE opt_parted_1 PARTITION OF opt_parted FOR VALUES IN (1);
SELECT c.relname, c.relkind, c.reloptions FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
WHERE c.relname LIKE 'opt\_parted%' ORDER BY c.relname;
ALTER INDEX opt_parted_1_v_n_idx SET (subvectors = 4);
DROP TABLE opt_parted;

-- settings
SELECT name, setting, unit, vartype, min_val, max_val, enumvals, boot_val, context
FROM pg_settings WHERE name LIKE 'omenhnsw.%' ORDER BY name COLLATE "C";

SET omenhnsw.ef_search = 0;
SET omenhnsw.ef_search = 10001;
SET omenhnsw.ef_search = 1;
SET omenhnsw.ef_search = 10000;
RESET omenhnsw.ef_search;
SET omenhnsw.iterative_scan = on;
SET omenhnsw.iterative_scan = relaxed_order;
SET omenhnsw.iterative_scan = off;
RESET omenhnsw.iterative_scan;
SET omenhnsw.max_scan_tuples = -1;
SET omenhnsw.max_scan_tuples = 0;
SET omenhnsw.scan_mem_multiplier = 0.5;
SET omenhnsw.scan_mem_multiplier = 2.5;
SHOW omenhnsw.scan_mem_multiplier;
RESET omenhnsw.scan_mem_multiplier;
SET omenhnsw.probes = 1;

DROP TABLE opt_t;
