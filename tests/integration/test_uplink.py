#!/usr/bin/env python3
"""sekimori-uplink between a fake sekimorid and a fake server on loopback, both made of Python.

    test_uplink.py [--build DIR] [unittest arguments]
"""
import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import uplink_fakes as fakes  # noqa: E402
from uplink_fakes import Daemon, Pki, Server, wait_for, write_identity  # noqa: E402

BUILD = os.environ.get("BUILD", "build")
TOKEN = "SK1-" + "0123456789ABCDEFGHJKMNPQRS" + "-"


def program():
    return os.path.join(BUILD, "bin", "sekimori-uplink")


class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.mkdtemp(prefix="sekimori-uplink-")
        cls.device = str(uuid.uuid4())
        cls.pki = Pki(os.path.join(cls.shared, "pki"))
        cls.pki.server()
        cls.pki.device("device", cls.device)
        cls.other = Pki(os.path.join(cls.shared, "other"))
        cls.other.server()
        fakes.VERIFY_KEY = fakes.make_verify_key(cls.shared)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.shared)

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="sekimori-uplink-")
        self.state = os.path.join(self.dir, "state")
        os.mkdir(self.state, 0o700)
        self.processes, self.servers, self.daemons = [], [], []
        self.addCleanup(self.clean)

    def clean(self):
        for p in self.processes:
            if p.poll() is None:
                p.kill()
            p.wait()
            if p.stderr:
                p.stderr.close()
        for s in self.servers:
            s.hook = None
            try:
                s.stop()
            except OSError:
                pass
        for d in self.daemons:
            try:
                d.stop()
            except OSError:
                pass
        shutil.rmtree(self.dir)

    def make_server(self, *args, **kw):
        s = Server(*args, **kw)
        self.servers.append(s)
        return s

    def make_daemon(self, device=None):
        d = Daemon(os.path.join(self.dir, "uplink.sock"), device or self.device)
        self.daemons.append(d)
        return d

    def start(self, *extra):
        log = open(os.path.join(self.dir, "log"), "ab")
        p = subprocess.Popen([program(), "--state", self.state, "--socket", os.path.join(self.dir, "uplink.sock"), "--user", "root", *extra],
                             stderr=log)
        log.close()
        self.processes.append(p)
        return p

    def log(self):
        with open(os.path.join(self.dir, "log"), errors="replace") as f:
            return f.read()

    def line(self, server_args=(), device="device", **server_kw):
        """sekimorid, server and uplink, with the first report and poll through."""
        self.server = self.make_server(self.pki, *server_args, **server_kw)
        self.daemon = self.make_daemon()
        write_identity(self.state, self.pki, device, self.device, self.server.url)
        self.uplink = self.start("--deadline", "3s")

    def online(self, **kw):
        self.line(**kw)
        wait_for(lambda: self.daemon.contact() == {"state": "online"})
        wait_for(lambda: self.server.asked("GET /v1/orders?policy=0&grants=0&wait=50"))


