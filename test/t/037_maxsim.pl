# Indexes of arrays of vectors: recall in the order of MaxSim, built, grown row by row, after
# updates, deletes and a vacuum, built with too little memory, after a crash.  A scan returns
# every row once, in order, with conditions as without.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IPC::Run;
use OmendbTest;
use Test::More;

my $rows = 1500;
my $node = new_server('maxsim', conf => "jit = off\n");

sub sql { return $node->safe_psql('postgres', $_[0]) }

# Row i: 3 to 10 of 300 words, most of them of one of 30 topics, each moved by chance.
sql(<<'SQL');
CREATE TABLE words AS SELECT i, random_vector(i, 24, 300) AS v FROM generate_series(0, 299) i;
CREATE FUNCTION doc(i bigint, noise float8 DEFAULT 0.3, long float8 DEFAULT 0) RETURNS vector[] LANGUAGE sql VOLATILE AS $$
	SELECT array_agg(v) FROM (
		SELECT (SELECT array_agg(((x + noise * (random() - 0.5)) * s)::real ORDER BY o) FROM unnest(l2_normalize(w.v)::real[]) WITH ORDINALITY u(x, o),
				(SELECT exp(long * random()) AS s WHERE j > 0) length)::vector AS v
		FROM generate_series(1, 3 + i % 8) j
			JOIN words w ON w.i = CASE WHEN (i * 31 + j * 17) % 4 = 0 THEN (i * 13 + j * j * 7) % 300 ELSE i % 30 * 10 + (i / 30 * 3 + j) % 10 END) s
$$;
CREATE TABLE t (id int, kind int, v vector(24)[]);
CREATE TABLE q (id int, v vector(24)[]);
SQL

# The rows in the order in which a scan returns them, and in which a sort does.
sub looks_good
{
	my ($least, $name) = @_;
	my $recall = sql(q{SELECT recall('t', '@#', 10)});
	cmp_ok($recall, '>=', $least, "$name: recall $recall");

	my $query = '(SELECT v FROM q WHERE id = 3)';
	my $scan = 'SET enable_seqscan = off; SET enable_sort = off;';
	for my $where ('', 'WHERE kind = 3', 'WHERE kind <> 3')
	{
		my $counts = sql("$scan SELECT count(*) || ' ' || count(DISTINCT id) FROM (SELECT id FROM t $where ORDER BY v @# $query LIMIT 100000) s");
		is($counts, sql("SELECT count(*) || ' ' || count(DISTINCT id) FROM t $where"), "$name: every row once $where");
	}
	is( sql("$scan SELECT count(*) FROM (SELECT d, lag(d) OVER (ORDER BY n) AS before FROM (SELECT row_number() OVER () AS n, d FROM "
			  . "(SELECT v @# $query AS d FROM t ORDER BY v @# $query LIMIT 60) s) s) s WHERE d < before"),
		'0', "$name: in order");
	check_index($node, 'i', $name);
	return;
}

my $index = 'CREATE INDEX i ON t USING omenhnsw (v vector_maxsim_ops, kind)';
for my $long (0, 2)
{
	my $name = $long ? 'uneven lengths' : 'lengths of 1';
	sql("TRUNCATE t, q; DROP INDEX IF EXISTS i; SELECT setseed(0.25); INSERT INTO t SELECT i, i % 10, doc(i, 0.3, $long) FROM generate_series(1, $rows) i;"
		  . "INSERT INTO t VALUES (-1, 3, NULL), (-2, 4, '{}'), (-3, 3, '{}');"
		  . "INSERT INTO q SELECT i, doc(i * 29, 0.6, 0) FROM generate_series(1, 50) i");
	sql($index);
	looks_good(0.95, "$name, built");
	is(sql("SELECT reltuples FROM pg_class WHERE relname = 'i'"), $rows + 3, "$name: reltuples are rows");
	next if $long;

	sql('CREATE TEMP TABLE saved AS SELECT * FROM t; TRUNCATE t; INSERT INTO t SELECT * FROM saved');
	looks_good(0.95, "$name, grown");
	is(sql("SELECT model > 0 FROM omendb_index_info('i')"), 't', "$name: trained while it grew");

	sql("UPDATE t SET v = v || doc(id + 5) WHERE id % 5 = 0; DELETE FROM t WHERE id / 30 % 2 = 0");
	# dead rows, whose nodes are there until a vacuum, take no places among the candidates
	looks_good(0.95, "$name, changed");
	sql('VACUUM t');
	looks_good(0.93, "$name, vacuumed");
	is(sql("SELECT reltuples FROM pg_class WHERE relname = 'i'"), sql('SELECT count(*) FROM t'), "$name: reltuples are rows after a vacuum");

	sql("BEGIN; INSERT INTO t SELECT i, i % 10, doc(i) FROM generate_series(1, 100) i; ROLLBACK");
	looks_good(0.93, "$name, with rows of a transaction that failed");
	sql("INSERT INTO t SELECT i, i % 10, doc(i) FROM generate_series(1, $rows) i WHERE i / 30 % 2 = 0");
	sql("SET client_min_messages = error; SET maintenance_work_mem = '1MB'; REINDEX INDEX i");
	looks_good(0.95, "$name, built with too little memory");
}

# Rows of a transaction that the server did not survive are in some nodes, or in all.
my ($in, $out, $err) = ('', '', '');
my $h = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-f', '-' ], '<', \$in, '>', \$out, '2>', \$err);
$in .= "BEGIN; INSERT INTO t SELECT -i, 1, doc(i) FROM generate_series(10, 200) i; SELECT 'written'; INSERT INTO t SELECT -i, 1, doc(i) FROM generate_series(1000, 100000) i;\n";
$h->pump until $out =~ /written/;
sql('CHECKPOINT');
$node->stop('immediate');
$h->finish;
$node->start;
looks_good(0.93, 'after a crash');
sql('VACUUM t');
looks_good(0.93, 'after a crash and a vacuum');
$node->stop;
done_testing();
