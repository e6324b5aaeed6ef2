#!/usr/bin/perl
#
# textcrash.pl -- kills a server at one WAL record after the other of omenbm25; run by test/crash --text.
#
# Some clients insert, delete, vacuum and rebuild, with a tail of two pages, so that it is sealed and
# segments are merged all the time.  A process that comes to the point that was chosen stops there;
# then all are killed.  After recovery the index passes the checker with heapallindexed, searches
# find what a look at every row finds, and a vacuum leaves a sound index.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Getopt::Long;
use POSIX qw(_exit);
use Time::HiRes qw(sleep time);
use Wire;
use Cluster;

my %option = (kills => 40, seed => 1, tree => '.');
GetOptions(\%option, 'kills=i', 'seed=i', 'tree=s', 'work=s', 'built=s') or exit 2;
$option{work} or die "textcrash.pl: which folder is to be used? --work\n";
srand($option{seed});
$| = 1;
my ($passed, $failed) = (0, 0);
my %hit;

my $build = $option{built} // Cluster::build($option{tree}, $option{work});
my $cluster = Cluster->new("$option{work}/c", "$build/omendb", "$build/src/sql/omendb--0.1.0.sql");
$cluster->configure('fsync = off', 'autovacuum = off', 'shared_buffers = 8MB', 'maintenance_work_mem = 1MB', 'checkpoint_timeout = 1h',
	"omenbm25.tail_limit = '16kB'", "shared_preload_libraries = 'omendb'", 'wal_consistency_checking = generic', 'max_wal_size = 64MB');
my $data = $cluster->{data};
my $db = $cluster->start;
$db->must($cluster->{script});
$db->must("CREATE FUNCTION words(n int) RETURNS text LANGUAGE sql VOLATILE AS \$\$
		SELECT string_agg('w' || floor(exp(random() * 7))::int, ' ') FROM generate_series(1, n) \$\$",
	'CREATE TABLE t (id serial PRIMARY KEY, body text, c int)', 'INSERT INTO t (body, c) SELECT words(15), i % 9 FROM generate_series(1, 600) i',
	'CREATE INDEX i ON t USING omenbm25 (body, c) WITH (text_config = simple)');

# what each client does again and again
my @scripts = (
	[ 'INSERT INTO t (body, c) SELECT words(1 + (random() * 60)::int), i FROM generate_series(1, 9) i' ],
	[ 'INSERT INTO t (body, c) VALUES (NULL, 1), (words(900), 2)', 'UPDATE t SET c = c + 1 WHERE id % 50 = (random() * 50)::int' ],
	[ 'INSERT INTO t (body, c) SELECT string_agg(\'u\' || (random() * 1e6)::int, \' \'), 3 FROM generate_series(1, 1500)',
		'DELETE FROM t WHERE id % 20 = (random() * 20)::int' ],
	[ 'VACUUM t', 'SELECT pg_sleep(0.02)', 'VACUUM t', 'DELETE FROM t WHERE id < (SELECT max(id) FROM t) - 1500' ]);

sub start_clients
{
	my @pids;
	for my $script (@scripts)
	{
		my $pid = fork() // die "fork: $!\n";
		if (!$pid)
		{
			my $own = Wire->connect($cluster->{folder}, 'postgres') or _exit(1);
			for (;;)
			{
				for my $statement (@$script)
				{
					my $reply = $own->query($statement);
					_exit(0) if $reply->{lost};
					# two statements may lock rows of the table in another order
					if ($reply->{error} && $reply->{error} !~ /^40P01|shutting down|terminat|recovery/)
					{
						Cluster::spew("$option{work}/error$$", "$statement: $reply->{error}\n");
					}
				}
			}
		}
		push @pids, $pid;
	}
	return @pids;
}

sub value { my ($sql) = @_; return $db->value($sql); }

sub sound
{
	my ($when) = @_;
	my @bad;
	my $reply = $db->query("SELECT heap_rows = (SELECT count(*) FROM t) FROM omendb_index_check('i', true)");
	push @bad, $reply->{error} // 'lost' if $reply->{error} || $reply->{lost};
	push @bad, 'rows are missing' if !@bad && $reply->{rows}[0][0] ne 't';
	for my $query ('w1', 'w2 w500', 'u7 w3 w1')
	{
		last if @bad;
		my $search = "SELECT count(*) || ' ' || coalesce(sum(id), 0) FROM (SELECT * FROM t WHERE body @@@ '$query' ORDER BY body <@> '$query') s";
		my $by_index = value("SET enable_seqscan = off; $search");
		my $by_table = value("SET enable_seqscan = on; SET enable_indexscan = off; $search");
		$db->must('RESET enable_seqscan; RESET enable_indexscan');
		push @bad, "$query: $by_index instead of $by_table" if $by_index ne $by_table;
	}
	for my $file (glob("$option{work}/error*")) { push @bad, Cluster::slurp($file); unlink $file; }
	@bad ? $failed++ : $passed++;
	print "FAILED $when: @bad\n" if @bad;
	return;
}

for my $kill (1 .. $option{kills})
{
	unlink "$data/omendb_crash_hit", "$data/omendb_crash_armed";
	my @pids = start_clients();
	sleep 0.5;
	my %seen = -e "$data/omendb_crash_seen" ? map { ($_ => 1) } split /\n/, Cluster::slurp("$data/omendb_crash_seen") : ();
	my ($name) = sort { ($hit{$a} // 0) <=> ($hit{$b} // 0) || $a cmp $b } keys %seen;
	if ($name)
	{
		Cluster::spew("$data/omendb_crash_armed", join(' ', $name, 1 + int(rand(6)), rand() < 0.7 ? 1 : 0) . "\n");
		my $end = time + 6;
		sleep 0.01 while time < $end && !-e "$data/omendb_crash_hit";
		$hit{$name} += -e "$data/omendb_crash_hit" ? 1 : 0.5;
	}
	sleep rand(0.05);
	$cluster->kill_all;
	waitpid($_, 0) for @pids;
	unlink "$data/omendb_crash_armed", "$data/omendb_crash_hit";
	$db = $cluster->start;
	sound("kill $kill, " . ($name // 'no point'));
	if ($kill % 3 == 0)
	{
		$db->must('VACUUM t');
		sound("vacuum after kill $kill");
	}
}
$cluster->stop('INT');
print join(', ', map { "$_ $hit{$_}" } sort keys %hit), "\n";
print "$passed passed, $failed failed\n";
exit($failed > 0);
