# An index is trained again, and its nodes choose their links again, while others insert: no node is lost to searches.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dim = 400;    # few nodes on a page, so that reading them takes long
my $clients = 8;
my $node = new_server('training', conf => "autovacuum = off\n");
my $folder = PostgreSQL::Test::Utils::tempdir();

sub sql { return $node->safe_psql('postgres', join(';', @_)); }

sub pgbench
{
	my ($name, $text, @options) = @_;
	my $run = { out => '', err => '' };
	append_to_file("$folder/$name", $text) if !-e "$folder/$name";
	$run->{run} = IPC::Run::start([ 'pgbench', '-n', @options, '-f', "$folder/$name", '-h', $node->host, '-p', $node->port, 'postgres' ],
		'>', \$run->{out}, '2>', \$run->{err}, IPC::Run::timeout(300));
	return $run;
}

# groups, of which all but the first rows of the table are moved away: codes must be made by another model
sql("CREATE TABLE source (id int PRIMARY KEY, v vector($dim))",
	"INSERT INTO source SELECT n, (SELECT array_agg((3 * h(n % 20 * 1000 + d) + h(n * 1000 + d) + CASE WHEN n > 375 THEN 8 ELSE 0 END)::real ORDER BY d)
		FROM generate_series(1, $dim) d)::vector
	FROM generate_series(1, 3000) n")
  if sql('CREATE FUNCTION h(i bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS '
	  . '$$ SELECT (hashint8extended(i, 1) % 1000000 + hashint8extended(i, 2) % 1000000)::float8 / 1000000 $$') eq '';

for my $round (1 .. 3)
{
	for my $metric ('l2', 'ip')
	{
		my $name = "$metric, $round";
		sql('DROP TABLE IF EXISTS t', 'DROP SEQUENCE IF EXISTS ids', "CREATE TABLE t (id int, v vector($dim))", 'CREATE SEQUENCE ids START 376',
			'INSERT INTO t SELECT id, v FROM source WHERE id <= 375', "CREATE INDEX i ON t USING omenhnsw (v $OPCLASS{$metric}) WITH (bits = 8)");
		my $vacuums = pgbench('vacuum.sql', "DELETE FROM t WHERE id IN (SELECT id FROM t ORDER BY random() LIMIT 5);\nVACUUM t;\n\\sleep 200 ms\n", '-T', 200);
		my $inserts = pgbench('insert.sql', "INSERT INTO t SELECT id, v FROM source WHERE id = (SELECT nextval('ids'));\n", '-c', $clients, '-t', int(2625 / $clients));
		ok(IPC::Run::finish($inserts->{run}), "$name: rows are inserted") or diag($inserts->{err});
		IPC::Run::kill_kill($vacuums->{run});
		cmp_ok(sql("SELECT model FROM omendb_index_info('i')"), '>', 1, "$name: trained again");
		# the client is gone, its last vacuum may go on
		$node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT 1 FROM pg_stat_progress_vacuum)");
		is(sql("SELECT unreachable FROM omendb_index_check('i', true)"), 0, "$name: all nodes can be reached");
	}
}

# Rows at five places that lists of eight links hardly connect; the first rows are gone, and with them the entry point. While a vacuum trains
# and heals the graph, inserts drop links because of links that it would give up: in one of nine rounds 1 to 1,116 nodes were cut off.
my $row = 'SELECT array_agg(%s + random() * 3 + 0 * d)::real[]::vector FROM generate_series(1, 24) d';
my $insert = 'INSERT INTO p (v) ' . sprintf($row, 'a') . ", (SELECT 5 + floor(random() * 5) * 1000 AS a) s;\n";
my $unreachable = 0;
for my $round (1 .. 8)
{
	sql('DROP TABLE IF EXISTS p', 'CREATE TABLE p (id bigserial, v vector(24))', 'INSERT INTO p (v) SELECT (' . sprintf($row, '0 * n') . ') FROM generate_series(1, 300) n',
		'CREATE INDEX p_v ON p USING omenhnsw (v) WITH (bits = 4, m = 4, ef_construction = 16)',
		'INSERT INTO p (v) SELECT (' . sprintf($row, '5 + n % 5 * 1000') . ') FROM generate_series(1, 1800) n', 'DELETE FROM p WHERE id <= 300');
	my $inserts = pgbench('places.sql', $insert, '-c', $clients, '-T', 60);
	$node->safe_psql('postgres', 'VACUUM p');
	IPC::Run::kill_kill($inserts->{run});
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE query ~ '^INSERT' AND state <> 'idle'");
	$unreachable += sql("SELECT unreachable FROM omendb_index_check('p_v')");
}
is($unreachable, 0, 'a vacuum that trains beside inserts: all nodes can be reached');
$node->stop;
done_testing();
