-- Every function of the extension with odd arguments: a value, or an error that says what is wrong; never an internal error.

CREATE TABLE odd_table (id int, v vector(3), n int);
INSERT INTO odd_table SELECT i, CASE WHEN i % 7 > 0 THEN ARRAY[i, i % 5, 1]::vector END, i % 3 FROM generate_series(1, 50) i;
CREATE INDEX odd_index ON odd_table USING omenhnsw (v, n);
CREATE INDEX odd_btree ON odd_table (id);
CREATE VIEW odd_view AS SELECT * FROM odd_table;
CREATE MATERIALIZED VIEW odd_matview AS SELECT * FROM odd_table;
CREATE SEQUENCE odd_sequence;
CREATE TABLE odd_parts (id int, v vector(3)) PARTITION BY RANGE (id);
CREATE TABLE odd_part PARTITION OF odd_parts FOR VALUES FROM (0) TO (100);
CREATE INDEX odd_parts_index ON odd_parts USING omenhnsw (v);
CREATE INDEX odd_parts_btree ON odd_parts (id);
CREATE UNLOGGED TABLE odd_unlogged (v vector(3));
CREATE INDEX odd_unlogged_index ON odd_unlogged USING omenhnsw (v);
CREATE TEMP TABLE odd_temp (v vector(3));
CREATE INDEX odd_temp_index ON odd_temp USING omenhnsw (v);
CREATE TYPE odd_composite AS (a int);
-- an index whose build has failed, and one that was dropped
CREATE FUNCTION odd_failing(v vector) RETURNS vector(3) LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE division_by_zero; END $$;
CREATE INDEX CONCURRENTLY odd_invalid ON odd_table USING omenhnsw ((odd_failing(v)::vector(3)));
CREATE INDEX odd_dropped ON odd_table USING omenhnsw (v);
CREATE TABLE odd_oids AS SELECT 'odd_dropped'::regclass::oid AS dropped;
DROP INDEX odd_dropped;

-- values of each type, as SQL
CREATE TABLE odd_values (type text, value text);
INSERT INTO odd_values
SELECT 'vector', format('%s::vector', v) FROM unnest(ARRAY['NULL', '''[1]''', '''[1,2,3]''', '''[0,-0,0]''', '''[3e38,-3e38,3e38]''', '''[1e-45,0,-1e-45]''',
	'array_fill(1e38::real, ARRAY[16000])']) v
UNION ALL SELECT 'halfvec', format('%s::halfvec', v) FROM unnest(ARRAY['NULL', '''[1]''', '''[1,2,3]''', '''[0,-0,0]''', '''[65504,-65504,6e-8]''',
	'array_fill(60000::real, ARRAY[16000])']) v
UNION ALL SELECT 'sparsevec', format('%s::sparsevec', v) FROM unnest(ARRAY['NULL', '''{}/1''', '''{}/3''', '''{1:1,3:-2}/3''', '''{1:3e38,2:3e38}/3''', '''{1:1e-45}/3''',
	'''{1000000000:1}/1000000000''', 'array_fill(1e30::real, ARRAY[16000])']) v
