/* [classes]: which class a written file's name stands for, what is above an approval, and what the section refuses. */
#include <errno.h>

#include "policy/classes.h"
#include "tests/unit/policy_help.h"

static struct sk_policy *held;

static const struct sk_class_params *with(const char *section)
{
	static char text[2048];

	(void)snprintf(text, sizeof(text), "[rule r]\nkind = hub\naction = allow\n[classes]\n%s", section);
	sk_policy_free(held);
	held = help_policy(text);
	return &held->classes;
}

static void let_go(void)
{
	held = sk_policy_free(held);
}

TestSuite(classes, .fini = let_go);

static void refused(const char *section, const char *says)
{
	char text[8192];
	struct sk_policy *p = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)snprintf(
	    text, sizeof(text),
	    "[policy]\nname = t\nversion = 1\nzone = lgwan\nmode = enforce\ndefault = deny\n[rule r]\nkind = "
	    "hub\naction = allow\n[classes]\n%s\n",
	    section);
	cr_assert_eq(sk_policy_parse("t.ini", text, strlen(text), &p, &err), -EINVAL, "%s", section);
	cr_expect(strstr(err.text, "t.ini:11"), "%s", err.text);
	cr_expect(strstr(err.text, says), "%s", err.text);
}

Test(classes, the_most_important_that_meets_counts)
{
	const struct sk_class_params *p =
	    with("class_1 = *住民票* | juminhyo_*\nclass_2 = jinji/*.xlsx\nclass_4 = *.xlsx\n");

	cr_expect_eq(sk_class_of(p, "住民票一覧.xlsx"), 1);
	cr_expect_eq(sk_class_of(p, "a/B_住民票_4/deep/list.txt"), 1, "a folder's name stands for what is in it");
	cr_expect_eq(sk_class_of(p, "x/JUMINHYO_2026.csv"), 1);
	cr_expect_eq(sk_class_of(p, "x/my_juminhyo_2026.csv"), 0);
	cr_expect_eq(sk_class_of(p, "jinji/2026/pay.xlsx"), 2);
	cr_expect_eq(sk_class_of(p, "other/jinji/pay.xlsx"), 4, "with a slash the whole path is meant");
	cr_expect_eq(sk_class_of(p, "memo.txt"), 0);
	cr_expect_eq(sk_class_of(p, ""), 0);
	cr_expect_eq(sk_class_of(p, "///"), 0);
	cr_expect_eq(sk_class_of(with(""), "住民票"), 0);
	cr_expect_eq(sk_class_of(NULL, "住民票"), 0);
}

Test(classes, hostile_names_are_only_compared)
{
	const struct sk_class_params *p = with("class_1 = *a*a*a*a*a*b\nclass_2 = ????\n");
	char longer[5000];

	(void)memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	cr_expect_eq(sk_class_of(p, longer), 0);
	longer[1200] = '/';
	(void)memcpy(longer + 1201, "aaaaab", 7);
	cr_expect_eq(sk_class_of(p, longer), 1);
	cr_expect_eq(sk_class_of(p, "\xff\xfe\xfd\xfc"), 2);
}

Test(classes, above_needs_two_classes_that_are_known)
{
	cr_expect(sk_class_above("1", "2"));
	cr_expect(sk_class_above("4", "none"));
	cr_expect(!sk_class_above("2", "2"));
	cr_expect(!sk_class_above("3", "1"));
	cr_expect(!sk_class_above("none", "none"));
	cr_expect(!sk_class_above(NULL, "none"));
	cr_expect(!sk_class_above("1", NULL));
	cr_expect(!sk_class_above("1", ""));
	cr_expect(!sk_class_above("0", "4"));
	cr_expect(!sk_class_above("5", "none"));
	cr_expect(!sk_class_above("11", "none"));
}

Test(classes, what_is_wrong_is_named)
{
	char longer[200] = "class_1 = ";

	refused("class_5 = x", "class_5");
	refused("class_0 = x", "class_0");
	refused("class_11 = x", "class_11");
	refused("class_ = x", "is no key of [classes]");
	refused("name = x", "is no key of [classes]");
	refused("class_1 = | |", "is empty");
	refused("class_1 = * | x", "meets every file");
	refused("class_1 = */*", "meets every file");
	refused("class_1 = 1|2|3|4|5|6|7|8|9|10|11|12|13|14|15|16|17", "more than 16");
	(void)memset(longer + 10, 'x', 128);
	refused(longer, "127 bytes");
}
