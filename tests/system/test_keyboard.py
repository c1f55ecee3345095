"""Never locked out: keyboards that wait to be confirmed, a KVM switch, a dock in another port."""

import gate_tools as gate
from vm.usbredir import Keyboard

TIMEOUT = 180
ISSUER = []


def setup_module(vm):
    vm.wait_until("systemctl is-active sekimorid", 60)
    ISSUER.append(gate.Issuer(vm))
    ISSUER[0].withdraw()


def teardown_module(vm):
    ISSUER.pop().close()


def typed(vm, keyboard, word):
    vm.wait_until("grep -q 'Test Keyboard' /proc/bus/input/devices", 20)
    vm.run("rm -f /home/clerk/typed")
    keyboard.type("echo %s >typed\n" % word)
    vm.wait_until("grep -q %s /home/clerk/typed" % word, 20)


def of(vm, serial, verdict=None):
    def probe():
        device = gate.find(vm, serial)
        return device if device and verdict in (None, device["verdict"]) else None
    return vm.wait(probe, "%s %s" % (serial, verdict or ""), 20)


def ask_policy(vm, word):
    vm.run("sed -i '/^new_keyboard/d; s/^default = deny/default = deny\\nnew_keyboard = %s/' /etc/sekimori/policy.ini && "
           "systemctl reload sekimorid" % word)


def test_a_keyboard_beside_another_waits(vm):
    first, second = Keyboard(serial="KA"), Keyboard(serial="KB")
    one = vm.plug_redir(first, port="1")
    of(vm, "KA", "allow")
    ask_policy(vm, "confirm")
    typed(vm, first, "one")
    two = vm.plug_redir(second, port="2")
    device = of(vm, "KB", "deny")
    assert device["reason"] == "confirm", device
    assert vm.read("/sys/bus/usb/devices/%s/authorized" % device["device"]).strip() == b"0"
    assert gate.call(vm, "confirm", user="clerk2", device=device["device"])["code"] == "denied"
    # Confirmed by typing on the keyboard that is there.
    first.type("sekimori confirm %s\n" % device["device"])
    of(vm, "KB", "allow")
    typed(vm, second, "two")
    assert [e["person"] for e in gate.events(vm, "device.confirmed")] == ["clerk"]
    # Known at this port from now on, and one in a third port waits; when the others go, it comes in.
    two.unplug()
    two = vm.plug_redir(second, port="2")
    of(vm, "KB", "allow")
    third = Keyboard(serial="KC")
    three = vm.plug_redir(third, port="3")
    of(vm, "KC", "deny")
    two.unplug()
    one.unplug()
    of(vm, "KC", "allow")
    typed(vm, third, "three")
    three.unplug()
    ask_policy(vm, "allow")


def test_kvm_switch(vm):
    """A keyboard that goes and comes twenty times, also while the agent restarts, types at the end."""
    keyboard = Keyboard(serial="KVM")
    for number in range(20):
        plugged = vm.plug_redir(keyboard)
        if number == 10:
            vm.run("systemctl kill -s KILL sekimorid")
        plugged.unplug()
    plugged = vm.plug_redir(keyboard)
    of(vm, "KVM", "allow")
    typed(vm, keyboard, "kvm")
    assert vm.ok("systemctl is-active sekimorid")
    plugged.unplug()


def test_dock_in_another_port(vm):
    """The same hub with the same keyboard, five deep, in one port and then in another."""
    for port in ("3", "4"):
        hubs = [vm.plug_hub(port=".".join([port] + ["1"] * depth)) for depth in range(5)]
        keyboard = vm.plug("usb-kbd", port=port + ".1.1.1.1.2")
        vm.wait(lambda: [d for d in gate.devices(vm).values() if d["kinds"] == ["input"] and d["verdict"] == "allow"],
                "the keyboard behind five hubs in port " + port, 40)
        keyboard.unplug()
        for hub in reversed(hubs):
            hub.unplug()
        vm.wait(lambda: not [d for d in gate.devices(vm).values() if d["kinds"] == ["input"]], "its going", 20)
