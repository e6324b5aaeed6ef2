# Load.pm -- a client of the crash test: mixed changes of its own rows, until the server goes.
#
# Each client has the ids that leave its number when divided by the number of clients, so that it knows
# what its rows are: `rows` is what was acknowledged. When the connection is lost, at most one
# transaction is in doubt: its commit was sent and not acknowledged.
package Load;

use strict;
use warnings;
use Time::HiRes qw(sleep);
use Wire;

# Errors that are the business of a load: deadlocks, timeouts, a server that goes, an index that could not be
# dropped before.
my $EXPECTED = qr/^(?:40P01|55P03|57014|57P0[1-5]|55006|40001|42P07)/;

# In a soak nobody takes a lock that others have to wait for; what maintains gives up on prepared transactions.
my $EXPECTED_IN_SOAK = qr/^(?:57P0[1-5]|40001|57014|42P07|55P03: canceling statement due to lock timeout$)/;

# new(class, client number, world, model): world has clients, pool (texts of vectors), type, operator, rows
# (aimed at), half (which half of the pool is preferred), index (how to create one), socket.
sub new
{
	my ($class, $number, $world, $model) = @_;
	return bless {
		number => $number, world => $world, rows => $model->{rows} // {}, next => $model->{next} // 0,
		prepared => $model->{prepared} // {}, doubt => undef, acked => 0, searches => 0, problems => [], done => {} }, $class;
}

# result -- what the parent gets.
sub result
{
	my ($self) = @_;
	return { map { $_ => $self->{$_} } qw(rows next prepared doubt acked searches problems done) };
}

sub problem
{
	my ($self, $text) = @_;
	push @{ $self->{problems} }, "client $self->{number}: $text";
	return;
}

sub connect
{
	my ($self, @settings) = @_;
	$self->{connection} = Wire->connect($self->{world}{socket}, 'postgres') or return;
	$self->{connection}->query($_) for 'SET enable_seqscan = off', 'SET client_min_messages = warning', @settings;
	return 1;
}

# ask(sql, copy) -- the reply; undef if the connection is lost, or lost enough.
sub ask
{
	my ($self, $sql, $copy) = @_;
	my $reply = $self->{connection}->query($sql, $copy);
	$self->problem("$reply->{error} in " . substr($sql, 0, 300)) if $reply->{error} && $reply->{error} !~ ($self->{world}{soak} ? $EXPECTED_IN_SOAK : $EXPECTED);
	return $reply;
}

sub gone { return $_[0]->{lost} || $_[0]->{fatal}; }

# ------------------------------------------------------------ statements

sub new_id
{
	my ($self) = @_;
	return $self->{number} + $self->{world}{clients} * $self->{next}++;
}

# A vector: from the half of the pool that is preferred now, and rarely one that many rows have, or -1 for NULL.
sub some_vector
{
	my ($self) = @_;
	my $n = @{ $self->{world}{pool} };
	return -1 if rand() < 0.03;
	return int(rand(3)) if rand() < 0.05;
	return int($n / 2 * ($self->{world}{half} + rand(1))) if rand() < 0.8;
	return int(rand($n));
}

sub some_category { return rand() < 0.05 ? 'NULL' : int(rand(20)); }

# some_ids(view, n) -- up to n ids of rows that are there and that no prepared transaction has locked.
sub some_ids
{
	my ($self, $view, $n) = @_;
	my %locked = map { map { ($_ => 1) } keys %{ $_->{delta} } } values %{ $self->{prepared} };
	my @ids = grep { defined $view->{$_} && !$locked{$_} } keys %$view;
	my %chosen = map { ($ids[ rand @ids ] => 1) } @ids ? (1 .. $n) : ();
	return sort { $a <=> $b } keys %chosen;
}

sub tag_of { return $_[0] eq 'NULL' ? 'NULL' : "'tag " . $_[0] % 5 . "'"; }

sub literal { my ($self, $k) = @_; return $k < 0 ? 'NULL' : "'$self->{world}{pool}[$k]'"; }

sub values_of
{
	my ($self, $id, $row) = @_;
	my ($ver, $k, $cat) = @$row;
	return "($id, $ver, $k, $cat, " . tag_of($cat) . ', ' . $self->literal($k) . ')';
}

sub fresh_row { my ($self, $ver) = @_; return [ $ver, $self->some_vector, $self->some_category ]; }

my %STATEMENT = (
	insert => sub {
		my ($self, $view, $n) = @_;
		my %delta = map { ($self->new_id => $self->fresh_row(0)) } 1 .. $n;
		return ('INSERT INTO t VALUES ' . join(', ', map { $self->values_of($_, $delta{$_}) } sort keys %delta), \%delta);
	},
	copy => sub {
		my ($self, $view, $n) = @_;
		my %delta = map { ($self->new_id => $self->fresh_row(0)) } 1 .. 5 * $n;
		my $lines = '';
		for my $id (sort keys %delta)
		{
			my ($ver, $k, $cat) = @{ $delta{$id} };
			$lines .= join("\t", $id, $ver, $k, $cat eq 'NULL' ? ('\N', '\N') : ($cat, 'tag ' . $cat % 5), $k < 0 ? '\N' : $self->{world}{pool}[$k]) . "\n";
		}
		return ('COPY t FROM STDIN', \%delta, $lines);
	},
	update_vector => sub {
		my ($self, $view, $n) = @_;
		my %delta = map { ($_ => [ $view->{$_}[0] + 1, $self->some_vector, $view->{$_}[2] ]) } $self->some_ids($view, $n);
		return unless %delta;
		return ("UPDATE t SET ver = t.ver + 1, k = n.k, v = n.v::$self->{world}{type} FROM (VALUES "
			  . join(', ', map { "($_, $delta{$_}[1], " . $self->literal($delta{$_}[1]) . ')' } sort keys %delta)
			  . ') n(id, k, v) WHERE t.id = n.id', \%delta);
	},
	update_category => sub {
		my ($self, $view, $n) = @_;
		my $cat = some_category();
		my %delta = map { ($_ => [ $view->{$_}[0] + 1, $view->{$_}[1], $cat ]) } $self->some_ids($view, $n);
		return unless %delta;
		return ("UPDATE t SET ver = ver + 1, cat = $cat, tag = " . tag_of($cat) . ' WHERE id IN (' . join(', ', sort keys %delta) . ')', \%delta);
	},
	delete => sub {
		my ($self, $view, $n) = @_;
		my %delta = map { ($_ => undef) } $self->some_ids($view, 3 * $n);
		return unless %delta;
		return ('DELETE FROM t WHERE id IN (' . join(', ', sort keys %delta) . ')', \%delta);
	},
	upsert => sub {
		my ($self, $view, $n) = @_;
		my %delta = map { ($_ => $self->fresh_row($view->{$_}[0] + 1)) } $self->some_ids($view, $n);
		$delta{ $self->new_id } = $self->fresh_row(0) for 1 .. 2;
		return ('INSERT INTO t VALUES ' . join(', ', map { $self->values_of($_, $delta{$_}) } sort keys %delta)
			  . ' ON CONFLICT (id) DO UPDATE SET ver = excluded.ver, k = excluded.k, cat = excluded.cat, tag = excluded.tag, v = excluded.v',
			\%delta);
	});

# some_statement(view) -- name, SQL, what it changes, what COPY reads.
sub some_statement
{
	my ($self, $view) = @_;
	my $many = grep { defined } values %$view;
	my $share = $many / $self->{world}{rows};
	my $name = rand() < $share * 0.3 ? 'delete'
	  : (qw(insert insert insert copy update_vector update_vector update_category upsert))[ rand 8 ];
	my $n = rand() < 0.5 ? 1 : 1 + int(rand(12));
	my @statement = $STATEMENT{$name}->($self, $view, $n);
	return @statement ? ($name, @statement) : ('insert', $STATEMENT{insert}->($self, $view, $n));
}

# execute(view) -- a statement; its changes, or undef if it failed.
sub execute
{
	my ($self, $view) = @_;
	my ($name, $sql, $delta, $copy) = $self->some_statement($view);
	my $reply = $self->ask($sql, $copy);
	$self->{done}{$name}++;
	my ($rows) = map { /(\d+)$/ } @{ $reply->{tags} };
	$self->problem("$name changed $rows rows instead of " . keys(%$delta)) if defined $rows && $rows != keys %$delta;
	return ($delta, $reply);
}

# ------------------------------------------------------------ transactions

sub apply
{
	my ($self, $delta) = @_;
	for my $id (keys %$delta)
	{
		if (defined $delta->{$id}) { $self->{rows}{$id} = $delta->{$id}; }
		else { delete $self->{rows}{$id}; }
	}
	return;
}

# settle(what, reply, delta, gid) -- a command that ends a transaction was answered, or not. 1: done.
sub settle
{
	my ($self, $what, $reply, $delta, $gid) = @_;
	if (@{ $reply->{tags} } && $reply->{tags}[0] !~ /^ROLLBACK$/)
	{
		$self->{acked}++;
		return 1;
	}
	$self->{doubt} = { what => $what, delta => $delta, gid => $gid } if gone($reply);
	return 0;
}

sub single
{
	my ($self) = @_;
	my ($delta, $reply) = $self->execute($self->{rows});
	$self->apply($delta) if $self->settle('commit', $reply, $delta);
	return !gone($reply);
}

sub transaction
{
	my ($self) = @_;
	my %delta;
	return 0 if gone($self->ask('BEGIN'));
	for (1 .. 1 + int(rand(4)))
	{
		my $nested = rand() < 0.3;
		return 0 if $nested && gone($self->ask('SAVEPOINT s'));
		my ($changes, $reply) = $self->execute({ %{ $self->{rows} }, %delta });
		return 0 if gone($reply);
		return !gone($self->ask('ROLLBACK')) if $reply->{error};
		my $back = $nested && rand() < 0.5;
		return 0 if $nested && gone($self->ask($back ? 'ROLLBACK TO s' : 'RELEASE s'));
		%delta = (%delta, %$changes) unless $back;
	}
	$self->{done}{transaction}++;
	return !gone($self->ask('ROLLBACK')) if rand() < 0.12;
	return $self->prepare(\%delta) if rand() < 0.15 && keys %{ $self->{prepared} } < 2;
	my $reply = $self->ask('COMMIT');
	$self->apply(\%delta) if $self->settle('commit', $reply, \%delta);
	return !gone($reply);
}

sub prepare
{
	my ($self, $delta) = @_;
	my $gid = "c$self->{number} $self->{next} " . int(rand(1e9));
	my $reply = $self->ask("PREPARE TRANSACTION '$gid'");
	if ($self->settle('prepare', $reply, $delta, $gid))
	{
		$self->{done}{prepare}++;
		$self->{prepared}{$gid} = { delta => $delta };
	}
	return 0 if gone($reply);
	return 1 if rand() < 0.3 || !$self->{prepared}{$gid};
	return $self->end_prepared($gid);
}

sub end_prepared
{
	my ($self, $gid) = @_;
	my $what = rand() < 0.7 ? 'commit prepared' : 'rollback prepared';
	my $delta = $self->{prepared}{$gid}{delta};
	my $reply = $self->ask(uc($what) . " '$gid'");
	if ($self->settle($what, $reply, $delta, $gid))
	{
		delete $self->{prepared}{$gid};
		$self->apply($delta) if $what eq 'commit prepared';
	}
	return !gone($reply);
}

# ------------------------------------------------------------ searches

# search -- rows must come once, meet the condition, and come in order where the table gives the distances. A scan
# that is read to its end has the rows that were found too late for their place there, in order; if rows that do not
# meet the condition are discarded above it, that may be before the LIMIT is reached.
sub search
{
	my ($self) = @_;
	my $w = $self->{world};
	my $q = $w->{pool}[ rand @{ $w->{pool} } ];
	my ($condition, $test) = @{ (
			[ 'true', sub { 1 } ], [ 'cat = 3', sub { defined $_[0] && $_[0] == 3 } ], [ 'cat > 12', sub { defined $_[0] && $_[0] > 12 } ],
			[ 'cat IS NULL', sub { !defined $_[0] } ], [ "tag = 'tag 1'", sub { defined $_[0] && $_[0] % 5 == 1 } ])[ rand 5 ] };
	my $limit = (1, 10, 10, 10, 60, 5000)[ rand 6 ];
	my $reply = $self->ask("SELECT id, cat, v $w->{operator} '$q' FROM t WHERE $condition ORDER BY v $w->{operator} '$q' LIMIT $limit");
	$self->{searches}++;
	return 0 if gone($reply);
	my (%seen, $last);
	my $descents = 0;
	for my $row (@{ $reply->{rows} })
	{
		my ($id, $cat, $d) = @$row;
		$self->problem("search WHERE $condition LIMIT $limit: id $id twice") if $seen{$id}++;
		$self->problem("search WHERE $condition: category " . ($cat // 'NULL')) unless $test->($cat);
		# NULL comes last
		$descents++ if defined $last && defined $d && ($last eq 'NULL' || $d < $last);
		$last = $d // 'NULL';
	}
	my $rows = @{ $reply->{rows} };
	$self->problem("search WHERE $condition LIMIT $limit: $descents of $rows rows are nearer than the one before")
	  if $w->{ordered} && $descents > ($rows < $limit || $condition ne 'true' ? 1 : 0);
	return 1;
}

# ------------------------------------------------------------ the client

# pause -- while the file `pause` is there: between two transactions all clients stand still, so that recall can
# be measured.
sub pause
{
	my ($self) = @_;
	my $file = "$self->{world}{socket}/pause";
	return unless -e $file;
	my $told = "$self->{world}{socket}/paused$self->{number}";
	open(my $out, '>', $told) or die "$told: $!\n";
	close($out);
	sleep 0.005 while -e $file && getppid() != 1;
	unlink $told;
	return;
}

sub run
{
	my ($self) = @_;
	return unless $self->connect("SET lock_timeout = '3s'", 'SET omenhnsw.ef_search = ' . (10, 40, 100)[ rand 3 ]);
	for (;;)
	{
		$self->pause;
		my $r = rand();
		my ($old) = keys %{ $self->{prepared} };
		last unless $r < 0.25 ? $self->search : $r < 0.3 && $old ? $self->end_prepared($old)
		  : $r < 0.6 ? $self->single : $self->transaction;
	}
	return;
}

# read -- a client that searches only.
sub read
{
	my ($self) = @_;
	return unless $self->connect("SET application_name = 'reader'", 'SET omenhnsw.ef_search = 40');
	while ($self->search) { }
	return;
}

# maintain -- the client with no rows of its own.
sub maintain
{
	my ($self) = @_;
	my $w = $self->{world};
	return unless $self->connect("SET lock_timeout = '1s'", "SET statement_timeout = '4s'");
	my @work = (
		([ 'VACUUM t' ]) x 4, ([ 'VACUUM (INDEX_CLEANUP on) t' ]) x 4, ([ 'REINDEX INDEX CONCURRENTLY t_v' ]) x 2,
		([ 'DROP INDEX CONCURRENTLY IF EXISTS t_w', "CREATE INDEX CONCURRENTLY t_w $w->{index}" ]) x 3,
		([ 'DROP INDEX CONCURRENTLY IF EXISTS t_w' ]) x 2, [ 'REINDEX INDEX t_v' ], [ 'CHECKPOINT' ], [ 'ANALYZE t' ], [ 'VACUUM FULL t' ],
		[ 'BEGIN', "CREATE INDEX t_x $w->{index}", 'ROLLBACK' ], [ "CREATE INDEX t_x $w->{index}", 'DROP INDEX IF EXISTS t_x' ]);
	# not what locks readers or writers out, by itself
	@work = grep { $_->[0] =~ /CONCURRENTLY|^VACUUM t|INDEX_CLEANUP|CHECKPOINT|ANALYZE/ } @work if $w->{soak};
	@work = grep { $_->[0] ne 'CHECKPOINT' } @work if $w->{torn};
	for (;;)
	{
		for my $sql (@{ $work[ rand @work ] })
		{
			my $reply = $self->ask($sql);
			$self->{done}{ $sql =~ s/ ON t .*//r }++ unless $reply->{error};
			return if gone($reply);
			$self->pause;
		}
		select(undef, undef, undef, rand(0.05));
	}
	return;
}

1;
