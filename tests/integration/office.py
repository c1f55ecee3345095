"""A real sekimori-server on loopback (port 0) with sections, people and played terminals: for tests of the console and its pictures."""
import hashlib
import html.parser
import http.client
import os
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import urllib.parse

from played_terminal import Terminal, now_ms

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DAY = 86400000


class Office:
    def __init__(self, build, **settings):
        self.binary = os.path.join(build, "bin", "sekimori-server")
        self.folder = tempfile.mkdtemp(prefix="sekimori-office-")
        self.state = os.path.join(self.folder, "state")
        self.config = os.path.join(self.folder, "server.ini")
        self.log = os.path.join(self.folder, "server.log")
        self.env = dict(os.environ, TZ="Asia/Tokyo")
        self.process, self.passwords = None, {}
        locale = os.path.abspath(os.path.join(build, "locale"))
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(f"[server]\nstate = {self.state}\nname = localhost\nlocale = {locale}\n"
                    "[listen]\nagents = 127.0.0.1:0\nconsole = 127.0.0.1:0\n"
                    "[office]\nname_ja = 関宿市役所\nname_en = Sekijuku City Hall\n[console]\n")
            for key, value in settings.items():
                f.write(f"{key} = {value}\n")
        self.cli("init")

    def cli(self, *args, text=None):
        done = subprocess.run([self.binary, "--config", self.config, *args], input=text, capture_output=True, text=True, env=self.env,
                              timeout=60, check=False)
        if done.returncode != 0:
            raise AssertionError(f"sekimori-server {' '.join(args)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def unit(self, key, ja, en):
        self.cli("unit", "add", key, "--ja", ja, "--en", en)

    def user(self, user, name, unit, *roles):
        self.passwords[user] = f"kyoka-{user}-2026-spring"
        scope = ["--unit", unit] if unit else []
        self.cli("user", "add", user, "--name", name, *scope, "--role", ",".join(roles), "--password-stdin", text=self.passwords[user] + "\n")

    def start(self):
        for name in ("agents.port", "console.port"):
            if os.path.exists(os.path.join(self.state, name)):
                os.unlink(os.path.join(self.state, name))
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.binary, "--config", self.config, "serve"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.env)
        self.agents_port, self.console_port = self._port("agents.port"), self._port("console.port")
        return self

    def _port(self, name):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                with open(os.path.join(self.state, name), encoding="ascii") as f:
                    return int(f.read())
            except (FileNotFoundError, ValueError):
                if self.process.poll() is not None:
                    break
                time.sleep(0.02)
        with open(self.log, encoding="utf-8", errors="replace") as f:
            raise AssertionError("the server did not start:\n" + f.read()[-3000:])

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
        self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def ca_file(self):
        for name in ("ca.crt", "ca.pem"):
            path = os.path.join(self.state, name)
            if os.path.exists(path):
                return path
        raise AssertionError("no CA certificate in " + self.state)

    def terminal(self, host, unit, asset=""):
        text = self.cli("token", "create", "--host", host, "--unit", unit, *(["--asset", asset] if asset else []))
        token = re.search(r"SK1-[0-9A-Z]{26}-[0-9a-f]{64}", text)[0]
        return Terminal(self.folder, host, self.agents_port, self.console_port, self.ca_file, "localhost").enrol(token, asset)

    def browser(self):
        return Browser(self)

    def login(self, user):
        b = Browser(self)
        b.post("/login", {"user": user, "password": self.passwords[user]})
        if b.status != 303:
            raise AssertionError(f"login of {user}: {b.status}")
        return b


class Fields(html.parser.HTMLParser):
    """Hidden fields of a page's forms (all carry the same) and the values of its buttons."""

    def __init__(self, page):
        super().__init__()
        self.hidden, self.buttons = {}, []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "input" and a.get("type") == "hidden":
            self.hidden.setdefault(a["name"], a.get("value", ""))
        elif tag == "button" and "value" in a:
            self.buttons.append(a["value"])


