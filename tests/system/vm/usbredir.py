"""USB devices made of Python, spoken to over the usbredir protocol.

QEMU's `usb-redir` device connects to a Unix socket; this end plays the USB
device, with whatever descriptors a test wants, and counts what the guest asks
of it. So "nothing was read" is said by the medium itself, not by the guest.

    stick = StorageDevice("stick.img", serial="S1")
    handle = vm.plug_redir(stick)
    stick.reads, stick.writes, stick.commands    # counted by the device
    handle.unplug()

Ready-made: StorageDevice, Keyboard, KeyboardStorage (one composite device),
RawDevice (bytes as given, for hostile ones). Others: combine Function objects
in a Device. A device lives in a thread of the test process.
"""

import collections
import os
import queue
import select
import socket
import struct
import threading
import time

from . import fat
from .channels import Timeout

# usbredir packet types
HELLO, DEVICE_CONNECT, DEVICE_DISCONNECT, RESET, INTERFACE_INFO, EP_INFO, \
    SET_CONFIGURATION, GET_CONFIGURATION, CONFIGURATION_STATUS, \
    SET_ALT_SETTING, GET_ALT_SETTING, ALT_SETTING_STATUS, START_ISO, STOP_ISO, \
    ISO_STATUS, START_INTERRUPT, STOP_INTERRUPT, INTERRUPT_STATUS, \
    ALLOC_STREAMS, FREE_STREAMS, STREAMS_STATUS, CANCEL_DATA, FILTER_REJECT, \
    FILTER_FILTER, DISCONNECT_ACK, START_BULK, STOP_BULK, BULK_STATUS = range(28)
CONTROL, BULK, ISO, INTERRUPT, BUFFERED_BULK = range(100, 105)

CAP_CONNECT_VERSION, CAP_DISCONNECT_ACK, CAP_MAX_PACKET, CAP_64BIT_IDS, CAP_32BIT_BULK = 1, 3, 4, 5, 6

OK, CANCELLED, INVALID, IO_ERROR, STALL = range(5)
LOW, FULL, HIGH, SUPER = range(4)

IN = 0x80


class StallError(Exception):
    """The device does not know this request."""


# --------------------------------------------------------------- descriptors

def device_descriptor(vid=0x0951, pid=0x1666, *, usb=0x0200, cls=0, sub=0, proto=0,
                      ep0=64, bcd=0x0100, manufacturer=1, product=2, serial=3,
                      configurations=1):
    return struct.pack("<BBHBBBBHHHBBBB", 18, 1, usb, cls, sub, proto, ep0, vid, pid,
                       bcd, manufacturer, product, serial, configurations)


def interface_descriptor(number, cls, sub, proto, endpoints, alt=0, string=0):
    return struct.pack("<9B", 9, 4, number, alt, endpoints, cls, sub, proto, string)


def endpoint_descriptor(address, kind, size=64, interval=0):
    """kind: 1 isochronous, 2 bulk, 3 interrupt"""
    return struct.pack("<BBBBHB", 7, 5, address, kind, size, interval)


def configuration_descriptor(body, interfaces, value=1, attributes=0x80, power=50,
                             total=None, string=0):
    """total: a lie about the length, if given"""
    return struct.pack("<BBHBBBBB", 9, 2, 9 + len(body) if total is None else total,
                       interfaces, value, string, attributes, power) + body


def string_descriptor(text):
    """text: str, or bytes taken as they are for the whole descriptor"""
    if isinstance(text, bytes):
        return text
    data = text.encode("utf-16-le", "surrogatepass")[:252]
    return bytes([len(data) + 2, 3]) + data


def parse_endpoints(configuration, alts=None):
    """[(interface, alt, class, subclass, protocol, [(address, kind, size,
    interval)])] of a configuration's bytes, as far as they make sense."""
    found, offset = [], 0
    while offset + 2 <= len(configuration):
        length, kind = configuration[offset], configuration[offset + 1]
        if length < 2:
            break
        piece = configuration[offset:offset + length]
        if kind == 4 and len(piece) >= 9:
            found.append((piece[2], piece[3], piece[5], piece[6], piece[7], []))
        elif kind == 5 and len(piece) >= 7 and found:
            size = struct.unpack_from("<H", piece, 4)[0]
            found[-1][5].append((piece[2], piece[3] & 3, size, piece[6]))
        offset += length
    return found


# ------------------------------------------------------------------ functions

