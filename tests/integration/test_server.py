#!/usr/bin/env python3
"""sekimori-server as it is run: ingest and what a kill leaves, orders and how fast they come, its commands, backup and restore, HTTP's edge.

    test_server.py [--build DIR] [unittest arguments]
"""
import base64
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import server_lib as lib  # noqa: E402
from server_lib import Browser, make_csr, Server, Terminal, wait_for  # noqa: E402

POLICY = "[policy]\nname = %s\nversion = %d\nzone = internet\nmode = enforce\ndefault = deny\n[rule hubs]\nkind = hub\nonly = hub\naction = allow\n"


def payloads(answer):
    """{kind: payload} of an answer to /v1/orders."""
    status, body = answer
    if status == 204:
        return {}
    if status != 200:
        raise AssertionError(answer)
    found = [json.loads(base64.b64decode(json.loads(b)["payload"])) for b in body["bundles"]]
    return {p["kind"]: p for p in found}


def orders(t, policy=0, grants=0, wait=0):
    return t.call("GET", "/v1/orders?policy=%d&grants=%d&wait=%d" % (policy, grants, wait), timeout=70)


def held(t):
    got = payloads(orders(t))
    return got.get("policy", {"version": 0})["version"], got["grants"]["version"]


class Base(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.server = Server(**cls.settings)
        cls.addClassCleanup(cls.server.remove)
        cls.server.people()
        cls.server.start()

    def metric(self, name):
        text = self.server.public("GET", "/metrics")[2].decode()
        return [float(line.split()[-1]) for line in text.splitlines() if line.startswith(name)][0]

    def policy(self, name, version=1, *more):
        path = os.path.join(self.server.folder, name + ".ini")
        with open(path, "w", encoding="utf-8") as out:
            out.write(POLICY % (name, version))
        return self.server.cli("policy", "set", path, *more)


class Ingest(Base):
    def test_good_part_of_a_batch_is_kept(self):
        t = Terminal(self.server, "pc-gap").enrol()
        one, two, three = t.event("chain-start", {}), t.event("daemon.started", {}), t.event("daemon.stopped", {})
        self.assertEqual(t.send(one, three), (409, {"error": "chain-gap", "text": "the records do not continue what is stored", "acked": 1}))
        forged = dict(two, body='{"x":1}')
        self.assertEqual(t.send(forged)[1]["error"], "chain-forged")
        fork = dict(two, prev="1" * 64)
        fork["hash"] = lib.chain_hash(t.id, fork)
        self.assertEqual(t.send(fork)[1]["error"], "chain-fork")
        self.assertEqual(t.send(two, three), (200, {"acked": 3}))
        kinds = self.server.sql("SELECT kind FROM incidents WHERE device = '%s' ORDER BY id" % t.id).split()
        self.assertEqual(kinds, ["gap", "forged", "fork"])
        for number in range(3):   # one line while nothing new is stored, however the wrong records look
            fork = dict(two, body='{"n":%d}' % number)
            fork["hash"] = lib.chain_hash(t.id, fork)
            self.assertEqual(t.send(fork)[1]["error"], "chain-fork")
        self.assertEqual(self.server.sql("SELECT count(*) FROM incidents WHERE device = '%s'" % t.id), "4")
        self.assertEqual(self.server.sql("SELECT count(*) FROM audit WHERE action = 'incident' AND object = '%s'" % t.id), "4")

    def test_bodies_that_are_none(self):
        t = Terminal(self.server, "pc-bodies").enrol()
        e = t.event("chain-start", {}, seq=1)
        for body in ("", "x", "[]", "{}", '{"events":[]}', '{"events":5}', '{"events":[{}]}', '{"events":[1]}', '{"events":[],"events":[]}',
                     "[" * 100000, json.dumps({"events": [dict(e, hash="x")]}), json.dumps({"events": [dict(e, seq=0)]}),
                     json.dumps({"events": [dict(e, seq=2 ** 60)]}), json.dumps({"events": [dict(e, body="[]")]}),
                     json.dumps({"events": [dict(e, kind="A B")]}), json.dumps({"events": [dict(e, time=-1)]}),
                     json.dumps({"events": [dict(e, time="1")]}), json.dumps({"events": [e, e]}), json.dumps({"events": [e] * 257})):
            status, answer = t.call("POST", "/v1/events", body)
            self.assertEqual((status, answer["error"]), (400, "invalid"), body[:80])
        for change in ({"posture": 1}, {"posture": [{}]}, {"posture": [{"id": "x", "state": "fine"}]}, {"posture": [{"id": "x", "state": "silent"}]},
                       {"posture": [{"id": "X Y", "state": "compliant"}]}, {"devices": [1]}, {"version": None}, {"clock": 1}, {"policy": []}):
            self.assertEqual(t.call("POST", "/v1/report", t.report(**change))[0], 400, change)
        self.assertEqual(t.call("POST", "/v1/events", "x" * (1024 * 1024 + 1)), (413, {"error": "too-large", "text": "the body is larger than this address takes"}))
        t.close()
        self.assertEqual(t.call("GET", "/v1/orders?wait=x")[0], 400)
        self.assertEqual(t.call("GET", "/v1/orders?wait=56")[0], 400)
        self.assertEqual(t.call("GET", "/v1/orders?policy=-1")[0], 400)
        self.assertEqual(t.send(t.event("chain-start", {})), (200, {"acked": 1}))

    def test_malformed_request_is_recorded_and_nothing_stops(self):
        t = Terminal(self.server, "pc-wish").enrol()
        events = [t.event("chain-start", {})]
        for change in ({"hours": 0}, {"access": "all"}, {"person": ""}, {"class": "9"}, {"purpose": "a\x1b[31m"}, {"device": {"device_key": "x"}},
                       {"id": "x"}, {"kind": "software"}, {"purpose": "x" * 300}):
            events.append(t.request_event(**change))
        events.append(t.event("request.created", '{"id":1}'))
        events.append(t.request_event())
        self.assertEqual(t.send(*events), (200, {"acked": len(events)}))
        self.assertEqual(self.server.sql("SELECT count(*) FROM requests WHERE terminal = '%s'" % t.id), "1")
        self.assertEqual(self.server.sql("SELECT count(*) FROM incidents WHERE kind = 'request-malformed' AND device = '%s'" % t.id), "10")

    def test_report_is_shown_and_written_once(self):
        t = Terminal(self.server, "pc-report").enrol()
        report = t.report()
        self.assertEqual(t.call("POST", "/v1/report", report)[0], 200)
        changes = "SELECT received FROM reports WHERE device = '%s'" % t.id
        first = self.server.sql(changes)
        report["clock"]["now"] += 1000
        report["journal"]["last_seq"] = 7
        report["posture"][0]["at"] = 99
        self.assertEqual(t.call("POST", "/v1/report", report)[0], 200)
        self.assertEqual(self.server.sql(changes), first)      # nothing but moving parts: no write
        report["posture"][0]["state"] = "non-compliant"
        self.assertEqual(t.call("POST", "/v1/report", report)[0], 200)
        self.assertEqual(self.server.sql("SELECT state FROM posture_history WHERE device = '%s' ORDER BY id" % t.id).split(), ["compliant", "non-compliant"])
        rows = json.loads(self.server.cli("terminal", "list", "--json"))
        self.assertEqual([r["state"] for r in rows if r["id"] == t.id], ["non-compliant"])


class Certificate(unittest.TestCase):
    def test_renewed_while_it_runs(self):
        """A certificate of 12 s: new connections see the next one, and the open ones go on."""
        server = Server(server__certificate="12s")
        self.addCleanup(server.remove)
        server.people()
        server.start()
        t = Terminal(server, "pc1").enrol()

        def shown(port):
            return lib.openssl("s_client", "-connect", "127.0.0.1:%d" % port, "-CAfile", server.ca(), input=b"").split(b"-----")[2]

        kept = t.connect()
        self.assertEqual(t.send(t.event("chain-start", {}))[0], 200)
        first = shown(server.console)

        def renewed():
            server.process.send_signal(signal.SIGHUP)
            return shown(server.console) != first

        wait_for(renewed, 30, 0.2)
        self.assertIs(t.connection, kept)
        self.assertEqual(t.send(t.event("device.decided", {}))[0], 200)
        self.assertIs(t.connection, kept, "the open connection was not dropped")
        self.assertEqual(t.connection.sock.getpeercert(True), ssl.PEM_cert_to_DER_cert("-----BEGIN CERTIFICATE-----" + first.decode() + "-----END CERTIFICATE-----"))
        t.close()
        self.assertEqual(t.send(t.event("device.decided", {}))[0], 200)
        self.assertIn("was renewed; open connections go on", server.messages())


class Evidence(unittest.TestCase):
    def test_a_cut_tail_and_an_export(self):
        """The server's own checkpoints, a noted one, and an export that needs the public key only."""
        server = Server()
        self.addCleanup(server.remove)
        server.people()
        server.start()
        t = Terminal(server, "pc1").enrol()
        self.assertEqual(t.send(t.event("chain-start", {}), t.event("device.decided", {}))[0], 200)
        self.assertEqual(server.stop(), 0)                  # a checkpoint is made at the end
        noted = re.findall(r"checkpoint of the audit trail: (\d+:[0-9a-f]{64})", server.messages())[-1]
        states = {f["chain"]: f["state"] for f in json.loads(server.cli("verify", "--json", "--known", noted))}
        self.assertEqual((states["audit"], states["checkpoints"], states["noted"]), ("ok", "ok", "ok"))
        with tempfile.TemporaryDirectory() as elsewhere:
            export, key = os.path.join(elsewhere, "export"), os.path.join(elsewhere, "sign.pub")
            server.cli("export", export)
            self.assertEqual(os.stat(export).st_mode & 0o777, 0o600)
            self.assertEqual(server.run("export", export).returncode, 1)
            shutil.copy(os.path.join(server.state, "sign.pub"), key)
            os.rename(server.state, server.state + ".away")  # nothing else is needed
            self.assertIn("seal", server.cli("verify", "--export", export, "--key", key, "--known", noted))
            with open(export, encoding="utf-8") as f:
                text = f.read()
            with open(export, "w", encoding="utf-8") as f:
                f.write(text.replace("unit.put", "unit.pat", 1))
            self.assertEqual(server.run("verify", "--export", export, "--key", key).returncode, 1)
            self.assertEqual(server.run("verify", "--export", export).returncode, 64)
            os.rename(server.state + ".away", server.state)
        server.sql("DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE id > 3")
        done = server.run("verify", "--json", "--known", noted)
        self.assertEqual(done.returncode, 1)
        states = {f["chain"]: f["state"] for f in json.loads(done.stdout)}
        self.assertEqual((states["audit"], states["checkpoints"], states["noted"]), ("ok", "cut", "cut"))


class Operations(unittest.TestCase):
    def test_log_lines_and_answers_share_an_id(self):
        server = Server(server__log="json")
        self.addCleanup(server.remove)
        server.people()
        server.start()
        status, headers, _ = server.public("POST", "/v1/enroll", json.dumps({"token": "SK1-" + "0" * 26, "host": "pc1", "csr": make_csr(self.key(server))}))
        self.assertEqual(status // 100, 4)
        lines = [json.loads(line) for line in server.messages().splitlines()]
        mine = [line for line in lines if line.get("request") == headers["X-Request-Id"]]
        self.assertTrue(any("/v1/enroll" in line["text"] for line in mine), lines)
        other = server.public("GET", "/healthz")[1]["X-Request-Id"]
        self.assertNotEqual(other, headers["X-Request-Id"])

    @staticmethod
    def key(server):
        path = os.path.join(server.folder, "some.key")
        lib.make_key(path)
        return path

    def test_drill_and_monitoring(self):
        """The restore drill on a good and on a damaged backup; every metric that rules and dashboard name is there."""
        server = Server()
        self.addCleanup(server.remove)
        server.people()
        server.start()
        t = Terminal(server, "pc1").enrol()
        self.assertEqual(t.send(t.event("chain-start", {}))[0], 200)
        self.assertEqual(t.call("POST", "/v1/report", t.report())[0], 200)
        text = server.public("GET", "/metrics")[2].decode()
        there = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
        top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        folder = os.path.join(top, "packaging", "monitoring")
        for name in ("sekimori.rules.yml", "sekimori.grafana.json"):
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                named = set(re.findall(r"\b((?:sekimori|process)_[a-z_]+)", f.read()))
            self.assertGreater(len(named), 8)
            self.assertEqual(named - there, set(), name)
        with open(os.path.join(folder, "sekimori.grafana.json"), encoding="utf-8") as f:
            self.assertEqual(len({p["id"] for p in json.load(f)["panels"]}), 12)
        backup = os.path.join(server.folder, "backup")
        server.cli("backup", backup)
        drill = [os.path.join(folder, "restore-drill.sh"), backup]
        env = {**os.environ, "SEKIMORI_SERVER": os.path.abspath(server.program()[0]), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(drill, env=env, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("every chain unbroken, ready", done.stdout)
        done = subprocess.run([*drill, "3:" + "0" * 64], env=env, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 1)                # not the history somebody noted
        with open(backup, "r+b") as f:
            content = f.read()
            self.assertIn(b"unit.put", content)
            f.seek(0)
            f.write(content.replace(b"unit.put", b"unit.pat"))   # SQLite finds nothing wrong with that
        self.assertNotEqual(subprocess.run(drill, env=env, capture_output=True, timeout=120, check=False).returncode, 0)


class Kill(unittest.TestCase):
    def test_nothing_acknowledged_is_lost(self):
        """kill -9 in the middle of ingest from several terminals, four times; what was answered 200 is there, and every chain verifies."""
        server = Server()
        self.addCleanup(server.remove)
        server.people()
        server.start()
        terminals = [Terminal(server, "pc-%d" % i).enrol() for i in range(4)]
        acked = {t.id: 0 for t in terminals}
        for _ in range(4):
            stop = threading.Event()

            def feed(t):
                pending = []
                while not stop.is_set():
                    if not pending:
                        pending = [t.event("device.decided", {"verdict": "deny", "device": "1-2"}) for _ in range(8)]
                    try:
                        status, answer = t.send(*pending)
                    except (OSError, http.client.HTTPException):
                        break
                    if status == 200:
                        acked[t.id], pending = answer["acked"], []
                # what was not answered is sent again after the restart, as the agent's spool does
                t.pending = pending

            threads = [threading.Thread(target=feed, args=(t,)) for t in terminals]
            for thread in threads:
                thread.start()
            before = sum(acked.values())
            wait_for(lambda: sum(acked.values()) > before + 200, 30)
            self.assertEqual(server.stop(signal.SIGKILL, close=False), -signal.SIGKILL)
            stop.set()
            for thread in threads:
                thread.join()
            for t in terminals:
                stored = int(server.sql("SELECT coalesce(max(seq), 0) FROM events WHERE device = '%s'" % t.id))
                self.assertGreaterEqual(stored, acked[t.id])
            server.start()
            for t in terminals:
                if t.pending:
                    self.assertEqual(t.send(*t.pending), (200, {"acked": t.seq}))
                    acked[t.id] = t.seq
        findings = json.loads(server.cli("verify", "--json"))
        self.assertEqual({f["state"] for f in findings}, {"ok"})
        self.assertEqual({f["chain"]: f["records"] for f in findings if f["chain"] not in ("audit", "checkpoints")}, acked)


class Full(unittest.TestCase):
    def test_no_room(self):
        """The ledger cannot grow: nothing is acknowledged that is not stored, the server lives, and goes on when there is room again."""
        server = Server()
        self.addCleanup(server.remove)
        server.people()
        server.start()
        t = Terminal(server, "pc1").enrol()
        self.assertEqual(t.send(t.event("chain-start", {})), (200, {"acked": 1}))
        pid = str(server.process.pid)
        room = os.path.getsize(server.ledger() + "-wal") + 200 * 1024
        subprocess.run(["prlimit", "--pid", pid, "--fsize=%d:unlimited" % room], check=True)
        acked, answers = 1, []
        for _ in range(200):
            batch = [t.event("device.decided", {"verdict": "deny", "padding": "x" * 2000}) for _ in range(8)]
            answers.append(t.send(*batch)[0])
            if answers[-1] != 200:
                break
            acked = t.seq
        self.assertEqual(answers[-1], 503)
        self.assertGreater(acked, 1)
        self.assertEqual(t.send(*batch)[0], 503)
        self.assertEqual(server.public("GET", "/healthz")[0], 200)
        self.assertEqual(server.sql("SELECT max(seq) FROM events"), str(acked))
        subprocess.run(["prlimit", "--pid", pid, "--fsize=unlimited:unlimited"], check=True)
        self.assertEqual(t.send(*batch), (200, {"acked": t.seq}))
        self.assertEqual(server.run("verify").returncode, 0)


class Orders(Base):
    def waiting(self, t, policy, grants, wait=50):
        """Starts a long-poll; returns (answer list, thread)."""
        got = []
        before = self.metric("sekimori_orders_waiting")

        def go():
            got.append(orders(t, policy, grants, wait))
            got.append(time.monotonic())

        thread = threading.Thread(target=go)
        thread.start()
        wait_for(lambda: self.metric("sekimori_orders_waiting") > before)
        return got, thread

    def test_decision_reaches_a_waiting_terminal_at_once(self):
        t = Terminal(self.server, "pc-orders").enrol()
        t.send(t.event("chain-start", {}), t.request_event())
        number = int(self.server.sql("SELECT number FROM requests WHERE terminal = '%s'" % t.id))
        manager, desk = Browser(self.server, "manager", "manager-password"), Browser(self.server, "desk", "desk-password-1")
        policy, grants = held(t)
        got, thread = self.waiting(t, policy, grants)
        began = time.monotonic()
        self.assertEqual(manager.decide(number, "permit")[0], 303)
        thread.join()
        self.assertLess(got[1] - began, 1)
        told = payloads(got[0])["grants"]
        self.assertEqual([r["state"] for r in told["body"]["requests"]], ["permitted"])
        self.assertEqual(told["body"]["grants"], [])
        got, thread = self.waiting(t, policy, told["version"])
        until = time.strftime("%Y-%m-%dT%H:%M", time.localtime(time.time() + 3600))
        began = time.monotonic()
        self.assertEqual(desk.decide(number, "approve", access="ro", until=until)[0], 303)
        thread.join()
        self.assertLess(got[1] - began, 1)
        granted = payloads(got[0])["grants"]
        self.assertEqual(granted["version"], told["version"] + 1)
        self.assertEqual(granted["device"], t.id)
        grant = granted["body"]["grants"][0]
        self.assertEqual((grant["access"], grant["person"], grant["permitted_by"], grant["approved_by"]), ("ro", "shokuin1", "税務課長", "窓口担当"))
        got, thread = self.waiting(t, policy, granted["version"])
        self.assertEqual(desk.decide(number, "cancel", reason="戻った")[0], 303)
        thread.join()
        self.assertEqual(payloads(got[0])["grants"]["body"]["grants"], [])

    def test_policy_of_the_command_line_is_noticed(self):
        t = Terminal(self.server, "pc-policy").enrol()
        self.policy("first")
        policy, grants = held(t)
        got, thread = self.waiting(t, policy, grants)
        began = time.monotonic()
        self.policy("second", 2)
        thread.join()
        self.assertLess(got[1] - began, 2.5)
        told = payloads(got[0])["policy"]
        self.assertIn("name = second", told["body"]["text"])
        self.assertEqual(told["version"], policy + 1)
        self.policy("mine", 1, "--unit", "zeimu")            # the section's own comes before the office's
        self.assertIn("name = mine", payloads(orders(t, told["version"], grants))["policy"]["body"]["text"])
        self.policy("third", 3)                              # and stays in force when the office's changes
        self.assertNotIn("policy", payloads(orders(t, told["version"] + 1, grants)))

    def test_one_waits_per_terminal(self):
        t = Terminal(self.server, "pc-twice").enrol()
        again = Terminal(self.server, "pc-twice")
        again.certificate, again.key = t.certificate, t.key
        policy, grants = held(t)
        got, thread = self.waiting(t, policy, grants)
        self.assertEqual(orders(again, policy, grants, 1), (204, None))
        thread.join()
        self.assertEqual(got[0], (204, None))

    def test_waiter_that_goes_away_is_forgotten(self):
        t = Terminal(self.server, "pc-gone").enrol()
        policy, grants = held(t)
        before = self.metric("sekimori_orders_waiting")
        t.connection.request("GET", "/v1/orders?policy=%d&grants=%d&wait=50" % (policy, grants))
        wait_for(lambda: self.metric("sekimori_orders_waiting") == before + 1)
        t.close()
        wait_for(lambda: self.metric("sekimori_orders_waiting") == before)
        self.assertEqual(orders(t, policy, grants), (204, None))

    def test_terminal_ahead_of_the_server(self):
        """It holds what a lost ledger issued: it is given the same contents under a number above its own, or it would refuse them."""
        t = Terminal(self.server, "pc-ahead").enrol()
        self.policy("ahead", 9)
        policy, grants = held(t)
        self.assertEqual(payloads(orders(t, policy, grants)), {})
        got = payloads(orders(t, policy + 40, grants + 50))
        self.assertEqual((got["policy"]["version"], got["grants"]["version"]), (policy + 41, grants + 51))
        self.assertEqual(payloads(orders(t, policy + 41, grants + 51)), {})

    def test_renewed_terminal_goes_on_waiting(self):
        t = Terminal(self.server, "pc-renews").enrol()
        policy, grants = held(t)
        status, answer = t.call("POST", "/v1/renew", {"csr": lib.make_csr(t.key)})
        self.assertEqual(status, 200)
        t.keep(answer["certificate"])
        self.assertEqual(orders(t, policy, grants, 1), (204, None))


class Edge(Base):
    def raw(self, port, data, context=None, half=False):
        context = context or self.server.context()
        with socket.create_connection(("127.0.0.1", port), timeout=20) as s:
            with context.wrap_socket(s, server_hostname="127.0.0.1") as x:
                x.sendall(data)
                out = b""
                try:
                    while True:
                        piece = x.recv(65536)
                        if not piece:
                            break
                        out += piece
                        if half:
                            break
                except (ConnectionResetError, OSError):
                    pass
        return out

    def test_security_headers_are_on_every_reply(self):
        for method, path in (("GET", "/login"), ("GET", "/"), ("GET", "/nothing/here"), ("GET", "/healthz"), ("PUT", "/login"), ("GET", "/assets/console.css"),
                             ("POST", "/v1/enroll"), ("GET", "/%00"), ("GET", "/v1/nothing")):
            status, headers, body = self.server.public(method, path, "x" if method == "POST" else None)
            with self.subTest(path=path, status=status):
                csp = headers["Content-Security-Policy"]
                self.assertRegex(csp, "default-src '(self|none)'")
                self.assertNotIn("unsafe", csp)
                self.assertIn("frame-ancestors 'none'", csp)
                self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
                self.assertIn("max-age=", headers["Strict-Transport-Security"])
                self.assertIsNotNone(headers["Cache-Control"])
                if not path.startswith("/assets"):
                    self.assertEqual(headers["Cache-Control"], "no-store")

    def test_paths_and_methods(self):
        status, _, body = self.server.public("GET", "/v1/nothing")
        self.assertEqual((status, json.loads(body)["error"]), (404, "not-found"))
        status, headers, body = self.server.public("GET", "/v1/enroll")
        self.assertEqual((status, headers["Allow"], json.loads(body)["error"]), (405, "POST", "method"))
        status, headers, _ = self.server.public("DELETE", "/healthz")
        self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD"))
        status, headers, body = self.server.public("HEAD", "/healthz")
        self.assertEqual((status, headers["Content-Length"], body), (200, "3", b""))
        self.assertEqual(self.server.public("GET", "/%2e%2e/%2e%2e/etc/passwd")[0], 404)
        self.assertEqual(self.server.public("GET", "/%ff")[0], 400)
        self.assertEqual(self.server.public("GET", "/" + "a" * 600)[0], 400)
        self.assertEqual(self.server.public("GET", "/healthz?%s" % ("a=b&" * 100))[0], 200)

    def test_framing(self):
        post = b"POST /v1/enroll HTTP/1.1\r\nHost: x\r\n"
        for headers in (b"Content-Length: 2\r\nContent-Length: 2\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
                        b"Content-Length: 2\r\nHost: y\r\n", b"Content-Length: -1\r\n", b"Content-Length: 99999999999999999999\r\n",
                        b"Content-Length: 2x\r\n"):
            answer = self.raw(self.server.console, post + headers + b"\r\n{}" + b"\r\n0\r\n\r\n")
            self.assertIn(answer.split(b" ")[1:2], ([b"400"], [b"413"], []), (headers, answer[:200]))   # or the connection is closed
        self.assertIn(b" 400 ", self.raw(self.server.console, b"GET http://other/healthz HTTP/1.1\r\nHost: x\r\n\r\n").split(b"\r\n")[0] + b" ")

    def test_too_large(self):
        self.assertEqual(self.server.public("POST", "/v1/enroll", "x" * 20000)[0], 413)
        self.assertEqual(self.server.public("POST", "/v1/enroll", "x" * 3000000)[0], 413)
        big = self.raw(self.server.console, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20000 + b"\r\n\r\n")
        self.assertNotIn(b" 200 ", big.split(b"\r\n")[0])
        many = self.raw(self.server.console, b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 5000 + b"\r\n")
        self.assertNotIn(b" 200 ", many.split(b"\r\n")[0])
        self.assertEqual(self.server.public("GET", "/healthz")[0], 200)

    def test_description_is_true(self):
        """Every address of docs/openapi.yaml is there, under that method; nothing else answers under /v1."""
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "openapi.yaml"), encoding="utf-8") as f:
            text = f.read()
        found = re.findall(r"^  (/\S+):\n(?:    servers:.*\n(?:      .*\n)*)?    (get|post):", text, re.M)
        self.assertEqual(len(found), 9)
        t = Terminal(self.server, "pc-described").enrol()
        for path, method in found:
            body = "{}" if method == "post" else None
            if "tags: [terminals]" in text.split("  %s:\n" % path)[1].split("\n  /")[0]:
                status, _ = t.call(method.upper(), path, body)
            else:
                status = self.server.public(method.upper(), path.replace("{list}", "terminals"), body)[0]
            self.assertIn(status, (401,) if "{list}" in path else (200, 204, 400), path)

    def test_metrics_are_for_prometheus(self):
        text = self.server.public("GET", "/metrics")[2].decode()
        for line in text.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9]+)$')
        for name in ("sekimori_terminals", "sekimori_reports_total", "process_resident_memory_bytes"):
            self.assertIn(name, text)


