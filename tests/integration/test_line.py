#!/usr/bin/env python3
"""The line with every program real: sekimorid (on a folder that looks like sysfs, with one stick), sekimori-uplink, sekimori-server, the console.

    test_line.py [--build DIR] [unittest arguments]
"""
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "system"), os.path.join(HERE, "..", "tools")]
import phone_vectors  # noqa: E402
import server_lib  # noqa: E402
from console_client import Console  # noqa: E402
from server_lib import wait_for  # noqa: E402

DEVICE = bytes([18, 1, 0, 2, 0, 0, 0, 64, 0xF4, 0x46, 1, 0, 0, 1, 1, 2, 3, 1])
CONFIG = bytes([9, 2, 32, 0, 1, 1, 0, 0x80, 50, 9, 4, 0, 0, 2, 8, 6, 0x50, 0, 7, 5, 0x81, 2, 0, 2, 0, 7, 5, 2, 2, 0, 2, 0])
HUB = bytes([18, 1, 0, 2, 9, 0, 1, 64, 0x6B, 0x1D, 2, 0, 1, 6, 3, 2, 1, 1, 9, 2, 25, 0, 1, 1, 0, 0xE0, 0, 9, 4, 0, 0, 1, 9, 0, 0, 0, 7, 5, 0x81, 3, 4, 0, 12])


