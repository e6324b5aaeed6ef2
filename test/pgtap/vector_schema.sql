-- The extension in a schema of its own, and moved: nothing depends on search_path.
\set QUIET 1
SET client_min_messages = warning;
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
DROP EXTENSION IF EXISTS omendb CASCADE;
CREATE SCHEMA one;
CREATE SCHEMA two;
SELECT plan(8);

SELECT lives_ok($$ CREATE EXTENSION omendb SCHEMA one $$, 'installs into a schema');
CREATE TABLE moved (v one.vector(2));
INSERT INTO moved VALUES ('[1,2]'), ('[3,4]'), (ARRAY[5,6]);
CREATE INDEX ON moved (v);
SELECT is((SELECT min(v OPERATOR(one.<->) '[0,0]'::one.vector) FROM moved), sqrt(5::float8), 'works outside of search_path');
SELECT lives_ok($$ ALTER EXTENSION omendb SET SCHEMA two $$, 'is relocatable');
SELECT is((SELECT two.sum(v) FROM moved)::text, '[9,12]', 'works after the move');
SELECT is((SELECT count(*) FROM moved WHERE v OPERATOR(two.<<->>) two.sphere('[0,0]', 5.1)), 2::bigint, 'a sphere after the move');
SELECT col_type_is('moved', 'v', 'two.vector(2)', 'the column followed');
SELECT throws_ok($$ DROP EXTENSION omendb $$, '2BP01', NULL, 'a table in use keeps it from being dropped');
DROP TABLE moved;
SELECT lives_ok($$ DROP EXTENSION omendb $$, 'drops cleanly');

SELECT * FROM finish();
ROLLBACK;
