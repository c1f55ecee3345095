#!/bin/sh
# Proves that a backup can be restored: restore-drill.sh BACKUP [NOTED]
# Restores into a folder of its own, walks every chain there, serves it on loopback and asks whether it is ready. The installation itself is
# not touched. NOTED: RECORDS:HEAD of a checkpoint as the server's log said it before the backup. Exit status 0 = the backup is good.
# Needs room for one ledger in $TMPDIR. Run it as the user sekimori-server (or root).
set -eu

program=${SEKIMORI_SERVER:-sekimori-server}
backup=${1:?usage: restore-drill.sh BACKUP [RECORDS:HEAD]}
noted=${2:-}
folder=$(mktemp -d)
server=
clean() {
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
	fi
	rm -rf "$folder"
}
trap clean EXIT
trap 'exit 1' INT TERM

cat >"$folder/server.ini" <<END
[server]
state = $folder/state
name = localhost
[listen]
agents = 127.0.0.1:0
console = 127.0.0.1:0
END
run() { "$program" --config "$folder/server.ini" "$@"; }

begin=$(date +%s)
run restore "$backup"
# Checkpoints inside, and the one that was noted elsewhere.
run verify ${noted:+--known "$noted"}
run serve >"$folder/log" 2>&1 &
server=$!
tries=0
until [ -s "$folder/state/console.port" ]; do
	if ! kill -0 "$server" 2>/dev/null || [ "$tries" -ge 300 ]; then
		cat "$folder/log" >&2
		echo "restore-drill: the restored server does not start" >&2
		exit 1
	fi
	tries=$((tries + 1))
	sleep 0.1
done
port=$(cat "$folder/state/console.port")
answer=$(printf 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' |
	openssl s_client -quiet -verify_quiet -verify_return_error -CAfile "$folder/state/ca.pem" -connect "127.0.0.1:$port" 2>/dev/null | head -n 1)
case $answer in
*" 200 "*) ;;
*)
	echo "restore-drill: the restored server is not ready: $answer" >&2
	exit 1
	;;
esac
echo "restore-drill: good in $(($(date +%s) - begin)) s: restored, every chain unbroken, ready"
