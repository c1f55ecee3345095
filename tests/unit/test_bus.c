/* Buses other than USB on a folder that looks like sysfs: who is a medium, its identity, opening, shutting, and the machine's own disks. */
#include <errno.h>

#include "platform/bus_face.h"
#include "platform/disks.h"
#include "tests/unit/sysfs_fake.h"

TestSuite(bus, .init = tree_up, .fini = tree_down);

#define PCI "/sys/devices/pci0000:00"

static void attr(const char *dir, const char *name, const char *value)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	put(path, value);
}

/* dir below /sys/devices; also listed on its bus. */
static void device(const char *bus, const char *dir)
{
	char path[512], target[512];

	attr(dir, "uevent", "");
	(void)snprintf(path, sizeof(path), "/sys/bus/%s/devices/%s", bus, strrchr(dir, '/') + 1);
	(void)snprintf(target, sizeof(target), "../../..%s", dir + 4);
	put_link(path, target);
}

#define CARD PCI "/0000:00:06.0/mmc_host/mmc0/mmc0:4567"

static void card(const char *type, const char *cid)
{
	put("/sys/bus/mmc/drivers_autoprobe", "1\n");
	put("/sys/bus/mmc/drivers_probe", "");
	device("mmc", CARD);
	attr(CARD, "type", type);
	attr(CARD, "cid", cid);
	attr(CARD, "name", "SD\033[2J\n");
	attr(CARD, "serial", "0xdeadbeef\n");
	attr(CARD, "manfid", "0x0000aa\n");
}

#define SATA PCI "/0000:00:1f.2/ata3/host2/target2:0:0/2:0:0:0"

static void sata(const char *wwid)
{
	static const char PAGE[] = "\0\x80\0\x08  SER\x01  ";

	put("/sys/bus/scsi/drivers_autoprobe", "1\n");
	put("/sys/bus/scsi/drivers_probe", "");
	device("scsi", SATA);
	attr(SATA, "type", "0\n");
	attr(SATA, "vendor", "ATA     \n");
	attr(SATA, "model", "QEMU HARDDISK   \n");
	attr(SATA, "wwid", wwid);
	put_bytes(SATA "/vpd_pg80", PAGE, sizeof(PAGE) - 1);
}

static void bind(const char *dir, const char *driver)
{
	char path[512], target[256];

	(void)snprintf(path, sizeof(path), "%s/driver", dir);
	(void)snprintf(target, sizeof(target), "%s/sys/drivers/%s", tree, driver);
	(void)snprintf(path, sizeof(path), "/sys/drivers/%s/unbind", driver);
	put(path, "");
	(void)snprintf(path, sizeof(path), "%s/driver", dir);
	put_link(path, target);
}

static struct sk_usb face(const struct sk_bus_ops *bus)
{
	static struct sk_usb all[SK_BUSES];
	size_t i = 0;

	sk_bus_faces(tree, all);
	while (sk_bus_at(i) != bus)
		i++;
	return all[i];
}

static int read_facts(const struct sk_bus_ops *bus, const char *name, struct sk_device *d)
{
	struct sk_usb f = face(bus);
	struct sk_usb_print print;
	struct sk_usb_dev *dev = NULL;
	int r = f.ops->open(f.ctx, name, NULL, &dev);

	if (r == 0)
		r = f.ops->read(f.ctx, dev, d, &print);
	f.ops->close(f.ctx, dev);
	return r;
}

Test(bus, a_card_is_storage_named_by_its_cid_and_its_strings_are_escaped)
{
	struct sk_device d, e;

	card("SD\n", "aa58595a000000deadbeef00a21234\n");
	cr_assert_eq(read_facts(&SK_BUS_MMC_OPS, "mmc:mmc0:4567", &d), 0);
	cr_assert_str_eq(d.bus, "mmc");
	cr_assert(d.desc_ok);
	cr_assert_eq(sk_usb_desc_kinds(&d.desc), SK_USB_STORAGE);
	cr_assert_str_eq(d.serial, "0xdeadbeef");
	cr_assert_null(strchr(d.product, '\033'));
	cr_assert_eq(strlen(d.desc.device_key), 64);
	put(CARD "/cid", "bb58595a000000deadbeef00a21234\n");
	cr_assert_eq(read_facts(&SK_BUS_MMC_OPS, "mmc:mmc0:4567", &e), 0);
	cr_assert_str_neq(d.desc.device_key, e.desc.device_key, "another card with the same serial");
}

