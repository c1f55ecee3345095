#!/usr/bin/env python3
"""The screen that locks: sekimorid with a played logind (python-dbusmock) on a system bus of its own."""
import os
import subprocess
import sys
import time
import unittest

import dbus
import dbusmock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from daemon_fakes import Machine, Signer  # noqa: E402

SESSION = "org.freedesktop.login1.Session"
DEVICE = "11111111-2222-4333-8444-555555555555"
SCREEN = "\n[check screen-lock]\nidle_limit = 60s\nlock_wait = 5s\nenforce = yes\nend_session = %s\nend_text = %s\nkeys = 0627:0001:K1\n"


def wait(probe, what, seconds=30):
    end = time.monotonic() + seconds
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError("not within %d s: %s" % (seconds, what))
        time.sleep(0.02)


class Screen(dbusmock.DBusTestCase):
    @classmethod
    def setUpClass(cls):
        cls.start_system_bus()
        cls.bus = cls.get_dbus(True)

    def setUp(self):
        self.daemon, self.logind = self.spawn_server_template("logind", {}, stdout=subprocess.DEVNULL)
        self.addCleanup(self.end_logind)
        self.m = Machine()
        self.addCleanup(self.m.remove)
        # The mandatory settings are another matter (test_screen_enforce.c): here the probe says that all was right.
        self.m.write_probe("echo '{}'")

    def end_logind(self):
        self.daemon.terminate()
        self.daemon.wait()

    def policy(self, end_session="no", end_text="no"):
        with open(self.m.policy) as file:
            text = file.read()
        with open(self.m.policy, "w") as file:
            file.write(text.split("\n[check screen-lock]")[0] + SCREEN % (end_session, end_text))

    def session(self, name, kind="wayland", obedient=True, idle_s=0, desktop="KDE", person="yamada", began_s=3600):
        path = self.logind.AddSession(name, "seat0", 1000, person, True, dbus_interface=dbusmock.MOCK_IFACE)
        one = self.bus.get_object("org.freedesktop.login1", path)
        mock = {"Type": kind, "Desktop": desktop, "TTY": "tty3" if kind == "tty" else ""}
        one.AddProperties(SESSION, {"Desktop": desktop}, dbus_interface=dbusmock.MOCK_IFACE)
        body = 'self.UpdateProperties("%s", {"LockedHint": dbus.Boolean(True, variant_level=1)})' % SESSION if obedient else ""
        one.AddMethod(SESSION, "Lock", "", "", body, dbus_interface=dbusmock.MOCK_IFACE)
        mock["TimestampMonotonic"] = dbus.UInt64(max(0, int((time.monotonic() - began_s) * 1e6)))
        one.UpdateProperties(SESSION, mock, dbus_interface=dbusmock.MOCK_IFACE)
        self.idle(one, idle_s)
        self.logind.EmitSignal("org.freedesktop.login1.Manager", "SessionNew", "so", [name, path], dbus_interface=dbusmock.MOCK_IFACE)
        return one

    @staticmethod
    def idle(one, seconds):
        since = dbus.UInt64(max(0, int((time.monotonic() - seconds) * 1e6)))
        one.UpdateProperties(SESSION, {"IdleHint": seconds > 0, "IdleSinceHintMonotonic": since}, dbus_interface=dbusmock.MOCK_IFACE)

    @staticmethod
    def calls(one, method):
        return [call for call in one.GetCalls(dbus_interface=dbusmock.MOCK_IFACE) if call[1] == method]

    def body(self, kind, **members):
        def found():
            for event in self.m.ask("events", limit=1000)["events"]:
                if event["kind"] == kind and all(event["body"].get(k) == v for k, v in members.items()):
                    return event["body"]
            return None
        return wait(found, "%s %s" % (kind, members))

    def test_what_is_left_is_locked_and_what_does_not_lock_is_told_of(self):
        self.policy()
        before = self.session("c1", idle_s=600)  # there before the agent
        self.m.start()
        self.assertEqual(self.body("session.locked", session="c1")["cause"], "idle")
        self.assertEqual(len(self.calls(before, "Lock")), 1)
        at_work = self.session("c2")
        stubborn = self.session("c3", obedient=False, idle_s=120, desktop="")
        gnome = self.session("c4", idle_s=10, desktop="ubuntu:GNOME")
        console = self.session("c5", kind="tty", idle_s=300)
        told = self.body("session.not-locked", session="c3")
        self.assertGreaterEqual(told["idle_s"], 120)
        self.assertEqual(told["person"], "yamada")
        self.body("session.locked", session="c4")
        self.assertEqual(self.body("session.left", session="c5")["tty"], "tty3")
        self.assertEqual((len(self.calls(at_work, "Lock")), len(self.calls(gnome, "Lock"))), (0, 1))
        self.assertEqual(len(self.calls(stubborn, "Lock")), 1)
        self.assertEqual(self.calls(self.logind, "TerminateSession"), [], "only where the policy says so")
        # The mandatory settings were right: nothing was put back. Other rules: who was told of is looked at again.
        self.assertNotIn("settings.put-back", self.m.kinds())
        self.policy("no", "yes")
        self.m.ask("policy.reload")
        self.body("session.ended", session="c5")

    def test_it_is_ended_where_the_policy_says_so(self):
        self.policy("yes", "yes")
        self.m.start()
        self.session("c1", obedient=False, idle_s=120)
        self.session("c2", kind="tty", idle_s=120)
        self.session("c3", kind="tty", idle_s=1)
        self.session("c4", kind="tty", idle_s=120, began_s=1)  # the last input was of who was there before
        self.body("session.not-locked", session="c1")
        self.body("session.ended", session="c1")
        self.body("session.ended", session="c2")
        wait(lambda: len(self.calls(self.logind, "TerminateSession")) == 2, "two sessions ended")
        self.assertEqual({str(call[2][0]) for call in self.calls(self.logind, "TerminateSession")}, {"c1", "c2"})

    def test_a_permit_for_a_presentation_stays_the_lock_until_its_end(self):
        self.policy()
        self.m.start()
        signer = Signer(self.m.folder)
        self.assertTrue(self.m.ask("trust.set", server="https://server:8443", device_id=DEVICE, verify_key_pem=signer.public)["ok"])
        stamp = lambda s: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(s))  # noqa: E731
        permit = {"number": 1, "setting": "screen-lock", "person": "yamada", "from": stamp(time.time() - 60), "until": stamp(time.time() + 8),
                  "permitted_by": "SEC"}
        uplink = self.m.uplink()
        answer = uplink.call("bundle.put", envelope=signer.bundle("grants", DEVICE, 1, {"grants": [], "requests": [], "settings": [permit]}))
        uplink.close()
        self.assertTrue(answer["ok"], answer)
        speaker = self.session("c1", idle_s=600)
        other = self.session("c2", idle_s=600, person="suzuki")
        self.body("session.locked", session="c2", person="suzuki")
        self.assertEqual((len(self.calls(speaker, "Lock")), len(self.calls(other, "Lock"))), (0, 1))
        self.body("session.locked", session="c1", person="yamada")  # its end

    def test_a_lying_logind_and_one_that_goes_away(self):
        self.policy("yes", "yes")
        self.m.start()
        bad = self.session("c1", idle_s=600)
        bad.UpdateProperties(SESSION, {"LockedHint": "perhaps", "Type": dbus.UInt32(7)}, dbus_interface=dbusmock.MOCK_IFACE)
        self.logind.EmitSignal("org.freedesktop.login1.Manager", "SessionNew", "s", ["only one"], dbus_interface=dbusmock.MOCK_IFACE)
        for n in range(80):  # more than are watched
            self.logind.EmitSignal("org.freedesktop.login1.Manager", "SessionNew", "so", ["x%d" % n, "/org/freedesktop/login1/session/x%d" % n],
                                   dbus_interface=dbusmock.MOCK_IFACE)
        self.logind.EmitSignal("org.freedesktop.login1.Manager", "SessionRemoved", "so", ["nobody", "/"], dbus_interface=dbusmock.MOCK_IFACE)
        self.assertEqual(self.m.ask("status")["ok"], True)
        self.daemon.terminate()
        self.daemon.wait()
        self.assertEqual(self.m.ask("status")["ok"], True)
        self.assertEqual(self.m.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=1)
