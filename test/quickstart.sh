#!/bin/bash
#
# test/quickstart.sh [--keep | --stop] -- omendb on real data in one command, as root or
# with sudo.
#
# On a fresh Debian 12 it installs by apt-get what is missing, builds the extension,
# installs it into a copy of PostgreSQL, starts a private server (user postgres, Unix
# socket only), loads the 60,000 images of Fashion-MNIST, builds an index, searches with
# the 10,000 test images, prints what came out and writes quickstart.html.
#
# At a terminal, or with --keep, the server is left running, so that you can go on with
# psql; --stop, or the next run, stops it and deletes its folder ($QUICKSTART_DIR, default
# /var/tmp/omendb-quickstart).  Otherwise both are gone at the end.
# PG_CONFIG chooses a PostgreSQL.

set -euo pipefail

me=test/quickstart.sh
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/test/lib.sh"

work=$(realpath -m "${QUICKSTART_DIR:-/var/tmp/omendb-quickstart}")
page=$top/quickstart.html
keep=""
[ -t 0 ] && [ -t 1 ] && keep=yes
case ${1:-} in
	"") ;;
	--keep) keep=yes ;;
	--stop) ;;
	-h|--help) sed -n '3,/^$/s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) die "unknown option $1 (there are --keep and --stop)" ;;
esac

# other_quickstarts -- the folders of those that run elsewhere, one a line: a server's
# data folder lies beside the mark of a quick start.
other_quickstarts() {
	local process folder
	for process in /proc/[0-9]*; do
		folder=$(tr '\0' '\n' 2> /dev/null < "$process/cmdline" | sed -n '/^-D$/{n;s|/data$||p}' | head -n 1) || true
		if [ -n "$folder" ] && [ "$folder" != "$work" ] && [ -e "$folder/.omendb-quickstart" ]; then
			echo "$folder"
		fi
	done | sort -u
}

# stop_command FOLDER -- what to type.
stop_command() {
	local folder=""
	[ "$1" = /var/tmp/omendb-quickstart ] || folder="QUICKSTART_DIR=$(printf '%q' "$1") "
	echo "${SUDO_USER:+sudo }$folder$top/test/quickstart.sh --stop"
}

check_machine
found=""
if [ -e "$work" ] || [ -L "$work" ]; then
	[ -e "$work/.omendb-quickstart" ] && [ ! -L "$work" ] && [ "$(stat -c %U "$work")" = postgres ] ||
		die "$work exists and is not an earlier quick start; set QUICKSTART_DIR to another folder"
	pg_bin=$(cat "$work/.omendb-quickstart")
	remove_work
	echo "stopped and deleted what an earlier run left in $work"
	found=yes
fi
if [ "${1:-}" = --stop ]; then
	[ -n "$found" ] || echo "there is no quick start in $work"
	other_quickstarts | while read -r folder; do
		echo "another one is running in $folder; stop and delete it with:"
		echo "    $(stop_command "$folder")"
	done
	exit 0
fi

choose_postgres
system_bin=$("$PG_CONFIG" --bindir)
need_packages dataset-fashion-mnist python3-numpy libopenblas0-pthread

mkdir -m 700 "$work" || die "set QUICKSTART_DIR to a folder that can be made"
chown postgres: "$work"
finished=""
finish() {
	if [ -n "$finished" ] && [ -n "$keep" ]; then
		return
	fi
	remove_work
}
trap finish EXIT
trap 'exit 130' INT TERM
echo "$system_bin" > "$work/.omendb-quickstart"
private_postgres
echo "$pg_bin" > "$work/.omendb-quickstart"

python() { /usr/bin/python3 "$work/tree/test/quickstart.py" "$@"; }
sql() { as_postgres psql -X -q -A -t -v ON_ERROR_STOP=1 -d quickstart "$@"; }
seconds_since() { awk -v a="$1" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }'; }

# ------------------------------------------------------------------- install

echo "1. building omendb for $("$PG_CONFIG" --version)"
copy_tree "$top"
{
	as_postgres make -s -j"$(nproc)" -C "$work/tree" with_llvm=no PG_CONFIG="$PG_CONFIG" &&
		install_extension with_llvm=no
} > "$work/build.log" 2>&1 || { tail -n 40 "$work/build.log"; die "the extension did not build"; }

echo "2. starting a private server in $work"
memory_mb=4096
[ ! -r /proc/meminfo ] || memory_mb=$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
buffers=$((memory_mb / 4 < 1024 ? memory_mb / 4 : 1024))
start_server "shared_buffers = ${buffers}MB" "maintenance_work_mem = $((buffers / 2))MB" "max_wal_size = 4GB" "jit = off"
as_postgres createdb quickstart

# ---------------------------------------------------------------------- load

echo "3. loading 60,000 images, and 10,000 test images"
sql -c "
	CREATE EXTENSION omendb;
	CREATE TABLE images (id int PRIMARY KEY, label int NOT NULL, embedding vector(784) NOT NULL);
	CREATE TABLE test_images (LIKE images INCLUDING ALL)"
start=$(date +%s.%N)
for part in "train images" "test test_images"; do
	# shellcheck disable=SC2086
	set -- $part
	python copy "$1" | sql -c "COPY $2 (id, label, embedding) FROM STDIN (FORMAT binary)"
done
sql -c "VACUUM ANALYZE images" -c "VACUUM ANALYZE test_images"
load_seconds=$(seconds_since "$start")
echo "   loaded in $load_seconds s"

# --------------------------------------------------------------------- index

