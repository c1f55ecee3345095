"""The agent beside USBGuard on the same kernel, in one run: decision latency, CPU per event, memory, wakeups, and what got through.

Latency is taken from the kernel's own trace, from the first uevent of the device (kprobe on usb_dev_uevent) on:
  decision written    USBGuard: its first write to the device's `authorized`, also for a block. Sekimori, admitted: the same write. Sekimori, refused: the
                      kernel's default is closed already and nothing is to be written to it; its decision is written when the record of it is durable
                      (the journal's fdatasync has returned). USBGuard's write leaves no durable record, so this row asks more of us.
  input device        both: the kernel registers the keyboard's input device: what a person waits for.
An fdatasync of one page of a grown file in the same machine is measured beside it.
"""

import os
import re
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "system"))

from line import Server, agent_package, enrol, sekimori  # noqa: E402
from table import Table, median, percentile  # noqa: E402
from vm import usbredir  # noqa: E402
from vm.qemu import VM  # noqa: E402

TRACE = "/sys/kernel/tracing"
RUNS = int(os.environ.get("SEKIMORI_BENCH_RUNS", "25"))
REFUSED = int(os.environ.get("SEKIMORI_BENCH_REFUSED", "200"))
IDLE_SECONDS = 60


def trace_on(vm):
    vm.run("mount -t tracefs tracefs {0} 2>/dev/null; cd {0} && echo 0 >tracing_on; echo >kprobe_events; "
           "echo 'p:sk/uevent usb_dev_uevent' >>kprobe_events; echo 'p:sk/auth authorized_store' >>kprobe_events; "
           "echo 'p:sk/iauth interface_authorized_store' >>kprobe_events; echo 'p:sk/disk device_add_disk' >>kprobe_events; "
           "echo 'p:sk/input input_register_device' >>kprobe_events; "
           "for e in events/sk/uevent events/sk/auth events/sk/iauth events/sk/disk events/sk/input events/syscalls/sys_exit_fdatasync "
           "events/syscalls/sys_exit_fsync; do echo 1 >$e/enable; done; echo 4096 >buffer_size_kb; echo 1 >tracing_on".format(TRACE))


def trace_take(vm):
    """[(comm, seconds, event)] since the last call."""
    text = vm.out("cat {0}/trace; echo >{0}/trace".format(TRACE), timeout=60)
    out = []
    for line in text.splitlines():
        match = re.match(r"\s*(.{1,16})-\d+\s+\[\d+\]\s+\S+\s+([\d.]+):\s+(\w+)", line)
        if match:
            out.append((match.group(1).strip(), float(match.group(2)), match.group(3)))
    return out


NAMES = {"write": ("auth",), "record": ("sys_fdatasync", "sys_fsync", "sys_exit_fdatasync", "sys_exit_fsync"), "input": ("input",)}


def latency(events, daemon, kind):
    """Milliseconds, or None when it did not happen. kind: "write" (the daemon's first authorized_store), "record" (its first fsync), "input" (the
    first input device, whoever registers it)."""
    starts = [t for comm, t, what in events if what == "uevent"]
    if not starts:
        return None
    hits = [t for comm, t, what in events if (kind == "input" or comm.startswith(daemon)) and what in NAMES[kind] and t >= starts[0]]
    return (hits[0] - starts[0]) * 1000 if hits else None


def cpu_ns(vm, pids):
    total = 0
    for pid in pids:
        for line in vm.out("cat /proc/%s/task/*/schedstat" % pid).splitlines():
            total += int(line.split()[0])
    return total


def pss_kib(vm, pids):
    return sum(int(vm.out("sed -n 's/^Pss: *\\([0-9]*\\) kB/\\1/p' /proc/%s/smaps_rollup" % pid)) for pid in pids)


def switches(vm, pids):
    total = 0
    for pid in pids:
        for line in vm.out("grep -h ctxt_switches /proc/%s/task/*/status" % pid).splitlines():
            total += int(line.split()[-1])
    return total


