# Beside pgvector: both extensions in one database, in schemas of their own, and indexes of
# omenhnsw on columns of pgvector's types (omendb_adopt_pgvector).
#
# With pgvector itself where it is installed (PGVECTOR names a folder with its files); in
# any case with a stand-in, made from omendb's scripts: its types have other OIDs, which is what
# matters here.  Both are installed by names of their own, as other tests run at the same time.
# And logical replication from there to omendb, in text and in binary form.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Utils;
use Test::More;

chomp(my $share = qx{pg_config --sharedir});
chomp(my $library = qx{pg_config --pkglibdir});
my $extensions = "$share/extension";
plan skip_all => "the folder $extensions cannot be written to: this is not a private PostgreSQL" unless -w $extensions;

sub install
{
	my ($name, $version, $module, $script) = @_;
	unlink(glob("$extensions/$name*"));		# of a run that was ended
	append_to_file("$extensions/$name.control", "default_version = '$version'\nmodule_pathname = '$module'\nrelocatable = true\n");
	append_to_file("$extensions/$name--$version.sql", $script);
	return $name;
}

my @peers = (install('peer_vector', '1', '$libdir/omendb',
	join('', map { slurp_file("$ENV{TESTDIR}/src/sql/$_.sql") } qw(vector halfvec sparsevec bit))));
my $pgvector = $ENV{PGVECTOR} // '';
if (-e "$pgvector/vector.control" && slurp_file("$pgvector/vector.control") =~ /default_version = '([^']+)'/ && -e "$pgvector/vector--$1.sql")
{
	my $version = $1;
	system_or_bail('cp', "$pgvector/vector.so", "$library/peer_pgvector.so");
	push @peers, install('peer_pgvector', $version, '$libdir/peer_pgvector', slurp_file("$pgvector/vector--$version.sql"));
}
else
{
	note('pgvector is not installed here: the stand-in alone');
}

