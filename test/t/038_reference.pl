# What the extensions define, the documentation names, and what the documentation names is there:
# objects by the catalog, settings by pg_settings, storage parameters by the library.
# Every object has a description.  META.json has what PGXN asks for, and is of this version.
use strict;
use warnings;
use FindBin;
use JSON::PP;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$FindBin::RealBin/../..";
my $node = new_server('reference');
$node->safe_psql('postgres', 'CREATE EXTENSION omendb_hnsw');

my %page = map { $_ => slurp_file($_) } "$top/README.md", glob("$top/docs/*.md");
my $text = join("\n", values %page);
# as tables write operators that contain their separator
$text =~ s/&#124;|\\\|/|/g;

# lines(sql) -- the rows of a query about the members m of the extensions: classid, objid, objsubid.
sub lines
{
	my ($sql) = @_;
	return split /\n/, $node->safe_psql('postgres', <<"SQL");
SET search_path = public, pg_catalog;
WITH m AS (
	SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname IN ('omendb', 'omendb_hnsw'))
$sql
SQL
}

cmp_ok(scalar(lines('SELECT classid, objid FROM m')), '>', 500, 'objects of the extensions');
my @undescribed = lines(<<'SQL');
SELECT pg_describe_object(classid, objid, 0) FROM m
WHERE obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid)) IS NULL
ORDER BY 1
SQL
is(join("\n", @undescribed), '', 'every object has a description');

# a name is written as code; what is behind an operator, a type or a class needs no name of its own
sub unnamed { return grep { $text !~ /(?<![\w.])\Q$_\E(?!\w)/ } @_; }

my @functions = lines(<<'SQL');
SELECT DISTINCT proname FROM m JOIN pg_proc p ON p.oid = objid WHERE classid = 'pg_proc'::regclass
	AND NOT EXISTS (SELECT FROM pg_type t WHERE p.oid IN (typinput, typoutput, typreceive, typsend, typmodin))
	AND NOT EXISTS (SELECT FROM pg_operator WHERE oprcode = p.oid OR oprrest = p.oid OR oprjoin = p.oid)
	AND NOT EXISTS (SELECT FROM pg_aggregate WHERE p.oid IN (aggtransfn, aggfinalfn, aggcombinefn))
	AND NOT EXISTS (SELECT FROM pg_cast WHERE castfunc = p.oid)
	AND NOT EXISTS (SELECT FROM pg_amproc WHERE amproc = p.oid)
	AND NOT EXISTS (SELECT FROM pg_am WHERE amhandler = p.oid)
	AND NOT EXISTS (SELECT FROM pg_proc WHERE prosupport = p.oid)
ORDER BY 1
SQL
cmp_ok(scalar(@functions), '>', 40, 'functions that people call');
is(join(' ', unnamed(@functions)), '', 'they are in the documentation');

my @relations = lines("SELECT relname FROM m JOIN pg_class c ON c.oid = objid WHERE classid = 'pg_class'::regclass AND relkind = 'v' ORDER BY 1");
is(join(' ', unnamed(@relations)), '', scalar(@relations) . ' views are');
my @types = lines("SELECT typname FROM m JOIN pg_type t ON t.oid = objid WHERE classid = 'pg_type'::regclass AND typelem = 0 ORDER BY 1");
is(join(' ', unnamed(@types)), '', scalar(@types) . ' types are');
my @methods = lines("SELECT amname FROM m JOIN pg_am a ON a.oid = objid WHERE classid = 'pg_am'::regclass ORDER BY 1");
is(join(' ', unnamed(@methods)), '', scalar(@methods) . ' access methods are');
my @operators = lines("SELECT DISTINCT oprname FROM m JOIN pg_operator o ON o.oid = objid WHERE classid = 'pg_operator'::regclass ORDER BY 1");
is(join(' ', grep { index($text, $_) < 0 } @operators), '', scalar(@operators) . ' operators are');

# classes of filter columns are known by the column's type
my @classes = lines(<<'SQL');
SELECT DISTINCT opcname FROM m JOIN pg_opclass o ON o.oid = objid
WHERE classid = 'pg_opclass'::regclass AND EXISTS (SELECT FROM pg_amop WHERE amopfamily = opcfamily AND amoppurpose = 'o') ORDER BY 1
SQL
cmp_ok(scalar(@classes), '>=', 14, 'operator classes with a distance');
is(join(' ', unnamed(@classes)), '', 'they are in the documentation');