Test(bus, a_card_that_says_nothing_is_malformed_and_an_sdio_adapter_is_none)
{
	struct sk_device d;

	card("SD\n", "\n");
	cr_assert_eq(read_facts(&SK_BUS_MMC_OPS, "mmc:mmc0:4567", &d), 0);
	cr_assert(!d.desc_ok);
	put(CARD "/type", "SDIO\n");
	cr_assert_eq(read_facts(&SK_BUS_MMC_OPS, "mmc:mmc0:4567", &d), -ENOENT);
}

Test(bus, names_that_are_paths_open_nothing)
{
	struct sk_usb f = face(&SK_BUS_MMC_OPS);
	struct sk_usb_dev *dev = NULL;

	cr_assert_eq(f.ops->open(f.ctx, "mmc:../../x", NULL, &dev), -EINVAL);
	cr_assert_eq(f.ops->open(f.ctx, "mmc:", NULL, &dev), -EINVAL);
	cr_assert_eq(f.ops->open(f.ctx, "scsi:0:0:0:0", NULL, &dev), -EINVAL);
	cr_assert_eq(f.ops->open(f.ctx, "mmc:mmc9:1", NULL, &dev), -ENOENT);
	cr_assert_null(sk_bus_of("mmcx:1"));
	cr_assert_null(sk_bus_of("1-2"));
}

Test(bus, a_sata_disk_is_told_from_scsi_and_what_hangs_on_usb_is_not_ours)
{
	static const char USB_DISK[] = PCI "/0000:00:09.0/usb1/1-1/1-1:1.0/host5/target5:0:0/5:0:0:0";
	struct sk_device d;

	sata("t10.ATA     QEMU HARDDISK   QM00001\n");
	cr_assert_eq(read_facts(&SK_BUS_SCSI_OPS, "scsi:2:0:0:0", &d), 0);
	cr_assert_str_eq(d.bus, "ata");
	cr_assert_str_eq(d.vendor, "ATA");
	cr_assert_str_eq(d.product, "QEMU HARDDISK");
	cr_assert(strncmp(d.serial, "SER", 3) == 0 && d.serial[3] != '\x01', "%s", d.serial);
	device("scsi", USB_DISK);
	attr(USB_DISK, "type", "0\n");
	cr_assert_eq(read_facts(&SK_BUS_SCSI_OPS, "scsi:5:0:0:0", &d), -ENOENT);
	device("scsi", PCI "/0000:00:1f.2/ata3/host2");
	cr_assert_eq(read_facts(&SK_BUS_SCSI_OPS, "scsi:host2", &d), -ENOENT);
	put(SATA "/type", "13\n"); /* an enclosure */
	cr_assert_eq(read_facts(&SK_BUS_SCSI_OPS, "scsi:2:0:0:0", &d), -ENOENT);
}

Test(bus, opening_probes_and_shutting_unbinds)
{
	struct sk_usb f = face(&SK_BUS_MMC_OPS);
	struct sk_usb_iface_state i;
	struct sk_usb_state s;
	struct sk_usb_dev *dev;

	card("SD\n", "aa\n");
	cr_assert_eq(f.ops->open(f.ctx, "mmc:mmc0:4567", NULL, &dev), 0);
	cr_assert_eq(f.ops->state(f.ctx, dev, &s), 0);
	cr_assert(!s.authorized);
	cr_assert_eq(f.ops->authorise(f.ctx, dev, true), 0);
	cr_assert_str_eq(get("/sys/bus/mmc/drivers_probe"), "", "authorising alone binds nothing");
	cr_assert_eq(f.ops->iface_probe(f.ctx, dev, 1, 0), 0);
	cr_assert_str_eq(get("/sys/bus/mmc/drivers_probe"), "mmc0:4567");
	bind(CARD, "mmcblk");
	cr_assert_eq(f.ops->iface_state(f.ctx, dev, 1, 0, &i), 0);
	cr_assert(i.present && i.authorized);
	cr_assert_str_eq(i.driver, "mmcblk");
	cr_assert_eq(f.ops->authorise(f.ctx, dev, false), 0);
	cr_assert_str_eq(get("/sys/drivers/mmcblk/unbind"), "mmc0:4567");
	cr_assert_eq(f.ops->iface_of(dev, "/devices/pci0000:00/0000:00:06.0/mmc_host/mmc0/mmc0:4567/block/mmcblk0"), 0);
	cr_assert_lt(f.ops->iface_of(dev, "/devices/pci0000:00/0000:00:06.0/mmc_host/mmc0/mmc0:45678/block/mmcblk0"),
	             0);
	f.ops->close(f.ctx, dev);
}

