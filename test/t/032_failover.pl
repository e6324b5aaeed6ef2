# Standbys, one after the other: searches during replay, a promotion in the middle of a load, and the old primary, rewound.
#
# wal_consistency_checking compares each page that is replayed with the primary's. OMENDB_SECONDS
# is how long each load lasts.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use OmendbLoad;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = $ENV{OMENDB_SECONDS} || 1;
my $primary = new_server('primary', init => [ allows_streaming => 1 ],
	conf => "wal_consistency_checking = 'generic'\nwal_log_hints = on\nhot_standby_feedback = on\nwal_keep_size = 2GB\nmax_wal_senders = 10\n");
load_tables($primary);
$primary->backup('b');

sub standby_of
{
	my ($name, $source) = @_;
	my $standby = PostgreSQL::Test::Cluster->new($name);
	$standby->init_from_backup($primary, 'b', has_streaming => 1);
	# which is not that of the backup's source
	$standby->enable_streaming($source) if $source != $primary;
	$standby->start;
	return $standby;
}
my $near = standby_of('near', $primary);
my $far = standby_of('far', $near);

# same(name, source, standbys...) -- the same rows in the same order by every index, and the checker.
sub same
{
	my ($name, $source, @standbys) = @_;
	my $lsn = $source->lsn('insert');
	my @expected = map { $source->safe_psql('postgres', $_) } answers();
	check_all($source, "$name: " . $source->name);
	for my $standby (@standbys)
	{
		$standby->poll_query_until('postgres', "SELECT pg_last_wal_replay_lsn() >= '$lsn'") or die $standby->name . " does not get to $lsn\n";
		is_deeply([ map { $standby->safe_psql('postgres', $_) } answers() ], \@expected, "$name: " . $standby->name . ' finds the same rows');
		check_all($standby, "$name: " . $standby->name, plain => 1);
	}
	return;
}

same('at first', $primary, $near, $far);

# --- searches on both while the primary writes and vacuums
my @searches = map { start_searches($_, $seconds) } $near, $far;
my $writes = start_writes($primary, $seconds);
vacuum_until($primary, $seconds);
end_load($_, 'searches during replay') for @searches;
end_load($writes, 'writes');
same('after a load', $primary, $near, $far);

# --- the near standby is promoted while the primary writes: from there on they differ
$writes = start_writes($primary, $seconds);
my $search = start_searches($near, $seconds);
vacuum_until($primary, $seconds / 2);
$near->promote;
end_load($writes, 'writes during the promotion');
end_load($search, 'searches during the promotion');
$near->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
# What was replayed may end within a vacuum or within links that are chosen again: the metapage says so. Or within the
# inserts of the three clients, each of which may not have looked again whether a vacuum has freed what it links to:
# up to 2m links. Nothing else is left, and all of it is gone after a vacuum that has rows to remove.
for my $index (sort(keys %LOAD_INDEX), 'grown_v')
{
	my $busy = $near->safe_psql('postgres', "SELECT vacuum_unfinished OR model_state IN ('training', 'relink') FROM omendb_indexes WHERE indexname = '$index'");
	my $f = eval { figures($near, $index) };
	my $why = $@;
	ok($f && ($busy eq 't' || $f->{unreachable} == 0 && $f->{dead_nodes} == 0 && $f->{stale_links} <= 3 * 2 * 16), "promoted: $index, busy: $busy")
	  or diag($f ? join(', ', map { "$_ $f->{$_}" } sort keys %$f) : $why);
	note("stale_links $f->{stale_links}") if $f && $f->{stale_links} > 0;
}
$near->safe_psql('postgres', "DELETE FROM $_ WHERE ctid = (SELECT min(ctid) FROM $_); VACUUM (INDEX_CLEANUP on) $_") for 't', 'grown';
check_all($near, 'promoted, after a vacuum');
$writes = start_writes($near, $seconds);
vacuum_until($near, $seconds);
end_load($writes, 'writes after the promotion');
same('on the new timeline', $near, $far);

# --- the old primary goes back to where they parted, and follows
$primary->stop('immediate');
# up to 15, pg_rewind believes what the last checkpoint says of timelines
$near->safe_psql('postgres', 'CHECKPOINT');
command_ok([ 'pg_rewind', '--target-pgdata', $primary->data_dir, '--source-server', $near->connstr('postgres') ], 'pg_rewind');
# the source's settings came with its files
$primary->append_conf('postgresql.conf', 'port = ' . $primary->port);
$primary->enable_streaming($near);
$primary->set_standby_mode;
$primary->start;
$writes = start_writes($near, $seconds);
vacuum_until($near, $seconds);
end_load($writes, 'writes with the old primary as a standby');
same('rewound', $near, $primary, $far);
$near->stop;
$primary->promote;
$primary->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
check_all($primary, 'rewound and promoted');
$_->stop for $far, $primary;
done_testing();
