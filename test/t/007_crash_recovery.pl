# kill -9 during builds, inserts and vacuums: the index is valid after recovery, and
# the next vacuum finishes what was left.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $dim = 40;
my $node = new_server('crash', conf => "checkpoint_timeout = 1h\nvacuum_cost_delay = 1\nvacuum_cost_limit = 60\n");

sub sql { return $node->safe_psql('postgres', join(';', @_)); }

# Run a statement in the background, kill its backend after some time, and the
# server with it; start again.
sub crash_during
{
	my ($statement, $microseconds) = @_;
	my ($out, $err) = ('', '');
	my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $statement ],
		'>', \$out, '2>', \$err, IPC::Run::timeout(60));
	my $pid = '';
	for (1 .. 200)
	{
		$pid = sql("SELECT pid FROM pg_stat_activity WHERE query LIKE '" . substr($statement, 0, 15) . "%' AND state = 'active' AND pid <> pg_backend_pid() LIMIT 1");
		last if $pid;
		usleep(5000);
	}
	usleep($microseconds);
	my $hit = $pid ? kill('KILL', $pid) : 0;
	eval { $session->finish };
	# restart_after_crash is off: the server goes down with the backend, or is made to
	$node->stop('immediate', fail_ok => 1);
	$node->start;
	return $hit;
}

sql("CREATE TABLE source (id bigint, v vector($dim))");
fill($node, 'source', 1, 6000, $dim);
sql("CREATE TABLE t (id bigint, v vector($dim))", 'INSERT INTO t SELECT * FROM source WHERE id <= 3000',
	'CREATE INDEX i ON t USING omenhnsw (v)', 'CHECKPOINT');

for my $delay (5000, 40000, 150000)
{
	crash_during('CREATE INDEX j ON t USING omenhnsw (v)', $delay);
	is(sql("SELECT count(*) FROM pg_class WHERE relname = 'j'"), sql("SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('j')"),
		"crash during a build after $delay us");
	sql('DROP INDEX IF EXISTS j');
	check_index($node, 'i', "the other index, build crashed after $delay us");
}

my $crashes = 0;
for my $delay (2000, 30000, 100000, 250000, 400000)
{
	my $from = sql('SELECT count(*) FROM t');
	$crashes += crash_during('INSERT INTO t SELECT * FROM source WHERE id > 3000', $delay);
	my $f = figures($node, 'i');
	is($f->{unreachable}, 0, "crash during inserts after $delay us: every node reachable");
	is($f->{heap_rows}, sql('SELECT count(*) FROM t'), "crash during inserts after $delay us: every row there");
	# what the crash left is taken away
	$node->safe_psql('postgres', 'SET vacuum_cost_delay = 0; VACUUM t');
	check_index($node, 'i', "crash during inserts after $delay us, vacuumed");
	sql('DELETE FROM t WHERE id > 3000');
	$node->safe_psql('postgres', 'SET vacuum_cost_delay = 0; VACUUM t');
}
cmp_ok($crashes, '>', 0, "$crashes crashes during inserts");

$crashes = 0;
for my $round (0 .. 7)
{
	sql("DELETE FROM t WHERE id % 8 = $round", 'INSERT INTO t SELECT id, v FROM source WHERE id <= 50', 'CHECKPOINT');
	$crashes += crash_during('VACUUM t', 15000 + 60000 * $round);
	my $f = figures($node, 'i');
	is($f->{unreachable}, 0, "crash during vacuum $round: every node reachable");
	is($f->{heap_rows}, sql('SELECT count(*) FROM t'), "crash during vacuum $round: every row there");
	sql("INSERT INTO t SELECT * FROM source WHERE id % 8 = $round AND id <= 3000");
	figures($node, 'i');
}
cmp_ok($crashes, '>', 0, "$crashes crashes during vacuum");
sql('DELETE FROM t WHERE id = 8');
$node->safe_psql('postgres', 'SET vacuum_cost_delay = 0; VACUUM t');
my $f = check_index($node, 'i', 'the last vacuum finished the work of the others');

# --- an unlogged table is empty after a crash, and goes on working
sql("CREATE UNLOGGED TABLE u (id bigint, v vector($dim))", 'CREATE INDEX ui ON u USING omenhnsw (v vector_cosine_ops)',
	'INSERT INTO u SELECT * FROM source WHERE id <= 500', 'CHECKPOINT', 'INSERT INTO u SELECT * FROM source WHERE id <= 900');
check_index($node, 'ui', 'unlogged');
$node->stop('immediate');
$node->start;
$f = check_index($node, 'ui', 'unlogged, after a crash');
is($f->{tids}, 0, 'an unlogged index is empty after a crash');
sql('INSERT INTO u SELECT * FROM source WHERE id <= 700');
$f = check_index($node, 'ui', 'unlogged, filled again');
is($f->{heap_rows}, 700, 'and can be filled again');
$node->restart;
$f = check_index($node, 'ui', 'unlogged, after a restart');
is($f->{heap_rows}, 700, 'an orderly restart keeps it');
sql('ALTER TABLE u SET LOGGED');
$node->stop('immediate');
$node->start;
$f = check_index($node, 'ui', 'logged from now on, after a crash');
is($f->{heap_rows}, 700, 'and so does a crash once it is logged');
$node->stop;
done_testing();
