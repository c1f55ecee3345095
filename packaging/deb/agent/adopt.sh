#!/bin/sh
# Nobody is locked out by installing. Called by the package's scripts; each command changes one thing and says so.
#   sekimori-adopt modprobe       without update-initramfs (dracut, none at all): no default deny at the passphrase prompt
#   sekimori-adopt lifelines      what the administrator works through now is named in /etc/sekimori/policy.ini before all other rules
#   sekimori-adopt forget         takes back what "modprobe" did
# SEKIMORI_ROOT: a folder in which sys, proc, etc and lib lie (tests).
set -eu
root=${SEKIMORI_ROOT:-}
mark="# Written by Sekimori at install"

say() {
	printf '%s\n' "sekimori-agent: $*" >&2
}

# ---- the initramfs ----

# dracut copies modprobe.d but knows nothing of sekimori-early: with the option no keyboard would ever be let in before the root file system is
# there. Then the default deny begins with sekimorid instead.
forget_modprobe() {
	[ ! -e "$root/etc/modprobe.d/sekimori.conf" ] || ! grep -qF "$mark" "$root/etc/modprobe.d/sekimori.conf" || rm -f "$root/etc/modprobe.d/sekimori.conf"
}
modprobe_conf() {
	own=$root/etc/modprobe.d/sekimori.conf
	if [ -e "$root/usr/sbin/update-initramfs" ] && ! [ -e "$root/usr/bin/dracut" ]; then
		forget_modprobe
		return 0
	fi
	if [ -e "$own" ] && ! grep -qF "$mark" "$own"; then
		! grep -q '^options usbcore authorized_default=0' "$own" || say "$own is yours and is left alone: with its line 'options usbcore' no keyboard works at a passphrase prompt of dracut."
		return 0
	fi
	mkdir -p "$root/etc/modprobe.d"
	{
		echo "$mark, in place of /lib/modprobe.d/sekimori.conf: the initramfs is not made by update-initramfs, and only that one knows how"
		echo "# to let keyboards in. sekimorid sets the default deny when it starts; before that, devices at boot are let in by the kernel."
		if grep -q '^usb ' "$root/etc/sekimori/internal.conf" 2>/dev/null || grep -q '^/dev/mmcblk' "$root/proc/mounts" 2>/dev/null; then
			echo "# The system lies on USB or on a card: its drivers must load by themselves."
			grep '^options usb_storage' "$root/lib/modprobe.d/sekimori.conf"
		else
			grep -E '^(blacklist|options usb_storage)' "$root/lib/modprobe.d/sekimori.conf"
		fi
	} >"$own.new"
	mv "$own.new" "$own"
	say "ATTENTION: the initramfs is not made by initramfs-tools. So that keyboards work at a passphrase prompt, USB is shut only when sekimorid"
	say "starts, not from the first moment (see $own). Install initramfs-tools to have it from the first moment."
}

# ---- lifelines ----

# The folder of the USB device that a sysfs path lies behind; fails when there is none.
usb_device_of() { # path
	path=$(readlink -f "$1") || return 1
	while [ -n "$path" ] && [ "$path" != / ] && [ "$path" != "$root" ]; do
		if [ -e "$path/idVendor" ] && [ -e "$path/idProduct" ]; then
			case ${path##*/} in
			usb*) return 1 ;;
			esac
			printf '%s\n' "$path"
			return 0
		fi
		path=${path%/*}
	done
	return 1
}

default_routes() { # interfaces of default routes, IPv4 and IPv6
	[ ! -r "$root/proc/net/route" ] || awk 'NR > 1 && $2 == "00000000" && $8 == "00000000" {print $1}' "$root/proc/net/route"
	[ ! -r "$root/proc/net/ipv6_route" ] || awk '$1 == "00000000000000000000000000000000" && $2 == "00" && $10 != "lo" {print $10}' "$root/proc/net/ipv6_route"
}
bluetooth_inputs() { # sysfs paths of input devices on bus 0005
	[ ! -r "$root/proc/bus/input/devices" ] || awk '/^I:/ {b = ($0 ~ /Bus=0005/)} /^S: Sysfs=/ && b {sub(/^S: Sysfs=/, ""); print}' "$root/proc/bus/input/devices"
}

plain() { # a value that the policy file can hold, or nothing
	case $1 in
	'' | *[!A-Za-z0-9._:/-]*) ;;
	*) printf '%s' "$1" ;;
	esac
}
rule() { # name, kinds, device's folder
	serial=$(plain "$(cat "$3/serial" 2>/dev/null || true)")
	echo "[rule $1]"
	echo "# in use when Sekimori was installed: look at it and narrow it or take it out"
	echo "kind = $2"
	echo "device = $(cat "$3/idVendor"):$(cat "$3/idProduct")"
	[ -z "$serial" ] || echo "serial = $serial"
	echo "port = ${3##*/}"
	echo "action = allow"
	echo
}
lifeline() { # kinds, what it is, device's folder: one rule, once for each device
	name=installed-$(printf '%s' "${3##*/}" | tr . -)
	case $seen in
	*" $name "*) return 0 ;;
	esac
	seen="$seen$name "
	grep -qF "[rule $name]" "$root/etc/sekimori/policy.ini" && return 0
	rule "$name" "$1" "$3" >>"$new"
	say "ATTENTION: $2 hangs on the USB device at port ${3##*/}. It is allowed by [rule $name] in /etc/sekimori/policy.ini, or you would be"
	say "cut off now. A policy from the server replaces that file: put the rule there too, or plug in something else first."
}
lifelines() {
	conf=$root/etc/sekimori/policy.ini
	[ -f "$conf" ] || return 0
	new=$conf.lifelines seen=" "
	: >"$new"
	for name in $(default_routes | sort -u); do
		! device=$(usb_device_of "$root/sys/class/net/$name/device") || lifeline "network wireless serial vendor other" "the default route ($name)" "$device"
	done
	# Input devices over Bluetooth are virtual (uhid) or hang on the adapter itself; either way every USB adapter may be theirs.
	if [ -n "$(bluetooth_inputs)" ]; then
		for adapter in "$root"/sys/class/bluetooth/hci*; do
			[ -e "$adapter" ] || continue
			case ${adapter##*/} in
			*:*) continue ;; # a connection, not an adapter
			esac
			! device=$(usb_device_of "$adapter/device") || lifeline "wireless vendor other" "a keyboard or mouse over Bluetooth (${adapter##*/})" "$device"
		done
	fi
	if [ -s "$new" ]; then
		awk -v rules="$new" '!done && /^\[rule / {while ((getline line < rules) > 0) print line; done = 1} {print} END {if (!done) while ((getline line < rules) > 0) print line}' "$conf" >"$conf.new"
		chmod 0644 "$conf.new"
		mv "$conf.new" "$conf"
	fi
	rm -f "$new"
}

case ${1:-} in
modprobe) modprobe_conf ;;
lifelines) lifelines ;;
forget) forget_modprobe ;;
*)
	echo "usage: sekimori-adopt modprobe|lifelines|forget" >&2
	exit 64
	;;
esac
