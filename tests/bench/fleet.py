"""Ledgers of few and of very many terminals: what pages and reports cost the server's one thread, and that it does not grow with their number.
SEKIMORI_FLEET="1000 100000" sets the numbers; the first is the peer of the others."""

import json
import os
import subprocess

from table import Table

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
ROUNDS, PAGE_MS = 40, 150


def measure(load, ledger, count):
    for end in ("", "-wal", "-shm"):
        if os.path.exists(ledger + end):
            os.unlink(ledger + end)
    done = subprocess.run([load, ledger, str(count), str(ROUNDS)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)
    for end in ("", "-wal", "-shm"):
        if os.path.exists(ledger + end):
            os.unlink(ledger + end)
    return json.loads(done.stdout)


def run(build):
    load = os.path.join(build, "tests", "bench", "store_fleet")
    subprocess.run(["make", "-s", "BUILD=" + build, load], cwd=TOP, check=True)
    sizes = [int(n) for n in os.environ.get("SEKIMORI_FLEET", "1000 10000").split()]
    got = {n: measure(load, os.path.join(build, "tests", "bench", "store_fleet.db"), n) for n in sizes}
    table = Table("fleet")
    for n in sizes:
        for page, what in (("overview", "overview of the office"), ("overview_unit", "overview of a section"), ("search", "search by host name"),
                           ("list", "list, worst first"), ("terminal", "one terminal's page")):
            table.add("%d terminals: %s, p95" % (n, what), "ms", got[n][page + "_p95"] / 1000, None, PAGE_MS if page != "list" else None, ROUNDS)
        table.add("%d terminals: all jobs once" % n, "ms", got[n]["jobs"] / 1000)
        table.add("%d terminals: report with new evidence, 128 a commit; peer: with %d" % (n, sizes[0]), "us", got[n]["report"],
                  got[sizes[0]]["report"] if n != sizes[0] else None, 1.5 if n != sizes[0] else None, 1024)
    return table