Test(bus, the_default_deny_is_set_once_and_read_back)
{
	card("SD\n", "aa\n");
	cr_assert_eq(sk_bus_shut(tree, &SK_BUS_MMC_OPS, true), 0);
	cr_assert_str_eq(get("/sys/bus/mmc/drivers_autoprobe"), "0");
	cr_assert_eq(sk_bus_shut(tree, &SK_BUS_SCSI_OPS, true), 0, "a bus that is not there is no failure");
}

#define NVME PCI "/0000:00:03.0/0000:01:00.0"

Test(bus, a_refused_nvme_is_held_and_let_go)
{
	struct sk_usb f = face(&SK_BUS_PCI_OPS);
	struct sk_usb_state s;
	struct sk_usb_dev *dev;

	put("/sys/bus/pci/drivers_probe", "");
	device("pci", NVME);
	attr(NVME, "class", "0x010802\n");
	attr(NVME, "driver_override", "(null)\n");
	bind(NVME, "nvme");
	cr_assert_eq(f.ops->open(f.ctx, "pci:0000:01:00.0", NULL, &dev), 0);
	cr_assert_eq(f.ops->state(f.ctx, dev, &s), 0);
	cr_assert(s.authorized, "a driver may bind at any moment");
	cr_assert_eq(f.ops->authorise(f.ctx, dev, false), 0);
	cr_assert_str_eq(get(NVME "/driver_override"), "sekimori-refused");
	cr_assert_str_eq(get("/sys/drivers/nvme/unbind"), "0000:01:00.0");
	cr_assert_eq(unlink(at(NVME "/driver")), 0);
	cr_assert_eq(f.ops->state(f.ctx, dev, &s), 0);
	cr_assert(!s.authorized);
	cr_assert_eq(f.ops->iface_probe(f.ctx, dev, 1, 0), 0);
	cr_assert_str_eq(get("/sys/bus/pci/drivers_probe"), "0000:01:00.0");
	f.ops->close(f.ctx, dev);
	put(NVME "/class", "0x020000\n");
	cr_assert_eq(f.ops->open(f.ctx, "pci:0000:01:00.0", NULL, &dev), -ENOENT);
}

#define LATER PCI "/0000:00:03.0/0000:05:00.0"
#define OTHER PCI "/0000:00:04.0/0000:06:00.0"

static void pci_ident(const char *dir, struct sk_bus_ident *id)
{
	char devpath[SK_DEVPATH_MAX];
	int fd = sk_bus_open(tree, &SK_BUS_PCI_OPS, strrchr(dir, '/') + 1, devpath);

	cr_assert_geq(fd, 0);
	cr_assert_eq(SK_BUS_PCI_OPS.identify(fd, devpath, id), 0);
	(void)close(fd);
}

Test(bus, an_nvme_is_known_by_its_place_and_serial_however_buses_are_counted)
{
	uint8_t config[0x120] = {0};
	struct sk_bus_ident id, again;

	device("pci", NVME);
	attr(NVME, "class", "0x010802\n");
	device("pci", LATER);
	attr(LATER, "class", "0x010802\n");
	device("pci", OTHER);
	attr(OTHER, "class", "0x010802\n");
	pci_ident(NVME, &id);
	pci_ident(LATER, &again);
	cr_assert_str_eq(id.ident, again.ident);
	cr_assert_str_eq(id.serial, "");
	pci_ident(OTHER, &again);
	cr_assert_str_neq(id.ident, again.ident, "another slot");
	memcpy(config + 0x100, "\x01\x00\x01\x11", 4); /* another capability; the next is at 0x110 */
	memcpy(config + 0x110, "\x03\x00\x01\x00\x78\x56\x34\x12\x00\x00\xc0\xfe", 12);
	put_bytes(LATER "/config", config, sizeof(config));
	memcpy(config + 0x100, "\x01\x00\x01\x10", 4); /* leads to itself */
	put_bytes(OTHER "/config", config, sizeof(config));
	put_bytes(NVME "/config", config, 64);
	pci_ident(LATER, &again);
	cr_assert_str_eq(again.serial, "fec0000012345678");
	cr_assert_str_neq(id.ident, again.ident);
	pci_ident(OTHER, &again);
	cr_assert_str_eq(again.serial, "");
	pci_ident(NVME, &again);
	cr_assert_str_eq(again.ident, id.ident, "the head alone");
}

#define DOCK PCI "/0000:00:0d.2/domain0/0-0/0-1"

