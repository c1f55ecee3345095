#!/usr/bin/python3
"""Runs every benchmark, prints its table and writes it to OUT/NAME.json: run.py [--build DIR] [--out DIR] [NAME ...]"""

import argparse
import importlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
ALL = ["usb", "work", "server", "console", "decide", "content", "postgres", "posture"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.path.join(HERE, "..", "..", "build"))
    parser.add_argument("--out", default=os.path.join(HERE, "..", "..", "build", "bench"))
    parser.add_argument("names", nargs="*", default=ALL)
    options = parser.parse_args()
    good = True
    for name in options.names:
        table = importlib.import_module(name).run(os.path.abspath(options.build))
        table.show()
        table.write(options.out)
        good = table.met() and good
    print("\nall limits met" if good else "\nsome limits are not met")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
