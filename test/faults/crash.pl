#!/usr/bin/perl
#
# crash.pl -- kills a server again and again under a mixed load, and looks at what is left; run by
# test/crash, which has the options.
#
# Each cluster stands some kills, with other settings, another kind of index and other data
# than the one before. Around each kill: a load (Load.pm), the kill, recovery, which is killed again sometimes,
# then what must be true: every acknowledged change is there, none else, a transaction in doubt all or
# not at all; every index passes the checker with heapallindexed; every row is found through the index; conditions find
# what a sequential scan finds; recall is that of an index built now.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Getopt::Long;
use List::Util qw(min max sum shuffle);
use POSIX qw(_exit);
use Storable qw(store retrieve);
use Time::HiRes qw(sleep time);
use Wire;
use Cluster;
use Load;
use Training;
use Soak;

my %option = (kills => 20, seed => 1, clients => 7, each => 10, tree => '.', seconds => 20);
GetOptions(\%option, 'kills=i', 'seed=i', 'clients=i', 'each=i', 'tree=s', 'work=s', 'quantizer=s', 'type=s', 'metric=s', 'kind=s', 'soak=i', 'seconds=i', 'verbose')
  or exit 2;
$option{work} or die "crash.pl: which folder is to be used? --work\n";
my ($tree, $work) = @option{qw(tree work)};
my ($passed, $failed) = (0, 0);
my $current;	# the cluster that runs
my (%points_hit, %points_passed, %points_aimed, %trained, %vacuumed, @points, %kinds, %done, @recalls, @pairs);
my ($acked, $searches, $in_doubt, $recoveries_killed, $torn_pages) = (0) x 5;
$| = 1;

sub pick { return $_[ rand @_ ]; }

# ------------------------------------------------------------ what varies

my %indexed;	# types that have operator classes, and metrics
my %METRIC = (l2 => '<->', ip => '<#>', cosine => '<=>', l1 => '<+>', hamming => '<~>', jaccard => '<%>');

# Bits say which of these each value exceeds.
my @STEP = map { -1.6 + 0.7 * $_ } 0 .. 9;

# choose -- one configuration: of the server, of the index, of the data.
sub choose
{
	my %c;
	$c{type} = $option{type} // pick(sort keys %indexed);
	$c{quantizer} = $option{quantizer} // pick(qw(rabitq rabitq rabitq binary pq sq8 none));
	$c{metric} = $option{metric} // pick(qw(l2 l2 cosine ip), $c{quantizer} =~ /sq8|none/ && $indexed{ $c{type} }{l1} ? 'l1' : 'l2');
	my @with = ("quantizer = $c{quantizer}", 'm = ' . pick(8, 16), 'ef_construction = 64');
	push @with, 'bits = ' . ($c{bits} = pick(1, 2, 4, 4, 8)) if $c{quantizer} eq 'rabitq';
	my $refines = $c{quantizer} eq 'binary' || ($c{quantizer} eq 'rabitq' && $c{bits} < 8);
	push @with, 'rerank = ' . ($c{rerank} = $refines ? pick(qw(heap index)) : 'heap') if $c{quantizer} ne 'none';
	# the last, as types with codes of their own have no such options
	push @with, 'neighbor_codes = on' if $c{quantizer} eq 'rabitq' && $c{bits} > 1 && rand() < 0.4;
	$c{columns} = pick('v %s', 'v %s, cat', 'v %s, cat, tag');
	# these have codes of their own
	if ($c{type} =~ /sparsevec|bit/)
	{
		@with = @with[ 1, 2 ];
		@c{qw(quantizer rerank)} = ($c{type} eq 'bit' ? 'bits' : 'sparse', 'heap');
	}
	$c{metric} = $option{metric} // pick(qw(hamming jaccard)) if $c{type} eq 'bit';
	$c{codes} = $c{quantizer} . ($c{quantizer} eq 'rabitq' ? " of $c{bits} bits" : '') . ($c{metric} eq 'ip' ? ', ip' : '');
	@c{qw(opclass with)} = ("$c{type}_$c{metric}_ops", join(', ', @with));
	$c{index} = sprintf("ON t USING omenhnsw ($c{columns}) WITH ($c{with})", $c{opclass});
	$c{grown} = rand() < 0.4;
	$c{dim} = 40;
	$c{column} = "$c{type}(" . ($c{type} eq 'bit' ? $c{dim} * @STEP : $c{dim}) . ')';
	# Without images of pages, a page that is half written at the moment of a kill is lost; checksums tell.
	$c{full_page_writes} = rand() < 0.8 ? 'on' : 'off';
	$c{checksums} = $c{full_page_writes} eq 'off' || rand() < 0.5;
	my $level = pick(qw(minimal replica replica logical));
	$c{wal_level} = $level;
	$c{conf} = [
		"full_page_writes = $c{full_page_writes}", "wal_level = $level", $level eq 'minimal' ? 'max_wal_senders = 0' : (),
		'wal_compression = ' . pick(qw(off pglz)), 'shared_buffers = ' . pick('1MB', '2MB', '16MB', '64MB'),
		'wal_buffers = ' . pick('64kB', '256kB', '-1'), 'max_wal_size = ' . pick('32MB', '32MB', '1GB'), 'min_wal_size = 32MB',
		'maintenance_work_mem = ' . pick('1MB', '2MB', '64MB'), 'max_parallel_maintenance_workers = ' . pick(0, 2),
		'min_parallel_table_scan_size = 0', 'autovacuum = ' . pick('on', 'off'), 'autovacuum_naptime = 1s',
		# not without images: it fails on a relation that is dropped later, whose pages are gone (PostgreSQL's own check)
		'wal_consistency_checking = ' . ($c{full_page_writes} eq 'on' ? pick("''", "''", "'generic'") : "''"), 'fsync = off', 'jit = off', 'max_prepared_transactions = 40', 'restart_after_crash = on',
		"log_line_prefix = '%m [%p] '", 'checkpoint_timeout = 1h', 'bgwriter_delay = 10ms', 'bgwriter_lru_maxpages = 1000', 'max_connections = 30' ];
	return \%c;
}

