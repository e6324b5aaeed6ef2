# QueryShape.pm -- forms of a query of the query test, and what each must return.
#
# A shape makes SQL from a case: relation r, expression of the distance d, condition where, LIMIT k, OFFSET o.
# What it must return is derived from the reference, which are all rows that the condition holds for, with their
# distances, by a sequential scan:
#
#   first      the k rows from o on in order of distance
#   rest       all rows but these
#   distinct   k distances, each with one row that has it
#   set        all rows, in any order
#   within     rows of the reference, perhaps not all of them
#
# Rows are (id, d), or (label, id, d) where there are several searches in one query.
package QueryShape;

use strict;
use warnings;
use List::Util qw(min max);
use QueryWorld;

*pick = \&QueryWorld::pick;
*chance = \&QueryWorld::chance;

# core(case, what is selected besides) -- the search as everybody writes it
sub core
{
	my ($c) = @_;
	return "SELECT t.id, $c->{d} AS d FROM $c->{r} t WHERE $c->{where} ORDER BY $c->{d} LIMIT $c->{k}" . ($c->{o} ? " OFFSET $c->{o}" : '');
}

# open_core(case) -- the same without LIMIT
sub open_core { my ($c) = @_; return "SELECT t.id, $c->{d} AS d FROM $c->{r} t WHERE $c->{where} ORDER BY $c->{d}"; }

# several(case) -- searches for four values of side: SQL of them, and of the reference
sub several
{
	my ($c) = @_;
	my $values = "(SELECT id AS n, v AS q FROM side WHERE id % 10 = " . int(rand(10)) . ') s';
	my $d = "$c->{key} $c->{world}{op} s.q";
	return ($values, $d, "SELECT s.n, t.id, $d AS d FROM $values, $c->{r} t WHERE $c->{where}");
}

# in_side(id) -- has the table side this id?
sub in_side { return $_[0] < 40; }

# undone(shape) -- what it changes is undone
sub undone { my (%shape) = @_; return { %shape, undone => 1 }; }

