"""What the terminal has, is connected to and is made of: the checks on real tables, links, hardware, cards and headers."""

import json
import re

import gate_tools as gate
from vm.testing import Skip, timeout

TIMEOUT = 240
BASE, NAMES = [], []


def setup_module(vm):
    vm.wait_until("systemctl is-active sekimorid", 60)
    BASE[:] = [re.sub(r"(?ms)^\[check .*?(?=^\[|\Z)", "", vm.read("/etc/sekimori/policy.ini").decode())]
    NAMES[:] = vm.run("/usr/lib/sekimori/sekimori-probe", check=False)[2].split("IDs:")[1].split()
    policy(vm, None)


def text_of(name, *lines):
    """The policy of the package with these lines for one check; the others are not asked of this terminal, so that each scenario is one probe."""
    return BASE[0] + "".join("\n[check %s]\n%s\n" % (n, "\n".join(lines) if n == name else "applies = no") for n in NAMES)


RELOAD = "cat >/etc/sekimori/policy.ini && sekimori policy reload >/dev/null && "


def policy(vm, name, *lines):
    vm.run(RELOAD + "true", input=text_of(name, *lines).encode())


def check(vm, name, *lines):
    out = vm.run(RELOAD + "sekimori --json check %s --refresh" % name, check=False, timeout=90, input=text_of(name, *lines).encode())
    try:
        return json.loads(out[1])["checks"][0]
    except (ValueError, LookupError):
        raise AssertionError(out)


def state(result):
    return result["state"]


def said(result):
    return " ".join(" ".join([d["text"]] + d["args"]) for d in result["detail"])


# ------------------------------------------------------------ software

APPROVED = "approved = * local:* flatpak:* snap:*"


def test_software(vm):
    assert state(check(vm, "software")) == "unknown", "nobody said what is permitted"
    good = check(vm, "software", APPROVED)
    assert state(good) == "compliant", good
    some = check(vm, "software", "approved = none-of-these", "licences = dpkg:bash dpkg:absent")
    assert state(some) == "non-compliant" and "dpkg:" in said(some), some
    assert [x["n"] for x in some["evidence"]["licences"]] == [1, 0], some
    vm.run("mkdir -p ~/.cache/x && cp /bin/true ~/.cache/x/game && mkfifo ~/pipe.AppImage && ln -s / ~/.cache/x/out && "
           "ln -s loop ~/loop && chmod 777 ~/pipe.AppImage", user="clerk")
    bad = check(vm, "software", APPROVED)
    assert state(bad) == "non-compliant", bad
    assert bad["evidence"]["unapproved"] == ["home:/home/clerk/.cache/x/game"], bad
    assert state(check(vm, "software", APPROVED, "approved.2 = home:/home/*/game")) == "compliant"
    vm.run("cd ~ && rm -r .cache/x && for i in $(seq 60); do mkdir d && cd d; done", user="clerk")
    deep = check(vm, "software", APPROVED)
    assert state(deep) == "unknown" and "too deep" in said(deep), deep
    vm.run("rm -rf ~/d ~/pipe.AppImage ~/loop", user="clerk")


def test_the_inventory_stands_in_the_record(vm):
    total = check(vm, "software", APPROVED)["evidence"]["total"]

    def recorded():
        have = set()
        events = [e for e in gate.events(vm, "inventory.changed") if e["id"] == "software"]
        for e in events:
            have |= set(e["added"])
            have -= set(e["removed"])
        return have if events and events[-1]["more"] is False and len(have) == total else None

    # The record follows the check by some moments, in portions.
    have = vm.wait(recorded, "the whole list in the record", 120)
    # the status of dpkg is the other witness
    theirs = vm.out("dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\\n' | sed -n 's/^installed /dpkg:/p'").split("\n")
    assert {x for x in have if x.startswith("dpkg:")} == set(theirs)


# ------------------------------------------------------------ networks

