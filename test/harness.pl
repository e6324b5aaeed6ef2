#!/usr/bin/perl
#
# harness.pl [--jobs N] [--pgtap DATABASE] FILE... -- runs TAP scripts, or pgTAP files
# through psql, and ends with the line "N passed, N failed".
#
# A script that dies, stops before its plan, or runs no test at all counts as failed.
# Skipped and TODO tests count as passed, as TAP::Harness has it.

use strict;
use warnings;
use Getopt::Long;
use TAP::Harness;

my ($jobs, $pgtap) = (1, undef);
GetOptions('jobs=i' => \$jobs, 'pgtap=s' => \$pgtap) or exit 2;
die "harness.pl: no files\n" unless @ARGV;

my %options = (jobs => $jobs, timer => 1, failures => 1, color => 0, merge => 0);
if (defined $pgtap)
{
	require TAP::Parser::SourceHandler::pgTAP;
	$options{sources} = { pgTAP => { suffix => '.sql', dbname => $pgtap, pset => {} } };
}
my $total = TAP::Harness->new(\%options)->runtests(@ARGV);

my $passed = $total->passed;
my $failed = $total->failed;
for my $parser ($total->parsers)
{
	# Something went wrong that is no numbered test: count the file itself.
	my $broken = $parser->exit || $parser->wait || $parser->parse_errors
	  || (!$parser->tests_run && !$parser->skip_all);
	$failed++ if $broken && !$parser->failed;
}
print "$passed passed, $failed failed\n";
exit($failed ? 1 : 0);
