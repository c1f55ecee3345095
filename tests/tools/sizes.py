#!/usr/bin/python3
"""Holds the size of functions and files: a function over 80 lines or a file over 600 has too much in it. Prints also how many are over
the aims (40 and 400), which do not fail."""
import os
import re
import subprocess
import sys

FUNCTION_LIMIT, FILE_LIMIT = 80, 600
FUNCTION_AIM, FILE_AIM = 40, 400


def functions(lines):
    """Bodies open with a brace in column 0 and close with one in column 0, as the format says; tables and structs are skipped."""
    start, name = None, ""
    for number, line in enumerate(lines, 1):
        if line.startswith("{") and number > 1:
            start = number
            back = number - 2
            while back > 0 and lines[back][:1] in ("\t", " "):
                back -= 1
            match = re.search(r"(\w+)\s*\(", lines[back])
            name = match.group(1) if match else "?"
        elif line.startswith("}") and start:
            yield name, start, number - start + 1
            start = None


def main():
    files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.c"],
                           check=True, capture_output=True, text=True).stdout.split()
    bad, long_functions, long_files, count = [], 0, 0, 0
    for path in files:
        if not os.path.exists(path):
            continue
        with open(path, encoding="utf-8") as handle:
            lines = handle.read().splitlines()
        long_files += len(lines) > FILE_AIM
        if len(lines) > FILE_LIMIT:
            bad.append(f"{path}: {len(lines)} lines, at most {FILE_LIMIT}")
        for name, start, length in functions(lines):
            count += 1
            long_functions += length > FUNCTION_AIM
            if length > FUNCTION_LIMIT:
                bad.append(f"{path}:{start}: {name} has {length} lines, at most {FUNCTION_LIMIT}")
    print("\n".join(bad) if bad else f"sizes: {len(files)} files, {count} functions within limits")
    print(f"sizes: {long_functions} functions over {FUNCTION_AIM} lines, {long_files} files over {FILE_AIM}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
