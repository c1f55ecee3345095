"""A full posture run beside Lynis and OpenSCAP on the same virtual PC, in one run: processor time, wall time, memory, and what is left over afterwards.

Lynis and OpenSCAP are Debian's own packages, fetched once into the cache of the machine's image. OpenSCAP's content for Debian ends with 11, and a rule of it
looks at /etc/debian_version first: that one pattern is told of 12, in a copy, so that the rules run at all.
"""

import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "system"))

from line import agent_package, sekimori  # noqa: E402
from table import Table, median  # noqa: E402
from vm.qemu import VM, build_image  # noqa: E402

RUNS = int(os.environ.get("SEKIMORI_BENCH_RUNS", "3"))
PEERS = ["lynis", "openscap-scanner", "ssg-debian"]
CONTENT = "/usr/share/xml/scap/ssg/content/ssg-debian11-ds.xml"
# The rules of that content that ask what a check of ours asks.
RULES = ["no_empty_passwords", "no_empty_passwords_etc_shadow", "accounts_no_uid_except_zero", "accounts_password_all_shadowed",
         "accounts_password_minlen_login_defs", "sudo_remove_nopasswd", "sudo_remove_no_authenticate", "set_iptables_default_rule",
         "service_ufw_enabled", "display_login_attempts", "package_telnetd_removed", "package_nis_removed", "service_auditd_enabled",
         "package_ntp_installed", "package_chrony_installed", "package_rsyslog_installed"]
SAME = ["passwords", "accounts", "login-limits", "firewall", "services", "clock", "logs"]

MEASURE = r'''
import json, os, resource, subprocess, sys, time
before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
with open(os.devnull, "r+") as null:
    subprocess.run(sys.argv[1:], stdin=null, stdout=null, stderr=null)
after = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"wall": time.monotonic() - began, "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, "rss": after.ru_maxrss / 1024}))
'''


def peer_packages():
    """Files of the peers' packages with what they need and the image lacks."""
    image = build_image()
    folder = os.path.join(os.path.dirname(image), "peers")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(image, "packages.txt")) as text:
        have = {line.split("\t")[0].split(":")[0] for line in text}
    tree = subprocess.run(["apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks",
                           "--no-replaces", "--no-enhances", *PEERS], check=True, capture_output=True, text=True).stdout
    wanted = sorted({line for line in tree.split("\n") if re.match(r"[a-z0-9]", line)} - have - {"libelogind0"})
    missing = [name for name in wanted if not any(file.startswith(name + "_") for file in os.listdir(folder))]
    if missing:
        subprocess.run(["apt-get", "download", "-qq", *missing], check=True, cwd=folder, stderr=subprocess.DEVNULL)
    return [os.path.join(folder, file) for file in sorted(os.listdir(folder)) if file.split("_")[0] in wanted]


def measure(vm, *command, timeout=900):
    return json.loads(vm.out(["python3", "/run/measure.py", *command], timeout=timeout))


def cpu_of(vm, unit):
    text = vm.out("cat /sys/fs/cgroup/system.slice/%s/cpu.stat" % unit)
    return int(re.search(r"usage_usec (\d+)", text).group(1)) / 1e6


def prepare(vm, build):
    vm.install_debs(agent_package(build))
    vm.run("mkdir -p /var/tmp/peers")
    for file in peer_packages():
        vm.push(file, "/var/tmp/peers/" + os.path.basename(file).replace("%3a", ""))
    vm.run("dpkg -i /var/tmp/peers/*.deb", timeout=300)
    vm.run("sed 's/\\^11\\.\\[0-9\\]+\\$/^12.[0-9]+$/' %s >/var/tmp/content.xml" % CONTENT, timeout=60)
    vm.write("/run/measure.py", MEASURE.encode())
    vm.wait_until("systemctl is-active sekimorid", 60)
    sekimori(vm, "check", timeout=180)  # the first run after the start is over


def ours(vm):
    """Everything the unit burns (daemon, probes, apt-get, nft) and the command that asks for it."""
    before = cpu_of(vm, "sekimorid.service")
    asked = measure(vm, "sekimori", "check", "--refresh")
    return {"cpu": cpu_of(vm, "sekimorid.service") - before + asked["cpu"], "wall": asked["wall"]}


def same(vm):
    return sum(measure(vm, "sekimori", "check", name, "--refresh")["wall"] for name in SAME)


def rss(vm):
    """Highest resident memory of a probe and what it starts (MB), by check."""
    found = {}
    for name in [c["id"] for c in sekimori(vm, "check")[1]["checks"]]:
        found[name] = measure(vm, "/usr/lib/sekimori/sekimori-probe", name, "socket=/run/clamav/clamd.ctl",
                              "services=login gdm-password lightdm sddm", "forbidden=telnet.socket")["rss"]
    return found


def oscap_command(*more):
    rules = [part for rule in RULES for part in ("--rule", "xccdf_org.ssgproject.content_rule_" + rule)]
    return ["oscap", "xccdf", "eval", *more, *rules, "/var/tmp/content.xml"]


def run(build):
    vm = VM(name="bench-posture")
    vm.start()
    try:
        prepare(vm, build)
        own = [ours(vm) for _ in range(RUNS)]
        alike = [same(vm) for _ in range(RUNS)]
        memory = rss(vm)
        lynis = measure(vm, "lynis", "audit", "system", "--quick", "--quiet")
        oscap = measure(vm, *oscap_command())
    finally:
        vm.stop()
    table = Table("posture")
    table.add("full posture run, processor time (peer: lynis audit system)", "s", median([o["cpu"] for o in own]), lynis["cpu"], 1 / 20, RUNS)
    table.add("the checks that oscap has rules for, wall time (peer: those rules)", "s", median(alike), oscap["wall"], 1 / 5, RUNS)
    table.add("full posture run, wall time (peer: lynis)", "s", median([o["wall"] for o in own]), lynis["wall"], None, RUNS)
    table.add("peak RSS of a probe, apt-get apart", "MB", max(v for k, v in memory.items() if k != "updates"), None, 16)
    table.add("peak RSS of the probe of updates with apt-get", "MB", memory["updates"])
    table.add("peak RSS, lynis and what it starts", "MB", lynis["rss"])
    table.add("peak RSS, oscap", "MB", oscap["rss"])
    return table
