"""What is on a medium: scanned before anybody may use it, by the clamd of the virtual PC with EICAR as its one signature."""

import gate_tools as gate
from vm.usbredir import StorageDevice

TIMEOUT = 240

ISSUER = []
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}" + b"$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


def setup_module(vm):
    vm.wait_until("systemctl is-active sekimorid", 60)
    if ISSUER:
        ISSUER[0].enrol(vm)
    else:
        ISSUER.append(gate.Issuer(vm))
    ISSUER[0].withdraw()
    vm.wait_until("printf 'zPING\\0' | nc -U -N /run/clamav/clamd.ctl | grep -q PONG || clamdscan --ping 1", 60)


def teardown_module(vm):
    ISSUER.pop().close()


def policy(vm, extra=""):
    text = vm.read("/etc/sekimori/policy.ini").decode().split("[scan]")[0]
    text = text.replace("grade_c = ro", "grade_c = rw").replace("write = encrypted", "write = plain")
    vm.write("/etc/sekimori/policy.ini", (text + extra).encode())
    answer = gate.call(vm, "policy.reload")
    assert answer["ok"], answer


SCAN = "[scan]\nbefore_use = yes\ntime_limit = %s\n"


def plug(vm, serial, files, access="ro", **options):
    dev = StorageDevice(path=vm.path("usb", serial + ".img"), files=files, serial=serial, **options)
    plugged = vm.plug_redir(dev)
    device = vm.wait(lambda: gate.find(vm, serial), "the stick " + serial, 20)
    ISSUER[0].give(device, access)
    return dev, plugged


def told(vm, serial, kind, timeout=60):
    def probe():
        found = [e for e in gate.events(vm, kind) if e.get("serial") == serial]
        return found[-1] if found else None
    return vm.wait(probe, "%s of %s" % (kind, serial), timeout)


def nothing_mounted(vm):
    assert not vm.ok("grep -q /run/media /proc/self/mountinfo")
    assert not vm.ok("grep -q ' /dev/sd' /proc/self/mountinfo")


def test_a_clean_stick_opens_after_the_scan(vm):
    policy(vm, SCAN % "120s")
    dev, plugged = plug(vm, "CLEAN1", {"a.txt": b"hello", "b.bin": b"\0" * 300000}, "rw")
    scanned = told(vm, "CLEAN1", "medium.scanned")
    assert (scanned["result"], scanned["files"], scanned["bytes"]) == ("clean", 2, 300005), scanned
    mounted = told(vm, "CLEAN1", "medium.mounted")
    assert mounted["seq"] > scanned["seq"] and mounted["read_only"] is False, mounted
    assert vm.out("cat %s/a.txt" % mounted["mount"], user="clerk") == "hello"
    vm.run("echo more >%s/c.txt" % mounted["mount"], user="clerk")
    assert "clean" in vm.out("sekimori --json devices")
    plugged.unplug()


def test_an_infected_one_is_closed_and_reported(vm):
    dev, plugged = plug(vm, "EICAR1", {"ok.txt": b"x", "bad.com": EICAR})
    found = told(vm, "EICAR1", "medium.infected")
    assert found["file"].lower() == "bad.com" and "icar" in found["signature"].lower(), found
    told(vm, "EICAR1", "device.refused-infected")
    device = gate.find(vm, "EICAR1")
    assert (device["verdict"], device["reason"]) == ("deny", "infected"), device
    nothing_mounted(vm)
    assert vm.out("ls /sys/class/block").find("sd") < 0
    assert not [e for e in gate.events(vm, "medium.mounted") if e["serial"] == "EICAR1"]
    plugged.unplug()


def test_a_scanner_that_is_not_there(vm):
    vm.run("systemctl stop clamav-daemon.socket clamav-daemon.service")
    dev, plugged = plug(vm, "ABSENT1", {"a.txt": b"x"})
    assert told(vm, "ABSENT1", "medium.not-scanned")["reason"] == "absent"
    nothing_mounted(vm)
    assert "not-scanned" in vm.out("sekimori --json devices")
    plugged.unplug()
    vm.run("systemctl start clamav-daemon.service")
    vm.wait_until("clamdscan --ping 1", 90)


def signal_in_the_middle(vm, name):
    """The guest itself sends clamd this signal when two files of a scan are done, however quick the scan is; begun before the stick is there.
    Returns what waits until that has happened."""
    vm.run(["systemd-run", "--quiet", "--collect", "--unit=in-the-middle", "sh", "-c",
            "until awk '$1+0 >= 2 {ok=1} END {exit !ok}' /run/sekimori/scan/* 2>/dev/null; do sleep 0.02; done; pkill -%s -x clamd && touch /run/in-the-middle" % name])

    def wait():
        vm.wait_until("test -e /run/in-the-middle", 60)
        vm.run("rm /run/in-the-middle")
    return wait


