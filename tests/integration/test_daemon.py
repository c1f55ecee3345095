#!/usr/bin/env python3
"""sekimorid as a process on a made-up machine: start, record, sockets, signed bundles, and death at any moment.

    test_daemon.py [unittest arguments]        (BUILD names the build folder)
"""
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from daemon_fakes import Connection, Machine, Signer  # noqa: E402

DEVICE = "11111111-2222-4333-8444-555555555555"
OTHER = "99999999-2222-4333-8444-555555555555"
POLICY = """[policy]
name = signed
version = 5
zone = lgwan
mode = enforce
default = deny
contact_ja = x
contact_en = x
[rule hubs]
kind = hub
action = allow
[rule media]
kind = storage
action = grant
"""


def grant(device_key, serial, until_s=3600, access="ro", number=1):
    stamp = lambda s: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(s))  # noqa: E731
    return {"id": "11111111-2222-4333-8444-%012d" % number, "request": number, "device_key": device_key, "serial": serial, "person": "", "access": access,
            "info_class": "none", "purpose": "p", "from": stamp(time.time() - 60), "until": stamp(time.time() + until_s), "permitted_by": "SEC",
            "approved_by": "DESK"}


class Base(unittest.TestCase):
    def setUp(self):
        self.m = Machine()
        self.addCleanup(self.m.remove)

    def verified(self):
        answer = self.m.ask("verify")
        self.assertEqual((answer["broken"], answer["problem"]), (0, None), answer)
        return answer

    def enrol(self, signer, device=DEVICE):
        answer = self.m.ask("trust.set", server="https://server:8443", device_id=device, verify_key_pem=signer.public)
        self.assertTrue(answer["ok"], answer)

    def put(self, envelope):
        c = self.m.uplink()
        try:
            return c.call("bundle.put", envelope=envelope)
        finally:
            c.close()


