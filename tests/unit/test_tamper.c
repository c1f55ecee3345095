/* What one run tells of the one before. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "policy/tamper.h"

static const struct sk_run base = {"0.4.0", "boot-a", "aaaa", true};

static unsigned judge(const char *version, const char *boot, const char *program, bool clean)
{
	struct sk_run before = base, now = base;

	before.clean = clean;
	strcpy(now.version, version);
	strcpy(now.boot, boot);
	strcpy(now.program, program);
	return sk_tamper_judge(&before, &now);
}

Test(tamper, each_change_by_itself)
{
	cr_expect_eq(sk_tamper_judge(NULL, &base), 0, "the first run has nothing to be held against");
	cr_expect_eq(judge("0.4.0", "boot-a", "aaaa", true), 0);
	cr_expect_eq(judge("0.4.0", "boot-b", "aaaa", true), 0, "rebooted in order");
	cr_expect_eq(judge("0.4.0", "boot-a", "aaaa", false), SK_TAMPER_UNCLEAN);
	cr_expect_eq(judge("0.4.0", "boot-b", "aaaa", false), SK_TAMPER_POWER);
	cr_expect_eq(judge("0.3.9", "boot-a", "bbbb", true), SK_TAMPER_DOWNGRADED);
	cr_expect_eq(judge("0.10.0", "boot-a", "bbbb", true), SK_TAMPER_UPGRADED);
	cr_expect_eq(judge("0.4.0", "boot-a", "bbbb", true), SK_TAMPER_REPLACED);
	cr_expect_eq(judge("0.4.0", "boot-a", "", true), 0, "unknown is no change");
	cr_expect_eq(judge("0.4.0", "boot-a", "bbbb", false), SK_TAMPER_REPLACED | SK_TAMPER_UNCLEAN);
}

Test(tamper, versions)
{
	cr_expect_lt(sk_version_compare("0.9", "0.10"), 0);
	cr_expect_eq(sk_version_compare("1.0", "1.0.0"), 0);
	cr_expect_gt(sk_version_compare("1.0.1", "1.0"), 0);
	cr_expect_eq(sk_version_compare("", ""), 0);
	cr_expect_eq(sk_version_compare("x.y", "0"), 0);
	cr_expect_eq(sk_version_compare("...", "0.0.0.0"), 0);
}

Test(tamper, a_note_comes_back_and_a_hostile_one_does_not)
{
	json_t *o = sk_run_json(&base);
	char *text = sk_json_text(o), longer[400];
	struct sk_run r = {.version = "kept"};

	cr_assert_eq(sk_run_parse(text, strlen(text), &r), 0);
	cr_expect_str_eq(r.version, "0.4.0");
	cr_expect(r.clean);
	free(text);
	json_decref(o);
	snprintf(longer, sizeof longer, "{\"version\":\"%0100d\",\"boot\":\"\",\"program\":\"\",\"clean\":true}", 1);
	cr_expect_eq(sk_run_parse(longer, strlen(longer), &r), -EINVAL);
	cr_expect_eq(sk_run_parse("", 0, &r), -EINVAL);
	cr_expect_eq(sk_run_parse("[]", 2, &r), -EINVAL);
	cr_expect_str_eq(r.version, "0.4.0", "untouched");
}
