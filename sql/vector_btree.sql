--
-- Order of vectors: btree, sorts, DISTINCT, joins, statistics
--
SELECT vector_cmp('[1,2,3]', '[1,2,3]'), vector_cmp('[1,2,3]', '[0,0,0]'), vector_cmp('[0,0,0]', '[1,2,3]'),
    vector_cmp('[1,2]', '[1,2,3]'), vector_cmp('[1,2,3]', '[1,2]'), vector_cmp('[1,2]', '[2,3,4]'),
    vector_cmp('[2,3]', '[1,2,3]'), vector_cmp('[0]', '[-0]');

CREATE TABLE ordered (id serial, v vector);
INSERT INTO ordered (v) VALUES ('[0,0,0]'), ('[1,2,3]'), ('[1,1,1]'), ('[1]'), (NULL), ('[1,2]'),
    ('[-1,5]'), ('[0,0,0]'), ('[2]'), ('[1,2,3,4]');
SELECT id, v FROM ordered ORDER BY v, id;
SELECT id, v FROM ordered ORDER BY v DESC NULLS LAST, id DESC;
SELECT DISTINCT v FROM ordered ORDER BY v;
SELECT v, count(*) FROM ordered GROUP BY v HAVING count(*) > 1;
SELECT min(id) FROM ordered WHERE v IN ('[1]', '[2]', '[3]');

CREATE INDEX ordered_v ON ordered (v);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT * FROM ordered WHERE v = '[1,2,3]';
SELECT v FROM ordered WHERE v = '[1,2,3]';
EXPLAIN (COSTS OFF) SELECT * FROM ordered WHERE v > '[0,0,0]' AND v <= '[1,2,3]' ORDER BY v;
SELECT v FROM ordered WHERE v > '[0,0,0]' AND v <= '[1,2,3]' ORDER BY v;
SELECT v FROM ordered WHERE v < '[0,0,0]' OR v >= '[1,2,3]' ORDER BY v;
SELECT count(*) FROM ordered WHERE v IS NULL;
EXPLAIN (COSTS OFF) SELECT v FROM ordered ORDER BY v LIMIT 1;
RESET enable_seqscan;
RESET enable_bitmapscan;

-- uniqueness
CREATE UNIQUE INDEX ordered_unique ON ordered (v);
DELETE FROM ordered WHERE id = 8;
CREATE UNIQUE INDEX ordered_unique ON ordered (v);
INSERT INTO ordered (v) VALUES ('[-0,0,-0]');
INSERT INTO ordered (v) VALUES ('[1,2]') ON CONFLICT (v) DO UPDATE SET id = -1 RETURNING id, v;

-- merge join on equality
CREATE TABLE partner AS SELECT v FROM ordered UNION ALL SELECT '[1,2]';
SET enable_hashjoin = off;
SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM ordered a JOIN partner b ON a.v = b.v;
SELECT count(*) FROM ordered a JOIN partner b ON a.v = b.v;
RESET enable_hashjoin;
RESET enable_nestloop;

-- many values: the index and a sort agree
CREATE TABLE shuffled AS
    SELECT i, ARRAY[(i * 7919) % 1000, (i * 104729) % 13, i % 3]::vector AS v FROM generate_series(1, 3000) i;
CREATE INDEX ON shuffled (v);
ANALYZE shuffled;
SELECT count(*) AS rows, count(*) FILTER (WHERE v < before) AS wrong
FROM (SELECT v, lag(v) OVER (ORDER BY v) AS before FROM shuffled) t;
SELECT count(*) = (SELECT count(*) FROM shuffled WHERE (v::real[])[1] < 500) AS equal FROM shuffled WHERE v < '[500]';
SELECT n_distinct <> 0 AS statistics FROM pg_stats WHERE tablename = 'shuffled' AND attname = 'v';

-- a value too wide for a btree page is refused by the btree, as any is
CREATE TABLE too_wide (v vector);
CREATE INDEX ON too_wide (v);
\set VERBOSITY sqlstate
INSERT INTO too_wide VALUES (array_fill(1, ARRAY[3000]));
\set VERBOSITY default

SELECT amvalidate(oid) FROM pg_opclass WHERE opcname = 'vector_ops';
DROP TABLE ordered, partner, shuffled, too_wide;
