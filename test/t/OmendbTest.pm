# OmendbTest.pm -- what the TAP tests of omendb share: servers, data, recall, the checker.
#
# Data are made by SQL, the same for the same seed: clusters of few intrinsic
# dimensions, as embeddings are.  Recall is
# measured against an exact sort; ties are judged by distance.
package OmendbTest;

use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(new_server prepare_database fill recall check_index figures %OPERATOR %OPCLASS
  @METRICS wait_for_file @FILTER_SETS filter_columns filter_values same_answers);

our @METRICS = qw(l2 ip cosine);
our %OPERATOR = (l2 => '<->', ip => '<#>', cosine => '<=>', l1 => '<+>');
our %OPCLASS = (l2 => 'vector_l2_ops', ip => 'vector_ip_ops', cosine => 'vector_cosine_ops',
	l1 => 'vector_l1_ops');

# Sets of filter columns: type, and value of row n.  Some values are NULL, in each column others.
our @FILTER_SETS = (
	{ name => 'one column', columns => [ [ 'int', 'nullif(n % 7, 3)' ] ] },
	{
		name => 'three columns',
		columns => [
			[ 'int', 'n % 50' ], [ 'text', "'tag ' || nullif(n % 23, 5)" ],
			[ 'timestamptz', "'2020-01-01 UTC'::timestamptz + nullif(n * n % 1000, 9) * '1 hour'::interval" ] ]
	},
	{
		name => 'twelve columns',
		columns => [
			[ 'bool', 'nullif(n % 3, 2) = 1' ], [ 'int2', '(n % 300 - 150)::int2' ],
			[ 'int8', 'CASE n % 9 WHEN 0 THEN NULL WHEN 1 THEN 9223372036854775807 WHEN 2 THEN -9223372036854775808 ELSE n END' ],
			[ 'oid', 'nullif(n % 17, 4)::oid' ], [ 'float4', "CASE n % 13 WHEN 0 THEN 'NaN' WHEN 1 THEN '-Infinity' ELSE n / 7.0 END::float4" ],
			[ 'float8', 'nullif(n % 101, 0) * -0.01::float8' ], [ 'numeric', 'nullif(n % 19, 2) * 12345678901234.5678' ],
			[ 'date', "'1999-12-31'::date + (n % 40)::int" ], [ 'uuid', "md5((n % 60)::text)::uuid" ],
			[ 'text COLLATE "C"', "repeat(chr(97 + (n % 5)::int), (n % 4)::int)" ],
			[ 'int[]', 'CASE n % 8 WHEN 0 THEN NULL ELSE ARRAY[n % 6, n % 7, n % 31]::int[] END' ],
			[ 'jsonb', "jsonb_build_object('k', n % 12, 'tags', ARRAY[n % 3])" ] ]
	});

# filter_columns(set) -- their names, and with type => 1 their definitions.
sub filter_columns
{
	my ($set, %opt) = @_;
	my $i = 0;
	return join(', ', map { $i++; $opt{type} ? "c$i $_->[0]" : "c$i" } @{ $set->{columns} });
}

# filter_values(set, n) -- their values for row n, an SQL expression.
sub filter_values
{
	my ($set, $n) = @_;
	return join(', ', map { my $e = $_->[1]; $e =~ s/\bn\b/($n)/g; $e } @{ $set->{columns} });
}

# same_answers(node, table, set, name) -- conditions on each column give the rows that a
# sequential scan gives; t(id, v), queries in q(v).
sub same_answers
{
	my ($node, $table, $set, $name) = @_;
	my $n = @{ $set->{columns} };
	is($node->safe_psql('postgres', "SELECT filter_differences('$table', $n, 4)"), '',
		"$name: conditions give the rows of a sequential scan");
	return;
}