def pids_of(vm, units):
    return [vm.out("systemctl show -p MainPID --value %s" % unit) for unit in units]


def settle(vm, seconds=1.2):
    time.sleep(seconds)


def plug_series(vm, make, count, pids, daemon, kinds):
    """count devices one after the other: latencies in ms by kind, CPU ns per device."""
    values, cpu = {kind: [] for kind in kinds}, []
    for number in range(-1, count):  # the first loads modules, for either daemon: not counted
        device = make(number)
        trace_take(vm)
        before = cpu_ns(vm, pids)
        plugged = vm.plug_redir(device)
        settle(vm)
        events = trace_take(vm)
        used = cpu_ns(vm, pids) - before
        plugged.unplug()
        settle(vm, 0.3)
        if number < 0:
            continue
        cpu.append(used)
        for kind in kinds:
            value = latency(events, daemon, kind)
            if value is not None:
                values[kind].append(value)
    return values, cpu


def stick(folder, number, count_reads=None):
    device = usbredir.StorageDevice(path=os.path.join(folder, "bench.img"), serial="BENCH%04d" % number, product="Bench Stick", size=4 << 20)
    if count_reads is not None:
        count_reads.append(device)
    return device


def series(vm, folder, unit, block_kind):
    """Latency and CPU of one daemon: RUNS sticks, RUNS keyboards."""
    pids, result = pids_of(vm, [unit]), {}
    daemon = unit[:15]
    trace_on(vm)
    values, result["block_cpu"] = plug_series(vm, lambda n: stick(folder, n), RUNS, pids, daemon, (block_kind,))
    result["block"] = values[block_kind]
    values, result["admit_cpu"] = plug_series(vm, lambda n: usbredir.Keyboard(product="Bench Keyboard %d" % n), RUNS, pids, daemon, ("write", "input"))
    result["admit"], result["input"] = values["write"], values["input"]
    vm.run("echo 0 >%s/tracing_on" % TRACE)
    return result


SYNC = """
import os, time
fd = os.open("/var/lib/bench-sync", os.O_RDWR | os.O_CREAT)
os.pwrite(fd, bytes(65536), 0)
os.fsync(fd)
times = []
for i in range(20):
    time.sleep(0.3)
    begin = time.monotonic()
    os.pwrite(fd, os.urandom(4096), 4096)
    os.fdatasync(fd)
    times.append(time.monotonic() - begin)
print(sorted(times)[10] * 1000)
"""


def sync_ms(vm):
    """What the disk alone takes for one durable page: median ms."""
    return float(vm.out("python3 - <<'END'\n%s\nEND" % SYNC, timeout=60))


def idle(vm, units):
    """Wakeups (context switches of all threads) in a minute in which nothing happens, and PSS in KiB."""
    pids = pids_of(vm, units)
    time.sleep(75)  # the report that follows a change has gone
    before = switches(vm, pids)
    time.sleep(IDLE_SECONDS)
    return switches(vm, pids) - before, pss_kib(vm, pids)


def usbguard(folder):
    vm = VM(name="bench-usbguard")
    vm.start()
    try:
        vm.run("systemctl unmask usbguard; printf '%s\\n' 'allow with-interface one-of { 03:*:* }' 'allow with-interface equals { 09:00:* }' "
               ">/etc/usbguard/rules.conf; chmod 600 /etc/usbguard/rules.conf; systemctl start usbguard", timeout=120)
        vm.wait_until("systemctl is-active usbguard", 60)
        time.sleep(5)
        result = series(vm, folder, "usbguard", "write")
        result["wakeups"], result["pss"] = idle(vm, ["usbguard"])
        return result
    finally:
        vm.stop()


