# Every row comes exactly once, in order, and a LIMIT is never short.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use Test::More;

my $dim = 48;
my $rows = 3000;
my $node = new_server('scan');

sub sql { return $node->safe_psql('postgres', join(';', @_)); }

# The plan of the query uses the index.
sub uses_index
{
	my ($query, $name, @settings) = @_;
	like(sql(@settings, "EXPLAIN (COSTS OFF) $query"), qr/Index Scan using i on/, "$name: by the index");
}

sql("CREATE TABLE source (id bigint, v vector($dim))");
fill($node, 'source', 1, $rows, $dim);

for my $case (map { my $m = $_; map { [ $m, $_ ] } (1, 4) } @METRICS)
{
	my ($metric, $bits) = @$case;
	my $op = $OPERATOR{$metric};
	my $name = "$metric, $bits bits";
	my @index = ('SET enable_seqscan = off', 'SET enable_sort = off');
	my $query = "(SELECT v FROM source WHERE id = 17)";

	# rows, each tenth a duplicate; NULLs; vectors of zeros
	sql('DROP TABLE IF EXISTS t', "CREATE TABLE t (id bigint, part int, v vector($dim))",
		"INSERT INTO t SELECT id, id % 500, v FROM source",
		"INSERT INTO t SELECT id + 100000, id % 500, v FROM source WHERE id % 10 = 0",
		"INSERT INTO t SELECT 200000 + n, n % 500, NULL FROM generate_series(1, 70) n",
		"INSERT INTO t SELECT 300000 + n, n % 500, array_fill(0::real, ARRAY[$dim])::vector FROM generate_series(1, 30) n",
		"CREATE INDEX i ON t USING omenhnsw (v $OPCLASS{$metric}) WITH (bits = $bits)",
		"INSERT INTO t SELECT id + 400000, id % 500, v FROM source WHERE id % 20 = 0", 'ANALYZE t');
	my $all = sql('SELECT count(*) FROM t');

	# relaxed_order and strict_order, without a LIMIT
	for my $mode (qw(strict_order relaxed_order))
	{
		my @set = (@index, "SET omenhnsw.iterative_scan = $mode");
		uses_index("SELECT id FROM t ORDER BY v $op $query", "$name, $mode, no LIMIT", @set);
		is(sql(@set, "CREATE TEMP TABLE r AS SELECT id, row_number() OVER () AS n FROM (SELECT id FROM t ORDER BY v $op $query) s",
				'SELECT count(*), count(DISTINCT id) FROM r'),
			"$all|$all", "$name, $mode: each row once");
	}

	# strict order: those found late come at the end; up to a LIMIT the order is that of SQL
	my $decreasing = sql(@index, "SELECT count(*) FROM (SELECT d, lag(d) OVER () AS before FROM "
		  . "(SELECT v $op $query AS d FROM t ORDER BY v $op $query LIMIT 1000) s) s WHERE d < before");
	is($decreasing, 0, "$name: 1,000 rows in order");

	# no direction, then NULL, at the very end
	my $last = sql(@index, "SELECT string_agg(k, ',' ORDER BY n) FROM (SELECT n, k, lag(k) OVER (ORDER BY n) AS before FROM "
		  . "(SELECT row_number() OVER () AS n, CASE WHEN v IS NULL THEN 'null' "
		  . ($metric eq 'cosine' ? "WHEN vector_norm(v) = 0 THEN 'zero'" : '')
		  . " ELSE 'row' END AS k FROM (SELECT v FROM t ORDER BY v $op $query) s) s) s WHERE k IS DISTINCT FROM before");
	# (and then the rows that strict order has held back, if there are any)
	my $order = $metric eq 'cosine' ? 'row,zero,null' : 'row,null';
	like($last, qr/^$order(,row)?$/, "$name: rows without a distance come last");

	# LIMITs with conditions that few rows meet
	for my $part (3, 77, 499)
	{
		my $want = sql("SELECT count(*) FROM t WHERE part = $part");
		for my $limit (1, 5, 1000)
		{
			my $expect = $limit < $want ? $limit : $want;
			is(sql(@index, "SELECT count(*) FROM (SELECT 1 FROM t WHERE part = $part ORDER BY v $op $query LIMIT $limit) s"),
				$expect, "$name: LIMIT $limit of $want rows is $expect");
		}
	}
	is(sql(@index, "SELECT id FROM t WHERE part = 17 AND v IS NOT NULL ORDER BY v $op $query LIMIT 1") % 100000,
		$metric eq 'ip' ? sql('SET enable_indexscan = off', "SELECT id FROM t WHERE part = 17 AND v IS NOT NULL ORDER BY v $op $query LIMIT 1") % 100000 : 17,
		"$name: the nearest of those that qualify");

	# a NULL query and, under cosine, one without direction: every row
	is(sql(@index, "SELECT count(DISTINCT id) FROM (SELECT id FROM t ORDER BY v $op NULL::vector) s"),
		$all, "$name: a NULL query returns every row");
	is(sql(@index, "SELECT count(DISTINCT id) FROM (SELECT id FROM t ORDER BY v $op array_fill(0::real, ARRAY[$dim])::vector) s"),
		$all, "$name: so does a query of zeros");

	# with little memory the walk ends early and the rest is swept
	is(sql(@index, "SET work_mem = '64kB'", "SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY v $op $query) s"),
		"$all|$all", "$name: each row once with little memory");

	# deleted rows do not come
	sql('DELETE FROM t WHERE part < 250');
	my $left = sql('SELECT count(*) FROM t');
	is(sql(@index, "SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY v $op $query) s"),
		"$left|$left", "$name: deleted rows do not come");
	is(sql(@index, "SELECT count(*) FROM (SELECT 1 FROM t ORDER BY v $op $query LIMIT 50) s"), 50,
		"$name: LIMIT 50 among deleted rows");
	sql('VACUUM t');
	is(sql(@index, "SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY v $op $query) s"),
		"$left|$left", "$name: each row once after vacuum");

	# bounds that the user sets
	cmp_ok(sql(@index, 'SET omenhnsw.iterative_scan = off', 'SET omenhnsw.ef_search = 10',
			"SELECT count(*) FROM (SELECT 1 FROM t ORDER BY v $op $query) s"),
		'<=', 60, "$name: iterative_scan off ends after ef_search candidates");
	cmp_ok(sql(@index, 'SET omenhnsw.max_scan_tuples = 100',
			"SELECT count(*) FROM (SELECT 1 FROM t ORDER BY v $op $query) s"),
		'<', $left, "$name: max_scan_tuples ends a scan");
	check_index($node, 'i', $name);
}

