#!/usr/bin/python3
"""Runs tests and says what came of them.

    tests/run.py unit --build DIR          every Criterion program of tests/unit, built in DIR/tests/unit
    tests/run.py integration --build DIR   the programs and scripts of tests/integration
    tests/run.py all --build DIR           every stage of `make check`, in two lanes

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
import threading
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
        self.failures = []  # a line each, said again at the end

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures

    def close(self):
        if self.skipped:
            print(f"{len(self.skipped)} skipped: " + "; ".join(self.skipped))
        for line in self.failures:
            print(line)
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0


RUNNING = set()  # what `run` has started and not yet ended, for `stop`
STOPPING = threading.Event()


def end_group(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def run(command, log, seconds, env=None):
    """Runs command with its output in the file log. Returns the exit status, or a word: why there is none. Whatever it started
    and left behind is ended with it."""
    if STOPPING.is_set():
        return "stopped"
    with open(log, "wb") as out:
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT,
                                       env=env, start_new_session=True)
        except OSError as error:
            return f"cannot be started: {error.strerror}"
        RUNNING.add(process)
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
            RUNNING.discard(process)
    return f"ended by signal {-status}" if isinstance(status, int) and status < 0 else status


def stop(number, frame):
    """On a signal: whatever runs in either lane is ended, then this program."""
    STOPPING.set()
    mine = list(RUNNING)
    for process in mine:
        end_group(process, signal.SIGTERM)  # a runner within ends its own groups
    end = time.monotonic() + 10
    for process in mine:
        while process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        end_group(process, signal.SIGKILL)
    os._exit(128 + number)


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


# All stages: build and packages first, then two lanes. One virtual machine keeps one core busy, so the system tests start at once in a
# lane of their own; the other lane does what needs no machine, then helps with the modules that are left.

def first_stages():
    """(name, arguments of make, further environment, seconds)."""
    return [("build", ["all"], {}, 1800), ("deb", ["deb"], {}, 1800)]


def host_stages():
    return [
        ("clang-build", ["clang-build"], {}, 1800),
        ("format-check", ["format-check"], {}, 300),
        ("layer-check", ["layer-check"], {}, 300),
        ("size-check", ["size-check"], {}, 300),
        ("po-check", ["po-check"], {}, 300),
        ("unit", ["quickcheck"], {}, 1800),
        ("asan", ["asan"], {}, 3600),
        ("integration", ["integration"], {}, 3600),
        ("fuzz", ["fuzz"], {"FUZZ_SECONDS": os.environ.get("FUZZ_SECONDS", "5")}, 3600),
        ("tidy", ["tidy"], {}, 3600),
        ("valgrind", ["valgrind"], {}, 3600),
    ]


def system_queue(logs):
    """The system tests' modules in a file that both lanes take from, those with most tests first."""
    def tests(path):
        return -len(re.findall(r"^def test_", read(path), re.MULTILINE))
    names = [path.stem for path in sorted(tests_in("system", ".py"), key=tests)]
    queue = logs / "system.queue"
    queue.write_text("".join(name + "\n" for name in names), encoding="utf-8")
    return queue, names


def system_stage(name, queue):
    # The packages were made a moment ago, or their stage has failed already. Beside the other lane everything takes longer.
    lock = os.environ.get("SEKIMORI_VM_LOCK", "/tmp/sekimori-vm.lock")
    env = {"SEKIMORI_VM_LOCK": f"{lock}.{name}", "SEKIMORI_VM_TIMEOUT_SCALE": os.environ.get("SEKIMORI_VM_TIMEOUT_SCALE", "3")}
    return name, ["-o", "deb", "system", f"SYSTEM_ARGS=--queue={queue}"], env, 7200


SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed(?:, \d+ skipped)?$", re.MULTILINE)
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
            count.skipped = [match[2] for match in map(LINE.match, text.splitlines()) if match and match[1] == "skip"]
    else:
        count_lines(text, count)
    return count


def run_stage(name, arguments, env, seconds, build, logs, nothing_is_fine=False):
    log = logs / (name + ".log")
    clean = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    began = time.monotonic()
    status = run(["make", f"-j{os.cpu_count() or 1}", f"BUILD={build}", *arguments], log, seconds, dict(clean, **env))
    count = read_stage(read(log))
    if status != 0 and count.failed == 0:
        count.failed = 1
    elif count.passed + count.failed + len(count.skipped) == 0 and not nothing_is_fine:
        count.passed = 1
    took = time.monotonic() - began
    print(f"{'FAIL' if count.failed else 'ok'} {name} ({count.passed} passed, {count.failed} failed, {took:.0f} s)", flush=True)
    if count.failed:
        lines = [line for line in read(log).splitlines() if LINE.match(line) and line.startswith("FAIL")]
        for line in lines:
            print("  " + line)
        show_tail(log)
        count.failures = [f"FAIL {name}: {line[5:]}" for line in lines] or [f"FAIL {name}: see {log.name}"]
    return count


def lane(some, build, logs):
    """Runs stages one after the other; returns their sum."""
    total = Count()
    for name, arguments, env, seconds in some:
        count = run_stage(name, arguments, env, seconds, build, logs, nothing_is_fine=name == "system-2")
        count.skipped = [f"{name}: {reason}" for reason in count.skipped]
        total.add(count)
    return total


def everything(build):
    logs = build / "check"
    logs.mkdir(parents=True, exist_ok=True)
    total = lane(first_stages(), build, logs)
    queue, names = system_queue(logs)
    if not names:
        print("FAIL system no tests found")
        total.failed += 1
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        lanes = [pool.submit(lane, [system_stage("system", queue)], build, logs),
                 pool.submit(lane, host_stages() + [system_stage("system-2", queue)], build, logs)]
        for job in lanes:
            total.add(job.result())
    if read(queue).strip():
        print("FAIL system not run: " + ", ".join(read(queue).split()))
        total.failed += 1
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("unit", "integration", "all"))
    parser.add_argument("--build", required=True, help="the folder that make built in")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    build = (ROOT / options.build).resolve()
    kinds = {"unit": unit, "integration": integration, "all": everything}
    return kinds[options.what](build).close()


if __name__ == "__main__":
    sys.exit(main())
