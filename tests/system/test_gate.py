"""The gate on a real kernel: what nobody permitted is not read, keyboards go on, and nothing that a device says or a crash does opens it."""

import os
import struct
import subprocess
import time

import gate_tools as gate
from vm import usbredir
from vm.testing import Skip, timeout
from vm.usbredir import Device, Keyboard, KeyboardStorage, RawDevice, Storage, StorageDevice

TIMEOUT = 180


ISSUER = []


def setup_module(vm):
    vm.wait_until("systemctl is-active sekimorid", 60)
    if ISSUER:
        ISSUER[0].enrol(vm)
    else:
        ISSUER.append(gate.Issuer(vm))
    ISSUER[0].withdraw()


def teardown_module(vm):
    ISSUER.pop().close()


def image(vm, name, **files):
    return vm.path("usb", name + ".img")


def stick(vm, serial, **options):
    return StorageDevice(path=image(vm, serial), files={"a.txt": b"hello"}, serial=serial, **options)


def wait_device(vm, serial, verdict=None, what=None):
    def probe():
        device = gate.find(vm, serial)
        return device if device and (verdict is None or device["verdict"] == verdict) else None
    return vm.wait(probe, what or "device %s %s" % (serial, verdict or ""), 20)


def disks(vm):
    return [name for name in vm.out("ls /sys/class/block").split() if name.startswith(("sd", "sr"))]


def sysfs_of(vm, device):
    return "/sys/bus/usb/devices/" + device["device"]


def assert_shut(vm, dev):
    assert dev.reads == 0, dev.commands
    assert disks(vm) == []
    assert dev.error is None, dev.error


# ------------------------------------------------------------ the kernel's default

def test_controllers_deny_by_default(vm):
    values = vm.out("cat /sys/bus/usb/devices/usb*/authorized_default /sys/bus/usb/devices/usb*/interface_authorized_default")
    assert set(values.split()) == {"0"}, values
    assert not vm.ok("lsmod | grep -E '^(usb_storage|uas) '")


# ------------------------------------------------------------ who comes in

def test_keyboard_works(vm):
    keyboard = Keyboard()
    plugged = vm.plug_redir(keyboard)
    vm.wait_until("grep -q 'Test Keyboard' /proc/bus/input/devices", 20)
    vm.run("rm -f /home/clerk/typed")
    keyboard.type("echo ok >typed\n")
    vm.wait_until("test -s /home/clerk/typed", 20)
    plugged.unplug()
    vm.wait(lambda: gate.events(vm, "device.removed"), "device.removed", 10)


def test_stick_is_refused_and_never_read(vm):
    dev = stick(vm, "REFUSED1")
    plugged = vm.plug_redir(dev)
    device = wait_device(vm, "REFUSED1", "deny")
    assert device["reason"] == "no-grant", device
    assert vm.read(sysfs_of(vm, device) + "/authorized").strip() == b"0"
    time.sleep(1)
    assert_shut(vm, dev)
    assert dev.configured == 0, "the kernel configured it"
    decided = [e for e in gate.events(vm, "device.decided") if e["serial"] == "REFUSED1"]
    assert len(decided) == 1 and decided[0]["rule"] == "media", decided
    plugged.unplug()


def test_uas_disk_is_refused(vm):
    plugged = vm.plug_uas(serial="UAS1")
    vm.wait(lambda: [d for d in gate.devices(vm).values() if "storage" in d["kinds"]], "the UAS disk", 20)
    time.sleep(1)
    assert disks(vm) == []
    assert plugged.reads == 0
    plugged.unplug()


def test_composite_types_and_its_storage_stays_shut(vm):
    usbredir.fat.make(image(vm, "composite"), {"a.txt": b"x"}, size=16 << 20, label="C")
    dev = KeyboardStorage(image(vm, "composite"), serial="COMPOSITE1")
    plugged = vm.plug_redir(dev)
    device = wait_device(vm, "COMPOSITE1", "allow")
    vm.wait_until("grep -q 'Test Composite' /proc/bus/input/devices", 20)
    vm.run("rm -f /home/clerk/typed")
    dev.type("echo ok >typed\n")
    vm.wait_until("test -s /home/clerk/typed", 20)
    assert_shut(vm, dev)
    assert {i["kind"]: i["verdict"] for i in device["interfaces"]} == {"input": "allow", "storage": "deny"}
    # The driver is there for somebody else's medium: it must not take this one.
    vm.run("modprobe usb-storage; modprobe uas")
    time.sleep(1)
    assert_shut(vm, dev)
    vm.run("modprobe -r uas usb-storage")
    plugged.unplug()