def test_one_that_hangs_and_one_that_is_killed(vm):
    policy(vm, SCAN % "8s")
    vm.run("pkill -STOP -x clamd")
    dev, plugged = plug(vm, "HANG1", {"a.txt": b"x"})
    assert told(vm, "HANG1", "medium.not-scanned")["reason"] in ("silent", "time-limit")
    nothing_mounted(vm)
    plugged.unplug()
    vm.run("pkill -CONT -x clamd")
    policy(vm, SCAN % "120s")
    killed = signal_in_the_middle(vm, "KILL")
    dev, plugged = plug(vm, "KILLED1", {"f%02d.bin" % i: bytes([i]) * 900000 for i in range(24)}, size=32 << 20)
    killed()
    assert told(vm, "KILLED1", "medium.not-scanned")["reason"] in ("died", "absent")
    nothing_mounted(vm)
    plugged.unplug()
    vm.run("systemctl restart clamav-daemon.service")


def test_pulled_out_in_the_middle(vm):
    vm.wait_until("clamdscan --ping 1", 90)
    stopped = signal_in_the_middle(vm, "STOP")
    dev, plugged = plug(vm, "PULLED1", {"f%02d.bin" % i: bytes([i]) * 900000 for i in range(24)}, size=32 << 20)
    stopped()
    plugged.unplug()
    assert told(vm, "PULLED1", "medium.not-scanned")["reason"] in ("removed", "unreadable")
    nothing_mounted(vm)
    vm.run("pkill -CONT -x clamd")
    assert vm.ok("systemctl is-active sekimorid")


# ------------------------------------------------------------ what is really written (T9)

WRITER = r'''
import mmap, os, sys
root = sys.argv[1]
p = lambda *n: os.path.join(root, *n)
open(p("plain.txt"), "wb").write(b"plain" * 1000)
for i in range(5):
    open(p("often.txt"), "wb").write(b"version %d" % i)
open(p("before.tmp"), "wb").write(b"renamed" * 500)
os.rename(p("before.tmp"), p("after.txt"))
open(p("taken away.txt"), "wb").write(b"gone")
os.unlink(p("taken away.txt"))
with open(p("kept.bin"), "r+b") as f:
    m = mmap.mmap(f.fileno(), 4096)
    m[0:4] = b"MMAP"
    m.flush(); m.close()
os.mkdir(p("folder"))
open(p("folder", "\u6c0f\u540d.txt"), "wb").write(b"japanese name")
'''


def records(vm, serial):
    found = {}
    for event in gate.events(vm, "file.written"):
        if event["serial"] == serial:
            for entry in event["files"]:
                found[entry["path"]] = dict(entry, grantee=event["person"], grant=event.get("grant"))
    return found


def sums(vm, root):
    out = vm.out("cd '%s' && find . -type f -exec sha256sum {} +" % root)
    return {line[66:].replace("./", "", 1): line[:64] for line in out.splitlines()}


def writable(vm, serial, files, **options):
    dev, plugged = plug(vm, serial, files, "rw", **options)
    mounted = told(vm, serial, "medium.mounted")
    assert mounted["read_only"] is False, mounted
    return plugged, mounted["mount"]


def test_written_files_are_recorded(vm):
    policy(vm)
    plugged, root = writable(vm, "WRITE1", {"kept.bin": b"k" * 4096, "untouched.txt": b"u"})
    vm.write("/tmp/writer.py", WRITER.encode(), mode=0o755)
    vm.run(["python3", "/tmp/writer.py", root], user="clerk")
    expected = sums(vm, root)
    ISSUER[0].withdraw()
    end = told(vm, "WRITE1", "medium.recorded", 90)
    seen = records(vm, "WRITE1")
    for name in ("plain.txt", "often.txt", "after.txt", "kept.bin", "folder/\u6c0f\u540d.txt"):
        assert seen[name]["sha256"] == expected[name], (name, seen.get(name), expected[name])
        assert seen[name]["grantee"] == "clerk" and seen[name]["grant"], seen[name]
    assert seen["plain.txt"]["op"] == "written" and seen["plain.txt"]["size"] == 5000, seen["plain.txt"]
    named = [e for e in seen.values() if e["person"] == "clerk" and e["process"] == "python3"]
    assert len(named) >= len(seen) - 1, seen
    assert "untouched.txt" not in seen and end["not_hashed"] == 0, (seen, end)
    told(vm, "WRITE1", "grant.ended")
    assert not [e for e in gate.events(vm, "medium.record-gap") if e["serial"] == "WRITE1"]
    mine = gate.call(vm, "events", user="clerk", after=0, limit=1000)["events"]
    other = gate.call(vm, "events", user="clerk2", after=0, limit=1000)["events"]
    assert any(e["kind"] == "file.written" for e in mine) and not any(e["kind"] == "file.written" for e in other)
    plugged.unplug()
