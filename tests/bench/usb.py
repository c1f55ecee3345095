"""The agent beside USBGuard on the same kernel, in one run: decision latency, CPU per event, memory, wakeups, and what got through.

Latency is taken from the kernel's own trace, from the first uevent of the device (kprobe on usb_dev_uevent) on:
  decision written    USBGuard: its first write to the device's `authorized`, also for a block; it comes before the line of its audit log. Sekimori,
                      admitted: the same write. Sekimori, refused: the kernel's default is closed already and nothing is to be written to
                      it; its decision is written when its record is (first write into the journal's log).
  decision durable    Sekimori: the journal's fdatasync has returned. USBGuard never asks for that; its line in the audit log, which the kernel
                      may lose, stands beside it.
  input device        both: the kernel registers the last input device of the keyboard: what a person waits for.
Both machines run at once and every device is plugged into one and then the other, so that what else the host does meets both.
CPU is the daemons' own, user and kernel. Letting a keyboard in makes the kernel configure it and start its drivers in the context of whoever
writes; that part is measured apart (KERNEL_PART: the same writes by a program that decides nothing) and given as a row with and
without it. What udev and its helpers use over the same events is given too: our rules ask a helper, USBGuard has none.
An fdatasync of one page of a grown file in the same machine is measured beside it.
"""

import contextlib
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
KERNEL_RUNS = 11
IDLE_SECONDS = 60


PROBES = {"uevent": "p:sk/uevent usb_dev_uevent", "auth": "p:sk/auth authorized_store", "disk": "p:sk/disk device_add_disk",
          "input": "p:sk/input input_register_device", "fwrite": "p:sk/fwrite ext4_file_write_iter", "synced": "r:sk/synced ext4_sync_file"}


def trace_on(vm):
    """Probes on the few functions that matter; tracing system calls would slow every program of the machine."""
    vm.run("mount -t tracefs tracefs {0} 2>/dev/null; cd {0} && echo 0 >tracing_on; echo >kprobe_events; {1}; echo 1 >events/sk/enable; "
           "echo 4096 >buffer_size_kb; echo 1 >tracing_on".format(TRACE, "; ".join("echo '%s' >>kprobe_events" % p for p in PROBES.values())))


def trace_take(vm):
    """[(comm, seconds, event)] since the last call."""
    text = vm.out("cat {0}/trace; echo >{0}/trace".format(TRACE), timeout=60)
    out = []
    for line in text.splitlines():
        match = re.match(r"\s*(.{1,16})-\d+\s+\[\d+\]\s+\S+\s+([\d.]+):\s+(\w+)", line)
        if match:
            out.append((match.group(1).strip(), float(match.group(2)), match.group(3)))
    return out


def audit_line(events, daemon):
    """USBGuard writes one line at the insertion and one with what it decided: the first after its write to `authorized`."""
    auth = [t for comm, t, what in events if comm.startswith(daemon) and what == "auth"]
    return [t for comm, t, what in events if comm.startswith(daemon) and what == "fwrite" and auth and t > auth[0]]


def latency(events, daemon, kind):
    """Milliseconds from the first uevent, or None when it did not happen."""
    starts = [t for comm, t, what in events if what == "uevent"]
    own = {what: [t for comm, t, w in events if comm.startswith(daemon) and w == what and starts and t >= starts[0]] for what in PROBES}
    hits = {"write": own["auth"][:1], "record": own["fwrite"][:1], "durable": own["synced"][:1], "audit": audit_line(events, daemon)[:1],
            "input": [t for comm, t, w in events if w == "input"][-1:]}[kind]
    return (hits[0] - starts[0]) * 1000 if hits and starts else None


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


