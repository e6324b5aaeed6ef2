#!/usr/bin/perl
#
# corrupt.pl -- damages index files in many ways and uses them; run by test/corrupt, which has the options.
#
# There are some tables of each of a few kinds, each with an index. In each round the server is stopped, every
# table gets its own files back, but for one damage of its index, and then is searched, changed, vacuumed and
# checked. Each statement must succeed or raise an error that says what is damaged, with its block; and what a
# search returns must be right, unless the checker tells that the index is damaged: a flipped bit of a row's
# address or filter key is not to be seen when it is used. A lost connection, a timeout, any other error,
# and a wrong answer from an index that the checker passes are failures.
#
# A case is known by its seed and number, and can be done alone (--only).
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Getopt::Long;
use List::Util qw(min max);
use Time::HiRes qw(time);
use Wire;
use Cluster;

my %option = (cases => 200, seed => 1, tree => '.', each => 8);
GetOptions(\%option, 'cases=i', 'seed=i', 'tree=s', 'work=s', 'library=s', 'each=i', 'only=i', 'verbose') or exit 2;
$option{work} or die "corrupt.pl: which folder is to be used? --work\n";
my $SIZE = 8192;
$| = 1;

my $cluster;
END { my $status = $?; $cluster->kill_all if $cluster && $cluster->{pid} && $$ == $cluster->{owner}; $? = $status; }
$SIG{$_} = sub { exit 130 } for qw(INT TERM);

sub pick { return $_[ rand @_ ]; }

# ------------------------------------------------------------ tables and their files

my %KINDS = (
	filters => { dim => 24, operator => '<->', index => '(v vector_l2_ops, cat, tag) WITH (m = 8, bits = 8)' },
	refined => { dim => 64, operator => '<->', index => '(v vector_l2_ops, cat) WITH (m = 6, bits = 2, rerank = index)' },
	values => { dim => 16, operator => '<=>', index => '(v vector_cosine_ops) WITH (quantizer = none, m = 4)' },
	pq => { dim => 24, operator => '<#>', index => '(v vector_ip_ops, cat) WITH (quantizer = pq, m = 8)' },
	grown => { dim => 24, operator => '<->', index => '(v vector_l2_ops, tag) WITH (quantizer = sq8, m = 8)', grown => 1 },
	linked => { dim => 48, operator => '<->', index => '(v vector_l2_ops) WITH (m = 6, bits = 4, neighbor_codes = on)' },
	words => { method => 'omenbm25', type => 'text', operator => '<@>', index => "(v, cat, tag) WITH (text_config = 'simple')" },
	tails => { method => 'omenbm25', type => 'text', operator => '<@>', index => "(v, cat) WITH (text_config = 'simple')", grown => 1 });

my @tables;		# name, kind, files (path => contents), index (its path)

# rows_of(kind) -- SQL: 1,100 rows, some equal to others, some without a vector.
sub rows_of
{
	my ($kind) = @_;
	return "SELECT n AS id, n % 17 AS cat, 'tag ' || n % 5 AS tag, CASE WHEN n % 97 <> 5 THEN (SELECT string_agg('w' || n * k % (7 + 13 * k), ' ') FROM generate_series(1, 5 + n % 20) k) END AS v"
	  . ' FROM generate_series(1, 1100) n ORDER BY n' if $kind->{method};
	my $x = "array_agg((sin(h * 12.9 + d * 78.2) + 0.3 * sin(h * d * 1.7))::real ORDER BY d)";
	return "SELECT n AS id, n % 17 AS cat, 'tag ' || n % 5 AS tag, CASE WHEN n % 97 = 5 THEN NULL WHEN n % 101 = 7 THEN array_fill(0::real, ARRAY[$kind->{dim}])::vector"
	  . " ELSE (SELECT ${x}::vector FROM generate_series(1, $kind->{dim}) d, (SELECT CASE WHEN n % 10 = 3 THEN n % 4 ELSE n END AS h) s) END AS v"
	  . ' FROM generate_series(1, 1100) n ORDER BY n';
}

sub path_of { my ($db, $relation) = @_; return "$cluster->{data}/" . $db->value("SELECT pg_relation_filepath('$relation')"); }

