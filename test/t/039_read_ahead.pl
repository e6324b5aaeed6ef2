# 039_read_ahead.pl -- where pages are not in shared buffers, searches ask for them ahead, and find the same rows;
# where they are, searches ask for nothing.
#
# The server runs with a library that counts what posix_fadvise() is asked for.
use strict;
use warnings;
use OmendbTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
append_to_file("$dir/count.c", <<'C');
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int
count(void)
{
	static int file = -1;

	if (file < 0)
		file = open(getenv("OMENDB_ADVICE"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	return write(file, "x", 1) == 1 ? 0 : 1;
}

int
posix_fadvise(int fd, off_t offset, off_t length, int advice)
{
	(void) fd, (void) offset, (void) length;
	return advice == POSIX_FADV_WILLNEED ? count() : 0;
}
C
append_to_file("$dir/count.c", "int posix_fadvise64(int fd, off_t offset, off_t length, int advice) { return posix_fadvise(fd, offset, length, advice); }\n");
system_or_bail('gcc', '-shared', '-fPIC', '-O1', '-o', "$dir/count.so", "$dir/count.c");

my $file = "$dir/advice";
sub asked { return -s $file // 0; }

my $node = new_server('ahead', conf => "shared_buffers = 1MB\nautovacuum = off\njit = off\n");
$node->safe_psql('postgres', 'CREATE TABLE t (id int, v vector(32))');
fill($node, 't', 1, 15000, 32);
$node->safe_psql('postgres', 'ALTER TABLE t ADD c int; UPDATE t SET c = id % 10; VACUUM FULL t;'
	  . 'CREATE INDEX t_v ON t USING omenhnsw (v vector_l2_ops, c)');

sub restart
{
	my ($buffers) = @_;
	$node->stop;
	$node->append_conf('postgresql.conf', "shared_buffers = $buffers");
	local $ENV{LD_PRELOAD} = "$dir/count.so";
	local $ENV{OMENDB_ADVICE} = $file;
	$node->start;
	return;
}

# what 40 searches of a kind find, and how often they ask, with effective_io_concurrency at this value
sub search
{
	my ($condition, $concurrency, $times) = @_;
	my $before = asked();
	my $query = "SELECT string_agg(s.ids, ' ' ORDER BY q.id) FROM (SELECT id, v FROM t WHERE id <= 40) q, LATERAL (SELECT string_agg(id::text, ',') AS ids "
	  . "FROM (SELECT id FROM t WHERE $condition ORDER BY v <-> q.v LIMIT 20) t) s;";
	my $rows = $node->safe_psql('postgres', "SET enable_seqscan = off; SET enable_sort = off; SET effective_io_concurrency = $concurrency;" . $query x $times);
	return ($rows, asked() - $before);
}

restart('1MB');
for my $condition ('true', 'c = 3', 'id % 3 = 0', 'v <<->> sphere(q.v, 0.2)')
{
	my ($rows, $none) = search($condition, 0, 1);
	my ($same, $many) = search($condition, 16, 1);
	is($same, $rows, "$condition: the same rows");
	is($none, 0, "$condition: nothing is asked for where effective_io_concurrency is 0");
	cmp_ok($many, '>', 1000, "$condition: pages are asked for");
}
$node->safe_psql('postgres', 'SET effective_io_concurrency = 16; INSERT INTO t SELECT id + 100000, v, c FROM t WHERE id <= 200;'
	  . 'DELETE FROM t WHERE id % 7 = 0');
$node->safe_psql('postgres', 'VACUUM t');
check_index($node, 't_v', 'after inserts and a vacuum');

restart('64MB');
search('true', 16, 1);
my (undef, $first) = search('true', 16, 1);
my (undef, $three) = search('true', 16, 3);
is($three, $first, 'in shared buffers: a new session asks for what it does not know to be there, and then for nothing');
cmp_ok($first, '<=', 0, 'nothing is read from disk');
$node->stop;
done_testing();
