#!/bin/bash
#
# examples/search/start.sh [--port N] [--packages N] -- a page that searches this machine's Debian package descriptions, in
# one command, as root or with sudo.
#
# On Debian 12 or newer it installs by apt-get what is missing, builds omendb, installs it into a copy of PostgreSQL in a
# temporary folder, starts a private server there (user postgres, Unix socket only), loads what apt knows
# (`apt-cache dumpavail`), computes embeddings on this machine (lsa.py), and answers at http://127.0.0.1:8080/ until it is
# interrupted (Ctrl-C); then all of it is gone.  PG_CONFIG chooses a PostgreSQL.
#
# --port       another port
# --packages   only the first N packages
#
# Network: Debian's packages, and npm's for the module pg.

set -euo pipefail

me=examples/search/start.sh
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/test/lib.sh"

port=8080
packages=""
while [ $# -gt 0 ]; do
	case $1 in
		--port) port=${2:?which port?}; shift ;;
		--packages) packages=${2:?how many?}; shift ;;
		-h|--help) sed -n '3,/^$/s/^# \{0,1\}//p' "$0"; exit 0 ;;
		*) die "unknown option $1 (there are --port and --packages)" ;;
	esac
	shift
done

check_machine
choose_postgres
need_packages python3-numpy libopenblas0-pthread
command -v node > /dev/null || need_packages nodejs
command -v npm > /dev/null || need_packages npm

work=$(mktemp -d "${TMPDIR:-/tmp}/omendb-search.XXXXXX")
chown postgres: "$work"
trap remove_work EXIT
trap 'exit 0' INT TERM

private_postgres
echo "1. building omendb for $("$PG_CONFIG" --version)"
copy_tree "$top"
{
	as_postgres make -s -j"$(nproc)" -C "$work/tree" with_llvm=no PG_CONFIG="$PG_CONFIG" &&
		install_extension with_llvm=no
} > "$work/build.log" 2>&1 || { tail -n 40 "$work/build.log"; die "the extension did not build"; }

echo "2. starting a private server in $work"
start_server "shared_buffers = 512MB" "maintenance_work_mem = 256MB" "max_wal_size = 4GB" "jit = off"
as_postgres createdb search

echo "3. fetching the module pg from npm's registry"
here=$work/tree/examples/search
as_postgres npm ci --prefix "$here" --ignore-scripts --no-audit --no-fund > "$work/npm.log" 2>&1 || { tail -n 20 "$work/npm.log"; die "npm ci failed"; }

echo "4. loading package descriptions, computing embeddings, building two indexes"
[ -n "$(apt-cache dumpavail | head -n 1)" ] || apt-get -q update > /dev/null
apt-cache dumpavail > "$work/packages" || die "apt-cache failed"
as_postgres env PGDATABASE=search PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$here/load.py" ${packages:+--packages "$packages"} < "$work/packages"
# the page may read, and nothing else
as_postgres psql -X -q -d search -c "CREATE ROLE page LOGIN" -c "GRANT SELECT ON package, word TO page"

echo "5. answering; Ctrl-C ends it"
as_postgres env PGDATABASE=search PGUSER=page PORT="$port" node "$here/server.js" &
page=$!
trap 'kill $page; wait $page; exit 0' INT TERM
wait $page || die "the page's server ended"
