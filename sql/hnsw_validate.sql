-- amvalidate: the operator classes are well formed, and what is not is found.

SELECT c.opcname, c.opcdefault, c.opcintype::regtype, amvalidate(c.oid)
FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod
WHERE a.amname = 'omenhnsw' ORDER BY c.opcname;

SELECT f.opfname, o.amopstrategy, o.amoppurpose, o.amopopr::regoperator, s.opfname AS sort_family
FROM pg_amop o JOIN pg_opfamily f ON f.oid = o.amopfamily JOIN pg_am a ON a.oid = f.opfmethod
     JOIN pg_opfamily s ON s.oid = o.amopsortfamily
WHERE a.amname = 'omenhnsw' ORDER BY f.opfname, o.amopstrategy;

-- operators of filter columns: types of arguments, strategies
SELECT f.opfname, o.amoplefttype::regtype AS lefttype, o.amoprighttype::regtype AS righttype,
       string_agg(o.amopstrategy || ' ' || p.oprname, ', ' ORDER BY o.amopstrategy) AS operators
FROM pg_amop o JOIN pg_opfamily f ON f.oid = o.amopfamily JOIN pg_am a ON a.oid = f.opfmethod
     JOIN pg_operator p ON p.oid = o.amopopr
WHERE a.amname = 'omenhnsw' AND f.opfname !~ '^vector'
GROUP BY 1, 2, 3 ORDER BY 1, o.amoplefttype::regtype::text, o.amoprighttype::regtype::text;

CREATE FUNCTION validate_family(name) RETURNS boolean LANGUAGE sql AS $$
    SELECT amvalidate(c.oid) FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod
    WHERE a.amname = 'omenhnsw' AND c.opcname = $1
$$;

-- nothing in it
CREATE OPERATOR CLASS bad_empty FOR TYPE vector USING omenhnsw AS STORAGE vector;
SELECT validate_family('bad_empty');

-- no support function
CREATE OPERATOR CLASS bad_no_support FOR TYPE vector USING omenhnsw AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops;
SELECT validate_family('bad_no_support');

-- no operator
CREATE OPERATOR CLASS bad_no_operator FOR TYPE vector USING omenhnsw AS
    FUNCTION 1 omenhnsw_vector_l2_support(internal);
SELECT validate_family('bad_no_operator');

-- a search operator
CREATE OPERATOR CLASS bad_search FOR TYPE vector USING omenhnsw AS
    OPERATOR 1 = (vector, vector),
    FUNCTION 1 omenhnsw_vector_l2_support(internal);
SELECT validate_family('bad_search');

-- an operator that does not return a distance
CREATE OPERATOR CLASS bad_result FOR TYPE vector USING omenhnsw AS
    OPERATOR 1 + (vector, vector) FOR ORDER BY vector_ops,
    FUNCTION 1 omenhnsw_vector_l2_support(internal);
SELECT validate_family('bad_result');

-- sorted by another family
CREATE OPERATOR CLASS bad_sort FOR TYPE vector USING omenhnsw AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY integer_ops,
    FUNCTION 1 omenhnsw_vector_l2_support(internal);
SELECT validate_family('bad_sort');

-- a support function of another kind
CREATE OPERATOR CLASS bad_support FOR TYPE vector USING omenhnsw AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_norm(vector);
SELECT validate_family('bad_support');

-- support functions that are no metric, and of another type: found, and not called by an index
CREATE TABLE bad_t (v vector(3), n float8);
CREATE OPERATOR CLASS bad_filter_support FOR TYPE vector USING omenhnsw AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 omenhnsw_filter_support(internal);
SELECT validate_family('bad_filter_support');
CREATE INDEX ON bad_t USING omenhnsw (v bad_filter_support);
CREATE OPERATOR CLASS bad_planner_support FOR TYPE vector USING omenhnsw AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_support(internal);
SELECT validate_family('bad_planner_support');
CREATE INDEX ON bad_t USING omenhnsw (v bad_planner_support);
CREATE OPERATOR CLASS bad_bit_support FOR TYPE vector USING omenhnsw AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 omenhnsw_bit_hamming_support(internal);
SELECT validate_family('bad_bit_support');
CREATE INDEX ON bad_t USING omenhnsw (v bad_bit_support);
CREATE OPERATOR CLASS bad_float_support FOR TYPE float8 USING omenhnsw AS
    OPERATOR 1 - (float8, float8) FOR ORDER BY float_ops,
    FUNCTION 1 omenhnsw_vector_l2_support(internal);
SELECT validate_family('bad_float_support');
CREATE INDEX ON bad_t USING omenhnsw (n bad_float_support);
CREATE INDEX ON bad_t USING omenhnsw (v bad_support);
CREATE INDEX ON bad_t USING omenhnsw (v bad_no_support);
CREATE INDEX ON bad_t USING omenhnsw (v bad_empty);
DROP TABLE bad_t;
DROP OPERATOR FAMILY bad_filter_support USING omenhnsw;
DROP OPERATOR FAMILY bad_planner_support USING omenhnsw;
DROP OPERATOR FAMILY bad_bit_support USING omenhnsw;
DROP OPERATOR FAMILY bad_float_support USING omenhnsw;

-- numbers that do not exist are refused at once
CREATE OPERATOR CLASS bad_strategy FOR TYPE vector USING omenhnsw AS
    OPERATOR 13 <-> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 omenhnsw_vector_l2_support(internal);
