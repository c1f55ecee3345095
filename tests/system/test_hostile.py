"""Devices that mean harm: too many, too large, lying, changing and gone in the middle. Storage stays shut, keys go on, the agent lives and does not grow."""

import re
import threading
import time

import gate_tools as gate
from vm import usbredir
from vm.testing import timeout
from vm.usbredir import Device, Keyboard, RawDevice, Storage, StorageDevice

TIMEOUT = 240
ISSUER = []
START = {}


def setup_module(vm):
    vm.wait_until("systemctl is-active sekimorid", 60)
    if ISSUER:
        ISSUER[0].enrol(vm)
    else:
        ISSUER.append(gate.Issuer(vm))
    ISSUER[0].withdraw()
    START["pid"] = main_pid(vm)


def teardown_module(vm):
    ISSUER.pop().close()


def main_pid(vm):
    return vm.out("systemctl show -p MainPID --value sekimorid")


def rss(vm):
    """KiB that are the daemon's own: pages of its program are mapped as they are used, and are the page cache's."""
    return int(vm.out("awk '/^RssAnon/ {print $2}' /proc/%s/status" % START["pid"]))


def disks(vm):
    return [name for name in vm.out("ls /sys/class/block").split() if name.startswith(("sd", "sr"))]


def unharmed(vm):
    assert main_pid(vm) == START["pid"], "the daemon died"
    vm.wait(lambda: disks(vm) == [], "no disk", 20)
    assert not vm.ok("grep -q ' /run/media/' /proc/mounts")


def of(vm, serial, verdict=None):
    def probe():
        device = gate.find(vm, serial)
        return device if device and verdict in (None, device["verdict"]) else None
    return vm.wait(probe, "%s %s" % (serial, verdict or ""), 30)


def typed(vm, keyboard, word, product="Test Keyboard"):
    vm.wait_until("grep -q '%s' /proc/bus/input/devices" % product, 30)
    vm.run("rm -f /home/clerk/typed")
    keyboard.type("echo %s >typed\n" % word)
    vm.wait_until("grep -q %s /home/clerk/typed" % word, 30)


# ------------------------------------------------------------ strings

EVIL = "\x1b]0;owned\x07\x1b[2J\x1b[31mA\r\nB\x00\x08\x7f\u009b31m\u202egpj.exe\u2066\u2028\ufeff<b>&amp;%s%n'\";$(reboot)\ud800"
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffd]")


def test_no_string_reaches_a_terminal_as_it_is(vm):
    """Control characters, escape sequences and direction marks in every string a device has; long ones, and bytes that are no text."""
    usbredir.fat.make(vm.path("usb", "evil.img"), {}, size=16 << 20, label="E")
    body = usbredir.interface_descriptor(0, 8, 6, 0x50, 2, string=5) + usbredir.endpoint_descriptor(0x81, 2, 512) + \
        usbredir.endpoint_descriptor(0x02, 2, 512)
    one = Device([Storage(vm.path("usb", "evil.img"))], manufacturer=EVIL, product="EVIL" + EVIL, serial=EVIL + "S",
                 configurations=[usbredir.configuration_descriptor(body, 1, string=4)], strings={4: EVIL, 5: EVIL})
    two = Device([Storage(vm.path("usb", "evil.img"))], manufacturer=b"\xff\x03" + b"\x1b\x00" * 126, product="E" * 126,
                 serial=b"\x09\x03\x1b\x00\xff\xd8\x00", pid=0x1667)
    plugged = [vm.plug_redir(dev) for dev in (one, two)]
    found = vm.wait(lambda: [d for d in gate.devices(vm).values() if d["vendor_id"] == "0951"] if len(gate.devices(vm)) > 1 else None,
                    "both", 30)
    assert {d["verdict"] for d in found} == {"deny"}, found
    commands = ["sekimori devices", "sekimori --json devices", "sekimori events", "sekimori --json events", "sekimori status",
                "journalctl -a -o cat -u sekimorid", "sekimori watch --once || true", "sekimori policy propose || true"]
    commands += ["sekimori explain " + d["device"] for d in found] + ["sekimori request media --device %s --purpose test || true" % d["device"] for d in found]
    for command in commands:
        text = vm.run(command, check=False)[1]
        bad = FORBIDDEN.search(text)
        assert not bad, (command, text[max(0, bad.start() - 80):bad.end() + 20])
    shown = vm.out("sekimori devices")
    assert "\\x1b" in shown or "\\u001b" in shown, shown
    assert not FORBIDDEN.search(vm.screen()), "on the console of the person at the terminal"
    assert one.reads == two.reads == 0
    for handle in plugged:
        handle.unplug()
    unharmed(vm)


# ------------------------------------------------------------ size and shape

