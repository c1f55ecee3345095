#!/usr/bin/python3
"""Runs tests and says what came of them.

    tests/run.py unit --build DIR          every Criterion program of tests/unit, built in DIR/tests/unit
    tests/run.py integration --build DIR   the programs and scripts of tests/integration
    tests/run.py all --build DIR           every stage of `make check`, one after the other

A line for each test that failed (with the end of its log), then `N skipped: reasons` when there are any, and at the end exactly
`N passed, N failed`. The exit status is 1 when anything failed. What was not built, did not start, ran no test or ended before
it said how it went has failed: nothing passes by being absent.
"""
import argparse
import concurrent.futures
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNIT_SECONDS = 300
INTEGRATION_SECONDS = 600
TAIL_LINES = 40
SKIP_STATUS = 77


class Count:
    """How many passed, which failed, what was skipped and why."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.skipped = []

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def close(self):
        if self.skipped:
            print(f"{len(self.skipped)} skipped: " + "; ".join(self.skipped))
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0


def end_group(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def run(command, log, seconds, env=None):
    """Runs command with its output in the file log. Returns the exit status, or a word: why there is none. Whatever it started
    and left behind is ended with it."""
    with open(log, "wb") as out:
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT,
                                       env=env, start_new_session=True)
        except OSError as error:
            return f"cannot be started: {error.strerror}"
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = f"still running after {seconds} s"
            end_group(process, signal.SIGTERM)  # a runner within ends its own groups
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                pass
        finally:
            end_group(process, signal.SIGKILL)
            process.wait()
    return f"ended by signal {-status}" if isinstance(status, int) and status < 0 else status


def read(path):
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def show_tail(log):
    for line in read(log).splitlines()[-TAIL_LINES:]:
        print("    " + line)
    print(f"    (all of it: {os.path.relpath(log, ROOT) if Path(log).is_relative_to(ROOT) else log})", flush=True)


# Criterion

TAP_LINE = re.compile(r"^(not )?ok - (\S+::\S+)(.*)$")


def read_tap(text, name, count):
    """Counts the lines of a TAP report; returns the failed ones. A report with fewer lines than it announced lacks tests."""
    failed = []
    announced = re.search(r"^1\.\.(\d+)$", text, re.MULTILINE)
    seen = 0
    for line in text.splitlines():
        match = TAP_LINE.match(line)
        if not match:
            continue
        seen += 1
        if match[1]:
            failed.append(f"{match[2]}{' (timed out)' if 'timed out' in match[3] else ''}")
        elif "# SKIP" in match[3]:
            count.skipped.append(f"{name} {match[2]} ({match[3].split('# SKIP', 1)[1].strip()})")
        else:
            count.passed += 1
    if not announced or int(announced[1]) == 0:
        failed.append("no test ran")
    elif int(announced[1]) != seen:
        failed.append(f"{int(announced[1]) - seen} of {announced[1]} tests gave no result")
    return failed


def run_criterion(binary, log, prefix=(), env=None, seconds=UNIT_SECONDS):
    """One Criterion program. Returns (Count, list of what failed)."""
    count = Count()
    tap = Path(log).with_suffix(".tap")
    tap.unlink(missing_ok=True)
    if not binary.exists():
        Path(log).write_text("not built\n", encoding="utf-8")
        count.failed = 1
        return count, ["not built"]
    status = run([*prefix, str(binary), f"--tap={tap}", "-j1"], log, seconds, env)
    failed = read_tap(read(tap), binary.name, count)
    if status != 0 and not failed:
        failed.append(f"exit status {status}" if isinstance(status, int) else status)
    elif isinstance(status, str):
        failed.append(status)
    count.failed = len(failed)
    return count, failed


def report(name, failed, log):
    for what in failed:
        print(f"FAIL {name} {what}")
    if failed:
        show_tail(log)


def tests_in(folder, ending):
    return sorted((ROOT / "tests" / folder).glob("test_*" + ending))


def log_folder(build, name):
    folder = build / "check" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def unit(build):
    total = Count()
    logs = log_folder(build, "unit")
    names = [source.stem for source in tests_in("unit", ".c")]
    if not names:
        print("FAIL unit no tests found")
        total.failed = 1
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = {name: pool.submit(run_criterion, build / "tests" / "unit" / name, logs / (name + ".log")) for name in names}
        for name, job in jobs.items():
            count, failed = job.result()
            report(name, failed, logs / (name + ".log"))
            total.add(count)
    return total


# Integration

LINE = re.compile(r"^(ok|FAIL|skip) (\S.*)$")


def count_lines(text, count):
    """Counts lines `ok NAME`, `FAIL NAME`, `skip NAME (reason)`; returns the names that failed."""
    failed = []
    for line in text.splitlines():
        match = LINE.match(line)
        if match and match[1] == "ok":
            count.passed += 1
        elif match and match[1] == "skip":
            count.skipped.append(match[2])
        elif match:
            failed.append(match[2])
    count.failed += len(failed)
    return failed


def run_script(script, log, build):
    """A script counts as one test unless it prints lines of its own for several."""
    count = Count()
    status = run([sys.executable, str(script)], log, INTEGRATION_SECONDS, dict(os.environ, BUILD=str(build)))
    text = read(log)
    if status == SKIP_STATUS:
        last = text.strip().splitlines()
        count.skipped.append(f"{script.name} ({last[-1].strip() if last else 'no reason given'})")
        return count, []
    failed = count_lines(text, count)
    if status != 0 and not failed:
        failed = [f"exit status {status}" if isinstance(status, int) else status]
        count.failed += 1
    elif count.passed + count.failed == 0:
        count.passed = 1
    return count, failed


def needs_umockdev(source):
    return re.search(r"^[ */]*run: umockdev-wrapper\b", read(source), re.MULTILINE) is not None


def integration(build):
    """One after the other: they share ports, the message bus and time."""
    total = Count()
    logs = log_folder(build, "integration")
    env = dict(os.environ, BUILD=str(build))
    for source in tests_in("integration", ".c") + tests_in("integration", ".py"):
        log = logs / (source.name + ".log")
        if source.suffix == ".py":
            count, failed = run_script(source, log, build)
        else:
            prefix = ["umockdev-wrapper"] if needs_umockdev(source) else []
            binary = build / "tests" / "integration" / source.stem
            count, failed = run_criterion(binary, log, prefix, env, INTEGRATION_SECONDS)
        report(source.name, failed, log)
        total.add(count)
    return total


# All stages

def stages(build):
    """(name, arguments of make, further environment, seconds)."""
    result = [
        ("build", ["all"], {}, 1800),
        ("clang-build", ["clang-build"], {}, 1800),
        ("format-check", ["format-check"], {}, 300),
        ("layer-check", ["layer-check"], {}, 300),
        ("size-check", ["size-check"], {}, 300),
        ("po-check", ["po-check"], {}, 300),
        ("unit", ["quickcheck"], {}, 1800),
        ("asan", ["asan"], {}, 3600),
        ("integration", ["integration"], {}, 3600),
        ("fuzz", ["fuzz"], {"FUZZ_SECONDS": os.environ.get("FUZZ_SECONDS", "5")}, 3600),
    ]
    if (ROOT / "tests" / "tools" / "tidy.sh").exists():
        result.append(("tidy", ["tidy"], {}, 3600))
    result += [
        ("valgrind", ["valgrind"], {}, 3600),
        ("deb", ["deb"], {}, 1800),
        # The packages were made a moment ago, or their stage has failed already.
        ("system", ["-o", "deb", "system"], {}, 7200),
    ]
    return result


SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed$", re.MULTILINE)
SKIPPED = re.compile(r"^(\d+) skipped: (.*)$", re.MULTILINE)


def read_stage(text):
    """What a stage's log says about its tests: the closing line of a run.py in it, else its ok, FAIL and skip lines."""
    count = Count()
    summary = SUMMARY.findall(text)
    if summary:
        count.passed, count.failed = (int(number) for number in summary[-1])
        skipped = SKIPPED.findall(text)
        if skipped:
            count.skipped = skipped[-1][1].split("; ")
    else:
        count_lines(text, count)
    return count


