# Vacuum: space is reused, postings and null rows are cleaned, an empty graph grows again.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dim = 24;
my $node = new_server('space');

sub sql { return $node->safe_psql('postgres', join(';', @_)); }
sub vacuum { return $node->safe_psql('postgres', 'VACUUM t'); }
sub size { return sql("SELECT pg_relation_size('i')"); }

sql("CREATE TABLE source (id bigint, v vector($dim))");
fill($node, 'source', 1, 5000, $dim);

for my $metric (@METRICS)
{
	sql('DROP TABLE IF EXISTS t', "CREATE TABLE t (id bigint, v vector($dim))",
		'INSERT INTO t SELECT * FROM source',
		"CREATE INDEX i ON t USING omenhnsw (v $OPCLASS{$metric})");
	my $before = size();

	# all of it, three times
	for my $round (1 .. 3)
	{
		sql('DELETE FROM t');
		vacuum();
		my $f = check_index($node, 'i', "$metric, emptied, round $round");
		is($f->{nodes} + $f->{towers} + $f->{tids}, 0, "$metric: nothing is left in round $round");
		is(sql("SET enable_seqscan = off",
				"SELECT count(*) FROM (SELECT 1 FROM t ORDER BY v $OPERATOR{$metric} (SELECT v FROM source LIMIT 1)) s"),
			0, "$metric: a search of the empty graph finds nothing");
		sql('INSERT INTO t SELECT * FROM source');
		$f = check_index($node, 'i', "$metric, filled again, round $round");
		is($f->{tids}, 5000, "$metric: all rows are back in round $round");
	}
	my $after = size();
	cmp_ok($after, '<=', $before * 1.02, "$metric: the index has not grown ($before, $after bytes)");

	# a fifth, ten times
	for my $round (0 .. 9)
	{
		sql("DELETE FROM t WHERE id % 5 = $round % 5");
		vacuum();
		sql("INSERT INTO t SELECT * FROM source WHERE id % 5 = $round % 5");
	}
	cmp_ok(size(), '<=', $before * 1.04, "$metric: nor after ten rounds of a fifth (" . size() . ' bytes)');
	check_index($node, 'i', "$metric, ten rounds of a fifth");
}

# --- duplicates: one node, many rows; they go one by one, then all
sql('DROP TABLE IF EXISTS t', "CREATE TABLE t (id bigint, v vector($dim))",
	'CREATE INDEX i ON t USING omenhnsw (v)',
	'INSERT INTO t SELECT n, v FROM source, generate_series(1, 40) n WHERE source.id <= 100');
my $f = check_index($node, 'i', 'duplicates');
is($f->{nodes}, 100, 'duplicates share a node');
is($f->{tids}, 4000, 'and keep their rows');
sql('DELETE FROM t WHERE id % 2 = 1');
vacuum();
$f = check_index($node, 'i', 'half of the duplicates');
is("$f->{nodes} $f->{tids}", '100 2000', 'half of the duplicates are left');
sql('DELETE FROM t WHERE id <= 30');
vacuum();
$f = check_index($node, 'i', 'a quarter of the duplicates');
is("$f->{nodes} $f->{tids}", '100 500', 'a quarter of the duplicates are left');
sql('DELETE FROM t WHERE v IN (SELECT v FROM source WHERE id <= 50)');
vacuum();
$f = check_index($node, 'i', 'half of the nodes');
is("$f->{nodes} $f->{tids}", '50 250', 'nodes without a row are gone');
my $postings = $f->{postings};
sql('DELETE FROM t');
vacuum();
$f = check_index($node, 'i', 'no duplicates');
is("$f->{nodes} $f->{postings}", '0 0', 'and so are the others and their postings');

my $size;

# --- updates of another column add rows to a node; vacuum takes the old ones
sql('DROP TABLE IF EXISTS t', "CREATE TABLE t (id bigint, v vector($dim)) WITH (fillfactor = 100)",
	'INSERT INTO t SELECT * FROM source WHERE id <= 1000', 'CREATE INDEX i ON t USING omenhnsw (v)',
	'CREATE INDEX ON t (id)');