create="CREATE INDEX images_embedding ON images USING omenhnsw (embedding vector_l2_ops)"
echo "4. $create"
start=$(date +%s.%N)
{ sql -c "$create" 2> "$work/create.log" && date +%s.%N > "$work/created"; } &
creating=$!
while kill -0 $creating 2> /dev/null; do
	row=$(sql -F $'\t' -c "SELECT phase, tuples_done, tuples_total FROM pg_stat_progress_create_index" | head -n 1)
	[ -z "$row" ] || printf '%s\t%s\n' "$(seconds_since "$start")" "$row"
	sleep 0.2
done | python progress
wait $creating || { cat "$work/create.log"; die "the index could not be built"; }
build_seconds=$(awk -v a="$start" 'NR == 1 { printf "%.1f", $1 - a }' "$work/created")
cat "$work/create.log"
echo "   built in $build_seconds s: $(awk -v s="$build_seconds" 'BEGIN { printf "%d", 60000 / s }') rows/s"

# -------------------------------------------------------------------- search

nearest="SELECT id FROM images ORDER BY embedding <-> (SELECT embedding FROM test_images WHERE id = :i) LIMIT 10"
echo "5. searching with all 10,000 test images, one after another: LIMIT 10"
plan=$(sql -c "EXPLAIN (COSTS OFF) ${nearest//:i/7}")
case $plan in
	*images_embedding*) ;;
	*) echo "$plan"; die "the planner did not choose the index" ;;
esac
printf '%s;\n\\set i :i + 1\n' "$nearest" > "$work/search.sql"
for run in warm-up measured; do
	as_postgres pgbench -n -c 1 -M prepared -D i=0 -t 10000 -f "$work/search.sql" quickstart > "$work/pgbench.log" 2>&1 ||
		{ cat "$work/pgbench.log"; die "pgbench failed ($run)"; }
done
ms=$(sed -n 's/^latency average = \([0-9.]*\) ms/\1/p' "$work/pgbench.log")
ms_exact=$(as_postgres env PGOPTIONS="-c enable_indexscan=off -c max_parallel_workers_per_gather=0" \
	pgbench -n -c 1 -M prepared -D i=0 -t 10 -f "$work/search.sql" quickstart | sed -n 's/^latency average = \([0-9]*\).* ms/\1/p')
qps=$(sed -n 's/^tps = \([0-9]*\).*/\1/p' "$work/pgbench.log")
ef=$(sql -c "SELECT 1 FROM images ORDER BY embedding <-> (SELECT embedding FROM test_images LIMIT 1) LIMIT 1" \
	-c "SHOW omenhnsw.ef_search" | tail -n 1)
sql -F $'\t' -c "
	SELECT q.id, r.id, r.distance
	FROM test_images q CROSS JOIN LATERAL (
		SELECT id, embedding <-> q.embedding AS distance FROM images ORDER BY embedding <-> q.embedding LIMIT 10) r" \
	> "$work/found.tsv"

IFS=$'\t' read -r index_bytes table_bytes <<< "$(sql -F $'\t' -c "SELECT pg_relation_size('images_embedding'), pg_table_size('images')")"
mb() { awk -v b="$1" 'BEGIN { printf "%.1f MB", b / 1e6 }'; }
raw_bytes=$((60000 * 784 * 4))

echo "6. comparing with the exact answer, writing the page"
machine="$(lscpu | sed -n 's/^Model name: *//p' | head -n 1), $(nproc) cores, $(((memory_mb + 512) / 1024)) GB of memory"
versions="PostgreSQL $(sql -c 'SHOW server_version' | sed 's/ .*//'), omendb $(sql -c "SELECT extversion FROM pg_extension WHERE extname = 'omendb'")"
versions+=", $(. /etc/os-release && echo "$PRETTY_NAME")"
cat > "$work/facts.tsv" << FACTS
a query	$ms ms by the index (one client, prepared, ef_search $ef)
an exact scan	$ms_exact ms for the same query without an index (sequential scan by one process)
index build	$build_seconds s
index size	$(mb "$index_bytes") (the vectors alone $(mb $raw_bytes), the table $(mb "$table_bytes"))
machine	$machine
versions	$versions
FACTS
recall=$(PLAN="$plan" python report "$work/found.tsv" "$work/quickstart.html" "$work/facts.tsv")
cp "$work/quickstart.html" "$page"
[ -z "${SUDO_UID:-}" ] || chown "$SUDO_UID:${SUDO_GID:-0}" "$page"

# ------------------------------------------------------------------- summary

cat << SUMMARY

recall@10        $recall (of all 10,000 test images, against the exact answer; ef_search $ef)
a query          $ms ms ($qps queries/s, one client, prepared statements)
an exact scan    $ms_exact ms (the same query without an index, by one process)
index build      $build_seconds s
index size       $(mb "$index_bytes"): $((index_bytes / 60000)) bytes a row (the vectors alone $(mb $raw_bytes), the table $(mb "$table_bytes"))
machine          $machine
versions         $versions
images           $page

plan of: ${nearest//:i/7}
$(sed 's/^/    /' <<< "$plan")

SUMMARY
if [ -n "$keep" ]; then
	become="runuser -u postgres --"
	[ -z "${SUDO_USER:-}" ] || become="sudo -u postgres"
	cat << SUMMARY
The server is running.  Go on with:
    $become $pg_bin/psql -h $work/s quickstart
    SET omenhnsw.ef_search = 100;
    SELECT id, label, embedding <-> (SELECT embedding FROM test_images WHERE id = 7) AS distance
    FROM images ORDER BY 3 LIMIT 10;
Stop and delete it with:
    $(stop_command "$work")

SUMMARY
else
	echo "The server is stopped now; with --keep it is left running, for you to go on with psql."
fi
finished=yes
finish
trap - EXIT
echo "quickstart: done, recall@10 $recall, $ms ms a query"
