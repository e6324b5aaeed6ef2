-- ---------------------------------------------------------------------------
-- Access method omenhnsw
-- ---------------------------------------------------------------------------

CREATE FUNCTION omenhnsw_handler(internal) RETURNS index_am_handler
    AS 'MODULE_PATHNAME', 'om_hnsw_handler' LANGUAGE C;
COMMENT ON FUNCTION omenhnsw_handler(internal) IS 'index access method handler for omenhnsw';

CREATE ACCESS METHOD omenhnsw TYPE INDEX HANDLER omenhnsw_handler;
COMMENT ON ACCESS METHOD omenhnsw IS 'HNSW graph over compact codes: nearest neighbours of a vector';

-- ---------------------------------------------------------------------------
-- Checker
-- ---------------------------------------------------------------------------

CREATE FUNCTION omendb_index_check(index regclass, heapallindexed boolean DEFAULT false,
        OUT nodes bigint, OUT dead_nodes bigint, OUT unreachable bigint, OUT stale_links bigint,
        OUT tids bigint, OUT null_rows bigint, OUT towers bigint, OUT postings bigint,
        OUT max_level integer, OUT mean_degree double precision, OUT free_slots bigint,
        OUT pages bigint, OUT lost_pages bigint, OUT bytes bigint, OUT heap_rows bigint,
        OUT unrefined bigint)
    AS 'MODULE_PATHNAME', 'om_index_check' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION omendb_index_check(regclass, boolean) IS
    'verify an omenhnsw or omenbm25 index: raises index_corrupted, or returns figures';
-- it locks tables and reads damaged pages: to be granted with care, as amcheck is
REVOKE ALL ON FUNCTION omendb_index_check(regclass, boolean) FROM PUBLIC;

-- ---------------------------------------------------------------------------
-- Inspection
-- ---------------------------------------------------------------------------

CREATE FUNCTION omendb_index_info(index regclass,
        OUT quantizer text, OUT bits integer, OUT subvectors integer, OUT chosen_by text, OUT rerank text, OUT metric text, OUT dimensions integer,
        OUT filter_columns integer, OUT trained_rows bigint, OUT model integer,
        OUT old_codes bigint, OUT m integer, OUT ef_construction integer,
        OUT code_bytes integer, OUT node_bytes integer, OUT nodes_per_page integer,
        OUT entry_point bigint, OUT levels integer, OUT nodes bigint, OUT dead_nodes bigint,
        OUT mean_degree double precision, OUT highway bigint, OUT rows bigint, OUT pages bigint, OUT bytes bigint,
        OUT bytes_per_row double precision, OUT node_bytes_per_row double precision,
        OUT tower_bytes_per_row double precision, OUT posting_bytes_per_row double precision,
        OUT null_bytes_per_row double precision, OUT model_bytes_per_row double precision,
        OUT refinement_bytes_per_row double precision, OUT filter_key_bytes_per_row double precision,
        OUT highway_bytes_per_row double precision, OUT directory_bytes_per_row double precision)
    AS 'MODULE_PATHNAME', 'om_index_info' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION omendb_index_info(regclass) IS
    'how an omenhnsw index was built and what it holds; reads the whole index';