# arguments of functions that take them by name, and columns of what returns several
my @arguments = lines(<<'SQL');
SELECT DISTINCT proname || ' ' || name FROM m JOIN pg_proc p ON p.oid = objid, unnest(proargnames) name
WHERE classid = 'pg_proc'::regclass AND proname IN ('omendb_recall', 'omendb_last_scan', 'omendb_index_info', 'omendb_index_check', 'omendb_estimate', 'omendb_hybrid')
UNION SELECT relname || ' ' || attname FROM m JOIN pg_class c ON c.oid = objid JOIN pg_attribute a ON a.attrelid = c.oid
WHERE classid = 'pg_class'::regclass AND relkind = 'v' AND attnum > 0 ORDER BY 1
SQL
is(join(', ', grep { my ($object, $name) = split / /; unnamed($name) } @arguments), '', scalar(@arguments) . ' arguments and columns are');

# settings
my @settings = split /\n/, $node->safe_psql('postgres', "LOAD 'omendb'; SELECT name FROM pg_settings WHERE name ~ '^omen'");
cmp_ok(scalar(@settings), '>=', 6, 'settings');
is(join(' ', unnamed(@settings)), '', 'they are in the documentation');
my %is_setting = map { $_ => 1 } @settings;
my @gone;
for my $path (sort keys %page)
{
	my $all = $page{$path};
	push @gone, map { substr($path, length("$top/")) . ": $_" } grep { !$is_setting{$_} } $all =~ /(?<![\w\/.])(omen(?:hnsw|bm25)\.(?!md|o\b|c\b)[a-z]\w*)/g;
}
is(join("\n", @gone), '', 'settings of the documentation are there');

# storage parameters: the page's own table names those that the library knows
for my $method ([ 'omenhnsw', 'omenhnsw.md' ], [ 'omenbm25', 'text.md' ])
{
	my ($am, $name) = @$method;
	my @known = map { slurp_file($_) =~ /\badd_\w+_reloption\(\w+, "(\w+)"/g } glob($am eq 'omenhnsw' ? "$top/src/hnsw/*.c" : "$top/src/bm25/*.c");
	cmp_ok(scalar(@known), '>=', 4, "storage parameters of $am");
	my $all = $page{"$top/docs/$name"} . $page{"$top/docs/migration.md"};
	is(join(' ', grep { $all !~ /\|[^|\n]*`$_`|`$_`[^|\n]*ignores/ } @known), '', "they are in $name");
	my %is_known = map { $_ => 1 } @known;
	my ($table) = $page{"$top/docs/$name"} =~ /^\| (?:parameter|option) \| default \|.*?\n\|[-|]+\n((?:\|.*\n)+)/m;
	is(join(' ', grep { !$is_known{$_} } $table =~ /^\| `(\w+)`/mg), '', "those of $name are there");
}

# META.json, by https://pgxn.org/spec/
my $meta = decode_json(slurp_file("$top/META.json"));
is(join(' ', grep { !$meta->{$_} } qw(name version abstract maintainer license provides meta-spec)), '', 'META.json: required keys');
is($meta->{'meta-spec'}{version}, '1.0.0', 'META.json: version of the specification');
like($meta->{version}, qr/^\d+\.\d+\.\d+(-[A-Za-z]\S*)?$/, 'META.json: a semantic version');
like($meta->{release_status}, qr/^(stable|testing|unstable)$/, 'META.json: release_status');
is(join(' ', sort keys %{ $meta->{provides} }), join(' ', map { /(\w+)\.control$/ } sort glob("$top/*.control")), 'META.json: provides the extensions that are here');
my ($version) = slurp_file("$top/Makefile") =~ /^EXTVERSION = (\S+)/m;
is($meta->{version}, $version, 'META.json: version of the Makefile');
for my $name (sort keys %{ $meta->{provides} })
{
	my $provided = $meta->{provides}{$name};
	my ($default) = slurp_file("$top/$name.control") =~ /^default_version = '(.*)'/m;
	is("$provided->{version} $provided->{file}", "$default src/sql/$name--$default.sql", "META.json: version and file of $name");
	ok(-e "$top/$provided->{docfile}", "META.json: docfile of $name");
}

$node->stop;
done_testing();
