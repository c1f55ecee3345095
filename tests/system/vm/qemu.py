"""A virtual staff PC on QEMU: start it in a second from a saved state, plug
devices into it and pull them out, run commands inside, and leave nothing
behind.

    with VM(forwards={8443: port}) as vm:
        vm.install_debs("build/deb")
        stick = vm.plug_storage(files={"a.txt": b"hello"}, serial="S1")
        rc, out, err = vm.run("lsblk")
        stick.unplug()

Only one machine runs at a time on a host: the class queues on a lock file.
"""

import atexit
import ctypes
import fcntl
import glob
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref

from . import fat
from .channels import QMP, GuestAgent, Timeout, VMError, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
LOCK = os.environ.get("SEKIMORI_VM_LOCK", "/tmp/sekimori-vm.lock")
SERVER = "10.0.2.100"
GUEST_PORTS = (8443, 8444, 8445, 8446, 8080)
SHARE = "/mnt/share"
INSTRUCTION_NS = 8  # of a counting machine: -icount shift=3

# Emulated speed differs threefold between machines; every limit is scaled.
SCALE = float(os.environ.get("SEKIMORI_VM_TIMEOUT_SCALE", "1"))


def log(text):
    if os.environ.get("SEKIMORI_VM_QUIET") != "1":
        print("vm: " + text, file=sys.stderr, flush=True)


def build_image():
    """Directory of the image; built when the cache does not have it."""
    result = subprocess.run([os.path.join(HERE, "build-image.sh")],
                            stdout=subprocess.PIPE, text=True)
    if result.returncode != 0:
        raise VMError("the image could not be built")
    return result.stdout.strip().splitlines()[-1]


def newest_debs(directory, names=("sekimori-agent",)):
    """The newest file of each named package in a directory."""
    found = []
    for name in names:
        files = glob.glob(os.path.join(directory, name + "_*.deb"))
        if files:
            found.append(max(files, key=os.path.getmtime))
    return found


def _temporary(kind):
    """A directory that names its owner, so that one whose owner was killed
    outright is recognised and removed by the next run."""
    return tempfile.mkdtemp(prefix="sekimori-%s-%d-" % (kind, os.getpid()))


def _sweep():
    for path in glob.glob(os.path.join(tempfile.gettempdir(), "sekimori-vm*-*-*")):
        try:
            owner = int(os.path.basename(path).split("-")[2])
            os.kill(owner, 0)
        except ProcessLookupError:
            shutil.rmtree(path, ignore_errors=True)
        except (ValueError, OSError):
            pass


# ---------------------------------------------------------------- one at a time

class _HostLock:
    """The host's one place for a virtual machine; nests within a process."""

    def __init__(self):
        self._fd = None
        self._count = 0
        self._guard = threading.Lock()

    def take(self):
        with self._guard:
            if self._count == 0:
                old = os.umask(0)
                try:
                    fd = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
                finally:
                    os.umask(old)
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    log("another virtual machine runs here, waiting for its end")
                    fcntl.flock(fd, fcntl.LOCK_EX)
                self._fd = fd
            self._count += 1

    def release(self):
        with self._guard:
            self._count -= 1
            if self._count == 0:
                os.close(self._fd)
                self._fd = None


_host_lock = _HostLock()
_running = weakref.WeakSet()


def _end_all():
    for vm in list(_running):
        vm.stop()


def _on_signal(signum, frame):
    sys.exit(128 + signum)  # unwinds, then atexit ends the machines


def _install_cleanup():
    if getattr(_install_cleanup, "done", False):
        return
    _install_cleanup.done = True
    atexit.register(_end_all)
    if threading.current_thread() is threading.main_thread():
        for signum in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(signum) == signal.SIG_DFL:
                signal.signal(signum, _on_signal)


_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def _die_with_parent():
    """Even a SIGKILL of the test process must not leave QEMU behind."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


# ---------------------------------------------------------------------- devices

class Device:
    """Something plugged in; returned by the plug_* functions."""

    def __init__(self, vm, ident, driver, cleanup=()):
        self.vm, self.id, self.driver = vm, ident, driver
        self.block_id = ident  # whose block counters count
        self.image = None
        self._cleanup = list(cleanup)
        self.plugged = True

    def unplug(self, timeout=30):
        """Pull it out, and wait until the machine has let go of it."""
        if not self.plugged:
            return
        self.plugged = False
        qmp = self.vm.qmp
        since = qmp.mark()
        qmp.execute("device_del", id=self.id)
        qmp.wait_event("DEVICE_DELETED", lambda d: d.get("device") == self.id,
                       timeout * SCALE, since)
        for undo in self._cleanup:
            undo()
        if self in self.vm.devices:
            self.vm.devices.remove(self)

    def stats(self):
        """QEMU's own block counters of an emulated disk: what the guest read
        and wrote, whatever the guest says."""
        for entry in self.vm.qmp.execute("query-blockstats"):
            path = entry.get("qdev", "")
            if self.block_id in path.split("/"):
                return entry["stats"]
        raise VMError("%s has no block counters" % self.id)

    @property
    def reads(self):
        return self.stats()["rd_operations"]

    @property
    def writes(self):
        return self.stats()["wr_operations"]


class RedirDevice(Device):
    """A device of usbredir.py, plugged; .dev is the emulation."""

    def __init__(self, vm, ident, dev, cleanup):
        super().__init__(vm, ident, "usb-redir", cleanup)
        self.dev = dev

    @property
    def reads(self):
        return self.dev.reads

    @property
    def writes(self):
        return self.dev.writes


class Snapshot:
    """A machine's saved state (memory, devices and disk), to start from."""

    def __init__(self, directory, config):
        self.directory, self.config = directory, config

    @property
    def disk(self):
        return os.path.join(self.directory, "disk.qcow2")

    @property
    def state(self):
        return os.path.join(self.directory, "state")

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)


