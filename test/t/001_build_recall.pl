# Recall after a build: every metric, every number of bits, 100 to 100,000 rows.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use Test::More;

my $dim = 64;
my $node = new_server('build');

# 10 nearest at ef_search 40
my %least = (1 => 0.85, 2 => 0.95, 4 => 0.97, 8 => 0.97);

sub one_index
{
	my ($rows, $metric, $bits) = @_;
	$node->safe_psql('postgres',
		"CREATE INDEX i ON t USING omenhnsw (v $OPCLASS{$metric}) WITH (bits = $bits)");
	my $recall = recall($node, 't', $metric);
	cmp_ok($recall, '>=', $least{$bits}, "$rows rows, $metric, $bits bits: recall $recall");
	my $f = check_index($node, 'i', "$rows rows, $metric, $bits bits");
	is($f->{heap_rows}, $rows, "$rows rows, $metric, $bits bits: all rows seen");
	$node->safe_psql('postgres', 'DROP INDEX i');
}

$node->safe_psql('postgres', "CREATE TABLE q (v vector($dim));"
	  . "SELECT setseed(0.75); INSERT INTO q SELECT random_vector(i, $dim) FROM generate_series(1, 60) i");
for my $rows (100, 1000, 10000)
{
	$node->safe_psql('postgres',
		"DROP TABLE IF EXISTS t; CREATE TABLE t (id bigint, v vector($dim))");
	fill($node, 't', 1, $rows, $dim);
	for my $metric (@METRICS)
	{
		one_index($rows, $metric, $_) for (1, 2, 4, 8);
	}
}

$node->safe_psql('postgres', "TRUNCATE t");
fill($node, 't', 1, 100000, $dim);
one_index(100000, 'l2', 4);

# the same rows, one by one
$node->safe_psql('postgres', 'DELETE FROM t WHERE id > 10000; VACUUM t');
for my $metric (@METRICS)
{
	$node->safe_psql('postgres',
		"CREATE TABLE u (id bigint, v vector($dim));"
		  . "CREATE INDEX i ON u USING omenhnsw (v $OPCLASS{$metric});"
		  . "INSERT INTO u SELECT * FROM t WHERE id <= 3000");
	my $recall = recall($node, 'u', $metric);
	cmp_ok($recall, '>=', 0.95, "inserts into an empty index, $metric: recall $recall");
	check_index($node, 'i', "inserts into an empty index, $metric");
	$node->safe_psql('postgres', 'DROP TABLE u');
}
$node->stop;
done_testing();