def prefer(vm):
    """The host's other work shows as CPU time inside of an emulated machine: both get some preference, where that is allowed."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, vm.process.pid, -5)
        for task in os.listdir("/proc/%d/task" % vm.process.pid):
            os.setpriority(os.PRIO_PROCESS, int(task), -5)


def settle(vm, seconds=1.2):
    time.sleep(seconds)


def udev_ns(vm):
    """CPU that udev, its workers and the helpers of its rules have used."""
    return 1000 * int(vm.out("sed -n 's/^usage_usec //p' /sys/fs/cgroup/system.slice/systemd-udevd.service/cpu.stat"))


def plug_once(side, device, kinds, seconds=1.2):
    """One device, plugged and pulled: {kind: ms or None}, with "cpu" and "udev" in ns and "inputs", how many input devices came."""
    vm, pids = side["vm"], side["pids"]
    trace_take(vm)
    before, udev = cpu_ns(vm, pids), udev_ns(vm)
    plugged = vm.plug_redir(device)
    settle(vm, seconds)
    events = trace_take(vm)
    out = {kind: latency(events, side["daemon"], kind) for kind in kinds}
    out.update(cpu=cpu_ns(vm, pids) - before, udev=udev_ns(vm) - udev, inputs=sum(1 for _, _, what in events if what == "input"))
    plugged.unplug()
    settle(vm, 0.3)
    vm.run("udevadm settle -t 20", check=False)  # the last one's events must not stand in the next one's trace
    return out


def paired(sides, make, count, kinds, seconds=1.2):
    """count devices, each plugged into every side's machine in turn: {side: {kind: values}}. The first loads modules and is not counted."""
    rows = {name: [] for name in sides}
    for number in range(-1, count):
        for name in sides if number % 2 else reversed(list(sides)):
            row = plug_once(sides[name], make(number), kinds[name], seconds)
            if number >= 0:
                rows[name].append(row)
    return {name: {kind: [row[kind] for row in rows[name] if row[kind] is not None] for kind in rows[name][0]} for name in sides}


def stick(folder, number, count_reads=None):
    device = usbredir.StorageDevice(path=os.path.join(folder, "bench.img"), serial="BENCH%04d" % number, product="Bench Stick", size=4 << 20)
    if count_reads is not None:
        count_reads.append(device)
    return device


# As the daemon would, but knowing beforehand: CPU of the writes alone, in ns, one line per keyboard. argv: usbguard | sekimori, how many.
KERNEL_PART = r"""
import os, socket, sys, time
way, count = sys.argv[1], int(sys.argv[2])
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)
s.bind((0, 1))
for n in os.listdir("/sys/bus/usb/devices"):
    if n.startswith("usb"):
        for name, value in (("authorized_default", "0"), ("interface_authorized_default", "1" if way == "usbguard" else "0")):
            open("/sys/bus/usb/devices/%s/%s" % (n, name), "w").write(value)
print("ready", flush=True)
while count:
    m = s.recv(8192).split(b"\0")
    if not m[0].startswith(b"bind@") or b"DEVTYPE=usb_device" not in m:
        continue
    dev = "/sys" + m[0][5:].decode()
    name = dev.rsplit("/", 1)[1]
    used = 0
    for path, value in (("%s/authorized" % dev, b"1"), ("%s/%s:1.0/authorized" % (dev, name), b"1"), ("/sys/bus/usb/drivers_probe", b"%s:1.0" % name.encode())):
        if used and way == "usbguard":
            break
        fd = os.open(path, os.O_WRONLY)
        begin = time.thread_time_ns()
        os.write(fd, value)
        used += time.thread_time_ns() - begin
        os.close(fd)
    print(used, flush=True)
    count -= 1
"""


def kernel_part(sides, seconds=1.2):
    """CPU in ns that the kernel takes in the writer's context when a keyboard is let in, each daemon's way; before any daemon runs."""
    for name, side in sides.items():
        side["vm"].write("/root/kernel-part.py", KERNEL_PART.encode())
        side["vm"].spawn("python3 /root/kernel-part.py %s %d >/root/kernel-part" % (name, KERNEL_RUNS + 1), "kernel-part")
        side["vm"].wait_until("grep -q ready /root/kernel-part", 20)
    for number in range(KERNEL_RUNS + 1):
        for side in sides.values():
            plugged = side["vm"].plug_redir(usbredir.Keyboard(product="Bench Keyboard %d" % number))
            settle(side["vm"], seconds)
            plugged.unplug()
            settle(side["vm"], 0.3)
    for side in sides.values():  # "ready", then the one that loads modules
        side["kernel"] = [int(line) for line in side["vm"].out("cat /root/kernel-part").split()[2:]]


