"""Cards, SCSI and SATA disks, discs, NVMe: what nobody permitted is not read, a grant opens and its end closes it, and the machine's own disk is left alone."""

import atexit
import os
import shutil
import tempfile

import gate_tools as gate
from test_gate import iso_image
from vm import fat
from vm.qemu import Device
from vm.testing import Skip, timeout

FOLDER = tempfile.mkdtemp(prefix="sekimori-bus-")
atexit.register(shutil.rmtree, FOLDER, True)


def own(name, size=None):
    path = os.path.join(FOLDER, name)
    if size:
        fat.make(path, {"own.txt": b"own"}, size=size, label="OWN")
    return path


# A card reader, a SATA controller with a disk and a burner, a SCSI controller, an NVMe disk that can have several controllers: all there when the
# package is installed.
VM_OPTIONS = {"sd": True, "extra": [
    "-device", "virtio-scsi-pci,id=vscsi", "-device", "ahci,id=ahci",
    "-drive", "if=none,id=own0,format=raw,file=%s" % own("own.img", 16 << 20),
    "-device", "ide-hd,bus=ahci.0,drive=own0,serial=OWN1",
    "-drive", "if=none,id=disc0,format=raw,readonly=on,file=%s" % iso_image(own("disc.iso"), b"CD.TXT;1", b"disc"),
    "-device", "ide-cd,bus=ahci.1,drive=disc0,serial=BURNER1",
    "-device", "nvme-subsys,id=subsys0", "-device", "nvme,id=ownway,serial=MULTI1,subsys=subsys0",
    "-drive", "if=none,id=multi0,format=raw,file=%s" % own("multi.img", 16 << 20),
    "-device", "nvme-ns,drive=multi0,bus=ownway,nsid=1,shared=on"]}
TIMEOUT = 240

ISSUER = []


def setup_module(vm):
    vm.wait_until("systemctl is-active sekimorid", 60)
    ISSUER.append(gate.Issuer(vm))
    ISSUER[0].withdraw()


def teardown_module(vm):
    ISSUER.pop().close()


def named(vm, bus, verdict=None):
    def probe():
        found = [d for d in gate.devices(vm).values() if d["bus"] == bus and not d.get("internal")]
        return found[0] if found and verdict in (None, found[0]["verdict"]) else None
    return vm.wait(probe, "%s %s" % (bus, verdict or ""), 30)


def nodes(vm, *prefixes):
    mine = os.path.basename(vm.out("readlink -f /dev/disk/by-id/ata-*OWN1 || true"))
    return [n for n in vm.out("ls /sys/class/block").split() if n.startswith(prefixes) and n != mine]


def mounts(vm):
    return [line.split() for line in vm.out("cat /proc/mounts").splitlines() if " /run/media/" in line]


def open_and_close(vm, bus, text, prefixes):
    """Refused; opened read-only by a grant; its end closes it. Returns the device."""
    device = named(vm, bus, "deny")
    assert device["reason"] == "no-grant" and device["kinds"] == ["storage"], device
    assert nodes(vm, *prefixes) == []
    ISSUER[0].give(device, "ro", 3600, "clerk")
    mount = vm.wait(lambda: mounts(vm), "the mount", 40)[0]
    assert {"ro", "nodev", "nosuid", "noexec"} <= set(mount[3].split(",")), mount
    name, content = text
    assert vm.out("cat %s/%s" % (mount[1], name), user="clerk") == content
    node = os.path.basename(mount[0])
    assert vm.out("stat -c %%a:%%U /dev/%s" % node) == "600:root"
    assert vm.out("cat /sys/class/block/%s/ro" % node) == "1"
    assert "UDISKS_IGNORE=1" in vm.out("udevadm info /dev/%s" % node)
    ISSUER[0].withdraw()
    vm.wait(lambda: not mounts(vm) and nodes(vm, *prefixes) == [], "its end", 30)
    device = named(vm, bus, "deny")
    kinds = [e["kind"] for e in gate.events(vm) if e.get("device") == device["device"]]
    for kind in ("device.decided", "grant.admitted", "medium.mounted", "medium.unmounted", "grant.ended"):
        assert kind in kinds, kinds
    assert "enforcement.failed" not in kinds, [e for e in gate.events(vm, "enforcement.failed")]
    return device


def reads(vm, backend):
    for one in vm.qmp.execute("query-blockstats"):
        if one.get("device") == backend:
            return one["stats"]["rd_operations"]
    raise AssertionError(backend)


def test_own_disk_is_known_and_untouched(vm):
    assert "disk ata" in vm.read("/etc/sekimori/disks.conf").decode(), vm.read("/etc/sekimori/disks.conf")
    assert vm.out("cat /sys/bus/scsi/drivers_autoprobe /sys/bus/mmc/drivers_autoprobe").split() == ["0", "0"]
    found = [d for d in gate.devices(vm).values() if d.get("internal") and d["bus"] != "nvme"]
    assert len(found) == 1 and found[0]["verdict"] == "allow" and found[0]["bus"] == "ata", found
    node = os.path.basename(vm.out("readlink -f /dev/disk/by-id/ata-*OWN1"))
    assert node.startswith("sd") and vm.out("cat /sys/class/block/%s/ro" % node) == "0"
    assert not mounts(vm)
    vm.run("mount /dev/%s /mnt && echo x >/mnt/x && umount /mnt" % node)


