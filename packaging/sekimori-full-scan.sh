#!/bin/sh
# A full scan by the resident scanner (6.4(2)). Exit status: 0 nothing found, 1 something found, 2 it could not be done.
set -u
if command -v mdatp >/dev/null 2>&1; then
	out=$(mdatp scan full 2>&1) || exit 2
	case $out in
	*"0 threat(s) detected"* | *"No threats"*) exit 0 ;;
	*threat*) exit 1 ;;
	esac
	exit 2
fi
if command -v clamdscan >/dev/null 2>&1; then
	# The files are opened here and handed over: clamd needs no right of its own to them.
	set -- /home /root /etc /opt /srv /usr/local /var/tmp /tmp
	found=0
	for folder; do
		[ -d "$folder" ] || continue
		clamdscan --fdpass --multiscan --infected --no-summary "$folder" >/dev/null 2>&1
		case $? in
		0) ;;
		1) found=1 ;;
		*) [ "$found" = 1 ] || found=2 ;;
		esac
	done
	exit $found
fi
exit 2
