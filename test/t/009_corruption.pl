# Damaged pages: the checker says what is wrong; nothing crashes and nothing hangs.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dim = 40;
my $node = new_server('corruption',
	init => [ no_data_checksums => 1 ],	# or the server itself would refuse the pages
	conf => "statement_timeout = 20s\nrestart_after_crash = off\n");
my $size = $node->safe_psql('postgres', 'SHOW block_size');

sub sql { return $node->safe_psql('postgres', join(';', @_)); }

sql("CREATE TABLE source (id bigint, v vector($dim))");
fill($node, 'source', 1, 2000, $dim);
sql("CREATE TABLE base (id bigint, v vector($dim))", 'INSERT INTO base SELECT * FROM source',
	'INSERT INTO base SELECT id + 10000, v FROM source WHERE id <= 300',
	'INSERT INTO base SELECT n, NULL FROM generate_series(20001, 20100) n');

# Tables with the same rows in the same places: an index file of one fits all.
my $ntables = 0;

sub new_table
{
	my $t = 't' . $ntables++;
	sql("CREATE TABLE $t (LIKE base)", "INSERT INTO $t SELECT * FROM base", "CREATE INDEX ${t}_i ON $t USING omenhnsw (v, (id % 100))");
	return $t;
}

sub path_of { return $node->data_dir . '/' . sql("SELECT pg_relation_filepath('$_[0]_i')"); }

my $first = new_table();
sql("INSERT INTO $first SELECT id + 30000, v FROM source WHERE id <= 100", "DELETE FROM $first WHERE id > 30000");
$node->safe_psql('postgres', "VACUUM $first");
check_index($node, "${first}_i", 'whole');
my $path = path_of($first);
$node->stop;
my $whole = slurp_file($path);
my $npages = length($whole) / $size;

# The tail of each page says what it is.
my %page;
for my $block (0 .. $npages - 1)
{
	my ($lp, $kind, $array, $nused) = unpack('VvvV', substr($whole, ($block + 1) * $size - 16, 16));
	my $name = $kind == 1 ? 'metapage' : $kind == 2 ? 'root' : $kind == 3 ? 'leaf'
	  : (qw(node tower posting null model refinement attribute highway))[ $kind - 16 ] // "kind $kind";
	push @{ $page{$name} }, $block;
}
is_deeply([ sort keys %page ], [ sort qw(metapage root leaf node tower posting null model attribute highway) ], 'every kind of page is there');

sub garbage
{
	my ($bytes, $seed) = @_;
	srand($seed);
	return join('', map { chr(int(rand(256))) } 1 .. $bytes);
}

my $seed = 1;
my %damage = (
	zeros => sub { "\0" x $size },
	ones => sub { "\xFF" x $size },
	garbage => sub { garbage($size, $seed++) },
	'a garbled body' => sub { my $p = shift; substr($p, 24, 3000) = garbage(3000, $seed++); $p },
	'a garbled header' => sub { my $p = shift; substr($p, 8, 16) = garbage(16, $seed++); $p },
	'a garbled tail' => sub { my $p = shift; substr($p, $size - 16, 14) = garbage(14, $seed++); $p },
	'another page' => sub { my ($p, $block) = @_; my $o = $block == 1 ? 2 : 1; substr($whole, $o * $size, $size) },
	'a data page' => sub { my ($p, $block) = @_; my $o = (grep { $_ != $block } @{ $page{node} })[-1]; substr($whole, $o * $size, $size) });

# What is to be tried: name, contents of the index, must the checker find it?
my @tries;
sub try_damage { push @tries, [@_]; }

for my $kind (sort keys %page)
{
	my @blocks = @{ $page{$kind} };
	my $block = $blocks[ int(@blocks / 2) ];
	for my $damage (sort keys %damage)
	{
		my $contents = $whole;
		my $new = $damage{$damage}->(substr($whole, $block * $size, $size), $block);
		next if $new eq substr($whole, $block * $size, $size);
		substr($contents, $block * $size, $size) = $new;
		# the numbers of a model may be any; those of a code, too
		my $must = $damage eq 'a garbled body' && $kind eq 'model' ? 0 : 1;
		try_damage("$kind page, $damage", $contents, $must);
	}
}