# -------------------------------------------------------------------- typing

_PLAIN = {" ": "spc", "\n": "ret", "\t": "tab", "-": "minus", "=": "equal",
          "[": "bracket_left", "]": "bracket_right", ";": "semicolon",
          "'": "apostrophe", "`": "grave_accent", "\\": "backslash",
          ",": "comma", ".": "dot", "/": "slash"}
_SHIFTED = {"!": "1", "@": "2", "#": "3", "$": "4", "%": "5", "^": "6",
            "&": "7", "*": "8", "(": "9", ")": "0", "_": "minus", "+": "equal",
            "{": "bracket_left", "}": "bracket_right", ":": "semicolon",
            '"': "apostrophe", "~": "grave_accent", "|": "backslash",
            "<": "comma", ">": "dot", "?": "slash"}


def keys_of(text):
    """The QEMU key names that type text, as [[modifier, key], [key], ...]."""
    for char in text:
        if char in _PLAIN:
            yield [_PLAIN[char]]
        elif char in _SHIFTED:
            yield ["shift", _SHIFTED[char]]
        elif char.isupper():
            yield ["shift", char.lower()]
        else:
            yield [char]


# ------------------------------------------------------------------- the machine

class VM:
    """One virtual staff PC.

    memory    MiB
    cpus      virtual processors
    fast      start from the cached saved state of the plain machine, when
              nothing else asked for stands against it
    restore   a Snapshot (of save_state) to start from
    initrd    path of another initrd, or "guest" after make_initramfs()
    append    more kernel command line
    extra     more QEMU arguments (list): cold-plugged devices
    sd        True: an SD card reader (insert_sd). Such a machine boots in full:
              QEMU's reader loses its interrupt over a saved state
    forwards  {guest port: host port}: what answers at 10.0.2.100. Guest ports
              are those of GUEST_PORTS; all else is unreachable
    clock     seconds since the epoch, or None for the host's time
    counting  True: the machine's time is the number of instructions it has executed, INSTRUCTION_NS each, whatever the host does
              meanwhile; idle time passes as ever. What such a machine measures is the same in every run. One processor
    logfile   keep the serial console's text here
    """

    def __init__(self, *, name="vm", memory=1024, cpus=2, fast=True,
                 restore=None, initrd=None, append="", extra=(), sd=False,
                 forwards=None, clock=None, logfile=None, image=None, counting=False):
        self.name = name
        self.memory, self.cpus = memory, 1 if counting else cpus
        self.counting = counting
        self.fast, self.restore = fast, restore
        self.initrd, self.append = initrd, append
        self.extra, self.sd = list(extra), sd
        self.clock = clock
        self.image = image
        self.forwards = dict(forwards or {})
        self.tmp = None
        self.process = None
        self.qmp = self.agent = None
        self.devices = []
        self.boot_seconds = None
        self._logfile = logfile
        self._count = 0
        self._share_mounted = False
        self._locked = False
        self._guest_initrd = None

    # ------------------------------------------------------------ life

    def __enter__(self):
        if self.process is None:
            self.start()
        return self

    def __exit__(self, *exc):
        self.stop()

    def start(self, before=None, wait="system"):
        """Start the machine. before(vm) is called while it stands still at
        power-on: what is plugged there is in the port at boot (and means a
        full boot). wait: "system" (services up, clerk logged in), "agent"
        (commands can be run) or "none"."""
        _install_cleanup()
        if not self._locked:
            _host_lock.take()
            self._locked = True
            _sweep()
        try:
            self._prepare()
            began = time.monotonic()
            snapshot = self.restore
            if snapshot is None and self._plain() and before is None and self.fast:
                snapshot = self._base_state()
            if snapshot is not None:
                self._restore(snapshot)
            else:
                self._boot(before, wait)
            self.boot_seconds = time.monotonic() - began
        except BaseException as error:
            if isinstance(error, VMError):
                log("serial console at the end:\n" + self.serial_tail())
            self.stop()
            raise
        return self

    def _plain(self):
        return not (self.initrd or self.append or self.sd or os.path.exists(self._disk()))

    def _prepare(self):
        if self.image is None:
            self.image = build_image()
        if self.tmp is None:
            self.tmp = _temporary("vm")
            os.chmod(self.tmp, 0o700)
            os.mkdir(self._path("share"))
            os.mkdir(self._path("fwd"))
            os.mkdir(self._path("usb"))
            with open(self._path("forward"), "w") as script:
                script.write('#!/bin/sh\n# $1: guest port\n'
                             'read -r port <"%s/$1" || exit 1\n'
                             'exec socat - "TCP:127.0.0.1:$port"\n' % self._path("fwd"))
        for guest, host in self.forwards.items():
            self.forward(guest, host)

    def _path(self, *parts):
        return os.path.join(self.tmp, *parts)

    def path(self, *parts):
        """A place on the host for files of this machine: removed with it."""
        return self._path(*parts)

    @staticmethod
    def wait(probe, what, timeout=20):
        """Wait until probe() on the host's side is true."""
        return wait_for(what, probe, timeout * SCALE, 0.05)

    def _disk(self):
        return self._path("disk.qcow2")

    @property
    def serial_log(self):
        return self._logfile or self._path("serial.log")

    def serial_tail(self, lines=30):
        try:
            with open(self.serial_log, errors="replace") as file:
                return "".join(file.readlines()[-lines:])
        except OSError:
            return ""

    def alive(self):
        return self.process is not None and self.process.poll() is None

    @property
    def _accel(self):
        if self.counting:
            return "tcg,thread=single"
        return os.environ.get("SEKIMORI_VM_ACCEL", "tcg,thread=multi")

    def _hardware(self):
        """The arguments that make up the machine: a saved state only fits a
        machine built from the same ones."""
        args = ["-machine", "pc,i8042=off,vmport=off", "-accel", self._accel,
                "-cpu", "max", "-smp", str(self.cpus), "-m", str(self.memory),
                "-nodefaults", "-no-user-config", "-display", "none",
                "-device", "VGA,id=video0,vgamem_mb=4",
                "-rtc", "base=utc,clock=host",
                "-device", "virtio-blk-pci,drive=disk0,id=disk",
                "-device", "virtio-serial-pci,id=vser",
                "-device", "virtserialport,bus=vser.0,chardev=qga,name=org.qemu.guest_agent.0,id=agent",
                "-device", "virtio-rng-pci",
                "-device", "virtio-9p-pci,fsdev=share,mount_tag=share",
                "-device", "virtio-net-pci,netdev=n0,mac=52:54:00:5e:41:01,romfile=",
                "-device", "qemu-xhci,id=xhci,p2=15,p3=15"]
        if self.counting:
            args += ["-icount", "shift=3,sleep=on"]
        if self.sd:
            args += ["-device", "sdhci-pci,id=sdhci",
                     "-drive", "if=none,id=sd0", "-device", "sd-card,id=sdcard,drive=sd0"]
        return args + self.extra

    def _backends(self):
        forward = "".join(",guestfwd=tcp:%s:%d-cmd:/bin/sh %s %d"
                          % (SERVER, port, self._path("forward"), port)
                          for port in GUEST_PORTS)
        return ["-drive", "if=none,id=disk0,file=%s,format=qcow2,cache=unsafe,discard=unmap" % self._disk(),
                "-chardev", "socket,id=qga,path=%s,server=on,wait=off" % self._path("qga.sock"),
                "-fsdev", "local,id=share,path=%s,security_model=none" % self._path("share"),
                "-netdev", "user,id=n0,restrict=on" + forward,
                "-chardev", "file,id=serial,path=%s,append=on" % self.serial_log,
                "-serial", "chardev:serial",
                "-qmp", "unix:%s,server=on,wait=off" % self._path("qmp.sock"),
                "-audiodev", "none,id=snd0",
                "-pidfile", self._path("qemu.pid"), "-no-reboot"]

    def _launch(self, arguments):
        for leftover in ("qmp.sock", "qga.sock", "qemu.pid"):
            if os.path.exists(self._path(leftover)):
                os.unlink(self._path(leftover))
        main = threading.current_thread() is threading.main_thread()
        with open(self._path("qemu.log"), "ab") as out:
            self.process = subprocess.Popen(
                ["qemu-system-x86_64"] + self._backends() + self._hardware() + arguments,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                # the death signal follows the starting thread, not the process
                preexec_fn=_die_with_parent if main else None)
        _running.add(self)
        try:
            self.qmp = QMP(self._path("qmp.sock"), self.alive)
        except VMError as error:
            with open(self._path("qemu.log"), errors="replace") as text:
                raise VMError("%s\n%s" % (error, text.read()[-2000:]))
        self.agent = GuestAgent(self._path("qga.sock"), self.alive)
        self._share_mounted = False

    def _overlay(self, backing, fmt):
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", fmt,
                        "-b", backing, self._disk()], check=True)

    def _boot(self, before, wait):
        if not os.path.exists(self._disk()):
            self._overlay(os.path.join(self.image, "rootfs.img"), "raw")
        initrd = self.initrd or os.path.join(self.image, "initrd")
        if initrd == "guest":
            if self._guest_initrd is None:
                raise VMError('initrd="guest" needs make_initramfs() first')
            initrd = self._guest_initrd
        cmdline = ("root=/dev/vda rootfstype=ext4 rw console=tty0 console=ttyS0 net.ifnames=0 "
                   "quiet loglevel=5 systemd.show_status=no mitigations=off panic=-1 "
                   "raid=noautodetect fsck.mode=skip " + self.append).strip()
        self._launch(["-S", "-kernel", os.path.join(self.image, "vmlinuz"),
                      "-initrd", initrd, "-append", cmdline])
        if before is not None:
            before(self)
        self.qmp.execute("cont")
        if wait != "none":
            self.wait_agent()
        if wait == "system":
            self.wait_system()
        if wait != "none" and self.clock is not None:
            self.set_clock(self.clock)

    def wait_agent(self, timeout=240):
        self.agent.sync(timeout * SCALE)

    def wait_system(self, timeout=300):
        """Wait until boot is over, USB is up and the clerk has logged in."""
        def settled():
            rc, out, _ = self.run(
                "test -e /sys/bus/usb/devices/usb2 || exit 3;"
                "case $(systemctl is-system-running) in running|degraded) ;; *) exit 4;; esac;"
                "loginctl --no-legend list-sessions | grep -q 'clerk *seat0' || exit 5;"
                "udevadm settle -t 60", check=False, timeout=120)
            return rc == 0
        wait_for("the end of the boot", settled, timeout * SCALE, 1)

    def stop(self):
        """Cut the power and remove every trace of the machine."""
        self._end_process()
        if self.tmp is not None:
            shutil.rmtree(self.tmp, ignore_errors=True)
            self.tmp = None
        if self._locked:
            self._locked = False
            _host_lock.release()

    def _end_process(self):
        for device in list(self.devices):
            if isinstance(device, RedirDevice):
                device.dev.close()
        self.devices = []
        if self.process is not None:
            if self.process.poll() is None:
                try:
                    self.qmp.execute("quit", timeout=5)
                    self.process.wait(10)
                except (VMError, AttributeError, subprocess.TimeoutExpired):
                    pass
            for signum in (signal.SIGTERM, signal.SIGKILL):
                if self.process.poll() is None:
                    self.process.send_signal(signum)
                    try:
                        self.process.wait(5)
                    except subprocess.TimeoutExpired:
                        pass
            self.process = None
        if self.agent is not None:
            self.agent.close()
        if self.qmp is not None:
            self.qmp.close()
        self.qmp = self.agent = None
        _running.discard(self)

    def crash(self):
        """Cut the power; the disk stays as it was for the next start()."""
        self._end_process()
        self.restore, self.fast = None, False

    def poweroff(self, timeout=120):
        """Shut down in order; the disk stays for the next start()."""
        try:
            self.agent.run(["/bin/systemctl", "--no-block", "poweroff"], timeout=20)
        except VMError:
            # The machine may be down before the agent could say so; if it
            # did not hear at all, the power button is left.
            try:
                self.qmp.execute("system_powerdown")
            except VMError:
                pass
        try:
            self.process.wait(timeout * SCALE)
        except subprocess.TimeoutExpired:
            tail = self.serial_tail()
            self._end_process()
            raise Timeout("no shutdown in %g s; serial console:\n%s" % (timeout * SCALE, tail))
        self._end_process()
        self.restore, self.fast = None, False

    def reboot(self, before=None, wait="system", **changes):
        """Shut down and boot again from the same disk; changes are attributes
        of the machine: initrd=, append=, extra=, memory=, clock=, ..."""
        self.poweroff()
        for name, value in changes.items():
            if not hasattr(self, name):
                raise TypeError("VM has no %s" % name)
            setattr(self, name, value)
        return self.start(before=before, wait=wait)

    # ----------------------------------------------------- saved states

    def _config(self):
        version = subprocess.run(["qemu-system-x86_64", "--version"],
                                 stdout=subprocess.PIPE, text=True).stdout.splitlines()[0]
        return {"version": version, "hardware": self._hardware(),
                "image": os.path.basename(self.image)}

    def save_state(self, directory=None):
        """Save memory, devices and disk, and end this machine: VM(restore=...)
        starts from there in a second, as often as wanted. Nothing may be
        plugged in. Without a directory it lives as long as the caller's
        Snapshot.remove() is not called."""
        if self.devices:
            raise VMError("unplug everything before saving: %s" % [d.id for d in self.devices])
        if self.sd:
            raise VMError("a machine with an SD reader does not survive a saved state")
        if self._share_mounted:
            self.run("umount " + SHARE)
            self._share_mounted = False
        self.run("sync")
        directory = directory or _temporary("vmstate")
        snapshot = Snapshot(directory, self._config())
        self.qmp.execute("stop")
        self.qmp.raw("migrate-set-parameters", {"max-bandwidth": 1 << 40})
        self.qmp.execute("migrate", uri="exec:cat >%s" % shlex.quote(snapshot.state))
        self._migrated("saving the state")
        self._end_process()
        shutil.move(self._disk(), snapshot.disk)
        self.stop()
        return snapshot

    def _migrated(self, what):
        def done():
            status = self.qmp.execute("query-migrate").get("status")
            if status in ("failed", "cancelled"):
                with open(self._path("qemu.log"), errors="replace") as text:
                    raise VMError("%s: %s\n%s" % (what, status, text.read()[-2000:]))
            return status == "completed"
        wait_for(what, done, 120 * SCALE, 0.05)

    def _restore(self, snapshot):
        if snapshot.config != self._config():
            raise VMError("the saved state is of another machine: %s\nthis one: %s"
                          % (snapshot.config, self._config()))
        self._overlay(snapshot.disk, "qcow2")
        self._launch(["-S", "-incoming", "defer"])
        self.qmp.execute("migrate-incoming", uri="exec:cat %s" % shlex.quote(snapshot.state))
        self._migrated("restoring the state")
        self.qmp.execute("cont")
        self.wait_agent(60)
        # The guest woke up in the past, and its random pool is everybody's.
        self.agent.run(["/bin/sh", "-c", "cat >/dev/urandom"], input=os.urandom(64))
        self.set_clock(self.clock)

    def _base_state(self):
        config = self._config()
        digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:12]
        directory = os.path.join(self.image, "state-" + digest)
        if not os.path.exists(os.path.join(directory, "complete")):
            log("booting once to save the state of the plain machine")
            shutil.rmtree(directory, ignore_errors=True)
            building = directory + ".new"
            shutil.rmtree(building, ignore_errors=True)
            os.mkdir(building)
            try:
                base = VM(name="base", memory=self.memory, cpus=self.cpus, fast=False,
                          extra=self.extra, image=self.image, counting=self.counting)
                base.start()
                base.wait_idle()
                base.save_state(building)
                open(os.path.join(building, "complete"), "w").close()
                os.rename(building, directory)
            except BaseException:
                shutil.rmtree(building, ignore_errors=True)
                raise
            self._prune_states(directory)
        return Snapshot(directory, config)

    def _prune_states(self, newest):
        """A state weighs 150 MB or more: the few last used are enough."""
        states = [os.path.join(self.image, name) for name in os.listdir(self.image)
                  if name.startswith("state-") and not name.endswith(".new")]
        states.sort(key=os.path.getmtime, reverse=True)
        for old in states[6:]:
            if old != newest:
                shutil.rmtree(old, ignore_errors=True)

    def wait_idle(self, timeout=90):
        """Wait until what was started at boot has calmed down."""
        def idle():
            rc, out, _ = self.run("a=$(awk '/^cpu /{print $5}' /proc/stat); sleep 1;"
                                  "b=$(awk '/^cpu /{print $5}' /proc/stat); echo $((b - a))")
            return int(out) > 100 * self.cpus * 0.85
        try:
            wait_for("an idle machine", idle, timeout * SCALE, 0.5)
        except Timeout:
            log("the machine did not become idle; going on")

    # ------------------------------------------------------- inside

    def run(self, command, check=True, input=None, timeout=60, user=None, env=None):
        """Run a shell command (str) or an argument vector (list) inside, as
        root or as user. Returns (exit status, stdout, stderr) as text. With
        check, a status other than 0 raises. What the command leaves in the
        background must not hold its output open: use spawn()."""
        if isinstance(command, str):
            argv = ["/bin/sh", "-c", command]
        else:
            argv = list(command)
        if user is not None:
            argv = ["/sbin/runuser", "-u", user, "--"] + argv
        limit = int(timeout * SCALE)
        # The guest ends the command itself, with all its children.
        argv = ["/usr/bin/timeout", "-k", "2", str(max(limit, 1))] + argv
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                       "LANG": "C.UTF-8", "HOME": "/root"}
        if user is not None:
            uid = {"clerk": 1000, "clerk2": 1001}.get(user, 0)
            environment.update(HOME="/home/" + user, USER=user, LOGNAME=user,
                               XDG_RUNTIME_DIR="/run/user/%d" % uid,
                               DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/%d/bus" % uid)
        environment.update(env or {})
        if isinstance(input, str):
            input = input.encode()
        rc, out, err = self.agent.run(argv, input, limit + 30, environment)
        out, err = out.decode(errors="replace"), err.decode(errors="replace")
        if rc == 124:
            raise Timeout("%s: still running after %d s\n%s%s" % (command, limit, out, err))
        if check and rc != 0:
            raise VMError("%s: exit status %d\n%s%s" % (command, rc, out, err))
        return rc, out, err

    def out(self, command, **options):
        """Standard output of a command that must succeed, stripped."""
        return self.run(command, **options)[1].strip()

    def ok(self, command, **options):
        """Does the command succeed?"""
        return self.run(command, check=False, **options)[0] == 0

    def spawn(self, command, unit, user=None):
        """Run a shell command in the background, as a transient unit: its
        output is in the journal; end it with `systemctl stop UNIT`."""
        options = ["--uid=" + user] if user else []
        self.run(["systemd-run", "--quiet", "--collect", "--unit=" + unit] + options
                 + ["/bin/sh", "-c", command])

    def wait_until(self, command, timeout=20, what=None, interval=0.2, **options):
        """Repeat a command inside until it succeeds; returns its output. One
        call into the guest polls there, which is quicker than asking."""
        script = ("end=$(($(cut -d. -f1 /proc/uptime) + %d)); while :; do o=$( (%s) 2>&1) "
                  "&& { printf '%%s' \"$o\"; exit 0; };"
                  "[ $(cut -d. -f1 /proc/uptime) -lt $end ] || { printf '%%s' \"$o\"; exit 9; };"
                  "sleep %g; done" % (int(timeout * SCALE), command, interval))
        rc, out, err = self.run(script, check=False, timeout=timeout + 15, **options)
        if rc != 0:
            raise Timeout("waited %g s for %s; it last said: %s"
                          % (timeout * SCALE, what or command, (out + err).strip()))
        return out.strip()

    def read(self, path):
        """A file of the guest, as bytes (small ones; pull() for large)."""
        rc, out, err = self.agent.run(["/bin/cat", "--", path], timeout=60)
        if rc != 0:
            raise VMError("%s: %s" % (path, err.decode(errors="replace").strip()))
        return out

    def write(self, path, data, mode=None):
        """Write a file of the guest."""
        if isinstance(data, str):
            data = data.encode()
        quoted = shlex.quote(path)
        self.run("cat >%s%s" % (quoted, " && chmod %o %s" % (mode, quoted) if mode else ""),
                 input=data)

    def mount_share(self):
        if not self._share_mounted:
            self.run("modprobe 9p && modprobe 9pnet_virtio && mkdir -p {0} && mount -t 9p "
                     "-o trans=virtio,version=9p2000.L,msize=262144 share {0}".format(SHARE))
            self._share_mounted = True
        return SHARE

    def share(self, path, name=None):
        """Make a copy of a file or directory of the host visible in the
        guest; returns its path there (on 9p)."""
        self.mount_share()
        name = name or os.path.basename(os.path.abspath(path))
        target = self._path("share", name)
        if os.path.isdir(path):
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(path, target, symlinks=True)
        else:
            shutil.copy(path, target)
        return SHARE + "/" + name

    def push(self, path, destination, mode=None):
        """Copy a file or directory of the host to the guest's own disk."""
        source = self.share(path, "push-%d" % self._number())
        self.run(["cp", "-rT", "--preserve=mode", source, destination])
        if mode is not None:
            self.run(["chmod", "%o" % mode, destination])

    def pull(self, path, destination):
        """Copy a file or directory of the guest to the host."""
        self.mount_share()
        name = "pull-%d" % self._number()
        self.run("cp -rLT %s %s/%s && chmod -R a+rX %s/%s"
                 % (shlex.quote(path), SHARE, name, SHARE, name), timeout=120)
        source = self._path("share", name)
        if os.path.isdir(source):
            shutil.copytree(source, destination)
            shutil.rmtree(source)
        else:
            shutil.move(source, destination)

    def install_debs(self, debs, names=("sekimori-agent",), timeout=300):
        """dpkg -i of files (a path or a list), or of the packages `names` in a
        directory, the newest of each; returns what dpkg said."""
        if isinstance(debs, str):
            debs = newest_debs(debs, names) if os.path.isdir(debs) else [debs]
        if not debs:
            raise VMError("no packages to install")
        inside = [self.share(deb) for deb in debs]
        return self.run(["dpkg", "--force-confold", "-i"] + inside, timeout=timeout,
                        env={"DEBIAN_FRONTEND": "noninteractive"})[1]

    def make_initramfs(self, timeout=600):
        """Let the guest build its own initramfs, with the hooks of whatever is
        installed; initrd="guest" boots it. Returns its path on the host."""
        self.run("sed -i s/^update_initramfs=.*/update_initramfs=yes/ "
                 "/etc/initramfs-tools/update-initramfs.conf && update-initramfs -u",
                 timeout=timeout)
        path = self._path("guest-initrd")
        if os.path.exists(path):
            os.unlink(path)
        self.pull("/boot/initrd.img-" + self.out("uname -r"), path)
        self._guest_initrd = path
        return path

    def set_clock(self, when=None):
        """Set the guest's clock: seconds since the epoch, default now."""
        when = time.time() if when is None else when
        self.agent.run(["/bin/date", "-u", "-s", "@%.3f" % when])

    def journal(self, unit=None, since=None):
        """The guest's journal as text."""
        command = ["journalctl", "--no-pager", "-o", "short-precise"]
        if unit:
            command += ["-u", unit]
        if since:
            command += ["--since", since]
        return self.run(command, check=False)[1]

    # ---------------------------------------------------------- network

    def forward(self, guest_port, host_port):
        """10.0.2.100:guest_port reaches 127.0.0.1:host_port from now on."""
        if guest_port not in GUEST_PORTS:
            raise VMError("guest ports are %s" % (GUEST_PORTS,))
        self.forwards[guest_port] = host_port
        new = self._path("fwd", ".new")
        with open(new, "w") as file:
            file.write("%d\n" % host_port)
        os.rename(new, self._path("fwd", str(guest_port)))

    def unforward(self, guest_port):
        """Nothing answers there any more: new connections are closed at once."""
        self.forwards.pop(guest_port, None)
        try:
            os.unlink(self._path("fwd", str(guest_port)))
        except FileNotFoundError:
            pass

    def link(self, up):
        """Plug the network cable in or out."""
        self.qmp.execute("set_link", name="n0", up=up)

    # ---------------------------------------------------------- devices

    def _number(self):
        self._count += 1
        return self._count

    def plug(self, driver, ident=None, cleanup=(), **properties):
        """device_add of anything QEMU has; `_` in names stands for `-`."""
        ident = ident or "dev%d" % self._number()
        arguments = {k.replace("_", "-"): v for k, v in properties.items() if v is not None}
        if driver.startswith("usb-") and "bus" not in arguments:
            arguments["bus"] = "xhci.0"
        try:
            self.qmp.raw("device_add", dict(arguments, driver=driver, id=ident))
        except BaseException:
            for undo in cleanup:
                undo()
            raise
        device = Device(self, ident, driver, cleanup)
        self.devices.append(device)
        return device

    def unplug(self, device):
        device.unplug()

    def _block(self, image, files, size, label, readonly, serial):
        """A block node over an image file; without one, a FAT file system is
        made. Returns (node name, path, undo)."""
        number = self._number()
        own = image is None
        if own:
            image = self._path("usb", "medium%d.img" % number)
            fat.make(image, files or {}, size=size, label=label)
        node = "node%d" % number
        self.qmp.raw("blockdev-add", {
            "driver": "raw", "node-name": node, "read-only": readonly,
            "file": {"driver": "file", "filename": os.path.abspath(image),
                     "locking": "off", "read-only": readonly}})

        def undo():
            try:
                self.qmp.raw("blockdev-del", {"node-name": node})
            except VMError:
                pass  # the machine was restarted meanwhile
            if own and os.path.exists(image):
                os.unlink(image)
        return node, image, undo

    def plug_keyboard(self, port=None):
        return self.plug("usb-kbd", port=port, display="video0")

    def plug_mouse(self, port=None):
        return self.plug("usb-mouse", port=port)

    def plug_tablet(self, port=None):
        return self.plug("usb-tablet", port=port)

    def plug_hub(self, port=None):
        """A hub; plug into it with port="N.M", N being the hub's port."""
        return self.plug("usb-hub", port=port)

    def plug_storage(self, image=None, files=None, size=16 << 20, label="STICK",
                     serial=None, readonly=False, removable=True, port=None):
        """A USB stick (bulk-only), emulated by QEMU."""
        node, path, undo = self._block(image, files, size, label, readonly, serial)
        device = self.plug("usb-storage", cleanup=[undo], drive=node, serial=serial,
                           removable=removable, port=port)
        device.image = path
        return device

    def _scsi(self, transport, disk, image, files, size, label, serial, readonly, port):
        node, path, undo = self._block(image, files, size, label, readonly, serial)
        number = self._number()
        try:
            bridge = self.plug(transport, "usb%d" % number, cleanup=[undo], port=port)
            self.qmp.raw("device_add", {k: v for k, v in {
                "driver": disk, "id": "scsi%d" % number, "bus": "usb%d.0" % number,
                "drive": node, "serial": serial}.items() if v is not None})
        except VMError:
            undo()
            raise
        # The bridge stays out of its port until its disks are all there.
        self.qmp.execute("qom-set", path="/machine/peripheral/usb%d" % number,
                         property="attached", value=True)
        bridge.image, bridge.block_id = path, "scsi%d" % number
        return bridge

    def plug_uas(self, image=None, files=None, size=16 << 20, label="UASDISK",
                 serial=None, readonly=False, port=None):
        """A USB disk of the UAS kind."""
        return self._scsi("usb-uas", "scsi-hd", image, files, size, label, serial, readonly, port)

    def plug_bot(self, image=None, files=None, size=16 << 20, label="BOTDISK",
                 serial=None, readonly=False, port=None):
        """A SCSI disk behind a bulk-only bridge."""
        return self._scsi("usb-bot", "scsi-hd", image, files, size, label, serial, readonly, port)

    def plug_cdrom(self, image=None, files=None, size=16 << 20, label="DISC",
                   serial=None, port=None):
        """A USB optical drive with a disc in it."""
        return self._scsi("usb-bot", "scsi-cd", image, files, size, label, serial, True, port)

    def plug_mtp(self, files=None, port=None):
        """A telephone that offers files over MTP."""
        root = self._path("usb", "mtp%d" % self._number())
        os.mkdir(root)
        for name, data in (files or {"photo.txt": b"photo"}).items():
            with open(os.path.join(root, name), "wb") as file:
                file.write(data)
        return self.plug("usb-mtp", cleanup=[lambda: shutil.rmtree(root, ignore_errors=True)],
                         rootdir=root, desc="Phone", port=port)

    def plug_net(self, port=None):
        """A USB network adapter (CDC/RNDIS) that leads nowhere."""
        name = "usbnet%d" % self._number()
        self.qmp.raw("netdev_add", {"type": "user", "id": name, "restrict": True})
        return self.plug("usb-net", cleanup=[
            lambda: self.qmp.raw("netdev_del", {"id": name})], netdev=name, port=port)

    def plug_serial(self, port=None):
        """A USB serial adapter."""
        name = "null%d" % self._number()
        self.qmp.raw("chardev-add", {"id": name, "backend": {"type": "null", "data": {}}})
        return self.plug("usb-serial", cleanup=[
            lambda: self.qmp.raw("chardev-remove", {"id": name})],
            chardev=name, always_plugged=True, port=port)

    def plug_ccid(self, port=None):
        """A smart card reader."""
        return self.plug("usb-ccid", port=port)

    def plug_audio(self, port=None):
        """A USB sound card."""
        return self.plug("usb-audio", audiodev="snd0", port=port)

    def plug_nvme(self, image=None, files=None, size=16 << 20, label="NVME", serial="NVME1"):
        """An NVMe disk appearing on PCI, as behind Thunderbolt."""
        node, path, undo = self._block(image, files, size, label, False, serial)
        device = self.plug("nvme", cleanup=[undo], drive=node, serial=serial)
        device.image = path
        return device

    def plug_disk(self, image=None, size=64 << 20, serial=None):
        """An internal disk (virtio): no bus that carries removable media. It
        is empty without an image."""
        own = image is None
        if own:
            image = self._path("usb", "disk%d.img" % self._number())
            with open(image, "wb") as file:
                file.truncate(size)
        node, path, undo = self._block(image, None, 0, "", False, serial)
        device = self.plug("virtio-blk-pci", cleanup=[undo], drive=node, serial=serial)
        device.image = path
        return device

    def insert_sd(self, image=None, files=None, size=16 << 20, label="SDCARD"):
        """Put a card into the reader (VM(sd=True)); returns the image's path."""
        if image is None:
            image = self._path("usb", "sd%d.img" % self._number())
            fat.make(image, files or {}, size=size, label=label)
        self.qmp.execute("blockdev-change-medium", device="sd0",
                         filename=os.path.abspath(image), format="raw")
        return image

    def eject_sd(self):
        self.qmp.execute("eject", device="sd0", force=True)

    def plug_redir(self, dev, port=None, ident=None):
        """Plug a device of usbredir.py."""
        number = self._number()
        ident = ident or "redir%d" % number
        path = self._path("usb", "redir%d.sock" % number)
        dev.listen(path)
        self.qmp.raw("chardev-add", {"id": "c" + ident, "backend": {
            "type": "socket", "data": {"server": False, "addr": {
                "type": "unix", "data": {"path": path}}}}})

        def undo():
            dev.close()
            try:
                self.qmp.raw("chardev-remove", {"id": "c" + ident})
            except VMError:
                pass
        arguments = {"driver": "usb-redir", "id": ident, "chardev": "c" + ident,
                     "bus": "xhci.0"}
        if port is not None:
            arguments["port"] = port
        try:
            self.qmp.raw("device_add", arguments)
            # A machine that stands still (start(before=...)) listens later.
            if self.qmp.execute("query-status")["running"]:
                dev.wait_connected(20 * SCALE)
        except BaseException:
            undo()
            raise
        device = RedirDevice(self, ident, dev, [undo])
        self.devices.append(device)
        return device

    # ------------------------------------------------------ typing, screen

    def send_keys(self, keys, hold=60):
        """Press keys together (QEMU key names: ["ctrl", "c"]) on an emulated
        keyboard (plug_keyboard). For one particular keyboard out of several
        use usbredir.Keyboard, which types by itself."""
        def event(key, down):
            return {"type": "key", "data": {"down": down, "key": {"type": "qcode", "data": key}}}
        screen = {"device": "video0", "head": 0}
        self.qmp.raw("input-send-event", dict(screen, events=[event(k, True) for k in keys]))
        time.sleep(hold / 1000)
        self.qmp.raw("input-send-event",
                     dict(screen, events=[event(k, False) for k in reversed(keys)]))
        time.sleep(hold / 1000)

    def type(self, text, hold=60):
        """Type a text on an emulated keyboard."""
        for keys in keys_of(text):
            self.send_keys(keys, hold)

    def screen(self):
        """The text on tty1."""
        out = self.read("/dev/vcs1").decode("latin-1")
        width = int(self.out("stty -F /dev/tty1 size").split()[1])
        return "\n".join(out[i:i + width].rstrip() for i in range(0, len(out), width)).rstrip()
