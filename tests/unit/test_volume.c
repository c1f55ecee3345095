#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "platform/volume.h"

/* A FAT12 boot sector with label and serial, and nothing else: enough to be known. */
static int fat_image(void)
{
	static const unsigned char BOOT[] = {0xeb, 0x3c, 0x90, 'm',  'k', 'f', 's', '.',  'f',  'a', 't',  0,   2,
	                                     4,    1,    0,    2,    0,   2,   0,   0x80, 0xf8, 32,  0,    32,  0,
	                                     64,   0,    0,    0,    0,   0,   0,   0,    0,    0,   0x80, 0,   0x29,
	                                     0x78, 0x56, 0x34, 0x12, 'S', 'T', 'I', 'C',  'K',  ' ', ' ',  ' ', ' ',
	                                     ' ',  ' ',  'F',  'A',  'T', '1', '6', ' ',  ' ',  ' '};
	char path[] = "/tmp/sekimori-volume-XXXXXX";
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	(void)unlink(path);
	cr_assert_eq(ftruncate(fd, 16 << 20), 0);
	cr_assert_eq(pwrite(fd, BOOT, sizeof(BOOT), 0), (ssize_t)sizeof(BOOT));
	cr_assert_eq(pwrite(fd, "\x55\xaa", 2, 510), 2);
	cr_assert_eq(pwrite(fd, "\xf8\xff\xff\xff", 4, 512), 4);
	cr_assert_eq(pwrite(fd, "STICK      \x08", 12, (1 + 2 * 32) * 512), 12); /* the root folder's first entry */
	return fd;
}

Test(volume, a_fat_file_system_is_known)
{
	struct sk_volume v;
	int fd = fat_image();

	memset(&v, 0, sizeof(v));
	cr_assert_eq(sk_volume_probe(fd, &v), 0);
	cr_assert_str_eq(v.type, "vfat");
	cr_assert_str_eq(v.label, "STICK");
	cr_assert_str_eq(v.uuid, "1234-5678");
	(void)close(fd);
}

Test(volume, nothing_is_found_on_noise)
{
	unsigned char noise[65536];
	char path[] = "/tmp/sekimori-volume-XXXXXX";
	struct sk_volume v;
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	(void)unlink(path);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (unsigned char)(i * 2654435761u >> 13);
	for (int i = 0; i < 32; i++)
		cr_assert_eq(write(fd, noise, sizeof(noise)), (ssize_t)sizeof(noise));
	memset(&v, 0, sizeof(v));
	cr_assert_eq(sk_volume_probe(fd, &v), 0);
	cr_assert_str_eq(v.type, "");
	(void)close(fd);
}

Test(volume, what_cannot_be_read_is_an_error)
{
	struct sk_volume v;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	cr_assert_lt(sk_volume_probe(fd, &v), 0);
	(void)close(fd);
	cr_assert_lt(sk_volume_probe(-1, &v), 0);
}

Test(volume, only_six_file_systems_are_opened)
{
	static const char *const NO[] = {"",     "btrfs",    "xfs",     "ext3",  "ext2", "crypto_LUKS",
	                                 "swap", "squashfs", "hfsplus", "ntfs3", "VFAT", "f2fs"};
	struct sk_volume_plan p;

	for (size_t i = 0; i < sizeof(NO) / sizeof(NO[0]); i++)
		cr_assert_eq(sk_volume_plan(NO[i], 1, 1, true, &p), -EPERM, "%s", NO[i]);
}

Test(volume, every_plan_is_nodev_nosuid_noexec)
{
	static const char *const YES[] = {"vfat", "exfat", "ntfs", "ext4", "iso9660", "udf"};
	const unsigned long must = MS_NODEV | MS_NOSUID | MS_NOEXEC;
	struct sk_volume_plan p;

	for (size_t i = 0; i < sizeof(YES) / sizeof(YES[0]); i++)
		for (int ro = 0; ro < 2; ro++) {
			cr_assert_eq(sk_volume_plan(YES[i], 1000, 1001, ro, &p), 0);
			cr_assert_eq(p.flags & must, must);
			cr_assert_eq((p.flags & MS_RDONLY) != 0, p.ro);
			cr_assert(!ro || p.ro);
			cr_assert_lt(strlen(p.data) + 1, sizeof(p.data));
		}
}

