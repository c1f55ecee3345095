#!/usr/bin/env python3
"""The console through its own door: a real sekimori-server on loopback, played terminals, people with browsers of Python.

    test_console.py [--build DIR] [unittest arguments]
"""
import os
import re
import sqlite3
import statistics
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import office as o  # noqa: E402
from office import Fields, Office, local  # noqa: E402
from test_qr import read_codes  # noqa: E402

BUILD = os.environ.get("BUILD", "build")


class Console(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.office = Office(os.path.abspath(BUILD), attempts=3, lock="15m")
        try:
            cls.fill(cls.office)
        except BaseException:
            cls.office.remove()
            raise

    @classmethod
    def fill(cls, office):
        office.unit("zeimu", "税務課", "Tax")
        office.unit("shimin", "市民課", "Citizens")
        for user, unit, role in (("kacho", "zeimu", "sec"), ("hoka", "shimin", "sec"), ("mado", "", "desk"), ("johokan", "", "sys"),
                                 ("kansa", "", "aud"), ("ciso", "", "ciso"), ("shikko", "", "exec"), ("kyokucho", "zeimu", "bur"), ("shokuin", "zeimu", "staff"), ("locked", "zeimu", "staff")):
            office.user(user, f"{user} 殿", unit, role)
        office.user("kenmu", "兼務者", "zeimu", "sec", "desk")
        office.start()
        cls.pc = office.terminal("zei-pc-1", "zeimu", "A-1")
        cls.pc.event("daemon.started", {"version": "0.1.0"})
        cls.pc.report(o.report([o.screen(), o.disk("non-compliant"), o.antivirus()], [o.attached(o.HOSTILE), o.composite()], seq=1))
        cls.pc.event("media.registered-request", o.registration(o.SECURE, "M-2026-0001", "課税資料運搬用"))
        office.cli("media", "approve", "1")
        cls.other = office.terminal("shi-pc-1", "shimin")
        cls.numbers = 0
        cls.people = {user: office.login(user) for user in ("kacho", "hoka", "mado", "johokan", "kansa", "ciso", "shikko", "kyokucho",
                                                                "shokuin", "kenmu")}

    @classmethod
    def tearDownClass(cls):
        cls.office.remove()

    def ask(self, person="shokuin", device=None, terminal=None, **more):
        (terminal or self.pc).request(person, device or o.STICK, "会議資料の受け取り", **more)
        mado = self.people["mado"]
        mado.get("/requests?state=all")
        return max(int(n) for n in re.findall(r'href="/requests/(\d+)"', mado.page))

    def incident(self):
        """One reported by the staff member of the section, which everybody of the table may see."""
        b = self.people["shokuin"]
        self.assertEqual(b.post("/incidents", {"csrf": b.csrf("/incidents/new"), "kind": "other", "title": "x"}), 303)
        b.get("/incidents")
        return max(int(n) for n in re.findall(r'href="/incidents/(\d+)"', b.page))

    def inspection(self):
        """An audit of the whole office; its number."""
        b = self.people["kansa"]
        status = b.post("/inspections", {"csrf": b.csrf("/inspections"), "title": "定期監査", "items": "5.1(1)キ 画面ロック", "until": local(72)[:10]})
        self.assertEqual(status, 303, b.page)
        return int(b.headers["Location"].rsplit("/", 1)[1])

    def disposed(self):
        """A medium that was disposed of; once."""
        mado = self.people["mado"]
        if mado.get("/media/M-2026-0009") == 404:
            self.pc.event("media.registered-request", o.registration(o.HOSTILE, "M-2026-0009", "廃棄するもの"))
            self.office.cli("media", "approve", "2")
            mado.get("/media/M-2026-0009")
            self.assertEqual(mado.post("/media/M-2026-0009", {"csrf": mado.csrf(), "state": "disposed", "reason": "破砕"}), 303)
        return "/certificates/M-2026-0009"

    def application(self):
        """An application of the section's clerk; its path."""
        b = self.people["shokuin"]
        b.get("/applications/new?kind=takeout_info")
        status = b.post("/applications", {"csrf": b.csrf(), "action": "apply", "kind": "takeout_info", "once": os.urandom(16).hex(), "class": "2",
                                          "purpose": "説明会", "what": "名簿", "destination": "支所", "from": local(0)[:10], "until": local(72)[:10]})
        self.assertEqual(status, 303, b.page)
        return b.headers["Location"].split("?")[0]

    def state(self, number):
        mado = self.people["mado"]
        mado.get(f"/requests/{number}?lang=en")
        return re.search(r"<span>([^<]+)</span></span></header>", mado.page)[1]

    def assertIn(self, member, container, msg=None):  # unittest would print the whole page
        if member not in container:
            self.fail(f"{member!r} is not in it" if isinstance(container, str) else f"{member!r} is not in {container!r}")

    # the whole way

    def test_two_steps_and_what_is_recorded(self):
        n = self.ask()
        kacho, mado, kansa = self.people["kacho"], self.people["mado"], self.people["kansa"]
        self.assertEqual(self.state(n), "Applied for")
        self.assertEqual(kacho.decide(n, "permit"), 303)
        self.assertEqual(kacho.headers["Location"], f"/requests/{n}?done=permit")
        self.assertEqual(self.state(n), "Under examination")
        self.assertEqual(mado.decide(n, "approve", access="ro", until=local(3)), 303)
        self.assertEqual(self.state(n), "Permitted")
        self.assertEqual(mado.decide(n, "cancel", reason="紛失"), 303)
        self.assertEqual(self.state(n), "Cancelled")
        kansa.get("/audit?lang=en")
        self.assertIn("Approved and issued (helpdesk)", kansa.page)
        self.assertIn("紛失", kansa.page)
        self.assertIn(f'href="/requests/{n}"', kansa.page)

    def test_a_permitted_application_is_issued_as_a_request(self):
        b, kacho, mado = self.people["shokuin"], self.people["kacho"], self.people["mado"]
        b.get("/applications/new?kind=takeout_medium&lang=ja")
        self.assertIn("媒体の登録番号", b.page)
        form = {"action": "apply", "kind": "takeout_medium", "once": os.urandom(16).hex(), "class": "2", "purpose": "説明会", "hardware": "USB", "what": "名簿",
                "destination": "支所", "encryption": "あり", "from": local(0)[:10], "until": local(72)[:10], "medium": "M-2026-0001", "access": "rw"}
        self.assertEqual(b.post("/applications", {"csrf": b.csrf(), "terminal": "shi-pc-1", **form}), 400)
        self.assertIn("この端末は他の課のものです。", b.page)
        self.assertIn('value="M-2026-0001"', b.page)
        self.assertEqual(b.post("/applications", {"csrf": b.csrf(), "terminal": "zei-pc-1", **form}), 303, b.page)
        path = b.headers["Location"].split("?")[0]
        kacho.get(path)
        self.assertEqual(kacho.post(path, {"csrf": kacho.csrf(), "action": "permit"}), 303)
        mado.get(path)
        number = int(re.search(r'href="/requests/(\d+)"', mado.page)[1])
        self.assertEqual(self.state(number), "Under examination")
        self.assertIn(f'href="{path}"', mado.page)
        self.assertEqual(mado.decide(number, "approve", access="rw", until=local(24)), 303)
        mado.get("/media/M-2026-0001?lang=ja")
        self.assertIn("持出中", mado.page)
        mado.get(path)
        self.assertEqual(mado.post(path, {"csrf": mado.csrf(), "action": "back", "scan": "1", "files": "1", "reason": "検査済"}), 303)
        self.assertEqual(self.state(number), "Cancelled")
        mado.get("/media/M-2026-0001?lang=ja")
        self.assertIn("保管中", mado.page)

    def test_labels_and_certificates_to_print(self):
        mado, hoka = self.people["mado"], self.people["hoka"]
        mado.get("/labels?lang=ja")
        self.assertIn("M-2026-0001", read_codes(mado.page))
        self.assertIn('<svg class="qr" role="img"', mado.page)
        self.assertIn("M-2026-0001", mado.page)
        self.assertNotIn("<script", mado.page)
        self.assertEqual(hoka.get("/labels?ledger=M-2026-0001"), 404)
        self.assertEqual(mado.get("/certificates/M-2026-0001"), 404, "nothing to certify")
        self.disposed()
        self.assertEqual(mado.get("/certificates/M-2026-0009?lang=ja"), 200)
        for text in ("廃棄証明書", "M-2026-0009-20", "破砕", "mado 殿"):
            self.assertIn(text, mado.page)
        self.assertEqual(hoka.get("/certificates/M-2026-0009"), 404)

    def test_japanese_words(self):
        n = self.ask()
        kacho = self.people["kacho"]
        kacho.get(f"/requests/{n}?lang=ja")
        for word in ("申請中", "許可する", "許可しない", "差し戻す", "情報セキュリティ管理者", "媒体"):
            self.assertIn(word, kacho.page)
        kacho.get(f"/terminals/{self.pc.id}?lang=ja")
        for word in ("不適合", "適合", "対策基準 ５．１（１）キ", "必須", "証跡", "対処："):
            self.assertIn(word, kacho.page)

    def test_kinds_are_refused_in_japanese(self):
        b = self.people["johokan"]
        head = "[kind a]\nword_ja = あ\nword_en = A\n"
        for text, says in ((head + "fields = purpose\nroute = king\n", "kinds:5: route：段階は"), (head + "route = sec\n", "種別に「fields」がありません。"),
                           (head + "wat = 1\n", "kinds:4: キー「wat」は[kind a]では使えません。"), (head + " fields = what\n", "kinds:4: 行頭に空白があります。")):
            b.get("/kinds?lang=ja")
            self.assertEqual(b.post("/kinds", {"csrf": b.csrf(), "text": text}), 400)
            self.assertIn(says, b.page)

    # who may

    def test_four_eyes(self):
        n = self.ask(person="kacho")
        kacho = self.people["kacho"]
        kacho.get(f"/requests/{n}")
        self.assertEqual(Fields(kacho.page).buttons, [])
        self.assertEqual(kacho.decide(n, "permit"), 403)
        self.assertEqual(self.state(n), "Applied for")

    def test_roles(self):
        n = self.ask()
        expected = {"kacho": ["permit", "return", "refuse"], "mado": [], "johokan": [], "kansa": [], "shokuin": []}
        for user, buttons in expected.items():
            b = self.people[user]
            self.assertEqual(b.get(f"/requests/{n}"), 200, user)
            self.assertEqual(Fields(b.page).buttons, buttons, user)
        for user in ("johokan", "kansa", "shokuin", "mado"):
            self.assertEqual(self.people[user].decide(n, "permit"), 403, user)
        self.assertEqual(self.people["hoka"].get(f"/requests/{n}"), 404)
        self.assertEqual(self.people["hoka"].get(f"/terminals/{self.pc.id}"), 404)
        self.assertEqual(self.people["kacho"].get(f"/terminals/{self.other.id}"), 404)
        self.assertEqual(self.people["shokuin"].get("/terminals"), 403)
        self.assertEqual(self.people["kacho"].get("/audit"), 403)
        self.assertEqual(self.state(n), "Applied for")

    def test_the_table_in_the_documentation(self):
        """Every GET of docs/console.md, asked by every role, is answered as it says."""
        n = self.ask()
        real = {"/terminals/ID": f"/terminals/{self.pc.id}", "/requests/N": f"/requests/{n}", "/assets/NAME": "/assets/console.css",
                "/incidents/N": f"/incidents/{self.incident()}", "/media/LEDGER": "/media/M-2026-0001", "/compliance/CHECK": "/compliance/antivirus", "/forms/FORM": "/forms/takeouts", "/inspections/INSPECTION": f"/inspections/{self.inspection()}",
                "/certificates/LEDGER": self.disposed(),
                "/applications/APPLICATION": self.application(), "/help/GUIDE": "/help/helpdesk"}
        who = dict(zip(("sec", "desk", "sys", "aud", "ciso", "exec", "bur", "staff"),
                       ("kacho", "mado", "johokan", "kansa", "ciso", "shikko", "kyokucho", "shokuin")))
        with open(os.path.join(o.TOP, "docs", "console.md"), encoding="utf-8") as f:
            rows = re.findall(r"^\| GET \| `([^`]+)` \|((?:[^|]*\|){9})", f.read(), re.M)
        self.assertGreater(len(rows), 8)
        for route, cells in rows:
            for role, said in zip((*who, "none"), (c.strip() for c in cells.split("|"))):
                b = self.people[who[role]] if role in who else self.office.browser()
                status = b.get(real.get(route, route))
                self.assertEqual(status, 303 if said.startswith("→") else 403 if said == "no" else 200, f"{route} as {role}: {said}")

    def test_two_roles(self):
        n, kenmu = self.ask(), self.people["kenmu"]
        kenmu.get(f"/requests/{n}")
        self.assertIn("permit", Fields(kenmu.page).buttons)
        self.assertEqual(kenmu.post("/role", {"csrf": kenmu.csrf(), "role": "desk", "back": f"/requests/{n}"}), 303)
        kenmu.get(f"/requests/{n}")
        self.assertEqual(Fields(kenmu.page).buttons, [])
        self.assertEqual(kenmu.post("/role", {"csrf": kenmu.csrf(), "role": "sys"}), 403)
        self.assertEqual(kenmu.post("/role", {"csrf": kenmu.csrf(), "role": "sec"}), 303)

    # forms from somewhere else

    def test_csrf_and_origin(self):
        n, kacho = self.ask(), self.people["kacho"]
        token, path = kacho.csrf(f"/requests/{n}"), f"/requests/{n}"
        self.assertEqual(kacho.post(path, {"action": "permit"}), 403)
        self.assertEqual(kacho.post(path, {"csrf": "0" * 64, "action": "permit"}), 403)
        self.assertEqual(kacho.post(path, {"csrf": self.people["mado"].csrf(), "action": "permit"}), 403)
        good = {"csrf": token, "action": "permit"}
        self.assertEqual(kacho.post(path, good, Origin="https://evil.example"), 403)
        self.assertEqual(kacho.post(path, good, Origin="null"), 403)
        self.assertEqual(kacho.post(path, good, **{"Sec-Fetch-Site": "cross-site"}), 403)
        self.assertEqual(self.state(n), "Applied for")
        self.assertEqual(kacho.post(path, good), 303)

    def test_bad_forms(self):
        n, kacho = self.ask(), self.people["kacho"]
        token, path = kacho.csrf(f"/requests/{n}"), f"/requests/{n}"
        for body in (f"csrf={token}&action=permit&action=refuse", f"csrf={token}&action=%00", f"csrf={token}&action=%ff", f"csrf={token}&x=%", "&&"):
            self.assertIn(kacho.send("POST", path, body), (400, 403), body)
        for fields in ({"action": "refuse"}, {"action": "refuse", "reason": "理" * 334}, {"action": "permit", "until": "soon"},
                       {"action": "permit", "until": local(-1)}, {"action": "permit", "until": local(9)}, {"action": "nothing"}):
            self.assertEqual(kacho.decide(n, **fields), 400, fields)
            self.assertIn('role="alert"', kacho.page)
        self.assertEqual(kacho.post(path, {"csrf": token, "reason": "x" * 20000}), 413)
        self.assertEqual(self.state(n), "Applied for")
        self.assertEqual(kacho.decide(n, "refuse", reason="理" * 330), 303)

    def test_bad_numbers(self):
        kacho = self.people["kacho"]
        for path in ("/requests/0", "/requests/-1", "/requests/99999999", "/requests/18446744073709551616", "/requests/1%00", "/requests/%3Cb%3E",
                     "/terminals/x", "/terminals/../etc", "/terminals/" + "0" * 600):
            self.assertIn(kacho.get(path), (400, 404), path)
            self.assertNotIn("<b>", kacho.page)
        self.assertEqual(kacho.get("/terminals?state=x"), 400)
        self.assertEqual(kacho.get("/terminals?page=-5"), 200)

    # sessions

    def test_login_and_logout(self):
        b = self.office.browser()
        self.assertEqual(b.get("/"), 303)
        self.assertEqual(b.headers["Location"], "/login")
        self.assertEqual(b.get("/requests/1"), 303)
        self.assertEqual(b.headers["Location"], "/login?next=/requests/1")
        b = self.office.login("mado")
        cookie = [line for line in b.headers.get_all("Set-Cookie") if line.startswith("__Host-sekimori=")][0]
        for attribute in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/"):
            self.assertIn(attribute, cookie)
        token = b.csrf()
        old = dict(b.cookies)
        self.assertEqual(b.post("/logout", {"csrf": token}), 303)
        b.cookies = old
        self.assertEqual(b.get("/"), 303)

    def test_fixation(self):
        b = self.office.browser()
        planted = "ab" * 32
        b.cookies["__Host-sekimori"] = planted
        b.post("/login", {"user": "mado", "password": self.office.passwords["mado"]})
        self.assertEqual(b.status, 303)
        self.assertNotEqual(b.cookies["__Host-sekimori"], planted)
        b.cookies["__Host-sekimori"] = planted
        self.assertEqual(b.get("/"), 303)

    def test_login_again_ends_the_session_before(self):
        b = self.office.login("mado")
        old = b.cookies["__Host-sekimori"]
        b.post("/login", {"user": "mado", "password": self.office.passwords["mado"]})
        self.assertNotEqual(b.cookies["__Host-sekimori"], old)
        b.cookies["__Host-sekimori"] = old
        self.assertEqual(b.get("/"), 303)

    def test_wrong_password_and_unknown_name_look_alike(self):
        def attempt(user):
            b = self.office.browser()
            start = time.monotonic()
            b.post("/login", {"user": user, "password": "wrong-password-000"})
            return time.monotonic() - start, b.status, re.sub(r"\d", "", b.page)

        known = [attempt(f"{user}") for user in ("kacho", "hoka")]
        unknown = [attempt(f"nobody-{i}") for i in range(2)]
        self.assertEqual({(s, p) for _, s, p in known}, {(s, p) for _, s, p in unknown})
        self.assertEqual(known[0][1], 401)
        slow, quick = statistics.median(t for t, _, _ in known), statistics.median(t for t, _, _ in unknown)
        self.assertGreater(quick, slow * 0.5, "an unknown name is answered sooner")
        self.office.login("kacho")
        self.office.login("hoka")

    def test_lock(self):
        for _ in range(3):
            b = self.office.browser()
            self.assertEqual(b.post("/login", {"user": "locked", "password": "wrong-password-000"}), 401)
        self.assertEqual(b.post("/login", {"user": "locked", "password": self.office.passwords["locked"]}), 401)

    def test_login_from_elsewhere(self):
        b = self.office.browser()
        self.assertEqual(b.post("/login", {"user": "mado", "password": self.office.passwords["mado"]}, Origin="https://evil.example"), 403)
        self.assertNotIn("__Host-sekimori", b.cookies)

    # what is shown

    def test_headers(self):
        b = self.people["mado"]
        for path in ("/", "/login", "/help", "/requests", "/nothing"):
            b.get(path)
            self.assertIn("default-src 'none'", b.headers["Content-Security-Policy"], path)
            self.assertNotIn("unsafe", b.headers["Content-Security-Policy"])
            self.assertEqual(b.headers["X-Content-Type-Options"], "nosniff")
            self.assertEqual(b.headers["Cache-Control"], "no-store")
            self.assertIn("max-age", b.headers["Strict-Transport-Security"])

    def test_hostile_names(self):
        n = self.ask(device=o.HOSTILE, destination="<img src=x onerror=alert(1)>")
        for path in ("/", "/requests", f"/requests/{n}", f"/terminals/{self.pc.id}"):
            self.people["mado"].get(path)
            page = self.people["mado"].page
            self.assertNotRegex(page, r"<script|<img|onerror=alert\(2\)>[^&]*<", path)
            self.assertNotRegex(page, r"<[^>]+\sstyle=", path)

    def test_nothing_of_the_office_before_the_login(self):
        b = self.office.browser()
        for path in ("/login", "/help", "/nothing"):
            b.get(path)
            self.assertNotRegex(b.page, r"zeimu|税務課|pc-1|lgwan", path)

    def test_guides(self):
        """Every guide of docs/guide is a page in both languages, its pictures are there, and the list of guides leads to it."""
        names = {n.split(".")[0] for n in os.listdir(os.path.join(o.TOP, "docs", "guide")) if n.endswith(".md")}
        b = self.office.browser()
        b.get("/help")
        self.assertEqual(set(re.findall(r'href="/help/([a-z]+)"', b.page)), names)
        for name in names:
            for lang in ("ja", "en"):
                b.cookies["__Host-sekimori-lang"] = lang
                self.assertEqual(b.get(f"/help/{name}"), 200)
                page = b.page
                with open(os.path.join(o.TOP, "docs", "guide", f"{name}.{lang}.md"), encoding="utf-8") as f:
                    self.assertIn("<h1>" + f.readline()[2:].strip() + "</h1>", page)
                self.assertNotIn(".md\"", page)
                for picture in re.findall(r'<img src="([^"]*)"', page):
                    self.assertEqual(b.get(picture), 200, picture)
        self.assertEqual(b.get("/help/nobody"), 404)
        self.assertEqual(b.get("/assets/staff.ja.md"), 404)

    def test_one_page_serves_many(self):
        """Thirty people load the overview while others log in: Argon2 does not stop the loop."""
        start = time.monotonic()
        for _ in range(30):
            self.assertEqual(self.people["mado"].get("/"), 200)
        self.assertLess(time.monotonic() - start, 20)


class Idle(unittest.TestCase):
    def test_a_session_ends_by_itself(self):
        office = Office(os.path.abspath(BUILD), idle="60s", max="60s")
        try:
            office.user("mado", "窓口", "", "desk")
            office.start()
            b = office.login("mado")
            self.assertEqual(b.get("/"), 200)
            office.stop()
            db = sqlite3.connect(os.path.join(office.state, "ledger.db"))
            db.execute("UPDATE sessions SET created = created - 61000, seen = seen - 61000")
            db.commit()
            db.close()
            office.start()
            self.assertEqual(b.get("/"), 303)
        finally:
            office.remove()


class Lines(unittest.TextTestResult):
    """`ok NAME` and `FAIL NAME` for tests/run.py, and no whole pages in messages."""

    def addSuccess(self, test):
        super().addSuccess(test)
        print("ok", test.id().removeprefix("__main__."), flush=True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        print("FAIL", test.id().removeprefix("__main__."), flush=True)

    def addError(self, test, err):
        super().addError(test, err)
        print("FAIL", getattr(test, "id", lambda: str(test))().removeprefix("__main__."), flush=True)


if __name__ == "__main__":
    if "--build" in sys.argv:
        at = sys.argv.index("--build")
        BUILD = sys.argv[at + 1]
        del sys.argv[at:at + 2]
    unittest.main(testRunner=unittest.TextTestRunner(resultclass=Lines, verbosity=0))
