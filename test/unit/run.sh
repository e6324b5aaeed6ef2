#!/bin/sh
# run.sh RUNNER PROGRAM... -- run unit test programs (under RUNNER, if not
# empty; of their groups those named in UNIT_GROUPS, if any) and add their counts up.
# Last line: N passed, N failed.
runner=$1
shift
passed=0
failed=0
for program in "$@"; do
	echo "== $program"
	log=$program.log
	# shellcheck disable=SC2086
	$runner "$program" ${UNIT_GROUPS:-} >"$log" 2>&1
	status=$?
	cat "$log"
	counts=$(sed -n 's/^\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed$/\1 \2/p' "$log" | tail -n 1)
	if [ -z "$counts" ]; then
		echo "$program: ended without a result, status $status"
		failed=$((failed + 1))
		continue
	fi
	passed=$((passed + ${counts% *}))
	failed=$((failed + ${counts#* }))
	if [ "$status" -ne 0 ] && [ "${counts#* }" -eq 0 ]; then
		echo "$program: status $status"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
