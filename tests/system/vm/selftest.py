"""Does the harness itself tell the truth? On plain Debian, without the agent.
Run by tests/system/run.py --selftest; same conventions as the test modules."""

import os
import struct

from . import fat
from .qemu import VMError
from .usbredir import (Device, FULL, Keyboard, KeyboardStorage, Placeholder, RawDevice,
                       StorageDevice, alternate_storage, configuration_descriptor,
                       device_descriptor, endpoint_descriptor, interface_descriptor,
                       second_configuration_storage)

AGENT = False

EICAR = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-" + "ANTIVIRUS-TEST-FILE!$H+H*"


def stick_image(vm, name="self.img", **files):
    path = vm.path("usb", name)
    return fat.make(path, files or {"hello.txt": b"hello"})


def test_runs_commands(vm):
    assert vm.run("printf a; printf b >&2; exit 3", check=False) == (3, "a", "b")
    assert vm.out("cat", input="stdin is passed\n") == "stdin is passed"
    assert vm.out("id -un", user="clerk") == "clerk"
    try:
        vm.run("exit 4")
    except VMError as error:
        assert "exit status 4" in str(error)
    else:
        raise AssertionError("a failing command went unnoticed")


def test_moves_files(vm):
    vm.write("/root/w", b"\0binary\xff", mode=0o640)
    assert vm.read("/root/w") == b"\0binary\xff"
    assert vm.out("stat -c %a /root/w") == "640"
    vm.push(vm.path("usb"), "/root/pushed")
    vm.pull("/root/w", vm.path("pulled"))
    with open(vm.path("pulled"), "rb") as file:
        assert file.read() == b"\0binary\xff"


def test_clerk_sits_at_seat0(vm):
    session = vm.out("loginctl --no-legend list-sessions | awk '$3 == \"clerk\" {print $1}'")
    shown = vm.out(["loginctl", "show-session", session, "-p", "Seat", "-p", "Active",
                    "-p", "State", "-p", "Type", "-p", "Class"])
    for line in ("Seat=seat0", "Active=yes", "State=active", "Type=tty", "Class=user"):
        assert line in shown, shown


def test_clamd_finds_eicar(vm):
    vm.write("/tmp/eicar.txt", EICAR)
    vm.wait_until("test -S /run/clamav/clamd.ctl")
    rc, out, _ = vm.run("clamdscan --fdpass --no-summary /tmp/eicar.txt", check=False)
    assert rc == 1 and "Eicar-Test-Signature" in out, out
    assert "PONG" in vm.out("printf 'zPING\\0' | python3 -c \"import socket,sys;"
                            "s=socket.socket(socket.AF_UNIX);s.connect('/run/clamav/clamd.ctl');"
                            "s.sendall(sys.stdin.buffer.read());print(s.recv(100))\"")


def test_qemu_keyboard_types(vm):
    keyboard = vm.plug_keyboard()
    vm.wait_until("ls /dev/input/by-id/*-event-kbd")
    vm.type("clear; echo $((6*7)).typed\n")
    vm.wait_until("grep -aq '42.typed' /dev/vcs1", what="the clerk's screen")
    assert "42.typed" in vm.screen()
    keyboard.unplug()
    vm.wait_until("! ls /dev/input/by-id/*-event-kbd")


def test_redir_keyboard_types(vm):
    keyboard = Keyboard(serial="K1")
    handle = vm.plug_redir(keyboard)
    path = vm.wait_until("ls /dev/input/by-id/*Test_Keyboard*-event-kbd")
    vm.spawn("timeout 20 head -c 24 %s >/root/evdev" % path, "read-evdev")
    vm.wait_until("test -e /root/evdev")
    keyboard.type("clear; echo Self-$((40+2))\n")
    vm.wait_until("grep -aq 'Self-42' /dev/vcs1", what="the clerk's screen")
    vm.wait_until("test $(stat -c %s /root/evdev) -eq 24", what="an event of the keyboard")
    kind = struct.unpack_from("<16xHHi", vm.read("/root/evdev"))[0]
    assert kind in (1, 4), kind         # a key, or the scan code before it
    handle.unplug()
    vm.wait_until("! ls /dev/input/by-id/*Test_Keyboard*")


