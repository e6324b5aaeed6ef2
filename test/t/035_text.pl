# omenbm25: a standby that replays every record, kills while tails are sealed and segments
# merged, searches and inserts at the same time, damaged pages.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('text');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf',
	"shared_buffers = 64MB\nautovacuum = off\nfsync = off\ncheckpoint_timeout = 1h\nmax_wal_size = 2GB\n"
	  . "wal_consistency_checking = 'generic'\nmaintenance_work_mem = 1MB\nomenbm25.tail_limit = '16kB'\nrestart_after_crash = off\n");
$node->start;
$node->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('text_standby');
$standby->init_from_backup($node, 'b', has_streaming => 1);
$standby->start;

sub sql { return $node->safe_psql('postgres', join(';', @_)); }

# rows that a search by the index returns, and those that a look at every row does
my $differ = <<'SQL';
CREATE FUNCTION differ(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE a text; b text;
	s text := format('SELECT count(*) || '' '' || coalesce(sum(id), 0) || '' '' || coalesce(round(sum(body <@> %1$L)::numeric, 6), 0)
		FROM (SELECT * FROM t WHERE body @@@ %1$L AND c < 5 ORDER BY body <@> %1$L OFFSET 0) x', query);
BEGIN
	PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'on', true);
	EXECUTE s INTO a;
	PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_indexscan', 'off', true);
	EXECUTE s INTO b;
	RETURN CASE WHEN a <> b THEN query || ': ' || a || ' by the index, ' || b || ' without' END;
END $$
SQL
sql('CREATE EXTENSION omendb', $differ,
	'CREATE TABLE t (id serial PRIMARY KEY, body text, c int)',
	"CREATE FUNCTION words(n int) RETURNS text LANGUAGE sql VOLATILE AS \$\$
		SELECT string_agg('w' || floor(exp(random() * 6))::int, ' ') FROM generate_series(1, n) \$\$",
	"SELECT setseed(0.5)", "INSERT INTO t (body, c) SELECT words(20), i % 10 FROM generate_series(1, 1000) i",
	"CREATE INDEX i ON t USING omenbm25 (body, c) WITH (text_config = simple)",
	'CHECKPOINT');

# a build by several participants
my ($rc, $out, $notices) = $node->psql('postgres', "ALTER TABLE t SET (parallel_workers = 2); SET client_min_messages = debug1; REINDEX INDEX i");
like($notices, qr/index "i": [1-9] runs on disk, [12] workers/, 'a parallel build');

sub sound
{
	my ($name) = @_;
	is(sql("SELECT heap_rows FROM omendb_index_check('i', true)"), sql('SELECT count(*) FROM t'), "$name: the checker");
	is(sql("SELECT string_agg(differ(q), ', ') FROM unnest(ARRAY['w1', 'w1 w50 w9', 'w300 w2', '\"w1 w2\" -w3']) q"), '',
		"$name: searches find what a look at every row does");
	return;
}

sound('built');
sql("INSERT INTO t (body, c) SELECT words(1 + i % 40), i % 10 FROM generate_series(1, 1500) i");
sound('inserted');
sql('DELETE FROM t WHERE id % 3 = 0', 'UPDATE t SET body = body || \' w1\' WHERE id % 5 = 0');
$node->safe_psql('postgres', 'VACUUM t');
sound('vacuumed');

# a vacuum lets numbers of documents be used again while others are inserted: the tail has low numbers behind
# high ones, and is sorted in several runs
sql('DELETE FROM t WHERE id % 2 = 0');
my ($inserted, $complaints) = ('', '');
my $inserts = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "SET omenbm25.tail_limit = '1GB'", '-c',
	"INSERT INTO t (body, c) SELECT words(60), i % 10 FROM generate_series(1, 3000) i" ], '>', \$inserted, '2>', \$complaints);
$node->poll_query_until('postgres', "SELECT tail_documents > 0 FROM omendb_text_info('i')") or die 'no insert';
$node->safe_psql('postgres', 'VACUUM t');
$inserts->finish;
is($complaints, '', 'inserted during a vacuum');
$node->safe_psql('postgres', 'VACUUM t');
sound('a tail in several runs');
sql('DELETE FROM t WHERE id % 2 = 1 AND id > 2500');

# ---- standby

$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', "SELECT nodes, dead_nodes FROM omendb_index_check('i')"),
	sql("SELECT nodes, dead_nodes FROM omendb_index_check('i')"), 'standby: the checker');
