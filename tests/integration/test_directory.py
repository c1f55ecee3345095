#!/usr/bin/env python3
"""People of a directory: a real slapd on loopback with a certificate of its own, a real sekimori-server that asks it.

    test_directory.py [--build DIR] [unittest arguments]
"""
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import server_lib  # noqa: E402
from server_lib import Browser, Server, openssl, wait_for  # noqa: E402

SLAPD = shutil.which("slapd", path="/usr/sbin:/sbin:" + os.environ.get("PATH", ""))
BASE = "dc=example,dc=jp"
CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/cert.pem
TLSCertificateKeyFile {folder}/key.pem
security simple_bind=128
sizelimit unlimited
database mdb
suffix "{base}"
rootdn "cn=root,{base}"
rootpw root-password
directory {folder}/db
maxsize 33554432
access to attrs=userPassword by anonymous auth by * none
access to * by dn.base="cn=asker,{base}" read by * none
"""


def certificate(folder, address):
    ca_key, ca, key, csr, cert = (os.path.join(folder, n) for n in ("ca.key", "ca.pem", "key.pem", "csr.pem", "cert.pem"))
    for path in (ca_key, key):
        server_lib.make_key(path)
    openssl("req", "-x509", "-new", "-key", ca_key, "-subj", "/CN=directory CA", "-days", "2", "-out", ca)
    openssl("req", "-new", "-key", key, "-subj", "/CN=directory", "-out", csr)
    extensions = os.path.join(folder, "extensions")
    with open(extensions, "w", encoding="ascii") as out:
        out.write("subjectAltName = IP:%s\n" % address)
    openssl("x509", "-req", "-in", csr, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", cert)
    return ca


def entry(uid, name, unit, title="", password=None, base=BASE):
    lines = ["dn: uid=%s,ou=people,%s" % (uid, base), "objectClass: inetOrgPerson", "uid: " + uid, "cn: " + uid, "sn: " + uid, "displayName: " + name]
    lines += ["departmentNumber: " + unit] if unit else []
    lines += ["title: " + title] if title else []
    lines += ["userPassword: " + password] if password else []
    return "\n".join(lines) + "\n\n"


class Directory:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="sekimori-slapd-")
        self.ca = certificate(self.folder, "127.0.0.1")
        self.process, self.port = None, 0
        os.mkdir(os.path.join(self.folder, "db"))
        with open(os.path.join(self.folder, "slapd.conf"), "w", encoding="utf-8") as out:
            out.write(CONFIG.format(folder=self.folder, base=BASE))
        tree = "dn: %s\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: example\n\n" % BASE
        tree += "dn: ou=people,%s\nobjectClass: organizationalUnit\nou: people\n\n" % BASE
        tree += "dn: cn=asker,%s\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: asker\nuserPassword: asker-password\n\n" % BASE
        tree += entry("Kacho", "税務課長", "Zeimu", "課長", "kacho-password") + entry("mado", "窓口担当", "zeimu", "", "mado-password")
        tree += entry("twin", "双子一", "zeimu", "", "twin-password") + entry("twin", "双子二", "zeimu", "", "twin-password", "ou=people," + BASE).replace(
            "dn: uid=twin,ou=people,ou=people", "dn: uid=twin,uid=twin,ou=people")
        self.add(tree)
        self.start()

    def add(self, tree):
        subprocess.run([SLAPD, "-T", "add", "-f", os.path.join(self.folder, "slapd.conf"), "-q"], input=tree.encode(), capture_output=True, check=True)

    def delete(self, dn):
        subprocess.run(["ldapdelete", "-H", "ldaps://127.0.0.1:%d" % self.port, "-x", "-D", "cn=root," + BASE, "-w", "root-password", dn],
                       env={**os.environ, "LDAPTLS_CACERT": self.ca}, capture_output=True, check=True)

    def start(self):
        for _ in range(20):  # a free port may be taken before slapd has it
            with socket.socket() as s:
                s.bind(("127.0.0.1", self.port))
                self.port = s.getsockname()[1]
            self.process = subprocess.Popen([SLAPD, "-d", "0", "-f", os.path.join(self.folder, "slapd.conf"), "-h", "ldaps://127.0.0.1:%d/" % self.port],
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

            def up():
                if self.process.poll() is not None:
                    return "ended"
                try:
                    socket.create_connection(("127.0.0.1", self.port), 1).close()
                    return "up"
                except OSError:
                    return None

            if wait_for(up, 30) == "up":
                return self
        raise AssertionError("slapd does not start")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder)


class People(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = Directory()
        cls.addClassCleanup(cls.directory.remove)
        secret = os.path.join(cls.directory.folder, "secret")
        with open(secret, "w", encoding="ascii") as out:
            out.write("asker-password\n")
        os.chmod(secret, 0o600)
        cls.server = Server(directory__url="ldaps://127.0.0.1:%d" % cls.directory.port, directory__base=BASE, directory__bind_dn="cn=asker," + BASE,
                            directory__secret=secret, directory__ca=cls.directory.ca, directory__people="(&(objectClass=person)(departmentNumber=*))",
                            directory__timeout="2s", console__attempts="3")
        cls.addClassCleanup(cls.server.remove)
        cls.server.people()
        for user, role in (("kacho", "sec"), ("twin", "desk"), ("nobody", "desk")):
            cls.server.cli("user", "add", user, "--name", user, "--role", role, "--unit", "zeimu", "--directory")
        cls.server.start()

    def login(self, user, password):
        """(status, page) of the answer."""
        try:
            b = Browser(self.server, user, password)
            self.server.terminals.remove(b)
            b.close()
            return 303, ""
        except AssertionError as e:
            return int(re.match(r"login: (\d+)", str(e)).group(1)), e.page

    def failures(self, user):
        return self.server.sql("SELECT coalesce(max(failures), 0) FROM login_attempts WHERE user = '%s'" % user)

    def test_the_directory_decides(self):
        self.assertEqual(self.login("kacho", "kacho-password")[0], 303)
        self.assertEqual(self.login("kacho", "mado-password")[0], 401)
        self.assertEqual(self.failures("kacho"), "1")
        self.assertEqual(self.login("kacho", "kacho-password")[0], 303)
        for user in ("nobody", "unknown", "mado"):  # not there; not here; there, without an account here
            self.assertEqual(self.login(user, "mado-password")[0], 401, user)
        self.assertEqual(self.login("desk", "desk-password-1")[0], 303, "a password of its own stays here")
        self.assertEqual(self.login("desk", "mado-password")[0], 401)

    def test_names_and_passwords_that_would_be_more(self):
        for user in ("*", "kacho)(uid=*", "kac*", "uid=kacho,ou=people," + BASE):
            self.assertEqual(self.login(user, "kacho-password")[0], 401, user)
        self.assertIn(self.login("kacho", "")[0], (400, 401), "an empty password is no anonymous bind")
        self.assertEqual(self.login("kacho", "x" * 1024)[0], 401)
        self.server.cli("user", "enable", "kacho")

    def test_locked_names_do_not_reach_it(self):
        for _ in range(3):
            self.assertEqual(self.login("nobody", "wrong-password")[0], 401)
        self.server.cli("user", "passwd", "kacho", "--directory")
        for _ in range(3):
            self.assertEqual(self.login("kacho", "wrong-password")[0], 401)
        self.assertEqual(self.login("kacho", "kacho-password")[0], 401, "locked")
        self.server.cli("user", "enable", "kacho")
        self.assertEqual(self.login("kacho", "kacho-password")[0], 303)

    def test_zz_it_is_gone(self):
        self.directory.stop()
        try:
            for user in ("kacho", "unknown-2", "kacho", "kacho", "kacho"):
                status, page = self.login(user, "kacho-password")
                self.assertEqual(status, 503, user)
                self.assertIn("does not answer", page)
            self.assertEqual(self.failures("kacho"), "0", "not counted")
            self.assertEqual(self.login("manager", "manager-password")[0], 303, "who has a password here gets in")
            self.assertIn("ldaps://127.0.0.1", self.server.messages())
            done = self.server.run("org", "import", "--directory")
            self.assertEqual(done.returncode, 1)
            self.assertIn("Can't contact LDAP server", done.stderr)
        finally:
            self.directory.start()
        self.assertEqual(self.login("kacho", "kacho-password")[0], 303)

    def test_y_import(self):
        self.assertEqual(self.login("twin", "twin-password")[0], 401, "two entries are nobody")
        twice = self.server.run("org", "import", "--directory")
        self.assertEqual((twice.returncode, "again" in twice.stderr), (1, True), twice.stderr)
        self.directory.delete("uid=twin,uid=twin,ou=people," + BASE)
        self.assertEqual(self.login("twin", "twin-password")[0], 303)
        many = "".join(entry("n%04d" % n, "職員%04d" % n, "zeimu", "主事") for n in range(1200)) + entry("office", "会議室", "")
        self.directory.stop()
        self.directory.add(many)
        self.directory.start()
        dry = self.server.cli("org", "import", "--directory", "--dry-run")
        self.assertEqual(dry.splitlines()[-1], "No change 0, Added 1203, Changed 0, Ended 0, Error 0")
        self.assertEqual(self.server.sql("SELECT count(*) FROM users WHERE user = 'n0001'"), "0")
        self.server.cli("org", "import", "--directory")
        self.assertEqual(self.server.sql("SELECT name || unit || login || password_hash FROM users WHERE user = 'n1199'"), "職員1199zeimu$argon2id$none")
        self.assertEqual(self.login("mado", "mado-password")[0], 303)
        self.assertIn("Added 0", self.server.cli("org", "import", "--directory", "--dry-run").splitlines()[-1])

    def test_only_a_verified_line(self):
        other = tempfile.mkdtemp(prefix="sekimori-ca-")
        self.addCleanup(shutil.rmtree, other)
        certificate(other, "127.0.0.1")
        with open(self.server.config, encoding="utf-8") as f:
            text = f.read()
        wrong = os.path.join(other, "server.ini")
        for old, new, says in ((self.directory.ca, os.path.join(other, "ca.pem"), "certificate"), ("ldaps://127.0.0.1", "ldaps://localhost", "certificate"),
                               ("ldaps://127.0.0.1", "ldap://127.0.0.1", ""), ("cn=asker,", "cn=other,", "redentials")):
            with open(wrong, "w", encoding="utf-8") as out:
                out.write(text.replace(old, new))
            done = subprocess.run([self.server.program()[0], "--config", wrong, "org", "import", "--directory", "--dry-run"], capture_output=True, text=True,
                                  timeout=60, check=False, env={**os.environ, "LC_ALL": "C.UTF-8", "LDAPTLS_REQCERT": "never"})
            self.assertEqual(done.returncode, 1, (new, done.stdout))
            self.assertIn(says, done.stderr)

    def test_settings(self):
        for key, value, says in (("url", "http://x", "ldaps://"), ("people", "objectClass=person", "parentheses"), ("people", "(a=b)(c=d)", "parentheses"),
                                 ("user", "uid)(x=*", "attribute"), ("secret", "relative", "path"), ("timeout", "0s", "time")):
            path = os.path.join(self.directory.folder, "settings.ini")
            with open(path, "w", encoding="utf-8") as out:
                out.write("[directory]\nbase = dc=x\n%s = %s\n" % (key, value))
            done = subprocess.run([self.server.program()[0], "--config", path, "user", "list"], capture_output=True, text=True, check=False,
                                  env={**os.environ, "LC_ALL": "C.UTF-8"})
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("settings.ini:3:", done.stderr)
            self.assertIn(says, done.stderr)


if __name__ == "__main__":
    assert SLAPD, "slapd is missing; run packaging/setup.sh"
    server_lib.main("__main__")
