-- A scan keeps the settings with which it began, whatever other scans, plans and builds of the session run by.

CREATE TABLE st_t (id integer, v vector(6), parts vector(2)[]);
SELECT setseed(0.5);
INSERT INTO st_t SELECT i, ARRAY[random(), random(), random(), random(), random(), random()]::vector,
	ARRAY[ARRAY[random(), random()]::vector, ARRAY[random(), random()]::vector]::vector[] FROM generate_series(1, 3000) i;
CREATE INDEX st_v ON st_t USING omenhnsw (v) WITH (m = 4, ef_construction = 10, quantizer = rabitq, bits = 1);
CREATE INDEX st_parts ON st_t USING omenhnsw (parts vector_maxsim_ops) WITH (m = 4, ef_construction = 10);
-- for what happens beside the scan
CREATE TABLE st_other AS SELECT id, v FROM st_t LIMIT 2500;
SET enable_seqscan = off;
SET enable_sort = off;

-- as a function of an application: it runs for each row of the query that calls it
CREATE FUNCTION st_near(q vector) RETURNS integer LANGUAGE sql SET omenhnsw.iterative_scan = off AS
	'SELECT id FROM st_t ORDER BY v <-> q LIMIT 1';
SELECT count(*), count(near) FROM (SELECT st_near(v) AS near FROM st_t ORDER BY v <-> '[.1,.2,.3,.4,.5,.6]' LIMIT 200) x;
CREATE FUNCTION st_limited(q vector) RETURNS integer LANGUAGE sql SET omenhnsw.max_scan_tuples = 50 AS
	'SELECT id FROM st_t ORDER BY v <-> q LIMIT 1';
SELECT count(*), count(near) FROM (SELECT st_limited(v) AS near FROM st_t ORDER BY v <-> '[.1,.2,.3,.4,.5,.6]' LIMIT 500) x;
-- a setting for the query, which its functions undo
SET omenhnsw.iterative_scan = off;
CREATE FUNCTION st_all(q vector) RETURNS integer LANGUAGE sql SET omenhnsw.iterative_scan = strict_order AS
	'SELECT id FROM st_t ORDER BY v <-> q LIMIT 1';
SELECT count(*) FROM (SELECT st_all(v) AS near FROM st_t ORDER BY v <-> '[.1,.2,.3,.4,.5,.6]' LIMIT 200) x;
-- a scan that begins again for each row of another keeps them, too
SELECT count(*) FROM (VALUES ('[0,0,0,0,0,0]'::vector), ('[1,1,1,1,1,1]')) q(v),
	LATERAL (SELECT st_all(st_t.v) AS near FROM st_t ORDER BY st_t.v <-> q.v LIMIT 100) x;
RESET omenhnsw.iterative_scan;

-- The rows that a cursor returns, and what its scan has cost, as text: five rows are fetched, then `beside` is executed.  What either sets
-- ends with the function.
CREATE FUNCTION st_rows(settings text, beside text, query text) RETURNS text LANGUAGE plpgsql
	SET omenhnsw.iterative_scan = strict_order SET omenhnsw.max_scan_tuples = 0 SET omenhnsw.scan_mem_multiplier = 1 SET work_mem = '4MB'
	SET hnsw.iterative_scan = '' SET hnsw.max_scan_tuples = '' SET hnsw.ef_search = '' AS $$
DECLARE
	rows refcursor;
	row record;
	ids integer[] := '{}';
BEGIN
	EXECUTE settings;
	OPEN rows FOR EXECUTE query;
	LOOP
		FETCH rows INTO row;
		EXIT WHEN NOT FOUND;
		ids := ids || row.id;
		IF cardinality(ids) = 5 THEN
			EXECUTE beside;
		END IF;
	END LOOP;
	CLOSE rows;
	-- what MaxSim costs depends on the walks before it
	RETURN ids::text || (SELECT CASE WHEN index = 'st_v'::regclass THEN format(' %s %s %s', strategy, codes_compared, passes) ELSE '' END FROM omendb_last_scan());
END
$$;
CREATE TABLE st_query (name text, query text);
INSERT INTO st_query VALUES ('v', 'SELECT id FROM st_t ORDER BY v <-> ''[.1,.2,.3,.4,.5,.6]'' LIMIT 2500'),
	('parts', 'SELECT id FROM st_t ORDER BY parts @# ARRAY[''[.5,.1]'', ''[.1,.7]'']::vector[] LIMIT 200');
