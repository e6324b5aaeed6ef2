# Groups of rows that lie far apart: no query is lost in the wrong one.  Each row's own vector
# finds it, whatever the order of the rows, built, inserted one by one, after deletes.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use Test::More;

my $dim = 24;
my $node = new_server('islands');

sub sql { return $node->safe_psql('postgres', $_[0]) }

sql(<<"SQL");
CREATE FUNCTION h(i bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS \$\$
	SELECT (hashint8extended(i, 1) % 1000000 + hashint8extended(i, 2) % 1000000 + hashint8extended(i, 3) % 1000000) / 1000000.0
\$\$;
-- row of a group: its centre, gap times as far out as the rows of a group from one another
CREATE FUNCTION row_of(grp bigint, n bigint, gap float8) RETURNS vector LANGUAGE sql IMMUTABLE AS \$\$
	SELECT array_agg((gap * h(grp * 1000 + d) + h((grp * 100000 + n) * 1000 + d))::real ORDER BY d)::vector
	FROM generate_series(1, $dim) d
\$\$;
CREATE TABLE t (id bigint, grp int, v vector($dim));
CREATE TABLE q (v vector($dim));
SQL

# Of a part of the table: rows whose own vectors find a row of another group, those that
# find another row of their group, and all that were looked at.
sub lost
{
	my ($metric, $share) = @_;
	return split /\|/, sql("SET enable_seqscan = off; SET enable_sort = off; "
		  . "SELECT count(*) FILTER (WHERE b.grp <> a.grp), count(*) FILTER (WHERE b.grp = a.grp AND b.id <> a.id), count(*) "
		  . "FROM t a, LATERAL (SELECT id, grp FROM t ORDER BY v $OPERATOR{$metric} a.v LIMIT 1) b WHERE a.id % $share = 0");
}

sub looks_good
{
	my ($metric, $least, $name) = @_;
	my ($lost, $missed, $all) = lost($metric, 3);
	is($lost, 0, "$name: no query is lost in another group");
	cmp_ok($missed, '<=', 1 + 0.002 * $all, "$name: $missed of $all rows are not found by their vectors");
	sql('TRUNCATE q; INSERT INTO q SELECT v FROM t WHERE id % (SELECT 1 + count(*) / 60 FROM t) = 0');
	my $recall = recall($node, 't', $metric);
	cmp_ok($recall, '>=', $least, "$name: recall $recall");
	check_index($node, 'i', $name);
	return;
}

# Groups of equal sizes, and of sizes n / rank, down to two rows.
my %sizes = (
	equal => "SELECT g AS grp, n FROM generate_series(1, 100) g, generate_series(1, 60) n",
	zipf => "SELECT g AS grp, n FROM generate_series(1, 300) g, generate_series(1, 2 + 600 / g) n");

for my $case ([ 'equal', 10, 'grp, n', 'l2' ], [ 'zipf', 12, 'grp, n', 'l2' ], [ 'zipf', 20, 'n, grp', 'cosine' ])
{
	my ($sizes, $gap, $order, $metric) = @$case;
	my $rows = "SELECT row_number() OVER (ORDER BY $order), grp, row_of(grp, n, $gap) FROM ($sizes{$sizes}) s ORDER BY 1";
	my $name = "$metric, $sizes sizes by $order";

	sql("DROP INDEX IF EXISTS i; TRUNCATE t; INSERT INTO t $rows; CREATE INDEX i ON t USING omenhnsw (v $OPCLASS{$metric})");
	looks_good($metric, 0.99, "$name, built");
}

# --- the last one, grown row by row; then groups go and others come
sql("CREATE TABLE source AS SELECT * FROM t; TRUNCATE t; INSERT INTO t SELECT * FROM source WHERE grp % 3 > 0 ORDER BY grp, id");
looks_good('cosine', 0.99, 'grown');
cmp_ok(sql("SELECT highway FROM omendb_index_info('i')"), '>', 200, 'grown: groups have members of the highway');
sql('DELETE FROM t WHERE grp % 3 = 1');
sql('VACUUM t');
looks_good('cosine', 0.99, 'half of the groups deleted');
sql('INSERT INTO t SELECT * FROM source WHERE grp % 3 = 0 ORDER BY grp, id');
looks_good('cosine', 0.99, 'others inserted');
sql('DELETE FROM t WHERE id % 2 = 1');
sql('VACUUM t');
looks_good('cosine', 0.99, 'half of the rows deleted');

# --- a vacuum without memory for the graph: heirs of the members that go
sql('DELETE FROM t WHERE id % 3 = 1');
sql("SET maintenance_work_mem = '1MB'; VACUUM t");
looks_good('cosine', 0.98, 'a third of the rows deleted, little memory');

# --- an heir may be a member already: it does not become one twice, and what has been one twice is mended
sql("DROP INDEX i; TRUNCATE t; INSERT INTO t SELECT row_number() OVER (ORDER BY n, grp), grp, row_of(grp, n, 10) FROM ($sizes{equal}) s ORDER BY 1; "
	  . 'CREATE INDEX i ON t USING omenhnsw (v) WITH (bits = 8, m = 24)');
for my $round (1 .. 3)
{
	sql("DELETE FROM t WHERE id % 5 = $round");
	sql("SET maintenance_work_mem = '1MB'; VACUUM t");
	check_index($node, 'i', "a fifth of the rows deleted, little memory, $round");
}

# --- where few rows are left and a vacuum has no memory for the graph, members by level are those of a lower level
sql('DROP INDEX i; TRUNCATE t; INSERT INTO t SELECT row_number() OVER (), g, row_of(g, n, 3) FROM generate_series(1, 40) g, generate_series(1, 500) n; '
	  . 'CREATE INDEX i ON t USING omenhnsw (v) WITH (quantizer = binary)');
sql('DELETE FROM t WHERE id % 13 > 0');
sql("SET maintenance_work_mem = '1MB'; VACUUM t");
check_index($node, 'i', 'a thirteenth of the rows left, little memory');
my ($members, $nodes) = split /\|/, sql("SELECT highway, nodes FROM omendb_index_info('i')");
cmp_ok($members, '>=', $nodes / 40, "$members members of $nodes nodes");
$node->stop;
done_testing();