Test(bus, a_dock_is_authorised_and_stores_nothing)
{
	struct sk_usb f = face(&SK_BUS_THUNDERBOLT_OPS);
	struct sk_usb_dev *dev;
	struct sk_device d;

	device("thunderbolt", DOCK);
	attr(DOCK, "authorized", "0\n");
	attr(DOCK, "unique_id", "c4010000-0000-0000-ffff-ffffffffffff\n");
	attr(DOCK, "vendor_name", "Maker\n");
	cr_assert_eq(read_facts(&SK_BUS_THUNDERBOLT_OPS, "thunderbolt:0-1", &d), 0);
	cr_assert_eq(sk_usb_desc_kinds(&d.desc), SK_USB_OTHER);
	cr_assert_str_eq(d.bus, "thunderbolt");
	cr_assert_eq(f.ops->open(f.ctx, "thunderbolt:0-1", NULL, &dev), 0);
	cr_assert_eq(f.ops->iface_probe(f.ctx, dev, 1, 0), 0);
	cr_assert_str_eq(get(DOCK "/authorized"), "1");
	cr_assert_eq(f.ops->authorise(f.ctx, dev, false), 0);
	cr_assert_str_eq(get(DOCK "/authorized"), "0");
	f.ops->close(f.ctx, dev);
}

#define UNIT PCI "/0000:00:0e.0/fw1/fw1.0"

Test(bus, a_firewire_disk_is_storage_and_another_unit_is_not)
{
	struct sk_device d;

	device("firewire", UNIT);
	attr(UNIT, "specifier_id", "0x00609e\n");
	attr(PCI "/0000:00:0e.0/fw1", "guid", "0x00d04b1234567890\n");
	cr_assert_eq(read_facts(&SK_BUS_FIREWIRE_OPS, "firewire:fw1.0", &d), 0);
	cr_assert_eq(sk_usb_desc_kinds(&d.desc), SK_USB_STORAGE);
	cr_assert_str_eq(d.serial, "0x00d04b1234567890");
	put(UNIT "/specifier_id", "0x00005e\n");
	cr_assert_eq(read_facts(&SK_BUS_FIREWIRE_OPS, "firewire:fw1.0", &d), 0);
	cr_assert_eq(sk_usb_desc_kinds(&d.desc), SK_USB_NETWORK);
}

/* ---- the machine's own disks ---- */

Test(bus, own_disks_are_learned_and_read_back_and_a_card_is_not_one)
{
	static struct sk_disks d, again;

	card("SD\n", "aa\n");
	sata("naa.5000c500a1b2c3d4\n");
	device("pci", NVME);
	attr(NVME, "class", "0x010802\n");
	attr(NVME, "removable", "removable\n");
	cr_assert_eq(sk_disks_learn(tree, &d), 0);
	cr_assert_eq(d.n, 1, "only the SATA disk");
	cr_assert(sk_disks_has(&d, "ata", "naa.5000c500a1b2c3d4"));
	put(NVME "/removable", "fixed\n");
	put(CARD "/type", "MMC\n");
	cr_assert_eq(sk_disks_learn(tree, &d), 0);
	cr_assert_eq(d.n, 3);
	put("/etc/x", "");
	cr_assert_eq(sk_disks_save(at("/etc/disks"), &d), 0);
	cr_assert_eq(sk_disks_load(at("/etc/disks"), &again), 0);
	cr_assert_eq(again.n, 3);
}

Test(bus, a_wrong_line_makes_the_list_worthless)
{
	static const char *const BAD[] = {"disk ata\n", "disk ata \n",
	                                  "disk  x\n",  "usb 1-1 0951:1666 -\n",
	                                  "disk ata x", "disk thunderbolt-and-more x\n"};
	static struct sk_disks d;
	char text[400];

	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		(void)snprintf(text, sizeof(text), "disk ata good\n%s", BAD[i]);
		put("/etc/disks", text);
		cr_assert_eq(sk_disks_load(at("/etc/disks"), &d), -EINVAL, "%s", BAD[i]);
		cr_assert_eq(d.n, 0);
	}
	memset(text, 'a', sizeof(text));
	memcpy(text, "disk ata ", 9);
	text[sizeof(text) - 2] = '\n';
	text[sizeof(text) - 1] = '\0';
	put("/etc/disks", text);
	cr_assert_eq(sk_disks_load(at("/etc/disks"), &d), -EINVAL);
	cr_assert_eq(sk_disks_load(at("/etc/none"), &d), -ENOENT);
	put("/etc/disks", "# nothing\n\n");
	cr_assert_eq(sk_disks_load(at("/etc/disks"), &d), 0, "an empty list is one");
}
