#!/usr/bin/python3
"""Content of media: hashing as the recorder does it beside sha256sum on the same data, alternately in one run; and what recording costs who copies to an
approved stick: the same files to the same stick in one virtual machine, with the agent and its recorder and, in turn, with both stopped and the mount left
as it is. The fastest round of each counts, because everything else the host does only ever makes one slower."""

import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")
sys.path.insert(0, os.path.join(TOP, "tests", "system"))

from line import agent_package  # noqa: E402
from table import Table, median  # noqa: E402
from vm.qemu import VM  # noqa: E402

ROUNDS, MIB, LIMIT = 7, 256, 1.25  # at least 0.8 of sha256sum's throughput


def build(folder):
    program = os.path.join(folder, "bench", "hash_files")
    os.makedirs(os.path.dirname(program), exist_ok=True)
    subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", "-I" + TOP, "-o", program, os.path.join(HERE, "hash_files.c"), folder + "/lib/libcommon.a",
                    "-lcrypto", "-lpthread"], check=True)
    return program


def timed(command):
    begin = time.monotonic()
    out = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.monotonic() - begin, out


def compare(program, files):
    ours, theirs = [], []
    for _ in range(ROUNDS):
        seconds, a = timed([program] + files)
        ours.append(seconds)
        seconds, b = timed(["sha256sum"] + files)
        theirs.append(seconds)
        if sorted(a.stderr.split("\n")) != sorted(b.stdout.split("\n")):
            raise AssertionError("different sums")
    return median(ours) * 1000, median(theirs) * 1000


COPY_ROUNDS, COPY_LIMIT = 9, 1.05
FILES, FILE_MIB = 6, 4
POLICY = """[policy]
name = bench
version = 1
zone = internet
mode = enforce
default = deny
[rule keys]
kind = input hub
action = allow
[rule media]
kind = storage
action = allow
access = rw
[grants]
grade_c = rw
[media]
write = plain
on_lock = keep
"""
# Seconds for one copy of the files to the stick, written back. argv: the stick's folder.
COPY = """
import os, shutil, sys, time
where = sys.argv[1]
for n in os.listdir(where):
    os.unlink(os.path.join(where, n))
os.sync()
begin = time.monotonic()
for n in sorted(os.listdir("/dev/shm/files")):
    shutil.copyfile("/dev/shm/files/" + n, os.path.join(where, n))
fd = os.open(where, os.O_RDONLY)
os.fsync(fd)
os.sync()
print(time.monotonic() - begin)
"""


def copying(folder, table):
    subprocess.run(["make", "-s", "BUILD=" + folder, "deb"], cwd=TOP, check=True)
    with VM(name="bench-content") as vm:
        vm.run("mkdir -p /etc/sekimori")
        vm.write("/etc/sekimori/policy.ini", POLICY.encode())
        vm.install_debs(agent_package(folder))
        vm.wait_until("systemctl is-active sekimorid", 60)
        vm.write("/root/copy.py", COPY.encode())
        vm.run("mkdir /dev/shm/files && for n in $(seq %d); do head -c %dM /dev/urandom >/dev/shm/files/$n; done" % (FILES, FILE_MIB))
        stick = vm.plug_storage(size=64 << 20, label="BENCH", serial="BENCHCOPY")
        vm.wait_until("grep -q /run/media/.*BENCH /proc/mounts", 90)
        where = vm.out("awk '/BENCH/ {print $2}' /proc/mounts").split()[0]
        times = {True: [], False: []}
        for number in range(-1, COPY_ROUNDS):
            for recorded in (True, False) if number % 2 else (False, True):
                if recorded:
                    vm.run("systemctl start sekimorid")
                    vm.wait_until("pgrep -x sekimori-record", 60)
                else:
                    vm.run("systemctl stop sekimorid")
                    vm.wait_until("! pgrep -x sekimori-record", 60)
                    assert where in vm.out("cat /proc/mounts"), "the mount did not stay"
                seconds = float(vm.out("python3 /root/copy.py " + where, timeout=180))
                if number >= 0:
                    times[recorded].append(seconds)
        stick.unplug()
    print("copying, seconds: recorded %s; not %s" % tuple(" ".join("%.2f" % s for s in times[way]) for way in (True, False)))
    table.add("copying %d files of %d MiB to an approved stick, recorded; peer: not recorded" % (FILES, FILE_MIB), "ms", min(times[True]) * 1000,
              min(times[False]) * 1000, COPY_LIMIT, COPY_ROUNDS)


def run(folder):
    subprocess.run(["make", "-s", "BUILD=" + folder, folder + "/lib/libcommon.a"], cwd=TOP, check=True)
    program, table = build(folder), Table("content")
    with tempfile.TemporaryDirectory(prefix="sekimori-bench-") as tmp:
        for name, sizes in (("one file of %d MiB" % MIB, [MIB << 20]), ("2,000 files of 16 KiB", [16384] * 2000)):
            files = []
            for i, size in enumerate(sizes):
                files.append(os.path.join(tmp, "%d-%d" % (len(sizes), i)))
                with open(files[-1], "wb") as out:
                    out.write(os.urandom(size))
            ours, theirs = compare(program, files)
            table.add("hashing %s as the recorder does; peer: sha256sum" % name, "ms", ours, theirs, LIMIT, ROUNDS)
    copying(folder, table)
    return table
