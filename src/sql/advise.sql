-- ---------------------------------------------------------------------------
-- Advice
-- ---------------------------------------------------------------------------

CREATE FUNCTION omendb_advise(object regclass, OUT name text, OUT advice text, OUT reason text, OUT sql text) RETURNS SETOF record
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tab oid := coalesce((SELECT indrelid FROM pg_index WHERE indexrelid = object), object);
    only_index oid := (SELECT indexrelid FROM pg_index WHERE indexrelid = object);
    work_mem_bytes bigint := pg_size_bytes(current_setting('maintenance_work_mem'));
    shared_bytes bigint;
    col record;
    idx record;
    operators text[];
    operator text;
    class text;
    bits int;
    dim int;
    need bigint;
    took text;
    indexed boolean;
    not_valid text := 'The index is not valid: its build has failed, or is still running. Queries do not use it, but every insert maintains it.';
    -- the schema of the extension: its objects are named with it, since others may have put objects there, too
    own text := (SELECT p.pronamespace::regnamespace::text FROM pg_am a JOIN pg_proc p ON p.oid = a.amhandler WHERE a.amname = 'omenhnsw');
    -- the table's name, as one types it where the extension's schema is in the search_path
    shown text := CASE WHEN starts_with(tab::regclass::text, own || '.') THEN substr(tab::regclass::text, length(own) + 2) ELSE tab::regclass::text END;
