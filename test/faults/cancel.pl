#!/usr/bin/perl
#
# cancel.pl -- how long does a backend go on after a cancel? Run by test/cancel, which has the options.
#
# Each statement runs once to its end, so that its duration is known, then again and again, each time cancelled
# at a random moment, in a transaction that is rolled back. Every third time the backend is ended by SIGTERM. After all of it each
# index passes the checker.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Getopt::Long;
use List::Util qw(max min);
use Time::HiRes qw(sleep time);
use Wire;
use Cluster;

my %option = (rounds => 20, rows => 20000, seed => 1, tree => '.', only => '');
GetOptions(\%option, 'rounds=i', 'rows=i', 'seed=i', 'tree=s', 'work=s', 'only=s', 'verbose') or exit 2;
$option{work} or die "cancel.pl: which folder is to be used? --work\n";
my ($tree, $work, $rows) = @option{qw(tree work rows)};
my $LIMIT = 0.1;
my ($passed, $failed) = (0, 0);
my $cluster;
$| = 1;
srand($option{seed});

sub build
{
	my @make = ('make', '-s', '-j2', '-C', $tree, 'with_llvm=no', 'PG_CONFIG=' . ($ENV{PG_CONFIG} || 'pg_config'));
	Cluster::run(@make, 'omendb.so', 'src/sql/omendb--0.1.0.sql');
	return;
}

# ------------------------------------------------------------ the statements

my $SEARCH = 'SELECT count(*) FROM (SELECT id FROM t %s ORDER BY v <-> (SELECT v FROM t WHERE id = 7) %s) s';