def test_hub_and_what_is_behind_it(vm):
    hub = vm.plug_hub(port="4")
    vm.wait(lambda: [d for d in gate.devices(vm).values() if d["kinds"] == ["hub"] and d["verdict"] == "allow"], "the hub", 20)
    keyboard = vm.plug("usb-kbd", port="4.1")
    disk = vm.plug_storage(files={"a.txt": b"x"}, serial="BEHIND1", port="4.2")
    vm.wait(lambda: [d for d in gate.devices(vm).values() if d["kinds"] == ["input"] and d["verdict"] == "allow"], "the keyboard", 20)
    vm.wait(lambda: [d for d in gate.devices(vm).values() if d["kinds"] == ["storage"] and d["verdict"] == "deny"], "the stick", 20)
    assert disks(vm) == [] and disk.reads == 0
    disk.unplug()
    keyboard.unplug()
    hub.unplug()


# ------------------------------------------------------------ devices that lie

def test_second_configuration(vm):
    usbredir.fat.make(image(vm, "second"), {}, size=16 << 20, label="S")
    dev = usbredir.second_configuration_storage(image(vm, "second"), serial="SECOND1")
    plugged = vm.plug_redir(dev)
    device = wait_device(vm, "SECOND1")
    time.sleep(1)
    assert_shut(vm, dev)
    if device["verdict"] == "allow":
        assert vm.read(sysfs_of(vm, device) + "/bConfigurationValue").strip() == b"1"
        vm.run("echo 2 >%s/bConfigurationValue" % sysfs_of(vm, device), check=False)
        vm.run("modprobe usb-storage")
        time.sleep(1)
        assert_shut(vm, dev)
        vm.run("modprobe -r usb-storage")
    plugged.unplug()


def test_alternate_setting_that_hides_storage(vm):
    usbredir.fat.make(image(vm, "alternate"), {}, size=16 << 20, label="S")
    dev = usbredir.alternate_storage(image(vm, "alternate"), serial="ALT1")
    plugged = vm.plug_redir(dev)
    device = wait_device(vm, "ALT1", "deny")
    assert device["interfaces"][0]["verdict"] == "deny", device
    assert_shut(vm, dev)
    plugged.unplug()


def test_no_serial(vm):
    usbredir.fat.make(image(vm, "noserial"), {}, size=16 << 20, label="S")
    dev = Device([Storage(image(vm, "noserial"))], serial=None, product="Test No Serial")
    plugged = vm.plug_redir(dev)
    vm.wait(lambda: [d for d in gate.devices(vm).values() if d["product"] == "Test No Serial" and d["verdict"] == "deny"], "it", 20)
    assert_shut(vm, dev)
    plugged.unplug()


def test_hostile_strings(vm):
    usbredir.fat.make(image(vm, "hostile"), {}, size=16 << 20, label="S")
    dev = Device([Storage(image(vm, "hostile"))], product="a\n\x1b[2J\u202egnp.exe", serial="x\r\ny'\";$(reboot)<b>")
    plugged = vm.plug_redir(dev)
    found = vm.wait(lambda: [d for d in gate.devices(vm).values() if d["product"].startswith("a")], "it", 20)
    text = found[0]["product"] + found[0]["serial"]
    assert not any(ord(c) < 32 or c in "\u202e\x7f" for c in text), repr(text)
    assert_shut(vm, dev)
    plugged.unplug()


def broken(kind):
    device = usbredir.device_descriptor(vid=0x1209, pid=0x0001, manufacturer=0, product=0, serial=0)
    storage = usbredir.interface_descriptor(0, 8, 6, 0x50, 2) + usbredir.endpoint_descriptor(0x81, 2, 512) + \
        usbredir.endpoint_descriptor(0x02, 2, 512)
    keys = usbredir.interface_descriptor(0, 3, 1, 1, 1) + usbredir.endpoint_descriptor(0x81, 3, 8, 10)
    if kind == "truncated":
        return RawDevice(device, [usbredir.configuration_descriptor(keys, 1)[:-4]])
    if kind == "total-too-long":
        return RawDevice(device, [usbredir.configuration_descriptor(keys, 1, total=4096)])
    if kind == "total-too-short":
        return RawDevice(device, [usbredir.configuration_descriptor(keys + storage.replace(b"\x04\x00", b"\x04\x01", 1), 1, total=25)])
    if kind == "length-zero":
        return RawDevice(device, [usbredir.configuration_descriptor(keys + b"\0\0\0", 1)])
    if kind == "interfaces-lie":
        return RawDevice(device, [usbredir.configuration_descriptor(keys, 9)])
    raise AssertionError(kind)