BEGIN
    IF object IS NULL THEN
        RETURN;
    END IF;
    IF NOT has_table_privilege(tab, 'SELECT') THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('permission denied for table %s', tab::regclass);
    END IF;
    IF (SELECT relkind FROM pg_class WHERE oid = tab) NOT IN ('r', 'm') THEN
        RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('"%s" is not a table, materialized view, or index', object),
            HINT = 'For a partitioned table, call omendb_advise() for each partition.';
    END IF;
    EXECUTE format('SELECT %1$s.omendb_shared_memory(), EXISTS (SELECT FROM %1$s.omendb_indexes WHERE relid = $1)', own) INTO shared_bytes, indexed USING tab;

    -- columns without an index
    FOR col IN EXECUTE format('
        SELECT a.attname, a.attnum, a.atttypmod, t.typname, c.reltuples AS rows, c.relname
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = $1 AND $3 IS NULL AND NOT a.attisdropped AND c.reltuples >= 1000
            AND t.typnamespace = $2::regnamespace AND t.typname IN (''vector'', ''halfvec'', ''sparsevec'')
            AND NOT EXISTS (SELECT FROM %s.omendb_indexes i JOIN pg_index x ON x.indexrelid = i.indexrelid
                WHERE i.relid = $1 AND (x.indkey[0] = a.attnum OR x.indkey[0] = 0))', own) USING tab, own, only_index
    LOOP
        EXECUTE format('SELECT %s.omendb_order_operators($1, $2)', own) INTO operators USING col.relname, col.attname;
        dim := nullif(col.atttypmod, -1);
        IF dim IS NULL THEN
            EXECUTE format('SELECT %1$s.vector_dims(%2$I::%1$s.vector) FROM %3$s WHERE %2$I IS NOT NULL LIMIT 1', own, col.attname, tab::regclass) INTO dim;
            CONTINUE WHEN dim IS NULL;
            name := format('%s.%s', shown, col.attname);
            advice := 'declare the number of dimensions';
            reason := 'An index needs a fixed number of dimensions. If the column holds vectors of several models, index an expression for each model: docs/omenhnsw.md.';
            sql := format('ALTER TABLE %s ALTER COLUMN %I TYPE %s(%s)', shown, col.attname, col.typname, dim);
            RETURN NEXT;
        END IF;
        FOREACH operator IN ARRAY CASE WHEN operators = '{}' THEN ARRAY['?'] ELSE operators END LOOP
            class := col.typname || CASE operator WHEN '<#>' THEN '_ip_ops' WHEN '<=>' THEN '_cosine_ops' WHEN '<+>' THEN '_l1_ops' ELSE '_l2_ops' END;
            name := format('%s.%s', shown, col.attname);
            need := NULL;
            took := NULL;
            IF col.rows >= 20000 AND col.atttypmod <> -1 THEN
                EXECUTE format('SELECT build_memory, words FROM %s.omendb_time_build($1, $2, $3)', own) INTO need, took USING tab, col.attname, class;
            END IF;
            advice := 'create an index';
            reason := CASE operator WHEN '?' THEN
                    format('Each search reads all %s rows. Choose the operator class by the operator in ORDER BY: _l2_ops for <->, _ip_ops for <#>, _cosine_ops for <=>, _l1_ops for <+>.',
                        col.rows::bigint)
                ELSE format('There are statements that order by %s, and each of them reads all %s rows.', operator, col.rows::bigint) END || coalesce(' ' || took, '');
            sql := format('CREATE INDEX CONCURRENTLY ON %s USING omenhnsw (%I %s)', shown, col.attname, class);
            RETURN NEXT;
        END LOOP;
        CONTINUE WHEN col.typname = 'sparsevec';
        bits := CASE WHEN dim < 64 THEN 8 ELSE 4 END;
        -- for each node its code, head and links, and half of that again for towers and for the search for neighbours
        need := coalesce(need, (col.rows * (dim * bits / 8 + 12 + 20 + 8 * 16) * 1.5)::bigint);
        IF need > work_mem_bytes THEN
            advice := 'raise maintenance_work_mem before the index is built';
            reason := format('The graph needs about %s, and maintenance_work_mem is %s. Rows that do not fit are inserted one by one, several times slower. omendb_estimate() measures the need.',
                pg_size_pretty(need), current_setting('maintenance_work_mem'));
            sql := format('SET maintenance_work_mem = %L', (need / 1048576 + 1) || 'MB');
            RETURN NEXT;
        END IF;
        IF need > shared_bytes AND current_setting('max_parallel_maintenance_workers')::int > 0 THEN
            advice := 'give the server more shared memory before the index is built';
            reason := format('A parallel build keeps the graph in /dev/shm, where %s are free; it needs about %s. If it does not fit, one process builds the index.',
                pg_size_pretty(shared_bytes), pg_size_pretty(need));
            sql := NULL;
            RETURN NEXT;
        END IF;
    END LOOP;

    -- indexes of words
    FOR idx IN
        SELECT x.indexrelid::regclass::text AS index FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
            JOIN pg_am a ON a.oid = c.relam JOIN pg_proc p ON p.oid = a.amhandler AND p.prosrc = 'om_bm25_handler'
        WHERE x.indrelid = tab AND (only_index IS NULL OR x.indexrelid = only_index) AND NOT x.indisvalid
        ORDER BY x.indexrelid
    LOOP
        name := CASE WHEN starts_with(idx.index, own || '.') THEN substr(idx.index, length(own) + 2) ELSE idx.index END;
        advice := 'rebuild the index, or drop it';
        reason := not_valid;
        sql := format('REINDEX INDEX CONCURRENTLY %s', name);
        RETURN NEXT;
    END LOOP;

    -- indexes of vectors
    FOR idx IN EXECUTE format('
        SELECT i.*, s.scans, s.rows AS rows_returned, s.reranked_from_heap, s.late_rows, s.conditions_tested, s.sweeps, s.walks_then_sweeps, s.shared,
            s.scans + s.inserts AS work, i.indexrelid::regclass::text AS index, pg_get_indexdef(i.indexrelid) AS definition, x.indkey, x.indclass, x.indexprs,
            x.indpred
        FROM %1$s.omendb_indexes i JOIN %1$s.omendb_stat_indexes s ON s.indexrelid = i.indexrelid JOIN pg_index x ON x.indexrelid = i.indexrelid
        WHERE i.relid = $1 AND ($2 IS NULL OR i.indexrelid = $2)', own) USING tab, only_index
    LOOP
        IF starts_with(idx.index, own || '.') THEN
            idx.index := substr(idx.index, length(own) + 2);
        END IF;
        name := idx.index;
        IF NOT idx.valid THEN
            advice := 'rebuild the index, or drop it';
            reason := not_valid;
            sql := format('REINDEX INDEX CONCURRENTLY %s', idx.index);
            RETURN NEXT;
            CONTINUE;
        END IF;
        CONTINUE WHEN idx.quantizer IS NULL;
        IF idx.model_state = 'untrained' AND idx.nodes >= 100 OR idx.model_state = 'due' THEN
            advice := 'train the quantizer';
            reason := CASE idx.model_state WHEN 'due' THEN format('The model was trained on %s rows, and the index has grown to %s nodes since.', idx.trained_rows, idx.nodes)
                ELSE format('The index had too few rows for training when it was built, and now has %s nodes.', idx.nodes) END
                || ' VACUUM trains a model if that makes codes better; REINDEX also chooses all links again.';
            sql := format('VACUUM %s', shown);
            RETURN NEXT;
        END IF;
        IF idx.model_state = 'relink' THEN
            advice := 'vacuum the table';
            reason := format('Links were chosen by codes of an older model, so that searches miss rows. A VACUUM chooses them again if maintenance_work_mem holds the nodes, %s.',
                pg_size_pretty(idx.node_bytes));
            sql := format('VACUUM %s', shown);
            RETURN NEXT;
        END IF;
        IF idx.vacuum_unfinished OR idx.dead_nodes > 0.2 * (idx.nodes + idx.dead_nodes) THEN
            advice := 'vacuum the table';
            reason := CASE WHEN idx.vacuum_unfinished THEN 'The last vacuum of the index was interrupted.' ELSE format('%s of %s nodes are dead, and searches still visit them.',
                idx.dead_nodes, idx.nodes + idx.dead_nodes) END;
            sql := format('VACUUM %s', shown);
            RETURN NEXT;
        END IF;
        IF idx.nodes > 10000 AND idx.free_nodes > idx.nodes THEN
            advice := 'rebuild the index to shrink it';
            reason := format('%s of %s places for nodes are free, more than half. Only a rebuild makes the file smaller.', idx.free_nodes, idx.nodes + idx.free_nodes);
            sql := format('REINDEX INDEX CONCURRENTLY %s', idx.index);
            RETURN NEXT;
        END IF;
        need := idx.node_bytes;
        IF need > work_mem_bytes AND idx.rows > 10000 THEN
            advice := 'raise maintenance_work_mem for VACUUM and REINDEX';
            reason := format('The nodes take %s, and maintenance_work_mem is %s. VACUUM then repairs the graph page by page, about twice as slowly, and a rebuild inserts the rows that do not fit one by one.',
                pg_size_pretty(need), current_setting('maintenance_work_mem'));
            EXECUTE format('SELECT %s.omendb_build_memory($1, $2)', own) INTO need USING idx.indexrelid, idx.nodes::float8;
            sql := format('ALTER SYSTEM SET maintenance_work_mem = %L', (need / 1048576 + 1) || 'MB');
            RETURN NEXT;
        END IF;
        IF idx.rows_returned > 1000 AND idx.late_rows > 0.05 * idx.rows_returned THEN
            advice := 'raise ef_search';
            reason := format('Of %s rows returned, %s were late: found after rows that are farther away. LIMIT is high for this ef_search.', idx.rows_returned, idx.late_rows);
            sql := format('ALTER INDEX %s SET (ef_search = %s)', idx.index, least(10000, 2 * coalesce(idx.ef_search, 40)));
            RETURN NEXT;
        END IF;
        IF idx.rows_returned > 1000 AND idx.reranked_from_heap > 8 * idx.rows_returned AND idx.bits < 8 AND idx.quantizer = 'rabitq' THEN
            advice := 'use more bits';
            reason := format('%s rows of the table were read to return %s: codes of %s bits hardly tell near rows apart. omendb_recall() measures what searches find.',
                idx.reranked_from_heap, idx.rows_returned, idx.bits);
            sql := format('ALTER INDEX %s SET (bits = %s); REINDEX INDEX CONCURRENTLY %1$s', idx.index, idx.bits * 2);
            RETURN NEXT;
        END IF;
        IF idx.filter_columns > 0 AND idx.shared AND idx.scans > 1000 AND idx.conditions_tested = 0 AND idx.sweeps = 0 THEN
            advice := 'leave the filter columns out';
            reason := format('None of %s searches has tested a condition. A filter column takes 8 bytes a row, and every insert writes them.', idx.scans);
            sql := regexp_replace(idx.definition, '\((.*?),.*?\)( WITH| WHERE|$)', '(\1)\2') || format('; DROP INDEX %s', idx.index);
            RETURN NEXT;
        END IF;
        IF idx.ef_search IS NOT NULL AND EXISTS (SELECT FROM pg_settings g WHERE g.name = 'omenhnsw.ef_search' AND g.source <> 'default') THEN
            advice := 'decide on one ef_search';
            reason := format('The index has ef_search = %s, which omenhnsw.ef_search = %s (source: %s) overrides.', idx.ef_search, current_setting('omenhnsw.ef_search'),
                (SELECT source FROM pg_settings g WHERE g.name = 'omenhnsw.ef_search'));
            sql := 'RESET omenhnsw.ef_search';
            RETURN NEXT;
        END IF;
        IF idx.target_recall IS NOT NULL AND idx.ef_search IS NULL AND EXISTS (SELECT FROM pg_settings g
            WHERE g.name = 'omenhnsw.ef_search' AND g.source <> 'default') THEN
            advice := 'decide on ef_search or target_recall';
            reason := format('The index wants a recall of %s, and omenhnsw.ef_search is set to %s by %s, which overrides it.', idx.target_recall,
                current_setting('omenhnsw.ef_search'), (SELECT source FROM pg_settings g WHERE g.name = 'omenhnsw.ef_search'));
            sql := 'RESET omenhnsw.ef_search';
            RETURN NEXT;
        END IF;
        IF idx.target_recall IS NOT NULL AND idx.ef_search IS NOT NULL THEN
            advice := 'decide on ef_search or target_recall';
            reason := format('The index has both, and ef_search = %s overrides target_recall.', idx.ef_search);
            sql := format('ALTER INDEX %s RESET (ef_search)', idx.index);
            RETURN NEXT;
        END IF;
        IF idx.calibrated_nodes IS NULL AND idx.nodes >= 1000
            AND coalesce(idx.target_recall, nullif(current_setting('omenhnsw.target_recall', true)::float8, 0)) IS NOT NULL THEN
            advice := 'calibrate the index';
            reason := 'A target_recall is set, but the recall of the index has not been measured: searches use the default of ef_search.';
            sql := format('SELECT * FROM omendb_calibrate(%L)', idx.index);
            RETURN NEXT;
        END IF;
        IF EXISTS (SELECT FROM pg_index x WHERE x.indrelid = tab AND x.indexrelid < idx.indexrelid AND x.indkey = idx.indkey AND x.indclass = idx.indclass
            AND x.indexprs IS NOT DISTINCT FROM idx.indexprs AND x.indpred IS NOT DISTINCT FROM idx.indpred) THEN
            advice := 'drop one of two equal indexes';
            reason := 'Another index has the same columns and operator classes. Every insert maintains both.';
            sql := format('DROP INDEX CONCURRENTLY %s', idx.index);
            RETURN NEXT;
        END IF;
    END LOOP;

    -- settings
    name := 'settings';
    IF current_setting('omenhnsw.iterative_scan', true) = 'off' AND indexed THEN
        advice := 'let scans continue';
        reason := format('With omenhnsw.iterative_scan = off, a scan ends after ef_search (%s) rows, so that a query may return fewer rows than its LIMIT.',
            current_setting('omenhnsw.ef_search'));
        sql := 'SET omenhnsw.iterative_scan = strict_order';
        RETURN NEXT;
    END IF;
    IF current_setting('omenhnsw.target_recall', true)::float8 > 0 AND indexed
        AND EXISTS (SELECT FROM pg_settings g WHERE g.name = 'omenhnsw.ef_search' AND g.source <> 'default') THEN
        advice := 'decide on ef_search or target_recall';
        reason := format('omenhnsw.target_recall is %s, and omenhnsw.ef_search is set to %s, which overrides it.', current_setting('omenhnsw.target_recall'),
            current_setting('omenhnsw.ef_search'));
        sql := 'RESET omenhnsw.ef_search';
        RETURN NEXT;
    END IF;
    IF current_setting('omenhnsw.max_scan_tuples', true)::int BETWEEN 1 AND 20 * current_setting('omenhnsw.ef_search', true)::int THEN
        advice := 'raise max_scan_tuples, or lower ef_search';
        reason := format('A scan compares about ten codes for each candidate: it reaches omenhnsw.max_scan_tuples (%s) before it has omenhnsw.ef_search (%s) candidates.',
            current_setting('omenhnsw.max_scan_tuples'), current_setting('omenhnsw.ef_search'));
        sql := format('SET omenhnsw.max_scan_tuples = %s', 50 * current_setting('omenhnsw.ef_search')::int);
        RETURN NEXT;
    END IF;
END
$$;
COMMENT ON FUNCTION omendb_advise(regclass) IS 'recommendations for the vector columns of a table and their indexes: advice, its reason and SQL';

-- Time and size of an index, in words, from a timed build on 2,000 rows; NULL where no table can be made for them.
CREATE FUNCTION omendb_time_build(tab regclass, col name, class text, OUT build_memory bigint, OUT words text)
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    e record;
    own text := (SELECT p.pronamespace::regnamespace::text FROM pg_am a JOIN pg_proc p ON p.oid = a.amhandler WHERE a.amname = 'omenhnsw');
BEGIN
    IF pg_is_in_recovery() OR current_setting('transaction_read_only')::bool OR NOT has_database_privilege(current_database(), 'TEMPORARY') THEN
        RETURN;
    END IF;
    EXECUTE format('SELECT * FROM %s.omendb_estimate($1, $2, '''', 2000)', own) INTO e USING tab, format('%I %s.%I', col, own, class);
    build_memory := e.build_memory;
    words := format('By a timed build on %s rows, one process takes about %s, and the index has %s.', e.sampled,
        CASE WHEN e.seconds < 100 THEN ceil(e.seconds) || ' s' ELSE ceil(e.seconds / 60) || ' minutes' END, pg_size_pretty(e.bytes));
EXCEPTION WHEN OTHERS THEN
    build_memory := NULL;
    words := format('A build on a sample fails: %s.', sqlerrm);
END
$$;
COMMENT ON FUNCTION omendb_time_build(regclass, name, text) IS 'for omendb_advise: time, size and memory of an index before it is built';

-- The distance operators that statements in pg_stat_statements order by for a column; none if it is not installed.
CREATE FUNCTION omendb_order_operators(tab name, col name) RETURNS text[]
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    place text := (SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'pg_stat_statements');
    found text[];
BEGIN
    IF place IS NULL THEN
        RETURN '{}';
    END IF;
    EXECUTE format('SELECT coalesce(array_agg(DISTINCT o), ''{}'') FROM %I.pg_stat_statements s, unnest(ARRAY[''<->'', ''<#>'', ''<=>'', ''<+>'']) o
        WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND s.query ~* (''\m'' || regexp_replace($1, ''\W'', ''\\\&'', ''g'') || ''\M'') AND s.query ~* ''order by'' AND strpos(s.query, $2) > 0 AND strpos(s.query, o) > 0', place)
        INTO found USING tab, col;
    RETURN found;
EXCEPTION WHEN object_not_in_prerequisite_state OR insufficient_privilege THEN
    -- not loaded, or not for this user
    RETURN '{}';
END
$$;
COMMENT ON FUNCTION omendb_order_operators(name, name) IS 'for omendb_advise: distance operators that statements order a column by, from pg_stat_statements';