Test(volume, plans_have_their_options)
{
	struct sk_volume_plan p;

	cr_assert_eq(sk_volume_plan("vfat", 1000, 1001, true, &p), 0);
	cr_assert_not_null(strstr(p.data, "uid=1000,gid=1001"));
	cr_assert_not_null(strstr(p.data, "dmask=0077"));
	cr_assert_eq(sk_volume_plan("ext4", 0, 0, true, &p), 0);
	cr_assert_not_null(strstr(p.data, "noload"), "a replayed journal is a write");
	cr_assert_not_null(strstr(p.data, "errors=remount-ro"), "the superblock could ask for a panic");
	cr_assert_eq(sk_volume_plan("iso9660", 0, 0, false, &p), 0);
	cr_assert(p.ro);
	cr_assert_eq(sk_volume_plan("udf", 4294967294u, 4294967294u, false, &p), 0);
	cr_assert(p.ro);
	cr_assert_not_null(strstr(p.data, "uid=4294967294"));
	cr_assert_eq(sk_volume_plan("ntfs", 0, 0, true, &p), 0);
	cr_assert_str_eq(p.fstype, "ntfs3");
}

Test(volume, a_mount_that_fails_says_so)
{
	struct sk_volume_plan p;

	cr_assert_eq(sk_volume_plan("vfat", 0, 0, false, &p), 0);
	cr_assert_lt(sk_volume_mount("/dev/null", "/nonexistent/x", &p), 0);
}

Test(volume, the_whole_medium_is_looked_at)
{
	struct sk_volumes v;
	int fd = fat_image();

	cr_assert_eq(sk_volumes_probe(fd, &v), 0);
	cr_assert_eq(v.bytes, 16 << 20);
	cr_assert_eq(v.n, 1);
	cr_assert_str_eq(v.of[0].type, "vfat");
	cr_assert_str_eq(v.of[0].uuid, "1234-5678");
	(void)close(fd);
}

/* A DOS table with two partitions, the second of them FAT; nothing else. */
Test(volume, each_partition_is_looked_at)
{
	static const unsigned char TABLE[32] = {0, 0, 0, 0, 0x83, 0, 0, 0, 0, 8,  0, 0, 0, 8,  0, 0,
	                                        0, 0, 0, 0, 0x06, 0, 0, 0, 0, 16, 0, 0, 0, 64, 0, 0};
	char path[] = "/tmp/sekimori-volume-XXXXXX", *copy = malloc(1 << 20);
	int fat = fat_image(), fd = mkstemp(path);
	struct sk_volumes v;

	(void)unlink(path);
	cr_assert_eq(ftruncate(fd, 64 << 20), 0);
	cr_assert_eq(pread(fat, copy, 1 << 20, 0), 1 << 20);
	cr_assert_eq(pwrite(fd, copy, 1 << 20, 4096 * 512), 1 << 20);
	cr_assert_eq(pwrite(fd, TABLE, sizeof(TABLE), 446), (ssize_t)sizeof(TABLE));
	cr_assert_eq(pwrite(fd, "\x55\xaa", 2, 510), 2);
	cr_assert_eq(sk_volumes_probe(fd, &v), 0);
	cr_assert_eq(v.n, 2, "%zu", v.n);
	cr_assert_str_eq(v.of[0].type, "");
	cr_assert_eq(v.of[0].start, 1 << 20);
	cr_assert_str_eq(v.of[1].type, "vfat");
	cr_assert_str_eq(v.of[1].uuid, "1234-5678");
	cr_assert_eq(v.of[1].bytes, 8 << 20);
	free(copy);
	(void)close(fat);
	(void)close(fd);
}

Test(volume, a_medium_that_cannot_be_read_has_no_volumes)
{
	struct sk_volumes v = {.n = 7};
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	cr_assert_lt(sk_volumes_probe(fd, &v), 0);
	cr_assert_lt(sk_volumes_probe(-1, &v), 0);
	cr_assert_eq(v.n, 7);
	(void)close(fd);
}
