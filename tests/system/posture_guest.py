"""What test_posture.py does inside the virtual PC: volumes, stacks of PAM, signatures, sessions."""

import base64
import time

HELPERS = r'''
import ctypes, os, struct, sys, time

# ---- PAM itself, by its library
lib, libc = ctypes.CDLL("libpam.so.0"), ctypes.CDLL("libc.so.6")
libc.calloc.restype = ctypes.c_void_p
libc.strdup.restype = ctypes.c_void_p
CONV = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p)
class Conv(ctypes.Structure):
    _fields_ = [("conv", CONV), ("arg", ctypes.c_void_p)]

def start(service, user, answer):
    @CONV
    def conv(n, messages, answers, arg):
        block = libc.calloc(n, 16)
        for i in range(n):
            ctypes.c_void_p.from_address(block + 16 * i).value = libc.strdup(answer)
        answers[0] = block
        return 0
    handle, c = ctypes.c_void_p(), Conv(conv, None)
    assert lib.pam_start(service, user, ctypes.byref(c), ctypes.byref(handle)) == 0
    return handle, (conv, c)

def authenticate(user, password):
    handle, keep = start(b"login", user, password)
    r = lib.pam_authenticate(handle, 0)
    lib.pam_end(handle, r)
    return r

def change(user, password):
    handle, keep = start(b"passwd", user, password)
    r = lib.pam_chauthtok(handle, 0)
    lib.pam_end(handle, r)
    return r

def session(desktop):
    """Holds a session of clerk2 open until it is killed, as a display manager would."""
    handle, keep = start(b"test-desktop", b"clerk2", b"")
    for item in (b"XDG_SESSION_TYPE=wayland", b"XDG_SESSION_CLASS=user", b"XDG_SESSION_DESKTOP=" + desktop.encode().decode("unicode_escape").encode()):
        lib.pam_putenv(handle, item)
    assert lib.pam_open_session(handle, 0) == 0
    lib.pam_getenv.restype = ctypes.c_char_p
    with open("/run/test-session.new", "w") as out:
        out.write(lib.pam_getenv(handle, b"XDG_SESSION_ID").decode())
    os.rename("/run/test-session.new", "/run/test-session")
    time.sleep(100000)

def listen():
    import socket
    held = []
    for address in (("0.0.0.0", 8080), ("127.0.0.1", 8081)):
        s = socket.socket()
        s.bind(address)
        s.listen()
        held.append(s)
    time.sleep(100000)

# ---- the kernel's clock
def clock(what, *more):
    class Timex(ctypes.Structure):
        _fields_ = [("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long), ("maxerror", ctypes.c_long),
                    ("esterror", ctypes.c_long), ("status", ctypes.c_int), ("rest", ctypes.c_char * 200)]
    t = Timex(modes=0x10 | 0x04 | 0x08)  # status, maxerror, esterror
    t.status, t.maxerror, t.esterror = (0x40, 16000000, 16000000) if what == "unsynchronised" else (0, int(what), 100)
    assert libc.adjtimex(ctypes.byref(t)) >= 0

# ---- a repository with one package
def repository(version):
    import hashlib, subprocess
    os.makedirs("/run/repo/d/DEBIAN", exist_ok=True)
    os.chdir("/run/repo")
    with open("d/DEBIAN/control", "w") as out:
        out.write("Package: zz-test\nVersion: %s\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: test\n" % version)
    subprocess.run(["dpkg-deb", "-b", "d", "zz.deb"], check=True, stdout=subprocess.DEVNULL)
    data = open("zz.deb", "rb").read()
    packages = open("d/DEBIAN/control").read() + "Filename: ./zz.deb\nSize: %d\nSHA256: %s\n\n" % (len(data), hashlib.sha256(data).hexdigest())
    open("Packages", "w").write(packages)
    raw = packages.encode()
    open("Release", "w").write("Origin: Debian\nLabel: Debian-Security\nSuite: stable-security\nVersion: 12\nCodename: bookworm-security\nDate: %s\nSHA256:\n %s %d Packages\n"
                               % (time.strftime("%a, %d %b %Y %H:%M:%S UTC", time.gmtime()), hashlib.sha256(raw).hexdigest(), len(raw)))

def age_lists(days):
    """The lists came days ago: the clock goes back while they are put in place again."""
    import shutil, glob
    now = time.time()
    time.clock_settime(time.CLOCK_REALTIME, now - float(days) * 86400)
    for path in glob.glob("/var/lib/apt/lists/*Release"):
        shutil.copy2(path, path + ".new")
        os.rename(path + ".new", path)
    time.clock_settime(time.CLOCK_REALTIME, now)

if __name__ == "__main__":
    name, arguments = sys.argv[1], sys.argv[2:]
    if name in ("authenticate", "change"):
        print(globals()[name](arguments[0].encode(), arguments[1].encode()))
    else:
        globals()[name](*arguments)
'''

