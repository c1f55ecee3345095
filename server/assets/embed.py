#!/usr/bin/env python3
"""Writes server/assets/*.{css,svg}, the guides of docs/guide (Markdown, made HTML by cmark-gfm) and their pictures as a C table
(server/console_assets.h): embed.py OUT.c FILE..."""
import hashlib
import os
import re
import subprocess
import sys

TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png", ".md": ""}


def guide(path):
    """The body of a page. What leads out of the console (other documents) becomes plain text, pictures come from /assets/."""
    html = subprocess.run(["cmark-gfm", "-e", "table", path], check=True, stdout=subprocess.PIPE).stdout.decode()
    html = re.sub(r'<a href="(?!#)[^"]*">(.*?)</a>', r"\1", html)
    html = html.replace('<img src="images/', '<img src="/assets/')
    html = html.replace("<table>", '<div class="scroll" tabindex="0"><table>').replace("</table>", "</table></div>")
    return html.encode()


def array(data):
    lines = [data[i:i + 16] for i in range(0, len(data), 16)]
    return "\n".join("\t" + ",".join(str(b) for b in line) + "," for line in lines)


def main(out, files):
    text = ['#include "server/console_assets.h"', ""]
    rows = []
    for number, path in enumerate(sorted(files)):
        if path.endswith(".md"):
            data = guide(path)
        else:
            with open(path, "rb") as f:
                data = f.read()
        name = os.path.basename(path)
        kind = TYPES[os.path.splitext(name)[1]]
        etag = '"\\"%s\\""' % hashlib.sha256(data).hexdigest()
        text += [f"static const unsigned char data{number}[] = {{", array(data + b"\0"), "};"]
        rows.append(f'\t{{"{name}", "{kind}", {etag}, data{number}, sizeof(data{number}) - 1}},')
    text += ["const struct sk_asset sk_assets[] = {", *rows, "\t{0, 0, 0, 0, 0}", "};", ""]
    with open(out + ".tmp", "w", encoding="utf-8") as f:
        f.write("\n".join(text))
    os.replace(out + ".tmp", out)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
