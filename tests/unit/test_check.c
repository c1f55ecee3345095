/* The checks' verdicts: at least a pass, a fail and an unknown for each, and the traps that are known from the field. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/i18n.h"
#include "policy/check.h"
#include "tests/unit/check_help.h"

Test(check, every_check_has_its_texts)
{
	size_t n;
	const struct sk_check *all = sk_checks(&n);

	cr_assert_geq(n, 3);
	for (size_t i = 0; i < n; i++) {
		cr_assert(all[i].id && all[i].row && all[i].clause && all[i].title && all[i].explanation &&
		          all[i].remediation && all[i].judge);
		cr_assert_leq(all[i].n_params, SK_CHECK_PARAMS);
		cr_expect_eq(judge(all[i].id, NULL), SK_STATE_UNKNOWN, "%s", all[i].id);
		cr_expect_eq(judge(all[i].id, "{\"error\":\"timeout\"}"), SK_STATE_UNKNOWN, "%s", all[i].id);
		cr_expect_eq(judge(all[i].id, "[]"), SK_STATE_UNKNOWN, "%s", all[i].id);
		cr_expect_neq(judge(all[i].id, "{}"), SK_STATE_COMPLIANT, "%s: no facts are no pass", all[i].id);
	}
	cr_assert_null(sk_check_find("no-such"));
	cr_assert_null(sk_check_find(NULL));
}

Test(check, disk)
{
	cr_expect_eq(
	    judge(
	        "disk-encryption",
	        "{\"volumes\":[{\"use\":\"/\",\"kind\":\"mount\",\"encrypted\":true,\"cipher\":\"aes-xts-plain64\"}]}"),
	    SK_STATE_COMPLIANT);
	cr_expect_eq(judge("disk-encryption", "{\"volumes\":[{\"use\":\"/\",\"kind\":\"mount\",\"encrypted\":false}]}"),
	             SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge("disk-encryption", "{\"volumes\":[{\"use\":\"/\",\"kind\":\"mount\",\"encrypted\":null}]}"),
	             SK_STATE_UNKNOWN);
	cr_expect_eq(judge("disk-encryption", "{\"volumes\":[]}"), SK_STATE_UNKNOWN, "nothing examined is not a pass");
	cr_expect_eq(judge("disk-encryption", "{}"), SK_STATE_UNKNOWN);
	cr_expect_eq(
	    judge("disk-encryption",
	          "{\"volumes\":[{\"use\":\"/\",\"kind\":\"mount\",\"encrypted\":true,\"cipher\":\"aes-ecb\"}]}"),
	    SK_STATE_NON_COMPLIANT);
	/* one plain volume among encrypted ones; one unknown does not hide it */
	cr_expect_eq(
	    judge("disk-encryption",
	          "{\"volumes\":[{\"use\":\"/\",\"kind\":\"mount\",\"encrypted\":true,\"cipher\":\"aes-xts-plain64\"},"
	          "{\"use\":\"/a\",\"kind\":\"mount\",\"encrypted\":false},{\"use\":\"/"
	          "b\",\"kind\":\"mount\",\"encrypted\":null}]}"),
	    SK_STATE_NON_COMPLIANT);
	/* the boot partition is shown, not judged; plain swap is */
	cr_expect_eq(
	    judge("disk-encryption",
	          "{\"volumes\":[{\"use\":\"/\",\"kind\":\"mount\",\"encrypted\":true,\"cipher\":\"aes-xts-plain64\"},"
	          "{\"use\":\"/boot\",\"kind\":\"boot\",\"encrypted\":false}]}"),
	    SK_STATE_COMPLIANT);
	cr_expect_eq(
	    judge("disk-encryption",
	          "{\"volumes\":[{\"use\":\"/\",\"kind\":\"mount\",\"encrypted\":true,\"cipher\":\"aes-xts-plain64\"},"
	          "{\"use\":\"swap\",\"kind\":\"swap\",\"encrypted\":false}]}"),
	    SK_STATE_NON_COMPLIANT);
}

