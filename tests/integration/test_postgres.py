#!/usr/bin/env python3
"""The store over a real PostgreSQL: the same tests as over SQLite, the server as it is run, the move to it, and connections that go.

    test_postgres.py [unittest arguments]
"""
import base64
import glob
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import postgres_lib  # noqa: E402
import server_lib as lib  # noqa: E402
from server_lib import Browser, Server, Terminal, wait_for  # noqa: E402

BUILD = lib.BUILD
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OVER_THE_STORE = ("tests/unit/store_help.h", "tests/unit/server_help.h")


class Contract(unittest.TestCase):
    """Every test of the store's interface, each in a schema of its own."""

    def test_the_same_as_over_sqlite(self):
        # Nothing here is to survive a crash of the machine; what must is proved elsewhere.
        cluster = postgres_lib.Cluster({"fsync": "off", "max_connections": 100}).init()
        self.addCleanup(cluster.remove)
        url = cluster.start().database("contract")
        names = []
        for path in sorted(glob.glob(os.path.join(TOP, "tests", "unit", "test_*.c"))):
            with open(path, encoding="utf-8") as f:
                text = f.read()
            if any('"%s"' % header in text for header in OVER_THE_STORE):
                names.append(os.path.basename(path)[:-2])
        programs = [os.path.join(BUILD, "tests", "unit", name) for name in names]
        subprocess.run(["make", "-s", "BUILD=" + BUILD, *programs], cwd=TOP, check=True)
        self.assertGreater(len(names), 10)
        for name, program in zip(names, programs):
            with self.subTest(name):
                done = subprocess.run([program, "-j2"], cwd=TOP, env={**os.environ, "SEKIMORI_TEST_POSTGRES": url}, capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr + cluster.messages())


