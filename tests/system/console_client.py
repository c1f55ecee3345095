"""The console as a browser without JavaScript would use it: pages, forms, one person's cookie. Standard library only."""

import html.parser
import http.client
import http.cookies
import socket
import ssl
import time
import urllib.parse


class Forms(html.parser.HTMLParser):
    """The forms of a page: action, fields with their present values, and the buttons that submit."""

    def __init__(self, page):
        super().__init__()
        self.forms, self.form, self.select, self.area = [], None, None, None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "form":
            self.form = {"action": a.get("action", ""), "method": a.get("method", "get").lower(), "fields": {}, "boxes": set(), "buttons": []}
            self.forms.append(self.form)
        if self.form is None:
            return
        name = a.get("name")
        if tag == "input" and name and a.get("type") not in ("submit", "checkbox", "radio"):
            self.form["fields"][name] = a.get("value", "")
        elif tag == "input" and name and a.get("type") in ("checkbox", "radio") and "checked" in a:
            self.form["fields"][name] = a.get("value", "on")
        elif tag == "input" and name and a.get("type") == "checkbox":
            self.form["boxes"].add(name)  # sent only when it is asked for
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select:
            if "selected" in a or self.select not in self.form["fields"]:
                self.form["fields"][self.select] = a.get("value", "")
        elif tag == "textarea":
            self.form["fields"][name] = ""
        elif tag == "button" or (tag == "input" and a.get("type") == "submit"):
            self.form["buttons"].append((name, a.get("value", "")))

    def handle_endtag(self, tag):
        if tag == "form":
            self.form = None
        elif tag == "select":
            self.select = None


class Console:
    """One person's session at the console."""

    def __init__(self, port, ca_file, host="127.0.0.1"):
        self.host, self.port = host, port
        self.context = ssl.create_default_context(cafile=ca_file)
        self.cookies, self.page, self.path = {}, "", "/"

    def request(self, method, path, body=None):
        connection = http.client.HTTPSConnection(self.host, self.port, context=self.context, timeout=30)
        headers = {"Accept-Language": "en", "Origin": "https://%s:%d" % (self.host, self.port), "Sec-Fetch-Site": "same-origin"}
        if self.cookies:
            headers["Cookie"] = "; ".join("%s=%s" % pair for pair in self.cookies.items())
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        for line in answer.headers.get_all("Set-Cookie") or []:
            for name, morsel in http.cookies.SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        connection.close()
        if answer.status in (302, 303):
            return self.request("GET", answer.headers["Location"])
        self.status, self.page, self.path = answer.status, text, path
        return text

    def get(self, path):
        text = self.request("GET", path)
        if self.status != 200:
            raise AssertionError("GET %s: %d" % (path, self.status))
        return text

    def submit(self, button=None, **values):
        """Fills in the form of the present page that has this button (name, value) or all these fields, and sends it."""
        for form in Forms(self.page).forms:
            if form["method"] != "post":
                continue
            if button is not None and button not in form["buttons"]:
                continue
            if any(name not in form["fields"] and name not in form["boxes"] for name in values):
                continue
            fields = dict(form["fields"], **values)
            if button is not None and button[0]:
                fields[button[0]] = button[1]
            return self.request("POST", form["action"] or self.path, urllib.parse.urlencode(fields))
        raise AssertionError("no form with button %s and fields %s on %s" % (button, sorted(values), self.path))

    def login(self, user, password):
        self.get("/login")
        self.submit(user=user, password=password)
        if self.status != 200 or "/logout" not in self.page:
            raise AssertionError("login of %s failed (%d)" % (user, self.status))


def wait_port(port, seconds=20):
    """Until something accepts connections on this loopback port."""
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