class Function:
    """One function of a device: some interfaces and the endpoints behind
    them. Subclasses set `classes` and answer the calls below."""

    def descriptors(self, first_interface, high_speed):
        """(bytes of interface, class and endpoint descriptors, number of
        interfaces)"""
        raise NotImplementedError

    def control(self, request_type, request, value, index, length, data):
        """A class or interface request: return bytes, or raise StallError."""
        raise StallError

    def bulk_out(self, endpoint, data):
        """Data from the host; returns a status."""
        return STALL

    def bulk_in(self, endpoint, length):
        """Data for the host; bytes, None (nothing yet) or a status (int)."""
        return STALL

    def interrupt_in(self):
        """The next report to send, or None."""
        return None

    def reset(self):
        """The bus was reset."""


class Storage(Function):
    """A bulk-only SCSI disk over an image file, which counts."""

    def __init__(self, image, *, in_ep=1, out_ep=2, removable=True, readonly=False,
                 vendor="Sekimori", product="Test Stick", luns=1, block_size=512,
                 alt=0, subclass=6):
        self.image, self.removable, self.readonly = image, removable, readonly
        self.in_ep, self.out_ep = in_ep, out_ep
        self.vendor, self.product = vendor, product
        self.luns, self.block_size, self.alt, self.subclass = luns, block_size, alt, subclass
        self.commands = collections.Counter()   # by name
        self.reads = self.writes = 0             # READ and WRITE commands
        self.blocks_read = self.blocks_written = 0
        self._fd = None
        self.reset()

    @property
    def _file(self):
        # opened when first needed: a device can be plugged in many times
        if self._fd is None:
            self._fd = os.open(self.image, os.O_RDWR | os.O_CLOEXEC)
        return self._fd

    def close(self):
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def reset(self):
        # of a WRITE under way: (bytes to come, where to (None: nowhere), tag,
        # residue, status)
        self._out = None
        self._buffer = b""
        self._answer = collections.deque()
        self._sense = (0, 0, 0)

    def descriptors(self, first, high_speed):
        size = 512 if high_speed else 64
        return (interface_descriptor(first, 8, self.subclass, 0x50, 2, alt=self.alt)
                + endpoint_descriptor(IN | self.in_ep, 2, size)
                + endpoint_descriptor(self.out_ep, 2, size)), 1

    def control(self, request_type, request, value, index, length, data):
        if request_type == 0xA1 and request == 0xFE:
            self.commands["GET MAX LUN"] += 1
            return bytes([self.luns - 1])
        if request_type == 0x21 and request == 0xFF:
            self.reset()
            return b""
        raise StallError

    @property
    def blocks(self):
        return os.fstat(self._file).st_size // self.block_size

    def bulk_out(self, endpoint, data):
        if self._out is not None:
            self._buffer += data
            if len(self._buffer) >= self._out[0]:
                expected, offset, tag, residue, status = self._out
                if offset is not None:
                    os.pwrite(self._file, self._buffer[:expected], offset)
                self._out, self._buffer = None, b""
                self._status(tag, residue, status)
            return OK
        if len(data) != 31 or data[:4] != b"USBC":
            return STALL
        tag, length, flags, lun, cdb_length = struct.unpack_from("<IIBBB", data, 4)
        self._command(tag, length, bool(flags & 0x80), data[15:15 + (cdb_length & 31)])
        return OK

    def bulk_in(self, endpoint, length):
        if not self._answer:
            return None
        piece = self._answer.popleft()
        if len(piece) > length:
            self._answer.appendleft(piece[length:])
            piece = piece[:length]
        return piece

    def _status(self, tag, residue, status):
        self._answer.append(struct.pack("<4sIIB", b"USBS", tag, residue, status))

    def _fail(self, tag, length, device_to_host, sense):
        self._sense = sense
        if device_to_host and length:
            # A short packet instead of a stall: the host asks for the status
            # next either way.
            self._answer.append(b"")
        self._status(tag, length, 1)

    def _reply(self, tag, length, data):
        data = data[:length]
        if length:
            self._answer.append(data)
        self._status(tag, length - len(data), 0)

    def _command(self, tag, length, device_to_host, cdb):
        cdb = cdb.ljust(16, b"\0")
        op = cdb[0]
        name, handler = self._TABLE.get(op, ("0x%02X" % op, None))
        self.commands[name] += 1
        if handler is None:
            self._fail(tag, length, device_to_host, (5, 0x20, 0))
            return
        handler(self, tag, length, device_to_host, cdb)

    def _nothing(self, tag, length, d2h, cdb):
        self._reply(tag, length, b"")

    def _request_sense(self, tag, length, d2h, cdb):
        key, asc, ascq = self._sense
        self._sense = (0, 0, 0)
        self._reply(tag, length, bytes([0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, asc, ascq,
                                        0, 0, 0, 0])[:cdb[4]])

    def _inquiry(self, tag, length, d2h, cdb):
        if cdb[1] & 1:
            pages = {0: b"\0", }
            if cdb[2] not in pages:
                self._fail(tag, length, d2h, (5, 0x24, 0))
                return
            data = bytes([0, cdb[2], 0, len(pages[cdb[2]])]) + pages[cdb[2]]
        else:
            data = bytes([0, 0x80 if self.removable else 0, 4, 2, 31, 0, 0, 0]) \
                + self.vendor.encode("latin-1", "replace")[:8].ljust(8) \
                + self.product.encode("latin-1", "replace")[:16].ljust(16) + b"1.00"
        self._reply(tag, length, data[:struct.unpack_from(">H", cdb, 3)[0]])

    def _mode_sense6(self, tag, length, d2h, cdb):
        self._reply(tag, length, bytes([3, 0, 0x80 if self.readonly else 0, 0])[:cdb[4]])

    def _mode_sense10(self, tag, length, d2h, cdb):
        data = bytes([0, 6, 0, 0x80 if self.readonly else 0, 0, 0, 0, 0])
        self._reply(tag, length, data[:struct.unpack_from(">H", cdb, 7)[0]])

    def _capacity10(self, tag, length, d2h, cdb):
        last = min(self.blocks - 1, 0xFFFFFFFF)
        self._reply(tag, length, struct.pack(">II", last, self.block_size))

    def _capacity16(self, tag, length, d2h, cdb):
        if cdb[1] & 31 != 0x10:
            self._fail(tag, length, d2h, (5, 0x20, 0))
            return
        self._reply(tag, length, struct.pack(">QI20x", self.blocks - 1, self.block_size))

    def _format_capacities(self, tag, length, d2h, cdb):
        self._reply(tag, length, struct.pack(">3xBIBBH", 8, self.blocks, 2, 0, self.block_size))

    def _where(self, cdb):
        if cdb[0] in (0x88, 0x8A):
            return struct.unpack_from(">QI", cdb, 2)
        if cdb[0] in (0x08, 0x0A):
            return (struct.unpack_from(">I", cdb, 0)[0] & 0x1FFFFF, cdb[4] or 256)
        return struct.unpack_from(">I", cdb, 2)[0], struct.unpack_from(">H", cdb, 7)[0]

    def _read(self, tag, length, d2h, cdb):
        lba, count = self._where(cdb)
        self.reads += 1
        self.blocks_read += count
        if lba + count > self.blocks:
            self._fail(tag, length, d2h, (5, 0x21, 0))
            return
        self._reply(tag, length, os.pread(self._file, count * self.block_size,
                                          lba * self.block_size))

    def _write(self, tag, length, d2h, cdb):
        lba, count = self._where(cdb)
        self.writes += 1
        self.blocks_written += count
        refuse = self.readonly or lba + count > self.blocks
        if refuse:
            self._sense = (7, 0x27, 0) if self.readonly else (5, 0x21, 0)
        if length == 0:
            self._status(tag, 0, 1 if refuse else 0)
        elif refuse:
            # Take the data, write none of it, and say so.
            self._out, self._buffer = (length, None, tag, length, 1), b""
        else:
            self._out, self._buffer = (length, lba * self.block_size, tag, 0, 0), b""

    _TABLE = {
        0x00: ("TEST UNIT READY", _nothing), 0x03: ("REQUEST SENSE", _request_sense),
        0x12: ("INQUIRY", _inquiry), 0x1A: ("MODE SENSE(6)", _mode_sense6),
        0x5A: ("MODE SENSE(10)", _mode_sense10), 0x1B: ("START STOP UNIT", _nothing),
        0x1E: ("PREVENT ALLOW", _nothing), 0x23: ("READ FORMAT CAPACITIES", _format_capacities),
        0x25: ("READ CAPACITY(10)", _capacity10), 0x9E: ("READ CAPACITY(16)", _capacity16),
        0x08: ("READ(6)", _read), 0x28: ("READ(10)", _read), 0x88: ("READ(16)", _read),
        0x0A: ("WRITE(6)", _write), 0x2A: ("WRITE(10)", _write), 0x8A: ("WRITE(16)", _write),
        0x2F: ("VERIFY(10)", _nothing), 0x35: ("SYNCHRONIZE CACHE(10)", _nothing),
        0x91: ("SYNCHRONIZE CACHE(16)", _nothing),
    }


