/* The walk from volumes to disks on made-up /sys trees: LVM on LUKS, LUKS on LVM, mixed LVM, swap, zram, the crypt loop trap, null cipher. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/file.h"
#include "platform/probe.h"

static char root[64];

static void put(const char *path, const char *text)
{
	char full[512];

	snprintf(full, sizeof(full), "%s/%s", root, path);
	char *slash = strrchr(full, '/');
	*slash = '\0';
	cr_assert_eq(sk_mkdir_p(full, 0755), 0);
	*slash = '/';
	cr_assert_eq(sk_file_write(full, text, strlen(text), 0644, NULL), 0);
}

static void node(const char *name, const char *majmin, const char *folder)
{
	char path[512], link[512];

	snprintf(path, sizeof(path), "%s/sys/devices/%s", root, folder);
	cr_assert_eq(sk_mkdir_p(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/sys/class/block", root);
	cr_assert_eq(sk_mkdir_p(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/sys/dev/block", root);
	cr_assert_eq(sk_mkdir_p(path, 0755), 0);
	snprintf(link, sizeof(link), "../../devices/%s", folder);
	snprintf(path, sizeof(path), "%s/sys/class/block/%s", root, name);
	cr_assert_eq(symlink(link, path), 0);
	snprintf(path, sizeof(path), "%s/sys/dev/block/%s", root, majmin);
	cr_assert_eq(symlink(link, path), 0);
}

static void slave(const char *upper_folder, const char *lower)
{
	char path[512];

	snprintf(path, sizeof(path), "sys/devices/%s/slaves/%s", upper_folder, lower);
	put(path, "");
}

static void start(void)
{
	snprintf(root, sizeof(root), "/tmp/sk-probe-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	node("sda", "8:0", "pci/sda");
	node("sda1", "8:1", "pci/sda/sda1");
	put("sys/devices/pci/sda/sda1/partition", "1\n");
	node("sda2", "8:2", "pci/sda/sda2");
	put("sys/devices/pci/sda/sda2/partition", "2\n");
	node("dm-0", "254:0", "virtual/dm-0");
	node("dm-1", "254:1", "virtual/dm-1");
	put("proc/swaps", "Filename Type Size Used Priority\n");
}

static void stop(void)
{
	char command[128];

	snprintf(command, sizeof(command), "/bin/rm -rf -- %s", root);
	FILE *f = popen(command, "r");
	if (f)
		pclose(f);
}

TestSuite(probe_disk, .init = start, .fini = stop);

static const char *cipher_name = "aes-xts-plain64";

static int fake_cipher(const char *name, char *cipher, int size, int *bits)
{
	if (strcmp(name, "broken") == 0)
		return -1;
	snprintf(cipher, (size_t)size, "%s", cipher_name);
	*bits = 512;
	return 0;
}

static void mount_root(const char *majmin, const char *fs)
{
	char line[256];

	snprintf(
	    line, sizeof(line),
	    "22 1 %s / / rw,relatime shared:1 - %s /dev/x rw,errors=remount-ro\n25 22 0:5 / /proc rw - proc proc rw\n",
	    majmin, fs);
	put("proc/self/mountinfo", line);
}

static void crypt_node(const char *folder, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "sys/devices/%s/dm/uuid", folder);
	put(path, "CRYPT-LUKS2-0123456789abcdef-x\n");
	snprintf(path, sizeof(path), "sys/devices/%s/dm/name", folder);
	put(path, name);
}

static json_t *facts;

static const json_t *volume(size_t i)
{
	if (!facts)
		facts = sk_probe_disk(root, fake_cipher);
	const json_t *v = json_array_get(json_object_get(facts, "volumes"), i);
	cr_assert_not_null(v, "no volume %zu", i);
	return v;
}

static const json_t *encrypted(size_t i)
{
	return json_object_get(volume(i), "encrypted");
}

Test(probe_disk, a_plain_partition)
{
	mount_root("8:1", "ext4");
	cr_expect(json_is_false(encrypted(0)));
	cr_expect_eq(json_array_size(json_object_get(facts, "volumes")), 1, "proc has no disk beneath");
}

Test(probe_disk, lvm_on_luks_passes)
{
	mount_root("254:0", "ext4");
	put("sys/devices/virtual/dm-0/dm/uuid", "LVM-abc\n");
	slave("virtual/dm-0", "dm-1");
	crypt_node("virtual/dm-1", "crypt");
	slave("virtual/dm-1", "sda1");
	cr_expect(json_is_true(encrypted(0)));
	cr_expect_str_eq(json_string_value(json_object_get(volume(0), "cipher")), "aes-xts-plain64");
}

Test(probe_disk, lvm_over_one_crypt_and_one_plain_fails)
{
	mount_root("254:0", "ext4");
	slave("virtual/dm-0", "dm-1");
	slave("virtual/dm-0", "sda2");
	crypt_node("virtual/dm-1", "crypt");
	slave("virtual/dm-1", "sda1");
	cr_expect(json_is_false(encrypted(0)));
}

Test(probe_disk, null_cipher_is_no_encryption)
{
	mount_root("254:1", "ext4");
	crypt_node("virtual/dm-1", "crypt");
	slave("virtual/dm-1", "sda1");
	cipher_name = "cipher_null-ecb";
	cr_expect(json_is_false(encrypted(0)));
}

Test(probe_disk, a_cipher_that_cannot_be_read_is_unknown)
{
	mount_root("254:1", "ext4");
	crypt_node("virtual/dm-1", "broken");
	slave("virtual/dm-1", "sda1");
	cr_expect(json_is_null(encrypted(0)));
}

Test(probe_disk, verity_is_not_encryption)
{
	mount_root("254:1", "ext4");
	put("sys/devices/virtual/dm-1/dm/uuid", "CRYPT-VERITY-abc\n");
	slave("virtual/dm-1", "sda1");
	cr_expect(json_is_false(encrypted(0)));
}

Test(probe_disk, plain_swap_beside_encrypted_root_is_seen)
{
	mount_root("254:1", "ext4");
	crypt_node("virtual/dm-1", "crypt");
	slave("virtual/dm-1", "sda1");
	put("proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 100 0 -2\n");
	cr_expect(json_is_true(encrypted(0)));
	cr_expect(json_is_false(encrypted(1)));
	cr_expect_str_eq(json_string_value(json_object_get(volume(1), "kind")), "swap");
}

Test(probe_disk, zram_is_memory_unless_it_writes_back)
{
	mount_root("8:1", "ext4");
	node("zram0", "252:0", "virtual/zram0");
	put("proc/swaps", "Filename Type Size Used Priority\n/dev/zram0 partition 100 0 -2\n");
	cr_expect(json_is_true(encrypted(1)));
	put("sys/devices/virtual/zram0/backing_dev", "/dev/sda2\n");
	json_decref(facts);
	facts = NULL;
	cr_expect(json_is_false(encrypted(1)));
}

Test(probe_disk, zfs_and_vanished_nodes_are_unknown)
{
	mount_root("9:9", "ext4");
	cr_expect(json_is_null(encrypted(0)));
	mount_root("0:30", "zfs");
	json_decref(facts);
	facts = NULL;
	cr_expect(json_is_null(encrypted(0)));
}

Test(probe_disk, a_cycle_ends)
{
	mount_root("254:0", "ext4");
	slave("virtual/dm-0", "dm-1");
	slave("virtual/dm-1", "dm-0");
	cr_expect(json_is_null(encrypted(0)));
}

Test(probe_disk, read_only_and_usb_volumes_are_not_judged)
{
	node("sdb", "8:16", "pci/usb1/1-1/sdb");
	put("proc/self/mountinfo", "22 1 8:1 / / ro - ext4 /dev/x ro\n23 22 8:16 / /media rw - vfat /dev/sdb rw\n");
	facts = sk_probe_disk(root, fake_cipher);
	cr_expect_eq(json_array_size(json_object_get(facts, "volumes")), 0);
}

Test(probe_disk, hostile_mountinfo_is_survived)
{
	put("proc/self/mountinfo", "\n - \nx y z - a\n1 2 3:4\n22 1 99999999999:0 / / rw - ext4 /dev/x rw\n");
	facts = sk_probe_disk(root, fake_cipher);
	cr_expect_not_null(json_object_get(facts, "volumes"));
}

Test(probe_disk, names_of_any_bytes_do_not_hide_a_volume)
{
	put("proc/self/mountinfo", "22 1 8:1 / /mnt/\xff\xfe rw - ext4 /dev/x rw\n");
	cr_expect(json_is_false(encrypted(0)));
}

Test(probe_disk, a_swap_file_is_as_its_file_system)
{
	char swaps[256];
	struct stat st;

	cr_assert_eq(stat(root, &st), 0);
	mount_root("9:9", "ext4");
	/* The swap file stands in this very folder, whose device number is sda3's here. */
	snprintf(swaps, sizeof(swaps), "%s/a b", root);
	cr_assert_eq(sk_file_write(swaps, "x", 1, 0600, NULL), 0);
	snprintf(swaps, sizeof(swaps), "%s/sys/dev/block/%u:%u", root, major(st.st_dev), minor(st.st_dev));
	(void)unlink(swaps);
	node("sda3", strrchr(swaps, '/') + 1, "pci/sda/sda3");
	put("sys/devices/pci/sda/sda3/partition", "3\n");
	snprintf(swaps, sizeof(swaps),
	         "Filename Type Size Used Priority\n%s/a\\040b file 100 0 -2\n/gone file 1 0 -3\n", root);
	put("proc/swaps", swaps);
	cr_expect(json_is_false(encrypted(1)));
	cr_expect(json_is_null(encrypted(2)), "a file that is not there");
}