# Vectors of two halves, each of clusters with six dimensions of their own, far from one another.
sub make_pool
{
	my ($dim, $n) = @_;
	my @pool;
	my @axis = map { [ map { rand(2) - 1 } 1 .. $dim ] } 1 .. 12;
	for my $k (0 .. $n - 1)
	{
		my $half = $k * 2 >= $n ? 6 : 0;
		my @z = map { rand(2) - 1 } 1 .. 6;
		my $centre = $k % 15;
		push @pool, [ map {
				my $d = $_;
				sprintf('%.4f', ($half ? 3 : 0) + sin($centre * 12.99 + $d * 78.2) + sum(map { $z[$_] * $axis[ $half + $_ ][$d] } 0 .. 5) + 0.1 * rand())
			} 0 .. $dim - 1 ];
	}
	return \@pool;
}

sub text_of
{
	my ($type, $x) = @_;
	return join('', map { my $y = $_; map { $y > $_ ? 1 : 0 } @STEP } @$x) if $type eq 'bit';
	return '[' . join(',', @$x) . ']' if $type ne 'sparsevec';
	return '{' . join(',', map { $x->[$_] != 0 ? $_ + 1 . ":$x->[$_]" : () } 0 .. $#$x) . '}/' . @$x;
}

# ------------------------------------------------------------ one cluster

my $nclusters = 0;

sub new_world
{
	my ($build) = @_;
	my $c = choose();
	my $n = $nclusters++;
	my $cluster = Cluster->new("$work/c$n", "$build/omendb", "$build/src/sql/omendb--0.1.0.sql", $c->{checksums} ? '--data-checksums' : ());
	$cluster->configure(@{ $c->{conf} });
	my $vectors = make_pool($c->{dim}, 3000);
	my $pool = [ map { text_of($c->{type}, $_) } @$vectors ];
	my $w = {
		cluster => $cluster, c => $c, pool => $pool, socket => $cluster->{folder}, clients => $option{clients} - 1, type => $c->{column},
		operator => $METRIC{ $c->{metric} }, rows => 400, index => $c->{index}, ordered => ($c->{rerank} // 'heap') eq 'heap', half => 0, models => [] };
	print "cluster $n: $c->{index}; ", ($c->{grown} ? 'grown' : 'built'), ', ', join(', ', @{ $c->{conf} }[ 0 .. 10 ]),
	  ($c->{checksums} ? ', checksums' : ''), "\n";
	$current = $cluster;
	my $db = $cluster->start;
	$db->must($cluster->{script});
	$db->must("CREATE TABLE t (id bigint PRIMARY KEY, ver int, k int, cat int, tag text, v $c->{column})",
		"CREATE TABLE pool (k int PRIMARY KEY, v $c->{column})", "CREATE TABLE q (n int, v $c->{column}, kth float8)",
		"CREATE TABLE u (id bigint PRIMARY KEY, k int, v $c->{column}) WITH (autovacuum_enabled = off)",
		"CREATE INDEX u_v ON u USING omenhnsw (v $c->{opclass}) WITH ($c->{with})",
		'ALTER TABLE t SET (autovacuum_vacuum_threshold = 50, autovacuum_vacuum_scale_factor = 0.05)');
	my $reply = $db->query('COPY pool FROM STDIN', join('', "-1\t\\N\n", map { "$_\t$pool->[$_]\n" } 0 .. $#$pool));
	die "pool: $reply->{error}\n" if $reply->{error};
	# between two vectors of the pool
	$db->must('INSERT INTO q VALUES ' . join(', ', map {
				my ($x, $y) = ($vectors->[ 10 * $_ + 2 ], $vectors->[ (10 * $_ + 17) % @$vectors ]);
				"($_, '" . text_of($c->{type}, [ map { sprintf('%.4f', ($x->[$_] + $y->[$_]) / 2) } 0 .. $#$x ]) . "')"
			} 0 .. 299));
	$db->must("CREATE INDEX t_v $w->{index}") if $c->{grown};
	for my $client (0 .. $w->{clients} - 1)
	{
		my $load = Load->new($client, $w, {});
		my %rows = map { ($load->new_id => $load->fresh_row(0)) } 1 .. 300;
		$load->apply(\%rows);
		$db->must('INSERT INTO t VALUES ' . join(', ', map { $load->values_of($_, $rows{$_}) } sort { $a <=> $b } keys %rows));
		$w->{models}[$client] = $load->result;
	}
	$db->must("CREATE INDEX t_v $w->{index}") unless $c->{grown};
	return $w;
}

# ------------------------------------------------------------ load and kill

sub start_clients
{
	my ($w, $round) = @_;
	my @pids;
	for my $client (0 .. $w->{clients} + $w->{readers})
	{
		my $seed = int(rand(2**31));
		my $pid = fork() // die "fork: $!\n";
		if (!$pid)
		{
			srand($seed);
			my $class = $w->{training} && $client == $w->{clients} ? 'Training' : 'Load';
			my $load = $class->new($client, $w, $w->{models}[$client] // {});
			eval { $client > $w->{clients} ? $load->read : $class eq 'Load' && $client == $w->{clients} ? $load->maintain : $load->run; 1 } or $load->problem($@);
			store($load->result, "$w->{socket}/client$client");
			_exit(0);
		}
		push @pids, $pid;
	}
	return @pids;
}

# points_of -- the names of all points: of functions that finish a WAL record, and those given.
sub points_of
{
	my ($folder) = @_;
	my @names;
	for my $file (glob("$folder/src/storage/*.c $folder/src/hnsw/*.c $folder/src/hnsw/*/*.c"))
	{
		my ($base, $function) = ($file =~ m{([^/]*)\.c$}, '');
		for my $line (split /\n/, Cluster::slurp($file))
		{
			$function = $1 if $line =~ /^(\w+)\(/;
			push @names, "$base.$function" if $line =~ /^\s+OhWriteFinish\(/;
			push @names, "$base.$1" if $line =~ /^\s+OH_CRASH_POINT\("(\w+)"\)/;
		}
	}
	my %once = map { ($_ => 1) } @names;
	return sort keys %once;
}

sub points_seen
{
	my ($w) = @_;
	my $file = "$w->{cluster}{data}/omendb_crash_seen";
	my %seen = map { ($_ => 1) } -e $file ? split(/\n/, Cluster::slurp($file)) : ();
	$points_passed{$_} = 1 for keys %seen;
	return sort keys %seen;
}

# before_the_kill -- recall while all clients stand still, until they are told to go on by `unpause`. If some do not come
# to stand still, or one does within a transaction that has locked the table, all go on, and nothing is measured. Autovacuum
# must not change the index until recall is measured again: one that is running is cancelled by the ALTER TABLE.
sub before_the_kill
{
	my ($w) = @_;
	my $pause = "$w->{socket}/pause";
	Cluster::spew($pause, '');
	my $end = time + 8;
	sleep 0.005 while time < $end && grep { !-e "$w->{socket}/paused$_" } 0 .. $w->{clients};
	$w->{still} = !grep { !-e "$w->{socket}/paused$_" } 0 .. $w->{clients};
	if ($w->{still})
	{
		my $db = $w->{cluster}->ready(10) or die "no connection\n";
		$db->must("SET lock_timeout = '3s'");
		return recall_of_t($w, $db, 20) if !$db->query('ALTER TABLE t SET (autovacuum_enabled = off)')->{error};
		$w->{still} = 0;
	}
	unpause($w);
	return;
}

sub unpause
{
	my ($w) = @_;
	unlink "$w->{socket}/pause";
	return;
}

# random_kill, point_kill... each returns what is to be said of it.
sub kill_at_point
{
	my ($w) = @_;
	my $data = $w->{cluster}{data};
	my @names = $w->{training} ? grep { /$Training::POINTS/ } @points : points_seen($w);
	return 'no point seen yet' unless @names;
	# those that were hit least, then those that were aimed at least
	@names = sort { ($points_hit{$a} // 0) <=> ($points_hit{$b} // 0) || ($points_aimed{$a} // 0) <=> ($points_aimed{$b} // 0) || $a cmp $b } @names;
	my $name = pick(@names[ 0 .. max(0, int($#names / 2)) ]);
	$points_aimed{$name}++;
	unlink "$data/omendb_crash_hit";
	sleep rand(0.2);
	Cluster::spew("$data/omendb_crash_armed", join(' ', $name, 1 + int(rand(rand(20))), rand() < 0.7 ? 1 : 0) . "\n");
	my $end = time + 3;
	sleep 0.005 while time < $end && !-e "$data/omendb_crash_hit";
	my $hit = -e "$data/omendb_crash_hit";
	# the others go on for a moment
	sleep rand(0.03) if $hit;
	$w->{cluster}->kill_all;
	unlink "$data/omendb_crash_armed", "$data/omendb_crash_hit";
	$points_hit{$name} += $hit ? 1 : 0;
	return "point $name, " . ($hit ? 'hit' : 'not hit');
}

# kill_backend -- one process is killed; the postmaster takes the others down, and recovers.
sub kill_backend
{
	my ($w) = @_;
	my @children = Cluster::children($w->{cluster}{pid});
	# a process may end at any time
	my %title;
	for my $child (@children)
	{
		$title{$child} = $1 if (eval { Cluster::slurp("/proc/$child/cmdline") } // '') =~ /postgres: ([^\0]*)/;
	}
	my @busy = grep { ($title{$_} // '') =~ /^(postgres|parallel|autovacuum worker|checkpointer)/ } @children;
	return kill_at_random($w) unless @busy;
	my $pid = pick(@busy);
	my $title = $title{$pid} =~ s/\s+$//r;
	kill('KILL', $pid);
	return "one process killed: $title";
}

sub kill_at_random
{
	my ($w) = @_;
	$w->{cluster}->kill_all;
	return 'killed';
}

# stop_in_order -- what a load does to recall without a crash.
sub stop_in_order
{
	my ($w) = @_;
	$w->{cluster}->stop('INT');
	return 'stopped, for comparison';
}

# What a kill and a failure of the disk leave of pages that no checkpoint has synced: each is as it
# was, or as it was written, or the first half of one and the rest of the other.
sub snapshot
{
	my ($w, $db) = @_;
	# none may come before the kill
	$db->must("ALTER SYSTEM SET max_wal_size = '4GB'", 'SELECT pg_reload_conf()', 'SELECT pg_sleep(0.1)', 'CHECKPOINT');
	my $base = "$w->{cluster}{data}/base/" . $db->value("SELECT oid FROM pg_database WHERE datname = 'postgres'");
	my %pages;
	for my $file (glob("$base/*"))
	{
		next unless $file =~ m{/\d+(_\w+)?(\.\d+)?$} && -f $file;
		$pages{$file} = eval { Cluster::slurp($file) } // '';
	}
	return { base => $base, pages => \%pages, redo => redo_of($w) };
}

sub redo_of
{
	my ($w) = @_;
	my ($redo) = Cluster::run('pg_controldata', '-D', $w->{cluster}{data}) =~ /REDO location: +(\S+)/;
	return $redo;
}

sub tear
{
	my ($w, $before) = @_;
	return 'a checkpoint came in between' if redo_of($w) ne $before->{redo};
	my $torn = 0;
	for my $file (grep { m{/\d+(_\w+)?(\.\d+)?$} && -f } glob("$before->{base}/*"))
	{
		my $now = Cluster::slurp($file);
		my $old = $before->{pages}{$file} // '';
		next if $now eq $old;
		my $changed = 0;
		for (my $at = 0; $at < length $now; $at += 8192)
		{
			my $page = substr($now, $at, 8192);
			my $was = length($old) >= $at + 8192 ? substr($old, $at, 8192) : "\0" x 8192;
			next if $page eq $was || rand() < 0.4;
			my $cut = 512 * int(rand(17));
			substr($now, $at, 8192) = rand() < 0.5 ? substr($was, 0, $cut) . substr($page, $cut) : substr($page, 0, $cut) . substr($was, $cut);
			$changed++;
		}
		Cluster::spew($file, $now) if $changed;
		$torn += $changed;
	}
	$torn_pages += $torn;
	return "$torn pages as before or torn";
}

# ------------------------------------------------------------ what must be true

my @troubles;

sub trouble { push @troubles, @_; return; }

# resolve_prepared -- those acknowledged must be there; then they are ended, one way or the other.
sub resolve_prepared
{
	my ($w, $db) = @_;
	my %there = map { ($_->[0] => 1) } @{ $db->query('SELECT gid FROM pg_prepared_xacts')->{rows} };
	for my $model (@{ $w->{models} })
	{
		my $doubt = $model->{doubt};
		my $gid = $doubt ? $doubt->{gid} // '' : '';
		if ($doubt && $doubt->{what} eq 'prepare' && $there{$gid}) { $model->{prepared}{$gid} = { delta => $doubt->{delta} }; }
		if ($doubt && $doubt->{what} =~ /prepared$/ && !$there{$gid})
		{
			delete $model->{prepared}{$gid};
			Load::apply($model, $doubt->{delta}) if $doubt->{what} eq 'commit prepared';
		}
		$model->{doubt} = undef if $doubt && $doubt->{what} ne 'commit';
		for my $prepared (keys %{ $model->{prepared} })
		{
			trouble("prepared transaction $prepared is lost") unless delete $there{$prepared};
		}
	}
	trouble("prepared transaction $_ is there, and was ended") for keys %there;
	return;
}

sub end_prepared
{
	my ($w, $db) = @_;
	for my $model (@{ $w->{models} })
	{
		for my $gid (keys %{ $model->{prepared} })
		{
			my $commit = rand() < 0.5;
			$db->must(($commit ? 'COMMIT' : 'ROLLBACK') . " PREPARED '$gid'");
			Load::apply($model, $model->{prepared}{$gid}{delta}) if $commit;
		}
		$model->{prepared} = {};
	}
	return;
}

sub same
{
	my ($want, $is) = @_;
	return 0 unless keys %$want == keys %$is;
	for my $id (keys %$want) { return 0 unless defined $is->{$id} && join(' ', @{ $want->{$id} }) eq $is->{$id}; }
	return 1;
}

# check_rows -- rows of each client as acknowledged; a transaction in doubt has happened or has not.
sub check_rows
{
	my ($w, $db) = @_;
	my @is;
	my $reply = $db->query('SET enable_indexscan = off; SELECT id, ver, t.k, coalesce(cat::text, \'NULL\'), t.v IS NOT DISTINCT FROM pool.v, tag IS NOT DISTINCT FROM \'tag \' || cat % 5'
		  . ' FROM t LEFT JOIN pool USING (k); RESET enable_indexscan');
	die "rows: $reply->{error}\n" if $reply->{error};
	for my $row (@{ $reply->{rows} })
	{
		my ($id, $ver, $k, $cat, $same, $tag) = @$row;
		trouble("row $id is not what was written") unless $same && $same eq 't' && $tag eq 't';
		trouble("row $id twice") if defined $is[ $id % $w->{clients} ]{$id};
		$is[ $id % $w->{clients} ]{$id} = "$ver $k $cat";
	}
	for my $client (0 .. $w->{clients} - 1)
	{
		my $model = $w->{models}[$client];
		my $is = $is[$client] // {};
		my $doubt = delete $model->{doubt};
		$in_doubt++ if $doubt;
		next if same($model->{rows}, $is);
		if ($doubt)
		{
			Load::apply($model, $doubt->{delta});
			next if same($model->{rows}, $is);
		}
		my @differ = grep { join(' ', @{ $model->{rows}{$_} // [] }) ne ($is->{$_} // '') } keys %{ { %{ $model->{rows} }, %$is } };
		trouble("client $client: rows @differ[0 .. min(9, $#differ)] differ from what was acknowledged" . ($doubt ? ' (a transaction in doubt)' : ''));
	}
	return scalar @{ $reply->{rows} };
}

# check_indexes -- of what a crash left of concurrent builds nothing is valid; the others must be sound.
sub check_indexes
{
	my ($w, $db, %how) = @_;
	for my $row (@{ $db->query("SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam"
			  . " WHERE i.indrelid = 't'::regclass AND a.amname = 'omenhnsw'")->{rows} })
	{
		my ($name, $valid) = @$row;
		if ($valid ne 't' || $name eq 't_x' || $name =~ /_cc(new|old)/)
		{
			$db->must("DROP INDEX $name") if $how{drop};
			next;
		}
		my $reply = $db->query("SELECT unreachable, stale_links, dead_nodes FROM omendb_index_check('$name', $how{heap})");
		trouble("$name: $reply->{error}") if $reply->{error};
		trouble("$name: the connection was lost in the checker") if $reply->{lost};
		next if $reply->{error} || $reply->{lost} || !$how{vacuumed};
		trouble("$name after a vacuum: unreachable, stale, dead: @{ $reply->{rows}[0] }") if "@{ $reply->{rows}[0] }" ne '0 0 0';
	}
	return;
}

# check_scans -- through the index comes every row, and with conditions what a sequential scan finds.
sub check_scans
{
	my ($w, $db, $rows) = @_;
	my $order = "ORDER BY v $w->{operator} '" . pick(@{ $w->{pool} }) . "'";
	for my $condition ('true', 'cat = 7', 'cat < 6', 'cat IS NULL', "tag = 'tag 2' AND cat > 3")
	{
		my @found = map { $db->value("SELECT count(*) || ' ' || count(DISTINCT id) || ' ' || coalesce(sum(id), 0) FROM (SELECT id FROM t WHERE $condition $_) s") }
		  ('OFFSET 0', $order);
		trouble("WHERE $condition: $found[1] by the index, $found[0] by the table") if $found[0] ne $found[1];
	}
	return;
}

# exact_answers, measure -- the distance of the tenth row of each query, in a transaction, and recall. Up to
# 1,000 nodes, or 25 times ef_search, are compared whole, so that at 20 the graph decides, and at 100 codes alone.
sub exact_answers
{
	my ($w, $db, $table) = @_;
	$db->must('SET LOCAL enable_indexscan = off', 'SET LOCAL enable_seqscan = on', 'SET LOCAL enable_sort = on',
		"UPDATE q SET kth = (SELECT max(d) FROM (SELECT $table.v $w->{operator} q.v AS d FROM $table ORDER BY 1 LIMIT 10) s)",
		'SET LOCAL enable_indexscan = on', 'SET LOCAL enable_seqscan = off', 'SET LOCAL enable_sort = off');
	return;
}

sub measure
{
	my ($w, $db, $table, $ef) = @_;
	$db->must("SET LOCAL omenhnsw.ef_search = $ef");
	return $db->value("SELECT count(*) FROM q, LATERAL (SELECT v $w->{operator} q.v AS d FROM $table ORDER BY v $w->{operator} q.v LIMIT 10) s WHERE d <= kth + 1e-6 * abs(kth)")
	  / (10 * $db->value('SELECT count(*) FROM q'));
}

# recall_of_t -- of its first index, not of the other one, which prepared transactions may have locked; a figure for
# each ef_search.
sub recall_of_t
{
	my ($w, $db, @ef) = @_;
	$db->must('BEGIN', "UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass('t_w')");
	exact_answers($w, $db, 't');
	my @recall = map { measure($w, $db, 't', $_) } @ef;
	$db->must('ROLLBACK');
	return wantarray ? @recall : $recall[0];
}

# check_training -- the table u: rows as acknowledged, its index sound, and once a vacuum has ended the
# training as good as a new one.
sub check_training
{
	my ($w, $db) = @_;
	my $model = $w->{models}[ $w->{clients} ] or return;
	my $doubt = delete $model->{doubt};
	my $reply = $db->query('SELECT id, k FROM u');
	my %is = map { ($_->[0] => $_->[1]) } @{ $reply->{rows} };
	Load::apply($model, $doubt->{delta}) if $doubt && !same($model->{rows}, \%is);
	trouble('u: ' . keys(%is) . ' rows, ' . keys(%{ $model->{rows} }) . ' acknowledged' . ($doubt ? ' (a transaction in doubt)' : ''))
	  unless same($model->{rows}, \%is);
	for my $state ('', ' after a vacuum')
	{
		$db->must('VACUUM u') if $state;
		$reply = $db->query("SELECT unreachable, stale_links, dead_nodes FROM omendb_index_check('u_v', true)");
		trouble("u_v$state: " . ($reply->{error} // 'the connection was lost')) if $reply->{error} || $reply->{lost};
		trouble("u_v$state: unreachable, stale, dead: @{ $reply->{rows}[0] }") if $state && !$reply->{error} && "@{ $reply->{rows}[0] }" ne '0 0 0';
	}
	return if keys %is < 100;
	$db->must('BEGIN');
	exact_answers($w, $db, 'u');
	my @recall = (measure($w, $db, 'u', 20));
	$db->must('REINDEX INDEX u_v');
	push @recall, measure($w, $db, 'u', 20);
	$db->must('ROLLBACK');
	push @{ $trained{ $w->{c}{codes} } }, $recall[0] - $recall[1];
	return;
}

# is_coarse -- under inner product and with codes of one bit a model of other rows says least.
sub is_coarse
{
	my ($w) = @_;
	return $w->{c}{metric} eq 'ip' || $w->{c}{quantizer} eq 'binary' || ($w->{c}{bits} // 4) == 1;
}

# recall -- of the index as it is and of one that is built now.
sub check_recall
{
	my ($w, $db, $kind) = @_;
	$db->must('BEGIN');
	exact_answers($w, $db, 't');
	$db->must('SAVEPOINT s', 'DROP INDEX IF EXISTS t_w');
	my @recall = map { measure($w, $db, 't', $_) } 20, 100;
	$db->must('ROLLBACK TO s', 'DROP INDEX t_v, ' . ($db->value("SELECT to_regclass('t_w') IS NOT NULL") eq 't' ? 't_w' : 't_v'), "CREATE INDEX t_f $w->{index}");
	push @recall, map { measure($w, $db, 't', $_) } 20, 100;
	$db->must('ROLLBACK');
	push @recalls, [ $w->{c}{codes}, $kind, @recall[ 1, 3 ], is_coarse($w) ];
	# an index whose rows have moved is not as good as a new one until a vacuum has trained it again, crash or not
	trouble(sprintf('recall %.4f, of a new index %.4f', @recall[ 1, 3 ])) if $recall[1] < $recall[3] - (is_coarse($w) ? 0.25 : 0.06);
	return @recall;
}

sub verify
{
	my ($w, $db, $kind, $strict, $before) = @_;
	$db->must('SET enable_seqscan = off', 'SET enable_sort = off', 'SET client_min_messages = error', "SET lock_timeout = '60s'");
	my $after;
	if ($w->{still})
	{
		$after = recall_of_t($w, $db, 20);
		$db->must('ALTER TABLE t RESET (autovacuum_enabled)');
	}
	resolve_prepared($w, $db);
	check_indexes($w, $db, heap => 'false');
	end_prepared($w, $db);	# before anything that waits for their locks
	my $rows = check_rows($w, $db);
	check_scans($w, $db, $rows);
	check_indexes($w, $db, heap => 'true', drop => 1);
	my @recall = check_recall($w, $db, $kind);
	check_training($w, $db) if $w->{training};
	if ($strict)
	{
		$db->must('VACUUM t');
		check_indexes($w, $db, heap => 'true', vacuumed => 1);
		# the same rows, without those that are dead, and with a model of them
		my @now = recall_of_t($w, $db, 20, 100);
		push @{ $vacuumed{ $w->{c}{codes} } }, $now[0] - $recall[2];
		trouble(sprintf('recall %.4f after a vacuum, of a new index %.4f', $now[1], $recall[3])) if $now[1] < $recall[3] - (is_coarse($w) ? 0.12 : 0.06);
	}
	# the same rows in the same index: only hints may be lost
	if ($w->{still})
	{
		push @pairs, [ $w->{c}{codes}, $kind, $after - $before ];
		trouble(sprintf('recall %.4f just before the kill, %.4f after it', $before, $after)) if $after < $before - 0.01;
	}
	return sprintf('%d rows, recall %s before, %.4f after, new %.4f', $rows, defined $before ? sprintf('%.4f', $before) : 'unknown', @recall[ 0, 2 ]);
}

# ------------------------------------------------------------ rounds

sub one_kill
{
	my ($w, $db, $number) = @_;
	my $cluster = $w->{cluster};
	my $kind = $option{kind} // pick(qw(random random point point point point train train recovery recovery backend torn stop));
	$kind = 'point' if $kind eq 'train' && !Training::trains($w->{c});
	$kind = 'random' if $kind eq 'torn' && ($w->{c}{full_page_writes} ne 'on' || $w->{c}{wal_level} eq 'minimal');
	$w->{half} = int($number / 3) % 2;
	my $before = $kind eq 'torn' ? snapshot($w, $db) : undef;
	my $log = -s "$cluster->{folder}/log";
	undef $db;
	$w->{training} = $kind eq 'train';
	$w->{torn} = $kind eq 'torn';
	$w->{soak} = $kind eq 'soak';
	# With clients that stand still nothing but the kill changes recall; the others are killed at work.
	$w->{still} = $kind =~ /random|recovery|backend|torn|stop/ && rand() < 0.4;
	$w->{readers} = $w->{soak} ? $Soak::READERS : 0;
	my @clients = start_clients($w);
	my $waits = $w->{soak} ? Soak::watch($w, $option{seconds}) : undef;
	sleep 0.1 + rand(rand(1.5));
	my $recall = $w->{still} ? before_the_kill($w) : undef;
	sleep rand(0.05);
	my $said = $kind =~ /point|train/ ? kill_at_point($w) : $kind eq 'backend' ? kill_backend($w) :
	  $kind =~ /stop|soak/ ? stop_in_order($w) : kill_at_random($w);
	unpause($w);
	waitpid($_, 0) for @clients;
	my @problems;
	for my $client (0 .. $w->{clients} + $w->{readers})
	{
		my $result = eval { retrieve("$w->{socket}/client$client") } or do { push @problems, "client $client died"; next };
		unlink "$w->{socket}/client$client";
		$acked += $result->{acked};
		$searches += $result->{searches};
		$done{$_} += $result->{done}{$_} for keys %{ $result->{done} };
		push @problems, @{ delete $result->{problems} };
		$w->{models}[$client] = $result if $client <= $w->{clients};
	}
	$said .= ', ' . tear($w, $before) if $before;
	my $gone = kill(0, $cluster->{pid}) == 0 || waitpid($cluster->{pid}, 1) == $cluster->{pid};
	if ($kind eq 'recovery')
	{
		for (1 .. 1 + int(rand(3)))
		{
			$cluster->begin;
			sleep rand(0.25);
			$cluster->kill_all;
			$recoveries_killed++;
		}
		$said .= ', and in recovery';
	}
	$cluster->begin if $gone;
	@troubles = @problems;
	$kinds{$kind}++;
	if ($waits)
	{
		$said .= sprintf(', readers seen waiting for a lock in %d of %d samples, at most %.0f ms', $waits->{waits} // 0, $waits->{samples} // 0, 1000 * ($waits->{longest} // 0));
		# between two samples a lock may come and go: PostgreSQL's own of an index that is swapped
		trouble($said) if ($waits->{longest} // 0) > 0.5;
	}
	my $new = $cluster->ready(120);
	my $figures = '';
	if (!$new) { trouble("the server does not start:\n" . $cluster->log_tail); }
	else { eval { $figures = verify($w, $new, $kind, $number % 4 == 3, $recall); 1 } or trouble($@); }
	points_seen($w);
	my $text = substr(Cluster::slurp("$cluster->{folder}/log"), $log);
	# a page of a free space map may be torn: PostgreSQL begins it again
	trouble("in the log: $_") for grep { !/_fsm; zeroing out page/ && /TRAP:|PANIC|signal 11|signal 6\b|signal 7\b|inconsistent page|invalid page|XX00/ } split /\n/, $text;
	if ($w->{soak}) { print "$acked transactions, $searches searches: $said; $figures\n"; }
	if (@troubles)
	{
		$failed++;
		print "kill $number ($kind: $said) FAILED: $figures\n", map { "    $_\n" } @troubles[ 0 .. min(9, $#troubles) ];
	}
	else
	{
		$passed++;
		print "kill $number ($kind: $said): $figures\n" if $option{verbose};
	}
	return @troubles ? undef : $new;
}

# spread(what, values...) -- mean, deviation, the least, and how many are beyond .01.
sub spread
{
	my ($what, @x) = @_;
	return unless @x;
	my $mean = sum(@x) / @x;
	printf "%s: %d times, mean %.4f, deviation %.4f, least %.4f, %d below -.01, %d above .01\n", $what, scalar @x, $mean,
	  sqrt(sum(map { ($_ - $mean)**2 } @x) / @x), min(@x), scalar(grep { $_ < -0.01 } @x), scalar(grep { $_ > 0.01 } @x);
	return;
}

sub report
{
	my ($seconds) = @_;
	printf "%d kills in %d s: %s; %d more in recovery\n", $passed + $failed, $seconds, join(', ', map { "$_ $kinds{$_}" } sort keys %kinds), $recoveries_killed;
	print "$acked transactions acknowledged, $in_doubt in doubt, $searches searches; $torn_pages pages dropped or torn\n";
	print 'statements: ', join(', ', map { "$_ $done{$_}" } sort keys %done), "\n";
	print 'kills at points: ', join(', ', map { "$_ $points_hit{$_}" } sort keys %points_hit), "\n";
	for ([ 'passed', \%points_passed ], [ 'killed at', { map { ($_ => 1) } grep { $points_hit{$_} } keys %points_hit } ])
	{
		my ($what, $set) = @$_;
		my @never = grep { !$set->{$_} } @points;
		printf "points %s: %d of %d%s\n", $what, @points - @never, scalar @points, @never ? ', not: ' . join(', ', @never) : '';
	}
	spread("recall after a vacuum less that of an index built then, $_", @{ $vacuumed{$_} }) for sort keys %vacuumed;
	spread("index u, trained in part, less one built then, $_", @{ $trained{$_} }) for sort keys %trained;
	for my $stopped (0, 1)
	{
		my %pairs;
		push @{ $pairs{ $_->[0] } }, $_->[2] for grep { ($_->[1] eq 'stop') == $stopped } @pairs;
		spread('recall ' . ($stopped ? 'after a stop' : 'after a kill') . " less that before, $_", @{ $pairs{$_} }) for sort keys %pairs;
		spread('recall ' . ($stopped ? 'after a stop' : 'after a kill') . ' less that before, all', map { @$_ } values %pairs);
	}
	my (%by, %apart);
	push @{ $by{"$_->[0], " . ($_->[1] eq 'stop' ? 'stopped' : 'killed') } }, $_->[2] - $_->[3] for @recalls;
	push @{ $apart{ $_->[1] eq 'stop' ? 'stopped' : 'killed' } }, $_->[2] - $_->[3] for @recalls;
	push @{ $apart{fine} }, $_->[2] - $_->[3] for grep { $_->[1] ne 'stop' && !$_->[4] } @recalls;
	printf "recall less that of an index built then, %s: mean %.4f, least %.4f, %d times\n", $_, sum(@{ $by{$_} }) / @{ $by{$_} }, min(@{ $by{$_} }),
	  scalar @{ $by{$_} } for sort keys %by;
	# What a load that moves rows costs until the next training is in both. Without stops, new indexes are compared with,
	# but for codes that suffer most of that.
	my %mean = map { ($_ => sum(@{ $apart{$_} }) / @{ $apart{$_} }) } grep { @{ $apart{$_} } >= 20 } keys %apart;
	my $stopped = $mean{stopped};
	my $killed = defined $stopped ? $mean{killed} : $mean{fine};
	if (defined $killed && $killed < ($stopped // 0) - 0.01)
	{
		$failed++;
		printf "recall after kills is lower by more than .01 than %s: %.4f\n", defined $stopped ? 'after stops' : 'that of new indexes', $killed;
	}
	return;
}

# Whatever ends this program: no server stays.
END { my $status = $?; $current->kill_all if $current && $current->{pid} && $$ == $current->{owner}; $? = $status; }
my $begin = time;
my $parent = $$;
# an interrupted run says what it has seen
$SIG{$_} = sub { _exit(130) if $$ != $parent; report(time - $begin); print "interrupted: $passed passed, $failed failed\n"; exit 130 } for qw(INT TERM);

my $build = Cluster::build($tree, $work);
@points = points_of($build);
# which types and metrics there are
my $script = Cluster::slurp("$build/src/sql/omendb--0.1.0.sql");
$indexed{$1}{$2} = 1 while $script =~ /^CREATE OPERATOR CLASS (\w+)_(l2|ip|cosine|l1|hamming|jaccard)_ops\s+(?:DEFAULT )?FOR TYPE \1 USING omenhnsw/mg;
srand($option{seed});
my $number = 0;

# run_clusters(kills) -- until there have been that many in all.
sub run_clusters
{
	my ($kills) = @_;
	while ($number < $kills)
	{
		# what one cluster does by chance does not change what the next one is
		srand($option{seed} * 1000 + $nclusters);
		my $w = new_world($build);
		my $db = 1;
		for (1 .. $option{each})
		{
			last if $number >= $kills;
			$db = $w->{cluster}->ready(10) or last;
			$db = one_kill($w, $db, $number++) or last;
		}
		$w->{cluster}->kill_all;
		# what failed stays there to be looked at
		if ($db) { system('rm', '-rf', $w->{socket}); }
		else { print "    kept $w->{socket}\n"; }
	}
	return;
}

run_clusters($option{kills});
if ($option{soak})
{
	@option{qw(kind seconds)} = ('soak', $option{soak});
	run_clusters($option{kills} + 1);
}
report(time - $begin);
print "$passed passed, $failed failed\n";
exit($failed ? 1 : 0);