class Commands(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.remove)

    def test_usage_is_64(self):
        for words in ((), ("nonsense",), ("token",), ("token", "create"), ("token", "create", "--host"), ("user", "add"), ("unit", "add", "x"),
                      ("init", "more"), ("verify", "--nonsense"), ("token", "revoke", "x"), ("user", "add", "x", "--name", "y", "--role", "king")):
            done = self.server.run(*words)
            self.assertEqual(done.returncode, 64, (words, done.stderr))
        self.assertEqual(self.server.run("--help").returncode, 0)
        self.assertIn("sekimori-server", self.server.run("--version").stdout)

    def test_init_changes_nothing_the_second_time(self):
        files = {}
        for name in os.listdir(self.server.state):
            if not name.startswith("ledger"):
                with open(os.path.join(self.server.state, name), "rb") as f:
                    files[name] = f.read()
        self.assertEqual(self.server.run("init").returncode, 0)
        for name, text in files.items():
            with open(os.path.join(self.server.state, name), "rb") as f:
                self.assertEqual(f.read(), text, name)
            self.assertEqual(os.stat(os.path.join(self.server.state, name)).st_mode & 0o777, 0o600, name)
        self.assertEqual(os.stat(self.server.state).st_mode & 0o777, 0o700)
        self.assertEqual(os.stat(self.server.ledger()).st_mode & 0o777, 0o600)

    def test_init_never_makes_a_second_authority(self):
        os.unlink(os.path.join(self.server.state, "ca.key"))
        done = self.server.run("init")
        self.assertEqual(done.returncode, 1)
        self.assertIn("restore a backup", done.stderr)

    def test_open_key_is_refused(self):
        os.chmod(os.path.join(self.server.state, "sign.key"), 0o644)
        done = self.server.run("serve")
        self.assertEqual(done.returncode, 1)
        self.assertIn("chmod 600", done.stderr)

    def test_bad_configuration_names_the_line(self):
        with open(self.server.config, "a", encoding="utf-8") as out:
            out.write("[console]\nidle = soon\n")
        done = self.server.run("verify")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"server\.ini:\d+: idle must be")

    def test_people(self):
        s = self.server
        s.cli("unit", "add", "zeimu", "--ja", "税務課", "--en", "Tax")
        password = s.cli("user", "add", "shokuin3", "--name", "税務課長", "--role", "sec", "--unit", "zeimu").strip()
        self.assertRegex(password, r"^[0-9A-Z]{5}(-[0-9A-Z]{5}){3}$")
        self.assertNotIn(password, s.sql("SELECT password_hash FROM users"))
        self.assertEqual(s.run("user", "add", "shokuin3", "--name", "x", "--role", "desk").returncode, 1)
        self.assertEqual(s.run("user", "add", "x", "--name", "x", "--role", "sec").returncode, 1)          # a manager of no section
        self.assertEqual(s.run("user", "add", "x", "--name", "x", "--role", "sec", "--unit", "none").returncode, 1)
        self.assertEqual(s.run("user", "add", "X Y", "--name", "x", "--role", "desk").returncode, 1)
        self.assertEqual(s.run("user", "add", "x", "--name", "x", "--role", "desk", "--password-stdin", input="short\n").returncode, 1)
        s.start()
        Browser(s, "shokuin3", password)
        other = s.cli("user", "passwd", "shokuin3").strip()
        with self.assertRaises(AssertionError):
            Browser(s, "shokuin3", password)
        b = Browser(s, "shokuin3", other)
        self.assertEqual(b.get("/")[0], 200)
        s.cli("user", "disable", "shokuin3")
        self.assertNotEqual(b.get("/")[0], 200)              # and the session it had is over
        with self.assertRaises(AssertionError):
            Browser(s, "shokuin3", other)
        s.cli("user", "enable", "shokuin3")
        Browser(s, "shokuin3", other)
        self.assertEqual(s.run("user", "passwd", "nobody").returncode, 1)
        self.assertIn("shokuin3", s.cli("user", "list"))

    def test_japanese(self):
        locale = os.path.join(lib.BUILD, "locale")
        if not os.path.exists(os.path.join(locale, "ja", "LC_MESSAGES", "sekimori.mo")):
            self.skipTest("no catalogue in " + locale)
        with open(self.server.config, encoding="utf-8") as f:
            text = f.read().replace("[server]\n", "[server]\nlocale = %s\n" % os.path.abspath(locale))
        with open(self.server.config, "w", encoding="utf-8") as out:
            out.write(text)
        self.assertIn("件", self.server.run("verify", env={"LC_ALL": "ja_JP.UTF-8"}).stdout)

    def test_policy_is_read_before_it_is_taken(self):
        path = os.path.join(self.server.folder, "bad.ini")
        with open(path, "w", encoding="utf-8") as out:
            out.write(POLICY % ("x", 1) + "[rule y]\naction = perhaps\n")
        done = self.server.run("policy", "set", path)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"bad\.ini:\d+: ")
        self.assertEqual(self.server.sql("SELECT count(*) FROM policies"), "0")
        self.assertEqual(self.server.run("policy", "set", "/nonexistent").returncode, 1)
        with open(path, "w", encoding="utf-8") as out:
            out.write(POLICY % ("x", 1))
        self.assertEqual(self.server.run("policy", "set", path, "--unit", "none").returncode, 1)
        self.assertEqual(self.server.run("policy", "set", path).returncode, 0)

    def test_a_policy_is_tried_on_what_the_terminals_recorded(self):
        s = self.server
        s.people()
        s.cli("unit", "add", "soumu", "--ja", "総務課", "--en", "General affairs")
        s.start()
        t = Terminal(s, "pc1").enrol()
        printer = {"device": "1-3", "bus": "usb", "vendor_id": "04a9", "product_id": "26da", "vendor": "Canon", "product": "LBP6000", "serial": None,
                   "device_key": "a" * 64, "grade": "C", "connect": "hotplug", "problem": "", "verdict": "allow", "reason": "rule",
                   "device_class": "00/00/00", "alts": "1.0.0:07/01/02:4",
                   "interfaces": [{"number": 0, "class": "07/01/02", "kind": "printer", "verdict": "allow", "access": "rw", "reason": "rule", "rule": "p"}]}
        self.assertEqual(t.send(*[t.event("device.decided", dict(printer, count=3)) for _ in range(4)], t.event("device.decided", {"n": 1}))[0], 200)
        s.stop()
        path = os.path.join(s.folder, "new.ini")
        for rule, status, changes in (("kind = printer\naction = allow", 0, []), ("kind = printer\nsection = zeimu\naction = allow", 0, []),
                                      ("kind = printer\nhost = pc2\naction = allow", 2, ["deny"])):
            with open(path, "w", encoding="utf-8") as out:
                out.write(POLICY % ("x", 1) + "[rule p]\n%s\n" % rule)
            done = s.run("policy", "simulate", path, "--unit", "zeimu", "--since", "1d", "--json")
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
            result = json.loads(done.stdout)
            self.assertEqual([c["now"] for c in result["changes"]], changes)
            self.assertEqual((result["decisions"], result["unreadable"]), (12, 1))
        self.assertEqual(result["changes"][0]["hosts"], ["pc1"])
        self.assertEqual(s.run("policy", "simulate", path, "--unit", "soumu").returncode, 0, "nothing of another section")
        self.assertEqual(s.run("policy", "simulate", path).returncode, 2)
        self.assertEqual(s.run("policy", "simulate", path, "--unit", "none").returncode, 1)
        self.assertEqual(s.run("policy", "simulate", path, "--since", "soon").returncode, 64)

    def test_verify_finds_what_was_changed(self):
        s = self.server
        s.people()
        s.start()
        t = Terminal(s, "pc1").enrol()
        t.send(*[t.event("device.decided", {"n": i}) for i in range(20)])
        s.stop()
        self.assertEqual(s.run("verify").returncode, 0)
        shutil.copy(s.ledger(), s.ledger() + ".good")
        for text, state in (("UPDATE events SET body = '{}' WHERE seq = 5", "forged"), ("DELETE FROM events WHERE seq = 7", "gap"),
                            ("DELETE FROM events WHERE seq > 15", "cut"), ("UPDATE audit SET user = 'x' WHERE id = 2", "forged"),
                            ("DELETE FROM audit WHERE id = 3", "gap")):
            with self.assertRaises(Exception):
                s.sql(text)                                   # the store itself refuses it
            table = "audit" if "audit" in text else "events"
            s.sql("DROP TRIGGER %s_no_update; DROP TRIGGER %s_no_delete; %s" % (table, table, text))
            done = s.run("verify", "--json")
            self.assertEqual(done.returncode, 1, text)
            self.assertIn(state, [f["state"] for f in json.loads(done.stdout)], text)
            self.assertIn("BROKEN", s.run("verify").stdout)
            shutil.copy(s.ledger() + ".good", s.ledger())
        self.assertEqual(s.run("verify").returncode, 0)

    def test_one_server_per_folder(self):
        self.server.start()
        done = self.server.run("serve")
        self.assertEqual(done.returncode, 1)
        self.assertIn("another sekimori-server", done.stderr)
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(sorted(n for n in os.listdir(self.server.state) if n.endswith(".port")), [])

    def test_newer_store_is_refused(self):
        self.server.sql("PRAGMA user_version = 99")
        done = self.server.run("verify")
        self.assertEqual(done.returncode, 1)
        self.assertIn("newer", done.stderr)

    def test_not_a_store(self):
        with open(self.server.ledger(), "wb") as out:
            out.write(b"hello " * 1000)
        self.assertEqual(self.server.run("verify").returncode, 1)
        self.assertEqual(self.server.run("serve").returncode, 1)


