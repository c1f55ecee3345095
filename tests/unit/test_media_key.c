/* The media key: the same for the same contents in any order, another one for anything that formatting changes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "common/json.h"
#include "policy/media_key.h"

static struct sk_volumes two(void)
{
	struct sk_volumes v = {.bytes = 8000000000ull, .n = 2};

	v.of[0] = (struct sk_volume_fact){1048576, 4000000000ull, "vfat", "1234-5678"};
	v.of[1] = (struct sk_volume_fact){4001048576ull, 3998951424ull, "crypto_LUKS",
	                                  "5f0c1c5e-0000-4000-8000-000000000001"};
	return v;
}

Test(media_key, order_of_the_table_does_not_count)
{
	struct sk_volumes v = two(), w = two();
	char a[SK_SHA256_HEX], b[SK_SHA256_HEX];

	w.of[0] = v.of[1];
	w.of[1] = v.of[0];
	cr_assert_eq(sk_media_key(&v, a), 0);
	cr_assert_eq(sk_media_key(&w, b), 0);
	cr_assert_str_eq(a, b);
}

Test(media_key, every_fact_counts)
{
	char a[SK_SHA256_HEX], b[SK_SHA256_HEX];
	struct sk_volumes v = two(), w;

	cr_assert_eq(sk_media_key(&v, a), 0);
	for (int i = 0; i < 7; i++) {
		w = v;
		if (i == 0)
			w.bytes++;
		else if (i == 1)
			w.of[1].start += 512;
		else if (i == 2)
			w.of[1].bytes -= 512;
		else if (i == 3)
			strcpy(w.of[0].type, "exfat");
		else if (i == 4)
			strcpy(w.of[0].uuid, "1234-5679");
		else if (i == 5)
			w.n = 1;
		else
			strcpy(w.of[0].uuid, ""), strcpy(w.of[0].type, "vfat1234-5678");
		cr_assert_eq(sk_media_key(&w, b), 0);
		cr_assert_str_neq(a, b, "change %d does not count", i);
	}
}

Test(media_key, what_has_no_identity_has_no_key)
{
	struct sk_volumes v = {.bytes = 1000};
	char a[SK_SHA256_HEX] = "before";

	cr_assert_eq(sk_media_key(&v, a), -ENODATA);
	v.n = 1;
	strcpy(v.of[0].type, "vfat");
	cr_assert_eq(sk_media_key(&v, a), -ENODATA);
	v.n = SK_VOLUMES_MAX + 1;
	cr_assert_eq(sk_media_key(&v, a), -EINVAL);
	cr_assert_str_eq(a, "before");
}

static int parse(const char *text, struct sk_volumes *v)
{
	struct sk_err err = SK_ERR_INIT;
	json_t *j = NULL;
	int r;

	cr_assert_eq(sk_json_parse(text, strlen(text), 65536, &j, NULL), 0, "%s", text);
	r = sk_volumes_parse(j, v, &err);
	json_decref(j);
	return r;
}

Test(media_key, facts_go_through_json_and_back)
{
	struct sk_volumes v = two(), w;
	char a[SK_SHA256_HEX], b[SK_SHA256_HEX];
	json_t *j = sk_volumes_json(&v);

	cr_assert_eq(sk_volumes_parse(j, &w, NULL), 0);
	json_decref(j);
	cr_assert(sk_media_key(&v, a) == 0 && sk_media_key(&w, b) == 0);
	cr_assert_str_eq(a, b);
}

Test(media_key, hostile_facts_are_refused)
{
	struct sk_volumes v = {.n = 77};
	char text[8192] = "{\"bytes\":1,\"volumes\":[";

	cr_assert_eq(parse("{\"bytes\":0,\"volumes\":[]}", &v), -EINVAL);
	cr_assert_eq(parse("{\"volumes\":[]}", &v), -EINVAL);
	cr_assert_eq(parse("{\"bytes\":1}", &v), -EINVAL);
	cr_assert_eq(parse("{\"bytes\":1,\"volumes\":[{\"start\":-1,\"bytes\":1,\"type\":\"\",\"uuid\":\"\"}]}", &v),
	             -EINVAL);
	cr_assert_eq(parse("{\"bytes\":1,\"volumes\":[1]}", &v), -EINVAL);
	for (int i = 0; i <= SK_VOLUMES_MAX; i++)
		strcat(text, i ? ",{\"start\":0,\"bytes\":1,\"type\":\"a\",\"uuid\":\"b\"}"
		               : "{\"start\":0,\"bytes\":1,\"type\":\"a\",\"uuid\":\"b\"}");
	strcat(text, "]}");
	cr_assert_eq(parse(text, &v), -EINVAL);
	cr_assert_eq(v.n, 77, "the output was touched");
}