# Four disks of 200 MB: vdb and vdc encrypted or partly so, vdd plain, vde for the odd ones. --pbkdf: the machine is small.
VOLUMES = r'''
set -e
modprobe dm_crypt; modprobe zram; modprobe btrfs; modprobe loop
format() { printf 'secret' | cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "$@" -; }
open() { printf 'secret' | cryptsetup open -q "$1" "$2" -; }
fs() { mkfs.ext4 -q "$1"; mkdir -p "$2"; mount "$1" "$2"; }
# a container, and LVM in it
format -s 512 /dev/vdb; open /dev/vdb c1
pvcreate -qq /dev/mapper/c1; vgcreate -qq vg1 /dev/mapper/c1; lvcreate -qq -Wn -L 40M -n a vg1; fs /dev/vg1/a /mnt/lvm-on-luks
# LVM on a plain disk, and a container in it
pvcreate -qq /dev/vdd; vgcreate -qq vg2 /dev/vdd; lvcreate -qq -Wn -L 60M -n b vg2; format /dev/vg2/b; open /dev/vg2/b c2; fs /dev/mapper/c2 /mnt/luks-on-lvm
# one volume over both
lvcreate -qq -Wn -L 24M -n d vg2; pvcreate -qq /dev/mapper/c1 2>/dev/null || true
lvcreate -qq -Wn -L 24M -n p1 vg1
echo "0 40960 linear $(stat -c '%Hr:%Lr' -L /dev/vg1/p1) 0
40960 40960 linear $(stat -c '%Hr:%Lr' -L /dev/vg2/d) 0" | dmsetup create mixed
fs /dev/mapper/mixed /mnt/mixed
# btrfs: on encrypted devices, and on one of each kind
format /dev/vdc; open /dev/vdc c3
mkfs.btrfs -q -m single /dev/mapper/c3; mkdir -p /mnt/btrfs-luks; mount /dev/mapper/c3 /mnt/btrfs-luks
truncate -s 0 /mnt/btrfs-luks/swap; chattr +C /mnt/btrfs-luks/swap; dd if=/dev/zero of=/mnt/btrfs-luks/swap bs=1M count=16 status=none
chmod 600 /mnt/btrfs-luks/swap; mkswap -q /mnt/btrfs-luks/swap; swapon /mnt/btrfs-luks/swap
dd if=/dev/zero of=/var/swap bs=1M count=8 status=none; chmod 600 /var/swap; mkswap -q /var/swap; swapon /var/swap
echo 16M >/sys/block/zram0/disksize; mkswap -q /dev/zram0; swapon -p 5 /dev/zram0
# files on the plain disk: as they are, and as a container
truncate -s 20M /var/plain.img /var/crypt.img
l1=$(losetup -f --show /var/plain.img); fs "$l1" /mnt/loop
l2=$(losetup -f --show /var/crypt.img); format --luks2-metadata-size 16k --luks2-keyslots-size 256k "$l2"; open "$l2" c4; fs /dev/mapper/c4 /mnt/crypt-loop
# the odd ones: parts of vde by hand
part() { echo "0 40960 linear 254:64 $((40960 * $1))" | sed "s/254:64/$(stat -c '%Hr:%Lr' /dev/vde)/" | dmsetup create "part$1"; }
for i in 0 1 2 3 4 5; do part $i; done
key=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
echo "0 40960 crypt cipher_null-ecb - 0 /dev/mapper/part0 0" | dmsetup create null --uuid CRYPT-LUKS2-0-null; fs /dev/mapper/null /mnt/null
# a header with a sound cipher over a table that encrypts nothing
format --luks2-metadata-size 16k --luks2-keyslots-size 256k /dev/mapper/part1; open /dev/mapper/part1 turned
size=$(blockdev --getsz /dev/mapper/turned)
echo "0 $size crypt cipher_null-ecb - 0 /dev/mapper/part1 2048" | dmsetup reload turned; dmsetup resume turned; fs /dev/mapper/turned /mnt/turned
printf '0 20480 crypt aes-xts-plain64 %s 0 /dev/mapper/part2 0\n20480 20480 linear /dev/mapper/part2 20480\n' $key | dmsetup create half --uuid CRYPT-PLAIN-half
fs /dev/mapper/half /mnt/half
echo "0 40960 linear /dev/mapper/part3 0" | dmsetup create label --uuid CRYPT-LUKS2-0-label; fs /dev/mapper/label /mnt/label
fs /dev/mapper/part4 /mnt/read-only; mount -o remount,ro /mnt/read-only
# btrfs over an encrypted and a plain device
lvcreate -qq -Wn -L 60M -n e vg1; lvcreate -qq -Wn -L 60M -n e vg2
mkfs.btrfs -q -m single -d single /dev/vg1/e /dev/vg2/e; btrfs device scan >/dev/null; mkdir -p /mnt/btrfs-mixed; mount /dev/vg1/e /mnt/btrfs-mixed
'''

