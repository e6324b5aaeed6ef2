# Three servers as the shards of a fourth, by examples/shards: what is sent to them, the same answers as one server gives,
# and what happens when one of them goes away.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($dim, $rows) = (12, 900);
my $examples = "$FindBin::RealBin/../../examples/shards";
my @shards = map { new_server("shard$_", conf => "session_preload_libraries = auto_explain\nauto_explain.log_min_duration = 0\nenable_seqscan = off\nenable_sort = off\nmax_prepared_transactions = 10\n") } 1 .. 3;
my $node = new_server('coordinator');

sub run_file
{
	my ($on, $file, @variables) = @_;
	IPC::Run::run([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $on->connstr('postgres'), (map { ('-v', $_) } @variables), '-f', "$examples/$file" ], '2>', \my $err);
	is(($err // '') =~ s/^.*NOTICE:.*\n//mgr, '', "$file runs on " . $on->name);
	return;
}
sub sql { return $node->safe_psql('postgres', join(';', @_)); }

run_file($_, 'shard.sql', "dimensions=$dim") for @shards;
run_file($node, 'coordinator.sql', "dimensions=$dim", 'database=postgres', 'servers=' . join(',', map { $_->host . ':' . $_->port } @shards));
run_file($node, 'twophase.sql');

# --- the same rows on all shards together and in one table
sql("CREATE TABLE whole (id bigint, tenant_id int, body text, embedding vector($dim))", 'SELECT setseed(0.5)',
	"INSERT INTO whole SELECT i, i % 7, 'word' || i % 5 || ' number' || i, random_vector(i, $dim) FROM generate_series(1, $rows) i",
	'CREATE INDEX whole_embedding ON whole USING omenhnsw (embedding)', 'INSERT INTO item SELECT * FROM whole',
	'ANALYZE whole', map { "ANALYZE item_$_" } 1 .. 3);
my @counts = map { $_->safe_psql('postgres', 'ANALYZE item; SELECT count(*) FROM item') } @shards;
is($counts[0] + $counts[1] + $counts[2], $rows, 'each row is on one shard');
is(scalar(grep { $_ > $rows / 5 } @counts), 3, 'each shard has its part');

# --- what is sent, and what the shards do with it
my $q = "(SELECT embedding FROM whole WHERE id = 77)";
my $literal = sql("SELECT quote_literal($q)");
my %sent = (
	order => [ "ORDER BY embedding <-> $literal LIMIT 10", qr/ORDER BY \(embedding OPERATOR\(public\.<->\) / ],
	filter => [ "WHERE tenant_id = 3 ORDER BY embedding <-> $literal LIMIT 10", qr/WHERE \(\(tenant_id = 3\)\) ORDER BY \(embedding OPERATOR/ ],
	radius => [ "WHERE embedding <-> $literal < 2 ORDER BY embedding <-> $literal", qr/WHERE \(\(\(embedding OPERATOR\(public\.<->\) '.*'\) < 2::double precision\)\)/ ],
	'linear function' => [ "ORDER BY 1 - (embedding <-> $literal) DESC LIMIT 10", qr/ORDER BY \(1::double precision - \(embedding OPERATOR/ ]);
for my $name (sort keys %sent)
{
	my ($tail, $remote) = @{ $sent{$name} };
	my $plan = sql("EXPLAIN (VERBOSE) SELECT id FROM item $tail");
	is(scalar(() = $plan =~ /Remote SQL: .*?$remote/g), 3, "$name: sent to all") or diag($plan);
	my @offset = map { -s $_->logfile } @shards;
	is(sql("SELECT id FROM item $tail"), sql("SELECT id FROM whole $tail"), "$name: the rows of one table");
	for my $i (0 .. 2)
	{
		like(substr(slurp_file($shards[$i]->logfile), $offset[$i]), qr/Index Scan using item_embedding on public\.item|Index Scan using item_embedding on item/,
			"$name: shard $i uses its index");
	}
}
like(sql("EXPLAIN (VERBOSE) SELECT id FROM item_1 WHERE tenant_id = 3 ORDER BY embedding <-> $literal LIMIT 10"), qr/LIMIT 10::bigint/, 'a LIMIT of one shard is sent');
# a cast and another metric are the extension's as well
like(sql("EXPLAIN (VERBOSE) SELECT id FROM item ORDER BY embedding::halfvec($dim) <=> '$1'::halfvec($dim) LIMIT 5"), qr/ORDER BY \(\(?embedding.*halfvec/, 'casts are sent')
  if $literal =~ /^'(.*)'$/;

# --- the functions that ask all at once
my $async = sql("EXPLAIN (COSTS OFF) WITH near AS MATERIALIZED (" . join(' UNION ALL ', map { "(SELECT id, embedding <-> $literal AS d FROM item_$_ ORDER BY 2 LIMIT 10)" } 1 .. 3) . ') SELECT * FROM near ORDER BY d LIMIT 10');
is(scalar(() = $async =~ /Async Foreign Scan/g), 3, 'all shards at once') or diag($async);
is(sql("SELECT id FROM search_items($q, 20)"), sql("SELECT id FROM whole ORDER BY embedding <-> $q LIMIT 20"), 'search_items');
is(sql("SELECT id FROM search_items($q, 20, 3)"), sql("SELECT id FROM whole WHERE tenant_id = 3 ORDER BY embedding <-> $q LIMIT 20"), 'search_items of a tenant');
is(sql("SELECT count(*), bool_and(body ~ 'word3'), count(DISTINCT id) FROM search_words('word3', 100) JOIN whole USING (id)"), '100|t|100', 'search_words');
is(sql("SELECT id FROM search_words('number77 number401 number900', 10) ORDER BY 1"), "77\n401\n900", 'words that one row of a shard has');
is(sql("SELECT id FROM search_both('number77', $q, 1)"), '77', 'search_both');

# --- a shard goes away: an error that says so, of queries that need it; it is back, and all is as before
sub kill_in_psql { my ($shard) = @_; return "\\! pg_ctl -D '" . $shard->data_dir . "' -m immediate stop >/dev/null\n"; }
sub back { my ($shard) = @_; $shard->stop('immediate', fail_ok => 1); $shard->start; return; }
my $lost = qr/could not connect to server "shard_2"|server closed the connection unexpectedly|could not send|could not receive|no connection to the server/;
my ($ret, $out, $err) = $node->psql('postgres', "SELECT count(*) FROM search_items($q, 5);\n" . kill_in_psql($shards[1])
	  . "SELECT id FROM item ORDER BY embedding <-> $literal LIMIT 5;\nSELECT count(*) FROM search_items($q, 5);\nSELECT count(*) FROM search_words('word3', 5);\n"
	  . "SELECT count(*) FROM (SELECT id FROM item_1 ORDER BY embedding <-> $literal LIMIT 5) s;", on_error_stop => 0);
is(scalar(() = $err =~ /$lost/g) >= 3, 1, 'queries of the missing shard say so') or diag($err);
is($out, "5\n5", 'those before and of other shards are answered') or diag($err);
back($shards[1]);
is(sql("SELECT id FROM search_items($q, 20)"), sql("SELECT id FROM whole ORDER BY embedding <-> $q LIMIT 20"), 'right again');

# --- in the middle of a COPY, which is one transaction: nothing of it stays, nothing else is lost
my $copied = join('', map { ($rows + $_) . "\t1\tcopied\t" . "[" . join(',', map { $_ / 10 } 1 .. $dim) . "]\n" } 1 .. 200);
($ret, $out, $err) = $node->psql('postgres', "BEGIN;\nCOPY item FROM STDIN;\n$copied\\.\n" . kill_in_psql($shards[1]) . "COPY item FROM STDIN;\n"
	  . ($copied =~ s/^/9/mgr) . "\\.\nCOMMIT;\n", on_error_stop => 0);
like($err, $lost, 'COPY ends with an error');
back($shards[1]);
is(sql('SELECT count(*) FROM item'), $rows, 'nothing of the COPY is there, and nothing is lost');
$node->psql('postgres', "COPY item FROM STDIN;\n$copied\\.\n");
is(sql('SELECT count(*) FROM item'), $rows + 200, 'the COPY again');
sql("DELETE FROM item WHERE id > $rows");

# --- what PostgreSQL does not promise: a shard that fails to commit when others have
my @per_shard = map { $node->safe_psql('postgres', "SELECT min(id) FROM item_$_") } 1 .. 3;
my $change = "UPDATE item SET body = 'changed' WHERE id = ";
my $json = sql("SELECT jsonb_build_object('shard_1', '" . $change =~ s/'/''/gr . $per_shard[0] . "', 'shard_3', '" . $change =~ s/'/''/gr . $per_shard[2] . "')");
my $changed = "SELECT count(*) FROM item WHERE body = 'changed'";
my $partly = 0;
# which of them commits first is nobody's choice
for my $shard (@shards[ 0, 2 ])
{
	$shard->safe_psql('postgres', "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN RAISE 'not here'; END \$\$;"
		  . 'CREATE CONSTRAINT TRIGGER no AFTER UPDATE ON item DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION no()');
	($ret, $out, $err) = $node->psql('postgres', "UPDATE item SET body = 'changed' WHERE id IN ($per_shard[0], $per_shard[2])");
	like($err, qr/not here/, 'a commit that ' . $shard->name . ' refuses is an error');
	$partly += sql($changed);
	$_->safe_psql('postgres', "SET session_replication_role = replica; UPDATE item SET body = 'as before' WHERE body = 'changed'") for @shards;
	($ret, $out, $err) = $node->psql('postgres', "CALL shard_write(\$\$$json\$\$)");
	like($err, qr/not here/, 'in two phases it is an error, too');
	is(sql($changed, 'SELECT count(*) FROM shard_decision'), "0\n0", 'and nobody has committed');
	$shard->safe_psql('postgres', 'DROP TRIGGER no ON item');
}
is($partly, 1, 'without two phases one of them may have committed its part');
sql("CALL shard_write(\$\$$json\$\$)");
is(sql($changed, 'SELECT count(*) FROM shard_decision'), "2\n0", 'two phases');
# crashes between them: what has been decided is done, the rest is undone
sql("SELECT shard_prepare('shards-decided', \$\$" . ($json =~ s/changed/decided/gr) . "\$\$)", "INSERT INTO shard_decision VALUES ('shards-decided', 'commit')");
sql(q{SELECT shard_prepare('shards-open', '{"shard_2": "DELETE FROM item"}')});
$_->restart('immediate') for @shards;
sql('SELECT * FROM shard_recover()');
is(sql("SELECT server, prepared, ended, done FROM shard_recover('0') ORDER BY 1, 2"),
	"shard_1|shards-decided|commit|t\nshard_2|shards-open|abort|t\nshard_3|shards-decided|commit|t", 'recovered');
is(sql("SELECT count(*), count(*) FILTER (WHERE body = 'decided') FROM item"), "$rows|2", 'as decided');

for my $shard (@shards)
{
	check_index($shard, $_, $shard->name . ", $_") for 'item_embedding';
	ok($shard->safe_psql('postgres', "SELECT omendb_index_check('item_body', true)"), $shard->name . ', item_body');
	$shard->stop;
}
check_index($node, 'whole_embedding', 'one table');
$node->stop;
done_testing();
