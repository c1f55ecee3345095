/* What terminals send: good forms are read whole, everything else is refused with the field's name. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/message.h"

#define H "0000000000000000000000000000000000000000000000000000000000000000"
#define E(seq, time, kind, body, prev, hash) \
	"{\"seq\":" seq ",\"time\":" time ",\"kind\":" kind ",\"body\":" body ",\"prev\":" prev ",\"hash\":" hash "}"
#define GOOD(seq) E(seq, "1764000000000", "\"a.b-c\"", "\"{\\\"x\\\":1}\"", "\"" H "\"", "\"" H "\"")

static int events(const char *text, size_t *n)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_event *e = NULL;
	int r = sk_msg_events(text, strlen(text), &e, n, &err);

	cr_assert(r == 0 || (e == NULL && err.text[0] != '\0'));
	sk_msg_events_free(e, r == 0 ? *n : 0);
	return r;
}

Test(message, events_round_trip)
{
	static const char text[] = "{\"events\":[" GOOD("1") "," GOOD("3") "]}";
	struct sk_err err = SK_ERR_INIT;
	struct sk_event *e = NULL;
	size_t n = 0;

	cr_assert_eq(sk_msg_events(text, strlen(text), &e, &n, &err), 0, "%s", err.text);
	cr_assert_eq(n, 2);
	cr_assert_eq(e[1].seq, 3);
	cr_assert_eq(e[0].time, 1764000000000);
	cr_assert_str_eq(e[0].kind, "a.b-c");
	cr_assert_str_eq(e[0].body, "{\"x\":1}");
	cr_assert_eq(e[0].body_len, 7);
	cr_assert_str_eq(e[0].hash, H);
	sk_msg_events_free(e, n);
	sk_msg_events_free(NULL, 0);
}

Test(message, events_refused)
{
	static const char *const bad[] = {
	    "",
	    "null",
	    "[]",
	    "{}",
	    "{\"events\":null}",
	    "{\"events\":[]}",
	    "{\"events\":[1]}",
	    "{\"events\":[{}]}",
	    "{\"events\":[" GOOD("1") "," GOOD("1") "]}",
	    "{\"events\":[" GOOD("2") "," GOOD("1") "]}",
	    "{\"events\":[" GOOD("0") "]}",
	    "{\"events\":[" GOOD("-1") "]}",
	    "{\"events\":[" GOOD("1.0") "]}",
	    "{\"events\":[" GOOD("\"1\"") "]}",
	    "{\"events\":[" GOOD("9223372036854775807") "]}",
	    "{\"events\":[" GOOD("92233720368547758079") "]}",
	    "{\"events\":[" E("1", "-1", "\"a\"", "\"{}\"", "\"" H "\"", "\"" H "\"") "]}",
	    "{\"events\":[" E("1", "253402300800000", "\"a\"", "\"{}\"", "\"" H "\"", "\"" H "\"") "]}",
	    "{\"events\":[" E("1", "1", "\"\"", "\"{}\"", "\"" H "\"", "\"" H "\"") "]}",
	    "{\"events\":[" E("1", "1", "\"A\"", "\"{}\"", "\"" H "\"", "\"" H "\"") "]}",
	    "{\"events\":[" E("1", "1", "\"a\\u0000\"", "\"{}\"", "\"" H "\"", "\"" H "\"") "]}",
	    "{\"events\":[" E("1", "1", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"", "\"{}\"", "\"" H "\"",
	                      "\"" H "\"") "]}",
	    "{\"events\":[" E("1", "1", "\"a\"", "{}", "\"" H "\"", "\"" H "\"") "]}",
	    "{\"events\":[" E("1", "1", "\"a\"", "\"\"", "\"" H "\"", "\"" H "\"") "]}",
	    "{\"events\":[" E("1", "1", "\"a\"", "\"[]\"", "\"" H "\"", "\"" H "\"") "]}",
	    "{\"events\":[" E("1", "1", "\"a\"", "\"{} {}\"", "\"" H "\"", "\"" H "\"") "]}",
	    "{\"events\":[" E("1", "1", "\"a\"", "\"{\\\"a\\\":1,\\\"a\\\":2}\"", "\"" H "\"", "\"" H "\"") "]}",
	    "{\"events\":[" E("1", "1", "\"a\"", "\"{}\"", "\"x\"", "\"" H "\"") "]}",
	    "{\"events\":[" E("1", "1", "\"a\"", "\"{}\"", "\"" H "\"", "\"" H "0\"") "]}",
	    "{\"events\":[" E("1", "1", "\"a\"", "\"{}\"", "\"" H "\"", "null") "]}",
	    "{\"events\":[" GOOD("1") "],\"events\":[]}",
	    "{\"events\":[" GOOD("1") "]} x",
	};
	size_t n;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(events(bad[i], &n), -EINVAL, "%s", bad[i]);
}

Test(message, events_bounds)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_event *e = NULL;
	size_t n, size = 2 * 1024 * 1024;
	char *text = malloc(size);

	for (int count = 256; count <= 257; count++) {
		size_t at = (size_t)snprintf(text, size, "{\"events\":[");

		for (int i = 1; i <= count; i++)
			at += (size_t)snprintf(text + at, size - at,
			                       "%s{\"seq\":%d,\"time\":1,\"kind\":\"a\",\"body\":\"{}\",\"prev\":\"" H
			                       "\",\"hash\":\"" H "\"}",
			                       i > 1 ? "," : "", i);
		snprintf(text + at, size - at, "]}");
		cr_assert_eq(events(text, &n), count == 256 ? 0 : -EINVAL);
	}
	memset(text, ' ', size);
	memcpy(text, "{\"events\":[" GOOD("1") "]}", strlen("{\"events\":[" GOOD("1") "]}"));
	cr_assert_eq(sk_msg_events(text, SK_MSG_EVENTS_BODY, &e, &n, &err), 0, "%s", err.text);
	sk_msg_events_free(e, n);
	cr_assert_eq(sk_msg_events(text, SK_MSG_EVENTS_BODY + 1, &e, &n, &err), -EINVAL);
	memset(text, '[', size);
	cr_assert_eq(sk_msg_events(text, 1024 * 1024, &e, &n, &err), -EINVAL, "depth");
	free(text);
}

#define REPORT(posture, devices, more) \
	"{\"version\":\"1\",\"policy\":{},\"clock\":{},\"journal\":{},\"posture\":" posture \
	",\"devices\":" devices more "}"

static int report(const char *text)
{
	struct sk_err err = SK_ERR_INIT;
	json_t *j = NULL;
	int r = sk_msg_report(text, strlen(text), &j, &err);

	cr_assert(r == 0 || (j == NULL && err.text[0] != '\0'));
	json_decref(j);
	return r;
}

static int report_of(const char *devices)
{
	static char text[500000];

	snprintf(text, sizeof(text), "%s%s}",
	         "{\"version\":\"1\",\"policy\":{},\"clock\":{},\"journal\":{},\"posture\":[],\"devices\":", devices);
	return report(text);
}

/* A report that could not be shown on the terminal's page is refused at the edge. */
Test(message, report_is_bounded)
{
	static char devices[400000], one[4000];
	size_t at = 0;

	at += (size_t)snprintf(devices + at, sizeof(devices) - at, "[{\"interfaces\":[");
	for (int i = 0; i < 33; i++)
		at += (size_t)snprintf(devices + at, sizeof(devices) - at, "%s{}", i ? "," : "");
	snprintf(devices + at, sizeof(devices) - at, "]}]");
	cr_expect_eq(report_of(devices), -EINVAL, "33 interfaces of one device");
	snprintf(one, sizeof(one), "{\"interfaces\":[{},{},{},{},{},{},{},{}],\"media\":[{\"mounts\":[]}]}");
	at = (size_t)snprintf(devices, sizeof(devices), "[");
	for (int i = 0; i < 200; i++)
		at += (size_t)snprintf(devices + at, sizeof(devices) - at, "%s%s", i ? "," : "", one);
	snprintf(devices + at, sizeof(devices) - at, "]");
	cr_expect_eq(report_of(devices), -EINVAL, "2000 rows in all");
	snprintf(devices, sizeof(devices), "[%s,%s]", one, one);
	cr_expect_eq(report_of(devices), 0);
}

