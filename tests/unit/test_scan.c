/* The policy's [scan] section and what the scanner's words mean. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "policy/policy.h"

static char message[512];

static struct sk_policy *with(const char *lines)
{
	char text[2048];
	struct sk_policy *p = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)snprintf(text, sizeof(text),
	               "[policy]\nname = t\nversion = 1\nzone = internet\nmode = enforce\ndefault = deny\n"
	               "[rule hubs]\nkind = hub\naction = allow\n[scan]\n%s",
	               lines);
	if (sk_policy_parse("t.ini", text, strlen(text), &p, &err) < 0)
		p = NULL;
	sk_text_copy(message, sizeof(message), err.text);
	return p;
}

Test(scan, nothing_said_means_no_scan)
{
	struct sk_policy *p = with("");

	cr_assert_not_null(p);
	cr_expect(!p->scan.before_use && !p->scan.unscannable_ro);
	cr_expect_str_eq(p->scan.socket, "/run/clamav/clamd.ctl");
	sk_policy_free(p);
}

Test(scan, every_key_is_read)
{
	struct sk_policy *p = with("before_use = yes\nsocket = /run/x\ntime_limit = 90s\nfile_limit = 2G\n"
	                           "total_limit = 1T\nunscannable = allow-read-only\n");

	cr_assert_not_null(p, "%s", message);
	cr_expect(p->scan.before_use && p->scan.unscannable_ro);
	cr_expect_str_eq(p->scan.socket, "/run/x");
	cr_expect_eq(p->scan.time_limit_s, 90);
	cr_expect_eq(p->scan.file_limit, 2LL << 30);
	cr_expect_eq(p->scan.total_limit, 1LL << 40);
	sk_policy_free(p);
}

Test(scan, what_is_wrong_is_named_with_its_line)
{
	static const char *const wrong[] = {"before_use = maybe\n", "socket = clamd\n",    "time_limit = 1s\n",
	                                    "time_limit = 10\n",    "file_limit = 5G\n",   "file_limit = 0\n",
	                                    "file_limit = -1M\n",   "file_limit = M\n",    "total_limit = 1P\n",
	                                    "total_limit = 1.5G\n", "total_limit = 1 G\n", "unscannable = allow\n",
	                                    "time-limit = 10m\n"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		cr_expect_null(with(wrong[i]), "%s", wrong[i]);
		cr_expect_not_null(strstr(message, "t.ini:11: "), "%s", message);
	}
}

Test(scan, sizes)
{
	int64_t v = 7;

	cr_expect_eq(sk_scan_size("99999999999999999999999T", 0, INT64_MAX, &v), -EINVAL);
	cr_expect_eq(sk_scan_size("9223372036854775807T", 0, INT64_MAX, &v), -EINVAL);
	cr_expect_eq(sk_scan_size("", 0, INT64_MAX, &v), -EINVAL);
	cr_expect_eq(sk_scan_size("K", 0, INT64_MAX, &v), -EINVAL);
	cr_expect_eq(v, 7);
	cr_expect_eq(sk_scan_size("4K", 0, INT64_MAX, &v), 0);
	cr_expect_eq(v, 4096);
	cr_expect_eq(sk_scan_size("4K", 0, 4095, &v), -ERANGE);
}

static enum sk_scan_word word(const char *s, char *signature)
{
	return sk_scan_answer(s, strlen(s) + 1, signature, 80);
}

Test(scan, words_of_the_scanner)
{
	static const struct {
		const char *text;
		enum sk_scan_word word;
	} all[] = {
	    {"stream: OK", SK_SCAN_CLEAN},
	    {"stream: OK\n", SK_SCAN_GARBAGE}, /* a newline and a NUL: two ends */
	    {"stream: Eicar-Test-Signature FOUND", SK_SCAN_FOUND},
	    {"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND", SK_SCAN_BEYOND},
	    {"stream: Heuristics.Encrypted.Zip FOUND", SK_SCAN_ENCRYPTED},
	    {"INSTREAM size limit exceeded. ERROR", SK_SCAN_BEYOND},
	    {"stream: Can't allocate memory ERROR", SK_SCAN_ERROR},
	    {"COMMAND READ TIMED OUT ERROR", SK_SCAN_ERROR},
	    {"", SK_SCAN_GARBAGE},
	    {"OK", SK_SCAN_GARBAGE},
	    {"stream: ", SK_SCAN_GARBAGE},
	    {"stream: OK ", SK_SCAN_GARBAGE},
	    {"stream: not OK", SK_SCAN_GARBAGE},
	    {"stream: ok", SK_SCAN_GARBAGE},
	    {"stream:  FOUND", SK_SCAN_GARBAGE},
	    {"stream: a b FOUND", SK_SCAN_GARBAGE},
	    {"stream: FOUND", SK_SCAN_GARBAGE},
	    {"UNKNOWN COMMAND", SK_SCAN_GARBAGE},
	    {"1: stream: OK", SK_SCAN_GARBAGE},
	};
	char signature[80];

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		cr_expect_eq(word(all[i].text, signature), all[i].word, "%s", all[i].text);
		cr_expect_eq(signature[0] != '\0', all[i].word == SK_SCAN_FOUND);
	}
	cr_expect_eq(sk_scan_answer("stream: OK\0stream: OK", 21, signature, 80), SK_SCAN_GARBAGE);
	cr_expect_eq(sk_scan_answer("stream: OK", 10, signature, 80), SK_SCAN_CLEAN);
	cr_expect_eq(sk_scan_answer("stream: OK\n", 11, signature, 80), SK_SCAN_CLEAN);
	cr_expect_eq(sk_scan_answer("", 0, signature, 80), SK_SCAN_GARBAGE);
	cr_expect_eq(word("stream: \x1b[2J FOUND", signature), SK_SCAN_GARBAGE);
	cr_expect_eq(word("stream: \xe2\x80\xae"
	                  "x FOUND",
	                  signature),
	             SK_SCAN_FOUND);
	cr_expect_str_eq(signature, "\\xe2\\x80\\xaex");
}

Test(scan, only_clean_opens)
{
	struct sk_scan_params p;

	sk_scan_params_default(&p);
	cr_expect_eq(sk_scan_leave(&p, SK_SCAN_IS_CLEAN), SK_SCAN_OPEN);
	for (int r = SK_SCAN_IS_INFECTED; r <= SK_SCAN_IS_UNDONE; r++)
		cr_expect_eq(sk_scan_leave(&p, (enum sk_scan_result)r), SK_SCAN_SHUT);
	p.unscannable_ro = true;
	cr_expect_eq(sk_scan_leave(&p, SK_SCAN_IS_PARTLY), SK_SCAN_OPEN_RO);
	cr_expect_eq(sk_scan_leave(&p, SK_SCAN_IS_UNDONE), SK_SCAN_SHUT);
	cr_expect_eq(sk_scan_leave(&p, SK_SCAN_IS_INFECTED), SK_SCAN_SHUT);
}

Test(scan, names)
{
	enum sk_scan_result r;

	for (int i = SK_SCAN_IS_CLEAN; i <= SK_SCAN_IS_UNDONE; i++) {
		cr_assert_eq(sk_scan_result_parse(sk_scan_result_name((enum sk_scan_result)i), &r), 0);
		cr_expect_eq((int)r, i);
	}
	cr_expect_eq(sk_scan_result_parse("", &r), -EINVAL);
	cr_expect_eq(sk_scan_result_parse(NULL, &r), -EINVAL);
	cr_expect_null(sk_scan_why("none such"));
	cr_expect_null(sk_scan_why(NULL));
	cr_expect_not_null(sk_scan_why("absent"));
}
