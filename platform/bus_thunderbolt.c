/*
 * Thunderbolt and USB4 devices, where the domain's security level asks for authorisation (user, secure): while `authorized` is 0 the kernel makes no PCIe
 * tunnel to it, so nothing behind it can be seen or can see memory. It lets others in and stores nothing itself; disks behind it are judged on their
 * own. With another security level the firmware has let it in before anybody is asked, and only what lies behind it is judged.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "platform/bus.h"

static int tb_identify(int dir, const char *devpath, struct sk_bus_ident *out)
{
	struct sk_bus_ident id;
	const char *last = strrchr(devpath, '/');
	size_t n;

	if (!sk_sysfs_exists(dir, "uevent"))
		return -ENODEV;
	/* Domains, the host's own router (D-0) and retimers have no such pair of attributes, or are not asked for. */
	if (!sk_sysfs_exists(dir, "authorized") || !sk_sysfs_exists(dir, "unique_id"))
		return -ENOENT;
	n = strlen(last);
	if (n > 2 && strcmp(last + n - 2, "-0") == 0)
		return -ENOENT;
	(void)memset(&id, 0, sizeof(id));
	sk_text_copy(id.bus, sizeof(id.bus), "thunderbolt");
	sk_bus_text(dir, "unique_id", id.ident, sizeof(id.ident));
	sk_bus_text(dir, "vendor_name", id.vendor, sizeof(id.vendor));
	sk_bus_text(dir, "device_name", id.product, sizeof(id.product));
	sk_text_copy(id.serial, sizeof(id.serial), id.ident);
	*out = id;
	return 0;
}

static int tb_admit(const char *root, int dir, const char *kernel_name)
{
	(void)root;
	(void)kernel_name;
	return sk_sysfs_write(dir, "authorized", "1");
}

/* Kernels that cannot take it back answer EINVAL; then it stays until it is unplugged, and that is recorded. */
static int tb_expel(const char *root, int dir, const char *kernel_name)
{
	(void)root;
	(void)kernel_name;
	return sk_sysfs_write(dir, "authorized", "0");
}

static int tb_opened(int dir, bool *open, char driver[SK_BUS_DRIVER])
{
	long v;
	int r = sk_sysfs_read_number(dir, "authorized", &v);

	driver[0] = '\0';
	if (r == 0)
		*open = v != 0;
	return r;
}

const struct sk_bus_ops SK_BUS_THUNDERBOLT_OPS = {
    .name = "thunderbolt", .identify = tb_identify, .admit = tb_admit, .expel = tb_expel, .opened = tb_opened};
