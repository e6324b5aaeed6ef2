#!/usr/bin/perl
#
# resources.pl -- what builds, scans and backends take of memory, and what happens where memory, space, workers or
# time run out; run by test/resources, which has the options.
#
# Memory is what the kernel says of processes: their private pages (RssAnon), and segments of shared memory
# by the pages that they have. How long a backend goes on after a cancel is what test/cancel measures.
# After each failure the index must be sound or not there, the table as it was, and nothing left behind: no
# process, no file, no segment.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Getopt::Long;
use IO::Select;
use List::Util qw(max min sum0);
use Time::HiRes qw(sleep time);
use Wire;
use Cluster;

my %option = (seed => 1, tree => '.');
GetOptions(\%option, 'long', 'seed=i', 'tree=s', 'work=s', 'library=s', 'space=s', 'only=s', 'verbose') or exit 2;
$option{work} or die "resources.pl: which folder is to be used? --work\n";
srand($option{seed});
$| = 1;

my $cluster;
END { my $status = $?; $cluster->kill_all if $cluster && $cluster->{pid} && $$ == $cluster->{owner}; $? = $status; }
$SIG{$_} = sub { exit 130 } for qw(INT TERM);

my ($passed, $failed) = (0, 0);
my %segments;		# of shared memory, that the server itself has

sub ok
{
	my ($good, $name, @details) = @_;
	$good ? $passed++ : $failed++;
	print $good ? 'ok' : 'not ok', " - $name\n" if !$good || $option{verbose};
	print map { "    $_\n" } @details if !$good;
	return $good;
}

# figure -- a line that is printed always: what docs/reliability.md has.
sub figure { printf "%-70s %s\n", @_; return; }

# ------------------------------------------------------------ processes

# status(pid) -- kB by name, of /proc/PID/status; empty if it is gone.
sub status
{
	my ($pid) = @_;
	my $text = eval { Cluster::slurp("/proc/$pid/status") } // return {};
	return { $text =~ /^(\w+):\s+(\d+) kB/gm };
}

# cpu(pid) -- seconds; 0 if it is gone.
sub cpu
{
	my ($pid) = @_;
	my $text = eval { Cluster::slurp("/proc/$pid/schedstat") } // return 0;
	return (split ' ', $text)[0] / 1e9;
}

