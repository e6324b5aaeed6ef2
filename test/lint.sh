#!/bin/bash
#
# test/lint.sh [PART...] -- programs that look for mistakes in the sources.  No output but
# "PART: ok" means that they found none.
#
#   scripts   shellcheck on every shell script
#   perl      perl -wc on every Perl file
#   cppcheck  on all C
#   anchors   test/anchors.py: links of the pages, every place in docs/measurements.md that a comment names,
#             the list of folders, and headers that declare what another folder defines
#   tidy      clang-tidy with the checks of .clang-tidy; takes several minutes of CPU time
#
# All but tidy belong to the suite "sources" of test/run.sh.  A part whose program is not installed is skipped
# by name.  PG_CONFIG chooses the PostgreSQL whose header files and Perl modules are read.

set -uo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
PG_CONFIG=${PG_CONFIG:-pg_config}
failed=0

# files PATTERN... -- the names of the tree's files, sorted, without what a build or npm left there.
files() {
	local pattern names=()
	for pattern in "$@"; do
		names+=(${names[0]+-o} -name "$pattern")
	done
	find . \( -name .git -o -name node_modules -o -name tmp_check -o -path ./bench/out -o -path ./test/unit/build -o -path ./test/fuzz/build \) -prune -o \
		-type f \( "${names[@]}" \) -print | sort
}

# installed PROGRAM -- says which part is skipped where it is missing.
installed() {
	command -v "$1" > /dev/null && return
	echo "there is no $1: $part is skipped"
	return 1
}

lint_scripts() {
	local scripts
	installed shellcheck || return 0
	# with or without a suffix: what begins with the line of a shell
	mapfile -t scripts < <(files '*' | while read -r file; do
		case $file in *.sh) echo "$file"; continue ;; esac
		IFS= read -r line < "$file" 2> /dev/null || continue
		case $line in '#!/bin/bash'*|'#!/bin/sh'*) echo "$file" ;; esac
	done)
	shellcheck "${scripts[@]}"
}

lint_perl() {
	local lib file output status=0
	lib=$(dirname "$("$PG_CONFIG" --pgxs)")/../../src/test/perl
	if [ ! -e "$lib/PostgreSQL/Test/Cluster.pm" ]; then
		echo "there is no PostgreSQL/Test/Cluster.pm: perl is skipped"
		return 0
	elif ! perl -MIPC::Run -e 1 2> /dev/null; then
		echo "there is no IPC::Run: perl is skipped"
		return 0
	fi
	for file in $(files '*.pl' '*.pm'); do
		output=$(PERL5LIB=$lib:test/t:test/faults perl -wc "$file" 2>&1)
		[ "$output" = "$file syntax OK" ] || { echo "$output"; status=1; }
	done
	return "$status"
}

# Quick, as it reads no header files of PostgreSQL: what a macro of theirs hides is clang-tidy's to find.
lint_cppcheck() {
	installed cppcheck || return 0
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--suppressions-list=test/lint.cppcheck -Isrc -j"$(nproc)" src test/unit test/storage test/faults test/differential bench/kernels
}

lint_anchors() {
	installed python3 || return 0
	python3 test/anchors.py
}

lint_tidy() {
	local include
	installed clang-tidy || return 0
	include=$("$PG_CONFIG" --includedir-server)
	files '*.c' | grep '^./src/' |
		xargs -P"$(nproc)" -n4 sh -c 'include=$1; shift; clang-tidy --quiet --warnings-as-errors="*" "$@" -- \
			-std=gnu11 -D_GNU_SOURCE -DUSE_ASSERT_CHECKING -Isrc -isystem "$include" 2> /dev/null' tidy "$include"
}

case ${1:-} in
	-h|--help) sed -n '3,/^$/s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
parts=("$@")
[ ${#parts[@]} != 0 ] || parts=(scripts perl cppcheck anchors tidy)
for part in "${parts[@]}"; do
	declare -F "lint_$part" > /dev/null || { echo "test/lint.sh: no part is called $part" >&2; exit 1; }
	if "lint_$part"; then
		echo "$part: ok"
	else
		echo "$part: FAILED"
		failed=1
	fi
done
exit $failed
