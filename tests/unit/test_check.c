/* The checks' verdicts: at least a pass, a fail and an unknown for each, and the traps that are known from the field. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/i18n.h"
#include "policy/check.h"

#define NOW 1800000000000LL

static enum sk_state judge(const char *id, const char *facts_text)
{
	struct sk_check_params p;
	enum sk_state state = SK_STATE_ERROR;
	json_error_t e;
	json_t *facts = facts_text ? json_loads(facts_text, 0, &e) : NULL;

	cr_assert(!facts_text || facts, "bad test data: %s", facts_text);
	sk_check_params_default(&p);
	json_t *result = sk_check_evaluate(sk_check_find(id), &p, facts, NOW);
	cr_assert_not_null(result);
	cr_assert_eq(sk_state_parse(json_string_value(json_object_get(result, "state")), &state), 0);
	cr_assert_gt(json_array_size(json_object_get(result, "detail")), 0, "a verdict without a reason");
	cr_assert_str_eq(json_string_value(json_object_get(result, "id")), id);
	json_decref(result);
	json_decref(facts);
	return state;
}

Test(check, every_check_has_its_texts)
{
	size_t n;
	const struct sk_check *all = sk_checks(&n);

	cr_assert_eq(n, 3);
	for (size_t i = 0; i < n; i++)
		cr_assert(all[i].id && all[i].row && all[i].clause && all[i].title && all[i].explanation &&
		          all[i].remediation && all[i].judge);
	cr_assert_null(sk_check_find("no-such"));
	cr_assert_null(sk_check_find(NULL));
}

Test(check, a_probe_that_fails_is_unknown)
{
	const char *ids[] = {"screen-lock", "disk-encryption", "antivirus"};

	for (int i = 0; i < 3; i++) {
		cr_expect_eq(judge(ids[i], NULL), SK_STATE_UNKNOWN);
		cr_expect_eq(judge(ids[i], "{\"error\":\"timeout\"}"), SK_STATE_UNKNOWN);
		cr_expect_eq(judge(ids[i], "[]"), SK_STATE_UNKNOWN);
	}
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
	cr_expect_eq(judge("screen-lock", GNOME("300", "0", "true", LOCKS, "")), SK_STATE_COMPLIANT);
	cr_expect_eq(judge("screen-lock", GNOME("0", "0", "true", LOCKS, "")), SK_STATE_NON_COMPLIANT,
	             "idle-delay 0 is never");
	cr_expect_eq(judge("screen-lock", GNOME("500", "200", "true", LOCKS, "")), SK_STATE_NON_COMPLIANT,
	             "idle + delay count together");
	cr_expect_eq(judge("screen-lock", GNOME("300", "0", "false", LOCKS, "")), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge("screen-lock", GNOME("300", "0", "true", "\"locked_keys\":[]", "")), SK_STATE_NON_COMPLIANT,
	             "the user could change it");
	cr_expect_eq(judge("screen-lock", GNOME("null", "0", "null", LOCKS, "")), SK_STATE_UNKNOWN);
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
	                     "[check antivirus]\nsocket = run/x\n",
	                     "[check screen-lock]\nenforce = maybe\n",
	                     "[check screen-lock]\nidle_limit = 1s\n",
	                     "[check disk-encryption]\nnope = yes\n"};
	const char good[] =
	    "[check screen-lock]\nidle_limit = 5m\nenforce = no\n[check antivirus]\nmax_age = 3d\nsocket = /run/x\n";

	sk_check_params_default(&p);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct sk_check_params before = p;
		cr_assert_eq(sk_ini_parse("p.ini", bad[i], strlen(bad[i]), &ini, &err), 0, "%s", err.text);
		cr_expect_lt(sk_check_params_read(ini, &p, &err), 0, "%s", bad[i]);
		cr_expect_eq(strncmp(err.text, "p.ini:", 6), 0, "%s", err.text);
		cr_expect_eq(memcmp(&before, &p, sizeof(p)), 0, "outputs untouched on failure");
		ini = sk_ini_free(ini);
	}
	cr_assert_eq(sk_ini_parse("p.ini", good, strlen(good), &ini, &err), 0);
	cr_assert_eq(sk_check_params_read(ini, &p, &err), 0, "%s", err.text);
	cr_expect_eq(p.screen_idle_s, 300);
	cr_expect(!p.screen_enforce);
	cr_expect_eq(p.av_max_age_s, 3 * 86400);
	cr_expect_str_eq(p.av_socket, "/run/x");
	sk_ini_free(ini);
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
