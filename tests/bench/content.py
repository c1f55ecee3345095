#!/usr/bin/python3
"""Content of media: hashing as the recorder does it against sha256sum on the same data, same run, medians. content.py BUILD [MIB]"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 7


def build(folder):
    program = os.path.join(folder, "bench", "hash_files")
    os.makedirs(os.path.dirname(program), exist_ok=True)
    subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", "-I.", "-o", program, "tests/bench/hash_files.c", folder + "/lib/libcommon.a",
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
        assert sorted(a.stderr.split("\n")) == sorted(b.stdout.split("\n")), "different sums"
    return statistics.median(ours), statistics.median(theirs)


def main():
    folder, mib = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 256
    program, bad = build(folder), 0
    with tempfile.TemporaryDirectory() as tmp:
        sets = {"one file of %d MiB" % mib: [mib << 20], "2,000 files of 16 KiB": [16384] * 2000}
        for name, sizes in sets.items():
            files = []
            for i, size in enumerate(sizes):
                files.append(os.path.join(tmp, "%s-%d" % (len(sizes), i)))
                with open(files[-1], "wb") as out:
                    out.write(os.urandom(size))
            ours, theirs = compare(program, files)
            rate = theirs / ours
            bad += rate < 0.8
            print("%-24s recorder %.3f s, sha256sum %.3f s: %.2fx (at least 0.80x) %s"
                  % (name, ours, theirs, rate, "ok" if rate >= 0.8 else "TOO SLOW"))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