UNION ALL SELECT 'bit', v FROM unnest(ARRAY['NULL::bit', 'B''''', 'B''1''', 'B''0000000000''', 'B''1010101011''', 'repeat(''1'', 70000)::bit(70000)']) v
UNION ALL SELECT 'integer', v || '::integer' FROM unnest(ARRAY['NULL', '0', '1', '3', '''-1''', '2147483647', '''-2147483648''']) v
UNION ALL SELECT 'boolean', v || '::boolean' FROM unnest(ARRAY['NULL', 'true', 'false']) v
UNION ALL SELECT 'double precision', v || '::double precision' FROM unnest(ARRAY['NULL', '''NaN''', '''Infinity''', '''-Infinity''', '0', '''-1''', '1e308', '5e-324']) v
UNION ALL SELECT 'text', v || '::text' FROM unnest(ARRAY['NULL', '''''', '''[1,2,3]''', 'repeat(''x'', 100000)']) v
UNION ALL SELECT 'name', v || '::name' FROM unnest(ARRAY['NULL', '''''', '''omendb''', '''plpgsql''', '''no "such" extension''']) v
UNION ALL SELECT 'oid', v || '::oid' FROM unnest(ARRAY['NULL', '0', '23', '4294967295']) v
UNION ALL SELECT 'cstring', v || '::cstring' FROM unnest(ARRAY['NULL', '''''', '''[''', '''[1,2,3]''', '''[NaN]''', '''{1:1}/3''']) v
UNION ALL SELECT 'cstring[]', v || '::cstring[]' FROM unnest(ARRAY['NULL', '''{}''', '''{3}''', '''{-1}''', '''{NULL}''', '''{3,4}''', '''{99999999999}''', '''{{1}}''']) v
UNION ALL SELECT t, format('%s::%s', v, t) FROM unnest(ARRAY['smallint[]', 'integer[]', 'bigint[]', 'real[]', 'double precision[]', 'numeric[]']) t,
	unnest(ARRAY['NULL', '''{}''', '''{1}''', '''{0,1,2,3}''', '''{3,1,2,3}''', '''{-1,1}''', '''{NULL}''', '''{1,NULL,2}''', '''{{1,2},{3,4}}''', '''[5:7]={1,2,3}''', 'array_fill(1, ARRAY[16001])']) v
UNION ALL SELECT t, format('%s::%s', v, t) FROM unnest(ARRAY['real[]', 'double precision[]', 'numeric[]']) t, unnest(ARRAY['''{NaN,1,1,1}''', '''{1,NaN}''', '''{1e37,1e37,1}''']) v
UNION ALL SELECT 'double precision[]', v || '::double precision[]' FROM unnest(ARRAY['''{Infinity,1,1,1}''', '''{1e300,1,1,1}''', '''{-5,1,1,1}''', '''{1,Infinity,1e308,1}''']) v
UNION ALL SELECT 'regclass', v || '::regclass' FROM unnest(ARRAY['NULL', '0', '4294967295', '1259', (SELECT dropped::text FROM odd_oids)] || ARRAY(SELECT quote_literal(relname) FROM pg_class
	WHERE relname ~ '^odd_' AND relkind <> 'c' ORDER BY 1)) v
UNION ALL SELECT 'regclass', quote_literal(reltoastrelid::regclass) || '::regclass' FROM pg_class WHERE relname = 'odd_table';
-- those of a type that a function of the extension makes
INSERT INTO odd_values SELECT 'sphere_' || t, format('%s(%s, %s)', CASE t WHEN 'vector' THEN 'sphere' ELSE 'sphere_' || t END, v.value, d.value) FROM unnest(ARRAY['vector', 'halfvec', 'sparsevec', 'bit']) t
	JOIN LATERAL (SELECT value FROM odd_values WHERE type = t LIMIT 3) v ON true, odd_values d WHERE d.type = 'double precision' AND d.value ~ '^(NULL|1e308|0)';
-- of others at least NULL
INSERT INTO odd_values SELECT t, format('NULL::%s', t) FROM
	(SELECT DISTINCT format_type(unnest(p.proargtypes), NULL) AS t FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
		JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'omendb') x
	WHERE t NOT IN (SELECT type FROM odd_values) AND t <> 'internal';

-- calls with each combination of values, at most so many of a function, spread over all
CREATE FUNCTION odd_calls(function regprocedure, most int) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	types oid[] := (SELECT proargtypes::oid[] FROM pg_proc WHERE oid = function);
	lists text[];
	total bigint := 1;
	sizes int[] := '{}';
	call text;
	rest bigint;
