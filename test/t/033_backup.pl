# Backups: pg_basebackup under a load, recovery to moments within it, and pg_dump in every format.
#
# A recovery ends after any WAL record, also between two of one insert, vacuum or training: the index is valid there.
# OMENDB_SECONDS is how long the load lasts; there is one recovery for each second, four at least.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use OmendbLoad;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $seconds = $ENV{OMENDB_SECONDS} || 3;
my $node = new_server('primary', init => [ allows_streaming => 1, has_archiving => 1 ], conf => "max_wal_size = 4GB\nhot_standby = on\n");
load_tables($node);

# scans_whole(node, name) -- each index gives the rows of the table, once.
sub scans_whole
{
	my ($node, $name) = @_;
	my $table = $node->safe_psql('postgres', 'SELECT count(*), sum(id) FROM t');
	for my $index (sort keys %LOAD_INDEX)
	{
		my ($on, $class, $op) = @{ $LOAD_INDEX{$index} };
		my $scan = "SELECT id FROM t ORDER BY $on $op (SELECT $on FROM q ORDER BY n LIMIT 1)";
		is($node->safe_psql('postgres', "SET enable_seqscan = off; SET enable_sort = off; SELECT count(DISTINCT id), sum(id) FROM ($scan) s"),
			$table, "$name: the rows of $index");
	}
	return;
}

# --- a base backup while rows are written and vacuumed
my $writes = start_writes($node, $seconds);
my $vacuums = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'VACUUM (INDEX_CLEANUP on) t', '-c', 'REINDEX INDEX CONCURRENTLY t_r' ]);
$node->backup('b');
my @moments;
while (@moments < ($seconds > 4 ? $seconds : 4))
{
	sleep rand(1.2);
	push @moments, $node->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()');
	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP on) t; VACUUM grown') if @moments % 2;
	$node->safe_psql('postgres', 'DELETE FROM t WHERE id % 4 = 0') if @moments == 3;
}
$vacuums->finish;
end_load($writes, 'writes');
# a moment between records of one statement: wherever in the WAL
my ($first, $last) = map { $node->safe_psql('postgres', "SELECT '$_'::pg_lsn - '0/0'") } @moments[ 0, -1 ];
push @moments, map { $node->safe_psql('postgres', "SELECT '0/0'::pg_lsn + " . int($first + rand($last - $first))) } 1 .. @moments / 2;
$node->safe_psql('postgres', 'SELECT pg_switch_wal()');
check_all($node, 'after the load');

# restored(name, settings...) -- the backup, recovered and open for writing.
sub restored
{
	my ($name, @settings) = @_;
	my $copy = PostgreSQL::Test::Cluster->new($name);
	$copy->init_from_backup($node, 'b', has_restoring => 1, standby => 0);
	$copy->append_conf('postgresql.conf', join("\n", 'archive_mode = off', @settings) . "\n");
	$copy->start;
	$copy->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die "$name is in recovery\n";
	return $copy;
}

for my $i (0 .. $#moments)
{
	my $copy = restored("at$i", "recovery_target_lsn = '$moments[$i]'", 'recovery_target_action = promote');
	my $name = "recovered to $moments[$i]";
	# what a recovery cuts off in the middle is left for a vacuum, so not yet check_index()
	for my $index (sort(keys %LOAD_INDEX), 'grown_v')
	{
		my $f = eval { figures($copy, $index) };
		ok($f, "$name, $index: sound") or diag($@);
	}
	scans_whole($copy, $name);
	fill($copy, 'grown', 1, 40, 24);
	$copy->safe_psql('postgres', 'INSERT INTO t (cat, v) SELECT cat, v FROM t WHERE id % 5 = 0; VACUUM t; VACUUM grown');
	check_all($copy, "$name, written and vacuumed");
	$copy->stop;
	$copy->clean_node;
}
my $end = restored('end');
is($end->safe_psql('postgres', 'SELECT count(*), sum(id) FROM t'), $node->safe_psql('postgres', 'SELECT count(*), sum(id) FROM t'),
	'recovered to the end: all rows');
check_all($end, 'recovered to the end');
$end->stop;

# --- pg_dump: all formats; the indexes are built when it is read
my $folder = PostgreSQL::Test::Utils::tempdir();
for my $format (qw(plain custom directory tar))
{
	my $dump = "$folder/$format";
	$node->command_ok([ 'pg_dump', '-F', $format, $format eq 'directory' ? ('-j', 2) : (), '-f', $dump, $node->connstr('postgres') ], "pg_dump -F $format");
	$node->safe_psql('postgres', "CREATE DATABASE dump_$format");
	$node->command_ok($format eq 'plain' ? [ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr("dump_$format"), '-f', $dump ]
		: [ 'pg_restore', '--exit-on-error', $format eq 'tar' ? () : ('-j', 2), '-d', $node->connstr("dump_$format"), $dump ], "$format: restored");
	check_all($node, "dumped as $format", database => "dump_$format");
	is($node->safe_psql("dump_$format", q{SELECT string_agg(indexdef, chr(10) ORDER BY indexdef) FROM pg_indexes WHERE schemaname = 'public'}),
		$node->safe_psql('postgres', q{SELECT string_agg(indexdef, chr(10) ORDER BY indexdef) FROM pg_indexes WHERE schemaname = 'public'}),
		"$format: the same definitions");
	$node->safe_psql('postgres', "DROP DATABASE dump_$format");
}
$node->stop;
done_testing();
