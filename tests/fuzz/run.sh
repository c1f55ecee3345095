#!/bin/sh
# tests/fuzz/run.sh BUILD_DIR [SECONDS]: builds every fuzzer with the layers it needs and runs each for SECONDS (or $FUZZ_SECONDS, or 20).
# A fuzzer stands on common/ and policy/; one that needs more names it in a line "// sources: server/x.c platform/y.c".
# Seeds come from tests/fuzz/corpus/NAME and are copied, so that a run leaves the tree as it was. What crashes a fuzzer is
# kept in BUILD_DIR/crash. FUZZ_CC (clang; libFuzzer is its own) and FUZZ_JOBS (the processors) may be set.
set -u
cd "$(dirname "$0")/../.." || exit 1
if [ $# -lt 1 ]; then
	echo "usage: $0 BUILD_DIR [SECONDS]" >&2
	exit 64
fi
mkdir -p "$1" || exit 1
build=$(cd "$1" && pwd)
seconds=${2:-${FUZZ_SECONDS:-20}}
cc=${FUZZ_CC:-clang}
jobs=${FUZZ_JOBS:-$(nproc)}
pkgs="libevent libevent_openssl openssl jansson sqlite3 libpq libsystemd libusb-1.0 inih blkid mount libcryptsetup libargon2"
san="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
flags="-std=gnu11 -O1 -g -D_GNU_SOURCE -I. -DSK_VERSION=\"fuzz\" -ffunction-sections"
cflags=$(pkg-config --cflags $pkgs) || exit 1
libs=$(pkg-config --libs $pkgs) || exit 1

# Objects are kept between runs; a source or any header newer than its object compiles it again.
compile() { # SOURCE OBJECT EXTRA_FLAGS
	if [ -e "$2" ] && [ ! "$1" -nt "$2" ] && [ -z "$(find common policy platform agent server -name '*.h' -newer "$2" -print -quit)" ]; then
		return 0
	fi
	mkdir -p "$(dirname "$2")"
	$cc $flags $san $3 $cflags -c -o "$2" "$1"
}

object_of() {
	echo "$build/obj/${1%.c}.o"
}

status=0
layers=""
for source in common/*.c policy/*.c; do
	object=$(object_of "$source")
	if compile "$source" "$object" -fsanitize=fuzzer-no-link; then
		layers="$layers $object"
	else
		echo "FAIL $source does not compile"
		exit 1
	fi
done
rm -f "$build/liblayers.a"
ar rcs "$build/liblayers.a" $layers || exit 1

build_one() { # NAME
	extra=""
	for source in $(sed -n 's|^// sources:||p' "tests/fuzz/$1.c"); do
		object=$(object_of "$source")
		compile "$source" "$object" -fsanitize=fuzzer-no-link || return 1
		extra="$extra $object"
	done
	compile "tests/fuzz/$1.c" "$(object_of "tests/fuzz/$1.c")" -fsanitize=fuzzer-no-link || return 1
	$cc $san -fsanitize=fuzzer -Wl,--gc-sections -Wl,--as-needed -o "$build/$1" "$(object_of "tests/fuzz/$1.c")" $extra \
		"$build/liblayers.a" $libs
}

run_one() { # NAME; the last line of the log tells how many inputs were tried
	name=${1#fuzz_}
	work="$build/work/$name"
	rm -rf "$work" && mkdir -p "$work" "$build/crash" || return 1
	if [ -d "tests/fuzz/corpus/$name" ]; then
		cp -R "tests/fuzz/corpus/$name/." "$work/" || return 1
	fi
	(cd "$build" && timeout $((seconds + 120)) "./$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
		-print_final_stats=1 -artifact_prefix="crash/$name-" "work/$name") >"$build/$1.log" 2>&1
}

report() { # NAME STATUS
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$1.log" 2>/dev/null)
	if [ "$2" -eq 0 ] && [ "${runs:-0}" -gt 0 ]; then
		echo "ok $1 ($runs inputs)"
	else
		echo "FAIL $1"
		tail -n 40 "$build/$1.log" | sed 's/^/    /'
		status=1
	fi
}

names=""
for source in tests/fuzz/fuzz_*.c; do
	name=$(basename "$source" .c)
	if build_one "$name" >"$build/$name.log" 2>&1; then
		names="$names $name"
	else
		report "$name" 1
	fi
done

# As many at a time as there are processors.
set -- $names
while [ $# -gt 0 ]; do
	batch="" n=0
	while [ $# -gt 0 ] && [ "$n" -lt "$jobs" ]; do
		run_one "$1" &
		batch="$batch $1:$!"
		n=$((n + 1))
		shift
	done
	for pair in $batch; do
		wait "${pair#*:}"
		report "${pair%%:*}" $?
	done
done
exit $status
