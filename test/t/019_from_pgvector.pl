# From pgvector: the commands of docs/migration.md move a database, and leave its rows and
# texts alone that look like what they change; where settings are known.
#
# pgvector is not needed: an extension called vector, made from omendb's script, has its
# types, operators and access methods by their names, and so dumps the same text.  The
# same extension is what programs get that run CREATE EXTENSION vector.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $share = qx{pg_config --sharedir};
chomp $share;
my $extensions = "$share/extension";
plan skip_all => "the folder $extensions cannot be written to: this is not a private PostgreSQL" unless -w $extensions;

# pgvector's names for omendb, as `make install-as-vector` gives them to one that is installed: other
# tests run at the same time, and the library may not be away for a moment
my @make = ('make', '-s', '-C', $ENV{TESTDIR}, 'vector-names', 'with_llvm=no', 'PG_CONFIG=pg_config');
plan skip_all => 'pgvector is installed here' if -e "$extensions/vector.control";
command_ok(\@make, 'make vector-names');

# the first block of commands, as it stands there
my ($commands) = slurp_file("$FindBin::RealBin/../../docs/migration.md") =~ /^```sh\n(.*?)^```/ms;
like($commands, qr/pg_dump.*pg_restore.*createdb/s, 'docs/migration.md has the commands');

my $node = new_server('from_pgvector');

# texts that the commands must leave alone, each as a line of its own in the dump, or a part of one
my @texts = (
	'an EXTENSION of the vector idea', 'USING hnsw is fun', ' USING hnsw (v)', 'COPY t (id) FROM stdin;', '\.', "tab\tand \\N",
	"several\nCREATE INDEX i ON t USING hnsw (v);\nlines\n\\.\n",
	"CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;",
	"COMMENT ON EXTENSION vector IS 'vector data type';",
	"CREATE INDEX i ON t USING ivfflat (v) WITH (lists='100');\nCOMMENT ON EXTENSION vector IS 'x';");
my $rows = join(', ', map { "(\$text\$$_\$text\$)" } @texts);

my $sums = q{SELECT string_agg(md5(x::text), ' ' ORDER BY x::text) FROM (SELECT id, text, v::text FROM "a table" UNION ALL
	SELECT id, text, v::text FROM part UNION ALL SELECT id, text, v::text FROM mat UNION ALL SELECT 0, described, '' FROM descriptions) x};
for my $schema ('public', 'extensions')
{
	my $folder = PostgreSQL::Test::Utils::tempdir();
	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS old');
	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS new');
	$node->safe_psql('postgres', 'CREATE DATABASE old');
	$node->safe_psql('postgres', "ALTER DATABASE old SET search_path = public, extensions");
	$node->safe_psql('old', <<SQL);
CREATE SCHEMA IF NOT EXISTS $schema;
CREATE EXTENSION vector SCHEMA $schema;
CREATE TABLE "a table" (id int PRIMARY KEY, text text DEFAULT ' USING hnsw (', v vector(4));
INSERT INTO "a table" SELECT row_number() OVER (), t, ARRAY[1, length(t), 2, ascii(t)]::vector FROM (VALUES $rows) x (t);
INSERT INTO "a table" SELECT i, 'row ' || i, ARRAY[i, i % 7, i % 11, 1]::vector FROM generate_series(100, 400) i;
INSERT INTO "a table" VALUES (0, NULL, NULL);
CREATE INDEX plain ON "a table" USING hnsw (v) WITH (m = 8, ef_construction = 32);
CREATE INDEX partly ON "a table" USING hnsw (v vector_cosine_ops) WHERE text <> 'USING hnsw is fun';
CREATE INDEX lists ON "a table" USING ivfflat (v) WITH (lists = 100);
CREATE TABLE part (id int, text text, v vector(4)) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (200);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (200) TO (1000);
INSERT INTO part SELECT * FROM "a table";
CREATE INDEX parted ON part USING hnsw (v);
CREATE MATERIALIZED VIEW mat AS SELECT * FROM "a table" WHERE text LIKE '%USING hnsw%';
CREATE INDEX on_mat ON mat USING hnsw (v vector_ip_ops);
CREATE FUNCTION f() RETURNS text LANGUAGE sql AS \$f\$ SELECT 'an EXTENSION of the vector idea, USING hnsw (v)' \$f\$;
COMMENT ON TABLE "a table" IS \$c\$an EXTENSION of
 USING hnsw (v)\$c\$;
COMMENT ON INDEX plain IS ' USING hnsw (v)';
CREATE VIEW descriptions AS SELECT concat(f(), obj_description('"a table"'::regclass), obj_description('plain'::regclass)) AS described;
SQL
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	command_ok([ 'sh', '-e', '-c', "cd '$folder'\n$commands" ], "$schema: the commands");

	$node->safe_psql('postgres', "ALTER DATABASE new SET search_path = public, extensions");
	is($node->safe_psql('new', $sums), $node->safe_psql('old', $sums), "$schema: every row and text is the same");
	is($node->safe_psql('new', "SELECT string_agg(text, '|' ORDER BY id) FROM \"a table\" WHERE id BETWEEN 1 AND 99"),
		join('|', @texts), "$schema: texts");
	is($node->safe_psql('new', "SELECT extname, extnamespace::regnamespace FROM pg_extension WHERE extname <> 'plpgsql'"),
		"omendb|$schema", "$schema: omendb in the place of vector");
	is($node->safe_psql('new', q{SELECT string_agg(relname || coalesce(' ' || array_to_string(reloptions, ','), ''), ' ' ORDER BY relname)
		FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE amname = 'omenhnsw'}),
		'lists on_mat part_1_v_idx part_2_v_idx parted partly plain m=8,ef_construction=32', "$schema: indexes");
	like($node->safe_psql('new', "SELECT pg_get_indexdef('partly'::regclass)"), qr/vector_cosine_ops\) WHERE \(text <> 'USING hnsw is fun'::text\)$/,
		"$schema: a partial index");
	check_index($node, $_, "$schema: $_", database => 'new') for qw(lists partly part_2_v_idx plain);
}

