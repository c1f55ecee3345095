/* The gate and buses other than USB: cards and disks are decided, recorded and carried out like sticks; the machine's own are never touched. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/text.h"
#include "tests/unit/gate_fake.h"

static char conf[] = "/tmp/sekimori-disks-XXXXXX", run[64];

static void up(void)
{
	static const char *const NAMES[SK_BUSES] = {"mmc", "scsi", "pci", "thunderbolt", "firewire"};
	struct sk_system *sys;
	int fd = mkstemp(conf);

	cr_assert_geq(fd, 0);
	(void)close(fd);
	(void)snprintf(run, sizeof(run), "%s.run", conf);
	fake_up();
	sys = &F.gate->sys;
	for (size_t i = 0; i < SK_BUSES; i++)
		sys->buses[i] = (struct sk_usb){&FAKE_USB, (void *)(uintptr_t)NAMES[i]};
	sys->n_buses = SK_BUSES;
	sys->root = "/nonexistent";
	sk_text_copy(sys->disks_conf, sizeof(sys->disks_conf), conf);
	sk_text_copy(sys->disks_run, sizeof(sys->disks_run), run);
	F.modules_loaded = true;
}

static void down(void)
{
	(void)unlink(conf);
	(void)unlink(run);
	fake_down();
}

TestSuite(gate_bus, .init = up, .fini = down);

#define CARD "mmc:mmc0:4567"

static void start(void)
{
	sk_gate_bus_start(F.gate);
	cr_assert_eq(sk_gate_scan(F.gate, true), 0);
	F.gate->started = true;
}

static void came(const char *subsystem, struct fake_device *d)
{
	struct sk_uevent e = {"add", subsystem, "", d->devpath, strchr(d->name, ':') + 1, false};

	sk_gate_uevent(F.gate, &e);
}

Test(gate_bus, a_card_without_a_grant_is_refused_and_recorded)
{
	struct fake_device *d;

	start();
	d = plug_one(CARD, STICK, "S1");
	came("mmc", d);
	cr_assert(!d->authorized);
	cr_assert_eq(find("probe"), -1);
	cr_assert_str_eq(last_text("device.decided", "verdict"), "deny");
	cr_assert_str_eq(last_text("device.decided", "bus"), "mmc");
	cr_assert_str_eq(last_text("device.decided", "device"), CARD);
	d->there = false;
	struct sk_uevent e = {"remove", "mmc", "", d->devpath, "mmc0:4567", false};
	sk_gate_uevent(F.gate, &e);
	cr_assert_geq(find("record device.removed " CARD), 0);
}

Test(gate_bus, a_granted_card_is_opened_with_its_module_read_only_and_mounted)
{
	struct fake_device *d;
	struct fake_block *b;

	start();
	F.modules_loaded = false;
	d = plug_one(CARD, STICK, "S1");
	d->binds = "mmcblk";
	grant(d, "clerk", "ro", F.now + 3600000);
	sk_gate_person(F.gate, "clerk");
	came("mmc", d);
	cr_assert(before("record device.decided", "start /sbin/modprobe -q -a mmc_block"));
	end_job("modprobe", 0, "");
	cr_assert(before("start /sbin/modprobe", "probe " CARD));
	cr_assert_geq(find("record grant.admitted " CARD), 0);
	b = plug_block(d, 0, NULL);
	block_add(b);
	cr_assert(before("ro sda", "start /usr/lib/sekimori/sekimori-mount mount /dev/sda"));
	end_job("mount", 1, "");
	F.grants = sk_grants_free(F.grants);
	(void)sk_gate_reconsider(F.gate);
	cr_assert(!d->authorized);
	cr_assert_geq(find("record grant.ended " CARD), 0);
}

Test(gate_bus, a_card_open_at_the_start_is_shut_before_the_journal)
{
	struct fake_device *d = plug_one(CARD, STICK, "S1");

	d->authorized = d->iface_auth[0] = true;
	d->config = 1;
	start();
	cr_assert(!d->authorized);
	cr_assert(before("deauthorise " CARD, "record device.decided " CARD));
}

Test(gate_bus, a_disk_is_not_touched_while_own_disks_are_not_known)
{
	struct fake_device *d = plug_one("scsi:2:0:0:0", STICK, "S1");

	d->authorized = d->iface_auth[0] = true;
	d->config = 1;
	(void)unlink(conf);
	start();
	cr_assert(d->authorized);
	cr_assert_geq(find("record enforcement.failed"), 0, "silently open");
	cr_assert_eq(find("deauthorise"), -1);
	cr_assert(sk_gate_find(F.gate, "scsi:2:0:0:0")->outcome.internal);
}

Test(gate_bus, a_disk_that_is_nobodys_is_refused_when_own_disks_are_known)
{
	struct fake_device *d = plug_one("scsi:2:0:0:0", STICK, "S1");

	d->authorized = d->iface_auth[0] = true;
	d->config = 1;
	start();
	cr_assert(!d->authorized);
	cr_assert_eq(find("record enforcement.failed"), -1);
}

Test(gate_bus, udev_gets_the_answer_of_the_disks_owner)
{
	struct fake_device *d;
	struct fake_block *b;
	struct sk_err err = SK_ERR_INIT;
	json_t *out = NULL;

	start();
	d = plug_one("pci:0000:01:00.0", STICK, "S1");
	d->authorized = d->iface_auth[0] = true;
	d->config = 1;
	d->stuck = true; /* the driver that bound before we came does not let go */
	came("pci", d);
	b = plug_block(d, 0, NULL);
	cr_assert_eq(sk_gate_block_verdict(F.gate, b->b.devpath, &out, &err), 0);
	cr_assert_str_eq(json_string_value(json_object_get(out, "verdict")), "deny");
	cr_assert(b->ro);
	json_decref(out);
	cr_assert_geq(find("record enforcement.failed"), 0);
}

