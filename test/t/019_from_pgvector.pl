# From pgvector: the commands of docs/migration.md move a database, and leave its rows and
# texts alone that look like what they change; where settings are known.
#
# pgvector is not needed: an extension called vector, made from omendb's script, has its
# types, operators and access methods by their names, and so dumps the same text.
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

my ($script) = glob("$extensions/omendb--*.sql");
my ($version) = $script =~ /omendb--([\d.]+)\.sql$/;
my $sql = slurp_file($script);
$sql =~ s/omenhnsw/hnsw/g;
my ($ivfflat) = $sql =~ /(CREATE OPERATOR CLASS vector_l2_ops\s.*?;)/s;
$ivfflat =~ s/USING hnsw/USING ivfflat/;
append_to_file("$extensions/vector--$version.sql", "$sql\nCREATE ACCESS METHOD ivfflat TYPE INDEX HANDLER hnsw_handler;\n$ivfflat\n");
append_to_file("$extensions/vector.control",
	"comment = 'vector data type and ivfflat and hnsw access methods'\ndefault_version = '$version'\nmodule_pathname = '\$libdir/omendb'\n");

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
CREATE INDEX lists ON "a table" USING ivfflat (v);
UPDATE pg_class SET reloptions = '{lists=100}' WHERE relname = 'lists';
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

$node->stop;
unlink("$extensions/vector.control", "$extensions/vector--$version.sql");
done_testing();