class Backup(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.remove)
        self.server.people()
        self.server.start()
        self.file = os.path.join(self.server.folder, "backup")

    def test_drill(self):
        """A backup is made while terminals write; the machine is lost; the ledger comes back with its keys, and terminals go on unasked."""
        s = self.server
        t = Terminal(s, "pc1").enrol()
        events = [t.event("device.decided", {"n": i}) for i in range(50)]
        t.send(*events[:30])
        s.token("pc2")
        Browser(s, "manager", "manager-password")
        s.cli("backup", self.file)
        self.assertEqual(os.stat(self.file).st_mode & 0o777, 0o600)
        t.send(*events[30:])
        policy, grants = held(t)
        self.assertEqual(s.run("backup", self.file).returncode, 1)            # never over another one
        done = s.run("restore", self.file)
        self.assertEqual(done.returncode, 1)
        self.assertIn("another sekimori-server", done.stderr)                  # not under a running server
        s.stop(signal.SIGKILL)
        shutil.rmtree(s.state)
        told = s.cli("restore", self.file)
        self.assertRegex(told, r"newest record in it is of 20\d\d-.*REPEAT every revocation")
        self.assertEqual(s.sql("SELECT count(*) FROM sessions"), "0")
        self.assertEqual([x["state"] for x in json.loads(s.cli("token", "list", "--json"))], ["revoked", "used"])
        s.start()
        self.assertEqual(s.run("verify").returncode, 0)
        status, answer = t.send(*events[40:])                                  # it believes that 50 are stored
        self.assertEqual((status, answer["error"], answer["acked"]), (409, "chain-gap", 30))
        self.assertEqual(t.send(*events[30:]), (200, {"acked": 50}))
        got = payloads(orders(t, policy + 3, grants + 3))                      # and it may hold newer grants, or others of the same number
        self.assertGreaterEqual(got["grants"]["version"], grants + 1000000)
        Browser(s, "manager", "manager-password")
        self.assertEqual(json.loads(s.cli("verify", "--json"))[1]["records"], 50)

    def test_full_folder_needs_force(self):
        s = self.server
        s.cli("backup", self.file)
        s.stop()
        done = s.run("restore", self.file)
        self.assertEqual(done.returncode, 1)
        self.assertIn("--force", done.stderr)
        s.cli("restore", self.file, "--force")
        self.assertTrue([n for n in os.listdir(s.state) if ".before-restore-" in n])
        self.assertEqual(s.run("verify").returncode, 0)

    def test_damaged_ones_change_nothing(self):
        s = self.server
        t = Terminal(s, "pc1").enrol()
        t.send(*[t.event("device.decided", {"n": i}) for i in range(200)])
        s.cli("backup", self.file)
        s.stop()
        with open(self.file, "rb") as f:
            whole = f.read()
        before = sorted(os.listdir(s.state))
        bad = os.path.join(s.folder, "bad")
        middle = len(whole) // 2
        for data in (b"", b"x" * 5000, whole[:middle], whole[:middle] + os.urandom(8192) + whole[middle + 8192:]):
            with open(bad, "wb") as out:
                out.write(data)
            done = s.run("restore", bad, "--force")
            self.assertEqual(done.returncode, 1, len(data))
            self.assertEqual([n for n in sorted(os.listdir(s.state)) if n != "serve.lock"], [n for n in before if n != "serve.lock"])
        shutil.copy(self.file, bad)
        lib.run_sql(bad, "DROP TRIGGER events_no_update; UPDATE events SET body = '{}' WHERE seq = 100")
        done = s.run("restore", bad, "--force")
        self.assertEqual(done.returncode, 1)
        self.assertIn("broken", done.stderr)
        self.assertEqual(s.run("restore", "/nonexistent", "--force").returncode, 1)
        self.assertEqual(s.run("verify").returncode, 0)

    def test_backup_with_a_path_in_it(self):
        """A backup of unknown origin names a file outside the folder: nothing is written there."""
        s = self.server
        s.cli("backup", self.file)
        s.stop()
        lib.run_sql(self.file, "UPDATE backup_files SET name = '../evil' WHERE name = 'ca.key'")
        empty = tempfile.mkdtemp(dir=s.folder)
        os.rmdir(empty)
        with open(s.config, encoding="utf-8") as f:
            text = f.read().replace(s.state, os.path.join(empty, "state"))
        with open(s.config, "w", encoding="utf-8") as out:
            out.write(text)
        self.assertEqual(s.run("restore", self.file).returncode, 1)
        self.assertFalse(os.path.exists(os.path.join(empty, "evil")))


if __name__ == "__main__":
    lib.main(sys.modules["__main__"])
