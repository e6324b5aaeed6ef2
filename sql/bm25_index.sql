-- Indexes of omenbm25: columns, options, kinds of tables.
SET client_min_messages = warning;
SET enable_seqscan = off;
CREATE TABLE bi (id serial PRIMARY KEY, title text, body varchar(200), doc jsonb, words tsvector, tenant int, tag text, at timestamptz);
INSERT INTO bi (title, body, doc, words, tenant, tag, at)
    SELECT 'title ' || i, 'words of number ' || i || CASE WHEN i % 3 = 0 THEN ' apple' ELSE ' pear' END,
           jsonb_build_object('body', 'json ' || i || CASE WHEN i % 5 = 0 THEN ' plum' ELSE '' END),
           setweight(to_tsvector('simple', CASE WHEN i % 10 = 0 THEN 'apple' ELSE 'title' END), 'A')
               || setweight(to_tsvector('simple', 'body apple ' || i), 'D'),
           i % 7, 'tag' || i % 4, '2024-01-01 UTC'::timestamptz + i * '1 hour'::interval
    FROM generate_series(1, 500) i;

-- varchar, filter columns of several types, text as a filter column
CREATE INDEX bi_body ON bi USING omenbm25 (body, tenant, tag, at);
EXPLAIN (COSTS off) SELECT id FROM bi WHERE body @@@ 'apple' AND tenant = 3 AND tag = 'tag1' ORDER BY body <@> 'apple' LIMIT 5;
SELECT count(*) FROM bi WHERE body @@@ 'apple' AND tenant = 3 AND tag = 'tag1';
SELECT count(*) FROM bi WHERE body @@@ 'apple' AND tenant IN (3, 5) AND at < '2024-01-05 UTC' AND tag <> 'tag2';
SELECT count(*) FROM bi WHERE id % 3 = 0 AND tenant IN (3, 5) AND at < '2024-01-05 UTC' AND tag <> 'tag2';
SELECT count(*) FROM (SELECT id FROM bi WHERE tenant = 3 ORDER BY body <@> 'apple') s;
SELECT count(*) FROM bi WHERE tenant = 3 AND tag @@@ bm25query('tag1', index => 'bi_body') AND body @@@ 'apple';
SELECT id FROM bi ORDER BY tag <@> bm25query('tag1', index => 'bi_body'), id LIMIT 2;
-- expressions
CREATE INDEX bi_doc ON bi USING omenbm25 ((doc ->> 'body'));
SELECT count(*) FROM bi WHERE (doc ->> 'body') @@@ 'plum';
SELECT id FROM bi ORDER BY doc ->> 'body' <@> 'plum', id LIMIT 2;
EXPLAIN (COSTS off) SELECT id FROM bi ORDER BY doc ->> 'body' <@> 'plum' LIMIT 2;
CREATE INDEX bi_both ON bi USING omenbm25 ((title || ' ' || body));
SELECT id FROM bi WHERE (title || ' ' || body) @@@ bm25query('title 42', mode => 'all');
-- tsvector, with weights of its labels
CREATE INDEX bi_words ON bi USING omenbm25 (words) WITH (text_config = 'simple', weights = '1, 1, 1, 5');
SELECT min(id), count(*), count(DISTINCT words <@> 'apple') FROM (SELECT * FROM bi ORDER BY words <@> 'apple' LIMIT 50) s WHERE id % 10 = 0;
SELECT nodes, heap_rows FROM omendb_index_check('bi_words', true);
SELECT nodes, heap_rows FROM omendb_index_check('bi_body', true);
SELECT count(*) FROM bi WHERE words @@@ '"body apple"';
-- partial, and which of several indexes is taken
CREATE INDEX bi_part ON bi USING omenbm25 (title) WHERE tenant = 1;
EXPLAIN (COSTS off) SELECT id FROM bi WHERE tenant = 1 ORDER BY title <@> 'title' LIMIT 1;
CREATE INDEX bi_title ON bi USING omenbm25 (title);
EXPLAIN (COSTS off) SELECT id FROM bi WHERE tenant = 1 ORDER BY title <@> 'title' LIMIT 1;
EXPLAIN (COSTS off) SELECT id FROM bi WHERE tenant = 1 ORDER BY title <@> bm25query('title', index => 'bi_part') LIMIT 1;
-- options
CREATE INDEX ON bi USING omenbm25 (title) WITH (k1 = -1);
CREATE INDEX ON bi USING omenbm25 (title) WITH (b = 1.5);
CREATE INDEX ON bi USING omenbm25 (title) WITH (weights = '1,1,1,1');
CREATE INDEX ON bi USING omenbm25 (words) WITH (weights = '1,1');
CREATE INDEX ON bi USING omenbm25 (words) WITH (weights = '0,0,0,0');
CREATE INDEX ON bi USING omenbm25 (title) WITH (text_config = 'nowhere');
CREATE INDEX ON bi USING omenbm25 (title) WITH (m = 16);
CREATE INDEX ON bi USING omenbm25 (tenant);
CREATE INDEX ON bi USING omenbm25 (title, words);
CREATE UNIQUE INDEX ON bi USING omenbm25 (title);
CREATE INDEX ON bi USING omenbm25 (title) INCLUDE (tenant);
CREATE INDEX ON bi USING omenbm25 (title DESC);
-- ALTER INDEX refuses what a build would refuse
CREATE INDEX bi_alter ON bi USING omenbm25 (title) WITH (text_config = 'simple');
ALTER INDEX bi_alter SET (weights = '1,2,4,8');
ALTER INDEX bi_alter SET (weights = '1,2');
ALTER INDEX bi_alter SET (text_config = 'nowhere');
ALTER INDEX bi_alter SET (k1 = -1);
ALTER INDEX bi_alter SET (b = 1.5);
ALTER INDEX bi_alter SET (k1 = 1.5, b = 0.5);
ALTER INDEX bi_words SET (weights = '1,2,4,8');
SELECT relname, reloptions FROM pg_class WHERE relname IN ('bi_alter', 'bi_words') ORDER BY relname;
REINDEX INDEX bi_alter;
-- ... and leaves none wrong that was wrong before
UPDATE pg_class SET reloptions = '{"weights=1,2,4,8",text_config=nowhere}' WHERE relname = 'bi_alter';
ALTER INDEX bi_alter SET (k1 = 1.5);
ALTER INDEX bi_alter SET (text_config = 'simple');
ALTER INDEX bi_alter RESET (weights);
ALTER INDEX bi_alter RESET (weights, text_config);
SELECT reloptions FROM pg_class WHERE relname = 'bi_alter';
REINDEX INDEX bi_alter;
-- a configuration in a schema that the owner of the table may not use
CREATE ROLE bi_owner;
CREATE SCHEMA bi_schema;
CREATE TEXT SEARCH CONFIGURATION bi_schema.hidden (COPY = simple);
ALTER TABLE bi OWNER TO bi_owner;
ALTER INDEX bi_alter SET (text_config = 'bi_schema.hidden');
GRANT USAGE ON SCHEMA bi_schema TO bi_owner;
ALTER INDEX bi_alter SET (text_config = 'bi_schema.hidden');
ALTER TABLE bi OWNER TO CURRENT_USER;
DROP INDEX bi_alter;
DROP TEXT SEARCH CONFIGURATION bi_schema.hidden;
DROP SCHEMA bi_schema;
DROP ROLE bi_owner;
-- a configuration that is dropped
CREATE TEXT SEARCH CONFIGURATION bi_config (COPY = simple);
CREATE INDEX bi_own ON bi USING omenbm25 (title, tenant) WITH (text_config = 'public.bi_config');
DROP INDEX bi_title, bi_part;
SELECT count(*) FROM bi WHERE title @@@ 'title';
DROP TEXT SEARCH CONFIGURATION bi_config;
SELECT count(*) FROM bi WHERE title @@@ 'title';
DROP INDEX bi_own;
-- concurrently
CREATE INDEX CONCURRENTLY bi_conc ON bi USING omenbm25 (title, tenant) WITH (text_config = 'simple');
REINDEX INDEX CONCURRENTLY bi_conc;
INSERT INTO bi (title, tenant) VALUES ('another one', 3);
SELECT nodes, heap_rows FROM omendb_index_check('bi_conc', true);
SELECT id FROM bi WHERE title @@@ 'another';
TRUNCATE bi;
SELECT id FROM bi WHERE title @@@ 'another';
INSERT INTO bi (title, tenant) VALUES ('another one', 3);
SELECT count(*) FROM bi WHERE title @@@ 'another';
DROP TABLE bi;

