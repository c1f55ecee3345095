/* Strict INI: every trap of the parser underneath, each with its line, and unknown names. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/ini.h"

static struct sk_err err;

static int parse_n(const char *text, size_t len, struct sk_ini **out)
{
	err.text[0] = '\0';
	return sk_ini_parse("f.ini", text, len, out, &err);
}

static struct sk_ini *good(const char *text)
{
	struct sk_ini *ini = NULL;

	cr_assert_eq(parse_n(text, strlen(text), &ini), 0, "%s", err.text);
	return ini;
}

static void bad_n(const char *text, size_t len, int line)
{
	struct sk_ini *ini = NULL;
	char where[32];

	(void)snprintf(where, sizeof(where), "f.ini:%d: ", line);
	cr_expect_eq(parse_n(text, len, &ini), -EINVAL, "accepted: %s", text);
	cr_expect_null(ini);
	cr_expect_eq(strncmp(err.text, where, strlen(where)), 0, "wanted %s got %s", where, err.text);
	sk_ini_free(ini);
}

static void bad(const char *text, int line)
{
	bad_n(text, strlen(text), line);
}

Test(ini, reads)
{
	struct sk_ini *ini =
	    good("# head\n; other\n\n[policy]\nname = x\nnote=関守 = a:b;c#d\nempty =\n[rule a]\nname=  y  \n[none]");

	cr_expect_eq(ini->n_entries, 4);
	cr_expect_eq(ini->n_sections, 3);
	cr_expect_str_eq(ini->sections[2].name, "none");
	cr_expect_eq(ini->sections[1].line, 8);
	cr_expect_str_eq(sk_ini_get(ini, "policy", "name")->value, "x");
	cr_expect_eq(sk_ini_get(ini, "policy", "name")->line, 5);
	cr_expect_str_eq(sk_ini_get(ini, "policy", "note")->value, "関守 = a:b;c#d");
	cr_expect_str_eq(sk_ini_get(ini, "policy", "empty")->value, "");
	cr_expect_str_eq(sk_ini_get(ini, "rule a", "name")->value, "y");
	cr_expect_null(sk_ini_get(ini, "rule a", "note"));
	cr_expect_null(sk_ini_get(ini, "rule", "name"));
	cr_expect_null(sk_ini_free(ini));
	cr_expect_null(sk_ini_free(NULL));
}

Test(ini, nothing_in_it)
{
	struct sk_ini *ini = good("");

	cr_expect_eq(ini->n_entries + ini->n_sections, 0);
	sk_ini_free(ini);
	sk_ini_free(good("\n\n# only words"));
}

Test(ini, the_cut_line_gives_no_second_key)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "[a]\nnote = %0192ddefault=allow\n", 0);

	bad_n(text, (size_t)n, 2);
}

Test(ini, line_length_is_exact)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "[a]\nk=%0178d\n", 0);
	struct sk_ini *ini = NULL;

	cr_expect_eq(parse_n(text, (size_t)n, &ini), 0, "%s", err.text);
	cr_expect_eq(strlen(ini->entries[0].value), 178);
	sk_ini_free(ini);
	n = snprintf(text, sizeof(text), "[a]\nk=%0179d\n", 0);
	bad_n(text, (size_t)n, 2);
	n = snprintf(text, sizeof(text), "[a]\nk=1\n# %0198d\n", 0);
	bad_n(text, (size_t)n, 3);
}

Test(ini, leading_blanks)
{
	bad("[a]\nk=v\n more=allow\n", 3);
	bad("[a]\nk=v\n\tmore=allow\n", 3);
	bad(" [a]\n", 1);
	bad("[a]\n \n", 2);
}

Test(ini, bytes)
{
	bad("[a]\nk=a\xff\n", 2);
	bad("[a]\nk=\xe9\x96\n", 2);
	bad("[a]\nk=\xc0\xafx\n", 2);
	bad("[a]\r\nk=v\r\n", 1);
	bad("[a]\nk=\tv\n", 2);
	bad("[a]\nk=\x1b[1m\n", 2);
	bad("[a]\nk=v\x7f\n", 2);
	bad("[a]\nk=v\xc2\x85\n", 2);
	bad("[a]\n# \x01\n", 2);
	bad("\xef\xbb\xbf[a]\n", 1);
	bad_n("[a]\nk=v\0x\n", 11, 2);
	bad_n("[a]\nk=v\n\0", 9, 3);
}

Test(ini, comments_behind_values)
{
	bad("[a]\nk=v ; comment\n", 2);
	bad("[a]\nk=v # comment\n", 2);
	bad("[a]\nk= ;x\n", 2);
	bad("[a]\nk=;x\n", 2);
	bad("[a]\nk=#x\n", 2);
	bad("[a] ; x\n", 1);
	bad("[a ;b]\n", 1);
}

Test(ini, sections)
{
	char text[128];
	struct sk_ini *ini;

	bad("k=v\n", 1);
	bad("[]\n", 1);
	bad("[ ]\n", 1);
	bad("[ a]\n", 1);
	bad("[a ]\n", 1);
	bad("[a\n", 1);
	bad("[a]x\n", 1);
	bad("[a]k=v\n", 1);
	bad("[a] \n", 1);
	bad("[[a]]\n", 1);
	bad("[a]b]\n", 1);
	bad("[a]\n[b]\nk=v\n[a]\n", 4);
	(void)snprintf(text, sizeof(text), "[%049d]\nk=v\n", 0);
	ini = good(text);
	cr_expect_eq(strlen(ini->entries[0].section), 49);
	sk_ini_free(ini);
	(void)snprintf(text, sizeof(text), "[%050d]\nk=v\n", 0);
	bad(text, 1);
}

Test(ini, keys)
{
	bad("[a]\n=v\n", 2);
	bad("[a]\nk\n", 2);
	bad("[a]\nk v\n", 2);
	bad("[a]\nk: v\n", 2);
	bad("[a]\nk:x = v\n", 2);
	bad("[a]\nk x = v\n", 2);
	bad("[a]\nk=v\nK=v\nk=w\n", 4);
	bad("[a]\nk=v\nx=1\nx=1\nk=w\n", 4);
	bad("[a]\nk=v\nk =v\n", 3);
	bad("[a]\n\xe9\x96\xa2=v\n", 2);
}

Test(ini, same_key_in_two_sections)
{
	struct sk_ini *ini = good("[a]\nk=1\n[b]\nk=2\n");

	cr_expect_str_eq(sk_ini_get(ini, "b", "k")->value, "2");
	sk_ini_free(ini);
}

Test(ini, size, .timeout = 20)
{
	char *text = malloc(SK_INI_MAX_BYTES + 1);
	struct sk_ini *ini = NULL;
	size_t n = 4;

	cr_assert_not_null(text);
	memset(text, '\n', SK_INI_MAX_BYTES + 1);
	cr_expect_eq(parse_n(text, SK_INI_MAX_BYTES + 1, &ini), -E2BIG);
	cr_expect_null(ini);
	memcpy(text, "[a]\n", 4);
	for (int i = 0; n + 16 < SK_INI_MAX_BYTES; i++) /* many keys: the search for doubles must stay quick */
		n += (size_t)snprintf(text + n, SK_INI_MAX_BYTES - n, "k%d=\n", i);
	cr_expect_eq(parse_n(text, n, &ini), 0, "%s", err.text);
	cr_expect_gt(ini->n_entries, 20000);
	sk_ini_free(ini);
	free(text);
}

