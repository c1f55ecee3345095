#!/usr/bin/env python3
"""Who may speak on the terminals' line: the real server on loopback against every wrong certificate and every replay.

    test_mtls.py [--build DIR] [unittest arguments]
"""
import base64
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import time
import unittest
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import server_lib as lib  # noqa: E402
from server_lib import Server, Terminal, make_csr, make_key, openssl  # noqa: E402


def sign(folder, ca_cert, ca_key, key, device, days=30, start=None, end=None, usage="clientAuth"):
    """A certificate for key by any CA, with any device name: what an attacker, or a careless administrator, would make."""
    extensions = os.path.join(folder, "ext.cnf")
    with open(extensions, "w", encoding="ascii") as out:
        out.write("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=%s\n"
                  "subjectAltName=URI:urn:sekimori:device:%s\n" % (usage, device))
    csr = os.path.join(folder, "x.csr")
    with open(csr, "w", encoding="ascii") as out:
        out.write(make_csr(key))
    path = os.path.join(folder, "x-%s.pem" % uuid.uuid4())
    database = os.path.join(folder, "index-%s" % uuid.uuid4())
    open(database, "w", encoding="ascii").close()
    config = os.path.join(folder, "ca.cnf")
    with open(config, "w", encoding="ascii") as out:
        out.write("[ca]\ndefault_ca=d\n[d]\ndatabase=%s\nnew_certs_dir=%s\ndefault_md=sha256\npolicy=p\nrand_serial=yes\nunique_subject=no\n"
                  "[p]\ncommonName=optional\n" % (database, folder))
    dates = ["-startdate", start, "-enddate", end] if start else ["-days", str(days)]
    openssl("ca", "-batch", "-notext", "-config", config, "-in", csr, "-cert", ca_cert, "-keyfile", ca_key, "-extfile", extensions, "-out", path, *dates)
    return path