def test_qemu_storage_is_read(vm):
    stick = vm.plug_storage(files={"a.txt": b"content"}, serial="QSTICK")
    vm.wait_until("test -b /dev/sda && udevadm settle && blkid /dev/sda")
    assert stick.reads > 0
    assert "QSTICK" in vm.out("udevadm info -q property /dev/sda")
    stick.unplug()
    vm.wait_until("! test -e /dev/sda")


def test_redir_storage_is_read_and_written(vm):
    image = stick_image(vm)
    stick = StorageDevice(image, serial="RSTICK", vid=0x0951, pid=0x1666)
    handle = vm.plug_redir(stick)
    vm.wait_until("test -b /dev/sda && udevadm settle && blkid /dev/sda")
    assert stick.reads > 10, stick.commands
    assert stick.writes == 0, stick.commands
    assert vm.out("cat /sys/bus/usb/devices/*/serial | grep RSTICK")
    before = stick.reads
    vm.run("mount /dev/sda /mnt && cat /mnt/hello.txt && echo written >/mnt/new.txt && umount /mnt")
    assert stick.reads > before and stick.writes > 0, stick.commands
    handle.unplug()
    assert fat.read(image, "new.txt") == b"written\n"
    vm.wait_until("! test -e /dev/sda")


def test_same_stick_again(vm):
    stick = StorageDevice(stick_image(vm, "again.img"), serial="AGAIN")
    for _ in range(3):
        stick.clear()
        handle = vm.plug_redir(stick)
        vm.wait_until("test -b /dev/sda && udevadm settle")
        assert stick.reads > 0
        handle.unplug()
        vm.wait_until("! test -e /dev/sda")


def test_readonly_stick(vm):
    stick = StorageDevice(stick_image(vm, "ro.img"), serial="RO", readonly=True)
    handle = vm.plug_redir(stick)
    vm.wait_until("test -b /dev/sda && udevadm settle")
    assert vm.out("cat /sys/block/sda/ro") == "1"
    handle.unplug()
    vm.wait_until("! test -e /dev/sda")


def test_composite_types_and_stores(vm):
    both = KeyboardStorage(stick_image(vm, "both.img"), serial="BOTH")
    handle = vm.plug_redir(both)
    vm.wait_until("test -b /dev/sda && udevadm settle && ls /dev/input/by-id/*Composite*-event-kbd")
    assert both.reads > 0
    both.type("clear; echo Comp-$((1+1))\n")
    vm.wait_until("grep -aq 'Comp-2' /dev/vcs1", what="the clerk's screen")
    handle.unplug()
    vm.wait_until("! test -e /dev/sda")


def test_unauthorised_is_never_read(vm):
    vm.run("for d in /sys/bus/usb/devices/usb*/authorized_default; do echo 0 >$d; done")
    stick = StorageDevice(stick_image(vm, "deny.img"), serial="DENIED")
    handle = vm.plug_redir(stick)
    device = os.path.dirname(vm.wait_until("grep -l DENIED /sys/bus/usb/devices/*/serial"))
    vm.run("udevadm settle; sleep 1")
    assert vm.out("cat %s/authorized" % device) == "0"
    assert not vm.ok("test -e /dev/sda")
    assert stick.reads == 0 and not stick.commands, stick.commands
    assert stick.configured == 0
    # and by hand it opens, on the same plug
    vm.run("echo 1 >%s/authorized" % device)
    vm.wait_until("test -b /dev/sda && udevadm settle")
    assert stick.reads > 0
    handle.unplug()
    vm.run("for d in /sys/bus/usb/devices/usb*/authorized_default; do echo 1 >$d; done")
    vm.wait_until("! test -e /dev/sda")


