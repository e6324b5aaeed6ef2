# Training of pq: with any number of workers, in little memory, cancelled, with a
# worker that dies.  Nothing is left behind, and the model does not depend on who
# made it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Utils;
use Test::More;

# segments are files then, which can be counted
my $node = new_server('training', conf => "dynamic_shared_memory_type = mmap\nmax_worker_processes = 16\n"
	  . "max_parallel_workers = 8\nmax_parallel_maintenance_workers = 2\nlog_min_messages = debug1\n");

sub sql { return $node->safe_psql('postgres', join(';', @_)); }

# the server's own are small
sub segments { return scalar(grep { -s $_ > 2 * 1024 * 1024 } glob($node->data_dir . '/pg_dynshmem/mmap.*')); }

# workers that were started since the last call
my $log_position = 0;

sub workers_started
{
	my $log = slurp_file($node->logfile, $log_position);
	$log_position += length($log);
	return scalar(() = $log =~ /starting background worker process "parallel worker/g);
}

# model(index) -- its floats, in order.
sub model
{
	my ($index) = @_;
	sql('CHECKPOINT');
	my $file = slurp_file($node->data_dir . '/' . sql("SELECT pg_relation_filepath('$index')"));
	my $size = sql('SHOW block_size');
	my %page;
	for (my $at = 0; $at < length($file); $at += $size)
	{
		my ($lp, $kind) = unpack('Vv', substr($file, $at + $size - 16, 6));
		$page{$lp} = substr($file, $at + 24, 8000) if $kind == 16 + 4;
	}
	return unpack('f<*', join('', map { $page{$_} } sort { $a <=> $b } keys %page));
}

# --- few distinct points: each is a centroid, whatever the random numbers are
sql('CREATE TABLE few (id bigint, v vector(7))',
	'INSERT INTO few SELECT i, ARRAY[i % 5, i % 7, i % 3, i % 11, i * i % 13, i % 2, i % 17]::vector FROM generate_series(1, 3000) i',
	'ALTER TABLE few SET (parallel_workers = 4)');
my $mean = sql('SELECT avg(v) FROM few');
my @mean = split(/,/, $mean =~ tr/[]//dr);
my %distinct = (0 => 35, 2 => 33, 4 => 14, 6 => 17);	# pairs of dimensions, and the last
my $first;
for my $workers (0, 1, 2, 3)
{
	workers_started();
	sql('DROP INDEX IF EXISTS few_i', "SET max_parallel_maintenance_workers = $workers",
		'CREATE INDEX few_i ON few USING omenhnsw (v) WITH (quantizer = pq, subvectors = 4)');
	is(workers_started(), 2 * $workers, "$workers workers: for training, and for the graph");
	check_index($node, 'few_i', "$workers workers");
	my @model = model('few_i');
	my @sets;
	for my $from (sort keys %distinct)
	{
		my %set;
		for my $c (0 .. 255)
		{
			$set{ join(' ', map { sprintf('%.3f', $mean[$_] + $model[ 7 + 2 + 256 * $_ + $c ]) } $from .. ($from < 6 ? $from + 1 : 6)) } = 1;
		}
		is(scalar(keys %set), $distinct{$from}, "$workers workers: dimension $from on, each distinct point is a centroid");
		push @sets, join(', ', sort keys %set);
	}
	$first //= [@sets];
	is_deeply(\@sets, $first, "$workers workers: the same centroids");
}

# --- recall, and what is known of the index
my $dim = 200;
sql("CREATE TABLE rows (id bigint, v vector($dim))", 'ALTER TABLE rows SET (parallel_workers = 2)',
	"CREATE TABLE q (v vector($dim))", 'SELECT setseed(0.5)',
	"INSERT INTO q SELECT random_vector(i, $dim) FROM generate_series(1, 20) i");
fill($node, 'rows', 1, 4000, $dim);
my $info = "SELECT quantizer, subvectors, trained_rows, code_bytes, nodes, rows FROM omendb_index_info('rows_i')";
for my $setting ('max_parallel_maintenance_workers = 0', 'max_parallel_maintenance_workers = 1', 'max_parallel_maintenance_workers = 2',
	'max_parallel_workers = 0')
{
	sql('DROP INDEX IF EXISTS rows_i', "SET $setting",
		"CREATE INDEX rows_i ON rows USING omenhnsw (v) WITH (quantizer = pq, subvectors = $dim)");
	is(sql($info), "pq|$dim|4000|212|4000|4000", "$setting: trained on all rows");
	my $recall = recall($node, 'rows', 'l2');
	cmp_ok($recall, '>=', 0.95, "$setting: recall $recall");
	check_index($node, 'rows_i', $setting);
}
is(segments(), 0, 'no segment is left');

# --- little memory: fewer rows, but never too few
for my $workers (0, 2)
{
	for my $memory (1, 3)
	{
		sql('DROP INDEX IF EXISTS rows_i', "SET max_parallel_maintenance_workers = $workers", "SET maintenance_work_mem = '${memory}MB'",
			'SET client_min_messages = warning', "CREATE INDEX rows_i ON rows USING omenhnsw (v) WITH (quantizer = pq, subvectors = $dim)");
		my $rows = sql("SELECT trained_rows FROM omendb_index_info('rows_i')");
		my $most = $memory * 1024 * 1024 / (4 * $dim);
		if ($memory == 1) { is($rows, 1000, "1 MB, $workers workers: the fewest rows there may be"); }
		else { ok($rows > 1000 && $rows < $most, "$memory MB, $workers workers: $rows rows, less than $most"); }
		my $recall = recall($node, 'rows', 'l2');
		cmp_ok($recall, '>=', 0.95, "$memory MB, $workers workers: recall $recall");
		check_index($node, 'rows_i', "$memory MB, $workers workers");
	}
}
sql('DROP INDEX rows_i');

# --- interrupted: whoever it is, the build ends and leaves nothing
# interrupted(what, workers) -- what is done to a build as soon as it trains; returns what psql says of it.
sub interrupted
{
	my ($what, $workers) = @_;
	my ($ret, $out, $err);
	for my $try (1 .. 10)
	{
		my $hunter = $node->background_psql('postgres');
		$hunter->query_until(qr/hunting/, <<"SQL");
\\echo hunting
DO \$\$
BEGIN
	FOR i IN 1 .. 20000 LOOP
		PERFORM $what FROM pg_stat_progress_create_index p WHERE phase = 'building index: training quantizer'
			AND tuples_done > 3;
		EXIT WHEN FOUND;
		PERFORM pg_sleep(0.001), pg_stat_clear_snapshot();
	END LOOP;
END
\$\$;
SQL
		($ret, $out, $err) = $node->psql('postgres', "SET max_parallel_maintenance_workers = $workers;"
			  . "CREATE INDEX rows_i ON rows USING omenhnsw (v) WITH (quantizer = pq, subvectors = $dim)");
		$hunter->quit;
		last if $ret != 0;
		sql('DROP INDEX rows_i');
	}
	return $err;
}

my @cases = (
	[ 'cancelled, alone', 'pg_cancel_backend(p.pid)', 0, qr/canceling statement due to user request/ ],
	[ 'cancelled, with workers', 'pg_cancel_backend(p.pid)', 2, qr/canceling statement due to user request/ ],
	[ 'a worker terminated', 'pg_terminate_backend((SELECT min(a.pid) FROM pg_stat_activity a WHERE a.leader_pid = p.pid))', 2,
		qr/terminating .* due to administrator command/ ]);
for my $case (@cases)
{
	my ($name, $what, $workers, $message) = @$case;
	like(interrupted($what, $workers), $message, "$name: the build fails");
	is(sql("SELECT count(*) FROM pg_class WHERE relname = 'rows_i'"), 0, "$name: no index");
	ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'parallel worker'"),
		"$name: no worker");
	is(segments(), 0, "$name: no segment");
}
sql("CREATE INDEX rows_i ON rows USING omenhnsw (v) WITH (quantizer = pq, subvectors = $dim)");
check_index($node, 'rows_i', 'afterwards');
$node->stop;
done_testing();
