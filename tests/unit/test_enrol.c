/* Enrolment's pure half: tokens as people type them, and a server's answer read with distrust. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/enrol.h"
#include "common/bundle.h"
#include "common/json.h"
#include "common/x509.h"

#define DEVICE "0e0f7a52-6a5c-4f3e-9a58-1a6f5a3d9b01"
#define HEX    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define GOOD   "SK1-0123456789ABCDEFGHJKMNPQRS-" HEX
#define DAY    (86400 * 1000LL)

Test(enrol, token_in_its_one_spelling)
{
	static const char *const SAME[] = {
	    GOOD,
	    "sk1-0123456789abcdefghjkmnpqrs-" HEX,
	    " \t" GOOD "\r\n",
	    "Sk1-O123456789ABCDEFGHJKMNPQRS-" HEX,
	    "SK1-0I23456789ABCDEFGHJKMNPQRS-" HEX,
	    "SK1-0l23456789ABCDEFGHJKMNPQRS-" HEX,
	    "SK1-0123456789ABCDEFGHJKMNPQRS-0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789ABCDEF",
	};

	for (size_t i = 0; i < sizeof(SAME) / sizeof(SAME[0]); i++) {
		struct sk_token t;

		cr_assert_eq(sk_token_parse(SAME[i], &t), 0, "%s", SAME[i]);
		cr_assert_str_eq(t.text, GOOD);
		cr_assert_str_eq(t.root, HEX);
	}
}

Test(enrol, token_refused)
{
	struct sk_token t = {.text = "before"};
	char text[] = GOOD;

	for (size_t i = 0; i < strlen(GOOD); i++) { /* a wrong character anywhere */
		memcpy(text, GOOD, sizeof(text));
		text[i] = '!';
		cr_assert_eq(sk_token_parse(text, &t), -EINVAL, "%s", text);
		text[i] = '\x80';
		cr_assert_eq(sk_token_parse(text, &t), -EINVAL);
		memcpy(text, GOOD, sizeof(text));
		text[i] = '\0'; /* and every length below */
		cr_assert_eq(sk_token_parse(text, &t), -EINVAL);
	}
	cr_assert_eq(sk_token_parse(GOOD "0", &t), -EINVAL);
	cr_assert_eq(sk_token_parse("SK1-U123456789ABCDEFGHJKMNPQRS-" HEX, &t), -EINVAL, "U is no digit of it");
	cr_assert_str_eq(t.text, "before");
}

static struct sk_buf ca_key, ca, key, verify_key;
static struct sk_token token;
static sk_ms now;
static json_t *answer_doc;

static void setup(void)
{
	struct sk_buf csr, cert;
	struct sk_x509_info info;
	struct sk_sign_key *sign = NULL;
	struct sk_buf *const all[] = {&ca_key, &ca, &key, &verify_key, &csr, &cert};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		sk_buf_init(all[i], 16384);
	now = sk_clock_wall();
	cr_assert_eq(sk_x509_key_generate(&ca_key), 0);
	cr_assert_eq(sk_x509_ca(ca_key.data, "Test", now - 20 * DAY, now + 900 * DAY, &ca, NULL), 0);
	cr_assert_eq(sk_x509_key_generate(&key), 0);
	cr_assert_eq(sk_x509_csr(key.data, DEVICE, &csr, NULL), 0);
	cr_assert_eq(
	    sk_x509_issue_device(ca.data, ca_key.data, csr.data, DEVICE, now - DAY, now + 89 * DAY, &cert, NULL), 0);
	cr_assert_eq(sk_sign_key_generate(&sign), 0);
	cr_assert_eq(sk_sign_key_public_pem(sign, &verify_key), 0);
	sk_sign_key_free(sign);
	cr_assert_eq(sk_x509_info(ca.data, ca.len, &info, NULL), 0);
	cr_assert_eq(sk_token_parse(GOOD, &token), 0);
	memcpy(token.root, info.fingerprint, sizeof(token.root));
	answer_doc = json_pack("{s:s,s:s,s:s,s:s,s:s,s:I}", "device_id", DEVICE, "certificate", cert.data, "ca",
	                       ca.data, "verify_key", verify_key.data, "agents_url", "https://server:8443",
	                       "server_time", (json_int_t)now);
	cr_assert_not_null(answer_doc);
	sk_buf_deinit(&csr);
	sk_buf_deinit(&cert);
}

