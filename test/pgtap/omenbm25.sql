-- Search of text in the catalogs: the access method, its operator classes, the type bm25query, operators and functions,
-- settings; and that an index does what its table asks for.
\set QUIET 1
SET client_min_messages = warning;
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS omendb;
SELECT plan(49);

-- the method
SELECT is(amtype, 'i', 'omenbm25 is an index access method') FROM pg_am WHERE amname = 'omenbm25';
SELECT is(amhandler::regproc::text, 'omenbm25_handler', 'and has its handler') FROM pg_am WHERE amname = 'omenbm25';
SELECT function_returns('omenbm25_handler', ARRAY['internal'], 'index_am_handler');
SELECT ok(obj_description(oid, 'pg_am') IS NOT NULL, 'the access method has a comment') FROM pg_am WHERE amname = 'omenbm25';
SELECT is(pg_indexam_has_property(oid, 'can_unique'), false, 'no unique indexes') FROM pg_am WHERE amname = 'omenbm25';
SELECT is(pg_indexam_has_property(oid, 'can_order'), false, 'no order of values') FROM pg_am WHERE amname = 'omenbm25';
SELECT is(pg_indexam_has_property(oid, 'can_multi_col'), true, 'further columns') FROM pg_am WHERE amname = 'omenbm25';
SELECT is(pg_indexam_has_property(oid, 'can_exclude'), true, 'the server knows of no reason against exclusion constraints')
FROM pg_am WHERE amname = 'omenbm25';

-- operator classes of what is searched, and of filter columns
SELECT is((SELECT opcdefault FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod WHERE amname = 'omenbm25' AND opcname = name), true,
          name || ' is the default of its type')
FROM unnest('{text_ops,tsvector_ops}'::name[]) name ORDER BY name;
SELECT is((SELECT array_agg(amopopr::regoperator::text ORDER BY amopstrategy) FROM pg_amop o JOIN pg_opfamily f ON f.oid = amopfamily
           JOIN pg_am a ON a.oid = opfmethod WHERE amname = 'omenbm25' AND opfname = name || '_ops' AND amopstrategy >= 13),
          ARRAY[format('<@>(%s,bm25query)', name), format('@@@(%s,bm25query)', name)], name || '_ops has order and match')
FROM unnest('{text,tsvector}'::text[]) name ORDER BY name;
SELECT is((SELECT array_agg(amoppurpose::text ORDER BY amopstrategy) FROM pg_amop o JOIN pg_opfamily f ON f.oid = amopfamily
           JOIN pg_am a ON a.oid = opfmethod WHERE amname = 'omenbm25' AND opfname = name || '_ops' AND amopstrategy >= 13),
          '{o,s}'::text[], name || '_ops has them FOR ORDER BY and FOR SEARCH')
FROM unnest('{text,tsvector}'::text[]) name ORDER BY name;
SELECT is_empty($$ SELECT opcname FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod WHERE amname = 'omenbm25' AND NOT amvalidate(c.oid) $$,
                'all operator classes are valid');
SELECT is_empty($$ SELECT opcname FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod WHERE amname = 'omenbm25'
                   AND (obj_description(c.oid, 'pg_opclass') IS NULL OR obj_description(opcfamily, 'pg_opfamily') IS NULL) $$,
                'and have comments');
SELECT set_eq($$ SELECT opcintype::regtype::text FROM pg_opclass JOIN pg_am a ON a.oid = opcmethod WHERE amname = 'omenbm25' AND opcintype <> 'tsvector'::regtype $$,
              $$ SELECT opcintype::regtype::text FROM pg_opclass JOIN pg_am a ON a.oid = opcmethod WHERE amname = 'omenhnsw'
                 AND opcintype NOT IN ('vector'::regtype, 'halfvec'::regtype, 'sparsevec'::regtype, 'bit'::regtype, 'vector[]'::regtype, 'halfvec[]'::regtype) $$,
              'filter columns of the same types as omenhnsw has');

-- the type
SELECT has_type('bm25query');
SELECT is(format('%s%s%s', typstorage, typalign, typlen), 'xi-1', 'bm25query: storage, alignment, length') FROM pg_type WHERE typname = 'bm25query';
SELECT has_cast('text', 'bm25query', 'text_to_bm25query');
SELECT is('solar storms'::bm25query::text::bm25query::text, 'solar storms'::bm25query::text, 'its text is read back');
SELECT is('[bm25 config=simple mode=all] a'::bm25query::text, bm25query('a', 'simple', mode => 'all')::text, 'with configuration and mode');
SELECT is('[bm25 mode=all] a'::text::bm25query::text, '[bm25] [bm25 mode=all] a', 'a cast of a text searches for the text');
SELECT throws_ok($$ SELECT bm25query('a', mode => 'some') $$, '22023', NULL, 'no other modes');

