"""A terminal played by Python: enrols over TLS, then sends events (chained) and reports over mutual TLS, as docs/protocol.md says."""
import hashlib
import http.client
import json
import os
import ssl
import subprocess
import time
import uuid

ZERO = "0" * 64


def now_ms():
    return int(time.time() * 1000)


def chain_hash(device, seq, at, kind, body, prev):
    parts = ["sekimori-event-1", device, str(seq), str(at), kind, body, prev]
    h = hashlib.sha256()
    for part in (p.encode() for p in parts):
        h.update(len(part).to_bytes(8, "big") + part)
    return h.hexdigest()


class Terminal:
    def __init__(self, folder, host, agents_port, console_port, ca_file, name="127.0.0.1"):
        self.host, self.name, self.agents_port, self.console_port = host, name, agents_port, console_port
        self.folder = os.path.join(folder, "pc-" + host)
        os.makedirs(self.folder, exist_ok=True)
        self.ca_file, self.seq, self.last, self.id = ca_file, 0, ZERO, ""

    def enrol(self, token, asset=""):
        key, csr = os.path.join(self.folder, "key.pem"), os.path.join(self.folder, "csr.pem")
        subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x",
                        "-keyout", key, "-out", csr], check=True, capture_output=True)
        with open(csr, encoding="ascii") as f:
            body = {"token": token, "host": self.host, "asset": asset, "csr": f.read()}
        context = ssl.create_default_context(cafile=self.ca_file)
        status, answer = self._send(context, self.console_port, "/v1/enroll", body)
        if status != 200:
            raise AssertionError(f"enrolment of {self.host}: {status} {answer}")
        self.id = answer["device_id"]
        cert = os.path.join(self.folder, "cert.pem")
        with open(cert, "w", encoding="ascii") as f:
            f.write(answer["certificate"])
        self.context = ssl.create_default_context(cafile=self.ca_file)
        self.context.load_cert_chain(cert, key)
        return self

    def _send(self, context, port, path, body):
        connection = http.client.HTTPSConnection(self.name, port, context=context, timeout=30)
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, json.loads(text) if text else {}

    def event(self, kind, body, at=None):
        self.seq += 1
        at, body = at or now_ms(), json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        event = {"seq": self.seq, "time": at, "kind": kind, "body": body, "prev": self.last,
                 "hash": chain_hash(self.id, self.seq, at, kind, body, self.last)}
        self.last = event["hash"]
        status, answer = self._send(self.context, self.agents_port, "/v1/events", {"events": [event]})
        if status != 200:
            raise AssertionError(f"event {kind} of {self.host}: {status} {answer}")

    def report(self, report):
        status, answer = self._send(self.context, self.agents_port, "/v1/report", report)
        if status != 200:
            raise AssertionError(f"report of {self.host}: {status} {answer}")

    def request(self, person, device, purpose, access="ro", hours=8, info_class="none", destination=""):
        """Asks for a medium; the server makes the request of it."""
        body = {"id": str(uuid.uuid4()), "kind": "media", "person": person, "device": device, "purpose": purpose, "access": access,
                "hours": hours, "class": info_class, "destination": destination}
        self.event("request.created", body)
