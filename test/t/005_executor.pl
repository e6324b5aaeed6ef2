# The scan under the executor's ways of using it: nested loops, cursors, prepared
# statements, rescans, subtransactions, partitions.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use Test::More;

my $dim = 32;
my $node = new_server('executor');
sub sql { return $node->safe_psql('postgres', join(';', @_)); }
sub vector_of { return sql("SELECT v FROM t WHERE id = $_[0]"); }
my @index = ('SET enable_seqscan = off', 'SET enable_sort = off');

sql("CREATE TABLE t (id bigint PRIMARY KEY, v vector($dim))");
fill($node, 't', 1, 4000, $dim);
sql('CREATE INDEX i ON t USING omenhnsw (v)', 'ANALYZE t');

# --- LATERAL: one scan, rescanned for each outer row
my $lateral = 'SELECT a.id, b.id AS near FROM t a, LATERAL (SELECT id FROM t ORDER BY v <-> a.v LIMIT 3) b WHERE a.id <= 300';
like(sql(@index, "EXPLAIN (COSTS OFF) $lateral"), qr/Nested Loop.*Index Scan using i/s, 'LATERAL uses the index');
is(sql(@index, "SELECT count(*), count(DISTINCT id), sum((id = near)::int) FROM ($lateral) s"),
	'900|300|300', 'LATERAL: three each, and itself');

# --- two scans at once, in step
is(sql(@index, 'SELECT count(*) FROM t a, LATERAL (SELECT b.id, c.id AS c FROM (SELECT id, v FROM t ORDER BY v <-> a.v LIMIT 4) b, '
		  . 'LATERAL (SELECT id FROM t ORDER BY v <-> b.v LIMIT 5) c) s WHERE a.id <= 40'),
	40 * 20, 'scans inside scans');

# --- rescans do not leak
my ($first, $second) = map {
	sql(@index, "DO \$\$ DECLARE n int; BEGIN FOR r IN 1 .. 1 LOOP SELECT count(*) INTO n FROM t a, LATERAL (SELECT id FROM t ORDER BY v <-> a.v LIMIT 3) b WHERE a.id <= $_; END LOOP; END \$\$",
		"SELECT sum(total_bytes) FROM pg_backend_memory_contexts")
} (100, 4000);
cmp_ok($second, '<', $first + 4 * 1024 * 1024, "4,000 rescans take no more memory than 100 ($first, $second bytes)");

# --- prepared statements, generic and custom plans
my $prepared = sql(@index, 'SET plan_cache_mode = force_generic_plan',
	"PREPARE p(vector) AS SELECT id FROM t ORDER BY v <-> \$1 LIMIT 1",
	map { "EXECUTE p('" . vector_of($_) . "')" } 1 .. 8);
is($prepared, join("\n", 1 .. 8), 'prepared, generic plan');
is(sql(@index, 'SET plan_cache_mode = force_generic_plan',
		'PREPARE p(vector, int) AS SELECT id FROM t ORDER BY v <-> $1 LIMIT $2',
		"EXECUTE p('" . vector_of(5) . "', 1)", 'EXECUTE p(NULL, 0)'), '5', 'LIMIT as a parameter');

# --- cursors: forward in steps, held, several at once, backward through a sort
my $steps = sql(@index, 'BEGIN', 'DECLARE c CURSOR FOR SELECT id FROM t ORDER BY v <-> (SELECT v FROM t WHERE id = 9)',
	'DECLARE d CURSOR FOR SELECT id FROM t ORDER BY v <-> (SELECT v FROM t WHERE id = 11)',
	'FETCH 1 FROM c', 'FETCH 1 FROM d', 'FETCH 50 FROM c', 'FETCH 50 FROM d', 'MOVE 2000 FROM c', 'FETCH 1 FROM c', 'COMMIT');
my @ids = split /\n/, $steps;
is($ids[0], 9, 'first row of one cursor');
is($ids[1], 11, 'first row of another');
is(scalar(@ids), 103, 'all rows of both');
my $moved = sql(@index, 'BEGIN', 'DECLARE c CURSOR FOR SELECT id FROM t ORDER BY v <-> (SELECT v FROM t WHERE id = 9)',
	'FETCH ALL FROM c', 'COMMIT');
