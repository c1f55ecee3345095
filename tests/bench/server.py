"""sekimori-server under load from terminals on loopback: what a report, a batch of events and a connection cost it. The figures are the server's own
CPU time and memory, so that the load's share of the machine does not count; reports per second are what one core would carry."""

import json
import os
import subprocess
import sys

from table import Table

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "integration"))

TERMINALS = 64
SECONDS = 4
IDLE = 1500


def proc(pid, name):
    with open("/proc/%d/%s" % (pid, name), encoding="ascii", errors="replace") as f:
        return f.read()


def cpu(pid):
    fields = proc(pid, "stat").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid, name):
    return [int(line.split()[1]) for line in proc(pid, "smaps_rollup").splitlines() if line.startswith(name + ":")][0]


def connections(server):
    text = server.public("GET", "/metrics")[2].decode()
    return [int(line.split()[-1]) for line in text.splitlines() if line.startswith('sekimori_connections{listener="agents"}')][0]


def settled(pid):
    """The process has done nothing for half a second."""
    import time
    before = cpu(pid)
    time.sleep(0.5)
    return cpu(pid) - before < 0.02


def run(build):
    import server_lib as lib
    lib.BUILD = build
    load = os.path.join(build, "tests", "bench", "load_server")
    subprocess.run(["make", "-s", "BUILD=" + build, load, os.path.join(build, "bin", "sekimori-server")], cwd=TOP, check=True)
    table, server = Table("server"), lib.Server(terminals__requests="1000000")
    try:
        server.people()
        server.start()
        crowd = os.path.join(server.folder, "crowd")
        for n in range(TERMINALS):
            folder = os.path.join(crowd, str(n))
            os.makedirs(folder)
            t = lib.Terminal(server, "pc-%d" % n, folder).enrol()
            with open(os.path.join(folder, "id"), "w", encoding="ascii") as out:
                out.write(t.id)
        pid = server.process.pid

        def press(mode):
            before, began = cpu(pid), memory(pid, "Rss")
            done = subprocess.run([load, str(server.agents), server.ca(), crowd, str(SECONDS), mode], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise RuntimeError("load %s: %s%s" % (mode, done.stdout, done.stderr))
            result = json.loads(done.stdout)
            return result["answered"], result["answered"] / result["seconds"], (cpu(pid) - before) / result["answered"] * 1e6, began

        small = memory(pid, "Rss")
        for mode, name in (("report", "report, nothing new"), ("change", "report with new evidence, on disk before the answer"),
                           ("events", "batch of 8 events, on disk before the answer")):
            n, rate, each, _ = press(mode)
            table.add(name + ": server's CPU", "us", each, None, None, n)
            table.add(name + ": answered", "per s", rate, None, None, n)
            table.add(name + ": one core would carry", "per s", 1e6 / each, None, None, n)
        many = os.path.join(server.folder, "many")   # the same identities again: what counts here is connections
        os.mkdir(many)
        for n in range(IDLE):
            os.symlink(os.path.join(crowd, str(n % TERMINALS)), os.path.join(many, str(n)))
        before, began = memory(pid, "Rss"), cpu(pid)
        with subprocess.Popen([load, str(server.agents), server.ca(), many, "50", "idle"], stdout=subprocess.PIPE, text=True) as idle:
            lib.wait_for(lambda: connections(server) >= IDLE, 60, 0.2)
            lib.wait_for(lambda: settled(pid), 60, 0.5)
            table.add("first connection and report: server's CPU", "us", (cpu(pid) - began) / IDLE * 1e6, None, None, IDLE)
            high = memory(pid, "Rss")
            lib.wait_for(lambda: memory(pid, "Rss") < high - IDLE, 40, 0.5)   # every half minute the server gives back what handshakes left behind
            table.add("memory per idle connection", "KiB", (memory(pid, "Rss") - before) / IDLE, None, None, IDLE)
            idle.wait()
        table.add("RSS before any load", "KiB", small)
        table.add("RSS after it", "KiB", memory(pid, "Rss"))
        status = server.run("verify").returncode
        table.add("broken chains after it", "count", status, None, 0)
    finally:
        server.remove()
    return table
