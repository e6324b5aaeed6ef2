# Refinements (rerank = index): through builds of every kind, inserts, vacuum, reused
# slots, crash and standby they belong to their rows; recall and order are those of the table.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dim = 96;
my $node = new_server('rerank', init => [ allows_streaming => 1 ]);

sub sql { return $node->safe_psql('postgres', join(';', @_)); }

# The checker compares every refinement with its row's; none is missing.
sub check_refined
{
	my ($name, %opt) = @_;
	my $f = check_index($opt{node} // $node, 'i', $name, %opt);
	is($f->{unrefined}, 0, "$name: every node has its refinement");
	return $f;
}

sql("CREATE TABLE source (id bigint, v vector($dim))", "CREATE TABLE t (id bigint, v vector($dim))",
	"CREATE TABLE q (v vector($dim))");
fill($node, 'source', 1, 6000, $dim);
sql('INSERT INTO q SELECT v FROM source WHERE id > 5960');

for my $metric (@METRICS)
{
	for my $bits (4, 1)
	{
		my $name = "$metric, $bits bits";
		sql('TRUNCATE t', 'DROP INDEX IF EXISTS i', 'INSERT INTO t SELECT * FROM source WHERE id <= 2500',
			"CREATE INDEX i ON t USING omenhnsw (v $OPCLASS{$metric}) WITH (rerank = index, bits = $bits)");
		check_refined("$name, built");
		sql('INSERT INTO t SELECT * FROM source WHERE id BETWEEN 2501 AND 5000');
		check_refined("$name, inserted");
		cmp_ok(recall($node, 't', $metric, ef => 100), '>=', 0.95, "$name, inserted: recall");

		# slots are used again, by others
		sql('DELETE FROM t WHERE id % 3 = 0');
		sql('VACUUM t');
		my $size = sql("SELECT pg_relation_size('i')");
		sql('INSERT INTO t SELECT * FROM source WHERE id > 5000 OR id % 12 = 0');
		is(sql("SELECT pg_relation_size('i') <= $size * 1.03"), 't', "$name: the index has not grown");
		check_refined("$name, slots used again");
		sql('UPDATE t SET id = id + 1 WHERE id % 4 = 0');
		check_refined("$name, updated");
		cmp_ok(recall($node, 't', $metric, ef => 100), '>=', 0.95, "$name, slots used again: recall");

		# every row comes once, whatever is asked for
		is(sql('SET enable_seqscan = off', 'SET work_mem = 64',
				"SELECT count(*), count(DISTINCT ctid) FROM (SELECT ctid FROM t ORDER BY v $OPERATOR{$metric} (SELECT v FROM q LIMIT 1) LIMIT 100000) s"),
			sql('SELECT count(*), count(*) FROM t'), "$name: all rows, each once");
	}
}

# --- order: no row comes after one that is farther by a hundredth
sql('TRUNCATE t', 'DROP INDEX i', 'INSERT INTO t SELECT * FROM source',
	'CREATE INDEX i ON t USING omenhnsw (v) WITH (rerank = index)');
my $wrong = sql('SET enable_seqscan = off', <<'SQL');
SELECT count(*) FILTER (WHERE d < before * 0.99), count(*)
FROM q, LATERAL (SELECT d, max(d) OVER (ORDER BY n ROWS UNBOUNDED PRECEDING) AS before
	FROM (SELECT t.v <-> q.v AS d, row_number() OVER () AS n
		FROM (SELECT v FROM t ORDER BY v <-> q.v LIMIT 100) t) s) s
SQL
is((split /\|/, $wrong)[0], 0, "order errors are below a hundredth ($wrong)");

# order(table, limit) -- the per cent of rows that are nearer than the one before, and the largest per cent by which they are nearer than one before
sub order
{
	my ($table, $limit) = @_;
	return split /\|/, sql('SET enable_seqscan = off', 'SET enable_sort = off', <<"SQL");
SELECT round(100.0 * count(*) FILTER (WHERE d < before) / count(*), 3), round(100 * max((farthest - d) / farthest)::numeric, 3)
FROM q, LATERAL (SELECT d, lag(d) OVER (ORDER BY n) AS before, max(d) OVER (ORDER BY n) AS farthest
	FROM (SELECT t.v <-> q.v AS d, row_number() OVER () AS n
		FROM (SELECT v FROM $table ORDER BY v <-> q.v LIMIT $limit) t) s) s WHERE farthest > 0
SQL
}

# ... and hardly any after one that is farther at all, which takes hardly more rows of the table than there are
sql("CREATE TABLE p (id bigint, v vector($dim)) PARTITION BY RANGE (id)", 'CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (2000)',
	'CREATE TABLE p2 PARTITION OF p DEFAULT', 'INSERT INTO p SELECT * FROM source');
for my $bits (4, 1)
{
	sql('DROP INDEX i', "CREATE INDEX i ON t USING omenhnsw (v) WITH (rerank = index, bits = $bits)");
	my (undef, $places, $err) = $node->psql('postgres', <<'SQL');
SET enable_seqscan = off;
SET client_min_messages = debug1;
SELECT count(*) FILTER (WHERE d < before), count(*)
FROM q, LATERAL (SELECT d, lag(d) OVER (ORDER BY n) AS before
	FROM (SELECT t.v <-> q.v AS d, row_number() OVER () AS n
		FROM (SELECT v FROM t ORDER BY v <-> q.v LIMIT 200) t) s) s
SQL
	my ($inverted, $all) = split /\|/, $places;
	my ($fetched) = $err =~ /scan of index "i": .* fetched (\d+) rows/;
	cmp_ok($inverted, '<=', 0.002 * $all, "$bits bits: $inverted of $all rows are nearer than the one before");
	cmp_ok($fetched, '<=', 300, "$bits bits: $fetched rows fetched for 200");
	# the bounds of docs/omenhnsw.md, also where the scans of partitions are merged
	sql("CREATE INDEX p_v ON p USING omenhnsw (v) WITH (rerank = index, bits = $bits)");
	for my $of ([ 't', 100 ], [ 't', 400 ], [ 'p', 400 ])
	{
		my ($places, $most) = order(@$of);
		ok($places <= 0.2 && $most <= 1, "$bits bits, @$of: $places % of the rows are nearer than the one before, at most $most %");
	}
	sql('DROP INDEX p_v');
}
sql('DROP INDEX i', 'CREATE INDEX i ON t USING omenhnsw (v) WITH (rerank = index)');

# --- a build that outgrows its memory, and one with workers
for my $setting ("maintenance_work_mem = '1MB'", 'max_parallel_maintenance_workers = 2')
{
	sql("SET $setting", 'SET min_parallel_table_scan_size = 0', 'SET client_min_messages = error', 'REINDEX INDEX i');
	check_refined("built with $setting");
	cmp_ok(recall($node, 't', 'l2', ef => 100), '>=', 0.95, "built with $setting: recall");
}

# --- the other ways of re-ranking
for my $mode ('heap', 'off')
{
	sql("ALTER INDEX i SET (rerank = $mode)", 'REINDEX INDEX i');
	is(sql("SELECT rerank, refinement_bytes_per_row FROM omendb_index_info('i')"), "$mode|0", "$mode: no refinements");
	is(check_index($node, 'i', $mode)->{unrefined}, 'null', "$mode: nor does the checker expect them");
	cmp_ok(recall($node, 't', 'l2', ef => 100), '>=', $mode eq 'heap' ? 0.95 : 0.7, "$mode: recall");
}

# --- crash and standby
sql('ALTER INDEX i SET (rerank = index)', 'REINDEX INDEX i');
$node->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('rerank_standby');
$standby->init_from_backup($node, 'b', has_streaming => 1);
$standby->start;
sql('DELETE FROM t WHERE id % 2 = 0');
sql('VACUUM t');
sql('INSERT INTO t SELECT * FROM source WHERE id % 2 = 0');
$node->wait_for_catchup($standby);
my $query = "SET enable_seqscan = off; SELECT array_agg(id) FROM (SELECT id FROM t ORDER BY v <-> (SELECT v FROM source WHERE id = 77) LIMIT 20) s";
is($standby->safe_psql('postgres', $query), sql($query), 'a standby returns what its primary does');
check_refined('on the standby', node => $standby, plain => 1);
$standby->stop;
sql('CHECKPOINT', 'INSERT INTO t SELECT id + 10000, v FROM source WHERE id <= 500', 'DELETE FROM t WHERE id < 100',
	'INSERT INTO t SELECT id + 20000, (v::real[] || 0::real)[2:97]::vector FROM source WHERE id <= 500');
$node->stop('immediate');
$node->start;
check_refined('after a crash');
cmp_ok(recall($node, 't', 'l2', ef => 100), '>=', 0.95, 'after a crash: recall');

# --- an index on an empty table, and one that is unlogged
sql('DROP INDEX i', 'CREATE UNLOGGED TABLE u (id bigint, v vector(96))', 'CREATE INDEX j ON u USING omenhnsw (v) WITH (rerank = index)',
	'INSERT INTO u SELECT * FROM source WHERE id <= 500');
is(figures($node, 'j')->{unrefined}, 0, 'on an empty table');
$node->stop('immediate');
$node->start;
sql('INSERT INTO u SELECT * FROM source WHERE id <= 400');
my $f = figures($node, 'j');
is("$f->{nodes} $f->{unrefined}", '400 0', 'unlogged, after a crash');

done_testing();
