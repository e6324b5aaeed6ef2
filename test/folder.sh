# shellcheck shell=bash disable=SC2154
# (the caller sets me and top, and has sourced test/lib.sh)
#
# test/folder.sh -- Debian in a folder, as test/fresh.sh, test/matrix.sh and test/package.sh try things in: made by debootstrap, kept
# for the next run, copied, and entered with mounts of its own.  To be sourced by bash.
#
# Sets dir and mirror.  Everything lies in $FRESH_DIR (default /var/tmp/omendb-fresh), downloaded packages too;
# DEBIAN_MIRROR (by default the one of this machine) has the packages.

dir=$(realpath -m "${FRESH_DIR:-/var/tmp/omendb-fresh}")
# what a run has downloaded; two that install at a time take turns with one folder, so each program may have its own
archives=$dir/archives

# find_folder_tools -- debootstrap, a mirror, and the right to mount.
find_folder_tools() {
	check_machine
	need_packages debootstrap
	# where the packages of this machine come from
	mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(SITE)' 2> /dev/null | sed -n 's,/debian/*$,,p' | head -n 1)}
	[ -n "$mirror" ] || die "no Debian mirror is known here: set DEBIAN_MIRROR, as in http://HOST"
	mkdir -p "$archives/partial" || die "set FRESH_DIR to a folder that can be made"
	apart true 2> /dev/null || die "mount is not allowed here (in a container: docker run --privileged)"
}

# take_turns NAME -- for a program that test/fresh.sh may run beside: one run of it at a time, with downloads of its own in
# $archives, which begin with those that fresh.sh has.
take_turns() {
	archives=$dir/$1-archives
	find_folder_tools
	exec 9> "$dir/$1.lock"
	flock -n 9 || die "another run is using $dir/$1"
	find "$dir/archives" -maxdepth 1 -name '*.deb' -exec cp -ln -t "$archives" {} + 2> /dev/null
}

# check_words KIND KNOWN GIVEN -- each word of GIVEN must be one of KNOWN.
check_words() {
	local word
	for word in $3; do
		case " $2 " in *" $word "*) ;; *) die "no $1 is called $word (there are $2)" ;; esac
	done
}

# apart COMMAND... -- with mounts and process numbers of its own, all gone at its end.
apart() { unshare --mount --propagation private --pid --fork --kill-child "$@" 8>&- 9>&-; }

# remove_folder FOLDER -- never beyond its own file system.
remove_folder() { rm -rf --one-file-system "${1:?}"; }

# base SUITE [ARCHITECTURE] -- a folder as debootstrap makes it, $dir/SUITE or $dir/SUITE-ARCHITECTURE; made once.
base() {
	local suite=$1 name=$1${2:+-$2} to script=""
	to=$dir/$name
	exec 8> "$dir/base.lock"
	flock 8
	if [ ! -e "$to/.complete" ]; then
		remove_folder "$to"
		# a suite that is younger than this debootstrap
		[ -e "/usr/share/debootstrap/scripts/$suite" ] || script=/usr/share/debootstrap/scripts/sid
		# shellcheck disable=SC2086
		apart debootstrap --variant=minbase ${2:+--arch="$2"} --cache-dir="$archives" "$suite" "$to" "$mirror/debian" $script \
			> "$dir/$name.log" 2>&1 || { tail -n 20 "$dir/$name.log"; die "debootstrap of $name failed"; }
		# no service is started in the folder
		printf '#!/bin/sh\nexit 101\n' > "$to/usr/sbin/policy-rc.d"
		chmod 755 "$to/usr/sbin/policy-rc.d"
		# nothing here outlives a crash: dpkg need not wait for the disk
		echo force-unsafe-io > "$to/etc/dpkg/dpkg.cfg.d/unsafe-io"
		touch "$to/.complete"
	fi
	exec 8>&-
}

# copy_base SUITE TO [ARCHITECTURE] -- a folder to change, instead of what may be there.
copy_base() {
	base "$1" "${3:-}"
	remove_folder "$2"
	cp -a "$dir/$1${3:+-$3}" "$2"
}

# sources SUITE ROOT [main] -- with main, only what the last point release had.
sources() {
	echo "deb $mirror/debian $1 main" > "$2/etc/apt/sources.list"
	[ "${3:-}" = main ] || {
		echo "deb $mirror/debian $1-updates main"
		echo "deb $mirror/debian-security $1-security main"
	} >> "$2/etc/apt/sources.list"
}

# inside ROOT COMMAND -- a shell command in the folder, as on a machine.
inside() {
	# shellcheck disable=SC2016
	apart bash -c '
		set -e
		mount -t proc proc "$1/proc"
		mkdir -p "$1/dev/shm"
		mount -t tmpfs -o size=50%,mode=1777 tmpfs "$1/dev/shm"
		mount --bind "$2" "$1/var/cache/apt/archives"
		exec chroot "$1" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			HOME=/root ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} \
			sh -c "cd /root && $3"' - "$1" "$archives" "$2" < /dev/null
}

# clone FOLDER -- what a clone of the last commit has; without git, of the tree.
clone() {
	if command -v git > /dev/null && git -C "$top" -c safe.directory="$top" rev-parse -q --verify HEAD > /dev/null 2>&1; then
		git -C "$top" -c safe.directory="$top" archive HEAD | tar -C "$1" -xf -
	else
		tree_files "$top" | tar -C "$1" -xf - --no-same-owner
	fi
}

# note_changes -- what of the tree is not in the last commit is not tried.
note_changes() {
	[ ! -e "$top/.git" ] || [ -z "$(git -C "$top" -c safe.directory="$top" status --porcelain 2> /dev/null)" ] ||
		echo "$me: note: the tree has changes that are not committed; they are not tried"
}
