#!/usr/bin/perl
#
# queries.pl -- random queries by the index, beside the same by sequential scans; run by test/queries, which has the options.
#
# A world (QueryWorld.pm) is a table in a random shape with an index. It is searched by groups of queries that have
# condition, searched value and settings in common: the reference of a group is read once, by a sequential scan,
# and each query (QueryShape.pm) is compared with it. Between groups the table changes. A world is known by its seed
# and number, and can be done alone (--only).
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Getopt::Long;
use List::Util qw(min max);
use Time::HiRes qw(time);
use Wire;
use Cluster;
use QueryWorld;
use QueryShape;

my %option = (queries => 2000, seed => 1, tree => '.', each => 250);
GetOptions(\%option, 'queries=i', 'seed=i', 'tree=s', 'work=s', 'library=s', 'each=i', 'only=i', 'verbose', 'shape=s') or exit 2;
$option{work} or die "queries.pl: which folder is to be used? --work\n";
$| = 1;

my $cluster;
END { my $status = $?; $cluster->kill_all if $cluster && $cluster->{pid} && $$ == $cluster->{owner}; $? = $status; }
$SIG{$_} = sub { exit 130 } for qw(INT TERM);

sub pick { return $_[ rand @_ ]; }
sub chance { return rand() < $_[0]; }

my (%count, %asked, %by_index, @failures, @low, $db, $version);
my $done = 0;
my $in_force = '';

# ------------------------------------------------------------ settings

my $BY_SCAN = 'SET enable_seqscan = on; SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off; '
  . 'SET enable_sort = on; SET omenhnsw.distance_bounds = off';

# settings(mode) -- SQL of them for a group; mode says what may be missing
sub settings
{
	my ($mode) = @_;
	my $scan = pick(('strict_order') x 6, qw(relaxed_order relaxed_order off));
	my $most = chance(0.05) ? pick(1, 10, 100) : 0;
	my $ef = pick(1, 10, 40, 40, 40, 100, 400);
	@$mode{qw(relaxed short counts bounds)} = ($scan eq 'relaxed_order', $scan eq 'off' || $most > 0, $ef >= 40 && $scan ne 'off' && !$most && !$mode->{off} && $mode->{linked}, chance(0.8));
	my @set = ("omenhnsw.iterative_scan = $scan", "omenhnsw.max_scan_tuples = $most", "omenhnsw.ef_search = $ef", 'omenhnsw.distance_bounds = ' . ($mode->{bounds} ? 'on' : 'off'),
		'work_mem = ' . pick("'64kB'", "'4MB'", "'4MB'"), 'enable_seqscan = off', 'enable_indexscan = on', 'enable_indexonlyscan = on', 'enable_bitmapscan = on',
		'plan_cache_mode = ' . pick(qw(auto force_generic_plan force_custom_plan)));
	push @set, map { "$_ = " . (chance(0.25) ? 'off' : 'on') } qw(enable_hashjoin enable_mergejoin enable_material enable_memoize enable_sort enable_incremental_sort enable_hashagg enable_nestloop);
	my $parallel = chance(0.15);
	$mode->{parallel} = $parallel;
	# where a table has one page, the leader has read it before a worker begins
	push @set, 'parallel_leader_participation = ' . ($parallel && chance(0.5) ? 'off' : 'on');
	push @set, ($version >= 160000 ? 'debug_parallel_query' : 'force_parallel_mode') . ' = ' . ($parallel ? 'on' : 'off'),
	  map { "$_ = " . ($parallel ? 0 : 1000) } qw(parallel_setup_cost parallel_tuple_cost min_parallel_table_scan_size);
	return join('; ', map { "SET $_" } @set);
}

# ------------------------------------------------------------ one group

# ask(sql) -- rows, or dies with the error
sub ask
{
	my (@sql) = @_;
	my @rows;
	for my $sql (@sql)
	{
		my $reply = $db->query($sql);
		die "lost: the connection was lost in $sql\n" if $reply->{lost};
		die "$reply->{error} in $sql\n" if $reply->{error};
		push @rows, @{ $reply->{rows} };
	}
	return \@rows;
}

