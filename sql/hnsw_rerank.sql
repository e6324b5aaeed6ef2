-- rerank = auto | heap | index | off: which index has which, what a scan then returns.

\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/helpers/search.sql'
\i :helpers
CREATE FUNCTION rr_info(index regclass) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s %s, rerank %s', quantizer, bits, rerank) FROM omendb_index_info(index)
$$;

-- what is allowed
CREATE TABLE rr (id integer, v vector(80));
CREATE INDEX rr_i ON rr USING omenhnsw (v) WITH (rerank = exact);
CREATE INDEX rr_i ON rr USING omenhnsw (v) WITH (rerank = index, quantizer = pq);
CREATE INDEX rr_i ON rr USING omenhnsw (v) WITH (rerank = index, quantizer = sq8);
CREATE INDEX rr_i ON rr USING omenhnsw (v) WITH (rerank = index, quantizer = none);
CREATE INDEX rr_i ON rr USING omenhnsw (v) WITH (rerank = index, bits = 8);
CREATE INDEX rr_i ON rr USING omenhnsw (v vector_l1_ops) WITH (rerank = index);
CREATE INDEX rr_i ON rr USING omenhnsw ((v::vector(80)::real[]::vector(16))) WITH (rerank = index);
CREATE TABLE rr_short (v vector(16));
CREATE INDEX rr_i ON rr_short USING omenhnsw (v) WITH (rerank = index);
CREATE INDEX rr_i ON rr_short USING omenhnsw (v) WITH (rerank = index, bits = 4);
ALTER INDEX rr_i SET (bits = 8);
ALTER INDEX rr_i SET (rerank = heap);
SELECT rr_info('rr_i');
REINDEX INDEX rr_i;
SELECT rr_info('rr_i');
ALTER INDEX rr_i RESET (rerank);
DROP TABLE rr_short;

-- auto: index where a vector is put into the TOAST table
CREATE TABLE rr_auto (a vector(500), b vector(600), c vector(600), d vector(1536));
ALTER TABLE rr_auto ALTER c SET STORAGE plain;
CREATE INDEX rr_a ON rr_auto USING omenhnsw (a);
CREATE INDEX rr_b ON rr_auto USING omenhnsw (b vector_cosine_ops) WITH (bits = 2);
CREATE INDEX rr_c ON rr_auto USING omenhnsw (c);
CREATE INDEX rr_d ON rr_auto USING omenhnsw (d) WITH (quantizer = binary);
CREATE INDEX rr_e ON rr_auto USING omenhnsw (d) WITH (bits = 8);
CREATE INDEX rr_f ON rr_auto USING omenhnsw (d) WITH (quantizer = sq8);
CREATE INDEX rr_g ON rr_auto USING omenhnsw (d) WITH (rerank = heap);
CREATE INDEX rr_h ON rr_auto USING omenhnsw (d vector_ip_ops) WITH (rerank = off);
SELECT i, rr_info(i) FROM unnest('{rr_a,rr_b,rr_c,rr_d,rr_e,rr_f,rr_g,rr_h}'::regclass[]) i;
DROP TABLE rr_auto;

-- as many dimensions as there are
CREATE TABLE rr_wide (v vector(16000));
CREATE INDEX rr_wide_i ON rr_wide USING omenhnsw (v);
INSERT INTO rr_wide SELECT clustered_row(i, 16000) FROM generate_series(1, 15) i;
SELECT rr_info('rr_wide_i'), nodes, unrefined FROM omendb_index_check('rr_wide_i', true);
SET enable_seqscan = off;
SELECT v <-> clustered_row(7, 16000) < 1e-3 AS itself FROM rr_wide ORDER BY v <-> clustered_row(7, 16000) LIMIT 1;
DROP TABLE rr_wide;

CREATE TABLE rr_source AS SELECT i AS id, clustered_row(i, 80) AS v FROM generate_series(1, 2700) i;

