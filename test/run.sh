#!/bin/bash
#
# test/run.sh [--keep] [SUITE[,SUITE...] [NAME...]] -- runs all tests, as root or with sudo.
#
# On a fresh Debian 12 it installs by apt-get what is missing, builds in a copy of the
# tree, installs the extension into a copy of PostgreSQL in a temporary folder and runs,
# on private servers (user postgres, Unix socket only):
#
#   build      compiles without a warning, installs
#   sources    layout of the C files, folders that include one another, shellcheck, perl -wc, cppcheck, links and
#              anchors of the pages.  What wants a program that cannot be had here is skipped by name
#   unit       test/unit: what needs no server, also under sanitizers
#   fuzz       test/fuzz: what reads bytes of others, on kept inputs, under sanitizers
#   regress    sql/, expected/ by pg_regress
#   isolation  test/isolation by pg_isolation_regress, where there is any
#   pgtap      test/pgtap by pgTAP
#   tap        test/t by PostgreSQL::Test::Cluster
#   examples   test/examples: the C library without PostgreSQL, called from Python; the page of examples/search and that
#              of bench/, in Chromium.  What wants Chromium, or npm's registry, is skipped by name where it cannot be had
#   crash      20 kills of test/crash, and 15 seconds of test/soak
#   corrupt    120 damaged index files of test/corrupt
#   resources  memory, and what is stopped or runs out: a short test/resources
#   queries    2,000 random queries of test/queries, of a fixed seed
#   clients    test/clients: drivers and ORMs.  Those for Node want Node 20 and npm's registry and are
#              skipped by name where either is missing
#
# clients-all is clients and the large ones that are not part of a whole run.
#
# With SUITE only that one runs, or these (the build always does); NAME picks the files whose
# names contain it, as in: test/run.sh tap 003.  --keep leaves the temporary folder.
# PG_CONFIG chooses a PostgreSQL; OMENDB_INSTALL_HERE=yes installs into it and not into a
# copy, for one that does not work from another folder.  test/sanitize builds the library in other
# ways: OMENDB_COPT and OMENDB_LINK are options of the compiler and of the linker, OMENDB_SERVER_WRAPPER is what
# servers run under.  OMENDB_PATIENCE multiplies the limits of time, for servers that are so many times as slow.
# The last line is "N passed, N failed".

set -uo pipefail

me=test/run.sh
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/test/lib.sh"

keep=""
if [ "${1:-}" = --keep ]; then
	keep=yes
	shift
fi
only=${1:-}
[ $# = 0 ] || shift
names=("$@")
suites="build sources unit fuzz regress isolation pgtap tap examples crash corrupt queries resources clients clients-all"
case $only in
	-h|--help) sed -n '3,/^$/s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
for suite in ${only//,/ }; do
	case " $suites " in *" $suite "*) ;; *) die "no suite is called $suite (there are ${suites// /, })" ;; esac
done

# chosen SUITE... -- does one of them run?
chosen() {
	local suite
	[ -n "$only" ] || return 0
	for suite in "$@"; do
		case ",$only," in *",$suite,"*) return 0 ;; esac
	done
	return 1
}

check_machine
choose_postgres
need_packages perl
if chosen sources; then
	need_indent
	need_packages shellcheck cppcheck python3 libipc-run-perl
fi
! chosen tap || need_packages libipc-run-perl
! chosen pgtap || need_packages "postgresql-$pg_major-pgtap" libtap-parser-sourcehandler-pgtap-perl
if chosen examples; then
	need_packages python3 python3-numpy
	want_program chromium chromium
	want_program node nodejs
	want_program npm npm
