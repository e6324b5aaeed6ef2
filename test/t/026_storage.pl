# A second access method on src/storage alone: the folder knows no graph, no vector and no filter.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $tree = $ENV{TESTDIR} || '.';
my $build = PostgreSQL::Test::Utils::tempdir;

mkdir "$build/src" or die;
system_or_bail('cp', '-pR', "$tree/src/storage", "$tree/src/compat.h", "$build/src");
system_or_bail('sh', '-c', "rm -f $build/src/storage/*.o && cp $tree/test/storage/* $build");
system_or_bail('make', '-s', '-C', $build, 'SRC=src', 'COPT=-Werror', 'with_llvm=no',
	'PG_CONFIG=' . ($ENV{PG_CONFIG} || 'pg_config'), 'omendb_toy.so');

my $node = PostgreSQL::Test::Cluster->new('storage');
$node->init;
$node->start;
$node->safe_psql('postgres', <<"EOS");
CREATE FUNCTION toy_handler(internal) RETURNS index_am_handler AS '$build/omendb_toy' LANGUAGE C;
CREATE FUNCTION toy_sum(regclass) RETURNS bigint AS '$build/omendb_toy' LANGUAGE C;
CREATE FUNCTION toy_check(regclass) RETURNS bigint AS '$build/omendb_toy' LANGUAGE C;
CREATE ACCESS METHOD toy TYPE INDEX HANDLER toy_handler;
CREATE OPERATOR CLASS toy_ops DEFAULT FOR TYPE int USING toy AS OPERATOR 1 =;
CREATE TABLE t (i int);
INSERT INTO t SELECT generate_series(1, 20000);
CREATE INDEX t_i ON t USING toy (i);
EOS

sub sum { return $node->safe_psql('postgres', "SELECT toy_sum('t_i') = (SELECT sum(i) FROM t)"); }

is(sum(), 't', 'built');
my $pages = $node->safe_psql('postgres', "SELECT toy_check('t_i')");
cmp_ok($pages, '>', 20, "$pages pages, directory and headers are right");

$node->safe_psql('postgres', 'INSERT INTO t SELECT generate_series(20001, 30000)');
is(sum(), 't', 'grown');

$node->safe_psql('postgres', 'DELETE FROM t WHERE i % 2 = 0; VACUUM t');
is(sum(), 't', 'after deletes and vacuum');
$pages = $node->safe_psql('postgres', "SELECT toy_check('t_i')");
$node->safe_psql('postgres', 'INSERT INTO t SELECT generate_series(1, 10000)');
is($node->safe_psql('postgres', "SELECT toy_check('t_i')"), $pages, 'free slots are taken again');

$node->stop('immediate');
$node->start;
is(sum(), 't', 'after a crash');
is($node->safe_psql('postgres', "SELECT toy_check('t_i')"), $pages, 'the checker has nothing to say');

# a page of another array's number, and one of zeros
my $path = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('t_i')");
$node->stop;
open(my $file, '+<:raw', $path) or die "$path: $!";
seek($file, 3 * 8192, 0);
print $file "\0" x 8192;
close $file;
$node->start;
my ($code, $out, $err) = $node->psql('postgres', "SELECT toy_check('t_i')");
like($err, qr/index "t_i" is corrupted at block 3: unexpected zero page/, 'a zero page is found');
$node->stop;

done_testing();