def test_networks(vm):
    assert state(check(vm, "networks")) == "unknown", "nothing is designated"
    # The harness' network announces IPv6, at its own time.
    vm.run("sysctl -qw net.ipv6.conf.eth0.accept_ra=0 && ip -6 addr flush dev eth0 && ip -6 route flush default")
    good = check(vm, "networks", "subnets = 10.0.2.0/24", "interfaces = eth*")
    assert state(good) == "compliant", good
    vm.run("ip addr add fec0::5/64 dev eth0 nodad")
    announced = check(vm, "networks", "subnets = 10.0.2.0/24")
    assert state(announced) == "non-compliant" and "fec0::5" in said(announced), announced
    vm.run("ip -6 addr flush dev eth0")
    assert state(check(vm, "networks", "subnets = 10.0.3.0/24")) == "non-compliant"
    vm.run("ip route add default via 10.0.2.2 dev eth0 && ip neigh flush dev eth0")
    dumb = check(vm, "networks", "gateways = 52:55:*")
    assert state(dumb) == "unknown", dumb
    vm.run("ip neigh replace 10.0.2.2 lladdr 52:55:0a:00:02:02 dev eth0 nud stale")
    assert state(check(vm, "networks", "gateways = 52:55:0A:00:02:02")) == "compliant"
    other = check(vm, "networks", "gateways = 00:11:22:33:44:55")
    assert state(other) == "non-compliant" and "52:55:0a:00:02:02" in said(other), other
    vm.run("ip link add second type veth peer name peer && ip link set peer up && ip link set second up && "
           "ip addr add 192.168.7.2/24 dev second && ip route add default via 192.168.7.1 dev second metric 500")
    two = check(vm, "networks", "subnets = 10.0.2.0/24", "others = 192.168.0.0/16")
    assert state(two) == "non-compliant" and "two zones at once" in said(two), two
    assert "several networks" in said(check(vm, "networks", "interfaces = eth0"))
    assert state(check(vm, "networks", "subnets = 10.0.2.0/24 192.168.7.0/24")) == "compliant"
    # Noticed without being asked, by the kernel's own word.
    vm.run("ip link del second")
    quiet = check(vm, "networks", "subnets = 10.0.2.0/24")
    assert state(quiet) == "compliant", quiet
    vm.run("ip link add second type veth peer name peer && ip link set peer up && ip link set second up && "
           "ip addr add 192.168.7.2/24 dev second && ip route add default via 192.168.7.1 dev second metric 500")
    told = vm.wait(lambda: (lambda c: c if c and c[-1]["to"] == "non-compliant" else None)(
        [e for e in gate.events(vm, "check.changed") if e["id"] == "networks"]), "the second network", 40)
    assert told[-1]["from"] == "compliant", told
    vm.run("ip link del second")
    if vm.ok("modprobe wireguard && ip link add wg0 type wireguard && ip link set wg0 up"):
        tunnel = check(vm, "networks", "subnets = 10.0.2.0/24")
        assert state(tunnel) == "non-compliant" and "wg0" in said(tunnel), tunnel
        assert state(check(vm, "networks", "subnets = 10.0.2.0/24", "vpn = wg0")) == "compliant"
        vm.run("ip link del wg0")
    vm.run("ip route del default")


def test_networks_that_are_not_permitted_are_closed(vm):
    """By nftables: what the check names, and nothing else; never the uplink's way to the server; open again when it is right."""
    office = "timeout 2 bash -c '</dev/tcp/10.0.2.100/8443' 2>/dev/null && echo open || echo shut"
    home = office.replace("10.0.2.100/8443", "192.168.7.1/8088")
    vm.run("sysctl -qw net.ipv6.conf.eth0.accept_ra=0; ip -6 addr flush dev eth0; ip -6 route flush default; true")
    vm.run("ip netns add far && ip link add second type veth peer name peer && ip link set peer netns far && "
           "ip -n far addr add 192.168.7.1/24 dev peer && ip -n far link set peer up && ip link set second up && "
           "ip addr add 192.168.7.2/24 dev second && ip route add default via 192.168.7.1 dev second metric 500")
    vm.spawn("exec ip netns exec far python3 -m http.server 8088 --bind 192.168.7.1", "far")
    vm.wait_until("timeout 2 bash -c '</dev/tcp/192.168.7.1/8088'", 30)
    found = check(vm, "networks", "subnets = 10.0.2.0/24")
    assert state(found) == "non-compliant" and not vm.ok("nft list table inet sekimori_networks"), "found, and not asked to close it"
    closed = check(vm, "networks", "subnets = 10.0.2.0/24", "enforce = yes")
    assert state(closed) == "non-compliant" and "closed by the agent" in said(closed), closed
    vm.wait_until("nft list table inet sekimori_networks | grep -q second", 20)
    assert [vm.out(home), vm.out(office)] == ["shut", "open"]
    # A list that forgets the office's own network: everything is shut but the way by which a better one comes.
    check(vm, "networks", "subnets = 10.9.0.0/16", "enforce = yes")
    vm.wait_until("nft list table inet sekimori_networks | grep -q eth0", 20)
    assert [vm.out(home), vm.out(office), vm.out(office, user="sekimori-uplink")] == ["shut", "shut", "open"]
    assert state(check(vm, "networks", "subnets = 10.0.2.0/24 192.168.7.0/24", "enforce = yes")) == "compliant"
    vm.wait_until("! nft list table inet sekimori_networks 2>/dev/null", 20)
    assert [vm.out(home), vm.out(office)] == ["open", "open"]
    assert [e["interfaces"] for e in gate.events(vm, "networks.closed")] == [["second"], ["eth0", "second"], []]
    vm.run("systemctl stop far; ip link del second; ip netns del far")


