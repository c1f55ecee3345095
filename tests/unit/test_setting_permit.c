/* Permits for a setting: read whole or not at all, in force between their two moments and for their person only. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "policy/setting_permit.h"

static struct sk_setting_permits p;
static struct sk_err err;

static json_t *permit(const char *setting, const char *person, const char *from, const char *until)
{
	return json_pack("{s:i, s:s, s:s, s:s, s:s, s:s}", "number", 7, "setting", setting, "person", person, "from",
	                 from, "until", until, "permitted_by", "税務課長 山");
}

static int parse(json_t *one)
{
	json_t *body = json_pack("{s:[o]}", "settings", one);
	int r = sk_setting_permits_parse(body, &p, &err);

	json_decref(body);
	return r;
}

Test(setting_permit, holds_for_its_person_and_time)
{
	sk_ms from = 1775001600000; /* 2026-04-01T00:00:00Z */
	sk_ms hour = 3600 * 1000;

	cr_assert_eq(parse(permit("screen-lock", "yamada", "2026-04-01T00:00:00Z", "2026-04-01T02:00:00Z")), 0, "%s",
	             err.text);
	cr_expect_null(sk_setting_permit_find(&p, "screen-lock", "yamada", from - 1));
	cr_expect_not_null(sk_setting_permit_find(&p, "screen-lock", "yamada", from));
	cr_expect_not_null(sk_setting_permit_find(&p, "screen-lock", NULL, from));
	cr_expect_null(sk_setting_permit_find(&p, "screen-lock", "suzuki", from));
	cr_expect_null(sk_setting_permit_find(&p, "antivirus", "yamada", from));
	cr_expect_null(sk_setting_permit_find(&p, "screen-lock", "yamada", from + 2 * hour));
	cr_expect_eq(sk_setting_permits_next(&p, from - 1), from);
	cr_expect_eq(sk_setting_permits_next(&p, from), from + 2 * hour);
	cr_expect_eq(sk_setting_permits_next(&p, from + 2 * hour), 0);
}

Test(setting_permit, what_cannot_be_permitted_is_refused_and_nothing_changes)
{
	cr_assert_eq(parse(permit("screen-lock", "a", "2026-04-01T00:00:00Z", "2026-04-02T00:00:00Z")), 0);
	cr_expect_eq(parse(permit("antivirus", "a", "2026-04-01T00:00:00Z", "2026-04-02T00:00:00Z")), -EINVAL);
	cr_expect_eq(parse(permit("screen-lock", "", "2026-04-01T00:00:00Z", "2026-04-02T00:00:00Z")), -EINVAL);
	cr_expect_eq(parse(permit("screen-lock", "a", "2026-04-02T00:00:00Z", "2026-04-02T00:00:00Z")), -EINVAL);
	cr_expect_eq(parse(permit("screen-lock", "a", "2026-04-01T00:00:00Z", "2026-06-01T00:00:00Z")), -EINVAL,
	             "without a near end it is an exception");
	cr_expect_eq(parse(permit("screen-lock", "a", "yesterday", "2026-06-01T00:00:00Z")), -EINVAL);
	cr_expect_eq(parse(json_integer(3)), -EINVAL);
	cr_expect_eq(p.n, 1);
	json_t *none = json_object();
	cr_expect_eq(sk_setting_permits_parse(none, &p, NULL), 0);
	cr_expect_eq(p.n, 0);
	json_decref(none);
	cr_expect_eq(sk_setting_permits_parse(NULL, &p, NULL), 0);
}
