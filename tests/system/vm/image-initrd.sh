#!/bin/sh
# A small initrd for the quick boots: static busybox, the drivers of the root
# disk, nothing else. The suite about the early boot uses the guest's own
# initramfs instead. Called by build-image.sh: ROOT VERSION WORKDIR OUTPUT
set -eu
root=$1 version=$2 work=$3 out=$4

mkdir -p "$work/bin" "$work/dev" "$work/proc" "$work/sys" "$work/root" "$work/modules"
cp "$root/bin/busybox" "$work/bin/busybox"
ln -sf busybox "$work/bin/sh"

# modprobe says what has to be loaded, in order; busybox then needs insmod only.
for module in virtio_pci virtio_blk crc32c_generic ext4; do
	modprobe --show-depends -d "$root" -S "$version" "$module"
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
	# with -d, paths come out with or without the root in front
	[ -e "$file" ] && [ "${file#"$root"}" != "$file" ] || file=$root$file
	cp "$file" "$work/modules/"
	basename "$file" >>"$work/modules/order"
done
[ -s "$work/modules/order" ] || { echo "no modules found" >&2; exit 1; }

cat >"$work/init" <<'END'
#!/bin/sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
while read -r m; do $b insmod /modules/$m; done </modules/order
i=0
while [ ! -b /dev/vda ] && [ $i -lt 300 ]; do $b sleep 0.1; i=$((i + 1)); done
$b mount -t ext4 -o rw,noatime /dev/vda /root || { echo 'initrd: no root file system'; $b poweroff -f; }
$b mount --move /dev /root/dev
$b umount /proc /sys
exec $b switch_root /root /sbin/init "$@"
END
chmod 755 "$work/init"
(cd "$work" && find . | sort | cpio --quiet -o -H newc | gzip -1) >"$out"
