"""An office in use: sections, people in every role, terminals in every state, requests at every step, hostile names among them."""
import datetime
import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))
import office as o  # noqa: E402

UNITS = [("zeimu", "税務課", "Tax"), ("shimin", "市民課", "Citizens' Affairs"), ("fukushi", "福祉総務課", "Welfare General Affairs"),
         ("doboku", "土木総務課", "Public Works General Affairs"), ("soumu", "総務課", "General Affairs")]
PEOPLE = [("kacho", "税務課長", "zeimu", ["sec"]), ("mado", "デジタル推進課 窓口担当", "", ["desk"]), ("johokan", "情報システム管理者", "", ["sys"]),
          ("kansa", "監査統括責任者", "", ["aud"]), ("kenmu", "福祉総務課長（兼務）", "fukushi", ["sec", "desk"]), ("shokuin", "税務課 主事", "zeimu", ["staff"])]


def terminals(office):
    good = [o.screen(), o.disk(), o.antivirus()]
    plan = [("zeimu", "zei-pc-001", good), ("zeimu", "zei-pc-002", [o.screen(), o.disk("non-compliant"), o.antivirus()]),
            ("zeimu", "zei-pc-003", good), ("zeimu", "zei-pc-004", [o.screen("unknown"), o.disk(), o.antivirus()]),
            ("shimin", "shi-pc-001", good), ("shimin", "shi-pc-002", good), ("shimin", "shi-pc-003", good),
            ("fukushi", "fuku-pc-001", [o.screen("non-compliant"), o.disk(), o.antivirus("non-compliant")]),
            ("fukushi", "fuku-pc-002", [o.screen(), o.disk(), o.antivirus("unknown")]), ("fukushi", "fuku-pc-003", good),
            ("doboku", "do-pc-001", good), ("doboku", "do-pc-002", good), ("doboku", "do-pc-003", None), ("soumu", "sou-pc-001", good)]
    made = {}
    for number, (unit, host, posture) in enumerate(plan, 1):
        t = made[host] = office.terminal(host, unit, f"R06-{number:04}")
        t.event("chain-start", {"previous": "0" * 64})
        t.event("daemon.started", {"version": "0.1.0", "policy": "lgwan-zone"})
        if posture is not None:
            t.report(o.report(posture, seq=t.seq))
    return made


def life(t):
    """What happened on the terminal that is looked at in the pictures."""
    t.event("policy.applied", {"name": "lgwan-zone", "version": 7})
    t.event("device.decided", {**o.keyboard(), "media": None})
    t.event("check.changed", {"id": "disk-encryption", "clause": "4.4(4)", "from": "compliant", "to": "non-compliant",
                              "detail": [{"text": "%1 (%2) is not encrypted.", "args": ["/data", "sdb1"]}]})
    t.event("device.decided", o.attached(o.STICK))
    t.event("device.decided", o.attached(o.HOSTILE))
    t.event("device.removed", o.HOSTILE)


def requests(office, made):
    a, b = made["zei-pc-002"], made["zei-pc-001"]
    a.request("shokuin", o.STICK, "県の説明会資料を受け取り、課内で閲覧するため", "ro", 4)
    b.request("shokuin4", o.SECURE, "固定資産税の評価データを外部委託先へ提出", "rw", 24, "1", "委託事業者")
    a.request("shokuin", o.HOSTILE, "<script>alert('目的')</script> 動作確認", "rw", 2, "2", "<b>別館</b>")
    made["shi-pc-001"].request("kimura", o.NAMELESS, "写真の取り込み", "ro", 1)
    made["fuku-pc-001"].request("shokuin1", o.STICK, "民生委員の会議で配布する資料", "rw", 8, "3", "総合福祉会館")
    made["fuku-pc-002"].request("shokuin3", o.SECURE, "研修会の講義資料", "ro", 8)
    made["zei-pc-003"].request("shokuin", o.SECURE, "前年度の統計表の受け渡し", "ro", 4)
    kacho, mado, kenmu = office.login("kacho"), office.login("mado"), office.login("kenmu")
    done = [kacho.decide(2, "permit"), kenmu.decide(6, "permit"), kacho.decide(7, "permit"), mado.decide(7, "approve", access="ro", until=o.local(3)),
            kenmu.decide(5, "return", reason="提供先の部署名と、配布後の回収方法を書いてください。"),
            kacho.decide(3, "refuse", reason="動作確認は検証用の端末で行ってください。業務上の必要が認められません。")]
    if any(status != 303 for status in done):
        raise AssertionError(f"decisions: {done}")


