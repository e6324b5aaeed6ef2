#!/bin/bash
#
# test/package.sh [--keep FOLDER | --built FOLDER] [--check] [SUITE...] -- Debian packages of the last commit, as root or with sudo:
# built, looked at by lintian, installed and removed, in clean debootstrap folders.
#
#   bookworm        Debian 12, PostgreSQL 15
#   trixie          Debian 13, PostgreSQL 17
#
# In a folder with the tools it makes packages (debian/), runs lintian on them, and builds and installs as Dockerfile
# does.  In a second one, which has nothing but Debian, it installs postgresql-N-omendb, makes a cluster, indexes,
# searches, restarts; installs omendb-as-pgvector and does so by pgvector's names; and looks that both packages leave
# nothing when they are purged.  Prints a line for each step, and the end of the output of what failed; the
# last line is "N passed, N failed".
#
# --keep    copies the packages to FOLDER
# --built   builds none: those of an earlier --keep FOLDER are installed
# --check   also runs the regression tests against the installed packages (debian/tests)
#
# What it takes from test/fresh.sh: test/folder.sh, and the folders in $FRESH_DIR (default /var/tmp/omendb-fresh).

set -uo pipefail

me=test/package.sh
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/test/lib.sh"
. "$top/test/folder.sh"

keep=""
built=""
check=""
while [ $# -gt 0 ]; do
	case $1 in
		--keep) keep=$(realpath -m "${2:?which folder?}"); shift ;;
		--built) built=$(realpath "${2:?which folder?}") || exit; shift ;;
		--check) check=yes ;;
		-h|--help) sed -n '3,/^$/s/^# \{0,1\}//p' "$0"; exit 0 ;;
		-*) die "unknown option $1" ;;
		*) break ;;
	esac
	shift
done
suites=${*:-bookworm trixie}
check_words suite "bookworm trixie" "$suites"

take_turns package
root=$dir/package
log=$dir/package.log
trap 'remove_folder "$root"; remove_folder "$dir/package-debs"' EXIT
trap 'exit 130' INT TERM

passed=0 failed=0

# step NAME COMMAND... -- one more that has passed or failed.
step() {
	local name=$1 start=$SECONDS
	shift
	if "$@" > "$log" 2>&1 9>&-; then
		passed=$((passed + 1))
		printf 'ok      %4d s  %s: %s\n' $((SECONDS - start)) "$suite" "$name"
	else
		failed=$((failed + 1))
		printf 'not ok  %4d s  %s: %s\n' $((SECONDS - start)) "$suite" "$name"
		tail -n 40 "$log" | sed 's/^/    /'
		return 1
	fi
}

apt="export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8; apt-get -q -y --no-install-recommends"

# ------------------------------------------------------------------ the build

tools() {
	copy_base "$suite" "$root" && sources "$suite" "$root" &&
		inside "$root" "$apt update && $apt install build-essential debhelper lintian postgresql-server-dev-all postgresql-$major"
}

# unpack -- the tree, and beside it the archive that the packages are made of.
unpack() {
	local version
	mkdir -p "$root/root/build/omendb" && clone "$root/root/build/omendb" || return
	version=$(sed -n 's/^EXTVERSION = //p' "$root/root/build/omendb/Makefile")
	tar -C "$root/root/build" --exclude=omendb/debian --transform "s/^omendb/omendb-$version/" \
		-czf "$root/root/build/omendb_$version.orig.tar.gz" omendb
}

build() {
	inside "$root" "cd build/omendb && pg_buildext updatecontrol && export DEB_BUILD_OPTIONS=\"parallel=$(nproc)\" MAKEFLAGS=-j$(nproc) && dpkg-buildpackage -us -uc"
}

run_lintian() {
	inside "$root" "cd build && lintian --allow-root --fail-on error --info --no-tag-display-limit *.changes"
}

# dockerfile -- what Dockerfile runs in its first stage, with PostgreSQL's version as the image says it.
dockerfile() {
	local commands
	commands=$(awk '/^RUN / { sub(/^RUN /, ""); on = 1 } on { more = /\\$/; sub(/\\$/, ""); print; on = more }' \
		"$root/root/build/omendb/Dockerfile")
	printf '%s\n' "set -eu" "export PG_MAJOR=$major TARGET=install-as-vector" \
		"PG_VERSION=\$(dpkg-query -W -f '\${Version}' postgresql-$major)" "rm -rf /src && cp -a /root/build/omendb /src && cd /src" "$commands" \
		"test -e /out/usr/lib/postgresql/$major/lib/omendb.so" "test -e /out/usr/share/postgresql/$major/extension/vector.control" > "$root/root/docker.sh"
	cat "$root/root/docker.sh"
	inside "$root" "sh docker.sh"
}

# regression -- as a user who must reach the tree, and who may not enter /root.
regression() {
	inside "$root" "$apt install ./build/*-omendb_*.deb && cp -a build/omendb /tmp/check && chown -R nobody /tmp/check && cd /tmp/check &&
		runuser -u nobody -- env HOME=/tmp debian/tests/installcheck"
}

# ------------------------------------------------------------ installing them

# clean -- Debian and nothing else, with the packages at hand.
clean() {
	copy_base "$suite" "$root" && sources "$suite" "$root" && cp -a "$dir/package-debs" "$root/root/debs" &&
		inside "$root" "$apt update"
}

