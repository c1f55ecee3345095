#!/usr/bin/python3
"""Run the system tests: tests/system/test_*.py, each on a virtual staff PC.

    run.py [--selftest] [--debs DIR] [--require-debs] [--log DIR] [--list]
           [-k TEXT] [--queue FILE | MODULE ...]

Conventions are in README.md beside this file. Prints a line for each test and
closes with "N passed, N failed, N skipped"; exit status 1 when any failed.
"""

import argparse
import fcntl
import fnmatch
import glob
import importlib
import json
import os
import signal
import sys
import time
import traceback
from xml.sax.saxutils import quoteattr, escape

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)

from vm.qemu import VM, SCALE, newest_debs  # noqa: E402
from vm.channels import VMError  # noqa: E402
from vm.testing import Skip  # noqa: E402


class TestTimeout(Exception):
    pass


def with_limit(seconds, function, *arguments):
    """Call a function, but not for longer than seconds."""
    def ring(signum, frame):
        raise TestTimeout("not done after %d s" % seconds)
    old = signal.signal(signal.SIGALRM, ring)
    signal.alarm(max(1, int(seconds)))
    try:
        return function(*arguments)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)


class Runner:
    def __init__(self, options):
        self.options = options
        self.results = []          # (name, outcome, reason, seconds)
        self.snapshots = {}        # machines with packages installed, by what is on them
        os.makedirs(options.log, exist_ok=True)

    # ------------------------------------------------------------ lines

    def report(self, name, outcome, reason="", seconds=0.0):
        self.results.append((name, outcome, reason, seconds))
        line = "%-4s %s" % (outcome, name)
        if reason:
            line += " (%s)" % reason.strip().splitlines()[0][:300]
        print(line + ("  [%.1f s]" % seconds if seconds >= 0.1 else ""), flush=True)

    def keep(self, name, text):
        with open(os.path.join(self.options.log, name + ".log"), "w", errors="replace") as file:
            file.write(text)

    def write_junit(self):
        with open(os.path.join(self.options.log, "junit%s.xml" % ("-%d" % os.getpid() if self.options.queue else "")), "w") as out:
            failed = sum(1 for r in self.results if r[1] == "FAIL")
            out.write('<testsuite name="system" tests="%d" failures="%d">\n'
                      % (len(self.results), failed))
            for name, outcome, reason, seconds in self.results:
                module, _, case = name.partition(".")
                out.write('<testcase classname=%s name=%s time="%.2f">'
                          % (quoteattr(module), quoteattr(case), seconds))
                clean = "".join(c for c in reason if c >= " " or c in "\n\t")
                if outcome == "FAIL":
                    out.write("<failure>%s</failure>" % escape(clean))
                elif outcome == "skip":
                    out.write("<skipped message=%s/>" % quoteattr(clean))
                out.write("</testcase>\n")
            out.write("</testsuite>\n")

    # --------------------------------------------------------- machines

    def packages(self, module):
        return newest_debs(self.options.debs, getattr(module, "PACKAGES", ("sekimori-agent",)))

    def machine(self, module):
        """A running machine as the module wants it."""
        options = dict(getattr(module, "VM_OPTIONS", {}))
        options.setdefault("name", module.__name__)
        options["logfile"] = os.path.join(self.options.log, module.__name__ + ".serial")
        if not getattr(module, "AGENT", True):
            return VM(**options).start()
        debs = self.packages(module)
        special = {k: v for k, v in options.items() if k not in ("name", "logfile", "forwards", "clock")}
        if any(special.get(k) for k in ("append", "initrd", "sd", "restore")):
            vm = VM(**options).start()
            vm.install_debs(debs)
            return vm
        key = json.dumps([special, debs], sort_keys=True, default=str)
        if key not in self.snapshots:
            vm = VM(**dict(options, forwards={})).start()
            try:
                began = time.monotonic()
                text = vm.install_debs(debs)
                vm.wait_idle(30)
                self.keep("install", text)
                self.snapshots[key] = vm.save_state()
                print("     packages installed in %.1f s" % (time.monotonic() - began), flush=True)
            finally:
                vm.stop()
        return VM(**dict(options, restore=self.snapshots[key])).start()

    def tidy(self, vm):
        """What a test left in the ports must not disturb the next one."""
        for device in reversed(list(vm.devices)):
            try:
                device.unplug()
            except VMError:
                return False
        return vm.alive()

    def post_mortem(self, name, vm, trace):
        text = trace
        if vm is not None and vm.alive():
            for title, command in (
                    ("dmesg", "dmesg | tail -60"),
                    ("journal", "journalctl --no-pager -o short-precise -n 150"),
                    ("units", "systemctl --no-pager --failed; systemctl --no-pager status 'sekimori*'"),
                    ("usb", "lsusb -t; grep . /sys/bus/usb/devices/*/authorized"),
                    ("block", "lsblk -a")):
                try:
                    text += "\n--- %s\n%s" % (title, "".join(
                        str(p) for p in vm.run(command, check=False, timeout=20)[1:]))
                except Exception as error:
                    text += "\n--- %s: %s\n" % (title, error)
                    break
        if vm is not None and vm.tmp is not None:
            text += "\n--- serial console\n" + vm.serial_tail(60)
        self.keep(name, text)

    # ------------------------------------------------------------ tests

    def one(self, name, function, vm, limit):
        began = time.monotonic()
        try:
            with_limit(limit * SCALE, function, vm)
            self.report(name, "ok", "", time.monotonic() - began)
            return True
        except Skip as reason:
            self.report(name, "skip", str(reason))
            return True
        except Exception as error:
            seconds = time.monotonic() - began
            trace = traceback.format_exc()
            last = [f for f in traceback.extract_tb(error.__traceback__)
                    if not f.filename.startswith(os.path.join(HERE, "vm") + os.sep)
                    or f.filename.endswith("selftest.py")]
            where = " at %s:%d" % (os.path.basename(last[-1].filename), last[-1].lineno) if last else ""
            self.report(name, "FAIL", "%s%s: %s" % (type(error).__name__, where,
                                                   str(error).strip() or "assertion failed"), seconds)
            self.post_mortem(name, vm, trace)
            return False

    def module(self, name):
        short = name.split(".")[-1]
        try:
            module = importlib.import_module(name)
        except Exception:
            self.report(short, "FAIL", traceback.format_exc().strip().splitlines()[-1])
            self.keep(short, traceback.format_exc())
            return
        tests = [(key, value) for key, value in vars(module).items()
                 if key.startswith("test_") and callable(value)]
        tests = [t for t in tests if self.options.k in short + "." + t[0]]
        if not tests:
            return
        if getattr(module, "AGENT", True) and not self.packages(module):
            outcome = "FAIL" if self.options.require_debs else "skip"
            for key, _ in tests:
                self.report(short + "." + key, outcome, "no packages in %s, make deb builds them"
                            % os.path.relpath(self.options.debs))
            return
        isolate = getattr(module, "ISOLATE", False)
        limit = getattr(module, "TIMEOUT", 180)
        vm = None
        try:
            for key, function in tests:
                full = short + "." + key
                if vm is None:
                    try:
                        vm = self.machine(module)
                        if hasattr(module, "setup_module"):
                            with_limit(limit * SCALE, module.setup_module, vm)
                    except Skip as reason:
                        self.report(full, "skip", str(reason))
                        vm = self.end(module, vm)
                        continue
                    except Exception as error:
                        self.report(full, "FAIL", "no machine: %s" % error)
                        self.post_mortem(full, vm, traceback.format_exc())
                        vm = self.end(module, vm)
                        continue
                self.one(full, function, vm, getattr(function, "timeout", limit))
                if isolate or not self.tidy(vm):
                    vm = self.end(module, vm)
        finally:
            self.end(module, vm)

    def end(self, module, vm):
        if vm is not None:
            if hasattr(module, "teardown_module"):
                try:
                    module.teardown_module(vm)
                except Exception as error:
                    print("     teardown: %s" % error, flush=True)
            vm.stop()
        return None

    def close(self):
        for snapshot in self.snapshots.values():
            snapshot.remove()


