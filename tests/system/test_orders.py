"""The screen that locks, and orders of the office, on a real logind, nftables, shadow and LUKS: one machine, one start, one reboot at the end."""

import json
import uuid

import gate_tools as gate
from vm.testing import timeout

TIMEOUT = 240
STATE = {"orders": [], "number": 0}
REACH = "timeout 2 bash -c '</dev/tcp/10.0.2.100/8443' 2>/dev/null && echo open || echo shut"


def setup_module(vm):
    vm.wait_until("systemctl is-active sekimorid", 60)
    STATE["issuer"] = gate.Issuer(vm)


def teardown_module(vm):
    STATE["issuer"].close()


def order(vm, kind, hours=1, **more):
    """Signed, in the bundle with those before it; its end is in the record when this returns: order.done's members."""
    STATE["number"] += 1
    one = {"id": str(uuid.uuid4()), "number": STATE["number"], "kind": kind, "issued": gate.utc(-5), "until": gate.utc(3600 * hours), "by": "desk",
           "reason": "test", **more}
    STATE["orders"].append(one)
    send(vm)
    return vm.wait(lambda: next((e for e in gate.events(vm, "order.done") if e["id"] == one["id"]), None), "order.done of " + kind, 60)


def send(vm, **more):
    answer = gate.call(vm, "bundle.put", socket=gate.UPLINK, envelope=STATE["issuer"].sign("grants", {"grants": [], "orders": STATE["orders"][-16:], **more}))
    assert answer["ok"], answer


def screen(vm, text):
    vm.run("sed -i '/^\\[check screen-lock\\]/,/^$/d' /etc/sekimori/policy.ini && printf '\\n[check screen-lock]\\n%s\\n' >>/etc/sekimori/policy.ini && "
           "systemctl reload sekimorid" % text)


def test_orders_are_once_and_on_record(vm):
    done = order(vm, "check")
    assert done["result"] == "done", done
    before = len(gate.events(vm, "order.taken"))
    send(vm)
    vm.run("systemctl restart sekimorid")
    send(vm)
    assert len(gate.events(vm, "order.taken")) == before, "the same order again does nothing, also after a restart"
    late = order(vm, "lock", hours=-0.001)
    assert late["result"] == "expired", late


def test_isolation(vm):
    """Management: the uplink's own way alone. Full: nothing. The table comes back; the kernel has it; release ends it."""
    assert vm.ok("ip route get 10.0.2.100")
    done = order(vm, "isolate", mode="management")
    assert done["result"] == "done", done
    table = vm.out("nft list table inet sekimori_isolation")
    assert table.count("policy drop") == 3, table
    assert vm.out(REACH, user="sekimori-uplink") == "open"
    assert vm.out(REACH) == "shut", "not even root has the uplink's way"
    assert json.loads(vm.out("sekimori status --json"))["isolation"] == "management"
    done = order(vm, "isolate", mode="full")
    assert done["result"] == "done", done
    assert vm.out(REACH, user="sekimori-uplink") == "shut"
    # What somebody takes away, or opens, is back at once: the kernel tells of it.
    vm.run("nft delete table inet sekimori_isolation")
    vm.wait_until("nft list table inet sekimori_isolation", 20)
    vm.run("nft 'chain inet sekimori_isolation out { policy accept; }'")
    vm.wait_until("test $(nft list table inet sekimori_isolation | grep -c 'policy drop') = 3", 20)
    assert len([e for e in gate.events(vm, "settings.put-back") if e["check"] == "isolation"]) == 2
    # Without the agent the unit loads it, before the network; what somebody takes away the agent puts back when it starts.
    vm.run("nft delete table inet sekimori_isolation; systemctl stop sekimorid; systemctl restart sekimori-isolation && "
           "nft delete table inet sekimori_isolation && systemctl start sekimorid")
    vm.wait_until("nft list table inet sekimori_isolation", 40)
    done = order(vm, "release")
    assert done["result"] == "done", done
    assert not vm.ok("nft list table inet sekimori_isolation")
    assert not vm.ok("test -e /var/lib/sekimori/isolation.nft")
    assert [e["mode"] for e in gate.events(vm, "isolation.on")][:2] == ["management", "full"]


