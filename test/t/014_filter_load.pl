# Filter columns under load, through crashes, and on a standby.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $dim = 24;
my $set = $FILTER_SETS[1];
my $columns = filter_columns($set);
my $make = "USING omenhnsw (v, $columns)";
my $primary = new_server('filter_primary', init => [ allows_streaming => 1 ],
	conf => "wal_consistency_checking = 'generic'\nhot_standby_feedback = on\nmax_connections = 40\n"
	  . "deadlock_timeout = 5s\ncheckpoint_timeout = 1h\nwal_keep_size = 1GB\n");
my $folder = PostgreSQL::Test::Utils::tempdir();
sub sql { return $primary->safe_psql('postgres', join(';', @_)); }

sub script
{
	my ($name, $text) = @_;
	append_to_file("$folder/$name", $text);
	return "$folder/$name";
}

# start_load(node, seconds, clients, scripts...), finish_load(load, name)
sub start_load
{
	my ($node, $seconds, $clients, @scripts) = @_;
	my $load = { out => '', err => '' };
	$load->{run} = IPC::Run::start([ 'pgbench', '-n', '-c', $clients, '-j', 2, '-T', $seconds, (map { ('-f', $_) } @scripts),
			'-h', $node->host, '-p', $node->port, 'postgres' ],
		'>', \$load->{out}, '2>', \$load->{err}, IPC::Run::timeout($seconds + 90));
	return $load;
}

sub finish_load
{
	my ($load, $name) = @_;
	eval { $load->{run}->finish };
	ok($load->{run}->result(0) == 0 && $load->{err} !~ /corrupt|deadlock|server closed/, "$name: no error")
	  or diag($load->{err});
	my ($done) = $load->{out} =~ /transactions actually processed: (\d+)/;
	cmp_ok($done // 0, '>', 5, "$name: " . ($done // 0) . ' transactions');
}

# Writers that change filter columns, with the vector or without it.
my @writers = (
	script('insert.sql', "\\set n random(1, 2000)\nINSERT INTO t SELECT nextval('ids'), random_vector(:n, $dim), 0, "
		  . filter_values($set, ':n') . ";\n") . '@6',
	script('twin.sql', "\\set n random(1, 40)\n\\set k random(1, 3)\nINSERT INTO t SELECT nextval('ids'), v, 0, "
		  . filter_values($set, ':k') . " FROM source WHERE id = :n;\n") . '@4',
	script('null.sql', "\\set n random(1, 2000)\nINSERT INTO t SELECT nextval('ids'), NULL, 0, "
		  . filter_values($set, ':n') . ";\n") . '@1',
	script('change.sql', "\\set n random(1, 40000)\nUPDATE t SET ($columns) = ROW(" . filter_values($set, ':n')
		  . ") WHERE id IN (SELECT id FROM t WHERE id >= :n % (SELECT last_value FROM ids) ORDER BY id LIMIT 3);\n") . '@10',
	script('note.sql', "\\set n random(1, 40000)\nUPDATE t SET note = note + 1 "
		  . "WHERE id IN (SELECT id FROM t WHERE id >= :n % (SELECT last_value FROM ids) ORDER BY id LIMIT 3);\n") . '@3',
	script('delete.sql', "\\set n random(1, 40000)\nDELETE FROM t "
		  . "WHERE id IN (SELECT id FROM t WHERE id >= :n % (SELECT last_value FROM ids) ORDER BY id LIMIT 3);\n") . '@8',
	script('abort.sql', "\\set n random(1, 2000)\nBEGIN;\nUPDATE t SET ($columns) = ROW(" . filter_values($set, ':n')
		  . ") WHERE id = (SELECT min(id) FROM t WHERE id > :n);\nROLLBACK;\n") . '@1');
my $vacuum = script('vacuum.sql', "VACUUM (TRUNCATE off, SKIP_LOCKED) t;\n");
my $check = script('check.sql', "SELECT nodes FROM omendb_index_check('i');\n");
# The rows of a condition by index and by table, in one snapshot; a division by zero if they differ.
my $reader = script('reader.sql', "\\set n random(0, 49)\nBEGIN ISOLATION LEVEL REPEATABLE READ;\n"
	  . "SET LOCAL enable_indexscan = off;\nSELECT count(*) AS wanted FROM t WHERE c1 = :n \\gset\n"
	  . "SET LOCAL enable_indexscan = on;\nSET LOCAL enable_seqscan = off;\nSET LOCAL enable_sort = off;\nSET LOCAL enable_bitmapscan = off;\n"
	  . "SELECT 1 / (count(*) = :wanted AND count(DISTINCT id) = :wanted)::int FROM "
	  . "(SELECT id FROM t WHERE c1 = :n ORDER BY v <-> (SELECT v FROM q)) s;\n"
	  . "SELECT 1 / (count(*) = least(10, :wanted))::int FROM "
	  . "(SELECT id FROM t WHERE c1 = :n ORDER BY v <-> (SELECT v FROM q) LIMIT 10) s;\nCOMMIT;\n");

sql("CREATE TABLE source (id bigint PRIMARY KEY, v vector($dim))", 'CREATE SEQUENCE ids', "CREATE TABLE q (v vector($dim))",
	"INSERT INTO q SELECT random_vector(3, $dim)",
	"CREATE TABLE t (id bigint PRIMARY KEY, v vector($dim), note int, " . filter_columns($set, type => 1) . ')');
fill($primary, 'source', 1, 2000, $dim);
$primary->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('filter_standby');
$standby->init_from_backup($primary, 'b', has_streaming => 1);
$standby->start;

# whole(name) -- after one more vacuum the index is as it should be, on both servers.
sub whole
{
	my ($name) = @_;
	sql('DELETE FROM t WHERE id % 37 = 0');
	$primary->safe_psql('postgres', 'VACUUM t');
	my $f = check_index($primary, 'i', "$name: primary");
	is($f->{heap_rows}, sql('SELECT count(*) FROM t'), "$name: every row is there");
	same_answers($primary, 't', $set, "$name: primary");
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	check_index($standby, 'i', "$name: standby", plain => 1);
	for my $condition (split /\n/, sql("SELECT filter_conditions('t', 3, 3)"))
	{
		my $ids = "SELECT md5(string_agg(id::text, ',' ORDER BY id)) FROM (SELECT id FROM t WHERE $condition ORDER BY v <-> (SELECT v FROM q)) s";
		is($standby->safe_psql('postgres', "SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off; $ids"), sql($ids),
			"$name: the standby finds the rows where $condition");
	}
}

# --- everything at once, beginning with an empty index and with one that was built
for my $state ('empty', 'built')
{
	sql('DROP INDEX IF EXISTS i', 'TRUNCATE t');
	sql("INSERT INTO t SELECT nextval('ids'), v, 0, " . filter_values($set, 'id') . ' FROM source') if $state eq 'built';
	sql("CREATE INDEX i ON t $make");
	my $load = start_load($primary, 10, 8, @writers, "$reader\@8", "$vacuum\@2", "$check\@1");
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	my $readers = start_load($standby, 8, 2, "$reader\@8", "$check\@1");
	finish_load($load, "$state, everything at once");
	finish_load($readers, "$state, readers on the standby");
	whole("$state, everything at once");
}

# --- indexes built at the same time
my $load = start_load($primary, 10, 4, @writers);
$primary->safe_psql('postgres', "CREATE INDEX CONCURRENTLY j ON t $make");
$primary->safe_psql('postgres', 'REINDEX INDEX CONCURRENTLY i');
finish_load($load, 'writers during concurrent builds');
whole('indexes built under load');
check_index($primary, 'j', 'CREATE INDEX CONCURRENTLY under load');
sql('DROP INDEX j');

# --- kill -9 of a backend that inserts, changes or vacuums, and of the server with it
sub crash_during
{
	my ($statement, $microseconds) = @_;
	my ($out, $err) = ('', '');
	my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $primary->connstr('postgres'), '-c', $statement ],
		'>', \$out, '2>', \$err, IPC::Run::timeout(60));
	my $pid = '';
	for (1 .. 200)
	{
		$pid = sql("SELECT pid FROM pg_stat_activity WHERE query LIKE '" . substr($statement, 0, 8) . "%' AND state = 'active' AND pid <> pg_backend_pid() LIMIT 1");
		last if $pid;
		usleep(5000);
	}
	usleep($microseconds);
	my $hit = $pid ? kill('KILL', $pid) : 0;
	eval { $session->finish };
	$primary->stop('immediate', fail_ok => 1);
	$primary->start;
	return $hit;
}