# ------------------------------------------------------------ wireless

KEYFILE = "[connection]\nid=cafe\ntype=wifi\n[wifi]\nssid=cafe\n%s"


def keep(vm, security):
    vm.run("mkdir -p /etc/NetworkManager/system-connections")
    vm.write("/etc/NetworkManager/system-connections/cafe.nmconnection", (KEYFILE % security).encode(), mode=0o600)


JOIN = r'''
import socket, struct, sys
def attr(kind, data):
    return struct.pack("HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)
def ask(family, command, *attrs):
    body = struct.pack("BBH", command, 1, 0) + b"".join(attrs)
    s.send(struct.pack("IHHII", 16 + len(body), family, 5, 1, 0) + body)
    answer = s.recv(65536)
    while struct.unpack_from("H", answer, 4)[0] != 2:
        found.append(answer); answer = s.recv(65536)
    error = struct.unpack_from("i", answer, 16)[0]
    if error: sys.exit("command %d: %d" % (command, error))
found = []
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16); s.bind((0, 0)); s.settimeout(10)
ask(16, 3, attr(2, b"nl80211\0"))
at, family = 20, None
while at < len(found[0]):
    size, kind = struct.unpack_from("HH", found[0], at)
    if kind == 1: family = struct.unpack_from("H", found[0], at + 4)[0]
    at += (size + 3) & ~3
index = attr(3, struct.pack("I", socket.if_nametoindex("wlan0")))
if sys.argv[1] == "type":
    ask(family, 6, index, attr(5, struct.pack("I", 1)))
elif sys.argv[1] == "leave":
    ask(family, 44, index)
else:
    more = [attr(70, b""), attr(42, bytes.fromhex(sys.argv[2]))] if len(sys.argv) > 2 else []
    ask(family, 43, index, attr(52, sys.argv[1].encode()), attr(38, struct.pack("I", 2412)), *more)
'''
RSN_PSK = "30140100000fac040100000fac040100000fac020000"


def join(vm, *arguments):
    vm.write("/run/join.py", JOIN.encode())
    vm.run(["python3", "/run/join.py"] + list(arguments))


def connected(vm, *lines):
    return vm.wait(lambda: (lambda r: r if any(w.get("security", "unknown") != "unknown" for w in r["evidence"]["wireless"]) else None)(check(vm, "wireless", *lines)),
                   "the wireless network", 30)


