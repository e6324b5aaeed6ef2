# Scans with conditions on filter columns return exactly the rows that match, each once,
# however they are found and however long they go on; a LIMIT is never short.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use Test::More;

my $dim = 16;
my $rows = 12000;
my $centres = 60;
my $node = new_server('filter_scan', conf => "max_parallel_workers_per_gather = 0\njit = off");
sub sql { return $node->safe_psql('postgres', join(';', @_)); }
my @index = ('SET enable_seqscan = off', 'SET enable_sort = off', 'SET enable_bitmapscan = off');

# region: the cluster of a row. r: random below 1,000. name, amount, doc, tags: the index keeps less
# than the value. Some rows have the vector of another, some all of another up to twelve times; some have no vector, or
# one of zeros.
my $columns = 'r, region, flag, name, amount, doc, tags';
sql(<<"SQL");
CREATE COLLATION other (provider = libc, locale = 'C.UTF-8');
CREATE TABLE source (id bigint, v vector($dim), r int, region int, flag bool, name text COLLATE other,
	amount numeric, doc jsonb, tags int[]) WITH (autovacuum_enabled = off);
CREATE TABLE q (n int, v vector($dim), near int, far int);
SELECT setseed(0.1);
INSERT INTO source (id, v, region) SELECT i, random_vector(i, $dim, $centres), i % $centres FROM generate_series(1, $rows) i;
INSERT INTO source (id, v, region) SELECT id + 100000, v, region FROM source WHERE id % 10 = 0;
INSERT INTO source (id, region) SELECT 200000 + n, n % $centres FROM generate_series(1, 200) n;
INSERT INTO source (id, v, region)
	SELECT 300000 + n, array_fill(0::real, ARRAY[$dim])::vector, n % $centres FROM generate_series(1, 120) n;
UPDATE source SET r = random() * 999.99 - 0.5;
UPDATE source SET flag = nullif(r % 3, 2) = 1, name = 'name of ' || r, amount = 12345678901234567890 + r / 10.0,
	doc = jsonb_build_object('r', r, 'list', ARRAY[r % 7, r % 100]), tags = ARRAY[r % 5, r % 80, r];
UPDATE source SET r = NULL, name = NULL, amount = NULL, doc = NULL, tags = NULL WHERE r % 50 = 7;
INSERT INTO source SELECT id + n * 1000000, v, r, region, flag, name, amount, doc, tags
	FROM source, generate_series(1, 12) n WHERE id % 40 = 0 AND n <= id / 40 % 13;
INSERT INTO q (n, v, near) SELECT n, random_vector(n * 7, $dim, $centres), n * 7 % $centres FROM generate_series(1, 12) n;
CREATE TABLE middle AS SELECT region, avg(v)::vector($dim) AS v FROM source WHERE id <= $rows GROUP BY region;
INSERT INTO q VALUES (-1, NULL, 1, 2), (0, array_fill(0::real, ARRAY[$dim])::vector, 1, 2);

-- how the rows of an index scan differ from those that match; %N and %F of a condition: a near and a far region
CREATE FUNCTION scan_difference(operator text, condition text, wanted int, query int) RETURNS text LANGUAGE plpgsql AS \$\$
DECLARE
	exact bigint[];
	found bigint[];
	line text;
	plan text := '';
	near int := (SELECT q.near FROM q WHERE n = query);
	far int := (SELECT q.far FROM q WHERE n = query);
	place text := replace(replace(condition, '%N', near::text), '%F', far::text);
	sql text := format('SELECT id FROM t WHERE %s ORDER BY v %s (SELECT v FROM q WHERE n = %s)', place, operator, query);
BEGIN
	PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true);
	EXECUTE format('SELECT array_agg(id ORDER BY id) FROM t WHERE %s', place) INTO exact;
	PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true);
	IF wanted IS NOT NULL THEN
		sql := sql || ' LIMIT ' || wanted;
	END IF;
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || sql LOOP
		plan := plan || line || chr(10);
	END LOOP;
	EXECUTE format('SELECT array_agg(id ORDER BY id) FROM (%s) s', sql) INTO found;
	IF plan !~ 'Index Scan using .* on t' OR plan !~ 'Index Cond:' OR plan ~ 'Order By: [^\n]*\n *Filter' THEN
		RETURN format('%s: no index condition' || chr(10), place);
	END IF;
	IF wanted < cardinality(exact) AND cardinality(found) = wanted THEN
		IF (SELECT count(*) FROM (SELECT unnest(found) INTERSECT SELECT unnest(exact)) s) = wanted THEN
			RETURN NULL;
		END IF;
	ELSIF found IS NOT DISTINCT FROM exact THEN
		RETURN NULL;
	END IF;
	RETURN format('%s, LIMIT %s, query %s: %s rows, %s of them different, instead of %s' || chr(10), place, wanted, query,
		cardinality(found), (SELECT count(DISTINCT f) FROM unnest(found) f), cardinality(exact));
