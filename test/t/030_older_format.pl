# An index of another version of the format, as an upgrade of the library finds it: whatever needs it says so and asks for
# a REINDEX, the table is as it was, and after the REINDEX all is there.
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
$node->stop;
done_testing();