def test_truncated_and_lying_descriptors(vm):
    for kind in ("truncated", "total-too-long", "total-too-short", "length-zero", "interfaces-lie"):
        dev = broken(kind)
        before = len(gate.events(vm, "device.decided"))
        plugged = vm.plug_redir(dev)
        deadline = time.time() + 8
        while time.time() < deadline and len(gate.events(vm, "device.decided")) == before:
            time.sleep(0.3)
        # Some the kernel itself throws out; what it shows is judged by its own bytes and never as more than them.
        for device in gate.devices(vm).values():
            if device["vendor_id"] == "1209" and device["verdict"] == "allow":
                assert all(i["kind"] == "input" for i in device["interfaces"] if i["verdict"] == "allow"), (kind, device)
        assert disks(vm) == [], kind
        plugged.unplug()
    assert vm.ok("systemctl is-active sekimorid")


def test_mode_switch_is_a_new_device(vm):
    keyboard = Keyboard()
    plugged = vm.plug_redir(keyboard)
    vm.wait_until("grep -q 'Test Keyboard' /proc/bus/input/devices", 20)
    dev = stick(vm, "SWITCH1")
    keyboard.reconnect(dev)
    wait_device(vm, "SWITCH1", "deny")
    time.sleep(0.5)
    assert_shut(vm, dev)
    plugged.unplug()


# ------------------------------------------------------------ grants

def mounts(vm):
    return [line.split() for line in vm.out("cat /proc/mounts").splitlines() if " /run/media/" in line]


def test_grant_opens_the_waiting_stick_read_only_and_its_end_closes_it(vm):
    issuer = ISSUER[0]
    dev = stick(vm, "GRANT1")
    plugged = vm.plug_redir(dev)
    device = wait_device(vm, "GRANT1", "deny")
    assert dev.reads == 0
    issuer.give(device, "ro", 3600, "clerk")
    mount = vm.wait(lambda: mounts(vm), "the mount", 30)[0]
    assert mount[1].startswith("/run/media/clerk/"), mount
    for option in ("ro", "nodev", "nosuid", "noexec"):
        assert option in mount[3].split(","), mount
    assert vm.out("cat %s/a.txt" % mount[1], user="clerk") == "hello"
    assert not vm.ok("cat %s/a.txt" % mount[1], user="clerk2")
    assert not vm.ok("touch %s/b" % mount[1], user="clerk")
    node = os.path.basename(mount[0])
    assert vm.out("cat /sys/class/block/%s/ro" % node) == "1"
    assert vm.out("stat -c %%a:%%U /dev/%s" % node) == "600:root"
    assert vm.out("stat -c %a:%U /dev/sg*").split() and set(vm.out("stat -c %a:%U /dev/sg*").split()) == {"600:root"}
    assert not vm.ok("dd if=/dev/zero of=/dev/%s bs=512 count=1 conv=notrunc" % node), "root could write"
    assert dev.writes == 0
    assert "UDISKS_IGNORE=1" in vm.out("udevadm info /dev/%s" % node)
    shown = gate.find(vm, "GRANT1")["media"]
    assert any(m["mounts"] == [mount[1]] and m["read_only"] for m in shown), shown
    issuer.withdraw()
    vm.wait(lambda: not mounts(vm), "the end of the mount", 20)
    vm.wait(lambda: disks(vm) == [], "the end of the block device", 20)
    device = wait_device(vm, "GRANT1", "deny")
    assert vm.read(sysfs_of(vm, device) + "/authorized").strip() == b"0"
    kinds = [e["kind"] for e in gate.events(vm) if e.get("serial") == "GRANT1"]
    for kind in ("device.decided", "grant.admitted", "medium.mounted", "medium.unmounted", "grant.ended"):
        assert kind in kinds, kinds
    assert kinds.index("device.decided") < kinds.index("grant.admitted") < kinds.index("medium.mounted")
    assert "enforcement.failed" not in kinds, kinds
    plugged.unplug()


