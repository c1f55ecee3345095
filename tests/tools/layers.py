#!/usr/bin/python3
"""Holds the arrows between the layers (docs/architecture.md): which folder may include which, and who alone may use a library."""
import os
import re
import subprocess
import sys

MAY = {
    "common": {"common"},
    "policy": {"policy", "common"},
    "platform": {"platform", "policy", "common"},
    "agent": {"agent", "platform", "policy", "common"},
    "server": {"server", "policy", "common"},
}
# Header (regular expression) -> the only places that may include it.
ALONE = {
    r"openssl/ssl\.h|event2/bufferevent_ssl\.h": r"common/tls\.c",
    r"ini\.h": r"common/ini\.c",
    r"sqlite3\.h": r"server/sql_sqlite\..*|server/store_backup\.c|agent/journal.*",
    r"libpq-fe\.h": r"server/sql_postgres.*",
    r"argon2\.h": r"server/password\.c",
    r"qrencode\.h": r"server/page_qr\.c",
    r"libudev\.h|blkid/blkid\.h|libmount/libmount\.h|libcryptsetup\.h|systemd/sd-bus\.h|systemd/sd-login\.h": r"platform/.*",
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SQL = re.compile(r'"\s*(SELECT|INSERT INTO|INSERT OR|UPDATE \w+ SET|DELETE FROM|CREATE TABLE|PRAGMA)\b')
SQL_PLACES = re.compile(r"server/store_.*|server/sql.*|agent/journal.*")


def problems(path):
    layer = path.split("/")[0]
    with open(path, encoding="utf-8") as handle:
        for number, line in enumerate(handle, 1):
            match = INCLUDE.match(line)
            if match:
                quoted, name = match.group(1) == '"', match.group(2)
                target = name.split("/")[0]
                if quoted and target in MAY and target not in MAY[layer]:
                    yield f"{path}:{number}: {layer}/ may not use {target}/ ({name})"
                if quoted and "/" not in name:
                    yield f"{path}:{number}: include by folder, as in \"{layer}/{name}\""
                for header, place in ALONE.items():
                    if not quoted and re.fullmatch(header, name) and not re.fullmatch(place, path):
                        yield f"{path}:{number}: <{name}> belongs in {place} alone"
            if SQL.search(line) and not SQL_PLACES.fullmatch(path):
                yield f"{path}:{number}: SQL outside the stores"
            if re.search(r"\bSSL_\w+\s*\(", line) and path != "common/tls.c":
                yield f"{path}:{number}: SSL_* outside common/tls.c"
            if re.search(r"\b(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|system|popen|strtok|alloca)\s*\(", line):
                yield f"{path}:{number}: banned function"


def main():
    files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"] + [f"{layer}/*.[ch]" for layer in MAY],
                           check=True, capture_output=True, text=True).stdout.split()
    found = [text for path in sorted(files) if os.path.exists(path) for text in problems(path)]
    print("\n".join(found) or f"layers: {len(files)} files keep to their layer")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
