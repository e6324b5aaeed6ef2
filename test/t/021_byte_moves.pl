# 021_byte_moves.pl -- parallel builds where memcpy() and memmove() move single bytes.
#
# C does not say in which units these functions move; some libraries take bytes.
# Participants of a build read links while others change them, so none of these
# functions may move links that others use: half an id is a slot that does not exist.
# The server runs with a library whose functions move bytes, and now and then
# wait in the middle of an id.
use strict;
use warnings;
use OmendbTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
append_to_file("$dir/bytes.c", <<'C');
#include <sched.h>
#include <stddef.h>

static void
wait_a_little(size_t n)
{
	static __thread unsigned moves;

	/* of the size of links, and not in every move */
	if (n % 4 == 0 && n >= 8 && n <= 256 && ++moves % 64 == 0)
		sched_yield();
}

void *
memmove(void *to, const void *from, size_t n)
{
	volatile char *t = to;
	const volatile char *f = from;

	if (t < f)
	{
		for (size_t i = 0; i < n; i++)
		{
			t[i] = f[i];
			if (i == n / 8 * 4 + 1)
				wait_a_little(n);
		}
	}
	else
	{
		for (size_t i = n; i-- > 0;)
		{
			t[i] = f[i];
			if (i == n / 8 * 4 + 1)
				wait_a_little(n);
		}
	}
	return to;
}
C
system_or_bail('gcc', '-shared', '-fPIC', '-O1', '-fno-builtin', '-fno-tree-loop-distribute-patterns', '-o',
	"$dir/bytes.so", "$dir/bytes.c");

my $node = new_server('bytes', conf => "max_parallel_maintenance_workers = 4\nmin_parallel_table_scan_size = 0\n"
	  . "max_worker_processes = 16\nmax_parallel_workers = 8\n");
$node->safe_psql('postgres', 'CREATE TABLE t (id int, v vector(8)) WITH (parallel_workers = 4)');
fill($node, 't', 1, 12000, 8);
$node->stop;
{
	local $ENV{LD_PRELOAD} = "$dir/bytes.so";
	$node->start;
}
for my $round (1)
{
	my ($status, undef, $stderr) = $node->psql('postgres',
		"SET client_min_messages = warning; DROP INDEX IF EXISTS t_v;"
		  . "CREATE INDEX t_v ON t USING omenhnsw (v vector_l2_ops) WITH (m = 16)");
	is("$status $stderr", '0 ', "build $round");
	last if $status != 0;
	check_index($node, 't_v', "build $round");
}
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_shmem_allocations WHERE name = 'omenhnsw build tranche'"),
	1, 'parallel builds have one tranche for good');
$node->stop;
done_testing();