Test(ini, schema)
{
	static const struct sk_ini_key schema[] = {{"policy", "name"}, {"rule *", "allow"}};
	struct sk_ini *ini = good("[policy]\nname=x\n[rule a]\nallow=1\n[rule b c]\nallow=1\n");

	cr_expect_eq(sk_ini_check(ini, schema, 2, &err), 0, "%s", err.text);
	sk_ini_free(ini);
	ini = good("[policy]\nnane=x\n");
	cr_expect_eq(sk_ini_check(ini, schema, 2, &err), -EINVAL);
	cr_expect(strstr(err.text, "f.ini:2: unknown key 'nane'") == err.text, "%s", err.text);
	sk_ini_free(ini);
	ini = good("[policy]\n[rules]\n");
	cr_expect_eq(sk_ini_check(ini, schema, 2, &err), -EINVAL);
	cr_expect(strstr(err.text, "f.ini:2: unknown section [rules]") == err.text, "%s", err.text);
	sk_ini_free(ini);
	ini = good("[rule]\nallow=1\n");
	cr_expect_eq(sk_ini_check(ini, schema, 2, &err), -EINVAL);
	sk_ini_free(ini);
	ini = good("[rule a]\nname=1\n");
	cr_expect_eq(sk_ini_check(ini, schema, 2, &err), -EINVAL, "the key belongs to another section");
	sk_ini_free(ini);
}

Test(ini, fail_names_the_place)
{
	struct sk_ini *ini = good("[a]\nk=v\n");

	cr_expect_eq(sk_ini_fail(ini, 2, &err, "bad %s", "value"), -EINVAL);
	cr_expect_str_eq(err.text, "f.ini:2: bad value");
	sk_ini_free(ini);
}

Test(ini, load)
{
	char dir[] = "/tmp/sk-ini-XXXXXX", path[64];
	struct sk_ini *ini = NULL;
	FILE *f;

	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/p.ini", dir);
	cr_expect_eq(sk_ini_load(path, &ini, &err), -ENOENT);
	f = fopen(path, "w");
	cr_assert_not_null(f);
	cr_assert_geq(fputs("[a]\nk=v\n", f), 0);
	cr_assert_eq(fclose(f), 0);
	cr_expect_eq(sk_ini_load(path, &ini, &err), 0);
	cr_expect_str_eq(ini->file, path);
	cr_expect_str_eq(sk_ini_get(ini, "a", "k")->value, "v");
	sk_ini_free(ini);
	unlink(path);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_expect_eq(sk_ini_load(path, &ini, &err), -ELOOP);
	unlink(path);
	rmdir(dir);
}
