# 020_backend_memory.pl -- what a backend keeps of the indexes that it has used.
use strict;
use warnings;
use OmendbTest;
use Test::More;

my $node = new_server('memory', conf => "jit = off\n");
my $partitions = 200;

$node->safe_psql('postgres', <<SQL);
CREATE TABLE t (id int, tenant int, v vector(32)) PARTITION BY LIST (tenant);
SELECT format('CREATE TABLE t%s PARTITION OF t FOR VALUES IN (%s)', i, i) FROM generate_series(1, $partitions) i \\gexec
INSERT INTO t SELECT i, 1 + i % $partitions, random_vector(i, 32) FROM generate_series(1, $partitions * 50) i;
CREATE INDEX t_v ON t USING omenhnsw (v vector_l2_ops);
CREATE TABLE large (id int PRIMARY KEY, filler text DEFAULT repeat('x', 1800), v vector(32));
INSERT INTO large (id, v) SELECT i, random_vector(i, 32) FROM generate_series(1, 2000) i;
CREATE INDEX large_v ON large USING omenhnsw (v vector_l2_ops);
CREATE FUNCTION search_all() RETURNS bigint LANGUAGE plpgsql AS \$\$
DECLARE
	n bigint := 0;
	found bigint;
BEGIN
	FOR i IN 1 .. $partitions LOOP
		EXECUTE format('SELECT count(*) FROM (SELECT id FROM t%s ORDER BY v <-> (SELECT v FROM large WHERE id = %s) LIMIT 5) s', i, i) INTO found;
		n := n + found;
	END LOOP;
	RETURN n;
END
\$\$;
SQL

my $memory = "SELECT round(sum(total_bytes) / 1e6) FROM pg_backend_memory_contexts";
my $inserts = "INSERT INTO t SELECT i, 1 + i % $partitions, random_vector(i, 32) FROM generate_series(1, 2 * $partitions) i;";
my $large = "SELECT count(*) FROM (SELECT id FROM large ORDER BY v <-> (SELECT v FROM large WHERE id = 1) LIMIT 2000) s;";
# every way that a backend comes to use all of them, one after the other in one backend
my @ways = (
	[ 'rows into every partition, in one transaction', $inserts ],
	[ 'each partition searched', 'SELECT search_all();' ],
	[ 'all partitions searched at once', 'SELECT count(*) FROM (SELECT id FROM t ORDER BY v <-> (SELECT v FROM large WHERE id = 1) LIMIT 50) s;' ],
	[ 'a cursor over all of them', 'BEGIN; DECLARE c CURSOR FOR SELECT id FROM t ORDER BY v <-> (SELECT v FROM large WHERE id = 2); MOVE 500 IN c;' ],
	[ 'its end', 'COMMIT;' ],
	[ 'a large table searched in between', $large ],
	[ 'a transaction for each partition', join('', map { "INSERT INTO t VALUES (0, $_, (SELECT v FROM large WHERE id = $_));" } 1 .. $partitions) ]);
my $sql = join('', map { "$_->[1]\n$memory;\n" } @ways);
my @out = grep { length } split /\n/,
  $node->safe_psql('postgres', "SET enable_seqscan = off; SET enable_sort = off;\n$sql");
for my $way (@ways)
{
	my $result = $way->[1] =~ /SELECT (count|search)/ ? shift @out : '';
	my $megabytes = shift @out;
	cmp_ok($megabytes, '<', 30, "$way->[0] ($result): a backend has 30 MB at most");
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM t'), $partitions * 53, 'all rows are there');
check_index($node, "t${_}_v_idx", "partition $_") for 1, $partitions;

$node->stop;
done_testing();