Test(message, report)
{
	cr_assert_eq(report(REPORT("[]", "[]", "")), 0);
	cr_assert_eq(report(REPORT("[{\"id\":\"screen-lock\",\"state\":\"in-grace\"}]", "[{}]",
	                           ",\"os\":\"x\",\"grants_version\":3,\"new\":[1]")),
	             0);
	cr_assert_eq(report(REPORT("[{\"id\":\"screen-lock\",\"state\":\"silent\"}]", "[]", "")), -EINVAL,
	             "the server's word");
	cr_assert_eq(report(REPORT("[{\"id\":\"screen-lock\",\"state\":\"fine\"}]", "[]", "")), -EINVAL);
	cr_assert_eq(report(REPORT("[{\"id\":\"a b\",\"state\":\"compliant\"}]", "[]", "")), -EINVAL);
	cr_assert_eq(report(REPORT("[{\"state\":\"compliant\"}]", "[]", "")), -EINVAL);
	cr_assert_eq(report(REPORT("[1]", "[]", "")), -EINVAL);
	cr_assert_eq(report(REPORT("{}", "[]", "")), -EINVAL);
	cr_assert_eq(report(REPORT("[]", "[1]", "")), -EINVAL);
	cr_assert_eq(report(REPORT("[]", "{}", "")), -EINVAL);
	cr_assert_eq(report(REPORT("[]", "[]", ",\"os\":5")), -EINVAL);
	cr_assert_eq(report(REPORT("[]", "[]", ",\"grants_version\":-1")), -EINVAL);
	cr_assert_eq(report("{\"version\":\"1\"}"), -EINVAL);
	cr_assert_eq(report("[]"), -EINVAL);
}

