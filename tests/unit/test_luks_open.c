/* Which disks an order to destroy keys means: open LUKS of the machine, no medium's container, nothing that is unclear. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "platform/luks_open.h"

static char root[64];

static void put(const char *path, const char *text)
{
	char full[300], folder[300];

	snprintf(full, sizeof full, "%s/sys/%s", root, path);
	snprintf(folder, sizeof folder, "%s", full);
	*strrchr(folder, '/') = '\0';
	cr_assert_eq(sk_mkdir_p(folder, 0755), 0);
	cr_assert_eq(sk_file_write(full, text, strlen(text), 0644, NULL), 0);
}

static void mapping(const char *dm, const char *name, const char *uuid, const char *slave)
{
	char path[200];

	snprintf(path, sizeof path, "block/%s/dm/name", dm);
	put(path, name);
	snprintf(path, sizeof path, "block/%s/dm/uuid", dm);
	put(path, uuid);
	snprintf(path, sizeof path, "block/%s/slaves/%s/x", dm, slave);
	put(path, "");
	snprintf(path, sizeof path, "class/block/%s/dev", slave);
	put(path, "254:16\n");
}

Test(luks_open, the_machines_own_alone)
{
	struct sk_luks_disk d[4];

	snprintf(root, sizeof root, "/tmp/sk-luks-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	cr_expect_lt(sk_luks_open_disks(root, d, 4), 0, "no sysfs is no empty list");
	mapping("dm-0", "system\n", "CRYPT-LUKS2-abc-system\n", "vda2");
	mapping("dm-1", "sekimori-stick\n", "CRYPT-LUKS2-abc-sekimori-stick\n", "sdb1");
	mapping("dm-2", "plain\n", "CRYPT-PLAIN-plain\n", "vdc");
	mapping("dm-3", "vg-root\n", "LVM-xyz\n", "dm-0");
	mapping("dm-4", "two\n", "CRYPT-LUKS2-two\n", "vdd");
	put("block/dm-4/slaves/vde/x", "");
	put("block/vda/size", "1");
	cr_assert_eq(sk_luks_open_disks(root, d, 4), 1);
	cr_expect_str_eq(d[0].mapping, "system");
	cr_expect_str_eq(d[0].node, "/dev/vda2");
	cr_expect_str_eq(d[0].dev, "254:16");
	cr_expect_eq(sk_luks_open_disks(root, d, 0), 0);
}