class Events(Base):
    def test_everything_arrives_once_and_in_order(self):
        self.online()
        sizes = []
        self.server.hook = lambda h: h.path == "/v1/events" and sizes.append(len(h.json["events"]))
        self.daemon.add(1000, body=json.dumps({"text": "x" * 500}))
        wait_for(lambda: self.daemon.acked == 1000)
        self.assertEqual(sorted(self.server.events), list(range(1, 1001)))
        self.assertEqual(self.server.events[7]["body"], self.daemon.events[6]["body"])
        self.assertLessEqual(max(sizes), 256)

    def test_events_are_acked_only_after_the_answer(self):
        self.online()
        gate, seen = threading.Event(), threading.Event()

        def hook(h):
            if h.path == "/v1/events":
                seen.set()
                gate.wait(10)
            return False
        self.server.hook = hook
        self.daemon.add(3)
        self.assertTrue(seen.wait(5))
        self.assertEqual(self.daemon.acked, 0)
        self.assertNotIn("spool.ack", self.daemon.ops)
        gate.set()
        wait_for(lambda: self.daemon.acked == 3)

    def test_a_new_event_is_sent_within_a_second(self):
        self.online()
        start = time.monotonic()
        self.daemon.add()
        wait_for(lambda: self.server.committed == 1)
        self.assertLess(time.monotonic() - start, 1)

    def test_server_killed_after_commit_and_before_the_answer(self):
        self.online()
        cut = []

        def hook(h):
            if h.path == "/v1/events" and len(cut) < 2:
                cut.append(len(h.json["events"]))
                self.server.commit(h.json["events"])
                h.hang_up()
                return True
            return False
        self.server.hook = hook
        self.daemon.add(300)
        wait_for(lambda: self.daemon.acked == 300, 30)
        self.assertEqual(len(cut), 2)
        self.assertEqual(sorted(self.server.events), list(range(1, 301)))

    def test_server_down_events_go_on_server_returns(self):
        self.online()
        self.server.stop()
        wait_for(lambda: self.daemon.contact().get("state") == "offline")
        self.daemon.add(50)
        self.daemon.report_due = True
        time.sleep(1)
        self.assertEqual(self.daemon.acked, 0)
        self.server.start()
        wait_for(lambda: self.daemon.acked == 50, 30)
        wait_for(lambda: self.daemon.contact() == {"state": "online"})
        self.assertEqual(sorted(self.server.events), list(range(1, 51)))

    def test_uplink_killed_at_any_moment(self):
        self.online()
        for i in range(12):
            self.daemon.add(40)
            time.sleep(0.01 * i)
            self.uplink.kill()
            self.uplink.wait()
            self.uplink = self.start()
        wait_for(lambda: self.daemon.acked == 480, 20)
        self.assertEqual(sorted(self.server.events), list(range(1, 481)))

    def test_sekimorid_dies_and_returns(self):
        self.online()
        self.daemon.stop()
        self.daemon.add(5)
        time.sleep(0.3)
        self.daemon.start()
        wait_for(lambda: self.daemon.acked == 5)

    def test_a_refused_chain_is_told_and_nothing_is_dropped(self):
        self.online()
        self.server.hook = lambda h: h.path == "/v1/events" and (h.reply(409, {"error": "chain-fork", "acked": 0}) or True)
        self.daemon.add(3)
        contact = wait_for(lambda: self.daemon.contact().get("state") == "refused" and self.daemon.contact())
        self.assertIn("chain-fork", contact["error"])
        self.assertEqual(self.daemon.acked, 0)
        self.server.order("grants", 1)  # orders still arrive
        wait_for(lambda: self.daemon.bundles)
        time.sleep(0.5)
        self.assertLessEqual(len(self.server.asked("POST /v1/events")), 2)
        self.server.hook = None
        self.uplink.send_signal(signal.SIGHUP)
        wait_for(lambda: self.daemon.acked == 3)

    def test_ends_in_order(self):
        self.online()
        self.daemon.add(3)
        wait_for(lambda: self.daemon.acked == 3)
        for sig in (signal.SIGHUP, signal.SIGHUP):
            self.uplink.send_signal(sig)
            before = len(self.server.asked("GET /v1/orders"))
            wait_for(lambda: len(self.server.asked("GET /v1/orders")) > before)
        for _ in range(50):  # one in the middle of a reload neither kills nor is lost
            self.uplink.send_signal(signal.SIGHUP)
            time.sleep(0.002)
        self.assertIsNone(self.uplink.poll())
        self.uplink.send_signal(signal.SIGTERM)
        self.assertEqual(self.uplink.wait(5), 0, self.log())

    def test_reports_go_at_most_each_minute(self):
        self.online()
        wait_for(lambda: len(self.server.reports) == 1)
        for _ in range(5):
            with self.daemon.lock:
                self.daemon.report_due = True
                self.daemon.lock.notify_all()
            time.sleep(0.1)
        self.assertEqual(len(self.server.reports), 1)
        self.daemon.add()
        wait_for(lambda: self.daemon.acked == 1)