-- operators
SELECT has_operator('text', op, 'bm25query', format('text %s bm25query', op)) FROM unnest('{<@>,@@@}'::name[]) op;
SELECT has_operator('tsvector', op, 'bm25query', format('tsvector %s bm25query', op)) FROM unnest('{<@>,@@@}'::name[]) op;
SELECT has_operator('text', op, 'text', format('text %s text', op)) FROM unnest('{<@>,@@@}'::name[]) op;
SELECT has_operator('tsvector', op, 'text', format('tsvector %s text', op)) FROM unnest('{<@>,@@@}'::name[]) op;
SELECT is_empty($$ SELECT oprcode FROM pg_operator JOIN pg_proc p ON p.oid = oprcode WHERE oprname IN ('<@>', '@@@') AND oprcode::text LIKE 'bm25%'
                   AND (provolatile <> 's' OR NOT proisstrict OR proparallel <> 's' OR prosupport::text <> 'bm25_support') $$,
                'their functions are stable, strict, parallel safe, and bound by the planner');

-- settings
SELECT results_eq($$ SELECT name, vartype, boot_val, unit, context FROM pg_settings WHERE name LIKE 'omenbm25.%' $$,
                  $$ VALUES ('omenbm25.tail_limit'::text, 'integer'::text, '2048'::text, 'kB'::text, 'user'::text) $$, 'one setting');
SELECT throws_ok($$ SET omenbm25.no_such_setting = 1 $$, '42602', NULL, 'the prefix is reserved');

-- an index of a table
CREATE TABLE docs (id integer PRIMARY KEY, body text, words tsvector, tenant integer);
SELECT lives_ok($$ CREATE INDEX docs_body ON docs USING omenbm25 (body, tenant) WITH (text_config = 'english', k1 = 1.5, b = 0.5) $$,
                'an index with storage parameters and a filter column');
SELECT lives_ok($$ CREATE INDEX docs_words ON docs USING omenbm25 (words) WITH (text_config = 'simple', weights = '1, 2, 3, 4') $$, 'an index of a tsvector');
SELECT has_index('docs', 'docs_body', ARRAY['body', 'tenant'], 'the index is there');
SELECT index_is_type('docs', 'docs_body', 'omenbm25');
SELECT alike(pg_get_indexdef('docs_body'::regclass), $$%(body, tenant) WITH (text_config=english, k1='1.5', b='0.5')$$, 'its definition has its parameters');
SELECT throws_ok($$ CREATE INDEX ON docs USING omenbm25 (tenant) $$, '0A000', NULL, 'a number is not searched');
SELECT throws_ok($$ CREATE UNIQUE INDEX ON docs USING omenbm25 (body) $$, '0A000', NULL, 'no unique index');
SELECT throws_ok($$ CREATE INDEX ON docs USING omenbm25 (body) WITH (k1 = -1) $$, '22023', NULL, 'k1 is not negative');
INSERT INTO docs SELECT i, 'Storm ' || repeat('wind ', i), ('storm:1A wind:' || i + 1)::tsvector, i % 3 FROM generate_series(1, 60) i;
SET LOCAL enable_seqscan = off;
SELECT results_eq($$ SELECT id FROM docs WHERE body @@@ 'storms' ORDER BY body <@> 'storms' LIMIT 3 $$, ARRAY[1, 2, 3], 'the shortest is best');
SELECT results_eq($$ SELECT id FROM docs WHERE body @@@ 'storms' AND tenant = 0 ORDER BY body <@> 'storms' LIMIT 3 $$, ARRAY[3, 6, 9], 'of one tenant');
SELECT is((SELECT count(*)::integer FROM docs WHERE words @@@ 'storm -wind'), 0, 'an excluded word');
SELECT is((SELECT documents || ' ' || k1 || ' ' || b FROM omendb_text_info('docs_body')), '60 1.5 0.5', 'what the index holds');
SELECT is((SELECT heap_rows FROM omendb_index_check('docs_words', true)), 60::bigint, 'the index is sound');
SELECT is(rrf(1, NULL), 1 / 61::float8, 'reciprocal ranks: a rank that is not there adds nothing');

SELECT * FROM finish();
ROLLBACK;
