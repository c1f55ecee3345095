"""A full posture run beside Lynis and OpenSCAP on the same virtual PC, in one run: processor time, wall time, memory, and what is left over afterwards.

Lynis and OpenSCAP are Debian's own packages, fetched once into the cache of the machine's image. OpenSCAP's content for Debian ends with 11, and a rule of it
looks at /etc/debian_version first: that one pattern is told of 12, in a copy, so that the rules run at all.
"""

import json
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "system"))

from line import agent_package, sekimori  # noqa: E402
from table import Table, median  # noqa: E402
from vm.qemu import VM, build_image  # noqa: E402

RUNS = int(os.environ.get("SEKIMORI_BENCH_RUNS", "3"))
LYNIS_SECONDS = int(os.environ.get("SEKIMORI_BENCH_LYNIS_SECONDS", "1800"))  # on a busy host it takes longer than anybody waits
IDLE_SECONDS = int(os.environ.get("SEKIMORI_BENCH_IDLE_SECONDS", "120"))
PEERS = ["lynis", "openscap-scanner", "ssg-debian"]
CONTENT = "/usr/share/xml/scap/ssg/content/ssg-debian11-ds.xml"
# The rules of that content that ask what a check of ours asks.
RULES = ["no_empty_passwords", "no_empty_passwords_etc_shadow", "accounts_no_uid_except_zero", "accounts_password_all_shadowed",
         "accounts_password_minlen_login_defs", "sudo_remove_nopasswd", "sudo_remove_no_authenticate", "set_iptables_default_rule",
         "service_ufw_enabled", "display_login_attempts", "package_telnetd_removed", "package_nis_removed", "service_auditd_enabled",
         "package_ntp_installed", "package_chrony_installed", "package_rsyslog_installed"]
SAME = ["passwords", "accounts", "login-limits", "firewall", "services", "clock", "logs"]
# What asks the same, by check: rules of OpenSCAP, tests of Lynis (which reports a warning or a suggestion, or nothing).
ALIKE = {
    "passwords": (["accounts_password_minlen_login_defs", "no_empty_passwords", "no_empty_passwords_etc_shadow", "accounts_password_all_shadowed"],
                  ["AUTH-9262", "AUTH-9283", "AUTH-9230"]),
    "accounts": (["accounts_no_uid_except_zero", "sudo_remove_nopasswd", "sudo_remove_no_authenticate"], ["AUTH-9204", "AUTH-9250"]),
    "login-limits": (["display_login_attempts"], ["BANN-7126", "AUTH-9408"]),
    "firewall": (["set_iptables_default_rule", "service_ufw_enabled"], ["FIRE-4590", "FIRE-4540"]),
    "services": (["package_telnetd_removed", "package_nis_removed"], ["NETW-3012", "INSE-8322"]),
    "clock": (["package_ntp_installed", "package_chrony_installed"], ["TIME-3104", "TIME-3185"]),
    "logs": (["package_rsyslog_installed", "service_auditd_enabled"], ["LOGG-2130", "LOGG-2138", "ACCT-9628"]),
    "updates": ([], ["PKGS-7392", "PKGS-7390", "KRNL-5830"]),
    "disk-encryption": ([], ["CRYP-7930"]),
    "antivirus": ([], ["MALW-3280", "HRDN-7230"]),
}
PROBE = "/usr/lib/sekimori/sekimori-probe"
ANSWER = "/var/lib/sekimori/updates.answer"


def say(text):
    print("posture: " + text, file=sys.stderr, flush=True)


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
    return json.loads(vm.out(["/run/measure", *command], timeout=timeout))


def cpu_of(vm, unit):
    text = vm.out("cat /sys/fs/cgroup/system.slice/%s/cpu.stat" % unit)
    return int(re.search(r"usage_usec (\d+)", text).group(1)) / 1e6


def prepare(vm, build):
    say("installing")
    vm.install_debs(agent_package(build))
    program = os.path.join(build, "bench-measure")
    subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", "-static", "-o", program, os.path.join(HERE, "run_measured.c")], check=True)
    vm.push(program, "/run/measure", mode=0o755)
    vm.run("mkdir -p /var/tmp/peers")
    for file in peer_packages():
        vm.push(file, "/var/tmp/peers/" + os.path.basename(file).replace("%3a", ""))
    say("peers")
    vm.run("dpkg -i /var/tmp/peers/*.deb", timeout=300)
    vm.run("sed 's/\\^11\\.\\[0-9\\]+\\$/^12.[0-9]+$/' %s >/var/tmp/content.xml" % CONTENT, timeout=60)
    vm.wait_until("systemctl is-active sekimorid", 60)
    say("first run")
    sekimori(vm, "check", timeout=180)  # the first run after the start is over


def ours(vm, before=None):
    """Everything the unit burns (daemon, probes, nft, apt-get where it is asked) and the command that asks for it."""
    if before:
        vm.run(before)
    began = cpu_of(vm, "sekimorid.service")
    asked = measure(vm, "sekimori", "check", "--refresh")
    return {"cpu": cpu_of(vm, "sekimorid.service") - began + asked["cpu"], "wall": asked["wall"]}


def same(vm):
    return sum(measure(vm, "sekimori", "check", name, "--refresh")["wall"] for name in SAME)


def probes(vm):
    """Each probe alone, with what it starts, by check."""
    found = {}
    for name in [c["id"] for c in sekimori(vm, "check")[1]["checks"]]:
        found[name] = measure(vm, PROBE, name, "socket=/run/clamav/clamd.ctl", "services=login gdm-password lightdm sddm",
                              "forbidden=telnet.socket", "homes=1", "base=1")
    return found


def switches(vm):
    return int(vm.out("cat /proc/$(pidof sekimorid)/task/*/status | awk '/ctxt_switches/ {n += $2} END {print n}'"))


