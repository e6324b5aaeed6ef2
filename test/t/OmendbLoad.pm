# OmendbLoad.pm -- the load of the tests of standbys and backups: a table with an index of each type, writers and searches.
package OmendbLoad;

use strict;
use warnings;
use Exporter 'import';
use OmendbTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(load_tables answers check_all start_writes start_searches vacuum_until end_load %LOAD_INDEX);

my $dim = 24;

# What each index is on, its operator class and the rest.
our %LOAD_INDEX = (
	t_v => [ 'v', 'vector_l2_ops, cat', '<->', '' ],
	t_r => [ 'v', 'vector_cosine_ops', '<=>', 'WITH (bits = 2, rerank = index)' ],
	t_h => [ "(v::halfvec($dim))", 'halfvec_ip_ops', '<#>', '' ],
	t_s => [ "(v::sparsevec($dim))", 'sparsevec_l2_ops', '<->', '' ],
	t_b => [ "(binary_quantize(v)::bit($dim))", 'bit_hamming_ops', '<~>', '' ]);

# query_value(expression) -- as the index has it, of the first query.
sub query_value { my ($on) = @_; return '(SELECT ' . $on . ' FROM q ORDER BY n LIMIT 1)'; }

sub load_tables
{
	my ($node) = @_;
	$node->safe_psql('postgres', "CREATE TABLE t (id bigserial PRIMARY KEY, cat int, v vector($dim));"
		  . "CREATE TABLE q (n serial, v vector($dim)); INSERT INTO q (v) SELECT random_vector(i, $dim) FROM generate_series(1, 5) i;"
		  . "INSERT INTO t (cat, v) SELECT i % 10, random_vector(i, $dim) FROM generate_series(1, 600) i;"
		  # this one is trained as it grows
		  . "CREATE TABLE grown (id bigserial, v vector($dim)); CREATE INDEX grown_v ON grown USING omenhnsw (v) WITH (bits = 4);"
		  . join(';', map { my ($on, $class, $op, $with) = @{ $LOAD_INDEX{$_} }; "CREATE INDEX $_ ON t USING omenhnsw ($on $class) $with" } sort keys %LOAD_INDEX));
	return;
}

# answers -- a query for each index, of the rows of its scan in order.
sub answers
{
	return (map {
			my ($on, $class, $op) = @{ $LOAD_INDEX{$_} };
			"SET enable_seqscan = off; SET enable_sort = off; SELECT string_agg(id::text, ',') FROM (SELECT id FROM t ORDER BY $on $op " . query_value($on) . ' LIMIT 60) s'
		} sort keys %LOAD_INDEX),
	  "SET enable_seqscan = off; SET enable_sort = off; SELECT string_agg(id::text, ',') FROM (SELECT id FROM grown ORDER BY v <-> (SELECT v FROM q ORDER BY n LIMIT 1) LIMIT 60) s";
}

# check_all(node, name, plain => 1 on a standby, database)
sub check_all
{
	my ($node, $name, %opt) = @_;
	check_index($node, $_, "$name, $_", %opt) for sort(keys %LOAD_INDEX), 'grown_v';
	return;
}

sub pgbench
{
	my ($node, $clients, $seconds, $script, @options) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . '/load.sql';
	append_to_file($file, $script);
	my $load = { err => '', out => '' };
	$load->{run} = IPC::Run::start([ 'pgbench', '-n', '-c', $clients, '-T', int($seconds + 0.999), @options, '-f', $file, '-h', $node->host, '-p', $node->port, 'postgres' ],
		'>', \$load->{out}, '2>', \$load->{err}, IPC::Run::timeout(120 + 4 * $seconds));
	return $load;
}

# Each on rows of its own, so that nobody waits.
sub start_writes
{
	my ($node, $seconds) = @_;
	return pgbench($node, 3, $seconds, <<"SQL", '--max-tries', '1');
\\set n random(1, 1000000)
\\set some random(1, 12)
INSERT INTO t (cat, v) SELECT i % 10, random_vector(i, $dim) FROM generate_series(:n, :n + :some) i;
INSERT INTO grown (v) SELECT random_vector(i, $dim) FROM generate_series(:n, :n + :some) i;
WITH one AS (SELECT id FROM t WHERE id % 3 = :client_id ORDER BY random() LIMIT 4 FOR UPDATE SKIP LOCKED)
UPDATE t SET cat = cat + 1, v = random_vector(:n, $dim) FROM one WHERE t.id = one.id;
WITH one AS (SELECT id FROM t WHERE id % 3 = :client_id ORDER BY random() LIMIT 5 FOR UPDATE SKIP LOCKED)
DELETE FROM t USING one WHERE t.id = one.id;
SQL
}

sub start_searches
{
	my ($node, $seconds) = @_;
	return pgbench($node, 2, $seconds, "SET enable_seqscan = off;\nSET enable_sort = off;\n" . join('', map { s/^.*; //r . ";\n" } answers())
		  . "SELECT nodes FROM omendb_index_check('t_v');\n");
}

# vacuum_until(node, seconds) -- the index's vacuum again and again, and a new index beside the load.
sub vacuum_until
{
	my ($node, $seconds) = @_;
	my $end = time + $seconds;
	while (time < $end)
	{
		$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP on) t; VACUUM grown');
		sleep 0.1;
		$node->safe_psql('postgres', 'REINDEX INDEX CONCURRENTLY t_v');
	}
	return;
}

sub end_load
{
	my ($load, $name) = @_;
	$load->{run}->finish;
	is($load->{run}->result(0), 0, $name) or diag($load->{err});
	unlike($load->{err}, qr/corrupt|XX00|ERROR/, "$name: no error");
	return;
}

1;
