# Two standbys that searches are spread over: who is connected to, what lag means, what cancels a long search, and what a
# failover leaves to be done.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dim = 12;
my $primary = new_server('primary', init => [ allows_streaming => 1 ]);
$primary->backup('b');
my @standbys = map {
	my $standby = PostgreSQL::Test::Cluster->new($_);
	$standby->init_from_backup($primary, 'b', has_streaming => 1);
	$standby->append_conf('postgresql.conf', "max_standby_streaming_delay = 200ms\nwal_receiver_status_interval = 1s\nhot_standby_feedback = "
		  . ($_ eq 'patient' ? 'on' : 'off'));
	$standby->start;
	$standby
} 'patient', 'prompt';
my ($patient, $prompt) = @standbys;

sub sql { return $primary->safe_psql('postgres', join(';', @_)); }
sub caught_up { $primary->wait_for_catchup($_, 'replay', $primary->lsn('insert')) for @standbys; return; }

sql("CREATE TABLE t (id bigint, v vector($dim)) WITH (autovacuum_enabled = off)", 'CREATE INDEX i ON t USING omenhnsw (v)', "CREATE TABLE q AS SELECT random_vector(3, $dim) AS v");
fill($primary, 't', 1, 1500, $dim);
caught_up();
my $search = "SET enable_seqscan = off; SELECT string_agg(id::text, ',') FROM (SELECT id FROM t ORDER BY v <-> (SELECT v FROM q) LIMIT 20) s";
my $expected = sql($search);
is($_->safe_psql('postgres', $search), $expected, $_->name . ' finds the same rows') for @standbys;

is($patient->safe_psql('postgres', "SELECT count(*) > 0 FROM omendb_recall('i', 5, 20)"), 't', 'recall can be measured on a standby');
my (undef, undef, $refused) = $patient->psql('postgres', "SELECT omendb_calibrate('i')");
like($refused, qr/recovery|read-only/, 'a calibration is for the primary');

# --- one connection string with all hosts
sub connected
{
	my ($more) = @_;
	my @nodes = ($primary, @standbys);
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'psql', '-XAt', '-d', 'dbname=postgres host=' . join(',', map { $_->host } @nodes) . ' port=' . join(',', map { $_->port } @nodes) . " $more",
			'-c', 'SHOW port', '-c', $search ], '>', \$out, '2>', \$err);
	my ($port, undef, $ids) = split /\n/, $out;
	my ($name) = map { $_->name } grep { $_->port == ($port // 0) } @nodes;
	is($ids, $expected, "$more: the same rows") or diag($err);
	return $name // $err;
}
is(connected('target_session_attrs=read-write'), 'primary', 'read-write');
is(connected('target_session_attrs=standby'), 'patient', 'standby: the first of them');
SKIP:
{
	my ($version) = `psql --version` =~ /(\d+)/;
	skip "load_balance_hosts comes with libpq 16, this is $version", 1 if $version < 16;
	my %reached = map { connected('target_session_attrs=standby load_balance_hosts=random') => 1 } 1 .. 30;
	is(join(' ', sort keys %reached), 'patient prompt', 'load_balance_hosts reaches both');
}
$patient->stop;
is(connected('target_session_attrs=prefer-standby'), 'prompt', 'one is away: the other');
$patient->start;

# --- a search on a standby sees what has been replayed; remote_apply waits for that
$primary->append_conf('postgresql.conf', "synchronous_standby_names = 'ANY 2 (patient, prompt)'");
$primary->reload;
$primary->poll_query_until('postgres', "SELECT count(*) = 2 FROM pg_stat_replication WHERE sync_state = 'quorum'");
for my $n (1 .. 5)
{
	sql("SET synchronous_commit = remote_apply", "INSERT INTO t SELECT 10000 + $n, v FROM q");
	like($_->safe_psql('postgres', $search), qr/\b@{[ 10000 + $n ]}\b/, "row $n is found by " . $_->name . ' as soon as it is committed') for @standbys;
}
$primary->append_conf('postgresql.conf', "synchronous_standby_names = ''");
$primary->reload;

# --- a long search, and a vacuum of what it has still to return
sub long_search
{
	my ($standby) = @_;
	my $h = { in => '', out => '', err => '' };
	$h->{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $standby->connstr('postgres') ], '<', \$h->{in}, '>', \$h->{out}, '2>', \$h->{err}, IPC::Run::timeout(60));
	$h->{in} .= "SET enable_seqscan = off; SET enable_sort = off; BEGIN; DECLARE c CURSOR FOR SELECT id FROM t ORDER BY v <-> (SELECT v FROM q); FETCH 5 FROM c; SELECT 'open';\n";
	$h->{run}->pump until $h->{out} =~ /open/;
	return $h;
}
# what standbys have reported once, holds vacuum back until they report again
sub feedback_is_new
{
	my $next = sql('SELECT pg_snapshot_xmin(pg_current_snapshot())');
	$primary->poll_query_until('postgres', "SELECT bool_and(coalesce(backend_xmin::text::bigint >= $next, true)) FROM pg_stat_replication");
	return;
}
sub end_search { my ($h) = @_; $h->{in} .= "FETCH ALL FROM c;\n\\q\n"; $h->{run}->finish; return $h; }

