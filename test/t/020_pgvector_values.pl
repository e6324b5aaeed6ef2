# What pgvector 0.8.7 makes of values of its types, as text and in wire form, valid and
# mutated: the same here.  test/differential/NAME.tsv holds a value and pgvector's answer a
# line (test/differential/run --sample makes them, and compares many more).
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('values');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION omendb');
$node->safe_psql(
	'postgres', q{
	CREATE TABLE given (id int, form text, value text);
	-- the value as text and wire form, or the SQLSTATE of its error
	CREATE FUNCTION answer(type text, form text, value text, file text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		result text;
	BEGIN
		IF form = 't' THEN
			EXECUTE format('SELECT $1::%1$s::text || '' '' || encode(%1$s_send($1::%1$s), ''hex'')', type)
				INTO result USING value;
		ELSE
			EXECUTE format('CREATE TEMP TABLE IF NOT EXISTS got_%1$s (v %1$s)', type);
			EXECUTE format('COPY got_%s FROM %L (FORMAT binary)', type, file);
			EXECUTE format('DELETE FROM got_%1$s RETURNING v::text || '' '' || encode(%1$s_send(v), ''hex'')', type)
				INTO result;
		END IF;
		RETURN 'ok ' || result;
	EXCEPTION WHEN OTHERS THEN
		RETURN SQLSTATE;
	END $$});

my $dir = PostgreSQL::Test::Utils::tempdir;
for my $type (qw(vector halfvec sparsevec))
{
	my (@lines, @want, %count);
	open my $in, '<', "$ENV{TESTDIR}/test/differential/$type.tsv" or die "no sample of $type: $!";
	while (<$in>)
	{
		chomp;
		my ($given, $answer) = split /\t/;
		my ($form, $value) = $given =~ /^(.) (.*)$/;
		my $id = @want;
		if ($form eq 'b')
		{
			my $data = pack 'H*', $value;
			# a tuple of one field, as COPY writes it
			open my $file, '>:raw', "$dir/$type.$id" or die;
			print $file "PGCOPY\n\377\r\n\0", pack('NNnN', 0, 0, 1, length $data), $data, pack('n', 0xffff);
			close $file;
		}
		push @lines, "$id\t$form\t$value";
		push @want, $answer;
		$count{ substr($answer, 0, 2) eq 'ok' ? 'accepted' : 'refused' }++;
	}
	chmod 0755, $dir;
	$node->safe_psql('postgres',
		"TRUNCATE given;\nCOPY given FROM STDIN;\n" . join("\n", @lines) . "\n\\.\n");
	my @got = split /\n/, $node->safe_psql('postgres',
		"SELECT answer('$type', form, value, '$dir/$type.' || id) FROM given ORDER BY id");
	is(scalar @got, scalar @want, "$type: an answer for each value");
	my @differ = grep { $got[$_] ne $want[$_] } 0 .. $#want;
	is(scalar @differ, 0, "$type: $count{accepted} values accepted, $count{refused} refused, as pgvector does");
	diag("$lines[$_]\n  pgvector: $want[$_]\n  here:     $got[$_]") for @differ[0 .. ($#differ < 4 ? $#differ : 4)];
	cmp_ok($count{accepted}, '>', 100, "$type: accepted values among them");
	cmp_ok($count{refused}, '>', 100, "$type: refused values among them");
}

$node->stop;
done_testing();
