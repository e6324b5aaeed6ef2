# Recall of scans with conditions on filter columns: 100 to 100,000 rows, every share of
# rows that match, wherever they lie, after builds and after changes.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use Test::More;

my $dim = 24;
my $centres = 100;
my $queries = 20;
my $node = new_server('filter_recall', conf => "max_parallel_workers_per_gather = 0\njit = off");
sub sql { return $node->safe_psql('postgres', join(';', @_)); }

# What may be missing: of an average, and of what a search without conditions finds.
my $LEAST = 0.95;
my $SLACK = 0.02;

# Conditions on r, s, u: random numbers below 10,000; region: the number of a row's cluster;
# $2: the regions near a query, its own first; $3: those far from it, the farthest first.
my @CONDITIONS = (
	(map { [ "r < $_", 'random' ] } 10000, 5000, 2000, 1000, 500, 200, 100, 10, 1),
	[ 'r < 4642 AND s < 4642 AND u < 4642', 'three random' ],
	[ 'r < 1000 AND s >= 9000 AND u < 5000', 'three random' ],
	[ 'region = ($2)[1]', 'near' ],
	[ 'region = ANY (($2)[1:10])', 'near' ],
	[ 'region = ANY (($2)[1:30]) AND r < 3000', 'near, and random' ],
	[ 'region = ANY (($2)[1:5]) AND r < 5000 AND s < 5000', 'near, and two random' ],
	[ 'region <> ($2)[1]', 'not its own' ],
	[ 'region <> ($2)[1] AND region <> ($2)[2] AND region <> ($2)[3]', 'not its own, nor the two nearest others' ],
	[ 'region = ($3)[1]', 'far' ],
	[ 'region = ANY (($3)[1:30])', 'far' ],
	[ 'region = ANY (($3)[1:50]) AND r < 3000', 'far, and random' ],
	[ 'region = ANY (($3)[1:60]) AND r < 7000 AND s < 7000', 'far, and two random' ]);

sql(<<"SQL");
CREATE TABLE source (id bigint, v vector($dim), r int, s int, u int, region int);
CREATE TABLE q (n int, v vector($dim), near int[], far int[]);

-- row i: around one of the centres, by random numbers in each dimension
CREATE FUNCTION noisy_vector(i bigint) RETURNS vector LANGUAGE sql VOLATILE AS \$\$
	SELECT array_agg((sin((i % $centres) * 12.9898 + d * 78.233) + random() + random() + random() - 1.5)::real)::vector
	FROM generate_series(1, $dim) d
\$\$;

-- ten nearest rows with a condition, compared with an exact sort, one line for all queries
CREATE FUNCTION filter_recall(t regclass, operator text, condition text, k int DEFAULT 10, ef int DEFAULT 40)
RETURNS text LANGUAGE plpgsql AS \$\$
DECLARE
	query record;
	line text;
	plan text := '';
	exact float8[];
	found float8[];
	ok bool[];
	hits bigint := 0;
	wanted bigint := 0;
	missing bigint := 0;
	wrong bigint := 0;
	disorder bigint := 0;
	sql text := format('SELECT v %2\$s \$1 AS d, (%3\$s) AS ok FROM %1\$s WHERE %3\$s ORDER BY v %2\$s \$1 LIMIT %4\$s',
		t, operator, condition, k);
BEGIN
	PERFORM set_config('omenhnsw.ef_search', ef::text, true);
	FOR query IN SELECT * FROM q ORDER BY n LOOP
		PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true);
		EXECUTE format('SELECT array_agg(d) FROM (%s) s', sql) INTO exact USING query.v, query.near, query.far;
		PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true);
		EXECUTE format('SELECT array_agg(d), array_agg(ok) FROM (%s) s', sql) INTO found, ok
			USING query.v, query.near, query.far;
		wanted := wanted + coalesce(cardinality(exact), 0);
		missing := missing + abs(coalesce(cardinality(exact), 0) - coalesce(cardinality(found), 0));
		hits := hits + (SELECT count(*) FROM unnest(found) f
			WHERE f <= exact[cardinality(exact)] + 1e-6 * abs(exact[cardinality(exact)]));
		wrong := wrong + (SELECT count(*) FROM unnest(ok) o WHERE o IS NOT TRUE);
		-- where a scan comes to its end, rows found late follow
		disorder := disorder + (SELECT count(*) FROM generate_subscripts(found, 1) i
			WHERE found[i] < found[i - 1] AND cardinality(found) = k);
	END LOOP;
	FOR line IN EXECUTE format('EXPLAIN (COSTS off) %s', sql) USING query.v, query.near, query.far LOOP
		plan := plan || line || ' ';
	END LOOP;
	PERFORM set_config('enable_seqscan', 'on', true);
	RETURN format('%s %s %s %s %s %s', CASE WHEN wanted = 0 THEN 1 ELSE round(hits::numeric / wanted, 4) END, wanted,
		missing, wrong, disorder, (plan ~ 'Index Scan using' AND plan !~ 'Filter:' AND plan !~ 'Sort')::int);
