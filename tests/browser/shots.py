#!/usr/bin/env python3
"""Pictures of every page of the console in a real browser, and checks of each (tests/browser/shots.js). Needs chromium, node and npm.

    shots.py [--build DIR] [--out DIR] [--only TEXT]     pictures go to BUILD/shots
    shots.py --guide DIR                                 only those that the guides show, reduced by pngquant, into DIR
"""
import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
sys.path.insert(0, HERE)
from office import Office  # noqa: E402
import seed  # noqa: E402

MODULES = ["playwright-core@1.49.1", "axe-core@4.10.2"]  # the only two; nothing is downloaded by them


def modules(build):
    folder = os.path.join(build, "browser")
    if not os.path.isdir(os.path.join(folder, "node_modules", "axe-core")):
        os.makedirs(folder, exist_ok=True)
        subprocess.run(["npm", "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder, *MODULES], check=True,
                       env=dict(os.environ, PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD="1"))
    return os.path.join(folder, "node_modules")


def pages(made):
    """(name, who, address, status)"""
    bad, open_medium, silent = made["zei-pc-002"].id, made["zei-pc-003"].id, made["do-pc-003"].id
    return [("login", None, "/login", 200), ("overview-desk", "mado", "/", 200), ("overview-sec", "kacho", "/", 200),
            ("overview-two-roles", "kenmu", "/", 200), ("terminals", "mado", "/terminals", 200),
            ("compliance", "mado", "/compliance", 200), ("compliance-unit", "kacho", "/compliance?days=90", 200),
            ("compliance-check", "johokan", "/compliance/disk-encryption", 200), ("terminals-empty", "mado", "/terminals?find=zzz", 200),
            ("terminal", "mado", f"/terminals/{bad}", 200), ("terminal-medium", "kacho", f"/terminals/{open_medium}", 200),
            ("terminal-silent", "johokan", f"/terminals/{silent}", 200), ("requests", "mado", "/requests?state=all", 200),
            ("request-manager", "kacho", "/requests/1", 200), ("request-helpdesk", "mado", "/requests/2", 200),
            ("request-issued", "mado", "/requests/7", 200), ("request-hostile", "kacho", "/requests/3", 200),
            ("request-done", "kacho", "/requests/2?done=permit", 200), ("own-requests", "shokuin", "/requests?state=all", 200),
            ("phone", "mado", "/phone", 200), ("notices", "mado", "/notices", 200), ("media", "johokan", "/media", 200),
            ("incidents", "mado", "/incidents?state=all", 200), ("incident", "mado", "/incidents/2", 200), ("incident-new", "shokuin", "/incidents/new", 200),
            ("incident-sign", "kansa", "/incidents/1", 200),
           
            ("media-section", "kacho", "/media", 200), ("medium", "mado", "/media/M-2026-0001", 200),
            ("medium-lost", "kansa", "/media/M-2025-0031", 200), ("labels", "mado", "/labels", 200),
            ("certificate", "mado", "/certificates/M-2024-0007", 200), ("application-back", "mado", "/applications/3", 200),
            ("application-medium", "shokuin", "/applications/new?kind=takeout_medium", 200),
            ("organisation", "johokan", "/organisation", 200), ("organisation-manager", "kacho", "/organisation", 200),
            ("forms", "mado", "/forms", 200), ("tokens", "mado", "/tokens", 200), ("inspections", "kansa", "/inspections", 200), ("inspection-manager", "kacho", "/inspections/1", 200),
            ("inspection-auditor", "kansa", "/inspections/1", 200), ("form-takeouts", "mado", "/forms/takeouts", 200), ("form-incidents", "kacho", "/forms/incidents", 200),
            ("account", "johokan", "/account", 200), ("search", "mado", "/search?find=zei", 200),
            ("applications", "mado", "/applications?state=all", 200), ("application-new", "shokuin", "/applications/new?kind=takeout_info", 200),
            ("application-manager", "kacho", "/applications/1", 200), ("application-own", "shokuin", "/applications/1", 200),
            ("kinds", "johokan", "/kinds", 200),
            ("audit", "kansa", "/audit", 200), ("help", "mado", "/help", 200),
            *((f"guide-{name}", None, f"/help/{name}", 200) for name in ("staff", "helpdesk", "manager", "administrator", "auditor")),
            ("error-403", "kacho", "/audit", 403),
            ("error-404", "mado", "/terminals/none", 404)]


VIEWS = [("ja-1280", "ja", 1280, False), ("en-1280", "en", 1280, False), ("ja-1280-dark", "ja", 1280, True), ("ja-390", "ja", 390, False),
         ("en-390-dark", "en", 390, True), ("ja-640-zoom", "ja", 640, False), ("ja-320", "ja", 320, False)]


GUIDE = {"overview-sec": "overview", "request-helpdesk": "request", "phone": "phone"}  # what the guides show, and under which name


def reduce(out, folder):
    """Pictures of the pages in GUIDE, both languages, small enough to be part of the program."""
    for page, name in GUIDE.items():
        for lang in ("ja", "en"):
            subprocess.run(["pngquant", "--force", "--strip", "--speed", "1", "32", "--output", os.path.join(folder, f"{name}.{lang}.png"),
                            os.path.join(out, f"{page}.{lang}-1280.png")], check=True)


def plan(office, made, only):
    people = {user: office.login(user).cookies for user, _, _, _ in seed.PEOPLE}
    shots = []
    for name, who, url, status in pages(made):
        for view, lang, width, dark in VIEWS:
            shots.append({"name": f"{name}.{view}", "url": url, "status": status, "lang": lang, "width": width, "dark": dark,
                          "cookies": {**(people[who] if who else {}), "__Host-sekimori-lang": lang}})
        if name in ("terminal", "request-helpdesk", "overview-desk", "form-takeouts", "form-incidents", "labels", "certificate"):
            shots.append({"name": f"{name}.print", "url": url, "lang": "ja", "width": 900, "print": True,
                          "cookies": {**people[who], "__Host-sekimori-lang": "ja"}})
        if name == "terminal":
            shots.append({"name": f"{name}.open", "url": url, "lang": "ja", "width": 1280, "open": True,
                          "cookies": {**people[who], "__Host-sekimori-lang": "ja"}})
    return {"origin": f"https://localhost:{office.console_port}", "shots": [s for s in shots if only in s["name"]]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.environ.get("BUILD", "build"))
    parser.add_argument("--out")
    parser.add_argument("--only", default="")
    parser.add_argument("--guide")
    args = parser.parse_args()
    build = os.path.abspath(args.build)
    out = os.path.abspath(args.out or os.path.join(build, "shots"))
    node_path = modules(build)
    office = Office(build)
    try:
        made = seed.fill(office)
        file = os.path.join(office.folder, "plan.json")
        with open(file, "w", encoding="utf-8") as f:
            made_plan = plan(office, made, args.only)
            if args.guide:
                wanted = {f"{page}.{lang}-1280" for page in GUIDE for lang in ("ja", "en")}
                made_plan["shots"] = [shot for shot in made_plan["shots"] if shot["name"] in wanted]
            json.dump(made_plan, f)
        status = subprocess.run(["node", os.path.join(HERE, "shots.js"), file, out], env=dict(os.environ, NODE_PATH=node_path), check=False).returncode
        if args.guide and status == 0:
            reduce(out, args.guide)
        return status
    finally:
        office.remove()


if __name__ == "__main__":
    sys.exit(main())
