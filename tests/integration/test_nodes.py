#!/usr/bin/env python3
"""Several nodes behind a real HAProxy over one PostgreSQL: addresses, draining, a rolling restart and crashes while terminals send.

    test_nodes.py [unittest arguments]
"""
import copy
import http.client
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import postgres_lib  # noqa: E402
import server_lib as lib  # noqa: E402
from server_lib import Server, Terminal, wait_for  # noqa: E402

BALANCER = "127.0.0.9"   # what it connects from, and what the nodes believe
CONFIG = """
global
  maxconn 2000
  stats socket %(folder)s/admin mode 600 level admin
defaults
  mode tcp
  timeout connect 2s
  timeout client 2m
  timeout server 2m
  timeout check 2s
  retries 3
  option redispatch 1
  balance leastconn
  option httpchk GET /readyz
  source %(balancer)s
  default-server check inter 200ms fall 1 rise 1 check-ssl verify none send-proxy-v2 check-send-proxy
frontend agents-in
  bind fd@%(agents)d
  default_backend agents
backend agents
%(agents_servers)s
frontend console-in
  bind fd@%(console)d
  default_backend console
backend console
%(console_servers)s
"""


class Balancer:
    def __init__(self, nodes, folder):
        self.folder, self.process = folder, None
        os.makedirs(folder)
        self.sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.agents, self.console = [s.getsockname()[1] for s in self.sockets]
        fds = [s.fileno() for s in self.sockets]
        with open(os.path.join(folder, "haproxy.cfg"), "w", encoding="ascii") as out:
            out.write(CONFIG % {"folder": folder, "balancer": BALANCER, "agents": fds[0], "console": fds[1],
                                "agents_servers": "".join("  server n%d 127.0.0.1:%d port %d\n" % (i, n.agents, n.console) for i, n in enumerate(nodes)),
                                "console_servers": "".join("  server n%d 127.0.0.1:%d\n" % (i, n.console) for i, n in enumerate(nodes))})

    def start(self):
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(["haproxy", "-db", "-f", os.path.join(self.folder, "haproxy.cfg")], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            pass_fds=[s.fileno() for s in self.sockets])
        return self

    def stop(self, number=signal.SIGTERM):
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
        self.process = None

    def remove(self):
        self.stop()
        for s in self.sockets:
            s.close()

    def state(self, number):
        """"UP", "DOWN" and the like, of the node's terminals' side."""
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(os.path.join(self.folder, "admin"))
                s.sendall(b"show stat\n")
                text = b"".join(iter(lambda: s.recv(65536), b"")).decode()
        except OSError:
            return ""
        rows = [line.split(",") for line in text.splitlines() if line.startswith("agents,n%d," % number)]
        return rows[0][17] if rows else ""

    def up(self, *numbers):
        wait_for(lambda: all(self.state(n).startswith("UP") for n in numbers), 20)