# The probe as it would run on a PC whose only file system this is.
INSIDE = r'''
set -e
cd /mnt/lvm-on-luks
for f in /usr/lib/sekimori/sekimori-probe $(ldd /usr/lib/sekimori/sekimori-probe | grep -o '/[^ ]*'); do mkdir -p ".$(dirname $f)"; cp -L "$f" ".$f"; done
mkdir -p proc sys dev
mount -t proc proc proc; mount -t sysfs sysfs sys; mount --bind /dev dev
chroot . /usr/lib/sekimori/sekimori-probe disk-encryption; r=$?
umount proc sys dev; exit $r
'''

VOLUMES_OFF = r'''
swapoff /mnt/btrfs-luks/swap /var/swap /dev/zram0
for m in lvm-on-luks luks-on-lvm mixed btrfs-luks btrfs-mixed loop crypt-loop null turned half label read-only; do umount /mnt/$m; done
dmsetup remove mixed null turned half label
cryptsetup close c4; cryptsetup close c3; cryptsetup close c2; vgchange -qq -an vg1 vg2; cryptsetup close c1
for i in 0 1 2 3 4 5; do dmsetup remove part$i; done; losetup -D; rm -f /var/plain.img /var/crypt.img /var/swap
true
'''

REPOSITORY = r'''
set -e
python3 /run/guest.py repository 1
dpkg -i /run/repo/zz.deb >/dev/null
systemd-run -q --unit test-repo python3 -m http.server 8099 --bind 127.0.0.1 --directory /run/repo
for i in $(seq 100); do grep -q ':1FA3 ' /proc/net/tcp && break; sleep 0.2; done
mv /etc/apt/sources.list /run/sources.list
mkdir -p /etc/apt/sources.list.d; echo 'deb [trusted=yes] http://127.0.0.1:8099 ./' >/etc/apt/sources.list.d/test.list
apt-get update -qq
'''

_HEAD = "auth required pam_faillock.so preauth\n"
_TAIL = "auth requisite pam_deny.so\nauth required pam_permit.so\n"
# Counts what is wrong, and clears what was right.
LOCKING = _HEAD + "auth [success=2 default=ignore] pam_unix.so nullok\nauth required pam_faillock.so authfail\n" + _TAIL.replace(
    "auth required pam_permit.so\n", "auth required pam_faillock.so authsucc\nauth required pam_permit.so\n")
# The same modules, and nobody with a wrong password ever comes to the one that counts.
LOCKING_NOT = _HEAD + "auth [success=2 default=die] pam_unix.so nullok\nauth required pam_faillock.so authfail\n" + _TAIL

DCONF = r'''
mkdir -p /etc/dconf/profile /etc/dconf/db/local.d/locks
printf 'user-db:user\nsystem-db:local\n' >/etc/dconf/profile/user
printf '[org/gnome/desktop/session]\nidle-delay=uint32 300\n[org/gnome/desktop/screensaver]\nlock-enabled=true\nlock-delay=uint32 0\n' >/etc/dconf/db/local.d/00
printf '/org/gnome/desktop/session/idle-delay\n/org/gnome/desktop/screensaver/lock-enabled\n/org/gnome/desktop/screensaver/lock-delay\n' >/etc/dconf/db/local.d/locks/l
'''


def new_password(vm, password):
    """Does the real stack take it as clerk2's new password? (pwquality.conf has enforce_for_root then.)"""
    return vm.out(["python3", "/run/guest.py", "change", "clerk2", password]) == "0"