# HID usages of the characters, for a US layout
_HID = {}
for _i, _c in enumerate("abcdefghijklmnopqrstuvwxyz"):
    _HID[_c], _HID[_c.upper()] = (0, 4 + _i), (2, 4 + _i)
for _i, (_c, _s) in enumerate(zip("1234567890", "!@#$%^&*()")):
    _HID[_c], _HID[_s] = (0, 30 + _i), (2, 30 + _i)
for _i, _c in enumerate("\n\x1b\b\t -=[]\\"):
    _HID[_c] = (0, 40 + _i)
for _u, _c, _s in ((45, "-", "_"), (46, "=", "+"), (47, "[", "{"), (48, "]", "}"),
                   (49, "\\", "|"), (51, ";", ":"), (52, "'", '"'), (53, "`", "~"),
                   (54, ",", "<"), (55, ".", ">"), (56, "/", "?")):
    _HID[_c], _HID[_s] = (0, _u), (2, _u)


class KeyboardFunction(Function):
    """A boot keyboard, which types on command."""

    REPORT = bytes.fromhex("05010906a101050719e029e71500250175019508810295017508810195057501"
                           "050819012905910295017503910195067508150025650507190029658100c0")

    def __init__(self, in_ep=3, boot=True):
        self.in_ep, self.boot = in_ep, boot
        self._reports = collections.deque()
        self._last = bytes(8)

    def descriptors(self, first, high_speed):
        hid = struct.pack("<BBHBBBH", 9, 0x21, 0x0111, 0, 1, 0x22, len(self.REPORT))
        return (interface_descriptor(first, 3, 1 if self.boot else 0, 1 if self.boot else 0, 1)
                + hid + endpoint_descriptor(IN | self.in_ep, 3, 8, 7 if high_speed else 10)), 1

    def control(self, request_type, request, value, index, length, data):
        if request_type == 0x81 and request == 6:
            if value >> 8 == 0x22:
                return self.REPORT
            if value >> 8 == 0x21:
                return struct.pack("<BBHBBBH", 9, 0x21, 0x0111, 0, 1, 0x22, len(self.REPORT))
            raise StallError
        if request_type == 0xA1 and request == 1:
            return self._last
        if request_type == 0xA1 and request in (2, 3):
            return b"\0" if request == 2 else b"\1"
        if request_type == 0x21:
            return b""           # SET_IDLE, SET_PROTOCOL, SET_REPORT (lamps)
        raise StallError

    def press(self, usage, modifiers=0):
        self._reports.append(bytes([modifiers, 0, usage, 0, 0, 0, 0, 0]))
        self._reports.append(bytes(8))

    def type(self, text):
        for char in text:
            modifiers, usage = _HID[char]
            self.press(usage, modifiers)

    def interrupt_in(self):
        if not self._reports:
            return None
        self._last = self._reports.popleft()
        return self._last

    def reset(self):
        self._last = bytes(8)


