#!/usr/bin/python3
"""The main job, once, for real: a stick is refused, asked for, approved, read, and seen on the manager's page.

    demo.py [--once] [--build DIR]

A real server on loopback, a real kernel in a VM as "a staff PC", nine steps. Each prints what it did and saw. With --once it ends by
itself, exit status 0 or 1; otherwise the console stays up until Ctrl-C.
"""

import argparse
import datetime
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import unicodedata

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from console_client import Forms  # noqa: E402
from line import AGENTS, Server, agent_package, enrol, sekimori  # noqa: E402
from vm import fat, usbredir  # noqa: E402
from vm.qemu import VM  # noqa: E402

WARN_SECONDS = 30


class Failed(Exception):
    pass


def say(text):
    print("    " + text, flush=True)


def head(text):
    print("\n" + text, flush=True)


def expect(condition, seen, wanted):
    say(("ok   " if condition else "FAIL ") + wanted + ("" if condition else "  -- saw: %s" % (seen,)))
    if not condition:
        raise Failed(wanted)


class Demo:
    def __init__(self, build, vm=None):
        """vm: a machine that has the agent's package already (the system tests); None = boot one and install it."""
        self.build, self.given = build, vm
        self.folder = tempfile.mkdtemp(prefix="sekimori-demo-")
        self.server, self.vm = None, vm

    # ------------------------------------------------------------ before

    def prepare(self):
        head("Before: a server with a fresh certificate authority, a staff PC, the agent on it")
        self.server = Server(self.build)
        self.server.people()
        policy = self.policy_text()
        path = os.path.join(self.folder, "policy.ini")
        with open(path, "w", encoding="utf-8") as out:
            out.write(policy)
        self.server.cli("policy", "set", path)
        self.server.start()
        say("server: terminals on 127.0.0.1:%d, console on https://127.0.0.1:%d" % (self.server.agents_port, self.server.console_port))
        if not self.given:
            self.vm = VM(name="demo", fast=False)
            self.vm.start()
            say("staff PC: %s, kernel %s" % (self.vm.out("hostname"), self.vm.out("uname -r")))
            self.vm.install_debs(agent_package(self.build))
        self.vm.wait_until("systemctl is-active sekimorid", 60)
        say("sekimori-agent installed; sekimorid is active")
        code, out, err = enrol(self.vm, self.server)
        expect(code == 0, (code, out, err), "enrolled over TLS with a one-time token")
        self.wait_status(lambda s: s.get("enrolled") and s.get("uplink", {}).get("state") == "online", "online", 60)
        self.wait_status(lambda s: s.get("policy", {}).get("source") == "server", "the server's signed policy in force", 60)
        status = sekimori(self.vm, "status")[1]
        say("device id %s, policy %s version %s" % (status["device_id"], status["policy"]["name"], status["policy"]["version"]))
        self.device_id = status["device_id"]

    def policy_text(self):
        with open(os.path.join(HERE, "..", "..", "policy", "profiles", "internet.ini"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        out, seen = [], False
        for line in lines:
            if line.strip().startswith("warn"):
                line, seen = "warn = %ds" % WARN_SECONDS, True
            out.append(line)
        if not seen:
            at = next((i for i, line in enumerate(out) if line.strip() == "[grants]"), None)
            if at is None:
                out += ["", "[grants]", "warn = %ds" % WARN_SECONDS]
            else:
                out.insert(at + 1, "warn = %ds" % WARN_SECONDS)
        return "\n".join(out) + "\n"

    def wait_status(self, good, what, seconds):
        end = time.monotonic() + seconds
        while True:
            status = sekimori(self.vm, "status")[1]
            if good(status):
                return status
            if time.monotonic() > end:
                raise Failed("%s did not come: %s" % (what, json.dumps(status, ensure_ascii=False)))
            time.sleep(0.3)

    def device(self, pick, seconds=20, what="the device"):
        end = time.monotonic() + seconds
        while True:
            devices = sekimori(self.vm, "devices")[1]["devices"]
            found = [d for d in devices if pick(d)]
            if found:
                return found[0]
            if time.monotonic() > end:
                raise Failed("%s was not listed: %s" % (what, json.dumps(devices)))
            time.sleep(0.2)

    def disks(self):
        return self.vm.out("ls /sys/class/block | grep -c '^sd' || true")

    # ------------------------------------------------------------- steps

    def step1(self):
        head("1. A keyboard is plugged")
        self.keyboard = usbredir.Keyboard()
        self.vm.plug_redir(self.keyboard)
        d = self.device(lambda d: "input" in d["kinds"] and d["verdict"] == "allow", what="the keyboard")
        say("%s %s: %s, rule %s" % (d["device"], d["product"], d["verdict"], d.get("rule")))
        expect(self.types(self.keyboard, "Test Keyboard"), "", "what is typed on it reaches the PC")

    def types(self, keyboard, product):
        """Does the PC's input layer see keys of this keyboard?"""
        node = self.vm.wait_until("for e in /sys/class/input/event*; do grep -q '%s' $e/device/name && basename $e; done | grep ." % product, 10)
        self.vm.spawn("timeout 20 cat /dev/input/%s >/run/typed" % node.split()[-1], "typed")
        self.vm.wait_until("systemctl is-active typed", 10)
        time.sleep(1.0)
        keyboard.type("sekimori")
        try:
            self.vm.wait_until("[ $(stat -c %s /run/typed) -ge 96 ]", 15)
            return True
        except Exception:  # a missing key is the answer, not an error
            return False
        finally:
            self.vm.run("systemctl stop typed; rm -f /run/typed", check=False)

    def step2(self):
        head("2. A USB stick is plugged")
        image = os.path.join(self.folder, "stick.img")
        self.stick = usbredir.StorageDevice(path=image, files={"report.txt": b"quarterly figures\n"}, label="ZEIMU-USB", serial="4C530001230815",
                                            product="Office Stick")
        self.vm.plug_redir(self.stick)
        d = self.device(lambda d: "storage" in d["kinds"], what="the stick")
        self.port = d["device"]
        expect(d["verdict"] == "deny", d, "refused: %s %s, reason %s, rule %s" % (d["device"], d["product"], d["reason"], d.get("rule")))
        time.sleep(2)
        expect(self.disks() == "0", self.disks(), "no block node exists")
        expect(self.stick.reads == 0, self.stick.reads, "the stick itself counted 0 reads")
        code, text, _ = self.vm.run(["sekimori", "explain", self.port], check=False, user="clerk", env={"LANG": "ja_JP.UTF-8"})
        for line in text.strip().splitlines()[:6]:
            say("clerk reads: " + line)
        expect("sekimori request media" in text, text, "the clerk is told why and what to do")

    def step3(self):
        head("3. The clerk asks")
        answer = sekimori(self.vm, "request", "media", "--device", self.port, "--purpose", "決算資料の受け取り", "--access", "ro", "--hours", "1",
                          "--class", "none", "--destination", "税務課内", user="clerk")[1]
        say("request " + answer["id"])
        self.request = answer["id"]

    def step4(self):
        head("4. The section's manager permits, the helpdesk approves and issues (console forms)")
        manager = self.server.console("manager")
        number = self.find_request(manager)
        manager.get("/requests/%s" % number)
        expect("決算資料の受け取り" in manager.page, "", "the manager sees the request %s with its purpose" % number)
        expect(("action", "approve") not in [b for f in Forms(manager.page).forms for b in f["buttons"]], "",
               "and has no button to issue: two steps")
        manager.submit(button=("action", "permit"))
        expect(manager.status == 200, manager.status, "許可する pressed by the section's manager")
        desk = self.server.console("desk")
        desk.get("/requests/%s" % number)
        self.until = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=9))) + datetime.timedelta(minutes=3)
        desk.submit(button=("action", "approve"), access="ro", until=self.until.strftime("%Y-%m-%dT%H:%M"))
        self.approved = time.monotonic()
        expect(desk.status == 200, desk.status, "発行承認 pressed by the helpdesk, read-only until %s" % self.until.strftime("%H:%M"))

    def find_request(self, console):
        end = time.monotonic() + 20
        while True:
            page = console.get("/requests")
            numbers = re.findall(r'href="/requests/(\d+)', page)
            if numbers:
                return numbers[0]
            if time.monotonic() > end:
                raise Failed("the request did not reach the console")
            time.sleep(0.5)

    def step5(self):
        head("5. Within seconds the stick opens read-only, without being plugged again")
        mount = self.vm.wait_until("grep -o '/run/media/[^ ]*' /proc/mounts", 30)
        took = time.monotonic() - self.approved
        say("mounted at %s, %.1f s after the approval" % (mount, took))
        self.opened_after = took
        self.mount = mount.split()[0]
        for e in sekimori(self.vm, "events")[1]["events"][-12:]:
            if e["kind"].split(".")[0] in ("grants", "grant", "medium", "request"):
                say("%s %s" % (datetime.datetime.fromtimestamp(e["time"] / 1000).strftime("%H:%M:%S.%f")[:-3], e["kind"]))
        options = self.vm.out("grep %s /proc/mounts" % self.mount)
        expect(" ro," in options and "nosuid" in options and "nodev" in options and "noexec" in options, options, "options: " + options)
        code, text, err = self.vm.run(["cat", self.mount + "/report.txt"], user="clerk", check=False)
        expect(text == "quarterly figures\n", (text, err), "the clerk reads report.txt")
        expect(not self.vm.ok("touch %s/x" % self.mount, user="clerk"), "", "the clerk cannot write")
        expect(not self.vm.ok("dd if=/dev/zero of=/dev/sda bs=512 count=1 conv=fsync"), "", "not even root writes to the block device")
        expect(self.stick.writes == 0, self.stick.writes, "the stick itself counted 0 writes")

    def step6(self):
        head("6. A keyboard that is also a stick")
        image = os.path.join(self.folder, "composite.img")
        fat.make(image, {"payload.bin": b"x"})
        composite = usbredir.KeyboardStorage(image, serial="COMPOSITE1", product="Composite Keyboard")
        before = self.disks()
        plugged = self.vm.plug_redir(composite)
        d = self.device(lambda d: d["product"] == "Composite Keyboard", what="the composite")
        for i in d["interfaces"]:
            say("interface %s %s: %s (%s)" % (i["number"], i["kind"], i["verdict"], i["reason"]))
        expect(self.types(composite, "Composite Keyboard"), "", "it types")
        expect(self.disks() == before and composite.reads == 0, (self.disks(), composite.reads), "its storage stays shut: no node, 0 reads")
        plugged.unplug()

    def step7(self):
        head("7. Screen lock, disk encryption and antivirus on the PC's page")
        checks = sekimori(self.vm, "check", timeout=180)[1]["checks"]
        for c in checks:
            say("%s %s: %s" % (c["clause"], c["id"], c["state"]))
        manager = self.server.console("manager")
        end = time.monotonic() + 60
        while True:
            # Pages show clause numbers full-width, as the standard prints them.
            page = unicodedata.normalize("NFKC", manager.get("/terminals/%s" % self.device_id))
            if all(("5.1(1)" in page, "4.4(4)" in page, "6.4(2)" in page, "dm-" in page or "vda" in page)):
                break
            if time.monotonic() > end:
                raise Failed("the findings are not on the page")
            time.sleep(1)
        expect(True, "", "the manager's page shows the three findings with clause and evidence")

    def step8(self):
        head("8. The permit runs out while the stick is mounted")
        left = (self.until - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
        say("waiting %d s for its end" % max(0, left))
        self.vm.wait_until("! grep -q %s /proc/mounts" % self.mount, int(max(0, left)) + 40, interval=1)
        events = sekimori(self.vm, "events")[1]["events"]
        kinds = [e["kind"] for e in events]
        expect("grant.warned" in kinds, kinds, "the clerk was warned before")
        expect("medium.unmounted" in kinds and "grant.ended" in kinds, kinds, "unmounted and closed, recorded")
        self.vm.wait_until("[ $(ls /sys/class/block | grep -c '^sd') = 0 ]", 10)
        expect(self.disks() == "0", self.disks(), "the block node is gone")

    def step9(self):
        head("9. The server is stopped, events go on, the server returns")
        self.server.stop(signal.SIGKILL)
        self.vm.unforward(AGENTS)
        for number in range(3):
            stick = usbredir.StorageDevice(path=os.path.join(self.folder, "away%d.img" % number), serial="AWAY%d" % number, product="Away Stick")
            plugged = self.vm.plug_redir(stick)
            self.device(lambda d: d["serial"] == "AWAY%d" % number, what="stick %d" % number)
            plugged.unplug()
        last = sekimori(self.vm, "status")[1]["journal"]
        say("meanwhile: %s events not yet sent" % last["unacked"])
        expect(last["unacked"] > 0, last, "events are kept while the server is away")
        self.server.start()
        self.vm.forward(AGENTS, self.server.agents_port)
        self.vm.forward(8444, self.server.console_port)
        status = self.wait_status(lambda s: s["journal"]["unacked"] == 0, "all events sent", 120)
        say("journal: last %s, acknowledged %s" % (status["journal"]["last_seq"], status["journal"]["acked_seq"]))
        expect(sekimori(self.vm, "verify")[0] == 0, "", "the PC's chain verifies")
        verified = self.server.cli("verify", check=False)
        say(verified.stdout.strip().splitlines()[-1] if verified.stdout.strip() else "")
        expect(verified.returncode == 0, verified.stdout + verified.stderr, "the server's copy verifies, nothing is missing")

    def run(self):
        self.prepare()
        for number in range(1, 10):
            getattr(self, "step%d" % number)()
        expect(self.opened_after < 5, self.opened_after, "the approval opened the stick in under 5 s (%.1f s)" % self.opened_after)

    def stay(self):
        head("The console stays up: https://127.0.0.1:%d  (certificate authority: %s)" % (self.server.console_port, self.server.ca_file()))
        for user, password in self.server.passwords.items():
            say("%-8s %s" % (user, password))
        print("Ctrl-C ends it.", flush=True)
        signal.sigwait([signal.SIGINT, signal.SIGTERM])

    def end(self, good):
        if self.vm:
            if not good:
                say("--- the agent's log")
                for line in self.vm.journal("sekimorid").splitlines()[-25:] + self.vm.journal("sekimori-uplink").splitlines()[-10:]:
                    say(line)
            if not self.given:
                self.vm.stop()
        if self.server:
            if not good:
                with open(os.path.join(self.server.folder, "server.log"), errors="replace") as file:
                    for line in file.read().splitlines()[-15:]:
                        say("server: " + line)
            self.server.remove()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description="the whole line, once, for real")
    parser.add_argument("--once", action="store_true", help="end by itself")
    parser.add_argument("--build", default=os.path.join(HERE, "..", "..", "build"))
    options = parser.parse_args()
    demo, good = Demo(os.path.abspath(options.build)), False
    try:
        demo.run()
        good = True
        head("All nine steps did what they should.")
        if not options.once:
            demo.stay()
    except Failed as failure:
        head("FAILED: %s" % failure)
    except KeyboardInterrupt:
        pass
    finally:
        try:
            demo.end(good)
        except Exception as error:  # the end must not hide the result
            say("ending: %s" % error)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
