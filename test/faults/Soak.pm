# Soak.pm -- a mixed load for a while, with nobody killed: who waits for whom?
#
# Beside the writers and the client that maintains (Load.pm), which in a soak locks nobody out on purpose, there are
# readers. A reader that waits for a heavyweight lock is seen in pg_stat_activity: it would be waiting for
# a writer's transaction or for a maintenance command.
package Soak;

use strict;
use warnings;
use List::Util qw(max);
use Time::HiRes qw(sleep time);

our $READERS = 2;

# A sample is taken every so often, in seconds; a wait that is seen in two of them lasted at least that.
my $STEP = 0.02;

# watch(world, seconds) -- lets the load run; the longest time that a reader was seen waiting, and in how many samples.
sub watch
{
	my ($w, $seconds) = @_;
	my $db = $w->{cluster}->ready(30) or die "no connection\n";
	my $end = time + $seconds;
	my (%since, %seen);
	while (time < $end)
	{
		my $now = time;
		my $reply = $db->query("SELECT pid, wait_event FROM pg_stat_activity WHERE application_name = 'reader' AND wait_event_type = 'Lock'");
		last if $reply->{lost};
		$seen{samples}++;
		my %waits = map { ($_->[0] => $_->[1]) } @{ $reply->{rows} };
		for my $pid (keys %since) { delete $since{$pid} unless $waits{$pid}; }
		for my $pid (keys %waits)
		{
			$since{$pid} //= $now;
			$seen{waits}++;
			$seen{longest} = max($seen{longest} // 0, $now - $since{$pid});
		}
		sleep $STEP;
	}
	return \%seen;
}

1;