class Browser:
    """One person's browser: cookies, no redirects followed, headers as browsers send them."""

    def __init__(self, office):
        self.office, self.cookies, self.status, self.page, self.headers = office, {}, 0, "", None
        self.origin = f"https://localhost:{office.console_port}"
        self.context = ssl.create_default_context(cafile=office.ca_file)

    def send(self, method, path, body=None, headers=None):
        connection = http.client.HTTPSConnection("localhost", self.office.console_port, context=self.context, timeout=60)
        sent = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())} if self.cookies else {}
        if body is not None:
            sent |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin, "Sec-Fetch-Site": "same-origin"}
        sent |= headers or {}
        connection.request(method, path, body, {k: v for k, v in sent.items() if v is not None})
        answer = connection.getresponse()
        self.status, self.headers, self.page = answer.status, answer.headers, answer.read().decode("utf-8", "replace")
        connection.close()
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = line.split(";")[0].partition("=")
            if "Max-Age=0" in line:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return self.status

    def get(self, path, **headers):
        return self.send("GET", path, headers=headers)

    def post(self, path, fields, **headers):
        return self.send("POST", path, urllib.parse.urlencode(fields), headers)

    def csrf(self, path="/requests"):
        self.get(path)
        return Fields(self.page).hidden["csrf"]

    def decide(self, number, action, **fields):
        """As a script does it: the page, its token, the form."""
        path = f"/requests/{number}"
        self.get(path)
        hidden = Fields(self.page).hidden
        return self.post(path, {"csrf": hidden["csrf"], "role": hidden["role"], "action": action, **fields})


def local(hours):
    """The time so many hours from now as a browser's date field gives it (the server runs in Asia/Tokyo)."""
    return time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + (hours + 9) * 3600))


# What terminals say

STICK = {"vendor_id": "0781", "product_id": "5583", "vendor": "SanDisk", "product": "Ultra Fit", "serial": "4C530001230415117263",
         "device_key": "3f1c" * 16, "grade": "C", "port": "1-2"}
NAMELESS = {"vendor_id": "abcd", "product_id": "1234", "vendor": "", "product": "", "serial": "", "device_key": "77aa" * 16, "grade": "C",
            "port": "1-4"}
HOSTILE = {"vendor_id": "1337", "product_id": "0001", "vendor": "<script>alert(1)</script>", "product": "\"><img src=x onerror=alert(2)>",
           "serial": "'; DROP TABLE requests;--", "device_key": "d00d" * 16, "grade": "C", "port": "1-1.3"}
SECURE = {"vendor_id": "0951", "product_id": "1666", "vendor": "Kingston", "product": "IronKey D300", "serial": "E0D55EA574C1F350",
          "device_key": "a9b8" * 16, "grade": "B", "port": "2-1"}


def registration(device, ledger, label, size=8000000000):
    """Body of media.registered-request: a stick with one FAT volume, whose media key is computed as docs/protocol.md says."""
    volume = {"start": 1048576, "bytes": size - 2097152, "type": "vfat", "uuid": "A1B2-" + ledger[-4:]}
    parts = [f"sekimori-media-1 {size}", f"{volume['start']} {volume['bytes']}", volume["type"], volume["uuid"]]
    key = hashlib.sha256(b"".join(len(p.encode()).to_bytes(8, "big") + p.encode() for p in parts)).hexdigest()
    return {**{k: v for k, v in device.items() if k != "grade"}, "ledger": ledger, "label": label, "media_key": key, "size": size, "volumes": [volume]}


def screen(state="compliant"):
    detail = {"compliant": ("The screen locks after %1 seconds (at most %2).", ["600", "600"]),
              "non-compliant": ("%1: the screen never locks by itself.", ["clerk"]),
              "unknown": ("%1: this desktop's screen lock cannot be examined yet (%2).", ["clerk", "XFCE"])}[state]
    facts = {"desktop_installed": True, "mandatory": {"idle_delay": 300, "lock_delay": 300, "lock_enabled": True,
             "locked_keys": ["/org/gnome/desktop/session/idle-delay", "/org/gnome/desktop/screensaver/lock-enabled"]},
             "text_limit_s": 600, "sessions": [{"id": "2", "user": "clerk", "type": "wayland", "desktop": "GNOME", "idle_s": 12, "locked": False}]}
    return result("screen-lock", "P1", "5.1(1)キ", state, [detail], facts)