def put(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def make_sysfs(root):
    """A host controller with one stick at 1-2, as the kernel shows them while nothing is authorised."""
    hub = os.path.join(root, "sys/devices/pci0000:00/0000:00:01.0/usb1")
    for name, data in (("descriptors", HUB), ("authorized", "1\n"), ("authorized_default", "1\n"), ("interface_authorized_default", "1\n"),
                       ("bConfigurationValue", "1\n"), ("busnum", "1\n"), ("devnum", "1\n"), ("speed", "480\n")):
        put(os.path.join(hub, name), data)
    stick = os.path.join(hub, "1-2")
    for name, data in (("descriptors", DEVICE + CONFIG), ("authorized", "0\n"), ("bConfigurationValue", "\n"), ("manufacturer", "QEMU\n"),
                       ("product", "Office Stick\n"), ("serial", "4C530001230815\n"), ("removable", "removable\n"), ("busnum", "1\n"),
                       ("devnum", "2\n"), ("speed", "480\n")):
        put(os.path.join(stick, name), data)
    devices = os.path.join(root, "sys/bus/usb/devices")
    os.makedirs(devices)
    put(os.path.join(root, "sys/bus/usb/drivers_probe"), "")
    os.symlink("../../../devices/pci0000:00/0000:00:01.0/usb1", os.path.join(devices, "usb1"))
    os.symlink("../../../devices/pci0000:00/0000:00:01.0/usb1/1-2", os.path.join(devices, "1-2"))
    os.makedirs(os.path.join(root, "sys/block"))


class Terminal:
    """sekimorid and sekimori-uplink of one terminal, in a folder of their own."""

    def __init__(self, folder):
        self.folder, self.daemon, self.uplink = folder, None, None
        for name in ("state", "run", "uplink", "root"):
            os.mkdir(os.path.join(folder, name), 0o700)
        put(self.path("agent.ini"), "")
        make_sysfs(self.path("root"))

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    @staticmethod
    def program(name):
        return os.path.join(server_lib.BUILD, "bin", name)

    def spawn(self, name, *args):
        with open(self.path(name + ".log"), "ab") as log:
            return subprocess.Popen([self.program(name), *args], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start_daemon(self):
        self.daemon = self.spawn("sekimorid", "--config", self.path("agent.ini"), "--state", self.path("state"), "--run", self.path("run"),
                                 "--policy", self.path("policy.ini"), "--sysfs", self.path("root"), "--probe", "/bin/false")
        wait_for(self.listens)

    def listens(self):
        try:
            return self.ask("status")
        except OSError:
            if self.daemon.poll() is not None:
                raise AssertionError(self.log("sekimorid"))
            return None

    def start_uplink(self):
        self.uplink = self.spawn("sekimori-uplink", "--state", self.path("uplink"), "--socket", self.path("run/uplink.sock"), "--user", "root")

    def ask(self, op, **fields):
        with socket.socket(socket.AF_UNIX) as c:
            c.settimeout(20)
            c.connect(self.path("run/control.sock"))
            text = json.dumps(dict(fields, op=op)).encode()
            c.sendall(struct.pack(">I", len(text)) + text)
            f = c.makefile("rb")
            return json.loads(f.read(struct.unpack(">I", f.read(4))[0]))

    def enrol(self, server, token, *extra):
        done = subprocess.run([self.program("sekimori-uplink"), "--enroll", "--state", self.path("uplink"), "--user", "root", "--host", "pc-1",
                               "--server", f"https://127.0.0.1:{server.console}", "--token", "-", *extra], input=token + "\n",
                              capture_output=True, text=True, timeout=60, check=False)
        answer = json.loads(done.stdout)
        if done.returncode == 0:
            set_ = self.ask("trust.set", server=answer["server"], device_id=answer["device_id"], verify_key_pem=answer["verify_key"])
            if not set_.get("ok"):
                raise AssertionError(set_)
        return done.returncode, answer

    def log(self, name):
        with open(self.path(name + ".log"), errors="replace") as f:
            return f.read()

    def stop(self):
        for p in (self.uplink, self.daemon):
            if p and p.poll() is None:
                p.terminate()
                try:
                    p.wait(10)
                except subprocess.TimeoutExpired:
                    p.kill()
                    p.wait()


class Line(unittest.TestCase):
    def setUp(self):
        self.server = server_lib.Server()
        self.addCleanup(self.server.remove)
        self.server.people()
        self.server.start()
        folder = tempfile.mkdtemp(prefix="sekimori-line-")
        self.addCleanup(shutil.rmtree, folder)
        self.terminal = Terminal(folder)
        self.addCleanup(self.terminal.stop)
        self.terminal.start_daemon()

    def status(self):
        return self.terminal.ask("status")

    def online(self):
        code, answer = self.terminal.enrol(self.server, self.server.token("pc-1"))
        self.assertEqual(code, 0, answer)
        self.device = answer["device_id"]
        self.terminal.start_uplink()
        wait_for(lambda: self.status()["uplink"]["state"] == "online", 20)
        wait_for(self.nothing_left, 20)

    def nothing_left(self):
        j = self.status()["journal"]
        return j["last_seq"] > 0 and j["acked_seq"] == j["last_seq"]

    def all_stored(self):
        """Answers to requests come as orders and are events again: so both sides are looked at until they agree."""
        return self.nothing_left() and self.stored() == self.status()["journal"]["last_seq"]

    def stored(self):
        return int(self.server.sql(f"SELECT count(*) FROM events WHERE device = '{self.device}'"))

    def test_enrol_events_request_permit_approve_grant(self):
        self.online()
        wait_for(self.all_stored)
        stick = [d for d in self.terminal.ask("devices")["devices"] if d["device"] == "1-2"][0]
        self.assertEqual(stick["verdict"], "deny")
        asked = self.terminal.ask("request.create", device="1-2", purpose="closing of accounts", access="ro", hours=1, **{"class": "none"})
        self.assertTrue(asked["ok"], asked)
        desk, manager = (Console(self.server.console, self.server.ca()) for _ in range(2))
        manager.login("manager", "manager-password")
        wait_for(lambda: "closing of accounts" in manager.get("/requests/1") if "/requests/1" in manager.get("/requests") else None)
        manager.submit(button=("action", "permit"))
        desk.login("desk", "desk-password-1")
        desk.get("/requests/1")
        before = self.status()["grants"]["version"]
        until = time.strftime("%Y-%m-%dT%H:%M", time.localtime(time.time() + 1800))
        start = time.monotonic()
        desk.submit(button=("action", "approve"), access="ro", until=until)
        self.assertEqual(desk.status, 200)
        grants = wait_for(lambda: self.status()["grants"]["version"] > before and self.status()["grants"], 5)
        took = time.monotonic() - start
        print(f"\napproval pressed to grants in force: {took * 1000:.0f} ms", file=sys.stderr)
        self.assertEqual(grants["count"], 1)
        self.assertLess(took, 5)
        states = {r["id"]: r["state"] for r in self.terminal.ask("request.list")["requests"]}
        self.assertEqual(states[asked["id"]], "approved")

    def test_server_stopped_events_go_on_nothing_is_missing(self):
        self.online()
        for sig in (signal.SIGTERM, signal.SIGKILL):
            self.server.stop(sig)
            wait_for(lambda: self.status()["uplink"]["state"] == "offline")
            for i in range(20):
                self.assertTrue(self.terminal.ask("request.create", device="1-2", purpose=f"while it is away {i}")["ok"])
            self.assertFalse(self.nothing_left())
            port, console = self.server.agents, self.server.console
            self.fix_ports(port, console)
            self.server.start()
            wait_for(self.nothing_left, 40)
        wait_for(self.all_stored)
        self.assertEqual(self.server.run("verify").returncode, 0)
        self.assertEqual(self.terminal.ask("verify")["problem"] or "", "")

    def fix_ports(self, agents, console):
        with open(self.server.config, encoding="utf-8") as f:
            text = f.read()
        text = text.replace("agents = 127.0.0.1:0", f"agents = 127.0.0.1:{agents}").replace("console = 127.0.0.1:0", f"console = 127.0.0.1:{console}")
        with open(self.server.config, "w", encoding="utf-8") as f:
            f.write(text)

    def test_programs_killed_while_events_flow(self):
        self.online()
        for i in range(8):
            for k in range(5):
                self.assertTrue(self.terminal.ask("request.create", device="1-2", purpose=f"round {i} {k}")["ok"])
            if i % 2:
                self.terminal.uplink.kill()
                self.terminal.uplink.wait()
                self.terminal.start_uplink()
            else:
                self.terminal.daemon.kill()
                self.terminal.daemon.wait()
                self.terminal.start_daemon()
        wait_for(self.all_stored, 40)
        self.assertEqual(self.server.run("verify").returncode, 0)
        self.assertEqual(self.server.sql("SELECT count(*) FROM requests"), "40")

    def test_a_policy_set_on_the_server_comes_into_force(self):
        self.online()
        policy = os.path.join(HERE, "..", "..", "policy", "profiles", "internet.ini")
        self.server.cli("policy", "set", policy)
        wait_for(lambda: self.status()["policy"]["source"] == "server", 5)

    def issue(self, challenge, *more):
        return self.server.run("phone", "issue", "--as", "desk", "--terminal", "pc-1", "--challenge", challenge, "--person", "root", "--callback",
                               "1234", "--reason", "files", "--permitted-by", "manager", *more)

    def reason(self):
        """Nobody sits at this terminal: a permit in force shows as one for another person."""
        return [d for d in self.terminal.ask("devices")["devices"] if d["device"] == "1-2"][0]["interfaces"][0]["reason"]

    def codes(self):
        return json.loads(self.server.cli("phone", "list", "--json"))

    def test_a_permit_by_telephone_while_the_line_is_away(self):
        shutil.copy(os.path.join(HERE, "..", "..", "policy", "profiles", "default.ini"), self.terminal.path("policy.ini"))
        self.assertTrue(self.terminal.ask("policy.reload")["ok"])
        self.assertIn("no key", self.terminal.ask("phone.start", device="1-2")["error"])
        self.online()
        wait_for(lambda: self.terminal.ask("phone.start", device="1-2")["ok"])
        self.terminal.uplink.terminate()
        self.terminal.uplink.wait()
        asked = self.terminal.ask("phone.start", device="1-2")
        done = self.issue(asked["challenge"][:-1] + str((int(asked["challenge"][-1]) + 1) % 10))
        self.assertEqual(done.returncode, 1)
        self.assertIn("typing mistake", done.stderr)
        done = self.issue(asked["challenge"])
        self.assertEqual(done.returncode, 0, done.stderr)
        answer = done.stdout.strip()
        self.assertEqual(self.issue(asked["challenge"]).returncode, 1, "shown once")
        self.assertEqual(self.terminal.ask("phone.answer", answer=answer[:-1] + str((int(answer[-1]) + 1) % 10))["result"], "mistyped")
        self.assertEqual(self.reason(), "no-grant")
        given = self.terminal.ask("phone.answer", answer=answer)
        self.assertEqual((given["result"], given["access"]), ("ok", "ro"))
        wait_for(lambda: self.reason() == "grant-other-person", 5)
        self.assertEqual(self.terminal.ask("phone.answer", answer=answer)["result"], "dead")
        # Killed in the middle: the permit goes on, the code is used up.
        self.terminal.daemon.kill()
        self.terminal.daemon.wait()
        self.terminal.start_daemon()
        self.assertEqual(self.reason(), "grant-other-person")
        self.assertEqual(self.codes()[0]["state"], "issued")
        # A second one without the helpdesk, by whoever has the key.
        asked = self.terminal.ask("phone.start", device="1-2")
        digits = asked["challenge"].replace(" ", "")
        self.assertEqual(digits[4:8], "0101", "the same epoch, the next use")
        with open(os.path.join(self.server.state, "phone.key"), encoding="ascii") as file:
            key = phone_vectors.key(bytes.fromhex(file.read().strip()), self.device, 1)
        forged = "01%012d" % phone_vectors.code(key, 1, self.device, int(digits[8:18]), 1, 1, int(digits[18:31]), "root", 1, 3600)
        self.assertEqual(self.terminal.ask("phone.answer", answer=forged + phone_vectors.check(forged))["result"], "ok")
        self.terminal.start_uplink()
        wait_for(lambda: self.codes()[0]["state"] == "redeemed", 20)
        wait_for(lambda: self.server.sql("SELECT count(*) FROM incidents WHERE kind = 'phone-never-issued'") == "1", 20)
        wait_for(lambda: self.terminal.ask("phone.start", device="1-2")["challenge"].replace(" ", "")[4:8] == "0200", 90)
        self.assertEqual(os.stat(os.path.join(self.server.state, "phone.key")).st_mode & 0o777, 0o600)

    def test_tokens(self):
        token = self.server.token("pc-1")
        code, answer = self.terminal.enrol(self.server, token.replace(token[4:8], "ZZZZ"))
        self.assertEqual((code, answer["error"]), (1, "token-unknown"))
        code, answer = self.terminal.enrol(self.server, self.server.token("pc-2"))
        self.assertEqual((code, answer["error"]), (1, "token-other-host"))
        self.assertEqual(os.listdir(self.terminal.path("uplink")), [])
        code, answer = self.terminal.enrol(self.server, token)
        self.assertEqual(code, 0, answer)
        code, answer = self.terminal.enrol(self.server, token)
        self.assertEqual((code, answer["error"]), (1, "already-enrolled"))
        code, answer = self.terminal.enrol(self.server, token, "--again")
        self.assertEqual((code, answer["error"]), (1, "token-used"))
        self.assertTrue(answer["text"])

    def test_enrolled_anew_with_another_token(self):
        self.online()
        first = self.device
        self.terminal.uplink.terminate()
        self.terminal.uplink.wait()
        code, answer = self.terminal.enrol(self.server, self.server.token("pc-1"), "--again")
        self.assertEqual(code, 0, answer)
        self.device = answer["device_id"]
        self.terminal.start_uplink()
        wait_for(self.all_stored, 20)
        self.assertEqual(self.server.run("verify").returncode, 0)
        self.assertNotEqual(first, self.device)


if __name__ == "__main__":
    argv = sys.argv[:]
    if "--build" in argv:
        at = argv.index("--build")
        server_lib.BUILD = argv[at + 1]
        del argv[at:at + 2]
    unittest.main(argv=argv)
