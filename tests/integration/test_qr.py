#!/usr/bin/env python3
"""QR codes of the console's pages, drawn by a renderer of SVG and read by a reader of QR codes.

    test_qr.py [--build DIR] [unittest arguments]
"""
import html
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import server_lib  # noqa: E402
from server_lib import Browser, Server  # noqa: E402


def read_codes(page):
    """The texts of all QR codes of a page."""
    found = []
    for svg in re.findall(r'<svg class="qr".*?</svg>', page, re.S):
        picture = subprocess.run(["rsvg-convert", "--width", "600", "--keep-aspect-ratio"], capture_output=True, check=True,
                                 input=svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).encode()).stdout
        found.append(subprocess.run(["zbarimg", "--quiet", "--raw", "-"], input=picture, capture_output=True, check=True).stdout.decode().rstrip("\n"))
    return found


class Codes(unittest.TestCase):
    def test_second_factor(self):
        server = Server(office__name_en="City Hall & Annex")
        self.addCleanup(server.remove)
        server.people()
        server.start()
        b = Browser(server, "desk", "desk-password-1")
        _, page = b.get("/account")
        form = re.search(r'<form.*?value="begin".*?</form>', page, re.S).group(0)
        status, page = b.post("/account", b.fields(form, action="begin"))
        self.assertEqual(status, 200)
        said = html.unescape(re.search(r'id="otpauth">([^<]*)<', page).group(1))
        self.assertTrue(said.startswith("otpauth://totp/City%20Hall%20%26%20Annex"), said)
        self.assertEqual(read_codes(page), [said])


if __name__ == "__main__":
    for tool in ("rsvg-convert", "zbarimg"):
        assert shutil.which(tool), tool + " is missing; run packaging/setup.sh"
    server_lib.main("__main__")
