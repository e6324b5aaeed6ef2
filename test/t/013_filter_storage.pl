# Filter columns: whatever makes or changes an index, it has each row's values.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dim = 24;
my $node = new_server('filters');
sub sql { return $node->safe_psql('postgres', join(';', @_)); }

# insert(table, set, rows, add to the id, add to the number that values are made of)
sub insert
{
	my ($t, $set, $rows, $add, $shift) = @_;
	sql("INSERT INTO $t SELECT id + $add, " . ($add == 30000 ? 'NULL' : 'v') . ', 0, '
		  . filter_values($set, "id + $shift") . " FROM source WHERE $rows");
}

# Rows of all kinds: twins with equal values, twins with others, and without a vector.
sub fill_table
{
	my ($t, $set) = @_;
	insert($t, $set, 'true', 0, 0);
	insert($t, $set, 'id <= 400', 10000, 0);
	insert($t, $set, 'id <= 400', 20000, 1);
	insert($t, $set, 'id <= 300', 30000, 0);
}

# sound(index, table, set, name) -- the checker, with the table; then queries.
sub sound
{
	my ($index, $t, $set, $name) = @_;
	my $f = check_index($node, $index, "$set->{name}, $name");
	is($f->{heap_rows}, sql("SELECT count(*) FROM $t"), "$set->{name}, $name: every row is there");
	same_answers($node, $t, $set, "$set->{name}, $name");
	return $f;
}

sub vacuum { $node->safe_psql('postgres', "VACUUM $_[0]"); }

sql("CREATE TABLE source (id bigint, v vector($dim))", "CREATE TABLE q (v vector($dim))",
	"INSERT INTO q SELECT random_vector(3, $dim)");
fill($node, 'source', 1, 4000, $dim);

my $nsets = 0;
for my $set (@FILTER_SETS)
{
	my $t = 't' . ++$nsets;
	my $make = "USING omenhnsw (v, " . filter_columns($set) . ')';
	my $nfilters = @{ $set->{columns} };

	# --- builds
	sql("CREATE TABLE $t (id bigint, v vector($dim), note int, " . filter_columns($set, type => 1) . ')');
	fill_table($t, $set);
	sql('SET max_parallel_maintenance_workers = 0', "CREATE INDEX ${t}_i ON $t $make");
	my $f = sound("${t}_i", $t, $set, 'serial build');
	is($f->{nodes}, 4400, "$set->{name}: rows share a node if their values are equal, too");
	is(sql("SELECT filter_columns FROM omendb_index_info('${t}_i')"), $nfilters, "$set->{name}: omendb_index_info counts them");
	sql("CREATE INDEX ${t}_plain ON $t USING omenhnsw (v)");
	cmp_ok(sql("SELECT filter_key_bytes_per_row / filter_columns FROM omendb_index_info('${t}_i')"), '<', 11,
		"$set->{name}: bytes a row and column");
	sql("DROP INDEX ${t}_plain");
	sql("ALTER TABLE $t SET (parallel_workers = 2)", 'SET max_parallel_maintenance_workers = 2',
		"SET maintenance_work_mem = '128MB'", "REINDEX INDEX ${t}_i");
	is(sound("${t}_i", $t, $set, 'parallel build')->{nodes}, 4400, "$set->{name}, parallel build: as many nodes");
	my ($ret, $out, $err) = $node->psql('postgres',
		"SET max_parallel_maintenance_workers = 0; SET maintenance_work_mem = 1024; REINDEX INDEX ${t}_i");
	like($err, qr/does not fit into maintenance_work_mem/, "$set->{name}: a build in regions");
	is(sound("${t}_i", $t, $set, 'a build in two halves')->{nodes}, 4400,
		"$set->{name}, a build in two halves: as many nodes");

	# --- inserts
	my $u = "u$nsets";
	sql("CREATE TABLE $u (LIKE $t)", "CREATE INDEX ${u}_i ON $u $make");
	sound("${u}_i", $u, $set, 'empty');
	fill_table($u, $set);
	is(sound("${u}_i", $u, $set, 'inserts')->{nodes}, 4400, "$set->{name}, inserts: as many nodes");

	# --- changes: of filter columns, of others, deletes, slots used again
	my $change = '(' . filter_columns($set) . ') = ROW(' . filter_values($set, 'id + 5') . ')';
	for my $x ($t, $u)
	{
		sql("UPDATE $x SET $change WHERE id % 3 = 0");
		sql("UPDATE $x SET note = note + 1 WHERE id % 5 = 0");
		my $g = figures($node, "${x}_i");
		is($g->{heap_rows}, sql("SELECT count(*) FROM $x"), "$set->{name}, updates: every row is there");
		same_answers($node, $x, $set, "$set->{name}, updates");
		vacuum($x);
		sound("${x}_i", $x, $set, 'updates, vacuumed');
		sql("DELETE FROM $x WHERE id % 4 = 1");
		vacuum($x);
		# levels are random, and with them the number of members of the highway
		my $highway = "SELECT round(highway_bytes_per_row * rows / 8192) FROM omendb_index_info('${x}_i')";
		my $before = sound("${x}_i", $x, $set, 'deletes')->{pages} - sql($highway);
		insert($x, $set, 'id % 4 = 1', 50000, 9);
		my $after = sound("${x}_i", $x, $set, 'slots used again')->{pages} - sql($highway);
		is($after, $before, "$set->{name}: in the pages that are there");
	}

	# --- a table emptied, and filled again
	sql("DELETE FROM $u");
	vacuum($u);
	sound("${u}_i", $u, $set, 'emptied');
	insert($u, $set, 'id <= 1000', 0, 3);
	sound("${u}_i", $u, $set, 'filled again');

	# --- while others may write
	$node->safe_psql('postgres', "REINDEX INDEX CONCURRENTLY ${t}_i");
	sound("${t}_i", $t, $set, 'REINDEX CONCURRENTLY');
	sql("DROP INDEX ${t}_i");
	$node->safe_psql('postgres', "CREATE INDEX CONCURRENTLY ${t}_i ON $t $make");
	sound("${t}_i", $t, $set, 'CREATE INDEX CONCURRENTLY');

	# --- partial, and with expressions
	sql("DROP INDEX ${u}_i", "CREATE INDEX ${u}_i ON $u USING omenhnsw ((subvector(v, 1, 8)::vector(8)), (id % 5), "
		  . filter_columns($set) . ') WHERE id % 2 = 0', "UPDATE $u SET note = 7, id = id + 2 WHERE id % 3 = 0");
	$f = figures($node, "${u}_i");
	is($f->{heap_rows}, sql("SELECT count(*) FROM $u WHERE id % 2 = 0"), "$set->{name}: partial, with expressions");

	# --- partitions
	sql("CREATE TABLE p$nsets (LIKE $t) PARTITION BY HASH (id)",
		(map { "CREATE TABLE p${nsets}_$_ PARTITION OF p$nsets FOR VALUES WITH (MODULUS 2, REMAINDER $_)" } 0, 1),
		"CREATE INDEX ON p$nsets $make", "INSERT INTO p$nsets SELECT * FROM $t");
	for my $partition (0, 1)
	{
		my $index = sql("SELECT indexrelid::regclass FROM pg_index WHERE indrelid = 'p${nsets}_$partition'::regclass");
		sound($index, "p${nsets}_$partition", $set, "partition $partition");
	}

	# --- unlogged: empty after a crash, and then as before
	sql("CREATE UNLOGGED TABLE v$nsets (LIKE $t)", "CREATE INDEX v${nsets}_i ON v$nsets $make",
		"INSERT INTO v$nsets SELECT * FROM $t WHERE id <= 500", 'CHECKPOINT');
}