MALFORMED = [
    ("no JSON", lambda h: h.reply(200, b"<html>hello</html>")),
    ("another type", lambda h: h.reply(200, {"acked": 1}, "text/html")),
    ("no type", lambda h: h.reply(200, b"", None)),
    ("an array", lambda h: h.reply(200, [])),
    ("the future", lambda h: h.reply(200, {"acked": 10**12})),
    ("nothing new", lambda h: h.reply(200, {"acked": 0})),
    ("duplicate keys", lambda h: h.reply(200, b'{"acked":1,"acked":1}')),
    ("deep", lambda h: h.reply(200, b"[" * 5000)),
    ("a redirect", lambda h: h.reply(302, {"acked": 1}, headers=[("Location", "https://localhost:1/")])),
    ("204", lambda h: h.reply(204)),
    ("404", lambda h: h.reply(404, {"error": "x", "text": "y"})),
    ("an unknown refusal", lambda h: h.reply(409, {"error": "because", "acked": 1})),
    ("too long", lambda h: h.reply(200, b'{"acked":1,"x":"' + b"x" * 1100000 + b'"}')),
    ("no end", lambda h: endless(h)),
    ("no HTTP", lambda h: raw(h, b"SSH-2.0-OpenSSH_9.2\r\n\r\n\r\n")),
    ("headers without end", lambda h: raw(h, b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 20000)),
    ("a lying length", lambda h: raw(h, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{}")),
    ("a negative length", lambda h: raw(h, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: -1\r\n\r\n{}")),
    ("bad chunks", lambda h: raw(h, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}")),
    ("100 for ever", lambda h: raw(h, b"HTTP/1.1 100 Continue\r\n\r\n" * 100)),
]


def raw(h, data):
    h.wfile.write(data)
    h.wfile.flush()
    h.hang_up()


def endless(h):
    h.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(3000):
        h.wfile.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
    h.hang_up()


class Hostile(Base):
    def test_malformed_answers_have_no_effect(self):
        self.online()
        answer = None

        def hook(h):
            if h.path != "/v1/events":
                return False
            try:
                answer(h)
            finally:
                done.set()
            return True
        for name, how in MALFORMED:
            with self.subTest(name):
                answer, done = how, threading.Event()
                self.server.hook = hook
                before = self.daemon.acked
                self.daemon.add()
                self.uplink.send_signal(signal.SIGHUP)
                self.assertTrue(done.wait(10))
                time.sleep(0.1)
                self.assertEqual(self.daemon.acked, before)
                self.assertIsNone(self.uplink.poll(), self.log())
                self.server.hook = None
                self.uplink.send_signal(signal.SIGHUP)
                wait_for(lambda: self.daemon.acked == len(self.daemon.events))
        self.assertEqual(sorted(self.server.events), list(range(1, len(MALFORMED) + 1)))

    def test_malformed_orders_have_no_effect_and_do_not_loop(self):
        self.line()
        asked = []
        answers = iter([b"{}", b'{"bundles":[1]}', b'{"bundles":["' + b"x" * 800000 + b'"]}', b'{"bundles":"x"}', b"null"] + [b"[]"] * 1000)

        def hook(h):
            if not h.path.startswith("/v1/orders"):
                return False
            asked.append(time.monotonic())
            h.reply(200, next(answers))
            return True
        self.server.hook = hook
        wait_for(lambda: self.daemon.contact().get("error"))
        time.sleep(3)
        self.assertLess(len(asked), 5)
        self.assertNotIn("bundle.put", self.daemon.ops)
        self.server.hook = None
        self.server.order("grants", 1)
        wait_for(lambda: self.daemon.bundles, 15)

    def test_a_refused_bundle_is_told_and_does_not_loop(self):
        self.online()
        self.daemon.refuse = "grants version 1 is not above 2"
        self.server.order("grants", 1)
        wait_for(lambda: "not above" in self.daemon.contact().get("error", ""))
        time.sleep(3)
        self.assertLess(self.daemon.ops.count("bundle.put"), 5)
        self.assertEqual(self.daemon.contact()["state"], "online")

    def test_a_dripping_server_is_left_at_the_deadline(self):
        self.online()
        self.server.hook = lambda h: h.path == "/v1/events" and drip(h)
        self.daemon.add()
        start = time.monotonic()
        contact = wait_for(lambda: self.daemon.contact().get("state") == "offline" and self.daemon.contact(), 8)
        self.assertLess(time.monotonic() - start, 5)
        self.assertIn("the time was up", contact["error"])
        self.server.hook = None
        wait_for(lambda: self.daemon.acked == 1, 15)

    def test_a_silent_server_is_left_at_the_deadline(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        self.daemon = self.make_daemon()
        write_identity(self.state, self.pki, "device", self.device, f"https://localhost:{listener.getsockname()[1]}")
        self.uplink = self.start("--deadline", "2s")
        contact = wait_for(lambda: self.daemon.contact().get("state") == "offline" and self.daemon.contact(), 8)
        self.assertIn("the time was up", contact["error"])

    def test_busy_with_retry_after(self):
        self.line()
        times = []

        def hook(h):
            times.append(time.monotonic())
            h.reply(503, {"error": "busy", "text": "x"}, headers=[("Retry-After", "4")])
            return True
        self.server.hook = hook
        wait_for(lambda: len(times) == 2, 15)
        self.assertGreaterEqual(times[1] - times[0], 4)


def drip(h):
    try:
        h.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n")
        for _ in range(100):
            h.wfile.write(b" ")
            h.wfile.flush()
            time.sleep(0.2)
    except OSError:
        pass
    return True


class Trust(Base):
    def refused(self, server, name="device", **kw):
        self.daemon = self.make_daemon()
        self.daemon.add()
        write_identity(self.state, self.pki, name, self.device, server.url, **kw)
        self.uplink = self.start("--deadline", "3s")
        contact = wait_for(lambda: self.daemon.contact().get("state") in ("offline", "refused") and self.daemon.contact())
        self.assertEqual(server.requests, [], "nothing may be sent to it")
        self.assertEqual(self.daemon.acked, 0)
        return contact["error"]

    def test_server_of_another_ca(self):
        self.assertIn("certificate refused", self.refused(self.make_server(self.other)))

    def test_server_under_another_name(self):
        self.pki.server("othername", "DNS:example.invalid")
        self.assertIn("certificate refused", self.refused(self.make_server(self.pki, "othername")))

    def test_expired_server(self):
        self.pki.server("expired", start_days=-10, end_days=-1)
        self.assertIn("certificate refused", self.refused(self.make_server(self.pki, "expired")))

    def test_a_terminals_certificate_is_no_servers(self):
        other = str(uuid.uuid4())
        self.pki.issue("posing", "device", "DNS:localhost,URI:urn:sekimori:device:" + other)
        self.assertIn("certificate refused", self.refused(self.make_server(self.pki, "posing")))

    def test_own_certificate_expired(self):
        self.pki.device("old", self.device, start_days=-90, end_days=-1)
        self.assertIn("certificate ended", self.refused(self.make_server(self.pki), "old"))
        self.assertEqual(self.daemon.contact()["state"], "refused")

    def test_no_tls_at_all(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        got = []

        def serve():
            try:
                while True:
                    c, _ = listener.accept()
                    got.append(c.recv(4096))
                    c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    c.close()
            except OSError:
                pass
        threading.Thread(target=serve, daemon=True).start()
        self.daemon = self.make_daemon()
        write_identity(self.state, self.pki, "device", self.device, f"https://localhost:{listener.getsockname()[1]}")
        self.uplink = self.start("--deadline", "3s")
        wait_for(lambda: self.daemon.contact().get("state") == "offline")
        self.assertNotIn(b"/v1/", got[0])

    def test_refused_by_the_server(self):
        self.line()
        self.server.hook = lambda h: h.reply(403, {"error": "revoked", "text": "this terminal was removed"}) or True
        contact = wait_for(lambda: self.daemon.contact().get("state") == "refused" and self.daemon.contact())
        self.assertIn("this terminal was removed", contact["error"])
        time.sleep(2)
        self.assertEqual(len(self.server.requests), 1)

    def test_server_sees_our_certificate(self):
        self.online()
        with open(os.path.join(self.state, "cert.pem")) as f:
            der = Pki.openssl("x509", "-outform", "DER", stdin=f.read().encode())
        self.assertEqual(set(self.server.peers), {der})

    def test_another_device_than_sekimorids_sends_nothing(self):
        self.server = self.make_server(self.pki)
        self.daemon = self.make_daemon("local")
        self.daemon.add()
        write_identity(self.state, self.pki, "device", self.device, self.server.url)
        self.uplink = self.start()
        time.sleep(1.5)
        self.assertEqual(self.server.requests, [])
        self.daemon.device = self.device
        wait_for(lambda: self.daemon.acked == 1)


class Orders(Base):
    def test_an_approval_arrives_within_a_second(self):
        self.online()
        times = []
        for version in range(1, 11):
            start = time.monotonic()
            self.server.order("grants", version)
            wait_for(lambda: self.daemon.versions["grants"] == version)
            times.append(time.monotonic() - start)
        print(f"\norder to sekimorid: median {sorted(times)[5] * 1000:.0f} ms, worst {max(times) * 1000:.0f} ms", file=sys.stderr)
        self.assertLess(max(times), 1)

    def test_one_connection_serves_many_polls(self):
        self.online()
        before = len(self.server.connections)
        for version in range(1, 6):
            self.server.order("policy", version)
            wait_for(lambda: self.daemon.versions["policy"] == version)
        self.assertEqual(len(self.server.connections), before)

    def test_a_large_bundle(self):
        self.online()
        with self.server.lock:
            self.server.orders.append({"kind": "grants", "version": 1, "fill": "y" * 700000})
        wait_for(lambda: self.daemon.versions["grants"] == 1)


class Renewal(Base):
    def setUp(self):
        super().setUp()
        name = "short-" + uuid.uuid4().hex
        self.pki.device(name, self.device, start_days=-80, end_days=10)
        self.name = name

    def pair_holds(self):
        """Whatever uplink.json names must be a matching pair."""
        with open(os.path.join(self.state, "uplink.json")) as f:
            slot = json.load(f)["slot"]
        tail = "" if slot == 1 else "-2"
        key = Pki.openssl("pkey", "-in", os.path.join(self.state, f"key{tail}.pem"), "-pubout")
        cert = Pki.openssl("x509", "-in", os.path.join(self.state, f"cert{tail}.pem"), "-noout", "-pubkey")
        self.assertEqual(key, cert)
        self.assertEqual(os.stat(os.path.join(self.state, f"key{tail}.pem")).st_mode & 0o777, 0o600)
        return slot

    def test_renews_and_goes_on_with_the_new_key(self):
        self.online(device=self.name)
        wait_for(lambda: self.server.renewals == 1)
        self.assertEqual(wait_for(lambda: self.pair_holds() == 2 and 2), 2)
        self.assertFalse(os.path.exists(os.path.join(self.state, "key.pem")), "the old key is gone")
        self.daemon.add()
        wait_for(lambda: self.daemon.acked == 1)
        self.assertEqual(len(set(self.server.peers)), 2)
        self.assertNotEqual(self.server.peers[-1], self.server.peers[0])
        time.sleep(0.3)
        self.assertEqual(self.server.renewals, 1)

    def test_a_certificate_for_another_key_is_refused(self):
        with open(self.pki.path("device.csr")) as f:
            wrong = f.read()

        def hook(h):
            if h.path != "/v1/renew":
                return False
            h.reply(200, {"certificate": self.server.sign(wrong, self.device)})
            return True
        self.line(device=self.name)
        self.server.hook = hook
        wait_for(lambda: "another key" in self.daemon.contact().get("error", ""))
        self.assertEqual(self.pair_holds(), 1)
        self.daemon.add()
        wait_for(lambda: self.daemon.acked == 1)

    def test_a_certificate_for_another_device_is_refused(self):
        def hook(h):
            if h.path != "/v1/renew":
                return False
            h.reply(200, {"certificate": self.server.sign(h.json["csr"], str(uuid.uuid4()))})
            return True
        self.line(device=self.name)
        self.server.hook = hook
        wait_for(lambda: "another device" in self.daemon.contact().get("error", ""))
        self.assertEqual(self.pair_holds(), 1)

    def test_killed_at_any_moment_of_the_renewal(self):
        self.line(device=self.name)
        self.server.life = (-80, 10)  # the new one is due at once, too
        for i in range(25):
            time.sleep(0.01 * i)
            self.uplink.kill()
            self.uplink.wait()
            self.pair_holds()
            self.uplink = self.start()
        self.assertGreater(self.server.renewals, 3)
        self.daemon.add()
        wait_for(lambda: self.daemon.acked == 1, 20)


class Enrolment(Base):
    def setUp(self):
        super().setUp()
        self.server = self.make_server(self.pki, mutual=False)
        self.token = TOKEN + self.pki.fingerprint()
        self.server.tokens[self.token] = "good"

    def enrol(self, *extra, token=None, server=None, env=None):
        p = subprocess.run([program(), "--enroll", "--state", self.state, "--user", "root", "--server", server or self.server.url,
                            "--token", token or self.token, "--host", "pc-1", "--deadline", "5s", *extra], capture_output=True, text=True, timeout=30,
                           env={**os.environ, "LC_ALL": "C", **(env or {})}, check=False)
        return p.returncode, json.loads(p.stdout)

    def refused(self, code, *extra, left=(), **kw):
        status, answer = self.enrol(*extra, **kw)
        self.assertEqual((status, answer["error"]), (1, code), answer)
        self.assertTrue(answer["text"])
        self.assertEqual(sorted(os.listdir(self.state)), sorted(left), "nothing may be left behind")
        return answer

    def test_good(self):
        status, answer = self.enrol()
        self.assertEqual(status, 0, answer)
        self.assertEqual(sorted(answer), ["ca", "device_id", "server", "verify_key"])
        self.assertEqual(answer["server"], "https://localhost:8443")
        self.assertEqual(answer["verify_key"], fakes.VERIFY_KEY)
        self.assertEqual(sorted(os.listdir(self.state)), ["ca.pem", "cert.pem", "key.pem", "uplink.json"])
        self.assertEqual(os.stat(os.path.join(self.state, "key.pem")).st_mode & 0o777, 0o600)
        self.assertEqual(self.server.requests, ["POST /v1/enroll"])

    def test_token_as_typed(self):
        status, answer = self.enrol(token="  " + self.token.lower().replace("0", "o", 1) + "\n")
        self.assertEqual(status, 0, answer)

    def test_token_on_standard_input(self):
        p = subprocess.run([program(), "--enroll", "--state", self.state, "--user", "root", "--server", self.server.url, "--token", "-"],
                           input=self.token + "\n", capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(p.returncode, 0, p.stdout)

    def test_token_used_twice(self):
        self.assertEqual(self.enrol()[0], 0)
        shutil.rmtree(self.state)
        os.mkdir(self.state)
        self.refused("token-used")

    def test_refusals(self):
        for code in ("token-unknown", "token-expired", "token-other-host"):
            with self.subTest(code):
                self.server.tokens[self.token] = code
                self.refused(code)
        self.server.tokens[self.token] = "quota"
        self.refused("refused")

    def test_japanese(self):
        mo = os.path.join(BUILD, "locale")
        if not glob.glob(mo + "/ja/LC_MESSAGES/*.mo"):
            self.skipTest("no catalogue built")
        answer = self.refused("token-unknown", "--locale", mo, token=TOKEN.replace("0", "1") + self.pki.fingerprint(), env={"LC_ALL": "ja_JP.UTF-8"})
        self.assertRegex(answer["text"], "[\u3040-\u30ff]")

    def test_malformed_tokens_reach_no_server(self):
        for bad in ("x", self.token[:-1], self.token + "0", "SK2" + self.token[3:], self.token.replace("A", "U"), self.token[:31] + "g" * 64):
            self.refused("token-malformed", token=bad)
        self.assertEqual(self.server.requests, [])

    def test_malformed_servers(self):
        for bad in ("http://localhost:1", "localhost", "https://a/b", "https://"):
            self.refused("server-malformed", server=bad)

    def test_no_server(self):
        self.server.stop()
        self.refused("unreachable")
        self.refused("unreachable", server="https://no-such-host.invalid:8444")

    def test_a_server_of_another_ca_gets_no_token(self):
        other = self.make_server(self.other, mutual=False)
        self.refused("server-not-trusted", server=other.url)
        self.assertEqual(other.requests, [])

    def test_a_server_under_another_name_gets_no_token(self):
        self.pki.server("elsewhere", "DNS:example.invalid")
        other = self.make_server(self.pki, "elsewhere", mutual=False)
        self.refused("server-not-trusted", server=other.url)
        self.assertEqual(other.requests, [])

    def test_busy(self):
        self.server.hook = lambda h: h.reply(503, {"error": "busy", "text": "x"}) or True
        self.refused("busy")

    def hostile(self, change, code="bad-answer"):
        def hook(h):
            doc = self.server.enrolment(h.json["csr"], str(uuid.uuid4()))
            h.reply(200, change(doc) or doc)
            return True
        self.server.hook = hook
        return self.refused(code)

    def test_hostile_answers(self):
        wrong_csr = self.pki.read("device.csr")

        def drop(name):
            return lambda d: d.pop(name) and None

        cases = {
            "empty": lambda d: {"x": 1},
            "another key": lambda d: d.update(certificate=self.server.sign(wrong_csr, d["device_id"])),
            "another device": lambda d: d.update(device_id=str(uuid.uuid4())),
            "no uuid": lambda d: d.update(device_id="../../../../etc/passwd0000000000000000"[:36]),
            "another ca": lambda d: d.update(ca=self.other.ca),
            "no ca": lambda d: d.update(ca="-----BEGIN CERTIFICATE-----\n" + "A" * 64),
            "an rsa verify key": lambda d: d.update(verify_key=Pki.openssl("pkey", "-in", self.pki.path("ca.key"), "-pubout").decode()),
            "plain http": lambda d: d.update(agents_url="http://localhost:1"),
            "url with tail": lambda d: d.update(agents_url="https://localhost:1/x"),
            "text time": lambda d: d.update(server_time="now"),
        }
        cases.update({"without " + f: drop(f) for f in ("device_id", "certificate", "ca", "verify_key", "agents_url", "server_time")})
        for name, change in cases.items():
            with self.subTest(name):
                self.hostile(change)

    def test_hostile_http(self):
        for name, how in MALFORMED:
            if name in ("404", "an unknown refusal"):
                continue
            with self.subTest(name):
                self.server.hook = lambda h, how=how: how(h) or True
                status, answer = self.enrol()
                self.assertEqual(status, 1)
                self.assertIn(answer["error"], ("bad-answer", "unreachable", "refused"))
                self.assertEqual(os.listdir(self.state), [])

    def test_expired_certificate(self):
        self.server.life = (-10, -5)
        self.refused("bad-answer")

    def test_already_enrolled_and_again(self):
        self.assertEqual(self.enrol()[0], 0)
        files = ["ca.pem", "cert.pem", "key.pem", "uplink.json"]
        key = open(os.path.join(self.state, "key.pem")).read()
        self.refused("already-enrolled", left=files)
        self.refused("token-used", "--again", left=files)
        self.assertEqual(open(os.path.join(self.state, "key.pem")).read(), key, "the old identity stays")
        self.server.tokens[self.token] = "good"
        status, answer = self.enrol("--again")
        self.assertEqual(status, 0, answer)
        self.assertEqual(sorted(os.listdir(self.state)), ["ca-2.pem", "cert-2.pem", "key-2.pem", "uplink.json"])
        self.assertNotEqual(open(os.path.join(self.state, "key-2.pem")).read(), key)

    def test_an_unwritable_folder_spends_no_token(self):
        self.state = os.path.join(self.dir, "missing", "state")
        status, answer = self.enrol()
        self.assertEqual((status, answer["error"]), (1, "state"))
        self.assertEqual(self.server.requests, [])

    @unittest.skipUnless(os.geteuid() == 0, "needs root to give it up")
    def test_root_is_given_up(self):
        os.chmod(self.dir, 0o755)
        os.chmod(os.path.dirname(self.dir), os.stat(os.path.dirname(self.dir)).st_mode | 0o001)
        status, answer = self.enrol("--user", "nobody")
        self.assertEqual(status, 0, answer)
        st = os.stat(os.path.join(self.state, "key.pem"))
        self.assertEqual(st.st_uid, os.stat(self.state).st_uid)
        self.assertNotEqual(st.st_uid, 0)
        self.assertEqual(self.enrol("--user", "no-such-user", "--again")[1]["error"], "state")

    def test_not_enrolled_is_an_exit_status_of_its_own(self):
        self.assertEqual(self.start().wait(10), 78)
        if os.geteuid() == 0:
            p = subprocess.run([program(), "--state", self.state, "--user", "no-such-user"], capture_output=True, timeout=10, check=False)
            self.assertEqual(p.returncode, 1)
            self.assertIn(b"does not exist", p.stderr)

    def test_usage(self):
        for args in (["--enroll"], ["--enroll", "--server", "https://x"], ["--nonsense"], ["x"], ["--enroll", "--server", "x", "--token", "y" * 300]):
            self.assertEqual(subprocess.run([program(), *args], capture_output=True, check=False).returncode, 64)


if __name__ == "__main__":
    argv = sys.argv[:]
    if "--build" in argv:
        at = argv.index("--build")
        BUILD = argv[at + 1]
        del argv[at:at + 2]
    unittest.main(argv=argv)