my %SHAPE = (
	plain => sub { my ($c) = @_; return { sql => [ core($c) ] }; },
	by_name => sub { my ($c) = @_; return { sql => [ "SELECT t.id, $c->{d} AS d FROM $c->{r} t WHERE $c->{where} ORDER BY " . pick('d', '2') . " LIMIT $c->{k} OFFSET $c->{o}" ] }; },
	unselected => sub { my ($c) = @_; return { sql => [ "SELECT t.id FROM $c->{r} t WHERE $c->{where} ORDER BY $c->{d} LIMIT $c->{k} OFFSET $c->{o}" ] }; },
	subquery => sub { my ($c) = @_; return { sql => [ 'SELECT s.id, s.d FROM (' . core($c) . ') s' ] }; },
	subquery_limit => sub { my ($c) = @_; return { sql => [ 'SELECT s.id, s.d FROM (' . open_core($c) . ") s LIMIT $c->{k} OFFSET $c->{o}" ] }; },
	subquery_filter => sub {
		my ($c) = @_;
		return { sql => [ 'SELECT s.id, s.d FROM (' . open_core($c) . ") s WHERE s.id % 4 = 1 LIMIT $c->{k} OFFSET $c->{o}" ], also => sub { $_[0] % 4 == 1 } };
	},
	with => sub { my ($c) = @_; return { sql => [ 'WITH s AS ' . pick('', 'MATERIALIZED', 'NOT MATERIALIZED') . ' (' . core($c) . ') SELECT id, d FROM s' ] }; },
	limit_subquery => sub { my ($c) = @_; return { sql => [ open_core($c) . " LIMIT (SELECT $c->{k}) OFFSET (SELECT $c->{o})" ] }; },
	prepared => sub {
		my ($c) = @_;
		my $type = $c->{world}{type};
		my $sql = core({ %$c, d => "$c->{key} $c->{world}{op} \$1", k => '$2', o => $c->{o} });
		return { before => [ "PREPARE p($type, int) AS $sql" ], sql => [ "EXECUTE p($c->{constant}, $c->{k})" ], after => ['DEALLOCATE p'],
			again => 1 };
	},
	cursor => sub {
		my ($c) = @_;
		my $n = 1 + int(rand(5));
		return undone(before => [ 'DECLARE c ' . pick('', 'NO SCROLL', 'SCROLL') . ' CURSOR ' . pick('', 'WITH HOLD ') . 'FOR ' . core($c) ],
			sql => [ ("FETCH $n FROM c") x 3, 'FETCH ALL FROM c' ]);
	},
	backward => sub {
		my ($c) = @_;
		my $n = 2 + int(rand(5));
		return undone(before => [ 'DECLARE c SCROLL CURSOR FOR ' . core($c), "MOVE $n IN c", 'MOVE BACKWARD ' . pick($n, $n + 1, 'ALL') . ' IN c',
			pick('MOVE FIRST IN c', 'MOVE LAST IN c', 'MOVE FORWARD 3 IN c'), 'MOVE ABSOLUTE 0 IN c' ], sql => ['FETCH ALL FROM c']);
	},
	changed => sub {
		my ($c) = @_;
		return undone(before => [ 'DECLARE c NO SCROLL CURSOR FOR ' . core($c) ],
			sql => [ 'FETCH 2 FROM c', 'DELETE FROM t WHERE id % 2 = 0', 'FETCH 2 FROM c', "INSERT INTO t (id, v) SELECT id + 100000, v FROM t WHERE v IS NOT NULL LIMIT 30",
				'UPDATE t SET v = v WHERE id % 5 = 1', 'FETCH ALL FROM c' ]);
	},
	loop => sub { my ($c) = @_; return { sql => [ "SELECT a, b FROM loop_rows(\$q\$" . open_core($c) . "\$q\$, $c->{k})" ], o => 0 }; },
	ties => sub { my ($c) = @_; return { sql => [ open_core($c) . " OFFSET $c->{o} FETCH FIRST $c->{k} ROWS WITH TIES" ], ties => 1 }; },
	window => sub {
		my ($c) = @_;
		return { sql => [ "SELECT id, d FROM (SELECT t.id, $c->{d} AS d, row_number() OVER (ORDER BY $c->{d}) AS n FROM $c->{r} t WHERE $c->{where}) s WHERE n <= $c->{k}" ], o => 0 };
	},
	window_above => sub { my ($c) = @_; return { sql => [ 'SELECT id, d FROM (SELECT id, d, rank() OVER (ORDER BY d), count(*) OVER () FROM (' . core($c) . ') s) u' ], unordered => 1 }; },
	distinct_on => sub { my ($c) = @_; return { sql => [ "SELECT DISTINCT ON ($c->{d}) t.id, $c->{d} AS d FROM $c->{r} t WHERE $c->{where} ORDER BY $c->{d} LIMIT $c->{k}" ], kind => 'distinct' }; },
	grouped => sub { my ($c) = @_; return { sql => [ "SELECT min(t.id), $c->{d} AS d FROM $c->{r} t WHERE $c->{where} GROUP BY $c->{d} ORDER BY $c->{d} LIMIT $c->{k}" ], kind => 'distinct' }; },
	joined => sub {
		my ($c) = @_;
		my $on = pick('s.id = t.id', 's.id = t.id % 40 AND t.id < 60');
		return { sql => [ "SELECT t.id, $c->{d} AS d FROM $c->{r} t " . pick('JOIN', 'INNER JOIN', 'LEFT JOIN') . " side s ON $on WHERE ($c->{where}) AND s.id IS NOT NULL ORDER BY $c->{d} LIMIT $c->{k} OFFSET $c->{o}" ],
			also => $on =~ /40/ ? sub { $_[0] < 60 } : \&in_side };
	},
	outer_joined => sub { my ($c) = @_; return { sql => [ "SELECT t.id, $c->{d} AS d FROM $c->{r} t LEFT JOIN side s ON s.id = t.id WHERE $c->{where} ORDER BY $c->{d} LIMIT $c->{k} OFFSET $c->{o}" ] }; },
	semi_joined => sub {
		my ($c) = @_;
		my ($not, $test) = @{ pick([ '', \&in_side ], [ 'NOT ', sub { !in_side($_[0]) } ]) };
		return { sql => [ core({ %$c, where => "($c->{where}) AND ${not}EXISTS (SELECT FROM side s WHERE s.id = t.id)" }) ], also => $test };
	},
	lateral => sub {
		my ($c) = @_;
		my ($values, $d, $reference) = several($c);
		my $join = pick(', LATERAL (%s) u', ' CROSS JOIN LATERAL (%s) u', ' LEFT JOIN LATERAL (%s) u ON true');
		my $sql = "SELECT n, u.id, u.d FROM $values" . sprintf($join, core({ %$c, d => $d })) . ' WHERE u.id IS NOT NULL';
		return { sql => [$sql], reference => $reference, unordered => 1 };
	},
	scalar => sub {
		my ($c) = @_;
		my ($values, $d, $reference) = several($c);
		return { sql => [ "SELECT n, id FROM (SELECT s.n, (SELECT t.id FROM $c->{r} t WHERE $c->{where} ORDER BY $d LIMIT 1) AS id FROM $values) u WHERE id IS NOT NULL" ],
			reference => $reference, labelled => 1, k => 1, o => 0 };
	},
	array => sub {
		my ($c) = @_;
		my ($values, $d, $reference) = several($c);
		return { sql => [ "SELECT n, unnest(ids) FROM (SELECT s.n, ARRAY(" . core({ %$c, d => $d }) =~ s/, \Q$d\E AS d//r . ") AS ids FROM $values) u" ],
			reference => $reference, labelled => 1, unordered => 1 };
	},
	union_all => sub {
		my ($c) = @_;
		my @parts = map { my $n = $_; my $q = $c->{world}->query; my $d = "$c->{key} $c->{world}{op} $q"; [ $n, $d ] } 1 .. 2;
		return { sql => [ join(' UNION ALL ', map { "(SELECT $_->[0], s.* FROM (" . core({ %$c, d => $_->[1] }) . ') s)' } @parts) ],
			reference => join(' UNION ALL ', map { "SELECT $_->[0], t.id, $_->[1] AS d FROM $c->{r} t WHERE $c->{where}" } @parts) };
	},
	intersect => sub { my ($c) = @_; return { sql => [ '(' . core($c) . ") INTERSECT SELECT t.id, $c->{d} FROM $c->{r} t WHERE $c->{where}" ], unordered => 1 }; },
	# workers return rows of equal distance in any order, so that the two need not have the same of them
	union => sub { my ($c) = @_; return { sql => [ '(' . core($c) . ') UNION (' . core($c) . ')' ], unordered => 1, most => $c->{mode}{parallel} ? 2 : 1 }; },
	except => sub { my ($c) = @_; return { sql => [ "SELECT t.id, $c->{d} FROM $c->{r} t WHERE $c->{where} EXCEPT (" . core($c) . ')' ], kind => 'rest' }; },
	locked => sub { my ($c) = @_; return { sql => [ core($c) . ' FOR ' . pick('UPDATE', 'SHARE', 'NO KEY UPDATE') ] }; },
	inserted => sub { my ($c) = @_; return undone(before => [ 'INSERT INTO sink ' . core($c) ], sql => ['SELECT id, d FROM sink'], unordered => 1); },
	updated => sub {
		my ($c) = @_;
		my $rescanned = chance(0.5);
		my $sql = $rescanned ? 'UPDATE t SET v = t.v FROM (' . core($c) . ') s' : 'WITH s AS MATERIALIZED (' . core($c) . ') UPDATE t SET v = t.v FROM s';
		return undone(sql => ["$sql WHERE s.id = t.id RETURNING s.id, s.d"], unordered => 1, rescanned => $rescanned);
	},
	deleted => sub {
		my ($c) = @_;
		return undone(sql => [ "DELETE FROM $c->{r} t WHERE t.id IN (SELECT s.id FROM (" . core($c) . ") s) RETURNING t.id, $c->{d}" ], unordered => 1);
	},
	merged => sub {
		my ($c) = @_;
		return undone(before => [ "MERGE INTO t u USING (" . core($c) . ') s ON s.id = u.id WHEN MATCHED THEN DELETE' ],
			sql => [ "SELECT t.id, $c->{d} FROM $c->{r} t WHERE $c->{where}" ], kind => 'rest');
	},
	sum_of_distance => sub { my ($c) = @_; return { sql => [ core($c) =~ s/ORDER BY \Q$c->{d}\E/"ORDER BY ($c->{d}) * 2" . ($c->{world}{scale} == 1 ? ' + 1' : '')/er ] }; },
	similarity => sub {
		my ($c) = @_;
		return { sql => [ core($c) =~ s/ORDER BY \Q$c->{d}\E/'ORDER BY ' . pick($c->{world}{scale} == 1 ? "1 - ($c->{d})" : "0.5 * -($c->{d})", "($c->{d}) * -1", "-($c->{d})") . ' DESC'/er ], descending => 1 };
	},
	whole => sub { my ($c) = @_; return { sql => [ open_core($c) ], k => 1e9, o => 0, whole => 1 }; },
	condition_only => sub { my ($c) = @_; return { sql => [ "SELECT t.id FROM $c->{r} t WHERE $c->{where}" ], kind => 'set' }; });

# bound(case) -- SQL of a bound of the distance, near one of those that there are; by an operator, or as a condition on
# numbers
sub bound
{
	my ($c, $natural) = @_;
	my @d = grep { defined && /^[-\d.]+(?:e|$)/ } values %{ $c->{reference}{of}{''}{distance} };
	my $b = @d ? pick(@d) : 1;
	$b *= 1 + 1e-3 * rand() if chance(0.3);
	$b = sprintf('%.17g', $b);
	my $d = $c->{d};
	if (!$natural)
	{
		my $sphere = { vector => 'sphere', halfvec => 'sphere_halfvec', sparsevec => 'sphere_sparsevec', bit => 'sphere_bit' }->{ $c->{world}{type} };
		return "$c->{key} $c->{world}{within} $sphere($c->{q}, $b)";
	}
	return pick("$d < '$b'::float8", "$d <= '$b'::float8", "'$b'::float8 > $d", "$d BETWEEN '-1e300' AND '$b'::float8", "1 - ($d) > 1 - '$b'::float8",
		"$d < (SELECT '$b'::float8)", "-($d) > -('$b'::float8)", "3 * (1 - ($d)) >= 3 * (1 - '$b'::float8)");
}

my %RADIUS = (
	first => sub { my ($c) = @_; return { sql => [ core($c) ], within => 1 }; },
	whole => sub { my ($c) = @_; return { sql => [ open_core($c) ], k => 1e9, o => 0, within => 1, whole => 1 }; },
	set => sub { my ($c) = @_; return { sql => [ "SELECT t.id FROM $c->{r} t WHERE $c->{where}" ], kind => 'set', within => 1 }; },
	exists => sub { my ($c) = @_; return { sql => [ "SELECT t.id FROM $c->{r} t WHERE $c->{where} AND EXISTS (SELECT FROM side s WHERE s.id = t.id)" ], kind => 'set', within => 1, also => \&in_side }; },
	delete => sub { my ($c) = @_; return undone(sql => [ "DELETE FROM $c->{r} t WHERE $c->{where} RETURNING t.id" ], kind => 'set', changes => 1); },
	update => sub { my ($c) = @_; return undone(sql => [ "UPDATE $c->{r} t SET v = t.v WHERE $c->{where} RETURNING t.id" ], kind => 'set', changes => 1); },
	delete_using => sub {
		my ($c) = @_;
		return undone(sql => [ "WITH gone AS (DELETE FROM $c->{r} t USING side s WHERE s.id = t.id % 40 AND $c->{where} RETURNING t.id) SELECT id FROM gone" ], kind => 'set', changes => 1);
	},
	delete_in => sub {
		my ($c) = @_;
		return undone(sql => [ "DELETE FROM $c->{r} u WHERE u.id IN (SELECT t.id FROM $c->{r} t WHERE $c->{where}) RETURNING u.id" ], kind => 'set', changes => 1);
	},
	merge => sub {
		my ($c) = @_;
		return undone(before => [ "MERGE INTO t USING (SELECT generate_series(0, 39) AS n) s ON s.n = t.id % 40 AND $c->{where} WHEN MATCHED THEN DELETE" ],
			sql => [ "SELECT t.id FROM $c->{r} t WHERE $c->{where}" ], kind => 'none', changes => 1);
	},
	locked => sub { my ($c) = @_; return { sql => [ "SELECT t.id FROM $c->{r} t WHERE $c->{where} FOR UPDATE" ], kind => 'set', changes => 1 }; },
	pairs => sub {
		my ($c) = @_;
		my ($values, $d) = several($c);
		my $where = $c->{where} =~ s/\Q$c->{d}\E/$d/gr =~ s/(sphere\w*)\(\Q$c->{q}\E,/$1(s.q,/gr;
		return { sql => [ "SELECT s.n, t.id FROM $values JOIN $c->{r} t ON $where" ], reference => "SELECT s.n, t.id, $d AS d FROM $values, $c->{r} t WHERE $where",
			kind => 'set', within => 1, labelled => 1 };
	});

# names(radius or not) -- of all shapes
sub names { my ($radius) = @_; return sort keys %{ $radius ? \%RADIUS : \%SHAPE }; }

# make(case, name, radius) -- SQL and what is expected of it
sub make
{
	my ($c, $name, $radius) = @_;
	my $shape = ($radius ? $RADIUS{$name} : $SHAPE{$name})->($c);
	return { kind => 'first', k => $c->{k}, o => $c->{o}, %$shape, name => ($radius ? "radius $name" : $name) };
}

# ------------------------------------------------------------ answers

# rank(distance, descending) -- a number to order by: NaN after numbers and NULL last; where the order is descending, first
sub rank
{
	my ($d, $descending) = @_;
	my $rank = !defined $d ? 9**9**9 : $d eq 'NaN' ? 1.7976e308 : $d eq 'Infinity' ? 1.7975e308 : $d eq '-Infinity' ? -1.7975e308 : $d;
	return $descending && (!defined $d || $d eq 'NaN') ? -$rank : $rank + 0;
}

# by_label(rows, labelled) -- label => list of [id, d]
sub by_label
{
	my ($rows, $labelled) = @_;
	return { '' => $rows } unless $labelled;
	my %of;
	for my $row (@$rows)
	{
		my ($label, @row) = @$row;
		push @{ $of{$label} }, \@row;
	}
	return \%of;
}

# reference(ids, distances, labels or nothing) -- what answers are compared with: label => distance of each id
sub reference
{
	my ($ids, $d, $labels) = @_;
	my %of;
	if (!$labels)
	{
		@{ $of{''}{distance} }{@$ids} = @$d;
		$of{''}{distance} //= {};
	}
	else
	{
		$of{ $labels->[$_] }{distance}{ $ids->[$_] } = $d->[$_] for 0 .. $#$ids;
	}
	return { labelled => defined $labels, of => \%of };
}

# restricted(reference, test of an id) -- the part of it for which another condition holds
sub restricted
{
	my ($reference, $test) = @_;
	my %of;
	for my $label (keys %{ $reference->{of} })
	{
		my $distance = $reference->{of}{$label}{distance};
		$of{$label} = { distance => { map { ($_ => $distance->{$_}) } grep { $test->($_) } keys %$distance } };
	}
	return { labelled => $reference->{labelled}, of => \%of };
}

# in_order(one label's reference, descending) -- its ranks
sub in_order
{
	my ($all, $descending) = @_;
	return $all->{ $descending ? 'down' : 'up' } //= [ sort { $a <=> $b } map { rank($_, $descending) } values %{ $all->{distance} } ];
}

# judge(shape, rows, reference, settings) -- what is wrong, as text; counts what is found of what there is
sub judge
{
	my ($shape, $rows, $reference, $mode, $count) = @_;
	my $got = by_label($rows, $reference->{labelled});
	for my $label (sort keys %{ { %$got, %{ $reference->{of} } } })
	{
		my $wrong = judge_one($shape, $got->{$label} // [], $reference->{of}{$label} // { distance => {} }, $mode, $count);
		return ($label ne '' ? "search $label: " : '') . $wrong if $wrong;
	}
	return;
}

sub judge_one
{
	my ($shape, $got, $all, $mode, $count) = @_;
	my $distance = $all->{distance};
	my (%seen, @d);
	for my $row (@$got)
	{
		my ($id, $d) = @$row;
		return "row $id does not meet the condition" unless exists $distance->{$id};
		return "row $id comes twice" if $seen{$id}++;
		return "row $id has the distance " . ($d // 'NULL') . ', not ' . ($distance->{$id} // 'NULL')
		  if @$row > 1 && ($d // 'NULL') ne ($distance->{$id} // 'NULL');
		push @d, rank($distance->{$id}, $shape->{descending});
	}
	return judge_set($shape, \@d, scalar keys %$distance, $mode, $count) if $shape->{kind} eq 'set' || $shape->{kind} eq 'none';
	my $sorted = in_order($all, $shape->{descending});
	if ($shape->{kind} eq 'distinct')
	{
		my $last;
		$sorted = [ grep { my $new = !defined $last || $_ != $last; $last = $_; $new } @$sorted ];
		# rows that are out of order are groups of their own
		return 'a distance comes twice' if grep { $d[$_] == $d[ $_ - 1 ] } 1 .. $#d;
		$shape = { %$shape, o => 0, loose => scalar(grep { $d[$_] < $d[ $_ - 1 ] } 1 .. $#d) };
	}
	return judge_first($shape, \@d, $sorted, $mode, $count);
}

sub judge_set
{
	my ($shape, $d, $there, $mode, $count) = @_;
	my $found = scalar @$d;
	return $found ? "$found rows are left" : undef if $shape->{kind} eq 'none';
	return "$found rows of $there" if $found != $there && !($shape->{within} && $mode->{bounds});
	count($count, "$shape->{name}", $found, $there);
	return;
}

sub count
{
	my ($count, $name, $found, $there) = @_;
	$count->{$name}[0] += $found;
	$count->{$name}[1] += $there;
	return;
}

# judge_order(shape, ranks of the rows, ranks of all, settings, whether the scan may have ended early)
#
# In strict order a scan returns rows in order of distance, and then, in order as well, those that were late: nearer
# than one that it had returned. So rows come in order but at one place, at one of each scan that partitions are
# merged of. Late rows come when all others have: what is not shown by then is late, too, and no nearer than the last
# of them. The row before them is the farthest of those that the scan has returned: of all, unless it ended early;
# but the executor may have discarded a farther one.
sub judge_order
{
	my ($shape, $d, $sorted, $mode, $short) = @_;
	my $before = sub { my ($i) = @_; return "row $i is nearer ($d->[$i]) than the one before it ($d->[ $i - 1 ])"; };
	my @falls = grep { $d->[ $_ - 1 ] - $d->[$_] > $mode->{slack} * (abs($d->[$_]) + abs($d->[ $_ - 1 ])) } 1 .. $#$d;
	return unless @falls;
	return $before->($falls[-1]) . ', and ' . $#falls . ' before' if @falls > ($mode->{partitioned} ? QueryWorld::partitions() : 1);
	return if $mode->{partitioned} || $mode->{slack};
	my $farthest = $d->[ $falls[0] - 1 ];
	return $before->($falls[0]) . ', and no row is discarded that is farther' if !$shape->{discards} && grep { $_ > $farthest } $short ? @$d : @$sorted;
	my $missing = grep({ $_ < $d->[-1] } @$sorted) - grep({ $_ < $d->[-1] } @$d);
	return $before->($falls[0]) . ", and $missing rows are not there that are nearer than the last one" if !$short && $missing > $shape->{o};
	return;
}

# judge_first(shape, ranks of the rows, ranks of all) -- number, order, and how many of the nearest
sub judge_first
{
	my ($shape, $d, $sorted, $mode, $count) = @_;
	my $n = @$sorted;
	my $from = min($shape->{o}, $n);
	my $to = min($from + $shape->{k}, $n);
	my $expected = $shape->{kind} eq 'rest' ? $n - ($to - $from) : $to - $from;
	my $short = $mode->{short} || $shape->{within} && $mode->{bounds};
	# a join may run the search again for each row, beside the changes of the statement itself: its last rows may be others
	return abs(@$d - $expected) > max(3, $expected / 10) ? scalar(@$d) . " rows of $expected, by a search that may be run again" : undef
	  if $shape->{rescanned} && @$d != $expected && !$short;
	return scalar(@$d) . " rows of $expected"
	  if $shape->{kind} eq 'rest' ? @$d < $expected || @$d > $expected && !$short : @$d < $expected && !$short || @$d > ($shape->{loose} ? $shape->{k} : $expected * ($shape->{most} // 1)) && !$shape->{ties};
	return if $shape->{kind} eq 'rest';
	if ($shape->{ties} && @$d > $expected)
	{
		return 'more rows than ties' if $expected == 0 || grep { $_ != $d->[ $expected - 1 ] } @$d[ $expected .. $#$d ];
	}
	my $inverted = grep { $d->[$_] < $d->[ $_ - 1 ] } 1 .. $#$d;
	if (!$mode->{relaxed} && !$mode->{off} && !$shape->{unordered})
	{
		my $wrong = judge_order($shape, $d, $sorted, $mode, $short);
		return $wrong if $wrong;
		$count->{inverted} += $inverted;
	}
	my $last = $to > $from ? $sorted->[ $to - 1 ] : undef;
	return unless defined $last && $mode->{counts};
	my $found = grep { $_ <= $last } @$d[ 0 .. min($#$d, $expected - 1) ];
	count($count, $shape->{name}, $found, $expected);
	push @{ $count->{low} }, "$found of $expected, $shape->{name}" if $expected >= 3 && $found < $expected / 2;
	return;
}

1;
