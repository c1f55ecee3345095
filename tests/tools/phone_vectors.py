"""Known answers for common/phone.c, computed from the description in common/phone.h with Python's own hmac and hashlib."""
import hashlib
import hmac

LABEL = b"sekimori-phone-1"


def parts(*items):
    return b"".join(len(i).to_bytes(8, "big") + i for i in items)


def key(master, device, epoch):
    prk = hmac.new(LABEL, master, hashlib.sha256).digest()
    return hmac.new(prk, parts(device.encode(), epoch.to_bytes(8, "big")) + b"\x01", hashlib.sha256).digest()


def code(k, purpose, device, nonce, epoch, counter, media, person, profile, seconds):
    message = parts(b"v1", bytes([purpose]), device.encode(), nonce.to_bytes(4, "big"), epoch.to_bytes(8, "big"), counter.to_bytes(8, "big"),
                    media.to_bytes(5, "big"), person.encode(), bytes([profile]), seconds.to_bytes(4, "big"))
    return int.from_bytes(hmac.new(k, message, hashlib.sha256).digest()[:8], "big") % 10**12


DAMM = ["0317598642", "7092154863", "4206871359", "1750983426", "6123045978", "3674209581", "5869720134", "8945362017", "9438617205", "2581436790"]


def check(digits):
    c = 0
    for d in digits:
        c = int(DAMM[c][int(d)])
    return str(c)


if __name__ == "__main__":
    device, master = "11111111-2222-4333-8444-555555555555", bytes(range(32))
    print("key", key(master, device, 1).hex(), key(master, device, 2).hex())
    for row in ((1, device, 0x01020304, 1, 0, 0xA1B2C3D4E5, "clerk", 1, 3600), (1, device, 0xFFFFFFFF, 1, 7, 2**40 - 1, "佐藤", 13, 28800),
                (2, device, 0, 1, 0, 0, "", 1, 3600)):
        c = code(key(master, device, 1), *row)
        d = "%02d%012d" % (row[7], c)
        print(row, c, d + check(d))
    short = int.from_bytes(hashlib.sha256(device.encode()).digest()[:4], "big") % 10000
    d = "%04d%02d%02d%010d%013d" % (short, 1, 0, 0x01020304, 0xA1B2C3D4E5)
    print("challenge", d + check(d))
