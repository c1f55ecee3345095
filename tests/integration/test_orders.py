#!/usr/bin/env python3
"""Orders, permits for settings and notices from the server's command line and console to a terminal's long poll, and what comes back.

    test_orders.py [--build DIR] [unittest arguments]
"""
import json
import os
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import server_lib as lib  # noqa: E402
from server_lib import Browser, Server, Terminal  # noqa: E402
from test_server import held, orders, payloads  # noqa: E402


class Orders(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.remove)
        cls.server.people()
        for user, role in (("kanri", "sys"), ("kanri2", "sys"), ("fukushicho", "ciso")):
            cls.server.cli("user", "add", user, "--name", user, "--role", role, "--password-stdin", input="correct horse battery\n")
        cls.server.start()

    def order(self, kind, terminal, *more, user="kanri"):
        return int(self.server.cli("order", "add", kind, "--as", user, "--terminal", terminal.host, "--reason", "test", *more).split()[0])

    def state(self, number):
        return {o["number"]: o for o in json.loads(self.server.cli("order", "list", "--json"))}[number]

    def test_an_order_wakes_the_long_poll_and_comes_back_as_a_result(self):
        t = Terminal(self.server, "pc-order").enrol()
        policy, grants = held(t)
        got = []
        thread = threading.Thread(target=lambda: got.append((orders(t, policy, grants, 30), time.monotonic())))
        thread.start()
        time.sleep(0.3)  # it waits: what comes from here on wakes it
        began = time.monotonic()
        number = self.order("isolate", t, "--mode", "management")
        thread.join()
        self.assertLess(got[0][1] - began, 3)
        told = payloads(got[0][0])["grants"]
        self.assertEqual([(o["kind"], o["number"], o["mode"]) for o in told["body"]["orders"]], [("isolate", number, "management")])
        self.assertEqual(told["version"], grants + 1)
        one = told["body"]["orders"][0]
        t.send(t.event("order.taken", {"id": one["id"], "number": number}))
        self.assertNotEqual(self.server.run("order", "cancel", str(number), "--as", "kanri").returncode, 0, "taken is taken")
        t.send(t.event("order.done", {"id": one["id"], "number": number, "result": "done", "detail": "kernel <b>"}))
        self.assertEqual((self.state(number)["state"], self.state(number)["detail"]), ("done", "kernel <b>"))
        after = payloads(orders(t, policy, told["version"]))["grants"]
        self.assertNotIn("orders", after["body"])
        self.assertIn("order.given", str(self.server.sql("SELECT action FROM audit")))

    def test_destroying_keys_takes_two(self):
        t = Terminal(self.server, "pc-lost").enrol()
        number = self.order("erase", t, "--power-off")
        self.assertEqual(self.state(number)["state"], "waiting")
        self.assertNotIn("orders", payloads(orders(t))["grants"]["body"])
        self.assertNotEqual(self.server.run("order", "approve", str(number), "--as", "kanri").returncode, 0)
        self.server.cli("order", "approve", str(number), "--as", "kanri2")
        one = payloads(orders(t))["grants"]["body"]["orders"][0]
        self.assertEqual((one["kind"], one["poweroff"]), ("erase", True))
        self.assertNotEqual(one["by"], one["approved_by"])

    def test_a_suspension_is_the_cisos_decision(self):
        t = Terminal(self.server, "pc-suspend").enrol()
        number = self.order("suspend", t, "--person", "shokuin1")
        self.assertEqual(self.state(number)["state"], "waiting")
        self.assertNotEqual(self.server.run("order", "approve", str(number), "--as", "kanri2").returncode, 0)
        self.assertNotIn("orders", payloads(orders(t))["grants"]["body"])
        self.server.cli("order", "approve", str(number), "--as", "fukushicho")
        one = payloads(orders(t))["grants"]["body"]["orders"][0]
        self.assertEqual((one["kind"], one["person"], one["by"]), ("suspend", "shokuin1", "fukushicho"))
        self.assertEqual(self.state(self.order("resume", t, "--person", "shokuin1", user="fukushicho"))["state"], "open")

    def test_wrong_words_are_usage_and_wrong_people_are_refused(self):
        t = Terminal(self.server, "pc-words").enrol()
        base = ["--terminal", t.host, "--reason", "x"]
        self.assertEqual(self.server.run("order", "add", "reboot", "--as", "kanri", *base).returncode, 64)
        self.assertEqual(self.server.run("order", "add", "isolate", "--as", "kanri", "--mode", "half", *base).returncode, 64)
        self.assertEqual(self.server.run("order", "add", "lock", "--as", "kanri", "--valid", "soon", *base).returncode, 64)
        self.assertEqual(self.server.run("order", "add", "lock", *base).returncode, 64)
        self.assertEqual(self.server.run("order", "add", "lock", "--as", "nobody", *base).returncode, 1)
        self.assertEqual(self.server.run("order", "add", "suspend", "--as", "kanri", *base).returncode, 1, "whom?")
        self.assertEqual(self.server.run("order", "approve", "999", "--as", "kanri").returncode, 1)
        self.assertEqual(self.server.run("order", "add", "lock", "--as", "kanri", "--valid", "30d", *base).returncode, 1, "a lock does not wait a month")

    def test_a_permit_for_a_presentation_and_a_notice(self):
        t = Terminal(self.server, "pc-talk").enrol()
        self.server.cli("setting", "permit", "screen-lock", "--as", "manager", "--terminal", t.host, "--person", "shokuin1", "--reason", "説明会", "--valid", "2h")
        self.assertNotEqual(self.server.run("setting", "permit", "screen-lock", "--as", "kanri", "--terminal", t.host, "--person", "a", "--reason", "b",
                                            "--valid", "2h").returncode, 0)
        path = os.path.join(self.server.folder, "notice.txt")
        with open(path, "w") as file:
            file.write("添付を開かないこと。\n窓口へ連絡。\n")
        self.server.cli("notice", "add", path, "--as", "kanri", "--officer", "執行責任者 総務局長", "--title", "不審なメール")
        body = payloads(orders(t))["grants"]["body"]
        self.assertEqual([(s["setting"], s["person"]) for s in body["settings"]], [("screen-lock", "shokuin1")])
        notice = body["notices"][0]
        self.assertEqual(notice["text"], "添付を開かないこと。\n窓口へ連絡。")
        t.send(t.event("notice.acknowledged", {"id": notice["id"], "number": notice["number"], "person": "shokuin1"}))
        listed = json.loads(self.server.cli("notice", "list", "--json"))[0]
        self.assertEqual((listed["acknowledged"], listed["persons"]), (1, 1))


if __name__ == "__main__":
    lib.main(sys.modules[__name__])
