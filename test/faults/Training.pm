# Training.pm -- the client of the crash test that has quantizers trained.
#
# Its table is u, with an index made on the empty table. The rows that it inserts bring the first
# model; then others come from far away, the first ones are deleted, and a vacuum
# looks whether a new model is worth it. TRUNCATE begins again. Like the clients of Load.pm it knows what was
# acknowledged.
package Training;

use strict;
use warnings;
use parent -norequire, 'Load';

# The points that training passes; what a vacuum and an insert pass besides is in the table t as well.
our $POINTS = qr/^(?:retrain|rewire|refinement)\.|^highway\.recode_page$/;

sub trains { return $_[0]{quantizer} !~ /none|sparse|bits/; }

# change(sql, delta) -- one statement, which is a transaction.
sub change
{
	my ($self, $sql, $delta) = @_;
	my $reply = $self->ask($sql);
	$self->apply($delta) if $self->settle('commit', $reply, $delta);
	return !Load::gone($reply);
}

sub insert
{
	my ($self, $half, $n) = @_;
	my $pool = $self->{world}{pool};
	my %rows = map { ($self->{next}++ => int(@$pool / 2 * ($half + rand(1)))) } 1 .. $n;
	return $self->change('INSERT INTO u VALUES ' . join(', ', map { "($_, $rows{$_}, '$pool->[$rows{$_}]')" } sort keys %rows),
		{ map { ($_ => [ $rows{$_} ]) } keys %rows });
}

sub run
{
	my ($self) = @_;
	my $rows = $self->{rows};
	return unless $self->connect("SET statement_timeout = '10s'");
	for (;;)
	{
		my $half = int(rand(2));
		return unless $self->change('TRUNCATE u', { map { ($_ => undef) } keys %$rows });
		for (1 .. 12) { return unless $self->insert($half, 1 + int(rand(40))); }
		my @first = keys %$rows;
		for (1 .. 8) { return unless $self->insert(1 - $half, 1 + int(rand(60))); }
		return unless $self->change('DELETE FROM u WHERE id IN (' . join(', ', @first) . ')', { map { ($_ => undef) } @first });
		for (1 .. 2)
		{
			return if Load::gone($self->ask('VACUUM u'));
			return unless $self->insert(1 - $half, 30);
		}
		$self->{done}{trained}++;
		$self->pause;
	}
	return;
}

1;
