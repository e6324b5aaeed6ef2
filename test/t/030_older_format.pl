# An index of another version of the format, as an upgrade of the library finds it: whatever needs it says so and asks for
# a REINDEX, the table is as it was, and after the REINDEX all is there. An omenbm25 index of format 2 goes on without lists of
# filter columns.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dim = 16;
my $node = new_server('format', init => [ no_data_checksums => 1 ]);

sub sql { return $node->safe_psql('postgres', join(';', @_)); }

my %INDEX = (
	filters => '(v, id)', refined => '(v) WITH (bits = 2, rerank = index)', half => "((v::halfvec($dim)) halfvec_l2_ops)",
	sparse => "((v::sparsevec($dim)) sparsevec_l2_ops)", bits => "((binary_quantize(v)::bit($dim)) bit_hamming_ops)");
my %ORDER = (
	filters => 'v <-> %s', refined => 'v <-> %s', half => "(v::halfvec($dim)) <-> %s::halfvec($dim)",
	sparse => "(v::sparsevec($dim)) <-> %s::sparsevec($dim)", bits => "(binary_quantize(v)::bit($dim)) <~> binary_quantize(%s)::bit($dim)");

for my $name (sort keys %INDEX)
{
	sql("CREATE TABLE $name (id bigint, v vector($dim))", "CREATE INDEX ${name}_i ON $name USING omenhnsw $INDEX{$name}");
	fill($node, $name, 1, 300, $dim);
	sql("INSERT INTO $name VALUES (301, NULL)");
}
my %paths = map { ($_ => $node->data_dir . '/' . sql("SELECT pg_relation_filepath('${_}_i')")) } keys %INDEX;
sql('CHECKPOINT');