# --- copies of vectors, each with a value of its own: many nodes with one code
sql("INSERT INTO q SELECT v FROM source WHERE id % 130 = 7");
for my $copies (5, 60)
{
	my $n = int(6000 / $copies);
	sql('DROP TABLE IF EXISTS same, same2', "CREATE TABLE same AS SELECT i AS id, i AS a, v FROM generate_series(1, 6000) i JOIN source ON id = 1 + i % $n",
		'CREATE TABLE same2 (LIKE same)', 'CREATE INDEX same_i ON same USING omenhnsw (v, a)',
		'CREATE INDEX same2_i ON same2 USING omenhnsw (v, a)', 'INSERT INTO same2 SELECT * FROM same');
	for my $t (qw(same same2))
	{
		is(check_index($node, "${t}_i", "$copies copies, $t")->{nodes}, 6000, "$copies copies, $t: a node for each");
		cmp_ok(recall($node, $t, 'l2'), '>=', $t eq 'same' ? .9 : .7, "$copies copies, $t: they are no trap for searches");
		is(sql('SET enable_seqscan = off', "SELECT count(*) FROM (SELECT a FROM $t WHERE a BETWEEN 1000 AND 1499 ORDER BY v <-> (SELECT v FROM q LIMIT 1)) s"),
			500, "$copies copies, $t: each has its value");
	}
	sql('DELETE FROM same WHERE id % 3 = 0');
	vacuum('same');
	cmp_ok(recall($node, 'same', 'l2'), '>=', .9, "$copies copies, vacuumed");
	check_index($node, 'same_i', "$copies copies, vacuumed");
}
sql('DROP TABLE same, same2', 'TRUNCATE q', "INSERT INTO q SELECT random_vector(3, $dim)");

$node->stop('immediate');
$node->start;
for my $i (1 .. $nsets)
{
	my $set = $FILTER_SETS[ $i - 1 ];
	is(sql("SELECT count(*) FROM v$i"), 0, "$set->{name}, unlogged: empty after a crash");
	sql("INSERT INTO v$i SELECT * FROM t$i WHERE id <= 700");
	sound("v${i}_i", "v$i", $set, 'unlogged, filled again');
	sound("t${i}_i", "t$i", $set, 'logged, after the crash');
}

# --- dump and restore
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('postgres') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE again');
$node->command_ok([ 'pg_restore', '-e', '-d', $node->connstr('again'), $dump ], 'pg_restore');
for my $i (1 .. $nsets)
{
	my $f = check_index($node, "t${i}_i", "$FILTER_SETS[$i - 1]->{name}: restored", database => 'again');
	is($f->{heap_rows}, sql("SELECT count(*) FROM t$i"), "$FILTER_SETS[$i - 1]->{name}, restored: every row is there");
}
$node->stop;
done_testing();