#define MULTIPATH "/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1"

static struct fake_block *plug_multipath(const struct fake_device *d)
{
	static char controller[256];
	struct fake_block *b = plug_block((struct fake_device *)(uintptr_t)d, 0, NULL);

	(void)snprintf(controller, sizeof(controller), "%.180s/%.20s:1.0/nvme/nvme0", d->devpath, d->name);
	F.slave = controller;
	sk_text_copy(b->b.devpath, sizeof(b->b.devpath), MULTIPATH);
	sk_text_copy(b->b.name, sizeof(b->b.name), "nvme0n1");
	return b;
}

static const char *verdict_on(const char *devpath)
{
	static char word[16];
	struct sk_err err = SK_ERR_INIT;
	json_t *out = NULL;

	cr_assert_eq(sk_gate_block_verdict(F.gate, devpath, &out, &err), 0);
	sk_text_copy(word, sizeof(word), json_string_value(json_object_get(out, "verdict")));
	json_decref(out);
	return word;
}

/* It shows below /devices/virtual: by its own path it would be taken for something of the machine. */
Test(gate_bus, a_multipath_disk_is_that_of_its_controller)
{
	struct fake_device *d;
	struct fake_block *b;

	start();
	d = plug_one("pci:0000:01:00.0", STICK, "S1");
	d->stuck = true;
	d->authorized = d->iface_auth[0] = true;
	d->config = 1;
	came("pci", d);
	b = plug_multipath(d);
	cr_assert_str_eq(verdict_on(MULTIPATH), "deny");
	cr_assert(b->ro);
	F.slave = "/devices/pci0000:00/0000:00:02.0/nvme/nvme0";
	cr_assert_str_eq(verdict_on(MULTIPATH), "internal", "a controller that is the machine's own");
	block_add(b);
	cr_assert_eq(find("start"), -1);
}

Test(gate_bus, a_granted_multipath_disk_is_read_only_and_mounted_and_goes)
{
	struct fake_device *d;
	struct fake_block *b;

	start();
	d = plug_one("pci:0000:01:00.0", STICK, "S1");
	d->binds = "nvme";
	grant(d, "clerk", "ro", F.now + 3600000);
	sk_gate_person(F.gate, "clerk");
	came("pci", d);
	b = plug_multipath(d);
	block_add(b);
	cr_assert(before("ro nvme0n1", "start /usr/lib/sekimori/sekimori-mount mount /dev/nvme0n1"));
	end_job("mount", 1, "");
	cr_assert_str_eq(verdict_on(MULTIPATH), "ro");
	F.slave = NULL; /* its controller went first */
	b->there = false;
	uevent("remove", "block", "disk", MULTIPATH);
	cr_assert(!sk_medium_busy(sk_gate_find(F.gate, d->name)->medium, 0));
}

Test(gate_bus, usb_devices_go_on_beside_them)
{
	struct fake_device *d, *k;

	plug_root();
	start();
	d = plug_one(CARD, STICK, "S1");
	k = plug_one("1-1", KEYBOARD, "");
	came("mmc", d);
	add(k);
	cr_assert(k->authorized);
	cr_assert(!d->authorized);
	cr_assert_eq(find("default-deny " CARD), -1);
}