for my $version (1, 2)
{
	$node->stop;
	for my $name (keys %INDEX)
	{
		my $bytes = slurp_file($paths{$name});
		# the format version is behind the page header and the magic number of block 0
		substr($bytes, 24 + 4, 4) = pack('V', $version);
		open(my $out, '>:raw', $paths{$name}) or die "$paths{$name}: $!\n";
		print $out $bytes;
		close($out);
	}
	$node->start;
	for my $name (sort keys %INDEX)
	{
		my $order = sprintf($ORDER{$name}, "(SELECT v FROM $name WHERE id = 5)");
		my %statement = (
			search => "SET enable_seqscan = off; SET enable_sort = off; SELECT id FROM $name ORDER BY $order LIMIT 3",
			insert => "INSERT INTO $name SELECT 1000 + id, v FROM $name WHERE id < 5", update => "UPDATE $name SET v = v WHERE id = 7",
			vacuum => "DELETE FROM $name WHERE id = 300; VACUUM $name", check => "SELECT omendb_index_check('${name}_i')",
			info => "SELECT omendb_index_info('${name}_i')");
		for my $what (sort keys %statement)
		{
			my ($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n" . $statement{$what});
			like($err, qr/0A000: index "${name}_i" has format version $version, this library reads version \d+\n.*Please REINDEX it/s,
				"format $version, $name: $what");
		}
		is(sql("SET enable_indexscan = off; SELECT count(*), count(v) FROM $name"), '300|299', "format $version, $name: the rows are there");
		sql($version == 2 ? "REINDEX INDEX CONCURRENTLY ${name}_i" : "REINDEX INDEX ${name}_i");
		sql("INSERT INTO $name SELECT 300, v FROM $name WHERE id = 299");
		$node->safe_psql('postgres', "VACUUM $name");
		my $f = check_index($node, "${name}_i", "format $version, $name: after a REINDEX");
		is($f->{heap_rows}, 301, "format $version, $name: all rows");
		$paths{$name} = $node->data_dir . '/' . sql("SELECT pg_relation_filepath('${name}_i')");
	}
	sql('CHECKPOINT');
}

# ---- omenbm25

# set_format(path, version) -- of an index, while the server is stopped.
sub set_format
{
	my ($path, $version) = @_;
	my $bytes = slurp_file($path);
	substr($bytes, 24 + 4, 4) = pack('V', $version);
	open(my $out, '>:raw', $path) or die "$path: $!\n";
	print $out $bytes;
	close($out);
	return;
}

# list_pages(path) -- pages of segments that have lists: array 2, area 2, and the columns in the page's header.
sub list_pages
{
	my ($path) = @_;
	my $bytes = slurp_file($path);
	my $n = 0;
	for (my $at = 0; $at < length $bytes; $at += 8192)
	{
		my ($lp, $kind, $array) = unpack('VvC', substr($bytes, $at + 8192 - 16, 8));
		my ($segment, $index, $area, $used, $columns) = unpack('VVvvV', substr($bytes, $at + 24, 16));
		$n++ if $array == 2 && $area == 2 && $columns != 0;
	}
	return $n;
}

sub words_path { return $node->data_dir . '/' . sql("SELECT pg_relation_filepath('words_i')"); }

# sound(name) -- the checker, and searches with conditions beside a look at every row.
sub sound
{
	my ($name) = @_;
	is(sql("SELECT heap_rows FROM omendb_index_check('words_i', true)"), sql('SELECT count(*) FROM words'), "$name: the checker");
	for my $where ('c = 3', 'c IN (1, 4)', 'c = 3 AND d = 17', 'd < 9', 'd IS NULL')
	{
		my $search = "SELECT count(*), sum(id), round(sum(s)::numeric, 6) FROM (SELECT id, body <@> 'w7 w1' AS s FROM words WHERE body @@@ 'w7 w1' AND $where ORDER BY s OFFSET 0) x";
		my $by_index = sql('SET enable_seqscan = off', $search);
		is($by_index, sql('SET enable_indexscan = off', $search), "$name: $where");
		unlike($by_index, qr/^0/, "$name: some rows have $where");
	}
	return;
}

my $rows = "SELECT i, 'w' || i % 20 || ' w' || i % 3 || ' every', i % 10, CASE WHEN i % 7 > 0 THEN i % 31 END FROM generate_series(%d, %d) i";
sql('CREATE TABLE words (id int, body text, c int, d int)', "CREATE INDEX words_i ON words USING omenbm25 (body, c, d) WITH (text_config = 'simple')", 'CHECKPOINT');
my $path = words_path();
for my $version (1, 4)
{
	$node->stop;
	set_format($path, $version);
	$node->start;
	my ($ret, $out, $err) = $node->psql('postgres', "SET enable_seqscan = off; SELECT id FROM words ORDER BY body <@> 'w1'");
	like($err, qr/index "words_i" has format version $version, this library reads version 3/, "words: format $version");
}
$node->stop;
set_format($path, 2);
$node->start;
sql("SET omenbm25.tail_limit = '16kB'", 'INSERT INTO words ' . sprintf($rows, 1, 3000));
sound('words of format 2, inserted');
sql('DELETE FROM words WHERE id % 6 = 0');
$node->safe_psql('postgres', 'VACUUM words');
sql("SET omenbm25.tail_limit = '16kB'", 'INSERT INTO words ' . sprintf($rows, 3001, 5000));
sound('words of format 2, merged');
sql('CHECKPOINT');
is(list_pages($path), 0, 'words of format 2: no lists');
is(unpack('V', substr(slurp_file($path), 24 + 4, 4)), 2, 'words of format 2: that is what it stays');
sql('REINDEX INDEX words_i');
sound('words after a REINDEX');
sql("SET omenbm25.tail_limit = '16kB'", 'INSERT INTO words ' . sprintf($rows, 5001, 6000));
$node->safe_psql('postgres', 'VACUUM words');
sound('words after a REINDEX, merged');
sql('CHECKPOINT');
cmp_ok(list_pages(words_path()), '>', 0, 'words after a REINDEX: lists');
$node->stop;
done_testing();
