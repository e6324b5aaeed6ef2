# Counters of indexes over sessions, databases, a restart and a crash; omendb_indexes beside a lock;
# examples/monitoring: every query runs and returns what it says, and the dashboard uses what there is.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use JSON::PP;
use OmendbTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes 'usleep';

my $node = new_server('statistics', conf => "shared_preload_libraries = 'omendb'\n");
$node->safe_psql('postgres', 'CREATE DATABASE other');
prepare_database($node, 'other');
for my $database ('postgres', 'other')
{
	$node->safe_psql($database, 'CREATE TABLE t (id bigint, v vector(8)); CREATE TABLE q (v vector(8))');
	fill($node, 't', 1, 2000, 8, $database);
	$node->safe_psql($database, 'CREATE INDEX i ON t USING omenhnsw (v); VACUUM t');
}

sub stat_of { return $node->safe_psql($_[1] // 'postgres', "SELECT $_[0] FROM omendb_stat_indexes WHERE indexname = 'i'"); }

# is_stat(columns, expected, name, database) -- PostgreSQL 18 adds what a session has counted after it has ended.
sub is_stat
{
	my ($columns, $expected, $name, $database) = @_;
	for (1 .. 100)
	{
		last if stat_of($columns, $database) eq $expected;
		usleep(100_000);
	}
	is(stat_of($columns, $database), $expected, $name) or diag stat_of('*', $database);
	return;
}

my $keeps = $node->safe_psql('postgres', 'SHOW server_version_num') >= 180000;
my $search = "SET enable_seqscan = off; SELECT count(*) FROM (SELECT FROM t ORDER BY v <-> (SELECT v FROM t WHERE id = 7) LIMIT 5) x;";
is_stat('scans, rows, shared', '0|0|t', 'no search yet; shared because of the vacuum');
$node->safe_psql('postgres', $search) for 1 .. 3;
is_stat('scans, rows', '3|15', 'three sessions are summed up');
is(stat_of('scans', 'other'), '0', 'another database has counters of its own');
$node->safe_psql('other', $search);
is_stat('scans', '1', '... which are counted', 'other');
is_stat('scans', '3', '... apart');

# sessions at the same time
my $script = $node->basedir . '/search.sql';
append_to_file($script, $search);
$node->command_ok([ 'pgbench', '-n', '-c', '4', '-j', '2', '-t', '50', '-f', $script, 'postgres' ], 'pgbench');
is_stat('scans, rows, walks', '203|1015|203', 'nothing is lost among sessions');

$node->safe_psql('postgres', 'INSERT INTO t SELECT id + 10000, v FROM t WHERE id <= 100; DELETE FROM t WHERE id BETWEEN 500 AND 699; VACUUM t');
is_stat('inserts, rows_removed, vacuums', '100|200|2', 'inserts and vacuums');
cmp_ok(stat_of('records_freed'), '>=', 200, 'nodes are freed');
$node->safe_psql('postgres', "BEGIN; $search ROLLBACK");
is_stat('scans', '204', 'a transaction that is rolled back has searched');
$node->safe_psql('postgres', "SELECT omendb_stat_reset('i')");
is(stat_of('scans') . stat_of('scans', 'other'), '01', 'reset');

# filter columns that no search has used
$node->safe_psql('postgres', 'CREATE TABLE f AS SELECT * FROM t; CREATE INDEX f_i ON f USING omenhnsw (v, id) WITH (m = 8); ANALYZE f');
my $ordered = $node->basedir . '/ordered.sql';
append_to_file($ordered, "SELECT id FROM f ORDER BY v <-> '[0,1,0,1,0,1,0,1]' LIMIT 1;\n");
{
	local $ENV{PGOPTIONS} = '-c enable_seqscan=off -c enable_sort=off';
	$node->command_ok([ 'pgbench', '-n', '-M', 'prepared', '-c', '2', '-j', '2', '-t', '501', '-f', $ordered, 'postgres' ], 'searches without a condition');
}
my $unused = "SELECT sql FROM omendb_advise('f') WHERE advice = 'leave the filter columns out'";
$node->poll_query_until('postgres', "SELECT EXISTS ($unused)");
my $sql = $node->safe_psql('postgres', $unused);
is($sql, "CREATE INDEX f_i ON public.f USING omenhnsw (v) WITH (m='8'); DROP INDEX f_i", 'advice: filter columns that nobody uses');
$node->safe_psql('postgres', "SET enable_seqscan = off; SET enable_sort = off; SELECT FROM f WHERE id < 1000 ORDER BY v <-> '[0,1,0,1,0,1,0,1]' LIMIT 1");
$node->poll_query_until('postgres', "SELECT NOT EXISTS ($unused)");
is($node->safe_psql('postgres', $unused), '', '... and not where somebody does');
$node->safe_psql('postgres', 'DROP TABLE f');

# a locked index does not hold up whoever looks
my ($in, $out, $err) = ('', '', '');
my $locker = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', \$in, '>', \$out, '2>', \$err);
$in .= "BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE; REINDEX INDEX i; SELECT 'locked';\n";
$locker->pump until $out =~ /locked/ || $err =~ /ERROR/;
is($node->safe_psql('postgres', "SET statement_timeout = '60s'; SELECT indexname, quantizer IS NULL FROM omendb_indexes"), 'i|t',
	'omendb_indexes does not wait for a lock');
$in .= "ROLLBACK;\n\\q\n";
$locker->finish;
is($node->safe_psql('postgres', 'SELECT indexname, quantizer, model_state, nodes > 1000, dead_nodes FROM omendb_indexes'),
	'i|rabitq|current|t|0', 'and shows it afterwards');

# the queries of the exporter
sub exported
{
	my %query;
	my $name;
	for (split /\n/, slurp_file("$FindBin::RealBin/../../examples/monitoring/queries.yaml"))
	{
		if (/^(\w+):$/) { $name = $1; }
		elsif (/^    - (\w+): \{usage: "(LABEL|GAUGE|COUNTER)", description: "[^"]+"\}$/) { push @{ $query{$name}{columns} }, [ $1, $2 ]; }
		elsif (/^    (.*)$/) { $query{$name}{sql} .= "$1\n"; }
		elsif (!/^(#.*|  query: \||  metrics:|)$/) { die "examples/monitoring/queries.yaml: $_"; }
	}
	return \%query;
}

my $queries = exported();
is(join(' ', sort keys %$queries), 'omendb_build omendb_index omendb_stat', 'all queries are read');
my %metric;
for my $name (sort keys %$queries)
{
	my @columns = @{ $queries->{$name}{columns} };
	for my $database ('postgres', 'other')
	{
		my $head = $node->safe_psql($database, "CREATE TEMPORARY TABLE r AS $queries->{$name}{sql};"
			  . "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'r'::regclass AND attnum > 0");
		is($head, join(' ', map { $_->[0] } @columns), "$name in $database: columns");
	}
	$metric{"${name}_$_->[0]"} = [ map { $_->[0] } grep { $_->[1] eq 'LABEL' } @columns ] for grep { $_->[1] ne 'LABEL' } @columns;
}

# the dashboard
my $dashboard = decode_json(slurp_file("$FindBin::RealBin/../../examples/monitoring/dashboard.json"));
my @wrong;
my $nexpr = 0;
my $look = sub {
	my ($where, $expr) = @_;
	$nexpr++;
	push @wrong, "$where: no metric in $expr" unless $expr =~ /omendb_/;
	while ($expr =~ /(omendb_\w+)(?:\{([^}]*)\})?/g)
	{
		my ($name, $selector) = ($1, $2 // '');
		push(@wrong, "$where: no metric $name"), next unless $metric{$name};
		for my $label ($selector =~ /(\w+)\s*=~?/g)
		{
			push @wrong, "$where: $name has no label $label" unless grep { $_ eq $label } @{ $metric{$name} };
		}
	}
	my $depth = 0;
	$depth += $_ eq '(' ? 1 : -1 for $expr =~ /[()]/g;
	push @wrong, "$where: parentheses in $expr" if $depth != 0;
};
for my $panel (@{ $dashboard->{panels} })
{
	push @wrong, "$panel->{title}: no query" unless @{ $panel->{targets} };
	$look->($panel->{title}, $_->{expr}) for @{ $panel->{targets} };
}
$look->($_->{name}, $_->{query} =~ /label_values\((.*), \w+\)/) for grep { $_->{type} eq 'query' } @{ $dashboard->{templating}{list} };
is_deeply(\@wrong, [], "the dashboard's $nexpr queries use what is exported");

# a restart, and what becomes of an index's counters with it
$node->safe_psql('postgres', $search);
is_stat('scans', '1', 'before a restart');
my $tuples = $node->safe_psql('postgres', "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 't'");
$node->restart;
is(stat_of('scans') . stat_of('scans', 'other'), $keeps ? '11' : '00', 'a restart: kept from PostgreSQL 18 on');
is($node->safe_psql('postgres', "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 't'"), $tuples, '... with those of tables');
SKIP:
{
	skip 'PostgreSQL 18 and newer keep counters', 6 unless $keeps;
	my $kept = "SELECT pg_stat_have_stats('omenhnsw', (SELECT oid FROM pg_database WHERE datname = 'postgres'), " . $node->safe_psql('postgres', "SELECT 'i'::regclass::oid") . ')';
	is($node->safe_psql('postgres', 'BEGIN; DROP INDEX i; ROLLBACK') . $node->safe_psql('postgres', $kept), 't', 'an index that is dropped, but not really');
	is($node->safe_psql('postgres', "$search BEGIN; SELECT omendb_stat_reset(); SELECT scans FROM omendb_stat_indexes; COMMIT"), "5\n\n0", 'reset in a session that has counted');
	$node->safe_psql('postgres', 'DROP INDEX i; CREATE INDEX i ON t USING omenhnsw (v)');
	is($node->safe_psql('postgres', $kept), 'f', 'counters go with their index');
	is(stat_of('scans', 'other'), '1', '... and with nothing else');
	$node->append_conf('postgresql.conf', "omenhnsw.statistics_kind = 0\n");
	$node->restart;
	$node->safe_psql('postgres', $search);
	is_stat('scans, shared', '1|t', 'in memory only');
	$node->restart;
	is(stat_of('scans'), '0', '... until the server stops');
	$node->append_conf('postgresql.conf', "omenhnsw.statistics_kind = 30\n");
	$node->restart;
}

# a crash takes the counters and nothing else
$node->safe_psql('postgres', $search);
is_stat('scans', '1', 'before a crash');
$node->safe_psql('postgres', 'ALTER SYSTEM SET restart_after_crash = on; SELECT pg_reload_conf()');
my $pid = do
{
	($in, $out, $err) = ("SELECT pg_backend_pid();\n", '', '');
	$locker = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', \$in, '>', \$out, '2>', \$err);
	$locker->pump until $out =~ /\d+\n/;
	$out =~ /(\d+)/;
	$1;
};
kill 'KILL', $pid;
eval { $locker->finish };
$node->poll_query_until('postgres', 'SELECT true');
is(stat_of('scans'), '0', 'after a crash counters begin again');
$node->safe_psql('postgres', $search);
is_stat('scans, shared', '1|t', '... in shared memory');
check_index($node, 'i', 'after a crash');

# without preloading each session has its own
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$node->restart;
is($node->safe_psql('postgres', "$search SELECT scans, shared FROM omendb_stat_indexes"), "5\n1|f", 'not preloaded: counters of the session');
is(stat_of('scans'), '0', '... which others do not see');
check_index($node, 'i', 'not preloaded');

$node->stop;
done_testing();