CREATE OPERATOR CLASS bad_number FOR TYPE vector USING omenhnsw AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 3 omenhnsw_vector_l2_support(internal);

-- another type's members in a family
CREATE OPERATOR CLASS bad_types FOR TYPE vector USING omenhnsw AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 omenhnsw_vector_l2_support(internal);
SELECT validate_family('bad_types');
ALTER OPERATOR FAMILY bad_types USING omenhnsw ADD
    OPERATOR 1 * (float8, float8) FOR ORDER BY float_ops;
SELECT validate_family('bad_types');
ALTER OPERATOR FAMILY bad_types USING omenhnsw ADD
    FUNCTION 1 (vector, float8) omenhnsw_vector_ip_support(internal);
SELECT validate_family('bad_types');

-- within a radius: two vectors do not tell the radius; it is a condition, not an order
CREATE OPERATOR CLASS bad_radius FOR TYPE vector USING omenhnsw AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    OPERATOR 2 = (vector, vector),
    FUNCTION 1 omenhnsw_vector_l2_support(internal);
SELECT validate_family('bad_radius');
CREATE OPERATOR CLASS bad_radius_order FOR TYPE vector USING omenhnsw AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    OPERATOR 2 <#> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 omenhnsw_vector_l2_support(internal);
SELECT validate_family('bad_radius_order');

-- a filter class: no operator, an order, a left type without support
CREATE OPERATOR CLASS bad_filter_empty FOR TYPE int4 USING omenhnsw AS
    FUNCTION 2 omenhnsw_filter_support(internal);
SELECT validate_family('bad_filter_empty');
CREATE OPERATOR CLASS bad_filter_order FOR TYPE int4 USING omenhnsw AS
    OPERATOR 1 - (int4, int4) FOR ORDER BY integer_ops,
    FUNCTION 2 omenhnsw_filter_support(internal);
SELECT validate_family('bad_filter_order');
CREATE OPERATOR CLASS bad_filter_types FOR TYPE float8 USING omenhnsw AS
    OPERATOR 1 < (float8, float8),
    FUNCTION 2 omenhnsw_filter_support(internal);
SELECT validate_family('bad_filter_types');
ALTER OPERATOR FAMILY bad_filter_types USING omenhnsw ADD
    OPERATOR 2 < (float4, float8);
SELECT validate_family('bad_filter_types');
ALTER OPERATOR FAMILY bad_filter_types USING omenhnsw ADD
    FUNCTION 2 (float4, float4) omenhnsw_filter_support(internal);
SELECT validate_family('bad_filter_types');
-- the support functions of both sorts
CREATE OPERATOR CLASS bad_filter_metric FOR TYPE int4 USING omenhnsw AS
    OPERATOR 1 < (int4, int4),
    FUNCTION 1 omenhnsw_vector_l2_support(internal),
    FUNCTION 2 omenhnsw_filter_support(internal);
SELECT validate_family('bad_filter_metric');
-- a class that is complete: one operator is enough
CREATE OPERATOR CLASS good_filter FOR TYPE int4 USING omenhnsw AS
    OPERATOR 3 =,
    FUNCTION 2 omenhnsw_filter_support(internal);
SELECT validate_family('good_filter');

-- a storage type
CREATE OPERATOR CLASS bad_storage FOR TYPE vector USING omenhnsw AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 omenhnsw_vector_l2_support(internal),
    STORAGE bytea;

DROP OPERATOR FAMILY bad_empty USING omenhnsw;
DROP OPERATOR FAMILY bad_no_support USING omenhnsw;
DROP OPERATOR FAMILY bad_no_operator USING omenhnsw;
DROP OPERATOR FAMILY bad_search USING omenhnsw;
DROP OPERATOR FAMILY bad_result USING omenhnsw;
DROP OPERATOR FAMILY bad_sort USING omenhnsw;
DROP OPERATOR FAMILY bad_support USING omenhnsw;
DROP OPERATOR FAMILY bad_types USING omenhnsw;
DROP OPERATOR FAMILY bad_radius USING omenhnsw;
DROP OPERATOR FAMILY bad_radius_order USING omenhnsw;
DROP OPERATOR FAMILY bad_filter_empty USING omenhnsw;
DROP OPERATOR FAMILY bad_filter_order USING omenhnsw;
DROP OPERATOR FAMILY bad_filter_types USING omenhnsw;
DROP OPERATOR FAMILY bad_filter_metric USING omenhnsw;
DROP OPERATOR FAMILY good_filter USING omenhnsw;
DROP FUNCTION validate_family(name);

-- the method's properties
SELECT prop, pg_indexam_has_property(a.oid, prop)
FROM pg_am a, unnest(ARRAY['can_order', 'can_unique', 'can_multi_col', 'can_exclude', 'can_include', 'bogus']) prop
WHERE a.amname = 'omenhnsw';
CREATE TABLE prop_t (v vector(3));
CREATE INDEX prop_i ON prop_t USING omenhnsw (v);
SELECT prop, pg_index_has_property('prop_i', prop)
FROM unnest(ARRAY['clusterable', 'index_scan', 'bitmap_scan', 'backward_scan']) prop;
SELECT prop, pg_index_column_has_property('prop_i', 1, prop)
FROM unnest(ARRAY['asc', 'orderable', 'distance_orderable', 'returnable', 'search_array', 'search_nulls']) prop;
DROP TABLE prop_t;
