-- what somebody who begins does wrong, and what the message says to do
CREATE SCHEMA mistakes;
SET search_path = mistakes, public;
CREATE FUNCTION attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', SQLSTATE || ': ' || SQLERRM, nullif(detail, ''), nullif(hint, ''));
END
$$;
CREATE TABLE item (id int PRIMARY KEY, price int, body text, e vector(3), f vector, h halfvec(3));
INSERT INTO item SELECT i, i % 10, 'word' || i, ARRAY[i, 1, 2], ARRAY[i, 1, 2], ARRAY[i, 1, 2]::real[]::halfvec FROM generate_series(1, 100) i;
CREATE INDEX item_e ON item USING omenhnsw (e, price);
CREATE INDEX item_body ON item USING omenbm25 (body);
-- indexes
SELECT attempt('CREATE INDEX ON item USING omenhnsw (f)');
SELECT attempt('CREATE INDEX ON item USING omenhnsw (price, e)');
SELECT attempt('CREATE INDEX ON item USING omenhnsw (body)');
SELECT attempt('CREATE INDEX ON item USING omenhnsw (e) WITH (m = 8, ef_construction = 8)');
-- a query that is written as an array, without brackets, of another length, with a missing number
SELECT attempt($$SELECT id FROM item ORDER BY e <-> '{1,2,3}' LIMIT 1$$);
SELECT attempt($$SELECT id FROM item ORDER BY h <-> ' {1,2,3}' LIMIT 1$$);
SELECT attempt($$SELECT id FROM item ORDER BY e <-> '1,2,3' LIMIT 1$$);
SELECT attempt($$SELECT id FROM item ORDER BY e <-> '[1,2]' LIMIT 1$$);
SELECT attempt($$SELECT id FROM item ORDER BY e <-> '[1,,3]' LIMIT 1$$);
SELECT id FROM item ORDER BY e <-> '{7,1,2}'::real[]::vector LIMIT 1;
SELECT '{7,1,2}'::real[]::halfvec;
-- settings
SELECT attempt('SET omenhnsw.ef_search = 0');
SELECT attempt('SET omenhnsw.ef_search = 10001');
SELECT attempt('SET omenhnsw.target_recall = 95');
SELECT attempt('SET omenhnsw.efsearch = 100');
SELECT attempt('SET omendb.ef_search = 100');
-- a table where an index is meant
SELECT attempt('SELECT omendb_index_info(''item'')');
SELECT attempt('SELECT omendb_recall(''item'')');
SELECT attempt('SELECT omendb_index_info(''item_pkey'')');
-- a query that is NULL puts rows in no order; one with no words, or odd characters, is no error
SELECT count(*) FROM (SELECT id FROM item ORDER BY e <-> NULL LIMIT 3) s;
SELECT query, id FROM unnest(ARRAY['', '((', '"', '!&|:*\', '-', 'word7', '"word7', 'word8:*', 'word9''); DROP TABLE item; --']) AS query,
	LATERAL (SELECT id FROM item ORDER BY body <@> query, id LIMIT 1) s;
SET client_min_messages = warning;
DROP SCHEMA mistakes CASCADE;
