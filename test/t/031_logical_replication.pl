# Logical replication into indexed tables: the first copy and changes, as text and in binary form, TOASTed values that an
# update leaves alone, TRUNCATE.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dim = 600;	# a vector of these is TOASTed, and a halfvec is not
my $from = new_server('from', init => [ allows_streaming => 'logical' ]);
my $to = new_server('to');
my %COLUMN = (
	v => [ "vector($dim)", 'vector_l2_ops', '<->' ], h => [ "halfvec($dim)", 'halfvec_cosine_ops', '<=>' ],
	s => [ "sparsevec($dim)", 'sparsevec_ip_ops', '<#>' ], b => [ "bit($dim)", 'bit_hamming_ops', '<~>' ]);
my @columns = sort keys %COLUMN;

# Both tables and their columns are the same; only one has indexes.
for my $form (qw(false true))
{
	$_->safe_psql('postgres', "CREATE TABLE t_$form (id int PRIMARY KEY, note text, " . join(', ', map { "$_ $COLUMN{$_}[0]" } @columns) . ");"
		  . "ALTER TABLE t_$form ALTER v SET STORAGE EXTERNAL") for $from, $to;
	$to->safe_psql('postgres', join(';', map { "CREATE INDEX t_${form}_$_ ON t_$form USING omenhnsw ($_ $COLUMN{$_}[1])" } @columns));
}

sub add
{
	my ($form, $first, $last) = @_;
	# columns by name: b, h, s, v
	$from->safe_psql('postgres', "SELECT setseed(0.5); INSERT INTO t_$form SELECT i, 'row', binary_quantize(v)::bit($dim), v::halfvec, v::sparsevec, v"
		  . " FROM (SELECT i, random_vector(i, $dim) AS v FROM generate_series($first, $last) i) x");
	return;
}

sub same_rows
{
	my ($form, $name) = @_;
	$from->wait_for_catchup("s_$form", 'replay', $from->lsn('flush'));
	my $rows = "SELECT count(*), md5(coalesce(string_agg(t::text, chr(10) ORDER BY id), '')) FROM t_$form t";
	is($to->safe_psql('postgres', $rows), $from->safe_psql('postgres', $rows), "$name: the rows");
	for my $column (@columns)
	{
		check_index($to, "t_${form}_$column", "$name, $column");
		my $search = "SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t_$form ORDER BY $column $COLUMN{$column}[2] (SELECT $column FROM t_$form LIMIT 1)) s";
		is($to->safe_psql('postgres', "SET enable_seqscan = off; SET enable_sort = off; $search"), $to->safe_psql('postgres', "SET enable_indexscan = off; $search"),
			"$name, $column: every row by the index");
	}
	return;
}

for my $form (qw(false true))
{
	my $name = $form eq 'true' ? 'binary' : 'text';
	add($form, 1, 150);
	$from->safe_psql('postgres', "CREATE PUBLICATION p_$form FOR TABLE t_$form");
	$to->safe_psql('postgres', "CREATE SUBSCRIPTION s_$form CONNECTION '" . $from->connstr('postgres') =~ s/'/''/gr . "' PUBLICATION p_$form WITH (binary = $form)");
	$to->poll_query_until('postgres', "SELECT count(*) > 0 AND bool_and(srsubstate = 'r') FROM pg_subscription_rel") or die "$name: no first copy\n";
	same_rows($form, "$name, first copy");
	add($form, 151, 260);
	$from->safe_psql('postgres', "DELETE FROM t_$form WHERE id % 5 = 0");
	same_rows($form, "$name, inserts and deletes");
	# the TOASTed vector is not sent with these
	$from->safe_psql('postgres', "UPDATE t_$form SET note = 'changed' WHERE id % 3 = 0; UPDATE t_$form SET h = (SELECT h FROM t_$form WHERE id = 1) WHERE id % 7 = 0");
	same_rows($form, "$name, updates that leave the vector alone");
	$from->safe_psql('postgres', "UPDATE t_$form SET v = (SELECT v FROM t_$form WHERE id = 2) WHERE id % 11 = 0; UPDATE t_$form SET v = NULL WHERE id % 13 = 0");
	$to->safe_psql('postgres', "VACUUM t_$form");
	same_rows($form, "$name, other vectors");
	$from->safe_psql('postgres', "TRUNCATE t_$form");
	same_rows($form, "$name, TRUNCATE");
	add($form, 1, 40);
	same_rows($form, "$name, afterwards");
	$to->safe_psql('postgres', "DROP SUBSCRIPTION s_$form");
}
$_->stop for $to, $from;
done_testing();
