#!/bin/sh
# Every C file is as .clang-format says (clang-format 14, Debian 12's). Mend with: clang-format -i FILE
set -eu
cd "$(dirname "$0")/../.."
git ls-files -z --cached --others --exclude-standard '*.c' | xargs -0 clang-format --dry-run -Werror
