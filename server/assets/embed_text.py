#!/usr/bin/env python3
"""Writes a text file as a C array of characters: embed_text.py NAME HEADER OUT.c FILE"""
import os
import sys


def main(name, header, out, path):
    with open(path, "rb") as f:
        data = f.read() + b"\0"
    lines = ["\t" + ",".join(str(b if b < 128 else b - 256) for b in data[i:i + 16]) + "," for i in range(0, len(data), 16)]
    with open(out + ".tmp", "w", encoding="utf-8") as f:
        f.write("\n".join([f'#include "{header}"', "", f"const char {name}[] = {{", *lines, "};", ""]))
    os.replace(out + ".tmp", out)


if __name__ == "__main__":
    main(*sys.argv[1:])