class Start(Base):
    def test_default_deny_is_set_and_a_stick_is_refused_and_recorded(self):
        self.m.sysfs.stick()
        self.m.sysfs.keyboard()
        self.m.start()
        self.assertEqual(self.m.sysfs.read("usb1", "authorized_default"), "0")
        self.assertEqual(self.m.sysfs.read("usb1", "interface_authorized_default"), "0")
        self.assertEqual(self.m.sysfs.read("1-1", "authorized"), "0")
        self.assertEqual(self.m.sysfs.read("1-2", "authorized"), "1", "the keyboard is let in")
        devices = {d["device"]: d for d in self.m.ask("devices")["devices"]}
        self.assertEqual((devices["1-1"]["verdict"], devices["1-1"]["reason"], devices["1-1"]["rule"]), ("deny", "no-grant", "media"))
        self.assertEqual(devices["1-2"]["verdict"], "allow")
        kinds = self.m.kinds()
        self.assertEqual(kinds[:2], ["chain-start", "daemon.started"])
        self.assertIn("device.decided", kinds)
        status = self.m.ask("status")
        self.assertEqual(status["enforcement"]["state"], "enforcing")
        self.assertTrue(all(c["shut"] for c in status["enforcement"]["controllers"]))
        self.verified()

    def test_the_deny_does_not_need_the_journal(self):
        os.symlink("/proc/nonexistent", self.m.state)
        self.m.sysfs.stick()
        self.m.sysfs.keyboard()
        self.m.start()
        self.assertEqual(self.m.sysfs.read("usb1", "authorized_default"), "0")
        self.assertEqual(self.m.sysfs.read("1-1", "authorized"), "0")
        self.assertEqual(self.m.ask("status")["journal"]["state"], "failed")
        code, out, _ = self.m.cli("doctor")
        self.assertEqual(code, 1)
        self.assertIn("events cannot be written", out)

    def test_wrong_files_never_keep_it_from_running(self):
        with open(os.path.join(self.m.folder, "agent.ini"), "w") as file:
            file.write("[agent]\nlanguage = klingon\n")
        with open(self.m.policy, "w") as file:
            file.write("[policy]\nname = x\n")
        os.mkdir(self.m.state)
        for name in ("trust.json", "policy.bundle", "grants.bundle", "versions", "journal.db", "journal.anchor"):
            with open(os.path.join(self.m.state, name), "w") as file:
                file.write("nonsense " * 1000)
        self.m.sysfs.stick()
        self.m.start()
        status = self.m.ask("status")
        self.assertEqual(status["policy"]["source"], "failsafe")
        self.assertIn("policy.ini:", status["policy"]["problem"])
        self.assertIn("agent.ini:2", status["config_problem"])
        self.assertEqual(status["journal"]["state"], "ok")
        self.assertIn("policy.refused", self.m.kinds())
        self.assertTrue([n for n in os.listdir(self.m.state) if n.startswith("journal.db.damaged-")])
        self.assertEqual(self.m.ask("devices")["devices"][0]["verdict"], "deny")

    def test_a_second_one_is_refused(self):
        self.m.start()
        done = subprocess.run(self.m.command(), capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("another sekimorid", done.stderr)
        self.assertTrue(self.m.ask("status")["ok"])

    def test_usage(self):
        for more in (["--nonsense"], ["more"], ["--state"], ["--state", "x" * 300]):
            self.assertEqual(subprocess.run([self.m.command()[0], *more], capture_output=True, timeout=20, check=False).returncode, 64)


class End(Base):
    def test_sigterm_is_a_clean_end(self):
        self.m.start()
        self.assertEqual(self.m.stop(), 0)
        self.m.start()
        self.assertEqual(self.m.kinds(), ["chain-start", "daemon.started", "daemon.stopped", "daemon.started"])
        self.assertEqual(self.m.ask("status")["journal"]["last_seq"], 4)

    def test_kill_9_at_any_moment_breaks_nothing(self):
        self.m.sysfs.stick()
        seen = 0
        for n in range(8):
            self.m.start()
            self.assertEqual(self.m.ask("devices")["devices"][0]["verdict"], "deny")
            self.verified()
            events = self.m.ask("events", limit=1000)["events"]
            self.assertGreater(events[-1]["seq"], seen)
            end = time.monotonic() + random.random() * 0.2
            done = 0
            while time.monotonic() < end or done == 0:  # each reload of a changed policy is an event
                with open(self.m.policy, "w") as file:
                    file.write(POLICY.replace("signed", "round-%d-%d" % (n, done)))
                self.assertTrue(self.m.ask("policy.reload")["ok"])
                done += 1
            seen = self.m.ask("status")["journal"]["last_seq"]
            self.m.stop(signal.SIGKILL)
            self.assertEqual(self.m.sysfs.read("usb1", "authorized_default"), "0")
        self.m.start()
        self.assertGreater(self.m.ask("status")["journal"]["last_seq"], seen, "what was answered is there")
        self.assertEqual([n for n in os.listdir(self.m.state) if "damaged" in n], [])
        self.verified()

    def test_watchdog_and_idleness(self):
        self.m.start(WATCHDOG_USEC="600000")
        self.m.wait_notify("WATCHDOG=1")
        self.m.wait_notify("WATCHDOG=1")
        self.m.stop()
        self.m.start()
        before = self.switches()
        time.sleep(3)
        self.assertLessEqual(self.switches() - before, 2, "it does nothing while nothing happens")

    def switches(self):
        with open("/proc/%d/status" % self.m.process.pid) as file:
            return sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)


