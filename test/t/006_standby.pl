# WAL replay: a standby has the same index, page by page, and searches it while replaying.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dim = 40;
my $primary = new_server('primary', init => [ allows_streaming => 1 ],
	conf => "wal_consistency_checking = 'generic'\nhot_standby_feedback = on\n");
$primary->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'b', has_streaming => 1);
$standby->start;

sub sql { return $primary->safe_psql('postgres', join(';', @_)); }

# The same search on both, and the checker on both.
sub compare
{
	my ($name) = @_;
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	my $query = "SET enable_seqscan = off; SELECT string_agg(id::text, ',') FROM "
	  . "(SELECT id FROM t ORDER BY v <-> (SELECT v FROM q LIMIT 1) LIMIT 200) s";
	is($standby->safe_psql('postgres', $query), $primary->safe_psql('postgres', $query),
		"$name: the standby finds the same rows");
	check_index($primary, 'i', "$name: primary");
	my $f = check_index($standby, 'i', "$name: standby", plain => 1);
	is($f->{tids}, sql("SELECT tids FROM omendb_index_check('i')"), "$name: as many rows");
}

sql("CREATE TABLE t (id bigint, v vector($dim))", "CREATE TABLE q (v vector($dim))",
	'CREATE INDEX i ON t USING omenhnsw (v)', "INSERT INTO q SELECT random_vector(3, $dim)");
compare('empty');
fill($primary, 't', 1, 2000, $dim);
compare('inserts');
sql('INSERT INTO t SELECT id + 10000, v FROM t WHERE id % 3 = 0', 'INSERT INTO t SELECT n, NULL FROM generate_series(1, 50) n',
	'UPDATE t SET id = id + 1');
compare('duplicates and updates');
sql('DELETE FROM t WHERE id % 3 = 1');
$primary->safe_psql('postgres', 'VACUUM t');
compare('vacuum');
fill($primary, 't', 20001, 21000, $dim);
compare('slots used again');
sql('DELETE FROM t');
$primary->safe_psql('postgres', 'VACUUM t');
compare('emptied');
fill($primary, 't', 1, 3000, $dim);
sql('DROP INDEX i', 'CREATE INDEX i ON t USING omenhnsw (v)');
compare('built');
sql('SET maintenance_work_mem = 1024', 'REINDEX INDEX i');
compare('built over maintenance_work_mem');

my ($ret, $out, $err) = $standby->psql('postgres', "SELECT omendb_index_check('i', true)");
like($err, qr/cannot acquire lock mode ShareLock.*during recovery|while recovery is in progress/s,
	'the check against the table needs a primary');

# --- searches on the standby while the primary writes and vacuums
my $script = PostgreSQL::Test::Utils::tempdir() . '/search.sql';
append_to_file($script, "\\set n random(1, 3000)\nSET enable_seqscan = off;\n"
	  . "SELECT count(*) FROM (SELECT id FROM t ORDER BY v <-> (SELECT random_vector(:n, $dim)) LIMIT 10) s;\n"
	  . "SELECT nodes FROM omendb_index_check('i');\n");
my ($bench_out, $bench_err) = ('', '');
my $bench = IPC::Run::start(
	[ 'pgbench', '-n', '-c', 2, '-T', 12, '-f', $script, '-h', $standby->host, '-p', $standby->port, 'postgres' ],
	'>', \$bench_out, '2>', \$bench_err, IPC::Run::timeout(120));
for my $round (1 .. 6)
{
	sql("DELETE FROM t WHERE id % 6 = $round - 1");
	$primary->safe_psql('postgres', 'VACUUM t');
	fill($primary, 't', $round * 100000, $round * 100000 + 400, $dim);
}
$bench->finish;
is($bench->result(0), 0, 'searches and checks on the standby during replay') or diag($bench_err);
unlike($bench_err, qr/corrupt/, 'found nothing corrupt');
compare('after writing under searches');

# --- promotion: inserts go on there
$standby->promote;
$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
fill($standby, 't', 900001, 900500, $dim);
$standby->safe_psql('postgres', 'DELETE FROM t WHERE id % 2 = 0');
$standby->safe_psql('postgres', 'VACUUM t');
check_index($standby, 'i', 'promoted');
$standby->stop;
$primary->stop;
done_testing();
