# Bounds of distances as people write them: what no row meets costs a walk, not the table, in every form
# and by every way that queries come; what is found is right, and what changes rows is exact.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use Test::More;

my ($dim, $rows) = (24, 12000);
my $node = new_server('bounds', conf => "jit = off\nmax_parallel_workers_per_gather = 0\n");
sub sql { return $node->safe_psql('postgres', join(";\n", @_)); }

sql("CREATE TABLE item (id bigint PRIMARY KEY, owner int, v vector($dim))", 'ALTER TABLE item SET (autovacuum_enabled = off)',
	"CREATE TABLE part (id bigint, owner int, v vector($dim)) PARTITION BY HASH (id)",
	map({ "CREATE TABLE part_$_ PARTITION OF part FOR VALUES WITH (MODULUS 4, REMAINDER $_)" } 0 .. 3),
	"CREATE TABLE query (id bigint, v vector($dim))", "CREATE TABLE source (id bigint, v vector($dim))");
fill($node, 'source', 1, $rows, $dim);
fill($node, 'query', 900001, 900008, $dim);
sql('INSERT INTO item SELECT id, id % 10, v FROM source', 'INSERT INTO part SELECT * FROM item',
	map({ "INSERT INTO $_ SELECT 800000 + n, n, array_fill(0::real, ARRAY[$dim])::vector FROM generate_series(0, 4) n" } 'item', 'part'),
	'INSERT INTO item SELECT 810000 + n, n, NULL FROM generate_series(0, 4) n',
	map({ "CREATE INDEX ON item USING omenhnsw (v $OPCLASS{$_}, owner)" } qw(l2 ip cosine l1)),
	'CREATE INDEX ON part USING omenhnsw (v vector_cosine_ops)', 'VACUUM ANALYZE item', 'ANALYZE part');