static void teardown(void)
{
	json_decref(answer_doc);
	sk_buf_deinit(&ca_key);
	sk_buf_deinit(&ca);
	sk_buf_deinit(&key);
	sk_buf_deinit(&verify_key);
}

static enum sk_enrol_result read_at(sk_ms at, struct sk_enrolment *e, struct sk_err *err)
{
	char *text = sk_json_text(answer_doc);
	struct sk_http_answer a = {.status = 200, .type = "application/json", .body = text, .len = strlen(text)};
	enum sk_enrol_result r = sk_enrol_read(&a, &token, key.data, at, e, err);

	free(text);
	return r;
}

Test(enrol, a_good_answer, .init = setup, .fini = teardown)
{
	struct sk_enrolment e = {.verify_key = NULL};

	cr_assert_eq(read_at(now, &e, NULL), SK_ENROL_OK);
	cr_assert_str_eq(e.id.device, DEVICE);
	cr_assert_str_eq(e.id.server.text, "https://server:8443");
	cr_assert_str_eq(e.id.ca, ca.data);
	cr_assert_str_eq(e.verify_key, verify_key.data);
	cr_assert_null(e.id.key);
	sk_enrolment_clear(&e);
	sk_enrolment_clear(&e);
}

Test(enrol, a_field_that_is_wrong_spoils_all, .init = setup, .fini = teardown)
{
	static const char *const FIELDS[] = {"device_id",  "certificate", "ca",
	                                     "verify_key", "agents_url",  "server_time"};
	static const char *const WRONG[] = {"null", "5.5", "true", "[]", "{}", "\"\"", "\"x\"", "-1"};
	struct sk_enrolment e = {.verify_key = NULL};

	for (size_t i = 0; i < sizeof(FIELDS) / sizeof(FIELDS[0]); i++) {
		json_t *kept = json_incref(json_object_get(answer_doc, FIELDS[i]));

		for (size_t w = 0; w <= sizeof(WRONG) / sizeof(WRONG[0]); w++) {
			struct sk_err err = SK_ERR_INIT;

			if (w == sizeof(WRONG) / sizeof(WRONG[0]))
				(void)json_object_del(answer_doc, FIELDS[i]);
			else
				(void)json_object_set_new(answer_doc, FIELDS[i],
				                          json_loads(WRONG[w], JSON_DECODE_ANY, NULL));
			cr_assert_eq(read_at(now, &e, &err), SK_ENROL_BAD_ANSWER, "%s %zu", FIELDS[i], w);
			cr_assert_neq(err.text[0], '\0');
			cr_assert_null(e.verify_key);
		}
		(void)json_object_set_new(answer_doc, FIELDS[i], kept);
	}
	cr_assert_eq(read_at(now, &e, NULL), SK_ENROL_OK, "the test itself put everything back");
	sk_enrolment_clear(&e);
}

Test(enrol, things_that_belong_to_another, .init = setup, .fini = teardown)
{
	struct sk_enrolment e = {.verify_key = NULL};
	struct sk_buf k, csr, cert;

	sk_buf_init(&k, 16384);
	sk_buf_init(&csr, 16384);
	sk_buf_init(&cert, 16384);
	cr_assert_eq(sk_x509_key_generate(&k), 0);
	cr_assert_eq(sk_x509_csr(k.data, DEVICE, &csr, NULL), 0);
	cr_assert_eq(sk_x509_issue_device(ca.data, ca_key.data, csr.data, DEVICE, now - DAY, now + DAY, &cert, NULL),
	             0);
	(void)json_object_set_new(answer_doc, "certificate", json_string(cert.data));
	cr_assert_eq(read_at(now, &e, NULL), SK_ENROL_BAD_ANSWER, "a certificate for another key");
	sk_buf_reset(&csr);
	sk_buf_reset(&cert);
	cr_assert_eq(sk_x509_csr(key.data, DEVICE, &csr, NULL), 0);
	cr_assert_eq(
	    sk_x509_issue_device(ca.data, ca_key.data, csr.data, DEVICE, now - 9 * DAY, now - 8 * DAY, &cert, NULL), 0);
	(void)json_object_set_new(answer_doc, "certificate", json_string(cert.data));
	cr_assert_eq(read_at(now, &e, NULL), SK_ENROL_BAD_ANSWER, "an expired one");
	token.root[0] = token.root[0] == '0' ? '1' : '0';
	cr_assert_eq(read_at(now, &e, NULL), SK_ENROL_BAD_ANSWER, "a CA that the token does not name");
	sk_buf_deinit(&k);
	sk_buf_deinit(&csr);
	sk_buf_deinit(&cert);
}

