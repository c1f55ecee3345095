#!/usr/bin/env python3
"""Lists as files at the size of a city: 20,000 requests leave the server in the memory of one portion, whole, while others go on working.

    test_files.py [unittest arguments]
"""
import csv
import io
import json
import os
import re
import sqlite3
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import office as o  # noqa: E402
from office import Office  # noqa: E402

BUILD = os.environ.get("BUILD", "build")
ROWS = 20000
GROWTH_KB = 6 * 1024  # a portion and what the allocator keeps; the JSON file alone has more than 10 MB


def memory(pid, name):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        return [int(line.split()[1]) for line in f if line.startswith(name + ":")][0]


def many_requests(office, first):
    """Copies of the one request that came in by the front door, with numbers, ids and people of their own."""
    office.stop()
    db = sqlite3.connect(os.path.join(office.state, "ledger.db"))
    columns = [row[1] for row in db.execute("PRAGMA table_info(requests)")]
    own = {"number": "n.value + 1", "id": "printf('20000000-0000-4000-8000-%012d', n.value)", "person": "'person' || n.value % 500",
           "fiscal_serial": "n.value + 1", "created": "q.created + n.value", "state": "'refused'"}
    values = ", ".join(own.get(c, f'q."{c}"') for c in columns)
    names = ", ".join(f'"{c}"' for c in columns)
    db.execute(f"WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < {ROWS - 1}) "
               f"INSERT INTO requests({names}) SELECT {values} FROM n JOIN requests q ON q.number = {first}")
    db.commit()
    db.close()
    office.start()


class Files(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.office = Office(os.path.abspath(BUILD))
        try:
            cls.office.unit("zeimu", "税務課", "Tax")
            for user, role in (("mado", "desk"), ("other", "desk")):
                cls.office.user(user, user, "", role)
            cls.office.start()
            cls.office.terminal("pc-1", "zeimu").request("shokuin", o.STICK, "会議資料の受け取り")
            many_requests(cls.office, 1)
            cls.mado, cls.other = cls.office.login("mado"), cls.office.login("other")
            cls.mado.get("/export/requests.csv?state=all")  # the database fills its cache, which has a size of its own
        except BaseException:
            cls.office.remove()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.office.remove()

    def file(self, path):
        """The file, how far the server's memory rose above what it was, and the slowest page somebody else got meanwhile."""
        pid, slowest, stop = self.office.process.pid, [0.0], threading.Event()

        def works():
            while not stop.is_set():
                begun = time.monotonic()
                assert self.other.get("/applications") == 200
                slowest[0] = max(slowest[0], time.monotonic() - begun)

        before = memory(pid, "VmRSS")
        with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as f:
            f.write("5")  # the peak begins anew
        thread = threading.Thread(target=works)
        thread.start()
        try:
            self.assertEqual(self.mado.get(path), 200)
        finally:
            stop.set()
            thread.join()
        return self.mado.page, memory(pid, "VmHWM") - before, slowest[0]

    def test_csv(self):
        text, rose, slowest = self.file("/export/requests.csv?state=all")
        rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff"))))
        self.assertEqual(len(rows), ROWS + 1)
        self.assertEqual(len({row[0] for row in rows}), ROWS + 1, "none twice")
        self.assertLess(rose, GROWTH_KB)
        print(f"requests.csv: {len(text.encode()) / 1e6:.1f} MB, memory rose by {rose} kB, another page took at most {slowest * 1000:.0f} ms", file=sys.stderr)

    def test_json(self):
        text, rose, slowest = self.file("/export/requests.json?state=all")
        self.assertEqual(len(json.loads(text)), ROWS)
        self.assertGreater(len(text.encode()), 2 * GROWTH_KB * 1000)
        self.assertLess(rose, GROWTH_KB)
        print(f"requests.json: {len(text.encode()) / 1e6:.1f} MB, memory rose by {rose} kB, another page took at most {slowest * 1000:.0f} ms", file=sys.stderr)


class Lists(unittest.TestCase):
    """What docs/openapi.yaml says of /v1/lists, asked of the server."""

    @classmethod
    def setUpClass(cls):
        cls.office = Office(os.path.abspath(BUILD))
        try:
            cls.office.unit("zeimu", "税務課", "Tax")
            cls.office.user("mado", "mado", "", "desk")
            cls.office.start()
            cls.office.terminal("pc-1", "zeimu").request("shokuin", o.STICK, "会議資料の受け取り")
            b = cls.office.login("mado")
            assert b.post("/tokens", {"csrf": b.csrf("/tokens"), "action": "create", "name": "集計", "until": o.local(48)[:10]}) == 200, b.page
            cls.token = re.search(r"SKA1-[0-9a-f]{64}", b.page)[0]
        except BaseException:
            cls.office.remove()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.office.remove()

    def test_every_list_of_the_document(self):
        with open(os.path.join(o.TOP, "docs", "openapi.yaml"), encoding="utf-8") as f:
            text = f.read()
        names = re.search(r"name: list, in: path.*?enum: \[([a-z, ]+)\]", text)[1].split(", ")
        said = set(re.findall(r'^        "(\d+)"', text[text.index("/v1/lists/{list}:"):text.index("  /healthz:")], re.M))
        b, seen = self.office.browser(), set()
        for name in names:
            seen.add(str(b.get(f"/v1/lists/{name}", Authorization=f"Bearer {self.token}")))
            self.assertIsInstance(json.loads(b.page), list)
            self.assertEqual(b.headers["Content-Type"], "application/json")
        for path, token in (("terminals", "SKA1-" + "0" * 64), ("none", self.token), ("terminals?state=%3C", self.token)):
            seen.add(str(b.get(f"/v1/lists/{path}", Authorization=f"Bearer {token}")))
            self.assertIn("error", json.loads(b.page))
        self.assertEqual(seen, said - {"403"}, "403: tests/unit/test_console_tokens.c")
        self.assertEqual(b.get("/v1/lists/terminals"), 401)
        self.assertEqual(b.post("/v1/lists/terminals", {}), 405)


class Lines(unittest.TextTestResult):
    """One line for each test, as tests/run.py reads them."""

    def addSuccess(self, test):
        super().addSuccess(test)
        print("ok", test.id().removeprefix("__main__."), flush=True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        print("FAIL", test.id().removeprefix("__main__."), flush=True)

    def addError(self, test, err):
        super().addError(test, err)
        print("FAIL", getattr(test, "id", lambda: str(test))().removeprefix("__main__."), flush=True)


if __name__ == "__main__":
    if "--build" in sys.argv:
        at = sys.argv.index("--build")
        BUILD = sys.argv[at + 1]
        del sys.argv[at:at + 2]
    unittest.main(testRunner=unittest.TextTestRunner(resultclass=Lines, verbosity=0))