END
\$\$;
SELECT setseed(0.5);
INSERT INTO source
	SELECT i, noisy_vector(i), random() * 9999.999 - 0.5, random() * 9999.999 - 0.5,
		random() * 9999.999 - 0.5, i % $centres
	FROM generate_series(1, 100000) i;
INSERT INTO q (n, v) SELECT i, noisy_vector(i * 7) FROM generate_series(1, $queries) i;
CREATE TABLE middle AS SELECT region, avg(v)::vector($dim) AS v FROM (SELECT * FROM source LIMIT 20000) s GROUP BY region;
SQL

# searches(metric, name, [conditions]) -- conditions one by one, beside a search without.
sub searches
{
	my ($metric, $name, $conditions) = @_;
	my $op = $OPERATOR{$metric};
	my @failed;
	my ($base) = split / /, sql("SELECT filter_recall('t', '$op', 'true')");
	my $least = $base >= $LEAST ? $LEAST : 0;
	$least = $base - $SLACK if $base - $SLACK > $least;
	my %worst = (recall => 1, condition => 'any');

	my @found = split /\n/, sql(map { "SELECT filter_recall('t', '$op', '$_->[0]')" } @$conditions);
	for my $i (0 .. $#$conditions)
	{
		my ($recall, $wanted, $missing, $wrong, $disorder, $plan) = split / /, $found[$i];
		my $what = "$conditions->[$i][0] ($conditions->[$i][1])";
		push @failed, "$what: recall $recall of $wanted" if $recall < $least;
		push @failed, "$what: $missing rows of $wanted are missing" if $missing > 0;
		push @failed, "$what: $wrong rows do not match" if $wrong > 0;
		push @failed, "$what: $disorder rows out of order" if $disorder > 0;
		push @failed, "$what: no index condition" unless $plan;
		%worst = (recall => $recall, condition => $conditions->[$i][0]) if $recall < $worst{recall};
	}
	is(join("\n", @failed), '', "$name, $metric: recall $base without conditions, $worst{recall} at worst ($worst{condition})");
	return;
}

sub regions
{
	my ($metric) = @_;
	my $op = $OPERATOR{$metric};
	sql("UPDATE q SET near = (SELECT array_agg(region ORDER BY region <> q.n * 7 % $centres, middle.v $op q.v) FROM middle), "
		  . "far = (SELECT array_agg(region ORDER BY middle.v $op q.v DESC) FROM middle)");
	return;
}

sub create
{
	my ($metric, $from, $to, $with) = @_;
	sql("DROP TABLE IF EXISTS t", "CREATE TABLE t (LIKE source)",
		"INSERT INTO t SELECT * FROM source WHERE id BETWEEN $from AND $to",
		"CREATE INDEX i ON t USING omenhnsw (v $OPCLASS{$metric}, r, s, u, region) " . ($with // ''));
	regions($metric);
	return;
}

# --- builds, and changes of what was built
for my $metric (@METRICS)
{
	create($metric, 1, 100);
	searches($metric, '100 rows', \@CONDITIONS);
	create($metric, 1, 1000);
	searches($metric, '1,000 rows', \@CONDITIONS);
	check_index($node, 'i', "1,000 rows, $metric");

	create($metric, 1, 7000);
	searches($metric, '7,000 rows, built', \@CONDITIONS);
	sql('INSERT INTO t SELECT * FROM source WHERE id BETWEEN 7001 AND 10000');
	searches($metric, 'a third more, inserted', \@CONDITIONS);
	sql('UPDATE t SET r = (r + 3333) % 10000, s = 9999 - s WHERE id % 3 = 0');
	searches($metric, 'a third updated', \@CONDITIONS);
	sql('DELETE FROM t WHERE id % 5 = 0');
	sql('VACUUM t');
	searches($metric, 'a fifth deleted', \@CONDITIONS);
	sql('INSERT INTO t SELECT * FROM source WHERE id BETWEEN 10001 AND 11000');
	searches($metric, 'slots used again', \@CONDITIONS);
	check_index($node, 'i', "changes, $metric");
}

# --- inserts from the first row on
sql('DROP TABLE t', 'CREATE TABLE t (LIKE source)', 'CREATE INDEX i ON t USING omenhnsw (v, r, s, u, region)',
	'INSERT INTO t SELECT * FROM source WHERE id <= 3000');
regions('l2');
searches('l2', '3,000 rows, inserted', \@CONDITIONS);
check_index($node, 'i', 'inserted');

# --- another metric
create('l1', 1, 7000);
searches('l1', '7,000 rows', [ @CONDITIONS[ 0, 1, 3, 5, 9, 11, 13, 15, 17 ] ]);
check_index($node, 'i', 'l1');

# --- a large table
create('l2', 1, 100000);
searches('l2', '100,000 rows', \@CONDITIONS);
sql('UPDATE t SET r = (r + 3333) % 10000 WHERE id % 20 = 0', 'DELETE FROM t WHERE id % 20 = 1');
sql('VACUUM t');
searches('l2', '100,000 rows, changed', \@CONDITIONS);
check_index($node, 'i', '100,000 rows');

$node->stop;
done_testing();