def test_grant_runs_out_while_mounted_and_in_use(vm):
    issuer = ISSUER[0]
    dev = stick(vm, "EXPIRE1")
    plugged = vm.plug_redir(dev)
    issuer.give(wait_device(vm, "EXPIRE1"), "ro", 25, "clerk")
    mount = vm.wait(lambda: mounts(vm), "the mount", 30)[0]
    vm.spawn("sleep 1000 <%s/a.txt" % mount[1], "holder", user="clerk")
    vm.wait(lambda: not mounts(vm), "the end of the mount", 60)
    vm.wait(lambda: disks(vm) == [], "the end of the block device", 20)
    found = gate.events(vm)
    assert [e for e in found if e["kind"] == "grant.warned" and e["serial"] == "EXPIRE1"], "not warned"
    unmounted = [e for e in found if e["kind"] == "medium.unmounted" and e["serial"] == "EXPIRE1"][-1]
    assert unmounted["cause"] == "grant-expired" and unmounted["clean"] is False, unmounted
    assert "sleep" in [b["program"] for b in unmounted["busy"]], unmounted
    vm.run("systemctl stop holder", check=False)
    plugged.unplug()


def test_grant_for_writing(vm):
    issuer = ISSUER[0]
    vm.run("sed 's/^grade_c = ro/grade_c = rw/; s/^write = encrypted/write = plain/' -i /etc/sekimori/policy.ini && systemctl reload sekimorid")
    dev = stick(vm, "WRITE1")
    plugged = vm.plug_redir(dev)
    issuer.give(wait_device(vm, "WRITE1"), "rw", 3600)
    mount = vm.wait(lambda: mounts(vm), "the mount", 30)[0]
    assert "rw" in mount[3].split(","), mount
    vm.run("echo written >%s/b.txt" % mount[1], user="clerk")
    issuer.withdraw()
    vm.wait(lambda: disks(vm) == [], "the end of the block device", 20)
    assert dev.writes > 0
    with open(dev.image, "rb") as file:
        assert b"written" in file.read(), "not written back before it was closed"
    vm.run("sed 's/^grade_c = rw/grade_c = ro/; s/^write = plain/write = encrypted/' -i /etc/sekimori/policy.ini && systemctl reload sekimorid")
    plugged.unplug()


def test_pulled_out_while_mounted(vm):
    issuer = ISSUER[0]
    dev = stick(vm, "PULLED1")
    plugged = vm.plug_redir(dev)
    issuer.give(wait_device(vm, "PULLED1"), "ro", 3600)
    vm.wait(lambda: mounts(vm), "the mount", 30)
    plugged.unplug()
    vm.wait(lambda: not mounts(vm), "the end of the mount", 20)
    vm.wait_until("test -z \"$(ls /run/media/clerk 2>/dev/null)\"", 10)
    plugged = vm.plug_redir(stick(vm, "PULLED1"))
    vm.wait(lambda: mounts(vm), "the mount again", 30)
    issuer.withdraw()
    vm.wait(lambda: disks(vm) == [], "the end of the block device", 20)
    plugged.unplug()


def chvt(vm, number):
    vm.run(["python3", "-c", "import fcntl; fcntl.ioctl(open('/dev/tty0', 'wb', 0), 0x5606, %d)" % number])


def test_person_changes(vm):
    """A grant for the clerk is shut when another person takes the seat, and opens again when the clerk is back."""
    issuer = ISSUER[0]
    dev = stick(vm, "PERSON1")
    plugged = vm.plug_redir(dev)
    issuer.give(wait_device(vm, "PERSON1"), "ro", 3600, "clerk")
    vm.wait(lambda: mounts(vm), "the mount", 30)
    chvt(vm, 3)  # a bare console is nobody new
    time.sleep(1)
    assert mounts(vm), "closed by a look at another console"
    vm.run("systemd-run -q --unit=second --uid=clerk2 -p PAMName=login -p TTYPath=/dev/tty4 -p StandardInput=tty "
           "-p UtmpIdentifier=tty4 -p UtmpMode=user -E XDG_SESSION_TYPE=tty -E XDG_VTNR=4 -E XDG_SEAT=seat0 sleep 1000")
    chvt(vm, 4)
    vm.wait_until("loginctl show-seat seat0 -p ActiveSession --value | xargs loginctl show-session -p Name --value | grep -qx clerk2", 20)
    vm.wait(lambda: not mounts(vm) and disks(vm) == [], "the end for the other person", 20)
    assert wait_device(vm, "PERSON1", "deny")["reason"] == "grant-other-person"
    vm.run("systemctl stop second")
    chvt(vm, 1)
    vm.wait(lambda: mounts(vm), "the mount for the clerk again", 30)
    issuer.withdraw()
    vm.wait(lambda: disks(vm) == [], "the end of the block device", 20)
    plugged.unplug()