# name, statements before it, the statement
sub statements
{
	my $many = int($rows / 4);
	my $half = int($rows / 2);
	my $fill = "INSERT INTO %s SELECT id + 1000000, cat, v FROM t WHERE id <= $many";
	return (
		[ 'build', [ 'SET max_parallel_maintenance_workers = 0' ], 'CREATE INDEX t_x ON t USING omenhnsw (v, cat)' ],
		[ 'build, parallel', [ 'SET max_parallel_maintenance_workers = 2' ], 'CREATE INDEX t_x ON t USING omenhnsw (v)' ],
		[ 'build beyond maintenance_work_mem', [ "SET maintenance_work_mem = '1MB'" ], 'CREATE INDEX t_x ON t USING omenhnsw (v) WITH (m = 8)' ],
		[ 'build, pq', ['SET max_parallel_maintenance_workers = 0'], 'CREATE INDEX t_x ON t USING omenhnsw (v) WITH (quantizer = pq)' ],
		[ 'build, pq, many dimensions', [], 'CREATE INDEX w_x ON w USING omenhnsw (v) WITH (quantizer = pq)' ],
		[ 'build, many dimensions', [], 'CREATE INDEX w_x ON w USING omenhnsw (v)' ],
		[ 'build, none', [], 'CREATE INDEX t_x ON t USING omenhnsw (v) WITH (quantizer = none)' ],
		[ 'build, halfvec', [], 'CREATE INDEX t_x ON t USING omenhnsw ((v::halfvec(48)) halfvec_l2_ops)' ],
		[ 'build, sparsevec', [], 'CREATE INDEX t_x ON t USING omenhnsw ((v::sparsevec(48)) sparsevec_l2_ops)' ],
		[ 'build, bit', [], 'CREATE INDEX t_x ON t USING omenhnsw ((binary_quantize(v)::bit(48)) bit_hamming_ops)' ],
		[ 'build, inner product', [], 'CREATE INDEX t_x ON t USING omenhnsw (v vector_ip_ops)' ],
		[ 'build of equal rows', [], 'CREATE INDEX d_x ON d USING omenhnsw (v)' ],
		[ 'REINDEX', [], 'REINDEX INDEX t_v' ],
		[ 'insert', [], sprintf($fill, 't') ],
		[ 'insert, high ef_construction', [], "INSERT INTO e SELECT id, v FROM t WHERE id <= 2000" ],
		[ 'insert of equal rows', [], "INSERT INTO d SELECT n, (SELECT v FROM t WHERE id = 5) FROM generate_series(1, $rows) n" ],
		[ 'insert and training', [ 'CREATE TABLE g (id int, v vector(48))', 'CREATE INDEX g_v ON g USING omenhnsw (v) WITH (bits = 4)' ],
			"INSERT INTO g SELECT id, v FROM t WHERE id <= $many" ],
		[ 'search, all rows', [ 'SET enable_seqscan = off', 'SET enable_sort = off' ], sprintf($SEARCH, '', '') ],
		[ 'search, all rows, little memory', [ "SET work_mem = '64kB'" ], sprintf($SEARCH, '', '') ],
		[ 'search, ef_search 10000', [ 'SET work_mem = DEFAULT', 'SET omenhnsw.ef_search = 10000' ], sprintf($SEARCH, '', 'LIMIT 10000') ],
		[ 'search with a condition', [ 'RESET omenhnsw.ef_search' ], sprintf($SEARCH, 'WHERE cat = 3', '') ],
		[ 'search, many conditions', [], sprintf($SEARCH, 'WHERE cat = ANY (ARRAY(SELECT generate_series(1, 1000)))', '') ],
		[ 'search, nothing matches', [], sprintf($SEARCH, 'WHERE cat = 3000', 'LIMIT 10') ],
		[ 'search of equal rows', [], 'SELECT count(*) FROM (SELECT id FROM d ORDER BY v <-> (SELECT v FROM t WHERE id = 5)) s' ],
		[ 'search beside equal rows', [], "SELECT count(*) FROM (SELECT id FROM d ORDER BY v <-> (SELECT v FROM t WHERE id = 9) LIMIT $half) s" ],
		[ 'search, rerank = index', [], 'SELECT count(*) FROM (SELECT id FROM w ORDER BY v <-> (SELECT v FROM w WHERE id = 9)) s' ],
		[ 'check', [], "SELECT omendb_index_check('t_v')" ],
		[ 'check, heapallindexed', [], "SELECT omendb_index_check('t_v', true)" ],
		[ 'check of equal rows', [], "SELECT omendb_index_check('d_v', true)" ],
		[ 'info', [], "SELECT omendb_index_info('t_v')" ],
		# not in a transaction: each has the table as it is made before it
		[ 'vacuum', ["INSERT INTO x SELECT id, cat, v FROM t WHERE id <= $half", 'DELETE FROM x WHERE id % 2 = 0' ], 'VACUUM x', 'TRUNCATE x' ],
		[ 'vacuum without memory', [ "SET maintenance_work_mem = '1MB'", "INSERT INTO x SELECT id, cat, v FROM t WHERE id <= $half", 'DELETE FROM x WHERE id % 3 > 0' ],
			'VACUUM x', 'TRUNCATE x' ],
		[ 'vacuum of nearly all', [ 'RESET maintenance_work_mem', "INSERT INTO x SELECT id, cat, v FROM t WHERE id <= $half", 'DELETE FROM x WHERE id % 50 > 0' ],
			'VACUUM x', 'TRUNCATE x' ],
		[ 'vacuum of equal rows', [ "INSERT INTO y SELECT n, 1, (SELECT v FROM t WHERE id = 5) FROM generate_series(1, $rows) n", 'DELETE FROM y WHERE id % 2 = 0' ],
			'VACUUM y', 'TRUNCATE y' ],
		[ 'vacuum that trains', [ "INSERT INTO z SELECT id, cat, v FROM t WHERE id <= 500", "INSERT INTO z SELECT id, cat, v + (SELECT ('[' || string_agg('5', ',') || ']')::vector FROM generate_series(1, 48)) FROM t WHERE id BETWEEN 500 AND $many",
				'DELETE FROM z WHERE id <= 500' ], 'VACUUM z', 'TRUNCATE z' ],
		[ 'REINDEX CONCURRENTLY', ["INSERT INTO x SELECT id, cat, v FROM t WHERE id <= $half" ], 'REINDEX TABLE CONCURRENTLY x', 'TRUNCATE x' ],
		text_statements($half));
}

