# ALTER EXTENSION omendb UPDATE: from every version whose install script is kept in test/versions, and to one that the test makes
# up, the catalogs are those of a fresh install, and indexes of before go on.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use OmendbTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$FindBin::RealBin/../..";
my $config = $ENV{PG_CONFIG} || 'pg_config';
chomp(my $share = `$config --sharedir`);
my $folder = "$share/extension";
plan skip_all => "extensions are not to be added to $folder" unless -w $folder;

my ($current) = slurp_file("$folder/omendb.control") =~ /default_version = '([^']*)'/;
my $install = slurp_file("$folder/omendb--$current.sql");
my %known = map { /omendb--(.*)\.sql$/ ? ($1 => $_) : () } glob("$top/test/versions/omendb--*.sql");
my @made;

sub add
{
	my ($name, $text) = @_;
	return if -e "$folder/$name";
	push @made, "$folder/$name";
	append_to_file("$folder/$name", $text);
}
END { unlink @made }

# A next version: a new function and operator, a changed body, a view with one more column, another description, an object that goes.
my $steps = <<'SQL';
CREATE FUNCTION omendb_next(vector) RETURNS vector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT $1';
COMMENT ON FUNCTION omendb_next(vector) IS 'of the next version';
CREATE OPERATOR @+@ (RIGHTARG = vector, FUNCTION = omendb_next);
CREATE OR REPLACE FUNCTION rrf(rank1 bigint, rank2 bigint, k double precision DEFAULT 60, weight1 double precision DEFAULT 1,
	weight2 double precision DEFAULT 1) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT 1.0::float8';
COMMENT ON TYPE vector IS 'as the next version has it';
DROP AGGREGATE omendb_nearest_distances(double precision, integer);
SQL
my $drop = $install =~ /CREATE AGGREGATE omendb_nearest_distances\((.*?)\)/ ? $1 : die 'no such aggregate';
$steps =~ s/omendb_nearest_distances\(.*\)/omendb_nearest_distances($drop)/;
add('omendb--9.9.9.sql', $install . $steps);
add("omendb--$current--9.9.9.sql", $steps);
# one whose upgrade forgets something, so that this test proves to see that
add('omendb--9.9.8.sql', $install . $steps);
add("omendb--$current--9.9.8.sql", $steps =~ s/^CREATE OPERATOR.*$//mr);
add("omendb--$_.sql", slurp_file($known{$_})) for keys %known;

my $node = new_server('extension_upgrade');

# Each object of the extension, with all that makes it what it is.
my $catalog = <<'SQL';
SET search_path = public;
WITH m AS (
	SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'omendb')
SELECT pg_describe_object(classid, objid, 0), obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid)),
	CASE classid
	WHEN 'pg_proc'::regclass THEN (SELECT CASE prokind WHEN 'f' THEN pg_get_functiondef(oid) ELSE
		(SELECT concat_ws(' ', aggtransfn, aggfinalfn, aggcombinefn, aggtranstype::regtype, agginitval, p.proparallel) FROM pg_aggregate WHERE aggfnoid = p.oid) END
		FROM pg_proc p WHERE oid = objid)
	WHEN 'pg_operator'::regclass THEN (SELECT concat_ws(' ', oprcode, oprcom::regoperator, oprnegate::regoperator, oprrest, oprjoin, oprcanmerge, oprcanhash)
		FROM pg_operator WHERE oid = objid)
	WHEN 'pg_type'::regclass THEN (SELECT concat_ws(' ', typlen, typbyval, typinput, typoutput, typreceive, typsend, typmodin, typmodout, typalign, typstorage)
		FROM pg_type WHERE oid = objid)
	WHEN 'pg_class'::regclass THEN pg_get_viewdef(objid)
	WHEN 'pg_cast'::regclass THEN (SELECT concat_ws(' ', castfunc::regprocedure, castcontext, castmethod) FROM pg_cast WHERE oid = objid)
	WHEN 'pg_opclass'::regclass THEN (SELECT concat_ws(' ', opcdefault, opcintype::regtype, opckeytype::regtype) FROM pg_opclass WHERE oid = objid)
	WHEN 'pg_opfamily'::regclass THEN
		(SELECT string_agg(concat_ws(' ', amopstrategy, amoppurpose, amopopr::regoperator, amopsortfamily <> 0), E'\n' ORDER BY amopstrategy, amopopr::regoperator::text)
			FROM pg_amop WHERE amopfamily = objid) ||
		(SELECT string_agg(concat_ws(' ', amprocnum, amproclefttype::regtype, amproc), E'\n' ORDER BY amprocnum, amproclefttype::regtype::text) FROM pg_amproc WHERE amprocfamily = objid)
	WHEN 'pg_am'::regclass THEN (SELECT concat_ws(' ', amhandler, amtype) FROM pg_am WHERE oid = objid)
	END
