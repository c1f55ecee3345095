/* The table of files on a medium: what is known, written, found by the sweep, and gone. And the batches that tell it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/record_out.h"
#include "common/json.h"

static struct sk_record_files *t;

static void up(void)
{
	t = sk_record_files_new();
	cr_assert_not_null(t);
}

static void down(void)
{
	t = sk_record_files_free(t);
}

TestSuite(record_files, .init = up, .fini = down);

static size_t dirty(void)
{
	size_t at = 0, n = 0;

	while (sk_record_files_dirty(t, &at) != NULL)
		n++;
	cr_assert_eq(n, sk_record_files_dirty_count(t));
	return n;
}

Test(record_files, what_was_there_and_did_not_change_is_not_told)
{
	size_t at = 0;

	sk_record_files_known(t, "a", 5, 100);
	sk_record_files_swept(t, "a", 5, 100);
	cr_expect_eq(dirty(), 0);
	cr_expect_null(sk_record_files_gone(t, &at));
}

Test(record_files, the_sweep_finds_what_no_event_told)
{
	sk_record_files_known(t, "mmap", 5, 100);
	sk_record_files_known(t, "size", 5, 100);
	sk_record_files_swept(t, "mmap", 5, 101);
	sk_record_files_swept(t, "size", 6, 100);
	sk_record_files_swept(t, "new", 0, 100);
	cr_expect_eq(dirty(), 3);
	cr_expect(sk_record_files_find(t, "mmap")->found);
	cr_expect_eq(sk_record_files_find(t, "mmap")->uid, UINT32_MAX);
	cr_expect_null(sk_record_files_find(t, "none"));
}

Test(record_files, written_many_times_is_one_and_the_latest_counts)
{
	size_t at = 0;
	struct sk_record_file *f;

	for (int i = 0; i < 100; i++)
		cr_assert_eq(sk_record_files_written(t, "a", 1000 + (unsigned)i, "cp", i), 0);
	cr_expect_eq(dirty(), 1);
	f = sk_record_files_dirty(t, &at);
	cr_expect_eq(f->uid, 1099);
	cr_expect_eq(f->at, 99);
	sk_record_files_told(t, f, 3, 7);
	cr_expect_eq(dirty(), 0);
	sk_record_files_swept(t, "a", 3, 7);
	cr_expect_eq(dirty(), 0);
	sk_record_files_written(t, "a", 0, "", 100);
	cr_expect_eq(dirty(), 1);
}

Test(record_files, told_and_then_gone)
{
	size_t at = 0;

	sk_record_files_known(t, "kept", 1, 1);
	sk_record_files_written(t, "a", 0, "x", 1);
	sk_record_files_told(t, sk_record_files_find(t, "a"), 3, 7);
	sk_record_files_written(t, "b", 0, "x", 1);
	cr_expect_str_eq(sk_record_files_gone(t, &at)->path, "a");
	cr_expect_str_eq(sk_record_files_gone(t, &at)->path, "b");
	cr_expect_null(sk_record_files_gone(t, &at));
}

Test(record_files, many)
{
	char name[32];

	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "d/%d", i);
		cr_assert_eq(sk_record_files_written(t, name, 0, "", i), 0);
	}
	cr_expect_eq(dirty(), 20000);
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "d/%d", i);
		cr_assert_eq(sk_record_files_find(t, name)->at, i);
	}
}

static char dir[32];

static json_t *batch(unsigned i)
{
	char path[64];
	struct sk_buf b;
	json_t *o = NULL;
	FILE *f;
	int c;

	snprintf(path, sizeof(path), "%s/%08u.json", dir, i);
	f = fopen(path, "r");
	if (!f)
		return NULL;
	sk_buf_init(&b, 1 << 20);
	while ((c = fgetc(f)) != EOF)
		sk_buf_addc(&b, (char)c);
	fclose(f);
	cr_assert_leq(b.len, 14000, "it must fit into an event");
	cr_assert_eq(sk_json_parse(b.data, b.len, 1 << 20, &o, NULL), 0);
	sk_buf_deinit(&b);
	return o;
}

Test(record_files, batches_are_bounded_and_end_with_the_end)
{
	struct sk_record_out o;
	char path[4000];
	size_t files = 0;
	unsigned i;
	json_t *b;

	snprintf(dir, sizeof(dir), "/tmp/sk-rec-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(sk_record_out_init(&o, open(dir, O_RDONLY | O_DIRECTORY)), 0);
	sk_record_out_ready(&o);
	for (i = 0; i < 200; i++) {
		struct sk_record_file f = {.path = path, .uid = 0, .process = "cp", .at = 5};

		memset(path, i % 2 ? '\x1b' : 'x', sizeof(path) - 1);
		path[i < 100 ? 8 : sizeof(path) - 1] = '\0';
		sk_record_out_file(&o, &f, "written", 10, i == 7 ? NULL : "00", i == 7 ? "time-limit" : NULL, "clerk");
	}
	sk_record_out_gap(&o, "overflow", 3);
	sk_record_out_end(&o);
	cr_assert(!o.failed);
	for (i = 0; (b = batch(i)) != NULL; i++) {
		cr_assert_leq(json_array_size(json_object_get(b, "files")), SK_RECORD_BATCH);
		files += json_array_size(json_object_get(b, "files"));
		if (json_is_true(json_object_get(b, "end"))) {
			cr_expect_eq(json_integer_value(json_object_get(b, "files")), 200);
			cr_expect_eq(json_integer_value(json_object_get(b, "bytes")), 2000);
			cr_expect_eq(json_integer_value(json_object_get(b, "not_hashed")), 1);
		}
		json_decref(b);
	}
	cr_expect_eq(files, 200);
	sk_record_out_deinit(&o);
	close(o.folder);
	snprintf(path, sizeof(path), "rm -rf %s", dir);
	cr_assert_eq(system(path), 0);
}