def test_a_full_scan_by_the_real_scanner(vm):
    """clamd finds what is there, in a folder it may not read itself; the check of full scans knows it."""
    vm.wait_until("clamdscan --ping 1", 60)
    eicar = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
    vm.run("install -d -m 0700 -o clerk /home/clerk/private")
    vm.write("/home/clerk/private/e.txt", eicar.encode(), mode=0o600)

    def ended_scans():
        return [e for e in gate.events(vm, "scan.full") if e["state"] == "ended"]

    for result in ("infected", "clean"):
        before = len(ended_scans())
        done = order(vm, "scan")
        assert (done["result"], done["detail"]) == ("done", "begun"), done
        ended = vm.wait(lambda: ended_scans()[before:], "scan.full", 120)[-1]
        assert ended["result"] == result, ended
        vm.run("rm -rf /home/clerk/private")
        check = json.loads(vm.out("sekimori check full-scan --refresh --json || true"))["checks"][0]
        # It ran, which is what is asked; what it found is told beside it.
        assert check["state"] == "compliant" and ("found something" in json.dumps(check)) == (result == "infected"), check
        STATE["scans"] = STATE.get("scans", 0) + 1
        assert len([e for e in gate.events(vm, "scan.full") if e["state"] == "ended"]) == STATE["scans"]


def test_a_suspended_person_is_out(vm):
    vm.run("echo clerk2:Pass-word-9 | chpasswd")
    before = vm.out("chage -l clerk2 | sed -n 's/^Account expires[^:]*: //p'")
    done = order(vm, "suspend", person="clerk2")
    assert done["result"] == "done", done
    assert vm.out("chage -l clerk2 | sed -n 's/^Account expires[^:]*: //p'") == "Jan 02, 1970"
    assert not vm.ok("su -s /bin/sh clerk -c 'echo Pass-word-9 | su clerk2 -c true'"), "PAM lets them in no more"
    assert order(vm, "suspend", person="root")["result"] == "failed"
    assert order(vm, "resume", person="clerk2")["result"] == "done"
    assert vm.out("chage -l clerk2 | sed -n 's/^Account expires[^:]*: //p'") == before


def test_the_keys_of_a_disk_are_destroyed(vm):
    disk = vm.plug_disk(size=32 << 20) if hasattr(vm, "plug_disk") else None
    node = vm.wait_until("lsblk -dno NAME,TYPE,SIZE | awk '$2 == \"disk\" && $3 == \"32M\" {print \"/dev/\" $1}' | grep .", 20)
    vm.run("printf secret | cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --iter-time 10 %s - && printf secret | cryptsetup open %s lost -"
           % (node, node), timeout=120)
    alone = order(vm, "check")  # an order before it, so that the list has more than one kind
    assert alone["result"] == "done"
    refused = gate.call(vm, "bundle.put", socket=gate.UPLINK, envelope=STATE["issuer"].sign("grants", {"grants": [], "orders": [
        dict(STATE["orders"][-1], id=str(uuid.uuid4()), kind="erase", number=900)]}))
    assert refused["ok"], refused
    vm.wait(lambda: gate.events(vm, "orders.refused"), "one officer alone is refused", 20)
    assert vm.ok("printf secret | cryptsetup open --test-passphrase %s -" % node)
    done = order(vm, "erase", approved_by="system manager")
    assert (done["result"], done["detail"]) == ("done", "keys of 1 of 1 disks destroyed"), done
    assert not vm.ok("printf secret | cryptsetup open --test-passphrase %s -" % node)
    assert not vm.ok("cryptsetup luksDump %s | grep -E '^  [0-9]+: luks2'" % node)
    vm.run("cryptsetup close lost")
    if disk is not None:
        disk.unplug()