class Placeholder(Function):
    """An interface of any class, with endpoints that say nothing: for what
    is judged by its descriptors alone (MTP, network, printer, ...)."""

    def __init__(self, cls, sub=0, proto=0, endpoints=(), extra=b"", alts=()):
        """endpoints: (address, kind[, size]); alts: further Placeholders that
        are alternate settings of the same interface"""
        self.cls, self.sub, self.proto = cls, sub, proto
        self.endpoints, self.extra, self.alts = endpoints, extra, alts

    def descriptors(self, first, high_speed, alt=0):
        data = interface_descriptor(first, self.cls, self.sub, self.proto,
                                    len(self.endpoints), alt) + self.extra
        for endpoint in self.endpoints:
            size = endpoint[2] if len(endpoint) > 2 else (512 if high_speed and endpoint[1] == 2 else 64)
            data += endpoint_descriptor(endpoint[0], endpoint[1], size, 7 if endpoint[1] != 2 else 0)
        for number, other in enumerate(self.alts, 1):
            data += other.descriptors(first, high_speed, number)[0]
        return data, 1

    def bulk_in(self, endpoint, length):
        return None

    def bulk_out(self, endpoint, data):
        return OK


# --------------------------------------------------------------------- device

class Device:
    """A USB device of some functions.

    strings: {index: str or bytes}; bytes are the whole descriptor as sent
    configurations: list of bytes to send instead of what the functions make
    device: bytes of the device descriptor instead of the made one
    """

    def __init__(self, functions=(), *, vid=0x0951, pid=0x1666, manufacturer="Sekimori",
                 product="Test Device", serial=None, speed=HIGH, strings=None, device=None,
                 configurations=None, cls=0, sub=0, proto=0, bcd=0x0100):
        self.functions = list(functions)
        self.speed = speed
        self.strings = {}
        indexes = {}
        for index, (name, text) in enumerate((("manufacturer", manufacturer),
                                              ("product", product), ("serial", serial)), 1):
            indexes[name] = index if text is not None else 0
            if text is not None:
                self.strings[index] = text
        self.strings.update(strings or {})
        self._owner = {}           # interface number -> function
        self._endpoint_owner = {}  # endpoint number (0..15) and direction -> function
        if configurations is None:
            body, number = b"", 0
            for function in self.functions:
                data, count = function.descriptors(number, speed >= HIGH)
                for interface in range(number, number + count):
                    self._owner[interface] = function
                body += data
                number += count
            configurations = [configuration_descriptor(body, number)]
        self.configurations = list(configurations)
        for data in self.configurations:
            for interface, alt, c, s, p, endpoints in parse_endpoints(data):
                owner = self._owner.get(interface)
                if owner is None and interface < len(self.functions):
                    owner = self._owner[interface] = self.functions[interface]
                for address, kind, size, interval in endpoints:
                    if owner is not None:
                        self._endpoint_owner.setdefault(address, owner)
        self.device = device or device_descriptor(
            vid, pid, cls=cls, sub=sub, proto=proto, bcd=bcd,
            configurations=len(self.configurations), **indexes)
        self.requests = collections.Counter()  # control requests by (type, request)
        self.configuration = 0                 # what the guest has chosen
        self.configured = 0                    # how often it chose one
        self.alt = {}
        self.log = []                          # (time, text) of what happened
        self.error = None
        self._by_configuration = {}            # when the owner depends on it
        self._wire = None

    # counters of all storage functions
    @property
    def reads(self):
        return sum(f.reads for f in self.functions if isinstance(f, Storage))

    @property
    def writes(self):
        return sum(f.writes for f in self.functions if isinstance(f, Storage))

    @property
    def commands(self):
        total = collections.Counter()
        for function in self.functions:
            if isinstance(function, Storage):
                total.update(function.commands)
        return total

    def clear(self):
        """Set all counters to zero."""
        self.requests.clear()
        self.configured = 0
        for function in self.functions:
            if isinstance(function, Storage):
                function.commands.clear()
                function.reads = function.writes = 0
                function.blocks_read = function.blocks_written = 0

    def note(self, text):
        self.log.append((time.monotonic(), text))

    # -------------------------------------------------------- plugging

    def listen(self, path):
        self._wire = _Wire(self, path)

    def wait_connected(self, timeout):
        self._wire.wait_connected(timeout)

    def reconnect(self, other=None):
        """Leave the bus and come back, as another device (same sockets) if
        one is given: a mode switch."""
        self._wire.become(other or self)

    def close(self):
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        for function in self.functions:
            if hasattr(function, "close"):
                function.close()

    # -------------------------------------------------------- requests

    def interfaces(self):
        """Interfaces of the chosen configuration in their alternate settings
        (of the first one before any was chosen)."""
        data = self.configurations[0] if self.configurations else b""
        for candidate in self.configurations:
            if len(candidate) > 5 and candidate[5] == self.configuration:
                data = candidate
        return [entry for entry in parse_endpoints(data)
                if entry[1] == self.alt.get(entry[0], 0)]

    def control(self, request_type, request, value, index, length, data):
        self.requests[(request_type, request)] += 1
        if request_type == 0x80 and request == 6:
            kind, number = value >> 8, value & 0xFF
            if kind == 1:
                return self.device
            if kind == 2 and number < len(self.configurations):
                return self.configurations[number]
            if kind == 3:
                if number == 0:
                    return b"\x04\x03\x09\x04"
                if number in self.strings:
                    return string_descriptor(self.strings[number])
            if kind == 6:
                raise StallError
            raise StallError
        if request_type == 0x80 and request == 0:
            return b"\0\0"
        if request_type in (0x81, 0x82) and request == 0:
            return b"\0\0"
        if request_type in (0x00, 0x01, 0x02) and request in (1, 3):
            return b""            # CLEAR_FEATURE, SET_FEATURE
        if request_type & 0x1F == 1:
            function = self._by_configuration.get(self.configuration,
                                                  self._owner.get(index & 0xFF))
            if function is not None:
                return function.control(request_type, request, value, index, length, data)
        raise StallError

    def endpoint(self, address):
        return self._endpoint_owner.get(address)

    def reset(self):
        self.configuration = 0
        self.alt = {}
        for function in self.functions:
            function.reset()