def granted(vm, serial, image=None, access="ro", **options):
    dev = StorageDevice(image, serial=serial, **options) if image else stick(vm, serial, **options)
    plugged = vm.plug_redir(dev)
    ISSUER[0].give(wait_device(vm, serial), access, 3600)
    return dev, plugged


def test_partitions_ext4_and_nothing(vm):
    path = vm.path("usb", "ext4.img")
    subprocess.run(["truncate", "-s", "16M", path], check=True)
    subprocess.run(["/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-L", "EXT", "-e", "panic", path], check=True)
    dev, plugged = granted(vm, "EXT1", path)
    mount = vm.wait(lambda: mounts(vm), "the ext4 mount", 30)[0]
    assert mount[2] == "ext4" and "ro" in mount[3].split(",") and "errors=panic" not in mount[3], mount
    assert dev.writes == 0, "a journal was replayed"
    plugged.unplug()
    vm.wait(lambda: not mounts(vm), "its end", 20)

    whole = vm.path("usb", "parts.img")
    inner = usbredir.fat.make(vm.path("usb", "inner.img"), {"p.txt": b"in a partition"}, size=8 << 20, label="PART")
    with open(inner, "rb") as file:
        data = file.read()
    table = bytearray(512)
    table[446:462] = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0x0c, b"\xfe\xff\xff", 2048, len(data) // 512)
    table[510:512] = b"\x55\xaa"
    with open(whole, "wb") as file:
        file.write(bytes(table) + bytes(2047 * 512) + data)
    dev, plugged = granted(vm, "PARTS1", whole)
    mount = vm.wait(lambda: mounts(vm), "the partition's mount", 30)[0]
    assert mount[0].endswith("1") and vm.out("cat %s/p.txt" % mount[1], user="clerk") == "in a partition"
    assert vm.out("cat /sys/class/block/%s/ro" % os.path.basename(mount[0])) == "1"
    plugged.unplug()
    vm.wait(lambda: not mounts(vm), "its end", 20)

    blank = vm.path("usb", "blank.img")
    subprocess.run(["truncate", "-s", "16M", blank], check=True)
    dev, plugged = granted(vm, "BLANK1", blank)
    failed = vm.wait(lambda: [e for e in gate.events(vm, "medium.mount-failed") if e["serial"] == "BLANK1"], "why not", 30)
    assert "no file system" in failed[0]["why"], failed
    plugged.unplug()
    ISSUER[0].withdraw()


def iso_image(path, name, data):
    """The smallest ISO 9660 disc: one file in the root."""
    def both(n, size):
        return n.to_bytes(size, "little") + n.to_bytes(size, "big")

    def record(ident, sector, size, flags):
        body = bytes([0]) + both(sector, 4) + both(size, 4) + bytes([126, 4, 1, 0, 0, 0, 0, flags, 0, 0]) + both(1, 2) + \
            bytes([len(ident)]) + ident
        body += b"\0" * ((len(body) + 1) % 2)
        return bytes([len(body) + 1]) + body
    root = record(b"\0", 20, 2048, 2)
    table = bytes([1, 0]) + (20).to_bytes(4, "little") + b"\1\0\0\0"
    volume = b"\1CD001\1\0" + b" " * 32 + b"DISC".ljust(32) + bytes(8) + both(64, 4) + bytes(32) + both(1, 2) + both(1, 2) + \
        both(2048, 2) + both(len(table), 4) + (18).to_bytes(4, "little") + bytes(4) + (19).to_bytes(4, "big") + bytes(4) + root + \
        b" " * (128 * 4) + b" " * 37 * 3 + b"2026040100000000\0" * 4 + b"\1\0"
    sectors = {16: volume, 17: b"\xffCD001\1", 18: table, 19: bytes([1, 0]) + (20).to_bytes(4, "big") + b"\0\1\0\0",
               20: root + record(b"\1", 20, 2048, 2) + record(name, 21, len(data), 0), 21: data}
    with open(path, "wb") as out:
        for number in range(64):
            out.write(sectors.get(number, b"").ljust(2048, b"\0"))
    return path