# of omenbm25
sub text_statements
{
	my ($half) = @_;
	my $build = "CREATE INDEX p_x ON p USING omenbm25 (body, cat) WITH (text_config = 'english')";
	my $search = "SELECT count(*) FROM (SELECT id FROM p %s ORDER BY body <@> 'w1 w2 w3 w40 w500' %s) s";
	my $some = "INSERT INTO q SELECT id, cat, body FROM p WHERE id <= $half";
	return (
		[ 'text: build', [ 'SET max_parallel_maintenance_workers = 0' ], $build ],
		[ 'text: build, parallel', [ 'SET max_parallel_maintenance_workers = 2' ], $build ],
		[ 'text: build beyond maintenance_work_mem', [ "SET maintenance_work_mem = '1MB'", 'ALTER TABLE p SET (parallel_workers = 2)' ], $build ],
		[ 'text: insert', [], "INSERT INTO p SELECT id + 1000000, cat, body FROM p WHERE id <= $half" ],
		[ 'text: search, all rows', [], sprintf($search, '', '') ],
		[ 'text: search with a condition', [], sprintf($search, 'WHERE cat < 250', '') ],
		[ 'text: search, all that match', [], sprintf($search, "WHERE body @@@ 'w1 w2 w3 w40 w500'", '') ],
		[ 'text: check, heapallindexed', [], "SELECT omendb_index_check('p_body', true)" ],
		[ 'text: vacuum', [ $some, 'DELETE FROM q WHERE id % 2 = 0' ], 'VACUUM q', 'TRUNCATE q' ],
		[ 'text: REINDEX CONCURRENTLY', [$some], 'REINDEX TABLE CONCURRENTLY q', 'TRUNCATE q' ]);
}

sub prepare
{
	my ($db) = @_;
	my $vector = "(SELECT array_agg((sin(g %% 20 * 12.9 + d * 78.2) + 0.3 * random() + 0 * g)::real)::vector FROM generate_series(1, %d) d)";
	$db->must("SELECT setseed(0.5)", 'CREATE TABLE t (id int PRIMARY KEY, cat int, v vector(48))',
		'CREATE TABLE w (id int PRIMARY KEY, v vector(1500))', 'CREATE TABLE e (id int, v vector(48))', 'CREATE TABLE d (id int, v vector(48))',
		"INSERT INTO t SELECT g, g % 500, " . sprintf($vector, 48) . " FROM generate_series(1, $rows) g",
		"INSERT INTO w SELECT g, " . sprintf($vector, 1500) . ' FROM generate_series(1, ' . int($rows / 20) . ') g',
		'INSERT INTO d SELECT n, v FROM generate_series(1, 20) n, t WHERE t.id = 5', 'INSERT INTO d SELECT id, v FROM t WHERE id <= 2000',
		"INSERT INTO d SELECT n, v FROM generate_series(1, " . 5 * $rows . ') n, t WHERE t.id = 5');
	$db->must("CREATE TABLE $_ (id int, cat int, v vector(48)) WITH (autovacuum_enabled = off)") for qw(x y z);
	$db->must("CREATE INDEX ${_}_v ON $_ USING omenhnsw (v)") for qw(t w d);
	$db->must("CREATE INDEX ${_}_v ON $_ USING omenhnsw (v, cat) WITH (bits = 1)") for qw(x y z);
	$db->must('CREATE TABLE p (id int PRIMARY KEY, cat int, body text)', 'CREATE TABLE q (id int, cat int, body text) WITH (autovacuum_enabled = off)',
		"INSERT INTO p SELECT g, g % 500, (SELECT string_agg('w' || floor(exp(random() * 9 + 0 * g * k))::int, ' ') FROM generate_series(1, 60) k) FROM generate_series(1, $rows) g",
		"CREATE INDEX p_body ON p USING omenbm25 (body, cat) WITH (text_config = 'english')",
		"CREATE INDEX q_body ON q USING omenbm25 (body, cat) WITH (text_config = 'english')");
	$db->must('CREATE INDEX e_v ON e USING omenhnsw (v) WITH (m = 64, ef_construction = 1000)');
	return;
}

# ------------------------------------------------------------ one cancel

