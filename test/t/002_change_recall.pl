# Recall after inserts, after deleting half, over rounds of deleting and inserting; new entry points.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use Test::More;

my $dim = 64;
my $rows = 4000;
my $node = new_server('change');

$node->safe_psql('postgres', "CREATE TABLE q (v vector($dim));"
	  . "SELECT setseed(0.75); INSERT INTO q SELECT random_vector(i, $dim) FROM generate_series(1, 100) i;"
	  . "CREATE TABLE source (id bigint, v vector($dim))");
fill($node, 'source', 1, $rows, $dim);

# Recall of the index as it is must not be below that of a new one by more than this.
sub compare_with_rebuild
{
	my ($metric, $least, $name) = @_;
	my $recall = recall($node, 't', $metric);
	$node->safe_psql('postgres', 'CREATE INDEX j ON t USING omenhnsw (v '
		  . "$OPCLASS{$metric}) WITH (bits = " . $node->safe_psql('postgres',
			q{SELECT substring(reloptions::text FROM 'bits=(\d+)') FROM pg_class WHERE relname = 'i'}) . ')');
	$node->safe_psql('postgres', "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass");
	my $rebuilt = recall($node, 't', $metric);
	$node->safe_psql('postgres',
		"DROP INDEX j; UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'i'::regclass");
	cmp_ok($recall, '>=', $rebuilt - $least, "$name: recall $recall, rebuilt $rebuilt");
}

for my $case (map { my $m = $_; map { [ $m, $_ ] } (1, 4) } @METRICS)
{
	my ($metric, $bits) = @$case;
	my $name = "$metric, $bits bits";
	my $slack = $bits == 1 ? 0.06 : 0.03;

	$node->safe_psql('postgres', "DROP TABLE IF EXISTS t; CREATE TABLE t (id bigint, v vector($dim));"
		  . "INSERT INTO t SELECT * FROM source WHERE id <= $rows / 2;"
		  . "CREATE INDEX i ON t USING omenhnsw (v $OPCLASS{$metric}) WITH (bits = $bits);"
		  . "INSERT INTO t SELECT * FROM source WHERE id > $rows / 2");
	compare_with_rebuild($metric, $slack, "$name, half of the rows inserted");
	check_index($node, 'i', "$name, half of the rows inserted");

	$node->safe_psql('postgres', 'DELETE FROM t WHERE id * 7919 % 100 < 50');
	$node->safe_psql('postgres', 'VACUUM t');
	compare_with_rebuild($metric, $slack, "$name, half of the rows deleted");
	check_index($node, 'i', "$name, half of the rows deleted");
	$node->safe_psql('postgres',
		'INSERT INTO t SELECT * FROM source WHERE id * 7919 % 100 < 50');
	check_index($node, 'i', "$name, the half inserted again");

	for my $round (0 .. 4)
	{
		my $part = "id * 7919 % 100 >= $round * 20 AND id * 7919 % 100 < $round * 20 + 20";
		$node->safe_psql('postgres', "DELETE FROM t WHERE $part");
		$node->safe_psql('postgres', 'VACUUM t');
		$node->safe_psql('postgres', "INSERT INTO t SELECT * FROM source WHERE $part");
	}
	compare_with_rebuild($metric, $slack, "$name, five rounds of 20 %");
	my $f = check_index($node, 'i', "$name, five rounds of 20 %");
	is($f->{heap_rows}, $rows, "$name: all rows there");

	# whole clusters, and with them all that a node was linked to
	$node->safe_psql('postgres', 'DELETE FROM t WHERE id % 20 < 10');
	$node->safe_psql('postgres', 'VACUUM t');
	compare_with_rebuild($metric, 0.04, "$name, half of the clusters deleted");
	check_index($node, 'i', "$name, half of the clusters deleted");
}

# --- new entry points: short lists, and vectors so short that nothing links to them
for my $metric (@METRICS)
{
	my $some = sub { 'INSERT INTO e SELECT ARRAY[(random() - .5) * s, (random() - .5) * s, (random() - .5) * s]::vector '
		  . "FROM (SELECT random() ^ 6 AS s FROM generate_series(1, $_[0])) x" };
	my ($rounds, $raised, $lost) = (20, 0, 0);
	my $level = sub { $node->safe_psql('postgres', q{SELECT levels FROM omendb_index_info('ei')}) };

	$node->safe_psql('postgres', 'DROP TABLE IF EXISTS e; CREATE TABLE e (v vector(3))');
	for (1 .. $rounds)
	{
		$node->safe_psql('postgres', 'DROP INDEX IF EXISTS ei; TRUNCATE e;' . $some->(150)
			  . ";CREATE INDEX ei ON e USING omenhnsw (v $OPCLASS{$metric}) WITH (m = 2, ef_construction = 8)");
		my $before = $level->();
		$node->safe_psql('postgres', $some->(600));
		$raised += $level->() > $before;
		$lost += figures($node, 'ei')->{unreachable};
		$node->safe_psql('postgres', 'DELETE FROM e WHERE random() < .3');
		$node->safe_psql('postgres', 'VACUUM e');
		$node->safe_psql('postgres', $some->(200));
		$lost += figures($node, 'ei')->{unreachable};
	}
	cmp_ok($raised, '>', 0, "$metric: $raised of $rounds graphs got a new entry point");
	is($lost, 0, "$metric: from which all nodes are reached");
}
$node->stop;
done_testing();
