"""The two ways to talk to a virtual machine: QMP (the machine) and the guest
agent (what runs inside it). Both are JSON over a Unix socket; every wait here
has an end and says what it waited for."""

import base64
import json
import os
import select
import socket
import threading
import time


class VMError(Exception):
    """The machine or its agent did not do what was asked."""


class Timeout(VMError):
    """Something did not happen in its time."""


def wait_for(what, probe, timeout, interval=0.1):
    """Call probe() until it returns something true; that is returned."""
    end = time.monotonic() + timeout
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() >= end:
            raise Timeout("waited %g s for %s" % (timeout, what))
        time.sleep(interval)


def connect_unix(path, timeout=10, alive=lambda: True):
    """Connect to a socket that a process is about to create."""
    end = time.monotonic() + timeout
    while True:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.connect(path)
            return sock
        except OSError:
            sock.close()
            if not alive():
                raise VMError("qemu ended before its socket was there")
            if time.monotonic() > end:
                raise Timeout("no socket after %g s: %s" % (timeout, path))
            time.sleep(0.02)


class QMP:
    """QEMU's monitor. Events are kept, so that one which came before anybody
    waited for it is found."""

    def __init__(self, path, alive):
        self._sock = connect_unix(path, 20, alive)
        self._cond = threading.Condition()
        self._replies = {}
        self.events = []
        self._next = 0
        self._dead = None
        self._thread = threading.Thread(target=self._read, name="qmp", daemon=True)
        self._thread.start()
        self.execute("qmp_capabilities")

    def _read(self):
        buf = b""
        try:
            while True:
                data = self._sock.recv(65536)
                if not data:
                    break
                buf += data
                while b"\n" in buf:
                    line, buf = buf.split(b"\n", 1)
                    if line.strip():
                        self._take(json.loads(line))
        except (OSError, ValueError):
            pass
        with self._cond:
            self._dead = True
            self._cond.notify_all()

    def _take(self, message):
        with self._cond:
            if "event" in message:
                self.events.append(message)
            elif "id" in message:
                self._replies[message["id"]] = message
            self._cond.notify_all()

    def execute(self, command, timeout=60, **arguments):
        """Run a QMP command; `_` in argument names stands for `-`."""
        arguments = {k.replace("_", "-"): v for k, v in arguments.items()}
        return self.raw(command, arguments, timeout)

    def raw(self, command, arguments, timeout=60):
        with self._cond:
            self._next += 1
            ident = self._next
        message = {"execute": command, "id": ident}
        if arguments:
            message["arguments"] = arguments
        try:
            self._sock.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            raise VMError("%s: qemu has ended" % command)
        end = time.monotonic() + timeout
        with self._cond:
            while ident not in self._replies:
                if self._dead:
                    raise VMError("%s: qemu has ended" % command)
                left = end - time.monotonic()
                if left <= 0:
                    raise Timeout("no answer to %s in %g s" % (command, timeout))
                self._cond.wait(left)
            reply = self._replies.pop(ident)
        if "error" in reply:
            raise VMError("%s %s: %s" % (command, arguments, reply["error"].get("desc")))
        return reply["return"]

    def mark(self):
        """A place in the list of events, for wait_event(since=...)."""
        with self._cond:
            return len(self.events)

    def wait_event(self, name, match=lambda data: True, timeout=30, since=0):
        end = time.monotonic() + timeout
        with self._cond:
            while True:
                for event in self.events[since:]:
                    if event["event"] == name and match(event.get("data", {})):
                        return event
                since = max(since, len(self.events))
                left = end - time.monotonic()
                if self._dead:
                    raise VMError("qemu ended while waiting for %s" % name)
                if left <= 0:
                    raise Timeout("no event %s in %g s" % (name, timeout))
                self._cond.wait(left)

    def close(self):
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._sock.close()
        self._thread.join(5)


class GuestAgent:
    """qemu-guest-agent: runs commands inside the guest."""

    def __init__(self, path, alive):
        self._path = path
        self._alive = alive
        self._sock = None
        self._buf = b""
        self._lock = threading.RLock()

    def _connect(self):
        if self._sock is None:
            self._sock = connect_unix(self._path, 10, self._alive)
            self._buf = b""

    def _drop(self):
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _line(self, end):
        while b"\n" not in self._buf:
            left = end - time.monotonic()
            if left <= 0:
                raise Timeout("the guest agent is silent")
            ready, _, _ = select.select([self._sock], [], [], min(left, 1))
            if not ready:
                if not self._alive():
                    raise VMError("qemu has ended")
                continue
            data = self._sock.recv(65536)
            if not data:
                raise VMError("the guest agent's channel was closed")
            self._buf += data
        line, self._buf = self._buf.split(b"\n", 1)
        return line

    def sync(self, timeout):
        """Wait until the agent answers; stale answers are thrown away."""
        end = time.monotonic() + timeout
        with self._lock:
            while True:
                self._connect()
                token = int.from_bytes(os.urandom(4), "big")
                try:
                    self._sock.sendall(b"\xff" + json.dumps({
                        "execute": "guest-sync-delimited",
                        "arguments": {"id": token}}).encode() + b"\n")
                    step = min(end, time.monotonic() + 3)
                    while True:
                        line = self._line(step)
                        try:
                            if json.loads(line.split(b"\xff")[-1]).get("return") == token:
                                return
                        except ValueError:
                            continue
                except (Timeout, OSError):
                    # An agent that was not there yet may have lost it: ask anew.
                    self._drop()
                    if not self._alive():
                        raise VMError("qemu has ended")
                    if time.monotonic() >= end:
                        raise Timeout("the guest agent did not answer in %g s" % timeout)

    def execute(self, command, timeout=30, **arguments):
        arguments = {k.replace("_", "-"): v for k, v in arguments.items()}
        with self._lock:
            if self._sock is None:
                self.sync(timeout)
            message = json.dumps({"execute": command, "arguments": arguments})
            try:
                self._sock.sendall(message.encode() + b"\n")
                reply = json.loads(self._line(time.monotonic() + timeout))
            except OSError as error:
                self._drop()
                raise VMError("%s: the guest agent's channel broke: %s" % (command, error))
            except BaseException:
                # A wait cut short (a test's time limit, too) would leave its
                # answer to the next caller.
                self._drop()
                raise
        if "error" in reply:
            raise VMError("%s: %s" % (command, reply["error"].get("desc")))
        return reply["return"]

    def run(self, argv, input=None, timeout=60, env=None):
        """Run argv; returns (exit status, stdout, stderr) as (int, bytes,
        bytes). A command killed by a signal gets 128 + its number."""
        args = {"path": argv[0], "arg": list(argv[1:]), "capture-output": True}
        if env:
            args["env"] = ["%s=%s" % item for item in env.items()]
        if input is not None:
            args["input-data"] = base64.b64encode(input).decode()
        pid = self.execute("guest-exec", 30, **args)["pid"]
        end = time.monotonic() + timeout
        pause = 0.03
        while True:
            status = self.execute("guest-exec-status", 30, pid=pid)
            if status["exited"]:
                break
            if time.monotonic() >= end:
                raise Timeout("still running after %g s: %s" % (timeout, " ".join(argv)))
            time.sleep(pause)
            pause = min(pause * 1.6, 0.3)
        rc = status["exitcode"] if "exitcode" in status else 128 + status.get("signal", 0)
        return (rc, base64.b64decode(status.get("out-data", "")),
                base64.b64decode(status.get("err-data", "")))

    def close(self):
        self._drop()
