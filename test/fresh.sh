#!/bin/bash
#
# test/fresh.sh [--quick] [--run ARGUMENTS] [--only quickstart|run] [--clean] [STATE...] --
# does the project work on a machine that has never seen it?  As root or with sudo; takes
# hours.
#
# Makes a debootstrap folder in each of these states and in it, from a clean clone of the
# last commit, runs test/quickstart.sh and test/run.sh:
#
#   bare            Debian 12 and nothing else
#   server          with postgresql
#   server-libpq    with postgresql and libpq-dev: a pg_config, and no header files
#   client-libpq    with postgresql-client and libpq-dev
#   older-minor     with a server older than the registry's header files
#   debian13        Debian 13 and nothing else
#
# In each state the system has an omendb already, and both must leave it as it is, and a
# server that is there too.
# Prints a line for each state, and the end of the output of what failed; the last line is
# "N good, N failed, N skipped".
#
# --quick   of test/run.sh only the suite regress, as --run regress
# --run     what test/run.sh is given, as --run "tap 003"
# --only    one of the two commands
# --clean   deletes everything afterwards, also what makes the next run faster
#
# Everything lies in $FRESH_DIR (default /var/tmp/omendb-fresh), logs too; DEBIAN_MIRROR
# (by default the one of this machine) has the packages.  Mounts are made in a mount namespace
# of their own: they end with its last process, and nothing here can delete through them.

set -uo pipefail

me=test/fresh.sh
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/test/lib.sh"
. "$top/test/folder.sh"

all="bare server server-libpq client-libpq older-minor debian13"
suite_arguments=""
only=""
clean=""
while [ $# -gt 0 ]; do
	case $1 in
		--quick) suite_arguments=regress ;;
		--run) suite_arguments=${2:-}; shift ;;
		--only) only=${2:-}; shift ;;
		--clean) clean=yes ;;
		-h|--help) sed -n '3,/^$/s/^# \{0,1\}//p' "$0"; exit 0 ;;
		-*) die "unknown option $1" ;;
		*) break ;;
	esac
	shift
done
case $only in
	""|quickstart|run) ;;
	*) die "--only takes quickstart or run" ;;
esac
states=${*:-$all}
check_words state "$all" "$states"

find_folder_tools
exec 9> "$dir/lock"
flock -n 9 || die "another run is using $dir"

# installed_omendb ROOT -- what of omendb lies in the system's PostgreSQL, and its sums.
installed_omendb() {
	( cd "$1" && find usr/lib/postgresql usr/share/postgresql -path '*omendb*' -type f -exec cksum {} + | sort )
}

# server_sum ROOT -- of the system's server; nothing if there is none.
server_sum() { cat "$1"/usr/lib/postgresql/*/bin/postgres 2> /dev/null | cksum; }

# prepare STATE ROOT -- the packages of the state; 2: it is not to be had.
prepare() {
	local state=$1 root=$2 suite=$3 packages=""
	local install="export DEBIAN_FRONTEND=noninteractive; apt-get -q update && apt-get -q -y --no-install-recommends install"
	sources "$suite" "$root"
	case $state in
		server) packages=postgresql ;;
		server-libpq) packages="postgresql libpq-dev" ;;
		client-libpq) packages="postgresql-client libpq-dev" ;;
		older-minor) packages=postgresql; sources "$suite" "$root" main ;;
	esac
	[ -z "$packages" ] || inside "$root" "$install $packages" || return 1
	[ "$state" = older-minor ] || return 0
	sources "$suite" "$root"
	# shellcheck disable=SC2016
	inside "$root" 'apt-get -q update && LC_ALL=C apt-cache policy postgresql-15 |
		awk "{ print } /Installed:/ { i = \$2 } /Candidate:/ { c = \$2 } END { exit i == c ? 2 : 0 }"'
}

good=0 failed=0 skipped=0

# report STATE RESULT SECONDS LINE
report() { printf '%-14s %-8s %5d s  %s\n' "$@"; }

# try STATE -- one line, and the end of the log if it failed.
try() {
	local state=$1 suite=bookworm major=15 root=$dir/state log=$dir/$1.log before server status=0 command arguments lines=""
	local start=$SECONDS
	[ "$state" != debian13 ] || suite=trixie major=17
	copy_base "$suite" "$root"
	prepare "$state" "$root" "$suite" > "$log" 2>&1 || status=$?
	if [ $status = 2 ]; then
		skipped=$((skipped + 1))
		report "$state" skipped $((SECONDS - start)) "not to be had: the registry has one minor version only"
		return
	fi
	mkdir -p "$root/usr/lib/postgresql/$major/lib" "$root/usr/share/postgresql/$major/extension" "$root/root/omendb"
	echo "the system's omendb" > "$root/usr/lib/postgresql/$major/lib/omendb.so"
	echo "default_version = 'the system has one'" > "$root/usr/share/postgresql/$major/extension/omendb.control"
	before=$(installed_omendb "$root")
	server=$(server_sum "$root")
	clone "$root/root/omendb" || status=1
	for command in quickstart run; do
		[ $status = 0 ] && [ "${only:-$command}" = $command ] || continue
		arguments=""
		[ $command = quickstart ] || arguments=$suite_arguments
		inside "$root" "omendb/test/$command.sh $arguments" > "$log.part" 2>&1 || status=1
		cat "$log.part" >> "$log"
		lines+="${lines:+ | }$(tail -n 1 "$log.part")"
	done
	rm -f "$log.part"
	if [ "$(installed_omendb "$root")" != "$before" ]; then
		lines+=" | the omendb of the system was changed"
		status=1
	fi
	if [ "$server" != "$(cksum < /dev/null)" ] && [ "$(server_sum "$root")" != "$server" ]; then
		lines+=" | the server of the system was upgraded"
		status=1
	fi
	remove_folder "$root"
	if [ $status = 0 ]; then
		good=$((good + 1))
		report "$state" good $((SECONDS - start)) "$lines"
	else
		failed=$((failed + 1))
		report "$state" failed $((SECONDS - start)) "$lines"
		tail -n 40 "$log" | sed 's/^/    /'
	fi
}

# Read as a whole before it runs: it takes long, and somebody may edit this file.
{
note_changes
for state in $states; do
	try "$state"
done
[ -z "$clean" ] || remove_folder "$dir"
echo "$good good, $failed failed, $skipped skipped"
[ $failed = 0 ]
exit
}
