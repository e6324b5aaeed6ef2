# QueryWorld.pm -- tables of the query test: one indexed table in a random shape, and conditions on it.
#
# A world has a type, a metric, parameters of the index, a layout (plain, partitioned, partial index, index of
# an expression), filter columns of random types, and rows: copies, NULLs, zeros, clusters. Its index is built,
# or grows, and both change later.
package QueryWorld;

use strict;
use warnings;
use List::Util qw(min max shuffle);

sub pick { return $_[ rand @_ ]; }

# chance(p) -- true with that probability
sub chance { return rand() < $_[0]; }

# ------------------------------------------------------------ filter columns

# Of each type: SQL of the column's type, a value as a literal, operators, and types that a constant may have
# besides. Values are few, so that conditions match something.
my @SCALAR = qw(= <> < <= >= >);
my %COLUMN = (
	bool => { value => sub { pick(qw(true false)) } },
	int2 => { value => sub { pick(int(rand(12)) - 4, -32768, 32767) }, also => [qw(int4 int8)] },
	int4 => { value => sub { pick(int(rand(20)) - 5, int(rand(20)), -2147483648, 2147483647) }, also => [qw(int2 int8)] },
	int8 => { value => sub { pick(int(rand(20)), int(rand(20)) - 5, '-9223372036854775808', '9223372036854775807') }, also => ['int4'] },
	float4 => { value => sub { pick(int(rand(20)) / 4, int(rand(9)) / 3, "NaN", "-Infinity", "Infinity", 1e-40) }, also => ['float8'] },
	float8 => { value => sub { pick(int(rand(20)) / 4, int(rand(9)) / 3, "NaN", "-Infinity", "-0", 1e-310) }, also => ['float4'] },
	numeric => { value => sub { pick(int(rand(20)) / 4, '1.00000000000000000' . int(rand(3)), "NaN", '1e400', '-1e400', "Infinity", '0.10') } },
	date => { value => sub { pick('2024-01-0' . (1 + int(rand(9))), '2024-03-1' . int(rand(9)), 'infinity', '-infinity', '4713-01-01 BC') }, also => [qw(timestamp timestamptz)] },
	timestamp => { value => sub { pick('2024-01-0' . (1 + int(rand(9))) . pick('', ' 12:00', ' 23:59:59.999999'), 'infinity', '-infinity') }, also => [qw(date timestamptz)] },
	timestamptz => { value => sub { pick('2024-01-0' . (1 + int(rand(9))) . pick('', ' 12:00+05', ' 23:59:59.999999-11'), 'infinity', '-infinity') }, also => [qw(date timestamp)] },
	oid => { value => sub { pick(int(rand(12)), 4294967295) } },
	money => { value => sub { pick(int(rand(20)) / 4, '-92233720368547758.08') } },
	time => { value => sub { pick('0' . int(rand(9)) . ':30', '24:00', '23:59:59.999999') } },
	timetz => { value => sub { '0' . int(rand(9)) . ':30' . pick('+00', '+01', '-05:30') } },
	interval => { value => sub { pick(int(rand(40)) . pick(' hours', ' days', ' mons'), '-1 day', '1 mon -30 days', '178000000 years') } },
	uuid => { value => sub { pick('00000000-0000-0000-0000-00000000000', 'ffffffff-ffff-ffff-0000-00000000000', '12345678-1234-1234-1234-12345678901') . int(rand(6)) } },
	inet => { value => sub { pick('10.0.0.' . int(rand(6)) . pick('', '/24', '/8', '/3'), '0.0.0.0/0', '255.255.255.255', '::' . int(rand(5)), '2001:db8::' . int(rand(5)) . '/64') } },
	cidr => { value => sub { pick('10.0.' . int(rand(4)) . '.0/24', '10.0.0.0/8', '0.0.0.0/0', '2001:db8::/' . pick(32, 64)) } },
	text => { value => sub { pick('', 'a', 'b', 'ab', 'B', 'customer:' . int(rand(9)), "\x{c3}\x{a4}") } },
	textc => { type => 'text COLLATE "C"', cast => 'text', value => sub { pick('', 'a', 'b', 'ab', 'B', 'customer:' . int(rand(9)), "\x{c3}\x{a4}") } },
	varchar => { value => sub { pick('', 'a', 'b ', 'ab', 'B', 'customer:' . int(rand(9))) } },
	bpchar => { type => 'char(9)', cast => 'char(9)', value => sub { pick('', 'a', 'b  ', 'ab', 'B', 'customer' . int(rand(9))) } },
	enum => { type => 'mood', cast => 'mood', value => sub { pick(qw(sad ok happy new)) } },
	ints => { type => 'int[]', cast => 'int[]', list => 1, value => sub { '{' . join(',', map { pick(int(rand(8)), int(rand(8)), 'NULL') } 1 .. rand(5)) . '}' } },
	texts => { type => 'text[]', cast => 'text[]', list => 1, value => sub { '{' . join(',', map { pick(qw(red green blue x y)) } 1 .. rand(5)) . '}' } },
	jsonb => { document => 1, value => \&document });