Test(check, antivirus)
{
	const char *good =
	    "{\"resident\":true,\"version\":\"ClamAV 1.4\",\"self_test\":\"found\",\"signatures_ms\":1799900000000}";

	cr_expect_eq(judge("antivirus", good), SK_STATE_COMPLIANT);
	cr_expect_eq(judge("antivirus", "{\"resident\":true,\"self_test\":\"found\",\"signatures_ms\":1799000000000}"),
	             SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge("antivirus", "{\"resident\":true,\"self_test\":\"missed\",\"signatures_ms\":1799900000000}"),
	             SK_STATE_NON_COMPLIANT, "running and finding nothing protects nobody");
	cr_expect_eq(judge("antivirus", "{\"resident\":true,\"self_test\":\"found\",\"signatures_ms\":null}"),
	             SK_STATE_UNKNOWN);
	cr_expect_eq(judge("antivirus", "{\"resident\":true,\"self_test\":\"found\",\"signatures_ms\":1900000000000}"),
	             SK_STATE_UNKNOWN);
	cr_expect_eq(judge("antivirus", "{\"resident\":true,\"self_test\":\"failed\",\"signatures_ms\":1799900000000}"),
	             SK_STATE_UNKNOWN);
	cr_expect_eq(judge("antivirus", "{\"resident\":false,\"problem\":\"No such file\"}"), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge("antivirus", "{\"resident\":null,\"problem\":\"timeout\"}"), SK_STATE_UNKNOWN);
}

#define LOCKS \
	"\"locked_keys\":[\"/org/gnome/desktop/session/idle-delay\",\"/org/gnome/desktop/screensaver/lock-enabled\"," \
	"\"/org/gnome/desktop/screensaver/lock-delay\"]"
#define GNOME(idle, delay, on, keys, live) \
	"{\"desktop_installed\":true,\"text_limit_s\":600,\"mandatory\":{" keys \
	"},\"sessions\":[{\"user\":\"clerk\",\"type\":\"wayland\"," \
	"\"desktop\":\"GNOME\"," live "\"effective\":{\"idle_delay\":" idle ",\"lock_delay\":" delay \
	",\"lock_enabled\":" on "}}]}"

Test(check, screen)
{
	cr_expect_eq(judge("screen-lock", GNOME("300", "0", "true", LOCKS, "\"locked\":false,")), SK_STATE_COMPLIANT);
	cr_expect_eq(judge("screen-lock", GNOME("0", "0", "true", LOCKS, "\"locked\":false,")), SK_STATE_NON_COMPLIANT,
	             "idle-delay 0 is never");
	cr_expect_eq(judge("screen-lock", GNOME("500", "200", "true", LOCKS, "\"locked\":false,")),
	             SK_STATE_NON_COMPLIANT, "idle + delay count together");
	cr_expect_eq(judge("screen-lock", GNOME("300", "0", "false", LOCKS, "\"locked\":false,")),
	             SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge("screen-lock", GNOME("300", "0", "true", "\"locked_keys\":[]", "\"locked\":false,")),
	             SK_STATE_NON_COMPLIANT, "the user could change it");
	cr_expect_eq(judge("screen-lock", GNOME("300", "0", "true", LOCKS, "\"locked\":null,")), SK_STATE_UNKNOWN,
	             "logind does not say");
	cr_expect_eq(judge("screen-lock", GNOME("null", "0", "null", LOCKS, "\"locked\":false,")), SK_STATE_UNKNOWN);
	cr_expect_eq(judge("screen-lock", GNOME("300", "0", "true", LOCKS, "\"idle_s\":900,\"locked\":false,")),
	             SK_STATE_NON_COMPLIANT, "the live state contradicts the policy");
	cr_expect_eq(judge("screen-lock", GNOME("300", "0", "true", LOCKS, "\"idle_s\":900,\"locked\":true,")),
	             SK_STATE_COMPLIANT);
	cr_expect_eq(judge("screen-lock", "{\"sessions\":[{\"user\":\"clerk\",\"type\":\"x11\",\"desktop\":\"KDE\"}]}"),
	             SK_STATE_UNKNOWN);
	cr_expect_eq(
	    judge("screen-lock", "{\"text_limit_s\":600,\"sessions\":[{\"user\":\"clerk\",\"type\":\"tty\"}]}"),
	    SK_STATE_COMPLIANT);
	cr_expect_eq(
	    judge("screen-lock", "{\"text_limit_s\":null,\"sessions\":[{\"user\":\"clerk\",\"type\":\"tty\"}]}"),
	    SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge("screen-lock", "{\"text_limit_s\":3600,\"sessions\":[]}"), SK_STATE_NON_COMPLIANT);
}

