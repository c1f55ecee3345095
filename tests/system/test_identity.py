"""Who a medium is: registered, told apart from what says the same of itself, and held to the ledger."""

import gate_tools as gate
from vm import fat
from vm.usbredir import StorageDevice

TIMEOUT = 240

ISSUER = []
MEDIA = []


def setup_module(vm):
    vm.wait_until("systemctl is-active sekimorid", 60)
    if ISSUER:
        ISSUER[0].enrol(vm)
    else:
        ISSUER.append(gate.Issuer(vm))
    ISSUER[0].withdraw()
    text = vm.read("/etc/sekimori/policy.ini").decode().replace("grade_c = ro", "grade_c = none").split("[media]")[0]
    vm.write("/etc/sekimori/policy.ini", (text + "\n[media]\nwrite = plain\n").encode())
    answer = gate.call(vm, "policy.reload")
    assert answer["ok"], answer


def teardown_module(vm):
    ISSUER.pop().close()


def issue(vm):
    """Grants and the list of media in one bundle, as the server sends them."""
    issuer = ISSUER[0]
    envelope = issuer.sign("grants", {"grants": issuer.grants, "media": MEDIA})
    answer = gate.call(vm, "bundle.put", socket=gate.UPLINK, envelope=envelope)
    assert answer["ok"], answer


def image(vm, name, volume):
    """A stick's contents with this volume serial number."""
    return fat.make(vm.path("usb", name + ".img"), {"a.txt": name.encode()}, volume_id=volume)


def plug(vm, path, serial="TWIN", **options):
    plugged = vm.plug_redir(StorageDevice(path, serial=serial, **options))
    return plugged, vm.wait(lambda: gate.find(vm, serial), "the stick " + serial, 30)


def decided(vm, serial, reason, timeout=60):
    def probe():
        device = gate.find(vm, serial)
        return device if device and device["reason"] == reason else None
    return vm.wait(probe, "%s is %s" % (serial, reason), timeout)


def mounted(vm, serial):
    def probe():
        device = gate.find(vm, serial)
        return [m["mounts"][0] for m in device["media"] if m["mounts"]] if device else None
    return vm.wait(probe, "mount of " + serial, 60)[0]


def register(vm, device, ledger):
    answer = gate.call(vm, "media.register", device=device["device"], ledger=ledger)
    assert answer["ok"], answer
    return answer["medium"]


def test_registered_twins_are_told_apart(vm):
    first, second = image(vm, "first", "11111111"), image(vm, "second", "22222222")
    keys = {}
    for path, ledger in ((first, "M-1"), (second, "M-2")):
        plugged, device = plug(vm, path)
        assert device["verdict"] == "deny", device
        assert not gate.call(vm, "media.register", user="clerk", device=device["device"], ledger=ledger)["ok"]
        medium = register(vm, device, ledger)
        keys[ledger] = medium["media_key"]
        MEDIA.append({"ledger": ledger, "device_key": medium["device_key"], "serial": "TWIN", "media_key": medium["media_key"],
                      "state": "stored"})
        assert [v["type"] for v in medium["volumes"]] == ["vfat"], medium
        vm.wait(lambda: "sd" not in vm.out("ls /sys/class/block"), "shut again", 30)
        assert gate.find(vm, "TWIN")["verdict"] == "deny"
        plugged.unplug()
    assert keys["M-1"] != keys["M-2"]
    assert len(gate.events(vm, "media.registered-request")) >= 2
    # A grant for the second: the first one, with the same descriptors and serial, stays shut. Grade C both, so let C read here.
    text = vm.read("/etc/sekimori/policy.ini").decode().replace("grade_c = none", "grade_c = ro")
    vm.write("/etc/sekimori/policy.ini", text.encode())
    gate.call(vm, "policy.reload")
    grant = ISSUER[0].give({"device_key": MEDIA[0]["device_key"], "serial": "TWIN"})
    next(g for g in ISSUER[0].grants if g["id"] == grant)["ledger"] = "M-2"
    issue(vm)
    plugged, device = plug(vm, first)
    vm.wait(lambda: gate.find(vm, "TWIN").get("ledger") == "M-1", "identified", 60)
    assert decided(vm, "TWIN", "no-grant")["verdict"] == "deny"
    assert not vm.ok("grep -q /run/media /proc/self/mountinfo")
    plugged.unplug()
    plugged, device = plug(vm, second)
    assert vm.out("cat %s/a.txt" % mounted(vm, "TWIN"), user="clerk") == "second"
    assert gate.find(vm, "TWIN")["ledger"] == "M-2"
    plugged.unplug()


def test_grade_b_opens_and_its_copies_do_not(vm):
    path, other = image(vm, "mine", "33333333"), image(vm, "other", "44444444")
    plugged, device = plug(vm, path, "ONE")
    medium = register(vm, device, "M-3")
    MEDIA.append({"ledger": "M-3", "device_key": medium["device_key"], "serial": "ONE", "media_key": medium["media_key"],
                  "state": "lent"})
    grant = ISSUER[0].give(device, "rw")
    next(g for g in ISSUER[0].grants if g["id"] == grant)["ledger"] = "M-3"
    issue(vm)
    # Registered and granted while it is attached: it opens by itself, for writing, which grade_b allows and grade_c does not.
    # (The permit came first without its ledger number: it may have been opened by that one, and closed, before.)
    vm.wait(lambda: vm.ok("echo more >%s/c.txt" % mounted(vm, "ONE"), user="clerk"), "open for writing", 60)
    assert gate.find(vm, "ONE")["grade"] == "B"
    # Reported lost, it is closed.
    MEDIA[-1]["state"] = "lost"
    issue(vm)
    decided(vm, "ONE", "medium-lost")
    vm.wait(lambda: "sd" not in vm.out("ls /sys/class/block"), "shut", 60)
    plugged.unplug()
    MEDIA[-1]["state"] = "lent"
    issue(vm)
    # The same strings and serial, other contents: looked at, shut, an alarm.
    plugged, device = plug(vm, other, "ONE")
    decided(vm, "ONE", "media-key")
    assert [e for e in gate.events(vm, "medium.key-mismatch") if e["serial"] == "ONE"]
    assert not vm.ok("grep -q /run/media /proc/self/mountinfo")
    assert "reformatted" in vm.out("sekimori explain %s" % device["device"])
    plugged.unplug()
    # The same strings, serial and contents bit by bit, another descriptor set: another device key, not even opened.
    plugged, device = plug(vm, path, "ONE", bcd=0x0777)
    assert device["device_key"] != medium["device_key"], "the descriptors were not changed"
    assert decided(vm, "ONE", "no-grant")["verdict"] == "deny"
    assert "sd" not in vm.out("ls /sys/class/block")
    plugged.unplug()


