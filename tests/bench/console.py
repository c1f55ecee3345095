"""The console at the size of a city: how long the server takes for each page with 4,000 terminals, 90 days of history, 20,000 requests and 3,000 media, and the
overview with 100,000 terminals. Times are the server's own (CPU of its main thread for each request), so that other work on the machine does not count."""

import http.client
import os
import sqlite3
import sys

from table import Table, percentile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))

TERMINALS, REQUESTS, MEDIA, DAYS, LARGE = 4000, 20000, 3000, 90, 100000
BUREAUS, SECTIONS, EVENTS = 8, 10, 40   # a bureau's sections; events of each terminal
ROUNDS = 15
PAGE_MS, OVERVIEW_MS = 50, 150


def copies(db, table, row, own, count, start=1):
    """count copies of the row of a table that `row` picks; own: expressions over n.value for the columns that differ."""
    columns = [c[1] for c in db.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(own.get(c, f'x."{c}"') for c in columns)
    names = ", ".join(f'"{c}"' for c in columns)
    db.execute(f"WITH RECURSIVE n(value) AS (SELECT {start} UNION ALL SELECT value + 1 FROM n WHERE value < {start + count - 1}) "
               f"INSERT INTO {table}({names}) SELECT {values} FROM n JOIN (SELECT * FROM {table} WHERE {row} LIMIT 1) AS x")


def units(office):
    lines = ["unit,parent,kind,name_ja,name_en"]
    for b in range(BUREAUS):
        lines.append(f"b{b},,bureau,局{b},Bureau {b}")
        lines += [f"s{b}-{s},b{b},section,課{b}-{s},Section {b}-{s}" for s in range(SECTIONS)]
    path = os.path.join(office.folder, "units.csv")
    with open(path, "w", encoding="utf-8-sig") as f:
        f.write("\n".join(lines) + "\n")
    office.cli("org", "import", path)


UNIT = f"'s' || (n.value % {BUREAUS}) || '-' || (n.value / {BUREAUS} % {SECTIONS})"
ID = "printf('00000000-0000-4000-8000-%012d', n.value)"
STATE = "CASE n.value % 20 WHEN 0 THEN 'non-compliant' WHEN 1 THEN 'unknown' WHEN 2 THEN 'in-grace' ELSE 'compliant' END"


def terminals(db, pc, count, start=1):
    contact = f"CASE n.value % 33 WHEN 0 THEN x.last_contact - {9 * 86400000} ELSE x.last_contact END"
    copies(db, "terminals", f"id = '{pc}'", {"id": ID, "host": "'pc-' || n.value", "asset": "'A-' || n.value", "unit": UNIT,
                                             "fingerprint": "printf('%064d', n.value)", "state": STATE, "last_contact": contact, "previous": "NULL"}, count, start)
    copies(db, "reports", f"device = '{pc}'", {"device": ID}, count, start)
    for check in ("screen-lock", "disk-encryption", "antivirus"):
        copies(db, "posture", f"device = '{pc}' AND \"check\" = '{check}'", {"device": ID, "state": STATE}, count, start)


def history(db, pc):
    for k in range(6):
        copies(db, "posture_history", f"device = '{pc}'", {"id": f"{1000 + k * TERMINALS} + n.value", "device": ID,
                                                           "time": f"x.time - (n.value * 7919 + {k}) % {DAYS} * 86400000"}, TERMINALS)
    copies(db, "events", f"device = '{pc}'", {"id": "100 + n.value", "device": f"printf('00000000-0000-4000-8000-%012d', n.value % {TERMINALS} + 1)",
                                              "seq": f"n.value / {TERMINALS} + 1", "received": f"x.received - n.value % {DAYS} * 86400000",
                                              "refused": "n.value % 9 = 0"}, TERMINALS * EVENTS)
    states = "VALUES('compliant', 3400), ('non-compliant', 200), ('unknown', 200), ('in-grace', 200), ('terminals', 4000)"
    db.execute("WITH RECURSIVE d(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM d WHERE n < 365), s(state, k) AS (" + states + "), u(unit) AS (SELECT '' UNION ALL SELECT key FROM units)"
               " INSERT OR IGNORE INTO compliance_days SELECT '', unit, CAST(strftime('%Y%m%d', 'now', '-' || n || ' days') AS INTEGER), state, k FROM d, s, u"
               " WHERE state <> 'terminals' OR unit = ''")


def work(db):
    copies(db, "requests", "number = 1", {"number": "n.value + 1", "id": "printf('20000000-0000-4000-8000-%012d', n.value)",
                                          "terminal": f"printf('00000000-0000-4000-8000-%012d', n.value % {TERMINALS} + 1)", "person": "'person' || n.value % 900",
                                          "fiscal_serial": "n.value + 1", "state": "CASE WHEN n.value % 200 = 0 THEN 'submitted' ELSE 'refused' END",
                                          "created": f"x.created - (20000 - n.value) * {DAYS * 86400000 // REQUESTS}"}, REQUESTS - 1)
    copies(db, "media", "1", {"ledger": "printf('M-2026-%04d', n.value + 1)", "device_key": "printf('%064d', n.value)", "media_key": "printf('%064x', n.value)",
                              "serial": "'S' || n.value", "unit": UNIT}, MEDIA - 1)


def build_office(build):
    import office as o
    office = o.Office(build)
    units(office)
    for user, unit, role in (("mado", "", "desk"), ("kacho", "s1-1", "sec"), ("kansa", "", "aud")):
        office.user(user, user, unit, role)
    office.start()
    t = office.terminal("pc-0", "s0-0", "A-0")
    t.event("device.decided", o.attached(o.STICK))
    t.report(o.report([o.screen(), o.disk(), o.antivirus()], [o.attached(o.STICK)], seq=1))
    t.event("media.registered-request", o.registration(o.SECURE, "M-2026-0001", "x"))
    office.cli("media", "approve", "1")
    t.request("shokuin", o.STICK, "会議資料の受け取り")
    return office, t.id


def fill(office, what):
    office.stop()
    db = sqlite3.connect(os.path.join(office.state, "ledger.db"))
    for step in what:
        step(db)
    db.commit()
    db.execute("ANALYZE")
    db.commit()
    db.close()
    office.start()


def cpu_ms(office):
    with open(f"/proc/{office.process.pid}/task/{office.process.pid}/schedstat", encoding="ascii") as f:
        return int(f.read().split()[0]) / 1e6


def times(office, user, path, rounds=ROUNDS):
    b = office.login(user)
    connection = http.client.HTTPSConnection("localhost", office.console_port, context=b.context, timeout=60)
    cookie = "; ".join(f"{k}={v}" for k, v in b.cookies.items())
    spent = []
    for _ in range(rounds + 1):
        begun = cpu_ms(office)
        connection.request("GET", path, headers={"Cookie": cookie})
        answer = connection.getresponse()
        answer.read()  # it is answered: what the request cost is spent
        spent.append(cpu_ms(office) - begun)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
    connection.close()
    return spent[1:]  # the first one makes the TLS connection


PAGES = [("mado", "/"), ("kacho", "/"), ("mado", "/compliance"), ("mado", "/compliance?days=365"), ("kacho", "/compliance"), ("mado", "/compliance/antivirus"), ("mado", "/terminals"),
         ("mado", "/terminals?find=pc-39"), ("mado", "/terminals?state=non-compliant&page=3"), ("mado", "/requests"), ("mado", "/requests?state=all&page=100"), ("mado", "/requests/777"),
         ("mado", "/media"), ("mado", "/media?page=40"), ("mado", "/media/M-2026-0500"), ("mado", "/search?find=39"), ("mado", "/incidents"), ("mado", "/applications"),
         ("mado", "/organisation"), ("kansa", "/audit"), ("mado", "/inspections"), ("mado", "/forms"), ("mado", "/notices"), ("mado", "/account")]


def run(build):
    table = Table("console")
    office, pc = build_office(build)
    try:
        fill(office, [lambda db: terminals(db, pc, TERMINALS), lambda db: history(db, pc), work])
        first = "00000000-0000-4000-8000-%012d" % 7
        for user, path in [*PAGES, ("mado", f"/terminals/{first}")]:
            table.add(f"{path} as {user}, p95", "ms", percentile(times(office, user, path), 0.95), None, PAGE_MS, ROUNDS)
        fill(office, [lambda db: terminals(db, pc, LARGE - TERMINALS, TERMINALS + 1)])
        table.add(f"/ as mado with {LARGE} terminals, p95", "ms", percentile(times(office, "mado", "/"), 0.95), None, OVERVIEW_MS, ROUNDS)
    finally:
        office.remove()
    return table
