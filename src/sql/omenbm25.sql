-- ---------------------------------------------------------------------------
-- Search of text: type bm25query
-- ---------------------------------------------------------------------------

CREATE TYPE bm25query;

CREATE FUNCTION bm25query_in(cstring) RETURNS bm25query
    AS 'MODULE_PATHNAME', 'om_bm25query_in' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bm25query_in(cstring) IS 'I/O';

CREATE FUNCTION bm25query_out(bm25query) RETURNS cstring
    AS 'MODULE_PATHNAME', 'om_bm25query_out' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bm25query_out(bm25query) IS 'I/O';

CREATE FUNCTION bm25query_recv(internal) RETURNS bm25query
    AS 'MODULE_PATHNAME', 'om_bm25query_recv' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bm25query_recv(internal) IS 'I/O';

CREATE FUNCTION bm25query_send(bm25query) RETURNS bytea
    AS 'MODULE_PATHNAME', 'om_bm25query_send' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bm25query_send(bm25query) IS 'I/O';

CREATE TYPE bm25query (
    INPUT = bm25query_in, OUTPUT = bm25query_out, RECEIVE = bm25query_recv, SEND = bm25query_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended
);
COMMENT ON TYPE bm25query IS 'words to search for, and the omenbm25 index whose statistics score them';

CREATE FUNCTION text_to_bm25query(text) RETURNS bm25query
    AS 'MODULE_PATHNAME', 'om_bm25query_from_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION text_to_bm25query(text) IS 'a search for the words of a text';

CREATE FUNCTION bm25query(query text, config regconfig DEFAULT NULL, index regclass DEFAULT NULL, mode text DEFAULT 'any')
    RETURNS bm25query
    AS 'MODULE_PATHNAME', 'om_bm25query_make' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION bm25query(text, regconfig, regclass, text) IS
    'a search of text: by which configuration, by which index''s statistics, for any or all of the words';

CREATE FUNCTION bm25query_bind(bm25query, regclass) RETURNS bm25query
    AS 'MODULE_PATHNAME', 'om_bm25query_bind' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bm25query_bind(bm25query, regclass) IS 'for the planner: a search by the statistics of this index';

CREATE CAST (text AS bm25query) WITH FUNCTION text_to_bm25query(text) AS ASSIGNMENT;
COMMENT ON CAST (text AS bm25query) IS 'a search of text, in assignments';

-- ---------------------------------------------------------------------------
-- Operators
-- ---------------------------------------------------------------------------

CREATE FUNCTION bm25_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'om_bm25_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bm25_support(internal) IS 'planner support: binds searches to indexes';

CREATE FUNCTION bm25_matchsel(internal, oid, internal, integer) RETURNS double precision
    AS 'MODULE_PATHNAME', 'om_bm25_matchsel' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bm25_matchsel(internal, oid, internal, integer) IS 'restriction selectivity of @@@';

CREATE FUNCTION bm25_distance(text, bm25query) RETURNS double precision
    AS 'MODULE_PATHNAME', 'om_bm25_distance_text' LANGUAGE C STABLE STRICT PARALLEL SAFE
    COST 1000 SUPPORT bm25_support;
COMMENT ON FUNCTION bm25_distance(text, bm25query) IS 'negated BM25 score';

CREATE FUNCTION bm25_distance(tsvector, bm25query) RETURNS double precision
    AS 'MODULE_PATHNAME', 'om_bm25_distance_tsvector' LANGUAGE C STABLE STRICT PARALLEL SAFE
    COST 100 SUPPORT bm25_support;
COMMENT ON FUNCTION bm25_distance(tsvector, bm25query) IS 'negated BM25 score';

CREATE FUNCTION bm25_distance(text, text) RETURNS double precision
    AS 'MODULE_PATHNAME', 'om_bm25_unbound' LANGUAGE C STABLE STRICT PARALLEL SAFE
    COST 1000 SUPPORT bm25_support;
COMMENT ON FUNCTION bm25_distance(text, text) IS 'negated BM25 score, by the index of the column';

CREATE FUNCTION bm25_distance(tsvector, text) RETURNS double precision
    AS 'MODULE_PATHNAME', 'om_bm25_unbound' LANGUAGE C STABLE STRICT PARALLEL SAFE
    COST 100 SUPPORT bm25_support;
COMMENT ON FUNCTION bm25_distance(tsvector, text) IS 'negated BM25 score, by the index of the column';

CREATE FUNCTION bm25_match(text, bm25query) RETURNS boolean
    AS 'MODULE_PATHNAME', 'om_bm25_match_text' LANGUAGE C STABLE STRICT PARALLEL SAFE
    COST 1000 SUPPORT bm25_support;
COMMENT ON FUNCTION bm25_match(text, bm25query) IS 'does the text match the search?';

