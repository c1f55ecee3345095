"""sekimori-session on a session bus of its own: a played sekimorid on the control socket, python-dbusmock as the notification daemon."""

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

import dbus
import dbusmock

BUILD = os.environ.get("BUILD", "build")
NAME, PATH = "org.freedesktop.Notifications", "/org/freedesktop/Notifications"
REFUSED = {"kind": "device.decided", "device": "1-2", "device_key": "a" * 64, "product": "Stick <b>", "reason": "no-grant", "rule": "media",
           "text_ja": "Stick <b> & は開きませんでした。", "text_en": "Stick <b> & was not opened.", "ask": True}


def wait(probe, what, seconds=20):
    end = time.monotonic() + seconds
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError("not within %d s: %s" % (seconds, what))
        time.sleep(0.02)


class PlayedAgent:
    """The control socket: `watch` is answered from a list, everything else is kept."""

    def __init__(self, path):
        self.path, self.notices, self.requests, self.watchers, self.garbage = path, [], [], 0, None
        self.lock = threading.Lock()
        self.open()

    def open(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.stream = os.urandom(4).hex()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(8)
        self.clients = []
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def close(self):
        for s in [self.listener, *self.clients]:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.clients.append(client)
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            while True:
                head = client.recv(4, socket.MSG_WAITALL)
                if len(head) < 4:
                    return
                question = json.loads(client.recv(struct.unpack(">I", head)[0], socket.MSG_WAITALL))
                text = self.answer(question)
                client.sendall(text if isinstance(text, bytes) else struct.pack(">I", len(text.encode())) + text.encode())
        except OSError:
            pass

    def answer(self, question):
        if question["op"] != "watch":
            self.requests.append(question)
            return json.dumps({"ok": True, "id": "x"})
        place = question.get("after", 0) if question.get("stream") == self.stream else 0
        self.watchers += 1
        while True:
            with self.lock:
                if self.garbage is not None:
                    garbage, self.garbage = self.garbage, None
                    return garbage
                if len(self.notices) > place:
                    return json.dumps({"ok": True, "stream": self.stream, "next": len(self.notices), "lost": False, "notices": self.notices[place:]})
            time.sleep(0.01)

    def put(self, *notices):
        with self.lock:
            self.notices += notices


class Session(dbusmock.DBusTestCase):
    LANGUAGE, CAPABILITIES = "ja_JP.UTF-8", "body body-markup actions"

    @classmethod
    def setUpClass(cls):
        cls.start_session_bus()
        cls.bus = cls.get_dbus(False)

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="sekimori-session-")
        self.agent = PlayedAgent(os.path.join(self.dir, "control.sock"))
        self.answers = os.path.join(self.dir, "answers")
        self.dialog = os.path.join(self.dir, "zenity")
        with open(self.dialog, "w") as out:
            out.write('#!/bin/sh\nprintf "%%s\\n" "$*" >>%s/asked\ncat %s\n' % (self.dir, self.answers))
        os.chmod(self.dialog, 0o755)
        self.daemon = self.program = None

    def tearDown(self):
        for process in (self.program, self.daemon):
            if process:
                process.terminate()
                process.wait()
        self.agent.close()
        shutil.rmtree(self.dir)

    def notifications(self, capabilities=CAPABILITIES):
        self.daemon, self.mock = self.spawn_server_template("notification_daemon", {"capabilities": capabilities}, stdout=subprocess.DEVNULL)

    def start(self, language=LANGUAGE, dialog=None):
        env = dict(os.environ, LC_ALL=language)
        self.program = subprocess.Popen([os.path.join(BUILD, "bin", "sekimori-session"), "--socket", self.agent.path, "--dialog",
                                         dialog or self.dialog, "--locale", os.path.join(BUILD, "locale")], env=env)

    def shown(self):
        calls = dbus.Interface(self.mock, dbusmock.MOCK_IFACE).GetCalls()
        return [call[2] for call in calls if call[1] == "Notify"]

    def wait_shown(self, n):
        return wait(lambda: len(self.shown()) >= n and self.shown(), "%d notifications" % n)

    def emit(self, signal_name, signature, *values):
        dbus.Interface(self.mock, dbusmock.MOCK_IFACE).EmitSignal(NAME, signal_name, signature, list(values))

    def test_a_refusal_is_one_notification_with_a_button_and_the_button_files_a_request(self):
        self.notifications()
        self.start()
        self.agent.put(REFUSED)
        app, replaces, _, title, body, actions, hints, _ = self.wait_shown(1)[0]
        self.assertEqual((app, replaces, title), ("関守", 0, "機器を開きませんでした"))
        self.assertEqual(body, "Stick &lt;b&gt; &amp; は開きませんでした。\n規則: media")
        self.assertEqual(list(actions), ["ask", "許可を求める"])
        with open(self.answers, "w") as out:
            out.write("\x1f".join(("決算資料の提出", "分類②", "24", "", "県庁")) + "\n")
        for number in (0, 99, 2**32 - 1):
            self.emit("ActionInvoked", "us", dbus.UInt32(number), "ask")
            self.emit("NotificationClosed", "uu", dbus.UInt32(number), dbus.UInt32(1))
        self.emit("ActionInvoked", "us", dbus.UInt32(1), "unheard-of")
        self.emit("ActionInvoked", "us", dbus.UInt32(1), "ask")
        asked = wait(lambda: self.agent.requests, "the request")
        self.assertEqual(asked, [{"op": "request.create", "device": "1-2", "purpose": "決算資料の提出", "class": "2", "hours": 24, "access": "ro",
                                  "destination": "県庁"}])
        self.assertEqual(self.wait_shown(2)[1][3], "申請を受け付けました")
        with open(os.path.join(self.dir, "asked")) as file:
            self.assertIn("Stick &lt;b&gt;", file.read())
        # Again within the minute: the same notification, counted.
        self.agent.put(REFUSED)
        third = self.wait_shown(3)[2]
        self.assertEqual(third[1], 1)
        self.assertIn("2 回", third[4])
        # The answer.
        self.agent.put({"kind": "request.answered", "id": "x", "state": "refused", "number": 12, "text_ja": "申請 12 は不許可となりました。理由: 不要",
                        "text_en": "no", "ask": False})
        fourth = self.wait_shown(4)[3]
        self.assertEqual(fourth[3:5], ["申請に回答がありました", "申請 12 は不許可となりました。理由: 不要"])
        self.assertEqual(list(fourth[5]), [])

    def test_a_form_filled_in_wrongly_is_asked_again_at_most_three_times(self):
        self.notifications()
        self.start()
        self.agent.put(REFUSED)
        self.wait_shown(1)
        with open(self.answers, "w") as out:
            out.write("\x1f\x1f\x1f\x1f\n")
        self.emit("ActionInvoked", "us", dbus.UInt32(1), "ask")
        self.assertIn("目的を入力してください。", self.wait_shown(2)[1][4])
        with open(os.path.join(self.dir, "asked")) as file:
            self.assertEqual(len(file.readlines()), 3 + 2, "the message of the second and third one is a line of its own")
        self.assertEqual(self.agent.requests, [])

    def test_without_a_dialog_or_markup_there_is_no_button_and_plain_text(self):
        self.notifications("body")
        self.start(language="C.UTF-8", dialog="/nonexistent")
        self.agent.put(REFUSED)
        note = self.wait_shown(1)[0]
        self.assertEqual(note[4], "Stick <b> & was not opened.\nRule: media")
        self.assertEqual(list(note[5]), [])

    def test_the_notification_daemon_comes_later(self):
        self.start()
        self.agent.put(REFUSED)
        wait(lambda: self.agent.watchers >= 2, "the notice was taken")
        self.notifications()
        self.assertEqual(len(self.wait_shown(1)), 1)

    def test_sekimorid_restarts_and_talks_nonsense(self):
        self.notifications()
        self.start()
        self.agent.put(REFUSED)
        self.wait_shown(1)
        for garbage in (b"\xff\xff\xff\xff", b"\x00\x00\x00\x02[]", json.dumps({"ok": True}),
                        json.dumps({"ok": True, "stream": "x", "next": -1, "lost": False, "notices": [5, {}, {"kind": 1}]})):
            before = self.agent.watchers
            self.agent.garbage = garbage
            wait(lambda: self.agent.watchers > before, "it calls again after %r" % garbage)
            self.assertIsNone(self.program.poll())
        self.agent.close()
        self.agent.open()
        before = self.agent.watchers
        wait(lambda: self.agent.watchers > before, "it finds the new one", 70)

    def test_one_for_each_session_and_it_ends_with_the_bus(self):
        self.notifications()
        self.start()
        wait(lambda: self.bus.name_has_owner("org.sekimori.Session"), "its name")
        again = subprocess.run([os.path.join(BUILD, "bin", "sekimori-session"), "--socket", self.agent.path], timeout=20)
        self.assertEqual(again.returncode, 0)
        alone = dict(os.environ, DBUS_SESSION_BUS_ADDRESS="unix:path=/nonexistent")
        done = subprocess.run([os.path.join(BUILD, "bin", "sekimori-session")], env=alone, capture_output=True, timeout=20)
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stderr)
        self.program.send_signal(signal.SIGTERM)
        self.program.wait(timeout=10)
        self.program = None


if __name__ == "__main__":
    unittest.main(verbosity=2)
