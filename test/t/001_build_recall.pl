# Recall after a build: every metric, every number of bits, 100 to 100,000 rows.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Utils;
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

# --- short vectors under inner product are in few lists: a build looks at those nodes again

# incoming_links(relation) -- links to each live node of an index without filter columns, m 16
sub incoming_links
{
	my ($relation) = @_;
	$node->safe_psql('postgres', 'CHECKPOINT');
	my $data = slurp_file($node->data_dir . '/'
		  . $node->safe_psql('postgres', "SELECT pg_relation_filepath('$relation')"));
	my ($code_bytes, $node_bytes) = unpack 'x72 VV', $data;
	my $per_page = int((8192 - 24 - 16) / $node_bytes);
	my (%live, %incoming);
	for (my $block = 1; $block * 8192 < length $data; $block++)
	{
		my $page = substr $data, $block * 8192, 8192;
		my ($lp, $kind, undef, $used) = unpack 'V v v v', substr($page, -16);
		next if $kind != 16;
		for my $slot (0 .. $used - 1)
		{
			my $record = substr $page, 24 + $slot * $node_bytes, $node_bytes;
			next if unpack('C', $record) != 1;
			$live{ $lp * $per_page + $slot } = 1;
			$incoming{$_}++ for grep { $_ != 0xFFFFFFFF } unpack 'V*', substr($record, 20 + $code_bytes, 128);
		}
	}
	return map { $incoming{$_} // 0 } keys %live;
}

$node->safe_psql('postgres', "CREATE TABLE w (id bigint, v vector(32));"
	  . 'SELECT setseed(0.25); INSERT INTO w SELECT i, random_vector(i, 32) FROM generate_series(1, 10000) i;'
	  . 'CREATE INDEX i ON w USING omenhnsw (v vector_ip_ops)');
my @incoming = incoming_links('i');
is(scalar @incoming, 10000, 'all nodes found in the file');
my $few = grep { $_ < 4 } @incoming;
cmp_ok($few, '<', 200, "$few of 10,000 nodes have fewer than 4 incoming links");
check_index($node, 'i', 'relinked nodes');

$node->stop;
done_testing();