# --- single fields
sub field
{
	my ($name, $block, $offset, $bytes, $must) = @_;
	my $contents = $whole;
	substr($contents, $block * $size + $offset, length($bytes)) = $bytes;
	try_damage($name, $contents, $must // 1);
}
my $nodepage = $page{node}[0];
my ($leaf) = grep { unpack('v', substr($whole, ($_ + 1) * $size - 8, 2)) > 1 } @{ $page{leaf} };
my $code = unpack('V', substr($whole, 24 + 48, 4));
field('a node with state 3', $nodepage, 24, "\x03");
field('a node that is free, uncounted', $nodepage, 24, "\x00");
field('a node of level 200', $nodepage, 25, "\xC8");
field('more diverse links than links', $nodepage, 24 + 10, "\xFF");
field('a tower that does not exist', $nodepage, 24 + 16, pack('V', 0x00FFFFFF));
field('postings that do not exist', $nodepage, 24 + 12, pack('V', 0x00FFFFFF));
field('a row beyond the table', $nodepage, 24 + 4, pack('vvv', 0x7F, 0, 1));
field('a link that does not exist', $nodepage, 24 + 20 + $code, pack('V', 0x00FFFFFF));
field('a link to itself', $nodepage, 24 + 20 + $code, pack('V', 0));
field('links twice', $nodepage, 24 + 20 + $code, substr($whole, $nodepage * $size + 24 + 24 + $code, 4));
field('postings in a circle', $page{posting}[0], 24 + 4, pack('V', 0));
field('a posting of another node', $page{posting}[0], 24, pack('V', 1));
field('a tower of another node', $page{tower}[0], 24, pack('V', 1999));
field('an entry point that does not exist', 0, 24 + 40, pack('V', 0x00FFFFFF));
field('an entry of a root that names no block', $_, 24, "\xFF" x 4) for @{ $page{root} }[ 0, 2 ];
field('a dead entry of the directory', $leaf, 24, pack('V', 0xFFFFFFF0));
# the root page of nodes: array 0
my ($root) = grep { unpack('v', substr($whole, ($_ + 1) * $size - 10, 2)) == 0 } @{ $page{root} };
field('a root page that names no leaf', $root, 24, pack('V', 0xFFFFFFFF));
field('a root page without entries', $root, $size - 8, pack('v', 0));
field('a block named twice', $leaf, 28, substr($whole, $leaf * $size + 24, 4));
field('a wrong count of free slots', $nodepage, $size - 6, pack('v', 3));
field('m of 60,000', 0, 24 + 32, pack('v', 60000));
field('another metric', 0, 24 + 24, pack('v', unpack('v', substr($whole, 24 + 24, 2)) ^ 3));
field('no dimensions', 0, 24 + 30, pack('v', 0));
field('more filter columns than the index has', 0, 24 + 66, pack('v', 9));
field('no filter columns', 0, 24 + 66, pack('v', 0));
field('a filter column of no kind', 0, 24 + 72, "\xFF");
my $attribute = $page{attribute}[0];
my $values = 24 + 16 + 8 * 16;	# one column: base and width, 1,001 null bits, values
field('another value of a filter column', $attribute, $values + 20, ~substr($whole, $attribute * $size + $values + 20, 1));
field('values of 3 bytes', $attribute, 24 + 8, "\x03");
field('values of 200 bytes', $attribute, 24 + 8, "\xC8");
field('values all the same', $attribute, 24 + 8, "\x00");
field('wider values', $attribute, 24 + 8, "\x04");
field('values above the greatest', $attribute, 24, "\xFF" x 8);
field('another base', $attribute, 24, pack('V', 77));
field('NULL where there are values', $attribute, 24 + 16, "\xFF" x 8);
field('a row without a vector: more NULL columns than there are', $page{null}[0], 24 + 8, "\xF0\xFF\xFF\xFF");
field('a row without a vector: another value', $page{null}[0], 24 + 16, "\x55\x55");
field('a future format', 0, 24 + 4, pack('V', 99), 0);

# --- a file that is too short, and one that is empty
try_damage('half of the file', substr($whole, 0, int($npages / 2) * $size), 1);
try_damage('an empty file', '', 1);

# --- one server for all of them
$node->start;
$_->[3] = new_table() for @tries;
$_->[4] = path_of($_->[3]) for @tries;
$node->stop;
for my $try (@tries)
{
	my ($name, $contents, $must, $t, $file) = @$try;
	open(my $fh, '>:raw', $file) or die "$file: $!";
	print $fh $contents;
	close($fh);
}
$node->start;

sub survives
{
	my ($t, $statement) = @_;
	my ($ret, $out, $err) = $node->psql('postgres', $statement);
	return '' if $ret == 0 || ($ret != 2 && $err !~ /server closed|terminat|statement timeout|PANIC/);
	return "$statement: $err";
}

for my $try (@tries)
{
	my ($name, $contents, $must, $t) = @$try;
	my ($ret, $out, $err) = $node->psql('postgres', "SELECT omendb_index_check('${t}_i', true)",
		extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	ok($err =~ /ERROR:  XX00[12]:/ || (!$must && ($ret == 0 || $err =~ /ERROR:  0A000/)),
		"$name: found" . ($must ? '' : ' or harmless'))
	  or diag("$out $err");
	my $search = "(SELECT id FROM $t ORDER BY v <-> (SELECT v FROM source WHERE id = 7)";
	my $trouble = join('', map { survives($t, $_) } (
			"SET enable_seqscan = off; SELECT count(*) FROM $search LIMIT 50) s",
			"SET enable_seqscan = off; SET enable_sort = off; SELECT count(*) FROM $search) s",
			"SET enable_seqscan = off; SELECT count(*) FROM (SELECT id FROM $t WHERE id % 100 = 7 ORDER BY v <-> (SELECT v FROM source WHERE id = 8) LIMIT 50) s",
			"SET enable_seqscan = off; SET enable_sort = off; SELECT count(*) FROM (SELECT id FROM $t WHERE id % 100 > 20 ORDER BY v <-> (SELECT v FROM source WHERE id = 8)) s",
			"INSERT INTO $t SELECT id + 40000, v FROM source WHERE id BETWEEN 90 AND 110",
			"INSERT INTO $t SELECT id + 50000, NULL FROM source WHERE id <= 5",
			"UPDATE $t SET id = id + 1 WHERE id % 7 = 0", "DELETE FROM $t WHERE id % 3 = 0", "VACUUM $t", "SELECT omendb_index_check('${t}_i')"));
	is($trouble, '', "$name: the server goes on");
}

# --- REINDEX repairs what was damaged
for my $try (@tries[ 0, 10, -1 ])
{
	sql("REINDEX INDEX $try->[3]_i");
	check_index($node, "$try->[3]_i", "$try->[0]: REINDEX");
}

# --- an index of product quantization cannot be without a model
sql("CREATE TABLE p (v vector($dim))", 'INSERT INTO p SELECT v FROM source', 'CREATE INDEX p_i ON p USING omenhnsw (v) WITH (quantizer = pq)');
$path = path_of('p');
$node->stop;
$whole = slurp_file($path);
substr($whole, 24 + 104, 2) = "\0\0";
open(my $fh, '>:raw', $path) or die "$path: $!";
print $fh $whole;
close($fh);
$node->start;
for my $statement ("SELECT count(*) FROM (SELECT 1 FROM p ORDER BY v <-> (SELECT v FROM source WHERE id = 7) LIMIT 5) s", "SELECT omendb_index_check('p_i')", 'INSERT INTO p SELECT v FROM source WHERE id = 9')
{
	my ($ret, $out, $err) = $node->psql('postgres', "SET enable_seqscan = off; $statement", extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	like($err, qr/XX002: index "p_i" is corrupted at block 0: an index of product quantization without a model/, "pq without a model, $statement");
}
$node->stop;
done_testing();