def reports(made):
    t = made["zei-pc-002"]
    t.report(o.report([o.screen(), o.disk("non-compliant"), o.antivirus()], [o.attached(o.STICK), o.composite(), o.attached(o.HOSTILE)], "shokuin", t.seq))
    t = made["zei-pc-003"]
    t.event("grant.admitted", {**o.SECURE, "access": "ro", "person": "shokuin", "until": o.now_ms() + 3 * 3600000})
    t.event("medium.mounted", {**o.SECURE, "node": "sda1", "mount": "/run/media/shokuin/MEETING", "person": "shokuin", "size": 30752636928})
    t.report(o.report([o.screen(), o.disk(), o.antivirus()], [o.opened(o.SECURE, o.now_ms() + 3 * 3600000)], "shokuin", t.seq))


def media(office, made):
    """Three in the ledger, of which one is lost and one was used; one that waits."""
    t = made["zei-pc-003"]
    for number, (ledger, label, device) in enumerate((("M-2026-0001", "課税資料運搬用", o.SECURE), ("M-2026-0002", "会議資料用", o.STICK),
                                                      ("M-2025-0031", "<b>旧</b> 照会回答用", o.HOSTILE)), 1):
        t.event("media.registered-request", o.registration(device, ledger, label))
        office.cli("media", "approve", str(number))
    office.cli("media", "state", "M-2025-0031", "lost", "--reason", "庁舎間の運搬中に紛失。5月12日に届出。")
    office.cli("media", "state", "M-2026-0002", "lent")
    t.event("medium.mounted", {**o.SECURE, "node": "sda1", "mount": "/run/media/shokuin/KAZEI", "person": "shokuin", "ledger": "M-2026-0001"})
    made["shi-pc-001"].event("media.registered-request", o.registration({**o.STICK, "serial": "4C530001230415117999"}, "M-2026-0003", "窓口集計用"))


def incidents(office, made):
    """One that a terminal's record opened, one that is being handled, one that was nothing."""
    made["fuku-pc-001"].event("medium.infected", {**o.STICK, "file": "a.exe", "signature": "Eicar-Test"})
    kacho, mado = office.login("kacho"), office.login("mado")

    def act(who, number, **fields):
        path = f"/incidents/{number}"
        status = who.post(path, {"csrf": who.csrf(path), **fields})
        if status != 303:
            raise AssertionError(f"{path} {fields}: {status}")

    for who, kind, title, text in ((kacho, "loss", "登録済みUSBメモリ（M-2025-0031）の紛失", "庁舎間の運搬中。暗号化済み。最終確認は本日9時。"),
                                   (kacho, "other", "<b>画面</b>の表示が乱れる", "")):
        if who.post("/incidents", {"csrf": who.csrf("/incidents/new"), "kind": kind, "title": title, "text": text}) != 303:
            raise AssertionError(title)
    act(mado, 2, action="step", state="confirmed", severity="2", text="個人情報を含む媒体の紛失のため、インシデントと評価した。")
    act(mado, 2, action="told", target="ciso", text="")
    act(kacho, 2, action="step", state="responding", severity="0", text="運搬経路を確認中。")
    act(kacho, 2, action="cause", text="施錠できる鞄を使わずに運搬した。")
    act(mado, 3, action="step", state="nothing", severity="0", text="表示装置の故障。")
    act(mado, 3, action="step", state="closed", severity="0", text="")


def organisation(office, made):
    """A bureau over the sections, posts with titles, and two applications."""
    for name, table in (("units", "unit,parent,kind,name_ja,name_en\nzaisei,,bureau,財政局,Finance Bureau\nzeimu,zaisei,section,,\nkazei1,zeimu,subsection,課税第一係,Assessment 1\n"),
                        ("people", "user,unit,role,title\nkacho,zeimu,sec,税務課長\nshokuin,kazei1,staff,主事\nmado,,desk,\n")):
        path = os.path.join(office.folder, name + ".csv")
        with open(path, "w", encoding="utf-8-sig") as f:
            f.write(table)
        office.cli("org", "import", path)
    b = office.login("shokuin")
    for kind, more in (("takeout_info", {"permit.transport": "1", "carrier": "鍵付きケース"}), ("software", {"software": "LibreOffice 7.4", "hardware": "zei-pc-001"})):
        b.get(f"/applications/new?kind={kind}")
        status = b.post("/applications", {"csrf": b.csrf(), "action": "apply", "kind": kind, "once": os.urandom(16).hex(), "class": "2" if kind[0] == "t" else "",
                                          "purpose": "住民説明会で配る資料の確認", "what": "説明会名簿", "destination": "河西支所", "from": o.local(0)[:10], "until": o.local(72)[:10], **more})
        assert status == 303, b.page
    taken_out(office, made, b)


