#!/usr/bin/env python3
"""The store over a real PostgreSQL: the same tests as over SQLite.

    test_postgres.py [unittest arguments]
"""
import glob
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import postgres_lib  # noqa: E402

BUILD = os.environ.get("BUILD", "build")
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MORE = ["test_batch", "test_orders", "test_checkpoint", "test_requests", "test_enrol"]


class Contract(unittest.TestCase):
    """Every test of the store's interface, each in a schema of its own."""

    def test_the_same_as_over_sqlite(self):
        # Nothing here is to survive a crash of the machine; what must is proved elsewhere.
        cluster = postgres_lib.Cluster({"fsync": "off", "max_connections": 100}).init()
        self.addCleanup(cluster.remove)
        url = cluster.start().database("contract")
        names = sorted(os.path.basename(p)[:-2] for p in glob.glob(os.path.join(TOP, "tests", "unit", "test_store*.c")) if not p.endswith("_backup.c")) + MORE
        programs = [os.path.join(BUILD, "tests", "unit", name) for name in names]
        subprocess.run(["make", "-s", "BUILD=" + BUILD, *programs], cwd=TOP, check=True)
        self.assertGreater(len(names), 10)
        for name, program in zip(names, programs):
            with self.subTest(name):
                done = subprocess.run([program, "-j2"], cwd=TOP, env={**os.environ, "SEKIMORI_TEST_POSTGRES": url}, capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr + cluster.messages())


if __name__ == "__main__":
    if postgres_lib.binaries() is None:
        print("PostgreSQL is not installed: packaging/setup.sh installs it")
        sys.exit(77)
    unittest.main(verbosity=2)
