#!/usr/bin/env python3
"""Writes server/assets/*.{css,svg} as a C table (server/console_assets.h): embed.py OUT.c FILE..."""
import hashlib
import os
import sys

TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


def array(data):
    lines = [data[i:i + 16] for i in range(0, len(data), 16)]
    return "\n".join("\t" + ",".join(str(b) for b in line) + "," for line in lines)


def main(out, files):
    text = ['#include "server/console_assets.h"', ""]
    rows = []
    for number, path in enumerate(sorted(files)):
        with open(path, "rb") as f:
            data = f.read()
        name = os.path.basename(path)
        kind = TYPES[os.path.splitext(name)[1]]
        etag = '"\\"%s\\""' % hashlib.sha256(data).hexdigest()
        text += [f"static const unsigned char data{number}[] = {{", array(data), "};"]
        rows.append(f'\t{{"{name}", "{kind}", {etag}, data{number}, sizeof(data{number})}},')
    text += ["const struct sk_asset sk_assets[] = {", *rows, "\t{0, 0, 0, 0, 0}", "};", ""]
    with open(out + ".tmp", "w", encoding="utf-8") as f:
        f.write("\n".join(text))
    os.replace(out + ".tmp", out)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
