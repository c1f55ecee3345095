/* The gate and the disks that the machine runs from, on USB: known by model and serial number, in whichever port. */
#include <unistd.h>

#include "tests/unit/gate_fake.h"

TestSuite(gate_system_disk, .init = fake_up, .fini = fake_down);

static void scan(void)
{
	cr_assert_eq(sk_gate_scan(F.gate, true), 0);
	F.gate->started = true;
}

static const char *internal_file(const char *text)
{
	static char path[40];
	int fd;

	(void)snprintf(path, sizeof(path), "/tmp/sekimori-internal-XXXXXX");
	fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return path;
}

Test(gate_system_disk, a_learned_system_disk_is_admitted_and_left_alone)
{
	char path[] = "/tmp/sekimori-internal-XXXXXX";
	static const char LIST[] = "# learned\nusb 1-1 0951:1666 ROOT1\n";
	struct fake_device *d, *other;
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, LIST, strlen(LIST)), (ssize_t)strlen(LIST));
	close(fd);
	F.gate->sys.internal_conf = path;
	F.modules_loaded = true;
	plug_root();
	scan();
	d = plug_one("1-1", STICK, "ROOT1");
	d->binds = "usb-storage";
	add(d);
	other = plug_one("1-2", STICK, "ROOT1");
	add(other);
	(void)unlink(path);
	cr_assert(d->iface_auth[0]);
	cr_assert(!other->authorized, "another port is another disk");
	block_add(plug_block(d, 0, NULL));
	cr_assert_eq(find("ro sda"), -1);
	cr_assert_eq(find("start"), -1);
}

/* Plugged in at power-on with the real one, and looked at first: the one that the system uses is the system's. */
Test(gate_system_disk, a_twin_of_the_system_disk_does_not_take_its_place)
{
	struct fake_device *twin, *d, *late;
	struct fake_block *b;

	F.gate->sys.internal_conf = internal_file("usb 1-1 0951:1666 ROOT1\n");
	F.modules_loaded = true;
	plug_root();
	twin = plug_one("1-4", STICK, "ROOT1");
	d = plug_one("3-1", STICK, "ROOT1");
	twin->authorized = twin->iface_auth[0] = d->authorized = d->iface_auth[0] = true;
	twin->config = d->config = 1;
	twin->binds = d->binds = "usb-storage";
	b = plug_block(d, 0, NULL);
	(void)fake_mount(b->b.major, b->b.minor, "/", false);
	scan();
	F.gate->started = true;
	late = plug_one("1-6", STICK, "ROOT1");
	add(late);
	(void)unlink(F.gate->sys.internal_conf);
	cr_assert(d->iface_auth[0], "the disk that the machine runs from was shut");
	cr_assert_eq(find("deauthorise 3-1"), -1);
	cr_assert_eq(find("ro sda"), -1);
	cr_assert(!twin->authorized);
	cr_assert(!late->authorized);
}

Test(gate_system_disk, a_system_disk_that_moved_to_another_port_is_let_in)
{
	struct fake_device *d;

	F.gate->sys.internal_conf = internal_file("usb 1-1 0951:1666 ROOT1\n");
	F.modules_loaded = true;
	plug_root();
	scan();
	d = plug_one("2-5", STICK, "ROOT1");
	d->binds = "usb-storage";
	add(d);
	(void)unlink(F.gate->sys.internal_conf);
	cr_assert(d->iface_auth[0]);
	(void)sk_gate_reconsider(F.gate);
	cr_assert(d->iface_auth[0], "it stays what it is");
}