class Line(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.remove)
        cls.server.people()
        cls.server.start()
        cls.good = Terminal(cls.server, "pc-good").enrol()
        cls.other_folder = os.path.join(cls.server.folder, "other")
        os.mkdir(cls.other_folder)
        cls.other_ca = os.path.join(cls.other_folder, "ca.pem")
        cls.other_key = os.path.join(cls.other_folder, "ca.key")
        make_key(cls.other_key)
        openssl("req", "-x509", "-new", "-key", cls.other_key, "-subj", "/CN=Sekimori CA 127.0.0.1", "-days", "30", "-out", cls.other_ca)

    def stranger(self):
        return Terminal(self.server, "pc-stranger")

    def attempt(self, certificate=None, key=None, path="/v1/orders?wait=0"):
        """("handshake", reason) when TLS refused, else ("http", status). With TLS 1.3 the refusal comes with the first read."""
        c = http.client.HTTPSConnection("127.0.0.1", self.server.agents, context=self.server.context(certificate, key), timeout=20)
        try:
            c.request("GET", path)
            return "http", c.getresponse().status
        except (ssl.SSLError, ConnectionResetError, http.client.RemoteDisconnected, BrokenPipeError) as error:
            return "handshake", str(error)
        finally:
            c.close()

    def test_good_one_is_heard(self):
        self.assertEqual(self.attempt(self.good.certificate, self.good.key)[0], "http")
        self.assertIn(self.attempt(self.good.certificate, self.good.key)[1], (200, 204))

    def test_no_certificate(self):
        self.assertEqual(self.attempt()[0], "handshake")
        done = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % self.server.agents, "-CAfile", self.server.ca(), "-ign_eof"],
                              input=b"", capture_output=True, timeout=20, check=False)
        self.assertIn(b"certificate required", done.stderr)

    def test_wrong_authority(self):
        s = self.stranger()
        how, why = self.attempt(sign(self.other_folder, self.other_ca, self.other_key, s.key, self.good.id), s.key)
        self.assertEqual(how, "handshake", why)

    def test_self_signed(self):
        s = self.stranger()
        path = os.path.join(s.folder, "self.pem")
        openssl("req", "-x509", "-new", "-key", s.key, "-subj", "/CN=x", "-days", "3", "-out", path)
        self.assertEqual(self.attempt(path, s.key)[0], "handshake")

    def test_expired(self):
        s = self.stranger()
        state = self.server.state
        path = sign(s.folder, os.path.join(state, "ca.pem"), os.path.join(state, "ca.key"), s.key, self.good.id, start="20200101000000Z",
                    end="20200201000000Z")
        self.assertEqual(self.attempt(path, s.key)[0], "handshake")

    def test_not_yet_valid(self):
        s = self.stranger()
        state = self.server.state
        path = sign(s.folder, os.path.join(state, "ca.pem"), os.path.join(state, "ca.key"), s.key, self.good.id, start="20900101000000Z",
                    end="20910201000000Z")
        self.assertEqual(self.attempt(path, s.key)[0], "handshake")

    def test_server_certificate_is_no_terminal(self):
        state = self.server.state
        self.assertEqual(self.attempt(os.path.join(state, "server.pem"), os.path.join(state, "server.key"))[0], "handshake")

    def test_right_authority_but_never_enrolled(self):
        """Even whoever holds the CA key gets nowhere without a row in the ledger."""
        s = self.stranger()
        state = self.server.state
        path = sign(s.folder, os.path.join(state, "ca.pem"), os.path.join(state, "ca.key"), s.key, str(uuid.uuid4()))
        self.assertEqual(self.attempt(path, s.key), ("http", 403))

    def test_second_certificate_for_an_enrolled_name(self):
        """Same authority, the name of an enrolled terminal, another key: the fingerprint decides."""
        s = self.stranger()
        state = self.server.state
        path = sign(s.folder, os.path.join(state, "ca.pem"), os.path.join(state, "ca.key"), s.key, self.good.id)
        self.assertEqual(self.attempt(path, s.key), ("http", 403))

    def test_certificate_without_its_key(self):
        s = self.stranger()
        with self.assertRaises(ssl.SSLError):
            self.attempt(self.good.certificate, s.key)

    def test_enrolled_again(self):
        """The old key is refused from then on, on its open connection too; without a token nobody takes the name over."""
        old = Terminal(self.server, "pc-twice").enrol()
        old.connect()
        self.assertEqual(old.send(old.event("chain-start", {}))[0], 200)
        thief = Terminal(self.server, "pc-twice")
        self.assertEqual(self.server.enrol_raw("SK1-00000000000000000000000000", "pc-twice", make_csr(thief.key))[0] // 100, 4)
        self.assertEqual(old.send(old.event("device.decided", {}))[0], 200)
        new = Terminal(self.server, "pc-twice").enrol()
        self.assertNotEqual(new.id, old.id)
        self.assertEqual(old.send(old.event("device.decided", {}))[0], 403)
        self.assertEqual(old.call("POST", "/v1/renew", {"csr": make_csr(old.key)})[0], 403)
        self.assertEqual(new.send(new.event("chain-start", {}))[0], 200)
        self.assertEqual(self.server.sql("SELECT count(*) FROM audit WHERE action = 'terminal.replaced' AND object = '%s'" % old.id), "1")

    def test_revoked_on_an_open_connection(self):
        """Revocation reaches the request after it, on the same connection, and a resumed one."""
        t = Terminal(self.server, "pc-revoked").enrol()
        c = t.connect()
        self.assertEqual(t.call("POST", "/v1/report", t.report())[0], 200)
        session = c.sock.session
        self.server.cli("terminal", "revoke", t.id, "--reason", "lost")
        self.assertIs(t.connection, c)
        status, answer = t.call("POST", "/v1/report", t.report())
        self.assertEqual(status, 403)
        self.assertEqual(answer, {"error": "refused", "text": "this terminal is not admitted"})  # nothing about why
        for method, path in (("POST", "/v1/events"), ("GET", "/v1/orders?wait=0"), ("POST", "/v1/renew")):
            self.assertEqual(t.call(method, path, {} if method == "POST" else None)[0], 403, path)
        raw = socket.create_connection(("127.0.0.1", self.server.agents), timeout=20)
        with c._context.wrap_socket(raw, server_hostname="127.0.0.1", session=session) as x:
            self.assertTrue(x.session_reused)
            x.sendall(b"GET /v1/orders?wait=0 HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn(b" 403 ", x.recv(4096).split(b"\r\n")[0])

    def test_revoked_while_it_waits_for_orders(self):
        t = Terminal(self.server, "pc-waits").enrol()
        bundles = t.call("GET", "/v1/orders?wait=0")[1]["bundles"]
        grants = [json.loads(base64.b64decode(json.loads(b)["payload"])) for b in bundles]
        version = [g["version"] for g in grants if g["kind"] == "grants"][0]
        policy = max([g["version"] for g in grants if g["kind"] == "policy"], default=0)
        t.connection.request("GET", "/v1/orders?policy=%d&grants=%d&wait=50" % (policy, version))
        began = time.monotonic()
        self.server.cli("terminal", "revoke", t.id, "--reason", "stolen")
        self.assertEqual(t.connection.getresponse().status, 403)
        self.assertLess(time.monotonic() - began, 5)

    def test_device_cannot_write_as_another(self):
        """The records are stored under the certificate's terminal, and another's chain does not fit there."""
        a, b = Terminal(self.server, "pc-a").enrol(), Terminal(self.server, "pc-b").enrol()
        self.assertEqual(a.send(a.event("chain-start", {}))[0], 200)
        theirs = a.event("daemon.started", {})
        status, answer = b.send(theirs)                    # a's second record, replayed by b
        self.assertEqual((status, answer["error"], answer["acked"]), (409, "chain-gap", 0))
        first = dict(theirs, seq=1, prev=lib.ZERO)
        first["hash"] = lib.chain_hash(a.id, first)        # sealed for a, sent by b
        status, answer = b.send(first)
        self.assertEqual((status, answer["error"], answer["acked"]), (409, "chain-forged", 0))
        self.assertEqual(self.server.sql("SELECT count(*) FROM events WHERE device = '%s'" % b.id), "0")

    def test_replays(self):
        t = Terminal(self.server, "pc-replay").enrol()
        one, two = t.event("chain-start", {}), t.request_event()
        self.assertEqual(t.send(one, two), (200, {"acked": 2}))
        self.assertEqual(t.send(one, two), (200, {"acked": 2}))   # the answer got lost: the same again is fine, once stored
        self.assertEqual(t.send(two), (200, {"acked": 2}))
        self.assertEqual(self.server.sql("SELECT count(*) FROM events WHERE device = '%s'" % t.id), "2")
        self.assertEqual(self.server.sql("SELECT count(*) FROM requests WHERE terminal = '%s'" % t.id), "1")
        again = t.event("request.created", two["body"])           # the same request id under a new record
        self.assertEqual(t.send(again)[0], 200)
        self.assertEqual(self.server.sql("SELECT count(*) FROM requests WHERE terminal = '%s'" % t.id), "1")
        changed = dict(two, body=two["body"].replace("ro", "rw"))
        changed["hash"] = lib.chain_hash(t.id, changed)
        self.assertEqual(t.send(changed)[1]["error"], "chain-fork")  # history is not rewritten

    def test_renewed_certificate_ends_the_old_one(self):
        t = Terminal(self.server, "pc-renew").enrol()
        old = (t.certificate, t.key)
        status, answer = t.call("POST", "/v1/renew", {"csr": make_csr(t.key)})
        self.assertEqual(status, 200)
        self.assertIn(self.attempt(*old)[1], (200, 204))      # until the new one was seen: the answer could have got lost
        fresh = os.path.join(t.folder, "new.pem")
        with open(fresh, "w", encoding="ascii") as out:
            out.write(answer["certificate"])
        self.assertIn(self.attempt(fresh, t.key)[1], (200, 204))
        self.assertEqual(self.attempt(*old), ("http", 403))
        self.assertEqual(self.server.sql("SELECT count(*) FROM audit WHERE object = '%s' AND action LIKE 'certificate.%%'" % t.id), "2")

    def test_renewal_needs_the_old_key(self):
        t = Terminal(self.server, "pc-renew2").enrol()
        lines = make_csr(t.key).split("\n")
        lines[3] = lines[3][:20] + ("A" if lines[3][20] != "A" else "B") + lines[3][21:]  # within key or signature
        broken = "\n".join(lines)
        for csr in ("", "x", broken, "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n" * 3):
            self.assertEqual(t.call("POST", "/v1/renew", {"csr": csr})[0], 400)
        self.assertEqual(self.attempt(path="/v1/renew")[0], "handshake")

    def test_tls_1_2_is_not_spoken(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.server.ca())
        context.load_cert_chain(self.good.certificate, self.good.key)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with socket.create_connection(("127.0.0.1", self.server.agents), timeout=20) as raw:
            with self.assertRaises((ssl.SSLError, ConnectionResetError)):
                context.wrap_socket(raw, server_hostname="127.0.0.1")

    def test_plain_http_gets_nothing(self):
        for port in (self.server.agents, self.server.console):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
                raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                try:
                    data = raw.recv(4096)
                except ConnectionResetError:
                    data = b""
                self.assertNotIn(b"HTTP/", data)

    def test_terminals_paths_are_not_on_the_console(self):
        for path in ("/v1/events", "/v1/report", "/v1/renew"):
            self.assertIn(self.server.public("POST", path, "{}")[0], (403, 404, 405), path)
        self.assertEqual(self.server.public("GET", "/v1/orders")[0], 404)
        # and nothing of the console is on the terminals' line
        for path in ("/", "/login", "/metrics", "/healthz", "/v1/enroll"):
            self.assertEqual(self.attempt(self.good.certificate, self.good.key, path), ("http", 404), path)

    def test_session_of_the_console_does_not_open_the_terminals_line(self):
        """Each listener has a session cache of its own: a ticket from the one that asks for nothing is worth nothing on the other."""
        file = os.path.join(self.server.folder, "session")
        done = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % self.server.console, "-CAfile", self.server.ca(), "-sess_out", file, "-ign_eof"],
                              input=b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", capture_output=True, timeout=20, check=False)
        self.assertTrue(os.path.exists(file), done.stdout)
        done = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % self.server.agents, "-CAfile", self.server.ca(), "-sess_in", file, "-ign_eof"],
                              input=b"GET /v1/orders?wait=0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", capture_output=True, timeout=20, check=False)
        self.assertNotIn(b"HTTP/1.1 2", done.stdout)
        self.assertNotIn(b"Reused, TLS", done.stdout)