def sekimori_run(folder, build):
    server = Server(build)
    vm = VM(name="bench-sekimori")
    try:
        server.people()
        server.start()
        vm.start()
        vm.install_debs(agent_package(build))
        vm.wait_until("systemctl is-active sekimorid", 60)
        time.sleep(5)
        # What USBGuard does too: decide, enforce, record, on this terminal alone.
        result = series(vm, folder, "sekimorid", "record")
        result["sync"] = sync_ms(vm)
        code, out, err = enrol(vm, server)
        if code != 0:
            raise AssertionError(out + err)
        end = time.monotonic() + 90
        while sekimori(vm, "status")[1]["uplink"]["state"] != "online":
            if time.monotonic() > end:
                raise AssertionError("the uplink does not come up")
            time.sleep(1)
        time.sleep(45)  # the first posture run is over
        both = ["sekimorid", "sekimori-uplink"]
        trace_on(vm)
        result["reported_cpu"] = plug_series(vm, lambda n: stick(folder, 500 + n), 8, pids_of(vm, both), "sekimorid", ("record",))[1]
        result["wakeups"], result["pss"] = idle(vm, both)
        result["nodes"], result["reads"], result["growth"] = refused(vm, folder)
        return result
    finally:
        vm.stop()
        server.remove()


def refused(vm, folder):
    """REFUSED sticks, each refused: block nodes ever added, reads counted by the sticks, growth of sekimorid's PSS in KiB."""
    pids = pids_of(vm, ["sekimorid"])
    before = pss_kib(vm, pids)
    vm.run("echo 1 >{0}/tracing_on; echo >{0}/trace".format(TRACE))
    reads = 0
    for number in range(REFUSED):
        device = stick(folder, 1000 + number)
        plugged = vm.plug_redir(device)
        end = time.monotonic() + 10
        while time.monotonic() < end and not decided(vm, "BENCH%04d" % (1000 + number)):
            time.sleep(0.1)
        reads += device.reads
        plugged.unplug()
    nodes = sum(1 for _, _, what in trace_take(vm) if what == "disk")
    return nodes, reads, pss_kib(vm, pids) - before


def decided(vm, serial):
    return any(d["serial"] == serial for d in sekimori(vm, "devices")[1]["devices"])


def run(build):
    folder = tempfile.mkdtemp(prefix="sekimori-bench-")
    peer = usbguard(folder)
    ours = sekimori_run(folder, build)
    table = Table("usb")
    for key, name in (("block", "refused stick: uevent to decision written (ours: durable)"), ("admit", "keyboard: uevent to decision written"),
                      ("input", "keyboard: uevent to its input device")):
        table.add(name + ", median", "ms", median(ours[key]), median(peer[key]), 0.5, len(ours[key]))
        table.add(name + ", p95", "ms", percentile(ours[key], 0.95), percentile(peer[key], 0.95), 0.5, len(ours[key]))
    table.add("fdatasync of one page in the same machine, median", "ms", ours["sync"])
    table.add("CPU per refused stick, median", "ms", median(ours["block_cpu"]) / 1e6, median(peer["block_cpu"]) / 1e6, 0.5, RUNS)
    table.add("CPU per admitted keyboard, median", "ms", median(ours["admit_cpu"]) / 1e6, median(peer["admit_cpu"]) / 1e6, 0.5, RUNS)
    table.add("CPU per refused stick when it is also reported to the server, both programs, median", "ms", median(ours["reported_cpu"]) / 1e6, None, None, 8)
    table.add("PSS, sekimorid + sekimori-uplink", "MB", ours["pss"] / 1024, None, 9.0)
    table.add("PSS, USBGuard beside it", "MB", peer["pss"] / 1024)
    table.add("wakeups per idle minute, both programs", "count", ours["wakeups"], None, 12)
    table.add("wakeups per idle minute, USBGuard", "count", peer["wakeups"])
    table.add("block nodes over %d refused plug-ins" % REFUSED, "count", ours["nodes"], None, 0, REFUSED)
    table.add("reads counted by the sticks over %d refused plug-ins" % REFUSED, "count", ours["reads"], None, 0, REFUSED)
    table.add("growth of sekimorid's PSS over them", "KiB", ours["growth"], None, None, REFUSED)
    return table
