"""Never locked out: the package is installed, upgraded and removed, and the PC sleeps, while a keyboard is typed on and a stick is in its port."""

import os

import gate_tools as gate
from vm.qemu import newest_debs
from vm.testing import Skip, timeout
from vm.usbredir import Keyboard, StorageDevice

AGENT = False
TIMEOUT = 300
DEBS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "build", "deb")
ISSUER = []
HELD = {}

# Whatever the kernel and udev hold that decides who comes in, and what is on the disk; the same after removal as before.
STATE = r'''
for f in /sys/bus/usb/devices/usb*/authorized_default /sys/bus/usb/devices/usb*/interface_authorized_default \
    /sys/bus/*/drivers_autoprobe /sys/module/usbcore/parameters/authorized_default; do echo "$f $(cat $f)"; done
find /etc /usr/lib/udev /usr/lib/systemd /lib/modprobe.d /usr/lib/sysusers.d /usr/share/dbus-1 -name '*sekimori*' ! -path '/etc/*-' | sort
systemctl list-unit-files --no-legend '*sekimori*'
grep -l sekimori -r /etc/pam.d /etc/dconf /etc/profile.d /etc/initramfs-tools 2>/dev/null
cat /proc/sys/kernel/printk; systemctl --failed --no-legend --plain | cut -d" " -f1
'''


def setup_module(vm):
    if not newest_debs(DEBS, ("sekimori-agent",)):
        raise Skip("no packages in build/deb")
    HELD["keyboard"] = Keyboard(serial="STEADY")
    HELD["handle"] = vm.plug_redir(HELD["keyboard"])
    vm.wait_until("grep -q 'Test Keyboard' /proc/bus/input/devices", 30)
    HELD["before"] = vm.run(STATE, check=False)[1]   # with the drivers that a keyboard brings
    # Who holds its node is told when the keyboard is torn away, even for a moment.
    vm.run("echo 'cat \"$1\" >/run/keys' >/run/hold; "
           "systemd-run --quiet --unit=hold sh /run/hold /dev/input/$(sed -n '/Test Keyboard/,/Handlers/s/.*\\(event[0-9]*\\).*/\\1/p' /proc/bus/input/devices)")


def teardown_module(vm):
    if ISSUER:
        ISSUER.pop().close()


def install(vm):
    """As an administrator does."""
    vm.push(newest_debs(DEBS, ("sekimori-agent",))[0], "/root/agent.deb")
    vm.run("DEBIAN_FRONTEND=noninteractive dpkg --force-confold -i /root/agent.deb", timeout=300)


def types(vm, word):
    vm.run("rm -f /home/clerk/typed")
    HELD["keyboard"].type("echo %s >typed\n" % word)
    vm.wait_until("grep -q %s /home/clerk/typed" % word, 40)
    assert vm.ok("systemctl is-active hold"), "the keyboard was torn away: " + word


def mounts(vm):
    return [line.split() for line in vm.out("cat /proc/self/mountinfo").splitlines() if " /run/media/" in line]


def disks(vm):
    return [name for name in vm.out("ls /sys/class/block").split() if name.startswith("sd")]


def of(vm, serial, verdict=None):
    def probe():
        device = gate.find(vm, serial)
        return device if device and verdict in (None, device["verdict"]) else None
    return vm.wait(probe, "%s %s" % (serial, verdict or ""), 40)