END
\$\$;
SQL

my $most = 'r >= 0 AND region <> %N';
my @CONDITIONS = (
	'r >= 0', 'r < 600', 'r < 250', 'r < 60', 'r = 3', 'r = 5000', 'r IS NULL', 'r IS NOT NULL AND region = 5',
	'region = %N', 'region = %F', 'region <> %N', 'region = ANY (ARRAY[%F, %N, 4, 5, 6, 12, 30, 55])',
	'r = ANY (ARRAY(SELECT n * n % 1000 FROM generate_series(1, 900) n))', 'r = ANY (ARRAY(SELECT n * 100000 FROM generate_series(0, 50) n))',
	'r < 700 AND region >= 20 AND flag', 'NOT flag AND r BETWEEN 100 AND 900', $most);
my @LOSSY = (
	"name < 'name of 3'", "name >= 'name of 99'", "name = 'name of 17'", "name < 'name of 3' AND r < 500",
	"name = ANY (ARRAY(SELECT 'name of ' || n * 5 FROM generate_series(1, 120) n))", 'amount > 12345678901234567939.5', 'amount = 12345678901234567893.7', 'amount <> 12345678901234567893.7 AND flag',
	qq(doc @> '{"list": [3]}'), qq(doc @> '{"r": 44}'), "doc ? 'r' AND region = %F", "tags && '{3,70}'", "tags @> '{2,62}'",
	"tags <@ '{1,2,3,4,11,12,13,14,41,42,43,44}'");
my @NO_VECTOR = ('v IS NULL AND r < 600', 'v IS NULL AND region = 5 AND flag', 'v IS NOT NULL AND r < 600', 'v IS NOT NULL AND r IS NULL');

sub make
{
	my ($metric, $with) = @_;
	my $op = $OPERATOR{$metric};
	sql('DROP TABLE IF EXISTS t', 'CREATE TABLE t (LIKE source)', 'INSERT INTO t SELECT * FROM source WHERE id % 9 <> 4',
		"CREATE INDEX i ON t USING omenhnsw (v $OPCLASS{$metric}, $columns) $with",
		'INSERT INTO t SELECT * FROM source WHERE id % 9 = 4', 'ANALYZE t',
		"UPDATE q SET far = (SELECT region FROM middle ORDER BY middle.v $op q.v DESC LIMIT 1)");
	return;
}