-- partitions: scores are of all of them
CREATE TABLE bp (id int, body text, tenant int) PARTITION BY LIST (tenant);
CREATE TABLE bp1 PARTITION OF bp FOR VALUES IN (1);
CREATE TABLE bp2 PARTITION OF bp FOR VALUES IN (2);
CREATE INDEX bp_idx ON bp USING omenbm25 (body) WITH (text_config = 'simple');
INSERT INTO bp SELECT i, 'word' || i % 10 || CASE WHEN i % 20 = 0 THEN ' rare' ELSE '' END, 1 + (i % 4 = 0)::int FROM generate_series(1, 200) i;
EXPLAIN (COSTS off) SELECT id FROM bp ORDER BY body <@> 'rare word3' LIMIT 3;
SELECT count(*), count(DISTINCT body <@> 'rare word3') FROM (SELECT * FROM bp WHERE body @@@ 'rare word3' ORDER BY body <@> 'rare word3') s;
SELECT round((body <@> 'rare')::numeric, 9) = round(-(ln(1 + (200 - 10 + .5) / (10 + .5)) * 2.2 / (1 + 1.2 * (.25 + .75 * 2 / 1.05)))::numeric, 9) AS exact
    FROM bp WHERE body @@@ 'rare' LIMIT 1;
SELECT count(*) FROM bp1 WHERE body @@@ 'word3';
SELECT omendb_index_check('bp_idx');
DROP TABLE bp;
CREATE TABLE bp (id int, body text) PARTITION BY LIST (id);
CREATE INDEX ON bp USING omenbm25 (body) WITH (weights = '1,2,4,8');
CREATE INDEX ON bp USING omenbm25 (body) WITH (text_config = 'nowhere');
CREATE INDEX ON ONLY bp USING omenbm25 (body) WITH (k1 = 2);
DROP TABLE bp;

-- temporary and unlogged tables, subtransactions
CREATE TEMP TABLE bt (id int, body text);
CREATE INDEX bt_idx ON bt USING omenbm25 (body);
BEGIN;
INSERT INTO bt VALUES (1, 'kept words');
SAVEPOINT s;
INSERT INTO bt VALUES (2, 'lost words');
ROLLBACK TO s;
SELECT id FROM bt ORDER BY body <@> 'words';
COMMIT;
SELECT id FROM bt WHERE body @@@ 'words';
DROP TABLE bt;
SELECT opcname, amvalidate(c.oid) FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod WHERE amname = 'omenbm25' AND NOT amvalidate(c.oid);
SHOW omenbm25.tail_limit;
SET omenbm25.nothing = 1;
-- a score that only sorts is not computed again for each row
CREATE TABLE bo (id int, body text);
CREATE INDEX bo_idx ON bo USING omenbm25 (body) WITH (text_config = 'simple');
SET enable_seqscan = off;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM bo ORDER BY body <@> 'words' LIMIT 3;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id, body <@> 'words' FROM bo ORDER BY body <@> 'words' LIMIT 3;
RESET enable_seqscan;
DROP TABLE bo;
