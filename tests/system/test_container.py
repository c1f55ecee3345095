"""The organisation's containers (grade A), with a real server: made on a terminal, opened by the key of the grant alone, nothing in clear anywhere."""

import json
import os
import re
import shutil
import time

import gate_tools as gate
from line import Server, enrol, sekimori
from vm import fat
from vm.testing import timeout
from vm.usbredir import StorageDevice

BUILD = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "build")
SECRET = b"the figures of the whole section " * 400


def setup_module(vm):
    vm.wait_until("systemctl is-active sekimorid", 60)
    policy = vm.read("/etc/sekimori/policy.ini").decode()
    policy = re.sub(r"(?m)^grade_c = .*$", "grade_c = rw", policy).split("[media]")[0]
    vm.write("/etc/sekimori/policy.ini", (policy + "\n[media]\nwrite = encrypted\nencryption = luks\n").encode())
    assert gate.call(vm, "policy.reload")["ok"]


def permit(vm, server, device, minutes=30, **more):
    """Asked for by the clerk, permitted by the manager, issued by the helpdesk."""
    sekimori(vm, "request", "media", "--device", device, "--purpose", "県への提出", "--access", "rw", "--hours", "1", "--class", "none",
             "--destination", "県庁", user="clerk")
    manager, end = server.console("manager"), time.monotonic() + 60
    numbers = []
    while not numbers:
        assert time.monotonic() < end, "the request did not reach the console"
        numbers = re.findall(r'href="/requests/(\d+)', manager.get("/requests"))
    number = max(numbers, key=int)
    manager.get("/requests/" + number)
    manager.submit(button=("action", "permit"))
    assert manager.status == 200, manager.status
    desk = server.console("desk")
    desk.get("/requests/" + number)
    until = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + 9 * 3600 + 60 * minutes))
    desk.submit(button=("action", "approve"), access="rw", until=until, **more)
    assert desk.status == 200, desk.page
    return number


def released(vm, command):
    """The passphrase, once the grant that says so is there; None before."""
    code, out, _ = vm.run(command, user="clerk", check=False, timeout=180)
    return json.loads(out)["passphrase"] if code == 0 else None


def mounts(vm):
    return [line.split()[1] for line in vm.out("grep ' /run/media/' /proc/mounts || true").splitlines()]


def seen(image):
    with open(image, "rb") as file:
        return SECRET[:33] in file.read()


