#!/usr/bin/env python3
"""Logins at the console by IC card: a real sekimori-server, certificates of a card authority made here, shown over TLS.

    test_card.py [--build DIR] [unittest arguments]
"""
import hashlib
import http.client
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import server_lib  # noqa: E402
from server_lib import Server, Terminal, openssl  # noqa: E402


class Authority:
    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.key, self.cert = self.path("ca.key"), self.path("ca.pem")
        server_lib.make_key(self.key)
        openssl("req", "-x509", "-new", "-key", self.key, "-subj", "/CN=" + name, "-days", "3650", "-out", self.cert)

    def path(self, name):
        return os.path.join(self.folder, self.name + "-" + name)

    def card(self, holder, *more, usage="clientAuth", rsa=False):
        """(certificate, key, SHA-256 fingerprint)"""
        cert, key, csr, ext = (self.path(holder + s) for s in (".pem", ".key", ".csr", ".ext"))
        if rsa:
            openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key)
        else:
            server_lib.make_key(key)
        openssl("req", "-new", "-key", key, "-subj", "/CN=" + holder, "-out", csr)
        with open(ext, "w", encoding="ascii") as out:
            out.write("extendedKeyUsage = %s\n" % usage)
        openssl("x509", "-req", "-in", csr, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-extfile", ext, "-out", cert, *(more or ("-days", "30")))
        return cert, key, hashlib.sha256(openssl("x509", "-in", cert, "-outform", "DER")).hexdigest()


class Reader:
    """A browser with a card in its reader, or without."""

    def __init__(self, server, card=None):
        self.c = http.client.HTTPSConnection("127.0.0.1", server.console, context=server.context(*(card or ())[:2]), timeout=30)
        self.origin, self.cookie = "https://127.0.0.1:%d" % server.console, ""

    def fetch(self, method, path, fields=None, origin=None):
        headers = {"Cookie": self.cookie, "Origin": origin or self.origin, "Accept-Language": "en", "Content-Type": "application/x-www-form-urlencoded"}
        self.c.request(method, path, body=None if fields is None else urllib.parse.urlencode(fields), headers=headers)
        r = self.c.getresponse()
        for value in r.headers.get_all("Set-Cookie") or []:
            if value.startswith("__Host-sekimori="):
                self.cookie = value.split(";")[0]
        return r.status, r.read().decode(), r.headers.get("Location")

    def login(self, **fields):
        return self.fetch("POST", "/login/card", fields)

    def close(self):
        self.c.close()


class Cards(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sekimori-cards-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.authority, cls.other = Authority(cls.folder, "cards"), Authority(cls.folder, "other")
        cls.server = Server(console__cards=cls.authority.cert, console__second_factor="required")
        cls.addClassCleanup(cls.server.remove)
        cls.server.people()
        cls.mine = cls.authority.card("kacho")
        cls.server.cli("card", "add", "manager", ":".join(re.findall("..", cls.mine[2].upper())))
        cls.server.start()

    def reader(self, card=None):
        r = Reader(self.server, card)
        self.addCleanup(r.close)
        return r

    def test_a_card_lets_in(self):
        r = self.reader(self.mine)
        status, page, _ = r.fetch("GET", "/login?next=/terminals")
        self.assertEqual((status, "Log in with the card" in page, self.mine[2] in page), (200, True, True))
        self.assertEqual(r.login(next="/terminals")[::2], (303, "/terminals"))
        status, page, _ = r.fetch("GET", "/requests")
        self.assertEqual(status, 200, "the card is the second factor")
        self.assertIn("税務課長", page)
        self.assertEqual(self.server.sql("SELECT count(*) FROM audit WHERE action = 'login' AND \"user\" = 'manager'") > "0", True)
        self.assertEqual(r.login(next="https://evil.example/")[::2], (303, "/"), "nowhere else")

    def test_rsa_cards(self):
        card = self.authority.card("rsa", rsa=True)
        self.server.cli("card", "add", "manager", card[2])
        self.assertEqual(self.reader(card).login()[0], 303)
        self.server.cli("card", "remove", card[2], "--reason", "worn out")

    def test_password_alone_still_needs_the_code(self):
        r = self.reader()
        status, page, _ = r.fetch("GET", "/login")
        self.assertEqual((status, "No card was shown" in page), (200, True))
        self.assertEqual(r.fetch("POST", "/login", {"user": "manager", "password": "manager-password"})[0], 303)
        self.assertEqual(r.fetch("GET", "/requests")[::2], (303, "/account"))

    def test_other_cards_do_not(self):
        expired = self.authority.card("expired", "-days", "-1")
        foreign, server_use = self.other.card("kacho"), self.authority.card("web", usage="serverAuth")
        terminal = Terminal(self.server, "pc-card").enrol()
        unknown = self.authority.card("unknown")
        for name, card, says in (("not registered", unknown, unknown[2]), ("expired", expired, "expired"), ("another authority", foreign, "expired"),
                                 ("not for clients", server_use, "expired"), ("a terminal", (terminal.certificate, terminal.key, ""), "expired"),
                                 ("none", None, "No card")):
            r = self.reader(card)
            status, page, _ = r.fetch("GET", "/login")
            self.assertEqual((status, says in page), (200, True), name)
            status, page, _ = r.login()
            self.assertEqual((status, "not registered" in page), (401, True), name)
            self.assertEqual(r.fetch("GET", "/requests")[0], 303, name)
            self.assertEqual(r.fetch("POST", "/login", {"user": "manager", "password": "manager-password"})[0], 303, "the password goes on, " + name)

    def test_another_place_cannot_send_the_form(self):
        self.assertEqual(self.reader(self.mine).fetch("POST", "/login/card", {}, origin="https://evil.example")[0], 403)

    def test_lost(self):
        card = self.authority.card("lost")
        self.server.cli("card", "add", "desk", card[2])
        r = self.reader(card)
        self.assertEqual(r.login()[0], 303)
        self.assertEqual(r.fetch("GET", "/requests")[0], 200)
        self.assertIn(card[2], self.server.cli("card", "list"))
        self.assertNotEqual(self.server.run("card", "remove", card[2]).returncode, 0, "with a reason")
        self.server.cli("card", "remove", card[2], "--reason", "lost on the way")
        self.assertEqual(r.fetch("GET", "/requests")[0], 303, "its sessions ended")
        self.assertEqual(r.login()[0], 401)
        self.assertEqual(self.server.sql("SELECT count(*) FROM audit WHERE action = 'user.card-removed'") > "0", True)
        for arguments in (("desk", "abc"), ("nobody", self.other.card("x")[2]), ("desk", self.mine[2])):
            self.assertEqual(self.server.run("card", "add", *arguments).returncode, 1, arguments)

    def test_disabled_account(self):
        card = self.authority.card("disabled")
        self.server.cli("user", "add", "gone", "--name", "離任者", "--role", "desk", "--password-stdin", input="gone-password-1\n")
        self.server.cli("card", "add", "gone", card[2])
        self.server.cli("user", "disable", "gone")
        self.assertEqual(self.reader(card).login()[0], 401)


class Without(unittest.TestCase):
    def test_no_cards_configured(self):
        server = Server()
        self.addCleanup(server.remove)
        server.people()
        server.start()
        r = Reader(server)
        self.addCleanup(r.close)
        self.assertNotIn("IC card", r.fetch("GET", "/login")[1])
        self.assertEqual(r.login()[0], 404)

    def test_a_file_that_holds_no_authority(self):
        server = Server(console__cards="/etc/hostname")
        self.addCleanup(server.remove)
        done = subprocess.run([*server.program(), "serve"], capture_output=True, text=True, timeout=60, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("/etc/hostname", done.stderr)


assert ssl.HAS_TLSv1_3
if __name__ == "__main__":
    server_lib.main("__main__")
