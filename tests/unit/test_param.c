/* Parameters of checks: every type, its bounds, and that a refused value changes nothing. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/param.h"

static const struct sk_param table[] = {
    {.name = "span", .type = SK_PARAM_SPAN, .min = 60, .max = 86400, .def = 600, .probe = true},
    {.name = "yes", .type = SK_PARAM_YES, .def = 1},
    {.name = "number", .type = SK_PARAM_NUMBER, .min = -5, .max = 5, .def = 3},
    {.name = "path", .type = SK_PARAM_PATH, .max = 20, .def_text = "/a"},
    {.name = "list", .type = SK_PARAM_LIST, .max = 5},
    {.name = "text", .type = SK_PARAM_TEXT, .max = 10, .def_text = "x"},
    {.name = "date", .type = SK_PARAM_DATE},
};
#define N (sizeof(table) / sizeof(*table))

static struct sk_param_value v[N];

static int set(const char *line)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_ini *ini = NULL;
	char text[300];
	int r;

	snprintf(text, sizeof(text), "[c]\n%s\n", line);
	r = sk_ini_parse("p.ini", text, strlen(text), &ini, &err);
	for (size_t i = 0; r == 0 && i < ini->n_entries; i++) {
		r = sk_params_set(table, N, ini, &ini->entries[i], v, &err);
		if (r == -EINVAL)
			cr_expect_eq(strncmp(err.text, "p.ini:2: ", 9), 0, "%s", err.text);
	}
	sk_ini_free(ini);
	return r;
}

static void start(void)
{
	cr_assert_eq(sk_params_default(table, N, v), 0);
}

static void stop(void)
{
	sk_params_clear(v, N);
}

TestSuite(param, .init = start, .fini = stop);

Test(param, values_are_read)
{
	cr_expect_eq(v[0].n, 600);
	cr_expect_eq(set("span = 2h"), 0);
	cr_expect_eq(v[0].n, 7200);
	cr_expect_eq(set("yes = no"), 0);
	cr_expect_eq(v[1].n, 0);
	cr_expect_eq(set("number = -5"), 0);
	cr_expect_eq(v[2].n, -5);
	cr_expect_eq(set("path = /b/c"), 0);
	cr_expect_str_eq(v[3].text, "/b/c");
	cr_expect_eq(set("list = one  two"), 0);
	cr_expect_str_eq(v[4].text, "one two");
	cr_expect_eq(set("list.2 = three fo*"), 0);
	cr_expect_str_eq(v[4].text, "one two three fo*");
	cr_expect_eq(set("text = a b"), 0);
	cr_expect_str_eq(v[5].text, "a b");
}

Test(param, dates_end_with_their_day)
{
	cr_expect_eq(set("date = 1970-01-01"), 0);
	cr_expect_eq(v[6].n, 86399999);
	cr_expect_eq(set("date = 2028-02-29"), 0);
	cr_expect_eq(v[6].n, 1835481599999LL);
	cr_expect_eq(set("date = 2027-03-31"), 0);
	cr_expect_eq(v[6].n, 1806537599999LL);
}

Test(param, what_is_refused_changes_nothing)
{
	const char *bad[] = {
	    "span = 5",           "span = 5s",          "span = 2d",         "yes = 1",
	    "number = 6",         "number = x",         "path = b",          "path = /3456789012345678901x",
	    "list = 1 2 3 4 5 6", "text = 12345678901", "date = 2027-02-29", "date = 2027-13-01",
	    "date = 2027-1-1",    "date = tomorrow",    "date = 2027-04-31"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		cr_expect_eq(set(bad[i]), -EINVAL, "%s", bad[i]);
	cr_expect_eq(set("nope = 1"), -ENOENT);
	cr_expect_eq(set("text.2 = 1"), -ENOENT, "only lists go on");
	cr_expect_eq(set("list.1 = 1"), -ENOENT);
	cr_expect_eq(set("list = 1 2 3"), 0);
	cr_expect_eq(set("list.2 = 4 5 6"), -EINVAL, "the limit counts for all of it");
	cr_expect_str_eq(v[4].text, "1 2 3");
	cr_expect_eq(v[0].n, 600);
	cr_expect_str_eq(v[3].text, "/a");
	cr_expect_eq(v[6].n, 0);
}

Test(param, lists_have_words_and_beginnings)
{
	cr_assert_eq(set("list = one two* three"), 0);
	cr_expect(sk_param_has(&v[4], "one"));
	cr_expect(sk_param_has(&v[4], "two"));
	cr_expect(sk_param_has(&v[4], "twofold"));
	cr_expect(sk_param_has(&v[4], "three"));
	cr_expect_not(sk_param_has(&v[4], "on"));
	cr_expect_not(sk_param_has(&v[4], "one two"));
	cr_expect_not(sk_param_has(&v[4], "threes"));
	cr_expect_not(sk_param_has(&v[4], ""));
}

Test(param, the_probe_gets_what_it_needs)
{
	char out[40];

	sk_param_print(&table[0], &v[0], out, sizeof(out));
	cr_expect_str_eq(out, "span=600");
	sk_param_print(&table[3], &v[3], out, sizeof(out));
	cr_expect_str_eq(out, "path=/a");
}
