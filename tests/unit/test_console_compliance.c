/* The compliance pages: what each role sees, what is silent, the order to recheck, hostile addresses. */
#include "server/store_compliance.h"
#include "server/store_order.h"
#include "tests/unit/console_help.h"

TestSuite(console_compliance, .init = console_begin, .fini = console_end);

static size_t orders(int i)
{
	json_t *rows = sk_store_order_list(server.store, terminal[i], NULL, 50);
	size_t n = json_array_size(rows);

	json_decref(rows);
	return n;
}

Test(console_compliance, scope_and_silence)
{
	struct person sec = login("sec"), desk = login("desk"), clerk = login("clerk");
	struct fake *f;

	add_report(0, "non-compliant");
	f = get(&desk, "/compliance");
	cr_expect_eq(f->code, 200);
	cr_expect(shows(f, "General Affairs") && shows(f, "Tax &lt;b&gt;") && shows(f, "state=silent"));
	cr_expect(shows(f, "Nothing was counted a week ago") && shows(f, "No day was counted yet"));
	cr_expect(!shows(f, "<script>"));
	fake_free(f);
	f = get(&sec, "/compliance");
	cr_expect(f->code == 200 && shows(f, "General Affairs") && !shows(f, "Tax &lt;b&gt;"));
	fake_free(f);
	cr_expect_eq(code_of(get(&sec, "/compliance?unit=zeimu")), 404);
	cr_expect_eq(code_of(get(&sec, "/compliance/antivirus?unit=zeimu")), 404);
	cr_expect_eq(code_of(get(&clerk, "/compliance")), 403);
	cr_expect_eq(code_of(get(&desk, "/compliance?days=31")), 400);
	cr_expect_eq(code_of(get(&desk, "/compliance?days=-1")), 400);
	cr_expect_eq(code_of(get(&desk, "/compliance?unit=%3Cb")), 400);
	cr_expect_eq(code_of(get(&desk, "/compliance/nothing")), 404);
	cr_expect_eq(code_of(get(&desk, "/compliance/antivirus?state=x")), 400);
	cr_expect_eq(code_of(get(&desk, "/compliance/antivirus?state=silent")), 200);
}

Test(console_compliance, a_unit_with_its_days)
{
	struct person desk = login("desk");
	struct fake *f;

	add_report(0, "compliant");
	cr_assert_eq(
	    sk_store_compliance_count(server.store, sk_clock_wall() - (sk_ms)8 * 86400000, config.silent_s * 1000), 1);
	cr_assert_eq(sk_store_compliance_count(server.store, sk_clock_wall(), config.silent_s * 1000), 1);
	f = get(&desk, "/compliance?unit=soumu&days=90");
	cr_expect_eq(f->code, 200);
	cr_expect(shows(f, "Compared with the count of") && shows(f, "<rect") && shows(f, "The same in numbers"));
	cr_expect(shows(f, "all in my reach") && shows(f, "unit=soumu&amp;state=silent"));
	fake_free(f);
}

Test(console_compliance, recheck)
{
	struct person sec = login("sec"), aud = login("aud");
	struct fake *f;

	add_report(0, "non-compliant");
	add_report(1, "non-compliant");
	f = get(&sec, "/compliance/antivirus");
	cr_expect(f->code == 200 && shows(f, "Recheck these terminals now") && shows(f, "pc-soumu") &&
	          !shows(f, "pc-zeimu"));
	fake_free(f);
	f = get(&aud, "/compliance/antivirus");
	cr_expect(!shows(f, "Recheck these terminals now"));
	fake_free(f);
	cr_expect_eq(code_of(post(&aud, "/compliance/antivirus", "action=recheck&page=1")), 403);
	cr_expect_eq(code_of(post(&sec, "/compliance/antivirus", "action=other&page=1")), 400);
	cr_expect_eq(code_of(post(&sec, "/compliance/antivirus", "action=recheck&page=0")), 400);
	cr_expect_eq(code_of(post(&sec, "/compliance/antivirus", "action=recheck&page=1&unit=zeimu")), 404);
	cr_expect_eq(orders(0) + orders(1), 0);
	f = post(&sec, "/compliance/antivirus", "action=recheck&page=1&state=non-compliant");
	cr_expect_eq(f->code, 303);
	cr_expect_str_eq(fake_out(f, "Location"), "/compliance/antivirus?unit=soumu&state=non-compliant&done=recheck");
	fake_free(f);
	cr_expect_eq(orders(0), 1);
	cr_expect_eq(orders(1), 0, "another section's");
	cr_expect_eq(code_of(post(&sec, "/compliance/antivirus", "action=recheck&page=1")), 303);
	cr_expect_eq(orders(0), 1, "one is on its way already");
	f = get(&sec, "/compliance/antivirus?done=recheck");
	cr_expect(shows(f, "The order to check was given"));
	fake_free(f);
}

Test(console_compliance, recheck_one)
{
	struct person desk = login("desk"), aud = login("aud");
	struct fake *f;
	char url[96];

	snprintf(url, sizeof(url), "/terminals/%s", terminal[0]);
	f = get(&aud, url);
	cr_expect(!shows(f, "Recheck now"));
	fake_free(f);
	f = get(&desk, url);
	cr_expect(shows(f, "Recheck now"));
	fake_free(f);
	cr_expect_eq(code_of(post(&desk, url, "action=add&kind=check&reason=%E5%86%8D")), 303);
	cr_expect_eq(orders(0), 1);
}
