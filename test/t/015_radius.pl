# Conditions within a radius: what is returned is within, and hardly a row is missing, by every way
# of ranking, with filter columns, after changes, and during them.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dim = 32;
my $rows = 12000;
my %within = (l2 => '<<->>', ip => '<<#>>', cosine => '<<=>>', l1 => '<<+>>');
my $node = new_server('radius', conf => "max_connections = 40\n");
my $folder = PostgreSQL::Test::Utils::tempdir();

sub sql { return $node->safe_psql('postgres', join(';', @_)); }

# Radii of 12 queries, such that 5, 50 and 600 rows are within: by the table alone.
sub make_truth
{
	my ($metric, $condition) = @_;
	my $op = $OPERATOR{$metric};
	sql('DROP TABLE IF EXISTS truth', 'SET enable_indexscan = off',
		"CREATE TABLE truth AS SELECT q.id, q.v AS q, k, "
		  . "(SELECT v $op q.v AS d FROM t WHERE $condition ORDER BY 1 OFFSET k LIMIT 1) AS r FROM queries q, unnest(ARRAY[5, 50, 600]) k",
		"CREATE TABLE IF NOT EXISTS want (id bigint, k int, row bigint)", 'TRUNCATE want',
		"INSERT INTO want SELECT q.id, q.k, t.id FROM truth q JOIN t ON t.v $op q.q < q.r WHERE $condition");
}

