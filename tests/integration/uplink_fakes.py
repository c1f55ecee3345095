"""A sekimorid and a server made of Python, and a CA made with the openssl command, for the tests of sekimori-uplink."""
import hashlib
import http.server
import json
import os
import re
import select
import socket
import socketserver
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import uuid

CA_CONF = """
[ca]
default_ca = d
[d]
database = {dir}/index
serial = {dir}/serial
new_certs_dir = {dir}
unique_subject = no
default_md = sha256
policy = p
copy_extensions = none
[p]
commonName = optional
[server]
extendedKeyUsage = serverAuth
subjectAltName = {san}
[device]
extendedKeyUsage = clientAuth
subjectAltName = {san}
"""


def wait_for(what, seconds=10, every=0.01):
    """Polls what() until it is true and returns its value; raises after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = what()
        if value:
            return value
        time.sleep(every)
    raise AssertionError(f"not within {seconds} s: {getattr(what, '__doc__', None) or what}")


class Pki:
    """One CA. Every file lies in dir."""

    def __init__(self, directory):
        self.dir = directory
        os.makedirs(directory, exist_ok=True)
        open(self.path("index"), "w").close()
        with open(self.path("serial"), "w") as f:
            f.write("1000\n")
        self.key("ca")
        self.openssl("req", "-x509", "-new", "-key", self.path("ca.key"), "-sha256", "-days", "3650", "-subj", "/CN=Test CA",
                     "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", self.path("ca.pem"))

    def path(self, name):
        return os.path.join(self.dir, name)

    def read(self, name):
        with open(self.path(name)) as f:
            return f.read()

    @staticmethod
    def openssl(*args, stdin=None):
        return subprocess.run(["openssl", *args], input=stdin, check=True, capture_output=True).stdout

    def key(self, name):
        self.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.path(name + ".key"))

    @property
    def ca(self):
        return self.read("ca.pem")

    def fingerprint(self):
        der = self.openssl("x509", "-in", self.path("ca.pem"), "-outform", "DER")
        return hashlib.sha256(der).hexdigest()

    def sign(self, csr_file, out, kind, san, start_days=-1, end_days=30):
        """A certificate for the CSR's key, valid from now + start_days to now + end_days."""
        def stamp(days):
            return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * 86400))
        with tempfile.NamedTemporaryFile("w", suffix=".cnf", dir=self.dir) as conf:
            conf.write(CA_CONF.format(dir=self.dir, san=san))
            conf.flush()
            self.openssl("ca", "-batch", "-notext", "-config", conf.name, "-cert", self.path("ca.pem"), "-keyfile", self.path("ca.key"),
                         "-in", csr_file, "-out", self.path(out), "-extensions", kind, "-subj", "/CN=" + out,
                         "-startdate", stamp(start_days), "-enddate", stamp(end_days))
        return self.read(out)

    def issue(self, name, kind, san, start_days=-1, end_days=30):
        self.key(name)
        self.openssl("req", "-new", "-key", self.path(name + ".key"), "-subj", "/CN=x", "-out", self.path(name + ".csr"))
        self.sign(self.path(name + ".csr"), name + ".pem", kind, san, start_days, end_days)

    def server(self, name="server", san="DNS:localhost,IP:127.0.0.1", **days):
        self.issue(name, "server", san, **days)
        with open(self.path(name + ".chain"), "w") as f:
            f.write(self.read(name + ".pem") + self.ca)

    def device(self, name, device_id, **days):
        self.issue(name, "device", "URI:urn:sekimori:device:" + device_id, **days)


