/* Erasing a file that stands for a medium: every byte is other than before and was read back; what does not keep what is written is found out. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/erase_job.h"

#define MIB   (1024 * 1024)
#define BYTES (3 * MIB + 512)

static int medium(uint64_t bytes)
{
	char path[] = "/tmp/sekimori-erase-XXXXXX";
	int fd = mkstemp(path);
	char line[512];

	cr_assert_geq(fd, 0);
	(void)unlink(path);
	memset(line, 's', sizeof(line));
	for (uint64_t at = 0; at < bytes; at += sizeof(line))
		cr_assert_eq(pwrite(fd, line, sizeof(line), (off_t)at), (ssize_t)sizeof(line));
	return fd;
}

static void expect(const json_t *a, const char *method, uint64_t written, uint64_t verified, bool error)
{
	cr_assert_not_null(a);
	cr_expect_str_eq(json_string_value(json_object_get(a, "method")), method);
	cr_expect_eq(json_integer_value(json_object_get(a, "written")), (json_int_t)written);
	cr_expect_eq(json_integer_value(json_object_get(a, "verified")), (json_int_t)verified);
	cr_expect_eq(json_object_get(a, "error") != NULL, error, "%s %s",
	             json_string_value(json_object_get(a, "error")), json_string_value(json_object_get(a, "detail")));
}

static size_t count_of(int fd, uint64_t at, size_t len, char c)
{
	char *data = malloc(len);
	size_t n = 0;

	cr_assert_eq(pread(fd, data, len, (off_t)at), (ssize_t)len);
	for (size_t i = 0; i < len; i++)
		n += data[i] == c;
	free(data);
	return n;
}

Test(erase_job, every_byte_is_overwritten_read_back_and_the_ends_are_blank)
{
	struct sk_erase_job job = {.fd = medium(BYTES), .bytes = BYTES, .progress = memfd_create("p", 0)};
	json_t *a = sk_erase_run(&job);
	char text[64] = "";

	expect(a, "overwrite", BYTES, BYTES, false);
	json_decref(a);
	cr_assert_eq(count_of(job.fd, 0, MIB, 0), MIB);
	cr_assert_eq(count_of(job.fd, BYTES - 512, 512, 0), 512);
	cr_assert_lt(count_of(job.fd, MIB, MIB, 's'), MIB / 128, "what was on it is still there");
	cr_assert_lt(count_of(job.fd, MIB, MIB, 0), MIB / 128, "random bytes");
	cr_assert_eq(pread(job.progress, text, sizeof(text) - 1, 0), 42);
	cr_assert_eq(strtoull(text, NULL, 10), 2ULL * BYTES);
	close(job.fd);
	close(job.progress);
}

Test(erase_job, a_small_medium)
{
	struct sk_erase_job job = {.fd = medium(512), .bytes = 512, .progress = -1};
	json_t *a = sk_erase_run(&job);

	expect(a, "overwrite", 512, 512, false);
	json_decref(a);
	cr_assert_eq(count_of(job.fd, 0, 512, 0), 512);
	close(job.fd);
}

static int forget(int fd, uint64_t bytes)
{
	cr_assert_eq(ftruncate(fd, 0), 0);
	return ftruncate(fd, (off_t)bytes);
}

static int pretend(int fd, uint64_t bytes)
{
	(void)fd;
	(void)bytes;
	return 0;
}

static int cannot(int fd, uint64_t bytes)
{
	(void)fd;
	(void)bytes;
	return -EOPNOTSUPP;
}

Test(erase_job, forgotten_counts_only_when_it_reads_as_nothing)
{
	static const struct {
		int (*discard)(int, uint64_t);
		const char *method;
	} CASES[] = {{forget, "discard"}, {pretend, "overwrite"}, {cannot, "overwrite"}, {NULL, "overwrite"}};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct sk_erase_job job = {.fd = medium(BYTES),
		                           .bytes = BYTES,
		                           .progress = -1,
		                           .method = SK_ERASE_DISCARD,
		                           .discard = CASES[i].discard};
		json_t *a = sk_erase_run(&job);

		expect(a, CASES[i].method, BYTES, BYTES, false);
		json_decref(a);
		cr_assert_lt(count_of(job.fd, MIB, MIB, 's'), MIB / 128);
		close(job.fd);
	}
}

/* Claims more than it has. */
Test(erase_job, a_medium_that_is_smaller_than_it_says)
{
	struct sk_erase_job job = {.fd = medium(BYTES), .bytes = BYTES, .progress = -1};
	json_t *a;

	cr_assert_eq(fcntl(job.fd, F_GETFL) & O_APPEND, 0);
	close(job.fd);
	job.fd = memfd_create("small", MFD_ALLOW_SEALING);
	cr_assert_eq(ftruncate(job.fd, MIB), 0);
	cr_assert_eq(fcntl(job.fd, F_ADD_SEALS, F_SEAL_GROW), 0);
	a = sk_erase_run(&job);
	expect(a, "overwrite", MIB, 0, true);
	json_decref(a);
	close(job.fd);
}

/* Takes every write and keeps none. */
Test(erase_job, a_medium_that_keeps_nothing)
{
	struct sk_erase_job job = {.fd = open("/dev/zero", O_RDWR | O_CLOEXEC), .bytes = BYTES, .progress = -1};
	json_t *a;

	cr_assert_geq(job.fd, 0);
	a = sk_erase_run(&job);
	cr_assert_not_null(json_object_get(a, "error"));
	cr_assert_eq(json_integer_value(json_object_get(a, "verified")), 0);
	json_decref(a);
	close(job.fd);
}

Test(erase_job, a_read_only_medium)
{
	struct sk_erase_job job = {.fd = open("/dev/zero", O_RDONLY | O_CLOEXEC), .bytes = BYTES, .progress = -1};
	json_t *a = sk_erase_run(&job);

	expect(a, "overwrite", 0, 0, true);
	json_decref(a);
	close(job.fd);
	a = sk_erase_undone("why", -EBUSY);
	expect(a, "overwrite", 0, 0, true);
	json_decref(a);
}