# pages of a query in a session that has looked at the tables before
sub pages
{
	my (@statements) = @_;
	my $query = pop @statements;
	my $plan = sql(@statements, "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) $query", "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) $query");
	my @plans = split /(?=^(?:Limit|Aggregate|Index Scan|Seq Scan|Append|Nested Loop|Subquery Scan|Sort|Function Scan|Merge Append))/m, $plan;
	$plan = $plans[-1];
	my ($hit) = $plan =~ /shared hit=(\d+)/;
	my ($read) = $plan =~ /Buffers: shared(?: hit=\d+)? read=(\d+)/;
	return (($hit // 0) + ($read // 0), $plan);
}

my $q = sql('SELECT v FROM query WHERE id = 900001');
my $table = (pages('SET omenhnsw.distance_bounds = off', "SELECT id FROM item WHERE v <-> '$q' < 0.0001 ORDER BY v <-> '$q' LIMIT 10"))[0];
cmp_ok($table, '>', $rows, "as a filter a bound that never holds costs the table: $table pages");

# --- a bound that no row meets
sql(<<"SQL");
CREATE FUNCTION match_documents (query_embedding vector($dim), match_threshold float, match_count int)
RETURNS TABLE (id bigint, similarity float) LANGUAGE sql STABLE AS \$\$
	SELECT item.id, 1 - (item.v <=> query_embedding) AS similarity FROM item
	WHERE 1 - (item.v <=> query_embedding) > match_threshold ORDER BY item.v <=> query_embedding ASC LIMIT match_count;
\$\$;
CREATE VIEW near AS SELECT item.id, query.id AS query, item.v <-> query.v AS distance FROM item, query;
SQL
my $zeros = "AND v <> array_fill(0::real, ARRAY[$dim])::vector";
for my $case (
	[ 'L2 in order', "SELECT id FROM item WHERE v <-> '$q' < 0.0001 ORDER BY v <-> '$q' LIMIT 10" ],
	[ 'L2', "SELECT count(*) FROM item WHERE v <-> '$q' <= 0.0001" ],
	[ 'cosine, similarity', "SELECT id FROM item WHERE 1 - (v <=> '$q') > 0.99999 $zeros ORDER BY v <=> '$q' LIMIT 10" ],
	[ 'cosine, unordered', "SELECT id FROM item WHERE 0.99999 < 1 - cosine_distance('$q', v) $zeros" ],
	[ 'inner product', "SELECT id FROM item WHERE (v <#> '$q') * -1 > 1e9 ORDER BY v <#> '$q' LIMIT 10" ],
	[ 'the function', "SELECT id FROM item WHERE inner_product(v, '$q') > 1e9" ],
	[ 'taxicab', "SELECT id FROM item WHERE v <+> '$q' BETWEEN 0 AND 0.0001 ORDER BY v <+> '$q' LIMIT 10" ],
	[ 'a filter column', "SELECT id FROM item WHERE v <-> '$q' < 0.0001 AND owner IN (2, 3) ORDER BY v <-> '$q' LIMIT 10" ],
	[ 'another column', "SELECT id FROM item WHERE v <-> '$q' < 0.0001 AND id % 2 = 0 ORDER BY v <-> '$q' LIMIT 10" ],
	[ 'partitions', "SELECT id FROM part WHERE v <=> '$q' < 1e-6 ORDER BY v <=> '$q' LIMIT 10" ],
	[ 'match_documents', "SELECT * FROM match_documents('$q', 0.99999, 10) WHERE similarity <> 'NaN'" ],
	[ 'a join', "SELECT * FROM query JOIN item ON item.v <-> query.v < 0.0001 WHERE query.id <= 900002" ],
	[ 'a view', "SELECT * FROM near WHERE query = 900001 AND distance < 0.0001" ],
	[ 'LATERAL', "SELECT n.* FROM query, LATERAL (SELECT id FROM item WHERE item.v <-> query.v < 0.0001 ORDER BY item.v <-> query.v LIMIT 5) n WHERE query.id = 900001" ])
{
	my ($name, $query) = @$case;
	my ($pages, $plan) = pages($query);
	like($plan, qr/Index Cond: .*(bound_vector)/, "$name: an index condition") or diag($plan);
	cmp_ok($pages, '<', $table / 5, "$name: $pages pages");
}

# --- parameters, of which a generic plan knows nothing; a user who sees a tenth of the rows
for my $query ("SELECT id FROM item WHERE v <-> \$1 < \$2 ORDER BY v <-> \$1 LIMIT 10", "SELECT count(*) FROM item WHERE \$2 > v <-> \$1")
{
	my ($pages, $plan) = pages('SET plan_cache_mode = force_generic_plan', "PREPARE s (vector, float8) AS $query", "EXECUTE s ('$q', 0.0001)");
	like($plan, qr/Index Cond: \(v <<-> bound_vector\(\$1, \$2/, 'generic plan: an index condition') or diag($plan);
	cmp_ok($pages, '<', $table / 5, "generic plan: $pages pages");
}
sql('CREATE ROLE tenant', 'GRANT SELECT ON item, query TO tenant', 'ALTER TABLE item ENABLE ROW LEVEL SECURITY',
	"CREATE POLICY own ON item TO tenant USING (owner = current_setting('my.owner')::int)");
{
	my ($pages, $plan) = pages("SET my.owner = 3", 'SET ROLE tenant', "SELECT id FROM item WHERE v <-> '$q' < 0.0001 ORDER BY v <-> '$q' LIMIT 10");
	like($plan, qr/Index Cond: \(+v <<->.*AND \(owner = /, 'row-level security: an index condition') or diag($plan);
	cmp_ok($pages, '<', $table / 5, "row-level security: $pages pages");
	is(sql("SET my.owner = 3", 'SET ROLE tenant', "SELECT count(*) > 0, bool_and(owner = 3) FROM item WHERE v <-> '$q' < 1e6"), 't|t',
		'row-level security: rows of one owner');
}

# --- what is found: no row beyond, hardly one missed; equal to the filter where a tenth matches
for my $form ([ '<->', 'v <-> q.v < r' ], [ '<=>', '1 - (v <=> q.v) > 1 - r' ], [ '<#>', '-(v <#> q.v) >= -r' ], [ '<+>', 'r >= q.v <+> v' ])
{
	my ($op, $condition) = @$form;
	my $query = "SELECT q.id AS q, r.id FROM radius q, LATERAL (SELECT id FROM item WHERE $condition ORDER BY v $op q.v LIMIT 1000) r";
	my ($all, $found, $wrong) = split /\|/, sql('SET omenhnsw.distance_bounds = off', 'SET enable_indexscan = off',
		"CREATE TEMP TABLE radius AS SELECT id, v, (SELECT i.v $op q.v FROM item i WHERE i.v <> array_fill(0::real, ARRAY[$dim])::vector ORDER BY 1 OFFSET 40 LIMIT 1) AS r FROM query q",
		"CREATE TEMP TABLE want AS $query", 'RESET enable_indexscan', 'RESET omenhnsw.distance_bounds', 'SET enable_seqscan = off', "CREATE TEMP TABLE got AS $query",
		'SELECT (SELECT count(*) FROM want), (SELECT count(*) FROM got JOIN want USING (q, id)), (SELECT count(*) FROM got LEFT JOIN want USING (q, id) WHERE want.id IS NULL)');
	is($wrong, 0, "$condition: none beyond");
	cmp_ok($found, '>=', 0.97 * $all, "$condition: $found of $all");
}

# --- exact where rows are changed
my $radius = sql("SELECT v <-> '$q' FROM item WHERE v IS NOT NULL ORDER BY 1 OFFSET 3000 LIMIT 1");
my ($within, $deleted) = split /\n/, sql('BEGIN', "SELECT count(*) FROM item WHERE (v <-> '$q') + random() * 0 < $radius",
	"WITH d AS (DELETE FROM item WHERE v <-> '$q' < $radius RETURNING 1) SELECT count(*) FROM d", 'ROLLBACK');
is($deleted, $within, "DELETE: all of $within rows within");
sql("DELETE FROM item WHERE v <-> '$q' < $radius", 'VACUUM item');
is(sql("SELECT count(*) FROM item WHERE v <-> '$q' < $radius"), 0, 'none is left');

check_index($node, $_, $_) for split /\n/, sql("SELECT indexrelid::regclass FROM pg_index JOIN pg_class c ON c.oid = indexrelid JOIN pg_am ON pg_am.oid = relam AND amname = 'omenhnsw' WHERE c.relkind = 'i'");
$node->stop;
done_testing();
