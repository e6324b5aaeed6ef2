-- Storage parameter ef_search: an index's own default, below the settings of whoever sets them.
CREATE TABLE ef_t (id integer, v vector(2));
INSERT INTO ef_t SELECT i, ARRAY[i, i % 7] FROM generate_series(1, 3000) i;
CREATE INDEX ef_i ON ef_t USING omenhnsw (v) WITH (ef_search = 70);
-- how many rows a scan gives that does not go on: ef_search
CREATE FUNCTION ef_given() RETURNS bigint LANGUAGE sql SET enable_seqscan = off SET omenhnsw.iterative_scan = off AS
	$$ SELECT count(*) FROM (SELECT FROM ef_t ORDER BY v <-> '[1,0]' LIMIT 1000) x $$;
SELECT ef_given();
-- counts at once, and no NOTICE says that it waits for a REINDEX
ALTER INDEX ef_i SET (ef_search = 90);
SELECT ef_given();
ALTER INDEX ef_i SET (ef_search = 80, m = 20);
ALTER INDEX ef_i RESET (m);
SELECT ef_given();

-- set by anybody, the setting counts; to its default, too
SET omenhnsw.ef_search = 40;
SELECT ef_given();
RESET omenhnsw.ef_search;
SELECT ef_given();
BEGIN;
SET LOCAL omenhnsw.ef_search = 50;
SELECT ef_given();
SAVEPOINT s;
SET LOCAL omenhnsw.ef_search = 60;
SELECT ef_given();
ROLLBACK TO s;
SELECT ef_given();
ROLLBACK;
SELECT ef_given();
SELECT set_config('omenhnsw.ef_search', '45', true), ef_given();
SELECT ef_given();
SET hnsw.ef_search = 30;
SELECT ef_given();
SET omenhnsw.ef_search = 40;
SELECT ef_given();
RESET omenhnsw.ef_search;
RESET hnsw.ef_search;
SELECT ef_given();
-- for a role in a database
ALTER ROLE CURRENT_USER IN DATABASE :"DBNAME" SET omenhnsw.ef_search = 40;
\c
SELECT ef_given();
ALTER ROLE CURRENT_USER IN DATABASE :"DBNAME" RESET omenhnsw.ef_search;
SELECT ef_given();
\c
SELECT ef_given();

ALTER INDEX ef_i RESET (ef_search);
SELECT ef_given();
REINDEX INDEX ef_i;
ALTER INDEX ef_i SET (ef_search = 0);
ALTER INDEX ef_i SET (ef_search = 10001);
ALTER INDEX ef_i SET (ef_search = many);
-- the planner reckons with it
CREATE FUNCTION ef_cost() RETURNS float8 LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE $e$EXPLAIN (FORMAT json) SELECT FROM ef_t ORDER BY v <-> '[1,0]' LIMIT 1$e$ INTO plan;
	RETURN plan -> 0 -> 'Plan' -> 'Total Cost';
END
$$;
CREATE TEMPORARY TABLE ef_c AS SELECT ef_cost() AS usual;
ALTER INDEX ef_i SET (ef_search = 200);
SELECT ef_cost() > usual AS costs_more FROM ef_c;
DROP FUNCTION ef_given, ef_cost;
DROP TABLE ef_t;
