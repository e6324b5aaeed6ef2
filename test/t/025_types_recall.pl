# Recall of indexes of the types beside vector, by each metric: built, grown row by row, after
# deletes and a vacuum.  A scan returns as many rows as LIMIT asks for, with conditions as without.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use Test::More;

my $rows = 2000;
my $node = new_server('types', conf => "jit = off\n");

sub sql { return $node->safe_psql('postgres', $_[0]) }

my %metrics = (l2 => '<->', ip => '<#>', cosine => '<=>', l1 => '<+>', hamming => '<~>', jaccard => '<%>');

# Type, value of row i, metrics.  Sparse rows: 20 to 70 terms, most of them of one of 40 topics.
my @types = (
	[ 'halfvec', 'halfvec(48)', 'random_vector(i, 48)::halfvec(48)', qw(l2 ip cosine l1) ],
	[ 'bit', 'bit(333)', 'binary_quantize(random_vector(i, 333))::bit(333)', qw(hamming jaccard) ],
	[ 'sparsevec', 'sparsevec(30000)', 'sparse_row(i, 30000)', qw(l2 ip cosine l1) ],
	# terms are hashed
	[ 'sparsevec', 'sparsevec(900000000)', 'sparse_row(i, 900000000)', qw(ip) ]);

sql(<<'SQL');
CREATE FUNCTION sparse_row(i bigint, dim int) RETURNS sparsevec LANGUAGE sql VOLATILE AS $$
	SELECT ('{' || string_agg(term || ':' || round(weight::numeric, 3), ',') || '}/' || dim)::sparsevec
	FROM (SELECT 1 + (CASE WHEN j % 3 = 0 THEN floor(3000 * random() ^ 3)::bigint ELSE i % 40 * 70 + floor(60 * random() ^ 2)::bigint END)
			* (dim / 3000) AS term, 0.1 + max(random()) AS weight
		FROM generate_series(1, 30 + i * 7 % 60) j GROUP BY 1) s
$$;
SQL

sub looks_good
{
	my ($operator, $least, $name) = @_;
	my $recall = sql("SELECT recall('t', '$operator', 10)");
	cmp_ok($recall, '>=', $least, "$name: recall $recall");

	# all rows, and those of a condition; the same within a bound as without the index
	my $order = "ORDER BY v $operator (SELECT v FROM q WHERE id = 1)";
	my $bound = "v $operator (SELECT v FROM q WHERE id = 1) < (SELECT v $operator (SELECT v FROM q WHERE id = 1) FROM t WHERE id % 7 = 0 LIMIT 1)";
	my $counts = join(', ', map { "(SELECT count(*) FROM (SELECT id FROM t $_) s)" }
		  "$order LIMIT 100000", "WHERE kind = 3 $order LIMIT 100000");
	is( sql("SET enable_seqscan = off; SET enable_sort = off; SELECT $counts"),
		sql('SELECT count(*), count(*) FILTER (WHERE kind = 3) FROM t'),
		"$name: as many rows as there are");
	my $within = "SELECT count(*) FROM t WHERE $bound";
	my $by_index = sql("SET enable_seqscan = off; $within");
	my $by_table = sql("SET enable_indexscan = off; SET enable_bitmapscan = off; $within");
	cmp_ok(abs($by_index - $by_table), '<=', 0.02 * $by_table + 1, "$name: $by_index of $by_table rows within a bound");
	check_index($node, 'i', $name);
	return;
}

for my $case (@types)
{
	my ($type, $definition, $value, @of) = @$case;
	my $insert = "INSERT INTO t SELECT i, i % 10, $value FROM generate_series";

	sql("DROP TABLE IF EXISTS t, q; CREATE TABLE t (id int, kind int, v $definition); CREATE TABLE q (id int, v $definition);"
		  . "SELECT setseed(0.25); $insert(1, $rows) i; INSERT INTO q SELECT i, $value FROM generate_series(1, 30) i");
	for my $metric (@of)
	{
		my $name = "$definition, $metric";
		my $operator = $metrics{$metric};
		my $index = "CREATE INDEX i ON t USING omenhnsw (v ${type}_${metric}_ops, kind)";

		sql($index);
		looks_good($operator, 0.95, "$name, built");
		sql("CREATE TEMP TABLE saved AS SELECT * FROM t; TRUNCATE t; INSERT INTO t SELECT * FROM saved");
		looks_good($operator, 0.93, "$name, grown");
		sql('DELETE FROM t WHERE id / 40 % 2 = 0; VACUUM t');
		looks_good($operator, 0.93, "$name, half of the rows deleted");
		sql("SELECT setseed(0.5); DROP INDEX i; $insert(1, $rows) i WHERE i / 40 % 2 = 0");
	}
}
$node->stop;
done_testing();
