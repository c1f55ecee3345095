"""A machine in a folder for sekimorid: a sysfs tree of plain files, a notification socket, and a server's signing key."""
import base64
import hashlib
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

BUILD = os.environ.get("BUILD", "build")
PROFILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "policy", "profiles", "default.ini")


def program(name):
    return os.path.join(BUILD, "bin", name)


def descriptors(cls, sub, proto, vid=0x46F4, pid=1):
    """A device with one configuration and one interface of this class with one endpoint."""
    endpoint = struct.pack("<BBBBHB", 7, 5, 0x81, 2 if cls == 8 else 3, 64, 10)
    interface = struct.pack("<BBBBBBBBB", 9, 4, 0, 0, 1, cls, sub, proto, 0)
    config = struct.pack("<BBHBBBBB", 9, 2, 9 + len(interface) + len(endpoint), 1, 1, 0, 0x80, 50)
    device = struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x0200, 0, 0, 0, 64, vid, pid, 0x100, 1, 2, 3, 1)
    return device + config + interface + endpoint


class Sysfs:
    """What the kernel shows of USB, as files: whoever writes 1 into `authorized` is seen by reading it again."""

    def __init__(self, root):
        self.root = os.path.join(root, "sys")
        for folder in ("bus/usb/devices", "devices/pci0000:00", "module/usb_storage", "module/uas", "class/block", "block"):
            os.makedirs(os.path.join(self.root, folder))
        self.add("usb1", "pci0000:00", b"\x12\x01\x00\x02\x09\x00\x01\x40\x6b\x1d\x02\x00\x06\x05\x03\x02\x01\x01"
                 b"\x09\x02\x19\x00\x01\x01\x00\xe0\x00\x09\x04\x00\x00\x01\x09\x00\x00\x00\x07\x05\x81\x03\x04\x00\x0c",
                 authorized="1", authorized_default="1", interface_authorized_default="1", bConfigurationValue="1")

    def add(self, name, parent, raw, **attributes):
        folder = os.path.join(self.root, "devices", parent, name)
        os.makedirs(folder)
        values = {"authorized": "0", "bConfigurationValue": "", "devnum": "2", "busnum": "1"}
        values.update(attributes)
        with open(os.path.join(folder, "descriptors"), "wb") as file:
            file.write(raw)
        for key, value in values.items():
            with open(os.path.join(folder, key), "w") as file:
                file.write(value + "\n")
        os.symlink("../../../devices/%s/%s" % (parent, name), os.path.join(self.root, "bus/usb/devices", name))

    def stick(self, name="1-1", serial="STICK1"):
        self.add(name, "pci0000:00/usb1", descriptors(8, 6, 0x50), manufacturer="Maker", product="Stick", serial=serial)

    def keyboard(self, name="1-2"):
        self.add(name, "pci0000:00/usb1", descriptors(3, 1, 1, 0x0627, 1), manufacturer="Maker", product="Keys", serial="K1")

    def read(self, name, attribute):
        with open(os.path.join(self.root, "bus/usb/devices", name, attribute)) as file:
            return file.read().strip()


class Signer:
    """A server's Ed25519 key, by the openssl program."""

    def __init__(self, folder):
        self.key = os.path.join(folder, "sign-%s.pem" % os.urandom(4).hex())
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.key], check=True, capture_output=True)
        self.public = subprocess.run(["openssl", "pkey", "-in", self.key, "-pubout"], check=True, capture_output=True).stdout.decode()
        der = subprocess.run(["openssl", "pkey", "-in", self.key, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
        self.id = hashlib.sha256(der).hexdigest()

    def bundle(self, kind, device, version, body):
        payload = json.dumps({"kind": kind, "device": device, "version": version, "issued": "2026-01-01T00:00:00Z", "expires": None,
                              "body": body}).encode()
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"sekimori-bundle-1\0" + payload)
            file.flush()
            signature = subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.key, "-in", file.name], check=True,
                                       capture_output=True).stdout
        return json.dumps({"format": "sekimori-bundle-1", "key": self.id, "payload": base64.b64encode(payload).decode(),
                           "signature": base64.b64encode(signature).decode()})


class Connection:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.socket.settimeout(20)

    def send(self, request):
        text = json.dumps(request).encode()
        self.socket.sendall(struct.pack(">I", len(text)) + text)

    def bytes(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise EOFError("closed")
            data += part
        return data

    def answer(self):
        return json.loads(self.bytes(struct.unpack(">I", self.bytes(4))[0]))

    def call(self, op, **fields):
        self.send({"op": op, **fields})
        return self.answer()

    def close(self):
        self.socket.close()

    def __del__(self):
        self.socket.close()


class Machine:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="sekimori-daemon-")
        self.sysfs = Sysfs(self.folder)
        for folder in ("etc/sekimori", "run/sekimori"):
            os.makedirs(os.path.join(self.folder, folder))
        with open(os.path.join(self.folder, "etc/sekimori/disks.conf"), "w") as file:
            file.write("# no disk of its own\n")
        self.state = os.path.join(self.folder, "state")
        self.run = os.path.join(self.folder, "run")
        self.policy = os.path.join(self.folder, "policy.ini")
        self.probe = os.path.join(self.folder, "probe")
        self.log = os.path.join(self.folder, "log")
        shutil.copy(PROFILE, self.policy)
        self.write_probe("echo '{}'")
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(os.path.join(self.folder, "notify"))
        self.process = None
        os.chmod(self.folder, 0o755)

    def write_probe(self, text):
        with open(self.probe, "w") as file:
            file.write("#!/bin/sh\n%s\n" % text)
        os.chmod(self.probe, 0o755)

    def command(self):
        return [program("sekimorid"), "--config", os.path.join(self.folder, "agent.ini"), "--state", self.state, "--run", self.run, "--policy",
                self.policy, "--sysfs", self.folder, "--probe", self.probe]

    def start(self, **environment):
        env = dict(os.environ, NOTIFY_SOCKET=os.path.join(self.folder, "notify"), **environment)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), env=env, stderr=log, stdout=log, stdin=subprocess.DEVNULL)
        self.wait_notify("READY=1")
        return self

    def wait_notify(self, word, seconds=20):
        end = time.monotonic() + seconds
        while True:
            ready, _, _ = select.select([self.notify], [], [], 0.05)
            if ready and word in self.notify.recv(4096).decode().splitlines():
                return
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError("no %s; exit status %s\n%s" % (word, self.process.poll(), self.text()))

    def text(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def stop(self, number=signal.SIGTERM):
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(20)
        self.process = None
        return status

    def control(self):
        return Connection(os.path.join(self.run, "control.sock"))

    def uplink(self):
        return Connection(os.path.join(self.run, "uplink.sock"))

    def ask(self, op, **fields):
        connection = self.control()
        try:
            return connection.call(op, **fields)
        finally:
            connection.close()

    def kinds(self):
        return [event["kind"] for event in self.ask("events", limit=1000)["events"]]

    def last(self, kind):
        return [event for event in self.ask("events", limit=1000)["events"] if event["kind"] == kind][-1]["body"]

    def cli(self, *arguments, **environment):
        env = dict(os.environ, LANG="C", **environment)
        done = subprocess.run([program("sekimori"), "--socket", os.path.join(self.run, "control.sock"), "--root", self.folder, *arguments], env=env,
                              capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    def remove(self):
        self.stop(signal.SIGKILL)
        self.notify.close()
        shutil.rmtree(self.folder)
