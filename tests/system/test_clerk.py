"""The clerk's side: a desktop notification with a button, the answer on the desktop, and a permit by telephone while the network is away."""

import json
import os
import re
import sys
import time

import gate_tools as gate
from line import Server, enrol, sekimori
from vm import usbredir

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, "build")
TIMEOUT = 300
sys.path.insert(0, os.path.join(TOP, "tests", "tools"))
import phone_vectors  # noqa: E402

BUS = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1000/bus", "XDG_RUNTIME_DIR": "/run/user/1000"}
ENV = " ".join("%s=%s" % pair for pair in BUS.items())
LOG = "/tmp/notifications.log"
server = None


def setup_module(vm):
    global server
    server = Server(BUILD)
    server.people()
    server.start()
    code, out, err = enrol(vm, server)
    assert code == 0, out + err
    if not vm.ok("test -S /run/user/1000/bus"):
        vm.run("install -d -o clerk -m 0700 /run/user/1000")
        vm.spawn("dbus-daemon --session --nofork --address=%s" % BUS["DBUS_SESSION_BUS_ADDRESS"], "clerk-bus", user="clerk")
        vm.wait_until("test -S /run/user/1000/bus")
    vm.write("/usr/bin/zenity", "#!/bin/sh\nprintf '決算資料の受け取り\\037\\037\\037\\037税務課内\\n'\n", mode=0o755)
    vm.spawn("env %s /usr/bin/python3 -m dbusmock --session -l %s -t notification_daemon -p '{\"capabilities\": \"body body-markup actions\"}'"
             % (ENV, LOG), "clerk-desk", user="clerk")
    vm.spawn("env %s LC_ALL=ja_JP.UTF-8 /usr/lib/sekimori/sekimori-session" % ENV, "clerk-session", user="clerk")
    vm.wait_until("grep -q GetCapabilities %s" % LOG, 40)


def teardown_module(vm):
    server.remove()


def shown(vm):
    """Each Notify call; a body has several lines."""
    return [entry for entry in re.split(r"\n(?=\d+\.\d+ )", vm.out("cat " + LOG)) if " Notify " in entry.split("\n")[0]]


def wait_shown(vm, text, seconds=30):
    vm.wait_until("grep ' Notify ' %s | grep -q %s" % (LOG, text), seconds)
    return [line for line in shown(vm) if text in line]


def device(vm, serial):
    return [d for d in sekimori(vm, "devices")[1]["devices"] if d["serial"] == serial][0]


def test_refused_asked_for_and_answered_on_the_desktop(vm):
    """Exactly one notification, in Japanese, with a button; the button files the request; the refusal of it is told."""
    stick = usbredir.StorageDevice(path=vm.path("usb", "n.img"), files={"a.txt": b"x"}, serial="NOTIFY1", product="Office Stick")
    plugged = vm.plug_redir(stick)
    note = wait_shown(vm, "Office")[0]
    assert "機器を開きませんでした" in note and "許可を求める" in note and "規則: " in note, note
    vm.run("busctl --address=%s call org.freedesktop.Notifications /org/freedesktop/Notifications org.freedesktop.DBus.Mock EmitSignal sssav "
           "org.freedesktop.Notifications ActionInvoked us 2 u 1 s ask" % BUS["DBUS_SESSION_BUS_ADDRESS"], user="clerk")
    vm.wait_until("sekimori events --json | grep -q request.created", 20)
    mine = sekimori(vm, "request", "list", user="clerk")[1]["requests"][0]
    assert mine["body"]["purpose"] == "決算資料の受け取り" and mine["body"]["device"]["serial"] == "NOTIFY1", mine
    wait_shown(vm, "申請を受け付けました")
    assert len([n for n in shown(vm) if "機器を開きませんでした" in n]) == 1, shown(vm)
    manager = server.console("manager")
    end = time.monotonic() + 40
    while not (numbers := re.findall(r'href="/requests/(\d+)', manager.get("/requests"))):
        assert time.monotonic() < end, "the request did not reach the console"
        time.sleep(0.3)
    manager.get("/requests/%s" % numbers[0])
    manager.submit(button=("action", "refuse"), reason="目的が不明")
    assert "目的が不明" in wait_shown(vm, "申請に回答がありました", 60)[0]
    plugged.unplug()


def telephone(vm, port):
    """The clerk's challenge, by the CLI."""
    return sekimori(vm, "phone", "--device", port, user="clerk")[1]