def test_card(vm):
    first = reads(vm, "sd0")
    vm.insert_sd(files={"a.txt": b"card"})
    device = named(vm, "mmc", "deny")
    vm.wait_until("sekimori devices | grep -q mmc", 10)
    assert device["device"].startswith("mmc:mmc0:") and device["serial"], device
    vm.run("udevadm settle; modprobe mmc_block")
    assert nodes(vm, "mmc") == [] and reads(vm, "sd0") == first, "the card was read"
    vm.run("modprobe -r mmc_block")
    open_and_close(vm, "mmc", ("a.txt", "card"), ("mmc",))
    # Pulled out while mounted.
    ISSUER[0].give(named(vm, "mmc"), "ro", 3600, "clerk")
    vm.wait(lambda: mounts(vm), "the mount", 40)
    vm.eject_sd()
    vm.wait(lambda: not mounts(vm), "the end of the mount", 30)
    vm.wait(lambda: not [d for d in gate.devices(vm).values() if d["bus"] == "mmc"], "its going", 30)
    ISSUER[0].withdraw()


def plug_scsi(vm, serial):
    node, path, undo = vm._block(None, {"a.txt": b"disk"}, 16 << 20, "DISK", False, serial)
    return vm.plug("scsi-hd", cleanup=[undo], bus="vscsi.0", drive=node, serial=serial)


def test_scsi_disk(vm):
    disk = plug_scsi(vm, "HOT1")
    device = named(vm, "scsi", "deny")
    assert device["serial"] == "HOT1", device
    vm.run("udevadm settle; modprobe -r sd_mod; modprobe sd_mod")
    assert nodes(vm, "sd") == [] and disk.reads == 0, disk.reads
    open_and_close(vm, "scsi", ("a.txt", "disk"), ("sd",))
    ISSUER[0].give(named(vm, "scsi"), "ro", 3600)
    vm.wait(lambda: mounts(vm), "the mount", 40)
    disk.unplug()
    vm.wait(lambda: not mounts(vm), "the end of the mount", 30)
    ISSUER[0].withdraw()
    vm.wait_until("readlink -e /dev/disk/by-id/ata-*OWN1", 10)


def test_disc_in_the_burner(vm):
    assert nodes(vm, "sr") == []
    device = open_and_close(vm, "ata", ("cd.txt", "disc"), ("sr",))
    assert "DVD" in device["product"], device


def test_nvme_over_several_controllers(vm):
    """The kernel shows such a disk below /devices/virtual. The own one is left alone; one that is plugged in is what its controller is."""
    if vm.out("cat /sys/module/nvme_core/parameters/multipath") != "Y":
        raise Skip("this kernel has no NVMe multipath")
    path = vm.wait_until("readlink /sys/class/block/nvme*n1 | grep virtual/nvme-subsystem", 20).lstrip("./")
    answer = gate.call(vm, "verdict", devpath="/" + path)
    assert answer["verdict"] == "internal" and vm.out("cat /sys/%s/ro" % path) == "0", (path, answer)
    gone = Device(vm, "ownway", "nvme", ())
    gone.unplug()
    vm.wait(lambda: nodes(vm, "nvme") == [], "its going", 20)
    way = vm.plug("nvme", serial="MULTI1", subsys="subsys0", addr="0x1e")
    named(vm, "nvme", "deny")
    vm.wait(lambda: nodes(vm, "nvme") == [], "no disk", 20)
    device = open_and_close(vm, "nvme", ("own.txt", "own"), ("nvme",))
    assert "/1e.0" not in device["device"], device
    way.unplug()


def test_nvme_in_a_slot(vm):
    disk = vm.plug_nvme(files={"a.txt": b"nvme"}, serial="NV1")
    named(vm, "nvme", "deny")
    vm.wait(lambda: nodes(vm, "nvme") == [], "no disk", 20)
    print("     reads before the driver was taken away: %d" % disk.reads)
    open_and_close(vm, "nvme", ("a.txt", "nvme"), ("nvme",))
    disk.unplug()


@timeout(400)
def test_boot_with_everything_in_its_place(vm):
    """The own disk is there after a boot and after a crash of the agent; card, disc and hot-plug disk that were there at power-on are shut."""
    vm.reboot(before=lambda machine: (plug_scsi(machine, "HOT2"), machine.insert_sd(files={"a.txt": b"card"})))
    vm.wait_until("systemctl is-active sekimorid", 60)
    ISSUER[0].enrol(vm)
    for bus in ("scsi", "mmc"):
        named(vm, bus, "deny")
    vm.wait(lambda: nodes(vm, "sd", "sr", "mmc") == [], "nothing else", 30)
    test_own_disk_is_known_and_untouched(vm)
    node = vm.out("readlink -f /dev/disk/by-id/ata-*OWN1")
    vm.run("mount %s /mnt; systemctl kill -s KILL sekimorid" % node)
    vm.wait_until("systemctl is-active sekimorid && sekimori devices", 60)
    assert vm.ok("grep -q ' /mnt ' /proc/mounts && echo y >/mnt/y")
    vm.run("umount /mnt")
