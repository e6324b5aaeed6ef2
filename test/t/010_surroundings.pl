# Dump and restore, partial and expression indexes, tablespaces, temporary tables,
# REINDEX, VACUUM FULL, rights of the checker, memory of a build.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dim = 32;
my $node = new_server('surroundings');
sub sql { return $node->safe_psql('postgres', join(';', @_)); }

# error(statements) -- what psql says.
sub error
{
	my ($ret, $out, $err) = $node->psql('postgres', join(';', @_), extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	return $err;
}

sql("CREATE TABLE t (id bigint, kind int, v vector($dim))", "CREATE TABLE source (id bigint, v vector($dim))");
fill($node, 'source', 1, 3000, $dim);
sql('INSERT INTO t SELECT id, id % 4, v FROM source');

# --- partial
sql('CREATE INDEX part ON t USING omenhnsw (v vector_cosine_ops) WHERE kind = 2');
my $f = check_index($node, 'part', 'partial');
is($f->{tids}, 750, 'partial: its rows only');
sql('UPDATE t SET kind = 2 WHERE kind = 3', 'UPDATE t SET kind = 0 WHERE kind = 2 AND id % 8 = 2');
$node->safe_psql('postgres', 'VACUUM t');
$f = check_index($node, 'part', 'partial, updated');
is($f->{tids}, sql('SELECT count(*) FROM t WHERE kind = 2'), 'partial: rows come and go');
is(sql('SET enable_seqscan = off', 'SELECT count(*) FROM (SELECT id FROM t WHERE kind = 2 ORDER BY v <=> (SELECT v FROM source LIMIT 1)) s'),
	sql('SELECT count(*) FROM t WHERE kind = 2'), 'partial: each row once');

# --- expression, evaluated as the owner of the table
sql('CREATE ROLE owner', 'GRANT CREATE ON SCHEMA public TO owner', 'GRANT SELECT ON source TO owner', 'SET ROLE owner',
	"CREATE TABLE own (id bigint, a real[])", 'INSERT INTO own SELECT id, v::real[] FROM source WHERE id <= 500',
	"CREATE FUNCTION half(real[]) RETURNS vector LANGUAGE plpgsql IMMUTABLE AS \$\$ BEGIN RETURN public.subvector(\$1::public.vector, 1, 16); END \$\$",
	'CREATE INDEX expr ON own USING omenhnsw ((half(a)::vector(16)))');
$f = check_index($node, 'expr', 'expression');
is($f->{heap_rows}, 500, 'expression: every row');
is(sql('SET enable_seqscan = off', 'SELECT id FROM own ORDER BY half(a)::vector(16) <-> (SELECT subvector(v, 1, 16) FROM source WHERE id = 44) LIMIT 1'),
	44, 'expression: found');
sql("SET ROLE owner", "CREATE OR REPLACE FUNCTION half(real[]) RETURNS vector LANGUAGE plpgsql IMMUTABLE AS \$\$ BEGIN IF current_user <> 'owner' THEN RAISE 'evaluated as %', current_user; END IF; PERFORM set_config('work_mem', '77MB', false); RETURN public.subvector(\$1::public.vector, 1, 16); END \$\$");
is(sql("SELECT tids FROM omendb_index_check('expr', true)", 'SHOW work_mem'), "500\n4MB",
	'the checker evaluates expressions as the owner and keeps no settings');
sql("SET ROLE owner", "CREATE OR REPLACE FUNCTION half(real[]) RETURNS vector LANGUAGE plpgsql IMMUTABLE AS \$\$ BEGIN PERFORM set_config('role', 'nobody', false); RETURN public.subvector(\$1::public.vector, 1, 16); END \$\$");
like(error("SELECT omendb_index_check('expr', true)"), qr/42501: cannot set parameter "role" within security-restricted operation/,
	'in a security-restricted operation');
sql("SET ROLE owner", "CREATE OR REPLACE FUNCTION half(real[]) RETURNS vector LANGUAGE plpgsql IMMUTABLE AS \$\$ BEGIN RETURN public.subvector(\$1::public.vector, 2, 16); END \$\$");
like(error("SELECT omendb_index_check('expr', true)"), qr/XX002: .*does not have the code of row/, 'a function that is not immutable is found out');

# --- rights and wrong objects
sql('CREATE INDEX i ON t USING omenhnsw (v)', 'CREATE INDEX b ON t (id)', 'CREATE ROLE nobody', 'CREATE VIEW w AS SELECT 1');
like(error('SET ROLE nobody', "SELECT omendb_index_check('i')"), qr/42501: permission denied for function/, 'not for everybody');
sql('GRANT EXECUTE ON FUNCTION omendb_index_check TO nobody', 'SET ROLE nobody', "SELECT omendb_index_check('i', true)");
like(error("SELECT omendb_index_check('b')"), qr/42809: .* not an omenhnsw or omenbm25 index/, 'a btree');
like(error("SELECT omendb_index_check('t')"), qr/42809: .* not an omenhnsw or omenbm25 index/, 'a table');
like(error("SELECT omendb_index_check('w')"), qr/42809: .* not an omenhnsw or omenbm25 index/, 'a view');
like(error("SELECT omendb_index_check('nothing')"), qr/42P01/, 'nothing');
is(sql('SELECT omendb_index_check(NULL) IS NULL'), 't', 'NULL');
my $holder = $node->background_psql('postgres');
$holder->query_safe("CREATE TEMP TABLE tmp (v vector(3)); INSERT INTO tmp VALUES ('[1,2,3]'); CREATE INDEX tmpi ON tmp USING omenhnsw (v)");
is($holder->query_safe("SELECT nodes FROM omendb_index_check('tmpi', true)"), 1, 'a temporary table');
my $oid = $holder->query_safe("SELECT 'tmpi'::regclass::oid");
like(error("SELECT omendb_index_check($oid)"), qr/0A000: cannot access temporary indexes of other sessions/, 'of another session');
$holder->quit;

# --- a row that the index lacks, and one that it has wrongly
sql('CREATE TABLE lack AS SELECT * FROM source LIMIT 100', 'CREATE INDEX lack_i ON lack USING omenhnsw (v)',
	"UPDATE pg_index SET indisready = false, indisvalid = false WHERE indexrelid = 'lack_i'::regclass");
sql('INSERT INTO lack SELECT * FROM source WHERE id = 1000');
sql("UPDATE pg_index SET indisready = true, indisvalid = true WHERE indexrelid = 'lack_i'::regclass");
like(error("SELECT omendb_index_check('lack_i', true)"), qr/XX002: index "lack_i" lacks row/, 'a row that the index lacks');
is(sql("SELECT tids FROM omendb_index_check('lack_i')"), 100, 'the plain check does not look at the table');

# --- tablespaces, REINDEX, VACUUM FULL, CLUSTER, ALTER TYPE, storage parameters
my $space = PostgreSQL::Test::Utils::tempdir();
sql("CREATE TABLESPACE other LOCATION '$space'");
sql('ALTER INDEX i SET TABLESPACE other');
check_index($node, 'i', 'moved to a tablespace');
sql('ALTER TABLE t SET TABLESPACE other', 'INSERT INTO t SELECT id + 5000, 1, v FROM source WHERE id <= 100');
check_index($node, $_, "table moved to a tablespace, $_") for qw(i part);
sql('REINDEX TABLE t');
check_index($node, $_, "REINDEX, $_") for qw(i part);
$node->safe_psql('postgres', 'REINDEX (TABLESPACE pg_default) TABLE CONCURRENTLY t');
check_index($node, $_, "REINDEX CONCURRENTLY, $_") for qw(i part);
sql('CLUSTER t USING b');
check_index($node, $_, "CLUSTER, $_") for qw(i part);
sql('ALTER INDEX i SET (m = 8, ef_construction = 40, bits = 2)');
check_index($node, 'i', 'other storage parameters, not yet used');
sql('INSERT INTO t SELECT id + 9000, 1, v FROM source WHERE id <= 100', 'REINDEX INDEX i');
$f = check_index($node, 'i', 'other storage parameters');
cmp_ok($f->{mean_degree}, '<=', 16, 'm 8: at most 16 links');
sql('BEGIN', 'CREATE TABLE here (LIKE source)', 'CREATE INDEX here_i ON here USING omenhnsw (v)', 'INSERT INTO here SELECT * FROM source LIMIT 500',
	'SAVEPOINT s', 'INSERT INTO here SELECT * FROM source LIMIT 500', 'ROLLBACK TO s', 'COMMIT');
$f = figures($node, 'here_i');
is($f->{heap_rows}, 500, 'table and index made in one transaction');
sql('DELETE FROM here WHERE id = 1');
$node->safe_psql('postgres', 'VACUUM here');
$f = check_index($node, 'here_i', 'table and index made in one transaction, vacuumed');
is($f->{tids}, 499, 'vacuum takes the rows of the subtransaction');

# --- rows that were never there
sql('BEGIN', 'INSERT INTO here SELECT id + 10000, v FROM source LIMIT 50', 'ROLLBACK');
check_index($node, 'here_i', 'rolled back');

# --- dump and restore
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
sql('DROP TABLE own', 'DROP TABLE lack', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_dump', '--no-tablespaces', '-f', $dump, $node->connstr('postgres') ], 'pg_dump');
$node->command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', $dump ], 'restored');
for my $index (qw(i part here_i))
{
	$f = check_index($node, $index, "restored, $index", database => 'restored');
	is($f->{tids}, sql("SELECT heap_rows FROM omendb_index_check('$index', true)"), "restored, $index: as many rows");
}
is($node->safe_psql('restored', q{SELECT reloptions FROM pg_class WHERE relname = 'i'}), '{m=8,ef_construction=40,bits=2}',
	'storage parameters are dumped');

# --- a build that outgrows its memory, with and without workers
for my $workers (0, 2)
{
	my ($ret, $out, $err) = $node->psql('postgres', join(';', 'DROP INDEX IF EXISTS small', 'SET maintenance_work_mem = 1024',
			"SET max_parallel_maintenance_workers = $workers", 'SET min_parallel_table_scan_size = 0',
			'CREATE TABLE IF NOT EXISTS many AS SELECT s.id + 3000 * n AS id, (SELECT array_agg(x + 0.01 * random()) FROM unnest(v::real[]) x WHERE n >= 0)::vector AS v FROM source s, generate_series(0, 3) n',
			"ALTER TABLE many ALTER v TYPE vector($dim)",
			'CREATE INDEX small ON many USING omenhnsw (v)'));
	is($ret, 0, "over maintenance_work_mem with $workers workers");
	like($err, qr/NOTICE:.*maintenance_work_mem/, "a NOTICE says so, $workers workers");
	$f = check_index($node, 'small', "over maintenance_work_mem with $workers workers");
	is($f->{heap_rows}, 12000, "every row, $workers workers");
}
$node->stop;
done_testing();
