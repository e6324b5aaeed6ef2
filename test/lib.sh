# test/lib.sh -- what test/run.sh and test/quickstart.sh share: packages, the choice
# of PostgreSQL, building in a copy of the tree, and a private server in a temporary
# folder.  To be sourced by bash; the caller sets `me` (its name) and `work` (its
# temporary folder, owned by the user postgres, which the server runs as).

die() { echo "$me: $*" >&2; exit 1; }

check_machine() {
	[ "$(id -u)" = 0 ] || die "run it as root or with sudo: it installs packages, and the server runs as the user postgres"
	[ -e /proc/self/stat ] ||
		echo "$me: note: /proc is not mounted here; if something fails, first: mount -t proc proc /proc" >&2
	[ -w /dev/shm ] ||
		echo "$me: note: there is no /dev/shm here; parallel index builds need it: mkdir -p /dev/shm; mount -t tmpfs tmpfs /dev/shm" >&2
}

# need_packages NAME... -- installs by apt-get what is missing, and says so.
apt_updated=""
need_packages() {
	local p missing=()
	if ! command -v apt-get > /dev/null; then
		echo "$me: note: there is no apt-get here; these Debian packages are taken for granted: $*" >&2
		return
	fi
	for p in "$@"; do
		dpkg-query -W -f '${Status}' "$p" 2> /dev/null | grep -q 'ok installed' || missing+=("$p")
	done
	[ ${#missing[@]} = 0 ] && return
	echo "installing ${missing[*]}"
	if [ -z "$apt_updated" ]; then
		apt-get -q update > /tmp/omendb-apt.$$ 2>&1 || tail -n 5 /tmp/omendb-apt.$$	# installing may work all the same
		apt_updated=yes
	fi
	DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get -q -y --no-install-recommends install "${missing[@]}" \
		> /tmp/omendb-apt.$$ 2>&1 < /dev/null || { cat /tmp/omendb-apt.$$; die "apt-get could not install ${missing[*]}"; }
	rm -f /tmp/omendb-apt.$$
}

# Debian's server package creates and starts a cluster of its own: not here.
# The setting is put back as soon as the package is there.
need_server() {
	local conf=/etc/postgresql-common/createcluster.conf
	need_packages postgresql-common
	if [ -f $conf ] && ! dpkg-query -W -f '${Status}' "$1" 2> /dev/null | grep -q 'ok installed'; then
		cp -p $conf $conf.omendb
		echo 'create_main_cluster = false' >> $conf
		( need_packages "$1" ) || { mv $conf.omendb $conf; exit 1; }
		mv $conf.omendb $conf
	fi
	need_packages "$1"
}

# choose_postgres -- sets PG_CONFIG, pg_bin and pg_major; installs the server and its
# development files.  PG_CONFIG in the environment chooses a version; then the one
# pg_config in PATH stands for; then the one this Debian comes with.
choose_postgres() {
	local has
	if [ -n "${PG_CONFIG:-}" ]; then
		command -v "$PG_CONFIG" > /dev/null || die "PG_CONFIG=$PG_CONFIG is no program"
	else
		PG_CONFIG=$(command -v pg_config || true)
		if [ -z "$PG_CONFIG" ] || [ ! -e "$("$PG_CONFIG" --pgxs 2> /dev/null)" ]; then
			need_packages postgresql-common
			pg_major=$(LC_ALL=C apt-cache depends postgresql | sed -n 's/.*Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1)
			[ -n "$pg_major" ] || die "which PostgreSQL? Set PG_CONFIG to the pg_config of the version to use"
			need_packages "postgresql-server-dev-$pg_major"
			PG_CONFIG=/usr/lib/postgresql/$pg_major/bin/pg_config
		fi
	fi
	pg_major=$("$PG_CONFIG" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
	pg_bin=$("$PG_CONFIG" --bindir)
	if [ ! -x "$pg_bin/postgres" ]; then
		need_server "postgresql-$pg_major"
		[ -x "$pg_bin/postgres" ] || die "there is no server in $pg_bin"
	fi
	need_packages make gcc libc6-dev
	has=$(id -u postgres 2> /dev/null) || die "there is no user postgres; the server cannot run as root"
	[ "$has" != 0 ] || die "the user postgres must not be root"
	export PG_CONFIG
}

# as_postgres COMMAND... -- in $work, with the chosen PostgreSQL first in PATH.
as_postgres() {
	( cd "$work" && exec runuser -u postgres -- env HOME="$work" LC_ALL=C.UTF-8 \
		PATH="$pg_bin:/usr/local/bin:/usr/bin:/bin" PGHOST="$work/s" PGPORT=5432 PGUSER=postgres "$@" )
}

# copy_tree SOURCE -- the tree, without what a build left in it, to $work/tree.
copy_tree() {
	mkdir "$work/tree"
	tar -C "$1" --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' --exclude=./bench/out \
		--exclude=./results --exclude=./tmp_check --exclude=./test/unit/build -cf - . |
		tar -C "$work/tree" -xf - --no-same-owner
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