def test_wireless(vm):
    none = check(vm, "wireless")
    assert state(none) == "compliant" and "no wireless interface" in said(none), none
    if not vm.ok("modprobe mac80211_hwsim radios=1"):
        raise Skip("the kernel has no mac80211_hwsim")
    vm.wait_until("test -e /sys/class/net/wlan0/phy80211")
    assert "wlan0" in json.dumps(check(vm, "wireless")["evidence"])
    assert [i["kind"] for i in check(vm, "networks")["evidence"]["interfaces"] if i["name"] == "wlan0"] == ["wireless"]
    keep(vm, "")
    assert state(check(vm, "wireless")) == "non-compliant", "it would be joined by itself"
    opened = check(vm, "wireless", "allowed = yes")
    assert state(opened) == "non-compliant" and "cafe" in said(opened), opened
    keep(vm, "[wifi-security]\nkey-mgmt=wpa-psk\npsk=secret123\n")
    good = check(vm, "wireless", "allowed = yes")
    assert state(good) == "compliant" and "secret" not in json.dumps(good), good
    keep(vm, "[wifi-security]\nkey-mgmt=something-new\n")
    assert state(check(vm, "wireless", "allowed = yes")) == "unknown"
    vm.run("rm /etc/NetworkManager/system-connections/cafe.nmconnection")
    # A real network of the emulated radio, without and with protection in what it announces.
    vm.run("ip link set wlan0 down")
    join(vm, "type")
    vm.run("ip link set wlan0 up")
    join(vm, "office")
    on = connected(vm)
    assert state(on) == "non-compliant" and on["evidence"]["wireless"][0]["ssid"] == "office", on
    weak = connected(vm, "allowed = yes")
    assert state(weak) == "non-compliant" and weak["evidence"]["wireless"][0]["security"] == "open", weak
    join(vm, "leave")
    join(vm, "office", RSN_PSK)
    strong = connected(vm, "allowed = yes")
    assert state(strong) == "compliant" and strong["evidence"]["wireless"][0]["security"] == "wpa2", strong
    assert state(connected(vm, "allowed = yes", "minimum = wpa3")) == "non-compliant"
    vm.run("rmmod mac80211_hwsim")


# ------------------------------------------------------------ hardware

def test_hardware(vm):
    first = check(vm, "hardware")
    if state(first) == "unknown":  # the very first list is accepted when it stands in the record
        first = vm.wait(lambda: (lambda r: r if r["state"] == "compliant" else None)(check(vm, "hardware")), "the first list", 30)
    assert state(first) == "compliant", first
    accepted = [e for e in gate.events(vm, "inventory.accepted") if e["id"] == "hardware"]
    assert accepted[-1]["cause"] == "first" and accepted[-1]["hash"] == first["evidence"]["hash"], accepted
    nvme = vm.plug_nvme()
    vm.wait_until("grep -q 0x0108 /sys/bus/pci/devices/*/class")
    drift = check(vm, "hardware")
    assert state(drift) == "non-compliant" and "pci:0x0108" in said(drift), drift
    assert state(check(vm, "hardware", "accepted = " + drift["evidence"]["hash"])) == "compliant", "the signed policy accepts it"
    check(vm, "hardware")
    assert not vm.ok("sekimori hardware accept --reason x", user="clerk")
    out = vm.out("LANGUAGE=en sekimori hardware accept --reason 'permit 12'")
    assert "pci:0x0108" in out, out
    assert state(check(vm, "hardware")) == "compliant"
    last = [e for e in gate.events(vm, "inventory.accepted") if e["id"] == "hardware"][-1]
    assert (last["cause"], last["person"], last["reason"]) == ("accepted", "root", "permit 12"), last
    nvme.unplug()
    gone = check(vm, "hardware")
    assert state(gone) == "non-compliant" and "Gone" in said(gone), gone
    vm.run("mount -t tmpfs tmpfs /sys/class/dmi/id")
    assert state(check(vm, "hardware")) == "unknown", "half a list is none"
    vm.run("umount /sys/class/dmi/id")


# ------------------------------------------------------------ IC card

CARD = r'''
import socket, struct
s = socket.create_connection(("127.0.0.1", 35963))
def take(n):
    out = b""
    while len(out) < n:
        more = s.recv(n - len(out))
        if not more: raise SystemExit
        out += more
    return out
while True:
    message = take(struct.unpack(">H", take(2))[0])
    if message == b"\x04": answer = bytes.fromhex("3b80800101")
    elif len(message) > 1: answer = b"\x6a\x82"
    else: continue
    s.sendall(struct.pack(">H", len(answer)) + answer)
'''


def hint(vm, locked):
    session = vm.out("loginctl list-sessions --no-legend | awk '$3 == \"clerk\" {print $1; exit}'")
    path = vm.out("busctl call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager GetSession s %s" % session).split('"')[1]
    vm.run("busctl call org.freedesktop.login1 %s org.freedesktop.login1.Session SetLockedHint b %s" % (path, locked))