def disk(state="compliant"):
    crypt = {"use": "/", "kind": "mount", "node": "dm-0", "fs": "ext4", "encrypted": True, "cipher": "aes-xts-plain64", "key_bits": 512,
             "chain": ["dm-0", "nvme0n1p3", "nvme0n1"]}
    plain = {"use": "/data", "kind": "mount", "node": "sdb1", "fs": "ext4", "encrypted": False, "chain": ["sdb1", "sdb"]}
    details = [("%1 is encrypted (%2).", ["/", "aes-xts-plain64"])]
    if state == "non-compliant":
        details.append(("%1 (%2) is not encrypted.", ["/data", "sdb1"]))
    return result("disk-encryption", "P2", "4.4(4)", state, details,
                  {"volumes": [crypt] + ([plain] if state == "non-compliant" else []), "tpm": True})


def antivirus(state="compliant"):
    details = [("Resident: %1.", ["ClamAV 1.0.7/27561"]), ("A live scan of the EICAR test found it.", []),
               ("The signatures are %1 days old (at most %2).", ["1", "7"])]
    if state == "non-compliant":
        details[2] = ("The signatures are %1 days old; at most %2 are allowed.", ["23", "7"])
    if state == "unknown":
        details = [("The antivirus program did not answer (%1).", ["Connection refused"])]
    return result("antivirus", "P7", "6.4(2)ア", state, details,
                  {"product": "ClamAV", "resident": None if state == "unknown" else True, "version": "ClamAV 1.0.7/27561", "signatures_version": 27561,
                   "signatures_ms": now_ms() - (23 if state == "non-compliant" else 1) * DAY, "self_test": "found"})


def result(check, row, clause, state, details, evidence):
    return {"id": check, "row": row, "clause": clause, "duty": "must", "state": state, "at": now_ms() - 240000, "evidence": evidence,
            "detail": [{"text": text, "args": args} for text, args in details]}


def keyboard():
    return {"device": "1-1", "port": "1-1", "vendor_id": "046d", "product_id": "c31c", "vendor": "Logitech", "product": "USB Keyboard", "serial": "",
            "device_key": "11" * 32, "grade": "C", "kinds": ["input"], "verdict": "allow", "reason": "rule", "rule": "input", "since": now_ms() - DAY,
            "interfaces": [{"number": 0, "class": "03/01/01", "kind": "input", "verdict": "allow", "access": "none", "reason": "rule", "rule": "input",
                            "grant": None}], "media": []}


def attached(device, **more):
    kind = {"number": 0, "class": "08/06/50", "kind": "storage", "verdict": "deny", "access": "none", "reason": "no-grant", "rule": "media", "grant": None}
    return {**device, "device": device["port"], "kinds": ["storage"], "verdict": "deny", "reason": "no-grant", "rule": "media",
            "since": now_ms() - 600000, "interfaces": [kind], "media": [], **more}


def composite():
    d = attached({**STICK, "vendor": "Generic", "product": "Keyboard with storage", "serial": "00000001", "port": "1-3", "device_key": "22" * 32})
    keys = {"number": 0, "class": "03/01/01", "kind": "input", "verdict": "allow", "access": "none", "reason": "rule", "rule": "input", "grant": None}
    return {**d, "kinds": ["input", "storage"], "verdict": "allow", "reason": "no-grant", "interfaces": [keys, {**d["interfaces"][0], "number": 1}]}


def opened(device, until):
    d = attached(device, verdict="allow", reason="grant")
    d["media"] = [{"node": "sda1", "size": 30752636928, "read_only": True, "mounts": ["/run/media/clerk/MEETING"], "grant_until": until}]
    d["interfaces"][0].update(verdict="allow", access="ro", reason="grant")
    return d


def report(posture, devices=(), person="clerk", seq=0, journal="ok", synchronised=True):
    return {"version": "0.1.0", "boot_id": "5f0c2f0e", "os": "Debian GNU/Linux 12 (bookworm)", "host": "pc", "person": person,
            "policy": {"name": "lgwan-zone", "version": 7, "mode": "enforce", "zone": "lgwan"}, "grants_version": 1,
            "journal": {"last_seq": seq, "state": journal, "suppressed": 0},
            "clock": {"now": now_ms(), "turned_back_ms": 0, "synchronised": synchronised}, "posture": posture, "devices": [keyboard(), *devices],
            "enforcement": {"state": "enforcing"}}