def write_identity(directory, pki, name, device_id, url):
    """What an enrolment leaves in the uplink's folder."""
    os.makedirs(directory, exist_ok=True)
    for target, source in (("key.pem", name + ".key"), ("cert.pem", name + ".pem"), ("ca.pem", "ca.pem")):
        with open(os.path.join(directory, target), "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(pki.read(source))
    with open(os.path.join(directory, "uplink.json"), "w") as f:
        json.dump({"server": url, "device_id": device_id, "slot": 1}, f)


class Daemon:
    """sekimorid's uplink socket. Events are added by hand; acked is what the uplink acknowledged."""

    def __init__(self, path, device_id):
        self.path, self.device = path, device_id
        self.lock = threading.Condition()
        self.events, self.acked = [], 0
        self.versions = {"policy": 0, "grants": 0}
        self.report_due, self.reports = False, 0
        self.contacts, self.bundles, self.ops = [], [], []
        self.refuse = None  # a reason: bundle.put answers `invalid`
        self.listener = None
        self.clients = set()
        self.start()

    def start(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(8)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for c in self.clients:
                try:
                    c.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.clients.clear()
            self.lock.notify_all()

    def add(self, n=1, body="{}"):
        with self.lock:
            for _ in range(n):
                seq = len(self.events) + 1
                self.events.append({"seq": seq, "time": 1700000000000 + seq, "kind": "device.decided", "body": body,
                                    "prev": "0" * 64, "hash": hashlib.sha256(str(seq).encode()).hexdigest()})
            self.lock.notify_all()

    def contact(self):
        return self.contacts[-1] if self.contacts else {}

    def _accept(self, listener):
        while True:
            try:
                c, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                self.clients.add(c)
            threading.Thread(target=self._serve, args=(c,), daemon=True).start()

    def _serve(self, c):
        f = c.makefile("rb")
        try:
            while True:
                head = f.read(4)
                if len(head) < 4:
                    return
                q = json.loads(f.read(struct.unpack(">I", head)[0]))
                answer = json.dumps(self._answer(q, c)).encode()
                c.sendall(struct.pack(">I", len(answer)) + answer)
        except OSError:
            pass

    def _answer(self, q, c):
        op = q["op"]
        with self.lock:
            self.ops.append(op)
            if op == "hello":
                return {"ok": True, "device_id": self.device, "versions": dict(self.versions), "last_seq": len(self.events), "acked_seq": self.acked}
            if op == "wait":
                def ready():
                    return self.report_due or len(self.events) > self.acked or c not in self.clients
                self.lock.wait_for(ready, q["timeout_ms"] / 1000)
                return {"ok": True, "events": len(self.events) > self.acked, "report": self.report_due}
            if op == "spool.read":
                out, size = [], 0
                for e in self.events[q["after"]:]:
                    size += len(json.dumps(e))
                    if out and size > q["max_bytes"]:
                        break
                    out.append(e)
                return {"ok": True, "events": out}
            if op == "spool.ack":
                self.acked = max(self.acked, q["seq"])
                return {"ok": True}
            if op == "report":
                self.report_due, self.reports = False, self.reports + 1
                return {"ok": True, "report": {"version": "0", "n": self.reports}}
            if op == "bundle.put":
                if self.refuse:
                    return {"ok": False, "code": "invalid", "error": self.refuse}
                b = json.loads(q["envelope"])
                if b["version"] <= self.versions[b["kind"]]:
                    return {"ok": True, "result": "same"}
                self.versions[b["kind"]] = b["version"]
                self.bundles.append((time.monotonic(), b))
                return {"ok": True, "result": "applied"}
            if op == "contact":
                self.contacts.append({k: v for k, v in q.items() if k != "op"})
                return {"ok": True}
        return {"ok": False, "code": "not-found", "error": op}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.fake.connections.append(self.connection)

    def handle(self):
        try:
            super().handle()
        except (OSError, ValueError):
            pass

    def log_message(self, *_):
        pass

    def reply(self, status, doc=None, type_="application/json", headers=()):
        body = b"" if doc is None else doc if isinstance(doc, bytes) else json.dumps(doc).encode()
        self.send_response(status)
        if doc is not None:
            self.send_header("Content-Type", type_)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        for k, v in headers:
            self.send_header(k, v)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def hang_up(self):
        """Closes without an answer."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _handle(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.json = json.loads(body) if body else None
        self.server.fake.handle(self)

    do_GET = do_POST = _handle


class Https(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass

    def finish_request(self, request, client_address):
        try:
            tls = self.fake.context.wrap_socket(request, server_side=True)
        except (ssl.SSLError, OSError) as e:
            self.fake.handshakes_failed.append(str(e))
            return
        self.RequestHandlerClass(tls, client_address, self)


class Server:
    """The server's side of docs/protocol.md section 2, kept in memory. hook(handler) may answer first and return True."""

    def __init__(self, pki, cert="server", mutual=True):
        self.pki, self.cert, self.mutual = pki, cert, mutual
        self.lock = threading.Condition()
        self.events, self.reports, self.requests, self.peers = {}, [], [], []
        self.orders, self.hook = [], None
        self.connections, self.handshakes_failed = [], []
        self.committed, self.tokens, self.renewals, self.life = 0, {}, 0, (-1, 30)
        self.answered_polls = 0
        self.port, self.http = 0, None
        self.start()

    def start(self):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.load_cert_chain(self.pki.path(self.cert + (".chain" if os.path.exists(self.pki.path(self.cert + ".chain")) else ".pem")), self.pki.path(self.cert + ".key"))
        if self.mutual:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(self.pki.path("ca.pem"))
        Https.allow_reuse_address = True
        self.http = Https(("127.0.0.1", self.port), Handler)
        self.http.fake = self
        self.port = self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()
        self.cut()

    def cut(self):
        for c in self.connections:
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.connections.clear()

    @property
    def url(self):
        return f"https://localhost:{self.port}"

    def asked(self, path):
        return [r for r in self.requests if r.startswith(path)]

    def commit(self, events):
        """Takes what follows, exactly once; True = it fits."""
        with self.lock:
            for e in events:
                known = self.events.get(e["seq"])
                if known is not None:
                    if known["hash"] != e["hash"]:
                        return False
                elif e["seq"] != self.committed + 1:
                    return False
                else:
                    self.events[e["seq"]] = e
                    self.committed = e["seq"]
            return True

    def handle(self, h):
        with self.lock:
            self.requests.append(h.command + " " + h.path)
            self.peers.append(h.connection.getpeercert(True) if self.mutual else None)
        if self.hook and self.hook(h):
            return
        path = h.path.split("?")[0]
        {"/v1/events": self.take_events, "/v1/report": self.take_report, "/v1/orders": self.give_orders, "/v1/renew": self.renew,
         "/v1/enroll": self.enroll}.get(path, lambda h: h.reply(404, {"error": "not-found", "text": "no"}))(h)

    def take_events(self, h):
        if self.commit(h.json["events"]):
            h.reply(200, {"acked": self.committed})
        else:
            h.reply(409, {"error": "chain-gap", "acked": self.committed})

    def take_report(self, h):
        self.reports.append(h.json)
        h.reply(200, {"server_time": int(time.time() * 1000)})

    def give_orders(self, h):
        want = {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", h.path)}

        def newer():
            return [json.dumps(o) for o in self.orders if o["version"] > want[o["kind"]]]
        end = time.monotonic() + want["wait"]
        while True:
            with self.lock:
                found = newer()
                if not found and time.monotonic() < end:
                    self.lock.wait(0.1)
            if found or time.monotonic() >= end:
                break
            if select.select([h.connection], [], [], 0)[0]:
                return h.hang_up()
        self.answered_polls += 1
        return h.reply(200, {"bundles": found}) if found else h.reply(204)

    def order(self, kind, version):
        with self.lock:
            self.orders = [o for o in self.orders if o["kind"] != kind] + [{"kind": kind, "version": version}]
            self.lock.notify_all()

    def sign(self, csr, device_id):
        name = "signed-" + uuid.uuid4().hex
        with open(self.pki.path(name + ".csr"), "w") as f:
            f.write(csr)
        return self.pki.sign(self.pki.path(name + ".csr"), name + ".pem", "device", "URI:urn:sekimori:device:" + device_id, *self.life)

    def renew(self, h):
        san = dict(h.connection.getpeercert())["subjectAltName"][0][1]
        with self.lock:
            self.renewals += 1
        h.reply(200, {"certificate": self.sign(h.json["csr"], san.rsplit(":", 1)[1])})

    def enroll(self, h):
        state = self.tokens.get(h.json["token"], "token-unknown")
        if state != "good":
            return h.reply(403, {"error": state, "text": "no"})
        self.tokens[h.json["token"]] = "token-used"
        device = str(uuid.uuid4())
        return h.reply(200, self.enrolment(h.json["csr"], device))

    def enrolment(self, csr, device):
        return {"device_id": device, "certificate": self.sign(csr, device), "ca": self.pki.ca, "verify_key": VERIFY_KEY,
                "agents_url": "https://localhost:8443", "server_time": int(time.time() * 1000)}


def make_verify_key(directory):
    key = os.path.join(directory, "sign.key")
    Pki.openssl("genpkey", "-algorithm", "ED25519", "-out", key)
    return Pki.openssl("pkey", "-in", key, "-pubout").decode()


VERIFY_KEY = ""
