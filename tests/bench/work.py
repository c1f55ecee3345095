"""The work of a plug, counted: the agent beside USBGuard in machines whose time is the number of instructions executed (QEMU -icount).

What else the host does is in no figure, so the two can be told apart by less than the table in usb.py can. All of it is in thousands of
instructions, user and kernel. One processor: between the uevent and the decision stands whatever the scheduler puts there, udev among it.
Beside it, exactly and without a machine: what sekimorid executes in user space for a refused stick, by callgrind over plug_loop.c.
An emulated processor clears and copies memory byte by byte where a real one has a fast way, so such work weighs more here.
"""

import contextlib
import os
import re
import subprocess
import tempfile

import usb
from table import Table, median, percentile
from vm import usbredir
from vm.qemu import INSTRUCTION_NS, VM

RUNS = int(os.environ.get("SEKIMORI_BENCH_WORK_RUNS", "11"))
SECONDS = 3  # until nothing of a plug runs any more, of the machine's time


def thousands(ns):
    return ns / INSTRUCTION_NS / 1000


def of_ms(values):
    return [thousands(v * 1e6) for v in values]


def measure(sides, folder, build):
    usb.kernel_part(sides, SECONDS)
    usb.start_usbguard(sides["usbguard"])
    usb.start_sekimori(sides["sekimori"], build)
    for side in sides.values():
        usb.trace_on(side["vm"])
    for what, make, kinds in (("stick", lambda n: usb.stick(folder, n), {"usbguard": ("write",), "sekimori": ("record", "durable")}),
                              ("keyboard", lambda n: usbredir.Keyboard(product="Bench Keyboard %d" % n), dict.fromkeys(sides, ("write", "input")))):
        for name, values in usb.paired(sides, make, RUNS, kinds, SECONDS).items():
            sides[name][what] = values


def rows(table, ours, peer):
    def both(what, a, b, limit=None):
        table.add(what, "k", median(a), median(b) if b is not None else None, limit, len(a))

    def cpu(side, what):
        return [thousands(v) for v in side[what]["cpu"]]

    def udev(side, what):
        return [thousands(v) for v in side[what]["udev"]]
    both("refused stick: daemon, median", cpu(ours, "stick"), cpu(peer, "stick"), 0.5)
    both("refused stick: uevent to decision written, median", of_ms(ours["stick"]["record"]), of_ms(peer["stick"]["write"]), 0.5)
    table.add("refused stick: uevent to decision written, p95", "k", percentile(of_ms(ours["stick"]["record"]), 0.95),
              percentile(of_ms(peer["stick"]["write"]), 0.95), 0.5, RUNS)
    both("refused stick: uevent to decision durable, median", of_ms(ours["stick"]["durable"]), None)
    both("keyboard: daemon, median", cpu(ours, "keyboard"), cpu(peer, "keyboard"))
    kernel = {name: median([thousands(v) for v in side["kernel"]]) for name, side in (("ours", ours), ("peer", peer))}
    table.add("of it the kernel's, configuring the keyboard and starting its drivers", "k", kernel["ours"], kernel["peer"], None, usb.KERNEL_RUNS)
    table.add("keyboard: daemon without the kernel's, median", "k", median(cpu(ours, "keyboard")) - kernel["ours"],
              median(cpu(peer, "keyboard")) - kernel["peer"], 0.5, RUNS)
    both("keyboard: uevent to decision written, median", of_ms(ours["keyboard"]["write"]), of_ms(peer["keyboard"]["write"]), 0.5)
    both("keyboard: uevent to its input device, median", of_ms(ours["keyboard"]["input"]), of_ms(peer["keyboard"]["input"]), 0.5)
    for what in ("stick", "keyboard"):
        both("udev and its helpers per %s, median" % what, udev(ours, what), udev(peer, what))


PLUGS = 20
PARTS = (("the record: text, hash chain, SQLite", ("sk_gate_record",)), ("telling the person, in both languages", ("sk_gate_notify", "sk_attached_sentences")),
         ("what the record says", ("sk_verdict_json",)), ("facts", ("sk_attached_new",)), ("the decision", ("sk_attached_decide",)))


def user_space(table, build):
    """Instructions of a refused stick in user space, and of its parts (inclusive)."""
    loop = os.path.join(build, "tests", "bench", "plug_loop")
    top = os.path.join(usb.HERE, "..", "..")
    subprocess.run(["make", "-s", "BUILD=" + build, loop], cwd=top, check=True)
    with tempfile.TemporaryDirectory(prefix="sekimori-bench-") as folder:
        out = os.path.join(folder, "callgrind")
        subprocess.run(["valgrind", "--tool=callgrind", "--quiet", "--callgrind-out-file=" + out, "--collect-atstart=no", "--toggle-collect=one_plug",
                        loop, os.path.join(folder, "root"), str(PLUGS), os.path.join(top, "policy", "profiles", "default.ini")], check=True)
        text = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--auto=no", "--threshold=100", out], check=True, capture_output=True, text=True).stdout
    spent = {}
    for line in text.splitlines():
        match = re.match(r"\s*([\d,]+) \(.*?\)\s+\S+:(\w+)", line)
        if match:
            spent[match.group(2)] = max(spent.get(match.group(2), 0), int(match.group(1).replace(",", "")))
    table.add("refused stick: sekimorid in user space (callgrind)", "k", spent["one_plug"] / PLUGS / 1000, None, None, PLUGS)
    for what, functions in PARTS:
        table.add("of it " + what, "k", sum(spent[f] for f in functions) / PLUGS / 1000, None, None, PLUGS)


def run(build):
    folder = tempfile.mkdtemp(prefix="sekimori-bench-")
    sides = {name: {"vm": VM(name="work-" + name, counting=True)} for name in ("usbguard", "sekimori")}
    table = Table("work")
    with contextlib.ExitStack() as stack:
        for side in sides.values():
            stack.callback(side["vm"].stop)
            side["vm"].start()
        measure(sides, folder, build)
    rows(table, sides["sekimori"], sides["usbguard"])
    user_space(table, build)
    return table