FROM m ORDER BY 1
SQL

# fresh(version) -- the catalogs after CREATE EXTENSION.
my $databases = 0;

sub database
{
	my ($version) = @_;
	my $name = 'upgrade' . ++$databases;
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, "CREATE EXTENSION omendb VERSION '$version'");
	return $name;
}

# upgraded(from, to, name) -- a database with a table and indexes of the old version, brought to the new one.
sub upgraded
{
	my ($from, $to) = @_;
	my $database = database($from);
	$node->safe_psql($database, <<'SQL');
CREATE TABLE t (i int, body text, v vector(3));
INSERT INTO t SELECT i, 'word' || i % 10, ARRAY[i, 1, 2] FROM generate_series(1, 500) i;
CREATE INDEX t_v ON t USING omenhnsw (v, i);
CREATE INDEX t_body ON t USING omenbm25 (body) WITH (text_config = 'simple');
SQL
	$node->safe_psql($database, "ALTER EXTENSION omendb UPDATE TO '$to'");
	return $database;
}

# go_on(database, name) -- its indexes answer, take rows and are whole.  Of an older format they say what to do, and then do.
sub go_on
{
	my ($database, $name) = @_;
	my $search = 'SET enable_seqscan = off; SET enable_sort = off; SELECT string_agg(i::text, \',\') FROM (SELECT i FROM t WHERE i > 10 ORDER BY v <-> \'[30,1,2]\' LIMIT 3) s;
		SELECT count(*) FROM t WHERE body @@@ \'word7\'';
	my ($status, $out, $err) = $node->psql($database, $search);
	if ($status)
	{
		like($err, qr/REINDEX/, "$name: an index of an older format asks for a REINDEX");
		$node->safe_psql($database, 'REINDEX TABLE t');
		$out = $node->safe_psql($database, $search);
	}
	is($out, "30,29,31\n50", "$name: indexes of before answer");
	$node->safe_psql($database, 'INSERT INTO t SELECT i, \'word\' || i % 10, ARRAY[i, 1, 2] FROM generate_series(501, 600) i; DELETE FROM t WHERE i % 9 = 0; VACUUM t');
	for my $index (qw(t_v t_body))
	{
		my ($failed, undef, $why) = $node->psql($database, "SELECT omendb_index_check('$index', heapallindexed => true)");
		is($failed, 0, "$name: $index is sound") or diag($why);
	}
}

my $fresh = $node->safe_psql(database('9.9.9'), $catalog);
cmp_ok(scalar(split /\n/, $fresh), '>', 500, 'objects are compared');
my $database = upgraded($current, '9.9.9');
is($node->safe_psql($database, $catalog), $fresh, "from $current to a next version: the catalogs are those of a fresh install");
go_on($database, "from $current to a next version");
isnt($node->safe_psql(upgraded($current, '9.9.8'), $catalog), $fresh, 'an upgrade that forgets an object is seen');

my $now = $node->safe_psql(database($current), $catalog);
for my $version (sort keys %known)
{
	next if $version eq $current;
	$database = upgraded($version, $current);
	is($node->safe_psql($database, $catalog), $now, "from $version: the catalogs are those of a fresh install");
	go_on($database, "from $version");
}

$node->stop;
done_testing();