Test(probe_disk, multi_device_file_systems_nobody_follows_are_unknown)
{
	put("proc/self/mountinfo",
	    "22 1 0:33 / / rw - bcachefs /dev/sda1:/dev/sda2 rw\n23 1 0:34 / /x rw - fuse.y /dev/sda1 rw\n");
	cr_expect(json_is_null(encrypted(0)));
	cr_expect_eq(json_array_size(json_object_get(facts, "volumes")), 1, "what FUSE calls itself is no disk");
}

Test(probe_disk, the_kernels_table)
{
	char cipher[64];
	int bits;

	cr_assert_eq(sk_cipher_table("aes-xts-plain64 :64:logon:cryptsetup:x 0 8:1 32768", cipher, 64, &bits), 0);
	cr_expect_str_eq(cipher, "aes-xts-plain64");
	cr_expect_eq(bits, 512);
	cr_assert_eq(
	    sk_cipher_table("aes-cbc-essiv:sha256 00112233445566778899aabbccddeeff 0 8:1 0", cipher, 64, &bits), 0);
	cr_expect_eq(bits, 128);
	cr_assert_eq(sk_cipher_table("aes-xts-plain64 - 0 8:1 0", cipher, 64, &bits), 0);
	cr_expect_str_eq(cipher, "cipher_null");
	cr_expect_lt(sk_cipher_table("", cipher, 64, &bits), 0);
	cr_expect_lt(sk_cipher_table("aes-xts-plain64", cipher, 64, &bits), 0);
	cr_expect_lt(sk_cipher_table("aes :x:", cipher, 64, &bits), 0);
}

Test(probe_disk, without_mountinfo_there_is_an_error)
{
	facts = sk_probe_disk(root, fake_cipher);
	cr_expect_not_null(json_object_get(facts, "error"));
}
