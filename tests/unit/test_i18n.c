/* Catalogues made by msgfmt and by hand: found, missing, damaged in every place, and the choice of the language. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/i18n.h"

/* Lays out a .mo with the given pairs, in either byte order. */
static size_t make_mo(char *out, const char *const (*pairs)[2], uint32_t n, int swap)
{
	uint32_t at = 28 + 16 * n, head[7] = {0x950412de, 0, n, 28, 28 + 8 * n, 0, 0};

	for (uint32_t i = 0; i < 7; i++) {
		uint32_t v = swap ? __builtin_bswap32(head[i]) : head[i];

		memcpy(out + 4 * i, &v, 4);
	}
	for (uint32_t side = 0; side < 2; side++)
		for (uint32_t i = 0; i < n; i++) {
			uint32_t len = (uint32_t)strlen(pairs[i][side]);
			uint32_t entry[2] = {swap ? __builtin_bswap32(len) : len, swap ? __builtin_bswap32(at) : at};

			memcpy(out + 28 + 8 * n * side + 8 * i, entry, 8);
			memcpy(out + at, pairs[i][side], len + 1);
			at += len + 1;
		}
	return at;
}

static const char *const pairs[][2] = {{"", "Content-Type: text/plain; charset=UTF-8\n"},
                                       {"Allowed", "許可"},
                                       {"Denied: %s", "拒否: %s"},
                                       {"Empty", ""},
                                       {"Zone", "ゾーン"}};

Test(i18n, finds_in_both_byte_orders)
{
	char data[1024];
	struct sk_mo mo;

	for (int swap = 0; swap < 2; swap++) {
		size_t len = make_mo(data, pairs, 5, swap);

		cr_assert_eq(sk_mo_open(&mo, data, len), 0);
		cr_expect_str_eq(sk_mo_get(&mo, "Allowed"), "許可");
		cr_expect_str_eq(sk_mo_get(&mo, "Denied: %s"), "拒否: %s");
		cr_expect_str_eq(sk_mo_get(&mo, "Zone"), "ゾーン");
		cr_expect_null(sk_mo_get(&mo, "Empty"));
		cr_expect_null(sk_mo_get(&mo, ""));
		cr_expect_null(sk_mo_get(&mo, "Allow"));
		cr_expect_null(sk_mo_get(&mo, "Allowed "));
		cr_expect_null(sk_mo_get(&mo, "zzz"));
		cr_expect_null(sk_mo_get(&mo, "\x01"));
	}
}

Test(i18n, empty_catalogue)
{
	char data[64];
	struct sk_mo mo;

	cr_assert_eq(sk_mo_open(&mo, data, make_mo(data, pairs, 0, 0)), 0);
	cr_expect_null(sk_mo_get(&mo, "Allowed"));
}

/* In memory of the exact size, so that a read past the end is seen by the sanitizer. */
Test(i18n, truncated_anywhere)
{
	char data[1024];
	size_t len = make_mo(data, pairs, 5, 0);
	struct sk_mo mo;

	for (size_t n = 0; n < len; n++) {
		char *exact = malloc(n + 1);

		cr_assert_not_null(exact);
		memcpy(exact, data, n);
		cr_expect_eq(sk_mo_open(&mo, exact, n), -EINVAL, "%zu", n);
		free(exact);
	}
}

Test(i18n, damaged_anywhere)
{
	char data[1024], *exact;
	size_t len = make_mo(data, pairs, 5, 0);
	struct sk_mo mo;

	exact = malloc(len);
	cr_assert_not_null(exact);
	for (size_t i = 0; i < len; i++)
		for (int v = 0; v < 256; v++) {
			memcpy(exact, data, len);
			exact[i] = (char)v;
			if (sk_mo_open(&mo, exact, len) == 0)
				for (size_t k = 0; k < 5; k++) {
					const char *text = sk_mo_get(&mo, pairs[k][0]);

					cr_assert(text == NULL || strlen(text) < len);
				}
		}
	free(exact);
}

static void expect_bad(size_t at, uint32_t value)
{
	char data[1024];
	size_t len = make_mo(data, pairs, 5, 0);
	struct sk_mo mo = {.count = 77};

	memcpy(data + at, &value, 4);
	cr_expect_eq(sk_mo_open(&mo, data, len), -EINVAL, "word %zu = %x", at, value);
	cr_expect_eq(mo.count, 77);
}

Test(i18n, refuses)
{
	static const char *const unsorted[][2] = {{"b", "x"}, {"a", "y"}}, *const twice[][2] = {{"a", "x"}, {"a", "y"}},
	                         *const latin[][2] = {{"a", "\xff"}};
	char data[256];
	struct sk_mo mo;

	expect_bad(0, 0x12345678);
	expect_bad(4, 0x00010000);
	expect_bad(8, 0xffffffff);
	expect_bad(8, 0x20000000);
	expect_bad(12, 0xffffffff);
	expect_bad(16, 0xfffffff8);
	expect_bad(28, 0xffffffff);
	expect_bad(32, 0xffffffff);
	expect_bad(36, 6); /* the NUL is not where the length says */
	cr_expect_eq(sk_mo_open(&mo, data, make_mo(data, unsorted, 2, 0)), -EINVAL);
	cr_expect_eq(sk_mo_open(&mo, data, make_mo(data, twice, 2, 0)), -EINVAL);
	cr_expect_eq(sk_mo_open(&mo, data, make_mo(data, latin, 1, 0)), -EINVAL);
	cr_expect_eq(sk_mo_open(&mo, "", 0), -EINVAL);
}

