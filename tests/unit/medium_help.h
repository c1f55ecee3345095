/* A stick behind the gate of tests/unit/gate_fake.h, and the steps of its life. */
#ifndef TESTS_MEDIUM_HELP_H
#define TESTS_MEDIUM_HELP_H

#include "tests/unit/gate_fake.h"

#define HOUR 3600000
#define PATH "/run/media/clerk/DATA"

static struct fake_device *stick;
static struct fake_block *disk, *part;

static void up(void)
{
	fake_up();
	plug_root();
	cr_assert_eq(sk_gate_scan(F.gate, true), 0);
	F.gate->started = true;
	F.modules_loaded = true;
	sk_text_copy(F.gate->person, sizeof(F.gate->person), "clerk");
	stick = plug_one("1-1", STICK, "S1");
	stick->binds = "usb-storage";
	disk = part = NULL;
}

static void appear(void)
{
	disk = plug_block(stick, 0, NULL);
	disk->b.partitions = 1;
	part = plug_block(stick, 0, "sda1");
	block_add(disk);
	block_add(part);
}

static void mounted(bool ro)
{
	char answer[256];

	fake_mount(8, 1, PATH, ro);
	(void)snprintf(answer, sizeof(answer),
	               "{\"mount\":\"" PATH
	               "\",\"fstype\":\"vfat\",\"label\":\"DATA\",\"uuid\":\"1234-5678\",\"options\":\"%s\"}",
	               ro ? "ro" : "rw");
	end_job("mount /dev/sda1", 0, answer);
}

/* Granted, plugged, mounted read-only for the clerk. */
static void open_stick(const char *person, sk_ms until)
{
	grant(stick, person, "ro", until);
	add(stick);
	appear();
	mounted(true);
}

static void unmounted(void)
{
	F.n_mounts = 0;
	end_job("unmount 8:1", 0, "{\"mounts\":1,\"detached\":false,\"busy\":[]}");
}

#endif