# an empty table, one row, only NULLs
sql('DROP TABLE t', "CREATE TABLE t (id bigint, v vector($dim))", 'CREATE INDEX i ON t USING omenhnsw (v)');
my @index = ('SET enable_seqscan = off');
is(sql(@index, 'SELECT count(*) FROM (SELECT 1 FROM t ORDER BY v <-> (SELECT v FROM source LIMIT 1)) s'), 0, 'empty');
sql('INSERT INTO t VALUES (1, NULL), (2, NULL)');
is(sql(@index, 'SELECT count(*) FROM (SELECT 1 FROM t ORDER BY v <-> (SELECT v FROM source LIMIT 1)) s'), 2, 'only NULLs');
sql('INSERT INTO t SELECT * FROM source LIMIT 1');
is(sql(@index, 'SELECT count(*) FROM (SELECT 1 FROM t ORDER BY v <-> (SELECT v FROM source LIMIT 1) LIMIT 10) s'), 3, 'one vector');
check_index($node, 'i', 'one vector');

# the same vector 20,000 times
sql('TRUNCATE t', 'INSERT INTO t SELECT n, v FROM source, generate_series(1, 20000) n WHERE source.id = 1');
is(sql(@index, 'SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY v <-> (SELECT v FROM source WHERE id = 2)) s'),
	'20000|20000', 'the same vector 20,000 times');
sql('REINDEX INDEX i');
is(sql(@index, 'SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY v <-> (SELECT v FROM source WHERE id = 2)) s'),
	'20000|20000', 'and built at once');
check_index($node, 'i', 'duplicates');
$node->stop;
done_testing();
