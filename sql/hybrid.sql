-- Search by words and by meaning at once.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
SELECT rrf(1, 2), rrf(1, NULL) = 1.0 / 61 AS one, rrf(NULL, NULL) AS none, rrf(1, 1, k => 0, weight2 => 3) AS weighted;
CREATE TABLE hy (tenant int, id int, body text, v vector(3), price numeric, tag text, PRIMARY KEY (tenant, id));
INSERT INTO hy SELECT i % 3, i, 'common' || CASE WHEN i % 10 = 0 THEN ' apple' ELSE '' END || repeat(' filler', i % 5),
    ARRAY[i, i % 7, i % 11]::real[]::vector, i * 1.5, CASE WHEN i % 4 > 0 THEN 'tag' || i % 4 END FROM generate_series(1, 300) i;
CREATE INDEX hy_body ON hy USING omenbm25 (body, tenant, price) WITH (text_config = 'simple');
CREATE INDEX hy_v ON hy USING omenhnsw (v vector_l2_ops, tenant, price);
ANALYZE hy;
-- the statement
WITH by_words AS (SELECT id, row_number() OVER (ORDER BY d) AS rank FROM (
         SELECT id, body <@> 'apple' AS d FROM hy WHERE body @@@ 'apple' ORDER BY body <@> 'apple', id LIMIT 20) s),
     by_meaning AS (SELECT id, row_number() OVER (ORDER BY d) AS rank FROM (
         SELECT id, v <-> '[100,3,4]' AS d FROM hy ORDER BY v <-> '[100,3,4]' LIMIT 20) s)
SELECT id, round(rrf(w.rank, m.rank)::numeric, 6) AS score FROM by_words w FULL JOIN by_meaning m USING (id)
ORDER BY score DESC, id LIMIT 3;
-- the function
SELECT key, text_rank IS NOT NULL AS by_words, vector_rank, round(vector_distance::numeric, 3) AS distance, score > 0 AS scored
    FROM omendb_hybrid('hy', 'body', 'apple', 'v', '[100,3,4]', k => 4, candidates => 20) WHERE vector_rank < 4;
SELECT count(*), bool_and((key ->> 'tenant')::int = 1) AS filtered
    FROM omendb_hybrid('hy', 'body', 'apple common', 'v', '[100,3,4]', k => 50, candidates => 30, filter => '{"tenant": 1}');
SELECT bool_and(h.price BETWEEN 100 AND 200 AND h.tenant IN (0, 2) AND h.tag IS NULL) AS filtered, count(*)
    FROM omendb_hybrid('hy', 'body', 'common', 'v', '[100,3,4]', k => 50,
        filter => '{"price": {">=": 100, "<=": 200}, "tenant": [0, 2], "tag": null}') f
    JOIN hy h ON h.tenant = (key ->> 'tenant')::int AND h.id = (key ->> 'id')::int;
-- scores are those of the statement, by either method
SELECT method, count(*), bool_and(abs(text_score + (SELECT h.body <@> 'apple common' FROM hy h WHERE h.tenant = (key ->> 'tenant')::int
        AND h.id = (key ->> 'id')::int)) < 1e-9) AS equal
    FROM unnest(ARRAY['rrf', 'minmax']) method, omendb_hybrid('hy', 'body', 'apple common', 'v', '[100,3,4]', k => 60, candidates => 40, method => method)
    GROUP BY method ORDER BY method;
