#!/usr/bin/env python3
"""Every text for people has its Japanese (make po-check).

Takes the msgids out of all sources (N_("...") and sk_tr(lang, "...")), joins po/fragments/*.po, and fails with a list when a text has no
translation, when the translation does not use the same %1..%9 or printf conversions, or when a translation has no text any more.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SPEC = re.compile(r"%(?:[1-9](?![0-9]*\$)|%|(?:\d+\$)?[-+ #0]*\d*(?:\.\d+)?(?:hh|h|ll|l|z|j|t)?[diouxXcsfgeGEp])")


def unquote(text):
    return "".join(part.encode("latin-1", "backslashreplace").decode("unicode_escape").encode("latin-1", "ignore").decode("utf-8", "replace")
                   if part.isascii() else part.replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")
                   for part in re.findall(r'"((?:[^"\\]|\\.)*)"', text))


def entries(path):
    """(msgid, msgstr, fuzzy, where) of a .po or .pot file."""
    with open(path, encoding="utf-8") as f:
        blocks = re.split(r"\n\s*\n", f.read())
    for block in blocks:
        m = re.search(r'^msgid ((?:"(?:[^"\\]|\\.)*"\s*)+)^msgstr ((?:"(?:[^"\\]|\\.)*"\s*)+)', block + "\n", re.M)
        if m is None:
            continue
        where = re.findall(r"^#: (.*)$", block, re.M)
        yield unquote(m[1]), unquote(m[2]), "#, fuzzy" in block, " ".join(where)


def specs(text):
    return sorted(s for s in SPEC.findall(text) if s != "%%")


def main():
    sources = sorted(p for folder in ("common", "policy", "platform", "agent", "server")
                     for p in glob.glob(os.path.join(ROOT, folder, "*.[ch]")))
    with tempfile.TemporaryDirectory() as tmp:
        pot, ja = os.path.join(tmp, "all.pot"), os.path.join(tmp, "ja.po")
        subprocess.run(["xgettext", "--language=C", "--from-code=UTF-8", "--no-wrap", "--keyword", "--keyword=N_", "--keyword=sk_tr:2",
                        "--output", pot, *[os.path.relpath(s, ROOT) for s in sources]], check=True, cwd=ROOT)
        subprocess.run([os.path.join(ROOT, "po", "merge.sh"), ja], check=True)
        texts = {i: where for i, _, _, where in entries(pot) if i}
        translated = {i: (s, fuzzy) for i, s, fuzzy, _ in entries(ja) if i}

    problems = []
    for msgid, where in sorted(texts.items(), key=lambda t: t[1]):
        msgstr, fuzzy = translated.get(msgid, ("", False))
        if not msgstr or fuzzy:
            problems.append(f"{where}: no Japanese for: {msgid!r}")
        elif specs(msgid) != specs(msgstr):
            problems.append(f"{where}: other placeholders in the Japanese of: {msgid!r} -> {msgstr!r}")
    unused = sorted(set(translated) - set(texts))
    problems += [f"po/fragments: nothing uses: {msgid!r}" for msgid in unused]
    for line in problems:
        print(line)
    print(f"po-check: {len(texts)} texts, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
