"""The package's own steps on a made-up machine: nobody is locked out by installing."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
ADOPT = TOP / "packaging/deb/agent/adopt.sh"
BUILD = Path(os.environ.get("BUILD", TOP / "build"))

ROUTE = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
INPUTS = """I: Bus=%s Vendor=046d Product=b342 Version=0111
N: Name="Keyboard"
S: Sysfs=/devices/virtual/misc/uhid/0005:046D:B342.0003/input/input21

"""


class Machine(unittest.TestCase):
    def setUp(self):
        self.root = Path(tempfile.mkdtemp(prefix="sekimori-adopt-"))
        self.addCleanup(shutil.rmtree, self.root)
        self.put("lib/modprobe.d/sekimori.conf", (TOP / "packaging/modprobe/sekimori.conf").read_text())
        self.put("etc/sekimori/policy.ini", (TOP / "policy/profiles/default.ini").read_text())
        self.put("proc/mounts", "/dev/vda1 / ext4 rw 0 0\n")
        self.put("proc/net/route", ROUTE)

    def put(self, path, text):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def get(self, path):
        return (self.root / path).read_text()

    def adopt(self, command):
        done = subprocess.run([str(ADOPT), command], env=dict(os.environ, SEKIMORI_ROOT=str(self.root)), capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def usb(self, port, vid, pid, serial=None, below="net/enx0"):
        """A USB device with one interface; what hangs on it, as /sys/class/CLASS/NAME."""
        device = "sys/devices/pci0000:00/usb1/" + port
        for name, text in (("idVendor", vid), ("idProduct", pid)) + ((("serial", serial),) if serial else ()):
            self.put(device + "/" + name, text + "\n")
        interface = "%s/%s:1.0" % (device, port)
        self.put("%s/%s/uevent" % (interface, below), "")
        (self.root / interface / below / "device").symlink_to("../../../%s:1.0" % port)
        link = self.root / "sys/class" / below
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(self.root / interface / below, link.parent))


class Initramfs(Machine):
    OVERRIDE = "etc/modprobe.d/sekimori.conf"

    def lines(self):
        return [line for line in self.get(self.OVERRIDE).splitlines() if line and not line.startswith("#")]

    def test_with_update_initramfs_nothing_is_changed(self):
        self.put("usr/sbin/update-initramfs", "")
        self.assertEqual(self.adopt("modprobe"), "")
        self.assertFalse((self.root / self.OVERRIDE).exists())

    def test_with_dracut_the_option_goes_and_the_blacklist_stays(self):
        self.put("usr/bin/dracut", "")
        said = self.adopt("modprobe")
        self.assertIn("ATTENTION", said)
        self.assertNotIn("options usbcore", "\n".join(self.lines()))
        self.assertIn("blacklist usb_storage", self.lines())
        self.assertIn("blacklist mmc_block", self.lines())

    def test_with_neither_too(self):
        self.adopt("modprobe")
        self.assertNotIn("options usbcore", "\n".join(self.lines()))

    def test_a_system_on_usb_keeps_its_drivers(self):
        self.put("usr/bin/dracut", "")
        self.put("etc/sekimori/internal.conf", "# comment\nusb 1-1 0951:1666 S1\n")
        self.adopt("modprobe")
        self.assertEqual([line for line in self.lines() if line.startswith("blacklist")], [])

    def test_the_override_goes_when_update_initramfs_comes(self):
        self.adopt("modprobe")
        self.put("usr/sbin/update-initramfs", "")
        self.adopt("modprobe")
        self.assertFalse((self.root / self.OVERRIDE).exists())

    def test_the_override_goes_with_the_package(self):
        self.adopt("modprobe")
        self.adopt("forget")
        self.assertFalse((self.root / self.OVERRIDE).exists())

    def test_an_administrators_own_file_is_left_alone(self):
        self.put(self.OVERRIDE, "options usbcore authorized_default=0\n")
        self.assertIn("left alone", self.adopt("modprobe"))
        self.adopt("forget")
        self.assertEqual(self.get(self.OVERRIDE), "options usbcore authorized_default=0\n")


class Lifelines(Machine):
    POLICY = "etc/sekimori/policy.ini"

    def rules(self):
        return re.findall(r"^\[rule (.*)\]$", self.get(self.POLICY), re.MULTILINE)

    def rule(self, name):
        text = self.get(self.POLICY).split("[rule %s]\n" % name)[1].split("\n\n")[0]
        return dict(line.split(" = ", 1) for line in text.splitlines() if " = " in line)

    def check(self):
        done = subprocess.run([str(BUILD / "bin/sekimori"), "policy", "check", str(self.root / self.POLICY)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_nothing_on_usb_changes_nothing(self):
        before = self.get(self.POLICY)
        self.put("proc/net/route", ROUTE + "eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n")
        self.put("sys/devices/pci0000:00/virtio1/net/eth0/uevent", "")
        self.assertEqual(self.adopt("lifelines"), "")
        self.assertEqual(self.get(self.POLICY), before)
        self.check()

    def test_the_adapter_of_the_default_route_is_named_first(self):
        self.usb("1-3.2", "0bda", "8153", "0013000001")
        self.put("proc/net/route", ROUTE + "enx0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n")
        said = self.adopt("lifelines")
        self.assertIn("ATTENTION", said)
        self.assertIn("1-3.2", said)
        self.assertEqual(self.rules()[0], "installed-1-3-2")
        rule = self.rule("installed-1-3-2")
        self.assertEqual((rule["device"], rule["serial"], rule["port"], rule["action"]), ("0bda:8153", "0013000001", "1-3.2", "allow"))
        self.assertNotIn("storage", rule["kind"])
        self.assertIn("network", rule["kind"])
        self.check()
        once = self.get(self.POLICY)
        self.adopt("lifelines")
        self.assertEqual(self.get(self.POLICY), once, "a second time changes nothing")

    def test_a_route_that_is_not_the_default_is_no_lifeline(self):
        self.usb("1-3", "0bda", "8153")
        self.put("proc/net/route", ROUTE + "enx0\t0002A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n")
        before = self.get(self.POLICY)
        self.adopt("lifelines")
        self.assertEqual(self.get(self.POLICY), before)

    def test_a_serial_number_that_would_bend_the_file_is_left_out(self):
        self.usb("1-3", "0bda", "8153", "x\n[rule all]\nkind = storage")
        self.put("proc/net/route", ROUTE + "enx0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n")
        self.adopt("lifelines")
        self.assertNotIn("all", self.rules())
        self.assertNotIn("serial", self.rule("installed-1-3"))
        self.check()

    def test_default_route_of_ipv6(self):
        self.usb("2-1", "0bda", "8153")
        self.put("proc/net/ipv6_route", "0" * 32 + " 00 " + "0" * 32 + " 00 " + "fe80" + "0" * 27 + "1 00000400 00000001 00000000 00000003 enx0\n")
        self.adopt("lifelines")
        self.assertEqual(self.rules()[0], "installed-2-1")

    def test_the_bluetooth_adapter_of_a_keyboard(self):
        self.usb("1-7", "8087", "0a2b", below="bluetooth/hci0")
        self.put("proc/bus/input/devices", INPUTS % "0005")
        self.adopt("lifelines")
        rule = self.rule("installed-1-7")
        self.assertEqual((rule["device"], rule["port"]), ("8087:0a2b", "1-7"))
        self.assertIn("wireless", rule["kind"])
        self.check()

    def test_a_bluetooth_adapter_that_nobody_types_through(self):
        self.usb("1-7", "8087", "0a2b", below="bluetooth/hci0")
        self.put("proc/bus/input/devices", INPUTS % "0003")
        before = self.get(self.POLICY)
        self.adopt("lifelines")
        self.assertEqual(self.get(self.POLICY), before)


class Scripts(unittest.TestCase):
    """What only a real installation runs: that the steps are there and every script parses."""

    def test_scripts_parse(self):
        for path in list((TOP / "packaging").rglob("*.sh")) + [p for p in (TOP / "packaging/deb").rglob("p*") if p.is_file()]:
            self.assertEqual(subprocess.run(["sh", "-n", str(path)]).returncode, 0, path)

    def test_removal_gives_the_kernels_default_back(self):
        text = (TOP / "packaging/deb/agent/postrm").read_text()
        self.assertIn("echo -1 >/sys/module/usbcore/parameters/authorized_default", text)
        self.assertIn("dconf update", text)

    def test_the_fail_safe_is_there_before_the_agent_and_after_it(self):
        unit = (TOP / "packaging/systemd/sekimorid.service").read_text()
        self.assertRegex(unit, r"(?m)^ExecStopPost=.*/run/sekimori/failsafe")
        self.assertRegex(unit, r"(?m)^ExecStartPost=.*rm -f /run/sekimori/failsafe")
        self.assertRegex(unit, r"(?m)^TimeoutStartSec=20s$")
        self.assertRegex((TOP / "packaging/systemd/sekimori-failsafe.service").read_text(), r"(?m)^WantedBy=emergency.target$")
        self.assertIn("sekimori-failsafe.service", (TOP / "packaging/deb/agent/postinst").read_text())


if __name__ == "__main__":
    unittest.main(verbosity=2)
