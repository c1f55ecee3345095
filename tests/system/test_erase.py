"""Erasing a medium on a real kernel: only under a grant that says so, all of it read back, found out when it cheats, recorded when it is cut off."""

import gate_tools as gate
from vm.usbredir import Storage, StorageDevice

TIMEOUT = 240
ISSUER = []
SIZE = 4 << 20


def setup_module(vm):
    vm.wait_until("systemctl is-active sekimorid", 60)
    if ISSUER:
        ISSUER[0].enrol(vm)
    else:
        ISSUER.append(gate.Issuer(vm))
    ISSUER[0].withdraw()
    text = vm.read("/etc/sekimori/policy.ini").decode().replace("grade_c = ro", "grade_c = rw").replace("write = encrypted", "write = plain")
    vm.write("/etc/sekimori/policy.ini", text.encode())
    assert gate.call(vm, "policy.reload")["ok"]


def teardown_module(vm):
    ISSUER.pop().close()


def opened(vm, dev, serial, **more):
    plugged = vm.plug_redir(dev)
    device = vm.wait(lambda: gate.find(vm, serial), "the stick " + serial, 30)
    ISSUER[0].give(device, "rw", 3600, "clerk", **more)
    vm.wait(lambda: [m for m in (gate.find(vm, serial) or {}).get("media", []) if m["mounts"]], "the mount", 60)
    return plugged, device["device"]


def erase(vm, port, confirm, *options, user="clerk"):
    return vm.run(["sekimori", "--json", "media", "erase", port, "--confirm", confirm] + list(options), user=user, check=False, timeout=150)


def last(vm, kind):
    return gate.events(vm, kind)[-1]


def test_erased_and_read_back(vm):
    dev = StorageDevice(path=vm.path("usb", "erase.img"), files={"secret.txt": b"precious secret " * 4000}, size=SIZE, serial="ERASE1")
    plugged, port = opened(vm, dev, "ERASE1")
    assert erase(vm, port, "ERASE1")[0] == 1 and not gate.events(vm, "medium.erasing"), "without a grant that says so"
    ISSUER[0].withdraw()
    vm.wait(lambda: gate.find(vm, "ERASE1")["verdict"] == "deny", "its end", 30)
    ISSUER[0].give(gate.find(vm, "ERASE1"), "rw", 3600, "clerk", erase=True)
    vm.wait(lambda: [m for m in gate.find(vm, "ERASE1")["media"] if m["mounts"]], "the mount", 60)
    assert erase(vm, port, "ERASE2")[0] == 1
    assert erase(vm, port, "ERASE1", user="clerk2")[0] == 1
    assert not gate.events(vm, "medium.erasing")
    status, out, error = erase(vm, port, "ERASE1", "--label", "M-7")
    assert status == 0, out + error
    record = last(vm, "medium.erased")
    assert (record["bytes"], record["written"], record["verified"], record["method"], record["person"]) == (SIZE, SIZE, SIZE, "overwrite", "clerk"), record
    assert record["labelled"] is True and record["started"] <= record["ended"], record
    with open(dev.image, "rb") as file:
        data = file.read()
    assert b"precious secret" not in data and b"M-7        " in data
    assert gate.find(vm, "ERASE1")["verdict"] == "allow"
    plugged.unplug()
    ISSUER[0].withdraw()


class Cheat(Storage):
    """Takes every write, and keeps none that lies in its second half."""

    def _command(self, tag, length, d2h, cdb):
        super()._command(tag, length, d2h, cdb)
        if self._out is not None and self._out[1] is not None and self._out[1] >= SIZE // 2:
            self._out = (self._out[0], None) + self._out[2:]


def test_a_stick_that_does_not_keep_what_is_written(vm):
    dev = StorageDevice(path=vm.path("usb", "cheat.img"), files={"a.txt": b"x"}, size=SIZE, serial="CHEAT1")
    cheat = Cheat(dev.image)
    dev.functions[0] = dev.storage = cheat
    dev._owner = {0: cheat}
    dev._endpoint_owner = {address: cheat for address in dev._endpoint_owner}
    plugged, port = opened(vm, dev, "CHEAT1", erase=True)
    assert erase(vm, port, "CHEAT1")[0] == 1
    record = last(vm, "medium.not-erased")
    assert record["serial"] == "CHEAT1" and record["verified"] < SIZE and "read back" in record["why"], record
    plugged.unplug()
    ISSUER[0].withdraw()


def test_cut_off_in_the_middle(vm):
    """By a crash of the agent, by the end of the permit, and by pulling it out: each is recorded as unfinished."""
    for number, how in enumerate(("crash", "permit", "unplug")):
        serial = "CUT%d" % number
        dev = StorageDevice(path=vm.path("usb", serial + ".img"), files={"a.txt": b"x"}, size=64 << 20, serial=serial)
        plugged, port = opened(vm, dev, serial, erase=True)
        assert erase(vm, port, serial, "--no-wait")[0] == 0
        vm.wait_until("pgrep -x sekimori-erase", 30)
        vm.wait(lambda: dev.writes > 4, "the first bytes", 30)
        if how == "crash":
            vm.run("systemctl kill -s KILL sekimorid")
            vm.wait_until("systemctl is-active sekimorid && sekimori devices", 60)
        elif how == "permit":
            ISSUER[0].withdraw()
        else:
            plugged.unplug()
        vm.wait(lambda: [e for e in gate.events(vm, "medium.not-erased") if e["serial"] == serial], "its record, " + how, 60)
        vm.wait_until("! pgrep -x sekimori-erase", 30)
        assert not [e for e in gate.events(vm, "medium.erased") if e["serial"] == serial]
        plugged.unplug()
        ISSUER[0].withdraw()
