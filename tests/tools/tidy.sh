#!/bin/sh
# clang-tidy: the checks that find bugs, none of taste. Lifetimes counted by hand are beyond its analyzer; ASan and valgrind watch those. Part: tests/tools/tidy.sh FILE...
set -eu
cd "$(dirname "$0")/../.."
checks='-*,bugprone-*,-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier,-bugprone-narrowing-conversions,-bugprone-implicit-widening-of-multiplication-result,-bugprone-assignment-in-if-condition,clang-analyzer-*,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling,-bugprone-sizeof-expression,-bugprone-suspicious-missing-comma,-clang-analyzer-unix.Malloc,-clang-analyzer-optin.*,cert-fio38-c'
flags="-std=gnu11 -D_GNU_SOURCE -I. -DSK_VERSION=\\\"x\\\" $(pkg-config --cflags libevent openssl jansson sqlite3 libpq libsystemd libusb-1.0 inih blkid mount libcryptsetup libargon2)"
[ $# -gt 0 ] || set -- $(git ls-files 'common/*.c' 'policy/*.c' 'platform/*.c' 'agent/*.c' 'server/*.c')
# shellcheck disable=SC2086
printf '%s\n' "$@" | xargs -P 2 -n 1 sh -c 'clang-tidy --quiet --warnings-as-errors="*" --checks="$0" "$@" -- '"$flags" "$checks"