-- half of the rows are in the table before the index, half come later; some NULL, some of zeros, some twice
CREATE FUNCTION rr_test(opclass text, operator text, options text)
RETURNS TABLE (mode text, rows bigint, recall text, disorder text, unrefined bigint) LANGUAGE plpgsql AS $$
DECLARE
	query vector;
	truth float8[];
	found float8[];
	hits integer := 0;
	inversions integer := 0;
BEGIN
	TRUNCATE rr;
	INSERT INTO rr SELECT * FROM rr_source WHERE id <= 1200;
	DROP INDEX IF EXISTS rr_i;
	EXECUTE format('CREATE INDEX rr_i ON rr USING omenhnsw (v %s) WITH (%s)', opclass, options);
	INSERT INTO rr SELECT * FROM rr_source WHERE id BETWEEN 1201 AND 2400;
	INSERT INTO rr SELECT s.* FROM rr_source s, generate_series(1, 3) WHERE s.id <= 40;
	INSERT INTO rr SELECT 0, NULL FROM generate_series(1, 5);
	INSERT INTO rr SELECT 0, array_fill(0, '{80}'::integer[])::vector FROM generate_series(1, 5);
	DELETE FROM rr WHERE id % 10 = 3;
	FOR i IN 1..20 LOOP
		query := (SELECT a.v + b.v FROM rr_source a, rr_source b WHERE a.id = i * 131 AND b.id = i * 17);
		EXECUTE format('SELECT array_agg(d ORDER BY d) FROM (SELECT v %s $1 AS d FROM rr ORDER BY 1 LIMIT 10) s', operator)
			INTO truth USING query;
		EXECUTE format('SELECT array_agg(d) FROM (SELECT v %1$s $1 AS d FROM rr ORDER BY v %1$s $1 LIMIT 10) s', operator)
			INTO found USING query;
		hits := hits + (SELECT count(*) FROM unnest(found) f WHERE f <= truth[10] + 1e-6 * abs(truth[10]));
		FOR k IN 2..10 LOOP
			inversions := inversions + (found[k] < found[k - 1])::integer;
		END LOOP;
	END LOOP;
	EXECUTE format('SELECT count(*) FROM (SELECT FROM rr ORDER BY v %s $1 LIMIT 5000) s', operator) INTO rows USING query;
	mode := options;
	recall := CASE WHEN hits >= 190 THEN 'good' WHEN hits >= 120 THEN 'rough' ELSE format('%s of 200', hits) END;
	disorder := CASE WHEN inversions = 0 THEN 'none' WHEN inversions < 18 THEN 'little' ELSE 'some' END;
	SELECT c.unrefined INTO unrefined FROM omendb_index_check('rr_i', true) c;
	RETURN NEXT;
END
$$;
SET client_min_messages = warning;
SELECT m.*, t.mode, t.rows, t.recall, CASE WHEN t.mode LIKE 'rerank = off%' OR t.disorder IN ('none', 'little') THEN 'ok' ELSE t.disorder END AS disorder, t.unrefined
FROM (VALUES ('vector_l2_ops', '<->'), ('vector_ip_ops', '<#>'), ('vector_cosine_ops', '<=>')) m(opclass, operator),
	unnest('{rerank = heap,rerank = index,"rerank = index, bits = 2","rerank = index, bits = 1"}'::text[]) o(options),
	rr_test(opclass, operator, options) t;
SELECT rows, recall IN ('good', 'rough') AS fair FROM rr_test('vector_l2_ops', '<->', 'rerank = off');
-- exact order where the table decides
SELECT disorder FROM rr_test('vector_l2_ops', '<->', 'rerank = heap');