class Enrolment(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.remove)
        cls.server.people()

    def setUp(self):
        self.server.start()   # a fresh count of attempts per address
        self.addCleanup(self.server.stop)
        self.key = os.path.join(self.server.folder, "key-%s" % uuid.uuid4())
        make_key(self.key)
        self.csr = make_csr(self.key)

    def refused(self, token, host, code, status=403, asset=None, csr=None):
        got, answer = self.server.enrol_raw(token, host, csr or self.csr, asset)
        self.assertEqual((got, answer["error"]), (status, code))

    def test_once(self):
        token = self.server.token("pc1")
        status, answer = self.server.enrol_raw(token, "PC1", self.csr)     # host names know no case
        self.assertEqual(status, 200, answer)
        self.assertEqual(sorted(answer), ["agents_url", "ca", "certificate", "device_id", "server_time", "verify_key"])
        text = openssl("x509", "-noout", "-text", input=answer["certificate"].encode()).decode()
        self.assertIn("URI:urn:sekimori:device:" + answer["device_id"], text)
        self.assertIn("TLS Web Client Authentication", text)
        self.refused(token, "pc1", "token-used")

    def test_wrong_ones(self):
        token = self.server.token("pc2", "--asset", "A-100")
        self.refused(token, "pc3", "token-other-host")
        self.refused(token, "pc2", "token-other-host")                      # the asset number is missing
        self.refused(token, "pc2", "token-other-host", asset="A-101")
        self.refused(token[:-1] + ("0" if token[-1] != "0" else "1"), "pc2", "token-unknown", asset="A-100")
        self.assertEqual(self.server.enrol_raw(token, "pc2", self.csr, "A-100")[0], 200)  # a wrong attempt does not spend it

    def test_expired_and_revoked(self):
        token = self.server.token("pc4")
        self.server.sql("UPDATE tokens SET until = 1 WHERE host = 'pc4'")
        self.refused(token, "pc4", "token-expired")
        token = self.server.token("pc5")
        number = json.loads(self.server.cli("token", "list", "--json"))[0]["id"]
        self.server.cli("token", "revoke", str(number))
        self.refused(token, "pc5", "token-unknown")

    def test_bodies(self):
        token = self.server.token("pc6")
        good = {"token": token, "host": "pc6", "csr": self.csr}
        for change in ({"csr": "x"}, {"host": "a b"}, {"host": ""}, {"token": ""}, {"host": 5}, {"csr": None}, {"asset": "x" * 100}):
            status, _, text = self.server.public("POST", "/v1/enroll", json.dumps(dict(good, **change)))
            self.assertEqual(status, 400, (change, text))
        self.assertEqual(self.server.enrol_raw(token, "pc6", self.csr)[0], 200)

    def test_attempts_per_address(self):
        codes = [self.server.enrol_raw("SK1-wrong", "pc7", self.csr)[0] for _ in range(12)]
        self.assertEqual(codes, [403] * 10 + [429] * 2)
        self.assertEqual(self.server.enrol_raw(self.server.token("pc7"), "pc7", self.csr)[0], 429)

    def test_two_at_once(self):
        """Of two terminals with one token, one is enrolled."""
        import threading
        token, got = self.server.token("pc8"), []

        def go():
            got.append(self.server.enrol_raw(token, "pc8", self.csr)[0])

        threads = [threading.Thread(target=go) for _ in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(sorted(got), [200] + [403] * 5)

    def test_weak_keys(self):
        for arguments in (("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"), ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1")):
            key = os.path.join(self.server.folder, "weak-%s" % uuid.uuid4())
            with open(key, "wb") as out:
                out.write(openssl("genpkey", *arguments))
            self.refused(self.server.token("pc9"), "pc9", "invalid", 400, csr=make_csr(key))


if __name__ == "__main__":
    lib.main(sys.modules["__main__"])