def test_ic_card(vm):
    assert state(check(vm, "ic-card")) == "not-applicable"
    assert state(check(vm, "ic-card", "required = yes")) == "non-compliant", "no reader, and nobody asks for a card"
    vm.run("systemctl unmask pcscd.service pcscd.socket && systemctl start pcscd.service")
    empty = vm.wait(lambda: (lambda r: r if r["evidence"]["readers"] else None)(check(vm, "ic-card")), "the virtual reader", 40)
    assert state(empty) == "compliant" and empty["evidence"]["pcscd"] == "ok", empty
    vm.write("/run/card.py", CARD.encode())
    vm.spawn("python3 /run/card.py", "card")
    vm.run("touch -a -d '3 hours ago' /dev/tty1")
    idle = vm.wait(lambda: (lambda r: r if "A card" in said(r) else None)(check(vm, "ic-card")), "the card", 40)
    assert state(idle) == "non-compliant" and idle["evidence"]["in_use"] is False, idle
    vm.run("touch -a /dev/tty1")
    full = check(vm, "ic-card")
    assert state(full) == "compliant" and full["evidence"]["in_use"] is True, full
    hint(vm, "true")
    left = check(vm, "ic-card")
    assert state(left) == "non-compliant" and "left" in said(left), left
    hint(vm, "false")
    vm.run("systemctl stop card; systemctl stop pcscd.socket pcscd.service; systemctl mask --now pcscd.socket pcscd.service")
    reader = vm.plug_ccid()
    vm.wait_until("grep -qx 0b /sys/bus/usb/devices/*/bInterfaceClass")
    silent = check(vm, "ic-card")
    assert state(silent) == "unknown" and "absent" in said(silent), silent
    reader.unplug()


# ------------------------------------------------------------ how it starts, and its headers

def test_secure_boot(vm):
    assert state(check(vm, "secure-boot")) == "not-applicable"
    bios = check(vm, "secure-boot", "required = yes")
    assert state(bios) == "unknown" and "UEFI" in said(bios), bios
    # A firmware of files in the place of the real one, which has no variables.
    where = "/sys/firmware/efi/efivars/%s-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    vm.run("mount -t tmpfs tmpfs /sys/firmware && mkdir -p /sys/firmware/efi/efivars")
    vm.write(where % "SecureBoot", b"\6\0\0\0\1")
    vm.write(where % "SetupMode", b"\6\0\0\0\0")
    assert state(check(vm, "secure-boot", "required = yes")) == "compliant"
    vm.write(where % "SecureBoot", b"\6\0\0\0\0")
    assert state(check(vm, "secure-boot", "required = yes")) == "non-compliant"
    vm.run("umount /sys/firmware")


def test_the_chip_and_the_headers(vm):
    disk = vm.plug_disk()
    vm.wait_until("test -b /dev/vdb")
    vm.run("echo -n secret | cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 /dev/vdb - && "
           "echo -n secret | cryptsetup open /dev/vdb data - && mkfs.ext4 -q /dev/mapper/data && mkdir -p /data && "
           "mount /dev/mapper/data /data && mount -t tmpfs tmpfs /sys/class/tpm && mkdir /sys/class/tpm/tpm0")
    luks = check(vm, "disk-encryption")
    assert luks["evidence"]["luks"] == [dict(luks["evidence"]["luks"][0], type="LUKS2", slots=["pbkdf2"], tokens=[])], luks
    assert "does not use it" in said(luks), luks
    vm.write("/run/token", json.dumps({"type": "systemd-tpm2", "keyslots": ["0"], "tpm2-blob": "", "tpm2-pcrs": [7],
                                       "tpm2-policy-hash": ""}).encode())
    vm.run("cryptsetup token import --json-file /run/token /dev/vdb")
    bound = check(vm, "disk-encryption")
    assert bound["evidence"]["luks"][0]["tokens"] == ["systemd-tpm2"] and "does not use it" not in said(bound), bound
    vm.run("umount /sys/class/tpm /data && cryptsetup close data")
    disk.unplug()


# ------------------------------------------------------------ the scanner: on access, its settings, other products, full scans