def test_interface_deny_splits_a_composite(vm):
    vm.run("for d in /sys/bus/usb/devices/usb*/interface_authorized_default; do echo 0 >$d; done")
    both = KeyboardStorage(stick_image(vm, "split.img"), serial="SPLIT")
    handle = vm.plug_redir(both)
    device = os.path.basename(os.path.dirname(
        vm.wait_until("grep -l SPLIT /sys/bus/usb/devices/*/serial")))
    keyboard = vm.wait_until("cd /sys/bus/usb/devices && grep -l 03 %s:1.*/bInterfaceClass" % device)
    keyboard = os.path.dirname(keyboard)
    vm.run("cd /sys/bus/usb && echo 1 >devices/%s/authorized && echo %s >drivers_probe"
           % (keyboard, keyboard))
    vm.wait_until("ls /dev/input/by-id/*Composite*-event-kbd")
    both.type("clear; echo Split-$((2+2))\n")
    vm.wait_until("grep -aq 'Split-4' /dev/vcs1", what="the clerk's screen")
    assert both.reads == 0 and not both.commands, both.commands
    handle.unplug()
    vm.run("for d in /sys/bus/usb/devices/usb*/interface_authorized_default; do echo 1 >$d; done")


def test_hidden_storage_only_in_descriptors(vm):
    for make, name in ((alternate_storage, "Alternate"), (second_configuration_storage, "Faces")):
        dev = make(stick_image(vm, name + ".img"))
        handle = vm.plug_redir(dev)
        device = os.path.dirname(vm.wait_until("grep -l %s /sys/bus/usb/devices/*/product" % name))
        vm.run("udevadm settle")
        assert dev.reads == 0, dev.commands
        raw = vm.read(device + "/descriptors")
        assert bytes([8, 6, 0x50]) in raw, raw.hex()
        if name == "Faces":
            vm.run("echo 2 >%s/bConfigurationValue" % device)
            vm.wait_until("test -b /dev/sda && udevadm settle")
            assert dev.reads > 0
        handle.unplug()
        vm.wait_until("! test -e %s" % device)


def test_hostile_strings_arrive_raw(vm):
    text = "a\nb\x1b[2J\u202eevil"
    stick = StorageDevice(stick_image(vm, "str.img"), serial="S\nX", product=text)
    handle = vm.plug_redir(stick)
    path = vm.wait_until("grep -l evil /sys/bus/usb/devices/*/product")
    assert vm.read(path).decode() == text + "\n"
    handle.unplug()


def malformed():
    body = interface_descriptor(0, 8, 6, 0x50, 2) + endpoint_descriptor(0x81, 2, 512) \
        + endpoint_descriptor(0x01, 2, 512)
    good = configuration_descriptor(body, 1)
    dev = device_descriptor(0x1D6C, 0x0666, manufacturer=0, product=0, serial=0)
    many = b"".join(interface_descriptor(i, 0xFF, 0, 0, 0) for i in range(32))
    yield "short device descriptor", dev[:8], [good]
    yield "empty configuration", dev, [b""]
    yield "truncated configuration", dev, [good[:13]]
    yield "total length too long", dev, [configuration_descriptor(body, 1, total=4096)]
    yield "total length too short", dev, [configuration_descriptor(body, 1, total=9)]
    yield "no interfaces", dev, [configuration_descriptor(b"", 0)]
    yield "more interfaces promised", dev, [configuration_descriptor(body, 9)]
    yield "zero-length descriptor", dev, [configuration_descriptor(body + b"\0\0" + body, 1)]
    yield "32 interfaces", dev, [configuration_descriptor(many, 32)]
    yield "interval 0", dev, [configuration_descriptor(
        interface_descriptor(0, 3, 1, 1, 1) + endpoint_descriptor(0x81, 3, 0, 0), 1)]
    yield "255 configurations promised", dev[:17] + b"\xff", [good]


def test_malformed_devices(vm):
    for name, device, configurations in malformed():
        dev = RawDevice(device, configurations)
        handle = vm.plug_redir(dev)
        # the kernel asks for it at least; what it makes of it is its business
        vm.wait(lambda: dev.requests[(0x80, 6)] > 0, "descriptors asked for: " + name, 20)
        vm.run("sleep 0.7; udevadm settle")
        handle.unplug()
        assert dev.error is None, (name, dev.error)
    vm.wait_until("test $(ls -d /sys/bus/usb/devices/[12]-[1-9]* 2>/dev/null | wc -l) -eq 0", 30)
    assert not vm.ok("dmesg | grep -e 'BUG:' -e 'Oops'")


