#!/usr/bin/perl
#
# format.pl [--check] [FILE...] -- lays out the C of this tree as PostgreSQL's own is, by PostgreSQL's
# pg_bsd_indent.  Without FILE: every C file that git knows, or that lies in the folders below.
#
# --check changes nothing, prints what would change as a diff and fails if there is any.  It ends with
# status 77 where there is no pg_bsd_indent of a version whose result is known: Debian 12 has it as
# the package pg-bsd-indent, later ones in postgresql-server-dev-17 and newer.  PG_BSD_INDENT names
# another program.
#
# pg_bsd_indent must know every type by name: those of this tree are collected from its sources, those
# of PostgreSQL and C that it uses are listed in types.list.  One that is missing shows up as "name * x".
# What pg_bsd_indent cannot read is hidden from it and put back: before() and after().
#
# Rules of every line, which it does not mend: no blank at the end; 120 columns at most, but for lines with
# a message, which are searched for.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Find;
use File::Temp qw(tempdir);

my $top = abs_path(dirname($0) . '/../..');
my @folders = qw(src test bench);
my $longest = 120;

# As pgindent has them, but: 100 columns; comments that begin a line of their own are as they were
# written; no blank line is added before a comment or behind declarations.
my @options = qw(-nbad -bap -nbbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 -nfc1 -nfcb -i4 -l100 -lp -lpl
	-nip -npro -sac -tpg -ts4);