# --- where settings are known: what docs/omenhnsw.md says
sub session
{
	my ($ret, $out, $err) = $node->psql('postgres', join(';', @_));
	return "$out$err";
}
like(session('SHOW omenhnsw.ef_search'), qr/unrecognized configuration parameter/, 'SHOW: not known in a new session');
is(session("SELECT '[1]'::vector", 'SHOW omenhnsw.ef_search'), "[1]\n40", 'SHOW: known after a use of the type');
is(session("LOAD 'omendb'", 'SHOW omenhnsw.ef_search'), '40', 'SHOW: known after LOAD');
is(session('SET omenhnsw.ef_search = 77', "SELECT '[1]'::vector", 'SHOW omenhnsw.ef_search'), "[1]\n77", 'SET counts before that too');
$node->safe_psql('postgres', 'CREATE ROLE anybody LOGIN');
like(session('SET SESSION AUTHORIZATION anybody', 'ALTER ROLE anybody SET omenhnsw.ef_search = 50'), qr/permission denied/,
	'ALTER ROLE SET: only a superuser');
is(session('SET SESSION AUTHORIZATION anybody', "SELECT '[1]'::vector", 'ALTER ROLE anybody SET omenhnsw.ef_search = 50'), '[1]',
	'ALTER ROLE SET: everybody when it is known');
$node->safe_psql('postgres', "ALTER DATABASE postgres SET session_preload_libraries = 'omendb'");
is(session('SHOW omenhnsw.ef_search'), '40', 'session_preload_libraries');
$node->safe_psql('postgres', 'ALTER DATABASE postgres RESET session_preload_libraries');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'omendb'");
$node->restart;
is(session('SHOW omenhnsw.ef_search'), '40', 'shared_preload_libraries');

# --- a program written for pgvector, word for word
$node->safe_psql('postgres', 'CREATE DATABASE program');
is($node->safe_psql('program', <<SQL), "t\n3,2,4\n3,2,4\n1", 'statements for pgvector');
CREATE EXTENSION IF NOT EXISTS vector;
SELECT extversion >= '0.8.0' FROM pg_extension WHERE extname = 'vector';
CREATE TABLE items (id bigserial PRIMARY KEY, embedding vector(3));
INSERT INTO items (embedding) SELECT ARRAY[i, 1, 1] FROM generate_series(1, 200) i;
CREATE INDEX ON items USING hnsw (embedding vector_l2_ops) WITH (m = 16, ef_construction = 64);
SET enable_seqscan = off;
SET hnsw.ef_search = 100;
BEGIN;
SET LOCAL hnsw.iterative_scan = strict_order;
SELECT string_agg(id::text, ',') FROM (SELECT id FROM items ORDER BY embedding <-> '[3,1,1]' LIMIT 3) x;
COMMIT;
DROP INDEX items_embedding_idx;
SET client_min_messages = warning;
CREATE INDEX ON items USING ivfflat (embedding vector_cosine_ops) WITH (lists = 100);
SET ivfflat.probes = 10;
CREATE INDEX ON items USING hnsw (embedding vector_l2_ops);
SET client_min_messages = error;
SELECT string_agg(id::text, ',') FROM (SELECT id FROM items ORDER BY embedding <-> '[3,1,1]' LIMIT 3) x;
SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%USING ivfflat%lists=''100''%';
SQL
check_index($node, $_, "a program: $_", database => 'program') for qw(items_embedding_idx items_embedding_idx1);
# omendb's own name is taken by the same objects then
isnt($node->psql('program', 'CREATE EXTENSION omendb'), 0, 'omendb beside vector is refused');

$node->stop;
unlink("$extensions/vector.control", glob("$extensions/vector--*.sql"));
# pgvector itself is not overwritten
append_to_file("$extensions/vector.control", "comment = 'somebody else''s'\n");
command_fails_like(\@make, qr/pgvector is installed/, 'make vector-names where pgvector is');
unlink("$extensions/vector.control");
done_testing();