def test_optical_disc(vm):
    plugged = vm.plug_cdrom(image=iso_image(vm.path("usb", "disc.iso"), b"CD.TXT;1", b"disc"))
    device = vm.wait(lambda: [d for d in gate.devices(vm).values() if d["kinds"] == ["storage"]], "the drive", 20)[0]
    assert disks(vm) == []
    ISSUER[0].give(device, "ro", 3600)
    mount = vm.wait(lambda: mounts(vm), "the disc's mount", 30)[0]
    assert mount[0] == "/dev/sr0" and mount[2] == "iso9660"
    assert vm.out("cat %s/cd.txt" % mount[1], user="clerk") == "disc"
    assert vm.out("stat -c %a:%U /dev/sr0") == "600:root" and not vm.ok("head -c1 /dev/sr0", user="clerk")
    ISSUER[0].withdraw()
    vm.wait(lambda: disks(vm) == [], "its end", 20)
    plugged.unplug()


def test_what_lies_on_a_medium_goes_with_it(vm):
    """A container on a permitted medium: told to be encrypted, gets the medium's verdict when unlocked, is unmounted with it."""
    vm.run("sed 's/^grade_c = ro/grade_c = rw/; s/^write = encrypted/write = plain/' -i /etc/sekimori/policy.ini && systemctl reload sekimorid")
    blank = vm.path("usb", "luks.img")
    subprocess.run(["truncate", "-s", "40M", blank], check=True)
    dev, plugged = granted(vm, "LUKS1", blank, "rw")
    vm.wait(lambda: [e for e in gate.events(vm, "medium.mount-failed") if e["serial"] == "LUKS1"], "nothing on it", 30)
    node = "/dev/" + disks(vm)[0]
    vm.run("blockdev --setrw " + node)  # nothing on it that could be watched: read-only, until root lifts that
    vm.run("printf pw | cryptsetup luksFormat -q --pbkdf pbkdf2 --iter-time 10 %s - && printf pw | cryptsetup open -d - %s box && "
           "mkfs.vfat /dev/mapper/box && mount /dev/mapper/box /mnt" % (node, node), timeout=120)
    vm.run("udevadm settle")
    assert "SEKIMORI_VERDICT=rw" in vm.out("udevadm info /dev/dm-0")
    ISSUER[0].withdraw()
    vm.wait(lambda: not vm.ok("grep -q ' /mnt ' /proc/mounts") and disks(vm) == [], "its end", 40)
    vm.run("dmsetup remove -f box; sed 's/^grade_c = rw/grade_c = ro/; s/^write = plain/write = encrypted/' -i /etc/sekimori/policy.ini && systemctl reload sekimorid", check=False)
    plugged.unplug()


# ------------------------------------------------------------ lost events

@timeout(300)
def test_lost_events_lead_to_a_scan(vm):
    vm.run("systemctl kill -s STOP sekimorid")
    try:
        vm.run("n=0; while [ $n -lt 160 ]; do n=$((n+1)); for f in /sys/class/tty/tty*/uevent /sys/devices/system/cpu/cpu*/uevent "
               "/sys/class/*/*/uevent; do echo change >$f; done; grep -q . /dev/null; done 2>/dev/null; true", timeout=200)
        keyboard, dev = Keyboard(), stick(vm, "LOST1")
        plugged, other = vm.plug_redir(keyboard), vm.plug_redir(dev)
        vm.wait_until("grep -q LOST1 /sys/bus/usb/devices/*/serial", 30)
    finally:
        vm.run("systemctl kill -s CONT sekimorid")
    wait_device(vm, "LOST1", "deny")
    # Its driver is loaded by udev, which still has the flood before it; let in it is at once.
    keys = vm.wait(lambda: [d for d in gate.devices(vm).values() if d["product"] == "Test Keyboard" and d["verdict"] == "allow"], "it", 20)
    assert vm.read(sysfs_of(vm, keys[0]) + "/authorized").strip() == b"1"
    assert_shut(vm, dev)
    if not gate.events(vm, "uevents.lost"):
        raise Skip("the socket's buffer held them all")
    other.unplug()
    plugged.unplug()


# ------------------------------------------------------------ the daemon dies

def kill_daemon(vm):
    vm.run("systemctl kill -s KILL sekimorid")