Test(check, parameters_are_read_strictly)
{
	struct sk_check_params p;
	struct sk_err err = SK_ERR_INIT;
	struct sk_ini *ini = NULL;
	const char *bad[] = {"[check no-such]\na = b\n",
	                     "[check antivirus]\nmax_age = 7\n",
	                     "[check antivirus]\nmax_age = 3d\nsocket = run/x\n",
	                     "[check antivirus]\napplies = perhaps\n",
	                     "[check antivirus]\ngrace = 400d\n",
	                     "[check screen-lock]\nenforce = maybe\n",
	                     "[check screen-lock]\nidle_limit = 1s\n",
	                     "[check disk-encryption]\nnope = yes\n"};
	const char good[] =
	    "[check screen-lock]\nidle_limit = 5m\nenforce = no\n[check antivirus]\nmax_age = 3d\nsocket = /run/x\n";

	sk_check_params_default(&p);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		cr_assert_eq(sk_ini_parse("p.ini", bad[i], strlen(bad[i]), &ini, &err), 0, "%s", err.text);
		cr_expect_lt(sk_check_params_read(ini, &p, &err), 0, "%s", bad[i]);
		cr_expect_eq(strncmp(err.text, "p.ini:", 6), 0, "%s", err.text);
		cr_expect_eq(sk_check_param(&p, "antivirus", "max_age")->n, 7 * 86400, "outputs untouched on failure");
		cr_expect_str_eq(sk_check_param(&p, "antivirus", "socket")->text, "/run/clamav/clamd.ctl");
		ini = sk_ini_free(ini);
	}
	cr_assert_eq(sk_ini_parse("p.ini", good, strlen(good), &ini, &err), 0);
	cr_assert_eq(sk_check_params_read(ini, &p, &err), 0, "%s", err.text);
	cr_expect_eq(sk_check_param(&p, "screen-lock", "idle_limit")->n, 300);
	cr_expect_eq(sk_check_param(&p, "screen-lock", "enforce")->n, 0);
	cr_expect_eq(sk_check_param(&p, "antivirus", "max_age")->n, 3 * 86400);
	cr_expect_str_eq(sk_check_param(&p, "antivirus", "socket")->text, "/run/x");
	cr_expect_eq(sk_check_param(&p, "disk-encryption", "swap")->n, 1, "what is not said keeps its value");
	sk_ini_free(ini);
	sk_check_params_clear(&p);
}

#define DAY 86400000LL

Test(check, grace_counts_from_the_first_finding)
{
	const struct sk_check *c = sk_check_find("disk-encryption");
	const char *states[] = {"in-grace", "in-grace", "unknown", "non-compliant", "compliant", "in-grace"};
	const char *texts[] = {"{\"volumes\":[{\"use\":\"/\",\"kind\":\"mount\",\"encrypted\":false}]}",
	                       "{\"volumes\":[{\"use\":\"/\",\"kind\":\"mount\",\"encrypted\":false}]}",
	                       "{\"volumes\":[]}",
	                       "{\"volumes\":[{\"use\":\"/\",\"kind\":\"mount\",\"encrypted\":false}]}",
	                       "{\"volumes\":[{\"use\":\"/\",\"kind\":\"mount\",\"encrypted\":true}]}",
	                       "{\"volumes\":[{\"use\":\"/\",\"kind\":\"mount\",\"encrypted\":false}]}"};
	const long long after[] = {0, 6 * DAY, 6 * DAY + 1, 7 * DAY, 8 * DAY, 9 * DAY};
	struct sk_check_params p;
	long long since = 0;

	cr_assert_eq(sk_check_params_default(&p), 0);
	struct sk_check_set *set = (struct sk_check_set *)sk_check_set_of(&p, c);
	set->grace_s = 7 * 86400;
	for (int i = 0; i < 6; i++) {
		json_t *facts = json_loads(texts[i], 0, NULL);
		json_t *r = sk_check_evaluate(c, set, facts, NOW + after[i], &since);
		cr_expect_str_eq(json_string_value(json_object_get(r, "state")), states[i], "step %d", i);
		json_decref(r);
		json_decref(facts);
	}
	cr_expect_eq(since, NOW + 9 * DAY);
	since = NOW + 100 * DAY; /* the clock stood ahead when it was found */
	json_decref(sk_check_evaluate(c, set, NULL, NOW, &since));
	json_t *facts = json_loads(texts[0], 0, NULL), *r = sk_check_evaluate(c, set, facts, NOW, &since);
	cr_expect_eq(since, NOW, "no grace from the future");
	json_decref(r);
	set->applies = false;
	r = sk_check_evaluate(c, set, facts, NOW, &since);
	cr_expect_str_eq(json_string_value(json_object_get(r, "state")), "not-applicable");
	json_decref(r);
	json_decref(facts);
	sk_check_params_clear(&p);
}

Test(check, a_sentence_puts_arguments_in)
{
	struct sk_buf out;
	json_t *entry = json_pack("{s:s, s:[s, s]}", "text", "a %1 b %2 c %3 100%", "args", "X", "<Y>");

	sk_buf_init(&out, 1000);
	sk_check_sentence(entry, SK_LANG_EN, &out);
	cr_expect_str_eq(out.data, "a X b <Y> c ? 100%");
	sk_buf_reset(&out);
	sk_check_sentence(NULL, SK_LANG_EN, &out);
	cr_expect_str_eq(out.data, "");
	json_decref(entry);
	sk_buf_deinit(&out);
}