class Policy(Base):
    def test_sighup_takes_a_good_policy_and_refuses_a_bad_one_whole(self):
        self.m.start()
        with open(self.m.policy) as file:
            good = file.read()
        with open(self.m.policy, "w") as file:
            file.write(good + "[rule broken]\nkind = nonsense\naction = allow\n")
        self.m.process.send_signal(signal.SIGHUP)
        self.m.wait_notify("RELOADING=1")
        self.m.wait_notify("READY=1")
        self.assertEqual(self.m.ask("policy")["text"], good)
        self.assertIn("policy.ini:%d" % (good.count("\n") + 2), self.m.last("policy.refused")["error"])
        with open(self.m.policy, "w") as file:
            file.write(good.replace("name = default", "name = other"))
        self.m.process.send_signal(signal.SIGHUP)
        self.m.wait_notify("RELOADING=1")
        self.m.wait_notify("READY=1")
        self.assertEqual(self.m.ask("status")["policy"]["name"], "other")
        self.assertIn("policy.applied", self.m.kinds())

    def test_signed_policy_and_grants_open_and_close_a_stick(self):
        signer = Signer(self.m.folder)
        self.m.sysfs.stick()
        self.m.start()
        key = self.m.ask("devices")["devices"][0]["device_key"]
        self.enrol(signer)
        self.assertEqual(self.put(signer.bundle("policy", DEVICE, 1, {"text": POLICY}))["result"], "applied")
        status = self.m.ask("status")
        self.assertEqual((status["policy"]["source"], status["policy"]["name"]), ("server", "signed"))
        one = {"grants": [grant(key, "STICK1")], "requests": []}
        self.assertEqual(self.put(signer.bundle("grants", DEVICE, 1, one))["result"], "applied")
        self.assertEqual(self.m.sysfs.read("1-1", "authorized"), "1", "without being plugged again")
        self.assertEqual(self.m.ask("devices")["devices"][0]["reason"], "grant")
        self.assertEqual(self.put(signer.bundle("grants", DEVICE, 2, {"grants": [], "requests": []}))["result"], "applied")
        self.assertEqual(self.m.sysfs.read("1-1", "authorized"), "0")
        for envelope in (signer.bundle("grants", DEVICE, 1, one), signer.bundle("grants", OTHER, 9, one),
                         Signer(self.m.folder).bundle("grants", DEVICE, 9, one), "{}", signer.bundle("grants", DEVICE, 9, {"grants": [{"id": 1}]})):
            answer = self.put(envelope)
            self.assertEqual((answer["ok"], answer["code"]), (False, "invalid"), answer)
        self.assertEqual(self.m.sysfs.read("1-1", "authorized"), "0")
        self.assertEqual(self.m.kinds().count("bundle.refused"), 4)
        self.m.stop(signal.SIGKILL)
        self.m.start()
        status = self.m.ask("status")
        self.assertEqual((status["policy"]["name"], status["grants"]["version"]), ("signed", 2))
        self.assertFalse(self.put(signer.bundle("grants", DEVICE, 1, one))["ok"], "no way back after a restart")
        self.verified()

    def test_a_request_is_answered(self):
        signer = Signer(self.m.folder)
        self.m.sysfs.stick()
        self.m.start()
        self.enrol(signer)
        code, out, err = self.m.cli("request", "media", "--device", "1-1", "--purpose", "決算資料", "--hours", "2", "--json")
        self.assertEqual(code, 0, err)
        request = json.loads(out)["id"]
        body = self.m.last("request.created")
        self.assertEqual((body["id"], body["device"]["product"], body["hours"]), (request, "Stick", 2))
        answer = {"grants": [], "requests": [{"id": request, "number": 41, "state": "refused", "reason": "必要がありません"}]}
        self.put(signer.bundle("grants", DEVICE, 1, answer))
        self.assertEqual(self.m.last("request.answered")["state"], "refused")
        code, out, _ = self.m.cli("request", "list")
        self.assertIn("Not permitted", out)
        self.assertIn("必要がありません", out)
        self.assertIn("41", self.m.cli("status")[1])


