#!/bin/sh
# The daemons' parts under valgrind: tests/tools/valgrind.sh BUILD. Each of these tests links the real objects of a daemon.
set -eu
build=$1
failed=0
for name in journal holder control gate medium uplink store; do
	test=$build/tests/unit/test_$name
	[ -x "$test" ] || { echo "FAIL valgrind $name (not built)"; failed=1; continue; }
	log=$build/valgrind-$name.log
	# Criterion forks for each test; errors in any child end with exit status 99.
	if valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --trace-children=yes \
		--suppressions="$(dirname "$0")/valgrind.supp" "$test" -j1 --timeout 300 >"$log" 2>&1; then
		echo "ok valgrind $name"
	else
		echo "FAIL valgrind $name (see $log)"
		tail -30 "$log"
		failed=1
	fi
done
exit $failed