def locks(vm, wrong):
    """After so many wrong passwords the right one is refused too."""
    vm.run("faillock --user clerk2 --reset")
    for _ in range(wrong):
        assert vm.out("python3 /run/guest.py authenticate clerk2 wrong") != "0"
    refused = vm.out("python3 /run/guest.py authenticate clerk2 staff") != "0"
    vm.run("faillock --user clerk2 --reset")
    assert vm.out("python3 /run/guest.py authenticate clerk2 staff") == "0", "the right password opens otherwise"
    return refused


def wtmp(vm, user, when):
    """A login as a display manager notes it."""
    import struct
    record = struct.pack("<hxxi32s4s32s256shhiii4i20s", 7, 4242, b":0", b":0", user.encode(), b":0", 0, 0, 0, int(when), 0, 0, 0, 0, 0, b"")
    assert len(record) == 384
    vm.run("base64 -d >>/var/log/wtmp", input=base64.b64encode(record))


PROXY = r"""
import os, socket, threading
path = "/run/test-clamd.sock"
if os.path.exists(path):
    os.unlink(path)
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen(16)
def serve(c):
    request = c.recv(65536)
    real = socket.socket(socket.AF_UNIX)
    real.connect("/run/clamav/clamd.ctl")
    real.sendall(request)
    answer = b""
    while not answer.endswith(b"\0"):
        more = real.recv(4096)
        if not more:
            break
        answer += more
    if request.startswith(b"zVERSION") and os.path.exists("/run/daily"):
        answer = answer.rstrip(b"\0") + b"/27777/" + open("/run/daily", "rb").read() + b"\0"
    c.sendall(answer)
    c.close()
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
"""


def scanner(vm):
    """The machine's own clamd, through a door that adds to its version what an official database would: it has only signatures of its own."""
    vm.write("/run/proxy.py", PROXY.encode())
    vm.spawn("python3 /run/proxy.py", "test-clamd")
    vm.wait_until("test -S /run/test-clamd.sock", 20)


def daily(vm, made):
    vm.run("date -d @%d '+%%a %%b %%e %%H:%%M:%%S %%Y' | tr -d '\n' >/run/daily" % made, env={"LC_ALL": "C"})


def journald(vm, text, restart=False):
    vm.write("/etc/systemd/journald.conf.d/50.conf", ("[Journal]\n%s\n" % text).encode())
    if restart:
        vm.run("systemctl restart systemd-journald; journalctl --flush; logger x; journalctl --sync", timeout=60)


class Session:
    """A desktop's session of clerk2: logind's own, by pam_systemd, without the desktop."""

    def __init__(self, vm, desktop):
        self.vm = vm
        vm.write("/etc/pam.d/test-desktop", b"session required pam_permit.so\nsession optional pam_systemd.so\n")
        vm.run("systemctl stop test-desktop; systemctl reset-failed test-desktop; rm -f /run/test-session; true")
        vm.run(["systemd-run", "-q", "--unit", "test-desktop", "python3", "/run/guest.py", "session", desktop])
        self.id = vm.wait_until("cat /run/test-session", 30).strip()

    def idle(self, yes):
        path = self.vm.out("busctl call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager GetSession s %s" % self.id)
        self.vm.run("busctl call org.freedesktop.login1 %s org.freedesktop.login1.Session SetIdleHint b %s" % (path.split()[1], str(yes).lower()))

    def end(self):
        self.vm.run("systemctl stop test-desktop; loginctl terminate-session %s; true" % self.id, timeout=60)
        self.vm.wait_until("! loginctl --no-legend | grep -q clerk2", 30)


class Probe:
    """In place of sekimori-probe a program that does something else for one check."""

    def __init__(self, vm, what, check="services"):
        self.vm, self.what, self.check = vm, what, check

    def __enter__(self):
        self.vm.write("/run/probe", ("#!/bin/sh\n[ \"$1\" = %s ] && { %s; }\nexec /run/probe.real \"$@\"\n" % (self.check, self.what)).encode(), mode=0o755)
        self.vm.run("cp -p /usr/lib/sekimori/sekimori-probe /run/probe.real; mount --bind /run/probe /usr/lib/sekimori/sekimori-probe")

    def __exit__(self, *exc):
        self.vm.run("umount /usr/lib/sekimori/sekimori-probe")
