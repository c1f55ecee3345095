"""The screen that locks, on a real logind: a text console that is left is told of, then ended where the policy says so."""

import gate_tools as gate

TIMEOUT = 180


def setup_module(vm):
    vm.wait_until("systemctl is-active sekimorid", 60)


def screen(vm, text):
    vm.run("sed -i '/^\\[check screen-lock\\]/,/^$/d' /etc/sekimori/policy.ini && printf '\\n[check screen-lock]\\n%s\\n' >>/etc/sekimori/policy.ini && "
           "systemctl reload sekimorid" % text)


def test_a_text_console_that_is_left(vm):
    old = "touch -a -d '10 minutes ago' /dev/tty1"
    session = vm.out("loginctl --no-legend list-sessions | awk '$5 == \"tty1\" {print $1}'")
    vm.run(old)
    screen(vm, "idle_limit = 30s\\nend_text = no")
    left = vm.wait(lambda: gate.events(vm, "session.left"), "session.left", 40)[0]
    assert (left["person"], left["tty"], left["session"]) == ("clerk", "tty1", session), left
    assert left["idle_s"] >= 30, left  # since before this boot counts from its beginning
    assert vm.ok("loginctl show-session " + session)
    screen(vm, "idle_limit = 30s\\nend_text = yes")
    ended = vm.wait(lambda: gate.events(vm, "session.ended"), "session.ended", 40)[0]
    assert ended["session"] == session, ended
    vm.wait_until("! loginctl show-session %s 2>/dev/null | grep -qx State=active" % session, 40)
    screen(vm, "idle_limit = 10m")
    vm.wait_until("loginctl --no-legend list-sessions | grep -q clerk", 60)
