# Vectors that few lists lead to, and neighbours that codes do not tell apart.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use Test::More;

my $node = new_server('apart');

# --- inner product: most short vectors are in no list, which must cost the long ones nothing
my $products = '(SELECT array_agg((random() * random())::real) FROM generate_series(1, 3) WHERE i IS NOT NULL)::vector';
$node->safe_psql('postgres', 'CREATE TABLE q (v vector(3)); SELECT setseed(0.5);'
	  . "INSERT INTO q SELECT $products FROM generate_series(1, 60) i;"
	  . 'CREATE TABLE t (id bigint, v vector(3));'
	  . "INSERT INTO t SELECT i, $products FROM generate_series(1, 8000) i;"
	  . "CREATE INDEX i ON t USING omenhnsw (v vector_ip_ops)");
my $recall = recall($node, 't', 'ip', k => 20);
cmp_ok($recall, '>=', 0.98, "products of uniforms, built: recall $recall");
check_index($node, 'i', 'products of uniforms, built');
$node->safe_psql('postgres', 'DELETE FROM t WHERE id % 2 = 1');
$node->safe_psql('postgres', 'VACUUM t');
$recall = recall($node, 't', 'ip', k => 20);
cmp_ok($recall, '>=', 0.97, "products of uniforms, half of the rows deleted: recall $recall");
check_index($node, 'i', 'products of uniforms, half of the rows deleted');

# --- inserts: as good a graph as a build has where all distances are alike
$node->safe_psql('postgres', 'DROP TABLE t, q; CREATE TABLE q (v vector(48)); CREATE TABLE t (id bigint, v vector(48));'
	  . 'CREATE INDEX i ON t USING omenhnsw (v vector_l2_ops); SELECT setseed(0.25)');
my $uniform = '(SELECT array_agg(random()::real) FROM generate_series(1, 48) WHERE i IS NOT NULL)::vector';
$node->safe_psql('postgres', "INSERT INTO q SELECT $uniform FROM generate_series(1, 60) i;"
	  . "INSERT INTO t SELECT i, $uniform FROM generate_series(1, 6000) i");
my $grown = recall($node, 't', 'l2');
check_index($node, 'i', 'uniform, grown');
$node->safe_psql('postgres', 'REINDEX INDEX i');
my $built = recall($node, 't', 'l2');
cmp_ok($grown, '>=', $built - 0.03, "uniform: recall $grown grown, $built built");

# --- near-duplicates: more than codes tell apart, so that the build takes the values
my $near = 'SELECT n, (SELECT array_agg((x + .001 * (random() - .5))::real ORDER BY o) '
  . 'FROM unnest(c.v::real[]) WITH ORDINALITY u(x, o) WHERE n IS NOT NULL)::vector';
$node->safe_psql('postgres', 'DROP TABLE t, q; CREATE TABLE c (id int, v vector(64)); SELECT setseed(0.75);'
	  . 'INSERT INTO c SELECT i, (SELECT array_agg((random() * 2 - 1)::real) FROM generate_series(1, 64) WHERE i IS NOT NULL)::vector'
	  . ' FROM generate_series(1, 60) i;'
	  . 'CREATE TABLE t (id bigint, v vector(64)); CREATE TABLE q (v vector(64));'
	  . "INSERT INTO t $near FROM c, generate_series(1, 80) n; INSERT INTO q SELECT v FROM ($near FROM c, generate_series(1, 1) n) x(n, v)");
my ($stdout, $stderr);
$node->psql('postgres', 'CREATE INDEX i ON t USING omenhnsw (v vector_l2_ops)', stderr => \$stderr);
like($stderr, qr/NOTICE.*index "i" gets quantizer = none: codes do not tell neighbours/, 'near-duplicates: a NOTICE');
is($node->safe_psql('postgres', q{SELECT quantizer, chosen_by FROM omendb_index_info('i')}), 'none|sample',
	'near-duplicates: the values');
$recall = recall($node, 't', 'l2');
cmp_ok($recall, '>=', 0.9, "near-duplicates: recall $recall");
check_index($node, 'i', 'near-duplicates');
$node->safe_psql('postgres', 'DROP INDEX i; CREATE INDEX i ON t USING omenhnsw (v vector_l2_ops) WITH (bits = 4)');
is($node->safe_psql('postgres', q{SELECT quantizer, bits, chosen_by FROM omendb_index_info('i')}), 'rabitq|4|option',
	'an option wins');
$node->safe_psql('postgres', 'DROP INDEX i; TRUNCATE t; CREATE INDEX i ON t USING omenhnsw (v vector_l2_ops)');
is($node->safe_psql('postgres', q{SELECT quantizer, bits, chosen_by FROM omendb_index_info('i')}), 'rabitq|4|default',
	'an empty table has the default');

# --- two clusters far apart: codes of 8 bits find neighbours, but in a poor order, by which links would be chosen
my $two = '(SELECT array_agg((random() + random() + random() + 40 * (i % 2) * (d % 3 - 1))::real) '
  . 'FROM generate_series(1, 32) d WHERE i IS NOT NULL)::vector';
$node->safe_psql('postgres', 'DROP TABLE t, q; SELECT setseed(0.6); CREATE TABLE t (id bigint, v vector(32)); CREATE TABLE q (v vector(32));'
	  . "INSERT INTO t SELECT i, $two FROM generate_series(1, 6000) i; INSERT INTO q SELECT $two FROM generate_series(1, 60) i");
$node->psql('postgres', 'CREATE INDEX i ON t USING omenhnsw (v vector_l2_ops)', stderr => \$stderr);
like($stderr, qr/NOTICE.*index "i" gets quantizer = none.*among 1\.5 times as many/s, 'two clusters: a NOTICE');
$recall = recall($node, 't', 'l2');
cmp_ok($recall, '>=', 0.97, "two clusters: recall $recall");
check_index($node, 'i', 'two clusters');

# --- outliers, which few nodes lead to: a vacuum links them again
my $scaled = '(SELECT array_agg((s * (random() + random() + random() - 1.5 + 0 * d))::real) FROM generate_series(1, 32) d WHERE i IS NOT NULL)::vector '
  . 'FROM (SELECT i, 10 ^ (4 * random() - 2) AS s FROM generate_series(1, %d) i) x';
$node->safe_psql('postgres', 'DROP TABLE t, q; SELECT setseed(0.7); CREATE TABLE t (id bigint, v vector(32)); CREATE TABLE q (v vector(32));'
	  . 'INSERT INTO t SELECT i, ' . sprintf($scaled, 10000) . '; INSERT INTO q SELECT ' . sprintf($scaled, 100)
	  . '; CREATE INDEX i ON t USING omenhnsw (v vector_l2_ops) WITH (quantizer = none)');
$node->safe_psql('postgres', 'DELETE FROM t WHERE id % 2 = 0');
$node->safe_psql('postgres', 'VACUUM t');
my $left = recall($node, 't', 'l2');
check_index($node, 'i', 'outliers, half of the rows deleted');
$node->safe_psql('postgres', 'REINDEX INDEX i');
$built = recall($node, 't', 'l2');
cmp_ok($left, '>=', $built - 0.03, "outliers: recall $left after half of the rows were deleted, $built built");

$node->stop;
done_testing();