Test(enrol, a_clock_that_is_off_is_said, .init = setup, .fini = teardown)
{
	struct sk_enrolment e = {.verify_key = NULL};
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(read_at(now - 400 * DAY, &e, &err), SK_ENROL_CLOCK);
	cr_assert_not_null(strstr(err.text, "clock"));
	cr_assert_eq(read_at(now + 400 * DAY, &e, NULL), SK_ENROL_CLOCK);
	cr_assert_eq(read_at(now + DAY, &e, NULL), SK_ENROL_OK, "a day off does not keep it from working");
	sk_enrolment_clear(&e);
}

Test(enrol, refusals_by_code)
{
	static const struct {
		int status;
		const char *type, *body;
		bool untrusted;
		enum sk_enrol_result want;
	} CASES[] = {
	    {403, "application/json", "{\"error\":\"token-unknown\",\"text\":\"x\"}", false, SK_ENROL_TOKEN_UNKNOWN},
	    {403, "application/json", "{\"error\":\"token-used\",\"text\":\"x\"}", false, SK_ENROL_TOKEN_USED},
	    {403, "application/json", "{\"error\":\"token-expired\",\"text\":\"x\"}", false, SK_ENROL_TOKEN_EXPIRED},
	    {403, "application/json", "{\"error\":\"token-other-host\",\"text\":\"x\"}", false,
	     SK_ENROL_TOKEN_OTHER_HOST},
	    {403, "application/json", "{\"error\":\"else\",\"text\":\"x\"}", false, SK_ENROL_REFUSED},
	    {403, "text/html", "<p>", false, SK_ENROL_REFUSED},
	    {400, "application/json", "{\"error\":\"bad-request\",\"text\":\"x\"}", false, SK_ENROL_REFUSED},
	    {404, "text/html", "", false, SK_ENROL_BAD_ANSWER},
	    {204, NULL, "", false, SK_ENROL_BAD_ANSWER},
	    {200, "application/json", "[]", false, SK_ENROL_BAD_ANSWER},
	    {503, NULL, "", false, SK_ENROL_BUSY},
	    {429, NULL, "", false, SK_ENROL_BUSY},
	    {0, NULL, "", false, SK_ENROL_UNREACHABLE},
	    {0, NULL, "", true, SK_ENROL_NOT_TRUSTED},
	};
	struct sk_token t;

	cr_assert_eq(sk_token_parse(GOOD, &t), 0);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct sk_http_answer a = {.status = CASES[i].status,
		                           .type = CASES[i].type,
		                           .body = CASES[i].body,
		                           .len = strlen(CASES[i].body),
		                           .untrusted = CASES[i].untrusted,
		                           .problem = "no"};
		struct sk_enrolment e = {.verify_key = NULL};

		cr_assert_eq(sk_enrol_read(&a, &t, "", 0, &e, NULL), CASES[i].want, "case %zu", i);
	}
}

Test(enrol, every_result_has_code_and_text)
{
	for (int r = 0; r < SK_ENROL_RESULTS; r++) {
		cr_assert_not_null(sk_enrol_code(r));
		cr_assert_gt(strlen(sk_enrol_text(r, SK_LANG_EN)), 10);
	}
}
