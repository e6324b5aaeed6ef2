# target_recall: what searches reach that the calibration has not seen; the curve through a crash, on a standby, in a metapage
# that has no room for it yet, damaged, and measured by a vacuum with parallel workers.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dim = 24;
my $node = new_server('calibration', init => [ allows_streaming => 1, no_data_checksums => 1 ],
	conf => "wal_consistency_checking = 'generic'\nmin_parallel_index_scan_size = 0\nmax_wal_senders = 4\n");

sub sql { return $node->safe_psql('postgres', join(';', @_)); }
sub curve { return ($_[1] // $node)->safe_psql('postgres', "SELECT md5(string_agg(c::text, ';')), count(*) FROM omendb_calibration('$_[0]') c"); }

# few links and short searches, so that recall depends on ef
sql("CREATE TABLE t (id bigint, v vector($dim), part int)", "CREATE TABLE q (v vector($dim))");
fill($node, 't', 1, 5000, $dim);
sql("UPDATE t SET part = id % 100", "INSERT INTO q SELECT random_vector(i, $dim) FROM generate_series(1, 150) i", 'VACUUM FULL t');
sql('CREATE INDEX i ON t USING omenhnsw (v, part) WITH (m = 4, ef_construction = 16)', "SELECT count(*) FROM omendb_calibrate('i', 200)");

# reached(target, k, condition) -- recall of the queries in q, and the ef that was picked.
sub reached
{
	my ($target, $k, $condition) = @_;
	my $found = "SELECT array_agg(id) FROM (SELECT id FROM t WHERE $condition ORDER BY v <-> q.v LIMIT $k) x";
	return split /\|/, $node->safe_psql('postgres', <<"SQL");
CREATE TEMP TABLE exact AS SELECT v, ($found) AS ids FROM q;
SET enable_seqscan = off; SET enable_sort = off; SET enable_indexscan = on; SET omenhnsw.target_recall = $target;
SELECT avg((SELECT count(*) FROM unnest(($found)) f WHERE f = ANY (ids))::float8 / cardinality(ids)) FROM exact q
SQL
}
$node->append_conf('postgresql.conf', "enable_indexscan = off\n");
$node->reload;
for my $condition ('true', 'part < 50', 'part < 10', 'part = 7')
{
	for my $target (.9, .95, .99)
	{
		my ($recall) = reached($target, 10, $condition);
		cmp_ok($recall, '>=', $target - .015, "target $target, $condition: $recall");
	}
}
my $low = sql("SET enable_indexscan = on; SET enable_seqscan = off; SET omenhnsw.target_recall = .5; SELECT count(*) FROM (SELECT FROM t ORDER BY v <-> (SELECT v FROM q LIMIT 1) LIMIT 10) x",
	'SELECT ef_search FROM omendb_last_scan()');
my $high = sql("SET enable_indexscan = on; SET enable_seqscan = off; SET omenhnsw.target_recall = .99; SELECT count(*) FROM (SELECT FROM t ORDER BY v <-> (SELECT v FROM q LIMIT 1) LIMIT 10) x",
	'SELECT ef_search FROM omendb_last_scan()');
cmp_ok((split /\n/, $low)[1], '<', (split /\n/, $high)[1], 'a higher target takes a higher ef');
$node->append_conf('postgresql.conf', "enable_indexscan = on\n");
$node->reload;

# on a standby
$node->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'b', has_streaming => 1);
$standby->start;
sql("SELECT count(*) FROM omendb_calibrate('i', 60)");
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is(curve('i', $standby), curve('i'), 'a standby has what the primary measures');
like(curve('i'), qr/\|24$/, '... all of it');
my ($ret, $out, $err) = $standby->psql('postgres', "\\set VERBOSITY verbose\nSELECT count(*) FROM omendb_calibrate('i')");
like($err, qr/25006: index "i" cannot be calibrated during recovery\n.*HINT:.*on the primary/s, '... and cannot measure itself');
like($standby->safe_psql('postgres', 'SET enable_seqscan = off; SET omenhnsw.target_recall = .9; SELECT count(*) FROM '
	  . '(SELECT FROM t ORDER BY v <-> (SELECT v FROM q LIMIT 1) LIMIT 10) x; SELECT ef_source FROM omendb_last_scan()'),
	qr/target_recall/, '... but searches by it');
$standby->stop;

# through a crash
my $before = curve('i');
$node->stop('immediate');
$node->start;
is(curve('i'), $before, 'the curve is there after a crash');

# change(sub) -- the metapage by hand, with the server down: pd_lower is at 12 of the page, and the curve ends $after bytes before it.
my $path = $node->data_dir . '/' . sql("SELECT pg_relation_filepath('i')");
sub change
{
	my ($sub) = @_;
	$node->stop;
	my $bytes = slurp_file($path);
	my $lower = unpack('v', substr($bytes, 12, 2));
	$sub->(\$bytes, $lower);
	open(my $file, '>:raw', $path) or die "$path: $!\n";
	print $file $bytes;
	close($file);
	$node->start;
	return;
}

my $size = 12 + 2 * 3 * 8 * 4;
my $after = 8;    # what the metapage has behind the curve
change(sub { my ($bytes, $lower) = @_; substr($$bytes, $lower - $after - 4, 4) = pack('f<', 2); });
($ret, $out, $err) = $node->psql('postgres', "SELECT * FROM omendb_calibration('i')");
like($err, qr/index "i".*block 0.*impossible recall/s, 'an impossible recall is corruption');
change(sub
{
	my ($bytes, $lower) = @_;
	substr($$bytes, $lower - $after - $size, $after + $size) = "\0" x ($after + $size);
	substr($$bytes, 12, 2) = pack('v', $lower - $after - $size);
});
like(curve('i'), qr/\|0$/, 'a metapage from before has no curve');
check_index($node, 'i', 'without a curve');
is(sql('SET enable_seqscan = off; SET omenhnsw.target_recall = .9; SELECT count(*) FROM (SELECT FROM t ORDER BY v <-> (SELECT v FROM q LIMIT 1) LIMIT 10) x',
	'SELECT ef_search, ef_source FROM omendb_last_scan()'), "10\n40|default, not calibrated", '... and searches keep the usual number of candidates');
sql('CHECKPOINT', "SELECT count(*) FROM omendb_calibrate('i', 60)");
$before = curve('i');
like($before, qr/\|24$/, '... it gets one');
$node->stop('immediate');
$node->start;
is(curve('i'), $before, '... which is in the WAL whole');

# a vacuum with parallel workers, which may take no snapshot
sql('CREATE TABLE g (LIKE t)', 'CREATE INDEX g_i ON g USING omenhnsw (v)', 'CREATE INDEX g_j ON g (id)', 'CREATE INDEX g_k ON g (part)',
	'INSERT INTO g SELECT * FROM t LIMIT 2000', 'DELETE FROM g WHERE id % 7 = 0');
$node->safe_psql('postgres', 'VACUUM (PARALLEL 2) g');
like(curve('g_i'), qr/\|24$/, 'measured by a parallel vacuum');
check_index($node, $_, $_) for 'i', 'g_i';
$node->stop;
done_testing();