for (1 .. 3)
{
	sql('UPDATE t SET id = id + 1');
}
$f = figures($node, 'i');
is($f->{nodes}, 1000, 'an update of another column makes no node');
vacuum();
$f = check_index($node, 'i', 'updated');
is("$f->{nodes} $f->{tids}", '1000 1000', 'vacuum removes the old rows');
$size = size();
for (1 .. 8)
{
	sql('UPDATE t SET id = id + 1');
	vacuum();
}
cmp_ok(size(), '<=', $size * 1.3, 'updates and vacuums do not let it grow for ever');
check_index($node, 'i', 'updated and vacuumed');

# --- rows without a position
sql('DROP TABLE IF EXISTS t', "CREATE TABLE t (id bigint, v vector($dim))",
	'CREATE INDEX i ON t USING omenhnsw (v vector_cosine_ops)',
	"INSERT INTO t SELECT n, CASE n % 3 WHEN 0 THEN NULL WHEN 1 THEN array_fill(0::real, ARRAY[$dim])::vector END FROM generate_series(1, 9000) n WHERE n % 3 <> 2",
	'INSERT INTO t SELECT * FROM source WHERE id <= 100');
$f = check_index($node, 'i', 'rows without a position');
is("$f->{nodes} $f->{null_rows}", '100 6000', 'rows without a position have no node');
$size = size();
for (1 .. 3)
{
	sql('CREATE TEMP TABLE keep AS SELECT * FROM t WHERE v IS NULL',
		'DELETE FROM t WHERE v IS NULL', 'VACUUM t', 'INSERT INTO t SELECT * FROM keep');
}
is(size(), $size, 'their slots are reused');
sql('DELETE FROM t WHERE v IS NULL');
vacuum();
$f = check_index($node, 'i', 'no null rows');
is($f->{null_rows}, 3000, 'rows that are NULL are gone');

# --- nothing to delete: nothing is written
sql('CHECKPOINT');
vacuum();
my $lsn = sql('SELECT pg_current_wal_insert_lsn()');
sql('VACUUM (INDEX_CLEANUP ON) t');
my $wal = sql("SELECT pg_current_wal_insert_lsn() - '$lsn'");
cmp_ok($wal, '<', 3000, "vacuum without work writes no pages ($wal bytes of WAL)");

# --- VACUUM FULL, CLUSTER, TRUNCATE
sql('VACUUM FULL t');
check_index($node, 'i', 'VACUUM FULL');
sql('TRUNCATE t');
$f = check_index($node, 'i', 'TRUNCATE');
is($f->{tids}, 0, 'empty after TRUNCATE');
sql('INSERT INTO t SELECT * FROM source WHERE id <= 200', 'BEGIN', 'TRUNCATE t', 'INSERT INTO t SELECT * FROM source WHERE id <= 50',
	'ROLLBACK');
$f = check_index($node, 'i', 'TRUNCATE rolled back');
is($f->{tids}, 200, 'all rows there after a TRUNCATE that was rolled back');

# --- a vacuum that was cancelled part way is finished by the next one
sql('DROP TABLE IF EXISTS t', "CREATE TABLE t (id bigint, v vector($dim))",
	'INSERT INTO t SELECT n * 10000 + id, v FROM source, generate_series(0, 0) n',
	'CREATE INDEX i ON t USING omenhnsw (v)');
my $cancelled = 0;
for my $try (0 .. 11)
{
	sql("DELETE FROM t WHERE id % 12 = $try");
	my ($out, $err) = ('', '');
	$node->psql('postgres',
		'SET vacuum_cost_delay = 1; SET vacuum_cost_limit = 10; SET statement_timeout = ' . (30 + 25 * $try) . '; VACUUM t',
		stdout => \$out, stderr => \$err);
	$cancelled++ if $err =~ /statement timeout/;
	figures($node, 'i');
	sql("INSERT INTO t SELECT * FROM source WHERE id % 12 = $try");
}
cmp_ok($cancelled, '>', 0, "$cancelled vacuums were cancelled, the index stayed valid");
sql('DELETE FROM t WHERE id % 12 = 0');
vacuum();
check_index($node, 'i', 'after cancelled vacuums');

