-- bm25query: forms, what may be typed, what it means.
SET client_min_messages = warning;
CREATE TABLE bq (id int PRIMARY KEY, body text);
INSERT INTO bq VALUES (1, 'A solar storm hit the earth'), (2, 'Storms of the solar wind'), (3, 'The wind and the rain'),
    (4, 'solar energy, and a storm'), (5, 'Nothing of that kind'), (6, NULL), (7, ''), (8, 'dark matter and dark energy');
CREATE INDEX bq_idx ON bq USING omenbm25 (body) WITH (text_config = 'english');
SET enable_seqscan = off;

-- forms
-- text of a parameter has no second reading
SELECT bm25query('solar'::text), 'solar'::text::bm25query;
SELECT 'solar storms'::bm25query;
SELECT bm25query('solar "storms', mode => 'all'), bm25query('x', 'english', 'bq_idx');
SELECT bm25query_in(bm25query_out(bm25query('x', config => 'simple')));
-- what somebody has typed is text, whatever it looks like
SELECT bm25query('x', config => 'simple')::text::bm25query;
SELECT '[bm25 index=public.bq_idx mode=all] solar'::bm25query;
SELECT q, bm25query_send(bm25query_in(bm25query_out(q))) = bm25query_send(q) AS round
FROM (VALUES ('[bm25] [bm25 x'::bm25query), ('[bm25 other=1] y'), ('[bm25'), (''), ('[bm25 mode=all]'), (bm25query('[bm25 mode=all] z'))) v (q);
SELECT bm25query_send('solar'::bm25query);
CREATE TEMP TABLE bq_stored (q bm25query);
INSERT INTO bq_stored VALUES ('solar'), (bm25query('storm', index => 'bq_idx', mode => 'all')), (NULL);
SELECT q, bm25query_in(bm25query_out(q)) FROM bq_stored;
\getenv dir PG_ABS_BUILDDIR
\set file :dir '/results/bm25_query.bin'
\set save '\\copy bq_stored to ' '''' :file '''' ' with (format binary)'
\set load '\\copy bq_copied from ' '''' :file '''' ' with (format binary)'
CREATE TEMP TABLE bq_copied (q bm25query);
:save
:load
SELECT * FROM bq_copied;
SELECT bm25query('x', mode => 'some');
SELECT bm25query('x', index => 'nowhere');
SELECT '[bm25 index=nowhere] x'::bm25query;
SELECT bm25query(NULL) IS NULL AS a, bm25query('x', NULL, NULL, NULL) AS b;