BEGIN
	FOR i IN 0 .. cardinality(types) - 1 LOOP
		sizes := sizes || (SELECT count(*)::int FROM odd_values WHERE type = format_type(types[i], NULL));
		total := total * sizes[i + 1];
	END LOOP;
	FOR k IN 0 .. least(total, most) - 1 LOOP
		rest := CASE WHEN total > most THEN (k * 7919) % total ELSE k END;
		call := '';
		FOR i IN 1 .. cardinality(sizes) LOOP
			call := call || CASE WHEN i > 1 THEN ', ' ELSE '' END ||
				(SELECT value FROM odd_values WHERE type = format_type(types[i - 1], NULL) OFFSET rest % sizes[i] LIMIT 1);
			rest := rest / sizes[i];
		END LOOP;
		RETURN NEXT format('%s(%s)', function::regproc, call);
	END LOOP;
END $$;

CREATE TABLE odd_results (function regprocedure, call text, state text, message text);
SET client_min_messages = warning;
DO $$
DECLARE
	f record;
	c text;
BEGIN
	FOR f IN SELECT p.oid::regprocedure AS function, p.prokind AS kind FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
			JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'omendb'
		WHERE d.deptype = 'e' AND 'internal'::regtype <> ALL (p.proargtypes) ORDER BY p.oid LOOP
		FOR c IN SELECT odd_calls(f.function, 120) LOOP
			BEGIN
				EXECUTE 'SELECT ' || c;
				INSERT INTO odd_results VALUES (f.function, c, '00000');
			EXCEPTION WHEN OTHERS THEN
				INSERT INTO odd_results VALUES (f.function, c, SQLSTATE, SQLERRM);
			END;
		END LOOP;
	END LOOP;
END $$;
RESET client_min_messages;

-- errors of the program and of the machine, and what a message must not say
SELECT call, state, message FROM odd_results WHERE state ~ '^(XX|57|58|53)' OR message ~ '(OID 0\M|cache lookup|\(null\))' AND state <> '42704';
-- each function gave a value to some call; but for those of an aggregate, and those whose arguments must go together (tune_recall, tune_target, tune_size, hybrid)
SELECT function FROM odd_results WHERE function::text !~ '^omendb_(nearest|recall|calibrate|estimate|hybrid)' EXCEPT SELECT function FROM odd_results WHERE state = '00000';
SELECT count(*) > 5000 AS many FROM odd_results;
-- relations of other kinds, and none
SELECT call, state, message FROM odd_results WHERE function = 'omendb_index_info(regclass)'::regprocedure AND call !~ '(\d{5}|pg_toast|odd_dropped)' ORDER BY call COLLATE "C";

-- functions of internal arguments cannot be called; which error says it depends on PostgreSQL's minor version
DO $$
DECLARE
	call text;
BEGIN
	FOREACH call IN ARRAY ARRAY['omenhnsw_vector_l2_support(NULL)', 'omenhnsw_handler(NULL)'] LOOP
		BEGIN
			EXECUTE 'SELECT ' || call;
			RAISE NOTICE '% can be called', call;
		EXCEPTION WHEN undefined_function OR feature_not_supported THEN
			RAISE NOTICE '% is refused', call;
		END;
	END LOOP;
END $$;
SELECT pg_indexam_has_property(0, 'can_order'), pg_index_has_property('odd_index', NULL), pg_index_column_has_property('odd_index', -1, 'asc'),
	pg_index_column_has_property('odd_index', 32767, 'distance_orderable');

-- what was called has changed nothing
SELECT rows FROM omendb_index_info('odd_index');
SELECT nodes > 0 AS sound FROM omendb_index_check('odd_index', true);
DROP TABLE odd_table, odd_parts, odd_unlogged, odd_temp, odd_oids, odd_values, odd_results CASCADE;
DROP FUNCTION odd_calls, odd_failing;
DROP SEQUENCE odd_sequence;
DROP TYPE odd_composite;
