-- Scores of omenbm25 against the formula, computed from tsvectors: on every plan, and
-- after whatever may happen to a table.
SET client_min_messages = warning;
SELECT setseed(.5) IS NOT NULL AS seeded;

CREATE TABLE bm_doc (id serial PRIMARY KEY, body text, tenant int, note text);

-- words of a Zipf distribution; w1 is in most documents
CREATE FUNCTION bm_words(n int) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT string_agg('w' || floor(exp(random() * ln(400)))::int, ' ') FROM generate_series(1, n)
$$;

-- the formula; documents that vacuum has not taken out of the index are in bm_gone
CREATE FUNCTION bm_formula(query text, k1 float8 DEFAULT 1.2, b float8 DEFAULT 0.75)
RETURNS TABLE (id int, score float8) LANGUAGE sql STABLE AS $$
    WITH term AS MATERIALIZED (SELECT d.id, u.lexeme, cardinality(u.positions)::float8 AS tf
                  FROM bm_doc d, unnest(to_tsvector('simple', body)) u),
         doc AS MATERIALIZED (SELECT d.id, coalesce(sum(tf), 0) AS length
                 FROM bm_doc d LEFT JOIN term USING (id) WHERE body IS NOT NULL GROUP BY d.id),
         stat AS MATERIALIZED (SELECT count(*)::float8 AS n, avg(length) AS average FROM doc),
         word AS (SELECT w AS lexeme, count(*) AS times FROM unnest(string_to_array(query, ' ')) w GROUP BY w),
         idf AS MATERIALIZED (SELECT lexeme, times, ln(1 + (n - count(t.id) + .5) / (count(t.id) + .5)) AS idf
                 FROM word LEFT JOIN term t USING (lexeme), stat GROUP BY lexeme, times, n)
    SELECT d.id, sum(times * idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / average)))
    FROM term t JOIN idf USING (lexeme) JOIN doc d ON d.id = t.id, stat
    GROUP BY d.id
$$;

-- how a search by the index, and one without it, differ from the formula
CREATE FUNCTION bm_compare(query text, condition text DEFAULT 'true', wanted int DEFAULT 20)
RETURNS TABLE (plan text, rows bigint, missing bigint, wrong_scores bigint, out_of_order bigint)
LANGUAGE plpgsql AS $$
DECLARE
    seq bool;