# new_server(name, conf => lines, init => [options]) -- started, with the extension in database postgres.
sub new_server
{
	my ($name, %opt) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(@{ $opt{init} // [] });
	$node->append_conf('postgresql.conf',
		"shared_buffers = 64MB\nmaintenance_work_mem = 64MB\nautovacuum = off\n"
		# plans with a method that is switched off cost so much that each query would be compiled
		  . "jit = off\nmax_wal_size = 2GB\nfsync = off\n" . ($opt{conf} // ''));
	$node->start;
	prepare_database($node, 'postgres');
	return $node;
}

sub prepare_database
{
	my ($node, $database) = @_;
	$node->safe_psql($database, <<'SQL');
CREATE EXTENSION omendb;

-- row i: six numbers by random(), bent into dim dimensions around one of some centres
CREATE FUNCTION random_vector(i bigint, dim int, centres int DEFAULT 20) RETURNS vector LANGUAGE sql VOLATILE AS $$
	SELECT array_agg((sin((i % centres) * 12.9898 + d * 78.233)
			+ cos(z[1 + d % 6] * (1 + d % 5) + z[1 + (d * 5 + 1) % 6] * (d * d % 7))
			+ 0.2 * random())::real)::vector
	FROM (SELECT array_agg(2 * random() - 1) AS z FROM generate_series(1, 6)) latent, generate_series(1, dim) d
$$;

-- mean share of the true k nearest rows that the index returns; t(id, v), queries in q(v), v of any type
CREATE FUNCTION recall(t regclass, operator text, k int, ef int DEFAULT 40) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	query tid;
	exact float8[];
	found float8[];
	hits bigint := 0;
	wanted bigint := 0;
	sql text := format('SELECT array_agg(d ORDER BY d) FROM (SELECT v %1$s (SELECT v FROM q WHERE ctid = $1) AS d FROM %2$s ORDER BY 1 LIMIT %3$s) s',
		operator, t, k);
BEGIN
	PERFORM set_config('omenhnsw.ef_search', ef::text, true);
	FOR query IN SELECT ctid FROM q LOOP
		PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true);
		EXECUTE sql INTO exact USING query;
		PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true);
		EXECUTE sql INTO found USING query;
		wanted := wanted + cardinality(exact);
		hits := hits + (SELECT count(*) FROM unnest(found) f
			WHERE f <= exact[cardinality(exact)] + 1e-6 * abs(exact[cardinality(exact)]));
	END LOOP;
	PERFORM set_config('enable_seqscan', 'on', true);
	RETURN hits::float8 / wanted;
END
$$;

-- conditions on columns c1, c2, ... with the values of n rows of t, one column and two
CREATE FUNCTION filter_conditions(t regclass, columns int, n int) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	kind text;
	op text;
	val text;
	seen int := 0;
	last text := 'c1 IS NOT NULL';
BEGIN
	FOR i IN 1 .. columns LOOP
		kind := (SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = t AND attname = 'c' || i);
		FOR val IN EXECUTE format('SELECT c%s::text FROM %s ORDER BY hashint8(id + %s) LIMIT %s', i, t, i, n) LOOP
			seen := seen + 1;
			op := CASE WHEN kind LIKE '%[]' THEN '&&' WHEN kind = 'jsonb' THEN '@>'
				ELSE (ARRAY['=', '<=', '>', '<>'])[1 + seen % 4] END;
			op := CASE WHEN val IS NULL THEN format('c%s IS NULL', i) ELSE format('c%s %s %L::%s', i, op, val, kind) END;
			RETURN NEXT op;
			IF seen % 3 = 0 THEN
				RETURN NEXT op || ' AND ' || last;
			END IF;
			last := op;
		END LOOP;
	END LOOP;
END
$$;

-- where index and sequential scan disagree under such conditions; every row is asked for, then ten
CREATE FUNCTION filter_differences(t regclass, columns int, n int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	condition text;
	query vector := (SELECT v FROM q LIMIT 1);
	sql text;
	plan text;
	used text := '';
	i text;
	exact bigint[];
	found bigint[];
	ten int;
	result text := '';
BEGIN
	PERFORM set_config('enable_bitmapscan', 'off', true);
	FOR condition IN SELECT filter_conditions(t, columns, n) LOOP
		sql := format('SELECT id FROM %s WHERE %s ORDER BY v <-> $1', t, condition);
		PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true),
			set_config('enable_sort', 'on', true);
		EXECUTE format('SELECT array_agg(id ORDER BY id) FROM (%s) s', sql) INTO exact USING query;
		PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true),
			set_config('enable_sort', 'off', true);
		EXECUTE format('SELECT array_agg(id ORDER BY id) FROM (%s) s', sql) INTO found USING query;
		EXECUTE format('SELECT count(DISTINCT id) FROM (%s LIMIT 10) s', sql) INTO ten USING query;
		FOR plan IN EXECUTE 'EXPLAIN (COSTS off) ' || replace(sql, '$1', quote_literal(query::text)) LOOP
			used := used || plan || chr(10);
		END LOOP;
		IF exact IS DISTINCT FROM found OR ten IS DISTINCT FROM least(10, coalesce(cardinality(exact), 0)) THEN
			result := result || format('%s: %s rows instead of %s, %s of ten' || chr(10), condition,
				cardinality(found), cardinality(exact), ten);
		END IF;
	END LOOP;
	-- a bare boolean is no index condition everywhere
	FOR i IN SELECT substr(attname, 2) FROM pg_attribute
		WHERE attrelid = t AND attname ~ '^c\d' AND atttypid <> 'bool'::regtype AND used <> '' LOOP
		IF used !~ format('Index Cond: [^\n]*\mc%s\M', i) THEN
			result := result || format('no index condition on c%s' || chr(10), i);
		END IF;
	END LOOP;
	PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true),
		set_config('enable_bitmapscan', 'on', true);
	RETURN result;
END
$$;
SQL
	return;
}

# fill(node, table, from, to, dim) -- rows from..to of random vectors.
sub fill
{
	my ($node, $table, $from, $to, $dim, $database) = @_;
	$node->safe_psql($database // 'postgres',
		"SELECT setseed(0.25);"
		  . "INSERT INTO $table (id, v) SELECT i, random_vector(i, $dim) FROM generate_series($from, $to) i");
	return;
}

sub recall
{
	my ($node, $table, $metric, %opt) = @_;
	my $k = $opt{k} // 10;
	my $ef = $opt{ef} // 40;
	return $node->safe_psql('postgres', "SELECT recall('$table', '$OPERATOR{$metric}', $k, $ef)");
}

# figures(node, index) -- what the checker returns, as a hash; dies if it raises.
sub figures
{
	my ($node, $index, %opt) = @_;
	my $all = $opt{plain} ? 'false' : 'true';
	my $json = $node->safe_psql($opt{database} // 'postgres',
		"SELECT row_to_json(c) FROM omendb_index_check('$index', $all) c");
	my %f = $json =~ /"(\w+)":(null|[-0-9.e+]+)/g;
	return \%f;
}

# check_index(node, index, name) -- the checker finds nothing, and no node is out of reach.
sub check_index
{
	my ($node, $index, $name, %opt) = @_;
	my $f = eval { figures($node, $index, %opt) };
	my $why = $@;
	ok($f && $f->{unreachable} == 0 && $f->{stale_links} == 0 && $f->{dead_nodes} == 0,
		"$name: the index is sound")
	  or diag($f ? join(', ', map { "$_ $f->{$_}" } sort keys %$f) : $why);
	return $f;
}

sub wait_for_file
{
	my ($file, $seconds) = @_;
	for (1 .. 10 * ($seconds // 30))
	{
		return 1 if -s $file;
		select(undef, undef, undef, 0.1);
	}
	return 0;
}

1;