def test_thirty_two_interfaces(vm):
    """A keyboard, thirty sticks and something unknown in one device: the keyboard types, nothing stores."""
    keys, storage = usbredir.KeyboardFunction(in_ep=1), None
    usbredir.fat.make(vm.path("usb", "many.img"), {}, size=16 << 20, label="M")
    storage = Storage(vm.path("usb", "many.img"), in_ep=2, out_ep=2)
    first, _ = keys.descriptors(0, True)
    body = first + storage.descriptors(1, True)[0]
    body += b"".join(usbredir.interface_descriptor(number, 8, 6, 0x50, 0) for number in range(2, 31))
    body += usbredir.interface_descriptor(31, 0xFF, 0, 0, 0)
    device = usbredir.device_descriptor(vid=0x1209, pid=0x0032, manufacturer=0, product=1, serial=2)
    dev = RawDevice(device, [usbredir.configuration_descriptor(body, 32)], strings={1: "Thirty-two", 2: "MANY32"}, functions=[keys, storage])
    plugged = vm.plug_redir(dev)
    shown = of(vm, "MANY32", "allow")
    verdicts = [(i["kind"], i["verdict"]) for i in shown["interfaces"]]
    assert len(verdicts) == 32 and [k for k, v in verdicts if v == "allow"] == ["input"], verdicts
    typed(vm, keys, "many", "Thirty-two")
    vm.run("modprobe usb-storage; modprobe uas; udevadm settle")
    assert storage.reads == 0 and disks(vm) == []
    vm.run("modprobe -r uas usb-storage")
    plugged.unplug()
    unharmed(vm)


# ------------------------------------------------------------ changing

RESET = """
import fcntl, os, sys
n = [int(open('/sys/bus/usb/devices/%s/%s' % (sys.argv[1], f)).read()) for f in ('busnum', 'devnum')]
fcntl.ioctl(os.open('/dev/bus/usb/%03d/%03d' % tuple(n), os.O_WRONLY), 0x5514, 0)
"""

def test_another_between_decision_and_authorisation(vm):
    """The descriptors change after they were judged: on a reset in the middle of its use, and by leaving the bus and coming back."""
    dev = StorageDevice(path=vm.path("usb", "chameleon.img"), files={"a.txt": b"x"}, serial="CHANGE1")
    plugged = vm.plug_redir(dev)
    device = of(vm, "CHANGE1", "deny")
    dev.device = dev.device[:10] + b"\x99\x99" + dev.device[12:]
    # What the kernel read once it goes on by, also while it authorises; it asks again when it resets the port.
    ISSUER[0].give(device, "ro", 3600, "clerk")
    vm.wait_until("grep -q ' /run/media/' /proc/mounts", 40)
    vm.run(["python3", "-c", RESET, device["device"]], check=False)   # ends with ENODEV: it is another device now
    vm.wait(lambda: [d for d in gate.devices(vm).values() if (d["product_id"], d["verdict"]) == ("9999", "deny")], "the other one", 30)
    vm.wait(lambda: disks(vm) == [], "no disk", 20)
    reads = dev.reads
    vm.run("udevadm settle; modprobe usb-storage")
    assert dev.reads == reads and not vm.ok("grep -q ' /run/media/' /proc/mounts")
    plugged.unplug()
    ISSUER[0].withdraw()
    # Permitted, and exchanged at moments spread over the way from plug to driver: the other one is never read.
    good = StorageDevice(path=vm.path("usb", "good.img"), files={"a.txt": b"x"}, serial="GOOD1")
    evil = StorageDevice(path=vm.path("usb", "evil2.img"), files={"a.txt": b"x"}, serial="EVIL1")
    plugged = vm.plug_redir(good)
    ISSUER[0].give(of(vm, "GOOD1", "deny"), "ro", 3600, "clerk")
    vm.wait_until("grep -q ' /run/media/' /proc/mounts", 40)
    for delay in (0.0, 0.05, 0.15, 0.3, 0.6):
        good.reconnect(evil)
        of(vm, "EVIL1", "deny")
        evil.reconnect(good)
        time.sleep(delay)
        good.reconnect(evil)
        of(vm, "EVIL1", "deny")
        assert evil.reads == 0, (delay, evil.commands)
        evil.reconnect(good)
    # While the daemon stands still everything happens at once.
    vm.run("systemctl kill -s STOP sekimorid")
    good.reconnect(evil)
    evil.reconnect(good)
    good.reconnect(evil)
    vm.run("systemctl kill -s CONT sekimorid")
    of(vm, "EVIL1", "deny")
    assert evil.reads == 0, evil.commands
    plugged.unplug()
    ISSUER[0].withdraw()
    unharmed(vm)


