"""PostgreSQL clusters of their own: on a Unix socket (and loopback where asked) in a temporary folder, run by a user without privileges."""
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time


def binaries():
    """The folder of initdb and postgres; None when the package is absent."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda p: int(p.split("/")[4]))
    return os.path.dirname(found[-1]) if found else None


def as_user():
    """What goes before a command so that it does not run as root, which PostgreSQL refuses; and that user's ids."""
    if os.geteuid() != 0:
        return [], os.geteuid(), os.getegid()
    for name in ("postgres", "nobody"):
        try:
            who = pwd.getpwnam(name)
        except KeyError:
            continue
        return ["setpriv", "--reuid=%d" % who.pw_uid, "--regid=%d" % who.pw_gid, "--clear-groups"], who.pw_uid, who.pw_gid
    raise AssertionError("no user to run PostgreSQL as")


class Cluster:
    """One server process. Every local user is its superuser: the folder is the lock."""

    def __init__(self, settings=None, port=5432, folder=None):
        self.bin, (self.prefix, uid, gid) = binaries(), as_user()
        self.folder = folder or tempfile.mkdtemp(prefix="sekimori-pg-", dir="/tmp")
        self.data, self.port, self.process = os.path.join(self.folder, "data"), port, None
        self.settings = {"listen_addresses": "", "unix_socket_directories": self.folder, "port": port, "max_connections": 60, "shared_buffers": "32MB",
                         "autovacuum_naptime": "60s", "log_min_messages": "warning", **(settings or {})}
        os.chown(self.folder, uid, gid)
        os.chmod(self.folder, 0o755)

    def init(self):
        self.run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-n")
        return self

    def copy_of(self, other):
        """A standby that follows the other one."""
        self.run("pg_basebackup", "-h", other.folder, "-p", str(other.port), "-U", "postgres", "-D", self.data, "-R", "-X", "stream", "-c", "fast", "--no-sync")
        return self

    def run(self, name, *arguments):
        done = subprocess.run([*self.prefix, os.path.join(self.bin, name), *arguments], capture_output=True, text=True, cwd="/", check=False)
        if done.returncode != 0:
            raise AssertionError("%s: %s%s" % (name, done.stdout, done.stderr))
        return done.stdout

    def start(self):
        options = [part for key, value in self.settings.items() for part in ("-c", "%s=%s" % (key, value))]
        self.log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen([*self.prefix, os.path.join(self.bin, "postgres"), "-D", self.data, *options], cwd="/", stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, start_new_session=True)
        end = time.monotonic() + 60
        while subprocess.run([os.path.join(self.bin, "pg_isready"), "-q", "-h", self.folder, "-p", str(self.port)], check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError("PostgreSQL does not start: " + self.messages())
            time.sleep(0.02)
        return self

    def messages(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as f:
            return f.read()[-4000:]

    def url(self, database="postgres", **more):
        """As the local superuser, over the socket."""
        extra = "".join("&%s=%s" % pair for pair in more.items())
        return "postgresql://postgres@/%s?host=%s&port=%d%s" % (database, self.folder, self.port, extra)

    def psql(self, text, database="postgres"):
        done = subprocess.run([os.path.join(self.bin, "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", text],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError("%s: %s" % (text, done.stderr))
        return done.stdout.strip()

    def database(self, name):
        self.psql("CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'" % name)
        return self.url(name)

    def stop(self, how=signal.SIGINT):
        """SIGINT: fast shutdown; SIGQUIT: as a crash."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(30)
        if self.process is not None:
            self.log.close()
        self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
