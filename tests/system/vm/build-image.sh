#!/bin/sh
# Build the virtual staff PC: a Debian 12 root file system, its kernel and a
# small initrd, in a cache that outlives the working tree. Prints the
# directory of the finished image; a second call finds it and ends at once.
#
#   build-image.sh [--key | --force]
#
#   --key    print only the cache key (what the image depends on)
#   --force  build again although the cache has it
#
# Environment:
#   SEKIMORI_VM_CACHE   cache directory [${XDG_CACHE_HOME:-~/.cache}/sekimori/vm]
#   SEKIMORI_VM_MIRROR  Debian mirror [http://deb.debian.org/debian]
#   SEKIMORI_VM_KEEP    finished images of older keys to keep [1]
#
# Neither loop devices nor mounts are needed: mmdebstrap fills a directory and
# mke2fs -d turns it into a file system. Run by a user other than root, both
# work inside a user namespace.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${SEKIMORI_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sekimori/vm}
mirror=${SEKIMORI_VM_MIRROR:-http://deb.debian.org/debian}
security=http://security.debian.org/debian-security
suite=bookworm
size=3G

# What a staff PC has, what the agent's packages need to be installed without
# a network, and what the tests look at the machine with.
packages='
linux-image-amd64 initramfs-tools cryptsetup-initramfs busybox-static zstd
systemd systemd-sysv udev dbus dbus-user-session libpam-systemd kmod
util-linux mount fdisk passwd adduser login procps psmisc strace less
iproute2 ca-certificates openssl curl python3 sqlite3 jq attr acl
cryptsetup lvm2 dosfstools exfatprogs e2fsprogs eject usbutils pciutils
apparmor libcap2-bin
qemu-guest-agent
usbguard udisks2
clamav-daemon clamdscan
nftables sudo polkitd libpam-pwquality btrfs-progs ntfs-3g parted sg3-utils keyutils genisoimage
pcscd vsmartcard-vpcd vsmartcard-vpicc python3-dbusmock openssh-server auditd
dconf-cli dconf-gsettings-backend libglib2.0-bin gsettings-desktop-schemas
libevent-2.1-7 libevent-core-2.1-7 libevent-extra-2.1-7 libevent-openssl-2.1-7 libevent-pthreads-2.1-7 libjansson4
libsqlite3-0 libusb-1.0-0 libudev1 libinih1 libblkid1 libmount1
libcryptsetup12 libargon2-1 libsystemd0 libssl3 libseccomp2 libcap2
libpq5 libcurl4 libtss2-esys-3.0.2-0 libkeyutils1
gettext-base locales tzdata debconf
'

say() { printf 'vm image: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

key=$( { cat "$0" "$here"/image-*.sh; echo "$packages $suite $size"; } | sha256sum | cut -c1-16)
case ${1:-} in
--key) echo "$key"; exit 0 ;;
--force) force=1 ;;
'') force=0 ;;
*) die "unknown argument: $1" ;;
esac

out=$cache/$key
if [ "$force" = 0 ] && [ -e "$out/complete" ]; then
	echo "$out"
	exit 0
fi

for tool in mmdebstrap mke2fs cpio modprobe sha256sum qemu-img flock; do
	PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || die "$tool is missing"
done
PATH=$PATH:/usr/sbin:/sbin

mkdir -p "$cache"
# Two builds at once would only make both slow: the second waits, then finds
# the first one's image.
exec 9>"$cache/build.lock"
flock -n 9 || { say "another build is under way, waiting"; flock 9; }
if [ "$force" = 0 ] && [ -e "$out/complete" ]; then
	echo "$out"
	exit 0
fi

if [ "$(id -u)" = 0 ]; then
	mode=root
	ns() { "$@"; }
else
	mode=unshare
	# Files in the tree belong to sub-uids; only inside the namespace can
	# they be read with their owners, and removed.
	ns() { mmdebstrap --unshare-helper "$@"; }
fi

tmp=$cache/.building-$key
ns rm -rf "$tmp/root"
rm -rf "$tmp"
mkdir -p "$tmp/out"
cleanup() { ns rm -rf "$tmp/root"; rm -rf "$tmp"; }
trap cleanup EXIT
trap 'exit 130' INT TERM

list=$(echo $packages | tr ' ' ',')
say "building $key (some minutes, once)"
if ! mmdebstrap --mode="$mode" --variant=minbase --format=directory \
	--include="$list" \
	--aptopt='Acquire::Check-Valid-Until "false"' \
	--aptopt='Acquire::Check-Date "false"' \
	--aptopt='Acquire::Languages "none"' \
	--aptopt='Acquire::Retries "3"' \
	--dpkgopt='path-exclude=/usr/share/man/*' \
	--dpkgopt='path-exclude=/usr/share/doc/*' \
	--dpkgopt='path-include=/usr/share/doc/*/copyright' \
	--dpkgopt='path-exclude=/usr/share/locale/*' \
	--essential-hook='echo "tzdata tzdata/Areas select Asia" | chroot "$1" debconf-set-selections' \
	--essential-hook='echo "tzdata tzdata/Zones/Asia select Tokyo" | chroot "$1" debconf-set-selections' \
	--customize-hook="'$here/image-setup.sh' \"\$1\"" \
	"$suite" "$tmp/root" \
	"deb $mirror $suite main" \
	"deb $mirror $suite-updates main" \
	"deb $security $suite-security main" >"$tmp/mmdebstrap.log" 2>&1; then
	tail -40 "$tmp/mmdebstrap.log" >&2
	die "mmdebstrap failed"
fi

say "kernel and initrd"
version=$(ls "$tmp/root/lib/modules" | sort -V | tail -1)
[ -n "$version" ] || die "the tree has no kernel modules"
ns cp "$tmp/root/boot/vmlinuz-$version" "$tmp/out/vmlinuz"
ns cp "$tmp/root/boot/config-$version" "$tmp/out/config"
"$here/image-initrd.sh" "$tmp/root" "$version" "$tmp/initrd" "$tmp/out/initrd"

say "file system"
ns mke2fs -q -F -t ext4 -L staff-pc -m 0 -J size=16 \
	-E lazy_itable_init=1,nodiscard -d "$tmp/root" "$tmp/out/rootfs.img" "$size"
ns chmod 644 "$tmp/out/rootfs.img" "$tmp/out/vmlinuz"
ns env LC_ALL=C dpkg-query --admindir="$tmp/root/var/lib/dpkg" -W >"$tmp/out/packages.txt"
echo "$version" >"$tmp/out/version"
touch "$tmp/out/complete"

rm -rf "$out"
mv "$tmp/out" "$out"

# Images of older keys are dead weight, but someone may be going back and
# forth between two branches: keep the newest few.
keep=${SEKIMORI_VM_KEEP:-1}
ls -1dt "$cache"/*/complete 2>/dev/null | sed 's,/complete$,,' | grep -vxF "$out" |
	tail -n +"$((keep + 1))" | while read -r old; do
	say "removing old image $(basename "$old")"
	rm -rf "$old"
done
say "ready: $(du -sh "$out" | cut -f1), kernel $version"
echo "$out"