def test_long_term_storage_is_read_only(vm):
    MEDIA[-1]["state"] = "long-term"
    issue(vm)
    plugged, device = plug(vm, vm.path("usb", "mine.img"), "ONE")
    where = mounted(vm, "ONE")
    assert not vm.ok("touch %s/x" % where, user="clerk")
    assert vm.out("cat /sys/class/block/sda/ro").strip() == "1"
    plugged.unplug()


def test_from_another_zone_only_sanitised(vm):
    """The entry says where the medium was last written, and what was done with it since: nothing of it is read before."""
    plain = vm.read("/etc/sekimori/policy.ini")
    vm.write("/etc/sekimori/policy.ini", plain + b"sanitise_from = my-number\n")
    assert gate.call(vm, "policy.reload")["ok"]
    MEDIA[-1].update(state="lent", zone="my-number")
    issue(vm)
    stick = StorageDevice(vm.path("usb", "mine.img"), serial="ONE")
    plugged = vm.plug_redir(stick)
    device = vm.wait(lambda: gate.find(vm, "ONE"), "the stick", 30)
    assert decided(vm, "ONE", "not-sanitised")["verdict"] == "deny"
    assert stick.reads == 0, stick.commands
    assert "sanitised" in vm.out("LANG=C sekimori explain %s" % device["device"])
    MEDIA[-1]["clean"] = "scanned"
    issue(vm)
    assert decided(vm, "ONE", "not-sanitised")["verdict"] == "deny"
    assert stick.reads == 0, stick.commands
    MEDIA[-1]["clean"] = "sanitised"
    issue(vm)
    where = mounted(vm, "ONE")
    assert gate.events(vm, "medium.mounted")[-1]["zone"] == "internet"
    # Written meanwhile in the other zone again: the medium that is open is taken away.
    vm.run("touch %s/x" % where, user="clerk")
    del MEDIA[-1]["clean"]
    issue(vm)
    decided(vm, "ONE", "not-sanitised")
    vm.wait(lambda: "sd" not in vm.out("ls /sys/class/block"), "shut", 60)
    assert gate.events(vm, "medium.recorded")[-1]["zone"] == "internet"
    plugged.unplug()
    del MEDIA[-1]["zone"]
    issue(vm)
    vm.write("/etc/sekimori/policy.ini", plain)
    assert gate.call(vm, "policy.reload")["ok"]


def rules(vm, text):
    """These rules before all others."""
    policy = vm.read("/etc/sekimori/policy.ini").decode()
    first = policy.index("[rule ")
    vm.write("/etc/sekimori/policy.ini", (policy[:first] + text + policy[first:]).encode())
    answer = gate.call(vm, "policy.reload")
    assert answer["ok"], answer


def test_rules_for_what_only_the_medium_tells(vm):
    plain = vm.read("/etc/sekimori/policy.ini")
    small = "[rule small]\nkind = storage\nsize = 1M-%s\naccess = ro\naction = allow\n"
    ISSUER[0].withdraw()
    issue(vm)
    rules(vm, small % "8M")
    plugged, device = plug(vm, image(vm, "sized", "55555555"), "SIZE")
    assert decided(vm, "SIZE", "no-grant")["verdict"] == "deny"
    vm.wait(lambda: "sd" not in vm.out("ls /sys/class/block"), "looked at and shut again", 60)
    assert not vm.ok("grep -q /run/media /proc/self/mountinfo")
    # Another rule: looked at anew and opened, for reading alone.
    vm.write("/etc/sekimori/policy.ini", plain)
    rules(vm, small % "64M")
    where = mounted(vm, "SIZE")
    assert vm.out("cat %s/a.txt" % where, user="clerk") == "sized"
    assert not vm.ok("touch %s/x" % where, user="clerk")
    assert gate.find(vm, "SIZE")["rule"] == "small"
    assert '"small"' in vm.out("sekimori explain --json %s" % device["device"])
    plugged.unplug()
    # By its number: the registered one opens, one that is in no ledger is not even looked at.
    vm.write("/etc/sekimori/policy.ini", plain)
    rules(vm, "[rule numbered]\nkind = storage\nledger = M-3\naccess = ro\naction = allow\n")
    plugged, device = plug(vm, vm.path("usb", "mine.img"), "ONE")
    mounted(vm, "ONE")
    assert gate.find(vm, "ONE")["rule"] == "numbered"
    plugged.unplug()
    stick = StorageDevice(vm.path("usb", "sized.img"), serial="SIZE")
    plugged = vm.plug_redir(stick)
    assert decided(vm, "SIZE", "no-grant")["verdict"] == "deny"
    assert stick.reads == 0, stick.commands
    plugged.unplug()
    vm.write("/etc/sekimori/policy.ini", plain)