SYNC = """
import os, time
fd = os.open("/var/lib/bench-sync", os.O_RDWR | os.O_CREAT)
os.pwrite(fd, bytes(65536), 0)
os.fsync(fd)
times, cpu = [], []
for i in range(20):
    time.sleep(0.3)
    page = os.urandom(4096)
    begin, used = time.monotonic(), time.thread_time_ns()
    os.pwrite(fd, page, 4096)
    os.fdatasync(fd)
    cpu.append(time.thread_time_ns() - used)
    times.append(time.monotonic() - begin)
print(sorted(times)[10] * 1000, sorted(cpu)[10] / 1e6)
"""


def sync_ms(vm):
    """What the disk alone takes for one durable page: median ms, and of CPU."""
    return [float(v) for v in vm.out("python3 - <<'END'\n%s\nEND" % SYNC, timeout=60).split()]


def idle(sides):
    """Wakeups (context switches of all threads) in a minute in which nothing happens, and PSS in KiB."""
    time.sleep(75)  # the report that follows a change has gone
    before = {name: switches(side["vm"], side["pids"]) for name, side in sides.items()}
    time.sleep(IDLE_SECONDS)
    for name, side in sides.items():
        side["wakeups"] = switches(side["vm"], side["pids"]) - before[name]
        side["pss"] = pss_kib(side["vm"], side["pids"])


RULES = "allow with-interface one-of { 03:*:* }\nallow with-interface equals { 09:00:* }\n"


def start_usbguard(side):
    vm = side["vm"]
    vm.run("systemctl unmask usbguard")
    vm.write("/etc/usbguard/rules.conf", RULES.encode(), 0o600)
    vm.run("systemctl start usbguard", timeout=120)
    vm.wait_until("systemctl is-active usbguard", 60)
    side["daemon"] = "usbguard"
    side["pids"] = pids_of(vm, ["usbguard"])


def start_sekimori(side, build):
    vm = side["vm"]
    vm.install_debs(agent_package(build))
    vm.wait_until("systemctl is-active sekimorid", 60)
    side["daemon"] = "sekimorid"
    side["pids"] = pids_of(vm, ["sekimorid"])
    # The checks of the terminal run 20 s after the start and every few hours: not while devices are plugged in here.
    time.sleep(25)
    vm.wait_until("! pgrep -f '[s]ekimori-probe'", 90)


def go_online(side, server):
    vm = side["vm"]
    code, out, err = enrol(vm, server)
    if code != 0:
        raise AssertionError(out + err)
    end = time.monotonic() + 90
    while sekimori(vm, "status")[1]["uplink"]["state"] != "online":
        if time.monotonic() > end:
            raise AssertionError("the uplink does not come up")
        time.sleep(1)
    time.sleep(45)  # the checks that follow are over
    side["pids"] = pids_of(vm, ["sekimorid", "sekimori-uplink"])


def measure(sides, folder, build, server):
    peer, ours = sides["usbguard"], sides["sekimori"]
    kernel_part(sides)
    start_usbguard(peer)
    start_sekimori(ours, build)
    for side in sides.values():
        trace_on(side["vm"])
    # What USBGuard does too: decide, enforce, record, on this terminal alone.
    for what, make, kinds in (("stick", lambda n: stick(folder, n), {"usbguard": ("write", "audit"), "sekimori": ("record", "durable")}),
                              ("keyboard", lambda n: usbredir.Keyboard(product="Bench Keyboard %d" % n), dict.fromkeys(sides, ("write", "input")))):
        for name, values in paired(sides, make, RUNS, kinds).items():
            sides[name][what] = values
    ours["sync"] = sync_ms(ours["vm"])
    go_online(ours, server)
    ours["reported"] = paired({"sekimori": ours}, lambda n: stick(folder, 500 + n), 8, {"sekimori": ("record",)})["sekimori"]["cpu"]
    for side in sides.values():
        side["vm"].run("echo 0 >%s/tracing_on" % TRACE)
    idle(sides)
    ours["nodes"], ours["reads"], ours["growth"] = refused(ours["vm"], folder)


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