# segments(pid) -- shared memory of its own that a process has mapped: pages in kB, by file.
sub segments
{
	my ($pid) = @_;
	my $text = eval { Cluster::slurp("/proc/$pid/maps") } // return {};
	return { map { $_ => ((stat $_)[12] // 0) / 2 } $text =~ m{(\S+/pg_dynshmem/mmap\.\d+)}g };
}

sub pid_of { my ($db) = @_; return $db->{backend} //= $db->value('SELECT pg_backend_pid()'); }

# workers_of(pid) -- parallel workers of a backend.
sub workers_of
{
	my ($db, $pid) = @_;
	my $reply = $db->query("SELECT pid FROM pg_stat_activity WHERE leader_pid = $pid");
	return map { $_->[0] } @{ $reply->{rows} };
}

sub session
{
	my (@settings) = @_;
	my $db = Wire->connect($cluster->{folder}, 'postgres') // die "no connection\n" . $cluster->log_tail;
	$db->must('SET client_min_messages = error', @settings);
	pid_of($db);
	return $db;
}

# send_query, is_done -- a statement that runs while others do something.
sub send_query
{
	my ($db, $sql) = @_;
	$db->send_all('Q' . pack('N', length($sql) + 5) . "$sql\0") or die "the connection was lost\n";
	return;
}

sub is_done { my ($db, $seconds) = @_; return length $db->{buffer} || IO::Select->new($db->{socket})->can_read($seconds); }

# ------------------------------------------------------------ tables

my @pool = map { rand() + rand() + rand() - 1.5 } 1 .. 60000;
my $pool = pack('f>*', @pool);

# rows(from, n, dim) -- binary COPY of (int, vector): stretches of one long list of random numbers.
sub rows
{
	my ($from, $n, $dim) = @_;
	my $copy = "PGCOPY\n\xff\r\n\0" . "\0" x 8;
	for my $id ($from .. $from + $n - 1)
	{
		my $at = int(rand(@pool - $dim));
		$copy .= pack('nNNNnn', 2, 4, $id, 4 + 4 * $dim, $dim, 0) . substr($pool, 4 * $at, 4 * $dim);
	}
	return $copy . "\xff\xff";
}

sub fill
{
	my ($db, $table, $from, $n, $dim) = @_;
	my $reply = $db->query("COPY $table FROM STDIN (FORMAT binary)", rows($from, $n, $dim));
	die $reply->{error} if $reply->{error};
	return;
}

sub make_table
{
	my ($db, $table, $n, $dim) = @_;
	$db->must("CREATE TABLE $table (id int, v vector($dim)) WITH (autovacuum_enabled = off)", "ALTER TABLE $table ALTER v SET STORAGE PLAIN",
		"ALTER TABLE $table SET (parallel_workers = 2)") if $dim < 1900;
	fill($db, $table, 1, $n, $dim);
	return;
}

# sound(table) -- its indexes are what they should be.
sub sound
{
	my ($db, $table, $name) = @_;
	my $reply = $db->query("SELECT sum(c.unreachable), bool_and(c.heap_rows = (SELECT count(*) FROM $table)) FROM pg_index i, LATERAL omendb_index_check(i.indexrelid, true) c "
		. "WHERE i.indrelid = '$table'::regclass AND i.indisvalid");
	return ok(!$reply->{error} && !$reply->{lost}, "$name: the index is sound", $reply->{error} // 'the connection was lost');
}

# leftovers -- what lies about that no relation, process or session has a use for.
sub leftovers
{
	my ($db) = @_;
	my @found;
	$db->must('CHECKPOINT');
	my %known = map { $_->[0] => 1 } @{ $db->query('SELECT pg_relation_filenode(oid) FROM pg_class WHERE pg_relation_filenode(oid) IS NOT NULL')->{rows} };
	my $oid = $db->value("SELECT oid FROM pg_database WHERE datname = 'postgres'");
	for my $file (glob("$cluster->{data}/base/$oid/* $cluster->{data}/pg_tblspc/*/*/$oid/*"))
	{
		push @found, $file if $file =~ m{/(\d+)(?:_\w+)?(?:\.\d+)?$} && !$known{$1} && -s $file;
	}
	push @found, glob("$cluster->{data}/base/pgsql_tmp/* $cluster->{data}/pg_tblspc/*/*/pgsql_tmp/*");
	push @found, map { "worker @$_" } @{ $db->query("SELECT pid, backend_type FROM pg_stat_activity WHERE backend_type LIKE 'parallel%'")->{rows} };
	# a session that has had workers keeps a segment of its own
	my %mapped = map { %{ segments($_->[0]) } } @{ $db->query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")->{rows} };
	push @found, grep { !$segments{$_} && !exists $mapped{$_} } glob("$cluster->{data}/pg_dynshmem/mmap.*");
	return @found;
}

sub clean
{
	my ($db, $name) = @_;
	my @left;
	# processes that have been told to end take a moment
	for (1 .. 200)
	{
		@left = leftovers($db);
		last unless @left;
		sleep 0.05;
	}
	return ok(!@left, "$name: nothing is left behind", @left);
}

# ------------------------------------------------------------ memory of builds

# peak(db, sql) -- runs it; the most that the backend and its workers have had at one time, in kB.
sub peak
{
	my ($db, $sql) = @_;
	my $pid = pid_of($db);
	my $watch = session();
	my $before = status($pid)->{RssAnon};
	my $peak = 0;
	my @workers;
	my $look = 0;
	send_query($db, $sql);
	until (is_done($db, 0.002))
	{
		@workers = workers_of($watch, $pid) if $look++ % 8 == 0;
		my %shared;
		my $private = 0;
		for my $p ($pid, @workers)
		{
			my $kb = status($p)->{RssAnon} // next;
			# what a backend has before it begins counts for none
			$private += max(0, $kb - $before);
			%shared = (%shared, %{ segments($p) });
		}
		$peak = max($peak, $private + sum0(values %shared));
	}
	my $reply = $db->reply;
	die $reply->{error} if $reply->{error};
	return $peak;
}

sub build_memory
{
	my $rows = $option{long} ? 30000 : 10000;
	my $db = session();
	my $dim = 256;
	make_table($db, 'build', $rows, $dim);
	for my $memory ($option{long} ? (16, 64) : 8)
	{
		for my $kind ('quantizer = none', 'bits = 4', 'bits = 2, rerank = index', 'quantizer = pq, subvectors = 32', 'quantizer = sq8')
		{
			for my $workers (0, 2)
			{
				next unless $option{long} || ($kind =~ /pq/ ? $workers : $kind =~ /none/ && !$workers);
				my $fresh = session("SET maintenance_work_mem = '${memory}MB'", "SET max_parallel_maintenance_workers = $workers", 'SET min_parallel_table_scan_size = 0',
					# what every backend has after a build: caches, the library
					'CREATE TABLE small AS SELECT * FROM build LIMIT 20', 'CREATE INDEX ON small USING omenhnsw ((v::vector(256)) vector_l2_ops)', 'DROP TABLE small');
				my $kb = peak($fresh, "CREATE INDEX build_v ON build USING omenhnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 24, $kind)");
				my $share = $kb / 1024 / $memory;
				figure("build, $kind, $workers workers, maintenance_work_mem $memory MB", sprintf('%.1f MB, %.0f %%', $kb / 1024, 100 * $share));
				# less than 1 MB comes to it in any case, which is more than 10 % of little
				ok($kb / 1024 <= max(1.1 * $memory, $memory + 1.3), "a build takes at most maintenance_work_mem and 10 %: $kind, $workers workers, $memory MB", sprintf('%.1f MB', $kb / 1024));
				sound($db, 'build', "$kind, $workers workers, $memory MB");
				$db->must('DROP INDEX build_v');
			}
		}
	}
	$db->must('DROP TABLE build');
	return;
}

# ------------------------------------------------------------ memory of scans and of backends

sub scan_memory
{
	my $rows = $option{long} ? 100000 : 20000;
	my $db = session();
	make_table($db, 'scan', $rows, 16);
	$db->must("SET maintenance_work_mem = '128MB'", 'CREATE INDEX ON scan USING omenhnsw (v vector_l2_ops) WITH (m = 6, ef_construction = 16, bits = 4)');
	for my $work_mem ($option{long} ? (1, 4, 16) : 1)
	{
		for my $mode ('strict_order', $option{long} ? 'relaxed_order' : ())
		{
			my $fresh = session("SET work_mem = '${work_mem}MB'", "SET omenhnsw.iterative_scan = $mode", 'SET enable_seqscan = off', 'SET enable_sort = off', 'SET jit = off',
				"SELECT count(*) FROM (SELECT id FROM scan ORDER BY v <-> (SELECT v FROM scan WHERE id = 1) LIMIT 10) x");
			my $kb = peak($fresh, "SELECT count(*) FROM (SELECT id FROM scan ORDER BY v <-> (SELECT v FROM scan WHERE id = 2) OFFSET 1) x");
			figure("scan of all $rows rows, $mode, work_mem $work_mem MB", sprintf('%.1f MB', $kb / 1024));
			# what is set aside keeps to work_mem; the numbers of nodes that were met (4 bytes each) and a batch come to it
			ok($kb / 1024 <= $work_mem * 1.1 + $rows * 16 / 1e6 + 2, "a scan keeps to its bound: $mode, $work_mem MB", sprintf('%.1f MB', $kb / 1024));
		}
	}
	$db->must('DROP TABLE scan');
	return;
}

# grows(db, name, sql) -- after it has been run once, how much more does a backend have after it was run again?
sub grows
{
	my ($db, $name, $sql, $count) = @_;
	my $pid = pid_of($db);
	$db->must($sql);
	my $before = status($pid)->{RssAnon};
	$db->must($sql);
	my $kb = status($pid)->{RssAnon} - $before;
	figure("a backend after another $name ($count)", "$kb kB more");
	ok($kb < 1024, "a backend does not grow by $name", "$kb kB");
	return;
}

sub backend_memory
{
	my $many = $option{long} ? 100000 : 2000;
	my $errors = $option{long} ? 20000 : 600;
	my $db = session('SET enable_seqscan = off', 'SET jit = off');
	make_table($db, 'few', 1500, 16);
	$db->must('CREATE INDEX few_v ON few USING omenhnsw (v vector_l2_ops, id)');
	grows($db, 'rescans', "SELECT count(*) FROM generate_series(1, $many) i, LATERAL (SELECT id FROM few WHERE id <> i ORDER BY v <-> (SELECT v FROM few WHERE id = 1 + i % 1500 LIMIT 1) LIMIT 1) x", $many);
	$db->must(<<'SQL');
CREATE FUNCTION fail(n int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	failed int := 0;
BEGIN
	FOR i IN 1 .. n LOOP
		BEGIN
			-- in a scan, in an insert, in a function of the extension
			CASE i % 3
				WHEN 0 THEN PERFORM id / (id - id) FROM few ORDER BY v <-> (SELECT v FROM few LIMIT 1) LIMIT 1;
				WHEN 1 THEN INSERT INTO few SELECT 5000 + x, CASE WHEN x < 3 THEN v ELSE '[1]'::vector END FROM few, generate_series(1, 3) x WHERE id = 7;
				ELSE PERFORM omendb_index_info(0);
			END CASE;
		EXCEPTION WHEN OTHERS THEN
			failed := failed + 1;
		END;
	END LOOP;
	RETURN failed;
END $$
SQL
	grows($db, 'errors', "SELECT fail($errors)", $errors);
	ok($db->value("SELECT fail(99)") == 99, 'all of them are errors');
	my $indexes = 200;
	$db->must(map { ("CREATE TABLE p$_ AS SELECT id, v FROM few LIMIT 60", "ALTER TABLE p$_ ALTER v TYPE vector(16)", "CREATE INDEX ON p$_ USING omenhnsw (v vector_l2_ops)") } 1 .. $indexes) if $option{long};
	$db->must('CREATE FUNCTION all_of_them(n int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1 .. n LOOP EXECUTE format(\'SELECT id FROM p%s ORDER BY v <-> (SELECT v FROM few LIMIT 1) LIMIT 1\', i); END LOOP; END $$');
	grows($db, 'round of searches in 200 indexes', "SELECT all_of_them($indexes)", $indexes) if $option{long};
	sound($db, 'few', 'after errors');
	$db->must('DROP TABLE few', 'DROP FUNCTION fail, all_of_them', $option{long} ? map { "DROP TABLE p$_" } 1 .. $indexes : ());
	return;
}

# ------------------------------------------------------------ what is stopped in its midst

# What runs long, and what is to be undone after it.
my %WORK = (
	'build' => [ 'CREATE INDEX w_v ON work USING omenhnsw (v vector_l2_ops) WITH (bits = 4)', [ 'SET max_parallel_maintenance_workers = 0' ] ],
	'build with workers' => [ 'CREATE INDEX w_v ON work USING omenhnsw (v vector_l2_ops) WITH (bits = 4)', [ 'SET max_parallel_maintenance_workers = 2', 'SET min_parallel_table_scan_size = 0' ] ],
	'build of pq with workers' => [ 'CREATE INDEX w_v ON work USING omenhnsw (v vector_l2_ops) WITH (quantizer = pq, subvectors = 16)', [ 'SET max_parallel_maintenance_workers = 2', 'SET min_parallel_table_scan_size = 0' ] ],
	'build that outgrows its memory' => [ 'CREATE INDEX w_v ON work USING omenhnsw (v vector_l2_ops) WITH (quantizer = none)', [ "SET maintenance_work_mem = '2MB'" ] ],
	'inserts' => [ 'INSERT INTO indexed SELECT id + 1000000, v FROM work', [] ],
	'inserts of one vector' => [ 'INSERT INTO indexed SELECT i + 1000000, (SELECT v FROM work LIMIT 1) FROM generate_series(1, 200000) i', [] ],
	'a scan of all rows' => [ 'SELECT count(*) FROM generate_series(1, 300) i, LATERAL (SELECT id + i FROM indexed ORDER BY v <-> (SELECT v FROM indexed WHERE id <> i LIMIT 1) OFFSET 1) x', [ 'SET enable_seqscan = off' ] ],
	'a scan of copies' => [ 'SELECT count(*) FROM generate_series(1, 50) i, LATERAL (SELECT id + i FROM copies ORDER BY v <-> (SELECT v FROM copies WHERE id <> i LIMIT 1) OFFSET 1) x', [ 'SET enable_seqscan = off' ] ],
	'the checker' => [ "SELECT omendb_index_check('indexed_v', true) FROM generate_series(1, 50)", [] ],
	'figures' => [ "SELECT sum((omendb_index_info('indexed_v')).nodes) FROM generate_series(1, 1000) i", [] ],
	'vacuum' => [ 'VACUUM indexed', [], 'DELETE FROM indexed WHERE id % 3 = 0' ],
	'reindex' => [ 'REINDEX INDEX CONCURRENTLY indexed_v', [] ]);

sub make_work
{
	my ($db) = @_;
	my $rows = $option{long} ? 40000 : 8000;
	make_table($db, 'work', $rows, 64);
	make_table($db, 'indexed', $rows, 64);
	$db->must('CREATE INDEX indexed_v ON indexed USING omenhnsw (v vector_l2_ops)', 'CREATE TABLE copies (id int, v vector(8))',
		"INSERT INTO copies SELECT i, '[1,2,3,4,5,6,7,8]' FROM generate_series(1, " . 20 * $rows . ') i', 'CREATE INDEX copies_v ON copies USING omenhnsw (v vector_l2_ops)');
	return;
}

# stopped(name, how, after) -- the work is begun, and ended from outside after so many CPU seconds, or by settings; how it ended.
sub stopped
{
	my ($name, $how, $after) = @_;
	my ($sql, $settings, $before) = @{ $WORK{$name} };
	my $watch = session();
	$watch->must($before) if $before;
	my $db = session(@$settings, ref $how ? @$how : ());
	my $pid = pid_of($db);
	my $start = cpu($pid);
	send_query($db, $sql);
	# by its own CPU time, so that it is in the midst of it wherever the machine is
	until (is_done($db, 0.001) || cpu($pid) - $start >= $after) {}
	$watch->must("SELECT $how($pid)") unless ref $how;
	return $db->reply;
}

sub stops
{
	my $db = session();
	make_work($db);
	for my $name (sort keys %WORK)
	{
		for my $i (1 .. ($option{long} ? 20 : 1))
		{
			my $reply = stopped($name, 'pg_cancel_backend', 0.01 + rand($option{long} ? 1 : 0.06));
			ok(($reply->{error} // '57014') =~ /^57014/, "$name: cancelled, unless it was done", $reply->{error});
		}
		$db->must('DROP INDEX CONCURRENTLY IF EXISTS indexed_v_ccnew') if $name eq 'reindex';
		clean($db, "$name, cancelled");
		$db->must('DROP INDEX IF EXISTS w_v');
	}
	sound($db, 'indexed', 'after all that was cancelled');
	for my $name ('build', 'build with workers', 'build of pq with workers', 'inserts', 'vacuum')
	{
		my $reply = stopped($name, 'pg_terminate_backend', 0.01 + rand($option{long} ? 0.5 : 0.08));
		ok($reply->{lost} || ($reply->{error} // '57P01') =~ /^57P01/, "$name: terminated, unless it was done", $reply->{error});
		clean($db, "$name, terminated");
		$reply = stopped($name, [ 'SET statement_timeout = ' . (5 + int rand 60) ], 100);
		ok(($reply->{error} // '57014: canceling statement due to statement timeout') =~ /^57014: canceling statement due to statement timeout/,
			"$name: statement_timeout, unless it was done", $reply->{error});
		clean($db, "$name, statement_timeout");
		$db->must('DROP INDEX IF EXISTS w_v');
	}
	worker_killed($db);
	lock_timeout($db);
	sound($db, 'indexed', 'after all that was terminated');
	$db->must('DROP TABLE work, indexed, copies');
	return;
}

# a worker that is terminated: the leader says so, and the build leaves nothing
sub worker_killed
{
	my ($db) = @_;
	my ($sql, $settings) = @{ $WORK{'build with workers'} };
	my $leader = session(@$settings);
	my @workers;
	send_query($leader, $sql);
	until (@workers || is_done($leader, 0.001)) { @workers = workers_of($db, pid_of($leader)); }
	$db->must("SELECT pg_terminate_backend($workers[0])") if @workers;
	my $reply = $leader->reply;
	ok(!$reply->{lost} && ($reply->{error} // '57P01') =~ /^57P01/, 'a worker is terminated: an error, or the build does without', $reply->{error});
	$db->must('DROP INDEX IF EXISTS w_v');
	clean($db, 'a worker terminated');
	return;
}

sub lock_timeout
{
	my ($db) = @_;
	my $other = session('SET lock_timeout = 50');
	$db->must('BEGIN', 'LOCK TABLE indexed IN SHARE MODE');
	for my $sql ('INSERT INTO indexed SELECT id, v FROM work LIMIT 1', 'REINDEX INDEX indexed_v', 'DROP INDEX indexed_v', 'VACUUM indexed')
	{
		my $reply = $other->query($sql);
		ok(($reply->{error} // '') =~ /^55P03/, "lock_timeout: $sql", $reply->{error} // 'no error');
	}
	$db->must('ROLLBACK');
	return;
}

# ------------------------------------------------------------ no space, no memory, no workers

# limit(db, bytes) -- what a file of this backend may grow to; WAL segments are smaller. undef: no limit.
sub limit
{
	my ($db, $bytes) = @_;
	Cluster::run('prlimit', '--pid', pid_of($db), '--fsize=' . ($bytes // 'unlimited') . ':');
	return;
}

# ballast(bytes) -- leave so much in the folder of the tablespace.
sub ballast
{
	my ($bytes) = @_;
	my $file = "$option{space}/ballast";
	unlink $file;
	return unless defined $bytes;
	my $free = (split ' ', (split /\n/, Cluster::run('df', '-B1', '--output=avail', $option{space}))[1])[0];
	Cluster::run('fallocate', '-l', max(4096, $free - $bytes), $file);
	return;
}

# full(name, sql, least, most, leave) -- with every amount of space, from least bytes on, until it succeeds.
sub full
{
	my ($db, $name, $sql, $least, $most, $leave) = @_;
	my $steps = $option{long} ? 40 : 3;
	my $errors = 0;
	for my $i (0 .. $steps)
	{
		my $bytes = int($least + ($most - $least) * $i / $steps);
		my $worker = session("SET maintenance_work_mem = '16MB'", 'SET max_parallel_maintenance_workers = 0', $option{space} ? "SET default_tablespace = space" : ());
		$leave->($worker, $bytes);
		my $reply = $worker->query($sql);
		$leave->($worker, undef);
		if ($reply->{error})
		{
			$errors++;
			ok($reply->{error} =~ /^(53100|58030|54000): could not (extend|write)/, "$name, $bytes bytes: an error that says so", $reply->{error});
		}
		ok(!$reply->{lost}, "$name, $bytes bytes: the server goes on");
		sound($db, 'crowded', "$name, $bytes bytes");
		$db->must('DROP INDEX IF EXISTS crowded_new', 'DELETE FROM crowded WHERE id > 1000000', 'VACUUM crowded');
		clean($db, "$name, $bytes bytes");
	}
	figure("$name: errors, and times that space was enough", "$errors, " . ($steps + 1 - $errors));
	return;
}

sub no_space
{
	my $db = session($option{space} ? "SET default_tablespace = space" : ());
	make_table($db, 'crowded', 3000, 64);
	$db->must('CREATE INDEX crowded_v ON crowded USING omenhnsw (v vector_l2_ops) WITH (quantizer = none)');
	my $size = $db->value("SELECT pg_relation_size('crowded_v')");
	my $leave = $option{space} ? sub { ballast($_[1]) } : sub { limit($_[0], $_[1]) };
	# a limit of a file must be that of a WAL segment at least
	my $least = $option{space} ? 8192 : 1048576;
	full($db, 'build on a full disk', 'CREATE INDEX crowded_new ON crowded USING omenhnsw (v vector_l2_ops) WITH (quantizer = none)', $least, $size + 262144, $leave);
	# with --space: the table grows on the same disk
	my $grown = $option{space} ? 8192 : $size;
	full($db, 'inserts on a full disk', 'INSERT INTO crowded SELECT id + 1000000, v FROM crowded WHERE id < 1000', $grown, $grown + 1000000, $leave);
	$db->must('DROP TABLE crowded');
	return;
}

sub no_memory
{
	my $db = session();
	make_table($db, 'tight', 2000, 16);
	for my $case (
		[ 'no shared memory', [ 'SET max_parallel_maintenance_workers = 2', 'SET min_parallel_table_scan_size = 0', "SET maintenance_work_mem = '32MB'" ], 1048576 ],
		[ 'no workers', [ 'SET max_parallel_maintenance_workers = 2', 'SET min_parallel_table_scan_size = 0', 'SET max_parallel_workers = 0' ] ],
		# a build that its memory does not hold needs them: test/t/042
		[ 'no temporary files', [ 'SET temp_file_limit = 0', "SET maintenance_work_mem = '16MB'", "SET work_mem = '64kB'" ] ])
	{
		my ($name, $settings, $limit) = @$case;
		for my $kind ($option{long} ? 'bits = 4' : (), 'quantizer = pq')
		{
			my $worker = session(@$settings, 'SET enable_seqscan = off');
			limit($worker, $limit) if $limit;
			for my $sql ("CREATE INDEX tight_v ON tight USING omenhnsw (v vector_l2_ops) WITH ($kind)", 'SELECT count(*) FROM (SELECT id FROM tight ORDER BY v <-> (SELECT v FROM tight LIMIT 1) OFFSET 1) x',
				'INSERT INTO tight SELECT id + 1000000, v FROM tight WHERE id < 100', 'DELETE FROM tight WHERE id > 1000000', 'VACUUM tight')
			{
				my $reply = $worker->query($sql);
				ok(!$reply->{error} && !$reply->{lost}, "$name, $kind: $sql", $reply->{error} // 'the connection was lost');
			}
			limit($worker) if $limit;
			sound($db, 'tight', "$name, $kind");
			clean($db, "$name, $kind");
			$db->must('DROP INDEX IF EXISTS tight_v');
		}
	}
	$db->must('DROP TABLE tight');
	return;
}

# ------------------------------------------------------------

my $begin = time;
$cluster = Cluster->new("$option{work}/resources", $option{library} // "$option{tree}/omendb", "$option{tree}/src/sql/omendb--0.1.0.sql", '--no-sync', '--wal-segsize=1');
$cluster->configure('fsync = off', 'autovacuum = off', 'shared_buffers = 24MB', 'min_wal_size = 2MB', 'max_wal_size = 1GB', 'wal_level = minimal', 'max_wal_senders = 0', # segments are files of the data folder, and not among those of other servers
	'dynamic_shared_memory_type = mmap', 'jit = off', 'max_worker_processes = 8',
	"log_line_prefix = '%m [%p] '");
my $first = $cluster->start;
$first->must($cluster->{script});
if ($option{space})
{
	$first->must("CREATE TABLESPACE space LOCATION '$option{space}'");
}
%segments = map { $_ => 1 } glob("$cluster->{data}/pg_dynshmem/mmap.*");
undef $first;

my @parts = ([ build => \&build_memory ], [ scan => \&scan_memory ], [ backend => \&backend_memory ], [ stop => \&stops ], [ space => \&no_space ], [ memory => \&no_memory ]);
for my $part (@parts)
{
	next if $option{only} && $option{only} ne $part->[0];
	ok(eval { $part->[1]->(); 1 }, "$part->[0]: comes to its end", $@ // '');
}
my $log = Cluster::slurp("$cluster->{folder}/log");
ok($log !~ /(TRAP|PANIC|terminated by signal)/, 'no process of the server has crashed', $1 // '');
$cluster->stop;
ok(!glob("$cluster->{data}/pg_dynshmem/mmap.*"), 'no segment of shared memory is left');
printf "%d s, seed %d\n", time - $begin, $option{seed};
print "$passed passed, $failed failed\n";
exit($failed ? 1 : 0);
