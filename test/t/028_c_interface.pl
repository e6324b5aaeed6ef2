# The C interface, omendb.h: the example extension compiles against the header that is installed,
# computes what the operators compute, in whatever order the libraries are loaded, and is refused with
# another version's header.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $tree = $ENV{TESTDIR} || '.';
my $config = $ENV{PG_CONFIG} || 'pg_config';
my $work = PostgreSQL::Test::Utils::tempdir;
chomp(my $server = `$config --includedir-server`);
my $header = "$server/extension/omendb/omendb.h";
ok(-e $header, 'make install has installed the header');

# build(name, change of the header, more code) -- the example, in a copy; the path of its library
sub build
{
	my ($name, $change, $code) = @_;
	my $folder = "$work/$name";
	system_or_bail('cp', '-pR', "$tree/examples/c_extension", $folder);
	my $include = '';
	if ($change)
	{
		my $text = $change->(slurp_file($header));
		system_or_bail('mkdir', '-p', "$folder/include/extension/omendb");
		append_to_file("$folder/include/extension/omendb/omendb.h", $text);
		$include = "-I$folder/include";
	}
	append_to_file("$folder/omendb_example.c", $code // '');
	system_or_bail('sh', '-c', "rm -f $folder/*.o $folder/*.so");
	system_or_bail('make', '-s', '-C', $folder, 'with_llvm=no', "PG_CONFIG=$config",
		"PG_CPPFLAGS=$include -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Werror", 'all');
	return "$folder/omendb_example";
}

my $library = build('example');
my $early = build('early', undef, "PGDLLEXPORT void _PG_init(void);\nvoid\n_PG_init(void)\n{\n\t(void) OmendbGetApi();\n}\n");
my $newer = build('newer', sub { my $t = shift; $t =~ s/(OMENDB_API_VERSION) 1/$1 2/; $t });
my $longer = build('longer', sub { my $t = shift; $t =~ s/^(\} OmendbApi;)/\tvoid (*more) (void);\n$1/m; $t });

# what `make install` does, into another folder
system_or_bail('make', '-s', '-C', "$work/example", 'with_llvm=no', "PG_CONFIG=$config", "DESTDIR=$work/root", 'install');
my ($script) = split /\n/, `find $work/root -name omendb_example--1.0.sql`;
ok($script && `find $work/root -name 'omendb_example.so'` && `find $work/root -name omendb_example.control`,
	'the example is installed');
my $sql = slurp_file($script);
$sql =~ s/^\\echo.*//m;

sub create
{
	my ($node, $database, $path) = @_;
	my $text = $sql;
	$text =~ s/MODULE_PATHNAME/$path/g;
	$node->safe_psql($database, $text);
	return;
}

