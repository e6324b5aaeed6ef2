# Every quantizer with every metric it has: build, insert, delete and vacuum, crash,
# standby; recall and the checker after each.  Then vectors that are hard to
# quantize, and as many dimensions as there may be.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dim = 40;

# options, metrics, least recall of the 10 nearest at ef_search 40
my @quantizers = (
	[ 'rabitq', 'quantizer = rabitq', [@METRICS], 0.97 ],
	[ 'binary', 'quantizer = binary', [@METRICS], 0.75 ],
	[ 'pq', 'quantizer = pq', [@METRICS], 0.90 ],
	[ 'pq7', 'quantizer = pq, subvectors = 7', [@METRICS], 0.85 ],
	[ 'sq8', 'quantizer = sq8', [ @METRICS, 'l1' ], 0.97 ],
	[ 'none', 'quantizer = none', [ @METRICS, 'l1' ], 0.97 ],
	[ 'auto', 'm = 16', ['l1'], 0.97 ]);

my $primary = new_server('primary',
	init => [ allows_streaming => 1 ],
	conf => "wal_consistency_checking = 'generic'\nhot_standby_feedback = on\n");
$primary->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'b', has_streaming => 1);
$standby->start;

$primary->safe_psql('postgres', "CREATE TABLE rows (id bigint, v vector($dim)); CREATE TABLE q (v vector($dim));"
	  . "SELECT setseed(0.75); INSERT INTO q SELECT random_vector(i, $dim) FROM generate_series(1, 30) i");
fill($primary, 'rows', 1, 3000, $dim);

sub each_index
{
	my ($do) = @_;
	for my $quantizer (@quantizers)
	{
		my ($name, $options, $metrics, $least) = @$quantizer;
		$do->("${name}_$_", $_, $options, $least) for @$metrics;
	}
	return;
}

# recall and the checker of every table, on a server
sub check_all
{
	my ($node, $when, %opt) = @_;
	each_index(sub {
		my ($table, $metric, $options, $least) = @_;
		my $recall = recall($node, $table, $metric);
		cmp_ok($recall, '>=', $least, "$table, $when: recall $recall");
		check_index($node, "${table}_i", "$table, $when", %opt);
	});
	return;
}

each_index(sub {
	my ($table, $metric, $options) = @_;
	$primary->safe_psql('postgres', "CREATE TABLE $table (id bigint, v vector($dim));"
		  . "INSERT INTO $table SELECT * FROM rows WHERE id <= 2000;"
		  . "CREATE INDEX ${table}_i ON $table USING omenhnsw (v $OPCLASS{$metric}) WITH ($options)");
	my $quantizer = $table =~ /^auto/ ? 'sq8' : $table =~ /^([a-z]+[0-9]?)_/ ? $1 : '';
	$quantizer =~ s/^pq7/pq/;
	is($primary->safe_psql('postgres', "SELECT quantizer FROM omendb_index_info('${table}_i')"), $quantizer,
		"$table: quantizer $quantizer");
});
check_all($primary, 'built');

each_index(sub {
	$primary->safe_psql('postgres', "INSERT INTO $_[0] SELECT * FROM rows WHERE id > 2000");
});
check_all($primary, 'inserted');

each_index(sub {
	$primary->safe_psql('postgres', "DELETE FROM $_[0] WHERE id % 4 = 0");
	$primary->safe_psql('postgres', "VACUUM $_[0]");
	$primary->safe_psql('postgres', "INSERT INTO $_[0] SELECT * FROM rows WHERE id % 8 = 0");
});
check_all($primary, 'vacuumed');

$primary->stop('immediate');
$primary->start;
check_all($primary, 'after a crash');

$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
# the function writes nothing, but its settings are those of a transaction
check_all($standby, 'on a standby', plain => 1);
$standby->stop;

# --- an index made before its rows, and one with a sample that says nothing
each_index(sub {
	my ($table, $metric, $options) = @_;
	return if $metric ne 'l2' && $metric ne 'l1';
	$primary->safe_psql('postgres', "CREATE TABLE late (id bigint, v vector($dim));"
		  . "CREATE INDEX late_i ON late USING omenhnsw (v $OPCLASS{$metric}) WITH ($options);"
		  . "INSERT INTO late SELECT * FROM rows WHERE id <= 1500");
	my $least = $table =~ /^(binary|pq)/ ? 0.6 : 0.95;
	my $recall = recall($primary, 'late', $metric);
	cmp_ok($recall, '>=', $least, "$table, rows after the index: recall $recall");
	check_index($primary, 'late_i', "$table, rows after the index");
	$primary->safe_psql('postgres', 'REINDEX INDEX late_i');
	check_index($primary, 'late_i', "$table, rows after the index, rebuilt");

	# all alike, then rows far from what the index was trained on
	$primary->safe_psql('postgres', "TRUNCATE late;"
		  . "INSERT INTO late SELECT i, array_fill(CASE WHEN i < 1200 THEN 1 ELSE i END, ARRAY[$dim])::vector FROM generate_series(1, 1210) i;"
		  . "REINDEX INDEX late_i;"
		  . "INSERT INTO late SELECT id, v * array_fill(1000, ARRAY[$dim])::vector FROM rows WHERE id <= 1000;"
		  . "DELETE FROM late WHERE v = array_fill(1, ARRAY[$dim])::vector");
	$primary->safe_psql('postgres', 'VACUUM late');
	is($primary->safe_psql('postgres', 'SET enable_seqscan = off; SELECT count(*) FROM '
			  . "(SELECT id FROM late ORDER BY v $OPERATOR{$metric} (SELECT v FROM q LIMIT 1) LIMIT 2000) s"),
		1011, "$table, untypical rows: all of them");
	check_index($primary, 'late_i', "$table, untypical rows");
	$primary->safe_psql('postgres', 'DROP TABLE late');
});

# --- the most dimensions, and one
for my $d (1, 2, 3, 2000, 16000)
{
	my $rows = $d > 2000 ? 60 : 300;
	$primary->safe_psql('postgres', "CREATE TABLE wide (id bigint, v vector($d));");
	$primary->safe_psql('postgres', "SELECT setseed(0.5);"
		  . "INSERT INTO wide SELECT i, random_vector(i, $d) FROM generate_series(1, $rows) i;"
		  . "CREATE INDEX wide_i ON wide USING omenhnsw (v);"
		  . "INSERT INTO wide SELECT i, random_vector(i, $d) FROM generate_series($rows, $rows + 20) i;"
		  . "DELETE FROM wide WHERE id % 3 = 0");
	$primary->safe_psql('postgres', 'VACUUM wide');
	my $found = $primary->safe_psql('postgres', 'SET enable_seqscan = off; SET enable_sort = off;'
		  . 'SELECT count(*) FROM wide a, LATERAL (SELECT id FROM wide b ORDER BY b.v <-> a.v LIMIT 1) n'
		  . ' WHERE n.id = a.id OR EXISTS (SELECT FROM wide c WHERE c.id = n.id AND c.v = a.v)');
	is($found, $primary->safe_psql('postgres', 'SELECT count(*) FROM wide'), "$d dimensions: each row is its nearest");
	check_index($primary, 'wide_i', "$d dimensions");
	$primary->safe_psql('postgres', 'DROP TABLE wide');
}
$primary->stop;
done_testing();