class Base(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.cluster = postgres_lib.Cluster(cls.settings).init().start()
        cls.addClassCleanup(cls.cluster.remove)

    def serve(self, **more):
        server = Server(self.cluster, **more)
        self.addCleanup(server.remove)
        server.people()
        return server.start()

    def check(self, server, terminal, seqs):
        """Every acknowledged record is there exactly once, and every chain is unbroken."""
        found = [int(n) for n in server.sql("SELECT seq FROM events WHERE device = '%s' ORDER BY seq" % terminal.id).split()]
        self.assertEqual(found, sorted(set(found)))
        self.assertLessEqual(set(seqs), set(found))
        done = server.run("verify")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Serving(Base):
    def test_ingest_decision_backup(self):
        server = self.serve()
        t = Terminal(server, "pc-1").enrol()
        self.assertEqual(t.send(*[t.event("x", {"n": n}) for n in range(20)]), (200, {"acked": 20}))
        self.assertEqual(t.send(t.request_event()), (200, {"acked": 21}))
        self.assertEqual(t.call("POST", "/v1/report", t.report())[0], 200)
        self.assertEqual(Browser(server, "manager", "manager-password").decide(1, "permit")[0], 303)
        self.assertEqual(Browser(server, "desk", "desk-password-1").decide(1, "approve", access="ro", until=time.strftime("%Y-%m-%dT%H:%M", time.localtime(time.time() + 3600)))[0], 303)
        self.assertEqual(server.sql("SELECT state FROM requests"), "approved")
        status, body = t.call("GET", "/v1/orders?policy=0&grants=0&wait=0")
        self.assertEqual(status, 200, body)
        self.assertEqual(server.public("GET", "/readyz")[0], 200)
        self.check(server, t, range(1, 22))
        # A backup is a file as ever; it is restored into SQLite, and the terminal goes on there.
        backup = os.path.join(server.folder, "backup")
        server.cli("backup", backup)
        refused = server.run("restore", backup)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("migrate", refused.stderr)
        server.stop()
        other = Server()
        self.addCleanup(other.remove)
        shutil.rmtree(other.state)
        other.cli("restore", backup)
        other.start()
        t.server = other
        t.close()
        self.assertEqual(t.send(t.event("x", {})), (200, {"acked": 22}))
        self.assertEqual(other.run("verify").returncode, 0)
        t.close()

    def test_what_is_refused(self):
        with self.assertRaisesRegex(AssertionError, "postgresql://"):
            Server(store__url="mysql://x/y")
        with self.assertRaisesRegex(AssertionError, "passfile="):
            Server(store__url="postgresql://u:secret@/x?host=" + self.cluster.folder)
        self.cluster.database("other")
        self.cluster.psql("CREATE TABLE of_somebody_else(x int)", "other")
        with self.assertRaisesRegex(AssertionError, "not a store of sekimori-server"):
            Server(store__url=self.cluster.url("other"))
        with self.assertRaisesRegex(AssertionError, "cannot be used"):
            Server(store__url="postgresql://u@/x?host=/nonexistent")


class Migration(Base):
    def test_sqlite_to_postgresql(self):
        server = Server()
        self.addCleanup(server.remove)
        server.people()
        server.start()
        t = Terminal(server, "pc-1").enrol()
        self.assertEqual(t.send(t.request_event(), *[t.event("x", {"n": n, "text": "課 \\ ' \t"}) for n in range(99)]), (200, {"acked": 100}))
        self.assertEqual(t.call("POST", "/v1/report", t.report())[0], 200)
        server.cli("retention", "set", "events", "--keep", "400d")
        self.assertEqual(server.cli("hold", "add", "--terminal", "pc-1", "--reason", "照会中"), "1\n")
        for wrong in (("retention", "set", "events", "--keep", "1d"), ("hold", "add", "--reason", "x"), ("hold", "add", "--all", "--unit", "zeimu", "--reason", "x")):
            self.assertEqual(server.run(*wrong).returncode, 64, wrong)
        to = self.cluster.database("moved")
        busy = server.run("migrate", "--to", to)
        self.assertEqual(busy.returncode, 1, "while the server runs")
        server.stop()
        t.close()
        tables = {row["table"]: row for row in json.loads(server.cli("migrate", "--to", to, "--json"))}
        self.assertEqual(tables["events"]["rows"], 100)
        for name, row in tables.items():
            self.assertEqual(int(self.cluster.psql('SELECT count(*) FROM "%s"' % name, "moved")), row["rows"] + (name == "audit"), name)
            self.assertEqual(int(lib.run_sql(server.ledger(), 'SELECT count(*) FROM "%s"' % name)), row["rows"], name)
        again = server.run("migrate", "--to", to)
        self.assertEqual((again.returncode, "not empty" in again.stderr), (1, True), again.stderr)
        with open(server.config, "a", encoding="utf-8") as out:
            out.write("[store]\nurl = %s\n" % to)
        server.database, server.database_name = self.cluster, "moved"
        server.start()
        self.assertEqual(t.send(t.event("x", {}), t.request_event()), (200, {"acked": 102}))
        self.assertEqual(server.sql("SELECT max(number) FROM requests"), "2")
        self.assertEqual([(r["kind"], r["days"]) for r in json.loads(server.cli("retention", "list", "--json"))], [("events", 400), ("posture", 0)])
        self.assertEqual([(h["number"], h["terminal"], h["ended"]) for h in json.loads(server.cli("hold", "list", "--json"))], [(1, "pc-1", None)])
        server.cli("hold", "end", "1", "--reason", "終結")
        self.check(server, t, range(1, 103))


class Loss(Base):
    """Connections that go and a database that ends as in a power failure, while terminals send."""

    def test_nothing_acknowledged_is_lost(self):
        server = self.serve()
        terminals = [Terminal(server, "pc-%d" % n).enrol() for n in range(3)]
        acked, stop, problems = {t.id: 0 for t in terminals}, threading.Event(), []

        def send(t):
            while not stop.is_set():
                status, answer = t.deliver([t.event("x", {"n": n}) for n in range(random.randint(1, 4))], stop)
                if status == 200:
                    acked[t.id] = answer["acked"]
                elif status not in (429, 503):
                    problems.append((status, answer))
                    return

        threads = [threading.Thread(target=send, args=(t,)) for t in terminals]
        for one in threads:
            one.start()
        chance = random.Random(7)
        for _ in range(25):
            time.sleep(chance.uniform(0.01, 0.12))
            self.cluster.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sekimori-server'")
        for how in (signal.SIGQUIT, signal.SIGINT, signal.SIGQUIT):
            before = dict(acked)
            self.cluster.stop(how)
            self.assertEqual(wait_for(lambda: server.public("GET", "/readyz")[0] == 503, 20), True)
            self.cluster.start()
            wait_for(lambda was=before: all(acked[t.id] > was[t.id] for t in terminals) or problems, 60)
        stop.set()
        for one in threads:
            one.join()
        self.assertEqual(problems, [])
        for t in terminals:
            self.assertGreaterEqual(acked[t.id], 3)  # at least once after each of the three ends
            self.check(server, t, range(1, acked[t.id] + 1))


class Hang(Base):
    """The database stands still without its connections going, as with a disk that does not answer."""

    def test_it_is_given_up_and_comes_back(self):
        server = self.serve()
        t = Terminal(server, "pc-1").enrol()
        self.assertEqual(t.send(t.event("x", {})), (200, {"acked": 1}))
        main = self.cluster.process.pid
        os.kill(main, signal.SIGSTOP)   # it makes no more children then
        listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(main)], capture_output=True, text=True, check=True).stdout
        all_of_it = [main, *[int(pid) for pid in listed.split()]]
        for pid in all_of_it:
            os.kill(pid, signal.SIGSTOP)
        try:
            batch = [t.event("x", {"n": n}) for n in range(3)]
            began = time.monotonic()
            status, _ = t.send(*batch)
            self.assertEqual(status, 503)
            self.assertLess(time.monotonic() - began, 20)
            self.assertEqual(server.public("GET", "/healthz")[0], 200)
            self.assertEqual(server.public("GET", "/readyz")[0], 503)
        finally:
            for pid in all_of_it:
                os.kill(pid, signal.SIGCONT)
        wait_for(lambda: server.public("GET", "/readyz")[0] == 200, 60)
        self.assertEqual(t.deliver(batch, threading.Event()), (200, {"acked": 4}))
        self.assertIn("does not answer", server.messages())
        self.check(server, t, range(1, 5))


