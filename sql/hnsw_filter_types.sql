-- Filter columns: every type and operator, by the index and by a sequential scan; of omenhnsw, and of omenbm25 on the
-- same rows, each of which has the word that is searched for.
--
-- A line per column: how many conditions were compared, whether the executor removed rows that the
-- summaries let pass in some of them, and what went wrong.

SET max_parallel_workers_per_gather = 0;
SET jit = off;
SET TimeZone = 'Europe/Berlin';
SET DateStyle = 'ISO, DMY';
SET IntervalStyle = 'postgres';
SET lc_monetary = 'C';
SET omenhnsw.iterative_scan = strict_order;
SET omenhnsw.max_scan_tuples = 0;

-- A vector that only depends on k.
CREATE FUNCTION vec(k integer) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg((('x' || substr(md5(k::text), 4 * j + 1, 4))::bit(16)::integer / 65536.0)::float4
                     ORDER BY j)::vector
    FROM generate_series(0, 7) j
$$;

-- Run a query by the index, or without it.
CREATE FUNCTION run(query text, by_index boolean, OUT result text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('enable_seqscan', (NOT by_index)::text, true),
            set_config('enable_sort', (NOT by_index)::text, true),
            set_config('enable_indexscan', by_index::text, true);
    EXECUTE query INTO result;
END
$$;

-- What is wrong with the answers to a condition on table f, and whether rows were removed.  A
-- condition that starts with ? may be one that PostgreSQL does not give to an index.
CREATE FUNCTION check_condition(condition text, OUT removed boolean, OUT problem text) LANGUAGE plpgsql AS $$
DECLARE
    must boolean := condition NOT LIKE '?%';
    body text := format('FROM f WHERE %s ORDER BY v <-> vec(-1)', ltrim(condition, '?'));
    plan text := '';
    line text;
    by_index text;
    by_scan text;
    near float8[];
    nearest float8[];
BEGIN
    PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true),
            set_config('enable_indexscan', 'on', true);
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id ' || body LOOP
        plan := plan || line || E'\n';
    END LOOP;
    removed := plan LIKE '%Rows Removed by Index Recheck%';
    IF plan NOT LIKE '%Order By: (v <->%' OR
       must AND (plan !~ 'Index Cond:.*\m[cd]\M' OR plan LIKE '%Filter:%') THEN
        problem := format('%s: plan %s', condition, plan);
        RETURN;
    END IF;

    -- all rows
    line := format('SELECT array_agg(id ORDER BY id)::text FROM (SELECT id %s) s', body);
    by_index := run(line, true);
    by_scan := run(line, false);
    IF by_index IS DISTINCT FROM by_scan THEN
        problem := format('%s: rows too many %s, too few %s', condition,
            (SELECT array_agg(i) FROM (SELECT unnest(by_index::integer[]) i EXCEPT SELECT unnest(by_scan::integer[])) x),
            (SELECT array_agg(i) FROM (SELECT unnest(by_scan::integer[]) i EXCEPT SELECT unnest(by_index::integer[])) x));
        RETURN;
    END IF;

    -- the same by words
    plan := '';
    PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true),
            set_config('enable_indexscan', 'on', true);
    body := format('FROM f WHERE w @@@ ''solar'' AND (%s) ORDER BY w <@> ''solar''', ltrim(condition, '?'));
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) SELECT id ' || body LOOP
        plan := plan || line || E'\n';
    END LOOP;
    by_index := run(format('SELECT array_agg(id ORDER BY id)::text FROM (SELECT id %s) s', body), true);
    IF by_index IS DISTINCT FROM by_scan OR plan NOT LIKE '%Order By: (w <@>%' OR must AND plan LIKE '%Filter:%' THEN
        problem := format('%s, by words: %s instead of %s, plan %s', condition, by_index, by_scan, plan);
        RETURN;
    END IF;
    body := format('FROM f WHERE %s ORDER BY v <-> vec(-1)', ltrim(condition, '?'));

    -- the first ten: as many rows, each of which matches, and no more than one that is not among the nearest
    line := format('SELECT array_agg(distance ORDER BY distance)::text FROM (SELECT v <-> vec(-1) AS distance %s LIMIT 10) s', body);
    near := run(line, true)::float8[];
    nearest := run(line, false)::float8[];
    IF coalesce(cardinality(near), 0) <> coalesce(cardinality(nearest), 0) OR
       (SELECT count(*) FROM unnest(near) x WHERE x > nearest[cardinality(nearest)]) > 1 THEN
        problem := format('%s: first ten %s, should be %s', condition, near, nearest);
    END IF;