@timeout(1200)
def test_a_container_opens_by_the_key_of_its_grant_alone(vm):
    server = Server(BUILD)
    try:
        server.people()
        server.start()
        assert enrol(vm, server)[0] == 0
        path = vm.path("usb", "grade-a.img")
        fat.make(path, {"old.txt": b"what was on it before"}, size=64 << 20)
        plugged = vm.plug_redir(StorageDevice(path, serial="GRADEA"))
        device = vm.wait(lambda: gate.find(vm, "GRADEA"), "the stick", 60)["device"]
        code, _, text = vm.run(["sekimori", "media", "prepare", device, "--ledger", "M-A", "--erase"], check=False)
        assert code != 0, "made without a permit to write"
        permit(vm, server, device)
        vm.wait(lambda: gate.find(vm, "GRADEA")["verdict"] == "allow", "open for writing", 90)
        # Made: everything is gone, one container, and the clerk cannot do it.
        assert vm.run(["sekimori", "media", "prepare", device, "--ledger", "M-A", "--erase"], user="clerk", check=False)[0] != 0
        made = sekimori(vm, "media", "prepare", device, "--ledger", "M-A", "--erase", timeout=420)[1]
        assert [v["type"] for v in made["medium"]["volumes"]] == ["crypto_LUKS"], made
        with open(path, "rb") as file:
            assert b"what was on it before" not in file.read()
        assert vm.out("ls /dev/mapper").split() == ["control"], "a mapping was left open"
        # Approved on the server, and permitted under its number: it opens by itself.
        vm.wait(lambda: "M-A" in server.cli("media", "requests"), "the registration", 60)
        number = server.cli("media", "requests").split("\t")[0]
        server.cli("media", "approve", number)
        vm.wait(lambda: (gate.find(vm, "GRADEA") or {}).get("grade") == "A", "proved to be the container", 120)
        last = permit(vm, server, device)
        where = vm.wait(lambda: mounts(vm), "its mount", 120)[0]
        vm.run("cat >%s/figures.txt && sync" % where, user="clerk", input=SECRET)
        assert vm.out("cat /sys/class/block/sd?/ro").strip() == "1", "written beside the container"
        assert "aes-xts" in vm.out("dmsetup table | sed 's/:64:logon[^ ]*/KEY/'")
        assert not vm.ok("sekimori open %s" % device, user="clerk")
        # A passphrase for a recipient: not under this permit; under one that says so once, to the person alone, and it stands in no record.
        release = ["sekimori", "--json", "media", "release", device, "--recipient", "県 税務課"]
        code, out, said = vm.run(release, user="clerk", check=False)
        assert code != 0 and "does not say" in out + said, (out, said)
        old, last = last, permit(vm, server, device, minutes=40, release="1")
        desk = server.console("desk")
        desk.get("/requests/" + old)
        desk.submit(button=("action", "cancel"), reason="新しい許可に替える")
        assert vm.run(release, check=False)[0] != 0, "root would hold it for nobody"
        given = vm.wait(lambda: released(vm, release), "the passphrase", 90)
        assert re.fullmatch(r"(?:[0-9A-Z]{4}-){5}[0-9A-Z]{4}", given), given
        assert vm.run(release, user="clerk", check=False)[0] != 0, "given twice"
        node = "/dev/" + gate.find(vm, "GRADEA")["media"][0]["node"]
        vm.run(["cryptsetup", "open", "--test-passphrase", node], input=given.encode(), timeout=150)
        assert vm.run(["cryptsetup", "open", "--test-passphrase", node], input=b"guess", check=False, timeout=150)[0] != 0
        assert vm.out("cat /sys/class/block/sd?/ro").strip() == "1", "the mark was not set again"
        assert vm.run("echo more >%s/more.txt" % mounts(vm)[0], user="clerk", check=False)[0] == 0, "the container does not go on"
        record = gate.events(vm)
        assert [e for e in record if e["kind"] == "medium.released" and e["recipient"] == "県 税務課" and e["ledger"] == "M-A"]
        assert given not in json.dumps(record)
        vm.wait(lambda: "県 税務課" in server.console("desk").get("/media/M-A"), "the medium's history", 60)
        # The permit is withdrawn: closed, the key is gone from the kernel, and what is on the stick is nothing in clear.
        desk = server.console("desk")
        desk.get("/requests/" + last)
        desk.submit(button=("action", "cancel"), reason="試験のため取消し")
        assert desk.status == 200, desk.page
        vm.wait(lambda: vm.out("ls /dev/mapper").split() == ["control"], "closed", 90)
        assert not vm.ok("grep -q logon /proc/keys"), vm.out("cat /proc/keys")
        plugged.unplug()
        assert not seen(path)
        # A copy bit by bit, on a terminal that has no grant for it: not even its name.
        copy = vm.path("usb", "copy.img")
        shutil.copyfile(path, copy)
        for serial, more in (("GRADEA", {}), ("COPY", {"bcd": 0x0777})):
            stick = StorageDevice(copy, serial=serial, **more)
            other = vm.plug_redir(stick)
            vm.wait(lambda: gate.find(vm, serial), "the copy", 60)
            permitted = serial == "COPY"
            if permitted:  # a permit of its own, as for any stick: the bytes are there, and nothing of what they hold
                permit(vm, server, gate.find(vm, serial)["device"])
                vm.wait(lambda: gate.find(vm, serial)["media"], "its node", 90)
                vm.wait(lambda: [e for e in gate.events(vm, "medium.mount-failed") if e["serial"] == serial], "not mounted", 90)
                assert vm.run(["sekimori", "open", gate.find(vm, serial)["device"]], input=b"guess\n", user="clerk", check=False,
                              timeout=150)[0] != 0
                assert not vm.ok("grep -aq 'figures of the whole' /dev/sd?")
            assert mounts(vm) == [], mounts(vm)
            other.unplug()
        audit = server.console("admin").get("/audit")
        assert "medium.key-sent" in audit or "M-A" in audit
    finally:
        server.remove()