static void put_at(const char *root, const char *path, const char *text)
{
	char full[256];

	(void)snprintf(full, sizeof(full), "%s/%s", root, path);
	cr_assert_eq(sk_file_write(full, text, strlen(text), 0644, NULL), 0);
}

#define SLOT "sys/devices/pci0000:00/0000:00:03.0/0000:01:00.0"

/* Model and place are all that an unbound NVMe disk tells: who is there at the start is the machine's own, who comes later into the same place is not. */
Test(gate_bus, an_own_nvme_is_the_one_that_was_there_at_the_start)
{
	char root[] = "/tmp/sekimori-nvme-XXXXXX", path[256], link[300];
	struct fake_device *d;

	cr_assert_not_null(mkdtemp(root));
	(void)snprintf(path, sizeof(path), "%s/" SLOT, root);
	cr_assert_eq(sk_mkdir_p(path, 0755), 0);
	(void)snprintf(path, sizeof(path), "%s/sys/bus/pci/devices", root);
	cr_assert_eq(sk_mkdir_p(path, 0755), 0);
	(void)snprintf(link, sizeof(link), "%s/0000:01:00.0", path);
	cr_assert_eq(symlink("../../../devices/pci0000:00/0000:00:03.0/0000:01:00.0", link), 0);
	put_at(root, SLOT "/class", "0x010802\n");
	put_at(root, SLOT "/uevent", "");
	put_at("", conf + 1, "disk nvme ::: pci0000:00/03.0/00.0\n");
	F.gate->sys.root = root;
	d = plug_one("pci:0000:01:00.0", STICK, "");
	d->authorized = d->iface_auth[0] = true;
	d->config = 1;
	start();
	cr_assert(d->authorized && sk_gate_find(F.gate, d->name)->outcome.internal);
	(void)sk_gate_reconsider(F.gate);
	cr_assert(d->authorized, "it stays what it is");
	d->there = false;
	struct sk_uevent e = {"remove", "pci", "", d->devpath, "0000:01:00.0", false};
	sk_gate_uevent(F.gate, &e);
	d->there = true;
	came("pci", d);
	cr_assert(!d->authorized);
	cr_assert(!sk_gate_find(F.gate, d->name)->outcome.internal, "another one in its place");
	F.gate->sys.root = "/nonexistent";
}

/* A LUN that nobody owns and that stores nothing: it gets its driver, but not at the first try. */
Test(gate_bus, a_lun_that_is_not_ready_is_asked_again)
{
	static const char *const folders[] = {"sys/bus/scsi/devices",
	                                      "sys/devices/pci0000:00/ata1/host0/target0:0:0/0:0:0:0"};
	char root[] = "/tmp/sekimori-lun-XXXXXX", path[256], link[256];
	struct sk_uevent e = {"add",     "scsi", "scsi_device", "/devices/pci0000:00/ata1/host0/target0:0:0/0:0:0:0",
	                      "0:0:0:0", false};
	struct sk_buf b;

	cr_assert_not_null(mkdtemp(root));
	for (int i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", root, folders[i]);
		cr_assert_eq(sk_mkdir_p(path, 0755), 0);
	}
	put_at(root, "sys/devices/pci0000:00/ata1/host0/target0:0:0/0:0:0:0/type", "13\n");
	(void)snprintf(link, sizeof(link), "%s/sys/bus/scsi/devices/0:0:0:0", root);
	cr_assert_eq(symlink("../../../devices/pci0000:00/ata1/host0/target0:0:0/0:0:0:0", link), 0);
	start();
	F.gate->sys.root = root;
	sk_gate_uevent(F.gate, &e);
	cr_assert_not_null(F.gate->lun_timer, "the write failed and nobody asks again");
	put_at(root, "sys/bus/scsi/drivers_probe", "");
	for (int i = 0; i < 50 && F.gate->lun_timer != NULL; i++)
		(void)sd_event_run(F.gate->loop, 100000);
	sk_buf_init(&b, 64);
	(void)snprintf(path, sizeof(path), "%s/sys/bus/scsi/drivers_probe", root);
	cr_assert_eq(sk_file_read(path, &b, NULL), 0);
	cr_expect_str_eq(b.data, "0:0:0:0");
	sk_buf_deinit(&b);
	F.gate->sys.root = "/nonexistent";
}