-- what each cursor returns if nothing happens beside it
CREATE TABLE st_alone (name text, settings text, rows text);
CREATE FUNCTION st_alone(settings text) RETURNS void LANGUAGE sql AS
	$$ INSERT INTO st_alone SELECT name, settings, st_rows(settings, 'SELECT 1', query) FROM st_query $$;
CREATE FUNCTION st_same(settings text, beside text, OUT name text, OUT same boolean) RETURNS SETOF record LANGUAGE sql AS $$
	SELECT q.name, a.rows = st_rows(settings, beside, query) FROM st_query q JOIN st_alone a USING (name) WHERE a.settings = st_same.settings ORDER BY q.name
$$;
SELECT st_alone('SET LOCAL omenhnsw.ef_search = 40');
SELECT st_alone('SET LOCAL omenhnsw.max_scan_tuples = 700');
SELECT st_alone('SET LOCAL omenhnsw.iterative_scan = off');
SELECT st_alone('SET LOCAL omenhnsw.iterative_scan = relaxed_order');
SELECT st_alone('SET LOCAL hnsw.iterative_scan = off; SET LOCAL hnsw.ef_search = 60');
SELECT st_alone('SET LOCAL work_mem = 64');
-- the settings make a difference, so that what follows can tell
SELECT name, count(DISTINCT rows) >= 5 AS differ FROM st_alone GROUP BY name ORDER BY name;

-- settings that change while a cursor is open; a scan or a plan beside it takes them
\set scan 'SELECT id FROM st_t ORDER BY v <-> ''[1,1,1,1,1,1]'' LIMIT 10'
SELECT * FROM st_same('SET LOCAL omenhnsw.ef_search = 40', 'SET LOCAL omenhnsw.iterative_scan = off; ' || :'scan');
SELECT * FROM st_same('SET LOCAL omenhnsw.ef_search = 40', 'SET LOCAL omenhnsw.iterative_scan = relaxed_order; ' || :'scan');
SELECT * FROM st_same('SET LOCAL omenhnsw.ef_search = 40', 'SET LOCAL omenhnsw.max_scan_tuples = 300; EXPLAIN ' || :'scan');
SELECT * FROM st_same('SET LOCAL omenhnsw.ef_search = 40', 'SET LOCAL hnsw.max_scan_tuples = 300; ' || :'scan');
SELECT * FROM st_same('SET LOCAL work_mem = 64', 'SET LOCAL omenhnsw.scan_mem_multiplier = 100; ' || :'scan');
SELECT * FROM st_same('SET LOCAL work_mem = 64', 'SET LOCAL work_mem = ''64MB''');
SELECT * FROM st_same('SET LOCAL omenhnsw.max_scan_tuples = 700', 'SET LOCAL omenhnsw.max_scan_tuples = 0; ' || :'scan');
SELECT * FROM st_same('SET LOCAL omenhnsw.iterative_scan = off', 'SET LOCAL omenhnsw.iterative_scan = strict_order; ' || :'scan');
SELECT * FROM st_same('SET LOCAL omenhnsw.iterative_scan = relaxed_order', 'SET LOCAL omenhnsw.iterative_scan = strict_order; ' || :'scan');
SELECT * FROM st_same('SET LOCAL hnsw.iterative_scan = off; SET LOCAL hnsw.ef_search = 60', 'SET LOCAL hnsw.iterative_scan = strict_order; SET LOCAL hnsw.ef_search = 20; ' || :'scan');
-- what measures an index searches by settings of its own
SELECT * FROM st_same('SET LOCAL omenhnsw.max_scan_tuples = 700', 'SELECT count(*) FROM omendb_calibrate(''st_v'')');
SELECT * FROM st_same('SET LOCAL omenhnsw.iterative_scan = off', 'CREATE INDEX st_new ON st_other USING omenhnsw (v); DROP INDEX st_new');
SELECT * FROM st_same('SET LOCAL omenhnsw.iterative_scan = relaxed_order', 'CREATE INDEX st_new ON st_other USING omenhnsw (v); DROP INDEX st_new');

-- without iterative scans an ef that is picked for a recall is at least the LIMIT, in a scan that begins again, too
SET omenhnsw.target_recall = 0.5;
SET omenhnsw.iterative_scan = off;
SELECT count(*) FROM (VALUES ('[0,0,0,0,0,0]'::vector), ('[1,1,1,1,1,1]')) q(v),
	LATERAL (SELECT st_all(st_t.v) AS near FROM st_t ORDER BY st_t.v <-> q.v LIMIT 100) x;

DROP TABLE st_t, st_other, st_query, st_alone;
DROP FUNCTION st_near, st_limited, st_all, st_rows, st_alone, st_same;