def test_a_notice_is_read_and_read_again(vm):
    notice = {"id": str(uuid.uuid4()), "number": 7, "from": "EXEC", "title": "Beware", "text": "Do not open it.\nCall us.", "created": gate.utc(-5),
              "until": gate.utc(3600)}
    send(vm, notices=[notice])
    assert "Beware" in vm.out("sekimori notices", user="clerk", env={"LANG": "C"})
    assert "Beware" in vm.wait_until("cat /dev/vcs1 | grep -a Beware", 20), "on the console of who sits there"
    vm.run("sekimori notices ack 7", user="clerk")
    read = {n["number"]: n["read"] for n in gate.call(vm, "notices", user="clerk")["notices"]}
    assert read == {7: True}, read
    assert [e["person"] for e in gate.events(vm, "notice.acknowledged")] == ["clerk"]
    assert {n["read"] for n in gate.call(vm, "notices", user="clerk2")["notices"]} == {False}


def test_what_the_agent_wrote_is_put_back_at_once(vm):
    """A mandatory setting that is removed or edited, and the start with the system, long before any interval."""
    vm.wait_until("test -f /etc/profile.d/zz-sekimori-idle.sh", 60)
    before = vm.read("/etc/profile.d/zz-sekimori-idle.sh")
    for hand in ("rm /etc/profile.d/zz-sekimori-idle.sh", "echo TMOUT=0 >/etc/profile.d/zz-sekimori-idle.sh"):
        vm.run(hand)
        vm.wait(lambda: vm.read("/etc/profile.d/zz-sekimori-idle.sh") == before if vm.ok("test -f /etc/profile.d/zz-sekimori-idle.sh") else False,
                "the setting is back", 30)
    put = vm.wait(lambda: [e for e in gate.events(vm, "settings.put-back") if e["check"] == "screen-lock"][1:], "both on record", 20)
    assert "/etc/profile.d/zz-sekimori-idle.sh" in put[-1]["files"], put
    vm.run("rm /etc/systemd/system/sysinit.target.wants/sekimorid.service")
    vm.wait_until("test -L /etc/systemd/system/sysinit.target.wants/sekimorid.service", 20)


def test_hands_on_the_agent_show(vm):
    """Killed, traced, taken out of the boot, exchanged: each is on record."""
    vm.run("systemctl kill -s KILL sekimorid")
    vm.wait_until("sekimori status", 40)
    vm.wait(lambda: [e for e in gate.events(vm, "agent.unclean") if e["same_boot"]], "agent.unclean", 40)
    vm.wait_until("systemctl is-active sekimorid", 40)
    vm.write("/run/tracer.py", b"import ctypes, subprocess, time\npid = int(subprocess.check_output(['pidof', 'sekimorid']))\n"
             b"assert ctypes.CDLL(None).ptrace(0x4206, pid, 0, 0) == 0\ntime.sleep(60)\n")
    vm.spawn("exec python3 /run/tracer.py", "tracer")
    vm.wait_until("grep -q 'TracerPid:.[1-9]' /proc/$(pidof sekimorid)/status", 20)
    gate.call(vm, "report", socket=gate.UPLINK)
    traced = gate.events(vm, "agent.traced")
    assert traced and traced[-1]["name"] == "python3", traced
    vm.run("systemctl stop tracer")
    # Another program under the same version, and no start with the system: noticed and put back when it runs.
    vm.run("cp /usr/lib/sekimori/sekimorid /root/sekimorid && printf x >>/usr/lib/sekimori/.new && cat /root/sekimorid /usr/lib/sekimori/.new "
           ">/usr/lib/sekimori/sekimorid.2 && chmod 755 /usr/lib/sekimori/sekimorid.2 && mv /usr/lib/sekimori/sekimorid.2 /usr/lib/sekimori/sekimorid && "
           "rm /usr/lib/sekimori/.new && systemctl disable -q sekimorid && systemctl restart sekimorid")
    vm.wait_until("sekimori status", 40)
    replaced = gate.events(vm, "agent.replaced")
    assert len(replaced) == 1 and replaced[0]["program"] != replaced[0]["program_before"], replaced
    changed = vm.wait(lambda: gate.events(vm, "agent.files-changed"), "agent.files-changed", 90)
    assert "/usr/lib/sekimori/sekimorid" in changed[0]["files"], changed
    vm.wait(lambda: [e for e in gate.events(vm, "settings.put-back") if e["check"] == "agent"], "the start is put back", 20)
    assert vm.ok("systemctl is-enabled sekimorid")
    vm.run("mv /root/sekimorid /usr/lib/sekimori/sekimorid && systemctl restart sekimorid")


