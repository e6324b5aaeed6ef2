# Builds whose graph does not fit maintenance_work_mem: in regions, with temporary files. All rows are there
# and reachable, searches find what they find in an index built in memory, whatever the rows, codes and columns;
# temp_file_limit holds, and nothing is left behind.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use Test::More;

my $dim = 24;
my $node = new_server('build_regions');

sub sql { return $node->safe_psql('postgres', join(';', @_)) }

# build(options) -- the statement, with memory for a part of the graph; what it has said.
sub build
{
	my ($workers, $what, $memory) = @_;
	my ($ret, $out, $err) = $node->psql('postgres', join(';', 'DROP INDEX IF EXISTS i', "SET maintenance_work_mem = '$memory'",
			"SET max_parallel_maintenance_workers = $workers", 'SET min_parallel_table_scan_size = 0', "CREATE INDEX i ON t USING omenhnsw $what"));
	is($ret, 0, "$what, $workers workers: built") or diag($err);
	return $err;
}

sub no_files
{
	my ($name) = @_;
	is(sql("SELECT count(*) FROM pg_ls_tmpdir()"), 0, "$name: no temporary file is left");
	return;
}

# --- rows of few intrinsic dimensions: recall beside that of an index built in memory
sql('CREATE TABLE t (id int, k int, v vector(' . $dim . '))', 'CREATE TABLE q (v vector(' . $dim . '))', 'ALTER TABLE t SET (parallel_workers = 2)');
fill($node, 't', 1, 9000, $dim);
sql('UPDATE t SET k = id % 50', 'VACUUM FULL t', 'INSERT INTO q SELECT random_vector(1000000 + i, ' . $dim . ') FROM generate_series(1, 100) i');
for my $case (
	[ 'l2', '' ], [ 'cosine', 'WITH (bits = 8)' ], [ 'ip', '' ], [ 'l1', 'WITH (quantizer = sq8)' ], [ 'l2', 'WITH (quantizer = none)' ],
	[ 'l2', 'WITH (quantizer = binary, rerank = index)' ], [ 'cosine', 'WITH (quantizer = pq, subvectors = 12)' ])
{
	my ($metric, $options) = @$case;
	my $what = "(v $OPCLASS{$metric}) $options";
	sql("DROP INDEX IF EXISTS i; SET max_parallel_maintenance_workers = 0; CREATE INDEX i ON t USING omenhnsw $what");
	my $memory = recall($node, 't', $metric);
	for my $workers ($options eq '' ? (0, 1) : 0)
	{
		like(build($workers, $what, $workers ? '2MB' : '1MB'), qr/NOTICE:.*does not fit into maintenance_work_mem/, "$what: a NOTICE says so");
		my $regions = recall($node, 't', $metric);
		cmp_ok($regions, '>=', $memory - 0.02, "$what, $workers workers: recall $regions, built in memory $memory");
		is(check_index($node, 'i', "$what, $workers workers")->{tids}, 9000, 'every row is there');
	}
}
no_files('built');

# --- conditions, rows without a vector, inserts and a vacuum afterwards
sql('INSERT INTO t SELECT 20000 + i, i, NULL FROM generate_series(1, 500) i');
build(2, "(v vector_l2_ops, k) WITH (bits = 4, rerank = index)", '2MB');
check_index($node, 'i', 'filter columns, NULLs and refinements');
is(sql('SET enable_seqscan = off; SELECT count(*) FROM (SELECT id FROM t WHERE k = 7 ORDER BY v <-> (SELECT v FROM q LIMIT 1)) x'),
	sql('SET enable_indexscan = off; SELECT count(*) FROM t WHERE k = 7'), 'a condition gives all of its rows');
sql('DELETE FROM t WHERE id % 3 = 0', 'VACUUM t');
fill($node, 't', 30001, 30500, $dim);
check_index($node, 'i', 'after deletes, a vacuum and inserts');

# --- one vector again and again, with and without keys that tell its rows apart; groups of equal rows
sql('TRUNCATE t', "INSERT INTO t SELECT i, i, (SELECT v FROM q LIMIT 1) FROM generate_series(1, 40000) i",
	'INSERT INTO t SELECT 100000 + i, i % 7, random_vector(i % 300, ' . $dim . ') FROM generate_series(1, 9000) i', 'ALTER TABLE t SET (parallel_workers = 2)');
for my $workers (0, 1)
{
	for my $what ('(v vector_l2_ops)', '(v vector_l2_ops, k)')
	{
		like(build($workers, "$what WITH (m = 8, ef_construction = 20)", '2MB'), qr/built in regions/, "copies, $what, $workers workers: in regions");
		is(check_index($node, 'i', "copies, $what, $workers workers")->{tids}, 49000, 'every row is there');
	}
}

# --- other types: no means of their positions
sql('CREATE TABLE b (v bit(256))', q{INSERT INTO b SELECT (SELECT string_agg((('x' || substr(md5(i || '.' || n), 1, 16))::bit(64))::text, '' ORDER BY n) FROM generate_series(1, 4) n)::bit(256) FROM generate_series(1, 6000) i},
	"SET maintenance_work_mem = '1MB'", 'CREATE INDEX b_i ON b USING omenhnsw (v bit_hamming_ops)');
check_index($node, 'b_i', 'bit');
sql('CREATE TABLE s AS SELECT (SELECT array_agg(CASE WHEN (i * n) % 11 < 2 THEN (i * n * 7) % 13 ELSE 0 END::real ORDER BY n) FROM generate_series(1, 40) n)::vector(40)::sparsevec(40) AS v FROM generate_series(1, 6000) i',
	"SET maintenance_work_mem = '1MB'", 'CREATE INDEX s_i ON s USING omenhnsw (v sparsevec_l2_ops)');
check_index($node, 's_i', 'sparsevec');
no_files('other types');

# --- temporary files take no more than they may; a cancel takes them along
for my $workers (0, 1)
{
	my ($ret, $out, $err) = $node->psql('postgres', "DROP INDEX IF EXISTS i; SET maintenance_work_mem = '2MB'; SET temp_file_limit = '1MB'; "
		  . "SET max_parallel_maintenance_workers = $workers; SET min_parallel_table_scan_size = 0; CREATE INDEX i ON t USING omenhnsw (v)");
	like($err, qr/temporary file size exceeds temp_file_limit/, "temp_file_limit, $workers workers");
	no_files("temp_file_limit, $workers workers");
	for my $ms (30, 100, 300)
	{
		$node->psql('postgres', "SET maintenance_work_mem = '2MB'; SET statement_timeout = $ms; "
			  . "SET max_parallel_maintenance_workers = $workers; SET min_parallel_table_scan_size = 0; CREATE INDEX i ON t USING omenhnsw (v, k); DROP INDEX i");
		no_files("cancelled after $ms ms, $workers workers");
	}
}
build(1, '(v vector_l2_ops)', '2MB');
check_index($node, 'i', 'at the end');
$node->stop;
done_testing();
