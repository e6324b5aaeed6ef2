#!/bin/bash
#
# test/matrix.sh [--run ARGUMENTS] [--units GROUPS] [--clean] [STATE...] -- the versions of PostgreSQL, compilers and
# kinds of machines that omendb is for; as root or with sudo; takes hours.
#
#   bookworm  trixie  forky                     Debian 12, 13 and forky: PostgreSQL 15, 17 and 18, all of test/run.sh, with gcc
#   bookworm-clang  trixie-clang  forky-clang   the same with clang: unit, fuzz, regress, isolation, tap
#   i386                                        Debian 12 for 32 bits, whose programs run here as they are: unit, regress, isolation, tap
#   arm64  s390x                                Debian 12 and PostgreSQL 15 of machines that qemu emulates (s390x is big-endian): test/unit,
#                                               which runs every kernel, and test/run.sh regress
#
# Every state compiles with -Werror, from a clean clone of the last commit.  Those of Debian are debootstrap folders.
# For an emulated machine there is a folder with cross compilers and qemu-user, which PostgreSQL's server alone runs under:
# its packages are unpacked beside, and programs of this machine connect to it.
#
# --run     what test/run.sh is given in each state, as --run "regress hnsw_basic"
# --units   of an emulated machine's test/unit these groups, as --units "kernels pq"; all by default, none with --run alone
# --clean   deletes everything afterwards, also what makes the next run faster
#
# Prints a line for each state, and the end of the output of what failed; the last line is "N good, N failed".
# Everything lies in $FRESH_DIR, logs too (matrix-STATE.log); see test/folder.sh.

set -uo pipefail

me=test/matrix.sh
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/test/lib.sh"
. "$top/test/folder.sh"

all="bookworm trixie forky bookworm-clang trixie-clang forky-clang i386 arm64 s390x"
arguments=""
units=""
clean=""
while [ $# -gt 0 ]; do
	case $1 in
		--run) arguments=${2:-}; shift ;;
		--units) units=${2:-}; shift ;;
		--clean) clean=yes ;;
		-h|--help) sed -n '3,/^$/s/^# \{0,1\}//p' "$0"; exit 0 ;;
		-*) die "unknown option $1" ;;
		*) break ;;
	esac
	shift
done
states=${*:-$all}
check_words state "$all" "$states"

take_turns matrix
root=$dir/matrix
trap 'remove_folder "$root"' EXIT
trap 'exit 130' INT TERM

apt="export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8; apt-get -q -y --no-install-recommends -o APT::Sandbox::User=root"

# folder SUITE ARCHITECTURE [main] -- a fresh $root with the clone; with main, only packages of the last point release, whose
# versions are the same for all architectures.
folder() {
	copy_base "$1" "$root" "$2" && mkdir -p "$root/root/omendb" && clone "$root/root/omendb" || return 1
	case $1 in
		# a mirror's copy of it may be older than its Release file allows
		forky) echo "deb [check-valid-until=no] $mirror/debian $1 main" > "$root/etc/apt/sources.list" ;;
		*) sources "$1" "$root" "${3:-}" ;;
	esac
	inside "$root" "$apt update"
}

# native SUITE COMPILER ARCHITECTURE SUITES -- a machine whose programs run here.
native() {
	local suite=$1 compiler=$2 architecture=$3 run=${arguments:-$4} settings=""
	folder "$suite" "$architecture" ${architecture:+main} || return 1
	if [ "$compiler" = clang ]; then
		inside "$root" "$apt install clang" || return 1
		# what Debian's PostgreSQL has gcc told to do; and its header files, made for gcc, call a format gnu_printf
		settings="MAKEFLAGS=CC=clang OMENDB_COPT='-Wno-unknown-warning-option -Wno-ignored-optimization-argument -Wno-ignored-attributes'"
	fi
	inside "$root" "env $settings setarch ${architecture:-$(uname -m)} omendb/test/run.sh $run"
}