# by_scan(sql, labelled) -- the reference; as arrays, which are read faster than rows
sub by_scan
{
	my ($sql, $labelled) = @_;
	set($BY_SCAN);
	my $aliases = $labelled ? 'c, a, b' : 'a, b';
	my ($row) = @{ ask('SELECT array_agg(u.a), array_agg(u.b)' . ($labelled ? ', array_agg(u.c)' : '') . " FROM ($sql) u ($aliases)") };
	my ($ids, $d, $labels) = map { [ map { $_ eq 'NULL' ? undef : $_ } split /,/, substr($_ // '{}', 1, -1) ] } @$row;
	return QueryShape::reference($ids, $d, $labels);
}

# set(settings) -- unless they are in force
sub set
{
	my ($settings) = @_;
	ask($settings) if $in_force ne $settings;
	$in_force = $settings;
	return;
}

# run(case, shape) -- the rows that the index gives
sub run
{
	my ($c, $shape) = @_;
	my @begin = $shape->{undone} ? ('BEGIN') : ();
	set($c->{settings});
	ask(@begin, @{ $shape->{before} // [] });
	if (chance(0.04))
	{
		my ($main) = grep { /^(?:SELECT|WITH|\(|DELETE|UPDATE|EXECUTE)/ } @{ $shape->{sql} };
		my $plan = $main ? join('', map { "@$_\n" } @{ ask("EXPLAIN $main") }) : '';
		$by_index{ $shape->{name} }[ $plan =~ /Index Scan using t_\w*v/ ? 1 : 0 ]++ if $main;
	}
	my $rows = ask(@{ $shape->{sql} });
	if ($shape->{again})
	{
		$rows = ask(@{ $shape->{sql} }) for 1 .. pick(0, 0, 0, 6);
	}
	ask(@{ $shape->{after} // [] });
	ask('ROLLBACK') if $shape->{undone};
	return $rows;
}

# compare(case, name, radius) -- one query
sub compare
{
	my ($c, $name, $radius) = @_;
	my $shape = QueryShape::make($c, $name, $radius);
	my $answer = eval {
		my $reference = $shape->{reference} ? by_scan($shape->{reference}, 1) : $c->{reference};
		$reference = QueryShape::restricted($reference, $shape->{also}) if $shape->{also};
		my %mode = %{ $c->{mode} };
		$mode{bounds} = 0 if $radius && $c->{natural} && $shape->{changes};
		$mode{bounds} = 1 if $radius && !$c->{natural};
		$shape->{within} = 1 if $radius && !$c->{natural} && $shape->{kind} ne 'none';
		return 'skip' if $shape->{kind} eq 'none' && !$c->{natural};
		# a comparison with the distance is a bound of the scan, which includes it, and once more a condition: d < b discards d = b
		$shape->{discards} = $c->{filtered} || $shape->{also} || $radius && ($c->{natural} || !$mode{bounds});
		my $rows = run($c, $shape);
		QueryShape::judge($shape, $rows, $reference, \%mode, \%count);
	};
	my $error = $@;
	die $error if $error =~ /^lost:/;
	if ($error)
	{
		ask('ROLLBACK');
		ask('DEALLOCATE ALL');
		$answer = $error;
	}
	return if defined $answer && $answer eq 'skip';
	$asked{ $shape->{name} }++;
	$done++;
	failure($c, $shape, $answer) if $answer;
	failure($c, $shape, "only $_", 'low') for splice(@{ $count{low} //= [] });
	return;
}

sub failure
{
	my ($c, $shape, $answer, $low) = @_;
	my $text = "world $c->{world}{number}, $shape->{name}: $answer\n    " . join("\n    ", "$c->{world}{type} $c->{world}{metric} $c->{world}{layout} ($c->{world}{options})",
		$c->{role} ? 'SET ROLE reader' : (), $c->{settings}, @{ $shape->{before} // [] }, @{ $shape->{sql} }) . "\n";
	push @{ $low ? \@low : \@failures }, $text;
	print $text if $option{verbose};
	return;
}

# read_reference(case) -- all rows that its condition holds for
sub read_reference
{
	my ($c) = @_;
	$c->{reference} = by_scan("SELECT t.id, $c->{d} AS d FROM $c->{r} t WHERE $c->{where}", 0);
	return;
}

# group(world) -- one reference and some queries
sub group
{
	my ($world) = @_;
	# a match that fails is nothing at all in a list
	my %mode = (partitioned => $world->{layout} eq 'partitioned',
		off => scalar($world->{rerank} eq 'off'),
		slack => $world->{rerank} eq 'index' ? 0.01 : 0, linked => $world->{options} =~ /m = (?:8|16)/ && $world->{options} !~ /elements/);
	my $key = $world->{layout} eq 'expression' ? '(t.v::' . $world->cast . ')' : 't.v';
	my $q = $world->query;
	my $where = $world->condition('t');
	$where = "t.id % 4 <> 3 AND $where" if $world->{layout} eq 'partial' && chance(0.8);
	my $c = { world => $world, mode => \%mode, key => $key, q => $q, d => "$key $world->{op} $q", where => $where,
		r => pick('t', 't', 't', 'w'), k => pick(1, 3, 10, 10, 25, 60, 300), o => pick(0, 0, 0, 1, 7), role => chance(0.1) };
	$c->{filtered} = $c->{role} || $where !~ /^(?:t\.id % 4 <> 3 AND )?true$/ || $world->{layout} eq 'partial' && $where eq 'true';
	# a view has the rights of its owner, and what changes t itself has not
	$c->{r} = 't' if $c->{role};
	my $value = $q =~ /^\(SELECT/ ? $db->value($q =~ s/^\(|\)$//gr) : undef;
	$c->{constant} = $q !~ /^\(SELECT/ ? $q : defined $value ? "'$value'" : 'NULL';
	$c->{settings} = settings(\%mode);
	ask('SET ROLE ' . ($c->{role} ? 'reader' : 'NONE'));
	$in_force = '';
	my @names = grep { !$option{shape} || $_ eq $option{shape} } map { pick(QueryShape::names(0)) } 1 .. 12;
	read_reference($c);
	compare($c, $_, 0) for @names;
	$c->{natural} = chance(0.6);
	$c->{where} = QueryShape::bound($c, $c->{natural}) . " AND $where";
	read_reference($c);
	compare($c, pick(QueryShape::names(1)), 1) for 1 .. 4;
	ask('SET ROLE NONE');
	return;
}

# one_world(number)
sub one_world
{
	my ($number) = @_;
	srand($option{seed} * 1000003 + $number);
	$db->must('SET client_min_messages = error');
	my $world = QueryWorld->new($db, "world_$number");
	$world->{number} = $number;
	my $stop = $done + $option{each};
	$world->build;
	while ($done < $stop)
	{
		group($world);
		$db->must('RESET ALL', 'SET client_min_messages = error', "SET search_path = $world->{schema}, public");
		$world->change if chance(0.15);
	}
	$world->check;
	$world->drop;
	return;
}

# ------------------------------------------------------------ all of it

sub report
{
	for my $name (sort keys %asked)
	{
		my ($found, $there) = @{ $count{$name} // [ 0, 0 ] };
		my ($other, $index) = map { $_ // 0 } @{ $by_index{$name} // [] }[ 0, 1 ];
		printf "%-22s %7d queries, %s%s\n", $name, $asked{$name}, $there ? sprintf('%.4f of the nearest found', $found / $there) : 'exact',
		  $index + $other ? sprintf(', %d %% by the index', 100 * $index / ($index + $other)) : '';
	}
	return;
}

my $begin = time;
my $number = $option{only} // 0;

# summary(what the last line begins with) -- returns how many failures there were
sub summary
{
	my ($found, $there) = (0, 0);
	for my $of (grep { ref && @$_ == 2 && !ref $_->[0] } @count{ keys %asked })
	{
		$found += $of->[0];
		$there += $of->[1];
	}
	push @failures, sprintf("only %.4f of the nearest rows were found\n", $found / $there) if $there && $found < 0.97 * $there;
	my $failed = @failures;
	print @failures[ 0 .. min(20, $#failures) ] if !$option{verbose};
	report();
	printf "%d queries of %d worlds in %d s, seed %d; %d rows nearer than the one before it, all where that is documented\n", $done, $number, time - $begin, $option{seed}, $count{inverted} // 0;
	print $_[0], $done - min($failed, $done), " passed, $failed failed\n";
	return $failed;
}

my $library = $option{library} // "$option{tree}/omendb";
$cluster = Cluster->new("$option{work}/queries", $library, "$option{tree}/src/sql/omendb--0.1.0.sql", '--no-sync');
$cluster->configure('fsync = off', 'autovacuum = off', 'shared_buffers = 128MB', 'max_wal_size = 1GB', 'restart_after_crash = on', 'wal_level = minimal',
	'max_wal_senders = 0', 'jit = off', 'maintenance_work_mem = 16MB', "log_line_prefix = '%m [%p] '", "statement_timeout = '120s'");
$db = $cluster->start;
$db->must($cluster->{script}, 'CREATE ROLE reader');
$version = $db->value('SHOW server_version_num');
# one that is interrupted says what it has seen
$SIG{INT} = sub { summary('interrupted: '); exit 130; };
while ($done < $option{queries})
{
	eval { one_world($number); };
	if ($@)
	{
		push @failures, "world $number: $@";
		print $failures[-1] if $option{verbose};
		$db = $cluster->ready(120) // die "the server has gone:\n" . $cluster->log_tail;
	}
	$number++;
	last if defined $option{only};
	if ($option{verbose} && $number % 20 == 0)
	{
		printf "%d queries of %d worlds in %d s, %d failures\n", $done, $number, time - $begin, scalar @failures;
	}
}
exit(summary('') ? 1 : 0);
