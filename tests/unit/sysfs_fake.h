/* A folder that looks like sysfs, for the programs that run without the agent. */
#ifndef TESTS_SYSFS_FAKE_H
#define TESTS_SYSFS_FAKE_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

#pragma GCC diagnostic ignored "-Wunused-function"

static char tree[] = "/tmp/sekimori-sysfs-XXXXXX";

static int rm_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void tree_up(void)
{
	cr_assert_not_null(mkdtemp(tree));
}

static void tree_down(void)
{
	(void)nftw(tree, rm_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *at(const char *path)
{
	static char full[1024];

	(void)snprintf(full, sizeof(full), "%s%s", tree, path);
	return full;
}

static void put_bytes(const char *path, const void *bytes, size_t len)
{
	char dir[1024];
	int fd;

	(void)snprintf(dir, sizeof(dir), "%s", at(path));
	*strrchr(dir, '/') = '\0';
	cr_assert_eq(sk_mkdir_p(dir, 0755), 0);
	fd = open(at(path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	cr_assert_geq(fd, 0, "%s", path);
	cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
	(void)close(fd);
}

static void put(const char *path, const char *text)
{
	put_bytes(path, text, strlen(text));
}

static const char *get(const char *path)
{
	static char text[256];

	if (sk_file_attr(at(path), text, sizeof(text)) < 0)
		return "(none)";
	return text;
}

static void put_link(const char *path, const char *target)
{
	char dir[1024];

	(void)snprintf(dir, sizeof(dir), "%s", at(path));
	*strrchr(dir, '/') = '\0';
	cr_assert_eq(sk_mkdir_p(dir, 0755), 0);
	cr_assert_eq(symlink(target, at(path)), 0);
}

static const unsigned char KEYBOARD_BYTES[] = {
    18, 1, 0, 2, 0, 0, 0, 8, 0x6d, 4, 0x1c, 0xc3, 0,    1, 1, 2, 3,    1,  9, 2, 34, 0,    1, 1, 0, 0x80,
    50, 9, 4, 0, 0, 1, 3, 1, 1,    0, 9,    0x21, 0x11, 1, 0, 1, 0x22, 65, 0, 7, 5,  0x81, 3, 8, 0, 10};
static const unsigned char STICK_BYTES[] = {18,   1, 0, 2,  0,    0, 0, 64, 0x51, 9,  0x66, 0x16, 0, 1, 1, 2, 3,
                                            1,    9, 2, 32, 0,    1, 1, 0,  0x80, 50, 9,    4,    0, 0, 2, 8, 6,
                                            0x50, 0, 7, 5,  0x81, 2, 0, 2,  0,    7,  5,    2,    2, 0, 2, 0};

#define BASE "/sys/devices/pci0000:00/usb1"

/* 1-N below usb1 with one interface, as it is when the kernel has configured it. */
static void plug(const char *name, const void *bytes, size_t len, const char *id, const char *serial)
{
	char path[256], target[256];
	static const struct {
		const char *attr, *value;
	} ATTRS[] = {{"authorized", "0\n"}, {"bConfigurationValue", "1\n"}, {"uevent", ""}, {"product", "Thing\n"}};

	for (size_t i = 0; i < sizeof(ATTRS) / sizeof(ATTRS[0]); i++) {
		(void)snprintf(path, sizeof(path), BASE "/%s/%s", name, ATTRS[i].attr);
		put(path, ATTRS[i].value);
	}
	(void)snprintf(path, sizeof(path), BASE "/%s/descriptors", name);
	put_bytes(path, bytes, len);
	(void)snprintf(path, sizeof(path), BASE "/%s/serial", name);
	put(path, serial);
	(void)snprintf(path, sizeof(path), BASE "/%s/idVendor", name);
	put(path, (char[]){id[0], id[1], id[2], id[3], '\n', 0});
	(void)snprintf(path, sizeof(path), BASE "/%s/idProduct", name);
	put(path, id + 5);
	(void)snprintf(path, sizeof(path), BASE "/%s/%s:1.0/authorized", name, name);
	put(path, "0\n");
	(void)snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s", name);
	(void)snprintf(target, sizeof(target), "../../../devices/pci0000:00/usb1/%s", name);
	put_link(path, target);
}

static void plug_root(void)
{
	put(BASE "/authorized_default", "1\n");
	put(BASE "/interface_authorized_default", "1\n");
	put(BASE "/uevent", "");
	put(BASE "/1-0:1.0/authorized", "1\n");
	put("/sys/bus/usb/drivers_probe", "");
	put_link("/sys/bus/usb/devices/usb1", "../../../devices/pci0000:00/usb1");
}

#endif
