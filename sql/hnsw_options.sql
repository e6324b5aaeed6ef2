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