# complete(name, operator, settings, limits, queries, conditions) -- all combinations.
sub complete
{
	my ($name, $op, $set, $limits, $queries, @conditions) = @_;
	my $list = join(', ', map { s/'/''/gr =~ s/(.*)/'$1'/r } @conditions);
	is(sql(@$set, "SELECT string_agg(d, '' ORDER BY 1) FROM unnest(ARRAY[$list]) c, unnest('{$limits}'::int[]) l, "
			  . "unnest('{$queries}'::int[]) n, scan_difference('$op', c, l, n) d"),
		'', "$name: exactly the rows that match");
	return;
}

# --- every way to find them
for my $case ([ 'l2', '' ], [ 'cosine', 'WITH (bits = 1)' ], [ 'ip', 'WITH (bits = 4, rerank = off)' ],
	[ 'l2', 'WITH (bits = 2, rerank = index)' ], [ 'l2', 'WITH (quantizer = none)' ])
{
	my ($metric, $with) = @$case;
	my $op = $OPERATOR{$metric};
	my $name = $with eq '' ? $metric : "$metric $with";

	make($metric, $with);
	complete($name, $op, [], 'NULL', '1,2', @CONDITIONS, @NO_VECTOR);
	complete("$name, small batches", $op, ['SET omenhnsw.ef_search = 4'], 'NULL,7,300', '3', @CONDITIONS);
	complete("$name, little memory", $op, [ "SET work_mem = '64kB'", 'SET omenhnsw.scan_mem_multiplier = 1' ],
		'NULL,300', '4', @CONDITIONS, @NO_VECTOR);
	complete("$name, LIMITs", $op, [], '1,10,50,1000', '5,6', @CONDITIONS, @NO_VECTOR);
	complete("$name, relaxed order", $op, [ 'SET omenhnsw.iterative_scan = relaxed_order' ], 'NULL,20', '7', @CONDITIONS);
	complete("$name, what the index keeps less of", $op, [], 'NULL,10,60', '8', @LOSSY);
	complete("$name, a NULL query and one of zeros", $op, [], 'NULL,10', '-1,0', @CONDITIONS[ 0, 2, 7, 11, 12 ], @NO_VECTOR, @LOSSY[ 0, 5, 10 ]);

	# --- bounds that the user sets
	my $off = sql(@index, 'SET omenhnsw.iterative_scan = off', map { my $c = $_;
			"SELECT count(*) || ' ' || count(*) FILTER (WHERE ($c) IS NOT TRUE) FROM (SELECT * FROM t WHERE $c ORDER BY v $op (SELECT v FROM q WHERE n = 9)) s" }
		  'r < 600', 'region = 7', 'r < 100', $LOSSY[2]);
	like($off, qr/^40 0\n40 0\n40 0\n([0-9]|[1-3][0-9]|40) 0$/, "$name: iterative_scan off ends after ef_search rows");
	my $bound = sql(@index, 'SET omenhnsw.max_scan_tuples = 500',
		"SELECT count(*), count(*) FILTER (WHERE r < 600) FROM (SELECT * FROM t WHERE r < 600 ORDER BY v $op (SELECT v FROM q WHERE n = 9)) s");
	my ($n, $match) = split /\|/, $bound;
	cmp_ok($n, '<', 1000, "$name: max_scan_tuples ends a scan");
	is($n, $match, "$name: all of them match");
	check_index($node, 'i', $name);
}

# --- deleted rows, before and after vacuum; what was in their places
make('l2', '');
sql('DELETE FROM t WHERE r % 4 = 1 OR region BETWEEN 10 AND 15');
complete('deleted rows', '<->', [], 'NULL,10', '1', @CONDITIONS);
$node->safe_psql('postgres', 'VACUUM t');
complete('deleted rows, vacuumed', '<->', [], 'NULL,10', '1', @CONDITIONS);
sql('INSERT INTO t SELECT * FROM source WHERE r % 4 = 1 OR region BETWEEN 10 AND 15', 'UPDATE t SET region = r % 60, flag = NOT flag WHERE id % 7 = 1');
complete('places used again', '<->', [], 'NULL,10', '1', @CONDITIONS);
$node->safe_psql('postgres', 'VACUUM t');
complete('and vacuumed', '<->', [], 'NULL,10', '1', @CONDITIONS);
check_index($node, 'i', 'places used again');

# --- max_scan_tuples where nothing near the query matches: the walk ends, too
my $far = sql('SELECT far FROM q WHERE n = 1');
my $looked = sql(@index, 'SET omenhnsw.max_scan_tuples = 100',
	"EXPLAIN (ANALYZE, BUFFERS, COSTS off, TIMING off, SUMMARY off) SELECT id FROM t WHERE region = ANY (ARRAY[$far, (SELECT region FROM middle ORDER BY v <-> (SELECT v FROM q WHERE n = 1) DESC OFFSET 1 LIMIT 1)]) ORDER BY v <-> (SELECT v FROM q WHERE n = 1) LIMIT 10");
my ($pages) = $looked =~ /Index Scan using i on t.*\n(?:.*\n)*?\s+Buffers: shared hit=(\d+)/;
cmp_ok($pages, '<', 700, "max_scan_tuples ends a walk far from what matches ($pages pages)");

# --- cursors, while others change the table
make('cosine', '');
sql('CREATE SEQUENCE more START 100000000');
sql(<<'SQL');
CREATE UNLOGGED TABLE got (id bigint);
-- the next k rows of the cursor c
CREATE FUNCTION take(k int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	c refcursor := 'c';
	row record;
BEGIN
	FOR i IN 1 .. k LOOP
		FETCH c INTO row;
		EXIT WHEN NOT FOUND;
		INSERT INTO got VALUES (row.id);
	END LOOP;
END
$$;
SQL
my $reader = $node->background_psql('postgres');
$reader->query_safe($_) for @index;
for my $c ('r < 600', 'region <> 7', 'r < 200 AND region > 30', 'region = 5', "name < 'name of 5'")
{
	$reader->query_safe("TRUNCATE got; BEGIN; DECLARE c CURSOR FOR SELECT id FROM t WHERE $c ORDER BY v <=> (SELECT v FROM q WHERE n = 2)");
	my $want = $reader->query_safe("SELECT count(*) FROM t WHERE $c");
	$reader->query_safe('SELECT take(5)');
	for my $step (1, 30, 200, 800, 3000)
	{
		$reader->query_safe("SELECT take($step)");
		sql("INSERT INTO t SELECT nextval('more'), v, r, region, flag, name, amount, doc, tags FROM source WHERE id % 41 = $step % 41 OR id % 40 = 0 AND id < 2000",
			"DELETE FROM t WHERE id % 43 = $step % 43", "UPDATE t SET r = r + 1, region = (region + 1) % 60 WHERE id % 37 = $step % 37");
		$node->safe_psql('postgres', 'VACUUM t');
	}
	is($reader->query_safe("SELECT take(1000000); SELECT count(*), count(DISTINCT id), count(*) = $want FROM got; COMMIT") =~ s/\s//gr,
		"$want|$want|t", "a cursor with $c, among changes");
}
$reader->quit;
check_index($node, 'i', 'among changes');

# --- cursors over one's own changes
is(sql(@index, 'BEGIN', "DECLARE c CURSOR FOR SELECT r < 300 FROM t WHERE r < 300 ORDER BY v <=> (SELECT v FROM q WHERE n = 2)",
		'MOVE 3 FROM c', 'UPDATE t SET r = r - 300 WHERE r >= 300 AND id % 2 = 0', 'UPDATE t SET r = r + 300 WHERE r < 300 AND id % 3 = 0',
		'SELECT count(*) FROM t WHERE r < 300', 'FETCH 5 FROM c', 'ROLLBACK') =~ s/^\d+\n//r,
	join("\n", ('t') x 5), 'rows as they were when the cursor was opened');

# --- nested loops: other conditions and other queries each time
make('l2', '');
my $nested = 'FROM q a, generate_series(1, 25) g, LATERAL (SELECT id, %s AS ok FROM t WHERE %s ORDER BY v <-> a.v %s) b WHERE a.n > 0';
for my $c ('r = g * 31', 'r < g * 40', 'r >= g * 35 AND region <> a.near', 'region = a.far', 'region = a.near AND r < g * 40',
	"name = 'name of ' || g", 'region = ANY (ARRAY[a.near, g, a.far])', 'r IS NULL AND region > g')
{
	my $few = sprintf($nested, "($c)", $c, 'LIMIT 5');
	my $plan = sql(@index, "EXPLAIN (COSTS off) SELECT * $few");
	like($plan, qr/Nested Loop.*Index Scan using i on t.*Index Cond/s, "LATERAL, $c: by the index");
	my $want = sql("SELECT count(*), count(*) FROM q a, generate_series(1, 25) g, "
		  . "LATERAL (SELECT id FROM t WHERE $c LIMIT 5) b WHERE a.n > 0");
	is(sql(@index, "SELECT count(*), count(*) FILTER (WHERE ok) $few"), $want, "LATERAL, $c: as many as wanted, all match");
}
my $all = 'SELECT count(*), count(DISTINCT (a.n, g, b.id)), sum(hashint8(b.id)::bigint) '
  . sprintf($nested, 'true', 'r < g AND region <> a.near', '') . ' AND a.n < 5';
is(sql(@index, $all), sql('SET enable_indexscan = off', $all), 'LATERAL without LIMIT: each row once');

my ($first, $second) = map {
	sql(@index, "DO \$\$ DECLARE found bigint; BEGIN SELECT count(*) INTO found FROM generate_series(1, $_) g, LATERAL "
		  . "(SELECT id FROM t WHERE r < 20 + g % 500 AND region <> g % 50 ORDER BY v <-> (SELECT v FROM q WHERE n = 1 + g % 12) LIMIT 3) b; END \$\$",
		'SELECT sum(total_bytes) FROM pg_backend_memory_contexts')
} (50, 2000);
cmp_ok($second, '<', $first + 2 * 1024 * 1024, "2,000 rescans take no more memory than 50 ($first, $second bytes)");

# --- prepared statements
for my $mode (qw(force_generic_plan force_custom_plan))
{
	my $vector = sql('SELECT v FROM q WHERE n = 3');
	my @prepared = (@index, "SET plan_cache_mode = $mode", 'SET omenhnsw.ef_search = 10',
		'PREPARE p(vector, int, int, int[]) AS SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE r >= $2 AND r < $3 AND region = ANY ($4)) '
		  . 'FROM (SELECT id, r, region FROM t WHERE r >= $2 AND r < $3 AND region = ANY ($4) ORDER BY v <-> $1) s');
	for my $args ([ 0, 500, '{1,2,3}' ], [ 10, 20, '{}' ], [ 100, 900, '{5,NULL,59,58,57,56,55,12,13,14}' ], [ 7, 8, '{4}' ], [ 0, 1000, 'NULL' ], [ 'NULL', 4, '{4}' ])
	{
		my ($lo, $hi, $in) = map { $_ =~ /^\{/ ? "'$_'" : $_ } @$args;
		my $want = sql("SELECT count(*) FROM t WHERE r >= $lo AND r < $hi AND region = ANY (${in}::int[])");
		is(sql(@prepared, "EXECUTE p('$vector', $lo, $hi, $in)"), "$want|$want|$want", "$mode: r from $lo to $hi, region in $in");
	}
	is(sql(@prepared, "EXECUTE p(NULL, 0, 300, '{7,8,9}')"), sql('SELECT count(*), count(*), count(*) FROM t WHERE r >= 0 AND r < 300 AND region IN (7, 8, 9)'),
		"$mode: a NULL query");
}

# --- temporary and unlogged tables, partitions
for my $kind ('TEMP', 'UNLOGGED')
{
	is(sql(@index, "CREATE $kind TABLE other (LIKE source)", 'INSERT INTO other SELECT * FROM source WHERE id <= 6000',
			"CREATE INDEX ON other USING omenhnsw (v, $columns)", 'UPDATE other SET r = r + 1 WHERE r % 2 = 0',
			'SELECT count(*), count(DISTINCT id), bool_and(r < 600 AND flag) FROM (SELECT * FROM other WHERE r < 600 AND flag ORDER BY v <-> (SELECT v FROM q WHERE n = 1)) s',
			'SELECT count(*), count(*), true FROM other WHERE r < 600 AND flag') =~ /^(.*)\n\1$/, 1, "\L$kind\E table");
}
sql('CREATE TABLE parts (LIKE source) PARTITION BY LIST (flag)',
	'CREATE TABLE parts_t PARTITION OF parts FOR VALUES IN (true)', 'CREATE TABLE parts_f PARTITION OF parts FOR VALUES IN (false, NULL)',
	"CREATE INDEX ON parts USING omenhnsw (v, $columns)", 'INSERT INTO parts SELECT * FROM source WHERE id <= 6000', 'ANALYZE parts');
my $merged = 'SELECT count(*), count(DISTINCT id), sum(id) FROM (SELECT * FROM parts WHERE r < 400 AND region < 30 ORDER BY v <-> (SELECT v FROM q WHERE n = 1)) s';
is(sql(@index, $merged), sql('SET enable_indexscan = off', $merged), 'partitions');

# --- LIMITs above ef_search: no worse than without conditions
my $recalls = sql(<<'SQL');
CREATE FUNCTION limit_recall(condition text, k int) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	query record;
	exact float8[];
	found float8[];
	hits int := 0;
	wanted int := 0;
	sql text := format('SELECT array_agg(d) FROM (SELECT v <-> $1 AS d FROM t WHERE v IS NOT NULL AND %s ORDER BY v <-> $1 LIMIT %s) s',
		condition, k);
BEGIN
	FOR query IN SELECT * FROM q WHERE n > 0 ORDER BY n LOOP
		PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true);
		EXECUTE replace(replace(sql, '%N', query.near::text), '%F', query.far::text) INTO exact USING query.v;
		PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true);
		EXECUTE replace(replace(sql, '%N', query.near::text), '%F', query.far::text) INTO found USING query.v;
		wanted := wanted + cardinality(exact);
		hits := hits + (SELECT count(*) FROM unnest(found) f WHERE f <= exact[cardinality(exact)] * (1 + 1e-6));
	END LOOP;
	RETURN round(hits::numeric / wanted, 4);
END
$$;
SQL
for my $k (10, 40, 100, 1000)
{
	my $base = sql("SELECT limit_recall('true', $k)");
	for my $c ('r < 600', 'r < 250', 'r < 60', 'region <> %N', 'region = %F', 'region > 10 AND r < 400', @LOSSY[ 0, 5, 8, 11 ])
	{
		# rows that only seem to match make a scan a longer one
		my $less = (grep { $_ eq $c } @LOSSY) ? 0.05 : 0.03;
		my $recall = sql("SELECT limit_recall('" . ($c =~ s/'/''/gr) . "', $k)");
		cmp_ok($recall, '>=', $base - $less, "LIMIT $k, $c: recall $recall, without conditions $base");
	}
}
check_index($node, 'i', 'the end');
$node->stop;
done_testing();
