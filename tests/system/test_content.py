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
    text = text.replace("grade_c = ro", "grade_c = rw")
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


def test_one_that_hangs_and_one_that_is_killed(vm):
    policy(vm, SCAN % "8s")
    vm.run("pkill -STOP -x clamd")
    dev, plugged = plug(vm, "HANG1", {"a.txt": b"x"})
    assert told(vm, "HANG1", "medium.not-scanned")["reason"] in ("silent", "time-limit")
    nothing_mounted(vm)
    plugged.unplug()
    vm.run("pkill -CONT -x clamd")
    policy(vm, SCAN % "120s")
    dev, plugged = plug(vm, "KILLED1", {"f%02d.bin" % i: bytes([i]) * 900000 for i in range(24)}, size=32 << 20)
    told(vm, "KILLED1", "medium.scanning")
    vm.wait_until("awk '$1+0 >= 2 {ok=1} END {exit !ok}' /run/sekimori/scan/*", 60)
    vm.run("systemctl mask --now clamav-daemon.socket; systemctl kill -s KILL clamav-daemon.service")
    assert told(vm, "KILLED1", "medium.not-scanned")["reason"] in ("died", "absent")
    nothing_mounted(vm)
    plugged.unplug()
    vm.run("systemctl unmask clamav-daemon.socket; systemctl restart clamav-daemon.service")


def test_pulled_out_in_the_middle(vm):
    vm.wait_until("clamdscan --ping 1", 90)
    dev, plugged = plug(vm, "PULLED1", {"f%02d.bin" % i: bytes([i]) * 900000 for i in range(24)}, size=32 << 20)
    told(vm, "PULLED1", "medium.scanning")
    plugged.unplug()
    assert told(vm, "PULLED1", "medium.not-scanned")["reason"] in ("removed", "unreadable")
    nothing_mounted(vm)
    assert vm.ok("systemctl is-active sekimorid")