for my $query ('w1', 'w1 w50 w9')
{
	my $search = "SET enable_seqscan = off; SELECT id, body <@> '$query' FROM t WHERE c = 3 ORDER BY body <@> '$query', id LIMIT 50";
	is($standby->safe_psql('postgres', $search), sql($search), "standby: $query");
}
is($standby->safe_psql('postgres', 'SELECT pg_is_in_recovery()'), 't', 'standby: every record was replayed to the same page');

$standby->stop;

# ---- at the same time

my @sessions;
for my $script ("SELECT count(*) FROM (SELECT id FROM t ORDER BY body <@> 'w1 w9' LIMIT 200) x;\n"
	  . "SELECT 1 / (count(*) = count(DISTINCT id))::int FROM (SELECT id FROM t ORDER BY body <@> 'w2 w3') x;\n",
	"INSERT INTO t (body, c) SELECT words(30), 1 FROM generate_series(1, 50);\n",
	"INSERT INTO t (body, c) VALUES (words(30), 7);\nDELETE FROM t WHERE id = (SELECT min(id) FROM t);\n", "VACUUM t;\nSELECT pg_sleep(0.05);\n")
{
	my $file = $node->basedir . '/load' . scalar(@sessions) . '.sql';
	append_to_file($file, $script);
	my ($out, $err) = ('', '');
	push @sessions, { err => \$err, run => IPC::Run::start([ $node->installed_command('pgbench'), '-n', '-T', '4', '-f', $file,
		'-d', $node->connstr('postgres') ], '>', \$out, '2>', \$err) };
}
for my $session (@sessions)
{
	$session->{run}->finish;
	unlike(${ $session->{err} }, qr/ERROR|FATAL|aborted/, 'at the same time: no error');
}
sound('at the same time');

# ---- kills

sub crash_during
{
	my ($statement, $microseconds) = @_;
	my ($out, $err) = ('', '');
	my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $statement ], '>', \$out, '2>', \$err,
		IPC::Run::timeout(60));
	my $pid = '';
	for (1 .. 200)
	{
		$pid = sql("SELECT pid FROM pg_stat_activity WHERE query LIKE '" . substr($statement, 0, 12) . "%' AND state = 'active' AND pid <> pg_backend_pid() LIMIT 1");
		last if $pid;
		usleep(5000);
	}
	usleep($microseconds);
	my $hit = $pid ? kill('KILL', $pid) : 0;
	eval { $session->finish };
	$node->stop('immediate', fail_ok => 1);
	$node->start;
	return $hit;
}

my $hits = 0;
for my $delay (1000, 30000, 120000)
{
	$hits += crash_during('INSERT INTO t (body, c) SELECT words(60), 1 FROM generate_series(1, 20000)', $delay);
	sound("killed while inserting, after $delay us");
	sql('DELETE FROM t WHERE id % 4 = 0', "INSERT INTO t (body, c) SELECT words(25), i % 10 FROM generate_series(1, 300) i");
	$hits += crash_during('VACUUM t', $delay);
	sound("killed in vacuum, after $delay us");
}
$node->safe_psql('postgres', 'VACUUM t');
is(sql("SELECT dead_nodes <= 0.1 * nodes FROM omendb_index_check('i', true)"), 't', 'after a vacuum, less than a tenth is dead');
cmp_ok($hits, '>', 0, "$hits kills");

# ---- unlogged

sql("CREATE UNLOGGED TABLE u (id int, body text)", "INSERT INTO u SELECT i, 'w1 w' || i FROM generate_series(1, 100) i",
	"CREATE INDEX ui ON u USING omenbm25 (body)");
crash_during('SELECT pg_sleep(10)', 1000);
is(sql("SELECT nodes FROM omendb_index_check('ui', true)"), '0', 'unlogged: empty after a crash');
sql("INSERT INTO u SELECT i, 'w1 w' || i FROM generate_series(1, 100) i");
is(sql("SELECT count(*) FROM u WHERE body @@@ 'w1'"), '100', 'unlogged: works after a crash');

# ---- damaged pages: an error or nothing, never a crash