class StorageDevice(Device):
    """A USB stick. image: a file, or None for a fresh FAT file system with
    `files` (pass path= where to make it)."""

    def __init__(self, image=None, *, serial="SEKI0001", files=None, path=None, size=16 << 20,
                 label="STICK", readonly=False, removable=True, product="Test Stick", **options):
        if image is None:
            if path is None:
                raise ValueError("either image= or path= for a new one")
            image = fat.make(path, files or {}, size=size, label=label)
        self.image = image
        self.storage = Storage(image, readonly=readonly, removable=removable)
        super().__init__([self.storage], serial=serial, product=product, **options)


class Keyboard(Device):
    """A keyboard; .type(text) types by itself."""

    def __init__(self, *, vid=0x046D, pid=0xC31C, product="Test Keyboard", speed=FULL, **options):
        self.keyboard = KeyboardFunction()
        super().__init__([self.keyboard], vid=vid, pid=pid, product=product, speed=speed, **options)

    def type(self, text):
        self.keyboard.type(text)


class KeyboardStorage(Device):
    """A keyboard that is also a stick."""

    def __init__(self, image, *, serial="SEKI0002", product="Test Composite", **options):
        self.image = image
        self.keyboard = KeyboardFunction(in_ep=3)
        self.storage = Storage(image)
        super().__init__([self.keyboard, self.storage], serial=serial, product=product, **options)

    def type(self, text):
        self.keyboard.type(text)


