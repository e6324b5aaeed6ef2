-- ---------------------------------------------------------------------------
-- Measuring and tuning
-- ---------------------------------------------------------------------------

CREATE FUNCTION omendb_nearest_add(double precision[], anyelement, anyarray, integer, regoperator) RETURNS double precision[]
    AS 'MODULE_PATHNAME', 'om_nearest_add' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION omendb_nearest_add(double precision[], anyelement, anyarray, integer, regoperator) IS
    'transition function of omendb_nearest_distances';

CREATE FUNCTION omendb_nearest_combine(double precision[], double precision[]) RETURNS double precision[]
    AS 'MODULE_PATHNAME', 'om_nearest_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION omendb_nearest_combine(double precision[], double precision[]) IS
    'combine function of omendb_nearest_distances';

CREATE FUNCTION omendb_nearest_final(double precision[]) RETURNS double precision[]
    AS 'MODULE_PATHNAME', 'om_nearest_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION omendb_nearest_final(double precision[]) IS 'final function of omendb_nearest_distances';

CREATE AGGREGATE omendb_nearest_distances(value anyelement, queries anyarray, k integer, operator regoperator) (
    STYPE = double precision[], SFUNC = omendb_nearest_add, COMBINEFUNC = omendb_nearest_combine,
    FINALFUNC = omendb_nearest_final, FINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE omendb_nearest_distances(anyelement, anyarray, integer, regoperator) IS
    'distances of the k nearest values to each of several queries, exactly, in one pass';

CREATE FUNCTION omendb_recall(index regclass, k integer DEFAULT 10, sample integer DEFAULT 100, ef integer[] DEFAULT NULL,
        query text DEFAULT NULL)
    RETURNS TABLE (ef_search integer, recall double precision, distance_ratio double precision, ms double precision, queries integer)
    AS 'MODULE_PATHNAME', 'om_recall' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 6;
COMMENT ON FUNCTION omendb_recall(regclass, integer, integer, integer[], text) IS
    'recall and search time of an omenhnsw index at several ef_search, compared with exact answers';

CREATE FUNCTION omendb_calibrate(index regclass, queries integer DEFAULT 500, query text DEFAULT NULL)
    RETURNS TABLE (k integer, ef_search integer, recall double precision, assured double precision)
    AS 'MODULE_PATHNAME', 'om_calibrate' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 24;
COMMENT ON FUNCTION omendb_calibrate(regclass, integer, text) IS
    'measure what recall an omenhnsw index reaches at which ef_search, for omenhnsw.target_recall';

CREATE FUNCTION omendb_calibration(index regclass)
    RETURNS TABLE (k integer, ef_search integer, recall double precision, assured double precision)
    AS 'MODULE_PATHNAME', 'om_calibration' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 24;
COMMENT ON FUNCTION omendb_calibration(regclass) IS 'what recall an omenhnsw index reaches at which ef_search, as it was measured last';

CREATE FUNCTION omendb_prewarm(index regclass, what text DEFAULT 'graph') RETURNS bigint
    AS 'MODULE_PATHNAME', 'om_prewarm' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION omendb_prewarm(regclass, text) IS
    'read an omenhnsw index into shared buffers, the upper levels first: upper, graph or all; returns how many blocks';

CREATE FUNCTION omendb_build_memory(index regclass, rows double precision, participants integer DEFAULT 1) RETURNS bigint
    AS 'MODULE_PATHNAME', 'om_build_memory' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION omendb_build_memory(regclass, double precision, integer) IS
    'maintenance_work_mem, in bytes, that a build of such an index needs to keep the graph of this number of rows in memory';

CREATE FUNCTION omendb_shared_memory() RETURNS bigint
    AS 'MODULE_PATHNAME', 'om_shared_memory' LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION omendb_shared_memory() IS 'bytes of shared memory that a parallel build can get; NULL if there is no limit';

CREATE FUNCTION omendb_index_clause(columns text, options text) RETURNS text
    AS 'MODULE_PATHNAME', 'om_index_clause' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION omendb_index_clause(text, text) IS
    'for omendb_estimate: USING omenhnsw (columns) WITH (options); an error if the arguments are anything else';

CREATE FUNCTION omendb_estimate(tab regclass, columns text, options text DEFAULT '', sample integer DEFAULT 10000,
        OUT rows bigint, OUT sampled bigint, OUT bytes bigint, OUT bytes_per_row double precision, OUT build_memory bigint,
        OUT seconds double precision, OUT sample_seconds double precision)
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET client_min_messages = warning SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    total double precision := (SELECT reltuples FROM pg_catalog.pg_class WHERE oid = tab);
    part bigint;
    started timestamptz;
    part_seconds double precision;
    part_bytes bigint;
    each double precision;
    growth double precision;
    pages bigint;
    share double precision;
    make text;
    safe text := current_setting('search_path');
    own text := (SELECT p.pronamespace::regnamespace::text FROM pg_am a JOIN pg_proc p ON p.oid = a.amhandler WHERE a.amname = 'omenhnsw');
    path text := 'pg_catalog, ' || own || ', pg_temp';
BEGIN
    IF tab IS NULL OR columns IS NULL OR options IS NULL OR sample IS NULL OR sample < 1000 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'tab, columns and options must not be NULL, and sample must be at least 1000';
    END IF;
    IF coalesce((SELECT relkind FROM pg_class WHERE oid = tab), '-') NOT IN ('r', 'm') THEN
        RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('"%s" is not a table or materialized view', tab),
            HINT = 'For a partitioned table, call omendb_estimate() for each partition.';
    END IF;
    EXECUTE format('SELECT %s.omendb_index_clause($1, $2)', own) INTO make USING columns, options;
    IF total < 1000 THEN
        EXECUTE format('SELECT count(*) FROM ONLY %s', tab) INTO total;
    END IF;
    -- about as many pages as rows are wanted, and some of the rows of each: a large table is not read whole
    pages := greatest(pg_relation_size(tab) / current_setting('block_size')::int, 1);
    share := least(1, 1.1 * sample / pages);
    EXECUTE format('CREATE TEMPORARY TABLE omendb_estimate_all ON COMMIT DROP AS SELECT * FROM ONLY %s TABLESAMPLE SYSTEM (%s) WHERE random() < %s LIMIT %s',
        tab, 100 * share, 1.1 * sample / (greatest(total, 1) * share), sample);
    GET DIAGNOSTICS sampled = ROW_COUNT;
    part := sampled / 4;
    EXECUTE format('CREATE TEMPORARY TABLE omendb_estimate_part ON COMMIT DROP AS SELECT * FROM pg_temp.omendb_estimate_all LIMIT %s', part);
    -- the schema of the extension has operator classes; others may have put functions and operators there, so that
    -- nothing but the statements is looked up in it
    -- a quarter of the sample, then all of it: time grows a little faster than rows
    started := clock_timestamp();
    PERFORM pg_catalog.set_config('search_path', path, true);
    EXECUTE 'CREATE INDEX omendb_estimate_part_i ON pg_temp.omendb_estimate_part ' || make;
    PERFORM pg_catalog.set_config('search_path', safe, true);
    part_seconds := extract(epoch FROM clock_timestamp() - started);
    started := clock_timestamp();
    PERFORM pg_catalog.set_config('search_path', path, true);
    EXECUTE 'CREATE INDEX omendb_estimate_all_i ON pg_temp.omendb_estimate_all ' || make;
    PERFORM pg_catalog.set_config('search_path', safe, true);
    sample_seconds := extract(epoch FROM clock_timestamp() - started);
    rows := total;
    part_bytes := pg_relation_size('pg_temp.omendb_estimate_part_i');
    bytes := pg_relation_size('pg_temp.omendb_estimate_all_i');
    IF sampled < total THEN
        bytes := bytes + (bytes - part_bytes) / greatest(sampled - part, 1)::double precision * (total - sampled);
    END IF;
    bytes_per_row := bytes / nullif(total, 0);
    EXECUTE format('SELECT %s.omendb_build_memory($1, $2)', own) INTO build_memory USING 'pg_temp.omendb_estimate_all_i'::regclass, total;
    -- seconds a row: those of the sample, more for each doubling as from the quarter to it
    each := sample_seconds / greatest(sampled, 1);
    growth := greatest(each - part_seconds / greatest(part, 1), 0) / 2;
    seconds := total * (each + growth * greatest(ln(greatest(total, 1) / greatest(sampled, 1)) / ln(2), 0));
    DROP TABLE pg_temp.omendb_estimate_all, pg_temp.omendb_estimate_part;
END
$$;
COMMENT ON FUNCTION omendb_estimate(regclass, text, text, integer) IS
    'size, memory and time of an index before it is built, from a timed build on a sample of the table';

-- ---------------------------------------------------------------------------
-- Statistics
-- ---------------------------------------------------------------------------

CREATE FUNCTION omendb_last_scan(OUT index regclass, OUT ef_search integer, OUT ef_source text, OUT strategy text, OUT reason text,
        OUT searches bigint, OUT rows bigint, OUT hops bigint, OUT codes_compared bigint, OUT reranked_from_index bigint,
        OUT reranked_from_heap bigint, OUT late_rows bigint, OUT passes bigint, OUT conditions_tested bigint,
        OUT filter_pages bigint, OUT ms double precision)
    AS 'MODULE_PATHNAME', 'om_last_scan' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION omendb_last_scan() IS 'figures of the last scan of an omenhnsw index in this session';

CREATE FUNCTION omendb_stat_counters(OUT indexrelid oid, OUT scans bigint, OUT rows bigint, OUT hops bigint, OUT codes_compared bigint,
        OUT reranked_from_index bigint, OUT reranked_from_heap bigint, OUT late_rows bigint, OUT conditions_tested bigint,
        OUT walks bigint, OUT sweeps bigint, OUT walks_then_sweeps bigint, OUT passes bigint, OUT scan_us bigint,
        OUT inserts bigint, OUT insert_retries bigint, OUT vacuums bigint, OUT rows_removed bigint, OUT records_freed bigint,
        OUT vacuum_us bigint, OUT stats_reset timestamptz, OUT shared boolean)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'om_stat_counters' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 100;
COMMENT ON FUNCTION omendb_stat_counters() IS 'cumulative counters of omenhnsw indexes; the view omendb_stat_indexes adds the names of the indexes';

CREATE FUNCTION omendb_stat_reset(index regclass DEFAULT NULL) RETURNS void
    AS 'MODULE_PATHNAME', 'om_stat_reset' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION omendb_stat_reset(regclass) IS 'set the counters of an index, or of all of this database, to zero';
REVOKE ALL ON FUNCTION omendb_stat_reset(regclass) FROM PUBLIC;

CREATE VIEW omendb_stat_indexes AS
    SELECT i.indexrelid, i.indrelid AS relid, n.nspname AS schemaname, t.relname AS tablename, c.relname AS indexname,
        coalesce(s.scans, 0) AS scans, coalesce(s.rows, 0) AS rows, coalesce(s.hops, 0) AS hops,
        coalesce(s.codes_compared, 0) AS codes_compared, coalesce(s.reranked_from_index, 0) AS reranked_from_index,
        coalesce(s.reranked_from_heap, 0) AS reranked_from_heap, coalesce(s.late_rows, 0) AS late_rows,
        coalesce(s.conditions_tested, 0) AS conditions_tested, coalesce(s.walks, 0) AS walks, coalesce(s.sweeps, 0) AS sweeps,
        coalesce(s.walks_then_sweeps, 0) AS walks_then_sweeps, coalesce(s.passes, 0) AS passes,
        coalesce(s.scan_us, 0) / 1000.0::double precision AS scan_ms,
        coalesce(s.inserts, 0) AS inserts, coalesce(s.insert_retries, 0) AS insert_retries, coalesce(s.vacuums, 0) AS vacuums,
        coalesce(s.rows_removed, 0) AS rows_removed, coalesce(s.records_freed, 0) AS records_freed,
        coalesce(s.vacuum_us, 0) / 1000.0::double precision AS vacuum_ms, s.stats_reset, s.shared
    FROM pg_catalog.pg_index i
        JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
        JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_catalog.pg_am m ON m.oid = c.relam
        JOIN pg_catalog.pg_proc p ON p.oid = m.amhandler AND p.prosrc IN ('om_hnsw_handler', 'om_ivfflat_handler')
        LEFT JOIN omendb_stat_counters() s ON s.indexrelid = i.indexrelid;
COMMENT ON VIEW omendb_stat_indexes IS 'cumulative statistics of omenhnsw indexes of this database, one row each';
GRANT SELECT ON omendb_stat_indexes TO PUBLIC;

CREATE FUNCTION omendb_index_summary(index regclass, OUT quantizer text, OUT bits integer, OUT rerank text, OUT metric text,
        OUT dimensions integer, OUT filter_columns integer, OUT m integer, OUT ef_construction integer, OUT ef_search integer,
        OUT bytes bigint, OUT node_bytes bigint, OUT tower_bytes bigint, OUT posting_bytes bigint, OUT null_bytes bigint,
        OUT model_bytes bigint, OUT refinement_bytes bigint, OUT filter_key_bytes bigint, OUT highway_bytes bigint,
        OUT directory_bytes bigint, OUT nodes bigint, OUT dead_nodes bigint, OUT free_nodes bigint, OUT levels integer,
        OUT model integer, OUT model_state text, OUT trained_rows bigint, OUT vacuum_unfinished boolean,
        OUT target_recall double precision, OUT calibrated_nodes bigint, OUT calibration_queries integer, OUT calibrated_by text)
    AS 'MODULE_PATHNAME', 'om_index_summary' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION omendb_index_summary(regclass) IS
    'properties and contents of an omenhnsw index, estimated from a few pages; NULL if it is locked or the caller may not read its table';

-- The joins are those of omendb_stat_indexes: a view for them would be one more object for users to wonder about.
CREATE VIEW omendb_indexes AS
    SELECT i.indexrelid, i.indrelid AS relid, n.nspname AS schemaname, t.relname AS tablename, c.relname AS indexname,
        i.indisvalid AS valid, CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint END AS rows, s.*,
        greatest(pg_stat_get_last_vacuum_time(t.oid), pg_stat_get_last_autovacuum_time(t.oid)) AS last_vacuum
    FROM pg_catalog.pg_index i
        JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
        JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_catalog.pg_am m ON m.oid = c.relam
        JOIN pg_catalog.pg_proc p ON p.oid = m.amhandler AND p.prosrc IN ('om_hnsw_handler', 'om_ivfflat_handler')
        LEFT JOIN LATERAL omendb_index_summary(i.indexrelid) s ON true;
COMMENT ON VIEW omendb_indexes IS 'omenhnsw indexes of this database, one row each: definition, contents and state';
GRANT SELECT ON omendb_indexes TO PUBLIC;