def test_a_text_console_that_is_left(vm):
    """Told of, then ended where the policy says so; an order to lock counts for it at once."""
    session = vm.out("loginctl --no-legend list-sessions | awk '$5 == \"tty1\" {print $1}'")
    vm.run("touch -a -d '10 minutes ago' /dev/tty1")
    screen(vm, "idle_limit = 30s\\nend_text = no")
    left = vm.wait(lambda: gate.events(vm, "session.left"), "session.left", 60)[0]
    assert (left["person"], left["tty"], left["session"]) == ("clerk", "tty1", session), left
    assert left["idle_s"] >= 30, left  # since before this boot counts from its beginning
    assert vm.ok("loginctl show-session " + session)
    screen(vm, "idle_limit = 30s\\nend_text = yes")
    ended = vm.wait(lambda: gate.events(vm, "session.ended"), "session.ended", 60)[0]
    assert ended["session"] == session, ended
    vm.wait_until("! loginctl show-session %s 2>/dev/null | grep -qx State=active" % session, 40)
    screen(vm, "idle_limit = 10m\\nend_text = yes")
    vm.wait_until("loginctl --no-legend list-sessions | grep -q 'clerk .*tty1'", 60)
    vm.wait(lambda: order(vm, "lock")["detail"] != "0 sessions", "a session to lock", 40)
    vm.wait(lambda: [e for e in gate.events(vm, "session.ended") if e["cause"] == "order"], "ended by order", 40)


EARLY = """[Unit]
DefaultDependencies=no
Wants=network-pre.target
After=network-pre.target local-fs.target
Before=network.target
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/early
[Install]
WantedBy=multi-user.target
"""


@timeout(600)
def test_a_cut_off_terminal_stays_so_over_a_reboot(vm):
    """Both modes: what comes up as soon as any network may finds the rules there, without the agent."""
    script = "#!/bin/sh\n/usr/local/sbin/harness-net\n{ %s; runuser -u sekimori-uplink -- bash -c \"%s\"; } >/run/early 2>&1\n"
    reach = REACH
    vm.write("/usr/local/sbin/early", (script % (reach, reach)).encode(), mode=0o755)
    vm.write("/etc/systemd/system/early.service", EARLY.encode())
    vm.run("systemctl enable -q early && /usr/local/sbin/early")
    assert vm.read("/run/early").split() == [b"open", b"open"], "the way is there when nothing is cut off"
    for mode, expected in (("management", [b"shut", b"open"]), ("full", [b"shut", b"shut"])):
        done = order(vm, "isolate", mode=mode)
        assert done["result"] == "done", done
        taken = len(gate.events(vm, "order.taken"))
        vm.reboot()
        assert vm.read("/run/early").split() == expected, (mode, vm.read("/run/early"))
        at = vm.out("systemctl show -p ActiveEnterTimestampMonotonic --value sekimori-isolation network-pre.target").split()
        assert 0 < int(at[0]) < int(at[1]), at
        vm.wait_until("systemctl is-active sekimorid", 90)
        assert json.loads(vm.wait_until("sekimori status --json", 60))["isolation"] == mode
        send(vm)
        assert len(gate.events(vm, "order.taken")) == taken, "the order is not carried out again"
    assert order(vm, "release")["result"] == "done"
    assert not vm.ok("nft list table inet sekimori_isolation")