@timeout(500)
def test_installed_upgraded_asleep_and_removed(vm):
    keyboard = HELD["keyboard"]
    # ---- installed over a stick that somebody is writing to
    early = StorageDevice(path=vm.path("usb", "early.img"), files={"a.txt": b"x"}, serial="EARLY1")
    in_use = vm.plug_redir(early)
    node = vm.wait_until("readlink -e /dev/disk/by-id/usb-*EARLY1* | head -1 | grep .", 40)
    vm.run("mkdir -p /media/old && mount %s /media/old && echo precious >/media/old/b.txt" % node)
    keyboard.type("echo while-installing >while\n")
    install(vm)
    vm.wait_until("systemctl is-active sekimorid", 60)
    types(vm, "installed")
    assert vm.out("cat /home/clerk/while") == "while-installing"
    of(vm, "EARLY1", "deny")
    vm.wait(lambda: disks(vm) == [], "the stick that nobody permitted, shut", 40)
    with open(early.image, "rb") as file:
        assert b"precious" in file.read(), "what was written before the installation is lost"
    assert not vm.ok("grep -q EARLY1 /etc/sekimori/internal.conf")
    assert not vm.ok("grep ' /media/old ' /proc/mounts"), gate.events(vm, "medium.unmounted")
    in_use.unplug()
    # ---- upgraded over a medium that is permitted and in use
    ISSUER.append(gate.Issuer(vm))
    dev = StorageDevice(path=vm.path("usb", "kept.img"), files={"a.txt": b"kept"}, serial="KEPT1")
    plugged = vm.plug_redir(dev)
    ISSUER[0].give(of(vm, "KEPT1", "deny"), "ro", 7200, "clerk")
    mount = vm.wait(lambda: mounts(vm), "the mount", 40)[0]
    path = mount[4]
    vm.spawn("exec sleep 5000 <%s/a.txt" % path, "reader")
    ended = len(gate.events(vm, "medium.unmounted"))
    keyboard.type("echo while-upgrading >while\n")
    install(vm)
    vm.wait_until("systemctl is-active sekimorid && sekimori devices", 60)
    types(vm, "upgraded")
    assert vm.out("cat /home/clerk/while") == "while-upgrading"
    of(vm, "KEPT1", "allow")
    assert mounts(vm) == [mount], "torn by the upgrade"
    assert vm.out("cat %s/a.txt" % path, user="clerk") == "kept" and vm.ok("systemctl is-active reader")
    assert len(gate.events(vm, "medium.unmounted")) == ended
    assert vm.ok("sekimori verify")
    # ---- asleep and awake again
    HELD["slept"] = sleep(vm)
    types(vm, "awake")
    of(vm, "KEPT1", "allow")
    assert vm.out("cat %s/a.txt" % vm.wait(lambda: mounts(vm), "the mount", 40)[0][4], user="clerk") == "kept"
    late = StorageDevice(path=vm.path("usb", "late.img"), files={"a.txt": b"x"}, serial="LATE1")
    other = vm.plug_redir(late)
    of(vm, "LATE1", "deny")
    assert late.reads == 0 and len(disks(vm)) == 1, late.commands
    # ---- removed over both
    keyboard.type("echo while-removing >while\n")
    vm.run("DEBIAN_FRONTEND=noninteractive dpkg -r sekimori-agent", timeout=200)
    types(vm, "removed")
    assert vm.out("cat /home/clerk/while") == "while-removing"
    assert vm.ok("grep -q kept %s/a.txt" % path), "the permitted medium was torn"
    vm.wait(lambda: len(disks(vm)) == 2, "the refused stick let in as on any PC", 40)
    vm.run("systemctl stop reader; umount %s" % path)
    for handle in (plugged, other):
        handle.unplug()
    vm.wait(lambda: disks(vm) == [], "no stick", 20)
    fresh = StorageDevice(path=vm.path("usb", "fresh.img"), files={"a.txt": b"x"}, serial="FRESH1")
    plain = vm.plug_redir(fresh)
    node = vm.wait_until("readlink -e /dev/disk/by-id/usb-*FRESH1* | head -1 | grep .", 40)
    vm.run("mount %s /media/old && echo y >/media/old/y && umount /media/old" % node)
    plain.unplug()
    vm.run("DEBIAN_FRONTEND=noninteractive dpkg --purge sekimori-agent", timeout=200)
    after = vm.run(STATE, check=False)[1]
    assert after == HELD["before"], "\n".join(sorted(set(after.splitlines()) ^ set(HELD["before"].splitlines())))


def sleep(vm):
    """S3 where the guest can; else everything of it but the hardware."""
    since = vm.qmp.mark()
    vm.run("echo deep >/sys/power/mem_sleep", check=False)
    vm.spawn("systemctl suspend", "suspend")
    try:
        vm.qmp.wait_event("SUSPEND", timeout=60, since=since)
    except Exception:
        print("     no S3 here: devices and processes frozen and thawed instead")
        vm.run("echo devices >/sys/power/pm_test; echo freeze >/sys/power/state; echo none >/sys/power/pm_test", timeout=60)
        return "pm_test"
    vm.qmp.execute("system_wakeup")
    vm.qmp.wait_event("WAKEUP", timeout=60, since=since)
    vm.wait_until("true", 60)
    print("     slept in S3 and woke up")
    return "S3"
