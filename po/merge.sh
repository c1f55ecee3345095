#!/bin/sh
# Joins po/fragments/*.po, which are written by hand beside the code they belong to, into one catalogue: merge.sh OUT.po
# The same text in two fragments must have the same translation; two different ones stop the build and are named.
set -eu
out=$1
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for part in "$here"/fragments/*.po; do
	name=$(basename "$part")
	{
		printf 'msgid ""\nmsgstr ""\n"Project-Id-Version: sekimori\\n"\n"PO-Revision-Date: 2026-04-01 00:00+0900\\n"\n'
		printf '"Last-Translator: Sekimori\\n"\n"Language-Team: Japanese\\n"\n"Language: ja\\n"\n"MIME-Version: 1.0\\n"\n'
		printf '"Content-Type: text/plain; charset=UTF-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n\n'
		cat "$part"
	} >"$work/$name"
	msgfmt --check --output-file=/dev/null "$work/$name"
done
msgcat --sort-output --no-wrap --output-file="$work/ja" "$work"/*.po
if grep -n '#-#-#-#-#' "$work/ja" >/dev/null; then
	echo "po/merge.sh: one text, two translations; agree on one in po/fragments:" >&2
	msgattrib --only-fuzzy --no-wrap "$work/ja" | sed -n '/^msgid "."/,/^$/p' | grep -v '^$' >&2
	exit 1
fi
msgfmt --check --output-file=/dev/null "$work/ja"
mv "$work/ja" "$out"