SELECT max(score), min(score) FROM omendb_hybrid('hy', 'body', 'apple', 'v', '[100,3,4]', weights => '{0,1}', method => 'minmax', candidates => 10);
-- errors; nothing of a filter is SQL
SELECT * FROM omendb_hybrid('hy', 'body', 'apple', 'v', '[1,2,3]', filter => '{"price": {"; DROP TABLE hy": 1}}');
SELECT * FROM omendb_hybrid('hy', 'body', 'apple', 'v', '[1,2,3]', filter => '{"1=1 OR price": 1}');
SELECT count(*) FROM omendb_hybrid('hy', 'body', 'apple', 'v', '[1,2,3]', filter => $${"tag": "x' OR '1'='1"}$$);
SELECT * FROM omendb_hybrid('hy', 'body', 'apple', 'price', '[1,2,3]');
SELECT * FROM omendb_hybrid('hy', 'body', 'apple', 'v', '[1,2,3]', method => 'other');
SELECT * FROM omendb_hybrid('hy', 'tag', 'apple', 'v', '[1,2,3]');
SELECT * FROM omendb_hybrid('hy', 'nope', 'apple', 'v', '[1,2,3]');
SELECT * FROM omendb_hybrid('hy', 'body', 'apple', 'nope', '[1,2,3]');
-- each wrong argument: its SQLSTATE and message
ALTER TABLE hy ADD numbers int[];
CREATE FUNCTION hy_error(arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found bigint;
    named text := 'relation => ''hy'', text_column => ''body'', query_text => ''apple'', vector_column => ''v'', query_vector => ''[1,2,3]''';
BEGIN
    IF arguments ~ 'relation|_column' THEN
        named := regexp_replace(named, split_part(arguments, ' ', 1) || ' => ''\w+''', arguments);
        arguments := 'k => 10';
    END IF;
    EXECUTE format('SELECT count(*) FROM omendb_hybrid(%s, %s)', named, arguments) INTO found;
    RETURN found || ' rows';
EXCEPTION WHEN OTHERS THEN
    RETURN sqlstate || ' ' || sqlerrm;
END $$;
SELECT a AS arguments, hy_error(a) FROM unnest(ARRAY['relation => NULL', 'relation => 0', 'text_column => NULL', 'vector_column => NULL',
    'text_column => $$b"; DROP TABLE hy; --$$', 'vector_column => $$v"; DROP TABLE hy; --$$',
    'k => NULL', 'k => 0', 'candidates => NULL', 'candidates => -1', 'method => NULL', 'method => $$rrf; DROP TABLE hy$$',
    'weights => NULL', $$weights => '{}'$$, $$weights => '{1}'$$, $$weights => '{1,2,3}'$$, $$weights => '{1,NULL}'$$, $$weights => '{-1,NaN}'$$,
    $$weights => '{Infinity,1}'$$, $$weights => '{1,-Infinity}', method => 'minmax'$$, $$weights => '{-1,-2}'$$, $$weights => '[5:6]={1e300,1e-300}'$$,
    'filter => NULL', $$filter => '[]'$$, $$filter => 'null'$$, $$filter => '"tag"'$$, $$filter => '1'$$,
    $$filter => '{"numbers": [1, 2]}'$$, $$filter => '{"numbers": "{1,2}"}'$$, $$filter => '{"tag": []}'$$])
    WITH ORDINALITY u(a, n) ORDER BY n;
-- weights are those of the search by words and of that by the vector, whatever the array's bounds are
SELECT w, m, coalesce(text_rank <= 60, false) AS best_words, coalesce(vector_rank = 1, false) AS nearest, round(score::numeric, 4) AS score
    FROM unnest(ARRAY['{2,0}', '{0,2}', '[0:1]={2,0}', '[0:1]={0,2}']) w, unnest(ARRAY['rrf', 'minmax']) m,
    omendb_hybrid('hy', 'body', 'filler', 'v', '[101,3,2]', k => 1, weights => w::float8[], method => m) ORDER BY w COLLATE "C", m DESC;
-- the caller's privileges and policies
CREATE ROLE hy_user;
SET ROLE hy_user;
SELECT count(*) FROM omendb_hybrid('hy', 'body', 'apple', 'v', '[100,3,4]');
RESET ROLE;
GRANT SELECT ON hy TO hy_user;
ALTER TABLE hy ENABLE ROW LEVEL SECURITY;
CREATE POLICY hy_policy ON hy USING (tenant = 2);
SET ROLE hy_user;
SELECT count(*), bool_and((key ->> 'tenant')::int = 2) AS own FROM omendb_hybrid('hy', 'body', 'common', 'v', '[100,3,4]', k => 40);
RESET ROLE;
DROP TABLE hy;
DROP FUNCTION hy_error;
DROP ROLE hy_user;