class Base(unittest.TestCase):
    drain = "0s"

    @classmethod
    def setUpClass(cls):
        cls.cluster = postgres_lib.Cluster({"fsync": "off"}).init().start()
        cls.addClassCleanup(cls.cluster.remove)

    def setUp(self):
        first = Server(self.cluster, listen__proxies=BALANCER, listen__drain=self.drain)
        self.addCleanup(first.remove)
        first.people()
        self.nodes = [first.start(), first.another("second").start()]
        self.addCleanup(self.nodes[1].stop)
        for node in self.nodes:
            node.keep_ports()   # so that it can come back
        self.balancer = Balancer(self.nodes, os.path.join(first.folder, "balancer")).start()
        self.addCleanup(self.balancer.remove)
        self.balancer.up(0, 1)
        self.front = copy.copy(first)   # what terminals know
        self.front.agents, self.front.console, self.front.terminals = self.balancer.agents, self.balancer.console, []
        self.addCleanup(lambda: [t.close() for t in self.front.terminals])
        self.stop, self.problems = threading.Event(), []
        self.addCleanup(self.stop.set)

    def feed(self, count, lossy):
        """Terminals that send without a pause. lossy: connections may break, as when a machine goes; the same is sent again."""
        self.terminals = [Terminal(self.front, "pc-%d" % n).enrol() for n in range(count)]
        self.acked = {t.id: 0 for t in self.terminals}

        def send(t):
            batch = None
            while not self.stop.is_set():
                batch = batch or [t.event("x", {"n": n}) for n in range(random.randint(1, 4))]
                try:
                    status, answer = t.deliver(batch, self.stop)
                except (OSError, http.client.HTTPException, ssl.SSLError) as e:
                    t.close()
                    if not lossy:
                        self.problems.append(repr(e))
                        return
                    self.stop.wait(0.05)
                    continue
                if status == 200:
                    self.acked[t.id], batch = answer["acked"], None
                elif status not in (429, 503):
                    self.problems.append((status, answer))
                    return

        self.threads = [threading.Thread(target=send, args=(t,)) for t in self.terminals]
        for one in self.threads:
            one.start()

    def progress(self):
        """Every terminal got something acknowledged from now on."""
        before = dict(self.acked)
        wait_for(lambda: all(self.acked[d] > n for d, n in before.items()) or self.problems, 60)
        self.assertEqual(self.problems, [])

    def finish(self):
        self.stop.set()
        for one in self.threads:
            one.join()
        self.assertEqual(self.problems, [])
        for t in self.terminals:
            found = [int(n) for n in self.nodes[0].sql("SELECT seq FROM events WHERE device = '%s' ORDER BY seq" % t.id).split()]
            self.assertEqual(found, list(range(1, len(found) + 1)))
            self.assertGreaterEqual(len(found), self.acked[t.id])
        done = self.nodes[0].run("verify")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Address(Base):
    def test_whom_a_connection_is_for(self):
        def ask(source, path="/v1/nothing", port=None):
            c = http.client.HTTPSConnection("127.0.0.1", port or self.front.console, context=self.front.context(), timeout=10, source_address=(source, 0))
            try:
                c.request("POST", "/v1/enroll", "{}")
                return c.getresponse().status
            finally:
                c.close()

        # Limits are the client's, not the balancer's: one that fails too often is put off, others are not.
        codes = [ask("127.0.0.21") for _ in range(2 * 10 + 2)]
        self.assertEqual((codes[0], codes[-1]), (400, 429), codes)
        self.assertEqual(ask("127.0.0.22"), 400)
        self.assertTrue(wait_for(lambda: any("from 127.0.0.21" in n.messages() for n in self.nodes)))
        self.assertFalse(any("from %s" % BALANCER in n.messages() for n in self.nodes))
        # Who is no balancer is not asked for a header, and cannot send one; who is one must.
        self.assertEqual(ask("127.0.0.23", port=self.nodes[0].console), 400)
        with self.assertRaises((OSError, http.client.HTTPException)):
            ask(BALANCER, port=self.nodes[0].console)
        head = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([192, 0, 2, 7, 10, 0, 0, 1, 1, 1, 1, 1])
        for source, sent, comes in ((BALANCER, head, True), ("127.0.0.24", head, False), (BALANCER, head[:20] + b"\xff" * 8 + b"x", False), (BALANCER, b"\r\n\r\n\0\r\nQUIT\n\x11", False)):
            with self.subTest(source=source, sent=sent), socket.create_connection(("127.0.0.1", self.nodes[0].console), timeout=10, source_address=(source, 0)) as s:
                try:
                    for at in range(len(sent)):   # in pieces, as a network may; what is refused may be so before its end
                        s.sendall(sent[at:at + 1])
                    with self.front.context().wrap_socket(s, server_hostname="127.0.0.1") as x:
                        x.sendall(b"POST /v1/enroll HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
                        self.assertEqual(x.recv(12).endswith(b"400"), comes)
                except OSError:
                    self.assertFalse(comes)
        if "from 192.0.2.7" not in self.nodes[0].messages():
            self.fail(self.nodes[0].messages()[-2000:])
        self.assertIn('sekimori_connections_refused_total{listener="console",reason="headerless"} 2\n', self.nodes[0].public("GET", "/metrics")[2].decode())


class Repeated(Base):
    def test_one_batch_at_two_nodes_at_once_and_in_the_wrong_order(self):
        """As when an answer is lost on its way and the terminal asks again over another node."""
        t = Terminal(self.nodes[0], "pc-1").enrol()
        both = [copy.copy(t), copy.copy(t)]
        for n in (0, 1):
            both[n].server, both[n].connection = self.nodes[n], None
            self.addCleanup(both[n].close)
        start, answers = threading.Barrier(2), [None, None]

        def send(n, batch):
            start.wait()
            answers[n] = both[n].send(*batch)

        for number in range(20):
            batch = [t.event("x", {"n": number}) for _ in range(5)]
            threads = [threading.Thread(target=send, args=(n, batch)) for n in (0, 1)]
            for one in threads:
                one.start()
            for one in threads:
                one.join()
            self.assertEqual(answers, [(200, {"acked": t.seq})] * 2)
        last, first, second = t.seq, [t.event("x", {"n": "first"})], [t.event("x", {"n": "second"})]
        self.assertEqual(both[1].send(*second)[0], 409)
        self.assertEqual(both[0].send(*first), (200, {"acked": last + 1}))
        self.assertEqual(both[1].send(*first, *second), (200, {"acked": last + 2}))
        found = [int(n) for n in self.nodes[0].sql("SELECT seq FROM events WHERE device = '%s' ORDER BY seq" % t.id).split()]
        self.assertEqual(found, list(range(1, last + 3)))
        self.assertEqual(self.nodes[1].run("verify").returncode, 0)


class Rolling(Base):
    drain = "3s"

    def test_restarted_one_by_one_under_load(self):
        self.feed(5, lossy=False)
        waiting = Terminal(self.front, "pc-waits").enrol()
        self.progress()
        for number, node in enumerate(self.nodes):
            # A terminal that waits for orders on this node is let go at once, and asks the other.
            waiting.close()
            answers = []
            asked = threading.Thread(target=lambda: answers.append(waiting.call("GET", "/v1/orders?policy=0&grants=1000000&wait=20")))
            asked.start()
            began = time.monotonic()
            node.process.send_signal(signal.SIGTERM)
            wait_for(lambda n=node: n.public("GET", "/readyz")[0::2] == (503, b"draining\n"), 2)
            wait_for(lambda n=number: self.balancer.state(n).startswith("DOWN"), 3)
            self.assertEqual(node.public("GET", "/healthz")[1]["Connection"], "close")   # it still serves
            self.assertEqual(node.stop(signal.SIGCONT), 0)
            self.assertGreater(time.monotonic() - began, 3)
            self.progress()
            node.start()
            self.balancer.up(number)
            asked.join()
            self.progress()
        self.finish()
        self.assertEqual([t.broken for t in self.terminals], [0] * 5)   # every answer came; connections ended after one

    def test_a_second_signal_ends_it_at_once(self):
        node = self.nodes[1]
        began = time.monotonic()
        node.process.send_signal(signal.SIGTERM)
        wait_for(lambda: node.public("GET", "/readyz")[0] == 503, 2)
        self.assertEqual(node.stop(), 0)
        self.assertLess(time.monotonic() - began, 2.9)


class Crash(Base):
    def test_nodes_and_balancer_killed_under_load(self):
        self.feed(4, lossy=True)
        self.progress()
        for victim in (0, None, 1, None):
            if victim is None:
                self.balancer.stop(signal.SIGKILL)
                self.balancer.start()
            else:
                self.nodes[victim].stop(signal.SIGKILL, close=False)
                self.progress()
                self.nodes[victim].start()
            self.balancer.up(0, 1)
            self.progress()
        self.finish()
        self.assertGreater(sum(t.broken for t in self.terminals), 0)


if __name__ == "__main__":
    if postgres_lib.binaries() is None or shutil.which("haproxy") is None:
        print("PostgreSQL or HAProxy is not installed: packaging/setup.sh installs them")
        sys.exit(77)
    lib.main("__main__")