# The last column orders rows as the index must.
search="SELECT string_agg(i::text, ',') FROM (SELECT i FROM item WHERE price < 50 ORDER BY embedding <-> '[30,1,2]' LIMIT 5) s"
found=30,29,31,28,32

install_main() {
	inside "$root" "$apt install ./debs/postgresql-$major-omendb_*.deb && dpkg -L postgresql-$major-omendb"
}

# use SQL -- asks a cluster, which is made if there is none and stopped at the end, and looks for the right answer.
use() {
	printf '%s\n' "$1" > "$root/tmp/use.sql"
	inside "$root" "pg_ctlcluster $major main start 2> /dev/null || { pg_createcluster $major main && pg_ctlcluster $major main start; }
		runuser -u postgres -- psql -X -A -t -v ON_ERROR_STOP=1 -d postgres -f /tmp/use.sql > /tmp/use.out; status=\$?
		cat /tmp/use.out; pg_ctlcluster $major main stop -m fast
		[ \$status = 0 ] && grep -qx '$found' /tmp/use.out"
}

# rows_of METHOD EXTENSION -- a table with an index, a search of it, and the plan it must have.
rows_of() {
	cat <<-END
		CREATE EXTENSION $2;
		CREATE TABLE item (i int PRIMARY KEY, price int, embedding vector(3));
		INSERT INTO item SELECT i, i % 100, ARRAY[i, 1, 2] FROM generate_series(1, 1000) i;
		CREATE INDEX item_embedding ON item USING $1 (embedding vector_l2_ops, price);
		SET enable_seqscan = off; SET enable_sort = off;
		EXPLAIN (COSTS OFF) $search;
		$search;
		SELECT count(*) FROM omendb_index_check('item_embedding', true);
	END
}

remove_main() {
	inside "$root" "$apt purge postgresql-$major-omendb" && nothing_left
}

# nothing_left -- of the package's files; the server is still there.
nothing_left() {
	local left
	left=$(find "$root/usr" "$root/etc" "$root/var/lib" -path "$root/var/lib/postgresql" -prune -o -path "$root/var/lib/apt" -prune -o \
		\( -name '*omendb*' -o -name 'vector*' -path '*extension*' \) -print)
	[ -z "$left" ] || { echo "left behind: $left"; return 1; }
	[ -x "$root/usr/lib/postgresql/$major/bin/postgres" ]
}

install_as_pgvector() {
	inside "$root" "$apt install ./debs/postgresql-$major-omendb_*.deb ./debs/postgresql-$major-omendb-as-pgvector_*.deb"
}

# With pgvector's own package there, ours takes its place; both at a time cannot be.
replaces_pgvector() {
	inside "$root" "$apt install postgresql-$major-pgvector && $apt install ./debs/postgresql-$major-omendb_*.deb ./debs/postgresql-$major-omendb-as-pgvector_*.deb &&
		! dpkg-query -W -f '\${db:Status-Status}' postgresql-$major-pgvector | grep -qx installed &&
		grep -q '^# vector: omendb' /usr/share/postgresql/$major/extension/vector.control"
}

remove_as_pgvector() {
	inside "$root" "$apt purge postgresql-$major-omendb-as-pgvector postgresql-$major-omendb" && nothing_left
}

# build_all -- the packages, to $dir/package-debs.
build_all() {
	step "a folder with Debian's tools" tools && step "the tree and its archive" unpack && step "dpkg-buildpackage" build || return
	step "lintian finds no error" run_lintian
	grep -E '^[WE]: ' "$log" | sed 's/^/    /'
	step "what Dockerfile runs" dockerfile
	cp "$root"/root/build/*.deb "$dir/package-debs/"
	[ -z "$keep" ] || { mkdir -p "$keep" && cp "$root"/root/build/*.deb "$keep/"; }
	[ -z "$check" ] || step "regression tests with the installed packages" regression
}

# try -- all steps of a suite, up to one without which the next cannot be.
try() {
	remove_folder "$dir/package-debs"
	mkdir "$dir/package-debs"
	if [ -n "$built" ]; then
		cp "$built/postgresql-$major-omendb"*.deb "$dir/package-debs/" || die "$built has no packages for PostgreSQL $major"
	else
		build_all || return
	fi
	step "a clean folder" clean && step "install" install_main || return
	step "index and search" use "$(rows_of omenhnsw omendb)"
	step "after a restart" use "SET enable_seqscan = off; $search;"
	step "purge leaves nothing" remove_main
	step "install again" install_main
	step "the index is as it was" use "SET enable_seqscan = off; $search; SELECT * FROM omendb_index_check('item_embedding', true); DROP TABLE item; DROP EXTENSION omendb"
	step "install as pgvector" install_as_pgvector
	step "index and search by pgvector's names" use "$(rows_of hnsw vector)"
	step "purge of both leaves nothing" remove_as_pgvector
	step "in the place of pgvector's package" replaces_pgvector
}

# Read as a whole before it runs: it takes long, and somebody may edit this file.
{
note_changes
for suite in $suites; do
	major=15
	[ "$suite" != trixie ] || major=17
	try
	remove_folder "$root"
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
exit
}
