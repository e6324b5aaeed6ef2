# Scans that come back to what they have left: a node's many rows while a vacuum frees
# some of them; rows in strict order beside dead ones; a second pass over all codes.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use Test::More;

my $node = new_server('pieces');

sub sql { return $node->safe_psql('postgres', join(';', @_)); }
my @index = ('SET enable_seqscan = off', 'SET enable_sort = off');

# --- a cursor in the rows of one node; vacuum frees records before and behind its place, inserts take them
my $dim = 16;
sql("CREATE TABLE source (id bigint, v vector($dim))");
fill($node, 'source', 1, 2000, $dim);
for my $options ('bits = 4', 'quantizer = none', 'rerank = off')
{
	sql('DROP TABLE IF EXISTS t', "CREATE TABLE t (id bigint, v vector($dim))", 'INSERT INTO t SELECT * FROM source',
		"CREATE INDEX i ON t USING omenhnsw (v) WITH ($options)",
		'INSERT INTO t SELECT 10000 + n, v FROM source, generate_series(1, 12000) n WHERE source.id = 1',
		# runs of rows without a gap, so that whole records become empty
		'DELETE FROM t WHERE id > 10000 AND id / 50 % 7 > 0');
	my $wanted = sql('SELECT count(*) FROM t');
	my $reader = $node->background_psql('postgres');
	$reader->query_safe(join(';', @index, 'BEGIN',
		"DECLARE c CURSOR FOR SELECT id FROM t ORDER BY v <-> (SELECT v FROM source WHERE id = 1)"));
	my @ids = split(/\n/, $reader->query_safe('FETCH 300 FROM c'));
	sql('VACUUM t');
	sql('INSERT INTO t SELECT 50000 + n, v FROM source, generate_series(1, 2000) n WHERE source.id = 1');
	push @ids, split(/\n/, $reader->query_safe('FETCH 300 FROM c'));
	# what the scan has read, too
	sql('DELETE FROM t WHERE id > 50000', 'VACUUM t');
	sql('INSERT INTO t SELECT 60000 + n, v FROM source, generate_series(1, 3000) n WHERE source.id = 1');
	push @ids, split(/\n/, $reader->query_safe('FETCH ALL FROM c'));
	$reader->query_safe('COMMIT');
	$reader->quit;
	my %seen = map { $_ => 1 } @ids;
	is(scalar(@ids) . ' ' . scalar(keys %seen), "$wanted $wanted", "$options: each row once, while a vacuum frees records");
	check_index($node, 'i', $options);
}

# --- strict order: a dead row makes no other late
$dim = 48;
sql('DROP TABLE source', "CREATE TABLE source (id bigint, v vector($dim))");
fill($node, 'source', 1, 4000, $dim);
sub order
{
	return "CREATE TEMP TABLE r AS SELECT row_number() OVER () AS n, id, d FROM "
	  . "(SELECT id, v <-> q AS d FROM t, (SELECT v AS q FROM source WHERE id = $_[0] OFFSET 0) q ORDER BY v <-> q) s";
}
for my $options ('quantizer = none', 'rerank = off')
{
	# of codes: their order is the table's as far as they tell
	my $far = $options eq 'quantizer = none' ? 0 : 0.3;
	my ($late, $before, $after) = (0, 0, 0);
	for my $query (1 .. 6)
	{
		my @scan = (@index, 'SET omenhnsw.ef_search = 10');
		sql('DROP TABLE IF EXISTS t', "CREATE TABLE t (id bigint, v vector($dim))", 'INSERT INTO t SELECT * FROM source',
			"CREATE INDEX i ON t USING omenhnsw (v) WITH ($options, m = 4)");
		my $q = "(SELECT v FROM source WHERE id = $query)";
		my $run = "SELECT id, v <-> $q AS d FROM t ORDER BY v <-> $q";
		# the rows that come late, and the farthest quarter of the others, are left
		$late += sql(@scan, "CREATE TEMP TABLE r AS SELECT row_number() OVER () AS n, id, d FROM ($run) s",
			'CREATE TEMP TABLE m AS SELECT *, max(d) OVER (ORDER BY n) AS top FROM r',
			"CREATE TEMP TABLE l AS SELECT id FROM m WHERE d < top - $far",
			'DELETE FROM t WHERE id NOT IN (SELECT id FROM l) AND id NOT IN (SELECT id FROM m WHERE d = top ORDER BY d DESC LIMIT 700)',
			'SELECT count(*) FROM l');
		$after += sql(@scan, "CREATE TEMP TABLE r AS SELECT row_number() OVER () AS n, id, d FROM ($run) s",
			"SELECT count(*) FROM (SELECT d, max(d) OVER (ORDER BY n) AS top FROM r) m WHERE d < top - $far");
	}
	cmp_ok($late, '>', 0, "$options: some rows are found late");
	cmp_ok($after, '<', $late / 2, "$options: not late any more once the rows returned before them are dead");
	diag("$options: late $late, of these still $after");
}
# --- more than fits into memory: all codes are evaluated three times at most, not once for each portion that fits
sql('DROP TABLE t', 'CREATE TABLE t AS SELECT n AS id, (SELECT array_agg(random()::real) FROM generate_series(1, 16) d WHERE d + n > 0)::vector(16) AS v '
	  . 'FROM generate_series(1, 60000) n', 'CREATE INDEX i ON t USING omenhnsw (v)');
my ($out, $err);
$node->psql('postgres', join(';', @index, "SET work_mem = '64kB'", 'SET omenhnsw.scan_mem_multiplier = 1', 'SET jit = off',
		'SET client_min_messages = debug1',
		'SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE d < before - 0.2) FROM (SELECT id, d, lag(d) OVER () AS before FROM '
		  . '(SELECT id, v <-> (SELECT v FROM t WHERE id = 5) AS d FROM t ORDER BY v <-> (SELECT v FROM t WHERE id = 5) OFFSET 0) s) s'),
	stdout => \$out, stderr => \$err);
like($out, qr/^60000\|60000\|[01]$/, 'each row once, in order, after three passes');
my ($evaluated, $passes) = $err =~ /evaluated (\d+) nodes, .* passes (\d+)/;
is($passes, 3, 'three passes');
cmp_ok($evaluated, '<', 180000, 'none of them over more than all nodes');
check_index($node, 'i', 'passes');
$node->stop;
done_testing();
