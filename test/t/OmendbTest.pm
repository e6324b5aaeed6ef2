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
  @METRICS wait_for_file);

our @METRICS = qw(l2 ip cosine);
our %OPERATOR = (l2 => '<->', ip => '<#>', cosine => '<=>', l1 => '<+>');
our %OPCLASS = (l2 => 'vector_l2_ops', ip => 'vector_ip_ops', cosine => 'vector_cosine_ops',
	l1 => 'vector_l1_ops');

# new_server(name, conf => lines, init => [options]) -- started, with the extension in database postgres.
sub new_server
{
	my ($name, %opt) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(@{ $opt{init} // [] });
	$node->append_conf('postgresql.conf',
		"shared_buffers = 64MB\nmaintenance_work_mem = 64MB\nautovacuum = off\n"
		  . "max_wal_size = 2GB\nfsync = off\n" . ($opt{conf} // ''));
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

-- mean share of the true k nearest rows that the index returns; t(id, v), queries in q(v)
CREATE FUNCTION recall(t regclass, operator text, k int, ef int DEFAULT 40) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	query vector;
	exact float8[];
	found float8[];
	hits bigint := 0;
	wanted bigint := 0;
	sql text := format('SELECT array_agg(d ORDER BY d) FROM (SELECT v %1$s $1 AS d FROM %2$s ORDER BY v %1$s $1 LIMIT %3$s) s',
		operator, t, k);
BEGIN
	PERFORM set_config('omenhnsw.ef_search', ef::text, true);
	FOR query IN SELECT v FROM q LOOP
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
