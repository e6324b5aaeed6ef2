-- The access method in the catalogs: handler, operator classes and their members,
-- comments, settings; and that an index does what its table asks for.
\set QUIET 1
SET client_min_messages = warning;
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS omendb;
SELECT plan(83);

-- the method
SELECT is(amtype, 'i', 'omenhnsw is an index access method') FROM pg_am WHERE amname = 'omenhnsw';
SELECT is(amhandler::regproc::text, 'omenhnsw_handler', 'and has its handler') FROM pg_am WHERE amname = 'omenhnsw';
SELECT function_returns('omenhnsw_handler', ARRAY['internal'], 'index_am_handler');
SELECT ok(obj_description(oid, 'pg_am') IS NOT NULL, 'the access method has a comment') FROM pg_am WHERE amname = 'omenhnsw';
SELECT is(pg_indexam_has_property(oid, 'can_unique'), false, 'no unique indexes') FROM pg_am WHERE amname = 'omenhnsw';
SELECT is(pg_indexam_has_property(oid, 'can_order'), false, 'no order of values') FROM pg_am WHERE amname = 'omenhnsw';

-- operator classes: default, operator, support function, comments, validity
CREATE TEMPORARY TABLE expected_class (class name, is_default boolean, operator text, within text, bound text, support text);
INSERT INTO expected_class VALUES
    ('vector_l2_ops', true, '<->(vector,vector)', '<<->>(vector,sphere_vector)', '<<->(vector,bound_vector)', 'omenhnsw_vector_l2_support'),
    ('vector_ip_ops', false, '<#>(vector,vector)', '<<#>>(vector,sphere_vector)', '<<#>(vector,bound_vector)', 'omenhnsw_vector_ip_support'),
    ('vector_cosine_ops', false, '<=>(vector,vector)', '<<=>>(vector,sphere_vector)', '<<=>(vector,bound_vector)', 'omenhnsw_vector_cosine_support'),
    ('vector_l1_ops', false, '<+>(vector,vector)', '<<+>>(vector,sphere_vector)', '<<+>(vector,bound_vector)', 'omenhnsw_vector_l1_support');

CREATE TEMPORARY VIEW class AS
    SELECT e.*, c.oid, c.opcfamily, c.opcdefault, c.opcintype, c.opckeytype
    FROM expected_class e
    LEFT JOIN (pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod AND a.amname = 'omenhnsw') ON c.opcname = e.class;

SELECT bag_eq(
    $$ SELECT c.opcname FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod
       WHERE a.amname = 'omenhnsw' AND c.opcintype = 'vector'::regtype $$,
    $$ SELECT class FROM expected_class $$, 'these operator classes of vectors and no others');
SELECT has_opclass(class, 'operator class ' || class || ' exists') FROM class ORDER BY class;
SELECT is(opcdefault, is_default, class || ': default or not') FROM class ORDER BY class;
SELECT is(opcintype, 'vector'::regtype::oid, class || ' is for vector') FROM class ORDER BY class;
SELECT is(opckeytype, 0::oid, class || ' has no storage type') FROM class ORDER BY class;
SELECT ok(amvalidate(oid), class || ' is valid') FROM class ORDER BY class;
SELECT ok(obj_description(oid, 'pg_opclass') IS NOT NULL, class || ' has a comment') FROM class ORDER BY class;
SELECT ok(obj_description(opcfamily, 'pg_opfamily') IS NOT NULL, 'its family has a comment') FROM class ORDER BY class;
SELECT is((SELECT array_agg(o.amopopr::regoperator::text ORDER BY o.amopstrategy, o.amoprighttype::regtype::text) FROM pg_amop o WHERE o.amopfamily = c.opcfamily),
          ARRAY[c.operator, c.bound, c.within], class || ' has its operators and no others') FROM class c ORDER BY class;
SELECT is((SELECT array_agg(o.amoppurpose::text || o.amopstrategy ORDER BY o.amopstrategy) FROM pg_amop o WHERE o.amopfamily = c.opcfamily),
          ARRAY['o1', 's2', 's2'], class || ' has them FOR ORDER BY and FOR SEARCH') FROM class c ORDER BY class;
SELECT is((SELECT array_agg(s.opfname::text) FROM pg_amop o JOIN pg_opfamily s ON s.oid = o.amopsortfamily WHERE o.amopfamily = c.opcfamily),
          ARRAY['float_ops'], class || ' sorts by float_ops') FROM class c ORDER BY class;
SELECT is((SELECT array_agg(p.amproc::regproc::text) FROM pg_amproc p WHERE p.amprocfamily = c.opcfamily),
          ARRAY[c.support], class || ' has its support function alone') FROM class c ORDER BY class;