my %seen;
$seen{$_}++ for split /\n/, $moved;
is(scalar(keys %seen), 4000, 'a cursor reaches every row');
is((grep { $_ > 1 } values %seen), 0, 'and none twice');
is(sql(@index, 'BEGIN', 'DECLARE c CURSOR WITH HOLD FOR SELECT id FROM t ORDER BY v <-> (SELECT v FROM t WHERE id = 9) LIMIT 5',
		'COMMIT', 'MOVE 4 FROM c', 'FETCH 5 FROM c') =~ tr/\n//, 0, 'a held cursor');
my ($ret, $out, $err) = $node->psql('postgres', join(';', @index, 'BEGIN',
		'DECLARE c SCROLL CURSOR FOR SELECT id FROM t ORDER BY v <-> (SELECT v FROM t WHERE id = 9) LIMIT 5',
		'FETCH 3 FROM c', 'FETCH BACKWARD 2 FROM c', 'COMMIT'));
is($ret, 0, 'a scrolling cursor');
@ids = split /\n/, $out;
is("@ids[3,4]", "@ids[1,0]", 'goes back over the same rows');

# --- a scan that sees its own transaction's rows, and not those of a rolled back subtransaction
is(sql(@index, 'BEGIN', 'INSERT INTO t SELECT 90000, v FROM t WHERE id = 5', 'SAVEPOINT s',
		'INSERT INTO t SELECT 90001, v FROM t WHERE id = 5', 'ROLLBACK TO s',
		'SELECT string_agg(id::text, $$,$$ ORDER BY id) FROM (SELECT id FROM t ORDER BY v <-> (SELECT v FROM t WHERE id = 5) LIMIT 2) s', 'ROLLBACK'),
	'5,90000', 'rows of this transaction, not of a rolled back one');
is(sql(@index, 'SELECT id FROM t ORDER BY v <-> (SELECT v FROM t WHERE id = 5) LIMIT 1'), 5, 'nor after its end');

# --- an error inside a scan leaves nothing behind
($ret, $out, $err) = $node->psql('postgres', join(';', @index,
		'SELECT 1 / (id - id) FROM (SELECT id FROM t ORDER BY v <-> (SELECT v FROM t WHERE id = 5)) s'));
isnt($ret, 0, 'an error inside a scan');
($ret, $out, $err) = $node->psql('postgres', join(';', @index, "SELECT id FROM t ORDER BY v <-> '[1,2]' LIMIT 1"));
like($err, qr/different vector dimensions/, 'a query of other dimensions');
is(sql(@index, "DO \$\$ BEGIN FOR r IN 1 .. 20 LOOP BEGIN PERFORM 1 / (id - id) FROM (SELECT id FROM t ORDER BY v <-> (SELECT v FROM t WHERE id = 5)) s; EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END \$\$",
		'SELECT id FROM t ORDER BY v <-> (SELECT v FROM t WHERE id = 7) LIMIT 1'), 7, 'twenty caught errors');

# --- while the table changes under the cursor, DDL included
is(sql(@index, 'BEGIN', 'DECLARE c CURSOR FOR SELECT id FROM t ORDER BY v <-> (SELECT v FROM t WHERE id = 9)', 'FETCH 10 FROM c',
		'CREATE TABLE other (a int)', 'DROP TABLE other', 'INSERT INTO t SELECT id + 500000, v FROM t WHERE id <= 500',
		'MOVE ALL FROM c', 'ROLLBACK') =~ tr/\n//, 9, 'inserts during a scan');

# --- partitions and inheritance: merged in order
sql("CREATE TABLE p (id bigint, v vector($dim)) PARTITION BY RANGE (id)",
	map { my $f = $_ * 1000; my $l = $f + 1000; "CREATE TABLE p$_ PARTITION OF p FOR VALUES FROM ($f) TO ($l)" } 0 .. 4);
sql('CREATE INDEX pi ON p USING omenhnsw (v)', 'INSERT INTO p SELECT * FROM t WHERE id < 5000', 'ANALYZE p');
like(sql(@index, 'EXPLAIN (COSTS OFF) SELECT id FROM p ORDER BY v <-> (SELECT v FROM t WHERE id = 2500) LIMIT 5'),
	qr/Merge Append.*Index Scan/s, 'partitions are merged');
is(sql(@index, 'SELECT id FROM p ORDER BY v <-> (SELECT v FROM t WHERE id = 2500) LIMIT 1'), 2500, 'the nearest of all partitions');
sql('DELETE FROM p WHERE id % 3 = 0');
$node->safe_psql('postgres', 'VACUUM p');
check_index($node, "p${_}_v_idx", "partition $_") for 0 .. 4;
($ret, $out, $err) = $node->psql('postgres', "SELECT omendb_index_check('pi')");
like($err, qr/is partitioned and has no contents/, 'a partitioned index has no contents to check');

# --- EXISTS, IN, semi-joins, UNION ALL, DISTINCT ON over the index
is(sql(@index, 'SELECT count(*) FROM t a WHERE a.id <= 50 AND a.id IN (SELECT id FROM t ORDER BY v <-> (SELECT v FROM t WHERE id = 20) LIMIT 1)'),
	1, 'in a subquery');
is(sql(@index, '(SELECT id FROM t ORDER BY v <-> (SELECT v FROM t WHERE id = 20) LIMIT 1) UNION ALL (SELECT id FROM t ORDER BY v <-> (SELECT v FROM t WHERE id = 21) LIMIT 1)'),
	"20\n21", 'UNION ALL of two');
is(sql(@index, 'BEGIN', 'SELECT id FROM t ORDER BY v <-> (SELECT v FROM t WHERE id = 20) LIMIT 1 FOR UPDATE', 'COMMIT'),
	20, 'FOR UPDATE');
check_index($node, 'i', 'the end');
$node->stop;
done_testing();
