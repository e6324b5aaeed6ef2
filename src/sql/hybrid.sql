-- ---------------------------------------------------------------------------
-- Search by words and by meaning
-- ---------------------------------------------------------------------------

CREATE FUNCTION rrf(rank1 bigint, rank2 bigint, k double precision DEFAULT 60,
        weight1 double precision DEFAULT 1, weight2 double precision DEFAULT 1) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN coalesce(weight1 / (k + rank1), 0) + coalesce(weight2 / (k + rank2), 0);
COMMENT ON FUNCTION rrf(bigint, bigint, double precision, double precision, double precision) IS
    'reciprocal rank fusion of two ranks, either of which may be NULL';

-- a condition on one column, of omendb_hybrid(): a value, NULL, a list of values, or an object of
-- operators and values
CREATE FUNCTION omendb_hybrid_condition(relation regclass, name text, wanted jsonb) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    type text := (SELECT format_type(atttypid, atttypmod) FROM pg_attribute
                  WHERE attrelid = relation AND attname = name AND attnum > 0 AND NOT attisdropped);
    part record;
    conditions text[] := '{}';
BEGIN
    IF type IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_column',
            MESSAGE = format('column "%s" of relation %s does not exist', name, relation);
    END IF;
    CASE jsonb_typeof(wanted)
        WHEN 'null' THEN
            RETURN format('r.%I IS NULL', name);
        WHEN 'array' THEN
            IF EXISTS (SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
                       WHERE a.attrelid = relation AND a.attname = name AND t.typsubscript = 'array_subscript_handler'::regproc) THEN
                RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
                    MESSAGE = format('a filter cannot have a list of values for column "%s" of type %s', name, type),
                    HINT = 'Write an array as a string, like "{1,2}".';
            END IF;
            RETURN format('r.%I = ANY (ARRAY[%s]::%s[])', name,
                (SELECT string_agg(quote_nullable(v), ', ') FROM jsonb_array_elements_text(wanted) v), type);
        WHEN 'object' THEN
            FOR part IN SELECT key, value FROM jsonb_each_text(wanted) LOOP
                IF part.key NOT IN ('<', '<=', '=', '>=', '>', '<>') THEN
                    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
                        MESSAGE = format('invalid operator in a filter: "%s"', part.key),
                        HINT = 'Valid operators are <, <=, =, >=, > and <>.';
                END IF;
                conditions := conditions || format('r.%I %s %L::%s', name, part.key, part.value, type);
            END LOOP;
            RETURN coalesce(nullif(array_to_string(conditions, ' AND '), ''), 'true');
        ELSE
            RETURN format('r.%I = %L::%s', name, wanted #>> '{}', type);
    END CASE;
END
$$;
COMMENT ON FUNCTION omendb_hybrid_condition(regclass, text, jsonb) IS 'one condition of omendb_hybrid()';

CREATE FUNCTION omendb_hybrid(relation regclass, text_column name, query_text text,
        vector_column name, query_vector vector, k integer DEFAULT 10,
        weights double precision[] DEFAULT '{1,1}', candidates integer DEFAULT 100,
        filter jsonb DEFAULT '{}', method text DEFAULT 'rrf')
    RETURNS TABLE (key jsonb, text_rank bigint, vector_rank bigint, text_score double precision,
        vector_distance double precision, score double precision)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    keys text;
    same text;
    operator text;
    type text;
    conditions text;
    fused text;
    words oid;
    by_rank boolean := method = 'rrf';
    -- whatever the array's lower bound is
    weight double precision[] := ARRAY(SELECT unnest(weights));
    -- where the extension is
    own text := (SELECT p.pronamespace::regnamespace FROM pg_catalog.pg_am m JOIN pg_catalog.pg_proc p ON p.oid = m.amhandler
                 WHERE m.amname = 'omenbm25');
BEGIN
    IF relation IS NULL OR text_column IS NULL OR vector_column IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'invalid argument of omendb_hybrid',
            DETAIL = 'relation, text_column and vector_column must not be NULL.';
    END IF;
    IF k IS NULL OR k < 1 OR candidates IS NULL OR candidates < 1 OR cardinality(weight) <> 2
        OR EXISTS (SELECT FROM unnest(weight) w WHERE w IS NULL OR w IN ('NaN', 'Infinity', '-Infinity'))
        OR method IS NULL OR method NOT IN ('rrf', 'minmax')
    THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'invalid argument of omendb_hybrid',
            DETAIL = 'k and candidates are at least 1, weights are two finite numbers, method is "rrf" or "minmax".';
    END IF;
    IF jsonb_typeof(filter) <> 'object' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('filter must be a JSON object, not %s', jsonb_typeof(filter)),
            DETAIL = 'Its keys are names of columns, and its values conditions on them.';
    END IF;
    FOREACH type IN ARRAY ARRAY[text_column, vector_column] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = relation AND attname = type AND attnum > 0 AND NOT attisdropped) THEN
            RAISE EXCEPTION USING ERRCODE = 'undefined_column',
                MESSAGE = format('column "%s" of relation %s does not exist', type, relation);
        END IF;
    END LOOP;
    SELECT string_agg(format('r.%1$I AS key%2$s', a.attname, a.attnum), ', '),
           'jsonb_build_object(' || string_agg(format('%L, key%s', a.attname, a.attnum), ', ') || ')'
        INTO keys, same
        FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a
            ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
        WHERE i.indrelid = relation AND i.indisprimary;
    IF keys IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_table_definition',
            MESSAGE = format('relation %s has no primary key', relation);
    END IF;
    -- the distance of the column's index
    SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname), format_type(a.atttypid, a.atttypmod) INTO operator, type
        FROM pg_catalog.pg_index i
            JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
            JOIN pg_catalog.pg_am m ON m.oid = c.relam AND m.amname IN ('omenhnsw', 'hnsw', 'ivfflat')
            JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] AND a.attname = vector_column
            JOIN pg_catalog.pg_opclass oc ON oc.oid = i.indclass[0]
            JOIN pg_catalog.pg_amop ao ON ao.amopfamily = oc.opcfamily AND ao.amoppurpose = 'o' AND ao.amoplefttype = oc.opcintype
            JOIN pg_catalog.pg_operator o ON o.oid = ao.amopopr
            JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
        WHERE i.indrelid = relation AND i.indisvalid
        ORDER BY i.indexrelid LIMIT 1;
    IF operator IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object',
            MESSAGE = format('column "%s" of relation %s has no omenhnsw index', vector_column, relation);
    END IF;
    -- the index whose statistics scores use, chosen as the planner does
    SELECT i.indexrelid INTO words
        FROM pg_catalog.pg_index i
            JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
            JOIN pg_catalog.pg_am m ON m.oid = c.relam AND m.amname = 'omenbm25'
            JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] AND a.attname = text_column
        WHERE i.indrelid = relation AND i.indisvalid
        ORDER BY i.indpred IS NOT NULL, i.indexrelid LIMIT 1;
    IF words IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object',
            MESSAGE = format('column "%s" of relation %s has no omenbm25 index', text_column, relation);
    END IF;
    EXECUTE format($q$ SELECT coalesce(string_agg(%s.omendb_hybrid_condition($1, e.key, e.value), ' AND '), 'true')
        FROM jsonb_each(coalesce($2, '{}')) e $q$, own) INTO conditions USING relation, filter;
    fused := CASE method
        WHEN 'rrf' THEN format('%s.rrf(tr, vr, 60, $3, $4)', own)
        -- the best candidate of each search has 1, the worst 0
        ELSE 'coalesce($3 * (ts - min(ts) OVER ()) / nullif(max(ts) OVER () - min(ts) OVER (), 0), 0)'
            ' + coalesce($4 * (max(vd) OVER () - vd) / nullif(max(vd) OVER () - min(vd) OVER (), 0), 0)'
    END;
    -- ranks are places in the order of the subquery; by rank, scores are computed of the rows that are returned
    RETURN QUERY EXECUTE format($q$
        WITH t AS (SELECT %1$s AS k, row_number() OVER () AS tr, b, -d AS ts FROM (
                SELECT %2$s, r.%3$I AS b, %13$s AS d FROM %4$s r
                WHERE r.%3$I OPERATOR(%12$s.@@@) $1 AND %5$s
                ORDER BY r.%3$I OPERATOR(%12$s.<@>) $1 LIMIT %6$s) x),
            v AS (SELECT %1$s AS k, row_number() OVER (ORDER BY d) AS vr, d AS vd FROM (
                SELECT %2$s, r.%7$I %8$s $2::%9$s AS d FROM %4$s r
                WHERE %5$s ORDER BY r.%7$I %8$s $2::%9$s LIMIT %6$s) x)
        SELECT k, tr, vr, %14$s, vd, s FROM (
            SELECT k, tr, vr, b, ts, vd, s FROM (SELECT k, tr, vr, b, ts, vd, (%10$s)::float8 AS s FROM t FULL JOIN v USING (k)) f
            ORDER BY s DESC, vr, tr LIMIT %11$s) g
        ORDER BY s DESC, vr, tr$q$,
        same, keys, text_column, relation, conditions, candidates, vector_column, operator, type, fused, k, own,
        CASE WHEN by_rank THEN 'NULL::float8' ELSE format('r.%I OPERATOR(%s.<@>) $1', text_column, own) END,
        CASE WHEN by_rank THEN format('-(b OPERATOR(%1$s.<@>) %1$s.bm25query($1, index => %2$L::oid::regclass))', own, words) ELSE 'ts' END)
        USING query_text, query_vector, weight[1], weight[2];
END
$$;
COMMENT ON FUNCTION omendb_hybrid(regclass, name, text, name, vector, integer, double precision[], integer, jsonb, text) IS
    'search by words and by a vector at once: the best rows of both, fused by rank or by score';
