-- What CREATE EXTENSION leaves in the catalogs: the type, its functions, operators,
-- casts, aggregates and btree operator class, each as documented in docs/vector.md.
\set QUIET 1
SET client_min_messages = warning;
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS omendb;
SELECT plan(179);

-- the type
SELECT has_extension('omendb');
SELECT has_type('vector');
SELECT is(typstorage, 'e', 'vector is stored uncompressed, out of line') FROM pg_type WHERE oid = 'vector'::regtype;
SELECT is(typlen, -1::int2, 'vector has variable length') FROM pg_type WHERE oid = 'vector'::regtype;
SELECT is(typalign, 'i', 'vector is aligned to 4 bytes') FROM pg_type WHERE oid = 'vector'::regtype;
SELECT is(typcategory, 'U', 'vector is of the category of user types') FROM pg_type WHERE oid = 'vector'::regtype;
SELECT has_type('_vector');
SELECT is(format_type('vector'::regtype, 768), 'vector(768)', 'the type modifier is shown as the number of dimensions');

-- every function: arguments, result, and that it is immutable, strict, parallel safe, plain SQL-callable C
CREATE TEMPORARY TABLE expected_function (name name, args name[], result text);
INSERT INTO expected_function VALUES
    ('vector_in', '{cstring,oid,integer}', 'vector'),
    ('vector_out', '{vector}', 'cstring'),
    ('vector_typmod_in', '{cstring[]}', 'integer'),
    ('vector_recv', '{internal,oid,integer}', 'vector'),
    ('vector_send', '{vector}', 'bytea'),
    ('l2_distance', '{vector,vector}', 'double precision'),
    ('inner_product', '{vector,vector}', 'double precision'),
    ('cosine_distance', '{vector,vector}', 'double precision'),
    ('l1_distance', '{vector,vector}', 'double precision'),
    ('vector_dims', '{vector}', 'integer'),
    ('vector_norm', '{vector}', 'double precision'),
    ('l2_normalize', '{vector}', 'vector'),
    ('binary_quantize', '{vector}', 'bit'),
    ('subvector', '{vector,integer,integer}', 'vector'),
    ('vector_add', '{vector,vector}', 'vector'),
    ('vector_sub', '{vector,vector}', 'vector'),
    ('vector_mul', '{vector,vector}', 'vector'),
    ('vector_concat', '{vector,vector}', 'vector'),
    ('vector_lt', '{vector,vector}', 'boolean'),
    ('vector_le', '{vector,vector}', 'boolean'),
    ('vector_eq', '{vector,vector}', 'boolean'),
    ('vector_ne', '{vector,vector}', 'boolean'),
    ('vector_ge', '{vector,vector}', 'boolean'),
    ('vector_gt', '{vector,vector}', 'boolean'),
    ('vector_cmp', '{vector,vector}', 'integer'),
    ('vector_l2_squared_distance', '{vector,vector}', 'double precision'),
    ('vector_negative_inner_product', '{vector,vector}', 'double precision'),
    ('vector_spherical_distance', '{vector,vector}', 'double precision'),
    ('vector_accum', '{double precision[],vector}', 'double precision[]'),
    ('vector_combine', '{double precision[],double precision[]}', 'double precision[]'),
    ('vector_avg', '{double precision[]}', 'vector'),
    ('vector_sum', '{double precision[]}', 'vector'),
    ('vector', '{vector,integer,boolean}', 'vector'),
    ('array_to_vector', '{integer[],integer,boolean}', 'vector'),
    ('array_to_vector', '{real[],integer,boolean}', 'vector'),
    ('array_to_vector', '{double precision[],integer,boolean}', 'vector'),
    ('array_to_vector', '{numeric[],integer,boolean}', 'vector'),
    ('vector_to_float4', '{vector,integer,boolean}', 'real[]'),
    ('sphere', '{vector,double precision}', 'sphere_vector'),
    ('vector_within_l2', '{vector,sphere_vector}', 'boolean'),
    ('vector_within_ip', '{vector,sphere_vector}', 'boolean'),
    ('vector_within_cosine', '{vector,sphere_vector}', 'boolean'),
    ('vector_within_l1', '{vector,sphere_vector}', 'boolean'),
    ('bound_vector', '{vector,double precision,text,double precision,double precision}', 'bound_vector'),
    ('vector_within_l2', '{vector,bound_vector}', 'boolean'),
    ('vector_within_ip', '{vector,bound_vector}', 'boolean'),
    ('vector_within_cosine', '{vector,bound_vector}', 'boolean'),
    ('vector_within_l1', '{vector,bound_vector}', 'boolean');