# cpu(pid) -- seconds it has been running.
sub cpu
{
	my ($pid) = @_;
	my ($ns) = (eval { Cluster::slurp("/proc/$pid/schedstat") } // '0') =~ /^(\d+)/;
	return $ns / 1e9;
}

# cancelled(db, pid, sql, after, signal) -- seconds until the answer, seconds of CPU of the backend; nothing if it
# ended before.
sub cancelled
{
	my ($db, $pid, $sql, $after, $signal) = @_;
	my $clock = 0;
	my $child = fork() // die "fork: $!\n";
	if (!$child)
	{
		sleep $after;
		my @at = (time, cpu($pid));
		kill($signal, $pid);
		Cluster::spew("$work/signal", "@at");
		POSIX::_exit(0);
	}
	my $reply = $db->query($sql);
	my $end = time;
	my $used = cpu($pid);
	waitpid($child, 0);
	my ($at, $cpu) = split / /, Cluster::slurp("$work/signal");
	return (undef, undef, $reply) unless $reply->{error} && $end > $at;
	return ($end - $at, $signal eq 'INT' ? $used - $cpu : undef, $reply);
}

sub connect_again
{
	my ($settings) = @_;
	my $db = $cluster->ready(60) or die "no connection\n";
	$db->must('SET client_min_messages = error', @$settings);
	return ($db, $db->value('SELECT pg_backend_pid()'));
}

sub measure
{
	my ($name, $before, $sql, $after) = @_;
	my @settings = grep { /^(?:RE)?SET/ } @$before;
	my @changes = grep { !/^(?:RE)?SET/ } @$before;
	my ($db, $pid) = connect_again([ "SET enable_seqscan = off", 'SET enable_sort = off', @settings ]);
	my ($longest, $most, $cancels, $duration) = (0, 0, 0);
	for my $round (0 .. $option{rounds})
	{
		$db->must($after ? @changes : ('BEGIN', @changes));
		if (!$round)
		{
			my $begin = time;
			$db->must($sql);
			$duration = time - $begin;
		}
		else
		{
			my $signal = $round % 3 ? 'INT' : 'TERM';
			my ($took, $cpu, $reply) = cancelled($db, $pid, $sql, rand($duration), $signal);
			die "$name: $reply->{error}\n" if $reply->{error} && $reply->{error} !~ /^57(?:014|P01)/;
			$longest = max($longest, $took // 0);
			$most = max($most, $cpu // 0);
			$cancels++ if defined $took;
			# a signal that came after the end is for whoever is next
			my $next = $db->query('SELECT 1');
			($db, $pid) = connect_again([ "SET enable_seqscan = off", 'SET enable_sort = off', @settings ]) if $next->{lost} || $next->{fatal};
		}
		if ($after)
		{
			my ($again) = connect_again([]);
			my @names = map { my $one = $_; map { "${one}_$_" } qw(ccnew ccnew1 ccnew2 ccold ccold1) } qw(x_v q_body);
			$again->must($after, map { "DROP INDEX IF EXISTS $_" } @names);
		}
		else { $db->query('ROLLBACK'); }
	}
	my $bad = $most > $LIMIT;
	printf "%-36s %8.1f ms to the end; %3d cancels: at most %6.1f ms, of which the backend ran %6.1f%s\n", $name, 1000 * $duration, $cancels, 1000 * $longest, 1000 * $most,
	  $bad ? '  TOO LONG' : '';
	$bad ? $failed++ : $passed++;
	return;
}

END { my $status = $?; $cluster->kill_all if $cluster && $cluster->{pid} && $$ == $cluster->{owner}; $? = $status; }
require POSIX;
build();
$cluster = Cluster->new("$work/cluster", "$tree/omendb", "$tree/src/sql/omendb--0.1.0.sql");
$cluster->configure('shared_buffers = 256MB', 'maintenance_work_mem = 256MB', 'max_wal_size = 2GB', 'fsync = off', 'autovacuum = off', 'min_parallel_table_scan_size = 0',
	'checkpoint_timeout = 1h', "log_line_prefix = '%m [%p] '");
my $db = $cluster->start;
$db->must($cluster->{script});
prepare($db);
for my $statement (statements())
{
	next if index($statement->[0], $option{only}) < 0;
	measure(@$statement);
}
for my $index (qw(t_v w_v d_v e_v x_v y_v z_v p_body q_body))
{
	my $reply = $db->query("SELECT omendb_index_check('$index', true)");
	$reply->{error} ? $failed++ : $passed++;
	print "$index: $reply->{error}\n" if $reply->{error};
}
my $left = $db->value("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'");
print "$left parallel workers are left\n" if $left;
$left ? $failed++ : $passed++;
print "$passed passed, $failed failed\n";
exit($failed ? 1 : 0);
