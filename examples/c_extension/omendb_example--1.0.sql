\echo Use "CREATE EXTENSION omendb_example" to load this file. \quit

-- CREATE EXTENSION puts the schema of omendb, which is required, into the search_path of this script.

CREATE FUNCTION nearest_of(query vector, candidates vector[], metric text DEFAULT 'l2') RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION nearest_of(vector, vector[], text) IS 'place in an array of the vector that is nearest to a query';

CREATE FUNCTION distance(a vector, b vector, metric text) RETURNS double precision
	AS 'MODULE_PATHNAME', 'vector_distance_by' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION distance(vector, vector, text) IS 'distance by the name of its metric';
CREATE FUNCTION distance(a halfvec, b halfvec, metric text) RETURNS double precision
	AS 'MODULE_PATHNAME', 'halfvec_distance_by' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION distance(halfvec, halfvec, text) IS 'distance by the name of its metric';
CREATE FUNCTION distance(a sparsevec, b sparsevec, metric text) RETURNS double precision
	AS 'MODULE_PATHNAME', 'sparsevec_distance_by' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION distance(sparsevec, sparsevec, text) IS 'distance by the name of its metric';
CREATE FUNCTION distance(a bit, b bit, metric text) RETURNS double precision
	AS 'MODULE_PATHNAME', 'bit_distance_by' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION distance(bit, bit, text) IS 'distance by the name of its metric';

CREATE FUNCTION midpoint(a halfvec, b halfvec) RETURNS halfvec
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION midpoint(halfvec, halfvec) IS 'half of the sum';

CREATE FUNCTION largest_terms(v sparsevec, n integer) RETURNS sparsevec
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION largest_terms(sparsevec, integer) IS 'the n elements of largest magnitude';