#define CSR "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static int enrol(const char *text)
{
	struct sk_msg_enrol m = {0};
	struct sk_err err = SK_ERR_INIT;
	int r = sk_msg_enrol(text, strlen(text), &m, &err);

	cr_assert(r == 0 || (m.doc == NULL && err.text[0] != '\0'));
	sk_msg_enrol_clear(&m);
	return r;
}

Test(message, enrol)
{
	cr_assert_eq(enrol("{\"token\":\"t\",\"host\":\"pc-1\",\"csr\":\"" CSR "\"}"), 0);
	cr_assert_eq(enrol("{\"token\":\"t\",\"host\":\"pc-1\",\"asset\":null,\"csr\":\"" CSR "\"}"), 0);
	cr_assert_eq(enrol("{\"token\":\"t\",\"host\":\"pc-1\",\"asset\":\"備品-12\",\"csr\":\"" CSR "\"}"), 0);
	cr_assert_eq(enrol("{\"token\":\"\",\"host\":\"pc-1\",\"csr\":\"" CSR "\"}"), -EINVAL);
	cr_assert_eq(enrol("{\"token\":\"t\",\"host\":\"pc 1\",\"csr\":\"" CSR "\"}"), -EINVAL);
	cr_assert_eq(enrol("{\"token\":\"t\",\"host\":\"-\",\"csr\":\"" CSR "\"}"), -EINVAL);
	cr_assert_eq(enrol("{\"token\":\"t\",\"host\":\"pc\",\"asset\":\"a\\u001b\",\"csr\":\"" CSR "\"}"), -EINVAL);
	cr_assert_eq(enrol("{\"token\":\"t\",\"host\":\"pc\",\"csr\":\"c\"}"), -EINVAL);
	cr_assert_eq(enrol("{\"token\":\"t\\u0000\",\"host\":\"pc\",\"csr\":\"" CSR "\"}"), -EINVAL);
	cr_assert_eq(enrol("[]"), -EINVAL);
	cr_assert_eq(enrol(""), -EINVAL);
}

Test(message, renew)
{
	static const char good[] = "{\"csr\":\"" CSR "\"}", bad[] = "{\"csr\":5}";
	struct sk_err err = SK_ERR_INIT;
	json_t *doc = NULL;
	const char *csr;

	cr_assert_eq(sk_msg_renew(good, strlen(good), &doc, &csr, &err), 0);
	cr_assert_str_eq(csr, CSR);
	json_decref(doc);
	doc = NULL;
	cr_assert_eq(sk_msg_renew(bad, strlen(bad), &doc, &csr, &err), -EINVAL);
	cr_assert_null(doc);
}