CompositeKeyboardStorage = KeyboardStorage


class RawDevice(Device):
    """Exactly these bytes. functions (if any) answer for the interfaces of
    their number; without one, class requests and endpoints stall."""

    def __init__(self, device, configurations, strings=None, functions=(), speed=HIGH):
        super().__init__(functions, device=device, configurations=configurations,
                         strings=strings, speed=speed, manufacturer=None, product=None)


def alternate_storage(image, serial="SEKI0003", **options):
    """A device whose interface is a harmless vendor one in alternate setting
    0 and a stick in alternate setting 1: no interface directory shows it."""
    storage = Storage(image)
    body = (interface_descriptor(0, 0xFF, 0, 0, 0, alt=0)
            + interface_descriptor(0, 8, 6, 0x50, 2, alt=1)
            + endpoint_descriptor(0x81, 2, 512) + endpoint_descriptor(0x01, 2, 512))
    return Device([storage], configurations=[configuration_descriptor(body, 1)],
                  serial=serial, product="Test Alternate", **options)


def second_configuration_storage(image, serial="SEKI0004", **options):
    """A device that is a keyboard in its first configuration and a stick in
    its second."""
    keyboard, storage = KeyboardFunction(in_ep=3), Storage(image)
    first, _ = keyboard.descriptors(0, True)
    second, _ = storage.descriptors(0, True)
    device = Device([keyboard], configurations=[configuration_descriptor(first, 1, value=1),
                                                configuration_descriptor(second, 1, value=2)],
                    serial=serial, product="Test Two Faces", **options)
    device.functions.append(storage)
    device._endpoint_owner.update({0x81: storage, 0x02: storage})
    device._by_configuration = {1: keyboard, 2: storage}
    return device


# ----------------------------------------------------------------------- wire