sql("INSERT INTO t (body, c) SELECT words(20), i % 10 FROM generate_series(1, 20) i", 'CHECKPOINT');
my $file = $node->data_dir . '/' . sql("SELECT pg_relation_filepath('i')");
$node->stop;
my $whole = slurp_file($file);
srand(7);
my ($errors, $silent) = (0, 0);
for my $case (1 .. 12)
{
	my $copy = $whole;
	my $page = int(rand(length($whole) / 8192));
	substr($copy, $page * 8192 + 24 + int(rand($case % 2 ? 60 : 8100)), 1 + int(rand(4))) = join('', map { chr(int(rand(256))) } 1 .. 4);
	open(my $fh, '>:raw', $file) or die $!;
	print $fh substr($copy, 0, length($whole));
	close($fh);
	$node->start;
	for my $statement ("SELECT count(*) FROM omendb_index_check('i')", "SET enable_seqscan = off; SELECT count(*) FROM (SELECT id FROM t ORDER BY body <@> 'w1 w7 w100') x")
	{
		my ($rc, $out, $err) = $node->psql('postgres', $statement);
		$errors++ if $err =~ /is corrupted|bm25|ERROR/;
		fail("page $page: $err") if $err =~ /server closed|terminated/;
	}
	$node->stop;
}
# damaged(contents, what, expected error, statements): each statement says it, with the index
sub damaged
{
	my ($contents, $name, $expected, @statements) = @_;
	open(my $fh, '>:raw', $file) or die $!;
	print $fh $contents;
	close($fh);
	$node->start;
	for my $statement (@statements)
	{
		my ($rc, $out, $err) = $node->psql('postgres', "SET statement_timeout = '20s'; SET enable_seqscan = off; $statement", extra_params => [ '-v', 'VERBOSITY=verbose' ]);
		like($err, qr/XX002: index "i" is corrupted at block $expected/, "$name, $statement");
	}
	$node->stop;
	return;
}

# patched(block, offset on the page, bytes)
sub patched
{
	my ($block, $offset, $bytes) = @_;
	my $copy = $whole;
	substr($copy, $block * 8192 + $offset, length($bytes)) = $bytes;
	return $copy;
}

sub pages_of { my ($kind) = @_; return grep { unpack('v', substr($whole, ($_ + 1) * 8192 - 12, 2)) == $kind } 0 .. length($whole) / 8192 - 1; }
my @searches = map { "SELECT count(*) FROM (SELECT id FROM t $_) x" } "ORDER BY body <@> 'w1 w7 w100'", "WHERE body @@@ 'w1'";

# documents in a block that the table does not have: behind its end, and in a segment of a gigabyte that does not exist
my ($documents) = pages_of(16);
for my $block ([ 0, 50_000 ], [ 8, 0 ])
{
	my $copy = $whole;
	# all on the page: block, line pointer, state, length
	substr($copy, $documents * 8192 + 24 + 12 * $_, 4) = pack('vv', @$block) for 0 .. 299;
	damaged($copy, "rows of block @$block", qr/$documents: row \(\d+,\d+\) is beyond the table's end/, @searches, "SELECT count(*) FROM (SELECT id FROM t ORDER BY body <@> 'unknown') x");
}

# documents without a line pointer
my $copy = $whole;
substr($copy, $documents * 8192 + 24 + 12 * $_, 6) = "\0" x 6 for 0 .. 299;
damaged($copy, 'no row', qr/$documents: row \(0,0\) is not possible/, @searches);

# a page of the tail that is of a later one: searches did not end
my $epoch = unpack('V', substr($whole, 24 + 20, 4));
my ($tail) = grep { unpack('V', substr($whole, $_ * 8192 + 24, 4)) == $epoch } map { pages_of($_) } 19, 20;
damaged(patched($tail, 24, pack('V', $epoch + 2)), 'a later tail', qr/$tail: page of the tail of epoch @{[ $epoch + 2 ]} where/, @searches, "SELECT omendb_index_check('i')", 'DELETE FROM t WHERE id % 7 = 0; VACUUM (INDEX_CLEANUP on) t');

# a segment's first page: a vacuum took pages up to there. Its documents: a merge reserved as many pages as they need
damaged(patched(0, 24 + 440 + 4, pack('V', 1 << 30)), 'a segment behind the end', qr/0: segment \d+ ends with page/, 'DELETE FROM t WHERE id % 7 = 1; VACUUM (INDEX_CLEANUP on) t', "SELECT omendb_index_check('i')");
damaged(patched(0, 24 + 440 + 28, pack('V', 1 << 30)), 'a segment of a billion documents', qr/0: segment \d+ has 1073741824 documents/, 'DELETE FROM t WHERE id % 7 = 2; VACUUM (INDEX_CLEANUP on) t', "SELECT omendb_index_check('i')");

open(my $fh, '>:raw', $file) or die $!;
print $fh $whole;
close($fh);
$node->start;
cmp_ok($errors, '>', 0, "$errors errors of damaged pages, no crash");
sound('the end');
done_testing();