sub document
{
	return pick('{}', '[]', '1', '"a"', 'null') if chance(0.1);
	return '{' . join(', ', map { qq("$_": ) . pick('1', '"x"', 'null', '[1, 2]', '{"a": 1}', 'true') } grep { chance(0.5) } qw(a b c)) . '}';
}

# partitions -- of a table that has some
sub partitions { return 3; }

# literal(column kind, cast to another type perhaps) -- of one value
sub literal
{
	my ($kind, $type) = @_;
	my $column = $COLUMN{$kind};
	for (1 .. 30)
	{
		my $value = $column->{value}->();
		my $to = $type // $column->{cast} // $kind;
		# what the other type has no room for
		next if $type && $type =~ /^int/ && abs($value) > 30000 || $type && $type eq 'date' && $value =~ /:/ && chance(0.5);
		next if $type && $type eq 'float4' && $value =~ /e-/;
		return "'$value'::$to";
	}
	return "NULL::" . ($type // $column->{cast} // $kind);
}

sub scalar_condition
{
	my ($kind, $name) = @_;
	my $column = $COLUMN{$kind};
	my $other = $column->{also} && chance(0.25) ? pick(@{ $column->{also} }) : undef;
	my $value = sub { literal($kind, $other) };
	my $op = pick(@SCALAR);
	my $list = sub { 'ARRAY[' . join(', ', map { chance(0.1) ? 'NULL' : $value->() } 1 .. 1 + rand(4)) . ']::' . ($other // $column->{cast} // $kind) . '[]' };
	return pick(
		sub { "$name $op " . $value->() },
		sub { "$name = " . $value->() },
		sub { $value->() . " $op $name" },
		sub { "$name BETWEEN " . $value->() . ' AND ' . $value->() },
		sub { "$name IN (" . join(', ', map { $value->() } 1 .. 1 + rand(4)) . ')' },
		sub { "$name $op ANY (" . $list->() . ')' },
		sub { "$name = ANY (" . $list->() . ')' },
		sub { "$name $op ALL (" . $list->() . ')' },
		sub { "$name $op (SELECT " . $value->() . ')' },
		sub { "$name IS " . pick('', 'NOT ') . 'NULL' },
		sub { "$name IS NOT DISTINCT FROM " . $value->() },
		sub { $kind eq 'bool' ? pick($name, "NOT $name", "$name IS TRUE", "$name IS NOT FALSE", "$name IS UNKNOWN") : "$name >= " . $value->() })->();
}

sub list_condition
{
	my ($kind, $name) = @_;
	return pick("$name IS NULL", "$name IS NOT NULL") if chance(0.1);
	return literal($kind) . ' ' . pick('&&', '@>', '<@', '=', '<>') . " $name" if chance(0.2);
	return "$name " . pick('&&', '@>', '<@', '=', '<>') . ' ' . literal($kind);
}

sub document_condition
{
	my ($kind, $name) = @_;
	return pick("$name IS NULL", "$name IS NOT NULL") if chance(0.1);
	return "$name " . pick('@>', '<@', '=', '<>') . ' ' . literal($kind) if chance(0.7);
	return "$name ? '" . pick(qw(a b c x)) . "'" if chance(0.5);
	return "$name " . pick('?|', '?&') . " ARRAY['" . pick(qw(a b)) . "', '" . pick(qw(b c)) . "']";
}

# one_condition(world, name of the table) -- on one column; of those that the index does not have, too
sub one_condition
{
	my ($self, $t) = @_;
	return pick("$t.id % 3 = 1", "$t.id > 17", "$t.id % 10 <> 0", "$t.v IS NOT NULL", "$t.v IS NULL") if chance(0.15) || !@{ $self->{columns} };
	my $column = pick(@{ $self->{columns} });
	my ($name, $kind) = ("$t.$column->{name}", $column->{kind});
	return $COLUMN{$kind}{list} ? list_condition($kind, $name) : $COLUMN{$kind}{document} ? document_condition($kind, $name) : scalar_condition($kind, $name);
}

# condition(world, name of the table) -- SQL of a WHERE clause; 'true' for none
sub condition
{
	my ($self, $t) = @_;
	my @parts = map {
		my $one = $self->one_condition($t);
		chance(0.08) ? "($one OR " . $self->one_condition($t) . ')' : chance(0.05) ? "NOT ($one)" : $one
	} 1 .. pick(0, 0, 1, 1, 1, 2, 2, 3);
	return @parts ? join(' AND ', @parts) : 'true';
}

# ------------------------------------------------------------ vectors

my %METRIC = (
	l2 => { op => '<->', within => '<<->>' }, ip => { op => '<#>', within => '<<#>>' }, cosine => { op => '<=>', within => '<<=>>' },
	l1 => { op => '<+>', within => '<<+>>' }, hamming => { op => '<~>', within => '<<~>>' }, jaccard => { op => '<%>', within => '<<%>>' });

sub gauss { return sqrt(-2 * log(1 - rand())) * cos(6.2831853 * rand()); }

# numbers(world) -- a vector's elements
sub numbers
{
	my ($self) = @_;
	my $dim = $self->{dim};
	return map { int(rand(3)) - 1 } 1 .. $dim if $self->{data} eq 'few';
	my $center = $self->{centers}[ rand @{ $self->{centers} } ];
	return map { $self->{scale} * ($center->[$_] + $self->{spread} * gauss()) } 0 .. $dim - 1;
}

# vector(world) -- its text
sub vector
{
	my ($self) = @_;
	my $dim = $self->{dim};
	my @x = chance(0.02) ? (0) x $dim : $self->numbers;
	return join('', map { $_ > 0 ? 1 : 0 } @x) if $self->{type} eq 'bit';
	@x = map { sprintf('%.4g', $_) } @x;
	return '[' . join(',', @x) . ']' if $self->{type} ne 'sparsevec';
	my @at = grep { $x[$_] != 0 && chance($self->{dense}) } 0 .. $dim - 1;
	return '{' . join(',', map { $_ + 1 . ":$x[$_]" } @at) . "}/$dim";
}

# cast(world) -- of the column, with its number of dimensions
sub cast { my ($self) = @_; return "$self->{type}($self->{dim})"; }

# query(world) -- SQL of a value to search for
sub query
{
	my ($self) = @_;
	my $cast = $self->cast;
	return "NULL::$cast" if chance(0.01);
	return "(SELECT v FROM side WHERE id = " . int(rand(40)) . ')' if chance(0.1);
	return "'" . pick(@{ $self->{pool} }) . "'::$cast" if @{ $self->{pool} } && chance(0.3);
	return "'" . $self->vector . "'::$cast";
}

# ------------------------------------------------------------ the table and its index

# new(class, connection, schema) -- random parameters
sub new
{
	my ($class, $db, $schema) = @_;
	my $type = pick(('vector') x 5, ('halfvec') x 2, ('sparsevec') x 2, ('bit') x 2);
	my $self = bless { db => $db, schema => $schema, type => $type, next => 0, pool => [], log => [] }, $class;
	$self->{metric} = $type eq 'bit' ? pick(qw(hamming jaccard)) : pick(qw(l2 l2 ip cosine cosine l1));
	%$self = (%$self, %{ $METRIC{ $self->{metric} } });
	$self->{dim} = pick(1, 2, 3, 8, 8, 16, 16, 24, 33, 64);
	$self->{dim} = 8 + int(rand(60)) if $type eq 'bit';
	$self->{data} = pick(qw(few spread spread clusters clusters));
	$self->{spread} = $self->{data} eq 'clusters' ? 0.1 : 1;
	$self->{scale} = $type eq 'vector' && chance(0.1) ? pick(1e-18, 1e15) : 1;
	$self->{dense} = pick(0.2, 0.7, 1);
	$self->{centers} = [ map { [ map { gauss() } 1 .. $self->{dim} ] } 1 .. ($self->{data} eq 'clusters' ? 12 : 1) ];
	$self->{rows} = pick(0, 5, 60, 120, 200, 300, 300, 400, 600, 1500);
	$self->{layout} = pick(qw(plain plain plain plain partitioned partial expression));
	my @kinds = (shuffle sort keys %COLUMN)[ 0 .. pick(0, 1, 2, 3, 4, 6) ];
	$self->{columns} = [ map { { name => "f_$_", kind => $_ } } @kinds ];
	$self->{indexed} = [ grep { chance(0.75) } @{ $self->{columns} } ];
	$self->{options} = $self->index_options;
	return $self;
}

sub index_options
{
	my ($self) = @_;
	my %option = (m => pick(2, 4, 8, 16));
	$option{ef_construction} = pick(32, 64) if chance(0.3);
	if ($self->{type} eq 'vector' || $self->{type} eq 'halfvec')
	{
		my $quantizer = $self->{metric} eq 'l1' ? pick('', 'sq8', 'none') : pick('', '', 'rabitq', 'rabitq', 'binary', 'pq', 'sq8', 'none');
		$option{quantizer} = $quantizer if $quantizer;
		$option{bits} = pick(1, 2, 4, 8) if $quantizer eq 'rabitq';
		$option{subvectors} = 1 + int(rand($self->{dim})) if $quantizer eq 'pq' && chance(0.5);
		$option{rerank} = pick(qw(heap off)) if chance(0.3);
		$option{rerank} = 'index' if chance(0.25) && ($quantizer eq 'binary' || $quantizer eq 'rabitq' && $option{bits} < 8);
	}
	$option{elements} = pick(1, 3, 8) if $self->{type} eq 'sparsevec' && chance(0.4);
	$self->{rerank} = $option{rerank} // '';
	return join(', ', map { "$_ = $option{$_}" } sort keys %option);
}

# do(world, statement...) -- that have to succeed; remembered for reproducing
sub do
{
	my ($self, @statements) = @_;
	push @{ $self->{log} }, @statements;
	$self->{db}->must(@statements);
	return;
}

# build(world) -- tables, rows, index
sub build
{
	my ($self) = @_;
	my $cast = $self->cast;
	my $columns = join('', map { ", $_->{name} " . ($COLUMN{ $_->{kind} }{type} // $_->{kind}) } @{ $self->{columns} });
	$self->do("CREATE SCHEMA $self->{schema}", "SET search_path = $self->{schema}, public",
		"CREATE TYPE mood AS ENUM ('sad', 'happy')", "ALTER TYPE mood ADD VALUE 'ok' BEFORE 'happy'", "ALTER TYPE mood ADD VALUE 'new'");
	my $partitioned = $self->{layout} eq 'partitioned';
	my $v = $self->{layout} eq 'expression' ? $self->{type} eq 'bit' ? 'bit varying' : $self->{type} : $cast;
	$self->do("CREATE TABLE t (id int NOT NULL, v $v$columns)" . ($partitioned ? ' PARTITION BY RANGE (id)' : ' WITH (autovacuum_enabled = off)'));
	$self->do(map { "CREATE TABLE t_$_ PARTITION OF t " . ('FOR VALUES FROM (MINVALUE) TO (60)', 'FOR VALUES FROM (60) TO (250)', 'DEFAULT')[$_] } 0 .. 2) if $partitioned;
	$self->do("CREATE TABLE side (id int, v $cast)", "CREATE TABLE sink (id int, d float8)");
	$self->do('INSERT INTO side VALUES ' . join(', ', map { "($_, " . (chance(0.03) ? 'NULL' : "'" . $self->vector . "'") . ')' } 0 .. 39));
	my $key = $self->{layout} eq 'expression' ? "(v::$cast)" : 'v';
	my $index = "CREATE INDEX t_v ON t USING omenhnsw (" . join(', ', "$key $self->{type}_$self->{metric}_ops", map { $_->{name} } @{ $self->{indexed} }) . ')'
	  . " WITH ($self->{options})" . ($self->{layout} eq 'partial' ? ' WHERE id % 4 <> 3' : '');
	my $grown = chance(0.3);
	$self->do($index) if $grown;
	$self->insert($self->{rows});
	$self->do($index) unless $grown;
	$self->do('CREATE VIEW w AS SELECT * FROM t', 'GRANT ALL ON ALL TABLES IN SCHEMA ' . $self->{schema} . ' TO reader', "GRANT USAGE ON SCHEMA $self->{schema} TO reader",
		'ALTER TABLE t ENABLE ROW LEVEL SECURITY', 'CREATE POLICY p ON t TO reader USING (id % 5 <> 2)', 'ANALYZE t', 'ANALYZE side');
	$self->do(<<"END");
CREATE FUNCTION loop_rows(query text, n int) RETURNS TABLE (a int, b float8) LANGUAGE plpgsql AS
\$\$ DECLARE r record; BEGIN FOR r IN EXECUTE query LOOP a := r.id; b := r.d; RETURN NEXT; n := n - 1; EXIT WHEN n <= 0; END LOOP; END \$\$
END
	return;
}

# insert(world, rows) -- some with vectors that are there already
sub insert
{
	my ($self, $n) = @_;
	my @rows;
	for (1 .. $n)
	{
		my $vector = @{ $self->{pool} } && chance(0.1) ? pick(@{ $self->{pool} }) : $self->vector;
		push @{ $self->{pool} }, $vector if @{ $self->{pool} } < 50;
		push @rows, '(' . join(', ', $self->{next}++, chance(0.03) ? 'NULL' : "'$vector'", map { chance(0.06) ? 'NULL' : literal($_->{kind}) } @{ $self->{columns} }) . ')';
	}
	$self->do('INSERT INTO t VALUES ' . join(', ', splice(@rows, 0, 200))) while @rows;
	return;
}

# change(world) -- a random change, that is committed
sub change
{
	my ($self) = @_;
	my $column = @{ $self->{columns} } ? pick(@{ $self->{columns} }) : undef;
	pick(
		sub { $self->insert(1 + rand(40)) },
		sub { $self->do('DELETE FROM t WHERE id % 23 = ' . int(rand(23))) },
		sub { $self->do("UPDATE t SET v = '" . $self->vector . "' WHERE id % 31 = " . int(rand(31))) },
		sub { $self->do("UPDATE t SET $column->{name} = " . literal($column->{kind}) . ' WHERE id % 13 = ' . int(rand(13))) if $column },
		sub { $self->do('VACUUM t') },
		sub { $self->do('REINDEX INDEX t_v') })->();
	return;
}

# check(world) -- the indexes are sound, and have all rows
sub check
{
	my ($self) = @_;
	$self->do("SELECT omendb_index_check(c.oid, heapallindexed => true) FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'omenhnsw' "
		  . "AND c.relkind = 'i' AND c.relnamespace = '$self->{schema}'::regnamespace");
	return;
}

sub drop { my ($self) = @_; $self->{db}->must("SET client_min_messages = warning", "DROP SCHEMA $self->{schema} CASCADE", 'RESET ALL'); return; }

1;