def test_mode_switches(vm):
    """A stick that becomes a keyboard types, and as a keyboard that becomes a stick it is not read."""
    stick = StorageDevice(path=vm.path("usb", "switch.img"), files={"a.txt": b"x"}, serial="SWITCH2")
    keyboard = Keyboard(serial="SWITCH2")
    plugged = vm.plug_redir(stick)
    of(vm, "SWITCH2", "deny")
    for word in ("one", "two"):
        stick.reconnect(keyboard)
        of(vm, "SWITCH2", "allow")
        typed(vm, keyboard, word)
        keyboard.reconnect(stick)
        of(vm, "SWITCH2", "deny")
    assert stick.reads == 0, stick.commands
    plugged.unplug()
    unharmed(vm)


# ------------------------------------------------------------ gone in the middle

class Slow(Storage):
    """Answers each READ after a while, and none from `hold` on until it is gone."""

    def __init__(self, image, **options):
        super().__init__(image, **options)
        self.delay, self.hold, self.stop_at, self.reached = 0.0, threading.Event(), None, threading.Event()

    def wait(self, what):
        if self.stop_at == what:
            self.hold.set()
        if self.hold.is_set():
            self.reached.set()
            for _ in range(300):
                if self.owner._wire is None or self.owner._wire._stop:
                    return
                time.sleep(0.1)

    def _command(self, tag, length, d2h, cdb):
        if cdb[0] in (0x08, 0x28, 0x88):
            time.sleep(self.delay)
        self.wait({0x12: "inquiry", 0x25: "capacity", 0x28: "read"}.get(cdb[0]))
        super()._command(tag, length, d2h, cdb)


class SlowDevice(Device):
    def __init__(self, path, **options):
        self.slow = Slow(usbredir.fat.make(path, {"f%02d.bin" % i: bytes([i]) * 200000 for i in range(12)}, size=16 << 20, label="SLOW"))
        self.slow.owner = self
        super().__init__([self.slow], **options)

    def control(self, request_type, request, value, index, length, data):
        if (request_type, request, value >> 8) == (0x80, 6, 3) and value & 0xFF == 3:
            self.slow.wait("strings")
        return super().control(request_type, request, value, index, length, data)

    def note(self, text):
        super().note(text)
        if text.startswith("configuration"):
            self.slow.wait("configuration")


def policy(vm, scan):
    text = vm.read("/etc/sekimori/policy.ini").decode().split("[scan]")[0]
    vm.write("/etc/sekimori/policy.ini", (text + ("[scan]\nbefore_use = yes\ntime_limit = 60s\n" if scan else "")).encode())
    assert gate.call(vm, "policy.reload")["ok"]


@timeout(400)
def test_gone_in_the_middle_of_each_step(vm):
    """Pulled out while it is asked for its name, configured, given its driver, looked at, scanned, mounted; a keyboard goes on all the time."""
    keyboard = Keyboard(serial="BESIDE")
    beside = vm.plug_redir(keyboard)
    of(vm, "BESIDE", "allow")
    plain = SlowDevice(vm.path("usb", "middle.img"), serial="MIDDLE")
    plugged = vm.plug_redir(plain)
    device = of(vm, "MIDDLE", "deny")
    plugged.unplug()
    vm.wait(lambda: gate.find(vm, "MIDDLE") is None, "its going", 20)
    for step in ("strings", "configuration", "inquiry", "capacity", "read", "look", "scan", "mount"):
        policy(vm, step == "scan")
        dev = SlowDevice(vm.path("usb", "middle-%s.img" % step), serial="MIDDLE")
        if step in ("look", "scan", "mount"):
            dev.slow.delay = 0.05
        else:
            dev.slow.stop_at = step
        if step not in ("strings", "look"):
            ISSUER[0].give(device, "ro", 3600, "clerk")
        plugged = vm.plug_redir(dev)
        if step == "look":
            vm.spawn("sekimori media register %s --ledger M-9" % of(vm, "MIDDLE", "deny")["device"], "register")
        if step in ("look", "scan", "mount"):
            name = {"scan": "sekimori-scan", "look": "sekimori-mount look", "mount": "sekimori-mount mount"}[step]
            vm.run("for i in $(seq 1500); do pgrep -f 'sekimori/%s' >/dev/null && exit 0; sleep 0.02; done; exit 1" % name, timeout=60)
            dev.slow.hold.set()
        else:
            assert dev.slow.reached.wait(60), step
        keyboard.type("echo %s >typed\n" % step)
        plugged.unplug()
        vm.wait_until("grep -q %s /home/clerk/typed" % step, 40)
        vm.wait(lambda: gate.find(vm, "MIDDLE") is None, "its going, " + step, 60)
        vm.wait_until("! pgrep -f 'sekimori-(mount|scan)'", 60)
        unharmed(vm)
        ISSUER[0].withdraw()
    policy(vm, False)
    beside.unplug()