static const char po[] = "msgid \"\"\nmsgstr \"Content-Type: text/plain; charset=UTF-8\\n\"\n\n"
                         "msgid \"Approved take-out\"\nmsgstr \"持ち出し承認\"\n\nmsgid \"Not done\"\nmsgstr \"\"\n";

Test(i18n, catalogue_of_msgfmt)
{
	char dir[] = "/tmp/sk-i18n-XXXXXX", path[128], cmd[512];

	cr_assert_not_null(mkdtemp(dir));
	cr_expect_eq(sk_i18n_init(dir), -ENOENT, "missing is told, and English is shown");
	cr_expect_str_eq(sk_tr(SK_LANG_JA, "Approved take-out"), "Approved take-out");
	(void)snprintf(path, sizeof(path), "%s/ja/LC_MESSAGES", dir);
	cr_assert_eq(sk_mkdir_p(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/x.po", dir);
	cr_assert_eq(sk_file_write(path, po, sizeof(po) - 1, 0600, NULL), 0);
	(void)snprintf(cmd, sizeof(cmd), "msgfmt -o %s/ja/LC_MESSAGES/sekimori.mo %s", dir, path);
	cr_assert_eq(system(cmd), 0);
	cr_assert_eq(sk_i18n_init(dir), 0);
	cr_expect_str_eq(sk_tr(SK_LANG_JA, "Approved take-out"), "持ち出し承認");
	cr_expect_str_eq(sk_tr(SK_LANG_EN, "Approved take-out"), "Approved take-out");
	cr_expect_str_eq(sk_tr(SK_LANG_JA, "Not done"), "Not done");
	cr_expect_str_eq(sk_tr(SK_LANG_JA, "Unknown"), "Unknown");
	cr_expect_str_eq(sk_tr(SK_LANG_JA, ""), "");
	cr_expect_str_eq(sk_tr((enum sk_lang)9, "Unknown"), "Unknown");
	(void)snprintf(path, sizeof(path), "%s/ja/LC_MESSAGES/sekimori.mo", dir);
	cr_assert_eq(sk_file_write(path, "damaged", 7, 0600, NULL), 0);
	cr_expect_eq(sk_i18n_init(dir), -EINVAL);
	cr_expect_str_eq(sk_tr(SK_LANG_JA, "Approved take-out"), "Approved take-out");
	sk_i18n_deinit();
	sk_i18n_deinit();
	(void)snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	cr_expect_eq(system(cmd), 0);
}

Test(i18n, environment)
{
	unsetenv("LC_ALL");
	unsetenv("LC_MESSAGES");
	unsetenv("LANG");
	setenv("LANGUAGE", "ja", 1);
	cr_expect_eq(sk_lang_from_env(), SK_LANG_EN);
	setenv("LANG", "ja_JP.UTF-8", 1);
	cr_expect_eq(sk_lang_from_env(), SK_LANG_JA);
	setenv("LC_MESSAGES", "C", 1);
	cr_expect_eq(sk_lang_from_env(), SK_LANG_EN);
	setenv("LC_ALL", "ja", 1);
	cr_expect_eq(sk_lang_from_env(), SK_LANG_JA);
	setenv("LC_ALL", "", 1);
	cr_expect_eq(sk_lang_from_env(), SK_LANG_EN, "empty is unset");
}

Test(i18n, accept_language)
{
	static const struct {
		const char *header;
		enum sk_lang lang;
	} cases[] = {
	    {NULL, SK_LANG_JA},
	    {"", SK_LANG_JA},
	    {"ja", SK_LANG_JA},
	    {"en", SK_LANG_EN},
	    {"ja-JP,ja;q=0.9,en-US;q=0.8,en;q=0.7", SK_LANG_JA},
	    {"en-US,en;q=0.9,ja;q=0.8", SK_LANG_EN},
	    {"en;q=0.1, ja;q=0.2", SK_LANG_JA},
	    {"en;q=0.25,ja;q=0.249", SK_LANG_EN},
	    {"EN-gb", SK_LANG_EN},
	    {"JA", SK_LANG_JA},
	    {"fr, de;q=0.5", SK_LANG_EN},
	    {"fr, ja;q=0.5", SK_LANG_JA},
	    {"ja;q=0, en;q=0.1", SK_LANG_EN},
	    {"ja;q=0", SK_LANG_EN},
	    {"*", SK_LANG_JA},
	    {"jav", SK_LANG_EN},
	    {"en;q=1.000,ja;q=0.999", SK_LANG_EN},
	    {"ja;q=x,en;q=0.1", SK_LANG_EN},
	    {"ja;q=", SK_LANG_EN},
	    {"ja;", SK_LANG_EN},
	    {",,,;;;===", SK_LANG_EN},
	    {"ja;q=99999999999999999999", SK_LANG_EN},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(sk_lang_from_accept(cases[i].header), cases[i].lang, "%s", cases[i].header);
}

Test(i18n, tags)
{
	enum sk_lang lang = SK_LANG_JA;

	cr_expect_str_eq(sk_lang_tag(SK_LANG_EN), "en");
	cr_expect_str_eq(sk_lang_tag(SK_LANG_JA), "ja");
	cr_expect_eq(sk_lang_parse("en", &lang), 0);
	cr_expect_eq(lang, SK_LANG_EN);
	cr_expect_eq(sk_lang_parse("ja", &lang), 0);
	cr_expect_eq(lang, SK_LANG_JA);
	cr_expect_eq(sk_lang_parse("jp", &lang), -EINVAL);
	cr_expect_eq(sk_lang_parse("ja-JP", &lang), -EINVAL);
	cr_expect_eq(sk_lang_parse("", &lang), -EINVAL);
	cr_expect_eq(sk_lang_parse(NULL, &lang), -EINVAL);
	cr_expect_eq(lang, SK_LANG_JA);
}
