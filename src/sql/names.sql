-- ---------------------------------------------------------------------------
-- omenhnsw under the names of pgvector's access methods
-- ---------------------------------------------------------------------------

DO $$
DECLARE
    method name := (SELECT amname FROM pg_catalog.pg_am WHERE amname IN ('hnsw', 'ivfflat') LIMIT 1);
BEGIN
    IF method IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
            MESSAGE = pg_catalog.format('access method "%s" already exists', method),
            HINT = 'It belongs to pgvector, or to another extension. USING omenhnsw works beside it.';
    END IF;
END $$;

CREATE FUNCTION omenhnsw_ivfflat_handler(internal) RETURNS index_am_handler
    AS 'MODULE_PATHNAME', 'om_ivfflat_handler' LANGUAGE C;
COMMENT ON FUNCTION omenhnsw_ivfflat_handler(internal) IS 'omenhnsw with the storage parameter lists, which it ignores';

CREATE ACCESS METHOD hnsw TYPE INDEX HANDLER omenhnsw_handler;
COMMENT ON ACCESS METHOD hnsw IS 'omenhnsw, by the name of pgvector''s access method';

CREATE ACCESS METHOD ivfflat TYPE INDEX HANDLER omenhnsw_ivfflat_handler;
COMMENT ON ACCESS METHOD ivfflat IS 'omenhnsw, by the name of pgvector''s other access method';