class Failover(unittest.TestCase):
    """A primary with a synchronous standby, both real. The primary ends as in a power failure, the standby is promoted."""

    def test_the_standby_has_all_that_was_acknowledged(self):
        first = postgres_lib.Cluster({"wal_level": "replica", "max_wal_senders": 4, "hot_standby": "on", "synchronous_standby_names": "*",
                                      "synchronous_commit": "local"}).init()
        self.addCleanup(first.remove)
        first.start()
        first.database("office")
        second = postgres_lib.Cluster({"hot_standby": "on"}, port=5433)
        self.addCleanup(second.remove)
        second.copy_of(first)
        second.start()
        wait_for(lambda: first.psql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == "1", 30)
        server = Server(store__url="postgresql://postgres@/office?host=%s,%s&port=5432,5433&options=-csynchronous_commit%%3Don" % (first.folder, second.folder))
        self.addCleanup(server.remove)
        server.people()
        server.start()
        t = Terminal(server, "pc-1").enrol()
        acked, stop, problems = [0], threading.Event(), []

        def send():
            while not stop.is_set():
                status, answer = t.deliver([t.event("x", {"n": n}) for n in range(3)], stop)
                if status == 200:
                    acked[0] = answer["acked"]
                elif status not in (429, 503):
                    problems.append((status, answer))
                    return

        sender = threading.Thread(target=send)
        sender.start()
        self.addCleanup(stop.set)
        wait_for(lambda: acked[0] > 60 or problems, 60)
        first.stop(signal.SIGQUIT)
        at_the_end = acked[0]
        second.run("pg_ctl", "promote", "-w", "-D", second.data)
        wait_for(lambda: acked[0] > at_the_end + 30 or problems, 60)
        stop.set()
        sender.join()
        self.assertEqual(problems, [])
        found = [int(n) for n in second.psql("SELECT seq FROM events WHERE device = '%s' ORDER BY seq" % t.id, "office").split()]
        self.assertEqual(found, list(range(1, len(found) + 1)))
        self.assertGreaterEqual(len(found), acked[0])
        self.assertEqual(server.run("verify").returncode, 0)


class Nodes(Base):
    """Two nodes with the same keys over one database."""

    def test_an_approval_on_one_reaches_a_terminal_on_the_other(self):
        first = self.serve()
        second = first.another("second")
        second.start()
        self.addCleanup(second.stop)
        # What is done by the clock is done once, however many nodes there are.
        done = wait_for(lambda: [n for n in (first, second) if 'sekimori_job_runs_total{job="sessions"} 1\n' in n.public("GET", "/metrics")[2].decode()] == [first, second])
        self.assertTrue(done)
        self.assertEqual({j["name"]: j["runs"] for j in json.loads(second.cli("jobs", "--json"))}["sessions"], 1)
        t = Terminal(first, "pc-1").enrol()
        t.send(t.request_event())
        _, body = t.call("GET", "/v1/orders?policy=0&grants=0&wait=0")
        version = json.loads(base64.b64decode(json.loads(body["bundles"][0])["payload"]))["version"]
        answers = []
        waiting = threading.Thread(target=lambda: answers.append((t.call("GET", "/v1/orders?policy=0&grants=%d&wait=20" % version, timeout=40), time.monotonic())))
        waiting.start()
        wait_for(lambda: "sekimori_orders_waiting 1\n" in first.public("GET", "/metrics")[2].decode(), 10)
        manager = Browser(second, "manager", "manager-password")
        began = time.monotonic()
        self.assertEqual(manager.decide(1, "permit")[0], 303)
        waiting.join(30)
        self.assertEqual(answers[0][0][0], 200)
        self.assertLess(answers[0][1] - began, 3)
        # One chain, written by both; a terminal may change its node at any time.
        for n in range(6):
            t.server = (first, second)[n % 2]
            t.close()
            status, _ = t.send(t.event("x", {}))
            self.assertEqual(status, 200)
        threads = [threading.Thread(target=lambda s=s: [s.cli("unit", "add", "u%d-%d" % (s.agents, n), "--ja", "課", "--en", "s") for n in range(5)]) for s in (first, second)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        self.assertEqual(int(first.sql("SELECT count(*) FROM units WHERE key LIKE 'u%-%'")), 10)
        self.check(first, t, range(1, 8))
        # Shut out on one node, refused by the other from its next request on.
        second.cli("terminal", "revoke", t.id, "--reason", "lost")
        t.server = first
        t.close()
        self.assertEqual(t.send(t.event("x", {}))[0], 403)
        t.close()


if __name__ == "__main__":
    if postgres_lib.binaries() is None:
        print("PostgreSQL is not installed: packaging/setup.sh installs it")
        sys.exit(77)
    lib.main("__main__")