def run_stage(name, arguments, env, seconds, build, logs):
    log = logs / (name + ".log")
    clean = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    began = time.monotonic()
    status = run(["make", f"-j{os.cpu_count() or 1}", f"BUILD={build}", *arguments], log, seconds, dict(clean, **env))
    count = read_stage(read(log))
    if status != 0 and count.failed == 0:
        count.failed = 1
    elif count.passed + count.failed + len(count.skipped) == 0:
        count.passed = 1
    took = time.monotonic() - began
    print(f"{'FAIL' if count.failed else 'ok'} {name} ({count.passed} passed, {count.failed} failed, {took:.0f} s)", flush=True)
    if count.failed:
        for line in read(log).splitlines():
            if LINE.match(line) and line.startswith("FAIL"):
                print("  " + line)
        show_tail(log)
    return count


def everything(build):
    total = Count()
    logs = build / "check"
    logs.mkdir(parents=True, exist_ok=True)
    for name, arguments, env, seconds in stages(build):
        count = run_stage(name, arguments, env, seconds, build, logs)
        count.skipped = [f"{name}: {reason}" for reason in count.skipped]
        total.add(count)
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("unit", "integration", "all"))
    parser.add_argument("--build", required=True, help="the folder that make built in")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    build = (ROOT / options.build).resolve()
    kinds = {"unit": unit, "integration": integration, "all": everything}
    return kinds[options.what](build).close()


if __name__ == "__main__":
    sys.exit(main())
