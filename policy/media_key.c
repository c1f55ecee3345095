/* One text of the facts in order, hashed by parts with their lengths, so that no two sets of facts hash alike. */
#include "policy/media_key.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"

#define PARTS_PER_VOLUME 3

static int by_place(const void *a, const void *b)
{
	const struct sk_volume_fact *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

int sk_media_key(const struct sk_volumes *v, char out[SK_SHA256_HEX])
{
	struct sk_part parts[1 + SK_VOLUMES_MAX * PARTS_PER_VOLUME];
	char numbers[SK_VOLUMES_MAX][48], head[64];
	uint8_t hash[SK_SHA256_LEN];
	struct sk_volumes s = *v;
	bool any = false;
	size_t n = 0;

	if (v->n > SK_VOLUMES_MAX)
		return -EINVAL;
	qsort(s.of, s.n, sizeof(s.of[0]), by_place);
	(void)snprintf(head, sizeof(head), "sekimori-media-1 %llu", (unsigned long long)s.bytes);
	parts[n++] = (struct sk_part){head, strlen(head)};
	for (size_t i = 0; i < s.n; i++) {
		const struct sk_volume_fact *f = &s.of[i];

		any = any || f->uuid[0] != '\0';
		(void)snprintf(numbers[i], sizeof(numbers[i]), "%llu %llu", (unsigned long long)f->start,
		               (unsigned long long)f->bytes);
		parts[n++] = (struct sk_part){numbers[i], strlen(numbers[i])};
		parts[n++] = (struct sk_part){f->type, strlen(f->type)};
		parts[n++] = (struct sk_part){f->uuid, strlen(f->uuid)};
	}
	if (!any)
		return -ENODATA;
	sk_sha256_parts(parts, n, hash);
	sk_hex(hash, sizeof(hash), out);
	return 0;
}

static int take_volume(const json_t *j, struct sk_volume_fact *f, struct sk_err *err)
{
	long long start = 0, bytes = 0;
	const char *type = "", *uuid = "";
	int r = sk_json_int(j, "start", 0, INT64_MAX, &start, err);

	if (r == 0)
		r = sk_json_int(j, "bytes", 0, INT64_MAX, &bytes, err);
	if (r == 0)
		r = sk_json_str(j, "type", 0, sizeof(f->type) - 1, &type, err);
	if (r == 0)
		r = sk_json_str(j, "uuid", 0, sizeof(f->uuid) - 1, &uuid, err);
	if (r < 0)
		return r;
	f->start = (uint64_t)start;
	f->bytes = (uint64_t)bytes;
	sk_text_copy(f->type, sizeof(f->type), type);
	sk_text_copy(f->uuid, sizeof(f->uuid), uuid);
	return 0;
}

int sk_volumes_parse(const json_t *j, struct sk_volumes *out, struct sk_err *err)
{
	struct sk_volumes v = {.n = 0};
	json_t *list = NULL, *one;
	long long bytes = 0;
	size_t i;
	int r = sk_json_int(j, "bytes", 1, INT64_MAX, &bytes, err);

	if (r == 0)
		r = sk_json_arr(j, "volumes", SK_VOLUMES_MAX, &list, err);
	if (r < 0)
		return r;
	json_array_foreach(list, i, one)
	{
		r = take_volume(one, &v.of[i], err);
		if (r < 0)
			return r;
		v.n = i + 1;
	}
	v.bytes = (uint64_t)bytes;
	*out = v;
	return 0;
}

json_t *sk_volumes_json(const struct sk_volumes *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->n; i++)
		(void)json_array_append_new(list, json_pack("{s:I, s:I, s:s, s:s}", "start", (json_int_t)v->of[i].start,
		                                            "bytes", (json_int_t)v->of[i].bytes, "type", v->of[i].type,
		                                            "uuid", v->of[i].uuid));
	return json_pack("{s:I, s:o}", "bytes", (json_int_t)v->bytes, "volumes", list);
}
