"""For tests of the gate: questions to sekimorid's sockets from inside the virtual PC, and grants signed here, without a server."""

import base64
import datetime
import functools
import hashlib
import json
import os
import subprocess
import tempfile
import time
import uuid

from vm.channels import VMError

CONTROL, UPLINK = "/run/sekimori/control.sock", "/run/sekimori/uplink.sock"
DEVICE_ID = "0c9f7a52-3b1e-4c68-9d20-5a1f00c0ffee"

CALL = "/usr/local/bin/sekimori-test-call"


@functools.lru_cache(maxsize=1)
def call_program():
    """call.c, compiled for the guest (the same Debian)."""
    with tempfile.TemporaryDirectory(prefix="sekimori-call-") as folder:
        binary = os.path.join(folder, "call")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "call.c")
        subprocess.run(["gcc", "-O1", "-s", "-o", binary, source], check=True)
        with open(binary, "rb") as file:
            return file.read()


def call(vm, op, socket=CONTROL, user=None, **arguments):
    """One request as root (or user); the answer as a dict."""
    text = json.dumps(dict(arguments, op=op)).encode()
    status, out, err = vm.run([CALL, socket], input=text, user=user, check=False)
    if status in (126, 127):  # not there yet: a machine that was just started, or went back to a saved state
        vm.write(CALL, call_program(), mode=0o755)
        status, out, err = vm.run([CALL, socket], input=text, user=user, check=False)
    if status != 0:
        raise VMError("%s: exit status %d: %s" % (op, status, err))
    return json.loads(out)


def devices(vm):
    return {d["device"]: d for d in call(vm, "devices")["devices"]}


def find(vm, serial):
    """The attached device with this serial, or None (also while sekimorid is down)."""
    try:
        attached = devices(vm)
    except (VMError, ValueError):
        return None
    for device in attached.values():
        if device["serial"] == serial:
            return device
    return None


def events(vm, kind=None):
    """All recorded events, oldest first: dicts with kind, seq and the body's members."""
    found, after = [], 0
    while True:
        batch = call(vm, "events", after=after, limit=200)["events"]
        if not batch:
            return found
        for event in batch:
            after = max(after, event["seq"])
            body = event["body"]
            body = json.loads(body) if isinstance(body, str) else body
            if kind is None or event["kind"] == kind:
                found.append(dict(body, kind=event["kind"], seq=event["seq"], time=event["time"]))


def utc(seconds):
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class Issuer:
    """Stands in for the server: a key of its own, trusted by the virtual PC, and grants signed with it."""

    def __init__(self, vm):
        self.version, self.grants = 0, []
        self.folder = tempfile.mkdtemp(prefix="sekimori-issuer-")
        self.key = os.path.join(self.folder, "key.pem")
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.key], check=True)
        self.public = subprocess.run(["openssl", "pkey", "-in", self.key, "-pubout"], check=True, capture_output=True,
                                     text=True).stdout
        der = subprocess.run(["openssl", "pkey", "-in", self.key, "-pubout", "-outform", "DER"], check=True,
                             capture_output=True).stdout
        self.key_id = hashlib.sha256(der).hexdigest()
        self.enrol(vm)

    def enrol(self, vm):
        self.vm = vm
        answer = call(vm, "trust.set", server="https://10.0.2.100:8443", device_id=DEVICE_ID, verify_key_pem=self.public)
        assert answer["ok"], answer

    def sign(self, kind, body):
        self.version = max(self.version + 1, int(time.time() * 1000))
        payload = json.dumps({"kind": kind, "device": DEVICE_ID, "version": self.version, "issued": utc(0), "expires": None,
                              "body": body}).encode()
        message, out = os.path.join(self.folder, "message"), os.path.join(self.folder, "signature")
        with open(message, "wb") as file:
            file.write(b"sekimori-bundle-1\0" + payload)
        subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.key, "-in", message, "-out", out], check=True)
        with open(out, "rb") as file:
            signature = file.read()
        return json.dumps({"format": "sekimori-bundle-1", "key": self.key_id, "payload": base64.b64encode(payload).decode(),
                           "signature": base64.b64encode(signature).decode()})

    def put(self):
        answer = call(self.vm, "bundle.put", socket=UPLINK, envelope=self.sign("grants", {"grants": self.grants}))
        assert answer["ok"], answer

    def give(self, device, access="ro", seconds=3600, person="", **more):
        """A grant for an attached device (as devices() shows it), in force when this returns."""
        grant = {"id": str(uuid.uuid4()), "request": len(self.grants) + 1, "device_key": device["device_key"],
                 "serial": device["serial"], "person": person, "access": access, "info_class": "none", "purpose": "test",
                 "from": utc(-60), "until": utc(seconds), "permitted_by": "manager", "approved_by": "helpdesk", **more}
        self.grants.append(grant)
        self.put()
        return grant["id"]

    def withdraw(self, grant=None):
        self.grants = [g for g in self.grants if grant is not None and g["id"] != grant]
        self.put()

    def close(self):
        for name in os.listdir(self.folder):
            os.unlink(os.path.join(self.folder, name))
        os.rmdir(self.folder)
