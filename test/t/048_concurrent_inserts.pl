# Several sessions insert at the same time into one index: rows are not cut off from the graph, whether it trains itself
# at the same time, has groups far from one another, or leads to a few long vectors, as under inner product.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($dim, $clients) = (24, 8);
my $node = new_server('inserts', conf => "autovacuum = off\n");
my $file = PostgreSQL::Test::Utils::tempdir() . '/insert.sql';

# name, a row's vector, its operator class, statements of each session
for my $case (
	[ 'around a place that moves', 'at + random() * 3', '(nextval(\'n\') / 160) * 30', 'l2', 150 ],
	[ 'around five places', 'at + random() * 3', '(nextval(\'n\') % 5) * 1000', 'l2', 150 ],
	[ 'of uneven lengths', 'at * (random() - 0.5)', 'exp(3 * random()) + 0 * nextval(\'n\')', 'ip', 500 ])
{
	my ($name, $component, $at, $metric, $each) = @$case;
	my ($unreachable, $rows) = (0, 0);
	unlink $file;
	append_to_file($file, "INSERT INTO t (v) SELECT array_agg($component)::real[]::vector "
		  . "FROM (SELECT $at AS at) s, generate_series(1, $dim);\n");
	for my $round (1 .. 4)
	{
		$node->safe_psql('postgres', 'DROP TABLE IF EXISTS t; DROP SEQUENCE IF EXISTS n; CREATE SEQUENCE n;'
			  . "CREATE TABLE t (id bigserial, v vector($dim)); CREATE INDEX i ON t USING omenhnsw (v $OPCLASS{$metric}) WITH (bits = 4, m = 4, ef_construction = 16)");
		$node->command_ok([ 'pgbench', '-n', '-c', $clients, '-t', $each, '-f', $file, '-h', $node->host, '-p', $node->port, 'postgres' ],
			"$name, round $round: rows are inserted");
		my $f = figures($node, 'i');
		$unreachable += $f->{unreachable};
		$rows += $f->{nodes};
	}
	is($rows, 4 * $clients * $each, "$name: each row has a node");
	# Lists of eight links: without the look at the path that a dropped link relies on (linkwrite.c), and without what training
	# does (rewire.c), it was 1 to 4 of a hundred in the first case.  An entry point that is replaced while its links are
	# written again cut off most of an index in one of some hundred rounds.
	is($unreachable, 0, "$name: all of $rows nodes can be reached");
}
$node->stop;
done_testing();
