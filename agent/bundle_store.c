/* policy.bundle, grants.bundle, versions: each written whole, read strictly. */
#include "agent/bundle_store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/json.h"

#define PATH 320

static const char *const names[SK_BUNDLE_KINDS] = {"policy", "grants"};

enum sk_bundle_kind sk_bundle_kind_of(const struct sk_bundle *b)
{
	return !strcmp(b->kind, names[SK_BUNDLE_POLICY]) ? SK_BUNDLE_POLICY : SK_BUNDLE_GRANTS;
}

static void bundle_path(const char *dir, enum sk_bundle_kind kind, char out[PATH])
{
	snprintf(out, PATH, "%s/%s.bundle", dir, names[kind]);
}

int sk_bundle_store_load(const char *dir, const struct sk_trust *t, enum sk_bundle_kind kind, int64_t floor,
                         struct sk_bundle *out, struct sk_err *err)
{
	struct sk_buf text;
	char path[PATH];
	int r;

	bundle_path(dir, kind, path);
	sk_buf_init(&text, SK_BUNDLE_MAX);
	r = sk_file_read(path, &text, err);
	if (r == 0)
		r = sk_bundle_open(t->key, text.data, text.len, out, err);
	sk_buf_deinit(&text);
	if (r < 0)
		return r == -ENOENT ? r : sk_err_prefix(err, r, "%s", path);
	if (strcmp(out->device, t->device) != 0 || sk_bundle_kind_of(out) != kind)
		r = sk_err_set(err, -EXDEV, "%s: made for another terminal", path);
	else if (out->version < floor)
		r = sk_err_set(err, -ESTALE, "%s: version %lld, but %lld was held here", path, (long long)out->version,
		               (long long)floor);
	if (r < 0)
		sk_bundle_clear(out);
	return r;
}

int sk_bundle_store_save(const char *dir, enum sk_bundle_kind kind, const char *envelope, size_t len,
                         struct sk_err *err)
{
	char path[PATH];

	bundle_path(dir, kind, path);
	return sk_file_write(path, envelope, len, 0600, err);
}

void sk_bundle_store_floors(const char *dir, const char *device, int64_t floors[SK_BUNDLE_KINDS])
{
	const char *of = device;
	struct sk_buf text;
	json_t *o = NULL;
	char path[PATH];

	snprintf(path, sizeof path, "%s/versions", dir);
	sk_buf_init(&text, 256);
	if (sk_file_read(path, &text, NULL) == 0 && sk_json_parse(text.data, text.len, 256, &o, NULL) == 0 &&
	    sk_json_str_opt(o, "device", SK_UUID_LEN, &of, NULL) == 0 && strcmp(of, device) == 0)
		for (int k = 0; k < SK_BUNDLE_KINDS; k++) {
			long long v = 0;

			if (sk_json_int_opt(o, names[k], 0, INT64_MAX, &v, NULL) == 0 && v > floors[k])
				floors[k] = v;
		}
	json_decref(o);
	sk_buf_deinit(&text);
}

int sk_bundle_store_save_floors(const char *dir, const char *device, const int64_t floors[SK_BUNDLE_KINDS],
                                struct sk_err *err)
{
	char path[PATH], text[192];
	int n = snprintf(text, sizeof text, "{\"device\":\"%s\",\"grants\":%lld,\"policy\":%lld}\n", device,
	                 (long long)floors[SK_BUNDLE_GRANTS], (long long)floors[SK_BUNDLE_POLICY]);

	snprintf(path, sizeof path, "%s/versions", dir);
	return sk_file_write(path, text, (size_t)n, 0600, err);
}

void sk_bundle_store_clear(const char *dir)
{
	char path[PATH];

	for (int k = 0; k < SK_BUNDLE_KINDS; k++) {
		bundle_path(dir, (enum sk_bundle_kind)k, path);
		(void)unlink(path);
	}
	snprintf(path, sizeof path, "%s/versions", dir);
	(void)unlink(path);
}
