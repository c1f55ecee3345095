"""Reports through the store into PostgreSQL beside a bare libpq loop of the same statements, by turns in one run; a cluster of its own, fsync on."""

import json
import os
import subprocess
import sys

from table import Table, median

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(TOP, "tests", "integration"))
ROUNDS, LIMIT = 9, 1 / 0.8   # at least 0.8 of the bare loop's reports per second


def run(build):
    import postgres_lib
    load = os.path.join(build, "tests", "bench", "store_load")
    subprocess.run(["make", "-s", "BUILD=" + build, load], cwd=TOP, check=True)
    cluster = postgres_lib.Cluster({"shared_buffers": "128MB"}).init()
    try:
        cluster.start()
        url, ledger = cluster.database("bench"), os.path.join(build, "tests", "bench", "store_load.db")
        for end in ("", "-wal", "-shm"):
            if os.path.exists(ledger + end):
                os.unlink(ledger + end)
        done = subprocess.run([load, url, ledger, str(ROUNDS)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stdout + done.stderr + cluster.messages())
        got = {name: median(values) for name, values in json.loads(done.stdout).items()}
    finally:
        cluster.remove()
    table = Table("postgres")
    table.add("report with new evidence, 128 a commit; peer: the same statements by a bare libpq loop", "us", got["batch"], got["batch_bare"], LIMIT, ROUNDS)
    table.add("report with new evidence, one a commit; peer: the same", "us", got["single"], got["single_bare"], LIMIT, ROUNDS)
    table.add("reports per second, 128 a commit", "per s", 1e6 / got["batch"], None, None, ROUNDS)
    table.add("the same into SQLite", "per s", 1e6 / got["sqlite"], None, None, ROUNDS)
    return table
