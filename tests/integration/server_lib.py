"""A real sekimori-server on loopback with a fresh state folder, and terminals made of Python that speak to it over mutual TLS."""
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import ssl
import struct
import subprocess
import tempfile
import time
import uuid

BUILD = os.environ.get("BUILD", "build")
ZERO = "0" * 64


def wait_for(what, seconds=10, every=0.01):
    end = time.monotonic() + seconds
    while True:
        result = what()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError("not in %s s: %s" % (seconds, getattr(what, "__name__", what)))
        time.sleep(every)


def openssl(*arguments, input=None):
    return subprocess.run(["openssl", *arguments], input=input, capture_output=True, check=True).stdout


def make_key(path):
    with open(path, "wb") as out:
        out.write(openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"))


def make_csr(key):
    return openssl("req", "-new", "-key", key, "-subj", "/CN=terminal").decode()


class Server:
    """The program itself. Settings: "[section] key" -> value on top of what is written here. database: a Cluster of postgres_lib to keep the ledger in."""

    def __init__(self, database=None, **settings):
        self.database, self.database_name = database, "sekimori_%s" % uuid.uuid4().hex if database else None
        if database:
            settings["store__url"] = database.database(self.database_name)
        self.folder = tempfile.mkdtemp(prefix="sekimori-server-")
        self.state = os.path.join(self.folder, "state")
        self.config = os.path.join(self.folder, "server.ini")
        self.process, self.terminals = None, []
        sections = {"server": {"state": self.state, "name": "127.0.0.1"}, "listen": {"agents": "127.0.0.1:0", "console": "127.0.0.1:0"}}
        for name, value in settings.items():
            section, key = name.split("__")
            sections.setdefault(section, {})[key] = value
        with open(self.config, "w", encoding="utf-8") as out:
            for section, keys in sections.items():
                out.write("[%s]\n" % section + "".join("%s = %s\n" % pair for pair in keys.items()))
        self.cli("init")

    def another(self, name):
        """One more node over the same database, with the same keys."""
        other = Server.__new__(Server)
        other.__dict__.update(self.__dict__)
        other.folder, other.terminals, other.process = os.path.join(self.folder, name), [], None
        other.state, other.config = os.path.join(other.folder, "state"), os.path.join(other.folder, "server.ini")
        os.mkdir(other.folder)
        shutil.copytree(self.state, other.state, ignore=shutil.ignore_patterns("*.port", "*.lock"))
        with open(self.config, encoding="utf-8") as src, open(other.config, "w", encoding="utf-8") as out:
            out.write(src.read().replace(self.state, other.state))
        return other

    def keep_ports(self):
        """From its next start on it listens where it does now."""
        with open(self.config, encoding="utf-8") as f:
            text = f.read()
        for name, port in (("agents", self.agents), ("console", self.console)):
            text = text.replace("%s = 127.0.0.1:0\n" % name, "%s = 127.0.0.1:%d\n" % (name, port))
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(text)

    def program(self):
        return [os.path.join(BUILD, "bin", "sekimori-server"), "--config", self.config]

    def run(self, *arguments, input=None, env=None):
        return subprocess.run([*self.program(), *arguments], input=input, text=True, capture_output=True, timeout=60, check=False,
                              env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})})

    def cli(self, *arguments, input=None):
        done = self.run(*arguments, input=input)
        if done.returncode != 0:
            raise AssertionError("sekimori-server %s: %d %s" % (" ".join(arguments), done.returncode, done.stderr))
        return done.stdout

    def start(self, descriptors=None):
        for name in ("agents.port", "console.port"):   # of a server that was killed
            if os.path.exists(os.path.join(self.state, name)):
                os.unlink(os.path.join(self.state, name))
        self.log = open(os.path.join(self.folder, "server.log"), "ab")
        limit = ["prlimit", "--nofile=%d" % descriptors] if descriptors else []
        self.process = subprocess.Popen([*limit, *self.program(), "serve"], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.agents = self.port("agents.port")
        self.console = self.port("console.port")
        return self

    def port(self, name):
        path = os.path.join(self.state, name)

        def read():
            if self.process.poll() is not None:
                raise AssertionError("the server ended: " + self.messages())
            try:
                with open(path, encoding="ascii") as f:
                    return int(f.read() or 0)
            except FileNotFoundError:
                return 0

        return wait_for(read, 30)

    def messages(self):
        with open(os.path.join(self.folder, "server.log"), errors="replace", encoding="utf-8") as f:
            return f.read()

    def stop(self, number=signal.SIGTERM, close=True):
        for t in self.terminals if close else []:
            t.close()
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(30)
        self.process = None
        self.log.close()
        return status

    def remove(self):
        status = self.stop()
        messages = self.messages() if status else ""
        shutil.rmtree(self.folder, ignore_errors=True)
        if status:
            raise AssertionError("the server ended with %d: %s" % (status, messages[-2000:]))

    def people(self):
        self.cli("unit", "add", "zeimu", "--ja", "税務課", "--en", "Tax section")
        self.cli("user", "add", "manager", "--name", "税務課長", "--role", "sec", "--unit", "zeimu", "--password-stdin", input="manager-password\n")
        self.cli("user", "add", "desk", "--name", "窓口担当", "--role", "desk", "--password-stdin", input="desk-password-1\n")

    def token(self, host, *more):
        return self.cli("token", "create", "--host", host, "--unit", "zeimu", *more).strip()

    def ca(self):
        return os.path.join(self.state, "ca.pem")

    def ledger(self):
        return os.path.join(self.state, "ledger.db")

    def public(self, method, path, body=None, headers=None, timeout=20):
        """(status, headers, bytes) from the console's listener."""
        c = http.client.HTTPSConnection("127.0.0.1", self.console, context=self.context(), timeout=timeout)
        try:
            c.request(method, path, body=body, headers=headers or {})
            r = c.getresponse()
            return r.status, r.headers, r.read()
        finally:
            c.close()

    def context(self, certificate=None, key=None):
        x = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        x.minimum_version = ssl.TLSVersion.TLSv1_3
        x.load_verify_locations(self.ca())
        if certificate:
            x.load_cert_chain(certificate, key)
        return x

    def enrol_raw(self, token, host, csr, asset=None):
        body = {"token": token, "host": host, "csr": csr}
        if asset is not None:
            body["asset"] = asset
        status, _, text = self.public("POST", "/v1/enroll", json.dumps(body), {"Content-Type": "application/json"})
        return status, json.loads(text)

    def sql(self, text):
        return self.database.psql(text, self.database_name) if self.database else run_sql(self.ledger(), text)


def run_sql(path, text):
    return subprocess.run(["sqlite3", "-batch", path, text], capture_output=True, text=True, check=True).stdout.strip()


class Terminal:
    """A terminal: key, certificate, chain of events, one connection that is kept."""

    def __init__(self, server, host, folder=None):
        self.server, self.host = server, host
        self.folder = folder or tempfile.mkdtemp(prefix="terminal-", dir=server.folder)
        self.key = os.path.join(self.folder, "key.pem")
        self.certificate = os.path.join(self.folder, "cert.pem")
        self.seq, self.hash, self.connection, self.retry_after, self.broken = 0, ZERO, None, 0, 0
        server.terminals.append(self)
        make_key(self.key)

    def enrol(self, token=None, asset=None):
        status, answer = self.server.enrol_raw(token or self.server.token(self.host), self.host, make_csr(self.key), asset)
        if status != 200:
            raise AssertionError("enrolment: %s %s" % (status, answer))
        self.id, self.answer = answer["device_id"], answer
        self.keep(answer["certificate"])
        return self

    def keep(self, certificate):
        with open(self.certificate, "w", encoding="ascii") as out:
            out.write(certificate)
        self.close()

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def connect(self, timeout=30):
        self.close()
        c = http.client.HTTPSConnection("127.0.0.1", self.server.agents, context=self.server.context(self.certificate, self.key), timeout=timeout)
        c.connect()
        self.connection = c
        return c

    def call(self, method, path, body=None, headers=None, timeout=30):
        """(status, parsed JSON or None); reconnects once when the kept connection had ended."""
        for attempt in (1, 2):
            if self.connection is None:
                self.connect(timeout)
            try:
                self.connection.request(method, path, body=json.dumps(body) if isinstance(body, (dict, list)) else body, headers=headers or {})
                r = self.connection.getresponse()
                text = r.read()
                self.retry_after = int(r.headers["Retry-After"] or 0)
                return r.status, json.loads(text) if text else None
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
                self.close()
                self.broken += 1
                if attempt == 2:
                    raise
        raise AssertionError

    def event(self, kind, body, seq=None, prev=None, device=None, when=None):
        """The next record of the chain (or a wrong one, for tests). Does not advance unless it is the regular next one."""
        text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"), ensure_ascii=False)
        e = {"seq": seq or self.seq + 1, "time": when or int(time.time() * 1000), "kind": kind, "body": text, "prev": prev or self.hash}
        e["hash"] = chain_hash(device or self.id, e)
        if seq is None and prev is None and device is None:
            self.seq, self.hash = e["seq"], e["hash"]
        return e

    def send(self, *events):
        return self.call("POST", "/v1/events", {"events": list(events)})

    def deliver(self, events, stop):
        """Sends the same until it is answered otherwise than "later": at the terminal's rate (429) after as long as it was told, as the agent does; while
        the store is away (503) at once, which is more than an agent may, so that its failures are met often. The last (status, answer)."""
        while True:
            status, answer = self.send(*events)
            if status not in (429, 503):
                return status, answer
            if self.retry_after < 1:
                raise AssertionError("put off without being told for how long: %s %s" % (status, answer))
            if stop.wait(self.retry_after if status == 429 else 0.05):
                return status, answer

    def request_event(self, person="shokuin1", **more):
        body = {"id": str(uuid.uuid4()), "kind": "media", "person": person, "purpose": "窓口での配布資料の受け渡し", "access": "ro", "hours": 8,
                "class": "none", "destination": "市民課",
                "device": {"vendor_id": "46f4", "product_id": "0001", "vendor": "QEMU", "product": "USB HARDDRIVE", "serial": "S1",
                           "device_key": hashlib.sha256(b"stick").hexdigest(), "grade": "C", "port": "1-2"}}
        body.update(more)
        return self.event("request.created", body)

    def report(self, **more):
        body = {"version": "0.1.0", "boot_id": str(uuid.uuid4()), "os": "Debian GNU/Linux 12", "host": self.host,
                "policy": {"name": "none", "version": 0, "mode": "enforce", "zone": "internet"}, "grants_version": 0,
                "journal": {"last_seq": self.seq, "state": "ok", "suppressed": 0},
                "clock": {"now": int(time.time() * 1000), "turned_back_ms": 0, "synchronised": True},
                "posture": [{"id": "screen-lock", "row": "P1", "clause": "5.1(1)キ", "state": "compliant", "detail": [], "evidence": {}, "at": 1}],
                "devices": [], "enforcement": {"state": "on"}}
        body.update(more)
        return body


def chain_hash(device, e):
    h = hashlib.sha256()
    for part in ("sekimori-event-1", device, str(e["seq"]), str(e["time"]), e["kind"], e["body"], e["prev"]):
        raw = part.encode()
        h.update(struct.pack(">Q", len(raw)) + raw)
    return h.hexdigest()


class Browser:
    """The console's forms, as a person uses them."""

    def __init__(self, server, user, password):
        self.c = http.client.HTTPSConnection("127.0.0.1", server.console, context=server.context(), timeout=30)
        server.terminals.append(self)
        self.origin = "https://127.0.0.1:%d" % server.console
        self.cookie = ""
        status, page = self.get("/login")
        status, page = self.post("/login", self.fields(page, user=user, password=password))
        if status != 303:
            error = AssertionError("login: %s %s" % (status, page[:500]))
            error.page = page
            raise error

    def close(self):
        self.c.close()

    def fetch(self, method, path, body=None):
        headers = {"Cookie": self.cookie, "Origin": self.origin, "Accept-Language": "en"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.c.request(method, path, body=body, headers=headers)
        r = self.c.getresponse()
        for value in r.headers.get_all("Set-Cookie") or []:
            self.cookie = value.split(";")[0]
        return r.status, r.read().decode()

    def get(self, path):
        return self.fetch("GET", path)

    def post(self, path, fields):
        import urllib.parse
        return self.fetch("POST", path, urllib.parse.urlencode(fields))

    @staticmethod
    def fields(page, **more):
        found = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]*)"[^>]*value="([^"]*)"', page))
        found.update(more)
        return found

    def decide(self, number, action, **more):
        _, page = self.get("/requests/%d" % number)
        return self.post("/requests/%d" % number, self.fields(page, action=action, **more))


def main(module):
    import sys
    import unittest
    global BUILD
    argv = sys.argv[:]
    if "--build" in argv:
        at = argv.index("--build")
        BUILD = argv[at + 1]
        del argv[at:at + 2]
    unittest.main(module=module, argv=argv)