def take(queue):
    """The next module's name of a queue that other runners take from too; None when it is empty."""
    with open(queue, "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        first, _, rest = file.read().partition("\n")
        file.seek(0)
        file.truncate()
        file.write(rest)
    return first or None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("modules", nargs="*", help="names or patterns of test modules")
    parser.add_argument("--selftest", action="store_true", help="test the harness itself")
    parser.add_argument("--debs", default=os.path.join(TOP, "build", "deb"))
    parser.add_argument("--require-debs", action="store_true",
                        help="missing packages are a failure, not a skip")
    parser.add_argument("--log", default=os.path.join(TOP, "build", "system"))
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--queue", metavar="FILE", help="module names, a line each; runners that share it take them in turn")
    parser.add_argument("-k", default="", metavar="TEXT", help="only tests whose name contains TEXT")
    options = parser.parse_args()
    options.debs = os.path.abspath(options.debs)

    names = sorted(os.path.basename(p)[:-3] for p in glob.glob(os.path.join(HERE, "test_*.py")))
    if options.modules:
        patterns = [os.path.basename(m)[:-3] if m.endswith(".py") else m for m in options.modules]
        unknown = [p for p in patterns if not fnmatch.filter(names, p) and p != "selftest"]
        if unknown:
            parser.error("no such test module: " + " ".join(unknown))
        options.selftest |= "selftest" in patterns
        names = [n for n in names if any(fnmatch.fnmatch(n, p) for p in patterns)]
    elif options.selftest:
        names = []
    if options.selftest:
        names.insert(0, "vm.selftest")
    if options.list:
        print("\n".join(names))
        return 0

    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda number, frame: sys.exit(128 + number))
    runner = Runner(options)
    began = time.monotonic()
    try:
        for name in iter(lambda: take(options.queue), None) if options.queue else names:
            runner.module(name)
    finally:
        runner.close()
        runner.write_junit()
    count = {o: sum(1 for r in runner.results if r[1] == o) for o in ("ok", "FAIL", "skip")}
    print("system tests: %.0f s, details of failures in %s"
          % (time.monotonic() - began, os.path.relpath(options.log)))
    print("%d passed, %d failed, %d skipped" % (count["ok"], count["FAIL"], count["skip"]))
    return 1 if count["FAIL"] or not (runner.results or options.queue) else 0


if __name__ == "__main__":
    sys.exit(main())