# --- all rows deleted, vacuum cancelled: inserts go on
sql('DELETE FROM t');
$node->psql('postgres', "SET vacuum_cost_delay = 1; SET vacuum_cost_limit = 10; SET statement_timeout = $_; VACUUM t")
  for (60, 120, 180, 240);
sql("SET statement_timeout = '60s'", 'INSERT INTO t SELECT * FROM source WHERE id <= 500');
$f = figures($node, 'i');
is($f->{heap_rows}, 500, 'inserts into a graph of dead nodes');
sql('DELETE FROM t WHERE id <= 10');
vacuum();
$f = check_index($node, 'i', 'cleaned up');
is($f->{nodes}, 490, 'the dead nodes are gone');

# --- the copy of the graph that vacuum works on does not fit its memory; workers
sql("CREATE TABLE big (id bigint, v vector(64))");
fill($node, 'big', 1, 12000, 64);
sql('CREATE INDEX bi ON big USING omenhnsw (v)', 'CREATE INDEX bj ON big USING omenhnsw (v vector_cosine_ops)',
	"CREATE TABLE q (v vector(64))", "INSERT INTO q SELECT random_vector(i, 64) FROM generate_series(1, 50) i",
	'DELETE FROM big WHERE id * 7919 % 100 < 40');
$node->safe_psql('postgres', 'SET maintenance_work_mem = 1024; VACUUM (PARALLEL 0) big');
check_index($node, $_, "vacuum with 1 MB, $_") for qw(bi bj);
my $recall = recall($node, 'big', 'l2');
cmp_ok($recall, '>=', 0.97, "vacuum with 1 MB: recall $recall");
sql('DELETE FROM big WHERE id * 7919 % 100 < 70');
$node->safe_psql('postgres', 'SET min_parallel_index_scan_size = 0; VACUUM (PARALLEL 2) big');
check_index($node, $_, "parallel vacuum, $_") for qw(bi bj);
$recall = recall($node, 'big', 'l2');
cmp_ok($recall, '>=', 0.97, "parallel vacuum: recall $recall");

# --- zero pages at the end, as a crash leaves them: vacuum finds them, inserts use them
my $path = $node->data_dir . '/' . sql("SELECT pg_relation_filepath('bi')");
$node->stop;
append_to_file($path, "\0" x (3 * 8192));
$node->start;
is(figures($node, 'bi')->{lost_pages}, 3, 'zero pages are counted');
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) big');
sql('INSERT INTO big SELECT id + 100000, v FROM big', 'INSERT INTO big SELECT id + 200000, random_vector(id, 64) FROM big');
is(figures($node, 'bi')->{lost_pages}, 0, 'and used by inserts after a vacuum');

# --- a vacuum that is cut short leaves flagged nodes: the next one frees them, though it deletes nothing itself
my $left = 0;
for my $milliseconds (5, 10, 20, 40, 80, 160)
{
	sql('DELETE FROM big WHERE id % 2 = 0', 'INSERT INTO big SELECT id * 2, v FROM big');
	sql('DELETE FROM big WHERE id % 4 = 0');
	$node->psql('postgres', "SET statement_timeout = $milliseconds; VACUUM (PARALLEL 0) big");
	$left = figures($node, 'bi')->{dead_nodes};
	last if $left > 0;
}
$node->safe_psql('postgres', 'VACUUM (PARALLEL 0) big');
$node->safe_psql('postgres', 'VACUUM (PARALLEL 0) big');
check_index($node, 'bi', "the vacuum after one that left $left nodes flagged");

# --- a vacuum reads the index by its ring of buffers: it takes none from others
sql('CREATE EXTENSION pg_buffercache', 'CHECKPOINT');
$node->restart;
sql('DELETE FROM big WHERE id % 1000 = 7');
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON, PARALLEL 0) big');
my $pages = sql("SELECT pg_relation_size('bi') / 8192");
my $held = sql("SELECT count(*) FROM pg_buffercache WHERE relfilenode = pg_relation_filenode('bi') AND relforknumber = 0");
cmp_ok($held, '<', $pages / 2, "after a vacuum $held of $pages pages of an index are in shared buffers");

$node->stop;
done_testing();