fi
if chosen clients clients-all; then
	need_packages python3 python3-numpy python3-psycopg python3-psycopg2 python3-sqlalchemy
	need_package_without_service pgbouncer
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/omendb-test.XXXXXX")
chown postgres: "$work"
cleanup() {
	if [ -n "$keep" ]; then
		stop_servers
		echo "$me: kept $work"
	else
		remove_work
	fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# ------------------------------------------------------------------ counting

passed=0
failed=0
summary=""

# count SUITE SECONDS PASSED FAILED -- a suite in which nothing ran has failed.
count() {
	local p=$3 f=$4
	if [ $((p + f)) = 0 ]; then
		echo "$me: suite $1: no test ran"
		f=1
	fi
	passed=$((passed + p))
	failed=$((failed + f))
	summary+=$(printf '%-11s %5d s  %5d passed, %d failed' "$1" "$2" "$p" "$f")$'\n'
}

# total_of FIELD FILE -- from the last line "N passed, N failed" of a log; 0 if there is none.
total_of() {
	awk -v field="$1" '/^[0-9]+ passed, [0-9]+ failed$/ { n = $field } END { print n + 0 }' "$2"
}

# wanted FILE -- does one of the given names, if any, occur in it?
wanted() {
	local n
	[ ${#names[@]} = 0 ] && return 0
	for n in "${names[@]}"; do
		case $(basename "$1") in *"$n"*) return 0 ;; esac
	done
	return 1
}

# pick FOLDER SUFFIX -- the wanted files, one a line, relative to the tree.
pick() {
	local f
	for f in "$work/tree/$1"/*"$2"; do
		[ -e "$f" ] && wanted "$f" && echo "${f#"$work/tree/"}"
	done
	return 0
}

# limited SECONDS COMMAND... -- as postgres, in the tree, not for ever.  The limits are
# for what hangs: several times what a slow machine with other work to do needs.
limited() {
	local status=0 limit=$(($1 * ${OMENDB_PATIENCE:-1}))
	shift
	as_postgres env -C "$work/tree" timeout --foreground -k 20 "$limit" "$@" || status=$?
	[ $status != 124 ] || echo "$me: ended after $limit seconds, its limit"
	return $status
}

# --------------------------------------------------------------------- suites

run_build() {
	local log=$work/build.log ok=1
	limited 1800 make -s -j"$(nproc)" COPT="-Werror ${OMENDB_COPT:-}" ${OMENDB_LINK:+SHLIB_LINK="$OMENDB_LINK"} PG_CONFIG="$PG_CONFIG" > "$log" 2>&1 || ok=0
	if [ $ok = 1 ] && grep -E 'warning:' "$log"; then
		ok=0
	fi
	if [ $ok = 1 ]; then
		install_extension >> "$log" 2>&1 || ok=0
	fi
	[ $ok = 1 ] || tail -n 60 "$log"
	count build $((SECONDS - start)) $ok $((1 - ok))
	[ $ok = 1 ]
}

# run_sources -- what must hold of the sources as they are written.
run_sources() {
	local target status p=0 f=0 skipped=""
	for target in format-check deps lint-scripts lint-perl lint-cppcheck lint-anchors; do
		limited 600 make -s PG_CONFIG="$PG_CONFIG" $target > "$work/$target.log" 2>&1
		status=$?
		# said in words, as make does not hand on a status of its own
		if grep '^there is no ' "$work/$target.log"; then
			skipped+=" $target"
			continue
		fi
		[ $status = 0 ] && p=$((p + 1)) || { f=$((f + 1)); tail -n 100 "$work/$target.log"; }
		echo "$target: $([ $status = 0 ] && echo ok || echo FAILED)"
	done
	count sources $((SECONDS - start)) $p $f
	[ -z "$skipped" ] || summary+="            skipped, as a program for it is missing:$skipped"$'\n'
}

run_unit() {
	local log=$work/unit.log p f target=check
	if [ ! -e /proc/self/stat ]; then
		echo "$me: sanitizers do not work without /proc: only the plain unit tests are run"
		target=check-plain
	fi
	local status=0 last
	limited 1800 make -s -j"$(nproc)" -C test/unit PG_CONFIG="$PG_CONFIG" $target > "$log" 2>&1 || status=1
	cat "$log"
	p=$(total_of 1 "$log") f=$(total_of 3 "$log")
	for last in check-threads check-model; do
		limited 600 make -s -j"$(nproc)" -C test/unit PG_CONFIG="$PG_CONFIG" $last > "$log" 2>&1 || status=1
		cat "$log"
		p=$((p + $(total_of 1 "$log"))) f=$((f + $(total_of 3 "$log")))
	done
	[ $status != 0 ] && [ "$f" = 0 ] && f=1
	count unit $((SECONDS - start)) "$p" "$f"
}

run_fuzz() {
	local log=$work/fuzz.log p f
	if [ ! -e /proc/self/stat ]; then
		summary+="fuzz        skipped: sanitizers do not work without /proc"$'\n'
		return
	fi
	limited 1800 make -s -k -j"$(nproc)" -C test/fuzz PG_CONFIG="$PG_CONFIG" check > "$log" 2>&1
	local status=$?
	cat "$log"
	p=$(grep -c '^[a-z]*: .* inputs$' "$log") f=$(grep -c '^make: \*\*\* .*check-' "$log")
	[ $status != 0 ] && [ "$f" = 0 ] && f=1
	count fuzz $((SECONDS - start)) "$p" "$f"
}

server_for_suites() {
	[ -e "$work/data" ] || start_server "fsync = off" "max_wal_size = 4GB" "shared_buffers = 256MB" "jit = off" \
		"max_prepared_transactions = 4" "log_line_prefix = '%m [%p] %q%a '"
}

# Lines of pg_regress: "test x ... ok 12 ms" up to 15, "ok 1 - x 12 ms" from 16 on.
count_regress() {
	local p f
	p=$(grep -cE '^(test .*\.\.\. ok|ok +[0-9]+ )' "$3")
	f=$(grep -cE '^(test .*\.\.\. (FAILED|diff)|not ok +[0-9]+ )' "$3")
	[ "$2" != 0 ] && [ "$f" = 0 ] && f=1
	count "$1" $((SECONDS - start)) "$p" "$f"
}

# show_diffs FILE LOG -- of pg_regress; the file is empty if that ended in the middle of a test.
show_diffs() {
	if [ -s "$1" ]; then
		head -n 300 "$1"
	else
		tail -n 30 "$2"
		[ ! -e "$work/server.log" ] || tail -n 30 "$work/server.log"
	fi
}

run_regress() {
	local log=$work/regress.log tests
	server_for_suites
	tests=$(pick sql .sql | sed 's|^sql/||; s|\.sql$||' | tr '\n' ' ')
	limited 1800 make installcheck TAP_TESTS= ISOLATION= PG_CONFIG="$PG_CONFIG" REGRESS="$tests" > "$log" 2>&1
	local status=$?
	grep -E "^(test |ok |not ok |#|ERROR|psql|$me:)" "$log"
	[ $status = 0 ] || show_diffs "$work/tree/regression.diffs" "$log"
	count_regress regress $status "$log"
}

run_isolation() {
	local log=$work/isolation.log tests
	server_for_suites
	tests=$(pick test/isolation/specs .spec | sed 's|.*/||; s|\.spec$||')
	# shellcheck disable=SC2086
	limited 1800 "$(dirname "$("$PG_CONFIG" --pgxs)")/../../src/test/isolation/pg_isolation_regress" \
		--bindir="$pg_bin" --inputdir=test/isolation --outputdir="$work/isolation" \
		--load-extension=omendb --dbname=isolation_omendb $tests > "$log" 2>&1
	local status=$?
	grep -E "^(test |ok |not ok |#|ERROR|$me:)" "$log"
	[ $status = 0 ] || show_diffs "$work/isolation/regression.diffs" "$log"
	count_regress isolation $status "$log"
}

# run_harness SUITE SECONDS FILES OPTIONS... -- test/harness.pl on files, one a line.
run_harness() {
	local suite=$1 limit=$2 files=$3 log=$work/$1.log p f
	shift 3
	if [ -z "$files" ]; then
		count "$suite" 0 0 0
		return
	fi
	# shellcheck disable=SC2086
	limited "$limit" "$@" $files 2>&1 | tee "$log"
	local status=${PIPESTATUS[0]}
	p=$(total_of 1 "$log") f=$(total_of 3 "$log")
	[ "$status" != 0 ] && [ "$f" = 0 ] && f=1
	count "$suite" $((SECONDS - start)) "$p" "$f"
}

run_pgtap() {
	server_for_suites
	as_postgres createdb pgtap || return
	as_postgres psql -X -q -d pgtap -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION pgtap' -c 'CREATE EXTENSION omendb' || true
	run_harness pgtap 900 "$(pick test/pgtap .sql)" perl test/harness.pl --pgtap pgtap
}

run_tap() {
	local lib jobs log script
	lib=$(dirname "$("$PG_CONFIG" --pgxs)")/../../src/test/perl
	[ -e "$lib/PostgreSQL/Test/Cluster.pm" ] || die "there is no PostgreSQL/Test/Cluster.pm in $lib"
	jobs=$(nproc)
	[ "$jobs" -le 4 ] || jobs=4
	run_harness tap 4000 "$(pick test/t .pl)" \
		env PERL5LIB="$lib:$work/tree/test/t" TESTDIR="$work/tree" TESTDATADIR="$work/tree/tmp_check" \
		TESTLOGDIR="$work/tree/tmp_check/log" PGPORT=65432 PG_REGRESS="$lib/../regress/pg_regress" \
		PG_TEST_TIMEOUT_DEFAULT=180 PGCTLTIMEOUT=180 TMPDIR="$work" PGVECTOR="$work/pgvector" perl test/harness.pl --jobs "$jobs"
	[ -e "$work/tap.log" ] || return
	# Of a script that failed, the end of its log and of its servers' logs.
	sed -nE 's#^test/t/([^ ]*)\.pl +\(Wstat: .*#\1#p' "$work/tap.log" | sort -u |
		while read -r script; do
			for log in "$work/tree/tmp_check/log/"*"$script"*; do
				[ -e "$log" ] || continue
				echo "---- the end of $(basename "$log")"
				tail -n 40 "$log"
			done
		done
}

run_examples() {
	local why=""
	server_for_suites
	if wanted search.py; then
		why=$(install_node_packages examples/search 16)
		[ "$why" != "npm ci failed" ] || { count examples $((SECONDS - start)) 0 1; return; }
		[ -z "$why" ] || { echo "$me: search.py is skipped, as $why"; summary+="            skipped, as $why: search"$'\n'; }
	fi
	command -v chromium > /dev/null || summary+="            skipped, as there is no Chromium: pages"$'\n'
	run_harness examples 900 "$(pick test/examples .py)" env PYTHONDONTWRITEBYTECODE=1 perl test/harness.pl
}

# run_faults_suite SUITE OPTION... -- test/faults/SUITE.pl, with a seed by the clock, which a name replaces.
run_faults_suite() {
	local suite=$1 log=$work/$1.log p f seed=${names[0]:-$((10#$(date +%s) % 100000))}
	shift
	as_postgres mkdir -p "$work/$suite"
	echo "seed $seed"
	limited 1200 perl "test/faults/$suite.pl" --tree "$work/tree" --work "$work/$suite" --seed "$seed" "$@" 2>&1 | tee "$log"
	local status=${PIPESTATUS[0]}
	p=$(total_of 1 "$log") f=$(total_of 3 "$log")
	[ "$status" != 0 ] && [ "$f" = 0 ] && f=1
	count "$suite" $((SECONDS - start)) "$p" "$f"
}

run_crash() { run_faults_suite crash --kills 20 --each 5 --soak 15; }
# always the same ones, but with a name
run_queries() {
	local names=("${names[0]:-1}")
	run_faults_suite queries --queries 2000 --each 100
}
run_corrupt() { run_faults_suite corrupt --cases 120 --each 8; }
run_resources() { run_faults_suite resources; }

# Clients too large for a whole run: 460 MB of packages.
large_clients="langchain mastra prisma"

# install_node_packages FOLDER NODE OPTION... -- of a folder of the tree, by its lock file, for which Node must be of that
# version at least; prints why it could not.
install_node_packages() {
	local folder=$1 least=$2 log=$work/npm.log version
	shift 2
	version=$(node --version 2> /dev/null | sed -n 's/^v\([0-9]*\).*/\1/p')
	if [ "${version:-0}" -lt "$least" ] || ! command -v npm > /dev/null; then
		echo "Node $least or newer and npm are not here"
	elif ! ( cd "$work/tree/$folder" && timeout 600 npm ci --ignore-scripts --no-audit --no-fund --prefer-offline \
			--fetch-retry-mintimeout=2000 --fetch-retry-maxtimeout=5000 "$@" ) \
			> "$log" 2>&1 < /dev/null; then
		if timeout 60 npm ping --fetch-retries=0 > /dev/null 2>&1; then
			tail -n 20 "$log" >&2
			echo "npm ci failed"
		else
			echo "npm's registry does not answer"
		fi
	fi
}

run_clients() {
	local all=${1:-} files node=() other why="" file name skipped="" extensions
	extensions=$("$PG_CONFIG" --sharedir)/extension
	server_for_suites
	if [ -e "$extensions/vector.control" ]; then
		summary+="clients     skipped: pgvector is installed there"$'\n'
		return
	fi
	install_extension install-as-vector > "$work/as-vector.log" 2>&1 || { cat "$work/as-vector.log"; count clients 0 0 1; return; }
	other=$(pick test/clients .py)
	for file in $(pick test/clients .js); do
		name=$(basename "$file" .js)
		case " $large_clients " in *" $name "*) [ -n "$all" ] || continue ;; esac
		node+=("$file")
	done
	if [ ${#node[@]} != 0 ]; then
		if [ -n "$all" ]; then
			why=$(install_node_packages test/clients 20)
		else
			why=$(install_node_packages test/clients 20 --omit=dev)
		fi
	fi
	if [ -n "$why" ] && [ "$why" != "npm ci failed" ]; then
		for file in "${node[@]}"; do
			skipped+=" $(basename "$file" .js)"
		done
		echo "$me: skipped, as $why:$skipped"
		node=()
	fi
	# shellcheck disable=SC2086
	files=$(printf '%s\n' $other "${node[@]}")
	if [ -n "$files" ]; then
		run_harness clients 900 "$files" env PYTHONDONTWRITEBYTECODE=1 perl test/harness.pl --jobs 2
	elif [ -z "$skipped" ]; then
		count clients 0 0 0
	fi
	[ -z "$skipped" ] || summary+="            skipped, as $why:$skipped"$'\n'
	rm -f "$extensions/vector.control" "$extensions"/vector--*.sql
}

run_clients-all() { run_clients all; }

private_postgres
wrap_server
copy_tree "$top"
SECONDS=0
start=0
echo "== build ($("$PG_CONFIG" --version))"
if run_build; then
	for suite in ${suites#build }; do
		chosen "$suite" || continue
		[ -n "$only" ] || [ "$suite" != clients-all ] || continue
		[ "$suite" != isolation ] || [ -d "$work/tree/test/isolation/specs" ] || continue
		echo "== $suite"
		start=$SECONDS
		"run_$suite"
	done
fi
if [ -s "$work/server.log" ] && grep -E 'TRAP:|PANIC|was terminated by signal' "$work/server.log"; then
	echo "$me: the server of the suites crashed"
	failed=$((failed + 1))
fi

echo
printf '%s' "$summary"
echo "total      $SECONDS s"
cleanup
trap - EXIT
echo "$passed passed, $failed failed"
[ $failed = 0 ]