# foreign_packages ARCHITECTURE -- in $root: those of a server and its header files, unpacked in /srv/machine and /srv/headers.
foreign_packages() {
	local apt_there="apt-get -q -y -o APT::Architecture=$1 -o APT::Architectures=$1 -o APT::Install-Recommends=0 -o APT::Sandbox::User=root
		-o Dir::State::status=/dev/null -o Dir::State::lists=/srv/lists -o Dir::Cache::archives=/srv/packages"
	apt_there=$(echo "$apt_there" | tr -s '\n\t' ' ')
	inside "$root" "mkdir -p /srv/lists/partial /srv/packages/partial /srv/headers /srv/machine && $apt_there update &&
		$apt_there --download-only install postgresql-15 &&
		( cd /srv/headers && $apt_there download postgresql-server-dev-15 && dpkg -x *.deb . ) &&
		for package in /srv/packages/*.deb; do dpkg -x \$package /srv/machine || exit 1; done"
}

# foreign_postgres CPU -- in $root: /srv/pg, whose programs are of this machine, but for the server, its libraries, and what it is
# developed with.
foreign_postgres() {
	local in=lib/postgresql/15
	cat > "$root/srv/postgres" <<-END
		#!/bin/sh
		exec qemu-$1-static -L /srv/machine "\${0%/*}/pg_server.$1" "\$@"
	END
	inside "$root" "mkdir -p /srv/pg/lib/postgresql /srv/pg/share/postgresql /srv/pg/include && cd /srv/pg &&
		cp -a /usr/$in lib/postgresql/ && cp -a /usr/share/postgresql/15 share/postgresql/ && cp -a /usr/include/postgresql include/ &&
		cp -a /srv/headers/usr/$in/. $in/ && cp -a /srv/headers/usr/include/postgresql/. include/postgresql/ &&
		rm -rf $in/lib/bitcode && cp -a /srv/machine/usr/$in/lib/. $in/lib/ && rm -f $in/lib/llvmjit* &&
		( cd /usr/$in/lib/pgxs && find . -type f -perm -100 -exec cp -a --parents {} /srv/pg/$in/lib/pgxs/ ';' ) &&
		cp /srv/machine/usr/$in/bin/postgres $in/bin/pg_server.$1 && install -m 755 /srv/postgres $in/bin/postgres"
}

# emulated ARCHITECTURE CPU -- unit tests, then a server.
emulated() {
	local config=/srv/pg/lib/postgresql/15/bin/pg_config compiler=$2-linux-gnu-gcc
	folder bookworm "" main &&
		inside "$root" "$apt install qemu-user-static gcc-$2-linux-gnu libc6-dev-$1-cross make perl postgresql-client-15 postgresql-common &&
			echo 'create_main_cluster = false' >> /etc/postgresql-common/createcluster.conf &&
			$apt install postgresql-15 postgresql-server-dev-15" &&
		foreign_packages "$1" && foreign_postgres "$2" || return 1
	if [ -z "$arguments" ] || [ -n "$units" ]; then
		inside "$root" "env UNIT_GROUPS='$units' make -C omendb/test/unit -j$(nproc) check-plain CC=$compiler EXTRA_CFLAGS=-Werror LDFLAGS=-static \
			RUN=qemu-$2-static PG_CONFIG=$config" || return 1
	fi
	inside "$root" "env OMENDB_PATIENCE=20 PG_CONFIG=$config MAKEFLAGS='CC=$compiler with_llvm=no' omendb/test/run.sh ${arguments:-regress}"
}

good=0 failed=0

# try STATE
try() {
	local state=$1 log=$dir/matrix-$1.log start=$SECONDS status=0 result=good
	local command=(native "$state" gcc "" "")
	case $state in
		*-clang) command=(native "${state%-clang}" clang "" "unit,fuzz,regress,isolation,tap") ;;
		i386) command=(native bookworm gcc i386 "unit,regress,isolation,tap") ;;
		arm64) command=(emulated arm64 aarch64) ;;
		s390x) command=(emulated s390x s390x) ;;
	esac
	"${command[@]}" > "$log" 2>&1 || status=1
	remove_folder "$root"
	if [ $status = 0 ]; then
		good=$((good + 1))
	else
		failed=$((failed + 1))
		result=failed
	fi
	printf '%-15s %-7s %5d s  %s\n' "$state" $result $((SECONDS - start)) "$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | uniq | tr '\n' ' ')"
	[ $status = 0 ] || tail -n 40 "$log" | sed 's/^/    /'
}

# Read as a whole before it runs: it takes long, and somebody may edit this file.
{
note_changes
for state in $states; do
	try "$state"
done
[ -z "$clean" ] || remove_folder "$dir"
echo "$good good, $failed failed"
[ $failed = 0 ]
exit
}
