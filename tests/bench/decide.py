"""Deciding: CPU per decision with 500 rules and 2,000 grants beside 5 rules and none, alternately in one run."""

import json
import os
import subprocess
import tempfile

from table import Table, median

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
RUNS, ROUNDS, RULES, GRANTS, LIMIT = 9, 60, 500, 2000, 1.2
DEVICES = ["refused stick", "stick with a grant", "keyboard", "webcam with four interfaces", "model that a rule names"]
HEAD = "[policy]\nname = bench\nversion = 1\nzone = internet\nmode = enforce\ndefault = deny\n"
LAST = [("hubs", "kind = hub\naction = allow"), ("input", "kind = input\naction = allow"), ("media", "kind = storage image\naction = grant"),
        ("meetings", "kind = audio video\naction = allow"), ("model", "device = 1209:0007\naction = allow")]


def rules(count):
    """What fills a real policy: models, serial numbers, persons, sections, terminals, ledger numbers, ports, partial models."""
    make = [lambda n: "device = 1209:%04x 1209:%04x\naction = allow" % (0x1000 + n, 0x2000 + n), lambda n: "serial = SN%06d\naction = deny" % n,
            lambda n: "kind = storage\nperson = shokuin%d\naction = grant" % (1000 + n), lambda n: "kind = printer\nsection = ka%d\naction = deny" % n,
            lambda n: "kind = serial vendor\nhost = pc-%04d\naction = allow" % (2000 + n), lambda n: "kind = storage\nledger = M-2026-%04d\naction = grant" % n,
            lambda n: "kind = network\nport = 3-%d.%d\naction = allow" % (n // 8 + 1, n % 8 + 1), lambda n: "device = %04x:c5*\naction = deny" % (0x7000 + n),
            lambda n: "kind = smartcard\ngroup = kakari%d\nhours = 08:30-17:15\ndays = mon-fri\naction = allow" % n]
    many = [("r%d" % n, make[n % len(make)](n)) for n in range(count - len(LAST))]
    return HEAD + "".join("[rule %s]\n%s\n" % rule for rule in many + LAST)


def run(build):
    loop = os.path.join(build, "tests", "bench", "decide_loop")
    subprocess.run(["make", "-s", "BUILD=" + build, loop], cwd=TOP, check=True)
    with tempfile.TemporaryDirectory(prefix="sekimori-bench-") as folder:
        files = {}
        for count in (len(LAST), RULES):
            files[count] = os.path.join(folder, "%d.ini" % count)
            with open(files[count], "w", encoding="utf-8") as out:
                out.write(rules(count))

        def once(count, grants):
            done = subprocess.run([loop, files[count], str(grants), str(ROUNDS)], capture_output=True, text=True, check=True)
            return json.loads(done.stdout)["ns"]
        few, many = [], []
        for _ in range(RUNS):
            few.append(once(len(LAST), 0 + 3))
            many.append(once(RULES, GRANTS))
    table = Table("decide")
    for at, name in enumerate(DEVICES):
        table.add("decision, %s: %d rules and %d grants; peer: %d rules" % (name, RULES, GRANTS, len(LAST)), "ns", median([r[at] for r in many]),
                  median([r[at] for r in few]), LIMIT, RUNS)
    return table