# ------------------------------------------------------------ many

def churn(vm, stick, keyboard, times):
    for _ in range(times):
        stick.reconnect(keyboard)
        keyboard.reconnect(stick)
    of(vm, "CHURN", "deny")
    return rss(vm)


def test_it_does_not_grow(vm):
    stick = StorageDevice(path=vm.path("usb", "churn.img"), files={"a.txt": b"x"}, serial="CHURN")
    keyboard = Keyboard(serial="CHURN")
    plugged = vm.plug_redir(stick)
    first = churn(vm, stick, keyboard, 15)
    second = churn(vm, stick, keyboard, 60)
    print("     own memory after 30 plugs %d KiB, after 150 %d KiB" % (first, second))
    assert second - first < 256, (first, second)
    plugged.unplug()
    unharmed(vm)


def storm(vm, bus, names):
    """What one controller of QEMU takes (64 slots): a chain of five hubs and one of three, all their ports full. Returns the ports' devices;
    names gets all that was added."""
    def add(driver, port, **more):
        names.append("%s-%s" % (bus, port.replace(".", "-")))
        vm.qmp.raw("device_add", dict(more, driver=driver, bus=bus + ".0", port=port, id=names[-1]))
        return driver
    def leaf(port):
        kind = len(made) % 4
        if kind < 2:
            node = "null-%s-%s" % (bus, port.replace(".", "-"))
            vm.qmp.raw("blockdev-add", {"driver": "null-co", "node-name": node, "size": 16 << 20, "read-zeroes": True})
            return add("usb-storage", port, drive=node, serial=node)
        return add("usb-mouse" if kind == 2 else "usb-kbd", port)
    made = []
    for top, depth in (("1", 5), ("2", 3)):
        port = top
        for level in range(depth):
            add("usb-hub", port)
            last = level == depth - 1
            for number in range(1 if last else 2, 9):
                if len(made) < 54:
                    made.append(leaf("%s.%d" % (port, number)))
            port += ".1"
    return made


@timeout(400)
def test_a_hundred_devices_at_once(vm):
    """Two controllers arrive with 54 devices each behind hubs five deep, all at the same moment; a keyboard types through it."""
    keyboard = Keyboard(serial="THROUGH")
    plugged = vm.plug_redir(keyboard)
    of(vm, "THROUGH", "allow")
    before = rss(vm)
    vm.qmp.execute("stop")
    made, names = [], []
    for bus in ("storm1", "storm2"):
        vm.qmp.raw("device_add", {"driver": "qemu-xhci", "id": bus, "p2": 4, "p3": 4})
        made += storm(vm, bus, names)
    vm.qmp.execute("cont")
    began = time.monotonic()
    keyboard.type("echo through >typed\n")
    vm.wait_until("grep -q through /home/clerk/typed", 60)
    typing = time.monotonic() - began
    asked = time.monotonic()
    gate.call(vm, "status")
    asked = time.monotonic() - asked
    sticks, inputs = made.count("usb-storage"), len(made) - made.count("usb-storage")

    def all_there():
        found = list(gate.devices(vm).values())
        count = (sum(d["kinds"] == ["storage"] and d["verdict"] == "deny" for d in found),
                 sum(d["kinds"] == ["input"] and d["verdict"] == "allow" for d in found),
                 sum(d["kinds"] == ["hub"] and d["verdict"] == "allow" for d in found))
        return count if count == (sticks, inputs + 1, 16) else None
    vm.wait(all_there, "%d sticks refused, %d inputs and 16 hubs admitted" % (sticks, inputs + 1), 200)
    print("     %d devices and 16 hubs decided in %.0f s; keys came through after %.1f s, an answer after %.1f s"
          % (len(made), time.monotonic() - began, typing, asked))
    assert disks(vm) == []
    stats = [s["stats"]["rd_operations"] for s in vm.qmp.execute("query-blockstats", **{"query-nodes": True}) if s.get("node-name", "").startswith("null-storm")]
    assert len(stats) == sticks and not any(stats), stats
    keyboard.type("echo after >typed\n")
    vm.wait_until("grep -q after /home/clerk/typed", 60)
    for name in reversed(names):
        vm.qmp.execute("device_del", id=name)
    vm.wait(lambda: len(gate.devices(vm)) == 1, "their going", 120)
    after = rss(vm)
    print("     own memory %d KiB before, %d KiB after" % (before, after))
    assert after - before < 2048, (before, after)
    keyboard.type("echo end >typed\n")
    vm.wait_until("grep -q end /home/clerk/typed", 30)
    plugged.unplug()
    unharmed(vm)
