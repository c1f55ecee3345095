"""The whole line for the demo and the system tests: a real sekimori-server on loopback and a virtual staff PC that reaches it."""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile

from console_client import Console, wait_port

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GUEST_SERVER = "10.0.2.100"   # where the virtual PC finds the server
AGENTS, CONSOLE = 8443, 8444  # the ports it uses there


class Server:
    """sekimori-server with a fresh state folder, certificate authority, section and people."""

    def __init__(self, build=None, keep=None):
        self.binary = os.path.join(build or os.path.join(TOP, "build"), "bin", "sekimori-server")
        self.folder = keep or tempfile.mkdtemp(prefix="sekimori-server-")
        self.state = os.path.join(self.folder, "state")
        self.config = os.path.join(self.folder, "server.ini")
        self.process, self.passwords = None, {}
        self.env = dict(os.environ, TZ="Asia/Tokyo", LANG="C.UTF-8", LC_ALL="C.UTF-8")
        locale = os.path.join(os.path.dirname(os.path.dirname(self.binary)), "locale")
        with open(self.config, "w", encoding="utf-8") as out:
            out.write("[server]\nstate = %s\nname = %s\nagents_url = https://%s:%d\nlocale = %s\n\n"
                      "[listen]\nagents = 127.0.0.1:0\nconsole = 127.0.0.1:0\n\n"
                      "[office]\nname_ja = 試験市\nname_en = Test City\n"
                      % (self.state, GUEST_SERVER, GUEST_SERVER, AGENTS, locale))
        self.cli("init")

    def cli(self, *arguments, input=None, check=True):
        done = subprocess.run([self.binary, "--config", self.config, *arguments], env=self.env, input=input, text=True,
                              capture_output=True, timeout=60)
        if check and done.returncode != 0:
            raise AssertionError("sekimori-server %s: %d\n%s%s" % (" ".join(arguments), done.returncode, done.stdout, done.stderr))
        return done.stdout if check else done

    def start(self):
        for name in ("agents.port", "console.port"):
            try:
                os.unlink(os.path.join(self.state, name))
            except FileNotFoundError:
                pass
        self.log = open(os.path.join(self.folder, "server.log"), "ab")
        self.process = subprocess.Popen([self.binary, "--config", self.config, "serve"], env=self.env, stdout=self.log, stderr=self.log,
                                        stdin=subprocess.DEVNULL)
        self.agents_port, self.console_port = self._port("agents.port"), self._port("console.port")
        wait_port(self.agents_port)
        wait_port(self.console_port)

    def _port(self, name):
        import time
        end = time.monotonic() + 20
        path = os.path.join(self.state, name)
        while True:
            try:
                with open(path) as file:
                    return int(file.read())
            except (FileNotFoundError, ValueError):
                if self.process.poll() is not None or time.monotonic() > end:
                    with open(os.path.join(self.folder, "server.log"), errors="replace") as file:
                        raise AssertionError("the server did not start:\n" + file.read()[-3000:])
                time.sleep(0.05)

    def stop(self, sig=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(sig)
            self.process.wait(timeout=20)
        self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ca_file(self):
        return os.path.join(self.state, "ca.pem")

    def people(self):
        """One section and, for each role, one person with a fresh password."""
        self.cli("unit", "add", "zeimu", "--ja", "税務課", "--en", "Tax section")
        for user, name, unit, role in (("manager", "税務課長", "zeimu", "sec"), ("desk", "デジタル推進課 窓口担当", "", "desk"),
                                       ("auditor", "監査担当", "", "aud"), ("admin", "情報システム管理者", "", "sys")):
            password = secrets.token_urlsafe(12)
            scope = ["--unit", unit] if unit else []
            self.cli("user", "add", user, "--name", name, "--role", role, *scope, "--password-stdin", input=password + "\n")
            self.passwords[user] = password

    def token(self, host, *more):
        text = self.cli("token", "create", "--host", host, "--unit", "zeimu", *more)
        match = re.search(r"SK1-[0-9A-Z]{26}-[0-9a-f]{64}", text)
        if not match:
            raise AssertionError("no token in: " + text)
        return match.group(0)

    def console(self, user):
        c = Console(self.console_port, self.ca_file())
        c.login(user, self.passwords[user])
        return c


def sekimori(vm, *arguments, user=None, check=True, timeout=90):
    """The CLI inside the virtual PC, with --json; returns (exit status, parsed answer)."""
    code, out, err = vm.run(["sekimori", *arguments, "--json"], check=False, user=user, timeout=timeout)
    try:
        answer = json.loads(out)
    except ValueError:
        raise AssertionError("sekimori %s: exit status %d, no JSON: %s%s" % (" ".join(arguments), code, out, err))
    if check and code == 1:
        raise AssertionError("sekimori %s: %s%s" % (" ".join(arguments), out, err))
    return code, answer


def agent_package(build):
    """The agent's package, as a list for install_debs."""
    debs = os.path.join(build, "deb")
    return [os.path.join(debs, name) for name in sorted(os.listdir(debs))
            if name.startswith("sekimori-agent_") and name.endswith(".deb")]


def enrol(vm, server, host="staff-pc-1", token=None):
    vm.forward(AGENTS, server.agents_port)
    vm.forward(CONSOLE, server.console_port)
    return vm.run(["sekimori", "enroll", "--server", "https://%s:%d" % (GUEST_SERVER, CONSOLE), "--token", token or server.token(host)],
                  check=False, timeout=120)