-- what matches
SELECT q, (SELECT array_agg(id ORDER BY id) FROM bq WHERE body @@@ q) AS found
FROM unnest(ARRAY['solar storms', '"solar storm"', 'solar -storm', '-storm', 'storm -"solar storm"', '"dark energy"',
    '"dark" wind', 'the of', '', '   ', '"', '""', '-', '- -', '--storm', 'storm"', '"solar storm', 'SOLAR', 'a&b|!c:*(', ''')); --',
    'storm OR rain', E'solar\tstorm\n', 'e-mail x@y.org http://a.b/c', 'solar-storm']) q;
SELECT q, (SELECT array_agg(id ORDER BY id) FROM bq WHERE body @@@ bm25query(q, mode => 'all')) AS found
FROM unnest(ARRAY['solar storms', 'solar storms -wind', 'solar nowhere', 'the storm', '"solar storm" earth', 'dark matter energy']) q;
-- the same without the index
SET enable_seqscan = on;
SET enable_indexscan = off;
SELECT q, (SELECT array_agg(id ORDER BY id) FROM bq WHERE body @@@ q) AS found
FROM unnest(ARRAY['solar storms', '"solar storm"', 'solar -storm', '-storm', 'storm -"solar storm"', '"dark energy"', 'the of', '']) q;
RESET enable_indexscan;
SET enable_seqscan = off;
-- what an index of hashes cannot find
SELECT id FROM bq WHERE body @@@ 'stor*';
SELECT id FROM bq WHERE body @@@ 'wind stomr~2';
SELECT id FROM bq WHERE body @@@ '-stor*';
SELECT id FROM bq WHERE body @@@ '"stor*" 3 * 4 ~ 2';
-- a text may repeat few words, or exclude them, very often
SELECT array_agg(id ORDER BY id) FROM bq WHERE body @@@ repeat('storm wind ', 10000);
SELECT array_agg(id ORDER BY id) FROM bq WHERE body @@@ (repeat('-rain ', 10000) || 'storm wind');
SELECT array_agg(id ORDER BY id) FROM bq WHERE body @@@ (repeat('-"solar wind" wind ', 1000));

-- order: phrases are checked in the row, rows without a word come last, then NULLs
SELECT id, round((body <@> 'solar storm')::numeric, 6) AS distance FROM bq ORDER BY body <@> 'solar storm', id;
EXPLAIN (COSTS off) SELECT id FROM bq ORDER BY body <@> '"solar storm" energy' LIMIT 3;
SELECT id, round((body <@> '"solar storm" energy')::numeric, 6) AS distance FROM bq ORDER BY body <@> '"solar storm" energy';
SELECT id, round((body <@> 'energy -dark')::numeric, 6) AS distance FROM bq ORDER BY body <@> 'energy -dark';
SELECT count(*) FROM (SELECT id FROM bq ORDER BY body <@> 'nowhere') s;
SELECT count(*) FROM (SELECT id FROM bq ORDER BY body <@> NULL::text) s;
SELECT count(*) FROM bq WHERE body @@@ NULL::text;
SELECT id FROM bq WHERE body IS NULL ORDER BY body <@> 'solar';
SELECT count(*) FROM (SELECT id FROM bq WHERE body IS NOT NULL ORDER BY body <@> 'solar') s;
-- several searches at once
SELECT id FROM bq WHERE body @@@ 'storm' AND body @@@ 'wind';
SELECT id FROM bq WHERE body @@@ 'storm' ORDER BY body <@> 'wind', id;
SELECT id FROM bq WHERE body @@@ '"dark energy"' ORDER BY body <@> 'matter';
SELECT id FROM bq WHERE body = 'The wind and the rain' ORDER BY body <@> 'rain';

-- how a search finds its index
PREPARE p(text) AS SELECT id FROM bq WHERE body @@@ $1 ORDER BY body <@> $1 LIMIT 5;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS off) EXECUTE p('wind');
EXECUTE p('wind');
EXECUTE p('rain');
EXECUTE p(NULL);
RESET plan_cache_mode;
DEALLOCATE p;
CREATE VIEW bq_view AS SELECT id, body FROM bq WHERE id < 100;
SELECT id FROM bq_view WHERE body @@@ 'rain' ORDER BY body <@> 'rain';
SELECT id FROM (SELECT id, body FROM bq OFFSET 0) s WHERE body @@@ 'rain';
SELECT a.id, b.id FROM bq a JOIN bq b ON b.body @@@ a.body AND a.id = 3 ORDER BY b.id;
SELECT id FROM (VALUES ('wind'), ('rain')) v (q), LATERAL (SELECT id FROM bq WHERE body @@@ q ORDER BY body <@> q LIMIT 1) s;
SELECT 'solar wind' <@> bm25query('wind', index => 'bq_idx') < 0 AS any_text;
SELECT 'solar wind' <@> 'wind';
SELECT 'solar wind' <@> bm25query('wind');
SELECT 'solar wind' @@@ bm25query('wind', index => 'bq_pkey');
SELECT 'solar wind' @@@ bm25query('wind', index => 'bq');
DROP VIEW bq_view;
DROP TABLE bq;

-- an index without partitions
CREATE TABLE bq_parts (body text) PARTITION BY HASH (body);
CREATE INDEX bq_parts_body ON bq_parts USING omenbm25 (body);
SELECT 'solar wind' <@> bm25query('wind', index => 'bq_parts_body') AS no_documents;
SELECT body FROM bq_parts WHERE body @@@ 'wind' ORDER BY body <@> 'wind';
DROP TABLE bq_parts;

-- a configuration that changes within a command: what has been parsed stays
CREATE TEXT SEARCH CONFIGURATION bq_config (COPY = simple);
CREATE TABLE bq_changed (body text, tenant int);
INSERT INTO bq_changed SELECT 'the a on of in at is w' || i % 7, i % 3 FROM generate_series(1, 300) i;
CREATE INDEX bq_changed_body ON bq_changed USING omenbm25 (body, tenant) WITH (text_config = 'public.bq_config');
CREATE FUNCTION bq_change(g int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	IF g = 2 THEN
		ALTER TEXT SEARCH CONFIGURATION bq_config ALTER MAPPING FOR asciiword WITH english_stem;
	END IF;
	RETURN g;
END $$;
SELECT g, bq_change(g), (SELECT count(*) FROM bq_changed WHERE body @@@ 'the a on of in at is' AND tenant = g) FROM generate_series(1, 2) g;
DROP TABLE bq_changed;
DROP FUNCTION bq_change;
DROP TEXT SEARCH CONFIGURATION bq_config;

-- the searched value is of a query around the one that searches
CREATE TABLE bq_outer (id int, title text, body text);
INSERT INTO bq_outer VALUES (1, 'a', 'solar storm'), (2, 'b', 'rain'), (3, 'c', 'storm of rain');
CREATE INDEX bq_outer_body ON bq_outer USING omenbm25 (body) WITH (text_config = 'english');
CREATE INDEX bq_outer_both ON bq_outer USING omenbm25 ((title || ' ' || body)) WITH (text_config = 'english');
CREATE TABLE bq_words (w text);
INSERT INTO bq_words VALUES ('storm'), ('rain');
SELECT id, (SELECT round(min(body <@> w)::numeric, 4) FROM bq_words) AS least, (SELECT round(min(body <@> bm25query(w, index => 'bq_outer_body'))::numeric, 4) FROM bq_words) AS named,
    ARRAY(SELECT w FROM bq_words WHERE d.body @@@ w) AS words, ARRAY(SELECT w FROM bq_words WHERE (d.title || ' ' || d.body) @@@ w) AS words_of_both,
    (SELECT d.body @@@ 'storm') AS storm, (SELECT count(*) FROM (SELECT ARRAY(SELECT w FROM bq_words WHERE d.body @@@ w OFFSET 0) AS a OFFSET 0) s) AS two_levels
    FROM bq_outer d ORDER BY id;
SELECT id FROM bq_outer WHERE id = 2 OR EXISTS (SELECT FROM bq_words WHERE body @@@ w AND w = 'storm') ORDER BY id;
SELECT id FROM bq_outer d, LATERAL (SELECT d.body AS b OFFSET 0) s WHERE s.b @@@ 'storm' ORDER BY id;
SELECT id FROM (SELECT id, body AS b FROM bq_outer OFFSET 0) s WHERE EXISTS (SELECT FROM bq_words WHERE s.b @@@ w AND w = 'rain' OFFSET 0) ORDER BY id;
BEGIN;
UPDATE bq_outer d SET id = (SELECT count(*) FROM bq_words WHERE d.body @@@ w) RETURNING id, body;
ROLLBACK;
CREATE ROLE bq_reader;
GRANT SELECT ON bq_outer, bq_words TO bq_reader;
ALTER TABLE bq_outer ENABLE ROW LEVEL SECURITY;
CREATE POLICY bq_policy ON bq_outer USING (id = 9 OR EXISTS (SELECT FROM bq_words WHERE bq_outer.body @@@ w AND w = 'rain'));
SET ROLE bq_reader;
SELECT id FROM bq_outer ORDER BY body <@> 'storm', id;
RESET ROLE;
DROP POLICY bq_policy ON bq_outer;
-- neither is of a table's column, so that there is no index
SELECT count(*) FROM bq_outer d WHERE EXISTS (SELECT FROM bq_words WHERE (d.title || w) @@@ w OFFSET 0);
SELECT count(*) FROM bq_outer d WHERE EXISTS (SELECT FROM bq_words WHERE ((SELECT d.title) || ' ' || d.body) @@@ w OFFSET 0);
DROP TABLE bq_outer, bq_words;
DROP ROLE bq_reader;
-- a loop that inserts and searches for many others between two rows of a search
CREATE TABLE bq_loop (id int, body text);
INSERT INTO bq_loop SELECT i, CASE WHEN i <= 500 THEN 'solar storm ' || repeat('x ', 1 + i % 5) || 'w' || i % 40 ELSE 'other' END FROM generate_series(1, 1000) i;
CREATE INDEX bq_loop_body ON bq_loop USING omenbm25 (body) WITH (text_config = 'simple');
SET enable_sort = off;
CREATE FUNCTION bq_looped(matching boolean) RETURNS TABLE (n bigint, ids bigint) LANGUAGE plpgsql AS $$
DECLARE
    one record;
BEGIN
    n := 0;
    ids := 0;
    FOR one IN EXECUTE format('SELECT s.id FROM generate_series(1, 20) v (i),
        LATERAL (SELECT id FROM bq_loop WHERE id > v.i %s ORDER BY body <@> ''"solar storm" x'' LIMIT 3) s', CASE WHEN matching THEN 'AND body @@@ ''"solar storm" x''' END)
    LOOP
        INSERT INTO bq_loop SELECT 1000 + i, 'solar storm x x x x' FROM generate_series(1, 20) i;
        PERFORM count((SELECT id FROM bq_loop WHERE body @@@ ('w' || g) LIMIT 1)) FROM generate_series(1, 80) g;
        n := n + 1;
        ids := ids + one.id;
    END LOOP;
    RETURN NEXT;
END
$$;
SELECT * FROM bq_looped(true);
SELECT * FROM bq_looped(false);
RESET enable_sort;
DROP FUNCTION bq_looped;
DROP TABLE bq_loop;