SKIP:
{
	skip 'there is no g++', 1 if system('g++ --version > /dev/null 2>&1') != 0;
	append_to_file("$work/c.cpp",
		qq(extern "C" {\n#include "postgres.h"\n#include "fmgr.h"\n}\n#include "extension/omendb/omendb.h"\n)
		  . "int dims(const OmVector *v) { return OmendbGetApi()->distance(OMENDB_VECTOR, OMENDB_L2, v, v) == 0 ? v->dim : 0; }\n");
	is(system("g++ -Wall -Werror -Wno-register -I$server -fsyntax-only $work/c.cpp"), 0, 'the header is good for C++');
}

my $node = new_server('c_interface');
create($node, 'postgres', $library);

# ---- the same numbers as the operators, to the last bit
my $values = "SELECT array_agg(sin(i * 7 + j * j))::vector(33) AS v FROM generate_series(1, 40) i, generate_series(1, 33) j GROUP BY i";
my @dense = ('<->', '<#>', '<=>', '<+>');
for my $type (
	[ 'vector', 'v', @dense ],
	[ 'halfvec', 'v::halfvec(33)', @dense ],
	[ 'sparsevec', "(v * ('[' || repeat('1,0,', 16) || '1]')::vector)::sparsevec(33)", @dense ],
	[ 'bit', 'binary_quantize(v)', ('') x 4, '<~>', '<%>' ])
{
	my ($name, $value, @operators) = @$type;
	my @metrics = qw(l2 ip cosine l1 hamming jaccard);
	for my $i (grep { $operators[$_] } 0 .. $#operators)
	{
		is($node->safe_psql('postgres', "WITH w AS ($values), t AS (SELECT $value AS x FROM w)
				SELECT count(*) FROM t a, t b WHERE distance(a.x, b.x, '$metrics[$i]') IS DISTINCT FROM a.x $operators[$i] b.x"),
			'0', "$name: $metrics[$i] is what $operators[$i] computes");
	}
}
for my $pair ([ l2 => '<->' ], [ ip => '<#>' ], [ cosine => '<=>' ], [ l1 => '<+>' ])
{
	is($node->safe_psql('postgres', "WITH t AS ($values), a AS (SELECT array_agg(v) AS c FROM t)
			SELECT count(*) FROM t, a WHERE t.v $pair->[1] c[nearest_of(t.v, c, '$pair->[0]')] IS DISTINCT FROM (SELECT min(t.v $pair->[1] x) FROM unnest(c) x)"),
		'0', "nearest_of: the $pair->[0] kernel orders as $pair->[1] does");
}
is($node->safe_psql('postgres', "SELECT nearest_of('[1,2]', '{}'), nearest_of('[1,2]', ARRAY[NULL, '[1,3]', '[1,2]']::vector[])"), '|3', 'no element, and NULL');
is($node->safe_psql('postgres', "SELECT midpoint('[1,65504,0.5]', '[2,65504,-0.5]'), largest_terms('{1:1,3:-5,4:2,7:2}/9', 2), largest_terms('{1:1}/9', 0)"),
	'[1.5,65504,0]|{3:-5,4:2}/9|{}/9', 'values that are made');

# ---- TOASTed values: compressed, and out of line
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE t (id int, v vector(3000));
INSERT INTO t SELECT i, array_fill(i::real, ARRAY[3000])::vector FROM generate_series(1, 3) i;
ALTER TABLE t ALTER v SET STORAGE EXTENDED;
INSERT INTO t SELECT i, array_fill(i::real, ARRAY[3000])::vector FROM generate_series(4, 6) i;
SQL
is($node->safe_psql('postgres', "SELECT string_agg(nearest_of(v, (SELECT array_agg(v ORDER BY id DESC) FROM t))::text, ',' ORDER BY id) FROM t"),
	'6,5,4,3,2,1', 'TOASTed values');

# ---- errors
sub fails
{
	my ($statement, $pattern, $name, $database) = @_;
	my ($code, $out, $err) = $node->psql($database // 'postgres', "\\set VERBOSITY verbose\n$statement");
	like($err, $pattern, $name);
	return;
}
fails("SELECT distance('[1,2]'::vector, '[1]', 'l2')", qr/22000: different vector dimensions 2 and 1/, 'dimensions that differ');
fails("SELECT distance('[1,2]'::vector, '[1,2]', 'hamming')", qr/0A000: there is no distance number 5 for vector/, 'a metric that a type does not have');
fails("SELECT distance('[1,2]'::vector, '[1,2]', 'x')", qr/22023: there is no metric "x"/, 'no metric');
fails("SELECT nearest_of('[1,2]', '{\"[1,2]\",\"[1]\"}')", qr/22000: element 2 has 1 dimensions/, 'dimensions, read from the header');
fails("SELECT distance(B'1', B'11', 'hamming')", qr/22000: different bit lengths/, 'bits');
$node->safe_psql('postgres', "CREATE FUNCTION wrong(bytea, bytea, text) RETURNS float8 AS '$library', 'vector_distance_by' LANGUAGE C STRICT;
	CREATE FUNCTION wrong_sparse(bytea, int) RETURNS bytea AS '$library', 'largest_terms' LANGUAGE C STRICT;
	CREATE FUNCTION wrong_half(bytea, bytea) RETURNS bytea AS '$library', 'midpoint' LANGUAGE C STRICT;
	CREATE FUNCTION null_vector(vector, vector, text) RETURNS float8 AS '$library', 'vector_distance_by' LANGUAGE C CALLED ON NULL INPUT");
for my $bytes ('', '\x01', '\x0200000000', '\x02000000000080', '\x020000000000803f0000803f00', '\x00000000', '\xffff00000000803f',
	'\x010001000000803f', '\x3e800000' . '00' x 20)
{
	fails("SELECT wrong('$bytes', '$bytes', 'l2')", qr/XX001: not a valid vector: \d+ bytes/, "not a vector: $bytes");
	fails("SELECT wrong_half('$bytes', '$bytes')", qr/XX001: not a valid halfvec: \d+ bytes/, "not a halfvec: $bytes");
}
for my $bytes ('', '\x05', '\x000000000000000000000000', '\x05000000ffffffff00000000', '\x0500000001000000000000000000000000', '\x050000000100000000000000050000000000803f',
	'\x05000000020000000000000001000000010000000000803f0000803f', '\x0500000001000000010000000100000000803f00')
{
	fails("SELECT wrong_sparse('$bytes', 3)", qr/XX001: not a valid sparsevec: \d+ bytes/, "not a sparsevec: $bytes");
}
fails("SELECT null_vector(NULL, '[1]', 'l2')", qr/22004: expected a value of type vector, not NULL/, 'NULL where a value is expected');

# ---- another version's header
for my $case (
	[ $newer, qr/0A000: library requires version 2 of omendb's C interface, but the installed omendb has version 1.*HINT: +Compile the library/s, 'a newer version' ],
	[ $longer, qr/0A000: library requires functions of omendb's C interface.*HINT: +Install a newer omendb/s, 'functions that are not there' ])
{
	$node->safe_psql('postgres', "CREATE FUNCTION other(vector, vector, text) RETURNS float8 AS '$case->[0]', 'vector_distance_by' LANGUAGE C STRICT");
	fails("SELECT other('[1]', '[1]', 'l2')", $case->[1], "$case->[2]: an error that says so");
	$node->safe_psql('postgres', 'DROP FUNCTION other');
}

# ---- loaded before omendb
my $query = "SELECT midpoint('[1]', '[2]'), nearest_of('[1]', '{[1]}')";
is($node->safe_psql('postgres', "LOAD '$library'; $query"), '[1.5]|1', 'LOAD before anything of omendb');
for my $preload ($library, "$library,omendb", "omendb,$library", "$early")
{
	$node->append_conf('postgresql.conf', "shared_preload_libraries = '$preload'");
	$node->restart;
	is($node->safe_psql('postgres', $query), '[1.5]|1', 'shared_preload_libraries = ' . join(', ', map { s/.*\/(\w+\/)/$1/r } split /,/, $preload));
}

# ---- without CREATE EXTENSION omendb the library is loaded all the same
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', "CREATE FUNCTION bits(bit, bit, text) RETURNS float8 AS '$library', 'bit_distance_by' LANGUAGE C STRICT");
is($node->safe_psql('other', "SELECT bits(B'1100', B'1010', 'hamming')"), '2', 'in a database without omendb');
$node->stop;

done_testing();