class _Wire:
    """The protocol's end: one thread, one connection."""

    def __init__(self, device, path):
        self.device = device
        self._path = path
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(1)
        self._wake_r, self._wake_w = os.pipe()
        self._orders = queue.Queue()
        self._connected = threading.Event()
        self._acked = threading.Event()
        self._sock = None
        self._buffer = b""
        self._wide = False
        self._hello = False
        self._peer_caps = 0
        self._pending = []             # bulk INs without an answer yet: (id, endpoint, length, stream)
        self._interrupts = set()       # endpoints that are being polled
        self._interrupt_id = 0
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="usbredir", daemon=True)
        self._thread.start()

    # --- for other threads

    def wait_connected(self, timeout):
        if not self._connected.wait(timeout):
            raise Timeout("qemu did not take the redirected device in %g s" % timeout)

    def become(self, device, timeout=20):
        done = threading.Event()
        self._orders.put((device, done))
        os.write(self._wake_w, b"x")
        if not done.wait(timeout):
            raise Timeout("the device did not come back in %g s" % timeout)

    def close(self):
        if self._stop:
            return
        self._stop = True
        os.write(self._wake_w, b"x")
        self._thread.join(5)
        for closeable in (self._listener, self._sock):
            if closeable is not None:
                closeable.close()
        os.close(self._wake_r)
        os.close(self._wake_w)
        try:
            os.unlink(self._path)
        except OSError:
            pass

    # --- the thread

    def _run(self):
        try:
            ready, _, _ = select.select([self._listener, self._wake_r], [], [])
            if self._stop:
                return
            self._sock, _ = self._listener.accept()
            caps = 0
            for cap in (CAP_CONNECT_VERSION, CAP_DISCONNECT_ACK, CAP_MAX_PACKET,
                        CAP_64BIT_IDS, CAP_32BIT_BULK):
                caps |= 1 << cap
            self._raw(HELLO, b"sekimori tests".ljust(64, b"\0") + struct.pack("<I", caps))
            while not self._stop:
                # An interrupt endpoint has a rate: one report each 20 ms, so
                # that the guest sees every press and release.
                ready, _, _ = select.select([self._sock, self._wake_r], [], [],
                                            0.02 if self._interrupts else None)
                if self._wake_r in ready:
                    os.read(self._wake_r, 100)
                    while not self._orders.empty():
                        self._switch(*self._orders.get())
                if self._sock in ready:
                    data = self._sock.recv(1 << 18)
                    if not data:
                        return
                    self._buffer += data
                    self._parse()
                self._send_interrupts()
        except OSError:
            pass                      # qemu is gone: nothing left to be plugged into
        except Exception as error:    # a fault of this emulation, shown by the test
            self.device.error = error
            raise

    def _raw(self, kind, payload, ident=0):
        wide = self._wide and kind != HELLO
        header = struct.pack("<IIQ" if wide else "<III", kind, len(payload), ident)
        self._sock.sendall(header + payload)

    def _parse(self):
        while True:
            size = 16 if self._wide else 12
            if len(self._buffer) < size:
                return
            kind, length, ident = struct.unpack_from("<IIQ" if self._wide else "<III", self._buffer)
            if len(self._buffer) < size + length:
                return
            payload = self._buffer[size:size + length]
            self._buffer = self._buffer[size + length:]
            self._packet(kind, ident, payload)

    def _packet(self, kind, ident, payload):
        handler = self._HANDLERS.get(kind)
        if handler is not None:
            handler(self, ident, payload)

    def _on_hello(self, ident, payload):
        self._peer_caps = struct.unpack_from("<I", payload, 64)[0] if len(payload) >= 68 else 0
        self._wide = bool(self._peer_caps & (1 << CAP_64BIT_IDS))
        self._attach()
        self._connected.set()

    def _attach(self):
        device = self.device
        device.reset()
        self._pending, self._interrupts = [], set()
        self._send_infos()
        d = device.device.ljust(18, b"\0")
        self._raw(DEVICE_CONNECT, struct.pack(
            "<BBBBHHH", device.speed, d[4], d[5], d[6],
            *struct.unpack_from("<HHH", d, 8)))
        device.note("attached")

    def _switch(self, device, done):
        self._raw(DEVICE_DISCONNECT, b"")
        self._after_ack = (device, done)
        if not self._peer_caps & (1 << CAP_DISCONNECT_ACK):
            self._on_ack(0, b"")

    def _on_ack(self, ident, payload):
        order = getattr(self, "_after_ack", None)
        if order is not None:
            self._after_ack = None
            self.device, done = order
            self.device._wire = self
            self._attach()
            done.set()

    def _send_infos(self):
        interfaces = self.device.interfaces()
        shown = interfaces[:32]
        columns = [bytes(entry[i] for entry in shown).ljust(32, b"\0") for i in (0, 2, 3, 4)]
        kinds, intervals, owners, sizes = [255] * 32, [0] * 32, [0] * 32, [0] * 32
        kinds[0] = kinds[16] = 0
        sizes[0] = sizes[16] = 64
        for entry in shown:
            for address, kind, size, interval in entry[5]:
                slot = ((address & 0x80) >> 3) | (address & 15)
                if address & 15:
                    # Told to QEMU, not to the guest: it throws a device out
                    # over values that a hostile one may well have.
                    kinds[slot], intervals[slot] = kind or 2, max(interval, 1)
                    owners[slot], sizes[slot] = entry[0], (size & 0x7FF) or 64
        self._raw(INTERFACE_INFO, struct.pack("<I", len(shown)) + b"".join(columns))
        self._raw(EP_INFO, bytes(kinds) + bytes(intervals) + bytes(owners)
                  + struct.pack("<32H", *sizes))

    def _on_reset(self, ident, payload):
        self._pending, self._interrupts = [], set()
        self.device.reset()
        self._send_infos()

    def _on_set_configuration(self, ident, payload):
        value = payload[0]
        self.device.alt = {}
        self.device.configuration = value
        self.device.configured += 1
        self.device.note("configuration %d" % value)
        self._interrupts = set()
        self._send_infos()
        self._raw(CONFIGURATION_STATUS, bytes([OK, value]), ident)

    def _on_get_configuration(self, ident, payload):
        self._raw(CONFIGURATION_STATUS, bytes([OK, self.device.configuration]), ident)

    def _on_set_alt(self, ident, payload):
        interface, alt = payload[0], payload[1]
        self.device.alt[interface] = alt
        self.device.note("interface %d alternate %d" % (interface, alt))
        self._send_infos()
        self._raw(ALT_SETTING_STATUS, bytes([OK, interface, alt]), ident)

    def _on_get_alt(self, ident, payload):
        interface = payload[0]
        self._raw(ALT_SETTING_STATUS,
                  bytes([OK, interface, self.device.alt.get(interface, 0)]), ident)

    def _on_start_interrupt(self, ident, payload):
        self._interrupts.add(payload[0])
        self._raw(INTERRUPT_STATUS, bytes([OK, payload[0]]), ident)

    def _on_stop_interrupt(self, ident, payload):
        self._interrupts.discard(payload[0])
        self._raw(INTERRUPT_STATUS, bytes([OK, payload[0]]), ident)

    def _send_interrupts(self):
        for endpoint in sorted(self._interrupts):
            function = self.device.endpoint(endpoint)
            report = function.interrupt_in() if function is not None else None
            if report is not None:
                self._raw(INTERRUPT, struct.pack("<BBH", endpoint, OK, len(report)) + report,
                          self._interrupt_id)
                self._interrupt_id += 1

    def _on_start_iso(self, ident, payload):
        self._raw(ISO_STATUS, bytes([STALL, payload[0]]), ident)

    def _on_stop_iso(self, ident, payload):
        self._raw(ISO_STATUS, bytes([OK, payload[0]]), ident)

    def _on_control(self, ident, payload):
        endpoint, request, request_type, _, value, index, length = \
            struct.unpack_from("<BBBBHHH", payload)
        status, answer = OK, b""
        try:
            answer = self.device.control(request_type, request, value, index, length, payload[10:])
        except StallError:
            status = STALL
        if request_type & IN:
            answer = (answer or b"")[:length]
            length = len(answer)
        else:
            answer = b""
        if status != OK:
            length, answer = 0, b""
        self._raw(CONTROL, struct.pack("<BBBBHHH", endpoint, request, request_type, status,
                                       value, index, length) + answer, ident)

    def _bulk_answer(self, ident, endpoint, status, length, stream, data=b""):
        self._raw(BULK, struct.pack("<BBHIH", endpoint, status, length & 0xFFFF, stream,
                                    length >> 16) + data, ident)

    def _on_bulk(self, ident, payload):
        endpoint, _, low, stream, high = struct.unpack_from("<BBHIH", payload)
        length = low | high << 16
        function = self.device.endpoint(endpoint)
        if function is None:
            self._bulk_answer(ident, endpoint, STALL, 0, stream)
        elif endpoint & IN:
            self._pending.append((ident, endpoint, length, stream))
        else:
            data = payload[10:]
            self._bulk_answer(ident, endpoint, function.bulk_out(endpoint, data), len(data), stream)
        self._answer_bulk_in()

    def _answer_bulk_in(self):
        for entry in list(self._pending):
            ident, endpoint, length, stream = entry
            answer = self.device.endpoint(endpoint).bulk_in(endpoint, length)
            if answer is None:
                continue
            self._pending.remove(entry)
            if isinstance(answer, int):
                self._bulk_answer(ident, endpoint, answer, 0, stream)
            else:
                self._bulk_answer(ident, endpoint, OK, len(answer), stream, answer)

    def _on_interrupt(self, ident, payload):
        endpoint, _, length = struct.unpack_from("<BBH", payload)
        self._raw(INTERRUPT, struct.pack("<BBH", endpoint, OK, length), ident)

    def _on_cancel(self, ident, payload):
        for entry in list(self._pending):
            if entry[0] == ident:
                self._pending.remove(entry)
                self._bulk_answer(ident, entry[1], CANCELLED, 0, entry[3])

    def _on_streams(self, ident, payload):
        self._raw(STREAMS_STATUS, payload[:4].ljust(4, b"\0") + struct.pack("<IB", 0, INVALID), ident)

    _HANDLERS = {
        HELLO: _on_hello, RESET: _on_reset, SET_CONFIGURATION: _on_set_configuration,
        GET_CONFIGURATION: _on_get_configuration, SET_ALT_SETTING: _on_set_alt,
        GET_ALT_SETTING: _on_get_alt, START_INTERRUPT: _on_start_interrupt,
        STOP_INTERRUPT: _on_stop_interrupt, START_ISO: _on_start_iso, STOP_ISO: _on_stop_iso,
        CONTROL: _on_control, BULK: _on_bulk, INTERRUPT: _on_interrupt,
        CANCEL_DATA: _on_cancel, DISCONNECT_ACK: _on_ack, ALLOC_STREAMS: _on_streams,
    }