my $h = long_search($prompt);
sql('DELETE FROM t WHERE id % 3 = 0');
feedback_is_new();
$primary->safe_psql('postgres', 'VACUUM t');
caught_up();
like(end_search($h)->{err}, qr/due to conflict with recovery/, 'without hot_standby_feedback the search is cancelled');

my $rows = sql('SELECT count(*) FROM t');
$h = long_search($patient);
# the primary knows what it still needs
my $xmin = $patient->safe_psql('postgres', 'SELECT pg_snapshot_xmin(pg_current_snapshot())');
$primary->poll_query_until('postgres', "SELECT bool_or(backend_xmin::text = '$xmin') FROM pg_stat_replication");
sql('DELETE FROM t WHERE id % 2 = 0');
$primary->safe_psql('postgres', 'VACUUM t');
caught_up();
end_search($h);
is(scalar(() = $h->{out} =~ /^\d+$/mg), $rows, 'with it the search returns all rows of its snapshot');
unlike($h->{err}, qr/ERROR/, 'and is not cancelled');
cmp_ok(sql("SELECT tids FROM omendb_index_check('i')"), '>', sql('SELECT count(*) FROM t'), 'its price: the primary keeps what is deleted');
feedback_is_new();
$primary->safe_psql('postgres', 'VACUUM t');
is(sql("SELECT tids FROM omendb_index_check('i')"), sql('SELECT count(*) FROM t'), 'until the search has ended');
caught_up();
$expected = sql($search);
is($_->safe_psql('postgres', $search), $expected, $_->name . ' goes on') for @standbys;

# --- failover: the other standby takes over, and its index is read before it is needed
$primary->stop('immediate');
cmp_ok($prompt->safe_psql('postgres', "SELECT omendb_prewarm('i')"), '>', 0, 'a standby prewarms');
$prompt->promote;
$prompt->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
$prompt->restart;
my $pages = "SET enable_seqscan = off; EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id FROM t ORDER BY v <-> (SELECT v FROM q) LIMIT 20";
is($prompt->safe_psql('postgres', "SELECT omendb_prewarm('i', 'all'), pg_relation_size('i')") =~ /^(\d+)\|(\d+)$/ && $1, int($2 / 8192), 'after a restart all pages are read');
my ($scan) = $prompt->safe_psql('postgres', $pages) =~ /(Index Scan using i .*?)(?=->|Planning|\z)/s;
unlike($scan, qr/Index Scan using i .*\n.*\n\s+Buffers: shared hit=\d+ read=[1-9]\d\d/, 'and a search finds them there');
fill($prompt, 't', 20001, 20200, $dim);
check_index($prompt, 'i', 'promoted');
$_->stop for @standbys;
done_testing();
