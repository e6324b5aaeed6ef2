# Every SQL block of README.md and docs/*.md runs, and prints what the page says.
#
# A page is one session in a database of its own that has the extension.  A plain block after
# an SQL block is that one's output.  Comments of the page say what a reader has at hand:
#
#   <!-- test: SQL... -->            over several lines: run before what follows
#   <!-- test: $1 = expression -->   parameter of all blocks that follow
#   <!-- test: skip, reason -->      the next block does not run
#   <!-- test: output varies -->     of the next output only the first line is compared
#   <!-- test: bare database -->     without the extension (once, above all blocks)
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$FindBin::RealBin/../..";
my $node = new_server('documentation', conf => "track_io_timing = on\n");

# script_of(page) -- an SQL script with the lines of the page at their places, so that an error names the page's line.
sub script_of
{
	my ($page) = @_;
	my (@script, @blocks, %parameter, $skip, $varies, $bare, $in);
	my $n = 0;
	for my $line (split /\n/, slurp_file("$top/$page"))
	{
		my $out = '';
		$n++;
		if (!defined $in)
		{
			if ($line =~ /^\s*```sql$/)
			{
				$in = $skip ? 'other' : 'sql';
				push(@blocks, { line => $n }), $out = "\\echo ~~~ $n" unless $skip;
				$skip = 0;
			}
			elsif ($line =~ /^\s*```(text)?$/ && @blocks && !defined $blocks[-1]{output} && $blocks[-1]{adjacent}) { $in = 'output'; $blocks[-1]{output} = ''; }
			elsif ($line =~ /^\s*```/) { $in = 'other'; }
			elsif ($line =~ /^<!-- test:$/) { $in = 'setup'; $out = "\\echo ~~~ 0" }
			elsif ($line =~ /^<!-- test: \$(\d) = (.*) -->$/) { $parameter{$1} = "($2)"; }
			elsif ($line =~ /^<!-- test: skip, \w.* -->$/) { $skip = 1; }
			elsif ($line =~ /^<!-- test: output varies -->$/) { $blocks[-1]{varies} = 1; }
			elsif ($line =~ /^<!-- test: bare database -->$/) { $bare = 1; }
			elsif ($line =~ /^<!-- test:/) { die "$page:$n: what does \"$line\" mean?"; }
			elsif ($line ne '' && @blocks) { $blocks[-1]{adjacent} = 0; }
		}
		elsif ($in eq 'setup' && $line eq '-->') { undef $in; }
		elsif ($in ne 'setup' && $line =~ /^\s*```$/)
		{
			$blocks[-1]{adjacent} = 1 if $in eq 'sql';
			undef $in;
		}
		elsif ($in eq 'sql' || $in eq 'setup')
		{
			$out = $line;
			$out =~ s/\$(\d)(?!\d)/$parameter{$1} \/\/ "\$$1"/ge;
		}
		elsif ($in eq 'output') { $blocks[-1]{output} .= "$line\n"; }
		push @script, $out;
	}
	die "$page: a block without an end" if defined $in;
	return (join("\n", @script) . "\n", \@blocks, $bare);
}

# trimmed(text) -- without white space at the ends of lines and of the text, as an editor may leave it.
sub trimmed
{
	my ($text) = @_;
	$text =~ s/[ \t]+$//mg;
	$text =~ s/\A\n+|\n+\z//g;
	return $text;
}

my $n = 0;
for my $path ("$top/README.md", sort glob("$top/docs/*.md"))
{
	my $page = substr($path, length("$top/"));
	my ($script, $blocks, $bare) = script_of($page);
	next unless @$blocks;
	my $database = 'page_' . ++$n;
	my $file = $node->basedir . "/$database.sql";
	append_to_file($file, $script);
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION omendb') unless $bare;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'psql', '-X', '-q', '-d', $node->connstr($database), '-f', $file ], '>', \$out, '2>', \$err);
	my @wrong = grep { !/^psql:[^:]*:\d+: NOTICE:/ && /^psql:|^ERROR|^FATAL/ } split /\n/, $err;
	s/^psql:[^:]*:(\d+)/$page:$1/ for @wrong;
	is(join("\n", @wrong), '', "$page: " . @$blocks . ' blocks run');
	my %printed = $out =~ /^~~~ (\d+)\n(.*?)(?=^~~~ |\z)/msg;
	for my $block (grep { defined $_->{output} } @$blocks)
	{
		my ($got, $expected) = map { trimmed($_ // '') } $printed{ $block->{line} }, $block->{output};
		($got, $expected) = map { trimmed((split /\n/, $_)[0] // '') } $got, $expected if $block->{varies};
		is($got, $expected, "$page:$block->{line}: what is printed");
	}
	$node->safe_psql($database, "SELECT set_config('search_path', extnamespace::regnamespace::text, false) FROM pg_extension WHERE extname = 'omendb';
		SELECT omendb_index_check(c.oid, heapallindexed => true) FROM pg_class c JOIN pg_am a ON a.oid = c.relam
		WHERE a.amname IN ('omenhnsw', 'omenbm25', 'hnsw', 'ivfflat') AND c.relkind = 'i' AND c.relpersistence = 'p'");
}
cmp_ok($n, '>=', 9, 'pages with blocks');

$node->stop;
done_testing();