-- rows that share a code and differ: the table decides, in the build and later
CREATE TABLE rr_near (id integer, v vector(64));
INSERT INTO rr_near SELECT i, ('[' || repeat('1,', 62) || '1,' || 1 + i * 1e-6 || ']')::vector FROM generate_series(1, 20) i;
INSERT INTO rr_near SELECT i, clustered_row(i, 64) FROM generate_series(101, 130) i;
CREATE INDEX rr_near_i ON rr_near USING omenhnsw (v) WITH (rerank = index, bits = 1);
SELECT nodes < 40 AS shared, tids, unrefined > 0 AS blurred FROM omendb_index_check('rr_near_i', true);
SELECT count(*) FILTER (WHERE id <= 60) FROM (SELECT id FROM rr_near ORDER BY v <-> ('[' || repeat('1,', 62) || '1,1]')::vector LIMIT 20) s;
INSERT INTO rr_near SELECT i, ('[' || repeat('2,', 62) || '2,' || 2 + i * 1e-6 || ']')::vector FROM generate_series(41, 60) i;
SELECT tids FROM omendb_index_check('rr_near_i', true);
SELECT count(*) FILTER (WHERE id <= 60) FROM (SELECT id FROM rr_near ORDER BY v <-> ('[' || repeat('2,', 62) || '2,2]')::vector LIMIT 20) s;
-- the same vector again does not
DELETE FROM rr_near;
VACUUM rr_near;
INSERT INTO rr_near SELECT i, clustered_row(i % 5, 64) FROM generate_series(1, 50) i;
SELECT nodes, tids, unrefined FROM omendb_index_check('rr_near_i', true);
SELECT count(*), count(DISTINCT id % 5) FROM (SELECT id FROM rr_near ORDER BY v <-> clustered_row(2, 64) LIMIT 10) s;

-- a distance that is sorted by and not selected is not computed again
ALTER TABLE rr_source ALTER v TYPE vector(80);
CREATE INDEX rr_s ON rr_source USING omenhnsw (v);
CREATE TABLE rr_q AS SELECT i AS id, clustered_row(i, 80)::vector(80) AS v FROM generate_series(5, 7) i;
CREATE FUNCTION rr_spared(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
	spared boolean := false;
	by_index boolean := false;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
		spared := spared OR line LIKE '%NULL::double precision%';
		by_index := by_index OR line LIKE '%Index Scan using rr_s on%';
	END LOOP;
	RETURN CASE WHEN by_index THEN spared END;
END
$$;
SELECT rr_spared('SELECT id FROM rr_source ORDER BY v <-> (SELECT v FROM rr_q WHERE id = 5) LIMIT 3') AS plain,
	rr_spared('SELECT q.id, s.id FROM rr_q q, LATERAL (SELECT id FROM rr_source ORDER BY v <-> q.v LIMIT 1) s') AS lateral,
	rr_spared('(SELECT id FROM rr_source ORDER BY v <-> (SELECT v FROM rr_q WHERE id = 5) LIMIT 3) UNION ALL SELECT 1') AS in_a_union;
-- but where it is selected, compared or passed on
SELECT rr_spared('SELECT id, v <-> (SELECT v FROM rr_q WHERE id = 5) FROM rr_source ORDER BY 2 LIMIT 3') AS selected,
	rr_spared('SELECT id FROM rr_source ORDER BY v <-> (SELECT v FROM rr_q WHERE id = 5) FETCH FIRST 3 ROWS WITH TIES') AS ties,
	rr_spared('SELECT id FROM rr_source ORDER BY v <-> (SELECT v FROM rr_q WHERE id = 5) LIMIT 3 FOR UPDATE') AS locked;
SELECT id FROM rr_source ORDER BY v <-> (SELECT v FROM rr_q WHERE id = 5) LIMIT 1;
SELECT q.id, s.id FROM rr_q q, LATERAL (SELECT id FROM rr_source ORDER BY v <-> q.v LIMIT 1) s ORDER BY 1;
SELECT id, v <-> (SELECT v FROM rr_q WHERE id = 6) < 1e-4 AS itself FROM rr_source ORDER BY v <-> (SELECT v FROM rr_q WHERE id = 6) LIMIT 1;
DROP FUNCTION rr_spared;
DROP TABLE rr_q;

DROP TABLE rr, rr_near, rr_source;
DROP FUNCTION rr_test, rr_info(regclass);