BEGIN
    DROP TABLE IF EXISTS bm_truth;
    CREATE TEMP TABLE bm_truth AS SELECT * FROM bm_formula(query);
    FOREACH seq IN ARRAY ARRAY[false, true] LOOP
        PERFORM set_config('enable_seqscan', seq::text, true), set_config('enable_indexscan', (NOT seq)::text, true),
            set_config('enable_sort', seq::text, true);
        plan := CASE WHEN seq THEN 'table' ELSE 'index' END;
        DROP TABLE IF EXISTS bm_found;
        EXECUTE format('CREATE TEMP TABLE bm_found AS
            SELECT id, distance, row_number() OVER () AS place
            FROM (SELECT id, body <@> %1$L AS distance FROM bm_doc WHERE body @@@ %1$L AND %2$s
                  ORDER BY body <@> %1$L LIMIT %3$s) f', query, condition, wanted);
        DROP TABLE IF EXISTS bm_best;
        EXECUTE format('CREATE TEMP TABLE bm_best AS
            SELECT score, row_number() OVER (ORDER BY score DESC) AS place
            FROM bm_truth JOIN bm_doc USING (id) WHERE %s ORDER BY score DESC LIMIT %s', condition, wanted);
        rows := (SELECT count(*) FROM bm_found);
        missing := (SELECT count(*) FROM bm_best) - rows;
        -- of rows with equal scores any may come first
        wrong_scores := (SELECT count(*) FROM bm_found LEFT JOIN bm_truth USING (id)
                         WHERE score IS NULL OR abs(score + distance) > 1e-9)
            + (SELECT count(*) FROM bm_found JOIN bm_best USING (place) WHERE abs(score + distance) > 1e-9);
        out_of_order := (SELECT count(*) FROM (SELECT distance - lag(distance) OVER (ORDER BY place) AS step
                                               FROM bm_found) s WHERE step < 0);
        RETURN NEXT;
    END LOOP;
    RESET enable_seqscan;
    RESET enable_indexscan;
    RESET enable_sort;
END
$$;

INSERT INTO bm_doc (body, tenant, note)
    SELECT bm_words(1 + (i * 7) % 60), i % 10, 'n' || i % 3 FROM generate_series(1, 1500) i;
INSERT INTO bm_doc (body, tenant) VALUES (NULL, 1), ('', 1), ('w1', 1), (repeat('w7 ', 200), 2);
CREATE INDEX bm_idx ON bm_doc USING omenbm25 (body, tenant, note) WITH (text_config = 'simple');

SELECT * FROM bm_compare('w1');
SELECT * FROM bm_compare('w7');
SELECT * FROM bm_compare('w1 w2 w3');
SELECT * FROM bm_compare('w300 w1 w1 w17 w200');
SELECT * FROM bm_compare('w399 nowhere w398');
SELECT * FROM bm_compare('w1 w2 w3 w4 w5 w6 w7 w8 w9 w10', wanted => 500);
SELECT * FROM bm_compare('w2 w30', wanted => 100000);
SELECT * FROM bm_compare('nowhere');
SELECT * FROM bm_compare('w1 w40', 'tenant = 3');
SELECT * FROM bm_compare('w1 w40', 'tenant IN (3, 4) AND note = ''n1''', 1000);
SELECT * FROM bm_compare('w1 w40', 'tenant = 77');
SELECT * FROM bm_compare('w1 w2', 'id % 100 = 0');

-- inserts: a small tail, so that it becomes a segment again and again, and segments are merged
SET omenbm25.tail_limit = '32kB';
INSERT INTO bm_doc (body, tenant, note)
    SELECT bm_words(1 + (i * 11) % 90), i % 10, 'n' || i % 3 FROM generate_series(1, 1500) i;
SELECT nodes, dead_nodes, null_rows, heap_rows FROM omendb_index_check('bm_idx', true);
SELECT * FROM bm_compare('w1 w2 w3');
SELECT * FROM bm_compare('w300 w1 w1 w17 w200', wanted => 300);
SELECT * FROM bm_compare('w1 w40', 'tenant = 3');
-- a document of more words than a page of the tail has room for
INSERT INTO bm_doc (body, tenant) SELECT string_agg('long' || i, ' ') || ' w9 w9 w7', 5 FROM generate_series(1, 3000) i;
SELECT * FROM bm_compare('long7 long2999 w9');
-- updates and deletes, which count in the statistics until a vacuum
UPDATE bm_doc SET body = body || ' w1 fresh' WHERE id % 3 = 0;
DELETE FROM bm_doc WHERE id % 4 = 1;
VACUUM bm_doc;
SELECT nodes, dead_nodes, null_rows, heap_rows FROM omendb_index_check('bm_idx', true);
SELECT * FROM bm_compare('w1 fresh w3');
SELECT * FROM bm_compare('w1 w40', 'tenant = 3');
INSERT INTO bm_doc (body, tenant, note) SELECT bm_words(20), 1, 'n1' FROM generate_series(1, 500);
SELECT * FROM bm_compare('w1 fresh w3', 'note = ''n1''', 400);
SELECT nodes, dead_nodes, free_slots < 2000 AS used_again FROM omendb_index_check('bm_idx', true);
-- an update that changes no text
UPDATE bm_doc SET tenant = 11 WHERE id % 7 = 0;
VACUUM bm_doc;
SELECT * FROM bm_compare('w2 fresh', 'tenant = 11', 50);
-- everything gone
DELETE FROM bm_doc;
VACUUM bm_doc;
SELECT nodes, dead_nodes, null_rows FROM omendb_index_check('bm_idx', true);
SELECT count(*) FROM bm_doc WHERE body @@@ 'w1';
INSERT INTO bm_doc (body, tenant) VALUES ('w1 w2', 1), ('w2', 1);
SELECT * FROM bm_compare('w1 w2');
-- built in runs on disk, and in one
INSERT INTO bm_doc (body, tenant, note) SELECT bm_words(40), i % 10, 'n1' FROM generate_series(1, 1500) i;
SET maintenance_work_mem = '1MB';
REINDEX INDEX bm_idx;
SELECT nodes, heap_rows FROM omendb_index_check('bm_idx', true);
SELECT * FROM bm_compare('w1 w2 w77', wanted => 100);
RESET maintenance_work_mem;
-- other constants
DROP INDEX bm_idx;
CREATE INDEX bm_idx2 ON bm_doc USING omenbm25 (body) WITH (text_config = 'simple', k1 = 2, b = 0.2);
SELECT count(*), max(abs(distance + score)) < 1e-9 AS exact
FROM (SELECT id, body <@> 'w3 w50' AS distance FROM bm_doc ORDER BY body <@> 'w3 w50' LIMIT 100) f
JOIN bm_formula('w3 w50', 2, 0.2) USING (id);
DROP TABLE bm_doc;
DROP FUNCTION bm_words, bm_formula, bm_compare;