# make_tables -- alike within a kind, so that the index of one fits the rows of all.
sub make_tables
{
	my ($db) = @_;
	for my $name (sort keys %KINDS)
	{
		my $kind = $KINDS{$name};
		$kind->{name} = $name;
		$db->must("CREATE TABLE source_$name AS " . rows_of($kind));
		for my $i (0 .. $option{each} - 1)
		{
			my $t = "${name}_$i";
			my $method = $kind->{method} // 'omenhnsw';
			$db->must("CREATE TABLE $t (id bigint, cat int, tag text, v " . ($kind->{type} // "vector($kind->{dim})") . ') WITH (autovacuum_enabled = off)');
			$db->must("CREATE INDEX ${t}_v ON $t USING $method $kind->{index}") if $kind->{grown};
			$db->must("INSERT INTO $t SELECT * FROM source_$name ORDER BY id");
			$db->must("CREATE INDEX ${t}_v ON $t USING $method $kind->{index}") unless $kind->{grown};
			# an index in use: records freed and used again
			$db->must("INSERT INTO $t SELECT id + 5000, cat, tag, v FROM $t WHERE id % 9 = 1", "DELETE FROM $t WHERE id > 5000 OR id % 8 = 2",
				"VACUUM (FREEZE) $t");
			push @tables, { name => $t, kind => $kind, index => path_of($db, "${t}_v"), path => $db->value("SELECT pg_relation_filepath('${t}_v')"), heap => path_of($db, $t) };
		}
	}
	return;
}

sub keep_files
{
	for my $t (@tables)
	{
		$t->{files}{$_} = Cluster::slurp($_) for grep { -f } map { ($t->{$_}, "$t->{$_}_fsm", "$t->{$_}_vm") } qw(index heap);
		my $kind = $t->{kind};
		$kind->{whole} //= $t->{files}{ $t->{index} };
		$kind->{pages} //= pages_by_kind($kind->{whole});
	}
	return;
}

# The tail of each page says what it is.
sub pages_by_kind
{
	my ($file) = @_;
	my %pages;
	for my $block (0 .. length($file) / $SIZE - 1)
	{
		my ($lp, $kind, $array) = unpack('VvC', substr($file, ($block + 1) * $SIZE - 16, 8));
		push @{ $pages{$kind} }, $block;
	}
	return \%pages;
}

# ------------------------------------------------------------ damage

sub garbage { my ($n) = @_; return join('', map { chr(int(rand(256))) } 1 .. $n); }

sub other_page
{
	my ($kind) = @_;
	my $pages = $kind->{pages};
	return substr($kind->{whole}, pick(@{ $pages->{ pick(sort keys %$pages) } }) * $SIZE, $SIZE);
}

# Where something is: in the header, in what is used, or in the tail of a page.
sub some_place
{
	my ($page, $bytes) = @_;
	my $lower = unpack('v', substr($page, 12, 2));
	$lower = $SIZE - 16 if $lower < 32 || $lower > $SIZE - 16;
	my $r = rand();
	my ($from, $to) = $r < 0.1 ? (0, 24) : $r < 0.3 ? ($SIZE - 16, $SIZE) : $r < 0.6 ? (24, min(24 + 120, $lower)) : (24, $lower);
	return $from + int(rand(max(1, $to - $from - $bytes + 1)));
}

my %DAMAGE = (
	zeros => sub { return "\0" x $SIZE; },
	ones => sub { return "\xFF" x $SIZE; },
	garbage => sub { return garbage($SIZE); },
	'garbage in the middle' => sub { my ($p) = @_; my $n = 1 + int(rand(rand(4000))); substr($p, some_place($p, $n), $n) = garbage($n); return $p; },
	'zeros in the middle' => sub { my ($p) = @_; my $n = 1 + int(rand(rand(4000))); substr($p, some_place($p, $n), $n) = "\0" x $n; return $p; },
	'another page' => sub { my ($p, $kind) = @_; return other_page($kind); },
	'a page of another index' => sub { return other_page($KINDS{ pick(sort keys %KINDS) }); },
	'another page under its own tail' => sub { my ($p, $kind) = @_; return substr(other_page($kind), 0, $SIZE - 16) . substr($p, $SIZE - 16); },
	'an older page' => sub { my ($p, $kind, $block) = @_; return length($kind->{older}) > $block * $SIZE ? substr($kind->{older}, $block * $SIZE, $SIZE) : "\0" x $SIZE; },
	'half an older page' => sub {
		my ($p, $kind, $block) = @_;
		my $cut = 512 * (1 + int(rand(15)));
		return (length($kind->{older}) > $block * $SIZE ? substr($kind->{older}, $block * $SIZE, $cut) : "\0" x $cut) . substr($p, $cut);
	},
	(map { ("bits, $_" => sub { my ($p) = @_; for (1 .. 1 + int(rand(4))) { my $at = some_place($p, 1); substr($p, $at, 1) ^= chr(1 << int(rand(8))); } return $p; }) } 1 .. 5),
	(map { ("a field, $_" => sub {
		my ($p) = @_;
		my $n = pick(1, 2, 2, 4, 4, 4);
		my $at = some_place($p, $n);
		$at -= $at % $n;
		my $value = pick(0, 1, 2, 3, 127, 255, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF, int(rand(2000)), int(rand(2**32)));
		substr($p, $at, $n) = substr(pack('V', $value), 0, $n);
		return $p;
	}) } 1 .. 5));

my %FILE_DAMAGE = (
	'pages exchanged' => sub { my ($f) = @_; my ($a, $b) = map { int(rand(length($f) / $SIZE)) * $SIZE } 1, 2; my $p = substr($f, $a, $SIZE); substr($f, $a, $SIZE) = substr($f, $b, $SIZE); substr($f, $b, $SIZE) = $p; return $f; },
	'cut at a page' => sub { my ($f) = @_; return substr($f, 0, int(rand(length($f) / $SIZE)) * $SIZE); },
	'cut within a page' => sub { my ($f) = @_; return substr($f, 0, int(rand(length $f))); },
	'longer by zeros' => sub { my ($f) = @_; return $f . "\0" x ($SIZE * (1 + int(rand(5)))); },
	'longer by garbage' => sub { my ($f) = @_; return $f . garbage($SIZE * (1 + int(rand(3)))); },
	'longer by pages of its own' => sub { my ($f) = @_; return $f . join('', map { substr($f, int(rand(length($f) / $SIZE)) * $SIZE, $SIZE) } 1 .. 3); },
	'another format' => sub { my ($f) = @_; substr($f, 24 + 4, 4) = pack('V', pick(0, 1, 2, 4, 5, 1000)); return $f; },
	# the first row of a page of nodes or documents, whose array is the first: behind the table's end, in a segment that does not exist, or of no line pointer
	'a row far away' => sub {
		my ($f, $kind) = @_;
		my $at = pick(@{ $kind->{pages}{16} }) * $SIZE + 24 + ($kind->{method} ? 0 : 4);
		my $row = pick([ 0, 5000, 1 ], [ 8, 0, 1 ], [ 0x4000, 0, 0 ]);
		substr($f, $at, 6) = pack('vvv', @$row);
		return $f;
	},
	'an index of another kind' => sub { return $KINDS{ pick(sort keys %KINDS) }{whole}; },
	'an older index' => sub { my ($f, $kind) = @_; return $kind->{older}; });

# damage(table) -- what is done, and the file.
sub damage
{
	my ($t) = @_;
	my $kind = $t->{kind};
	my $file = $kind->{whole};
	if (rand() < 0.12)
	{
		my $name = pick(sort keys %FILE_DAMAGE);
		return ($name, $FILE_DAMAGE{$name}->($file, $kind));
	}
	my $name = pick(sort keys %DAMAGE);
	my $page_kind = pick(sort keys %{ $kind->{pages} });
	my $block = pick(@{ $kind->{pages}{$page_kind} });
	substr($file, $block * $SIZE, $SIZE) = $DAMAGE{$name}->(substr($file, $block * $SIZE, $SIZE), $kind, $block);
	return ("$name, block $block of kind $page_kind", $file);
}

# ------------------------------------------------------------ one case

my (%outcomes, @failures);

# classify(reply, statement, table) -- '' if it succeeded, 'damage' if it says so, or what is wrong.
sub classify
{
	my ($reply, $t) = @_;
	return 'the connection was lost' if $reply->{lost};
	return '' unless $reply->{error};
	my ($state, $text) = $reply->{error} =~ /^(\w+): (.*)/s;
	return 'damage' if $state =~ /^XX00[12]$/ && $text =~ /\b$t->{name}_v\b.*block/s;
	# of PostgreSQL: a block of the index's file, not of the table's
	return 'damage' if $state =~ /^XX00[12]$/ && $text =~ /block \d+.*(?:relation|file)/ && index($text, $t->{path}) >= 0;
	# a row that the index has lost has no block there
	return 'damage' if $state eq 'XX002' && $text =~ /index "$t->{name}_v" lacks row/;
	# the name of the text search configuration
	return 'damage' if $state eq '42704' && $text =~ /text search configuration .* of index "$t->{name}_v" does not exist/;
	# a format of another version
	return 'damage' if $state =~ /^(?:0A000|55000)$/ && $text =~ /\b$t->{name}_v\b/;
	return $reply->{error};
}

# right(rows, condition) -- rows of a search: id, cat, tag, distance, true distance. '' or what is wrong.
sub right
{
	my ($rows, $condition) = @_;
	my %seen;
	for my $row (@$rows)
	{
		return "id $row->[0] twice" if $seen{ $row->[0] }++;
		return "id $row->[0] does not meet the condition" if $row->[1] eq 'f';
	}
	return '';
}

sub one_case
{
	my ($t, $number, $what) = @_;
	my $name = $t->{name};
	my $op = $t->{kind}{operator};
	my $words = $t->{kind}{method};
	my $query = $words ? "'w1 w" . pick(3, 17, 40) . ' w' . pick(5, 60) . "'" : "(SELECT v FROM $name WHERE id = " . pick(20, 21, 31, 41) . ')';
	my ($db, @wrong, $damaged, %said);
	my $do = sub {
		my ($sql) = @_;
		$db //= Wire->connect($cluster->{folder}, 'postgres') or return { lost => 1, rows => [] };
		my $reply = $db->query($sql);
		my $class = classify($reply, $t);
		undef $db if $reply->{lost};
		$said{$class}++;
		push @wrong, "$class in $sql" if $class ne '' && $class ne 'damage';
		push @wrong, "$reply->{error} in $sql" if $class eq 'damage' && $what eq 'no damage';
		$damaged = 1 if $class eq 'damage';
		return $reply;
	};
	$do->($_) for "SET statement_timeout = '20s'", 'SET enable_seqscan = off', 'SET enable_sort = off', 'SET client_min_messages = error';
	for my $condition ('true', $name =~ /^(filters|refined|pq|words|tails)/ ? 'cat = 7' : 'true', $name =~ /^(filters|grown|words)/ ? "tag <> 'tag 1'" : 'true')
	{
		for my $limit (10, 2000)
		{
			my $reply = $do->("SELECT id, $condition FROM $name WHERE $condition ORDER BY v $op $query LIMIT $limit");
			my $wrong = $reply->{error} || $reply->{lost} ? '' : right($reply->{rows});
			push @{ $t->{answers} }, "$wrong, WHERE $condition LIMIT $limit" if $wrong;
		}
	}
	# the checker sees what the searches saw; then the index is changed
	my $checked = 0;
	for my $all ('false', 'true')
	{
		my $reply = $do->("SELECT omendb_index_check('${name}_v', $all)");
		$checked = 1 if $reply->{error};
	}
	$do->($words ? "SELECT omendb_text_info('${name}_v')" : "SELECT omendb_index_info('${name}_v')");
	$do->("SELECT count(*) FROM $name WHERE v @@@ 'w2 w9 -w1'") if $words;
	$do->($_) for "INSERT INTO $name SELECT id + 2000, cat, tag, v FROM $name WHERE id BETWEEN 90 AND 130", "UPDATE $name SET cat = cat + 1 WHERE id % 7 = 0",
	  "DELETE FROM $name WHERE id % 3 = 0", "VACUUM $name", "INSERT INTO $name SELECT id + 4000, cat, tag, v FROM $name WHERE id BETWEEN 1 AND 60",
	  "SELECT count(*) FROM (SELECT id FROM $name ORDER BY v $op $query) s", "SELECT omendb_index_check('${name}_v', true)";
	push @wrong, map { "wrong answer, and the checker finds nothing: $_" } @{ $t->{answers} // [] } if !$checked;
	$outcomes{ @wrong ? 'failures' : @{ $t->{answers} // [] } ? 'wrong answers that the checker explains' : $damaged ? 'errors' : 'right answers' }++;
	delete $t->{answers};
	push @failures, "case $number ($name: $what):\n" . join('', map { '    ' . substr($_, 0, 400) . "\n" } @wrong[ 0 .. min(3, $#wrong) ]) if @wrong;
	print "case $number ($name: $what): ", ($checked ? 'found' : 'not found'), join('', map { ", $said{$_} x " . ($_ || 'done') } sort keys %said), "\n" if $option{verbose};
	return !grep { /connection was lost/ } @wrong;
}

# ------------------------------------------------------------ rounds

# change_tables -- so that the indexes have been others before, within the same build. Each table in the same way.
sub change_tables
{
	my ($db) = @_;
	for my $t (map { $_->{name} } @tables)
	{
		$db->must("INSERT INTO $t SELECT id + 7000, cat, tag, v FROM $t WHERE id % 4 = 0", "DELETE FROM $t WHERE id > 7000 OR id % 16 = 3", "VACUUM (FREEZE) $t");
	}
	return;
}

my $begin = time;
my $library = $option{library} // "$option{tree}/omendb";
$cluster = Cluster->new("$option{work}/corrupt", $library, "$option{tree}/src/sql/omendb--0.1.0.sql", '--no-sync');
# no checksums: with them, PostgreSQL itself would refuse the pages
$cluster->configure('fsync = off', 'autovacuum = off', 'shared_buffers = 64MB', 'max_wal_size = 4GB', 'restart_after_crash = off', 'wal_level = minimal',
	'max_wal_senders = 0', 'jit = off', 'maintenance_work_mem = 16MB', "omenbm25.tail_limit = '32kB'", "shared_preload_libraries = '$library'", "log_line_prefix = '%m [%p] '");
# an insert that takes pages without end fails soon
$cluster->{file_limit} = 64 * 1024;
my $db = $cluster->start;
$db->must($cluster->{script});
make_tables($db);
$db->must('CHECKPOINT');
for my $t (@tables) { $t->{kind}{older} //= Cluster::slurp($t->{index}); }
change_tables($db);
undef $db;
$cluster->stop;
keep_files();

my $number = 0;
while ($number < $option{cases})
{
	my @round;
	for my $t (@tables)
	{
		last if $number >= $option{cases};
		my $n = $number++;
		next if defined $option{only} && $n != $option{only};
		srand($option{seed} * 1000003 + $n);
		# the first of each kind, so that what is found later is the damage
		my ($what, $file) = $n < @tables && $t->{name} =~ /_0$/ ? ('no damage', $t->{kind}{whole}) : $n < @tables && $t->{name} =~ /_1$/ ? ('no damage', $t->{kind}{whole}) : damage($t);
		Cluster::spew($_, $t->{files}{$_}) for keys %{ $t->{files} };
		unlink grep { !$t->{files}{$_} } map { ("$_", "${_}_fsm", "${_}_vm") } @$t{qw(index heap)};
		Cluster::spew($t->{index}, $file);
		push @round, [ $t, $n, $what ];
	}
	next unless @round;
	$cluster->start;
	for my $case (@round)
	{
		next if one_case(@$case);
		# it must go on with the next one
		$cluster->kill_all if kill(0, $cluster->{pid});
		$cluster->start;
	}
	$cluster->stop;
}
my $failed = @failures;
print @failures[ 0 .. min(30, $#failures) ];
printf "%d cases in %d s, seed %d: %s\n", $option{cases}, time - $begin, $option{seed}, join(', ', map { "$_ $outcomes{$_}" } sort keys %outcomes);
print $option{cases} - $failed, " passed, $failed failed\n";
exit($failed ? 1 : 0);