my $check = @ARGV && $ARGV[0] eq '--check' ? shift @ARGV : '';
my @files = @ARGV ? map { abs_path($_) // die "there is no $_\n" } @ARGV : all_files();

my $work = tempdir(CLEANUP => 1);
my $indent = find_indent();
if (!defined $indent)
{
	print "there is no pg_bsd_indent 2.1.1 or 2.1.2 here: on Debian 12 the package pg-bsd-indent, later"
	  . " postgresql-server-dev-17 or newer\n";
	exit 77;
}
write_file("$work/types", join('', map { "$_\n" } all_types()));

my $changed = 0;
my $broken = 0;
for my $file (@files)
{
	my $old = read_file($file);
	my $new = formatted($file, $old);
	$broken += complaints($file, $new);
	next if $old eq $new;
	$changed++;
	$check ? show($file, $new) : write_file($file, $new);
}
printf "%d files, %d %s, %d lines too long or with a blank at the end\n", scalar @files, $changed,
  $check ? 'not as `make format` lays them out' : 'changed', $broken;
exit($broken > 0 || ($check && $changed > 0) ? 1 : 0);

sub read_file
{
	my ($file) = @_;
	open(my $in, '<', $file) or die "$file: $!\n";
	local $/;
	return scalar <$in>;
}

sub write_file
{
	my ($file, $text) = @_;
	open(my $out, '>', $file) or die "$file: $!\n";
	print $out $text;
	close($out) or die "$file: $!\n";
	return;
}

sub all_files
{
	my @found;
	find(
		{
			no_chdir => 1,
			preprocess => sub { sort grep { $_ ne 'build' && $_ ne 'out' && $_ ne 'node_modules' } @_ },
			wanted => sub { push @found, $_ if /\.[ch]\z/ }
		},
		map { "$top/$_" } @folders);
	return @found;
}

sub find_indent
{
	my @candidates = $ENV{PG_BSD_INDENT} // ();
	push @candidates, map { "$_/pg_bsd_indent" } split /:/, $ENV{PATH};
	push @candidates, glob '/usr/lib/postgresql/*/bin/pg_bsd_indent';
	for my $program (@candidates)
	{
		next unless -x $program;
		return $program if `'$program' --version 2>/dev/null` =~ /^pg_bsd_indent 2\.1\.[12] /;
	}
	return;
}

sub all_types
{
	my %types = map { $_ => 1 } grep { !/^#|^$/ } split /\n/, read_file(dirname(abs_path($0)) . '/types.list');
	for my $file (all_files())
	{
		my $text = read_file($file);
		$types{$_} = 1 for $text =~ /^\} ?\*?(\w+);/gm, $text =~ /^typedef [^;{(\n]*?(\w+);/gm,
		  $text =~ /^typedef [^;(\n]*\(\*(\w+)\)/gm;
		$types{"OM_FN_$1_"} = 1 while $text =~ /\bOM_FN\(([A-Z]\w*)\)/g;
	}
	return sort keys %types;
}

sub before
{
	my ($text) = @_;

	# (Type) {a, b}: a compound literal would get a line for each brace
	$text =~ s/\(([A-Z]\w+)\) \{([^{}\n]*)\}/_($1, $2)/g;

	# assembly and hexadecimal floats
	$text =~ s/^(\t*)__asm__ (.*)$/$1hidden_asm("${\ hide($2)}");/gm;
	$text =~ s/\b0x([0-9A-Fa-f]+)p(-?)(\d+f?)\b/'Ox' . $1 . ($2 ? 'M' : 'P') . $3/ge;

	# a type with a name by macro; a function's name in parentheses, lest it is a macro
	$text =~ s/\bOM_FN\(([A-Z]\w*)\)/OM_FN_$1_/g;
	$text =~ s/^\((\w+)\) \(/$1_in_parentheses(/gm;

	# an attribute before a type
	$text =~ s/__attribute__\(\((\w+)\)\)/attribute_is_$1/g;

	# what is in extern "C" is not indented for it
	$text =~ s/^(extern "C"\n)\{$/$1\/* open extern C *\//gm;
	$text =~ s/^(#ifdef __cplusplus\n)\}$/$1\/* close extern C *\//gm;
	return $text;
}

# hide -- a line as a string without quotes and backslashes.
sub hide
{
	my ($line) = @_;
	return join('', map { sprintf '%02x', ord } split //, $line);
}

sub after
{
	my ($text) = @_;
	$text =~ s/^(\t*)hidden_asm\("([0-9a-f]*)"\);/"$1__asm__ " . pack('H*', $2)/gme;
	$text =~ s/\bOx([0-9A-Fa-f]+)([MP])(\d+f?)\b/"0x$1p" . ($2 eq 'M' ? '-' : '') . $3/ge;
	$text =~ s/\bOM_FN_([A-Z]\w*)_\b/OM_FN($1)/g;
	$text =~ s/^(\w+)_in_parentheses\(/($1) (/gm;
	$text =~ s/\battribute_is_(\w+)/__attribute__(($1))/g;
	$text =~ s/(?<!\w)_\(([A-Z]\w+), ([^()\n]*(?:\([^()\n]*\)[^()\n]*)*)\)/($1) {$2}/g;

	# the star of a function's type, by itself on the line before its name
	$text =~ s/^([A-Za-z_]\S*)[ \t]+\*$/$1 */gm;

	$text =~ s/\/\* open extern C \*\//{/g;
	$text =~ s/\/\* close extern C \*\//}/g;

	# designated initializers: ", .name"
	$text =~ s/,\.(?=[a-z_]\w* = )/, ./g;
	return indent_initializers($text);
}

# indent_initializers -- 2.1.1 leaves the second line of an initializer where the first begins; 2.1.2
# indents it by a tab.
sub indent_initializers
{
	my ($text) = @_;
	my @lines = split /\n/, $text, -1;
	for my $i (1 .. $#lines)
	{
		next unless $lines[ $i - 1 ] =~ /^(\t+)[\w \t*]*[\w\]] = /;
		my $tabs = $1;
		my $last = $lines[ $i - 1 ] =~ s!\s*/\*.*\*/\s*$!!r;
		next if $last =~ /[;{},\\]$/ || $lines[$i] !~ /^$tabs\S/;
		for (my $j = $i; $j <= $#lines; $j++)
		{
			$lines[$j] = "\t$lines[$j]";
			last if $lines[$j] =~ m!;(\s*/\*.*)?$!;
		}
	}
	return join("\n", @lines);
}

sub formatted
{
	my ($file, $text) = @_;
	write_file("$work/in.c", before($text));
	system("'$indent' @options -U'$work/types' < '$work/in.c' > '$work/out.c' 2> '$work/err'") == 0
	  or die "$file: pg_bsd_indent failed; is a type missing in types.list?\n" . read_file("$work/err");
	return after(read_file("$work/out.c"));
}

sub show
{
	my ($file, $new) = @_;
	write_file("$work/new.c", $new);
	my $name = $file =~ s!^\Q$top\E/!!r;
	system('diff', '-u', '--label', $name, '--label', "$name, formatted", $file, "$work/new.c");
	return;
}

# complaints -- prints the lines that break a rule, and returns how many.
sub complaints
{
	my ($file, $text) = @_;
	my ($number, $n) = (0, 0);
	for my $line (split /\n/, $text)
	{
		$number++;
		(my $wide = $line) =~ s/\t/    /g;
		my $problem = $line =~ /[ \t]$/ ? 'a blank at the end' : length $wide > $longest && $line !~ /"/ ? "longer than $longest columns" : '';
		next if $problem eq '';
		print $file =~ s!^\Q$top\E/!!r, ":$number: $problem\n";
		$n++;
	}
	return $n;
}