END
$$;

-- Conditions on a column of a type: each operator with each constant, and combinations.  generator is
-- an expression of i, the row, and g, 0 to 1008.  Every tenth value is NULL; vectors are shared by
-- two rows; rows come before the index and after it.
CREATE FUNCTION check_column(type text, generator text, constants text[], more text[] DEFAULT '{}',
                             operators text[] DEFAULT '{=,<>,<,<=,>,>=}',
                             OUT conditions bigint, OUT removing boolean, OUT problems text)
LANGUAGE plpgsql AS $$
DECLARE
    rows text := format('INSERT INTO f SELECT i, CASE WHEN i %% 97 <> 0 THEN vec(i / 2) END,
                         CASE WHEN i %% 10 <> 3 THEN (%s) END, i %% 7
                         FROM (SELECT i, (i * 7919) %% 1009 AS g FROM generate_series($1, $2) i) s', generator);
    base text := split_part(type, ' COLLATE', 1);
    a text := constants[1];
    b text := coalesce(constants[2], constants[1]);
    list text := array_to_string(constants, ', ');
BEGIN
    DROP TABLE f;
    EXECUTE format('CREATE TABLE f (id integer, v vector(8), c %s, d smallint, w tsvector GENERATED ALWAYS AS
                    (CASE id %% 3 WHEN 0 THEN ''solar''::tsvector WHEN 1 THEN ''solar wind'' ELSE ''the solar storm'' END) STORED)
                    WITH (autovacuum_enabled = off)', type);
    EXECUTE rows USING 1, 1200;
    CREATE INDEX f_i ON f USING omenhnsw (v, c, d);
    CREATE INDEX f_w ON f USING omenbm25 (w, c, d) WITH (text_config = 'simple');
    EXECUTE rows USING 1201, 1500;
    UPDATE f SET c = o.c FROM f o WHERE f.id % 17 = 0 AND o.id = f.id - 1;
    UPDATE f SET d = d + 1 WHERE id % 11 = 0;
    DELETE FROM f WHERE id % 19 = 0;
    ANALYZE f;

    IF a IS NOT NULL THEN
        SELECT more || array_agg(format('c %s %s', operator, constant)) INTO more
        FROM unnest(constants) constant, unnest(operators) operator;
        more := more || format('c = (SELECT NULL::%s)', base) ||
            format('? c IN (%s)', list) || format('? c IN (%s) AND d <= 3', list) ||
            format('? c = ANY (ARRAY[%s, NULL])', a) || format('? c = ANY (ARRAY[NULL, NULL]::%s[])', base) ||
            format('? c NOT IN (%s)', list) ||
            format('c <> %s AND c <> %s', a, b) || format('c <> %s AND d <> 2 AND d <> 4', a) ||
            format('c = %s AND c IS NULL', a) || format('c = %s AND c IS NOT NULL', b) ||
            format('c IS NULL AND d = 2') || format('c = %s AND c <> %1$s', a);
        IF '<' = ANY (operators) THEN
            more := more || format('c BETWEEN %s AND %s', a, b) || format('c BETWEEN %s AND %s', b, a) ||
                format('c >= %s AND d BETWEEN 2 AND 5', a) || format('c > %s AND c < %s AND c <> %1$s', a, b) ||
                format('c < %s AND c > %1$s', a) ||
                format('? c < ANY (ARRAY[%s])', list) || format('? c > ANY (ARRAY[%s])', list);
        END IF;
    END IF;
    more := more || ARRAY['c IS NULL', 'c IS NOT NULL', 'c IS NULL AND c IS NOT NULL', 'c IS NOT NULL AND d > 4', 'd < 0'];

    IF type = 'boolean' THEN
        -- c = true is the same as c, which PostgreSQL 15 gives to no such index
        SELECT array_agg('? ' || ltrim(condition, '? ')) INTO more FROM unnest(more) condition;
    END IF;

    SELECT count(*), bool_or(r.removed), string_agg(r.problem, E'\n')
    INTO conditions, removing, problems
    FROM unnest(more) condition, LATERAL check_condition(condition) r;
END
$$;

CREATE TABLE f ();

-- ---- integers and their like: nothing is removed ----

SELECT * FROM check_column('boolean', 'g % 3 = 0', '{true,false}', '{? c,? NOT c,? c IS TRUE,? c IS NOT TRUE,? c IS FALSE AND d = 1}');
SELECT * FROM check_column('smallint', '(g - 500) * 60', '{''60''::int2,''6000''::int2,''-32768''::int2,''32767''::int2}',
    '{c < 1200::int4,c <= 100000::int4,c > -100000::int8,c = 100000::int4,c <> 100000::int8,c = 60::int8,c >= -30000::int4 AND c < 9999999999::int8}');
SELECT * FROM check_column('integer', 'CASE g % 5 WHEN 0 THEN g WHEN 1 THEN -g * 2000000 WHEN 2 THEN 7 ELSE g % 50 END',
    '{7,40,-2000000,2147483647,(-2147483648)}',
    '{c = 7::int2,c < 30::int2,c > 3000000000::int8,c < 3000000000::int8,c <> 3000000000::int8,c >= -3000000000::int8,c = 7::int8}');
SELECT * FROM check_column('bigint', 'CASE g % 5 WHEN 0 THEN g WHEN 1 THEN -g * 9000000000000000 WHEN 2 THEN 9223372036854775807 - g % 3
    WHEN 3 THEN -9223372036854775808 + g % 3 ELSE g % 50 END',
    '{7::int8,40::int8,9223372036854775806,(-9223372036854775808),9223372036854775807}',
    '{c = 7::int2,c < 30::int2,c > 30::int4,c <> 30::int4,c <= -1}');
SELECT * FROM check_column('oid', '(g % 20 + CASE WHEN g % 2 = 0 THEN 4294967000 ELSE 0 END)::oid', '{7::oid,4294967005::oid,0::oid}');
SELECT * FROM check_column('money', '(g - 500)::numeric(10,2)::money / 8', '{10::money,20::money,(-3.25)::numeric::money}');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
SELECT * FROM check_column('positive', 'g % 99 + 1', '{5,50}');

-- ---- floating-point numbers ----

SELECT * FROM check_column('real', $$CASE g % 9 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-Infinity' WHEN 3 THEN '-0'
    WHEN 4 THEN 0 WHEN 5 THEN 0.1 ELSE (g - 500) / 4.0 END::float4$$,
    '{''0''::float4,''0.1''::float4,''NaN''::float4,''-Infinity''::float4,''-0''::float4}',
    '{c = 0.1::float8,c < 0.1::float8,c > 0.1::float8,c <> 0.1::float8,c <= 0.1::float8,c = 2.5::float8,c = ''NaN''::float8,c < ''NaN''::float8,
      c > 1e300::float8,c < 1e300::float8,c >= -1e300::float8}');
SELECT * FROM check_column('double precision', $$CASE g % 9 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-Infinity' WHEN 3 THEN '-0'
    WHEN 4 THEN 1e-320 WHEN 5 THEN 0.1 ELSE (g - 500) * 1e300 END::float8$$,
    '{''0''::float8,''0.1''::float8,''NaN''::float8,''-Infinity''::float8,''1e-320''::float8}',
    '{c = 0.1::float4,c < 0.1::float4,c > 0.1::float4,c <> 0::float4,c >= ''NaN''::float4,c = ''Infinity''::float4}');
-- numbers that no double tells apart
SELECT * FROM check_column('numeric', $$CASE g % 9 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-1e400' WHEN 3 THEN '1e-400'
    WHEN 4 THEN 1 + (g % 5) * 1e-20 WHEN 5 THEN 0.1 WHEN 6 THEN 0 ELSE g - 500 END::numeric$$,
    '{1::numeric,1.00000000000000000002,''NaN''::numeric,0::numeric,''-1e400''::numeric,''1e-400''::numeric,''Infinity''::numeric}');
SELECT * FROM check_column('numeric(10,2)', '(g - 500) / 4.0', '{1.25,100,1.2500000000000000001,1e300::numeric,''NaN''::numeric}');

-- ---- dates and times; a day of 23 hours and one of 25 ----

SELECT * FROM check_column('date', $$CASE g % 20 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' ELSE date '2024-03-20' + g % 250 END::date$$,
    '{date ''2024-03-31'',date ''2024-10-27'',date ''infinity'',date ''4713-01-01 BC''}',
    '{c < timestamp ''2024-03-31'',c = timestamp ''2024-03-31'',c = timestamp ''2024-03-31 12:00'',c <> timestamp ''2024-03-31 12:00'',
      c > timestamp ''2024-03-31 12:00'',c <= timestamp ''infinity'',c = timestamp ''-infinity'',c < timestamp ''290000-01-01'',
      c = timestamptz ''2024-10-27 00:00 Europe/Berlin'',c < timestamptz ''2024-10-27 00:00 America/New_York'',c >= timestamptz ''2024-03-31 02:30 Asia/Tokyo'',
      c <> timestamptz ''2024-10-27 00:00 Europe/Berlin'',c <= timestamptz ''2024-10-27 00:00 Europe/Berlin'',c > timestamptz ''-infinity''}');
SELECT * FROM check_column('time', $$time '00:00' + g * interval '1 minute'$$, '{time ''03:00'',time ''12:30'',time ''24:00''}');
SELECT * FROM check_column('timetz', $$(lpad((g % 24)::text, 2, '0') || ':00' || ('{+00,+01,-02,+05:30,-15:59:59}'::text[])[1 + g % 5])::timetz$$,
    '{timetz ''03:00+01'',timetz ''12:00-02'',timetz ''02:00+00'',timetz ''24:00-15:59:59'',timetz ''00:00+15:59''}');
SELECT * FROM check_column('timestamp', $$CASE g % 20 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' WHEN 2 THEN '4713-01-01 BC' WHEN 3 THEN '294276-12-31 23:59:59.999999'
    ELSE timestamp '2024-10-26' + g * interval '5 minutes' END::timestamp$$,
    '{timestamp ''2024-10-27 02:30'',timestamp ''2024-10-28'',timestamp ''infinity''}',
    '{c < date ''2024-10-27'',c >= date ''2024-10-27'',c = date ''2024-10-27'',c <> date ''2024-10-27'',c = date ''infinity'',c < date ''5000000-01-01'',
      c < timestamptz ''2024-10-27 02:30+02'',c <= timestamptz ''2024-10-27 02:30+01'',c = timestamptz ''2024-10-27 02:30+01'',
      c <> timestamptz ''2024-10-27 02:30+01'',c > timestamptz ''2024-10-27 02:30+01'',c >= timestamptz ''2024-10-27 02:30+02''}');
SELECT * FROM check_column('timestamptz', $$CASE g % 20 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' WHEN 2 THEN '4713-01-01 BC' WHEN 3 THEN '294276-12-31 23:59:59.999999+00'
    ELSE timestamptz '2024-10-26' + g * interval '5 minutes' END::timestamptz$$,
    '{timestamptz ''2024-10-27 02:30+01'',timestamptz ''2024-10-28'',timestamptz ''-infinity''}',
    '{c < date ''2024-10-27'',c >= date ''2024-10-27'',c = date ''2024-10-27'',c <> date ''2024-10-27'',c = date ''infinity'',c < date ''5000000-01-01'',
      c < timestamp ''2024-10-27 02:30'',c <= timestamp ''2024-10-27 02:30'',c = timestamp ''2024-10-27 02:30'',
      c <> timestamp ''2024-10-27 02:30'',c > timestamp ''2024-10-27 02:30'',c >= timestamp ''2024-10-27 02:30'',c = timestamp ''infinity''}');
-- a day that is missing: the date line has moved
SET TimeZone = 'Pacific/Apia';
SELECT * FROM check_column('date', $$date '2011-12-26' + g % 9$$, '{date ''2011-12-30''}',
    (SELECT array_agg(format('c %s timestamptz ''2011-12-30 %s:00+00''', operator, hour)) FROM unnest('{<,<=,=,<>,>=,>}'::text[]) operator, unnest('{09,10,12}'::text[]) hour));
SELECT * FROM check_column('timestamp', $$timestamp '2011-12-28' + g % 150 * interval '1 hour'$$, '{timestamp ''2011-12-30 12:00''}',
    (SELECT array_agg(format('c %s timestamptz ''2011-12-30 %s:00+00''', operator, hour)) FROM unnest('{<,<=,=,<>,>=,>}'::text[]) operator, unnest('{09,10,12}'::text[]) hour));
SELECT * FROM check_column('timestamptz', $$timestamptz '2011-12-28' + g % 150 * interval '1 hour'$$, '{timestamptz ''2011-12-30 12:00+00''}',
    (SELECT array_agg(format('c %s timestamp ''2011-12-%s:00''', operator, hour)) FROM unnest('{<,<=,=,<>,>=,>}'::text[]) operator, unnest('{29 23,30 00,30 12,31 00,31 01}'::text[]) hour));
SET TimeZone = 'Europe/Berlin';
SELECT * FROM check_column('interval', $$CASE g % 5 WHEN 0 THEN '1 mon' WHEN 1 THEN '30 days' WHEN 2 THEN '720:00:00' WHEN 3 THEN '-170000000 years' ELSE '0' END::interval
    + g % 7 * interval '1 microsecond' + (g % 3 = 0)::integer * interval '178000000 years'$$,
    '{interval ''1 mon'',interval ''30 days 00:00:00.000003'',interval ''-1 day'',interval ''178000000 years'',interval ''178000000 years 1 day''}');

-- ---- uuid, networks ----

SELECT * FROM check_column('uuid', $$('00000000-0000-000' || g % 7 || '-8000-' || lpad((g % 30)::text, 12, '0'))::uuid$$,
    '{''00000000-0000-0003-8000-000000000007''::uuid,''00000000-0000-0005-8000-000000000011''::uuid,''00000000-0000-0004-0000-000000000000''::uuid,''00000000-0000-0004-ffff-ffffffffffff''::uuid}');
SELECT * FROM check_column('inet', $$CASE g % 4 WHEN 0 THEN '10.' || g % 9 || '.0.' || g % 5 || '/' || 4 + g % 29 WHEN 1 THEN '10.1.2.' || g % 30
    WHEN 2 THEN '2001:db8::' || g % 9 ELSE '2001:db8:' || g % 4 || '::/' || 30 + g % 60 END::inet$$,
    '{inet ''10.1.2.7'',inet ''10.3.0.2/16'',inet ''2001:db8::5'',inet ''2001:db8:1::/48'',inet ''0.0.0.0/0'',inet ''10.1.0.1/4''}');
SELECT * FROM check_column('cidr', $$CASE g % 3 WHEN 0 THEN ('10.' || g % 9 || '.0.0/16') WHEN 1 THEN '10.0.0.0/' || 8 + g % 24 ELSE '2001:db8:' || g % 4 || '::/48' END::cidr$$,
    '{cidr ''10.1.0.0/16'',cidr ''10.3.0.0/16'',cidr ''2001:db8:1::/48'',cidr ''10.0.0.0/16''}');

-- ---- text: equal in the first 8 bytes; a collation that orders otherwise; one that ignores case ----

SELECT * FROM check_column('text COLLATE "C"', $$CASE g % 3 WHEN 0 THEN 'prefix__' || g % 9 WHEN 1 THEN left('prefix__', g % 9) ELSE 'é' || g % 30 END$$,
    '{''prefix__3'',''prefix__7'',''prefix__'',''prefix'',''pre'',''é1'',''''}');
SELECT * FROM check_column('varchar(20) COLLATE "C"', $$CASE g % 3 WHEN 0 THEN 'prefix__' || g % 9 WHEN 1 THEN left('prefix__', g % 9) ELSE 'é' || g % 30 END$$,
    '{''prefix__3''::varchar,''prefix__7''::varchar,''prefix''::text}');
SELECT * FROM check_column('char(12) COLLATE "C"', $$CASE g % 3 WHEN 0 THEN 'prefix  ' || g % 9 WHEN 1 THEN left('prefix__', g % 9) ELSE 'a' || repeat(' ', g % 3) END$$,
    '{''prefix  3''::bpchar,''prefix  7  ''::bpchar,''prefix''::bpchar,''a   ''::bpchar,''''::bpchar}');
-- compressed, and out of line
SELECT * FROM check_column('text COLLATE "C"', $$repeat(chr(97 + g % 5), 3000) || g % 7 ||
    CASE WHEN g % 20 = 0 THEN (SELECT string_agg(md5((g + x)::text), '') FROM generate_series(1, 100) x) ELSE '' END$$,
    ARRAY[$$repeat('b', 3000) || '3'$$, $$repeat('c', 3000)$$, $$'c'$$, $$'bbbbbbbb'$$]);
DO $$
BEGIN
    CREATE COLLATION root (provider = icu, locale = 'und');
    CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
EXCEPTION WHEN OTHERS THEN
    -- without ICU, or in a database of an encoding that ICU does not know
    CREATE COLLATION root FROM "POSIX";
    CREATE COLLATION caseless FROM "POSIX";
END
$$;
SELECT conditions, problems FROM check_column('text COLLATE root', $$CASE g % 3 WHEN 0 THEN 'prefix__' || g % 9 WHEN 1 THEN left('prefix__', g % 9) ELSE chr(65 + g % 40) || g % 3 END$$,
    '{''prefix__3'',''prefix__7'',''b1'',''''}');
SELECT conditions, problems FROM check_column('char(12) COLLATE root', $$CASE g % 2 WHEN 0 THEN 'prefix  ' || g % 9 ELSE chr(65 + g % 40) || repeat(' ', g % 3) END$$,
    '{''prefix  3''::bpchar,''Q''::bpchar,''a   ''::bpchar}');
SELECT conditions, problems FROM check_column('text COLLATE caseless', $$CASE g % 2 WHEN 0 THEN 'word' ELSE 'WORD' END || g % 9$$,
    '{''Word3'',''worD7'',''wo''}');

-- ---- enums: the members' order is not that of their OIDs ----

CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
ALTER TYPE mood ADD VALUE 'awful' BEFORE 'sad';
ALTER TYPE mood ADD VALUE 'fine' BEFORE 'happy';
SELECT * FROM check_column('mood', $$('{sad,ok,happy,awful,fine}'::mood[])[1 + g % 5]$$, '{''ok''::mood,''happy''::mood,''awful''::mood,''fine''::mood}');
-- members from after the index was built
ALTER TYPE mood ADD VALUE 'grim' BEFORE 'ok';
ALTER TYPE mood ADD VALUE 'great';
INSERT INTO f SELECT i, vec(i), (ARRAY['grim', 'great']::mood[])[1 + i % 2], i % 7 FROM generate_series(2001, 2100) i;
SELECT condition, r.problem FROM unnest('{c < ''ok'',c > ''sad'',c >= ''great'',c = ''grim'',c <> ''grim'',c BETWEEN ''grim'' AND ''ok''}'::text[]) condition,
    LATERAL check_condition(condition) r;

-- ---- arrays ----

SELECT conditions, problems FROM check_column('integer[]', $$CASE g % 7 WHEN 0 THEN '{}' WHEN 1 THEN '{NULL}' WHEN 2 THEN ARRAY[g % 9, NULL] WHEN 3 THEN ARRAY[[g % 5, 1], [2, 3]]
    ELSE ARRAY[g % 40, g % 39, g % 38, g % 37, g % 36] END::integer[]$$, NULL,
    ARRAY['c && ARRAY[1, 17]', 'c && ARRAY[1, NULL]', 'c && ARRAY[NULL]::int[]', $$c && '{}'$$, 'c @> ARRAY[1]', 'c @> ARRAY[1, 2]', 'c @> ARRAY[1, NULL]', $$c @> '{}'$$,
          'c <@ ARRAY[1, 2, 3, 4, 5, NULL]', $$c <@ '{}'$$, 'c <@ ARRAY(SELECT generate_series(0, 39))', 'c = ARRAY[1, NULL]', 'c <> ARRAY[1, NULL]', $$c = '{}'$$,
          'c && ARRAY[1, 2, 3] AND c @> ARRAY[4] AND d = 1', 'c && (SELECT NULL::integer[])', 'c && ARRAY[3] AND c IS NULL']);
SELECT conditions, problems FROM check_column('text[]', $$ARRAY[left('tag', g % 4), 'tag' || g % 20, 'tag' || g % 21]$$, NULL,
    ARRAY[$$c && '{tag1,tag2}'$$, $$c @> '{tag,tag1}'$$, $$c <@ '{tag,ta,t,tag1,tag2,tag3}'$$, $$c @> '{absent}'$$, $$c && '{tag}' AND NOT c IS NULL$$]);
SELECT conditions, problems FROM check_column('mood[]', $$ARRAY[('{sad,ok,happy}'::mood[])[1 + g % 3], ('{awful,fine}'::mood[])[1 + g % 2]]$$, NULL,
    ARRAY[$$c && '{sad}'$$, $$c @> '{sad,fine}'$$, $$c <@ '{sad,fine}'$$]);
SELECT conditions, problems FROM check_column('numeric[]', $$ARRAY[g % 20, (g % 10) / 2.0]$$, NULL, ARRAY[$$c && '{1.0}'$$, $$c @> '{2.500}'$$, $$c <@ '{1.00,2,3,0.5,1.5}'$$]);
SELECT conditions, problems FROM check_column('text[] COLLATE caseless', $$ARRAY['Tag' || g % 20, 'tAG' || g % 21]$$, NULL,
    ARRAY[$$c && '{tag1,tag2}'$$, $$c @> '{TAG1}'$$, $$c <@ '{TAG1,TAG2,TAG3,TAG4}'$$, $$c = '{TAG1,TAG2}'$$]);

-- ---- jsonb ----

SELECT conditions, problems FROM check_column('jsonb', $$CASE g % 8 WHEN 0 THEN '{}' WHEN 1 THEN '[]' WHEN 2 THEN to_jsonb(g % 9) WHEN 3 THEN to_jsonb('tag' || g % 9)
    WHEN 4 THEN jsonb_build_array('tag' || g % 9, g % 5, NULL, g % 2 = 0)
    ELSE jsonb_build_object('brand', 'b' || g % 12, 'price', (g % 20) / 2.0, 'k' || g % 6, jsonb_build_object('deep', jsonb_build_array(g % 10))) END::jsonb$$, NULL,
    ARRAY[$$c @> '{"brand": "b3"}'$$, $$c @> '{"price": 2.50}'$$, $$c @> '{"k1": {"deep": [1]}}'$$, $$c @> '{}'$$, $$c @> '[]'$$, $$c @> '"tag3"'$$, $$c @> '["tag3", null]'$$,
          $$c @> '[false]'$$, $$c @> '3'$$, $$c <@ '["tag3", 1, 2, 3, null, true]'$$, $$c <@ '{}'$$, $$c ? 'k1'$$, $$c ? 'tag4'$$, $$c ? 'deep'$$,
          $$c ?| '{k1,k2,tag3}'$$, $$c ?| '{}'$$, $$c ?| '{k1,NULL}'$$, $$c ?& '{brand,k3}'$$, $$c ?& '{}'$$, $$c ?& '{brand,NULL}'$$, $$c = '"tag3"'$$, $$c <> '"tag3"'$$,
          $$? c = ANY ('{"3","{}"}'::jsonb[])$$, $$? c @> ANY ('{"{\"k1\": {}}","[3]"}'::jsonb[])$$, $$c @> '{"brand": "b3"}' AND c ? 'k3' AND d > 2$$]);

-- ---- no summary ----

CREATE TABLE g (v vector(8), p point, a point[], r int4range, i integer);
CREATE INDEX ON g USING omenhnsw (v, p);
CREATE INDEX ON g USING omenhnsw (v, a);
CREATE INDEX ON g USING omenhnsw (v, r);
DROP TABLE g;

-- ---- many values, parameters, vacuum ----

SELECT * FROM check_column('integer', 'g * CASE WHEN i % 2 = 0 THEN 3 ELSE 1000003 END', '{9,3000009}',
    ARRAY['? c = ANY (ARRAY(SELECT 3 * x FROM generate_series(1, 1000, 7) x))',
          '? c = ANY (ARRAY(SELECT 1000003 * x FROM generate_series(1, 1000, 3) x))',
          '? c = ANY (ARRAY(SELECT x * x * 27 FROM generate_series(1, 30) x))',
          '? c = ANY (ARRAY(SELECT x FROM generate_series(1, 1000) x)) AND c <> 9 AND c <> 12 AND c <> 27 AND c <> 30 AND c <> 99']);
SELECT * FROM check_column('smallint', 'g', '{9::int2,300::int2}',
    ARRAY['? c = ANY (ARRAY(SELECT (7 * x)::int2 FROM generate_series(1, 100) x))', '? c = ANY (ARRAY(SELECT (7 * x)::int2 FROM generate_series(1, 20) x))']);
PREPARE by_value(smallint, smallint) AS SELECT count(*), min(c), max(c) FROM (SELECT c FROM f WHERE c >= $1 AND c < $2 ORDER BY v <-> vec(-1)) s;
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
SET enable_sort = off;
EXECUTE by_value(100::smallint, 110::smallint);
EXECUTE by_value(110::smallint, 100::smallint);
EXECUTE by_value(NULL, 110::smallint);
EXECUTE by_value(-5::smallint, 3::smallint);
-- a scan for each row
SELECT x, s.c, s.d FROM generate_series(1, 4) x, LATERAL (SELECT c, d FROM f WHERE c = 30 * x AND d < 6 ORDER BY v <-> vec(x), c, d LIMIT 1) s ORDER BY x;
RESET plan_cache_mode;
RESET enable_seqscan;
RESET enable_sort;
DELETE FROM f WHERE c % 3 = 0;
VACUUM f;
INSERT INTO f SELECT i, vec(i), i % 50, i % 7 FROM generate_series(3001, 3200) i;
SELECT condition, r.problem FROM unnest('{c = 9,c < 100,c > 900,c IS NULL,c IS NOT NULL AND d = 3,c <> 9}'::text[]) condition,
    LATERAL check_condition(condition) r;
SELECT heap_rows FROM omendb_index_check('f_i', true);
SELECT heap_rows FROM omendb_index_check('f_w', true);

DROP TABLE f;
DROP FUNCTION check_column(text, text, text[], text[], text[]), check_condition(text), run(text, boolean), vec(integer);
DROP TYPE mood;
DROP DOMAIN positive;
DROP COLLATION root, caseless;
