# Inserts, updates, deletes, searches, vacuums and checks at the same time.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dim = 32;
my $node = new_server('concurrent', conf => "max_connections = 40\ndeadlock_timeout = 5s\n");
my $folder = PostgreSQL::Test::Utils::tempdir();

sub sql { return $node->safe_psql('postgres', join(';', @_)); }

# script(name, text) -- a pgbench script.
sub script
{
	my ($name, $text) = @_;
	append_to_file("$folder/$name", $text);
	return "$folder/$name";
}

# load(seconds, clients, name, scripts...) -- ends without an error, and in time.
sub load
{
	my ($seconds, $clients, $name, @scripts) = @_;
	my ($out, $err) = ('', '');
	my $ok = eval {
		IPC::Run::run([ 'pgbench', '-n', '-c', $clients, '-j', 2, '-T', $seconds, (map { ('-f', $_) } @scripts),
				'-h', $node->host, '-p', $node->port, 'postgres' ],
			'>', \$out, '2>', \$err, IPC::Run::timeout($seconds + 90));
	};
	ok($ok, "$name: no error, nobody waits for ever") or diag($@ || $err);
	unlike($err, qr/corrupt|deadlock|server closed/, "$name: no corruption, no deadlock");
	my ($done) = $out =~ /transactions actually processed: (\d+)/;
	cmp_ok($done // 0, '>', 20, "$name: " . ($done // 0) . ' transactions');
}

# A search that the index serves, which must give ten rows; a division by zero if not.
my $search = script('search.sql', "\\set n random(1, 2000)\nSET enable_seqscan = off;\n"
	  . "SELECT 1 / (count(*) = 10)::int FROM (SELECT id FROM t ORDER BY v <-> (SELECT v FROM source WHERE id = :n) LIMIT 10) s;\n");
my $whole = script('whole.sql', "\\set n random(1, 2000)\nSET enable_seqscan = off;\nSET enable_sort = off;\nBEGIN ISOLATION LEVEL REPEATABLE READ;\n"
	  . "SELECT count(*) AS all_rows FROM t \\gset\n"
	  . "SELECT 1 / (count(*) = :all_rows AND count(DISTINCT id) = :all_rows)::int FROM "
	  . "(SELECT id FROM t ORDER BY v <-> (SELECT v FROM source WHERE id = :n)) s;\nCOMMIT;\n");
# more rows than $delete takes away, so that the searches have ten however many transactions there are
my $insert = script('insert.sql', "\\set n random(1, 2000)\n"
	  . "INSERT INTO t SELECT nextval('ids'), random_vector(:n, $dim) FROM generate_series(1, 5);\n");
my $twin = script('twin.sql', "\\set n random(1, 40)\n"
	  . "INSERT INTO t SELECT nextval('ids'), v FROM source WHERE id = :n;\n");
my $null = script('null.sql', "INSERT INTO t SELECT nextval('ids'), NULL FROM generate_series(1, 2);\n");
my $delete = script('delete.sql', "\\set n random(1, 1000000)\n"
	  . "DELETE FROM t WHERE id IN (SELECT id FROM t WHERE id >= :n % (SELECT last_value FROM ids) ORDER BY id LIMIT 4);\n");
my $update = script('update.sql', "\\set n random(1, 1000000)\n"
	  . "UPDATE t SET note = note + 1 WHERE id IN (SELECT id FROM t WHERE id >= :n % (SELECT last_value FROM ids) ORDER BY id LIMIT 3);\n");
my $abort = script('abort.sql', "\\set n random(1, 2000)\nBEGIN;\n"
	  . "INSERT INTO t SELECT nextval('ids'), random_vector(:n, $dim) FROM generate_series(1, 3);\nROLLBACK;\n");
my $vacuum = script('vacuum.sql', "VACUUM (TRUNCATE off, SKIP_LOCKED) t;\n");
my $check = script('check.sql', "SELECT nodes FROM omendb_index_check('i');\n");

sql("CREATE TABLE source (id bigint PRIMARY KEY, v vector($dim))", 'CREATE SEQUENCE ids');
fill($node, 'source', 1, 2000, $dim);
for my $metric (qw(l2 cosine))
{
	sql('DROP TABLE IF EXISTS t', "CREATE TABLE t (id bigint PRIMARY KEY, v vector($dim), note int DEFAULT 0)",
		"INSERT INTO t SELECT nextval('ids'), v FROM source",
		"CREATE INDEX i ON t USING omenhnsw (v $OPCLASS{$metric})");
	my @scripts = ("$search\@10", "$whole\@1", "$insert\@8", "$twin\@4", "$null\@1", "$delete\@10", "$update\@4",
		"$abort\@2", "$vacuum\@2", "$check\@1");
	# the searches above are for <->
	s/\Q$search\E/$search/ for @scripts;
	@scripts = grep { !/search|whole/ } @scripts if $metric ne 'l2';
	load(15, 8, "$metric: everything at once", @scripts);
	my $f = figures($node, 'i');
	is($f->{heap_rows}, sql('SELECT count(*) FROM t'), "$metric: every row is in the index");
	sql('DELETE FROM t WHERE id % 7 = 0');
	$node->safe_psql('postgres', 'VACUUM t');
	check_index($node, 'i', "$metric: after one more vacuum");
}

# --- everybody inserts into an empty index at once
sql('TRUNCATE t');
load(5, 10, 'inserts into an empty index', $insert, $twin);
my $f = check_index($node, 'i', 'inserts into an empty index');
is($f->{heap_rows}, sql('SELECT count(*) FROM t'), 'every row is in the index');

# --- the table is emptied and vacuumed while others insert
my $empty = script('empty.sql', "DELETE FROM t;\n");
load(8, 6, 'emptied over and over', "$empty\@1", "$vacuum\@3", "$insert\@6", "$twin\@3");
$f = figures($node, 'i');
is($f->{heap_rows}, sql('SELECT count(*) FROM t'), 'emptied over and over: every row is in the index');
sql('INSERT INTO t SELECT nextval($$ids$$), v FROM source', 'DELETE FROM t WHERE id % 5 = 0');
$node->safe_psql('postgres', 'VACUUM t');
check_index($node, 'i', 'emptied over and over');

# --- rows of one node get new versions all the time: vacuum frees the empty postings under its readers
sql('CREATE TABLE hot (id int PRIMARY KEY, v vector(4), seen int)', 'CREATE INDEX ON hot (seen)',
	"INSERT INTO hot SELECT n, '[1,2,3,4]', 0 FROM generate_series(1, 40) n", 'CREATE INDEX h ON hot USING omenhnsw (v)');
load(8, 8, 'one node, many versions',
	script('hot_update.sql', "\\set n random(1, 40)\nUPDATE hot SET seen = seen + 1 WHERE id = :n;\n") . '@12',
	script('hot_search.sql', "SET enable_seqscan = off;\nSELECT 1 / (count(*) = 40 AND count(DISTINCT id) = 40)::int "
		  . "FROM (SELECT id FROM hot ORDER BY v <-> '[1,2,3,5]' LIMIT 50) s;\n") . '@6',
	script('hot_check.sql', "SELECT nodes FROM omendb_index_check('h');\n") . '@1',
	script('hot_vacuum.sql', "VACUUM (TRUNCATE off, SKIP_LOCKED) hot;\n") . '@3');
$node->safe_psql('postgres', 'VACUUM hot') for 1 .. 2;
$f = check_index($node, 'h', 'one node, many versions');
is("$f->{nodes} $f->{tids}", '1 40', 'one node has all rows');
cmp_ok($f->{postings}, '<=', 40, "no empty postings pile up ($f->{postings})");

# --- copies told apart by a filter column: places that a vacuum frees are taken again at once
sql("CREATE TABLE copies (id bigserial PRIMARY KEY, v vector($dim), k float8 DEFAULT random())",
	'CREATE INDEX y ON copies USING omenhnsw (v vector_ip_ops, k) WITH (m = 8)');
load(10, 8, 'copies',
	script('copies_insert.sql', "\\set n random(1, 30)\nINSERT INTO copies (v) SELECT v FROM source WHERE id = :n;\n") . '@12',
	script('copies_delete.sql', "\\set n random(1, 1000000)\nDELETE FROM copies WHERE id IN "
		  . "(SELECT id FROM copies WHERE id >= :n % (SELECT last_value FROM copies_id_seq) ORDER BY id LIMIT 10);\n") . '@2',
	script('copies_check.sql', "SELECT nodes FROM omendb_index_check('y');\n") . '@1',
	script('copies_vacuum.sql', "VACUUM (TRUNCATE off, SKIP_LOCKED) copies;\n") . '@2');
sql('DELETE FROM copies WHERE id % 5 = 0');
$node->safe_psql('postgres', 'VACUUM copies') for 1 .. 2;
check_index($node, 'y', 'copies');

# --- indexes built while the table changes
my @writes = ("$insert\@5", "$twin\@2", "$delete\@5", "$update\@3", "$null\@1");
my ($out, $err) = ('', '');
my $bench = IPC::Run::start([ 'pgbench', '-n', '-c', 4, '-j', 2, '-T', 14, (map { ('-f', $_) } @writes),
		'-h', $node->host, '-p', $node->port, 'postgres' ],
	'>', \$out, '2>', \$err, IPC::Run::timeout(120));
my @made;
for my $round (1 .. 3)
{
	$node->safe_psql('postgres', "CREATE INDEX CONCURRENTLY c$round ON t USING omenhnsw (v)");
	$node->safe_psql('postgres', 'REINDEX INDEX CONCURRENTLY i');
	push @made, "c$round";
	$node->safe_psql('postgres', 'VACUUM t');
}
$bench->finish;
is($bench->result(0), 0, 'writes during CREATE and REINDEX INDEX CONCURRENTLY') or diag($err);
for my $index ('i', @made)
{
	$f = figures($node, $index);
	is($f->{heap_rows}, sql('SELECT count(*) FROM t'), "$index: every row is in the index");
}
sql('DELETE FROM t WHERE id % 5 = 1');
$node->safe_psql('postgres', 'VACUUM t');
check_index($node, $_, "$_, built under load, vacuumed") for ('i', @made);
$node->stop;
done_testing();