SELECT function_returns(support, ARRAY['internal'], 'internal') FROM class ORDER BY class;
SELECT ok(obj_description(to_regprocedure(support || '(internal)'), 'pg_proc') IS NOT NULL, support || ' has a comment')
FROM class ORDER BY class;
-- the error's code is 42883 or, in older minor versions, 0A000
SELECT throws_ok(format('SELECT %I(NULL)', support), NULL, NULL, support || ' is not for SQL') FROM class ORDER BY class;
SELECT is(provolatile, 'i', support || ' is immutable') FROM class JOIN pg_proc ON proname = support ORDER BY class;

-- everything that the extension owns has a comment
SELECT is_empty($$
    SELECT pg_describe_object(classid, objid, objsubid) FROM pg_depend
    WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'omendb')
      AND deptype = 'e' AND obj_description(objid, classid::regclass::name) IS NULL
      AND classid NOT IN ('pg_cast'::regclass)
      AND NOT (classid = 'pg_type'::regclass AND (SELECT typcategory FROM pg_type WHERE oid = objid) = 'A')
$$, 'every object of the extension has a comment');

-- settings
CREATE TEMPORARY TABLE expected_setting (name text, vartype text, boot_val text);
INSERT INTO expected_setting VALUES
    ('omenhnsw.distance_bounds', 'bool', 'on'),
    ('omenhnsw.ef_search', 'integer', '40'),
    ('omenhnsw.iterative_scan', 'enum', 'strict_order'),
    ('omenhnsw.max_scan_tuples', 'integer', '0'),
    ('omenhnsw.scan_mem_multiplier', 'real', '1'),
    ('omenhnsw.statistics_kind', 'integer', '24'),
    ('omenhnsw.target_recall', 'real', '0');
SELECT bag_eq(
    $$ SELECT name, vartype, boot_val FROM pg_settings WHERE name LIKE 'omenhnsw.%' $$,
    $$ SELECT * FROM expected_setting $$, 'these settings, with these defaults');
SELECT bag_eq($$ SELECT name FROM pg_settings WHERE name LIKE 'omenhnsw.%' AND context <> 'user' $$,
          ARRAY['omenhnsw.statistics_kind'], 'every user may change every setting but one of the server');
SELECT is((SELECT count(*)::integer FROM pg_settings WHERE name LIKE 'omenhnsw.%' AND short_desc IS NULL), 0,
          'every setting has a description');
SELECT throws_ok($$ SET omenhnsw.no_such_setting = 1 $$, '42602', NULL, 'the prefix is reserved');

-- an index of a table
CREATE TABLE items (id integer PRIMARY KEY, embedding vector(3));
SELECT lives_ok($$ CREATE INDEX items_l2 ON items USING omenhnsw (embedding) $$, 'an index by the default operator class');
SELECT lives_ok($$ CREATE INDEX items_ip ON items USING omenhnsw (embedding vector_ip_ops) WITH (m = 8, ef_construction = 32, bits = 8) $$,
                'an index with storage parameters');
SELECT has_index('items', 'items_l2', 'embedding', 'the index is there');
SELECT is((SELECT quantizer FROM omendb_index_info('items_l2')), 'rabitq', 'rabitq by default');
SELECT lives_ok($$ CREATE INDEX items_l1 ON items USING omenhnsw (embedding vector_l1_ops) $$, 'an index for the taxicab distance');
SELECT is((SELECT quantizer || ' ' || metric FROM omendb_index_info('items_l1')), 'sq8 l1', 'which has quantizer sq8');
SELECT index_is_type('items', 'items_l2', 'omenhnsw');
SELECT is(pg_get_indexdef('items_l2'::regclass), format('CREATE INDEX items_l2 ON %I.items USING omenhnsw (embedding)', current_schema()),
          'its definition is as it was given');
SELECT alike(pg_get_indexdef('items_ip'::regclass), $$%(embedding vector_ip_ops) WITH (m='8', ef_construction='32', bits='8')$$,
            'with its parameters');
INSERT INTO items SELECT i, ARRAY[i, i, i]::vector FROM generate_series(1, 100) i;
SET LOCAL enable_seqscan = off;
SELECT results_eq($$ SELECT id FROM items ORDER BY embedding <-> '[50,50,50.1]' LIMIT 3 $$, ARRAY[50, 51, 49], 'the nearest by distance');
SELECT results_eq($$ SELECT id FROM items ORDER BY embedding <#> '[1,1,1]' LIMIT 3 $$, ARRAY[100, 99, 98], 'the largest by inner product');

SELECT * FROM finish();
ROLLBACK;
