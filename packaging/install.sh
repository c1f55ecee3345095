#!/bin/sh
# Puts the built programs and their files into place: install.sh BUILD DESTDIR PREFIX [agent|server|all]
set -eu
build=$1 dest=$2 prefix=${3:-/usr} part=${4:-all}
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")

put() { # mode source target
	install -D -m "$1" "$2" "$dest$3"
}
program() { # source target: without the symbols, which stay in the build folder
	put 0755 "$1" "$2"
	strip --strip-unneeded "$dest$2"
}
agent() {
	lib=/usr/lib/sekimori
	for name in sekimorid sekimori-uplink sekimori-session sekimori-probe sekimori-probe-session sekimori-early sekimori-mount sekimori-crypt sekimori-scan sekimori-erase sekimori-recorder sekimori-verdict; do
		[ ! -e "$build/bin/$name" ] || program "$build/bin/$name" "$lib/$name"
	done
	program "$build/bin/sekimori" "$prefix/bin/sekimori"
	put 0755 "$here/systemd/sekimori-failsafe.sh" "$lib/sekimori-failsafe"
	put 0755 "$here/deb/agent/adopt.sh" "$lib/sekimori-adopt"
	put 0755 "$here/sekimori-full-scan.sh" "$lib/sekimori-full-scan"
	for unit in sekimorid sekimori-uplink sekimori-failsafe sekimori-isolation; do
		put 0644 "$here/systemd/$unit.service" "/lib/systemd/system/$unit.service"
	done
	put 0644 "$here/systemd/sekimori-session.service" /usr/lib/systemd/user/sekimori-session.service
	mkdir -p "$dest/usr/lib/systemd/user/graphical-session.target.wants"
	ln -sf ../sekimori-session.service "$dest/usr/lib/systemd/user/graphical-session.target.wants/sekimori-session.service"
	put 0644 "$here/sekimori-session.desktop" /etc/xdg/autostart/sekimori-session.desktop
	for rule in "$here"/udev/*.rules; do
		put 0644 "$rule" "/lib/udev/rules.d/$(basename "$rule")"
	done
	put 0644 "$here/modprobe/sekimori.conf" /lib/modprobe.d/sekimori.conf
	put 0755 "$here/initramfs/hook" /usr/share/initramfs-tools/hooks/sekimori
	[ ! -e "$here/initramfs/init-top" ] || put 0755 "$here/initramfs/init-top" /usr/share/initramfs-tools/scripts/init-top/sekimori
	[ ! -e "$here/initramfs/init-premount" ] || put 0755 "$here/initramfs/init-premount" /usr/share/initramfs-tools/scripts/init-premount/sekimori
	put 0644 "$here/sysusers/sekimori-agent.conf" /usr/lib/sysusers.d/sekimori-agent.conf
	put 0644 "$here/agent.ini" /etc/sekimori/agent.ini
	put 0644 "$top/policy/profiles/default.ini" /etc/sekimori/policy.ini
	for profile in "$top"/policy/profiles/*.ini; do
		put 0644 "$profile" "/usr/share/sekimori/profiles/$(basename "$profile")"
	done
	put 0644 "$build/locale/ja/LC_MESSAGES/sekimori.mo" /usr/share/sekimori/locale/ja/LC_MESSAGES/sekimori.mo
	manual sekimori.1 sekimorid.8
	put 0644 "$top/docs/man/sekimori.ja.1" /usr/share/man/ja/man1/sekimori.1
	gzip -9nf "$dest/usr/share/man/ja/man1/sekimori.1"
}
server() {
	program "$build/bin/sekimori-server" "$prefix/sbin/sekimori-server"
	put 0644 "$here/systemd/sekimori-server.service" /lib/systemd/system/sekimori-server.service
	put 0644 "$here/sysusers/sekimori-server.conf" /usr/lib/sysusers.d/sekimori-server.conf
	put 0640 "$here/server.ini" /etc/sekimori/server.ini
	put 0644 "$here/monitoring/sekimori.rules.yml" /usr/share/doc/sekimori-server/monitoring/sekimori.rules.yml
	put 0644 "$here/monitoring/sekimori.grafana.json" /usr/share/doc/sekimori-server/monitoring/sekimori.grafana.json
	put 0755 "$here/monitoring/restore-drill.sh" /usr/share/doc/sekimori-server/monitoring/restore-drill.sh
	for profile in "$top"/policy/profiles/*.ini; do
		put 0644 "$profile" "/usr/share/sekimori-server/profiles/$(basename "$profile")"
	done
	put 0644 "$build/locale/ja/LC_MESSAGES/sekimori.mo" /usr/share/sekimori-server/locale/ja/LC_MESSAGES/sekimori.mo
	manual sekimori-server.8
}
manual() {
	for page in "$@"; do
		[ -e "$top/docs/man/$page" ] || continue
		put 0644 "$top/docs/man/$page" "/usr/share/man/man${page##*.}/$page"
		gzip -9nf "$dest/usr/share/man/man${page##*.}/$page"
	done
}

case $part in
agent) agent ;;
server) server ;;
all) agent && server ;;
*) echo "usage: install.sh BUILD DESTDIR PREFIX [agent|server|all]" >&2; exit 64 ;;
esac