def test_the_scanner_on_access_and_its_settings(vm):
    first = vm.wait(lambda: (lambda r: r if r["state"] == "compliant" else None)(check(vm, "antivirus-settings")), "the first list", 30)
    assert "/etc/clamav/clamd.conf" in vm.read("/var/lib/sekimori/antivirus-settings.baseline").decode(), first
    vm.run("mkdir -m 700 /srv/av-test")
    asked = ("on_access = yes", "on_access_folder = /srv/av-test", "on_access_every = 0s")
    vm.wait_until("clamdscan --ping 1", 60)
    missed = check(vm, "antivirus", *asked)
    assert state(missed) == "non-compliant" and "could be opened and read" in said(missed), missed
    vm.run("printf 'OnAccessIncludePath /srv/av-test\\nOnAccessPrevention yes\\nOnAccessExcludeUname clamav\\n' >>/etc/clamav/clamd.conf && "
           "systemctl restart clamav-daemon")
    vm.wait_until("clamdscan --ping 1", 90)
    vm.spawn("clamonacc --foreground --fdpass", "clamonacc")
    stopped = vm.wait(lambda: (lambda r: r if "was stopped" in said(r) else None)(check(vm, "antivirus", *asked)), "the scanner on access", 90)
    assert stopped["evidence"]["live_test"] == "blocked", stopped
    assert vm.out("ls -A /srv/av-test") == "", "nothing is left"
    vm.run("chmod 755 /srv/av-test")
    unsafe = check(vm, "antivirus", *asked)
    assert state(unsafe) in ("unknown", "non-compliant") and "unsafe" in said(unsafe), unsafe
    vm.run("systemctl stop clamonacc; rm -r /srv/av-test")
    changed = check(vm, "antivirus-settings")
    assert state(changed) == "non-compliant" and "clamd.conf" in said(changed), changed
    vm.run("sekimori antivirus accept --reason 'on access, decided by the system manager'")
    assert state(check(vm, "antivirus-settings")) == "compliant"
    vm.run("mv /etc/clamav/freshclam.conf /etc/clamav/was && mkfifo /etc/clamav/freshclam.conf")
    assert state(check(vm, "antivirus-settings")) == "unknown"
    vm.run("rm /etc/clamav/freshclam.conf && mv /etc/clamav/was /etc/clamav/freshclam.conf")


MDATP = """#!/bin/sh
[ "$*" = "health --output json" ] || exit 3
%s
"""
HEALTH = ('echo \'{"healthy":%s,"healthIssues":["x"],"appVersion":"101","definitionsUpdatedMinutesAgo":9,'
          '"realTimeProtectionEnabled":{"value":true},"passiveModeEnabled":{"value":false}}\'')


def test_other_scanners(vm):
    vm.write("/usr/bin/mdatp", (MDATP % (HEALTH % "true")).encode(), mode=0o755)
    good = check(vm, "antivirus", "product = defender")
    assert state(good) == "compliant" and good["evidence"]["product"] == "Microsoft Defender", good
    vm.write("/usr/bin/mdatp", (MDATP % (HEALTH % "false")).encode(), mode=0o755)
    assert state(check(vm, "antivirus", "product = defender")) == "non-compliant"
    vm.write("/usr/bin/mdatp", (MDATP % "exec sleep 1000").encode(), mode=0o755)
    assert state(check(vm, "antivirus", "product = defender")) == "unknown"
    vm.run("rm /usr/bin/mdatp && mkdir -p /etc/sekimori/scanners")
    vm.write("/etc/sekimori/scanners/vendor", b"#!/bin/sh\necho protection: active\n", mode=0o755)
    other = ("product = command", "name = Vendor", "command = vendor", "running = protection: active", "signatures = /etc/hostname")
    assert "Resident" in said(check(vm, "antivirus", *other))
    assert state(check(vm, "antivirus", *(other[:2] + ("command = ../../../bin/true",) + other[3:]))) == "unknown"


def test_full_scan(vm):
    assert state(check(vm, "full-scan")) == "unknown", "none is known of"
    vm.run("echo clean $(date +%s) >/var/lib/sekimori/full-scan")
    assert state(check(vm, "full-scan")) == "compliant"
    vm.run("echo failed $(date +%s) >/var/lib/sekimori/full-scan")
    assert state(check(vm, "full-scan")) == "non-compliant"
    vm.run("rm /var/lib/sekimori/full-scan && mkdir /var/lib/sekimori/full-scan")
    assert state(check(vm, "full-scan")) == "unknown"
    vm.run("rmdir /var/lib/sekimori/full-scan")
