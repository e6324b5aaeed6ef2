#!/bin/bash
#
# test/quickstart.sh [--keep | --stop] -- omendb on real data in one command, as root or
# with sudo.
#
# On a fresh Debian 12 it installs by apt-get what is missing, builds and installs the
# extension, starts a private server (user postgres, Unix socket only), loads the 60,000
# images of Fashion-MNIST, builds an index, searches with the 10,000 test images, prints
# what came out and writes quickstart.html.
#
# At a terminal, or with --keep, the server is left running, so that you can go on with
# psql; --stop, or the next run, stops it and deletes its folder ($QUICKSTART_DIR, default
# /var/tmp/omendb-quickstart).  Otherwise both are gone at the end.
# PG_CONFIG chooses a PostgreSQL version.

set -euo pipefail

me=test/quickstart.sh
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/test/lib.sh"

work=${QUICKSTART_DIR:-/var/tmp/omendb-quickstart}
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

check_machine
if [ -e "$work" ] || [ -L "$work" ]; then
	[ -e "$work/.omendb-quickstart" ] && [ ! -L "$work" ] && [ "$(stat -c %U "$work")" = postgres ] ||
		die "$work exists and is not an earlier quick start; set QUICKSTART_DIR to another folder"
	pg_bin=$(cat "$work/.omendb-quickstart")
	remove_work
	echo "stopped and deleted what an earlier run left in $work"
fi
if [ "${1:-}" = --stop ]; then
	echo "quickstart: nothing is running any more"
	exit 0
fi

choose_postgres
need_packages dataset-fashion-mnist python3-numpy libopenblas0-pthread

mkdir -m 700 "$work"
chown postgres: "$work"
echo "$pg_bin" > "$work/.omendb-quickstart"
finished=""
finish() {
	if [ -n "$finished" ] && [ -n "$keep" ]; then
		return
	fi
	remove_work
}
trap finish EXIT
trap 'exit 130' INT TERM

python() { /usr/bin/python3 "$work/tree/test/quickstart.py" "$@"; }
sql() { as_postgres psql -X -q -A -t -v ON_ERROR_STOP=1 -d quickstart "$@"; }
seconds_since() { awk -v a="$1" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }'; }

# ------------------------------------------------------------------- install

echo "1. building omendb for $("$PG_CONFIG" --version)"
copy_tree "$top"
{
	as_postgres make -s -j"$(nproc)" -C "$work/tree" with_llvm=no PG_CONFIG="$PG_CONFIG" &&
		make -s -C "$work/tree" with_llvm=no PG_CONFIG="$PG_CONFIG" install
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
recall=$(PLAN="$plan" FACT_milliseconds_a_query="$ms (one client, prepared, ef_search $ef)" \
	FACT_index_size="$(mb "$index_bytes") (the vectors alone $(mb $raw_bytes), the table $(mb "$table_bytes"))" \
	FACT_index_build="$build_seconds s" \
	python report "$work/found.tsv" "$work/quickstart.html")
cp "$work/quickstart.html" "$page"
[ -z "${SUDO_UID:-}" ] || chown "$SUDO_UID:${SUDO_GID:-0}" "$page"

# ------------------------------------------------------------------- summary

cat << SUMMARY

recall@10        $recall (of all 10,000 test images, against the exact answer; ef_search $ef)
a query          $ms ms ($qps queries/s, one client, prepared statements)
index build      $build_seconds s
index size       $(mb "$index_bytes"): $((index_bytes / 60000)) bytes a row (the vectors alone $(mb $raw_bytes), the table $(mb "$table_bytes"))
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
    ${SUDO_USER:+sudo }$0 --stop

SUMMARY
else
	echo "The server is stopped now; with --keep it is left running, for you to go on with psql."
fi
finished=yes
finish
trap - EXIT
echo "quickstart: done, recall@10 $recall, $ms ms a query"
