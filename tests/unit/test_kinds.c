/* Kinds of applications: the shipped ones, and every way a text can be wrong, by line. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "server/kinds.h"

#define HEAD "[kind a]\nword_ja = あ\nword_en = A\n"

static struct sk_kinds *good(const char *text)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_kinds *k = NULL;

	cr_assert_eq(sk_kinds_parse("k", text, strlen(text), &k, &err), 0, "%s", err.text);
	return k;
}

static void bad(const char *text, const char *says)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_kinds *k = NULL;

	cr_expect_lt(sk_kinds_parse("k", text, strlen(text), &k, &err), 0, "%s", text);
	cr_expect_null(k);
	cr_expect(strstr(err.text, says) != NULL, "%s", err.text);
}

Test(kinds, the_shipped_ones_are_the_standards)
{
	static const struct {
		const char *key, *clause, *route;
	} routes[] = {{"takeout_medium", "5.1(1)ウ(イ)", "sec"},
	              {"send_external", "2(2)キ", "sec"},
	              {"software", "6.1(17)イ", "sys & exec"},
	              {"remote_access", "6.2(2)ア", "sys & exec"},
	              {"av_setting", "6.4(2)オ", "sys"},
	              {"exception", "7.4(1)", "ciso"},
	              {"ext_network", "6.1(10)ア", "exec"},
	              {"dispose_device", "4.1(7)", ""},
	              {"repair_out", "4.1(5)イ", ""},
	              {"suspend", "5.3(3)イ", ""},
	              {"investigator", "7.2", ""},
	              {"priv_proxy", "6.2(1)ウ", "ciso"},
	              {"audit_plan", "9.1(3)ア", "ciso"},
	              {"exchange_other", "6.1(3)", "sys"},
	              {"register_medium", "", "sys"},
	              {"lend", "", "sys"},
	              {"stocktake", "", "sys"}};
	struct sk_kinds *k = good(sk_kinds_shipped);
	char text[128];

	cr_assert_geq(k->n, 24);
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		const struct sk_kind *one = sk_kind_find(k, routes[i].key);

		cr_assert_not_null(one, "%s", routes[i].key);
		cr_expect_str_eq(one->clause, routes[i].clause);
		sk_route_text(one->steps, one->n_steps, text);
		cr_expect_str_eq(text, routes[i].route);
	}
	cr_expect_eq(sk_kind_find(k, "exception")->asks, (unsigned)(SK_ROLE_SEC | SK_ROLE_SYS),
	             "only SEC and SYS apply");
	cr_expect(sk_kind_find(k, "takeout_medium")->back);
	cr_expect(sk_kind_find(k, "dispose_device")->record && !sk_kind_find(k, "takeout_medium")->record);
	for (size_t i = 0; i < k->n; i++)
		cr_expect_eq((k->kinds[i].asks & SK_ROLE_AUD) != 0, strcmp(k->kinds[i].key, "audit_plan") == 0,
		             "who audits writes the plan and nothing else: %s", k->kinds[i].key);
	cr_expect_null(sk_kind_find(k, "nothing"));
	sk_kinds_free(k);
}

Test(kinds, routes)
{
	struct sk_step steps[SK_STEPS_MAX];
	char text[128];
	size_t n;

	cr_assert_eq(sk_route_parse("sec > exec & sys > ciso | exec", steps, &n), 0);
	cr_assert_eq(n, 3);
	cr_expect(!steps[0].all && steps[1].all && !steps[2].all);
	sk_route_text(steps, n, text);
	cr_expect_str_eq(text, "sec > sys & exec > ciso | exec");
	cr_assert_eq(sk_route_parse(text, steps, &n), 0);
	cr_expect_eq(sk_route_parse("", steps, &n), -EINVAL);
	cr_expect_eq(sk_route_parse("sec >", steps, &n), -EINVAL);
	cr_expect_eq(sk_route_parse("> sec", steps, &n), -EINVAL);
	cr_expect_eq(sk_route_parse("staff", steps, &n), -EINVAL);
	cr_expect_eq(sk_route_parse("aud", steps, &n), -EINVAL, "auditors permit nothing");
	cr_expect_eq(sk_route_parse("sec sys", steps, &n), -EINVAL);
	cr_expect_eq(sk_route_parse("sec & sec", steps, &n), -EINVAL);
	cr_expect_eq(sk_route_parse("sec & sys | exec", steps, &n), -EINVAL);
	cr_expect_eq(sk_route_parse("sec > sec > sec > sec > sec", steps, &n), -EINVAL);
}

Test(kinds, errors_by_line)
{
	bad("", "no kind");
	bad("[kind A]\nword_ja = x\n", "k:1:");
	bad(HEAD "route = sec\n", "needs \"fields\"");
	bad(HEAD "fields = purpose\n", "needs \"route\"");
	bad("[kind a]\nfields = purpose\nroute = sec\nword_en = A\n", "needs \"word_ja\"");
	bad(HEAD "fields = purpose wat\nroute = sec\n", "k:4: fields must be");
	bad(HEAD "fields = purpose purpose\nroute = sec\n", "k:4: fields must be");
	bad(HEAD "fields = purpose!!\nroute = sec\n", "k:4: fields must be");
	bad(HEAD "fields = purpose\nroute = king\n", "k:5: route must be");
	bad(HEAD "fields = purpose\nroute = record > sec\n", "k:5: route must be");
	bad(HEAD "fields = purpose\nroute = sec\nclasses = 5\n", "k:6: classes must be");
	bad(HEAD "fields = purpose\nroute = sec\ndays = 0\n", "k:6: days must be");
	bad(HEAD "fields = purpose\nroute = sec\nlongest = 367\n", "k:6: longest must be");
	bad(HEAD "fields = purpose\nroute = sec\ndays = 8\nlongest = 7\n", "days is more than longest");
	bad(HEAD "fields = purpose\nroute = sec\nend = never\n", "fiscal or days");
	bad(HEAD "fields = purpose\nroute = sec\nback = maybe\n", "yes or no");
	bad(HEAD "fields = purpose\nroute = sec\nasks = everybody\n", "asks must be");
	bad(HEAD "fields = purpose\nroute = sec\nwat = 1\n", "k:6:");
	bad(HEAD "group = g\nfields = purpose\nroute = sec\n[kind b]\nword_ja = い\nword_en = B\ngroup = g\nfields = "
	         "purpose\nroute = sys\n",
	    "route differs");
	bad(HEAD "clause = 0123456789012345678901234567890123456789012345678901234567890123456789\nfields = "
	         "purpose\nroute = "
	         "sec\n",
	    "shorter");
}

Test(kinds, default_ends)
{
	struct sk_kinds *k =
	    good(HEAD "fields = purpose\nroute = sec\ndays = 3\n[kind b]\nword_ja = い\nword_en = B\nfields = "
	              "purpose\nroute = sec\nend = fiscal\n");
	struct tm tm = {.tm_year = 126, .tm_mon = 11, .tm_mday = 30, .tm_hour = 12, .tm_isdst = -1};
	sk_ms now = (sk_ms)mktime(&tm) * 1000;
	char text[32];

	sk_clock_format_local(sk_kind_default_end(&k->kinds[0], now), text, sizeof(text));
	cr_expect_str_eq(text, "2027-01-01 23:59:59");
	sk_clock_format_local(sk_kind_default_end(&k->kinds[1], now), text, sizeof(text));
	cr_expect_str_eq(text, "2027-03-31 23:59:59");
	sk_kinds_free(k);
}
