# shellcheck shell=bash disable=SC2154
# (the caller sets me, work, top and keep)
#
# test/lib.sh -- what test/run.sh and test/quickstart.sh share: packages, the choice
# of PostgreSQL and a private copy of it, building in a copy of the tree, and a private
# server in a temporary folder.  To be sourced by bash; the caller sets `me` (its name) and `work` (its
# temporary folder, owned by the user postgres, which the server runs as).

die() { echo "$me: $*" >&2; exit 1; }

check_machine() {
	[ "$(id -u)" = 0 ] || die "run it as root or with sudo: it installs packages, and the server runs as the user postgres"
	[ -e /proc/self/stat ] ||
		echo "$me: note: /proc is not mounted here; if something fails, first: mount -t proc proc /proc" >&2
	[ -w /dev/shm ] ||
		echo "$me: note: there is no /dev/shm here; parallel index builds need it: mkdir -p /dev/shm; mount -t tmpfs tmpfs /dev/shm" >&2
}

# has_package NAME -- is it installed?
has_package() { dpkg-query -W -f '${Status}' "$1" 2> /dev/null | grep -q 'ok installed'; }

# need_packages NAME... -- installs by apt-get what is missing, and says so.
apt_updated=""
need_packages() {
	local p log missing=()
	if ! command -v apt-get > /dev/null; then
		echo "$me: note: there is no apt-get here; these Debian packages are taken for granted: $*" >&2
		return
	fi
	for p in "$@"; do
		has_package "$p" || missing+=("$p")
	done
	[ ${#missing[@]} = 0 ] && return
	echo "installing ${missing[*]}"
	log=$(mktemp)
	if [ -z "$apt_updated" ]; then
		apt-get -q update > "$log" 2>&1 || tail -n 5 "$log"	# installing may work all the same
		apt_updated=yes
	fi
	# The timeout: a new machine may be upgrading itself just now.  Without the other
	# option the server is upgraded, and restarted, with the headers of its version.
	DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get -q -y -o DPkg::Lock::Timeout=600 \
		-o APT::Get::Upgrade-By-Source-Package=false --no-install-recommends install "${missing[@]}" > "$log" 2>&1 < /dev/null ||
		{ cat "$log"; die "apt-get could not install ${missing[*]}"; }
	rm -f "$log"
}

# want_program PROGRAM PACKAGE -- like need_packages, of a program that may be missing in the end.
want_program() {
	command -v "$1" > /dev/null || ( need_packages "$2" ) || echo "$me: going on without $1"
}

# need_indent -- pg_bsd_indent, where there is a package of it: in Debian 12; from 13 on it comes with the
# header files of PostgreSQL 17 and newer.
need_indent() {
	command -v pg_bsd_indent > /dev/null && return
	if LC_ALL=C apt-cache policy pg-bsd-indent 2> /dev/null | grep -q 'Candidate: [0-9]'; then
		need_packages pg-bsd-indent
	fi
}

# Debian's server package creates and starts a cluster of its own: not here.
# The setting is put back as soon as the package is there.
need_server() {
	local conf=/etc/postgresql-common/createcluster.conf
	need_packages postgresql-common
	if [ -f $conf ] && ! has_package "$1"; then
		cp -p $conf $conf.omendb
		echo 'create_main_cluster = false' >> $conf
		( need_packages "$1" ) || { mv $conf.omendb $conf; exit 1; }
		mv $conf.omendb $conf
	fi
	need_packages "$1"
}

# need_package_without_service NAME -- for a package that would start a service of its own.
need_package_without_service() {
	local policy=/usr/sbin/policy-rc.d
	if ! command -v apt-get > /dev/null || has_package "$1" || [ -e $policy ]; then
		need_packages "$1"
		return
	fi
	printf '#!/bin/sh\nexit 101\n' > $policy
	chmod 755 $policy
	( need_packages "$1" ) || { rm -f $policy; exit 1; }
	rm -f $policy
}

# The two halves of a PostgreSQL to develop with.  What proves the development files is
# a header: pg_config and PGXS also come with Debian's client packages.
has_server() { [ -x "$("$1" --bindir 2> /dev/null)/postgres" ]; }
has_headers() { [ -e "$("$1" --includedir-server 2> /dev/null)/postgres.h" ]; }
major_of() { "$1" --version 2> /dev/null | sed -n 's/^[^0-9]*\([0-9][0-9]*\).*/\1/p'; }

# Is it Debian's, so that what it lacks can be installed?
is_debians() { [ "$("$1" --bindir 2> /dev/null)" = "/usr/lib/postgresql/$(major_of "$1")/bin" ]; }

# find_major -- the version of Debian's to use: of the pg_config in PATH, if its server
# is there; of the newest server; of the pg_config in PATH, if its headers are there; the
# one this Debian comes with.
find_major() {
	local config major
	config=$(command -v pg_config || true)
	if [ -z "$config" ] || ! is_debians "$config" || [ "$(major_of "$config")" -lt 15 ]; then
		config=""
	fi
	if [ -n "$config" ] && has_server "$config"; then
		major_of "$config"
		return
	fi
	major=$(find /usr/lib/postgresql/*/bin/postgres 2> /dev/null | cut -d / -f 5 | sort -n | tail -n 1) || true
	if [ -n "$major" ] && [ "$major" -ge 15 ]; then
		echo "$major"
	elif [ -n "$config" ] && has_headers "$config"; then
		major_of "$config"
	else
		LC_ALL=C apt-cache depends postgresql 2> /dev/null |
			sed -n 's/.*Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1 || true
	fi
}

# headers_package MAJOR -- the package with the header files, of the version of the server
# that is installed where apt has that: those of a newer minor version may call functions
# that the server does not have, and then the library does not load.
headers_package() {
	local name=postgresql-server-dev-$1 version
	version=$(dpkg-query -W -f '${Version}' "postgresql-$1" 2> /dev/null) || version=""
	if [ -n "$version" ] && apt-cache madison "$name" 2> /dev/null | grep -qF "| $version |"; then
		name+="=$version"
	fi
	echo "$name"
}

# choose_postgres -- sets PG_CONFIG and pg_major; installs the server and its development
# files where they are missing.  PG_CONFIG in the environment chooses a PostgreSQL; then
# the one in PATH, if all of it is there; then find_major().
choose_postgres() {
	local config debian has
	if [ -n "${PG_CONFIG:-}" ]; then
		config=$(command -v "$PG_CONFIG") || die "PG_CONFIG=$PG_CONFIG is not a program"
		pg_major=$(major_of "$config")
	else
		config=$(command -v pg_config || true)
		if [ -n "$config" ] && has_server "$config" && has_headers "$config" && [ "$(major_of "$config")" -ge 15 ]; then
			pg_major=$(major_of "$config")
		else
			config=""
			pg_major=$(find_major)
			if [ -z "$pg_major" ] && command -v apt-get > /dev/null; then
				need_packages postgresql-common		# which updates apt's lists: perhaps there were none
				pg_major=$(find_major)
			fi
		fi
	fi
	[ -n "$pg_major" ] || die "which PostgreSQL? Set PG_CONFIG to the pg_config of the version to use"
	[ "$pg_major" -ge 15 ] || die "omendb needs PostgreSQL 15 or newer; this is $pg_major. Set PG_CONFIG to the pg_config of a newer one"
	debian=/usr/lib/postgresql/$pg_major/bin
	if [ -z "$config" ] || ! has_server "$config" || ! has_headers "$config"; then
		if [ -n "${PG_CONFIG:-}" ] && ! is_debians "$config"; then
			has_server "$config" || die "$config: there is no server, $("$config" --bindir)/postgres"
			die "$config: there are no header files, $("$config" --includedir-server)/postgres.h"
		fi
		need_packages "$(headers_package "$pg_major")"
		need_server "postgresql-$pg_major"
		config=$debian/pg_config
		if ! has_server "$config" || ! has_headers "$config"; then
			die "PostgreSQL $pg_major is not complete: there is no $debian/postgres, or no postgres.h in $("$config" --includedir-server)"
		fi
	fi
	need_packages make gcc libc6-dev
	has=$(id -u postgres 2> /dev/null) || die "there is no user postgres; the server cannot run as root"
	[ "$has" != 0 ] || die "the user postgres must not be root"
	PG_CONFIG=$config
	check_majors
	export PG_CONFIG
}

# check_majors -- server and headers of one major version; minor ones may differ.
check_majors() {
	local server headers
	server=$("$("$PG_CONFIG" --bindir)/postgres" --version | sed 's/^[^0-9]*\([0-9.]*\).*/\1/')
	# Debian has pg_config.h in a folder by architecture, or includes another file there
	headers=$(sed -n 's/^#define PG_VERSION "\([0-9.]*\).*/\1/p' "$("$PG_CONFIG" --includedir-server)"/pg_config*.h | head -n 1) || true
	[ -n "$headers" ] && [ "$server" != "$headers" ] || return 0
	[ "${server%%.*}" = "${headers%%.*}" ] ||
		die "$PG_CONFIG: the server is of version $server, its header files of $headers; set PG_CONFIG to the pg_config of one version"
	echo "note: the server is of version $server, its header files are of $headers: a library built with newer ones may not load; then upgrade the server, or install header files of its version"
}

# Programs that come with PostgreSQL: where its folder of programs is /usr/bin, these
# alone are copied.
pg_programs="postgres postmaster initdb psql createdb dropdb createuser dropuser clusterdb reindexdb vacuumdb vacuumlo oid2name pgbench"

# common_folder PATH... -- the deepest folder that all lie in.
common_folder() {
	local common=$1 path
	for path in "$@"; do
		while [ "${path#"$common"/}" = "$path" ]; do
			common=${common%/*}
		done
	done
	echo "$common"
}

# private_postgres -- copies the chosen PostgreSQL to $work/pg and goes on with the copy
# (PG_CONFIG, pg_bin), so that installing the extension changes nothing on the machine.
#
# A server and pg_config find their other folders by the way that leads there from their
# own (since 8.0), if what all have in common, as /usr, is the same on both ends.
# Executables must be real copies: a symbolic link is resolved first.
private_postgres() {
	local to=$work/pg common folder option config program
	pg_bin=$("$PG_CONFIG" --bindir)
	# where the user postgres must get to, and a socket's path must fit 107 bytes
	runuser -u postgres -- test -x "$work" ||
		die "the user postgres cannot get to $work; set TMPDIR or QUICKSTART_DIR to a folder that it can"
	[ ${#work} -le 85 ] || die "the path $work is too long for a Unix socket; set TMPDIR or QUICKSTART_DIR to a shorter one"
	if [ -n "${OMENDB_INSTALL_HERE:-}" ]; then
		echo "installing omendb into the PostgreSQL of $PG_CONFIG, as OMENDB_INSTALL_HERE says"
		return
	fi
	common=$(common_folder "$pg_bin" "$("$PG_CONFIG" --pkglibdir)" "$("$PG_CONFIG" --sharedir)" \
		"$("$PG_CONFIG" --includedir-server)")
	for option in pkglibdir sharedir includedir-server; do
		folder=$("$PG_CONFIG" --$option)
		mkdir -p "$to/${folder#"$common"/}"
		cp -a "$folder/." "$to/${folder#"$common"/}/" || die "could not copy $folder to $to"
	done
	mkdir -p "$to/${pg_bin#"$common"/}"
	for program in $pg_programs $(cd "$pg_bin" && ls -d pg_*); do
		[ ! -e "$pg_bin/$program" ] || cp -aL "$pg_bin/$program" "$to/${pg_bin#"$common"/}/"
	done
	# An omendb that is installed there is not the one of this tree; and a test installs
	# it by the name of pgvector, which is put aside for another one.
	mkdir -p "$work/pgvector"
	grep -qs '^# vector: omendb' "$(find "$to" -name vector.control)" /dev/null ||
		find "$to" \( -name 'vector--*.sql' -o -name vector.control -o -name vector.so \) -exec cp {} "$work/pgvector/" \;
	find "$to" -depth \( -name 'omendb*' -o -name 'vector--*' -o -name vector.control -o -name vector.so \) -exec rm -rf {} +
	chown -R postgres: "$to"
	config=$to/${pg_bin#"$common"/}/pg_config
	for option in bindir pkglibdir sharedir includedir-server pgxs; do
		folder=$("$PG_CONFIG" --$option)
		[ "$(as_user_in_work "$config" --$option)" = "$to/${folder#"$common"/}" ] && [ -e "$to/${folder#"$common"/}" ] ||
			die "the PostgreSQL of $PG_CONFIG does not work from a copy in $to (pg_config --$option says" \
				"\"$(as_user_in_work "$config" --$option 2>&1)\"). If programs must not run in $work, set TMPDIR or QUICKSTART_DIR" \
				"to a folder where they may; else OMENDB_INSTALL_HERE=yes installs omendb into that PostgreSQL itself," \
				"over one that is installed there"
	done
	PG_CONFIG=$config
	pg_bin=${config%/*}
}

# wrap_server -- servers of the private copy run under OMENDB_SERVER_WRAPPER, a command that takes the program as its
# last arguments; what initdb and pg_ctl ask it does not.
wrap_server() {
	[ -n "${OMENDB_SERVER_WRAPPER:-}" ] && [ -z "${OMENDB_INSTALL_HERE:-}" ] || return 0
	mv "$pg_bin/postgres" "$pg_bin/postgres.real"
	cat > "$pg_bin/postgres" <<-END
		#!/bin/bash
		case \${1:-} in
			--boot|--single|--check|-V|--version|-C|--describe-config) exec "$pg_bin/postgres.real" "\$@" ;;
		esac
		exec $OMENDB_SERVER_WRAPPER "$pg_bin/postgres.real" "\$@"
	END
	chmod 755 "$pg_bin/postgres"
}

# as_user_in_work COMMAND... -- as postgres, in $work, with nothing set.
as_user_in_work() { ( cd "$work" && exec runuser -u postgres -- "$@" ); }

# install_extension [install-as-vector] [MAKE_VARIABLE...] -- from $work/tree, by the rights of the folder that it goes to.
install_extension() {
	if [ -n "${OMENDB_INSTALL_HERE:-}" ]; then
		make -s -C "$work/tree" PG_CONFIG="$PG_CONFIG" install "$@"
	else
		as_postgres make -s -C "$work/tree" PG_CONFIG="$PG_CONFIG" install "$@"
	fi
}

# as_postgres COMMAND... -- in $work, with the chosen PostgreSQL first in PATH.
as_postgres() {
	( cd "$work" && exec runuser -u postgres -- env HOME="$work" LC_ALL=C.UTF-8 \
		PATH="$pg_bin:/usr/local/bin:/usr/bin:/bin" PGHOST="$work/s" PGPORT=5432 PGUSER=postgres "$@" )
}

# tree_files SOURCE -- a tar of the tree, without what a build left in it.
tree_files() {
	tar -C "$1" --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' --exclude=./bench/out \
		--exclude=./results --exclude=./tmp_check --exclude=./test/unit/build --exclude=./test/fuzz/build \
		--exclude=node_modules --exclude=__pycache__ --exclude=./test/clients/prisma-client -cf - .
}

# copy_tree SOURCE -- to $work/tree.
copy_tree() {
	mkdir "$work/tree"
	tree_files "$1" | tar -C "$work/tree" -xf - --no-same-owner
	chown -R postgres: "$work/tree"
}

# start_server [SETTING...] -- a new cluster in $work/data, socket in $work/s, no TCP.
start_server() {
	local line
	as_postgres initdb -D "$work/data" -U postgres -A trust -E UTF8 --no-locale -N > "$work/initdb.log" 2>&1 ||
		{ cat "$work/initdb.log"; die "initdb failed"; }
	as_postgres mkdir -m 700 "$work/s"
	{
		echo "listen_addresses = ''"
		echo "unix_socket_directories = '$work/s'"
		echo "port = 5432"
		for line in "$@"; do
			echo "$line"
		done
	} >> "$work/data/postgresql.conf"
	as_postgres pg_ctl -D "$work/data" -w -t 120 -l "$work/server.log" start > /dev/null ||
		{ tail -n 30 "$work/server.log"; die "the server did not start"; }
}

# stop_servers -- every server whose data folder lies under $work.
stop_servers() {
	local pid_file
	find "$work" -name postmaster.pid 2> /dev/null | while read -r pid_file; do
		as_postgres pg_ctl -D "$(dirname "$pid_file")" -m immediate -t 30 stop > /dev/null 2>&1 || true
	done
}

# remove_work -- stops what runs there and deletes the folder.
remove_work() {
	[ -d "$work" ] || return 0
	stop_servers
	rm -rf "$work"
}

# run_faults NAME OPTION... -- test/faults/NAME.pl on clusters of its own in a temporary folder, which
# $keep leaves there.  Nothing is installed: the library is loaded from where it is built.
run_faults() {
	local name=$1 status=0
	shift
	check_machine
	choose_postgres
	need_packages perl
	work=$(mktemp -d "${TMPDIR:-/tmp}/omendb-$name.XXXXXX")
	chown postgres: "$work"
	trap '[ -n "$keep" ] && echo "$me: kept $work" || rm -rf "$work"' EXIT
	trap 'exit 130' INT TERM
	pg_bin=$("$PG_CONFIG" --bindir)
	copy_tree "$top"
	as_postgres make -s -j"$(nproc)" -C "$work/tree" with_llvm=no PG_CONFIG="$PG_CONFIG" > "$work/build.log" 2>&1 ||
		{ tail -n 30 "$work/build.log"; die "the build failed"; }
	as_postgres perl "$work/tree/test/faults/$name.pl" --tree "$work/tree" --work "$work" "$@" || status=$?
	exit $status
}