# Compare with what the index returns: no row too many, of all rows at least so many.
sub compare
{
	my ($name, $metric, $condition) = @_;
	my ($in, $op) = ($within{$metric}, $OPERATOR{$metric});
	make_truth($metric, $condition);
	for my $tail ('', "ORDER BY t.v $op q.q LIMIT 100000")
	{
		my @set = ('SET enable_seqscan = off', 'SET enable_sort = off', 'SET enable_bitmapscan = off');
		my $query = "SELECT q.id, q.k, r.id AS row FROM truth q, LATERAL (SELECT id FROM t WHERE v $in sphere(q.q, q.r) AND $condition $tail) r";
		my $what = $name . ($tail ? ', in order' : '');
		like(sql(@set, "EXPLAIN (COSTS OFF) $query"), qr/Index Scan using i on t\s+Index Cond: \(*v \Q$in\E sphere/, "$what: by the index");
		my ($all, $twice, $wrong, $found) = split /\|/, sql(@set, "CREATE TEMP TABLE got AS $query", <<"SQL");
SELECT (SELECT count(*) FROM want), (SELECT count(*) - count(DISTINCT (id, k, row)) FROM got),
	(SELECT count(*) FROM (SELECT id, k, row FROM got EXCEPT SELECT * FROM want) s),
	(SELECT count(*) FROM (SELECT id, k, row FROM got INTERSECT SELECT * FROM want) s)
SQL
		is("$twice|$wrong", '0|0', "$what: no row twice, none beyond");
		cmp_ok($found, '>=', 0.99 * $all, "$what: $found of $all rows");
	}
}

sql("CREATE TABLE source (id bigint, v vector($dim))", "CREATE TABLE queries (id bigint, v vector($dim))");
fill($node, 'source', 1, $rows, $dim);
fill($node, 'queries', 100001, 100012, $dim);

for my $case ([ 'l2', '' ], [ 'l2', 'bits = 1' ], [ 'l2', 'bits = 2, rerank = index' ], [ 'l2', 'bits = 4, rerank = off' ],
	[ 'l2', 'quantizer = pq' ], [ 'l2', 'quantizer = none' ], [ 'ip', '' ], [ 'cosine', '' ], [ 'cosine', 'bits = 2, rerank = index' ], [ 'l1', '' ])
{
	my ($metric, $parameters) = @$case;
	my $name = $metric . ($parameters ? ", $parameters" : '');
	my $with = $parameters ? "WITH ($parameters)" : '';
	sql('DROP TABLE IF EXISTS t', "CREATE TABLE t (id bigint PRIMARY KEY, part int, v vector($dim))",
		'INSERT INTO t SELECT id, id % 20, v FROM source',
		"INSERT INTO t SELECT 200000 + n, 1, NULL FROM generate_series(1, 5) n",
		"INSERT INTO t SELECT 300000 + n, 1, array_fill(0::real, ARRAY[$dim])::vector FROM generate_series(1, 5) n",
		"CREATE INDEX i ON t USING omenhnsw (v $OPCLASS{$metric}, part) $with", 'ANALYZE t');
	compare($name, $metric, 'true');
	compare("$name, one in twenty", $metric, 'part = 3');
	compare("$name, most rows", $metric, 'part <> 3');
	next if $parameters;
	# equal vectors, dead rows, new ones
	sql('INSERT INTO t SELECT id + 400000, part, v FROM t WHERE id % 10 = 0 AND id <= 12000', 'DELETE FROM t WHERE id % 3 = 0',
		'UPDATE t SET part = part + 1 WHERE id % 7 = 0');
	compare("$name, changed", $metric, 'true');
	$node->safe_psql('postgres', 'VACUUM t');
	compare("$name, vacuumed", $metric, 'part < 15');
	check_index($node, 'i', $name);
}

# --- while rows come and go: a row that stays is found, and what is found is within
sql('DROP TABLE t', "CREATE TABLE t (id bigint PRIMARY KEY, part int, v vector($dim))", 'CREATE SEQUENCE ids START 100000',
	'INSERT INTO t SELECT id, id % 20, v FROM source WHERE id <= 6000', 'CREATE INDEX i ON t USING omenhnsw (v, part)', 'ANALYZE t');
my %script = (
	search => "\\set n random(1, 6000)\nSET enable_seqscan = off;\nSET enable_sort = off;\n"
	  . "SELECT 1 / (count(*) FILTER (WHERE t.id = :n) = 1 AND bool_and(t.v <-> s.v < 1.5) AND count(*) = count(DISTINCT t.id))::int "
	  . "FROM source s JOIN t ON t.v <<->> sphere(s.v, 1.5) WHERE s.id = :n;\n",
	ordered => "\\set n random(1, 6000)\nSET enable_seqscan = off;\nSET enable_sort = off;\n"
	  . "SELECT 1 / (min(r.d) = 0 AND max(r.d) < 1.5)::int FROM source s, "
	  . "LATERAL (SELECT t.v <-> s.v AS d FROM t WHERE t.v <<->> sphere(s.v, 1.5) AND part = :n % 20 ORDER BY t.v <-> s.v LIMIT 20) r WHERE s.id = :n;\n",
	insert => "\\set n random(1, 6000)\nINSERT INTO t SELECT nextval('ids'), 30, v FROM source WHERE id = :n;\n",
	delete => "\\set n random(1, 1000000)\nDELETE FROM t WHERE id IN (SELECT id FROM t WHERE id >= 100000 + :n % (SELECT last_value - 99999 FROM ids) ORDER BY id LIMIT 2);\n",
	vacuum => "VACUUM (TRUNCATE off, SKIP_LOCKED) t;\n");
append_to_file("$folder/$_.sql", $script{$_}) for keys %script;
my ($out, $err) = ('', '');
my $ok = eval {
	IPC::Run::run([ 'pgbench', '-n', '-c', 6, '-j', 2, '-T', 8,
			map({ ('-f', "$folder/$_") } 'search.sql@6', 'ordered.sql@4', 'insert.sql@6', 'delete.sql@5', 'vacuum.sql@1'),
			'-h', $node->host, '-p', $node->port, 'postgres' ],
		'>', \$out, '2>', \$err, IPC::Run::timeout(120));
};
ok($ok, 'rows that stay are found while others come and go') or diag($@ || $err);
my ($done) = $out =~ /transactions actually processed: (\d+)/;
cmp_ok($done // 0, '>', 20, ($done // 0) . ' transactions');
$node->safe_psql('postgres', 'VACUUM t');
check_index($node, 'i', 'afterwards');
$node->stop;
done_testing();