my $node = new_server('beside', init => [ allows_streaming => 'logical' ]);
for my $peer (@peers)
{
	my $db = "with_$peer";
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	my $sql = sub { return $node->safe_psql($db, $_[0]) };
	# the extension is found by its own schema, whatever search_path says
	$sql->("CREATE EXTENSION $peer; CREATE SCHEMA omen; CREATE EXTENSION omendb SCHEMA omen");
	$sql->(<<'SQL');
CREATE TABLE t (id int, tenant int, v vector(16), h halfvec(16));
INSERT INTO t SELECT i, i % 5, x, x FROM (SELECT i, (SELECT array_agg(sin(i * (d + 1) * 0.37) + cos(i % 20 * d))::real[]::vector FROM generate_series(1, 16) d) AS x
	FROM generate_series(1, 3000) i) s;
INSERT INTO t VALUES (0, 1, NULL, NULL);
ANALYZE t;
CREATE TABLE q AS SELECT id, v FROM t WHERE id % 100 = 1 AND id > 0;
SQL
	like(($node->psql($db, 'CREATE INDEX ON t USING omenhnsw (v vector_l2_ops)'))[2], qr/operator class "vector_l2_ops" does not exist/,
		"$peer: no operator class before");
	my @classes = split /\n/, $sql->('SELECT omen.omendb_adopt_pgvector(\'' . $peer . '\')');
	ok(scalar(grep { $_ eq 'public.vector_cosine_ops' } @classes), "$peer: classes are named");
	is($sql->("SELECT count(*), bool_and(amvalidate(c.oid)) FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod
		WHERE amname = 'omenhnsw' AND opcnamespace = 'public'::regnamespace"), scalar(@classes) . '|t', "$peer: valid classes");
	is($sql->("SELECT count(*) FROM omen.omendb_adopt_pgvector('$peer')"), '0', "$peer: once is enough");

	# the plan of an unchanged query changes by CREATE INDEX alone
	my $search = "SELECT id FROM t ORDER BY v <-> (SELECT v FROM q WHERE id = 101) LIMIT 5";
	unlike($sql->("EXPLAIN $search"), qr/Index Scan using t_v/, "$peer: a sort before");
	my $exact = $sql->("SELECT string_agg(id::text, ',') FROM ($search) x");
	my $bounded = "SELECT string_agg(id::text, ',' ORDER BY id) FROM t WHERE v <-> (SELECT v FROM q WHERE id = 101) < 4";
	my $within = $sql->($bounded);
	$sql->('CREATE INDEX t_v ON t USING omenhnsw (v, tenant); CREATE INDEX t_c ON t USING omenhnsw (v vector_cosine_ops);
		CREATE INDEX t_h ON t USING omenhnsw (h halfvec_l2_ops);
		CREATE INDEX t_s ON t USING omenhnsw ((v::sparsevec(16)) sparsevec_l2_ops);
		CREATE INDEX t_b ON t USING omenhnsw ((binary_quantize(v)::bit(16)) bit_hamming_ops)');
	# at this ef_search a table of 3,000 rows is compared whole, so that equal rows may be asked for
	my $set = 'SET enable_seqscan = off; SET enable_sort = off; SET omenhnsw.ef_search = 200; ';
	like($sql->("$set EXPLAIN $search"), qr/Index Scan using t_v/, "$peer: the index after");
	is($sql->("$set SELECT string_agg(id::text, ',') FROM ($search) x"), $exact, "$peer: the same rows");
	like($sql->("$set EXPLAIN $bounded"), qr/Index Cond: \(v \S*<<->/, "$peer: a bound of the distance is a condition");
	# a search within a distance is as approximate as any other: codes may put a row just within it just beyond
	my %within = map { $_ => 1 } split /,/, $within;
	my @found = split /,/, $sql->("$set $bounded");
	is(scalar(grep { !$within{$_} } @found), 0, "$peer: only rows within");
	cmp_ok(scalar(@found), '>=', 0.97 * keys %within, "$peer: rows within") or diag("@found");
	like($sql->("$set EXPLAIN SELECT id FROM t WHERE tenant = 3 ORDER BY v <-> (SELECT v FROM q LIMIT 1) LIMIT 5"), qr/Index Cond: \(tenant = 3\)/,
		"$peer: a filter column");
	like($sql->("$set EXPLAIN SELECT id FROM t WHERE 1 - (v <=> (SELECT v FROM q LIMIT 1)) > 0.5 ORDER BY 1 - (v <=> (SELECT v FROM q LIMIT 1)) DESC LIMIT 5"),
		qr/Index Scan using t_c/, "$peer: similarity");
	like($sql->("$set EXPLAIN SELECT id FROM t ORDER BY h <-> (SELECT h FROM t WHERE id = 7) LIMIT 5"), qr/Index Scan using t_h/, "$peer: halfvec");
	my %others = (bit => "binary_quantize(v)::bit(16) <~> B'1011001110001111'", sparsevec => "v::sparsevec(16) <-> '{1:0.5,3:-1,16:2}/16'");
	for my $type (sort keys %others)
	{
		my $nearest = "SELECT $others{$type} AS d FROM t WHERE v IS NOT NULL AND tenant < 5 ORDER BY 1 LIMIT 20";
		my $sorted = $sql->("SET enable_indexscan = off; SELECT array_agg(d) FROM ($nearest) x");
		my $index = 't_' . substr($type, 0, 1);
		like($sql->("$set EXPLAIN $nearest"), qr/Index Scan using $index/, "$peer: $type");
		is($sql->("$set SELECT array_agg(d) FROM ($nearest) x"), $sorted, "$peer: $type: the same distances");
	}

	# recall, after changes too
	my $recall = <<'SQL';
SELECT count(*) >= 0.95 * 10 * (SELECT count(*) FROM q) FROM q, LATERAL (SELECT id FROM t ORDER BY t.v <-> q.v LIMIT 10) found
WHERE found.id IN (SELECT e.id FROM (SELECT id, t.v <-> q.v AS d FROM t WHERE t.v IS NOT NULL ORDER BY (t.v <-> q.v) + 0 * id LIMIT 10) e)
SQL
	is($sql->("$set SET enable_sort = on; $recall"), 't', "$peer: recall");
	$sql->('DELETE FROM t WHERE id % 7 = 3; VACUUM t; INSERT INTO t SELECT id + 5000, tenant, v + v, (v + v)::halfvec FROM t WHERE id % 3 = 0 AND v IS NOT NULL');
	is($sql->("$set SET enable_sort = on; $recall"), 't', "$peer: recall after changes");
	for my $index (qw(t_v t_c t_h t_b t_s))
	{
		like($sql->("SELECT nodes, heap_rows FROM omen.omendb_index_check('$index', true)"), qr/^\d+\|\d+$/, "$peer: $index is checked");
	}

	# a dump has all that
	my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
	$node->command_ok([ 'pg_dump', '-f', $dump, $db ], "$peer: pg_dump");
	$node->safe_psql('postgres', "CREATE DATABASE restored_$peer");
	$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, "restored_$peer" ], "$peer: restored");
	is($node->safe_psql("restored_$peer", "$set SELECT string_agg(id::text, ',') FROM ($search) x"), $sql->("$set SELECT string_agg(id::text, ',') FROM ($search) x"),
		"$peer: the same rows there");
	like($node->safe_psql("restored_$peer", "SELECT nodes FROM omen.omendb_index_check('t_v', true)"), qr/^\d+$/, "$peer: checked there");

	# moving by logical replication: values in text or binary form, the table first, then changes
	my $moved = "moved_$peer";
	$node->safe_psql('postgres', "CREATE DATABASE $moved");
	for my $form (qw(as_text as_binary))
	{
		my $table = "CREATE TABLE $form (id int PRIMARY KEY, v vector(16), h halfvec(16), s sparsevec(16), b bit(16));";
		$sql->("$table INSERT INTO $form SELECT id, v, h, v::sparsevec, binary_quantize(v)::bit(16) FROM t WHERE id BETWEEN 1 AND 400;
			CREATE PUBLICATION $form FOR TABLE $form");
		$sql->("SELECT pg_create_logical_replication_slot('${peer}_$form', 'pgoutput')");
		$node->safe_psql($moved, "CREATE EXTENSION IF NOT EXISTS omendb; $table CREATE INDEX ${form}_v ON $form USING omenhnsw (v);
			CREATE SUBSCRIPTION $form CONNECTION '" . join(' ', 'host=' . $node->host, 'port=' . $node->port, "dbname=$db") . "' PUBLICATION $form
			WITH (create_slot = false, slot_name = '${peer}_$form', binary = " . ($form eq 'as_binary' ? 'true' : 'false') . ')');
	}
	for my $form (qw(as_text as_binary))
	{
		my $rows = sub { return "SELECT count(*) || md5(string_agg(x::text, ' ' ORDER BY id)) FROM $form x" };
		$node->poll_query_until($moved, "SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel");
		$sql->("UPDATE $form SET v = v + v, h = h + h WHERE id % 5 = 0; DELETE FROM $form WHERE id % 5 = 1; INSERT INTO $form (id, s) VALUES (1000, '{1:1}/16')");
		my $there = $sql->($rows->());
		$node->poll_query_until($moved, $rows->(), $there);
		is($node->safe_psql($moved, $rows->()), $there, "$peer: rows by logical replication, $form");
		like($node->safe_psql($moved, "SELECT nodes FROM omendb_index_check('${form}_v', true)"), qr/^\d+$/, "$peer: their index is checked, $form");
		$node->safe_psql($moved, "DROP SUBSCRIPTION $form");
	}

	like(($node->psql($db, "DROP EXTENSION $peer"))[2], qr/cannot drop extension $peer because other objects depend on it/, "$peer: indexes hold it");
}

like(($node->psql('postgres', 'SELECT omendb_adopt_pgvector()'))[2], qr/extension "vector" does not exist/, 'without pgvector');
like(($node->psql('postgres', "SELECT omendb_adopt_pgvector('omendb')"))[2], qr/extension "omendb" is omendb/, 'of omendb itself');
$node->stop;
unlink(glob("$extensions/peer_*"), "$library/peer_pgvector.so");
done_testing();
