# What somebody without privileges may do and learn, and what traps of his do to those who have them: objects in the
# way of the install scripts, a hostile search_path, functions in index expressions, row security.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('privileges');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE eve LOGIN; CREATE ROLE bob LOGIN');

sub eve
{
	my ($sql, %opt) = @_;
	my ($code, $out, $err) = $node->psql($opt{database} // 'trap', $sql, extra_params => [ '-U', $opt{role} // 'eve', '-v', 'VERBOSITY=verbose' ]);
	return wantarray ? ($out, $err) : $out;
}

sub fails
{
	my ($sql, $pattern, $name, %opt) = @_;
	my ($out, $err) = eve($sql, %opt);
	like($err, $pattern, $name);
	return;
}

# ---- traps in the schema into which a superuser installs

# whatever the scripts call, by a name and arguments that they use or nearly use; each notes who has called it
my $traps = <<'SQL';
SET search_path = pg_catalog;
CREATE SCHEMA IF NOT EXISTS lair;
CREATE TABLE IF NOT EXISTS lair.caught (who name, what text);
GRANT INSERT ON lair.caught TO PUBLIC;
GRANT USAGE ON SCHEMA lair TO PUBLIC;
CREATE OR REPLACE FUNCTION lair.note(what text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
	IF current_user <> 'eve' THEN
		INSERT INTO lair.caught VALUES (current_user, what);
	END IF;
END $$;
DO $do$
DECLARE
	f text;
BEGIN
	FOREACH f IN ARRAY ARRAY['format(text, VARIADIC text[])', 'format(text, name)', 'format(text, text)', 'format(VARIADIC anyarray)', 'l2_distance(anyelement, anyelement)', 'vector_norm(anyelement)',
		'vector_in(text)', 'omenhnsw_handler(text)', 'array_to_vector(anyarray)', 'float8(anyelement)', 'btrim(name)', 'current_setting(name)', 'current_setting(text)', 'pg_size_pretty(bigint)',
		'set_config(text, text, boolean)', 'format(text, name, text)', 'starts_with(text, text)'] LOOP
		EXECUTE format('CREATE FUNCTION %I.%s RETURNS text LANGUAGE plpgsql AS %L', :'schema', f,
			format('BEGIN PERFORM lair.note(%L); RETURN NULL; END', f));
	END LOOP;
	FOREACH f IN ARRAY ARRAY['name, text', 'name, name', 'oid, oid', 'text, text', 'anyelement, anyelement', 'float8, float8', 'int4, int4', 'anyarray, anyarray', '"char", text', 'name, varchar'] LOOP
		EXECUTE format('CREATE FUNCTION %I.trap(%s) RETURNS boolean LANGUAGE plpgsql AS %L', :'schema', f,
			format('BEGIN PERFORM lair.note(%L); RETURN false; END', 'operator of ' || f));
		DECLARE
			o text;
		BEGIN
			FOREACH o IN ARRAY ARRAY['=', '<>', '<', '<->', '<=>', '<#>', '<+>', '||', '&&', '@>'] LOOP
				EXECUTE format('CREATE OPERATOR %I.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = %I.trap)', :'schema', o, split_part(f, ', ', 1), split_part(f, ', ', 2), :'schema');
			END LOOP;
		END;
	END LOOP;
END $do$;
SQL

# trap(database, schema) -- eve owns a schema and fills it
sub trap
{
	my ($database, $schema) = @_;
	my $sql = $traps;
	$sql =~ s/:'schema'/'$schema'/g;
	$node->safe_psql($database, "CREATE SCHEMA IF NOT EXISTS $schema; GRANT ALL ON SCHEMA $schema TO eve; GRANT CREATE ON DATABASE $database TO eve");
	$node->safe_psql($database, $sql, extra_params => [ '-U', 'eve' ]);
	return;
}

# outside(database) -- dependencies of the extensions' objects on anything that is neither theirs nor the server's
my $outside = <<'SQL';
WITH members AS (SELECT classid, objid FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
		WHERE d.deptype = 'e' AND e.extname IN ('omendb', 'omendb_hnsw'))
SELECT pg_describe_object(d.classid, d.objid, 0) || ' -> ' || pg_describe_object(d.refclassid, d.refobjid, 0) FROM members m JOIN pg_depend d USING (classid, objid)
WHERE d.refclassid NOT IN ('pg_extension'::regclass, 'pg_namespace'::regclass) AND d.deptype NOT IN ('i', 'P', 'S') AND (d.refclassid, d.refobjid) NOT IN (SELECT * FROM members)
	AND NOT EXISTS (SELECT FROM pg_depend i JOIN members x ON x.classid = i.refclassid AND x.objid = i.refobjid WHERE i.classid = d.refclassid AND i.objid = d.refobjid AND i.deptype IN ('i', 'a'))
	AND d.refobjid >= 16384;
SQL

$node->safe_psql('postgres', 'CREATE DATABASE trap');
trap('trap', 'public');
my ($code, $out, $err) = $node->psql('trap', "SET search_path = public, pg_catalog; CREATE EXTENSION omendb SCHEMA public; CREATE EXTENSION omendb_hnsw SCHEMA public");
is($err, '', 'the extensions are created among traps');
is($node->safe_psql('trap', $outside), '', 'no object of theirs refers to one that is not theirs or the server\'s');
is($node->safe_psql('trap', 'SELECT DISTINCT who, what FROM lair.caught'), '', 'no trap was called');

# names that are taken: an error, and nothing of the extension is left
for my $case (
	[ 'a type', 'CREATE TYPE public.vector AS (x int)', qr/type "vector" already exists/ ],
	[ 'a table', 'CREATE TABLE public.vector (x int)', qr/type "vector" already exists/ ],
	[ 'a domain', 'CREATE DOMAIN public.halfvec AS text', qr/type "halfvec" already exists/ ],
	[ 'a function', 'CREATE FUNCTION public.hamming_distance(bit, bit) RETURNS float8 LANGUAGE sql AS $$ SELECT 0.0::float8 $$', qr/function "hamming_distance" already exists/ ],
	[ 'an operator', "CREATE FUNCTION public.f(bit, bit) RETURNS float8 LANGUAGE sql AS \$\$ SELECT 0.0::float8 \$\$; CREATE OPERATOR public.<~> (LEFTARG = bit, RIGHTARG = bit, FUNCTION = public.f)",
		qr/operator <~> already exists|operator .* is not a member/ ])
{
	my ($name, $sql, $pattern) = @$case;
	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS taken');
	$node->safe_psql('postgres', 'CREATE DATABASE taken');
	$node->safe_psql('taken', 'GRANT CREATE ON SCHEMA public TO eve');
	$node->safe_psql('taken', $sql, extra_params => [ '-U', 'eve' ]);
	($code, $out, $err) = $node->psql('taken', 'CREATE EXTENSION omendb SCHEMA public');
	like($err, $pattern, "$name of somebody else in the way: an error");
	is($node->safe_psql('taken', "SELECT count(*) FROM pg_am WHERE amname = 'omenhnsw'"), '0', "$name: nothing of the extension is left");
	$node->safe_psql('taken', 'CREATE SCHEMA own; CREATE EXTENSION omendb SCHEMA own') if $name eq 'a table';
	is($node->safe_psql('taken', "SELECT count(*) FROM pg_am WHERE amname = 'omenhnsw'"), '1', 'another schema takes it') if $name eq 'a table';
}

# ---- a hostile search_path at run time

trap('trap', 'evil');
$node->safe_psql('trap', <<'SQL');
SET search_path = pg_catalog, public;
CREATE TABLE public.item (id int, owner name, v vector(3) NOT NULL);
INSERT INTO public.item SELECT i, CASE WHEN i % 2 = 0 THEN 'eve' ELSE 'bob' END, ARRAY[i, i % 7, 1]::vector FROM pg_catalog.generate_series(1, 3000) i;
SET search_path = evil, public, pg_catalog;
CREATE INDEX item_v ON public.item USING omenhnsw (v vector_l2_ops, id);
CREATE INDEX item_hnsw ON public.item USING hnsw (v vector_cosine_ops);
SQL
($code, $out, $err) = $node->psql('trap', <<'SQL');
SET search_path = evil, public, pg_catalog;
SELECT public.omendb_adopt_pgvector('plpgsql');
SELECT nodes FROM public.omendb_index_check('public.item_v', true);
SELECT rows FROM public.omendb_index_info('public.item_v');
SELECT amvalidate(oid) FROM pg_catalog.pg_opclass WHERE opcname OPERATOR(pg_catalog.=) 'vector_l2_ops'::pg_catalog.name;
SET enable_seqscan = off;
SELECT id FROM public.item ORDER BY v OPERATOR(public.<->) '[1,2,3]' LIMIT 1;
SELECT id FROM public.item WHERE v OPERATOR(public.<->) '[1,2,3]' OPERATOR(pg_catalog.<) 1.5::float8 ORDER BY v OPERATOR(public.<->) '[1,2,3]' LIMIT 1;
SELECT id FROM public.item WHERE v OPERATOR(public.<<->>) public.sphere('[1,2,3]', 3) LIMIT 1;
SELECT id FROM public.item ORDER BY 1.0::float8 OPERATOR(pg_catalog.-) (v OPERATOR(public.<=>) '[1,2,3]') DESC LIMIT 1;
ALTER INDEX public.item_v SET (ef_construction = 100);
DELETE FROM public.item WHERE id OPERATOR(pg_catalog.=) 5;
VACUUM public.item;
REINDEX INDEX public.item_v;
CREATE TABLE public.plain (id int, v vector(3));
INSERT INTO public.plain SELECT i, public.array_to_vector(ARRAY[i, i OPERATOR(pg_catalog.%) 7, 1], 3, false) FROM pg_catalog.generate_series(1, 20000) i;
ANALYZE public.plain;
SELECT advice, reason, sql FROM public.omendb_advise('public.plain');
SELECT * FROM public.omendb_advise('public.item_v');
SELECT sampled FROM public.omendb_estimate('public.plain', 'v vector_l2_ops', 'm = 8', 2000);
SQL
unlike($err, qr/ERROR/, 'functions and searches work under a hostile search_path');
is($node->safe_psql('trap', 'SELECT DISTINCT who, what FROM lair.caught'), '', 'no trap was called by them');
like($out, qr/create an index\|.*By a timed build on \d+ rows.*\|CREATE INDEX CONCURRENTLY ON plain /, 'advice comes with a timed build');
is($node->safe_psql('trap', "SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
		JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname LIKE 'omendb%'
	WHERE d.deptype = 'e' AND (p.prosecdef OR (l.lanname NOT IN ('c', 'internal') AND p.prosqlbody IS NULL AND NOT coalesce(p.proconfig::text ~ 'search_path=pg_catalog, pg_temp', false)))"), '',
	'functions that are not in C have a search_path of their own, or a body that was read when they were created; none is SECURITY DEFINER');

# ---- what a role without privileges may call

is($node->safe_psql('trap', "SELECT string_agg(p.oid::regprocedure::text, ' ' ORDER BY p.oid::regprocedure::text) FROM (SELECT p.oid FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
		JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname LIKE 'omendb%' WHERE d.deptype = 'e' AND NOT has_function_privilege('eve', p.oid, 'EXECUTE')) p"),
	'omendb_adopt_pgvector(name) omendb_index_check(regclass,boolean) omendb_stat_reset(regclass)', 'functions that not everybody may call');
fails("SELECT omendb_index_check('item_v')", qr/42501: permission denied for function omendb_index_check/, 'the checker is not for everybody');
fails("SELECT omendb_adopt_pgvector()", qr/42501: permission denied for function omendb_adopt_pgvector/, 'nor is adoption');
fails("SELECT omendb_index_info('item_v')", qr/42501: permission denied for table item/, 'figures of an index want SELECT on its table');
fails("SELECT id FROM item ORDER BY v <-> '[1,2,3]' LIMIT 1", qr/42501: permission denied for table item/, 'and so does a search');
fails("CREATE OPERATOR CLASS mine FOR TYPE vector USING omenhnsw AS OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops, FUNCTION 1 omenhnsw_vector_l2_support(internal)",
	qr/42501: must be superuser to create an operator class/, 'operator classes are for superusers');
fails("LOAD 'omendb'", qr/42501: access to library "omendb" is not allowed/, 'LOAD is for superusers');
$node->safe_psql('trap', 'GRANT SELECT (id) ON item TO eve');
fails("SELECT omendb_index_info('item_v')", qr/42501: permission denied for table item/, 'SELECT on a column is not enough');
$node->safe_psql('trap', 'SET search_path = public, pg_catalog; CREATE TABLE letter (body text); CREATE INDEX letter_body ON letter USING omenbm25 (body)');
for my $call (map({ "omendb_$_('item_v')" } qw(recall calibration prewarm)), "omendb_calibrate('item_v')", "omendb_build_memory('item_v', 1000)", "omendb_text_info('letter_body')")
{
	fails("SELECT $call", qr/42501: permission denied for table (item|letter)/, "$call: not without SELECT on the whole table");
}

# a text search configuration in a schema of its own: writers and readers of the table need no right to it
$node->safe_psql('trap', <<'SQL');
SET search_path = public, pg_catalog;
CREATE SCHEMA words;
CREATE TEXT SEARCH CONFIGURATION words.own (COPY = pg_catalog.simple);
CREATE TABLE note (body text);
CREATE INDEX note_body ON note USING omenbm25 (body) WITH (text_config = 'words.own');
GRANT SELECT, INSERT ON note TO eve;
SQL
is(scalar eve("SET enable_seqscan = off; INSERT INTO note VALUES ('solar wind'); SELECT body FROM note WHERE body @@@ 'wind' ORDER BY body <@> 'wind'"),
	'solar wind', 'a text search configuration needs no USAGE of its schema');
fails("CREATE TABLE own (body text); CREATE INDEX ON own USING omenbm25 (body) WITH (text_config = 'words.own')", qr/42501: permission denied for schema words/, 'but whoever names it does');

# a lock that eve must not wait for, or take
my $holder = $node->background_psql('trap');
$holder->query_safe('BEGIN; LOCK TABLE item IN ACCESS EXCLUSIVE MODE; LOCK TABLE ONLY pg_class IN ACCESS SHARE MODE');
fails("SET lock_timeout = '2s'; SELECT omendb_index_info('item_v')", qr/42501: permission denied for table item/, 'a privilege that is missing is told before a lock is waited for');
$holder->query_safe('COMMIT');

# ---- row security: figures count all rows, searches show one's own

$node->safe_psql('trap', 'GRANT SELECT ON item TO eve; ALTER TABLE item ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON item TO eve USING (owner = current_user)');
is(scalar eve("SELECT rows, dimensions FROM omendb_index_info('item_v')"), '2999|3', 'omendb_index_info() counts rows that a policy hides');
for my $query (
	"SELECT id, owner FROM item ORDER BY v <-> '[1,2,3]' LIMIT 20", "SELECT id, owner FROM item WHERE v <-> '[1,2,3]' < 30 ORDER BY v <-> '[1,2,3]'",
	"SELECT id, owner FROM item WHERE v <<->> sphere('[1,2,3]', 30)", "SELECT id, owner FROM item WHERE id < 50 ORDER BY v <-> '[1,2,3]' LIMIT 30",
	"SELECT id, owner FROM item ORDER BY 1 - (v <=> '[1,2,3]') DESC LIMIT 20", "SELECT id, owner FROM item ORDER BY 1 - (v <=> '[1,2,3]') DESC NULLS LAST LIMIT 20")
{
	my $plan = eve("SET enable_seqscan = off; SET enable_bitmapscan = off; EXPLAIN $query");
	my $rows = eve("SET enable_seqscan = off; SET enable_bitmapscan = off; $query");
	# the operator is not leakproof, so that the planner has the policy first
	ok(($plan =~ /Index Scan using item_/ || $query =~ /<<->>/) && $rows ne '' && $rows !~ /bob/, "row security: $query") or diag("$plan\n$rows");
}
# a function that tells its arguments, and one that fails on them, must not see what the policy hides
eve("CREATE FUNCTION leak(v vector) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS \$\$ BEGIN RAISE NOTICE 'seen %', v; RETURN true; END \$\$");
($out, $err) = eve("SET enable_seqscan = off; SELECT id FROM item WHERE leak(v) AND v <-> '[1,2,3]' < 4 ORDER BY v <-> '[1,2,3]' LIMIT 20");
my @seen = $err =~ /seen \[(\d+),/g;
ok(@seen > 0 && !(grep { $_ % 2 } @seen), 'a leaky function sees the rows of its caller only') or diag($err);
fails("SELECT id FROM item WHERE v <-> '[1,2]' < 1", qr/22000: different vector dimensions/, 'an error about the query tells no row');

# ---- other sessions' temporary tables

my $other = $node->background_psql('trap');
$other->query_safe("CREATE TEMP TABLE secret (v vector(3)); INSERT INTO secret VALUES ('[1,2,3]'); CREATE INDEX secret_v ON secret USING omenhnsw (v)");
my $temp = $node->safe_psql('trap', "SELECT oid FROM pg_class WHERE relname = 'secret_v'");
fails("SELECT omendb_index_info($temp)", qr/42501: permission denied for table secret/, 'figures of another session\'s temporary index: not without privilege');
for my $call ("omendb_index_info($temp)", "omendb_index_check($temp)", "omendb_index_check($temp, true)")
{
	fails("SELECT $call", qr/0A000: cannot access temporary indexes of other sessions/, "$call of another session's temporary index, by a superuser", role => $node->safe_psql('trap', 'SELECT current_user'));
}
$other->quit;
$holder->quit;

# ---- eve's functions in an index that a superuser checks, rebuilds and vacuums

eve("CREATE SCHEMA eve; CREATE TABLE eve.t (id int, v vector(3));
	CREATE FUNCTION eve.spy(v vector) RETURNS vector(3) LANGUAGE plpgsql IMMUTABLE AS \$\$ BEGIN PERFORM lair.note('expression'); RETURN v; END \$\$;
	INSERT INTO eve.t SELECT i, ARRAY[i, 1, 2]::vector FROM generate_series(1, 300) i;
	CREATE INDEX t_v ON eve.t USING omenhnsw (((eve.spy(v))::vector(3))) WHERE eve.spy(v) IS NOT NULL");
$node->safe_psql('trap', "SELECT omendb_index_check('eve.t_v', true); SELECT omendb_recall('eve.t_v'); SELECT omendb_recall('eve.t_v', query => \$\$SELECT '[1,2,3]'::vector\$\$); SELECT omendb_calibrate('eve.t_v'); REINDEX TABLE eve.t; VACUUM eve.t; ANALYZE eve.t; CREATE INDEX t_more ON eve.t USING omenhnsw (((eve.spy(v))::vector(3)))");
is($node->safe_psql('trap', 'SELECT DISTINCT who, what FROM lair.caught'), '', 'expressions of an index are evaluated as the owner of its table');
eve("CREATE FUNCTION eve.drop_in() RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN CREATE TEMP TABLE x(); END \$\$");
eve("CREATE OR REPLACE FUNCTION eve.spy(v vector) RETURNS vector(3) LANGUAGE plpgsql IMMUTABLE AS \$\$ BEGIN PERFORM eve.drop_in(); RETURN v; END \$\$");
($code, $out, $err) = $node->psql('trap', "SELECT omendb_index_check('eve.t_v', true)");
like($err, qr/cannot create temporary table within security-restricted operation/, 'and in a security-restricted operation');
($code, $out, $err) = $node->psql('trap', "SELECT omendb_recall('eve.t_v')");
like($err, qr/cannot create temporary table within security-restricted operation/, 'those that omendb_recall() evaluates, too');
is($node->safe_psql('trap', 'SELECT current_user = session_user'), 't', 'the session is as before');

# the traps do work
$node->safe_psql('trap', "SET search_path = public; SELECT format('%s', 'x'::text)");
is($node->safe_psql('trap', 'SELECT DISTINCT what FROM lair.caught'), 'format(text, text)', 'a call that is not qualified is caught');

$node->stop;
done_testing();