SELECT has_function(name, args) FROM expected_function;
SELECT function_returns(name, args, result) FROM expected_function;
SELECT is(
    (SELECT array_agg(p.oid::regprocedure::text ORDER BY 1) FROM expected_function e
        JOIN pg_proc p ON p.oid = (e.name || '(' || array_to_string(e.args, ',') || ')')::regprocedure
        WHERE p.provolatile <> 'i' OR NOT p.proisstrict OR p.proparallel <> 's' OR p.prosecdef
            OR p.prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c') OR p.proretset),
    NULL, 'every function is in C, immutable, strict, parallel safe and not security definer');
SELECT is(
    (SELECT array_agg(p.oid::regprocedure::text ORDER BY 1)
        FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
        WHERE d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'omendb')
            AND p.prokind = 'f' AND p.prolang = (SELECT oid FROM pg_language WHERE lanname = 'c') AND p.prosrc !~ '^om_'),
    NULL, 'every C symbol has the prefix of the library');

-- aggregates
SELECT is_aggregate(name, '{vector}'::name[]) FROM unnest('{avg,sum}'::name[]) name;
SELECT function_returns(name, '{vector}'::name[], 'vector') FROM unnest('{avg,sum}'::name[]) name;
SELECT is(
    (SELECT array_agg(ROW(proname, aggfinalfn, aggcombinefn, aggtranstype::regtype, agginitval, proparallel)::text ORDER BY proname)
        FROM pg_aggregate JOIN pg_proc p ON p.oid = aggfnoid WHERE proargtypes[0] = 'vector'::regtype
        AND EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')),
    ARRAY['(avg,vector_avg,vector_combine,"double precision[]",{0},s)',
        '(sum,vector_sum,vector_combine,"double precision[]",{0},s)'],
    'both aggregates combine in parallel');

-- operators: result, commutator, negator, selectivity
CREATE TEMPORARY TABLE expected_operator (name name, result name, proc name, commutator name, negator name, rest name, joined name);
INSERT INTO expected_operator VALUES
    ('<->', 'double precision', 'l2_distance', '<->', NULL, '-', '-'),
    ('<#>', 'double precision', 'vector_negative_inner_product', '<#>', NULL, '-', '-'),
    ('<=>', 'double precision', 'cosine_distance', '<=>', NULL, '-', '-'),
    ('<+>', 'double precision', 'l1_distance', '<+>', NULL, '-', '-'),
    ('+', 'vector', 'vector_add', '+', NULL, '-', '-'),
    ('-', 'vector', 'vector_sub', NULL, NULL, '-', '-'),
    ('*', 'vector', 'vector_mul', '*', NULL, '-', '-'),
    ('||', 'vector', 'vector_concat', NULL, NULL, '-', '-'),
    ('<', 'boolean', 'vector_lt', '>', '>=', 'scalarltsel', 'scalarltjoinsel'),
    ('<=', 'boolean', 'vector_le', '>=', '>', 'scalarlesel', 'scalarlejoinsel'),
    ('=', 'boolean', 'vector_eq', '=', '<>', 'eqsel', 'eqjoinsel'),
    ('<>', 'boolean', 'vector_ne', '<>', '=', 'neqsel', 'neqjoinsel'),
    ('>=', 'boolean', 'vector_ge', '<=', '<', 'scalargesel', 'scalargejoinsel'),
    ('>', 'boolean', 'vector_gt', '<', '<=', 'scalargtsel', 'scalargtjoinsel');
SELECT has_operator('vector', name, 'vector', result) FROM expected_operator;
SELECT is(
    ROW((SELECT proname FROM pg_proc WHERE oid = o.oprcode), c.oprname, n.oprname, o.oprrest::text::name, o.oprjoin::text::name)::text,
    ROW(e.proc, e.commutator, e.negator, e.rest, e.joined)::text,
    format('%s has its function, commutator, negator and selectivity', e.name))
FROM expected_operator e
    JOIN pg_operator o ON o.oprname = e.name AND o.oprleft = 'vector'::regtype AND o.oprright = 'vector'::regtype
    LEFT JOIN pg_operator c ON c.oid = o.oprcom AND c.oprleft = o.oprleft AND c.oprright = o.oprright
    LEFT JOIN pg_operator n ON n.oid = o.oprnegate;
SELECT ok(oprcanmerge, '= can merge') FROM pg_operator WHERE oid = '=(vector,vector)'::regoperator;

-- within a radius: the composite type, and operators
SELECT has_composite('sphere_vector'::name);
SELECT columns_are('sphere_vector'::name, '{center,radius}'::name[]);
SELECT col_type_is('sphere_vector', 'center', 'vector');
SELECT col_type_is('sphere_vector', 'radius', 'double precision');
SELECT ok(col_description('sphere_vector'::regclass, attnum) IS NOT NULL, attname || ' has a comment')
FROM pg_attribute WHERE attrelid = 'sphere_vector'::regclass AND attnum > 0 ORDER BY attnum;
SELECT is(proargnames, '{center,radius}'::text[], 'the arguments of sphere have names')
FROM pg_proc WHERE oid = 'sphere(vector,double precision)'::regprocedure;
CREATE TEMPORARY TABLE expected_within (name name, proc name);
INSERT INTO expected_within VALUES
    ('<<->>', 'vector_within_l2'), ('<<#>>', 'vector_within_ip'), ('<<=>>', 'vector_within_cosine'), ('<<+>>', 'vector_within_l1');
SELECT has_operator('vector', name, 'sphere_vector', 'boolean') FROM expected_within;
SELECT is(ROW((SELECT proname FROM pg_proc WHERE oid = o.oprcode), o.oprrest::text, o.oprjoin::text)::text, ROW(e.proc, 'vector_within_sel', 'matchingjoinsel')::text,
    format('%s has its function and selectivity', e.name))
FROM expected_within e
    JOIN pg_operator o ON o.oprname = e.name AND o.oprleft = 'vector'::regtype AND o.oprright = 'sphere_vector'::regtype;
SELECT function_returns('vector_within_sel', '{internal,oid,internal,integer}'::name[], 'double precision');

-- casts
SELECT has_cast(source, 'vector', 'array_to_vector'::name) FROM unnest('{integer[],real[],double precision[],numeric[]}'::name[]) source;
SELECT cast_context_is(source, 'vector', 'assignment') FROM unnest('{integer[],real[],double precision[],numeric[]}'::name[]) source;
SELECT has_cast('vector', 'vector', 'vector'::name);
SELECT cast_context_is('vector', 'vector', 'implicit');
SELECT has_cast('vector', 'real[]', 'vector_to_float4'::name);
SELECT cast_context_is('vector', 'real[]', 'implicit');
SELECT hasnt_cast('vector', target) FROM unnest('{integer[],double precision[],numeric[],text}'::name[]) target;

-- btree operator class
SELECT has_opclass('vector_ops');
SELECT ok(opcdefault AND amname = 'btree' AND opcintype = 'vector'::regtype, 'vector_ops is the default for btree')
FROM pg_opclass JOIN pg_am ON pg_am.oid = opcmethod WHERE opcname = 'vector_ops';
SELECT ok(amvalidate(oid), 'vector_ops is valid') FROM pg_opclass WHERE opcname = 'vector_ops';
SELECT is(
    (SELECT array_agg(amopstrategy || ' ' || oprname ORDER BY amopstrategy) FROM pg_amop
        JOIN pg_opfamily f ON f.oid = amopfamily JOIN pg_operator o ON o.oid = amopopr WHERE opfname = 'vector_ops'),
    ARRAY['1 <', '2 <=', '3 =', '4 >=', '5 >'], 'its five strategies');
SELECT is(
    (SELECT array_agg(amprocnum || ' ' || amproc::text) FROM pg_amproc JOIN pg_opfamily f ON f.oid = amprocfamily
        WHERE opfname = 'vector_ops'),
    ARRAY['1 vector_cmp'], 'its comparison function');

-- a comment on every object of the extension
SELECT is(
    (SELECT array_agg(pg_describe_object(classid, objid, 0) ORDER BY 1) FROM pg_depend d
        WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
            AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'omendb')
            AND NOT EXISTS (SELECT FROM pg_type t WHERE d.classid = 'pg_type'::regclass AND t.oid = d.objid AND t.typelem <> 0)
            AND coalesce(obj_description(objid, classid::regclass::text::name), '') = ''),
    NULL, 'every object has a comment');
SELECT isnt(obj_description(oid, 'pg_extension'), NULL, 'the extension has a comment') FROM pg_extension WHERE extname = 'omendb';

SELECT * FROM finish();
ROLLBACK;
