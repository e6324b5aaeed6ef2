#!/bin/sh
# run.sh RUNNER PROGRAM BROKEN... -- the first program must pass without a report of ThreadSanitizer, in each of the
# others there must be one.  Last line: N passed, N failed.
runner=$1
program=$2
shift 2
# its memory map is not where ThreadSanitizer of some compilers expects it, on some kernels
! setarch -R true 2> /dev/null || runner="setarch -R $runner"
log=$program.out
./run.sh "$runner" "$program" > "$log" 2>&1
sed '$d' "$log"
passed=$(sed -n '$s/ passed.*//p' "$log")
failed=$(sed -n '$s/.*passed, \([0-9]*\) failed/\1/p' "$log")
for broken in "$@"; do
	# it may also go on for ever, as locks are not taken
	# shellcheck disable=SC2086
	TSAN_OPTIONS=halt_on_error=1 timeout 60 $runner "$broken" > "$broken.log" 2>&1
	if grep -q 'ThreadSanitizer: data race' "$broken.log"; then
		echo "ok     ${broken##*/} is found out"
		passed=$((passed + 1))
	else
		echo "FAILED ${broken##*/} is not found out"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