CREATE FUNCTION bm25_match(tsvector, bm25query) RETURNS boolean
    AS 'MODULE_PATHNAME', 'om_bm25_match_tsvector' LANGUAGE C STABLE STRICT PARALLEL SAFE
    COST 100 SUPPORT bm25_support;
COMMENT ON FUNCTION bm25_match(tsvector, bm25query) IS 'does the text match the search?';

CREATE FUNCTION bm25_match(text, text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'om_bm25_unbound' LANGUAGE C STABLE STRICT PARALLEL SAFE
    COST 1000 SUPPORT bm25_support;
COMMENT ON FUNCTION bm25_match(text, text) IS 'does the text match the search?';

CREATE FUNCTION bm25_match(tsvector, text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'om_bm25_unbound' LANGUAGE C STABLE STRICT PARALLEL SAFE
    COST 100 SUPPORT bm25_support;
COMMENT ON FUNCTION bm25_match(tsvector, text) IS 'does the text match the search?';

CREATE OPERATOR <@> (LEFTARG = text, RIGHTARG = bm25query, FUNCTION = bm25_distance);
COMMENT ON OPERATOR <@> (text, bm25query) IS 'negated BM25 score';
CREATE OPERATOR <@> (LEFTARG = tsvector, RIGHTARG = bm25query, FUNCTION = bm25_distance);
COMMENT ON OPERATOR <@> (tsvector, bm25query) IS 'negated BM25 score';
CREATE OPERATOR <@> (LEFTARG = text, RIGHTARG = text, FUNCTION = bm25_distance);
COMMENT ON OPERATOR <@> (text, text) IS 'negated BM25 score, by the index of the column';
CREATE OPERATOR <@> (LEFTARG = tsvector, RIGHTARG = text, FUNCTION = bm25_distance);
COMMENT ON OPERATOR <@> (tsvector, text) IS 'negated BM25 score, by the index of the column';

CREATE OPERATOR @@@ (LEFTARG = text, RIGHTARG = bm25query, FUNCTION = bm25_match, RESTRICT = bm25_matchsel);
COMMENT ON OPERATOR @@@ (text, bm25query) IS 'does the text match the search?';
CREATE OPERATOR @@@ (LEFTARG = tsvector, RIGHTARG = bm25query, FUNCTION = bm25_match, RESTRICT = bm25_matchsel);
COMMENT ON OPERATOR @@@ (tsvector, bm25query) IS 'does the text match the search?';
CREATE OPERATOR @@@ (LEFTARG = text, RIGHTARG = text, FUNCTION = bm25_match, RESTRICT = bm25_matchsel);
COMMENT ON OPERATOR @@@ (text, text) IS 'does the text match the search?';
CREATE OPERATOR @@@ (LEFTARG = tsvector, RIGHTARG = text, FUNCTION = bm25_match, RESTRICT = bm25_matchsel);
COMMENT ON OPERATOR @@@ (tsvector, text) IS 'does the text match the search?';

-- ---------------------------------------------------------------------------
-- Access method omenbm25
-- ---------------------------------------------------------------------------

CREATE FUNCTION omenbm25_handler(internal) RETURNS index_am_handler
    AS 'MODULE_PATHNAME', 'om_bm25_handler' LANGUAGE C;
COMMENT ON FUNCTION omenbm25_handler(internal) IS 'index access method handler for omenbm25';

CREATE ACCESS METHOD omenbm25 TYPE INDEX HANDLER omenbm25_handler;
COMMENT ON ACCESS METHOD omenbm25 IS 'words of texts, ranked by BM25';

CREATE FUNCTION omenbm25_text_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'om_bm25_class_support' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION omenbm25_text_support(internal) IS 'omenbm25 support: the searched column';

CREATE OPERATOR CLASS tsvector_ops
    DEFAULT FOR TYPE tsvector USING omenbm25 AS
    OPERATOR 13 <@> (tsvector, bm25query) FOR ORDER BY float_ops,
    OPERATOR 14 @@@ (tsvector, bm25query),
    FUNCTION 1 omenbm25_text_support(internal);
COMMENT ON OPERATOR CLASS tsvector_ops USING omenbm25 IS 'search of tsvector';
COMMENT ON OPERATOR FAMILY tsvector_ops USING omenbm25 IS 'search of tsvector';

-- ---------------------------------------------------------------------------
-- Inspection
-- ---------------------------------------------------------------------------

CREATE FUNCTION omendb_text_info(index regclass,
        OUT text_config text, OUT k1 double precision, OUT b double precision, OUT documents bigint,
        OUT mean_length double precision, OUT segments integer, OUT tail_documents bigint, OUT pages bigint, OUT bytes bigint)
    AS 'MODULE_PATHNAME', 'om_text_info' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION omendb_text_info(regclass) IS
    'options that an omenbm25 index was built with, and the statistics that its scores use';
