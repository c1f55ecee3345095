"""The nine steps of the main job, and what an enrolled terminal does with bad tokens, bad bundles, a full disk and a clock set back."""

import os
import time

import demo
from line import Server, enrol, sekimori
from vm import usbredir

BUILD = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "build")
TIMEOUT = 900


def test_nine_steps(vm):
    run = demo.Demo(BUILD, vm)
    good = False
    try:
        run.run()
        good = True
    finally:
        run.end(good)


def fresh_server():
    server = Server(BUILD)
    server.people()
    server.start()
    return server


def reset_agent(vm):
    """As if it had never been enrolled; the journal begins anew."""
    vm.run("systemctl stop sekimori-uplink sekimorid; rm -rf /var/lib/sekimori/* /var/lib/sekimori-uplink/*; systemctl reset-failed; systemctl start sekimorid")
    vm.wait_until("systemctl is-active sekimorid", 30)


def test_tokens_are_refused_clearly_on_both_sides(vm):
    server = fresh_server()
    try:
        reset_agent(vm)
        code, out, err = enrol(vm, server, token="SK1-" + "0" * 26 + "-" + "0" * 64)
        assert code != 0, "a server whose certificate authority is not the token's was believed"
        good = server.token("staff-pc-1")
        other = server.token("another-pc")
        code, out, err = enrol(vm, server, token=other)
        assert code != 0 and out + err, "a token for another host was taken"
        wrong = good[:4] + ("0" if good[4] != "0" else "1") + good[5:]
        code, out, err = enrol(vm, server, token=wrong)
        assert code != 0, "an unknown token was taken"
        assert enrol(vm, server, token=good)[0] == 0
        reset_agent(vm)
        code, out, err = enrol(vm, server, token=good)
        assert code != 0 and ("used" in (out + err) or "使用済" in (out + err)), out + err
        admin = server.console("admin")
        page = admin.get("/audit")
        assert "token" in page, "the refusals are not in the audit trail"
    finally:
        server.remove()


def test_malformed_policy_leaves_the_old_one(vm):
    reset_agent(vm)
    before = sekimori(vm, "policy")[1]
    vm.run("cp /etc/sekimori/policy.ini /run/policy.keep; printf '[rule broken]\\nkind = nonsense\\naction = allow\\n' >>/etc/sekimori/policy.ini; systemctl reload sekimorid")
    try:
        vm.wait_until("sekimori events --json | grep -q policy.refused", 15)
        assert sekimori(vm, "policy")[1]["text"] == before["text"]
        text = vm.out("sekimori events --json")
        assert "policy.ini:" in text, "no file:line in the refusal"
    finally:
        vm.run("cp /run/policy.keep /etc/sekimori/policy.ini; systemctl reload sekimorid")


def test_full_disk_denies_go_on_and_nothing_is_lost(vm):
    reset_agent(vm)
    vm.run("systemctl stop sekimorid; mount -t tmpfs -o size=3m,mode=0700 tmpfs /var/lib/sekimori; systemctl start sekimorid")
    try:
        vm.wait_until("systemctl is-active sekimorid", 30)
        first = sekimori(vm, "status")[1]["journal"]["last_seq"]
        vm.run("dd if=/dev/zero of=/var/lib/sekimori/ballast bs=4k 2>/dev/null; sync", check=False)
        # What the journal holds in reserve is used up first: each refused policy is a record.
        vm.run("cp /etc/sekimori/policy.ini /run/policy.full; p=$(systemctl show -p MainPID --value sekimorid); i=0; while [ $i -lt 250 ]; do "
               "i=$((i+1)); echo broken $i >/etc/sekimori/policy.ini; kill -HUP $p; sleep 0.1; done; cp /run/policy.full /etc/sekimori/policy.ini; "
               "kill -HUP $p", timeout=180)
        for number in range(2):
            stick = usbredir.StorageDevice(path="/tmp/full%d-%d.img" % (number, os.getpid()), serial="FULL%d" % number)
            plugged = vm.plug_redir(stick)
            vm.wait_until("sekimori devices --json | grep -q FULL%d" % number, 20)
            time.sleep(1)
            assert stick.reads == 0, "a stick was read while the disk was full"
            assert vm.out("ls /sys/class/block | grep -c '^sd' || true") == "0"
            plugged.unplug()
            os.unlink(stick.image)
        assert sekimori(vm, "status")[1]["journal"]["state"] != "ok", "no alarm"
        vm.run("rm /var/lib/sekimori/ballast")
        vm.wait_until("sekimori events --json | grep -q FULL1", 90)
        code, answer = sekimori(vm, "verify")
        assert code == 0, answer
        assert sekimori(vm, "status")[1]["journal"]["last_seq"] > first
    finally:
        vm.run("systemctl stop sekimorid; umount /var/lib/sekimori; systemctl start sekimorid")


def test_clock_set_back_does_not_lengthen_a_grant(vm):
    server = fresh_server()
    try:
        reset_agent(vm)
        assert enrol(vm, server)[0] == 0
        run = demo.Demo(BUILD, vm)
        run.server = server
        run.device_id = ""
        run.step2()
        run.step3()
        run.step4()
        run.step5()
        vm.run("date -s '-2 hours'")
        left = (run.until - demo.datetime.datetime.now(demo.datetime.timezone.utc)).total_seconds()
        vm.wait_until("! grep -q %s /proc/mounts" % run.mount, int(max(0, left)) + 60, interval=1)
        assert "clock.turned-back" in vm.out("sekimori events --json")
    finally:
        vm.set_clock()
        server.remove()
