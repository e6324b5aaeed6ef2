# Wire.pm -- a client of PostgreSQL in Perl without modules: simple queries and COPY over a Unix socket.
#
# A test that kills servers must know what was acknowledged, so it reads the protocol itself:
# a lost connection is told apart from an error.
package Wire;

use strict;
use warnings;
use IO::Socket::UNIX;
use Socket qw(SOCK_STREAM);

# connect(class, folder of the socket, database) -- undef if the server does not take connections.
sub connect
{
	my ($class, $folder, $database) = @_;
	my $socket = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => "$folder/.s.PGSQL.5432") or return;
	my $self = bless { socket => $socket, buffer => '' }, $class;
	my $start = pack('N', 196608) . join("\0", user => 'postgres', database => $database, '', '');
	$self->send_all(pack('N', length($start) + 4) . $start) or return;
	my $reply = $self->reply;
	return if $reply->{lost} || $reply->{error};
	return $self;
}

sub send_all
{
	my ($self, $bytes) = @_;
	local $SIG{PIPE} = 'IGNORE';
	while (length $bytes)
	{
		my $n = syswrite($self->{socket}, $bytes) // return 0;
		substr($bytes, 0, $n) = '';
	}
	return 1;
}

sub message
{
	my ($self) = @_;
	for (;;)
	{
		if (length($self->{buffer}) >= 5)
		{
			my $length = unpack('N', substr($self->{buffer}, 1, 4)) + 1;
			if (length($self->{buffer}) >= $length)
			{
				my $message = substr($self->{buffer}, 0, $length, '');
				return (substr($message, 0, 1), substr($message, 5));
			}
		}
		return unless sysread($self->{socket}, $self->{buffer}, 65536, length $self->{buffer});
	}
}

# reply -- all that comes up to ReadyForQuery: rows, tags of commands, the error, lost.
sub reply
{
	my ($self, $copy) = @_;
	my %reply = (rows => [], tags => [], notices => []);
	for (;;)
	{
		my ($type, $body) = $self->message;
		if (!defined $type)
		{
			$reply{lost} = 1;
			return \%reply;
		}
		if ($type eq 'D')
		{
			my ($n, @row) = (unpack('n', $body));
			my $at = 2;
			for (1 .. $n)
			{
				my $length = unpack('l>', substr($body, $at, 4));
				push @row, $length < 0 ? undef : substr($body, $at + 4, $length);
				$at += 4 + ($length < 0 ? 0 : $length);
			}
			push @{ $reply{rows} }, \@row;
		}
		elsif ($type eq 'C') { push @{ $reply{tags} }, $body =~ s/\0//r; }
		elsif ($type eq 'E' || $type eq 'N')
		{
			my %field = map { (substr($_, 0, 1), substr($_, 1)) } grep { length } split /\0/, $body;
			my $text = "$field{C}: $field{M}";
			if ($type eq 'N') { push @{ $reply{notices} }, $text; }
			else { $reply{error} //= $text; $reply{fatal} = 1 if $field{S} ne 'ERROR'; }
		}
		elsif ($type eq 'G')
		{
			$self->send_all('d' . pack('N', length($copy) + 4) . $copy . 'c' . pack('N', 4));
		}
		elsif ($type eq 'Z')
		{
			$reply{state} = $body;
			return \%reply;
		}
	}
}

# query(sql, copy) -- the reply; copy is what COPY FROM STDIN reads.
sub query
{
	my ($self, $sql, $copy) = @_;
	return { rows => [], tags => [], notices => [], lost => 1 } unless $self->send_all('Q' . pack('N', length($sql) + 5) . "$sql\0");
	return $self->reply($copy);
}

# value(sql) -- the first column of the first row; dies on an error.
sub value
{
	my ($self, $sql) = @_;
	my $reply = $self->query($sql);
	die "$sql: the connection was lost\n" if $reply->{lost};
	die "$sql: $reply->{error}\n" if $reply->{error};
	return @{ $reply->{rows} } ? $reply->{rows}[0][0] : undef;
}

# must -- statements that have to succeed: dies otherwise.
sub must
{
	my ($self, @statements) = @_;
	for my $sql (@statements)
	{
		my $reply = $self->query($sql);
		die "$reply->{error} in " . substr($sql, 0, 300) . "\n" if $reply->{error};
		die 'the connection was lost in ' . substr($sql, 0, 300) . "\n" if $reply->{lost};
	}
	return;
}

1;