def test_killed_daemon_leaves_storage_shut_and_keyboards_on(vm):
    keyboard = Keyboard()
    plugged = vm.plug_redir(keyboard)
    vm.wait_until("grep -q 'Test Keyboard' /proc/bus/input/devices", 20)
    # Held down, not restarted: the state in between.
    vm.run("systemctl stop sekimorid")
    dev = stick(vm, "DEAD1")
    other = vm.plug_redir(dev)
    vm.wait_until("grep -q DEAD1 /sys/bus/usb/devices/*/serial", 20)
    time.sleep(1)
    assert_shut(vm, dev)
    vm.run("rm -f /home/clerk/typed")
    keyboard.type("echo ok >typed\n")
    vm.wait_until("test -s /home/clerk/typed", 20)
    handle = vm.out("grep -A5 'Test Keyboard' /proc/bus/input/devices | grep Sysfs")
    vm.run("systemctl start sekimorid")
    wait_device(vm, "DEAD1", "deny")
    assert_shut(vm, dev)
    keyboard.type("echo more >>typed\n")
    vm.wait_until("grep -q more /home/clerk/typed", 20)
    assert vm.out("grep -A5 'Test Keyboard' /proc/bus/input/devices | grep Sysfs") == handle, "the keyboard flickered"
    other.unplug()
    plugged.unplug()


@timeout(300)
def test_killed_at_every_step(vm):
    """kill -9 at moments spread over the way from plug to mount: after each restart storage without a grant is shut."""
    vm.run("mkdir -p /run/systemd/system/sekimorid.service.d; "
           "printf '[Unit]\\nStartLimitIntervalSec=0\\n' >/run/systemd/system/sekimorid.service.d/test.conf; systemctl daemon-reload")
    for number, delay in enumerate((0, 5, 10, 20, 30, 45, 60, 90, 130, 200)):
        serial = "KILL%d" % number
        dev = stick(vm, serial)
        vm.spawn("n=0; while ! grep -qs %s /sys/bus/usb/devices/*/serial && [ $n -lt 2000 ]; do n=$((n+1)); done; "
                 "sleep %.3f; systemctl kill -s KILL sekimorid" % (serial, delay / 1000), "killer%d" % number)
        plugged = vm.plug_redir(dev)
        wait_device(vm, serial, "deny")
        assert_shut(vm, dev)
        plugged.unplug()
        vm.run("systemctl stop killer%d" % number, check=False)
    vm.run("rm -r /run/systemd/system/sekimorid.service.d; systemctl daemon-reload")
    assert call_ok(vm)


def call_ok(vm):
    return vm.wait(lambda: gate.call(vm, "verify").get("ok") or None, "the journal to verify", 20)


def test_killed_while_mounted_goes_on_as_it_was(vm):
    issuer = ISSUER[0]
    dev = stick(vm, "KEEP1")
    plugged = vm.plug_redir(dev)
    issuer.give(wait_device(vm, "KEEP1"), "ro", 3600)
    mount = vm.wait(lambda: mounts(vm), "the mount", 30)[0]
    kill_daemon(vm)
    vm.wait_until("systemctl is-active sekimorid", 30)
    wait_device(vm, "KEEP1", "allow")
    assert [m[1] for m in mounts(vm)] == [mount[1]]
    issuer.withdraw()
    vm.wait(lambda: not mounts(vm) and disks(vm) == [], "its end", 30)
    plugged.unplug()


def test_without_the_daemon_the_verdict_is_deny(vm):
    vm.run("systemctl stop sekimorid")
    assert vm.out("/usr/lib/sekimori/sekimori-verdict /devices/pci0000:00/0000:00:09.0/usb1/1-1/1-1:1.0/host0/block/sdz") == "deny"
    assert vm.out("/usr/lib/sekimori/sekimori-verdict /devices/pci0000:00/0000:00:02.0/virtio0/block/vda") == "internal"
    vm.run("systemctl start sekimorid")


@timeout(240)
def test_failsafe_admits_keyboards_and_nothing_else(vm):
    vm.run("systemctl stop sekimorid; mkdir -p /run/sekimori; : >/run/sekimori/failsafe")
    keyboard, dev = Keyboard(), stick(vm, "SAFE1")
    plugged, other = vm.plug_redir(keyboard), vm.plug_redir(dev)
    vm.wait_until("grep -q 'Test Keyboard' /proc/bus/input/devices", 20)
    vm.wait_until("grep -q SAFE1 /sys/bus/usb/devices/*/serial", 20)
    time.sleep(1)
    assert_shut(vm, dev)
    vm.run("rm -f /run/sekimori/failsafe; systemctl start sekimorid")
    wait_device(vm, "SAFE1", "deny")
    assert_shut(vm, dev)
    other.unplug()
    plugged.unplug()


