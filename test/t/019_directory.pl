# 019_directory.pl -- arrays whose directory has all its levels, and full ones.
#
# The limits are those of billions of nodes, so the library is compiled a second
# time with four entries on a directory page (112 pages of an array below root pages
# that the metapage names, 176 in all) and 2,000 records in an array.
use strict;
use warnings;
use OmendbTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Objects that do not know these limits are taken from the tree, if it has been built.
my $tree = $ENV{TESTDIR} || '.';
my $build = PostgreSQL::Test::Utils::tempdir;
my $defines = '-DOH_DIR_ENTRIES=4 -DOH_MAX_RECORDS=2000';
my @sensitive = map { s|^\Q$tree\E/||r } grep { slurp_file($_) =~ /OH_DIR_ENTRIES|OH_MAX_RECORDS|OhDirEntries/ }
  map { glob("$tree/src/$_/*.c") } qw(storage hnsw hnsw/*);
system_or_bail('cp', '-pR', "$tree/Makefile", "$tree/omendb.control", "$tree/src", "$tree/sql", $build);
unlink map { "$build/" . s/\.c$/.o/r } @sensitive;
system_or_bail('make', '-s', '-C', $build, "COPT=$defines", 'MODULE_big=omendb_small',
	'PG_CONFIG=' . ($ENV{PG_CONFIG} || 'pg_config'), 'omendb_small.so', 'src/sql/omendb--0.1.0.sql');

my $node = PostgreSQL::Test::Cluster->new('directory');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\nmax_wal_size = 2GB\n");
$node->start;
my $script = slurp_file("$build/src/sql/omendb--0.1.0.sql");
$script =~ s/^\\.*$//mg;
$script =~ s/MODULE_PATHNAME/$build\/omendb_small/g;
$node->safe_psql('postgres', $script);

# A node of 1,400 dimensions fills a page.
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION random_row(dim int) RETURNS vector LANGUAGE sql VOLATILE AS
	'SELECT array_agg(random()::real)::vector FROM generate_series(1, dim)';
CREATE TABLE built (id int PRIMARY KEY, v vector(1400));
INSERT INTO built SELECT i, random_row(1400) FROM generate_series(1, 150) i;
CREATE INDEX built_v ON built USING omenhnsw (v vector_l2_ops) WITH (quantizer = none, m = 8);
CREATE TABLE grown (id int PRIMARY KEY, v vector(1400));
CREATE INDEX grown_v ON grown USING omenhnsw (v vector_l2_ops) WITH (quantizer = none, m = 8);
INSERT INTO grown SELECT id, v FROM built;
CREATE TABLE small (id int, v vector(2));
CREATE INDEX small_v ON small USING omenhnsw (v vector_l2_ops) WITH (m = 4);
SQL

sub all_found
{
	my ($table, $n) = @_;
	is( $node->safe_psql('postgres', "SET enable_seqscan = off; SET omenhnsw.ef_search = 200;"
			  . "SELECT count(*) FROM (SELECT id FROM $table ORDER BY v <-> (SELECT v FROM $table WHERE id = 1)) s"),
		$n, "$table: a scan finds all rows");
	return;
}

sub size { return $node->safe_psql('postgres', "SELECT pg_relation_size('$_[0]')"); }

# refused(sql, index, name) -- the statement fails three times, and the index does not grow.
sub refused
{
	my ($sql, $index, $name) = @_;
	my $before = size($index);
	for (1 .. 3)
	{
		my (undef, undef, $stderr) = $node->psql('postgres', $sql);
		like($stderr, qr/ERROR:  index "$index" is full.*HINT:  Partition/s, "$name: an error says so") if $_ == 1;
	}
	is(size($index), $before, "$name: and takes no page");
	return;
}

# leaves(index) -- blocks of the leaf pages of its nodes, in the order of what they hold
sub leaves
{
	my ($index) = @_;
	my $file = $node->data_dir . '/' . $node->safe_psql('postgres', "CHECKPOINT; SELECT pg_relation_filepath('$index')");
	my $bytes = slurp_file($file);
	my @leaves;
	for my $block (0 .. length($bytes) / 8192 - 1)
	{
		# OhPageTail: first entry, kind, array; kind 3 is a leaf page, array 0 has the nodes
		my ($first, $kind, $array) = unpack('LSS', substr($bytes, $block * 8192 + 8176, 8));
		push @leaves, [ $first, $block ] if $kind == 3 && $array == 0;
	}
	return map { $_->[1] } sort { $a->[0] <=> $b->[0] } @leaves;
}

# A build writes them one behind the other, with and without the memory for its graph.
for my $memory ('64MB', '1MB')
{
	$node->safe_psql('postgres', "SET client_min_messages = error; SET maintenance_work_mem = '$memory'; REINDEX INDEX built_v");
	my @leaves = leaves('built_v');
	is("@leaves", join(' ', map { $leaves[0] + $_ } 0 .. 37), "built with $memory: leaf pages of the directory lie together");
	check_index($node, 'built_v', "built with $memory");
}
isnt((leaves('grown_v'))[37] - (leaves('grown_v'))[0], 37, 'inserts add leaf pages as they come');

check_index($node, $_ . '_v', "$_ beyond the root pages of the metapage") for qw(built grown);
all_found($_, 150) for qw(built grown);

$node->stop('immediate');
$node->start;
check_index($node, 'grown_v', 'grown, after a crash');
all_found('grown', 150);

my $insert = 'INSERT INTO %s SELECT i, random_row(%d) FROM generate_series(%d, %d) i';
$node->safe_psql('postgres', sprintf($insert, 'grown', 1400, 151, 176));
refused(sprintf($insert, 'grown', 1400, 177, 177), 'grown_v', 'a full directory');
check_index($node, 'grown_v', 'a full directory');
$node->safe_psql('postgres', 'DELETE FROM grown WHERE id BETWEEN 20 AND 29');
$node->safe_psql('postgres', 'VACUUM grown');
$node->safe_psql('postgres', sprintf($insert, 'grown', 1400, 177, 186));
check_index($node, 'grown_v', 'refilled after a vacuum');
all_found('grown', 176);

my (undef, undef, $stderr) = $node->psql('postgres',
	"INSERT INTO small SELECT i, random_row(2) FROM generate_series(1, 2100) i");
like($stderr, qr/index "small_v" is full/, 'a record too many');
$node->psql('postgres', sprintf($insert, 'small', 2, $_, $_)) for 1 .. 3;
$node->safe_psql('postgres', 'VACUUM small');
check_index($node, 'small_v', 'an array with all its records');

$node->stop;
done_testing();
