"""Nothing leaves past the drivers: nodes in /dev/bus/usb of what is not wholly admitted are root's, and late drivers are looked at."""

import time

import gate_tools as gate
from vm.usbredir import Device, Placeholder

TIMEOUT = 180

PTP = (6, 1, 1, [(0x81, 2), (0x02, 2), (0x83, 3)])
KEYS = (3, 1, 1, [(0x84, 3)])

# A vendor's request with data on the control pipe: answered by the device or by errno.
SEND = r"""
import ctypes, fcntl, os, struct, sys
fd = os.open(sys.argv[1], os.O_RDWR)
data = ctypes.create_string_buffer(b"x" * 64)
fcntl.ioctl(fd, 0xC0185500, struct.pack("@BBHHHIP", 0x40, 0x77, 0, 0, 64, 2000, ctypes.addressof(data)))
print("sent")
"""


def setup_module(vm):
    vm.wait_until("systemctl is-active sekimorid", 60)
    vm.write("/run/send.py", SEND.encode(), mode=0o755)


def node_of(vm, serial):
    device = vm.wait(lambda: gate.find(vm, serial), serial, 20)
    vm.run("udevadm settle")
    numbers = vm.out("cat /sys/bus/usb/devices/%s/busnum /sys/bus/usb/devices/%s/devnum" % ((device["device"],) * 2)).split()
    return device, "/dev/bus/usb/%03d/%03d" % (int(numbers[0]), int(numbers[1]))


def assert_root_only(vm, dev, node):
    status, out, err = vm.run(["python3", "/run/send.py", node], user="clerk", check=False)
    assert status != 0 and "PermissionError" in err, (status, out, err)
    assert vm.out("stat -c %%a:%%U:%%G %s" % node) == "600:root:root"
    assert "uaccess" not in vm.out("udevadm info --query=property --property=CURRENT_TAGS %s" % node)
    assert (0x40, 0x77) not in dev.requests, dev.requests


def assert_stays_root_only(vm, dev, node):
    """Also when udev's rules run again (any package may trigger that), and when the person at the seat goes and comes back."""
    assert_root_only(vm, dev, node)
    for action in ("change", "add", "change", "bind"):
        vm.run("udevadm trigger --settle --action=%s --subsystem-match=usb" % action)
        assert_root_only(vm, dev, node)
    assert "MAJOR=189" in vm.out("udevadm info --query=property %s" % node), "other programs need it"
    for console in (6, 1):  # VT_ACTIVATE
        vm.run(["python3", "-c", "import fcntl; fcntl.ioctl(open('/dev/tty0', 'wb'), 0x5606, %d)" % console])
        vm.wait_until("test $(cat /sys/class/tty/tty0/active) = tty%d" % console, 10)
        time.sleep(0.5)
    assert_root_only(vm, dev, node)


def test_refused_camera_is_roots(vm):
    dev = Device([Placeholder(*PTP)], product="Camera", serial="PTP1")
    plugged = vm.plug_redir(dev)
    device, node = node_of(vm, "PTP1")
    assert device["verdict"] == "deny", device
    assert_stays_root_only(vm, dev, node)
    plugged.unplug()


def test_keyboard_with_a_camera_is_roots(vm):
    dev = Device([Placeholder(*KEYS), Placeholder(*PTP)], product="Keys and camera", serial="PTP2")
    plugged = vm.plug_redir(dev)
    device, node = node_of(vm, "PTP2")
    assert {i["kind"]: i["verdict"] for i in device["interfaces"]} == {"input": "allow", "image": "deny"}, device
    assert_stays_root_only(vm, dev, node)
    plugged.unplug()


def test_admitted_smart_card_reader_is_the_persons_until_the_policy_ends_it(vm):
    dev = Device([Placeholder(0x0b, 0, 0, [(0x81, 2), (0x02, 2), (0x83, 3)])], vid=0x08e6, pid=0x3437, product="Reader", serial="CARD0")
    vm.run("mkdir -p /run/udev/rules.d")
    vm.write("/run/udev/rules.d/60-reader.rules",
             b'SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", ATTR{serial}=="CARD0", TAG+="uaccess"\n')
    vm.run("udevadm control --reload")
    plugged = vm.plug_redir(dev)
    device, node = node_of(vm, "CARD0")
    assert device["verdict"] == "allow", device
    vm.wait(lambda: vm.ok("test -w %s" % node, user="clerk") or None, "the node for the person", 20)
    vm.run("sed -i.orig 's/^kind = smartcard/kind = hub/' /etc/sekimori/policy.ini && systemctl reload sekimorid")
    try:
        vm.wait(lambda: gate.find(vm, "CARD0")["verdict"] == "deny" or None, "the refusal", 20)
        vm.wait(lambda: not vm.ok("test -w %s" % node, user="clerk") or None, "the node for root alone", 20)
        assert_stays_root_only(vm, dev, node)
    finally:
        vm.run("mv /etc/sekimori/policy.ini.orig /etc/sekimori/policy.ini && systemctl reload sekimorid")
    vm.wait(lambda: vm.ok("test -w %s" % node, user="clerk") or None, "the node for the person again", 20)
    plugged.unplug()
    vm.run("rm /run/udev/rules.d/60-reader.rules; udevadm control --reload")


def test_card_reader_that_becomes_a_network_adapter_is_out(vm):
    dev = Device([Placeholder(0x0b, 0, 0, [(0x81, 2), (0x02, 2), (0x83, 3)])], vid=0x0525, pid=0xa4a2, product="Reader", serial="CARD1")
    plugged = vm.plug_redir(dev)
    vm.wait(lambda: gate.find(vm, "CARD1"), "the reader", 20)
    # The driver binds by vendor and product and is loaded by udev, after the agent's own look.
    vm.run("modprobe cdc_subset", check=False)
    vm.wait(lambda: [e for e in gate.events(vm, "enforcement.failed") if e["serial"] == "CARD1"], "the refusal", 30)
    time.sleep(1)
    assert gate.find(vm, "CARD1")["verdict"] == "deny"
    assert not [name for name in vm.out("ls /sys/class/net").split() if name.startswith(("usb", "enx"))]
    plugged.unplug()
