# Cluster.pm -- a cluster of the crash and corruption tests: made, started, killed.
#
# All of it below one folder, as the user postgres; socket only.  The extension's objects
# are created from its script with the library's path, so that a library compiled for a test
# need not be installed.
package Cluster;

use strict;
use warnings;
use Time::HiRes qw(sleep time);
use Wire;

# new(class, folder, library without .so, script, options of initdb)
sub new
{
	my ($class, $folder, $library, $script, @initdb) = @_;
	my $self = bless { folder => $folder, data => "$folder/data", owner => $$ }, $class;
	mkdir $folder, 0700 or die "$folder: $!\n";
	run('initdb', '-D', $self->{data}, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '-N', @initdb);
	$self->configure("listen_addresses = ''", "unix_socket_directories = '$folder'", 'port = 5432', 'logging_collector = off');
	# workers of a build ask for the library by its name
	my ($place) = $library =~ m{(.*)/};
	$self->configure("dynamic_library_path = '$place:\$libdir'");
	my $sql = slurp($script);
	$sql =~ s/^\\.*$//mg;
	$sql =~ s/MODULE_PATHNAME/$library/g;
	$self->{script} = $sql;
	return $self;
}

sub slurp
{
	my ($file) = @_;
	open(my $in, '<:raw', $file) or die "$file: $!\n";
	local $/;
	return scalar <$in>;
}

sub spew
{
	my ($file, $bytes) = @_;
	open(my $out, '>:raw', $file) or die "$file: $!\n";
	print $out $bytes or die "$file: $!\n";
	close($out) or die "$file: $!\n";
	return;
}

sub run
{
	my @command = @_;
	my $pid = open(my $out, '-|') // die "fork: $!\n";
	if (!$pid)
	{
		open(STDERR, '>&', \*STDOUT);
		exec(@command) or die "$command[0]: $!\n";
	}
	my $text = do { local $/; <$out> };
	close($out) or die "@command failed:\n$text\n";
	return $text;
}

# build(tree, work) -- the library with crash points.  Objects without one are taken from the tree,
# if it has been built.
sub build
{
	my ($tree, $work) = @_;
	my $folder = "$work/build";
	mkdir $folder or die "$folder: $!\n";
	run('cp', '-pR', "$tree/Makefile", "$tree/omendb.control", "$tree/src", "$tree/sql", $folder);
	run('cp', "$tree/test/faults/crash_point.c", "$folder/src/storage/");
	for my $file (map { glob("$folder/src/$_*.c") } '', '*/', '*/*/')
	{
		my $object = $file =~ s/\.c$/.o/r;
		# after the names of the headers that the compiler found
		my $depends = -e ($file =~ s/\.c$/.d/r) ? slurp($file =~ s/\.c$/.d/r) : 'storage/crash.h';
		unlink $object if $depends =~ m{storage/crash\.h} || $file =~ /crash_point/;
	}
	run('make', '-s', '-j2', '-C', $folder, 'COPT=-DOM_CRASH_POINTS', 'with_llvm=no',
		'PG_CONFIG=' . ($ENV{PG_CONFIG} || 'pg_config'), 'omendb.so', 'src/sql/omendb--0.1.0.sql');
	return $folder;
}

sub configure
{
	my ($self, @lines) = @_;
	open(my $out, '>>', "$self->{data}/postgresql.conf") or die "postgresql.conf: $!\n";
	print $out map { "$_\n" } @lines;
	close($out);
	return;
}

# begin -- start the postmaster, and do not wait.
sub begin
{
	my ($self) = @_;
	my $pid = fork() // die "fork: $!\n";
	if (!$pid)
	{
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>>', "$self->{folder}/log");
		open(STDERR, '>&', \*STDOUT);
		# a limit of what one file may grow to, in kB
		exec('bash', '-c', 'ulimit -f "$2" && exec postgres -D "$1"', 'postgres', $self->{data}, $self->{file_limit} // 'unlimited') or exit 127;
	}
	$self->{pid} = $pid;
	return;
}

# ready(seconds) -- a connection as soon as there can be one; undef: the server has gone.
sub ready
{
	my ($self, $seconds) = @_;
	my $end = time + $seconds;
	while (time < $end)
	{
		my $connection = Wire->connect($self->{folder}, 'postgres');
		return $connection if $connection;
		return if waitpid($self->{pid}, 1) == $self->{pid};
		sleep 0.01;
	}
	return;
}

sub start
{
	my ($self) = @_;
	$self->begin;
	return $self->ready(120) // die "the server did not start:\n" . $self->log_tail;
}

sub log_tail
{
	my ($self) = @_;
	my @lines = split /^/, slurp("$self->{folder}/log");
	splice(@lines, 0, -25) if @lines > 25;
	return join('', @lines);
}

# children(pid) -- processes that it is the parent of.
sub children
{
	my ($parent) = @_;
	my @found;
	opendir(my $proc, '/proc') or die "/proc: $!\n";
	for my $pid (grep { /^\d+$/ } readdir $proc)
	{
		open(my $in, '<', "/proc/$pid/stat") or next;
		my $line = <$in> // next;
		push @found, $pid if $line =~ /.*\) \S (\d+)/ && $1 == $parent;
	}
	return @found;
}

# kill_all -- SIGKILL for the postmaster and all of its processes, at one moment as nearly as can be:
# the postmaster is stopped first, so that there are no new ones.
sub kill_all
{
	my ($self) = @_;
	my $pid = $self->{pid} // return;
	kill('STOP', $pid) or return;
	my @children = children($pid);
	kill('KILL', @children, $pid);
	waitpid($pid, 0);
	# killed between making a lock file and writing it: PostgreSQL leaves that to whoever starts it
	unlink grep { -z } "$self->{data}/postmaster.pid", "$self->{folder}/.s.PGSQL.5432.lock";
	# a new postmaster refuses to start while one of them is left
	for my $child (@children)
	{
		sleep 0.002 while (eval { slurp("/proc/$child/stat") } // ') Z ') !~ /\) Z /;
	}
	return;
}

sub stop
{
	my ($self, $signal) = @_;
	kill($signal // 'INT', $self->{pid});
	waitpid($self->{pid}, 0);
	return;
}

1;