def test_a_stick_is_opened_by_telephone_and_the_record_goes_up_later(vm):
    vm.wait_until("grep -q '\"phone\"' /var/lib/sekimori/*grants* || sekimori status --json | grep -q '\"grants\"'", 40)
    stick = usbredir.StorageDevice(path=vm.path("usb", "p.img"), files={"a.txt": b"by telephone\n"}, serial="PHONE1", product="Field Stick")
    plugged = vm.plug_redir(stick)
    vm.wait_until("sekimori devices --json | grep -q PHONE1", 20)
    port = device(vm, "PHONE1")["device"]
    vm.link(False)
    asked = telephone(vm, port)
    answer = server.cli("phone", "issue", "--as", "desk", "--terminal", "staff-pc-1", "--challenge", asked["challenge"], "--person", "clerk",
                        "--callback", "1234", "--reason", "現場の書類", "--permitted-by", "manager").strip()
    wrong = answer[:-1] + str((int(answer[-1]) + 1) % 10)
    code, result = sekimori(vm, "phone", wrong, user="clerk", check=False)
    assert code == 1 and result["result"] == "mistyped", result
    code, result = sekimori(vm, "phone", answer, user="clerk", check=False)
    assert code == 0 and result["access"] == "ro", result
    mount = vm.wait_until("grep -o '/run/media/[^ ]*' /proc/mounts", 30).split()[0]
    assert vm.out(["cat", mount + "/a.txt"], user="clerk") == "by telephone"
    assert sekimori(vm, "phone", answer, user="clerk", check=False)[1]["result"] == "dead", "a replay"
    assert '"redeemed": null' in server.cli("phone", "list", "--json")
    # A forged one: made with the terminal's key, never issued by the helpdesk.
    with open(os.path.join(server.state, "phone.key")) as file:
        master = bytes.fromhex(file.read().strip())
    asked = telephone(vm, port)
    digits = asked["challenge"].replace(" ", "")
    key = phone_vectors.key(master, asked["host_id"], int(digits[4:6]))
    forged = "02%012d" % phone_vectors.code(key, 1, asked["host_id"], int(digits[8:18]), int(digits[4:6]), int(digits[6:8]), int(digits[18:31]),
                                            "clerk", 2, 4 * 3600)
    assert sekimori(vm, "phone", forged + phone_vectors.check(forged), user="clerk", check=False)[1]["result"] == "ok"
    vm.link(True)
    end = time.monotonic() + 90
    while json.loads(server.cli("phone", "list", "--json"))[0]["state"] != "redeemed":
        assert time.monotonic() < end, "the record did not go up: " + vm.out("sekimori status")
        time.sleep(0.5)
    while "phone-never-issued" not in server.console("auditor").get("/audit"):
        assert time.monotonic() < end, "no alarm on the forged one"
        time.sleep(0.5)
    plugged.unplug()


def test_a_cut_off_terminal_comes_back_by_telephone(vm):
    """Cut off by a real order over the line; nothing gets through; a code of the helpdesk ends it, and both sides have it on record."""
    number = int(server.cli("order", "add", "isolate", "--as", "desk", "--terminal", "staff-pc-1", "--reason", "感染の疑い").split()[0])
    vm.wait_until("nft list table inet sekimori_isolation", 60)
    vm.wait_until("sekimori status --json | grep -q '\"isolation\": *\"full\"'", 20)
    assert vm.out("timeout 2 bash -c '</dev/tcp/10.0.2.100/8443' 2>/dev/null && echo open || echo shut", user="sekimori-uplink") == "shut"
    asked = sekimori(vm, "phone", "--isolation", user="clerk")[1]
    issue = ["phone", "issue", "--as", "desk", "--terminal", "staff-pc-1", "--challenge", asked["challenge"], "--person", "clerk", "--callback", "1234",
             "--reason", "駆除を確認", "--permitted-by", "manager", "--profile"]
    answer = server.cli(*issue, "31").strip()
    wrong = "31%012d" % ((int(answer.replace(" ", "")[2:14]) + 1) % 10 ** 12)
    assert sekimori(vm, "phone", wrong + phone_vectors.check(wrong), user="clerk", check=False)[1]["result"] == "wrong"
    assert vm.ok("nft list table inet sekimori_isolation")
    code, result = sekimori(vm, "phone", answer, user="clerk", check=False)
    assert code == 0 and result["result"] == "ok", result
    vm.wait_until("! nft list table inet sekimori_isolation 2>/dev/null", 30)
    assert not vm.ok("test -e /var/lib/sekimori/isolation.nft")
    assert gate.events(vm, "isolation.off")[-1]["cause"] == "phone"
    end = time.monotonic() + 120
    while (json.loads(server.cli("phone", "list", "--json"))[0]["state"] != "redeemed" or
           [o["state"] for o in json.loads(server.cli("order", "list", "--json")) if o["number"] == number] != ["done"]):
        assert time.monotonic() < end, "the record did not go up: " + vm.out("sekimori status")
        time.sleep(0.5)