# ------------------------------------------------------------ devices at boot

def boot_with(vm, before, **changes):
    """Boots with things in the ports; what the firmware itself read of them is not counted: returns the count at the kernel's start."""
    held = {}

    def plug(machine):
        held.update(before(machine))
    vm.poweroff()
    for name, value in dict(changes, append="loglevel=7").items():
        setattr(vm, name, value)
    size = os.path.getsize(vm.serial_log)
    vm.start(before=plug, wait="none")

    def kernel_began():
        with open(vm.serial_log, "rb") as log:
            log.seek(size)
            return b"Linux version" in log.read()
    vm.wait(kernel_began, "the kernel's first line", 120)
    held["firmware"] = held["stick"].reads
    vm.wait_agent()
    vm.wait_system()
    vm.wait_until("systemctl is-active sekimorid", 60)
    return held


def plug_at_boot(machine):
    return {"stick": machine.plug_storage(files={"a.txt": b"x"}, serial="BOOT1"), "keyboard": machine.plug_keyboard()}


def keyboards(vm):
    return [d for d in gate.devices(vm).values() if d["kinds"] == ["input"] and d["verdict"] == "allow"]


@timeout(400)
def test_devices_present_at_boot(vm):
    held = boot_with(vm, plug_at_boot)
    wait_device(vm, "BOOT1", "deny")
    vm.wait(lambda: keyboards(vm), "the keyboard", 20)
    assert disks(vm) == []
    assert held["stick"].reads == held["firmware"]
    assert vm.out("cat /sys/module/usbcore/parameters/authorized_default") == "0"
    vm.wait_until("grep -qi keyboard /proc/bus/input/devices", 20)


def dmesg_time(vm, text):
    line = vm.out("dmesg | grep -m1 '%s'" % text)
    return float(line.split("]")[0].strip("[ "))


@timeout(900)
def test_own_initramfs_lets_the_keyboard_in_and_never_reads_the_stick(vm):
    vm.make_initramfs()
    held = boot_with(vm, plug_at_boot, initrd="guest")
    root = dmesg_time(vm, "EXT4-fs (vda): mounted")
    assert dmesg_time(vm, "input: .*Keyboard") < root, "no keyboard for a passphrase"
    wait_device(vm, "BOOT1", "deny")
    vm.wait(lambda: keyboards(vm), "the keyboard", 20)
    assert held["stick"].reads == held["firmware"]
    assert disks(vm) == []
    assert not vm.ok("dmesg | grep -q 'USB Mass Storage device detected'")


@timeout(600)
def test_system_disk_on_usb_is_learned_and_let_in(vm):
    """As if /srv lay on a USB disk: learned from the mount, then admitted at boot already in the initramfs."""
    with_stick = vm.plug_storage(files={"a.txt": b"x"}, serial="SYSTEM1", port="3")
    device = vm.wait(lambda: [d for d in gate.devices(vm).values() if d["kinds"] == ["storage"]], "the disk", 20)[0]
    ISSUER[0].enrol(vm)
    ISSUER[0].give(device, "ro", 600)
    node = vm.wait(lambda: mounts(vm), "the mount", 30)[0][0]
    vm.run("mount -o ro %s /srv" % node)
    vm.run("/usr/lib/sekimori/sekimori-early --learn-internal >/etc/sekimori/internal.conf; umount /srv")
    learned = vm.out("grep -v '^#' /etc/sekimori/internal.conf")
    assert learned.split()[0] == "usb" and learned.endswith("SYSTEM1"), learned
    ISSUER[0].withdraw()
    with_stick.unplug()
    vm.make_initramfs()
    held = boot_with(vm, lambda machine: {"stick": machine.plug_storage(files={"a.txt": b"x"}, serial="SYSTEM1", port="3")},
                     initrd="guest")
    assert dmesg_time(vm, "USB Mass Storage device detected") < dmesg_time(vm, "EXT4-fs (vda): mounted")
    device = wait_device(vm, "SYSTEM1", "allow")
    assert device.get("internal") is True, device
    assert vm.out("cat /sys/class/block/%s/ro" % disks(vm)[0]) == "0"
    held["stick"].unplug()
