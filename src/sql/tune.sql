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
    'recall and time of an omenhnsw index by ef_search, against the exact answer';
