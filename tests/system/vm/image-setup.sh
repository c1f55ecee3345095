#!/bin/sh
# Turn a fresh Debian tree into a staff PC: users, automatic login on tty1, a
# virus scanner with one signature, and nothing at boot that the tests do not
# need (under emulation each unit costs seconds). Called by build-image.sh
# with the root of the tree.
set -eu
root=$1
put() { # put PATH [MODE]: standard input becomes the file
	mkdir -p "$(dirname "$root$1")"
	cat >"$root$1"
	chmod "${2:-644}" "$root$1"
}
mask() {
	for unit in "$@"; do
		mkdir -p "$root/etc/systemd/system"
		ln -sf /dev/null "$root/etc/systemd/system/$unit"
	done
}

echo staff-pc-1 | put /etc/hostname
put /etc/hosts <<-END
	127.0.0.1 localhost
	127.0.1.1 staff-pc-1
	10.0.2.100 sekimori-server
END
put /etc/fstab <<-END
	/dev/vda / ext4 rw,noatime 0 0
END
echo 'LANG=C.UTF-8' | put /etc/default/locale
ln -sf /usr/share/zoneinfo/Asia/Tokyo "$root/etc/localtime"
echo Asia/Tokyo | put /etc/timezone
# An empty machine-id would be filled at each first boot and mark it as one
# (presets, more units); the tests want every boot to be an ordinary one.
echo 5e41304500000000000000000000c0de | put /etc/machine-id 444

for user in clerk:1000 clerk2:1001; do
	chroot "$root" useradd -m -s /bin/bash -u "${user#*:}" -U "${user%:*}"
	echo "${user%:*}:staff" | chroot "$root" chpasswd
done
# A prompt without escape sequences: what is typed on tty1 is compared.
echo 'PS1="$ "' | put /home/clerk/.bash_profile

put /etc/systemd/system/getty@tty1.service.d/autologin.conf <<-END
	[Service]
	ExecStart=
	ExecStart=-/sbin/agetty --autologin clerk --noclear tty1 linux
END
# tty1 first, and without waiting for the rest of the boot.
put /etc/systemd/system/getty@tty1.service.d/early.conf <<-END
	[Unit]
	After=
	After=systemd-user-sessions.service dbus.service
	[Service]
	Type=simple
END

# The harness' network: a virtio card behind QEMU's restricted user network,
# where only the forwarded ports of 10.0.2.100 answer.
put /etc/systemd/system/harness-net.service <<-END
	[Unit]
	Description=Network of the test harness
	After=systemd-udev-trigger.service
	[Service]
	Type=oneshot
	RemainAfterExit=yes
	ExecStart=/usr/local/sbin/harness-net
	[Install]
	WantedBy=multi-user.target
END
put /usr/local/sbin/harness-net 755 <<-'END'
	#!/bin/sh
	ip link set lo up
	modprobe virtio_net || exit 0
	i=0
	while [ ! -e /sys/class/net/eth0 ] && [ $i -lt 50 ]; do sleep 0.1; i=$((i + 1)); done
	[ -e /sys/class/net/eth0 ] || exit 0
	ip addr replace 10.0.2.15/24 dev eth0
	ip link set eth0 up
END
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -sf ../harness-net.service "$root/etc/systemd/system/multi-user.target.wants/"

# The agent logs each call of the harness: noise in the journals that tests
# read, and work for journald while something is being measured.
put /etc/systemd/system/qemu-guest-agent.service.d/quiet.conf <<-END
	[Service]
	LogLevelMax=warning
END

# The virus scanner: one signature, the EICAR test file's, so that the daemon
# starts in a second and fits a small machine. The units insist on the
# official database by name; ours has another.
rm -rf "$root"/var/lib/clamav/*
hex=$(printf '%s%s' 'X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-' 'ANTIVIRUS-TEST-FILE!$H+H*' |
	od -An -v -tx1 | tr -d ' \n')
echo "Eicar-Test-Signature:0:0:$hex" | put /var/lib/clamav/eicar.ndb
chroot "$root" chown -R clamav:clamav /var/lib/clamav
for unit in clamav-daemon.service clamav-daemon.socket; do
	put "/etc/systemd/system/$unit.d/own-database.conf" <<-END
		[Unit]
		ConditionPathExistsGlob=
	END
done

# update-initramfs takes minutes under emulation, and dpkg triggers it with
# every package that has a hook: off here, on for the suite that boots it
# (VM.make_initramfs). The list keeps that one small; the drivers are those of
# the machine, and those of USB input and storage, as "most" would have them.
sed -i 's/^update_initramfs=.*/update_initramfs=no/' "$root/etc/initramfs-tools/update-initramfs.conf"
put /etc/initramfs-tools/conf.d/harness <<-END
	MODULES=list
	COMPRESS=zstd
	COMPRESSLEVEL=1
	BUSYBOX=y
END
printf '%s\n' virtio_pci virtio_blk ext4 crc32c_generic xhci_pci xhci_hcd \
	usbhid hid_generic evdev usb_storage uas sd_mod sdhci_pci mmc_block >>"$root/etc/initramfs-tools/modules"

mask usbguard.service usbguard-dbus.service udisks2.service \
	nftables.service ssh.service ssh.socket pcscd.service pcscd.socket auditd.service \
	apt-daily.timer apt-daily-upgrade.timer apt-daily.service \
	apt-daily-upgrade.service dpkg-db-backup.timer e2scrub_all.timer \
	e2scrub_reap.service fstrim.timer logrotate.timer man-db.timer \
	systemd-tmpfiles-clean.timer clamav-freshclam.service \
	serial-getty@ttyS0.service systemd-firstboot.service \
	systemd-timesyncd.service lvm2-monitor.service lvm2-lvmpolld.service \
	lvm2-lvmpolld.socket dm-event.service dm-event.socket \
	blk-availability.service cryptdisks.service cryptdisks-early.service \
	systemd-machine-id-commit.service systemd-random-seed.service \
	systemd-update-utmp.service systemd-update-utmp-runlevel.service \
	systemd-pstore.service modprobe@drm.service modprobe@efi_pstore.service \
	console-setup.service keyboard-setup.service networking.service
# Modules that a headless machine only loses time with.
put /etc/modprobe.d/harness.conf <<-END
	blacklist bochs
	blacklist pcspkr
	blacklist i2c_piix4
	blacklist snd_pcsp
	blacklist joydev
	blacklist psmouse
	blacklist floppy
	blacklist parport_pc
	blacklist ppdev
END
mkdir -p "$root/mnt/share"
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin
mkdir -p "$root/var/lib/apt/lists/partial"