def test_mode_switch(vm):
    first = Device([Placeholder(0xFF)], serial="MODE1", product="Installer")
    stick = StorageDevice(stick_image(vm, "mode.img"), serial="MODE2")
    handle = vm.plug_redir(first)
    vm.wait_until("grep -l MODE1 /sys/bus/usb/devices/*/serial")
    first.reconnect(stick)
    vm.wait_until("grep -l MODE2 /sys/bus/usb/devices/*/serial && test -b /dev/sda")
    assert not vm.ok("grep -l MODE1 /sys/bus/usb/devices/*/serial")
    handle.unplug()
    vm.wait_until("! test -e /dev/sda")


def test_other_kinds(vm):
    for plug, seen in ((vm.plug_uas, "test -b /dev/sda && lsusb -t | grep -q =uas"),
                       (vm.plug_cdrom, "test -b /dev/sr0"),
                       (vm.plug_mtp, "lsusb | grep -q 46f4:0004"),
                       (vm.plug_net, "ls -d /sys/class/net/usb0"),
                       (vm.plug_serial, "test -c /dev/ttyUSB0"),
                       (vm.plug_ccid, "lsusb | grep -q 08e6:4433"),
                       (vm.plug_mouse, "ls /dev/input/by-id/*-event-mouse"),
                       (vm.plug_nvme, "test -b /dev/nvme0n1")):
        handle = plug()
        vm.wait_until(seen + " && udevadm settle")
        handle.unplug()
        vm.wait_until("! { %s; }" % seen)


def test_hub(vm):
    hub = vm.plug_hub(port="4")
    vm.wait_until("lsusb | grep -q 0409:55aa")
    stick = vm.plug_storage(serial="BEHIND", port="4.1")
    vm.wait_until("ls -d /sys/bus/usb/devices/*-4.1 && test -b /dev/sda")
    stick.unplug()
    hub.unplug()
    vm.wait_until("! test -e /dev/sda")


def test_forwarded_ports_only(vm):
    import socket
    import threading
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(20)

    def answer():
        client, _ = server.accept()
        with client:
            client.recv(1000)
            client.sendall(b"HTTP/1.0 200 OK\r\n\r\nreached")
    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    vm.forward(8443, server.getsockname()[1])
    assert vm.out("curl -s --max-time 10 http://10.0.2.100:8443/") == "reached"
    thread.join(5)
    server.close()
    vm.unforward(8443)
    assert not vm.ok("curl -s --max-time 5 http://10.0.2.100:8443/")
    assert not vm.ok("curl -s --max-time 2 http://10.0.2.2:22/")


def test_clock(vm):
    vm.set_clock(1700000000)
    assert vm.out("date -u +%Y").startswith("2023")
    vm.set_clock()
    assert not vm.out("date -u +%Y").startswith("2023")


def test_saved_state_and_reboot(vm):
    vm.write("/root/kept", b"kept")
    snapshot = vm.save_state()
    try:
        vm.restore = snapshot
        vm.start()
        assert vm.read("/root/kept") == b"kept"
        vm.write("/root/more", b"more")
        # a stick that is in the port at power-on
        stick = StorageDevice(stick_image(vm, "boot.img"), serial="ATBOOT")
        vm.reboot(before=lambda machine: machine.plug_redir(stick), append="sekimori.test=1")
        assert "sekimori.test=1" in vm.out("cat /proc/cmdline")
        assert vm.read("/root/more") == b"more"
        vm.wait_until("test -b /dev/sda && udevadm settle")
        assert stick.reads > 0
        vm.run("echo synced >/root/synced; sync")
        vm.crash()
        vm.append = ""
        vm.start()
        assert vm.read("/root/synced") == b"synced\n"
    finally:
        snapshot.remove()
