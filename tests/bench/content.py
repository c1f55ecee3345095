#!/usr/bin/python3
"""Content of media: hashing as the recorder does it beside sha256sum on the same data, alternately in one run."""

import os
import subprocess
import tempfile
import time

from table import Table, median

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")
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
    return table
