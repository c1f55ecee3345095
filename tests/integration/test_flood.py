#!/usr/bin/env python3
"""Floods on loopback: silent connections, bad certificates, slow requests from several addresses at once; terminals and people get through.

    test_flood.py [--build DIR] [unittest arguments]
"""
import os
import socket
import ssl
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import server_lib as lib  # noqa: E402
from server_lib import Server, Terminal, make_key, openssl, wait_for  # noqa: E402

ATTACKERS = ["127.0.0.%d" % n for n in range(2, 6)]     # four, as many as fill a listener by the limit of one address
PLACES = 188                                            # connections the terminals' listener has under this limit of descriptors
DESCRIPTORS = PLACES + 512 + 64 + 2 * 64


def connect(address, port):
    return socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(address, 0))


class Flood(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.remove)
        cls.server.people()
        cls.server.start(descriptors=DESCRIPTORS)
        cls.good = Terminal(cls.server, "pc-good").enrol()

    def setUp(self):
        self.held, self.stop, self.threads = [], threading.Event(), []

    def tearDown(self):
        self.stop.set()
        for t in self.threads:
            t.join()
        for s in self.held:
            s.close()
        wait_for(lambda: self.metric("sekimori_connections", "agents") < 10, 20)

    def metric(self, name, listener, reason=""):
        labels = 'listener="%s"' % listener + (',reason="%s"' % reason if reason else "")
        text = self.server.public("GET", "/metrics")[2].decode()
        return [int(line.split()[-1]) for line in text.splitlines() if line.startswith("%s{%s" % (name, labels))][0]

    def keep_full(self, port, first=b""):
        """Holds as many connections as it can from each address, and comes back for each that is cut."""
        def hold(address):
            mine = []
            while not self.stop.is_set():
                try:
                    s = connect(address, port)
                    if first:
                        s.sendall(first)
                    mine.append(s)
                except OSError:
                    time.sleep(0.005)
                if len(mine) > 200:
                    mine.pop(0).close()
            for s in mine:
                s.close()

        self.threads += [threading.Thread(target=hold, args=(a,)) for a in ATTACKERS]
        for t in self.threads:
            t.start()

    def good_ones_get_through(self, times=20):
        slowest = 0
        for _ in range(times):
            self.good.close()
            began = time.monotonic()
            self.assertEqual(self.good.send(self.good.event("device.decided", {"verdict": "deny"})), (200, {"acked": self.good.seq}))
            slowest = max(slowest, time.monotonic() - began)
        self.assertLess(slowest, 5)

    def test_silent_connections(self):
        self.keep_full(self.server.agents)
        wait_for(lambda: self.metric("sekimori_connections_refused_total", "agents", "crowded-out") > 100, 30)
        self.good_ones_get_through()

    def test_people_get_through_silent_connections(self):
        self.keep_full(self.server.console)
        for _ in range(10):
            self.assertEqual(self.server.public("GET", "/healthz")[0], 200)

    def test_bad_certificates(self):
        """Every handshake costs a signature; after a while who only fails is not heard any more, and others are."""
        folder = os.path.join(self.server.folder, "wrong")
        os.mkdir(folder)
        key, certificate = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
        make_key(key)
        openssl("req", "-x509", "-new", "-key", key, "-subj", "/CN=x", "-days", "3", "-out", certificate)
        context = self.server.context(certificate, key)
        failed = [0]

        def fail(address):
            while not self.stop.is_set():
                try:
                    with context.wrap_socket(connect(address, self.server.agents), server_hostname="127.0.0.1") as s:
                        s.recv(1)
                except (OSError, ssl.SSLError):
                    failed[0] += 1

        self.threads = [threading.Thread(target=fail, args=(a,)) for a in ATTACKERS]
        for t in self.threads:
            t.start()
        wait_for(lambda: self.metric("sekimori_connections_refused_total", "agents", "unwelcome") > 0, 60)
        self.good_ones_get_through()
        self.assertGreater(failed[0], 300)

    def test_slow_requests_of_a_terminal(self):
        """Enrolled and hostile: it holds every place with requests that never end. The others come in all the same."""
        bad = Terminal(self.server, "pc-bad").enrol()
        context = self.server.context(bad.certificate, bad.key)
        for address in ("127.0.1.%d" % n for n in range(1, 5)):   # of no ill repute yet
            for _ in range(PLACES // 4 + 1):
                s = context.wrap_socket(connect(address, self.server.agents), server_hostname="127.0.0.1")
                s.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
                self.held.append(s)
        self.assertGreater(self.metric("sekimori_connections", "agents"), PLACES - 10)
        self.good_ones_get_through()


class Rate(unittest.TestCase):
    def test_a_terminal_has_its_share(self):
        server = Server(terminals__requests="20")
        self.addCleanup(server.remove)
        server.people()
        server.start()
        t, other = Terminal(server, "pc1").enrol(), Terminal(server, "pc2").enrol()
        t.connect()
        for _ in range(20):
            self.assertEqual(t.call("GET", "/v1/orders?grants=1")[0] // 100, 2)
        t.connection.request("GET", "/v1/orders")
        r = t.connection.getresponse()
        r.read()
        self.assertEqual(r.status, 429)
        self.assertTrue(1 <= int(r.headers["Retry-After"]) <= 3)
        self.assertEqual(t.send(t.event("chain-start", {}))[0], 429)
        self.assertEqual(other.send(other.event("chain-start", {}))[0], 200)
        self.assertIn("sekimori_requests_limited_total 2", server.public("GET", "/metrics")[2].decode())


if __name__ == "__main__":
    lib.main("__main__")