def latency_rows(table, ours, peer):
    def both(what, a, b, limit):
        table.add(what + ", median", "ms", median(a), median(b), limit, len(a))
        table.add(what + ", p95", "ms", percentile(a, 0.95), percentile(b, 0.95), limit, len(a))
    both("refused stick: uevent to decision written", ours["stick"]["record"], peer["stick"]["write"], 0.5)
    both("refused stick: uevent to decision durable (peer: line of its log, not durable)", ours["stick"]["durable"], peer["stick"]["audit"], None)
    both("keyboard: uevent to decision written", ours["keyboard"]["write"], peer["keyboard"]["write"], 0.5)
    both("keyboard: uevent to its input device", ours["keyboard"]["input"], peer["keyboard"]["input"], 0.5)
    table.add("keyboard: times its input device came, most", "count", max(ours["keyboard"]["inputs"]), max(peer["keyboard"]["inputs"]), None, RUNS)
    table.add("fdatasync of one page in the same machine, median", "ms", ours["sync"][0])


def cpu_rows(table, ours, peer):
    """An emulated processor that the host takes away goes on counting: the least of the runs is the one that was disturbed least."""
    def ms(values):
        return median(values) / 1e6

    def least(values):
        return min(values) / 1e6
    table.add("CPU per refused stick, least of the runs", "ms", least(ours["stick"]["cpu"]), least(peer["stick"]["cpu"]), 0.5, RUNS)
    table.add("CPU per admitted keyboard, least of the runs", "ms", least(ours["keyboard"]["cpu"]), least(peer["keyboard"]["cpu"]), None, RUNS)
    table.add("CPU per refused stick, median", "ms", ms(ours["stick"]["cpu"]), ms(peer["stick"]["cpu"]), 0.5, RUNS)
    table.add("of it fdatasync of one page, which USBGuard does without", "ms", ours["sync"][1], None, None, 20)
    table.add("CPU per admitted keyboard, median", "ms", ms(ours["keyboard"]["cpu"]), ms(peer["keyboard"]["cpu"]), None, RUNS)
    table.add("of it the kernel's, configuring the keyboard and starting its drivers", "ms", ms(ours["kernel"]), ms(peer["kernel"]), None, KERNEL_RUNS)
    for name, of in (("median", ms), ("least of the runs", least)):
        own, other = (of(side["keyboard"]["cpu"]) - of(side["kernel"]) for side in (ours, peer))
        # Two figures of a disturbed host may leave less than nothing: then there is no ratio.
        table.add("CPU per admitted keyboard without the kernel's, %s" % name, "ms", own, other, 0.5 if own > 0 and other > 0 else None, RUNS)
    for what in ("stick", "keyboard"):
        table.add("udev and its helpers' CPU per %s, median" % what, "ms", ms(ours[what]["udev"]), ms(peer[what]["udev"]), None, RUNS)
    table.add("CPU per refused stick when it is also reported to the server, both programs, median", "ms", ms(ours["reported"]), None, None, 8)


def run(build):
    folder = tempfile.mkdtemp(prefix="sekimori-bench-")
    sides = {name: {"vm": VM(name="bench-" + name)} for name in ("usbguard", "sekimori")}
    server = Server(build)
    try:
        server.people()
        server.start()
        for side in sides.values():
            side["vm"].start()
            prefer(side["vm"])
        measure(sides, folder, build, server)
    finally:
        for side in sides.values():
            side["vm"].stop()
        server.remove()
    ours, peer = sides["sekimori"], sides["usbguard"]
    table = Table("usb")
    latency_rows(table, ours, peer)
    cpu_rows(table, ours, peer)
    table.add("PSS, sekimorid + sekimori-uplink", "MB", ours["pss"] / 1024, None, 9.0)
    table.add("PSS, USBGuard beside it", "MB", peer["pss"] / 1024)
    table.add("wakeups per idle minute, both programs", "count", ours["wakeups"], None, 12)
    table.add("wakeups per idle minute, USBGuard", "count", peer["wakeups"])
    table.add("block nodes over %d refused plug-ins" % REFUSED, "count", ours["nodes"], None, 0, REFUSED)
    table.add("reads counted by the sticks over %d refused plug-ins" % REFUSED, "count", ours["reads"], None, 0, REFUSED)
    table.add("growth of sekimorid's PSS over them", "KiB", ours["growth"], None, None, REFUSED)
    return table