my $crashes = 0;
my $round = 0;
for my $delay (2000, 50000, 120000, 250000)
{
	for my $statement (
		"INSERT INTO t SELECT nextval('ids'), random_vector(id, $dim), 0, " . filter_values($set, 'id') . ' FROM source',
		"UPDATE t SET ($columns) = ROW(" . filter_values($set, 'id + 1') . ')',
		'VACUUM t')
	{
		my $verb = (split / /, $statement)[0];
		sql("DELETE FROM t WHERE id % 5 = $round % 5", "INSERT INTO t SELECT nextval('ids'), v, 0, " . filter_values($set, 'id') . " FROM source LIMIT 300", 'CHECKPOINT');
		$round++;
		$crashes += crash_during($statement, $delay);
		my $f = figures($primary, 'i');
		is($f->{unreachable}, 0, "$verb killed after $delay us: every node reachable");
		is($f->{heap_rows}, sql('SELECT count(*) FROM t'), "$verb killed after $delay us: every row there");
	}
	$primary->safe_psql('postgres', 'VACUUM t');
	whole("vacuumed after crashes at $delay us");
}
cmp_ok($crashes, '>', 3, "$crashes crashes in the middle");

# --- promotion
$standby->promote;
$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
$standby->safe_psql('postgres', "UPDATE t SET ($columns) = ROW(" . filter_values($set, 'id + 2') . ') WHERE id % 3 = 0');
$standby->safe_psql('postgres', 'VACUUM t');
check_index($standby, 'i', 'promoted');
same_answers($standby, 't', $set, 'promoted');
$standby->stop;
$primary->stop;
done_testing();