def taken_out(office, made, b):
    """An application for a registered medium, permitted; and a medium that was disposed of, with its certificate."""
    kacho = office.login("kacho")
    b.get("/applications/new?kind=takeout_medium")
    status = b.post("/applications", {"csrf": b.csrf(), "action": "apply", "kind": "takeout_medium", "once": os.urandom(16).hex(), "class": "2",
                                      "purpose": "住民説明会", "hardware": "USBメモリ", "what": "説明会資料", "destination": "河西支所", "encryption": "あり",
                                      "medium": "M-2026-0001", "terminal": "zei-pc-001", "access": "rw", "from": o.local(0)[:10], "until": o.local(72)[:10]})
    assert status == 303, b.page
    path = b.headers["Location"].split("?")[0]
    kacho.get(path)
    assert kacho.post(path, {"csrf": kacho.csrf(), "action": "permit"}) == 303
    made.event("media.registered-request", o.registration({**o.STICK, "serial": "4C53000999"}, "M-2024-0007", "旧会議資料用"))
    office.cli("media", "approve", "5")
    office.cli("media", "state", "M-2024-0007", "disposed", "--reason", "破砕機で破砕。立会あり。")


def inspections(office):
    """An audit with answers, a finding that was reported as mended and one that is open."""
    kansa, kacho = office.login("kansa"), office.login("kacho")

    def act(who, **fields):
        status = who.post("/inspections/1", {"csrf": who.csrf("/inspections/1"), **fields})
        assert status == 303, (fields, status)

    status = kansa.post("/inspections", {"csrf": kansa.csrf("/inspections"), "title": "令和8年度 定期監査", "text": "媒体の管理と端末の設定を確認する。", "until": o.local(720)[:10],
                                         "items": "5.1(1)キ 離席時に画面をロックしているか\n4.4(4) 端末のディスクを暗号化しているか\n6.4(2)エ 市が管理する媒体だけを使っているか"})
    assert status == 303, kansa.page
    act(kacho, action="answer", item="1", unit="zeimu", answer="met", text="画面ロックの設定を全端末で確認した。")
    act(kacho, action="answer", item="2", unit="zeimu", answer="not-met", text="1台が未実施。")
    act(kansa, action="find", unit="zeimu", clause="4.4(4)", degree="2", text="zei-pc-002 のデータ領域が暗号化されていない。", evidence="写真1", due=o.local(240)[:10])
    act(kansa, action="find", unit="fukushi", clause="6.4(2)ア", degree="3", text="ウイルス対策が止まっている端末がある。", due=o.local(-240)[:10])
    act(kacho, action="improve", finding="1", text="再構築し、暗号化した。")


def silence(office, *hosts):
    """Nobody can wait three days: the ledger is told that these were last heard of then."""
    office.stop()
    db = sqlite3.connect(os.path.join(office.state, "ledger.db"))
    for host in hosts:
        db.execute("UPDATE terminals SET last_contact = last_contact - 9 * 86400000, enrolled = enrolled - 90 * 86400000 WHERE host = ?", (host,))
    db.commit()
    db.close()
    office.start()


def days(office, made):
    """Ninety days of counts, with days on which the server did not run."""
    office.stop()
    db = sqlite3.connect(os.path.join(office.state, "ledger.db"))
    whole = "SELECT '', coalesce(t.state, 'unknown'), t.unit FROM terminals t"
    each = 'SELECT p."check", p.state, t.unit FROM posture p JOIN terminals t ON t.id = p.device'
    rows = db.execute(f"WITH v(kind, state, unit) AS ({whole} UNION ALL {each}) SELECT kind, '', state, count(*) FROM v GROUP BY 1, 3 UNION ALL "
                      "SELECT kind, above, state, count(*) FROM v JOIN unit_within w ON w.unit = v.unit GROUP BY 1, 2, 3").fetchall()
    rows.append(("", "", "terminals", len(made)))
    today = datetime.date.today()
    for back in range(1, 91):
        if back in (20, 21, 55):
            continue
        day = int((today - datetime.timedelta(days=back)).strftime("%Y%m%d"))
        for check, unit, state, n in rows:
            n = n if state == "terminals" else max(0, n + (back // 12 if state in ("unknown", "non-compliant") else 0))
            db.execute("INSERT INTO compliance_days VALUES(?,?,?,?,?)", (check, unit, day, state, n))
    db.commit()
    db.close()
    office.start()


def fill(office):
    for unit in UNITS:
        office.unit(*unit)
    for user, name, unit, roles in PEOPLE:
        office.user(user, name, unit, *roles)
    office.start()
    made = terminals(office)
    life(made["zei-pc-002"])
    requests(office, made)
    reports(made)
    media(office, made)
    incidents(office, made)
    organisation(office, made["zei-pc-003"])
    inspections(office)
    silence(office, "do-pc-002", "do-pc-003")
    days(office, made)
    return made