def idle(vm):
    """Context switches of sekimorid a minute and its share of one processor while nothing happens; no check falls due."""
    time.sleep(75)  # what followed the last change has gone
    before, used = switches(vm), cpu_of(vm, "sekimorid.service")
    began = float(vm.out("cut -d' ' -f1 /proc/uptime"))
    time.sleep(IDLE_SECONDS)
    after, spent = switches(vm), cpu_of(vm, "sekimorid.service") - used
    passed = float(vm.out("cut -d' ' -f1 /proc/uptime")) - began
    return (after - before) * 60 / passed, 100 * spent / passed


def run_lynis(vm):
    """Once, as a unit, whose processor time can be read while it runs: one that was not done in time counts with what it had used, which is less than all."""
    began = time.monotonic()
    vm.run("systemd-run -q --unit bench-lynis -p RemainAfterExit=yes -p CPUAccounting=yes lynis audit system --quick --quiet")
    while vm.out("systemctl show -p SubState --value bench-lynis") == "running" and time.monotonic() - began < LYNIS_SECONDS:
        time.sleep(2)
    wall = time.monotonic() - began
    done = vm.out("systemctl show -p SubState --value bench-lynis") != "running"
    used = int(vm.out("systemctl show -p CPUUsageNSec --value bench-lynis")) / 1e9
    say("lynis %.1f s of processor in %.0f s%s" % (used, wall, "" if done else ", not done"))
    vm.run("systemctl stop bench-lynis; true", timeout=60)
    return {"cpu": used, "wall": wall, "done": done}


def oscap_command(*more):
    rules = [part for rule in RULES for part in ("--rule", "xccdf_org.ssgproject.content_rule_" + rule)]
    return ["oscap", "xccdf", "eval", *more, *rules, "/var/tmp/content.xml"]


def verdicts(vm, out):
    """The three verdicts side by side, of this one machine: the figures' other half. Printed, and kept beside them. Of a Lynis that was not done, no word."""
    states = {c["id"]: c["state"] for c in sekimori(vm, "check")[1]["checks"]}
    results = dict(re.findall(r'<rule-result[^>]*content_rule_(\w+)"[^>]*>\s*<result>(\w+)', vm.read("/var/tmp/results.xml").decode()))
    report = vm.run("cat /var/log/lynis-report.dat", check=False)[1]
    said = {m[1]: m[0] for m in re.findall(r"^(warning|suggestion)\[\]=([A-Z]+-[0-9]+)", report, re.M)}
    table = {name: {"ours": states.get(name), "oscap": {rule: results.get(rule, "not run") for rule in rules},
                    "lynis": {test: said.get(test, "nothing") for test in tests}} for name, (rules, tests) in ALIKE.items()}
    for name, row in table.items():
        say("%-16s %-14s %s" % (name, row["ours"], ", ".join("%s %s" % pair for pair in [*row["oscap"].items(), *row["lynis"].items()])))
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "posture-verdicts.json"), "w") as file:
        json.dump(table, file, indent=1)
        file.write("\n")


def run(build):
    vm = VM(name="bench-posture")
    vm.start()
    try:
        prepare(vm, build)
        own, asking, alike, oscap = [], [], [], []
        for _ in range(RUNS):  # in turn, so that the host's other work falls on all of them
            own.append(ours(vm))
            alike.append(same(vm))
            asking.append(ours(vm, "rm -f " + ANSWER))
            say("ours %.2f s, asking apt %.2f s" % (own[-1]["cpu"], asking[-1]["cpu"]))
            oscap.append(measure(vm, *oscap_command("--results", "/var/tmp/results.xml")))
            say("oscap %.2f s wall" % oscap[-1]["wall"])
        alone = probes(vm)
        lynis = run_lynis(vm)
        vm.run("rm -f " + ANSWER)
        apt = measure(vm, PROBE, "updates")
        verdicts(vm, os.path.join(build, "bench"))
        say("idle")
        wakeups, share = idle(vm)
        daemon = int(vm.out("awk '/VmHWM/ {print $2}' /proc/$(pidof sekimorid)/status")) / 1024
    finally:
        vm.stop()
    for name, one in sorted(alone.items(), key=lambda item: -item[1]["cpu"]):
        say("%-20s %7.1f ms of processor, %5.1f MB" % (name, one["cpu"] * 1000, one["rss"]))
    table = Table("posture")
    o = {key: median([one[key] for one in oscap]) for key in ("cpu", "wall", "rss")}
    audit = "lynis audit system" + ("" if lynis["done"] else ", not done after %d s" % LYNIS_SECONDS)
    table.add("full posture run, processor time (peer: %s)" % audit, "s", median([x["cpu"] for x in own]), lynis["cpu"], 1 / 20, RUNS)
    table.add("the checks that oscap has rules for, wall time (peer: those rules)", "s", median(alike), o["wall"], 1 / 5, RUNS)
    table.add("full posture run, wall time (peer: lynis)", "s", median([x["wall"] for x in own]), lynis["wall"], None, RUNS)
    table.add("the same when apt has to be asked, processor time", "s", median([x["cpu"] for x in asking]), lynis["cpu"], None, RUNS)
    table.add("peak RSS of a probe and what it starts, apt-get apart", "MB", max(x["rss"] for x in alone.values()), None, 16)
    table.add("peak RSS of sekimorid", "MB", daemon, None, 16)
    table.add("peak RSS of apt-get when it has to be asked", "MB", apt["rss"])
    table.add("peak RSS, oscap", "MB", o["rss"])
    table.add("wakeups per idle minute, all watchers", "count", wakeups, None, 12)
    table.add("processor, idle, all watchers", "%", share, None, 0.1)
    return table