class Sockets(Base):
    def test_bad_clients_disturb_nobody(self):
        self.m.start()
        path = os.path.join(self.m.run, "control.sock")
        held = [Connection(path) for _ in range(30)]
        held[0].socket.sendall(struct.pack(">I", 0xFFFFFFFF) + b"x" * 100)
        held[1].socket.sendall(b"GET / HTTP/1.0\r\n\r\n")
        held[2].socket.sendall(struct.pack(">I", 100) + b"{\"op\":")
        held[3].send(["no", "object"])
        held[4].send({"op": "status", "more": "x" * 60000})
        held[5].socket.sendall(os.urandom(3000))
        for connection in held[6:]:
            connection.send({"op": "devices"})
        for connection in held[6:]:
            self.assertTrue(connection.answer()["ok"])
        self.assertTrue(held[4].answer()["ok"])
        for connection in (held[0], held[1], held[3]):
            self.assertFalse(connection.answer()["ok"])
            with self.assertRaises((EOFError, ConnectionError)):
                connection.bytes(1)
        more = [Connection(path) for _ in range(100)]
        self.assertTrue(more[-1].call("status")["ok"])
        for connection in held + more:
            connection.close()
        self.assertTrue(self.m.ask("status")["ok"])

    def test_wait_returns_when_something_happens(self):
        self.m.sysfs.stick()
        self.m.start()
        c = self.m.uplink()
        answer = c.call("wait", timeout_ms=60000)
        self.assertTrue(answer["events"] and answer["report"])
        last = c.call("hello")["last_seq"]
        events = []
        while len(events) < last:
            events += c.call("spool.read", after=len(events), max_bytes=1000)["events"]
        self.assertEqual([e["seq"] for e in events], list(range(1, last + 1)))
        self.assertTrue(c.call("spool.ack", seq=last)["ok"])
        self.assertEqual(c.call("report")["report"]["devices"][0]["device"], "1-1")
        c.send({"op": "wait", "timeout_ms": 60000})
        began = time.monotonic()
        self.assertTrue(self.m.ask("request.create", device="1-1", purpose="x")["ok"])
        self.assertTrue(c.answer()["events"])
        self.assertLess(time.monotonic() - began, 2)
        c.call("spool.ack", seq=c.call("hello")["last_seq"])
        began = time.monotonic()
        self.assertFalse(c.call("wait", timeout_ms=300)["events"])
        self.assertGreater(time.monotonic() - began, 0.25)
        c.close()

    @unittest.skipUnless(os.geteuid() == 0, "needs root to be somebody else")
    def test_a_clerk_may_look_and_no_more(self):
        self.m.start()
        script = """
import sys; sys.path.insert(0, %r)
from daemon_fakes import Connection
import os
os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
c = Connection(%r)
assert c.call("status")["ok"]
for op in ("trust.set", "policy.reload", "verdict"):
    assert c.call(op)["code"] == "denied", op
assert {e["kind"].split(".")[0] for e in c.call("events")["events"]} <= {"device", "medium", "grant"}
try:
    Connection(%r).call("hello")
except (PermissionError, EOFError, ConnectionError):
    pass
else:
    raise SystemExit("a clerk speaks as the uplink")
"""
        folder = os.path.dirname(os.path.abspath(__file__))
        run = self.m.run
        done = subprocess.run([sys.executable, "-B", "-c", script % (folder, os.path.join(run, "control.sock"), os.path.join(run, "uplink.sock"))],
                              capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(os.stat(os.path.join(run, "control.sock")).st_mode & 0o777, 0o666)
        self.assertEqual(os.stat(os.path.join(run, "uplink.sock")).st_mode & 0o777, 0o660)
        self.assertEqual(os.stat(self.m.state).st_mode & 0o777, 0o700)
        for name in os.listdir(self.m.state):
            self.assertEqual(os.stat(os.path.join(self.m.state, name)).st_mode & 0o077, 0, name)

    @unittest.skipIf(os.getuid() != 0, "needs another user")
    def test_who_asks_without_end_waits_and_others_do_not(self):
        self.m.start()
        script = """
import os, sys, time
sys.path.insert(0, %r)
from daemon_fakes import Connection
os.setgroups([])
os.setuid(65534)
c = Connection(%r)
begin = time.monotonic()
codes = [c.call("status").get("code", "ok") for i in range(62)]
print(codes.count("ok"), codes.count("busy"), time.monotonic() - begin)
"""
        folder = os.path.dirname(os.path.abspath(__file__))
        done = subprocess.run([sys.executable, "-B", "-c", script % (folder, os.path.join(self.m.run, "control.sock"))],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        good, busy, seconds = done.stdout.split()
        self.assertGreaterEqual(int(good), 55)
        self.assertGreaterEqual(int(busy), 1)
        self.assertGreater(float(seconds), 0.9, "a refusal comes late")
        self.assertTrue(self.m.ask("status")["ok"])

    def test_a_client_may_end_while_it_waits(self):
        self.m.write_probe("sleep 0.3; echo '{}'")
        self.m.start()
        c = self.m.control()
        c.send({"op": "check"})
        c.close()
        c = self.m.control()
        c.send({"op": "verify"})
        c.close()
        u = self.m.uplink()
        u.send({"op": "wait", "timeout_ms": 100})
        u.close()
        self.assertTrue(self.m.ask("status")["ok"])
        self.assertGreaterEqual(len(self.m.ask("check")["checks"]), 3)


class Checks(Base):
    def test_checks_run_and_their_changes_are_recorded(self):
        self.m.start()
        code, out, _ = self.m.cli("check", "--json")
        checks = {c["id"]: c for c in json.loads(out)["checks"]}
        self.assertLessEqual({"screen-lock", "disk-encryption", "antivirus", "login-factors", "accounts", "clock"}, set(checks))
        self.assertTrue(all(c["clause"] for c in checks.values()))
        self.assertIn(code, (1, 2, 3))
        self.assertNotIn("compliant", [c["state"] for c in checks.values()], "without facts nothing is compliant")
        code, out, err = self.m.cli("check", "no-such")
        self.assertEqual((code, out), (1, ""), err)

    def test_a_clock_set_back_is_noticed_after_a_restart(self):
        self.m.start()
        self.m.stop()
        future = int(time.time() * 1000) + 3600 * 1000
        subprocess.run(["sqlite3", os.path.join(self.m.state, "journal.db"),
                        "INSERT OR REPLACE INTO meta VALUES('last_time','%d')" % future], check=True)
        self.m.start()
        status = self.m.ask("status")
        self.assertGreaterEqual(status["clock"]["now"], future)
        self.assertGreater(status["clock"]["turned_back_ms"], 3500 * 1000)
        self.assertEqual(self.m.kinds().count("clock.turned-back"), 1)
        self.m.ask("status")
        self.assertEqual(self.m.kinds().count("clock.turned-back"), 1, "once for each time")


if __name__ == "__main__":
    unittest.main()
